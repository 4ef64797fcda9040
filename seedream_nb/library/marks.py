"""The marks that users add to tasks: tags, stars and a note, which the service knows nothing about.

But for `peek_tags`, everything here runs within a transaction of the caller, so that marks and the full-text index
never disagree.
"""

from __future__ import annotations

import dataclasses
import sqlite3
import unicodedata
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.core.task_ids import AnyTasks, read_ids
from seedream_nb.library.database import FILE_NAME
from seedream_nb.library.full_text import to_words
from seedream_nb.library.records import key_of, lookup_in, select_in, storable, text_of_marks

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from sqlite3 import Connection

MARKED = "SELECT task FROM tags UNION SELECT task FROM opinions"  # the tasks that are never removed automatically
MOST_STARS = 5
LONGEST_TAG = 100  # characters
_IDS_NAMED = 3  # in a message


@dataclass(frozen=True)
class Marks:
    """The marks of a task: tags in alphabetical order, 1 to 5 stars or None, and a note, which may be empty."""

    tags: tuple[str, ...] = ()
    rating: int | None = None
    note: str = ""


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


def read_marks(connection: Connection, key: str) -> Marks:
    """The marks of a task, whether it is in the library or not."""
    return read_all_marks(connection, [key]).get(key, Marks())


def read_all_marks(connection: Connection, keys: Iterable[str]) -> dict[str, Marks]:
    """The marks of those tasks that have any."""
    wanted = list(keys)
    tags: dict[str, list[str]] = {}
    for task, tag in select_in(connection, "SELECT task, tag FROM tags WHERE task IN", wanted):
        tags.setdefault(task, []).append(tag)
    opinions = select_in(connection, "SELECT task, rating, note FROM opinions WHERE task IN", wanted)
    found = {task: Marks(rating=rating, note=note) for task, rating, note in opinions}
    for task, given in tags.items():
        found[task] = dataclasses.replace(found.get(task, Marks()), tags=tuple(sorted(given)))
    return found


def count_tags(connection: Connection) -> dict[str, int]:
    """The number of tasks with each tag, the most frequent first."""
    statement = "SELECT tag, count(*) FROM tags GROUP BY tag ORDER BY count(*) DESC, tag"
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


def add_tags(connection: Connection, keys: Sequence[str], tags: Iterable[str]) -> None:
    """Tags tasks. A tag that exists in another case keeps its first spelling."""
    for tag in read_tags(tags):
        known = known_tag(connection, tag)
        connection.executemany("INSERT OR IGNORE INTO tags (tag, task) VALUES (?, ?)", [(known, key) for key in keys])
    _index(connection, keys)


def remove_tags(connection: Connection, keys: Sequence[str], tags: Iterable[str]) -> None:
    """Removes tags; tasks that do not have them are left unchanged."""
    for tag in read_tags(tags):
        known = known_tag(connection, tag)
        connection.executemany("DELETE FROM tags WHERE tag = ? AND task = ?", [(known, key) for key in keys])
    _index(connection, keys)


def set_rating(connection: Connection, keys: Sequence[str], stars: int | None) -> None:
    """Rates tasks with 1 to 5 stars; None removes the rating."""
    if stars is not None and (isinstance(stars, bool) or not isinstance(stars, int) or not 1 <= stars <= MOST_STARS):
        raise UsageError(
            f"{shorten(repr(stars))} is not a valid rating.", hint="Use 1 to 5 stars; None removes the rating."
        )
    statement = (
        "INSERT INTO opinions (task, rating) VALUES (?, ?) ON CONFLICT (task) DO UPDATE SET rating = excluded.rating"
    )
    connection.executemany(statement, [(key, stars) for key in keys])
    _drop_empty_opinions(connection)


def set_note(connection: Connection, keys: Sequence[str], text: str) -> None:
    """Replaces the notes of tasks; empty text removes them."""
    note = storable(text).strip()
    statement = "INSERT INTO opinions (task, note) VALUES (?, ?) ON CONFLICT (task) DO UPDATE SET note = excluded.note"
    connection.executemany(statement, [(key, note) for key in keys])
    _drop_empty_opinions(connection)
    _index(connection, keys)


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


def _drop_empty_opinions(connection: Connection) -> None:
    # Whatever has a row here counts as marked, and is never evicted.
    connection.execute("DELETE FROM opinions WHERE rating IS NULL AND note = ''")


def _index(connection: Connection, keys: Sequence[str]) -> None:
    rows = [(to_words(text_of_marks(connection, key)), key) for key in keys]
    connection.executemany("UPDATE words SET marks = ? WHERE rowid = (SELECT number FROM tasks WHERE key = ?)", rows)
