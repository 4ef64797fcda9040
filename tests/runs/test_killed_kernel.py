"""A run whose process is killed in the middle, again and again, or that two kernels work on, is paid for once."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from seedream_nb import Sandbox, SeedreamClient
from seedream_nb.core.errors import Interrupted
from tests.conftest import QUICK

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

    from seedream_nb import Run

ROWS = [{"animal": f"cat number {number % 30}"} for number in range(40)]  # some are equal
LONGEST = 0.8  # seconds until a process is killed
ROUNDS = 25 if "CI" in os.environ else 8

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are of Unix")


def open_run(client: SeedreamClient) -> Run:
    return client.run(ROWS, name="cats", prompt="a {animal}", interval=0.05, in_flight=8, originals=False)


def finish(url: str, token: str, folder: str, answer: Connection[Any, Any] | None = None) -> list[str]:
    """Runs the table as a cell would; returns the ids of its tasks, in order."""
    with SeedreamClient(token, url, library=folder, retries=QUICK, settling_time=0.3) as client:
        run = open_run(client)
        run.finish()
        ids = [str(task_id) for task_id in run.frame["task_id"]]
    if answer is not None:
        answer.send(ids)
    return ids


def finish_until_interrupted(*arguments: Any) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(Interrupted, KeyboardInterrupt):
        finish(*arguments)


@pytest.fixture(scope="module")
def processes() -> Any:
    """Starts processes in which everything is imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.runs.test_killed_kernel", "seedream_nb.library", "pandas"])
    return context


def check(sandbox: Sandbox, folder: Path) -> None:
    """Each row was paid for once, and has an image of its own."""
    ids = finish(sandbox.url, sandbox.token, str(folder))
    bought = set(sandbox.task_ids) - {example.id for example in sandbox.examples}
    assert len(bought) == len(ROWS)
    assert sorted(ids) == sorted(bought)
    with SeedreamClient(sandbox.token, sandbox.url, library=str(folder)) as client:
        run = open_run(client)
        assert run.summary.done == len(ROWS)
        assert [task.prompt for task in run.gallery] == [f"a {row['animal']}" for row in ROWS]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_same_line_continues(processes: Any, tmp_path: Path, how: signal.Signals) -> None:
    chance = random.Random(str(how))  # noqa: S311  not cryptography
    target = finish if how is signal.SIGKILL else finish_until_interrupted
    with Sandbox(generation_seconds=0.05) as sandbox:
        sandbox.settings.latency = 0.02
        for _round in range(ROUNDS):
            process = processes.Process(target=target, args=(sandbox.url, sandbox.token, str(tmp_path)))
            process.start()
            process.join(chance.uniform(0.1, LONGEST))
            with suppress(ProcessLookupError):
                os.kill(process.pid, how)
            process.join(60)
        check(sandbox, tmp_path)


def test_two_kernels_work_on_it(processes: Any, tmp_path: Path) -> None:
    with Sandbox(generation_seconds=0.05) as sandbox:
        sandbox.settings.latency = 0.02
        pipes = [processes.Pipe(duplex=False) for _kernel in range(2)]
        started = [
            processes.Process(target=finish, args=(sandbox.url, sandbox.token, str(tmp_path), sender))
            for _receiver, sender in pipes
        ]
        for process in started:
            process.start()
        first, second = (receiver.recv() for receiver, _sender in pipes)
        for process in started:
            process.join(60)
        assert first == second
        check(sandbox, tmp_path)


def test_a_killed_kernel_is_not_running_any_more(processes: Any, tmp_path: Path) -> None:
    with Sandbox(generation_seconds=5.0) as sandbox:
        process = processes.Process(target=finish, args=(sandbox.url, sandbox.token, str(tmp_path)))
        process.start()
        with SeedreamClient(sandbox.token, sandbox.url, library=str(tmp_path), settling_time=0.3) as client:
            end = time.monotonic() + 30
            while not any(run.is_running for run in client.runs()) and time.monotonic() < end:
                time.sleep(0.05)
            assert [run.is_running for run in client.runs()] == [True]
            process.kill()
            process.join(60)
            assert [run.is_running for run in client.runs()] == [False]
        sandbox.settings.generation_seconds = 0.05
        check(sandbox, tmp_path)
