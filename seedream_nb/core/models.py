"""The data model: `Task` and its `TaskImage`s, whatever form the service's answer had.

Frozen data without I/O; `seedream_nb.protocol.responses` reads the service's answers into it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, TypeVar

from seedream_nb.core.errors import (
    ModerationError,
    TaskError,
    TaskFailedError,
    TaskNotFinishedError,
    TaskNotFoundError,
    shorten,
)
from seedream_nb.core.foreign import finite
from seedream_nb.core.providers import provide

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

Number = TypeVar("Number", int, float)


class TaskStatus(str, Enum):
    """The state of a task. The service has no such field; it is read from the record (wire contract, States).

    Attributes:
        PENDING: Waiting for its turn; the service has not begun.
        RUNNING: In progress.
        SUCCEEDED: Finished, with all of its images.
        PARTIALLY_FAILED: Finished; some images of a set are missing.
        FAILED: Finished without an image.
        NOT_FOUND: The service does not know the id.

    Example:
        >>> task.status
        <TaskStatus.SUCCEEDED: 'succeeded'>
        >>> task.status.is_final, str(task.status)
        (True, 'succeeded')
    """

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    PARTIALLY_FAILED = "partially failed"
    FAILED = "failed"
    NOT_FOUND = "not found"

    def __str__(self) -> str:
        return self.value

    @property
    def is_final(self) -> bool:
        """Whether the task no longer changes."""
        return self in {TaskStatus.SUCCEEDED, TaskStatus.PARTIALLY_FAILED, TaskStatus.FAILED}


@dataclass(frozen=True)
class ErrorDetail:
    """What the service says about a failed task or a failed image.

    Attributes:
        code: The code of the service or the model, such as `InputTextSensitiveContentDetected`; may be empty.
        message: The message of the service; may be empty.

    Example:
        >>> detail = ErrorDetail("InputTextSensitiveContentDetected", "The prompt may contain sensitive information.")
        >>> detail.is_moderation
        True
    """

    code: str = ""
    message: str = ""

    @property
    def is_moderation(self) -> bool:
        """Whether content moderation rejected it (wire contract, Moderation codes)."""
        return "SensitiveContent" in self.code or self.code.endswith("RiskDetection")

    def __str__(self) -> str:
        return ": ".join(part for part in (self.code, self.message) if part) or "no reason given"


@dataclass(frozen=True)
class Usage:
    """The usage that the service reports (wire contract, POST /seedream/images); None where it does not.

    Attributes:
        generated_images: Number of generated images.
        output_tokens: Tokens of the images.
        total_tokens: All tokens.
        cost: The charge in US dollars.
        credits: The charge in credits of the service.

    Example:
        >>> usage = Usage(1, 16384, 16384) + Usage(2, None, 10)
        >>> usage.generated_images, usage.output_tokens, usage.total_tokens
        (3, 16384, 16394)
    """

    generated_images: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None
    cost: float | None = None
    credits: float | None = None

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            _add(self.generated_images, other.generated_images),
            _add(self.output_tokens, other.output_tokens),
            _add(self.total_tokens, other.total_tokens),
            _add(self.cost, other.cost),
            _add(self.credits, other.credits),
        )

    def __bool__(self) -> bool:
        """Whether the service reported anything."""
        return self != Usage()


@dataclass(frozen=True)
class BoundingBox:
    """Where a layer lies on its base image.

    Attributes:
        absolute: Left, top, right, bottom in pixels.
        normalized: The same in thousandths of the base image's width and height.

    Example:
        >>> layered = client.generate(image=image, layers=True, model="5.0-pro", wait=True)
        >>> len(layered.layers[1].bounding_box.absolute)
        4
    """

    absolute: tuple[float, float, float, float] | None = None
    normalized: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class TaskImage:
    """One image of a task: its link, or its bytes, or why it failed.

    Attributes:
        task_id: The id of its task.
        index: Its index within the task, from 0.
        url: The link, which expires; None for an inline or a failed image.
        data: The bytes of an inline image (`b64_json`).
        prompt: The prompt that the service used for this image, or the task's.
        model: The full model id, when known.
        size: `<width>x<height>` as the service wrote it.
        output_format: `jpeg` or `png`, if the service says so.
        seed: The seed, if the request had one.
        z_index: The layer's order: 0 is the base image. None if the task has no layers.
        bounding_box: Where the layer lies.
        name: The layer's name.
        description: The layer's description.
        error: Why it failed.
        raw: The unchanged item of the answer.
        library: As `Task.library`.

    Example:
        >>> image.model, image.size, image.is_good
        ('doubao-seedream-5-0-lite-260128', '2048x2048', True)
    """

    task_id: str
    index: int = 0
    url: str | None = None
    data: bytes | None = field(default=None, repr=False)
    prompt: str = ""
    model: str | None = None
    size: str | None = None
    output_format: str | None = None
    seed: int | None = None
    z_index: int | None = None
    bounding_box: BoundingBox | None = None
    name: str | None = None
    description: str | None = None
    error: ErrorDetail | None = None
    raw: dict[str, object] = field(default_factory=dict, repr=False, hash=False, compare=False)
    library: str | None = field(default=None, repr=False, compare=False)

    @property
    def is_good(self) -> bool:
        """Whether there is an image to show."""
        return self.error is None and (self.url is not None or self.data is not None)

    @property
    def parents(self) -> tuple[TaskImage, ...]:
        """The images that it was made from, as far as its library knows: one for each known reference image.

        An image without a library, such as one of `open_image`, is looked up in the default one. Contacts no server.

        Raises:
            LibraryError: The library is turned off, or cannot be read.

        Example:
            >>> edited = client.edit(image, "in winter", wait=True).images[0]
            >>> edited.parents[0].prompt
            'a white siamese cat'
        """
        found: tuple[TaskImage, ...] = provide("find_parents")(self)
        return found

    @property
    def children(self) -> tuple[TaskImage, ...]:
        """The images that were made from it, the oldest first; as `parents`.

        Example:
            >>> edited = client.edit(image, "in winter", wait=True)
            >>> [child.prompt for child in image.children]
            ['in winter']
        """
        found: tuple[TaskImage, ...] = provide("find_children")(self)
        return found


@dataclass(frozen=True)
class Task:
    """One task and its result.

    Attributes:
        id: The task id; of a task that was not found, the requested id.
        status: Its state.
        images: Its images in the service's order, failed ones included.
        prompt: The prompt of the request, or else of the first image.
        model: The full model id, when known.
        size: The requested size (`2K`, `2048x2048`), or else the first image's.
        request: The request as the service recorded it.
        error: Why it failed.
        trace_id: The service's id of the call.
        created_at: When it was created, in UTC.
        finished_at: When it finished, in UTC.
        elapsed: The duration in seconds.
        usage: The reported usage, if any.
        raw: The whole unchanged answer.
        library: The folder of the library that stores the task's record and images, `off` where the client that read
            the task stores none; None for a task that came from neither a client nor a library.

    Example:
        >>> task = client.retrieve("84d1544a-9043-4dde-a98b-e889dacd75f6")
        >>> task.prompt, task.size, len(task.images)
        ('a white siamese cat', '2K', 1)
    """

    id: str
    status: TaskStatus
    images: tuple[TaskImage, ...] = ()
    prompt: str = ""
    model: str | None = None
    size: str | None = None
    request: dict[str, object] = field(default_factory=dict, repr=False, hash=False)
    error: ErrorDetail | None = None
    trace_id: str | None = None
    created_at: datetime | None = None
    finished_at: datetime | None = None
    elapsed: float | None = None
    usage: Usage | None = None
    raw: dict[str, object] = field(default_factory=dict, repr=False, hash=False, compare=False)
    library: str | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        # An image alone must know where its parents are stored.
        if self.library is not None and any(image.library != self.library for image in self.images):
            located = tuple(dataclasses.replace(image, library=self.library) for image in self.images)
            object.__setattr__(self, "images", located)

    @classmethod
    def not_found(cls, task_id: str) -> Task:
        """The task for an id that the service does not know.

        Example:
            >>> Task.not_found("an-id").status.value
            'not found'
        """
        return cls(id=task_id, status=TaskStatus.NOT_FOUND)

    @property
    def good_images(self) -> tuple[TaskImage, ...]:
        """The images that did not fail."""
        return tuple(image for image in self.images if image.is_good)

    @property
    def layers(self) -> tuple[TaskImage, ...]:
        """The base image and the layers above it, bottom first, failed ones included; empty if there are no layers."""
        placed = [(image.z_index, image) for image in self.images if image.z_index is not None]
        # The base image is at the bottom, whatever the numbers of the others are.
        ordered = sorted(placed, key=lambda pair: (pair[0] != 0, pair[0]))
        return tuple(image for _, image in ordered) if len(ordered) > 1 else ()

    def raise_for_status(self) -> None:
        """Raises an error unless the task succeeded.

        Raises:
            TaskNotFoundError: The service does not know the id.
            TaskNotFinishedError: It is still pending or running.
            ModerationError: Content moderation rejected it.
            TaskFailedError: It failed, completely or in part.

        Example:
            >>> task.raise_for_status()
            >>> Task.not_found("an-id").raise_for_status()
            Traceback (most recent call last):
            ...
            seedream_nb.core.errors.TaskNotFoundError: The service does not know the task an-id. ...
        """
        error = self._status_error()
        if error is not None:
            error.partial = (self,)
            raise error

    def _status_error(self) -> TaskError | None:
        if self.status is TaskStatus.SUCCEEDED:
            return None
        if self.status is TaskStatus.NOT_FOUND:
            return TaskNotFoundError(
                f"The service does not know the task {shorten(self.id)}.",
                hint="Check the id and the account of the token. Old tasks may have been deleted.",
            )
        if not self.status.is_final:
            return TaskNotFinishedError(
                f"The task {shorten(self.id)} is still {self.status}.",
                hint="Try again in a moment, or wait for it.",
            )
        reason = self.error or next((image.error for image in self.images if image.error), None) or ErrorDetail()
        failed = "failed in part" if self.status is TaskStatus.PARTIALLY_FAILED else "failed"
        if reason.is_moderation:
            return ModerationError(
                f"Content moderation rejected the task {shorten(self.id)}: {shorten(reason.message or reason.code)}",
                hint="Change the prompt or the reference image.",
                code=reason.code,
                trace_id=self.trace_id,
            )
        return TaskFailedError(
            f"The task {shorten(self.id)} {failed}: {shorten(reason.message or str(reason))}",
            hint="Try again; if it fails again, contact the service's support with the trace id.",
            code=reason.code or None,
            trace_id=self.trace_id,
        )

    def to_dict(self) -> dict[str, object]:
        """The task as JSON-serializable data; the bytes of inline images are replaced by their number.

        Returns:
            A dict with the names of the attributes; times as ISO 8601 text, and None for numbers that JSON does not
            have (NaN and infinities).

        Example:
            >>> task.to_dict()["status"], task.to_dict()["images"][0]["size"]
            ('succeeded', '2048x2048')
        """
        plain = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        plain["status"] = self.status.value
        plain["error"] = dataclasses.asdict(self.error) if self.error else None
        plain["usage"] = dataclasses.asdict(self.usage) if self.usage else None
        for name in ("created_at", "finished_at"):
            plain[name] = plain[name].isoformat() if plain[name] else None
        plain["images"] = [_image_to_dict(image) for image in self.images]
        # The library's folder matters on this machine only.
        del plain["raw"], plain["library"]
        return finite(plain)


def sum_usage(tasks: Iterable[Task]) -> Usage:
    """Adds up the reported usage of tasks.

    Args:
        tasks: The tasks; a repeated one counts once, one without a report counts nothing.

    Returns:
        The sums; None for what no task reports.

    Example:
        >>> sum_usage(gallery).generated_images
        1
    """
    total = Usage()
    listed = list(tasks)  # a streamed task has no id, and its identity lasts only as long as the task
    reported = {task.id or str(id(task)): task.usage for task in listed if task.usage}
    for usage in reported.values():
        total += usage
    return total


def _image_to_dict(image: TaskImage) -> dict[str, object]:
    plain = dataclasses.asdict(dataclasses.replace(image, data=None, raw={}))
    del plain["raw"], plain["data"], plain["library"]
    plain["inline_bytes"] = len(image.data) if image.data is not None else None
    return plain


def _add(left: Number | None, right: Number | None) -> Number | None:
    return left if right is None else right if left is None else left + right
