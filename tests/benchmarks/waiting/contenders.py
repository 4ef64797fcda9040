"""Why: the ways to wait for many tasks that are set against each other.

Each is given the service's address and the ids, and hands out every id as soon as it knows that the task is finished.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import TYPE_CHECKING

import requests
from acedatacloud import AceDataCloud  # type: ignore[import-untyped]  # it comes without types

from seedream_nb import SeedreamClient
from tests.benchmarks.waiting.scene import TOKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

INTERVAL = 3.0  # seconds; what the vendor's SDK sleeps by default as well
TIMEOUT = 60  # seconds


@dataclass(frozen=True)
class Contender:
    """One way to wait for tasks.

    Attributes:
        label: Its name in the report.
        run: Waits; yields each id when the task is known to be finished.
    """

    label: str
    run: Callable[[str, Sequence[str]], Iterator[str]]


def iter_wait(base_url: str, task_ids: Sequence[str]) -> Iterator[str]:
    """One question for all open tasks, at the default pace."""
    with SeedreamClient(TOKEN, base_url) as client:
        for task in client.iter_wait(task_ids):
            yield task.id


def vendor_sdk(base_url: str, task_ids: Sequence[str]) -> Iterator[str]:
    """The vendor's SDK at its default pace; it waits for one task at a time, so one comes after the other."""
    client = AceDataCloud(TOKEN, base_url=base_url)
    for task_id in task_ids:
        client.tasks.wait(task_id, service="seedream")
        yield task_id
    client.close()


def vendor_sdk_at_once(base_url: str, task_ids: Sequence[str]) -> Iterator[str]:
    """The vendor's SDK at its best: a thread for each task, so that each is asked for every 3 s."""
    client = AceDataCloud(TOKEN, base_url=base_url)
    with ThreadPoolExecutor(len(task_ids)) as pool:
        waits = {pool.submit(client.tasks.wait, task_id, service="seedream"): task_id for task_id in task_ids}
        for wait in as_completed(waits):
            yield waits[wait]
    client.close()


def plain_loop(base_url: str, task_ids: Sequence[str]) -> Iterator[str]:
    """What a user would write: asks for each open task in turn, sleeps, and begins again."""
    open_ids = list(task_ids)
    with requests.Session() as session:
        session.headers["authorization"] = f"Bearer {TOKEN}"
        while True:
            for task_id in tuple(open_ids):
                answer = session.post(f"{base_url}/seedream/tasks", json={"id": task_id}, timeout=TIMEOUT)
                if answer.json()["finished_at"]:
                    open_ids.remove(task_id)
                    yield task_id
            if not open_ids:
                return
            time.sleep(INTERVAL)


OURS = "iter_wait"
VENDOR_SDK_AT_ONCE = "vendor's SDK at once"
VENDOR_SDK = "vendor's SDK"
PLAIN_LOOP = "plain loop"
CONTENDERS = {
    OURS: Contender("`client.iter_wait`", iter_wait),
    VENDOR_SDK_AT_ONCE: Contender(
        f"`tasks.wait` of `acedatacloud` for all at once: each task every {INTERVAL:g} s", vendor_sdk_at_once
    ),
    VENDOR_SDK: Contender("`tasks.wait` of `acedatacloud` for one task after the other", vendor_sdk),
    PLAIN_LOOP: Contender(f"the plain loop: each open task in turn, sleep {INTERVAL:g} s", plain_loop),
}
