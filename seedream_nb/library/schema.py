"""The tables of the database, as steps from each version to the next. Released steps never change.

A new library goes through the same steps as an old one, so that both end up the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedream_nb.library.connections import transaction
from seedream_nb.library.records import STORED, DamagedRecordError, StoredTask, any_image, chunked, places_of, select_in

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

QUARTER = 900  # seconds; days begin at a multiple of it in each time zone
COUNTED = "('sending', 'unclear', 'accepted', 'finished')"  # the states in which a paid request counts as spent


def _sum_up(row: str, sign: str = "+") -> str:
    """Adds purchases to the sums, or subtracts them, as the beginning of a statement."""
    return (
        f"INSERT INTO spending SELECT CAST({row}.sent_at / {QUARTER} AS INTEGER), {row}.service, {row}.account,"
        f" {sign}coalesce({row}.cost, CASE WHEN {row}.credits IS NULL THEN {row}.estimate END, 0),"
        f" {sign}coalesce(CASE WHEN {row}.cost IS NULL THEN {row}.credits END, 0)"
    )


def _trigger(table: str, event: str, *changes: str) -> str:
    statements = "".join(f"{change}; " for change in changes)
    return f"CREATE TEMP TRIGGER {table}_{event.lower()} AFTER {event} ON main.{table} BEGIN {statements}END"


def _when_counted(row: str) -> str:
    return (
        f" WHERE {row}.state IN {COUNTED} AND {row}.sent_at IS NOT NULL"
        " ON CONFLICT DO UPDATE SET dollars = dollars + excluded.dollars, credits = credits + excluded.credits"
    )


_ADD, _SUBTRACT = _sum_up("NEW") + _when_counted("NEW"), _sum_up("OLD", "-") + _when_counted("OLD")

# A budget must not add up all requests before each one, so triggers keep the sums. They belong to a connection, as the
# file's schema has to fit into its first page: damage of another one would cost all records.
_SPENDING = (
    _trigger("purchases", "INSERT", _ADD),
    _trigger("purchases", "UPDATE", _SUBTRACT, _ADD),
    _trigger("purchases", "DELETE", _SUBTRACT),
)
SUM_UP_AGAIN = ("DELETE FROM spending", f"{_sum_up('purchases')} FROM purchases{_when_counted('purchases')}")

# Paid requests, what they cost in each quarter of an hour, and this library's own values.
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
CREATE INDEX sent_purchases ON purchases (sent_at);
CREATE TABLE spending (quarter INTEGER, service TEXT, account TEXT, dollars REAL, credits REAL,
    PRIMARY KEY (quarter, service, account)) WITHOUT ROWID;
CREATE INDEX purchases_of_spenders ON purchases (spender, state, cost, credits, estimate) WHERE spender IS NOT NULL;
CREATE TABLE properties (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
"""

# Marks of single images; which image was made from which; which tasks have changed, for the catalog beside this file.
# All definitions have to fit into the first page, so that these are written tightly; the types are those without which
# joins would use no index. Whoever removes a task removes what belongs to it. Older marks become those of all images of
# their task.
_IMAGES_MARKED = """
CREATE TEMP TABLE task_tags AS SELECT tag, task FROM tags;
CREATE TEMP TABLE task_opinions AS SELECT task, rating, note FROM opinions;
DROP TABLE tags;
DROP TABLE opinions;
CREATE TABLE tags(tag,task TEXT,place,PRIMARY KEY(tag,task,place)) WITHOUT ROWID;
CREATE INDEX tags_of_tasks ON tags(task,place);
CREATE TABLE opinions(task TEXT,place,rating,rejected,note,PRIMARY KEY(task,place)) WITHOUT ROWID;
CREATE TABLE parents(task TEXT,parent TEXT,place,PRIMARY KEY(task,parent,place)) WITHOUT ROWID;
CREATE INDEX children ON parents(parent,place);
CREATE TABLE changes(revision INTEGER PRIMARY KEY,task INT,is_mark,UNIQUE(task,is_mark));
INSERT INTO properties VALUES ('changes', hex(randomblob(8)));
"""
EPOCH = "changes"  # the property that tells this file's series of changes from that of another file


def _note_records(event: str, *rows: str) -> str:
    """A trigger that gives the last change of a task's record a new number."""
    notes = (f"INSERT OR REPLACE INTO changes (task, is_mark) VALUES ({row}.number, 0)" for row in rows)  # noqa: S608  our own words
    return _trigger("tasks", event, *notes)


