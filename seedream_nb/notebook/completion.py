"""Tab completion of a `%seedream` line: what fits where the cursor is, each with its type and a word of help.

Takes milliseconds: it reads variables, one folder and the library's tags, opens no image and sends no request.
"""

from __future__ import annotations

import itertools
import os
import re
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, NamedTuple

from seedream_nb.core.models import Task, TaskImage
from seedream_nb.core.text import count_of
from seedream_nb.gallery import Gallery
from seedream_nb.images.markup import Markup
from seedream_nb.library.marks import MOST_STARS
from seedream_nb.notebook.commands import COMMANDS
from seedream_nb.notebook.error_help import read_sections
from seedream_nb.notebook.run_source import TABLE_SUFFIXES, peek_columns
from seedream_nb.protocol.capabilities import MODELS, find_model
from seedream_nb.protocol.request_body import DEFAULT_MODEL
from seedream_nb.protocol.sizes import COMMON_RATIOS, PRESETS, SHAPES, display_size, find_size

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from seedream_nb.notebook.commands import Command

MOST_FILES = 5_000  # entries of a folder that are looked at
MOST_TASKS = 24  # of a gallery, by their index
_LONGEST_HELP = 60  # characters
_LONGEST_LINK = 2_000
_IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp"}
_IMAGE_BYTES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF")
# The last one is being typed; a quotation mark within a word is an apostrophe.
_TYPED_WORD = re.compile(r"\"[^\"]*\"?|'[^']*'?|\S+")
_PLAIN_TEXT = re.compile(r"[^\s\"'{}$#;\\]+")
_UNFIT_FOR_QUOTES = re.compile(r"[\\{}$\x00-\x1f]")
_IMAGE_LINK = re.compile(r"https?://[^\s?#]+\.(?:png|jpe?g|webp)(?:[?#]\S*)?", re.IGNORECASE)
_OPEN_VARIABLE = re.compile(r"(?<![{$])([{$])(?:[^\W\d]\w*)?$")  # {{ and $$ are text
_INTERACTIVE = {"In", "Out"}  # IPython's own
_OPEN_INDEX = re.compile(r"([^\W\d]\w*)\[[0-9]*")


class Completion(NamedTuple):
    """A completion; front ends show its type beside it, so that is where the word of help goes."""

    text: str
    type: str


@dataclass(frozen=True)
class Surroundings:
    """What completions are taken from.

    Attributes:
        namespace: The user's variables.
        known_ids: The task ids that the kernel has seen.
        read_tags: Returns the library's tags with the number of their tasks, at once; called where a tag is expected.
        read_runs: Returns the names of the library's runs, at once; called where a run is expected.
        read_collections: Returns the names of the library's collections, at once; called where one is expected.
    """

    namespace: Mapping[str, object]
    known_ids: Sequence[str] = ()
    read_tags: Callable[[], Mapping[str, int]] = dict
    read_runs: Callable[[], Sequence[str]] = list
    read_collections: Callable[[], Sequence[str]] = list


@dataclass(frozen=True)
class _Place:
    """Where a value is expected: the words after the command, and what is typed of the value."""

    words: Sequence[str]
    typed: str
    surroundings: Surroundings


def complete(line: str, surroundings: Surroundings) -> tuple[str, list[Completion]]:
    """Completes the last word of a line.

    Args:
        line: What follows `%seedream `, up to the cursor.
        surroundings: What completions are taken from.

    Returns:
        The word being typed, and what it can become; the likeliest first.

    Example:
        >>> complete("generate a cat --model 4", Surroundings({}))
        ('4', [Completion(text='4.5', type='model: SeeDream 4.5'), Completion(text='4.0', type='model: SeeDream 4.0')])
    """
    *words, typed = [match.group() for match in _TYPED_WORD.finditer(line)] or [""]
    if typed and line[-1:].isspace() and (typed[0] not in "\"'" or typed[-1] == typed[0]):
        words, typed = [*words, typed], ""
    started = _OPEN_VARIABLE.search(typed)
    offered = _offer(words, typed, surroundings)
    if started and started[1] == "{" and _is_template(words):
        offered = (
            Completion(f"{typed[: started.end(1)]}{column}", "column")
            for column in peek_columns(words[1], surroundings.namespace)
        )
    elif started:
        offered = _text_variables(typed[: started.end(1)], surroundings.namespace)
    found = {one.text: one for one in offered if one.text.startswith(typed)}
    return typed, list(found.values())


