"""Runs one round of a contender that shows images in a process of its own, which stands for a fresh kernel."""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import urllib.request
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tests.benchmarks import memory
from tests.benchmarks.front_end import open_shell, take_output
from tests.benchmarks.gallery.contenders import TOKEN
from tests.benchmarks.library.scene import ShowJob
from tests.benchmarks.library.show_contenders import CONTENDERS

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Cell:
    """One run of a cell.

    Attributes:
        seconds: From the call to the finished output.
        cpu: Processor time of all threads, in seconds; independent of other load on the machine.
        memory: The peak of the resident memory above that just before, in bytes.
        output: What the output adds to the notebook file, in bytes.
        images: The number of images in the output.
        requests: The number of requests to the service and to the image host.
    """

    seconds: float
    cpu: float
    memory: int
    output: int
    images: int
    requests: int


@dataclass(frozen=True)
class ShowMeasurement:
    """One round of one contender.

    Attributes:
        import_seconds: The time to import the modules, without IPython.
        cells: The runs of the same cell, in order.
    """

    import_seconds: float
    cells: tuple[Cell, ...]


def measure(name: str, job: ShowJob) -> ShowMeasurement:
    """Runs a contender once, in this process."""
    contender = CONTENDERS[name]
    os.environ["ACEDATACLOUD_API_TOKEN"] = TOKEN
    os.environ["ACEDATACLOUD_API_BASE_URL"] = job.base_url
    shell = open_shell()
    start = time.perf_counter()
    contender.load(job, shell)
    loaded = time.perf_counter()
    return ShowMeasurement(loaded - start, tuple(_run_cell(name, job) for _ in range(job.cells)))


def _run_cell(name: str, job: ShowJob) -> Cell:
    requests_before = _count_requests(job)
    memory_before = memory.begin()
    start, cpu_start = time.perf_counter(), time.process_time()
    CONTENDERS[name].run(job, open_shell())
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu_start
    growth = memory.peak_above(memory_before)
    output, images = take_output()
    return Cell(seconds, cpu, growth, output, images, _count_requests(job) - requests_before)


def _count_requests(job: ShowJob) -> int:
    # urllib, because importing requests counts toward the time of some contenders.
    with urllib.request.urlopen(f"{job.base_url}/received", timeout=60) as response:  # noqa: S310  a local server
        return int(response.read())


def read_measurement(fields: Mapping[str, Any]) -> ShowMeasurement:
    """The measurement that a worker printed."""
    return ShowMeasurement(fields["import_seconds"], tuple(Cell(**cell) for cell in fields["cells"]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=CONTENDERS)
    fields = json.load(sys.stdin)
    job = ShowJob(**{**fields, "task_ids": tuple(fields["task_ids"])})
    print(json.dumps(asdict(measure(parser.parse_args().contender, job))))
