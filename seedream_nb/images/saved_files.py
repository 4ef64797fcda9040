"""Why: an image that is saved tells its provenance, and a saved file becomes a `TaskImage` again."""

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

MOST_MEGABYTES = 50  # of a file that is read; the service's own have up to 20


def write_provenance(content: bytes, provenance: Provenance) -> bytes:
    """Writes an provenance into an image's file. The image itself is not encoded again, and nothing of it changes.

    Args:
        content: The file.
        provenance: The provenance.

    Returns:
        JPEG with EXIF and XMP, PNG with texts and XMP; what they hold already stays. Other formats, and files that
        are signed (C2PA), stay as they are. The same arguments give the same bytes, and marking twice is marking once.
    """
    if provenance == Provenance(index=provenance.index):
        return content
    if content.startswith(provenance_jpeg.START):
        return provenance_jpeg.write_to_jpeg(content, provenance)
    return provenance_png.write_to_png(content, provenance) if content.startswith(provenance_png.START) else content


def read_provenance(content: bytes) -> Provenance | None:
    """Reads what `write_provenance` wrote into a file; None when there is nothing of it."""
    if content.startswith(provenance_jpeg.START):
        return provenance_jpeg.read_from_jpeg(content)
    return provenance_png.read_from_png(content) if content.startswith(provenance_png.START) else None


def is_same_image(one: bytes, other: bytes) -> bool:
    """Whether two files hold the same encoded image, whatever EXIF, XMP and texts say of it."""
    return one == other or _bare(one) == _bare(other)


def open_image(path: str | os.PathLike[str]) -> TaskImage:
    """Reads an image file as a `TaskImage`, with the provenance that the file carries.

    Args:
        path: A JPEG, PNG, or WebP file; `~` is the home directory.

    Returns:
        The image with its bytes, and with prompt, model, size, seed, task id and index as far as the file tells
        them. An image that tells nothing has its size and format alone. `raw` has what was told, the date as
        `created_at`.

    Raises:
        ImageError: There is no such file, it cannot be read, or it is not a JPEG, PNG, or WebP image.

    Example:
        >>> report = Gallery(task).save("seedream_results")  # doctest: +SKIP
        >>> open_image(report.images[0]).prompt  # doctest: +SKIP
        'a white siamese cat'
    """
    content = _read_file(path)
    try:
        facts = read_facts(content)
    except ImageError as error:
        what = error.message.replace("The link leads to", "The file is")
        raise ImageError(f"{_name(path)} cannot be opened. {what}", hint="Give a JPEG, PNG or WebP file.") from None
    provenance = read_provenance(content)
    told = provenance or Provenance()
    return TaskImage(
        task_id=told.task_id,
        index=told.index,
        data=content,
        prompt=told.prompt,
        model=told.model or None,
        size=told.size or f"{facts.width}x{facts.height}",
        output_format=facts.mime.removeprefix("image/"),
        seed=told.seed,
        raw=provenance.to_fields() if provenance else {},
    )


def _read_file(path: str | os.PathLike[str]) -> bytes:
    try:
        file = Path(path).expanduser()
        # A device or a pipe could be read for ever.
        if file.exists() and not file.is_file():
            raise ImageError(f"{_name(path)} is no file.", hint="Give the path of a saved image.")
        if file.stat().st_size > MOST_MEGABYTES * 1024**2:
            raise ImageError(f"{_name(path)} has more than {MOST_MEGABYTES} MB, which is not read.")
        return file.read_bytes()
    except (OSError, ValueError, RuntimeError) as problem:
        # A ValueError is for characters that no file name can have, a RuntimeError for the home of an unknown user.
        reason = getattr(problem, "strerror", None) or problem
        raise ImageError(f"{_name(path)} cannot be read: {reason}.", hint="Give the path of a saved image.") from None


def _name(path: str | os.PathLike[str]) -> str:
    return shorten(str(path))


def _bare(content: bytes) -> bytes:
    if content.startswith(provenance_jpeg.START):
        return provenance_jpeg.bare_jpeg(content)
    return provenance_png.bare_png(content) if content.startswith(provenance_png.START) else content
