"""Checks requests before they are sent: rejecting one here is instant and free, and can say what would be accepted.

What each model accepts is data, in `seedream_nb.protocol.capabilities`.
"""

import difflib
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from seedream_nb.protocol.capabilities import MAX_IMAGE_BYTES, MAX_IMAGES, MODELS, ModelCapabilities, words_of
from seedream_nb.protocol.sizes import PRESETS, parse_size

Body = Mapping[str, object]

_IMAGE_URL: Final = re.compile(r"https?://\S+", re.IGNORECASE)
_IMAGE_DATA: Final = re.compile(r"data:image/[a-z0-9.+-]+;base64,", re.IGNORECASE)
_MODEL_ID: Final = re.compile(r"doubao-seed[a-z]+(?:-[a-z0-9]+)+-[0-9]{6}")
_SHORT_NAMES: Final[Mapping[str, str]] = {model.short_name: words_of(model.short_name) for model in MODELS.values()}
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")

_TEXTS: Final = ("prompt", "model", "size", "callback_url")
_SWITCHES: Final = ("stream", "watermark", "async", "layer_decomposition")
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "sequential_image_generation": ("auto", "disabled"),
    "response_format": ("url", "b64_json"),
    "output_format": ("jpeg", "png"),
    "background": ("transparent", "opaque"),
}


def find_problems(body: Body) -> tuple[str, ...]:
    """Return the problems of a body of `POST /seedream/images`, one sentence each.

    Unknown fields are fine: the service may know them. A field of None counts as missing. An unknown model is fine too;
    then only the rules for all models are checked.

    Args:
        body: The request's body.

    Returns:
        Sentences that say what is wrong and what is accepted.

    Example:
        >>> find_problems({"model": "doubao-seedream-4-5-251128", "prompt": "a cat", "size": "1K"})
        ('SeeDream 4.5 accepts 2K or 4K, not 1K.',)
    """
    given = {name: value for name, value in body.items() if value is not None}
    wrong_types = tuple(_type_problems(given))
    if wrong_types:
        return wrong_types
    problems = [*_general_problems(given), *_image_problems(given)]
    model = MODELS.get(str(given.get("model")))
    return (*problems, *(_model_problems(given, model) if model else _size_problems(given)))


def find_model_problem(name: str) -> str:
    """Return why a model's name cannot be sent, with the names that are nearest; empty if it can.

    Full ids of the family can, also when they are not in the table: new models appear every few months. `find_problems`
    does not check this, as it is no rule of the service.

    Example:
        >>> find_model_problem("5.0")
        "Unknown model '5.0'. Did you mean 5.0-pro or 5.0-lite?"
        >>> find_model_problem("doubao-seedream-5-5-261028")
        ''
    """
    if not name.strip() or name in MODELS or _MODEL_ID.fullmatch(name):
        return ""
    near = _near_models(name)
    advice = f"Did you mean {_either(near)}?" if near else f"Available models: {', '.join(_SHORT_NAMES)}."
    return f"Unknown model {_shown(name)}. {advice}"


def _near_models(name: str) -> list[str]:
    """The short names that share a part with a name, or else those that look alike."""
    words = words_of(name)
    near = [
        short_name
        for short_name, own in _SHORT_NAMES.items()
        if words
        and (
            f" {words} " in f" {own} "
            or f" {own} " in f" {words} "
            or any(word.isalpha() for word in set(words.split()) & set(own.split()))
        )
    ]
    return near or difflib.get_close_matches(name.strip().lower(), _SHORT_NAMES, cutoff=0.5)


def _type_problems(body: Body) -> Iterator[str]:
    """Check the type of each known field; the other checks rely on it."""
    for name in _TEXTS:
        if not isinstance(body.get(name, ""), str):
            yield f"{name} must be text, not {_kind(body[name])}."
    for name in _SWITCHES:
        if not isinstance(body.get(name, False), bool):
            yield f"{name} must be true or false, not {_kind(body[name])}."
    for name, choices in _CHOICES.items():
        if name in body and body[name] not in choices:
            yield f"{name} must be {_either(choices)}, not {_shown(body[name])}."
    image = body.get("image", "")
    if not isinstance(image, str) and not (isinstance(image, list | tuple) and all(isinstance(i, str) for i in image)):
        yield f"image must be a link or a data URI, or a list of these, not {_kind(image)}."
    yield from _option_type_problems(body)


def _option_type_problems(body: Body) -> Iterator[str]:
    options = body.get("sequential_image_generation_options", {})
    if not isinstance(options, Mapping):
        yield f'sequential_image_generation_options must be an object like {{"max_images": 4}}, not {_kind(options)}.'
    elif (wanted := options.get("max_images")) is not None and (
        isinstance(wanted, bool) or not isinstance(wanted, int)
    ):
        yield f"max_images must be a whole number from 1 to {MAX_IMAGES}, not {_shown(wanted)}."
    tools = body.get("tools", [])
    if not isinstance(tools, list | tuple) or not all(isinstance(tool, Mapping) for tool in tools):
        yield f'tools must be a list such as [{{"type": "web_search"}}], not {_shown(tools)}.'
    mode = body.get("optimize_prompt_options", {})
    if not isinstance(mode, Mapping):
        yield f'optimize_prompt_options must be an object such as {{"mode": "standard"}}, not {_kind(mode)}.'


