"""Why: of a file that broke, most can still be read; what can be is carried over into a new one."""

from __future__ import annotations

import itertools
import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# In this order, as marks refer to tasks. The index of words is made anew.
_TABLES = ("tasks", "pictures", "originals", "thumbnails", "tags", "opinions")


def set_aside(path: Path) -> Path:
    """Moves a damaged file out of the way, with its log.

    Args:
        path: The file.

    Returns:
        Where it is now.
    """
    for number in itertools.count(1):
        aside = path.with_name(f"{path.stem}-damaged-{number}{path.suffix}")
        if not aside.exists():
            break
    for ending in ("", "-wal", "-shm", "-journal"):
        part = path.with_name(f"{path.name}{ending}")
        if part.exists():
            part.replace(aside.with_name(f"{aside.name}{ending}"))
    return aside


def salvage(damaged: Path, connection: sqlite3.Connection) -> int:
    """Carries over what can still be read.

    Args:
        damaged: The damaged file.
        connection: A new library, without an open transaction.

    Returns:
        How many records of tasks came over.
    """
    before = _count(connection)
    old = sqlite3.connect(f"{damaged.as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("PRAGMA defer_foreign_keys = ON")
        for table in _TABLES:
            for names, row in _rows(old, table):
                places = ", ".join("?" * len(row))
                statement = f"INSERT OR IGNORE INTO {table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608  our own names
                connection.execute(statement, row)
        connection.execute("DELETE FROM tags WHERE task NOT IN (SELECT key FROM tasks)")
        connection.execute("DELETE FROM opinions WHERE task NOT IN (SELECT key FROM tasks)")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        old.close()
    return _count(connection) - before


def _count(connection: sqlite3.Connection) -> int:
    return int(connection.execute("SELECT count(*) FROM tasks").fetchone()[0])


def _rows(old: sqlite3.Connection, table: str) -> Iterator[tuple[list[str], tuple[object, ...]]]:
    """The rows that can be read: from the beginning up to the damage, and from the end back to it."""
    for direction in ("ASC", "DESC"):
        with suppress(sqlite3.Error):
            names = [name for _place, name, *_rest in old.execute(f"PRAGMA table_info({table})")]
            # The first column is the key in the order of which rows are stored.
            for row in old.execute(f"SELECT * FROM {table} ORDER BY {names[0]} {direction}") if names else ():  # noqa: S608  as above
                yield names, row
            return
