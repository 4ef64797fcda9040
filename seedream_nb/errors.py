"""Why: a notebook user sees one sentence and one hint, never a stack of frames from inside a library.

Every expected failure of the toolkit is one class of the tree below, one class for each thing a user can act on. The
classes hold almost no logic; which answer of the service becomes which class is decided in `seedream_nb.answers`.

    SeedreamError
    ├── UsageError                  what was typed or passed is wrong; nothing was sent
    │   └── InvalidTaskIdError
    ├── SettingsError               the configuration is wrong; nothing was sent
    │   └── MissingTokenError
    ├── ServiceError                the service answered, and said no
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
    │   └── RequestTimeoutError
    ├── TaskError                   the answer came, and tells of a task without a result
    │   ├── TaskNotFoundError
    │   ├── TaskFailedError
    │   │   └── ModerationError
    │   └── TaskNotFinishedError
    └── ImageError                  a picture could not be fetched or read
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb.models import Task

GETTING_STARTED_HINT = (
    "A token comes from https://platform.acedata.cloud/documents/seedream-tasks: sign in and acquire the service "
    "(first use comes with a free quota)."
)


LONGEST_MESSAGE = 300  # characters of foreign text in a message


def shorten(text: str) -> str:
    r"""One line of foreign text, cut at a length that fits a message.

    Example:
        >>> shorten("two\n  lines")
        'two lines'
    """
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_MESSAGE else line[: LONGEST_MESSAGE - 1] + "…"


class SeedreamError(Exception):
    """The root of every expected failure.

    Args:
        message: One sentence that says what went wrong.
        hint: What to do next.
        code: The service's error code, such as `invalid_token`.
        status_code: The HTTP status of the answer.
        trace_id: The service's id of the call, to be quoted to its support.

    Attributes:
        partial: The tasks that were already read when a call over many tasks failed.
        failed_ids: The task ids that such a call could not read.
        retry_after: Seconds that the service asks to wait, when it does.

    Example:
        >>> error = SeedreamError("The token has expired.", hint="Get a new one.", code="token_expired")
        >>> str(error)
        'The token has expired. Get a new one. (code token_expired)'
    """

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
        """The facts to quote to a support desk, such as `HTTP 401 · code invalid_token · trace 1f0c…`, or `""`."""
        facts = (
            ("HTTP", self.status_code),
            ("code", self.code),
            ("trace", self.trace_id),
        )
        return " · ".join(f"{name} {value}" for name, value in facts if value)

    def __str__(self) -> str:
        reference = f"({self.reference})" if self.reference else ""
        return " ".join(part for part in (self.message, self.hint, reference) if part)

    def __reduce__(self) -> tuple[object, ...]:
        # Exception's own way to pickle knows positional arguments only; these errors cross process borders.
        return (_rebuild, (type(self), self.__dict__.copy()))

    def _render_traceback_(self) -> list[str]:
        """Lines that IPython shows instead of a traceback; the cell still fails, for people and for test runners."""
        lines = [f"\x1b[31m{type(self).__name__}\x1b[0m: {self.message}"]
        if self.hint:
            lines.append(f"  → {self.hint}")
        if self.reference:
            lines.append(f"  ({self.reference})")
        return lines


def _rebuild(cls: type[SeedreamError], state: dict[str, object]) -> SeedreamError:
    error = cls.__new__(cls, state["message"])
    error.__dict__.update(state)
    return error


class UsageError(SeedreamError):
    """What was typed or passed cannot be used; nothing was sent."""


class InvalidTaskIdError(UsageError):
    """A task id that cannot be one; nothing was sent."""


class SettingsError(SeedreamError):
    """The base URL, the `.env` file or another setting is unusable; nothing was sent."""


class MissingTokenError(SettingsError):
    """No token was given, or none reached the service."""


class ServiceError(SeedreamError):
    """The service answered with an error that has no class of its own."""


class AuthenticationError(ServiceError):
    """The service did not accept who is asking."""


class InvalidTokenError(AuthenticationError):
    """The token is wrong or has expired."""


class TokenMismatchError(AuthenticationError):
    """The token is good, but belongs to another API."""


class AccountDisabledError(AuthenticationError):
    """The account or the service subscription is disabled."""


class BalanceUsedUpError(ServiceError):
    """The balance is used up; the permission is fine."""


class RateLimitedError(ServiceError):
    """Too many requests in a short time."""


class BadRequestError(ServiceError):
    """The service refused the request's content."""


class RequestTooLargeError(ServiceError):
    """The request's body is too large."""


class EndpointNotFoundError(ServiceError):
    """There is no such API under the base URL."""


class ServerError(ServiceError):
    """The service itself failed."""


class UnreadableAnswerError(ServiceError):
    """What came back is not an answer in the service's language."""


class NetworkError(SeedreamError):
    """No answer came."""


class ConnectionFailedError(NetworkError):
    """The connection could not be made, or broke."""


class RequestTimeoutError(NetworkError):
    """The answer took too long."""


class TaskError(SeedreamError):
    """The task has no result."""


class TaskNotFoundError(TaskError):
    """The service does not know the task id."""


class TaskFailedError(TaskError):
    """The task ended without a picture."""


class ModerationError(TaskFailedError):
    """The service's content check refused the prompt or the picture."""


class TaskNotFinishedError(TaskError):
    """The task is still pending or running."""


class ImageError(SeedreamError):
    """A picture could not be fetched, or is not one that can be shown."""
