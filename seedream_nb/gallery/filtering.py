"""Why: tasks are found again by what people remember of them: a word of the prompt, the model, the size, the state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedream_nb.core.errors import UsageError
from seedream_nb.core.models import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedream_nb.core.models import Task


def task_filter(
    predicate: Callable[[Task], bool] | None,
    *,
    prompt: str | None,
    model: str | None,
    status: TaskStatus | str | None,
    size: str | None,
) -> Callable[[Task], bool]:
    """Makes one condition of several; None for one that is not asked for.

    Args:
        predicate: A function of a task.
        prompt: Text within the prompt of the task or of one of its images; case does not matter.
        model: Text within the model id; case does not matter.
        status: The state, as a `TaskStatus` or its word.
        size: The size of the request or of an image.

    Returns:
        Whether a task meets them all.

    Raises:
        UsageError: There is no such status.
    """
    wanted = None if status is None else _check_status(status)

    def fits(task: Task) -> bool:
        prompts = [task.prompt, *(image.prompt for image in task.images)]
        return (
            (predicate is None or predicate(task))
            and (prompt is None or any(prompt.casefold() in shown.casefold() for shown in prompts))
            and (model is None or model.casefold() in (task.model or "").casefold())
            and (wanted is None or task.status is wanted)
            and (size is None or size in {task.size, *(image.size for image in task.images)})
        )

    return fits


def _check_status(status: TaskStatus | str) -> TaskStatus:
    try:
        return TaskStatus(status)
    except ValueError:
        words = ", ".join(known.value for known in TaskStatus)
        raise UsageError(f"There is no status {status!r}.", hint=f"Choose one of: {words}.") from None
