"""What each SeeDream model accepts, as data in one place, and the check that uses it.

A request that cannot succeed should be refused before it is sent: the answer comes at once, costs nothing, and can say
what would have been accepted. The table is the wire contract's (POST /seedream/images); new models appear every few
months and then get one more entry in `MODELS`.
"""

import dataclasses
import math
import re
import types
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

Body = Mapping[str, object]


@dataclasses.dataclass(frozen=True)
class ModelCapabilities:
    """What one model accepts.

    Attributes:
        id: The full model id, the only name that the service takes.
        label: The name to show to people.
        presets: Named sizes, as for `pixels_of_preset`.
        min_pixels: Smallest width x height of a free size.
        max_pixels: Largest width x height of a free size, None where no limit is documented.
        reference_images: How many input images at most.
        sequential: Whether one request can make a set of images.
        stream: Whether images can be sent one by one as they finish.
        web_search: Whether the tool `web_search` is there.
        output_format: Whether the file format can be chosen.
        optimize_prompt_modes: Accepted values of `optimize_prompt_options.mode`.
        layers: Whether a picture can be taken apart into layers.
        background: Whether a transparent background can be asked for.
    """

    id: str
    label: str
    presets: tuple[str, ...]
    min_pixels: int
    max_pixels: int | None
    reference_images: int
    optimize_prompt_modes: tuple[str, ...]
    sequential: bool = False
    stream: bool = False
    web_search: bool = False
    output_format: bool = False
    layers: bool = False
    background: bool = False


_ALL: Final = (
    ModelCapabilities(
        id="doubao-seedream-5-0-pro-260628",
        label="SeeDream 5.0 Pro",
        presets=("1K", "1.5K", "2K"),
        min_pixels=921_600,
        max_pixels=4_624_220,
        reference_images=10,
        output_format=True,
        optimize_prompt_modes=("standard", "fast"),
        layers=True,
        background=True,
    ),
    ModelCapabilities(
        id="doubao-seedream-5-0-lite-260128",
        label="SeeDream 5.0 Lite",
        presets=("2K", "3K", "4K"),
        min_pixels=3_686_400,
        max_pixels=None,
        reference_images=14,
        sequential=True,
        stream=True,
        web_search=True,
        output_format=True,
        optimize_prompt_modes=("standard",),
    ),
    ModelCapabilities(
        id="doubao-seedream-4-5-251128",
        label="SeeDream 4.5",
        presets=("2K", "4K"),
        min_pixels=3_686_400,
        max_pixels=None,
        reference_images=14,
        sequential=True,
        stream=True,
        optimize_prompt_modes=("standard",),
    ),
    ModelCapabilities(
        id="doubao-seedream-4-0-250828",
        label="SeeDream 4.0",
        presets=("1K", "2K", "4K"),
        min_pixels=921_600,
        max_pixels=None,
        reference_images=14,
        sequential=True,
        stream=True,
        optimize_prompt_modes=("standard", "fast"),
    ),
)

MODELS: Final[Mapping[str, ModelCapabilities]] = types.MappingProxyType({model.id: model for model in _ALL})
"""The models on offer, by full id, best first."""

RETIRED_MODELS: Final[Mapping[str, str]] = types.MappingProxyType(
    {
        "doubao-seedream-5-0-260128": "doubao-seedream-5-0-lite-260128",
        "doubao-seedream-3-0-t2i-250415": "doubao-seedream-4-0-250828",
        "doubao-seededit-3-0-i2i-250628": "doubao-seedream-4-0-250828",
    }
)
"""Ids that still occur in old records, and the model that does their work now. Only the first successor is documented;
for the two of generation 3 it is the oldest model on offer, which both generates and edits."""

MAX_IMAGES: Final = 15
"""References and outputs of one request together, so also the largest set (wire contract, POST /seedream/images)."""

MAX_IMAGE_BYTES: Final = 10 * 1024 * 1024
"""Size of one input image at most; the contract's 10 MB in their larger reading, so that nothing good is refused."""

_PIXELS_OF_PRESET: Final[Mapping[str, tuple[int, int]]] = {
    "1K": (1024, 1024),
    "1.5K": (1536, 1536),
    "2K": (2048, 2048),
    "3K": (3072, 3072),
    "4K": (4096, 4096),
}

_SIZE: Final = re.compile(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})")
_IMAGE_URL: Final = re.compile(r"https?://\S+", re.IGNORECASE)
_IMAGE_DATA: Final = re.compile(r"data:image/[a-z0-9.+-]+;base64,", re.IGNORECASE)
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")

_TEXTS: Final = ("prompt", "model", "size", "callback_url")
_SWITCHES: Final = ("stream", "watermark", "async", "layer_decomposition")
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "sequential_image_generation": ("auto", "disabled"),
    "response_format": ("url", "b64_json"),
    "output_format": ("jpeg", "png"),
    "background": ("transparent", "opaque"),
}


