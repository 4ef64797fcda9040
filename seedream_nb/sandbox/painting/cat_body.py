"""A cat's body and tail, in design units: the ground is 0, the neck about -1, right is positive."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedream_nb.sandbox.painting.canvas import Canvas, Linear, even
from seedream_nb.sandbox.painting.colors import mix
from seedream_nb.sandbox.painting.curves import Frame, ellipse, mirrored, shifted, smooth, stroke

if TYPE_CHECKING:
    from seedream_nb.sandbox.painting.canvas import Mask
    from seedream_nb.sandbox.painting.coat import Coat
    from seedream_nb.sandbox.painting.palettes import Palette

_BODY = (
    (0.0, -1.12),
    (0.13, -1.08),
    (0.175, -0.93),
    (0.235, -0.76),
    (0.275, -0.56),
    (0.325, -0.36),
    (0.375, -0.18),
    (0.36, -0.05),
    (0.27, -0.005),
    (0.0, 0.0),
)
_TAIL_LOW = ((0.22, -0.09), (0.42, -0.02), (0.6, -0.06), (0.69, -0.2), (0.63, -0.34), (0.53, -0.33))
_TAIL_HIGH = ((0.2, -0.08), (0.42, -0.04), (0.58, -0.2), (0.56, -0.45), (0.6, -0.66), (0.73, -0.74))


def _across(
    place: Frame, left: tuple[float, float], right: tuple[float, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    start, end = place([left, right]).tolist()
    return (start[0], start[1]), (end[0], end[1])


def paint_tail(canvas: Canvas, place: Frame, coat: Coat, *, raised: bool) -> None:
    """The tail, curled around or raised."""
    path = smooth(_TAIL_HIGH if raised else _TAIL_LOW, closed=False, steps=14)
    tip = path[-1]
    width = [0.075, 0.07, 0.064, 0.056]
    color = mix(coat.base, coat.points, coat.pointed)
    ends = _across(place, (0.15, -0.1), (0.5, -0.2))
    shades = even(mix(coat.shade, color, 0.3), color, color)
    tail = [stroke(path, width), ellipse(tip[0], tip[1], 0.056, 0.056, points=32)]
    whole = canvas.shape([place(part) for part in tail], Linear(*ends, shades))
    glint = stroke(shifted(path, -0.012, -0.022), [0.0, 0.02, 0.018, 0.01])
    canvas.shape(place(glint), mix(color, coat.light, 0.4), blur=0.012 * place.scale, opacity=0.7, clip=whole)
    if coat.stripes:
        bands = [stroke(path[i : i + 4], [0.08]) for i in range(20, len(path) - 8, 11)]
        canvas.shape([place(band) for band in bands], coat.stripes, blur=0.006 * place.scale, opacity=0.8, clip=whole)


def paint_body(canvas: Canvas, place: Frame, coat: Coat) -> None:
    """Chest, haunches and legs, seen from the front."""
    soft = place.scale
    outline = smooth(mirrored(_BODY))
    sides = _across(place, (-0.38, -0.6), (0.42, -0.35))
    light, dark = (coat.light, coat.shade)
    body = canvas.shape(place(outline), Linear(*sides, even(light, coat.base, mix(coat.base, dark, 0.85))))
    canvas.shape(place(ellipse(0.06, -0.93, 0.27, 0.14)), dark, blur=0.07 * soft, opacity=0.75, clip=body)
    canvas.shape(place(ellipse(-0.03, -0.62, 0.1, 0.17)), light, blur=0.06 * soft, opacity=0.9, clip=body)
    if coat.stripes:
        bands = []
        for side in (-1, 1):
            for y in (-0.72, -0.58, -0.44, -0.3):
                reach = 0.3 - 0.18 * (y + 0.3)
                bands.append(
                    stroke(
                        smooth([(side * reach, y), (side * 0.24, y + 0.03), (side * 0.17, y + 0.015)], closed=False),
                        [0.022, 0.0],
                    )
                )
        canvas.shape([place(band) for band in bands], coat.stripes, blur=0.008 * soft, opacity=0.8, clip=body)
    for side in (-1, 1):
        _paint_haunch(canvas, place, coat, body, side)
    canvas.shape(place(ellipse(0, -0.22, 0.15, 0.24)), dark, blur=0.05 * soft, opacity=0.8, clip=body)
    for side in (-1, 1):
        _paint_leg(canvas, place, coat, side)


def paint_collar(canvas: Canvas, place: Frame, palette: Palette) -> None:
    """A collar with a small round tag."""
    band = stroke(
        smooth([(-0.22, -0.93), (-0.12, -0.83), (0.0, -0.8), (0.12, -0.83), (0.22, -0.93)], closed=False), [0.026]
    )
    ends = _across(place, (-0.2, -0.8), (0.2, -0.8))
    color = mix(palette.accent, (200, 60, 60), 0.25)
    canvas.shape(place(shifted(band, 0.0, 0.02)), palette.near, blur=0.02 * place.scale, opacity=0.35)
    canvas.shape(
        place(band), Linear(*ends, even(mix(color, palette.light, 0.25), color, mix(color, palette.near, 0.4)))
    )
    tag = place(ellipse(0.0, -0.743, 0.038, 0.038))
    shine = _across(place, (-0.03, -0.775), (0.03, -0.715))
    canvas.shape(place(ellipse(0.006, -0.735, 0.04, 0.04)), palette.near, blur=0.012 * place.scale, opacity=0.4)
    canvas.shape(tag, Linear(*shine, even((255, 240, 190), (236, 184, 84), (166, 108, 36))))


def _paint_haunch(canvas: Canvas, place: Frame, coat: Coat, body: Mask | None, side: int) -> None:
    soft = place.scale
    points = mix(coat.base, coat.points, coat.pointed)
    canvas.shape(place(ellipse(side * 0.22, -0.2, 0.155, 0.22)), coat.shade, blur=0.035 * soft, opacity=0.75, clip=body)
    lit = mix(coat.base, coat.light if side < 0 else coat.shade, 0.7 if side < 0 else 0.25)
    canvas.shape(place(ellipse(side * 0.262, -0.2, 0.125, 0.2)), lit, blur=0.03 * soft, opacity=0.95, clip=body)
    ends = _across(place, (side * 0.2, -0.1), (side * 0.24, 0.02))
    foot = place(ellipse(side * 0.225, -0.028, 0.115, 0.046))
    canvas.shape(foot, Linear(*ends, even(mix(points, coat.light, 0.22), points)))


def _paint_leg(canvas: Canvas, place: Frame, coat: Coat, side: int) -> None:
    soft = place.scale
    points = mix(coat.base, coat.points, coat.pointed)
    path = smooth(
        [(side * 0.1, -0.66), (side * 0.095, -0.4), (side * 0.078, -0.18), (side * 0.078, -0.04)], closed=False
    )
    leg = [stroke(path, [0.085, 0.075, 0.06, 0.058]), smooth(_paw(side))]
    tone = coat.light if side < 0 else mix(coat.base, coat.light, 0.3)
    ends = _across(place, (side * 0.078 - 0.07, -0.3), (side * 0.078 + 0.075, -0.28))
    shadow = [shifted(part, 0.012, 0.004) for part in leg]
    fade = canvas.mask(place(ellipse(side * 0.08, -0.12, 0.2, 0.34)), blur=0.1 * soft)
    canvas.shape([place(part) for part in shadow], coat.shade, blur=0.018 * soft, opacity=0.7, clip=fade)
    whole = canvas.mask([place(part) for part in leg])
    canvas.fill(whole, Linear(*ends, even(tone, coat.base, mix(coat.base, coat.shade, 0.8))), clip=fade)
    canvas.shape(
        place(ellipse(side * 0.08, -0.01, 0.13, 0.13)), points, blur=0.05 * soft, opacity=coat.pointed, clip=whole
    )
    canvas.shape(
        place(ellipse(side * 0.078, -0.02, 0.12, 0.06)), points, blur=0.02 * soft, opacity=coat.pointed, clip=whole
    )
    shine = ellipse(side * 0.078 - 0.012, -0.068, 0.045, 0.013)
    canvas.shape(place(shine), mix(points, coat.light, 0.5), blur=0.012 * soft, opacity=0.6, clip=whole)
    toes = [
        stroke([(side * 0.078 + x, -0.034), (side * 0.078 + x * 1.1, -0.006)], [0.0045, 0.003]) for x in (-0.026, 0.026)
    ]
    canvas.shape([place(toe) for toe in toes], mix(points, coat.line, 0.75), opacity=0.8)


def _paw(side: int) -> list[tuple[float, float]]:
    middle = side * 0.078
    half = [(0.0, -0.1), (0.058, -0.085), (0.082, -0.04), (0.07, 0.0), (0.03, 0.012)]
    return [(middle + x, y) for x, y in half] + [(middle - x, y) for x, y in half[:0:-1]]
