"""Why: many tasks are waited for with one question a tick, not one question each, and a bad tick loses nothing.

The module knows nothing of HTTP: it is given a function that asks for many tasks at once.
"""

from __future__ import annotations

import contextlib
import itertools
import math
import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from seedream_nb.client.batches import check_id
from seedream_nb.core.errors import (
    Interrupted,
    InterruptedWait,
    NetworkError,
    RateLimitedError,
    SeedreamError,
    ServerError,
    UnreadableAnswerError,
    UsageError,
    WaitTimeoutError,
)
from seedream_nb.core.models import Task, TaskStatus
from seedream_nb.core.text import count_part

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence

# Failures of one tick that the next may not meet; all others would come again, and are raised.
TRANSIENT_ERRORS = (NetworkError, RateLimitedError, ServerError)

# A task that was just started may not be found at once, and a page of some proxy may be gone at the next question:
# only what is answered so often in a row is believed.
CONFIRMED_AFTER = 3


@dataclass(frozen=True)
class Pace:
    """How often is asked.

    Attributes:
        first: Seconds between the first two questions, and after each that told of a finished task.
        longest: The most seconds between two questions.
        factor: By how much a pause grows while nothing finishes.
    """

    first: float = 2.0
    longest: float = 10.0
    factor: float = 1.5

    def after(self, pause: float) -> float:
        """The pause in seconds that follows one of this length when nothing has finished."""
        return max(self.first, min(self.longest, pause * self.factor))


def choose_pace(pace: Pace | None, interval: float | None) -> Pace:
    """Chooses how often to poll.

    Args:
        pace: A pace that slows down while nothing finishes.
        interval: Seconds between polls, always the same.

    Returns:
        The pace; the default one when neither is given.

    Raises:
        UsageError: Both are given, or the interval is not a positive, finite number.

    Example:
        >>> choose_pace(None, 5)
        Pace(first=5, longest=5, factor=1.5)
    """
    if interval is None:
        return pace or Pace()
    if pace is not None:
        raise UsageError("Pass either pace or interval, not both.", hint="Nothing was sent.")
    is_number = isinstance(interval, (int, float)) and not isinstance(interval, bool)
    if not is_number or not 0 < interval < math.inf:
        raise UsageError(f"interval must be a positive number of seconds, not {interval!r}.", hint="Nothing was sent.")
    return Pace(first=interval, longest=interval)


@dataclass(frozen=True)
class _State:
    """What is known at one moment; never changed but replaced, so that other threads see no half of an answer.

    Attributes:
        asked: A key for each task, in the order asked, repeats included.
        known: The tasks by key.
        open: The ids of those that are not finished, by key.
    """

    asked: tuple[str, ...] = ()
    known: Mapping[str, Task] = field(default_factory=dict)
    open: Mapping[str, str] = field(default_factory=dict)

    @property
    def tasks(self) -> list[Task]:
        return [self.known[key] for key in self.asked]

    @property
    def open_ids(self) -> tuple[str, ...]:
        return tuple(self.open.values())


