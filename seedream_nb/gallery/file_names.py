"""Names saved files by a template such as `{index:03}-{prompt:40}-{id:8}`. Pure functions."""

from __future__ import annotations

import difflib
import re
import string
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from slugify import slugify

from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.protocol.capabilities import display_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seedream_nb.core.models import Task, TaskImage

DEFAULT_NAME = "{prompt:48}-{id:8}-{number}-{layer}"
MAX_BYTES = 230  # of a name without its ending; file systems take 255, and repeated names are numbered
MAX_PROMPT = 48  # characters; at three bytes each they fit every file system
MAX_LAYER = 24  # characters
DATE_FORMAT = "%Y-%m-%d"

FORBIDDEN = frozenset('<>:"/\\|?*')  # Windows accepts fewest
RESERVED = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{number}" for port in ("com", "lpt") for number in range(10)))
)
ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".json")  # that are added anyway
SEPARATORS = " ._-"

_MISSING = "\0"  # a field without a value; no template can contain it


@dataclass(frozen=True)
class NamedFile:
    """What a name can contain: a task, and one of its images where the file is an image.

    Attributes:
        task: The task.
        index: The place of the image among all that are saved, from 1.
        image: The image; None for the record of the task.
        layer: The layer's place from the bottom, from 0; None for an image that is not a layer.
    """

    task: Task
    index: int
    image: TaskImage | None = None
    layer: int | None = None


def _format_prompt(file: NamedFile, width: str) -> str:
    prompt = (file.image.prompt if file.image else "") or file.task.prompt
    return slugify(prompt, allow_unicode=True, max_length=int(width or MAX_PROMPT), word_boundary=True) or "image"


def _format_id(file: NamedFile, width: str) -> str:
    return slugify(file.task.id, max_length=int(width or 0)) or "task"


def _format_model(file: NamedFile, width: str) -> str:
    model = (file.image and file.image.model) or file.task.model or ""
    return slugify(display_name(model), max_length=int(width or 0))


def _format_size(file: NamedFile, width: str) -> str:
    size = (file.image and file.image.size) or file.task.size or ""
    return slugify(size, max_length=int(width or 0))


def _format_layer(file: NamedFile, width: str) -> str:
    if file.image is None or file.layer is None:
        return ""
    name = "base" if file.image.z_index == 0 else file.image.name or ""
    return slugify(name, allow_unicode=True, max_length=int(width or MAX_LAYER)) or "layer"


def _format_number(file: NamedFile, width: str) -> str:
    if file.image is None:
        return ""
    if file.layer is not None:
        return _pad(file.layer, width or "2")
    return _pad(file.image.index + 1, width)


def _format_date(file: NamedFile, pattern: str) -> str:
    moment = file.task.created_at or file.task.finished_at
    try:
        return moment.astimezone().strftime(pattern or DATE_FORMAT) if moment else ""
    except (OverflowError, ValueError, OSError):
        return ""  # outside of any calendar


def _pad(number: int, width: str) -> str:
    return f"{number:0{int(width or 1)}}"


_TEXTS: Mapping[str, Callable[[NamedFile, str], str]] = {
    "prompt": _format_prompt,
    "id": _format_id,
    "model": _format_model,
    "size": _format_size,
    "layer": _format_layer,
}
_NUMBERS: Mapping[str, Callable[[NamedFile, str], str]] = {
    "index": lambda file, width: _pad(file.index, width),
    "number": _format_number,
    "seed": lambda file, width: "" if not file.image or file.image.seed is None else _pad(file.image.seed, width),
}
_FIELDS = {**_NUMBERS, **_TEXTS, "date": _format_date}


