"""Finds tasks by words, model, date and marks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.library.full_text import to_query
from seedream_nb.library.marks import known_tag
from seedream_nb.library.records import MICROSECONDS, STORED, StoredTask, storable
from seedream_nb.library.schema import MODELS_INDEXED, version_of
from seedream_nb.protocol.capabilities import matches_model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from sqlite3 import Connection

    from seedream_nb.core.models import Task

FIRST_PAGE = 24
TASKS = "tasks"
_MAX_MODELS = 20  # looked up in the index; for more, every record is tested
_NOTHING = "0"  # a condition that no task meets
# Jumps from one model to the next in the index; `DISTINCT` would scan all of it.
_MODELS = """
WITH RECURSIVE kept (model) AS (
    SELECT min(model) FROM tasks
    UNION ALL
    SELECT (SELECT min(model) FROM tasks WHERE model > kept.model) FROM kept WHERE kept.model IS NOT NULL
)
SELECT model FROM kept WHERE model IS NOT NULL
"""


@dataclass(frozen=True)
class Query:
    """What to search for; empty fields match every task. `Library.search` describes them."""

    text: str = ""
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    tags: Sequence[str] = ()
    rating: int | None = None
    status: str | None = None


def search_tasks(
    connection: Connection,
    query: Query,
    find_inline: Callable[[str], bytes | None],
    *,
    limit: int | None = FIRST_PAGE,
    offset: int = 0,
) -> list[Task]:
    """Matching tasks, the newest first; `find_inline` returns the image of a digest."""
    source, conditions, values = _build(connection, query)
    order = "words.rowid" if source != TASKS else "number"
    page = f"FROM {source} WHERE {conditions} ORDER BY {order} DESC LIMIT ? OFFSET ?"
    if source == TASKS:
        # First the numbers, from an index if possible: records are large.
        page = f"FROM tasks WHERE number IN (SELECT number {page}) ORDER BY number DESC"
    statement = STORED.replace("FROM tasks", page)
    rows = connection.execute(statement, (*values, -1 if limit is None else limit, offset)).fetchall()
    return [StoredTask(*row).read(find_inline) for row in rows]


def count_matches(connection: Connection, query: Query) -> int:
    """How many tasks match."""
    source, conditions, values = _build(connection, query)
    return int(connection.execute(f"SELECT count(*) FROM {source} WHERE {conditions}", values).fetchone()[0])  # noqa: S608  our own column names


def _build(connection: Connection, query: Query) -> tuple[str, str, tuple[object, ...]]:
    """The source, the conditions, and their values."""
    words = to_query(query.text)
    # The full-text index has the same order of numbers: the first page is read from its end.
    source = "words CROSS JOIN tasks ON tasks.number = words.rowid" if words else TASKS
    number = "words.rowid" if words else "number"
    conditions: list[tuple[str, object]] = []
    if words:
        conditions.append(("words MATCH ?", words))
    if query.since is not None:
        conditions.append((f"{number} >= ?", int(query.since.timestamp() * MICROSECONDS)))
    if query.until is not None:
        conditions.append((f"{number} < ?", int(query.until.timestamp() * MICROSECONDS)))
    if query.model:
        conditions += _build_model(connection, query.model, has_words=bool(words))
    if query.status:
        conditions.append(("status = ?", query.status))
    if query.rating is not None:
        conditions.append(("key IN (SELECT task FROM opinions WHERE rating >= ?)", query.rating))
    conditions += [("key IN (SELECT task FROM tags WHERE tag = ?)", known_tag(connection, tag)) for tag in query.tags]
    values = tuple(
        storable(one) if isinstance(one, str) else one
        for _condition, value in conditions
        for one in (value if isinstance(value, tuple) else (value,))
    )
    return source, " AND ".join(condition for condition, _value in conditions) or "1", values


def _build_model(connection: Connection, name: str, *, has_words: bool) -> list[tuple[str, object]]:
    """The conditions for a model with their values; none if all tasks match."""
    known_models = [model for (model,) in connection.execute(_MODELS)]
    wanted = [model for model in known_models if matches_model(name, model)]
    if len(wanted) == len(known_models):
        return []
    if not wanted:
        return [(_NOTHING, ())]
    if len(wanted) > _MAX_MODELS:
        connection.create_function("matches_model", 2, matches_model, deterministic=True)
        return [("matches_model(?, tasks.model)", name)]
    models = f"model IN ({', '.join('?' * len(wanted))})"
    if not has_words:
        return [(models, tuple(wanted))]
    # SQLite alone would look up the number, and read each record for its model.
    hint = "INDEXED BY tasks_of_models" if version_of(connection) >= MODELS_INDEXED else ""
    found = f"SELECT 1 FROM tasks AS one {hint} WHERE one.{models} AND one.number = words.rowid"  # noqa: S608  as above
    return [(f"EXISTS ({found})", tuple(wanted))]
