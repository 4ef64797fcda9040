"""The whole library on this machine as a source of cards: SQLite finds and sorts them, and only windows are read."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING

from seedream_nb.core.foreign import show_line
from seedream_nb.library.catalog import CardQuery
from seedream_nb.panels.cards import make_cards
from seedream_nb.panels.collection import Collection
from seedream_nb.panels.lazy import LazySequence
from seedream_nb.panels.sources import Choices, common_aspect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import tzinfo

    from seedream_nb.core.models import Task
    from seedream_nb.library import Library
    from seedream_nb.library.catalog import CatalogCard
    from seedream_nb.panels.cards import Card
    from seedream_nb.panels.filters import Filter
    from seedream_nb.panels.sources import ReadMarks
    from seedream_nb.protocol.cards import Sort

MOST_CARDS = 1000  # that stay in memory
ONE_DAY = timedelta(days=1)


class LibrarySource:
    """All cards of a library, and before them the panel's tasks that it does not have yet. A `Source`.

    Numbers are those of the catalog; negative ones are those of tasks that are not stored, such as those in progress.

    Args:
        library: The library.
        on_progress: Called with how many of how many tasks were read, where a library is read for the first time.
    """

    def __init__(self, library: Library, on_progress: Callable[[int, int], None] | None = None) -> None:
        self.note = ""
        self._library = library
        self._catalog = library.catalog
        self._fresh = Collection()
        self._fresh_ids: dict[str, None] = {}
        self._cards: dict[int, Card] = {}
        self._numbers: dict[str, int] = {}  # of these, by key
        self._zone: tzinfo | None = None
        self.renew(on_progress)

    @property
    def tasks(self) -> Sequence[Task]:
        """All tasks of the library, the newest first, read when they are accessed."""
        return LazySequence(lambda: iter(self._library), self._library.count, name="tasks in the library")

    @property
    def pending(self) -> Sequence[Task]:
        """The tasks in progress, which no library stores."""
        return [task for task in self._fresh.pending if task.id.lower() in self._fresh_ids]

    @property
    def total(self) -> int:
        """The number of cards."""
        return self._stored + len(self._fresh_numbers(self._fresh.cards))

    def has_changed(self) -> bool:
        """Whether any kernel has stored, removed or marked something since the library was read."""
        return self._catalog.version() != self._version

    def renew(self, on_progress: Callable[[int, int], None] | None = None) -> None:
        """Reads what has changed in the library."""
        self._version = self._catalog.version()
        self._catalog.update(on_progress)
        self._stored = len(self._catalog.find(refresh=False))
        self._cards, self._numbers = {}, {}
        for task_id in [one for one in self._fresh_ids if self._catalog.numbers_of(one)]:
            del self._fresh_ids[task_id]

    def find(self, wanted: Filter, sort: Sort) -> Sequence[int]:
        """The numbers of the cards that match a filter, in order; those that are not stored come first."""
        query = CardQuery(
            wanted.text,
            wanted.model,
            wanted.status,
            wanted.size,
            since=self._begin(wanted.since) if wanted.since else None,
            until=self._end(wanted.until) if wanted.until else None,
            tags=wanted.tags,
            rating=wanted.rating or None,
            rejected=wanted.rejected,
        )
        found = self._catalog.find(query, sort, refresh=False)
        numbers = self._fresh.find(wanted, sort) if self._fresh_ids else ()
        fresh = self._fresh_numbers(card for card in self._fresh.read(numbers) if card is not None)
        return [*fresh, *found] if fresh else found

    def read(self, numbers: Sequence[int]) -> list[Card | None]:
        """The cards with these numbers; None for one that was removed."""
        missing = [number for number in numbers if number >= 0 and number not in self._cards]
        if len(self._cards) + len(missing) > MOST_CARDS:
            self._cards, self._numbers = {}, {}
            missing = [number for number in numbers if number >= 0]
        self._remember(card for card in self._catalog.read(missing) if card is not None)
        fresh = self._fresh.read([-1 - number for number in numbers if number < 0])
        rest = iter(fresh)
        return [next(rest) if number < 0 else self._cards.get(number) for number in numbers]

    def use_marks(self, read: ReadMarks) -> None:
        """Does nothing: the library finds images by their marks."""

    def want(self, numbers: Sequence[int]) -> None:
        """Does nothing: all cards can be read at once."""

    def number_of(self, key: str) -> int | None:
        """The number of the card with a key."""
        task_id, _, position = key.rpartition("/")
        if key in self._numbers:
            return self._numbers[key]
        numbers = self._catalog.numbers_of(task_id) if task_id else []
        if position.isdecimal() and int(position) < len(numbers):
            return numbers[int(position)]
        fresh = self._fresh.number_of(key) if task_id in self._fresh_ids else None
        return None if fresh is None else -1 - fresh

    def numbers_of(self, task_id: str) -> list[int]:
        """The numbers of the cards of a task."""
        if task_id.lower() in self._fresh_ids:
            return [-1 - number for number in self._fresh.numbers_of(task_id)]
        return self._catalog.numbers_of(task_id) if task_id else []

    def existing(self, numbers: Iterable[int]) -> list[int]:
        """Those numbers that still stand for a card; that of a task that was stored meanwhile is replaced."""
        given = list(numbers)
        renewed: list[int] = []
        for number in given:
            (card,) = self._fresh.read([-1 - number]) if number < 0 else (None,)
            now = number if card is None else self.number_of(card.key)
            renewed += [] if now is None else [now]
        stored = set(self._catalog.existing(number for number in renewed if number >= 0))
        return [number for number in renewed if number < 0 or number in stored]

    def choices(self) -> Choices:
        """The values that occur in the library."""
        found = self._catalog.choices()
        return Choices(found.models, found.statuses, found.sizes, found.tags)

    def aspect(self) -> float:
        """The aspect ratio that all sizes share, or 1."""
        return common_aspect(self._catalog.choices().sizes)

    def put(self, tasks: Iterable[Task]) -> None:
        """Shows tasks, those that the library does not have before all others."""
        given = [task for task in tasks if task.id]
        self.renew()
        missing = [task for task in given if not self._catalog.numbers_of(task.id)]
        self._fresh.put(missing)
        self._fresh_ids.update(dict.fromkeys(task.id.lower() for task in missing))

    def set_zone(self, zone: tzinfo) -> None:
        """Sets the time zone in which cards have their days."""
        self._zone = zone
        self._fresh.set_zone(zone)

    def _begin(self, day: date) -> datetime:
        begin = datetime.combine(day, time())
        try:
            return begin.astimezone() if self._zone is None else begin.replace(tzinfo=self._zone)
        except (OverflowError, ValueError, OSError):
            return begin.replace(tzinfo=timezone.utc)  # out of the calendar's range elsewhere

    def _end(self, day: date) -> datetime:
        return self._begin(day + ONE_DAY) if day < date.max else datetime.max.replace(tzinfo=timezone.utc)

    def _fresh_numbers(self, cards: Iterable[Card]) -> list[int]:
        """The numbers of cards that are not stored."""
        shown = (card for card in cards if card.task.id.lower() in self._fresh_ids)
        return [-1 - number for card in shown if (number := self._fresh.number_of(card.key)) is not None]

    def _remember(self, found: Iterable[CatalogCard]) -> None:
        made: dict[str, tuple[Card, ...]] = {}
        for one in found:
            # A task without an id has no other name than its number.
            name = show_line(one.task.id).lower() or f"#{one.number - one.position}"
            if name not in made:
                made[name] = make_cards(one.task, name)
            card = made[name][one.position]
            self._cards[one.number] = card
            self._numbers[card.key] = one.number
