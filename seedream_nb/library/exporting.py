"""Writes tasks, marks and originals to an archive: files that any program can read, without user ids."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_nb.core.foreign import finite
from seedream_nb.core.redaction import redact
from seedream_nb.core.text import count_of, format_size
from seedream_nb.library.archive import MANIFEST, write_archive
from seedream_nb.library.collections import read_collections, to_json
from seedream_nb.library.files import digest_of
from seedream_nb.library.image_store import find_digest
from seedream_nb.library.marks import join_marks, read_marks
from seedream_nb.library.records import newest_keys, scan_some, select_in
from seedream_nb.library.references import INLINE, inline_digests, sources_in

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from sqlite3 import Connection

    from seedream_nb.core.foreign import JsonObject
    from seedream_nb.core.models import Task
    from seedream_nb.library.archive import FolderArchive, ZipArchive
    from seedream_nb.library.database import Database
    from seedream_nb.library.image_store import ImageStore
    from seedream_nb.library.marks import Marks
    from seedream_nb.library.records import StoredTask
    from seedream_nb.library.search import Query

FORMAT = "seedream-library"
VERSION = 1
_PLAIN_NAME = re.compile(r"[0-9a-z-]{1,100}")


@dataclass(frozen=True)
class Exported:
    """What an export has written to a folder or zip: records, images at full size, and the bytes of these.

    Of the missing images, which are not stored, the records hold the links.
    """

    path: Path
    tasks: int
    originals: int
    size: int
    missing: int = 0

    def __str__(self) -> str:
        tasks, originals = count_of(self.tasks, "task"), count_of(self.originals, "original")
        line = f"{tasks} and {originals} ({format_size(self.size)}) in {self.path}"
        if not self.missing:
            return line
        return f"{line}\n{count_of(self.missing, 'original')} not stored; the records hold only their links."


def export_tasks(
    database: Database, images: ImageStore, target: str | os.PathLike[str], keys: Sequence[str] | None
) -> Exported:
    """Writes tasks and their originals, as `Library.export` describes it; None as keys means all tasks."""
    collections: dict[str, Query] = {}
    if keys is None:
        with database.reading() as connection:
            keys = newest_keys(connection)[::-1]
            collections = read_collections(connection)
    with write_archive(target) as writer:
        sizes: dict[str, int] = {}  # of the originals written so far, by digest
        tasks = missing = 0
        for stored in scan_some(database, keys):
            with database.reading() as connection:
                task = stored.read(str.encode)
                links = _links_of(connection, stored, task)
                document = _describe(connection, stored, links)
                digests = sorted({*links.values(), *inline_digests(stored.record, stored.request)})
                names = select_in(connection, "SELECT digest, name FROM originals WHERE digest IN", digests)
            for digest, name in sorted(names):
                if digest not in sizes and (size := _write_original(writer, images, digest, name)) is not None:
                    sizes[digest] = size
            _write_json(writer, f"tasks/{_name_of(stored.key)}.json", document)
            tasks += 1
            # An inline image was read as its digest.
            wanted = [links.get(image.url or "") or (image.data or b"").decode() for image in task.good_images]
            missing += sum(digest not in sizes for digest in wanted)
        manifest: JsonObject = {"format": FORMAT, "version": VERSION, "tasks": tasks, "originals": len(sizes)}
        if collections:
            manifest["collections"] = {name: to_json(query) for name, query in collections.items()}
        _write_json(writer, MANIFEST, manifest)
    return Exported(Path(target).expanduser(), tasks, len(sizes), sum(sizes.values()), missing)


def _describe(connection: Connection, stored: StoredTask, links: dict[str, str]) -> JsonObject:
    marks = {place: marks for (_key, place), marks in sorted(read_marks(connection, [stored.key]).items())}
    return redact(
        {
            "task_id": stored.key,
            "record": json.loads(stored.record),
            "request": None if stored.request is None else json.loads(stored.request),
            "marks": _describe_marks(join_marks(list(marks.values()))),  # for earlier versions
            "image_marks": [
                {"place": place, **_describe_marks(one), "rejected": one.rejected} for place, one in marks.items()
            ],
            "pictures": [{"link": link, "digest": digest} for link, digest in sorted(links.items())],
        }
    )


def _describe_marks(marks: Marks) -> JsonObject:
    return {"tags": list(marks.tags), "rating": marks.rating, "note": marks.note}


def _links_of(connection: Connection, stored: StoredTask, task: Task) -> dict[str, str]:
    """The digests of the images behind the links of a record."""
    sources = sources_in(stored.record, stored.request)
    rows = select_in(connection, "SELECT source, digest FROM pictures WHERE source IN", sources)
    links: dict[str, str] = {source: digest for source, digest in rows if not source.startswith(INLINE)}
    for image in task.good_images:
        digest = find_digest(connection, image)
        if image.url is not None and digest is not None:
            links.setdefault(image.url, digest)
    return links


def _write_original(writer: FolderArchive | ZipArchive, images: ImageStore, digest: str, name: str) -> int | None:
    """Writes an original, and returns its size in bytes; None if it is damaged or missing."""
    content = images.originals.read(name)
    if content is None or digest_of(content) != digest:
        return None
    writer.write(f"originals/{name}", content)
    return len(content)


def _name_of(key: str) -> str:
    return key if _PLAIN_NAME.fullmatch(key) else digest_of(key.encode())


def _write_json(writer: FolderArchive | ZipArchive, name: str, value: JsonObject) -> None:
    text = json.dumps(finite(value), ensure_ascii=False, indent=2, allow_nan=False)
    # Lone halves of surrogate pairs become the escapes that JSON has for them.
    writer.write(name, text.encode("utf-8", "backslashreplace"))
