"""Why: a progress bar can be wiped without a trace only where nothing else was printed before it in the same cell."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import ExecutionInfo

_BEGINS_WITH_MAGIC = re.compile(r"(?:\s*(?:#[^\n]*)?\n)*\s*(?:[\w.]+\s*=\s*)?%{1,2}seedream\b")


class CellWatch:
    """Knows whether a command is the first thing that a cell does."""

    def __init__(self) -> None:
        self._is_untouched = False

    def begin(self, info: ExecutionInfo) -> None:
        """Takes note of a new cell; to be called by IPython before it runs one."""
        self._is_untouched = begins_with_magic(info.raw_cell or "")

    def take(self) -> bool:
        """Whether the cell has no output yet; asked once by each command, as it may make some."""
        is_untouched, self._is_untouched = self._is_untouched, False
        return is_untouched


def begins_with_magic(code: str) -> bool:
    """Whether the first statement of a cell is a `%seedream` or `%%seedream` line.

    Args:
        code: The cell as typed.

    Returns:
        True when nothing but blank lines and comments stands before it.
    """
    return _BEGINS_WITH_MAGIC.match(code) is not None
