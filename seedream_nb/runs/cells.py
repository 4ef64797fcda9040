"""The cells of a row as JSON can hold them, so that its request can be built again in another kernel."""

from __future__ import annotations

import functools
import hashlib
import math
import os
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from operator import methodcaller
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from seedream_nb.client.references import LINKS, find_mime, flatten, load_reference, read_bytes
from seedream_nb.core.errors import UsageError
from seedream_nb.runs.option_values import ValueProblem

if TYPE_CHECKING:
    from seedream_nb.runs.table_files import Row

StoreReference = Callable[[bytes], str]  # stores the content of a reference image, and returns its path

_JSON = frozenset({str, int, bool, type(None)})
_IMAGE = "The reference image"
_KNOWN_FILES = 16_384  # reference images whose checksum is remembered while a table is read


def store_cells(row: Row, image_columns: Collection[str], store_reference: StoreReference | None) -> Row:
    """The cells of a row as JSON can hold them.

    Args:
        row: Plain Python values.
        image_columns: The columns that hold reference images.
        store_reference: Stores an image that is in memory; None rejects them.

    Raises:
        ValueProblem: A cell can't be stored.
    """
    cells = row
    for name, cell in row.items():
        if type(cell) in _JSON:
            continue
        if cells is row:
            cells = dict(row)
        if name in image_columns:
            cells[name] = store_images(cell, store_reference)
        else:
            try:
                cells[name] = _to_json(cell)
            except TypeError as problem:
                raise ValueProblem(
                    f"the column {name!r} has a cell of the type {problem}, which can't be stored: leave it out"
                ) from None
    return cells


def _to_json(cell: Any) -> Any:
    if type(cell) in _JSON:
        return cell
    for kind, convert in _CONVERTERS:
        if isinstance(cell, kind):
            return convert(cell)
    raise TypeError(type(cell).__name__)


def _write_number(number: float) -> float | str | None:
    return number if math.isfinite(number) else None if math.isnan(number) else str(number)


def _write_moment(moment: datetime) -> str:
    return moment.isoformat(" ").removesuffix(" 00:00:00")


def _write_object(cells: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): _to_json(cell) for name, cell in cells.items()}


def _write_list(cells: Iterable[Any]) -> list[Any]:
    return [_to_json(cell) for cell in cells]


_CONVERTERS: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (float, _write_number),
    (int, int),
    (str, str.__str__),
    (datetime, _write_moment),
    ((date, time), methodcaller("isoformat")),
    (timedelta, timedelta.total_seconds),
    ((Decimal, UUID), str),
    (os.PathLike, os.fsdecode),
    (Mapping, _write_object),
    ((list, tuple, set, frozenset), _write_list),
)


def store_images(cell: object, store_reference: StoreReference | None) -> str | list[str] | None:
    """Reference images as links and paths.

    Args:
        cell: As for `read_references`; also a dict with `bytes` or `path`, as data sets have them.
        store_reference: As for `store_cells`.

    Raises:
        ValueProblem: One is not an image, or can't be stored.
    """
    if isinstance(cell, list) and not cell:
        return None
    try:
        images = [_store_image(image, store_reference) for image in flatten(cell)]
    except UsageError as problem:
        raise ValueProblem(problem.message) from None
    found = [image for image in images if image]
    return found if len(found) > 1 else found[0] if found else None


def _store_image(image: Any, store_reference: StoreReference | None) -> str:
    if image is None:
        return ""
    if isinstance(image, Mapping):
        content = image.get("bytes")
        return _store_image(content if content is not None else image.get("path"), store_reference)
    if isinstance(image, (str, os.PathLike)):
        return os.fsdecode(image).strip()
    found = load_reference(image, _IMAGE)
    if isinstance(found, str):
        return found
    find_mime(found, _IMAGE)
    if store_reference is None:
        raise ValueProblem("an image in memory needs a library that it can be stored in")
    return store_reference(found)


def images_in(cell: object) -> list[str]:
    """The links and paths in a stored cell."""
    if isinstance(cell, str):
        text = cell.strip()
        return [text] if text else []
    if cell is None:
        return []
    if isinstance(cell, list) and all(isinstance(image, str) for image in cell):
        return [image.strip() for image in cell if image.strip()]
    raise ValueProblem(f"the reference image is of the type {type(cell).__name__}, not a link or a path")


def is_link(image: str) -> bool:
    """Whether a reference image is a link or a data URI; otherwise it is a path."""
    return image[:8].lower().startswith(LINKS)


def resolve_path(image: str, base: str) -> Path:
    """The file of a reference image."""
    return Path(base, os.path.expanduser(image))  # noqa: PTH111  unlike that of Path, it leaves an unknown user alone


class ReferenceFiles:
    """The checksums of local reference images; each file is read once, and its content is not kept.

    Args:
        base: The folder that relative paths refer to.
        strict: Whether to reject files that are too large or not images.
    """

    def __init__(self, base: str, *, strict: bool) -> None:
        self._base = base
        self._strict = strict
        self._read = functools.lru_cache(maxsize=_KNOWN_FILES)(self._read_file)

    def checksum(self, image: str) -> str:
        """The checksum of a file.

        Raises:
            ValueProblem: It can't be read, or is not an image.
        """
        checksum, problem = self._read(image)
        if problem:
            raise ValueProblem(problem)
        return checksum

    def _read_file(self, image: str) -> tuple[str, str]:
        try:
            content = read_bytes(resolve_path(image, self._base), _IMAGE)
            find_mime(content, f"The file {image}", strict=self._strict)
        except UsageError as problem:
            return "", problem.message
        return hashlib.sha256(content).hexdigest(), ""