class Waiting:
    """Tasks that are waited for, and what is known of each at any moment.

    Going through it yields each task once, as soon as it is finished or turns out not to exist. After a timeout, an
    interrupt or an early end, going through it again goes on where it was left.

    Args:
        tasks: Ids, or tasks as they were known before; repeats allowed. Finished ones are not asked for.
        retrieve: Asks for many tasks at once and answers in their order; an error of it may carry some in `partial`.
        timeout: Seconds after which is given up.
        pace: How often is asked.
        stop: Ends the wait quietly when another thread sets it.

    Attributes:
        failure: Why the last question had no or no whole answer; None when it had.
        poll_count: How often was asked.

    Raises:
        InvalidTaskIdError: An id is empty or no text.

    Example:
        >>> from seedream_nb import Sandbox, SeedreamClient
        >>> with Sandbox() as sandbox, SeedreamClient(sandbox.token, sandbox.url) as client:
        ...     for task in client.iter_wait([sandbox.add_task("a cat", ready_in=0.1)]):
        ...         print(task.prompt, task.status)
        a cat succeeded
    """

    def __init__(
        self,
        tasks: Iterable[str | Task] | str | Task,
        retrieve: Callable[[Sequence[str]], Sequence[Task]],
        *,
        timeout: float | None,
        pace: Pace,
        stop: threading.Event | None = None,
    ) -> None:
        self.failure: SeedreamError | None = None
        self.poll_count = 0
        self._retrieve = retrieve
        self._timeout = math.inf if timeout is None else timeout
        self._pace = pace
        self._stop = stop or threading.Event()
        self._state = _State()
        self._told: set[str] = set()
        self._untold: deque[Task] = deque()
        self._misses: Counter[str] = Counter()
        self._unreadable = 0
        self.add(tasks)

    @property
    def tasks(self) -> list[Task]:
        """What is known of each task, in the order asked, repeats included; `not found` before the first answer.

        It can be read in any thread, as `open_ids` can; each is of one moment, not in the middle of an answer.
        """
        return self._state.tasks

    @property
    def open_ids(self) -> tuple[str, ...]:
        """The ids that are not finished."""
        return self._state.open_ids

    def add(self, tasks: Iterable[str | Task] | str | Task) -> None:
        """Waits for further tasks too, also while it is gone through: in the body of the loop, in the same thread.

        The timeout counts anew, and it is asked at the first pace again.

        Args:
            tasks: As for the constructor. Ids that were given up as unknown are asked for again.

        Raises:
            InvalidTaskIdError: An id is empty or no text; nothing was added.
        """
        asked, known, still_open = list(self._state.asked), dict(self._state.known), dict(self._state.open)
        for task in [tasks] if isinstance(tasks, (str, Task)) else tasks:
            key = _note(task, known)
            asked.append(key)
            if not known[key].status.is_final and key not in still_open:
                still_open[key] = known[key].id
                self._told.discard(key)
                self._misses[key] = 0
        self._state = _State(tuple(asked), known, still_open)
        self._hurry()

    def __iter__(self) -> Iterator[Task]:
        # What an earlier loop left in the middle of a tick comes first.
        for news in itertools.chain([()], self.updates()):
            self._untold.extend(news)
            while self._untold:
                yield self._untold.popleft()

    def updates(self) -> Generator[list[Task], None, None]:
        """Asks again and again until all tasks are finished.

        Yields:
            After each question the tasks that it found finished; often none.

        Raises:
            WaitTimeoutError: Some are not finished in time. Its `partial` holds what is known of all, its
                `failed_ids` the ids that are still open.
            InterruptedWait: An interrupt came; it carries the same.
            SeedreamError: What every further question would meet as well, such as a refused token.
        """
        try:
            yield from self._ticks()
        except Interrupted:
            raise
        except KeyboardInterrupt:
            raise self.interrupted() from None

    def finish(self) -> list[Task]:
        """Waits until all tasks are finished; the same as going through `updates`.

        Returns:
            The tasks in the order asked, repeats included.

        Raises:
            SeedreamError: As for `updates`.
            InterruptedWait: As for `updates`.
        """
        run_to_end(self.updates, self.interrupted)
        return self.tasks

    def interrupted(self) -> InterruptedWait:
        """An interrupt that carries what is known, for whoever goes through `updates` and meets one in between."""
        state = self._state
        count = len(state.open)
        return InterruptedWait(
            describe_interruption(count, len(state.known)),
            hint="They go on at the service; wait again for their ids, which are in open_ids." if count else None,
            tasks=state.tasks,
            open_ids=state.open_ids,
        )

    def _hurry(self) -> None:
        self._deadline = time.monotonic() + self._timeout
        self._pause = self._pace.first

    def _ticks(self) -> Iterator[list[Task]]:
        self._hurry()
        has_asked = False
        while True:
            while news := self._tell():
                yield news
            if has_asked and self._state.open:
                self._rest()
            if not self._state.open or self._stop.is_set():
                return
            self._query()
            has_asked = True
            news = self._tell()
            if news:
                self._pause = self._pace.first
            yield news

    def _rest(self) -> None:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise self._too_late()
        wanted = (self.failure.retry_after or 0.0) if self.failure else 0.0
        pause, self._pause = self._pause, self._pace.after(self._pause)
        # An endless pause is none that a lock can take; it is cut like every other.
        self._stop.wait(min(max(pause, wanted), remaining, threading.TIMEOUT_MAX))

    def _query(self) -> None:
        self.poll_count += 1
        self.failure = None
        try:
            self._learn(self._retrieve(self.open_ids))
            self._unreadable = 0
        except SeedreamError as error:
            self.failure = error
            self._learn(error.partial)
            self._unreadable = self._unreadable + 1 if isinstance(error, UnreadableAnswerError) else 0
            if not isinstance(error, TRANSIENT_ERRORS) and not 0 < self._unreadable < CONFIRMED_AFTER:
                error.partial, error.failed_ids = self.tasks, self.open_ids
                raise

    def _learn(self, tasks: Iterable[Task]) -> None:
        known, still_open = dict(self._state.known), dict(self._state.open)
        for task in tasks:
            key = task.id.lower()
            if key not in still_open:
                continue
            if task.status is not TaskStatus.NOT_FOUND:
                self._misses[key] = 0
                known[key] = task
            else:
                self._misses[key] += 1
            if self._misses[key] >= CONFIRMED_AFTER:
                known[key] = replace(known[key], status=TaskStatus.NOT_FOUND)
            elif not task.status.is_final:
                continue
            del still_open[key]
        self._state = _State(self._state.asked, known, still_open)

    def _tell(self) -> list[Task]:
        """The tasks that are closed and were not told of before."""
        state = self._state
        keys = [key for key in state.known if key not in state.open and key not in self._told]
        self._told.update(keys)
        return [state.known[key] for key in keys]

    def _too_late(self) -> WaitTimeoutError:
        count = count_part(len(self.open_ids), len(self._state.known))
        last = f" The last question failed: {self.failure.message}" if self.failure else ""
        error = WaitTimeoutError(
            f"After {self._timeout:g} s {count} not finished.{last}",
            hint="They go on at the service; wait again for their ids, which are in failed_ids.",
        )
        error.partial, error.failed_ids = self.tasks, self.open_ids
        return error


