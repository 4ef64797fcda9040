"""Many paid requests, a few in flight, so that whoever stops half-way has not paid for the rest.

The thread that iterates over `updates` decides when the next request is sent; while it does something else, nothing
more is sent.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from seedream_nb.client.dispatcher import Dispatcher
from seedream_nb.client.polling import STILL_RUNNING, Waiting, run_to_end
from seedream_nb.core.errors import InterruptedWait, OutcomeUnknownError, SeedreamError, WaitTimeoutError
from seedream_nb.core.models import TaskStatus
from seedream_nb.core.text import count_of, name_numbers
from seedream_nb.protocol.stream_events import complete

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Generator, Iterator, Sequence
    from datetime import datetime

    from seedream_nb.client.polling import Pace
    from seedream_nb.client.purchases import PaidRequest
    from seedream_nb.client.transport import Pause
    from seedream_nb.core.models import Task

NOTHING_SENT = "Interrupted before anything was sent; nothing was paid for."
OUTCOMES = ("finished", "in progress", "failed", "not answered")  # of requests that were sent


class GenerationBatch:
    """Many paid requests, a few in flight, and what is known of each at any moment.

    Nothing is sent before iteration starts. Each request is sent at most once. After a timeout, an interrupt or an
    early end, iterating again resumes: tasks in progress are polled, unsent requests are sent, failed ones stay failed.

    Args:
        requests: The requests; those that were bought before are not sent.
        send: Sends one, at most once, and yields its task each time more is known of it, see `Dispatcher`.
        retrieve: Queries many tasks at once, as for `Waiting`.
        wait: Whether to wait for the tasks; otherwise all are only sent.
        in_flight: Maximum number of tasks at the service at a time: sent, and not known to be finished.
        timeout: Seconds to wait after the last request was sent.
        pace: How often to poll.
        stop: Ends the iteration quietly when another thread sets it.

    Attributes:
        is_recorded: Whether all requests are in the ledger of a library.
        kept: When the requests that were paid for before, and are not sent again, were ordered, by their index.

    Example:
        >>> from seedream_nb import GenerationOptions, GenerationRequest, Sandbox, SeedreamClient
        >>> requests = [GenerationRequest(prompt, GenerationOptions(size="2K")) for prompt in ("a cat", "a dog")]
        >>> with Sandbox(generation_seconds=0) as sandbox, SeedreamClient(sandbox.token, sandbox.url) as client:
        ...     for task in client.generate_all(requests).finish():
        ...         print(task.prompt, task.status)
        a cat succeeded
        a dog succeeded
    """

    def __init__(
        self,
        requests: Sequence[PaidRequest],
        send: Callable[[PaidRequest, Pause], Iterator[Task]],
        retrieve: Callable[[Sequence[str]], Sequence[Task]],
        *,
        wait: bool,
        in_flight: int,
        timeout: float | None,
        pace: Pace,
        stop: threading.Event | None = None,
    ) -> None:
        self._stop = stop or threading.Event()
        kept = {index: task for index, request in enumerate(requests) if (task := request.bought)}
        self.is_recorded = all(request.is_recorded for request in requests)
        self.kept = {index: ordered_at for index in kept if (ordered_at := requests[index].ordered_at)}
        self._checksums = [request.checksum for request in requests]
        self._dispatcher = Dispatcher(
            [request.body for request in requests],
            lambda index, pause: send(requests[index], pause),
            self._stop,
            kept,
        )
        self._waiting = Waiting([], retrieve, timeout=timeout, pace=pace, stop=self._stop)
        self._waits = wait
        self._in_flight = in_flight
        self._pace = pace
        self._reported = self.tasks

    @property
    def tasks(self) -> list[Task]:
        """What is known of each request's task, in order; can be read in any thread.

        An unsent request is a pending task without an id, a rejected one a failed task without an id.
        """
        return self._dispatcher.tasks

    @property
    def takes(self) -> Counter[str]:
        """How many takes of each request did not fail, by its checksum; see `SeedreamClient.generate_all`."""
        pairs = zip(self._checksums, self.tasks, strict=True)
        return Counter(checksum for checksum, task in pairs if task.id or task.good_images)

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
        return self._dispatcher.unsent

    @property
    def failure(self) -> SeedreamError | None:
        """Why the last poll failed, wholly or in part; None when it succeeded."""
        return self._waiting.failure

    def describe_unsent(self) -> str:
        """Says which requests were not sent, by their numbers from 1; empty if all were."""
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
        """
        try:
            self._dispatcher.open()
            try:
                yield from self._updates()
            finally:
                self._dispatcher.close()
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
        """
        run_to_end(self.updates, self.interrupted)
        return self.tasks

    def interrupted(self) -> InterruptedWait:
        """An interrupt that carries what is known, for a caller interrupted between two `updates`."""
        tasks, open_ids = self.tasks, self.open_ids
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
            tasks=tasks,
            open_ids=open_ids,
            sent_at=since,
        )

    def _find_unclear(self, tasks: Sequence[Task]) -> dict[int, datetime]:
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
            if not tasks[index].id and not tasks[index].status.is_final
        }

    def _describe_interruption(self, tasks: Sequence[Task], unclear: Collection[int]) -> str:
        """Says what was sent and what became of it, and what was not sent."""
        unsent = self._dispatcher.unsent_indexes
        kinds = Counter(
            "not answered" if index in unclear else _describe_outcome(task)
            for index, task in enumerate(tasks)
            if index not in unsent and index not in self.kept
        )
        if not kinds:
            return NOTHING_SENT
        outcome = ", ".join(f"{kinds[kind]} {kind}" for kind in OUTCOMES if kinds[kind])
        sent = sum(kinds.values())
        requests = f"{sent} of {sent + len(unsent)} requests" if unsent else count_of(sent, "request")
        return f"Interrupted after sending {requests}: {outcome}. {self.describe_unsent()}".strip()

    def _updates(self) -> Iterator[list[Task]]:
        polls = self._waiting.updates()
        while not self._stop.is_set():
            while self._dispatcher.may_send and self._count_in_flight() < self._in_flight:
                self._dispatcher.send_next()
            # Read first: whatever is answered by now is among the tasks with its answer.
            is_sending = bool(self._dispatcher.unanswered)
            self._dispatcher.check()
            self._match()
            news = self._report()
            if news:
                yield news
            elif is_sending and self._has_answer():
                continue
            elif self._waiting.open_ids:
                next(polls, None)
                self._match()
                yield self._report()
            elif not is_sending:
                return

    def _count_in_flight(self) -> int:
        indexes = set(self._dispatcher.unanswered)
        if self._waits:
            indexes.update(index for index, task in enumerate(self.tasks) if _is_open(task))
        return len(indexes)

    def _has_answer(self) -> bool:
        """Waits until there may be an answer; not for long when there is something to poll as well."""
        if self._waiting.open_ids:
            return self._dispatcher.wait_for_news(min(self._pace.first, threading.TIMEOUT_MAX))
        return self._dispatcher.wait_for_news()

    def _match(self) -> None:
        """Records what the polls found, and adds newly answered tasks to those that are polled."""
        known = {task.id.lower(): task for task in self._waiting.tasks}
        added = []
        unanswered = self._dispatcher.unanswered
        for index, task in enumerate(self.tasks):
            if not task.id or index in unanswered:
                continue
            found = known.get(task.id.lower())
            if found:
                self._dispatcher.update(index, complete(found, task))
            elif self._waits and _is_open(task):
                added.append(task)
        if added:
            self._waiting.add(added)

    def _report(self) -> list[Task]:
        """The tasks that have changed since the last report."""
        before, self._reported = self._reported, self.tasks
        return [task for task, earlier in zip(self._reported, before, strict=True) if task != earlier]


def _is_open(task: Task) -> bool:
    """Whether the service still works on it; a task that was not found was queried often enough."""
    return bool(task.id) and not task.status.is_final and task.status is not TaskStatus.NOT_FOUND


def _describe_outcome(task: Task) -> str:
    if _is_open(task):
        return "in progress"
    return "finished" if task.status is TaskStatus.SUCCEEDED or task.good_images else "failed"
