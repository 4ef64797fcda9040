"""A server that sends any bytes at any pace, for answers that no HTTP library would send."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from tests.scripted_server import Received

if TYPE_CHECKING:
    from pathlib import Path

BLOCK = bytes(64 * 1024)

Script = Callable[[Received], Iterable[bytes]]
"""Returns the parts of the answer to a request; they may be endless. The connection is closed after the last one."""


def head(status: int, *lines: str) -> bytes:
    r"""The head of an answer.

    Example:
        >>> head(302, "Location: /other")
        b'HTTP/1.1 302 Any\r\nLocation: /other\r\n\r\n'
    """
    return "\r\n".join([f"HTTP/1.1 {status} Any", *lines, "", ""]).encode("latin-1")


def whole(body: bytes) -> Iterator[bytes]:
    """A complete answer."""
    yield head(200, f"Content-Length: {len(body)}") + body


class RawServer:
    """A context manager.

    Args:
        script: Makes the answers, each in a thread of its own.
        certificate: The files of a certificate and its key, for TLS.

    Attributes:
        received: The requests.
        sent: The number of bytes that were sent, including those that are still in the buffers of the system.
        left: The number of clients that closed their connection before the answer was complete.
    """

    def __init__(self, script: Script, *, certificate: tuple[Path, Path] | None = None) -> None:
        self.received: list[Received] = []
        self.sent = 0
        self.left = 0
        self._script = script
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if certificate else None
        if self._tls and certificate:
            self._tls.load_cert_chain(*certificate)
        self._closing = threading.Event()
        self._changed = threading.Condition()
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                outer._answer(self.request)

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    @property
    def url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self._server.server_address[1]}"

    def slowly(self, content: bytes, *, seconds: float = 0.02) -> Iterator[bytes]:
        """Byte by byte, until the server closes."""
        for place in range(len(content)):
            yield content[place : place + 1]
            if self._closing.wait(seconds):
                return

    def endlessly(self, content: bytes, *, most: int) -> Iterator[bytes]:
        """The same again and again; not without end, so that a client that reads on ends, too."""
        for _ in range(most // len(content)):
            yield content

    def wait_until_left(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.left >= count, 20), f"{self.left} of {count} have left"

    def __enter__(self) -> RawServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _answer(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._tls is None:
            self._serve(connection)
            return
        with self._tls.wrap_socket(connection, server_side=True, do_handshake_on_connect=False) as secured:
            try:
                secured.do_handshake()
            except OSError:
                return
            self._serve(secured)

    def _serve(self, connection: socket.socket) -> None:
        received = _read_request(connection)
        if received is None:
            self._count_left()
            return
        self.received.append(received)
        try:
            for part in self._script(received):
                connection.sendall(part)
                with self._changed:
                    self.sent += len(part)
        except OSError:
            self._count_left()

    def _count_left(self) -> None:
        with self._changed:
            self.left += 1
            self._changed.notify_all()


def _read_request(connection: socket.socket) -> Received | None:
    with contextlib.suppress(OSError), connection.makefile("rb") as file:
        words = file.readline().decode("latin-1").split()
        headers: Mapping[str, str] = {
            name.lower(): value.strip()
            for line in iter(file.readline, b"\r\n")
            for name, _, value in [line.decode("latin-1").partition(":")]
            if line
        }
        if len(words) > 1:
            body = file.read(int(headers.get("content-length", 0)))
            return Received(words[0], words[1], headers, body, connection.getpeername()[1])
    return None
