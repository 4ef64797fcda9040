"""Why: a cell that ends early says how to go on, in lines that can be copied, so that nothing is lost or paid twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from seedream_nb.core.errors import Interrupted, InterruptedWait, OutcomeUnknownError, WaitTimeoutError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from seedream_nb.core.models import Task

Failure = TypeVar("Failure", bound=BaseException)

BETWEEN_WAYS = "\n    "


def with_way_on(failure: Failure) -> Failure:
    """Puts into an error how to go on from it.

    Args:
        failure: Any failure.

    Returns:
        The same, with another hint where some tasks are still open, or where it is unclear what was made.
    """
    if isinstance(failure, (Interrupted, WaitTimeoutError)):
        open_ids = failure.open_ids if isinstance(failure, Interrupted) else failure.failed_ids
        ways = [f"They go on at the service. To go on waiting: %seedream wait {' '.join(open_ids)}"] if open_ids else []
        if isinstance(failure, Interrupted) and failure.sent_at is not None:
            ways.append(f"Some requests had left without an answer. {_look(failure.sent_at)}")
        failure.hint = BETWEEN_WAYS.join(ways) or None
    elif isinstance(failure, OutcomeUnknownError) and failure.sent_at is not None:
        failure.hint = _look(failure.sent_at)
    return failure


def interrupted_at_pictures(tasks: Sequence[Task]) -> InterruptedWait:
    """An interrupt that came when the tasks were known, and their pictures were being fetched.

    Args:
        tasks: The tasks.

    Returns:
        The interrupt, with the way on.
    """
    open_ids = dict.fromkeys(task.id for task in tasks if task.id and not task.status.is_final)
    return with_way_on(
        InterruptedWait("Interrupted while pictures were being fetched.", tasks=tasks, open_ids=tuple(open_ids))
    )


def with_way_to_pictures(interrupt: Failure) -> Failure:
    """Adds how to see the pictures that were not fetched.

    Args:
        interrupt: Any failure.

    Returns:
        The same.
    """
    if isinstance(interrupt, Interrupted):
        interrupt.hint = BETWEEN_WAYS.join(filter(None, [interrupt.hint, "To see the pictures: %seedream last"]))
    return interrupt


def _look(sent_at: datetime) -> str:
    return f"Look before sending again: %seedream history --since {sent_at:%Y-%m-%dT%H:%M:%SZ}"
