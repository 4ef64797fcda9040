"""A run whose process is killed in the middle, again and again, or that two kernels work on, is paid for once."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from seedream_nb import Sandbox, SeedreamClient
from tests.conftest import QUICK
from tests.killed_kernels import draw_moments, end_often, start, work_twice

if TYPE_CHECKING:
    from pathlib import Path

    from seedream_nb import Run

ROWS = [{"animal": f"cat number {number % 30}"} for number in range(40)]  # some are equal
LONGEST = 0.8  # seconds until a process is killed
ROUNDS = 25 if "CI" in os.environ else 8

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are of Unix")


def open_run(client: SeedreamClient) -> Run:
    return client.run(ROWS, name="cats", prompt="a {animal}", interval=0.05, in_flight=8, originals=False)


def finish(url: str, token: str, folder: str) -> list[str]:
    """Runs the table as a cell would."""
    with SeedreamClient(token, url, library=folder, retries=QUICK, settling_time=0.3) as client:
        run = open_run(client)
        run.finish()
        return [str(task_id) for task_id in run.frame["task_id"]]


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
def test_the_same_line_continues(tmp_path: Path, how: signal.Signals) -> None:
    with Sandbox(generation_seconds=0.05) as sandbox:
        sandbox.settings.latency = 0.02
        end_often(finish, sandbox, tmp_path, how, draw_moments(ROUNDS, 0.1, LONGEST, how))
        check(sandbox, tmp_path)


def test_two_kernels_work_on_it(tmp_path: Path) -> None:
    with Sandbox(generation_seconds=0.05) as sandbox:
        sandbox.settings.latency = 0.02
        first, second = work_twice(finish, sandbox, tmp_path)
        assert first == second
        check(sandbox, tmp_path)


def test_a_killed_kernel_is_not_running_any_more(tmp_path: Path) -> None:
    with Sandbox(generation_seconds=5.0) as sandbox:
        process = start(finish, sandbox, tmp_path)
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
