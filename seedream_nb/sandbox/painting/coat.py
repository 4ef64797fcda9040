"""The fur and eyes of the painted cats."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from seedream_nb.sandbox.painting.colors import Color, rgb

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Coat:
    """A cat's colours.

    Args:
        light: Fur in the light.
        base: Fur.
        shade: Fur in the shade.
        points: Ears, face, paws and tail.
        pointed: How strongly the points differ from the rest, 0-1.
        inner_ear: Skin inside the ears.
        nose: The nose.
        eye: The iris, from its dark top to its bright bottom.
        line: Eyelids and mouth.
        stripes: Colour of tabby stripes; None for plain fur.
    """

    light: Color
    base: Color
    shade: Color
    points: Color
    pointed: float
    inner_ear: Color
    nose: Color
    eye: tuple[Color, Color, Color]
    line: Color
    stripes: Color | None = None


def _coat(fur: str, pointed: float, skin: str, eye: str, line: str, *, stripes: str | None = None) -> Coat:
    light, base, shade, points = (rgb(code) for code in fur.split())
    inner, nose = (rgb(code) for code in skin.split())
    top, middle, bottom = (rgb(code) for code in eye.split())
    return Coat(
        light,
        base,
        shade,
        points,
        pointed,
        inner,
        nose,
        (top, middle, bottom),
        rgb(line),
        rgb(stripes) if stripes else None,
    )


COATS: Mapping[str, Coat] = MappingProxyType(
    {
        "siamese": _coat("fffaf1 f6eadb c9ad9a 43302d", 1.0, "a87f78 8a5f5c", "1c4fa8 3d93e6 a5e2ff", "1f1516"),
        "white": _coat("ffffff f6f1ec c3b6bd f1e6e0", 0.3, "f0b9b0 e59a95", "1f7a63 4fbb8c c9f2b4", "4a3a40"),
        "black": _coat("4a4a5c 2a2a38 12121c 15151f", 0.5, "6d5260 3c3440", "b57a12 f0b92e fff0a0", "08080f"),
        "ginger": _coat(
            "ffc98a f2a257 bb6a30 d9823c", 0.35, "f0b39a d9826f", "4c7a2a 9cbf45 e9f2a0", "5a2a18", stripes="c9702f"
        ),
        "grey": _coat(
            "c3cbd8 96a0b2 606a80 6f7a90", 0.4, "b79aa2 7f6a76", "a8701a e3a93a ffe9a6", "262c3a", stripes="69748a"
        ),
        "brown": _coat("d3a983 a8795a 6c4634 5b3a2c", 0.6, "c08f80 7a4d45", "3f7a3a 8fbf55 e4f2a6", "26140f"),
    }
)
"""Every coat by its name."""
