"""What images were made from, and what was made from them, as far as a library knows.

A reference image is found by its content: by its link, by the bytes of a stored original, or by the provenance that a
saved file or a copy that was drawn on carries. Of several tasks that hold the same image, the oldest is the parent.
"""

from __future__ import annotations

import dataclasses
from contextlib import contextmanager
from dataclasses import dataclass
from sqlite3 import OperationalError
from typing import TYPE_CHECKING, NamedTuple

from seedream_nb.core.models import Task, TaskImage
from seedream_nb.core.providers import provide
from seedream_nb.core.task_ids import read_id
from seedream_nb.library.lineage_index import (
    index_sources,
    number_of,
    source_of_image,
    source_of_place,
    sources_of_sent,
)
from seedream_nb.library.records import (
    PAGE,
    STORED,
    DamagedRecordError,
    StoredTask,
    key_of,
    lookup_in,
    select_in,
)
from seedream_nb.library.references import INLINE, is_task_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from sqlite3 import Connection

    from seedream_nb.library.database import Database
    from seedream_nb.library.references import SentImage

MOST_CHILDREN = 20  # of one task that a tree lists
MOST_ENTRIES = 200  # of a tree, on each side of what it is about
_PROGRESS = "lineage"  # the property that says up to which number older records are indexed
_COMPLETE = "complete"
_BEFORE_ALL = -(2**63)


class Place(NamedTuple):
    """An image in the library: the key of its task, and its index there."""

    key: str
    place: int


@dataclass(frozen=True)
class LineageEntry:
    """A task in a tree.

    Attributes:
        task: The task.
        place: For what led to an image, the place of the image that was used; otherwise the place of the parent's image
            that this task was made from; None where no single image is meant.
        level: How far away it is; negative for what led to it, 0 for the task itself, positive for what it led to.
        is_repeated: Whether it is listed above already, with its own relatives.
        unlisted: How many more of its parents or children there are.
    """

    task: Task
    place: int | None
    level: int
    is_repeated: bool = False
    unlisted: int = 0


@dataclass(frozen=True)
class LineageTree:
    """What led to a task or an image, and what it led to; shows itself in a notebook, and as text elsewhere.

    Attributes:
        task: The task.
        place: The place of the image that it is about; None for all images of the task.
        ancestors: What led to it, each followed by what led to that.
        descendants: What it led to, each followed by what that led to.
        unlisted: How many more direct children it has.
        library: The library's folder.
    """

    task: Task
    place: int | None
    ancestors: tuple[LineageEntry, ...]
    descendants: tuple[LineageEntry, ...]
    unlisted: int = 0
    library: str = ""

    def __repr__(self) -> str:
        return str(provide("render_lineage_text")(self))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        del include, exclude
        return {"text/html": str(provide("render_lineage_html")(self)), "text/plain": repr(self)}


