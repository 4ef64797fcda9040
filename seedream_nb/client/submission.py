"""Why: a request that costs money ends as one `Task`, whichever of its three ways the answer takes.

Asynchronous: the id comes at once. Synchronous: the finished task. Stream: image by image.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from seedream_nb.client.references import read_references
from seedream_nb.core.errors import (
    Interrupted,
    InterruptedRequest,
    OutcomeUnknownError,
    UnreadableAnswerError,
    UsageError,
)
from seedream_nb.core.models import Task, TaskStatus
from seedream_nb.core.text import count_of
from seedream_nb.protocol.request_body import GenerationOptions, build_body, check_body, describe_request
from seedream_nb.protocol.responses import read_error, read_task
from seedream_nb.protocol.status_errors import to_error
from seedream_nb.protocol.stream_events import add_line, complete

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from seedream_nb.client.references import Reference
    from seedream_nb.client.transport import Transport
    from seedream_nb.core.models import TaskImage

IMAGES_PATH = "/seedream/images"

Mode = Literal["async", "sync", "stream"]
Store = Callable[[Iterable[Task]], list[Task]]

_FIELDS_OF_MODE: dict[str, dict[str, object]] = {"async": {"async": True}, "sync": {}, "stream": {"stream": True}}


@dataclass(frozen=True)
class GenerationRequest:
    """One of many paid requests, see `SeedreamClient.generate_all`.

    Attributes:
        prompt: What the picture shows; may be empty when a picture is taken apart into layers.
        options: How it is to be made.
        image: Reference images; any makes it an edit.

    Example:
        >>> GenerationRequest("a cat", GenerationOptions(model="4.5", size="2K")).options.size
        '2K'
    """

    prompt: str
    options: GenerationOptions = field(default_factory=GenerationOptions)
    image: Reference | tuple[Reference, ...] | None = None


def prepare(
    prompt: str,
    options: GenerationOptions,
    *,
    image: Reference | Iterable[Reference] | None = None,
    mode: Mode = "async",
    strict: bool = True,
) -> dict[str, object]:
    """Makes the body of a paid request, and refuses what the service would refuse. Sends nothing.

    Args:
        prompt: What the picture shows.
        options: How it is to be made.
        image: Reference images.
        mode: How the answer is to come.
        strict: Whether to refuse what a known model does not accept.

    Returns:
        The body as it travels.

    Raises:
        UsageError: It would be refused; the message says what would be accepted.

    Warns:
        UnknownModelWarning: The model is not in the table.
    """
    if mode not in _FIELDS_OF_MODE:
        raise UsageError(f"mode is {', '.join(get_args(Mode))}, not {mode!r}.", hint="Nothing was sent.")
    body = build_body(prompt, options, read_references(image, strict=strict)) | _FIELDS_OF_MODE[mode]
    if strict:
        check_body(body)
    try:
        json.dumps(body, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as problem:
        raise UsageError(f"The request cannot be sent as JSON: {problem}.", hint="Nothing was sent.") from None
    return body


def prepare_all(
    requests: Iterable[GenerationRequest], *, mode: Mode = "async", strict: bool = True
) -> list[dict[str, object]]:
    """Makes the bodies of many paid requests, or of none. Sends nothing.

    Args:
        requests: What is asked for.
        mode: As for `prepare`.
        strict: As for `prepare`.

    Returns:
        The bodies in their order.

    Raises:
        UsageError: One would be refused; the message says which, and what would be accepted.
    """
    listed = list(requests)
    bodies = []
    for number, request in enumerate(listed, start=1):
        try:
            bodies.append(prepare(request.prompt, request.options, image=request.image, mode=mode, strict=strict))
        except UsageError as error:  # noqa: PERF203  nothing is slow next to what follows
            if len(listed) > 1:
                error.message = f"Request {number} of {len(listed)}: {error.message}"
            raise
    return bodies


def submit(transport: Transport, body: Mapping[str, object]) -> Task:
    """Sends a body that was prepared, asynchronous or not.

    Args:
        transport: Sends it, at most once.
        body: The body.

    Returns:
        The task: pending when the answer came at once, else finished.

    Raises:
        OutcomeUnknownError: No clear answer came; the task may exist.
        SeedreamError: What the service answered, or that it could not be reached.
    """
    asked = describe_request(body, TaskStatus.PENDING)
    return transport.submit(IMAGES_PATH, body, lambda answer: read_submitted(answer, asked), is_slow=_is_slow(body))


def read_submitted(answer: object, asked: Task) -> Task:
    """Reads the answer to a paid request: an id, or a whole task.

    Args:
        answer: The decoded JSON.
        asked: The task as the request describes it.

    Returns:
        The task, with what the answer leaves out taken from the request.

    Raises:
        SeedreamError: A refusal under a good status.
        UnreadableAnswerError: The answer names neither a task nor an image.
    """
    task = read_task(answer, "")
    if task.id or task.images:
        return complete(task, asked)
    if read_error(answer):
        raise to_error(200, answer)
    raise UnreadableAnswerError("The answer names no task.", hint="The service may have a new answer form.")


def follow(transport: Transport, body: Mapping[str, object], *, store: Store | None = None) -> Iterator[Task]:
    """Sends a body that was prepared, in whatever mode, and tells of its task each time that more is known of it.

    Args:
        transport: Sends it, at most once.
        body: The body.
        store: Called with the task when the answer has come.

    Yields:
        The task. The last one is pending when the answer came at once, else finished. Of an answer that takes until
        pictures are made, the first one is running.

    Raises:
        OutcomeUnknownError: No clear answer came; of a stream its `partial` holds the task with what came before.
        SeedreamError: What the service answered, or that it could not be reached.
    """
    if body.get("stream"):
        stream = ImageStream(transport, body, store=store)
        yield stream.task
        for _image in stream:
            yield stream.task
        yield stream.task
        return
    if _is_slow(body):
        yield describe_request(body, TaskStatus.RUNNING)
    task = submit(transport, body)
    yield store([task])[0] if store else task


class ImageStream:
    """Images of one paid request as they come, failed ones with their `error`; iterable once.

    Nothing is sent before the first image is asked for.

    Args:
        transport: Sends the request, at most once.
        body: The body that was prepared.
        store: Called with the task when all has come.

    Attributes:
        task: The task with everything that has come so far; its status is final when all has come. The service
            names no task id in a stream, so the id is empty unless it does.
    """

    def __init__(self, transport: Transport, body: Mapping[str, object], *, store: Store | None = None) -> None:
        self._store = store or list
        self.task = describe_request(body, TaskStatus.RUNNING)
        self._images = transport.stream(IMAGES_PATH, body, self._read)

    def __iter__(self) -> ImageStream:
        return self

    def __next__(self) -> TaskImage:
        """The next image.

        Raises:
            OutcomeUnknownError: The stream broke off; its `partial` holds the task with what came before.
            InterruptedRequest: An interrupt came; its `tasks` hold the same.
            SeedreamError: What the service answered, or that it could not be reached.
        """
        try:
            return next(self._images)
        except OutcomeUnknownError as error:
            error.partial = (self.task,)
            raise
        except Interrupted as interrupt:
            interrupt.tasks = (self.task,)
            raise

    def finish(self) -> Task:
        """Waits for all images.

        Returns:
            The finished task.

        Raises:
            SeedreamError: As for each image.
            InterruptedRequest: As for each image.
        """
        try:
            for _image in self:
                pass
        except Interrupted:
            raise
        except KeyboardInterrupt:
            raise InterruptedRequest("Interrupted; what had come is in tasks.", tasks=(self.task,)) from None
        return self.task

    def _read(self, lines: Iterator[str]) -> Iterator[TaskImage]:
        for line in lines:
            self.task, images = add_line(self.task, line)
            if self.task.status.is_final:
                # Before the last images are handed out: whoever has these need not ask for another.
                (self.task,) = self._store([self.task])
            yield from images
            if self.task.status.is_final:
                return
        raise UnreadableAnswerError(
            f"The stream ended after {count_of(len(self.task.images), 'image')}, before it was complete.",
        )


def _is_slow(body: Mapping[str, object]) -> bool:
    """Whether the answer comes only when the pictures are made."""
    return not (body.get("async") or body.get("callback_url"))
