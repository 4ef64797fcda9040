"""A page: everything that a gallery shows, decided before it is rendered, so that HTML and text agree."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from seedream_nb.core.errors import ImageError
from seedream_nb.core.foreign import is_loopback, show_line
from seedream_nb.core.text import count_of
from seedream_nb.gallery.embedding import Loaded, choose_images, embedded_bytes, find_loaded, size_limit
from seedream_nb.gallery.tiles import (
    LOST_IMAGE,
    Tile,
    before_tile,
    common_facts,
    common_prompt,
    facts_of,
    label_tiles,
    lay_out,
    lost_state,
    mark_tiles,
    summarize,
    without_image,
    without_redundant,
)
from seedream_nb.images.download import DEAD_LINK_STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from seedream_nb.core.models import TaskImage
    from seedream_nb.gallery.contents import Contents, GalleryOptions, Table
    from seedream_nb.gallery.embedding import ShownImage
    from seedream_nb.gallery.tiles import Tile
    from seedream_nb.protocol.cards import State

Shape = tuple[int, int]  # width and height, as a ratio
SQUARE: Shape = (1, 1)
FLAT: Shape = (3, 1)  # of places where there is no image and none will come
MAX_OBLONG = 4  # the largest ratio of the sides of a shape that all places share


@dataclass(frozen=True)
class Entry:
    """A tile with its image."""

    tile: Tile
    shown: ShownImage | None = None  # None for a tile without an image
    link: str | None = None  # the address of the original, if the reader can reach it

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
    """A whole gallery, ready to be rendered as HTML or text."""

    summary: str  # the header line; empty while the gallery is filling
    notes: tuple[str, ...]  # on this rendering, such as what was left out
    entries: tuple[Entry, ...]
    columns: int | None  # the number of tiles in a row; None lets the width decide
    tile_width: int  # pixels, at most
    aspect: Shape = SQUARE  # of the place for an image
    before: tuple[Entry, ...] = ()
    table: Table | None = None
    heading: str = ""  # the prompt of all tasks of a table, when it is shown once for all
    heading_facts: tuple[str, ...] = ()  # other facts that are shown once for all, such as the model


def common_shape(shapes: Iterable[Shape]) -> Shape:
    """The shape that images share, so that no place has empty bars; a square when they differ.

    Example:
        >>> common_shape([(320, 240), (640, 480)]), common_shape([(1, 1), (2, 1)])
        ((320, 240), (1, 1))
    """
    known = list(shapes)
    ratios = {round(width / height, 2) for width, height in known}
    if len(ratios) != 1 or not 1 / MAX_OBLONG <= max(ratios) <= MAX_OBLONG:
        return SQUARE
    return known[0]


MAX_LINK = 2000  # characters; browsers disagree about longer ones
MIN_UPRIGHT = 180  # pixels; narrower captions are hard to read


@dataclass(frozen=True)
class Layout:
    """The tiles of a gallery before any image is loaded; `lay_out_contents` creates it."""

    contents: Contents
    options: GalleryOptions
    before: tuple[Tile, ...]  # as many as are shown
    tiles: tuple[Tile, ...]  # of all tasks
    is_live: bool = False  # whether tasks are still in progress, and a line above counts them
    absent: State | None = None  # of an image that is not loaded; None where all were tried
    heading: tuple[str, ...] | None = None  # the header line and notes instead of the counts; None for the counts

    @property
    def shown(self) -> tuple[Tile, ...]:
        """The tiles within the limit."""
        return (*self.before, *self.tiles[: self.options.limit])

    @cached_property
    def needed(self) -> tuple[Tile, ...]:
        """The tiles whose images must be loaded: with `embed="links"` only those whose link no reader can follow."""
        return tuple(tile for tile in self.shown if _needs_bytes(tile, self.options))


def lay_out_contents(
    contents: Contents, options: GalleryOptions, *, is_live: bool = False, absent: State | None = None
) -> Layout:
    """Creates the tiles of a gallery; the same for the same input."""
    # Links alone have no composed image.
    tiles = lay_out(contents.tasks, is_live=is_live, is_composed=options.embed != "links", reserves_places=is_live)
    tiles = mark_tiles(tiles, contents)
    before = tuple(before_tile(image) for image in contents.before[: options.limit])
    return Layout(contents, options, before, tuple(label_tiles(tiles, contents)), is_live, absent)


def link_of(image: TaskImage) -> str | None:
    """The http(s) link to the original, if it is safe and a reader elsewhere can follow it.

    Addresses that no service would send are left out, and addresses of this machine: on Binder, Colab, or JupyterHub
    the browser cannot reach the kernel's loopback.
    """
    url = image.url or ""
    is_clean = len(url) <= MAX_LINK and url.isprintable() and " " not in url
    return url if is_clean and _has_web_host(url) and not is_loopback(url) else None


def compose(layout: Layout, loaded: Loaded, measure: Callable[[Page], int]) -> Page:
    """Decides what a gallery shows, within its size limit; the same for the same input.

    Where the captions alone are too large, fewer tiles are shown. `measure` returns the size of a page in bytes, once
    rendered; it is last called with the page that is returned.
    """
    contents, options = layout.contents, layout.options
    table = contents.table.shown() if contents.table else None
    heading = common_prompt(contents, table) if table else ""
    heading_facts = common_facts(contents) if table else ()
    if table:
        short = (without_redundant(tile, table, heading, heading_facts) for tile in layout.tiles)
        layout = dataclasses.replace(layout, tiles=tuple(short))
    # The last tiles are left out first, so that those before the tasks stay longest.
    entries = [_entry(tile, loaded) for tile in map(partial(_as_far_as_loaded, layout, loaded), layout.shown)]
    absent = sum(entry.tile.state is layout.absent for entry in entries if layout.absent)
    counts = [summarize(contents.tasks), f"{absent} {layout.absent.word}" if layout.absent and absent else ""]
    counts.append(contents.note)
    # A progress line above a live gallery counts already.
    summary = "" if layout.is_live else " · ".join(filter(None, counts))
    summary, *first_notes = (summary,) if layout.heading is None else layout.heading

    def draw(count: int, room: int) -> Page:
        images, size_notes = choose_images(entries[:count], options, loaded, room)
        shown = [_with_image(entry, image, loaded) for entry, image in zip(entries, images, strict=False)]
        first, rest = tuple(shown[: len(layout.before)]), tuple(shown[len(layout.before) :])
        has_images = layout.absent is not None or any(entry.shown for entry in shown)
        aspect = common_shape(shape for entry in shown if (shape := entry.shape)) if has_images else FLAT
        return Page(
            summary=summary,
            notes=(*first_notes, *_notes(layout, first, rest), *size_notes),
            entries=rest,
            columns=options.columns,
            tile_width=_tile_width(aspect, options),
            aspect=aspect,
            before=first,
            table=table.part(entry.tile.number for entry in rest) if table and rest else None,
            heading=heading if rest else "",
            heading_facts=heading_facts if rest else (),
        )

    count, room = len(entries), options.max_bytes
    while (excess := measure(page := draw(count, room)) - options.max_bytes) > 0:
        captions = excess + options.max_bytes - embedded_bytes((*page.before, *page.entries))
        if captions > options.max_bytes and count:
            count, room = min(count - 1, count * options.max_bytes // captions), options.max_bytes
        elif room <= 0:
            break
        else:
            # Captions change a little with the images, so this rarely takes more than two rounds.
            room = min(room - excess, options.max_bytes - captions)
    return page


def _needs_bytes(tile: Tile, options: GalleryOptions) -> bool:
    return bool(tile.images) and (options.embed != "links" or any(link_of(image) is None for image in tile.images))


def _as_far_as_loaded(layout: Layout, loaded: Loaded, tile: Tile) -> Tile:
    if layout.absent is None or not _needs_bytes(tile, layout.options) or find_loaded(tile, loaded) is not None:
        return tile
    return without_image(tile, layout.absent)


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
        # Where the host itself reports that the image is gone, the link is dead for the reader as well.
        link = None if found.status_code in DEAD_LINK_STATUSES else link
        lost = dataclasses.replace(tile, state=lost_state(tile), problem=problem, image=None, layers=())
        return Entry(lost, link=link)
    if found is not None and tile.is_before:
        original = found.thumbnail.original
        tile = dataclasses.replace(tile, facts=facts_of(None, f"{original.width}x{original.height}", None, None))
    return Entry(tile, link=link)


def _with_image(entry: Entry, image: ShownImage | None, loaded: Loaded) -> Entry:
    if image is None and find_loaded(entry.tile, loaded) is not None:
        call = "gallery.compose() returns it" if entry.tile.layers else "gallery.save() fetches the original"
        hint = "" if entry.tile.is_before else f" {call}."
        tile = dataclasses.replace(entry.tile, problem=f"Not embedded, to keep the notebook small.{hint}")
        return dataclasses.replace(entry, tile=tile)
    return dataclasses.replace(entry, shown=image) if image else entry


def _notes(layout: Layout, before: Sequence[Entry], rest: Sequence[Entry]) -> list[str]:
    """What is not shown, and how to reach it."""
    notes = []
    if len(before) < len(layout.contents.before):
        notes.append(f"Showing {len(before):,} of {len(layout.contents.before):,} 'before' images.")
    shown, options = len(rest), layout.options
    if shown < len(layout.tiles):
        is_full = shown == options.limit
        reason, limit = ("", f"limit={shown}") if is_full else (size_limit(options), f"max_bytes={options.max_bytes}")
        whole_tasks = layout.tiles[shown].number
        # A slice that begins within the first task would show the same tiles again.
        hint = f"Continue with a slice such as [{whole_tasks}:], or raise" if whole_tasks else "Raise"
        notes.append(f"Showing {shown:,} of {count_of(len(layout.tiles), 'tile')}{reason}. {hint} {limit}.")
    lost = sum(entry.tile.state is LOST_IMAGE for entry in (*before, *rest))
    if lost:
        notes.append(f"{count_of(lost, 'image')} not available.")
    return notes


def _tile_width(aspect: Shape, options: GalleryOptions) -> int:
    """The width of thumbnails of this shape, so that upright ones are not enlarged; wide enough for a caption."""
    width, height = aspect
    upright = round(options.thumbnail * width / max(width, height))
    return min(options.thumbnail, max(MIN_UPRIGHT, upright))
