"""Tables of every kind become the same rows, or one clear error; nothing is guessed, no more is read than needed."""

import csv
import io
import itertools
import json
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seedream_nb import UsageError
from seedream_nb.runs.cells import store_cells
from seedream_nb.runs.table_files import MOST_CHARACTERS
from seedream_nb.runs.tables import Table, open_table, restore_column

# Python 3.10 reads no NUL from a CSV file.
TEXT = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=0 if sys.version_info >= (3, 11) else 1))
ROWS: list[dict[str, object]] = [{"color": "red", "count": 1}, {"color": None, "count": 2}]


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def message_of(source: object) -> str:
    """The one error of opening and reading a table."""
    with pytest.raises(UsageError) as caught:
        list(open_table(source))
    assert "nothing was sent" in str(caught.value).lower() or "pip install" in str(caught.value)
    return caught.value.message


# CSV


@pytest.fixture(scope="session")
def csv_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables") / "table.csv"


@given(
    cells=st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=5),
    delimiter=st.sampled_from(",;\t"),
    end=st.sampled_from(["\r\n", "\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
)
def test_what_is_written_is_read(  # noqa: PLR0917  hypothesis passes all by name
    csv_file: Path, cells: list[tuple[str, str]], delimiter: str, end: str, quoting: Any, encoding: str
) -> None:
    if end == "\n":  # older versions of the writer leave a carriage return without quotes then
        cells = [(first.replace("\r", ""), second.replace("\r", "")) for first, second in cells]
    with csv_file.open("w", encoding=encoding, newline="") as file:
        writer = csv.writer(file, delimiter=delimiter, lineterminator=end, quoting=quoting)
        writer.writerows([("prompt", "a, b; c"), *cells] if quoting == csv.QUOTE_ALL else [("prompt", "note"), *cells])
    table = open_table(csv_file)
    assert [tuple(row.values()) for row in table] == cells
    assert table.base == csv_file.parent


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("prompt", ("prompt",)),
        ("prompt,note", ("prompt", "note")),
        ("prompt;note, long;size", ("prompt", "note, long", "size")),
        ("prompt;note, long", None),
        ("prompt\tnote;more", None),
        ('"a;b;c",note', ("a;b;c", "note")),
        (" prompt , note ", ("prompt", "note")),
        ('"two\nlines, both",note', None),
    ],
)
def test_the_header_decides_the_delimiter(tmp_path: Path, header: str, columns: tuple[str, ...] | None) -> None:
    path = write(tmp_path, "table.csv", f"{header}\n")
    if columns is None:
        message_of(path)
    else:
        assert open_table(path).columns == columns


def test_tsv_is_separated_by_tabs(tmp_path: Path) -> None:
    assert list(open_table(write(tmp_path, "t.tsv", "a,b\tc\n1,2\t3\n"))) == [{"a,b": "1,2", "c": "3"}]


def test_blank_lines_are_no_rows(tmp_path: Path) -> None:
    assert list(open_table(write(tmp_path, "t.csv", '\nprompt\n\na 5" cat\n\n"a ""red"" dog"\n'))) == [
        {"prompt": 'a 5" cat'},
        {"prompt": 'a "red" dog'},
    ]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "cp437", "shift_jis"])
def test_another_encoding_is_not_guessed(tmp_path: Path, encoding: str) -> None:
    text = "プロンプト" if encoding == "shift_jis" else "café"
    path = write(tmp_path, "cats.csv", f"prompt\na cat\n{text}\na dog\n".encode(encoding))
    message = message_of(path)
    assert message.startswith("cats.csv is not UTF-8: line 3 has the byte 0x")


def test_utf16_without_a_mark_is_not_guessed(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", "prompt\na cat\n".encode("utf-16-le"))
    assert message_of(path) == "t.csv is not text in UTF-8."


def test_damaged_utf16(tmp_path: Path) -> None:
    assert "is damaged" in message_of(write(tmp_path, "t.csv", "prompt\na cat\n".encode("utf-16")[:-1]))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "t.csv is empty."),
        ("\n\n", "t.csv is empty."),
        ("a,a\n1,2\n", "Two columns are named a."),
        ("a,\n1,2\n", "Column 2 has no name."),
        ("a,b\n1\n1,2\n1,2,3\n1\n", "3 of 4 rows can't be sent."),
        ('a\n"never closed\nb\n', "The row on line 2 of t.csv is not valid CSV: a quote is never closed."),
        ('a\nb\n"c" d\n', "The row on line 3 of t.csv is not valid CSV"),
        ('"a\nb\n', "The row on line 1 of t.csv is not valid CSV: a quote is never closed."),
        ("a,b;c\n", "t.csv could be separated by commas or semicolons"),
        ("a\x01b\n", "The name of column 1 ('a\\x01b') has characters"),
    ],
)
def test_what_is_no_table_in_csv(tmp_path: Path, content: str, expected: str) -> None:
    assert message_of(write(tmp_path, "t.csv", content)).startswith(expected)


