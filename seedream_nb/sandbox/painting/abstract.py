"""Abstract compositions for prompts that name no known subject: folded waves of colour, and threads in a current."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from seedream_nb.sandbox.painting.canvas import Canvas, Linear, even
from seedream_nb.sandbox.painting.colors import mix, turned
from seedream_nb.sandbox.painting.curves import ellipse, noise, shifted
from seedream_nb.sandbox.painting.scene import Plane, Scene
from seedream_nb.sandbox.painting.sky import paint_glow

if TYPE_CHECKING:
    from seedream_nb.sandbox.painting.theme import Theme

_SHEETS = 8


def abstract(theme: Theme) -> Scene:
    """Silky sheets, each with a lit edge and a soft shadow on the one behind."""
    palette = theme.palette
    choice = theme.rng("composition")
    lean = float(choice.uniform(0.25, 0.75)) * float(choice.choice([-1.0, 1.0]))
    frequency = float(choice.uniform(0.55, 1.0))
    disc = float(choice.uniform(-0.3, 0.3)), float(choice.uniform(0.2, 0.34)), float(choice.uniform(0.1, 0.18))
    colors = (*palette.sky, palette.light, palette.accent, palette.second)

    def paint_ground(canvas: Canvas) -> None:
        ends = even(palette.sky[0], palette.sky[1], palette.sky[2], palette.sky[3])
        canvas.fill(canvas.whole(), Linear((0, 0), (canvas.width * 0.4, canvas.height), ends))
        place = canvas.at(disc[0], disc[1])
        paint_glow(canvas, place, disc[2] * 4 * canvas.unit, palette.light, 0.45)
        radius = disc[2] * canvas.unit
        sun = even(palette.light, mix(palette.sky[2], palette.sky[3], 0.4))
        canvas.shape(
            ellipse(*place, radius, radius, points=180), Linear((0, place[1] - radius), (0, place[1] + radius), sun)
        )

    def paint_sheet(number: int, canvas: Canvas) -> None:
        rng = theme.rng(f"sheet {number}")
        shared = theme.rng("shared wave")
        depth = number / (_SHEETS - 1)
        x = canvas.columns()
        wave = noise(shared, x + depth * 0.22, frequency=frequency, octaves=2, gain=0.35)
        wave += 0.4 * noise(rng, x, frequency=frequency * 1.3, octaves=1)
        line = (0.3 + 0.62 * depth) * canvas.height - (wave * 0.2 - lean * x * 0.3) * canvas.unit
        top, bottom = float(line.min()), float(line.max()) + 0.5 * canvas.unit
        first = colors[int(rng.integers(0, 3))]
        base = mix(mix(first, palette.near, 0.25 * depth), palette.sky[number % 4], 0.5)
        accent = palette.accent if number % 3 == 1 else palette.sky[(number + 2) % 4]
        tilted = (canvas.width, bottom) if number % 2 else (0.0, bottom)
        start = (0.0, top) if number % 2 else (float(canvas.width), top)
        paint = Linear(start, tilted, even(mix(accent, palette.light, 0.25), base, mix(base, palette.near, 0.45)))
        step = max(1, canvas.width // 160)
        pick = slice(None, None, step)
        along = np.arange(canvas.width)[pick]
        edge = np.stack([along, line[pick]], axis=-1)
        low = np.array([(canvas.width + 50, canvas.height * 2.0), (-50, canvas.height * 2.0)])
        ends = np.array([(canvas.width + 50, line[-1])]), np.array([(-50, line[0])])
        shadow = shifted(np.concatenate([ends[1], edge, ends[0], low]), 0.0, -0.018 * canvas.unit)
        canvas.shape(shadow, turned(palette.near, lightness=-0.02), blur=0.03 * canvas.unit, opacity=0.42)
        mask = canvas.below(line)
        canvas.fill(mask, paint)
        band = np.concatenate([edge, shifted(edge, 0.0, 0.012 * canvas.unit)[::-1]])
        canvas.shape(band, palette.light, blur=0.006 * canvas.unit, opacity=0.5, clip=mask)

    sheets = tuple(
        Plane(
            f"wave {number + 1}",
            f"Wave {number + 1} of folded colour",
            partial(paint_sheet, number),
            subject=True,
        )
        for number in range(_SHEETS)
    )
    return (Plane("ground", "A gradient with a disc of light", paint_ground), *sheets)
