"""Retrieves many tasks in a process of its own, so that memory can be attributed to them."""

from __future__ import annotations

import argparse
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import requests

from seedream_nb import SeedreamClient
from seedream_nb.library.library import Library
from tests.benchmarks import memory
from tests.benchmarks.gallery.contenders import TIMEOUT, TOKEN
from tests.benchmarks.gallery.scene import task_ids
from tests.benchmarks.library.scene import BATCH, THREADS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Job:
    """The input of a contender.

    Attributes:
        base_url: The address of the server.
        count: The number of ids.
        store: The folder for a library.
    """

    base_url: str
    count: int
    store: str


@dataclass(frozen=True)
class BatchMeasurement:
    """One round of one contender.

    Attributes:
        seconds: From the call to the last task.
        cpu: Processor time of all threads, in seconds.
        memory: The peak of the resident memory above that just before, in bytes; includes the tasks.
    """

    seconds: float
    cpu: float
    memory: int


@dataclass(frozen=True)
class Contender:
    """One way to retrieve many tasks.

    Attributes:
        label: The name in the report.
        run: Retrieves and returns all of them.
    """

    label: str
    run: Callable[[Job, Sequence[str]], Sequence[object]]


def with_library(job: Job, ids: Sequence[str]) -> Sequence[object]:
    """The client; stores all tasks."""
    with SeedreamClient(TOKEN, job.base_url, library=job.store) as client:
        return client.retrieve_batch(ids)


def without_library(job: Job, ids: Sequence[str]) -> Sequence[object]:
    """The client; stores nothing."""
    with SeedreamClient(TOKEN, job.base_url, library="off") as client:
        return client.retrieve_batch(ids)


def bare_calls(job: Job, ids: Sequence[str]) -> Sequence[object]:
    """The lower bound: as many threads, which only decode the JSON."""
    headers = {"accept": "application/json", "authorization": f"Bearer {TOKEN}"}
    with requests.Session() as session, ThreadPoolExecutor(THREADS) as pool:

        def query(batch: Sequence[str]) -> list[object]:
            body = {"action": "retrieve_batch", "ids": batch}
            response = session.post(f"{job.base_url}/seedream/tasks", json=body, headers=headers, timeout=TIMEOUT)
            items: list[object] = response.json()["items"]
            return items

        pages = pool.map(query, [ids[start : start + BATCH] for start in range(0, len(ids), BATCH)])
        return [item for page in pages for item in page]


STORED = "stored"
NOT_STORED = "not stored"
BARE = "bare calls"
CONTENDERS = {
    STORED: Contender("`client.retrieve_batch`, storing everything", with_library),
    NOT_STORED: Contender("`client.retrieve_batch`, library off", without_library),
    BARE: Contender(f"bare calls of `requests`, {BATCH} ids each, {THREADS} threads", bare_calls),
}


def measure(name: str, job: Job) -> BatchMeasurement:
    """Runs a contender once, in this process."""
    ids = list(task_ids(job.count))
    memory_before = memory.begin()
    start, cpu_start = time.perf_counter(), time.process_time()
    found = CONTENDERS[name].run(job, ids)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu_start
    growth = memory.peak_above(memory_before)
    if len(found) != job.count:
        raise RuntimeError(f"{name} returned {len(found)} tasks instead of {job.count}.")
    if name == STORED and len(Library(job.store)) != job.count:
        raise RuntimeError("Not all tasks were stored.")
    return BatchMeasurement(seconds, cpu, growth)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=CONTENDERS)
    print(json.dumps(asdict(measure(parser.parse_args().contender, Job(**json.load(sys.stdin))))))
