"""Checks, decodes, and shrinks image files, which are foreign input."""

from __future__ import annotations

import io
import math
import struct
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import Image, UnidentifiedImageError, features

from seedream_nb.core.errors import ImageError
from seedream_nb.images.container import read_container

if TYPE_CHECKING:
    from collections.abc import Iterator

# What the service generates and browsers can show; fewer decoders are a smaller attack surface.
FORMATS = ("JPEG", "PNG", "WEBP")
MAX_PIXELS = 80_000_000  # the largest documented image has 17 million; a bomb has billions

# Indistinguishable from LANCZOS in a thumbnail, and twice as fast.
RESAMPLING = Image.Resampling.HAMMING
SHRUNK_KEPT = 256  # cached results: a gallery that fills is rendered every few seconds
JPEG_QUALITY = 80
WEBP_QUALITY = 80

_SIDEWAYS = frozenset({5, 6, 7, 8})  # the EXIF orientations that swap width and height
_TURNS = {  # what shows an image of an EXIF orientation upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class ImageFacts:
    """Facts about an image file, regardless of what its host claims.

    Attributes:
        mime: Such as `image/jpeg`.
        extension: The usual file name extension, without a dot.
        width: In pixels, as shown (after the EXIF orientation).
        height: In pixels, as shown.
    """

    mime: str
    extension: str
    width: int
    height: int


@dataclass(frozen=True)
class Thumbnail:
    """A small copy of an image, ready to be embedded.

    Attributes:
        data: The encoded bytes.
        mime: `image/jpeg`, or `image/webp` or `image/png` for an image with transparency.
        width: In pixels.
        height: In pixels.
        original: The facts about the original.
    """

    data: bytes
    mime: str
    width: int
    height: int
    original: ImageFacts

    @property
    def is_transparent(self) -> bool:
        """Whether it has transparent parts; opaque ones are JPEG."""
        return self.mime != "image/jpeg"


def read_facts(content: bytes) -> ImageFacts:
    """Checks that bytes are a complete image, by decoding them.

    Args:
        content: The bytes of an image file.

    Returns:
        The facts about the image.

    Raises:
        ImageError: The format is not supported, the file is damaged, or the image is too large to decode.
    """
    with _opened(content) as (image, orientation):
        facts = _facts(image, orientation)
        image.draft(None, (1, 1))
        image.load()
    return facts


def make_thumbnail(content: bytes, longest_side: int) -> Thumbnail:
    """Creates a thumbnail of an image.

    Args:
        content: The bytes of an image file.
        longest_side: The largest width and height in pixels; a smaller image keeps its size.

    Returns:
        The thumbnail: JPEG, or for an image with transparent parts WebP (PNG where Pillow lacks it). The same bytes
        give the same thumbnail.

    Raises:
        ImageError: The format is not supported, the file is damaged, or the image is too large to decode.
    """
    with _opened(content) as (image, orientation):
        facts = _facts(image, orientation)
        # Lets the JPEG decoder skip most of the work; other formats ignore it.
        image.draft("RGB", (longest_side, longest_side))
        small = _straightened(image, orientation)
        small.thumbnail((longest_side, longest_side), RESAMPLING, reducing_gap=2.0)
    return encode_thumbnail(small, facts)


def decode_image(content: bytes) -> Image.Image:
    """Decodes an image at full size, rotated as its EXIF orientation says.

    Args:
        content: The bytes of an image file.

    Returns:
        The image in mode `RGB`, or `RGBA` when it has transparency.

    Raises:
        ImageError: The format is not supported, the file is damaged, or the image is too large to decode.
    """
    with _opened(content) as (image, orientation):
        return _straightened(image, orientation)


def decode_within(content: bytes, max_side: int | None) -> Image.Image:
    """Decodes an image like `decode_image`, and shrinks it to at most so many pixels of width and height."""
    with _opened(content) as (image, orientation):
        if max_side is not None:
            # Twice the size is left to the better filter.
            image.draft("RGB", (2 * max_side, 2 * max_side))
        upright = _straightened(image, orientation)
        if max_side is not None:
            upright.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    return upright


@lru_cache(maxsize=SHRUNK_KEPT)
def shrink(thumbnail: Thumbnail, longest_side: int) -> Thumbnail:
    """Shrinks a thumbnail.

    Args:
        thumbnail: The thumbnail.
        longest_side: The largest width and height in pixels.

    Returns:
        The smaller thumbnail; the same one when it fits already.
    """
    if max(thumbnail.width, thumbnail.height) <= longest_side:
        return thumbnail
    with Image.open(io.BytesIO(thumbnail.data)) as image:
        image.thumbnail((longest_side, longest_side), RESAMPLING)
        return encode_thumbnail(image, thumbnail.original)


def encode_thumbnail(image: Image.Image, original: ImageFacts) -> Thumbnail:
    """Encodes a thumbnail in the smallest format that keeps its transparency.

    Args:
        image: The small image.
        original: The facts about the original.

    Returns:
        The thumbnail: JPEG when it is opaque, else WebP, or PNG where Pillow lacks WebP.
    """
    buffer = io.BytesIO()
    if image.mode != "RGBA" or image.getchannel("A").getextrema() == (255, 255):
        image.convert("RGB").save(buffer, "JPEG", quality=JPEG_QUALITY)
        mime = "image/jpeg"
    elif features.check("webp"):
        image.save(buffer, "WEBP", quality=WEBP_QUALITY)
        mime = "image/webp"
    else:
        image.save(buffer, "PNG", optimize=True)
        mime = "image/png"
    return Thumbnail(buffer.getvalue(), mime, image.width, image.height, original)


@contextmanager
def _opened(content: bytes) -> Iterator[tuple[Image.Image, int]]:
    """Opens an image with its orientation; converts what Pillow raises for foreign bytes to an `ImageError`.

    Pillow sees it without metadata, and only after its size was checked; it would warn of both.
    """
    try:
        container = read_container(content)
        if container is None:
            raise _not_an_image(content)
        if math.prod(container.size) > MAX_PIXELS:
            raise _too_many_pixels()
        with Image.open(io.BytesIO(container.content), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise _too_many_pixels()
            yield image, container.orientation
    except UnidentifiedImageError:
        raise _not_an_image(content) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_many_pixels() from None
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError, struct.error, zlib.error):
        # What Pillow's decoders raise for incomplete or inconsistent files.
        raise ImageError("The image is damaged: it is incomplete or cannot be decoded.") from None


def _not_an_image(content: bytes) -> ImageError:
    begin = content[:64].lstrip().lower()
    is_page = begin.startswith((b"<!doctype", b"<html", b"<?xml"))
    return ImageError(f"The file is {'a web page, not an image' if is_page else 'not a JPEG, PNG, or WebP image'}.")


def _too_many_pixels() -> ImageError:
    return ImageError(
        f"The image has more than {MAX_PIXELS // 1_000_000} million pixels, which is too large to decode."
    )


def _facts(image: Image.Image, orientation: int) -> ImageFacts:
    image_format = image.format or ""
    extension = {"JPEG": "jpg"}.get(image_format, image_format.lower())
    width, height = (image.height, image.width) if orientation in _SIDEWAYS else image.size
    return ImageFacts(Image.MIME.get(image_format, "application/octet-stream"), extension, width, height)


def _straightened(image: Image.Image, orientation: int) -> Image.Image:
    turn = _TURNS.get(orientation)
    upright = image.copy() if turn is None else image.transpose(turn)
    upright.info.pop("exif", None)
    if upright.mode.startswith("I"):
        # 16-bit gray, which convert() would clip at 255 instead of scaling.
        upright = upright.point(lambda value: value / 256).convert("L")
    return upright.convert("RGBA" if upright.has_transparency_data else "RGB")
