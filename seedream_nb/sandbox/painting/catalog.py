"""Which subject is painted by which scene."""

from __future__ import annotations

from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

from seedream_nb.sandbox.painting.abstract import abstract
from seedream_nb.sandbox.painting.cat import cat
from seedream_nb.sandbox.painting.city import city
from seedream_nb.sandbox.painting.flowers import flowers
from seedream_nb.sandbox.painting.land import desert, mountains
from seedream_nb.sandbox.painting.scene import Plane
from seedream_nb.sandbox.painting.sea import sea
from seedream_nb.sandbox.painting.sky import paint_motes
from seedream_nb.sandbox.painting.space import space
from seedream_nb.sandbox.painting.trees import forest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seedream_nb.sandbox.painting.scene import Scene
    from seedream_nb.sandbox.painting.theme import Theme

_SCENES: Mapping[str, Callable[[Theme], Scene]] = MappingProxyType(
    {
        "abstract": abstract,
        "cat": cat,
        "city": city,
        "desert": desert,
        "flowers": flowers,
        "forest": forest,
        "mountains": mountains,
        "sea": sea,
        "space": space,
    }
)


def scene(theme: Theme) -> Scene:
    """The planes of a theme's scene, from the back to the front."""
    return _SCENES[theme.subject](theme)


def layered(theme: Theme, count: int) -> tuple[Plane, tuple[Scene, ...]]:
    """A theme's scene, sorted into a base and exactly as many groups of planes as layers are wanted.

    Args:
        theme: What to paint.
        count: Groups above the base, at least one; where a scene has fewer planes, specks of light fill up.

    Returns:
        The base, and the groups from the back to the front.
    """
    base, *planes = scene(theme)

    def motes(number: int) -> Plane:
        color = theme.palette.light
        return Plane(
            f"light {number}",
            "Specks of light in the air",
            lambda canvas: paint_motes(canvas, theme.rng(f"motes {number}"), color),
        )

    planes += [motes(number + 1) for number in range(count - len(planes))]
    edges = [round(number * len(planes) / count) for number in range(count + 1)]
    return base, tuple(tuple(planes[start:end]) for start, end in pairwise(edges))
