"""A cat in a quiet room; the first image that most readers see.

The sitting cat has design units: the ground is 0, the neck about -1, right is positive; its head has its own frame.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from seedream_nb.sandbox.painting.canvas import Canvas, Linear, Mask, Plane, Scene, across, down, even
from seedream_nb.sandbox.painting.colors import Color, Floats, hex_colors, mix
from seedream_nb.sandbox.painting.curves import (
    Frame,
    Point,
    arch,
    box,
    ellipse,
    mirrored,
    polygon,
    shifted,
    smooth,
    stroke,
)
from seedream_nb.sandbox.painting.sky import paint_glow, paint_ridge, paint_sky, ridge_line
from seedream_nb.sandbox.painting.theme import Palette, Theme

_FLOOR = 0.86  # where wall and floor meet, as a share of the height
_VIEW = 2  # the view from the window is painted this much smaller
_BODY = mirrored(polygon("0,-1.12 .13,-1.08 .175,-.93 .235,-.76 .275,-.56 .325,-.36 .375,-.18 .36,-.05 .27,-.005 0,0"))
_TAIL_LOW = polygon(".22,-.09 .42,-.02 .6,-.06 .69,-.2 .63,-.34 .53,-.33")
_TAIL_HIGH = polygon(".2,-.08 .42,-.04 .58,-.2 .56,-.45 .6,-.66 .73,-.74")
_COLLAR = polygon("-.22,-.93 -.12,-.83 0,-.8 .12,-.83 .22,-.93")
_LEG = polygon(".1,-.66 .095,-.4 .078,-.18 .078,-.04")
_PAW = shifted(mirrored(polygon("0,-.1 .058,-.085 .082,-.04 .07,0 .03,.012")), 0.078, 0.0)
_HEAD = mirrored(polygon("0,-.24 .09,-.232 .18,-.192 .255,-.105 .292,0 .282,.095 .218,.174 .122,.224 .055,.247 0,.252"))
_EAR = polygon(".272,-.06 .312,-.19 .33,-.32 .322,-.4 .294,-.407 .2,-.33 .1,-.25 .045,-.19 .13,-.08")
_INNER_EAR = polygon(".255,-.13 .288,-.22 .303,-.31 .297,-.355 .235,-.305 .165,-.235 .19,-.16")
_EAR_BASE = polygon(".285,-.08 .25,-.17 .13,-.24 .06,-.23 .16,-.17")
_MASK = mirrored(polygon("0,-.085 .045,-.06 .1,-.075 .17,-.085 .222,-.03 .21,.06 .165,.14 .1,.225 0,.262"))
_EYE = polygon("-.08,.026 -.058,-.03 -.008,-.066 .046,-.064 .09,-.034 .078,.022 .03,.06 -.036,.056")
_LID = polygon("-.09,.02 -.045,-.05 .01,-.075 .07,-.065 .1,-.03 .06,-.046 .01,-.052 -.05,-.02")
_EYE_AT = (0.13, 0.004)
_BRIDGE = mirrored(polygon("0,-.06 .028,-.03 .034,.06 .03,.1 0,.11"))
_NOSE = mirrored(polygon("0,.092 .026,.09 .036,.1 .02,.122 0,.134"))
_SMILE = polygon("0,.157 .02,.176 .048,.177 .074,.158")
_STRIPES = ("0,-.25 0,-.1", ".075,-.25 .07,-.17 .05,-.1", ".3,0 .25,.03 .2,.035", ".29,.09 .24,.1 .19,.09")


@dataclass(frozen=True)
class _Coat:
    """A cat's colors; ears, face, paws and tail differ from the fur by ``pointed``, from 0 to 1."""

    pointed: float
    light: Color
    base: Color
    shade: Color
    points: Color
    inner_ear: Color
    nose: Color
    eye: tuple[Color, Color, Color]
    line: Color
    stripes: Color | None = None

    @property
    def extremities(self) -> Color:
        """The color of ears, paws and tail."""
        return mix(self.base, self.points, self.pointed)


def _coat(pointed: float, codes: str) -> _Coat:
    light, base, shade, points, inner_ear, nose, top, middle, bottom, line, *stripes = hex_colors(codes)
    return _Coat(pointed, light, base, shade, points, inner_ear, nose, (top, middle, bottom), line, *stripes)


