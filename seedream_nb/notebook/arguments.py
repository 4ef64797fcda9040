"""Why: a line of text becomes typed, frozen arguments before anything is done; every mistake is told in one sentence.

Nothing here imports IPython, sends anything or has a side effect.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Literal

from seedream_nb.core.errors import UsageError
from seedream_nb.core.task_ids import find_problem
from seedream_nb.notebook import generate_arguments as generating
from seedream_nb.notebook import library_arguments as keeping
from seedream_nb.notebook import query_arguments as querying
from seedream_nb.notebook.explore_command import ExploreArguments, explore_parser, read_explore
from seedream_nb.notebook.generate_arguments import GenerateArguments
from seedream_nb.notebook.library_arguments import LibraryArguments, LibraryInfoArguments, MarkKind
from seedream_nb.notebook.parser import HelpRequest, Parser, split_line
from seedream_nb.notebook.query_arguments import QueryArguments

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

LONGEST_GENERATION = 3600.0  # seconds that the sandbox may take over a picture


@dataclass(frozen=True)
class SandboxArguments:
    """`%seedream sandbox`.

    Attributes:
        action: What to do with it.
        seconds: How long it takes over each picture; None leaves that as it is.
        balance: How many pictures it makes until the balance is used up; None leaves that as it is.
    """

    action: Literal["start", "stop", "status"] = "start"
    seconds: float | None = None
    balance: int | None = None


@dataclass(frozen=True)
class ConfigArguments:
    """`%seedream config`."""


@dataclass(frozen=True)
class LoginArguments:
    """`%seedream login`."""


@dataclass(frozen=True)
class HelpArguments:
    """`%seedream help`, `%seedream COMMAND --help`.

    Attributes:
        text: The help to show.
    """

    text: str


Arguments = (
    GenerateArguments
    | QueryArguments
    | ExploreArguments
    | LibraryArguments
    | SandboxArguments
    | ConfigArguments
    | LoginArguments
    | HelpArguments
)


@dataclass(frozen=True)
class Command:
    """A command as the user sees it.

    Attributes:
        name: The word behind `%seedream`.
        summary: What it does, in one line.
        make_parser: Makes its parser.
        read: Turns what was parsed, and the cell's body, into typed arguments.
        takes_cell: Whether a cell's body means something to it.
        takes_ids: Whether Tab offers task ids.
        parts: Commands of its own, by the word that follows its name.
    """

    name: str
    summary: str
    make_parser: Callable[[], Parser]
    read: Callable[[argparse.Namespace, str], Arguments]
    takes_cell: bool = False
    takes_ids: bool = False
    parts: Mapping[str, Command] = field(default_factory=dict)


def parse(line: str, cell: str | None = None) -> Arguments:
    """Turns a magic's line, and its cell, into typed arguments.

    Args:
        line: What stands behind `%seedream` or `%%seedream`.
        cell: The body of a cell magic; None for a line magic.

    Returns:
        The arguments of the command; help for an empty line.

    Raises:
        UsageError: The line cannot be understood; the message says why.

    Example:
        >>> parse("get 84d1544a-9043-4dde-a98b-e889dacd75f6 --columns 2").presentation.options.columns
        2
    """
    words = split_line(line)
    if not words or words[0] in {"-h", "--help"}:
        return HelpArguments(overview())
    name, *rest = words
    command = COMMANDS.get(name)
    if command is None:
        raise _unknown_command(name)
    if command.parts and rest and not rest[0].startswith("-"):
        command, *rest = _find_part(command, rest[0]), *rest[1:]
        name = command.name
    if cell is not None and not command.takes_cell:
        raise UsageError(
            f"%%seedream {name} has no use for a cell's body.", hint=f"Write %seedream {name} on one line."
        )
    try:
        return command.read(command.make_parser().parse_args(rest), cell or "")
    except HelpRequest:
        return HelpArguments(_help_of(command))


def overview() -> str:
    """The commands, one line each."""
    width = max(map(len, COMMANDS))
    lines = [f"  %seedream {command.name:<{width}}  {command.summary}" for command in COMMANDS.values()]
    return "\n".join(["SeeDream images in notebooks.", "", *lines, "", "Every command has --help."])


def _unknown_command(name: str) -> UsageError:
    if find_problem(name) is None:
        return UsageError(f"{name!r} is a task id, not a command.", hint=f"Did you mean %seedream get {name}?")
    near = difflib.get_close_matches(name.lower(), COMMANDS, n=1, cutoff=0.5)
    hint = f"Did you mean %seedream {near[0]}?" if near else f"The commands are: {', '.join(COMMANDS)}."
    return UsageError(f"There is no command {name!r}.", hint=hint)


def _find_part(command: Command, word: str) -> Command:
    part = command.parts.get(word)
    if part is None:
        near = difflib.get_close_matches(word.lower(), command.parts, n=1, cutoff=0.5)
        start = f"%seedream {command.name}"
        hint = f"Did you mean {start} {near[0]}?" if near else f"{start} takes: {', '.join(command.parts)}."
        raise UsageError(f"There is no command {command.name} {word!r}.", hint=hint)
    return part


def _sandbox_parser() -> Parser:
    parser = Parser("sandbox", "A local server that speaks the service's language: no token, no internet, no cost.")
    parser.add_argument("action", nargs="?", choices=("start", "stop", "status"), default="start", help="start")
    parser.add_argument("--seconds", type=float, metavar="S", help="how long it takes over each picture (0.3)")
    parser.add_argument("--balance", type=int, metavar="N", help="how many pictures it makes until that is used up")
    return parser


def _read_sandbox(parsed: argparse.Namespace, _cell: str) -> SandboxArguments:
    if parsed.seconds is not None and not 0 <= parsed.seconds <= LONGEST_GENERATION:
        raise UsageError(f"seconds is {parsed.seconds:g}.", hint=f"Give a number from 0 to {LONGEST_GENERATION:g}.")
    if parsed.balance is not None and parsed.balance < 0:
        raise UsageError(f"balance is {parsed.balance}.", hint="Give a whole number of 0 or more.")
    return SandboxArguments(parsed.action, parsed.seconds, parsed.balance)


def _config_parser() -> Parser:
    return Parser("config", "Show which service %seedream talks to, whether a token is set, and the versions.")


def _login_parser() -> Parser:
    return Parser("login", "Ask for the token of the live service, for this kernel only, and leave the sandbox.")


def _help_parser() -> Parser:
    parser = Parser("help", "Show the commands, or one command's help.")
    parser.add_argument("command", nargs="?", help="a command")
    return parser


def _read_help(parsed: argparse.Namespace, _cell: str) -> HelpArguments:
    if parsed.command is None:
        return HelpArguments(overview())
    command = COMMANDS.get(parsed.command)
    if command is None:
        raise _unknown_command(parsed.command)
    return HelpArguments(_help_of(command))


def _help_of(command: Command) -> str:
    text = command.make_parser().format_help()
    if not command.parts:
        return text
    width = max(map(len, command.parts))
    lines = [f"  {word:<{width}}  {part.summary}" for word, part in command.parts.items()]
    return "\n".join([text, "commands:", *lines, ""])


def _mark_part(kind: MarkKind, summary: str) -> Command:
    make_parser, read = partial(keeping.mark_parser, kind), partial(keeping.read_mark, kind=kind)
    return Command(f"library {kind}", summary, make_parser, read, takes_cell=True, takes_ids=True)


LIBRARY_PARTS: Mapping[str, Command] = {
    command.name.rpartition(" ")[2]: command
    for command in (
        Command("library search", "find tasks by words of their prompts", keeping.search_parser, keeping.read_search),
        Command(
            "library show",
            "show tasks that are kept",
            keeping.show_parser,
            keeping.read_show,
            takes_cell=True,
            takes_ids=True,
        ),
        _mark_part("tag", "give tasks a tag"),
        _mark_part("untag", "take a tag away"),
        _mark_part("rate", "rate tasks with stars"),
        _mark_part("note", "write a note to tasks"),
        Command(
            "library remove",
            "remove tasks and their pictures",
            keeping.remove_parser,
            keeping.read_remove,
            takes_cell=True,
            takes_ids=True,
        ),
        Command("library prune", "remove what is old or large", keeping.prune_parser, keeping.read_prune),
        Command(
            "library verify",
            "check every record and picture",
            keeping.verify_parser,
            lambda _parsed, _cell: keeping.VerifyArguments(),
        ),
        Command(
            "library export",
            "write records and originals to a folder or a zip file",
            keeping.export_parser,
            partial(keeping.read_transfer, kind="export"),
            takes_cell=True,
            takes_ids=True,
        ),
        Command(
            "library import",
            "take in what was exported",
            keeping.import_parser,
            partial(keeping.read_transfer, kind="import"),
        ),
    )
}

COMMANDS: Mapping[str, Command] = {
    command.name: command
    for command in (
        Command(
            "generate",
            "make pictures from a prompt, or a table of all combinations",
            generating.generate_parser,
            generating.read_generate,
            takes_cell=True,
        ),
        Command(
            "edit",
            "change a picture as a prompt says, before and after side by side",
            generating.edit_parser,
            generating.read_edit,
            takes_cell=True,
        ),
        Command(
            "get",
            "show tasks as a gallery",
            querying.get_parser,
            querying.read_get,
            takes_cell=True,
            takes_ids=True,
        ),
        Command(
            "wait",
            "wait until tasks are finished",
            querying.wait_parser,
            querying.read_wait,
            takes_cell=True,
            takes_ids=True,
        ),
        Command(
            "watch",
            "the same, while other cells run",
            querying.watch_parser,
            querying.read_watch,
            takes_cell=True,
            takes_ids=True,
        ),
        Command("history", "show what the account has made", querying.history_parser, querying.read_history),
        Command("last", "show the last result once more", querying.last_parser, querying.read_last),
        Command(
            "explore",
            "open a panel to browse, compare and make pictures",
            explore_parser,
            read_explore,
            takes_cell=True,
            takes_ids=True,
        ),
        Command(
            "library",
            "show, search, mark and tidy up what is kept on this machine",
            keeping.library_parser,
            lambda _parsed, _cell: LibraryInfoArguments(),
            parts=LIBRARY_PARTS,
        ),
        Command(
            "sandbox",
            "start or stop a local server: no token, no internet, no cost",
            _sandbox_parser,
            _read_sandbox,
        ),
        Command(
            "login",
            "ask for the token of the live service, for this kernel only",
            _login_parser,
            lambda _parsed, _cell: LoginArguments(),
        ),
        Command(
            "config",
            "show which service is asked, and whether a token is set",
            _config_parser,
            lambda _parsed, _cell: ConfigArguments(),
        ),
        Command("help", "show the commands, or one command's help", _help_parser, _read_help),
    )
}


def completions(words: Sequence[str], known_ids: Sequence[str] = ()) -> list[str]:
    """What may come next on a line.

    Args:
        words: The whole words behind `%seedream` so far, without the one being typed.
        known_ids: Task ids that the kernel has met.

    Returns:
        Commands, then options, choices and ids of the command; those that were typed already are left out.
    """
    if not words:
        return list(COMMANDS)
    command = COMMANDS.get(words[0])
    if command is None:
        return []
    if command.name == "help":
        return list(COMMANDS)
    if command.parts:
        if len(words) == 1:
            return list(command.parts)
        command = command.parts.get(words[1], command)
        words = words[1:]
    actions = command.make_parser()._actions  # noqa: SLF001  argparse has no public way to list its options
    by_option = {option: action for action in actions for option in action.option_strings if option != "-h"}
    pending = by_option.get(words[-1])
    if pending is not None and pending.nargs != 0:
        return [str(choice) for choice in pending.choices or generating.SUGGESTIONS.get(pending.dest, ())]
    positional = [str(choice) for action in actions if not action.option_strings for choice in action.choices or ()]
    ids = list(known_ids) if command.takes_ids else []
    return [word for word in [*positional, *by_option, *ids] if word not in words]
