"""The file of a task in an archive from elsewhere: read as what it should be, or rejected. Pure functions on bytes."""

from __future__ import annotations

import dataclasses
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.errors import UnreadableAnswerError, UsageError
from seedream_nb.core.foreign import read_integer, read_mapping
from seedream_nb.library.archive import PartError
from seedream_nb.library.marks import MOST_STARS, Marks, read_tags
from seedream_nb.library.records import MAX_IMAGES, key_of, storable
from seedream_nb.library.references import (
    MIN_IMAGE_LENGTH,
    SentImage,
    inline_digests,
    kept_digests,
    restore_images,
    sent_images,
    sources_in,
)
from seedream_nb.protocol.responses import read_task

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from seedream_nb.core.foreign import JsonObject
    from seedream_nb.core.models import Task

DIGITS = 64  # of a digest
_MAX_DEPTH = 50  # levels of lists and objects
_LONGEST_NOTE = 10_000  # characters
_LONGEST_ID = 200
_DIGEST = re.compile(rf"[0-9a-f]{{{DIGITS}}}")


@dataclass(frozen=True)
class Document:
    """The content of a task's file."""

    task_id: str  # for a record without an id
    record: JsonObject  # with placeholders for inline images
    request: JsonObject | None  # None if the record includes it
    links: dict[str, str]  # the digests of images by link
    inline: set[str]  # the digests of inline images
    kept: set[str]  # those of them that cannot be had from anywhere else
    sent: list[SentImage]  # the reference images of its request
    task_marks: Marks  # as far as they are valid; of all images, in an archive of an earlier version
    marks: dict[int, Marks] | None  # of images by their places; None in an archive of an earlier version

    def to_task(self, available: AbstractSet[str]) -> Task:
        """The task, without the inline images whose digests are not available.

        Stand-ins replace the others: together they might not fit into memory.
        """

        def find(digest: str) -> bytes | None:
            return stand_in(digest) if digest in available else None

        record = restore_images(self.record, find)
        whole = record if self.request is None else {**record, "request": restore_images(self.request, find)}
        try:
            task = read_task(whole, self.task_id)
        except UnreadableAnswerError:
            raise PartError("not a task") from None
        if not key_of(task.id) or len(task.id) > _LONGEST_ID:
            raise PartError("not a task")
        if not task.status.is_final:
            raise PartError("not finished")
        return dataclasses.replace(task, raw=record)


def read_document(content: bytes) -> Document:
    """Reads the file of a task; raises a `PartError` if it is something else."""
    document = read_mapping(read_json(content))
    task_id, record, request = document.get("task_id"), document.get("record"), document.get("request")
    if not isinstance(task_id, str) or not isinstance(record, dict) or not isinstance(request, (dict, type(None))):
        raise PartError("not a task")
    text = json.dumps([record, request])
    sources = sources_in(text)
    return Document(
        task_id=key_of(task_id),
        record=record,
        request=request,
        links={link: digest for link, digest in _read_links(document.get("pictures")) if link in sources},
        inline=inline_digests(text),
        kept=kept_digests(text),
        sent=sent_images(read_mapping(record.get("request")) if request is None else request),
        task_marks=_read_marks(read_mapping(document.get("marks"))),
        marks=_read_image_marks(document.get("image_marks")),
    )


def read_json(content: bytes) -> object:
    """Reads JSON, unless it is nested too deeply for later processing."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise PartError("not JSON") from None
    if _is_nested(value, _MAX_DEPTH):
        raise PartError("nested too deeply")
    return value


def stand_in(digest: str) -> bytes:
    """What replaces the inline image of this digest: long enough to be taken for an image."""
    return digest.encode().ljust(MIN_IMAGE_LENGTH)


def _is_nested(value: object, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(not levels or _is_nested(one, levels - 1) for one in inner)


def _read_links(entries: object) -> list[tuple[str, str]]:
    mappings = map(read_mapping, entries) if isinstance(entries, list) else ()
    links = [(entry.get("link"), entry.get("digest")) for entry in mappings]
    return [
        (link, digest)
        for link, digest in links
        if isinstance(link, str) and isinstance(digest, str) and link == storable(link) and _DIGEST.fullmatch(digest)
    ]


def _read_image_marks(entries: object) -> dict[int, Marks] | None:
    if not isinstance(entries, list):
        return None
    mappings = [read_mapping(entry) for entry in entries]
    places = [(read_integer(entry.get("place")), entry) for entry in mappings]
    return {place: _read_marks(entry) for place, entry in places if place is not None and 0 <= place < MAX_IMAGES}


def _read_marks(marks: dict[str, object]) -> Marks:
    given, stars, note = marks.get("tags"), read_integer(marks.get("rating")), marks.get("note")
    tags: list[str] = []
    for tag in given if isinstance(given, list) else []:
        with suppress(UsageError):
            tags += read_tags([tag] if isinstance(tag, str) else [])
    rating = stars if stars is not None and 1 <= stars <= MOST_STARS else None
    text = storable(note)[:_LONGEST_NOTE].strip() if isinstance(note, str) else ""
    return Marks(tuple(tags), rating, text, marks.get("rejected") is True)
