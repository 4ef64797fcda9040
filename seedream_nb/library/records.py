"""Why: what the service said of a task is kept as it was said, so that a later version may read more out of it."""

from __future__ import annotations

import dataclasses
import json
import time
from typing import TYPE_CHECKING

from seedream_nb.library.files import digest_of
from seedream_nb.library.inline import put_back, take_out
from seedream_nb.library.words import to_words
from seedream_nb.models import Task, TaskStatus
from seedream_nb.wire import read_task

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from sqlite3 import Connection

    from seedream_nb.json_values import JsonObject

MICROSECONDS = 1_000_000
STREAM = "stream-"  # how the names begin that tasks without an id are given
MOST_PARAMETERS = 500  # of one statement; older versions of SQLite take 999


def key_of(task_id: str) -> str:
    """A task id as the library knows it: ids that differ only in case are the same task's."""
    return task_id.strip().lower()


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
    connection: Connection, keys: Iterable[str], find_inline: Callable[[str], bytes | None]
) -> dict[str, Task]:
    """Reads the records of some tasks.

    Args:
        connection: A connection.
        keys: As `key_of` makes them.
        find_inline: Gives the picture of a digest.

    Returns:
        The tasks that are kept, by key.
    """
    found = {}
    for some in _parted(list(dict.fromkeys(keys))):
        places = ", ".join("?" * len(some))
        rows = connection.execute(f"SELECT key, record, request FROM tasks WHERE key IN ({places})", some)  # noqa: S608  only question marks
        for key, record, request in rows:
            found[key] = read_kept(key, record, request, find_inline)
    return found


def read_kept(key: str, record: str, request: str | None, find_inline: Callable[[str], bytes | None]) -> Task:
    """A task out of what is kept of it."""
    raw: JsonObject = put_back(json.loads(record), find_inline)
    asked: JsonObject = {} if request is None else put_back(json.loads(request), find_inline)
    task = read_task({"request": asked, **raw} if asked else raw, key)
    if not task.status.is_final:
        # It was when it was kept; only a reader that has learned something new could say otherwise.
        task = dataclasses.replace(task, status=TaskStatus.SUCCEEDED)
    return dataclasses.replace(task, raw=raw)


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
    """Makes the index of words anew, within a transaction; what people say of a task is part of it."""
    connection.execute("DELETE FROM words")
    rows = connection.execute("SELECT number, key, record, request FROM tasks").fetchall()
    for number, key, record, request in rows:
        index_words(
            connection, number, read_kept(key, record, request, lambda _digest: None), marks_of(connection, key)
        )


def marks_of(connection: Connection, key: str) -> str:
    """What people say of a task, in one text: its tags and its note."""
    tags = [tag for (tag,) in connection.execute("SELECT tag FROM tags WHERE task = ? ORDER BY tag", (key,))]
    notes = [note for (note,) in connection.execute("SELECT note FROM opinions WHERE task = ?", (key,))]
    return " ".join([*tags, *notes])


def _put(connection: Connection, task: Task, keep_inline: Callable[[bytes], str]) -> bool:
    raw = task.raw or _make_record(task)
    record = json.dumps(take_out(raw, keep_inline))
    request = None if "request" in raw or not task.request else json.dumps(take_out(task.request, keep_inline))
    # The service names no id in a stream, and what was paid for must be found again all the same.
    key = key_of(task.id) or f"{STREAM}{digest_of(record.encode())[:12]}"
    known = connection.execute("SELECT number, record, request FROM tasks WHERE key = ?", (key,)).fetchone()
    if known is not None:
        number, known_record, known_request = known
        request = request or (None if "request" in raw else known_request)
        if (known_record, known_request) == (record, request):
            return False
        if _pictures(known_record) > len(task.good_images):
            return False
        connection.execute("UPDATE tasks SET record = ?, request = ? WHERE key = ?", (record, request, key))
        connection.execute(
            "UPDATE tasks SET status = ?, model = ? WHERE key = ?", (task.status.value, task.model or "", key)
        )
        index_words(connection, number, task, marks_of(connection, key))
        return True
    now = time.time()
    number = _free_number(connection, int((task.created_at.timestamp() if task.created_at else now) * MICROSECONDS))
    row = (number, key, record, request, task.status.value, task.model or "", now)
    connection.execute(
        "INSERT INTO tasks (number, key, record, request, status, model, kept_at) VALUES (?, ?, ?, ?, ?, ?, ?)", row
    )
    index_words(connection, number, task, "")
    return True


def _free_number(connection: Connection, wanted: int) -> int:
    """A number for a task; those that were created in the same microsecond stand behind one another."""
    last_of_second = connection.execute(
        "SELECT max(number) FROM tasks WHERE number BETWEEN ? AND ?", (wanted, wanted + MICROSECONDS)
    ).fetchone()[0]
    taken = connection.execute("SELECT 1 FROM tasks WHERE number = ?", (wanted,)).fetchone()
    return last_of_second + 1 if taken else wanted


def _pictures(record: str) -> int:
    return len(read_kept("", record, None, lambda _digest: b"").good_images)


def _make_record(task: Task) -> JsonObject:
    """A record in the service's own form for a task that came in pieces, as a stream's does."""
    response: JsonObject = {"task_id": task.id, "data": [image.raw for image in task.images]}
    if task.error is not None:
        response |= {"success": False, "error": dataclasses.asdict(task.error)}
    if task.usage is not None:
        response["usage"] = dataclasses.asdict(task.usage)
    return {"id": task.id, "request": task.request, "response": response, "trace_id": task.trace_id}


def _parted(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), MOST_PARAMETERS):
        yield items[start : start + MOST_PARAMETERS]
