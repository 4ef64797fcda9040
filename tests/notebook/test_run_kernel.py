"""`%seedream run` in real kernels: progress in place, the stop button, other cells meanwhile, a kernel that dies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.notebook.kernels import UNTIL_OVER, Kernel, Message, Runner, open_kernel
from tests.notebook.running import SMALL, paid, wait_until
from tests.servers import finish_tasks

if TYPE_CHECKING:
    from pathlib import Path

    from seedream_nb import Sandbox

pytestmark = pytest.mark.slow

ROWS = 'rows = [{"animal": name} for name in ("cat", "dog", "fox", "cow", "owl", "hen")]'
LINE = f'%seedream run rows --name pets --prompt "a white {{animal}}" {SMALL} --in-flight 3'


def settings(sandbox: Sandbox, library: Path) -> dict[str, str]:
    return {
        "ACEDATACLOUD_API_TOKEN": sandbox.token,
        "ACEDATACLOUD_API_BASE_URL": sandbox.url,
        "SEEDREAM_LIBRARY": str(library),
        "SEEDREAM_SETTLING_TIME": "0",
    }


def shows_images(message: Message) -> bool:
    """Whether a message is about the strip of images, and it has several."""
    strip = str(message.content.get("data", {}).get("text/html", ""))
    return message.kind == "update_display_data" and strip.count("<img") > 1 and 'alt="a white ' in strip


@pytest.fixture
def kernel(shared_kernel: Kernel, sandbox: Sandbox, tmp_path: Path) -> Kernel:
    """A kernel as good as new, with a library, that talks to a sandbox in this process."""
    shared_kernel.reset(settings(sandbox, tmp_path / "library"))
    shared_kernel.run(ROWS)
    return shared_kernel


def test_progress_is_shown_in_place_and_only_the_run_is_left(runner: Runner) -> None:
    start = "%load_ext seedream_nb\n%seedream sandbox --seconds 0.3"
    _, _, first, again = runner.execute(start, ROWS, LINE, f"run = {LINE}\nrun.finish()")
    (output,) = first.outputs
    assert output.output_type == "execute_result"
    assert "pets · 6 of 6 done · 6 images" in output.data["text/plain"]
    assert "<progress" not in output.data["text/html"]
    *empty, gallery = again.outputs
    assert [one.data for one in empty] == [{}] * len(empty)
    assert gallery.data["text/plain"].startswith("6 tasks · 6 images")


def test_the_line_and_the_images_are_updated_in_place(kernel: Kernel, sandbox: Sandbox) -> None:
    sandbox.settings.generation_seconds = 3600
    cell = kernel.start(LINE)
    wait_until(lambda: paid(sandbox) == 3)
    finish_tasks(sandbox)
    kernel.read_until(shows_images)  # of the first three, while the others are being generated
    wait_until(lambda: paid(sandbox) == 6)
    finish_tasks(sandbox)
    messages = kernel.finish(cell)
    created = [message for message in messages if message.kind == "display_data"]
    assert len(created) == 2
    ids = {message.display_id for message in created}
    updates = [message for message in messages if message.kind == "update_display_data"]
    assert {message.display_id for message in updates} <= ids
    lines = [message.text for message in updates if " of 6 done" in message.text]
    assert lines[0].startswith("pets · 0 of 6 done")
    assert any("/min" in line for line in lines)


def test_the_stop_button_loses_nothing_and_the_same_line_continues(kernel: Kernel, sandbox: Sandbox) -> None:
    sandbox.settings.generation_seconds = 3600
    cell = kernel.start(LINE.replace("--in-flight 3", "--in-flight 2"))
    wait_until(lambda: paid(sandbox) == 2)
    finish_tasks(sandbox)
    kernel.read_until(lambda message: "2 of 6 done" in message.text)
    kernel.interrupt()
    *shown, error = kernel.finish(cell)
    assert error.content["ename"] == "InterruptedWait"
    assert "Run the cell again to continue." in "\n".join(error.content["traceback"])
    assert any("not sent" in message.text for message in shown)
    assert kernel.value("type(_).__name__") == "Run\n"
    sent = paid(sandbox)
    kernel.run(UNTIL_OVER)
    assert paid(sandbox) == sent < 6
    sandbox.settings.generation_seconds = 0
    finish_tasks(sandbox)
    assert any("6 of 6 done" in message.text for message in kernel.run(LINE))
    assert paid(sandbox) == 6


def test_in_the_background_the_progress_stays_in_its_cell(kernel: Kernel, sandbox: Sandbox) -> None:
    sandbox.settings.generation_seconds = 3600
    cell = kernel.start(f"{LINE} --background")
    kernel.finish(cell)
    assert [message.text for message in kernel.run("1 + 1") if message.cell != cell] == ["2"]
    wait_until(lambda: paid(sandbox) == 3)
    sandbox.settings.generation_seconds = 0
    finish_tasks(sandbox)
    last = kernel.read_until(lambda message: "pets · 6 of 6 done · 6 images" in message.text)
    assert last.cell == cell
    kernel.run(UNTIL_OVER)
    shown = [message for message in kernel.messages if message.cell == cell and message.kind == "display_data"]
    assert len(shown) == 2
    assert paid(sandbox) == 6


def test_a_kernel_that_dies_loses_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.settings.generation_seconds = 3600
    environment = f"import os; os.environ.update({settings(sandbox, tmp_path / 'library')!r})\n{ROWS}"
    with open_kernel(tmp_path / "home") as kernel:
        kernel.run(environment)
        kernel.start(LINE)
        wait_until(lambda: paid(sandbox) == 3)
        kernel.kill()
    sandbox.settings.generation_seconds = 0
    finish_tasks(sandbox)
    with open_kernel(tmp_path / "home") as kernel:
        kernel.run(environment)
        assert any("unfinished" in message.text for message in kernel.run("%seedream run"))
        # By its name, without its table.
        assert any("pets · 6 of 6 done · 6 images" in message.text for message in kernel.run("%seedream run pets"))
    assert paid(sandbox) == 6
