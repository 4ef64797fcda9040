"""What the sandbox remembers of a task.

A task is plain data that never changes: what was asked, which pictures come out, and the moment from which the result
is visible. Its state is therefore a function of the clock, which keeps the server free of timers and its answers
reproducible.
"""

import dataclasses
import hashlib
import math
import uuid
from collections.abc import Mapping
from typing import Final, Literal

AnswerForm = Literal["record", "response", "status"]
"""The documented answers to `retrieve`: the whole record, the bare response, the older form with a status word."""

PendingForm = Literal["null", "absent", "started"]
"""How an unfinished record looks: fields null, fields absent, or a `response` that holds only the task id."""

State = Literal["pending", "succeeded", "partially failed", "failed"]

USER_ID: Final = "b60a9491-1eba-4ab8-a93f-12c0fd81dab4"
APPLICATION_ID: Final = "11e25072-de6d-4bd6-81e7-77ee0055499a"
API_ID: Final = "86ad30f3-0bc8-4b9b-b019-b9fa5b05672e"
CREDENTIAL_ID: Final = "50892af9-597f-426e-a455-bc1739de95b0"

NEVER: Final = math.inf
"""A `ready_at` for a task that stays pending for good."""


def stable_id(*parts: object) -> str:
    """Return a UUID (version 4 in looks) that depends only on `parts`, so that every start gives the same ids."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


@dataclasses.dataclass(frozen=True)
class ErrorDetail:
    """The `error` object of an answer, of a failed task or of one failed image."""

    code: str
    message: str


INPUT_WITHHELD: Final = ErrorDetail(
    "InputTextSensitiveContentDetected",
    "The request failed because the input text may contain sensitive information.",
)
"""A prompt that moderation refuses."""

OUTPUT_WITHHELD: Final = ErrorDetail(
    "OutputImageSensitiveContentDetected",
    "The request failed because the output image may contain sensitive information.",
)
"""An image that moderation keeps back."""


@dataclasses.dataclass(frozen=True)
class Item:
    """One entry of a task's `data`: a picture, or the error that took its place.

    Attributes:
        prompt: The caption that travels with the picture.
        size: `<width>x<height>` in pixels.
        file_name: File name of the image on the sandbox, None when it failed.
        error: Why there is no picture.
        output_format: Travels only when the request named one.
        is_layered: True when the picture is taken apart into layers; it then travels as several entries.
    """

    prompt: str
    size: str
    file_name: str | None = None
    error: ErrorDetail | None = None
    output_format: str | None = None
    is_layered: bool = False


@dataclasses.dataclass(frozen=True)
class SandboxTask:
    """One task, finished or not.

    Attributes:
        id: The task id.
        request: What the record shows as the request.
        items: The result, visible from `ready_at` on.
        created_at: Unix seconds, as shown in the record.
        finished_at: Unix seconds, as shown in the record once finished.
        ready_at: Unix seconds from which the result is visible; `NEVER` for a task that stays pending.
        ready_after_asked: Instead of `ready_at`: seconds after the task was first asked for by its id.
        error: Set for a task that fails as a whole.
        form: Which documented answer `retrieve` gives.
        pending_form: How the record looks before `ready_at`.
        in_base64: True when the pictures travel as `b64_json`.
        shows_usage: True when the response carries `usage`.
        user_id: For the history's filter.
        application_id: For the history's filter.
        type: For the history's filter.
        trace_id: Derived from the id when empty.
    """

    id: str
    request: Mapping[str, object]
    items: tuple[Item, ...]
    created_at: float
    finished_at: float
    ready_at: float
    ready_after_asked: float | None = None
    error: ErrorDetail | None = None
    form: AnswerForm = "record"
    pending_form: PendingForm = "null"
    in_base64: bool = False
    shows_usage: bool = True
    user_id: str = USER_ID
    application_id: str = APPLICATION_ID
    type: str = "images"
    trace_id: str = ""

    def __post_init__(self) -> None:
        if not self.trace_id:
            object.__setattr__(self, "trace_id", stable_id("trace", self.id))

    @property
    def prompt(self) -> str:
        """The request's prompt, empty when it had none."""
        return str(self.request.get("prompt") or "")

    @property
    def model(self) -> str:
        """The request's model id, empty when it had none."""
        return str(self.request.get("model") or "")

    def is_finished(self, now: float) -> bool:
        """Tell whether the result is visible at `now` (Unix seconds)."""
        return now >= self.ready_at

    def state(self, now: float) -> State:
        """Return the state at `now` (Unix seconds)."""
        if not self.is_finished(now):
            return "pending"
        failures = sum(item.error is not None for item in self.items)
        if self.error is not None or (self.items and failures == len(self.items)):
            return "failed"
        return "partially failed" if failures else "succeeded"
