"""A pandas DataFrame of images, to count and compare them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedream_nb.core.errors import UsageError
from seedream_nb.library.image_store import find_digest
from seedream_nb.library.marks import read_marks
from seedream_nb.library.records import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from sqlite3 import Connection

    import pandas as pd

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.library.database import Database

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
    "bytes": _INTEGER,
}


def make_frame(database: Database, tasks: Iterable[Task]) -> pd.DataFrame:
    """One row for each image, and one for each task without images; `Library.to_frame` describes the columns."""
    try:
        # Imported here: it is large, and most users never need it.
        import pandas as pd  # noqa: PLC0415  see above
    except ImportError:
        raise UsageError("A data frame requires pandas, which is not installed.", hint="pip install pandas") from None
    rows = [row for task in tasks for row in _rows_of(database, task)]
    columns = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)
    return pd.DataFrame(
        {
            name: pd.Series(list(values), dtype=dtype)
            for (name, dtype), values in zip(COLUMNS.items(), columns, strict=True)
        }
    )


def _rows_of(database: Database, task: Task) -> Iterator[tuple[Any, ...]]:
    with database.reading() as connection:
        marks = read_marks(connection, key_of(task.id))
        sizes = [_size_of(connection, image) for image in task.images]
    mine = (marks.rating, marks.tags, marks.note)
    about = (task.status.value, task.created_at, task.elapsed)
    for image, size in zip(task.images, sizes, strict=True):
        what = (image.prompt, image.model, image.size, image.seed)
        yield task.id, image.index, *what, *about, image.url, *mine, size
    if not task.images:
        yield task.id, None, task.prompt, task.model, task.size, None, *about, None, *mine, None


def _size_of(connection: Connection, image: TaskImage) -> int | None:
    """The bytes of an original, if it is stored."""
    if image.data is not None:
        return len(image.data)
    statement = "SELECT size FROM originals WHERE digest = ?"
    row = connection.execute(statement, (find_digest(connection, image),)).fetchone()
    return None if row is None else int(row[0])
