"""The sandbox's images by file name, painted when first fetched.

A task only notes how its images would be painted, so a hundred tasks cost nothing until somebody looks at them. Painted
images stay in a bounded memory because galleries fetch the same image again and again, and optionally in a folder that
several processes share.
"""

import base64
import collections
import dataclasses
import functools
import hashlib
import io
import json
import math
import threading
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from seedream_nb.core.atomic_files import write_atomically
from seedream_nb.sandbox.tasks import ErrorDetail, Item, stable_id

if TYPE_CHECKING:
    from PIL import Image

    from seedream_nb.sandbox.painter import Layer

ImageStyle = Literal["scene", "edit", "cutout", "layer"]
OutputFormat = Literal["jpeg", "png"]


@dataclasses.dataclass(frozen=True)
class ImageSpec:
    """How one image is painted; equal specs give equal images.

    Attributes:
        index: Position in a set; the z-index for a layer.
        style: `scene` from the prompt alone, `edit` from `sources`, `cutout` on a transparent background, `layer` as
            one part of a layer decomposition.
        output_format: The requested format, JPEG when None; layers above the base image are always PNG.
        sources: For edits and layers: encoded images, or specs of images of this sandbox.
        layers: Number of layers above the base image.
    """

    prompt: str
    width: int
    height: int
    index: int = 0
    style: ImageStyle = "scene"
    output_format: OutputFormat | None = None
    seed: int | None = None
    sources: "tuple[bytes | ImageSpec, ...]" = ()
    layers: int = 0

    @property
    def file_format(self) -> OutputFormat:
        """The format of the file."""
        return "png" if self.style == "layer" and self.index else self.output_format or "jpeg"

    @property
    def content_type(self) -> str:
        """The MIME type under which the image is served."""
        return f"image/{self.file_format}"

    def fingerprint(self) -> str:
        """Return a digest of everything that determines the image, apart from the painter's version."""
        digest = hashlib.sha256(repr(dataclasses.replace(self, sources=())).encode())
        for source in self.sources:
            digest.update(
                source.fingerprint().encode() if isinstance(source, ImageSpec) else hashlib.sha256(source).digest()
            )
        return digest.hexdigest()


@dataclasses.dataclass(frozen=True)
class RenderedImage:
    """An encoded image, cropped to its box (pixels) if it is a layer (wire contract, Layers)."""

    content: bytes
    output_format: OutputFormat
    z_index: int = 0
    name: str = ""
    description: str = ""
    box: tuple[int, int, int, int] = (0, 0, 0, 0)


@dataclasses.dataclass(frozen=True)
class ImagePlan:
    """The images of one task.

    `spec` is the first one's; the others differ in their index and, where given, their caption. A layer decomposition
    counts once. `withheld` has the error that takes the place of an image, by position; `names` the first file names.
    """

    spec: ImageSpec
    count: int = 1
    captions: tuple[str, ...] = ()
    withheld: Mapping[int, ErrorDetail] = dataclasses.field(default_factory=dict)
    names: tuple[str, ...] = ()


def plan_items(plan: ImagePlan, task_id: str) -> tuple[tuple[Item, ...], dict[str, ImageSpec]]:
    """Return the items of a task and the specs of its images by file name."""
    items: list[Item] = []
    specs: dict[str, ImageSpec] = {}
    size = f"{plan.spec.width}x{plan.spec.height}"
    for index in range(plan.count):
        caption = plan.captions[index] if index < len(plan.captions) else plan.spec.prompt
        if index in plan.withheld:
            items.append(Item(caption, size, error=plan.withheld[index]))
            continue
        spec = dataclasses.replace(plan.spec, prompt=caption, index=index)
        given = plan.names[index] if index < len(plan.names) else ""
        name = given or f"{stable_id('image', task_id, index)}.{spec.file_format.replace('jpeg', 'jpg')}"
        specs[name] = spec
        items.append(Item(caption, size, name, output_format=spec.output_format, is_layered=spec.style == "layer"))
    return tuple(items), specs


