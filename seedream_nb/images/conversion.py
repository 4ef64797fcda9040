"""Image files for datasets: checked, and if need be in another format or size."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Literal

from seedream_nb.core.errors import ImageError
from seedream_nb.images.container import read_container

if TYPE_CHECKING:
    from PIL import Image

ImageFormat = Literal["jpeg", "png", "webp"]

QUALITY = 92  # of JPEG and WebP: artifacts cannot be seen, and hardly be measured
END = 64 * 1024  # bytes, within which the end of an image is; some programs add their own data behind it
_EXTENSIONS: dict[ImageFormat, str] = {"jpeg": "jpg", "png": "png", "webp": "webp"}
_SIGNATURES: dict[bytes, ImageFormat] = {b"\xff\xd8\xff": "jpeg", b"\x89PNG\r\n": "png", b"RIFF": "webp"}


def convert_image(
    content: bytes, image_format: ImageFormat | None = None, max_side: int | None = None
) -> tuple[bytes, str]:
    """Converts an image file, unless it is already as wanted: then its bytes stay as they are.

    Args:
        content: The bytes of a JPEG, PNG, or WebP file.
        image_format: The format; None for the one it has. JPEG shows transparent parts on white.
        max_side: The most pixels of width and height; None for any.

    Returns:
        The bytes, and the usual extension of such files, without a dot.

    Raises:
        ImageError: It is not such a file, or it is damaged.
    """
    known = _read_format(content)
    wanted = image_format or known
    if not _is_whole(content, known):
        raise ImageError("The image is damaged: its end is missing.")
    if wanted == known and (max_side is None or _longer_side(content) <= max_side):
        return content, _EXTENSIONS[known]
    # Imported here: copying files does not need Pillow.
    from seedream_nb.images.thumbnails import decode_within  # noqa: PLC0415  see above

    return _encode(decode_within(content, max_side), wanted), _EXTENSIONS[wanted]


def _read_format(content: bytes) -> ImageFormat:
    found = next((name for signature, name in _SIGNATURES.items() if content.startswith(signature)), None)
    if found is None:
        raise ImageError("The file is not a JPEG, PNG, or WebP image.")
    return found


def _is_whole(content: bytes, image_format: ImageFormat) -> bool:
    """Whether the end of a file is there, as a quick look shows."""
    if image_format == "webp":
        return len(content) >= int.from_bytes(content[4:8], "little") + 8
    return (b"\xff\xd9" if image_format == "jpeg" else b"IEND") in content[-END:]


def _longer_side(content: bytes) -> int:
    try:
        container = read_container(content)
    except ValueError:
        container = None
    if container is None:
        raise ImageError("The image is damaged.")
    return max(container.size)


def _encode(image: Image.Image, image_format: ImageFormat) -> bytes:
    from PIL import Image  # noqa: PLC0415  as above

    if image_format == "jpeg" and image.mode == "RGBA":
        white = Image.new("RGB", image.size, "white")
        white.paste(image, mask=image.getchannel("A"))
        image = white
    buffer = io.BytesIO()
    options = {} if image_format == "png" else {"quality": QUALITY}
    try:
        image.save(buffer, image_format.upper(), **options)
    except (OSError, ValueError) as problem:  # more pixels in a row than the format has
        raise ImageError(f"The image can't be written as {image_format}: {problem}.") from None
    return buffer.getvalue()
