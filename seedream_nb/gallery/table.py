"""Labels of rows and columns, to compare images of several models, sizes, or prompts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.errors import UsageError
from seedream_nb.core.foreign import MAX_PROMPT, show_line, show_prompt

if TYPE_CHECKING:
    from collections.abc import Iterable

MAX_PARTS = 6  # as many as a sweep can vary; a label with more lines contains a prompt


@dataclass(frozen=True)
class Table:
    """The labels of the rows and columns of a gallery.

    Task number n of the gallery goes to row `n // len(columns)` and column `n % len(columns)`. An axis whose only label
    is empty has no header. A label of several parts, such as a prompt and a model, has each on its own line.

    Attributes:
        rows: The label of each row, from the top.
        columns: The label of each column, from the left.

    Raises:
        UsageError: There is no row or no column, or a label is not a string.

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
                    f"{name}={labels!r} is not a sequence of labels.",
                    hint=f'Pass one label each, as in {name}=("2K", "4K").',
                )
            object.__setattr__(self, name, tuple(labels))

    @property
    def size(self) -> int:
        """The number of tasks that it has room for."""
        return len(self.rows) * len(self.columns)

    def place(self, number: int) -> tuple[int, int]:
        """The row and the column of a task, from 0."""
        return divmod(number, len(self.columns))

    def labels(self, number: int) -> tuple[str, str]:
        """The labels of the row and the column of a task."""
        row, column = self.place(number)
        return self.rows[row], self.columns[column]

    def shown(self) -> Table:
        """The table with labels that are ready to be shown."""
        return Table(_fit(self.rows), _fit(self.columns))

    def part(self, numbers: Iterable[int]) -> Table:
        """The part of the table that some of its tasks need: whole rows, or the start of the only one."""
        places = [self.place(number) for number in numbers]
        rows = 1 + max(row for row, _ in places)
        columns = len(self.columns) if rows > 1 else 1 + max(column for _, column in places)
        return Table(self.rows[:rows], self.columns[:columns])


def label_parts(label: str) -> list[str]:
    """The parts of a label: its lines; of more than `MAX_PARTS`, all but the last one are one part."""
    lines = [line.strip() for line in label.split("\n") if line.strip()]
    return lines if len(lines) <= MAX_PARTS else ["\n".join(lines[:-1]), lines[-1]]


def _fit(labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(map(_fit_label, labels))


def _fit_label(label: str) -> str:
    first, separator, last = label.rpartition("\n")
    # The part behind a long prompt must survive the cut.
    is_cut_apart = separator and len(label) > MAX_PROMPT
    return f"{show_prompt(first)}\n{show_line(last)}" if is_cut_apart else show_prompt(label)