def test_rows_of_another_length_are_all_named(tmp_path: Path) -> None:
    path = write(tmp_path, "t.csv", "a,b\n1,2\na cat, on a mat, asleep\n1,2\na, b, c\n1\n")
    assert message_of(path) == (
        "3 of 5 rows can't be sent.\n"
        "Rows 2 and 4: it has 3 cells, and the header has 2 columns.\n"
        "Row 5: it has 1 cell, and the header has 2 columns."
    )


def test_a_cell_of_ten_megabytes(tmp_path: Path) -> None:
    big = "x" * 10_000_000
    assert list(open_table(write(tmp_path, "t.csv", f"a,b\n1,{big}\n"))) == [{"a": "1", "b": big}]
    too_big = "x" * (MOST_CHARACTERS + 1)
    assert "a cell has more than" in message_of(write(tmp_path, "t.csv", f"a,b\n1,{too_big}\n"))


def test_the_types_of_csv_columns_are_for_giving_them_back(tmp_path: Path) -> None:
    columns = {
        "whole": (["7", "", "-12"], "Int64", [7, None, -12]),
        "code": (["007", "12", "3"], "string", ["007", "12", "3"]),
        "fraction": (["1.5", "2", ""], "Float64", [1.5, 2.0, None]),
        "flag": (["true", "FALSE", ""], "boolean", [True, False, None]),
        "text": (["", "a", "1"], "string", ["", "a", "1"]),
        "empty": (["", "", ""], "string", ["", "", ""]),
        "long": (["12345678901234567890", "1", "2"], "string", ["12345678901234567890", "1", "2"]),
        "science": (["1e5", "2e5", "3e5"], "string", ["1e5", "2e5", "3e5"]),
    }
    buffer = io.StringIO()
    csv.writer(buffer).writerows([columns, *zip(*(cells for cells, _, _ in columns.values()), strict=True)])
    table = open_table(write(tmp_path, "t.csv", buffer.getvalue()))
    rows = list(table)
    assert [row["code"] for row in rows] == ["007", "12", "3"]
    assert all(isinstance(cell, str) for row in rows for cell in row.values())
    assert table.dtypes == {name: dtype for name, (_, dtype, _) in columns.items()}
    for name, (cells, dtype, restored) in columns.items():
        assert restore_column(cells, dtype) == restored
        pd.Series(restored, dtype=table.dtypes[name])  # pandas knows the names


# Other files


def test_json_lines_are_read_as_they_come(tmp_path: Path) -> None:
    lines = ['{"prompt": "a\u2028cat", "tags": ["x"]}', "", '{"prompt": "a dog", "size": "4K", "weight": NaN}']
    for name in ("t.jsonl", "t.ndjson"):
        table = open_table(write(tmp_path, name, "\r\n".join(lines)))
        assert list(table.columns) == ["prompt", "tags"]
        assert list(table) == [
            {"prompt": "a\u2028cat", "tags": ["x"]},
            {"prompt": "a dog", "size": "4K", "weight": None},
        ]
        assert list(table.columns) == ["prompt", "tags", "size", "weight"]


def test_a_json_list(tmp_path: Path) -> None:
    table = open_table(write(tmp_path, "t.json", json.dumps([{"a": 1}, {"b": [1, 2]}]).encode("utf-8-sig")))
    assert (table.columns, list(table)) == (("a", "b"), [{"a": 1}, {"b": [1, 2]}])


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("t.jsonl", "", "t.jsonl is empty."),
        ("t.jsonl", "[1]", "t.jsonl is not JSON lines: of the first row, it is a list, not an object."),
        ("t.jsonl", "{", "t.jsonl is not JSON lines: of the first row, it is not valid JSON"),
        ("t.jsonl", '{"a": 1}\n{"a": 1, "a": 2}', "Row 2: it is not valid JSON ('a' is given twice)."),
        ("t.jsonl", '{"a": 1}\n7\n"x"\nnull\n7', "4 of 5 rows can't be sent.\nRows 2 and 5: it is a number"),
        ("t.jsonl", b'{"a": 1}\n{"a": "\xff"}', "t.jsonl is not UTF-8: line 2 has the byte 0xFF."),
        ("t.json", "[]", "t.json is empty."),
        ("t.json", '{"a": [1]}', "t.json holds an object, not a list."),
        ("t.json", '{"a": 1}\n{"a": 2}', "t.json is not valid JSON"),
        ("t.json", '[{"a": 1, "a": 2}]', "t.json can't be read: 'a' is given twice."),
        ("t.json", "[" * 100_000, "t.json is not valid JSON"),
        ("t.json", "[1]", "t.json holds a list without objects."),
        ("t.json", '[{"a": 2}, 1]', "Row 2: it is a number, not an object."),
        ("t.parquet", "PAR1 but not really", "t.parquet can't be read"),
        ("t.parquet", "", "t.parquet can't be read"),
        ("t.xlsx", "PK", "t.xlsx is not a .csv, .tsv, .jsonl, .ndjson, .json or .parquet file."),
        ("t", "a\n1\n", "t is not a .csv"),
    ],
)
def test_what_is_no_table_in_a_file(tmp_path: Path, name: str, content: str | bytes, expected: str) -> None:
    assert message_of(write(tmp_path, name, content)).startswith(expected)


