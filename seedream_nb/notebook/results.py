"""Why: what every command does with the tasks it has found or made: keep, assign, show, save; in this order."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from seedream_nb.core.errors import Interrupted, SeedreamError
from seedream_nb.core.models import TaskStatus
from seedream_nb.gallery import Gallery
from seedream_nb.notebook.going_on import interrupted_at_pictures, with_way_to_pictures
from seedream_nb.notebook.notice import Notice

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.gallery.table import Table
    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.parser import Presentation
    from seedream_nb.notebook.session import Session

MAX_LISTED = 5  # ids that a message names


def make_gallery(
    tasks: Iterable[Task],
    presentation: Presentation,
    session: Session,
    *,
    table: Table | None = None,
    before: Iterable[TaskImage] = (),
) -> Gallery:
    """The gallery of a command; its pictures come out of the session's library, and are kept there.

    Args:
        tasks: The tasks.
        presentation: How it is drawn.
        session: Whose library.
        table: As for a `Gallery`.
        before: As for a `Gallery`.

    Returns:
        The gallery.
    """
    options = dataclasses.asdict(presentation.options)
    return Gallery(tasks, **options, table=table, before=before, fetcher=session.client.fetcher)


def present(
    gallery: Gallery,
    presentation: Presentation,
    session: Session,
    front_end: FrontEnd,
    *,
    failure: BaseException | None = None,
) -> object:
    """Makes a gallery the result of a command.

    Args:
        gallery: The tasks.
        presentation: What is to become of them.
        session: Remembers them.
        front_end: Where they are shown.
        failure: Why the result is not what was wanted; raised when all the rest is done. After an interrupt nothing
            more is fetched.

    Returns:
        The cell's value: the gallery, or its records.

    Raises:
        BaseException: The failure, or else that the pictures could not be saved, or an interrupt. What there is was
            shown, assigned and kept as the cell's value before.
    """
    # Before anything is fetched, so that an interrupt does not lose what is there.
    result = keep(gallery, presentation, session, front_end)
    is_hurried = isinstance(failure, Interrupted)
    if not is_hurried:
        try:
            _fetch(gallery, presentation, front_end)
        except KeyboardInterrupt:
            is_hurried, failure = True, failure or interrupted_at_pictures(list(gallery))
        except SeedreamError as problem:
            failure = failure or problem
    if failure is None:
        return result
    # To show pictures is to fetch those that are missing, and an interrupt is to end all at once.
    is_bare = is_hurried and not presentation.as_json and gallery.unloaded > 0
    front_end.show(Notice(repr(gallery)) if is_bare else result)
    front_end.keep_value(result)
    raise with_way_to_pictures(failure) if is_bare else failure


def keep(gallery: Gallery, presentation: Presentation, session: Session, front_end: FrontEnd) -> object:
    """Remembers a gallery as the last result, and assigns it where that is wanted.

    Returns:
        The gallery, or its records.
    """
    session.last = gallery
    session.remember(task.id for task in gallery if task.id and task.status is not TaskStatus.NOT_FOUND)
    result = choose_form(gallery, presentation)
    if presentation.out is not None:
        front_end.assign(presentation.out, result)
    return result


def choose_form(gallery: Gallery, presentation: Presentation) -> object:
    """The gallery itself, or the records of its tasks where these are wanted.

    A record stands under its task's id, or under `request 2` where the second request has brought none.
    """
    if not presentation.as_json:
        return gallery
    return {task.id or f"request {number}": task.raw for number, task in enumerate(gallery, 1)}


def name_ids(task_ids: Sequence[str]) -> str:
    """Some ids for a message, each once; the rest is counted."""
    distinct = list(dict.fromkeys(task_ids))
    more = f" and {len(distinct) - MAX_LISTED} more" if len(distinct) > MAX_LISTED else ""
    return f"{', '.join(distinct[:MAX_LISTED])}{more}"


def _fetch(gallery: Gallery, presentation: Presentation, front_end: FrontEnd) -> None:
    if not presentation.as_json:
        with front_end.progress(gallery.unloaded, "Fetching images") as advance:
            gallery.load(on_progress=advance)
    if presentation.save is not None:
        with front_end.progress(len(gallery.images), "Saving originals") as advance:
            front_end.show(gallery.save(presentation.save, on_progress=advance))