def parse_size(text: str) -> tuple[int, int] | None:
    """Return width and height of a size such as `2048x1536`, None for anything else, presets included.

    Example:
        >>> parse_size("2048x1536")
        (2048, 1536)
        >>> parse_size("2K") is None
        True
    """
    match = _SIZE.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def pixels_of_preset(preset: str) -> tuple[int, int]:
    """Return width and height of the square that a preset stands for.

    The service chooses the shape itself, from the prompt; the number of pixels is that of the square.

    Raises:
        KeyError: The preset is not a fixed size (`auto`) or not known.
    """
    return _PIXELS_OF_PRESET[preset]


def find_problems(body: Body) -> tuple[str, ...]:
    """Return what is wrong with the body of a `POST /seedream/images`, one sentence each; empty when nothing is.

    Unknown fields are fine: the service may know them. A field of None counts as left out. A model that is not in
    `MODELS` is fine too, and only what holds for every model is checked then.

    Args:
        body: The request as it would travel.

    Returns:
        Sentences that name what was wrong and what is accepted.

    Example:
        >>> find_problems({"model": "doubao-seedream-4-5-251128", "prompt": "a cat", "size": "1K"})
        ('SeeDream 4.5 takes 2K or 4K, not 1K.',)
    """
    given = {name: value for name, value in body.items() if value is not None}
    wrong_types = tuple(_type_problems(given))
    if wrong_types:
        return wrong_types
    problems = [*_general_problems(given), *_image_problems(given)]
    model = MODELS.get(str(given.get("model")))
    return (*problems, *(_model_problems(given, model) if model else _size_problems(given)))


def _type_problems(body: Body) -> Iterator[str]:
    """Check that each known field has its type; the other checks rely on that."""
    for name in _TEXTS:
        if not isinstance(body.get(name, ""), str):
            yield f"{name} has to be text, not {_kind(body[name])}."
    for name in _SWITCHES:
        if not isinstance(body.get(name, False), bool):
            yield f"{name} has to be true or false, not {_kind(body[name])}."
    for name, choices in _CHOICES.items():
        if name in body and body[name] not in choices:
            yield f"{name} has to be {_either(choices)}, not {_shown(body[name])}."
    image = body.get("image", "")
    if not isinstance(image, str) and not (isinstance(image, list | tuple) and all(isinstance(i, str) for i in image)):
        yield f"image has to be a link or a data URI, or a list of these, not {_kind(image)}."
    yield from _option_type_problems(body)


def _option_type_problems(body: Body) -> Iterator[str]:
    options = body.get("sequential_image_generation_options", {})
    if not isinstance(options, Mapping):
        yield f'sequential_image_generation_options has to be an object like {{"max_images": 4}}, not {_kind(options)}.'
    elif (wanted := options.get("max_images")) is not None and (
        isinstance(wanted, bool) or not isinstance(wanted, int)
    ):
        yield f"max_images has to be a whole number from 1 to {MAX_IMAGES}, not {_shown(wanted)}."
    tools = body.get("tools", [])
    if not isinstance(tools, list | tuple) or not all(isinstance(tool, Mapping) for tool in tools):
        yield f'tools has to be a list such as [{{"type": "web_search"}}], not {_shown(tools)}.'
    mode = body.get("optimize_prompt_options", {})
    if not isinstance(mode, Mapping):
        yield f'optimize_prompt_options has to be an object such as {{"mode": "standard"}}, not {_kind(mode)}.'


def _general_problems(body: Body) -> Iterator[str]:
    """Check what holds for every model but has nothing to do with images."""
    if not str(body.get("model", "")).strip():
        yield f"model is required: give a full id such as {_ALL[0].id}."
    decomposes = body.get("layer_decomposition") is True
    if not str(body.get("prompt", "")).strip() and not decomposes:
        yield "prompt is required: say what the picture shows. Only layer decomposition does without."
    if decomposes and not body.get("prompt") and not body.get("image"):
        yield "layer_decomposition needs something to take apart: an image, or a prompt."
    if body.get("stream") is True:
        for other in ("async", "callback_url"):
            if body.get(other):
                yield f"stream cannot be combined with {other}: leave one of them out."
    callback_url = str(body.get("callback_url", "http://"))
    if not callback_url.lower().startswith(("http://", "https://")):
        yield f"callback_url has to be an http(s) address, not {_shown(callback_url)}."
    wanted = _max_images(body)
    if wanted is not None and not 1 <= wanted <= MAX_IMAGES:
        yield f"max_images has to be from 1 to {MAX_IMAGES}, not {wanted}."


