"""Why: while tasks run, the cell shows them filling in; the saved notebook holds the finished gallery alone."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from seedream_nb.notebook.cell_display import CellDisplay, clear_cell
from seedream_nb.notebook.picture_loader import PictureLoader

if TYPE_CHECKING:
    from seedream_nb.gallery import Gallery
    from seedream_nb.notebook.counts import Counts


SECONDS_BEFORE_DRAWING = 0.3  # what is fetched sooner is never shown as missing


class CellLiveDisplay:
    """Shows a line that counts and a gallery that fills in, each in one output of a notebook's cell.

    Args:
        wipe_cell: Whether the cell's whole output may be cleared at the end, as it holds nothing else.
        value_follows: Whether the cell's value is shown next, so that the page need not jump in between.
    """

    def __init__(self, *, wipe_cell: bool, value_follows: bool) -> None:
        self._wipe_cell = wipe_cell
        self._value_follows = value_follows
        self._line = CellDisplay()
        self._gallery = CellDisplay()
        self._loader = PictureLoader()
        self._filled_with: Gallery | None = None
        self._pictures_drawn = 0
        # Now: a watch draws from a thread, while another cell may run.
        self._line.open()
        self._gallery.open()

    def count(self, counts: Counts) -> None:
        """Shows how far it is, in place of what was shown before."""
        self._line.show(counts.to_bundle())
        if self._filled_with is not None and self._loader.finished != self._pictures_drawn:
            self._draw(self._filled_with)

    def fill(self, gallery: Gallery) -> None:
        """Shows the gallery as it is now, in place of what was shown before, and fetches its pictures meanwhile."""
        self._filled_with = gallery
        self._loader.load(gallery)
        self._loader.wait(SECONDS_BEFORE_DRAWING)
        self._draw(gallery)

    def is_filling(self, seconds: float) -> bool:
        """Waits some time for pictures that are being fetched; says whether some still are."""
        return not self._loader.wait(seconds)

    def clear(self) -> None:
        """Takes all of it away, as the cell's value follows."""
        if self._wipe_cell:
            clear_cell(wait=self._value_follows)
        else:
            self._line.empty()
            self._gallery.empty()

    def settle(self, gallery: Gallery, problem: BaseException | None) -> None:
        """Leaves the finished gallery in its place, and why it is not complete, if so."""
        try:
            self._gallery.show(gallery._repr_mimebundle_())
        except Exception as error:  # noqa: BLE001  it comes from a thread, where nobody would see it
            self._gallery.show({"text/plain": repr(gallery)})
            problem = problem or error
        if problem is None:
            self._line.empty()
        else:
            self._line.show({"text/plain": f"{type(problem).__name__}: {problem}"})

    def _draw(self, gallery: Gallery) -> None:
        self._pictures_drawn = self._loader.finished
        self._gallery.show(gallery.live_bundle())


class TerminalLiveDisplay:
    """Shows the line that counts in a terminal; pictures have no place there."""

    def count(self, counts: Counts) -> None:
        """Shows how far it is, in place of what was shown before."""
        if sys.stderr.isatty():
            sys.stderr.write(f"\r\x1b[K{counts}")
            sys.stderr.flush()

    def fill(self, gallery: Gallery) -> None:
        """Shows nothing: the text follows at the end."""

    def is_filling(self, seconds: float) -> bool:
        """There is nothing to wait for."""
        del seconds
        return False

    def clear(self) -> None:
        """Takes the line away."""
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def settle(self, gallery: Gallery, problem: BaseException | None) -> None:
        """Prints the finished gallery, and why it is not complete, if so."""
        self.clear()
        print(gallery)  # noqa: T201  a terminal has no other way to show what comes later
        if problem is not None:
            print(f"{type(problem).__name__}: {problem}")  # noqa: T201  as above
