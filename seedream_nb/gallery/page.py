"""A page: everything that a gallery shows, decided before it is rendered, so that HTML and text agree."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seedream_nb.gallery.table import Table
    from seedream_nb.gallery.tiles import Tile

Shape = tuple[int, int]  # width and height, as a ratio
SQUARE: Shape = (1, 1)
FLAT: Shape = (3, 1)  # of places where there is no image and none will come
MAX_OBLONG = 4  # the largest ratio of the sides of a shape that all places share


@dataclass(frozen=True)
class DataUri:
    """The address of an embedded image; its bytes are encoded only when it is rendered.

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

    def __len__(self) -> int:
        return len(f"data:{self.mime};base64,") + 4 * ((len(self.data) + 2) // 3)

    def __str__(self) -> str:
        return f"data:{self.mime};base64,{base64.b64encode(self.data).decode('ascii')}"


@dataclass(frozen=True)
class ShownImage:
    """The content of an `<img>`.

    Attributes:
        address: The image itself, or an http(s) link.
        width: In pixels; None when it is not known.
        height: In pixels; None when it is not known.
        is_transparent: Whether a background must show through it.
    """

    address: DataUri | str
    width: int | None = None
    height: int | None = None
    is_transparent: bool = False

    @property
    def shape(self) -> Shape | None:
        """Width and height, where both are known."""
        return (self.width, self.height) if self.width and self.height else None


@dataclass(frozen=True)
class Entry:
    """A tile with its image.

    Attributes:
        tile: The tile.
        shown: Its image; None for a tile without one.
        link: The address of the original, if the reader can reach it.
    """

    tile: Tile
    shown: ShownImage | None = None
    link: str | None = None

    @property
    def shape(self) -> Shape | None:
        """Width and height of the image that is shown or expected, as a ratio; None where it is not known.

        A layer has the shape of its content, but is shown on a place with the shape of its base image.
        """
        if self.tile.image is not None and self.tile.image.z_index:
            return None
        return self.shown.shape if self.shown else self.tile.expected_shape


@dataclass(frozen=True)
class Page:
    """A whole gallery, ready to be rendered as HTML or text.

    Attributes:
        summary: The header line; empty while the gallery is filling.
        notes: Notes on this rendering, such as what was left out.
        entries: The tiles of the tasks.
        columns: The number of tiles in a row; None lets the width decide.
        tile_width: The largest width of a tile, in pixels.
        aspect: Width and height of the place for an image, as a ratio.
        before: The tiles that precede those of the tasks.
        table: The rows and columns, if any.
        heading: The prompt of all tasks of a table, when it is shown once for all.
        heading_facts: Other facts that are shown once for all, such as the model.
    """

    summary: str
    notes: tuple[str, ...]
    entries: tuple[Entry, ...]
    columns: int | None
    tile_width: int
    aspect: Shape = SQUARE
    before: tuple[Entry, ...] = ()
    table: Table | None = None
    heading: str = ""
    heading_facts: tuple[str, ...] = ()


def common_shape(shapes: Iterable[Shape]) -> Shape:
    """The shape that images share, so that no place has empty bars; a square when they differ.

    Args:
        shapes: Widths and heights.

    Returns:
        The first of them, or a square.

    Example:
        >>> common_shape([(320, 240), (640, 480)]), common_shape([(1, 1), (2, 1)])
        ((320, 240), (1, 1))
    """
    known = list(shapes)
    ratios = {round(width / height, 2) for width, height in known}
    if len(ratios) != 1 or not 1 / MAX_OBLONG <= max(ratios) <= MAX_OBLONG:
        return SQUARE
    return known[0]
