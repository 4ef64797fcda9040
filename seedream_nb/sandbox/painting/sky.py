"""Sky, sun, stars, clouds and mist: the light that outdoor scenes share."""

import numpy as np
from PIL import Image

from seedream_nb.sandbox.painting.canvas import Canvas, Mask, down
from seedream_nb.sandbox.painting.colors import Color, Floats, mix
from seedream_nb.sandbox.painting.curves import Point, ellipse, noise
from seedream_nb.sandbox.painting.theme import Palette, Theme


def paint_sky(canvas: Canvas, theme: Theme, sun: Point, radius: float, *, horizon: float = 0.72) -> None:
    """Fill the canvas with a sky down to the horizon (a share of the height), stars by night, and a sun or moon."""
    palette = theme.palette
    canvas.fill(canvas.whole(), down(0, canvas.height * horizon, *palette.sky))
    if palette.dark:
        paint_stars(canvas, theme.rng("stars"), palette.light, until=horizon)
    if radius:
        _paint_sun(canvas, palette, sun, radius)


def paint_glow(canvas: Canvas, place: Point, radius: float, color: Color, opacity: float) -> None:
    """Paint a soft round light that fades within ``radius`` pixels."""
    canvas.shape(ellipse(*place, radius * 0.45, radius * 0.45), color, blur=radius * 0.28, opacity=opacity)


def _paint_sun(canvas: Canvas, palette: Palette, place: Point, radius: float) -> None:
    x, y = place
    paint_glow(canvas, place, radius * 6.5, mix(palette.light, palette.sky[3], 0.45), 0.42)
    paint_glow(canvas, place, radius * 3.0, palette.light, 0.38)
    paint = down(y - radius, y + radius, palette.light, mix(palette.light, palette.sky[2], 0.22))
    disc = canvas.shape(ellipse(x, y, radius, radius, many=180), paint)
    if palette.dark:
        for spot_x, spot_y, size in ((-0.3, -0.2, 0.26), (0.25, 0.3, 0.2), (0.3, -0.35, 0.13), (-0.15, 0.45, 0.12)):
            spot = ellipse(x + spot_x * radius, y + spot_y * radius, size * radius, size * radius)
            canvas.shape(spot, mix(palette.light, palette.sky[2], 0.35), blur=radius * 0.05, opacity=0.4, clip=disc)


def paint_stars(canvas: Canvas, rng: np.random.Generator, color: Color, *, until: float, many: int = 220) -> None:
    """Scatter stars down to a share of the height; ``many`` is their number on a square canvas."""
    total = many * 5
    x = rng.uniform(-2.5, 2.5, total)
    y = rng.uniform(0.0, 1.0, total) ** 1.3 * until
    size = rng.exponential(0.00055, total) + 0.0006
    bright = rng.uniform(0.25, 1.0, total)
    places = np.stack([canvas.width / 2 + x * canvas.unit, y * canvas.height], axis=-1)
    visible = np.abs(places[:, 0] - canvas.width / 2) < canvas.width / 2
    dot = ellipse(0.0, 0.0, canvas.unit, canvas.unit, many=8)
    for level in (0.35, 0.6, 1.0):
        chosen = np.flatnonzero(visible & (bright <= level) & (bright > level - 0.36))
        canvas.shape([dot * size[i] + places[i] for i in chosen], color, opacity=level)


def paint_clouds(canvas: Canvas, rng: np.random.Generator, color: Color, bottom: float, opacity: float) -> None:
    """Paint long flat clouds down to a share of the height."""
    for _ in range(6):
        x, y = canvas.at(rng.uniform(-0.85, 0.85), rng.uniform(0.12, bottom))
        length, height = rng.uniform(0.12, 0.4) * canvas.unit, rng.uniform(0.006, 0.018) * canvas.unit
        puffs = [
            ellipse(x + rng.uniform(-0.6, 0.6) * length, y + rng.uniform(-1, 1) * height, length * 0.5, height)
            for _ in range(5)
        ]
        canvas.shape(puffs, color, blur=height * 0.55, opacity=rng.uniform(0.4, 1.0) * opacity)


def paint_mist(canvas: Canvas, height: float, thickness: float, color: Color, opacity: float) -> None:
    """Paint a soft band of mist across the canvas; height and thickness are shares of the canvas's height."""
    half = thickness * canvas.height / 2
    band = ellipse(canvas.width / 2, height * canvas.height, canvas.width, half)
    canvas.shape(band, color, blur=max(half * 0.6, 1.0), opacity=opacity)


def ridge_line(
    canvas: Canvas, rng: np.random.Generator, height: float, rise: float, *, frequency: float, peaked: bool
) -> Floats:
    """Return hills or peaks as a height for each pixel column; see `Canvas.below`.

    They rise by ``rise`` units above ``height``, a share of the canvas, with ``frequency`` hills per unit.
    """
    values = noise(rng, canvas.columns(), frequency=frequency, octaves=5, gain=0.46 if peaked else 0.36)
    if peaked:
        values = 1.15 * (1.0 - np.abs(values) * 2.1)
    line: Floats = height * canvas.height - rise * canvas.unit * (values * 0.5 + 0.5)
    return line


def paint_ridge(canvas: Canvas, line: Floats, color: Color, foot: Color, *, fade: float) -> Mask | None:
    """Fill everything below a line, fading into the color of mist within ``fade`` units; return the mask."""
    mask = canvas.below(line)
    top = float(line.min())
    canvas.fill(mask, down(top, top + fade * canvas.unit, color, mix(color, foot, 0.45), foot))
    return mask


def paint_motes(canvas: Canvas, rng: np.random.Generator, color: Color) -> None:
    """Paint a few soft specks of light."""
    for _ in range(9):
        x, y = canvas.at(rng.uniform(-0.45, 0.45), rng.uniform(0.08, 0.8))
        size = rng.uniform(0.004, 0.014) * canvas.unit
        canvas.shape(ellipse(x, y, size, size), color, blur=size * 0.35, opacity=rng.uniform(0.15, 0.45))


def paint_haze(canvas: Canvas, place: Point, color: Color) -> None:
    """Tint the whole image towards a light, as hazy air does."""
    x, y = np.arange(4, canvas.width + 8, 8)[None, :], np.arange(4, canvas.height + 8, 8)[:, None]
    near = np.clip(1 - np.hypot(x - place[0], y - place[1]) / (0.85 * canvas.unit), 0, 1)
    small = Image.fromarray((near * 255).astype(np.uint8))
    canvas.fill(Mask(0, 0, small.resize((canvas.width, canvas.height))), color, opacity=0.16)
