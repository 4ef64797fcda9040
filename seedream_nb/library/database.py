"""Why: one file holds what is known of thousands of tasks, for several kernels at once; how it is opened is said here.

SQLite keeps every transaction whole, whatever happens to the process. What is left to decide: a log beside the file
where the file system allows one, read-only where nothing can be written, and what to do with a file that is damaged.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from seedream_nb.errors import LibraryError
from seedream_nb.library import schema
from seedream_nb.library.file_systems import is_shared
from seedream_nb.library.salvage import salvage, set_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FILE_NAME = "library.sqlite"
SECONDS_FOR_OTHERS = 30.0  # that another kernel's transaction is waited for


class Database:
    """The records of a library. Safe to use from several threads and, each with its own, from several processes.

    Args:
        folder: The library's folder.
        read_only: Whether to write nothing; a folder that cannot be written to is read only by itself.
        on_damage: Called with a sentence when the file was damaged and a new one was begun.

    Raises:
        LibraryError: The file cannot be opened, or was made by a later version.
    """

    def __init__(self, folder: Path, *, read_only: bool, on_damage: Callable[[str], None]) -> None:
        self.path = folder / FILE_NAME
        self._wants_read_only = read_only
        self._on_damage = on_damage
        self._reset()
        self.is_read_only = read_only or not _can_write(self.path)
        with self.reading():
            pass

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for questions.

        Raises:
            LibraryError: The file cannot be read.
        """
        if self._process != os.getpid():
            # A forked child must not share its parent's connection, nor a lock that the parent may hold.
            self._reset()
        with self._lock:
            try:
                yield self._connect()
            except sqlite3.Error as problem:
                self._close()
                if _is_damage(problem) and not self.is_read_only:
                    self._begin_anew()
                raise _to_error(problem, self.path) from problem

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection within a transaction: all of it is kept, or nothing.

        Raises:
            LibraryError: Nothing can be written.
        """
        if self.is_read_only:
            raise LibraryError(
                f"The library {self.path.parent} can only be read.",
                hint="Use another one for your own: SEEDREAM_LIBRARY, or Library(folder).",
            )
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    @property
    def size(self) -> int:
        """The bytes of the file, without its log."""
        return self.path.stat().st_size if self.path.exists() else 0

    def close(self) -> None:
        """Closes the file. It is opened again when it is needed."""
        with self._lock:
            self._close()

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._process = os.getpid()

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _connect(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = _open_to_read(self.path) if self.is_read_only else _open_to_write(self.path)
            if schema.version_of(self._connection) > schema.VERSION:
                self._close()
                raise LibraryError(
                    f"The library {self.path.parent} was made by a later version of seedream_nb.",
                    hint="Upgrade seedream_nb, or use another library: SEEDREAM_LIBRARY, or Library(folder).",
                )
        return self._connection

    def _begin_anew(self) -> None:
        damaged = set_aside(self.path)
        connection = self._connect()
        rescued = salvage(damaged, connection)
        self._on_damage(
            f"The library's file was damaged. {rescued:,} of its records could be rescued; the damaged file is kept "
            f"as {damaged.name}. Pictures are still there."
        )


def _open_to_write(path: Path) -> sqlite3.Connection:
    connection = _open(f"{path.as_uri()}?mode=rwc")
    try:
        # A write-ahead log needs memory that all processes share, which no network file system gives.
        wanted = "DELETE" if is_shared(path.parent) else "WAL"
        granted = connection.execute(f"PRAGMA journal_mode = {wanted}").fetchone()[0]
        # With a log, a power cut may cost the last transactions, but never breaks the file.
        connection.execute(f"PRAGMA synchronous = {'NORMAL' if granted == 'wal' else 'FULL'}")
        connection.execute("PRAGMA foreign_keys = ON")
        schema.migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _open_to_read(path: Path) -> sqlite3.Connection:
    for options in ("mode=ro", "mode=ro&immutable=1"):
        # The log of a writer that is gone cannot be taken in where nothing can be written: then the file as it is.
        connection = _open(f"{path.as_uri()}?{options}")
        try:
            schema.version_of(connection)
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            connection.close()
        else:
            return connection
    raise sqlite3.OperationalError("unable to open database file")


def _open(uri: str) -> sqlite3.Connection:
    return sqlite3.connect(uri, uri=True, timeout=SECONDS_FOR_OTHERS, isolation_level=None, check_same_thread=False)


def _can_write(path: Path) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def _is_damage(problem: sqlite3.Error) -> bool:
    # All others have classes of their own: a full disk, a locked file, a mistake in a statement.
    return type(problem) is sqlite3.DatabaseError


def _to_error(problem: sqlite3.Error, path: Path) -> LibraryError:
    return LibraryError(
        f"The library {path.parent} cannot be used: {problem}.",
        hint="Everything else works without it. %seedream library verify looks what is wrong with it.",
    )
