"""What a run hands out: its table joined with what became of each row, and its images with what is known of them."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

from seedream_nb.core.errors import UsageError
from seedream_nb.library.dataset_items import DatasetItem
from seedream_nb.runs.tables import restore_column

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.library import Library
    from seedream_nb.library.run_store import Entry

RESULTS = ("task_id", "status", "error", "images", "cost", "elapsed")
_TAKE = "take"
_SUFFIX = "_run"
_PAGE = 500  # entries whose tasks are read together
# The types of the results in a pandas frame, and in a Polars one.
_PANDAS = {
    "task_id": "string", "status": "string", "error": "string", "images": "object", "cost": "Float64",
    "elapsed": "Float64", _TAKE: "Int64",
}  # fmt: skip
_POLARS = {
    "task_id": "String", "status": "String", "error": "String", "cost": "Float64", "elapsed": "Float64", _TAKE: "Int64",
}  # fmt: skip
_STATES = {"open": "not sent", "sent": "in progress", "done": "succeeded"}


def make_frame(
    entries: Iterable[Entry],
    library: Library,
    columns: Sequence[str],
    dtypes: Mapping[str, str],
    *,
    kind: str,
    has_takes: bool,
) -> Any:
    """Joins the columns of a table with what became of its rows.

    Args:
        entries: One for each row and take, in order.
        library: Where the tasks and images are.
        columns: The table's columns.
        dtypes: Their types.
        kind: `polars` for such a frame, otherwise that of pandas, or what is installed.
        has_takes: Whether there is a column for the take.

    Raises:
        UsageError: Neither library is installed.
    """
    results = (_TAKE, *RESULTS) if has_takes else RESULTS
    cells: dict[str, list[object]] = {name: [] for name in columns}
    found: dict[str, list[object]] = {name: [] for name in results}
    for page in paged(entries):
        paths = find_paths(page, library)
        for entry in page:
            row = json.loads(entry.cells)
            for name, column in cells.items():
                column.append(row.get(name))
            values = {
                "task_id": entry.task,
                "status": entry.status or _STATES.get(entry.state, entry.state),
                "error": entry.error,
                "images": paths.get(entry.number, []),
                "cost": entry.cost,
                "elapsed": entry.elapsed,
                _TAKE: entry.take,
            }
            for name, column in found.items():
                column.append(values[name])
    names = {name: f"{name}{_SUFFIX}" if name in cells else name for name in results}
    restored = {name: restore_column(column, dtypes.get(name)) for name, column in cells.items()}
    renamed = {names[name]: column for name, column in found.items()}
    own = {names[name]: name for name in results}
    if kind == "polars":
        return _make_polars(restored, renamed, dtypes, own)
    return _make_pandas(restored, renamed, dtypes, own)


def _make_pandas(
    cells: Mapping[str, list[object]],
    found: Mapping[str, list[object]],
    dtypes: Mapping[str, str],
    own: Mapping[str, str],
) -> Any:
    try:
        # Imported here: it is large, and most users never need it.
        import pandas as pd  # noqa: PLC0415  see above
    except ImportError:
        raise UsageError("A data frame requires pandas, which is not installed.", hint="pip install pandas") from None

    def column(values: list[object], dtype: str | None) -> Any:
        try:
            return pd.Series(values, dtype=dtype)
        except (TypeError, ValueError):  # of another library, or no longer that of its cells
            return pd.Series(values)

    return pd.DataFrame(
        {
            **{name: column(values, dtypes.get(name)) for name, values in cells.items()},
            **{name: column(values, _PANDAS[own[name]]) for name, values in found.items()},
        }
    )


def _make_polars(
    cells: Mapping[str, list[object]],
    found: Mapping[str, list[object]],
    dtypes: Mapping[str, str],
    own: Mapping[str, str],
) -> Any:
    import polars as pl  # noqa: PLC0415  whoever passed a frame of it has it

    def column(name: str, values: list[object], dtype: str | None) -> Any:
        kind = getattr(pl, dtype or "", None)
        try:
            return pl.Series(name, values, dtype=kind)
        except (TypeError, ValueError, pl.exceptions.PolarsError):  # no longer the type of its cells
            return pl.Series(name, values, strict=False)

    return pl.DataFrame(
        [
            *(column(name, values, dtypes.get(name)) for name, values in cells.items()),
            *(
                pl.Series(name, values, dtype=pl.List(pl.String))
                if own[name] == "images"
                else column(name, values, _POLARS[own[name]])
                for name, values in found.items()
            ),
        ]
    )


def find_paths(entries: Sequence[Entry], library: Library) -> dict[int, list[str]]:
    """The paths of the originals of finished entries by their numbers, or else the links."""
    tasks = find_tasks(entries, library)
    images = [(number, image) for number, task in tasks.items() for image in task.good_images]
    files = library.find_files([image for _number, image in images])
    found: dict[int, list[str]] = {}
    for (number, image), file in zip(images, files, strict=True):
        place = image.url if file is None else str(file[0])
        if place:
            found.setdefault(number, []).append(place)
    return found


def find_tasks(entries: Sequence[Entry], library: Library) -> dict[int, Task]:
    """The stored tasks of entries by their numbers."""
    ids = {entry.number: entry.task for entry in entries if entry.task}
    found = library.find(list(ids.values()))
    return {number: found[task_id] for number, task_id in ids.items() if task_id in found}


def make_items(entries: Iterable[Entry], library: Library, *, takes: int, has_prompt: bool) -> Iterator[DatasetItem]:
    """One item for each good image of finished entries, in order; read as they are needed.

    `takes` is the number of takes of each row, and `has_prompt` whether the column `prompt` is the prompt.
    """
    for page in paged(entries):
        tasks = find_tasks(page, library)
        images = [
            (entry, image) for entry in page if entry.number in tasks for image in tasks[entry.number].good_images
        ]
        files = library.find_files([image for _entry, image in images])
        for (entry, image), file in zip(images, files, strict=True):
            path, checksum = (None, None) if file is None else (str(file[0]), file[1])
            record = _record_of(entry, tasks[entry.number], image, has_prompt=has_prompt)
            # An image that comes later, as its request failed at first, must not move all others to other files.
            place = ((entry.position or 1) - 1) * takes + entry.take - 1
            yield DatasetItem(image, record, path, checksum, place)


def _record_of(entry: Entry, task: Task, image: TaskImage, *, has_prompt: bool) -> dict[str, object]:
    """What is known of an image: the table's columns, then what it was made with."""
    cells = json.loads(entry.cells)
    known = {
        "prompt": image.prompt or task.prompt,
        "model": image.model or task.model,
        "size": image.size or task.size,
        "seed": image.seed,
        "task_id": task.id,
        "row": entry.position,
        _TAKE: entry.take,
        "created_at": None if task.created_at is None else task.created_at.isoformat(),
        "cost": entry.cost,
    }
    if has_prompt:
        del known["prompt"]
    return {**cells, **{f"{name}{_SUFFIX}" if name in cells else name: value for name, value in known.items()}}


def paged(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Entries in lists of a limited size."""
    given = iter(entries)
    while page := list(itertools.islice(given, _PAGE)):
        yield page
