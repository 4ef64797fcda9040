"""Folded waves of color, for prompts without a known subject."""

from functools import partial

import numpy as np

from seedream_nb.sandbox.painting.canvas import Canvas, Linear, Plane, Scene, down, even
from seedream_nb.sandbox.painting.colors import mix
from seedream_nb.sandbox.painting.curves import ellipse, noise, shifted
from seedream_nb.sandbox.painting.sky import paint_glow
from seedream_nb.sandbox.painting.theme import Theme

_SHEETS = 8


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
