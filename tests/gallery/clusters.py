"""A Dask cluster of two processes on this machine."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
from typing import TYPE_CHECKING

import dask
from distributed import Client, LocalCluster

if TYPE_CHECKING:
    from collections.abc import Iterator

SETTINGS = {
    # After this time Dask gives up each worker that was ever lost and is not there then, even if it is just restarting.
    "distributed.deploy.lost-worker-timeout": "1h",
    # Starts a worker in a fraction of the time: everything is imported once, by the process that all are forked from.
    "distributed.worker.multiprocessing-method": "forkserver",
}


@contextlib.contextmanager
def open_cluster(*, workers: int = 2, allowed_failures: int = 30) -> Iterator[Client]:
    """A client of a cluster; each worker is a process with one thread, which is restarted when it dies."""
    settings = {**SETTINGS, "distributed.scheduler.allowed-failures": allowed_failures}
    with (
        dask.config.set(settings),
        LocalCluster(
            n_workers=workers,
            processes=True,
            threads_per_worker=1,
            dashboard_address="127.0.0.1:0",
            silence_logs=False,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


def scheduler_address(client: Client) -> str:
    assert isinstance(client.cluster, LocalCluster)
    return str(client.cluster.scheduler_address)


def worker_pids(client: Client) -> list[int]:
    """The processes of the workers that have started."""
    assert isinstance(client.cluster, LocalCluster)
    nannies = client.cluster.workers.values()
    return [nanny.pid for nanny in nannies if nanny.status.name == "running" and nanny.pid]


@contextlib.contextmanager
def killing_workers(client: Client, seed: int, *, pause: tuple[float, float], most: int) -> Iterator[list[int]]:
    """Kills workers at random; yields the list of those killed so far."""
    chance = random.Random(seed)  # noqa: S311  no secret
    killed: list[int] = []
    stop = threading.Event()

    def kill() -> None:
        while len(killed) < most and not stop.wait(chance.uniform(*pause)):
            if pids := [pid for pid in worker_pids(client) if pid not in killed]:
                pid = chance.choice(pids)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)

    thread = threading.Thread(target=kill, name="kill workers", daemon=True)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join()
