"""Why: a long fetch shows that it is alive, and the saved notebook shows nothing of it.

tqdm's own notebook bar leaves a widget in the saved output, and its text bar a line on stderr; so its text goes to one
display of ours, which is taken away at the end.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from IPython.display import clear_output, display
from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from IPython.display import DisplayHandle

DELAY = 0.5  # seconds before a bar appears; what is faster needs none
BAR_WIDTH = 80  # characters


class _Bar(tqdm):  # type: ignore[type-arg]  # tqdm is generic in its stubs alone
    # tqdm would start a thread to watch for bars that stall; it would outlive ours.
    monitor_interval = 0


class CellDisplay:
    """Shows a bar in a notebook cell, each version in place of the one before, and takes it away.

    Args:
        wipe_cell: Whether the cell's whole output may be cleared, as it holds nothing but the bar. Otherwise an empty
            output stays, which no front end shows.
    """

    def __init__(self, *, wipe_cell: bool) -> None:
        self._wipe_cell = wipe_cell
        self._handle: DisplayHandle | None = None

    def show(self, bar: str) -> None:
        """Shows the bar, or replaces it."""
        if self._handle is None:
            # Begun empty, as nbval keeps what is displayed first and knows neither updates nor clearing.
            self._handle = display({}, raw=True, display_id=True)
        self._handle.update({"text/plain": bar}, raw=True)

    def close(self) -> None:
        """Takes the bar away, if there is one."""
        if self._handle is None:
            return
        if self._wipe_cell:
            clear_output()
        else:
            self._handle.update({}, raw=True)


class _BarFile:
    """The file that tqdm writes its bars to."""

    encoding = "utf-8"

    def __init__(self, cell_display: CellDisplay) -> None:
        self._display = cell_display

    def write(self, text: str) -> None:
        bar = text.strip("\r\n ")
        if bar:
            self._display.show(bar)

    def flush(self) -> None:
        """Nothing is held back."""


@contextmanager
def progress_bar(total: int, description: str, cell_display: CellDisplay | None) -> Iterator[Callable[[int], None]]:
    """Shows a bar while a block runs, if that takes long enough to need one.

    Args:
        total: How many steps there are.
        description: What is being done, such as `Fetching images`.
        cell_display: Where in a notebook to draw; None draws on a terminal's stderr.

    Yields:
        A function to be called with the number of steps done since the last call.
    """
    bar = _Bar(
        total=total,
        desc=description,
        delay=DELAY,
        leave=False,
        file=_BarFile(cell_display) if cell_display else sys.stderr,
        ncols=BAR_WIDTH if cell_display else None,
        ascii=False,
    )

    def advance(steps: int) -> None:
        bar.update(steps)

    try:
        yield advance
    finally:
        bar.close()
        if cell_display is not None:
            cell_display.close()
