"""Why: of a file that broke, most can still be read; what can be is carried over into a new one."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.library import schema
from seedream_nb.library.records import reindex

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# In this order, as marks refer to tasks. The index of words is made anew.
_TABLES = ("tasks", "pictures", "originals", "thumbnails", "tags", "opinions")
_LOGS = ("-wal", "-shm", "-journal")
_SECONDS_FOR_OTHERS = 600.0  # while another kernel mends the same library

Row = tuple[object, ...]


@dataclass(frozen=True)
class Mended:
    """What has become of a damaged file.

    Attributes:
        kept_as: Where it is now.
        records: How many records of tasks came over into the new one.
    """

    kept_as: Path
    records: int


def replace_damaged(path: Path, *, is_damaged: Callable[[], bool]) -> Mended | None:
    """Puts a new file in the place of a damaged one, in one step: others see the one or the other.

    Args:
        path: The damaged file, which this process has closed.
        is_damaged: Whether it is still there; asked when no other process is mending it.

    Returns:
        What has become of it; None when another process has replaced it meanwhile.

    Raises:
        sqlite3.Error: A new one cannot be made.
        OSError: Likewise.
    """
    # SQLite's own lock is free again as soon as its process is gone, on every system.
    with closing(sqlite3.connect(path.with_name(f"{path.stem}-mending.lock"), timeout=_SECONDS_FOR_OTHERS)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        if not is_damaged():
            return None
        aside = _put_aside(path)
        part = path.with_name(f"{path.stem}-mended.part")
        part.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(part, isolation_level=None)) as connection:
                schema.migrate(connection)
                records = salvage(aside, connection)
            for log in _LOGS:
                path.with_name(f"{path.name}{log}").unlink(missing_ok=True)
            part.replace(path)
            aside.with_name(f"{aside.name}-shm").unlink(missing_ok=True)  # made while it was read
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        return Mended(aside, records)


def salvage(damaged: Path, connection: sqlite3.Connection) -> int:
    """Carries over what can still be read.

    Args:
        damaged: The damaged file.
        connection: A new library, without an open transaction.

    Returns:
        How many records of tasks came over.
    """
    connection.execute("BEGIN IMMEDIATE")
    # With its log at first, where the latest is; then without, as that may be what is damaged.
    for options in ("mode=ro", "mode=ro&immutable=1"):
        for table, names, row in _rows(f"{damaged.as_uri()}?{options}"):
            places = ", ".join("?" * len(row))
            statement = f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608  our own names
            connection.execute(statement, row)
    reindex(connection)
    connection.execute("DELETE FROM tags WHERE task NOT IN (SELECT key FROM tasks)")
    connection.execute("DELETE FROM opinions WHERE task NOT IN (SELECT key FROM tasks)")
    connection.execute("COMMIT")
    return int(connection.execute("SELECT count(*) FROM tasks").fetchone()[0])


def _put_aside(path: Path) -> Path:
    """Gives a damaged file a second name, and its log as well."""
    names = (path.with_name(f"{path.stem}-damaged-{number}{path.suffix}") for number in itertools.count(1))
    aside = next(name for name in names if not name.exists())
    for ending in ("", *_LOGS):
        part, name = path.with_name(f"{path.name}{ending}"), aside.with_name(f"{aside.name}{ending}")
        if part.exists() and ending != "-shm":
            try:
                name.hardlink_to(part)
            except OSError:  # not every file system has files with two names
                shutil.copyfile(part, name)
    return aside


def _rows(uri: str) -> Iterator[tuple[str, list[str], Row]]:
    """The table, the columns and the values of whatever can be read."""
    with suppress(sqlite3.Error), closing(sqlite3.connect(uri, uri=True)) as old:
        # Or SQLite would not look at a file that is shorter than it should be.
        old.execute("PRAGMA writable_schema = ON")
        old.text_factory = lambda text: text.decode("utf-8", "replace")
        for table in _TABLES:
            with suppress(sqlite3.Error):
                names = [name for _place, name, *_rest in old.execute(f"PRAGMA table_info({table})")]
                for row in _rows_of_table(old, table, names) if names else ():
                    yield table, names, row


def _rows_of_table(old: sqlite3.Connection, table: str, names: list[str]) -> Iterator[Row]:
    """The rows from the beginning up to the damage, those from the end back to it, and what lies between two."""
    # The first column is the key in the order of which rows are stored.
    for direction in ("ASC", "DESC"):
        with suppress(sqlite3.Error):
            yield from old.execute(f"SELECT * FROM {table} ORDER BY {names[0]} {direction}")  # noqa: S608  our own names
            return
    if table != "tasks":
        return
    for direction in ("ASC", "DESC"):
        with suppress(sqlite3.Error):
            # Read from the index of keys alone, which lies elsewhere.
            for (number,) in old.execute(f"SELECT number FROM tasks ORDER BY key {direction}"):  # noqa: S608  as above
                with suppress(sqlite3.Error):
                    yield from old.execute("SELECT * FROM tasks WHERE number = ?", (number,)).fetchall()
