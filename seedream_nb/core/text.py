"""Text as people type and read it: counts, sizes, and times."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from seedream_nb.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


def count_of(number: int, noun: str) -> str:
    """A number with its noun, whose plural ends in `s`.

    Example:
        >>> count_of(2000, "image")
        '2,000 images'
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def name_numbers(numbers: Iterable[int]) -> str:
    """Ascending numbers as a list of ranges.

    Example:
        >>> name_numbers([3, 4, 5, 9])
        '3-5, 9'
    """
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)


def count_part(some: int, total: int) -> str:
    """Some of all tasks.

    Example:
        >>> count_part(2, 3), count_part(1, 1)
        ('2 of 3 tasks', '1 task')
    """
    return f"{some:,} of {total:,} tasks" if total > 1 else count_of(some, "task")


def escape_variables(text: str) -> str:
    """Doubles the braces and dollar signs that mark a variable on a `%seedream` line or in a cell's body.

    Example:
        >>> escape_variables("{a} costs $5 or $b")
        '{{a}} costs $5 or $$b'
    """
    # A dollar sign is special before a name, and two of them before a letter or a digit.
    return re.sub(r"\$(?=[^\W\d])|(?<=\$)\$(?=\d)", "$$", text.replace("{", "{{").replace("}", "}}"))


_UNITS = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([kmgt]?b?)", re.IGNORECASE)


def format_size(size: int) -> str:
    """Formats a number of bytes.

    Example:
        >>> format_size(3_456_000)
        '3.5 MB'
    """
    # What would be rounded to 1000 of a unit is 1 of the next.
    unit, factor = next(
        ((unit, factor) for unit, factor in reversed(_UNITS.items()) if size >= 0.99995 * factor), ("b", 1)
    )
    if unit == "b":
        return f"{size} byte{'' if size == 1 else 's'}"
    return f"{size / factor:.1f}".removesuffix(".0") + f" {unit.upper()}"


def parse_size(text: str) -> int:
    """Parses a file size.

    Args:
        text: A size such as `500 MB`, `5GB`, `1.5 gb`; a bare number is in bytes.

    Returns:
        The number of bytes.

    Raises:
        UsageError: It is not a size.

    Example:
        >>> parse_size("1.5 GB")
        1500000000
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{text!r} is not a valid size.", hint="Write it like 500MB or 5GB.")
    unit = match[2].lower() or "b"
    return int(float(match[1]) * _UNITS[unit if unit.endswith("b") else f"{unit}b"])


_AGO = re.compile(r"(\d{1,6})([mhdw])")
_TIME_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_DAYS_BACK = {"today": 0, "yesterday": 1}


def read_since(text: str, now: datetime) -> datetime:
    """Parses a time in the past.

    Args:
        text: A time ago (`30m`, `2h`, `3d`, `1w`), `today`, `yesterday`, a date, or a date and time (ISO 8601).
        now: The current time, with the time zone to use where the text has none.

    Returns:
        The time, with a time zone.

    Raises:
        UsageError: It is none of these.

    Example:
        >>> from datetime import timezone
        >>> read_since("2h", datetime(2026, 11, 22, 12, tzinfo=timezone.utc)).isoformat()
        '2026-11-22T10:00:00+00:00'
    """
    word = text.strip().lower()
    try:
        if ago := _AGO.fullmatch(word):
            return now - timedelta(**{_TIME_UNITS[ago[2]]: int(ago[1])})
        if word in _DAYS_BACK:
            return now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=_DAYS_BACK[word])
        # Python 3.10 does not parse the Z of ISO 8601.
        moment = datetime.fromisoformat(re.sub(r"z$", "+00:00", word))
        return moment if moment.tzinfo else moment.replace(tzinfo=now.tzinfo)
    except (ValueError, OverflowError):
        raise UsageError(
            f"Can't read {text!r} as a time.",
            hint="Write 30m, 2h, 3d, 1w, today, yesterday, or a date such as 2026-11-20.",
        ) from None
