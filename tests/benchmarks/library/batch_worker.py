"""Why: many tasks are asked for in a process of its own, so that what they take of its memory can be told."""

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
from tests.benchmarks.library.scene import CHUNK, THREADS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True)
class Job:
    """What a contender is told.

    Attributes:
        base_url: The server's address.
        count: How many ids it asks for.
        store: The folder of its library.
    """

    base_url: str
    count: int
    store: str


@dataclass(frozen=True)
class Batch:
    """One round of one contender.

    Attributes:
        seconds: From the call to the last task.
        processor: Seconds of processor time, of all threads.
        memory: The peak of the resident memory above what it was just before, in bytes; it includes the tasks.
    """

    seconds: float
    processor: float
    memory: int


@dataclass(frozen=True)
class Contender:
    """One way to ask for many tasks.

    Attributes:
        label: Its name in the report.
        run: Asks for all; hands out what has come.
    """

    label: str
    run: Callable[[Job, Sequence[str]], Sequence[object]]


def with_library(job: Job, ids: Sequence[str]) -> Sequence[object]:
    """Keeps all on the way."""
    with SeedreamClient(TOKEN, job.base_url, library=job.store) as client:
        return client.retrieve_batch(ids)


def without_library(job: Job, ids: Sequence[str]) -> Sequence[object]:
    """Keeps nothing."""
    with SeedreamClient(TOKEN, job.base_url, library="off") as client:
        return client.retrieve_batch(ids)


def bare_calls(job: Job, ids: Sequence[str]) -> Sequence[object]:
    """The limit: as many threads, and the answers as JSON."""
    headers = {"accept": "application/json", "authorization": f"Bearer {TOKEN}"}
    with requests.Session() as session, ThreadPoolExecutor(THREADS) as pool:

        def ask(chunk: Sequence[str]) -> list[object]:
            question = {"action": "retrieve_batch", "ids": chunk}
            answer = session.post(f"{job.base_url}/seedream/tasks", json=question, headers=headers, timeout=TIMEOUT)
            items: list[object] = answer.json()["items"]
            return items

        pages = pool.map(ask, [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)])
        return [item for page in pages for item in page]


KEPT = "batch kept"
NOT_KEPT = "batch not kept"
BARE = "bare calls"
CONTENDERS = {
    KEPT: Contender("`client.retrieve_batch`, into an empty library", with_library),
    NOT_KEPT: Contender("`client.retrieve_batch`, the library off", without_library),
    BARE: Contender(f"bare calls of `requests`, {CHUNK} ids each, {THREADS} threads", bare_calls),
}


def measure(name: str, job: Job) -> Batch:
    """Runs one contender once, in this process.

    Args:
        name: The contender.
        job: What it has to ask for.

    Returns:
        What it took.

    Raises:
        RuntimeError: Not all has come, or was kept.
    """
    ids = list(task_ids(job.count))
    memory_before = memory.begin()
    start, processor_start = time.perf_counter(), time.process_time()
    found = CONTENDERS[name].run(job, ids)
    seconds, processor = time.perf_counter() - start, time.process_time() - processor_start
    growth = memory.peak_above(memory_before)
    if len(found) != job.count:
        raise RuntimeError(f"{name} gives {len(found)} tasks instead of {job.count}.")
    if name == KEPT and len(Library(job.store)) != job.count:
        raise RuntimeError("Not all tasks were kept.")
    return Batch(seconds, processor, growth)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=CONTENDERS)
    print(json.dumps(asdict(measure(parser.parse_args().contender, Job(**json.load(sys.stdin))))))
