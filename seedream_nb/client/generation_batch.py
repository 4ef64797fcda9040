"""Many paid requests, a few in flight, so that whoever stops half-way has not paid for the rest.

The thread that iterates over `updates` decides when the next request is sent; while it does something else, nothing
more is sent.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from seedream_nb.client.dispatcher import Dispatcher
from seedream_nb.client.polling import STILL_RUNNING, Waiting, run_to_end
from seedream_nb.client.rate_gate import STOP_IS_SEEN_WITHIN, RateGate, Ticket
from seedream_nb.core.errors import InterruptedWait, OutcomeUnknownError, SeedreamError, WaitTimeoutError
from seedream_nb.core.models import TaskStatus
from seedream_nb.core.text import count_of, name_numbers
from seedream_nb.protocol.stream_events import complete

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from seedream_nb.client.batches import Store
    from seedream_nb.client.dispatcher import Entry, Send
    from seedream_nb.client.polling import Pace
    from seedream_nb.client.purchases import PaidRequest
    from seedream_nb.core.models import Task

NOTHING_SENT = "Interrupted before anything was sent; nothing was paid for."
MOST_POLLS = 6  # at a time; the later ones are for tasks that began meanwhile
POLL_NAME = "seedream-poll"
OUTCOMES = ("finished", "in progress", "failed", "not answered")  # of requests that were sent


class GenerationBatch:
    """Many paid requests, a few in flight, and what is known of each at any moment.

    Created by `SeedreamClient.generate_all`.

    Nothing is sent before you call `finish`, or iterate over `updates()`. Each request is sent at most once. After a
    timeout, an interrupt or an early end, the same call resumes: tasks in progress are polled, unsent requests are
    sent, failed ones stay failed.

    Any number of requests can stream through one batch: `add` the next ones and `discard` those that are `done`.
    Memory and the work of each round depend on the requests that it holds, not on those that have passed. Indexes
    count all requests that were ever added, from 0.

    Args:
        requests: The requests; those that were bought before are not sent.
        send: Sends one, at most once, and yields its task each time more is known of it, see `Dispatcher`.
        retrieve: Queries many tasks at once, as for `Waiting`; called in a thread of its own.
        wait: Whether to wait for the tasks; otherwise all are only sent.
        in_flight: Maximum number of tasks at the service at a time: sent, and not known to be finished.
        timeout: Seconds to wait after the last request was sent.
        pace: How often to poll.
        stop: Ends the iteration quietly when another thread sets it.
        store: Stores tasks that a poll has found, and returns them.
        gate: What all that is sent to the account passes; the tasks in progress of all batches count there together.

    Example:
        >>> requests = [GenerationRequest(prompt, GenerationOptions(size="2K")) for prompt in ("a cat", "a dog")]
        >>> for task in client.generate_all(requests).finish():
        ...     print(task.prompt, task.status)
        a cat succeeded
        a dog succeeded
    """

    def __init__(
        self,
        requests: Sequence[PaidRequest],
        send: Send,
        retrieve: Callable[[Sequence[str]], Sequence[Task]],
        *,
        wait: bool,
        in_flight: int,
        timeout: float | None,
        pace: Pace,
        stop: threading.Event | None = None,
        gate: RateGate | None = None,
        store: Store = list,
    ) -> None:
        self._stop = stop or threading.Event()
        self._gate = gate or RateGate()
        self._dispatcher = Dispatcher(send, self._stop)
        self._retrieve = retrieve
        self._store = store
        self._polls: list[_Poll] = []
        self._first_poll_at = math.inf
        self._waiting = Waiting([], retrieve, timeout=timeout, pace=pace, stop=self._stop)
        self._waits = wait
        self._in_flight = in_flight
        self._pace = pace
        self._changed: set[int] = set()  # those to look at
        self._sending = 0  # those that were ordered to be sent, as long as they were not seen to be answered
        self._earlier: set[int] = set()  # the same of earlier iterations
        self._ended = 0  # those that were answered, but not looked at
        self._open: dict[int, str] = {}  # those whose task is polled, with its id in lower case
        self.add(requests)

    def add(self, requests: Sequence[PaidRequest]) -> range:
        """Adds requests to the end; those that were bought before are not sent.

        Call it before iterating over `updates`, or in the body of that loop, in the same thread: iteration then
        continues, also when nothing was left. What was bought and is finished is `done`; no update reports it.

        Args:
            requests: The requests.

        Returns:
            Their indexes. An interrupt adds all of them or none.
        """
        added = self._dispatcher.add(requests)
        self._changed.update(added)
        return added

    def discard(self, indexes: Iterable[int]) -> None:
        """Forgets requests that are `done`; nothing of them is left here, so read their `failures` before.

        Call it where `add` can be called. An interrupt may leave some of them, which can be discarded again.

        Args:
            indexes: Their indexes; those that are not held are ignored.

        Raises:
            ValueError: One is not done; nothing was discarded.
        """
        entries = {index: entry for index in indexes if (entry := self._dispatcher.find(index))}
        answered = self._dispatcher.find_answered(entries)
        for index, entry in entries.items():
            if index not in answered or not self._is_done(entry):
                raise ValueError(f"request {index} is not done, so it can't be discarded")
        polled = {task_id for index, task_id in self._open.items() if self._dispatcher.find(index)}
        self._waiting.discard({entry.task.id.lower() for entry in entries.values()} - polled)
        self._dispatcher.discard(entries)
        for index in entries:
            self._open.pop(index, None)

    def set_pace(self, pace: Pace) -> None:
        """Changes how often to poll; call it where `add` can be called."""
        self._pace = pace
        self._waiting.set_pace(pace)

    @property
    def tasks(self) -> list[Task]:
        """What is known of each request's task, in order; can be read in any thread.

        An unsent request is a pending task without an id, a rejected one a failed task without an id.
        """
        return [entry.task for entry in self._dispatcher.entries.values()]

    @property
    def by_index(self) -> dict[int, Task]:
        """What is known of each request's task, by its index, in order; can be read in any thread."""
        return {index: entry.task for index, entry in self._dispatcher.entries.items()}

    @property
    def done(self) -> dict[int, Task]:
        """The tasks of requests that nothing more will become of, by their index; these can be discarded.

        They are finished, failed or not found; without waiting, also those that were sent. What is being recorded when
        it is reported is done a moment later. So look here once more after the loop, however it ended: nothing is
        reported twice.
        """
        answered = self._dispatcher.find_answered(self._dispatcher.entries)
        return {index: entry.task for index, entry in answered.items() if self._is_done(entry)}

    @property
    def is_recorded(self) -> bool:
        """Whether all requests are in the ledger of a library."""
        return all(entry.request.is_recorded for entry in self._dispatcher.entries.values())

    @property
    def kept(self) -> dict[int, datetime]:
        """When the requests that were paid for before, and are not sent again, were ordered, by their index."""
        return {
            index: ordered_at
            for index, entry in self._dispatcher.entries.items()
            if entry.is_kept and (ordered_at := entry.request.ordered_at)
        }

    @property
    def takes(self) -> Counter[str]:
        """How many takes of each request did not fail, by its checksum; see `SeedreamClient.generate_all`."""
        entries = self._dispatcher.entries.values()
        return Counter(entry.request.checksum for entry in entries if entry.task.id or entry.task.good_images)

    @property
    def failures(self) -> dict[int, SeedreamError]:
        """Why a request has no task, by its index; if its outcome is unknown, `sent_at` says where to look."""
        return dict(sorted(self._dispatcher.failures.copy().items()))

    @property
    def open_ids(self) -> tuple[str, ...]:
        """The ids of the tasks in progress; can be read in any thread."""
        return tuple(dict.fromkeys(task.id for task in self.tasks if _is_open(task)))

    @property
    def unsent(self) -> int:
        """The number of requests that were not sent; can be read in any thread."""
        return len(self._dispatcher.unsent_indexes)

    @property
    def failure(self) -> SeedreamError | None:
        """Why the last poll failed, wholly or in part; None when it succeeded."""
        return self._waiting.failure

    def describe_unsent(self) -> str:
        """Says which requests were not sent, by their numbers from 1; empty if all were.

        Example:
            >>> batch = client.generate_all(["a cat", "a dog"])
            >>> batch.unsent, batch.describe_unsent()
            (2, 'Requests 1-2 were not sent, so not paid for.')
        """
        unsent = [index + 1 for index in self._dispatcher.unsent_indexes]
        if not unsent:
            return ""
        were = "Request {} was" if len(unsent) == 1 else "Requests {} were"
        return f"{were.format(name_numbers(unsent))} not sent, so not paid for."

    def updates(self) -> Generator[list[Task], None, None]:
        """Sends requests and polls until all tasks are finished.

        When this ends early, also by closing it, nothing more is sent. Outstanding answers are still waited for, until
        the timeouts of their connections; an interrupt meanwhile gives up on them.

        Yields:
            After each change, the tasks that have changed: an answer came, or an image of a stream, or a poll found
            news. An empty list when a poll found none.

        Raises:
            WaitTimeoutError: Some tasks are not finished in time. Its `partial` holds what is known of all, its
                `failed_ids` the ids still in progress.
            InterruptedWait: An interrupt came. Its `tasks` and `open_ids` hold the same; its `sent_at` is set when the
                outcome of some requests is unknown.
            SeedreamError: Every further poll would fail like this; it carries the same.

        Example:
            >>> batch = client.generate_all(["a cat", "a dog"])
            >>> for changed in batch.updates():
            ...     progress = len(batch.done)
            >>> progress
            2
        """
        try:
            self._dispatcher.open()
            try:
                yield from self._updates()
            finally:
                try:
                    self._dispatcher.close()
                    self._leave_gate()
                finally:
                    for poll in self._polls:
                        poll.abandon()
        except KeyboardInterrupt:
            raise self.interrupted() from None
        except SeedreamError as error:
            error.partial, error.failed_ids = self.tasks, self.open_ids
            if isinstance(error, WaitTimeoutError):
                error.message = f"{error.message} {self.describe_unsent()}".strip()
            raise

    def finish(self) -> list[Task]:
        """Sends requests and waits until all tasks are finished; the same as iterating over `updates`.

        Returns:
            One task for each request, in order, failed ones included; `failures` says why some have no id.

        Raises:
            SeedreamError: As for `updates`.
            InterruptedWait: As for `updates`.

        Example:
            >>> batch = client.generate_all(["a cat", "a dog"])
            >>> [task.status.value for task in batch.finish()], batch.failures
            (['succeeded', 'succeeded'], {})
        """
        return run_to_end(self)

    def interrupted(self) -> InterruptedWait:
        """An interrupt that carries what is known, for a caller interrupted between two `updates`."""
        tasks, open_ids = self.by_index, self.open_ids
        unclear = self._find_unclear(tasks)
        since = min(unclear.values(), default=None)
        hints = []
        if open_ids:
            hints.append(STILL_RUNNING.format("open_ids"))
        if since is not None:
            hints.append(
                f"{count_of(len(unclear), 'request')} had no answer and may have been paid for: check "
                f"client.history(created_after={since.timestamp():.0f})."
            )
        return InterruptedWait(
            self._describe_interruption(tasks, unclear),
            hint=" ".join(hints) or None,
            tasks=list(tasks.values()),
            open_ids=open_ids,
            sent_at=since,
        )

    def _find_unclear(self, tasks: Mapping[int, Task]) -> dict[int, datetime]:
        """When the requests were sent whose outcome is unknown, by their index."""
        failed = {
            index: failure.sent_at
            for index, failure in self.failures.items()
            if isinstance(failure, OutcomeUnknownError) and failure.sent_at is not None
        }
        return failed | {
            index: sent_at
            for index, sent_at in self._dispatcher.unanswered.items()
            # The task of an answer that is being stored is known.
            if index in tasks and not tasks[index].id and not tasks[index].status.is_final
        }

    def _describe_interruption(self, tasks: Mapping[int, Task], unclear: Collection[int]) -> str:
        """Says what was sent and what became of it, and what was not sent."""
        unsent, kept = set(self._dispatcher.unsent_indexes), self.kept
        kinds = Counter(
            "not answered" if index in unclear else _describe_outcome(task)
            for index, task in tasks.items()
            if index not in unsent and index not in kept
        )
        if not kinds:
            return NOTHING_SENT
        outcome = ", ".join(f"{kinds[kind]} {kind}" for kind in OUTCOMES if kinds[kind])
        sent = sum(kinds.values())
        requests = f"{sent} of {sent + len(unsent)} requests" if unsent else count_of(sent, "request")
        return f"Interrupted after sending {requests}: {outcome}. {self.describe_unsent()}".strip()

    def _updates(self) -> Iterator[list[Task]]:
        # An earlier iteration may have been interrupted between any two lines.
        self._earlier, self._open = set(self._dispatcher.unanswered), {}
        self._sending = self._ended = 0
        self._changed.update(self._dispatcher.entries)
        self._polls = []
        self._waiting.restart()
        while not self._stop.is_set():
            has_polled = self._end_poll()
            news = self._look()
            while self._has_room and self._dispatcher.may_send and (ticket := self._gate.reserve()):
                self._dispatcher.send_next(ticket)
                self._sending += 1
                del ticket  # whose room is given back with the last reference
            self._dispatcher.check()
            self._begin_poll()
            if news or has_polled:
                yield news
            elif self._is_awaiting or self._polls or self._open or self._dispatcher.may_send:
                self._take_news(self._seconds_to_wait())
            else:
                return

    def _begin_poll(self) -> None:
        """Polls in a thread, if that is due: meanwhile, requests are sent and their answers are taken in."""
        if self._can_poll and self._seconds_until_poll() <= 0:
            queried = {task_id for poll in self._polls for task_id in poll.ids}
            ids = self._waiting.begin_poll(queried)
            self._polls.append(_Poll(self._retrieve, self._store, ids, self._dispatcher.wake))

    @property
    def _can_poll(self) -> bool:
        """Whether tasks are in progress that no poll queries, and another poll may begin."""
        queried = sum(len(poll.ids) for poll in self._polls)
        return len(self._polls) < MOST_POLLS and len(self._waiting.open_ids) > queried

    def _end_poll(self) -> bool:
        """Takes in what a poll has found; returns whether one has ended."""
        poll = next((poll for poll in self._polls if poll.has_ended), None)
        if poll is None:
            return False
        if not isinstance(poll.error, (SeedreamError, type(None))):
            raise poll.error
        self._polls.remove(poll)
        queried = {task_id.lower() for task_id in poll.ids}
        self._changed.update(index for index, task_id in self._open.items() if task_id in queried)
        self._waiting.end_poll(poll.tasks, poll.error)
        return True

    def _seconds_until_poll(self) -> float:
        """Seconds until the next poll is due; the first one waits for answers that are about to come, but not long."""
        if not self._is_awaiting or self._waiting.poll_count:
            return self._waiting.seconds_until_poll(is_polling=bool(self._polls))
        return self._first_poll_at - time.monotonic()

    def _seconds_to_wait(self) -> float:
        """Seconds in which nothing but news of requests and polls is to be expected."""
        if self._can_poll:
            return max(0.0, min(STOP_IS_SEEN_WITHIN, self._seconds_until_poll()))
        return STOP_IS_SEEN_WITHIN

    @property
    def _has_room(self) -> bool:
        return self._sending + len(self._earlier) + len(self._open) < self._in_flight

    @property
    def _is_awaiting(self) -> bool:
        return bool(self._sending or self._earlier)

    def _take_news(self, timeout: float) -> None:
        changed, ended = self._dispatcher.wait_for_news(timeout)
        self._changed.update(changed)
        self._ended += ended

    def _look(self) -> list[Task]:
        """Looks at what may have changed since the last time, and returns the tasks that have."""
        self._take_news(0)
        changed, self._changed = sorted(self._changed), set()
        if self._earlier:
            self._earlier &= self._dispatcher.unanswered.keys()
        answered = self._dispatcher.find_answered(changed)
        news, added = [], []
        for index in changed:
            entry = self._dispatcher.find(index)
            if index in answered and self._learn(index, answered[index]):
                added.append(answered[index].task)
            if entry and entry.task != entry.reported:
                entry.reported = entry.task
                news.append(entry.task)
        # Only now: until then, they and their tasks must not both be missing among those in flight.
        self._sending -= self._ended
        self._ended = 0
        if added:
            if not self._waiting.open_ids:
                self._first_poll_at = time.monotonic() + self._pace.first
            self._waiting.add(added)
        return news

    def _learn(self, index: int, entry: Entry) -> bool:
        """Records what the polls know of an answered request; returns whether its task must be polled from now on."""
        found = self._waiting.find(entry.task.id) if entry.task.id else None
        if found:
            entry.task = complete(found, entry.task)
        if self._waits and _is_open(entry.task):
            self._open[index] = entry.task.id.lower()
            if entry.ticket is None:  # of an earlier iteration
                entry.ticket = Ticket(self._gate, is_paid=True)
                entry.ticket.enter()
        else:
            self._open.pop(index, None)
            entry.leave()
        return found is None and index in self._open

    def _leave_gate(self) -> None:
        """Gives the room of tasks back that nobody waits for any more."""
        for entry in self._dispatcher.find_answered(self._dispatcher.entries).values():
            entry.leave()

    def _is_done(self, entry: Entry) -> bool:
        """Whether nothing more will become of an answered request."""
        return not (self._waits and _is_open(entry.task))


