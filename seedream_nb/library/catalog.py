"""The catalog: finds, sorts and reads the cards of a whole library, however many there are."""

from __future__ import annotations

import dataclasses
from array import array
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from seedream_nb.library.catalog_file import MAX_CARDS, SHIFT, CatalogFile, find_entry, range_of
from seedream_nb.library.catalog_update import CatalogUpdate, select_many, select_numbers
from seedream_nb.library.marks import known_tag
from seedream_nb.library.records import STORED, StoredTask, key_of, storable
from seedream_nb.protocol.cards import Sort, fold, model_order, size_order, slots_of, status_order

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from datetime import datetime
    from sqlite3 import Connection

    from seedream_nb.core.models import Task
    from seedream_nb.library.database import Database

_MAX_WORDS = 100  # of one statement; the rest of a longer text is searched in further ones
_ORDERS = {
    Sort.NEWEST: "SELECT number FROM cards ORDER BY moment DESC, number",
    Sort.OLDEST: "SELECT number FROM cards ORDER BY moment IS NULL, moment, number",
    Sort.RATING: "SELECT number FROM cards ORDER BY rating DESC, moment DESC, number",
    Sort.PROMPT: "SELECT number FROM texts ORDER BY prompt = '', prompt, number",
    Sort.ADDED: "SELECT number FROM cards ORDER BY number",
}


@dataclass(frozen=True)
class CardQuery:
    """Conditions that a card must meet; empty ones do not count.

    Attributes:
        text: Words that must all occur, anywhere and in any case, in the prompt, the model's id or name, or the task's
            id.
        model: The model's full id.
        status: The word of the card's state, such as `succeeded` or `image failed`.
        size: The size as it is recorded, such as `2048x2048`.
        since: Created at this time or later.
        until: Created before this time.
        tags: Tags that its image must all have; case does not matter.
        rating: The minimum number of stars.
        rejected: Whether its image must be rejected, or must not be.
    """

    text: str = ""
    model: str = ""
    status: str = ""
    size: str = ""
    since: datetime | None = None
    until: datetime | None = None
    tags: tuple[str, ...] = ()
    rating: int | None = None
    rejected: bool | None = None


@dataclass(frozen=True)
class CatalogCard:
    """One card.

    Attributes:
        number: Its number in the catalog.
        task: Its task.
        position: Its position among the cards of its task, from 0, as `slots_of` lists them.
        place: The index of its image in the task; marks are those of this image.
    """

    number: int
    task: Task
    position: int
    place: int


@dataclass(frozen=True)
class CatalogChoices:
    """The values that occur, each with its number of cards; each of them can go into a `CardQuery`."""

    models: Mapping[str, int] = field(default_factory=dict)  # full ids, available models first
    statuses: Mapping[str, int] = field(default_factory=dict)
    sizes: Mapping[str, int] = field(default_factory=dict)  # smallest first
    tags: Mapping[str, int] = field(default_factory=dict)  # the most frequent first


