"""Fills a library with as many records as wanted within seconds, as an earlier version would have left it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from seedream_nb.library.database import FILE_NAME
from seedream_nb.library.library import Library
from tests.benchmarks.library.scene import make_records

if TYPE_CHECKING:
    from pathlib import Path

MICROSECONDS = 1_000_000


def fill(folder: Path, count: int) -> None:
    """Writes records without the full-text index, which the catalog does not need."""
    Library(folder).close()
    rows = (
        (
            int(record["created_at"] * MICROSECONDS),
            record["id"],
            json.dumps(record),
            "succeeded",
            record["request"]["model"],
            record["created_at"],
        )
        for record in make_records(range(count))
    )
    with closing(sqlite3.connect(folder / FILE_NAME)) as connection, connection:
        connection.executemany(
            "INSERT INTO tasks (number, key, record, status, model, kept_at) VALUES (?, ?, ?, ?, ?, ?)", rows
        )
