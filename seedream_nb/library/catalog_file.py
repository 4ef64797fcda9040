"""The file of the catalog: the cards of all tasks of a library, with what finds and sorts them.

It lies beside the library's database and can be lost at any time, as it is filled again from the records. The library
notes which tasks have changed (`schema`), whoever stores or marks them; the catalog reads those again when it is used.
"""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from seedream_nb.core.errors import LibraryError
from seedream_nb.library.connections import SharedFile, transaction
from seedream_nb.library.marks import Marks
from seedream_nb.library.opening import SECONDS_FOR_OTHERS, choose_journal
from seedream_nb.library.records import storable
from seedream_nb.protocol.capabilities import MODELS
from seedream_nb.protocol.cards import slots_of, traits_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from seedream_nb.core.models import Task

SHIFT = 10  # bits of a card's number that say which of its task's cards it is
MAX_CARDS = 1 << SHIFT  # of one task; the service creates 17 images at most
_FORMAT = 1
_CACHE = -4_000  # kibibytes of the file that are kept in memory, as SQLite writes them

# Cards are numbered in the order in which their tasks were added, so that equal cards stay in that order. An index for
# each order has the numbers already sorted. Few models, states and sizes occur: together they are a card's kind.
_TABLES = """
CREATE TABLE position (epoch TEXT NOT NULL, revision INTEGER NOT NULL, is_complete INTEGER NOT NULL);
INSERT INTO position VALUES ('', 0, 0);
CREATE TABLE entries (entry INTEGER PRIMARY KEY, task INTEGER NOT NULL UNIQUE);
CREATE TABLE kinds (
    kind INTEGER PRIMARY KEY, model TEXT NOT NULL, status TEXT NOT NULL, size TEXT NOT NULL, pixels INTEGER NOT NULL,
    UNIQUE (model, status, size)
);
CREATE TABLE cards (
    number INTEGER PRIMARY KEY, place INTEGER NOT NULL, kind INTEGER NOT NULL, moment REAL,
    rating INTEGER NOT NULL DEFAULT 0, rejected INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX newest ON cards (moment DESC);
CREATE INDEX oldest ON cards (moment IS NULL, moment);
CREATE INDEX best ON cards (rating DESC, moment DESC);
CREATE INDEX of_kinds ON cards (kind);
CREATE TABLE texts (number INTEGER PRIMARY KEY, prompt TEXT NOT NULL, others TEXT NOT NULL);
CREATE INDEX prompts ON texts (prompt = '', prompt);
CREATE TABLE tags (tag TEXT, number INTEGER, PRIMARY KEY (tag, number)) WITHOUT ROWID;
CREATE INDEX tags_of_cards ON tags (number);
"""


class Position(NamedTuple):
    """How much of a library a catalog has."""

    epoch: str  # of the library's file; another file numbers its changes anew
    revision: int  # of the last change that was read
    is_complete: bool  # whether all earlier tasks were read


NO_MARKS = Marks()


