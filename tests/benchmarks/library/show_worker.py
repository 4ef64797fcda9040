"""Why: each round of a contender that shows pictures runs in a process of its own, which stands for a fresh kernel."""

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
        processor: Seconds of processor time, of all threads: what a busy machine does not change.
        memory: The peak of the resident memory above what it was just before, in bytes.
        output: What the notebook's file grows by, in bytes.
        pictures: How many pictures the output holds.
        asked: Requests that the service has received.
        fetched: Requests that the image host has received.
    """

    seconds: float
    processor: float
    memory: int
    output: int
    pictures: int
    asked: int
    fetched: int


@dataclass(frozen=True)
class Visit:
    """One round of one contender.

    Attributes:
        import_seconds: Loading what it needs, IPython not counted.
        cells: The runs of the same cell, in order.
    """

    import_seconds: float
    cells: tuple[Cell, ...]


def measure(name: str, job: ShowJob) -> Visit:
    """Runs one contender, in this process.

    Args:
        name: The contender.
        job: What it has to show.

    Returns:
        What it took.
    """
    contender = CONTENDERS[name]
    os.environ["ACEDATACLOUD_API_TOKEN"] = TOKEN
    os.environ["ACEDATACLOUD_API_BASE_URL"] = job.base_url
    shell = open_shell()
    start = time.perf_counter()
    contender.load(job, shell)
    loaded = time.perf_counter()
    return Visit(loaded - start, tuple(_run_cell(name, job) for _ in range(job.cells)))


def _run_cell(name: str, job: ShowJob) -> Cell:
    asked, fetched = _received(job)
    memory_before = memory.begin()
    start, processor_start = time.perf_counter(), time.process_time()
    CONTENDERS[name].run(job, open_shell())
    seconds, processor = time.perf_counter() - start, time.process_time() - processor_start
    growth = memory.peak_above(memory_before)
    output, pictures = take_output()
    asked_after, fetched_after = _received(job)
    return Cell(seconds, processor, growth, output, pictures, asked_after - asked, fetched_after - fetched)


def _received(job: ShowJob) -> tuple[int, int]:
    # Not by requests: loading that is what some contenders are charged with.
    with urllib.request.urlopen(f"{job.base_url}/received", timeout=60) as answer:  # noqa: S310  the benchmark's own
        received = json.load(answer)
    return received["service"], received["image_host"]


def read_visit(fields: Mapping[str, Any]) -> Visit:
    """What a worker has printed."""
    return Visit(fields["import_seconds"], tuple(Cell(**cell) for cell in fields["cells"]))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=CONTENDERS)
    fields = json.load(sys.stdin)
    job = ShowJob(**{**fields, "task_ids": tuple(fields["task_ids"])})
    print(json.dumps(asdict(measure(parser.parse_args().contender, job))))
