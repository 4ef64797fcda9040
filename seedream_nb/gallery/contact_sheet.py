"""Draws a contact sheet of a gallery: one image, or the pages of a PDF."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.errors import ImageError, UsageError
from seedream_nb.core.foreign import show_line
from seedream_nb.core.text import count_of
from seedream_nb.gallery.embedding import stream_thumbnails
from seedream_nb.gallery.shared_tiles import expected_shape, lay_out_shared
from seedream_nb.gallery.tiles import lost_state
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

    from seedream_nb.gallery.contents import Contents, GalleryOptions
    from seedream_nb.gallery.shared_tiles import SharedTile
    from seedream_nb.gallery.tiles import Tile
    from seedream_nb.images.contact_sheet import SheetLayout
    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.images.thumbnails import Thumbnail

SUFFIXES = (".pdf", ".png", ".jpg", ".jpeg")
MAX_PIXELS = 60_000_000  # of one sheet; each takes three bytes of memory
MAX_EDGE = 65_000  # pixels; the limit of JPEG
MIN_UPRIGHT = 0.5  # the least ratio of width to height of a place, to leave room for the caption


@dataclass(frozen=True)
class SheetPlan:
    """What a contact sheet shows."""

    tiles: tuple[Tile, ...]  # those that have an image
    captions: tuple[SheetTile, ...]  # one for each tile
    aspect: tuple[int, int]  # width and height of the place for an image, as a ratio
    options: GalleryOptions  # the number of columns, and the size of the images


def plan_contents(contents: Contents, options: GalleryOptions, *, captions: bool) -> SheetPlan:
    """Decides what a contact sheet shows; captions have prompt, model, size, and seed.

    Raises:
        UsageError: There is no image.
    """
    shared = [one for one in lay_out_shared(contents) if one.tile.images]
    if not shared:
        raise UsageError("There are no images for a contact sheet.", hint="Wait for the tasks, or choose others.")
    tiles = tuple(one.tile for one in shared)
    return SheetPlan(
        tiles, tuple(_caption(one) if captions else SheetTile() for one in shared), expected_shape(shared), options
    )


def draw_sheet(plan: SheetPlan, fetcher: ImageFetcher, on_progress: Callable[[int], None] | None = None) -> Image:
    """Draws everything on one sheet, in mode `RGB`, on white.

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
    """Writes everything on one sheet, or on the pages of a PDF, in the format of the path's ending.

    Raises:
        UsageError: The ending is not supported, the file cannot be written, or one sheet would be too large.
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
    layout = plan_page(plan.captions, columns, plan.aspect)
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
    layout = plan_sheet(plan.captions, plan.options.columns or math.ceil(math.sqrt(count)), _place(plan))
    width, height = layout.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_EDGE:
        raise UsageError(
            f"One sheet of {count_of(count, 'image')} would be {width:,} x {height:,} pixels, which is too large.",
            hint='Write a PDF with several pages, as in contact_sheet("sheet.pdf"), or smaller images: thumbnail=160.',
        )
    return layout


def _place(plan: SheetPlan) -> tuple[int, int]:
    """The place for an image: as large as requested, and wide enough for a caption."""
    width, height = plan.aspect
    scale = plan.options.thumbnail / max(width, height)
    high = max(1, round(height * scale))
    return max(1, round(width * scale), round(high * MIN_UPRIGHT)), high


def _drawable(
    plan: SheetPlan, layout: SheetLayout, fetcher: ImageFetcher, on_progress: Callable[[int], None] | None
) -> Iterator[tuple[int, SheetTile, Thumbnail | None]]:
    for place, image in stream_thumbnails(plan.tiles, max(layout.image), fetcher, on_progress=on_progress):
        if isinstance(image, ImageError):
            state = lost_state(plan.tiles[place])
            yield place, dataclasses.replace(plan.captions[place], missing=state.word), None
        else:
            yield place, plan.captions[place], image


def _caption(shared: SharedTile) -> SheetTile:
    label = f"{shared.label} · " if shared.label and shared.prompt else shared.label
    return SheetTile(f"{label}{shared.prompt}", " · ".join(shared.facts))
