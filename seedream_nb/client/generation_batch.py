"""Why: many pictures are paid for a few at a time, so that whoever stops half-way has not paid for the rest.

The thread that iterates over `updates` decides when the next request is sent; while it does something else, nothing
more is sent.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from seedream_nb.client.dispatcher import Dispatcher
from seedream_nb.client.polling import Waiting, describe_interruption, run_to_end
from seedream_nb.core.errors import InterruptedWait, SeedreamError, WaitTimeoutError
from seedream_nb.core.models import TaskStatus
from seedream_nb.core.text import count_of
from seedream_nb.protocol.stream_events import complete

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Mapping, Sequence

    from seedream_nb.client.polling import Pace
    from seedream_nb.client.transport import RetryPolicy
    from seedream_nb.core.models import Task


class GenerationBatch:
    """Pictures of many paid requests, a few of them at a time, and what is known of each at any moment.

    Nothing is sent before it is gone through. Each request is sent at most once. After a timeout, an interrupt or an
    early end, going through it again goes on where it was left: what is open is waited for, what was not sent is sent,
    and what failed stays failed.

    Args:
        bodies: The requests that were prepared.
        send: Sends one, tries once, and yields its task each time that more is known of it.
        retrieve: Asks for many tasks at once, as for `Waiting`.
        wait: Whether to wait for the tasks; otherwise all are only sent.
        in_flight: How many tasks may be open at the service at a time: sent, and not known to be finished.
        timeout: Seconds after the last one was sent, after which waiting is given up.
        pace: How often is asked.
        retries: How often a request that certainly did not arrive is tried again.
        stop: Ends it quietly when another thread sets it.

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
        bodies: Sequence[Mapping[str, object]],
        send: Callable[[Mapping[str, object]], Iterator[Task]],
        retrieve: Callable[[Sequence[str]], Sequence[Task]],
        *,
        wait: bool,
        in_flight: int,
        timeout: float | None,
        pace: Pace,
        retries: RetryPolicy,
        stop: threading.Event | None = None,
    ) -> None:
        self._stop = stop or threading.Event()
        self._dispatcher = Dispatcher(bodies, send, retries, self._stop)
        self._waiting = Waiting([], retrieve, timeout=timeout, pace=pace, stop=self._stop)
        self._is_waited_for = wait
        self._in_flight = in_flight
        self._pace = pace
        self._told = self.tasks

    @property
    def tasks(self) -> list[Task]:
        """What is known of each request's task, in their order; can be read in any thread.

        Before it is sent, a task is pending and has no id. A request that was refused is a failed task without one.
        """
        return self._dispatcher.tasks

    @property
    def failures(self) -> dict[int, SeedreamError]:
        """Why a request has no task, by its place; the `sent_at` of an unclear failure says where to look for it."""
        return dict(sorted(self._dispatcher.failures.copy().items()))

    @property
    def open_ids(self) -> tuple[str, ...]:
        """The ids of the tasks that are not finished; can be read in any thread."""
        return tuple(dict.fromkeys(task.id for task in self.tasks if _is_open(task)))

    @property
    def unsent(self) -> int:
        """How many requests were not sent; can be read in any thread."""
        return self._dispatcher.unsent

    @property
    def failure(self) -> SeedreamError | None:
        """Why the last question after the open tasks had no or no whole answer; None when it had."""
        return self._waiting.failure

    def updates(self) -> Generator[list[Task], None, None]:
        """Sends and asks until all tasks are finished.

        Whenever this ends early, also by closing it, nothing more is sent, and the answers to what has left already
        are still waited for, until the timeouts of their connections; an interrupt meanwhile gives up on them.

        Yields:
            After each change the tasks that have changed: an answer came, or an image of a stream, or a question
            found news. An empty list when a question found none.

        Raises:
            WaitTimeoutError: Some are not finished in time. Its `partial` holds what is known of all, its
                `failed_ids` the ids that are still open.
            InterruptedWait: An interrupt came. Its `tasks` and `open_ids` hold the same; its `sent_at` is set when it
                is unclear what became of some requests.
            SeedreamError: What every further question after open tasks would meet as well; it carries the same.
        """
        try:
            self._dispatcher.open()
            try:
                yield from self._ticks()
            finally:
                self._dispatcher.close()
        except KeyboardInterrupt:
            raise self.interrupted() from None
        except SeedreamError as error:
            error.partial, error.failed_ids = self.tasks, self.open_ids
            if isinstance(error, WaitTimeoutError):
                error.message += self._say_unsent()
            raise

    def finish(self) -> list[Task]:
        """Sends and waits until all tasks are finished; the same as going through `updates`.

        Returns:
            One task for each request, in their order, failed ones included; `failures` says why some have no id.

        Raises:
            SeedreamError: As for `updates`.
            InterruptedWait: As for `updates`.
        """
        run_to_end(self.updates, self.interrupted)
        return self.tasks

    def interrupted(self) -> InterruptedWait:
        """An interrupt that carries what is known, for whoever goes through `updates` and meets one in between."""
        unclear, tasks, open_ids = list(self._dispatcher.unanswered.values()), self.tasks, self.open_ids
        hints = []
        if open_ids:
            hints.append("They go on at the service; wait again for their ids, which are in open_ids.")
        if unclear:
            hints.append(
                f"{count_of(len(unclear), 'request')} had left without an answer yet, and may have been paid for: "
                f"client.history(created_after={min(unclear).timestamp():.0f}) tells."
            )
        return InterruptedWait(
            f"{describe_interruption(len(open_ids), len(tasks))}{self._say_unsent()}",
            hint=" ".join(hints) or None,
            tasks=tasks,
            open_ids=open_ids,
            sent_at=min(unclear, default=None),
        )

    def _ticks(self) -> Iterator[list[Task]]:
        questions = self._waiting.updates()
        while not self._stop.is_set():
            self._send_more()
            # Looked up first: whatever has its answer now is among the tasks with it.
            is_sending = bool(self._dispatcher.unanswered)
            self._dispatcher.check()
            self._match()
            news = self._tell()
            if news:
                yield news
            elif is_sending and self._has_answer():
                continue
            elif self._waiting.open_ids:
                next(questions, None)
                self._match()
                yield self._tell()
            elif not is_sending:
                return

    def _send_more(self) -> None:
        while self._dispatcher.may_send and self._count_under_way() < self._in_flight:
            self._dispatcher.send_next()

    def _count_under_way(self) -> int:
        places = set(self._dispatcher.unanswered)
        if self._is_waited_for:
            places.update(place for place, task in enumerate(self.tasks) if _is_open(task))
        return len(places)

    def _has_answer(self) -> bool:
        """Waits until there may be an answer; not for long when there is something to ask for as well."""
        if self._waiting.open_ids:
            return self._dispatcher.wait_for_news(min(self._pace.first, threading.TIMEOUT_MAX))
        return self._dispatcher.wait_for_news()

    def _match(self) -> None:
        """Takes in what the questions found, and lets what else was answered be asked for."""
        known = {task.id.lower(): task for task in self._waiting.tasks}
        added = []
        for place, task in self._answered():
            found = known.get(task.id.lower())
            if found:
                self._dispatcher.learn(place, complete(found, task))
            elif self._is_waited_for and _is_open(task):
                added.append(task)
        if added:
            self._waiting.add(added)

    def _answered(self) -> list[tuple[int, Task]]:
        unanswered = self._dispatcher.unanswered
        return [(place, task) for place, task in enumerate(self.tasks) if task.id and place not in unanswered]

    def _tell(self) -> list[Task]:
        """The tasks that have changed since they were told of."""
        told, self._told = self._told, self.tasks
        return [task for task, before in zip(self._told, told, strict=True) if task != before]

    def _say_unsent(self) -> str:
        if not self.unsent:
            return ""
        were = "was" if self.unsent == 1 else "were"
        return f" {self.unsent} of {len(self.tasks)} requests {were} never sent."


def _is_open(task: Task) -> bool:
    """Whether it goes on at the service; what is not found has been asked for often enough."""
    return bool(task.id) and not task.status.is_final and task.status is not TaskStatus.NOT_FOUND
