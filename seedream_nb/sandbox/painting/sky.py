"""Sky, sun, stars, clouds and mist: the light that every outdoor scene shares."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedream_nb.sandbox.painting.canvas import Canvas, Linear, Mask, Radial, even
from seedream_nb.sandbox.painting.colors import Color, Floats, mix
from seedream_nb.sandbox.painting.curves import ellipse, noise, smooth

if TYPE_CHECKING:
    from seedream_nb.sandbox.painting.palettes import Palette


def paint_sky(canvas: Canvas, palette: Palette, *, horizon: float = 0.72) -> None:
    """Fill the canvas with the palette's sky.

    Args:
        canvas: Painted all over.
        palette: Colours.
        horizon: Where the sky's last colour lies, as a fraction of the height.
    """
    canvas.fill(canvas.whole(), Linear((0, 0), (0, canvas.height * horizon), even(*palette.sky)))


def paint_glow(canvas: Canvas, place: tuple[float, float], radius: float, color: Color, opacity: float) -> None:
    """A soft round light.

    Args:
        canvas: Painted on.
        place: Centre, pixels.
        radius: Where the light has faded, pixels.
        color: The light's colour.
        opacity: In its middle, 0-1.
    """
    canvas.shape(ellipse(*place, radius * 0.45, radius * 0.45), color, blur=radius * 0.28, opacity=opacity)


def paint_sun(canvas: Canvas, palette: Palette, place: tuple[float, float], radius: float) -> None:
    """Sun or moon with its halo.

    Args:
        canvas: Painted on.
        palette: The `light` is the disc's colour; on a dark palette it is a moon.
        place: Centre, pixels.
        radius: Of the disc, pixels.
    """
    warm = mix(palette.light, palette.sky[3], 0.45)
    paint_glow(canvas, place, radius * 6.5, warm, 0.42)
    paint_glow(canvas, place, radius * 3.0, palette.light, 0.38)
    edge = mix(palette.light, palette.sky[2], 0.22)
    paint = Linear((place[0], place[1] - radius), (place[0], place[1] + radius), even(palette.light, edge))
    disc = canvas.shape(ellipse(*place, radius, radius, points=180), paint)
    if palette.dark:
        for x, y, size in ((-0.3, -0.2, 0.26), (0.25, 0.3, 0.2), (0.3, -0.35, 0.13), (-0.15, 0.45, 0.12)):
            spot = ellipse(place[0] + x * radius, place[1] + y * radius, size * radius, size * radius)
            canvas.shape(spot, mix(palette.light, palette.sky[2], 0.35), blur=radius * 0.05, opacity=0.4, clip=disc)


def paint_stars(canvas: Canvas, rng: np.random.Generator, color: Color, *, until: float = 0.7, many: int = 220) -> None:
    """Scatter stars, thinning towards the horizon.

    Args:
        canvas: Painted on.
        rng: Chance.
        color: Of the stars.
        until: No star lies below this fraction of the height.
        many: How many, on a square canvas.
    """
    total = many * 5
    x = rng.uniform(-2.5, 2.5, total)
    y = rng.uniform(0.0, 1.0, total) ** 1.3 * until
    size = rng.exponential(0.00055, total) + 0.0006
    bright = rng.uniform(0.25, 1.0, total)
    places = np.stack([canvas.width / 2 + x * canvas.unit, y * canvas.height], axis=-1)
    visible = np.abs(places[:, 0] - canvas.width / 2) < canvas.width / 2
    dot = ellipse(0.0, 0.0, canvas.unit, canvas.unit, points=8)
    for level in (0.35, 0.6, 1.0):
        chosen = np.flatnonzero(visible & (bright <= level) & (bright > level - 0.36))
        canvas.shape([dot * size[i] + places[i] for i in chosen], color, opacity=level)


def paint_clouds(
    canvas: Canvas, rng: np.random.Generator, color: Color, *, top: float, bottom: float, opacity: float, many: int = 5
) -> None:
    """Long flat clouds with soft undersides.

    Args:
        canvas: Painted on.
        rng: Chance.
        color: Of the clouds.
        top: Highest place, as a fraction of the height.
        bottom: Lowest place.
        opacity: At most, 0-1.
        many: How many.
    """
    for _ in range(many):
        x, y = canvas.at(rng.uniform(-0.85, 0.85), rng.uniform(top, bottom))
        length, height = rng.uniform(0.12, 0.4) * canvas.unit, rng.uniform(0.006, 0.018) * canvas.unit
        strength = rng.uniform(0.4, 1.0) * opacity
        puffs = []
        for _ in range(5):
            shift = rng.uniform(-0.6, 0.6)
            puffs.append(ellipse(x + shift * length, y + rng.uniform(-1, 1) * height, length * 0.5, height))
        canvas.shape(puffs, color, blur=height * 0.55, opacity=strength)


def paint_mist(canvas: Canvas, height: float, thickness: float, color: Color, opacity: float) -> None:
    """A soft band of mist across the canvas.

    Args:
        canvas: Painted on.
        height: Of the band's middle, as a fraction of the height.
        thickness: As a fraction of the height.
        color: Of the mist.
        opacity: In its middle, 0-1.
    """
    middle, half = height * canvas.height, thickness * canvas.height / 2
    reach = canvas.width
    canvas.shape(ellipse(canvas.width / 2, middle, reach, half), color, blur=max(half * 0.6, 1.0), opacity=opacity)


def ridge_line(
    canvas: Canvas,
    rng: np.random.Generator,
    *,
    height: float,
    rise: float,
    frequency: float,
    octaves: int = 5,
    peaked: bool,
) -> Floats:
    """A line of hills or peaks, one height per pixel column.

    Args:
        canvas: Gives the columns.
        rng: Chance.
        height: Of the line's foot, as a fraction of the canvas's height.
        rise: How far it rises above that, in units.
        frequency: Hills per unit.
        octaves: Roughness.
        peaked: Sharp summits instead of round hills.

    Returns:
        Heights in pixels from the top.
    """
    values = noise(rng, canvas.columns(), frequency=frequency, octaves=octaves, gain=0.46 if peaked else 0.36)
    if peaked:
        values = 1.15 * (1.0 - np.abs(values) * 2.1)
    line: Floats = height * canvas.height - rise * canvas.unit * (values * 0.5 + 0.5)
    return line


def paint_ridge(canvas: Canvas, line: Floats, color: Color, foot: Color, *, fade: float = 0.35) -> Mask | None:
    """Fill everything below a line, fading into mist downwards.

    Args:
        canvas: Painted on.
        line: From `ridge_line`.
        color: At the top of the line.
        foot: The mist's colour.
        fade: Height over which the colour turns to mist, in units.

    Returns:
        The ridge's mask.
    """
    mask = canvas.below(line)
    top = float(line.min())
    canvas.fill(mask, Linear((0, top), (0, top + fade * canvas.unit), even(color, mix(color, foot, 0.45), foot)))
    return mask


def paint_birds(canvas: Canvas, rng: np.random.Generator, color: Color, place: tuple[float, float]) -> None:
    """A few distant birds around a place (units from the middle, fraction of the height)."""
    birds = []
    for _ in range(int(rng.integers(3, 7))):
        x, y = canvas.at(place[0] + rng.normal(0, 0.07), place[1] + rng.normal(0, 0.025))
        span = rng.uniform(0.008, 0.016) * canvas.unit
        wing = np.array(
            [(-1, -0.25), (-0.5, -0.42), (0, 0.05), (0.5, -0.42), (1, -0.25), (0.5, -0.25), (0, 0.22), (-0.5, -0.25)]
        )
        birds.append(smooth(wing * span + [x, y], steps=4))
    canvas.shape(birds, color, opacity=0.75)


def paint_motes(canvas: Canvas, rng: np.random.Generator, color: Color) -> None:
    """A few soft specks of light that float in the air."""
    for _ in range(9):
        x, y = canvas.at(rng.uniform(-0.45, 0.45), rng.uniform(0.08, 0.8))
        size = rng.uniform(0.004, 0.014) * canvas.unit
        canvas.shape(ellipse(x, y, size, size), color, blur=size * 0.35, opacity=rng.uniform(0.15, 0.45))


def paint_light_from(canvas: Canvas, place: tuple[float, float], color: Color, *, reach: float, opacity: float) -> None:
    """Warm the whole picture towards a light, as air does; ``reach`` is in units."""
    glow = Radial(place, (reach * canvas.unit, reach * canvas.unit), ((0.0, (255, 255, 255)), (1.0, (0, 0, 0))))
    small = Canvas(max(2, canvas.width // 8), max(2, canvas.height // 8))
    scaled = Radial((place[0] / 8, place[1] / 8), (glow.radius[0] / 8, glow.radius[1] / 8), glow.stops)
    small.fill(small.whole(), scaled)
    mask = Mask(0, 0, small.picture().convert("L").resize((canvas.width, canvas.height)))
    canvas.fill(mask, color, opacity=opacity)
