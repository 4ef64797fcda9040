"""A paid request, sent and read as one `Task`, whichever way the answer comes.

Asynchronous: the id comes at once. Synchronous: the finished task. Stream: image by image.
"""

from __future__ import annotations

import time
from dataclasses import asdict, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from seedream_nb.client.at_most_once import CLOCK_SKEW, WithdrawnError
from seedream_nb.client.rate_gate import Ticket
from seedream_nb.core.errors import (
    InterruptedRequest,
    OutcomeUnknownError,
    SeedreamError,
    UnreadableAnswerError,
    shorten,
)
from seedream_nb.core.models import Task, TaskStatus
from seedream_nb.core.text import count_of
from seedream_nb.protocol.request_body import describe_request
from seedream_nb.protocol.responses import read_task
from seedream_nb.protocol.status_errors import to_error
from seedream_nb.protocol.stream_events import add_event, complete

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seedream_nb.client.batches import Store
    from seedream_nb.client.purchases import PaidRequest
    from seedream_nb.client.transport import Pause, Transport
    from seedream_nb.core.models import TaskImage

IMAGES_PATH = "/seedream/images"


def follow(
    transport: Transport,
    request: PaidRequest,
    *,
    store: Store | None = None,
    library: str | None = None,
    pause: Pause = time.sleep,
    ticket: Ticket | None = None,
) -> Iterator[Task]:
    """Sends a prepared body in any mode, and yields its task each time more is known of it.

    Args:
        transport: Sends it, at most once.
        request: The request.
        store: Called with the task when the answer has come, and has been yielded.
        library: As for `ImageStream`.
        pause: As for `Transport.submit`.
        ticket: As for `Transport.submit`.

    Yields:
        The task. The last one is pending when the answer came at once, otherwise finished. When the answer takes until
        the images are finished, the first one is running.

    Raises:
        OutcomeUnknownError: No clear answer came; for a stream, its `partial` holds the task with what came before.
        SeedreamError: What the service answered, or that it could not be reached.
    """
    stream = ImageStream(transport, request, library=library, pause=pause, ticket=ticket)
    if stream.task.status is TaskStatus.RUNNING:
        yield stream.task
    for _image in stream:
        yield stream.task
    # Before it is stored, which takes its time while another program has the library.
    yield stream.task
    if store:
        yield from store([stream.task])


