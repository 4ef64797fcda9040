"""Hosts that answer slowly, without end, or with nonsense: one deadline covers all, and nothing is read needlessly."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from typing import TYPE_CHECKING

import pytest

from seedream_nb.core.errors import ImageError
from seedream_nb.core.models import TaskImage
from seedream_nb.images.fetch import MEBIBYTE, FetchLimits, ImageFetcher
from tests.raw_server import BLOCK, RawServer, head, whole
from tests.scripted_server import Answer, Received, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

BYTES = b"\xff\xd8\xff as bytes of an image"
SHORT = FetchLimits(seconds=0.5, tries=3)
PATIENCE = 10.0  # seconds; all answers here would take longer

ODD_LOCATIONS = [
    "http://[::1",
    "//[",
    "http://x]/",
    "http://℀.com/",
    "http://",
    "http:///a.jpg",
    "http://127.0.0.1:port/",
    "http://127.0.0.1:99999/",
    "http://127.0.0.1:1:2/",
    "http://a..b/",
    f"http://{'a' * 70}.example/",
    "http://\u00ad/",
    "http://[fe80::1%25x]:1/",
    "http://[v1.x]/",
    "https://%00/",
    "//",
    "file:///etc/passwd",
    "FILE:/etc/passwd",
    "ftp://127.0.0.1/a.jpg",
    "data:image/png;base64,AAAA",
    "javascript:1",
    "http:\\\\x]\\",
    "\x80\xff",
]


def fetch(url: str, limits: FetchLimits | None = None) -> bytes:
    return ImageFetcher(limits).fetch(TaskImage("an-id", url=url))


def endless(server: RawServer, status: int, *lines: str) -> Iterable[bytes]:
    yield head(status, "Content-Length: 3000000000", *lines)
    yield from server.endlessly(BLOCK, most=64 * MEBIBYTE)


# Bodies that nobody needs


def test_the_body_of_a_redirect_is_not_read() -> None:
    def answer(received: Received) -> Iterable[bytes]:
        return whole(BYTES) if received.path == "/there" else endless(server, 302, "Location: /there")

    with RawServer(answer) as server:
        assert fetch(server.url) == BYTES
        server.wait_until_left(1)
        assert server.sent < 32 * MEBIBYTE


@pytest.mark.parametrize("status", [103, 304, 404, 429, 503])
def test_the_body_of_an_error_is_not_read(status: int) -> None:
    with RawServer(lambda _received: endless(server, status)) as server:
        with pytest.raises(ImageError, match=f"HTTP {status}"):
            fetch(server.url, FetchLimits(tries=2))
        server.wait_until_left(len(server.received))
        assert server.sent < 32 * MEBIBYTE * len(server.received)


@pytest.mark.parametrize("status", [300, 302, 304])
def test_a_redirect_to_nowhere_is_an_error(status: int) -> None:
    with ScriptedServer(Answer(BYTES, status)) as server, pytest.raises(ImageError, match=f"HTTP {status}"):
        fetch(server.url)


# Odd locations


@pytest.mark.parametrize("location", ODD_LOCATIONS)
def test_an_odd_location_is_an_error_of_the_image(location: str) -> None:
    as_sent = location.encode().decode("latin-1")
    with (
        ScriptedServer(Answer(status=302, headers={"Location": as_sent})) as server,
        pytest.raises(ImageError, match=r"not http\(s\)|The connection to .* failed|too many redirects"),
    ):
        fetch(server.url, FetchLimits(tries=1))


def test_a_location_in_unicode_is_followed() -> None:
    def answer(received: Received) -> Answer:
        if received.path == "/%E7%8C%AB.jpg":
            return Answer(BYTES)
        return Answer(status=302, headers={"Location": "/猫.jpg".encode().decode("latin-1")})

    with ScriptedServer(answer) as server:
        assert fetch(server.url) == BYTES


def test_a_password_in_a_location_is_not_sent() -> None:
    with ScriptedServer(Answer(BYTES)) as other:
        elsewhere = other.url.replace("//", "//me:hunter2@")
        with ScriptedServer(Answer(status=302, headers={"Location": f"{elsewhere}/a.jpg"})) as server:
            assert fetch(server.url) == BYTES
        (received,) = other.received
    assert "authorization" not in received.headers
    assert "hunter2" not in f"{received}"


# One deadline


def drip_head(server: RawServer) -> Iterable[bytes]:
    yield from server.slowly(head(200, "X-Padding: " + "a" * 2000, "Content-Length: 1"))


def drip_redirect(server: RawServer) -> Iterable[bytes]:
    yield head(302, "Location: /there", "Content-Length: 2000")
    yield from server.slowly(bytes(2000))


def drip_redirect_heads(server: RawServer) -> Iterable[bytes]:
    yield from server.slowly(head(302, "Location: /again", "Content-Length: 0"), seconds=0.01)


def drip_error(server: RawServer) -> Iterable[bytes]:
    yield head(503, "Content-Length: 2000")
    yield from server.slowly(bytes(2000))


def drip_body(server: RawServer) -> Iterable[bytes]:
    yield head(200, "Content-Length: 2000")
    yield from server.slowly(bytes(2000))


def drip_chunk_size(server: RawServer) -> Iterable[bytes]:
    yield head(200, "Transfer-Encoding: chunked")
    yield from server.slowly(b"0" * 2000)


def drip_trailers(server: RawServer) -> Iterable[bytes]:
    yield head(200, "Transfer-Encoding: chunked") + b"1\r\na\r\n0\r\n"
    yield from server.slowly(b"X: y\r\n" * 400)


def drip_provisional_answers(server: RawServer) -> Iterable[bytes]:
    for _ in range(100):
        yield from server.slowly(head(100), seconds=0.005)


def drip_gzip_header(server: RawServer) -> Iterable[bytes]:
    yield head(200, "Content-Encoding: gzip", "Content-Length: 2000") + b"\x1f\x8b\x08\x08" + bytes(6)
    yield from server.slowly(b"a" * 2000)  # a file name, which decodes to nothing


@pytest.mark.parametrize(
    "drip",
    [
        drip_head,
        drip_redirect_heads,
        drip_body,
        drip_chunk_size,
        drip_trailers,
        drip_provisional_answers,
        drip_gzip_header,
    ],
)
def test_a_dripping_answer_ends_with_the_deadline(drip: Callable[[RawServer], Iterable[bytes]]) -> None:
    with RawServer(lambda _received: drip(server)) as server:
        before = time.monotonic()
        with pytest.raises(ImageError, match=r"did not arrive within 0\.5 s"):
            fetch(server.url, SHORT)
        assert time.monotonic() - before < PATIENCE
        server.wait_until_left(1)  # no thread goes on reading


@pytest.mark.parametrize("drip", [drip_redirect, drip_error])
def test_a_dripping_body_of_no_use_takes_no_time(drip: Callable[[RawServer], Iterable[bytes]]) -> None:
    def answer(received: Received) -> Iterable[bytes]:
        return drip(server) if received.path == "/" and len(server.received) == 1 else whole(BYTES)

    with RawServer(answer) as server:
        before = time.monotonic()
        assert fetch(server.url, FetchLimits(seconds=60)) == BYTES
        assert time.monotonic() - before < PATIENCE


def test_retries_share_the_deadline() -> None:
    def answer(_received: Received) -> Iterable[bytes]:
        yield from server.slowly(head(503, "Content-Length: 0"), seconds=0.01)

    with RawServer(answer) as server:
        before = time.monotonic()
        with pytest.raises(ImageError, match=r"did not arrive within 0\.5 s"):
            fetch(server.url, FetchLimits(seconds=0.5, tries=100))
        assert time.monotonic() - before < PATIENCE


def test_a_name_lookup_counts_and_can_be_canceled(monkeypatch: pytest.MonkeyPatch) -> None:
    lookup, over = threading.Event(), threading.Event()

    def look_up(*_arguments: object, **_options: object) -> list[object]:
        lookup.set()
        over.wait(PATIENCE)
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    stop = threading.Event()
    try:
        before = time.monotonic()
        with pytest.raises(ImageError, match=r"did not arrive within 0\.5 s"):
            fetch("http://images.example/a.jpg", SHORT)
        assert lookup.is_set()
        lookup.clear()

        def cancel() -> None:
            lookup.wait(PATIENCE)
            stop.set()

        threading.Thread(target=cancel).start()
        with pytest.raises(ImageError, match="canceled"):
            ImageFetcher().fetch(TaskImage("an-id", url="http://images.example/a.jpg"), stop=stop)
        assert time.monotonic() - before < PATIENCE
    finally:
        over.set()


def test_a_canceled_download_leaves_the_host() -> None:
    stop = threading.Event()

    def answer(_received: Received) -> Iterable[bytes]:
        stop.set()
        return drip_head(server)

    with RawServer(answer) as server:
        with pytest.raises(ImageError, match="canceled"):
            ImageFetcher().fetch(TaskImage("an-id", url=server.url), stop=stop)
        server.wait_until_left(1)


# TLS


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """The files of a certificate for this machine that nobody has signed, and of its key."""
    command = shutil.which("openssl")
    if command is None:
        pytest.skip("needs openssl")
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-out", str(certificate), "-keyout", str(key)]
    subprocess.run([command, "req", "-x509", *kind, *names, *files], check=True, capture_output=True)
    return certificate, key


def test_certificates_are_verified_and_the_deadline_holds(
    certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(received: Received) -> Iterable[bytes]:
        return whole(BYTES) if received.path == "/good" else drip_head(server)

    with RawServer(answer, certificate=certificate) as server:
        with pytest.raises(ImageError, match=r"connection to .* failed"):
            fetch(f"{server.url}/good", FetchLimits(tries=1))
        assert server.received == []
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate[0]))
        assert fetch(f"{server.url}/good") == BYTES
        with pytest.raises(ImageError, match=r"did not arrive within 0\.5 s"):
            fetch(server.url, FetchLimits(seconds=0.5))
        server.wait_until_left(1)


def test_a_handshake_that_never_ends_counts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # the system accepts the connection
        before = time.monotonic()
        with pytest.raises(ImageError, match=r"did not arrive within 0\.5 s"):
            fetch(f"https://127.0.0.1:{silent.getsockname()[1]}/", SHORT)
        assert time.monotonic() - before < PATIENCE
