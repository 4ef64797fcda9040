"""Stores provenance in text chunks of a PNG file, before the image data, which is not changed.

A file is a sequence of chunks, each with a length and a checksum; a text has a keyword, some of which are registered
(PNG specification, sections 5.3 and 11.3.3). The provenance is JSON under a keyword of its own.
"""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass

from seedream_nb.images.provenance import KEY, MAX_JSON, Provenance, read_json
from seedream_nb.images.xmp import add_to_xmp

START = b"\x89PNG\r\n\x1a\n"
_TEXTS = frozenset({b"tEXt", b"zTXt", b"iTXt"})
_IMAGE, _END, _SIGNATURE, _TEXT = b"IDAT", b"IEND", b"caBX", b"iTXt"
_AROUND = 12  # bytes of a chunk besides its content: length, type, checksum
_MAX_KEYWORD = 79
_MAX_CHUNKS = 100_000  # real files have a few thousand; more are an attack on memory
_XMP = b"XML:com.adobe.xmp"
_OWN = KEY.encode()


@dataclass(frozen=True)
class _Chunk:
    kind: bytes
    content: memoryview
    whole: memoryview

    @property
    def keyword(self) -> bytes:
        """The keyword of a text, empty for other chunks."""
        return bytes(self.content[: _MAX_KEYWORD + 1]).partition(b"\0")[0] if self.kind in _TEXTS else b""

    @property
    def text(self) -> bytes | None:
        """The text of an iTXt chunk; None when it is damaged, or compressed, which could be a bomb."""
        _, _, rest = bytes(self.content).partition(b"\0")
        parts = rest[2:].split(b"\0", 2)
        return parts[2] if self.kind == _TEXT and rest.startswith(b"\0") and len(parts) == 3 else None  # noqa: PLR2004  language, translated keyword, text


def write_to_png(content: bytes, provenance: Provenance) -> bytes:
    """Stores provenance in a PNG file.

    Args:
        content: The file.
        provenance: The provenance.

    Returns:
        The file, with its texts kept and its XMP extended. A file that is signed (C2PA) stays unchanged, because any
        change would break the signature.
    """
    chunks, rest = _split(content)
    first = next((place for place, chunk in enumerate(chunks) if chunk.kind == _IMAGE), None)
    if first is None or any(chunk.kind == _SIGNATURE for chunk in chunks):
        return content
    texts = {b"Description": provenance.prompt, b"Software": provenance.model, b"Creation Time": provenance.created_at}
    own = json.dumps(provenance.to_fields(), ensure_ascii=False)
    there = {chunk.keyword for chunk in chunks}
    added = [_new_text(key, text.encode()) for key, text in texts.items() if text and key not in there]
    replaced = {_OWN}
    # A lone half of a surrogate pair becomes a JSON escape.
    added.append(_new_text(_OWN, own.encode("utf-8", "backslashreplace")))
    packets = [chunk.text for chunk in chunks if chunk.keyword == _XMP]
    packet = packets[0] if packets else None
    if not packets or (len(packets) == 1 and packet is not None):
        replaced.add(_XMP)
        added.append(_new_text(_XMP, add_to_xmp(packet, provenance)))
    before, after = (
        [chunk.whole for chunk in part if chunk.keyword not in replaced] for part in (chunks[:first], chunks[first:])
    )
    return b"".join([START, *before, *added, *after, rest])


def read_from_png(content: bytes) -> Provenance | None:
    """Reads the provenance of a PNG file; None when it has none."""
    for chunk in _split(content)[0]:
        if chunk.keyword == _OWN and len(chunk.content) <= 4 * MAX_JSON:
            fields = read_json((chunk.text or b"").decode("utf-8", "replace"))
            return Provenance.from_fields(fields) if fields else None
    return None


def bare_png(content: bytes) -> bytes:
    """A PNG file without iTXt chunks, to compare images regardless of metadata."""
    chunks, rest = _split(content)
    return b"".join([*(chunk.whole for chunk in chunks if chunk.kind != _TEXT), rest])


def _new_text(keyword: bytes, text: bytes) -> bytes:
    # After the keyword: no compression, no language, no translated keyword.
    body = _TEXT + keyword + bytes(5) + text
    return (len(body) - len(_TEXT)).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def _split(content: bytes) -> tuple[list[_Chunk], bytes]:
    """The chunks, and what follows the last complete one."""
    view = memoryview(content)
    chunks: list[_Chunk] = []
    place = len(START)
    while len(chunks) < _MAX_CHUNKS and not (chunks and chunks[-1].kind == _END):
        end = place + _AROUND + int.from_bytes(view[place : place + 4], "big")
        if place + _AROUND > len(content) or end > len(content):
            break
        chunks.append(_Chunk(bytes(view[place + 4 : place + 8]), view[place + 8 : end - 4], view[place:end]))
        place = end
    return chunks, content[place:]
