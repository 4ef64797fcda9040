"""Keeps a catalog up with its library, whoever stores, removes or marks tasks there.

The library notes each change of a task under a growing number (`schema.TRIGGERS`); a catalog reads those that came
after the last one it knows. Tasks that nothing was noted of, as in a library of an earlier version, are found by
comparing all numbers of tasks.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from seedream_nb.library.catalog_file import (
    CatalogFile,
    Position,
    clear,
    find_entry,
    put_marks,
    put_task,
    read_position,
    remove_task,
    set_position,
)
from seedream_nb.library.marks import read_marks
from seedream_nb.library.records import MAX_PARAMETERS, PAGE, STORED, DamagedRecordError, StoredTask, any_image
from seedream_nb.library.schema import EPOCH, IMAGES_MARKED, version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from sqlite3 import Connection

    from seedream_nb.library.database import Database
    from seedream_nb.library.marks import Marks

_MANY = 10_000  # numbers; for more, reading all rows is faster than looking them up
_CHANGES = "SELECT revision, task, is_mark FROM changes WHERE revision > ? ORDER BY revision LIMIT ?"


class CatalogUpdate:
    """Brings a catalog's file up to date, page by page: it can be interrupted, and several kernels share the work."""

    def __init__(self, database: Database, file: CatalogFile) -> None:
        self._database = database
        self._file = file

    def version(self) -> tuple[object, ...]:
        """A value that changes when a task was stored, removed or marked."""
        with self._database.reading() as library:
            return (*_newest_change(library), _count_tasks(library))

    def behind(self) -> int:
        """How many tasks must be read; 0 if the catalog is up to date."""
        with self._file.using() as connection:
            position = read_position(connection)
            (known,) = connection.execute("SELECT count(*) FROM entries").fetchone()
            with self._database.reading() as library:
                tasks = _count_tasks(library)
                if not _continues(position, *_newest_change(library)):
                    return tasks
                statement = "SELECT count(*) FROM changes WHERE revision > ?"
                changes = int(library.execute(statement, (position.revision,)).fetchone()[0])
        return changes if known == tasks and position.is_complete else max(changes, abs(tasks - known), 1)

    def run(self, on_progress: Callable[[int, int], None] | None = None) -> None:
        """Brings the file up to date; `on_progress` gets the number of tasks that were read, and that of all."""
        done, total = 0, self.behind()

        def count(tasks: int) -> None:
            nonlocal done
            done += tasks
            if on_progress is not None:
                on_progress(min(done, total), total)

        if not total:
            return
        if self._begin():
            self._read_changes(count)
        self._compare(count)
        self._read_changes(count)

    def _begin(self) -> bool:
        """Whether only changes must be read; starts again if the catalog is of another file."""
        with self._file.writing() as connection:
            position = read_position(connection)
            with self._database.reading() as library:
                epoch, revision = _newest_change(library)
            if not _continues(position, epoch, revision):
                clear(connection)
                position = Position(epoch, revision, is_complete=False)
                set_position(connection, position)
            return position.is_complete

    def _read_changes(self, count: Callable[[int], None]) -> None:
        """Reads the tasks whose changes the library has noted, page by page."""
        while True:
            with self._file.writing() as connection:
                position = read_position(connection)
                with self._database.reading() as library:
                    statement = (
                        "SELECT revision, task, is_mark FROM changes WHERE revision > ? ORDER BY revision LIMIT ?"
                    )
                    changes = library.execute(statement, (position.revision, PAGE)).fetchall()
                if not changes:
                    return
                self._put(connection, [task for _revision, task, is_mark in changes if not is_mark])
                self._put_marks(connection, [task for _revision, task, is_mark in changes if is_mark])
                set_position(connection, position._replace(revision=changes[-1][0]))
            count(len(changes))

    def _compare(self, count: Callable[[int], None]) -> None:
        """Reads the tasks that are not here, page by page, and removes those that are no longer there."""
        with self._file.using() as connection:
            position = read_position(connection)
            known = {task for (task,) in connection.execute("SELECT task FROM entries")}
            with self._database.reading() as library:
                if position.is_complete and len(known) == _count_tasks(library):
                    return
                stored = {number for (number,) in library.execute("SELECT number FROM tasks")}
                kept = select_numbers(library, "SELECT kept_at, number FROM tasks WHERE number IN", stored - known)
        missing = array("q", (number for _kept_at, number in sorted(kept)))
        gone = array("q", known - stored)
        del known, stored, kept
        for numbers in (gone, missing):
            for start in range(0, len(numbers), PAGE):
                page = numbers[start : start + PAGE]
                with self._file.writing() as connection:
                    if read_position(connection).epoch != position.epoch:
                        return  # another kernel has started again
                    is_new = numbers is missing
                    self._put(connection, [one for one in page if not is_new or find_entry(connection, one) is None])
                count(len(page))
        with self._file.writing() as connection:
            now = read_position(connection)
            set_position(connection, now._replace(is_complete=now.epoch == position.epoch))

    def _put(self, connection: Connection, numbers: Sequence[int]) -> None:
        with self._database.reading() as library:
            rows = {row[3]: StoredTask(*row) for row in select_numbers(library, f"{STORED} WHERE number IN", numbers)}
            marks = _marks_of(library, [row.key for row in rows.values()])
        for number in numbers:
            row = rows.get(number)
            if row is None:
                remove_task(connection, number)
                continue
            try:
                task = row.read(any_image)
            except DamagedRecordError:
                task = None  # for `Library.verify`
            put_task(connection, number, task, marks.get(row.key, {}))

    def _put_marks(self, connection: Connection, numbers: Sequence[int]) -> None:
        with self._database.reading() as library:
            keys = dict(select_numbers(library, "SELECT number, key FROM tasks WHERE number IN", numbers))
            marks = _marks_of(library, keys.values())
        for number, key in keys.items():
            put_marks(connection, number, marks.get(key, {}))


