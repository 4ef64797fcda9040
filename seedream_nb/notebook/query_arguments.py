"""Why: what is asked of the service free of charge: tasks by their ids, tasks to wait for, tasks of the past."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from seedream_nb.core.errors import UsageError
from seedream_nb.core.task_ids import EXAMPLE_ID, read_task_ids
from seedream_nb.core.times import read_since
from seedream_nb.notebook.parser import Parser, Presentation, add_presentation, read_presentation

if TYPE_CHECKING:
    import argparse

WAIT_SECONDS = 600.0
HISTORY_LIMIT = 24


@dataclass(frozen=True)
class GetArguments:
    """`%seedream get`.

    Attributes:
        task_ids: The ids in the order asked, repeats included.
        presentation: What becomes of the tasks.
        refresh: Whether to ask the service for tasks that are kept in the library, too.
    """

    task_ids: tuple[str, ...]
    presentation: Presentation = field(default_factory=Presentation)
    refresh: bool = False


@dataclass(frozen=True)
class WaitArguments:
    """`%seedream wait`.

    Attributes:
        task_ids: The ids in the order asked; none means what the last result left unfinished.
        timeout: Seconds after which is given up.
        presentation: What becomes of the tasks.
    """

    task_ids: tuple[str, ...]
    timeout: float = WAIT_SECONDS
    presentation: Presentation = field(default_factory=Presentation)


@dataclass(frozen=True)
class WatchArguments:
    """`%seedream watch`.

    Attributes:
        task_ids: As for `wait`.
        stop: Whether to end all watches instead.
        timeout: As for `wait`.
        presentation: What becomes of the tasks.
    """

    task_ids: tuple[str, ...]
    stop: bool = False
    timeout: float = WAIT_SECONDS
    presentation: Presentation = field(default_factory=Presentation)


@dataclass(frozen=True)
class HistoryArguments:
    """`%seedream history`.

    Attributes:
        limit: How many tasks are shown at most.
        since: From when on, or None.
        failed: Whether to show only what has failed, wholly or in part.
        model: A part of the model's name, or None.
        presentation: What becomes of the tasks.
    """

    limit: int = HISTORY_LIMIT
    since: datetime | None = None
    failed: bool = False
    model: str | None = None
    presentation: Presentation = field(default_factory=Presentation)


@dataclass(frozen=True)
class LastArguments:
    """`%seedream last`."""

    presentation: Presentation = field(default_factory=Presentation)


QueryArguments = GetArguments | WaitArguments | WatchArguments | HistoryArguments | LastArguments


def get_parser() -> Parser:
    """The parser of `%seedream get`."""
    parser = Parser("get", "Show tasks as a gallery, in the order asked. Free of charge.")
    add_ids(parser)
    parser.add_argument("--refresh", action="store_true", help="ask the service for finished tasks, too")
    add_presentation(parser)
    return parser


def read_get(parsed: argparse.Namespace, cell: str) -> GetArguments:
    """The arguments of `%seedream get`.

    Raises:
        UsageError: No id was given, or one is none, or an option is out of range.
    """
    return GetArguments(read_ids(parsed, cell, "get"), read_presentation(parsed), parsed.refresh)


def wait_parser() -> Parser:
    """The parser of `%seedream wait`."""
    parser = Parser("wait", "Wait until tasks are finished, and show them as they come. Free of charge.")
    add_ids(parser, without="the last result, as far as it is unfinished")
    _add_timeout(parser)
    add_presentation(parser)
    return parser


def read_wait(parsed: argparse.Namespace, cell: str) -> WaitArguments:
    """The arguments of `%seedream wait`.

    Raises:
        UsageError: An id is none, or an option is out of range.
    """
    return WaitArguments(
        read_ids(parsed, cell, "wait", may_be_none=True), read_timeout(parsed.timeout), read_presentation(parsed)
    )


def watch_parser() -> Parser:
    """The parser of `%seedream watch`."""
    parser = Parser("watch", "As wait, but other cells run meanwhile; the gallery fills in below this cell.")
    add_ids(parser, without="the last result, as far as it is unfinished")
    parser.add_argument("--stop", action="store_true", help="end all watches; the tasks go on at the service")
    _add_timeout(parser)
    add_presentation(parser)
    return parser


def read_watch(parsed: argparse.Namespace, cell: str) -> WatchArguments:
    """The arguments of `%seedream watch`.

    Raises:
        UsageError: An id is none, an option is out of range, or ids come with `--stop`.
    """
    task_ids = read_ids(parsed, cell, "watch", may_be_none=True)
    presentation = read_presentation(parsed)
    if parsed.stop and task_ids:
        raise UsageError("--stop ends all watches and takes no ids.", hint="Write %seedream watch --stop.")
    if presentation.as_json:
        raise UsageError("A watch gives no value, so it has no records.", hint="Name a variable with --out instead.")
    return WatchArguments(task_ids, parsed.stop, read_timeout(parsed.timeout), presentation)


def history_parser() -> Parser:
    """The parser of `%seedream history`."""
    parser = Parser("history", "Show what the account has made, newest first. Free of charge.")
    parser.add_argument("--limit", type=int, default=HISTORY_LIMIT, metavar="N", help=f"how many ({HISTORY_LIMIT})")
    parser.add_argument("--since", metavar="TIME", help="only since 30m, 2h, 3d, 1w ago, today, yesterday, 2026-11-20")
    parser.add_argument("--failed", action="store_true", help="only what has failed, wholly or in part")
    parser.add_argument("--model", metavar="NAME", help="only of this model, such as 4.5 or pro")
    add_presentation(parser, with_limit=False)
    return parser


def read_history(parsed: argparse.Namespace, _cell: str) -> HistoryArguments:
    """The arguments of `%seedream history`.

    Raises:
        UsageError: An option is out of range.
    """
    if parsed.limit < 1:
        raise UsageError(f"limit is {parsed.limit}.", hint="Give a whole number of 1 or more.")
    since = read_since(parsed.since, datetime.now(timezone.utc).astimezone()) if parsed.since is not None else None
    # --limit says how many tasks, so all of them are drawn.
    parsed.limit, limit = max(parsed.limit, Presentation().options.limit), parsed.limit
    return HistoryArguments(limit, since, parsed.failed, parsed.model, read_presentation(parsed))


def last_parser() -> Parser:
    """The parser of `%seedream last`."""
    parser = Parser("last", "Show the last result once more. Asks nobody.")
    add_presentation(parser)
    return parser


def read_last(parsed: argparse.Namespace, _cell: str) -> LastArguments:
    """The arguments of `%seedream last`.

    Raises:
        UsageError: An option is out of range.
    """
    return LastArguments(read_presentation(parsed))


def read_timeout(seconds: float) -> float:
    """Checks how long to wait.

    Raises:
        UsageError: It is no span of time.
    """
    if not seconds > 0:
        raise UsageError(f"timeout is {seconds:g}.", hint="Give seconds, more than 0.")
    return seconds


def add_ids(parser: Parser, *, without: str = "") -> None:
    """Adds task ids to a command.

    Args:
        parser: The command's parser.
        without: What stands for them when there are none; empty where they have to be there.
    """
    default = f"; without any, {without}" if without else ""
    text = f"task ids, such as {EXAMPLE_ID}; {{ids}} takes a list{default}"
    parser.add_argument("ids", nargs="*", metavar="ID", help=text)


def _add_timeout(parser: Parser) -> None:
    parser.add_argument(
        "--timeout", type=float, default=WAIT_SECONDS, metavar="S", help="seconds to wait at most (600)"
    )


def read_ids(parsed: argparse.Namespace, cell: str, command: str, *, may_be_none: bool = False) -> tuple[str, ...]:
    """Reads the ids of a line and of the cell below it.

    Raises:
        UsageError: There is none, or one is none.
    """
    text = f"{' '.join(parsed.ids)}\n{cell}"
    if may_be_none and not text.strip():
        return ()
    return read_task_ids(text, command)
