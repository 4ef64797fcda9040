"""Collects what is wrong with the rows of a table, so that one error names them all."""

from __future__ import annotations

from seedream_nb.core.errors import UsageError
from seedream_nb.core.text import count_of

MOST_KINDS = 8  # different problems that one error lists
_MOST_NUMBERS = 3  # rows that are named for each


class Problems:
    """The problems of a table's rows, grouped; its size does not depend on that of the table.

    Attributes:
        rows: The number of rows with a problem.
        last: The number of the last of them.

    Example:
        >>> problems = Problems()
        >>> for number in (3, 7, 8, 9):
        ...     problems.add(number, "the prompt is empty")
        >>> str(problems)
        'Rows 3, 7 and 2 others: the prompt is empty.'
    """

    def __init__(self) -> None:
        self.rows = 0
        self.last = 0
        self._kinds: dict[str, _Kind] = {}
        self._others = 0  # problems of further kinds

    def __bool__(self) -> bool:
        return self.rows > 0

    def add(self, number: int, problem: str) -> None:
        """Adds a problem of a row; rows come in ascending order."""
        if number != self.last:
            self.rows += 1
            self.last = number
        kind = self._kinds.get(problem)
        if kind is None:
            if len(self._kinds) == MOST_KINDS:
                self._others += 1
                return
            kind = self._kinds[problem] = _Kind()
        kind.add(number)

    def check(self, total: int, hint: str) -> None:
        """Rejects the table if there are problems.

        Args:
            total: The number of rows.
            hint: What to do.

        Raises:
            UsageError: There are; the message names the rows.
        """
        if self.rows:
            intro = f"{self.rows:,} of {count_of(total, 'row')} can't be sent.\n" if len(self._kinds) > 1 else ""
            raise UsageError(f"{intro}{self}", hint=hint)

    def __str__(self) -> str:
        lines = [f"{kind}: {problem.removesuffix('.')}." for problem, kind in self._kinds.items()]
        if self._others:
            lines.append(f"And {count_of(self._others, 'other problem')}.")
        return "\n".join(lines)


class _Kind:
    """The rows that share a problem."""

    def __init__(self) -> None:
        self.count = 0
        self._first: list[int] = []

    def add(self, number: int) -> None:
        self.count += 1
        if len(self._first) < _MOST_NUMBERS:
            self._first.append(number)

    def __str__(self) -> str:
        if self.count > _MOST_NUMBERS:
            shown = [f"{number:,}" for number in self._first[:-1]]
            last = f"{self.count - len(shown):,} others"
        else:
            *shown, last = (f"{number:,}" for number in self._first)
        return f"Rows {', '.join(shown)} and {last}" if shown else f"Row {last}"
