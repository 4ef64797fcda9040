"""Converts an HTTP answer to decoded JSON, or to exactly one error.

Pure functions of status, headers and body. The codes and their meanings are those of the wire contract (Errors).
"""

from __future__ import annotations

import email.utils
import json
import math
import re
import time
from typing import TYPE_CHECKING

from seedream_nb.core.errors import (
    GETTING_STARTED_HINT,
    AccountDisabledError,
    BadRequestError,
    BalanceUsedUpError,
    EndpointNotFoundError,
    InvalidTokenError,
    MissingTokenError,
    ModerationError,
    RateLimitedError,
    RequestTooLargeError,
    SeedreamError,
    ServerError,
    ServiceError,
    TaskNotFoundError,
    TokenMismatchError,
    UnreadableAnswerError,
    shorten,
)
from seedream_nb.core.models import ErrorDetail
from seedream_nb.protocol.responses import read_error, read_trace_id

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWER_TOO_LARGE = "answer_too_large"  # our own code, for an answer that was not read to its end
MAX_PAGE_LENGTH = 10_000  # characters of a web page searched for its title

_BY_CODE: dict[str, type[SeedreamError]] = {
    "no_token": MissingTokenError,
    "invalid_token": InvalidTokenError,
    "token_expired": InvalidTokenError,
    "token_mismatched": TokenMismatchError,
    "disabled": AccountDisabledError,
    "used_up": BalanceUsedUpError,
    "too_many_requests": RateLimitedError,
    "request_too_large": RequestTooLargeError,
    "no_api": EndpointNotFoundError,
    "not_found": TaskNotFoundError,
    "bad_request": BadRequestError,
    "api_not_implemented": BadRequestError,
    "api_error": ServerError,
}

_BY_STATUS: dict[int, type[SeedreamError]] = {
    400: BadRequestError,
    401: InvalidTokenError,
    403: ServiceError,
    404: EndpointNotFoundError,
    405: EndpointNotFoundError,
    413: RequestTooLargeError,
    422: BadRequestError,
    429: RateLimitedError,
}

# Class → the message if the service has none, and the hint.
_WORDS: dict[type[SeedreamError], tuple[str, str]] = {
    MissingTokenError: (
        "The service received no token.",
        f"Check that no proxy removes the header. {GETTING_STARTED_HINT}",
    ),
    InvalidTokenError: ("The token is wrong or has expired.", f"Set a valid token. {GETTING_STARTED_HINT}"),
    TokenMismatchError: (
        "The token belongs to another API.",
        f"Use the token of the SeeDream service. {GETTING_STARTED_HINT}",
    ),
    AccountDisabledError: ("The account is disabled.", "Contact the service's support with the trace id."),
    BalanceUsedUpError: (
        "The balance is used up.",
        "The token is fine: top up the balance at https://platform.acedata.cloud, then try again.",
    ),
    RateLimitedError: ("Too many requests in a short time.", "Wait a moment, then try again."),
    RequestTooLargeError: ("The request is too large.", "Send fewer ids or smaller images at a time."),
    EndpointNotFoundError: ("There is no such API at this address.", "Check the base URL with %seedream config."),
    TaskNotFoundError: ("The service does not know the task.", "Check the id."),
    BadRequestError: ("The service rejected the request.", "Fix what the message names, then try again."),
    ServerError: (
        "The service itself failed.",
        "Try again later; if it persists, contact the service's support with the trace id.",
    ),
    ModerationError: ("Content moderation rejected the request.", "Change the prompt or the reference image."),
    ServiceError: (
        "The service rejected the request.",
        "If the message does not help, contact the service's support with the trace id.",
    ),
}

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_QUOTE = " The service says: "  # between our message and the service's
_ESCAPE = re.compile(r"\\u([0-9a-fA-F]{4})")
_NOT_FOUND_WORDS = re.compile(r"\bnot[ _-]?found\b|\b(does not|doesn't|not) exist|\bno such\b", re.IGNORECASE)
_TOO_LARGE_WORDS = re.compile(r"too (large|many|long|big)|at most|maximum|exceed", re.IGNORECASE)


def read_answer(status_code: int, text: str, clean: Callable[[str], str] = str) -> object:
    """Decodes an answer of the service, or raises the matching error.

    Args:
        status_code: The HTTP status.
        text: The body.
        clean: Applied to every text of the answer, such as to remove the token; see `decode`.

    Returns:
        The decoded JSON of a successful answer (status 2xx).

    Raises:
        SeedreamError: The class for the answer's code or status; `UnreadableAnswerError` for a success without JSON.
    """
    body, is_json = decode(text, clean)
    if not is_json:
        # What is broken may hold escapes all the same.
        text = _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text.strip()[:MAX_PAGE_LENGTH])
        text = clean(text)
    if 200 <= status_code < 300:  # noqa: PLR2004  success statuses
        if not is_json:
            raise _unreadable(status_code, text)
        return body
    raise to_error(status_code, body, "" if is_json else text)