_COATS: Final = {
    "siamese": _coat(1.0, "fffaf1 f6eadb c9ad9a 43302d a87f78 8a5f5c 1c4fa8 3d93e6 a5e2ff 1f1516"),
    "white": _coat(0.3, "ffffff f6f1ec c3b6bd f1e6e0 f0b9b0 e59a95 1f7a63 4fbb8c c9f2b4 4a3a40"),
    "black": _coat(0.5, "4a4a5c 2a2a38 12121c 15151f 6d5260 3c3440 b57a12 f0b92e fff0a0 08080f"),
    "ginger": _coat(0.35, "ffc98a f2a257 bb6a30 d9823c f0b39a d9826f 4c7a2a 9cbf45 e9f2a0 5a2a18 c9702f"),
    "grey": _coat(0.4, "c3cbd8 96a0b2 606a80 6f7a90 b79aa2 7f6a76 a8701a e3a93a ffe9a6 262c3a 69748a"),
    "brown": _coat(0.6, "d3a983 a8795a 6c4634 5b3a2c c08f80 7a4d45 3f7a3a 8fbf55 e4f2a6 26140f"),
}


def cat(theme: Theme) -> Scene:
    """A sitting cat; variants differ in the room and the pose."""
    coat, palette, variant = _COATS[theme.coat], theme.palette, theme.variant % 4
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
        _paint_body(canvas, frame(canvas), coat, palette, raised=variant % 2 == 1)

    def paint_face(canvas: Canvas) -> None:
        _paint_head(canvas, frame(canvas).inner(0.0, -1.17, scale=1.38, angle=tilt), coat)

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


def _paint_body(canvas: Canvas, place: Frame, coat: _Coat, palette: Palette, *, raised: bool) -> None:
    """Paint the tail, low or raised, the body seen from the front, and a collar."""
    soft = place.scale
    _paint_tail(canvas, place, coat, _TAIL_HIGH if raised else _TAIL_LOW)
    fur = across(place, (-0.38, -0.6), (0.42, -0.35), coat.light, coat.base, mix(coat.base, coat.shade, 0.85))
    body = canvas.shape(place(smooth(_BODY)), fur)
    canvas.shape(place(ellipse(0.06, -0.93, 0.27, 0.14)), coat.shade, blur=0.07 * soft, opacity=0.75, clip=body)
    canvas.shape(place(ellipse(-0.03, -0.62, 0.1, 0.17)), coat.light, blur=0.06 * soft, opacity=0.9, clip=body)
    if coat.stripes:
        bands = [
            stroke(_side([(0.25 - 0.18 * y, y), (0.24, y + 0.03), (0.17, y + 0.015)], side), [0.022, 0.0])
            for side in (-1, 1)
            for y in (-0.72, -0.58, -0.44, -0.3)
        ]
        canvas.shape([place(band) for band in bands], coat.stripes, blur=0.008 * soft, opacity=0.8, clip=body)
    for side in (-1, 1):
        _paint_haunch(canvas, place, coat, body, side)
    canvas.shape(place(ellipse(0, -0.22, 0.15, 0.24)), coat.shade, blur=0.05 * soft, opacity=0.8, clip=body)
    for side in (-1, 1):
        _paint_leg(canvas, place, coat, side)
    _paint_collar(canvas, place, palette)


def _side(outline: Floats | Sequence[Point], side: int) -> Floats:
    return np.asarray(outline, dtype=np.float64) * [side, 1.0]


def _paint_tail(canvas: Canvas, place: Frame, coat: _Coat, tail: Floats) -> None:
    path = smooth(tail, closed=False, steps=14)
    color = coat.extremities
    fur = across(place, (0.15, -0.1), (0.5, -0.2), mix(coat.shade, color, 0.3), color, color)
    parts = [stroke(path, [0.075, 0.07, 0.064, 0.056]), ellipse(path[-1, 0], path[-1, 1], 0.056, 0.056)]
    whole = canvas.shape([place(part) for part in parts], fur)
    glint = stroke(shifted(path, -0.012, -0.022), [0.0, 0.02, 0.018, 0.01])
    canvas.shape(place(glint), mix(color, coat.light, 0.4), blur=0.012 * place.scale, opacity=0.7, clip=whole)
    if coat.stripes:
        bands = [place(stroke(path[i : i + 4], [0.08])) for i in range(20, len(path) - 8, 11)]
        canvas.shape(bands, coat.stripes, blur=0.006 * place.scale, opacity=0.8, clip=whole)