def test_files_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert message_of("none.csv") == "There is no file none.csv."
    assert message_of(tmp_path) == f"{tmp_path.name} is a folder."
    assert message_of("https://example.org/t.csv").startswith("https://example.org/t.csv is not a file on this machine")
    assert message_of("prompt\na cat\n") == "The text is not the path of a file."
    assert message_of("~nobody-of-this-name/t.csv") == "There is no file t.csv."
    assert "can't be read" in message_of("x" * 5000 + ".csv")


def test_parquet_is_read_in_batches(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    moment = datetime(2026, 11, 22, 9, tzinfo=timezone.utc)
    table = pa.table({"n": list(range(3000)), "at": [moment] * 3000, "none": [None, float("nan"), 1.5] * 1000})
    pq.write_table(table, path)
    opened = open_table(path)
    rows = list(opened)
    assert (len(rows), rows[1], rows[2]["none"]) == (3000, {"n": 1, "at": moment, "none": None}, 1.5)
    assert opened.dtypes == {"n": "int64", "at": "timestamp[us, tz=UTC]", "none": "double"}
    assert opened.base == tmp_path
    pq.write_table(pa.table([[1], [2]], names=["a", "a"]), path)
    assert message_of(path) == "Two columns are named a."


def test_without_pyarrow_the_error_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert message_of(write(tmp_path, "t.parquet", "x")) == "A Parquet file requires PyArrow, which is not installed."


# Data frames


class Interchange:
    """A data frame of a library that nobody knows, which speaks the interchange protocol alone."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __dataframe__(self, **options: Any) -> object:
        return self._frame.to_arrow().__dataframe__(**options)


class Stream:
    """A table that exports Arrow data alone."""

    def __init__(self, frame: pl.DataFrame) -> None:
        self._frame = frame

    def __arrow_c_stream__(self, schema: object = None) -> object:
        return self._frame.to_arrow().__arrow_c_stream__(schema)


class OldFrame:
    """A data frame that iterates over the names of its columns, and has `to_dict`."""

    def __iter__(self) -> Iterator[str]:
        return iter(ROWS[0])

    def to_dict(self) -> dict[str, dict[int, object]]:
        return {name: {7: ROWS[0][name], 9: ROWS[1][name]} for name in ROWS[0]}


class Dataset:
    """Rows that can be read again and again, as those of a Hugging Face dataset."""

    def __iter__(self) -> Iterator[dict[str, object]]:
        return iter(ROWS)

    def to_dict(self) -> None:
        raise AssertionError


FRAMES: dict[str, Callable[[], object]] = {
    "pandas": lambda: pd.DataFrame(ROWS),
    "polars": lambda: pl.DataFrame(ROWS),
    "lazy": lambda: pl.LazyFrame(ROWS),
    "pyarrow": lambda: pa.Table.from_pylist(ROWS),
    "interchange": lambda: Interchange(pl.DataFrame(ROWS)),
    "stream": lambda: Stream(pl.DataFrame(ROWS)),
    "reader": lambda: pa.Table.from_pylist(ROWS).to_reader(),
    "to_dict": OldFrame,
    "dataset": Dataset,
    "list": lambda: ROWS,
    "tuple": lambda: tuple(ROWS),
    "generator": lambda: (row for row in ROWS),
    "columns": lambda: {"color": ["red", None], "count": (1, 2)},
    "arrays": lambda: {"color": pd.Series(["red", None]), "count": np.array([1, 2])},
    "arrow columns": lambda: {"color": pa.array(["red", None]), "count": pl.Series([1, 2])},
}


@pytest.mark.parametrize("kind", FRAMES)
def test_every_table_has_the_same_rows(kind: str) -> None:
    table = open_table(FRAMES[kind]())
    assert table.columns == ("color", "count")
    rows = list(table)
    assert rows == ROWS
    assert [type(cell) for row in rows for cell in row.values()] == [str, int, type(None), int]
    assert table.kind == {"pandas": "pandas", "polars": "polars", "lazy": "polars"}.get(kind, "other")
    assert table.base == Path.cwd()


def test_missing_values_are_none_and_the_frame_stays_as_it_is() -> None:
    class Grade(Enum):
        GOOD = 1.5

    class Name(str):
        __slots__ = ()

    frame = pd.DataFrame(
        {
            "float": [1.0, float("nan")],
            "nullable": pd.array([7, None], dtype="Int64"),
            "moment": pd.to_datetime(["2026-11-22 09:30", None]),
            "object": [np.float64("nan"), pd.NA],
            "numpy": [np.int8(3), np.datetime64("NaT", "s")],
            "enum": [Grade.GOOD, Decimal("NaN")],
            "text": [Name("x"), None],
            "category": pd.Categorical(["u", None]),
            "list": [np.array([1, 2]), [np.float32(0.5)]],
        }
    )
    before = frame.copy(deep=True)
    first, second = open_table(frame)
    moment = pd.Timestamp("2026-11-22 09:30")
    assert first == {
        "float": 1.0,
        "nullable": 7,
        "moment": moment,
        "object": None,
        "numpy": 3,
        "enum": 1.5,
        "text": "x",
        "category": "u",
        "list": [1, 2],
    }
    assert {type(first["nullable"]), type(first["numpy"]), type(first["text"])} == {int, str}
    assert second == {**dict.fromkeys(frame.columns), "list": [0.5]}
    pd.testing.assert_frame_equal(frame, before)
    assert open_table(frame).dtypes["nullable"] == "Int64"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "Two columns are named a."),
        (pd.DataFrame([[1, 2]]), "The name of column 1 is 0, which is not text."),
        (pd.DataFrame(), "The table has no columns."),
        (pd.DataFrame({"": [1]}), "Column 1 has no name."),
        (pd.Series(["a cat"]), "A single column is not a table."),
        (pl.Series(["a cat"]), "A single column is not a table."),
        ([], "The table has no rows."),
        (iter(()), "The table has no rows."),
        ({}, "The dict has no columns."),
        (["a cat", "a dog"], "The rows of the table are of the type str."),
        ([{"a": 1}, "a dog"], "Row 2: it is of the type str, not a dict."),
        ({"prompt": "a cat"}, "The column prompt is not a list."),
        ({"prompt": 7}, "The column prompt is not a list."),
        ({"a": [1, 2], "b": [1]}, "The columns have different lengths: a has 2, b has 1."),
        ([{7: "a cat"}], "The name of column 1 is 7, which is not text."),
        ([{"a\ud800": 1}], "The name of column 1 ('a\\ud800') has characters that can't be printed."),
        (7, "The type int is not a table."),
        (None, "The type NoneType is not a table."),
        (b"prompt", "The type bytes is not a table."),
    ],
)
def test_what_is_no_table(source: object, expected: str) -> None:
    assert message_of(source) == expected


def test_a_generator_is_read_as_it_goes() -> None:
    served = itertools.count()
    table = open_table({"n": next(served), "text": "x" * 10_000} for _ in range(5000))
    assert (table.columns, next(served)) == (("n", "text"), 1)
    tracemalloc.start()
    try:
        assert sum(1 for _ in table) == 5000
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    assert message_of_second_reading(table) == "The generator has been read before."


def message_of_second_reading(table: Table) -> str:
    with pytest.raises(UsageError) as caught:
        list(table)
    return caught.value.message


def test_an_error_of_the_users_generator_is_its_own() -> None:
    def rows() -> Iterator[dict[str, object]]:
        yield {"a": 1}
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(open_table(rows()))


@pytest.mark.parametrize(
    "column",
    [
        [datetime(2026, 11, 22, 9, 30), datetime(2026, 11, 22), None],  # noqa: DTZ001  as people have them
        [datetime(2026, 11, 22, 9, 30, tzinfo=timezone.utc), None],
        [date(2026, 11, 22), None],
        [timedelta(hours=1.5), None],
        [Decimal("1.50"), None],
        [1.5, float("inf"), None],
        [True, None],
    ],
)
def test_columns_are_given_back_with_their_types(column: list[object]) -> None:
    for frame in (pd.DataFrame({"a": column}), pl.DataFrame({"a": column}), pa.table({"a": column})):
        table = open_table(frame)
        stored = [json.loads(json.dumps(store_cells(row, (), None)))["a"] for row in table]
        if table.dtypes["a"] != "object":  # dates and decimals of pandas
            assert restore_column(stored, table.dtypes["a"]) == column


def test_cells_that_are_not_of_the_type_stay() -> None:
    assert restore_column(["x", 7, None, ""], "Int64") == ["x", 7, None, None]
    assert restore_column(["2026-13-99"], "datetime64[ns]") == ["2026-13-99"]
    assert restore_column(["a"], None) == ["a"]