class _Poll:
    """One poll, in a thread of its own, which stores what it finds: no interrupt meets that.

    Attributes:
        ids: What it queries.
        tasks: What it has found.
        error: Why it failed, wholly or in part.
        has_ended: Whether it has ended.
    """

    def __init__(
        self,
        retrieve: Callable[[Sequence[str]], Sequence[Task]],
        store: Store,
        ids: Sequence[str],
        wake: Callable[[], object],
    ) -> None:
        self.ids = ids
        self.tasks: Sequence[Task] = ()
        self.error: BaseException | None = None
        self.has_ended = False
        self._retrieve = retrieve
        self._store = store
        self._is_wanted = True
        self._storing = threading.Lock()
        threading.Thread(target=self._run, args=(wake,), name=POLL_NAME, daemon=True).start()

    def abandon(self) -> None:
        """Stores nothing that is found from now on; what is being stored is waited for."""
        self._is_wanted = False
        with self._storing:
            pass

    def _run(self, wake: Callable[[], object]) -> None:
        try:
            found = self._query()
            with self._storing:
                if self._is_wanted:
                    self.tasks = self._store(found)
        except BaseException as error:  # noqa: BLE001  raised by the thread that iterates
            self.error = error
        self.has_ended = True
        wake()

    def _query(self) -> Sequence[Task]:
        try:
            return self._retrieve(self.ids)
        except SeedreamError as error:
            self.error = error
            return error.partial


def _is_open(task: Task) -> bool:
    """Whether the service still works on it; a task that was not found was queried often enough."""
    return bool(task.id) and not task.status.is_final and task.status is not TaskStatus.NOT_FOUND


def _describe_outcome(task: Task) -> str:
    if _is_open(task):
        return "in progress"
    return "finished" if task.status is TaskStatus.SUCCEEDED or task.good_images else "failed"
