"""The records of tasks, stored exactly as the service sent them so that later versions can read more out of them."""

from __future__ import annotations

import base64
import dataclasses
import json
import sqlite3
import time
import uuid
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from seedream_nb.core.foreign import read_mapping, read_text
from seedream_nb.core.models import Task, TaskStatus
from seedream_nb.core.task_ids import ENOUGH, Lookup
from seedream_nb.library.full_text import to_words
from seedream_nb.library.lineage_index import index_sent, index_sources
from seedream_nb.library.references import (
    SentImage,
    add_sent,
    encode,
    has_placeholders,
    images_of,
    lacks_data,
    restore_images,
    sent_images,
)
from seedream_nb.protocol.recorded_request import to_portable
from seedream_nb.protocol.responses import read_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from sqlite3 import Connection

    from seedream_nb.core.foreign import JsonObject
    from seedream_nb.core.models import TaskImage
    from seedream_nb.library.database import Database

_Item = TypeVar("_Item")

MICROSECONDS = 1_000_000
NAMELESS = uuid.UUID("3a2c8f0e-5d64-4b1f-9e07-6c1d2b8fa945")  # the namespace of ids for tasks that have none
MAX_IMAGES = 100  # of a task whose images keep their places; the service creates 17 at most
MAX_PARAMETERS = 500  # of one statement; older versions of SQLite accept 999
PAGE = 500  # records read at a time
_BEFORE_ALL = -(2**63)
STORED = "SELECT key, record, request, number FROM tasks"  # as `StoredTask` takes it
_FIELDS = ("url", "prompt", "model", "size", "output_format", "seed", "z_index", "name", "description")


class DamagedRecordError(sqlite3.DatabaseError, ValueError):
    """A stored record is not what was written; SQLite itself has no checksums."""


class StoredTask(NamedTuple):
    """What the library stores of one task."""

    key: str  # the id, for a record without one
    record: str  # as JSON, with placeholders for inline images
    request: str | None  # likewise; None if the record includes it
    number: int = 0  # the microsecond of its creation, and the order of tasks

    @property
    def request_text(self) -> JsonObject:
        """The request as it is stored, with placeholders and digests for inline images."""
        if self.request is not None:
            return _decode_text(self.request)
        return read_mapping(_decode_text(self.record).get("request"))

    @property
    def sent(self) -> list[SentImage]:
        """The reference images of its request."""
        return sent_images(self.request_text)

    def read(self, find_inline: Callable[[str], bytes | None]) -> Task:
        """The task; `find_inline` returns the image of a digest."""
        raw = _decode(self.record, find_inline)
        request = None if self.request is None else _decode(self.request, find_inline)
        task = read_task(raw if request is None else {**raw, "request": request}, self.key)
        if not task.status.is_final:
            # It was final when it was stored; only a newer version that reads more could say otherwise.
            task = dataclasses.replace(task, status=TaskStatus.SUCCEEDED)
        return task if task.raw is raw else dataclasses.replace(task, raw=raw)


def key_of(task_id: str) -> str:
    """A task id as the library stores it: ids that differ only in case are the same."""
    return read_text(task_id).strip().lower()


def storable(text: str) -> str:
    """Text that SQLite can hold: no encoding has lone halves of surrogate pairs."""
    return text.encode("utf-8", "replace").decode("utf-8")


def any_image(_digest: str) -> bytes:
    """Stands in for an inline image where only its existence matters."""
    return b"an image"


def places_of(task: Task) -> list[int]:
    """The places of a task's images; of a task without any, the place that the first one would have."""
    return [image.index for image in task.images] or [0]


def chunked(items: Iterable[_Item], size: int = MAX_PARAMETERS) -> Iterator[list[_Item]]:
    """Items in lists of a limited size."""
    remaining = list(items)
    for start in range(0, len(remaining), size):
        yield remaining[start : start + size]


def select_in(connection: Connection, statement: str, values: Iterable[str | int]) -> list[tuple[Any, ...]]:
    """Runs a statement that ends in `IN` for any number of values."""
    rows = []
    for some in chunked(values):
        rows += connection.execute(f"{statement} ({', '.join('?' * len(some))})", some).fetchall()
    return rows


def store_tasks(connection: Connection, tasks: Iterable[Task], store_inline: Callable[[bytes], str]) -> int:
    """Stores the records of final tasks, within a transaction.

    A known record is replaced unless that would lose images: the service may have cleared them. Tasks that are not
    final are skipped, and so are those that have neither an id nor an image. `store_inline` stores an inline image and
    returns its digest. Returns how many records were new or changed.
    """
    wanted = (task for task in tasks if task.status.is_final and (task.id or task.good_images))
    return sum(_store(connection, task, store_inline) for task in wanted)


