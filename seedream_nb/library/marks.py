"""Why: what people say of a task is theirs: tags, stars and a note, which the service knows nothing of.

Everything here runs within one transaction of the caller's, so that a mark and the index of words never disagree.
"""

from __future__ import annotations

import dataclasses
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.library.records import key_of, marks_of
from seedream_nb.library.words import to_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from sqlite3 import Connection

    from seedream_nb.library.search import Wanted

MARKED = "SELECT task FROM tags UNION SELECT task FROM opinions"  # the tasks that nothing may remove by itself
MOST_STARS = 5
LONGEST_TAG = 100  # characters
_IDS_NAMED = 3  # in a sentence


@dataclass(frozen=True)
class Marks:
    """What people say of a task.

    Attributes:
        tags: Its tags, in alphabetical order.
        rating: Stars, 1 to 5; None when it is not rated.
        note: A note; empty when there is none.
    """

    tags: tuple[str, ...] = ()
    rating: int | None = None
    note: str = ""


def keys_of_kept(connection: Connection, task_ids: Iterable[str] | str) -> list[str]:
    """The keys of some tasks, all of which have to be kept.

    Args:
        connection: A connection.
        task_ids: Ids of tasks; one id alone is taken, too.

    Returns:
        Their keys, each once.

    Raises:
        UsageError: Some are not kept, or there is none at all.
    """
    given = [task_ids] if isinstance(task_ids, str) else list(task_ids)
    keys = list(dict.fromkeys(key_of(task_id) for task_id in given))
    if not keys:
        raise UsageError("No task is named.", hint="Name one or more task ids.")
    known = "SELECT 1 FROM tasks WHERE key = ?"
    missing = [key for key in keys if not _is_sound(key) or connection.execute(known, (key,)).fetchone() is None]
    if missing:
        named = ", ".join(repr(shorten(key)) for key in missing[:_IDS_NAMED])
        more = f" and {len(missing) - _IDS_NAMED:,} more" if len(missing) > _IDS_NAMED else ""
        raise UsageError(
            f"Not in the library: {named}{more}. Nothing was changed.",
            hint="Tasks are kept when they are fetched; library.search() lists those that are.",
        )
    return keys


def read_marks(connection: Connection, key: str) -> Marks:
    """What people say of a task that is kept, or is not."""
    tags = connection.execute("SELECT tag FROM tags WHERE task = ? ORDER BY tag", (key,)).fetchall()
    opinion = connection.execute("SELECT rating, note FROM opinions WHERE task = ?", (key,)).fetchone()
    rating, note = opinion or (None, "")
    return Marks(tuple(tag for (tag,) in tags), rating, note)


def count_tags(connection: Connection) -> dict[str, int]:
    """How many tasks have each tag, the most frequent first."""
    question = "SELECT tag, count(*) FROM tags GROUP BY tag ORDER BY count(*) DESC, tag"
    return dict(connection.execute(question).fetchall())


def add_tags(connection: Connection, keys: Sequence[str], tags: Iterable[str]) -> None:
    """Tags tasks. A tag that is known in another case keeps the spelling that came first."""
    for tag in read_tags(tags):
        known = spell_tag(connection, tag)
        connection.executemany("INSERT OR IGNORE INTO tags (tag, task) VALUES (?, ?)", [(known, key) for key in keys])
    _index(connection, keys)


def remove_tags(connection: Connection, keys: Sequence[str], tags: Iterable[str]) -> None:
    """Takes tags away; tasks that do not have them stay as they are."""
    for tag in read_tags(tags):
        known = spell_tag(connection, tag)
        connection.executemany("DELETE FROM tags WHERE tag = ? AND task = ?", [(known, key) for key in keys])
    _index(connection, keys)


def set_rating(connection: Connection, keys: Sequence[str], stars: int | None) -> None:
    """Rates tasks with 1 to 5 stars, or takes their rating away.

    Raises:
        UsageError: It is another number.
    """
    if stars is not None and (isinstance(stars, bool) or not isinstance(stars, int) or not 1 <= stars <= MOST_STARS):
        raise UsageError(f"{shorten(repr(stars))} is no rating.", hint="Rate with 1 to 5 stars; None takes them away.")
    statement = (
        "INSERT INTO opinions (task, rating) VALUES (?, ?) ON CONFLICT (task) DO UPDATE SET rating = excluded.rating"
    )
    connection.executemany(statement, [(key, stars) for key in keys])
    _drop_empty_opinions(connection)


def set_note(connection: Connection, keys: Sequence[str], text: str) -> None:
    """Writes a note to tasks, in the place of the one they have; an empty one takes it away."""
    note = text.encode("utf-8", "replace").decode("utf-8").strip()
    statement = "INSERT INTO opinions (task, note) VALUES (?, ?) ON CONFLICT (task) DO UPDATE SET note = excluded.note"
    connection.executemany(statement, [(key, note) for key in keys])
    _drop_empty_opinions(connection)
    _index(connection, keys)


def read_tags(tags: Iterable[str]) -> list[str]:
    """Tags as they are kept: composed characters, single spaces, none at the ends.

    Raises:
        UsageError: There is none, or one is empty or too long.
    """
    found = [" ".join(unicodedata.normalize("NFC", tag).split()) for tag in tags]
    for tag in found:
        if not tag or len(tag) > LONGEST_TAG or not _is_sound(tag):
            raise UsageError(
                f"{shorten(tag)!r} is no tag.", hint=f"A tag is a word or a few, up to {LONGEST_TAG} characters."
            )
    if not found:
        raise UsageError("No tag is named.", hint="Name one or more, such as 'favourite'.")
    return found


def spell_tag(connection: Connection, tag: str) -> str:
    """A tag in the spelling that the library has it in: `Cat` and `cat` are one tag."""
    wanted = _fold(tag)
    known = (known for (known,) in connection.execute("SELECT DISTINCT tag FROM tags"))
    return next((one for one in known if _fold(one) == wanted), tag)


def spell_tags(connection: Connection, wanted: Wanted) -> Wanted:
    """What is looked for, with its tags in the library's spelling."""
    return dataclasses.replace(wanted, tags=[spell_tag(connection, tag) for tag in wanted.tags])


def _fold(tag: str) -> str:
    return " ".join(unicodedata.normalize("NFC", tag).casefold().split())


def _is_sound(text: str) -> bool:
    """Whether SQLite can hold it: half of a surrogate pair is no text."""
    return text == text.encode("utf-8", "replace").decode("utf-8")


def _drop_empty_opinions(connection: Connection) -> None:
    # Whatever has a row here counts as marked, and is never evicted.
    connection.execute("DELETE FROM opinions WHERE rating IS NULL AND note = ''")


def _index(connection: Connection, keys: Sequence[str]) -> None:
    rows = [(to_words(marks_of(connection, key)), key) for key in keys]
    connection.executemany("UPDATE words SET marks = ? WHERE rowid = (SELECT number FROM tasks WHERE key = ?)", rows)
