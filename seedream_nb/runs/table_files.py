"""Reads tables from files: CSV, JSON, and Parquet. What can't be read exactly as it was meant is rejected."""

from __future__ import annotations

import codecs
import csv
import itertools
import json
import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any

from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.core.text import count_of

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from pathlib import Path

Row = dict[str, Any]
MOST_CHARACTERS = 16 * 2**20  # of a cell in CSV; a reference image of 10 MB as base64 has 14 million
BATCH = 512  # rows that are read at once where rows come in batches

# The longer marks first: that of UTF-32 begins with that of UTF-16.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}
_MOST_HEADER_LINES = 64  # a name may contain line ends; a quote that is never closed must not read all of the file
_QUOTED = re.compile(r'"[^"]*"')
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?")
_TEXT = "string"


@dataclass(frozen=True)
class FileRows:
    """The content of a file.

    Attributes:
        read: Reads the rows as they come; a text in place of a row is what is wrong with it.
        columns: The names of the columns; of JSON lines, those of the first row.
        dtypes: The type of each column, see `Table.dtypes`; known when all rows of a CSV file were read.
    """

    read: Callable[[], Iterator[Row | str]]
    columns: Sequence[str]
    dtypes: dict[str, str] = field(default_factory=dict)


def open_file(path: Path) -> FileRows:
    """Opens a table in a file.

    Raises:
        UsageError: There is no such file, it is of another kind, or it can't be read.
    """
    with _readable(path):
        if path.is_dir():
            raise UsageError(f"{_name(path)} is a folder.", hint="Pass one file; nothing was sent.")
        if not path.exists():
            raise UsageError(
                f"There is no file {_name(path)}.",
                hint=f"It was looked for in {path.absolute().parent}; nothing was sent.",
            )
        opener = _OPENERS.get(path.suffix.lower())
        if opener is None:
            *kinds, last = _OPENERS
            raise UsageError(
                f"{_name(path)} is not a {', '.join(kinds)} or {last} file.",
                hint="Read it into a data frame, for example with pandas, and pass that; nothing was sent.",
            )
        return opener(path)


def _open_csv(path: Path) -> FileRows:
    # Without a limit, an image within a cell would have to be shorter than 131,072 characters. What a user has set to
    # read longer cells stays.
    csv.field_size_limit(max(csv.field_size_limit(), MOST_CHARACTERS))
    with _open_text(path) as file:
        delimiter = "\t" if path.suffix.lower() == ".tsv" else _find_delimiter(file, path)
        file.seek(0)
        _, columns = next(_records(file, delimiter, path), (0, []))
    if not columns:
        raise _empty(path)
    columns = [column.strip() for column in columns]
    dtypes: dict[str, str] = {}
    return FileRows(lambda: _read_csv(path, delimiter, columns, dtypes), columns, dtypes)


def _find_delimiter(file: IO[str], path: Path) -> str:
    """The character that separates the names in the header."""
    header = ""
    for line in itertools.islice(file, _MOST_HEADER_LINES):
        header += line
        if header.strip() and header.count('"') % 2 == 0:
            break
    bare = _QUOTED.sub("", header)
    counts = {delimiter: bare.count(delimiter) for delimiter in _DELIMITERS}
    most = max(counts.values())
    found = [delimiter for delimiter, count in counts.items() if count == most]
    if most and len(found) > 1:
        names = " or ".join(_DELIMITERS[delimiter] for delimiter in found)
        raise UsageError(
            f"{_name(path)} could be separated by {names}: its first line has as many of each.",
            hint="Quote the names that contain one; nothing was sent.",
        )
    return found[0]


def _records(file: Iterable[str], delimiter: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """The records of a CSV file that are not blank, each with the line that it begins on."""
    # Strictly: otherwise a quote that is never closed makes one cell of all that follows.
    reader = csv.reader(file, delimiter=delimiter, strict=True)
    line = 1
    try:
        for record in reader:
            if record:
                yield line, record
            line = reader.line_num + 1
    except csv.Error as problem:
        reason = str(problem)
        if "unexpected end" in reason:
            reason = "a quote is never closed"
        elif "field larger" in reason:
            reason = f"a cell has more than {MOST_CHARACTERS:,} characters"
        raise UsageError(
            f"The row on line {line} of {_name(path)} is not valid CSV: {shorten(reason)}.",
            hint='A quote within a quoted cell is written twice: "a ""quoted"" word"; nothing was sent.',
        ) from None


def _read_csv(path: Path, delimiter: str, columns: Sequence[str], dtypes: dict[str, str]) -> Iterator[Row | str]:
    types: list[str | None] = [None] * len(columns)
    undecided = range(len(columns))  # where the columns are that may be more than text
    with _readable(path), _open_text(path) as file:
        records = _records(file, delimiter, path)
        next(records, None)  # the header
        for _, record in records:
            if len(record) != len(columns):
                yield f"it has {count_of(len(record), 'cell')}, and the header has {count_of(len(columns), 'column')}"
                continue
            if undecided:
                for place in undecided:
                    if record[place]:
                        types[place] = _narrow(types[place], record[place])
                undecided = [place for place in undecided if types[place] != _TEXT]  # type: ignore[assignment]  # a sequence, too
            yield dict(zip(columns, record, strict=True))
    dtypes.update(zip(columns, (kind or _TEXT for kind in types), strict=True))


def _narrow(kind: str | None, cell: str) -> str:
    """The type of a column with one more cell, by pandas' names for types with missing values."""
    if kind in {None, "Int64"} and _INTEGER.fullmatch(cell):
        return "Int64"
    if kind in {None, "Int64", "Float64"} and _NUMBER.fullmatch(cell):
        return "Float64"
    if kind in {None, "boolean"} and cell.lower() in {"true", "false"}:
        return "boolean"
    return _TEXT


def _open_json_lines(path: Path) -> FileRows:
    rows = _read_json_lines(path)
    first = next(rows, None)
    rows.close()
    if first is None:
        raise _empty(path)
    if isinstance(first, str):
        raise UsageError(
            f"{_name(path)} is not JSON lines: of the first row, {first}.",
            hint='Write one object on each line: {"prompt": "a cat"}; nothing was sent.',
        )
    return FileRows(lambda: _read_json_lines(path), tuple(first))


def _empty(path: Path) -> UsageError:
    return UsageError(f"{_name(path)} is empty.", hint="Nothing was sent.")


def _read_json_lines(path: Path) -> Generator[Row | str, None, None]:
    with _readable(path), _open_text(path) as file:
        for line in file:
            if line.strip():
                yield _read_object(line)


def _read_object(line: str) -> Row | str:
    try:
        value = json.loads(line, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError) as problem:
        return f"it is not valid JSON ({shorten(str(problem))})"
    return value if isinstance(value, dict) else f"it is {_json_kind(value)}, not an object"


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice!r} is given twice")
    return found


