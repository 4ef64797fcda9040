"""Adds fields to the EXIF of an image without changing what is there.

EXIF is a small TIFF file: directories of fields that refer to their values by offset (EXIF 2.32, section 4.6). New
values and directories are appended, so that everything else keeps its offset: maker notes, the embedded preview, fields
of unknown types. Pillow's `Image.Exif` would rewrite everything, without the preview and with types of its own choice,
and its warnings about damaged fields cannot be silenced in threads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

IMAGE_DESCRIPTION = 0x010E
SOFTWARE = 0x0131
DETAILS = 0x8769  # the offset of the second directory, the Exif IFD
EXIF_VERSION = 0x9000
DATE_TIME_ORIGINAL = 0x9003
OFFSET_TIME_ORIGINAL = 0x9011
USER_COMMENT = 0x9286

EMPTY = b"MM\0*\0\0\0\x08" + bytes(6)  # a directory without fields, and none after it

_ASCII, _LONG, _UNDEFINED = 2, 4, 7  # types of fields
_ENTRY = 12  # bytes: tag, type, count, and the value itself or its offset
_IN_PLACE = 4  # bytes of a value that needs no offset
_CODE = 8  # bytes that name the encoding of the comment

Fields = dict[int, bytes]  # the 12 bytes of each field by its tag


@dataclass(frozen=True)
class _Directory:
    fields: Fields
    following: int  # the offset of the next directory


class Exif:
    """The EXIF of an image.

    Args:
        tiff: The bytes, without the `Exif` head of a JPEG segment.

    Raises:
        ValueError: The bytes are not valid EXIF.
    """

    def __init__(self, tiff: bytes) -> None:
        orders: dict[bytes, Literal["little", "big"]] = {b"II*\0": "little", b"MM\0*": "big"}
        if tiff[:4] not in orders:
            raise ValueError("not EXIF")
        self._tiff = tiff
        self._order = orders[tiff[:4]]
        self._main = self._read_directory(self._number(4, 4))
        pointer = self._main.fields.get(DETAILS)
        self._details = self._read_directory(self._to_number(pointer[8:])) if pointer else _Directory({}, 0)

    def read_comment(self) -> str:
        """The user comment, empty when there is none.

        Raises:
            ValueError: Its encoding is unknown.
        """
        field = self._details.fields.get(USER_COMMENT)
        if field is None:
            return ""
        size = self._to_number(field[4:8])
        value = field[8 : 8 + size] if size <= _IN_PLACE else self._bytes(self._to_number(field[8:]), size)
        code, text = value[:_CODE], value[_CODE:]
        if code == b"UNICODE\0":
            encoding = "utf-16-le" if self._order == "little" else "utf-16-be"
        elif code in {b"ASCII\0\0\0", bytes(_CODE)}:
            encoding = "utf-8"
        else:
            encoding = "ascii"
            text = value
        return text.decode(encoding).strip("\0 \ufeff")

    def with_fields(self, main: Mapping[int, str | bytes], details: Mapping[int, str | bytes], comment: str) -> bytes:
        """Adds fields.

        Args:
            main: Values for the main directory by tag: text, or bytes of undefined type. Existing tags keep their
                values; empty values are skipped.
            details: The same for the second directory.
            comment: Replaces the user comment; only ASCII.

        Returns:
            The new bytes.
        """
        grown = bytearray(self._tiff)
        inner = self._with_added(grown, self._details, details)
        inner[USER_COMMENT] = self._append(grown, USER_COMMENT, b"ASCII\0\0\0" + comment.encode("ascii"))
        place = self._append_directory(grown, inner, self._details.following)
        outer = self._with_added(grown, self._main, main)
        outer[DETAILS] = self._encode_head(DETAILS, _LONG, 1) + self._encode(place, 4)
        grown[4:8] = self._encode(self._append_directory(grown, outer, self._main.following), 4)
        return bytes(grown)

    def _read_directory(self, place: int) -> _Directory:
        count = self._number(place, 2)
        entries = self._bytes(place + 2, count * _ENTRY)
        fields = (entries[start : start + _ENTRY] for start in range(0, len(entries), _ENTRY))
        following = self._number(place + 2 + len(entries), 4)
        return _Directory({self._to_number(field[:2]): field for field in fields}, following)

    def _with_added(self, grown: bytearray, directory: _Directory, values: Mapping[int, str | bytes]) -> Fields:
        new = {tag: value for tag, value in values.items() if value and tag not in directory.fields}
        return {**directory.fields, **{tag: self._append(grown, tag, value) for tag, value in new.items()}}

    def _append(self, grown: bytearray, tag: int, value: str | bytes) -> bytes:
        """Appends a value; returns the field that refers to it."""
        content = value.encode() + b"\0" if isinstance(value, str) else value
        head = self._encode_head(tag, _ASCII if isinstance(value, str) else _UNDEFINED, len(content))
        if len(content) <= _IN_PLACE:
            return head + content.ljust(_IN_PLACE, b"\0")
        place = _next_place(grown)
        grown += content
        return head + self._encode(place, 4)

    def _append_directory(self, grown: bytearray, fields: Fields, following: int) -> int:
        """Appends a directory, its fields in the order of their tags; returns its offset."""
        place = _next_place(grown)
        grown += self._encode(len(fields), 2)
        for tag in sorted(fields):
            grown += fields[tag]
        grown += self._encode(following, 4)
        return place

    def _encode_head(self, tag: int, kind: int, count: int) -> bytes:
        return self._encode(tag, 2) + self._encode(kind, 2) + self._encode(count, 4)

    def _encode(self, number: int, size: int) -> bytes:
        return number.to_bytes(size, self._order)

    def _to_number(self, content: bytes) -> int:
        return int.from_bytes(content, self._order)

    def _number(self, place: int, size: int) -> int:
        return self._to_number(self._bytes(place, size))

    def _bytes(self, place: int, size: int) -> bytes:
        if place + size > len(self._tiff):
            raise ValueError("the EXIF breaks off")
        return self._tiff[place : place + size]


def _next_place(grown: bytearray) -> int:
    """Where the next value goes: at an even place, as TIFF asks."""
    grown += bytes(len(grown) % 2)
    return len(grown)