def _general_problems(body: Body) -> Iterator[str]:
    """Check the rules for all models, except those for images."""
    if not str(body.get("model", "")).strip():
        yield f"model is required: pass a full id such as {next(iter(MODELS))}."
    decomposes = body.get("layer_decomposition") is True
    if not str(body.get("prompt", "")).strip() and not decomposes:
        yield "prompt is required, except for layer decomposition: describe the image."
    if decomposes and not body.get("prompt") and not body.get("image"):
        yield "layer_decomposition needs an image or a prompt."
    if body.get("stream") is True:
        for other in ("async", "callback_url"):
            if body.get(other):
                yield f"stream can't be combined with {other}: omit one of them."
    callback_url = str(body.get("callback_url", "http://"))
    if not callback_url.lower().startswith(("http://", "https://")):
        yield f"callback_url must be an http(s) address, not {_shown(callback_url)}."
    wanted = _max_images(body)
    if wanted is not None and not 1 <= wanted <= MAX_IMAGES:
        yield f"max_images must be from 1 to {MAX_IMAGES}, not {wanted}."


def _image_problems(body: Body) -> Iterator[str]:
    """Check the input images, and the number of input and output images together."""
    images = _images(body)
    if body.get("image") in ("", [], ()):
        yield "image is empty: pass a link or a data URI, or omit it."
        return
    for position, image in enumerate(images, start=1):
        which = "image" if len(images) == 1 else f"image {position} of {len(images)}"
        data = _IMAGE_DATA.match(image)
        if data is None:
            if not _IMAGE_URL.fullmatch(image):
                yield f"{which} must be an http(s) link or data:image/<type>;base64,<data>, not {_shown(image)}."
        elif not _BASE64.fullmatch(image, data.end()):
            yield f"{which} is a data URI whose data is not base64."
        elif (len(image) - data.end()) * 3 // 4 > MAX_IMAGE_BYTES + 2:
            yield f"{which} exceeds the limit of {MAX_IMAGE_BYTES // 1024**2} MB for an input image."
    outputs = _max_images(body) if body.get("sequential_image_generation") == "auto" else 1
    if outputs is not None and 1 <= outputs <= MAX_IMAGES < len(images) + outputs:
        yield (
            f"The limit for input and output images together is {MAX_IMAGES}, "
            f"not {len(images)} + {outputs} = {len(images) + outputs}."
        )


def _size_problems(body: Body) -> Iterator[str]:
    """Check that a size is valid at all, for unknown models."""
    size = str(body.get("size", "auto"))
    if size != "auto" and size not in PRESETS and parse_size(size) is None:
        yield f"size must be {_either((*PRESETS, 'auto'))}, or <width>x<height>, not {_shown(size)}."


def _model_problems(body: Body, model: ModelCapabilities) -> Iterator[str]:
    """Check the rules for a model."""
    yield from _model_size_problems(body, model)
    references = len(_images(body))
    if references > model.reference_images:
        yield f"{model.label} accepts at most {model.reference_images} input images, not {references}."
    if body.get("sequential_image_generation") == "auto" and not model.sequential:
        yield f"{model.label} generates one image at a time: sets need {_offered('sequential')}."
    if body.get("stream") is True and not model.stream:
        yield f"{model.label} can't stream: that needs {_offered('stream')}."
    if "output_format" in body and not model.output_format:
        yield f"{model.label} has a fixed output format: choosing one needs {_offered('output_format')}."
    if body.get("layer_decomposition") is True and not model.layers:
        yield f"{model.label} can't decompose an image into layers: that needs {_offered('layers')}."
    if "background" in body and not model.background:
        yield f"{model.label} has a fixed background: choosing one needs {_offered('background')}."
    for name in ("seed", "guidance_scale"):
        if name in body:
            yield f"{model.label} ignores {name}: only third-generation models use it."
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
        yield f"{model.label} accepts {accepted} pixels, not {size} ({pixels:,} pixels)."
    elif size == "auto" and model.layers:
        if body.get("layer_decomposition") is not True:
            yield f"{model.label} accepts auto only with layer_decomposition; otherwise {_either(model.presets)}."
    elif size in PRESETS or size == "auto":
        if size not in model.presets:
            yield f"{model.label} accepts {_either(model.presets)}, not {size}."
    else:
        yield f"{model.label} accepts {_either(model.presets)}, or <width>x<height>, not {_shown(size)}."


def _tool_problems(body: Body, model: ModelCapabilities) -> Iterator[str]:
    tools = body.get("tools")
    for tool in tools if isinstance(tools, Sequence) else ():
        if tool.get("type") == "web_search" and not model.web_search:
            yield f"{model.label} can't search the web: that needs {_offered('web_search')}."
        elif tool.get("type") != "web_search":
            yield f"The only tool is web_search, not {_shown(tool.get('type'))}."
    options = body.get("optimize_prompt_options")
    mode = options.get("mode") if isinstance(options, Mapping) else None
    if mode is not None and mode not in model.optimize_prompt_modes:
        accepted = _either(model.optimize_prompt_modes)
        yield f"{model.label} accepts {accepted} for optimize_prompt_options.mode, not {_shown(mode)}."


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
    """Return the display names of the models with a capability."""
    return _either(model.label for model in MODELS.values() if getattr(model, capability))


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
