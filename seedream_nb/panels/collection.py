"""The tasks of a panel as cards: each task once, in its place, however often it is read again."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.foreign import show_line
from seedream_nb.library import Marks
from seedream_nb.panels.cards import make_cards, shape_of
from seedream_nb.panels.filters import find, needs_marks, traits_of
from seedream_nb.panels.sources import Choices, common_aspect
from seedream_nb.protocol.capabilities import MODELS
from seedream_nb.protocol.cards import IN_PROGRESS, STATES, size_order

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import tzinfo
    from typing import TypeAlias

    from seedream_nb.core.models import Task
    from seedream_nb.panels.cards import Card
    from seedream_nb.panels.filters import Filter, Traits
    from seedream_nb.panels.sources import ReadMarks
    from seedream_nb.protocol.cards import Sort

# The id; or else the task itself, and its number among equal ones.
Identity: TypeAlias = "str | tuple[Task, int]"

_STATE_ORDER = [state.word for state in STATES.values()]
_MODEL_ORDER = list(MODELS)


@dataclass(frozen=True)
class _Entry:
    name: str
    task: Task
    cards: tuple[Card, ...]
    traits: tuple[Traits, ...]


class Collection:
    """The cards of tasks in memory, a `Source`. Cards are numbered by their keys in the order in which these came.

    Attributes:
        cards: The cards, in the order in which their tasks were added.
        tasks: The tasks, in that order.

    Example:
        >>> from seedream_nb import Task
        >>> collection = Collection()
        >>> collection.put([Task.not_found("AN-ID"), Task.not_found("an-id")])
        >>> [card.key for card in collection.cards]
        ['an-id/0']
    """

    def __init__(self) -> None:
        self._entries: dict[Identity, _Entry] = {}
        self._names: set[str] = set()
        self._numbers: dict[str, int] = {}  # by key; a card that is gone keeps its number
        self._zone: tzinfo | None = None
        self._read_marks: ReadMarks | None = None
        self.note = ""
        self._gather()

    @property
    def total(self) -> int:
        """The number of cards."""
        return len(self.cards)

    @property
    def pending(self) -> list[Task]:
        """The tasks in progress that have an id."""
        return [task for task in self.tasks if task.id and task.status in IN_PROGRESS]

    def put(self, tasks: Iterable[Task]) -> None:
        """Adds tasks at the end; a task with a known id (in any case) replaces the earlier one in its place.

        Tasks without an id are compared by value; the same object counts once. Of equal ones there are as many as ever
        came in one call, such as two takes that were not sent.
        """
        for identity, task in _identify(tuple(tasks)):
            known = self._entries.get(identity)
            if known is None or known.task != task:
                name = known.name if known else self._new_name(task)
                cards = make_cards(task, name)
                self._entries[identity] = _Entry(name, task, cards, self._traits_of(cards))
        self._gather()

    def set_zone(self, zone: tzinfo) -> None:
        """Sets the time zone in which cards have their days, at first this machine's."""
        self._zone = zone
        for identity, entry in self._entries.items():
            self._entries[identity] = dataclasses.replace(entry, traits=self._traits_of(entry.cards))
        self._gather()

    def use_marks(self, read: ReadMarks) -> None:
        """Sets what reads the marks of cards."""
        self._read_marks = read

    def find(self, wanted: Filter, sort: Sort) -> tuple[int, ...]:
        """The numbers of the cards that match a filter, in order."""
        traits = self._traits
        if needs_marks(wanted, sort):
            traits = [dataclasses.replace(one, marks=own) for one, own in zip(traits, self._marks(), strict=True)]
        return tuple(self._in_order[place] for place in find(traits, wanted, sort))

    def read(self, numbers: Sequence[int]) -> list[Card | None]:
        """The cards with these numbers."""
        return [self._by_number.get(number) for number in numbers]

    def want(self, numbers: Sequence[int]) -> None:
        """Does nothing: all cards are in memory."""

    def number_of(self, key: str) -> int | None:
        """The number of the card with a key, or None."""
        number = self._numbers.get(key)
        return number if number in self._by_number else None

    def numbers_of(self, task_id: str) -> list[int]:
        """The numbers of a task's cards, in order; none for a task that is not here."""
        entry = self._entries.get(task_id.lower())
        return [self._numbers[card.key] for card in entry.cards] if entry else []

    def existing(self, numbers: Iterable[int]) -> list[int]:
        """Those numbers that still stand for a card."""
        return [number for number in numbers if number in self._by_number]

    def aspect(self) -> float:
        """The aspect ratio that all images share, or 1."""
        return common_aspect(shape_of(card) for card in self.cards if card.image is not None)

    def choices(self) -> Choices:
        """The values that occur, for the menus of a filter."""
        models = Counter(one.model for one in self._traits if one.model)
        statuses = Counter(one.status for one in self._traits if one.status)
        sizes = Counter(one.size for one in self._traits if one.size)
        tags = Counter(tag for marks in self._marks() for tag in marks.tags)
        return Choices(
            {model: models[model] for model in sorted(models, key=lambda model: _rank(_MODEL_ORDER, model))},
            {status: statuses[status] for status in sorted(statuses, key=lambda word: _rank(_STATE_ORDER, word))},
            {size: sizes[size] for size in sorted(sizes, key=size_order)},
            dict(sorted(tags.items(), key=lambda pair: (-pair[1], pair[0]))),
        )

    def _marks(self) -> Sequence[Marks]:
        return [Marks()] * len(self.cards) if self._read_marks is None else self._read_marks(self.cards)

    def _traits_of(self, cards: tuple[Card, ...]) -> tuple[Traits, ...]:
        return tuple(traits_of(card, self._zone) for card in cards)

    def _new_name(self, task: Task) -> str:
        # Foreign ids may look the same once cleaned for display; the keys must still differ.
        name = wanted = show_line(task.id).lower() or str(len(self._entries))
        attempt = 1
        while name in self._names:
            attempt += 1
            name = f"{wanted} ({attempt})"
        self._names.add(name)
        return name

    def _gather(self) -> None:
        entries = self._entries.values()
        self.tasks: tuple[Task, ...] = tuple(entry.task for entry in entries)
        self.cards: tuple[Card, ...] = tuple(card for entry in entries for card in entry.cards)
        self._traits = [one for entry in entries for one in entry.traits]
        self._in_order = [self._numbers.setdefault(card.key, len(self._numbers)) for card in self.cards]
        self._by_number = dict(zip(self._in_order, self.cards, strict=True))


def _identify(tasks: Sequence[Task]) -> Iterator[tuple[Identity, Task]]:
    equal: defaultdict[Task, dict[int, int]] = defaultdict(dict)
    for task in tasks:
        if task.id:
            yield task.id.lower(), task
        else:
            copies = equal[task]
            yield (task, copies.setdefault(id(task), len(copies))), task


def _rank(order: list[str], word: str) -> tuple[int, str]:
    return (order.index(word) if word in order else len(order)), word
