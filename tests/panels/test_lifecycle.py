"""A closed panel leaves nothing behind: no widgets, threads, or objects."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import comm
import pytest

from seedream_nb import explore
from seedream_nb.panels import jobs
from seedream_nb.panels.jobs import Jobs, Status
from tests.panels.support import QUICKLY, Connection, count_models, join_jobs, keys_of, layered

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox, SeedreamClient

ROUNDS = 8
SECONDS = 0.5
OURS = ("seedream_nb.", "ipywidgets.", "anywidget.", "traitlets.", "requests.", "urllib3.", "PIL.", "tests.")


class Browser(Connection):
    """A connection that signals when an image is sent."""

    def __init__(self, **_opening: object) -> None:
        self.image_sent = threading.Event()
        super().__init__()

    def publish_msg(self, msg_type: str, data: dict[str, Any] | None = None, *args: Any, **keys: Any) -> None:
        super().publish_msg(msg_type, data, *args, **keys)
        if data is not None and data.get("method") == "custom" and data["content"]["type"] == "image":
            self.image_sent.set()


@pytest.fixture
def browsers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every widget has a connection to a browser, as in a kernel."""
    monkeypatch.setattr(comm, "create_comm", Browser)


def use(client: SeedreamClient, task_id: str) -> list[weakref.ref[object]]:
    """Opens, shows, uses, and closes a panel; returns weak references to its parts."""
    panel = explore(client, [task_id], pace=QUICKLY)
    browser = panel.grid.comm
    panel.add(layered("whole", "red", "blue"))
    panel._ipython_display_()
    keys = keys_of(panel)
    browser.receive_custom({"type": "load", "kind": "thumbnail", "keys": keys, "seen": 0})
    panel._state.select(keys)
    panel.generate_form.prompt.value = "a cat"
    assert browser.image_sent.wait(20)
    parts = [panel, panel.grid, panel._state, *panel._state.collection.cards, *panel.tasks]
    panel.close()
    return [weakref.ref(part) for part in parts]


async def use_often(client: SeedreamClient, task_id: str, rounds: int) -> list[weakref.ref[object]]:
    """As `use`, in the event loop of a kernel; fails when a task is left in it."""
    parts: list[weakref.ref[object]] = []
    for _ in range(rounds):
        parts += use(client, task_id)
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return parts


def our_threads() -> set[threading.Thread]:
    threads = {thread for thread in threading.enumerate() if thread.name.startswith("seedream")}
    return {thread for thread in threads if not thread.name.startswith("seedream-sandbox")}


def count_objects() -> Counter[str]:
    """The number of live objects of each of our types, and of those that we use."""
    gc.collect()
    names = (f"{type(held).__module__}.{type(held).__qualname__}" for held in gc.get_objects())
    return Counter(name for name in names if name.startswith(OURS) and not name.startswith("seedream_nb.sandbox"))


@pytest.mark.heavy
def test_many_panels_leave_nothing_behind(
    client: SeedreamClient, sandbox: Sandbox, browsers: None, plain_shell: InteractiveShell
) -> None:
    del browsers, plain_shell
    task_id = sandbox.add_task("a fox", size="160x120")
    models, earlier = count_models(), our_threads()
    # A new thread has no event loop yet; in this one, that of a browser test may be running.
    with ThreadPoolExecutor(1) as kernel:
        kernel.submit(asyncio.run, use_often(client, task_id, 2)).result()  # loads everything
        objects = count_objects()
        parts = kernel.submit(asyncio.run, use_often(client, task_id, ROUNDS)).result()
    assert count_models() == models
    assert our_threads() <= earlier
    assert count_objects() - objects == Counter()
    assert len(parts) >= 9 * ROUNDS
    assert [part() for part in parts if part() is not None] == []


def test_jobs_that_wait_for_a_silent_service_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "SECONDS_TO_END", SECONDS)
    over = threading.Event()
    panel_jobs = Jobs(lambda _status: None, Status, lambda _name, _is_running: None)
    for number in range(6):
        assert panel_jobs.run(str(number), lambda: over.wait(20), lambda _result: None, "")
    begin = time.monotonic()
    panel_jobs.close()
    assert time.monotonic() - begin < 6 * SECONDS / 2
    over.set()
    join_jobs()
