"""Keeps captions short: what is shown once above or beside the tiles is left out of each. Pure functions."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from seedream_nb.gallery.foreign_text import show_prompt
from seedream_nb.gallery.tiles import AFTER, facts_of
from seedream_nb.protocol.capabilities import MODELS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb.gallery.contents import Contents
    from seedream_nb.gallery.table import Table
    from seedream_nb.gallery.tiles import Tile


def label_tiles(tiles: Sequence[Tile], contents: Contents) -> list[Tile]:
    """Labels tiles: layers with their names, and the results of an edit with `after`.

    Args:
        tiles: The tiles of all tasks.
        contents: What the gallery shows.

    Returns:
        The labeled tiles. Of the layers of one task, only the first tile names the model.
    """
    after = AFTER if contents.before and contents.table is None else ""
    labeled = []
    previous = None
    for tile in tiles:
        label = tile.layer or after
        changed = dataclasses.replace(tile, label=label) if label else tile
        if tile.layer:
            is_first = previous is None or previous.number != tile.number
            model = () if is_first else facts_of(contents.tasks[tile.number].model, None, None, None)
            facts = tuple(fact for fact in tile.facts if fact not in model)
            changed = dataclasses.replace(changed, position="", facts=facts)
        labeled.append(changed)
        previous = tile
    return labeled


def common_prompt(contents: Contents, table: Table) -> str:
    """The prompt of all tasks, unless the table's labels contain it; empty where there is none."""
    prompts = {show_prompt(task.prompt) for task in contents.tasks}
    if len(contents.tasks) == 1 or len(prompts) != 1:
        return ""
    prompt = prompts.pop()
    return "" if any(_names(label, prompt) for label in (*table.rows, *table.columns)) else prompt


def common_facts(contents: Contents) -> tuple[str, ...]:
    """The model, where all tasks share it: the longest fact, and one that is known from the start."""
    models = {task.model for task in contents.tasks}
    return facts_of(models.pop(), None, None, None) if len(contents.tasks) > 1 and len(models) == 1 else ()


def without_redundant(tile: Tile, table: Table, heading: str, heading_facts: tuple[str, ...]) -> Tile:
    """Leaves out of a tile what its row, its column, or the heading shows.

    Args:
        tile: The tile.
        table: Its table, with labels that are ready to be shown.
        heading: The prompt that is shown once for all.
        heading_facts: The facts that are shown once for all.

    Returns:
        The tile; its prompt stays for the alternative text of its image.
    """
    labels = table.labels(tile.number)
    is_shown = tile.prompt == heading or any(_names(label, tile.prompt) for label in labels)
    facts = tuple(
        fact for fact in tile.facts if fact not in heading_facts and not any(_names(label, fact) for label in labels)
    )
    return dataclasses.replace(tile, is_captioned=not is_shown, facts=facts)


def _names(label: str, fact: str) -> bool:
    """Whether a label has a fact on lines of its own; a model also by its other names."""
    names = {fact, MODELS[fact].short_name, MODELS[fact].label} if fact in MODELS else {fact}
    return bool(fact) and any(f"\n{name}\n" in f"\n{label}\n" for name in names)
