"""The command `library`: search, mark, maintain, export and import what is stored on this machine, offline."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from seedream_nb.core.errors import SeedreamError, TaskNotFoundError, UsageError
from seedream_nb.core.foreign import show_line
from seedream_nb.core.models import Task, TaskImage, TaskStatus
from seedream_nb.core.text import count_of, format_size, parse_size
from seedream_nb.library.marks import MOST_STARS
from seedream_nb.library.records import key_of
from seedream_nb.library.search import SearchOrder
from seedream_nb.notebook.arguments import (
    DEFAULT_TASKS,
    Presentation,
    add_filters,
    add_ids,
    add_limit,
    add_presentation,
    read_ids,
    read_limit,
    read_moment,
    read_presentation,
)
from seedream_nb.notebook.front_end import Notice
from seedream_nb.notebook.results import name_ids, present_search

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from seedream_nb.library import Library, LibraryInfo
    from seedream_nb.library.search import Query
    from seedream_nb.notebook.arguments import Parser
    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.given import Given
    from seedream_nb.notebook.session import Session

MarkKind = Literal["tag", "untag", "rate", "note", "reject", "unreject"]
# The argument of each, and its help.
_VALUES: dict[MarkKind, tuple[str, str]] = {
    "tag": ("TAG", "the tag to add"),
    "untag": ("TAG", "the tag to remove"),
    "rate": ("STARS", f"1 to {MOST_STARS}, or 0 to remove the rating"),
    "note": ('"NOTE"', 'the note in quotation marks, or "" to remove it'),
}
_SORTS = [order.value for order in SearchOrder]


@dataclass(frozen=True)
class LibraryInfoArguments:
    """`%seedream library`."""

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Shows the location, the contents and the size of the library."""
        del front_end
        return Notice(describe(session.client.cache.open().info(), is_temporary=session.sandbox is not None))


def describe(info: LibraryInfo, *, is_temporary: bool) -> str:
    """Describes a library in a few lines; the path of a temporary one does not matter."""
    place = "temporary; deleted with the sandbox" if is_temporary else str(info.location)
    access = " (read-only)" if info.is_read_only else ""
    rows = {
        "library": f"{place}{access}",
        "tasks": f"{info.tasks:,} ({format_size(info.records_size)})",
        "originals": f"{info.originals:,} ({format_size(info.originals_size)} of at most {format_size(info.budget)})",
        "thumbnails": f"{info.thumbnails:,} ({format_size(info.thumbnails_size)})",
    }
    return "\n".join(f"{name:<10} {value}" for name, value in rows.items())


