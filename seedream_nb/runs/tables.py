"""Opens what holds a run's rows: data frames, files, lists and dicts, and generators, which are read as they go."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from datetime import date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.runs.problems import Problems
from seedream_nb.runs.table_files import BATCH, Row, import_pyarrow, open_file

Kind = Literal["pandas", "polars", "other"]
ROW_HINT = "Nothing was sent. Rows are counted from 1, without the header."

_ACCEPTED = (
    "Pass a data frame, a list of dicts, a dict of columns, a generator of dicts, "
    "or the path of a CSV, JSON lines, or Parquet file; nothing was sent."
)
_UNPRINTABLE = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\ud800-\\udfff\\ufffd]")
_PLAIN = frozenset({str, int, bool, type(None)})
_MISSING = frozenset({"NAType", "NaTType"})  # pandas.NA and pandas.NaT


class Table:
    """Rows with named cells, read as they go.

    Args:
        read: Reads the rows; a text in place of a row is what is wrong with it.
        columns: The columns as far as they are known.
        kind: The library that the table belongs to.
        base: The folder that relative paths refer to; None means the working directory.
        dtypes: As below.
        is_one_shot: Whether the rows can be read only once.

    Attributes:
        kind: `pandas`, `polars`, or `other`.
        base: The folder that relative paths in its cells refer to: that of its file, or else the working directory.
        dtypes: The type of each column, for `restore_column`: of a data frame by its library's own name; of a CSV file
            by pandas' name of the type that all of its cells have, known after they were read. Columns without a type
            are missing.

    Example:
        >>> table = open_table([{"color": "red", "seed": 7.0}, {"color": "blue", "seed": float("nan")}])
        >>> table.columns, list(table)
        (('color', 'seed'), [{'color': 'red', 'seed': 7.0}, {'color': 'blue', 'seed': None}])
    """

    def __init__(
        self,
        read: Callable[[], Iterable[Row | str]],
        columns: Iterable[str] = (),
        *,
        kind: Kind = "other",
        base: Path | None = None,
        dtypes: Mapping[str, str] | None = None,
        is_one_shot: bool = False,
    ) -> None:
        self.kind = kind
        self.base = base or Path.cwd()
        self.dtypes: Mapping[str, str] = {} if dtypes is None else dtypes
        self._read = read
        self._columns: dict[str, None] = {}
        self._add_columns(columns)
        self._is_one_shot = is_one_shot
        self._was_read = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns; of a generator and of JSON lines, those seen so far."""
        return tuple(self._columns)

    def __iter__(self) -> Iterator[Row]:
        """Yields the rows with plain Python values; what is missing (None, NaN, NaT, pandas.NA) is None.

        Raises:
            UsageError: Some are not valid; it is raised when all were read, and names them.
        """
        problems = Problems()
        number = 0
        for number, row in self.rows(problems):  # noqa: B007  the last one counts
            yield row
        problems.check(max(number, problems.last), ROW_HINT)

    def rows(self, problems: Problems) -> Iterator[tuple[int, Row]]:
        """Yields each row with its number from 1; those that are not valid are added to the problems instead."""
        if self._is_one_shot and self._was_read:
            raise UsageError("The generator has been read before.", hint="Create it again, and pass it once.")
        self._was_read = True
        names = self._columns.keys()
        for number, row in enumerate(self._read(), start=1):
            if isinstance(row, str):
                problems.add(number, row)
                continue
            if row.keys() != names:
                self._add_columns(row)
            yield number, {name: cell if type(cell) in _PLAIN else _simplify(cell) for name, cell in row.items()}

    def _add_columns(self, names: Iterable[object]) -> None:
        for name in names:
            if name not in self._columns:
                _check_column(name, len(self._columns) + 1)
                self._columns[str(name)] = None


def open_table(source: object) -> Table:
    """Opens a table; no row is read but the first of a generator. The source is never changed.

    Args:
        source: A data frame of pandas, Polars, PyArrow, or any other library that Narwhals knows; anything that exports
            Arrow data, speaks the dataframe interchange protocol, or has `to_dict`; a list of dicts; a dict of columns;
            a generator of dicts; or the path of a `.csv`, `.tsv`, `.jsonl`, `.ndjson`, `.json`, or `.parquet` file.

    Returns:
        The table.

    Raises:
        UsageError: It is none of these, can't be read, is empty, or its columns have no names of their own.

    Example:
        >>> open_table({"prompt": ["a cat", "a dog"]}).columns
        ('prompt',)
    """
    if isinstance(source, Table):
        return source
    if isinstance(source, (str, os.PathLike)):
        return _open_path(source)
    if isinstance(source, Mapping):
        return _open_columns(source)
    is_frame = not isinstance(source, (list, tuple, Iterator)) or hasattr(source, "__arrow_c_stream__")
    if is_frame and (table := _open_frame(source)):
        return table
    if isinstance(source, Iterable) and not isinstance(source, (bytes, bytearray, memoryview)):
        return _open_rows(source)
    raise _unsupported(source)


