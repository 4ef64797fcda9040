"""Why: a paid request is either left unsent, or its answer is written down, whatever is interrupted meanwhile.

Each request is sent in a thread of its own. Only that thread takes it from those that are left and notes what became of
it, and an interrupt, which comes to the main thread alone, never reaches it.
"""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from seedream_nb.client.at_most_once import CLOCK_SKEW, is_safe_to_resend
from seedream_nb.core.errors import (
    AuthenticationError,
    BalanceUsedUpError,
    EndpointNotFoundError,
    OutcomeUnknownError,
    SeedreamError,
    SettingsError,
)
from seedream_nb.core.models import ErrorDetail, Task, TaskStatus
from seedream_nb.protocol.request_body import describe_request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from seedream_nb.client.transport import RetryPolicy

# What every further request would meet as well.
FATAL_ERRORS = (SettingsError, AuthenticationError, BalanceUsedUpError, EndpointNotFoundError)

STOP_IS_SEEN_WITHIN = 0.1  # seconds, in the pause before another try

# Seconds that a thread waits in one go for what another one does. An interrupt that comes just before a wait begins is
# seen only after it, and on Windows so is every other.
INTERRUPT_IS_SEEN_WITHIN = 0.5


class Dispatcher:
    """Requests by their places: still to be sent, sent and without an answer yet, or answered.

    It begins closed.

    Args:
        bodies: The requests that were prepared.
        send: Sends one, tries once, and yields its task each time that more is known of it.
        retries: How often a request that certainly did not arrive is tried again.
        stop: As long as it is set, nothing is sent.

    Attributes:
        failures: Why a request has no task, by its place.
    """

    def __init__(
        self,
        bodies: Sequence[Mapping[str, object]],
        send: Callable[[Mapping[str, object]], Iterator[Task]],
        retries: RetryPolicy,
        stop: threading.Event,
    ) -> None:
        self.failures: dict[int, SeedreamError] = {}
        self._send = send
        self._retries = retries
        self._stop = stop
        self._left = dict(enumerate(bodies))
        self._sent_at: dict[int, datetime] = {}
        self._tasks = [describe_request(body, TaskStatus.PENDING) for body in bodies]
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
        """How many are still to be sent."""
        return len(self._left)

    @property
    def unanswered(self) -> dict[int, datetime]:
        """From when on to look in the history for each that has left and whose answer is not complete."""
        return dict(self._sent_at)

    @property
    def may_send(self) -> bool:
        """Whether there is something that may be sent."""
        return bool(self._left) and not self._must_stop(self._is_closed)

    def learn(self, place: int, task: Task) -> None:
        """Notes what else has become known of a task that was answered."""
        self._tasks[place] = task

    def open(self) -> None:
        """Allows to send."""
        self._is_closed = threading.Event()

    def send_next(self) -> None:
        """Sends the next one, if any may be sent; returns as soon as it is among those without an answer."""
        taken: queue.SimpleQueue[None] = queue.SimpleQueue()
        threading.Thread(
            target=self._work, args=(self._is_closed, taken), name="seedream-generate", daemon=True
        ).start()
        taken.get()

    def wait_for_news(self, timeout: float = INTERRUPT_IS_SEEN_WITHIN) -> bool:
        """Waits until there may be news of a request without an answer; the last news is that it has one.

        Args:
            timeout: Seconds to wait at most.

        Returns:
            Whether there may be some.
        """
        try:
            self._news.get(timeout=timeout)
        except queue.Empty:
            return False
        return True

    def check(self) -> None:
        """Raises, once, what nobody had expected when a request was sent.

        Raises:
            BaseException: A mistake in here, or what the machine lacks.
        """
        unexpected, self._unexpected = self._unexpected, None
        if unexpected is not None:
            raise unexpected

    def close(self) -> None:
        """Sends nothing more, and waits for the answers to what has left; an interrupt gives up on these."""
        try:
            # With the lock, no thread is between seeing that it may send and saying that it does.
            with self._lock:
                self._is_closed.set()
            while self._sent_at:
                self.wait_for_news()
        finally:
            self._is_closed.set()

    # In the thread of a request; `closed` is the event of the time when it began

    def _must_stop(self, closed: threading.Event) -> bool:
        return closed.is_set() or self._stop.is_set()

    def _work(self, closed: threading.Event, taken: queue.SimpleQueue[None]) -> None:
        with self._lock:
            place = None if self._must_stop(closed) else min(self._left, default=None)
            if place is not None:
                self._sent_at[place] = datetime.now(timezone.utc) - CLOCK_SKEW
                body = self._left.pop(place)
        taken.put(None)
        if place is None:
            return
        was_sent = True
        try:
            was_sent = self._send_until_it_arrives(place, body, closed)
        except BaseException as unexpected:  # noqa: BLE001  raised by `check`, in the thread that calls it
            detail = ErrorDetail(type(unexpected).__name__, str(unexpected))
            self._tasks[place] = replace(self._tasks[place], status=TaskStatus.FAILED, error=detail)
            self._unexpected = unexpected
        with self._lock:
            if not was_sent:
                self._tasks[place] = describe_request(body, TaskStatus.PENDING)
                self._left[place] = body
            del self._sent_at[place]
        self._news.put(None)

    def _send_until_it_arrives(self, place: int, body: Mapping[str, object], closed: threading.Event) -> bool:
        """Returns False when it did not arrive and must not be tried again now."""
        tries = 0
        while True:
            tries += 1
            try:
                for task in self._send(body):
                    self._tasks[place] = task
                    self._news.put(None)
            except SeedreamError as error:
                pause = self._retries.pause(tries) if error.retry_after is None else error.retry_after
                is_patient = tries < self._retries.tries and pause <= self._retries.longest_pause
                if not (is_patient and is_safe_to_resend(error)):
                    self._fail(place, error, tries, closed)
                    return True
            else:
                return True
            if not self._pause(pause, closed):
                return False

    def _pause(self, seconds: float, closed: threading.Event) -> bool:
        """Waits before another try; tells whether there may be one."""
        end = time.monotonic() + seconds
        while not self._must_stop(closed):
            remaining = end - time.monotonic()
            if remaining <= 0:
                return True
            closed.wait(min(remaining, STOP_IS_SEEN_WITHIN))
        return False

    def _fail(self, place: int, error: SeedreamError, tries: int, closed: threading.Event) -> None:
        task = error.partial[0] if error.partial else self._tasks[place]
        if task.id:  # a stream that broke off: the task goes on at the service, and can be asked for
            self._tasks[place] = task
            return
        if tries > 1:
            error.message += f" It was tried {tries} times."
        self.failures[place] = error
        status = TaskStatus.PARTIALLY_FAILED if task.good_images else TaskStatus.FAILED
        self._tasks[place] = replace(task, status=status, error=ErrorDetail(error.code or "", _say(error)))
        if isinstance(error, FATAL_ERRORS):
            closed.set()


def _say(error: SeedreamError) -> str:
    hint = error.hint or ""
    if isinstance(error, OutcomeUnknownError) and error.sent_at:
        # Where this is read, there is no `error`.
        hint = hint.replace("error.sent_at", f"{error.sent_at.timestamp():.0f}")
    return f"{error.message} {hint}".strip()
