"""Misbehaviour on demand: everything that goes wrong between a client and a service, as data.

For tests, and for whoever wants to see how their own code copes::

    sandbox.faults.add("rate_limit", on="tasks", times=2, retry_after=1)
    with sandbox.faults.during("missing", on="downloads", match=task_id):
        ...

A fault turns the reply that would have been sent into the one that is sent, see `spoil`.
"""

import contextlib
import dataclasses
import datetime as dt
import email.utils
import json
import threading
from collections.abc import Iterator
from typing import Any, Literal

from seedream_nb.sandbox.answers import MESSAGE_OF_CODE, STATUS_OF_CODE, error_body

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

- `latency`: the answer comes `seconds` later; the only kind that combines with others.
- `rate_limit`: 429 `too_many_requests`, with `Retry-After` when `retry_after` is given.
- `server_error`: 500 `api_error`.
- `error`: the error `code` with its documented status, or with `status`.
- `drop`: the connection is closed without an answer.
- `cut`: the connection is closed in the middle of the body; of a stream after `events` events and a half.
- `truncate`: half of the body in an otherwise correct answer.
- `empty`: no body.
- `html`: a proxy's HTML page; a picture keeps its image content type.
- `json`: the text in `body`, `null` or `[]` for example.
- `missing`: 404, as from an image host.
- `redirect`: 302 to `location`; to the same address when that is empty, so again and again.
"""

Target = Literal["tasks", "images", "downloads"]

_PAGE = b"<!DOCTYPE html><html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1></body></html>"


@dataclasses.dataclass(frozen=True)
class Fault:
    """One thing that goes wrong.

    Attributes:
        kind: See `FaultKind`.
        on: `tasks` and `images` are the two API paths, `downloads` the image files.
        times: How often; None for until it is taken away.
        after: How many matching requests pass unharmed before.
        match: Only requests that contain this: a task id, a part of a prompt, a picture's file name.
        processed: True when the service does its work all the same and only the answer is lost, which is what makes
            an unclear failure unclear: the task exists, and was paid for.
        seconds: Of latency.
        retry_after: Seconds, a moment (sent as an HTTP date), or the header's text.
        code: Error code for `error`.
        status: HTTP status; for `error` and `html` when not the usual one.
        body: Text for `json`.
        location: Where `redirect` leads.
        events: How many events of a stream arrive before it is cut.
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
    def needs_reply(self) -> bool:
        """True when the fault spoils a real reply instead of replacing it."""
        return self.processed or self.kind in {"cut", "truncate"}


@dataclasses.dataclass(frozen=True)
class Reply:
    """An HTTP answer as it goes out.

    Attributes:
        status: HTTP status; 0 for no answer at all.
        content: The body.
        content_type: MIME type.
        headers: Further headers.
        sent: How many bytes of the body are sent before the connection is closed; None for all.
    """

    status: int
    content: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    sent: int | None = None


def spoil(reply: Reply, fault: Fault, *, trace_id: str, here: str = "") -> Reply:
    """Return what `fault` makes of `reply`.

    Args:
        reply: What would have been sent.
        fault: What goes wrong.
        trace_id: For error bodies.
        here: Path of the request, for redirects.
    """
    half = len(reply.content) // 2
    replies = {
        "rate_limit": lambda: _error(fault, "too_many_requests", trace_id),
        "server_error": lambda: _error(fault, "api_error", trace_id),
        "error": lambda: _error(fault, fault.code, trace_id),
        "drop": lambda: Reply(0, b"", sent=0),
        "cut": lambda: dataclasses.replace(reply, sent=half),
        "truncate": lambda: dataclasses.replace(reply, content=reply.content[:half]),
        "empty": lambda: dataclasses.replace(reply, content=b""),
        "html": lambda: _page(reply, fault),
        "json": lambda: Reply(fault.status or 200, fault.body.encode()),
        "missing": lambda: Reply(404, b"<html><body>404 Not Found</body></html>", "text/html"),
        "redirect": lambda: Reply(302, b"", "text/html", (("Location", fault.location or here),)),
    }
    return replies[fault.kind]() if fault.kind in replies else reply


def _error(fault: Fault, code: str, trace_id: str) -> Reply:
    message = MESSAGE_OF_CODE.get(code, code)
    headers = () if fault.retry_after is None else (("Retry-After", _retry_after(fault.retry_after)),)
    content = json.dumps(error_body(code, message, trace_id)).encode()
    return Reply(fault.status or STATUS_OF_CODE.get(code, 400), content, headers=headers)


def _retry_after(value: float | str | dt.datetime) -> str:
    if isinstance(value, dt.datetime):
        return email.utils.format_datetime(value.astimezone(dt.timezone.utc), usegmt=True)
    return value if isinstance(value, str) else f"{value:g}"


def _page(reply: Reply, fault: Fault) -> Reply:
    is_image = reply.content_type.startswith("image/")
    return Reply(fault.status or 200, _PAGE, reply.content_type if is_image else "text/html; charset=utf-8")


@dataclasses.dataclass
class _Armed:
    fault: Fault
    to_skip: int
    left: int | None


class Faults:
    """The faults of one sandbox; safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: list[_Armed] = []

    def add(self, fault: Fault | FaultKind, **options: Any) -> Fault:
        """Let something go wrong from now on.

        Args:
            fault: A `Fault`, or its kind.
            **options: The fault's other attributes when only the kind was given.

        Returns:
            The fault, to be given to `remove`.

        Example:
            >>> faults = Faults()
            >>> faults.add("rate_limit", on="tasks", times=2, retry_after=1).times
            2
        """
        made = fault if isinstance(fault, Fault) else Fault(fault, **options)
        with self._lock:
            self._armed.append(_Armed(made, made.after, made.times))
        return made

    def remove(self, fault: Fault) -> None:
        """Take a fault away again; one that is used up or unknown is no error."""
        with self._lock:
            self._armed = [armed for armed in self._armed if armed.fault is not fault]

    def clear(self) -> None:
        """Take all faults away."""
        with self._lock:
            self._armed.clear()

    @contextlib.contextmanager
    def during(self, fault: Fault | FaultKind, **options: Any) -> Iterator[Fault]:
        """Let something go wrong inside a `with` block; arguments as for `add`."""
        added = self.add(fault, **options)
        try:
            yield added
        finally:
            self.remove(added)

    def take(self, target: str, text: str) -> list[Fault]:
        """Return what goes wrong with one request, and count it as used.

        Args:
            target: Kind of request.
            text: What `match` is looked for in.

        Returns:
            All delays, and at most one fault of another kind: the one added first.
        """
        taken: list[Fault] = []
        with self._lock:
            for armed in self._armed:
                fault = armed.fault
                if fault.on != target or fault.match not in text or armed.left == 0:
                    continue
                if fault.kind != "latency" and any(other.kind != "latency" for other in taken):
                    continue
                if armed.to_skip:
                    armed.to_skip -= 1
                    continue
                armed.left = None if armed.left is None else armed.left - 1
                taken.append(fault)
        return taken

    def __len__(self) -> int:
        with self._lock:
            return sum(armed.left != 0 for armed in self._armed)