def _unsupported(source: object) -> UsageError:
    return UsageError(f"The type {type(source).__name__} is not a table.", hint=_ACCEPTED)


def _open_path(source: str | os.PathLike[str]) -> Table:
    text = os.fspath(source)
    if not isinstance(text, str) or "\n" in text or "\0" in text:
        raise UsageError("The text is not the path of a file.", hint=_ACCEPTED)
    if "://" in text:
        raise UsageError(
            f"{shorten(text)} is not a file on this machine.",
            hint="Read it with pandas or Polars, and pass the data frame; nothing was sent.",
        )
    path = Path(os.path.expanduser(text))  # noqa: PTH111  unlike that of Path, it leaves an unknown user alone
    file = open_file(path)
    _check_columns(file.columns)
    return Table(file.read, file.columns, base=path.absolute().parent, dtypes=file.dtypes)


def _open_columns(source: Mapping[Any, Any]) -> Table:
    columns = {name: _cells_of(name, cells) for name, cells in source.items()}
    if not columns:
        raise UsageError(
            "The dict has no columns.", hint='Pass columns: {"prompt": ["a cat", "a dog"]}; nothing was sent.'
        )
    lengths = {name: len(cells) for name, cells in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(
            f"{shorten(str(name))} has {length:,}" for name, length in itertools.islice(lengths.items(), 5)
        )
        raise UsageError(f"The columns have different lengths: {shown}.", hint="Nothing was sent.")
    names = tuple(columns)
    return Table(lambda: (dict(zip(names, cells, strict=True)) for cells in zip(*columns.values(), strict=True)), names)


def _cells_of(name: object, cells: Any) -> Any:
    if isinstance(cells, Mapping):  # as the to_dict() of pandas has them
        return list(cells.values())
    if isinstance(cells, (str, bytes)) or not isinstance(cells, Iterable) or not isinstance(cells, Sized):
        raise UsageError(
            f"The column {shorten(str(name))} is not a list.",
            hint='Pass columns: {"prompt": ["a cat", "a dog"]}; nothing was sent.',
        )
    return cells


def _open_frame(source: Any) -> Table | None:
    """The table of a data frame, None for anything else."""
    import narwhals as nw  # noqa: PLC0415  only here it is needed

    try:
        frame = nw.from_native(source, pass_through=True, allow_series=True)
    except nw.exceptions.DuplicateError:
        _check_columns(list(source.columns))
        raise
    if isinstance(frame, nw.Series):
        raise UsageError(
            "A single column is not a table.", hint='Name it: series.to_frame("prompt"); nothing was sent.'
        )
    if isinstance(frame, nw.LazyFrame):
        frame = frame.collect()
    if isinstance(frame, nw.DataFrame):
        return _open_narwhals(frame)
    if hasattr(source, "__arrow_c_stream__") or hasattr(source, "__dataframe__"):
        return _open_arrow(source)
    if hasattr(source, "to_dict") and not _yields_rows(source):
        return open_table(source.to_dict())
    return None


def _open_narwhals(frame: Any) -> Table:
    columns = list(frame.columns)
    _check_columns(columns)
    native = frame.to_native()
    if frame.implementation.is_pandas():
        kind: Kind = "pandas"
        types = list(native.dtypes)
    elif frame.implementation.is_polars():
        kind, types = "polars", list(native.dtypes)
    else:
        kind, types = "other", [frame.schema[name] for name in columns]
    dtypes = dict(zip(columns, map(str, types), strict=True))

    def read() -> Iterator[Row]:
        return (dict(zip(columns, cells, strict=True)) for cells in frame.iter_rows(buffer_size=BATCH))

    return Table(read, columns, kind=kind, dtypes=dtypes)


def _open_arrow(source: Any) -> Table:
    """The table of what exports Arrow data, read in batches, or else speaks the dataframe interchange protocol."""
    pa = import_pyarrow(f"A table of the type {type(source).__name__}")
    if hasattr(source, "__arrow_c_stream__"):
        reader = pa.RecordBatchReader.from_stream(source)
    else:
        from pyarrow.interchange import from_dataframe  # noqa: PLC0415  as above

        reader = from_dataframe(source).to_reader(BATCH)
    _check_columns(reader.schema.names)
    dtypes = {field.name: str(field.type) for field in reader.schema}

    def read() -> Iterator[Row]:
        for batch in reader:
            for start in range(0, batch.num_rows, BATCH):
                yield from batch.slice(start, BATCH).to_pylist()

    return Table(read, reader.schema.names, dtypes=dtypes, is_one_shot=True)


def _yields_rows(source: object) -> bool:
    """Whether an object that is no iterator yields mappings."""
    return isinstance(source, Iterable) and isinstance(next(iter(source), None), Mapping)


def _open_rows(source: Iterable[Any]) -> Table:
    is_one_shot = isinstance(source, Iterator)
    rows, first = _peek(source)
    if first is None:
        raise UsageError("The table has no rows.", hint="Nothing was sent.")
    if not isinstance(first, Mapping):
        raise UsageError(
            f"The rows of the table are of the type {type(first).__name__}.",
            hint='Pass dicts: [{"prompt": "a cat"}, {"prompt": "a dog"}]; nothing was sent.',
        )
    # The rows of a list are there already, those of others come as they are read.
    known = source if isinstance(source, Sequence) else [first]
    columns = {name: None for row in known if isinstance(row, Mapping) for name in row}

    def read() -> Iterator[Row | str]:
        return map(_as_row, rows if is_one_shot else source)

    return Table(read, columns, is_one_shot=is_one_shot)


def _peek(rows: Iterable[Any]) -> tuple[Any, object]:
    """All of the rows, and the first, which is None if there are none."""
    iterator = iter(rows)
    first = next(iterator, None)
    return itertools.chain([first], iterator), first


def _as_row(row: object) -> Row | str:
    if isinstance(row, dict):
        return row
    return dict(row) if isinstance(row, Mapping) else f"it is of the type {type(row).__name__}, not a dict"


def _check_columns(names: Sequence[object]) -> None:
    if not names:
        raise UsageError("The table has no columns.", hint="Nothing was sent.")
    for place, name in enumerate(names, start=1):
        _check_column(name, place)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"Two columns are named {shorten(str(twice))}.", hint="Rename one; nothing was sent.")


