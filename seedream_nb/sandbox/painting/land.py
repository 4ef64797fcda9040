"""Mountains and forest in morning or evening air."""

from functools import partial

import numpy as np

from seedream_nb.sandbox.painting import sky
from seedream_nb.sandbox.painting.canvas import Canvas, Plane, Scene, down
from seedream_nb.sandbox.painting.colors import Floats, mix
from seedream_nb.sandbox.painting.curves import noise, shifted
from seedream_nb.sandbox.painting.theme import Theme

_RIDGES = ("far range", "high range", "middle range", "near hills", "wooded slope")
_SNOWY = 3  # the farthest ranges catch the light
_ROWS = ("far pines", "misty pines", "middle pines", "clearing", "near pines", "front pines")


def mountains(theme: Theme) -> Scene:
    """Ranges behind ranges, pines in front."""
    palette, choice = theme.palette, theme.rng("composition")
    sun_x, sun_y = float(choice.choice([-0.24, 0.2, 0.05, 0.3])), float(choice.uniform(0.16, 0.27))
    radius = float(choice.choice([0.05, 0.075, 0.11]))

    def paint_air(canvas: Canvas) -> None:
        sky.paint_sky(canvas, theme, canvas.at(sun_x, sun_y), radius * canvas.unit)
        sky.paint_clouds(canvas, theme.rng("clouds"), mix(palette.sky[3], palette.light, 0.5), 0.5, 0.5)

    def paint_haze(canvas: Canvas) -> None:
        sky.paint_haze(canvas, canvas.at(sun_x, sun_y), palette.light)

    ridges = [
        Plane(name, f"The {name} of the landscape", partial(_paint_ridge, theme, sun_x, number), subject=True)
        for number, name in enumerate(_RIDGES)
    ]
    haze = Plane("haze", "Warm light in the air", paint_haze)
    return (Plane("sky", "The sky with its light", paint_air), *ridges[:3], haze, *ridges[3:])


def _paint_ridge(theme: Theme, sun_x: float, number: int, canvas: Canvas) -> None:
    palette, rng = theme.palette, theme.rng(f"ridge {number}")
    depth = number / (len(_RIDGES) - 1)
    peaked = theme.variant % 4 < 3 and depth < 1  # noqa: PLR2004 - one image in four has round hills
    height, rise = 0.62 + 0.33 * depth**1.1, 0.27 * (1 - depth) + 0.13
    line = sky.ridge_line(canvas, rng, height, rise, frequency=1.3 + depth * 0.5, peaked=peaked)
    color = palette.depth(depth**1.25)
    foot = mix(palette.depth(max(depth - 0.25, 0.0) ** 1.25), palette.sky[3], 0.62 * (1 - depth))
    mask = sky.paint_ridge(canvas, line, color, foot, fade=0.36)
    if number < _SNOWY:
        snow = mix(mix(palette.light, palette.sky[3], 0.3), color, 0.45 + 0.14 * number)
        for facet, top, bottom in _sunny_sides(canvas, line, rng, towards=sun_x):
            canvas.shape(facet, down(top, bottom, snow, mix(snow, color, 0.6)), clip=mask)
    if depth == 1:
        _paint_wood(canvas, theme, line)


def _sunny_sides(
    canvas: Canvas, line: Floats, rng: np.random.Generator, *, towards: float
) -> list[tuple[Floats, float, float]]:
    """Return the lit facet of each summit: its outline, top and bottom."""
    step = max(1, round(canvas.unit / 160))
    x, y = np.arange(0, canvas.width, step, dtype=np.float64), line[::step]
    jag = noise(rng, canvas.columns(), frequency=22, octaves=2)[::step] * canvas.unit * 0.035
    reach = 10
    sun = canvas.width / 2 + towards * canvas.unit
    facets = []
    for peak in range(1, len(x) - 1):
        if y[peak] > y[max(0, peak - reach) : peak + reach + 1].min() or y[peak - 1] == y[peak]:
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
        inner_x = x[peak] + (x[ridge] - x[peak]) * 0.42 * along**1.3 + jag[ridge] * np.sin(along * np.pi)
        inner = np.stack([inner_x, y[peak] + drop * along], axis=-1)
        outer = np.stack([x[ridge], y[ridge] - 3], axis=-1)
        facets.append((np.concatenate([outer, inner[::-1]]), float(y[peak]), float(y[peak] + drop)))
    return facets