@dataclass(frozen=True)
class SearchArguments:
    """`%seedream library search` and `show`.

    Attributes:
        text: Words to search for; empty for all tasks.
        task_ids: The tasks of `show`; none for the newest.
        model: A model, or None.
        since: The earliest time, or None.
        tags: Tags that a task must all have.
        rating: The lowest rating, or None.
        failed: Whether to find only tasks that failed.
        rejected: Whether to find only rejected images, or none of them; None if it does not matter.
        sort: The order; None for that of the collection, or the newest first.
        collection: The name of a saved search, or None.
        save_as: The name to save this search under, or None.
        limit: How many tasks to show at most.
        presentation: How the tasks are presented.
    """

    text: str = ""
    task_ids: tuple[Given, ...] = ()
    model: str | None = None
    since: datetime | None = None
    tags: tuple[str, ...] = ()
    rating: int | None = None
    failed: bool = False
    rejected: bool | None = None
    sort: Literal["newest", "rating"] | None = None
    collection: str | None = None
    save_as: str | None = None
    limit: int = DEFAULT_TASKS
    presentation: Presentation = field(default_factory=Presentation)

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Shows the tasks that match, newest first, or the tasks with these ids."""
        library = session.client.cache.open()
        tasks = self._find(library, session.read_ids(self.task_ids))
        total = len(library)
        none_found = f"No matches among {count_of(total, 'task')}." if total else "The library is empty."
        return present_search(tasks, self.presentation, session, front_end, none_found=none_found)

    def _find(self, library: Library, task_ids: Sequence[str]) -> Sequence[Task]:
        if not task_ids:
            conditions: dict[str, Any] = {
                "text": self.text,
                "model": self.model,
                "since": self.since,
                "tags": self.tags,
                "rating": self.rating,
                "status": TaskStatus.FAILED.value if self.failed else None,
                "rejected": self.rejected,
                "sort": self.sort,
            }
            if self.save_as is not None:
                library.save_collection(self.save_as, **conditions)
            return library.search(**conditions, collection=self.collection, limit=self.limit)
        stored = library.find(task_ids)
        if not stored:
            raise TaskNotFoundError(
                f"{name_ids(task_ids)} not found in the library.",
                hint=f"%seedream get {task_ids[0]} queries the service.",
            )
        return [stored.get(task_id) or Task.not_found(task_id) for task_id in task_ids]


@dataclass(frozen=True)
class MarkArguments:
    """`%seedream library tag`, `untag`, `rate`, `note`, `reject` and `unreject`.

    Attributes:
        kind: Which.
        value: The tag, the number of stars, or the note; empty removes a rating or a note.
        given: The tasks and images to mark; none means those of the last result.
    """

    kind: MarkKind
    value: str = ""
    given: tuple[Given, ...] = ()

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Marks images.

        Raises:
            UsageError: Nothing is given and there is no last result, or a task is not in the library.
        """
        del front_end
        library = session.client.cache.open()
        last = () if self.given else session.require_last("Pass the ids of the tasks to mark.")
        # A result may show some images of a task only: these are marked.
        given = self.given or tuple(task for task in last if task.id)
        what = [session.read_ids([one])[0] if isinstance(one, str) else one for one in given]
        return Notice(self._mark(library, what, _count(what)))

    def _mark(self, library: Library, what: list[Given], images: str) -> str:
        """Does it, and says what was done."""
        if self.kind == "tag":
            library.tag(what, self.value)
            return f"Tagged {images} with {self.value!r}."
        if self.kind == "untag":
            library.untag(what, self.value)
            return f"Removed the tag {self.value!r} from {images}."
        if self.kind == "rate":
            library.rate(what, int(self.value) if self.value else None)
            return f"Rated {images} {'★' * int(self.value)}." if self.value else f"Removed the rating of {images}."
        if self.kind == "note":
            library.note(what, self.value)
            return f"Added the note to {images}." if self.value else f"Removed the note from {images}."
        library.reject(what, self.kind == "reject")
        return f"Rejected {images}." if self.kind == "reject" else f"Removed the rejection of {images}."


def _count(what: Sequence[Given]) -> str:
    """How many tasks and single images are marked, such as `2 tasks` or `1 task and 3 images`."""
    images = {(key_of(one.task_id), one.index) for one in what if isinstance(one, TaskImage)}
    tasks = {key_of(one if isinstance(one, str) else one.id) for one in what if not isinstance(one, TaskImage)}
    counts = [count_of(len(tasks), "task")] if tasks or not images else []
    return " and ".join([*counts, count_of(len(images), "image")] if images else counts)


@dataclass(frozen=True)
class TagsArguments:
    """`%seedream library tags`."""

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Lists all tags with the number of their tasks."""
        del front_end
        tags = session.client.cache.open().tags()
        rows = [f"{show_line(tag)}  {count_of(count, 'task')}" for tag, count in tags.items()]
        return Notice("\n".join(rows) or "The library has no tags.")


@dataclass(frozen=True)
class CollectionsArguments:
    """`%seedream library collections`.

    Attributes:
        removed: The name of the collection to remove; None to list all.
    """

    removed: str | None = None

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Lists the saved searches, or removes one.

        Raises:
            UsageError: There is no collection of this name.
        """
        del front_end
        library = session.client.cache.open()
        if self.removed is not None:
            library.remove_collection(self.removed)
            return Notice(f"Removed the collection {self.removed!r}; its images stay.")
        rows = [f"{show_line(name)}  {describe_query(query)}" for name, query in library.collections().items()]
        hint = "Save a search: %seedream library search … --save-search NAME."
        return Notice("\n".join(rows) or f"The library has no collections. {hint}")


def describe_query(query: Query) -> str:
    """A search as the options that make it."""
    options = {
        "--model": query.model,
        "--rating": query.rating,
        "--sort": query.sort and query.sort.value,
    }
    times = {"--since": query.since, "--until": query.until}
    words = [query.text]
    words += [f"{name} {value}" for name, value in options.items() if value]
    words += [f"--tag {shlex.quote(tag)}" for tag in query.tags]
    words += [f"{name} {moment:%Y-%m-%d}" for name, moment in times.items() if moment]
    words += [f"--{query.status}"] if query.status else []
    words += [] if query.rejected is None else ["--rejected" if query.rejected else "--no-rejected"]
    return show_line(" ".join(filter(None, words))) or "all tasks"