def _check_column(name: object, place: int) -> None:
    if not isinstance(name, str):
        raise UsageError(
            f"The name of column {place} is {shorten(repr(name))}, which is not text.",
            hint='Name the columns with text, for example df.columns = ["prompt", …]; nothing was sent.',
        )
    if not name.strip():
        raise UsageError(f"Column {place} has no name.", hint="Name or remove it; nothing was sent.")
    if _UNPRINTABLE.search(name):
        raise UsageError(
            f"The name of column {place} ({shorten(repr(name))}) has characters that can't be printed.",
            hint="Rename it. If it looks garbled, the file is not UTF-8; nothing was sent.",
        )


def _simplify(cell: Any) -> Any:
    """A cell as a plain Python value, None if it is missing."""
    kind = type(cell)
    if kind is float:
        return cell if cell == cell else None  # NaN is not equal to itself  # noqa: PLR0124
    if kind.__name__ in _MISSING or (isinstance(cell, Decimal) and cell.is_nan()):
        return None
    plain = cell
    if isinstance(cell, Enum):
        plain = cell.value
    elif isinstance(cell, str):  # of a class of its own
        plain = str.__str__(cell)
    elif hasattr(cell, "as_py"):  # a scalar of PyArrow
        plain = cell.as_py()
    elif hasattr(cell, "dtype") and hasattr(cell, "tolist"):  # NumPy
        return _simplify_array(cell)
    return plain if plain is cell or type(plain) in _PLAIN else _simplify(plain)


def _simplify_array(cell: Any) -> Any:
    if getattr(cell.dtype, "kind", "") in "mM" and not getattr(cell, "ndim", 0):
        text = str(cell)
        return None if text == "NaT" else text
    plain = cell.tolist()
    return list(map(_simplify, plain)) if isinstance(plain, list) else _simplify(plain)


def _read_switch(text: str) -> bool:
    return text.lower() == "true"


def _read_seconds(seconds: float) -> timedelta:
    return timedelta(seconds=seconds)


# How the cells of a column are read back from what JSON can hold, by how the name of its type begins.
_RESTORERS: tuple[tuple[str, type, Callable[[Any], object]], ...] = (
    ("int64", str, int),
    ("float64", str, float),
    ("boolean", str, _read_switch),
    ("datetime", str, datetime.fromisoformat),
    ("timestamp", str, datetime.fromisoformat),
    ("date", str, date.fromisoformat),
    ("timedelta", float, _read_seconds),
    ("duration", float, _read_seconds),
    ("time", str, time.fromisoformat),
    ("decimal", str, Decimal),
)


def restore_column(cells: Iterable[object], dtype: str | None) -> list[object]:
    """The values of a column from its stored cells, see `seedream_nb.runs.row_requests`.

    Args:
        cells: The cells as they are stored.
        dtype: The column's type, by `Table.dtypes`.

    Returns:
        Integers, dates, and so on, with None where a cell is empty. Cells that are not of the type stay as they are.

    Example:
        >>> restore_column(["7", "", "12"], "Int64"), restore_column(["007"], "string")
        ([7, None, 12], ['007'])
    """
    name = (dtype or "").lower()
    found = next(((kind, restore) for start, kind, restore in _RESTORERS if name.startswith(start)), None)
    return list(cells) if found is None else [_restore(cell, *found) for cell in cells]


def _restore(cell: object, kind: type, restore: Callable[[Any], object]) -> object:
    if not isinstance(cell, kind):
        return cell
    if cell == "":
        return None
    try:
        return restore(cell)
    except (ValueError, OverflowError, InvalidOperation):
        return cell
