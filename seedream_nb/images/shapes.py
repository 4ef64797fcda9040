"""The shapes of a markup as data: kinds, colors, points, and the words that name them in a prompt. No Pillow here."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, get_args

from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.core.text import count_of

if TYPE_CHECKING:
    from collections.abc import Container
    from typing import TypeAlias

Kind = Literal["box", "arrow", "line", "freehand", "pin", "text"]
Point: TypeAlias = "tuple[float, float]"
Size: TypeAlias = "tuple[int, int]"

COLORS: Final[Mapping[str, str]] = {
    "red": "#e40312",
    "yellow": "#f5e109",
    "green": "#11b669",
    "blue": "#0b2bea",
    "pink": "#f44fa4",
    "cyan": "#3efcfc",
}
"""The colors of shapes by the names that prompts use: as far apart as six can be, for color-blind users, too."""

MOST_SHAPES: Final = 200
MOST_POINTS: Final = 20_000  # of a freehand shape; an hour of drawing has fewer
MOST_TEXT: Final = 500  # characters

_KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
_POINTS: Final[Mapping[str, tuple[int, int]]] = {
    "box": (2, 2),
    "arrow": (2, 2),
    "line": (2, MOST_POINTS),
    "freehand": (2, MOST_POINTS),
    "pin": (1, 1),
    "text": (1, 1),
}
_PHRASES: Final[Mapping[str, str]] = {
    "box": "in the {}",
    "arrow": "where the {} points",
    "line": "along the {}",
    "freehand": "at the {}",
    "pin": "at the {}",
    "text": "at the {}",
}
_NAMES: Final[Mapping[str, str]] = {"arrow": "An arrow", "freehand": "A freehand shape"}
_NOUNS: Final[Mapping[str, str]] = {"freehand": "drawing"}
_DIGITS = 2  # of coordinates, so that every way to the same place gives the same bytes


@dataclass(frozen=True)
class Shape:
    """One shape of a `Markup`, in pixels of the image as it is shown.

    Attributes:
        kind: `box`, `arrow`, `line`, `freehand`, `pin`, or `text`.
        points: The corners of a box (left top and right bottom); start and tip of an arrow; the points of a line or of
            a freehand shape; the place of a pin; the left top of a text.
        color: One of `COLORS`.
        text: The text, or a label that is drawn beside the number.
        number: Its number, which no other shape of the markup has. It is drawn, but for a text.

    Example:
        >>> Shape("box", ((10, 20), (110, 220)), "red").words
        'in the red box 1'
    """

    kind: Kind
    points: tuple[Point, ...]
    color: str = "red"
    text: str = ""
    number: int = 1

    @property
    def name(self) -> str:
        """What a prompt calls the shape, such as `red box 1`."""
        noun = f"{self.color} {_NOUNS.get(self.kind, self.kind)}"
        return f'{noun} "{shorten(self.text)}"' if self.kind == "text" else f"{noun} {self.number}"

    @property
    def words(self) -> str:
        """Where the shape is, for a prompt, such as `in the red box 1`."""
        return _PHRASES[self.kind].format(self.name)

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """Left, top, right, and bottom of its points."""
        across, down = zip(*self.points, strict=True)
        return min(across), min(down), max(across), max(down)

    def to_dict(self) -> dict[str, object]:
        """The shape as JSON-serializable data; see `read_shape`."""
        return {
            "kind": self.kind,
            "color": self.color,
            "points": [[_plain(x), _plain(y)] for x, y in self.points],
            "text": self.text,
            "number": self.number,
        }


def read_shape(fields: object, size: Size, number: int, taken: Container[int] = ()) -> Shape:
    """Reads and checks a shape of JSON.

    Args:
        fields: `kind` and `points`; `color`, `text` and `number` may be missing.
        size: Width and height of the image in pixels.
        number: The number of a shape that has none.
        taken: Numbers of other shapes.

    Returns:
        The shape.

    Raises:
        UsageError: It is not a shape, or not within the image.
    """
    if not isinstance(fields, Mapping):
        raise UsageError(f"A shape must be a mapping with kind and points, not {shorten(repr(fields))}.")
    unknown = sorted(map(str, set(fields) - {"kind", "color", "points", "text", "number"}))
    if unknown:
        raise UsageError(f"A shape has no field {shorten(unknown[0])!r}.")
    found = fields.get("points", ())
    if isinstance(found, (str, bytes, Mapping)) or not hasattr(found, "__iter__"):
        raise UsageError(f"The points of a shape must be a list of [x, y], not {shorten(repr(found))}.")
    given = fields.get("number")
    if given in taken:
        raise UsageError(f"The number {given} is used twice.")
    return make_shape(
        fields.get("kind"),
        list(found),
        size,
        color=fields.get("color", "red"),
        text=fields.get("text", ""),
        number=number if given is None else given,
    )


def make_shape(
    kind: object,
    points: list[object],
    size: Size,
    *,
    color: object,
    text: object,
    number: object,
    factors: Size = (1, 1),
) -> Shape:
    """Checks what a shape is made of.

    Args:
        kind: Its kind.
        points: Its points, each a pair of numbers.
        size: Width and height of the image in pixels.
        color: Its color.
        text: Its text.
        number: Its number.
        factors: What one unit across and one down are in pixels: 1, or the size of the image for fractions.

    Returns:
        The shape, the corners of a box in order.

    Raises:
        UsageError: The message says what is wrong.
    """
    if kind not in _KINDS:
        raise UsageError(f"{shorten(repr(kind))} is not a kind of shape.", hint=f"Use {', '.join(_KINDS)}.")
    if not isinstance(color, str) or color not in COLORS:
        raise UsageError(f"{shorten(repr(color))} is not a markup color.", hint=f"Use {', '.join(COLORS)}.")
    if not isinstance(text, str) or len(text) > MOST_TEXT:
        raise UsageError(f"The text of a shape must be a string of at most {MOST_TEXT} characters.")
    if kind == "text" and not text.strip():
        raise UsageError("The text to draw is empty.")
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MOST_SHAPES:
        raise UsageError(f"The number of a shape must be from 1 to {MOST_SHAPES}, not {shorten(repr(number))}.")
    fewest, most = _POINTS[str(kind)]
    if not fewest <= len(points) <= most:
        wanted = count_of(fewest, "point") if fewest == most else f"{fewest} to {most:,} points"
        raise UsageError(f"{_NAMES.get(str(kind), f'A {kind}')} needs {wanted}, not {len(points):,}.")
    placed = tuple(_place(point, size, factors) for point in points)
    shape = Shape(kind, placed, color, " ".join(text.split()), number)
    left, top, right, bottom = shape.edges
    is_too_small = min(right - left, bottom - top) < 1 if kind == "box" else max(right - left, bottom - top) < 1
    if is_too_small and kind not in {"pin", "text"}:
        raise too_small(str(kind))
    return Shape(kind, ((left, top), (right, bottom)), shape.color, shape.text, number) if kind == "box" else shape


def too_small(kind: str) -> UsageError:
    """The error for what can't be seen, probably because fractions were given as pixels."""
    return UsageError(
        f"The {kind} covers less than a pixel.",
        hint='Coordinates are pixels; for fractions of the image, use Markup(image, unit="relative").',
    )


def _place(point: object, size: Size, factors: Size) -> Point:
    """A point in pixels within the image."""
    pair = list(point) if isinstance(point, Iterable) and not isinstance(point, (str, bytes)) else []
    given = [_read_number(value) for value in pair]
    if len(given) != 2 or not all(map(math.isfinite, given)):  # noqa: PLR2004  across and down
        raise UsageError(f"A point must be a pair of numbers (x, y), not {shorten(repr(point))}.")
    for axis, value, pixels, factor in zip("xy", given, size, factors, strict=True):
        most = pixels / factor
        if not 0 <= value <= most:
            if factors == (1, 1):
                where = f"which is {size[0]} x {size[1]} pixels"
            else:
                where = "which goes from 0 to 1 in relative units"
            raise UsageError(f"{axis} = {value:g} is outside of the image, {where}.")
    return round(given[0] * factors[0], _DIGITS), round(given[1] * factors[1], _DIGITS)


def _read_number(value: object) -> float:
    if isinstance(value, (str, bytes)):
        return math.nan
    try:
        return float(value)  # type: ignore[arg-type]  # what is no number raises
    except (TypeError, ValueError, OverflowError):
        return math.nan


def _plain(value: float) -> float:
    return int(value) if value == int(value) else value
