"""Why: all commands read their lines the same way: quotes hold words together, and no mistake ever ends the kernel."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

from seedream_nb.core.errors import UsageError
from seedream_nb.gallery.options import EMBED_CHOICES, GalleryOptions

if TYPE_CHECKING:
    from collections.abc import Mapping


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
class Presentation:
    """What becomes of the tasks that a command has found or made.

    Attributes:
        options: How the gallery is drawn.
        changes: The options that were typed, by name.
        save: The directory to save the originals to, or None.
        as_json: Whether to give the records as a dict instead of a gallery.
        out: The variable to assign the result to, or None.
    """

    options: GalleryOptions = field(default_factory=GalleryOptions)
    changes: Mapping[str, object] = field(default_factory=dict)
    save: str | None = None
    as_json: bool = False
    out: str | None = None


_GALLERY_OPTIONS = ("columns", "thumbnail", "embed", "limit", "max_bytes")


def add_presentation(parser: Parser, *, with_limit: bool = True) -> None:
    """Adds the options that say what becomes of the tasks.

    Args:
        parser: The command's parser.
        with_limit: Whether `--limit` is the number of tiles; a command may use the word for something else.
    """
    group = parser.add_argument_group("how the result is shown")
    group.add_argument("--columns", type=int, metavar="N", help="how many tiles stand side by side")
    group.add_argument("--thumbnail", type=int, metavar="PX", help="long side of a thumbnail (320)")
    group.add_argument("--embed", choices=EMBED_CHOICES, help="what is put into the notebook (thumbnails)")
    if with_limit:
        group.add_argument("--limit", type=int, metavar="N", help="how many tiles are drawn at most (60)")
    group.add_argument("--max-bytes", type=int, metavar="N", help="how large the output may become (2000000)")
    group.add_argument("--save", metavar="DIR", help="also save the originals and the records there")
    group.add_argument("--json", action="store_true", help="give the records as a dict instead of a gallery")
    group.add_argument("--out", metavar="NAME", help="assign the result to this variable")


def read_presentation(parsed: argparse.Namespace) -> Presentation:
    """Reads the options that `add_presentation` added.

    Raises:
        UsageError: One is out of range.
    """
    if parsed.out is not None and not parsed.out.isidentifier():
        raise UsageError(f"{parsed.out!r} cannot be a variable.", hint="Name one behind --out, such as --out gallery.")
    typed = {name: getattr(parsed, name, None) for name in _GALLERY_OPTIONS}
    changes = {name: value for name, value in typed.items() if value is not None}
    return Presentation(GalleryOptions(**changes), changes, save=parsed.save, as_json=parsed.json, out=parsed.out)


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
