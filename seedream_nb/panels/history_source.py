"""The account's history as a source of cards: its pages are fetched when somebody looks at them."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from seedream_nb.panels.collection import Collection
from seedream_nb.panels.filters import Filter
from seedream_nb.protocol.cards import Sort

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import tzinfo

    from seedream_nb.core.models import Task
    from seedream_nb.panels.cards import Card
    from seedream_nb.panels.sources import Choices, ReadMarks

PAGE = 50  # tasks


class HistorySource:
    """The history, newest first; a task that is not loaded yet is one card. A `Source`.

    Filters and other orders cover the tasks that are loaded; `note` says how many that are.

    Args:
        load: Called when pages are needed, to call `next_page` and `insert` until there is none; returns at once.
    """

    def __init__(self, load: Callable[[], None]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._is_loading = False
        self._wanted: list[int] = []
        self._loaded = Collection()
        # By their distance from the task that was the newest when the first page was read.
        self._ids: dict[int, str] = {}
        self._added: dict[str, None] = {}  # ids of newer tasks
        self._first_total = 0
        self._newer = 0
        self._end = 0
        self.note = ""

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks that are loaded."""
        return self._loaded.tasks

    @property
    def pending(self) -> list[Task]:
        """The loaded tasks that are in progress."""
        return self._loaded.pending

    @property
    def total(self) -> int:
        """The number of cards; of those that are loaded where a filter or another order covers only them."""
        return self._loaded.total if self.note else len(self._numbers())

    def find(self, wanted: Filter, sort: Sort) -> Sequence[int]:
        """The numbers of the matching cards, in order; negative for those that are not loaded."""
        if wanted == Filter() and sort is Sort.NEWEST:
            self.note = ""
            return self._numbers()
        loaded = len(self._loaded.tasks)
        self.note = f"among the {loaded:,} of {self._end + len(self._added):,} tasks loaded"
        return self._loaded.find(wanted, sort)

    def use_marks(self, read: ReadMarks) -> None:
        """Sets what reads the marks of cards."""
        self._loaded.use_marks(read)

    def read(self, numbers: Sequence[int]) -> list[Card | None]:
        """The cards with these numbers; None for those that are not loaded."""
        return self._loaded.read(numbers)

    def want(self, numbers: Sequence[int]) -> None:
        """Begins to load the pages of these cards."""
        with self._lock:
            self._wanted = [-1 - number for number in numbers if number < 0]
            if not self._wanted or self._is_loading:
                return
            self._is_loading = True
        self._load()

    def next_page(self) -> int | None:
        """The offset of the page to fetch; None if nothing is wanted, which ends the loading."""
        with self._lock:
            missing = (index for index in self._wanted if index < self._end and index not in self._ids)
            index = next(missing, None)
            if index is None:
                self._is_loading = False
                return None
            return index // PAGE * PAGE + self._newer

    def fail(self) -> None:
        """Ends the loading after an error; it begins again with the next call of `want`."""
        with self._lock:
            self._wanted, self._is_loading = [], False

    def insert(self, offset: int, tasks: Sequence[Task], total: int) -> None:
        """Adds a page: its offset, its tasks, and how many tasks the service says there are."""
        is_full = len(tasks) >= PAGE
        # A count that does not exceed a full page may be that of the page alone.
        known_total = total if total > len(tasks) or not is_full else 0
        if not self._ids and not self._end:
            self._first_total = known_total
            self._end = known_total or len(tasks)
        if self._first_total and known_total:
            self._newer = max(self._newer, known_total - self._first_total)
        begin = offset - self._newer
        end = begin + len(tasks)
        if not is_full:
            self._end = min(self._end, max(end, 0)) if self._ids else end
        elif not self._first_total:
            self._end = max(self._end, end + 1)  # perhaps there are more
        known = set(self._ids.values())
        for index, task in enumerate(tasks, start=begin):
            task_id = task.id.lower()
            if index < 0:
                self._added.setdefault(task_id)
            elif task_id not in known:
                self._ids[index] = task_id
            else:
                self._ids.setdefault(index, "")  # the same task in another place, which is not shown twice
        self._loaded.put(tasks)

    def number_of(self, key: str) -> int | None:
        """The number of the loaded card with a key."""
        return self._loaded.number_of(key)

    def numbers_of(self, task_id: str) -> list[int]:
        """The numbers of the cards of a loaded task."""
        return self._loaded.numbers_of(task_id)

    def existing(self, numbers: Iterable[int]) -> list[int]:
        """Those numbers that stand for a loaded card."""
        return self._loaded.existing(numbers)

    def choices(self) -> Choices:
        """The values that occur among the loaded cards."""
        return self._loaded.choices()

    def aspect(self) -> float:
        """Always 1: tiles must not change their shape while pages arrive."""
        return 1.0

    def put(self, tasks: Iterable[Task]) -> None:
        """Shows tasks that were just generated before all others, and updates those already there."""
        given = [task for task in tasks if task.id]
        known = set(self._ids.values())
        for task in given:
            if task.id.lower() not in known:
                self._added.setdefault(task.id.lower())
        self._loaded.put(given)

    def set_zone(self, zone: tzinfo) -> None:
        """Sets the time zone in which cards have their days."""
        self._loaded.set_zone(zone)

    def _numbers(self) -> list[int]:
        known = set(self._ids.values())
        numbers = [
            number
            for task_id in reversed(self._added)
            if task_id not in known
            for number in self._loaded.numbers_of(task_id)
        ]
        for index in range(self._end):
            if index in self._ids:
                numbers += self._loaded.numbers_of(self._ids[index])
            else:
                numbers.append(-1 - index)
        return numbers
