"""SQLite files that the threads of a process share by one connection, which no forked child inherits."""

from __future__ import annotations

import atexit
import os
import sqlite3
import threading
import weakref
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SECONDS_AT_EXIT = 1.0  # to wait for another thread's transaction


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """A transaction on a connection in autocommit mode, which is committed or rolled back as a whole."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


class SharedFile:
    """One connection to a SQLite file, opened on first use; subclasses open it, and hold the lock while they use it."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._depth = 0  # of nested uses
        _all.add(self)

    def close(self, seconds: float = -1) -> None:
        """Closes the file, to be opened again on next use, unless another thread still uses it after some seconds."""
        if self._lock.acquire(timeout=seconds):
            try:
                self._close()
            finally:
                self._lock.release()

    def __del__(self) -> None:
        # Nobody holds it any more. Python 3.13 warns of connections that are not closed.
        if "_connection" in self.__dict__:
            self._close()

    def prepare_for_fork(self) -> None:
        """Closes the file and keeps it closed: SQLite's locks do not survive a fork."""
        self._lock.acquire()
        if not self._depth:
            self._close()

    def resume_in_parent(self) -> None:
        """Allows opening the file again, in the parent."""
        self._lock.release()

    def reset_in_child(self) -> None:
        """Starts afresh, in the child."""
        self._lock = threading.RLock()
        if self._connection is not None:
            # Forked during a query. Not even closing the connection would be safe.
            abandoned.append(self._connection)
            self._connection = None

    def _close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(sqlite3.Error):  # a damaged file's log cannot be applied
                connection.close()


_all: weakref.WeakSet[SharedFile] = weakref.WeakSet()
_held: list[list[SharedFile]] = []  # by a fork in progress
abandoned: list[sqlite3.Connection] = []  # by forked children, which must not close what their parents hold


def _prepare_for_fork() -> None:
    held = list(_all)
    for file in held:
        file.prepare_for_fork()
    _held.append(held)


def _resume_in_parent() -> None:
    for file in _held.pop():
        file.resume_in_parent()


def _reset_in_child() -> None:
    _held.clear()
    for file in list(_all):
        file.reset_in_child()


@atexit.register
def _close_all() -> None:
    for file in list(_all):
        file.close(SECONDS_AT_EXIT)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_prepare_for_fork, after_in_parent=_resume_in_parent, after_in_child=_reset_in_child)
