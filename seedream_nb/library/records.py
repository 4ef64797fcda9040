"""Why: what the service said of a task is kept as it was said, so that a later version may read more out of it."""

from __future__ import annotations

import base64
import dataclasses
import json
import sqlite3
import time
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from seedream_nb.core.coerce import read_text
from seedream_nb.core.models import Task, TaskStatus
from seedream_nb.library.inline import encode, has_words, put_back
from seedream_nb.library.words import to_words
from seedream_nb.protocol.responses import read_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from sqlite3 import Connection

    from seedream_nb.core.coerce import JsonObject
    from seedream_nb.core.models import TaskImage

MICROSECONDS = 1_000_000
NAMELESS = uuid.UUID("3a2c8f0e-5d64-4b1f-9e07-6c1d2b8fa945")  # the namespace of the ids that nameless tasks are given
MOST = 100  # images of a task that may be kept at their places; the service makes 17 at most
MOST_PARAMETERS = 500  # of one statement; older versions of SQLite take 999
_FIELDS = ("url", "prompt", "model", "size", "output_format", "seed", "z_index", "name", "description")


class DamagedRecordError(sqlite3.DatabaseError, ValueError):
    """What is kept of a task is not what was written; SQLite has no checksums that would tell it."""


def key_of(task_id: str) -> str:
    """A task id as the library knows it: ids that differ only in case are the same task's."""
    return read_text(task_id).strip().lower()


def storable(text: str) -> str:
    """Text as SQLite can hold it: without halves of surrogate pairs, which no encoding can carry."""
    return text.encode("utf-8", "replace").decode("utf-8")


def put_tasks(connection: Connection, tasks: Iterable[Task], keep_inline: Callable[[bytes], str]) -> int:
    """Keeps the records of tasks that are final, within a transaction.

    A record that is known is replaced, unless pictures would be lost with it: the service may have cleared them.

    Args:
        connection: Within a transaction.
        tasks: Tasks in whatever state; those that are not final are passed over, and so are those that have neither
            an id nor a picture.
        keep_inline: Keeps a picture that a record carries within itself, and returns its digest.

    Returns:
        How many records were new, or other than before.
    """
    kept = (task for task in tasks if task.status.is_final and (task.id or task.good_images))
    return sum(_put(connection, task, keep_inline) for task in kept)


def find_tasks(
    connection: Connection, task_ids: Iterable[str], find_inline: Callable[[str], bytes | None]
) -> dict[str, Task]:
    """Reads the records of some tasks.

    Args:
        connection: A connection.
        task_ids: Their ids.
        find_inline: Gives the picture of a digest.

    Returns:
        The tasks that are kept, by the ids that were asked for.

    Raises:
        DamagedRecordError: A record is damaged.
    """
    keys = {task_id: key_of(task_id) for task_id in task_ids}
    rows: dict[str, tuple[str, str | None]] = {}
    for some in _parted(list(dict.fromkeys(keys.values()))):
        places = ", ".join("?" * len(some))
        found = connection.execute(f"SELECT key, record, request FROM tasks WHERE key IN ({places})", some)  # noqa: S608  only question marks
        rows.update({key: (record, request) for key, record, request in found})
    return {task_id: read_kept(task_id, *rows[key], find_inline) for task_id, key in keys.items() if key in rows}


def read_kept(task_id: str, record: str, request: str | None, find_inline: Callable[[str], bytes | None]) -> Task:
    """A task out of what is kept of it.

    Args:
        task_id: The id, for a record that names none.
        record: The record, as it is kept.
        request: The request, where the record does not tell it.
        find_inline: Gives the picture of a digest.

    Returns:
        The task.

    Raises:
        DamagedRecordError: The record is damaged.
    """
    raw = _decode(record, find_inline)
    task = read_task(raw if request is None else {**raw, "request": _decode(request, find_inline)}, task_id)
    if not task.status.is_final:
        # It was when it was kept; only a reader that has learned something new could say otherwise.
        task = dataclasses.replace(task, status=TaskStatus.SUCCEEDED)
    return task if task.raw is raw else dataclasses.replace(task, raw=raw)


def index_words(connection: Connection, number: int, task: Task, marks: str) -> None:
    """Makes a task findable by its words, within a transaction.

    Args:
        connection: Within a transaction.
        number: The task's number.
        task: The task.
        marks: What people say of it: tags and notes.
    """
    texts = [task.prompt]
    for image in task.images:
        texts += [image.prompt, image.name or "", image.description or ""]
    prompt = to_words(" ".join(dict.fromkeys(filter(None, texts))))
    row = (number, prompt, to_words(task.model or ""), to_words(marks))
    connection.execute("INSERT OR REPLACE INTO words (rowid, prompt, model, marks) VALUES (?, ?, ?, ?)", row)


