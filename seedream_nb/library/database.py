"""The database file, shared by several kernels and threads.

SQLite keeps every transaction atomic. What remains to be done here: reading where nothing can be written, recovering a
damaged file.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from typing import TYPE_CHECKING

from seedream_nb.core.errors import LibraryError
from seedream_nb.library.connections import SharedFile, abandoned, transaction
from seedream_nb.library.opening import open_to_read, open_to_write
from seedream_nb.library.records import DamagedRecordError
from seedream_nb.library.recovery import RecoveryLock, replace_damaged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FILE_NAME = "library.sqlite"
_ATTEMPTS = 3  # to write to a file that others replace


class LibraryRecoveredError(LibraryError):
    """The library's file was damaged, and has been replaced; nothing was written, and the call can be repeated."""


class Database(SharedFile):
    """The records of a library. Safe to use from several threads and, each with its own, from several processes.

    `on_damage` is called with a sentence after a damaged file was replaced.
    """

    def __init__(self, folder: Path, *, read_only: bool, on_damage: Callable[[str], None]) -> None:
        self.path = folder / FILE_NAME
        self.is_read_only = read_only or not _can_write(self.path)
        self._on_damage = on_damage
        self._identity: tuple[int, int] | None = None
        self._is_transient = False  # whether the connection is closed after use
        self._why_read_only: sqlite3.Error | None = None
        self._recovery_lock = RecoveryLock(self.path)
        super().__init__()
        with self.reading():
            pass

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection for queries. Can be nested, also within `writing`."""
        with self._lock:
            self._depth += 1
            try:
                yield self._connect()
            except sqlite3.Error as problem:
                if self._depth > 1 and _is_damage(problem):
                    raise  # for the outermost one: only then is the connection unused
                raise self._to_error(problem) from problem
            finally:
                self._depth -= 1
                if self._is_transient and not self._depth:
                    self._close()

    @contextmanager
    def writing(self, *, durable: bool = False) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction, which is committed or rolled back as a whole. Can be nested.

        A durable one is on the disk when it is committed: not even a power failure loses it.
        """
        if self.is_read_only:
            raise LibraryError(
                f"The library {self.path.parent} is read-only.",
                hint="Use another folder for your own library: SEEDREAM_LIBRARY, or Library(folder).",
            )
        with self.reading() as connection:
            if connection.in_transaction:
                yield connection
                return
            with self._current() as current:
                usual = current.execute("PRAGMA synchronous").fetchone()[0]
                if durable:
                    current.execute("PRAGMA synchronous = FULL")
                try:
                    with transaction(current):
                        yield current
                finally:
                    if durable:
                        current.execute(f"PRAGMA synchronous = {usual}")

    @contextmanager
    def _current(self) -> Iterator[sqlite3.Connection]:
        """The connection, while no other kernel can replace the file."""
        for _attempt in range(_ATTEMPTS):
            connection = self._connect()
            if self._why_read_only is not None:
                raise self._why_read_only
            with self._recovery_lock.shared():
                if self._identity == _identity(self.path):
                    yield connection
                    return
        raise LibraryRecoveredError(
            f"The library {self.path.parent} was replaced by another kernel; nothing was written.",
            hint="Repeat the call.",
        )

    @property
    def size(self) -> int:
        """The bytes of its content, whether in the file or still in the log."""
        with self.reading() as connection:
            pages, size = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "page_size"))
        return int(pages * size)

    def reset_in_child(self) -> None:
        """Starts afresh, in the child."""
        super().reset_in_child()
        if (lock := self._recovery_lock.abandon()) is not None:
            abandoned.append(lock)

    def _close(self) -> None:
        self._recovery_lock.close()
        super()._close()

    def _connect(self) -> sqlite3.Connection:
        if self._depth == 1 and self._connection is not None and self._identity != _identity(self.path):
            # Another kernel has replaced a damaged file, or the folder was moved.
            self._close()
        if self._connection is None:
            try:
                self._connection = self._open()
            except sqlite3.Error as problem:
                if not _is_damage(problem) or self.is_read_only:
                    raise
                self._recover(_identity(self.path))
                self._connection = self._open()
            self._identity = _identity(self.path)
        return self._connection

    def _open(self) -> sqlite3.Connection:
        self._why_read_only, self._is_transient = None, False
        if not self.is_read_only:
            try:
                # Opening it creates a log, which must not end up beside another file.
                with self._recovery_lock.shared():
                    return self._open_to_write()
            except sqlite3.OperationalError as problem:
                # Such as a full disk, where no log can be created: reading still works.
                self._why_read_only = problem
        connection, is_current = open_to_read(self.path)
        # The next use must see later changes, and try to write again.
        self._is_transient = self._why_read_only is not None or not is_current
        return connection

    def _open_to_write(self) -> sqlite3.Connection:
        was_emptied = _is_emptied(self.path)
        connection = open_to_write(self.path)
        if was_emptied:
            self._on_damage("The library's database file was empty; its records are lost. The images are still there.")
        return connection

    def _recover(self, damaged: tuple[int, int] | None) -> None:
        self._close()
        try:
            recovery = replace_damaged(self.path, is_damaged=lambda: _identity(self.path) == damaged)
        except (OSError, sqlite3.Error) as problem:
            raise LibraryError(
                f"The library {self.path.parent} is damaged and could not be recovered: {problem}.",
                hint="Everything else works without it.",
            ) from problem
        if recovery is not None:
            self._on_damage(
                f"The library's database file was damaged. {recovery.records:,} records were recovered; the damaged "
                f"file was renamed to {recovery.set_aside.name}. The images are still there."
            )

    def _to_error(self, problem: sqlite3.Error) -> LibraryError:
        if not _is_damage(problem):
            return LibraryError(
                f"The library {self.path.parent} cannot be used: {problem}.",
                hint="Everything else works without it. To find out more: %seedream library verify.",
            )
        if self.is_read_only:
            self._close()
            return LibraryError(
                f"The library {self.path.parent} is damaged, and read-only: it cannot be recovered.",
                hint="It is recovered as soon as someone with write access uses it.",
            )
        self._recover(self._identity)
        return LibraryRecoveredError(
            f"The library {self.path.parent} was damaged; its readable records were recovered into a new file.",
            hint="Repeat the call.",
        )


def _can_write(path: Path) -> bool:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(path.parent, os.W_OK) and (not path.exists() or os.access(path, os.W_OK))


def _is_emptied(path: Path) -> bool:
    """Whether the file is empty although the library has originals."""
    return path.exists() and not path.stat().st_size and any(path.parent.glob("originals/??"))


def _identity(path: Path) -> tuple[int, int] | None:
    """Tells a file from another one that has replaced it since."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_damage(problem: sqlite3.Error) -> bool:
    if isinstance(problem, DamagedRecordError) or str(problem).startswith("Could not decode to UTF-8"):
        return True
    # Everything else has a class of its own: a full disk, a locked file, a wrong statement.
    return type(problem) is sqlite3.DatabaseError