def _offer(words: list[str], typed: str, surroundings: Surroundings) -> Iterator[Completion]:
    command, words = _find_command(words)
    if command is None:
        yield from [] if words else _list(COMMANDS)
        return
    if command.parts and not words:
        yield from _list(command.parts)
    parser = command.make_parser()
    actions = parser._actions  # noqa: SLF001  argparse has no public way to list its options
    by_option = {option: action for action in actions for option in action.option_strings if option != "-h"}
    positional = [action for action in actions if not action.option_strings]
    option, sign, _ = typed.partition("=")
    if sign and option in by_option:
        place = _Place(words, typed[len(option) + 1 :], surroundings)
        for one in _values(by_option[option], command, place):
            yield one._replace(text=f"{option}={one.text}")
        return
    expected, is_required = _find_expected(words, by_option, positional)
    if expected is not None:
        yield from _values(expected, command, _Place(words, typed, surroundings))
    if not is_required:
        for name, action in by_option.items():
            if name not in words:
                yield Completion(name, f"option: {_shorten(action.help or '')}")


def _is_template(words: Sequence[str]) -> bool:
    """Whether the next word of a line is the template of a run, after its table."""
    return words[:1] == ["run"] and words[2:] != [] and words[-1] == "--prompt"


def _find_command(words: list[str]) -> tuple[Command | None, list[str]]:
    """The command of a line, and the words after it."""
    command = COMMANDS.get(words[0]) if words else None
    if command is not None and len(words) > 1 and words[1] in command.parts:
        return command.parts[words[1]], words[2:]
    return command, words[1:] if command else words


def _find_expected(
    words: Sequence[str], by_option: Mapping[str, argparse.Action], positional: Sequence[argparse.Action]
) -> tuple[argparse.Action | None, bool]:
    """The argument that the next word belongs to, and whether it can be nothing else."""
    left = list(positional)
    pending: argparse.Action | None = None
    has_value = False
    for word in words:
        if word in by_option:
            pending = None if by_option[word].nargs == 0 else by_option[word]
            has_value = False
        elif pending is not None:
            has_value = True
            pending = pending if pending.nargs == "+" else None
        elif left and left[0].nargs != "*":
            left.pop(0)
    if pending is not None:
        return pending, not has_value
    return (left[0] if left else None), False


def _values(action: argparse.Action, command: Command, place: _Place) -> Iterable[Completion]:
    if action.choices is not None:
        name = (action.option_strings or [action.dest])[0].lstrip("-")
        return [Completion(str(choice), name) for choice in action.choices]
    is_tag = action.dest == "value" and command.name in {"library tag", "library untag"}
    is_rating = action.dest == "value" and command.name == "library rate"
    find = _FINDERS.get("tag" if is_tag else "stars" if is_rating else action.dest)
    return find(place) if find else ()


def _list(commands: Mapping[str, Command]) -> list[Completion]:
    return [Completion(word, f"command: {_shorten(command.summary)}") for word, command in commands.items()]


def _models(_place: _Place) -> Iterator[Completion]:
    for model in MODELS.values():
        yield Completion(model.short_name, f"model: {model.label}")


def _sizes(place: _Place) -> Iterator[Completion]:
    """The presets and common ratios of the models on the line."""
    models = [model for word in _option_values(place.words, "--model") if (model := find_model(word)) in MODELS]
    models = models or [DEFAULT_MODEL]
    for preset, (width, height) in PRESETS.items():
        if all(preset in MODELS[model].presets for model in models):
            yield Completion(preset, f"size: as many pixels as {display_size(f'{width}x{height}')}")
    for ratio in (*COMMON_RATIOS, *SHAPES):
        yield Completion(ratio, f"size: {display_size(find_size(ratio, models[0]))}")


def _option_values(words: Sequence[str], option: str) -> Iterator[str]:
    is_open = False
    for word in words:
        if word.startswith("--"):
            is_open = word == option
            if word.startswith(f"{option}="):
                yield word.partition("=")[2]
        elif is_open:
            yield word


