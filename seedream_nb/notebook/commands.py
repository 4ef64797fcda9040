"""Why: one handler for each command, from typed arguments to the cell's value, without knowing IPython."""

from __future__ import annotations

import dataclasses
import platform
from importlib import metadata
from typing import TYPE_CHECKING, Protocol

import seedream_nb
from seedream_nb.errors import GETTING_STARTED_HINT, MissingTokenError, SeedreamError, TaskNotFoundError
from seedream_nb.gallery import Gallery
from seedream_nb.gallery.tiles import count_of
from seedream_nb.models import TaskStatus
from seedream_nb.notebook.arguments import (
    ConfigArguments,
    GetArguments,
    HelpArguments,
    LoginArguments,
    SandboxArguments,
)
from seedream_nb.notebook.notice import Notice

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from seedream_nb.models import Task
    from seedream_nb.notebook.arguments import Arguments
    from seedream_nb.notebook.session import Session
    from seedream_nb.sandbox import Sandbox

MOST_NAMED = 5  # ids that a message names
LONGEST_PROMPT = 72  # characters of a prompt in a list


class FrontEnd(Protocol):
    """What a handler may ask of the place where it runs."""

    def show(self, value: object) -> None:
        """Shows something beside the cell's value."""

    def assign(self, name: str, value: object) -> None:
        """Assigns a variable in the user's namespace."""

    def ask_secret(self, question: str) -> str:
        """Asks the user for something that is not shown while typed."""

    def progress(self, total: int, description: str) -> AbstractContextManager[Callable[[int], None]]:
        """A progress bar that leaves nothing behind."""


def run(arguments: Arguments, session: Session, front_end: FrontEnd) -> object:
    """Runs a command.

    Args:
        arguments: The command's typed arguments.
        session: What the kernel remembers.
        front_end: Where it runs.

    Returns:
        The cell's value.

    Raises:
        SeedreamError: The command failed; what was read before is shown.
    """
    match arguments:
        case GetArguments():
            return _get(arguments, session, front_end)
        case SandboxArguments():
            return _sandbox(arguments, session)
        case LoginArguments():
            return _login(session, front_end)
        case ConfigArguments():
            return Notice(_describe(session))
        case HelpArguments():
            return Notice(arguments.text)


def _get(arguments: GetArguments, session: Session, front_end: FrontEnd) -> object:
    failure = None
    try:
        tasks = _retrieve(arguments.task_ids, session, front_end)
    except SeedreamError as error:
        if not error.partial:
            raise
        tasks, failure = error.partial, error
    session.remember(task.id for task in tasks if task.status is not TaskStatus.NOT_FOUND)
    gallery = Gallery(tasks, **dataclasses.asdict(arguments.options))
    result = {task.id: task.raw for task in tasks} if arguments.as_json else gallery
    if arguments.out is not None:
        # Before anything else is fetched, so that an interrupt does not lose what is there.
        front_end.assign(arguments.out, result)
    if not arguments.as_json:
        with front_end.progress(gallery.unloaded, "Fetching images") as advance:
            gallery.load(on_progress=advance)
    if arguments.save is not None:
        with front_end.progress(len(gallery.images), "Saving originals") as advance:
            front_end.show(gallery.save(arguments.save, on_progress=advance))
    if failure is not None:
        front_end.show(result)
        raise _with_failed_ids(failure)
    return result


def _retrieve(task_ids: Sequence[str], session: Session, front_end: FrontEnd) -> Sequence[Task]:
    if len(task_ids) == 1:
        tasks: Sequence[Task] = [session.client.retrieve(task_ids[0])]
    else:
        with front_end.progress(len(set(task_ids)), "Retrieving tasks") as advance:
            tasks = session.client.retrieve_batch(task_ids, on_progress=advance)
    if all(task.status is TaskStatus.NOT_FOUND for task in tasks):
        raise TaskNotFoundError(
            f"The service does not know {_name_ids(task_ids)}.",
            hint="Check the ids, and that the token belongs to the account that made the tasks; old ones may have "
            "been cleared. %seedream config shows which service was asked.",
        )
    return tasks


def _with_failed_ids(failure: SeedreamError) -> SeedreamError:
    failed = count_of(len(failure.failed_ids), "task")
    failure.message += f" {failed} could not be read: {_name_ids(failure.failed_ids)}."
    return failure


def _name_ids(task_ids: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(task_ids))
    more = f" and {len(distinct) - MOST_NAMED} more" if len(distinct) > MOST_NAMED else ""
    return f"{', '.join(distinct[:MOST_NAMED])}{more}"


def _sandbox(arguments: SandboxArguments, session: Session) -> Notice:
    if arguments.action == "stop":
        if not session.stop_sandbox():
            return Notice("The sandbox does not run.")
        return Notice(f"The sandbox is stopped. %seedream talks to {session.settings.base_url} again.")
    if arguments.action == "status" and session.sandbox is None:
        return Notice("The sandbox does not run. Start it with %seedream sandbox.")
    sandbox = session.start_sandbox()
    if arguments.action == "status":
        return Notice(_describe_sandbox(sandbox))
    return Notice(
        "The sandbox runs: no token, no internet, no cost. %seedream talks to it now.\n"
        f"%seedream sandbox status   lists its {len(sandbox.examples)} example tasks\n"
        "%seedream login            leaves it for the live service"
    )


def _describe_sandbox(sandbox: Sandbox) -> str:
    width = max(len(example.state) for example in sandbox.examples)
    tasks = [f"  {example.id}  {example.state:<{width}}  {_clip(example.prompt)}" for example in sandbox.examples]
    return "\n".join([f"The sandbox runs at {sandbox.url} (token {sandbox.token}).", "", *tasks])


def _clip(prompt: str) -> str:
    return prompt if len(prompt) <= LONGEST_PROMPT else f"{prompt[: LONGEST_PROMPT - 1].rstrip()}…"


def _login(session: Session, front_end: FrontEnd) -> Notice:
    token = front_end.ask_secret("Ace Data Cloud token: ")
    if not token.strip():
        raise MissingTokenError("No token was given; nothing has changed.", hint=GETTING_STARTED_HINT)
    session.log_in(token)
    session.stop_sandbox()
    return Notice(f"The token is kept for this kernel only. %seedream now talks to {session.settings.base_url}.")


def _describe(session: Session) -> str:
    settings = session.settings
    versions = [f"{name} {metadata.version(name)}" for name in ("ipython", "requests", "pillow")]
    rows = {
        "service": f"{settings.base_url} (from {settings.base_url_source})",
        "token": f"set (from {settings.token_source})" if settings.token else "not set",
        "sandbox": "runs" if session.sandbox else "does not run",
        "versions": f"seedream_nb {seedream_nb.__version__}, Python {platform.python_version()}, {', '.join(versions)}",
    }
    return "\n".join(f"{name:<9} {value}" for name, value in rows.items())
