"""The service behind the sandbox: turns a request into a response according to the wire contract.

It knows no HTTP server or socket, so each rule of the contract can be read and tested on its own.
"""

import dataclasses
import itertools
import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import Final

from seedream_nb.sandbox.generation import find_request_problems, plan
from seedream_nb.sandbox.images import ImageStore
from seedream_nb.sandbox.serialization import Json, TaskSerializer, describe_error, error_body
from seedream_nb.sandbox.tasks import TEXT_FILTERS, SandboxTask, TaskStore, stable_id

TASKS_PATH: Final = "/seedream/tasks"
IMAGES_PATH: Final = "/seedream/images"

CODE_OF_TOKEN: Final[Mapping[str, str]] = {
    "expired-token": "token_expired",
    "mismatched-token": "token_mismatched",
    "used-up-token": "used_up",
    "disabled-token": "disabled",
}
"""Tokens that trigger the documented ways to reject one."""

_HISTORY_TIMES = ("created_at_min", "created_at_max")
_HISTORY_COUNTS = ("limit", "offset")


@dataclasses.dataclass
class SandboxSettings:
    """Settings that can be changed while the sandbox runs; changes apply from the next request on.

    Attributes:
        latency: Seconds added to every response and image download.
        generation_seconds: How long one image takes to generate.
        balance: Number of images that can still be generated; a request that exceeds it gets 403 `used_up`. None for
            no limit.
        max_batch: Maximum number of ids in one query; more get 413. None for no maximum.
        max_body_bytes: Maximum size of a request; a larger one gets 413.
        history_lag: Seconds until a new task appears in the history.
    """

    latency: float = 0.0
    generation_seconds: float = 0.3
    balance: int | None = None
    max_batch: int | None = None
    max_body_bytes: int = 64 * 1024 * 1024
    history_lag: float = 0.0


class ApiError(Exception):
    """A documented error response; without a message it has the code's default."""

    def __init__(self, code: str, message: str = "") -> None:
        self.status, default = describe_error(code)
        super().__init__(message or default)
        self.code = code


@dataclasses.dataclass(frozen=True)
class Request:
    """A request: its path, the `Authorization` header (None without one) and the body, as sent."""

    path: str
    authorization: str | None
    content: bytes

    def json(self) -> Json:
        """Return the body as an object, empty when it isn't one."""
        try:
            body = json.loads(self.content)
        except ValueError:
            return {}
        return body if isinstance(body, dict) else {}


@dataclasses.dataclass(frozen=True)
class ApiResponse:
    """The service's response to one request, ready after `delay` seconds.

    A stream has `events` instead of a body: the seconds to wait before each event, and the event. `callback` is
    the URL to which the result of the task in the body is also sent, and in how many seconds.
    """

    status: int
    body: Json
    trace_id: str
    delay: float = 0.0
    events: tuple[tuple[float, Json], ...] | None = None
    callback: tuple[str, float] | None = None


