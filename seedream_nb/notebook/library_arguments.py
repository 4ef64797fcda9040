"""Why: what is asked of the library: to find, to mark, to tidy up, to hand on. Each is a typed, frozen request."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal

from seedream_nb.core.errors import UsageError
from seedream_nb.core.sizes import parse_size
from seedream_nb.core.times import read_since
from seedream_nb.library.marks import MOST_STARS
from seedream_nb.notebook.parser import Parser, Presentation, add_presentation, read_presentation
from seedream_nb.notebook.query_arguments import add_ids, read_ids

if TYPE_CHECKING:
    import argparse

SEARCH_LIMIT = 24

MarkKind = Literal["tag", "untag", "rate", "note"]
# What each does, and its argument with its help.
_MARKS: dict[MarkKind, tuple[str, str, str]] = {
    "tag": ("Give tasks a tag, to find them by, and to keep their originals for good.", "TAG", "the tag"),
    "untag": ("Take a tag away.", "TAG", "the tag"),
    "rate": ("Rate tasks; originals that are rated are kept for good.", "STARS", "1 to 5; 0 takes the rating away"),
    "note": (
        "Write a note to tasks; a search finds its words.",
        '"NOTE"',
        'the note, in quotation marks; "" takes it away',
    ),
}


@dataclass(frozen=True)
class LibraryInfoArguments:
    """`%seedream library`."""


@dataclass(frozen=True)
class SearchArguments:
    """`%seedream library search` and `show`.

    Attributes:
        text: Words to look for; empty for all.
        task_ids: The ids of `show`; none for the newest.
        model: A model, or None.
        since: From when on, or None.
        tags: All of these.
        rating: So many stars or more, or None.
        failed: Whether only what has failed.
        limit: How many tasks at most.
        presentation: What becomes of them.
    """

    text: str = ""
    task_ids: tuple[str, ...] = ()
    model: str | None = None
    since: datetime | None = None
    tags: tuple[str, ...] = ()
    rating: int | None = None
    failed: bool = False
    limit: int = SEARCH_LIMIT
    presentation: Presentation = field(default_factory=Presentation)


@dataclass(frozen=True)
class MarkArguments:
    """`%seedream library tag`, `untag`, `rate` and `note`.

    Attributes:
        kind: Which.
        value: The tag, the number of stars, or the note; empty takes a rating or a note away.
        task_ids: Of which tasks; none means those of the last result.
    """

    kind: MarkKind
    value: str
    task_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class RemoveArguments:
    """`%seedream library remove` and `prune`.

    Attributes:
        task_ids: What to remove; none for `prune`.
        older: `prune`: tasks that were created before; or None.
        larger: `prune`: originals of more bytes; or None.
        confirmed: Whether to do it without asking.
    """

    task_ids: tuple[str, ...] = ()
    older: datetime | None = None
    larger: int | None = None
    confirmed: bool = False


@dataclass(frozen=True)
class VerifyArguments:
    """`%seedream library verify`."""


@dataclass(frozen=True)
class TransferArguments:
    """`%seedream library export` and `import`.

    Attributes:
        kind: Which.
        place: A folder, or a file ending in `.zip`.
        task_ids: What to export; none for everything.
    """

    kind: Literal["export", "import"]
    place: str
    task_ids: tuple[str, ...] = ()


LibraryArguments = (
    LibraryInfoArguments | SearchArguments | MarkArguments | RemoveArguments | VerifyArguments | TransferArguments
)


def library_parser() -> Parser:
    """The parser of `%seedream library` alone."""
    return Parser("library", "Show where the library lies, what it holds and how large it is. Asks nobody.")


def search_parser() -> Parser:
    """The parser of `%seedream library search`."""
    parser = Parser("library search", "Find tasks that are kept, the newest first. Asks nobody.")
    parser.add_argument("words", nargs="*", metavar="WORD", help='words of the prompt; "several words" as they stand')
    parser.add_argument("--model", metavar="NAME", help="only of this model, such as 4.5 or pro")
    parser.add_argument("--since", metavar="TIME", help="only since 30m, 2h, 3d, 1w ago, today, yesterday, 2026-11-20")
    parser.add_argument("--tag", action="append", default=[], metavar="TAG", help="only with this tag")
    parser.add_argument("--rating", type=int, metavar="N", help="only with so many stars or more")
    parser.add_argument("--failed", action="store_true", help="only what has failed")
    parser.add_argument("--limit", type=int, default=SEARCH_LIMIT, metavar="N", help=f"how many ({SEARCH_LIMIT})")
    add_presentation(parser, with_limit=False)
    return parser


def read_search(parsed: argparse.Namespace, _cell: str) -> SearchArguments:
    """The arguments of `%seedream library search`.

    Raises:
        UsageError: An option is out of range.
    """
    if parsed.limit < 1:
        raise UsageError(f"limit is {parsed.limit}.", hint="Give a whole number of 1 or more.")
    if parsed.rating is not None:
        _check_stars(parsed.rating)
    # A phrase has lost its quotation marks on the way here.
    text = " ".join(f'"{word}"' if " " in word else word for word in parsed.words)
    return SearchArguments(
        text,
        model=parsed.model,
        since=_read_moment(parsed.since),
        tags=tuple(parsed.tag),
        rating=parsed.rating,
        failed=parsed.failed,
        limit=parsed.limit,
        presentation=_drawn_whole(parsed, parsed.limit),
    )


def show_parser() -> Parser:
    """The parser of `%seedream library show`."""
    parser = Parser("library show", "Show tasks that are kept, by their ids, or else the newest. Asks nobody.")
    add_ids(parser, without="the newest")
    parser.add_argument("--limit", type=int, default=SEARCH_LIMIT, metavar="N", help=f"how many ({SEARCH_LIMIT})")
    add_presentation(parser, with_limit=False)
    return parser


def read_show(parsed: argparse.Namespace, cell: str) -> SearchArguments:
    """The arguments of `%seedream library show`.

    Raises:
        UsageError: An id is none, or an option is out of range.
    """
    if parsed.limit < 1:
        raise UsageError(f"limit is {parsed.limit}.", hint="Give a whole number of 1 or more.")
    task_ids = read_ids(parsed, cell, "library show", may_be_none=True)
    return SearchArguments(
        task_ids=task_ids,
        limit=parsed.limit,
        presentation=_drawn_whole(parsed, max(parsed.limit, len(task_ids))),
    )


def mark_parser(kind: MarkKind) -> Parser:
    """The parser of `%seedream library tag`, `untag`, `rate` and `note`."""
    description, name, text = _MARKS[kind]
    parser = Parser(f"library {kind}", description)
    parser.add_argument("value", metavar=name, help=text)
    add_ids(parser, without="those of the last result")
    return parser


def read_mark(parsed: argparse.Namespace, cell: str, kind: MarkKind) -> MarkArguments:
    """The arguments of `%seedream library tag`, `untag`, `rate` and `note`.

    Raises:
        UsageError: An id is none, or the number of stars is none.
    """
    value = parsed.value
    if kind == "rate":
        if not value.isascii() or not value.isdigit():
            raise UsageError(f"{value!r} is no number of stars.", hint="Give 1 to 5, or 0 to take the rating away.")
        value = "" if int(value) == 0 else str(_check_stars(int(value)))
    return MarkArguments(kind, value, read_ids(parsed, cell, f"library {kind} {parsed.value}", may_be_none=True))


def remove_parser() -> Parser:
    """The parser of `%seedream library remove`."""
    parser = Parser("library remove", "Remove tasks and their pictures from this machine. Asks first.")
    add_ids(parser)
    parser.add_argument("--yes", action="store_true", help="do it without asking")
    return parser


def read_remove(parsed: argparse.Namespace, cell: str) -> RemoveArguments:
    """The arguments of `%seedream library remove`.

    Raises:
        UsageError: There is no id, or one is none.
    """
    return RemoveArguments(read_ids(parsed, cell, "library remove"), confirmed=parsed.yes)


def prune_parser() -> Parser:
    """The parser of `%seedream library prune`."""
    parser = Parser("library prune", "Remove what is old or large, but nothing that is marked. Asks first.")
    parser.add_argument("--older", metavar="TIME", help="tasks from before 90d, 12w, 2026-01-01, with their pictures")
    parser.add_argument("--larger", metavar="SIZE", help="originals larger than 5MB; records and thumbnails stay")
    parser.add_argument("--yes", action="store_true", help="do it without asking")
    return parser


def read_prune(parsed: argparse.Namespace, _cell: str) -> RemoveArguments:
    """The arguments of `%seedream library prune`.

    Raises:
        UsageError: Nothing says what is to go, or an option is out of range.
    """
    if parsed.older is None and parsed.larger is None:
        raise UsageError("Nothing says what is to go.", hint="Add --older 90d, or --larger 5MB, or both.")
    larger = None if parsed.larger is None else parse_size(parsed.larger)
    return RemoveArguments(older=_read_moment(parsed.older), larger=larger, confirmed=parsed.yes)


def verify_parser() -> Parser:
    """The parser of `%seedream library verify`."""
    return Parser("library verify", "Check every record and picture; what is damaged is fetched again when needed.")


def export_parser() -> Parser:
    """The parser of `%seedream library export`."""
    parser = Parser("library export", "Write records and originals to a folder or a zip file, fit to be shared.")
    parser.add_argument("place", metavar="TARGET", help="a new folder, or a file ending in .zip")
    add_ids(parser, without="everything")
    return parser


def import_parser() -> Parser:
    """The parser of `%seedream library import`."""
    parser = Parser("library import", "Take in what was exported.")
    parser.add_argument("place", metavar="SOURCE", help="the folder or the zip file")
    return parser


def read_transfer(parsed: argparse.Namespace, cell: str, kind: Literal["export", "import"]) -> TransferArguments:
    """The arguments of `%seedream library export` and `import`.

    Raises:
        UsageError: An id is none.
    """
    task_ids = read_ids(parsed, cell, "library export TARGET", may_be_none=True) if kind == "export" else ()
    return TransferArguments(kind, parsed.place, task_ids)


def _read_moment(text: str | None) -> datetime | None:
    return None if text is None else read_since(text, datetime.now(timezone.utc).astimezone())


def _check_stars(stars: int) -> int:
    if not 1 <= stars <= MOST_STARS:
        raise UsageError(f"{stars} is no number of stars.", hint=f"Give 1 to {MOST_STARS}.")
    return stars


def _drawn_whole(parsed: argparse.Namespace, count: int) -> Presentation:
    """How it is shown: `--limit` says how many tasks, so all of them are drawn."""
    parsed.limit = max(count, Presentation().options.limit)
    return read_presentation(parsed)