def missing_images(known: Task, other: Task) -> list[TaskImage]:
    """The images of another record of a task that a known one lacks; a failed image or task lacks nothing."""
    if known.status is TaskStatus.FAILED:
        return []
    places, links = {image.index for image in known.images}, {image.url for image in known.images if image.url}
    return [
        image
        for image in other.good_images
        if image.index not in places and image.url not in links and image.index < MAX_IMAGES
    ]


def add_images(
    connection: Connection, stored: StoredTask, images: Iterable[TaskImage], store_inline: Callable[[bytes], str]
) -> None:
    """Adds images to a stored record at their places, within a transaction; what the record says stays."""
    record = _decode_text(stored.record)
    response = read_mapping(record["response"]) if "response" in record else record
    data = response.get("data")
    items = data if isinstance(data, list) else [data] if data else []
    # As they are read: anything else has no place.
    items = [item for item in items if isinstance(item, (dict, str))]
    for image in images:
        items += [{} for _place in range(len(items), image.index + 1)]
        items[image.index] = json.loads(encode(image.raw, store_inline))
    changed: JsonObject = {**response, "data": items}
    text = json.dumps({**record, "response": changed} if "response" in record else changed)
    task = StoredTask(stored.key, text, stored.request).read(str.encode)
    connection.execute("UPDATE tasks SET record = ?, status = ? WHERE key = ?", (text, task.status.value, stored.key))
    index_sources(connection, stored.key, task, ())
    index_words(connection, stored.number, task, text_of_marks(connection, stored.key))


def find_tasks(
    connection: Connection, task_ids: Iterable[str], find_inline: Callable[[str], bytes | None]
) -> dict[str, Task]:
    """Stored tasks by the ids that were given; `find_inline` returns the image of a digest."""
    keys = {task_id: key_of(task_id) for task_id in task_ids}
    rows = map(StoredTask._make, select_in(connection, f"{STORED} WHERE key IN", dict.fromkeys(keys.values())))
    stored = {row.key: row for row in rows}
    return {
        task_id: stored[key]._replace(key=task_id).read(find_inline) for task_id, key in keys.items() if key in stored
    }


def find_beginning(connection: Connection, beginning: str) -> list[Task]:
    """Some of the tasks whose ids begin with hexadecimal digits and hyphens; the index of ids finds them."""
    # All of these characters come before "g".
    condition = f"WHERE key >= ? AND key < ? ORDER BY key LIMIT {ENOUGH}"
    rows = connection.execute(f"{STORED} {condition}", (beginning, f"{beginning}g")).fetchall()
    return [StoredTask(*row).read(any_image) for row in rows]


def lookup_in(connection: Connection) -> Lookup:
    """The lookup of ids in the library, for the time of a transaction."""
    return Lookup(partial(find_beginning, connection), "the library")


def newest_keys(connection: Connection) -> list[str]:
    """The keys of all tasks, the newest first."""
    # The index of keys has the numbers, too; reading it and sorting is faster than skipping through the records.
    pairs = connection.execute("SELECT number, key FROM tasks ORDER BY key").fetchall()
    return [key for _number, key in sorted(pairs, reverse=True)]


def scan_all(database: Database) -> Iterator[StoredTask]:
    """All tasks, the oldest first, page by page: neither memory nor other kernels' writes must wait for all."""
    last = _BEFORE_ALL
    while True:
        with database.reading() as connection:
            rows = connection.execute(f"{STORED} WHERE number > ? ORDER BY number LIMIT {PAGE}", (last,))
            page = [StoredTask(*row) for row in rows]
        yield from page
        if len(page) < PAGE:
            return
        last = page[-1].number


def scan_some(database: Database, keys: Sequence[str]) -> Iterator[StoredTask]:
    """Some tasks in the order of their keys, page by page; unknown ones are skipped."""
    for some in chunked(keys):
        with database.reading() as connection:
            page = {row[0]: StoredTask(*row) for row in select_in(connection, f"{STORED} WHERE key IN", some)}
        yield from (page[key] for key in some if key in page)


def index_words(connection: Connection, number: int, task: Task, marks: str) -> None:
    """Makes a task searchable by its prompts, model and marks, within a transaction."""
    texts = [task.prompt]
    for image in task.images:
        texts += [image.prompt, image.name or "", image.description or ""]
    prompt = to_words(" ".join(dict.fromkeys(filter(None, texts))))
    row = (number, prompt, to_words(task.model or ""), to_words(marks))
    connection.execute("INSERT OR REPLACE INTO words (rowid, prompt, model, marks) VALUES (?, ?, ?, ?)", row)


