"""The errors: a notebook user sees one sentence and one hint, never the stack frames of a library.

Every expected failure is a class of the tree below, one class for each thing a user can act on. The classes have almost
no logic; `seedream_nb.protocol.status_errors` decides which answer of the service becomes which class. What each means
and what to do about it is in `errors.md`: a page of the documentation, and `%seedream help ERROR`.

    SeedreamError
    ├── UsageError                  invalid input; nothing was sent
    │   └── InvalidTaskIdError
    ├── SettingsError               invalid configuration; nothing was sent
    │   └── MissingTokenError
    ├── BudgetExceededError         a budget would be exceeded; nothing was sent
    ├── ServiceError                the service answered with an error
    │   ├── AuthenticationError
    │   │   ├── InvalidTokenError
    │   │   ├── TokenMismatchError
    │   │   └── AccountDisabledError
    │   ├── BalanceUsedUpError
    │   ├── RateLimitedError
    │   ├── BadRequestError
    │   ├── RequestTooLargeError
    │   ├── EndpointNotFoundError
    │   ├── ServerError
    │   └── UnreadableAnswerError
    ├── NetworkError                no answer came
    │   ├── ConnectionFailedError
    │   ├── RequestTimeoutError
    │   └── OutcomeUnknownError     a paid request may have been carried out
    ├── TaskError                   the answer is a task without a result
    │   ├── TaskNotFoundError
    │   ├── TaskFailedError
    │   │   └── ModerationError
    │   └── TaskNotFinishedError
    │       └── WaitTimeoutError
    ├── ImageError                  an image could not be downloaded or read
    ├── ExportIncompleteError       a dataset lacks images, or its writing stopped; the same line continues it
    └── LibraryError                the local library cannot be used; everything else works without it

An interrupt stays a `KeyboardInterrupt`, and carries what would be lost with it:

    KeyboardInterrupt
    └── Interrupted
        ├── InterruptedRequest      a paid request was already sent
        └── InterruptedWait         some tasks are still in progress
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedream_nb.core.foreign import clean_text, show_line

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from seedream_nb.core.models import Task
    from seedream_nb.gallery.datasets import DatasetReport

GETTING_STARTED_HINT = (
    "Get a token at https://platform.acedata.cloud/documents/seedream-tasks: sign in and acquire the service "
    "(the first use includes a free quota)."
)

DOCUMENTATION = "https://seedream-nb.readthedocs.io/en/latest/"  # that of pyproject.toml, which a test compares

MAX_MESSAGE_LENGTH = 300  # characters of foreign text in a message


def shorten(text: str) -> str:
    r"""Foreign text on one line, cut to a length that fits a message.

    Example:
        >>> shorten("two\n  lines")
        'two lines'
    """
    return show_line(text, MAX_MESSAGE_LENGTH)


def explained_at(name: str) -> str:
    """The address of the page that explains a class of errors or warnings: what it means, and what to do."""
    return f"{DOCUMENTATION}reference/errors.html#error-{name.lower()}"


class SeedreamError(Exception):
    """The base class of every expected failure.

    Args:
        message: What went wrong, in one sentence.
        hint: What to do next.
        code: The service's error code, such as `invalid_token`.
        status_code: The HTTP status of the answer.
        trace_id: The service's id of the call, for its support.

    Attributes:
        partial: The tasks already read when a call for many tasks failed.
        failed_ids: The task ids that such a call could not read.
        retry_after: Seconds that the service asks to wait, if it does.

    Example:
        >>> error = SeedreamError("The token has expired.", hint="Get a new one.", code="token_expired")
        >>> str(error)
        'The token has expired. Get a new one. (code token_expired)'
    """

    _links_to_page = True  # where there is more to know than the hint says

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        code: str | None = None,
        status_code: int | None = None,
        trace_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
        self.status_code = status_code
        self.trace_id = trace_id
        self.partial: Sequence[Task] = ()
        self.failed_ids: tuple[str, ...] = ()
        self.retry_after: float | None = None

    @property
    def reference(self) -> str:
        """The facts for a support request, such as `HTTP 401 · code invalid_token · trace 1f0c…`, or `""`."""
        facts = (
            ("HTTP", self.status_code),
            ("code", self.code),
            ("trace", self.trace_id),
        )
        return " · ".join(f"{name} {shorten(str(value))}" for name, value in facts if value)

    def __str__(self) -> str:
        reference = f"({self.reference})" if self.reference else ""
        return clean_text(" ".join(part for part in (self.message, self.hint, reference) if part))

    def __reduce__(self) -> tuple[object, ...]:
        # Exception pickles positional arguments only; these errors cross process boundaries.
        return (_rebuild, (type(self), self.__dict__.copy()))

    def _render_traceback_(self) -> list[str]:
        """The lines that IPython shows instead of a traceback; the cell still fails, also for test runners."""
        lines = _render(self, self.message, self.hint, self.reference)
        if self._links_to_page:
            # A class of one room only is explained with the one that it is a kind of.
            name = next(kind.__name__ for kind in type(self).__mro__ if kind.__module__ == __name__)
            lines.append(f"  More: {explained_at(name)}")
        return lines


def _render(problem: BaseException, message: str, hint: str | None, reference: str = "") -> list[str]:
    lines = [f"\x1b[31m{type(problem).__name__}\x1b[0m: {clean_text(message)}"]
    if hint:
        lines.append(f"  → {clean_text(hint)}")
    if reference:
        lines.append(f"  ({reference})")
    return lines


def _rebuild(cls: type[BaseException], state: dict[str, object]) -> BaseException:
    error = cls.__new__(cls, state["message"])
    error.__dict__.update(state)
    return error


class UsageError(SeedreamError):
    """Invalid input; nothing was sent."""

    _links_to_page = False


class InvalidTaskIdError(UsageError):
    """An invalid task id; nothing was sent."""


class SettingsError(SeedreamError):
    """The base URL, the `.env` file or another setting is unusable; nothing was sent."""

    _links_to_page = False


class MissingTokenError(SettingsError):
    """No token is set, or none reached the service."""


class BudgetExceededError(SeedreamError):
    """A paid request would exceed a budget, or its price is unknown; it was not sent."""


class ServiceError(SeedreamError):
    """The service answered with an error that has no class of its own."""


class AuthenticationError(ServiceError):
    """The service did not authenticate the request."""


class InvalidTokenError(AuthenticationError):
    """The token is wrong or has expired."""


class TokenMismatchError(AuthenticationError):
    """The token is valid, but for another API."""


class AccountDisabledError(AuthenticationError):
    """The account or the service subscription is disabled."""


class BalanceUsedUpError(ServiceError):
    """The balance is used up; the token is fine."""


class RateLimitedError(ServiceError):
    """Too many requests in a short time.

    Attributes:
        outlasts_retries: Whether the service asks for a longer pause than this client makes.
    """

    outlasts_retries = False


class BadRequestError(ServiceError):
    """The service rejected the request's content."""


