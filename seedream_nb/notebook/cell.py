"""Why: what is shown meanwhile can be wiped without a trace only where nothing else was shown before it in the cell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo

_START = r"(?:\s*(?:#[^\n]*)?\n)*\s*"
_BEGINS_WITH_MAGIC = re.compile(rf"{_START}(?:[\w.]+\s*=\s*)?%{{1,2}}seedream\b")
_IS_MAGIC_ALONE = re.compile(rf"{_START}(?:%%seedream\b([^\n]*)(?:\n.*)?|%seedream\b([^\n]*)\s*)", re.DOTALL)


@dataclass(frozen=True)
class Cell:
    """What a command knows of the cell that it runs in.

    Attributes:
        is_untouched: Whether the cell has no output yet.
        value_follows: Whether the command's value is certainly shown as the cell's.
    """

    is_untouched: bool = False
    value_follows: bool = False


class CellWatch:
    """Knows whether a command is the first, or the only thing that a cell does."""

    def __init__(self) -> None:
        self._cell = Cell()

    def begin(self, info: ExecutionInfo) -> None:
        """Takes note of a new cell; to be called by IPython before it runs one."""
        code = info.raw_cell or ""
        self._cell = Cell(begins_with_magic(code), is_magic_alone(code))

    def take(self) -> Cell:
        """The cell; asked once by each command, as it may make some output."""
        cell, self._cell = self._cell, Cell()
        return cell


def begins_with_magic(code: str) -> bool:
    """Whether the first statement of a cell is a `%seedream` or `%%seedream` line.

    Args:
        code: The cell as typed.

    Returns:
        True when nothing but blank lines and comments stands before it.
    """
    return _BEGINS_WITH_MAGIC.match(code) is not None


def is_magic_alone(code: str) -> bool:
    """Whether a cell is one `%seedream` or `%%seedream` command whose value is neither assigned nor silenced.

    Args:
        code: The cell as typed.

    Returns:
        True when nothing else is in it, and the command's value is shown.
    """
    match = _IS_MAGIC_ALONE.fullmatch(code)
    return match is not None and not is_silenced(match[1] or match[2] or "")


def is_silenced(line: str) -> bool:
    """Whether a command's value is not to be shown: a semicolon ends its line.

    One at the end of a cell's body is a part of the prompt.

    Args:
        line: The magic's line.

    Returns:
        True when it is silenced.
    """
    return line.rstrip().endswith(";")
