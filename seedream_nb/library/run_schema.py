"""The tables of a run's file, and how the rows of a table become entries."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from seedream_nb.library.connections import transaction

if TYPE_CHECKING:
    from sqlite3 import Connection

VERSION = 1
_TABLES = """
CREATE TABLE properties (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE kinds (number INTEGER PRIMARY KEY, body TEXT NOT NULL UNIQUE);
CREATE TABLE rows (number INTEGER PRIMARY KEY, position INTEGER, cells TEXT NOT NULL);
CREATE INDEX rows_in_order ON rows (position);
CREATE TABLE entries (
    number INTEGER PRIMARY KEY,
    checksum BLOB NOT NULL,
    nth INTEGER NOT NULL,
    row INTEGER NOT NULL,
    position INTEGER,
    take INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    state TEXT NOT NULL DEFAULT 'open',
    purchase INTEGER,
    task TEXT,
    status TEXT,
    error TEXT,
    images INTEGER NOT NULL DEFAULT 0,
    cost REAL,
    elapsed REAL,
    has_originals INTEGER NOT NULL DEFAULT 0,
    changed_at REAL,
    UNIQUE (checksum, nth)
);
CREATE INDEX entries_in_order ON entries (position, take, state);
CREATE INDEX finished_entries ON entries (changed_at) WHERE state = 'done';
CREATE INDEX missing_originals ON entries (number) WHERE state = 'done' AND has_originals = 0;
CREATE TABLE totals (
    is_earlier INTEGER NOT NULL,
    state TEXT NOT NULL,
    kind INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    images INTEGER NOT NULL,
    cost REAL NOT NULL,
    PRIMARY KEY (is_earlier, state, kind)
) WITHOUT ROWID;
CREATE TRIGGER entry_added AFTER INSERT ON entries BEGIN
    {add};
END;
CREATE TRIGGER entry_removed AFTER DELETE ON entries BEGIN
    {subtract};
END;
CREATE TRIGGER entry_changed AFTER UPDATE OF position, state, kind, images, cost ON entries BEGIN
    {subtract};
    {add};
END;
"""


def _count(row: str, sign: str) -> str:
    return (
        f"INSERT INTO totals VALUES ({row}.position IS NULL, {row}.state, {row}.kind, {sign}1, {sign}{row}.images,"  # noqa: S608  our own words
        f" {sign}coalesce({row}.cost, 0)) ON CONFLICT DO UPDATE SET entries = entries + excluded.entries,"
        " images = images + excluded.images, cost = cost + excluded.cost"
    )


_REPLACED = "WHERE position > :count OR position IN (SELECT position FROM temp.incoming)"

STAGING = (
    "CREATE TEMP TABLE IF NOT EXISTS incoming (position INTEGER PRIMARY KEY, cells TEXT, checksum BLOB, kind INTEGER)",
    "CREATE TEMP TABLE IF NOT EXISTS kinds_of_incoming (number INTEGER PRIMARY KEY, body TEXT)",
    "DELETE FROM temp.incoming",
)

MERGE = (
    # Rows that are replaced or gone release their entries.
    f"UPDATE entries SET position = NULL {_REPLACED}",  # noqa: S608  our own words
    f"UPDATE rows SET position = NULL {_REPLACED}",  # noqa: S608  our own words
    "INSERT INTO rows (position, cells) SELECT position, cells FROM temp.incoming ORDER BY position",
    # Each take of a row gets a released entry of its request, those that were bought first, or else a new one.
    """
    WITH RECURSIVE takes (take) AS (SELECT 1 UNION ALL SELECT take + 1 FROM takes WHERE take < :takes),
    wanted AS (
        SELECT checksum, position, take, kind,
            row_number() OVER (PARTITION BY checksum ORDER BY position, take) AS place
        FROM temp.incoming, takes
    ),
    free AS (
        SELECT number, checksum, nth, row_number() OVER (
            PARTITION BY checksum ORDER BY state NOT IN ('done', 'sent', 'unclear'), state = 'open', nth
        ) AS place
        FROM entries WHERE position IS NULL AND checksum IN (SELECT checksum FROM temp.incoming)
    ),
    known AS (SELECT checksum, max(nth) AS last FROM entries
        WHERE checksum IN (SELECT checksum FROM temp.incoming) GROUP BY checksum),
    released AS (SELECT checksum, count(*) AS entries FROM free GROUP BY checksum)
    INSERT INTO entries (number, checksum, nth, row, position, take, kind)
    SELECT free.number, wanted.checksum,
        coalesce(free.nth, coalesce(known.last, 0) + wanted.place - coalesce(released.entries, 0)),
        rows.number, wanted.position, wanted.take, kinds.number
    FROM wanted
    JOIN rows ON rows.position = wanted.position
    JOIN temp.kinds_of_incoming AS named ON named.number = wanted.kind
    JOIN kinds ON kinds.body = named.body
    LEFT JOIN free ON free.checksum = wanted.checksum AND free.place = wanted.place
    LEFT JOIN known ON known.checksum = wanted.checksum
    LEFT JOIN released ON released.checksum = wanted.checksum
    WHERE true
    ON CONFLICT (number) DO UPDATE SET row = excluded.row, position = excluded.position, take = excluded.take,
        kind = excluded.kind
    """,
    "DELETE FROM rows WHERE position IS NULL AND number NOT IN (SELECT row FROM entries WHERE position IS NULL)",
)


def create(connection: Connection) -> int:
    """Creates the tables, unless they are there; returns their version, on a connection in autocommit mode."""
    if (version := _version_of(connection)) >= VERSION:
        return version
    with transaction(connection):
        if _version_of(connection) < VERSION:  # another kernel may have created them meanwhile
            tables = _TABLES.format(add=_count("NEW", "+"), subtract=_count("OLD", "-"))
            for statement in re.split(r";\n(?=CREATE)", tables.strip().removesuffix(";")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
    return VERSION


def _version_of(connection: Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])