class RequestTooLargeError(ServiceError):
    """The request's body is too large."""


class EndpointNotFoundError(ServiceError):
    """There is no such API under the base URL."""


class ServerError(ServiceError):
    """The service itself failed."""


class UnreadableAnswerError(ServiceError):
    """The response is not an answer of the service."""


class NetworkError(SeedreamError):
    """No answer came."""


class ConnectionFailedError(NetworkError):
    """The connection could not be made, or broke."""


class RequestTimeoutError(NetworkError):
    """The answer took too long."""


class OutcomeUnknownError(NetworkError):
    """No clear answer came to a paid request: the task may exist and may have been paid for.

    It is never resent automatically. The history shows whether the task exists.

    Attributes:
        sent_at: When to start looking in the history, in UTC: a few seconds before the request was sent, as clocks
            differ.
        partial: What arrived of a stream before it broke off.

    Example:
        >>> try:
        ...     task = client.generate("a white siamese cat", mode="sync")
        ... except OutcomeUnknownError as error:
        ...     candidates = list(client.history(created_after=error.sent_at))
    """

    sent_at: datetime | None = None


class TaskError(SeedreamError):
    """The task has no result."""


class TaskNotFoundError(TaskError):
    """The service does not know the task id."""

    _links_to_page = False


class TaskFailedError(TaskError):
    """The task ended without an image."""


class ModerationError(TaskFailedError):
    """Content moderation rejected the prompt or the image."""


class TaskNotFinishedError(TaskError):
    """The task is still pending or running."""

    _links_to_page = False


class WaitTimeoutError(TaskNotFinishedError):
    """Some tasks were not finished in time; they continue at the service.

    Attributes:
        partial: What is known of all tasks, in the given order.
        failed_ids: The ids of the unfinished tasks.
    """


class ImageError(SeedreamError):
    """An image could not be downloaded, or cannot be shown."""


class ExportIncompleteError(SeedreamError):
    """A dataset lacks images, or its writing stopped. What was written stays, and the same line continues it.

    Attributes:
        report: What the dataset consists of by now; None if its writing stopped.
    """

    report: DatasetReport | None = None


class LibraryError(SeedreamError):
    """The library cannot be read or written, or is turned off."""


class LibraryWarning(UserWarning):
    """A problem with the library that does not stop the work."""


class Interrupted(KeyboardInterrupt):
    """An interrupt (Ctrl-C, a stopped cell) that carries what must not be lost with it.

    Args:
        message: What was interrupted, in one sentence.
        hint: What to do next.
        tasks: What is known of the tasks.
        open_ids: The ids of the unfinished tasks.
        sent_at: When to start looking in the history for a task whose id is unknown.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        tasks: Sequence[Task] = (),
        open_ids: Sequence[str] = (),
        sent_at: datetime | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.tasks = tuple(tasks)
        self.open_ids = tuple(open_ids)
        self.sent_at = sent_at

    def __str__(self) -> str:
        return clean_text(" ".join(part for part in (self.message, self.hint) if part))

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.__dict__.copy()))

    def _render_traceback_(self) -> list[str]:
        return _render(self, self.message, self.hint)


class InterruptedRequest(Interrupted):
    """A paid request was interrupted after it was sent: the task may exist and may have been paid for."""


class InterruptedWait(Interrupted):
    """Waiting was interrupted; the tasks continue at the service. To resume, wait for `open_ids`."""
