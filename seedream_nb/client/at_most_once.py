"""Sends a paid request at most once, and reports an unknown outcome as such.

The service may have carried out a request as soon as any of its body was sent. From then on, only a clear answer
settles the outcome; everything else becomes an error that says how to look for the task.
"""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from seedream_nb.client.http import OutgoingBody, exchange, open_session
from seedream_nb.core.errors import (
    ConnectionFailedError,
    InterruptedRequest,
    NetworkError,
    OutcomeUnknownError,
    RateLimitedError,
    RequestTimeoutError,
    SeedreamError,
    ServerError,
    UnreadableAnswerError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedream_nb.client.http import Incoming, Timeouts
    from seedream_nb.client.settings import Settings

CLOCK_SKEW = timedelta(seconds=5)  # how far the service's clock may be behind ours

HTTP_REQUEST_TIMEOUT = 408  # some proxies answer so when it was the service that took too long
HTTP_TOO_MANY_REQUESTS = 429

_MAY_EXIST = "The request was sent, so the task may exist and may have been paid for."
_HOW_TO_LOOK = "Check before you send it again: %seedream history, or client.history(created_after=error.sent_at)."


@contextlib.contextmanager
def send_paid(settings: Settings, path: str, content: bytes, timeouts: Timeouts, *, accept: str) -> Iterator[Incoming]:
    """Sends one paid request, once, over a new connection.

    The service may have closed a kept-alive connection meanwhile, and whether a request over it arrived is unknown.

    Args:
        settings: The base URL and the token.
        path: The path after the base URL.
        content: The encoded JSON.
        timeouts: How long to wait.
        accept: The media type of the answer.

    Yields:
        The answer. An unreadable answer, raised within the `with` block, is an unknown outcome too.

    Raises:
        OutcomeUnknownError: The request was sent, and no clear answer came.
        InterruptedRequest: The request was sent, and then an interrupt came.
        NetworkError: The request was not sent.
        SeedreamError: The service clearly rejected the request.
    """
    sent_at = (datetime.now(timezone.utc) - CLOCK_SKEW).replace(microsecond=0)
    body = OutgoingBody(content)
    try:
        with (
            open_session(settings.base_url, 1) as session,
            exchange(session, settings, path, body, timeouts, accept=accept) as incoming,
        ):
            yield incoming
    except KeyboardInterrupt:
        if not body.was_sent:
            raise
        hint = _HOW_TO_LOOK.replace("error.sent_at", f"{sent_at.timestamp():.0f}")
        raise InterruptedRequest(f"Interrupted. {_MAY_EXIST}", hint=hint, sent_at=sent_at) from None
    except SeedreamError as error:
        if not body.was_sent or not is_unclear(error):
            raise
        raise _unknown_outcome(error, sent_at) from None


def is_unclear(error: SeedreamError) -> bool:
    """Whether a paid request may have been carried out despite this error, which came after it was sent."""
    return isinstance(error, (NetworkError, ServerError, UnreadableAnswerError)) or (
        error.status_code == HTTP_REQUEST_TIMEOUT
    )


def is_safe_to_resend(error: SeedreamError) -> bool:
    """Whether a paid request was certainly not carried out, and another attempt may help.

    That is so when no connection was made, and when the service answered that there were too many requests.
    """
    if isinstance(error, RateLimitedError):
        return error.status_code == HTTP_TOO_MANY_REQUESTS
    return isinstance(error, (ConnectionFailedError, RequestTimeoutError))


def _unknown_outcome(error: SeedreamError, sent_at: datetime) -> OutcomeUnknownError:
    unknown = OutcomeUnknownError(
        f"{error.message} {_MAY_EXIST}",
        hint=_HOW_TO_LOOK,
        code=error.code,
        status_code=error.status_code,
        trace_id=error.trace_id,
    )
    unknown.sent_at = sent_at
    return unknown
