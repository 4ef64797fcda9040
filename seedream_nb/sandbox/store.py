"""The sandbox's memory: tasks by id, safe to use from several threads at once.

Apart from the service because tests and the magic add and list tasks without any request.
"""

import dataclasses
import threading
from collections.abc import Callable, Iterable, Mapping

from seedream_nb.sandbox.tasks import SandboxTask

_TEXT_FILTERS = ("application_id", "user_id", "type")
_DEFAULT_LIMIT = 12


class TaskStore:
    """Tasks by id.

    Args:
        clock: Returns the current time in Unix seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tasks: dict[str, SandboxTask] = {}

    def add(self, task: SandboxTask) -> None:
        """Keep `task`, replacing one of the same id."""
        with self._lock:
            self._tasks[task.id] = task

    def peek(self, task_id: str) -> SandboxTask | None:
        """Return a task without counting as a question for it."""
        with self._lock:
            return self._tasks.get(task_id)

    def ask(self, task_ids: Iterable[str]) -> list[SandboxTask]:
        """Return the known ones among `task_ids`, each once, in the order in which they were created.

        The contract promises no order, so this one differs from the order asked on purpose.
        A task that finishes some time after it was first asked for starts that time here.
        """
        wanted = set(task_ids)
        now = self._clock()
        with self._lock:
            found = [self._tasks[task_id] for task_id in wanted & self._tasks.keys()]
            for position, task in enumerate(found):
                if task.ready_after_asked is not None:
                    found[position] = self._tasks[task.id] = dataclasses.replace(
                        task, ready_at=now + task.ready_after_asked, ready_after_asked=None
                    )
        return sorted(found, key=lambda task: (task.created_at, task.id))

    def history(self, filters: Mapping[str, object]) -> tuple[list[SandboxTask], int]:
        """Return one page of the history and the number of matches in all (wire contract, POST /seedream/tasks).

        Args:
            filters: `application_id`, `user_id`, `type`, `created_at_min`, `created_at_max` (Unix seconds,
                both inclusive), `limit` (12 when left out) and `offset` (0). None counts as left out.

        Returns:
            The page, newest first, and the number of matches.
        """
        given = {name: value for name, value in filters.items() if value is not None}
        earliest, latest = given.get("created_at_min"), given.get("created_at_max")
        with self._lock:
            tasks = list(self._tasks.values())
        matches = [
            task
            for task in tasks
            if all(getattr(task, name) == given[name] for name in _TEXT_FILTERS if name in given)
            and (not isinstance(earliest, int | float) or task.created_at >= earliest)
            and (not isinstance(latest, int | float) or task.created_at <= latest)
        ]
        matches.sort(key=lambda task: (task.created_at, task.id), reverse=True)
        limit, offset = given.get("limit", _DEFAULT_LIMIT), given.get("offset", 0)
        start = offset if isinstance(offset, int) else 0
        length = limit if isinstance(limit, int) else _DEFAULT_LIMIT
        return matches[start : start + length], len(matches)

    def __len__(self) -> int:
        with self._lock:
            return len(self._tasks)

    def snapshot(self) -> list[SandboxTask]:
        """Return all tasks in the order in which they were added."""
        with self._lock:
            return list(self._tasks.values())
