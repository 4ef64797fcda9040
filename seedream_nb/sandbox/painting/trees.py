"""Trees, and the forest made of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from seedream_nb.sandbox.painting import sky
from seedream_nb.sandbox.painting.canvas import Canvas, Linear, even
from seedream_nb.sandbox.painting.colors import Floats, mix
from seedream_nb.sandbox.painting.curves import noise, shifted
from seedream_nb.sandbox.painting.scene import Plane, Scene

if TYPE_CHECKING:
    from seedream_nb.sandbox.painting.theme import Theme


def pine(x: float, y: float, height: float, rng: np.random.Generator) -> Floats:
    """A conifer's outline.

    Args:
        x: Of the foot, pixels.
        y: Of the foot.
        height: Of the tree, pixels.
        rng: Chance; advanced the same for every size.

    Returns:
        A closed outline.
    """
    tiers = 9
    wobble = rng.uniform(0.75, 1.15, (tiers, 2))
    slim = rng.uniform(0.17, 0.24)
    right, left = [(0.0, -1.0)], []
    for tier in range(tiers):
        t = (tier + 1) / tiers
        reach = slim * t**0.85
        drop = -1.0 + 0.93 * t
        right += [(reach * wobble[tier, 0], drop + 0.02), (reach * 0.42, drop - 0.02)]
        left += [(-reach * wobble[tier, 1], drop + 0.02), (-reach * 0.42, drop - 0.02)]
    trunk = [(0.022, -0.06), (0.022, 0.05), (-0.022, 0.05), (-0.022, -0.06)]
    return shifted(np.array(right + trunk + left[::-1]) * height, x, y)


def forest(theme: Theme) -> Scene:
    """Pines in rows that fade into a bright mist."""
    palette = theme.palette
    choice = theme.rng("composition")
    sun_x, sun_y = float(choice.uniform(-0.3, 0.3)), float(choice.uniform(0.2, 0.38))
    bright = mix(palette.sky[3], palette.light, 0.4)
    rows = 6

    def paint_air(canvas: Canvas) -> None:
        sky.paint_sky(canvas, palette, horizon=0.85)
        if palette.dark:
            sky.paint_stars(canvas, theme.rng("stars"), palette.light)
        sky.paint_sun(canvas, palette, canvas.at(sun_x, sun_y), 0.07 * canvas.unit)
        line = sky.ridge_line(canvas, theme.rng("hills"), height=0.62, rise=0.25, frequency=1.0, peaked=False)
        sky.paint_ridge(canvas, line, mix(palette.far, palette.sky[3], 0.55), bright, fade=0.3)

    def paint_row(number: int, canvas: Canvas) -> None:
        depth = number / (rows - 1)
        rng = theme.rng(f"row {number}")
        ground = (0.6 + 0.4 * depth**1.2) * canvas.height
        tall = 0.17 + 0.5 * depth**1.6
        every = 0.045 + 0.13 * depth
        line = ground - noise(rng, canvas.columns(), frequency=1.5, octaves=3) * 0.03 * canvas.unit
        trees = []
        for place in np.arange(-3.2, 3.2, every):
            x = float(place + rng.uniform(-0.5, 0.5) * every)
            height = tall * float(rng.uniform(0.6, 1.2))
            gap = abs(x - sun_x * 0.7) < 0.1 + 0.22 * depth and depth > 0.3  # noqa: PLR2004 - a clearing to look through
            column = canvas.width / 2 + x * canvas.unit
            outline = pine(column, 0, height * canvas.unit * (0.45 if gap else 1.0), rng)
            if -canvas.unit < column < canvas.width + canvas.unit and not (gap and depth > 0.7):  # noqa: PLR2004
                foot = float(line[int(np.clip(column, 0, canvas.width - 1))])
                trees.append(shifted(outline, 0.0, foot + 0.01 * canvas.unit))
        color = mix(palette.depth(depth**0.9), palette.sky[3], 0.35 * (1 - depth))
        top = ground - tall * canvas.unit
        mist = mix(color, bright, 0.75 * (1 - depth**1.5))
        paint = Linear((0, top), (0, ground + 0.05 * canvas.unit), even(color, color, mist))
        canvas.shape(trees, paint)
        canvas.fill(canvas.below(line), Linear((0, ground), (0, ground + 0.14 * canvas.unit), even(mist, color)))

    def paint_beams(canvas: Canvas) -> None:
        rng = theme.rng("beams")
        x, y = canvas.at(sun_x, sun_y)
        for _ in range(6):
            angle, wide = float(rng.uniform(20, 160)), float(rng.uniform(1.5, 4.5))
            ends = [np.deg2rad(angle - wide), np.deg2rad(angle + wide)]
            far = canvas.unit * 1.3
            beam = np.array([(x, y), *((x + np.cos(end) * far, y + np.sin(end) * far) for end in ends)])
            canvas.shape(beam, palette.light, blur=canvas.unit * 0.012, opacity=0.13)
        sky.paint_light_from(canvas, (x, y), palette.light, reach=0.7, opacity=0.3)

    names = ("far pines", "misty pines", "middle pines", "clearing", "near pines", "front pines")
    pines = tuple(
        Plane(name, f"The {name} of the forest", partial(paint_row, number), subject=True)
        for number, name in enumerate(names)
    )
    beams = Plane("light", "Beams of light through the mist", paint_beams)
    return (Plane("sky", "Bright air behind the trees", paint_air), *pines[:4], beams, *pines[4:])
