"""Why: what leaves the notebook (a page, a contact sheet) shows all images, and tells all that a stranger may know.

Pure functions: tasks become exhibits. Unlike in a notebook, prompts are whole, and nothing says whose account it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timezone
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from seedream_nb.gallery.captions import label_tiles
from seedream_nb.gallery.compose import MOST_OBLONG, link_of
from seedream_nb.gallery.foreign_text import clean_prompt, show_line, show_prompt
from seedream_nb.gallery.page import FLAT
from seedream_nb.gallery.table import label_parts
from seedream_nb.gallery.tiles import facts_of, lay_out, lay_out_before
from seedream_nb.protocol.capabilities import display_name, parse_size

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.gallery.contents import Contents
    from seedream_nb.gallery.table import Table
    from seedream_nb.gallery.tiles import Tile

# Error messages of the service may end in its name for the call.
_CALL_NAMED = re.compile(r"\(?\b(?:request|trace)[ _-]?id\b\W*[\w-]*\)?[.,;]?", re.IGNORECASE)


@dataclass(frozen=True)
class Exhibit:
    """One image, or what stands for a task without one. All texts are fit to be shown.

    Attributes:
        tile: What a tile of a gallery says.
        prompt: The whole prompt.
        label: What tells it from its neighbours, such as `before`, or the row and the column of a table; else empty.
        problem: Why there is no image; else empty.
        facts: Model, size and seed, as far as they are known.
        details: All else that is known, each with its name.
        link: Where the original is, if a reader elsewhere can get there.
    """

    tile: Tile
    prompt: str
    label: str
    problem: str
    facts: tuple[str, ...]
    details: tuple[tuple[str, str], ...]
    link: str | None


def lay_out_exhibits(contents: Contents) -> list[Exhibit]:
    """Makes the exhibits of all that a gallery holds, in order.

    Args:
        contents: What the gallery shows.

    Returns:
        What was before, then one for each image of each task, or for a task without any.
    """
    table = contents.table.shown() if contents.table else None
    before = [_before(tile) for tile in lay_out_before(contents.before)]
    tiles = label_tiles(lay_out(contents.tasks), contents)
    return [*before, *(_exhibit(tile, contents.tasks[tile.number], table) for tile in tiles)]


def common_aspect(exhibits: Iterable[Exhibit]) -> tuple[int, int]:
    """The shape of the images, as their records tell it before any of them is fetched.

    Args:
        exhibits: The exhibits.

    Returns:
        Width and height, as a ratio: theirs when they share one, a square when not or not known, flat
        where there is no image.
    """
    imaged = [exhibit.tile for exhibit in exhibits if exhibit.tile.images]
    if not imaged:
        return FLAT
    # A layer lies on a place of its base image's shape.
    images = [tile.images[0] for tile in imaged if tile.layers or not tile.images[0].z_index]
    sizes = [parse_size(image.size or "") for image in images]
    known = [size for size in sizes if size and all(size)]
    ratios = {round(width / height, 2) for width, height in known}
    if len(known) < len(sizes) or len(ratios) != 1 or not 1 / MOST_OBLONG <= max(ratios) <= MOST_OBLONG:
        return 1, 1
    return known[0]


def _before(tile: Tile) -> Exhibit:
    link = _shared_link(tile.image)
    return Exhibit(
        tile, "", tile.label, tile.problem, tile.facts, _known(Size=tile.facts[0] if tile.facts else ""), link
    )


def _exhibit(tile: Tile, task: Task, table: Table | None) -> Exhibit:
    image = tile.images[0] if tile.images else None
    image = tile.image
    model = (image.model if image else None) or task.model
    size = " ".join(facts_of(None, (image.size if image else None) or task.size, None, None))
    seed = None if image is None else image.seed
    details = _known(
        Model=show_line(model or ""),
        Size=size,
        Format=show_line((image.output_format if image else None) or ""),
        Seed="" if seed is None else str(seed),
        Layer=tile.layer,
        Description=show_line((image.description if image else None) or ""),
        Place=tile.position,
        Task=tile.task_id,
        Created=_format_time(task.created_at),
        Took="" if task.elapsed is None else f"{task.elapsed:,.1f} s",
    )
    labels = _table_labels(tile, table) if table else [tile.label]
    return Exhibit(
        tile=tile,
        prompt=_whole_prompt(tile, task),
        label=" · ".join(filter(None, labels)),
        problem=_without_call(tile.problem, task),
        facts=facts_of(model, (image.size if image else None) or task.size, None, seed),
        details=details,
        link=_shared_link(image),
    )


def _known(**details: str) -> tuple[tuple[str, str], ...]:
    return tuple((name, text) for name, text in details.items() if text)


def _whole_prompt(tile: Tile, task: Task) -> str:
    """What the tile's prompt was cut from."""
    prompts = (*(image.prompt for image in task.images), task.prompt)
    whole = next((prompt for prompt in prompts if show_prompt(prompt) == tile.prompt), "")
    return clean_prompt(whole)


def _table_labels(tile: Tile, table: Table) -> list[str]:
    """What the row and the column say and the tile does not."""
    said = {tile.prompt, *tile.facts, *map(display_name, tile.facts)}
    parts = [part for label in table.labels(tile.number) for part in label_parts(label)]
    return [tile.layer, *(show_line(part) for part in parts if part not in said)]


def _without_call(problem: str, task: Task) -> str:
    """A reason without the service's name for the call, which is for its support alone."""
    trace_id = show_line(task.trace_id or "")
    problem = problem.replace(trace_id, "") if trace_id else problem
    return " ".join(_CALL_NAMED.sub("", problem).split())


def _shared_link(image: TaskImage | None) -> str | None:
    """The link to the original, unless a password is in it."""
    link = link_of(image) if image else None
    return None if link is None or "@" in urlsplit(link).netloc else link


def _format_time(moment: datetime | None) -> str:
    if moment is None:
        return ""
    try:
        return f"{moment.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
    except (OverflowError, ValueError, OSError):
        # No calendar holds it.
        return ""
