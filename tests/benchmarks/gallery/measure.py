"""Why: brings this scene's server, workers and kernels together into one result."""

from __future__ import annotations

import os
import tempfile
from dataclasses import asdict, dataclass

from seedream_nb.gallery import GalleryOptions
from seedream_nb.images.fetch import FetchLimits
from seedream_nb.images.thumbnails import JPEG_QUALITY
from tests.benchmarks.gallery.contenders import CONTENDERS, DOWNLOADS
from tests.benchmarks.gallery.imports import measure_imports
from tests.benchmarks.gallery.scene import TASKS, Job, Pictures, task_ids
from tests.benchmarks.gallery.server import running_server
from tests.benchmarks.gallery.worker import Measurement
from tests.benchmarks.processes import run_worker
from tests.benchmarks.rounds import Rounds, say, take_turns


@dataclass(frozen=True)
class Result:
    """All that was measured.

    Attributes:
        rounds: The rounds of each contender.
        extension_seconds: Median of `%load_ext seedream_nb` in a fresh kernel.
        requests_seconds: Median of `import requests` in a fresh kernel.
    """

    rounds: Rounds[Measurement]
    extension_seconds: float
    requests_seconds: float


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
        measured = take_turns(list(CONTENDERS), rounds, lambda name: _measure(name, job, environment))
    say("imports in fresh kernels")
    return Result(measured, *measure_imports(import_rounds))


def _measure(name: str, job: Job, environment: dict[str, str]) -> Measurement:
    fields = run_worker("tests.benchmarks.gallery.worker", name, job=asdict(job), environment=environment)
    measurement = Measurement(**fields)
    if name != DOWNLOADS and measurement.pictures != TASKS:
        raise RuntimeError(f"{name} shows {measurement.pictures} pictures instead of {TASKS}.")
    return measurement
