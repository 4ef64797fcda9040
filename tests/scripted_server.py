"""A server that responds exactly as a test specifies: any bytes, and every way to break a connection."""

import contextlib
import dataclasses
import http.server
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

Manner = Literal["whole", "drop", "cut", "stall", "hang", "drip", "leave"]
"""How an answer is sent:

- `whole`: completely.
- `drop`: the connection is closed instead.
- `cut`: the connection is closed in the middle of the body.
- `stall`: the headers arrive, the body never does.
- `hang`: nothing ever arrives.
- `drip`: the body arrives one byte at a time and would take hours.
- `leave`: completely, but then the keep-alive connection is closed without notice.
"""


@dataclasses.dataclass(frozen=True)
class Answer:
    body: bytes = b"{}"
    status: int = 200
    headers: Mapping[str, str] = dataclasses.field(default_factory=dict)
    manner: Manner = "whole"


@dataclasses.dataclass(frozen=True)
class Received:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Script = Callable[[Received], Answer]


def as_json(value: object, status: int = 200, **headers: str) -> Answer:
    return Answer(json.dumps(value).encode(), status, {"Content-Type": "application/json", **headers})


class Meeting:
    """A script that answers only when a given number of requests are waiting at the same time.

    Attributes:
        most: The largest number of requests that waited at the same time.
    """

    def __init__(self, size: int, answer: Answer) -> None:
        self.most = 0
        self._answer = answer
        self._now = 0
        self._lock = threading.Lock()
        self._barrier = threading.Barrier(size, timeout=20)

    def __call__(self, _received: Received) -> Answer:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        self._barrier.wait()
        with self._lock:
            self._now -= 1
        return self._answer


class ScriptedServer:
    """A context manager that runs the server.

    Args:
        script: Returns the answer to a request; or the answers in order, of which the last is repeated.
        at_once: Whether the script may run for several requests at the same time.
    """

    def __init__(self, script: Script | Answer | Sequence[Answer], *, at_once: bool = False) -> None:
        self.received: list[Received] = []
        self.arrived = threading.Event()
        self._script = script if callable(script) else self._in_order(script)
        self._closing = threading.Event()
        self._lock: contextlib.AbstractContextManager[object] = (
            contextlib.nullcontext() if at_once else threading.Lock()
        )
        self._server = _Server(self._answer, self._closing)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "ScriptedServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @staticmethod
    def _in_order(answers: Answer | Sequence[Answer]) -> Script:
        listed = [answers] if isinstance(answers, Answer) else list(answers)
        coming: Iterator[Answer] = iter(listed)
        return lambda _received: next(coming, listed[-1])

    def _answer(self, received: Received) -> Answer:
        with self._lock:
            self.received.append(received)
            self.arrived.set()
            return self._script(received)


class _Server(http.server.ThreadingHTTPServer):
    block_on_close = False
    request_queue_size = 128  # with the usual 5, many connections at once are reset

    def __init__(self, answer_to: Script, closing: threading.Event) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer_to = answer_to
        self.closing = closing


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.command, self.path, headers, body, connection=self.client_address[1])
        try:
            self._send(self.server.answer_to(received))
        except OSError:
            self.close_connection = True  # the client closed the connection

    do_POST = do_GET  # noqa: N815  the name http.server expects

    def _send(self, answer: Answer) -> None:
        if answer.manner != "whole":
            self.close_connection = True
        if answer.manner == "drop":
            return
        if answer.manner == "hang":
            self.server.closing.wait()
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self._send_body(answer)

    def _send_body(self, answer: Answer) -> None:
        if answer.manner == "stall":
            self.server.closing.wait()
        elif answer.manner == "cut":
            self.wfile.write(answer.body[: len(answer.body) // 2])
        elif answer.manner == "drip":
            for place in range(len(answer.body)):
                self.wfile.write(answer.body[place : place + 1])
                if self.server.closing.wait(0.02):
                    break
        else:
            self.wfile.write(answer.body)

    def log_message(self, *_: object) -> None:
        pass
