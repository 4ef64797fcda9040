"""Why: handlers of what is asked at once and free of charge: `get`, `history` and `last`."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

from seedream_nb.core.errors import NetworkError, SeedreamError, TaskNotFoundError, UsageError
from seedream_nb.core.models import TaskStatus
from seedream_nb.core.text import count_of
from seedream_nb.notebook.notice import Notice
from seedream_nb.notebook.results import choose_form, make_gallery, name_ids, present
from seedream_nb.protocol.capabilities import find_model

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb.core.models import Task
    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.query_arguments import GetArguments, HistoryArguments, LastArguments
    from seedream_nb.notebook.session import Session

MOST_SEARCHED = 1000  # tasks of the history that are looked at for a filter which the service does not know


def get(arguments: GetArguments, session: Session, front_end: FrontEnd) -> object:
    """Shows tasks, in the order asked.

    Raises:
        TaskNotFoundError: The service knows none of them.
        SeedreamError: Some could not be asked for; the others are shown.
    """
    failure = None
    try:
        tasks = _retrieve(arguments, session, front_end)
    except SeedreamError as error:
        if not error.partial:
            raise
        failed = f"{count_of(len(error.failed_ids), 'task')} could not be read: {name_ids(error.failed_ids)}."
        # What is in the library shows all the same.
        offline = "This machine or the service is offline: " if isinstance(error, NetworkError) else ""
        error.message += f" {offline}{failed}"
        tasks, failure = error.partial, error
    gallery = make_gallery(tasks, arguments.presentation, session)
    return present(gallery, arguments.presentation, session, front_end, failure=failure)


def _retrieve(arguments: GetArguments, session: Session, front_end: FrontEnd) -> Sequence[Task]:
    task_ids, refresh = arguments.task_ids, arguments.refresh
    if len(task_ids) == 1:
        tasks: Sequence[Task] = [session.client.retrieve(task_ids[0], refresh=refresh)]
    else:
        with front_end.progress(len(set(task_ids)), "Retrieving tasks") as advance:
            tasks = session.client.retrieve_batch(task_ids, refresh=refresh, on_progress=advance)
    refuse_unknown(tasks)
    return tasks


def refuse_unknown(tasks: Sequence[Task]) -> None:
    """Refuses a result that has nothing to show.

    Raises:
        TaskNotFoundError: The service knows none of the tasks.
    """
    if tasks and all(task.status is TaskStatus.NOT_FOUND for task in tasks):
        raise TaskNotFoundError(
            f"The service does not know {name_ids([task.id for task in tasks])}.",
            hint="Check the ids, and that the token belongs to the account that made the tasks; old ones may have "
            "been cleared. %seedream config shows which service was asked.",
        )


def history(arguments: HistoryArguments, session: Session, front_end: FrontEnd) -> object:
    """Shows the account's tasks, newest first."""
    is_filtered = arguments.failed or arguments.model is not None
    tasks = session.client.history(MOST_SEARCHED if is_filtered else arguments.limit, created_after=arguments.since)
    found = list(itertools.islice((task for task in tasks if _fits(task, arguments)), arguments.limit))
    gallery = make_gallery(found, arguments.presentation, session)
    if not found:
        # The last result stays what it was, but a variable must not go on holding what was found before.
        result = choose_form(gallery, arguments.presentation)
        if arguments.presentation.out is not None:
            front_end.assign(arguments.presentation.out, result)
        return result if arguments.presentation.as_json else Notice(_describe_nothing(arguments, tasks.total))
    return present(gallery, arguments.presentation, session, front_end)


def _fits(task: Task, arguments: HistoryArguments) -> bool:
    """Whether a task is one that was asked for; the service itself filters by neither (wire contract, history)."""
    has_failed = task.status in {TaskStatus.FAILED, TaskStatus.PARTIALLY_FAILED}
    model = arguments.model
    return (has_failed or not arguments.failed) and (
        model is None or find_model(model) == task.model or model.casefold() in (task.model or "").casefold()
    )


def _describe_nothing(arguments: HistoryArguments, searched: int) -> str:
    kind = " failed" if arguments.failed else ""
    model = f" of a model like {arguments.model!r}" if arguments.model else ""
    since = f" since {arguments.since:%Y-%m-%d %H:%M}" if arguments.since else ""
    newest = f" among the newest {MOST_SEARCHED:,}" if searched > MOST_SEARCHED else ""
    return f"The history has no{kind} task{model}{since}{newest}."


def last(arguments: LastArguments, session: Session, front_end: FrontEnd) -> object:
    """Shows the last result once more.

    Raises:
        UsageError: There is none yet.
    """
    if session.last is None:
        raise UsageError(
            "There is no result in this kernel yet.", hint="Make or get one first; %seedream history shows older ones."
        )
    gallery = session.last.with_options(**arguments.presentation.changes)
    return present(gallery, arguments.presentation, session, front_end)
