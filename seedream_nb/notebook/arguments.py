"""What all commands share when they read a line: argparse without exits, ids, limits, and presentation.

Nothing here imports IPython, sends a request or has another side effect.
"""

from __future__ import annotations

import argparse
import difflib
import itertools
import operator
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, NoReturn, Protocol

from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.core.task_ids import EXAMPLE_ID
from seedream_nb.core.text import read_since
from seedream_nb.gallery.contents import EMBED_CHOICES, GalleryOptions
from seedream_nb.gallery.save import check_directory
from seedream_nb.notebook.line import Word
from seedream_nb.notebook.template import as_text, name_type, read_elements

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.given import Given
    from seedream_nb.notebook.session import Session

DEFAULT_TASKS = 24
WAIT_SECONDS = 600.0


class Arguments(Protocol):
    """The typed, frozen arguments of one command, and its handler."""

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Runs the command and returns the cell's value.

        Raises:
            SeedreamError: The command failed; whatever was read before is shown.
            Interrupted: The user interrupted it; the error names the next step.
        """


class HelpRequest(Exception):  # noqa: N818  not an error: it carries the answer to --help out of argparse
    """Raised where argparse would print its help and exit."""


# Stands for a word in what argparse sees, so that no text is taken for an option.
_MARKER = re.compile("\0([0-9]{1,9})\0")

# As they begin an option that a word processor or a keyboard has changed.
_DASH = re.compile("[\u2010-\u2015\u2212]{1,2}([a-z][a-z-]*)(?:=|$)")
# An option written as an argument of a Python function.
_KEYWORD = re.compile(r"[(,]?([A-Za-z]\w*)=")
_IN_BODY = re.compile(r"(?<!\S)(--[A-Za-z][\w-]*)")

NAME = "name"  # the type of arguments whose typed text has no comma: 4,5 may mean one value or two
WORD = "word"  # the type of arguments that need not be text: see Parser


class _Values(tuple[object, ...]):
    """The elements of a list where an option takes several values."""

    __slots__ = ()


class Parser(argparse.ArgumentParser):
    """An argparse parser that takes words with objects, never prints, and never exits the kernel.

    An argument becomes text or a number, whatever the type of the variable that holds it; with `type=WORD` it is the
    `Word` itself. Options with several values take the elements of a list.

    Args:
        command: The command's name, such as `library search`.
        description: What the command does.

    Attributes:
        takes_cell: Whether the command reads the cell's body.
        takes_ids: Whether the command takes task ids.
        template: The option whose value is a template over the columns of a table; then the cell's body is one as well.
        notes: What the help says after the options.
        advice: What to use instead of options that other tools have, by their names.
        only_prompt: For a command that takes nothing on its line, what to do instead; what was typed is not repeated.
    """

    def __init__(self, command: str, description: str) -> None:
        super().__init__(prog=f"%seedream {command}", description=description, allow_abbrev=False, add_help=False)
        self.add_argument("-h", "--help", action="help", help="show this help")
        self.takes_cell = False
        self.takes_ids = False
        self.template = ""
        self.notes = ""
        self.advice: Mapping[str, str] = {}
        self.only_prompt = ""
        self._words: Sequence[Word] = ()
        self.register("type", None, lambda text: self._convert(text, _to_text))
        self.register("type", int, lambda text: self._convert(text, _to_int))
        self.register("type", float, lambda text: self._convert(text, _to_float))
        self.register("type", WORD, self._find)
        self.register("type", NAME, self._read_name)

    def parse_words(self, words: Sequence[Word]) -> argparse.Namespace:
        """Parses words.

        Raises:
            UsageError: They are invalid; the message says why.
        """
        self._words = words
        self._check_options(
            [word.option.removesuffix("=") or str(word.value) for word in words if word.is_option or word.option]
        )
        self._check_dashes(words)
        self._check_keywords(words)
        parsed = self.parse_args(
            [str(word.value) if word.is_option else f"{word.option}\0{at}\0" for at, word in enumerate(words)]
        )
        for action in self._actions:
            value = getattr(parsed, action.dest, None)
            if isinstance(value, _Values):
                self.error(f"{_name(action)} must be one value, not a list")
            if isinstance(value, list):
                if _Values() in value:
                    self.error(f"{_name(action)}: the list is empty")
                flat = [one for part in value for one in (part if isinstance(part, _Values) else [part])]
                setattr(parsed, action.dest, flat)
        return parsed

    def _check_dashes(self, words: Sequence[Word]) -> None:
        """Rejects an option whose hyphens became a dash, as in text from a word processor: it would be prompt text.

        So would one behind hyphens and a space.
        """
        for word, after in itertools.zip_longest(words, words[1:]):
            dash = None if word.is_quoted else _DASH.match(word.source)
            option = f"--{dash[1]}" if dash else ""
            if word.source == "--" and after and self._knows(f"--{after.source}"):
                raise UsageError(
                    f"There is a space between -- and {after.source}.",
                    hint=f"Write --{after.source}, or quote the whole text; nothing was sent.",
                )
            if self._knows(option):
                raise UsageError(
                    f"{shorten(word.source)} begins with a dash instead of two hyphens.",
                    hint=f"Write {option}, or quote the whole text; nothing was sent.",
                )

    def _check_keywords(self, words: Sequence[Word]) -> None:
        """Rejects `size=2K` before the options, as in a call of a Python function: it would be prompt text."""
        typed = list(itertools.takewhile(lambda word: not (word.is_option or word.option), words))
        for word, after in itertools.zip_longest(typed, typed[1:]):
            keyword = _KEYWORD.match(word.source + (after.source if after and after.source[0] == "=" else ""))
            if keyword is None or word.is_quoted:
                continue
            option = f"--{keyword[1].lower().replace('_', '-')}"
            if self._knows(option):
                how = self.advice.get(option) or f"Write {option} instead of {keyword[1]}=."
                raise UsageError(
                    f"{keyword[1]}=… is written like an argument of a Python function.",
                    hint=f"{how} To send it as text, quote the whole prompt; nothing was sent.",
                )

    def check_body(self, text: str) -> None:
        """Rejects an option in a cell's body, where it would be prompt text.

        Args:
            text: A prompt, as typed.

        Raises:
            UsageError: It has one.
        """
        for option in _IN_BODY.findall(text):
            if self._knows(option):
                how = self.advice.get(option) or f"Write it on the cell's first line: %{self.prog} {option}."
                raise UsageError(
                    f"{option} in the cell's body would be part of the prompt.",
                    hint=f"{how} To send it as text, put it into a variable: $text; nothing was sent.",
                )

    def _knows(self, option: str) -> bool:
        """Whether it is an option, here or in other tools."""
        return option in self._option_string_actions or option in self.advice

    def _check_options(self, options: Sequence[str]) -> None:
        """Rejects unknown options, and repeated ones, of which argparse would ignore all but the last."""
        given: dict[argparse.Action, str] = {}
        for option in options:
            action = self._option_string_actions.get(option)
            if action is None:
                name = option.replace("_", "-").lower()
                hint = self.advice.get(name) or self._find_hint(name)
                raise UsageError(f"{self.prog} has no option {shorten(option)}.", hint=hint)
            if action in given and not isinstance(action, argparse._AppendAction):  # noqa: SLF001  it has no public name
                _reject_repeated(given[action], option, takes_several=action.nargs == "+")
            given[action] = option

    def _find_hint(self, name: str) -> str:
        known = {one.lstrip("-"): one for one in (*self._option_string_actions, *self.advice) if one.startswith("--")}
        typed = name.lstrip("-")
        near = [word for word in known if word.startswith(typed)] or difflib.get_close_matches(typed, known)
        if not near and not name.startswith("--"):
            return "Quote the text if a word of it begins with a hyphen."
        if not near:
            return f"Run {self.prog} --help for its options."
        return self.advice.get(known[near[0]]) or f"Did you mean {known[near[0]]}?"

    def _find(self, text: str) -> Word:
        match = _MARKER.fullmatch(text)
        at = int(match[1]) if match else len(self._words)
        return self._words[at] if at < len(self._words) else Word(text, text)

    def _read_name(self, text: str) -> object:
        word = self._find(text)
        if "," in word.source and not word.is_data and isinstance(word.value, str):
            values = " ".join(word.value.replace(",", " ").split())
            raise UsageError(
                f"{shorten(word.source)} contains a comma.",
                hint=f"Separate several values with spaces: {shorten(values)}; nothing was sent.",
            )
        return self._convert(text, _to_text)

    def _convert(self, text: str, convert: Callable[[object], object]) -> object:
        word = self._find(text)
        elements = read_elements(word.value, word.source)
        return convert(word.value) if elements is None else _Values(map(convert, elements))

    def _check_value(self, action: argparse.Action, value: object) -> None:
        choices = list(map(str, action.choices or ()))
        for one in value if isinstance(value, _Values) else [value]:
            if choices and one not in choices:
                near = difflib.get_close_matches(str(one), choices, n=1)
                raise UsageError(
                    f"{self.prog}: {_name(action)} must be {_either(choices)}, not {shorten(repr(one))}.",
                    hint=f"Did you mean {near[0]}?" if near else f"Run {self.prog} --help for usage.",
                )

    @property
    def order(self) -> str:
        """The command with its positional arguments in their order."""
        words = [_format_positional(action) for action in self._actions if not action.option_strings]
        return " ".join([self.prog, *words])

    def format_help(self) -> str:
        """The help, with a usage line that names the positional arguments only."""
        self.usage = f"{self.order} [options]".replace("%", "%%")
        return "\n".join(filter(None, [super().format_help(), self.notes]))

    def error(self, message: str) -> NoReturn:
        """Raises what argparse would print."""
        message = _MARKER.sub(lambda match: self._find(match[0]).source, message).removeprefix("argument ")
        message = re.sub(r"^(\S+): must be", r"\1 must be", message)
        number = re.fullmatch(r"unrecognized arguments: (\d+)", message)
        hint = f"Run {self.prog} --help for usage."
        if message.startswith("unrecognized arguments: #"):
            hint = "A line magic can't contain comments: write the comment on its own line above."
        elif message.startswith("unrecognized arguments"):
            hint = f"Quote what contains spaces. {hint}"
        if number and "--limit" in self._option_string_actions:
            hint = f"Did you mean --limit {number[1]}?"
        raise UsageError(f"{self.prog}: {message}.", hint=hint)

    def print_help(self, file: object = None) -> NoReturn:
        """Raises the help that argparse would print."""
        del file
        raise HelpRequest(self.format_help())


def _reject_repeated(earlier: str, option: str, *, takes_several: bool) -> NoReturn:
    what = f"{option} is given twice" if earlier == option else f"Both {earlier} and {option} are given"
    hint = f"Write its values one after another: {option} A B" if takes_several else "Keep one"
    raise UsageError(f"{what}.", hint=f"{hint}; nothing was sent.")


def _either(words: list[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def _name(action: argparse.Action) -> str:
    return "/".join(action.option_strings) or str(action.metavar or action.dest)


def _to_text(value: object) -> str:
    try:
        return as_text(value)
    except TypeError:
        raise argparse.ArgumentTypeError(f"must be text, not {name_type(value)}") from None


def _to_int(value: object) -> int:
    if isinstance(value, bool):  # an int for Python, but hardly meant as one
        raise argparse.ArgumentTypeError(f"must be a whole number, not {value}")
    try:
        return int(value) if isinstance(value, str) else operator.index(value)  # type: ignore[arg-type]  # it raises TypeError
    except (TypeError, ValueError):
        raise argparse.ArgumentTypeError(f"must be a whole number, not {shorten(repr(value))}") from None


def _to_float(value: object) -> float:
    try:
        return float(value)  # type: ignore[arg-type]  # it raises TypeError
    except (TypeError, ValueError):
        raise argparse.ArgumentTypeError(f"must be a number, not {shorten(repr(value))}") from None


def _format_positional(action: argparse.Action) -> str:
    name = str(action.metavar or "|".join(action.choices or [action.dest.upper()]))
    return f"[{name} ...]" if action.nargs == "*" else f"[{name}]" if action.nargs == "?" else name


@dataclass(frozen=True)
class Presentation:
    """How a command presents its tasks.

    Attributes:
        options: The gallery's options.
        changes: The options given on the line, by name.
        save: The directory to save the originals to, or None.
        as_json: Whether the value is a dict of the records instead of a gallery.
        out: The variable to assign the value to, or None.
    """

    options: GalleryOptions = field(default_factory=GalleryOptions)
    changes: Mapping[str, object] = field(default_factory=dict)
    save: str | None = None
    as_json: bool = False
    out: str | None = None


_GALLERY_OPTIONS = ("columns", "thumbnail", "embed", "limit", "max_bytes")


def add_presentation(parser: Parser, *, with_limit: bool = True) -> None:
    """Adds the output options; without `--limit` where that is the number of tasks."""
    group = parser.add_argument_group("output options")
    group.add_argument("--columns", type=int, metavar="N", help="tiles per row (default: as many as fit)")
    group.add_argument("--thumbnail", type=int, metavar="PX", help="long side of a thumbnail in pixels (default: 320)")
    group.add_argument("--embed", choices=EMBED_CHOICES, help="what to store in the notebook (default: thumbnails)")
    if with_limit:
        group.add_argument("--limit", type=int, metavar="N", help="show at most N tiles (default: 60)")
    group.add_argument("--max-bytes", type=int, metavar="N", help="limit the output to N bytes (default: 2000000)")
    group.add_argument("--save", metavar="DIR", help="save the originals and their records to this directory")
    group.add_argument("--json", action="store_true", help="return the records as a dict instead of a gallery")
    add_out(group, "result")


def read_presentation(parsed: argparse.Namespace, *, tiles: int | None = None) -> Presentation:
    """Reads the output options; with `tiles`, at least so many are shown, whatever `--limit` means.

    Raises:
        UsageError: An option is out of range, or `--save` names no directory.
    """
    typed = {name: getattr(parsed, name, None) for name in _GALLERY_OPTIONS}
    if tiles is not None:
        typed["limit"] = max(tiles, GalleryOptions().limit)
    changes = {name: value for name, value in typed.items() if value is not None}
    if parsed.save is not None:
        check_directory(parsed.save)
    return Presentation(
        GalleryOptions(**changes), changes, save=parsed.save, as_json=parsed.json, out=read_out(parsed.out)
    )


def add_out(parser: argparse._ActionsContainer, what: str) -> None:
    """Adds `--out`."""
    parser.add_argument("--out", metavar="NAME", help=f"assign the {what} to this variable")


def read_out(name: str | None) -> str | None:
    """Checks a variable's name."""
    if name is not None and not name.isidentifier():
        raise UsageError(f"{name!r} is not a valid variable name.", hint="Use --out with a name such as gallery.")
    return name


