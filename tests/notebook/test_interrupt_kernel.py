"""The stop button ends a cell at once, at any moment, and no id of a paid task is lost."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.notebook.kernels import UNTIL_OVER, Kernel, Message
from tests.notebook.running import SMALL, paid, wait_until

if TYPE_CHECKING:
    from seedream_nb import Sandbox

pytestmark = pytest.mark.slow

AT_ONCE = 5.0  # seconds, on a busy machine


def interrupt(kernel: Kernel, cell: str) -> tuple[str, str]:
    """Interrupts a cell that must then end at once; its error's name and text."""
    begin = time.monotonic()
    kernel.interrupt()
    messages = kernel.finish(cell)
    assert time.monotonic() - begin < AT_ONCE
    return read_error(messages)


def read_error(messages: list[Message]) -> tuple[str, str]:
    error = messages[-1]
    assert error.kind == "error"
    text = re.sub(r"\x1b\[\d+m", "", "\n".join(error.content["traceback"]))
    assert "Traceback" not in text
    return error.content["ename"], text


def assert_all_is_kept(kernel: Kernel, sandbox: Sandbox, ids: list[str]) -> None:
    """The ids are where Python finds them, and nothing more is sent."""
    sent = len(sandbox.requests)
    assert kernel.value("[task.id for task in _ if task.id]") == f"{ids}\n"
    assert kernel.value("[task.id for task in made if task.id]") == f"{ids}\n"
    kernel.run(UNTIL_OVER)
    assert len(sandbox.requests) == sent
    assert sandbox.open_requests == 0


def open_ids(error: str) -> list[str]:
    (line,) = re.findall(r"%seedream wait (.*)", error)
    return str(line).split()


def test_while_waiting(kernel: Kernel, sandbox: Sandbox) -> None:
    done = sandbox.add_task("a cat", size="64x64")
    going = [sandbox.add_task(f"number {number}", size="64x64", ready_in=None) for number in range(2)]
    cell = kernel.start(f"%seedream wait {done} {' '.join(going)} --out made")
    kernel.read_until(lambda message: "✓ succeeded" in message.text)
    name, error = interrupt(kernel, cell)
    assert name == "InterruptedWait"
    assert "Interrupted with 2 of 3 tasks unfinished." in error
    assert open_ids(error) == going
    assert_all_is_kept(kernel, sandbox, [done, *going])
    shown = [message for message in kernel.messages if message.cell == cell and message.kind == "display_data"]
    assert "data:image/jpeg;base64," in shown[-1].content["data"]["text/html"]


def test_before_the_first_response(kernel: Kernel, sandbox: Sandbox) -> None:
    going = sandbox.add_task(ready_in=None)
    sandbox.faults.add("latency", on="tasks", seconds=3, times=1)
    cell = kernel.start(f"%seedream wait {going} --out made")
    wait_until(lambda: sandbox.open_requests)
    name, error = interrupt(kernel, cell)
    assert (name, open_ids(error)) == ("InterruptedWait", [going])
    wait_until(lambda: not sandbox.open_requests)
    assert_all_is_kept(kernel, sandbox, [going])


def test_while_a_generation_runs(kernel: Kernel, sandbox: Sandbox) -> None:
    sandbox.settings.generation_seconds = 3600
    cell = kernel.start(f"%seedream generate a cat {SMALL} --takes 6 --out made")
    kernel.read_until(lambda message: "4 running · 2 waiting" in message.text)
    name, error = interrupt(kernel, cell)
    assert name == "InterruptedWait"
    assert "Interrupted after sending 4 of 6 requests: 4 in progress." in error
    assert "Requests 5-6 were not sent, so not paid for." in error
    ids = open_ids(error)
    assert sorted(ids) == sorted(sandbox.task_ids[-4:])
    assert_all_is_kept(kernel, sandbox, ids)
    assert paid(sandbox) == 4


def test_while_requests_are_in_flight(kernel: Kernel, sandbox: Sandbox) -> None:
    sandbox.settings.generation_seconds = 3600
    sandbox.faults.add("latency", on="images", seconds=1)
    cell = kernel.start(f"%seedream generate a cat {SMALL} --takes 6 --out made")
    wait_until(lambda: sandbox.open_requests == 4)
    name, error = interrupt(kernel, cell)
    # What had left may have been paid for, so its answers were waited for.
    ids = open_ids(error)
    assert name == "InterruptedWait"
    assert sorted(ids) == sorted(sandbox.task_ids[-4:])
    assert_all_is_kept(kernel, sandbox, ids)
    assert paid(sandbox) == 4


def test_a_second_one_gives_up_on_responses(kernel: Kernel, sandbox: Sandbox) -> None:
    sandbox.faults.add("latency", on="images", seconds=8)
    cell = kernel.start(f"%seedream generate a cat {SMALL} --takes 2 --out made")
    wait_until(lambda: sandbox.open_requests == 2)
    kernel.interrupt()
    assert not kernel.has_ended_within(cell, 0.5)
    _, error = interrupt(kernel, cell)
    assert "Some requests were sent but not answered." in error
    (line,) = re.findall(r"%seedream history.*", error)
    wait_until(lambda: not sandbox.open_requests)
    found = kernel.run(line)
    assert found[-1].text.startswith("2 tasks")
    assert paid(sandbox) == 2