def _note(task: str | Task, known: dict[str, Task]) -> str:
    """Enters a task among those that are known, and returns its key."""
    if isinstance(task, Task) and task.status.is_final:
        key = task.id.lower() or f"without id {len(known)}"
        known[key] = task
        return key
    task_id = check_id(task.id if isinstance(task, Task) else task)
    key = task_id.lower()
    before = known.get(key)
    if before is None or (isinstance(task, Task) and not before.status.is_final):
        known[key] = task if isinstance(task, Task) else Task.not_found(task_id)
    return key


def run_to_end(
    updates: Callable[[], Generator[list[Task], None, None]], interrupted: Callable[[], Interrupted]
) -> None:
    """Goes through updates to their end.

    Args:
        updates: Begins them.
        interrupted: Makes an interrupt that carries what is known, for one that meets no tick but the moment between.

    Raises:
        Interrupted: An interrupt came.
        SeedreamError: As for a tick.
    """
    try:
        with contextlib.closing(updates()) as going:
            for _news in going:
                pass
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise interrupted() from None


def describe_interruption(still_open: int, total: int) -> str:
    """A sentence for an interrupt while so many of all tasks are open.

    Example:
        >>> describe_interruption(2, 3)
        'Interrupted while 2 of 3 tasks are not finished.'
    """
    if not still_open:
        return "Interrupted while no task was open."
    return f"Interrupted while {count_part(still_open, total)} not finished."
