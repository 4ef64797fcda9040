"""A skyline at night or dusk, rows of towers with lit windows."""

from functools import partial

import numpy as np

from seedream_nb.sandbox.painting import sky
from seedream_nb.sandbox.painting.canvas import Canvas, Plane, Scene, down
from seedream_nb.sandbox.painting.colors import Floats, mix
from seedream_nb.sandbox.painting.curves import box, stroke
from seedream_nb.sandbox.painting.theme import Theme

_ROWS = ("far towers", "high towers", "middle towers", "waterfront")
_SHORE = 0.84
_REACH = 2.1  # units to each side, enough for a panorama of four to one


def city(theme: Theme) -> Scene:
    """Towers in four depths above water that reflects their lights."""
    palette, choice = theme.palette, theme.rng("composition")
    moon_x, moon_y, center = choice.uniform((-0.35, 0.16, -0.3), (0.35, 0.32, 0.3)).tolist()
    radius = float(choice.choice([0.05, 0.08, 0.13]))

    def paint_air(canvas: Canvas) -> None:
        warm = mix(palette.sky[3], palette.accent, 0.4)
        sky.paint_sky(canvas, theme, canvas.at(moon_x, moon_y), radius * canvas.unit, horizon=0.86)
        sky.paint_clouds(canvas, theme.rng("clouds"), warm, 0.5, 0.35)
        sky.paint_mist(canvas, _SHORE, 0.5, warm, 0.6)

    rows = [
        Plane(name, f"The {name} of the skyline", partial(_paint_row, theme, center, number), subject=True)
        for number, name in enumerate(_ROWS)
    ]
    water = Plane("water", "Water with reflected lights", partial(_paint_water, theme), subject=True)
    return (Plane("sky", "The sky over the city", paint_air), *rows, water)


def _paint_row(theme: Theme, center: float, number: int, canvas: Canvas) -> None:
    palette, rng, unit = theme.palette, theme.rng(f"row {number}"), canvas.unit
    depth = number / (len(_ROWS) - 1)
    color = mix(palette.depth(0.25 + 0.75 * depth), palette.sky[3], 0.18 * (1 - depth))
    towers: list[Floats] = []
    lights: tuple[list[Floats], ...] = ([], [], [])
    x = -_REACH
    while x < _REACH:
        wide = float(rng.uniform(0.05, 0.1)) * (0.75 + 0.5 * depth)
        bump = np.exp(-(((x - center * (1 - depth)) / 0.42) ** 2)) * rng.uniform(0.06, 0.34)
        tall = float(rng.uniform(0.1, 0.24) + bump) * (1.2 - 0.62 * depth)
        roof = int(rng.choice([0, 0, 0, 1, 1, 2, 3]))
        windows = rng.uniform(0, 1, (64, 14)) * rng.uniform(0.6, 1.7, (64, 1))
        left, shore = canvas.at(x, _SHORE + 0.004)
        right, top = left + wide * unit, shore - tall * unit
        if right > 0 and left < canvas.width:
            towers += [box(left, top, right, shore), *_roof(roof, left, top, right, unit)]
            _light(lights, windows, (left, top, right, shore), unit * (0.0105 + 0.0035 * depth))
        x += wide * float(rng.uniform(0.88, 1.25 if number else 1.05))
    foot = mix(color, mix(palette.sky[3], palette.accent, 0.3), 0.5 - 0.4 * depth)
    canvas.shape(towers, down((_SHORE - 0.6) * canvas.height, _SHORE * canvas.height, color, color, foot))
    if depth > 0:
        warm = mix(palette.accent, palette.light, 0.35)
        for shade, shapes in zip((warm, palette.light, palette.second), lights, strict=True):
            canvas.shape(shapes, mix(shade, color, 0.35 * (1 - depth)), opacity=0.55 + 0.35 * depth)
    sky.paint_mist(canvas, _SHORE, 0.12, mix(palette.sky[3], palette.accent, 0.4), 0.3 * (1 - depth))


def _roof(kind: int, left: float, top: float, right: float, unit: float) -> list[Floats]:
    """Return what stands on a tower: nothing, a set-back storey with a mast, a slope, or a gable."""
    middle, inset = (left + right) / 2, (right - left) / 5
    mast = box(middle - 0.0016 * unit, top - 0.09 * unit, middle + 0.0016 * unit, top)
    storey = box(left + inset, top - 0.03 * unit, right - inset, top)
    slope, gable = (np.array([(left, top + 1), (x, top - 0.04 * unit), (right, top + 1)]) for x in (right, middle))
    return ([], [storey, mast], [slope], [gable])[kind]


def _light(lights: tuple[list[Floats], ...], windows: Floats, tower: tuple[float, ...], pitch: float) -> None:
    """Add a third of a tower's windows to the warm, cold or colored lights."""
    left, top, right, shore = tower
    columns = max(0, min(int((right - left) / pitch - 0.6), windows.shape[1]))
    stories = max(0, min(int((shore - top) / pitch - 1), windows.shape[0]))
    inset = ((right - left) - columns * pitch) / 2
    for story, column in np.argwhere(windows[:stories, :columns] < 0.34).tolist():  # noqa: PLR2004 - a third
        kind = int(np.searchsorted([-0.34, -0.11, -0.02], -windows[story, column])) - 1
        x, y = left + inset + column * pitch, top + (story + 0.6) * pitch
        lights[kind].append(box(x + 0.2 * pitch, y, x + 0.78 * pitch, y + 0.5 * pitch))


def _paint_water(theme: Theme, canvas: Canvas) -> None:
    palette, rng, unit = theme.palette, theme.rng("water"), canvas.unit
    shore = _SHORE * canvas.height
    deep = mix(palette.near, palette.sky[0], 0.3)
    paint = down(shore, canvas.height, mix(palette.sky[3], palette.near, 0.62), deep, palette.near)
    water = canvas.shape(box(-2, shore, canvas.width + 2, canvas.height + 2), paint)
    for shade in (palette.accent, palette.light, palette.sky[2]):
        columns, streaks = [], []
        for x, wide, long in rng.uniform((-2.0, 0.003, 0.03), (2.0, 0.012, 0.1), (26, 3)).tolist():
            columns.append(box(*canvas.at(x, _SHORE - 0.01), *canvas.at(x + wide, _SHORE + long)))
        for _ in range(46):
            x, y = canvas.at(float(rng.uniform(-2.0, 2.0)), _SHORE + float(rng.exponential(0.045)))
            half, thick = float(rng.uniform(0.006, 0.03)) * unit, 0.0016 * unit
            streaks.append(stroke([(x - half, y), (x, y), (x + half, y)], [0, thick, 0]))
        canvas.shape(columns, shade, blur=0.006 * unit, opacity=0.3, clip=water)
        canvas.shape(streaks, shade, opacity=0.55, clip=water)
