"""A sitting cat, or its portrait; the first picture that most readers will see."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedream_nb.sandbox.painting.cat_body import paint_body, paint_collar, paint_tail
from seedream_nb.sandbox.painting.cat_head import paint_head
from seedream_nb.sandbox.painting.cat_room import FLOOR, paint_plants, paint_room
from seedream_nb.sandbox.painting.coat import COATS
from seedream_nb.sandbox.painting.curves import Frame, ellipse
from seedream_nb.sandbox.painting.scene import Plane, Scene

if TYPE_CHECKING:
    from seedream_nb.sandbox.painting.canvas import Canvas
    from seedream_nb.sandbox.painting.theme import Theme


def cat(theme: Theme) -> Scene:
    """A cat in a quiet room; variants differ in the room, the pose and how close we are."""
    coat = COATS[theme.coat]
    variant = theme.variant % 4
    choice = theme.rng("composition")
    x = (0.0, 0.0, -0.13, 0.1)[variant]
    tilt = (0.0, -7.0, 3.0, 8.0)[variant] + float(choice.uniform(-1.5, 1.5))
    flip = variant in {1, 2}
    close = variant == 1

    def frame(canvas: Canvas) -> Frame:
        if close:
            return Frame(*canvas.at(0.0, 0.58), canvas.unit * 0.84, 0.0, flip).inner(0.0, 1.17)
        left, floor = canvas.at(x, FLOOR)
        return Frame(left, floor + 0.06 * canvas.unit, canvas.unit * 0.48, 0.0, flip)

    def paint_shadow(canvas: Canvas) -> None:
        if not close:
            place = frame(canvas)
            near = theme.palette.near
            canvas.shape(place(ellipse(0.16, 0.0, 0.62, 0.075)), near, blur=0.06 * place.scale, opacity=0.5)
            canvas.shape(place(ellipse(0.05, -0.01, 0.42, 0.04)), near, blur=0.025 * place.scale, opacity=0.5)

    def paint_cat(canvas: Canvas) -> None:
        place = frame(canvas)
        paint_tail(canvas, place, coat, raised=variant == 3)  # noqa: PLR2004 - the last variant
        paint_body(canvas, place, coat)
        paint_collar(canvas, place, theme.palette)

    return (
        Plane("room", "A quiet room with warm light", lambda canvas: paint_room(canvas, theme)),
        Plane("plants", "Leaves at the sides", lambda canvas: paint_plants(canvas, theme)),
        Plane("shadow", "The cat's shadow on the floor", paint_shadow),
        Plane("body", f"The body of a {theme.coat} cat", paint_cat, subject=True),
        Plane(
            "head",
            f"The head of a {theme.coat} cat",
            lambda canvas: paint_head(canvas, frame(canvas).inner(0.0, -1.17, scale=1.38, angle=tilt), coat, theme),
            subject=True,
        ),
    )
