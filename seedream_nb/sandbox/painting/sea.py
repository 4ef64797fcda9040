"""The sea in the evening."""

from functools import partial

import numpy as np

from seedream_nb.sandbox.painting import sky
from seedream_nb.sandbox.painting.canvas import Canvas, Plane, Scene, down
from seedream_nb.sandbox.painting.colors import mix
from seedream_nb.sandbox.painting.curves import box, ellipse, noise, polygon, shifted, smooth, stroke
from seedream_nb.sandbox.painting.theme import Theme

_SUNS = ((0.13, 0.58, 0.0), (0.065, 0.66, 0.24), (0.21, 0.56, 0.06), (0.1, 0.47, 0.13))
"""For each composition: the sun's radius, the horizon, and the sun's height above it."""

_MAINSAIL = smooth(polygon(".04,-1.25 .3,-.75 .52,-.12 .04,-.12"), steps=6)
_JIB = polygon("-.03,-1.1 -.1,-.6 -.42,-.12 -.03,-.12")
_HULL = smooth(polygon("-.5,-.06 .6,-.06 .42,.13 -.36,.13"), steps=6)
_STRIPS = 150


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
