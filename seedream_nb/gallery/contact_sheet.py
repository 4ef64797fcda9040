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
from seedream_nb.gallery.shared_tiles import TITLE, expected_shape, lay_out_shared, missing_word
from seedream_nb.gallery.written_file import check_path, replaced_file
from seedream_nb.images.contact_sheet import SheetTile, blank_sheet, draw_tile, plan_sheet, save_sheet

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from PIL.Image import Image

    from seedream_nb.gallery.contents import Contents, GalleryOptions, Table
    from seedream_nb.gallery.shared_tiles import SharedContents, SharedTile
    from seedream_nb.images.contact_sheet import SheetLayout
    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.images.thumbnails import Thumbnail

SUFFIXES = (".pdf", ".png", ".jpg", ".jpeg")
MAX_PIXELS = 60_000_000  # of one sheet; each takes three bytes of memory
MAX_EDGE = 65_000  # pixels; the limit of JPEG
MIN_UPRIGHT = 0.5  # the least ratio of width to height of a place, to leave room for the caption
SHORT_ID = 8  # characters of a task id in a caption


@dataclass(frozen=True)
class SheetPlan:
    """What a contact sheet shows."""

    tiles: tuple[SharedTile, ...]  # those with an image; of a table, all
    aspect: tuple[int, int]  # width and height of the place for an image, as a ratio
    options: GalleryOptions  # the number of columns, and the size of the images
    has_captions: bool
    given_title: str | None  # a PDF has a title in any case
    table: Table | None
    heading: str  # the prompt of all tiles
    common_facts: tuple[str, ...]  # those of all tiles
    dates: tuple[datetime, ...]

    @property
    def title(self) -> str:
        """The heading of a PDF."""
        return TITLE if self.given_title is None else self.given_title

    @property
    def has_before(self) -> bool:
        """Whether there are images that the tasks started from."""
        return any(tile.tile.is_before for tile in self.tiles)

    def caption(self, tile: SharedTile) -> tuple[str, list[str]]:
        """What is written below an image, on pages that show the heading and the common facts once."""
        if not self.has_captions:
            return "", []
        prompt = "" if tile.own_prompt == self.heading else tile.own_prompt
        title = " · ".join(filter(None, [tile.label, prompt]))
        facts = [fact for fact in tile.own_facts if fact not in self.common_facts]
        number = "" if tile.number is None else f"{tile.number}"
        if title and number:
            title, number = f"{number}.\N{NO-BREAK SPACE}{title}", ""
        return title, [number, tile.tile.position, *facts, tile.tile.task_id[:SHORT_ID]]


def plan_contents(contents: Contents, options: GalleryOptions, *, captions: bool, title: str | None) -> SheetPlan:
    """Decides what a contact sheet shows; captions have prompt, model, size, and seed.

    Raises:
        UsageError: There is no image.
    """
    shared = lay_out_shared(contents)
    with_images = [tile for tile in shared.tiles if tile.tile.images]
    if not with_images:
        raise UsageError("There are no images for a contact sheet.", hint="Wait for the tasks, or choose others.")
    dates = [task.created_at or task.finished_at for task in contents.tasks]
    return SheetPlan(
        tiles=tuple(with_images) if shared.table is None else shared.tiles,
        aspect=expected_shape(with_images),
        options=options,
        has_captions=captions,
        given_title=None if title is None else show_line(title),
        table=shared.table,
        heading=shared.heading if shared.table else _common_prompt(with_images),
        common_facts=_common_facts(shared, with_images),
        dates=tuple(filter(None, dates)),
    )


def _common_prompt(tiles: list[SharedTile]) -> str:
    prompts = {tile.prompt for tile in tiles if not tile.tile.is_before}
    return prompts.pop() if len(tiles) > 1 and len(prompts) == 1 else ""


def _common_facts(shared: SharedContents, tiles: list[SharedTile]) -> tuple[str, ...]:
    facts = [tile.own_facts for tile in tiles if not tile.tile.is_before]
    common = [fact for fact in facts[0] if all(fact in others for others in facts)] if len(facts) > 1 else []
    return tuple(dict.fromkeys([*shared.heading_facts, *common]))


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
            # Imported here because fpdf2 and its fonts are needed for this alone.
            from seedream_nb.gallery.sheet_pages import write_pages  # noqa: PLC0415  see above

            write_pages(plan, part, fetcher, on_progress)
        else:
            save_sheet(part, draw_sheet(plan, fetcher, on_progress), target.suffix.lower())
    return target


def _one_sheet(plan: SheetPlan) -> SheetLayout:
    count = len(plan.tiles)
    columns = plan.options.columns or _table_columns(plan) or math.ceil(math.sqrt(count))
    layout = plan_sheet([_caption(plan, tile) for tile in plan.tiles], columns, _place(plan), plan.given_title)
    width, height = layout.size
    if width * height > MAX_PIXELS or max(width, height) > MAX_EDGE:
        raise UsageError(
            f"One sheet of {count_of(count, 'image')} would be {width:,} x {height:,} pixels, which is too large.",
            hint='Write a PDF with several pages, as in contact_sheet("sheet.pdf"), or smaller images: thumbnail=160.',
        )
    return layout


def _table_columns(plan: SheetPlan) -> int:
    """The number of columns of a table with one tile in each place; 0 for anything else."""
    is_regular = plan.table and [tile.tile.number for tile in plan.tiles] == list(range(plan.table.size))
    return len(plan.table.columns) if plan.table and is_regular and not plan.has_before else 0


def _place(plan: SheetPlan) -> tuple[int, int]:
    """The place for an image: as large as requested, and wide enough for a caption."""
    width, height = plan.aspect
    scale = plan.options.thumbnail / max(width, height)
    high = max(1, round(height * scale))
    return max(1, round(width * scale), round(high * MIN_UPRIGHT)), high


def _drawable(
    plan: SheetPlan, layout: SheetLayout, fetcher: ImageFetcher, on_progress: Callable[[int], None] | None
) -> Iterator[tuple[int, SheetTile, Thumbnail | None]]:
    tiles = [shared.tile for shared in plan.tiles]
    for place, image in stream_thumbnails(tiles, max(layout.image), fetcher, on_progress=on_progress):
        caption = _caption(plan, plan.tiles[place])
        if image is None or isinstance(image, ImageError):
            yield place, dataclasses.replace(caption, missing=missing_word(plan.tiles[place], image)), None
        else:
            yield place, caption, image


def _caption(plan: SheetPlan, shared: SharedTile) -> SheetTile:
    title = " · ".join(filter(None, [shared.full_label, shared.prompt]))
    return SheetTile(title, " · ".join(shared.facts)) if plan.has_captions else SheetTile()
