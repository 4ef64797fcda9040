"""Why: tasks and the pictures that were fetched for them become one `Page`; this is the gallery's middle."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from seedream_nb.config import is_loopback
from seedream_nb.errors import ImageError
from seedream_nb.gallery.budget import Loaded, choose_pictures
from seedream_nb.gallery.page import Entry, Page, Picture
from seedream_nb.gallery.tiles import LOST_IMAGE, Tile, count_of, lay_out, summarize
from seedream_nb.images.load import source_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from seedream_nb.gallery.options import GalleryOptions
    from seedream_nb.models import Task, TaskImage


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
        The http(s) link; None for any other scheme, and for addresses of this machine: on Binder, Colab or a
        JupyterHub the browser cannot reach the kernel's loopback.
    """
    url = image.url or ""
    is_clean = url.lower().startswith(("http://", "https://")) and url.isprintable() and " " not in url
    return url if is_clean and not is_loopback(url) else None


def compose(tasks: Sequence[Task], options: GalleryOptions, loaded: Loaded, measure: Callable[[Page], int]) -> Page:
    """Decides what a gallery shows, within its size.

    Args:
        tasks: All tasks of the gallery.
        options: How it is drawn.
        loaded: The pictures that were fetched, or why they were not.
        measure: Gives the size of a page in bytes, once spelled.

    Returns:
        The page; the same for the same input.
    """
    tiles = lay_out(tasks)
    entries = [_entry(tile, loaded) for tile in tiles[: options.limit]]
    page = Page(summarize(tasks), (), tuple(entries), options.columns, options.thumbnail)
    # Notes are written last, so some room is kept for them.
    room = options.max_bytes - measure(page) - 1000
    pictures, size_notes = choose_pictures(entries, options, loaded, room)
    shown = tuple(_with_picture(entry, picture, loaded) for entry, picture in zip(entries, pictures, strict=True))
    lost = sum(entry.tile.state is LOST_IMAGE for entry in shown)
    notes = [
        *_limit_notes(tasks, len(tiles), len(entries)),
        *([f"{count_of(lost, 'image')} could not be shown."] if lost else []),
        *size_notes,
    ]
    return dataclasses.replace(page, notes=tuple(notes), entries=shown, aspect=_common_aspect(pictures))


def _entry(tile: Tile, loaded: Loaded) -> Entry:
    if tile.image is None:
        return Entry(tile)
    link = link_of(tile.image)
    found = loaded.get(source_of(tile.image) or "")
    if isinstance(found, ImageError):
        problem = " ".join(part for part in (found.message, found.hint) if part)
        # Where the host itself said no, the link is dead for the reader as well.
        link = link if found.status_code is None else None
        return Entry(dataclasses.replace(tile, state=LOST_IMAGE, problem=problem, image=None), link=link)
    return Entry(tile, link=link)


def _with_picture(entry: Entry, picture: Picture | None, loaded: Loaded) -> Entry:
    image = entry.tile.image
    if picture is None and image is not None and source_of(image) in loaded:
        tile = dataclasses.replace(
            entry.tile, problem="Not embedded, to keep the notebook small. gallery.save() fetches the original."
        )
        return dataclasses.replace(entry, tile=tile)
    return dataclasses.replace(entry, picture=picture)


def _limit_notes(tasks: Sequence[Task], tiles: int, drawn: int) -> list[str]:
    if drawn == tiles:
        return []
    whole_tasks, used = 0, 0
    for task in tasks:
        used += len(lay_out([task]))
        if used > drawn:
            break
        whole_tasks += 1
    return [
        f"{drawn} of {tiles:,} tiles are drawn. Go on with a slice such as [{whole_tasks}:], or raise limit={drawn}."
    ]


def _common_aspect(pictures: Sequence[Picture | None]) -> tuple[int, int]:
    """The shape of the pictures when they share one, so that no tile has empty bars; else a square."""
    shapes = [(picture.width, picture.height) for picture in pictures if picture and picture.width and picture.height]
    ratios = {round(width / height, 2) for width, height in shapes}
    return shapes[0] if len(ratios) == 1 else (1, 1)
