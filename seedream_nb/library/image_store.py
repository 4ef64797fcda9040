"""Why: a picture is kept once, whatever links lead to it, and its small copies lie beside it.

Originals are named by their content, so that a damaged one is noticed when it is read.
"""

from __future__ import annotations

import dataclasses
import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from seedream_nb.core.errors import LibraryError
from seedream_nb.images.load import source_of
from seedream_nb.library.file_checks import forget_lost
from seedream_nb.library.files import Files, digest_of
from seedream_nb.library.records import key_of

if TYPE_CHECKING:
    from pathlib import Path
    from sqlite3 import Connection

    from seedream_nb.core.models import TaskImage
    from seedream_nb.images.thumbnails import Thumbnail
    from seedream_nb.library.database import Database

SECONDS_OF_USE = 3600.0  # how exactly is known when an original was used last
_BEGINNINGS = {b"\xff\xd8\xff": "jpg", b"\x89PNG\r\n": "png", b"RIFF": "webp"}
INLINE = "inline:"  # and the digest: the source of a picture that came without a link


class ImageStore:
    """The originals and thumbnails of a library.

    Args:
        database: What is known of them.
        folder: The library's folder.

    Attributes:
        originals: Their files.
        thumbnails: Their files.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self.originals = Files(folder / "originals")
        self.thumbnails = Files(folder / "thumbnails")

    def keep(self, image: TaskImage, content: bytes, thumbnail: tuple[int, Thumbnail] | None = None) -> int:
        """Keeps an original, and perhaps its thumbnail.

        Args:
            image: Whose picture it is; one with a link.
            content: Its bytes; a whole picture.
            thumbnail: The side that was asked for, in pixels, and the thumbnail.

        Returns:
            How many bytes of originals have come to those that were there.

        Raises:
            OSError: A file cannot be written.
            LibraryError: The database cannot be written.
        """
        digest, name = _name(content)
        with self._database.reading() as connection:
            is_new = not _is_known(connection, digest)
        self._write_original(name, content)
        rows = [] if thumbnail is None else [self._write_thumbnail(digest, *thumbnail)]
        # The files are whole before anything tells of them.
        with self._database.writing() as connection:
            # Another kernel may have removed it again meanwhile; from here on none can.
            self._write_original(name, content)
            row = (image.url, key_of(image.task_id), image.index, digest)
            connection.execute("INSERT OR REPLACE INTO pictures (source, task, place, digest) VALUES (?, ?, ?, ?)", row)
            connection.execute(
                "INSERT OR REPLACE INTO originals (digest, name, size, used_at) VALUES (?, ?, ?, ?)",
                (digest, name, len(content), time.time()),
            )
            connection.executemany("INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?, ?, ?, ?)", rows)
        return len(content) if is_new else 0

    def keep_inline(self, connection: Connection, content: bytes) -> str:
        """Keeps a picture that came within a record, in the transaction that keeps this.

        Returns:
            Its digest.

        Raises:
            OSError: The file cannot be written.
        """
        digest, name = _name(content)
        self._write_original(name, content)
        row = (f"{INLINE}{digest}", "", 0, digest)
        connection.execute("INSERT OR IGNORE INTO pictures (source, task, place, digest) VALUES (?, ?, ?, ?)", row)
        connection.execute(
            "INSERT OR IGNORE INTO originals (digest, name, size, used_at) VALUES (?, ?, ?, ?)",
            (digest, name, len(content), time.time()),
        )
        return digest

    def find_original(self, image: TaskImage) -> bytes | None:
        """The original of a picture; None when it is not kept, or is damaged."""
        with self._database.reading() as connection:
            digest = _find_digest(connection, image)
        return None if digest is None else self.read(digest)

    def read(self, digest: str) -> bytes | None:
        """The original of a digest; None when it is not kept, or is damaged. A damaged one is forgotten."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT name, used_at FROM originals WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            return None
        name, used_at = row
        content = self.originals.read(name)
        if content is None or digest_of(content) != digest:
            if not self._database.is_read_only:
                with suppress(LibraryError):
                    forget_lost(self._database, "originals", self.originals, [(digest, name)])
            return None
        if time.time() - used_at > SECONDS_OF_USE and not self._database.is_read_only:
            # A full disk is no reason to withhold it.
            with suppress(LibraryError), self._database.writing() as connection:
                connection.execute("UPDATE originals SET used_at = ? WHERE digest = ?", (time.time(), digest))
        return content

    def find_thumbnail(self, image: TaskImage, side: int) -> Thumbnail | None:
        """A thumbnail of exactly this side; None when it is not kept, or is damaged.

        Args:
            image: Whose thumbnail.
            side: The side that was asked for when it was made, in pixels.
        """
        # Imported here: whoever only asks for records does not need Pillow.
        from seedream_nb.images.thumbnails import ImageFacts, Thumbnail  # noqa: PLC0415  see above

        with self._database.reading() as connection:
            digest = _find_digest(connection, image)
            question = "SELECT name, checksum, facts FROM thumbnails WHERE digest = ? AND side = ?"
            row = None if digest is None else connection.execute(question, (digest, side)).fetchone()
        if row is None:
            return None
        name, checksum, facts = row
        content = self.thumbnails.read(name)
        if content is None or digest_of(content) != checksum:
            return None
        try:
            known = json.loads(facts)
            return Thumbnail(content, known["mime"], known["width"], known["height"], ImageFacts(**known["original"]))
        except (ValueError, TypeError, LookupError):
            return None

    def keep_thumbnail(self, image: TaskImage, side: int, thumbnail: Thumbnail) -> None:
        """Keeps a further thumbnail of a picture whose original is known; does nothing for another one.

        Raises:
            OSError: The file cannot be written.
            LibraryError: The database cannot be written.
        """
        with self._database.reading() as connection:
            digest = _find_digest(connection, image)
            known = connection.execute("SELECT 1 FROM pictures WHERE digest = ?", (digest,)).fetchone()
        if digest is None or known is None:
            return
        row = self._write_thumbnail(digest, side, thumbnail)
        with self._database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?, ?, ?, ?)", row)

    def _write_original(self, name: str, content: bytes) -> None:
        # A damaged one is replaced, now that a good one is at hand.
        if self.originals.read(name) != content:
            self.originals.write(name, content)

    def _write_thumbnail(self, digest: str, side: int, thumbnail: Thumbnail) -> tuple[object, ...]:
        name = f"{digest}-{side}.{thumbnail.mime.rpartition('/')[2]}"
        self.thumbnails.write(name, thumbnail.data)
        facts = {
            "mime": thumbnail.mime,
            "width": thumbnail.width,
            "height": thumbnail.height,
            "original": dataclasses.asdict(thumbnail.original),
        }
        return digest, side, name, digest_of(thumbnail.data), len(thumbnail.data), json.dumps(facts)


def _name(content: bytes) -> tuple[str, str]:
    """The digest of an original, and the name of its file."""
    digest = digest_of(content)
    return digest, f"{digest}.{_extension_of(content)}"


def _is_known(connection: Connection, digest: str) -> bool:
    return connection.execute("SELECT 1 FROM originals WHERE digest = ?", (digest,)).fetchone() is not None


def _extension_of(content: bytes) -> str:
    """The usual ending of a picture's file name, by how it begins."""
    return next((extension for begin, extension in _BEGINNINGS.items() if content.startswith(begin)), "bin")


def _find_digest(connection: Connection, image: TaskImage) -> str | None:
    source = source_of(image)
    if isinstance(source, bytes):
        return digest_of(source)
    row = connection.execute("SELECT digest FROM pictures WHERE source = ?", (source,)).fetchone()
    if row is None and image.task_id:
        # The service may give a picture another link when it is asked again.
        place = (key_of(image.task_id), image.index)
        row = connection.execute("SELECT digest FROM pictures WHERE task = ? AND place = ?", place).fetchone()
    return None if row is None else str(row[0])
