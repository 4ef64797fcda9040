"""Why: rounds of all contenders take turns, so that what else the machine does slows all alike."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from statistics import median
from typing import TYPE_CHECKING

from seedream_nb.gallery import GalleryOptions
from seedream_nb.images.fetch import FetchLimits
from seedream_nb.images.thumbnails import JPEG_QUALITY
from tests.benchmarks.contenders import CONTENDERS, DOWNLOADS
from tests.benchmarks.imports import measure_imports
from tests.benchmarks.scene import TASKS, Job, Pictures, task_ids
from tests.benchmarks.server import ROOT, running_server
from tests.benchmarks.worker import Measurement

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Result:
    """All that was measured.

    Attributes:
        rounds: The rounds of each contender.
        extension_seconds: Median of `%load_ext seedream_nb` in a fresh kernel.
        requests_seconds: Median of `import requests` in a fresh kernel.
    """

    rounds: dict[str, list[Measurement]]
    extension_seconds: float
    requests_seconds: float

    def median_of(self, name: str, figure: Callable[[Measurement], float]) -> float:
        """The median of a figure over all rounds of a contender."""
        return median(map(figure, self.rounds[name]))

    def ratio(self, name: str, other: str) -> float:
        """How many times the other's time a contender took: the median of the ratios within each round.

        What slows the machine for the length of a round cancels out.
        """
        pairs = zip(self.rounds[name], self.rounds[other], strict=True)
        return median(one.work_seconds / another.work_seconds for one, another in pairs)


def measure_all(rounds: int, import_rounds: int, pictures: Pictures) -> Result:
    """Measures everything, in one run.

    Args:
        rounds: Rounds of each contender.
        import_rounds: Kernels started for each import.
        pictures: Which pictures are shown.

    Returns:
        The figures.
    """
    with running_server(pictures) as base_url, tempfile.TemporaryDirectory() as ipython_directory:
        job = Job(base_url, task_ids(), GalleryOptions().thumbnail, JPEG_QUALITY, FetchLimits().connections)
        environment = {**os.environ, "IPYTHONDIR": ipython_directory}
        measured: dict[str, list[Measurement]] = {name: [] for name in CONTENDERS}
        for number in range(rounds):
            for name in _rotated(list(CONTENDERS), number):
                _say(f"round {number + 1} of {rounds}: {name}")
                measured[name].append(_run_worker(name, job, environment))
    _say("imports in fresh kernels")
    return Result(measured, *measure_imports(import_rounds))


def _rotated(names: Sequence[str], number: int) -> list[str]:
    start = number % len(names)
    return [*names[start:], *names[:start]]


def _run_worker(name: str, job: Job, environment: dict[str, str]) -> Measurement:
    command = [sys.executable, "-m", "tests.benchmarks.worker", name]
    task = json.dumps(asdict(job))
    finished = subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        input=task,
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise RuntimeError(f"{name} failed:\n{finished.stdout}\n{finished.stderr}")
    measurement = Measurement(**json.loads(finished.stdout.splitlines()[-1]))
    if name != DOWNLOADS and measurement.pictures != TASKS:
        raise RuntimeError(f"{name} shows {measurement.pictures} pictures instead of {TASKS}.")
    return measurement


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
