"""Scenes of light and color: planets among clouds of gas, and folded waves for prompts without a known subject."""

from functools import partial

import numpy as np
from PIL import Image

from seedream_nb.sandbox.painting.canvas import Canvas, Linear, Mask, Plane, Scene, down, even
from seedream_nb.sandbox.painting.colors import Color, Stops, lighter, mix, ramp
from seedream_nb.sandbox.painting.curves import Frame, Point, ellipse, noise, shifted
from seedream_nb.sandbox.painting.sky import paint_glow, paint_stars
from seedream_nb.sandbox.painting.theme import Theme

_WHITE = (255, 255, 255)
_SHEETS = 8


def space(theme: Theme) -> Scene:
    """A banded planet, with rings in every second variant, its moons, and a nebula behind."""
    palette, choice = theme.palette, theme.rng("composition")
    side, tilt = float(choice.choice([-1.0, 1.0])), float(choice.uniform(-24, 24))
    x, y, radius = ((0, 0.52, 0.25), (0.2 * side, 0.62, 0.36), (-0.16 * side, 0.44, 0.2), (0.02, 1.12, 0.72))[
        theme.variant % 4
    ]

    def paint_ring(canvas: Canvas, *, front: bool) -> None:
        if theme.variant % 2 == 0:
            _paint_ring(theme, Frame(*canvas.at(x, y), radius * canvas.unit, tilt), canvas, front=front)

    def paint_planet(canvas: Canvas) -> None:
        glow = mix(palette.accent, palette.sky[2], 0.4)
        paint_glow(canvas, canvas.at(x, y), radius * canvas.unit * 1.9, glow, 0.5)
        colors = (palette.sky[3], palette.accent, palette.sky[2], palette.light, palette.sky[1], palette.accent)
        paint_ball(canvas, theme.rng("bands"), canvas.at(x, y), radius, even(*colors))

    def paint_moons(canvas: Canvas) -> None:
        rng = theme.rng("moons")
        first_x, first_y, size, second_y = rng.uniform((0.26, 0.1, 0.03, 0.1), (0.42, 0.24, 0.065, 0.3)).tolist()
        bands = even(palette.second, mix(palette.second, palette.light, 0.4), palette.second)
        paint_ball(canvas, rng, canvas.at(-first_x * side, first_y), size, bands)
        paint_ball(canvas, rng, canvas.at(0.36 * side, second_y), 0.02, bands)

    def paint_ball(canvas: Canvas, rng: np.random.Generator, place: Point, size: float, bands: Stops) -> None:
        _paint_ball(canvas, rng, Frame(*place, size * canvas.unit, tilt), bands, side=side, shadow=palette.near)

    return (
        Plane("deep space", "Stars and clouds of gas", partial(_paint_deep, theme)),
        Plane("far ring", "The ring behind the planet", partial(paint_ring, front=False), subject=True),
        Plane("planet", "A banded planet", paint_planet, subject=True),
        Plane("ring", "The ring in front of the planet", partial(paint_ring, front=True), subject=True),
        Plane("moons", "Two moons", paint_moons, subject=True),
    )


def _paint_deep(theme: Theme, canvas: Canvas) -> None:
    palette = theme.palette
    dark = lighter(mix(palette.near, palette.sky[0], 0.25), -0.03)
    canvas.fill(canvas.whole(), Linear((0, 0), (canvas.width, canvas.height), even(dark, palette.near, dark)))
    for number, color in enumerate((palette.sky[1], palette.accent, palette.second, palette.sky[2])):
        _paint_gas(canvas, theme.rng(f"gas {number}"), color, (0.62, 0.3, 0.3, 0.62)[number])
    rng = theme.rng("stars")
    paint_stars(canvas, rng, (255, 250, 240), until=1.0, many=380)
    for x, y, size in rng.uniform((-0.7, 0.04, 0.002), (0.7, 0.9, 0.004), (9, 3)).tolist():
        place, radius = canvas.at(x, y), size * canvas.unit
        paint_glow(canvas, place, radius * 9, mix(palette.accent, _WHITE, 0.5), 0.55)
        canvas.shape(ellipse(*place, radius * 0.8, radius * 0.8, many=16), _WHITE)


def _paint_gas(canvas: Canvas, rng: np.random.Generator, color: Color, opacity: float) -> None:
    x = np.linspace(-1, 1, 160)[None, :] * canvas.width / canvas.unit / 2
    y = np.linspace(-1, 1, 160)[:, None] * canvas.height / canvas.unit / 2
    angle = float(rng.uniform(0, np.pi))
    bend = np.zeros((160, 160))
    for _ in range(7):
        wave, turn = float(rng.uniform(1.5, 9.0)), float(rng.uniform(0, np.pi))
        bend += np.sin(wave * (np.cos(turn) * x + np.sin(turn) * y) + rng.uniform(0, 7) + 0.8 * bend) / wave**0.6
    across = np.cos(angle) * x + np.sin(angle) * y + float(rng.uniform(-0.3, 0.3)) + 0.16 * bend
    cloud = np.exp(-((across / 0.24) ** 2)) * (0.55 + 0.25 * np.sin(4 * bend))
    small = Image.fromarray((np.clip(cloud * opacity, 0, 1) * 255).astype(np.uint8))
    canvas.fill(Mask(0, 0, small.resize((canvas.width, canvas.height), Image.Resampling.BICUBIC)), color)


