"""Which failures are worth a retry, how long to back off, and which failures end a whole batch."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from seedream_nb.core.errors import (
    AuthenticationError,
    BalanceUsedUpError,
    EndpointNotFoundError,
    NetworkError,
    RateLimitedError,
    SeedreamError,
    ServerError,
    SettingsError,
)

Result = TypeVar("Result")

Pause = Callable[[float], object]
"""Waits a number of seconds. Returns something true to end the retries, or raises an error of its own."""

TRANSIENT_ERRORS = (NetworkError, RateLimitedError, ServerError)
"""Failures that a query may not meet again."""

FATAL_ERRORS = (SettingsError, AuthenticationError, BalanceUsedUpError, EndpointNotFoundError)
"""Failures that every further request would meet too: they abort a batch."""


@dataclass(frozen=True)
class RetryPolicy:
    """How often to retry, and how long to back off.

    Attributes:
        tries: Maximum number of attempts, including the first.
        first_pause: Seconds before the second attempt; doubled for each further one, with jitter.
        longest_pause: Maximum seconds to wait, also when the service sends a `Retry-After`.
    """

    tries: int = 4
    first_pause: float = 0.5
    longest_pause: float = 60.0

    def pause(self, failures: int) -> float:
        """Seconds to wait after this many failures: between half of the exponential step and the whole of it."""
        step = self.first_pause * 2.0 ** (failures - 1)
        return min(self.longest_pause, step * random.uniform(0.5, 1.0))  # noqa: S311  jitter, not cryptography

    def run(self, send: Callable[[], Result], may_retry: Callable[[SeedreamError], bool], pause: Pause) -> Result:
        """Sends a request, and sends it again as long as that is safe and may help.

        Args:
            send: Sends the request once.
            may_retry: Whether to retry after an error.
            pause: Waits before the next attempt.

        Returns:
            What `send` returned.

        Raises:
            SeedreamError: The last failure.
        """
        tries = 0
        while True:
            tries += 1
            try:
                return send()
            except SeedreamError as error:
                if not may_retry(error):
                    raise
                seconds = self._seconds_until_retry(error, tries)
                if tries >= self.tries:
                    error.message += f" Gave up after {tries} attempts." if tries > 1 else ""
                    raise
                failure = error
            # Outside the handler, so that an interrupt during the pause does not show the failure before it.
            if pause(seconds):
                raise failure

    def _seconds_until_retry(self, error: SeedreamError, tries: int) -> float:
        if error.retry_after is None:
            return self.pause(tries)
        if error.retry_after > self.longest_pause:
            error.hint = (
                f"The service asks to wait {error.retry_after:.0f} s, longer than the limit of "
                f"{self.longest_pause:.0f} s. Try again after that."
            )
            raise error
        return error.retry_after
