"""Why: one file holds what is known of thousands of tasks, for several kernels and threads at once.

SQLite keeps every transaction whole, whatever happens to the process. What is left to decide: reading where nothing
can be written, what to do with a file that is damaged, and that no connection is carried into a forked child.
"""

from __future__ import annotations

import atexit
import os
import sqlite3
import threading
import weakref
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from seedream_nb.core.errors import LibraryError
from seedream_nb.library.opening import open_to_read, open_to_write
from seedream_nb.library.records import DamagedRecordError
from seedream_nb.library.recovery import replace_damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FILE_NAME = "library.sqlite"
SECONDS_AT_EXIT = 1.0  # that another thread's transaction is waited for


class LibraryMendedError(LibraryError):
    """The library's file was damaged, and has been replaced since; what was asked for can be asked for again."""


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
        self.is_read_only = read_only or not _can_write(self.path)
        self._on_damage = on_damage
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._is_passing = False  # whether the connection serves one question only
        self._why_read_only: sqlite3.Error | None = None
        self._depth = 0
        _all.add(self)
        with self.reading():
            pass

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for questions. May be used within another one, and within `writing`.

        Raises:
            LibraryMendedError: The file was damaged, and has been replaced.
            LibraryError: The file cannot be read.
        """
        with self._lock:
            self._depth += 1
            try:
                yield self._connect()
            except sqlite3.Error as problem:
                if self._depth > 1 and _is_damage(problem):
                    raise  # for the outermost one: only then nobody uses the connection any more
                raise self._to_error(problem) from problem
            finally:
                self._depth -= 1
                if self._is_passing and not self._depth:
                    self._close()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection within a transaction: all of it is kept, or nothing. Within another one, it is part of that.

        Raises:
            LibraryMendedError: The file was damaged, and has been replaced; nothing was written.
            LibraryError: Nothing can be written.
        """
        if self.is_read_only:
            raise LibraryError(
                f"The library {self.path.parent} can only be read.",
                hint="Use another one for your own: SEEDREAM_LIBRARY, or Library(folder).",
            )
        with self.reading() as connection:
            if self._why_read_only is not None:
                raise self._why_read_only
            if connection.in_transaction:
                yield connection
                return
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
        """The bytes of all that it holds, whether in the file yet or still in its log."""
        with self.reading() as connection:
            pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        return int(pages * size)

    def close(self) -> None:
        """Closes the file. It is opened again when it is needed."""
        with self._lock:
            self._close()

    def close_at_exit(self) -> None:
        """As `close`, unless another thread is in the middle of something and does not end."""
        if self._lock.acquire(timeout=SECONDS_AT_EXIT):
            try:
                self._close()
            finally:
                self._lock.release()

    def prepare_for_fork(self) -> None:
        """Closes the file and keeps others from opening it: SQLite's locks do not survive a fork."""
        self._lock.acquire()
        if not self._depth:
            self._close()

    def go_on_after_fork(self) -> None:
        """Lets it be opened again, in the parent."""
        self._lock.release()

    def begin_in_child(self) -> None:
        """Begins afresh, in the child."""
        self._lock = threading.RLock()
        if self._connection is not None:
            # Forked in the middle of a question. Not even closing it would be safe.
            _abandoned.append(self._connection)
            self._connection = None

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):  # a damaged file's log cannot be taken in; it is read when it is salvaged
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        if self._depth == 1 and self._connection is not None and self._identity != _identity(self.path):
            # Another kernel has replaced a damaged file, or somebody has moved the folder.
            self._close()
        if self._connection is None:
            try:
                self._connection = self._open()
            except sqlite3.Error as problem:
                if not _is_damage(problem) or self.is_read_only:
                    raise
                self._mend(_identity(self.path))
                self._connection = self._open()
            self._identity = _identity(self.path)
        return self._connection

    def _open(self) -> sqlite3.Connection:
        self._why_read_only, self._is_passing = None, False
        if not self.is_read_only:
            try:
                return self._open_to_write()
            except sqlite3.OperationalError as problem:
                # Such as a full disk, where no log can be begun: what is kept can be read all the same.
                self._why_read_only = problem
        connection, is_current = open_to_read(self.path)
        # Later changes must be seen, and writing has to be tried again.
        self._is_passing = self._why_read_only is not None or not is_current
        return connection

    def _open_to_write(self) -> sqlite3.Connection:
        was_emptied = _is_emptied(self.path)
        connection = open_to_write(self.path)
        if was_emptied:
            self._on_damage("The library's file was empty, its records are gone. The images are still there.")
        return connection

    def _mend(self, damaged: tuple[int, int] | None) -> None:
        self._close()
        try:
            mended = replace_damaged(self.path, is_damaged=lambda: _identity(self.path) == damaged)
        except (OSError, sqlite3.Error) as problem:
            raise LibraryError(
                f"The library {self.path.parent} is damaged, and could not be mended: {problem}.",
                hint="Everything else works without it.",
            ) from problem
        if mended is not None:
            self._on_damage(
                f"The library's file was damaged. {mended.records:,} of its records could be rescued; the damaged file "
                f"is kept as {mended.kept_as.name}. The images are still there."
            )

    def _to_error(self, problem: sqlite3.Error) -> LibraryError:
        if not _is_damage(problem):
            return LibraryError(
                f"The library {self.path.parent} cannot be used: {problem}.",
                hint="Everything else works without it. %seedream library verify looks what is wrong with it.",
            )
        if self.is_read_only:
            self._close()
            return LibraryError(
                f"The library {self.path.parent} is damaged, and cannot be mended as it can only be read.",
                hint="Whoever may write to it mends it by using it.",
            )
        self._mend(self._identity)
        return LibraryMendedError(
            f"The library {self.path.parent} was damaged; what could be read was carried over into a new file.",
            hint="Do it once more.",
        )


_all: weakref.WeakSet[Database] = weakref.WeakSet()
_held: list[list[Database]] = []  # those that a fork keeps closed, by fork
_abandoned: list[sqlite3.Connection] = []


def _prepare_for_fork() -> None:
    held = list(_all)
    for database in held:
        database.prepare_for_fork()
    _held.append(held)


def _go_on_after_fork() -> None:
    for database in _held.pop():
        database.go_on_after_fork()


def _begin_in_child() -> None:
    _held.clear()
    for database in list(_all):
        database.begin_in_child()


@atexit.register
def _close_all() -> None:
    for database in list(_all):
        database.close_at_exit()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_prepare_for_fork, after_in_parent=_go_on_after_fork, after_in_child=_begin_in_child)


def _can_write(path: Path) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def _is_emptied(path: Path) -> bool:
    """Whether nothing is left of the file of a library that holds pictures."""
    return path.exists() and not path.stat().st_size and any(path.parent.glob("originals/??"))


def _identity(path: Path) -> tuple[int, int] | None:
    """What tells a file from another one that has taken its name since."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_damage(problem: sqlite3.Error) -> bool:
    # All others have classes of their own: a full disk, a locked file, a mistake in a statement.
    return type(problem) is sqlite3.DatabaseError or isinstance(problem, DamagedRecordError)
