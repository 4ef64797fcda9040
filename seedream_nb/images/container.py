"""Takes image files apart before Pillow sees them: size, orientation, and the parts that decoding needs.

Pillow reads all metadata of a file, in time and memory that grow faster than the file, and warns of what is damaged, a
thousand times over if need be. Such warnings cannot be silenced in threads. Nothing in metadata is needed here but the
orientation.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_SEGMENTS = 5_000  # before the image data of a JPEG file; real files have fewer than 300
MOST_CHUNKS = 100_000  # of a PNG file; real files have a few thousand
MOST_TABLES = 256 * 1024  # bytes of tables that a JPEG decoder needs; real files have fewer than 2 KB
MOST_PROFILE = 1024 * 1024  # bytes of a color profile; without it, colors are slightly off
MOST_SCANS = 100  # of a progressive JPEG file, each of which may change every pixel; real files have about ten

_JPEG, _PNG, _RIFF = b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"RIFF"
# Matches the last byte of any padding, so that it needs one pass; a zero marks a byte of data (ITU-T T.81, B.1.1).
_MARK = re.compile(rb"\xff[^\xff\x00]")
_APP1, _APP2, _SCAN = 0xE1, 0xE2, 0xDA
_METADATA = frozenset({*range(0xE1, 0xEE), 0xEF, 0xFE})  # not APP0 and APP14, which tell how colors are stored
_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xDA)})
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # segments with the size
_EXIF_HEAD = b"Exif\0\0"
_NEEDED_CHUNKS = frozenset({b"PLTE", b"tRNS", b"IDAT", b"IEND"})
_AROUND = 12  # bytes of a chunk besides its content
_ORIENTATION = 0x0112
_ENTRY = 12  # bytes of an EXIF field


@dataclass(frozen=True)
class Container:
    """An image file without metadata.

    Attributes:
        content: The file, with all that decoding needs.
        size: Width and height in pixels as stored, the largest that the file claims.
        orientation: As EXIF defines it, from 1 (upright) to 8.
    """

    content: bytes
    size: tuple[int, int]
    orientation: int


def read_container(content: bytes) -> Container | None:
    """Takes an image file apart.

    Args:
        content: The file.

    Returns:
        Its parts; None when it is not a JPEG, PNG, or WebP file.

    Raises:
        ValueError: The file is damaged, or has more metadata than any real one.
    """
    if content.startswith(_JPEG):
        return _read_jpeg(content)
    if content.startswith(_PNG):
        return _read_png(content)
    if content.startswith(_RIFF) and content[8:12] == b"WEBP":
        return _read_webp(content)
    return None


def _read_jpeg(content: bytes) -> Container:
    parts, sizes, exif = [content[:2]], [(0, 0)], b""
    tables, profile = 0, 0
    for kind, segment in _split_jpeg(content):
        if kind in _FRAMES:
            sizes.append((int.from_bytes(segment[7:9], "big"), int.from_bytes(segment[5:7], "big")))
        if kind == _APP1 and segment.startswith(_EXIF_HEAD, 4):
            exif = exif or segment[4:]
        elif kind == _APP2 and segment.startswith(b"ICC_PROFILE\0", 4):
            profile += len(segment)
            parts += [segment] if profile <= MOST_PROFILE else []
        elif kind not in _METADATA:
            tables += len(segment) if kind != _SCAN else 0
            parts.append(segment)
    if tables > MOST_TABLES or parts[-1].count(bytes((0xFF, _SCAN))) > MOST_SCANS:
        raise ValueError("the JPEG file has more tables or scans than any real one")
    return Container(b"".join(parts), max(sizes, key=math.prod), read_orientation(exif))


def _split_jpeg(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yields the kind and the bytes of each segment before the image data, and these with all that follows."""
    place = 2
    for _ in range(MOST_SEGMENTS):
        mark = _MARK.search(content, place)
        if mark is None:
            break
        start, place = mark.span()
        kind = content[start + 1]
        if kind == _SCAN:
            yield kind, content[start:]
            return
        if kind not in _WITHOUT_LENGTH:
            place += int.from_bytes(content[place : place + 2], "big")
            yield kind, content[start:place]
    raise ValueError("the JPEG file has no image data, or too much before it")


def _read_png(content: bytes) -> Container:
    view = memoryview(content)
    parts, size, exif, place = [view[: len(_PNG)]], (0, 0), b"", len(_PNG)
    for _ in range(MOST_CHUNKS):
        length, kind = int.from_bytes(view[place : place + 4], "big"), content[place + 4 : place + 8]
        chunk = view[place : place + _AROUND + length]
        place += _AROUND + length
        if kind == b"IHDR" and size == (0, 0):
            size = int.from_bytes(chunk[8:12], "big"), int.from_bytes(chunk[12:16], "big")
            parts.append(chunk)
        elif kind in _NEEDED_CHUNKS or (kind == b"iCCP" and length <= MOST_PROFILE):
            parts.append(chunk)
        elif kind == b"eXIf":
            exif = exif or bytes(chunk[8:-4])
        if kind == b"IEND" or place >= len(content):
            return Container(b"".join(parts), size, read_orientation(exif))
    raise ValueError("the PNG file has too many chunks")


def _read_webp(content: bytes) -> Container:
    """Only the size and the orientation; what Pillow does with the file does not depend on its metadata."""
    sizes, exif, place = [(0, 0)], b"", 12
    for _ in range(MOST_CHUNKS):
        kind, length = content[place : place + 4], _little(content, place + 4, 4)
        start = place + 8
        if kind == b"VP8X":
            sizes.append((_little(content, start + 4, 3) + 1, _little(content, start + 7, 3) + 1))
        elif kind == b"VP8 ":
            sizes.append((_little(content, start + 6, 2) & 0x3FFF, _little(content, start + 8, 2) & 0x3FFF))
        elif kind == b"VP8L":
            bits = _little(content, start + 1, 4)
            sizes.append(((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1))
        elif kind == b"EXIF":
            exif = exif or content[start : start + length]
        place = start + length + length % 2
        if place >= len(content):
            return Container(content, max(sizes, key=math.prod), read_orientation(exif))
    raise ValueError("the WebP file has too many chunks")


def _little(content: bytes, place: int, length: int) -> int:
    return int.from_bytes(content[place : place + length], "little")


def read_orientation(exif: bytes) -> int:
    """Reads the orientation from EXIF (EXIF 2.32, section 4.6); damaged EXIF has none.

    Args:
        exif: The bytes, with or without the `Exif` head.

    Returns:
        From 1 (upright, or unknown) to 8.
    """
    tiff = exif.removeprefix(_EXIF_HEAD)
    orders: dict[bytes, Literal["little", "big"]] = {b"II*\0": "little", b"MM\0*": "big"}
    order = orders.get(tiff[:4])
    if order is None:
        return 1
    start = int.from_bytes(tiff[4:8], order)
    count = int.from_bytes(tiff[start : start + 2], order)
    for place in range(start + 2, min(start + 2 + count * _ENTRY, len(tiff) - _ENTRY + 1), _ENTRY):
        if int.from_bytes(tiff[place : place + 2], order) == _ORIENTATION:
            value = int.from_bytes(tiff[place + 8 : place + 10], order)
            return value if 1 <= value <= 8 else 1  # noqa: PLR2004  see above
    return 1