def _runs(place: _Place) -> Iterator[Completion]:
    for name in place.surroundings.read_runs():
        yield from _quote(name, "run")


def _tables(place: _Place) -> Iterator[Completion]:
    """The runs, the variables that hold tables, and the files that are tables."""
    yield from _runs(place)
    for name, value in list(place.surroundings.namespace.items()):
        if not name.startswith("_") and name not in _INTERACTIVE and (columns := peek_columns(name, {name: value})):
            yield Completion(name, f"table: {_shorten(', '.join(columns))}")
    yield from _files(place.typed, "table", TABLE_SUFFIXES, with_folders=bool(place.typed))


def _remakable(place: _Place) -> Iterator[Completion]:
    """Known task ids, and the files of saved images and their records."""
    yield from _ids(place)
    yield from _files(place.typed, "saved image", {*_IMAGE_SUFFIXES, ".json"}, with_folders=True)


def _columns(place: _Place) -> Iterator[Completion]:
    """The columns of the table on the line."""
    for column in peek_columns(place.words[0] if place.words else "", place.surroundings.namespace):
        yield from _quote(column, "column")


def _tags(place: _Place) -> Iterator[Completion]:
    for tag, count in place.surroundings.read_tags().items():
        yield from _quote(tag, f"tag: {count_of(count, 'task')}")


def _searches(place: _Place) -> Iterator[Completion]:
    for name in place.surroundings.read_collections():
        yield from _quote(name, "collection")


def _stars(_place: _Place) -> Iterator[Completion]:
    for stars in range(MOST_STARS, 0, -1):
        yield Completion(str(stars), f"rating: {'★' * stars}")
    yield Completion("0", "rating: none")


def _times(_place: _Place) -> Iterator[Completion]:
    for time in ("today", "yesterday", "2h", "1d", "1w", "30d"):
        yield Completion(time, "time" if time.isalpha() else "time: that long ago")


def _text_variables(start: str, namespace: Mapping[str, object]) -> Iterator[Completion]:
    """The variables that can be filled in, after what is typed before their names; by type, as for `_variables`."""
    for name, value in list(namespace.items()):
        if name.startswith("_") or name in _INTERACTIVE:
            continue
        if isinstance(value, str) and type(value) is str:
            yield Completion(f"{start}{name}", f"text: {_shorten(value)}")
        elif type(value) in {int, float}:
            yield Completion(f"{start}{name}", f"number: {value}")
        elif isinstance(value, (list, tuple)) and type(value) in {list, tuple}:
            yield Completion(f"{start}{name}", f"{type(value).__name__}: {count_of(len(value), 'element')}")


def _images(place: _Place) -> Iterator[Completion]:
    """The variables that hold images, and image files."""
    for name, value in _variables(place):
        kind = _describe_image(value)
        if kind:
            yield Completion(name, kind)
    yield from _collections(place)
    # Folders only once something is typed: at first, what can be sent as it is.
    yield from _files(place.typed, "image file", _IMAGE_SUFFIXES, with_folders=bool(place.typed))


def _ids(place: _Place) -> Iterator[Completion]:
    """Known task ids, and the variables that hold tasks."""
    for task_id in place.surroundings.known_ids:
        yield Completion(task_id, "task id")
    yield from _collections(place)


def _galleries(place: _Place) -> Iterator[Completion]:
    """The variables that hold galleries."""
    for name, value in _variables(place):
        if isinstance(value, Gallery):
            yield Completion(name, f"gallery: {count_of(len(value.images), 'image')}")


def _collections(place: _Place) -> Iterator[Completion]:
    """The variables that hold tasks, and the tasks of a gallery once its bracket is typed."""
    yield from _galleries(place)
    for name, value in _variables(place):
        if isinstance(value, Task):
            yield Completion(name, f"task: {_shorten(value.prompt)}")
    match = _OPEN_INDEX.fullmatch(place.typed)
    gallery = place.surroundings.namespace.get(match[1]) if match else None
    if match and type(gallery) is Gallery:
        for index, task in enumerate(itertools.islice(gallery, MOST_TASKS)):
            yield Completion(f"{match[1]}[{index}]", f"task: {_shorten(task.prompt)}")