@dataclass(frozen=True)
class NameTemplate:
    """A template for file names, read by `NameTemplate.parse`."""

    pieces: tuple[tuple[str, str, str], ...]  # text, and the field behind it with its format; or text and nothing

    @classmethod
    def parse(cls, text: str = DEFAULT_NAME) -> NameTemplate:
        """Reads a template.

        Raises:
            UsageError: It is not a template, or no file can have such a name.
        """
        if not isinstance(text, str) or not text.strip():
            raise UsageError("The file name template is empty.", hint=f"Use one such as {DEFAULT_NAME!r}.")
        try:
            parsed = list(string.Formatter().parse(text))
        except ValueError as problem:
            raise UsageError(
                f"{shorten(repr(text))} is not a valid file name template: {problem}.",
                hint="Write {{ and }} for braces that belong to the name.",
            ) from None
        pieces = [(literal, field, spec or "", mark) for literal, field, spec, mark in parsed]
        for literal, field, spec, mark in pieces:
            _check_text(literal, text)
            if field is not None:
                _check_field(field, spec, mark)
        if text.lower().endswith(ENDINGS):
            ending = text[text.rindex(".") :]
            raise UsageError(
                f"Leave {ending} out of the file name template {shorten(repr(text))}.",
                hint="Each file gets the ending of its own format.",
            )
        return cls(tuple((literal, field or "", spec) for literal, field, spec, _ in pieces))

    def stem(self, file: NamedFile) -> str:
        """The name of a file without its ending, which every file system accepts."""
        parts = [
            f"{literal}{(_FIELDS[field](file, spec) or _MISSING) if field else ''}"
            for literal, field, spec in self.pieces
        ]
        # What is not known takes the separator before it along, or that behind it at the start.
        name = re.sub(rf"^(?:{_MISSING}[{SEPARATORS}]*)+", "", "".join(parts))
        name = re.sub(rf"[{SEPARATORS}]*{_MISSING}", "", name)
        name = name.encode("utf-8", "ignore")[:MAX_BYTES].decode("utf-8", "ignore").strip(" .") or "image"
        return f"image-{name}" if name.split(".")[0].lower() in RESERVED else name


def number_repeats(stems: Sequence[str]) -> list[str]:
    """Numbers names that occur several times, in order.

    Example:
        >>> number_repeats(["cat", "dog", "Cat"])
        ['cat', 'dog', 'Cat-2']
    """
    numbered: list[str] = []
    taken: set[str] = set()
    latest: dict[str, int] = {}
    for stem in stems:
        name, number = stem, latest.get(fold(stem), 1)
        while fold(name) in taken:
            number += 1
            name = f"{stem}-{number}"
        latest[fold(stem)] = number
        taken.add(fold(name))
        numbered.append(name)
    return numbered


def fold(name: str) -> str:
    """The form in which names are compared: some file systems ignore case and composition."""
    return unicodedata.normalize("NFC", name).casefold()


def in_order(images: Sequence[TaskImage]) -> list[tuple[TaskImage, int | None]]:
    """The images of a task, each with its place from the bottom if it is a layer; layers come in that order."""
    layers = [image for image in images if image.z_index is not None]
    # The base image is at the bottom, whatever the numbers of the others are.
    layers.sort(key=lambda image: (image.z_index != 0, image.z_index or 0))
    others = [(image, None) for image in images if image.z_index is None]
    return [*((image, place) for place, image in enumerate(layers)), *others]


def _check_text(literal: str, text: str) -> None:
    wrong = sorted({sign for sign in literal if sign in FORBIDDEN or not sign.isprintable()})
    if wrong or ".." in literal or text.startswith("."):
        what = f"contain {wrong[0]!r}" if wrong else "contain '..'" if ".." in literal else "begin with a period"
        is_path = ".." in literal or {"/", "\\"} & set(wrong)
        hint = "Choose the directory in the first argument." if is_path else "Use letters, digits, and hyphens."
        raise UsageError(f"A file name can't {what}: {shorten(repr(text))}.", hint=hint)


def _check_field(field: str, spec: str, conversion: str | None) -> None:
    if field not in _FIELDS:
        near = difflib.get_close_matches(field.lower(), _FIELDS, n=1)
        meant = f"Did you mean {{{near[0]}}}? " if near else ""
        raise UsageError(
            f"{{{field}}} is not a field of a file name.",
            hint=f"{meant}The fields are {', '.join(sorted(_FIELDS))}.",
        )
    if conversion:
        raise UsageError(f"{{{field}!{conversion}}} is not supported in a file name.", hint=f"Write {{{field}}}.")
    if field in _TEXTS and spec and not re.fullmatch(r"[1-9]\d{0,2}", spec):
        raise UsageError(
            f"{{{field}:{spec}}} has an invalid width.", hint=f"Write the most characters, as in {{{field}:40}}."
        )
    if field in _NUMBERS and spec and not re.fullmatch(r"0?[1-9]", spec):
        raise UsageError(f"{{{field}:{spec}}} has an invalid width.", hint=f"Write it like {{{field}:03}}.")
    if field == "date" and spec:
        _check_date(spec)


def _check_date(pattern: str) -> None:
    try:
        shown = datetime(2026, 11, 28, 12, tzinfo=timezone.utc).strftime(pattern)
    except ValueError:
        shown = ""
    if not shown.isprintable() or not shown or FORBIDDEN & set(shown) or ".." in shown:
        raise UsageError(
            f"{{date:{pattern}}} gives no text that a file name can contain.", hint="Write it like {date:%Y-%m-%d}."
        )