def _pine(x: float, y: float, height: float, rng: np.random.Generator) -> Floats:
    """Return a conifer's outline by its foot and height in pixels."""
    t = np.arange(1, 10) / 9
    reach, drop = rng.uniform(0.17, 0.24) * t**0.85, -1.0 + 0.93 * t
    sides = []
    for side in (1, -1):
        tips = np.stack([side * reach * rng.uniform(0.75, 1.15, 9), drop + 0.02], axis=-1)
        notches = np.stack([side * reach * 0.42, drop - 0.02], axis=-1)
        sides.append(np.stack([tips, notches], axis=1).reshape(-1, 2))
    trunk = [(0.022, -0.06), (0.022, 0.05), (-0.022, 0.05), (-0.022, -0.06)]
    outline: Floats = np.concatenate([[(0.0, -1.0)], sides[0], trunk, sides[1][::-1]])
    return shifted(outline * height, x, y)


def _paint_wood(canvas: Canvas, theme: Theme, line: Floats) -> None:
    rng = theme.rng("wood")
    trees = []
    for x, size, sparse in rng.uniform((-1.9, 0.04, 0), (1.9, 0.085, 1), (150, 3)).tolist():
        column = canvas.width / 2 + x * canvas.unit
        foot = float(line[int(np.clip(column, 0, canvas.width - 1))]) + 0.012 * canvas.unit
        tree = _pine(column, foot, size * (0.8 + 1.5 * np.sin(x * 2.3 + theme.digest[0]) ** 2) * canvas.unit, rng)
        if 0 <= column < canvas.width and sparse < 0.35 + 0.65 * abs(np.sin(x * 1.7 + theme.digest[1])):
            trees.append(tree)
    canvas.shape(trees, theme.palette.near)


def forest(theme: Theme) -> Scene:
    """Pines in rows that fade into a bright mist."""
    palette, choice = theme.palette, theme.rng("composition")
    sun_x, sun_y = float(choice.uniform(-0.3, 0.3)), float(choice.uniform(0.2, 0.38))
    bright = mix(palette.sky[3], palette.light, 0.4)

    def paint_air(canvas: Canvas) -> None:
        sky.paint_sky(canvas, theme, canvas.at(sun_x, sun_y), 0.07 * canvas.unit, horizon=0.85)
        line = sky.ridge_line(canvas, theme.rng("hills"), 0.62, 0.25, frequency=1.0, peaked=False)
        sky.paint_ridge(canvas, line, mix(palette.far, palette.sky[3], 0.55), bright, fade=0.3)

    def paint_row(number: int, canvas: Canvas) -> None:
        depth, rng, unit = number / (len(_ROWS) - 1), theme.rng(f"row {number}"), canvas.unit
        ground = (0.6 + 0.4 * depth**1.2) * canvas.height
        tall, every = 0.17 + 0.5 * depth**1.6, 0.045 + 0.13 * depth
        line = ground - noise(rng, canvas.columns(), frequency=1.5, octaves=3) * 0.03 * unit
        trees = []
        for place in np.arange(-3.2, 3.2, every):
            x = float(place + rng.uniform(-0.5, 0.5) * every)
            column = canvas.width / 2 + x * unit
            foot = float(line[int(np.clip(column, 0, canvas.width - 1))]) + 0.01 * unit
            tree = _pine(column, foot, tall * float(rng.uniform(0.6, 1.2)) * unit, rng)
            clearing = depth > 0.3 and abs(x - sun_x * 0.7) < 0.1 + 0.22 * depth  # noqa: PLR2004 - to look through
            if -unit < column < canvas.width + unit and not clearing:
                trees.append(tree)
        color = mix(palette.depth(depth**0.9), palette.sky[3], 0.35 * (1 - depth))
        mist = mix(color, bright, 0.75 * (1 - depth**1.5))
        canvas.shape(trees, down(ground - tall * unit, ground + 0.05 * unit, color, color, mist))
        canvas.fill(canvas.below(line), down(ground, ground + 0.14 * unit, mist, color))

    pines = [
        Plane(name, f"The {name} of the forest", partial(paint_row, number), subject=True)
        for number, name in enumerate(_ROWS)
    ]
    return (Plane("sky", "Bright air behind the trees", paint_air), *pines)
