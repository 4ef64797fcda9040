"""Why: what is kept is the user's own: it can be taken along, and handed to others, in files that any program reads.

What tells who asked does not go along.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_nb.core.redaction import redact
from seedream_nb.core.sizes import format_size
from seedream_nb.core.text import count_of
from seedream_nb.library.archive import MANIFEST, write_parcel
from seedream_nb.library.files import digest_of
from seedream_nb.library.image_store import INLINE
from seedream_nb.library.marks import read_marks
from seedream_nb.library.mentions import inline_in, sources_in
from seedream_nb.library.records import read_kept
from seedream_nb.library.scan import scan_all, scan_some

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence
    from sqlite3 import Connection

    from seedream_nb.core.coerce import JsonObject
    from seedream_nb.core.models import Task
    from seedream_nb.library.archive import Writer
    from seedream_nb.library.database import Database
    from seedream_nb.library.image_store import ImageStore
    from seedream_nb.library.scan import Kept

FORMAT = "seedream-library"
VERSION = 1
_PLAIN_NAME = re.compile(r"[0-9a-z-]{1,100}")


@dataclass(frozen=True)
class Exported:
    """What was written.

    Attributes:
        path: The folder or zip.
        tasks: How many records are in it.
        originals: How many pictures at full size.
        size: The bytes of these.
        missing: How many pictures are not kept; their links stand in the records.
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
        return f"{line}\n{count_of(self.missing, 'original')} more: not kept, only their links are in the records."


def export_tasks(
    database: Database, images: ImageStore, target: str | os.PathLike[str], keys: Sequence[str] | None
) -> Exported:
    """Writes tasks and their originals to a folder or a zip.

    Args:
        database: The library's database.
        images: Its images.
        target: Where to, as `write_parcel` takes it.
        keys: Of which tasks; None for all.

    Returns:
        What was written.

    Raises:
        UsageError: It cannot be written there.
        LibraryError: The library cannot be read.
    """
    with write_parcel(target) as writer:
        sizes: dict[str, int] = {}  # of the originals that are written, by digest
        tasks = missing = 0
        for kept in scan_all(database) if keys is None else scan_some(database, keys):
            with database.reading() as connection:
                task = read_kept(kept.key, kept.record, kept.request, str.encode)
                links = _links_of(connection, kept, task)
                document = _describe(connection, kept, links)
                wanted = {**_names_of(connection, {*links.values(), *inline_in(kept.record, kept.request)})}
            for digest, name in wanted.items():
                if digest not in sizes and _write_original(writer, images, digest, name):
                    sizes[digest] = images.originals.path(name).stat().st_size
            writer.write(f"tasks/{_name_of(kept.key)}.json", _spell(document))
            tasks += 1
            # A picture that stands within its record was read as its digest.
            digests = [links.get(image.url or "") or (image.data or b"").decode() for image in task.good_images]
            missing += sum(digest not in sizes for digest in digests)
        manifest = {"format": FORMAT, "version": VERSION, "tasks": tasks, "originals": len(sizes)}
        writer.write(MANIFEST, _spell(manifest))
    return Exported(Path(target).expanduser(), tasks, len(sizes), sum(sizes.values()), missing)


def _describe(connection: Connection, kept: Kept, links: dict[str, str]) -> JsonObject:
    marks = read_marks(connection, kept.key)
    return redact(
        {
            "task_id": kept.key,
            "record": json.loads(kept.record),
            "request": None if kept.request is None else json.loads(kept.request),
            "marks": {"tags": list(marks.tags), "rating": marks.rating, "note": marks.note},
            "pictures": [{"link": link, "digest": digest} for link, digest in sorted(links.items())],
        }
    )


def _links_of(connection: Connection, kept: Kept, task: Task) -> dict[str, str]:
    """The digests of the pictures behind the links of a record."""
    links = {}
    for source in sources_in(kept.record) | sources_in(kept.request or ""):
        row = connection.execute("SELECT digest FROM pictures WHERE source = ?", (source,)).fetchone()
        if row is not None and not source.startswith(INLINE):
            links[source] = row[0]
    for image in task.good_images:
        place = (kept.key, image.index)
        row = connection.execute("SELECT digest FROM pictures WHERE task = ? AND place = ?", place).fetchone()
        if row is not None and image.url is not None:
            # The service has given it another link since.
            links.setdefault(image.url, row[0])
    return links


def _names_of(connection: Connection, digests: set[str]) -> dict[str, str]:
    rows = (
        connection.execute("SELECT digest, name FROM originals WHERE digest = ?", (digest,)).fetchone()
        for digest in sorted(digests)
    )
    return {row[0]: row[1] for row in rows if row is not None}


def _write_original(writer: Writer, images: ImageStore, digest: str, name: str) -> bool:
    content = images.originals.read(name)
    if content is None or digest_of(content) != digest:
        return False
    writer.write(f"originals/{name}", content)
    return True


def _name_of(key: str) -> str:
    return key if _PLAIN_NAME.fullmatch(key) else digest_of(key.encode())


def _spell(value: object) -> bytes:
    # A lone half of a surrogate pair becomes the escape that JSON has for it.
    return json.dumps(value, ensure_ascii=False, indent=2).encode("utf-8", "backslashreplace")