def add_ids(parser: Parser, *, default: str = "") -> None:
    """Adds task ids, on the line and in the cell's body; the default is what the command uses without any."""
    parser.takes_ids = parser.takes_cell = True
    text = (
        f"task id or its first 8 characters, or a variable with ids, tasks, images or a gallery, such as study[4] or "
        f"panel.selected{default and f' (default: {default})'}"
    )
    parser.add_argument("ids", nargs="*", default=(), type=WORD, metavar="ID", help=text)


def read_ids(parsed: argparse.Namespace, command: str, *, required: bool = False) -> tuple[Given, ...]:
    """Returns the tasks that are given on the line and in the cell's body, in order, repeats included.

    Raises:
        UsageError: Tasks are required and none is given.
    """
    if required and not parsed.ids:
        raise UsageError("Missing task id.", hint=f"Add one after the command: %seedream {command} {EXAMPLE_ID}")
    return tuple(parsed.ids)


def add_filters(parser: Parser) -> None:
    """Adds the filters of the history and of the library."""
    parser.add_argument("--model", metavar="NAME", help="only this model, such as 4.5 or pro")
    parser.add_argument(
        "--since", metavar="TIME", help="only tasks since TIME: 30m, 2h, 3d, 1w, today, yesterday or 2026-11-20"
    )
    parser.add_argument("--failed", action="store_true", help="only tasks that failed")


