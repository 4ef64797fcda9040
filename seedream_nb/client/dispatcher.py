"""Sends paid requests, a few in flight: each is either left unsent, or its outcome is recorded, despite interrupts.

Requests are sent in threads, one at a time each. Only such a thread takes a request from the queue and records its
outcome, and an interrupt, which comes to the main thread alone, never reaches it. The thread that orders the sending
waits for none of them.
"""

from __future__ import annotations

import heapq
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING

from seedream_nb.client.at_most_once import CLOCK_SKEW, WithdrawnError
from seedream_nb.client.rate_gate import pause_until_any
from seedream_nb.client.transport import aborts_batch
from seedream_nb.core.errors import OutcomeUnknownError, SeedreamError
from seedream_nb.core.models import ErrorDetail, Task, TaskStatus
from seedream_nb.core.parallel import INTERRUPT_IS_SEEN_WITHIN, take
from seedream_nb.protocol.request_body import describe_request

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from seedream_nb.client.purchases import PaidRequest
    from seedream_nb.client.rate_gate import Ticket
    from seedream_nb.client.transport import Pause


NO_INDEX = -1  # of no request
BUSY_NAME, IDLE_NAME = "seedream-generate", "seedream-idle"
SECONDS_TO_IDLE = 10.0


class _Period:
    """From `open` to `close`.

    Attributes:
        closed: Set when nothing more may be sent.
        orders: A ticket for each request to be sent, None for each thread to end.
        ordered: How many were put there, by the thread that orders.
        taken: How many were taken from there, by those that send.
        ended: How many of these have ended, as far as the thread that orders knows.
        workers: The number of threads.
    """

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.orders: queue.SimpleQueue[Ticket | None] = queue.SimpleQueue()
        self.ordered = self.taken = self.ended = self.workers = 0


@dataclass
class Entry:
    """A request of a batch, and what is known of it.

    Attributes:
        request: The request.
        task: What is known of its task.
        reported: What was last reported of it.
        is_kept: Whether it was paid for before, so that it is not sent.
        is_unsent: Whether it is still to be sent.
        ticket: Its ticket at the gate, while it is in flight.
    """

    request: PaidRequest
    task: Task
    reported: Task
    is_kept: bool
    is_unsent: bool
    ticket: Ticket | None = None

    def leave(self) -> None:
        """Gives its room at the gate back: nothing of it is in flight."""
        ticket, self.ticket = self.ticket, None
        if ticket is not None:
            ticket.leave()


Send = Callable[["PaidRequest", "Pause", "Ticket | None"], "Iterator[Task]"]


