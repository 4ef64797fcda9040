"""Draws contact sheets with Pillow: even tiles with captions on one sheet.

Layouts are plain numbers, and captions are plain text.
"""

from __future__ import annotations

import dataclasses
import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from seedream_nb.images.lettering import lettering

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from seedream_nb.images.thumbnails import Thumbnail

PAPER, INK, SOFT_INK, MAT = "#ffffff", "#1f1f1f", "#5a5a5a", "#f0f0f0"
MIN_LETTERS = 11  # pixels
JPEG_QUALITY = 88  # compression artifacts are more visible in thin letters than in images
TITLE_LINES, PROMPT_LINES, FACTS_LINES = 2, 3, 2


@dataclass(frozen=True)
class SheetTile:
    """The caption of an image, and the text in its place where there is none.

    Attributes:
        prompt: The prompt, or another title.
        facts: Model, size, and seed.
        missing: Why there is no image, in a word or two.
    """

    prompt: str = ""
    facts: str = ""
    missing: str = ""


@dataclass(frozen=True)
class SheetLayout:
    """The layout of one sheet, in pixels.

    Attributes:
        size: Width and height of the sheet.
        columns: The number of tiles in a row.
        rows: The number of rows.
        image: Width and height of the place for an image.
        caption: The height of the caption.
        margin: The free space on all sides.
        gap: The free space between columns and between rows.
        letters: The size of the letters.
        title: The lines above the tiles.
    """

    size: tuple[int, int]
    columns: int
    rows: int
    image: tuple[int, int]
    caption: int
    margin: int
    gap: tuple[int, int]
    letters: int
    title: tuple[str, ...] = ()

    @property
    def head(self) -> int:
        """The height of the title, with the space below it."""
        lines = len(self.title) * lettering(title_size(self.letters)).line_height
        return lines + self.letters if lines else 0

    def corner(self, place: int) -> tuple[int, int]:
        """The upper left corner of the tile at a place, from 0."""
        row, column = divmod(place, self.columns)
        width, height = self.image[0] + self.gap[0], self.image[1] + self.caption + self.gap[1]
        return self.margin + column * width, self.margin + self.head + row * height


def title_size(letters: int) -> int:
    """The size of the letters of a title above captions of some size."""
    return round(letters * 1.7)


def plan_sheet(
    tiles: Sequence[SheetTile], columns: int, image: tuple[int, int], title: str | None = None
) -> SheetLayout:
    """Plans one sheet for all tiles.

    Args:
        tiles: The tiles, at least one.
        columns: The number of tiles in a row.
        image: Width and height of the place for an image, in pixels.
        title: The title above them, if any.

    Returns:
        The layout.
    """
    letters = max(MIN_LETTERS, round(max(image) / 23))
    caption = max(_caption_height(tile, image[0], letters) for tile in tiles)
    rows = math.ceil(len(tiles) / columns)
    margin, gap = letters * 2, (round(letters * 1.2), round(letters * 1.6))
    width = 2 * margin + columns * (image[0] + gap[0]) - gap[0]
    height = 2 * margin + rows * (image[1] + caption + gap[1]) - gap[1]
    lines = lettering(title_size(letters)).wrap(title or "", width - 2 * margin, TITLE_LINES)
    layout = SheetLayout((width, height), columns, rows, image, caption, margin, gap, letters, tuple(lines))
    return dataclasses.replace(layout, size=(width, height + layout.head))


def blank_sheet(layout: SheetLayout) -> Image.Image:
    """A sheet with its title alone."""
    sheet = Image.new("RGB", layout.size, PAPER)
    letters = lettering(title_size(layout.letters))
    for number, line in enumerate(layout.title):
        letters.draw(ImageDraw.Draw(sheet), (layout.margin, layout.margin + number * letters.line_height), line, INK)
    return sheet


def draw_tile(sheet: Image.Image, layout: SheetLayout, place: int, tile: SheetTile, image: Thumbnail | None) -> None:
    """Draws an image and its caption.

    Args:
        sheet: The sheet.
        layout: Its layout.
        place: The place on this sheet, from 0.
        tile: Its caption.
        image: The image; None where there is none.
    """
    canvas = ImageDraw.Draw(sheet)
    left, top = layout.corner(place)
    width, height = layout.image
    canvas.rectangle((left, top, left + width - 1, top + height - 1), fill=MAT)
    if image is None:
        inner = left + layout.letters, top + layout.letters
        _write(canvas, inner, lettering(layout.letters).wrap(tile.missing, width - 2 * layout.letters, 2), layout, INK)
    else:
        small = _fitted(image, layout.image)
        corner = left + (width - small.width) // 2, top + (height - small.height) // 2
        sheet.paste(small, corner, small if small.mode == "RGBA" else None)
    below = top + height + _above_caption(layout.letters)
    prompt, facts = _lines(tile, width, layout.letters)
    below = _write(canvas, (left, below), prompt, layout, INK)
    _write(canvas, (left, below), facts, layout, SOFT_INK)


def save_sheet(path: Path, sheet: Image.Image, suffix: str) -> None:
    """Writes a sheet as PNG or JPEG, depending on the suffix."""
    if suffix == ".png":
        sheet.save(path, "PNG")
    else:
        sheet.save(path, "JPEG", quality=JPEG_QUALITY)


def _fitted(thumbnail: Thumbnail, room: tuple[int, int]) -> Image.Image:
    with Image.open(io.BytesIO(thumbnail.data)) as image:
        small: Image.Image = image.convert("RGBA" if thumbnail.is_transparent else "RGB")
    small.thumbnail(room, Image.Resampling.LANCZOS)
    return small


def _lines(tile: SheetTile, width: int, letters: int) -> tuple[list[str], list[str]]:
    wrap = lettering(letters).wrap
    return wrap(tile.prompt, width, PROMPT_LINES), wrap(tile.facts, width, FACTS_LINES)


def _write(
    canvas: ImageDraw.ImageDraw, place: tuple[int, int], lines: list[str], layout: SheetLayout, color: str
) -> int:
    """Writes lines below one another; returns the top of the next one."""
    letters = lettering(layout.letters)
    left, top = place
    for line in lines:
        letters.draw(canvas, (left, top), line, color)
        top += letters.line_height
    return top


def _caption_height(tile: SheetTile, width: int, letters: int) -> int:
    prompt, facts = _lines(tile, width, letters)
    count = len(prompt) + len(facts)
    return _above_caption(letters) + count * lettering(letters).line_height if count else 0


def _above_caption(letters: int) -> int:
    return round(letters * 0.45)
