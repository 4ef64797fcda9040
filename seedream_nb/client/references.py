"""Converts reference images (links, files, bytes, Pillow images, earlier results) to the text that the API takes."""

from __future__ import annotations

import base64
import binascii
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from seedream_nb.core.errors import ImageError, UsageError, shorten
from seedream_nb.core.models import Task, TaskImage
from seedream_nb.core.text import count_of
from seedream_nb.images.markup import Markup
from seedream_nb.library import LibraryCache, LibraryFetcher
from seedream_nb.protocol.capabilities import MAX_IMAGE_BYTES

if TYPE_CHECKING:
    from typing import TypeAlias

    from seedream_nb.images.fetch import ImageFetcher

LINKS = ("http://", "https://", "data:")


class PillowImage(Protocol):
    """The part of `PIL.Image.Image` that is used here, so that Pillow is imported only where an image is opened."""

    def save(self, fp: io.BytesIO, format: str) -> None:  # noqa: A002  Pillow's own name
        """Writes the image in a file format."""

    def getbands(self) -> tuple[str, ...]:
        """The names of its channels."""

    def convert(self, mode: str) -> PillowImage:
        """The same image with other channels."""


Reference: TypeAlias = "str | bytes | bytearray | os.PathLike[str] | PillowImage | TaskImage | Task | Markup"

_SINGLE = (str, bytes, bytearray, memoryview, os.PathLike, Task, TaskImage, Markup)
_KEPT_BY_PNG = {("R", "G", "B"), ("R", "G", "B", "A"), ("L",), ("L", "A"), ("P",), ("1",)}
_ALPHA = frozenset("Aa")  # the channel of transparency, also where colors are multiplied with it


def read_references(image: Reference | Iterable[Reference] | None, *, strict: bool = True) -> tuple[str, ...]:
    """Converts reference images to links and data URIs.

    Args:
        image: One image, or a collection of images of any depth. An image is an http(s) link, a
            `data:image/…;base64,` URI, bytes, a path, a Pillow image, an image of an earlier task, an earlier task with
            one image, or a markup, whose marked copy is sent. A gallery stands for all of its images.
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
    if isinstance(image, Markup):
        return image.content
    found = _image_of_task(image, name)
    if found is not None:
        image = found.data if found.data is not None else found.url
    if isinstance(image, str) and image.strip().lower().startswith(LINKS):
        return image.strip()
    return read_bytes(image, name)


def load_image(image: object, fetcher: ImageFetcher | None = None) -> tuple[bytes, TaskImage | None]:
    """Loads the one image to draw on.

    Args:
        image: The image, as for `read_references`; not several.
        fetcher: Fetches one that is only a link; None for its library, or else the default one.

    Returns:
        Its content, and the image of a task that it is, if any.

    Raises:
        UsageError: It is not an image, or it is several.
        ImageError: Its link is dead.
    """
    images = list(flatten(image))
    if len(images) != 1:
        raise UsageError(f"Draw on one image, not {len(images)}.", hint="Choose one, such as gallery.images[0].")
    found = _image_of_task(images[0], "The image")
    loaded = load_reference(images[0], "The image")
    if isinstance(loaded, bytes):
        return loaded, found
    if loaded.lower().startswith("data:"):
        try:
            return base64.b64decode(loaded.partition(",")[2], validate=True), found
        except binascii.Error:
            raise UsageError("The data URI is not base64.") from None
    fetcher = fetcher or LibraryFetcher(LibraryCache(found.library if found else None))
    return fetcher.fetch(found or TaskImage("", url=loaded)), found


def _image_of_task(image: object, name: str) -> TaskImage | None:
    """The one image of a task; None for what is neither a task nor one of its images."""
    if isinstance(image, Task):
        if len(image.good_images) != 1:
            raise UsageError(
                f"{name} is a task with {count_of(len(image.good_images), 'image')}.",
                hint="Choose one image, such as task.images[0].",
            )
        return image.good_images[0]
    if not isinstance(image, TaskImage):
        return None
    if not image.is_good:
        raise UsageError(f"{name} is a failed image.", hint=str(image.error) if image.error else None)
    return image


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
    bands = image.getbands()
    if bands == ("I",):
        kept = image.convert("I;16")  # in RGB, all above 255 would be white
    else:
        kept = image if bands in _KEPT_BY_PNG else image.convert("RGBA" if _ALPHA & {*bands} else "RGB")
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
