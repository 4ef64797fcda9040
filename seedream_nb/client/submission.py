"""A paid request: prepared and checked, sent, and read as one `Task`, whichever way the answer comes.

Asynchronous: the id comes at once. Synchronous: the finished task. Stream: image by image.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from seedream_nb.client.references import read_references
from seedream_nb.client.transport import encode
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
    from collections.abc import Iterable, Iterator, Mapping

    from seedream_nb.client.batches import Store
    from seedream_nb.client.references import Reference
    from seedream_nb.client.transport import Pause, Transport
    from seedream_nb.core.models import TaskImage

IMAGES_PATH = "/seedream/images"

Mode = Literal["async", "sync", "stream"]


_FIELDS_OF_MODE: dict[str, dict[str, object]] = {"async": {"async": True}, "sync": {}, "stream": {"stream": True}}


@dataclass(frozen=True)
class GenerationRequest:
    """One of many paid requests, see `SeedreamClient.generate_all`.

    Attributes:
        prompt: What the image shows; may be empty for a layer decomposition.
        options: Model, size and so on.
        image: Reference images; any makes the request an edit.

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
    """Builds and checks the body of a paid request. Sends nothing.

    Args:
        prompt: What the image shows.
        options: Model, size and so on.
        image: Reference images.
        mode: How the answer comes.
        strict: Whether to reject what a known model does not accept.

    Returns:
        The body to send.

    Raises:
        UsageError: The service would reject it; the message says what it accepts.

    Warns:
        UnknownModelWarning: The model is unknown.
    """
    return _prepare(prompt, options, read_references(image, strict=strict), mode, strict=strict)


def prepare_all(
    requests: Iterable[GenerationRequest], *, mode: Mode = "async", strict: bool = True
) -> list[dict[str, object]]:
    """Builds and checks the bodies of many paid requests, or of none. Sends nothing.

    Args:
        requests: The requests. Reference images that several share are read once.
        mode: As for `prepare`.
        strict: As for `prepare`.

    Returns:
        The bodies in order.

    Raises:
        UsageError: The service would reject one; the message says which, and what it accepts.
    """
    listed = list(requests)
    bodies = []
    references: dict[int, tuple[str, ...]] = {}
    for number, request in enumerate(listed, start=1):
        try:
            key = id(request.image)
            if key not in references:
                references[key] = read_references(request.image, strict=strict)
            bodies.append(_prepare(request.prompt, request.options, references[key], mode, strict=strict))
        except UsageError as error:  # noqa: PERF203  nothing is slow next to what follows
            if len(listed) > 1:
                error.message = f"Request {number} of {len(listed)}: {error.message}"
            raise
    return bodies


def _prepare(
    prompt: str, options: GenerationOptions, references: tuple[str, ...], mode: Mode, *, strict: bool
) -> dict[str, object]:
    if mode not in _FIELDS_OF_MODE:
        raise UsageError(f"mode must be one of {', '.join(get_args(Mode))}, not {mode!r}.", hint="Nothing was sent.")
    body = build_body(prompt, options, references) | _FIELDS_OF_MODE[mode]
    if strict:
        check_body(body)
    # Without the reference images, which are text of many megabytes: those are encoded once, to be sent.
    encode(describe_request(body, TaskStatus.PENDING).request)
    return body


def submit(transport: Transport, body: Mapping[str, object], *, pause: Pause = time.sleep) -> Task:
    """Sends a prepared body, asynchronous or synchronous.

    Args:
        transport: Sends it, at most once.
        body: The body.
        pause: As for `Transport.submit`.

    Returns:
        The task: pending when the answer came at once, otherwise finished.

    Raises:
        OutcomeUnknownError: No clear answer came; the task may exist.
        SeedreamError: What the service answered, or that it could not be reached.
    """
    requested = describe_request(body, TaskStatus.PENDING)

    def read(answer: object) -> Task:
        task = read_task(answer, "")
        if task.id or task.images:
            return complete(task, requested)
        if read_error(answer):
            raise to_error(200, answer)
        raise UnreadableAnswerError("The answer names no task.", hint="The service may have a new answer format.")

    return transport.submit(IMAGES_PATH, body, read, is_slow=_is_slow(body), pause=pause)


def follow(
    transport: Transport, body: Mapping[str, object], *, store: Store | None = None, pause: Pause = time.sleep
) -> Iterator[Task]:
    """Sends a prepared body in any mode, and yields its task each time more is known of it.

    Args:
        transport: Sends it, at most once.
        body: The body.
        store: Called with the task when the answer has come.
        pause: As for `Transport.submit`.

    Yields:
        The task. The last one is pending when the answer came at once, otherwise finished. When the answer takes until
        the images are finished, the first one is running.

    Raises:
        OutcomeUnknownError: No clear answer came; for a stream, its `partial` holds the task with what came before.
        SeedreamError: What the service answered, or that it could not be reached.
    """
    if body.get("stream"):
        stream = ImageStream(transport, body, store=store, pause=pause)
        yield stream.task
        for _image in stream:
            yield stream.task
        yield stream.task
        return
    if _is_slow(body):
        yield describe_request(body, TaskStatus.RUNNING)
    task = submit(transport, body, pause=pause)
    yield store([task])[0] if store else task


class ImageStream:
    """The images of one paid request as they arrive, failed ones with their `error`; iterable once.

    Nothing is sent before the first image is requested.

    Args:
        transport: Sends the request, at most once.
        body: The prepared body.
        store: Called with the task when everything has arrived.
        pause: As for `Transport.submit`.

    Attributes:
        task: The task with everything that has arrived; its status is final at the end. The service does not name the
            task in a stream, so the id is empty unless it does.
    """

    def __init__(
        self,
        transport: Transport,
        body: Mapping[str, object],
        *,
        store: Store | None = None,
        pause: Pause = time.sleep,
    ) -> None:
        self._store = store or list
        self.task = describe_request(body, TaskStatus.RUNNING)
        self._images = transport.stream(IMAGES_PATH, body, self._read, pause=pause)

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
            raise InterruptedRequest("Interrupted. Images received so far are in tasks.", tasks=(self.task,)) from None
        return self.task

    def _read(self, lines: Iterator[str]) -> Iterator[TaskImage]:
        for line in lines:
            self.task, images = add_line(self.task, line)
            if self.task.status.is_final:
                # Before the last images are handed out: whoever has these need not request another.
                (self.task,) = self._store([self.task])
            yield from images
            if self.task.status.is_final:
                return
        raise UnreadableAnswerError(
            f"The stream ended after {count_of(len(self.task.images), 'image')}, before it was complete."
        )


def _is_slow(body: Mapping[str, object]) -> bool:
    """Whether the answer comes only when the images are finished."""
    return not (body.get("async") or body.get("callback_url"))
