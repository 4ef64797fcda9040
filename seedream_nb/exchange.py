"""Why: one request and its answer, so that the token goes in and comes out in a single place.

The token is added at the last moment and removed from whatever comes back; it never reaches another host, since
redirects are not followed.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
import urllib3

from seedream_nb.answers import read_answer, read_retry_after
from seedream_nb.connections import Bearer, describe_failure
from seedream_nb.errors import EndpointNotFoundError, SeedreamError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedream_nb.config import Secret, Settings
    from seedream_nb.connections import OutgoingBody, Timeouts

JSON = "application/json"
NDJSON = "application/x-ndjson"


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