class CatalogFile(SharedFile):
    """The file of a catalog; a temporary one, which no other kernel sees, without a folder."""

    def __init__(self, folder: Path | None) -> None:
        self._path = None if folder is None else folder / f"catalog-{_edition()}.sqlite"
        super().__init__()

    @contextmanager
    def using(self) -> Iterator[sqlite3.Connection]:
        """A connection, in autocommit mode unless it is nested in `writing`; a damaged file is dropped."""
        with self._lock:
            self._depth += 1
            try:
                yield self._connect()
            except sqlite3.Error as problem:
                if type(problem) is sqlite3.DatabaseError:
                    self._drop()  # damaged
                if self._depth > 1:
                    raise
                raise LibraryError(
                    f"The library's catalog cannot be used: {problem}.",
                    hint="Repeat the call. It is an index of the library, and is created again when it is missing.",
                ) from problem
            finally:
                self._depth -= 1

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction."""
        with self.using() as connection, transaction(connection):
            yield connection

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            try:
                self._connection = self._open(self._path)
            except sqlite3.OperationalError:
                # Such as a full disk, or a folder that can no longer be written.
                self._connection = self._open(None)
            except sqlite3.DatabaseError:
                self._drop()
                self._connection = self._open(self._path)
        return self._connection

    def _open(self, path: Path | None) -> sqlite3.Connection:
        is_new = path is not None and not path.exists()
        name = "" if path is None else f"{path.as_uri()}?mode=rwc"
        connection = sqlite3.connect(
            name, uri=path is not None, timeout=SECONDS_FOR_OTHERS, isolation_level=None, check_same_thread=False
        )
        try:
            if path is not None:
                choose_journal(connection, path)
            connection.execute(f"PRAGMA cache_size = {_CACHE}")
            _create_tables(connection)
        except BaseException:
            connection.close()
            raise
        if is_new and path is not None:
            _remove_others(path)
        return connection

    def _drop(self) -> None:
        self._close()
        if self._path is not None:
            for ending in ("", "-wal", "-shm", "-journal"):
                with suppress(OSError):
                    self._path.with_name(f"{self._path.name}{ending}").unlink(missing_ok=True)


def read_position(connection: sqlite3.Connection) -> Position:
    """How much of its library a catalog has."""
    epoch, revision, is_complete = connection.execute("SELECT epoch, revision, is_complete FROM position").fetchone()
    return Position(epoch, revision, bool(is_complete))


def set_position(connection: sqlite3.Connection, position: Position) -> None:
    """Notes how much of its library a catalog has."""
    connection.execute("UPDATE position SET epoch = ?, revision = ?, is_complete = ?", position)


def clear(connection: sqlite3.Connection) -> None:
    """Removes all cards."""
    for table in ("entries", "kinds", "cards", "texts", "tags"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608  our own names


def put_task(connection: sqlite3.Connection, number: int, task: Task | None, marks: Mapping[int, Marks]) -> None:
    """Adds or replaces the cards of a task, within a transaction.

    Args:
        connection: The catalog's.
        number: The task's number in the library.
        task: The task; None if its record cannot be read, so that it has no cards.
        marks: Those of its images, by their places.
    """
    connection.execute("INSERT OR IGNORE INTO entries (task) VALUES (?)", (number,))
    (entry,) = connection.execute("SELECT entry FROM entries WHERE task = ?", (number,)).fetchone()
    _delete_cards(connection, entry)
    if task is None:
        return
    for card, slot in enumerate(slots_of(task)[:MAX_CARDS], entry << SHIFT):
        traits = traits_of(task, slot.shown, slot.state)
        kind = _kind_of(connection, storable(traits.model), traits.status, storable(traits.size), traits.pixels)
        connection.execute(
            "INSERT INTO cards (number, place, kind, moment) VALUES (?, ?, ?, ?)",
            (card, slot.place, kind, traits.moment),
        )
        texts = (card, storable(traits.prompt), storable(traits.others))
        connection.execute("INSERT INTO texts (number, prompt, others) VALUES (?, ?, ?)", texts)
    if marks:
        put_marks(connection, number, marks)


def put_marks(connection: sqlite3.Connection, number: int, marks: Mapping[int, Marks]) -> None:
    """Replaces the marks of a task's cards, within a transaction; does nothing for an unknown task."""
    entry = find_entry(connection, number)
    if entry is None:
        return
    cards = connection.execute("SELECT number, place FROM cards WHERE number BETWEEN ? AND ?", range_of(entry))
    for card, place in cards.fetchall():
        own = marks.get(place, NO_MARKS)
        values = (own.rating or 0, own.rejected, card)
        connection.execute("UPDATE cards SET rating = ?, rejected = ? WHERE number = ?", values)
        connection.execute("DELETE FROM tags WHERE number = ?", (card,))
        connection.executemany("INSERT INTO tags (tag, number) VALUES (?, ?)", [(tag, card) for tag in own.tags])


def remove_task(connection: sqlite3.Connection, number: int) -> None:
    """Removes the cards of a task, within a transaction; does nothing for an unknown task."""
    entry = find_entry(connection, number)
    if entry is not None:
        _delete_cards(connection, entry)
        connection.execute("DELETE FROM entries WHERE entry = ?", (entry,))


def find_entry(connection: sqlite3.Connection, number: int) -> int | None:
    """The entry of a task, by the task's number in the library."""
    row = connection.execute("SELECT entry FROM entries WHERE task = ?", (number,)).fetchone()
    return None if row is None else int(row[0])


def range_of(entry: int) -> tuple[int, int]:
    """The first and the last number that the cards of an entry can have."""
    return entry << SHIFT, ((entry + 1) << SHIFT) - 1


def _delete_cards(connection: sqlite3.Connection, entry: int) -> None:
    for table in ("cards", "texts", "tags"):
        connection.execute(f"DELETE FROM {table} WHERE number BETWEEN ? AND ?", range_of(entry))  # noqa: S608  our own names


def _kind_of(connection: sqlite3.Connection, model: str, status: str, size: str, pixels: int) -> int:
    kind = (model, status, size)
    statement = "SELECT kind FROM kinds WHERE (model, status, size) = (?, ?, ?)"
    row = connection.execute(statement, kind).fetchone()
    if row is not None:
        return int(row[0])
    statement = "INSERT INTO kinds (model, status, size, pixels) VALUES (?, ?, ?, ?)"
    return int(connection.execute(statement, (*kind, pixels)).lastrowid or 0)


def _create_tables(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA user_version").fetchone()[0]:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not connection.execute("PRAGMA user_version").fetchone()[0]:  # not by another kernel in the meantime
            for statement in filter(str.strip, _TABLES.split(";\n")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {_FORMAT}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _edition() -> str:
    """Tells catalogs apart whose cards are found by other values: those of other versions, with other models."""
    models = sorted((model.id, model.label) for model in MODELS.values())
    return hashlib.sha256(repr((_FORMAT, models)).encode()).hexdigest()[:8]


def _remove_others(path: Path) -> None:
    """Removes the catalogs of other versions, which would never be read again after an upgrade."""
    for other in path.parent.glob("catalog-*"):
        if not other.name.startswith(path.stem):
            with suppress(OSError):
                other.unlink()
