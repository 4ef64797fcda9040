"""The originals and thumbnails of a library.

An image is stored once, no matter how many links lead to it. Originals are named by their content, so that damage is
noticed on reading.
"""

from __future__ import annotations

import dataclasses
import json
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from seedream_nb.core.errors import LibraryError
from seedream_nb.images.fetch import source_of
from seedream_nb.library.files import Files, digest_of
from seedream_nb.library.records import key_of, select_in
from seedream_nb.library.references import INLINE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from sqlite3 import Connection

    from seedream_nb.core.models import TaskImage
    from seedream_nb.images.thumbnails import Thumbnail
    from seedream_nb.library.database import Database

NO_PLACE = -1  # of an image that belongs to a task, but must not be found by its place there
SENT_PLACE = -2  # of an image that was sent with a request; it may be evicted, unless it is also an inline image
SECONDS_OF_USE = 3600.0  # how precisely the last use of an original is recorded
_EXTENSIONS = {b"\xff\xd8\xff": "jpg", b"\x89PNG\r\n": "png", b"RIFF": "webp"}  # by signature


class ImageStore:
    """Stores and finds originals and thumbnails."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self.originals = Files(database, folder / "originals", "originals")
        self.thumbnails = Files(database, folder / "thumbnails", "thumbnails")

    def store(self, image: TaskImage, content: bytes, thumbnail: tuple[int, Thumbnail] | None = None) -> int:
        """Stores the original of an image with a link, and optionally a thumbnail with its requested side in pixels.

        Returns the number of bytes by which the originals have grown.
        """
        digest, name = _name_of(content)
        is_new = not self.has(digest)
        self._write_original(name, content)
        rows = [] if thumbnail is None else [self._write_thumbnail(digest, *thumbnail)]
        # The files are complete before anything references them.
        with self._database.writing() as connection:
            # Another kernel may have removed it in the meantime; from here on none can.
            self._write_original(name, content)
            row = (image.url, key_of(image.task_id), image.index, digest)
            connection.execute("INSERT OR REPLACE INTO pictures (source, task, place, digest) VALUES (?, ?, ?, ?)", row)
            connection.execute(
                "INSERT OR REPLACE INTO originals (digest, name, size, used_at) VALUES (?, ?, ?, ?)",
                (digest, name, len(content), time.time()),
            )
            connection.executemany("INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?, ?, ?, ?)", rows)
        return len(content) if is_new else 0

    def store_inline(self, connection: Connection, content: bytes) -> str:
        """Stores an inline image in the transaction that stores its record, and returns its digest."""
        digest, name = _name_of(content)
        self._write_original(name, content)
        add_inline(connection, digest)
        connection.execute(
            "INSERT OR IGNORE INTO originals (digest, name, size, used_at) VALUES (?, ?, ?, ?)",
            (digest, name, len(content), time.time()),
        )
        return digest

    def store_sent(self, content: bytes) -> int:
        """Stores an image that is sent with a request; returns by how many bytes the originals have grown."""
        digest, name = _name_of(content)
        with self._database.reading() as connection:
            listed = connection.execute("SELECT 1 FROM pictures WHERE source = ?", (f"{INLINE}{digest}",)).fetchone()
        is_new = not self.has(digest)
        if listed and not is_new:
            return 0
        self._write_original(name, content)
        with self._database.writing() as connection:
            self._write_original(name, content)
            row = (f"{INLINE}{digest}", "", SENT_PLACE, digest)
            connection.execute("INSERT OR IGNORE INTO pictures (source, task, place, digest) VALUES (?, ?, ?, ?)", row)
            connection.execute(
                "INSERT OR REPLACE INTO originals (digest, name, size, used_at) VALUES (?, ?, ?, ?)",
                (digest, name, len(content), time.time()),
            )
        return len(content) if is_new else 0

    def has(self, digest: str) -> bool:
        """Whether the original of a digest is listed."""
        with self._database.reading() as connection:
            return connection.execute("SELECT 1 FROM originals WHERE digest = ?", (digest,)).fetchone() is not None

    def find_original(self, image: TaskImage) -> bytes | None:
        """The original of an image; None if it is not stored, or damaged."""
        with self._database.reading() as connection:
            digest = find_digest(connection, image)
        return None if digest is None else self.read(digest)

    def read(self, digest: str) -> bytes | None:
        """The original of a digest; None if it is not stored, or damaged. A damaged one is forgotten."""
        with self._database.reading() as connection:
            row = connection.execute("SELECT name, used_at FROM originals WHERE digest = ?", (digest,)).fetchone()
        if row is None:
            return None
        name, used_at = row
        content = self.originals.read(name)
        if content is None or digest_of(content) != digest:
            if not self._database.is_read_only:
                with suppress(LibraryError):
                    self.originals.forget([(digest, name)])
            return None
        if time.time() - used_at > SECONDS_OF_USE and not self._database.is_read_only:
            # It can be read even if the disk is full.
            with suppress(LibraryError), self._database.writing() as connection:
                connection.execute("UPDATE originals SET used_at = ? WHERE digest = ?", (time.time(), digest))
        return content

    def find_thumbnail(self, image: TaskImage, side: int) -> Thumbnail | None:
        """The thumbnail of an image for exactly this requested side, in pixels; None if not stored, or damaged."""
        # Imported here: reading records does not need Pillow.
        from seedream_nb.images.thumbnails import ImageFacts, Thumbnail  # noqa: PLC0415  see above

        with self._database.reading() as connection:
            digest = find_digest(connection, image)
            statement = "SELECT name, checksum, facts FROM thumbnails WHERE digest = ? AND side = ?"
            row = None if digest is None else connection.execute(statement, (digest, side)).fetchone()
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

    def store_thumbnail(self, image: TaskImage, side: int, thumbnail: Thumbnail) -> None:
        """Stores another thumbnail of an image that is known; does nothing for any other."""
        with self._database.reading() as connection:
            digest = find_digest(connection, image)
            known = connection.execute("SELECT 1 FROM pictures WHERE digest = ?", (digest,)).fetchone()
        if digest is None or known is None:
            return
        row = self._write_thumbnail(digest, side, thumbnail)
        with self._database.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?, ?, ?, ?)", row)

    def _write_original(self, name: str, content: bytes) -> None:
        # A damaged file is replaced, now that the right content is at hand.
        if self.originals.read(name) != content:
            self.originals.write(name, content)

    def _write_thumbnail(self, digest: str, side: int, thumbnail: Thumbnail) -> tuple[object, ...]:
        name = f"{digest}-{side}.{thumbnail.mime.rpartition('/')[2]}"
        self.thumbnails.write(name, thumbnail.data)
        facts = dataclasses.asdict(thumbnail)
        del facts["data"]
        return digest, side, name, digest_of(thumbnail.data), len(thumbnail.data), json.dumps(facts)


def find_digest(connection: Connection, image: TaskImage) -> str | None:
    """The digest of an image's original, whether that is stored or not; None if the image is unknown."""
    source = source_of(image)
    if isinstance(source, bytes):
        return digest_of(source)
    row = connection.execute("SELECT digest FROM pictures WHERE source = ?", (source,)).fetchone()
    if row is None and image.task_id:
        # The service may return another link for the same image later.
        place = (key_of(image.task_id), image.index)
        row = connection.execute("SELECT digest FROM pictures WHERE task = ? AND place = ?", place).fetchone()
    return None if row is None else str(row[0])


