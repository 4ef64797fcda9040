"""The explorer with a library of 100,000 images: what opening, jumping, filtering and selecting take in the kernel.

Each round runs in a fresh process, with a fake connection to a browser that counts what is sent. What the browser does
with it does not depend on the number of images (`tests/browser/test_grid.py`).
"""

from __future__ import annotations

import json
import multiprocessing
import tempfile
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, fields
from statistics import median
from typing import TYPE_CHECKING, Any

from seedream_nb import Library, SeedreamClient, explore
from seedream_nb.images.thumbnails import make_thumbnail
from tests.benchmarks import memory
from tests.benchmarks.library.scene import RECORDS, make_tasks
from tests.benchmarks.report import MEGABYTE, Goal, contender_table, goal_table
from tests.sample_images import noise

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seedream_nb import Task
    from seedream_nb.panels.image_cache import Kind
    from seedream_nb.panels.loader import Loaded

SCREEN = 60  # cards that a browser requests at once
VISIBLE = 24  # of them
PAGE = 2000  # tasks that are stored at once
SIDE = 320  # pixels
PLACES = (0, RECORDS // 2, RECORDS - SCREEN)


@dataclass(frozen=True)
class Figures:
    """One round; times in seconds, memory and what is sent in bytes."""

    first_open: float  # with the catalog to be filled
    open: float  # to the cards of the first screen
    sent: int
    memory: int
    jump: float  # to the cards and thumbnails of a screen, the slowest of three places
    filter: float  # the slowest of several
    select_all: float
    clear: float


class Browser:
    """The other end of a grid: sends messages as a page would, and counts what it receives."""

    def __init__(self, panel: Any) -> None:
        self.sent = 0
        self.last: dict[str, Any] = {}
        self._grid = panel.grid
        self._missing: set[str] = set()
        self._is_filled = threading.Event()
        panel.grid.send = self._receive
        panel._loader._deliver = self._receive_image

    def send(self, message: str, **content: object) -> dict[str, Any]:
        self._grid._handle_custom_msg({"type": message, "by": "a page", **content}, [])
        return self.last

    def jump(self, place: int) -> float:
        """Seconds until the cards and the visible thumbnails at a place are here."""
        begin = time.perf_counter()
        version = self._grid.version
        cards = self.send("window", version=version, first=place, last=place + SCREEN - 1)["cards"]
        keys = [card["key"] for card in cards[:VISIBLE]]
        self._missing = set(keys)
        self._is_filled.clear()
        self.send("load", kind="thumbnail", keys=keys, seen=None)
        if not self._is_filled.wait(60):
            raise RuntimeError("The thumbnails did not arrive.")
        return time.perf_counter() - begin

    def _receive(self, content: dict[str, Any], buffers: Sequence[bytes] = ()) -> None:
        self.last = content
        self.sent += len(json.dumps(content)) + sum(map(len, buffers))

    def _receive_image(self, key: str, _kind: Kind, _loaded: Loaded) -> None:
        self._missing.discard(key)
        if not self._missing:
            self._is_filled.set()


def measure_all(rounds: int) -> list[Figures]:
    """Measures everything in this many rounds."""
    with tempfile.TemporaryDirectory() as folder:
        first_open = _fill(folder)
        found = []
        for _round in range(rounds):
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as fresh:
                found.append(fresh.submit(measure, folder, first_open).result())
        return found


def measure(folder: str, first_open: float) -> Figures:
    """One round, in this process."""
    client = SeedreamClient("benchmark", "http://127.0.0.1:9", library=folder)
    explore(client).close()  # loads everything
    before = memory.begin()
    begin = time.perf_counter()
    panel = explore(client, source="library")
    browser = Browser(panel)
    browser.send("sync", spans=[{"anchor": "", "before": 0, "after": SCREEN - 1}])
    opened = time.perf_counter() - begin
    sent = browser.sent
    jumps = [browser.jump(place) for place in PLACES]
    filters = [_time(lambda text=text: setattr(panel, "filter", text)) for text in ("light", "light wat", "zzz", "")]  # type: ignore[misc]  # bound here
    select_all = _time(lambda: browser.send("select", how="all", op=1))
    clear = _time(lambda: browser.send("select", how="none", op=2))
    added = memory.collected() - before
    panel.close()
    return Figures(first_open, opened, sent, added, max(jumps), max(filters), select_all, clear)


def render(found: Sequence[Figures]) -> str:
    """The report as Markdown."""
    medians = {field.name: median(getattr(one, field.name) for one in found) for field in fields(Figures)}
    goals = [
        Goal("First screen of cards", medians["open"], 1, " s"),
        Goal("Sent by then", medians["sent"] / MEGABYTE, 2, " MB"),
        Goal("Kernel memory added", medians["memory"] / MEGABYTE, 60, " MB"),
        Goal("Jump to a screen of stored thumbnails, slowest of three places", medians["jump"], 0.5, " s"),
        Goal("A filter, slowest of four", medians["filter"], 0.3, " s"),
        Goal("Select all", medians["select_all"], 0.3, " s"),
        Goal("Clear", medians["clear"], 0.3, " s"),
    ]
    scene = (
        f"A library of {RECORDS:,} tasks in the explorer; medians of {len(found)} rounds. "
        f"Filling the catalog of an older library, once: {medians['first_open']:.0f} s."
    )
    return "\n\n".join(["## Studio", scene, goal_table(goals)])


def summarize(found: Sequence[Figures]) -> str:
    """The figures for users, as Markdown."""
    medians = {field.name: median(getattr(one, field.name) for one in found) for field in fields(Figures)}
    rows = [
        ["Open, to the cards of the first screen", f"{medians['open']:.2f} s"],
        ["Jump anywhere, to the thumbnails of a screen", f"{medians['jump']:.2f} s"],
        ["Filter", f"{medians['filter']:.2f} s"],
        ["Select all", f"{medians['select_all']:.2f} s"],
    ]
    rest = (
        f"The kernel's memory grows by {medians['memory'] / MEGABYTE:.0f} MB, and {medians['sent'] / MEGABYTE:.1f} MB "
        f"are sent to the browser until the first screen. Filling the catalog of a library that was written by an "
        f"earlier version takes {medians['first_open']:.0f} s, once."
    )
    return f"{contender_table(['Time in the kernel'], rows)}\n\n{rest}"


def _fill(folder: str) -> float:
    """Stores all tasks, and thumbnails where `PLACES` are; returns the seconds that filling the catalog takes."""
    with Library(folder) as library:
        for start in range(0, RECORDS, PAGE):
            library.keep(make_tasks(range(start, start + PAGE)))
        seconds = _time(library.catalog.update)
        content = noise(400, 400)
        thumbnail = make_thumbnail(content, SIDE)
        order = library.catalog.find()
        shown = [card.task for place in PLACES for card in library.catalog.read(order[place : place + SCREEN]) if card]
        for task in shown:
            _keep(library, task, content, thumbnail)
    return seconds


def _keep(library: Library, task: Task, content: bytes, thumbnail: Any) -> None:
    for image in task.images:
        library.keep_image(image, content, thumbnail=(SIDE, thumbnail))


def _time(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin
