"""What a scene is: a stack of planes from the back to the front.

One stack serves three purposes: painted onto one canvas it is a picture, painted plane by plane it is a set of layers,
and its subject planes alone are a cut-out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedream_nb.sandbox.painting.canvas import Canvas


@dataclass(frozen=True)
class Plane:
    """One depth of a scene.

    Args:
        name: A short name, such as ``ridge``.
        description: What can be seen on it, for the layer's description.
        paint: Lays it on a canvas, over what is there.
        subject: Whether it stays when the background is taken away.
    """

    name: str
    description: str
    paint: Callable[[Canvas], None]
    subject: bool = False


Scene: TypeAlias = "tuple[Plane, ...]"
