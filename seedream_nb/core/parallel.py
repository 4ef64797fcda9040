"""Why: an interrupt has to end a cell or a script at once, also while answers are still on their way.

The interpreter waits at its exit for the threads of `concurrent.futures`, so that a script stopped with Ctrl-C would
hang until a silent server runs into its timeout. It does not wait for the daemon threads used here.
"""

from __future__ import annotations

import queue
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_parallel(
    work: Callable[[Item], Result], items: Iterable[Item], *, threads: int, name: str
) -> Iterator[tuple[Item, Result]]:
    """Does the same work on many items at the same time.

    Args:
        work: What to do with an item, in a thread. Work that is to end early looks at an event of its own.
        items: The items.
        threads: How many items are worked on at the same time.
        name: What the threads are called.

    Yields:
        Each item with its result, as soon as it is finished.

    Raises:
        BaseException: What the work raised.

    Example:
        >>> sorted(run_parallel(len, ["a", "bb"], threads=2, name="count"))
        [('a', 1), ('bb', 2)]
    """
    waiting: queue.SimpleQueue[Item] = queue.SimpleQueue()
    finished: queue.SimpleQueue[tuple[Item, Future[Result]]] = queue.SimpleQueue()
    for item in items:
        waiting.put(item)
    count = waiting.qsize()

    def work_on() -> None:
        while True:
            try:
                item = waiting.get_nowait()
            except queue.Empty:
                return
            outcome: Future[Result] = Future()
            try:
                outcome.set_result(work(item))
            except BaseException as problem:  # noqa: BLE001  raised in the thread that waits for it
                outcome.set_exception(problem)
            finished.put((item, outcome))

    for _ in range(min(threads, count)):
        threading.Thread(target=work_on, name=name, daemon=True).start()
    for _ in range(count):
        item, outcome = finished.get()
        yield item, outcome.result()