def _paint_ball(
    canvas: Canvas, rng: np.random.Generator, place: Frame, bands: Stops, *, side: float, shadow: Color
) -> None:
    disc = canvas.mask(place(ellipse(0, 0, 1, 1, many=256)))
    noise_seed = int(rng.integers(0, 2**32))
    if disc is None:
        return
    left, top, right, bottom = disc.bounds
    columns, rows = max(2, (right - left) // 2), max(2, (bottom - top) // 2)
    x = (left + (np.arange(columns) + 0.5) * (right - left) / columns - place.x)[None, :] / place.scale
    y = (top + (np.arange(rows) + 0.5) * (bottom - top) / rows - place.y)[:, None] / place.scale
    turn = np.deg2rad(place.angle)
    along, across = np.cos(turn) * x + np.sin(turn) * y, -np.sin(turn) * x + np.cos(turn) * y
    curl = 0.012 * np.sin(9 * along + 14 * across) + 0.008 * np.sin(23 * along - 9 * across + 2)
    latitude = across / np.sqrt(np.clip(1.15 - 0.15 * along**2, 0.2, None)) + curl + 0.05 * along**2
    places = np.linspace(-1.3, 1.3, 512)
    table = noise(np.random.Generator(np.random.PCG64(noise_seed)), places, frequency=3.2, octaves=4, gain=0.6)
    tone = np.clip(0.5 + 0.5 * np.interp(latitude, places, table), 0, 1)
    depth = np.sqrt(np.clip(1 - x**2 - y**2, 0, 1))
    light = np.clip(-side * -0.62 * x - 0.5 * y + 0.6 * depth, 0, 1)
    rim = (1 - depth) ** 3 * np.clip(light * 1.5, 0, 1) * 70
    night = np.array(shadow) * (1 - light[..., None]) * 0.8
    shaded = night + ramp(bands)[(tone * 255).astype(np.uint8)] * 1.1 * light[..., None] + rim[..., None]
    image = Image.fromarray(np.clip(shaded, 0, 255).astype(np.uint8))
    canvas.paste(image.resize((right - left, bottom - top), Image.Resampling.BICUBIC), disc)


def _paint_ring(theme: Theme, place: Frame, canvas: Canvas, *, front: bool) -> None:
    palette, rng = theme.palette, theme.rng("ring")
    around = np.linspace(0, np.pi, 120) + (0 if front else np.pi)
    circle = np.stack([np.cos(around), np.sin(around) * 0.24], axis=-1)
    radius = 1.32
    for _ in range(9):
        wide = float(rng.uniform(0.02, 0.085))
        band = np.concatenate([circle * radius, (circle * (radius + wide))[::-1]])
        color = mix(palette.sky[3], palette.accent, float(rng.uniform(0, 0.7)))
        canvas.shape(place(band), color, opacity=float(rng.uniform(0.35, 0.92)))
        radius += wide + float(rng.uniform(0.004, 0.02))


def abstract(theme: Theme) -> Scene:
    """Silky sheets, each with a lit edge and a soft shadow on the one behind."""
    palette, choice = theme.palette, theme.rng("composition")
    lean = float(choice.uniform(0.25, 0.75) * choice.choice([-1.0, 1.0]))
    frequency = float(choice.uniform(0.55, 1.0))
    disc_x, disc_y, disc_size = choice.uniform((-0.3, 0.2, 0.1), (0.3, 0.34, 0.18)).tolist()

    def paint_ground(canvas: Canvas) -> None:
        canvas.fill(canvas.whole(), Linear((0, 0), (canvas.width * 0.4, canvas.height), even(*palette.sky)))
        (x, y), radius = canvas.at(disc_x, disc_y), disc_size * canvas.unit
        paint_glow(canvas, (x, y), radius * 4, palette.light, 0.45)
        sun = down(y - radius, y + radius, palette.light, mix(palette.sky[2], palette.sky[3], 0.4))
        canvas.shape(ellipse(x, y, radius, radius, many=180), sun)

    def paint_sheet(number: int, canvas: Canvas) -> None:
        rng, x, unit = theme.rng(f"sheet {number}"), canvas.columns(), canvas.unit
        depth = number / (_SHEETS - 1)
        wave = noise(theme.rng("shared wave"), x + depth * 0.22, frequency=frequency, octaves=2, gain=0.35)
        wave += 0.4 * noise(rng, x, frequency=frequency * 1.3, octaves=1)
        line = (0.3 + 0.62 * depth) * canvas.height - (wave * 0.2 - lean * x * 0.3) * unit
        first = mix(palette.sky[int(rng.integers(0, 3))], palette.near, 0.25 * depth)
        base = mix(first, palette.sky[number % 4], 0.5)
        accent = palette.accent if number % 3 == 1 else palette.sky[(number + 2) % 4]
        start, end = (0.0, float(line.min())), (float(canvas.width), float(line.max()) + 0.5 * unit)
        if number % 2 == 0:
            start, end = (end[0], start[1]), (start[0], end[1])
        paint = Linear(start, end, even(mix(accent, palette.light, 0.25), base, mix(base, palette.near, 0.45)))
        edge = np.stack([np.arange(canvas.width), line], axis=-1)[:: max(1, canvas.width // 160)]
        low = [(canvas.width + 50, line[-1]), (canvas.width + 50, canvas.height * 2), (-50, canvas.height * 2)]
        shadow = shifted(np.concatenate([[(-50, line[0])], edge, low]), 0, -0.018 * unit)
        canvas.shape(shadow, palette.near, blur=0.03 * unit, opacity=0.42)
        mask = canvas.below(line)
        canvas.fill(mask, paint)
        band = np.concatenate([edge, shifted(edge[::-1], 0, 0.012 * unit)])
        canvas.shape(band, palette.light, blur=0.006 * unit, opacity=0.5, clip=mask)

    sheets = [
        Plane(f"wave {number + 1}", f"Wave {number + 1} of folded color", partial(paint_sheet, number), subject=True)
        for number in range(_SHEETS)
    ]
    return (Plane("ground", "A gradient with a disc of light", paint_ground), *sheets)
