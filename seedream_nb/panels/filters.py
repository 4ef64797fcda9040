"""Why: among a thousand pictures the wanted ones are found while somebody types.

Pure functions. What a card is found by is worked out once, when it comes, so that each key costs a few milliseconds.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from seedream_nb.gallery.foreign_text import show_line
from seedream_nb.panels.local_time import to_local
from seedream_nb.protocol.capabilities import PRESETS, display_name, parse_size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date
    from typing import Any

    from seedream_nb.panels.cards import Card


class Sort(Enum):
    """An order; its value is what people read. Cards that it cannot tell apart stay in the order in which they came."""

    NEWEST = "newest first"
    OLDEST = "oldest first"
    PROMPT = "prompt"
    MODEL = "model"
    SIZE = "largest first"
    ADDED = "as added"


@dataclass(frozen=True)
class Filter:
    """Which cards are wanted; what is left empty does not matter.

    Attributes:
        text: Words that all have to stand in the prompt, the model or the task id; case does not matter.
        model: A model, as `Traits` has it.
        status: A state, likewise.
        size: A size, likewise.
        since: The first day, by this machine's clock.
        until: The last day.

    Example:
        >>> Filter("cat", size="2048x2048").is_empty
        False
    """

    text: str = ""
    model: str = ""
    status: str = ""
    size: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def is_empty(self) -> bool:
        """Whether every card is wanted."""
        return not self.text.strip() and self == Filter(self.text)


@dataclass(frozen=True)
class Traits:
    """What a card is found and ordered by.

    Attributes:
        text: All that is searched, in a form without case.
        prompt: The prompt in that form.
        model: The full model id, empty when unknown.
        status: The word of the card's state.
        size: The picture's size such as `2048x2048`, or else the one asked for; empty when unknown.
        pixels: How many that are; 0 when unknown.
        day: The day on which the task was created, by this machine's clock.
        moment: When it was created, in Unix seconds; infinite for what is being made and has no time yet.
    """

    text: str
    prompt: str
    model: str
    status: str
    size: str
    pixels: int
    day: date | None
    moment: float | None


def traits_of(card: Card) -> Traits:
    """Works out what a card is found by.

    Args:
        card: The card.

    Returns:
        Its traits.
    """
    task, tile = card.task, card.tile
    image = tile.images[0] if tile.images else None
    prompt = (image.prompt if image else "") or task.prompt
    model = show_line((image.model if image else "") or task.model or "")
    size = show_line((image.size if image else "") or task.size or "")
    created = task.created_at
    return Traits(
        text=_without_case(f"{prompt}\n{task.prompt}\n{model}\n{display_name(model)}\n{task.id}"),
        prompt=_without_case(prompt).strip(),
        model=model,
        status=tile.state.word if tile.state else "",
        size=size,
        pixels=_count_pixels(size),
        day=to_local(created).date() if created else None,
        moment=created.timestamp() if created else math.inf if card.is_open else None,
    )


def find(traits: Sequence[Traits], wanted: Filter, sort: Sort) -> tuple[int, ...]:
    """Finds the wanted cards.

    Args:
        traits: Those of all cards, in the order in which they came.
        wanted: Which are wanted.
        sort: In which order.

    Returns:
        The positions of the wanted ones.
    """
    meets = _condition(wanted)
    key = _KEYS[sort]
    return tuple(
        sorted((place for place, one in enumerate(traits) if meets(one)), key=lambda place: key(traits[place]))
    )


def size_order(size: str) -> tuple[float, str]:
    """A key that puts sizes in an order: small ones first, words last."""
    return _count_pixels(size) or math.inf, size


def _count_pixels(size: str) -> int:
    width, height = parse_size(size) or PRESETS.get(size) or (0, 0)
    return width * height


def _condition(wanted: Filter) -> Callable[[Traits], bool]:
    words = _without_case(wanted.text).split()
    exact = [(name, value) for name in ("model", "status", "size") if (value := getattr(wanted, name))]
    since, until = wanted.since, wanted.until

    def meets(one: Traits) -> bool:
        return (
            all(getattr(one, name) == value for name, value in exact)
            and (since is None or (one.day is not None and one.day >= since))
            and (until is None or (one.day is not None and one.day <= until))
            and all(word in one.text for word in words)
        )

    return meets


def _without_case(text: str) -> str:
    """Text in a form in which what people take for the same is the same."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def _unknown_last(value: Any) -> tuple[bool, Any]:
    return not value, value


_KEYS: dict[Sort, Callable[[Traits], Any]] = {
    Sort.NEWEST: lambda one: (one.moment is None, -(one.moment or 0)),
    Sort.OLDEST: lambda one: (one.moment is None, one.moment or 0),
    Sort.PROMPT: lambda one: _unknown_last(one.prompt),
    Sort.MODEL: lambda one: _unknown_last(one.model),
    Sort.SIZE: lambda one: -one.pixels,
    Sort.ADDED: lambda _one: 0,
}
