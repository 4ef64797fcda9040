"""Why: the only room that talks to the API, so that timeouts, retries and the token are handled in one place.

The token is added at the last moment and removed from whatever comes back; it never reaches another host, since
redirects are not followed. Only questions that are safe to repeat are repeated.
"""

from __future__ import annotations

import os
import random
import threading
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from seedream_nb.answers import read_answer, read_retry_after
from seedream_nb.config import is_loopback
from seedream_nb.errors import (
    ConnectionFailedError,
    EndpointNotFoundError,
    NetworkError,
    RateLimitedError,
    RequestTimeoutError,
    SeedreamError,
    ServerError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedream_nb.config import Secret, Settings


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how patiently a question that is safe to repeat is asked again.

    Attributes:
        tries: How often it is sent at most, the first time included.
        first_pause: Seconds before the second try; doubled for each further one, with jitter.
        longest_pause: The most seconds that a `Retry-After` of the service is waited for.
    """

    tries: int = 4
    first_pause: float = 0.5
    longest_pause: float = 60.0

    def pause(self, failures: int) -> float:
        """Seconds to wait after this many failures, between half of the exponential step and the whole of it."""
        step = self.first_pause * 2.0 ** (failures - 1)
        return min(self.longest_pause, step * random.uniform(0.5, 1.0))  # noqa: S311  jitter, not cryptography


@dataclass(frozen=True)
class Timeouts:
    """How long to wait, in seconds.

    Attributes:
        connect: For the connection.
        read: For the next part of an answer.
    """

    connect: float = 10.0
    read: float = 60.0


class Transport:
    """Sends JSON to the API and returns decoded JSON, or raises an error of the tree.

    Safe to share between threads. A copy that was pickled or forked makes its own connections.

    Args:
        settings: Where to send, and as whom.
        timeouts: How long to wait for an answer.
        retries: How to repeat.
        connections: How many connections are kept open.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        timeouts: Timeouts | None = None,
        retries: RetryPolicy | None = None,
        connections: int = 8,
    ) -> None:
        self.settings = settings
        self.timeouts = timeouts or Timeouts()
        self.retries = retries or RetryPolicy()
        self.connections = connections
        self._session: requests.Session | None = None
        self._reset()

    def ask(self, path: str, body: Mapping[str, object], *, stop: threading.Event | None = None) -> object:
        """Sends a question that is safe to repeat, and repeats it when that may help.

        Args:
            path: The path behind the base URL, such as `/seedream/tasks`.
            body: The JSON to send.
            stop: When set by another thread, no further try is made.

        Returns:
            The decoded answer.

        Raises:
            MissingTokenError: No token is set; nothing was sent.
            SeedreamError: What the service answered, or that no answer came, after the last try.
        """
        stop = stop or threading.Event()
        tries = 0
        while True:
            tries += 1
            try:
                return self._send(path, body)
            except (NetworkError, RateLimitedError, ServerError) as error:
                pause = self._pause_after(error, tries)
                if tries >= self.retries.tries:
                    error.message += f" It was tried {tries} times." if tries > 1 else ""
                    raise
                failure = error
            # Outside of the handler, so that an interrupt of the pause shows no failure that came before it.
            if stop.wait(pause):
                raise failure

    def close(self) -> None:
        """Closes all connections; the next question opens new ones."""
        self._leave_parent_process()
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_")}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._session = None
        self._process = os.getpid()

    def _leave_parent_process(self) -> None:
        """A forked child must not share its parent's sockets, nor a lock that the parent may hold."""
        if self._process != os.getpid():
            self._reset()

    def _connected(self) -> requests.Session:
        self._leave_parent_process()
        with self._lock:
            if self._session is None:
                self._session = _open_session(self.settings.base_url, self.connections)
            return self._session

    def _pause_after(self, error: SeedreamError, tries: int) -> float:
        if error.retry_after is None:
            return self.retries.pause(tries)
        if error.retry_after > self.retries.longest_pause:
            error.hint = (
                f"The service asks to wait {error.retry_after:.0f} s, more than the {self.retries.longest_pause:.0f} s "
                "that are waited for: try again after that time."
            )
            raise error
        return error.retry_after

    def _send(self, path: str, body: Mapping[str, object]) -> object:
        token = self.settings.require_token()
        host = urlsplit(self.settings.base_url).netloc
        try:
            response = self._connected().post(
                self.settings.base_url + path,
                json=body,
                headers={"accept": "application/json"},
                auth=_Bearer(token),
                timeout=(self.timeouts.connect, self.timeouts.read),
                allow_redirects=False,
            )
            text = token.remove_from(response.content.decode("utf-8-sig", "replace"))
        except KeyboardInterrupt:
            # Raised anew, as the frames below hold the token and a verbose traceback prints what frames hold.
            raise KeyboardInterrupt from None
        except (requests.RequestException, urllib3.exceptions.HTTPError) as problem:
            raise _network_error(problem, host, self.timeouts) from None
        if response.is_redirect:
            raise EndpointNotFoundError(
                f"{host} sends the request on to another address, which is not followed as the token would go along.",
                hint="Set the base URL to the API's own address (%seedream config shows it).",
                status_code=response.status_code,
            )
        try:
            return read_answer(response.status_code, text)
        except SeedreamError as error:
            error.retry_after = read_retry_after(response.headers.get("Retry-After"))
            raise


class _Bearer(AuthBase):
    """Sets the header when a request leaves; as an `auth` it also keeps a `.netrc` file from replacing the token."""

    def __init__(self, token: Secret) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["authorization"] = f"Bearer {self._token.reveal()}"
        return request


def _open_session(base_url: str, connections: int) -> requests.Session:
    session = requests.Session()
    session.mount(base_url, HTTPAdapter(pool_connections=1, pool_maxsize=connections, pool_block=True))
    # Without cookies nothing in the session changes after this, so that threads can share it.
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    # A proxy of the environment cannot reach this machine's loopback addresses.
    session.trust_env = not is_loopback(base_url)
    return session


def _network_error(problem: Exception, host: str, timeouts: Timeouts) -> NetworkError:
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
