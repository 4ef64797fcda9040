"""Why: handlers of `wait` and `watch`: the same tasks followed in the same way, with the cell held or not."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from seedream_nb.errors import UsageError
from seedream_nb.models import TaskStatus
from seedream_nb.notebook.follow import as_they_run, follow_in_cell
from seedream_nb.notebook.notice import Notice
from seedream_nb.notebook.query_commands import refuse_unknown
from seedream_nb.notebook.results import keep, make_gallery, present
from seedream_nb.notebook.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb.gallery import Gallery
    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.query_arguments import WaitArguments, WatchArguments
    from seedream_nb.notebook.session import Session
    from seedream_nb.waiting import Waiting


def wait(arguments: WaitArguments, session: Session, front_end: FrontEnd) -> object:
    """Waits until tasks are finished, and shows them as they come.

    Raises:
        WaitTimeoutError: Some are not finished in time.
        InterruptedWait: An interrupt came; it says how to go on.
        SeedreamError: What every further question would meet as well.
    """
    stop = threading.Event()
    waiting = _open_waiting(arguments, session, stop)
    gallery = make_gallery(waiting.tasks, arguments.presentation, session)
    gallery, failure = follow_in_cell(waiting, stop, gallery, front_end.live())
    if failure is None:
        refuse_unknown(gallery)
        return present(gallery, arguments.presentation, session, front_end)
    if all(task.status is TaskStatus.NOT_FOUND for task in waiting.tasks):
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
    waiting = _open_waiting(arguments, session, stop)
    begun = make_gallery(as_they_run(waiting), arguments.presentation, session)

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
    session.watch(Watch(waiting, begun, front_end.live(), stop, on_end=finish))
    return None


def _open_waiting(arguments: WaitArguments | WatchArguments, session: Session, stop: threading.Event) -> Waiting:
    tasks = arguments.task_ids or _unfinished(session)
    return session.client.iter_wait(tasks, timeout=arguments.timeout, pace=session.pace, stop=stop)


def _unfinished(session: Session) -> Sequence[str]:
    open_ids = [task.id for task in session.last or () if task.id and not task.status.is_final]
    if not open_ids:
        raise UsageError(
            "The last result left nothing unfinished." if session.last else "There is no result in this kernel yet.",
            hint="Name the tasks to wait for: %seedream wait ID.",
        )
    return open_ids
