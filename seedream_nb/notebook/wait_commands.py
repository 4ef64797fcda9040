"""Why: handlers of `wait` and `watch`: the same tasks followed in the same way, with the cell held or not."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from seedream_nb.core.errors import UsageError
from seedream_nb.core.models import TaskStatus
from seedream_nb.notebook.follow import as_they_run, follow_in_cell
from seedream_nb.notebook.notice import Notice
from seedream_nb.notebook.query_commands import refuse_unknown
from seedream_nb.notebook.results import keep, make_gallery, present
from seedream_nb.notebook.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from seedream_nb.client.polling import Waiting
    from seedream_nb.core.errors import InterruptedWait, SeedreamError
    from seedream_nb.core.models import Task
    from seedream_nb.gallery import Gallery
    from seedream_nb.notebook.follow import Followed
    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.query_arguments import WaitArguments, WatchArguments
    from seedream_nb.notebook.session import Session


def wait(arguments: WaitArguments, session: Session, front_end: FrontEnd) -> object:
    """Waits until tasks are finished, and shows them as they come.

    Raises:
        WaitTimeoutError: Some are not finished in time.
        InterruptedWait: An interrupt came; it says how to go on.
        SeedreamError: What every further question would meet as well.
    """
    stop = threading.Event()
    work, gallery = _open(arguments, session, stop)
    gallery, failure = follow_in_cell(work, stop, gallery, front_end.live())
    if failure is None:
        refuse_unknown(gallery)
        return present(gallery, arguments.presentation, session, front_end)
    if all(task.status is TaskStatus.NOT_FOUND for task in work.tasks):
        # Nothing is known yet that could be shown; the ids are kept all the same.
        front_end.keep_value(keep(gallery, arguments.presentation, session, front_end))
        raise failure
    return present(gallery, arguments.presentation, session, front_end, failure=failure)


def watch(arguments: WatchArguments, session: Session, front_end: FrontEnd) -> object:
    """Shows tasks as they come while other cells run; or ends all watches."""
    if arguments.stop:
        count = session.stop_watches()
        if not count:
            return Notice("Nothing is being watched.")
        watches = "1 watch" if count == 1 else f"{count} watches"
        return Notice(f"{watches} ended; the tasks go on at the service.")
    stop = threading.Event()
    work, gallery = _open(arguments, session, stop)
    begun = gallery.renew(as_they_run(work))

    def finish(gallery: Gallery) -> None:
        latest = session.last
        keep(gallery, arguments.presentation, session, front_end)
        if latest is not begun:
            # Another cell has made a result meanwhile, and that stays the last one.
            session.last = latest
        if arguments.presentation.save is not None:
            gallery.save(arguments.presentation.save)

    # What is there at the start can be used by the next cell already.
    keep(begun, arguments.presentation, session, front_end)
    session.watch(Watch(work, begun, front_end.live(), stop, on_end=finish))
    return None


class _Rest:
    """The last result as a whole, while what it left unfinished is waited for."""

    def __init__(self, result: Sequence[Task], waiting: Waiting) -> None:
        self._result = result
        self._waiting = waiting

    @property
    def tasks(self) -> list[Task]:
        newest = {task.id: task for task in self._waiting.tasks}
        return [newest.get(task.id, task) for task in self._result]

    @property
    def open_ids(self) -> tuple[str, ...]:
        return self._waiting.open_ids

    @property
    def failure(self) -> SeedreamError | None:
        return self._waiting.failure

    def updates(self) -> Iterator[list[Task]]:
        return self._waiting.updates()

    def interrupted(self) -> InterruptedWait:
        return self._waiting.interrupted()


def _open(
    arguments: WaitArguments | WatchArguments, session: Session, stop: threading.Event
) -> tuple[Followed, Gallery]:
    """What is followed, and the gallery that shows it."""
    follow = partial(session.client.iter_wait, timeout=arguments.timeout, pace=session.pace, stop=stop)
    if arguments.task_ids:
        waiting = follow(arguments.task_ids)
        return waiting, make_gallery(waiting.tasks, arguments.presentation, session)
    open_ids = [task.id for task in session.last or () if task.id and not task.status.is_final]
    if session.last is None or not open_ids:
        raise UsageError(
            "The last result left nothing unfinished." if session.last else "There is no result in this kernel yet.",
            hint="Name the tasks to wait for: %seedream wait ID.",
        )
    # As it was shown: a sweep stays a table.
    gallery = session.last.with_options(**arguments.presentation.changes)
    return _Rest(gallery, follow(open_ids)), gallery
