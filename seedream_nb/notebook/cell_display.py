"""Why: what changes while a cell runs has one place in its output, so that the saved notebook does not grow with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from IPython.display import clear_output, display

if TYPE_CHECKING:
    from IPython.display import DisplayHandle


class CellDisplay:
    """One output of a notebook's cell, each version in place of the one before."""

    def __init__(self) -> None:
        self._handle: DisplayHandle | None = None

    @property
    def is_there(self) -> bool:
        """Whether it has its place."""
        return self._handle is not None

    def open(self) -> None:
        """Takes its place in the output of the cell that runs now; what is shown later, and from where, goes there."""
        if self._handle is None:
            # Begun empty, as nbval keeps what is displayed first and knows neither updates nor clearing.
            self._handle = display({}, raw=True, display_id=True)

    def show(self, bundle: dict[str, str]) -> None:
        """Shows a MIME bundle, in place of what was shown before."""
        self.open()
        if self._handle is not None:
            self._handle.update(bundle, raw=True)

    def empty(self) -> None:
        """Leaves an empty output, which no front end shows."""
        if self._handle is not None:
            self._handle.update({}, raw=True)


def clear_cell(*, wait: bool = False) -> None:
    """Clears the whole output of the cell that runs.

    Args:
        wait: Whether to wait for the next output, so that the page does not jump.
    """
    clear_output(wait=wait)
