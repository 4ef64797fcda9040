"""Draws the shapes of a markup on its image, and encodes the marked copy within the service's limit.

Everything is drawn in proportion to the image, with an outline that contrasts with the color, so that shapes can be
seen on any background. The same shapes give the same bytes: a request is recognized by them.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw, ImageFont

from seedream_nb.core.errors import ImageError
from seedream_nb.images.lettering import lettering
from seedream_nb.images.shapes import COLORS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from seedream_nb.images.shapes import Point, Shape

    Box = tuple[int, int, int, int]

MOST_BYTES: Final = 10_000_000  # of an input image (wire contract, POST /seedream/images): both readings of 10 MB
QUALITIES: Final = (95, 90, 85, 75, 60, 40)  # of JPEG, tried in this order

# In thousandths of the image's mean side, with the least in pixels.
_STROKE, _OUTLINE, _LABEL, _TEXT = (5, 2), (1.8, 1.5), (15, 8), (32, 12)
_SMOOTH = 3  # samples of a pixel across and down
_MOST_SAMPLES = 150_000_000  # beyond which a shape is drawn without smoothing
_HEAD = 4.5  # strokes: the length of the head of an arrow
_SPREAD = 0.45  # lengths of the head: half of its width
_BOLD = 0.02  # heights of the letters of a text, which are bolder by as much on each side
_MOST_LINES = 12  # of a text
_DARK, _LIGHT = (16, 16, 16), (255, 255, 255)
_LIGHT_COLOR = 0.2  # luminance from which a dark outline contrasts more than a light one


def render(image: Image.Image, shapes: Iterable[Shape]) -> Image.Image:
    """Draws shapes on a copy of an image.

    Args:
        image: The upright image in mode `RGB` or `RGBA`.
        shapes: The shapes, the lowest first; numbers and labels are drawn above all of them.

    Returns:
        The marked copy, with the size and the mode of the image.
    """
    marked = image.copy()
    listed = list(shapes)
    for shape in listed:
        _Pen(marked, shape).draw_shape()
    for shape in listed:
        _Pen(marked, shape).draw_label()
    return marked


def encode(image: Image.Image, *, is_lossless: bool, finish: Callable[[bytes], bytes]) -> bytes:
    """Encodes an image in at most `MOST_BYTES`, never with fewer pixels.

    Args:
        image: The image in mode `RGB` or `RGBA`.
        is_lossless: Whether to try PNG first. Whatever has transparent parts is PNG; beyond the limit, JPEG on white.
        finish: Adds metadata to the file.

    Returns:
        The file.

    Raises:
        ImageError: It exceeds the limit in any quality.
    """
    profile = image.info.get("icc_profile")
    # One for gray or CMYK would distort the colors, which are RGB by now.
    options = {"icc_profile": profile if isinstance(profile, bytes) and profile[16:20] == b"RGB " else None}
    try:
        if is_lossless or image.mode == "RGBA":
            content = finish(_save(image, "PNG", **options))
            if len(content) <= MOST_BYTES:
                return content
        opaque = image
        if image.mode == "RGBA":
            opaque = Image.new("RGB", image.size, "white")
            opaque.paste(image, mask=image.getchannel("A"))
        for quality in QUALITIES:
            # Without subsampling, as thin lines in strong colors would lose these.
            content = finish(_save(opaque, "JPEG", quality=quality, subsampling=0, **options))
            if len(content) <= MOST_BYTES:
                return content
    except (OSError, ValueError) as problem:  # more pixels in a row than the format has
        raise ImageError(f"The marked copy can't be encoded: {problem}.") from None
    raise ImageError(
        f"The marked copy of {image.width} x {image.height} pixels exceeds 10 MB even as JPEG.",
        hint="Shrink the image first; nothing was sent.",
    )


def _save(image: Image.Image, image_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


@dataclass(frozen=True)
class Measures:
    """How large everything is drawn on an image, in its pixels.

    Attributes:
        stroke: The width of a line.
        outline: The width of the outline on each side of it.
        radius: The radius of the disc with the number.
        letters: The size of letters.
        head: The length of the head of an arrow.
        spread: Half of its width, in lengths.
    """

    stroke: float
    outline: float
    radius: float
    letters: float
    head: float
    spread: float = _SPREAD

    @classmethod
    def of(cls, width: int, height: int) -> Measures:
        """Those for an image of a size."""
        unit = math.sqrt(width * height) / 1000
        stroke, outline, radius, letters = (
            max(least, round(share * unit, 2)) for share, least in (_STROKE, _OUTLINE, _LABEL, _TEXT)
        )
        return cls(stroke, outline, radius, letters, _HEAD * stroke)


def contrast_of(color: str) -> tuple[int, int, int]:
    """The color of the outline around a color of `COLORS`."""
    return _DARK if _luminance(_parts_of(color)) > _LIGHT_COLOR else _LIGHT


class _Pen:
    """Draws one shape on an image."""

    def __init__(self, image: Image.Image, shape: Shape) -> None:
        self.image = image
        self.shape = shape
        measures = Measures.of(image.width, image.height)
        self.stroke, self.outline = measures.stroke, measures.outline
        self.radius, self.letters, self.head = measures.radius, measures.letters, measures.head
        self.color = _parts_of(shape.color)
        self.contrast = contrast_of(shape.color)

    def draw_shape(self) -> None:
        """Draws the shape itself."""
        points = self.shape.points
        if self.shape.kind == "box":
            (left, top), (right, bottom) = points
            points = ((left, top), (right, top), (right, bottom), (left, bottom), (left, top))
        if self.shape.kind == "arrow":
            self._draw_arrow(*points)
        elif self.shape.kind == "pin":
            self._draw_pin(points[0])
        elif self.shape.kind == "text":
            self._draw_text(self.shape.text, points[0])
        else:
            self._draw(points, self.stroke, lambda canvas, margin: canvas.line(points, self.stroke + 2 * margin))

    def draw_label(self) -> None:
        """Draws the number, and the label beside it."""
        if self.shape.kind == "text":
            return
        radius = self.radius
        if self.shape.kind == "pin":
            center = self._head()
        else:
            center = self._inside(self.shape.points[0])
            self._draw([center], radius, lambda canvas, margin: canvas.disc(center, radius + margin))
        self._draw_number(center)
        if self.shape.text:
            below = self.stroke if self.shape.kind == "box" else -0.65 * self.letters
            self._draw_text(self.shape.text, (center[0] + 1.3 * radius, center[1] + below))

    def _draw_arrow(self, start: Point, tip: Point) -> None:
        length = math.dist(start, tip)
        head = min(self.head, length)
        x, y = (tip[0] - start[0]) / length * head, (tip[1] - start[1]) / length * head
        base = tip[0] - x, tip[1] - y
        corners = [tip, (base[0] - _SPREAD * y, base[1] + _SPREAD * x), (base[0] + _SPREAD * y, base[1] - _SPREAD * x)]

        def draw(canvas: _Canvas, margin: float) -> None:
            canvas.line((start, base), self.stroke + 2 * margin)
            canvas.area(corners, margin)

        self._draw([start, *corners], self.stroke, draw)

    def _draw_pin(self, tip: Point) -> None:
        head = self._head()

        def draw(canvas: _Canvas, margin: float) -> None:
            canvas.disc(head, self.radius + margin)
            if math.dist(head, tip) > self.radius:
                canvas.area([tip, *_tangents(tip, head, self.radius)], margin)

        self._draw([tip, head], self.radius, draw)

    def _head(self) -> Point:
        """The center of the head of a pin: above its tip, or below where there is no room."""
        x, y = self.shape.points[0]
        away = 2 * self.radius
        return self._inside((x, y - away if y >= away + self.radius else y + away))

    def _draw_number(self, center: Point) -> None:
        number = str(self.shape.number)
        size = round(self.radius * (1.35 if len(number) == 1 else 1.1 if len(number) == 2 else 0.8))  # noqa: PLR2004  digits
        font = ImageFont.load_default(size)
        ImageDraw.Draw(self.image).text(center, number, fill=self.contrast, font=font, anchor="mm")

    def _draw_text(self, text: str, corner: Point) -> None:
        """Draws text whose left top is at a point, moved left or up where it would leave the image."""
        letters = lettering(max(1, round(self.letters)))
        bold = round(self.letters * _BOLD)
        outline = bold + max(1, round(self.outline))
        room = self.image.width - 2 * outline
        lines = letters.wrap(text, room, _MOST_LINES)
        width = math.ceil(max(map(letters.width, lines), default=0)) + 2 * outline
        height = len(lines) * letters.line_height + 2 * outline
        left = round(max(0, min(corner[0], self.image.width - width)))
        top = round(max(0, min(corner[1], self.image.height - height)))
        for color, stroke in ((self.contrast, outline), (self.color, bold)):
            mask = Image.new("L", (width, height))
            pen = ImageDraw.Draw(mask)
            for number, line in enumerate(lines):
                letters.draw(pen, (outline, outline + number * letters.line_height), line, "white", stroke=stroke)
            self.image.paste(self._ink(color), (left, top), mask)

    def _draw(self, points: Sequence[Point], reach: float, draw: Callable[[_Canvas, float], None]) -> None:
        """Draws the outline, then the color; `reach` is how far the drawing goes beyond the points, at most."""
        reach += self.outline + 1
        across, down = zip(*points, strict=True)
        box = (
            max(0, math.floor(min(across) - reach)),
            max(0, math.floor(min(down) - reach)),
            min(self.image.width, math.ceil(max(across) + reach)),
            min(self.image.height, math.ceil(max(down) + reach)),
        )
        for color, margin in ((self.contrast, self.outline), (self.color, 0.0)):
            canvas = _Canvas(box)
            draw(canvas, margin)
            self.image.paste(self._ink(color), box[:2], canvas.finish())

    def _inside(self, center: Point) -> Point:
        """A center of a disc, moved so that all of the disc is on the image."""
        far = self.radius + self.outline
        x, y = (
            side / 2 if side < 2 * far else max(far, min(value, side - far))
            for value, side in zip(center, self.image.size, strict=True)
        )
        return x, y

    def _ink(self, color: tuple[int, int, int]) -> tuple[int, ...]:
        return (*color, 255) if self.image.mode == "RGBA" else color


class _Canvas:
    """A mask of a part of an image, in which drawing is smoothed."""

    def __init__(self, box: Box) -> None:
        self._left, self._top, right, bottom = box
        width, height = right - self._left, bottom - self._top
        self._samples = _SMOOTH if width * height * _SMOOTH**2 <= _MOST_SAMPLES else 1
        self._mask = Image.new("L", (width * self._samples, height * self._samples))
        self._pen = ImageDraw.Draw(self._mask)

    def line(self, points: Sequence[Point], width: float) -> None:
        self._pen.line(self._place(points), fill=255, width=max(1, round(width * self._samples)))
        for point in points:
            self.disc(point, width / 2)

    def disc(self, center: Point, radius: float) -> None:
        ((x, y),) = self._place([center])
        radius *= self._samples
        self._pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)

    def area(self, corners: Sequence[Point], margin: float) -> None:
        """Fills a polygon, and as much around it."""
        self._pen.polygon(self._place(corners), fill=255)
        if margin:
            self.line([*corners, corners[0]], 2 * margin)

    def finish(self) -> Image.Image:
        return self._mask.reduce(self._samples) if self._samples > 1 else self._mask

    def _place(self, points: Sequence[Point]) -> list[Point]:
        return [((x - self._left) * self._samples, (y - self._top) * self._samples) for x, y in points]


def _tangents(tip: Point, center: Point, radius: float) -> tuple[Point, Point]:
    """Where the tangents from a point touch a circle."""
    away = math.atan2(tip[1] - center[1], tip[0] - center[0])
    spread = math.acos(radius / math.dist(tip, center))
    first, second = (
        (center[0] + radius * math.cos(away + turn), center[1] + radius * math.sin(away + turn))
        for turn in (spread, -spread)
    )
    return first, second


def _parts_of(color: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(COLORS[color][1:])
    return red, green, blue


def _luminance(color: tuple[int, int, int]) -> float:
    """The relative luminance of a color (WCAG 2.2)."""
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (c / 255 for c in color)]  # noqa: PLR2004  as there
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
