"""Why: among thousands of tasks the wanted ones are found by words, by model, by date, or by what people said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.library import schema
from seedream_nb.library.records import MICROSECONDS, read_kept, storable
from seedream_nb.library.words import to_query
from seedream_nb.protocol.capabilities import find_model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from sqlite3 import Connection

    from seedream_nb.core.models import Task

FIRST_PAGE = 24
TASKS = "tasks"
_MOST_MODELS = 20  # that are looked up in the index; of more, each record is looked at
_NOTHING = "0"  # the condition that no task fulfils
# From one model to the next in the index; `DISTINCT` would go through all of it.
_MODELS = """
WITH RECURSIVE kept (model) AS (
    SELECT min(model) FROM tasks
    UNION ALL
    SELECT (SELECT min(model) FROM tasks WHERE model > kept.model) FROM kept WHERE kept.model IS NOT NULL
)
SELECT model FROM kept WHERE model IS NOT NULL
"""


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
    source, conditions, values = _spell(connection, wanted)
    order = "words.rowid" if source != TASKS else "number"
    page = f"FROM {source} WHERE {conditions} ORDER BY {order} DESC LIMIT ? OFFSET ?"
    if source == TASKS:
        # First the numbers, out of an index where one has them: records are large.
        page = f"FROM tasks WHERE number IN (SELECT number {page}) ORDER BY number DESC"
    rows = connection.execute(
        f"SELECT key, record, request {page}",
        (*values, -1 if limit is None else limit, offset),
    ).fetchall()
    return [read_kept(key, record, request, find_inline) for key, record, request in rows]


def count_matches(connection: Connection, wanted: Wanted) -> int:
    """How many tasks a search would find in all."""
    source, conditions, values = _spell(connection, wanted)
    return int(connection.execute(f"SELECT count(*) FROM {source} WHERE {conditions}", values).fetchone()[0])  # noqa: S608  our own words


def _spell(connection: Connection, wanted: Wanted) -> tuple[str, str, tuple[object, ...]]:
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
        conditions += _spell_model(connection, wanted.model, is_among_words=bool(query))
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


def _spell_model(connection: Connection, name: str, *, is_among_words: bool) -> list[tuple[str, object]]:
    """The conditions for a model, with their values: none when all tasks are of it."""
    known, part = storable(find_model(name)), storable(name.strip().lower())
    kept = [model for (model,) in connection.execute(_MODELS)]
    wanted = [model for model in kept if model == known or part in model.lower()]
    if len(wanted) == len(kept):
        return []
    if not wanted:
        return [(_NOTHING, ())]
    if len(wanted) > _MOST_MODELS:
        return [("(tasks.model = ? OR instr(lower(tasks.model), ?))", (known, part))]
    models = f"model IN ({', '.join('?' * len(wanted))})"
    if not is_among_words:
        return [(models, tuple(wanted))]
    # By itself, SQLite would look for the number, and read each record for its model.
    hint = "INDEXED BY tasks_of_models" if schema.version_of(connection) >= schema.MODELS_INDEXED else ""
    found = f"SELECT 1 FROM tasks AS one {hint} WHERE one.{models} AND one.number = words.rowid"  # noqa: S608  as above
    return [(f"EXISTS ({found})", tuple(wanted))]
