"""Scenes under the open sky: mountains and desert."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from seedream_nb.sandbox.painting import sky
from seedream_nb.sandbox.painting.canvas import Canvas, Linear, even
from seedream_nb.sandbox.painting.colors import Floats, mix
from seedream_nb.sandbox.painting.curves import noise
from seedream_nb.sandbox.painting.scene import Plane, Scene
from seedream_nb.sandbox.painting.trees import pine

if TYPE_CHECKING:
    from seedream_nb.sandbox.painting.theme import Theme

_RIDGES = 5
_SNOWY = 3  # the farthest ranges catch the light


def mountains(theme: Theme) -> Scene:
    """Ranges behind ranges in morning or evening air, pines in front."""
    palette = theme.palette
    choice = theme.rng("composition")
    sun_x, sun_y = float(choice.choice([-0.24, 0.2, 0.05, 0.3])), float(choice.uniform(0.16, 0.27))
    radius = float(choice.choice([0.05, 0.075, 0.11]))
    peaked = theme.variant % 4 != 3  # noqa: PLR2004 - one picture in four has round hills

    def paint_air(canvas: Canvas) -> None:
        sky.paint_sky(canvas, palette)
        if palette.dark:
            sky.paint_stars(canvas, theme.rng("stars"), palette.light)
        sky.paint_sun(canvas, palette, canvas.at(sun_x, sun_y), radius * canvas.unit)
        sky.paint_clouds(
            canvas, theme.rng("clouds"), mix(palette.sky[3], palette.light, 0.5), top=0.14, bottom=0.5, opacity=0.5
        )

    def paint_range(number: int, canvas: Canvas) -> None:
        rng = theme.rng(f"ridge {number}")
        depth = number / (_RIDGES - 1)
        height = 0.62 + 0.33 * depth**1.1
        rise = 0.27 * (1 - depth) + 0.13
        line = sky.ridge_line(
            canvas, rng, height=height, rise=rise, frequency=1.3 + depth * 0.5, peaked=peaked and number < _RIDGES - 1
        )
        color = palette.depth(depth**1.25)
        foot = mix(palette.depth(max(depth - 0.25, 0.0) ** 1.25), palette.sky[3], 0.62 * (1 - depth))
        mask = sky.paint_ridge(canvas, line, color, foot, fade=0.36)
        if number < _SNOWY and mask is not None:
            snow = mix(mix(palette.light, palette.sky[3], 0.3), color, 0.45 + 0.14 * number)
            for facet, top, bottom in _sunny_sides(canvas, line, rng, towards=sun_x):
                canvas.shape(facet, Linear((0, top), (0, bottom), even(snow, mix(snow, color, 0.6))), clip=mask)
        if number == _RIDGES - 1:
            _paint_wood(canvas, theme, line)

    def paint_haze(canvas: Canvas) -> None:
        sky.paint_light_from(canvas, canvas.at(sun_x, sun_y), palette.light, reach=0.85, opacity=0.16)

    names = ("far range", "high range", "middle range", "near hills", "wooded slope")
    ridges = tuple(
        Plane(
            name,
            f"The {name} of the landscape",
            partial(paint_range, number),
            subject=True,
        )
        for number, name in enumerate(names)
    )
    haze = Plane("haze", "Warm light in the air", paint_haze)
    return (Plane("sky", "The sky with its light", paint_air), *ridges[:3], haze, *ridges[3:])


def _sunny_sides(
    canvas: Canvas, line: Floats, rng: np.random.Generator, *, towards: float
) -> list[tuple[Floats, float, float]]:
    """The lit facet of each summit: its outline, top and bottom."""
    step = max(1, round(canvas.unit / 160))
    x, y = np.arange(0, canvas.width, step, dtype=np.float64), line[::step]
    jag = noise(rng, canvas.columns(), frequency=22, octaves=2)[::step]
    reach = 10
    sun = canvas.width / 2 + towards * canvas.unit
    facets = []
    for peak in range(1, len(x) - 1):
        around = y[max(0, peak - reach) : peak + reach + 1]
        if y[peak] > around.min() or (peak > 0 and y[peak - 1] == y[peak]):
            continue
        way = 1 if x[peak] < sun else -1
        end = peak
        while 0 <= end + way < len(x) and y[end + way] >= y[end] and abs(end - peak) < 5 * reach:
            end += way
        ridge = np.arange(peak, end + way, way)
        if len(ridge) < 4:  # noqa: PLR2004 - too small to see
            continue
        drop = (y[end] - y[peak]) * 1.15
        along = np.linspace(0.0, 1.0, len(ridge))
        inner_x = (
            x[peak]
            + (x[ridge] - x[peak]) * (0.42 * along**1.3)
            + jag[ridge] * canvas.unit * 0.035 * np.sin(along * np.pi)
        )
        inner = np.stack([inner_x, y[peak] + drop * along], axis=-1)
        outer = np.stack([x[ridge], y[ridge] - 3], axis=-1)
        facets.append((np.concatenate([outer, inner[::-1]]), float(y[peak]), float(y[peak] + drop)))
    return facets


def _paint_wood(canvas: Canvas, theme: Theme, line: Floats) -> None:
    rng = theme.rng("wood")
    trees = []
    for _ in range(150):
        x = rng.uniform(-1.9, 1.9)
        size = rng.uniform(0.04, 0.085) * (0.8 + 1.5 * np.abs(np.sin(x * 2.3 + theme.digest[0])) ** 2)
        column = canvas.width / 2 + x * canvas.unit
        lean = rng.uniform(0, 1)
        if 0 <= column < canvas.width and lean < 0.35 + 0.65 * abs(np.sin(x * 1.7 + theme.digest[1])):
            trees.append(pine(column, float(line[int(column)]) + canvas.unit * 0.012, size * canvas.unit, rng))
        else:
            pine(0, 0, 1, rng)
    canvas.shape(trees, theme.palette.near)


def desert(theme: Theme) -> Scene:
    """Dunes with a lit and a shaded side under a large sun."""
    palette = theme.palette
    choice = theme.rng("composition")
    side = float(choice.choice([-1.0, 1.0]))
    sun_x, sun_y = side * float(choice.uniform(0.05, 0.3)), float(choice.uniform(0.26, 0.4))
    radius = float(choice.uniform(0.07, 0.15))

    def paint_air(canvas: Canvas) -> None:
        sky.paint_sky(canvas, palette, horizon=0.62)
        if palette.dark:
            sky.paint_stars(canvas, theme.rng("stars"), palette.light)
        sky.paint_sun(canvas, palette, canvas.at(sun_x, sun_y), radius * canvas.unit)
        rng = theme.rng("mesas")
        line = sky.ridge_line(canvas, rng, height=0.585, rise=0.12, frequency=2.2, octaves=3, peaked=False)
        sky.paint_ridge(canvas, line, mix(palette.far, palette.sky[2], 0.4), palette.sky[3], fade=0.16)

    def paint_dune(number: int, canvas: Canvas) -> None:
        depth = number / 4
        rng = theme.rng(f"dune {number}")
        crest_x = side * (-0.34, 0.3, -0.16, 0.4, -0.3)[number] + float(rng.uniform(-0.1, 0.1))
        x = canvas.columns()
        height = 0.6 + 0.36 * depth**1.1
        away = np.abs(x - crest_x) / (0.5 + 0.25 * depth)
        peak = np.exp(-1.25 * (np.sqrt(away**2 + 0.0016) - 0.04))  # a crest with the smallest of roundings
        rise = 0.13 + 0.12 * depth
        line = height * canvas.height - rise * canvas.unit * (peak + 0.16 * noise(rng, x, frequency=1.1, octaves=1))
        sand = mix(mix(palette.accent, palette.sky[3], 0.6), palette.sky[2], 0.35 - 0.3 * depth)
        lit = mix(sand, palette.light, 0.42 - 0.2 * depth)
        shade = mix(sand, palette.near, 0.5 + 0.16 * depth)
        top = float(line.min())
        mask = canvas.below(line)
        foot = mix(sand, palette.sky[3], 0.4 * (1 - depth))
        canvas.fill(mask, Linear((0, top), (0, top + 0.42 * canvas.unit), even(lit, sand, foot)))
        crest = canvas.at(crest_x, 0)[0]
        ends = (crest, top), (crest - side * 0.75 * canvas.unit, top + 0.25 * canvas.unit)
        face = _slip_face(canvas, (crest, top), rng, side=side, reach=0.5 + 0.3 * depth)
        canvas.shape(face, Linear(*ends, even(shade, mix(shade, sand, 0.35), mix(shade, sand, 0.8))), clip=mask)

    names = ("far dune", "second dune", "middle dune", "near dune", "front dune")
    dunes = tuple(
        Plane(name, f"The {name}", partial(paint_dune, number), subject=True) for number, name in enumerate(names)
    )
    return (Plane("sky", "A large sun over the horizon", paint_air), *dunes)


def _slip_face(
    canvas: Canvas, crest: tuple[float, float], rng: np.random.Generator, *, side: float, reach: float
) -> Floats:
    bend = float(rng.uniform(0.12, 0.2))
    t = np.linspace(0, 1, 80)
    swing = side * (bend * np.sin(t * np.pi * 1.5) + 0.1 * t)
    spine = np.stack([crest[0] + swing * canvas.unit * reach, crest[1] + t * reach * canvas.unit], axis=-1)
    away = crest[0] - side * canvas.width * 2
    above = crest[1] - 0.02 * canvas.unit
    return np.concatenate([[(crest[0], above)], spine, [(away, spine[-1, 1]), (away, above)]])
