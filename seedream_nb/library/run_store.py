"""The file of a run: the rows of its table, and what became of the request of each.

The ledger alone knows what was paid for. This file knows the table: a lost one costs nothing but the rows' order, as
the same table finds everything again.
"""

from __future__ import annotations

import itertools
import json
import re
import sqlite3
import time
import unicodedata
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn, Protocol

from seedream_nb.core.errors import LibraryError, UsageError
from seedream_nb.core.foreign import show_line
from seedream_nb.library.connections import SharedFile, transaction
from seedream_nb.library.opening import choose_journal
from seedream_nb.library.run_schema import MERGE, STAGING, VERSION, create

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from seedream_nb.library.library import Library

FOLDER = "runs"
ENDING = ".sqlite"
MAX_NAME = 64  # characters
PAGE = 500  # rows read or written at a time
SECONDS_FOR_OTHERS = 120.0  # to wait for another kernel's transaction, such as that of a large table
_USUAL_CACHE, _LARGE_CACHE = -2_000, -32_000  # kibibytes of a file that are kept in memory, as SQLite writes them
_MAX_NAME_BYTES = 200  # a file system takes 255, and the endings are added
_BEYOND_LETTERS = frozenset("_ .-")
_RESERVED = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]", re.IGNORECASE)  # names of devices on Windows

OPEN, SENT, DONE, FAILED, REJECTED, UNCLEAR = "open", "sent", "done", "failed", "rejected", "unclear"
"""The states of a request: not sent; at the service; finished; failed; rejected by moderation; of unknown outcome."""

UNFINISHED = (OPEN, SENT, UNCLEAR)
HOLDING = (DONE, SENT, UNCLEAR)  # the states in which a purchase is an entry's own


class IncomingRow(NamedTuple):
    """One row of a table that is not stored yet.

    Attributes:
        position: Its place in the table, from 1.
        cells: Its cells as JSON.
        checksum: What tells its request from others, as hexadecimal digits.
        kind: What its price depends on, as JSON.
    """

    position: int
    cells: str
    checksum: str
    kind: str


class IncomingTable(Protocol):
    """A table that is read once, whose iterator yields the rows that are not as they were."""

    @property
    def count(self) -> int:
        """The number of rows, known when it was read."""

    @property
    def is_compared(self) -> bool:
        """Whether it was compared with the stored rows; otherwise all of its rows are new."""

    def __iter__(self) -> Iterator[IncomingRow]:
        """Yields the rows."""


@dataclass(frozen=True)
class Entry:
    """One request of a run: a take of a row.

    Attributes:
        number: Its number in the file.
        position: The row's place in the table, from 1; None if the row is no longer part of it.
        take: Which take of the row, from 1.
        checksum: What tells its request from others.
        nth: Which of the run's equal requests it is, from 1.
        state: Its state, such as `OPEN`.
        purchase: The number of its purchase in the ledger, if that is known.
        task: The id of its task, or the library's own key for one without an id.
        status: The status of its task.
        error: Why it failed.
        images: The number of good images.
        cost: US dollars, as reported or else estimated.
        elapsed: Seconds that the task took.
        changed_at: When that was recorded, in Unix seconds.
        cells: The row's cells as JSON.
    """

    number: int
    position: int | None
    take: int
    checksum: str
    nth: int
    state: str
    purchase: int | None = None
    task: str | None = None
    status: str | None = None
    error: str | None = None
    images: int = 0
    cost: float | None = None
    elapsed: float | None = None
    changed_at: float | None = None
    cells: str = "{}"


_COLUMNS = (
    "entries.number, entries.position, take, lower(hex(checksum)), nth, state, purchase, task, status, error, images,"
    " cost, elapsed, changed_at"
)
_WITH_CELLS = f"SELECT {_COLUMNS}, cells FROM entries JOIN rows ON rows.number = entries.row"  # noqa: S608  our own words


