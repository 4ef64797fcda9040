"""All commands: a typed line becomes frozen arguments, which run; its help comes from the same table."""

from __future__ import annotations

import difflib
import itertools
import re
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from seedream_nb.core.errors import InvalidTaskIdError, UsageError
from seedream_nb.core.task_ids import find_problem
from seedream_nb.notebook import (
    error_help,
    explore,
    generate,
    generate_options,
    library,
    queries,
    remake,
    run_options,
    services,
    spend,
    wait,
)
from seedream_nb.notebook.arguments import HelpRequest, Parser, add_presentation
from seedream_nb.notebook.examples import format_examples
from seedream_nb.notebook.front_end import Notice
from seedream_nb.notebook.given import read_given
from seedream_nb.notebook.line import read_id_words, read_words
from seedream_nb.notebook.prompts import check_line, read_body, reject_list
from seedream_nb.notebook.template import no_variables

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping, Sequence

    from seedream_nb.notebook.arguments import Arguments
    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.prompts import Body
    from seedream_nb.notebook.session import Session
    from seedream_nb.notebook.template import Evaluate

_OPTIONS = re.compile(r"\s--?[A-Za-z].*", re.DOTALL)  # behind a prompt
# What users type for `generate`.
_GENERATE = {"create", "draw", "imagine", "image", "images", "make", "new", "paint", "prompt", "render"}


