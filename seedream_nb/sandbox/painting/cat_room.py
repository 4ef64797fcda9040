"""The rooms in which the cats sit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from seedream_nb.sandbox.painting.canvas import Canvas, Linear, even
from seedream_nb.sandbox.painting.colors import Color, Floats, mix
from seedream_nb.sandbox.painting.curves import Frame, box, shifted, smooth, stroke
from seedream_nb.sandbox.painting.sky import paint_glow, paint_ridge, paint_sky, paint_stars, paint_sun, ridge_line

if TYPE_CHECKING:
    from seedream_nb.sandbox.painting.theme import Theme

_VIEW = 2  # what lies behind the window is painted this much smaller

FLOOR = 0.86
"""Where the wall meets the floor, as a fraction of the height."""


def paint_room(canvas: Canvas, theme: Theme) -> None:
    """Wall, window and floor."""
    palette = theme.palette
    variant = theme.variant % 4
    wall_top = mix(palette.sky[1], palette.sky[0] if palette.dark else palette.sky[2], 0.35)
    wall_low = mix(palette.sky[2], palette.sky[1] if palette.dark else palette.sky[3], 0.4)
    canvas.fill(canvas.whole(), Linear((0, 0), (canvas.width * 0.35, canvas.height), even(wall_top, wall_low)))
    x = (0.0, 0.0, 0.16, -0.1)[variant]
    center, wide = canvas.at(x, 0.42), (0.36, 0.42, 0.3, 0.37)[variant] * canvas.unit
    paint_glow(canvas, center, wide * 3.2, mix(palette.light, palette.sky[3], 0.5), 0.55)
    if variant == 1:
        _paint_disc(canvas, theme, center, wide)
        return
    _paint_window(canvas, theme, center, wide)
    edge = FLOOR * canvas.height - 0.03 * canvas.unit
    floor = mix(mix(palette.accent, palette.sky[3], 0.5), palette.near, 0.35 if palette.dark else 0.1)
    colors = even(mix(floor, palette.light, 0.25), floor, mix(floor, palette.near, 0.3))
    canvas.shape(box(-2, edge, canvas.width + 2, canvas.height + 2), Linear((0, edge), (0, canvas.height), colors))
    pool = np.array(
        [(-wide * 0.9, 0), (wide * 0.9, 0), (wide * 1.9, canvas.height - edge), (-wide * 0.5, canvas.height - edge)]
    )
    canvas.shape(shifted(pool, center[0], edge), palette.light, blur=0.025 * canvas.unit, opacity=0.34)


def _paint_disc(canvas: Canvas, theme: Theme, center: tuple[float, float], radius: float) -> None:
    palette = theme.palette
    around = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    circle = np.stack([np.cos(around), np.sin(around)], axis=-1)
    ends = (center[0], center[1] - radius), (center[0], center[1] + radius)
    canvas.shape(circle * radius + center, Linear(*ends, even(palette.light, mix(palette.accent, palette.sky[3], 0.3))))


def _paint_window(canvas: Canvas, theme: Theme, center: tuple[float, float], wide: float) -> None:
    palette = theme.palette
    sill = FLOOR * canvas.height - 0.12 * canvas.unit
    frame = mix(palette.light, palette.sky[3], 0.4)
    arch = _arch_outline(center, wide * 1.07, sill + 0.012 * canvas.unit)
    canvas.shape(
        shifted(arch, 0.02 * canvas.unit, 0.02 * canvas.unit), palette.near, blur=0.02 * canvas.unit, opacity=0.35
    )
    canvas.shape(arch, frame)
    opening = canvas.mask(_arch_outline(center, wide, sill))
    if opening is None:
        return
    view = Canvas(-(-canvas.width // _VIEW), -(-canvas.height // _VIEW))
    paint_sky(view, palette, horizon=sill / canvas.height)
    if palette.dark:
        paint_stars(view, theme.rng("stars"), palette.light, until=0.7)
    size = (0.8, 0.0, 0.26, 0.24)[theme.variant % 4]
    aside = (0.0, 0.0, 0.4, -0.42)[theme.variant % 4]
    view_sun = ((center[0] + wide * aside) / _VIEW, (center[1] + wide * (0.05 if size > 0.5 else -0.25)) / _VIEW)  # noqa: PLR2004 - a halo sits lower
    paint_sun(view, palette, view_sun, wide * size / _VIEW)
    for number in range(3):
        line = ridge_line(
            view,
            theme.rng(f"hill {number}"),
            height=0.62 + 0.07 * number,
            rise=0.2 - 0.03 * number,
            frequency=1.6,
            octaves=3,
            peaked=False,
        )
        paint_ridge(view, line, palette.depth(0.1 + 0.28 * number), palette.sky[3], fade=0.3)
    outside = view.picture().resize((canvas.width, canvas.height), Image.Resampling.BICUBIC)
    canvas.lay(outside.crop(opening.bounds), opening)
    bar = 0.0065 * canvas.unit
    top = center[1] - wide
    bars = [
        box(center[0] - bar, top, center[0] + bar, sill),
        box(center[0] - wide, center[1] - bar, center[0] + wide, center[1] + bar),
    ]
    canvas.shape(bars, frame, clip=opening)
    ledge = box(center[0] - wide * 1.2, sill, center[0] + wide * 1.2, sill + 0.03 * canvas.unit)
    canvas.shape(ledge, mix(frame, palette.near, 0.12))


def _arch_outline(center: tuple[float, float], wide: float, bottom: float) -> Floats:
    around = np.linspace(np.pi, 2 * np.pi, 100)
    top = np.stack([center[0] + np.cos(around) * wide, center[1] + np.sin(around) * wide], axis=-1)
    return np.concatenate([top, [(center[0] + wide, bottom), (center[0] - wide, bottom)]])


def paint_plants(canvas: Canvas, theme: Theme) -> None:
    """Large leaves that frame the picture."""
    palette = theme.palette
    rng = theme.rng("leaves")
    green = mix(mix(palette.second, (58, 122, 92), 0.65), palette.near, 0.35)
    for side in (-1, 1):
        for number in range(5):
            x, y = canvas.at(side * 0.5, 1.02)
            foot = Frame(
                x + side * (canvas.width / 2 - canvas.unit / 2) * 0.85,
                y,
                canvas.unit,
                side * -1 * float(rng.uniform(-12, 38)),
            )
            length = float(rng.uniform(0.3, 0.62)) * (1.0 if number < 3 else 0.7)  # noqa: PLR2004 - two short leaves
            color = mix(green, palette.near if number % 2 else palette.light, 0.09 * number)
            _paint_leaf(canvas, foot, length, color, palette.light, bend=side * float(rng.uniform(-0.02, 0.12)))


def _paint_leaf(canvas: Canvas, foot: Frame, length: float, color: Color, light: Color, *, bend: float) -> None:
    middle = smooth([(0, 0), (bend * 0.3, -length * 0.4), (bend, -length)], closed=False, steps=14)
    blade = 0.004 * np.linspace(1.0, 0.0, 30) + 0.058 * np.sin(np.pi * np.linspace(0.0, 1.0, 30) ** 1.15) ** 1.5
    start, end = foot([(0, 0), (bend, -length)]).tolist()
    paint = Linear((start[0], start[1]), (end[0], end[1]), even(color, mix(color, light, 0.28)))
    whole = canvas.shape(foot(stroke(middle, blade)), paint)
    canvas.shape(
        foot(stroke(shifted(middle, 0.03, 0.0), blade)), mix(color, (10, 14, 30), 0.6), opacity=0.18, clip=whole
    )
    canvas.shape(foot(stroke(middle, [0.002, 0.0015, 0.0])), mix(color, light, 0.4), opacity=0.8, clip=whole)
