from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from seedream_nb import Explorer, Pace, explore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from seedream_nb import SeedreamClient

QUICKLY = Pace(first=0.02, longest=0.05)


@pytest.fixture
def panel(client: SeedreamClient) -> Iterator[Explorer]:
    """An empty panel on the sandbox."""
    opened = explore(client, pace=QUICKLY)
    yield opened
    opened.close()


@pytest.fixture
def wait_until(panel: Explorer) -> Callable[[Callable[[], bool]], None]:
    """Waits until something holds, looking whenever the panel says something."""

    def wait(holds: Callable[[], bool]) -> None:
        changed = threading.Event()
        panel.status_line.observe(lambda _change: changed.set(), "value")
        panel.observe(lambda _change: changed.set(), "tasks")
        for _ in range(200):
            if holds():
                return
            changed.wait(0.1)
            changed.clear()
        raise AssertionError(f"It never held; the panel says: {panel.status_line.value}")

    return wait
