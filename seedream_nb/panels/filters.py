"""Filtering and sorting of cards, fast enough to run on a thousand of them at each keystroke. Pure functions."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from seedream_nb.core.foreign import show_line
from seedream_nb.panels.cards import to_local
from seedream_nb.protocol.capabilities import display_name
from seedream_nb.protocol.sizes import PRESETS, parse_size

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, tzinfo
    from typing import Any

    from seedream_nb.panels.cards import Card


class Sort(Enum):
    """An order of cards; its value is the label shown. Equal cards stay in the order in which they were added."""

    NEWEST = "Newest first"
    OLDEST = "Oldest first"
    PROMPT = "Prompt"
    MODEL = "Model"
    SIZE = "Largest first"
    ADDED = "Order added"


@dataclass(frozen=True)
class Filter:
    """Conditions that a card must meet, in terms of its `Traits`; empty ones do not count."""

    text: str = ""  # words that must all occur in the prompt, the model, or the task id, in any case
    model: str = ""
    status: str = ""
    size: str = ""
    since: date | None = None  # the first day, in the user's time zone
    until: date | None = None  # the last day


@dataclass(frozen=True)
class Traits:
    """The values by which a card is filtered and sorted, computed once per card."""

    text: str  # all that is searched, case-folded
    prompt: str  # case-folded
    model: str  # the full id; empty when unknown
    status: str  # the word of the card's state
    size: str  # that of the image such as `2048x2048`, else the requested one; empty when unknown
    pixels: int  # 0 when unknown
    day: date | None  # on which the task was created, in the user's time zone
    moment: float | None  # of creation, in Unix seconds; infinite for a task in progress without one


def traits_of(card: Card, zone: tzinfo | None = None) -> Traits:
    """The traits of a card, with its day in a time zone, by default this machine's."""
    task, tile = card.task, card.tile
    image = tile.images[0] if tile.images else None
    prompt = (image.prompt if image else "") or task.prompt
    model = show_line((image.model if image else "") or task.model or "")
    size = show_line((image.size if image else "") or task.size or "")
    created = task.created_at
    return Traits(
        text=_fold(f"{prompt}\n{task.prompt}\n{model}\n{display_name(model)}\n{task.id}"),
        prompt=_fold(prompt).strip(),
        model=model,
        status=tile.state.word if tile.state else "",
        size=size,
        pixels=_count_pixels(size),
        day=to_local(created, zone).date() if created else None,
        moment=created.timestamp() if created else math.inf if card.is_in_progress else None,
    )


def find(traits: Sequence[Traits], wanted: Filter, sort: Sort) -> tuple[int, ...]:
    """Finds the positions of the cards that match a filter; the traits are in the order in which cards were added."""
    matches = _condition(wanted)
    key = _KEYS[sort]
    return tuple(
        sorted((place for place, one in enumerate(traits) if matches(one)), key=lambda place: key(traits[place]))
    )


def size_order(size: str) -> tuple[float, str]:
    """A key that sorts sizes: smallest first, unknown words last."""
    return _count_pixels(size) or math.inf, size


def _count_pixels(size: str) -> int:
    width, height = parse_size(size) or PRESETS.get(size) or (0, 0)
    return width * height


def _condition(wanted: Filter) -> Callable[[Traits], bool]:
    words = _fold(wanted.text).split()
    exact = [(name, value) for name in ("model", "status", "size") if (value := getattr(wanted, name))]
    since, until = wanted.since, wanted.until

    def matches(one: Traits) -> bool:
        return (
            all(getattr(one, name) == value for name, value in exact)
            and (since is None or (one.day is not None and one.day >= since))
            and (until is None or (one.day is not None and one.day <= until))
            and all(word in one.text for word in words)
        )

    return matches


def _fold(text: str) -> str:
    """Text in a form in which equivalent spellings are equal."""
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
