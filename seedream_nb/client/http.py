"""One request and its answer: the only place where the token leaves.

The token is added at the last moment and removed from whatever comes back. It never reaches another host, as redirects
are not followed.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from seedream_nb.core.errors import (
    ConnectionFailedError,
    NetworkError,
    RequestTimeoutError,
    SeedreamError,
    UnreadableAnswerError,
)
from seedream_nb.core.foreign import is_loopback
from seedream_nb.protocol.status_errors import (
    ANSWER_TOO_LARGE,
    is_non_answer,
    read_answer,
    read_retry_after,
    to_non_answer,
)
from seedream_nb.protocol.stream_events import read_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedream_nb.client.settings import Secret, Settings

JSON = "application/json"
NDJSON = "application/x-ndjson"

MEBIBYTE = 1024 * 1024
PART_BYTES = 256 * 1024


@dataclass(frozen=True)
class Timeouts:
    """Timeouts in seconds.

    Attributes:
        connect: For the connection.
        read: For the next part of an answer.
        generate: As `read`, for an answer that comes only when an image is finished, which takes one to two minutes.

    Example:
        >>> patient = SeedreamClient(sandbox.token, sandbox.url, timeouts=Timeouts(connect=30, read=120))
    """

    connect: float = 10.0
    read: float = 60.0
    generate: float = 300.0


class OutgoingBody(io.BytesIO):
    """A request's body that knows whether any of it was sent.

    As long as none was, there was no connection, and no server can have acted on the request.

    Attributes:
        was_sent: Whether a connection has begun to send it.
    """

    was_sent = False

    def read(self, size: int | None = -1, /) -> bytes:
        """Returns the next part to send."""
        self.was_sent = True
        return super().read(size)


class Bearer(AuthBase):
    """Sets the header when a request is sent; as an `auth` it also keeps a `.netrc` file from replacing the token."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sets the header; called by requests."""
        request.headers["authorization"] = f"Bearer {self._token.reveal()}"
        return request


class _Session(requests.Session):
    """A session that takes a redirect for an answer.

    Also with `allow_redirects=False`, requests reads the whole body of a redirect, and computes the next request from
    whatever its `Location` holds.
    """

    def get_redirect_target(self, _response: requests.Response) -> None:
        """None, so that there is nothing to follow; called by requests."""


class _UsedOnce(HTTPConnectionPool):
    """Connections over which a single request is sent."""

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.close()


class _UsedOnceWithTls(HTTPSConnectionPool):
    """The same with TLS."""

    def _put_conn(self, conn: Any) -> None:
        if conn is not None:
            conn.close()


class _NewConnections(HTTPAdapter):
    """Sends each request over a new connection."""

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        """Called by requests."""
        super().init_poolmanager(*arguments, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _UsedOnce, "https": _UsedOnceWithTls}

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        """Called by requests."""
        manager = super().proxy_manager_for(proxy, **options)
        manager.pool_classes_by_scheme = {"http": _UsedOnce, "https": _UsedOnceWithTls}
        return manager


def open_session(base_url: str, connections: int | None) -> requests.Session:
    """A session for one base URL that stores no cookies and can be shared between threads.

    Args:
        base_url: The base URL.
        connections: Maximum number of connections, which are kept open; None for a new one for each request.
    """
    session = _Session()
    if connections is None:
        session.mount(base_url, _NewConnections(pool_connections=1))
    else:
        session.mount(base_url, HTTPAdapter(pool_connections=1, pool_maxsize=connections, pool_block=True))
    # Without cookies nothing in the session changes after this, so that threads can share it.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # A proxy of the environment cannot reach this machine's loopback addresses.
    session.trust_env = not is_loopback(base_url)
    return session


