"""Marks images from the panel: what a key or a field says is written to the library at once, and can be taken back."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.errors import LibraryError, UsageError
from seedream_nb.core.foreign import show_line, show_prompt
from seedream_nb.core.text import count_of
from seedream_nb.library import Marks
from seedream_nb.library.location import TURN_ON_HINT
from seedream_nb.library.marks import MOST_STARS, read_tags
from seedream_nb.library.records import key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import TypeAlias

    from seedream_nb.library import Library, LibraryCache
    from seedream_nb.panels.cards import Card

    Place: TypeAlias = "tuple[str, int]"

MOST_UNDONE = 100  # changes that can be taken back
MOST_IMAGES = 200_000  # in all earlier ones together
NOT_STORED = "Only images in the library can be marked"


@dataclass(frozen=True)
class Change:
    """What to do with the marks of some images.

    Attributes:
        how: `rate`, `reject`, `tag`, `untag`, or `note`.
        value: The number of stars, where 0 removes them; tags, separated by commas; or the note.
    """

    how: str
    value: str = ""


class Marking:
    """The marks of a panel's cards. Safe to use from several threads, as the library is.

    Args:
        cache: The panel's library.
        on_change: Called after marks have changed.
    """

    def __init__(self, cache: LibraryCache, on_change: Callable[[], None]) -> None:
        self._cache = cache
        self._on_change = on_change
        self._undo: list[tuple[str, dict[Place, Marks]]] = []

    def marks_of(self, cards: Sequence[Card]) -> list[Marks]:
        """The marks of each card, those of its first image; none where the library cannot be read."""
        found = self._cache.marks_of({id(card.task): card.task for card in cards}.values())
        return [found.get(_places_of(card)[0], Marks()) for card in cards]

    def tags(self) -> list[str]:
        """All tags of the library, the most frequent first."""
        return list(self._open().tags())

    def apply(self, cards: Iterable[Card], change: Change) -> str:
        """Changes the marks of cards, all of them at once, and says what was done.

        Raises:
            SeedreamError: The library is turned off or cannot be written, none of the images is in it, or what was
                typed is no tag; nothing was changed.
        """
        library = self._open()
        # Of a large selection, only this much of each card is in memory.
        wanted = [_places_of(card) for card in cards]
        keys = library.stored_keys(places[0][0] for places in wanted)
        known = [places for places in wanted if places[0][0] in keys]
        if not known:
            raise UsageError(f"{NOT_STORED}: {_describe(len(wanted))} {'is' if len(wanted) == 1 else 'are'} not there.")
        before = {place: Marks() for places in known for place in places}
        before.update({place: marks for place, marks in library.marks_of(keys).items() if place in before})
        changed, done = _change(before, change, _describe(len(known)))
        library.set_marks(changed)
        self._undo.append((done, before))
        while len(self._undo) > MOST_UNDONE or sum(len(marks) for _done, marks in self._undo[:-1]) > MOST_IMAGES:
            del self._undo[0]
        self._on_change()
        missing = len(wanted) - len(known)
        return f"{done} {NOT_STORED}: {missing:,} left out." if missing else done

    def undo(self) -> str:
        """Takes the last change back, and says what it was."""
        if not self._undo:
            return "There is no mark to undo."
        done, before = self._undo.pop()
        self._open().set_marks(before)
        self._on_change()
        return f"Undone: {done}"

    def _open(self) -> Library:
        try:
            return self._cache.open()
        except LibraryError as error:
            is_off = error.hint == TURN_ON_HINT
            message = "The library is turned off: images can't be marked." if is_off else error.message
            raise LibraryError(message, hint=error.hint) from None


def describe_marks(marks: Marks) -> dict[str, object]:
    """Marks as the front end draws them; all texts are cleaned for display."""
    return {
        "rating": marks.rating or 0,
        "tags": [show_line(tag) for tag in marks.tags],
        "rejected": marks.rejected,
        "note": show_prompt(marks.note) if marks.note else "",
    }


def read_change(content: Mapping[str, object]) -> Change | None:
    """The change in a message of the front end, which is untrusted; None if there is none."""
    how, value = content.get("how"), content.get("value", "")
    if how not in {"rate", "reject", "tag", "untag", "note"} or not isinstance(value, (str, int)):
        return None
    return Change(str(how), str(value))


def _change(before: Mapping[Place, Marks], change: Change, images: str) -> tuple[dict[Place, Marks], str]:
    """The new marks, and what was done."""
    value = change.value
    if change.how == "rate":
        stars = int(value) if value.isascii() and value.isdigit() and int(value) <= MOST_STARS else 0
        done = f"Rated {images} {'★' * stars}." if stars else f"Removed the rating of {images}."
        return {place: dataclasses.replace(one, rating=stars or None) for place, one in before.items()}, done
    if change.how == "reject":
        is_rejected = not all(one.rejected for one in before.values())
        done = f"Rejected {images}." if is_rejected else f"Removed the rejection of {images}."
        return {place: dataclasses.replace(one, rejected=is_rejected) for place, one in before.items()}, done
    if change.how == "note":
        done = f"Added the note to {images}." if value.strip() else f"Removed the note from {images}."
        return {place: dataclasses.replace(one, note=value) for place, one in before.items()}, done
    tags = read_tags([tag for tag in value.split(",") if tag.strip()])
    named = ", ".join(repr(tag) for tag in tags)
    if change.how == "tag":
        changed = {place: dataclasses.replace(one, tags=(*one.tags, *tags)) for place, one in before.items()}
        return changed, f"Tagged {images} with {named}."
    gone = {tag.casefold() for tag in tags}
    changed = {
        place: dataclasses.replace(one, tags=tuple(tag for tag in one.tags if tag.casefold() not in gone))
        for place, one in before.items()
    }
    return changed, f"Removed {named} from {images}."


def _places_of(card: Card) -> list[Place]:
    """The images of a card; layers have the same marks."""
    key = key_of(card.task.id)
    return [(key, image.index) for image in card.tile.images] or [(key, card.tile.place)]


def _describe(count: int) -> str:
    return "the image" if count == 1 else count_of(count, "image")
