"""What every command does with its tasks, in order: remember, assign, show, save; and the next step after a failure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from seedream_nb.core.errors import Interrupted, InterruptedWait, OutcomeUnknownError, WaitTimeoutError
from seedream_nb.core.models import TaskStatus
from seedream_nb.core.text import count_of
from seedream_nb.gallery import Gallery
from seedream_nb.notebook.front_end import Notice
from seedream_nb.notebook.live import load_in_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.gallery.contents import Table
    from seedream_nb.notebook.arguments import Presentation
    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.session import Session

Failure = TypeVar("Failure", bound=BaseException)

MAX_LISTED = 5  # ids that a message names
PLAIN_WORD = re.compile(r"[\w./~-]+")  # needs no quotes on a line
BETWEEN_STEPS = "\n    "


def make_gallery(
    tasks: Iterable[Task],
    presentation: Presentation,
    session: Session,
    *,
    table: Table | None = None,
    before: Iterable[TaskImage] = (),
) -> Gallery:
    """The gallery of a command; its images come from the session's library and are stored there."""
    fetcher = session.client.fetcher
    return Gallery(tasks, options=presentation.options, table=table, before=before, fetcher=fetcher)


def present(
    gallery: Gallery,
    presentation: Presentation,
    session: Session,
    front_end: FrontEnd,
    *,
    failure: BaseException | None = None,
) -> object:
    """Makes a gallery the result of a command: remembers, assigns and fetches it, and saves its originals.

    A failure says why the result is incomplete, and is raised at the end; after an interrupt nothing more is fetched.

    Returns:
        The cell's value: the gallery, or its records.

    Raises:
        BaseException: The failure; or the images could not be saved; or an interrupt. By then the result is shown,
            assigned and the cell's value.
    """
    # Before anything is fetched, so that an interrupt does not lose the result.
    result = remember(gallery, presentation, session, front_end)
    is_interrupted = isinstance(failure, Interrupted)
    if not is_interrupted:
        try:
            if not presentation.as_json:
                load_in_cell(gallery, front_end)
            if presentation.save is not None:
                _save(gallery, presentation.save, front_end)
        except InterruptedWait as interrupt:
            is_interrupted, failure = True, failure or interrupt
        except KeyboardInterrupt:
            is_interrupted, failure = True, failure or _interrupted_fetch(gallery)
        except Exception as problem:  # noqa: BLE001  raised below, when the result is safe
            failure = failure or problem
    if failure is None:
        return result
    if is_interrupted and not presentation.as_json:
        # Showing a gallery fetches missing images, but an interrupt must end the cell at once.
        front_end.show_bundle(gallery.partial_bundle())
        if isinstance(failure, Interrupted) and not failure.hint and gallery.images and gallery.unloaded:
            failure.hint = f"Fetch the other {count_of(gallery.unloaded, 'image')}: %seedream last"
    else:
        front_end.show(result)
    front_end.keep_value(result)
    raise failure


def present_search(
    tasks: Sequence[Task], presentation: Presentation, session: Session, front_end: FrontEnd, *, none_found: str
) -> object:
    """Makes the tasks that a search found the result of a command, or returns a notice that there are none.

    In that case the last result stays what it was, but the variable of `--out` must not keep what an earlier search
    found.
    """
    gallery = make_gallery(tasks, presentation, session)
    if tasks:
        return present(gallery, presentation, session, front_end)
    result = _assign(gallery, presentation, front_end)
    return result if presentation.as_json else Notice(none_found)


def remember(gallery: Gallery, presentation: Presentation, session: Session, front_end: FrontEnd) -> object:
    """Makes a gallery the last result and assigns it to the variable of `--out`.

    Returns:
        The gallery, or its records.
    """
    session.last = gallery
    session.remember(task.id for task in gallery if task.id and task.status is not TaskStatus.NOT_FOUND)
    return _assign(gallery, presentation, front_end)


def _assign(gallery: Gallery, presentation: Presentation, front_end: FrontEnd) -> object:
    result: object = gallery
    if presentation.as_json:
        # A streamed task has no id.
        result = {task.id or f"request {number}": task.raw for number, task in enumerate(gallery, 1)}
    if presentation.out is not None:
        front_end.assign(presentation.out, result)
    return result


def _save(gallery: Gallery, directory: str, front_end: FrontEnd) -> None:
    try:
        with front_end.progress(len(gallery.images), "Saving originals") as advance:
            front_end.show(gallery.save(directory, on_progress=advance))
    except KeyboardInterrupt:
        # Braces would be variables on the line.
        word = directory if PLAIN_WORD.fullmatch(directory) else repr(directory).replace("{", "{{").replace("}", "}}")
        again = f"Save the rest: %seedream last --save {word}"
        raise InterruptedWait("Interrupted while saving originals.", hint=again, tasks=gallery) from None


def name_ids(task_ids: Sequence[str]) -> str:
    """Lists ids for a message, each once; the rest is counted."""
    distinct = list(dict.fromkeys(task_ids))
    more = f" and {len(distinct) - MAX_LISTED} more" if len(distinct) > MAX_LISTED else ""
    return f"{', '.join(distinct[:MAX_LISTED])}{more}"


def with_next_step(failure: Failure) -> Failure:
    """Sets the hint of a failure to lines that can be run, so that nothing is lost or paid for twice.

    Only a failure that leaves tasks in progress, or the outcome of a request unknown, gets another hint.
    """
    if isinstance(failure, (Interrupted, WaitTimeoutError)):
        open_ids = failure.open_ids if isinstance(failure, Interrupted) else failure.failed_ids
        # The line stands alone, to be copied.
        resume = ["The tasks continue at the service. Resume:", f"%seedream wait {' '.join(open_ids)}"]
        steps = resume if open_ids else []
        if isinstance(failure, Interrupted) and failure.sent_at is not None:
            steps.append(f"Some requests were sent but not answered. {_check_history(failure.sent_at)}")
        failure.hint = BETWEEN_STEPS.join(steps) or None
    elif isinstance(failure, OutcomeUnknownError) and failure.sent_at is not None:
        failure.hint = _check_history(failure.sent_at)
    return failure


def _interrupted_fetch(gallery: Gallery) -> InterruptedWait:
    """An interrupt while the tasks are known and their images are fetched."""
    open_ids = tuple(dict.fromkeys(task.id for task in gallery if task.id and not task.status.is_final))
    return with_next_step(InterruptedWait("Interrupted while fetching images.", tasks=gallery, open_ids=open_ids))


def _check_history(sent_at: datetime) -> str:
    return f"Check before sending again: %seedream history --since {sent_at:%Y-%m-%dT%H:%M:%SZ}"
