"""Waits for many tasks with one batch request per interval; a failed poll loses nothing.

The module knows nothing of HTTP: it is given a function that queries many tasks at once.
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

from seedream_nb.client.transport import TRANSIENT_ERRORS
from seedream_nb.core.errors import (
    Interrupted,
    InterruptedWait,
    SeedreamError,
    UnreadableAnswerError,
    UsageError,
    WaitTimeoutError,
)
from seedream_nb.core.models import Task, TaskStatus
from seedream_nb.core.task_ids import read_id, read_tasks_or_ids
from seedream_nb.core.text import count_part

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence

    from seedream_nb.client.generation_batch import GenerationBatch
    from seedream_nb.core.task_ids import AnyTasks, Lookup

# A new task may not be found at once, and a page of some proxy may be gone at the next poll: only what is answered this
# often in a row is believed.
CONFIRMED_AFTER = 3

STILL_RUNNING = "Unfinished tasks continue at the service. To resume, wait for the ids in {}."


@dataclass(frozen=True)
class Pace:
    """How often to poll.

    Attributes:
        first: Seconds between the first two polls, and after each that found a finished task.
        longest: Maximum seconds between two polls.
        factor: By how much a pause grows while nothing finishes.

    Example:
        >>> patient = Pace(first=10, longest=60)
        >>> tasks = client.wait(gallery, pace=patient, timeout=3600)  # finished ones are not polled
    """

    first: float = 2.0
    longest: float = 10.0
    factor: float = 1.5

    def after(self, pause: float) -> float:
        """The pause in seconds that follows one of this length when nothing has finished.

        Example:
            >>> Pace(first=2, longest=10, factor=1.5).after(2)
            3.0
        """
        return max(self.first, min(self.longest, pause * self.factor))


DEFAULT_PACE = Pace()


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
        return pace or DEFAULT_PACE
    if pace is not None:
        raise UsageError("Pass either pace or interval, not both.", hint="Nothing was sent.")
    is_number = isinstance(interval, (int, float)) and not isinstance(interval, bool)
    if not is_number or not 0 < interval < math.inf:
        raise UsageError(f"interval must be a positive number of seconds, not {interval!r}.", hint="Nothing was sent.")
    return Pace(first=interval, longest=interval)


def check_timeout(timeout: float | None) -> float | None:
    """Returns a number of seconds to wait, None for no limit.

    Raises:
        UsageError: It is not a number.
    """
    is_number = isinstance(timeout, (int, float)) and not isinstance(timeout, bool)
    if timeout is None or (is_number and not math.isnan(timeout)):
        return timeout
    raise UsageError(f"timeout must be a number of seconds, or None, not {timeout!r}.", hint="Nothing was sent.")


@dataclass(frozen=True)
class _State:
    """What is known at one moment; replaced as a whole, so that other threads never see half of an answer.

    Attributes:
        keys: A key for each task, in the given order, repeats included.
        known: The tasks by key.
        open: The ids of those that are not finished, by key.
    """

    keys: tuple[str, ...] = ()
    known: Mapping[str, Task] = field(default_factory=dict)
    open: Mapping[str, str] = field(default_factory=dict)

    @property
    def tasks(self) -> list[Task]:
        return [self.known[key] for key in self.keys]

    @property
    def open_ids(self) -> tuple[str, ...]:
        return tuple(self.open.values())


class Waiting:
    """Tasks that are polled, and what is known of each at any moment.

    Created by `SeedreamClient.iter_wait`.

    Iteration yields each task once, as soon as it is finished or turns out not to exist. After a timeout, an interrupt
    or an early end, iterating again resumes.

    Args:
        tasks: Ids, tasks as known before, images, or collections of these; repeats allowed. Finished tasks are not
            queried.
        retrieve: Queries many tasks at once and returns them in order; its errors may carry some in `partial`.
        timeout: Maximum seconds to wait.
        pace: How often to poll.
        stop: Ends the wait quietly when another thread sets it.
        lookup: Completes ids of which only the beginning is given.

    Attributes:
        failure: Why the last poll failed, wholly or in part; None when it succeeded.
        poll_count: The number of polls.

    Raises:
        InvalidTaskIdError: An id is empty or not text, or its beginning fits no known id or several.

    Example:
        >>> waiting = client.iter_wait([sandbox.add_task("a cat", ready_in=0.1)])
        >>> len(waiting.open_ids)
        1
        >>> for task in waiting:
        ...     print(task.prompt, task.status)
        a cat succeeded
    """

    def __init__(
        self,
        tasks: AnyTasks,
        retrieve: Callable[[Sequence[str]], Sequence[Task]],
        *,
        timeout: float | None,
        pace: Pace,
        stop: threading.Event | None = None,
        lookup: Lookup | None = None,
    ) -> None:
        self.failure: SeedreamError | None = None
        self.poll_count = 0
        self._retrieve = retrieve
        self._timeout = math.inf if timeout is None else timeout
        self._pace = pace
        self._stop = stop or threading.Event()
        self._lookup = lookup
        self._state = _State()
        self._reported: set[str] = set()
        self._unread: deque[Task] = deque()
        self._misses: Counter[str] = Counter()
        self._unreadable = 0
        self._began_at = self._ended_at = -math.inf  # of the last poll
        self.add(tasks)

    @property
    def tasks(self) -> list[Task]:
        """What is known of each task, in the given order, repeats included; `not found` before the first answer.

        It can be read in any thread, as can `open_ids`; each shows one moment, never half of an answer.
        """
        return self._state.tasks

    @property
    def open_ids(self) -> tuple[str, ...]:
        """The ids that are not finished."""
        return self._state.open_ids

    def add(self, tasks: AnyTasks) -> None:
        """Waits for further tasks too. During iteration, call it in the body of the loop, in the same thread.

        The timeout starts again, and the pace with its first pause.

        Args:
            tasks: As for the constructor. Ids that were given up as not found are queried again.

        Raises:
            InvalidTaskIdError: As for the constructor; nothing was added.

        Example:
            >>> waiting = client.iter_wait([task])
            >>> waiting.add(client.generate("a dog"))
            >>> [task.prompt for task in waiting.finish()]
            ['a white siamese cat', 'a dog']
        """
        keys, known, still_open = list(self._state.keys), dict(self._state.known), dict(self._state.open)
        for task in read_tasks_or_ids(tasks, self._lookup):
            key = _note(task, known)
            keys.append(key)
            if not known[key].status.is_final and key not in still_open:
                still_open[key] = known[key].id
                self._reported.discard(key)
                self._misses[key] = 0
        self._state = _State(tuple(keys), known, still_open)
        self._restart_clock()

    def find(self, task_id: str) -> Task | None:
        """What is known of one task; None if it is not among them.

        Example:
            >>> client.iter_wait([task]).find(task.id).status.value
            'succeeded'
        """
        return self._state.known.get(task_id.lower())

    def discard(self, task_ids: Iterable[str]) -> None:
        """Forgets tasks, finished or not. During iteration, call it in the body of the loop, in the same thread."""
        gone = {task_id.lower() for task_id in task_ids} & self._state.known.keys()
        if not gone:
            return
        state = self._state
        self._state = _State(
            tuple(key for key in state.keys if key not in gone),
            {key: task for key, task in state.known.items() if key not in gone},
            {key: task_id for key, task_id in state.open.items() if key not in gone},
        )
        self._reported -= gone
        for key in gone:
            del self._misses[key]

    def set_pace(self, pace: Pace) -> None:
        """Changes how often to poll, from now on; see `Pace`."""
        self._pace = pace
        self._set_pause()

    # For callers that poll by themselves, instead of iterating

    def begin_poll(self, other_ids: Collection[str] = ()) -> tuple[str, ...]:
        """Notes that a poll begins, and returns the ids to query: without those that another poll queries."""
        self.poll_count += 1
        self.failure = None
        self._began_at = time.monotonic()
        return tuple(task_id for task_id in self.open_ids if task_id not in other_ids)

    def end_poll(self, tasks: Sequence[Task], error: SeedreamError | None = None) -> None:
        """Learns from a poll.

        Args:
            tasks: What it has found.
            error: Why it failed, wholly or in part.

        Raises:
            SeedreamError: The given error, if every further poll would fail like this.
        """
        before = len(self._state.open)
        self.failure = error
        self._learn(tasks)
        self._ended_at = time.monotonic()
        if len(self._state.open) < before:
            self._pause = self._pace.first
        self._interval, self._pause = self._pause, self._pace.after(self._pause)
        if not isinstance(error, UnreadableAnswerError):
            self._unreadable = 0
        if error is None:
            return
        if isinstance(error, UnreadableAnswerError):
            self._unreadable += 1
        if not isinstance(error, TRANSIENT_ERRORS) and not 0 < self._unreadable < CONFIRMED_AFTER:
            error.partial, error.failed_ids = self.tasks, self.open_ids
            raise error

    def seconds_until_poll(self, *, is_polling: bool = False) -> float:
        """Seconds until the next poll is due, counted from the beginning of the last one; 0 or less if it is.

        Args:
            is_polling: Whether a poll has not ended, so that its answer is waited for in any case.

        Raises:
            WaitTimeoutError: The time is over.
        """
        now = time.monotonic()
        remaining = self._deadline - now
        if remaining <= 0 and is_polling:
            return math.inf
        if remaining <= 0 and self._ended_at > -math.inf:
            raise self._timed_out()
        wanted = (self.failure.retry_after or 0.0) if self.failure else 0.0
        # A service that takes long to answer gets a rest, too.
        due = max(self._began_at + self._interval, self._ended_at + max(self._interval / 4, wanted))
        return min(due - now, remaining)

    def restart(self) -> None:
        """Starts the timeout and the pace again."""
        self._began_at = self._ended_at = -math.inf
        self._restart_clock()

    def __iter__(self) -> Iterator[Task]:
        # What an earlier loop left over from a poll comes first.
        for news in itertools.chain([()], self.updates()):
            self._unread.extend(news)
            while self._unread:
                yield self._unread.popleft()

    def updates(self) -> Generator[list[Task], None, None]:
        """Polls until all tasks are finished.

        Yields:
            After each poll, the tasks that it found finished; often none.

        Raises:
            WaitTimeoutError: Some tasks are not finished in time. Its `partial` holds what is known of all, its
                `failed_ids` the ids still in progress.
            InterruptedWait: An interrupt came; it carries the same.
            SeedreamError: Every further poll would fail like this, such as with a rejected token.

        Example:
            >>> waiting = client.iter_wait([client.generate("a dog"), client.generate("a fox")])
            >>> for finished in waiting.updates():
            ...     left = len(waiting.open_ids)
            >>> left
            0
        """
        try:
            yield from self._updates()
        except Interrupted:
            raise
        except KeyboardInterrupt:
            raise self.interrupted() from None

    def finish(self) -> list[Task]:
        """Waits until all tasks are finished; the same as iterating over `updates`.

        Returns:
            The tasks in the given order, repeats included.

        Raises:
            SeedreamError: As for `updates`.
            InterruptedWait: As for `updates`.

        Example:
            >>> [task.status.value for task in client.iter_wait([client.generate("a dog")]).finish()]
            ['succeeded']
        """
        return run_to_end(self)

    def interrupted(self) -> InterruptedWait:
        """An interrupt that carries what is known, for a caller interrupted between two `updates`."""
        state = self._state
        return InterruptedWait(
            describe_interruption(len(state.open), len(state.known)),
            hint=STILL_RUNNING.format("open_ids") if state.open else None,
            tasks=state.tasks,
            open_ids=state.open_ids,
        )

    def _set_pause(self) -> None:
        """Begins with the first pause again: for the rest that follows, now or after the next poll."""
        self._interval = self._pace.first
        self._pause = self._pace.first if self._ended_at == -math.inf else self._pace.after(self._pace.first)

    def _restart_clock(self) -> None:
        self._deadline = time.monotonic() + self._timeout
        self._set_pause()

    def _updates(self) -> Iterator[list[Task]]:
        self.restart()
        has_polled = False
        while True:
            while news := self._report():
                yield news
            if has_polled and self._state.open:
                self._rest()
            if not self._state.open or self._stop.is_set():
                return
            self._poll()
            has_polled = True
            yield self._report()

    def _rest(self) -> None:
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise self._timed_out()
        wanted = (self.failure.retry_after or 0.0) if self.failure else 0.0
        # A lock cannot wait for an infinite time.
        self._stop.wait(min(max(self._interval, wanted), remaining, threading.TIMEOUT_MAX))

    def _poll(self) -> None:
        ids = self.begin_poll()
        try:
            tasks = self._retrieve(ids)
        except SeedreamError as error:
            self.end_poll(error.partial, error)
        else:
            self.end_poll(tasks)

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
        self._state = _State(self._state.keys, known, still_open)

    def _report(self) -> list[Task]:
        """The tasks that are no longer polled and were not reported before."""
        state = self._state
        keys = [key for key in state.known if key not in state.open and key not in self._reported]
        self._reported.update(keys)
        return [state.known[key] for key in keys]

    def _timed_out(self) -> WaitTimeoutError:
        count = count_part(len(self.open_ids), len(self._state.known))
        last = f" The last poll failed: {self.failure.message}" if self.failure else ""
        error = WaitTimeoutError(
            f"Timed out after {self._timeout:g} s with {count} unfinished.{last}",
            hint=STILL_RUNNING.format("failed_ids"),
        )
        error.partial, error.failed_ids = self.tasks, self.open_ids
        return error


def _note(task: str | Task, known: dict[str, Task]) -> str:
    """Adds a task to those that are known, and returns its key."""
    if isinstance(task, Task) and task.status.is_final:
        key = task.id.lower() or f"without id {len(known)}"
        known[key] = task
        return key
    task_id = read_id(task)
    key = task_id.lower()
    before = known.get(key)
    if before is None or (isinstance(task, Task) and not before.status.is_final):
        known[key] = task if isinstance(task, Task) else Task.not_found(task_id)
    return key


def run_to_end(work: Waiting | GenerationBatch) -> list[Task]:
    """Iterates over updates to their end, and returns all tasks; an interrupt at any moment carries what is known."""
    try:
        with contextlib.closing(work.updates()) as running:
            for _news in running:
                pass
        return work.tasks  # noqa: TRY300  an interrupt here, too, carries the tasks
    except Interrupted:
        raise
    except KeyboardInterrupt:
        raise work.interrupted() from None


def describe_interruption(still_open: int, total: int) -> str:
    """A sentence for an interrupt while some of all tasks are in progress.

    Example:
        >>> describe_interruption(2, 3)
        'Interrupted with 2 of 3 tasks unfinished.'
    """
    return f"Interrupted with {count_part(still_open, total)} unfinished." if still_open else "Interrupted."