class Lineage:
    """The lineage in one library.

    Args:
        database: Its records.
        read: Returns the original of a digest; None if it is not stored.
        locate: Adds the library's location to a task.
    """

    def __init__(self, database: Database, read: Callable[[str], bytes | None], locate: Callable[[Task], Task]) -> None:
        self._database = database
        self._read = read
        self._locate = locate

    def parents(self, what: str | Task | TaskImage) -> list[TaskImage]:
        """The images that a task or an image was made from, in the order of the reference images."""
        with self._reading() as connection:
            place = self._find(connection, what)
            found = [] if place is None else self._parents_of(connection, place.key)
            return self._images_at(connection, found)

    def children(self, what: str | Task | TaskImage) -> list[TaskImage]:
        """The images that were made from an image, or from any image of a task, the oldest first."""
        with self._reading() as connection:
            place = self._find(connection, what)
            if place is None:
                return []
            index = place.place if isinstance(what, TaskImage) else None
            tasks = self._tasks(connection, [key for key, _place in self._children_of(connection, place.key, index)])
            return [image for task in tasks.values() for image in task.good_images]

    def find_task_of(self, image: TaskImage) -> str:
        """The id of the stored task that has an image, by its content; empty for none."""
        with self._reading() as connection:
            place = self._find(connection, dataclasses.replace(image, task_id=""))
            return "" if place is None else place.key

    def tree(self, what: str | Task | TaskImage) -> LineageTree | None:
        """The tree around a task or an image; None if it is not stored."""
        with self._reading() as connection:
            place = self._find(connection, what)
            if place is None:
                return None
            index = place.place if isinstance(what, TaskImage) else None
            task = self._tasks(connection, [place.key])[place.key]
            children = self._children_of(connection, place.key, index)
            return LineageTree(
                task,
                index,
                tuple(self._walk(connection, place.key, None, sign=-1)),
                tuple(self._walk(connection, place.key, index, sign=1)),
                unlisted=max(0, len(children) - MOST_CHILDREN),
                library=task.library or "",
            )

    def _walk(self, connection: Connection, start: str, index: int | None, *, sign: int) -> list[LineageEntry]:
        """The relatives of a task on one side, each followed by its own; every task has its relatives listed once."""
        entries: list[LineageEntry] = []
        seen = {start}
        # Not by recursion: chains of edits can be longer than Python's stack.
        waiting = [(place, sign) for place in reversed(self._next(connection, start, index, sign)[:MOST_CHILDREN])]
        while waiting and len(entries) < MOST_ENTRIES:
            (key, place), level = waiting.pop()
            is_repeated = key in seen
            following = [] if is_repeated else self._next(connection, key, None, sign)
            seen.add(key)
            tasks = self._tasks(connection, [key])
            if key not in tasks:
                continue
            unlisted = max(0, len(following) - MOST_CHILDREN)
            entries.append(LineageEntry(tasks[key], place, level, is_repeated, unlisted))
            waiting += [(one, level + sign) for one in reversed(following[:MOST_CHILDREN])]
        if waiting and entries:
            entries[-1] = dataclasses.replace(entries[-1], unlisted=entries[-1].unlisted + len(waiting))
        return entries

    def _next(self, connection: Connection, key: str, index: int | None, sign: int) -> list[tuple[str, int | None]]:
        if sign > 0:
            return self._children_of(connection, key, index)
        return [(parent, place) for parent, place in dict.fromkeys(self._parents_of(connection, key))]

    def _parents_of(self, connection: Connection, key: str) -> list[Place]:
        """The place of each known reference image of a task, in order."""
        row = connection.execute(f"{STORED} WHERE key = ?", (key,)).fetchone()
        found = []
        for sent in StoredTask(*row).sent if row else ():
            sources, places = _same_content(connection, sources_of_sent(dataclasses.replace(sent, source=None)))
            candidates = [place for place in _holders(connection, sources, places) if place.key != key]
            if not candidates:
                (sent,) = find_sources([sent], self._read)  # noqa: PLW2901  now with the image whose copy it is
                place = None if sent.source is None else Place(*sent.source)
                candidates = [] if place is None or place.key == key else _holders(connection, (), {place})
            found += candidates[:1]
        return found

    def _children_of(self, connection: Connection, key: str, index: int | None) -> list[tuple[str, int | None]]:
        """The tasks that were made from an image of a task, or from any, each with the place of that image."""
        row = connection.execute(f"{STORED} WHERE key = ?", (key,)).fetchone()
        if row is None:
            return []
        found: dict[str, int | None] = {}
        for image in StoredTask(*row).read(str.encode).good_images:
            if index in {None, image.index}:
                place = Place(key, image.index)
                sources, _places = _same_content(connection, [source_of_image(image)], place)
                for child in _users(connection, {*sources, source_of_place(*place)}):
                    found.setdefault(child, image.index)
        found.pop(key, None)
        order = dict(select_in(connection, "SELECT key, number FROM tasks WHERE key IN", found))
        return sorted(found.items(), key=lambda pair: order[pair[0]])

    def _find(self, connection: Connection, what: str | Task | TaskImage) -> Place | None:
        """The place of what was given; None if it is not stored. An image without an id is found by its content."""
        if isinstance(what, TaskImage) and not what.task_id.strip():
            sources, places = _same_content(connection, [source_of_image(what)])
            return next(iter(_holders(connection, sources, places)), None)
        key = key_of(read_id(what, lookup_in(connection)))
        return Place(key, what.index if isinstance(what, TaskImage) else 0) if _is_stored(connection, key) else None

    def _images_at(self, connection: Connection, places: Iterable[Place]) -> list[TaskImage]:
        """The images at some places, each once."""
        wanted = list(dict.fromkeys(places))
        tasks = self._tasks(connection, dict.fromkeys(place.key for place in wanted))
        images = {(key, image.index): image for key, task in tasks.items() for image in task.good_images}
        return [images[place] for place in wanted if place in images]

    def _tasks(self, connection: Connection, keys: Iterable[str]) -> dict[str, Task]:
        wanted = list(keys)
        stored = {row[0]: StoredTask(*row) for row in select_in(connection, f"{STORED} WHERE key IN", wanted)}
        return {key: self._locate(stored[key].read(self._read)) for key in wanted if key in stored}

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        """A connection for queries when all records are indexed: a library of an earlier version is, on first use."""
        if not self._database.is_read_only:
            # Page by page: other threads and kernels use the library meanwhile, or index it, too.
            while self._index_page():
                pass
        with self._database.reading() as connection:
            if self._database.is_read_only and _progress(connection) != _COMPLETE:
                _index_all(connection, self._read)
            yield connection

    def _index_page(self) -> bool:
        """Indexes some records; returns whether there are more."""
        with self._database.reading() as connection:
            if _progress(connection) == _COMPLETE:
                return False
        with self._database.writing() as connection:
            progress = _progress(connection)
            if progress == _COMPLETE:
                return False
            last = index_after(connection, int(progress), self._read)
            _set_progress(connection, _COMPLETE if last is None else str(last))
            return last is not None


