"""The sea in the evening."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from seedream_nb.sandbox.painting import sky
from seedream_nb.sandbox.painting.canvas import Canvas, Linear, even
from seedream_nb.sandbox.painting.colors import mix, turned
from seedream_nb.sandbox.painting.curves import box, ellipse, noise, shifted, smooth, stroke
from seedream_nb.sandbox.painting.scene import Plane, Scene

if TYPE_CHECKING:
    from seedream_nb.sandbox.painting.theme import Theme

_SUNS = ((0.13, 0.58, 0.0), (0.065, 0.66, 0.24), (0.21, 0.56, 0.06), (0.1, 0.47, 0.13))
"""For each composition: the sun's radius, the horizon, and the sun's height above it."""


def sea(theme: Theme) -> Scene:
    """Evening sun over the sea, its path of light, islands and a sail."""
    palette = theme.palette
    sun_x = float(theme.rng("composition").uniform(-0.24, 0.24))
    radius, horizon, above = _SUNS[theme.variant % len(_SUNS)]

    def paint_air(canvas: Canvas) -> None:
        sky.paint_sky(canvas, palette, horizon=horizon)
        if palette.dark:
            sky.paint_stars(canvas, theme.rng("stars"), palette.light, until=horizon)
        sky.paint_sun(canvas, palette, canvas.at(sun_x, horizon - above), radius * canvas.unit)
        rng = theme.rng("clouds")
        warm = mix(palette.sky[2], palette.sky[3], 0.45)
        sky.paint_clouds(canvas, rng, warm, top=0.1, bottom=horizon - 0.05, opacity=0.55, many=7)
        sky.paint_birds(canvas, rng, palette.near, (sun_x * -1.0, horizon * 0.5))

    return (
        Plane("sky", "Evening sky with the sun", paint_air),
        Plane("islands", "Islands on the horizon", partial(_paint_islands, theme, sun_x, horizon), subject=True),
        Plane("water", "The sea with the sun's path", partial(_paint_water, theme, sun_x, horizon), subject=True),
        Plane("boat", "A small sailing boat", partial(_paint_boat, theme, sun_x, horizon), subject=True),
        Plane("swell", "Waves in front", partial(_paint_swell, theme, horizon), subject=True),
    )


def _paint_water(theme: Theme, sun_x: float, horizon: float, canvas: Canvas) -> None:
    palette = theme.palette
    top = horizon * canvas.height
    deep = mix(palette.sky[0], palette.near, 0.45)
    water = box(-2, top, canvas.width + 2, canvas.height + 2)
    colors = even(mix(palette.sky[3], palette.sky[1], 0.35), mix(palette.sky[1], palette.sky[0], 0.5), deep)
    canvas.shape(water, Linear((0, top), (0, canvas.height), colors))
    _paint_glitter(theme, sun_x, horizon, canvas)


def _paint_islands(theme: Theme, sun_x: float, horizon: float, canvas: Canvas) -> None:
    palette = theme.palette
    rng = theme.rng("islands")
    for depth, offset in ((0.15, 0.35), (0.4, 0.62)):
        x = -np.sign(sun_x or 1.0) * (offset + float(rng.uniform(-0.06, 0.06)))
        columns = canvas.columns()
        shape = np.clip(1 - ((columns - x) / (0.26 + depth * 0.35)) ** 2, 0, None) ** 0.8
        rough = 1 + 0.35 * noise(rng, columns, frequency=6, octaves=4)
        line = horizon * canvas.height - shape * rough * (0.05 + depth * 0.16) * canvas.unit + (shape <= 0) * 3
        mask = canvas.below(np.minimum(line, horizon * canvas.height + 1))
        land = canvas.mask(box(-2, 0, canvas.width + 2, horizon * canvas.height))
        color = palette.depth(0.2 + depth)
        top = float(line.min())
        paint = Linear((0, top), (0, horizon * canvas.height), even(color, mix(color, palette.sky[3], 0.3)))
        canvas.fill(mask, paint, clip=land)


def _paint_boat(theme: Theme, sun_x: float, horizon: float, canvas: Canvas) -> None:
    palette = theme.palette
    rng = theme.rng("boat")
    x, y = canvas.at(sun_x + float(rng.choice([-0.2, 0.17, 0.26])), horizon + float(rng.uniform(0.05, 0.12)))
    size = canvas.unit * 0.075
    white = mix(palette.light, palette.sky[3], 0.25)
    shadow = ellipse(x, y + size * 0.16, size * 0.6, size * 0.05)
    canvas.shape(shadow, palette.near, blur=size * 0.06, opacity=0.5)
    main = smooth([(0.04, -1.25), (0.3, -0.75), (0.52, -0.12), (0.04, -0.12)], steps=6)
    jib = np.array([(-0.03, -1.1), (-0.1, -0.6), (-0.42, -0.12), (-0.03, -0.12)])
    hull = smooth([(-0.5, -0.06), (0.6, -0.06), (0.42, 0.13), (-0.36, 0.13)], steps=6)
    canvas.shape(shifted(main * size, x, y), white)
    canvas.shape(shifted(jib * size, x, y), mix(white, palette.accent, 0.4))
    canvas.shape(shifted(hull * size, x, y), palette.near)
    mirrored = shifted(np.concatenate([main, jib]) * [1, -0.7] * size, x, y + size * 0.14)
    canvas.shape(mirrored, white, blur=size * 0.05, opacity=0.22)


def _paint_swell(theme: Theme, horizon: float, canvas: Canvas) -> None:
    palette = theme.palette
    rng = theme.rng("swell")
    for number in range(4):
        depth = number / 3
        height = horizon + (1.0 - horizon) * (0.5 + 0.46 * depth)
        x = canvas.columns()
        wave = noise(rng, x, frequency=1.1 + 0.2 * number, octaves=2, gain=0.3)
        line = height * canvas.height + wave * canvas.unit * (0.025 + 0.02 * depth)
        color = mix(mix(palette.sky[0], palette.sky[1], 0.6 - 0.6 * depth), palette.near, 0.2 + 0.6 * depth)
        crest = mix(color, palette.sky[2], 0.55 - 0.25 * depth)
        mask = canvas.below(line)
        top = float(line.min())
        canvas.fill(
            mask,
            Linear((0, top), (0, top + 0.16 * canvas.unit), even(crest, color, turned(color, lightness=-0.02))),
        )


def _paint_glitter(theme: Theme, sun_x: float, horizon: float, canvas: Canvas) -> None:
    rng = theme.rng("glitter")
    palette = theme.palette
    depth = rng.uniform(0, 1, 150) ** 1.4
    shift = rng.normal(0, 1, 150)
    length = rng.uniform(0.3, 1.0, 150)
    for level, color in ((0, palette.light), (1, palette.sky[3]), (2, palette.sky[2])):
        strips = []
        for i in range(level, 150, 3):
            spread = 0.05 + 0.16 * depth[i]
            x, y = canvas.at(
                sun_x + shift[i] * spread * (0.5 + 0.35 * level), horizon + 0.004 + (0.99 - horizon) * depth[i]
            )
            half = length[i] * (0.02 + 0.07 * depth[i]) * canvas.unit
            strips.append(
                stroke([(x - half, y), (x, y), (x + half, y)], [0, canvas.unit * (0.0012 + 0.0035 * depth[i]), 0])
            )
        canvas.shape(strips, color, opacity=0.85 - 0.2 * level)
