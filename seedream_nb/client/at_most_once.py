"""Sends a paid request at most once, and reports an unknown outcome as such.

The service may have carried out a request as soon as any of its body was sent. From then on, only a clear answer
settles the outcome; everything else becomes an error that says how to look for the task.
"""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, TypeVar

from seedream_nb.client.http import OutgoingBody, exchange
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
from seedream_nb.protocol.status_errors import is_non_answer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import requests

    from seedream_nb.client.http import Timeouts
    from seedream_nb.client.settings import Settings

Result = TypeVar("Result")

CLOCK_SKEW = timedelta(seconds=5)  # how far the service's clock may be behind ours

HTTP_REQUEST_TIMEOUT = 408  # some proxies answer so when it was the service that took too long
HTTP_TOO_MANY_REQUESTS = 429

_MAY_EXIST = "The request was sent, so the task may exist and may have been paid for."
_HOW_TO_LOOK = "Check before you send it again: %seedream history, or client.history(created_after=error.sent_at)."


class WithdrawnError(Exception):
    """Raised instead of a retry: the request certainly did not arrive, and nothing more may be sent."""


def send_paid(
    session: requests.Session,
    settings: Settings,
    path: str,
    content: bytes,
    read: Callable[[Iterator[object]], Iterator[Result]],
    *,
    timeouts: Timeouts,
    accept: str,
    max_bytes: int,
) -> Iterator[Result]:
    """Sends one paid request, once, over a new connection.

    The service may have closed a kept-alive connection meanwhile, and whether a request over it arrived is unknown.

    Args:
        session: Sends each request over a new connection.
        settings: The base URL and the token.
        path: The path after the base URL.
        content: The encoded JSON.
        read: Converts what `exchange` yields; when it cannot, the outcome is unknown.
        timeouts: How long to wait.
        accept: The media type of the answer.
        max_bytes: The largest answer to read.

    Yields:
        What `read` yields.

    Raises:
        OutcomeUnknownError: The request was sent, and no clear answer came. After an exception of somebody else, such
            as a signal handler, that is its `__cause__`.
        InterruptedRequest: The request was sent, and then an interrupt came, or something else that ends the program.
        NetworkError: The request was not sent.
        SeedreamError: The service clearly rejected the request.
    """
    sent_at = (datetime.now(timezone.utc) - CLOCK_SKEW).replace(microsecond=0)
    body = OutgoingBody(content)
    try:
        yield from read(exchange(session, settings, path, body, timeouts, max_bytes=max_bytes, accept=accept))
    except GeneratorExit:  # whoever iterates has seen enough
        raise
    except SeedreamError as error:
        if not body.was_sent or not is_unclear(error):
            raise
        raise _unknown_outcome(error, sent_at) from None
    except Exception as problem:
        if not body.was_sent:
            raise
        what = f"{type(problem).__name__} came before the answer was read."
        raise _unknown_outcome(SeedreamError(what), sent_at) from problem
    except BaseException:
        if not body.was_sent:
            raise
        hint = _HOW_TO_LOOK.replace("error.sent_at", f"{sent_at.timestamp():.0f}")
        raise InterruptedRequest(f"Interrupted. {_MAY_EXIST}", hint=hint, sent_at=sent_at) from None


def is_unclear(error: SeedreamError) -> bool:
    """Whether a paid request may have been carried out despite this error, which came after it was sent.

    Neither an interim answer (1xx) nor a redirect is a clear no: something may have acted on the request before.
    """
    if isinstance(error, (NetworkError, ServerError, UnreadableAnswerError)):
        return True
    return error.status_code == HTTP_REQUEST_TIMEOUT or is_non_answer(error.status_code)


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
        hint=f"{_HOW_TO_LOOK} {error.hint}" if is_non_answer(error.status_code) else _HOW_TO_LOOK,
        code=error.code,
        status_code=error.status_code,
        trace_id=error.trace_id,
    )
    unknown.sent_at = sent_at
    return unknown
