"""Fault injection: everything that can go wrong between a client and the service, as data.

For tests, and for trying out how your own code handles failures::

    sandbox.faults.add("rate_limit", on="tasks", times=2, retry_after=1)
    with sandbox.faults.during("missing", on="downloads", match=task_id):
        ...

A fault turns the response that would have been sent into the one that is sent; see `apply_fault`.
"""

import contextlib
import dataclasses
import datetime as dt
import email.utils
import json
import threading
from collections.abc import Iterator
from typing import Any, Literal

from seedream_nb.sandbox.serialization import describe_error, error_body

FaultKind = Literal[
    "latency",
    "rate_limit",
    "server_error",
    "error",
    "drop",
    "cut",
    "truncate",
    "empty",
    "html",
    "json",
    "missing",
    "redirect",
]
"""What can go wrong:

- `latency`: the response is `seconds` late; the only kind that combines with others.
- `rate_limit`: 429 `too_many_requests`, with `Retry-After` when `retry_after` is given.
- `server_error`: 500 `api_error`.
- `error`: the error `code` with its documented status, or with `status`.
- `drop`: the connection is closed without a response.
- `cut`: the connection is closed halfway through the body, or in a stream halfway through the event after `events`.
- `truncate`: half of the body in an otherwise correct response.
- `empty`: no body.
- `html`: a proxy's HTML page; an image download keeps its image content type.
- `json`: the text in `body`, such as `null` or `[]`.
- `missing`: 404, as from an image host.
- `redirect`: 302 to `location`, or to the same URL, endlessly, when that is empty.
"""

Target = Literal["tasks", "images", "downloads"]

_PAGE = b"<!DOCTYPE html><html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>"


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        kind: See `FaultKind`.
        on: `tasks` and `images` are the two API paths, `downloads` the image files.
        times: How often; None for until it is removed.
        after: Number of matching requests that succeed first.
        match: Only requests that contain this text: a task id, part of a prompt, an image's file name.
        processed: True when the service does process the request and only the response is lost: the task exists and
            was paid for, but the client can't know.
        seconds: For `latency`.
        retry_after: Seconds, a time (sent as an HTTP date), or the header's text.
        code: Error code for `error`.
        status: HTTP status for `error`, `html` and `json`; the usual one when None.
        body: Text for `json`.
        location: Target of `redirect`.
        events: Number of stream events that arrive before a `cut`.
    """

    kind: FaultKind
    on: Target = "tasks"
    times: int | None = None
    after: int = 0
    match: str = ""
    processed: bool = False
    seconds: float = 0.0
    retry_after: float | str | dt.datetime | None = None
    code: str = "api_error"
    status: int | None = None
    body: str = "null"
    location: str = ""
    events: int = 1

    @property
    def needs_response(self) -> bool:
        """True when the fault modifies a real response instead of replacing it."""
        return self.processed or self.kind in {"cut", "truncate"}


@dataclasses.dataclass(frozen=True)
class RawResponse:
    """An HTTP response to send; status 0 closes the connection without one, and `sent` after that many body bytes."""

    status: int
    content: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    sent: int | None = None


def apply_fault(response: RawResponse, fault: Fault, *, trace_id: str, here: str = "") -> RawResponse:
    """Return `response` with `fault` applied; `here` is the path of the request."""
    half = len(response.content) // 2
    responses = {
        "rate_limit": lambda: _error(fault, "too_many_requests", trace_id),
        "server_error": lambda: _error(fault, "api_error", trace_id),
        "error": lambda: _error(fault, fault.code, trace_id),
        "drop": lambda: RawResponse(0, b"", sent=0),
        "cut": lambda: dataclasses.replace(response, sent=half),
        "truncate": lambda: dataclasses.replace(response, content=response.content[:half]),
        "empty": lambda: dataclasses.replace(response, content=b""),
        "html": lambda: _page(response, fault),
        "json": lambda: RawResponse(fault.status or 200, fault.body.encode()),
        "missing": lambda: RawResponse(404, b"<html><body>404 Not Found</body></html>", "text/html"),
        "redirect": lambda: RawResponse(302, b"", "text/html", (("Location", fault.location or here),)),
    }
    return responses[fault.kind]() if fault.kind in responses else response


def _error(fault: Fault, code: str, trace_id: str) -> RawResponse:
    status, message = describe_error(code)
    headers = () if fault.retry_after is None else (("Retry-After", _retry_after(fault.retry_after)),)
    content = json.dumps(error_body(code, message, trace_id)).encode()
    return RawResponse(fault.status or status, content, headers=headers)


def _retry_after(value: float | str | dt.datetime) -> str:
    if isinstance(value, dt.datetime):
        return email.utils.format_datetime(value.astimezone(dt.timezone.utc), usegmt=True)
    return value if isinstance(value, str) else f"{value:g}"


def _page(response: RawResponse, fault: Fault) -> RawResponse:
    is_image = response.content_type.startswith("image/")
    return RawResponse(fault.status or 200, _PAGE, response.content_type if is_image else "text/html; charset=utf-8")


@dataclasses.dataclass
class _ActiveFault:
    fault: Fault
    to_skip: int
    left: int | None


class Faults:
    """The faults of one sandbox; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: list[_ActiveFault] = []

    def add(self, fault: Fault | FaultKind, **options: Any) -> Fault:
        """Inject a fault, or one of a kind with the attributes in `options`, from now on; return it for `remove`.

        Example:
            >>> faults = Faults()
            >>> faults.add("rate_limit", on="tasks", times=2, retry_after=1).times
            2
        """
        added = fault if isinstance(fault, Fault) else Fault(fault, **options)
        with self._lock:
            self._active.append(_ActiveFault(added, added.after, added.times))
        return added

    def remove(self, fault: Fault) -> None:
        """Remove a fault; one that is used up or unknown is ignored."""
        with self._lock:
            self._active = [active for active in self._active if active.fault is not fault]

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._active.clear()

    @contextlib.contextmanager
    def during(self, fault: Fault | FaultKind, **options: Any) -> Iterator[Fault]:
        """Inject a fault within a `with` block; takes the arguments of `add`."""
        added = self.add(fault, **options)
        try:
            yield added
        finally:
            self.remove(added)

    def take(self, target: str, text: str) -> list[Fault]:
        """Return the faults that apply to one request, and count them as used.

        These are all delays, and at most one fault of another kind: the one added first whose `match` is in `text`.
        """
        taken: list[Fault] = []
        with self._lock:
            for active in self._active:
                fault = active.fault
                if fault.on != target or fault.match not in text or active.left == 0:
                    continue
                if fault.kind != "latency" and any(other.kind != "latency" for other in taken):
                    continue
                if active.to_skip:
                    active.to_skip -= 1
                    continue
                active.left = None if active.left is None else active.left - 1
                taken.append(fault)
        return taken

    def __len__(self) -> int:
        with self._lock:
            return sum(active.left != 0 for active in self._active)
