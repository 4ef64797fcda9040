"""Why: a gallery is decided to the last detail before it is spelled, so that HTML and text say the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seedream_nb.gallery.tiles import Tile


@dataclass(frozen=True)
class Picture:
    """What an `<img>` shows.

    Attributes:
        address: A `data:` URI, or an http(s) link.
        width: In pixels; None when it is not known.
        height: In pixels; None when it is not known.
    """

    address: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True)
class Entry:
    """A tile with what is shown for it.

    Attributes:
        tile: What it says.
        picture: What it shows; None for a tile without a picture.
        link: Where the original is, if the reader can get there.
    """

    tile: Tile
    picture: Picture | None = None
    link: str | None = None


@dataclass(frozen=True)
class Page:
    """A whole gallery, decided to the last detail but not yet spelled as HTML or text.

    Attributes:
        summary: The header line.
        notes: What the reader should know about this rendering, such as what was left out.
        entries: The tiles that are drawn.
        columns: How many stand side by side; None lets the width decide.
        tile_width: How wide a tile may become, in pixels.
        aspect: Width and height of the place for a picture, as a ratio.
    """

    summary: str
    notes: tuple[str, ...]
    entries: tuple[Entry, ...]
    columns: int | None
    tile_width: int
    aspect: tuple[int, int] = (1, 1)
