"""Why: among thousands of tasks the wanted ones are found by words, by model, by date, or by what people said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.capabilities import find_model
from seedream_nb.library.records import MICROSECONDS, read_kept, storable
from seedream_nb.library.words import to_query

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from sqlite3 import Connection

    from seedream_nb.models import Task

FIRST_PAGE = 24
TASKS = "tasks"


@dataclass(frozen=True)
class Wanted:
    """Which tasks are looked for; what is left empty does not matter.

    Attributes:
        text: Words of prompt, model, tags or note, as `seedream_nb.library.words.to_query` reads them.
        model: A full model id, a short name such as `4.5`, or a part of the id.
        since: Created at this time or later.
        until: Created before this time.
        tags: All of these.
        rating: Rated so many stars or more.
        status: The word of a state, such as `failed`.
    """

    text: str = ""
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    tags: Sequence[str] = ()
    rating: int | None = None
    status: str | None = None


def search_tasks(
    connection: Connection,
    wanted: Wanted,
    find_inline: Callable[[str], bytes | None],
    *,
    limit: int | None = FIRST_PAGE,
    offset: int = 0,
) -> list[Task]:
    """Finds tasks, the newest first.

    Args:
        connection: A connection.
        wanted: Which.
        find_inline: Gives the picture of a digest.
        limit: How many at most; None for all.
        offset: How many of the newest are passed over.

    Returns:
        The tasks.

    Raises:
        UsageError: There is text, but no word in it.
    """
    source, conditions, values = _spell(wanted)
    order = "words.rowid" if source != TASKS else "number"
    rows = connection.execute(
        f"SELECT key, record, request FROM {source} WHERE {conditions} ORDER BY {order} DESC LIMIT ? OFFSET ?",  # noqa: S608  our own words
        (*values, -1 if limit is None else limit, offset),
    ).fetchall()
    return [read_kept(key, record, request, find_inline) for key, record, request in rows]


def count_tasks(connection: Connection, wanted: Wanted) -> int:
    """How many tasks a search would find in all."""
    source, conditions, values = _spell(wanted)
    return int(connection.execute(f"SELECT count(*) FROM {source} WHERE {conditions}", values).fetchone()[0])  # noqa: S608  as above


def _spell(wanted: Wanted) -> tuple[str, str, tuple[object, ...]]:
    """Where to look, the conditions, and their values."""
    query = to_query(wanted.text)
    # The order of the numbers is that of the index of words, too: the first page is read from its end.
    source = "words CROSS JOIN tasks ON tasks.number = words.rowid" if query else TASKS
    number = "words.rowid" if query else "number"
    conditions: list[tuple[str, object]] = []
    if query:
        conditions.append(("words MATCH ?", query))
    if wanted.since is not None:
        conditions.append((f"{number} >= ?", int(wanted.since.timestamp() * MICROSECONDS)))
    if wanted.until is not None:
        conditions.append((f"{number} < ?", int(wanted.until.timestamp() * MICROSECONDS)))
    if wanted.model:
        known = find_model(wanted.model)
        part = wanted.model.strip().lower()
        conditions.append(("(tasks.model = ? OR instr(lower(tasks.model), ?))", (known, part)))
    if wanted.status:
        conditions.append(("status = ?", wanted.status))
    if wanted.rating is not None:
        conditions.append(("key IN (SELECT task FROM opinions WHERE rating >= ?)", wanted.rating))
    conditions += [("key IN (SELECT task FROM tags WHERE tag = ?)", tag) for tag in wanted.tags]
    values = tuple(
        storable(one) if isinstance(one, str) else one
        for _text, value in conditions
        for one in (value if isinstance(value, tuple) else (value,))
    )
    return source, " AND ".join(text for text, _value in conditions) or "1", values
