"""Filtering and sorting of cards, fast enough to run on a thousand of them at each keystroke. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seedream_nb.library import Marks
from seedream_nb.panels.cards import to_local
from seedream_nb.protocol import cards as protocol_cards
from seedream_nb.protocol.cards import CardTraits, Sort, fold

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import date, tzinfo
    from typing import Any

    from seedream_nb.panels.cards import Card


@dataclass(frozen=True)
class Filter:
    """Conditions that a card must meet, in terms of its `Traits`; empty ones do not count."""

    text: str = ""  # words that must all occur in the prompt, the model, or the task id, in any case
    model: str = ""
    status: str = ""
    size: str = ""
    since: date | None = None  # the first day, in the user's time zone
    until: date | None = None  # the last day
    tags: tuple[str, ...] = ()  # of the image
    rating: int = 0  # the fewest stars
    rejected: bool | None = None  # None if it does not matter


@dataclass(frozen=True)
class Traits(CardTraits):
    """The values by which a card is filtered and sorted, computed once per card."""

    day: date | None = None  # on which the task was created, in the user's time zone
    marks: Marks = field(default_factory=Marks)


def traits_of(card: Card, zone: tzinfo | None = None) -> Traits:
    """The traits of a card, with its day in a time zone, by default this machine's."""
    created = card.task.created_at
    known = protocol_cards.traits_of(card.task, card.tile.images, card.tile.state)
    return Traits(**vars(known), day=to_local(created, zone).date() if created else None)


def needs_marks(wanted: Filter, sort: Sort) -> bool:
    """Whether a filter or an order depends on marks."""
    return bool(wanted.tags or wanted.rating or wanted.rejected is not None or sort is Sort.RATING)


def find(traits: Sequence[Traits], wanted: Filter, sort: Sort) -> tuple[int, ...]:
    """Finds the positions of the cards that match a filter; the traits are in the order in which cards were added."""
    matches = _condition(wanted)
    key = _KEYS[sort]
    return tuple(
        sorted((place for place, one in enumerate(traits) if matches(one)), key=lambda place: key(traits[place]))
    )


def _condition(wanted: Filter) -> Callable[[Traits], bool]:
    words = fold(wanted.text).split()
    exact = [(name, value) for name in ("model", "status", "size") if (value := getattr(wanted, name))]
    since, until = wanted.since, wanted.until
    tags = {fold(tag) for tag in wanted.tags}

    def matches(one: Traits) -> bool:
        return (
            all(getattr(one, name) == value for name, value in exact)
            and (since is None or (one.day is not None and one.day >= since))
            and (until is None or (one.day is not None and one.day <= until))
            and all(word in one.text for word in words)
            and (one.marks.rating or 0) >= wanted.rating
            and (wanted.rejected is None or one.marks.rejected == wanted.rejected)
            and tags <= {fold(tag) for tag in one.marks.tags}
        )

    return matches


def _unknown_last(value: Any) -> tuple[bool, Any]:
    return not value, value


_KEYS: dict[Sort, Callable[[Traits], Any]] = {
    Sort.NEWEST: lambda one: (one.moment is None, -(one.moment or 0)),
    Sort.OLDEST: lambda one: (one.moment is None, one.moment or 0),
    Sort.RATING: lambda one: (-(one.marks.rating or 0), one.moment is None, -(one.moment or 0)),
    Sort.PROMPT: lambda one: _unknown_last(one.prompt),
    Sort.MODEL: lambda one: _unknown_last(one.model),
    Sort.SIZE: lambda one: -one.pixels,
    Sort.ADDED: lambda _one: 0,
}
