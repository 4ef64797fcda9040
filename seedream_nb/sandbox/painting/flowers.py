"""A bouquet in a vase, in front of an arch of light."""

from typing import TypeAlias

import numpy as np

from seedream_nb.sandbox.painting.canvas import Canvas, Linear, Plane, Scene, across, down, even
from seedream_nb.sandbox.painting.colors import Color, Floats, lighter, mix
from seedream_nb.sandbox.painting.curves import Frame, arch, box, ellipse, mirrored, polygon, smooth, stroke
from seedream_nb.sandbox.painting.sky import paint_glow
from seedream_nb.sandbox.painting.theme import Palette, Theme

_TABLE = 0.8
_VASES = (
    polygon(".055,-.37 .055,-.34 .05,-.3 .075,-.26 .13,-.18 .125,-.08 .07,-.005 0,0"),
    polygon(".085,-.34 .085,-.31 .075,-.25 .085,-.15 .095,-.05 .085,-.005 0,0"),
    polygon(".04,-.39 .04,-.36 .035,-.3 .04,-.24 .11,-.16 .14,-.09 .09,-.008 0,0"),
)
_LEAF = smooth(polygon("0,0 .2,-.35 .14,-.75 0,-1"), closed=False)
_Stem: TypeAlias = tuple[float, float, float, float]  # x, y and size of the bloom, and the stem's bend


def flowers(theme: Theme) -> Scene:
    """Stems fan out of a vase; large blooms in front, leaves between."""
    palette, choice = theme.palette, theme.rng("composition")
    vase = _VASES[int(choice.integers(0, 3))]
    stems = _stems(theme.rng("stems"), int(choice.integers(7, 11)))
    green = palette.second if palette.second[1] >= palette.second[0] else (58, 106, 88)
    leaf = mix(green, palette.near, 0.3)

    def frame(canvas: Canvas) -> Frame:
        return Frame(*canvas.at(0.0, _TABLE + 0.07), canvas.unit * 0.98)

    def paint_stems(canvas: Canvas) -> None:
        place = frame(canvas)
        for number, (x, y, _, bend) in enumerate(stems):
            path = smooth([(0.0, -0.2), (x * 0.2 + bend, -0.38), (x * 0.75, y * 0.8), (x, y)], closed=False)
            canvas.shape(place(stroke(path, [0.006, 0.004])), leaf)
            rng = theme.rng(f"leaf {number}")
            for at, side in ((0.45, -1), (0.7, 1)):
                angle, length = float(rng.uniform(25, 70)) * side, float(rng.uniform(0.13, 0.2))
                spot = place.inner(*path[int(len(path) * at)], scale=length, angle=angle)
                canvas.shape(spot(np.concatenate([_LEAF, (_LEAF * [-1, 1])[::-1]])), leaf)
                canvas.shape(spot(_LEAF), mix(leaf, palette.light, 0.22))

    def paint_vase(canvas: Canvas) -> None:
        place = frame(canvas)
        right = smooth(vase, closed=False)[10:]
        color = mix(palette.second, palette.sky[3], 0.2)
        canvas.shape(place(ellipse(0.12, 0.0, 0.24, 0.03)), palette.near, blur=0.02 * canvas.unit, opacity=0.45)
        glaze = (mix(color, palette.light, 0.6), color, mix(color, palette.near, 0.5))
        outline = place(np.concatenate([right, (right * [-1, 1])[::-1]]))
        body = canvas.shape(outline, across(place, (-0.15, 0), (0.15, 0), *glaze))
        shine = place(ellipse(-0.055, -0.14, 0.012, 0.08, angle=6))
        canvas.shape(shine, palette.light, blur=0.006 * canvas.unit, opacity=0.7, clip=body)

    def paint_blooms(canvas: Canvas) -> None:
        petals = (*palette.sky[1:3], palette.accent, palette.light, mix(palette.accent, palette.light, 0.5))
        for number, (x, y, size, bend) in enumerate(sorted(stems, key=lambda stem: stem[1] - stem[2])):
            rng = theme.rng(f"bloom {number}")
            color = petals[int(rng.integers(0, 3 if number % 3 else 5))]
            spot = frame(canvas).inner(x, y, scale=size, angle=bend * 200 + x * 60 + float(rng.uniform(0, 60)))
            (_paint_daisy, _paint_peony, _paint_poppy)[(number + theme.digest[3]) % 3](canvas, spot, color, palette)

    return (
        Plane("wall", "A wall with an arch of light, and a table", lambda canvas: _paint_wall(canvas, palette)),
        Plane("stems", "Stems and leaves", paint_stems, subject=True),
        Plane("vase", "A glazed vase", paint_vase, subject=True),
        Plane("blooms", "Flowers in bloom", paint_blooms, subject=True),
    )


