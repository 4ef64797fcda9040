"""Which picture belongs to which file name, painted when it is first fetched.

A task only notes how its pictures would be painted, so a hundred tasks cost nothing until somebody looks at them. What
was painted stays in a bounded memory, because galleries fetch the same picture again and again.
"""

import collections
import dataclasses
import io
import math
import threading
from typing import TYPE_CHECKING, Literal

from seedream_nb.sandbox.tasks import stable_id

if TYPE_CHECKING:
    from PIL import Image

    from seedream_nb.sandbox.painter import Layer

PictureStyle = Literal["scene", "edit", "cutout", "layer"]
OutputFormat = Literal["jpeg", "png"]

_CONTENT_TYPES = {"jpeg": "image/jpeg", "png": "image/png"}


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How one picture is painted; equal recipes give equal pictures.

    Attributes:
        prompt: What the picture is painted from.
        width: In pixels.
        height: In pixels.
        index: Position in a set; the z-index for a layer.
        style: `scene` from the prompt alone, `edit` from `sources`, `cutout` on a transparent background,
            `layer` as one part of a picture that was taken apart, 0 being the base image.
        output_format: `jpeg` or `png`.
        seed: Another picture of the same prompt.
        sources: For edits and layers: encoded images, or recipes of pictures of this sandbox.
        layers: How many layers are wanted above the base image.
    """

    prompt: str
    width: int
    height: int
    index: int = 0
    style: PictureStyle = "scene"
    output_format: OutputFormat = "jpeg"
    seed: int | None = None
    sources: tuple["bytes | Recipe", ...] = ()
    layers: int = 0

    @property
    def content_type(self) -> str:
        """The MIME type under which the picture is served."""
        return _CONTENT_TYPES[self.output_format]

    @property
    def extension(self) -> str:
        """The file name's ending, without the dot."""
        return "jpg" if self.output_format == "jpeg" else self.output_format


@dataclasses.dataclass(frozen=True)
class LayerPicture:
    """One picture of a layer decomposition, and what a record says about it (wire contract, Layers).

    Attributes:
        picture: File name.
        width: Of the picture itself, in pixels; a layer is cropped to its box.
        height: As `width`.
        output_format: The base image's is the one asked for, layers are PNG.
        z_index: 0 for the base image.
        name: Short name of what the layer holds.
        description: One sentence about it.
        box: Left, top, right, bottom within the whole picture, in pixels.
    """

    picture: str
    width: int
    height: int
    output_format: OutputFormat
    z_index: int
    name: str
    description: str
    box: tuple[int, int, int, int]


@dataclasses.dataclass(frozen=True)
class Picture:
    """One encoded picture."""

    content: bytes
    content_type: str


@dataclasses.dataclass
class _Entry:
    recipe: Recipe
    task_id: str
    painting: threading.Lock = dataclasses.field(default_factory=threading.Lock)
    layers: tuple[LayerPicture, ...] = ()


