"""Reads values of foreign JSON, which may hold anything anywhere, as the type they should have or as nothing."""

from __future__ import annotations

import math
from datetime import datetime, timezone

JsonObject = dict[str, object]

LARGEST_INTEGER = 2**63  # a larger number fits no date, no seed and no float arithmetic

# Foreign text must not control a terminal; tabs and line ends stay.
_CONTROL_CHARACTERS = dict.fromkeys({*range(0x20), *range(0x7F, 0xA0)} - {ord("\t"), ord("\n")}, " ")


def read_mapping(value: object) -> JsonObject:
    """An object, or an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def read_text(value: object) -> str:
    """Text that any output can show; a number becomes text, anything else an empty one."""
    if isinstance(value, str):
        if value.isprintable():  # nearly all is, and needs none of what follows
            return value
        # JSON can express half of a surrogate pair, which no output encoding can.
        return value.encode("utf-8", "replace").decode("utf-8").translate(_CONTROL_CHARACTERS)
    return str(value) if isinstance(value, float) or read_integer(value) is not None else ""


def read_number(value: object) -> float | None:
    """A finite number, or None for anything else."""
    number = value if isinstance(value, float) else read_integer(value)
    if number is None or not math.isfinite(number):
        return None
    return float(number)


def read_integer(value: object) -> int | None:
    """A whole number of a reasonable size, or None for anything else, true and false included."""
    fits = isinstance(value, int) and not isinstance(value, bool) and abs(value) < LARGEST_INTEGER
    return value if fits and isinstance(value, int) else None


def read_moment(value: object) -> datetime | None:
    """Unix seconds as a datetime; None if missing or out of range."""
    seconds = read_number(value)
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (ValueError, OverflowError, OSError):
        return None
