"""Work in threads."""

from __future__ import annotations

import queue
import signal
import sys
import threading
import time
from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

from seedream_nb.core.parallel import SHORTEST_WAIT, run_in_order, run_parallel, take

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME = "a-name-of-this-test"


def wait_for_the_end() -> None:
    for thread in threading.enumerate():
        if thread.name == NAME:
            thread.join(10)
            assert not thread.is_alive()


def test_results_come_in_order_however_long_they_take() -> None:
    first = threading.Event()

    def work(number: int) -> int:
        if number == 0:
            assert first.wait(10)
        elif number == 3:
            first.set()
        return number * 10

    assert list(run_in_order(work, range(20), threads=4, name=NAME, ahead=8)) == list(range(0, 200, 10))
    wait_for_the_end()


def test_items_are_taken_as_they_are_needed() -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    results = run_in_order(str, items(), threads=2, name=NAME, ahead=5)
    for number in range(10):
        assert next(results) == str(number)
        assert len(taken) == number + 5
    assert isinstance(results, Generator)
    results.close()
    wait_for_the_end()


def test_an_error_is_raised_in_its_place_and_ends_the_rest() -> None:
    begun: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 3:
            raise LookupError("three")
        return number

    results = run_in_order(work, range(1000), threads=2, name=NAME, ahead=4)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(LookupError, match="three"):
        next(results)
    wait_for_the_end()
    assert len(begun) <= 8


def test_there_are_no_more_threads_than_items() -> None:
    assert list(run_in_order(str, [], threads=4, name=NAME, ahead=4)) == []
    names: set[str] = set()

    def work(number: int) -> int:
        names.add(str(threading.get_ident()))
        return number

    assert list(run_in_order(work, [1], threads=4, name=NAME, ahead=4)) == [1]
    assert len(names) == 1
    wait_for_the_end()


def test_nothing_waits_where_there_is_no_time_to_wait() -> None:
    items: queue.SimpleQueue[int] = queue.SimpleQueue()
    for number in range(1000):
        assert take(items, 0) is None
        # Whoever takes what is there leaves the queue as if something still were.
        items.put(number)
        assert take(items, 10) == number


def test_a_short_wait_is_waited_to_its_end() -> None:
    begin = time.monotonic()
    assert take(queue.SimpleQueue[int](), SHORTEST_WAIT / 2) is None
    assert time.monotonic() - begin >= SHORTEST_WAIT / 2


@pytest.mark.skipif(sys.platform == "win32", reason="there, no signal is sent to a thread")
def test_an_interrupt_that_is_seen_only_after_a_wait_comes_alone() -> None:
    ended = threading.Event()

    def interrupt(_: int) -> None:
        main = threading.main_thread().ident or 0
        while sys._current_frames()[main].f_code.co_name != "take":
            ended.wait(0.01)
        # Received in this thread, it ends no wait of the main thread.
        signal.pthread_kill(threading.get_ident(), signal.SIGINT)
        ended.wait(10)

    with pytest.raises(KeyboardInterrupt) as caught:
        list(run_parallel(interrupt, [1], threads=1, name=NAME))
    ended.set()
    assert caught.value.__context__ is None
    wait_for_the_end()
