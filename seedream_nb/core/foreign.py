"""Reads what comes from outside (JSON values, texts, addresses): it may hold anything, and must not do harm."""

from __future__ import annotations

import ipaddress
import math
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

JsonObject = dict[str, object]

LARGEST_INTEGER = 2**63  # a larger number fits no date, no seed and no float arithmetic

# A control character steers a terminal; tabs and line ends stay.
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


def finite(value: Mapping[str, object]) -> JsonObject:
    """A copy of decoded JSON with None for NaN and infinities, which Python reads and JSON does not have."""
    copy: JsonObject = dict(value)
    rest: list[Any] = [copy]  # objects and lists
    while rest:  # answers may be nested deeper than functions can call themselves
        holder = rest.pop()
        for key, inner in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
            new: object = inner
            if isinstance(inner, float) and not math.isfinite(inner):
                new = None
            elif isinstance(inner, (dict, list)):
                new = inner.copy()
                rest.append(new)
            holder[key] = new
    return copy


# On every HTML element that holds foreign text: "$5 or $10" is no formula, and a formula can hold a link. The classes
# of MathJax 3 and 4 (JupyterLab), and of MathJax 2 (notebooks converted to HTML).
VERBATIM = ("mathjax_ignore", "tex2jax_ignore")
VERBATIM_CLASSES = " ".join(VERBATIM)

MAX_PROMPT = 2000  # characters of a prompt that are shown
MAX_LINE = 500  # characters of anything else, such as an error message

# A lone surrogate cannot be encoded, and a bidirectional override in one text reorders the texts after it.
_UNFIT: dict[int, str] = {
    **_CONTROL_CHARACTERS,
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), ""),
    **dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}"),
}


def show_prompt(prompt: str) -> str:
    """Cleans a prompt, keeps its lines, and cuts it after `MAX_PROMPT` characters; the rest is counted."""
    shown = clean_prompt(prompt)
    if len(shown) <= MAX_PROMPT:
        return shown
    return f"{shown[:MAX_PROMPT].rstrip()}… ({len(shown) - MAX_PROMPT:,} more characters in task.prompt)"


def clean_prompt(prompt: str) -> str:
    """Cleans a full prompt to be shown or copied."""
    return clean_text(prompt).strip()


def show_line(text: str, length: int = MAX_LINE) -> str:
    r"""Cleans a short text, such as an id or a message, to one line of limited length.

    Args:
        text: The text.
        length: The most characters of the line.

    Example:
        >>> show_line("two\n  lines")
        'two lines'
    """
    line = " ".join(clean_text(text).split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def clean_text(text: str) -> str:
    """Removes what would act on the texts around it: the one function that every foreign text passes to be shown."""
    return text if text.isprintable() and text.isascii() else text.translate(_UNFIT)


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine, so that no other reader and no proxy can reach it.

    Args:
        url: An absolute URL.

    Returns:
        True for `localhost`, 127.0.0.0/8, `[::1]` and unspecified addresses.
    """
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
