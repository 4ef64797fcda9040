"""What runs cost: against threads that keep nothing, a finished run again, and a run of a million rows.

The sandbox is in a process of its own, as a service would be.
"""

from __future__ import annotations

import json
import multiprocessing
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import requests

from seedream_nb import Sandbox, SeedreamClient
from seedream_nb.library.run_store import RunStore
from tests.benchmarks import memory
from tests.benchmarks.processes import run_worker
from tests.benchmarks.report import Goal, contender_table, goal_table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

ROWS = 2_000
LATENCY = 0.05  # seconds
IN_FLIGHT = 32
FINISHED = 10_000
MILLION = 1_000_000
SENT_OF_MILLION = 200  # of which as many are sent, to see that planning holds nothing
MEBIBYTE = 2**20


@dataclass(frozen=True)
class Result:
    """Medians in seconds, and the peak memory of a kernel in bytes."""

    threads: float
    run: float
    again: float
    stored: float
    opened: float
    listed: float
    memory: int


def measure_all(rounds: int) -> Result:
    """Measures everything in this many rounds, what takes minutes once."""
    with tempfile.TemporaryDirectory() as folder, _service() as (token, url):
        threads, runs = [], []
        for number in range(rounds):
            threads.append(_send_with_threads(token, url, f"threads {number}"))
            runs.append(_send_as_run(token, url, Path(folder) / f"run {number}", f"run {number}"))
        again = _run_again(token, url, Path(folder) / "again", rounds)
        job = {"token": token, "url": url, "folder": str(Path(folder) / "million")}
        stored = run_worker("tests.benchmarks.runs", "store", job=job)
        opened = run_worker("tests.benchmarks.runs", "open", job=job)
    return Result(
        median(threads),
        median(runs),
        again,
        stored["seconds"],
        opened["seconds"],
        opened["listed"],
        max(stored["peak"], opened["peak"]),
    )


def render(result: Result) -> str:
    """The report as Markdown."""
    rows = [
        [f"{IN_FLIGHT} threads that keep nothing", f"{result.threads:.2f} s"],
        ["A run", f"{result.run:.2f} s"],
    ]
    million = [
        ["Reading and storing the table", f"{result.stored:.1f} s"],
        ["Opening it by its name", f"{result.opened:.2f} s"],
        ["Listing all runs", f"{result.listed:.2f} s"],
    ]
    goals = [
        Goal(f"{ROWS:,} rows, against threads", result.run / result.threads, 1.25, " times"),
        Goal(f"A finished run of {FINISHED:,} rows again", result.again, 1, " s"),
        Goal(f"Opening a run of {MILLION:,} rows", result.opened, 5, " s"),
        Goal("Memory of a kernel with it", result.memory / MEBIBYTE, 200, " MB"),
    ]
    tables = [
        contender_table([f"{ROWS:,} images, {LATENCY * 1000:.0f} ms latency"], rows),
        contender_table([f"{MILLION:,} rows"], million),
        goal_table(goals),
    ]
    return "## Runs\n\n" + "\n\n".join(tables)


def summarize(result: Result) -> str:
    """The figures for users, as Markdown."""
    rows = [
        [f"{ROWS:,} images by a run", f"{result.run:.1f} s"],
        [f"{ROWS:,} images by {IN_FLIGHT} bare threads that record nothing", f"{result.threads:.1f} s"],
        [f"A finished run of {FINISHED:,} rows again", f"{result.again:.2f} s"],
        [f"Opening a run of {MILLION:,} rows by its name", f"{result.opened:.1f} s"],
    ]
    memory = f"The kernel takes at most {result.memory / MEBIBYTE:.0f} MB with a run of {MILLION:,} rows."
    return f"{contender_table(['Time'], rows)}\n\n{memory}"


@contextmanager
def _service() -> Iterator[tuple[str, str]]:
    """A sandbox in a process of its own; yields its token and address."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send("stop")
        process.join()


def _serve(pipe: Connection[Any, Any]) -> None:
    with Sandbox(generation_seconds=0) as sandbox:
        sandbox.settings.latency = LATENCY
        pipe.send((sandbox.token, sandbox.url))
        pipe.recv()


def _send_with_threads(token: str, url: str, prompt: str) -> float:
    """Seconds until a bare thread pool has sent and polled each request."""
    session = requests.Session()
    session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=IN_FLIGHT))
    session.headers["Authorization"] = f"Bearer {token}"

    def work(number: int) -> None:
        body = {"model": "doubao-seedream-4-5-251128", "prompt": f"{prompt} {number}", "async": True}
        task_id = session.post(f"{url}/seedream/images", json=body, timeout=60).json()["task_id"]
        while True:
            query = {"action": "retrieve", "id": task_id}
            task = session.post(f"{url}/seedream/tasks", json=query, timeout=60).json()
            if task.get("finished_at"):
                return

    begin = time.perf_counter()
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        list(pool.map(work, range(ROWS)))
    return time.perf_counter() - begin


def _rows(count: int, animal: str = "cat") -> Iterator[dict[str, object]]:
    return ({"animal": f"{animal} {number}", "number": number} for number in range(count))


def _send_as_run(token: str, url: str, folder: Path, animal: str) -> float:
    with SeedreamClient(token, url, library=folder) as client:
        begin = time.perf_counter()
        run = client.run(
            _rows(ROWS, animal), name="rows", prompt="{animal}", model="4.5", in_flight=IN_FLIGHT, originals=False
        )
        for _summary in run.updates():
            pass
        return time.perf_counter() - begin


def _run_again(token: str, url: str, folder: Path, rounds: int) -> float:
    table = list(_rows(FINISHED))
    with SeedreamClient(token, url, library=folder) as client:
        client.run(table, name="rows", prompt="a {animal}")
        _finish_all(folder, "rows")
        times = []
        for _round in range(rounds):
            begin = time.perf_counter()
            for _summary in client.run(table, name="rows", prompt="a {animal}").updates():
                pass
            times.append(time.perf_counter() - begin)
    return median(times)


def _finish_all(folder: Path, name: str) -> None:
    """Makes a run finished, as far as its file says."""
    store = RunStore(folder / "runs", name)
    with store._writing() as connection:
        connection.execute("UPDATE entries SET state = 'done', images = 1, has_originals = 1")
    store.close()


def _work(name: str) -> None:
    """One process of a run of a million rows: stores it and sends some of it, or opens it by its name."""
    job = json.load(sys.stdin)
    found: dict[str, float]
    with SeedreamClient(job["token"], job["url"], library=job["folder"]) as client:
        begin = time.perf_counter()
        table = _rows(MILLION) if name == "store" else None
        prompt = "a {animal}" if name == "store" else None
        run = client.run(table, name="million", prompt=prompt, in_flight=IN_FLIGHT, originals=False)
        seconds = time.perf_counter() - begin
        for summary in run.updates():
            if summary.done >= summary.bought_before + SENT_OF_MILLION:
                break
        run.stop()
        begin = time.perf_counter()
        client.runs()
        found = {"seconds": seconds, "listed": time.perf_counter() - begin, "peak": memory.peak_above(0)}
    print(json.dumps(found))


if __name__ == "__main__":
    _work(sys.argv[1])