@dataclass(frozen=True)
class Outcome:
    """What became of a request; the attributes are those of `Entry`."""

    number: int
    state: str
    purchase: int | None = None
    task: str | None = None
    status: str | None = None
    error: str | None = None
    images: int = 0
    cost: float | None = None
    elapsed: float | None = None


class Total(NamedTuple):
    """How many requests of one kind are in one state."""

    is_earlier: bool  # of rows that are no longer in the table
    state: str
    kind: Mapping[str, Any]  # the fields of the request's body that its price depends on
    entries: int
    images: int
    cost: float


class TableChangedError(LibraryError):
    """Another kernel has replaced the table of a run at the same moment; nothing was changed."""


class DamagedRunError(LibraryError):
    """The file of a run was damaged, and has been set aside."""


def check_name(name: object) -> str:
    """The name of a run, if it can be one.

    Raises:
        UsageError: It cannot.

    Example:
        >>> check_name("product-photos")
        'product-photos'
    """
    # Systems differ in how they write an accented letter.
    text = unicodedata.normalize("NFC", name.strip()) if isinstance(name, str) else ""
    if not _is_file_name(text) or _RESERVED.fullmatch(text.partition(".")[0]):
        raise UsageError(
            f"{show_line(str(name), MAX_NAME)!r} can't be the name of a run.",
            hint=f"Use up to {MAX_NAME} letters, digits, spaces, and the characters - _ . of which only _ may come "
            "first; nothing was sent.",
        )
    return text


def _is_file_name(text: str) -> bool:
    """Whether text of any script can be the name of a file on each system."""
    if not text or len(text) > MAX_NAME or text[0] in " .-" or text.endswith("."):
        return False
    is_known = all(one.isalnum() or one in _BEYOND_LETTERS or unicodedata.category(one)[0] == "M" for one in text)
    return is_known and len(text.encode()) <= _MAX_NAME_BYTES


def find_runs(library: Library) -> list[RunStore]:
    """The runs of a library, by their names."""
    folder = library.location / FOLDER
    names = (path.name.removesuffix(ENDING) for path in folder.glob(f"*{ENDING}"))
    found = []
    for name in sorted(names, key=str.casefold):
        with suppress(UsageError):
            found.append(RunStore(folder, check_name(name)))
    return found