class PictureBook:
    """All pictures of one sandbox, by file name; safe to use from several threads.

    Args:
        memory: How many bytes of encoded pictures are kept at most.
    """

    def __init__(self, memory: int = 96 * 1024 * 1024) -> None:
        self._memory = memory
        self._lock = threading.Lock()
        self._entries: dict[str, _Entry] = {}
        self._painted: collections.OrderedDict[str, Picture] = collections.OrderedDict()
        self._painted_bytes = 0

    def add(self, name: str, recipe: Recipe, task_id: str) -> None:
        """Say how the picture called `name` is painted; nothing is painted yet."""
        with self._lock:
            self._entries[name] = _Entry(recipe, task_id)

    def recipe(self, name: str) -> Recipe | None:
        """Return how a picture is painted, None for an unknown name."""
        entry = self._entries.get(name)
        return entry.recipe if entry else None

    def task_id(self, name: str) -> str:
        """Return the id of the task that a picture belongs to, empty for an unknown name."""
        entry = self._entries.get(name)
        return entry.task_id if entry else ""

    def picture(self, name: str) -> Picture | None:
        """Return a picture, painting it unless that was done lately; None for an unknown name."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        with entry.painting:  # sixteen readers of one picture wait for one painter
            return self._recall(name) or self._keep(name, paint(entry.recipe), entry.recipe)

    def layers(self, name: str) -> tuple[LayerPicture, ...]:
        """Return the parts of a picture of style `layer`, base image first.

        Only painting tells how many there are and what they hold, so the first call paints them all.

        Args:
            name: File name of the base image.

        Raises:
            KeyError: There is no such picture.
        """
        entry = self._entries[name]
        with entry.painting:
            if not entry.layers:
                painted = _paint_layers(entry.recipe)
                entry.layers = tuple(self._add_layer(name, entry, layer) for layer in painted)
            return entry.layers

    def _add_layer(self, base_name: str, base: _Entry, layer: "Layer") -> LayerPicture:
        output_format: OutputFormat = "png" if layer.z_index else base.recipe.output_format
        recipe = dataclasses.replace(base.recipe, index=layer.z_index, output_format=output_format)
        name = base_name
        if layer.z_index:
            name = f"{stable_id('layer', base_name, layer.z_index)}.{recipe.extension}"
            self.add(name, recipe, base.task_id)
        self._keep(name, layer.image, recipe)
        return LayerPicture(
            name, *layer.image.size, output_format, layer.z_index, layer.name, layer.description, layer.box
        )

    def _recall(self, name: str) -> Picture | None:
        with self._lock:
            if name in self._painted:
                self._painted.move_to_end(name)
            return self._painted.get(name)

    def _keep(self, name: str, image: "Image.Image", recipe: Recipe) -> Picture:
        from seedream_nb.sandbox import painter  # noqa: PLC0415 - Pillow and numpy load with the first picture

        picture = Picture(painter.encode(image, recipe.output_format), recipe.content_type)
        with self._lock:
            previous = self._painted.pop(name, None)
            self._painted_bytes += len(picture.content) - (len(previous.content) if previous else 0)
            self._painted[name] = picture
            while self._painted_bytes > self._memory and len(self._painted) > 1:
                _, oldest = self._painted.popitem(last=False)
                self._painted_bytes -= len(oldest.content)
        return picture


def paint(recipe: Recipe) -> "Image.Image":
    """Return the picture of `recipe`, not yet encoded."""
    from seedream_nb.sandbox import painter  # noqa: PLC0415 - Pillow and numpy load with the first picture

    if recipe.style == "layer":
        return _paint_layers(recipe)[recipe.index].image
    if recipe.style == "cutout":
        return painter.paint_cutout(recipe.prompt, recipe.width, recipe.height, index=recipe.index)
    if recipe.style == "edit":
        source = _side_by_side(recipe.sources)
        return painter.restyle(source, recipe.prompt, recipe.width, recipe.height, index=recipe.index)
    return painter.paint(recipe.prompt, recipe.width, recipe.height, index=recipe.index, seed=recipe.seed)


def _paint_layers(recipe: Recipe) -> "list[Layer]":
    from seedream_nb.sandbox import painter  # noqa: PLC0415 - as above

    if recipe.sources:
        return painter.decompose(_side_by_side(recipe.sources), recipe.width, recipe.height, recipe.layers)
    return painter.paint_layers(recipe.prompt, recipe.width, recipe.height, recipe.layers)


def _side_by_side(sources: tuple[bytes | Recipe, ...]) -> "Image.Image":
    """Return one picture that shows all `sources`, so that an edit of several visibly derives from each."""
    from PIL import Image, ImageOps  # noqa: PLC0415 - as above

    images = [paint(source) if isinstance(source, Recipe) else Image.open(io.BytesIO(source)) for source in sources]
    if len(images) == 1:
        return images[0]
    columns = math.ceil(math.sqrt(len(images)))
    width, height = images[0].size
    cell = (max(1, width // columns), max(1, height // math.ceil(len(images) / columns)))
    sheet = Image.new("RGB", (width, height), "white")
    for position, image in enumerate(images):
        row, column = divmod(position, columns)
        sheet.paste(ImageOps.fit(image.convert("RGB"), cell), (column * cell[0], row * cell[1]))
    return sheet
