"""Reads a table into the file of a run: the rows that are not as they were, of which nothing is held in memory."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from seedream_nb.core.atomic_files import write_atomically
from seedream_nb.library.run_store import FOLDER, IncomingRow
from seedream_nb.runs.row_requests import read_requests

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from seedream_nb.library import Library
    from seedream_nb.library.run_store import RunStore
    from seedream_nb.runs.run_settings import RunSettings
    from seedream_nb.runs.tables import Table

# What the price of a request depends on, of its body.
_KIND = (
    "model",
    "size",
    "layer_decomposition",
    "sequential_image_generation",
    "sequential_image_generation_options",
)
_REFERENCES = "references"


def store_table(store: RunStore, table: Table, settings: RunSettings, library: Library, service: str) -> int:
    """Stores the rows of a table, all of them or none; an unchanged one costs little more than reading it.

    Returns:
        The number of the last entry that was there before.

    Raises:
        UsageError: Some rows can't be sent; the message names them all.
        TableChangedError: Another kernel has changed the table at the same moment.
    """
    version = store.read("version")
    text = json.dumps(settings.to_json(), sort_keys=True)
    is_compared = bool(version) and store.read("settings") == text
    reader = _Reader(table, settings, reference_storage(library), store.stored_rows() if is_compared else None)

    def properties() -> Mapping[str, object]:
        return {
            "settings": text,
            "columns": json.dumps(table.columns),
            "dtypes": json.dumps(dict(table.dtypes)),
            "service": service,
        }

    return store.replace_table(reader, settings.takes, version, properties)


def reference_storage(library: Library) -> Callable[[bytes], str]:
    """Stores reference images that are in memory beside the runs of a library, by their content."""

    def store_reference(content: bytes) -> str:
        path = library.location / FOLDER / _REFERENCES / hashlib.sha256(content).hexdigest()
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, content)
        return str(path)

    return store_reference


class _Reader:
    """The rows of a table that are not as they were stored; see `IncomingTable`."""

    def __init__(
        self,
        table: Table,
        settings: RunSettings,
        store_reference: Callable[[bytes], str],
        stored: Iterator[tuple[str, str]] | None,
    ) -> None:
        self.count = 0
        self.is_compared = stored is not None
        self._rows = read_requests(table, settings, store_reference=store_reference)
        self._stored = stored or iter(())

    def __iter__(self) -> Iterator[IncomingRow]:
        for row in self._rows:
            self.count += 1
            cells, (checksum, _kept) = json.dumps(row.cells), row.identify()
            if next(self._stored, None) != (cells, checksum):
                yield IncomingRow(row.number, cells, checksum, _kind_of(row.body))


def _kind_of(body: Mapping[str, Any]) -> str:
    return json.dumps({name: body[name] for name in _KIND if name in body})
