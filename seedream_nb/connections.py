"""Why: how a connection to the API is made, as whom, and what it means when it fails, apart from when to try again."""

from __future__ import annotations

import io
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from seedream_nb.config import is_loopback
from seedream_nb.errors import ConnectionFailedError, NetworkError, RequestTimeoutError

if TYPE_CHECKING:
    from seedream_nb.config import Secret


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
        has_left: Whether a connection has begun to send it.
    """

    has_left = False

    def read(self, size: int | None = -1, /) -> bytes:
        """Hands out a part to be sent."""
        self.has_left = True
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