def _paint_haunch(canvas: Canvas, place: Frame, coat: _Coat, body: Mask | None, side: int) -> None:
    soft = place.scale
    canvas.shape(place(ellipse(side * 0.22, -0.2, 0.155, 0.22)), coat.shade, blur=0.035 * soft, opacity=0.75, clip=body)
    lit = mix(coat.base, coat.light, 0.7) if side < 0 else mix(coat.base, coat.shade, 0.25)
    canvas.shape(place(ellipse(side * 0.262, -0.2, 0.125, 0.2)), lit, blur=0.03 * soft, opacity=0.95, clip=body)
    color = coat.extremities
    fur = across(place, (side * 0.2, -0.1), (side * 0.24, 0.02), mix(color, coat.light, 0.22), color)
    canvas.shape(place(ellipse(side * 0.225, -0.028, 0.115, 0.046)), fur)


def _paint_leg(canvas: Canvas, place: Frame, coat: _Coat, side: int) -> None:
    soft, x, color = place.scale, side * 0.078, coat.extremities
    leg = [stroke(_side(smooth(_LEG, closed=False), side), [0.085, 0.075, 0.06, 0.058]), _side(smooth(_PAW), side)]
    fade = canvas.mask(place(ellipse(x, -0.12, 0.2, 0.34)), blur=0.1 * soft)
    shadow = [place(shifted(part, 0.012, 0.004)) for part in leg]
    canvas.shape(shadow, coat.shade, blur=0.018 * soft, opacity=0.7, clip=fade)
    whole = canvas.mask([place(part) for part in leg])
    tone = coat.light if side < 0 else mix(coat.base, coat.light, 0.3)
    fur = across(place, (x - 0.07, -0.3), (x + 0.075, -0.28), tone, coat.base, mix(coat.base, coat.shade, 0.8))
    canvas.fill(whole, fur, clip=fade)
    for y, height, blur in ((-0.01, 0.13, 0.05), (-0.02, 0.06, 0.02)):
        sock = place(ellipse(x, y, 0.12, height))
        canvas.shape(sock, color, blur=blur * soft, opacity=coat.pointed, clip=whole)
    shine = place(ellipse(x - 0.012, -0.068, 0.045, 0.013))
    canvas.shape(shine, mix(color, coat.light, 0.5), blur=0.012 * soft, opacity=0.6, clip=whole)
    toes = [place(stroke([(x + dx, -0.034), (x + dx * 1.1, -0.006)], [0.0045, 0.003])) for dx in (-0.026, 0.026)]
    canvas.shape(toes, mix(color, coat.line, 0.75), opacity=0.8)


def _paint_collar(canvas: Canvas, place: Frame, palette: Palette) -> None:
    band = stroke(smooth(_COLLAR, closed=False), [0.026])
    color = mix(palette.accent, (200, 60, 60), 0.25)
    shades = (mix(color, palette.light, 0.25), color, mix(color, palette.near, 0.4))
    canvas.shape(place(shifted(band, 0.0, 0.02)), palette.near, blur=0.02 * place.scale, opacity=0.35)
    canvas.shape(place(band), across(place, (-0.2, -0.8), (0.2, -0.8), *shades))
    canvas.shape(place(ellipse(0.006, -0.735, 0.04, 0.04)), palette.near, blur=0.012 * place.scale, opacity=0.4)
    brass = across(place, (-0.03, -0.775), (0.03, -0.715), (255, 240, 190), (236, 184, 84), (166, 108, 36))
    canvas.shape(place(ellipse(0.0, -0.743, 0.038, 0.038)), brass)


def _paint_head(canvas: Canvas, place: Frame, coat: _Coat) -> None:
    """Paint ears, face, eyes, nose, mouth and whiskers around the middle of the face."""
    soft, color = place.scale, coat.extremities
    for side in (-1, 1):
        _paint_ear(canvas, place, coat, side)
    fur = across(place, (-0.24, -0.2), (0.27, 0.2), coat.light, coat.base, mix(coat.base, coat.shade, 0.8))
    head = canvas.shape(place(smooth(_HEAD)), fur)
    canvas.shape(place(ellipse(-0.03, -0.15, 0.13, 0.05)), coat.light, blur=0.04 * soft, opacity=0.9, clip=head)
    for side in (-1, 1):
        base = place(smooth(_side(_EAR_BASE, side)))
        canvas.shape(base, color, blur=0.03 * soft, opacity=0.4 * coat.pointed, clip=head)
    if coat.stripes:
        paths = [smooth(polygon(text), closed=False) for text in _STRIPES]
        marks = [place(stroke(_side(path, side), [0.016, 0.003])) for path in paths for side in (-1, 1)]
        canvas.shape(marks, coat.stripes, blur=0.005 * soft, opacity=0.9, clip=head)
    for size, blur, opacity in ((1.0, 0.05, 0.7), (0.9, 0.026, 0.8)):
        face = place(smooth(shifted(_MASK * size, 0, 0.016 * (size < 1))))
        canvas.shape(face, color, blur=blur * soft, opacity=opacity * coat.pointed, clip=head)
    canvas.shape(place(smooth(_BRIDGE)), mix(color, coat.light, 0.28), blur=0.02 * soft, opacity=0.55, clip=head)
    muzzle = mix(color, coat.light, 0.95 - 0.65 * coat.pointed)
    for side in (-1, 1):
        pad = place(ellipse(side * 0.052, 0.148, 0.066, 0.048, angle=side * 12))
        canvas.shape(pad, muzzle, blur=0.018 * soft, opacity=0.6, clip=head)
    canvas.shape(place(ellipse(0, 0.225, 0.05, 0.022)), muzzle, blur=0.014 * soft, opacity=0.6, clip=head)
    for side in (-1, 1):
        _paint_eye(canvas, place, coat, side)
    _paint_nose(canvas, place, coat)
    _paint_whiskers(canvas, place)


