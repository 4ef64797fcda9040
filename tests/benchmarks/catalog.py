"""A library of 100,000 images: what its catalog takes, and what a panel of all of it costs in the kernel.

`python -m tests.benchmarks --scene catalog` measures both. Each contender runs in a process of its own:
`python -m tests.benchmarks.catalog NAME`.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from comm import DummyComm
from ipywidgets import GridBox, Image, IntSlider, VBox

from seedream_nb import Library, SeedreamClient, explore
from seedream_nb.library.catalog import CardQuery
from seedream_nb.protocol.cards import Sort
from tests.benchmarks import memory
from tests.benchmarks.library.quick import fill
from tests.benchmarks.panel.scene import TASKS, TILE, make_thumbnails
from tests.benchmarks.processes import run_worker
from tests.benchmarks.report import MEGABYTE, Goal, contender_table, goal_table
from tests.benchmarks.rounds import log, take_turns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.benchmarks.rounds import Rounds

CARDS = 100_000
PAGE = 60
MILLISECONDS = 1000
QUERIES = {
    "A frequent word": CardQuery(text="light"),
    "A rare word": CardQuery(text="axolotl"),
    "A letter that all have": CardQuery(text="a"),
    "A model": CardQuery(model="doubao-seedream-4-0-250828"),
    "Not rejected": CardQuery(rejected=False),
}
OURS, IN_MEMORY, WIDGETS = "library", "tasks", "widgets"
LABELS = {
    OURS: '`explore(source="library")`',
    IN_MEMORY: "`explore` of all tasks, read first",
    WIDGETS: "`ipywidgets`, all records read, pages of 60 `Image`s",
}


@dataclass(frozen=True)
class Opened:
    """What a contender costs until its first screen can be drawn: seconds, and bytes of memory and of messages."""

    seconds: float
    memory: int
    sent: int


@dataclass(frozen=True)
class Result:
    """All measurements."""

    filled: float  # seconds of a processor to fill the catalog of an older library
    steps: Mapping[str, float]  # seconds of a processor
    opened: Rounds[Opened]


def measure_all(rounds: int) -> Result:
    """Measures everything in this many rounds."""
    with tempfile.TemporaryDirectory(prefix="seedream-benchmark-") as name:
        folder = Path(name)
        log(f"generating {CARDS:,} records")
        fill(folder, CARDS)
        with Library(folder) as library:
            log("filling the catalog")
            filled = _spent(library.catalog.update)
            steps = dict(_measure_steps(library, rounds))
        opened = take_turns(list(LABELS), rounds, lambda one: _open(one, folder))
        return Result(filled, steps, opened)


def render(result: Result) -> str:
    """The report as Markdown."""
    steps = [[name, f"{seconds * MILLISECONDS:.0f} ms"] for name, seconds in result.steps.items()]
    rows = [
        [
            label,
            f"{result.opened.median_of(name, lambda one: one.seconds):.2f} s",
            f"{result.opened.median_of(name, lambda one: one.memory) / MEGABYTE:.0f} MB",
            f"{result.opened.median_of(name, lambda one: one.sent) / MEGABYTE:.2f} MB",
        ]
        for name, label in LABELS.items()
    ]
    found = {name: seconds for name, seconds in result.steps.items() if not name.startswith("Read")}
    slowest = max(found, key=lambda name: found[name])
    goals = [
        Goal(f"Slowest search ({slowest})", found[slowest] * MILLISECONDS, 150, " ms"),
        Goal(f"Read {PAGE} cards", result.steps[f"Read {PAGE} cards"] * MILLISECONDS, 20, " ms"),
        Goal("Opened", result.opened.median_of(OURS, lambda one: one.seconds), 1, " s"),
        Goal("Memory", result.opened.median_of(OURS, lambda one: one.memory) / MEGABYTE, 60, " MB"),
        Goal("Sent", result.opened.median_of(OURS, lambda one: one.sent) / MEGABYTE, 2, " MB"),
    ]
    filling = f"The catalog of an older library is filled in {result.filled:.0f} s of a processor."
    tables = [
        contender_table(["Processor time"], steps),
        contender_table(["To the first screen, in the kernel", "Memory", "Sent"], rows),
        goal_table(goals),
    ]
    return f"## Catalog\n\n{CARDS:,} images. {filling}\n\n" + "\n\n".join(tables)


def _measure_steps(library: Library, rounds: int) -> list[tuple[str, float]]:
    catalog = library.catalog
    steps = [(f"Sort: {sort.value}", _spent(partial(catalog.find, sort=sort))) for sort in Sort]
    for name, query in QUERIES.items():
        spent = [_spent(partial(catalog.find, query)) for _round in range(rounds)]
        steps.append((name, sorted(spent)[rounds // 2]))
    steps.append(("Choices", _spent(catalog.choices)))
    window = catalog.find()[CARDS // 2 :][:PAGE]
    steps.append((f"Read {PAGE} cards", sorted(_spent(lambda: catalog.read(window)) for _round in range(9))[4]))
    return steps


def _spent(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def _open(name: str, folder: Path) -> Opened:
    return Opened(**run_worker("tests.benchmarks.catalog", name, job={"folder": str(folder)}))


# In a process of its own.


def _show_library(folder: Path, _thumbnails: Sequence[bytes]) -> object:
    panel = explore(SeedreamClient("benchmark", "http://127.0.0.1:9", library=folder), source="library")
    span = {"anchor": "", "before": 0, "after": PAGE}
    panel.grid._handle_custom_msg({"type": "sync", "by": "page", "spans": [span]}, [])
    return panel


def _show_tasks(folder: Path, _thumbnails: Sequence[bytes]) -> object:
    with Library(folder) as library:
        tasks = library.search(limit=None)
    panel = explore(SeedreamClient("benchmark", "http://127.0.0.1:9", library="off"), tasks)
    span = {"anchor": "", "before": 0, "after": PAGE}
    panel.grid._handle_custom_msg({"type": "sync", "by": "page", "spans": [span]}, [])
    return panel


def _show_widgets(folder: Path, thumbnails: Sequence[bytes]) -> object:
    """What a user would write; thumbnails come from memory."""
    with Library(folder) as library:
        tasks = library.search(limit=None)
    grid, slider = GridBox(), IntSlider(max=(len(tasks) - 1) // PAGE, description="Page")

    def show(_change: object) -> None:
        first = slider.value * PAGE
        numbers = range(first, min(len(tasks), first + PAGE))
        grid.children = [
            Image(value=thumbnails[one % TASKS], format="jpeg", width=TILE, height=TILE) for one in numbers
        ]

    slider.observe(show, "value")
    show(None)
    return tasks, VBox([slider, grid])


def main() -> None:
    """Opens one contender and prints its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=LABELS)
    name = parser.parse_args().name
    folder = Path(json.load(sys.stdin)["folder"])
    sent = Counter[str]()

    def count(
        _comm: object, _kind: str, data: Any = None, _metadata: Any = None, buffers: Any = None, **_: Any
    ) -> None:
        sent["bytes"] += len(json.dumps(data, default=str)) + sum(len(bytes(one)) for one in buffers or ())

    mock.patch.object(DummyComm, "publish_msg", count).start()  # what a browser would receive
    show = {OURS: _show_library, IN_MEMORY: _show_tasks, WIDGETS: _show_widgets}[name]
    thumbnails = make_thumbnails() if name == WIDGETS else []
    before = memory.begin()
    begun = time.perf_counter()
    shown = show(folder, thumbnails)
    seconds = time.perf_counter() - begun
    print(json.dumps(asdict(Opened(seconds, memory.collected() - before, sent["bytes"]))))
    del shown


if __name__ == "__main__":
    main()
