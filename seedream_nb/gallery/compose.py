"""Why: tasks and the pictures that were fetched for them become one `Page`; this is the gallery's middle."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from seedream_nb.config import is_loopback
from seedream_nb.errors import ImageError
from seedream_nb.gallery.budget import Loaded, choose_pictures, find_loaded, to_stay_small
from seedream_nb.gallery.foreign_text import show_line
from seedream_nb.gallery.page import Entry, Page, Picture
from seedream_nb.gallery.tiles import LOST_IMAGE, Tile, count_of, lay_out, summarize
from seedream_nb.images.fetch import DEAD_LINK_STATUSES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seedream_nb.gallery.options import GalleryOptions
    from seedream_nb.models import Task, TaskImage

LONGEST_LINK = 2000  # characters; a longer one is no address that browsers agree on
NARROWEST_UPRIGHT = 180  # pixels; narrower captions are hard to read
MOST_OBLONG = 4  # how many times longer than wide all places for pictures may be


def needed_images(tasks: Sequence[Task], options: GalleryOptions) -> list[TaskImage]:
    """The images whose bytes are needed to draw the gallery.

    Args:
        tasks: All tasks of the gallery.
        options: How it is drawn.

    Returns:
        The drawn images; with `embed="links"` only those whose link no reader could follow.
    """
    images = [tile.image for tile in lay_out(tasks)[: options.limit] if tile.image is not None]
    return [image for image in images if options.embed != "links" or link_of(image) is None]


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


def compose(tasks: Sequence[Task], options: GalleryOptions, loaded: Loaded, measure: Callable[[Page], int]) -> Page:
    """Decides what a gallery shows, within its size.

    Args:
        tasks: All tasks of the gallery.
        options: How it is drawn.
        loaded: The pictures that were fetched, or why they were not.
        measure: Gives the size of a page in bytes, once spelled.

    Returns:
        The page; the same for the same input. Where the captions alone are too large, fewer tiles are drawn.
    """
    tiles = lay_out(tasks)
    entries = [_entry(tile, loaded) for tile in tiles[: options.limit]]

    def draw(drawn: int, room: int) -> Page:
        pictures, size_notes = choose_pictures(entries[:drawn], options, loaded, room)
        shown = [_with_picture(entry, picture, loaded) for entry, picture in zip(entries, pictures, strict=False)]
        notes = [*_limit_notes(tasks, len(tiles), drawn, options), *_lost_notes(shown), *size_notes]
        aspect = _common_aspect(pictures)
        width = _tile_width(aspect, options)
        return Page(summarize(tasks), tuple(notes), tuple(shown), options.columns, width, aspect)

    drawn = len(entries)
    while (captions := measure(draw(drawn, room=0))) > options.max_bytes and drawn:
        drawn = min(drawn - 1, drawn * options.max_bytes // captions)
    room = options.max_bytes - captions
    # Captions change a little with the pictures, so what is too much is taken off the room, rarely more than once.
    while (excess := measure(page := draw(drawn, room)) - options.max_bytes) > 0 and room > 0:
        room -= excess
    return page


def _has_web_host(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        return False


def _entry(tile: Tile, loaded: Loaded) -> Entry:
    if tile.image is None:
        return Entry(tile)
    link = link_of(tile.image)
    found = find_loaded(tile.image, loaded)
    if isinstance(found, ImageError):
        problem = show_line(" ".join(part for part in (found.message, found.hint) if part))
        # Where the host itself said that it is gone, the link is dead for the reader as well.
        link = None if found.status_code in DEAD_LINK_STATUSES else link
        return Entry(dataclasses.replace(tile, state=LOST_IMAGE, problem=problem, image=None), link=link)
    return Entry(tile, link=link)


def _with_picture(entry: Entry, picture: Picture | None, loaded: Loaded) -> Entry:
    image = entry.tile.image
    if picture is None and image is not None and find_loaded(image, loaded) is not None:
        tile = dataclasses.replace(
            entry.tile, problem="Not embedded, to keep the notebook small. gallery.save() fetches the original."
        )
        return dataclasses.replace(entry, tile=tile)
    return dataclasses.replace(entry, picture=picture)


def _lost_notes(entries: Sequence[Entry]) -> list[str]:
    lost = sum(entry.tile.state is LOST_IMAGE for entry in entries)
    return [f"{count_of(lost, 'image')} could not be shown."] if lost else []


def _limit_notes(tasks: Sequence[Task], tiles: int, drawn: int, options: GalleryOptions) -> list[str]:
    """How to reach the tiles that are not drawn."""
    if drawn == tiles:
        return []
    is_full = drawn == options.limit
    reason, limit = ("", f"limit={drawn}") if is_full else (to_stay_small(options), f"max_bytes={options.max_bytes}")
    whole_tasks, used = 0, 0
    for task in tasks:
        used += len(lay_out([task]))
        if used > drawn:
            break
        whole_tasks += 1
    # A slice that begins within the first task would show the same tiles again.
    way_on = f"Go on with a slice such as [{whole_tasks}:], or raise" if whole_tasks else "Raise"
    return [f"{drawn:,} of {count_of(tiles, 'tile')} are drawn{reason}. {way_on} {limit}."]


def _tile_width(aspect: tuple[int, int], options: GalleryOptions) -> int:
    """As wide as thumbnails of this shape, so that upright ones are not enlarged; never too narrow for a caption."""
    width, height = aspect
    upright = round(options.thumbnail * width / max(width, height))
    return min(options.thumbnail, max(NARROWEST_UPRIGHT, upright))


def _common_aspect(pictures: Sequence[Picture | None]) -> tuple[int, int]:
    """The shape of the pictures when they share one, so that no tile has empty bars; else a square."""
    shapes = [(picture.width, picture.height) for picture in pictures if picture and picture.width and picture.height]
    ratios = {round(width / height, 2) for width, height in shapes}
    if len(ratios) != 1 or not 1 / MOST_OBLONG <= max(ratios) <= MOST_OBLONG:
        return 1, 1
    return shapes[0]