def _image_problems(body: Body) -> Iterator[str]:
    """Check the input images, and how many go in and out together."""
    images = _images(body)
    if body.get("image") in ("", [], ()):
        yield "image is empty: give a link or a data URI, or leave it out."
        return
    for position, image in enumerate(images, start=1):
        which = "image" if len(images) == 1 else f"image {position} of {len(images)}"
        data = _IMAGE_DATA.match(image)
        if data is None:
            if not _IMAGE_URL.fullmatch(image):
                yield f"{which} has to be an http(s) link or data:image/<type>;base64,<data>, not {_shown(image)}."
        elif not _BASE64.fullmatch(image, data.end()):
            yield f"{which} is a data URI whose data is not base64."
        elif (len(image) - data.end()) * 3 // 4 > MAX_IMAGE_BYTES + 2:
            yield f"{which} is larger than {MAX_IMAGE_BYTES // 1024**2} MB, the most that one input image may have."
    outputs = _max_images(body) if body.get("sequential_image_generation") == "auto" else 1
    if outputs is not None and 1 <= outputs <= MAX_IMAGES < len(images) + outputs:
        yield (
            f"Input and output images together are at most {MAX_IMAGES}, "
            f"not {len(images)} + {outputs} = {len(images) + outputs}."
        )


def _size_problems(body: Body) -> Iterator[str]:
    """Check that a size is one at all, for models that are not known."""
    size = str(body.get("size", "auto"))
    if size != "auto" and size not in _PIXELS_OF_PRESET and parse_size(size) is None:
        yield f"size has to be {_either((*_PIXELS_OF_PRESET, 'auto'))}, or <width>x<height>, not {_shown(size)}."


def _model_problems(body: Body, model: ModelCapabilities) -> Iterator[str]:
    """Check what depends on the model."""
    yield from _model_size_problems(body, model)
    references = len(_images(body))
    if references > model.reference_images:
        yield f"{model.label} takes at most {model.reference_images} input images, not {references}."
    if body.get("sequential_image_generation") == "auto" and not model.sequential:
        yield f"{model.label} makes one image at a time: sets need {_offered('sequential')}."
    if body.get("stream") is True and not model.stream:
        yield f"{model.label} cannot stream: that needs {_offered('stream')}."
    if "output_format" in body and not model.output_format:
        yield f"{model.label} does not let the output format be chosen: that needs {_offered('output_format')}."
    if body.get("layer_decomposition") is True and not model.layers:
        yield f"{model.label} cannot take a picture apart into layers: that needs {_offered('layers')}."
    if "background" in body and not model.background:
        yield f"{model.label} does not let the background be chosen: that needs {_offered('background')}."
    yield from _tool_problems(body, model)


def _model_size_problems(body: Body, model: ModelCapabilities) -> Iterator[str]:
    if "size" not in body:
        return
    size = str(body["size"])
    sides = parse_size(size)
    if sides is not None:
        pixels = math.prod(sides)
        if model.max_pixels is not None and not model.min_pixels <= pixels <= model.max_pixels:
            accepted = f"{model.min_pixels:,} to {model.max_pixels:,}"
        elif pixels < model.min_pixels:
            accepted = f"at least {model.min_pixels:,}"
        else:
            return
        yield f"{model.label} takes {accepted} pixels, not {size} ({pixels:,} pixels)."
    elif size == "auto" and model.layers:
        if body.get("layer_decomposition") is not True:
            yield f"{model.label} takes auto only with layer_decomposition; otherwise {_either(model.presets)}."
    elif size in _PIXELS_OF_PRESET or size == "auto":
        if size not in model.presets:
            yield f"{model.label} takes {_either(model.presets)}, not {size}."
    else:
        yield f"{model.label} takes {_either(model.presets)}, or <width>x<height>, not {_shown(size)}."


def _tool_problems(body: Body, model: ModelCapabilities) -> Iterator[str]:
    tools = body.get("tools")
    for tool in tools if isinstance(tools, Sequence) else ():
        if tool.get("type") == "web_search" and not model.web_search:
            yield f"{model.label} cannot search the web: that needs {_offered('web_search')}."
        elif tool.get("type") != "web_search":
            yield f"The only tool is web_search, not {_shown(tool.get('type'))}."
    options = body.get("optimize_prompt_options")
    mode = options.get("mode") if isinstance(options, Mapping) else None
    if mode is not None and mode not in model.optimize_prompt_modes:
        accepted = _either(model.optimize_prompt_modes)
        yield f"{model.label} takes {accepted} for optimize_prompt_options.mode, not {_shown(mode)}."


def _images(body: Body) -> list[str]:
    image = body.get("image")
    if isinstance(image, str):
        return [image]
    return [str(entry) for entry in image] if isinstance(image, Sequence) else []


def _max_images(body: Body) -> int | None:
    options = body.get("sequential_image_generation_options")
    wanted = options.get("max_images") if isinstance(options, Mapping) else None
    return wanted if isinstance(wanted, int) else None


def _offered(capability: str) -> str:
    """Return the labels of the models that have a capability, for a sentence."""
    return _either(model.label for model in _ALL if getattr(model, capability))


def _either(words: Iterable[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} or {last}" if others else last


def _kind(value: object) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)


def _shown(value: object) -> str:
    """Return a value short enough for a sentence."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."  # noqa: PLR2004 - the one place that shortens
