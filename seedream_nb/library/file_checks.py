"""Why: each file of a library is compared with what is told of it, and those that nothing tells of are found."""

from __future__ import annotations

import hashlib
import stat
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING

from seedream_nb.core.atomic_files import PART

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from seedream_nb.library.database import Database
    from seedream_nb.library.files import Files

_CHUNK = 1 << 20
# The digest of each, its name, and the checksum of its content.
_TOLD = {
    "originals": "SELECT digest, name, digest FROM originals",
    "thumbnails": "SELECT digest, name, checksum FROM thumbnails",
}


class State(Enum):
    """What became of a file."""

    WHOLE = "whole"
    DAMAGED = "damaged"
    MISSING = "missing"


def check_file(path: Path, checksum: str) -> State:
    """Reads a file, a piece at a time, and compares its SHA-256."""
    try:
        return State.WHOLE if _checksum_of(path) == checksum else State.DAMAGED
    except FileNotFoundError:
        return State.MISSING
    except OSError:
        # What cannot be read is of no use, wherever the reason lies.
        return State.DAMAGED


def check_files(database: Database, table: str, files: Files) -> Iterator[tuple[str, str, State]]:
    """Reads all files that a table tells of.

    Args:
        database: The library's database.
        table: `originals` or `thumbnails`.
        files: Where they lie.

    Yields:
        The digest and the name of each, and what became of it.

    Raises:
        LibraryError: The library cannot be read.
    """
    with database.reading() as connection:
        rows = connection.execute(_TOLD[table]).fetchall()
    for digest, name, checksum in rows:
        state = check_file(files.path(name), checksum)
        # Another kernel may have removed it meanwhile, or have written it anew.
        if state is not State.WHOLE:
            with database.reading() as connection:
                row = connection.execute(f"{_TOLD[table]} WHERE digest = ? AND name = ?", (digest, name)).fetchone()
            if row is None:
                continue
            state = check_file(files.path(name), row[2])
        yield digest, name, state


def forget_lost(database: Database, table: str, files: Files, names: list[tuple[str, str]]) -> None:
    """Lets damaged and missing files be made or fetched again.

    Args:
        database: The library's database.
        table: `originals` or `thumbnails`.
        files: Where they lie.
        names: Digest and name of each.

    Raises:
        LibraryError: Nothing can be written.
    """
    for digest, name in names:
        with database.writing() as connection:
            of_this = "WHERE digest = ? AND name = ?"
            row = connection.execute(f"{_TOLD[table]} {of_this}", (digest, name)).fetchone()
            if row is not None and check_file(files.path(name), row[2]) is not State.WHOLE:
                connection.execute(f"DELETE FROM {table} {of_this}", (digest, name))  # noqa: S608  our own words
                files.remove(name)


def find_untold(database: Database, table: str, files: Files, older_than: float) -> list[str]:
    """The files that a table does not tell of.

    Args:
        database: The library's database.
        table: `originals` or `thumbnails`.
        files: Where they lie.
        older_than: Unix seconds; what is younger may just be being kept.

    Returns:
        Their names.

    Raises:
        LibraryError: The library cannot be read.
    """
    with database.reading() as connection:
        told = {name for _digest, name, _checksum in connection.execute(_TOLD[table])}
    return [name for name in files.names() if name not in told and _is_old_file(files.path(name), older_than)]


def count_parts(files: Files, older_than: float) -> int:
    """How many files were begun and never finished; those younger than some Unix time may still be."""
    return sum(_is_old_file(path, older_than) for path in files.folder.glob(f"??/.*{PART}"))


def _is_old_file(path: Path, older_than: float) -> bool:
    # A file that lies in a folder other than its own was put there by somebody, and is not found under its path.
    with suppress(OSError):
        status = path.lstat()
        return stat.S_ISREG(status.st_mode) and status.st_mtime < older_than
    return False


def _checksum_of(path: Path) -> str:
    checksum = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_CHUNK):
            checksum.update(piece)
    return checksum.hexdigest()