class RunStore(SharedFile):
    """The file of one run, created on first use. Safe to use from several threads and several processes.

    Args:
        folder: The folder of the library's runs.
        name: The run's name; an existing run of this name in other case is meant, too.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.path = folder / f"{_stored_name(folder, check_name(name))}{ENDING}"
        super().__init__()

    @property
    def name(self) -> str:
        """The run's name."""
        return self.path.name.removesuffix(ENDING)

    @property
    def exists(self) -> bool:
        """Whether there is a table in it."""
        return self.path.exists() and bool(self.read("rows"))

    # Properties: text by name.

    def read(self, name: str, otherwise: str = "") -> str:
        """One of its properties."""
        with self._using() as connection:
            row = connection.execute("SELECT value FROM properties WHERE name = ?", (name,)).fetchone()
        return otherwise if row is None else str(row[0])

    def write(self, **properties: object) -> None:
        """Sets some of its properties."""
        with self._writing() as connection:
            _write_properties(connection, properties)

    @property
    def changed_at(self) -> float:
        """When its table or a request changed last, in Unix seconds."""
        return float(self.read("changed_at", "0"))

    # The table.

    def stored_rows(self) -> Iterator[tuple[str, str]]:
        """The cells of the table's rows as JSON, each with the checksum of its request, in order."""
        statement = (
            "SELECT rows.position, cells, lower(hex(checksum)) FROM rows"
            " JOIN entries ON entries.position = rows.position AND take = 1"
            " WHERE rows.position > ? ORDER BY rows.position LIMIT ?"
        )
        last = 0
        while True:
            with self._using() as connection:
                page = connection.execute(statement, (last, PAGE)).fetchall()
            yield from ((cells, checksum) for _position, cells, checksum in page)
            if len(page) < PAGE:
                return
            last = page[-1][0]

    def replace_table(
        self, table: IncomingTable, takes: int, version: str, properties: Callable[[], Mapping[str, object]]
    ) -> int:
        """Replaces the rows of the table that are not as they were, all of them or none.

        A request that was there before keeps its entry, wherever its row is now. The entries of rows that are no
        longer part of the table stay, without a position.

        Args:
            table: Its rows are read before anything is changed.
            takes: The number of entries of each row.
            version: The property `version` of the rows that it was compared with.
            properties: What to set at the same moment, once the table was read.

        Returns:
            The number of the last entry that was there before.

        Raises:
            TableChangedError: The table was compared with another version.
        """
        with self._using() as connection:
            kinds = self._stage(connection, table)
            connection.execute(f"PRAGMA cache_size = {_LARGE_CACHE}")
        with self._writing() as connection:
            current = _read_property(connection, "version")
            if version != current and table.is_compared:
                raise TableChangedError(
                    f"Another kernel has changed the table of the run {self.name} at the same moment.",
                    hint="Run it again; nothing was sent.",
                )
            (last,) = connection.execute("SELECT coalesce(max(number), 0) FROM entries").fetchone()
            if kinds or _read_property(connection, "rows") != str(table.count):
                self._merge(connection, kinds, table.count, takes)
            _write_properties(connection, properties())
        with self._using() as connection:
            connection.execute("DELETE FROM temp.incoming")
            connection.execute(f"PRAGMA cache_size = {_USUAL_CACHE}")
        return int(last)

    def _merge(self, connection: sqlite3.Connection, kinds: Sequence[str], count: int, takes: int) -> None:
        connection.executemany("INSERT OR IGNORE INTO kinds (body) VALUES (?)", [(kind,) for kind in kinds])
        connection.execute("DELETE FROM temp.kinds_of_incoming")
        connection.executemany("INSERT INTO temp.kinds_of_incoming VALUES (?, ?)", list(enumerate(kinds)))
        for statement in MERGE:
            connection.execute(statement, {"count": count, "takes": takes})
        (earlier,) = connection.execute("SELECT count(*) FROM rows WHERE position IS NULL").fetchone()
        version = int(_read_property(connection, "version") or 0) + 1
        changes = {"rows": count, "earlier": earlier, "version": version, "changed_at": time.time()}
        _write_properties(connection, changes)

    def _stage(self, connection: sqlite3.Connection, rows: Iterable[IncomingRow]) -> list[str]:
        """Writes rows to a temporary table, which locks nobody out; returns their kinds."""
        for statement in STAGING:
            connection.execute(statement)
        kinds: dict[str, int] = {}
        given = iter(rows)
        while page := list(itertools.islice(given, PAGE)):
            connection.execute("BEGIN")
            try:
                connection.executemany(
                    "INSERT INTO temp.incoming VALUES (?, ?, ?, ?)",
                    [
                        (position, cells, bytes.fromhex(checksum), kinds.setdefault(kind, len(kinds)))
                        for position, cells, checksum, kind in page
                    ],
                )
            finally:
                connection.execute("COMMIT")
        return list(kinds)

    # Entries.

    def totals(self) -> list[Total]:
        """How many entries are in each state, by kind."""
        statement = (
            "SELECT is_earlier, state, body, entries, images, cost FROM totals JOIN kinds ON kinds.number = kind"
            " WHERE entries > 0"
        )
        with self._using() as connection:
            rows = connection.execute(statement).fetchall()
        return [Total(bool(earlier), state, json.loads(kind), *rest) for earlier, state, kind, *rest in rows]

    def entries(self, states: Sequence[str] = (), *, after: tuple[int, int] = (0, 0), limit: int = PAGE) -> list[Entry]:
        """Some entries of the table's rows, in order.

        Args:
            states: Only those in one of these states; any by default.
            after: Only those after this position and take.
            limit: The maximum number.
        """
        some = f" AND state IN ({_marks(states)})" if states else ""
        statement = (
            f"{_WITH_CELLS} WHERE (entries.position, take) > (?, ?){some} ORDER BY entries.position, take LIMIT ?"
        )
        with self._using() as connection:
            return _read_entries(connection, statement, (*after, *states, limit))

    def all_entries(self, states: Sequence[str] = ()) -> Iterator[Entry]:
        """All entries of the table's rows, in order, page by page; see `entries`."""
        after = (0, 0)
        while True:
            page = self.entries(states, after=after)
            yield from page
            if len(page) < PAGE:
                return
            after = (page[-1].position or 0, page[-1].take)

    def earlier_entries(self, states: Sequence[str] = ()) -> list[Entry]:
        """The entries of rows that are no longer part of the table."""
        some = f" AND state IN ({_marks(states)})" if states else ""
        with self._using() as connection:
            statement = f"{_WITH_CELLS} WHERE entries.position IS NULL{some} ORDER BY entries.row, take"
            return _read_entries(connection, statement, states)

    def entries_of(self, checksums: Iterable[str]) -> dict[str, list[Entry]]:
        """All entries of some requests by their checksums: those of the table first, in order; without their cells."""
        wanted = [*dict.fromkeys(checksums)]
        found: dict[str, list[Entry]] = {checksum: [] for checksum in wanted}
        for start in range(0, len(wanted), PAGE):
            page = wanted[start : start + PAGE]
            statement = (
                f"SELECT {_COLUMNS} FROM entries WHERE checksum IN ({_marks(page)})"  # noqa: S608  our own words
                " ORDER BY position IS NULL, position, take, nth"
            )
            with self._using() as connection:
                for entry in _read_entries(connection, statement, [bytes.fromhex(one) for one in page]):
                    found[entry.checksum].append(entry)
        return found

    def scan(self, states: Sequence[str] = (), *, after: int = 0) -> Iterator[Entry]:
        """All entries, in the order in which they were added, also those of earlier rows; without their cells.

        Args:
            states: As for `entries`.
            after: Only those with larger numbers.
        """
        if states and not any(total.state in states for total in self.totals()):
            return
        some = f" AND state IN ({_marks(states)})" if states else ""
        statement = f"SELECT {_COLUMNS} FROM entries WHERE number > ?{some} ORDER BY number LIMIT ?"  # noqa: S608  our own words
        while True:
            with self._using() as connection:
                page = _read_entries(connection, statement, (after, *states, PAGE))
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].number

    def newest(self, limit: int) -> list[str]:
        """The tasks that finished last, the newest first."""
        statement = "SELECT task FROM entries WHERE state = 'done' ORDER BY changed_at DESC LIMIT ?"
        with self._using() as connection:
            return [task for (task,) in connection.execute(statement, (limit,)) if task]

    def record(self, outcomes: Iterable[Outcome]) -> None:
        """Records what became of some requests.

        What is finished stays so, whatever another kernel thought; and no two entries have the same purchase.
        """
        now = time.time()
        rows = [
            (
                one.state, one.purchase, one.task, one.status, one.error, one.images, one.cost, one.elapsed, now,
                one.number, one.state, one.state in HOLDING, one.purchase,
            )
            for one in outcomes
        ]  # fmt: skip
        statement = (
            "UPDATE entries SET state = ?, purchase = coalesce(?, purchase), task = ?, status = ?, error = ?,"
            " images = ?, cost = ?, elapsed = ?, changed_at = ?"
            " WHERE number = ? AND (state <> 'done' OR ? = 'done')"
            " AND NOT (? AND EXISTS (SELECT 1 FROM entries AS other WHERE other.checksum = entries.checksum"
            " AND other.number <> entries.number AND other.purchase = ?"
            " AND other.state IN ('done', 'sent', 'unclear')))"
        )
        with self._writing() as connection:
            connection.executemany(statement, rows)
            _write_properties(connection, {"changed_at": now})

    def reopen(self, states: Sequence[str]) -> int:
        """Makes entries of the table unsent again; returns how many."""
        statement = (
            "UPDATE entries SET state = 'open', task = NULL, status = NULL, error = NULL, images = 0, cost = NULL,"  # noqa: S608  our own words
            " elapsed = NULL, purchase = NULL, has_originals = 0, changed_at = ?"
            f" WHERE position IS NOT NULL AND state IN ({_marks(states)})"
        )
        with self._writing() as connection:
            return connection.execute(statement, (time.time(), *states)).rowcount

    def missing_originals(self, *, after: int = 0, limit: int = PAGE) -> list[tuple[int, str]]:
        """Finished entries whose originals are not known to be stored: their numbers and tasks."""
        statement = (
            "SELECT number, task FROM entries WHERE state = 'done' AND has_originals = 0 AND number > ?"
            " AND task IS NOT NULL ORDER BY number LIMIT ?"
        )
        with self._using() as connection:
            return connection.execute(statement, (after, limit)).fetchall()

    def note_originals(self, numbers: Iterable[int]) -> None:
        """Records that the originals of entries are stored."""
        with self._writing() as connection:
            statement = "UPDATE entries SET has_originals = 1 WHERE number = ?"
            connection.executemany(statement, [(number,) for number in numbers])

    def remove(self) -> None:
        """Deletes the file."""
        with self._lock:
            self._close()
            for ending in ("", "-wal", "-shm", "-journal"):
                with suppress(FileNotFoundError):
                    self.path.with_name(f"{self.path.name}{ending}").unlink()

    @contextmanager
    def _using(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            self._depth += 1
            try:
                if self._connection is None:
                    self._connection = self._open()
                yield self._connection
            except (sqlite3.Error, OSError) as problem:
                if type(problem) is sqlite3.DatabaseError:  # everything else has a class of its own
                    raise self._set_aside() from problem
                raise LibraryError(
                    f"The file of the run {self.name} can't be used: {problem}.",
                    hint=f"It is {self.path}. What was paid for is recorded in the library all the same.",
                ) from problem
            finally:
                self._depth -= 1

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._using() as connection, transaction(connection):
            yield connection

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            self.path, timeout=SECONDS_FOR_OTHERS, isolation_level=None, check_same_thread=False
        )
        try:
            if create(connection) > VERSION:
                self._reject_version()
            choose_journal(connection, self.path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _reject_version(self) -> NoReturn:
        raise LibraryError(
            f"The run {self.name} was written by a later version of seedream_nb.",
            hint="Upgrade seedream_nb, or give the run another name; nothing was sent.",
        )

    def _set_aside(self) -> DamagedRunError:
        self._close()
        name = next(
            name
            for number in itertools.count(1)
            if not self.path.with_name(name := f"{self.path.name}.damaged-{number}").exists()
        )
        for ending in ("-wal", "-shm", "-journal", ""):
            with suppress(FileNotFoundError):
                self.path.with_name(f"{self.path.name}{ending}").rename(self.path.with_name(f"{name}{ending}"))
        return DamagedRunError(
            f"The file of the run {self.name} was damaged, and renamed to {name}. What was bought is in the ledger: "
            "running the same table again pays for nothing twice."
        )


def _stored_name(folder: Path, name: str) -> str:
    """The name as an existing file has it, whose case may differ."""
    names = (path.name.removesuffix(ENDING) for path in folder.glob(f"*{ENDING}"))
    return next((one for one in names if one.casefold() == name.casefold()), name)


def _read_property(connection: sqlite3.Connection, name: str) -> str:
    row = connection.execute("SELECT value FROM properties WHERE name = ?", (name,)).fetchone()
    return "" if row is None else str(row[0])


def _write_properties(connection: sqlite3.Connection, properties: Mapping[str, object]) -> None:
    rows = [(name, str(value)) for name, value in properties.items()]
    connection.executemany("INSERT OR REPLACE INTO properties VALUES (?, ?)", rows)


def _read_entries(connection: sqlite3.Connection, statement: str, values: Sequence[object]) -> list[Entry]:
    return [Entry(*row) for row in connection.execute(statement, values)]


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