@dataclass(frozen=True)
class RemoveArguments:
    """`%seedream library remove` and `prune`.

    Attributes:
        task_ids: The tasks to remove; none for `prune`.
        older: `prune`: tasks created before this time; or None.
        larger: `prune`: originals of more bytes than this; or None.
        confirmed: Whether to skip the confirmation.
    """

    task_ids: tuple[Given, ...] = ()
    older: datetime | None = None
    larger: int | None = None
    confirmed: bool = False

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Removes tasks and images once the user confirms."""
        library = session.client.cache.open()
        prune = partial(library.prune, older=self.older, larger=self.larger)
        task_ids = session.read_ids(self.task_ids)
        removal = library.weigh(task_ids) if task_ids else prune(preview=True)
        what = f"{count_of(removal.tasks, 'task')} and {count_of(removal.originals, 'original')}"
        if not removal.tasks and not removal.originals:
            return Notice("Nothing to remove.")
        question = f"Remove {what} from this machine? This frees {format_size(removal.size)}."
        if not self.confirmed and not front_end.confirm(question):
            return Notice("Nothing was removed.")
        if task_ids:
            library.remove(task_ids)
        else:
            prune()
        return Notice(f"Removed {what}; freed {format_size(removal.size)}.")


@dataclass(frozen=True)
class VerifyArguments:
    """`%seedream library verify`."""

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Verifies the library."""
        del front_end
        return Notice(str(session.client.cache.open().verify()))


@dataclass(frozen=True)
class TransferArguments:
    """`%seedream library export` and `import`.

    Attributes:
        kind: Which.
        place: A directory, or a file ending in `.zip`.
        task_ids: The tasks to export; none for all.
    """

    kind: Literal["export", "import"]
    place: str
    task_ids: tuple[Given, ...] = ()

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Writes or reads an archive.

        Raises:
            SeedreamError: It cannot be written or read.
        """
        del front_end
        library = session.client.cache.open()
        try:
            if self.kind == "export":
                return Notice(str(library.export(self.place, session.read_ids(self.task_ids) or None)))
            return Notice(str(library.import_from(self.place)))
        except OSError as problem:
            raise SeedreamError(
                f"Can't {'write' if self.kind == 'export' else 'read'} {self.place}: {problem.strerror or problem}.",
                hint="Check the path and the free space; the library is unchanged.",
            ) from None


@dataclass(frozen=True)
class TreeArguments:
    """`%seedream library tree`.

    Attributes:
        what: The task or the image; None for the last result.
    """

    what: Given | None

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Shows what led to it, and what it led to.

        Raises:
            UsageError: It is not stored, or there is no last result.
        """
        del front_end
        what = self.what
        if what is None:
            last = session.require_last("Pass the id of a task, or ID/2 for its second image.")
            what = next((task for task in last if task.id), "")
        return session.client.cache.open().tree(what)


def add_tree(parser: Parser) -> None:
    """Adds the options of `%seedream library tree`."""
    add_ids(parser, default="the first task of the last result")


def read_tree(parsed: argparse.Namespace) -> TreeArguments:
    """Reads the arguments of `%seedream library tree`."""
    given = read_ids(parsed, "library tree")
    if len(given) > 1:
        raise UsageError(f"tree takes one task or image, not {len(given)}.", hint="Pass one id, such as 84d1544a/2.")
    return TreeArguments(given[0] if given else None)


def add_search(parser: Parser) -> None:
    """Adds the options of `%seedream library search`."""
    text = 'word of a prompt, tag or note, or a quoted "exact phrase"'
    parser.add_argument("words", nargs="*", default=(), metavar="WORD", help=text)
    add_filters(parser)
    parser.add_argument("--tag", action="append", default=[], metavar="TAG", help="only images with this tag")
    parser.add_argument("--rating", type=int, metavar="N", help="only images rated N stars or more")
    parser.add_argument(
        "--rejected", action=argparse.BooleanOptionalAction, help="only rejected images, or none of them"
    )
    parser.add_argument("--sort", choices=_SORTS, help="the order (default: newest)")
    parser.add_argument("--collection", metavar="NAME", help="only what this saved search finds")
    parser.add_argument("--save-search", metavar="NAME", help="save this search as a collection")
    add_limit(parser)
    add_presentation(parser, with_limit=False)


