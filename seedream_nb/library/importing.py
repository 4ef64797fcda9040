"""Why: what others hand over is taken in among one's own, which it may add to and never spoil.

All of it is foreign: each part is read up to a size, and taken only when it is what it claims to be.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from seedream_nb.core.coerce import read_integer, read_mapping
from seedream_nb.core.errors import ImageError, UsageError
from seedream_nb.core.models import TaskImage
from seedream_nb.core.text import count_of
from seedream_nb.images.thumbnails import read_facts
from seedream_nb.library.archive import MANIFEST, PartError, is_ours, read_parcel
from seedream_nb.library.exporting import FORMAT, VERSION
from seedream_nb.library.files import digest_of
from seedream_nb.library.foreign_documents import DIGITS, read_document, read_json, stand_in
from seedream_nb.library.marks import add_tags, read_marks, set_note, set_rating
from seedream_nb.library.mentions import inline_in
from seedream_nb.library.records import key_of, put_tasks, read_kept

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from sqlite3 import Connection

    from seedream_nb.core.models import Task
    from seedream_nb.library.archive import Reader
    from seedream_nb.library.database import Database
    from seedream_nb.library.foreign_documents import Document
    from seedream_nb.library.image_store import ImageStore

MOST_OF_RECORD = 8_000_000  # bytes; a usual one has two thousand
MOST_OF_ORIGINAL = 50 * 1024 * 1024  # bytes, as of those that are fetched


@dataclass(frozen=True)
class Imported:
    """What has come into a library.

    Attributes:
        tasks: How many tasks are new.
        improved: How many were known, and have more pictures now.
        known: How many were known, and stay as they were; marks may have come to them.
        originals: How many pictures at full size are new.
        passed_over: Why parts were not taken, each with how many.
    """

    tasks: int
    improved: int
    known: int
    originals: int
    passed_over: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        known = f"; {self.known:,} known already" if self.known else ""
        improved = f"; {self.improved:,} with more pictures than before" if self.improved else ""
        line = f"{count_of(self.tasks, 'new task')} and {count_of(self.originals, 'new original')}{improved}{known}."
        if not self.passed_over:
            return line
        files = count_of(sum(count for _reason, count in self.passed_over), "file")
        return f"{line}\n{files} passed over: {', '.join(f'{count:,} {why}' for why, count in self.passed_over)}."


def import_parcel(
    database: Database,
    images: ImageStore,
    source: str | os.PathLike[str],
    keep_image: Callable[[TaskImage, bytes], None],
) -> Imported:
    """Takes in what an export has written.

    Args:
        database: The library's database.
        images: Its images.
        source: A folder or a zip.
        keep_image: Keeps an original that has a link, within the library's budget.

    Returns:
        What has come in.

    Raises:
        UsageError: It is no export, or one of a later version.
        LibraryError: Nothing can be written.
        OSError: A file cannot be written.
    """
    with read_parcel(source) as reader:
        _check_manifest(reader, source)
        return _Import(database, images, reader, keep_image).run()


class _Import:
    """One import."""

    def __init__(
        self, database: Database, images: ImageStore, reader: Reader, keep_image: Callable[[TaskImage, bytes], None]
    ) -> None:
        self._database = database
        self._images = images
        self._reader = reader
        self._keep_image = keep_image
        names = [name for name in reader.names() if is_ours(name)]
        self._records = [name for name in names if name.startswith("tasks/")]
        self._originals = {name[10:74]: name for name in names if name.startswith("originals/")}
        self._counts: Counter[str] = Counter()
        self._passed_over: Counter[str] = Counter()

    def run(self) -> Imported:
        for name in self._records:
            with self._passing_over():
                self._take_in(read_document(self._reader.read(name, MOST_OF_RECORD)))
        return Imported(
            self._counts["new"],
            self._counts["improved"],
            self._counts["known"],
            self._counts["originals"],
            tuple(self._passed_over.most_common()),
        )

    @contextmanager
    def _passing_over(self) -> Iterator[None]:
        """Counts what cannot be taken, and goes on."""
        try:
            yield
        except ImageError:
            self._passed_over["no picture"] += 1
        except PartError as problem:
            self._passed_over[str(problem)] += 1

    def _take_in(self, document: Document) -> None:
        task = document.to_task(self._originals.keys())
        key = key_of(task.id)
        with self._database.reading() as connection:
            row = connection.execute("SELECT record, request FROM tasks WHERE key = ?", (key,)).fetchone()
            known = None if row is None else read_kept(key, row[0], row[1], lambda _digest: b"a picture")
        if _has_more(task, known):
            # Once more, without those that only claim to be pictures.
            task = document.to_task({digest for digest in document.inline if self._can_have(digest)})
        is_wanted = _has_more(task, known)
        # Images first: a record that holds them within itself is never seen without them.
        for digest in sorted(document.inline if is_wanted else document.inline & inline_in(row[0], row[1])):
            self._take_inline(digest)
        if is_wanted:
            with self._database.writing() as connection:
                put_tasks(connection, [task], partial(self._keep_inline, connection))
        self._counts["new" if known is None else "improved" if is_wanted else "known"] += 1
        places = {image.url: image.index for image in task.images}
        for link, digest in document.links.items():
            task_id = task.id if link in places else ""  # or a reference of the request
            self._take_linked(TaskImage(task_id, places.get(link, 0), url=link), digest)
        with self._database.writing() as connection:
            _unite_marks(connection, key, document)

    def _keep_inline(self, connection: Connection, content: bytes) -> str:
        digest = content[:DIGITS].decode("ascii", "replace")
        if content == stand_in(digest) and self._is_kept(digest):
            return digest
        return self._images.keep_inline(connection, content)

    def _can_have(self, digest: str) -> bool:
        return self._is_kept(digest) or self._read_original(digest) is not None

    def _take_inline(self, digest: str) -> None:
        content = None if self._is_kept(digest) else self._read_original(digest)
        if content is not None:
            with self._database.writing() as connection:
                self._images.keep_inline(connection, content)
            self._counts["originals"] += 1

    def _take_linked(self, image: TaskImage, digest: str) -> None:
        with self._database.reading() as connection:
            row = connection.execute("SELECT digest FROM pictures WHERE source = ?", (image.url,)).fetchone()
        is_kept = self._is_kept(digest)
        # What the library has seen behind a link itself counts more than what others say of it.
        if row is not None and (row[0] != digest or is_kept):
            return
        content = self._read_original(digest)
        if content is not None:
            self._keep_image(image, content)
            self._counts["originals"] += not is_kept

    def _is_kept(self, digest: str) -> bool:
        with self._database.reading() as connection:
            return connection.execute("SELECT 1 FROM originals WHERE digest = ?", (digest,)).fetchone() is not None

    def _read_original(self, digest: str) -> bytes | None:
        """A picture that is what it claims to be; None, and counted once, for any other."""
        name = self._originals.pop(digest, None)
        if name is None:
            return None  # it was not kept where it was exported, or has been looked at
        with self._passing_over():
            content = self._reader.read(name, MOST_OF_ORIGINAL)
            _check_picture(content, digest)
            self._originals[digest] = name
            return content
        return None


def _has_more(task: Task, known: Task | None) -> bool:
    return known is None or len(known.good_images) < len(task.good_images)


def _check_picture(content: bytes, digest: str) -> None:
    if digest_of(content) != digest:
        raise PartError("altered")
    read_facts(content)


def _check_manifest(reader: Reader, source: str | os.PathLike[str]) -> None:
    try:
        manifest = read_mapping(read_json(reader.read(MANIFEST, MOST_OF_RECORD)))
    except PartError:
        manifest = {}
    version = read_integer(manifest.get("version"))
    if manifest.get("format") != FORMAT or version is None or version < 1:
        raise UsageError(
            f"{source} is no export of a library: it has no {MANIFEST} that says so.",
            hint="Name a folder or a zip that an export has made.",
        )
    if version > VERSION:
        raise UsageError(
            f"{source} was exported by a later version of seedream_nb.", hint="Upgrade seedream_nb to import it."
        )


def _unite_marks(connection: Connection, key: str, document: Document) -> None:
    """Adds tags and notes to those that are there; one's own stars count more than those of others."""
    own = read_marks(connection, key)
    if document.tags:
        add_tags(connection, [key], document.tags)
    if own.rating is None and document.rating is not None:
        set_rating(connection, [key], document.rating)
    if document.note not in own.note:
        set_note(connection, [key], f"{own.note}\n{document.note}")