def to_error(status_code: int, body: object, text: str = "") -> SeedreamError:
    """Converts an error answer to the error that a user can act on.

    Args:
        status_code: The HTTP status.
        body: The decoded JSON, or None.
        text: The body if it is not JSON, such as a proxy's page.

    Returns:
        The error, with the service's own message if there is one.

    Example:
        >>> to_error(403, {"error": {"code": "used_up"}}).message
        'The balance is used up.'
    """
    detail = read_error(body) or ErrorDetail()
    kind = ModerationError if detail.is_moderation else _BY_CODE.get(detail.code) or _kind_of_status(status_code)
    message, hint = _WORDS[kind]
    if detail.message:
        message = f"{message}{_QUOTE}{shorten(detail.message)}"
    elif text.strip():
        message = f"{message} The answer was {_describe_text(text)}, not the API's."
    return kind(
        message,
        hint=hint,
        code=shorten(detail.code) or None,
        status_code=status_code,
        trace_id=read_trace_id(body),
    )


def is_non_answer(status_code: int | None) -> bool:
    """Whether a status says neither yes nor no: a redirect, or an interim answer (1xx) without the final one."""
    return status_code is not None and (status_code < 200 or 300 <= status_code < 400)  # noqa: PLR2004  the classes


def to_non_answer(status_code: int, host: str) -> SeedreamError:
    """The error for a status of which `is_non_answer` is true, from this host."""
    hint = "Set the base URL to the API's own address (check it with %seedream config)."
    if status_code in _REDIRECTS:
        return EndpointNotFoundError(
            f"{host} redirects to another address. Redirects are not followed, to keep the token from other hosts.",
            hint=hint,
            status_code=status_code,
        )
    return UnreadableAnswerError(
        f"{host} sent no final answer, only HTTP {status_code}.", hint=hint, status_code=status_code
    )


def means_unknown_task(error: SeedreamError) -> bool:
    """Whether an error answer to a query for one task only says that the task does not exist.

    The service answers so with 400 and 404 as well as with `{}` (wire contract, Unknown id).
    """
    if isinstance(error, TaskNotFoundError):
        return True
    # Only the service's own message counts: a proxy's page may also say that something was not found.
    words = error.message.partition(_QUOTE)[2]
    return error.code != "no_api" and error.status_code in {400, 404} and bool(_NOT_FOUND_WORDS.search(words))


def means_too_many_ids(error: SeedreamError) -> bool:
    """Whether a batch request, or its answer, was too long, so that a shorter one may succeed."""
    if isinstance(error, RequestTooLargeError) or error.code == ANSWER_TOO_LARGE:
        return True
    return isinstance(error, BadRequestError) and bool(_TOO_LARGE_WORDS.search(error.message))


def read_retry_after(value: str | None) -> float | None:
    """Reads the `Retry-After` header in both of its forms.

    Args:
        value: Seconds, or an HTTP date; None if the header is missing.

    Returns:
        Seconds from now, never negative; None if it is missing or unreadable.
    """
    if value is None:
        return None
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = email.utils.parsedate_to_datetime(value).timestamp() - time.time()
        except (ValueError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _kind_of_status(status_code: int) -> type[SeedreamError]:
    if status_code >= 500:  # noqa: PLR2004  server errors
        return ServerError
    return _BY_STATUS.get(status_code, ServiceError)


def decode(text: str, clean: Callable[[str], str] = str) -> tuple[object, bool]:
    r"""Decodes JSON, and cleans the texts in it, which may hide behind escapes until then.

    Args:
        text: The JSON.
        clean: Applied to every key and every text, at any depth; what it changes, it changes in any text around it.

    Returns:
        The value, and whether there was any: None and False for what is not JSON.

    Example:
        >>> decode(r'{"error": ["\u0073ecret"]}', lambda text: text.replace("secret", "***"))
        ({'error': ['***']}, True)
    """
    try:
        value = json.loads(text)
        # Without escapes, nothing is in the value that is not in the text.
        is_clean = "\\" not in text and text.isascii() and clean(text) == text
        return value if is_clean else _clean_all(value, clean), True
    except (ValueError, RecursionError):
        return None, False


def _clean_all(value: object, clean: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        return {clean(key): _clean_all(inner, clean) for key, inner in value.items()}
    return [_clean_all(inner, clean) for inner in value] if isinstance(value, list) else value


def _unreadable(status_code: int, text: str) -> UnreadableAnswerError:
    return UnreadableAnswerError(
        f"Can't read the answer: it is {_describe_text(text)}.",
        hint="Check the base URL and any proxy; if both are correct, try again.",
        status_code=status_code,
    )


def _describe_text(text: str) -> str:
    bare = text.strip()
    if not bare:
        return "empty"
    if bare[0] == "<":
        title = re.search(r"<title[^>]*>(.*?)</title", bare[:MAX_PAGE_LENGTH], re.IGNORECASE | re.DOTALL)
        return f"a web page ({shorten(title[1])!r})" if title and title[1].strip() else "a web page"
    if bare[0] in "{[":
        return f"truncated or malformed JSON (beginning with {shorten(bare[:40])!r})"
    return f"not JSON (beginning with {shorten(bare[:40])!r})"