class Catalog:
    """The cards of a library, in SQLite: nothing is held in memory but the numbers of cards in the order in use.

    Cards have numbers, which stay the same as long as their task is stored. Safe to use from several threads and,
    each with its own, from several processes. Every method raises a `LibraryError` if the library or the catalog
    cannot be read.

    Example:
        >>> catalog = library.catalog
        >>> numbers = catalog.find(CardQuery(text="siamese cat"), Sort.OLDEST)
        >>> [card.task.prompt for card in catalog.read(numbers[:60]) if card]
        ['a white siamese cat']
    """

    def __init__(self, database: Database, find_inline: Callable[[str], bytes | None]) -> None:
        self._database = database
        self._find_inline = find_inline
        self._file = CatalogFile(None if database.is_read_only else database.path.parent)
        self._update = CatalogUpdate(database, self._file)
        self._content: object = None  # what the file held when it was read last
        self._remembered: dict[str, Any] = {}  # what was read of that
        self._sort = Sort.NEWEST

    # Keeping up with the library.

    def version(self) -> tuple[object, ...]:
        """A value that changes when a task was stored, removed or marked, by any kernel."""
        return self._update.version()

    def behind(self) -> int:
        """How many tasks `update` must read; 0 if the catalog is up to date."""
        return self._update.behind()

    def update(self, on_progress: Callable[[int, int], None] | None = None) -> None:
        """Reads the tasks that were stored, changed or removed since the last update, by whichever kernel.

        A library of an earlier version is read as a whole, once. It can be interrupted at any time, and continues from
        there; several kernels share the work.

        Args:
            on_progress: Called after each page with the number of tasks that were read and that of all to be read.
        """
        self._update.run(on_progress)

    # Finding.

    def find(self, query: CardQuery | None = None, sort: Sort = Sort.NEWEST, *, refresh: bool = True) -> array[int]:
        """Finds the numbers of the cards that match a query, in order.

        Args:
            query: The conditions; None for all cards.
            sort: The order. Equal cards are in the order in which their tasks were stored.
            refresh: Whether to `update` first; otherwise, cards that are not in the catalog yet are missing.
        """
        if refresh:
            self.update()
        query = query or CardQuery()
        with self._file.using() as connection:
            order = self._order(connection, sort)
            if query == CardQuery():
                return order[:]
            matches = _find_matches(connection, query)
            return array("q", filter(matches.__contains__, order)) if matches else array("q")

    def choices(self) -> CatalogChoices:
        """The values that occur, for the menus of a filter."""
        with self._file.using() as connection:
            found: CatalogChoices = self._remember(connection, "choices", lambda: _read_choices(connection))
            return found

    def number_of(self, task_id: str, place: int = 0) -> int | None:
        """The number of the first card of a task with an image's place; None if there is none."""
        return self._numbers(task_id, "AND place = ?", place)[0]

    def numbers_of(self, task_id: str) -> list[int]:
        """The numbers of all cards of a task, in order; none for a task that is not there."""
        return [number for number in self._numbers(task_id, "") if number is not None]

    def existing(self, numbers: Iterable[int]) -> list[int]:
        """Those of the numbers that stand for a card, in the given order."""
        wanted = list(numbers)
        found = self._places(wanted)
        return [number for number in wanted if number in found]

    # Reading.

    def read(self, numbers: Iterable[int]) -> list[CatalogCard | None]:
        """Reads cards with their tasks; None for one that is no longer there."""
        wanted = list(numbers)
        found = self._places(wanted)
        tasks = self._read_tasks({task for task, _place in found.values()})
        cards: list[CatalogCard | None] = []
        for number in wanted:
            known, place = found.get(number, (None, 0))
            task = None if known is None else tasks.get(known)
            position = number % MAX_CARDS
            is_there = task is not None and position < len(slots_of(task))
            cards.append(CatalogCard(number, task, position, place) if task is not None and is_there else None)
        return cards

    def images_of(self, numbers: Iterable[int]) -> list[tuple[str, int]]:
        """The key of the task and the place of the image of each card, without reading any record."""
        wanted = list(numbers)
        found = self._places(wanted)
        with self._database.reading() as library:
            tasks = {task for task, _place in found.values()}
            keys = dict(select_many(library, "SELECT number, key FROM tasks", "number", tasks))
        places = (found[number] for number in wanted if number in found)
        return [(keys[task], place) for task, place in places if task in keys]

    def close(self) -> None:
        """Closes its file; it is opened again on next use."""
        self._file.close()

    def _read_tasks(self, numbers: Iterable[int]) -> dict[int, Task]:
        folder = str(self._database.path.parent)
        with self._database.reading() as library:
            rows = [StoredTask(*row) for row in select_numbers(library, f"{STORED} WHERE number IN", numbers)]
            return {row.number: dataclasses.replace(row.read(self._find_inline), library=folder) for row in rows}

    def _places(self, numbers: Collection[int]) -> dict[int, tuple[int, int]]:
        """The number of the task in the library, and the place of the image, of each card that is there."""
        statement = f"SELECT number, task, place FROM cards JOIN entries ON entry = number >> {SHIFT}"  # noqa: S608  our own number
        with self._file.using() as connection:
            rows = select_many(connection, statement, "number", numbers)
            return {number: (task, place) for number, task, place in rows}

    def _numbers(self, task_id: str, condition: str, *values: int) -> list[int | None]:
        key = key_of(task_id)
        with self._file.using() as connection:
            with self._database.reading() as library:
                row = library.execute("SELECT number FROM tasks WHERE key = ?", (storable(key),)).fetchone()
            entry = None if row is None else find_entry(connection, row[0])
            if entry is None:
                return [None]
            statement = f"SELECT number FROM cards WHERE number BETWEEN ? AND ? {condition} ORDER BY number"  # noqa: S608  our own words
            found = [number for (number,) in connection.execute(statement, (*range_of(entry), *values))]
        return found or [None]

    def _order(self, connection: Connection, sort: Sort) -> array[int]:
        """The numbers of all cards in order; those of the last order are read again only when something changes."""
        if sort is not self._sort:
            self._sort = sort
            self._remembered.pop("order", None)
        found: array[int] = self._remember(connection, "order", lambda: _read_order(connection, sort))
        return found

    def _remember(self, connection: Connection, what: str, make: Callable[[], object]) -> Any:
        others = connection.execute("PRAGMA data_version").fetchone()
        content = (id(connection), others, connection.total_changes)
        if self._content != content:
            self._content, self._remembered = content, {}
        if what not in self._remembered:
            self._remembered[what] = make()
        return self._remembered[what]


