"""Why: one request and its answer, so that the token goes in and comes out in a single place.

The token is added at the last moment and removed from whatever comes back; it never reaches another host, since
redirects are not followed.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from seedream_nb.core.errors import (
    ConnectionFailedError,
    EndpointNotFoundError,
    NetworkError,
    RequestTimeoutError,
    SeedreamError,
)
from seedream_nb.core.hosts import is_loopback
from seedream_nb.protocol.status_errors import read_answer, read_retry_after

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedream_nb.client.settings import Secret, Settings

JSON = "application/json"
NDJSON = "application/x-ndjson"


@dataclass(frozen=True)
class Timeouts:
    """How long to wait, in seconds.

    Attributes:
        connect: For the connection.
        read: For the next part of an answer.
        generate: As `read`, for an answer that comes only when a picture is finished, which takes one to two minutes.
    """

    connect: float = 10.0
    read: float = 60.0
    generate: float = 300.0


class OutgoingBody(io.BytesIO):
    """A request's body that knows whether any of it has left.

    As long as nothing has, there was no connection, and no server can have acted on the request.

    Attributes:
        was_sent: Whether a connection has begun to send it.
    """

    was_sent = False

    def read(self, size: int | None = -1, /) -> bytes:
        """Hands out a part to be sent."""
        self.was_sent = True
        return super().read(size)


class Bearer(AuthBase):
    """Sets the header when a request leaves; as an `auth` it also keeps a `.netrc` file from replacing the token."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Sets the header; called by requests."""
        request.headers["authorization"] = f"Bearer {self._token.reveal()}"
        return request


def open_session(base_url: str, connections: int) -> requests.Session:
    """A session for one base URL that keeps no cookies and is safe to share between threads."""
    session = requests.Session()
    session.mount(base_url, HTTPAdapter(pool_connections=1, pool_maxsize=connections, pool_block=True))
    # Without cookies nothing in the session changes after this, so that threads can share it.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # A proxy of the environment cannot reach this machine's loopback addresses.
    session.trust_env = not is_loopback(base_url)
    return session


@contextlib.contextmanager
def exchange(
    session: requests.Session,
    settings: Settings,
    path: str,
    body: OutgoingBody,
    timeouts: Timeouts,
    *,
    accept: str = JSON,
) -> Iterator[Incoming]:
    """Sends one request, once, and hands out its answer while that arrives.

    Args:
        session: The connections to use.
        settings: Where to send, and as whom.
        path: The path behind the base URL.
        body: JSON as bytes.
        timeouts: How long to wait.
        accept: The kind of answer that is wanted.

    Yields:
        The answer, of which the status was good.

    Raises:
        MissingTokenError: No token is set; nothing was sent.
        NetworkError: No answer came, or it broke off while it was read.
        SeedreamError: What the service answered.
    """
    token = settings.require_token()
    host = urlsplit(settings.base_url).netloc
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
            incoming = Incoming(response, token)
            incoming.check(host)
            yield incoming
    except KeyboardInterrupt:
        # Raised anew, as the frames below hold the token and a verbose traceback prints what frames hold.
        raise KeyboardInterrupt from None
    except (requests.RequestException, urllib3.exceptions.HTTPError) as problem:
        raise describe_failure(problem, host, timeouts) from None


class Incoming:
    """An answer that arrives.

    Args:
        response: Its status and headers, and the connection that brings the body.
        token: What is removed from the body.
    """

    def __init__(self, response: requests.Response, token: Secret) -> None:
        self._response = response
        self._token = token

    def check(self, host: str) -> None:
        """Raises when the status is not a good one."""
        if self._response.is_redirect:
            raise EndpointNotFoundError(
                f"{host} sends the request on to another address, which is not followed as the token would go along.",
                hint="Set the base URL to the API's own address (%seedream config shows it).",
                status_code=self._response.status_code,
            )
        if not 200 <= self._response.status_code < 300:  # noqa: PLR2004  the good statuses of HTTP
            self.json()

    def json(self) -> object:
        """Reads the whole body.

        Returns:
            The decoded JSON.

        Raises:
            SeedreamError: What the service answered, or that it cannot be read.
        """
        text = self._clean(self._response.content)
        try:
            return read_answer(self._response.status_code, text)
        except SeedreamError as error:
            error.retry_after = read_retry_after(self._response.headers.get("Retry-After"))
            raise

    def lines(self) -> Iterator[str]:
        """Yields each line of the body as soon as it has come, the last one also when its end is missing."""
        parts: list[bytes] = []
        for chunk in self._response.iter_content(None):
            first, *others = chunk.split(b"\n")
            parts.append(first)
            for other in others:
                yield self._clean(b"".join(parts))
                parts = [other]
        yield self._clean(b"".join(parts))

    def _clean(self, content: bytes) -> str:
        return self._token.remove_from(content.decode("utf-8-sig", "replace"))


def describe_failure(problem: Exception, host: str, timeouts: Timeouts) -> NetworkError:
    """What a failure of the libraries below means to a user.

    Args:
        problem: An exception of requests or urllib3.
        host: Whom the request was for.
        timeouts: Those of the request.

    Returns:
        The error that says so.
    """
    if isinstance(problem, requests.ConnectTimeout):
        return RequestTimeoutError(
            f"No connection to {host} within {timeouts.connect:g} s.",
            hint="Check the network and any proxy, then try again.",
        )
    text = repr(problem)
    # An answer that stalls half-way is a connection error to requests, with the timeout inside.
    if isinstance(problem, requests.Timeout) or "Read timed out" in text:
        return RequestTimeoutError(
            f"{host} did not answer within {timeouts.read:g} s.",
            hint="Try again, or allow more time with SeedreamClient(timeouts=Timeouts(read=…)).",
        )
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return ConnectionFailedError(
            f"The certificate of {host} cannot be trusted.",
            hint="Check the base URL; behind a company proxy, point REQUESTS_CA_BUNDLE to its certificate.",
        )
    if isinstance(problem, requests.exceptions.SSLError):
        return ConnectionFailedError(
            f"No secure connection to {host} can be made.", hint="Check whether the base URL should begin with http://."
        )
    if isinstance(problem, requests.exceptions.ProxyError):
        return ConnectionFailedError(
            f"The proxy on the way to {host} failed.", hint="Check HTTPS_PROXY and NO_PROXY in the environment."
        )
    if "NameResolution" in text:
        what = f"The name {host} cannot be resolved."
    elif "refused" in text:
        what = f"{host} refused the connection."
    else:
        what = f"The connection to {host} broke before the answer was complete."
    return ConnectionFailedError(what, hint="Check the network and the base URL, then try again.")
