"""The tasks of an account, fetched page by page as they are needed."""

from __future__ import annotations

import math
from datetime import datetime
from typing import TYPE_CHECKING, overload

from seedream_nb.client.batches import read_task_page
from seedream_nb.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from seedream_nb.client.batches import Store
    from seedream_nb.core.models import Task
    from seedream_nb.protocol.responses import TaskPage

PAGE_SIZE = 50

# Pages in a row without a new task. There may be one, when new tasks have pushed older ones down meanwhile; a service
# that ignores the offset would return the same page forever.
STALE_PAGES = 2


class History:
    """The tasks of an account, newest first, fetched on access and remembered from then on.

    Created by `SeedreamClient.history`. It can be indexed, sliced, and iterated over.

    Args:
        query: Sends a body and returns the decoded answer.
        filters: The result of `build_filters`.
        limit: Maximum number of tasks; None for all.
        offset: Number of newest tasks to skip.
        page_size: Number of tasks in one request.
        store: Called with the tasks of each page.

    Raises:
        UsageError: A number is out of range; nothing was sent.

    Example:
        >>> newest = sandbox.add_task("a cat in the snow")
        >>> history = client.history()
        >>> history[0].prompt, len(history[:3])
        ('a cat in the snow', 3)
        >>> history.total == len(list(history))
        True
    """

    def __init__(
        self,
        query: Callable[[Mapping[str, object]], object],
        filters: Mapping[str, object],
        *,
        limit: int | None = None,
        offset: int = 0,
        page_size: int = PAGE_SIZE,
        store: Store | None = None,
    ) -> None:
        if (limit is not None and limit < 0) or offset < 0 or page_size < 1:
            raise UsageError(
                f"limit={limit}, offset={offset}, page_size={page_size} is out of range.",
                hint="limit and offset must be at least 0, page_size at least 1. Nothing was sent.",
            )
        self._query = query
        self._filters = dict(filters)
        self._limit = math.inf if limit is None else limit
        self._page_size = page_size
        self._store = store or list
        self._offset = offset
        self._by_id: dict[str, Task] = {}
        self._total: int | None = None
        self._stale_pages = 0
        self._has_more = self._limit > 0

    @property
    def total(self) -> int:
        """The total number of matching tasks, as the service reports it; fetches the first page if none was yet."""
        if self._total is None:
            self._read_page(1 if self._limit == 0 else None)
        return self._total or 0

    def __iter__(self) -> Iterator[Task]:
        position = 0
        while True:
            tasks = list(self._by_id.values())
            yield from tasks[position:]
            position = len(tasks)
            if len(self._by_id) > position:
                continue
            if not self._has_more:
                return
            self._read_page()

    @overload
    def __getitem__(self, index: int) -> Task: ...

    @overload
    def __getitem__(self, index: slice) -> list[Task]: ...

    def __getitem__(self, index: int | slice) -> Task | list[Task]:
        while self._has_more and len(self._by_id) < _needed_for(index):
            self._read_page()
        return list(self._by_id.values())[index]

    def __repr__(self) -> str:
        total = "" if self._total is None else f" of {self._total}"
        return f"<History: {len(self._by_id)}{total} tasks read>"

    def _read_page(self, size: int | None = None) -> None:
        wanted = size or int(min(self._page_size, self._limit - len(self._by_id)))
        body = {"action": "retrieve_batch", **self._filters, "limit": wanted, "offset": self._offset}
        page = read_task_page(self._query(body))
        tasks = self._store(page.tasks)
        self._total = page.total
        known = len(self._by_id)
        for task in tasks:
            if len(self._by_id) < self._limit:
                self._by_id.setdefault(task.id.lower(), task)
        self._offset += len(page.tasks)
        self._stale_pages = 0 if len(self._by_id) > known else self._stale_pages + 1
        self._has_more = (
            len(self._by_id) < self._limit
            and bool(page.tasks)
            and self._stale_pages < STALE_PAGES
            and not _is_last(page, self._offset, wanted)
        )


def build_filters(
    *,
    created_after: datetime | float | None = None,
    created_before: datetime | float | None = None,
    application_id: str | None = None,
    user_id: str | None = None,
) -> dict[str, object]:
    """Builds the filters of the history, with the service's names (wire contract, History).

    Args:
        created_after: A time, or Unix seconds; a time without a time zone is local.
        created_before: As `created_after`.
        application_id: Only tasks of this application.
        user_id: Only tasks of this user.

    Returns:
        The given filters.

    Raises:
        UsageError: A time is neither a datetime nor a number.

    Example:
        >>> build_filters(created_after=1766427547, user_id="me")
        {'created_at_min': 1766427547, 'user_id': 'me'}
    """
    filters = {
        "created_at_min": _read_time(created_after, "created_after"),
        "created_at_max": _read_time(created_before, "created_before"),
        "application_id": application_id,
        "user_id": user_id,
    }
    return {name: value for name, value in filters.items() if value is not None}


def _needed_for(index: int | slice) -> float:
    """How many tasks must be known: all of them to count from the end."""
    if not isinstance(index, slice):
        return math.inf if index < 0 else index + 1
    is_from_the_end = (index.start or 0) < 0 or (index.step or 1) < 0 or index.stop is None or index.stop < 0
    return math.inf if is_from_the_end else float(index.stop)


def _read_time(value: object, name: str) -> float | None:
    if value is None:
        return None
    seconds = value.timestamp() if isinstance(value, datetime) else value
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not math.isfinite(seconds):
        raise UsageError(f"{name} must be a datetime or Unix seconds, not {value!r}.", hint="Nothing was sent.")
    return int(seconds) if seconds == int(seconds) else seconds


def _is_last(page: TaskPage, offset: int, wanted: int) -> bool:
    """Whether the service says that a page is the last one.

    A count that does not exceed the tasks of a full page may be the count of that page alone.
    """
    is_full = len(page.tasks) >= wanted
    return offset >= page.total and not (is_full and page.total <= len(page.tasks))
