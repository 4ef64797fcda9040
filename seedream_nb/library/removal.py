"""Why: what is not wanted any more goes, with its pictures, and it is said before what that frees.

A picture stays as long as any other record speaks of it. Files go last: a kill leaves at most files that nothing tells
of, which `verify` clears away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from seedream_nb.core.errors import UsageError
from seedream_nb.library.image_store import INLINE
from seedream_nb.library.marks import MARKED
from seedream_nb.library.mentions import mentioned_in, parted, sources_in, spell_source
from seedream_nb.library.records import MICROSECONDS, MOST_PARAMETERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime
    from sqlite3 import Connection

    from seedream_nb.library.database import Database
    from seedream_nb.library.image_store import ImageStore

_FEW = 20  # sources that SQLite looks for one after the other
_MARKED_RECORDS = f"SELECT key, record, request FROM tasks WHERE key IN ({MARKED})"  # noqa: S608  our own words
_OLD_AND_UNMARKED = f"SELECT key FROM tasks WHERE number < ? AND key NOT IN ({MARKED})"  # noqa: S608  our own words


@dataclass(frozen=True)
class Removal:
    """What goes, or would go.

    Attributes:
        tasks: How many records.
        originals: How many pictures at full size.
        size: The bytes of the files that go: originals and thumbnails.
    """

    tasks: int
    originals: int
    size: int


@dataclass(frozen=True)
class Plan:
    """What exactly is to go.

    Attributes:
        keys: Of tasks.
        sources: Of pictures that no other record speaks of.
        shared: Sources that others speak of, too; these stay.
        originals: The name and size of each, by digest.
        thumbnails: The size of each, by name.
    """

    keys: list[str]
    sources: list[str]
    shared: list[str]
    originals: dict[str, tuple[str, int]]
    thumbnails: dict[str, int]

    @property
    def files(self) -> list[str]:
        """The names of the files that nothing tells of, once it is carried out."""
        return [*(name for name, _size in self.originals.values()), *self.thumbnails]

    def sum(self) -> Removal:
        """What that frees."""
        sizes = [size for _name, size in self.originals.values()]
        return Removal(len(self.keys), len(self.originals), sum(sizes) + sum(self.thumbnails.values()))


def plan_removal(connection: Connection, keys: list[str]) -> Plan:
    """Finds out what goes with some tasks.

    Args:
        connection: A connection.
        keys: The keys of the tasks.

    Returns:
        The plan; nothing is removed yet.
    """
    going = set(keys)
    rows = _select(connection, "SELECT source, task, digest FROM pictures WHERE task IN", keys)
    records = _select(connection, "SELECT record, request FROM tasks WHERE key IN", keys)
    mentioned = {source for texts in records for text in texts if text for source in sources_in(text)}
    rows += _select(connection, "SELECT source, task, digest FROM pictures WHERE source IN", mentioned)
    own = {source: digest for source, task, digest in rows if not task or task in going}
    shared = mentioned_in(_texts_of_others(connection, going, own), own)
    digests = {digest for source, digest in own.items() if source not in shared}
    # Another link, or another record, may have led to the very same picture.
    others = _select(connection, "SELECT source, digest FROM pictures WHERE digest IN", digests)
    free = sorted(digests - {digest for source, digest in others if source in shared or source not in own})
    originals = _select(connection, "SELECT digest, name, size FROM originals WHERE digest IN", free)
    thumbnails = _select(connection, "SELECT name, size FROM thumbnails WHERE digest IN", free)
    return Plan(
        keys,
        sorted(own.keys() - shared),
        sorted(shared),
        {digest: (name, size) for digest, name, size in originals},
        dict(thumbnails),
    )


def plan_pruning(connection: Connection, older: datetime | None, larger: int | None) -> Plan:
    """Finds out what is old, and what is large; never what people have marked.

    Args:
        connection: A connection.
        older: Tasks that were created before go; None for none.
        larger: Originals of more bytes go, and their records stay; None for none.

    Returns:
        The plan; nothing is removed yet.

    Raises:
        UsageError: Neither is said.
    """
    if older is None and larger is None:
        raise UsageError("It is not said what to prune.", hint="Say how old or how large: older=…, larger=….")
    before = None if older is None else int(older.timestamp() * MICROSECONDS)
    keys = [] if before is None else [key for (key,) in connection.execute(_OLD_AND_UNMARKED, (before,))]
    plan = plan_removal(connection, keys)
    if larger is not None:
        staying = find_staying(connection)
        large = connection.execute("SELECT digest, name, size FROM originals WHERE size > ?", (larger,))
        plan.originals.update({digest: (name, size) for digest, name, size in large if digest not in staying})
    return plan


def find_staying(connection: Connection) -> set[str]:
    """The digests of originals that came without a link, and of those that marked tasks speak of.

    What came without a link cannot be fetched again, and what is marked is wanted.
    """
    marked: set[str] = set()
    sources: set[str] = set()
    for key, record, request in connection.execute(_MARKED_RECORDS):
        marked.add(key)
        # A picture is known by its link, whichever record it was fetched for.
        sources |= sources_in(record) | sources_in(request or "")
    return {
        digest
        for source, task, digest in connection.execute("SELECT source, task, digest FROM pictures")
        if source.startswith(INLINE) or source in sources or task in marked
    }


def carry_out(connection: Connection, plan: Plan) -> None:
    """Removes what a plan says, but for the files, within a transaction in which it was made."""
    keys = _rows(plan.keys)
    connection.executemany("DELETE FROM words WHERE rowid = (SELECT number FROM tasks WHERE key = ?)", keys)
    connection.executemany("DELETE FROM tasks WHERE key = ?", keys)
    connection.executemany("DELETE FROM pictures WHERE source = ?", _rows(plan.sources))
    # The others find it by its link; it is no task's own any more.
    connection.executemany("UPDATE pictures SET task = '' WHERE source = ?", _rows(plan.shared))
    connection.executemany("DELETE FROM originals WHERE digest = ?", _rows(plan.originals))
    connection.executemany("DELETE FROM thumbnails WHERE name = ?", _rows(plan.thumbnails))


def sweep(database: Database, images: ImageStore, names: Iterable[str]) -> None:
    """Removes files that nothing tells of any more.

    Another kernel may have kept the same picture again meanwhile: while it cannot, each is looked up once more.

    Args:
        database: The library's database.
        images: Its images.
        names: Of files of originals and thumbnails.

    Raises:
        LibraryError: The database cannot be locked.
    """
    for some in parted(names, MOST_PARAMETERS):
        with database.writing() as connection:
            digests = [name.partition(".")[0].partition("-")[0] for name in some]
            told = _select(connection, "SELECT name FROM originals WHERE digest IN", digests)
            told += _select(connection, "SELECT name FROM thumbnails WHERE digest IN", digests)
            for name in set(some) - {name for (name,) in told}:
                images.originals.remove(name)
                images.thumbnails.remove(name)


def _texts_of_others(connection: Connection, keys: set[str], sources: Iterable[str]) -> Iterator[str]:
    """The records of other tasks that may speak of some sources."""
    question = "SELECT key, record, request FROM tasks"
    spelled = [spell_source(source) for source in sources]
    if len(spelled) <= _FEW:
        # SQLite looks through a hundred thousand records many times faster.
        rows = (
            row
            for one in spelled
            for row in connection.execute(f"{question} WHERE instr(record, ?) OR instr(request, ?)", (one, one))
        )
    else:
        rows = (row for row in connection.execute(question))
    for key, record, request in rows:
        if key not in keys:
            yield record
            yield request or ""


def _rows(values: Iterable[str]) -> list[tuple[str]]:
    return [(value,) for value in values]


def _select(connection: Connection, question: str, values: Iterable[str]) -> list[tuple[Any, ...]]:
    """The answers to a question about many values, asked in parts."""
    answers = []
    for some in parted(values, MOST_PARAMETERS):
        answers += connection.execute(f"{question} ({', '.join('?' * len(some))})", some).fetchall()
    return answers
