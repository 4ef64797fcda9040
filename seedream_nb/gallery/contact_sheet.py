"""Why: a sheet of all images goes where no page does: into a document, a mail, onto paper."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.errors import ImageError, UsageError
from seedream_nb.core.text import count_of
from seedream_nb.gallery.exhibits import common_aspect, lay_out_exhibits
from seedream_nb.gallery.foreign_text import show_line
from seedream_nb.gallery.thumbnail_stream import stream_thumbnails
from seedream_nb.gallery.tiles import LOST_IMAGE, NOT_COMPOSED
from seedream_nb.gallery.written_file import check_path, replaced_file
from seedream_nb.images.contact_sheet import (
    PAGE_GAP,
    PAGE_ROOM,
    SheetTile,
    add_page,
    blank_sheet,
    draw_tile,
    number_page,
    plan_page,
    plan_sheet,
    save_sheet,
)

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from PIL.Image import Image

    from seedream_nb.gallery.contents import Contents
    from seedream_nb.gallery.exhibits import Exhibit
    from seedream_nb.gallery.options import GalleryOptions
    from seedream_nb.images.contact_sheet import SheetLayout
    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.images.thumbnails import Thumbnail

SUFFIXES = (".pdf", ".png", ".jpg", ".jpeg")
MOST_PIXELS = 60_000_000  # of one sheet; in memory each takes three bytes
LONGEST_EDGE = 65_000  # pixels; JPEG knows no more
NARROWEST_UPRIGHT = 0.5  # the least width of an upright image's place in heights, for its caption's sake


@dataclass(frozen=True)
class SheetPlan:
    """What a contact sheet shows.

    Attributes:
        exhibits: All that have an image.
        tiles: What is written for each.
        aspect: Width and height of the place for an image, as a ratio.
        options: How many columns, and how large the images.
    """

    exhibits: tuple[Exhibit, ...]
    tiles: tuple[SheetTile, ...]
    aspect: tuple[int, int]
    options: GalleryOptions


def plan_contents(contents: Contents, options: GalleryOptions, *, captions: bool) -> SheetPlan:
    """Decides what a contact sheet shows.

    Args:
        contents: What the gallery shows.
        options: How many columns, and how large the images.
        captions: Whether prompt, model, size and seed stand below the images.

    Returns:
        The plan.

    Raises:
        UsageError: There is no image.
    """
    exhibits = tuple(exhibit for exhibit in lay_out_exhibits(contents) if exhibit.tile.images)
    if not exhibits:
        raise UsageError("There is no image for a contact sheet.", hint="Wait for the tasks, or choose others.")
    tiles = tuple(_tile(exhibit) if captions else SheetTile() for exhibit in exhibits)
    return SheetPlan(exhibits, tiles, common_aspect(exhibits), options)


def draw_sheet(plan: SheetPlan, fetcher: ImageFetcher, on_progress: Callable[[int], None] | None = None) -> Image:
    """Draws all on one sheet.

    Args:
        plan: What it shows.
        fetcher: Fetches the images.
        on_progress: Called with 1 for each image that is finished.

    Returns:
        The sheet, in mode `RGB`, on white.

    Raises:
        UsageError: The sheet would be too large.
    """
    layout = _one_sheet(plan)
    sheet = blank_sheet(layout)
    for place, tile, image in _drawable(plan, layout, fetcher, on_progress):
        draw_tile(sheet, layout, place, tile, image)
    return sheet


def write_sheet(
    plan: SheetPlan,
    path: str | os.PathLike[str],
    fetcher: ImageFetcher,
    on_progress: Callable[[int], None] | None = None,
) -> Path:
    """Writes all on one sheet, or on the pages of a PDF.

    Args:
        plan: What is shown.
        path: Where to; its ending says as what. An existing file is replaced, once the new one is whole.
        fetcher: Fetches the images.
        on_progress: Called with 1 for each image that is finished.

    Returns:
        The path of the file.

    Raises:
        UsageError: The ending is another one, the file cannot be written, or one sheet would be too large.
    """
    target = check_path(path, SUFFIXES)
    with replaced_file(target) as part:
        if target.suffix.lower() == ".pdf":
            _write_pages(plan, part, show_line(target.stem), fetcher, on_progress)
        else:
            save_sheet(part, draw_sheet(plan, fetcher, on_progress), target.suffix.lower())
    return target


def _write_pages(
    plan: SheetPlan, path: Path, title: str, fetcher: ImageFetcher, on_progress: Callable[[int], None] | None
) -> None:
    columns = plan.options.columns or max(1, (PAGE_ROOM[0] + PAGE_GAP[0]) // (_place(plan)[0] + PAGE_GAP[0]))
    layout = plan_page(plan.tiles, columns, plan.aspect)
    count = math.ceil(len(plan.tiles) / layout.capacity)
    page = blank_sheet(layout)
    for place, tile, image in _drawable(plan, layout, fetcher, on_progress):
        number, on_page = divmod(place, layout.capacity)
        draw_tile(page, layout, on_page, tile, image)
        if on_page == layout.capacity - 1 or place == len(plan.tiles) - 1:
            number_page(page, layout, number + 1, count)
            add_page(path, page, title=title, is_first=number == 0)
            page = blank_sheet(layout)


def _one_sheet(plan: SheetPlan) -> SheetLayout:
    count = len(plan.tiles)
    layout = plan_sheet(plan.tiles, plan.options.columns or math.ceil(math.sqrt(count)), _place(plan))
    width, height = layout.size
    if width * height > MOST_PIXELS or max(width, height) > LONGEST_EDGE:
        raise UsageError(
            f"One sheet of {count_of(count, 'image')} would have {width:,} x {height:,} pixels, which is too large.",
            hint='Write a PDF of many pages: contact_sheet("sheet.pdf"), or take smaller images: thumbnail=160.',
        )
    return layout


def _place(plan: SheetPlan) -> tuple[int, int]:
    """The place for an image: as large as asked for, and wide enough for a caption."""
    width, height = plan.aspect
    scale = plan.options.thumbnail / max(width, height)
    high = max(1, round(height * scale))
    return max(1, round(width * scale), round(high * NARROWEST_UPRIGHT)), high


def _drawable(
    plan: SheetPlan, layout: SheetLayout, fetcher: ImageFetcher, on_progress: Callable[[int], None] | None
) -> Iterator[tuple[int, SheetTile, Thumbnail | None]]:
    tiles = [exhibit.tile for exhibit in plan.exhibits]
    for place, image in stream_thumbnails(tiles, max(layout.image), fetcher, on_progress=on_progress):
        if isinstance(image, ImageError):
            state = NOT_COMPOSED if tiles[place].layers else LOST_IMAGE
            yield place, dataclasses.replace(plan.tiles[place], missing=state.word), None
        else:
            yield place, plan.tiles[place], image


def _tile(exhibit: Exhibit) -> SheetTile:
    label = f"{exhibit.label} · " if exhibit.label and exhibit.prompt else exhibit.label
    return SheetTile(f"{label}{exhibit.prompt}", " · ".join(exhibit.facts))
