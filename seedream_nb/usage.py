"""Why: what pictures cost is asked for a whole sweep, while the service reports it task by task, or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seedream_nb.models import Task


@dataclass(frozen=True)
class Usage:
    """What the service reports to have been used (wire contract, POST /seedream/images); None where it does not say.

    Attributes:
        generated_images: How many pictures were made.
        output_tokens: Tokens of the pictures.
        total_tokens: All tokens.

    Example:
        >>> Usage(1, 16384, 16384) + Usage(2, None, 10)
        Usage(generated_images=3, output_tokens=16384, total_tokens=16394)
    """

    generated_images: int | None = None
    output_tokens: int | None = None
    total_tokens: int | None = None

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            _add(self.generated_images, other.generated_images),
            _add(self.output_tokens, other.output_tokens),
            _add(self.total_tokens, other.total_tokens),
        )

    def __bool__(self) -> bool:
        """Whether the service said anything."""
        return self != Usage()


def sum_usage(tasks: Iterable[Task]) -> Usage:
    """Adds up what the service reports of some tasks.

    Args:
        tasks: The tasks; one that comes twice counts once, one without a report counts nothing.

    Returns:
        The sums; None for what no task reports.

    Example:
        >>> sum_usage([]).generated_images is None
        True
    """
    total = Usage()
    reported = {task.id or str(id(task)): task.usage for task in tasks if task.usage}
    for usage in reported.values():
        total += usage
    return total


def _add(left: int | None, right: int | None) -> int | None:
    return left if right is None else right if left is None else left + right
