"""Why: a notebook is open for days, and panels come and go in it; each takes all with it that it made."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import comm
import pytest

from seedream_nb import explore
from tests.panels.conftest import QUICKLY
from tests.panels.test_composing import layered
from tests.panels.test_grid import Line, count_models

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox, SeedreamClient

ROUNDS = 100
OURS = ("seedream_nb.", "ipywidgets.", "anywidget.", "traitlets.", "requests.", "urllib3.", "PIL.", "tests.")


class Browser(Line):
    """The kernel's end of a line to a browser, which tells when a picture is sent."""

    def __init__(self, **_opening: object) -> None:
        self.has_picture = threading.Event()
        super().__init__()

    def publish_msg(self, msg_type: str, data: dict[str, Any] | None = None, *args: Any, **keys: Any) -> None:
        super().publish_msg(msg_type, data, *args, **keys)
        if data is not None and data.get("method") == "custom" and data["content"]["type"] == "picture":
            self.has_picture.set()


@pytest.fixture
def browsers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every widget has a line to a browser, as in a kernel."""
    monkeypatch.setattr(comm, "create_comm", Browser)


def use(client: SeedreamClient, task_id: str) -> list[weakref.ref[object]]:
    """Opens, shows, uses and closes a panel; returns what tells whether it is gone."""
    panel = explore(client, [task_id], pace=QUICKLY)
    browser = panel.grid.comm
    panel.add(layered("whole", "red", "blue"))
    panel._ipython_display_()
    keys = [str(card["key"]) for card in panel.grid.cards]
    browser.receive_custom({"type": "want", "kind": "thumbnail", "keys": keys, "seen": 0})
    panel.grid.selected = keys
    panel.make_form.prompt.value = "a cat"
    assert browser.has_picture.wait(20)
    parts = [panel, panel.grid, panel._state, *panel._state.collection.cards, *panel.tasks]
    panel.close()
    return [weakref.ref(part) for part in parts]


async def use_often(client: SeedreamClient, task_id: str, rounds: int) -> list[weakref.ref[object]]:
    """As `use`, in the event loop of a kernel; fails when a task of ours is left in it."""
    parts: list[weakref.ref[object]] = []
    for _ in range(rounds):
        parts += use(client, task_id)
        await asyncio.sleep(0)
    assert asyncio.all_tasks() == {asyncio.current_task()}
    return parts


def our_threads() -> list[threading.Thread]:
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("seedream")]
    return [thread for thread in threads if not thread.name.startswith("seedream-sandbox")]


def count_objects() -> Counter[str]:
    """How many objects there are of each of our types, and of those that we use; others' histories may grow."""
    gc.collect()
    names = (f"{type(held).__module__}.{type(held).__qualname__}" for held in gc.get_objects())
    return Counter(name for name in names if name.startswith(OURS) and not name.startswith("seedream_nb.sandbox"))


def test_a_hundred_rounds_leave_nothing(
    client: SeedreamClient, sandbox: Sandbox, browsers: None, plain_shell: InteractiveShell
) -> None:
    del browsers, plain_shell
    task_id = sandbox.add_task("a fox", size="160x120")
    models = count_models()
    # A thread of its own has no event loop yet; in this one an open browser's may be running.
    with ThreadPoolExecutor(1) as kernel:
        kernel.submit(asyncio.run, use_often(client, task_id, 2)).result()  # so that all is loaded
        objects = count_objects()
        parts = kernel.submit(asyncio.run, use_often(client, task_id, ROUNDS)).result()
    assert count_models() == models
    assert our_threads() == []
    assert count_objects() - objects == Counter()
    assert len(parts) >= 9 * ROUNDS
    assert [part() for part in parts if part() is not None] == []
