"""Why: `%seedream explore` is a command of its own kind: what it gives is a panel that lives on, not a gallery."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.errors import UsageError
from seedream_nb.core.task_ids import EXAMPLE_ID, read_task_ids
from seedream_nb.notebook.parser import Parser

if TYPE_CHECKING:
    import argparse

    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.session import Session

HISTORY_LIMIT = 24


@dataclass(frozen=True)
class ExploreArguments:
    """`%seedream explore`.

    Attributes:
        task_ids: What is shown at first.
        last: Whether the last result is shown as well.
        history: How many of the newest tasks are shown as well.
        out: The variable to assign the panel to, or None.
    """

    task_ids: tuple[str, ...] = ()
    last: bool = False
    history: int = 0
    out: str | None = None


def explore_parser() -> Parser:
    """The parser of `%seedream explore`."""
    parser = Parser("explore", "Open a panel to browse, compare and make pictures.")
    parser.add_argument("ids", nargs="*", metavar="ID", help=f"task ids, such as {EXAMPLE_ID}; {{ids}} takes a list")
    parser.add_argument("--last", action="store_true", help="begin with the last result")
    parser.add_argument(
        "--history",
        type=int,
        nargs="?",
        const=HISTORY_LIMIT,
        default=0,
        metavar="N",
        help=f"begin with the newest N tasks ({HISTORY_LIMIT})",
    )
    parser.add_argument("--out", metavar="NAME", help="assign the panel to this variable")
    return parser


def read_explore(parsed: argparse.Namespace, cell: str) -> ExploreArguments:
    """The arguments of `%seedream explore`.

    Raises:
        UsageError: An id is none, or an option is out of range.
    """
    if parsed.out is not None and not parsed.out.isidentifier():
        raise UsageError(f"{parsed.out!r} cannot be a variable.", hint="Name one behind --out, such as --out panel.")
    if parsed.history < 0:
        raise UsageError(f"history is {parsed.history}.", hint="Give a whole number of 1 or more.")
    text = f"{' '.join(parsed.ids)}\n{cell}"
    task_ids = read_task_ids(text, "explore") if text.strip() else ()
    return ExploreArguments(task_ids, parsed.last, parsed.history, parsed.out)


def explore(arguments: ExploreArguments, session: Session, front_end: FrontEnd) -> object:
    """Opens a panel.

    Raises:
        UsageError: There is no last result.
        SeedreamError: Tasks were asked for, and could not be had.
    """
    # Imported here: widgets are needed only by those who open a panel.
    from seedream_nb.panels import explore as open_panel  # noqa: PLC0415  see above

    if arguments.last and session.last is None:
        raise UsageError("There is no result in this kernel yet.", hint="Leave out --last, or make or get one first.")
    tasks = [
        *(session.client.retrieve_batch(arguments.task_ids) if arguments.task_ids else ()),
        *(session.last or () if arguments.last else ()),
        *(session.client.history(arguments.history) if arguments.history else ()),
    ]
    panel = open_panel(session.client, tasks, pace=session.pace)
    if arguments.out is not None:
        front_end.assign(arguments.out, panel)
    return panel
