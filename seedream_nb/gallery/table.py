"""Why: images of several models, sizes or prompts are compared in rows and columns that say what is what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.errors import UsageError
from seedream_nb.gallery.foreign_text import LONGEST_PROMPT, show_line, show_prompt

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_PARTS = 6  # as many as there are things to vary, at most; what has more lines is a prompt


@dataclass(frozen=True)
class Table:
    """What the rows and columns of a gallery are called.

    Task number n of the gallery stands in row `n // len(columns)` and column `n % len(columns)`. An axis whose only
    label is empty has no header. A label of several parts, such as a prompt and a model, has each on a line of its own.

    Attributes:
        rows: The label of each row, from above.
        columns: The label of each column, from the left.

    Raises:
        UsageError: There is no row or no column, or a label is no text.

    Example:
        >>> table = Table(rows=("a cat", "a dog"), columns=("2K", "4K"))
        >>> table.size, table.place(2)
        (4, (1, 0))
    """

    rows: tuple[str, ...] = ("",)
    columns: tuple[str, ...] = ("",)

    def __post_init__(self) -> None:
        for name in ("rows", "columns"):
            labels = getattr(self, name)
            if isinstance(labels, str) or not labels or not all(isinstance(label, str) for label in labels):
                raise UsageError(
                    f"The {name} of a table are {labels!r}.", hint=f'Give the label of each: {name}=("2K", "4K").'
                )
            object.__setattr__(self, name, tuple(labels))

    @property
    def size(self) -> int:
        """How many tasks it has room for."""
        return len(self.rows) * len(self.columns)

    def place(self, number: int) -> tuple[int, int]:
        """The row and the column of a task, from 0."""
        return divmod(number, len(self.columns))

    def labels(self, number: int) -> tuple[str, str]:
        """What the row and the column of a task are called."""
        row, column = self.place(number)
        return self.rows[row], self.columns[column]

    def shown(self) -> Table:
        """The same table with labels that are fit to be shown."""
        return Table(_fit(self.rows), _fit(self.columns))

    def drawn(self, numbers: Iterable[int]) -> Table:
        """The part of the table that some of its tasks need: whole rows, or the begin of the only one."""
        places = [self.place(number) for number in numbers]
        rows = 1 + max(row for row, _ in places)
        columns = len(self.columns) if rows > 1 else 1 + max(column for _, column in places)
        return Table(self.rows[:rows], self.columns[:columns])


def label_parts(label: str) -> list[str]:
    """What a label says, one thing after the other.

    Args:
        label: The label.

    Returns:
        Its lines; where these are many, all but the last one are one part.
    """
    lines = [line.strip() for line in label.split("\n") if line.strip()]
    return lines if len(lines) <= MOST_PARTS else ["\n".join(lines[:-1]), lines[-1]]


def _fit(labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_fit_label, labels))


def _fit_label(label: str) -> str:
    first, separator, last = label.rpartition("\n")
    # What follows a long prompt must not be lost when that is cut.
    is_cut_apart = separator and len(label) > LONGEST_PROMPT
    return f"{show_prompt(first)}\n{show_line(last)}" if is_cut_apart else show_prompt(label)
