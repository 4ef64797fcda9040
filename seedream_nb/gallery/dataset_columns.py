"""The columns of a dataset: one type for each, whatever the records hold, and names that no reader takes for its own.

The same values in every format: what has no type of its own (an object, a mix of texts and numbers) becomes text.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from seedream_nb.core.foreign import finite

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LARGEST_EXACT = 2**53  # a larger integer may change when it becomes a float
LARGEST_INTEGER = 2**63  # columns have 64 bits

# The loaders of `datasets` take such a column for the file of an image.
_RESERVED = ("image", "file_name", "file_names")
_RESERVED_ENDINGS = ("_file_name", "_file_names")


class Kind(str, Enum):
    """What the values of a column are, apart from None."""

    NOTHING = "nothing"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    LARGE = "large integer"
    NUMBER = "number"
    TEXT = "text"
    MIXED = "mixed"  # anything else; written as text


@dataclass(frozen=True)
class Column:
    """A column of a dataset.

    Attributes:
        source: Its name in the records.
        name: Its name in the dataset.
        kind: What its values are, or the elements of its lists.
        is_list: Whether its values are lists.
    """

    source: str
    name: str
    kind: Kind
    is_list: bool = False

    def read(self, record: Mapping[str, object]) -> object:
        """Its value of a record."""
        value = record.get(self.source)
        if value is None:
            return None
        if self.is_list:
            return [self._convert(inner) for inner in value] if isinstance(value, (list, tuple)) else None
        return self._convert(value)

    def _convert(self, value: object) -> object:
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return None
        if self.kind is Kind.NUMBER and isinstance(value, (int, float)):
            return float(value)
        if isinstance(value, str):
            return _clean(value)
        return _to_json(value) if self.kind is Kind.MIXED else value


class ColumnFinder:
    """Finds the columns of records, which are shown to it one after the other."""

    def __init__(self) -> None:
        self._kinds: dict[str, tuple[Kind, bool]] = {}

    def add(self, record: Mapping[str, object]) -> None:
        """Looks at a record."""
        for key, value in record.items():
            kind = _kind_of(value)
            known = self._kinds.get(key)
            if known != kind:
                self._kinds[key] = kind if known is None else _merge(known, kind)

    def find(self) -> tuple[Column, ...]:
        """The columns of all records so far, in the order of their first appearance."""
        columns: list[Column] = []
        taken: set[str] = set()
        for source, (kind, is_list) in self._kinds.items():
            name = _clean(str(source)) or "column"
            while name in taken or name in _RESERVED or name.endswith(_RESERVED_ENDINGS):
                name += "_"
            taken.add(name)
            columns.append(Column(source, name, kind, is_list))
        return tuple(columns)


def format_row(columns: Sequence[Column], record: Mapping[str, object], **first: object) -> bytes:
    """A record as one line of JSON, after the given keys."""
    row = {**first, **{column.name: column.read(record) for column in columns}}
    return json.dumps(row, ensure_ascii=False, allow_nan=False).encode()


def describe_changes(columns: Iterable[Column]) -> list[str]:
    """Sentences on what a reader would not expect."""
    listed = list(columns)
    mixed = [column.name for column in listed if column.kind is Kind.MIXED]
    renamed = [f"{column.source} → {column.name}" for column in listed if column.name != column.source]
    notes = []
    if mixed:
        notes.append(f"Written as text, because not all values have one simple type: {', '.join(mixed)}.")
    if renamed:
        notes.append(f"Renamed, because loaders reserve these names: {', '.join(renamed)}.")
    return notes


def _kind_of(value: object) -> tuple[Kind, bool]:
    if isinstance(value, (list, tuple)):
        kind = Kind.NOTHING
        for inner in value:
            kind = _merge_kinds(kind, _scalar_kind(inner))
        return kind, kind is not Kind.MIXED
    return _scalar_kind(value), False


def _scalar_kind(value: object) -> Kind:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return Kind.NOTHING
    if isinstance(value, bool):
        return Kind.BOOLEAN
    if isinstance(value, int):
        size = abs(value)
        return Kind.INTEGER if size <= LARGEST_EXACT else Kind.LARGE if size < LARGEST_INTEGER else Kind.MIXED
    if isinstance(value, float):
        return Kind.NUMBER
    return Kind.TEXT if isinstance(value, str) else Kind.MIXED


def _merge(one: tuple[Kind, bool], other: tuple[Kind, bool]) -> tuple[Kind, bool]:
    if (Kind.NOTHING, False) in {one, other}:
        return other if one == (Kind.NOTHING, False) else one
    kind = _merge_kinds(one[0], other[0]) if one[1] == other[1] else Kind.MIXED
    return kind, one[1] and kind is not Kind.MIXED


def _merge_kinds(one: Kind, other: Kind) -> Kind:
    kinds = {one, other} - {Kind.NOTHING}
    if len(kinds) <= 1:
        return kinds.pop() if kinds else Kind.NOTHING
    if kinds == {Kind.INTEGER, Kind.LARGE}:
        return Kind.LARGE
    return Kind.NUMBER if kinds == {Kind.INTEGER, Kind.NUMBER} else Kind.MIXED


def _to_json(value: object) -> str:
    plain = json.loads(json.dumps(value, default=str))
    return json.dumps(finite({"": plain})[""], ensure_ascii=False, allow_nan=False).encode("utf-8", "replace").decode()


def _clean(text: str) -> str:
    """Text that every encoding has: JSON can express half of a surrogate pair."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