def find_sizes(
    connection: Connection, images: Iterable[tuple[str, str, int | None]]
) -> dict[tuple[str, str, int | None], int]:
    """The bytes of the stored originals of images, each by link, task and place: what `find_digest` finds for many."""
    wanted = list(images)
    rows = select_in(connection, "SELECT source, digest FROM pictures WHERE source IN", {link for link, *_ in wanted})
    by_link: dict[str, str] = dict(rows)
    # The service may return another link for the same image later.
    others = {task for link, task, _place in wanted if task and link not in by_link}
    rows = select_in(connection, "SELECT task, place, digest FROM pictures WHERE task IN", others)
    by_place: dict[tuple[str, int | None], str] = {(task, place): digest for task, place, digest in rows}
    digests = {image: by_link.get(image[0]) or by_place.get(image[1:]) for image in wanted}
    known = {digest for digest in digests.values() if digest}
    sizes = dict(select_in(connection, "SELECT digest, size FROM originals WHERE digest IN", known))
    return {image: sizes[digest] for image, digest in digests.items() if digest in sizes}


def find_files(connection: Connection, images: Sequence[TaskImage]) -> list[tuple[str, str] | None]:
    """The digest and the name of the stored original of each image: what `find_digest` finds for many."""
    sources = {id(image): source for image in images if (source := source_of(image)) is not None}
    links = {source for source in sources.values() if isinstance(source, str)}
    digests = dict(select_in(connection, "SELECT source, digest FROM pictures WHERE source IN", links))
    # The service may return another link for the same image later.
    others = {key_of(image.task_id) for image in images if image.task_id and sources.get(id(image)) not in digests}
    rows = select_in(connection, "SELECT task, place, digest FROM pictures WHERE task IN", others)
    by_place = {(task, place): digest for task, place, digest in rows}

    def digest_for(image: TaskImage) -> str | None:
        source = sources.get(id(image))
        if isinstance(source, bytes):
            return digest_of(source)
        return digests.get(source) or by_place.get((key_of(image.task_id), image.index))

    found = [digest_for(image) for image in images]
    names = dict(select_in(connection, "SELECT digest, name FROM originals WHERE digest IN", set(filter(None, found))))
    return [(digest, names[digest]) if digest is not None and digest in names else None for digest in found]


def add_inline(connection: Connection, digest: str) -> None:
    """Lists an inline image, within a transaction."""
    add_link(connection, f"{INLINE}{digest}", "", digest)
    # It may have been sent before, and cannot be fetched again.
    row = (NO_PLACE, f"{INLINE}{digest}", SENT_PLACE)
    connection.execute("UPDATE pictures SET place = ? WHERE source = ? AND place = ?", row)


def add_link(connection: Connection, link: str, task_key: str, digest: str) -> None:
    """Lists another link to a stored image, within a transaction; the image has no place in the task."""
    row = (link, task_key, NO_PLACE, digest)
    connection.execute("INSERT OR IGNORE INTO pictures (source, task, place, digest) VALUES (?, ?, ?, ?)", row)


def _name_of(content: bytes) -> tuple[str, str]:
    """The digest of an original, and the name of its file."""
    digest = digest_of(content)
    extension = next((name for signature, name in _EXTENSIONS.items() if content.startswith(signature)), "bin")
    return digest, f"{digest}.{extension}"
