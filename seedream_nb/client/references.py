"""Converts reference images (links, files, bytes, Pillow images, earlier results) to the text that the API takes."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from seedream_nb.core.errors import ImageError, UsageError, shorten
from seedream_nb.core.models import Task, TaskImage
from seedream_nb.core.text import count_of
from seedream_nb.protocol.capabilities import MAX_IMAGE_BYTES

if TYPE_CHECKING:
    from typing import TypeAlias

LINKS = ("http://", "https://", "data:")


class PillowImage(Protocol):
    """The part of `PIL.Image.Image` that is used here, so that Pillow is imported only where an image is opened."""

    def save(self, fp: io.BytesIO, format: str) -> None:  # noqa: A002  Pillow's own name
        """Writes the image in a file format."""

    def getbands(self) -> tuple[str, ...]:
        """The names of its channels."""

    def convert(self, mode: str) -> PillowImage:
        """The same image with other channels."""


Reference: TypeAlias = "str | bytes | bytearray | os.PathLike[str] | PillowImage | TaskImage | Task"

_SINGLE = (str, bytes, bytearray, memoryview, os.PathLike, Task, TaskImage)
_KEPT_BY_PNG = {("R", "G", "B"), ("R", "G", "B", "A"), ("L",), ("L", "A"), ("P",), ("1",)}


def read_references(image: Reference | Iterable[Reference] | None, *, strict: bool = True) -> tuple[str, ...]:
    """Converts reference images to links and data URIs.

    Args:
        image: One image, or a collection of images of any depth. An image is an http(s) link, a
            `data:image/…;base64,` URI, bytes, a path, a Pillow image, an image of an earlier task, or an earlier task
            with one image. A gallery stands for all of its images.
        strict: Whether to reject files that are too large or not images.

    Returns:
        A link or a data URI for each.

    Raises:
        UsageError: One is not an image, cannot be read, exceeds 10 MB, or is a task with several images; the message
            says which. Or a collection is empty.

    Example:
        >>> read_references("https://example.org/cat.jpg")
        ('https://example.org/cat.jpg',)
    """
    if image is None:
        return ()
    images = list(flatten(image))
    names = ["The reference image"] if len(images) == 1 else [f"Reference image {n}" for n in range(1, len(images) + 1)]
    return tuple(_read(one, name, strict=strict) for one, name in zip(images, names, strict=True))


def flatten(image: object) -> Iterator[object]:
    """The images in collections of any depth, in order.

    Raises:
        UsageError: A collection is empty.
    """
    is_matrix = getattr(image, "ndim", 1) > 1  # such as the pixels of an image
    if not isinstance(image, Iterable) or isinstance(image, (*_SINGLE, Mapping)) or is_matrix:
        yield image
        return
    # Those of a gallery, which this room does not know: its own items are tasks, which may have several images.
    images = image.images if isinstance(image, Sequence) and hasattr(image, "images") else image
    is_empty = True
    for one in images:
        yield from flatten(one)
        is_empty = False
    if is_empty:
        raise UsageError("The list of reference images is empty.", hint="Pass an image; nothing was sent.")


def _read(image: object, name: str, *, strict: bool) -> str:
    found = load_reference(image, name)
    return found if isinstance(found, str) else _embed(found, find_mime(found, name, strict=strict))


def load_reference(image: object, name: str) -> str | bytes:
    """Loads one reference image.

    Args:
        image: The image, as for `read_references`.
        name: What a message calls it.

    Returns:
        Its link or data URI, or its content.

    Raises:
        UsageError: It is not an image, or can't be read.
    """
    if isinstance(image, Task):
        if len(image.good_images) != 1:
            raise UsageError(
                f"{name} is a task with {count_of(len(image.good_images), 'image')}.",
                hint="Choose one image, such as task.images[0].",
            )
        image = image.good_images[0]
    if isinstance(image, TaskImage):
        if not image.is_good:
            raise UsageError(f"{name} is a failed image.", hint=str(image.error) if image.error else None)
        image = image.data if image.data is not None else image.url
    if isinstance(image, str) and image.strip().lower().startswith(LINKS):
        return image.strip()
    return read_bytes(image, name)


def read_bytes(image: object, name: str) -> bytes:
    """The content of an image in memory or in a file; the arguments are those of `load_reference`.

    Raises:
        UsageError: It can't be read.
    """
    if isinstance(image, (bytes, bytearray, memoryview)):
        return bytes(image)
    if isinstance(image, (str, os.PathLike)):
        path = Path(image).expanduser()
        try:
            return path.read_bytes()
        except (OSError, ValueError) as problem:
            reason = getattr(problem, "strerror", None) or str(problem)
            raise UsageError(
                f"{name} can't be read from {shorten(str(path))}: {reason}.",
                hint="Pass the path of an image file, or an http(s) link.",
            ) from None
    if hasattr(image, "save") and hasattr(image, "getbands") and hasattr(image, "convert"):
        return _encode(image)
    raise UsageError(
        f"{name} has the unsupported type {type(image).__name__}.",
        hint="Pass a link, a path, bytes, a Pillow image, or an image of an earlier task.",
    )


def _encode(image: PillowImage) -> bytes:
    buffer = io.BytesIO()
    kept = image if image.getbands() in _KEPT_BY_PNG else image.convert("RGB")
    kept.save(buffer, "PNG")
    return buffer.getvalue()


def find_mime(content: bytes, name: str, *, strict: bool = True) -> str:
    """The type of an image that is sent as a reference.

    Args:
        content: Its content.
        name: What a message calls it.
        strict: Whether to reject files that are too large or not images.

    Returns:
        A type such as `image/png`.

    Raises:
        UsageError: It is too large, or not an image.
    """
    if strict and len(content) > MAX_IMAGE_BYTES:
        raise UsageError(
            f"{name} has {len(content) / 1024**2:.1f} MB; the limit is {MAX_IMAGE_BYTES // 1024**2} MB.",
            hint="Resize it, or save it as JPEG.",
        )
    # Pillow is needed only where a local image is sent.
    from seedream_nb.images.thumbnails import read_facts  # noqa: PLC0415  see above

    try:
        return read_facts(content).mime
    except ImageError:
        if not strict:
            return "image/png"
        raise UsageError(f"{name} is not a JPEG, PNG or WebP image.", hint="Convert it to one of these.") from None


def _embed(content: bytes, mime: str) -> str:
    return f"data:{mime};base64,{base64.b64encode(content).decode('ascii')}"