class ImageStore:
    """All images of one sandbox, by file name; thread-safe.

    Painted images are cached in `folder`, if any, which processes may share and where nothing is ever deleted, and in
    up to `memory` bytes.
    """

    def __init__(self, folder: Path | None = None, memory: int = 96 * 1024 * 1024) -> None:
        self._folder = folder
        self._memory = memory
        self._lock = threading.Lock()
        self._entries: dict[str, tuple[ImageSpec, str]] = {}
        self._painting: dict[str, threading.Lock] = {}
        self._rendered: collections.OrderedDict[str, tuple[RenderedImage, ...]] = collections.OrderedDict()
        self._rendered_bytes = 0

    def add(self, name: str, spec: ImageSpec, task_id: str) -> None:
        """Register the image called `name`; nothing is painted yet."""
        with self._lock:
            self._entries[name] = (spec, task_id)

    def spec(self, name: str) -> ImageSpec | None:
        """Return how an image is painted, None for an unknown name."""
        entry = self._entries.get(name)
        return entry[0] if entry else None

    def task_id(self, name: str) -> str:
        """Return the id of the task that an image belongs to, empty for an unknown name."""
        entry = self._entries.get(name)
        return entry[1] if entry else ""

    def image(self, name: str) -> RenderedImage | None:
        """Return an image, painting it unless it is cached; None for an unknown name."""
        spec = self.spec(name)
        if spec is None:
            return None
        if spec.style == "layer":
            return self._render(dataclasses.replace(spec, index=0))[spec.index]
        return self._render(spec)[0]

    def layers(self, name: str) -> dict[str, RenderedImage]:
        """Return the parts of the layer decomposition whose base image is `name`, by file name, and register them."""
        spec, task_id = self._entries[name]
        parts: dict[str, RenderedImage] = {}
        for part in self._render(spec):
            part_name = f"{stable_id('layer', name, part.z_index)}.png" if part.z_index else name
            self.add(part_name, dataclasses.replace(spec, index=part.z_index), task_id)
            parts[part_name] = part
        return parts

    def _render(self, spec: ImageSpec) -> tuple[RenderedImage, ...]:
        key = spec.fingerprint()
        with self._lock:
            painting = self._painting.setdefault(key, threading.Lock())
        with painting:  # of several concurrent readers, one paints and the others wait
            with self._lock:
                if key in self._rendered:
                    self._rendered.move_to_end(key)
                    return self._rendered[key]
            path = self._folder / f"{_painter_version()}-{key}.json" if self._folder else None
            rendered = _load(path) if path else None
            if rendered is None:
                rendered = _render(spec)
                if path:
                    _save(path, rendered)
            self._remember(key, rendered)
        return rendered

    def _remember(self, key: str, rendered: tuple[RenderedImage, ...]) -> None:
        with self._lock:
            self._rendered[key] = rendered
            self._rendered_bytes += sum(len(part.content) for part in rendered)
            while self._rendered_bytes > self._memory and len(self._rendered) > 1:
                _, oldest = self._rendered.popitem(last=False)
                self._rendered_bytes -= sum(len(part.content) for part in oldest)


@functools.cache
def _painter_version() -> str:
    """A digest of the painter's code and of the libraries that draw and encode; a change invalidates the cache."""
    room = Path(__file__).parent
    digest = hashlib.sha256("".join(metadata.version(name) for name in ("numpy", "pillow")).encode())
    for path in (Path(__file__), room / "painter.py", *sorted((room / "painting").glob("*.py"))):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _load(path: Path) -> tuple[RenderedImage, ...] | None:
    try:
        parts = json.loads(path.read_bytes())
        return tuple(
            RenderedImage(**part | {"content": base64.b64decode(part["content"]), "box": tuple(part["box"])})
            for part in parts
        )
    except (OSError, ValueError, KeyError, TypeError):  # missing, or not written by this class: paint again
        return None


def _save(path: Path, rendered: tuple[RenderedImage, ...]) -> None:
    parts = [
        dataclasses.asdict(part) | {"content": base64.b64encode(part.content).decode("ascii")} for part in rendered
    ]
    with suppress(OSError):  # the cache only saves time
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(parts).encode())


def _render(spec: ImageSpec) -> tuple[RenderedImage, ...]:
    from seedream_nb.sandbox.painter import encode  # noqa: PLC0415 - Pillow and numpy load with the first image

    if spec.style != "layer":
        return (RenderedImage(encode(paint(spec), spec.file_format), spec.file_format),)
    parts = []
    for layer in _paint_layers(spec):
        file_format = dataclasses.replace(spec, index=layer.z_index).file_format
        content = encode(layer.image, file_format)
        parts.append(RenderedImage(content, file_format, layer.z_index, layer.name, layer.description, layer.box))
    return tuple(parts)


def paint(spec: ImageSpec) -> "Image.Image":
    """Return the image of `spec`, not yet encoded."""
    from seedream_nb.sandbox.painter import paint as paint_scene  # noqa: PLC0415 - as above
    from seedream_nb.sandbox.painter import paint_cutout, restyle  # noqa: PLC0415 - as above

    if spec.style == "layer":
        return _paint_layers(spec)[spec.index].image
    if spec.style == "cutout":
        return paint_cutout(spec.prompt, spec.width, spec.height, index=spec.index)
    if spec.style == "edit":
        return restyle(_side_by_side(spec.sources), spec.prompt, spec.width, spec.height, index=spec.index)
    return paint_scene(spec.prompt, spec.width, spec.height, index=spec.index, seed=spec.seed)


def _paint_layers(spec: ImageSpec) -> "list[Layer]":
    from seedream_nb.sandbox.painter import decompose, paint_layers  # noqa: PLC0415 - as above

    if spec.sources:
        return decompose(_side_by_side(spec.sources), spec.width, spec.height, spec.layers)
    return paint_layers(spec.prompt, spec.width, spec.height, spec.layers)


def _side_by_side(sources: tuple[bytes | ImageSpec, ...]) -> "Image.Image":
    """Return one image that shows all `sources`, so that an edit of several visibly derives from each."""
    from PIL import Image, ImageOps  # noqa: PLC0415 - as above

    images = [paint(source) if isinstance(source, ImageSpec) else Image.open(io.BytesIO(source)) for source in sources]
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
