"""A cat in a quiet room; the first image that most readers see."""

import numpy as np
from PIL import Image

from seedream_nb.sandbox.painting.canvas import Canvas, Linear, Plane, Scene, across, down, even
from seedream_nb.sandbox.painting.cat_figure import COATS, paint_body, paint_head
from seedream_nb.sandbox.painting.colors import Color, mix
from seedream_nb.sandbox.painting.curves import Frame, Point, arch, box, ellipse, shifted, smooth, stroke
from seedream_nb.sandbox.painting.sky import paint_glow, paint_ridge, paint_sky, ridge_line
from seedream_nb.sandbox.painting.theme import Theme

_FLOOR = 0.86  # where wall and floor meet, as a share of the height
_VIEW = 2  # the view from the window is painted this much smaller


def cat(theme: Theme) -> Scene:
    """A sitting cat; variants differ in the room and the pose."""
    coat, palette, variant = COATS[theme.coat], theme.palette, theme.variant % 4
    x = (0.0, -0.06, -0.13, 0.1)[variant]
    tilt = (0.0, -7.0, 3.0, 8.0)[variant] + float(theme.rng("composition").uniform(-1.5, 1.5))

    def frame(canvas: Canvas) -> Frame:
        left, floor = canvas.at(x, _FLOOR)
        return Frame(left, floor + 0.06 * canvas.unit, canvas.unit * 0.48, 0.0, flip=variant in {1, 2})

    def paint_shadow(canvas: Canvas) -> None:
        place = frame(canvas)
        canvas.shape(place(ellipse(0.16, 0.0, 0.62, 0.075)), palette.near, blur=0.06 * place.scale, opacity=0.5)
        canvas.shape(place(ellipse(0.05, -0.01, 0.42, 0.04)), palette.near, blur=0.025 * place.scale, opacity=0.5)

    def paint_cat(canvas: Canvas) -> None:
        paint_body(canvas, frame(canvas), coat, palette, raised=variant % 2 == 1)

    def paint_face(canvas: Canvas) -> None:
        paint_head(canvas, frame(canvas).inner(0.0, -1.17, scale=1.38, angle=tilt), coat)

    return (
        Plane("room", "A quiet room with warm light", lambda canvas: _paint_room(canvas, theme)),
        Plane("plants", "Leaves at the sides", lambda canvas: _paint_plants(canvas, theme)),
        Plane("shadow", "The cat's shadow on the floor", paint_shadow),
        Plane("body", f"The body of a {theme.coat} cat", paint_cat, subject=True),
        Plane("head", f"The head of a {theme.coat} cat", paint_face, subject=True),
    )


def _paint_room(canvas: Canvas, theme: Theme) -> None:
    palette, variant = theme.palette, theme.variant % 4
    wall_top = mix(palette.sky[1], palette.sky[0] if palette.dark else palette.sky[2], 0.35)
    wall_low = mix(palette.sky[2], palette.sky[1] if palette.dark else palette.sky[3], 0.4)
    canvas.fill(canvas.whole(), Linear((0, 0), (canvas.width * 0.35, canvas.height), even(wall_top, wall_low)))
    center = canvas.at((0.0, 0.05, 0.16, -0.1)[variant], 0.42)
    wide = (0.36, 0.4, 0.3, 0.37)[variant] * canvas.unit
    paint_glow(canvas, center, wide * 3.2, mix(palette.light, palette.sky[3], 0.5), 0.55)
    _paint_window(canvas, theme, center, wide)
    edge = _FLOOR * canvas.height - 0.03 * canvas.unit
    floor = mix(mix(palette.accent, palette.sky[3], 0.5), palette.near, 0.35 if palette.dark else 0.1)
    boards = down(edge, canvas.height, mix(floor, palette.light, 0.25), floor, mix(floor, palette.near, 0.3))
    canvas.shape(box(-2, edge, canvas.width + 2, canvas.height + 2), boards)
    pool = np.array([(-0.9, 0), (0.9, 0), (1.9, 1), (-0.5, 1)]) * [wide, canvas.height - edge]
    canvas.shape(shifted(pool, center[0], edge), palette.light, blur=0.025 * canvas.unit, opacity=0.34)


