"""The HTTP face of the sandbox: tornado on one side, the service and the pictures on the other.

The event loop only moves bytes. Answers are made and pictures painted in threads, so that one slow picture never holds
up sixteen quick ones.
"""

import asyncio
import concurrent.futures
import contextlib
import dataclasses
import functools
import ipaddress
import json
import time
import urllib.parse
from collections.abc import Callable
from http import HTTPStatus
from typing import TypeVar

from tornado import httpclient, iostream, web

from seedream_nb.sandbox.answers import Json, error_body
from seedream_nb.sandbox.faults import Fault, Faults, Reply, spoil
from seedream_nb.sandbox.images import ImageStore
from seedream_nb.sandbox.request_log import LoggedRequest, RequestLog
from seedream_nb.sandbox.service import IMAGES_PATH, TASKS_PATH, Answer, Callback, Request, SandboxService
from seedream_nb.sandbox.settings import SandboxSettings

_Result = TypeVar("_Result")

IMAGE_FILES_PATH = "/images/"


@dataclasses.dataclass
class Backend:
    """What the handlers work with.

    Attributes:
        service: Answers API requests.
        images: The image store.
        faults: What goes wrong.
        log: What was received.
        answering: Threads for API answers.
        painting: Threads for pictures.
        settings: How the sandbox behaves.
        open_requests: How many requests have arrived and have no answer yet.
        callbacks: Results on their way to an address that a request named.
    """

    service: SandboxService
    images: ImageStore
    faults: Faults
    log: RequestLog
    answering: concurrent.futures.Executor
    painting: concurrent.futures.Executor
    settings: SandboxSettings
    open_requests: int = 0
    callbacks: set["asyncio.Task[None]"] = dataclasses.field(default_factory=set)


class _Handler(web.RequestHandler):
    """What API and pictures have in common: faults, delays, the log, and replies that break off."""

    backend: Backend
    kind = "other"

    def initialize(self, backend: Backend) -> None:
        """Keep the backend; called by tornado."""
        self.backend = backend
        self._received_at = time.time()
        backend.open_requests += 1

    def set_default_headers(self) -> None:
        """Name the server without its version, so that answers are the same everywhere."""
        self.set_header("Server", "seedream-sandbox")

    def write_error(self, status_code: int, **_details: object) -> None:
        """Answer in the service's own form when tornado, or a mistake in here, ends the request."""
        code = "api_error" if status_code >= HTTPStatus.INTERNAL_SERVER_ERROR else "no_api"
        trace_id = self.backend.service.next_trace_id()
        self.note(status_code, None)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(error_body(code, self._reason, trace_id)))

    def compute_etag(self) -> None:
        """Send no entity tags: they would turn a repeated request into an empty answer."""

    async def in_thread(self, executor: concurrent.futures.Executor, call: Callable[[], _Result]) -> _Result:
        """Run `call` in a thread and return its result."""
        return await asyncio.get_running_loop().run_in_executor(executor, call)

    def on_finish(self) -> None:
        """Count the request as answered; called by tornado."""
        self.backend.open_requests -= 1

    def note(self, status: int, fault: Fault | None, body: Json | None = None) -> None:
        """Put the request into the log, before the answer leaves, so that whoever got the answer finds it there."""
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

    async def send(self, reply: Reply) -> None:
        """Send a reply, as far as it goes."""
        if reply.status == 0:
            self.hang_up()
            return
        self.set_status(reply.status)
        self.set_header("Content-Type", reply.content_type)
        self.set_header("Content-Length", str(len(reply.content)))
        for name, value in reply.headers:
            self.set_header(name, value)
        with contextlib.suppress(iostream.StreamClosedError):  # the reader has gone
            if self.request.method == "HEAD":
                await self.finish()
            elif reply.sent is None:
                await self.finish(reply.content)
            else:
                self.write(reply.content[: reply.sent])
                await self.flush()
                self.hang_up()

    def hang_up(self) -> None:
        """Close the connection without another word."""
        self._finished = True  # tornado would otherwise finish the answer by itself
        self.on_finish()
        if stream := self.detach():
            stream.close()


