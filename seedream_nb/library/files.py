"""Why: pictures lie as files that no process ever sees half-written, whatever happens to the one that writes them."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import TYPE_CHECKING

from seedream_nb.core.atomic_files import PART, write_atomically

if TYPE_CHECKING:
    from pathlib import Path


def digest_of(content: bytes) -> str:
    """The SHA-256 of some bytes, in hexadecimal digits."""
    return hashlib.sha256(content).hexdigest()


class Files:
    """Files of one kind, spread over folders by the beginnings of their names, as folders with thousands are slow.

    Args:
        folder: Where they lie; made when the first is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """Where a file of this name lies, whether it is there or not."""
        return self.folder / name[:2] / name

    def write(self, name: str, content: bytes) -> None:
        """Writes a file, whole or not at all; one of the same name is replaced.

        Raises:
            OSError: It cannot be written, such as on a full disk.
        """
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)

    def read(self, name: str) -> bytes | None:
        """The content of a file; None when there is none that can be read."""
        try:
            return self.path(name).read_bytes()
        except OSError:
            return None

    def remove(self, name: str) -> None:
        """Removes a file, if it is there and that is possible."""
        with suppress(OSError):
            self.path(name).unlink()

    def names(self) -> dict[str, int]:
        """All whole files, with their sizes in bytes."""
        found = {}
        for path in self.folder.glob("??/*"):
            with suppress(OSError):  # another kernel may remove it at this moment
                if not path.name.endswith(PART):
                    found[path.name] = path.stat().st_size
        return found

    def remove_parts(self, older_than: float) -> int:
        """Removes what was never finished.

        Args:
            older_than: Unix seconds; what is younger may still be being written.

        Returns:
            How many files are gone.
        """
        removed = 0
        for path in self.folder.glob(f"??/.*{PART}"):
            with suppress(OSError):
                if path.stat().st_mtime < older_than:
                    path.unlink()
                    removed += 1
        return removed
