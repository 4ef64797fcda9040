"""Stores provenance in EXIF and XMP of a JPEG file, in segments before the image data, which is not changed.

A file is a sequence of segments, each with its length (ITU-T T.81, annex B); EXIF and XMP are APP1 segments. The
provenance is JSON in the EXIF user comment, under a key of its own, so that other JSON there is kept.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import partial

from seedream_nb.images import exif
from seedream_nb.images.exif import Exif
from seedream_nb.images.provenance import KEY, Provenance, fit_prompt, read_json
from seedream_nb.images.xmp import add_to_xmp

START = b"\xff\xd8"
_APP0, _APP1, _APP11, _SCAN = 0xE0, 0xE1, 0xEB, 0xDA
_WITHOUT_LENGTH = frozenset({0x00, 0x01, *range(0xD0, 0xDA)})
_MAX_CONTENT = 0xFFFF - 2  # bytes of a segment: its length has 16 bits, and includes itself
_MARK = re.compile(rb"\xff+[^\xff]", re.DOTALL)
_MAX_SEGMENTS = 5000  # real files have fewer than 300; more are an attack on memory

_EXIF_HEAD = b"Exif\0\0"
_XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"


@dataclass(frozen=True)
class _Segment:
    kind: int
    content: bytes
    whole: bytes

    def has_head(self, *heads: bytes) -> bool:
        return self.kind == _APP1 and self.content.startswith(heads)

    @property
    def is_signature(self) -> bool:
        return self.kind == _APP11 and self.content.startswith(b"JP") and b"c2pa" in self.content


def write_to_jpeg(content: bytes, provenance: Provenance) -> bytes:
    """Stores provenance in a JPEG file.

    Args:
        content: The file.
        provenance: The provenance; its prompt is shortened if needed.

    Returns:
        The file, with additions to its own EXIF and XMP. What cannot be extended stays unchanged: EXIF that is invalid
        or split, and a file that is signed (C2PA), because any change would break the signature.
    """
    segments, image = _split(content)
    if any(segment.is_signature for segment in segments):
        return content
    for head, add in ((_EXIF_HEAD, _add_to_exif), (_XMP_HEAD, add_to_xmp)):
        places = [place for place, segment in enumerate(segments) if segment.has_head(head)]
        old = segments[places[0]].content[len(head) :] if places else None
        new = (
            fit_prompt(partial(add, old), provenance, _MAX_CONTENT - len(head))
            if segments and len(places) <= 1
            else None
        )
        if new is not None and new != old:
            place = places[0] if places else _place_behind_heads(segments)
            segments[place : place + len(places)] = [_new_segment(head + new)]
    return b"".join([content[: len(START)], *(segment.whole for segment in segments), image])


def read_from_jpeg(content: bytes) -> Provenance | None:
    """Reads the provenance of a JPEG file; None when it has none."""
    for segment in _split(content)[0]:
        if segment.has_head(_EXIF_HEAD):
            try:
                fields = read_json(Exif(segment.content[len(_EXIF_HEAD) :]).read_comment())
            except ValueError:
                return None
            return Provenance.from_fields(fields[KEY]) if KEY in fields else None
    return None


def bare_jpeg(content: bytes) -> bytes:
    """A JPEG file without EXIF and XMP, to compare images regardless of metadata."""
    segments, image = _split(content)
    return b"".join([*(one.whole for one in segments if not one.has_head(_EXIF_HEAD, _XMP_HEAD)), image])


def _add_to_exif(tiff: bytes | None, provenance: Provenance) -> bytes | None:
    tiff = exif.EMPTY if tiff is None else tiff
    try:
        earlier = Exif(tiff)
        comment = earlier.read_comment()
    except ValueError:
        return None
    # Existing comments are kept, JSON as JSON, such as the label that some laws require for generated images.
    fields = read_json(comment) or ({"comment": comment} if comment else {})
    if fields.get(KEY) == provenance.to_fields():
        return tiff
    date = provenance.created_at[:19].replace("-", ":").replace("T", " ")
    return earlier.with_fields(
        {exif.IMAGE_DESCRIPTION: provenance.prompt, exif.SOFTWARE: provenance.model},
        {
            exif.EXIF_VERSION: b"0232",
            exif.DATE_TIME_ORIGINAL: date,
            exif.OFFSET_TIME_ORIGINAL: "+00:00" if date else "",
        },
        json.dumps({**fields, KEY: provenance.to_fields()}),
    )


def _place_behind_heads(segments: list[_Segment]) -> int:
    """The place of a new segment: behind JFIF and EXIF, which must come first."""
    others = (place for place, one in enumerate(segments) if one.kind != _APP0 and not one.has_head(_EXIF_HEAD))
    return next(others, len(segments))


def _new_segment(content: bytes) -> _Segment:
    return _Segment(_APP1, content, bytes((0xFF, _APP1)) + (len(content) + 2).to_bytes(2, "big") + content)


def _split(content: bytes) -> tuple[list[_Segment], bytes]:
    """The segments before the image data, and the rest; no segments when they are invalid."""
    segments: list[_Segment] = []
    place = len(START)
    while len(segments) < _MAX_SEGMENTS and (mark := _MARK.match(content, place)):
        start, place = place, mark.end()
        kind = content[place - 1]
        length = int.from_bytes(content[place : place + 2], "big")
        if kind == _SCAN:
            return segments, content[start:]
        if kind in _WITHOUT_LENGTH or length < 2 or place + length > len(content):  # noqa: PLR2004  its own two bytes
            break
        segments.append(_Segment(kind, content[place + 2 : place + length], content[start : place + length]))
        place += length
    return [], content[len(START) :]
