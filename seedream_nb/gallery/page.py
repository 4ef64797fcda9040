"""Why: a gallery is decided to the last detail before it is spelled, so that HTML and text say the same."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seedream_nb.gallery.table import Table
    from seedream_nb.gallery.tiles import Tile


FLAT = (3, 1)  # the shape of places where no image is, nor will come


@dataclass(frozen=True)
class DataUri:
    """The address of an image that stands in the page itself; its bytes are encoded only where it is spelled.

    Attributes:
        mime: Such as `image/jpeg`.
        data: The bytes of an image file.

    Example:
        >>> uri = DataUri("image/png", b"four")
        >>> str(uri), len(uri)
        ('data:image/png;base64,Zm91cg==', 30)
    """

    mime: str
    data: bytes

    @property
    def encoded_length(self) -> int:
        """How many characters its bytes take."""
        return 4 * ((len(self.data) + 2) // 3)

    def __len__(self) -> int:
        return len(self._begin) + self.encoded_length

    def __str__(self) -> str:
        return self._begin + base64.b64encode(self.data).decode("ascii")

    @property
    def _begin(self) -> str:
        return f"data:{self.mime};base64,"


@dataclass(frozen=True)
class ShownImage:
    """What an `<img>` shows.

    Attributes:
        address: The image itself, or an http(s) link.
        width: In pixels; None when it is not known.
        height: In pixels; None when it is not known.
        is_transparent: Whether something has to lie behind it to be seen through it.
    """

    address: DataUri | str
    width: int | None = None
    height: int | None = None
    is_transparent: bool = False

    @property
    def shape(self) -> tuple[int, int] | None:
        """Width and height, where both are known."""
        return (self.width, self.height) if self.width and self.height else None


@dataclass(frozen=True)
class Entry:
    """A tile with what is shown for it.

    Attributes:
        tile: What it says.
        shown: What it shows; None for a tile without an image.
        link: Where the original is, if the reader can get there.
    """

    tile: Tile
    shown: ShownImage | None = None
    link: str | None = None

    @property
    def shape(self) -> tuple[int, int] | None:
        """Width and height of the image that is shown or expected, as a ratio; None where it is not known.

        A layer has the shape of what is on it, and lies on a place of its base image's shape.
        """
        if self.tile.image is not None and self.tile.image.z_index:
            return None
        return self.shown.shape if self.shown else self.tile.expected_shape


@dataclass(frozen=True)
class Page:
    """A whole gallery, decided to the last detail but not yet spelled as HTML or text.

    Attributes:
        summary: The header line; empty while the gallery is filling.
        notes: What the reader should know about this rendering, such as what was left out.
        entries: The tiles that are drawn for tasks.
        columns: How many stand side by side; None lets the width decide.
        tile_width: How wide a tile may become, in pixels.
        aspect: Width and height of the place for an image, as a ratio.
        before: The tiles that are drawn before them.
        table: The rows and columns that are drawn, if any.
        heading: The prompt of all tasks of a table, when it is said once for all.
        heading_facts: What else is said once for all, such as the model.
    """

    summary: str
    notes: tuple[str, ...]
    entries: tuple[Entry, ...]
    columns: int | None
    tile_width: int
    aspect: tuple[int, int] = (1, 1)
    before: tuple[Entry, ...] = ()
    table: Table | None = None
    heading: str = ""
    heading_facts: tuple[str, ...] = ()
