"""Tiles for what leaves the notebook (an exported page, a contact sheet): complete, and without any account data.

Pure functions. Unlike in a notebook, all tiles are shown and prompts are not cut.
"""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from datetime import timezone
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from seedream_nb.core.foreign import show_line
from seedream_nb.gallery.contents import label_parts
from seedream_nb.gallery.page import FLAT, SQUARE, common_shape, link_of
from seedream_nb.gallery.tiles import (
    before_tile,
    common_facts,
    common_prompt,
    facts_of,
    label_tiles,
    lay_out,
    lost_state,
    mark_tiles,
    tile_details,
    whole_prompt,
    without_redundant,
)
from seedream_nb.protocol.capabilities import display_name
from seedream_nb.protocol.cards import NO_IMAGE
from seedream_nb.protocol.sizes import parse_size

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from seedream_nb.core.errors import ImageError
    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.gallery.contents import Contents, Table
    from seedream_nb.gallery.page import Shape
    from seedream_nb.gallery.tiles import Tile

# Error messages of the service may end with the id of the call.
_CALL_ID = re.compile(r"\(?\b(?:request|trace)[ _-]?id\b\W*[\w-]*\)?[.,;]?", re.IGNORECASE)


TITLE = "Images generated with SeeDream"


@dataclass(frozen=True)
class SharedTile:
    """A tile with everything that may be shared. All texts are ready to be shown."""

    tile: Tile
    prompt: str  # in full
    label: str  # such as `before`, or the name of a layer; else empty
    problem: str  # why there is no image; else empty
    facts: tuple[str, ...]  # model name, size, and seed, as far as they are known
    details: tuple[tuple[str, str], ...]  # labels with texts: all other facts
    link: str | None  # the address of the original, if a reader elsewhere can reach it
    axes: str = ""  # what the row and the column of a table show, and the tile does not
    own_prompt: str = ""  # the prompt, unless the table or its heading shows it
    own_facts: tuple[str, ...] = ()  # likewise
    number: int | None = None  # from 1, as saved files are numbered; None for one that is not saved

    @property
    def full_label(self) -> str:
        """The label where there is no table to show the row and the column."""
        return " · ".join(filter(None, [self.label, self.axes]))


@dataclass(frozen=True)
class SharedContents:
    """All tiles, and what a table shows once for all of them."""

    tiles: tuple[SharedTile, ...]
    table: Table | None = None
    heading: str = ""  # the prompt of all tasks of a table
    heading_facts: tuple[str, ...] = ()


def lay_out_shared(contents: Contents) -> SharedContents:
    """Creates the tiles of everything in a gallery: first those before the tasks, then those of each task, in order."""
    table = contents.table.shown() if contents.table else None
    heading = common_prompt(contents, table) if table else ""
    heading_facts = common_facts(contents) if table else ()
    shared = [_before(tile) for tile in map(before_tile, contents.before)]
    number = 0
    for tile in label_tiles(mark_tiles(lay_out(contents.tasks), contents), contents):
        number += not tile.layers
        own = without_redundant(tile, table, heading, heading_facts) if table else tile
        found = _share(tile, contents.tasks[tile.number], own, table)
        shared.append(dataclasses.replace(found, number=None if tile.layers else number))
    return SharedContents(tuple(shared), table, heading, tuple(map(display_name, heading_facts)))


def missing_word(shared: SharedTile, problem: ImageError | None) -> str:
    """What is written in the place of an image that is not there."""
    return (lost_state(shared.tile) if problem else shared.tile.state or NO_IMAGE).word


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
    link = _shared_link(tile.image)
    return SharedTile(tile, "", tile.label, tile.problem, tile.facts, details, link, own_facts=tile.facts)


def _share(tile: Tile, task: Task, own: Tile, table: Table | None) -> SharedTile:
    image = tile.images[0] if tile.images else None
    model, size = (image and image.model) or task.model, (image and image.size) or task.size
    prompt = whole_prompt(task, tile)
    facts = facts_of(model, size, None, tile.image.seed if tile.image else None)
    redundant = {*tile.facts} - {*own.facts}
    return SharedTile(
        tile=tile,
        prompt=prompt,
        label=tile.label,
        problem=_without_call_id(tile.problem, task),
        facts=tuple(map(display_name, facts)),
        details=tuple(tile_details(task, tile, _format_utc)),
        link=_shared_link(tile.image),
        axes=" · ".join(_table_labels(tile, table)) if table else "",
        own_prompt=prompt if own.is_captioned else "",
        own_facts=tuple(display_name(fact) for fact in facts if fact not in redundant),
    )


def _table_labels(tile: Tile, table: Table) -> list[str]:
    """What the row and the column show and the tile does not."""
    shown = {tile.prompt, *tile.facts, *map(display_name, tile.facts)}
    parts = [part for label in table.labels(tile.number) for part in label_parts(label)]
    return [show_line(part) for part in parts if part not in shown]


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