def _newest_change(library: Connection) -> tuple[str, int]:
    """The name of the library's series of changes, which no other file has, and the number of the newest."""
    if version_of(library) < IMAGES_MARKED:
        return "", 0
    row = library.execute("SELECT value FROM properties WHERE name = ?", (EPOCH,)).fetchone()
    (newest,) = library.execute("SELECT coalesce(max(revision), 0) FROM changes").fetchone()
    return "" if row is None else str(row[0]), int(newest)


def _continues(position: Position, epoch: str, revision: int) -> bool:
    """Whether a catalog has read the beginning of a library's changes."""
    return position.epoch == epoch and position.revision <= revision


def _count_tasks(library: Connection) -> int:
    return int(library.execute("SELECT count(*) FROM tasks").fetchone()[0])


def _marks_of(library: Connection, keys: Iterable[str]) -> dict[str, dict[int, Marks]]:
    """The marks of the images of tasks, by their places."""
    found: defaultdict[str, dict[int, Marks]] = defaultdict(dict)
    for (key, place), marks in read_marks(library, keys).items():
        found[key][place] = marks
    return found


def select_numbers(connection: Connection, statement: str, numbers: Iterable[int]) -> list[tuple[Any, ...]]:
    """Runs a statement that ends in `IN` for any number of numbers."""
    remaining, rows = list(numbers), []
    for start in range(0, len(remaining), MAX_PARAMETERS):
        some = remaining[start : start + MAX_PARAMETERS]
        rows += connection.execute(f"{statement} ({', '.join(map(str, some))})").fetchall()
    return rows


def select_many(
    connection: Connection, statement: str, column: str, numbers: Collection[int]
) -> Iterable[tuple[Any, ...]]:
    """Runs a statement for the rows that have one of some numbers in their first column, of this name."""
    if len(numbers) <= _MANY:
        return select_numbers(connection, f"{statement} WHERE {column} IN", numbers)
    wanted = set(numbers)
    return (row for row in connection.execute(statement) if row[0] in wanted)
