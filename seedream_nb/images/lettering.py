"""Draws text in any script, although no single font has all characters.

Pillow draws a text in one font, with empty boxes for missing characters. Here a text is split into runs, each in the
first font that has its characters: Pillow's built-in one, or an installed system font.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import ImageFont

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.ImageDraw import ImageDraw

    Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

# Files that Pillow finds by name in the system's font directories, and the index of the font in the file.
SYSTEM_FONTS = (
    ("DejaVuSans.ttf", 0),
    ("NotoSans-Regular.ttf", 0),
    ("LiberationSans-Regular.ttf", 0),
    ("NotoSansCJK-Regular.ttc", 2),  # simplified Chinese; it includes the other languages
    ("NotoSansSC-Regular.otf", 0),
    ("wqy-microhei.ttc", 0),
    ("wqy-zenhei.ttc", 0),
    ("DroidSansFallbackFull.ttf", 0),
    ("NotoSansArabic-Regular.ttf", 0),
    ("NotoSansHebrew-Regular.ttf", 0),
    ("NotoSansDevanagari-Regular.ttf", 0),
    ("NotoSansThai-Regular.ttf", 0),
    ("NotoEmoji-Regular.ttf", 0),
    # macOS
    ("Arial Unicode.ttf", 0),
    ("Hiragino Sans GB.ttc", 0),
    ("AppleSDGothicNeo.ttc", 0),
    # Windows
    ("segoeui.ttf", 0),
    ("msyh.ttc", 0),
    ("malgun.ttf", 0),
    ("Nirmala.ttf", 0),
    ("LeelawUI.ttf", 0),
    ("seguiemj.ttf", 0),
)
SUBSTITUTES = "\N{WHITE SQUARE}?"
FIRST_WIDE = 0x2E80  # the begin of the CJK blocks, where lines may break anywhere

_NO_CHARACTER = "\uffff"  # drawn like every missing character


class Lettering:
    """Measures and draws text of any script at one size.

    Args:
        size: The height of the letters, in pixels.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.line_height = round(size * 1.35)
        self._fonts: list[Font] = [ImageFont.load_default(size), *_system_fonts(size)]
        self._missing = [_drawn(font, _NO_CHARACTER) for font in self._fonts]
        self._known: dict[str, int | None] = {}

    def width(self, text: str) -> float:
        """The width of a text, in pixels."""
        return sum(font.getlength(run) for font, run in self._runs(text))

    def draw(self, canvas: ImageDraw, place: tuple[int, int], text: str, color: str) -> None:
        """Draws one line of text.

        Args:
            canvas: The canvas.
            place: The left end and the top of the line.
            text: The text; a character that no font has becomes an empty square or a question mark.
            color: The color.
        """
        left, baseline = float(place[0]), place[1] + self.size
        for font, run in self._runs(text):
            canvas.text((left, baseline), run, fill=color, font=font, anchor="ls")
            left += font.getlength(run)

    def wrap(self, text: str, width: int, most: int) -> list[str]:
        """Breaks a text into lines.

        Args:
            text: The text; line breaks count as spaces.
            width: The width of a line, in pixels.
            most: The most lines; a text that is cut ends with an ellipsis.

        Returns:
            The lines.
        """
        lines: list[str] = []
        rest = " ".join(text.split())
        while rest and len(lines) < most:
            is_last = len(lines) == most - 1
            fitting = self._fitting(rest, width)
            if fitting == len(rest):
                return [*lines, rest]
            if is_last:
                fitting = self._fitting(rest, width - self.width("…"))
                return [*lines, f"{rest[:fitting].rstrip()}…"]
            end = _break_before(rest, fitting)
            lines.append(rest[:end].rstrip())
            rest = rest[end:].lstrip()
        return lines

    def _fitting(self, text: str, width: float) -> int:
        """The number of characters that fit, at least one."""
        # An upper bound: the narrowest letter is a fifth as wide as it is high.
        most = min(len(text), max(1, round(5 * width / self.size)))
        return max(1, bisect_right(range(1, most + 1), width, key=lambda end: self.width(text[:end])))

    def _runs(self, text: str) -> Iterator[tuple[Font, str]]:
        run, current = "", 0
        for character in text:
            drawn, font = self._place(character, current)
            if font != current and run:
                yield self._fonts[current], run
                run = ""
            current = font
            run += drawn
        if run:
            yield self._fonts[current], run

    def _place(self, character: str, current: int) -> tuple[str, int]:
        """What to draw for a character, and the index of the font."""
        if character.isspace():
            return " ", current
        if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
            # An accent or a joiner stays with the character before it, or is dropped.
            return (character if self._has(current, character) else ""), current
        font = self._find(character)
        if font is not None:
            return character, font
        for substitute in SUBSTITUTES:
            font = self._find(substitute)
            if font is not None:
                return substitute, font
        return "?", 0

    def _find(self, character: str) -> int | None:
        if character not in self._known:
            having = (number for number in range(len(self._fonts)) if self._has(number, character))
            self._known[character] = next(having, None)
        return self._known[character]

    def _has(self, font: int, character: str) -> bool:
        return _drawn(self._fonts[font], character) != self._missing[font]


@lru_cache(maxsize=8)
def lettering(size: int) -> Lettering:
    """The lettering of a size, cached because finding fonts takes a moment."""
    return Lettering(size)


def _system_fonts(size: int) -> Iterator[ImageFont.FreeTypeFont]:
    for name, number in SYSTEM_FONTS:
        # It may be missing, or have no outlines of this size.
        with suppress(OSError):
            yield ImageFont.truetype(name, size, index=number)


def _drawn(font: Font, character: str) -> tuple[object, ...]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)


def _break_before(text: str, fitting: int) -> int:
    """The end of a line with room for so many characters: between words, or beside a wide character."""
    if text[fitting] == " " or ord(text[fitting]) >= FIRST_WIDE or ord(text[fitting - 1]) >= FIRST_WIDE:
        return fitting
    for end in range(fitting - 1, 0, -1):
        if text[end] == " " or ord(text[end - 1]) >= FIRST_WIDE:
            return end
    return fitting
