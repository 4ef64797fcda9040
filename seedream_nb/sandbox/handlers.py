"""The sandbox's HTTP handlers, which connect tornado with the service and the images.

The event loop only moves bytes. Responses are computed and images painted in threads, so that a slow image never blocks
quick ones.
"""

import asyncio
import collections
import concurrent.futures
import contextlib
import dataclasses
import ipaddress
import json
import threading
import time
import urllib.parse
from collections.abc import Iterator
from http import HTTPStatus

from tornado import httpclient, iostream, web

from seedream_nb.sandbox.faults import Fault, Faults, RawResponse, apply_fault
from seedream_nb.sandbox.serialization import Json, error_body
from seedream_nb.sandbox.service import IMAGES_PATH, TASKS_PATH, ApiResponse, Request, SandboxService

IMAGE_FILES_PATH = "/images/"


@dataclasses.dataclass(frozen=True)
class LoggedRequest:
    """A request that the sandbox received; the token itself is never recorded.

    Attributes:
        kind: `tasks` and `images` for the two API paths, `downloads` for image files, `other` for the rest.
        method: HTTP method.
        path: Path without the query.
        action: The body's `action`; `retrieve` when a task query names none; empty elsewhere.
        ids: The task ids of a query, as sent.
        received_at: Unix seconds.
        status: The HTTP status of the response; 0 when the connection was closed without one.
        has_authorization: True with an `Authorization` header.
        fault: The kind of the fault that was applied, empty without one.
    """

    kind: str
    method: str
    path: str
    action: str
    ids: tuple[str, ...]
    received_at: float
    status: int
    has_authorization: bool
    fault: str = ""


class RequestLog:
    """The latest requests, oldest first; iterable, indexable, thread-safe."""

    def __init__(self, capacity: int = 20_000) -> None:
        self._lock = threading.Lock()
        self._requests: collections.deque[LoggedRequest] = collections.deque(maxlen=capacity)

    def add(self, request: LoggedRequest) -> None:
        """Add a request."""
        with self._lock:
            self._requests.append(request)

    def of_kind(self, kind: str) -> list[LoggedRequest]:
        """Return the requests of one kind: `tasks`, `images`, `downloads` or `other`."""
        return [request for request in self if request.kind == kind]

    def clear(self) -> None:
        """Remove all requests."""
        with self._lock:
            self._requests.clear()

    def __len__(self) -> int:
        return len(self._requests)

    def __getitem__(self, index: int) -> LoggedRequest:
        with self._lock:
            return self._requests[index]

    def __iter__(self) -> Iterator[LoggedRequest]:
        with self._lock:
            return iter(list(self._requests))


@dataclasses.dataclass
class Backend:
    """The parts of a sandbox that the handlers use, with the number of open requests and the callbacks on their way."""

    service: SandboxService
    faults: Faults
    log: RequestLog
    responding: concurrent.futures.Executor
    painting: concurrent.futures.Executor
    open_requests: int = 0
    callbacks: set["asyncio.Task[None]"] = dataclasses.field(default_factory=set)


class _Handler(web.RequestHandler):
    """What API calls and downloads have in common: the log, error bodies, and responses that break off."""

    backend: Backend
    kind = "other"

    def initialize(self, backend: Backend) -> None:
        """Store the backend; called by tornado."""
        self.backend = backend
        self._received_at = time.time()
        backend.open_requests += 1

    def set_default_headers(self) -> None:
        """Name the server without its version, so that responses are the same everywhere."""
        self.set_header("Server", "seedream-sandbox")

    def write_error(self, status_code: int, **_details: object) -> None:
        """Respond in the format of the service when tornado, or a bug in the sandbox, ends the request."""
        code = "api_error" if status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else "no_api"
        trace_id = self.backend.service.next_trace_id()
        self.note(status_code, None)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(error_body(code, self._reason, trace_id)))

    def compute_etag(self) -> None:
        """Send no entity tags, which would turn a repeated request into an empty response."""

    def take_faults(self, text: str) -> tuple[Fault | None, float]:
        """Return what goes wrong with this request, which contains `text`, and the seconds that it is delayed."""
        faults = self.backend.faults.take(self.kind, text)
        other = next((fault for fault in faults if fault.kind != "latency"), None)
        return other, self.backend.service.settings.latency + sum(fault.seconds for fault in faults)

    def on_finish(self) -> None:
        """Count the request as finished; called by tornado."""
        self.backend.open_requests -= 1

    def note(self, status: int, fault: Fault | None, body: Json | None = None) -> None:
        """Log the request before its response is sent, so that whoever has the response finds it in the log."""
        body = body or {}
        ids = body.get("ids", body.get("id", []))
        action = body.get("action") or ("retrieve" if self.kind == "tasks" else "")
        self.backend.log.add(
            LoggedRequest(
                self.kind,
                self.request.method or "",
                self.request.path,
                str(action),
                tuple(map(str, ids if isinstance(ids, list) else [ids])),
                self._received_at,
                status,
                "Authorization" in self.request.headers,
                fault.kind if fault else "",
            )
        )

    async def send(self, response: RawResponse) -> None:
        """Send a response, or the part of it that a fault leaves."""
        if response.status == 0:
            self.hang_up()
            return
        self.set_status(response.status)
        self.set_header("Content-Type", response.content_type)
        self.set_header("Content-Length", str(len(response.content)))
        for name, value in response.headers:
            self.set_header(name, value)
        with contextlib.suppress(iostream.StreamClosedError):  # the client has disconnected
            if self.request.method == "HEAD":
                await self.finish()
            elif response.sent is None:
                await self.finish(response.content)
            else:
                self.write(response.content[: response.sent])
                await self.flush()
                self.hang_up()

    def hang_up(self) -> None:
        """Close the connection without sending anything more."""
        self._finished = True  # otherwise tornado would finish the response
        self.on_finish()
        if stream := self.detach():
            stream.close()


