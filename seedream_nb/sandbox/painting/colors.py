"""Color arithmetic that keeps gradients clean.

Mixing in sRGB turns blue-to-orange skies gray in the middle. Mixing in Oklab (Björn Ottosson, 2020) keeps lightness and
chroma even.
"""

from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Color: TypeAlias = tuple[int, int, int]
Floats: TypeAlias = NDArray[np.float64]
Stops: TypeAlias = tuple[tuple[float, Color], ...]
"""A gradient: positions from 0 to 1, rising, each with its color."""

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)
_LINEAR_UNTIL = 0.0031308  # IEC 61966-2-1: below, sRGB is a straight line of slope 12.92
_FROM_LMS = np.linalg.inv(_TO_LMS)
_FROM_LAB = np.linalg.inv(_TO_LAB)


def hex_colors(codes: str) -> tuple[Color, ...]:
    """Read colors such as ``"f2c9a1 5b6ea8"``."""
    values = [bytes.fromhex(code) for code in codes.split()]
    return tuple((red, green, blue) for red, green, blue in values)


def to_oklab(colors: Floats) -> Floats:
    """Convert sRGB values (0-255, last axis of length 3) to Oklab."""
    unit = colors / 255.0
    linear = np.where(unit <= 12.92 * _LINEAR_UNTIL, unit / 12.92, ((unit + 0.055) / 1.055) ** 2.4)
    lab: Floats = np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T
    return lab


def from_oklab(lab: Floats) -> Floats:
    """Convert Oklab to sRGB values (0-255), clipped to the gamut."""
    linear = np.clip((lab @ _FROM_LAB.T) ** 3 @ _FROM_LMS.T, 0.0, 1.0)
    unit = np.where(linear <= _LINEAR_UNTIL, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    result: Floats = np.clip(unit * 255.0, 0.0, 255.0)
    return result


@lru_cache(maxsize=512)
def ramp(stops: Stops) -> NDArray[np.uint8]:
    """Return the lookup table of a gradient, a read-only ``(256, 3)`` array."""
    lab = to_oklab(np.array([color for _, color in stops], dtype=np.float64))
    places = np.array([place for place, _ in stops])
    at = np.linspace(0.0, 1.0, 256)
    mixed = np.stack([np.interp(at, places, lab[:, channel]) for channel in range(3)], axis=-1)
    table = np.rint(from_oklab(mixed)).astype(np.uint8)
    table.setflags(write=False)
    return table


@lru_cache(maxsize=2048)
def mix(first: Color, second: Color, amount: float) -> Color:
    """Blend two colors evenly to the eye; ``amount`` is the share of the second, from 0 to 1."""
    ends = to_oklab(np.array([first, second], dtype=np.float64))
    red, green, blue = np.rint(from_oklab(ends[0] + (ends[1] - ends[0]) * amount)).astype(int).tolist()
    return red, green, blue


def lighter(color: Color, lightness: float) -> Color:
    """Return a color with an amount added to its Oklab lightness, which runs from 0 to 1."""
    lab = to_oklab(np.array(color, dtype=np.float64))
    red, green, blue = np.rint(from_oklab(lab + np.array((lightness, 0, 0)))).astype(int).tolist()
    return red, green, blue
