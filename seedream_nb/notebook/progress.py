"""Why: a long fetch shows that it is alive, and the saved notebook shows nothing of it.

tqdm's own notebook bar leaves a widget in the saved output, and its text bar a line on stderr; so its text goes to one
display of ours, which is emptied at the end.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from IPython.display import DisplayHandle

DELAY = 0.5  # seconds before a bar appears; what is faster needs none
BAR_WIDTH = 80  # characters


class _Bar(tqdm):  # type: ignore[type-arg]  # tqdm is generic in its stubs alone
    # tqdm would start a thread to watch for bars that stall; it would outlive ours.
    monitor_interval = 0


class _DisplayFile:
    """A file that tqdm writes to; each bar replaces the one before in one display."""

    encoding = "utf-8"

    def __init__(self, handle: DisplayHandle) -> None:
        self._handle = handle
        self._is_shown = False

    def write(self, text: str) -> None:
        bar = text.strip("\r\n ")
        if not bar:
            return
        if self._is_shown:
            self._handle.update({"text/plain": bar}, raw=True)
        else:
            self._handle.display({"text/plain": bar}, raw=True)
        self._is_shown = True

    def flush(self) -> None:
        """Nothing is held back."""

    def clear(self) -> None:
        if self._is_shown:
            self._handle.update({}, raw=True)


@contextmanager
def progress_bar(
    total: int, description: str, handle: DisplayHandle | None, *, delay: float = DELAY
) -> Iterator[Callable[[int], None]]:
    """Shows a bar while a block runs, if that takes long enough to need one.

    Args:
        total: How many steps there are.
        description: What is being done, such as `Fetching images`.
        handle: The notebook display to draw in; None draws on a terminal's stderr.
        delay: Seconds before the bar appears.

    Yields:
        A function to be called with the number of steps done since the last call.
    """
    file = _DisplayFile(handle) if handle is not None else None
    bar = _Bar(
        total=total,
        desc=description,
        delay=delay,
        leave=False,
        file=file or sys.stderr,
        ncols=BAR_WIDTH if file else None,
        ascii=False,
    )

    def advance(steps: int) -> None:
        bar.update(steps)

    try:
        yield advance
    finally:
        bar.close()
        if file is not None:
            file.clear()
