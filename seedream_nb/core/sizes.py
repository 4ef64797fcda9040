"""File sizes as people write and read them."""

from __future__ import annotations

import re

from seedream_nb.core.errors import UsageError

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
