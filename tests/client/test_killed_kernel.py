"""A sweep whose process is killed, interrupted, or loses its answers again and again is paid for once."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from contextlib import closing, suppress
from typing import TYPE_CHECKING

import pytest

from seedream_nb import Library, Sandbox, SeedreamClient
from seedream_nb.core.errors import LibraryError, SeedreamError
from tests.conftest import QUICK
from tests.full_disk import limit_files
from tests.killed_kernels import draw_moments, end_often, start, work_twice

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 40
PROMPTS = [f"cat number {number}" for number in range(SIZE)]
LONGEST = 0.4  # seconds until a process is killed
SETTLING_TIME = 0.3
ROUNDS = 50 if "CI" in os.environ else 12

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are of Unix")


def sweep(url: str, token: str, folder: str) -> list[str]:
    """Runs the sweep as a cell would."""
    with SeedreamClient(token, url, library=folder, retries=QUICK, settling_time=SETTLING_TIME) as client:
        return [task.id for task in client.generate_all(PROMPTS, reuse=True, interval=0.05).finish()]


def check(sandbox: Sandbox, folder: Path) -> None:
    """Each was paid for once, and all are seen."""
    ids = sweep(sandbox.url, sandbox.token, str(folder))
    examples = {example.id for example in sandbox.examples}
    bought = [task for task in sandbox.task_ids if task not in examples]
    assert len(bought) == SIZE
    assert sorted(ids) == sorted(bought)
    with closing(Library(folder)) as library:
        assert [task.prompt for task in library.find(ids).values()] == PROMPTS


@pytest.mark.parametrize("lag", [0.0, 0.2])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_a_sweep_is_paid_for_once_however_often_it_ends(tmp_path: Path, how: signal.Signals, lag: float) -> None:
    with Sandbox(generation_seconds=0.05) as sandbox:
        sandbox.settings.latency = 0.01
        sandbox.settings.history_lag = lag
        end_often(sweep, sandbox, tmp_path, how, draw_moments(ROUNDS, 0, LONGEST, how, lag))
        check(sandbox, tmp_path)


def test_answers_that_are_lost_cost_nothing_more(tmp_path: Path) -> None:
    with Sandbox(generation_seconds=0.05) as sandbox:
        sandbox.settings.history_lag = 0.2
        sandbox.faults.add("drop", on="images", processed=True, times=ROUNDS // 2)
        sandbox.faults.add("server_error", on="images", times=ROUNDS // 2)
        for _round in range(ROUNDS):
            with suppress(SeedreamError):
                sweep(sandbox.url, sandbox.token, str(tmp_path))
            if len(sandbox.faults) == 0:
                break
        check(sandbox, tmp_path)


def test_two_kernels_run_the_same_cell(tmp_path: Path) -> None:
    with Sandbox(generation_seconds=0.05) as sandbox:
        sandbox.settings.latency = 0.01
        first, second = work_twice(sweep, sandbox, tmp_path)
        assert first == second
        check(sandbox, tmp_path)


def test_a_killed_kernel_does_not_block_a_living_one(tmp_path: Path) -> None:
    with Sandbox(generation_seconds=0.05) as sandbox:
        sandbox.settings.latency = 5.0  # the first one is killed while it waits for an answer
        process = start(sweep, sandbox, tmp_path)
        end = time.monotonic() + 30
        while not sandbox.open_requests and time.monotonic() < end:
            time.sleep(0.01)
        process.kill()
        process.join(60)
        sandbox.settings.latency = 0.0
        check(sandbox, tmp_path)


def buy_on_a_full_disk(url: str, token: str, folder: str, limit: int) -> None:
    """Sends paid requests one after the other; what cannot be recorded is either announced or not sent."""
    limit_files(limit)
    with SeedreamClient(token, url, library=folder, retries=QUICK, settling_time=0) as client:
        for prompt in PROMPTS:
            with suppress(LibraryError):
                client.generate(prompt * 100, reuse=True)


@pytest.mark.parametrize("limit", [10_000, 200_000])
def test_on_a_full_disk_what_was_recorded_is_paid_for_once(tmp_path: Path, limit: int) -> None:
    def buy() -> Counter[str]:
        process = start(buy_on_a_full_disk, sandbox, tmp_path, limit)
        process.join(60)
        assert process.exitcode == 0
        tasks = [sandbox._store.peek(task_id) for task_id in sandbox.task_ids]
        return Counter(task.prompt for task in tasks if task is not None)

    with Sandbox(generation_seconds=0.05) as sandbox:
        buy()
        with closing(Library(tmp_path)) as library:
            recorded = {purchase.prompt for purchase in library.ledger.unsettled()}
        assert bool(recorded) is (limit > 100_000)
        accepted = buy()
        assert all(accepted[prompt] == 1 for prompt in recorded)
