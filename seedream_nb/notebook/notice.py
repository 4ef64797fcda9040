"""Why: what a command has to say in words is a value of the cell like a gallery, not something printed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Notice:
    """Some lines of text that show themselves in any front end.

    Attributes:
        text: The text, lines kept as they are.
    """

    text: str

    def __repr__(self) -> str:
        return self.text