def _stems(rng: np.random.Generator, many: int) -> list[_Stem]:
    stems = []
    for number, x in enumerate(rng.permutation(np.linspace(-1.0, 1.0, many)).tolist()):
        size = float(rng.uniform(0.085, 0.12)) * (1.0 if number % 3 else 0.75)
        y = -0.72 + 0.24 * abs(x) ** 1.6 + float(rng.uniform(-0.06, 0.07)) + (0.13 if number % 2 else 0.0)
        stems.append((x * 0.3, y, size, float(rng.uniform(-0.03, 0.03))))
    return stems


def _paint_wall(canvas: Canvas, palette: Palette) -> None:
    top, bottom = mix(palette.sky[1], palette.sky[2], 0.4), mix(palette.sky[3], palette.sky[2], 0.25)
    canvas.fill(canvas.whole(), Linear((0, 0), (canvas.width * 0.3, canvas.height), even(top, bottom)))
    (x, y), wide, edge = canvas.at(0.0, 0.43), 0.36 * canvas.unit, canvas.height * _TABLE
    paint_glow(canvas, (x, y), 0.9 * canvas.unit, palette.light, 0.5)
    light = down(y - wide, edge, mix(palette.light, palette.accent, 0.25), palette.light)
    canvas.shape(arch(x, y, wide, edge), light, opacity=0.85)
    table = mix(palette.accent, palette.sky[3], 0.55)
    board = box(-2, edge, canvas.width + 2, canvas.height + 2)
    canvas.shape(board, down(edge, canvas.height, table, mix(table, palette.near, 0.3)))


def _petals(many: int, wide: float, start: float, end: float, turn: float) -> list[tuple[Floats, Frame]]:
    """Return the petals of a ring in the flower's design units, each with a frame that points along it."""
    half = [(0, -start), (wide * 0.7, -(start + end) / 2), (wide, -end * 0.86), (wide * 0.45, -end), (0, -end * 0.97)]
    petal = smooth(mirrored(half), steps=5)
    frames = [Frame(0, 0, 1, turn + 360 * number / many) for number in range(many)]
    return [(frame(petal), frame) for frame in frames]


def _paint_daisy(canvas: Canvas, place: Frame, color: Color, palette: Palette) -> None:
    for many, end, depth in ((13, 1.0, 0.16), (11, 0.82, 0.04)):
        shade = mix(color, palette.near, depth)
        for petal, along in _petals(many, 0.17, 0.15, end, depth * 100):
            tip = tuple(along([(0, -end)])[0].tolist())
            canvas.shape(place(petal), across(place, (0, 0), tip, mix(shade, palette.near, 0.3), shade, shade))
    canvas.shape(place(ellipse(0, 0, 0.27, 0.27)), mix(palette.accent, (250, 196, 84), 0.6))
    canvas.shape(place(ellipse(0.04, 0.05, 0.18, 0.18)), palette.near, blur=0.07 * place.scale, opacity=0.45)


def _paint_peony(canvas: Canvas, place: Frame, color: Color, palette: Palette) -> None:
    for ring in range(6):
        size = 1.0 - ring * 0.15
        tone = lighter(mix(color, palette.light, 0.1 * ring), -0.07 + 0.02 * ring)
        shades = (mix(tone, palette.near, 0.3), tone, mix(tone, palette.light, 0.35))
        for petal, along in _petals(8 - ring, 0.42 * size, 0.0, size, ring * 47):
            canvas.shape(place(petal * 1.02 + [0.015, 0.03]), palette.near, blur=0.05 * place.scale, opacity=0.16)
            tip = tuple(along([(0, -size)])[0].tolist())
            canvas.shape(place(petal), across(place, (0, 0), tip, *shades))


def _paint_poppy(canvas: Canvas, place: Frame, color: Color, palette: Palette) -> None:
    for number, (petal, along) in enumerate(_petals(5, 0.62, 0.0, 1.0, 0.0)):
        tone, tip = lighter(color, 0.02 * (number % 3) - 0.02), tuple(along([(0, -1.05)])[0].tolist())
        shades = (mix(tone, palette.near, 0.55), tone, mix(tone, palette.light, 0.3))
        canvas.shape(place(petal), palette.near, blur=0.04 * place.scale, opacity=0.16)
        canvas.shape(place(petal), across(place, (0, 0), tip, *shades))
    canvas.shape(place(ellipse(0, 0, 0.16, 0.16)), palette.near)
    around = np.linspace(0, 6.0, 14)
    dots = [place(ellipse(0.27 * np.cos(turn), 0.27 * np.sin(turn), 0.03, 0.03, many=10)) for turn in around]
    canvas.shape(dots, mix(palette.near, palette.light, 0.3))
