"""Measures this scene: workers against one server, with the stores they need."""

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
from tests.benchmarks.library.batch_worker import BatchMeasurement
from tests.benchmarks.library.scene import (
    ADDED,
    FEW_IDS,
    FILES,
    IDS,
    LIBRARY_SIZES,
    MANY_SHOWN,
    RECORDS,
    SHOWN,
    ShowJob,
)
from tests.benchmarks.library.show_contenders import (
    AGAIN,
    CACHED_SESSION,
    FILE_CACHE,
    LOWER_BOUND,
    MANY_AGAIN,
    NOT_STORED,
)
from tests.benchmarks.library.show_worker import ShowMeasurement, read_measurement
from tests.benchmarks.processes import is_installed, run_worker
from tests.benchmarks.rounds import Rounds, log, take_turns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

LIBRARY = "library"
JSON_FILES = "files"
SHOW_WORKER = "tests.benchmarks.library.show_worker"
SEARCH_WORKER = "tests.benchmarks.library.search_worker"
BATCH_WORKER = "tests.benchmarks.library.batch_worker"
# Contenders store data in temporary folders, never in the user's library.
ENVIRONMENT = {"SEEDREAM_LIBRARY": "off"}


@dataclass(frozen=True)
class Result:
    """All measurements.

    Attributes:
        shows: The rounds of each contender that shows images.
        searches: The seconds of each search, by its label, in a library and in files.
        adds: The seconds to add each record, by the number of records in the library.
        batches: The rounds of each contender that retrieves many tasks, by name and number of ids.
        build_seconds: The time to build the library to search.
    """

    shows: Rounds[ShowMeasurement]
    searches: Rounds[Mapping[str, float]]
    adds: Rounds[list[float]]
    batches: Rounds[BatchMeasurement]
    build_seconds: float


def measure_all(rounds: int, *, for_page: bool = False) -> Result:
    """Measures everything, in so many rounds; for the page of the documentation only what it shows."""
    with tempfile.TemporaryDirectory(prefix="seedream-benchmark-") as name, running_server("photo", IDS) as base_url:
        scene = _Scene(Path(name), base_url)
        scene.fill_stores()
        shows = take_turns(shown_names(), rounds, scene.show)
        batches = Rounds[BatchMeasurement]({}) if for_page else take_turns(list(batch_names()), rounds, scene.retrieve)
        log(f"building a library of {RECORDS:,} records")
        sizes = (RECORDS,) if for_page else LIBRARY_SIZES
        build_seconds = scene.build(sizes)
        if not for_page:
            scene.build_files()
        searches = take_turns([LIBRARY] if for_page else [LIBRARY, JSON_FILES], rounds, scene.search)
        adds = take_turns([str(size) for size in sizes], rounds, scene.add)
    return Result(shows, searches, adds, batches, build_seconds)


def shown_names() -> list[str]:
    """The contenders that show images, as far as what they need is installed."""
    return [name for name, contender in show_contenders.CONTENDERS.items() if is_installed(contender.modules)]


def batch_names() -> dict[str, tuple[str, int]]:
    """The contenders that retrieve many tasks, each with a large and a small number of ids."""
    return {f"{name}, {count}": (name, count) for name in batch_worker.CONTENDERS for count in (IDS, FEW_IDS)}


class _Scene:
    """Runs workers against the server at an address, with their stores in a folder."""

    def __init__(self, folder: Path, base_url: str) -> None:
        self._folder = folder
        self._base_url = base_url
        self._environment = {**os.environ, **ENVIRONMENT, "IPYTHONDIR": str(folder / "ipython")}
        self._run = partial(run_worker, environment=self._environment)

    def fill_stores(self) -> None:
        """Runs the contenders that are measured in their second run for the first time."""
        for name in {AGAIN, MANY_AGAIN, CACHED_SESSION, FILE_CACHE}.intersection(shown_names()):
            log(f"first run for {name}")
            (self._folder / name).mkdir()
            self._show(name, self._folder / name, cells=1)

    def show(self, name: str) -> ShowMeasurement:
        if (self._folder / name).exists():
            return self._show(name, self._folder / name, cells=2 if name == MANY_AGAIN else 1)
        with tempfile.TemporaryDirectory(dir=self._folder) as empty:
            return self._show(name, Path(empty), cells=1 if name in {NOT_STORED, LOWER_BOUND} else 2)

    def retrieve(self, name: str) -> BatchMeasurement:
        contender, count = batch_names()[name]
        with tempfile.TemporaryDirectory(dir=self._folder) as empty:
            job = batch_worker.Job(self._base_url, count, empty)
            return BatchMeasurement(**self._run(BATCH_WORKER, contender, job=asdict(job)))

    def build(self, sizes: Iterable[int]) -> float:
        """Builds libraries of these sizes; returns the seconds for the last one."""
        for size in sizes:
            measured = self._work("build", self._folder / f"library-{size}", size)
        return float(measured["build"])

    def build_files(self) -> None:
        """Writes the records as JSON files."""
        self._work("build files", self._folder / JSON_FILES, FILES)

    def search(self, name: str) -> Mapping[str, float]:
        if name == JSON_FILES:
            return self._work("search files", self._folder / JSON_FILES)
        return self._work("search", self._folder / f"library-{RECORDS}")

    def add(self, name: str) -> list[float]:
        with tempfile.TemporaryDirectory(dir=self._folder) as empty:
            copy = shutil.copytree(self._folder / f"library-{name}", Path(empty) / "library")
            seconds: list[float] = self._work("add", copy, ADDED)["adds"]
        return seconds

    def _show(self, name: str, store: Path, *, cells: int) -> ShowMeasurement:
        count = MANY_SHOWN if name == MANY_AGAIN else SHOWN
        sizes = GalleryOptions().thumbnail, JPEG_QUALITY, FetchLimits().connections
        job = ShowJob(self._base_url, task_ids(count), *sizes, str(store), cells)
        measurement = read_measurement(self._run(SHOW_WORKER, name, job=asdict(job)))
        # A thousand do not fit into the default size limit of an output.
        expected = {count} if count == SHOWN else range(1, count + 1)
        for cell in measurement.cells:
            if cell.images not in expected:
                raise RuntimeError(f"{name} shows {cell.images} images instead of {count}.")
        return measurement

    def _work(self, work: str, folder: Path, count: int = 0) -> dict[str, Any]:
        return self._run(SEARCH_WORKER, work, job={"folder": str(folder), "count": count})
