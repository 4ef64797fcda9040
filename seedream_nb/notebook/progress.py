"""Why: a long fetch shows that it is alive, and the saved notebook shows nothing of it.

tqdm's own notebook bar leaves a widget in the saved output, and its text bar a line on stderr; so its text goes to one
display of ours, which is taken away at the end.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tqdm import tqdm

from seedream_nb.notebook.cell_display import CellDisplay, clear_cell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DELAY = 0.5  # seconds before a bar appears; what is faster needs none
BAR_WIDTH = 80  # characters


class _Bar(tqdm):  # type: ignore[type-arg]  # tqdm is generic in its stubs alone
    # tqdm would start a thread to watch for bars that stall; it would outlive ours.
    monitor_interval = 0


class CellBar:
    """Shows a bar in a notebook cell and takes it away.

    Args:
        wipe_cell: Whether the cell's whole output may be cleared, as it holds nothing but the bar. Otherwise an empty
            output stays.
    """

    def __init__(self, *, wipe_cell: bool) -> None:
        self._wipe_cell = wipe_cell
        self._display = CellDisplay()

    def show(self, bar: str) -> None:
        """Shows the bar, in place of the one before."""
        self._display.show({"text/plain": bar})

    def close(self) -> None:
        """Takes the bar away, if there is one."""
        if self._display.is_there and self._wipe_cell:
            clear_cell()
        else:
            self._display.empty()


class _BarFile:
    """The file that tqdm writes its bars to."""

    encoding = "utf-8"

    def __init__(self, cell_bar: CellBar) -> None:
        self._bar = cell_bar

    def write(self, text: str) -> None:
        bar = text.strip("\r\n ")
        if bar:
            self._bar.show(bar)

    def flush(self) -> None:
        """Nothing is held back."""


@contextmanager
def progress_bar(total: int, description: str, cell_bar: CellBar | None) -> Iterator[Callable[[int], None]]:
    """Shows a bar while a block runs, if that takes long enough to need one.

    Args:
        total: How many steps there are.
        description: What is being done, such as `Fetching images`.
        cell_bar: Where in a notebook to draw; None draws on a terminal's stderr.

    Yields:
        A function to be called with the number of steps done since the last call.
    """
    bar = _Bar(
        total=total,
        desc=description,
        delay=DELAY,
        leave=False,
        disable=False if cell_bar else None,  # None: nothing where stderr is a file
        file=_BarFile(cell_bar) if cell_bar else sys.stderr,
        ncols=BAR_WIDTH if cell_bar else None,
        ascii=False,
    )

    def advance(steps: int) -> None:
        bar.update(steps)

    try:
        yield advance
    finally:
        bar.close()
        if cell_bar is not None:
            cell_bar.close()
