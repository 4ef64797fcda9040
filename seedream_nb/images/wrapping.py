"""Breaks text into lines, in any script, whatever draws them. Pure functions."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_WIDE = 0x2E80  # the begin of the CJK blocks, where lines may break anywhere
SEAMS = "/-_.,;:&?="  # after which a word is split, if it must be
LONGEST_PIECE = 1000  # characters; a word that is longer cannot fit on a line anyway

# What must not begin or end a line of Chinese or Japanese.
_CLOSING = frozenset("、。〉》」』】〕〗〙〛！），．：；？］｝…·")  # noqa: RUF001  Chinese has signs of its own
_OPENING = frozenset("〈《「『【〔〖〘〚（［｛")  # noqa: RUF001  as above


def split_pieces(text: str) -> list[str]:
    """Splits a text into pieces that stay whole, each with the space before it: words, and wide characters.

    Example:
        >>> split_pieces("a white cat")
        ['a', ' white', ' cat']
    """
    pieces: list[str] = []
    for word in text.split(" "):
        if word:
            first, *rest = _split_word(word)
            pieces += [f" {first}" if pieces else first, *rest]
    return pieces


def wrap_text(text: str, width: float, most: int, measure: Callable[[str], float]) -> list[str]:
    """Breaks a text into lines between words and beside wide characters; only a word without room on a line is split.

    Args:
        text: The text. Line breaks and tabs count as spaces; at a no-break space no line ends.
        width: The width of a line.
        most: The most lines; a text that is cut ends with an ellipsis.
        measure: The width of a text.

    Returns:
        The lines.
    """
    lines: list[str] = []
    line = ""
    for piece in split_pieces(re.sub(r"[^\S\xa0]+", " ", text)):
        if measure(f"{line}{piece}" if line else piece.lstrip()) <= width:
            line = f"{line}{piece}" if line else piece.lstrip()
            continue
        if line:
            lines.append(line)
        line = piece.lstrip()
        while len(lines) <= most and measure(line) > width and len(line) > 1:
            end = _fitting(line, width, measure)
            lines.append(line[:end])
            line = line[end:]
        if len(lines) > most:
            break
    if line:
        lines.append(line)
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], _shorten(lines[most - 1], width, measure)] if most else []


def _split_word(word: str) -> list[str]:
    if word.isascii():  # faster than to look at each character
        return [word[:LONGEST_PIECE]]
    parts: list[str] = []
    for character in word[:LONGEST_PIECE]:
        before = parts[-1][-1] if parts else ""
        is_break = before and (ord(character) >= FIRST_WIDE or ord(before) >= FIRST_WIDE)
        if is_break and before not in _OPENING and character not in _CLOSING and not _is_attached(character):
            parts.append(character)
        elif parts:
            parts[-1] += character
        else:
            parts.append(character)
    return parts


def _is_attached(character: str) -> bool:
    """Whether a character belongs to the one before it, such as an accent or a joiner."""
    return unicodedata.category(character) in {"Mn", "Mc", "Me", "Cf"}


def _fitting(word: str, width: float, measure: Callable[[str], float]) -> int:
    """How many characters of a word fit on a line, at least one; rather after a slash than within a part of a path."""
    end = max(1, bisect_right(range(1, len(word)), width, key=lambda count: measure(word[:count])))
    while end < len(word) and _is_attached(word[end]):
        end += 1
    seam = max(word.rfind(sign, 0, end) for sign in SEAMS) + 1
    return seam if seam > end / 2 else end


def _shorten(line: str, width: float, measure: Callable[[str], float]) -> str:
    """A line with an ellipsis in place of what follows: whole words, as far as there are any."""
    pieces = split_pieces(line)
    while len(pieces) > 1 and measure(f"{''.join(pieces)}…") > width:
        pieces.pop()
    text = "".join(pieces).rstrip()
    while len(text) > 1 and measure(f"{text}…") > width:
        text = text[:-1].rstrip()
    return f"{text}…"
