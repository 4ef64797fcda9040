"""Scenes under a sky: mountains and forest in morning or evening air, the sea, and a city at night or dusk."""

from functools import partial

import numpy as np

from seedream_nb.sandbox.painting import sky
from seedream_nb.sandbox.painting.canvas import Canvas, Plane, Scene, down
from seedream_nb.sandbox.painting.colors import Floats, mix
from seedream_nb.sandbox.painting.curves import box, ellipse, noise, polygon, shifted, smooth, stroke
from seedream_nb.sandbox.painting.theme import Theme

_RIDGES = ("far range", "high range", "middle range", "near hills", "wooded slope")
_SNOWY = 3  # the farthest ranges catch the light
_ROWS = ("far pines", "misty pines", "middle pines", "clearing", "near pines", "front pines")
_SUNS = ((0.13, 0.58, 0.0), (0.065, 0.66, 0.24), (0.21, 0.56, 0.06), (0.1, 0.47, 0.13))
"""For each composition: the sun's radius, the horizon, and the sun's height above it."""

_MAINSAIL = smooth(polygon(".04,-1.25 .3,-.75 .52,-.12 .04,-.12"), steps=6)
_JIB = polygon("-.03,-1.1 -.1,-.6 -.42,-.12 -.03,-.12")
_HULL = smooth(polygon("-.5,-.06 .6,-.06 .42,.13 -.36,.13"), steps=6)
_STRIPS = 150
_TOWERS = ("far towers", "high towers", "middle towers", "waterfront")
_WATERFRONT = 0.84
_REACH = 2.1  # units to each side, enough for a panorama of four to one


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


def sea(theme: Theme) -> Scene:
    """A low sun over the sea with its path of light, islands and a sail."""
    palette = theme.palette
    sun_x = float(theme.rng("composition").uniform(-0.24, 0.24))
    radius, horizon, above = _SUNS[theme.variant % len(_SUNS)]

    def paint_air(canvas: Canvas) -> None:
        sky.paint_sky(canvas, theme, canvas.at(sun_x, horizon - above), radius * canvas.unit, horizon=horizon)
        color = mix(palette.sky[2], palette.sky[3], 0.45)
        sky.paint_clouds(canvas, theme.rng("clouds"), color, horizon - 0.05, 0.55)

    return (
        Plane("sky", "Evening sky with the sun", paint_air),
        Plane("islands", "Islands on the horizon", partial(_paint_islands, theme, sun_x, horizon), subject=True),
        Plane("water", "The sea with the sun's path", partial(_paint_water, theme, sun_x, horizon), subject=True),
        Plane("boat", "A small sailing boat", partial(_paint_boat, theme, sun_x, horizon), subject=True),
        Plane("swell", "Waves in front", partial(_paint_swell, theme, horizon), subject=True),
    )


def _paint_islands(theme: Theme, sun_x: float, horizon: float, canvas: Canvas) -> None:
    palette, rng, x = theme.palette, theme.rng("islands"), canvas.columns()
    shore = horizon * canvas.height
    for depth, offset in ((0.15, 0.35), (0.4, 0.62)):
        middle = -np.sign(sun_x or 1.0) * (offset + float(rng.uniform(-0.06, 0.06)))
        shape = np.clip(1 - ((x - middle) / (0.26 + depth * 0.35)) ** 2, 0, None) ** 0.8
        rough = 1 + 0.35 * noise(rng, x, frequency=6, octaves=4)
        line = shore - shape * rough * (0.05 + depth * 0.16) * canvas.unit + (shape <= 0) * 3
        color, top = palette.depth(0.2 + depth), float(line.min())
        land = canvas.mask(box(-2, 0, canvas.width + 2, shore))
        canvas.fill(canvas.below(line), down(top, shore, color, mix(color, palette.sky[3], 0.3)), clip=land)


def _paint_water(theme: Theme, sun_x: float, horizon: float, canvas: Canvas) -> None:
    palette, rng, unit = theme.palette, theme.rng("glitter"), canvas.unit
    top = horizon * canvas.height
    shallow, deep = mix(palette.sky[3], palette.sky[1], 0.35), mix(palette.sky[0], palette.near, 0.45)
    paint = down(top, canvas.height, shallow, mix(palette.sky[1], palette.sky[0], 0.5), deep)
    canvas.shape(box(-2, top, canvas.width + 2, canvas.height + 2), paint)
    depth, shift, length = rng.uniform(0, 1, _STRIPS) ** 1.4, rng.normal(0, 1, _STRIPS), rng.uniform(0.3, 1.0, _STRIPS)
    for level, color in enumerate((palette.light, palette.sky[3], palette.sky[2])):
        strips = []
        for i in range(level, _STRIPS, 3):
            across = shift[i] * (0.05 + 0.16 * depth[i]) * (0.5 + 0.35 * level)
            x, y = canvas.at(sun_x + across, horizon + 0.004 + (0.99 - horizon) * depth[i])
            half, thick = length[i] * (0.02 + 0.07 * depth[i]) * unit, (0.0012 + 0.0035 * depth[i]) * unit
            strips.append(stroke([(x - half, y), (x, y), (x + half, y)], [0, thick, 0]))
        canvas.shape(strips, color, opacity=0.85 - 0.2 * level)


