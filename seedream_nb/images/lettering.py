"""Draws text in any script, although no single font has all characters.

Pillow draws a text in one font, with empty boxes for missing characters. Here a text is split into runs, each in the
first font that has its characters: Pillow's built-in one, or an installed system font.
"""

from __future__ import annotations

import unicodedata
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING

from PIL import ImageFont

from seedream_nb.images.system_fonts import find_font_files
from seedream_nb.images.wrapping import wrap_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.ImageDraw import ImageDraw

    Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

SUBSTITUTES = "\N{WHITE SQUARE}?"

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

    def draw(self, canvas: ImageDraw, place: tuple[int, int], text: str, color: str, *, stroke: int = 0) -> None:
        """Draws one line of text.

        Args:
            canvas: The canvas.
            place: The left end and the top of the line.
            text: The text; a character that no font has becomes an empty square or a question mark.
            color: The color.
            stroke: How many pixels bolder the letters are, on each side.
        """
        left, baseline = float(place[0]), place[1] + self.size
        for font, run in self._runs(text):
            canvas.text((left, baseline), run, fill=color, font=font, anchor="ls", stroke_width=stroke)
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
        return wrap_text(text, width, most, self.width)

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
    for path, number in find_font_files():
        # It may be gone by now.
        with suppress(OSError):
            yield ImageFont.truetype(path, size, index=number)


def _drawn(font: Font, character: str) -> tuple[object, ...]:
    mask = font.getmask(character)
    return mask.size, bytes(mask)
