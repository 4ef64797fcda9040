"""A running cell updates its output in place; a finished one holds only the finished gallery."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.notebook.running import SMALL

if TYPE_CHECKING:
    from tests.notebook.kernels import Kernel, Runner

START = "%load_ext seedream_nb\n%seedream sandbox --seconds 0"
SANDBOX = "sandbox = get_ipython().magics_manager.registry['SeedreamMagics']._session.sandbox"
TWO = f'%seedream generate "a cat" "a dog" {SMALL}'


pytestmark = pytest.mark.slow


@pytest.fixture
def kernel(shared_kernel: Kernel) -> Kernel:
    shared_kernel.reset({})
    shared_kernel.run("%seedream sandbox --seconds 1")
    return shared_kernel


class TestFinishedCells:
    def test_only_the_gallery_is_left(self, runner: Runner) -> None:
        sources = {
            "line": f"# the animals\n\n{TWO}",
            "cell": f"%%seedream generate {SMALL}\na cat\n---\na dog",
            "stream": f"%seedream generate a cat {SMALL} --stream --max-images 2",
            "wait": "%seedream wait {made}",
            "history": "%seedream history --limit 2",
            "last": "%seedream last",
        }
        started = f"g = %seedream generate a cat {SMALL} --no-wait\nmade = [task.id for task in g]"
        _, _, *cells = runner.execute(START, started, *sources.values())
        for name, cell in zip(sources, cells, strict=True):
            (output,) = cell.outputs
            assert output.output_type == "execute_result", name
            assert set(output.data) == {"text/html", "text/plain"}, name
            assert "data:image/jpeg;base64," in output.data["text/html"], name
            assert "<progress" not in output.data["text/html"], name

    def test_an_assigned_or_silenced_command_leaves_no_output(self, runner: Runner) -> None:
        _, assigned, silenced = runner.execute(START, f"g = {TWO}", f"{TWO};")
        assert assigned.outputs == silenced.outputs == []

    def test_what_was_printed_before_stays(self, runner: Runner) -> None:
        _, cell = runner.execute(START, f"print('before')\n{TWO}")
        printed, *empty, gallery = cell.outputs
        assert printed.text == "before\n"
        assert [output.data for output in empty] == [{}] * len(empty)
        assert gallery.output_type == "execute_result"

    def test_two_in_one_cell_both_stay(self, runner: Runner) -> None:
        _, cell = runner.execute(START, f"from IPython.display import display\na = {TWO}\ndisplay(a)\nb = {TWO}\nb")
        shown = [output for output in cell.outputs if output.data]
        assert [output.output_type for output in shown] == ["display_data", "execute_result"]

    def test_each_of_a_loop_stays(self, runner: Runner) -> None:
        loop = f"for animal in ('cat', 'dog', 'fox'):\n    %seedream generate a {{animal}} {SMALL}\nprint('after')"
        _, cell = runner.execute(START, loop)
        *outputs, printed = [output for output in cell.outputs if output.get("data") != {}]
        assert printed.text == "after\n"
        assert [output.output_type for output in outputs] == ["display_data"] * 3
        for output, prompt in zip(outputs, ("a cat", "a dog", "a fox"), strict=True):
            assert prompt in output.data["text/plain"]
            assert "data:image/jpeg;base64," in output.data["text/html"]

    def test_the_first_of_several_keeps_its_place(self, runner: Runner) -> None:
        _, cell = runner.execute(START, f"{TWO}\nprint('between')\n%seedream last")
        first, printed, *empty, last = cell.outputs
        assert (first.output_type, printed.text, last.output_type) == ("display_data", "between\n", "execute_result")
        assert [output.data for output in empty] == [{}] * len(empty)

    def test_a_failed_one_shows_the_gallery_and_then_the_error(self, runner: Runner) -> None:
        _, cell = runner.execute(START, f'%seedream generate "a forbidden cat" {SMALL}', allow_errors=True)
        gallery, error = cell.outputs
        assert gallery.output_type == "display_data"
        assert "InputTextSensitiveContentDetected" in gallery.data["text/plain"]
        assert (error.output_type, error.ename) == ("error", "ModerationError")

    def test_a_warning_is_not_wiped_away(self, runner: Runner) -> None:
        _, cell = runner.execute(START, "%seedream generate a cat --model doubao-seedream-5-0-260128 --no-wait")
        first, *empty, gallery = cell.outputs
        assert first.data["text/plain"].startswith("UnknownModelWarning: ")
        assert [output.data for output in empty] == [{}] * len(empty)
        assert gallery.output_type == "execute_result"

    @pytest.mark.parametrize("line", ["generate cat --size 1K", "generate cat --takes 9", "wait", "edit gone make it"])
    def test_a_rejected_command_shows_only_the_error(self, runner: Runner, line: str) -> None:
        _, cell = runner.execute(START, f"%seedream {line}", allow_errors=True)
        (error,) = cell.outputs
        assert (error.output_type, error.ename) == ("error", "UsageError")
        assert len(error.traceback) <= 3


class TestWhileItRuns:
    def test_displays_are_updated_in_place(self, kernel: Kernel) -> None:
        # The others are drawn before it, also on a busy machine.
        kernel.run(f"{SANDBOX}\n_ = sandbox.faults.add('latency', on='images', match='a hen', seconds=4)")
        messages = kernel.run(f'%seedream generate "a cat" "a dog" "a fox" "an owl" "a hen" {SMALL}')
        displays = [message for message in messages if message.kind == "display_data"]
        updates = [message for message in messages if message.kind == "update_display_data"]
        assert [message.content["data"] for message in displays] == [{}, {}]
        line, gallery = (message.display_id for message in displays)
        assert line
        assert gallery
        assert line != gallery
        assert {message.display_id for message in updates} == {line, gallery}
        assert Counter(message.kind for message in messages)["execute_result"] == 1
        # Before anything is sent, it is said what will be.
        assert updates[0].text == "0 of 5 done · 5 waiting · 0 s · 5 requests (5 prompts) to the sandbox"
        assert updates[1].text.count("○ waiting") == 5
        # One tile after another fills in.
        shown = [update for update in updates if update.display_id == gallery]
        filled = [message.text.count("✓ succeeded") for message in (*shown, messages[-1])]
        assert filled == sorted(filled)
        assert (filled[0], filled[-1]) == (0, 5)
        assert any(0 < count < 5 for count in filled)
        counts = [update.text for update in updates if update.display_id == line]
        assert any(" running" in text for text in counts)
        assert counts[-1].startswith("5 of 5 done · ")
        # The page does not jump: the output is cleared when the next one comes.
        assert [message.content for message in messages if message.kind == "clear_output"] == [{"wait": True}]
        assert messages[-1].kind == "execute_result"

    def test_the_gallery_is_updated_only_on_changes(self, kernel: Kernel) -> None:
        messages = kernel.run(f"%seedream generate a cat {SMALL}")
        _, gallery = (message.display_id for message in messages if message.kind == "display_data")
        drawn = [message.text for message in messages if message.display_id == gallery and message.text]
        # Waiting, pending once or twice, as more of it is known, and finished.
        assert 2 <= len(drawn) <= 4

    def test_a_slow_image_delays_neither_the_counts_nor_other_images(self, kernel: Kernel) -> None:
        kernel.run(f"{SANDBOX}\n_ = sandbox.faults.add('latency', on='downloads', seconds=6, times=1)")
        # The fifth is sent when one of the first is finished, so that they come in two rounds.
        messages = kernel.run(f'%seedream generate "a cat" "a dog" "a fox" "an owl" "a hen" {SMALL}')
        line, gallery = (message.display_id for message in messages if message.kind == "display_data")
        drawn = [message.text for message in messages if message.display_id == gallery]
        assert any("5. ✓ succeeded" in text and "◔ fetching" in text for text in drawn)
        counts = [message.text for message in messages if message.display_id == line]
        assert len([text for text in counts if text.startswith("5 of 5 done")]) >= 2
        # What was fetched meanwhile is not fetched again for the end.
        asked = kernel.run("len(sandbox.requests.of_kind('downloads'))")
        assert asked[-1].text == "5"
        assert "◔ fetching" not in messages[-1].text

    @pytest.mark.parametrize("command", ["get {ids}", "history --limit 3", "last"])
    def test_stored_tasks_fill_in_tile_by_tile(self, kernel: Kernel, command: str) -> None:
        kernel.run(
            f"{SANDBOX}\nids = [sandbox.add_task(f'number {{number}}', size='64x64') for number in range(3)]\n"
            "made = %seedream history --limit 3 --json\n"
            "for seconds, task_id in enumerate(ids, 1):\n"
            "    fault = sandbox.faults.add('latency', on='downloads', match=task_id, seconds=2 * seconds)"
        )
        messages = kernel.run(f"%seedream {command}")
        first, *updates, clear, final = messages
        assert (first.kind, first.content["data"]) == ("display_data", {})
        assert {(message.kind, message.display_id) for message in updates} == {
            ("update_display_data", first.display_id)
        }
        # The first image is seen before the slowest has come.
        assert [message.text.count("◔ fetching") for message in updates] == [3, 2, 1]
        assert updates[0].text.startswith("3 tasks · 3 images · 3 fetching\n")
        assert (clear.kind, clear.content) == ("clear_output", {"wait": True})
        assert final.kind == "execute_result"
        assert final.content["data"]["text/html"].count("data:image/jpeg;base64,") == 3

    def test_what_comes_soon_is_shown_once(self, kernel: Kernel) -> None:
        kernel.run(f"{SANDBOX}\nids = [sandbox.add_task(size='64x64') for _ in range(3)]")
        kernel.run("%seedream get {ids}")
        assert [message.kind for message in kernel.run("%seedream get {ids}")] == ["execute_result"]

    def test_in_a_loop_each_fills_in_and_stays(self, runner: Runner) -> None:
        slow = (
            f"{SANDBOX}\nids = [sandbox.add_task(size='64x64') for _ in range(2)]\n"
            "fault = sandbox.faults.add('latency', on='downloads', seconds=1)"
        )
        _, _, cell = runner.execute(START, slow, "for task_id in ids:\n    %seedream get {task_id}\nprint('after')")
        *outputs, printed = [output for output in cell.outputs if output.get("data") != {}]
        assert printed.text == "after\n"
        assert [output.output_type for output in outputs] == ["display_data"] * 2
        assert all("data:image/jpeg;base64," in output.data["text/html"] for output in outputs)

    def test_a_failed_poll_is_shown_meanwhile(self, kernel: Kernel) -> None:
        kernel.run(f"{SANDBOX}\n_ = sandbox.faults.add('server_error', on='tasks', times=2)")
        messages = kernel.run(f"%seedream generate a cat {SMALL}")
        assert any("Retrying." in message.text for message in messages)
        assert messages[-1].kind == "execute_result"