def _topics(place: _Place) -> Iterator[Completion]:
    """The commands, the parts of the one that is typed, and, after a capital letter, the errors."""
    if place.words:
        command = COMMANDS.get(place.words[0])
        yield from _list(command.parts if command and not place.words[1:] else {})
    elif place.typed[:1].isupper():
        for name in read_sections():
            yield Completion(name, "error" if name.endswith("Error") else "warning or interrupt")
    else:
        yield from _list(COMMANDS)


_FINDERS: Mapping[str, Callable[[_Place], Iterable[Completion]]] = {
    "model": _models,
    "size": _sizes,
    "image": _images,
    "edited": _images,
    "remade": _remakable,
    "source": _tables,
    "name": _runs,
    "prompt": _columns,
    "export": lambda place: _files(place.typed, "", (), with_folders=True),
    "tag": _tags,
    "collection": _searches,
    "save_search": _searches,
    "stars": _stars,
    "since": _times,
    "older": _times,
    "ids": _ids,
    "out": _galleries,
    "save": lambda place: _files(place.typed, "", (), with_folders=True),
    "place": lambda place: _files(place.typed, "archive", {".zip"}, with_folders=True),
    "topic": _topics,
}


def _variables(place: _Place) -> Iterator[tuple[str, object]]:
    # By type, as isinstance() would also run the code of proxies, which load what they stand for.
    kinds = (Gallery, Task, TaskImage, Markup, str, bytes, bytearray, PurePath, *_pillow_types())
    for name, value in list(place.surroundings.namespace.items()):
        if not name.startswith("_") and issubclass(type(value), kinds):
            yield name, value


def _pillow_types() -> tuple[type, ...]:
    # Where Pillow is not loaded, no variable holds one of its images.
    pillow = sys.modules.get("PIL.Image")
    return (pillow.Image,) if pillow is not None else ()


def _describe_image(value: object) -> str:
    """What kind of image a variable holds; empty if it holds none."""
    if isinstance(value, TaskImage):
        return f"image: {_shorten(value.prompt)}" if value.is_good else ""
    if isinstance(value, Markup):
        return f"markup: {_shorten(', '.join(shape.name for shape in value.shapes) or 'nothing drawn')}"
    if isinstance(value, _pillow_types()):
        return f"image: {value.width}\u00d7{value.height}"  # type: ignore[attr-defined]  # Pillow's, see above
    if isinstance(value, bytes | bytearray):
        return f"image: {count_of(len(value), 'byte')}" if bytes(value[:8]).startswith(_IMAGE_BYTES) else ""
    if isinstance(value, PurePath):
        return f"image file: {value.name}" if value.suffix.lower() in _IMAGE_SUFFIXES else ""
    return "image link" if isinstance(value, str) and _IMAGE_LINK.fullmatch(value[:_LONGEST_LINK]) else ""


def _files(typed: str, kind: str, suffixes: Collection[str], *, with_folders: bool) -> Iterator[Completion]:
    """The files of the folder that is typed, or else of the working directory."""
    folder, _ = os.path.split(typed.lstrip("\"'"))
    try:
        with os.scandir(Path(folder or ".").expanduser()) as entries:
            for entry in sorted(itertools.islice(entries, MOST_FILES), key=lambda entry: entry.name):
                path = f"{folder.rstrip('/')}/{entry.name}" if folder else entry.name
                if entry.name.startswith("."):
                    continue
                if PurePath(entry.name).suffix.lower() in suffixes:
                    yield from _quote(path, kind, typed[:1])
                elif with_folders and entry.is_dir():
                    yield from _quote(f"{path}/", "folder", typed[:1])
    except (OSError, ValueError, RuntimeError):
        return


def _quote(text: str, kind: str, mark: str = "") -> Iterator[Completion]:
    """A text as one word of the line, quoted where it must or shall be; nothing where that takes more than quotes."""
    if mark not in {'"', "'"}:
        mark = "" if _PLAIN_TEXT.fullmatch(text) else '"'
    if not mark or (mark not in text and not _UNFIT_FOR_QUOTES.search(text)):
        yield Completion(f"{mark}{text}{mark}", kind)


def _shorten(text: str) -> str:
    return textwrap.shorten(text, _LONGEST_HELP, placeholder=" …")