def find_sources(sent: Iterable[SentImage], read: Callable[[str], bytes | None]) -> list[SentImage]:
    """Reference images with the images whose copies they say they are, as far as their files are stored."""
    found = []
    for one in sent:
        content = read(one.digest) if one.digest and one.source is None else None
        found.append(one if content is None else dataclasses.replace(one, source=source_in(content)))
    return found


def source_in(content: bytes) -> tuple[str, int] | None:
    """The task key and the place of the image whose copy a file says it is, such as a saved one; None for none."""
    # Imported here: most records have no inline reference image.
    from seedream_nb.images.saved_files import read_provenance  # noqa: PLC0415  see above

    provenance = read_provenance(content)
    key = key_of(provenance.task_id) if provenance else ""
    return (key, provenance.index) if provenance and is_task_key(key) else None


def index_after(connection: Connection, number: int, read: Callable[[str], bytes | None]) -> int | None:
    """Indexes a page of records after a number; returns the last one's number, None at the end."""
    rows = connection.execute(f"{STORED} WHERE number > ? ORDER BY number LIMIT {PAGE}", (number,)).fetchall()
    for stored in map(StoredTask._make, rows):
        try:
            task, sent = stored.read(str.encode), stored.sent
        except DamagedRecordError:  # a bad record must not stop the others
            continue
        index_sources(connection, stored.key, task, find_sources(sent, read))
    return rows[-1][-1] if len(rows) == PAGE else None


def _index_all(connection: Connection, read: Callable[[str], bytes | None]) -> None:
    """Indexes all records into temporary tables, where nothing can be written."""
    connection.execute(
        "CREATE TEMP TABLE IF NOT EXISTS parents (task, parent, place, PRIMARY KEY (task, parent, place))"
    )
    connection.execute("CREATE INDEX IF NOT EXISTS temp.children_here ON parents (parent, place)")
    number: int | None = _BEFORE_ALL
    while number is not None:
        number = index_after(connection, number, read)


def _progress(connection: Connection) -> str:
    try:
        row = connection.execute("SELECT value FROM properties WHERE name = ?", (_PROGRESS,)).fetchone()
    except OperationalError:  # a file of the first versions has no properties
        row = None
    return str(row[0]) if row else str(_BEFORE_ALL)


def _set_progress(connection: Connection, value: str) -> None:
    connection.execute("INSERT OR REPLACE INTO properties VALUES (?, ?)", (_PROGRESS, value))


def _same_content(
    connection: Connection, sources: Sequence[str], place: Place | None = None
) -> tuple[set[str], set[Place]]:
    """All sources of the very same image, and the places under which its original was stored."""
    digests = {source.removeprefix(INLINE) for source in sources if source.startswith(INLINE)}
    rows = select_in(connection, "SELECT digest FROM pictures WHERE source IN", sources)
    if place is not None:
        rows += connection.execute("SELECT digest FROM pictures WHERE task = ? AND place = ?", place).fetchall()
    digests |= {digest for (digest,) in rows}
    same = select_in(connection, "SELECT source, task, place FROM pictures WHERE digest IN", digests)
    return (
        {*sources, *(INLINE + digest for digest in digests), *(source for source, _task, _place in same)},
        {Place(task, index) for _source, task, index in same if task and index >= 0},
    )


def _holders(connection: Connection, sources: Iterable[str], places: Iterable[Place]) -> list[Place]:
    """The stored images that have one of these sources, or are at one of these places, the oldest first."""
    # Only rows of images: those of reference images have the place OF_REFERENCE.
    statement = "SELECT task, place FROM parents WHERE place >= 0 AND parent IN"
    found = {Place(*row) for row in select_in(connection, statement, map(number_of, sources))} | set(places)
    order = dict(select_in(connection, "SELECT key, number FROM tasks WHERE key IN", {place.key for place in found}))
    return sorted((place for place in found if place.key in order), key=lambda place: (order[place.key], place))


def _users(connection: Connection, sources: Iterable[str]) -> list[str]:
    """The keys of the stored tasks that have a reference image with one of these sources."""
    statement = "SELECT DISTINCT task FROM parents WHERE place < 0 AND parent IN"
    found = {key for (key,) in select_in(connection, statement, map(number_of, sources))}
    return [key for (key,) in select_in(connection, "SELECT key FROM tasks WHERE key IN", found)]


def _is_stored(connection: Connection, key: str) -> bool:
    return connection.execute("SELECT 1 FROM tasks WHERE key = ?", (key,)).fetchone() is not None
