"""`%seedream generate`: a prompt becomes images, each paid for once, and the result is an ordinary value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from seedream_nb import Gallery, TaskStatus
from seedream_nb.core.errors import UsageError
from seedream_nb.core.text import escape_variables
from tests.examples import examples
from tests.notebook.running import SMALL, is_typable, paid, run, run_gallery, seen

if TYPE_CHECKING:
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox


class TestOneImage:
    def test_a_line_returns_a_gallery(self, shell: InteractiveShell, service: Sandbox) -> None:
        gallery = run_gallery(shell, f'%seedream generate "a white siamese cat" {SMALL}')
        assert [(task.prompt, task.status) for task in gallery] == [("a white siamese cat", TaskStatus.SUCCEEDED)]
        assert gallery.images[0].size == "960x960"
        assert shell.user_ns["_"] is gallery
        assert paid(service) == 1

    def test_a_cell_holds_the_prompt(self, shell: InteractiveShell, service: Sandbox) -> None:
        gallery = run_gallery(shell, f"%%seedream generate {SMALL}\n\n  a cat in {{{{a}}}} box,\n  of $5  \n\n")
        assert gallery[0].prompt == "a cat in {a} box,\n  of $5"
        assert paid(service) == 1

    def test_it_can_be_assigned(self, shell: InteractiveShell, service: Sandbox) -> None:
        run(shell, f"g = %seedream generate a cat {SMALL}")
        assert shell.user_ns["g"][0].prompt == "a cat"
        assert paid(service) == 1

    def test_python_variables_expand_on_the_line(self, shell: InteractiveShell, service: Sandbox) -> None:
        shell.user_ns["animal"] = "fox"
        assert run_gallery(shell, f'%seedream generate "a {{animal}}" {SMALL}')[0].prompt == "a fox"
        assert paid(service) == 1

    def test_out_names_a_variable(self, shell: InteractiveShell, service: Sandbox) -> None:
        gallery = run_gallery(shell, f"%%seedream generate {SMALL} --out made --columns 2\na cat")
        assert shell.user_ns["made"] is gallery
        assert gallery.options.columns == 2
        assert paid(service) == 1

    def test_json_gives_the_records(self, shell: InteractiveShell, service: Sandbox) -> None:
        records = run(shell, f"%seedream generate a cat {SMALL} --json")
        assert isinstance(records, dict)
        ((task_id, record),) = records.items()
        assert record["id"] == task_id == service.task_ids[-1]
        assert record["request"]["prompt"] == "a cat"

    def test_save_keeps_the_originals(self, shell: InteractiveShell, service: Sandbox, tmp_path: Path) -> None:
        run(shell, f"%seedream generate a cat {SMALL} --save {tmp_path / 'out'}")
        image, record = sorted((tmp_path / "out").iterdir())
        assert (image.name[:6], image.suffix, record.suffix) == ("a-cat-", ".jpg", ".json")
        assert paid(service) == 1

    def test_save_into_a_file_is_rejected_before_anything_is_sent(
        self, shell: InteractiveShell, service: Sandbox
    ) -> None:
        with pytest.raises(UsageError, match=r"'cats\.pdf' looks like a file.+gallery\.contact_sheet\('cats\.pdf'\)"):
            run(shell, f"%seedream generate a cat {SMALL} --save cats.pdf")
        assert paid(service) == 0

    def test_a_semicolon_suppresses_the_output(
        self, shell: InteractiveShell, service: Sandbox, capsys: pytest.CaptureFixture[str]
    ) -> None:
        capsys.readouterr()
        run(shell, f"%seedream generate a cat {SMALL};")
        run(shell, f"%%seedream generate {SMALL} ;\na dog")
        assert capsys.readouterr().out == ""
        assert paid(service) == 2

    @pytest.mark.parametrize("prompt", ["a cat;", "it's raining (cats", '"""', "[(", "a\\"])
    def test_a_prompt_is_never_read_as_python(self, shell: InteractiveShell, service: Sandbox, prompt: str) -> None:
        gallery = run_gallery(shell, f"%%seedream generate --no-wait\n{prompt}")
        assert gallery[0].prompt == prompt
        assert paid(service) == 1

    def test_a_terminal_shows_the_gallery_and_nothing_else(
        self, shell: InteractiveShell, service: Sandbox, capsys: pytest.CaptureFixture[str]
    ) -> None:
        capsys.readouterr()
        gallery = run_gallery(shell, f"%seedream generate a cat {SMALL}")
        number = shell.execution_count - 1
        assert capsys.readouterr() == (f"Out[{number}]: \n{gallery!r}\n", "")
        assert paid(service) == 1

    def test_images_are_embedded_before_the_cell_ends(self, shell: InteractiveShell, service: Sandbox) -> None:
        gallery = run_gallery(shell, f"%seedream generate a cat {SMALL}")
        service.stop()
        assert "data:image/jpeg;base64," in gallery.to_html()


