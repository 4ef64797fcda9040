"""Recovers what can still be read of a damaged database file into a new one.

Meanwhile nobody writes: a transaction that the damaged file accepts after it was copied would be lost. SQLite's own
lock of that file cannot be relied upon, so that writers and recoveries lock another one.
"""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.library.records import reindex
from seedream_nb.library.schema import SUM_UP_AGAIN, migrate, spread_marks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

# The full-text index and the sums of purchases are rebuilt.
_TABLES = ("tasks", "pictures", "originals", "thumbnails", "tags", "opinions", "parents", "purchases", "properties")
_OF_IMAGES = ("tags", "opinions")
_LOGS = ("-wal", "-shm", "-journal")
LOCK_ENDING = "-mending.lock"
SECONDS_FOR_OTHERS = 600.0  # to wait while another kernel recovers the same library, or for its transaction
_SECONDS_AT_ONCE = 0.2  # of these, as an interrupt is noticed only in between

Row = tuple[object, ...]


@dataclass(frozen=True)
class Recovery:
    """What has become of a damaged file."""

    set_aside: Path  # where it is now
    records: int  # of tasks in the new file


class RecoveryLock:
    """Keeps apart those who write and those who replace a damaged file; not safe to use from several threads.

    SQLite's locks are released as soon as their process ends, on every system. Both kinds raise `OperationalError` if
    another kernel holds the lock for too long, or if there is no room for one.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.stem}{LOCK_ENDING}")
        self._connection: sqlite3.Connection | None = None

    def shared(self) -> AbstractContextManager[None]:
        """While no file is replaced; any number of kernels can write at the same time."""
        return self._held("BEGIN", "SELECT 1 FROM sqlite_master")

    def exclusive(self) -> AbstractContextManager[None]:
        """While no other kernel writes or replaces a file."""
        return self._held("BEGIN EXCLUSIVE")

    def close(self) -> None:
        """Closes the lock file."""
        if (connection := self.abandon()) is not None:
            connection.close()

    def abandon(self) -> sqlite3.Connection | None:
        """Returns the connection to keep it open, in a forked child that must not use it."""
        connection, self._connection = self._connection, None
        return connection

    @contextmanager
    def _held(self, *statements: str) -> Iterator[None]:
        if self._connection is None:
            with suppress(OSError):
                self._path.parent.mkdir(parents=True, exist_ok=True)
            seconds = min(SECONDS_FOR_OTHERS, _SECONDS_AT_ONCE)
            self._connection = sqlite3.connect(
                self._path, timeout=seconds, isolation_level=None, check_same_thread=False
            )
        connection = self._connection
        deadline = time.monotonic() + SECONDS_FOR_OTHERS
        try:
            while not _try_to_lock(connection, statements, deadline):
                pass
            yield
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def replace_damaged(path: Path, *, is_damaged: Callable[[], bool]) -> Recovery | None:
    """Replaces a damaged file, which this process has closed, in one step: others see the old one or the new one.

    `is_damaged` says whether it is still there, while no other process can replace it; if not, the result is None.
    """
    lock = RecoveryLock(path)
    with closing(lock), lock.exclusive():
        if not is_damaged():
            return None
        aside = _set_aside(path)
        part = path.with_name(f"{path.stem}-recovered.part")
        part.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(part, isolation_level=None)) as connection:
                migrate(connection)
                recover(aside, connection)
            for log in _LOGS:
                path.with_name(f"{path.name}{log}").unlink(missing_ok=True)
            part.replace(path)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        # Once more: a kernel with an earlier version knows nothing of the lock, and may have written meanwhile.
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            records = recover(aside, connection)
        aside.with_name(f"{aside.name}-shm").unlink(missing_ok=True)  # created while it was read
        return Recovery(aside, records)


def recover(damaged: Path, connection: sqlite3.Connection) -> int:
    """Copies what can still be read of a damaged file to another library, and returns the number of records there."""
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TEMP TABLE task_tags (tag, task, PRIMARY KEY (tag, task))")
    connection.execute("CREATE TEMP TABLE task_opinions (task PRIMARY KEY, rating, note)")
    before = connection.total_changes
    # First with its log, which holds the latest data; then without, as the log may be what is damaged.
    for options in ("mode=ro", "mode=ro&immutable=1"):
        for table, names, row in _rows(f"{damaged.as_uri()}?{options}"):
            places = ", ".join("?" * len(row))
            is_of_tasks = table in _OF_IMAGES and "place" not in names  # in an earlier version
            target = f"task_{table}" if is_of_tasks else table
            statement = f"INSERT OR IGNORE INTO {target} ({', '.join(names)}) VALUES ({places})"  # noqa: S608  our own names
            connection.execute(statement, row)
    if connection.total_changes > before:
        spread_marks(connection)
        reindex(connection)
        for table in ("tags", "opinions", "parents"):
            connection.execute(f"DELETE FROM {table} WHERE task NOT IN (SELECT key FROM tasks)")  # noqa: S608  our own words
        # Its rows may be lost: all records are indexed again when it is needed.
        connection.execute("DELETE FROM properties WHERE name = 'lineage'")
        for statement in SUM_UP_AGAIN:
            connection.execute(statement)
    connection.execute("COMMIT")
    return int(connection.execute("SELECT count(*) FROM tasks").fetchone()[0])


def _try_to_lock(connection: sqlite3.Connection, statements: Sequence[str], deadline: float) -> bool:
    """Whether the statements were executed; raises what they do after the deadline."""
    try:
        for statement in statements:
            connection.execute(statement).fetchall()
    except sqlite3.OperationalError as problem:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        if "locked" not in str(problem) or time.monotonic() >= deadline:
            raise
        return False
    except sqlite3.DatabaseError as problem:
        # Not damage of the library itself, which must not be replaced because of it.
        raise sqlite3.OperationalError(f"its lock file ({LOCK_ENDING}) is damaged, and can be deleted") from problem
    return True


def _set_aside(path: Path) -> Path:
    """Gives a damaged file and its log a second name."""
    names = (path.with_name(f"{path.stem}-damaged-{number}{path.suffix}") for number in itertools.count(1))
    aside = next(name for name in names if not name.exists())
    for ending in ("", *_LOGS):
        part, name = path.with_name(f"{path.name}{ending}"), aside.with_name(f"{aside.name}{ending}")
        if part.exists() and ending != "-shm":
            try:
                name.hardlink_to(part)
            except OSError:  # not every file system has hard links
                shutil.copyfile(part, name)
    return aside


def _rows(uri: str) -> Iterator[tuple[str, list[str], Row]]:
    """Table, columns and values of every readable row."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(uri, uri=True)) as old:
        # Otherwise SQLite would refuse a file that is shorter than it should be.
        old.execute("PRAGMA writable_schema = ON")
        old.text_factory = lambda text: text.decode("utf-8", "replace")
        for table in _TABLES:
            with suppress(sqlite3.Error):
                names = [name for _place, name, *_rest in old.execute(f"PRAGMA table_info({table})")]
                for row in _rows_of_table(old, table, names) if names else ():
                    yield table, names, row


def _rows_of_table(old: sqlite3.Connection, table: str, names: list[str]) -> Iterator[Row]:
    """The rows before the damage, those after it, and those between several damaged places."""
    # The first column is the key that orders the stored rows.
    for direction in ("ASC", "DESC"):
        with suppress(sqlite3.Error):
            yield from old.execute(f"SELECT * FROM {table} ORDER BY {names[0]} {direction}")  # noqa: S608  our own names
            return
    if table != "tasks":
        return
    for direction in ("ASC", "DESC"):
        with suppress(sqlite3.Error):
            # Read from the index of keys alone, which is stored elsewhere.
            for (number,) in old.execute(f"SELECT number FROM tasks ORDER BY key {direction}"):  # noqa: S608  as above
                with suppress(sqlite3.Error):
                    yield from old.execute("SELECT * FROM tasks WHERE number = ?", (number,)).fetchall()
