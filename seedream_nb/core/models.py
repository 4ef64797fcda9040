"""Why: the service answers in several forms; everything past this point speaks of one `Task` and its `TaskImage`s.

Frozen data without any network: what a task is, in what state it is, and which pictures it made. How the wire forms
are read into it is the job of `seedream_nb.protocol.responses`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from seedream_nb.core.errors import (
    ModerationError,
    TaskError,
    TaskFailedError,
    TaskNotFinishedError,
    TaskNotFoundError,
    shorten,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


class TaskStatus(str, Enum):
    """The state of a task. The service has no such word; it is read from the record (wire contract, states)."""

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
        """Whether the task will not change any more."""
        return self in {TaskStatus.SUCCEEDED, TaskStatus.PARTIALLY_FAILED, TaskStatus.FAILED}


@dataclass(frozen=True)
class ErrorDetail:
    """What the service says about a failed task or a failed image.

    Attributes:
        code: The service's or the model's own code, such as `InputTextSensitiveContentDetected`; may be empty.
        message: The service's words; may be empty.
    """

    code: str = ""
    message: str = ""

    @property
    def is_moderation(self) -> bool:
        """Whether a content check refused it (wire contract, Common: moderation codes)."""
        return "SensitiveContent" in self.code or self.code.endswith("RiskDetection")

    def __str__(self) -> str:
        return ": ".join(part for part in (self.code, self.message) if part) or "no reason was given"


@dataclass(frozen=True)
class Usage:
    """What the service reports to have been used (wire contract, POST /seedream/images); None where it does not say.

    Attributes:
        generated_images: How many pictures were made.
        output_tokens: Tokens of the pictures.
        total_tokens: All tokens.

    Example:
        >>> Usage(1, 16384, 16384) + Usage(2, None, 10)
        Usage(generated_images=3, output_tokens=16384, total_tokens=16394)
    """

    generated_images: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            _add(self.generated_images, other.generated_images),
            _add(self.output_tokens, other.output_tokens),
            _add(self.total_tokens, other.total_tokens),
        )

    def __bool__(self) -> bool:
        """Whether the service said anything."""
        return self != Usage()


@dataclass(frozen=True)
class BoundingBox:
    """Where a layer lies on its base image.

    Attributes:
        absolute: Left, top, right, bottom in pixels.
        normalized: The same per mille of the base image's width and height.
    """

    absolute: tuple[float, float, float, float] | None = None
    normalized: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class TaskImage:
    """One picture of a task: where it is, or its bytes, or why there is none.

    Attributes:
        task_id: The task that made it.
        index: Its place within the task, from 0.
        url: The link, perishable; None for an image sent inline or a failed one.
        data: The bytes, when the service sent them inline (`b64_json`).
        prompt: The prompt the service used for this image, or the task's.
        model: The full model id, when known.
        size: `<width>x<height>` as the service wrote it.
        output_format: `jpeg` or `png`, when the service says so.
        seed: The seed, when the request had one.
        z_index: The layer's place: 0 is the base image. None when the task has no layers.
        bounding_box: Where the layer lies.
        name: The layer's name.
        description: The layer's description.
        error: Why there is no picture.
        raw: The item as it came.
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

    @property
    def is_good(self) -> bool:
        """Whether there is a picture to show."""
        return self.error is None and (self.url is not None or self.data is not None)