def _find_matches(connection: Connection, query: CardQuery) -> set[int]:
    conditions = _conditions_of(connection, query)
    words = list(dict.fromkeys(fold(query.text).split()))
    if any(word != storable(word) for word in words):
        return set()
    matches: set[int] | None = None
    for start in range(0, len(words) or 1, _MAX_WORDS):
        some = words[start : start + _MAX_WORDS]
        tables = ["cards"] * bool(conditions or not some) + ["texts"] * bool(some)
        source = f"{' CROSS JOIN '.join(tables)}{' USING (number)' if len(tables) > 1 else ''}"
        tests = [condition for condition, _values in conditions] + ["(instr(prompt, ?) OR instr(others, ?))"] * len(
            some
        )
        values = [value for _condition, given in conditions for value in given]
        values += [word for word in some for _column in ("prompt", "others")]
        statement = f"SELECT number FROM {source} WHERE {' AND '.join(tests) or '1'}"  # noqa: S608  our own words
        found = {number for (number,) in connection.execute(statement, values)}
        matches = found if matches is None else matches & found
    return matches or set()


def _conditions_of(connection: Connection, query: CardQuery) -> list[tuple[str, list[object]]]:
    """The conditions on `cards`, with their values."""
    conditions: list[tuple[str, list[object]]] = []
    if query.model or query.status or query.size:
        wanted = (query.model, query.status, query.size)
        kinds = [
            kind
            for kind, *values in connection.execute("SELECT kind, model, status, size FROM kinds")
            if all(not one or one == value for one, value in zip(wanted, values, strict=True))
        ]
        conditions.append((f"kind IN ({', '.join(map(str, kinds))})", []))
    if query.since is not None:
        conditions.append(("moment >= ?", [query.since.timestamp()]))
    if query.until is not None:
        conditions.append(("moment < ?", [query.until.timestamp()]))
    tags = [storable(known_tag(connection, tag)) for tag in query.tags]
    conditions += [("number IN (SELECT number FROM tags WHERE tag = ?)", [tag]) for tag in tags]
    if query.rating is not None:
        conditions.append(("rating >= ?", [query.rating]))
    if query.rejected is not None:
        conditions.append(("rejected = ?", [query.rejected]))
    return conditions


def _read_order(connection: Connection, sort: Sort) -> array[int]:
    if sort in _ORDERS:
        return array("q", (number for (number,) in connection.execute(_ORDERS[sort])))
    # Few kinds, each with its numbers in order, instead of sorting all cards.
    groups: defaultdict[tuple[object, ...], list[int]] = defaultdict(list)
    for kind, model, pixels in connection.execute("SELECT kind, model, pixels FROM kinds").fetchall():
        group = groups[(not model, model) if sort is Sort.MODEL else (-pixels,)]
        group += (number for (number,) in connection.execute("SELECT number FROM cards WHERE kind = ?", (kind,)))
    return array("q", (number for group in sorted(groups) for number in sorted(groups[group])))


def _read_choices(connection: Connection) -> CatalogChoices:
    counts = "SELECT kind, count(*) AS cards FROM cards GROUP BY kind"
    statement = f"SELECT model, status, size, cards FROM kinds JOIN ({counts}) USING (kind)"  # noqa: S608  our own words
    models, statuses, sizes = Counter[str](), Counter[str](), Counter[str]()
    for model, status, size, cards in connection.execute(statement):
        models[model] += cards
        statuses[status] += cards
        sizes[size] += cards
    tags = connection.execute("SELECT tag, count(*) FROM tags GROUP BY tag ORDER BY count(*) DESC, tag")
    return CatalogChoices(
        _sorted(models, model_order), _sorted(statuses, status_order), _sorted(sizes, size_order), dict(tags.fetchall())
    )


def _sorted(counts: Counter[str], key: Callable[[str], Any]) -> dict[str, int]:
    return {value: counts[value] for value in sorted(counts, key=key) if value}
