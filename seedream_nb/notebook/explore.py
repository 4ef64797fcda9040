"""The command `explore`: its value is a panel that lives on, not a gallery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.errors import UsageError
from seedream_nb.core.models import Task
from seedream_nb.notebook.arguments import DEFAULT_TASKS, add_ids, add_out, read_ids, read_out

if TYPE_CHECKING:
    import argparse

    from seedream_nb.notebook.arguments import Parser
    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.given import Given
    from seedream_nb.notebook.session import Session
    from seedream_nb.panels.explorer import SourceName


@dataclass(frozen=True)
class ExploreArguments:
    """`%seedream explore`.

    Attributes:
        task_ids: The tasks to start with, as they are or by their ids.
        last: Whether to add the last result.
        history: How many of the newest tasks to add.
        library: Whether to show the whole library.
        out: The variable to assign the panel to, or None.
    """

    task_ids: tuple[Given, ...] = ()
    last: bool = False
    history: int = 0
    library: bool = False
    out: str | None = None

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Opens a panel.

        Raises:
            UsageError: There is no last result.
            LibraryError: The library is to be shown, and cannot be read.
            SeedreamError: The tasks could not be retrieved.
        """
        # Imported here: widgets are needed only by those who open a panel.
        from seedream_nb.panels import explore  # noqa: PLC0415  see above

        last = session.require_last("Run generate or get first, or remove --last.") if self.last else ()
        tasks: list[str | Task] = [
            *(one if isinstance(one, Task) else session.read_ids([one])[0] for one in self.task_ids),
            *last,
            *(session.client.history(self.history) if self.history else ()),
        ]
        source: SourceName = "library" if self.library else "tasks"
        panel = explore(session.client, tasks, source=source, pace=session.choose_pace())
        if self.out is not None:
            front_end.assign(self.out, panel)
        return panel


def add_explore(parser: Parser) -> None:
    """Adds the options of `%seedream explore`."""
    add_ids(parser, default="none")
    parser.add_argument("--last", action="store_true", help="start with the last result")
    parser.add_argument(
        "--history",
        type=int,
        nargs="?",
        const=DEFAULT_TASKS,
        default=0,
        metavar="N",
        help=f"start with the newest N tasks (N defaults to {DEFAULT_TASKS})",
    )
    parser.add_argument("--library", action="store_true", help="show the whole library on this machine")
    add_out(parser, "panel")


def read_explore(parsed: argparse.Namespace) -> ExploreArguments:
    """Reads the arguments of `%seedream explore`."""
    if parsed.history < 0:
        raise UsageError(f"--history must be at least 1, not {parsed.history}.", hint="Use a whole number.")
    ids = read_ids(parsed, "explore")
    return ExploreArguments(ids, parsed.last, parsed.history, parsed.library, read_out(parsed.out))
