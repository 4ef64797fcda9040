"""A cat's head, seen from the front, in design units: the middle of the face is 0, the ear tips lie at about -0.45."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from seedream_nb.sandbox.painting.canvas import Canvas, Linear, Radial, even
from seedream_nb.sandbox.painting.colors import Floats, mix
from seedream_nb.sandbox.painting.curves import Frame, ellipse, mirrored, smooth, stroke

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb.sandbox.painting.canvas import Mask
    from seedream_nb.sandbox.painting.coat import Coat
    from seedream_nb.sandbox.painting.colors import Color
    from seedream_nb.sandbox.painting.theme import Theme

_HEAD = (
    (0.0, -0.24),
    (0.09, -0.232),
    (0.18, -0.192),
    (0.255, -0.105),
    (0.292, 0.0),
    (0.282, 0.095),
    (0.218, 0.174),
    (0.122, 0.224),
    (0.055, 0.247),
    (0.0, 0.252),
)
_EAR = (
    (0.272, -0.06),
    (0.312, -0.19),
    (0.33, -0.32),
    (0.322, -0.4),
    (0.294, -0.407),
    (0.2, -0.33),
    (0.1, -0.25),
    (0.045, -0.19),
    (0.13, -0.08),
)
_INNER_EAR = (
    (0.255, -0.13),
    (0.288, -0.22),
    (0.303, -0.31),
    (0.297, -0.355),
    (0.235, -0.305),
    (0.165, -0.235),
    (0.19, -0.16),
)
_MASK = (
    (0.0, -0.085),
    (0.045, -0.06),
    (0.1, -0.075),
    (0.17, -0.085),
    (0.222, -0.03),
    (0.21, 0.06),
    (0.165, 0.14),
    (0.1, 0.225),
    (0.0, 0.262),
)
_EYE = (
    (-0.08, 0.026),
    (-0.058, -0.03),
    (-0.008, -0.066),
    (0.046, -0.064),
    (0.09, -0.034),
    (0.078, 0.022),
    (0.03, 0.06),
    (-0.036, 0.056),
)
_EYE_AT = (0.13, 0.004)


def _side(points: Floats | Sequence[tuple[float, float]], side: int) -> Floats:
    return np.asarray(points, dtype=np.float64) * [side, 1.0]


def _ends(
    place: Frame, start: tuple[float, float], end: tuple[float, float]
) -> tuple[tuple[float, float], tuple[float, float]]:
    first, last = place([start, end]).tolist()
    return (first[0], first[1]), (last[0], last[1])


def paint_head(canvas: Canvas, place: Frame, coat: Coat, theme: Theme) -> None:
    """Ears, face, eyes, nose, mouth and whiskers."""
    soft = place.scale
    points = mix(coat.base, coat.points, coat.pointed)
    for side in (-1, 1):
        _paint_ear(canvas, place, coat, points, side)
    ends = _ends(place, (-0.24, -0.2), (0.27, 0.2))
    shades = even(coat.light, coat.base, mix(coat.base, coat.shade, 0.8))
    head = canvas.shape(place(smooth(mirrored(_HEAD))), Linear(*ends, shades))
    canvas.shape(place(ellipse(-0.03, -0.15, 0.13, 0.05)), coat.light, blur=0.04 * soft, opacity=0.9, clip=head)
    for side in (-1, 1):
        base = smooth(_side([(0.285, -0.08), (0.25, -0.17), (0.13, -0.24), (0.06, -0.23), (0.16, -0.17)], side))
        canvas.shape(place(base), points, blur=0.03 * soft, opacity=0.4 * coat.pointed, clip=head)
    crown = smooth(mirrored(_HEAD))
    rim = np.roll(crown, len(crown) // 2, axis=0)
    rim = rim[rim[:, 1] < 0.06]  # noqa: PLR2004 - light falls on the upper half of the face
    glow = mix(theme.palette.light, coat.light, 0.4)
    canvas.shape(
        place(np.concatenate([rim * 1.02, rim[::-1] * 0.955])), glow, blur=0.012 * soft, opacity=0.5, clip=head
    )
    if coat.stripes:
        _paint_stripes(canvas, place, coat.stripes, head)
    face = place(smooth(mirrored(_MASK)))
    canvas.shape(face, points, blur=0.05 * soft, opacity=0.7 * coat.pointed, clip=head)
    canvas.shape(
        place(smooth(mirrored(_MASK) * 0.9 + [0, 0.016])),
        points,
        blur=0.026 * soft,
        opacity=0.8 * coat.pointed,
        clip=head,
    )
    _paint_muzzle(canvas, place, coat, points, head)
    for side in (-1, 1):
        _paint_eye(canvas, place, coat, points, side)
    _paint_nose(canvas, place, coat, points)
    _paint_whiskers(canvas, place, theme)


def _paint_ear(canvas: Canvas, place: Frame, coat: Coat, points: Color, side: int) -> None:
    soft = place.scale
    ends = _ends(place, (side * 0.32, -0.42), (side * 0.14, -0.1))
    warm = mix(points, coat.light, 0.12)
    ear = canvas.shape(
        place(smooth(_side(_EAR, side))), Linear(*ends, even(points, warm, mix(points, coat.base, 0.35)))
    )
    inner_ends = _ends(place, (side * 0.3, -0.38), (side * 0.2, -0.15))
    dark = mix(coat.inner_ear, coat.line, 0.45)
    inner = canvas.shape(
        place(smooth(_side(_INNER_EAR, side))),
        Linear(*inner_ends, even(mix(coat.inner_ear, points, 0.35), coat.inner_ear, dark)),
        blur=0.007 * soft,
        clip=ear,
    )
    tufts = []
    for x, tip_x, tip_y in ((0.15, 0.245, -0.31), (0.13, 0.2, -0.28), (0.19, 0.275, -0.27), (0.165, 0.225, -0.3)):
        tufts.append(
            stroke(
                smooth(_side([(x, -0.16), ((x + tip_x) / 2 - 0.008, -0.23), (tip_x, tip_y)], side), closed=False),
                [0.016, 0.009, 0.0],
            )
        )
    canvas.shape(
        [place(tuft) for tuft in tufts], mix(coat.light, points, 0.25), blur=0.003 * soft, opacity=0.7, clip=inner
    )


def _paint_stripes(canvas: Canvas, place: Frame, stripes: Color, head: Mask | None) -> None:
    marks = [stroke([(0, -0.25), (0, -0.1)], [0.018, 0.004])]
    for side in (-1, 1):
        marks.append(
            stroke(smooth(_side([(0.075, -0.25), (0.07, -0.17), (0.05, -0.1)], side), closed=False), [0.018, 0.004])
        )
        marks.append(
            stroke(smooth(_side([(0.3, -0.0), (0.25, 0.03), (0.2, 0.035)], side), closed=False), [0.015, 0.003])
        )
        marks.append(
            stroke(smooth(_side([(0.29, 0.09), (0.24, 0.1), (0.19, 0.09)], side), closed=False), [0.014, 0.003])
        )
    canvas.shape([place(mark) for mark in marks], stripes, blur=0.005 * place.scale, opacity=0.9, clip=head)


def _paint_muzzle(canvas: Canvas, place: Frame, coat: Coat, points: Color, head: Mask | None) -> None:
    soft = place.scale
    bridge = smooth(mirrored([(0, -0.06), (0.028, -0.03), (0.034, 0.06), (0.03, 0.1), (0, 0.11)]))
    canvas.shape(place(bridge), mix(points, coat.light, 0.28), blur=0.02 * soft, opacity=0.55, clip=head)
    for side in (-1, 1):
        pad = place(ellipse(side * 0.052, 0.148, 0.066, 0.048, angle=side * 12))
        canvas.shape(
            pad, mix(points, coat.light, 0.95 - 0.65 * coat.pointed), blur=0.018 * soft, opacity=0.6, clip=head
        )
    chin = place(ellipse(0, 0.225, 0.05, 0.022))
    canvas.shape(chin, mix(points, coat.light, 0.25), blur=0.014 * soft, opacity=0.6, clip=head)


def _paint_eye(canvas: Canvas, place: Frame, coat: Coat, points: Color, side: int) -> None:
    soft = place.scale
    eye = _side(smooth(_EYE), 1) * 1.0
    where = np.array(_EYE_AT)
    socket = _side(eye * 1.3 + where, side)
    canvas.shape(place(socket), mix(points, coat.line, 0.5), blur=0.016 * soft, opacity=0.3 + 0.2 * coat.pointed)
    canvas.shape(place(_side(eye * 1.1 + where, side)), coat.line)
    ends = _ends(place, (side * where[0], where[1] - 0.055), (side * where[0], where[1] + 0.05))
    iris = canvas.shape(place(_side(eye + where, side)), Linear(*ends, even(*coat.eye)))
    middle = (side * (where[0] + 0.004), where[1] - 0.004)
    center = place([middle])[0]
    ring = Radial((float(center[0]), float(center[1])), (0.05 * soft, 0.05 * soft), even(coat.eye[2], coat.eye[1]))
    canvas.shape(place(ellipse(*middle, 0.048, 0.048)), ring, blur=0.012 * soft, opacity=0.5, clip=iris)
    canvas.shape(place(ellipse(*middle, 0.031, 0.05)), coat.line, clip=iris)
    lid = _side(
        smooth(
            [
                (-0.09, 0.02),
                (-0.045, -0.05),
                (0.01, -0.075),
                (0.07, -0.065),
                (0.1, -0.03),
                (0.06, -0.046),
                (0.01, -0.052),
                (-0.05, -0.02),
            ]
        )
        + where,
        side,
    )
    canvas.shape(place(lid), coat.line, blur=0.008 * soft, opacity=0.6, clip=iris)
    sign = -1 if place.flip else 1
    spark = (middle[0] - sign * 0.021, middle[1] - 0.024)
    canvas.shape(place(ellipse(*spark, 0.017, 0.017, points=32)), (255, 255, 255), clip=iris)
    small = (middle[0] + sign * 0.024, middle[1] + 0.021)
    canvas.shape(place(ellipse(*small, 0.0065, 0.0065, points=24)), (255, 255, 255), opacity=0.8, clip=iris)


def _paint_nose(canvas: Canvas, place: Frame, coat: Coat, points: Color) -> None:
    soft = place.scale
    nose = smooth(mirrored([(0, 0.092), (0.026, 0.09), (0.036, 0.1), (0.02, 0.122), (0, 0.134)]), steps=8)
    ends = _ends(place, (-0.02, 0.088), (0.015, 0.135))
    whole = canvas.shape(
        place(nose), Linear(*ends, even(mix(coat.nose, coat.light, 0.3), coat.nose, mix(coat.nose, coat.line, 0.4)))
    )
    canvas.shape(place(ellipse(-0.008, 0.1, 0.012, 0.004)), coat.light, blur=0.003 * soft, opacity=0.5, clip=whole)
    ink = mix(points, coat.line, 0.85)
    mouth = [stroke([(0, 0.132), (0, 0.158)], [0.004, 0.0035])]
    for side in (-1, 1):
        smile = smooth(_side([(0, 0.157), (0.02, 0.176), (0.048, 0.177), (0.074, 0.158)], side), closed=False)
        mouth.append(stroke(smile, [0.004, 0.0042, 0.001]))
    canvas.shape([place(line) for line in mouth], ink)
    dots = [
        ellipse(side * x, y, 0.0038, 0.0038, points=12)
        for side in (-1, 1)
        for x, y in ((0.06, 0.135), (0.08, 0.148), (0.065, 0.157))
    ]
    canvas.shape([place(dot) for dot in dots], ink, opacity=0.7)


def _paint_whiskers(canvas: Canvas, place: Frame, theme: Theme) -> None:
    rng = theme.rng("whiskers")
    hairs = []
    for side in (-1, 1):
        for y, end_y in ((0.13, 0.05), (0.145, 0.12), (0.158, 0.19)):
            reach = 0.4 + float(rng.uniform(-0.02, 0.03))
            path = smooth(
                _side([(0.075, y), (0.22, (y + end_y) / 2 - 0.015), (reach, end_y + 0.012)], side),
                closed=False,
                steps=14,
            )
            hairs.append(stroke(path, [0.003, 0.0024, 0.0005]))
    canvas.shape([place(hair) for hair in hairs], (255, 253, 248), opacity=0.85)
