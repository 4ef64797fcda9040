"""Writes PDF pages with text in any script, and with images.

Text is real text, which can be searched and copied. Fonts are embedded, as far as their characters are used: Pillow's
own one where the system has none. HarfBuzz joins Arabic letters and places the marks of Thai and Hindi.
"""

from __future__ import annotations

import io
import unicodedata
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from fontTools.ttLib import TTFont
from fpdf import FPDF

from seedream_nb.images.system_fonts import find_font_files, read_own_font
from seedream_nb.images.wrapping import split_pieces, wrap_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from seedream_nb.images.thumbnails import Thumbnail

SUBSTITUTES = "\N{WHITE SQUARE}?"  # for what no font has
LEADING = 1.35  # times the size of the letters: the height of a line
_USUAL = {*range(0x20, 0x250), *range(0x2000, 0x2070)}  # Latin letters and punctuation, with all kinds of spaces
_MEASURED = 100.0  # points; widths are measured at this size

Color = tuple[int, int, int]
Box = tuple[float, float, float, float]  # left, top, width, height


class Paper:
    """The pages of a PDF. All lengths are in points, from the upper left corner.

    Args:
        size: Width and height of a page.
        texts: Everything that will be written, to find fonts for its characters.
        folder: A folder for temporary files, which must stay until the file is written.
        title: The title of the document.
        created_at: The date of the document; None for now.
    """

    def __init__(
        self,
        size: tuple[float, float],
        texts: Iterable[str],
        folder: Path,
        *,
        title: str,
        created_at: datetime | None = None,
    ) -> None:
        self._pdf = FPDF(unit="pt", format=size)
        self._pdf.set_auto_page_break(auto=False)
        self._pdf.set_margin(0)
        self._pdf.c_margin = 0
        self._pdf.set_title(title)
        self._pdf.set_producer("seedream_nb")
        if created_at is not None:
            self._pdf.set_creation_date(created_at)
        self._widths: dict[str, float] = {}
        self._characters: set[int] = set()
        self._add_fonts({ord(character) for text in texts for character in text}, folder)

    def add_page(self) -> None:
        """Begins a page."""
        self._pdf.add_page()

    def width(self, text: str, size: float) -> float:
        """The width of a line of text."""
        return sum(map(self._width, split_pieces(text))) * size / _MEASURED

    def wrap(self, text: str, width: float, most: int, size: float) -> list[str]:
        """Breaks a text into at most so many lines."""
        return wrap_text(text, width, most, lambda line: self.width(line, size))

    def write(self, place: tuple[float, float, float], line: str, size: float, color: Color) -> None:
        """Writes one line into a place (left, top, width): at the left, or at the right if its script begins there."""
        left, top, width = place
        self._pdf.set_font("font0", size=size)
        self._pdf.set_text_color(*color)
        self._pdf.set_xy(left, top)
        self._pdf.cell(w=width, h=size * LEADING, text=self._drawable(line), align="R" if runs_left(line) else "L")

    def fill(self, box: Box, color: Color) -> None:
        """Fills a rectangle."""
        self._pdf.set_fill_color(*color)
        self._pdf.rect(*box, style="F")

    def draw(self, box: Box, image: Thumbnail, alt: str) -> None:
        """Draws an image in the middle of a box, as large as fits."""
        left, top, width, height = box
        scale = min(width / image.width, height / image.height)
        wide, high = image.width * scale, image.height * scale
        corner = left + (width - wide) / 2, top + (height - high) / 2
        self._pdf.image(io.BytesIO(image.data), *corner, wide, high, alt_text=alt or None)

    def save(self, path: Path) -> None:
        """Writes the file."""
        self._pdf.output(str(path))

    def _add_fonts(self, wanted: set[int], folder: Path) -> None:
        """Adds the first font, and each further one that has wanted characters which those before it lack."""
        wanted |= {ord(character) for character in f"{SUBSTITUTES}…·"}
        count = 0
        for path, number in find_font_files():
            having = characters_of(path, number)
            if not count or wanted & having - self._characters:
                # fpdf2 reads all it is given, and takes the first for a space that a font lacks.
                used = {*having & (wanted | _USUAL), min(having)}
                self._pdf.add_font(f"font{count}", fname=path, collection_font_number=number, unicode_range=[*used])
                self._characters |= used
                count += 1
            if wanted <= self._characters:
                break
        if not count:
            own = folder / "font.ttf"
            own.write_bytes(read_own_font())
            self._pdf.add_font("font0", fname=own)
            self._characters = {*characters_of(str(own), 0)}
        self._pdf.set_fallback_fonts([f"font{number}" for number in range(1, count)], exact_match=False)
        self._pdf.set_text_shaping(use_shaping_engine=True)

    @cached_property
    def _substitute(self) -> str:
        return next((character for character in SUBSTITUTES if ord(character) in self._characters), "?")

    def _drawable(self, text: str) -> str:
        """A text with a visible substitute for each character that no font has."""
        return "".join(map(self._place, text))

    def _place(self, character: str) -> str:
        if ord(character) in self._characters:
            return character
        if character.isspace():
            return " "
        # An accent or a joiner without a glyph is left out.
        return "" if unicodedata.category(character) in {"Mn", "Me", "Cf"} else self._substitute

    def _width(self, piece: str) -> float:
        if piece not in self._widths:
            self._pdf.set_font("font0", size=_MEASURED)
            self._widths[piece] = self._pdf.get_string_width(self._drawable(piece))
        return self._widths[piece]


@lru_cache(maxsize=64)
def characters_of(path: str, number: int) -> frozenset[int]:
    """The characters that a font has."""
    with TTFont(path, fontNumber=number, lazy=True) as font:
        return frozenset(font.getBestCmap() or ())


def runs_left(text: str) -> bool:
    """Whether the first letter of a text is of a script that runs from right to left."""
    directions = map(unicodedata.bidirectional, text)
    return next((direction for direction in directions if direction in {"L", "R", "AL"}), "L") != "L"
