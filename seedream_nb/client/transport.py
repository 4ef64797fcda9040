"""Sends requests to the API and retries them: a query if that may help, a paid request only if it was not processed."""

from __future__ import annotations

import itertools
import json
import os
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from seedream_nb.client.at_most_once import is_safe_to_resend, send_paid
from seedream_nb.client.http import JSON, NDJSON, OutgoingBody, Timeouts, exchange, open_session
from seedream_nb.client.rate_gate import Ticket, gate_of
from seedream_nb.core.errors import (
    AuthenticationError,
    BalanceUsedUpError,
    BudgetExceededError,
    EndpointNotFoundError,
    NetworkError,
    RateLimitedError,
    SeedreamError,
    ServerError,
    SettingsError,
    UsageError,
)
from seedream_nb.protocol.responses import max_answer_bytes
from seedream_nb.protocol.status_errors import is_non_answer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import requests

    from seedream_nb.client.rate_gate import RateGate
    from seedream_nb.client.settings import Settings

Result = TypeVar("Result")

Pause = Callable[[float], object]
"""Waits a number of seconds. Returns something true to end the retries, or raises an error of its own."""

TRANSIENT_ERRORS = (NetworkError, RateLimitedError, ServerError)
"""Failures that a query may not meet again."""

FATAL_ERRORS = (
    SettingsError,
    AuthenticationError,
    BalanceUsedUpError,
    BudgetExceededError,
    EndpointNotFoundError,
)
"""Failures that every further request would meet too: they abort a batch."""


def aborts_batch(error: SeedreamError) -> bool:
    """Whether every further request would fail like this one: they are better left unsent."""
    if isinstance(error, RateLimitedError):
        return error.outlasts_retries
    # A redirect of one request is one of all.
    return isinstance(error, FATAL_ERRORS) or is_non_answer(error.status_code)


@dataclass(frozen=True)
class RetryPolicy:
    """How often to retry, and how long to back off.

    Attributes:
        tries: Maximum number of attempts, including the first.
        first_pause: Seconds before the second attempt; doubled for each further one, with jitter.
        longest_pause: Maximum seconds to wait, also when the service sends a `Retry-After`.

    Example:
        >>> patient = SeedreamClient(sandbox.token, sandbox.url, retries=RetryPolicy(tries=8, longest_pause=120))
    """

    tries: int = 4
    first_pause: float = 0.5
    longest_pause: float = 60.0

    def pause(self, failures: int) -> float:
        """Seconds to wait after this many failures: between half of the exponential step and the whole of it.

        Example:
            >>> 1.0 <= RetryPolicy(first_pause=0.5).pause(3) <= 2.0
            True
        """
        step = self.first_pause * 2.0 ** (failures - 1)
        return min(self.longest_pause, step * random.uniform(0.5, 1.0))  # noqa: S311  jitter, not cryptography

    def run(
        self, send: Callable[[], Result], may_retry: Callable[[SeedreamError], bool], ticket: Ticket, pause: Pause
    ) -> Result:
        """Sends a request, and sends it again as long as that is safe and may help.

        Args:
            send: Sends the request once.
            may_retry: Whether to retry after an error.
            ticket: Waits at the gate before each attempt.
            pause: Does the waiting.

        Returns:
            What `send` returned.

        Raises:
            SeedreamError: The last failure.
        """
        tries, seconds = 0, 0.0
        failure: SeedreamError | None = None
        while True:
            # Outside the handler, so that an interrupt during the pause does not show the failure before it.
            if ticket.wait(pause, seconds):
                raise failure or NetworkError("The request was not sent, because the work was stopped.")
            tries += 1
            try:
                result = send()
                ticket.accepted()
                return result  # noqa: TRY300  only `send` fails
            except SeedreamError as error:
                is_limited = isinstance(error, RateLimitedError)
                if not is_limited and not may_retry(error):
                    raise
                chosen = self._seconds_until_retry(error, tries)
                if is_limited and ticket.rejected(chosen or 0.0):
                    tries = 0
                if chosen is None or not may_retry(error):
                    raise
                if tries >= self.tries:
                    error.message += f" Gave up after {tries} attempts." if tries > 1 else ""
                    raise
                # After a rejection, everybody pauses, at the gate.
                failure, seconds = error, 0.0 if is_limited else chosen

    def _seconds_until_retry(self, error: SeedreamError, tries: int) -> float | None:
        """Seconds to pause; None if the service asks for more than is ever waited."""
        if error.retry_after is None:
            return self.pause(tries)
        if error.retry_after <= self.longest_pause:
            return error.retry_after
        error.hint = (
            f"The service asks to wait {error.retry_after:.0f} s, longer than the limit of {self.longest_pause:.0f} s. "
            "Try again after that."
        )
        if isinstance(error, RateLimitedError):
            error.outlasts_retries = True
        return None