def reindex(connection: Connection) -> None:
    """Rebuilds the full-text index within a transaction, and deletes records that can no longer be read."""
    connection.execute("DELETE FROM words")
    unreadable = []
    for stored in map(StoredTask._make, connection.execute(STORED)):
        try:
            task = stored.read(any_image)
        except DamagedRecordError:  # noqa: PERF203  one bad record must not spoil the others
            unreadable.append((stored.number,))
        else:
            index_words(connection, stored.number, task, text_of_marks(connection, stored.key))
    connection.executemany("DELETE FROM tasks WHERE number = ?", unreadable)


def text_of_marks(connection: Connection, key: str) -> str:
    """The tags and the notes of a task's images as one text."""
    tags = connection.execute("SELECT DISTINCT tag FROM tags WHERE task = ? ORDER BY tag", (key,))
    notes = connection.execute("SELECT note FROM opinions WHERE task = ? ORDER BY place", (key,))
    return " ".join(dict.fromkeys(text for (text,) in (*tags, *notes) if text))


def _store(connection: Connection, task: Task, store_inline: Callable[[bytes], str]) -> bool:
    raw = task.raw or _make_record(task)
    record = encode(raw, store_inline)
    has_request = not task.request or raw.get("request") == task.request
    request = None if has_request else encode(task.request, store_inline)
    key = _key_for(task, record)
    known = connection.execute("SELECT number, record, request FROM tasks WHERE key = ?", (key,)).fetchone()
    references = images_of(task.request or read_mapping(raw.get("request")))
    sent: list[SentImage] = []
    if references:
        ordered = _find_ordered(connection, key)
        with suppress(DamagedRecordError):
            ordered = ordered or (StoredTask(key, *known[1:]).sent if known else [])
        if any(map(lacks_data, references)):
            record, request = _add_sent(record, request, ordered)
        sent = [*StoredTask(key, record, request).sent, *ordered]
    row = (record, request, task.status.value, storable(task.model or ""))
    if known is None:
        number = _free_number(connection, _wanted_number(task))
        connection.execute(
            "INSERT INTO tasks (record, request, status, model, number, key, kept_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*row, number, key, time.time()),
        )
        index_words(connection, number, task, "")
        index_sources(connection, key, task, sent)
        return True
    number, known_record, known_request = known
    if (known_record, known_request) == (record, request):
        return False
    with suppress(DamagedRecordError):  # anything is better than a damaged record
        known_task = StoredTask(key, known_record, known_request).read(any_image)
        if _richness(known_task) > _richness(task):
            return False
        if task.created_at is not None and known_task.created_at is None:
            connection.execute("DELETE FROM words WHERE rowid = ?", (number,))
            number = _free_number(connection, _wanted_number(task))
    connection.execute(
        "UPDATE tasks SET record = ?, request = ?, status = ?, model = ?, number = ? WHERE key = ?", (*row, number, key)
    )
    index_words(connection, number, task, text_of_marks(connection, key))
    index_sources(connection, key, task, sent)
    return True


def add_sent_images(connection: Connection, key: str, sent: Sequence[SentImage] | None = None) -> None:
    """Adds to a stored request what is known of its inline reference images, by default what the ledger knows of them.

    Within a transaction; the service's own words stay what they are.
    """
    row = connection.execute(f"{STORED} WHERE key = ?", (key,)).fetchone()
    if row is None:
        return
    stored = StoredTask(*row)
    with suppress(DamagedRecordError):
        if any(map(lacks_data, images_of(stored.request_text))):
            record, request = _add_sent(stored.record, stored.request, sent or _find_ordered(connection, key))
            connection.execute("UPDATE tasks SET record = ?, request = ? WHERE key = ?", (record, request, key))
            stored = stored._replace(record=record, request=request)
        index_sent(connection, key, stored.sent)


def find_sent(connection: Connection, key: str) -> list[SentImage]:
    """The reference images of a stored task; none if it is not stored, or damaged."""
    row = connection.execute(f"{STORED} WHERE key = ?", (key,)).fetchone()
    with suppress(DamagedRecordError):
        return [] if row is None else StoredTask(*row).sent
    return []


def find_portable_request(connection: Connection, key: str) -> JsonObject:
    """The request of a task in its portable form, as its record has it, or else the ledger; empty if neither does."""
    row = connection.execute(f"{STORED} WHERE key = ?", (key,)).fetchone()
    found: JsonObject = {}
    with suppress(DamagedRecordError):
        if row is not None:
            stored = StoredTask(*row)
            found = to_portable(stored.read(any_image).request, [one.digest for one in stored.sent])
    return found or _read_order(connection, key)


def _read_order(connection: Connection, key: str) -> JsonObject:
    row = connection.execute("SELECT body FROM purchases WHERE task = ? ORDER BY number", (key,)).fetchone()
    body = _decode_text(row[0]) if row else {}
    images = [read_mapping(one) for one in images_of(body)]
    links = [one.get("link") or f"data:{read_text(one.get('sha256'))}" for one in images]
    return to_portable({**body, "image": links or None}, [read_text(one.get("sha256")) for one in images])