class ApiHandler(_Handler):
    """`POST /seedream/tasks` and `POST /seedream/images`."""

    async def post(self) -> None:
        """Answer one API request."""
        backend = self.backend
        self.kind = {TASKS_PATH: "tasks", IMAGES_PATH: "images"}[self.request.path]
        request = Request(self.request.path, self.request.headers.get("Authorization"), self.request.body)
        body = request.json()
        faults = backend.faults.take(self.kind, json.dumps(body, ensure_ascii=False))
        fault = next((fault for fault in faults if fault.kind != "latency"), None)
        delay = backend.settings.latency + sum(fault.seconds for fault in faults)
        if fault and not fault.needs_reply:
            answer = Answer(200, {}, backend.service.next_trace_id())
        else:
            answer = await self.in_thread(backend.answering, lambda: backend.service.answer(request))
        await asyncio.sleep(delay + answer.delay)
        self.set_header("X-Trace-Id", answer.trace_id)
        if answer.events is not None and (fault is None or fault.kind in {"cut", "truncate"}):
            self.note(answer.status, fault, body)
            await self._stream(answer.events, fault)
            return
        reply = Reply(answer.status, json.dumps(answer.body, ensure_ascii=False).encode())
        if fault:
            reply = spoil(reply, fault, trace_id=answer.trace_id, here=self.request.path)
        self.note(reply.status, fault, body)
        if answer.callback:
            task = asyncio.get_running_loop().create_task(self._call_back(answer.callback))
            backend.callbacks.add(task)
            task.add_done_callback(backend.callbacks.discard)
        await self.send(reply)

    async def _stream(self, events: tuple[tuple[float, Json], ...], fault: Fault | None) -> None:
        self.set_header("Content-Type", "application/x-ndjson")
        with contextlib.suppress(iostream.StreamClosedError):  # the reader has gone
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

    async def _call_back(self, callback: Callback) -> None:
        """Send a result where it was asked for, on this machine only; a failure goes unnoticed, as with the service."""
        if not is_loopback(urllib.parse.urlsplit(callback.url).hostname or ""):
            return
        await asyncio.sleep(callback.delay)
        result = await self.in_thread(
            self.backend.answering, functools.partial(self.backend.service.response_of, callback.task_id)
        )
        request = httpclient.HTTPRequest(
            callback.url,
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
        """Send one picture."""
        backend = self.backend
        faults = backend.faults.take("downloads", f"{self.request.path} {backend.images.task_id(name)}")
        fault = next((fault for fault in faults if fault.kind != "latency"), None)
        delay = backend.settings.latency + sum(fault.seconds for fault in faults)
        await asyncio.sleep(delay)
        spec = backend.images.spec(name)
        reply = Reply(404, b"<html><body>404 Not Found</body></html>", "text/html")
        if spec and fault and not fault.needs_reply:
            reply = Reply(200, b"", spec.content_type)
        elif spec:
            image = await self.in_thread(backend.painting, functools.partial(backend.images.image, name))
            reply = Reply(200, image.content, spec.content_type) if image else reply
        if fault:
            reply = spoil(reply, fault, trace_id=backend.service.next_trace_id(), here=self.request.path)
        self.note(reply.status, fault)
        await self.send(reply)

    async def head(self, name: str) -> None:
        """Send what `get` would send, without the body."""
        await self.get(name)


class UnknownHandler(_Handler):
    """Everything else: `no_api`."""

    async def prepare(self) -> None:
        """Answer any method alike."""
        trace_id = self.backend.service.next_trace_id()
        message = f"There is no API at {self.request.method} {self.request.path}."
        self.note(404, None)
        await self.send(Reply(404, json.dumps(error_body("no_api", message, trace_id)).encode()))


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
    """Tell whether `host` is this machine and nothing else: 127.0.0.0/8, ::1 or localhost."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