def read_search(parsed: argparse.Namespace) -> SearchArguments:
    """Reads the arguments of `%seedream library search`."""
    limit = read_limit(parsed.limit)
    if parsed.collection is not None and parsed.save_search is not None:
        raise UsageError("Can't save a search within a collection.", hint="Use --collection or --save-search.")
    if parsed.rating is not None:
        _check_rating(parsed.rating)
    # A phrase lost its quotation marks when the line was split.
    text = " ".join(f'"{word}"' if " " in word else word for word in parsed.words)
    return SearchArguments(
        text,
        model=parsed.model,
        since=read_moment(parsed.since),
        tags=tuple(parsed.tag),
        rating=parsed.rating,
        failed=parsed.failed,
        rejected=parsed.rejected,
        sort=parsed.sort,
        collection=parsed.collection,
        save_as=parsed.save_search,
        limit=limit,
        presentation=read_presentation(parsed, tiles=limit),
    )


def add_show(parser: Parser) -> None:
    """Adds the options of `%seedream library show`."""
    add_ids(parser, default="the newest tasks")
    add_limit(parser)
    add_presentation(parser, with_limit=False)


def read_show(parsed: argparse.Namespace) -> SearchArguments:
    """Reads the arguments of `%seedream library show`."""
    limit = read_limit(parsed.limit)
    task_ids = read_ids(parsed, "library show")
    presentation = read_presentation(parsed, tiles=max(limit, len(task_ids)))
    return SearchArguments(task_ids=task_ids, limit=limit, presentation=presentation)


def add_mark(parser: Parser, kind: MarkKind) -> None:
    """Adds the options of `%seedream library tag` and the other commands that mark images."""
    if kind in _VALUES:
        name, text = _VALUES[kind]
        parser.add_argument("value", metavar=name, help=text)
    add_ids(parser, default="the images of the last result")


def read_mark(parsed: argparse.Namespace, kind: MarkKind) -> MarkArguments:
    """Reads the arguments of `%seedream library tag` and the other commands that mark images."""
    value = getattr(parsed, "value", "")
    if kind == "rate":
        rating = int(value) if value.isascii() and value.isdigit() else value
        value = "" if rating == 0 else str(_check_rating(rating))
    return MarkArguments(kind, value, tuple(parsed.ids))


def add_collections(parser: Parser) -> None:
    """Adds the options of `%seedream library collections`."""
    parser.add_argument("--remove", dest="collection", metavar="NAME", help="remove this collection; its images stay")


def read_collections(parsed: argparse.Namespace) -> CollectionsArguments:
    """Reads the arguments of `%seedream library collections`."""
    return CollectionsArguments(parsed.collection)


def add_yes(parser: Parser) -> None:
    """Adds `--yes`."""
    parser.add_argument("--yes", action="store_true", help="skip the confirmation")


def add_remove(parser: Parser) -> None:
    """Adds the options of `%seedream library remove`."""
    add_ids(parser)
    add_yes(parser)


def read_remove(parsed: argparse.Namespace) -> RemoveArguments:
    """Reads the arguments of `%seedream library remove`."""
    return RemoveArguments(read_ids(parsed, "library remove", required=True), confirmed=parsed.yes)


def add_prune(parser: Parser) -> None:
    """Adds the options of `%seedream library prune`."""
    parser.add_argument("--older", metavar="TIME", help="tasks created before TIME, such as 90d, 12w or 2026-01-01")
    parser.add_argument("--larger", metavar="SIZE", help="originals larger than SIZE, such as 5MB; their records stay")
    add_yes(parser)


def read_prune(parsed: argparse.Namespace) -> RemoveArguments:
    """Reads the arguments of `%seedream library prune`."""
    if parsed.older is None and parsed.larger is None:
        raise UsageError("There is no criterion for what to remove.", hint="Add --older 90d, --larger 5MB, or both.")
    larger = None if parsed.larger is None else parse_size(parsed.larger)
    return RemoveArguments(older=read_moment(parsed.older), larger=larger, confirmed=parsed.yes)


def add_export(parser: Parser) -> None:
    """Adds the options of `%seedream library export`."""
    parser.add_argument("place", metavar="TARGET", help="a new directory, or a file ending in .zip")
    add_ids(parser, default="all tasks")


def add_import(parser: Parser) -> None:
    """Adds the options of `%seedream library import`."""
    parser.add_argument("place", metavar="SOURCE", help="the exported directory or .zip file")


def read_transfer(parsed: argparse.Namespace, kind: Literal["export", "import"]) -> TransferArguments:
    """Reads the arguments of `%seedream library export` and `import`."""
    task_ids = read_ids(parsed, "library export TARGET") if kind == "export" else ()
    return TransferArguments(kind, parsed.place, task_ids)


def _check_rating(rating: object) -> int:
    if not isinstance(rating, int) or not 1 <= rating <= MOST_STARS:
        raise UsageError(f"{rating} is not a valid rating.", hint=f"Use 1 to {MOST_STARS} stars.")
    return rating
