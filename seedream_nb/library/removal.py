"""Removes tasks and originals: on demand, by age and size, and when the originals exceed their budget.

An image stays as long as another record references it. Files go last: if the process is killed, at most some files
remain that nothing references, which `verify` removes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seedream_nb.core.errors import UsageError
from seedream_nb.library.image_store import SENT_PLACE
from seedream_nb.library.marks import MARKED
from seedream_nb.library.records import MICROSECONDS, chunked, select_in
from seedream_nb.library.references import INLINE, find_referenced, format_source, sources_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from sqlite3 import Connection

    from seedream_nb.library.database import Database
    from seedream_nb.library.image_store import ImageStore

SHARE_LEFT = 0.9  # of the budget after an eviction; otherwise each new image would evict an old one
_FEW = 20  # sources that SQLite looks up one by one
_MARKED_RECORDS = f"SELECT key, record, request FROM tasks WHERE key IN ({MARKED})"  # noqa: S608  our own words
_OLD_AND_UNMARKED = f"SELECT key FROM tasks WHERE number < ? AND key NOT IN ({MARKED})"  # noqa: S608  our own words


@dataclass(frozen=True)
class Removal:
    """What was removed, or would be: records, images at full size, and the bytes of all files, with thumbnails."""

    tasks: int
    originals: int
    size: int


@dataclass(frozen=True)
class Plan:
    """What exactly to remove."""

    keys: list[str] = field(default_factory=list)  # of tasks
    sources: list[str] = field(default_factory=list)  # of images that no other record references
    shared: list[str] = field(default_factory=list)  # of images that others reference, too; these stay
    originals: dict[str, tuple[str, int]] = field(default_factory=dict)  # name and size by digest
    thumbnails: dict[str, int] = field(default_factory=dict)  # size by name

    @property
    def total(self) -> Removal:
        """What it removes, in numbers."""
        sizes = [size for _name, size in self.originals.values()]
        return Removal(len(self.keys), len(self.originals), sum(sizes) + sum(self.thumbnails.values()))


def remove(database: Database, images: ImageStore, make_plan: Callable[[Connection], Plan]) -> Removal:
    """Removes what a plan says, which is made in the same transaction."""
    with database.writing() as connection:
        plan = make_plan(connection)
        _delete_rows(connection, plan)
    delete_files(database, images, [*(name for name, _size in plan.originals.values()), *plan.thumbnails])
    return plan.total


def plan_removal(connection: Connection, keys: list[str]) -> Plan:
    """The plan to remove some tasks with their images."""
    removed = set(keys)
    rows = select_in(connection, "SELECT source, task, digest FROM pictures WHERE task IN", keys)
    records = select_in(connection, "SELECT record, request FROM tasks WHERE key IN", keys)
    referenced = {source for texts in records for source in sources_in(*texts)}
    rows += select_in(connection, "SELECT source, task, digest FROM pictures WHERE source IN", referenced)
    own = {source: digest for source, task, digest in rows if not task or task in removed}
    shared = find_referenced(_texts_of_others(connection, removed, own), own)
    digests = {digest for source, digest in own.items() if source not in shared}
    # Another link, or another record, may lead to the very same image.
    others = select_in(connection, "SELECT source, digest FROM pictures WHERE digest IN", digests)
    free = sorted(digests - {digest for source, digest in others if source in shared or source not in own})
    originals = select_in(connection, "SELECT digest, name, size FROM originals WHERE digest IN", free)
    thumbnails = select_in(connection, "SELECT name, size FROM thumbnails WHERE digest IN", free)
    return Plan(
        keys,
        sorted(own.keys() - shared),
        sorted(shared),
        {digest: (name, size) for digest, name, size in originals},
        dict(thumbnails),
    )


def plan_pruning(connection: Connection, older: datetime | None, larger: int | None) -> Plan:
    """The plan to remove tasks created before a time, and originals larger than a size in bytes, except marked ones."""
    if older is None and larger is None:
        raise UsageError("Nothing says what to prune.", hint="Give an age or a size: older=…, larger=….")
    before = None if older is None else int(older.timestamp() * MICROSECONDS)
    keys = [] if before is None else [key for (key,) in connection.execute(_OLD_AND_UNMARKED, (before,))]
    plan = plan_removal(connection, keys)
    if larger is not None:
        protected = find_protected(connection)
        large = connection.execute("SELECT digest, name, size FROM originals WHERE size > ?", (larger,))
        plan.originals.update({digest: (name, size) for digest, name, size in large if digest not in protected})
    return plan


def plan_eviction(connection: Connection, budget: int) -> Plan:
    """The plan to remove the least recently used originals until they fit into a budget, in bytes; nothing if they do.

    Records and thumbnails stay, and so do inline images and the originals of marked tasks.
    """
    plan = Plan()
    excess = size_of_originals(connection) - budget
    if excess <= 0:
        return plan
    excess += int(budget * (1 - SHARE_LEFT))
    protected = find_protected(connection)
    for digest, name, size in connection.execute("SELECT digest, name, size FROM originals ORDER BY used_at"):
        if excess <= 0:
            break
        if digest not in protected:
            plan.originals[digest] = (name, size)
            excess -= size
    return plan


def size_of_originals(connection: Connection) -> int:
    """The bytes of all originals."""
    return int(connection.execute("SELECT coalesce(sum(size), 0) FROM originals").fetchone()[0])


def find_protected(connection: Connection) -> set[str]:
    """The digests of inline images, which cannot be fetched again, and of images that marked tasks reference."""
    marked: set[str] = set()
    sources: set[str] = set()
    for key, record, request in connection.execute(_MARKED_RECORDS):
        marked.add(key)
        # An image is known by its link, whichever record it was fetched for.
        sources |= sources_in(record, request)
    return {
        digest
        for source, task, place, digest in connection.execute("SELECT source, task, place, digest FROM pictures")
        if (source.startswith(INLINE) and place != SENT_PLACE) or source in sources or task in marked
    }


def delete_files(database: Database, images: ImageStore, names: Iterable[str]) -> None:
    """Deletes files of originals and thumbnails that no table lists any more.

    Another kernel may have stored the same image again in the meantime: each is looked up once more while none can.
    """
    for some in chunked(names):
        with database.writing() as connection:
            digests = [name.partition(".")[0].partition("-")[0] for name in some]
            listed = select_in(connection, "SELECT name FROM originals WHERE digest IN", digests)
            listed += select_in(connection, "SELECT name FROM thumbnails WHERE digest IN", digests)
            for name in set(some) - {name for (name,) in listed}:
                images.originals.remove(name)
                images.thumbnails.remove(name)


def _delete_rows(connection: Connection, plan: Plan) -> None:
    for statement, values in (
        ("DELETE FROM words WHERE rowid = (SELECT number FROM tasks WHERE key = ?)", plan.keys),
        ("DELETE FROM tags WHERE task = ?", plan.keys),
        ("DELETE FROM opinions WHERE task = ?", plan.keys),
        ("DELETE FROM parents WHERE task = ?", plan.keys),
        ("DELETE FROM tasks WHERE key = ?", plan.keys),
        ("DELETE FROM pictures WHERE source = ?", plan.sources),
        # The other records find it by its link; no task owns it any more.
        ("UPDATE pictures SET task = '' WHERE source = ?", plan.shared),
        ("DELETE FROM originals WHERE digest = ?", plan.originals),
        ("DELETE FROM thumbnails WHERE name = ?", plan.thumbnails),
    ):
        connection.executemany(statement, [(value,) for value in values])


def _texts_of_others(connection: Connection, keys: set[str], sources: Iterable[str]) -> Iterator[str | None]:
    """The records of other tasks that may reference some sources."""
    statement = "SELECT key, record, request FROM tasks"
    formatted = [format_source(source) for source in sources]
    if len(formatted) <= _FEW:
        # SQLite searches a hundred thousand records many times faster than Python.
        rows = (
            row
            for one in formatted
            for row in connection.execute(f"{statement} WHERE instr(record, ?) OR instr(request, ?)", (one, one))
        )
    else:
        rows = (row for row in connection.execute(statement))
    for key, record, request in rows:
        if key not in keys:
            yield record
            yield request