def reindex(connection: Connection) -> None:
    """Makes the index of words anew, within a transaction; what people say of a task is part of it.

    Records that cannot be read any more go.
    """
    connection.execute("DELETE FROM words")
    unreadable = []
    for number, key, record, request in connection.execute("SELECT number, key, record, request FROM tasks"):
        try:
            task = read_kept(key, record, request, _any_picture)
        except DamagedRecordError:  # noqa: PERF203  one bad record must not spoil the others
            unreadable.append((number,))
        else:
            index_words(connection, number, task, marks_of(connection, key))
    connection.executemany("DELETE FROM tasks WHERE number = ?", unreadable)


def marks_of(connection: Connection, key: str) -> str:
    """What people say of a task, in one text: its tags and its note."""
    tags = [tag for (tag,) in connection.execute("SELECT tag FROM tags WHERE task = ? ORDER BY tag", (key,))]
    notes = [note for (note,) in connection.execute("SELECT note FROM opinions WHERE task = ?", (key,))]
    return " ".join([*tags, *notes])


def _put(connection: Connection, task: Task, keep_inline: Callable[[bytes], str]) -> bool:
    raw = task.raw or _make_record(task)
    record = encode(raw, keep_inline)
    is_told = not task.request or raw.get("request") == task.request
    request = None if is_told else encode(task.request, keep_inline)
    # The service names no id in a stream, and what was paid for must be found again all the same.
    key = key_of(task.id) or str(uuid.uuid5(NAMELESS, record))
    row = (record, request, task.status.value, storable(task.model or ""))
    known = connection.execute("SELECT number, record, request FROM tasks WHERE key = ?", (key,)).fetchone()
    if known is None:
        number = _free_number(connection, _wanted_number(task))
        connection.execute(
            "INSERT INTO tasks (record, request, status, model, number, key, kept_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*row, number, key, time.time()),
        )
        index_words(connection, number, task, "")
        return True
    number, known_record, known_request = known
    if (known_record, known_request) == (record, request):
        return False
    with suppress(DamagedRecordError):  # a damaged record is poorer than any other
        known_task = read_kept(key, known_record, known_request, _any_picture)
        if _riches(known_task) > _riches(task):
            return False
        if task.created_at is not None and known_task.created_at is None:
            connection.execute("DELETE FROM words WHERE rowid = ?", (number,))
            number = _free_number(connection, _wanted_number(task))
    connection.execute(
        "UPDATE tasks SET record = ?, request = ?, status = ?, model = ?, number = ? WHERE key = ?", (*row, number, key)
    )
    index_words(connection, number, task, marks_of(connection, key))
    return True


def _any_picture(_digest: str) -> bytes:
    """Stands for a picture where it only matters that there is one."""
    return b"a picture"


def _decode(text: str, find_inline: Callable[[str], bytes | None]) -> JsonObject:
    try:
        value = json.loads(text)
    except (ValueError, TypeError) as problem:
        raise DamagedRecordError(f"a record cannot be read: {problem}") from problem
    if not isinstance(value, dict):
        raise DamagedRecordError("a record is none")
    return put_back(value, find_inline) if has_words(text) else value


def _riches(task: Task) -> tuple[int, int]:
    """How much is told of a task: the pictures come first."""
    told = (task.prompt, task.model, task.request, task.created_at, task.finished_at, task.trace_id, task.error)
    return len(task.good_images), sum(map(bool, told))


def _wanted_number(task: Task) -> int:
    return int((task.created_at.timestamp() if task.created_at else time.time()) * MICROSECONDS)


def _free_number(connection: Connection, wanted: int) -> int:
    """A number for a task; those that were created in the same microsecond stand behind one another."""

    def is_taken(number: int) -> bool:
        return connection.execute("SELECT 1 FROM tasks WHERE number = ?", (number,)).fetchone() is not None

    if not is_taken(wanted):
        return wanted
    # Thousands may have the same; the end of their row is found in few steps.
    taken, step = wanted, 1
    while is_taken(wanted + step):
        taken, step = wanted + step, 2 * step
    free = wanted + step
    while free - taken > 1:
        middle = (taken + free) // 2
        taken, free = (middle, free) if is_taken(middle) else (taken, middle)
    return free


def _make_record(task: Task) -> JsonObject:
    """A record in the service's own form for a task that came in pieces, as a stream's does."""
    items = {image.index: image.raw or _make_item(image) for image in task.images}
    # Images may have come without some before them; each keeps its place.
    places = (
        range(max(items, default=-1) + 1) if len(items) == len(task.images) and max(items, default=0) < MOST else ()
    )
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


def _parted(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), MOST_PARAMETERS):
        yield items[start : start + MOST_PARAMETERS]
