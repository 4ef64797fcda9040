"""Finds tasks by words, model, date and marks."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from seedream_nb.library.full_text import to_query
from seedream_nb.library.marks import Marks, known_tag, read_marks
from seedream_nb.library.records import (
    MICROSECONDS,
    STORED,
    DamagedRecordError,
    StoredTask,
    any_image,
    places_of,
    select_in,
    storable,
)
from seedream_nb.library.schema import MODELS_INDEXED, version_of
from seedream_nb.protocol.capabilities import matches_model

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from sqlite3 import Connection

    from seedream_nb.core.models import Task, TaskImage

FIRST_PAGE = 24
TASKS = "tasks"
_MAX_MODELS = 20  # looked up in the index; for more, every record is tested
_UNMARKED = Marks()
_REJECTED = "SELECT task, place FROM opinions WHERE rejected"
_ALL_REJECTED = """
SELECT task FROM opinions JOIN tasks ON key = task WHERE rejected
GROUP BY task HAVING count(*) >= count_places(key, record, request)
"""
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


# The best rating of any image; tasks without one come last.
_BEST = "(SELECT max(rating) FROM opinions WHERE task = key)"


class SearchOrder(str, Enum):
    """The order of what a search finds; the newest first among equals."""

    NEWEST = "newest"
    RATING = "rating"


@dataclass(frozen=True)
class Query:
    """What to search for; empty fields match every task. `Library.search` describes them.

    One image must have all the marks, and only such images of a task are found.
    """

    text: str = ""
    model: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    tags: Sequence[str] = ()
    rating: int | None = None
    status: str | None = None
    rejected: bool | None = None
    sort: SearchOrder | None = None  # the newest first

    @property
    def needs_marks(self) -> bool:
        """Whether it depends on marks."""
        return bool(self.tags) or self.rating is not None or self.rejected is not None

    def to_options(self) -> dict[str, Any]:
        """The search as arguments of `Library.search`."""
        return {**vars(self), "sort": self.sort and self.sort.value}

    def narrow(self, other: Query) -> Query:
        """This search with the conditions of another one, which replace the same ones; words and tags are added."""
        changes = {name: value for name, value in vars(other).items() if value not in (None, "", ())}
        changes["text"] = " ".join(filter(None, (self.text, other.text)))
        changes["tags"] = (*self.tags, *other.tags)
        return dataclasses.replace(self, **changes)


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
    number = "words.rowid" if source != TASKS else "number"
    order = f"{_BEST} DESC, {number}" if query.sort is SearchOrder.RATING else number
    # First the numbers, from an index if possible: records are large.
    page = f"SELECT {number} FROM {source} WHERE {conditions} ORDER BY {order} DESC LIMIT ? OFFSET ?"  # noqa: S608  our own words
    rows = connection.execute(page, (*values, -1 if limit is None else limit, offset)).fetchall()
    numbers = [number for (number,) in rows]
    found = {row[3]: StoredTask(*row) for row in select_in(connection, f"{STORED} WHERE number IN", numbers)}
    stored = [found[number] for number in numbers]
    tasks = [one.read(find_inline) for one in stored]
    if not query.needs_marks:
        return tasks
    marks = read_marks(connection, [one.key for one in stored])
    matches = _marks_condition(connection, query)
    return [
        _with_images(task, [image for image in task.images if matches(marks.get((one.key, image.index), _UNMARKED))])
        for task, one in zip(tasks, stored, strict=True)
    ]


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
    conditions += _build_marks(connection, query)
    values = tuple(
        storable(one) if isinstance(one, str) else one
        for _condition, value in conditions
        for one in (value if isinstance(value, tuple) else (value,))
    )
    return source, " AND ".join(condition for condition, _value in conditions) or "1", values


def _build_marks(connection: Connection, query: Query) -> list[tuple[str, object]]:
    """The conditions that one image must meet together."""
    parts: list[tuple[str, tuple[object, ...]]] = []
    if query.rating is not None:
        parts.append(("SELECT task, place FROM opinions WHERE rating >= ?", (query.rating,)))
    parts += [("SELECT task, place FROM tags WHERE tag = ?", (known_tag(connection, tag),)) for tag in query.tags]
    if query.rejected:
        parts.append((_REJECTED, ()))
    wanted = " INTERSECT ".join(part for part, _values in parts)
    values = tuple(value for _part, some in parts for value in some)
    if query.rejected is False and parts:
        wanted += f" EXCEPT {_REJECTED}"
    if parts:
        return [(f"key IN (SELECT task FROM ({wanted}))", values)]  # noqa: S608  as above
    if query.rejected is False:
        # Only the records of tasks with rejected images are read.
        connection.create_function("count_places", 3, _count_places, deterministic=True)
        return [(f"key NOT IN ({_ALL_REJECTED})", ())]
    return []


def _count_places(key: str, record: str, request: str | None) -> int:
    try:
        return len(places_of(StoredTask(key, record, request).read(any_image)))
    except DamagedRecordError:
        return 1


def _marks_condition(connection: Connection, query: Query) -> Callable[[Marks], bool]:
    tags = {known_tag(connection, tag) for tag in query.tags}

    def matches(marks: Marks) -> bool:
        return (
            tags <= set(marks.tags)
            and (query.rating is None or (marks.rating or 0) >= query.rating)
            and (query.rejected is None or marks.rejected == query.rejected)
        )

    return matches


def _with_images(task: Task, images: Sequence[TaskImage]) -> Task:
    """A task with some of its images; layers belong together."""
    is_whole = len(images) == len(task.images) or task.layers or not images
    return task if is_whole else dataclasses.replace(task, images=tuple(images))


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