@dataclass(frozen=True)
class Task:
    """One task and what became of it.

    Attributes:
        id: The task id that the service gave, or the one asked for when it is not found.
        status: Where it stands.
        images: Its pictures in the service's order, failed ones included.
        prompt: The prompt of the request, or else of the first image.
        model: The full model id, when known.
        size: The size asked for (`2K`, `2048x2048`), or else the first image's.
        request: The request as the service recorded it.
        error: Why it failed.
        trace_id: The service's id of the call.
        created_at: When it was created, in UTC.
        finished_at: When it finished, in UTC.
        elapsed: How long it took, in seconds.
        usage: What it used, when the service says so.
        raw: The whole answer as it came.
        library: The folder of the library that stores the task's record and images, `off` where the client that read
            the task stores none; None for a task that came from neither a client nor a library.
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

    @classmethod
    def not_found(cls, task_id: str) -> Task:
        """The task that stands for an id the service does not know."""
        return cls(id=task_id, status=TaskStatus.NOT_FOUND)

    @property
    def good_images(self) -> tuple[TaskImage, ...]:
        """The images that have a picture."""
        return tuple(image for image in self.images if image.is_good)

    @property
    def layers(self) -> tuple[TaskImage, ...]:
        """The base image and what lies over it, from below, failed ones included; empty when there are no layers."""
        placed = [(image.z_index, image) for image in self.images if image.z_index is not None]
        # Nothing lies below the base image, whatever number it may have been given.
        ordered = sorted(placed, key=lambda pair: (pair[0] != 0, pair[0]))
        return tuple(image for _, image in ordered) if len(ordered) > 1 else ()

    def raise_for_status(self) -> None:
        """Raises when the task has no complete result; does nothing when it succeeded.

        Raises:
            TaskNotFoundError: The service does not know the id.
            TaskNotFinishedError: It is still pending or running.
            ModerationError: A content check refused it.
            TaskFailedError: It failed, wholly or in part.
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
                f"The service does not know the task {self.id}.",
                hint="Check the id and that the token belongs to the account that made it; "
                "old tasks may have been cleared.",
            )
        if not self.status.is_final:
            return TaskNotFinishedError(f"The task {self.id} is still {self.status}.", hint="Ask again in a moment.")
        reason = self.error or next((image.error for image in self.images if image.error), None) or ErrorDetail()
        failed = "failed in part" if self.status is TaskStatus.PARTIALLY_FAILED else "failed"
        if reason.is_moderation:
            return ModerationError(
                f"The content check refused the task {self.id}: {shorten(reason.message or reason.code)}",
                hint="Change the prompt or the reference image.",
                code=reason.code,
                trace_id=self.trace_id,
            )
        return TaskFailedError(
            f"The task {self.id} {failed}: {shorten(reason.message or str(reason))}",
            hint="Send it again; if it fails again, quote the trace id to the service's support.",
            code=reason.code or None,
            trace_id=self.trace_id,
        )

    def to_dict(self) -> dict[str, object]:
        """The task as plain JSON-ready data; inline image bytes are left out (their length is given).

        Returns:
            A dict with the names of the attributes; times as ISO 8601 text.
        """
        plain = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        plain["status"] = self.status.value
        plain["error"] = dataclasses.asdict(self.error) if self.error else None
        plain["usage"] = dataclasses.asdict(self.usage) if self.usage else None
        for name in ("created_at", "finished_at"):
            plain[name] = plain[name].isoformat() if plain[name] else None
        plain["images"] = [_image_to_dict(image) for image in self.images]
        # Where the library lies concerns this machine only.
        del plain["raw"], plain["library"]
        return plain


def sum_usage(tasks: Iterable[Task]) -> Usage:
    """Adds up what the service reports of some tasks.

    Args:
        tasks: The tasks; one that comes twice counts once, one without a report counts nothing.

    Returns:
        The sums; None for what no task reports.

    Example:
        >>> sum_usage([]).generated_images is None
        True
    """
    total = Usage()
    reported = {task.id or str(id(task)): task.usage for task in tasks if task.usage}
    for usage in reported.values():
        total += usage
    return total


def _image_to_dict(image: TaskImage) -> dict[str, object]:
    plain = dataclasses.asdict(dataclasses.replace(image, data=None, raw={}))
    del plain["raw"], plain["data"]
    plain["inline_bytes"] = len(image.data) if image.data is not None else None
    return plain


def _add(left: int | None, right: int | None) -> int | None:
    return left if right is None else right if left is None else left + right
