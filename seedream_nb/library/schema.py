"""The tables of the database, as steps from each version to the next. Released steps never change.

A new library goes through the same steps as an old one, so that both end up the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlite3 import Connection

# A task's number is the microsecond of its creation: tasks and search results come in order without sorting.
_TASKS_AND_PICTURES = """
CREATE TABLE tasks (
    number INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    record TEXT NOT NULL,
    request TEXT,
    status TEXT NOT NULL,
    model TEXT NOT NULL,
    kept_at REAL NOT NULL
);
CREATE VIRTUAL TABLE words USING fts5(prompt, model, marks, tokenize = "unicode61 remove_diacritics 2");
CREATE TABLE pictures (
    source TEXT PRIMARY KEY,
    task TEXT NOT NULL,
    place INTEGER NOT NULL,
    digest TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX pictures_of_tasks ON pictures (task, place);
CREATE INDEX pictures_of_files ON pictures (digest);
CREATE TABLE originals (
    digest TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    used_at REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE thumbnails (
    digest TEXT NOT NULL,
    side INTEGER NOT NULL,
    name TEXT NOT NULL,
    checksum TEXT NOT NULL,
    size INTEGER NOT NULL,
    facts TEXT NOT NULL,
    PRIMARY KEY (digest, side)
) WITHOUT ROWID;
"""

# What users add to a task.
_MARKS = """
CREATE TABLE tags (
    tag TEXT NOT NULL,
    task TEXT NOT NULL REFERENCES tasks (key) ON DELETE CASCADE,
    PRIMARY KEY (tag, task)
) WITHOUT ROWID;
CREATE INDEX tags_of_tasks ON tags (task);
CREATE TABLE opinions (
    task TEXT PRIMARY KEY REFERENCES tasks (key) ON DELETE CASCADE,
    rating INTEGER,
    note TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
"""

# Finding tasks of a model must not read every record.
_MODELS = """
CREATE INDEX tasks_of_models ON tasks (model);
"""

# Paid requests, and this library's own values.
_PURCHASES = """
CREATE TABLE purchases (
    number INTEGER PRIMARY KEY,
    service TEXT NOT NULL,
    request TEXT NOT NULL,
    take INTEGER NOT NULL,
    state TEXT NOT NULL,
    body TEXT NOT NULL,
    account TEXT NOT NULL DEFAULT '',
    owner TEXT NOT NULL DEFAULT '',
    notebook TEXT NOT NULL DEFAULT '',
    planned_at REAL NOT NULL,
    sent_at REAL,
    lost_at REAL,
    task TEXT COLLATE NOCASE,
    spender TEXT,
    estimate REAL,
    cost REAL,
    credits REAL,
    images INTEGER,
    UNIQUE (service, request, take)
);
CREATE UNIQUE INDEX purchased_tasks ON purchases (task, service) WHERE task IS NOT NULL;
CREATE INDEX unsettled_purchases ON purchases (state) WHERE state IN ('sending', 'unclear', 'accepted');
CREATE INDEX spent_purchases ON purchases (sent_at, service, account, cost, credits, estimate, state)
    WHERE state IN ('sending', 'unclear', 'accepted', 'finished');
CREATE INDEX purchases_of_spenders ON purchases (spender, state, cost, credits, estimate) WHERE spender IS NOT NULL;
CREATE TABLE properties (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
"""

STEPS = (_TASKS_AND_PICTURES, _MARKS, _MODELS, _PURCHASES)
VERSION = len(STEPS)
MODELS_INDEXED = 3  # the first version with an index of models


def version_of(connection: Connection) -> int:
    """The version of a library's tables; 0 for a new library."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: Connection) -> None:
    """Updates the tables completely or not at all, on a connection in autocommit mode.

    Several kernels may try this at the same time; the first one does it.
    """
    if version_of(connection) >= VERSION:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in STEPS[version_of(connection) :]:
            for statement in filter(str.strip, step.split(";\n")):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
