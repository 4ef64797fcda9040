"""Why: on a magic's line an image is a word: a link, a file, or the Python expression of something made before."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_nb.client.references import LINKS, read_references
from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.core.models import TaskImage

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seedream_nb.notebook.front_end import FrontEnd


def read_reference_words(words: Iterable[str], front_end: FrontEnd, *, strict: bool = True) -> tuple[str, ...]:
    """Finds the images that words on a line stand for.

    Args:
        words: Links, files, or Python expressions such as `photo` or `gallery[0]`.
        front_end: Where Python expressions have their values.
        strict: Whether to refuse what is too large or no picture.

    Returns:
        What travels for each: a link or a data URI.

    Raises:
        UsageError: One is none of these, or no image; nothing was sent.
    """
    return tuple(found for word in words for found in _read(word, front_end, strict=strict))


def _read(word: str, front_end: FrontEnd, *, strict: bool) -> tuple[str, ...]:
    value = word if word.lower().startswith(LINKS) else _find_file(word) or front_end.evaluate(word)
    if isinstance(value, str) and not value.lower().startswith(LINKS):
        value = Path(value)
    try:
        return read_references(value, strict=strict)  # type: ignore[arg-type]  # it says what it cannot use
    except UsageError as error:
        # With several images on a line, the error has to say which.
        error.message = f"{shorten(word)}: {error.message}"
        raise


def _find_file(word: str) -> Path | None:
    try:
        path = Path(word).expanduser()
        return path if path.is_file() else None
    except (OSError, ValueError, RuntimeError):
        return None


def to_image(reference: str) -> TaskImage:
    """A reference as an image that a gallery can show.

    Args:
        reference: A link or a data URI, as `read_reference_words` gives it.

    Returns:
        The image; without bytes where the data URI is broken.
    """
    if not reference.lower().startswith("data:"):
        return TaskImage(task_id="", url=reference)
    try:
        return TaskImage(task_id="", data=base64.b64decode(reference.partition(",")[2]))
    except binascii.Error:
        return TaskImage(task_id="", data=b"")