def _note_marks(table: str, event: str, row: str) -> str:
    """A trigger that gives the last change of a task's marks a new number."""
    task = f"SELECT number FROM tasks WHERE key = {row}.task"  # noqa: S608  our own words
    newest = "SELECT max(revision) + 1 FROM changes"
    # In two steps: the outer statement's `OR IGNORE` takes the place of an `OR REPLACE` in here.
    update = f"UPDATE changes SET revision = ({newest}) WHERE task = ({task}) AND is_mark = 1"  # noqa: S608  as above
    insert = f"INSERT OR IGNORE INTO changes (task, is_mark) SELECT number, 1 FROM ({task})"  # noqa: S608  as above
    return _trigger(table, event, update, insert)


_CHANGES = (
    _note_records("INSERT", "NEW"),
    _note_records("UPDATE", "OLD", "NEW"),
    _note_records("DELETE", "OLD"),
    *(
        _note_marks(table, event, row)
        for table in ("tags", "opinions")
        for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD"))
    ),
)
# Whatever stores or marks tasks, the catalog learns of it.
TRIGGERS = (*_SPENDING, *_CHANGES)

STEPS = (_TASKS_AND_PICTURES, _MARKS, _MODELS, _PURCHASES, _IMAGES_MARKED)
VERSION = len(STEPS)
HAS_PROPERTIES = 4  # the first version with values of the library's own
TASKS_MARKED = 2  # the first version with marks
MODELS_INDEXED = 3  # the first version with an index of models
IMAGES_MARKED = 5  # the first version with marks of single images


def version_of(connection: Connection) -> int:
    """The version of a library's tables; 0 for a new library."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: Connection) -> None:
    """Updates the tables completely or not at all, on a connection in autocommit mode.

    Several kernels may try this at the same time; the first one does it.
    """
    if version_of(connection) >= VERSION:
        return
    with transaction(connection):
        before = version_of(connection)
        for step in STEPS[before:]:
            for statement in _statements(step):
                connection.execute(statement)
        if before < VERSION:  # otherwise another kernel was faster
            spread_marks(connection)
        if before == 0:
            # A new library indexes each record as it is stored; an older one when its lineage is first asked for.
            connection.execute("INSERT OR IGNORE INTO properties VALUES ('lineage', 'complete')")
        connection.execute(f"PRAGMA user_version = {VERSION}")


def adapt(connection: Connection) -> bool:
    """Lets a file of an earlier version be read as one of this version, without changing it.

    Temporary tables take the place of those that it lacks, so that later changes of marks are not seen. Returns whether
    it was one.
    """
    version = version_of(connection)
    if not 0 < version < IMAGES_MARKED:
        return False
    if version < TASKS_MARKED:
        for name in ("tags (tag, task)", "opinions (task, rating, note)"):
            connection.execute(f"CREATE TEMP TABLE {name}")
    old, new = (
        [statement for statement in _statements(_IMAGES_MARKED) if statement.startswith(beginning)]
        for beginning in ("CREATE TEMP TABLE task_", "CREATE TABLE ")
    )
    for statement in old:
        connection.execute(statement)
    for name in ("tags", "opinions"):
        connection.execute(f"DROP TABLE IF EXISTS temp.{name}")
    for statement in new:
        connection.execute(statement.replace("CREATE TABLE", "CREATE TEMP TABLE"))
    spread_marks(connection)
    return True


def spread_marks(connection: Connection) -> None:
    """Gives the marks of tasks, in temporary tables, to all their images; only the records of marked tasks are read."""
    marked = "SELECT task FROM task_tags UNION SELECT task FROM task_opinions"
    keys = [key for (key,) in connection.execute(marked)]
    connection.execute("CREATE TEMP TABLE places (task, place)")
    for some in chunked(keys):
        stored = [StoredTask(*row) for row in select_in(connection, f"{STORED} WHERE key IN", some)]
        pairs = [(one.key, place) for one in stored for place in _places_of(one)]
        connection.executemany("INSERT INTO places VALUES (?, ?)", pairs)
    connection.execute(
        "INSERT OR IGNORE INTO tags (tag, task, place) SELECT tag, task, place FROM task_tags JOIN places USING (task)"
    )
    connection.execute(
        "INSERT OR IGNORE INTO opinions (task, place, rating, rejected, note)"
        " SELECT task, place, rating, 0, note FROM task_opinions JOIN places USING (task)"
    )
    for name in ("places", "task_tags", "task_opinions"):
        connection.execute(f"DROP TABLE temp.{name}")


def _places_of(stored: StoredTask) -> list[int]:
    try:
        return places_of(stored.read(any_image))
    except DamagedRecordError:
        return [0]


def _statements(step: str) -> list[str]:
    return [statement.strip() for statement in step.split(";\n") if statement.strip()]
