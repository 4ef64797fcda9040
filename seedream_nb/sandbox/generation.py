"""Turns the body of `POST /seedream/images` into a task and its images."""

import base64
import binascii
import io
import math
import re
import zlib
from collections.abc import Mapping

from seedream_nb.protocol import capabilities, sizes
from seedream_nb.protocol.validation import find_problems
from seedream_nb.sandbox.images import ImagePlan, ImageSpec, ImageStore, ImageStyle, OutputFormat, plan_items
from seedream_nb.sandbox.tasks import INPUT_REJECTED, OUTPUT_WITHHELD, SandboxTask

_MAX_PIXELS = 4096 * 4096  # the largest image that is painted, whatever a model may accept: the largest preset
_INPUT_TRIGGER = "forbidden"  # the sandbox's moderation rejects a prompt with this word
_OUTPUT_TRIGGER = "leak"  # and withholds the first image of a prompt with this one
_DEFAULT_SET = 4
_LAYERS = 3
_DEFAULT_PRESET = "2K"
_STAND_IN = 1024
_LONGEST = 4.0  # maximum ratio of the sides of an image that takes its shape from a reference


def find_request_problems(body: Mapping[str, object]) -> tuple[str, ...]:
    """Return why the service would respond with 400: violations of the capability table and server-side checks."""
    problems = find_problems(body)
    if problems:
        return problems
    model = body["model"]
    if model not in capabilities.MODELS and model not in capabilities.RETIRED_MODELS:
        known = ", ".join(capabilities.MODELS)
        return (f"Unknown model {model!r}. Use a full model id: {known}.",)
    size = sizes.parse_size(str(body.get("size")))
    if size and size[0] * size[1] > _MAX_PIXELS:
        return (f"The sandbox paints at most {_MAX_PIXELS:,} pixels, not {body['size']}.",)
    return tuple(
        f"Input image {position} is not a readable image."
        for position, text in enumerate(_images(body), start=1)
        if text.startswith("data:") and _size_of(_data(text)) is None
    )


def plan(
    body: Mapping[str, object],
    *,
    task_id: str,
    take: int,
    now: float,
    seconds: float,
    images: ImageStore,
    image_base_url: str,
) -> SandboxTask:
    """Return the task that a valid request creates, and register its images in `images`.

    Links that start with `image_base_url` are resolved inside the sandbox. No other link is ever fetched; an image
    painted from the link's text stands in. `take` counts how often this very request has been sent.
    """
    prompt = str(body.get("prompt") or "")
    sources = tuple(_source(text, images, image_base_url) for text in _images(body))
    width, height = _image_size(body, sources)
    spec = ImageSpec(
        prompt,
        width,
        height,
        style=_style(body),
        output_format=_output_format(body),
        seed=_seed(body, take),
        sources=sources,
        layers=_LAYERS,
    )
    withheld = {0: OUTPUT_WITHHELD} if _has_word(prompt, _OUTPUT_TRIGGER) else {}
    items, specs = plan_items(ImagePlan(spec, _count(body), withheld=withheld), task_id)
    error = INPUT_REJECTED if _has_word(prompt, _INPUT_TRIGGER) else None
    for name, spec in {} if error else specs.items():
        images.add(name, spec, task_id)
    finished_at = round(now + seconds * len(items), 3)
    return SandboxTask(
        id=task_id,
        request=_recorded(body),
        items=() if error else items,
        created_at=round(now, 3),
        finished_at=finished_at,
        ready_at=finished_at,
        error=error,
        in_base64=body.get("response_format") == "b64_json",
    )


def _seed(body: Mapping[str, object], take: int) -> int:
    """Return what distinguishes images of one prompt: the seed, or else the model and the take."""
    seed = body.get("seed")
    return seed if isinstance(seed, int) else zlib.crc32(f"{body.get('model')} {take}".encode())


def _style(body: Mapping[str, object]) -> ImageStyle:
    if body.get("layer_decomposition"):
        return "layer"
    if body.get("background") == "transparent":
        return "cutout"
    return "edit" if body.get("image") else "scene"


def _output_format(body: Mapping[str, object]) -> OutputFormat | None:
    """Return the format named in the items; a transparent background needs PNG."""
    if body.get("background") == "transparent" or body.get("output_format") == "png":
        return "png"
    return "jpeg" if body.get("output_format") == "jpeg" else None


def _count(body: Mapping[str, object]) -> int:
    """Return the number of images; a set without a maximum has four here, where the real model decides itself."""
    if body.get("sequential_image_generation") != "auto":
        return 1
    options = body.get("sequential_image_generation_options")
    wanted = options.get("max_images") if isinstance(options, Mapping) else None
    return wanted if isinstance(wanted, int) else _DEFAULT_SET


def _images(body: Mapping[str, object]) -> list[str]:
    image = body.get("image")
    if image is None:
        return []
    return [image] if isinstance(image, str) else [str(entry) for entry in image] if isinstance(image, list) else []


def _source(text: str, images: ImageStore, image_base_url: str) -> bytes | ImageSpec:
    if text.startswith("data:"):
        return _data(text)
    own = images.spec(text.rsplit("/", 1)[-1]) if text.startswith(image_base_url) else None
    return own or ImageSpec(text, _STAND_IN, _STAND_IN)


def _data(uri: str) -> bytes:
    try:
        return base64.b64decode(uri.partition(",")[2], validate=True)
    except (binascii.Error, ValueError):
        return b""


def _size_of(source: bytes | ImageSpec) -> tuple[int, int] | None:
    """Return width and height of an input image, None when it is unreadable."""
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - Pillow loads with the first edit

    if isinstance(source, ImageSpec):
        return source.width, source.height
    try:
        with Image.open(io.BytesIO(source)) as image:
            image.load()
            return int(image.width), int(image.height)
    except (UnidentifiedImageError, OSError, SyntaxError, Image.DecompressionBombError, Image.DecompressionBombWarning):
        return None


def _image_size(body: Mapping[str, object], sources: tuple[bytes | ImageSpec, ...]) -> tuple[int, int]:
    """Return width and height: as requested, else a preset's pixel count in the shape of the first input image."""
    size = body.get("size")
    if isinstance(size, str) and (sides := sizes.parse_size(size)):
        return sides
    preset = size if isinstance(size, str) and size != "auto" else _DEFAULT_PRESET
    square = sizes.pixels_of_preset(preset)
    shape = _size_of(sources[0]) if sources else None
    if shape is None:
        return square
    ratio = min(_LONGEST, max(1 / _LONGEST, shape[0] / shape[1]))
    pixels = shape[0] * shape[1] if size == "auto" else math.prod(square)
    pixels = min(math.prod(square), max(math.prod(sizes.pixels_of_preset("1K")), pixels))
    return round(math.sqrt(pixels * ratio)), round(math.sqrt(pixels / ratio))


def _has_word(prompt: str, word: str) -> bool:
    return re.search(rf"\b{word}\b", prompt, re.IGNORECASE) is not None


def _recorded(body: Mapping[str, object]) -> dict[str, object]:
    """Return the request as a record shows it, with embedded images shortened, as they would fill every response."""
    image = body.get("image")
    request = {"action": "edit" if image else "generate", **body}
    if isinstance(image, str | list):
        request["image"] = _shortened(image) if isinstance(image, str) else [_shortened(entry) for entry in image]
    return request


def _shortened(image: str) -> str:
    return image.partition(",")[0] + ",..." if image.startswith("data:") else image
