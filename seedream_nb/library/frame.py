"""A pandas DataFrame of images, to count and compare them."""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING, NamedTuple

from seedream_nb.core.errors import UsageError
from seedream_nb.library.image_store import find_sizes
from seedream_nb.library.marks import Marks, read_marks
from seedream_nb.library.records import PAGE, key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from sqlite3 import Connection

    import pandas as pd

    from seedream_nb.core.models import Task
    from seedream_nb.library.database import Database
    from seedream_nb.library.spending import Spending

_TEXT, _INTEGER, _NUMBER, _MOMENT = "string", "Int64", "Float64", "datetime64[us, UTC]"
# Each has a type with missing values, so that no seed becomes a fraction.
COLUMNS = {
    "task_id": _TEXT,
    "place": _INTEGER,
    "prompt": _TEXT,
    "model": _TEXT,
    "size": _TEXT,
    "seed": _INTEGER,
    "status": _TEXT,
    "created": _MOMENT,
    "elapsed": _NUMBER,
    "link": _TEXT,
    "rating": _INTEGER,
    "tags": "object",
    "note": _TEXT,
    "rejected": "boolean",
    "bytes": _INTEGER,
}

_SPENDING = {
    "requests": _INTEGER,
    "images": _INTEGER,
    "estimated": _NUMBER,
    "reported": _NUMBER,
    "unknown": _INTEGER,
}


def make_frame(database: Database, tasks: Iterable[Task]) -> pd.DataFrame:
    """One row for each image, and one for each task without images; `Library.to_frame` describes the columns."""
    drafts = (draft for task in tasks for draft in _draft(task))
    rows: list[tuple[object, ...]] = []
    while some := list(itertools.islice(drafts, PAGE)):
        with database.reading() as connection:
            rows += _complete(connection, some)
    return _frame(COLUMNS, rows)


def make_spending_frame(spendings: Iterable[Spending], by: str) -> pd.DataFrame:
    """One row for each sum; `Library.spend` describes the columns."""
    columns = {by: "datetime64[us]" if by == "day" else _TEXT, **_SPENDING}
    return _frame(columns, [dataclasses.astuple(spending) for spending in spendings])


def _frame(columns: Mapping[str, str], rows: Sequence[Sequence[object]]) -> pd.DataFrame:
    try:
        # Imported here: it is large, and most users never need it.
        import pandas as pd  # noqa: PLC0415  see above
    except ImportError:
        raise UsageError("A data frame requires pandas, which is not installed.", hint="pip install pandas") from None
    values = zip(*rows, strict=True) if rows else [()] * len(columns)
    return pd.DataFrame(
        {name: pd.Series(list(column), dtype=columns[name]) for name, column in zip(columns, values, strict=True)}
    )


class _Draft(NamedTuple):
    """A row without what the library knows of it."""

    begin: tuple[object, ...]  # the columns before the link
    key: str  # of the task
    place: int | None = None
    link: str | None = None
    size: int | None = None  # of an inline image


def _draft(task: Task) -> Iterator[_Draft]:
    key = key_of(task.id)
    about = (task.status.value, task.created_at, task.elapsed)
    for image in task.images:
        what = (image.prompt, image.model, image.size, image.seed)
        size = None if image.data is None else len(image.data)
        yield _Draft((task.id, image.index, *what, *about), key, image.index, image.url, size)
    if not task.images:
        yield _Draft((task.id, None, task.prompt, task.model, task.size, None, *about), key)


def _complete(connection: Connection, drafts: list[_Draft]) -> Iterator[tuple[object, ...]]:
    marks = read_marks(connection, [draft.key for draft in drafts])
    sizes = find_sizes(connection, {(draft.link or "", draft.key, draft.place) for draft in drafts})
    for draft in drafts:
        mine = marks.get((draft.key, draft.place or 0), Marks())
        size = sizes.get((draft.link or "", draft.key, draft.place)) if draft.size is None else draft.size
        yield *draft.begin, draft.link, mine.rating, mine.tags, mine.note, mine.rejected, size