class Dispatcher:
    """Requests by their index: unsent, sent and unanswered, or answered.

    It begins closed and empty. Requests are added and discarded by the thread that sends them.

    Args:
        send: Sends a request, at most once, and yields its task each time more is known of it. It is given a function
            that waits, at the gate and before it retries a request that certainly did not arrive; and its ticket.
        stop: While it is set, nothing is sent.

    Attributes:
        failures: Why a request has no task, by its index.
    """

    def __init__(self, send: Send, stop: threading.Event) -> None:
        self.failures: dict[int, SeedreamError] = {}
        self._send = send
        self._stop = stop
        self._entries: dict[int, Entry] = {}
        self._sent_at: dict[int, datetime] = {}
        self._queue: list[int] = []  # a heap of the unsent requests, some of which may have been sent since
        self._end = 0  # the index of the next request that is added
        self._unexpected: BaseException | None = None
        self._news: queue.SimpleQueue[tuple[int, _Period | None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._period = _Period()
        self._period.closed.set()

    def add(self, requests: Sequence[PaidRequest]) -> range:
        """Adds requests to the end; an interrupt adds all of them or none.

        Returns:
            Their indexes.
        """
        entries = [_enter(request) for request in requests]
        added = range(self._end, self._end + len(entries))
        unsent = [index for index, entry in zip(added, entries, strict=True) if entry.is_unsent]
        # After an interrupt between these lines, the indexes stay unused, or `open` completes the queue.
        self._end = added.stop
        self._entries.update(zip(added, entries, strict=True))
        self._queue.extend(unsent)  # still a heap, as each is larger than all before
        return added

    def discard(self, indexes: Iterable[int]) -> None:
        """Forgets requests that are neither unsent nor unanswered; an interrupt may leave some of them."""
        for index in indexes:
            self.failures.pop(index, None)
            self._entries.pop(index, None)

    @property
    def entries(self) -> dict[int, Entry]:
        """All requests by their index, in order."""
        return self._entries.copy()

    @property
    def unsent_indexes(self) -> list[int]:
        """The indexes of unsent requests, in order."""
        return [index for index, entry in self.entries.items() if entry.is_unsent]

    @property
    def unanswered(self) -> dict[int, datetime]:
        """The requests that were sent and have no complete answer, each with the time to search the history from."""
        return self._sent_at.copy()

    @property
    def may_send(self) -> bool:
        """Whether there is a request that may be sent."""
        period = self._period
        return len(self._queue) > period.ordered - period.taken and not self._must_stop(period.closed)

    def find_answered(self, indexes: Iterable[int]) -> dict[int, Entry]:
        """Those of some requests that are answered; whatever is answered by now is known with its answer."""
        sent = {index: entry for index in indexes if (entry := self.find(index)) and not entry.is_unsent}
        # After that: what was sent meanwhile is unsent there, or unanswered here.
        unanswered = self.unanswered
        return {index: entry for index, entry in sent.items() if index not in unanswered and not entry.is_unsent}

    def find(self, index: int) -> Entry | None:
        """The request of an index, unless it was discarded."""
        return self._entries.get(index)

    def open(self) -> None:
        """Allows sending."""
        queued = set(self._queue)
        for index in self.unsent_indexes:
            if index not in queued:
                heapq.heappush(self._queue, index)
        self._period = _Period()

    def send_next(self, ticket: Ticket) -> None:
        """Has the next request sent, if any may be sent. It is in flight until `wait_for_news` counts it as ended."""
        period = self._period
        period.ordered += 1
        period.orders.put(ticket)
        if period.workers < period.ordered - period.ended:
            period.workers += 1
            threading.Thread(target=self._work, args=(period,), name=IDLE_NAME, daemon=True).start()

    def wait_for_news(self, timeout: float = INTERRUPT_IS_SEEN_WITHIN) -> tuple[set[int], int]:
        """Waits until there may be news.

        Args:
            timeout: Maximum seconds to wait.

        Returns:
            The indexes of the requests that there may be news of; and how many of those that were ordered since
            `open` have ended, answered or not.
        """
        indexes: set[int] = set()
        ended = 0
        item = take(self._news, timeout)
        while item is not None:
            index, period = item
            indexes.add(index)
            ended += period is self._period
            item = take(self._news, 0)
        self._period.ended += ended
        return indexes, ended

    def wake(self) -> None:
        """Ends `wait_for_news`."""
        self._news.put((NO_INDEX, None))

    def check(self) -> None:
        """Raises, once, an unexpected error of a sending thread: a bug, or a lack of memory or threads."""
        unexpected, self._unexpected = self._unexpected, None
        if unexpected is not None:
            raise unexpected

    def close(self) -> None:
        """Sends nothing more, and waits for outstanding answers; an interrupt gives up on these."""
        period = self._period
        try:
            period.closed.set()
            while self._sent_at:
                self.wait_for_news()
        finally:
            period.closed.set()
            for _worker in range(period.workers):
                period.orders.put(None)

    # In the threads that send; each belongs to the period that it started in

    def _must_stop(self, closed: threading.Event) -> bool:
        return closed.is_set() or self._stop.is_set()

    def _work(self, period: _Period) -> None:
        thread = threading.current_thread()
        while True:
            try:
                ticket = period.orders.get(timeout=SECONDS_TO_IDLE)
            except queue.Empty:
                if period.closed.is_set():  # and nobody said so, because of an interrupt
                    return
                continue
            if ticket is None:
                return
            thread.name = BUSY_NAME
            index = self._send_next(period, ticket)
            del ticket  # whatever becomes of it
            self._news.put((index, period))
            thread.name = IDLE_NAME

    def _send_next(self, period: _Period, ticket: Ticket) -> int:
        """Sends the next request, if any may be sent; returns its index."""
        closed = period.closed
        with self._lock:
            period.taken += 1
            index = self._take()
            if index == NO_INDEX:
                return index
            entry = self._entries[index]
            self._sent_at[index] = datetime.now(timezone.utc) - CLOCK_SKEW
            # Only now: whoever closes has either seen that it is sent, or is seen here.
            if self._must_stop(closed):
                heapq.heappush(self._queue, index)
                del self._sent_at[index]
                return NO_INDEX
            entry.is_unsent = False
            entry.ticket = ticket
        was_sent = True
        try:
            was_sent = self._send_one(index, entry, closed)
        except BaseException as unexpected:  # noqa: BLE001  raised by `check`, in the thread that calls it
            detail = ErrorDetail(type(unexpected).__name__, str(unexpected))
            entry.task = replace(entry.task, status=TaskStatus.FAILED, error=detail)
            self._unexpected = unexpected
        with self._lock:
            if not was_sent:
                entry.leave()
                entry.task = describe_request(entry.request.body, TaskStatus.PENDING)
                entry.is_unsent = True
                heapq.heappush(self._queue, index)
            del self._sent_at[index]
        return index

    def _take(self) -> int:
        """Takes the first unsent request from the queue."""
        while self._queue:
            index = heapq.heappop(self._queue)
            entry = self._entries.get(index)
            if entry is not None and entry.is_unsent:
                return index
        return NO_INDEX

    def _send_one(self, index: int, entry: Entry, closed: threading.Event) -> bool:
        """Sends a request and records its outcome; returns False if it did not arrive and must stay unsent."""
        try:
            for task in self._send(entry.request, partial(self._pause, closed), entry.ticket):
                entry.task = task
                self._news.put((index, None))
        except WithdrawnError:
            return False
        except SeedreamError as error:
            self._fail(index, entry, error, closed)
        return True

    def _pause(self, closed: threading.Event, seconds: float) -> None:
        """Waits before an attempt, or withdraws the request."""
        if pause_until_any(closed, self._stop)(seconds):
            raise WithdrawnError

    def _fail(self, index: int, entry: Entry, error: SeedreamError, closed: threading.Event) -> None:
        task = error.partial[0] if error.partial else entry.task
        if task.id:  # a stream that broke off: the task is in progress at the service, and can be queried
            entry.task = task
            return
        self.failures[index] = error
        status = TaskStatus.PARTIALLY_FAILED if task.good_images else TaskStatus.FAILED
        entry.task = replace(task, status=status, error=ErrorDetail(error.code or "", _describe(error)))
        if aborts_batch(error):
            closed.set()


def _enter(request: PaidRequest) -> Entry:
    bought = request.bought
    task = bought or describe_request(request.body, TaskStatus.PENDING)
    return Entry(request, task, reported=task, is_kept=bought is not None, is_unsent=bought is None)


def _describe(error: SeedreamError) -> str:
    hint = error.hint or ""
    if isinstance(error, OutcomeUnknownError) and error.sent_at:
        # Where this is read, there is no `error`.
        hint = hint.replace("error.sent_at", f"{error.sent_at.timestamp():.0f}")
    return f"{error.message} {hint}".strip()
