"""Why: commands are written and tested without IPython; this is all that they ask of the place where they run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from seedream_nb.gallery import Gallery
    from seedream_nb.notebook.counts import Counts


class LiveDisplay(Protocol):
    """A gallery that fills in, below one line that counts."""

    def count(self, counts: Counts) -> None:
        """Shows how far it is, in place of what was shown before."""

    def fill(self, gallery: Gallery) -> None:
        """Shows the gallery as it is now, in place of what was shown before, and fetches its pictures meanwhile."""

    def is_filling(self, seconds: float) -> bool:
        """Waits some time for pictures that are being fetched; says whether some still are."""

    def clear(self) -> None:
        """Takes all of it away, as the cell's value follows."""

    def settle(self, gallery: Gallery, problem: BaseException | None) -> None:
        """Leaves the finished gallery in its place, and why it is not complete, if so."""


class FrontEnd(Protocol):
    """What a handler may ask of the place where it runs."""

    def show(self, value: object) -> None:
        """Shows something beside the cell's value."""

    def assign(self, name: str, value: object) -> None:
        """Assigns a variable in the user's namespace."""

    def keep_value(self, value: object) -> None:
        """Keeps something as the cell's value (`_`) although the cell is about to fail."""

    def evaluate(self, expression: str) -> object:
        """The value of a Python expression in the user's namespace.

        Raises:
            UsageError: It has none.
        """

    def ask_secret(self, question: str) -> str:
        """Asks the user for something that is not shown while typed."""

    def confirm(self, question: str) -> bool:
        """Asks whether to go on.

        Raises:
            UsageError: There is nobody to ask.
        """

    def progress(self, total: int, description: str) -> AbstractContextManager[Callable[[int], None]]:
        """A progress bar that leaves nothing behind."""

    def live(self) -> LiveDisplay:
        """A display for tasks that are being made."""