class ApiHandler(_Handler):
    """`POST /seedream/tasks` and `POST /seedream/images`."""

    async def post(self) -> None:
        """Handle one API request."""
        backend = self.backend
        self.kind = {TASKS_PATH: "tasks", IMAGES_PATH: "images"}[self.request.path]
        request = Request(self.request.path, self.request.headers.get("Authorization"), self.request.body)
        body = request.json()
        fault, delay = self.take_faults(json.dumps(body, ensure_ascii=False))
        if fault and not fault.needs_response:
            answer = ApiResponse(200, {}, backend.service.next_trace_id())
        else:
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(backend.responding, backend.service.answer, request)
        await asyncio.sleep(delay + answer.delay)
        self.set_header("X-Trace-Id", answer.trace_id)
        if answer.events is not None and (fault is None or fault.kind in {"cut", "truncate"}):
            self.note(answer.status, fault, body)
            await self._stream(answer.events, fault)
            return
        response = RawResponse(answer.status, json.dumps(answer.body, ensure_ascii=False).encode())
        if fault:
            response = apply_fault(response, fault, trace_id=answer.trace_id, here=self.request.path)
        self.note(response.status, fault, body)
        if answer.callback:
            task = asyncio.get_running_loop().create_task(
                self._call_back(*answer.callback, str(answer.body["task_id"]))
            )
            backend.callbacks.add(task)
            task.add_done_callback(backend.callbacks.discard)
        await self.send(response)

    async def _stream(self, events: tuple[tuple[float, Json], ...], fault: Fault | None) -> None:
        self.set_header("Content-Type", "application/x-ndjson")
        with contextlib.suppress(iostream.StreamClosedError):  # the client has disconnected
            for number, (delay, event) in enumerate(events):
                line = json.dumps(event, ensure_ascii=False).encode() + b"\n"
                await asyncio.sleep(delay)
                if fault and number == fault.events:
                    self.write(line[: len(line) // 2])
                    await self.flush()
                    break
                self.write(line)
                await self.flush()
            if fault and fault.kind == "cut":
                self.hang_up()
            else:
                await self.finish()

    async def _call_back(self, url: str, delay: float, task_id: str) -> None:
        """Send a result to its callback address, on this machine only; as with the service, failures go unnoticed."""
        if not is_loopback(urllib.parse.urlsplit(url).hostname or ""):
            return
        await asyncio.sleep(delay)
        loop, backend = asyncio.get_running_loop(), self.backend
        result = await loop.run_in_executor(backend.responding, backend.service.response_of, task_id)
        request = httpclient.HTTPRequest(
            url,
            method="POST",
            body=json.dumps(result, ensure_ascii=False),
            headers={"Content-Type": "application/json"},
            follow_redirects=False,
        )
        with contextlib.suppress(OSError, httpclient.HTTPClientError):
            await httpclient.AsyncHTTPClient().fetch(request)


class ImageHandler(_Handler):
    """`GET /images/<file name>`."""

    kind = "downloads"

    async def get(self, name: str) -> None:
        """Send one image."""
        backend, images = self.backend, self.backend.service.images
        fault, delay = self.take_faults(f"{self.request.path} {images.task_id(name)}")
        await asyncio.sleep(delay)
        spec = images.spec(name)
        response = RawResponse(404, b"<html><body>404 Not Found</body></html>", "text/html")
        if spec and fault and not fault.needs_response:
            response = RawResponse(200, b"", spec.content_type)
        elif spec:
            image = await asyncio.get_running_loop().run_in_executor(backend.painting, images.image, name)
            response = RawResponse(200, image.content, spec.content_type) if image else response
        if fault:
            response = apply_fault(response, fault, trace_id=backend.service.next_trace_id(), here=self.request.path)
        self.note(response.status, fault)
        await self.send(response)

    head = get  # `send` leaves out the body


class UnknownHandler(_Handler):
    """Any other path: `no_api`."""

    async def prepare(self) -> None:
        """Respond to any method."""
        trace_id = self.backend.service.next_trace_id()
        message = f"There is no API at {self.request.method} {self.request.path}."
        self.note(404, None)
        await self.send(RawResponse(404, json.dumps(error_body("no_api", message, trace_id)).encode()))


def build_application(backend: Backend) -> web.Application:
    """Return the tornado application of one sandbox."""
    options = {"backend": backend}
    return web.Application(
        [
            (TASKS_PATH, ApiHandler, options),
            (IMAGES_PATH, ApiHandler, options),
            (IMAGE_FILES_PATH + r"([^/]+)", ImageHandler, options),
        ],
        default_handler_class=UnknownHandler,
        default_handler_args=options,
        log_function=lambda _handler: None,
    )


def is_loopback(host: str) -> bool:
    """Return whether `host` is a loopback address: 127.0.0.0/8, ::1 or localhost."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
