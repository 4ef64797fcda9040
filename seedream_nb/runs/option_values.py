"""The options of a run's requests, as people and tables write their values."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

OPTIONS = (
    "model",
    "size",
    "max_images",
    "output_format",
    "watermark",
    "web_search",
    "optimize_prompt",
    "background",
    "layers",
    "seed",
    "guidance_scale",
)
"""The options that a column of the same name stands for, in the order of descriptions."""

CONSTANTS = ("response_format", "callback_url", "extra")
"""The options that only an argument sets."""

_WHOLE = re.compile(r"[+-]?[0-9]{1,19}(?:\.0{0,9})?")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,19}(?:\.[0-9]{0,19})?|\.[0-9]{1,19})(?:[eE][+-]?[0-9]{1,3})?")
_LARGEST_EXACT = 2**53  # a larger whole number may have been rounded when it became a float
_SWITCHES = {
    **dict.fromkeys(("true", "t", "yes", "y", "on", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "off", "0"), False),
}
_SHOWN = 40  # characters of a value in a message
# What the other arguments or the way of sending decide.
_RESERVED = frozenset({"prompt", "image", "async", "stream", "response_format"})


@dataclass(frozen=True)
class Column:
    """A column of the table, in place of a value that all rows share."""

    name: str


class ValueProblem(Exception):  # noqa: N818  it is caught and becomes part of a UsageError
    """What is wrong with a value, as part of a sentence."""

    @property
    def sentence(self) -> str:
        """The same as a sentence of its own."""
        text = str(self).removesuffix(".")
        is_name = text.partition(" ")[0] in {*OPTIONS, *CONSTANTS}
        return f"{text if is_name else text[:1].upper() + text[1:]}."


def read_option(name: str, value: object) -> object:
    """Reads the value of an option.

    Args:
        name: The option, of `OPTIONS` or `CONSTANTS`.
        value: A plain Python value, or text as in a CSV file.

    Returns:
        The value with the type that `GenerationOptions` expects; None if it is not given: missing or blank.

    Raises:
        ValueProblem: It is not such a value.

    Example:
        >>> read_option("seed", 7.0), read_option("watermark", "no"), read_option("size", " ")
        (7, False, None)
    """
    if isinstance(value, str):
        value = value.strip()
    if value is None or value == "":
        return None
    return _READERS.get(name, _read_word)(name, value)


def _read_whole(name: str, value: object) -> int:
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value.partition(".")[0])
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, float) and value.is_integer():
        if abs(value) < _LARGEST_EXACT:
            return int(value)
        raise ValueProblem(f"{name} {_show(value)} is too large to be exact in a column of fractions")
    raise ValueProblem(f"{name} must be a whole number, not {_show(value)}")


def _read_number(name: str, value: object) -> float:
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        value = float(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return value
    raise ValueProblem(f"{name} must be a number such as 7.5, not {_show(value)}")


def _read_switch(name: str, value: object) -> bool:
    if isinstance(value, bool):
        return value
    text = str(int(value)) if isinstance(value, (int, float)) and value in {0, 1} else str(value)
    if text.lower() not in _SWITCHES:
        raise ValueProblem(f"{name} must be true or false, not {_show(value)}")
    return _SWITCHES[text.lower()]


def _read_fields(name: str, value: object) -> dict[str, object]:
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            raise ValueProblem(f"{name} must be a JSON object, not {_show(value)}") from None
    if not isinstance(value, Mapping):
        raise ValueProblem(f"{name} must be a dict, not {_show(value)}")
    reserved = sorted(_RESERVED & value.keys())
    if reserved:
        raise ValueProblem(f"{name} can't set {reserved[0]}")
    return {str(key): one for key, one in value.items()}


def _read_name(name: str, value: object) -> str:
    # A column of 4.0 and 4.5 has become one of numbers.
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return str(value) if is_number else _read_text(name, value)


def _read_text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueProblem(f"{name} must be text, not {_show(value)}")
    return value


def _read_word(name: str, value: object) -> str:
    return _read_text(name, value).lower()


_READERS: dict[str, Callable[[str, object], object]] = {
    "model": _read_name,
    "size": _read_name,
    "max_images": _read_whole,
    "seed": _read_whole,
    "guidance_scale": _read_number,
    "watermark": _read_switch,
    "web_search": _read_switch,
    "layers": _read_switch,
    "callback_url": _read_text,
    "extra": _read_fields,
}


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
