"""Why: the grid's front end draws plain JSON; what a card says is decided here, where Python tests reach it.

A card says what its tile in a gallery says, so that panel and gallery cannot disagree; only a model is called by its
label, as a tile has little room and the whole id stands among the details.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from seedream_nb.core.models import TaskStatus
from seedream_nb.gallery.compose import link_of
from seedream_nb.gallery.foreign_text import clean_prompt, show_prompt
from seedream_nb.gallery.tiles import STATES, lay_out
from seedream_nb.panels.card_details import details_of
from seedream_nb.protocol.capabilities import display_name, parse_size

if TYPE_CHECKING:
    from typing import TypeAlias

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.gallery.tiles import Tile

# One image, or the layers that make a picture together.
Picture: TypeAlias = "TaskImage | tuple[TaskImage, ...]"

_OPEN = {STATES[TaskStatus.PENDING], STATES[TaskStatus.RUNNING]}


@dataclass(frozen=True)
class Card:
    """One place of the grid.

    Attributes:
        key: Its name, unique in a collection, and the same when the task is read again.
        task: The task that it belongs to.
        tile: What it says.
    """

    key: str
    task: Task
    tile: Tile

    @property
    def picture(self) -> Picture | None:
        """What `PictureSupply` is to be asked for; None when there is no picture to show."""
        return self.tile.layers or self.tile.image

    @property
    def is_open(self) -> bool:
        """Whether it waits for a picture."""
        return self.picture is None and self.tile.state in _OPEN

    @property
    def whole_prompt(self) -> str:
        """The prompt that its tile shows, also what was cut off there; fit to be shown."""
        prompts = (*(image.prompt for image in self.task.images), self.task.prompt)
        cleaned = (clean_prompt(prompt) for prompt in prompts if prompt and show_prompt(prompt) == self.tile.prompt)
        return next(cleaned, self.tile.prompt)

    @cached_property
    def _description(self) -> dict[str, object]:
        return _describe(self)


def make_cards(task: Task, name: str) -> tuple[Card, ...]:
    """The cards of a task, in the order of its tiles.

    Args:
        task: The task.
        name: The task's own part of the keys.

    Returns:
        At least one card, with the keys `<name>/0`, `<name>/1` …
    """
    # A task with an id is followed until it is finished; one without was never sent, and says so.
    tiles = lay_out([task], is_live=bool(task.id))
    return tuple(Card(f"{name}/{place}", task, tile) for place, tile in enumerate(tiles))


def describe(card: Card) -> dict[str, object]:
    """What the front end draws.

    Args:
        card: The card.

    Returns:
        JSON-ready data, to be read only; all texts are fit to be shown, but not escaped. `width` and `height` are those
        of the original, or None where nobody knows them yet. What else is known is in `describe_details`.

    Example:
        >>> from seedream_nb import Task
        >>> (card,) = make_cards(Task.not_found("an-id"), "an-id")
        >>> describe(card)["state"]
        'not found'
    """
    # A panel describes all its cards each time that one comes.
    return card._description  # noqa: SLF001  the card is only where it is kept


def describe_details(card: Card) -> dict[str, object]:
    """What the detail view says of a card besides; worked out for the one that is opened, not for all.

    Args:
        card: The card.

    Returns:
        JSON-ready data: the card's `key`, and `pairs` of a label and a text.
    """
    return {"key": card.key, "pairs": [list(pair) for pair in details_of(card.task, card.tile)]}


def _describe(card: Card) -> dict[str, object]:
    tile = card.tile
    shape = _shape(card)
    return {
        "key": card.key,
        "task_id": tile.task_id,
        "prompt": tile.prompt,
        "is_prompt_cut": tile.prompt != card.whole_prompt,
        "icon": tile.state.icon if tile.state else "",
        "state": tile.state.word if tile.state else "",
        "is_open": card.is_open,
        "facts": [display_name(fact) for fact in tile.facts],
        "position": tile.position,
        "problem": tile.problem,
        "has_picture": card.picture is not None,
        "width": shape[0] if shape else None,
        "height": shape[1] if shape else None,
        "is_transparent": _is_transparent(card),
        "link": (link_of(tile.image) if tile.image else None) or "",
    }


def _shape(card: Card) -> tuple[int, int] | None:
    tile = card.tile
    if tile.images:
        # The first of several layers is the base image.
        return parse_size(tile.images[0].size or "")
    return tile.expected_shape


def _is_transparent(card: Card) -> bool:
    """Whether it may have transparent parts, as far as the record tells."""
    if card.picture is None:
        return False
    image = card.tile.image
    lies_over_another = image is not None and bool(image.z_index)
    return lies_over_another or card.task.request.get("background") == "transparent"