@pytest.mark.parametrize("command", ["get", "wait"])
def test_while_images_are_fetched(kernel: Kernel, sandbox: Sandbox, command: str) -> None:
    task_id = sandbox.add_task("a cat", size="64x64")
    fault = sandbox.faults.add("latency", on="downloads", seconds=10)
    cell = kernel.start(f"%seedream {command} {task_id} --out made")
    wait_until(lambda: len(sandbox.requests.of_kind("tasks")) == 1 and sandbox.open_requests == 1)
    name, error = interrupt(kernel, cell)
    assert name == "InterruptedWait"
    assert "%seedream wait" not in error  # there is nothing to wait for
    assert "Fetch the other 1 image: %seedream last" in error
    assert kernel.value("[task.id for task in _]") == kernel.value("[task.id for task in made]") == f"['{task_id}']\n"
    sandbox.faults.remove(fault)
    shown = kernel.run("%seedream last")[-1]
    assert "data:image/jpeg;base64," in shown.content["data"]["text/html"]


@pytest.mark.parametrize("command", ["get {ids}", "history --limit 3", "last", "wait {ids}"])
def test_images_that_were_visible_stay(kernel: Kernel, sandbox: Sandbox, command: str) -> None:
    ids = [sandbox.add_task(f"number {number}", size="64x64") for number in range(3)]
    kernel.run(f"ids = {ids}\nmade = %seedream history --limit 3 --json")
    sandbox.faults.add("latency", on="downloads", match=ids[1], seconds=20)
    cell = kernel.start(f"%seedream {command}")
    kernel.read_until(lambda message: message.text.count("✓ succeeded") == 2)
    sent = len(sandbox.requests)
    _, error = interrupt(kernel, cell)
    shown = [message for message in kernel.messages if message.cell == cell and message.kind == "display_data"][-1]
    assert shown.content["data"]["text/html"].count("data:image/jpeg;base64,") == 2
    assert shown.text.count("✓ succeeded") == 2
    assert shown.text.count("○ not fetched") == 1
    assert "Fetch the other 1 image: %seedream last" in error
    assert len(sandbox.requests) == sent


@pytest.mark.parametrize("directory", ["out", "it's {mine}"])
def test_while_originals_are_saved(kernel: Kernel, sandbox: Sandbox, directory: str) -> None:
    ids = [sandbox.add_task(f"number {number}", size="64x64") for number in range(2)]
    kernel.run(f"ids, directory = {ids}, {directory!r}")
    # The first downloads are for the gallery.
    fault = sandbox.faults.add("latency", on="downloads", match=ids[1], after=1, seconds=10)
    cell = kernel.start("%seedream get {ids} --save {directory}")
    wait_until(lambda: len(sandbox.requests.of_kind("downloads")) >= 3 and sandbox.open_requests == 1)
    _, error = interrupt(kernel, cell)
    assert "Interrupted while saving originals." in error
    (line,) = re.findall(r"Save the rest: (%seedream last --save .*)", error)
    sandbox.faults.remove(fault)
    assert kernel.run(line)[0].text.startswith(f"2 images and 2 records in {directory}")


def test_while_images_of_a_generation_are_fetched(kernel: Kernel, sandbox: Sandbox) -> None:
    sandbox.faults.add("latency", on="downloads", seconds=10)
    cell = kernel.start(f"%seedream generate a cat {SMALL} --out made")
    kernel.read_until(lambda message: "1 of 1 done" in message.text)
    wait_until(lambda: sandbox.open_requests == 1)
    name, error = interrupt(kernel, cell)
    assert (name, "%seedream last" in error) == ("InterruptedWait", True)
    assert kernel.value("[task.id for task in _]") == kernel.value("[task.id for task in made]")
    assert paid(sandbox) == 1


PATIENT = "from seedream_nb.notebook import live; usual, live.SECONDS_BEFORE_DRAWING = live.SECONDS_BEFORE_DRAWING, 60"
IMPATIENT = "live.SECONDS_BEFORE_DRAWING = usual"


def test_before_anything_is_sent(kernel: Kernel, sandbox: Sandbox) -> None:
    image = image_link(kernel, sandbox)
    wait_until(lambda: not sandbox.open_requests)
    sandbox.faults.add("latency", on="downloads", seconds=10)
    kernel.run(PATIENT)  # its requests leave after the image before, however late the interrupt comes
    try:
        cell = kernel.start(f"%seedream edit {image} make it night --model 4.0 --out made")
        wait_until(lambda: sandbox.open_requests == 1)
        name, error = interrupt(kernel, cell)
    finally:
        kernel.run(IMPATIENT)
    assert name == "InterruptedWait"
    assert "Interrupted before anything was sent; nothing was paid for." in error
    assert paid(sandbox) == 0


def image_link(kernel: Kernel, sandbox: Sandbox) -> str:
    """The link of an image at the sandbox."""
    kernel.run(f"found = %seedream get {sandbox.add_task(size='64x64')}")
    return kernel.value("found.images[0].url").strip()
