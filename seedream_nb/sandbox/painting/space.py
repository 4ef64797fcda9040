"""Planets among stars and clouds of gas."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from seedream_nb.sandbox.painting import sky
from seedream_nb.sandbox.painting.canvas import Canvas, Linear, Mask, even
from seedream_nb.sandbox.painting.colors import Color, Floats, mix, ramp, turned
from seedream_nb.sandbox.painting.curves import Frame, ellipse, noise
from seedream_nb.sandbox.painting.scene import Plane, Scene

if TYPE_CHECKING:
    from seedream_nb.sandbox.painting.theme import Theme


def space(theme: Theme) -> Scene:
    """A banded planet, with rings in most variants, its moons, and a nebula behind."""
    palette = theme.palette
    choice = theme.rng("composition")
    side = float(choice.choice([-1.0, 1.0]))
    planet = (
        (0.0, 0.52, 0.25),
        (0.2 * side, 0.62, 0.36),
        (-0.16 * side, 0.44, 0.2),
        (0.02 * side, 1.12, 0.72),
    )[theme.variant % 4]
    tilt = float(choice.uniform(-24, 24))
    ringed = theme.variant % 4 in {0, 2}

    def paint_ring(half: str, canvas: Canvas) -> None:
        if ringed:
            _paint_ring(canvas, theme, planet, tilt, front=half == "front")

    def paint_planet(canvas: Canvas) -> None:
        place, radius = canvas.at(planet[0], planet[1]), planet[2] * canvas.unit
        sky.paint_glow(canvas, place, radius * 1.9, mix(palette.accent, palette.sky[2], 0.4), 0.5)
        colors = (palette.sky[3], palette.accent, palette.sky[2], palette.light, palette.sky[1], palette.accent)
        _paint_ball(
            canvas, theme.rng("bands"), place, radius, even(*colors), angle=tilt, side=side, shadow=palette.near
        )

    def paint_moons(canvas: Canvas) -> None:
        rng = theme.rng("moons")
        low, high = (0.26, 0.1, 0.03, 0.1), (0.42, 0.24, 0.065, 0.3)
        first_x, first_y, first_size, second_y = rng.uniform(low, high).tolist()
        for x, y, size in ((-first_x * side, first_y, first_size), (0.36 * side, second_y, 0.02)):
            colors = even(palette.second, mix(palette.second, palette.light, 0.4), palette.second)
            _paint_ball(
                canvas, rng, canvas.at(x, y), size * canvas.unit, colors, angle=tilt, side=side, shadow=palette.near
            )

    return (
        Plane("deep space", "Stars and clouds of gas", partial(_paint_deep, theme)),
        Plane("far ring", "The ring behind the planet", partial(paint_ring, "back"), subject=True),
        Plane("planet", "A banded planet", paint_planet, subject=True),
        Plane("ring", "The ring before the planet", partial(paint_ring, "front"), subject=True),
        Plane("moons", "Two moons", paint_moons, subject=True),
    )


def _paint_deep(theme: Theme, canvas: Canvas) -> None:
    palette = theme.palette
    dark = turned(mix(palette.near, palette.sky[0], 0.25), lightness=-0.03)
    canvas.fill(canvas.whole(), Linear((0, 0), (canvas.width, canvas.height), even(dark, palette.near, dark)))
    for number, color in enumerate((palette.sky[1], palette.accent, palette.second, palette.sky[2])):
        _paint_gas(canvas, theme.rng(f"gas {number}"), color, opacity=0.62 if number in {0, 3} else 0.3)
    rng = theme.rng("stars")
    sky.paint_stars(canvas, rng, (255, 250, 240), until=1.0, many=380)
    for _ in range(9):
        x, y = canvas.at(float(rng.uniform(-0.7, 0.7)), float(rng.uniform(0.04, 0.9)))
        size = float(rng.uniform(0.002, 0.004)) * canvas.unit
        sky.paint_glow(canvas, (x, y), size * 9, mix(palette.accent, (255, 255, 255), 0.5), 0.55)
        canvas.shape(ellipse(x, y, size * 0.8, size * 0.8, points=16), (255, 252, 246))


def _paint_gas(canvas: Canvas, rng: np.random.Generator, color: Color, *, opacity: float) -> None:
    x = np.linspace(-1, 1, 160)[None, :] * canvas.width / canvas.unit / 2
    y = np.linspace(-1, 1, 160)[:, None] * canvas.height / canvas.unit / 2
    angle = float(rng.uniform(0, np.pi))
    bend = np.zeros(np.broadcast_shapes(x.shape, y.shape))
    for _ in range(7):
        wave, turn = float(rng.uniform(1.5, 9.0)), float(rng.uniform(0, np.pi))
        bend += np.sin(wave * (np.cos(turn) * x + np.sin(turn) * y) + rng.uniform(0, 7) + 0.8 * bend) / wave**0.6
    across = np.cos(angle) * x + np.sin(angle) * y + float(rng.uniform(-0.3, 0.3)) + 0.16 * bend
    cloud = np.exp(-((across / 0.24) ** 2)) * (0.55 + 0.25 * np.sin(4 * bend))
    small = Image.fromarray((np.clip(cloud * opacity, 0, 1) * 255).astype(np.uint8))
    mask = Mask(0, 0, small.resize((canvas.width, canvas.height), Image.Resampling.BICUBIC))
    canvas.fill(mask, color)


def _paint_ball(
    canvas: Canvas,
    rng: np.random.Generator,
    place: tuple[float, float],
    radius: float,
    bands: tuple[tuple[float, Color], ...],
    *,
    angle: float,
    side: float,
    shadow: Color,
) -> None:
    disc = canvas.mask(ellipse(*place, radius, radius, points=256))
    wobble = rng.integers(0, 2**32)
    if disc is None:
        return
    left, top, right, bottom = disc.bounds
    columns, rows = max(2, (right - left) // 2), max(2, (bottom - top) // 2)
    x = (left + (np.arange(columns) + 0.5) * (right - left) / columns - place[0])[None, :] / radius
    y = (top + (np.arange(rows) + 0.5) * (bottom - top) / rows - place[1])[:, None] / radius
    turn = np.deg2rad(angle)
    along, across = np.cos(turn) * x + np.sin(turn) * y, -np.sin(turn) * x + np.cos(turn) * y
    curl = 0.012 * np.sin(9 * along + 14 * across) + 0.008 * np.sin(23 * along - 9 * across + 2)
    latitude = across / np.sqrt(np.clip(1.15 - 0.15 * along**2, 0.2, None)) + curl + 0.05 * along**2
    local = np.random.Generator(np.random.PCG64(int(wobble)))
    table = 0.5 + 0.5 * noise(local, np.linspace(-1.3, 1.3, 512), frequency=3.2, octaves=4, gain=0.6)
    tone = np.interp(latitude.ravel(), np.linspace(-1.3, 1.3, 512), table).reshape(latitude.shape)
    pixels = ramp(bands)[(np.clip(tone, 0, 1) * 255).astype(np.uint8)].astype(np.float32)
    night = np.array(shadow, dtype=np.float32)
    depth = np.sqrt(np.clip(1 - x**2 - y**2, 0, 1))
    light = np.clip(-side * -0.62 * x - 0.5 * y + 0.6 * depth, 0, 1)
    rim = (1 - depth) ** 3 * np.clip(light * 1.5, 0, 1)
    shaded: Floats = night * (1 - light[..., None]) * 0.8 + pixels * 1.1 * light[..., None] + rim[..., None] * 70
    picture = Image.fromarray(np.clip(shaded, 0, 255).astype(np.uint8))
    canvas.lay(picture.resize((right - left, bottom - top), Image.Resampling.BICUBIC), disc)


def _paint_ring(canvas: Canvas, theme: Theme, planet: tuple[float, float, float], tilt: float, *, front: bool) -> None:
    palette, rng = theme.palette, theme.rng("ring")
    place = canvas.at(planet[0], planet[1])
    frame = Frame(*place, planet[2] * canvas.unit, tilt)
    around = np.linspace(0, np.pi, 120) if front else np.linspace(np.pi, 2 * np.pi, 120)
    circle = np.stack([np.cos(around), np.sin(around) * 0.24], axis=-1)
    radius = 1.32
    for _ in range(9):
        wide = float(rng.uniform(0.02, 0.085))
        band = np.concatenate([circle * radius, (circle * (radius + wide))[::-1]])
        color = mix(palette.sky[3], palette.accent, float(rng.uniform(0, 0.7)))
        canvas.shape(frame(band), color, opacity=float(rng.uniform(0.35, 0.92)))
        radius += wide + float(rng.uniform(0.004, 0.02))
