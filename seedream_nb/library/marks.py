"""The marks that users add to images: tags, stars, a note, and rejection, which the service knows nothing about.

An image is known by its task's key and its place there, as its link expires. But for `peek_tags`, everything here runs
within a transaction of the caller, so that marks and the full-text index never disagree.
"""

from __future__ import annotations

import sqlite3
import unicodedata
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.core.models import Task, TaskImage
from seedream_nb.core.task_ids import AnyTasks, flatten, read_ids
from seedream_nb.library.database import FILE_NAME
from seedream_nb.library.full_text import to_words
from seedream_nb.library.records import (
    STORED,
    StoredTask,
    any_image,
    key_of,
    lookup_in,
    places_of,
    select_in,
    storable,
    text_of_marks,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from sqlite3 import Connection
    from typing import TypeAlias

# The tasks that are never removed automatically. Rejecting an image is no reason to preserve it.
MARKED = "SELECT task FROM tags UNION SELECT task FROM opinions WHERE rating IS NOT NULL OR note != ''"
MOST_STARS = 5
LONGEST_TAG = 100  # characters
_IDS_NAMED = 3  # in a message

Place: TypeAlias = "tuple[str, int]"
"""An image: the key of its task, and its index there."""


@dataclass(frozen=True)
class Marks:
    """The marks of an image: tags in alphabetical order, 1 to 5 stars or None, a note, and whether it is rejected."""

    tags: tuple[str, ...] = ()
    rating: int | None = None
    note: str = ""
    rejected: bool = False


def stored_keys(connection: Connection, tasks: AnyTasks) -> list[str]:
    """The keys of tasks that must all be in the library, without duplicates."""
    keys = list(dict.fromkeys(key_of(task_id) for task_id in read_ids(tasks, lookup_in(connection))))
    if not keys:
        raise UsageError("No tasks were given.", hint="Name one or more tasks.")
    known = "SELECT 1 FROM tasks WHERE key = ?"
    missing = [key for key in keys if key != storable(key) or connection.execute(known, (key,)).fetchone() is None]
    if missing:
        named = ", ".join(repr(shorten(key)) for key in missing[:_IDS_NAMED])
        more = f" and {len(missing) - _IDS_NAMED:,} more" if len(missing) > _IDS_NAMED else ""
        raise UsageError(
            f"Not in the library: {named}{more}. Nothing was changed.",
            hint="Tasks are stored when they are fetched; library.search() lists the stored ones.",
        )
    return keys


def stored_places(connection: Connection, what: AnyTasks) -> list[Place]:
    """The places of images, and of all images of tasks; their tasks must all be in the library."""
    given: list[Any] = list(flatten(what))
    keys = [key_of(task_id) for task_id in read_ids(given, lookup_in(connection))]
    stored_keys(connection, given)
    ids = {key for key, one in zip(keys, given, strict=True) if not getattr(one, "images", None)}
    rows = select_in(connection, f"{STORED} WHERE key IN", ids)
    stored = {row[0]: places_of(StoredTask(*row).read(any_image)) for row in rows}
    found: dict[Place, None] = {}
    for key, one in zip(keys, given, strict=True):
        if isinstance(one, TaskImage):
            places = [one.index]
        else:
            # A task may be given with some of its images only.
            places = places_of(one) if isinstance(one, Task) and one.images else stored[key]
        found.update(dict.fromkeys((key, place) for place in places))
    return list(found)


def read_marks(connection: Connection, keys: Iterable[str]) -> dict[Place, Marks]:
    """The marks of those images of tasks that have any."""
    wanted = list(dict.fromkeys(keys))
    tags: dict[Place, list[str]] = {}
    for task, place, tag in select_in(connection, "SELECT task, place, tag FROM tags WHERE task IN", wanted):
        tags.setdefault((task, place), []).append(tag)
    statement = "SELECT task, place, rating, note, rejected FROM opinions WHERE task IN"
    opinions = {(task, place): tuple(rest) for task, place, *rest in select_in(connection, statement, wanted)}
    found = {}
    for one in {**tags, **opinions}:
        rating, note, rejected = opinions.get(one, (None, "", 0))
        found[one] = Marks(tuple(sorted(tags.get(one, ()))), rating, note, bool(rejected))
    return found


def join_marks(marks: Sequence[Marks]) -> Marks:
    """The marks of several images as those of all: each tag and note, the best rating; rejected if all of them are."""
    ratings = [one.rating for one in marks if one.rating is not None]
    return Marks(
        tags=tuple(sorted({tag for one in marks for tag in one.tags})),
        rating=max(ratings, default=None),
        note="\n".join(dict.fromkeys(one.note for one in marks if one.note)),
        rejected=bool(marks) and all(one.rejected for one in marks),
    )


def write_marks(connection: Connection, marks: Mapping[Place, Marks]) -> None:
    """Gives images exactly these marks; their tasks are in the library. Only what changes is written."""
    existing = read_marks(connection, [key for key, _place in marks])
    known: dict[str, str] = {}  # the spelling of each tag
    reworded = []
    for (key, place), wanted in marks.items():
        before = existing.get((key, place), Marks())
        for tag in read_tags(wanted.tags) if wanted.tags else []:
            if _fold(tag) not in known:
                known[_fold(tag)] = known_tag(connection, tag)
        now, then = {known[_fold(tag)] for tag in wanted.tags}, set(before.tags)
        note, rating = _valid_note(wanted.note), _valid_rating(wanted.rating)
        for statement, changed in (
            ("DELETE FROM tags WHERE tag = ? AND task = ? AND place = ?", then - now),
            ("INSERT INTO tags (tag, task, place) VALUES (?, ?, ?)", now - then),
        ):
            connection.executemany(statement, [(tag, key, place) for tag in sorted(changed)])
        if (rating, bool(wanted.rejected), note) != (before.rating, before.rejected, before.note):
            connection.execute(
                "INSERT OR REPLACE INTO opinions (task, place, rating, rejected, note) VALUES (?, ?, ?, ?, ?)",
                (key, place, rating, bool(wanted.rejected), note),
            )
        if now != then or note != before.note:
            reworded.append((key, place))
    _drop_empty_opinions(connection)
    _index(connection, reworded)


def count_tags(connection: Connection) -> dict[str, int]:
    """The number of tasks with each tag, the most frequent first."""
    statement = "SELECT tag, count(DISTINCT task) AS tasks FROM tags GROUP BY tag ORDER BY tasks DESC, tag"
    return dict(connection.execute(statement).fetchall())


def peek_tags(folder: Path) -> dict[str, int]:
    """As `count_tags`, from a library's folder; nothing if that takes creating the library or waiting for others."""
    path = folder / FILE_NAME
    if not path.is_file():
        return {}
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=0)) as connection:
            return count_tags(connection)
    except sqlite3.Error:
        return {}


