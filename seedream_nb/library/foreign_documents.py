"""Why: the file of a task that others have written may say anything; it is read as what it should be, or refused.

Pure functions over bytes.
"""

from __future__ import annotations

import dataclasses
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.coerce import read_integer, read_mapping
from seedream_nb.core.errors import UnreadableAnswerError, UsageError
from seedream_nb.library.archive import PartError
from seedream_nb.library.image_store import INLINE
from seedream_nb.library.inline import SHORTEST, put_back
from seedream_nb.library.marks import MOST_STARS, read_tags
from seedream_nb.library.mentions import sources_in
from seedream_nb.library.records import key_of, storable
from seedream_nb.protocol.responses import read_task

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from seedream_nb.core.coerce import JsonObject
    from seedream_nb.core.models import Task

DIGITS = 64  # of a digest
_MOST_NESTED = 50  # levels of lists and objects
_LONGEST_NOTE = 10_000  # characters
_LONGEST_ID = 200
_DIGEST = re.compile(rf"[0-9a-f]{{{DIGITS}}}")


@dataclass(frozen=True)
class Document:
    """What the file of a task says.

    Attributes:
        task_id: The id, for a record that names none.
        record: The record, with words in the place of pictures that came without a link.
        request: The request, where the record has none.
        links: The digests of pictures, by link.
        inline: The digests of those without a link.
        tags: Its tags, as far as they are some.
        rating: Its stars.
        note: Its note.
    """

    task_id: str
    record: JsonObject
    request: JsonObject | None
    links: dict[str, str]
    inline: set[str]
    tags: list[str]
    rating: int | None
    note: str

    def to_task(self, sound: AbstractSet[str]) -> Task:
        """The task, with those of its pictures that have a link or are among some digests.

        In the place of the latter are stand-ins: together they might not fit into memory.

        Raises:
            PartError: It is no task, or none that is finished.
        """

        def find(digest: str) -> bytes | None:
            return stand_in(digest) if digest in sound else None

        record = put_back(self.record, find)
        whole = record if self.request is None else {**record, "request": put_back(self.request, find)}
        try:
            task = read_task(whole, self.task_id)
        except UnreadableAnswerError:
            raise PartError("no task") from None
        if not key_of(task.id) or len(task.id) > _LONGEST_ID:
            raise PartError("no task")
        if not task.status.is_final:
            raise PartError("not finished")
        return dataclasses.replace(task, raw=record)


def read_document(content: bytes) -> Document:
    """Reads the file of a task.

    Raises:
        PartError: It is none.
    """
    document = read_mapping(read_json(content))
    task_id, record, request = document.get("task_id"), document.get("record"), document.get("request")
    if not isinstance(task_id, str) or not isinstance(record, dict) or not isinstance(request, (dict, type(None))):
        raise PartError("no task")
    sources = sources_in(json.dumps([record, request]))
    tags, rating, note = _read_marks(read_mapping(document.get("marks")))
    return Document(
        task_id=key_of(task_id),
        record=record,
        request=request,
        links={link: digest for link, digest in _read_links(document.get("pictures")) if link in sources},
        inline={source.removeprefix(INLINE) for source in sources if source.startswith(INLINE)},
        tags=tags,
        rating=rating,
        note=note,
    )


def read_json(content: bytes) -> object:
    """Reads JSON that is not nested too deeply for anything that goes through it.

    Raises:
        PartError: It is none, or is.
    """
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise PartError("no JSON") from None
    if _is_nested(value, _MOST_NESTED):
        raise PartError("nested too deeply")
    return value


def stand_in(digest: str) -> bytes:
    """What is taken for a picture where one of this digest belongs."""
    return digest.encode().ljust(SHORTEST)


def _is_nested(value: object, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(not levels or _is_nested(one, levels - 1) for one in inner)


def _read_links(pictures: object) -> list[tuple[str, str]]:
    entries = [read_mapping(entry) for entry in pictures] if isinstance(pictures, list) else []
    links = [(entry.get("link"), entry.get("digest")) for entry in entries]
    return [
        (link, digest)
        for link, digest in links
        if isinstance(link, str) and isinstance(digest, str) and link == storable(link) and _DIGEST.fullmatch(digest)
    ]


def _read_marks(marks: dict[str, object]) -> tuple[list[str], int | None, str]:
    given, stars, note = marks.get("tags"), read_integer(marks.get("rating")), marks.get("note")
    tags = []
    for tag in given if isinstance(given, list) else []:
        with suppress(UsageError):
            tags += read_tags([tag] if isinstance(tag, str) else [])
    rating = stars if stars is not None and 1 <= stars <= MOST_STARS else None
    return tags, rating, storable(note)[:_LONGEST_NOTE].strip() if isinstance(note, str) else ""
