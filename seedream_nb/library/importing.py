"""Imports an archive from elsewhere: it may add to the library, and never spoil it.

Each file is read up to a size limit, and accepted only if it is what it claims to be.
"""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from seedream_nb.core.errors import ImageError, UsageError
from seedream_nb.core.foreign import read_integer, read_mapping
from seedream_nb.core.models import TaskImage
from seedream_nb.core.text import count_of
from seedream_nb.library.archive import MANIFEST, NAME_AN_EXPORT, PartError, is_ours, read_archive
from seedream_nb.library.collections import add_collections
from seedream_nb.library.documents import DIGITS, read_document, read_json, stand_in
from seedream_nb.library.exporting import FORMAT, VERSION
from seedream_nb.library.files import digest_of
from seedream_nb.library.image_store import NO_PLACE, add_link
from seedream_nb.library.lineage import find_sources
from seedream_nb.library.lineage_index import index_sent
from seedream_nb.library.marks import Marks, read_marks, write_marks
from seedream_nb.library.records import (
    STORED,
    StoredTask,
    add_images,
    add_sent_images,
    any_image,
    key_of,
    missing_images,
    places_of,
    store_tasks,
)
from seedream_nb.library.references import encode, inline_digests, kept_digests, sources_in

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator
    from sqlite3 import Connection

    from seedream_nb.core.models import Task
    from seedream_nb.library.archive import FolderArchive, ZipArchive
    from seedream_nb.library.database import Database
    from seedream_nb.library.documents import Document
    from seedream_nb.library.image_store import ImageStore


@dataclass(frozen=True)
class Imported:
    """What an import has added to the library: new tasks, and new originals (images at full size).

    `improved` known tasks got missing images; the records of the other `known` ones were left unchanged, though marks
    may have been added. `skipped` has the reasons why files were skipped, each with a count.
    """

    tasks: int
    improved: int
    known: int
    originals: int
    skipped: tuple[tuple[str, int], ...] = ()

    def __str__(self) -> str:
        known = f"; {self.known:,} already known" if self.known else ""
        improved = f"; {self.improved:,} with more images than before" if self.improved else ""
        line = f"{count_of(self.tasks, 'new task')} and {count_of(self.originals, 'new original')}{improved}{known}."
        if not self.skipped:
            return line
        files = count_of(sum(count for _reason, count in self.skipped), "file")
        return f"{line}\n{files} skipped: {', '.join(f'{count:,} {reason}' for reason, count in self.skipped)}."


def import_archive(
    database: Database,
    images: ImageStore,
    source: str | os.PathLike[str],
    keep_image: Callable[[TaskImage, bytes], None],
) -> Imported:
    """Imports an archive; `keep_image` stores an original that has a link, within the library's budget."""
    with read_archive(source) as reader:
        manifest = _read_manifest(reader, source)
        imported = _Import(database, images, reader, keep_image).run()
        with database.writing() as connection:
            add_collections(connection, manifest.get("collections"))
        return imported