class ImageStream:
    """The images of one paid request as they arrive, failed ones with their `error`; iterable once.

    Created by `SeedreamClient.stream`.

    Nothing is sent before the first image is requested. A request without `stream` is answered all at once, an
    asynchronous one without any image.

    Args:
        transport: Sends the request, at most once.
        request: The request.
        store: Called with the task when everything has arrived.
        library: The library that the task will be stored in, see `Task.library`.
        pause: As for `Transport.submit`.
        ticket: Its ticket, if the caller follows its task; otherwise it counts as in flight until it is answered.

    Attributes:
        task: The task with everything that has arrived. At the end its status is final, or pending for an asynchronous
            request. The service does not name the task in a stream, so the id is empty unless it does.

    Example:
        >>> images = client.stream("a cat in four seasons", max_images=4)
        >>> for image in images:
        ...     print(image.index, image.size)
        0 2048x2048
        1 2048x2048
        2 2048x2048
        3 2048x2048
        >>> images.task.usage.generated_images
        4
    """

    def __init__(
        self,
        transport: Transport,
        request: PaidRequest,
        *,
        store: Store | None = None,
        library: str | None = None,
        pause: Pause = time.sleep,
        ticket: Ticket | None = None,
    ) -> None:
        self._store = store or list
        self._request = request
        self._pause = pause
        self._ticket = ticket or Ticket(transport.gate, is_paid=True)
        self._is_followed = ticket is not None
        body = request.body
        is_slow = _is_slow(body)
        status = TaskStatus.RUNNING if is_slow else TaskStatus.PENDING
        self.task = replace(describe_request(body, status), library=library)
        self._is_answered = False
        self._sent_at: datetime | None = None
        read = self._read_events if body.get("stream") else self._read_answer
        results = transport.submit(IMAGES_PATH, body, read, is_slow=is_slow, pause=pause, ticket=self._ticket)
        self._images = self._receive(results)

    def __iter__(self) -> ImageStream:
        return self

    def __next__(self) -> TaskImage:
        """The next image.

        Raises:
            OutcomeUnknownError: The stream broke off; its `partial` holds the task with what came before.
            InterruptedRequest: An interrupt came; its `tasks` holds the same.
            SeedreamError: What the service answered, or that it could not be reached.
        """
        try:
            return next(self._images)
        except OutcomeUnknownError as error:
            if self.task.request.get("stream"):
                error.partial = (self.task,)
            raise
        except (KeyboardInterrupt, SystemExit) as interrupt:
            raise self.add_task(interrupt) from None

    def finish(self) -> Task:
        """Waits for all images.

        Returns:
            The task.

        Raises:
            SeedreamError: As for each image.
            InterruptedRequest: As for each image.

        Example:
            >>> client.stream("a cat in four seasons", max_images=4).finish().status.value
            'succeeded'
        """
        try:
            for _image in self:
                pass
            return self.task  # noqa: TRY300  an interrupt here, too, carries the task
        except (KeyboardInterrupt, SystemExit) as interrupt:
            raise self.add_task(interrupt) from None

    def add_task(self, interrupt: BaseException) -> BaseException:
        """Adds the task to an interrupt.

        Args:
            interrupt: What was raised while the task was sent, read, stored, or handed out.

        Returns:
            What to raise instead: an `InterruptedRequest` that carries the task, or, when nothing is known of it, what
            was given.
        """
        if isinstance(interrupt, InterruptedRequest) and not self._is_answered:
            interrupt.tasks = (self.task,)
        if not self._is_answered and (isinstance(interrupt, InterruptedRequest) or not self.task.images):
            return interrupt
        what = "The request was answered: its task is" if self._is_answered else "Images received so far are"
        task_id = shorten(self.task.id)
        return InterruptedRequest(
            f"Interrupted. {what} in tasks.",
            hint=f"To see it: %seedream get {task_id}, or client.retrieve({task_id!r})." if task_id else None,
            tasks=(self.task,),
            sent_at=self._sent_at,
        )

    def _receive(self, results: Iterator[tuple[TaskImage, ...]]) -> Iterator[TaskImage]:
        try:
            bought = self._request.begin(self._pause)
            if bought is None:
                yield from self._send(results)
            else:
                self._take_over(bought)
                yield from bought.images
        finally:
            self._request.release()
            if not self._is_followed:
                self._ticket.leave()

    def _send(self, results: Iterator[tuple[TaskImage, ...]]) -> Iterator[TaskImage]:
        self._sent_at = datetime.now(timezone.utc) - CLOCK_SKEW
        try:
            for images in results:
                if self._is_answered:
                    # Before the last images are handed out: whoever has these need not request another.
                    (self.task,) = self._store([self.task])
                    self._request.answered(self.task)
                yield from images
        except OutcomeUnknownError as error:
            self._request.lost()
            if self.task.images:
                raise  # they may be all that is left of a stream
            self._take_over(self._recover(error))
            yield from self.task.images
        except WithdrawnError:
            self._request.withdrawn()
            raise
        except SeedreamError as error:
            self._request.failed(error)
            raise
        except BaseException:
            # An interrupt can come at any line, also when the answer is there, or when the request was not sent yet.
            if self._is_answered:
                self._request.answered(self.task)
            elif self._ticket.is_waiting:
                self._request.withdrawn()
            else:
                self._request.lost()
            raise

    def _recover(self, error: OutcomeUnknownError) -> Task:
        try:
            return self._request.recover(error, self._pause)
        except KeyboardInterrupt:
            raise InterruptedRequest(f"Interrupted. {error.message}", hint=error.hint, sent_at=error.sent_at) from None

    def _take_over(self, task: Task) -> None:
        self.task, self._is_answered = task, True

    def _read_answer(self, answers: Iterator[object]) -> Iterator[tuple[TaskImage, ...]]:
        for answer in answers:
            self.task = complete(_check(read_task(answer, "")), self.task)
            self._is_answered = True
            yield self.task.images

    def _read_events(self, events: Iterator[object]) -> Iterator[tuple[TaskImage, ...]]:
        for event in events:
            self.task, images = add_event(self.task, event)
            if self.task.status.is_final:
                _check(self.task)
                self._is_answered = True
            yield images
            if self._is_answered:
                return
        if self.task.error:
            _check(self.task)
        raise UnreadableAnswerError(
            f"The stream ended after {count_of(len(self.task.images), 'image')}, before it was complete."
        )


def _check(task: Task) -> Task:
    """The task of an answer under a good status, whichever way it came; raises an error if there is none."""
    if task.id or task.images:
        return task
    if task.error:
        raise to_error(200, {"error": asdict(task.error), "trace_id": task.trace_id})
    raise UnreadableAnswerError("The answer names no task.", hint="The service may have a new answer format.")


def _is_slow(body: Mapping[str, object]) -> bool:
    """Whether the answer comes only when the images are finished."""
    return not (body.get("async") or body.get("callback_url"))
