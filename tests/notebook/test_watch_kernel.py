"""A watch draws into its own cell from the background; only a front end's view shows whether others are affected."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.notebook.kernels import OUR_THREADS, UNTIL_OVER, Kernel
from tests.notebook.running import wait_until
from tests.servers import finish_tasks

if TYPE_CHECKING:
    from seedream_nb import Sandbox

pytestmark = pytest.mark.slow


def test_its_output_goes_to_its_own_cell(kernel: Kernel, sandbox: Sandbox) -> None:
    going = sandbox.add_task("a cat", size="64x64", ready_in=None)
    watching = kernel.start(f"%seedream watch {going} --out watched")
    begun = kernel.finish(watching)
    # The cell is over long before the task is.
    assert [message.content["data"] for message in begun if message.kind == "display_data"] == [{}, {}]
    line, gallery = (message.display_id for message in begun if message.kind == "display_data")
    first, second = kernel.start("print('one')"), kernel.start("print('two')\n2 * 21")
    kernel.finish(second)
    assert "1 of 1 done" not in "".join(message.text for message in kernel.messages)
    sandbox.add_task("a cat", size="64x64", task_id=going)  # finished
    kernel.read_until(lambda message: "✓ succeeded" in message.text)
    last = kernel.start(UNTIL_OVER)
    assert kernel.finish(last) == []
    for cell, text in ((first, "one\n"), (second, "two\n42")):
        assert "".join(message.text for message in kernel.messages if message.cell == cell) == text
    # Whatever came later changes the two displays of its own cell, and names that cell.
    drawn = [message for message in kernel.messages if message.display_id]
    assert {message.display_id for message in drawn} == {line, gallery}
    assert {message.cell for message in drawn} == {watching}
    assert [message.content["data"] for message in drawn if message.display_id == line][-1] == {}
    assert (
        "data:image/jpeg;base64,"
        in [each for each in drawn if each.display_id == gallery][-1].content["data"]["text/html"]
    )
    assert not [message for message in kernel.messages if message.kind == "clear_output"]
    assert kernel.value("watched[0].status") == "succeeded\n"


def test_it_leaves_no_thread_and_no_task_of_the_event_loop(kernel: Kernel, sandbox: Sandbox) -> None:
    count = "len(__import__('asyncio').all_tasks())"
    before = kernel.value(count)
    kernel.run(f"%seedream watch {sandbox.add_task(size='64x64')}")
    kernel.run(UNTIL_OVER)
    assert kernel.value(OUR_THREADS) == "[]\n"
    assert kernel.value(count) == before


def test_an_interrupt_of_another_cell_does_not_end_it(kernel: Kernel, sandbox: Sandbox) -> None:
    going = sandbox.add_task(size="64x64", ready_in=None)
    kernel.run(f"%seedream watch {going} --out watched")
    other = kernel.start("print('busy', flush=True)\nwhile True: pass")
    kernel.read_until(lambda message: message.text.startswith("busy"))  # its line end may come by itself
    kernel.interrupt()
    assert kernel.finish(other)[-1].content["ename"] == "KeyboardInterrupt"
    finish_tasks(sandbox)
    kernel.run(UNTIL_OVER)
    assert kernel.value("watched[0].status") == "succeeded\n"


def test_stopping_keeps_the_output(kernel: Kernel, sandbox: Sandbox) -> None:
    done, going = sandbox.add_task(size="64x64"), sandbox.add_task(size="64x64", ready_in=None)
    kernel.run(f"%seedream watch {done} {going}")
    kernel.read_until(lambda message: "✓ succeeded" in message.text)
    kernel.run("%seedream watch --stop")
    assert kernel.value(OUR_THREADS) == "[]\n"
    drawn = [message for message in kernel.messages if message.kind == "update_display_data"]
    assert any("✓ succeeded" in message.text and "○ pending" in message.text for message in drawn[-2:])
    wait_until(lambda: not sandbox.open_requests)
    asked = len(sandbox.requests)
    kernel.run("1 + 1")
    assert len(sandbox.requests) == asked


# Any front end may break a drawing: the image libraries, the memory, the connection to the page.
BREAK_DRAWING = """
from unittest.mock import patch
from seedream_nb import Gallery
broken = [patch.object(Gallery, name, side_effect=RuntimeError("the page is gone")) for name in {names}]
for each in broken:
    each.start()
"""
MEND_DRAWING = "for each in broken: each.stop()"


def watch_to_the_end(kernel: Kernel, task_id: str) -> list[str]:
    """The texts that a watch shows in its cell."""
    watching = kernel.start(f"%seedream watch {task_id} --out watched")
    kernel.finish(watching)
    kernel.run(UNTIL_OVER)
    kernel.run(MEND_DRAWING)
    return [message.text for message in kernel.messages if message.cell == watching]


def test_a_rendering_failure_is_shown(kernel: Kernel, sandbox: Sandbox) -> None:
    kernel.run(BREAK_DRAWING.format(names=["live_bundle"]))
    task_id = sandbox.add_task(size="64x64")
    texts = watch_to_the_end(kernel, task_id)
    assert any("RuntimeError: the page is gone" in text for text in texts)
    assert kernel.value("watched[0].id") == f"{task_id}\n"


def test_if_rendering_always_fails_the_text_is_shown(kernel: Kernel, sandbox: Sandbox) -> None:
    kernel.run(BREAK_DRAWING.format(names=["live_bundle", "_repr_mimebundle_"]))
    task_id = sandbox.add_task(size="64x64")
    texts = watch_to_the_end(kernel, task_id)
    assert any("RuntimeError: the page is gone" in text for text in texts)
    assert any(task_id in text for text in texts)
