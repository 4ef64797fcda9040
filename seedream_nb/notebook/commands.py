"""Why: one handler for each command, from typed arguments to the cell's value, without knowing IPython."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedream_nb.notebook import (
    explore_command,
    generate_commands,
    library_commands,
    query_commands,
    session_commands,
    wait_commands,
)
from seedream_nb.notebook.arguments import ConfigArguments, HelpArguments, LoginArguments, SandboxArguments
from seedream_nb.notebook.explore_command import ExploreArguments
from seedream_nb.notebook.generate_arguments import GenerateArguments
from seedream_nb.notebook.library_arguments import (
    LibraryInfoArguments,
    MarkArguments,
    RemoveArguments,
    SearchArguments,
    TransferArguments,
    VerifyArguments,
)
from seedream_nb.notebook.notice import Notice
from seedream_nb.notebook.query_arguments import (
    GetArguments,
    HistoryArguments,
    LastArguments,
    WaitArguments,
    WatchArguments,
)

if TYPE_CHECKING:
    from seedream_nb.notebook.arguments import Arguments
    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.session import Session


def run(arguments: Arguments, session: Session, front_end: FrontEnd) -> object:  # noqa: C901, PLR0911  one line a command
    """Runs a command.

    Args:
        arguments: The command's typed arguments.
        session: What the kernel remembers.
        front_end: Where it runs.

    Returns:
        The cell's value.

    Raises:
        SeedreamError: The command failed; what was read before is shown.
        Interrupted: An interrupt came; it says how to go on.
    """
    match arguments:
        case GenerateArguments():
            return generate_commands.generate(arguments, session, front_end)
        case GetArguments():
            return query_commands.get(arguments, session, front_end)
        case WaitArguments():
            return wait_commands.wait(arguments, session, front_end)
        case WatchArguments():
            return wait_commands.watch(arguments, session, front_end)
        case HistoryArguments():
            return query_commands.history(arguments, session, front_end)
        case LastArguments():
            return query_commands.last(arguments, session, front_end)
        case ExploreArguments():
            return explore_command.explore(arguments, session, front_end)
        case (
            LibraryInfoArguments()
            | SearchArguments()
            | MarkArguments()
            | RemoveArguments()
            | VerifyArguments()
            | TransferArguments()
        ):
            return library_commands.run_on_library(arguments, session, front_end)
        case SandboxArguments():
            return session_commands.sandbox(arguments, session)
        case LoginArguments():
            return session_commands.login(session, front_end)
        case ConfigArguments():
            return session_commands.config(session)
        case HelpArguments():
            return Notice(arguments.text)
