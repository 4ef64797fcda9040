"""Colour schemes, each chosen by eye so that any scene may use any of them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from seedream_nb.sandbox.painting.colors import Color, mix, rgb

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Palette:
    """A scheme of light and depth.

    Args:
        sky: Four colours from the zenith down to the horizon.
        light: Sun, moon or lamp.
        far: The most distant silhouettes.
        near: The closest silhouettes.
        accent: A colour that stands out from the sky.
        second: A second one, from across the colour wheel.
        dark: Whether stars show and windows are lit.
    """

    sky: tuple[Color, Color, Color, Color]
    light: Color
    far: Color
    near: Color
    accent: Color
    second: Color
    dark: bool = False

    def depth(self, amount: float) -> Color:
        """A silhouette's colour, from 0 (far away) to 1 (close)."""
        return mix(self.far, self.near, amount)


def _palette(sky: str, light: str, far: str, near: str, accent: str, *, second: str, dark: bool = False) -> Palette:
    first, upper, lower, horizon = (rgb(code) for code in sky.split())
    return Palette((first, upper, lower, horizon), rgb(light), rgb(far), rgb(near), rgb(accent), rgb(second), dark)


PALETTES: Mapping[str, Palette] = MappingProxyType(
    {
        "dawn": _palette("5b6ea8 a99cc8 f2b8b0 ffe0bf", "fff4dc", "b39cc0", "2b2c4d", "f08a6b", second="7fb2b5"),
        "day": _palette("4f93c4 8fc1dc cfe5e6 fbf0dc", "fffaf0", "a5c3cf", "1f4a50", "e8a33d", second="d9664a"),
        "dusk": _palette("2a2857 6d3f7f d9607a ffb26b", "ffe3a8", "b85d82", "1c1538", "ff8a5c", second="5fb0b7"),
        "night": _palette(
            "0a1230 16254f 2c4478 6f8fb8", "f6f0da", "4a679c", "070d22", "f2c879", second="7ea6d9", dark=True
        ),
        "midnight": _palette(
            "06131f 0d2c3d 1d5561 7fb3a6", "f2f4dc", "3f7a80", "04101a", "f0b878", second="8fd0c0", dark=True
        ),
        "gold": _palette("c77b30 e6a24a f6cb7a fff0c4", "fffbe6", "d9a663", "4a2a17", "9c3d21", second="2f5d5a"),
        "red": _palette("5a1425 a3232f e0563f ffb38a", "ffe2c0", "c4504e", "2b0a17", "ffc15e", second="3d6b74"),
        "orange": _palette("b5452c e5733c f9a857 ffe1ad", "fff3d6", "d9774a", "3d1a1c", "7a2f3a", second="2f6d73"),
        "green": _palette("2f6f65 6fae93 bcd9b0 f4f0cf", "fffbe2", "8fbda3", "12352f", "f0b756", second="d9705a"),
        "teal": _palette("0f4c5c 2f8490 8cc5bd f3ead0", "fff6df", "6aabab", "0a2c38", "ee9560", second="e3c16f"),
        "blue": _palette("16336e 3c69b0 86ade0 dfeafa", "ffffff", "7f9fd0", "0b1b42", "ffb454", second="f37f6f"),
        "purple": _palette("2b1d5c 5f3f9c a77fd0 f3cdea", "fff0f5", "9472c4", "1a1038", "ffb3a0", second="6fd0d6"),
        "pink": _palette("c65b86 ec8fa8 f9c0c0 fff0e2", "fff8ee", "dd94a8", "56224a", "8a3f74", second="5aa6a6"),
        "pastel": _palette("a9c7e8 cdcbee f3d3dc fff1df", "fffdf5", "c3bfe0", "6f7fae", "f5a99a", second="9fd0bd"),
        "neon": _palette(
            "0b0524 2a0a5e 8a1fa0 ff3d9a", "ffe9f6", "7a2fc0", "07031c", "19e6ff", second="ff5fb0", dark=True
        ),
        "mono": _palette("3a3d42 70757b b4b8bc eeeeea", "ffffff", "a0a3a8", "15171a", "d8d8d4", second="5a5d62"),
        "white": _palette("9fb4c8 c4d3df e4ebef fdfbf6", "ffffff", "bccad6", "3f5a70", "e7a06a", second="6f97ab"),
        "brown": _palette("6b4a3a a67a5b d4ae8a f4e3cb", "fff6e8", "b8906f", "2e1d18", "c8643c", second="5d7f78"),
    }
)
"""Every scheme by its name."""
