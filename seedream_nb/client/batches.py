"""Queries many tasks with few batch requests, whatever length the service accepts; one bad chunk spoils no other.

The module knows nothing of HTTP: it is given a function that sends a query.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from seedream_nb.client.transport import FATAL_ERRORS
from seedream_nb.core.errors import SeedreamError
from seedream_nb.core.models import Task
from seedream_nb.core.parallel import run_parallel
from seedream_nb.protocol.responses import TaskPage, read_error, read_page
from seedream_nb.protocol.status_errors import means_too_many_ids, to_error

CHUNK_SIZE = 50  # ids in one request; undocumented, one official client stops at 50 (wire contract, Many tasks)
PARALLEL_CHUNKS = 4

Query = Callable[[Mapping[str, object], threading.Event], object]
"""Sends a body and returns the decoded answer; does not retry once the event is set."""

Store = Callable[[Iterable[Task]], list[Task]]
"""Stores tasks, and returns them with the library that has them."""


def retrieve_batch(
    query: Query,
    task_ids: Sequence[str],
    chunk_size: int,
    on_progress: Callable[[int], None] | None = None,
    *,
    known: Mapping[str, Task] | None = None,
    store: Store | None = None,
) -> list[Task]:
    """Queries many tasks at once.

    Args:
        query: Sends a query.
        task_ids: The ids, checked, repeats allowed.
        chunk_size: Number of ids in one request.
        on_progress: Called with the number of distinct ids processed since the last call.
        known: Tasks by id that need not be queried.
        store: Called in this thread with the tasks of each answer.

    Returns:
        One task for every id in the given order, repeats included.

    Raises:
        SeedreamError: Some ids could not be queried; see `SeedreamClient.retrieve_batch`.
    """
    known = known or {}
    distinct = [task_id for task_id in dict.fromkeys(task_ids) if task_id not in known]
    chunks = [distinct[start : start + chunk_size] for start in range(0, len(distinct), chunk_size)]
    outcome = _retrieve_chunks(query, chunks, on_progress or (lambda _count: None), store or list)
    outcome.tasks.update(known)
    if outcome.error is not None:
        outcome.error.partial = [outcome.tasks[task_id] for task_id in task_ids if task_id in outcome.tasks]
        outcome.error.failed_ids = tuple(task_id for task_id in distinct if task_id not in outcome.tasks)
        raise outcome.error
    return [outcome.tasks[task_id] for task_id in task_ids]


def read_task_page(answer: object) -> TaskPage:
    """Reads an answer that holds many tasks.

    Raises:
        SeedreamError: The answer is an error under a good status, or not a page.
    """
    if isinstance(answer, dict) and "items" not in answer and read_error(answer):
        raise to_error(200, answer)
    return read_page(answer)


@dataclass
class _Outcome:
    """The tasks of some ids; chunks are added up in it."""

    tasks: dict[str, Task] = field(default_factory=dict)
    error: SeedreamError | None = None
    failures_in_a_row: int = 0

    def add(self, part: _Outcome) -> None:
        self.tasks.update(part.tasks)
        self.error = self.error or part.error
        self.failures_in_a_row = self.failures_in_a_row + 1 if part.error else 0

    @property
    def is_hopeless(self) -> bool:
        """Whether querying the rest would only repeat the same failure, slowly."""
        return isinstance(self.error, FATAL_ERRORS) or self.failures_in_a_row >= PARALLEL_CHUNKS


def _retrieve_chunks(
    query: Query, chunks: Sequence[Sequence[str]], on_progress: Callable[[int], None], store: Store
) -> _Outcome:
    outcome = _Outcome()
    adding = threading.Lock()
    stop = threading.Event()

    def work(chunk: Sequence[str]) -> _Outcome:
        part = _retrieve_chunk(query, chunk, stop)
        # Here and not where parts are read: a slow reader would let the threads send queries in vain.
        with adding:
            outcome.add(part)
            if outcome.is_hopeless:
                stop.set()
        return part

    try:
        for chunk, part in run_parallel(work, chunks, threads=PARALLEL_CHUNKS, name="seedream-retrieve"):
            outcome.tasks.update(zip(part.tasks, store(part.tasks.values()), strict=True))
            on_progress(len(chunk))
    finally:
        # After an interrupt, nobody reads further answers.
        stop.set()
    return outcome


def _retrieve_chunk(query: Query, task_ids: Sequence[str], stop: threading.Event) -> _Outcome:
    if stop.is_set():
        return _Outcome()
    try:
        page = read_task_page(query({"action": "retrieve_batch", "ids": list(task_ids)}, stop))
    except SeedreamError as error:
        if len(task_ids) > 1 and means_too_many_ids(error):
            middle = len(task_ids) // 2
            outcome = _retrieve_chunk(query, task_ids[:middle], stop)
            outcome.add(_retrieve_chunk(query, task_ids[middle:], stop))
            return outcome
        return _Outcome(error=error)
    by_id = {task.id.lower(): task for task in page.tasks}
    return _Outcome({task_id: by_id.get(task_id.lower()) or Task.not_found(task_id) for task_id in task_ids})
