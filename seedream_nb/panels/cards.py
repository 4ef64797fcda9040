"""Cards: the plain JSON that the grid draws, worded as a gallery words its tiles. Pure functions."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from seedream_nb.core.foreign import show_line
from seedream_nb.core.text import count_of
from seedream_nb.gallery.page import link_of
from seedream_nb.gallery.tiles import describe_error, facts_of, lay_out, tile_details, whole_prompt
from seedream_nb.protocol.capabilities import display_name
from seedream_nb.protocol.cards import IN_PROGRESS, STATES
from seedream_nb.protocol.prices import format_dollars
from seedream_nb.protocol.sizes import parse_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime, tzinfo
    from typing import TypeAlias

    from seedream_nb.core.models import Task, TaskImage, Usage
    from seedream_nb.gallery.tiles import Tile

# One image, or the layers that compose one.
CardImage: TypeAlias = "TaskImage | tuple[TaskImage, ...]"

MOST_DETAILS = 40  # nobody reads a longer list

_STATES_IN_PROGRESS = {STATES[status] for status in IN_PROGRESS}
# Fields of the request that have a detail of their own, or only say how to send the answer.
_SHOWN_ELSEWHERE = {
    *("action", "async", "image", "model", "output_format", "prompt", "seed", "stream"),
    *("sequential_image_generation", "sequential_image_generation_options", "size"),
}


@dataclass(frozen=True)
class Card:
    """One place in the grid."""

    key: str  # unique in a collection, and unchanged when the task is read again
    task: Task
    tile: Tile

    @property
    def image(self) -> CardImage | None:
        """The image for an `ImageLoader` to load, or None."""
        return self.tile.layers or self.tile.image

    @property
    def is_in_progress(self) -> bool:
        """Whether an image is still to come."""
        return self.image is None and self.tile.state in _STATES_IN_PROGRESS

    @property
    def whole_prompt(self) -> str:
        """The tile's prompt without truncation, cleaned for display."""
        return whole_prompt(self.task, self.tile)

    @cached_property
    def _description(self) -> dict[str, object]:
        return _describe(self)


def make_cards(task: Task, name: str) -> tuple[Card, ...]:
    """The cards of a task, at least one, in the order of its tiles, with the keys `<name>/0`, `<name>/1`, and so on."""
    # The panel polls every task that has an id; one without was not sent, and its tile says so.
    tiles = lay_out([task], is_live=bool(task.id))
    return tuple(Card(f"{name}/{place}", task, tile) for place, tile in enumerate(tiles))


def describe(card: Card) -> dict[str, object]:
    """The JSON-ready data that the front end draws, read-only; all texts are cleaned for display, but not escaped.

    `width` and `height` are those of the original in pixels, or None when unknown.

    Example:
        >>> from seedream_nb import Task
        >>> (card,) = make_cards(Task.not_found("an-id"), "an-id")
        >>> describe(card)["state"]
        'not found'
    """
    # A panel describes all its cards each time that one is added.
    return card._description  # noqa: SLF001  cached on the card


def describe_details(card: Card) -> dict[str, object]:
    """The JSON-ready data of the detail view besides `describe`, computed only for the open card."""
    # The browser shows times in its own time zone, which may not be the kernel's.
    moments = {"Created": card.task.created_at, "Finished": card.task.finished_at}
    return {
        "key": card.key,
        "pairs": [list(pair) for pair in details_of(card.task, card.tile)],
        "moments": {label: moment.isoformat() for label, moment in moments.items() if moment},
    }


def details_of(task: Task, tile: Tile) -> list[tuple[str, str]]:
    """All that is known about a card except its prompt, ready to be shown; also fields that a service may add later."""
    more = ((label, show_line(text)) for label, text in (*_call(task, tile), *_request(task.request)) if text)
    return [*tile_details(task, tile, _format_time), *((label, text) for label, text in more if text)][:MOST_DETAILS]


def to_local(moment: datetime, zone: tzinfo | None = None) -> datetime:
    """A time in a time zone, by default this machine's; unchanged where that is out of the calendar's range."""
    try:
        return moment.astimezone(zone)
    except (OverflowError, ValueError, OSError):
        return moment


def _describe(card: Card) -> dict[str, object]:
    tile = card.tile
    shape = shape_of(card)
    return {
        "key": card.key,
        "task_id": tile.task_id,
        "prompt": tile.prompt,
        "is_prompt_cut": tile.prompt != card.whole_prompt,
        "icon": tile.state.icon if tile.state else "",
        "state": tile.state.word if tile.state else "",
        "is_in_progress": card.is_in_progress,
        "facts": [display_name(fact) for fact in tile.facts],
        "position": tile.position,
        "problem": tile.problem,
        "has_image": card.image is not None,
        "width": shape[0] if shape else None,
        "height": shape[1] if shape else None,
        "is_transparent": _is_transparent(card),
        "link": (link_of(tile.image) if tile.image else None) or "",
    }


def shape_of(card: Card) -> tuple[int, int] | None:
    """The width and height of the original in pixels, or of the image that is still to come; None when unknown."""
    tile = card.tile
    if tile.images:
        # The first of several layers is the base image.
        return parse_size(tile.images[0].size or "")
    return tile.expected_shape


def _is_transparent(card: Card) -> bool:
    """Whether it may have transparent parts, according to the record."""
    if card.image is None:
        return False
    image = card.tile.image
    is_upper_layer = image is not None and bool(image.z_index)
    return is_upper_layer or card.task.request.get("background") == "transparent"


def _call(task: Task, tile: Tile) -> Iterator[tuple[str, str]]:
    """What concerns only the account, and is not in a gallery for others."""
    yield "State", STATES[task.status].word
    yield "Usage", _format_usage(task.usage) if task.usage else ""
    yield "Trace ID", task.trace_id or ""
    error = describe_error(task.error) if task.error else ""
    yield "Error", "" if error == tile.problem else error


def _request(request: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """What was requested, as far as the result does not say it."""
    if request.get("size"):
        yield "Requested size", " ".join(facts_of(None, _format(request["size"]), None, None))
    if request.get("sequential_image_generation") == "auto":
        options = request.get("sequential_image_generation_options")
        most = options.get("max_images") if isinstance(options, dict) else None
        yield "Set", f"up to {_format(most)} images" if most else "number of images chosen by the model"
    image = request.get("image")
    references = image if isinstance(image, list) else [image] if image else []
    yield "References", " ".join(map(_format, references))
    for name, value in request.items():
        if name not in _SHOWN_ELSEWHERE and value is not None:
            yield show_line(name.replace("_", " ")).capitalize() or "Unnamed", _format(value)


def _format(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _format_time(moment: datetime) -> str:
    return f"{to_local(moment):%Y-%m-%d %H:%M:%S %Z}"


def _format_usage(usage: Usage) -> str:
    counts = (
        (usage.generated_images, "image"),
        (usage.output_tokens, "output token"),
        (usage.total_tokens, "token"),
    )
    parts = [count_of(number, noun) for number, noun in counts if number is not None]
    parts += [] if usage.credits is None else [f"{usage.credits:,.3f} credits"]
    parts += [] if usage.cost is None else [format_dollars(usage.cost)]
    return ", ".join(parts)
