"""Why: handlers of `%seedream library`: what is kept is shown, marked, tidied up and handed on, without any service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedream_nb.core.errors import LibraryError, SeedreamError, TaskNotFoundError, UsageError
from seedream_nb.core.models import Task, TaskStatus
from seedream_nb.core.sizes import format_size
from seedream_nb.core.text import count_of
from seedream_nb.library.location import LIBRARY_NAME
from seedream_nb.notebook.library_arguments import (
    LibraryInfoArguments,
    MarkArguments,
    RemoveArguments,
    SearchArguments,
    TransferArguments,
    VerifyArguments,
)
from seedream_nb.notebook.notice import Notice
from seedream_nb.notebook.results import choose_form, make_gallery, name_ids, present

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb.library import Library, LibraryInfo
    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.library_arguments import LibraryArguments
    from seedream_nb.notebook.session import Session


def run_on_library(arguments: LibraryArguments, session: Session, front_end: FrontEnd) -> object:
    """Runs a command of the library.

    Args:
        arguments: The command's typed arguments.
        session: Whose library.
        front_end: Where it runs.

    Returns:
        The cell's value.

    Raises:
        LibraryError: The library is turned off, or cannot be used.
        SeedreamError: The command failed.
    """
    library = open_library(session)
    match arguments:
        case LibraryInfoArguments():
            return Notice(describe(library.info(), is_temporary=session.sandbox is not None))
        case SearchArguments():
            return _search(arguments, library, session, front_end)
        case MarkArguments():
            return _mark(arguments, library, session)
        case RemoveArguments():
            return _remove(arguments, library, front_end)
        case VerifyArguments():
            return Notice(str(library.verify()))
        case TransferArguments():
            return _transfer(arguments, library)


def open_library(session: Session) -> Library:
    """The session's library.

    Raises:
        LibraryError: It is turned off, or cannot be used.
    """
    library = session.client.cache.library
    if library is None:
        raise LibraryError("The library is turned off.", hint=f"Unset {LIBRARY_NAME}, or set it to a folder.")
    return library


def describe(info: LibraryInfo, *, is_temporary: bool) -> str:
    """What a library holds, in a few lines.

    Args:
        info: The figures.
        is_temporary: Whether it is a sandbox's.

    Returns:
        The lines.
    """
    # The folder of a sandbox has another name each time, and nobody needs it.
    place = "temporary; it goes with the sandbox" if is_temporary else str(info.location)
    access = " (read only)" if info.is_read_only else ""
    rows = {
        "library": f"{place}{access}",
        "tasks": f"{info.tasks:,} ({format_size(info.records_size)})",
        "originals": f"{info.originals:,} ({format_size(info.originals_size)} of at most {format_size(info.budget)})",
        "thumbnails": f"{info.thumbnails:,} ({format_size(info.thumbnails_size)})",
    }
    return "\n".join(f"{name:<10} {value}" for name, value in rows.items())


def _search(arguments: SearchArguments, library: Library, session: Session, front_end: FrontEnd) -> object:
    tasks = _find(arguments, library)
    gallery = make_gallery(tasks, arguments.presentation, session)
    if tasks:
        return present(gallery, arguments.presentation, session, front_end)
    # A variable must not go on holding what was found before.
    result = choose_form(gallery, arguments.presentation)
    if arguments.presentation.out is not None:
        front_end.assign(arguments.presentation.out, result)
    if arguments.presentation.as_json:
        return result
    total = len(library)
    return Notice(f"None of the {count_of(total, 'task')} in the library fits." if total else "The library is empty.")


def _find(arguments: SearchArguments, library: Library) -> Sequence[Task]:
    if not arguments.task_ids:
        return library.search(
            arguments.text,
            model=arguments.model,
            since=arguments.since,
            tags=arguments.tags,
            rating=arguments.rating,
            status=TaskStatus.FAILED.value if arguments.failed else None,
            limit=arguments.limit,
        )
    kept = library.find(arguments.task_ids)
    if not kept:
        raise TaskNotFoundError(
            f"The library does not hold {name_ids(arguments.task_ids)}.",
            hint=f"%seedream get {arguments.task_ids[0]} asks the service.",
        )
    return [kept.get(task_id) or Task.not_found(task_id) for task_id in arguments.task_ids]


def _mark(arguments: MarkArguments, library: Library, session: Session) -> Notice:
    task_ids = arguments.task_ids or [task.id for task in session.last or () if task.id]
    if not task_ids:
        raise UsageError("There is no result in this kernel yet.", hint="Name the tasks by their ids.")
    tasks = count_of(len(set(task_ids)), "task")
    if arguments.kind == "tag":
        library.tag(task_ids, arguments.value)
        return Notice(f"{tasks} tagged {arguments.value!r}.")
    if arguments.kind == "untag":
        library.untag(task_ids, arguments.value)
        return Notice(f"{tasks} no longer tagged {arguments.value!r}.")
    if arguments.kind == "rate":
        library.rate(task_ids, int(arguments.value) if arguments.value else None)
        return Notice(f"{tasks} rated {'★' * int(arguments.value)}." if arguments.value else f"{tasks} not rated.")
    library.note(task_ids, arguments.value)
    return Notice(f"Noted for {tasks}." if arguments.value else f"{tasks} without a note.")


def _remove(arguments: RemoveArguments, library: Library, front_end: FrontEnd) -> Notice:
    removal = (
        library.weigh(arguments.task_ids)
        if arguments.task_ids
        else library.prune(older=arguments.older, larger=arguments.larger, preview=True)
    )
    what = f"{count_of(removal.tasks, 'task')} and {count_of(removal.originals, 'original')}"
    if not removal.tasks and not removal.originals:
        return Notice("There is nothing to remove.")
    question = f"Remove {what} from this machine? That frees {format_size(removal.size)}."
    if not arguments.confirmed and not front_end.confirm(question):
        return Notice("Nothing was removed.")
    if arguments.task_ids:
        library.remove(arguments.task_ids)
    else:
        library.prune(older=arguments.older, larger=arguments.larger)
    return Notice(f"{what} removed; {format_size(removal.size)} freed.")


def _transfer(arguments: TransferArguments, library: Library) -> Notice:
    try:
        if arguments.kind == "export":
            return Notice(str(library.export(arguments.place, arguments.task_ids or None)))
        return Notice(str(library.import_from(arguments.place)))
    except OSError as problem:
        raise SeedreamError(
            f"{arguments.place} cannot be {'written' if arguments.kind == 'export' else 'read'}: "
            f"{problem.strerror or problem}.",
            hint="Check its name and whether there is room; the library itself is unchanged.",
        ) from None
