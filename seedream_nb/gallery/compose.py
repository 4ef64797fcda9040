"""Why: tasks and the images that were fetched for them become one `Page`; this is the gallery's middle."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from seedream_nb.core.errors import ImageError
from seedream_nb.core.hosts import is_loopback
from seedream_nb.core.text import count_of
from seedream_nb.gallery.captions import common_facts, common_prompt, label_tiles, without_what_is_said
from seedream_nb.gallery.embedding import Loaded, choose_images, find_loaded, to_stay_small
from seedream_nb.gallery.foreign_text import show_line
from seedream_nb.gallery.page import FLAT, Entry, Page, ShownImage
from seedream_nb.gallery.tiles import (
    LOST_IMAGE,
    NOT_COMPOSED,
    Tile,
    facts_of,
    fetching,
    lay_out,
    lay_out_before,
    summarize,
)
from seedream_nb.images.fetch import DEAD_LINK_STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seedream_nb.core.models import TaskImage
    from seedream_nb.gallery.contents import Contents
    from seedream_nb.gallery.options import GalleryOptions

LONGEST_LINK = 2000  # characters; a longer one is no address that browsers agree on
NARROWEST_UPRIGHT = 180  # pixels; narrower captions are hard to read
MOST_OBLONG = 4  # how many times longer than wide all places for images may be


@dataclass(frozen=True)
class Layout:
    """The tiles of a gallery, before any image is there; `lay_out_contents` makes it.

    Attributes:
        contents: What the gallery shows.
        options: How it is drawn.
        before: The tiles of what was there before, as many as are drawn.
        tiles: Those of all tasks.
        is_live: Whether the gallery is still filling.
    """

    contents: Contents
    options: GalleryOptions
    before: tuple[Tile, ...]
    tiles: tuple[Tile, ...]
    is_live: bool = False

    @property
    def drawn(self) -> tuple[Tile, ...]:
        """The tiles that are drawn, unless they are too large."""
        return (*self.before, *self.tiles[: self.options.limit])


def lay_out_contents(contents: Contents, options: GalleryOptions, *, is_live: bool = False) -> Layout:
    """Makes the tiles of a gallery.

    Args:
        contents: What the gallery shows.
        options: How it is drawn.
        is_live: Whether the gallery is still filling.

    Returns:
        The tiles; the same for the same input.
    """
    # With links alone there is no image to put together.
    tiles = lay_out(contents.tasks, is_live=is_live, is_composed=options.embed != "links", keeps_places=is_live)
    before = lay_out_before(contents.before[: options.limit])
    return Layout(contents, options, tuple(before), tuple(label_tiles(tiles, contents)), is_live)


def needed_tiles(layout: Layout) -> tuple[Tile, ...]:
    """The tiles for whose images bytes are needed to draw the gallery.

    Args:
        layout: The tiles of the gallery.

    Returns:
        The drawn tiles with images; with `embed="links"` only those whose link no reader could follow.
    """
    return tuple(tile for tile in layout.drawn if _needs_bytes(tile, layout.options))


def link_of(image: TaskImage) -> str | None:
    """The link to the original, if it is safe and a reader elsewhere can follow it.

    Args:
        image: The image.

    Returns:
        The http(s) link; None for any other scheme, for addresses that are no link a service would send, and for
        addresses of this machine: on Binder, Colab or a JupyterHub the browser cannot reach the kernel's loopback.
    """
    url = image.url or ""
    is_clean = len(url) <= LONGEST_LINK and url.isprintable() and " " not in url
    return url if is_clean and _has_web_host(url) and not is_loopback(url) else None


def compose(layout: Layout, loaded: Loaded, measure: Callable[[Page], int]) -> Page:
    """Decides what a gallery shows, within its size.

    Args:
        layout: The tiles of the gallery.
        loaded: The images that were fetched, or why they were not.
        measure: Gives the size of a page in bytes, once spelled.

    Returns:
        The page; the same for the same input. Where the captions alone are too large, fewer tiles are drawn.
    """
    contents, options = layout.contents, layout.options
    table = contents.table.shown() if contents.table else None
    heading = common_prompt(contents, table) if table else ""
    heading_facts = common_facts(contents) if table else ()
    if table:
        short = (without_what_is_said(tile, table, heading, heading_facts) for tile in layout.tiles)
        layout = dataclasses.replace(layout, tiles=tuple(short))
    # Where all do not fit, the last ones are left out, so that what was there before goes last.
    entries = [_entry(tile, loaded) for tile in map(partial(_as_it_fills, layout, loaded), layout.drawn)]
    # What is still filling stands below a line that counts.
    summary = "" if layout.is_live else summarize(contents.tasks)

    def draw(drawn: int, room: int) -> Page:
        images, size_notes = choose_images(entries[:drawn], options, loaded, room)
        shown = [_with_image(entry, image, loaded) for entry, image in zip(entries, images, strict=False)]
        first, rest = tuple(shown[: len(layout.before)]), tuple(shown[len(layout.before) :])
        aspect = _common_aspect(shown) if layout.is_live or any(entry.shown for entry in shown) else FLAT
        return Page(
            summary=summary,
            notes=(
                *_before_notes(contents, len(first)),
                *_limit_notes(layout.tiles, len(rest), options),
                *_lost_notes(shown),
                *size_notes,
            ),
            entries=rest,
            columns=options.columns,
            tile_width=_tile_width(aspect, options),
            aspect=aspect,
            before=first,
            table=table.drawn(entry.tile.number for entry in rest) if table and rest else None,
            heading=heading if rest else "",
            heading_facts=heading_facts if rest else (),
        )

    drawn = len(entries)
    while (captions := measure(draw(drawn, room=0))) > options.max_bytes and drawn:
        drawn = min(drawn - 1, drawn * options.max_bytes // captions)
    room = options.max_bytes - captions
    # Captions change a little with the images, so what is too much is taken off the room, rarely more than once.
    while (excess := measure(page := draw(drawn, room)) - options.max_bytes) > 0 and room > 0:
        room -= excess
    return page


def _needs_bytes(tile: Tile, options: GalleryOptions) -> bool:
    return bool(tile.images) and (options.embed != "links" or any(link_of(image) is None for image in tile.images))


def _as_it_fills(layout: Layout, loaded: Loaded, tile: Tile) -> Tile:
    """While a gallery is filling, an image that is not here yet is on its way."""
    is_awaited = layout.is_live and _needs_bytes(tile, layout.options) and find_loaded(tile, loaded) is None
    return fetching(tile) if is_awaited else tile


def _has_web_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return False


def _entry(tile: Tile, loaded: Loaded) -> Entry:
    link = link_of(tile.image) if tile.image else None
    found = find_loaded(tile, loaded)
    if isinstance(found, ImageError):
        problem = show_line(" ".join(part for part in (found.message, found.hint) if part))
        # Where the host itself said that it is gone, the link is dead for the reader as well.
        link = None if found.status_code in DEAD_LINK_STATUSES else link
        state = NOT_COMPOSED if tile.layers else LOST_IMAGE
        return Entry(dataclasses.replace(tile, state=state, problem=problem, image=None, layers=()), link=link)
    if found is not None and tile.is_before:
        original = found.thumbnail.original
        tile = dataclasses.replace(tile, facts=facts_of(None, f"{original.width}x{original.height}", None, None))
    return Entry(tile, link=link)


def _with_image(entry: Entry, image: ShownImage | None, loaded: Loaded) -> Entry:
    if image is None and find_loaded(entry.tile, loaded) is not None:
        way_on = "gallery.compose() returns it" if entry.tile.layers else "gallery.save() fetches the original"
        way_on = "" if entry.tile.is_before else f" {way_on}."
        tile = dataclasses.replace(entry.tile, problem=f"Not embedded, to keep the notebook small.{way_on}")
        return dataclasses.replace(entry, tile=tile)
    return dataclasses.replace(entry, shown=image) if image else entry


def _lost_notes(entries: Sequence[Entry]) -> list[str]:
    lost = sum(entry.tile.state is LOST_IMAGE for entry in entries)
    return [f"{count_of(lost, 'image')} could not be shown."] if lost else []


def _before_notes(contents: Contents, drawn: int) -> list[str]:
    images = count_of(len(contents.before), "image")
    return [] if drawn == len(contents.before) else [f"{drawn} of {images} before are drawn."]


def _limit_notes(tiles: Sequence[Tile], drawn: int, options: GalleryOptions) -> list[str]:
    """How to reach the tiles that are not drawn."""
    if drawn == len(tiles):
        return []
    is_full = drawn == options.limit
    reason, limit = ("", f"limit={drawn}") if is_full else (to_stay_small(options), f"max_bytes={options.max_bytes}")
    whole_tasks = tiles[drawn].number
    # A slice that begins within the first task would show the same tiles again.
    way_on = f"Go on with a slice such as [{whole_tasks}:], or raise" if whole_tasks else "Raise"
    return [f"{drawn:,} of {count_of(len(tiles), 'tile')} are drawn{reason}. {way_on} {limit}."]


def _tile_width(aspect: tuple[int, int], options: GalleryOptions) -> int:
    """As wide as thumbnails of this shape, so that upright ones are not enlarged; never too narrow for a caption."""
    width, height = aspect
    upright = round(options.thumbnail * width / max(width, height))
    return min(options.thumbnail, max(NARROWEST_UPRIGHT, upright))


def _common_aspect(entries: Sequence[Entry]) -> tuple[int, int]:
    """The shape of the images when they share one, so that no tile has empty bars; else a square."""
    shapes = [shape for entry in entries if (shape := entry.shape)]
    ratios = {round(width / height, 2) for width, height in shapes}
    if len(ratios) != 1 or not 1 / MOST_OBLONG <= max(ratios) <= MOST_OBLONG:
        return 1, 1
    return shapes[0]
