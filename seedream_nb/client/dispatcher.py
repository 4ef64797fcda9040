"""Sends paid requests, a few in flight: each is either left unsent, or its outcome is recorded, despite interrupts.

Each request is sent in a thread of its own. Only that thread takes it from the queue and records its outcome, and an
interrupt, which comes to the main thread alone, never reaches it.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING

from seedream_nb.client.at_most_once import CLOCK_SKEW, WithdrawnError
from seedream_nb.client.transport import FATAL_ERRORS
from seedream_nb.core.errors import OutcomeUnknownError, SeedreamError
from seedream_nb.core.models import ErrorDetail, Task, TaskStatus
from seedream_nb.protocol.request_body import describe_request
from seedream_nb.protocol.status_errors import is_non_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from seedream_nb.client.transport import Pause

STOP_IS_SEEN_WITHIN = 0.1  # seconds, during the pause before a retry

# Maximum seconds that a thread waits at a time for another one. An interrupt that comes just before a wait begins is
# seen only after it, and on Windows so is every other.
INTERRUPT_IS_SEEN_WITHIN = 0.5


class Dispatcher:
    """Requests by their index: unsent, sent and unanswered, or answered.

    It begins closed.

    Args:
        bodies: The prepared requests.
        send: Sends the one of an index, at most once, and yields its task each time more is known of it. It calls the
            function that it is given before it retries a request that certainly did not arrive.
        stop: While it is set, nothing is sent.
        known: The tasks of requests that need not be sent, by their index.

    Attributes:
        failures: Why a request has no task, by its index.
    """

    def __init__(
        self,
        bodies: Sequence[Mapping[str, object]],
        send: Callable[[int, Pause], Iterator[Task]],
        stop: threading.Event,
        known: Mapping[int, Task],
    ) -> None:
        self.failures: dict[int, SeedreamError] = {}
        self._send = send
        self._stop = stop
        self._queue = {index: body for index, body in enumerate(bodies) if index not in known}
        self._sent_at: dict[int, datetime] = {}
        self._tasks = [
            known.get(index) or describe_request(body, TaskStatus.PENDING) for index, body in enumerate(bodies)
        ]
        self._unexpected: BaseException | None = None
        self._news: queue.SimpleQueue[None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._is_closed = threading.Event()
        self._is_closed.set()

    @property
    def tasks(self) -> list[Task]:
        """What is known of each task."""
        return list(self._tasks)

    @property
    def unsent(self) -> int:
        """The number of unsent requests."""
        return len(self._queue)

    @property
    def unsent_indexes(self) -> list[int]:
        """The indexes of unsent requests, in order."""
        return sorted(self._queue.copy())

    @property
    def unanswered(self) -> dict[int, datetime]:
        """The requests that were sent and have no complete answer, each with the time to search the history from."""
        return dict(self._sent_at)

    @property
    def may_send(self) -> bool:
        """Whether there is a request that may be sent."""
        return bool(self._queue) and not self._must_stop(self._is_closed)

    def update(self, index: int, task: Task) -> None:
        """Records what else is known of a task whose request was answered."""
        self._tasks[index] = task

    def open(self) -> None:
        """Allows sending."""
        self._is_closed = threading.Event()

    def send_next(self) -> None:
        """Sends the next request, if any may be sent; returns as soon as it counts as unanswered."""
        taken: queue.SimpleQueue[None] = queue.SimpleQueue()
        threading.Thread(
            target=self._work, args=(self._is_closed, taken), name="seedream-generate", daemon=True
        ).start()
        taken.get()

    def wait_for_news(self, timeout: float = INTERRUPT_IS_SEEN_WITHIN) -> bool:
        """Waits until there may be news of an unanswered request; its last news is that it was answered.

        Args:
            timeout: Maximum seconds to wait.

        Returns:
            Whether there may be news.
        """
        try:
            self._news.get(timeout=timeout)
        except queue.Empty:
            return False
        return True

    def check(self) -> None:
        """Raises, once, an unexpected error of a sending thread: a bug, or a lack of memory or threads."""
        unexpected, self._unexpected = self._unexpected, None
        if unexpected is not None:
            raise unexpected

    def close(self) -> None:
        """Sends nothing more, and waits for outstanding answers; an interrupt gives up on these."""
        try:
            # With the lock, no thread is between seeing that it may send and recording that it does.
            with self._lock:
                self._is_closed.set()
            while self._sent_at:
                self.wait_for_news()
        finally:
            self._is_closed.set()

    # In a request's thread; `closed` is the event that was current when the thread started

    def _must_stop(self, closed: threading.Event) -> bool:
        return closed.is_set() or self._stop.is_set()

    def _work(self, closed: threading.Event, taken: queue.SimpleQueue[None]) -> None:
        with self._lock:
            index = None if self._must_stop(closed) else min(self._queue, default=None)
            if index is not None:
                self._sent_at[index] = datetime.now(timezone.utc) - CLOCK_SKEW
                body = self._queue.pop(index)
        taken.put(None)
        if index is None:
            return
        was_sent = True
        try:
            was_sent = self._send_one(index, closed)
        except BaseException as unexpected:  # noqa: BLE001  raised by `check`, in the thread that calls it
            detail = ErrorDetail(type(unexpected).__name__, str(unexpected))
            self._tasks[index] = replace(self._tasks[index], status=TaskStatus.FAILED, error=detail)
            self._unexpected = unexpected
        with self._lock:
            if not was_sent:
                self._tasks[index] = describe_request(body, TaskStatus.PENDING)
                self._queue[index] = body
            del self._sent_at[index]
        self._news.put(None)

    def _send_one(self, index: int, closed: threading.Event) -> bool:
        """Sends a request and records its outcome; returns False if it did not arrive and must stay unsent."""
        try:
            for task in self._send(index, partial(self._pause, closed)):
                self._tasks[index] = task
                self._news.put(None)
        except WithdrawnError:
            return False
        except SeedreamError as error:
            self._fail(index, error, closed)
        return True

    def _pause(self, closed: threading.Event, seconds: float) -> None:
        """Waits before a retry, or withdraws the request."""
        end = time.monotonic() + seconds
        while (remaining := end - time.monotonic()) > 0:
            if self._must_stop(closed):
                break
            closed.wait(min(remaining, STOP_IS_SEEN_WITHIN))
        if self._must_stop(closed):
            raise WithdrawnError

    def _fail(self, index: int, error: SeedreamError, closed: threading.Event) -> None:
        task = error.partial[0] if error.partial else self._tasks[index]
        if task.id:  # a stream that broke off: the task is in progress at the service, and can be queried
            self._tasks[index] = task
            return
        self.failures[index] = error
        status = TaskStatus.PARTIALLY_FAILED if task.good_images else TaskStatus.FAILED
        self._tasks[index] = replace(task, status=status, error=ErrorDetail(error.code or "", _describe(error)))
        # A redirect of one request is one of all.
        if isinstance(error, FATAL_ERRORS) or is_non_answer(error.status_code):
            closed.set()


def _describe(error: SeedreamError) -> str:
    hint = error.hint or ""
    if isinstance(error, OutcomeUnknownError) and error.sent_at:
        # Where this is read, there is no `error`.
        hint = hint.replace("error.sent_at", f"{error.sent_at.timestamp():.0f}")
    return f"{error.message} {hint}".strip()
