"""Why: the detail view shows everything that is known of a picture, also what the service may add some day."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from seedream_nb.core.text import count_of
from seedream_nb.gallery.foreign_text import show_line
from seedream_nb.gallery.tiles import describe_error, facts_of
from seedream_nb.panels.local_time import to_local

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from seedream_nb.core.models import Task, Usage
    from seedream_nb.gallery.tiles import Tile

MOST_DETAILS = 40  # a record with more fields is no longer read by anybody

# Fields of the request that are shown under a name of their own, or say only how the answer was to come.
_SAID_ELSEWHERE = {
    *("action", "async", "image", "model", "output_format", "prompt", "seed", "stream"),
    *("sequential_image_generation", "sequential_image_generation_options", "size"),
}


def details_of(task: Task, tile: Tile) -> list[tuple[str, str]]:
    """Everything that is known of a card but its prompt.

    Args:
        task: The task.
        tile: What the card says.

    Returns:
        Labels with their texts, fit to be shown; what is unknown is left out.
    """
    details = ((label, show_line(text)) for label, text in (*_result(task, tile), *_request(task.request)) if text)
    return [(label, text) for label, text in details if text][:MOST_DETAILS]


def _result(task: Task, tile: Tile) -> Iterator[tuple[str, str]]:
    image = tile.images[0] if tile.images else None
    picture = tile.image
    yield "Task id", task.id
    yield "Model", (image.model if image else None) or task.model or ""
    yield "Size", " ".join(facts_of(None, (image.size if image else None) or task.size, None, None))
    yield "Format", (picture.output_format if picture else None) or ""
    yield "Seed", "" if picture is None or picture.seed is None else str(picture.seed)
    yield "Place", tile.position
    yield "Description", (picture.description if picture else None) or ""
    yield "State", task.status.value
    yield "Created", _spell_time(task.created_at)
    yield "Finished", _spell_time(task.finished_at)
    yield "Took", "" if task.elapsed is None else f"{task.elapsed:,.1f} s"
    yield "Used", _spell_usage(task.usage) if task.usage else ""
    yield "Trace id", task.trace_id or ""
    error = describe_error(task.error) if task.error else ""
    yield "Error", "" if error == tile.problem else error


def _request(request: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What was asked for and is not said by the result."""
    if request.get("size"):
        yield "Size asked for", " ".join(facts_of(None, _spell(request["size"]), None, None))
    if request.get("sequential_image_generation") == "auto":
        options = request.get("sequential_image_generation_options")
        most = options.get("max_images") if isinstance(options, dict) else None
        yield "Set", f"up to {_spell(most)} pictures" if most else "as many as the model likes"
    image = request.get("image")
    references = image if isinstance(image, list) else [image] if image else []
    yield "References", " ".join(map(_spell, references))
    for name, value in request.items():
        if name not in _SAID_ELSEWHERE and value is not None:
            yield show_line(name.replace("_", " ")).capitalize() or "Unnamed", _spell(value)


def _spell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _spell_time(moment: datetime | None) -> str:
    return "" if moment is None else f"{to_local(moment):%Y-%m-%d %H:%M:%S %Z}"


def _spell_usage(usage: Usage) -> str:
    parts = (
        (usage.generated_images, "picture"),
        (usage.output_tokens, "output token"),
        (usage.total_tokens, "token"),
    )
    return ", ".join(count_of(number, noun) for number, noun in parts if number is not None)