@dataclass(frozen=True)
class HelpArguments:
    """`%seedream help` and `%seedream COMMAND --help`.

    Attributes:
        text: The help to show.
    """

    text: str

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Shows the help."""
        del session, front_end
        return Notice(self.text)


def _add_nothing(parser: Parser) -> None:
    """Adds no options."""
    del parser


@dataclass(frozen=True)
class Command:
    """A command as the user sees it.

    Attributes:
        name: The words after `%seedream`.
        description: What it does; the first sentence is its summary.
        read: Turns a parsed line and body into typed arguments.
        add_options: Adds its options to a parser.
        parts: Its own commands by the word that follows its name.
    """

    name: str
    description: str
    read: Callable[[argparse.Namespace], Arguments]
    add_options: Callable[[Parser], None] = _add_nothing
    parts: Mapping[str, Command] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """What it does, in one line."""
        return self.description.partition(". ")[0].removesuffix(".")

    def make_parser(self) -> Parser:
        """A parser with its options."""
        parser = Parser(self.name, self.description)
        self.add_options(parser)
        return parser

    def format_help(self) -> str:
        """The text of `--help`."""
        parts = [self.make_parser().format_help()]
        if self.parts:
            parts.append("\n".join(["commands:", *_list_commands(self.parts), ""]))
        return "\n".join([*parts, f"examples:\n{format_examples(self.name)}\n"])


def _list_commands(commands: Mapping[str, Command], prefix: str = "") -> list[str]:
    width = max(map(len, commands))
    return [f"  {prefix}{word:<{width}}  {command.summary}" for word, command in commands.items()]


def parse(line: str, cell: str | None = None, evaluate: Evaluate = no_variables) -> Arguments:
    """Turns a magic's line and cell into typed arguments.

    Args:
        line: What follows `%seedream` or `%%seedream`.
        cell: The body of a cell magic; None for a line magic.
        evaluate: Returns the value of a Python expression in the user's namespace.

    Returns:
        The arguments of the command; help for an empty line.

    Raises:
        UsageError: The line is invalid; the message says why.

    Example:
        >>> parse("get 84d1544a-9043-4dde-a98b-e889dacd75f6 --columns 2").presentation.options.columns
        2
    """
    if line.rstrip().endswith("?") and (text := _find_help(line.rstrip(" \t?").split())):
        return HelpArguments(text)
    name, rest = _split_word(line.rstrip().removesuffix(";"))
    if not name and cell is not None and cell.strip():
        raise UsageError("There is no command after %%seedream.", hint=_write_generate("%%seedream"))
    if not name or name in {"-h", "--help"}:
        return HelpArguments(overview())
    magic = "%seedream" if cell is None else "%%seedream"
    command = _find(name, COMMANDS, magic)
    part, after = _split_word(rest)
    if command.parts and part and not part.startswith("-"):
        command, rest = _find(part, command.parts, f"{magic} {command.name}"), after
    parser = command.make_parser()
    if cell is not None and not parser.takes_cell:
        raise UsageError(
            f"%%seedream {command.name} does not take a cell body.", hint=f"Use %seedream {command.name} on one line."
        )
    try:
        parsed = _parse_rest(rest, command, parser, evaluate)
    except HelpRequest:
        return HelpArguments(command.format_help())
    if parser.takes_ids:
        on_line = itertools.takewhile(lambda word: not word.source.startswith("#"), parsed.ids)
        try:
            parsed.ids = read_given([*on_line, *read_id_words(cell or "", evaluate)], evaluate)
        except InvalidTaskIdError as error:
            if parser.order != f"{parser.prog} [ID ...]":  # another argument comes first
                error.hint = f"Write {parser.order}. {error.hint or ''}".rstrip()
            raise
    else:
        parsed.body = _read_body(cell or "", parser, evaluate)
    return command.read(parsed)


def _parse_rest(rest: str, command: Command, parser: Parser, evaluate: Evaluate) -> argparse.Namespace:
    if parser.only_prompt and rest.strip() not in {"", "-h", "--help"}:
        raise UsageError(f"{parser.prog} takes no arguments.", hint=parser.only_prompt)
    try:
        words = read_words(rest, evaluate, has_ids=parser.takes_ids, templates=[parser.template])
    except UsageError:
        if command.name == "generate":
            reject_list(_OPTIONS.sub("", rest))
        raise
    parsed = parser.parse_words(words)
    if not parser.template and (prompt := getattr(parsed, "prompt", ())):
        check_line(prompt, evaluate)
    return parsed


def _read_body(cell: str, parser: Parser, evaluate: Evaluate) -> Body:
    body = read_body(cell, evaluate, is_template=bool(parser.template))
    for prompt in body.prompts:
        parser.check_body(prompt.source)
    return body


def _find_help(words: Sequence[str]) -> str:
    """The help for a line of nothing but a command; empty for other lines."""
    if not words:
        return overview()
    command = COMMANDS.get(words[0])
    for word in words[1:]:
        command = command and command.parts.get(word)
    return command.format_help() if command else ""


def _split_word(text: str) -> tuple[str, str]:
    """The first word of a line, and the rest."""
    word, *rest = text.split(maxsplit=1) or [""]
    return word, "".join(rest)


def overview() -> str:
    """The help without a command."""
    lines = _list_commands(COMMANDS, "%seedream ")
    return "\n".join(
        [
            "SeeDream image generation in notebooks.",
            "",
            *lines,
            "",
            "Run %seedream COMMAND --help for its options and examples,",
            "and %seedream help ERROR for what an error means.",
        ]
    )


def _find(word: str, commands: Mapping[str, Command], start: str) -> Command:
    """The command of a word; `start` is what was typed before it."""
    command = commands.get(word)
    if command is not None:
        return command
    if commands is COMMANDS and find_problem(word) is None:
        raise UsageError(f"{word!r} is a task id, not a command.", hint=f"Did you mean {start} get {word}?")
    near = [one for one in commands if one.startswith(word.lower())]
    if not near and commands is COMMANDS and word.lower() in COMMANDS["library"].parts:
        near = [f"library {word.lower()}"]
    if not near and commands is COMMANDS and word.lower() in _GENERATE:
        near = ["generate"]
    near = near or difflib.get_close_matches(word.lower(), commands)
    if near:
        hint = f"Did you mean {start} {near[0]}?"
    else:
        hint = f"Available commands: {', '.join(commands)}."
        hint = f"{_write_generate(start)} {hint}" if commands is COMMANDS else hint
    _, *parents = start.split()
    raise UsageError(f"Unknown command {' '.join([*parents, word])!r}.", hint=hint)


def _write_generate(magic: str) -> str:
    return f"To generate images, write {magic} generate."


def _add_help(parser: Parser) -> None:
    parser.add_argument(
        "topic", nargs="*", metavar="TOPIC", help="a command, such as library search, or an error, such as ServerError"
    )


def _read_help(parsed: argparse.Namespace) -> HelpArguments:
    first, *rest = parsed.topic or [""]
    if not first:
        return HelpArguments(overview())
    if not rest and (text := error_help.explain(first)):
        return HelpArguments(text)
    if first[:1].isupper() and first.lower() not in COMMANDS and (similar := error_help.find_similar(first)):
        raise UsageError(f"Unknown error {first!r}.", hint=f"Did you mean %seedream help {similar}?")
    command = _find(first, COMMANDS, "%seedream")
    for word in rest:
        command = _find(word, command.parts, f"%seedream {command.name}")
    return HelpArguments(command.format_help())


def _mark(kind: library.MarkKind, description: str) -> Command:
    return Command(
        f"library {kind}", description, partial(library.read_mark, kind=kind), partial(library.add_mark, kind=kind)
    )


_LIBRARY = (
    Command(
        "library search",
        "Search prompts, tags and notes, newest or best first, or a collection. Works offline.",
        library.read_search,
        library.add_search,
    ),
    Command("library show", "Show stored tasks. Works offline.", library.read_show, library.add_show),
    _mark("tag", "Tag images, or all images of tasks. The originals of a tagged task are never evicted."),
    _mark("untag", "Remove a tag."),
    _mark("rate", "Rate images, or all images of tasks. The originals of a rated task are never evicted."),
    _mark("note", "Add a note to images. Searches find its words."),
    _mark("reject", "Reject images, so that --no-rejected hides them. Nothing is removed."),
    _mark("unreject", "Remove the rejection of images."),
    Command("library tags", "List all tags.", lambda _parsed: library.TagsArguments()),
    Command(
        "library collections",
        "List the saved searches, or remove one. Save one with %seedream library search --save-search NAME.",
        library.read_collections,
        library.add_collections,
    ),
    Command(
        "library tree",
        "Show what an image was made from, and what was made from it. ID/2 is the second image of a task.",
        library.read_tree,
        library.add_tree,
    ),
    Command(
        "library remove",
        "Remove tasks and their images from this machine. Prompts for confirmation.",
        library.read_remove,
        library.add_remove,
    ),
    Command(
        "library prune",
        "Remove old tasks and large originals, but nothing that is marked. Prompts for confirmation.",
        library.read_prune,
        library.add_prune,
    ),
    Command(
        "library verify",
        "Verify every record and original. Damaged originals are downloaded again when needed.",
        lambda _parsed: library.VerifyArguments(),
    ),
    Command(
        "library export",
        "Export records and originals to a directory or a zip file.",
        partial(library.read_transfer, kind="export"),
        library.add_export,
    ),
    Command(
        "library import",
        "Import an exported directory or zip file.",
        partial(library.read_transfer, kind="import"),
        library.add_import,
    ),
)

_ALL = (
    Command(
        "generate",
        "Generate images from a prompt. Costs money on the live service. As a cell magic, the body is the prompt; "
        "separate prompts with a line of ---. Several prompts or option values generate a table of all combinations. "
        "Results that were paid for before are shown again at no cost, unless --again is given.",
        generate.read_generate,
        generate_options.add_generate,
    ),
    Command(
        "edit",
        "Edit an image and show it before and after. Costs money on the live service. As a cell magic, the body is the "
        "prompt.",
        generate.read_edit,
        generate_options.add_edit,
    ),
    Command(
        "remake",
        "Show the complete request behind a saved image, its JSON file, or a stored task, with a cell to edit. Sends "
        "nothing unless --again is given; then it costs money on the live service. Options and the cell's body change "
        "the request.",
        remake.read_remake,
        remake.add_remake,
    ),
    Command(
        "run",
        "Generate an image for each row of a table. Costs money on the live service. The same line again continues "
        "and pays only for what is missing. Without a table, list all runs; as a cell magic, the body is the prompt's "
        "template.",
        run_options.read_run,
        run_options.add_run,
    ),
    Command("get", "Show tasks in a gallery. Free of charge.", queries.read_get, queries.add_get),
    Command(
        "wait",
        "Wait until tasks finish and show them as they arrive. Free of charge.",
        wait.read_wait,
        wait.add_wait,
    ),
    Command(
        "resume",
        "Show what earlier cells and kernels have paid for and left unfinished. Looks up lost answers in the account's "
        "history. Free of charge.",
        wait.read_resume,
        wait.add_resume,
    ),
    Command(
        "watch",
        "Wait in the background while other cells run. The gallery fills in below this cell. Free of charge.",
        wait.read_watch,
        wait.add_watch,
    ),
    Command(
        "history",
        "Show the account's tasks, newest first. Free of charge.",
        queries.read_history,
        queries.add_history,
    ),
    Command("last", "Show the last result again. Works offline.", queries.read_last, add_presentation),
    Command(
        "explore",
        "Open a panel to browse, compare and generate images.",
        explore.read_explore,
        explore.add_explore,
    ),
    Command(
        "library",
        "Describe, search, mark and maintain the library on this machine. Works offline. Without a command, show the "
        "library's location, contents and size.",
        lambda _parsed: library.LibraryInfoArguments(),
        parts={command.name.rpartition(" ")[2]: command for command in _LIBRARY},
    ),
    Command(
        "spend",
        "Show what paid requests have cost, as recorded in the library. Works offline.",
        spend.read_spend,
        spend.add_spend,
    ),
    Command(
        "sandbox",
        "Start or stop a local server with the same API: no token, no internet, no cost.",
        services.read_sandbox,
        services.add_sandbox,
    ),
    Command(
        "login",
        "Enter a token for the live service and leave the sandbox. The token is stored for this kernel only.",
        lambda _parsed: services.LoginArguments(),
        services.add_login,
    ),
    Command(
        "config",
        "Show the service in use, whether a token is set, what is recorded, and versions.",
        services.read_config,
        services.add_config,
    ),
    Command("help", "Show all commands, or the help of one, or what an error means.", _read_help, _add_help),
)

COMMANDS: Mapping[str, Command] = {command.name: command for command in _ALL}