@dataclasses.dataclass
class SandboxService:
    """The API of one sandbox; thread-safe. `image_base_url` is set once the port is known."""

    token: str
    store: TaskStore
    images: ImageStore
    settings: SandboxSettings
    image_base_url: str = "/images/"
    _lock: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    _requests: "itertools.count[int]" = dataclasses.field(default_factory=lambda: itertools.count(1))
    _takes: Counter[str] = dataclasses.field(default_factory=Counter)

    def next_trace_id(self) -> str:
        """Return the next of a fixed sequence of trace ids."""
        return stable_id("request", next(self._requests))

    def answer(self, request: Request) -> ApiResponse:
        """Return the response to one POST request."""
        trace_id = self.next_trace_id()
        try:
            return self._answer(request, trace_id)
        except ApiError as error:
            return ApiResponse(error.status, error_body(error.code, str(error), trace_id), trace_id)

    def _answer(self, request: Request, trace_id: str) -> ApiResponse:
        handlers = {TASKS_PATH: self._query, IMAGES_PATH: self._generate}
        if request.path not in handlers:
            raise ApiError("no_api")
        self._check_token(request.authorization)
        if len(request.content) > self.settings.max_body_bytes:
            raise ApiError("request_too_large")
        return handlers[request.path](_decode(request.content), trace_id)

    def _check_token(self, authorization: str | None) -> None:
        scheme, _, token = (authorization or "").strip().partition(" ")
        if not token.strip():
            raise ApiError("invalid_token" if scheme and scheme.lower() != "bearer" else "no_token")
        if code := CODE_OF_TOKEN.get(token.strip()):
            raise ApiError(code)
        if scheme.lower() != "bearer" or token.strip() != self.token:
            raise ApiError("invalid_token")

    # POST /seedream/tasks

    def _query(self, body: Json, trace_id: str) -> ApiResponse:
        queries = {"retrieve": self._retrieve, "retrieve_batch": self._retrieve_batch}
        action = body.get("action") or "retrieve"
        if not isinstance(action, str) or action not in queries:
            raise ApiError("api_not_implemented", f"The action {action!r} is not implemented.")
        return ApiResponse(200, queries[action](body), trace_id)

    def _retrieve(self, body: Json) -> Json:
        task_id = body.get("id")
        if not isinstance(task_id, str) or not task_id:
            raise ApiError("bad_request", "id is required: the id of the task to retrieve.")
        tasks = self.store.query([task_id])
        return self._serializer().retrieved(tasks[0], time.time()) if tasks else {}

    def _retrieve_batch(self, body: Json) -> Json:
        ids = body.get("ids")
        if ids is None:
            _check_history(body)
            tasks, count = self.store.history(body, lag=self.settings.history_lag)
        else:
            if not isinstance(ids, list) or not all(isinstance(task_id, str) for task_id in ids):
                raise ApiError("bad_request", "ids must be a list of task ids.")
            if self.settings.max_batch is not None and len(ids) > self.settings.max_batch:
                raise ApiError("request_too_large", f"A query may contain at most {self.settings.max_batch} ids.")
            tasks = self.store.query(ids)
            count = len(tasks)
        writer, now = self._serializer(), time.time()
        return {"items": [writer.record(task, now) for task in tasks], "count": count}

    # POST /seedream/images

    def _generate(self, body: Json, trace_id: str) -> ApiResponse:
        if problems := find_request_problems(body):
            raise ApiError("bad_request", " ".join(problems))
        seconds = self.settings.generation_seconds
        with self._lock:
            # Ids derive from the request, not from a counter or the port: concurrent requests get the same ids in
            # whatever order they arrive.
            fingerprint = stable_id(json.dumps(body, sort_keys=True).replace(self.image_base_url, ""))
            self._takes[fingerprint] += 1
            take = self._takes[fingerprint]
            task = plan(
                body,
                task_id=stable_id("generation", fingerprint, take),
                take=take,
                now=time.time(),
                seconds=seconds,
                images=self.images,
                image_base_url=self.image_base_url,
            )
            self._charge(task)
            self.store.add(task)
        delay = seconds * max(1, len(task.items))
        callback_url = str(body.get("callback_url") or "")
        if body.get("async") or callback_url:
            callback = (callback_url, delay) if callback_url else None
            return ApiResponse(200, {"task_id": task.id}, trace_id, callback=callback)
        if error := task.failure:
            return ApiResponse(400, error_body(error.code, error.message, task.trace_id), task.trace_id, delay)
        if body.get("stream"):
            return self._stream(task, seconds)
        return ApiResponse(200, self._serializer().response(task, task.ready_at), task.trace_id, delay)

    def _charge(self, task: SandboxTask) -> None:
        balance = self.settings.balance
        if balance is not None:
            cost = sum(item.error is None for item in task.items)
            if balance <= 0 or cost > balance:
                raise ApiError("used_up")
            self.settings.balance = balance - cost

    def _stream(self, task: SandboxTask, seconds_per_image: float) -> ApiResponse:
        writer = self._serializer()
        events = [
            (seconds_per_image, writer.stream_event(task, index) | {"trace_id": task.trace_id})
            for index in range(len(task.items))
        ]
        events.append((0.0, writer.last_event(task) | {"trace_id": task.trace_id}))
        return ApiResponse(200, {}, task.trace_id, events=tuple(events))

    def response_of(self, task_id: str) -> Json:
        """Return the bare response of a task, as a callback carries it."""
        task = self.store.peek(task_id)
        return self._serializer().response(task, time.time()) if task else {}

    def _serializer(self) -> TaskSerializer:
        return TaskSerializer(self.images, self.image_base_url)


def _decode(content: bytes) -> Json:
    try:
        body = json.loads(content)
    except ValueError:
        raise ApiError("bad_request", "The body is not valid JSON.") from None
    if not isinstance(body, dict):
        raise ApiError("bad_request", "The body must be a JSON object.")
    return body


def _check_history(body: Json) -> None:
    for name in TEXT_FILTERS:
        if not isinstance(body.get(name), str | None):
            raise ApiError("bad_request", f"{name} must be a string.")
    for name in _HISTORY_TIMES:
        if isinstance(body.get(name), bool) or not isinstance(body.get(name), int | float | None):
            raise ApiError("bad_request", f"{name} must be a time in Unix seconds.")
    for name in _HISTORY_COUNTS:
        value = body.get(name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise ApiError("bad_request", f"{name} must be a non-negative integer.")
