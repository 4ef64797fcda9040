"""Stores provenance in image files, and reads saved files as `TaskImage`s."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from seedream_nb.core.errors import ImageError, shorten
from seedream_nb.core.models import TaskImage
from seedream_nb.images import provenance_jpeg, provenance_png
from seedream_nb.images.provenance import Provenance
from seedream_nb.images.thumbnails import read_facts

if TYPE_CHECKING:
    import os

MAX_MEGABYTES = 50  # of a file to read; the service's own have up to 20


def write_provenance(content: bytes, provenance: Provenance) -> bytes:
    """Stores provenance in an image's file. The image itself is not encoded again, and nothing of it changes.

    Args:
        content: The file.
        provenance: The provenance.

    Returns:
        JPEG with EXIF and XMP, PNG with texts and XMP; existing metadata is kept. Other formats, and files that are
        signed (C2PA), stay unchanged. The same arguments give the same bytes, and doing it twice changes nothing.
    """
    if provenance == Provenance(index=provenance.index):
        return content
    if content.startswith(provenance_jpeg.START):
        return provenance_jpeg.write_to_jpeg(content, provenance)
    return provenance_png.write_to_png(content, provenance) if content.startswith(provenance_png.START) else content


def read_provenance(content: bytes) -> Provenance | None:
    """Reads the provenance of a file; None when it has none."""
    if content.startswith(provenance_jpeg.START):
        return provenance_jpeg.read_from_jpeg(content)
    return provenance_png.read_from_png(content) if content.startswith(provenance_png.START) else None


def is_same_image(one: bytes, other: bytes) -> bool:
    """Whether two files have the same encoded image, regardless of EXIF, XMP, and texts."""
    return one == other or _bare(one) == _bare(other)


def open_image(path: str | os.PathLike[str]) -> TaskImage:
    """Reads an image file as a `TaskImage`, with the provenance that the file carries.

    Args:
        path: A JPEG, PNG, or WebP file; `~` is the home directory.

    Returns:
        The image with its bytes, and with prompt, model, size, seed, task id and index as far as the file tells
        them. An image that tells nothing has its size and format alone. `raw` has what was told, the date as
        `created_at`, and the complete request as `request`.

    Raises:
        ImageError: There is no such file, it cannot be read, or it is not a JPEG, PNG, or WebP image.

    Example:
        >>> report = gallery.save("seedream_results")
        >>> open_image(report.images[0]).prompt
        'a white siamese cat'
    """
    content = _read_file(path)
    try:
        facts = read_facts(content)
    except ImageError as error:
        raise ImageError(f"Can't open {_name(path)}. {error.message}", hint="Use a JPEG, PNG, or WebP file.") from None
    provenance = read_provenance(content)
    fields = provenance or Provenance()
    return TaskImage(
        task_id=fields.task_id,
        index=fields.index,
        data=content,
        prompt=fields.prompt,
        model=fields.model or None,
        size=fields.size or f"{facts.width}x{facts.height}",
        output_format=facts.mime.removeprefix("image/"),
        seed=fields.seed,
        raw=_describe(provenance) if provenance else {},
    )


def _describe(provenance: Provenance) -> dict[str, object]:
    request = {} if provenance.request is None else {"request": dict(provenance.request)}
    return {**provenance.to_fields(), **request}


def _read_file(path: str | os.PathLike[str]) -> bytes:
    try:
        file = Path(path).expanduser()
        # A device or a pipe could be endless.
        if file.exists() and not file.is_file():
            raise ImageError(f"{_name(path)} is not a file.", hint="Use the path of an image file.")
        if file.stat().st_size > MAX_MEGABYTES * 1024**2:
            raise ImageError(f"{_name(path)} is larger than {MAX_MEGABYTES} MB.")
        return file.read_bytes()
    except (OSError, ValueError, RuntimeError) as problem:
        # ValueError: characters that no file name can have; RuntimeError: the home of an unknown user.
        reason = getattr(problem, "strerror", None) or problem
        raise ImageError(f"Can't read {_name(path)}: {reason}.", hint="Use the path of an image file.") from None


def _name(path: str | os.PathLike[str]) -> str:
    return shorten(str(path))


def _bare(content: bytes) -> bytes:
    if content.startswith(provenance_jpeg.START):
        return provenance_jpeg.bare_jpeg(content)
    return provenance_png.bare_png(content) if content.startswith(provenance_png.START) else content
