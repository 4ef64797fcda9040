from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from seedream_nb import Explorer, explore
from seedream_nb.panels.actions import SAVE_DIRECTORY
from tests.panels.support import QUICKLY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seedream_nb import SeedreamClient


@pytest.fixture
def panel(client: SeedreamClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Explorer]:
    """An empty panel on the sandbox, the first one of the session."""
    monkeypatch.setattr(Explorer, "_folder", SAVE_DIRECTORY)
    opened = explore(client, pace=QUICKLY)
    yield opened
    opened.close()


@pytest.fixture
def wait_until(panel: Explorer) -> Callable[[Callable[[], bool]], None]:
    """Waits until a condition holds, checked whenever the status line or the tasks change."""

    def wait(holds: Callable[[], bool]) -> None:
        changed = threading.Event()
        panel.status_line.observe(lambda _change: changed.set(), "value")
        panel.observe(lambda _change: changed.set(), "tasks")
        for _ in range(200):
            if holds():
                return
            changed.wait(0.1)
            changed.clear()
        raise AssertionError(f"The condition never held. Status line: {panel.status_line.value}")

    return wait
