"""The sandbox's tasks: plain data, and the store that holds them.

A task never changes: it contains the request, the result, and the time from which the result is visible. Its state is a
function of the clock, which keeps the server free of timers and its responses reproducible.
"""

import dataclasses
import hashlib
import math
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal

ResponseForm = Literal["record", "response", "status"]
"""The documented responses to `retrieve`: the whole record, the bare response, the older form with a status word."""

PendingForm = Literal["null", "absent", "started"]
"""How an unfinished record looks: fields null, fields absent, or a `response` that holds only the task id."""

State = Literal["pending", "succeeded", "partially failed", "failed"]

USER_ID: Final = "b60a9491-1eba-4ab8-a93f-12c0fd81dab4"
APPLICATION_ID: Final = "11e25072-de6d-4bd6-81e7-77ee0055499a"
API_ID: Final = "86ad30f3-0bc8-4b9b-b019-b9fa5b05672e"
CREDENTIAL_ID: Final = "50892af9-597f-426e-a455-bc1739de95b0"

NEVER: Final = math.inf
"""A `ready_at` for a task that stays pending forever."""

TEXT_FILTERS = ("application_id", "user_id", "type")
_DEFAULT_LIMIT = 12


def stable_id(*parts: object) -> str:
    """Return a UUID formatted as version 4 that depends only on `parts`, so that ids are the same in every run."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


@dataclasses.dataclass(frozen=True)
class ErrorDetail:
    """The `error` object of a response, of a failed task or of one failed image."""

    code: str
    message: str


# Moderation rejects the prompt, or withholds an image.
INPUT_REJECTED: Final = ErrorDetail(
    "InputTextSensitiveContentDetected",
    "The request failed because the input text may contain sensitive information.",
)
OUTPUT_WITHHELD: Final = ErrorDetail(
    "OutputImageSensitiveContentDetected",
    "The request failed because the output image may contain sensitive information.",
)


@dataclasses.dataclass(frozen=True)
class Item:
    """One entry of a task's `data`: an image with its size (`<width>x<height>`), or the error that took its place.

    `output_format` is set only when the request named one. A layered item is sent as several entries.
    """

    prompt: str
    size: str
    file_name: str | None = None
    error: ErrorDetail | None = None
    output_format: str | None = None
    is_layered: bool = False


@dataclasses.dataclass(frozen=True)
class SandboxTask:
    """One task, finished or not; times in Unix seconds, as shown in the record.

    The result is visible from `ready_at` on or, instead, `ready_after_query` seconds after the first query for its id;
    never when `ready_at` is `NEVER`. A task with an `error` failed as a whole. `form` and `pending_form` determine how
    it is sent, `in_base64` and `shows_usage` what the response contains; the trace id derives from the id when empty.
    """

    id: str
    request: Mapping[str, object]
    items: tuple[Item, ...]
    created_at: float
    finished_at: float
    ready_at: float
    ready_after_query: float | None = None
    error: ErrorDetail | None = None
    form: ResponseForm = "record"
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
        """The request's prompt, empty without one."""
        return str(self.request.get("prompt") or "")

    @property
    def model(self) -> str:
        """The request's model id, empty without one."""
        return str(self.request.get("model") or "")

    @property
    def failure(self) -> ErrorDetail | None:
        """The error of a task that produces nothing, None for any other."""
        errors = [item.error for item in self.items]
        return self.error or (errors[0] if errors and all(errors) else None)

    def is_finished(self, now: float) -> bool:
        """Return whether the result is visible at `now` (Unix seconds)."""
        return now >= self.ready_at

    def state(self, now: float) -> State:
        """Return the state at `now` (Unix seconds)."""
        if not self.is_finished(now):
            return "pending"
        if self.failure:
            return "failed"
        return "partially failed" if any(item.error for item in self.items) else "succeeded"


class TaskStore:
    """Tasks by id; thread-safe. The clock returns the current time in Unix seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tasks: dict[str, SandboxTask] = {}

    def add(self, task: SandboxTask) -> None:
        """Add `task`, replacing one of the same id."""
        with self._lock:
            self._tasks[task.id] = task

    def peek(self, task_id: str) -> SandboxTask | None:
        """Return a task without counting as a query for it."""
        with self._lock:
            return self._tasks.get(task_id)

    def query(self, task_ids: Iterable[str]) -> list[SandboxTask]:
        """Return the known tasks among `task_ids`, each once, in order of creation.

        The contract promises no order, so this one deliberately differs from that of the request. The clock of a task
        with `ready_after_query` starts here.
        """
        wanted = set(task_ids)
        now = self._clock()
        with self._lock:
            found = [self._tasks[task_id] for task_id in wanted & self._tasks.keys()]
            for position, task in enumerate(found):
                if task.ready_after_query is not None:
                    found[position] = self._tasks[task.id] = dataclasses.replace(
                        task, ready_at=now + task.ready_after_query, ready_after_query=None
                    )
        return sorted(found, key=lambda task: (task.created_at, task.id))

    def history(self, filters: Mapping[str, Any], *, lag: float = 0.0) -> tuple[list[SandboxTask], int]:
        """Return one page of the history, newest first, and the total number of matches.

        The filters are those of the wire contract (POST /seedream/tasks), times inclusive; None counts as left out.
        Tasks that were created less than `lag` seconds ago are not in it yet.
        """
        given = {name: value for name, value in filters.items() if value is not None}
        earliest, latest = given.get("created_at_min", -math.inf), given.get("created_at_max", math.inf)
        matches = [
            task
            for task in self.snapshot()
            if all(getattr(task, name) == given[name] for name in TEXT_FILTERS if name in given)
            and earliest <= task.created_at <= latest
        ]
        if lag:
            newest = self._clock() - lag
            matches = [task for task in matches if task.created_at <= newest]
        matches.sort(key=lambda task: (task.created_at, task.id), reverse=True)
        start = given.get("offset", 0)
        return matches[start : start + given.get("limit", _DEFAULT_LIMIT)], len(matches)

    def snapshot(self) -> list[SandboxTask]:
        """Return all tasks in the order in which they were added."""
        with self._lock:
            return list(self._tasks.values())