def _paint_window(canvas: Canvas, theme: Theme, center: Point, wide: float) -> None:
    palette, unit, (x, y) = theme.palette, canvas.unit, center
    sill = _FLOOR * canvas.height - 0.12 * unit
    frame = mix(palette.light, palette.sky[3], 0.4)
    outer = arch(x, y, wide * 1.07, sill + 0.012 * unit)
    canvas.shape(outer + 0.02 * unit, palette.near, blur=0.02 * unit, opacity=0.35)
    canvas.shape(outer, frame)
    opening = canvas.mask(arch(x, y, wide, sill))
    if opening is None:
        return
    view = Canvas(-(-canvas.width // _VIEW), -(-canvas.height // _VIEW))
    size, aside, above = ((0.8, 0.0, -0.05), (0.3, 0.35, 0.3), (0.26, 0.4, 0.25), (0.24, -0.42, 0.25))[
        theme.variant % 4
    ]
    sun = ((x + wide * aside) / _VIEW, (y - wide * above) / _VIEW)
    paint_sky(view, theme, sun, wide * size / _VIEW, horizon=sill / canvas.height)
    for number in range(3):
        height, rise = 0.62 + 0.07 * number, 0.2 - 0.03 * number
        line = ridge_line(view, theme.rng(f"hill {number}"), height, rise, frequency=1.6, peaked=False)
        paint_ridge(view, line, palette.depth(0.1 + 0.28 * number), palette.sky[3], fade=0.3)
    outside = view.image().resize((canvas.width, canvas.height), Image.Resampling.BICUBIC)
    canvas.paste(outside.crop(opening.bounds), opening)
    bar = 0.0065 * unit
    bars = [box(x - bar, y - wide, x + bar, sill), box(x - wide, y - bar, x + wide, y + bar)]
    canvas.shape(bars, frame, clip=opening)
    ledge = box(x - wide * 1.2, sill, x + wide * 1.2, sill + 0.03 * unit)
    canvas.shape(ledge, mix(frame, palette.near, 0.12))


def _paint_plants(canvas: Canvas, theme: Theme) -> None:
    palette, rng = theme.palette, theme.rng("leaves")
    green = mix(mix(palette.second, (58, 122, 92), 0.65), palette.near, 0.35)
    for side in (-1, 1):
        for number in range(5):
            x, y = canvas.at(side * 0.5, 1.02)
            x += side * (canvas.width - canvas.unit) * 0.425
            foot = Frame(x, y, canvas.unit, -side * float(rng.uniform(-12, 38)))
            length = float(rng.uniform(0.3, 0.62)) * (1.0, 1.0, 1.0, 0.7, 0.7)[number]
            color = mix(green, palette.near if number % 2 else palette.light, 0.09 * number)
            _paint_leaf(canvas, foot, length, color, palette.light, bend=side * float(rng.uniform(-0.02, 0.12)))


def _paint_leaf(canvas: Canvas, foot: Frame, length: float, color: Color, light: Color, *, bend: float) -> None:
    middle = smooth([(0, 0), (bend * 0.3, -length * 0.4), (bend, -length)], closed=False, steps=14)
    blade = 0.004 * np.linspace(1.0, 0.0, 30) + 0.058 * np.sin(np.pi * np.linspace(0.0, 1.0, 30) ** 1.15) ** 1.5
    paint = across(foot, (0, 0), (bend, -length), color, mix(color, light, 0.28))
    whole = canvas.shape(foot(stroke(middle, blade)), paint)
    shade = foot(stroke(shifted(middle, 0.03, 0.0), blade))
    canvas.shape(shade, mix(color, (10, 14, 30), 0.6), opacity=0.18, clip=whole)
    canvas.shape(foot(stroke(middle, [0.002, 0.0015, 0.0])), mix(color, light, 0.4), opacity=0.8, clip=whole)
