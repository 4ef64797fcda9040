"""The commands `get`, `history` and `last`: one round of requests, free of charge."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seedream_nb.core.errors import NetworkError, SeedreamError, TaskNotFoundError
from seedream_nb.core.models import TaskStatus
from seedream_nb.core.text import count_of
from seedream_nb.notebook.arguments import (
    DEFAULT_TASKS,
    Presentation,
    add_filters,
    add_ids,
    add_limit,
    add_presentation,
    read_ids,
    read_limit,
    read_moment,
    read_presentation,
)
from seedream_nb.notebook.results import make_gallery, name_ids, present, present_search
from seedream_nb.protocol.capabilities import matches_model

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from datetime import datetime

    from seedream_nb.core.models import Task
    from seedream_nb.notebook.arguments import Parser
    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.given import Given
    from seedream_nb.notebook.session import Session

MOST_SEARCHED = 1000  # recent tasks to look through for a filter that the service does not have


@dataclass(frozen=True)
class GetArguments:
    """`%seedream get`.

    Attributes:
        task_ids: The ids, tasks and images in order, repeats included.
        presentation: How the tasks are presented.
        refresh: Whether to query the service even for tasks in the library.
    """

    task_ids: tuple[Given, ...]
    presentation: Presentation = field(default_factory=Presentation)
    refresh: bool = False

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Shows tasks in the order of their ids.

        Raises:
            TaskNotFoundError: The service knows none of them.
            SeedreamError: Some could not be retrieved; the others are shown.
        """
        failure = None
        try:
            tasks = self._retrieve(session, front_end)
        except SeedreamError as error:
            if not error.partial:
                raise
            # Tasks in the library are shown nevertheless.
            offline = " This machine or the service is offline." if isinstance(error, NetworkError) else ""
            error.message += f"{offline} Could not retrieve {count_of(len(error.failed_ids), 'task')}: "
            error.message += f"{name_ids(error.failed_ids)}."
            tasks, failure = error.partial, error
        gallery = make_gallery(tasks, self.presentation, session)
        return present(gallery, self.presentation, session, front_end, failure=failure)

    def _retrieve(self, session: Session, front_end: FrontEnd) -> Sequence[Task]:
        task_ids = session.read_ids(self.task_ids)
        if len(task_ids) == 1:
            tasks: Sequence[Task] = [session.client.retrieve(task_ids[0], refresh=self.refresh)]
        else:
            with front_end.progress(len(set(task_ids)), "Retrieving tasks") as advance:
                tasks = session.client.retrieve_batch(task_ids, refresh=self.refresh, on_progress=advance)
        reject_unknown(tasks)
        return tasks


def reject_unknown(tasks: Sequence[Task]) -> None:
    """Rejects a result that has nothing to show.

    Raises:
        TaskNotFoundError: The service knows none of the tasks.
    """
    if tasks and all(task.status is TaskStatus.NOT_FOUND for task in tasks):
        raise TaskNotFoundError(
            f"The service does not know {name_ids([task.id for task in tasks])}.",
            hint="Check the ids, and that the token belongs to the account that created the tasks; old ones may have "
            "been deleted. %seedream config shows the service in use.",
        )


@dataclass(frozen=True)
class HistoryArguments:
    """`%seedream history`.

    Attributes:
        limit: How many tasks to show at most.
        since: The earliest time, or None.
        failed: Whether to show only tasks that failed, at least in part.
        model: A model's name or a part of it, or None.
        presentation: How the tasks are presented.
    """

    limit: int = DEFAULT_TASKS
    since: datetime | None = None
    failed: bool = False
    model: str | None = None
    presentation: Presentation = field(default_factory=Presentation)

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Shows the account's tasks, newest first."""
        is_filtered = self.failed or self.model is not None
        tasks = session.client.history(MOST_SEARCHED if is_filtered else self.limit, created_after=self.since)
        found = list(itertools.islice(filter(self._matches, tasks), self.limit))
        return present_search(
            found, self.presentation, session, front_end, none_found="" if found else self._describe_none(tasks.total)
        )

    def _matches(self, task: Task) -> bool:
        """Whether a task passes the filters that the service does not have (wire contract, History)."""
        has_failed = task.status in {TaskStatus.FAILED, TaskStatus.PARTIALLY_FAILED}
        return (has_failed or not self.failed) and (self.model is None or matches_model(self.model, task.model or ""))

    def _describe_none(self, searched: int) -> str:
        kind = " failed" if self.failed else ""
        model = f" of a model matching {self.model!r}" if self.model else ""
        since = f" since {self.since:%Y-%m-%d %H:%M}" if self.since else ""
        newest = f" among the newest {MOST_SEARCHED:,}" if searched > MOST_SEARCHED else ""
        return f"The history has no{kind} task{model}{since}{newest}."


@dataclass(frozen=True)
class LastArguments:
    """`%seedream last`."""

    presentation: Presentation = field(default_factory=Presentation)

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Shows the last result again.

        Raises:
            UsageError: There is none yet.
        """
        last = session.require_last("Run generate or get first; %seedream history shows older tasks.")
        gallery = last.with_options(**self.presentation.changes)
        return present(gallery, self.presentation, session, front_end)


def add_get(parser: Parser) -> None:
    """Adds the options of `%seedream get`."""
    add_ids(parser)
    parser.add_argument("--refresh", action="store_true", help="query the service even for tasks in the library")
    add_presentation(parser)


def read_get(parsed: argparse.Namespace) -> GetArguments:
    """Reads the arguments of `%seedream get`."""
    return GetArguments(read_ids(parsed, "get", required=True), read_presentation(parsed), parsed.refresh)


def add_history(parser: Parser) -> None:
    """Adds the options of `%seedream history`."""
    add_limit(parser)
    add_filters(parser)
    add_presentation(parser, with_limit=False)


def read_history(parsed: argparse.Namespace) -> HistoryArguments:
    """Reads the arguments of `%seedream history`."""
    limit = read_limit(parsed.limit)
    presentation = read_presentation(parsed, tiles=limit)
    return HistoryArguments(limit, read_moment(parsed.since), parsed.failed, parsed.model, presentation)


def read_last(parsed: argparse.Namespace) -> LastArguments:
    """Reads the arguments of `%seedream last`."""
    return LastArguments(read_presentation(parsed))