def _find_ordered(connection: Connection, key: str) -> list[SentImage]:
    """The reference images of a task as the ledger knows them; none if it does not."""
    row = connection.execute("SELECT body FROM purchases WHERE task = ? ORDER BY number", (key,)).fetchone()
    images = _decode_text(row[0]).get("image") if row else None
    sent = []
    for image in map(read_mapping, images if isinstance(images, list) else []):
        source = image.get("source")
        sent.append(
            SentImage(
                digest="" if "link" in image else read_text(image.get("sha256")),
                source=(str(source[0]), int(source[1])) if isinstance(source, list) else None,
            )
        )
    return sent


def _add_sent(record: str, request: str | None, sent: Sequence[SentImage]) -> tuple[str, str | None]:
    """A record and its request as they are stored, with what is known of inline reference images."""
    if request is not None:
        return record, json.dumps(add_sent(_decode_text(request), sent))
    value = _decode_text(record)
    return json.dumps({**value, "request": add_sent(read_mapping(value.get("request")), sent)}), None


def record_key(task: Task, store_inline: Callable[[bytes], str]) -> str:
    """The key under which a task is stored."""
    return _key_for(task, encode(task.raw or _make_record(task), store_inline))


def _key_for(task: Task, record: str) -> str:
    # A streamed task has no id, and what was paid for must be found again all the same.
    return key_of(task.id) or str(uuid.uuid5(NAMELESS, record))


def _decode(text: str, find_inline: Callable[[str], bytes | None]) -> JsonObject:
    value = _decode_text(text)
    restored: JsonObject = restore_images(value, find_inline) if has_placeholders(text) else value
    return restored


def _decode_text(text: str) -> JsonObject:
    try:
        value = json.loads(text)
    except (ValueError, TypeError) as problem:
        raise DamagedRecordError(f"a record cannot be read: {problem}") from problem
    if not isinstance(value, dict):
        raise DamagedRecordError("a record is not an object")
    return value


def _richness(task: Task) -> tuple[int, int]:
    """How much is known of a task: first its images, then everything else."""
    known = (task.prompt, task.model, task.request, task.created_at, task.finished_at, task.trace_id, task.error)
    return len(task.good_images), sum(map(bool, known))


def _wanted_number(task: Task) -> int:
    return int((task.created_at.timestamp() if task.created_at else time.time()) * MICROSECONDS)


def _free_number(connection: Connection, wanted: int) -> int:
    """A free row number; tasks that were created in the same microsecond follow one another."""

    def is_taken(number: int) -> bool:
        return connection.execute("SELECT 1 FROM tasks WHERE number = ?", (number,)).fetchone() is not None

    if not is_taken(wanted):
        return wanted
    # Thousands may share one; a binary search finds their end in few steps.
    taken, step = wanted, 1
    while is_taken(wanted + step):
        taken, step = wanted + step, 2 * step
    free = wanted + step
    while free - taken > 1:
        middle = (taken + free) // 2
        taken, free = (middle, free) if is_taken(middle) else (taken, middle)
    return free


def _make_record(task: Task) -> JsonObject:
    """A record in the service's format for a task that arrived in pieces, as a streamed one does."""
    items = {image.index: image.raw or _make_item(image) for image in task.images}
    # Some images may be missing; each of the others keeps its place.
    has_places = len(items) == len(task.images) and max(items, default=0) < MAX_IMAGES
    places = range(max(items, default=-1) + 1) if has_places else ()
    data = [items.get(place, {}) for place in places] or [image.raw or _make_item(image) for image in task.images]
    response: JsonObject = {"task_id": task.id.strip(), "data": data}
    if task.error is not None:
        response |= {"success": False, "error": dataclasses.asdict(task.error)}
    if task.usage is not None:
        response["usage"] = dataclasses.asdict(task.usage)
    times = {"created_at": task.created_at, "finished_at": task.finished_at}
    return {
        "id": task.id.strip(),
        "request": task.request,
        "response": response,
        "trace_id": task.trace_id,
        **{name: moment.timestamp() for name, moment in times.items() if moment is not None},
        **({} if task.elapsed is None else {"elapsed": task.elapsed}),
    }


def _make_item(image: TaskImage) -> JsonObject:
    item = {name: getattr(image, name) for name in _FIELDS if getattr(image, name) is not None}
    if image.data is not None:
        item["b64_json"] = base64.b64encode(image.data).decode("ascii")
    if image.error is not None:
        item["error"] = dataclasses.asdict(image.error)
    if image.bounding_box is not None:
        item["bounding_box"] = dataclasses.asdict(image.bounding_box)
    return item
