"""Why: what is asked of the API is repeated where that is safe, and only there.

A question is free and is repeated when that may help. What costs money is sent again only when it has certainly not
arrived.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from seedream_nb.client.at_most_once import is_safe_to_resend, send_paid
from seedream_nb.client.http import JSON, NDJSON, OutgoingBody, Timeouts, exchange, open_session
from seedream_nb.core.errors import NetworkError, RateLimitedError, SeedreamError, ServerError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    import requests

    from seedream_nb.client.http import Incoming
    from seedream_nb.client.settings import Settings

Result = TypeVar("Result")


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

    def query(
        self,
        path: str,
        body: Mapping[str, object],
        *,
        stop: threading.Event | None = None,
        tries: int | None = None,
    ) -> object:
        """Sends a question that is safe to repeat, and repeats it when that may help.

        Args:
            path: The path behind the base URL, such as `/seedream/tasks`.
            body: The JSON to send.
            stop: When set by another thread, no further try is made.
            tries: How often it is sent at most, instead of what the retry policy says.

        Returns:
            The decoded answer.

        Raises:
            MissingTokenError: No token is set; nothing was sent.
            SeedreamError: What the service answered, or that no answer came, after the last try.
        """
        content = _encode(body)

        def send() -> object:
            with exchange(self._connected(), self.settings, path, OutgoingBody(content), self.timeouts) as incoming:
                return incoming.json()

        return self._repeat(send, _may_pass, stop or threading.Event(), tries or self.retries.tries)

    def submit(
        self, path: str, body: Mapping[str, object], read: Callable[[object], Result], *, is_slow: bool = False
    ) -> Result:
        """Sends what costs money. At most one request can ever have reached the service.

        Args:
            path: The path behind the base URL.
            body: The JSON to send.
            read: Makes the result of the decoded answer; an answer that it cannot read is an unclear one.
            is_slow: Whether the answer comes only when a picture is finished.

        Returns:
            The result.

        Raises:
            OutcomeUnknownError: No clear answer came; the request may have been carried out.
            InterruptedRequest: An interrupt came while the answer was waited for.
            SeedreamError: What the service answered, or that it could not be reached; nothing was carried out.
        """
        with self._send_paid(path, body, is_slow=is_slow) as incoming:
            return read(incoming.json())

    def stream(
        self, path: str, body: Mapping[str, object], read: Callable[[Iterator[str]], Iterator[Result]]
    ) -> Iterator[Result]:
        """Sends what costs money and is answered line by line, as `submit` does.

        Args:
            path: The path behind the base URL.
            body: The JSON to send.
            read: Makes results of the lines; lines that it cannot read are an unclear answer.

        Yields:
            The results as they come.

        Raises:
            OutcomeUnknownError: The lines broke off, or no clear answer came.
            InterruptedRequest: An interrupt came while a line was waited for.
            SeedreamError: What the service answered, or that it could not be reached; nothing was carried out.
        """
        with self._send_paid(path, body, accept=NDJSON, is_slow=True) as incoming:
            yield from read(incoming.lines())

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
                self._session = open_session(self.settings.base_url, self.connections)
            return self._session

    def _send_paid(
        self, path: str, body: Mapping[str, object], *, is_slow: bool, accept: str = JSON
    ) -> contextlib.AbstractContextManager[Incoming]:
        content = _encode(body)
        timeouts = replace(self.timeouts, read=self.timeouts.generate) if is_slow else self.timeouts

        def send() -> contextlib.AbstractContextManager[Incoming]:
            with contextlib.ExitStack() as stack:
                incoming = stack.enter_context(send_paid(self.settings, path, content, timeouts, accept=accept))
                return _Opened(incoming, stack.pop_all())

        return self._repeat(send, is_safe_to_resend, threading.Event(), self.retries.tries)

    def _repeat(
        self, send: Callable[[], Result], may_help: Callable[[SeedreamError], bool], stop: threading.Event, limit: int
    ) -> Result:
        tries = 0
        while True:
            tries += 1
            try:
                return send()
            except SeedreamError as error:
                if not may_help(error):
                    raise
                pause = self._pause_after(error, tries)
                if tries >= limit:
                    error.message += f" It was tried {tries} times." if tries > 1 else ""
                    raise
                failure = error
            # Outside of the handler, so that an interrupt of the pause shows no failure that came before it.
            if stop.wait(pause):
                raise failure

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


class _Opened:
    """A context that was entered already, so that entering it could be repeated."""

    def __init__(self, incoming: Incoming, context: contextlib.ExitStack) -> None:
        self._incoming = incoming
        self._context = context

    def __enter__(self) -> Incoming:
        return self._incoming

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        return self._context.__exit__(kind, error, traceback)


def _may_pass(error: SeedreamError) -> bool:
    return isinstance(error, (NetworkError, RateLimitedError, ServerError))


def _encode(body: Mapping[str, object]) -> bytes:
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as problem:
        raise UsageError(f"The request cannot be sent as JSON: {problem}.", hint="Nothing was sent.") from None
