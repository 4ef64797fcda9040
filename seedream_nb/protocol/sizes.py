"""Sizes as people write them, and as the service takes them."""

import functools
import re
import types
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Final

from seedream_nb.protocol.capabilities import MODELS

PRESETS: Final[Mapping[str, tuple[int, int]]] = types.MappingProxyType(
    {
        "1K": (1024, 1024),
        "1.5K": (1536, 1536),
        "2K": (2048, 2048),
        "3K": (3072, 3072),
        "4K": (4096, 4096),
    }
)
"""Width and height of the square that each named size stands for."""

SHAPES: Final[Mapping[str, str]] = types.MappingProxyType(
    {"square": "1:1", "portrait": "3:4", "landscape": "4:3", "wide": "16:9"}
)
"""Words for common ratios of width to height."""

COMMON_RATIOS: Final = ("1:1", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "21:9")
"""The ratios that the models' maker lists sizes for."""

MAX_RATIO: Final = 16
"""The longer side is at most so many times the shorter one where `find_size` finds a size for a ratio.

The wire contract names no limit; the maker's documentation of these models names this one."""

_SIZE: Final = re.compile(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})")
_TYPED_SIZE: Final = re.compile(r"([1-9][0-9]{0,5})\s*[xX*\u00d7]\s*([1-9][0-9]{0,5})")
_TYPED_RATIO: Final = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,4})?)\s*[:\uff1a]\s*([0-9]{1,4}(?:\.[0-9]{1,4})?)")
_NAMED_SIZES: Final = types.MappingProxyType({preset.lower(): preset for preset in (*PRESETS, "auto")})
_PIXELS_2K: Final = PRESETS["2K"][0] * PRESETS["2K"][1]
_LEAST_2K: Final = 2560 * 1440  # of the sizes that the maker lists for 2K, the one with the fewest pixels
_STEP: Final = 16  # the sides of the sizes that the maker lists are multiples of it


def parse_size(text: str) -> tuple[int, int] | None:
    """Return width and height of a size such as `2048x1536`, None for anything else, presets included.

    Example:
        >>> parse_size("2048x1536")
        (2048, 1536)
        >>> parse_size("2K") is None
        True
    """
    match = _SIZE.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def pixels_of_preset(preset: str) -> tuple[int, int]:
    """Return width and height of the square that a preset stands for.

    The service chooses the aspect ratio from the prompt; the number of pixels is that of the square.

    Raises:
        KeyError: The preset is not a fixed size (`auto`), or unknown.
    """
    return PRESETS[preset]


def display_size(size: str) -> str:
    """Return a size as captions show it, with the sign that typographers use.

    Example:
        >>> display_size("2048x1536"), display_size("2K")
        ('2048\u00d71536', '2K')
    """
    return size.replace("x", "\u00d7") if parse_size(size) else size


def read_ratio(text: str) -> Fraction | None:
    """Return width divided by height for a ratio or a word such as `portrait`, None for anything else.

    Example:
        >>> read_ratio("16:9"), read_ratio("portrait"), read_ratio("100:1")
        (Fraction(16, 9), Fraction(3, 4), None)
    """
    word = text.strip().lower()
    match = _TYPED_RATIO.fullmatch(SHAPES.get(word, word))
    sides = [Fraction(side) for side in match.groups()] if match else []
    if not sides or not all(sides):
        return None
    ratio = sides[0] / sides[1]
    return ratio if 1 <= ratio * MAX_RATIO <= MAX_RATIO**2 else None


def find_size(text: str, model: str) -> str:
    """Return the size to send for a size as people write it.

    Args:
        text: A preset in upper or lower case; width and height with `x`, `*` or a multiplication sign between them;
            a ratio such as `16:9`; or `square`, `portrait`, `landscape` or `wide`.
        model: The full model id. For an unknown model, a ratio becomes a size that every known model accepts.

    Returns:
        A preset or `<width>x<height>`, or the unchanged text if it is neither.

    Example:
        >>> find_size("2k", "doubao-seedream-4-5-251128"), find_size("2048 * 1536", "doubao-seedream-4-0-250828")
        ('2K', '2048x1536')
        >>> find_size("16:9", "doubao-seedream-4-5-251128"), find_size("huge", "doubao-seedream-4-5-251128")
        ('2560x1440', 'huge')
    """
    word = text.strip().lower()
    if word in _NAMED_SIZES:
        return _NAMED_SIZES[word]
    typed = _TYPED_SIZE.fullmatch(word)
    ratio = read_ratio(word)
    sides = typed.groups() if typed else find_sides(ratio, model) if ratio else None
    return f"{sides[0]}x{sides[1]}" if sides else text


@functools.lru_cache(maxsize=256)
def find_sides(ratio: Fraction, model: str) -> tuple[int, int]:
    """Return the width and height nearest to a ratio, with as many pixels as an image of 2K.

    Among multiples of 16 within the model's limits and up to 2048 x 2048 pixels, those with the smallest relative
    error, then the largest. For the common ratios, these are the sizes that the maker lists for 2K.

    Example:
        >>> find_sides(Fraction(21, 9), "doubao-seedream-4-0-250828")
        (3024, 1296)
    """
    known = [MODELS[model]] if model in MODELS else list(MODELS.values())
    least = max(model.min_pixels for model in known)
    most = min([_PIXELS_2K, *(model.max_pixels for model in known if model.max_pixels)])

    def rank(sides: tuple[int, int]) -> tuple[float, int]:
        width, height = sides[0] * ratio.denominator, sides[1] * ratio.numerator
        return max(width / height, height / width), -sides[0] * sides[1]

    accepted = [sides for sides in _sides_near(ratio, most) if least <= sides[0] * sides[1] <= most]
    of_2k = [sides for sides in accepted if sides[0] * sides[1] >= _LEAST_2K]
    return min(of_2k or accepted, key=rank)


def _sides_near(ratio: Fraction, most: int) -> Iterator[tuple[int, int]]:
    """Yield the two widths nearest to a ratio for each height."""
    height = _STEP
    while height * height * ratio <= 2 * most:
        width = int(height * ratio) // _STEP * _STEP
        yield from ((width, height), (width + _STEP, height))
        height += _STEP