def add_limit(parser: Parser) -> None:
    """Adds `--limit` as the number of tasks."""
    parser.add_argument(
        "--limit", type=int, default=DEFAULT_TASKS, metavar="N", help=f"at most N tasks (default: {DEFAULT_TASKS})"
    )


def read_limit(limit: int) -> int:
    """Checks a number of tasks."""
    if limit < 1:
        raise UsageError(f"--limit must be at least 1, not {limit}.", hint="Use a whole number of 1 or more.")
    return limit


def read_moment(text: str | None) -> datetime | None:
    """Reads a time in the local time zone."""
    return None if text is None else read_since(text, datetime.now(timezone.utc).astimezone())


def add_polling(parser: argparse._ActionsContainer) -> None:
    """Adds `--timeout` and `--interval`."""
    parser.add_argument(
        "--timeout",
        type=float,
        default=WAIT_SECONDS,
        metavar="SECONDS",
        help=f"stop waiting after this time (default: {WAIT_SECONDS:g})",
    )
    parser.add_argument(
        "--interval", type=float, metavar="SECONDS", help="poll at this fixed interval (default: 2, growing to 10)"
    )


def read_polling(parsed: argparse.Namespace) -> tuple[float, float | None]:
    """Reads the timeout and the interval in seconds, None for the default intervals.

    Raises:
        UsageError: One is not a positive number.
    """
    for name, seconds in (("timeout", parsed.timeout), ("interval", parsed.interval)):
        if seconds is not None and not seconds > 0:
            raise UsageError(f"--{name} must be more than 0, not {seconds:g}.", hint="Use a number of seconds.")
    return parsed.timeout, parsed.interval
