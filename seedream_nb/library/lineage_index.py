"""Which stored image has which source, and which task was made from which source: rows of the table `parents`.

A source is a link, the digest of an inline image, or the place of an image within its task. Rows name sources, not
images: an original that is downloaded later, or an archive that is imported later, still matches. A source is stored
as a number, because links are long. Everything here runs within a transaction of the caller.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from seedream_nb.library.references import INLINE

if TYPE_CHECKING:
    from collections.abc import Iterable
    from sqlite3 import Connection

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.library.references import SentImage

OF_REFERENCE = -1  # the place of a row that stands for a reference image
_DIGEST = re.compile(rb"[0-9a-f]{64}")


def number_of(source: str) -> int:
    """The number that stands for a source: 64 bits of its checksum."""
    checksum = hashlib.blake2b(source.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(checksum, "big", signed=True)


def source_of_place(key: str, place: int) -> str:
    """The source that a copy of an image names, such as one that was drawn on."""
    return f"image:{key}/{place}"


def source_of_image(image: TaskImage) -> str:
    """The source of an image; empty for a failed one. Its data may be its digest as text."""
    if image.data is None:
        return image.url or ""
    is_digest = _DIGEST.fullmatch(image.data) is not None
    return INLINE + (image.data.decode("ascii") if is_digest else hashlib.sha256(image.data).hexdigest())


def sources_of_sent(sent: SentImage) -> list[str]:
    """The sources of a reference image."""
    sources = [sent.link or (INLINE + sent.digest if sent.digest else "")]
    sources += [] if sent.source is None else [source_of_place(*sent.source)]
    return [source for source in sources if source]


def index_sources(connection: Connection, key: str, task: Task, sent: Iterable[SentImage]) -> None:
    """Lists the sources of a task's images, and of its reference images."""
    rows = [(key, number_of(source_of_image(image)), image.index) for image in task.good_images]
    connection.executemany("INSERT OR IGNORE INTO parents (task, parent, place) VALUES (?, ?, ?)", rows)
    index_sent(connection, key, sent)


def index_sent(connection: Connection, key: str, sent: Iterable[SentImage]) -> None:
    """Lists the sources of a task's reference images."""
    rows = [(key, number_of(source), OF_REFERENCE) for one in sent for source in sources_of_sent(one)]
    connection.executemany("INSERT OR IGNORE INTO parents (task, parent, place) VALUES (?, ?, ?)", rows)