class TestNotWaiting:
    def test_it_returns_the_ids_at_once(self, shell: InteractiveShell, service: Sandbox) -> None:
        service.settings.generation_seconds = 3600
        gallery = run_gallery(shell, '%seedream generate "a cat" "a dog" --no-wait')
        assert [task.status for task in gallery] == [TaskStatus.PENDING] * 2
        assert sorted(task.id for task in gallery) == sorted(service.task_ids[-2:])
        assert paid(service) == 2
        assert service.requests.of_kind("tasks") == []


class TestStream:
    def test_a_set_arrives_image_by_image(self, shell: InteractiveShell, service: Sandbox) -> None:
        gallery = run_gallery(shell, f"%seedream generate a cat {SMALL} --stream --max-images 3")
        assert len(gallery.images) == 3
        assert gallery[0].status is TaskStatus.SUCCEEDED
        assert paid(service) == 1
        assert service.requests.of_kind("tasks") == []

    def test_records_without_an_id_do_not_hide_each_other(self, shell: InteractiveShell, service: Sandbox) -> None:
        records = run(shell, f'%seedream generate "a cat" "a dog" {SMALL} --stream --json')
        assert isinstance(records, dict)
        assert len(records) == paid(service) == 2


class TestSweep:
    def test_all_combinations_stand_in_a_table(self, shell: InteractiveShell, service: Sandbox) -> None:
        service.settings.generation_seconds = 3600
        gallery = run_gallery(
            shell, "%%seedream generate --model 4.0 4.5 --size 2K 4K --no-wait\na cat\n---\na dog asleep"
        )
        sheet = seen(gallery)
        assert sheet.labels == (
            [f"{prompt} · SeeDream {model}" for prompt in ("a cat", "a dog asleep") for model in ("4.0", "4.5")],
            ["2K", "4K"],
        )
        for tile, task in zip(sheet.tiles, gallery, strict=True):
            model = "4.0" if "4-0" in (task.model or "") else "4.5"
            assert (tile.row, tile.column) == (f"{task.prompt} · SeeDream {model}", task.size)
        assert paid(service) == 8

    def test_a_repeated_value_is_paid_for_once(self, shell: InteractiveShell, service: Sandbox) -> None:
        run(shell, "%seedream generate cat --size 2K 4K 2K --model 4.0 4.0 --no-wait")
        assert paid(service) == 2

    def test_takes_repeat_a_request(self, shell: InteractiveShell, service: Sandbox) -> None:
        gallery = run_gallery(shell, f"%seedream generate a cat {SMALL} --takes 3")
        assert seen(gallery).labels == ([], ["take 1", "take 2", "take 3"])
        assert len({task.id for task in gallery}) == paid(service) == 3

    def test_confirmed_requests_are_sent(self, shell: InteractiveShell, service: Sandbox) -> None:
        assert len(run_gallery(shell, "%seedream generate cat --takes 9 --yes --no-wait")) == 9
        assert paid(service) == 9


def test_a_dry_run_sends_nothing(shell: InteractiveShell, service: Sandbox) -> None:
    shown = str(run(shell, '%seedream generate "a cat" "a dog" --size 2K 4K --takes 3 --dry-run'))
    first, *lines = shown.splitlines()
    assert first == "12 requests (2 prompts × 2 sizes × 3 takes) to the sandbox. Nothing was sent."  # noqa: RUF001  as shown
    assert lines[0].split() == ["1.", "a", "cat", "·", "2K", "·", "take", "1"]
    assert len(lines) == 12
    assert len(service.requests) == 0


@pytest.mark.usefixtures("service")
@pytest.mark.filterwarnings("default")
def test_an_unknown_model_warns_and_is_sent(shell: InteractiveShell, capsys: pytest.CaptureFixture[str]) -> None:
    gallery = run_gallery(shell, "%seedream generate a cat --model doubao-seedream-5-0-260128 --no-wait")
    shown = capsys.readouterr()
    assert (
        "UnknownModelWarning: Unknown model 'doubao-seedream-5-0-260128'; the request is sent without checks"
        in shown.out
    )
    assert shown.err == ""
    assert gallery[0].model == "doubao-seedream-5-0-260128"


@given(prompt=st.text(min_size=1).filter(is_typable))
@settings(examples(60), suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_prompt_is_sent_unchanged(shell: InteractiveShell, service: Sandbox, prompt: str) -> None:
    before = paid(service)
    result = shell.run_cell(
        f"%%seedream generate --no-wait --again --out made\n{escape_variables(prompt)}", silent=True
    )
    result.raise_error()
    gallery = shell.user_ns["made"]
    assert isinstance(gallery, Gallery)
    assert paid(service) == before + 1
    stored = service._store.peek(gallery[0].id)
    assert stored is not None
    assert stored.request["prompt"] == prompt.strip()
