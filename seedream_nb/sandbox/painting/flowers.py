"""A bouquet in a vase, in front of an arch of light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedream_nb.sandbox.painting.canvas import Canvas, Linear, Radial, even
from seedream_nb.sandbox.painting.colors import Color, Floats, mix, turned
from seedream_nb.sandbox.painting.curves import Frame, box, ellipse, mirrored, smooth, stroke
from seedream_nb.sandbox.painting.scene import Plane, Scene
from seedream_nb.sandbox.painting.sky import paint_glow

if TYPE_CHECKING:
    from seedream_nb.sandbox.painting.theme import Theme

_TABLE = 0.8


def flowers(theme: Theme) -> Scene:
    """Stems fan out of a vase; large blooms in front, leaves between."""
    palette = theme.palette
    choice = theme.rng("composition")
    vase = int(choice.integers(0, 3))
    stems = _stems(theme.rng("stems"), int(choice.integers(7, 11)))
    leaf = mix(palette.second if _greenish(palette.second) else (58, 106, 88), palette.near, 0.3)

    def frame(canvas: Canvas) -> Frame:
        return Frame(*canvas.at(0.0, _TABLE + 0.07), min(canvas.unit, canvas.height * 1.0) * 0.98)

    def paint_wall(canvas: Canvas) -> None:
        top, bottom = mix(palette.sky[1], palette.sky[2], 0.4), mix(palette.sky[3], palette.sky[2], 0.25)
        canvas.fill(canvas.whole(), Linear((0, 0), (canvas.width * 0.3, canvas.height), even(top, bottom)))
        x, y = canvas.at(0.0, 0.43)
        wide = 0.36 * canvas.unit
        around = np.linspace(np.pi, 2 * np.pi, 90)
        arch = np.stack([x + np.cos(around) * wide, y + np.sin(around) * wide], axis=-1)
        arch = np.concatenate([arch, [(x + wide, canvas.height * _TABLE), (x - wide, canvas.height * _TABLE)]])
        colors = even(mix(palette.light, palette.accent, 0.25), palette.light)
        paint_glow(canvas, (x, y), 0.9 * canvas.unit, palette.light, 0.5)
        canvas.shape(arch, Linear((0, y - wide), (0, canvas.height * _TABLE), colors), opacity=0.85)
        edge = canvas.height * _TABLE
        table = mix(palette.accent, palette.sky[3], 0.55)
        canvas.shape(
            box(-2, edge, canvas.width + 2, canvas.height + 2),
            Linear((0, edge), (0, canvas.height), even(table, mix(table, palette.near, 0.3))),
        )

    def paint_stems(canvas: Canvas) -> None:
        place = frame(canvas)
        for number, (x, y, _, bend) in enumerate(stems):
            path = smooth([(0.0, -0.2), (x * 0.2 + bend, -0.38), (x * 0.75, y * 0.8), (x, y)], closed=False)
            canvas.shape(place(stroke(path, [0.006, 0.004])), leaf)
            rng = theme.rng(f"leaf {number}")
            for at in (0.45, 0.7):
                spot = path[int(len(path) * at)]
                angle = float(rng.uniform(25, 70)) * (1 if (number + int(at * 10)) % 2 else -1)
                _paint_leaf(canvas, place.inner(*spot, angle=angle), float(rng.uniform(0.13, 0.2)), leaf, palette.light)

    def paint_vase(canvas: Canvas) -> None:
        place = frame(canvas)
        half: tuple[tuple[float, float], ...] = (
            ((0.055, -0.34), (0.05, -0.3), (0.075, -0.26), (0.13, -0.18), (0.125, -0.08), (0.07, -0.005), (0, 0)),
            ((0.085, -0.31), (0.075, -0.25), (0.085, -0.15), (0.095, -0.05), (0.085, -0.005), (0, 0)),
            ((0.04, -0.36), (0.035, -0.3), (0.04, -0.24), (0.11, -0.16), (0.14, -0.09), (0.09, -0.008), (0, 0)),
        )[vase]
        right = smooth([(half[0][0], half[0][1] - 0.03), *half], closed=False)[10:]
        outline = np.concatenate([right, (right * [-1, 1])[::-1]])
        color = mix(palette.second, palette.sky[3], 0.2)
        shadow = place(ellipse(0.12, 0.0, 0.24, 0.03))
        canvas.shape(shadow, palette.near, blur=0.02 * canvas.unit, opacity=0.45)
        left_edge, right_edge = place([(-0.15, 0)])[0], place([(0.15, 0)])[0]
        shade = even(mix(color, palette.light, 0.6), color, mix(color, palette.near, 0.5))
        body = canvas.shape(place(outline), Linear(tuple(left_edge.tolist()), tuple(right_edge.tolist()), shade))
        shine = place(ellipse(-0.055, -0.14, 0.012, 0.08, angle=6))
        canvas.shape(shine, palette.light, blur=0.006 * canvas.unit, opacity=0.7, clip=body)

    def paint_blooms(canvas: Canvas) -> None:
        place = frame(canvas)
        petals = (*palette.sky[1:3], palette.accent, palette.light, mix(palette.accent, palette.light, 0.5))
        for number, (x, y, size, bend) in enumerate(sorted(stems, key=lambda stem: -stem[2] + stem[1])):
            rng = theme.rng(f"bloom {number}")
            color = petals[int(rng.integers(0, 3)) if number % 3 else int(rng.integers(0, 5))]
            spot = place.inner(x, y, scale=size, angle=bend * 200 + x * 60)
            kind = (number + theme.digest[3]) % 3
            (_paint_daisy, _paint_peony, _paint_poppy)[kind](canvas, spot, color, theme, rng)

    return (
        Plane("wall", "A wall with an arch of light, and a table", paint_wall),
        Plane("stems", "Stems and leaves", paint_stems, subject=True),
        Plane("vase", "A glazed vase", paint_vase, subject=True),
        Plane("blooms", "Flowers in bloom", paint_blooms, subject=True),
    )


def _greenish(color: Color) -> bool:
    return color[1] >= color[0]


def _stems(rng: np.random.Generator, many: int) -> list[tuple[float, float, float, float]]:
    spread = np.linspace(-1.0, 1.0, many)
    rng.shuffle(spread)
    stems = []
    for number, x in enumerate(spread.tolist()):
        outer = abs(x)
        size = float(rng.uniform(0.085, 0.12)) * (1.0 if number % 3 else 0.75)
        y = -0.72 + 0.24 * outer**1.6 + float(rng.uniform(-0.06, 0.07)) + (0.13 if number % 2 else 0.0)
        stems.append((x * 0.3, y, size, float(rng.uniform(-0.03, 0.03))))
    return stems


def _paint_leaf(canvas: Canvas, place: Frame, length: float, color: Color, light: Color) -> None:
    outline = smooth(
        [(0, 0), (0.2 * length, -0.35 * length), (0.14 * length, -0.75 * length), (0, -length)], closed=False
    )
    whole = np.concatenate([outline, (outline * [-1, 1])[::-1]])
    canvas.shape(place(whole), color)
    canvas.shape(place(np.concatenate([outline, [(0, 0)]])), mix(color, light, 0.22))


def _petal_ring(many: int, wide: float, start: float, end: float, turn: float) -> list[Floats]:
    half = [
        (0.0, -start),
        (wide * 0.7, -(start + end) / 2),
        (wide, -end * 0.86),
        (wide * 0.45, -end),
        (0.0, -end * 0.97),
    ]
    petal = smooth(mirrored(half), steps=5)
    return [Frame(0, 0, 1, turn + 360 * k / many)(petal) for k in range(many)]


def _paint_daisy(canvas: Canvas, place: Frame, color: Color, theme: Theme, rng: np.random.Generator) -> None:
    palette, turn = theme.palette, float(rng.uniform(0, 40))
    for ring, (many, end) in enumerate(((13, 1.0), (11, 0.82))):
        for petal in _petal_ring(many, 0.17, 0.15, end, turn + ring * 14):
            shade = mix(color, palette.near, 0.16 - 0.12 * ring)
            tip = petal[np.argmax(np.hypot(*petal.T))]
            start, stop = place([(0.0, 0.0)])[0], place([tip])[0]
            paint = Linear(
                tuple(start.tolist()), tuple(stop.tolist()), even(mix(shade, palette.near, 0.3), shade, shade)
            )
            canvas.shape(place(petal), paint)
    canvas.shape(place(ellipse(0, 0, 0.27, 0.27)), mix(palette.accent, (250, 196, 84), 0.6))
    canvas.shape(place(ellipse(0.04, 0.05, 0.18, 0.18)), palette.near, blur=0.07 * place.scale, opacity=0.45)


def _paint_peony(canvas: Canvas, place: Frame, color: Color, theme: Theme, rng: np.random.Generator) -> None:
    palette = theme.palette
    for ring in range(6):
        size = 1.0 - ring * 0.15
        tone = turned(mix(color, palette.light, 0.1 * ring), lightness=-0.07 + 0.02 * ring)
        for petal in _petal_ring(8 - ring, 0.42 * size, 0.0, size, float(rng.uniform(0, 60)) + ring * 22):
            canvas.shape(place(petal * 1.02 + [0.015, 0.03]), palette.near, blur=0.05 * place.scale, opacity=0.16)
            start, stop = place([(0.0, 0.0)])[0], place([petal[np.argmax(np.hypot(*petal.T))]])[0]
            ends = even(mix(tone, palette.near, 0.3), tone, mix(tone, palette.light, 0.35))
            canvas.shape(place(petal), Linear(tuple(start.tolist()), tuple(stop.tolist()), ends))


def _paint_poppy(canvas: Canvas, place: Frame, color: Color, theme: Theme, rng: np.random.Generator) -> None:
    palette, turn = theme.palette, float(rng.uniform(0, 90))
    for number, petal in enumerate(_petal_ring(5, 0.62, 0.0, 1.0, turn)):
        center = place([(0.0, 0.0)])[0]
        reach = place.scale * 1.05
        tone = turned(color, lightness=0.02 * (number % 3) - 0.02)
        paint = Radial(
            tuple(center.tolist()),
            (reach, reach),
            even(mix(tone, palette.near, 0.55), tone, mix(tone, palette.light, 0.3)),
        )
        canvas.shape(place(petal), palette.near, blur=0.04 * place.scale, opacity=0.16)
        canvas.shape(place(petal), paint)
    canvas.shape(place(ellipse(0, 0, 0.16, 0.16)), palette.near)
    dots = [ellipse(0.27 * np.cos(a), 0.27 * np.sin(a), 0.03, 0.03, points=10) for a in np.linspace(0, 6.0, 14)]
    canvas.shape([place(dot) for dot in dots], mix(palette.near, palette.light, 0.3))
