"""The image files of a library. No process ever sees one half-written, and each is verified against its checksum."""

from __future__ import annotations

import hashlib
import stat
from contextlib import suppress
from enum import Enum
from typing import TYPE_CHECKING, Literal

from seedream_nb.core.atomic_files import PART, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from seedream_nb.library.database import Database

_CHUNK = 1 << 20  # bytes
_CHECKSUMS = {"originals": "digest", "thumbnails": "checksum"}  # the column of each table


class State(Enum):
    """What verifying a file has shown."""

    INTACT = "intact"
    DAMAGED = "damaged"
    MISSING = "missing"


def digest_of(content: bytes) -> str:
    """The SHA-256 of some bytes as hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


def check_file(path: Path, checksum: str) -> State:
    """Compares a file with its SHA-256, reading it in chunks."""
    found = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                found.update(chunk)
    except FileNotFoundError:
        return State.MISSING
    except OSError:
        # A file that cannot be read is useless, whatever the reason.
        return State.DAMAGED
    return State.INTACT if found.hexdigest() == checksum else State.DAMAGED


class Files:
    """The files that one table lists.

    They are spread over subfolders by the first two characters of their names, as folders with thousands of files are
    slow.
    """

    def __init__(self, database: Database, folder: Path, table: Literal["originals", "thumbnails"]) -> None:
        self.folder = folder
        self._database = database
        self._table = table
        self._rows = f"SELECT digest, name, {_CHECKSUMS[table]} FROM {table}"  # noqa: S608  our own table names

    def path(self, name: str) -> Path:
        """The path of a file, whether it exists or not."""
        return self.folder / name[:2] / name

    def write(self, name: str, content: bytes) -> None:
        """Writes a file completely or not at all; replaces one of the same name."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)

    def read(self, name: str) -> bytes | None:
        """The content of a file; None if it cannot be read."""
        try:
            return self.path(name).read_bytes()
        except OSError:
            return None

    def remove(self, name: str) -> None:
        """Removes a file if it exists and that is possible."""
        with suppress(OSError):
            self.path(name).unlink()

    def check_all(self) -> Iterator[tuple[str, str, State]]:
        """Verifies all files that the table lists; yields digest, name and state of each."""
        with self._database.reading() as connection:
            rows = connection.execute(self._rows).fetchall()
        for digest, name, checksum in rows:
            state = check_file(self.path(name), checksum)
            # Another kernel may have removed or rewritten it in the meantime.
            if state is not State.INTACT:
                with self._database.reading() as connection:
                    row = connection.execute(f"{self._rows} WHERE digest = ? AND name = ?", (digest, name)).fetchone()
                if row is None:
                    continue
                state = check_file(self.path(name), row[2])
            yield digest, name, state

    def forget(self, names: Iterable[tuple[str, str]]) -> None:
        """Deletes the rows (by digest and name) of damaged and missing files, which are then fetched or made again."""
        for key in names:
            with self._database.writing() as connection:
                row = connection.execute(f"{self._rows} WHERE digest = ? AND name = ?", key).fetchone()
                if row is not None and check_file(self.path(row[1]), row[2]) is not State.INTACT:
                    connection.execute(f"DELETE FROM {self._table} WHERE digest = ? AND name = ?", key)  # noqa: S608  our own table names
                    self.remove(row[1])

    def find_orphans(self, older_than: float) -> list[str]:
        """The names of unlisted files; another kernel may be about to list those younger than some Unix seconds."""
        with self._database.reading() as connection:
            listed = {name for _digest, name, _checksum in connection.execute(self._rows)}
        found = (path for path in self.folder.glob("??/*") if not path.name.endswith(PART))
        return [
            path.name
            for path in found
            # A file in any other subfolder was put there by somebody else, and is not found under its path.
            if path.name not in listed and _is_old_file(self.path(path.name), older_than)
        ]

    def find_partial(self, older_than: float) -> list[Path]:
        """Files whose writing was interrupted; those younger than some Unix seconds may still be in progress."""
        return [path for path in self.folder.glob(f"??/.*{PART}") if _is_old_file(path, older_than)]


def _is_old_file(path: Path, older_than: float) -> bool:
    with suppress(OSError):
        status = path.lstat()
        return stat.S_ISREG(status.st_mode) and status.st_mtime < older_than
    return False
