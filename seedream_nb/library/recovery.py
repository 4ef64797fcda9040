"""Recovers what can still be read of a damaged database file into a new one."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.library.records import reindex
from seedream_nb.library.schema import migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# In this order, as marks refer to tasks. The full-text index is rebuilt.
_TABLES = ("tasks", "pictures", "originals", "thumbnails", "tags", "opinions")
_LOGS = ("-wal", "-shm", "-journal")
_SECONDS_FOR_OTHERS = 600.0  # to wait while another kernel recovers the same library

Row = tuple[object, ...]


@dataclass(frozen=True)
class Recovery:
    """What has become of a damaged file."""

    set_aside: Path  # where it is now
    records: int  # of tasks in the new file


def replace_damaged(path: Path, *, is_damaged: Callable[[], bool]) -> Recovery | None:
    """Replaces a damaged file in one step: others see either the old one or the new one.

    Args:
        path: The damaged file, which this process has closed.
        is_damaged: Whether it is still there; called while no other process can replace it.

    Returns:
        What has become of it; None if another process has replaced it in the meantime.
    """
    # SQLite's own lock is released as soon as its process ends, on every system.
    with closing(sqlite3.connect(path.with_name(f"{path.stem}-mending.lock"), timeout=_SECONDS_FOR_OTHERS)) as lock:
        lock.execute("BEGIN EXCLUSIVE")
        if not is_damaged():
            return None
        aside = _set_aside(path)
        part = path.with_name(f"{path.stem}-recovered.part")
        part.unlink(missing_ok=True)
        try:
            with closing(sqlite3.connect(part, isolation_level=None)) as connection:
                migrate(connection)
                records = recover(aside, connection)
            for log in _LOGS:
                path.with_name(f"{path.name}{log}").unlink(missing_ok=True)
            part.replace(path)
            aside.with_name(f"{aside.name}-shm").unlink(missing_ok=True)  # created while it was read
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        return Recovery(aside, records)


def recover(damaged: Path, connection: sqlite3.Connection) -> int:
    """Copies what can still be read of a damaged file to a new library, and returns the number of records there."""
    connection.execute("BEGIN IMMEDIATE")
    # First with its log, which holds the latest data; then without, as the log may be what is damaged.
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
