"""Finds fonts on this machine: no single one has all characters, and Pillow's own has hardly more than ASCII."""

from __future__ import annotations

import io
from contextlib import suppress
from functools import lru_cache

from PIL import ImageFont

_MORE_SCRIPTS = (
    *("Arabic", "Hebrew", "Devanagari", "Thai", "Bengali", "Tamil", "Telugu", "Gujarati", "Gurmukhi", "Kannada"),
    *("Malayalam", "Sinhala", "Khmer", "Lao", "Myanmar", "Georgian", "Armenian", "Ethiopic", "Symbols", "Symbols2"),
)
# Files that Pillow finds by name in the system's font directories, and the index of the font in the file. Those that
# look best with Latin letters come first.
SYSTEM_FONTS = (
    ("NotoSans-Regular.ttf", 0),
    ("LiberationSans-Regular.ttf", 0),
    ("Arial.ttf", 0),  # macOS and Windows
    ("segoeui.ttf", 0),
    ("DejaVuSans.ttf", 0),
    ("NotoSansCJK-Regular.ttc", 2),  # simplified Chinese; it includes the other languages
    ("NotoSansSC-Regular.otf", 0),
    ("wqy-microhei.ttc", 0),
    ("wqy-zenhei.ttc", 0),
    ("DroidSansFallbackFull.ttf", 0),
    *((f"NotoSans{script}-Regular.ttf", 0) for script in _MORE_SCRIPTS),
    ("NotoEmoji-Regular.ttf", 0),
    # macOS
    ("Arial Unicode.ttf", 0),
    ("Hiragino Sans GB.ttc", 0),
    ("AppleSDGothicNeo.ttc", 0),
    # Windows
    ("msyh.ttc", 0),
    ("malgun.ttf", 0),
    ("Nirmala.ttf", 0),
    ("LeelawUI.ttf", 0),
    ("seguisym.ttf", 0),
    ("seguiemj.ttf", 0),
)


@lru_cache(maxsize=1)
def find_font_files() -> tuple[tuple[str, int], ...]:
    """The files of the fonts that are installed, each with the index of the font in the file."""
    found = []
    for name, number in SYSTEM_FONTS:
        # It may be missing, or have no outlines of this size.
        with suppress(OSError):
            path = ImageFont.truetype(name, 12, index=number).path
            if isinstance(path, str):
                found.append((path, number))
    return tuple(found)


def read_own_font() -> bytes:
    """The font that comes with Pillow, as a TrueType file; empty where Pillow was built without FreeType."""
    path = getattr(ImageFont.load_default(12), "path", None)
    return path.getvalue() if isinstance(path, io.BytesIO) else b""