def add_tags(connection: Connection, places: Iterable[Place], tags: Iterable[str]) -> None:
    """Tags images. A tag that exists in another case keeps its first spelling."""
    _for_each_tag(connection, "INSERT OR IGNORE INTO tags (tag, task, place) VALUES (?, ?, ?)", places, tags)


def remove_tags(connection: Connection, places: Iterable[Place], tags: Iterable[str]) -> None:
    """Removes tags; images that do not have them are left unchanged."""
    _for_each_tag(connection, "DELETE FROM tags WHERE tag = ? AND task = ? AND place = ?", places, tags)


def set_rating(connection: Connection, places: Iterable[Place], stars: int | None) -> None:
    """Rates images with 1 to 5 stars; None removes the rating."""
    _set_opinion(connection, "rating", places, _valid_rating(stars))


def set_rejected(connection: Connection, places: Iterable[Place], *, rejected: bool) -> None:
    """Rejects images, or takes that back."""
    _set_opinion(connection, "rejected", places, int(rejected))


def set_note(connection: Connection, places: Iterable[Place], text: str) -> None:
    """Replaces the notes of images; empty text removes them."""
    changed = list(places)
    _set_opinion(connection, "note", changed, _valid_note(text))
    _index(connection, changed)


def read_tags(tags: Iterable[str]) -> list[str]:
    """Tags as they are stored: composed characters, single spaces, no spaces at the ends."""
    found = [" ".join(unicodedata.normalize("NFC", tag).split()) for tag in tags]
    for tag in found:
        if not tag or len(tag) > LONGEST_TAG or tag != storable(tag):
            raise UsageError(
                f"{shorten(tag)!r} is not a valid tag.",
                hint=f"A tag is one or more words, up to {LONGEST_TAG} characters.",
            )
    if not found:
        raise UsageError("No tag was given.", hint="Name one or more, such as 'favorite'.")
    return found


def known_tag(connection: Connection, tag: str) -> str:
    """A tag in the spelling that the library already has: `Cat` and `cat` are the same tag."""
    wanted = _fold(tag)
    known = (known for (known,) in connection.execute("SELECT DISTINCT tag FROM tags"))
    return next((one for one in known if _fold(one) == wanted), tag)


def _fold(tag: str) -> str:
    return " ".join(unicodedata.normalize("NFC", tag).casefold().split())


def _for_each_tag(connection: Connection, statement: str, places: Iterable[Place], tags: Iterable[str]) -> None:
    changed = list(places)
    for tag in read_tags(tags):
        known = known_tag(connection, tag)
        connection.executemany(statement, [(known, *place) for place in changed])
    _index(connection, changed)


def _set_opinion(connection: Connection, column: str, places: Iterable[Place], value: object) -> None:
    empty = "INSERT OR IGNORE INTO opinions (task, place, rejected, note) VALUES (?, ?, 0, '')"
    changed = list(places)
    connection.executemany(empty, changed)
    update = f"UPDATE opinions SET {column} = ? WHERE task = ? AND place = ?"  # noqa: S608  our own names
    connection.executemany(update, [(value, *place) for place in changed])
    _drop_empty_opinions(connection)


def _valid_rating(stars: int | None) -> int | None:
    if stars is not None and (isinstance(stars, bool) or not isinstance(stars, int) or not 1 <= stars <= MOST_STARS):
        raise UsageError(
            f"{shorten(repr(stars))} is not a valid rating.", hint="Use 1 to 5 stars; None removes the rating."
        )
    return stars


def _valid_note(text: str) -> str:
    return storable(text).strip()


def _drop_empty_opinions(connection: Connection) -> None:
    connection.execute("DELETE FROM opinions WHERE rating IS NULL AND note = '' AND NOT rejected")


def _index(connection: Connection, places: Iterable[Place]) -> None:
    keys = dict.fromkeys(key for key, _place in places)
    rows = [(to_words(text_of_marks(connection, key)), key) for key in keys]
    connection.executemany("UPDATE words SET marks = ? WHERE rowid = (SELECT number FROM tasks WHERE key = ?)", rows)
