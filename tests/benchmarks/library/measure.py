"""Why: brings this scene's server, stores and workers together into one result."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedream_nb.gallery import GalleryOptions
from seedream_nb.images.fetch import FetchLimits
from seedream_nb.images.thumbnails import JPEG_QUALITY
from tests.benchmarks.gallery.scene import task_ids
from tests.benchmarks.gallery.server import running_server
from tests.benchmarks.library import batch_worker, show_contenders
from tests.benchmarks.library.batch_worker import Batch
from tests.benchmarks.library.scene import (
    ADDED,
    ASKED,
    FEW_ASKED,
    KEPT,
    LOOPED,
    MANY_SHOWN,
    SHOWN,
    SIZES,
    ShowJob,
)
from tests.benchmarks.library.show_contenders import AGAIN, CACHED_SESSION, FILE_CACHE, LIMIT, MANY_AGAIN, NOT_KEPT
from tests.benchmarks.library.show_worker import Visit, read_visit
from tests.benchmarks.processes import run_worker
from tests.benchmarks.rounds import Rounds, say, take_turns

if TYPE_CHECKING:
    from collections.abc import Mapping

LIBRARY = "library"
FILES = "files"
SHOW_WORKER = "tests.benchmarks.library.show_worker"
SEARCH_WORKER = "tests.benchmarks.library.search_worker"
BATCH_WORKER = "tests.benchmarks.library.batch_worker"
# What is kept on purpose lies in folders of the benchmark's own; nothing of it reaches the user's.
ENVIRONMENT = {"SEEDREAM_LIBRARY": "off"}


@dataclass(frozen=True)
class Result:
    """All that was measured.

    Attributes:
        visits: The rounds of each contender that shows pictures.
        searches: The seconds of each search, by its label, in a library and in files.
        adds: The seconds of each record that was added, by how many there were.
        batches: The rounds of each contender that asks for many tasks, with how many.
        build_seconds: How long it took to make the library that is searched.
    """

    visits: Rounds[Visit]
    searches: Rounds[Mapping[str, float]]
    adds: Rounds[list[float]]
    batches: Rounds[Batch]
    build_seconds: float


def measure_all(rounds: int) -> Result:
    """Measures everything, in one run.

    Args:
        rounds: Rounds of each contender.

    Returns:
        The figures.
    """
    with tempfile.TemporaryDirectory(prefix="seedream-benchmark-") as name, running_server("photo", ASKED) as base_url:
        scene = _Scene(Path(name), base_url)
        scene.fill_stores()
        visits = take_turns(list(show_contenders.CONTENDERS), rounds, scene.show)
        batches = take_turns(list(batch_names()), rounds, scene.ask)
        say(f"making a library of {KEPT:,} records")
        build_seconds = scene.build()
        searches = take_turns([LIBRARY, FILES], rounds, scene.search)
        adds = take_turns([str(size) for size in SIZES], rounds, scene.add)
    return Result(visits, searches, adds, batches, build_seconds)


def batch_names() -> dict[str, tuple[str, int]]:
    """The contenders that ask for many tasks, each with a small and a large number of them."""
    return {f"{name}, {count}": (name, count) for name in batch_worker.CONTENDERS for count in (ASKED, FEW_ASKED)}


class _Scene:
    """Runs workers against one server, each with the stores it needs.

    Args:
        folder: Where they lie.
        base_url: The server's address.
    """

    def __init__(self, folder: Path, base_url: str) -> None:
        self._folder = folder
        self._base_url = base_url
        self._environment = {**os.environ, **ENVIRONMENT, "IPYTHONDIR": str(folder / "ipython")}
        self._run = partial(run_worker, environment=self._environment)

    def fill_stores(self) -> None:
        """Lets those meet the pictures who are to show them a second time."""
        for name in (AGAIN, MANY_AGAIN, CACHED_SESSION, FILE_CACHE):
            say(f"first run: {name}")
            (self._folder / name).mkdir()
            self._show(name, self._folder / name, cells=1)

    def show(self, name: str) -> Visit:
        if (self._folder / name).exists():
            visit = self._show(name, self._folder / name, cells=2 if name == MANY_AGAIN else 1)
        else:
            with tempfile.TemporaryDirectory(dir=self._folder) as empty:
                visit = self._show(name, Path(empty), cells=1 if name in {NOT_KEPT, LIMIT} else 2)
        return visit

    def ask(self, name: str) -> Batch:
        contender, count = batch_names()[name]
        with tempfile.TemporaryDirectory(dir=self._folder) as empty:
            job = batch_worker.Job(self._base_url, count, empty)
            return Batch(**self._run(BATCH_WORKER, contender, job=asdict(job)))

    def build(self) -> float:
        """Makes what is searched and added to.

        Returns:
            The seconds for the largest library.
        """
        for size in SIZES:
            took = self._work("build", self._folder / f"library-{size}", size)
        self._work("build files", self._folder / FILES, LOOPED)
        return float(took["build"])

    def search(self, name: str) -> Mapping[str, float]:
        if name == FILES:
            return self._work("search files", self._folder / FILES)
        return self._work("search", self._folder / f"library-{KEPT}")

    def add(self, name: str) -> list[float]:
        with tempfile.TemporaryDirectory(dir=self._folder) as empty:
            copy = shutil.copytree(self._folder / f"library-{name}", Path(empty) / "library")
            seconds: list[float] = self._work("add", copy, ADDED)["adds"]
        return seconds

    def _show(self, name: str, store: Path, *, cells: int) -> Visit:
        count = MANY_SHOWN if name == MANY_AGAIN else SHOWN
        sizes = GalleryOptions().thumbnail, JPEG_QUALITY, FetchLimits().connections
        job = ShowJob(self._base_url, task_ids(count), *sizes, str(store), cells)
        visit = read_visit(self._run(SHOW_WORKER, name, job=asdict(job)))
        # A thousand are more than fit into the bytes that an output may take by default.
        wanted = {count} if count == SHOWN else set(range(1, count + 1))
        for cell in visit.cells:
            if cell.pictures not in wanted:
                raise RuntimeError(f"{name} shows {cell.pictures} pictures instead of {count}.")
        return visit

    def _work(self, work: str, folder: Path, count: int = 0) -> dict[str, Any]:
        return self._run(SEARCH_WORKER, work, job={"folder": str(folder), "count": count})
