"""One request and its answer: the only place where the token leaves.

The token is added at the last moment and removed from whatever comes back. It never reaches another host, as redirects
are not followed.
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
from seedream_nb.core.foreign import is_loopback
from seedream_nb.protocol.status_errors import read_answer, read_retry_after

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedream_nb.client.settings import Secret, Settings

JSON = "application/json"
NDJSON = "application/x-ndjson"


@dataclass(frozen=True)
class Timeouts:
    """Timeouts in seconds.

    Attributes:
        connect: For the connection.
        read: For the next part of an answer.
        generate: As `read`, for an answer that comes only when an image is finished, which takes one to two minutes.
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


def open_session(base_url: str, connections: int) -> requests.Session:
    """A session for one base URL that stores no cookies and can be shared between threads."""
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
    """Sends one request, once, and yields its answer while that arrives.

    Args:
        session: The connections to use.
        settings: The base URL and the token.
        path: The path after the base URL.
        body: The encoded JSON.
        timeouts: How long to wait.
        accept: The media type of the answer.

    Yields:
        The answer, whose status is a success.

    Raises:
        MissingTokenError: No token is set; nothing was sent.
        NetworkError: No answer came, or it broke off.
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
    """An arriving answer.

    Args:
        response: Its status and headers, and the connection of its body.
        token: Removed from the body.
    """

    def __init__(self, response: requests.Response, token: Secret) -> None:
        self._response = response
        self._token = token

    def check(self, host: str) -> None:
        """Raises an error unless the status is a success."""
        if self._response.is_redirect:
            raise EndpointNotFoundError(
                f"{host} redirects to another address. Redirects are not followed, to keep the token from other hosts.",
                hint="Set the base URL to the API's own address (check it with %seedream config).",
                status_code=self._response.status_code,
            )
        if not 200 <= self._response.status_code < 300:  # noqa: PLR2004  success statuses
            self.json()

    def json(self) -> object:
        """Reads the whole body.

        Returns:
            The decoded JSON.

        Raises:
            SeedreamError: What the service answered, or that the answer is unreadable.
        """
        text = self._clean(self._response.content)
        try:
            return read_answer(self._response.status_code, text)
        except SeedreamError as error:
            error.retry_after = read_retry_after(self._response.headers.get("Retry-After"))
            raise

    def lines(self) -> Iterator[str]:
        """Yields each line of the body as soon as it arrives, the last one also without its line end."""
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
