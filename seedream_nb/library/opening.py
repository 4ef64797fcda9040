"""Why: how the file is opened depends on where it lies: with a log beside it where that is safe, else as it can be."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from typing import TYPE_CHECKING

from seedream_nb.core.errors import LibraryError
from seedream_nb.library import schema
from seedream_nb.library.file_systems import is_shared

if TYPE_CHECKING:
    from pathlib import Path

SECONDS_FOR_OTHERS = 30.0  # that another kernel's transaction is waited for


def open_to_write(path: Path) -> sqlite3.Connection:
    """Opens a library's file, makes a new one where there is none, and brings its tables up to date.

    Args:
        path: The file.

    Returns:
        A connection that commits by itself.

    Raises:
        LibraryError: It was made by a later version.
        sqlite3.Error: It cannot be opened.
    """
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
    connection = _open(f"{path.as_uri()}?mode=rwc")
    try:
        _check_version(connection, path)
        # A write-ahead log needs memory that all processes share, which no network file system gives.
        wanted = "delete" if is_shared(path.parent) else "wal"
        granted = connection.execute("PRAGMA journal_mode").fetchone()[0]
        if granted != wanted:
            with suppress(sqlite3.OperationalError):  # another kernel is at it, at this moment
                granted = connection.execute(f"PRAGMA journal_mode = {wanted}").fetchone()[0]
        # With a log, a power cut may cost the last transactions, but never breaks the file.
        connection.execute(f"PRAGMA synchronous = {'NORMAL' if granted == 'wal' else 'FULL'}")
        connection.execute("PRAGMA foreign_keys = ON")
        schema.migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def open_to_read(path: Path) -> tuple[sqlite3.Connection, bool]:
    """Opens a library's file without changing anything.

    Args:
        path: The file.

    Returns:
        A connection, and whether it sees what others write.

    Raises:
        LibraryError: There is none, or it was made by a later version.
        sqlite3.Error: It cannot be opened.
    """
    if not path.exists():
        raise LibraryError(
            f"There is no library in {path.parent}, and none can be made there.",
            hint="Use another folder: SEEDREAM_LIBRARY, or Library(folder); SEEDREAM_LIBRARY=off goes without one.",
        )
    for options in ("mode=ro", "mode=ro&immutable=1"):
        # The log of a writer that is gone cannot be taken in where nothing can be written: then the file as it is.
        connection = _open(f"{path.as_uri()}?{options}")
        try:
            _check_version(connection, path)
            connection.execute("SELECT 1 FROM tasks LIMIT 1").fetchone()
        except sqlite3.OperationalError as problem:
            connection.close()
            failure = problem
        except BaseException:
            connection.close()
            raise
        else:
            return connection, "immutable" not in options
    raise failure


def _check_version(connection: sqlite3.Connection, path: Path) -> None:
    if schema.version_of(connection) > schema.VERSION:
        raise LibraryError(
            f"The library {path.parent} was made by a later version of seedream_nb.",
            hint="Upgrade seedream_nb, or use another library: SEEDREAM_LIBRARY, or Library(folder).",
        )


def _open(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, timeout=SECONDS_FOR_OTHERS, isolation_level=None, check_same_thread=False)
