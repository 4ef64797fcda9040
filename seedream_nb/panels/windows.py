"""What the grid's front end and Python say to each other about cards: the answers to its messages, without any widget.

The front end knows how many cards there are, and has only those near its viewports. It sends `sync` whenever the
version has changed, and gets the new order with the places of the cards that it knows; and `window` for cards that come
near. Its messages are untrusted input: whatever is malformed counts as missing.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from seedream_nb.panels.cards import describe
from seedream_nb.panels.marking import describe_marks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from seedream_nb.panels.cards import Card
    from seedream_nb.panels.state import ExplorerState

MOST_CARDS = 1000  # in a window; far more than a screen shows
MOST_KEYS = 2000  # in a message

Answer = dict[str, object]


def describe_all(state: ExplorerState, cards: Sequence[Card | None]) -> list[dict[str, object] | None]:
    """The cards with their marks as the front end draws them; None for one that is not loaded yet."""
    marks = iter(state.marks_of([card for card in cards if card is not None]))
    return [None if card is None else {**describe(card), "marks": describe_marks(next(marks))} for card in cards]


def answer_sync(state: ExplorerState, content: Mapping[str, object]) -> Answer:
    """The order, the places of known cards, and the windows that the viewports will show."""
    arrangement = state.arrangement
    keys = read_keys(content)
    places = {key: place for key in keys if (place := state.place_of(key)) is not None}
    is_anchored = read_number(content, "basis") == arrangement.basis
    spans = content.get("spans")
    windows = []
    for span in spans if isinstance(spans, list) else []:
        if isinstance(span, dict):
            anchor = places.get(str(span.get("anchor"))) if is_anchored else None
            first = max(0, (anchor or 0) - read_number(span, "before"))
            numbers = _numbers(arrangement.numbers, first, (anchor or 0) + read_number(span, "after"))
            cards = describe_all(state, state.read(numbers))
            # Those that are not loaded are requested as a window, and loaded then.
            known = list(itertools.takewhile(lambda card: card is not None, cards))
            windows.append({"first": first, "cards": known})
    return {
        "type": "order",
        "by": content.get("by"),
        "version": arrangement.version,
        "basis": arrangement.basis,
        "count": len(arrangement.numbers),
        "total": arrangement.total,
        "aspect": arrangement.aspect,
        "note": arrangement.note,
        "places": places,
        "windows": windows,
        "found": describe_all(state, state.find(read_keys(content, "dialog"))),
        "selection": describe_selection(state),
    }


def answer_window(state: ExplorerState, content: Mapping[str, object]) -> tuple[Answer, list[int]]:
    """The cards of a window, none of another version; and the numbers of those that are not loaded yet."""
    arrangement = state.arrangement
    answer: Answer = {"type": "cards", "by": content.get("by"), "version": arrangement.version}
    if read_number(content, "version") != arrangement.version:
        return {**answer, "first": 0, "cards": []}, []
    first = read_number(content, "first")
    numbers = _numbers(arrangement.numbers, first, read_number(content, "last"))
    cards = describe_all(state, state.read(numbers))
    missing = [number for number, card in zip(numbers, cards, strict=True) if card is None]
    return {**answer, "first": first, "cards": cards}, missing


def describe_selection(state: ExplorerState) -> Answer:
    """Which of the cards shown are selected, and how many are in all."""
    arrangement, selection = state.arrangement, state.selection
    runs = selection.runs(arrangement.numbers)
    shown = sum(last - first + 1 for first, last in runs)
    return {"version": arrangement.version, "runs": runs, "count": len(selection), "hidden": len(selection) - shown}


def change_selection(state: ExplorerState, content: Mapping[str, object]) -> None:
    """Changes the selection as a message says."""
    how = content.get("how")
    if how == "toggle":
        for key in read_keys(content)[:1]:
            state.toggle(key)
    elif how == "range" and read_number(content, "version") == state.arrangement.version:
        state.select_range(*sorted((read_number(content, "first"), read_number(content, "last"))))
    elif how == "all":
        state.select_all()
    elif how == "none":
        state.select([])


def read_keys(content: Mapping[str, object], name: str = "keys") -> list[str]:
    """The keys of cards in a message."""
    given = content.get(name)
    return [key for key in given if isinstance(key, str)][:MOST_KEYS] if isinstance(given, list) else []


def read_number(content: Mapping[str, object], name: str) -> int:
    """A whole number in a message that is not negative; 0 for anything else."""
    value = content.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else 0


def _numbers(numbers: Sequence[int], first: int, last: int) -> Sequence[int]:
    """The numbers of a window."""
    return numbers[first : min(last + 1, first + MOST_CARDS)]
