"""Ways to wait for many tasks.

Each receives the address of the service and the ids, and yields an id as soon as it knows that the task is finished.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests
from acedatacloud import AceDataCloud  # type: ignore[import-untyped]  # it has no types

from seedream_nb import SeedreamClient
from tests.benchmarks.waiting.server import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

INTERVAL = 3.0  # seconds; also the default of the service's SDK
TIMEOUT = 60  # seconds


@dataclass(frozen=True)
class Contender:
    """One way to wait for tasks.

    Attributes:
        label: The name in the report.
        run: Waits, and yields each id when the task is known to be finished.
    """

    label: str
    run: Callable[[str, Sequence[str]], Iterator[str]]


def iter_wait(base_url: str, task_ids: Sequence[str]) -> Iterator[str]:
    """One batch request for all unfinished tasks per polling interval, at the default pace."""
    with SeedreamClient(TOKEN, base_url) as client:
        for task in client.iter_wait(task_ids):
            yield task.id


def sdk_one_by_one(base_url: str, task_ids: Sequence[str]) -> Iterator[str]:
    """The service's SDK at its default pace: it waits for a single task, so one comes after another."""
    client = AceDataCloud(TOKEN, base_url=base_url)
    for task_id in task_ids:
        client.tasks.wait(task_id, service="seedream")
        yield task_id
    client.close()


def sdk_at_once(base_url: str, task_ids: Sequence[str]) -> Iterator[str]:
    """The service's SDK at its best: one thread per task, so that each task is polled every 3 s."""
    client = AceDataCloud(TOKEN, base_url=base_url)
    with ThreadPoolExecutor(len(task_ids)) as pool:
        waits = {pool.submit(client.tasks.wait, task_id, service="seedream"): task_id for task_id in task_ids}
        for wait in as_completed(waits):
            yield waits[wait]
    client.close()


def loop(base_url: str, task_ids: Sequence[str]) -> Iterator[str]:
    """What a user would write: queries each unfinished task in turn, sleeps, and starts over."""
    unfinished = list(task_ids)
    with requests.Session() as session:
        session.headers["authorization"] = f"Bearer {TOKEN}"
        while True:
            for task_id in tuple(unfinished):
                response = session.post(f"{base_url}/seedream/tasks", json={"id": task_id}, timeout=TIMEOUT)
                if response.json()["finished_at"]:
                    unfinished.remove(task_id)
                    yield task_id
            if not unfinished:
                return
            time.sleep(INTERVAL)


OURS = "iter_wait"
SDK_AT_ONCE = "SDK, all at once"
SDK_ONE_BY_ONE = "SDK, one by one"
LOOP = "loop"
CONTENDERS = {
    OURS: Contender("`client.iter_wait`, `%seedream wait`", iter_wait),
    SDK_AT_ONCE: Contender(
        f"`tasks.wait` of the service's Python SDK, all tasks at once, each polled every {INTERVAL:g} s", sdk_at_once
    ),
    SDK_ONE_BY_ONE: Contender("`tasks.wait` of the service's Python SDK, one task after another", sdk_one_by_one),
    LOOP: Contender(f"A loop that queries each unfinished task in turn and sleeps {INTERVAL:g} s", loop),
}
