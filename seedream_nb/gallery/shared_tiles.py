"""Tiles for what leaves the notebook (an exported page, a contact sheet): complete, and without any account data.

Pure functions. Unlike in a notebook, all tiles are shown and prompts are not cut.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timezone
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from seedream_nb.core.foreign import show_line
from seedream_nb.gallery.contents import label_parts
from seedream_nb.gallery.page import FLAT, SQUARE, common_shape, link_of
from seedream_nb.gallery.tiles import before_tile, facts_of, label_tiles, lay_out, tile_details, whole_prompt
from seedream_nb.protocol.capabilities import display_name, parse_size

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.gallery.contents import Contents, Table
    from seedream_nb.gallery.page import Shape
    from seedream_nb.gallery.tiles import Tile

# Error messages of the service may end with the id of the call.
_CALL_ID = re.compile(r"\(?\b(?:request|trace)[ _-]?id\b\W*[\w-]*\)?[.,;]?", re.IGNORECASE)


@dataclass(frozen=True)
class SharedTile:
    """A tile with everything that may be shared. All texts are ready to be shown."""

    tile: Tile
    prompt: str  # in full
    label: str  # such as `before`, or the row and the column of a table; else empty
    problem: str  # why there is no image; else empty
    facts: tuple[str, ...]  # model name, size, and seed, as far as they are known
    details: tuple[tuple[str, str], ...]  # labels with texts: all other facts
    link: str | None  # the address of the original, if a reader elsewhere can reach it


def lay_out_shared(contents: Contents) -> list[SharedTile]:
    """Creates the tiles of everything in a gallery: first those before the tasks, then those of each task, in order."""
    table = contents.table.shown() if contents.table else None
    before = [_before(tile) for tile in map(before_tile, contents.before)]
    tiles = label_tiles(lay_out(contents.tasks), contents)
    return [*before, *(_share(tile, contents.tasks[tile.number], table) for tile in tiles)]


def expected_shape(tiles: Iterable[SharedTile]) -> Shape:
    """The shape of the places for images, as the records tell it before any image is loaded.

    That of the images when they share it, a square when not or not known, flat where there is no image.
    """
    with_images = [shared.tile for shared in tiles if shared.tile.images]
    if not with_images:
        return FLAT
    # A layer is shown on a place with the shape of its base image.
    images = [tile.images[0] for tile in with_images if tile.layers or not tile.images[0].z_index]
    sizes = [parse_size(image.size or "") for image in images]
    known = [size for size in sizes if size and all(size)]
    return common_shape(known) if len(known) == len(sizes) else SQUARE


def _before(tile: Tile) -> SharedTile:
    details = (("Size", tile.facts[0]),) if tile.facts else ()
    return SharedTile(tile, "", tile.label, tile.problem, tile.facts, details, _shared_link(tile.image))


def _share(tile: Tile, task: Task, table: Table | None) -> SharedTile:
    image = tile.images[0] if tile.images else None
    model, size = (image and image.model) or task.model, (image and image.size) or task.size
    labels = _table_labels(tile, table) if table else [tile.label]
    return SharedTile(
        tile=tile,
        prompt=whole_prompt(task, tile),
        label=" · ".join(filter(None, labels)),
        problem=_without_call_id(tile.problem, task),
        facts=tuple(map(display_name, facts_of(model, size, None, tile.image.seed if tile.image else None))),
        details=tuple(tile_details(task, tile, _format_utc)),
        link=_shared_link(tile.image),
    )


def _table_labels(tile: Tile, table: Table) -> list[str]:
    """What the row and the column show and the tile does not."""
    shown = {tile.prompt, *tile.facts, *map(display_name, tile.facts)}
    parts = [part for label in table.labels(tile.number) for part in label_parts(label)]
    return [tile.layer, *(show_line(part) for part in parts if part not in shown)]


def _without_call_id(problem: str, task: Task) -> str:
    """A reason without the service's id of the call, which is for its support alone."""
    trace_id = show_line(task.trace_id or "")
    problem = problem.replace(trace_id, "") if trace_id else problem
    return " ".join(_CALL_ID.sub("", problem).split())


def _shared_link(image: TaskImage | None) -> str | None:
    """The link to the original, unless it contains a password."""
    link = link_of(image) if image else None
    return None if link is None or "@" in urlsplit(link).netloc else link


def _format_utc(moment: datetime) -> str:
    try:
        return f"{moment.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        return ""  # outside of any calendar
