"""Measures this scene: workers against one server, and imports in fresh kernels."""

from __future__ import annotations

import os
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from statistics import median

from jupyter_client.manager import start_new_kernel

from seedream_nb.gallery import GalleryOptions
from seedream_nb.images.fetch import FetchLimits
from seedream_nb.images.thumbnails import JPEG_QUALITY
from tests.benchmarks.gallery.contenders import CONTENDERS, DOWNLOADS_ONLY
from tests.benchmarks.gallery.scene import TASKS, ImageKind, Job, task_ids
from tests.benchmarks.gallery.server import running_server
from tests.benchmarks.gallery.worker import Measurement
from tests.benchmarks.processes import run_worker
from tests.benchmarks.rounds import Rounds, log, take_turns

EXTENSION = 'get_ipython().run_line_magic("load_ext", "seedream_nb")'
REQUESTS = "import requests"
TIMED = """
from time import perf_counter
begin = perf_counter()
{code}
seconds = perf_counter() - begin
"""


@dataclass(frozen=True)
class Result:
    """All measurements.

    Attributes:
        rounds: The rounds of each contender.
        extension_seconds: Median of `%load_ext seedream_nb` in a fresh kernel.
        requests_seconds: Median of `import requests` in a fresh kernel.
    """

    rounds: Rounds[Measurement]
    extension_seconds: float
    requests_seconds: float


def measure_all(rounds: int, import_rounds: int, kind: ImageKind) -> Result:
    """Measures everything.

    Args:
        rounds: Rounds of each contender.
        import_rounds: Kernels started for each import.
        kind: The kind of images to show.
    """
    with running_server(kind) as base_url, tempfile.TemporaryDirectory() as ipython_directory:
        job = Job(base_url, task_ids(), GalleryOptions().thumbnail, JPEG_QUALITY, FetchLimits().connections)
        environment = {**os.environ, "IPYTHONDIR": ipython_directory}
        measured = take_turns(list(CONTENDERS), rounds, lambda name: _measure(name, job, environment))
    log("imports in fresh kernels")
    return Result(measured, *_measure_imports(import_rounds))


def _measure(name: str, job: Job, environment: dict[str, str]) -> Measurement:
    fields = run_worker("tests.benchmarks.gallery.worker", name, job=asdict(job), environment=environment)
    measurement = Measurement(**fields)
    if name != DOWNLOADS_ONLY and measurement.images != TASKS:
        raise RuntimeError(f"{name} shows {measurement.images} images instead of {TASKS}.")
    return measurement


def _measure_imports(rounds: int) -> tuple[float, float]:
    """The median seconds to load the extension and to import `requests`, in turns, each time in a fresh kernel."""
    seconds: dict[str, list[float]] = {EXTENSION: [], REQUESTS: []}
    for number in range(-1, rounds):
        for code, times in seconds.items():
            elapsed = _time_in_kernel(code)
            if number >= 0:  # the first kernels compile and read files for all later ones
                times.append(elapsed)
    return median(seconds[EXTENSION]), median(seconds[REQUESTS])


def _time_in_kernel(code: str) -> float:
    manager, client = start_new_kernel(kernel_name="python3", stderr=subprocess.DEVNULL)
    try:
        reply = client.execute_interactive(
            TIMED.format(code=code), user_expressions={"seconds": "seconds"}, allow_stdin=False, timeout=60
        )
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
    content = reply["content"]
    if content["status"] != "ok":
        raise RuntimeError(f"{code} failed in the kernel: {content}")
    return float(content["user_expressions"]["seconds"]["data"]["text/plain"])
