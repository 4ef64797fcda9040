"""Runs work in daemon threads, so that an interrupt ends a cell or a script at once, even with answers outstanding.

At its exit, the interpreter waits for the threads of `concurrent.futures`: a script stopped with Ctrl-C would hang
until a silent server times out. It does not wait for daemon threads.
"""

from __future__ import annotations

import math
import queue
import threading
import time
from collections import deque
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator

MOST_REINFORCEMENTS = 3

# Maximum seconds that a thread waits at a time for another one. An interrupt that comes just before a wait begins is
# seen only after it, and on Windows so is every other.
INTERRUPT_IS_SEEN_WITHIN = 0.5
SHORTEST_WAIT = 0.01  # seconds that a queue itself waits
BETWEEN_LOOKS = 0.001  # seconds, in a shorter wait

Item = TypeVar("Item")
Result = TypeVar("Result")
Finished = TypeVar("Finished")


def join_all(threads: Iterable[threading.Thread], seconds: float) -> None:
    """Waits until threads end, but no longer than some seconds for all of them together.

    The calling thread, and threads that were never started, are not waited for.
    """
    deadline = time.monotonic() + seconds
    for thread in threads:
        if thread is not threading.current_thread() and thread.ident is not None:
            thread.join(max(0.0, deadline - time.monotonic()))


def run_parallel(
    work: Callable[[Item], Result], items: Iterable[Item], *, threads: int, name: str, patience: float | None = None
) -> Iterator[tuple[Item, Result]]:
    """Calls a function for many items in parallel.

    Args:
        work: Called with an item, in a thread. To end early, it checks an event of its own.
        items: The items.
        threads: Maximum number of threads.
        name: The name of the threads.
        patience: Seconds without a result, after which as many threads start in addition, so that a few stuck calls do
            not hold up all others; up to four times as many as given. By default none do.

    Yields:
        Each item with its result, as soon as that is available.

    Raises:
        BaseException: What a call raised.

    Example:
        >>> sorted(run_parallel(len, ["a", "bb"], threads=2, name="count"))
        [('a', 1), ('bb', 2)]
    """
    waiting: queue.SimpleQueue[Item] = queue.SimpleQueue()
    finished: queue.SimpleQueue[tuple[Item, Future[Result]]] = queue.SimpleQueue()
    for item in items:
        waiting.put(item)
    count = waiting.qsize()

    def start_threads() -> None:
        for _ in range(min(threads, waiting.qsize())):
            threading.Thread(target=_work_on, args=(work, waiting, finished), name=name, daemon=True).start()

    start_threads()
    reinforcements = MOST_REINFORCEMENTS
    for _ in range(count):
        while (result := _wait_for(finished, patience if reinforcements else None)) is None:
            reinforcements -= 1
            start_threads()
        item, outcome = result
        yield item, outcome.result()


def take(items: queue.SimpleQueue[Item], seconds: float) -> Item | None:
    """The next item of a queue; None if none comes within some seconds.

    An interrupt that came before the wait is raised after it. If the queue's error were still being handled then, its
    traceback would be shown as well.
    """
    try:
        try:
            if seconds >= SHORTEST_WAIT:
                return items.get(timeout=seconds)
            # With a timeout that may have passed when it looks, the queue waits forever (Python 3.10).
            end = time.monotonic() + seconds
            while items.empty() and (remaining := end - time.monotonic()) > 0:
                time.sleep(min(remaining, BETWEEN_LOOKS))
            return items.get_nowait()
        except queue.Empty:
            return None
    except KeyboardInterrupt as interrupt:
        interrupt.__context__ = None  # Python 3.10 raises it where the queue's error is handled
        raise


def _wait_for(finished: queue.SimpleQueue[Finished], seconds: float | None) -> Finished | None:
    """The next result; None if none comes within some seconds."""
    end = math.inf if seconds is None else time.monotonic() + seconds
    while True:
        remaining = end - time.monotonic()
        result = take(finished, min(INTERRUPT_IS_SEEN_WITHIN, remaining))
        if result is not None or remaining <= 0:
            return result


def run_in_order(
    work: Callable[[Item], Result], items: Iterable[Item], *, threads: int, name: str, ahead: int, patience: float = 0.0
) -> Generator[Result, None, None]:
    """Calls a function for many items in parallel, and yields the results in the order of the items.

    Items are taken as they are needed, and no more than `ahead` results wait for the one before them.

    Args:
        work: Called with an item, in a thread.
        items: The items.
        threads: Maximum number of threads.
        name: The name of the threads.
        ahead: The most items that are being worked on, or finished and not yet yielded.
        patience: Seconds to wait in the end, also an early one, for calls that have begun.

    Raises:
        BaseException: What a call raised. Items that have not begun by then, or when the caller stops, never do.

    Example:
        >>> list(run_in_order(len, ["aaa", "b"], threads=2, name="count", ahead=4))
        [3, 1]
    """
    waiting: queue.SimpleQueue[tuple[Item, Future[Result]] | None] = queue.SimpleQueue()
    stopped = threading.Event()
    pending: deque[Future[Result]] = deque()
    workers: list[threading.Thread] = []
    try:
        for item in items:
            outcome: Future[Result] = Future()
            pending.append(outcome)
            waiting.put((item, outcome))
            if len(workers) < threads:
                worker = threading.Thread(target=_work_until, args=(work, waiting, stopped), name=name, daemon=True)
                workers.append(worker)
                worker.start()
            if len(pending) >= ahead:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        stopped.set()
        for _ in workers:
            waiting.put(None)
        join_all(workers, patience)


def _work_until(
    work: Callable[[Item], Result],
    waiting: queue.SimpleQueue[tuple[Item, Future[Result]] | None],
    stopped: threading.Event,
) -> None:
    while (job := waiting.get()) is not None and not stopped.is_set():
        _finish(work, *job)


def _work_on(
    work: Callable[[Item], Result],
    waiting: queue.SimpleQueue[Item],
    finished: queue.SimpleQueue[tuple[Item, Future[Result]]],
) -> None:
    while True:
        try:
            item = waiting.get_nowait()
        except queue.Empty:
            return
        outcome: Future[Result] = Future()
        _finish(work, item, outcome)
        finished.put((item, outcome))


def _finish(work: Callable[[Item], Result], item: Item, outcome: Future[Result]) -> None:
    try:
        outcome.set_result(work(item))
    except BaseException as problem:  # noqa: BLE001  raised in the thread that waits for it
        outcome.set_exception(problem)
