"""`Markup`: shapes drawn on an image, which show these models what a prompt is about better than words.

The makers' guides: colored frames, arrows, and doodles on the image, their color named in the prompt (wire contract,
How people prompt these models).
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal, get_args

from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.core.models import TaskImage
from seedream_nb.core.providers import provide
from seedream_nb.core.text import format_size
from seedream_nb.images.markup_prompts import find_named_shapes, find_prompt_problems
from seedream_nb.images.provenance import Provenance
from seedream_nb.images.shapes import COLORS, MOST_SHAPES, Kind, Shape, make_shape, read_shape, too_small
from seedream_nb.protocol.sizes import display_size

if TYPE_CHECKING:
    from PIL import Image

    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.images.shapes import Size

__all__ = ["COLORS", "Markup", "MarkupWarning", "Shape"]

Unit = Literal["pixels", "relative"]

_PREVIEW = 512  # pixels of the longer side of the preview in a notebook
_JPEG = b"\xff\xd8\xff"
_FORMATS = {_JPEG: "JPEG", b"\x89PNG": "PNG"}


class MarkupWarning(UserWarning):
    """The prompt names a shape that is not drawn, or does not name one that is; it is sent as it is."""


class Markup:
    """An image with shapes drawn on it; each method returns a new markup, and none changes the image.

    `client.edit(markup, prompt)` sends the marked copy. With `layers=True` it sends the clean image, and names the
    boxes in the prompt by their coordinates, see `bbox_words`.

    Args:
        image: The image: one of a task, a task with one image, bytes, a path, a link, or a Pillow image.
        unit: What the coordinates of the methods are: `pixels` of the image as it is shown (after its EXIF
            orientation), from its left top; or `relative`, fractions of its width and height from 0 to 1.
        fetcher: Fetches an image that is only a link, such as `client.fetcher`. By default it comes from the library,
            or else from its link.

    Attributes:
        source: The image of a task that it was made from, if that is known.
        original: The image's file.
        size: Width and height of the image in pixels.
        shapes: The shapes, the lowest first.

    Raises:
        UsageError: It is not an image, or it is several.
        ImageError: It can't be fetched, or it is damaged.

    Example:
        >>> room = Markup(image).box(200, 1100, 900, 1800, color="red").arrow((1500, 300), (1200, 800), color="blue")
        >>> f"Put a sofa {room.words[1]}, and a lamp {room.words[2]}. Remove the drawn marks."
        'Put a sofa in the red box 1, and a lamp where the blue arrow 2 points. Remove the drawn marks.'
        >>> Markup(image, unit="relative").pin(0.5, 0.5).shape(1).points
        ((1024.0, 1024.0),)
    """

    source: TaskImage | None
    original: bytes
    size: Size
    shapes: tuple[Shape, ...]

    def __init__(self, image: object, *, unit: Unit = "pixels", fetcher: ImageFetcher | None = None) -> None:
        from seedream_nb.images.saved_files import read_provenance  # noqa: PLC0415  Pillow is loaded when it is needed
        from seedream_nb.images.thumbnails import read_facts  # noqa: PLC0415  as above

        if unit not in get_args(Unit):
            raise UsageError(f"unit must be {' or '.join(get_args(Unit))}, not {shorten(repr(unit))}.")
        if isinstance(image, Markup):
            raise UsageError("The image is already a Markup.", hint="Draw on it, or use Markup(markup.image).")
        self.original, self.source = provide("load_image")(image, fetcher)
        facts = read_facts(self.original)
        self.size = facts.width, facts.height
        self.shapes = ()
        self._unit = unit
        self._previous: Markup | None = None
        if self.source is None:
            told = read_provenance(self.original)
            self.source = TaskImage(told.task_id, told.index, data=self.original) if told and told.task_id else None

    def box(
        self, left: float, top: float, right: float, bottom: float, *, color: str = "red", text: str = ""
    ) -> Markup:
        """Draws a box.

        Args:
            left: Its left edge.
            top: Its top edge.
            right: Its right edge.
            bottom: Its bottom edge.
            color: One of `COLORS`: red, yellow, green, blue, pink, or cyan.
            text: A label that is drawn beside its number.

        Returns:
            The new markup.

        Raises:
            UsageError: It is outside of the image, too small, or of another color.

        Example:
            >>> Markup(image).box(200, 1100, 900, 1800, text="the sofa").words
            {1: 'in the red box 1'}
        """
        return self._draw("box", [(left, top), (right, bottom)], color, text)

    def arrow(
        self, start: tuple[float, float], end: tuple[float, float], *, color: str = "red", text: str = ""
    ) -> Markup:
        """Draws an arrow from one point to another, where its tip is; points are `(x, y)`, all else is as for `box`.

        Example:
            >>> Markup(image).arrow((1500, 300), (1200, 800), color="blue").words
            {1: 'where the blue arrow 1 points'}
        """
        return self._draw("arrow", [start, end], color, text)

    def line(self, *points: tuple[float, float], color: str = "red", text: str = "") -> Markup:
        """Draws a line through two or more points `(x, y)`; all else is as for `box`.

        Example:
            >>> Markup(image).line((0, 1500), (1000, 1400), (2048, 1500), color="green").words
            {1: 'along the green line 1'}
        """
        return self._draw("line", points, color, text)

    def freehand(self, points: Iterable[tuple[float, float]], *, color: str = "red", text: str = "") -> Markup:
        """Draws a freehand line through many points `(x, y)`; all else is as for `box`.

        Example:
            >>> Markup(image).freehand([(500, 500), (520, 540), (560, 550)], color="pink").words
            {1: 'at the pink drawing 1'}
        """
        return self._draw("freehand", points, color, text)

    def pin(self, x: float, y: float, *, color: str = "red", text: str = "") -> Markup:
        """Draws a numbered pin at a point; all else is as for `box`.

        Example:
            >>> Markup(image).pin(1024, 900).words
            {1: 'at the red pin 1'}
        """
        return self._draw("pin", [(x, y)], color, text)

    def text(self, x: float, y: float, text: str, *, color: str = "red") -> Markup:
        """Writes text, in any script that this machine has a font for; `x` and `y` are its left top.

        Example:
            >>> Markup(image).text(100, 100, "a lamp here", color="cyan").words
            {1: 'at the cyan text "a lamp here"'}
        """
        return self._draw("text", [(x, y)], color, text)

    def remove(self, number: int) -> Markup:
        """Removes a shape; the others keep their numbers.

        Args:
            number: Its number.

        Returns:
            The new markup.

        Raises:
            UsageError: No shape has this number.

        Example:
            >>> Markup(image).pin(100, 100).pin(900, 900).remove(1).words
            {2: 'at the red pin 2'}
        """
        removed = self.shape(number)
        return self._with(tuple(shape for shape in self.shapes if shape is not removed))

    def undo(self) -> Markup:
        """The markup before the last change.

        Raises:
            UsageError: There is no change to undo.

        Example:
            >>> Markup(image).pin(100, 100).pin(900, 900).undo().words
            {1: 'at the red pin 1'}
        """
        if self._previous is None:
            raise UsageError("There is nothing to undo.")
        return self._previous

    def shape(self, number: int) -> Shape:
        """The shape of a number; its `name` is `red box 1`, its `words` are `in the red box 1`.

        Raises:
            UsageError: No shape has this number.

        Example:
            >>> Markup(image).pin(100, 100).shape(1).name
            'red pin 1'
        """
        for shape in self.shapes:
            if shape.number == number:
                return shape
        drawn = ", ".join(str(shape.number) for shape in self.shapes) or "none"
        raise UsageError(f"No shape has the number {shorten(repr(number))}.", hint=f"Shapes on this image: {drawn}.")

    @property
    def words(self) -> dict[int, str]:
        """Where each shape is, in words for a prompt, by its number, such as `in the red box 1`."""
        return {shape.number: shape.words for shape in self.shapes}

    @property
    def bbox_words(self) -> dict[int, str]:
        """The boxes as coordinates for the prompt of a layer decomposition, by their numbers.

        The API documents that elements can be named with normalized `<bbox>` coordinates, but neither their order nor
        their scale (wire contract, Layers). These are left, top, right, bottom in thousandths, as in the API's own
        answers and in the makers' guide to their vision models.

        Example:
            >>> Markup(image).box(512, 1024, 1024, 2048, text="the sofa").bbox_words
            {1: 'the sofa <bbox>250 500 500 1000</bbox>'}
        """
        return {shape.number: self._format_bbox(shape) for shape in self.shapes if shape.kind == "box"}

    def check_prompt(self, prompt: str) -> tuple[str, ...]:
        """What a prompt names that is not drawn, or else what is drawn that it does not name; see `MarkupWarning`.

        Args:
            prompt: The prompt.

        Returns:
            A sentence for each; none for a prompt that fits.

        Example:
            >>> room = Markup(image).box(200, 1100, 900, 1800)
            >>> room.check_prompt("Put a sofa in the blue box.")
            ('The prompt names a blue box, but there is only red box 1.',)
            >>> room.check_prompt("Put a blue sofa in the red box.")
            ()
        """
        return find_prompt_problems(self.shapes, prompt)

    def prompt_for_layers(self, prompt: str = "") -> str:
        """The prompt that is sent for a layer decomposition, with the coordinates of the boxes.

        Args:
            prompt: The prompt; one with `<bbox>` coordinates of its own stays as it is.

        Returns:
            The prompt, followed by `bbox_words`, each on a line of its own.

        Example:
            >>> print(Markup(image).box(512, 1024, 1024, 2048, text="the sofa").prompt_for_layers("Separate the sofa."))
            Separate the sofa.
            the sofa <bbox>250 500 500 1000</bbox>
        """
        if "<bbox>" in prompt:
            return prompt
        return "\n".join([*filter(None, [prompt]), *self.bbox_words.values()])

    def check_layers(self, prompt: str = "") -> tuple[str, ...]:
        """What is drawn and not sent for a layer decomposition, or named as if it were, in a sentence each.

        Example:
            >>> Markup(image).arrow((1500, 300), (1200, 800)).check_layers()
            ('...',)
        """
        others = ", ".join(shape.name for shape in self.shapes if shape.kind != "box")
        named = ", ".join(find_named_shapes(prompt)) if self.shapes else ""
        return (
            *([f"A layer decomposition uses boxes only; not sent: {others}."] if others else []),
            *(
                [f"The prompt names {named}, but a layer decomposition is sent the image without shapes."]
                if named
                else []
            ),
        )

    @property
    def image(self) -> Image.Image:
        """The marked copy as a Pillow image, in mode `RGB`, or `RGBA` where the image has transparency."""
        from seedream_nb.images.markup_rendering import render  # noqa: PLC0415  Pillow is loaded when it is needed
        from seedream_nb.images.thumbnails import decode_image  # noqa: PLC0415  as above

        return render(decode_image(self.original), self.shapes)

    @cached_property
    def content(self) -> bytes:
        """The file of the marked copy, exactly as it is sent; without shapes, the original.

        It has the image's size in pixels and at most 10 MB. It is JPEG if the original is, else PNG, and JPEG where
        that would be too large. Of the original's metadata it has the task id and the index alone, which tell what
        the edit was made from. The same markup gives the same bytes.

        Raises:
            ImageError: It exceeds 10 MB in any quality.
        """
        return self._encode(self.image) if self.shapes else self.clean

    @cached_property
    def clean(self) -> bytes:
        """The file of the image without shapes, as it is sent for a layer decomposition: upright, else unchanged."""
        from seedream_nb.images.container import read_container  # noqa: PLC0415  parsed only when it is sent
        from seedream_nb.images.thumbnails import decode_image  # noqa: PLC0415  as above

        container = read_container(self.original)
        is_upright = container is None or container.orientation == 1
        return self.original if is_upright else self._encode(decode_image(self.original))

    def describe(self, *, layers: bool = False) -> str:
        """What is sent, in a line of text: its shapes, its size, its format, and its bytes.

        Args:
            layers: Whether it is sent for a layer decomposition: then the clean image is, not the marked copy.

        Returns:
            The text.

        Example:
            >>> Markup(image).box(200, 1100, 900, 1800).describe()
            'marked copy with red box 1, ..., JPEG, ...'
        """
        names = ", ".join(shape.name for shape in self.shapes)
        what = f"marked copy with {names}" if names and not layers else "image with nothing drawn on it"
        content = self.clean if layers else self.content
        image_format = next((name for start, name in _FORMATS.items() if content.startswith(start)), "WebP")
        return f"{what}, {self._shown_size}, {image_format}, {format_size(len(content))}"

    def render_html(self, *, layers: bool = False) -> str:
        """A preview of what is sent, as an HTML image with a description.

        Args:
            layers: As for `describe`.

        Returns:
            The HTML.

        Example:
            >>> Markup(image).box(200, 1100, 900, 1800).render_html().startswith("<")
            True
        """
        import base64  # noqa: PLC0415  only for display
        from html import escape  # noqa: PLC0415  as above

        from seedream_nb.images.thumbnails import make_thumbnail  # noqa: PLC0415  as above

        preview = make_thumbnail(self.clean if layers else self.content, _PREVIEW)
        described = escape(self.describe(layers=layers))
        return (
            f'<img src="data:{preview.mime};base64,{base64.b64encode(preview.data).decode("ascii")}" '
            f'alt="{described}" title="{described}" width="{preview.width}" height="{preview.height}" '
            'style="max-width: 100%; height: auto">'
        )

    def to_json(self) -> str:
        """The shapes as JSON text, in pixels; `from_json` reads it.

        Example:
            >>> Markup(image).pin(40, 150).to_json()
            '[{"kind": "pin", "color": "red", "points": [[40, 150]], "text": "", "number": 1}]'
        """
        return json.dumps([shape.to_dict() for shape in self.shapes], ensure_ascii=False)

    @classmethod
    def from_json(
        cls,
        image: object,
        shapes: str | Iterable[Mapping[str, object]],
        *,
        unit: Unit = "pixels",
        fetcher: ImageFetcher | None = None,
    ) -> Markup:
        """Draws the shapes of `to_json` on an image.

        Args:
            image: As for `Markup`; or a markup, whose own shapes are replaced.
            shapes: JSON text, or its decoded list. Coordinates are pixels; a shape without a number gets the next one.
            unit: The unit of the methods of the result, as for `Markup`.
            fetcher: As for `Markup`.

        Returns:
            The markup.

        Raises:
            UsageError: It is not such a list; the message says which shape is wrong.

        Example:
            >>> Markup.from_json(image, '[{"kind": "pin", "points": [[40, 150]]}]').words
            {1: 'at the red pin 1'}
        """
        markup = image if isinstance(image, Markup) else cls(image, unit=unit, fetcher=fetcher)
        try:
            listed = json.loads(shapes) if isinstance(shapes, (str, bytes)) else list(shapes)
        except (ValueError, TypeError, RecursionError):
            listed = None
        if not isinstance(listed, list):
            raise UsageError("The shapes are not a JSON list.", hint="Use what Markup.to_json returned.")
        read: list[Shape] = []
        for place, fields in enumerate(listed, start=1):
            try:
                read.append(read_shape(fields, markup.size, _next_number(read), {shape.number for shape in read}))
            except UsageError as error:  # noqa: PERF203  drawing takes longer
                error.message = f"Shape {place} of {len(listed)}: {error.message}"
                raise
        return markup._with(tuple(read))  # noqa: SLF001  its own class

    def _draw(self, kind: Kind, points: Iterable[object], color: str, text: str) -> Markup:
        factors = self.size if self._unit == "relative" else (1, 1)
        if isinstance(points, (str, bytes, Mapping)) or not isinstance(points, Iterable):
            raise UsageError(f"The points must be a list of (x, y), not {shorten(repr(points))}.")
        number = _next_number(self.shapes)
        shape = make_shape(kind, list(points), self.size, color=color, text=text, number=number, factors=factors)
        if self._unit == "pixels" and all(0 < value < 1 for value in shape.edges):
            raise too_small(kind)
        return self._with((*self.shapes, shape))

    def _with(self, shapes: tuple[Shape, ...]) -> Markup:
        if len(shapes) > MOST_SHAPES:
            raise UsageError(f"A markup can have at most {MOST_SHAPES} shapes.")
        new = copy.copy(self)
        new.__dict__.pop("content", None)
        new.shapes = shapes
        new._previous = self  # noqa: SLF001  its own class
        return new

    def _format_bbox(self, shape: Shape) -> str:
        width, height = self.size
        edges = zip(shape.edges, (width, height, width, height), strict=True)
        bbox = f"<bbox>{' '.join(str(round(edge / side * 1000)) for edge, side in edges)}</bbox>"
        return f"{shape.text} {bbox}" if shape.text else bbox

    def _encode(self, image: Image.Image) -> bytes:
        from seedream_nb.images.markup_rendering import MOST_BYTES, encode  # noqa: PLC0415  as above
        from seedream_nb.images.saved_files import write_provenance  # noqa: PLC0415  as above

        parent = Provenance(task_id=self.source.task_id, index=self.source.index) if self.source else Provenance()
        is_lossless = not self.original.startswith(_JPEG) and len(self.original) <= MOST_BYTES
        return encode(image, is_lossless=is_lossless, finish=partial(write_provenance, provenance=parent))

    @property
    def _shown_size(self) -> str:
        return display_size(f"{self.size[0]}x{self.size[1]}")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Markup):
            return NotImplemented
        return self.shapes == other.shapes and self.original == other.original

    def __hash__(self) -> int:
        return hash((self.shapes, hashlib.sha256(self.original).digest()))

    def __repr__(self) -> str:
        names = ", ".join(shape.name for shape in self.shapes)
        of = f" of image {self.source.index} of task {self.source.task_id}" if self.source else ""
        return f"<Markup{of}: {self._shown_size}, {names or 'nothing drawn'}>"

    def _repr_mimebundle_(self, **_kwargs: object) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self.render_html()}


def _next_number(shapes: Iterable[Shape]) -> int:
    """The number of the next shape: one more than the largest, or the first free one where that is too large."""
    taken = {shape.number for shape in shapes}
    largest = max(taken, default=0)
    if largest < MOST_SHAPES:
        return largest + 1
    return next((number for number in range(1, MOST_SHAPES + 1) if number not in taken), MOST_SHAPES)
