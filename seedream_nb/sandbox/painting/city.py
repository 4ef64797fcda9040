"""A skyline at night or dusk, rows of towers with lit windows."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from seedream_nb.sandbox.painting import sky
from seedream_nb.sandbox.painting.canvas import Canvas, Linear, even
from seedream_nb.sandbox.painting.colors import Floats, mix
from seedream_nb.sandbox.painting.curves import box, stroke
from seedream_nb.sandbox.painting.scene import Plane, Scene

if TYPE_CHECKING:
    from seedream_nb.sandbox.painting.theme import Theme

_ROWS = 4
_SHORE = 0.84


@dataclass
class _Row:
    towers: list[Floats] = field(default_factory=list)
    lights: tuple[list[Floats], list[Floats], list[Floats]] = field(default_factory=lambda: ([], [], []))
    beacons: list[tuple[float, float]] = field(default_factory=list)


def city(theme: Theme) -> Scene:
    """Towers in four depths above water that mirrors their lights."""
    palette = theme.palette
    choice = theme.rng("composition")
    moon_x, moon_y = float(choice.uniform(-0.35, 0.35)), float(choice.uniform(0.16, 0.32))
    radius = float(choice.choice([0.05, 0.08, 0.13]))
    center = float(choice.uniform(-0.3, 0.3))

    def paint_air(canvas: Canvas) -> None:
        sky.paint_sky(canvas, palette, horizon=0.86)
        if palette.dark:
            sky.paint_stars(canvas, theme.rng("stars"), palette.light, until=0.55)
        sky.paint_sun(canvas, palette, canvas.at(moon_x, moon_y), radius * canvas.unit)
        warm = mix(palette.sky[3], palette.accent, 0.4)
        sky.paint_clouds(canvas, theme.rng("clouds"), warm, top=0.15, bottom=0.5, opacity=0.35)
        sky.paint_mist(canvas, _SHORE, 0.5, warm, 0.6)

    names = ("far towers", "high towers", "middle towers", "waterfront")
    rows = tuple(
        Plane(name, f"The {name} of the skyline", partial(_paint_row, theme, center, number), subject=True)
        for number, name in enumerate(names)
    )
    water = Plane("water", "Water with mirrored lights", partial(_paint_water, theme), subject=True)
    return (Plane("sky", "The sky over the city", paint_air), *rows, water)


def _paint_row(theme: Theme, center: float, number: int, canvas: Canvas) -> None:
    palette = theme.palette
    depth = number / (_ROWS - 1)
    rng = theme.rng(f"row {number}")
    color = mix(palette.depth(0.25 + 0.75 * depth), palette.sky[3], 0.18 * (1 - depth))
    foot = mix(color, mix(palette.sky[3], palette.accent, 0.3), 0.5 - 0.4 * depth)
    row = _Row()
    x = -2.1
    while x < 2.1:  # noqa: PLR2004 - wide enough for a panorama of four to one
        wide = float(rng.uniform(0.05, 0.1)) * (0.75 + 0.5 * depth)
        bump = np.exp(-(((x - center * (1 - depth)) / 0.42) ** 2))
        tall = float(rng.uniform(0.1, 0.24) + bump * rng.uniform(0.06, 0.34)) * (1.2 - 0.62 * depth)
        style = int(rng.choice([0, 0, 0, 1, 1, 2, 3, 4]))
        lit = rng.uniform(0, 1, (64, 14)) * rng.uniform(0.6, 1.7, (64, 1))
        _tower(canvas, row, (x, wide, tall, style), lit, depth)
        x += wide * float(rng.uniform(0.88, 1.25 if number else 1.05))
    top, shore = (_SHORE - 0.6) * canvas.height, _SHORE * canvas.height
    canvas.shape(row.towers, Linear((0, top), (0, shore), even(color, color, foot)))
    if depth > 0:
        warm = mix(palette.accent, palette.light, 0.35)
        for shade, shapes in zip((warm, palette.light, palette.second), row.lights, strict=True):
            canvas.shape(shapes, mix(shade, color, 0.35 * (1 - depth)), opacity=0.55 + 0.35 * depth)
    for place in row.beacons:
        sky.paint_glow(canvas, place, 0.013 * canvas.unit, palette.accent, 0.7)
    sky.paint_mist(canvas, _SHORE, 0.12, mix(palette.sky[3], palette.accent, 0.4), 0.3 * (1 - depth))


def _paint_water(theme: Theme, canvas: Canvas) -> None:
    palette = theme.palette
    rng = theme.rng("water")
    shore = _SHORE * canvas.height
    deep = mix(palette.near, palette.sky[0], 0.3)
    colors = even(mix(palette.sky[3], palette.near, 0.62), deep, palette.near)
    canvas.shape(box(-2, shore, canvas.width + 2, canvas.height + 2), Linear((0, shore), (0, canvas.height), colors))
    for shade in (palette.accent, palette.light, palette.sky[2]):
        columns = []
        for _ in range(26):
            x, wide = float(rng.uniform(-2.0, 2.0)), float(rng.uniform(0.003, 0.012))
            columns.append(
                box(*canvas.at(x, _SHORE - 0.01), *canvas.at(x + wide, _SHORE + float(rng.uniform(0.03, 0.1))))
            )
        under = canvas.mask(box(-2, shore, canvas.width + 2, canvas.height + 2))
        canvas.shape(columns, shade, blur=0.006 * canvas.unit, opacity=0.3, clip=under)
        streaks = []
        for _ in range(46):
            x, y = canvas.at(float(rng.uniform(-2.0, 2.0)), _SHORE + float(rng.exponential(0.045)))
            half, thick = float(rng.uniform(0.006, 0.03)) * canvas.unit, 0.0016 * canvas.unit
            streaks.append(stroke([(x - half, y), (x, y), (x + half, y)], [0, thick, 0]))
        canvas.shape([s for s in streaks if s[:, 1].max() > shore], shade, opacity=0.55)


def _tower(canvas: Canvas, row: _Row, plan: tuple[float, float, float, int], lit: Floats, depth: float) -> None:
    x, wide, tall, style = plan
    left, shore = canvas.at(x, _SHORE + 0.004)
    unit = canvas.unit
    right, top = left + wide * unit, shore - tall * unit
    if right < 0 or left > canvas.width:
        return
    row.towers.append(box(left, top, right, shore))
    middle = (left + right) / 2
    if style == 1:
        row.towers.append(box(left + 0.2 * wide * unit, top - 0.03 * unit, right - 0.2 * wide * unit, top))
    elif style == 2:  # noqa: PLR2004 - styles are plain numbers
        row.towers.append(np.array([(left, top + 1), (right, top - 0.035 * unit), (right, top + 1)]))
    elif style == 3:  # noqa: PLR2004
        row.towers.append(np.array([(left + 1, top + 1), (middle, top - 0.05 * unit), (right - 1, top + 1)]))
    if style in {1, 3} and tall > 0.3:  # noqa: PLR2004
        mast = top - (0.09 if style == 1 else 0.12) * unit
        row.towers.append(box(middle - 0.0016 * unit, mast, middle + 0.0016 * unit, top))
        row.beacons.append((middle, mast))
    pitch = unit * (0.0105 + 0.0035 * depth)
    across, down = (
        int(min((right - left) / pitch - 0.6, lit.shape[1])),
        int(min((shore - top) / pitch - 1, lit.shape[0])),
    )
    if across < 1:
        return
    inset = ((right - left) - across * pitch) / 2
    for story in range(down):
        for column in range(across):
            value = lit[story, column]
            if value < 0.34:  # noqa: PLR2004 - a third of the windows are lit
                at_x, at_y = left + inset + column * pitch, top + (story + 0.6) * pitch
                kind = 2 if value < 0.02 else int(value < 0.11)  # noqa: PLR2004 - few coloured, some cold, most warm
                row.lights[kind].append(box(at_x + 0.2 * pitch, at_y, at_x + 0.78 * pitch, at_y + 0.5 * pitch))
