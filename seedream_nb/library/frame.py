"""Why: who makes thousands of pictures wants to count and compare them, and that is what data frames are for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from seedream_nb.core.errors import UsageError
from seedream_nb.library.marks import read_marks
from seedream_nb.library.records import key_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from sqlite3 import Connection

    import pandas as pd

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.library.database import Database

_TEXT, _INTEGER, _NUMBER, _MOMENT = "string", "Int64", "Float64", "datetime64[us, UTC]"
# The columns and how each is kept, so that what is missing is missing in all of them, and no seed becomes a fraction.
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
_SIZE = "SELECT size FROM originals WHERE digest = (SELECT digest FROM pictures WHERE"


def make_frame(database: Database, tasks: Iterable[Task]) -> pd.DataFrame:
    """Makes a table of pictures.

    Args:
        database: The library's database, for what is known beside the tasks.
        tasks: The tasks.

    Returns:
        One row for each picture, and one for each task without any.

    Raises:
        UsageError: pandas is not installed.
        LibraryError: The library cannot be read.
    """
    try:
        # Imported here: most never need it, and it is large.
        import pandas as pd  # noqa: PLC0415  see above
    except ImportError:
        raise UsageError("A table needs pandas, which is not installed.", hint="pip install pandas") from None
    rows = [row for task in tasks for row in _rows_of(database, task)]
    columns = zip(*rows, strict=True) if rows else [()] * len(COLUMNS)
    return pd.DataFrame(
        {
            name: pd.Series(list(values), dtype=dtype)
            for (name, dtype), values in zip(COLUMNS.items(), columns, strict=True)
        }
    )


def _rows_of(database: Database, task: Task) -> Iterator[tuple[Any, ...]]:
    key = key_of(task.id)
    with database.reading() as connection:
        marks = read_marks(connection, key)
        sizes = [_size_of(connection, key, image) for image in task.images]
    said = (marks.rating, marks.tags, marks.note)
    about = (task.status.value, task.created_at, task.elapsed)
    for image, size in zip(task.images, sizes, strict=True):
        what = (image.prompt, image.model, image.size, image.seed)
        yield task.id, image.index, *what, *about, image.url, *said, size
    if not task.images:
        yield task.id, None, task.prompt, task.model, task.size, None, *about, None, *said, None


def _size_of(connection: Connection, key: str, image: TaskImage) -> int | None:
    """The bytes of an original, where it is kept."""
    if image.data is not None:
        return len(image.data)
    row = connection.execute(f"{_SIZE} source = ?)", (image.url,)).fetchone()
    if row is None:
        # The service may give a picture another link when it is asked again.
        row = connection.execute(f"{_SIZE} task = ? AND place = ?)", (key, image.index)).fetchone()
    return None if row is None else int(row[0])
