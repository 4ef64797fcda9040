"""Processes that buy as a kernel does, and are killed, interrupted, or run at the same time.

Their work is a function of a test file. It gets the address and the token of a service and the folder of a library, and
returns the ids of its tasks in order.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from seedream_nb.core.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection
    from pathlib import Path

    from seedream_nb import Sandbox

PROCESSES: Any = multiprocessing.get_context("forkserver" if os.name == "posix" else None)
# All are forked from one process, which has this loaded; it starts with the first of them.
PROCESSES.set_forkserver_preload(
    ["tests.client.test_killed_kernel", "tests.runs.test_killed_kernel", "seedream_nb.library", "pandas"]
)


def start(work: Callable[..., object], sandbox: Sandbox, folder: Path, *more: object) -> Any:
    """Starts a process that works with a sandbox and the library in a folder."""
    process = PROCESSES.Process(target=work, args=(sandbox.url, sandbox.token, str(folder), *more))
    process.start()
    return process


def end_often(
    work: Callable[..., list[str]], sandbox: Sandbox, folder: Path, how: signal.Signals, moments: list[float]
) -> None:
    """Starts a process for each moment, and ends it after so many seconds."""
    for seconds in moments:
        process = (
            start(_until_interrupted, sandbox, folder, work) if how is signal.SIGINT else start(work, sandbox, folder)
        )
        process.join(seconds)
        with suppress(ProcessLookupError):
            os.kill(process.pid, how)
        process.join(60)


def _until_interrupted(url: str, token: str, folder: str, work: Callable[..., object]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with suppress(Interrupted, KeyboardInterrupt):
        work(url, token, folder)


def draw_moments(count: int, shortest: float, longest: float, *seed: object) -> list[float]:
    """Some seconds at random, the same in every run."""
    chance = random.Random(str(seed))  # noqa: S311  not cryptography
    return [chance.uniform(shortest, longest) for _ in range(count)]


def work_twice(work: Callable[..., list[str]], sandbox: Sandbox, folder: Path) -> list[list[str]]:
    """What two processes at the same time return."""
    pipes = [PROCESSES.Pipe(duplex=False) for _ in range(2)]
    started = [start(_answer, sandbox, folder, work, sender) for _receiver, sender in pipes]
    answers = [receiver.recv() for receiver, _sender in pipes]
    for process in started:
        process.join(60)
    return answers


def _answer(url: str, token: str, folder: str, work: Callable[..., list[str]], answer: Connection[Any, Any]) -> None:
    answer.send(work(url, token, folder))
