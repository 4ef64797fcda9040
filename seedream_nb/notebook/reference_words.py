"""Reference images as they are given on a line: links, files, Python expressions, and objects."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_nb.client.references import LINKS, flatten, read_references
from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.core.models import TaskImage
from seedream_nb.images.markup import Markup
from seedream_nb.notebook.template import reject_expression

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import TypeAlias

    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.line import Word

_ORDER = ", and write an image to edit before the prompt"
IMAGE_HELP = "reference image: a link, a file, a Python expression such as photo or gallery[0], or a {variable}"

Reference: TypeAlias = "str | Markup"
"""A link, a data URI, or an image that was drawn on."""


def to_image_word(word: Word) -> object:
    """A typed word as text; the text of a variable is a link or a path, never an expression."""
    value = word.value
    if not word.is_data or not isinstance(value, str):
        return value
    return value.strip() if value.strip().lower().startswith(LINKS) else Path(value)


def read_image_words(words: Sequence[object], front_end: FrontEnd, *, strict: bool = True) -> tuple[Reference, ...]:
    """Reads reference images.

    Args:
        words: What was typed as text: links, files, or Python expressions such as `gallery[0]`; and objects.
        front_end: Evaluates expressions.
        strict: Whether to reject files that are too large or not images.

    Returns:
        What is sent for each: a link or a data URI; a markup stays one.

    Raises:
        UsageError: One is none of these, or not an image; nothing was sent.
    """
    return tuple(
        found for number, word in enumerate(words, 1) for found in _read_image(word, number, front_end, strict=strict)
    )


def _read_image(word: object, number: int, front_end: FrontEnd, *, strict: bool) -> tuple[Reference, ...]:
    value = word
    if isinstance(word, str) and not word.lower().startswith(LINKS):
        value = _find_file(word) or _evaluate_image(word, front_end)
        if isinstance(value, str) and not value.lower().startswith(LINKS):
            value = Path(value)
    images: object = [None] if value is None else value  # for the client, None is no image at all
    try:
        listed = list(flatten(images))
        others = [one for one in listed if not isinstance(one, Markup)]
        read = iter(read_references(others or None, strict=strict))  # type: ignore[arg-type]  # it reports what it cannot use
        return tuple(one if isinstance(one, Markup) else next(read) for one in listed)
    except UsageError as error:
        # With several images on a line, the message has to name the one.
        name = shorten(str(word)) if isinstance(word, (str, Path)) else f"Image {number}"
        error.message = f"{name}: {error.message}"
        raise


def _evaluate_image(word: str, front_end: FrontEnd) -> object:
    try:
        return front_end.evaluate(word)
    except (NameError, SyntaxError):
        raise UsageError(
            f"{word!r} is not a link, an existing file or a valid Python expression.",
            hint=f"Check the spelling{_ORDER if ' ' in word.strip() else ''}; nothing was sent.",
        ) from None
    except Exception as problem:  # noqa: BLE001  whatever the expression raises
        reject_expression(word, problem)


def _find_file(word: str) -> Path | None:
    try:
        path = Path(word).expanduser()
        return path if path.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None


def to_image(reference: Reference, *, layers: bool = False) -> TaskImage:
    """An image for the gallery from what is sent; without bytes if a data URI is broken."""
    if isinstance(reference, Markup):
        return TaskImage(task_id="", data=reference.clean if layers else reference.content)
    if not reference.lower().startswith("data:"):
        return TaskImage(task_id="", url=reference)
    try:
        return TaskImage(task_id="", data=base64.b64decode(reference.partition(",")[2]))
    except binascii.Error:
        return TaskImage(task_id="", data=b"")