def _paint_ear(canvas: Canvas, place: Frame, coat: _Coat, side: int) -> None:
    color, skin = coat.extremities, coat.inner_ear
    shades = (color, mix(color, coat.light, 0.12), mix(color, coat.base, 0.35))
    ear = canvas.shape(
        place(smooth(_side(_EAR, side))), across(place, (side * 0.32, -0.42), (side * 0.14, -0.1), *shades)
    )
    shades = (mix(skin, color, 0.35), skin, mix(skin, coat.line, 0.45))
    canvas.shape(
        place(smooth(_side(_INNER_EAR, side))),
        across(place, (side * 0.3, -0.38), (side * 0.2, -0.15), *shades),
        blur=0.007 * place.scale,
        clip=ear,
    )


def _paint_eye(canvas: Canvas, place: Frame, coat: _Coat, side: int) -> None:
    soft, (x, y) = place.scale, _EYE_AT
    eye = smooth(_EYE)

    def at_eye(shape: Floats) -> Floats:
        return place(_side(shape + _EYE_AT, side))

    socket = mix(coat.extremities, coat.line, 0.5)
    canvas.shape(at_eye(eye * 1.3), socket, blur=0.016 * soft, opacity=0.3 + 0.2 * coat.pointed)
    canvas.shape(at_eye(eye * 1.1), coat.line)
    iris = canvas.shape(at_eye(eye), across(place, (side * x, y - 0.055), (side * x, y + 0.05), *coat.eye))
    middle = (side * (x + 0.004), y - 0.004)
    canvas.shape(place(ellipse(*middle, 0.036, 0.044)), coat.eye[2], blur=0.016 * soft, opacity=0.4, clip=iris)
    canvas.shape(place(ellipse(*middle, 0.031, 0.05)), coat.line, clip=iris)
    canvas.shape(at_eye(smooth(_LID)), coat.line, blur=0.008 * soft, opacity=0.6, clip=iris)
    sign = -1 if place.flip else 1  # the light comes from the same side for a mirrored cat
    for dx, dy, size, opacity in ((-0.021, -0.024, 0.017, 1.0), (0.024, 0.021, 0.0065, 0.8)):
        spark = place(ellipse(middle[0] + sign * dx, middle[1] + dy, size, size))
        canvas.shape(spark, (255, 255, 255), opacity=opacity, clip=iris)


def _paint_nose(canvas: Canvas, place: Frame, coat: _Coat) -> None:
    shades = (mix(coat.nose, coat.light, 0.3), coat.nose, mix(coat.nose, coat.line, 0.4))
    canvas.shape(place(smooth(_NOSE)), across(place, (-0.02, 0.088), (0.015, 0.135), *shades))
    smiles = [stroke(smooth(_side(_SMILE, side), closed=False), [0.004, 0.0042, 0.001]) for side in (-1, 1)]
    mouth = [stroke([(0, 0.132), (0, 0.158)], [0.004, 0.0035]), *smiles]
    canvas.shape([place(line) for line in mouth], mix(coat.extremities, coat.line, 0.85))


def _paint_whiskers(canvas: Canvas, place: Frame) -> None:
    hairs = []
    for side in (-1, 1):
        for y, end_y in ((0.13, 0.06), (0.145, 0.13), (0.158, 0.2)):
            path = smooth(_side([(0.075, y), (0.22, (y + end_y) / 2 - 0.02), (0.405, end_y)], side), closed=False)
            hairs.append(place(stroke(path, [0.003, 0.0024, 0.0005])))
    canvas.shape(hairs, (255, 253, 248), opacity=0.85)