def _json_kind(value: object) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _open_json(path: Path) -> FileRows:
    with _open_text(path) as file:
        try:
            value = json.load(file, object_pairs_hook=_no_duplicates)
        except (json.JSONDecodeError, RecursionError) as problem:
            raise UsageError(
                f"{_name(path)} is not valid JSON: {shorten(str(problem))}.",
                hint="A file with one object on each line is named .jsonl; nothing was sent.",
            ) from None
    if not isinstance(value, list):
        raise UsageError(
            f"{_name(path)} holds {'an object' if isinstance(value, dict) else _json_kind(value)}, not a list.",
            hint='Write a list of objects: [{"prompt": "a cat"}, …]; nothing was sent.',
        )
    if not value:
        raise _empty(path)
    columns = {name: None for row in value if isinstance(row, dict) for name in row}
    if not columns:
        raise UsageError(
            f"{_name(path)} holds a list without objects.",
            hint='Write a list of objects: [{"prompt": "a cat"}, …]; nothing was sent.',
        )
    return FileRows(
        lambda: (row if isinstance(row, dict) else f"it is {_json_kind(row)}, not an object" for row in value),
        tuple(columns),
    )


def _open_parquet(path: Path) -> FileRows:
    parquet = import_pyarrow("A Parquet file").parquet
    with parquet.ParquetFile(path) as file:
        schema = file.schema_arrow
        dtypes = {name: str(schema.field(place).type) for place, name in enumerate(schema.names)}
    return FileRows(lambda: _read_parquet(path), tuple(schema.names), dtypes)


def _read_parquet(path: Path) -> Iterator[Row]:
    parquet = import_pyarrow("A Parquet file").parquet
    with _readable(path), parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(BATCH):
            yield from batch.to_pylist()


def import_pyarrow(what: str) -> Any:
    """PyArrow, which is optional.

    Raises:
        UsageError: It is not installed.
    """
    try:
        # Imported here: it is large, and most users never need it.
        import pyarrow as pa  # noqa: PLC0415  see above
        import pyarrow.parquet  # noqa: PLC0415  see above
    except ImportError:
        raise UsageError(f"{what} requires PyArrow, which is not installed.", hint="pip install pyarrow") from None
    return pa


_OPENERS: dict[str, Callable[[Path], FileRows]] = {
    ".csv": _open_csv,
    ".tsv": _open_csv,
    ".jsonl": _open_json_lines,
    ".ndjson": _open_json_lines,
    ".json": _open_json,
    ".parquet": _open_parquet,
}


def _open_text(path: Path) -> IO[str]:
    with path.open("rb") as file:
        start = file.read(4)
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if start.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in start:
        raise UsageError(
            f"{_name(path)} is not text in UTF-8.", hint="It may be UTF-16: save it as UTF-8; nothing was sent."
        )
    return path.open(encoding=encoding, newline="")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turns what can go wrong while a file is read into one clear error."""
    try:
        yield
    except UnicodeDecodeError as problem:
        raise _not_utf8(path, problem) from None
    except UsageError:
        raise
    except OSError as problem:
        raise UsageError(
            f"{_name(path)} can't be read: {shorten(problem.strerror or str(problem))}.", hint="Nothing was sent."
        ) from None
    except ValueError as problem:  # PyArrow's errors are of this class
        raise UsageError(f"{_name(path)} can't be read: {shorten(str(problem))}.", hint="Nothing was sent.") from None


def _not_utf8(path: Path, problem: UnicodeDecodeError) -> UsageError:
    # Guessing the encoding could pay for a wrong prompt.
    if problem.encoding not in {"utf-8", "utf-8-sig"}:
        return UsageError(
            f"{_name(path)} is damaged: its first bytes announce {problem.encoding.upper()}, and it is not.",
            hint="Save it as UTF-8; nothing was sent.",
        )
    byte = f"0x{problem.object[problem.start]:02X}"
    return UsageError(
        f"{_name(path)} is not UTF-8: line {_find_bad_line(path):,} has the byte {byte}.",
        hint="Save it as UTF-8 (in Excel: CSV UTF-8), or read it with pandas.read_csv(…, encoding=…) and pass "
        "the frame; nothing was sent.",
    )


def _find_bad_line(path: Path) -> int:
    with path.open("rb") as file:
        return next((number for number, line in enumerate(file, start=1) if not _is_utf8(line)), 1)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _name(path: Path) -> str:
    return shorten(path.name)