def _paint_boat(theme: Theme, sun_x: float, horizon: float, canvas: Canvas) -> None:
    palette, rng = theme.palette, theme.rng("boat")
    x, y = canvas.at(sun_x + float(rng.choice([-0.2, 0.17, 0.26])), horizon + float(rng.uniform(0.05, 0.12)))
    size = canvas.unit * 0.075
    white = mix(palette.light, palette.sky[3], 0.25)
    shadow = ellipse(x, y + size * 0.16, size * 0.6, size * 0.05)
    canvas.shape(shadow, palette.near, blur=size * 0.06, opacity=0.5)
    for part, color in ((_MAINSAIL, white), (_JIB, mix(white, palette.accent, 0.4)), (_HULL, palette.near)):
        canvas.shape(shifted(part * size, x, y), color)
    reflection = shifted(np.concatenate([_MAINSAIL, _JIB]) * [size, -0.7 * size], x, y + size * 0.14)
    canvas.shape(reflection, white, blur=size * 0.05, opacity=0.22)


def _paint_swell(theme: Theme, horizon: float, canvas: Canvas) -> None:
    palette, rng = theme.palette, theme.rng("swell")
    for number in range(4):
        depth = number / 3
        height = horizon + (1.0 - horizon) * (0.5 + 0.46 * depth)
        wave = noise(rng, canvas.columns(), frequency=1.1 + 0.2 * number, octaves=2, gain=0.3)
        line = height * canvas.height + wave * canvas.unit * (0.025 + 0.02 * depth)
        color = mix(mix(palette.sky[0], palette.sky[1], 0.6 - 0.6 * depth), palette.near, 0.2 + 0.6 * depth)
        crest, top = mix(color, palette.sky[2], 0.55 - 0.25 * depth), float(line.min())
        canvas.fill(canvas.below(line), down(top, top + 0.08 * canvas.unit, crest, color))


def city(theme: Theme) -> Scene:
    """Towers in four depths above water that reflects their lights."""
    palette, choice = theme.palette, theme.rng("composition")
    moon_x, moon_y, center = choice.uniform((-0.35, 0.16, -0.3), (0.35, 0.32, 0.3)).tolist()
    radius = float(choice.choice([0.05, 0.08, 0.13]))

    def paint_air(canvas: Canvas) -> None:
        warm = mix(palette.sky[3], palette.accent, 0.4)
        sky.paint_sky(canvas, theme, canvas.at(moon_x, moon_y), radius * canvas.unit, horizon=0.86)
        sky.paint_clouds(canvas, theme.rng("clouds"), warm, 0.5, 0.35)
        sky.paint_mist(canvas, _WATERFRONT, 0.5, warm, 0.6)

    rows = [
        Plane(name, f"The {name} of the skyline", partial(_paint_towers, theme, center, number), subject=True)
        for number, name in enumerate(_TOWERS)
    ]
    water = Plane("water", "Water with reflected lights", partial(_paint_river, theme), subject=True)
    return (Plane("sky", "The sky over the city", paint_air), *rows, water)


def _paint_towers(theme: Theme, center: float, number: int, canvas: Canvas) -> None:
    palette, rng, unit = theme.palette, theme.rng(f"row {number}"), canvas.unit
    depth = number / (len(_TOWERS) - 1)
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
        left, shore = canvas.at(x, _WATERFRONT + 0.004)
        right, top = left + wide * unit, shore - tall * unit
        if right > 0 and left < canvas.width:
            towers += [box(left, top, right, shore), *_roof(roof, left, top, right, unit)]
            _light(lights, windows, (left, top, right, shore), unit * (0.0105 + 0.0035 * depth))
        x += wide * float(rng.uniform(0.88, 1.25 if number else 1.05))
    foot = mix(color, mix(palette.sky[3], palette.accent, 0.3), 0.5 - 0.4 * depth)
    canvas.shape(towers, down((_WATERFRONT - 0.6) * canvas.height, _WATERFRONT * canvas.height, color, color, foot))
    if depth > 0:
        warm = mix(palette.accent, palette.light, 0.35)
        for shade, shapes in zip((warm, palette.light, palette.second), lights, strict=True):
            canvas.shape(shapes, mix(shade, color, 0.35 * (1 - depth)), opacity=0.55 + 0.35 * depth)
    sky.paint_mist(canvas, _WATERFRONT, 0.12, mix(palette.sky[3], palette.accent, 0.4), 0.3 * (1 - depth))


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


def _paint_river(theme: Theme, canvas: Canvas) -> None:
    palette, rng, unit = theme.palette, theme.rng("water"), canvas.unit
    shore = _WATERFRONT * canvas.height
    deep = mix(palette.near, palette.sky[0], 0.3)
    paint = down(shore, canvas.height, mix(palette.sky[3], palette.near, 0.62), deep, palette.near)
    water = canvas.shape(box(-2, shore, canvas.width + 2, canvas.height + 2), paint)
    for shade in (palette.accent, palette.light, palette.sky[2]):
        columns, streaks = [], []
        for x, wide, long in rng.uniform((-2.0, 0.003, 0.03), (2.0, 0.012, 0.1), (26, 3)).tolist():
            columns.append(box(*canvas.at(x, _WATERFRONT - 0.01), *canvas.at(x + wide, _WATERFRONT + long)))
        for _ in range(46):
            x, y = canvas.at(float(rng.uniform(-2.0, 2.0)), _WATERFRONT + float(rng.exponential(0.045)))
            half, thick = float(rng.uniform(0.006, 0.03)) * unit, 0.0016 * unit
            streaks.append(stroke([(x - half, y), (x, y), (x + half, y)], [0, thick, 0]))
        canvas.shape(columns, shade, blur=0.006 * unit, opacity=0.3, clip=water)
        canvas.shape(streaks, shade, opacity=0.55, clip=water)