class _Import:
    """One import."""

    def __init__(
        self,
        database: Database,
        images: ImageStore,
        reader: FolderArchive | ZipArchive,
        keep_image: Callable[[TaskImage, bytes], None],
    ) -> None:
        self._database = database
        self._images = images
        self._reader = reader
        self._keep_image = keep_image
        names = [name for name in reader.names() if is_ours(name)]
        self._records = [name for name in names if name.startswith("tasks/")]
        self._originals = {name[10:74]: name for name in names if name.startswith("originals/")}
        self._intact: set[str] = set()  # the digests of originals that were read and are what they claim to be
        self._counts: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()

    def run(self) -> Imported:
        for name in self._records:
            with self._skipping():
                self._import_task(read_document(self._reader.read(name)))
        return Imported(
            tasks=self._counts["new"],
            improved=self._counts["improved"],
            known=self._counts["known"],
            originals=self._counts["originals"],
            skipped=tuple(self._skipped.most_common()),
        )

    @contextmanager
    def _skipping(self) -> Iterator[None]:
        """Counts what cannot be accepted, and continues."""
        try:
            yield
        except ImageError:
            self._skipped["not an image"] += 1
        except PartError as problem:
            self._skipped[str(problem)] += 1

    def _import_task(self, document: Document) -> None:
        # Without those that only claim to be images.
        task = document.to_task({digest for digest in document.inline if self._is_available(digest)})
        key = key_of(task.id)
        stored, added = self._compare(task)
        # Images first: a record is never seen without its inline images.
        wanted = document.kept
        if stored is not None:
            items = encode([image.raw for image in added], _digest_of)
            wanted = wanted & inline_digests(stored.record, stored.request, items)
        for digest in sorted(wanted):
            self._import_inline(digest)
        with self._database.writing() as connection:
            stored, added = self._compare(task)  # another kernel may have stored it in the meantime
            if stored is None:
                store_tasks(connection, [task], partial(self._store_inline, connection))
            elif added:
                add_images(connection, stored, added, partial(self._store_inline, connection))
            add_sent_images(connection, key, document.sent)
            self._counts["new" if stored is None else "improved" if added else "known"] += 1
            places = places_of(task if stored is None else stored.read(any_image))
            marks = dict.fromkeys(places, document.task_marks) if document.marks is None else document.marks
            _merge_marks(connection, key, marks)
        self._import_sent(key)
        self._import_links(key, document.links)

    def _import_sent(self, key: str) -> None:
        """Imports the inline reference images of a stored record, and lists the images whose copies they are."""
        stored = self._stored(key)
        if stored is None:
            return  # removed in the meantime
        kept = kept_digests(stored.record, stored.request)
        for digest in sorted({one.digest for one in stored.sent if one.digest} - kept):
            content = None if self._images.has(digest) else self._read_original(digest)
            if content is not None:
                self._images.store_sent(content)
                self._counts["originals"] += 1
        sent = find_sources(stored.sent, self._images.read)
        with self._database.writing() as connection:
            index_sent(connection, key, sent)

    def _compare(self, task: Task) -> tuple[StoredTask | None, list[TaskImage]]:
        """What the library has of a task, and the images that it lacks."""
        stored = self._stored(key_of(task.id))
        return stored, [] if stored is None else missing_images(stored.read(any_image), task)

    def _stored(self, key: str) -> StoredTask | None:
        with self._database.reading() as connection:
            row = connection.execute(f"{STORED} WHERE key = ?", (key,)).fetchone()
        return None if row is None else StoredTask(*row)

    def _import_links(self, key: str, links: dict[str, str]) -> None:
        """Imports the images behind those links that the stored record references."""
        stored = self._stored(key)
        if stored is None:
            return  # removed in the meantime
        own = {image.url for image in stored.read(any_image).images}
        for link in sorted(links.keys() & sources_in(stored.record, stored.request)):
            # Otherwise it is a reference image of the request.
            self._import_linked(link, key if link in own else "", links[link])

    def _store_inline(self, connection: Connection, content: bytes) -> str:
        digest = _digest_of(content)
        is_stand_in = content == stand_in(digest)
        return digest if is_stand_in else self._images.store_inline(connection, content)

    def _is_available(self, digest: str) -> bool:
        # An original is not unpacked again for each record that names it.
        return digest in self._intact or self._images.has(digest) or self._read_original(digest) is not None

    def _import_inline(self, digest: str) -> None:
        content = None if self._images.has(digest) else self._read_original(digest)
        if content is not None:
            with self._database.writing() as connection:
                self._images.store_inline(connection, content)
            self._counts["originals"] += 1

    def _import_linked(self, link: str, task_id: str, digest: str) -> None:
        statement = "SELECT digest, task, place FROM pictures WHERE source = ?"
        with self._database.reading() as connection:
            row = connection.execute(statement, (link,)).fetchone()
        is_stored = self._images.has(digest)
        # What the library itself has seen behind a link is more reliable than what an archive claims.
        if row is not None and (row[0] != digest or is_stored):
            return
        if is_stored and digest in self._intact:
            with self._database.writing() as connection:
                add_link(connection, link, task_id, digest)
            return
        content = self._read_original(digest)
        if content is not None:
            # Only an image that the library itself has fetched is found by its place under another link.
            task_id, place = (task_id, NO_PLACE) if row is None else row[1:]
            self._keep_image(TaskImage(task_id, place, url=link), content)
            self._counts["originals"] += not is_stored

    def _read_original(self, digest: str) -> bytes | None:
        """An image that is what it claims to be; None for any other, which is counted once."""
        name = self._originals.pop(digest, None)
        if name is None:
            return None  # not exported, or rejected before
        # Imported here: only an import needs Pillow.
        from seedream_nb.images.thumbnails import read_facts  # noqa: PLC0415  see above

        with self._skipping():
            content = self._reader.read(name)
            if digest_of(content) != digest:
                raise PartError("altered")
            read_facts(content)
            self._originals[digest] = name
            self._intact.add(digest)
            return content
        return None


def _digest_of(content: bytes) -> str:
    """The digest that a stand-in names, or that of another image."""
    named = content[:DIGITS].decode("ascii", "replace")
    return named if content == stand_in(named) else digest_of(content)


def _read_manifest(reader: FolderArchive | ZipArchive, source: str | os.PathLike[str]) -> dict[str, object]:
    try:
        manifest = read_mapping(read_json(reader.read(MANIFEST)))
    except PartError:
        manifest = {}
    version = read_integer(manifest.get("version"))
    if manifest.get("format") != FORMAT or version is None or version < 1:
        raise UsageError(f"{source} is not an export of a library: its {MANIFEST} is missing.", hint=NAME_AN_EXPORT)
    if version > VERSION:
        raise UsageError(
            f"{source} was exported by a later version of seedream_nb.", hint="Upgrade seedream_nb to import it."
        )
    return manifest


def _merge_marks(connection: Connection, key: str, marks: dict[int, Marks]) -> None:
    """Adds tags and notes to the existing ones; the user's own rating wins, and no image with own marks is rejected."""
    existing = read_marks(connection, [key])
    merged = {}
    for place, other in marks.items():
        own = existing.get((key, place), Marks())
        merged[key, place] = Marks(
            tags=(*own.tags, *other.tags),
            rating=other.rating if own.rating is None else own.rating,
            note=own.note if other.note in own.note else f"{own.note}\n{other.note}",
            rejected=other.rejected if own == Marks() else own.rejected,
        )
    write_marks(connection, merged)
