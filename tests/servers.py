"""Shared by tests of the client: clients of a scripted server, what a sandbox is told to do, unclear outcomes."""

import contextlib
import dataclasses
import socket
import threading
import traceback
from collections.abc import Callable, Iterable
from typing import Any

import IPython
from IPython.core.ultratb import VerboseTB

from seedream_nb import RetryPolicy, Sandbox, SeedreamClient, Timeouts
from tests.conftest import QUICK
from tests.scripted_server import ScriptedServer

TOKEN = "0123456789abcdef0123456789abcdef"

# Faults of the sandbox that leave it unclear whether a paid request was executed, with their options.
UNCLEAR: list[tuple[str, dict[str, Any]]] = [
    ("drop", {}),
    ("drop", {"processed": True}),
    ("server_error", {}),
    ("server_error", {"processed": True}),
    ("cut", {}),
    ("truncate", {}),
    ("empty", {"processed": True}),
    ("html", {"processed": True}),
    ("html", {"status": 502}),
    ("html", {"status": 408}),
    ("json", {"body": "null"}),
    ("json", {"body": "[]"}),
    ("json", {"body": "{}"}),
    ("json", {"body": '{"strange": 1}'}),
    ("json", {"body": '{"success": false, "error": {"code": "api_error", "message": "no luck"}}'}),
    ("error", {"code": "api_error", "status": 400}),
]


# Colors would hide a word that they divide, and take most of the time.
PLAIN: dict[str, Any] = {"theme_name": "nocolor"} if IPython.version_info >= (9,) else {"color_scheme": "NoColor"}


def client_to(
    server: ScriptedServer, *, retries: RetryPolicy = QUICK, timeouts: Timeouts | None = None
) -> SeedreamClient:
    return SeedreamClient(TOKEN, server.url, retries=retries, timeouts=timeouts)


def finish_tasks(sandbox: Sandbox) -> None:
    """Completes all tasks that are in progress, however long they would take."""
    for task in sandbox._store.snapshot():
        sandbox._store.add(dataclasses.replace(task, ready_at=0))


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def verbose(error: BaseException, test_file: str) -> str:
    """What a traceback with variables shows: IPython's `%xmode Verbose`, and every variable of every frame below."""
    below = error.__traceback__
    while below is not None and below.tb_frame.f_code.co_filename == test_file:  # the test itself holds the token
        below = below.tb_next
    frames = [frame for frame, _line in traceback.walk_tb(below)]
    variables = [f"{name} = {value!r}" for frame in frames for name, value in frame.f_locals.items()]
    return "\n".join([VerboseTB(**PLAIN).text(type(error), error, below), *variables])


class RawServer:
    """Sends bytes that no HTTP library would send, to one connection after another, and counts them.

    Args:
        parts: What to send, piece by piece, until it ends or the client has had enough.

    Attributes:
        requests: The number of requests received.
        sent: The number of bytes sent.
    """

    def __init__(self, parts: Callable[[], Iterable[bytes]]) -> None:
        self.requests = 0
        self.sent = 0
        self._parts = parts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> "RawServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        while True:
            try:
                connection, _address = self._listener.accept()
            except OSError:  # closed
                return
            with connection, contextlib.suppress(OSError), connection.makefile("rb") as stream:
                length = 0
                while (line := stream.readline()).strip():
                    if line.lower().startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                stream.read(length)
                self.requests += 1
                for part in self._parts():
                    connection.sendall(part)
                    self.sent += len(part)