def exchange(
    session: requests.Session,
    settings: Settings,
    path: str,
    body: OutgoingBody,
    timeouts: Timeouts,
    *,
    max_bytes: int,
    accept: str = JSON,
) -> Iterator[object]:
    """Sends one request, once, and yields what the service answers.

    Args:
        session: The connections to use.
        settings: The base URL and the token.
        path: The path after the base URL.
        body: The encoded JSON.
        timeouts: How long to wait.
        max_bytes: The largest answer to read.
        accept: The media type of the answer.

    Yields:
        The decoded answer of a success; with `NDJSON`, each line as soon as it has arrived, None if it is no JSON.

    Raises:
        MissingTokenError: No token is set; nothing was sent.
        NetworkError: No answer came, or it broke off.
        SeedreamError: What the service answered.
        BaseException: Whatever else came meanwhile, such as an interrupt.
    """
    token = settings.require_token()
    host = urlsplit(settings.base_url).netloc
    failure: BaseException
    try:
        with session.post(
            settings.base_url + path,
            data=body,
            headers={"accept": accept, "content-type": JSON},
            auth=Bearer(token),
            timeout=(timeouts.connect, timeouts.read),
            allow_redirects=False,
            stream=True,
        ) as response:
            yield from _read(response, host, token, accept, max_bytes)
    except (requests.RequestException, urllib3.exceptions.HTTPError) as problem:
        failure = describe_failure(problem, host, timeouts)
    except BaseException as problem:  # noqa: BLE001  raised again below
        failure = problem
    else:
        return
    # The frames below hold the token, and a verbose traceback prints what frames hold. Raised outside the handlers, as
    # these would add what they handle.
    failure.__cause__ = failure.__context__ = None
    try:
        raise failure.with_traceback(None)
    finally:
        del failure  # it refers to this frame


def _read(response: requests.Response, host: str, token: Secret, accept: str, max_bytes: int) -> Iterator[object]:
    status_code = response.status_code
    if is_non_answer(status_code):
        raise to_non_answer(status_code, host)
    parts = _read_parts(response, host, max_bytes)
    if accept == NDJSON and status_code < 300:  # noqa: PLR2004  a success
        for line in _split_lines(parts):
            yield read_line(line.decode("utf-8-sig", "replace"), token.remove_from)
        return
    text = b"".join(parts).decode("utf-8-sig", "replace")
    try:
        answer = read_answer(status_code, text, token.remove_from)
    except SeedreamError as error:
        error.retry_after = read_retry_after(response.headers.get("Retry-After"))
        raise
    yield answer


def _read_parts(response: requests.Response, host: str, max_bytes: int) -> Iterator[bytes]:
    """Yields what has arrived of a body, unpacked piece by piece, up to a limit."""
    size = 0
    while part := response.raw.read1(PART_BYTES, decode_content=True):
        size += len(part)
        if size > max_bytes:
            raise UnreadableAnswerError(
                f"The answer of {host} is larger than {max_bytes // MEBIBYTE} MB; the rest was not read.",
                hint="Query fewer tasks at a time. If it was a single one, check the base URL and any proxy.",
                code=ANSWER_TOO_LARGE,
                status_code=response.status_code,
            )
        yield part


def _split_lines(parts: Iterator[bytes]) -> Iterator[bytes]:
    """Yields each line as soon as it is complete, the last one also without its line end."""
    pieces: list[bytes] = []
    for part in parts:
        first, *others = part.split(b"\n")
        pieces.append(first)
        for other in others:
            yield b"".join(pieces)
            pieces = [other]
    yield b"".join(pieces)


def describe_failure(problem: Exception, host: str, timeouts: Timeouts) -> NetworkError:
    """Converts an exception of requests or urllib3 to an error in a user's terms."""
    if isinstance(problem, requests.ConnectTimeout):
        return RequestTimeoutError(
            f"No connection to {host} within {timeouts.connect:g} s.",
            hint="Check the network and any proxy, then try again.",
        )
    text = repr(problem)
    # To requests, an answer that stalls half-way is a connection error with the timeout inside.
    if isinstance(problem, requests.Timeout) or "Read timed out" in text:
        return RequestTimeoutError(
            f"{host} did not answer within {timeouts.read:g} s.",
            hint="Try again, or allow more time with SeedreamClient(timeouts=Timeouts(read=…)).",
        )
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return ConnectionFailedError(
            f"Can't verify the certificate of {host}.",
            hint="Check the base URL. Behind a company proxy, set REQUESTS_CA_BUNDLE to its certificate.",
        )
    if isinstance(problem, requests.exceptions.SSLError):
        return ConnectionFailedError(
            f"Can't make a secure connection to {host}.", hint="Check whether the base URL should start with http://."
        )
    if isinstance(problem, requests.exceptions.ProxyError):
        return ConnectionFailedError(
            f"The proxy for {host} failed.", hint="Check HTTPS_PROXY and NO_PROXY in the environment."
        )
    if "NameResolution" in text:
        what = f"Can't resolve the host name {host}."
    elif "refused" in text:
        what = f"{host} refused the connection."
    else:
        what = f"The connection to {host} broke before the answer was complete."
    return ConnectionFailedError(what, hint="Check the network and the base URL, then try again.")
