"""Why: a line of text becomes typed, frozen arguments before anything is done; every mistake is told in one sentence.

Nothing here imports IPython, sends anything or has a side effect.
"""

from __future__ import annotations

import argparse
import difflib
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NoReturn

from seedream_nb.errors import UsageError
from seedream_nb.gallery.options import EMBED_CHOICES, GalleryOptions
from seedream_nb.notebook.task_ids import EXAMPLE_ID, find_problem, read_task_ids

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


@dataclass(frozen=True)
class GetArguments:
    """`%seedream get`.

    Attributes:
        task_ids: The ids in the order asked, repeats included.
        options: How the gallery is drawn.
        save: The directory to save the originals to, or None.
        as_json: Whether to give the records as a dict instead of a gallery.
        out: The variable to assign the result to, or None.
    """

    task_ids: tuple[str, ...]
    options: GalleryOptions
    save: str | None = None
    as_json: bool = False
    out: str | None = None


@dataclass(frozen=True)
class SandboxArguments:
    """`%seedream sandbox`."""

    action: Literal["start", "stop", "status"] = "start"


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


Arguments = GetArguments | SandboxArguments | ConfigArguments | LoginArguments | HelpArguments


class HelpRequest(Exception):  # noqa: N818  not an error: it carries the answer to --help out of argparse
    """Raised where argparse would print its help and exit."""


class Parser(argparse.ArgumentParser):
    """An argparse parser that never prints and never exits the kernel."""

    def __init__(self, command: str, description: str) -> None:
        super().__init__(prog=f"%seedream {command}", description=description, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Raises what argparse would print."""
        raise UsageError(f"{self.prog}: {message}.", hint=f"{self.prog} --help lists what it takes.")

    def print_help(self, file: object = None) -> NoReturn:
        """Raises the help that argparse would print."""
        del file
        raise HelpRequest(self.format_help())


@dataclass(frozen=True)
class Command:
    """A command as the user sees it.

    Attributes:
        name: The word behind `%seedream`.
        summary: What it does, in one line.
        make_parser: Makes its parser.
        read: Turns what was parsed, and the cell's body, into typed arguments.
    """

    name: str
    summary: str
    make_parser: Callable[[], Parser]
    read: Callable[[argparse.Namespace, str], Arguments]


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
        >>> parse("get 84d1544a-9043-4dde-a98b-e889dacd75f6 --columns 2").options.columns
        2
    """
    words = split_line(line)
    if not words or words[0] in {"-h", "--help"}:
        return HelpArguments(overview())
    name, *rest = words
    command = COMMANDS.get(name)
    if command is None:
        raise _unknown_command(name)
    if cell is not None and command.name not in CELL_COMMANDS:
        raise UsageError(
            f"%%seedream {name} has no use for a cell's body.", hint=f"Write %seedream {name} on one line."
        )
    try:
        return command.read(command.make_parser().parse_args(rest), cell or "")
    except HelpRequest as request:
        return HelpArguments(str(request))


def split_line(line: str) -> list[str]:
    """Splits a line into words; quotes hold words together, and a backslash is an ordinary character.

    Raises:
        UsageError: A quotation mark is never closed.
    """
    lexer = shlex.shlex(line.rstrip().removesuffix(";"), posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    lexer.escape = ""
    try:
        return list(lexer)
    except ValueError:
        raise UsageError("A quotation mark is never closed.", hint="Close it, or leave it out.") from None


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


def _get_parser() -> Parser:
    parser = Parser("get", "Show tasks as a gallery, in the order asked. Free of charge.")
    parser.add_argument("ids", nargs="*", metavar="ID", help=f"task ids, such as {EXAMPLE_ID}; {{ids}} takes a list")
    parser.add_argument("--columns", type=int, metavar="N", help="how many tiles stand side by side")
    parser.add_argument("--thumbnail", type=int, metavar="PX", help="long side of a thumbnail (320)")
    parser.add_argument("--embed", choices=EMBED_CHOICES, help="what is put into the notebook (thumbnails)")
    parser.add_argument("--limit", type=int, metavar="N", help="how many tiles are drawn at most (60)")
    parser.add_argument("--max-bytes", type=int, metavar="N", help="how large the output may become (2000000)")
    parser.add_argument("--save", metavar="DIR", help="also save the originals and the records there")
    parser.add_argument("--json", action="store_true", help="give the records as a dict instead of a gallery")
    parser.add_argument("--out", metavar="NAME", help="assign the result to this variable")
    return parser


def _read_get(parsed: argparse.Namespace, cell: str) -> GetArguments:
    names = ("columns", "thumbnail", "embed", "limit", "max_bytes")
    options = {name: getattr(parsed, name) for name in names if getattr(parsed, name) is not None}
    if parsed.out is not None and not parsed.out.isidentifier():
        raise UsageError(f"{parsed.out!r} cannot be a variable.", hint="Name one behind --out, such as --out gallery.")
    return GetArguments(
        task_ids=read_task_ids(f"{' '.join(parsed.ids)}\n{cell}"),
        options=GalleryOptions(**options),
        save=parsed.save,
        as_json=parsed.json,
        out=parsed.out,
    )


def _sandbox_parser() -> Parser:
    parser = Parser("sandbox", "A local server that speaks the service's language: no token, no internet, no cost.")
    parser.add_argument("action", nargs="?", choices=("start", "stop", "status"), default="start", help="start")
    return parser


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
    return HelpArguments(command.make_parser().format_help())


COMMANDS: Mapping[str, Command] = {
    command.name: command
    for command in (
        Command("get", "show tasks as a gallery", _get_parser, _read_get),
        Command(
            "sandbox",
            "start or stop a local server: no token, no internet, no cost",
            _sandbox_parser,
            lambda parsed, _cell: SandboxArguments(parsed.action),
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
CELL_COMMANDS = frozenset({"get"})


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
    actions = command.make_parser()._actions  # noqa: SLF001  argparse has no public way to list its options
    by_option = {option: action for action in actions for option in action.option_strings if option != "-h"}
    pending = by_option.get(words[-1])
    if pending is not None and pending.nargs != 0:
        return [str(choice) for choice in pending.choices or ()]
    positional = [str(choice) for action in actions if not action.option_strings for choice in action.choices or ()]
    ids = list(known_ids) if command.name == "get" else []
    return [word for word in [*positional, *by_option, *ids] if word not in words]