class Transport:
    """Sends JSON to the API and returns decoded JSON, or raises a `SeedreamError`.

    Can be shared between threads. A pickled or forked copy opens its own connections. Everything that it sends passes
    the gate of its account, which all transports of the process share.

    Args:
        settings: The base URL and the token.
        timeouts: How long to wait for an answer.
        retries: How often to retry.
        connections: Maximum number of connections kept open.
        per_second: Maximum number of requests in any second, for all transports of the account; see `gate_of`.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        timeouts: Timeouts | None = None,
        retries: RetryPolicy | None = None,
        connections: int = 8,
        per_second: float | None = None,
    ) -> None:
        self.settings = settings
        self.timeouts = timeouts or Timeouts()
        self.retries = retries or RetryPolicy()
        self.connections = connections
        self.per_second = per_second
        self._session: requests.Session | None = None
        self._paid_session: requests.Session | None = None
        self._reset()

    @property
    def gate(self) -> RateGate:
        """The gate of the account."""
        self._leave_parent_process()
        return self._gate

    def query(
        self,
        path: str,
        body: Mapping[str, object],
        *,
        pause: Pause = time.sleep,
        tries: int | None = None,
    ) -> object:
        """Sends a free request, and retries it when that may help.

        Args:
            path: The path after the base URL, such as `/seedream/tasks`.
            body: The JSON to send.
            pause: Waits, at the gate and before another attempt.
            tries: Maximum number of attempts, instead of the retry policy's.

        Returns:
            The decoded answer.

        Raises:
            MissingTokenError: No token is set; nothing was sent.
            SeedreamError: What the service answered, or that no answer came, after the last attempt.
        """
        content = encode(body)
        retries = self.retries if tries is None else replace(self.retries, tries=tries)

        def send() -> object:
            session, sent = self._connected(), OutgoingBody(content)
            (answer,) = exchange(session, self.settings, path, sent, self.timeouts, max_bytes=max_answer_bytes(body))
            return answer

        return retries.run(send, lambda error: isinstance(error, TRANSIENT_ERRORS), Ticket(self.gate), pause)

    def submit(
        self,
        path: str,
        body: Mapping[str, object],
        read: Callable[[Iterator[object]], Iterator[Result]],
        *,
        is_slow: bool = False,
        pause: Pause = time.sleep,
        ticket: Ticket,
    ) -> Iterator[Result]:
        """Sends a paid request when the first result is requested. It reaches the service at most once.

        Args:
            path: The path after the base URL.
            body: The JSON to send; with `stream`, it is answered line by line.
            read: Converts the decoded answer, or the decoded lines; when it cannot, the outcome is unknown.
            is_slow: Whether the answer comes only when an image is finished.
            pause: Waits, at the gate and before an attempt after one that certainly did not arrive.
            ticket: Its ticket, which leaves the gate when it fails; otherwise the caller makes it leave.

        Yields:
            What `read` yields.

        Raises:
            OutcomeUnknownError: No clear answer came; the request may have been carried out.
            InterruptedRequest: An interrupt came while waiting for the answer.
            SeedreamError: What the service answered, or that it could not be reached; nothing was carried out.
        """
        content, max_bytes = encode(body), max_answer_bytes(body)
        timeouts = replace(self.timeouts, read=self.timeouts.generate) if is_slow else self.timeouts
        accept = NDJSON if body.get("stream") else JSON

        def send() -> Iterator[Result]:
            session = self._connected(for_paid=True)
            results = send_paid(
                session, self.settings, path, content, read, timeouts=timeouts, accept=accept, max_bytes=max_bytes
            )
            # Nothing is sent before the first result is requested.
            return itertools.chain(list(itertools.islice(results, 1)), results)

        try:
            yield from self.retries.run(send, is_safe_to_resend, ticket, pause)
        except BaseException:
            ticket.leave()
            raise

    def close(self) -> None:
        """Closes all connections; the next request opens new ones."""
        self._leave_parent_process()
        with self._lock:
            sessions = [self._session, self._paid_session]
            self._session = self._paid_session = None
        for session in filter(None, sessions):
            session.close()

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if not name.startswith("_")}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.per_second = None  # of copies by earlier versions
        self.__dict__.update(state)
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.Lock()
        self._session = None
        self._paid_session = None
        self._process = os.getpid()
        self._gate = gate_of(self.settings, self.per_second)

    def _leave_parent_process(self) -> None:
        """A forked child must not share its parent's sockets, nor a lock that the parent may hold."""
        if self._process != os.getpid():
            self._reset()

    def _connected(self, *, for_paid: bool = False) -> requests.Session:
        self._leave_parent_process()
        with self._lock:
            if for_paid:
                self._paid_session = self._paid_session or open_session(self.settings.base_url, None)
                return self._paid_session
            if self._session is None:
                self._session = open_session(self.settings.base_url, self.connections)
            return self._session


def encode(body: Mapping[str, object]) -> bytes:
    """Encodes a request's body as JSON.

    Raises:
        UsageError: It holds something that JSON cannot express.
    """
    try:
        return json.dumps(body, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as problem:
        raise UsageError(f"The request cannot be sent as JSON: {problem}.", hint="Nothing was sent.") from None
