"""Builds and checks the body of a paid request.

Pure functions; `seedream_nb.protocol.capabilities` knows what each model accepts.
"""

from __future__ import annotations

import sys
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from seedream_nb.core.errors import UsageError
from seedream_nb.core.foreign import read_text
from seedream_nb.core.models import Task, TaskStatus
from seedream_nb.protocol.capabilities import MODELS, RETIRED_MODELS, find_model
from seedream_nb.protocol.sizes import MAX_RATIO, PRESETS, find_size, parse_size
from seedream_nb.protocol.validation import find_model_problem, find_problems

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEFAULT_MODEL = "doubao-seedream-5-0-lite-260128"  # the official clients' default

_LARGEST_SIDE_OF_A_RATIO = 99  # as in 16x9; no model generates such small images


class UnknownModelWarning(UserWarning):
    """The model's full id is not known yet: the request is sent anyway, without the checks for a model."""


@dataclass(frozen=True)
class GenerationOptions:
    """The options of a generation; None leaves the choice to the service (wire contract, POST /seedream/images).

    Attributes:
        model: The full model id, or a short name such as `4.5` or `lite`.
        size: A preset such as `2K`; `<width>x<height>`; a ratio such as `16:9`; or `square`, `portrait`, `landscape` or
            `wide`. A ratio becomes the nearest size that the model accepts, see `find_size`.
        max_images: Maximum number of images in a set, 1 to 15; None requests a single image.
        output_format: `jpeg` or `png`.
        watermark: Whether to watermark the image; the service's default is yes.
        web_search: Whether the model may search the web.
        optimize_prompt: `standard` or `fast`: how the model rewrites the prompt.
        response_format: `url` or `b64_json`.
        layers: Whether to decompose the image into layers.
        background: `transparent` or `opaque`.
        seed: For third-generation models only; the others ignore it.
        guidance_scale: As `seed`.
        callback_url: A public address that receives the result.
        extra: Further fields, sent unchanged; they override the others.

    Example:
        >>> options = GenerationOptions(model="4.5", size="16:9", watermark=False)
        >>> client.generate_all([GenerationRequest("a harbor at night", options)]).finish()[0].images[0].size
        '2560x1440'
    """

    model: str = DEFAULT_MODEL
    size: str | None = None
    max_images: int | None = None
    output_format: Literal["jpeg", "png"] | None = None
    watermark: bool | None = None
    web_search: bool = False
    optimize_prompt: Literal["standard", "fast"] | None = None
    response_format: Literal["url", "b64_json"] | None = None
    layers: bool = False
    background: Literal["transparent", "opaque"] | None = None
    seed: int | None = None
    guidance_scale: float | None = None
    callback_url: str | None = None
    extra: Mapping[str, object] = field(default_factory=dict)


def build_body(prompt: str, options: GenerationOptions, images: Sequence[str] = ()) -> dict[str, object]:
    """Builds the body of `POST /seedream/images`, without the fields that choose how the answer comes.

    Args:
        prompt: What the image shows; may be empty for a layer decomposition.
        options: Model, size and so on.
        images: Reference images as links or data URIs; any makes the request an edit.

    Returns:
        The chosen fields with the service's names; one image is a string, several are a list.

    Example:
        >>> build_body("a cat", GenerationOptions(model="4.5", size="2K"))
        {'model': 'doubao-seedream-4-5-251128', 'prompt': 'a cat', 'size': '2K'}
    """
    model, size = resolve(options)
    sequence = None if options.max_images is None else {"max_images": options.max_images}
    fields = {
        "model": model,
        "prompt": prompt or None,
        "image": images[0] if len(images) == 1 else list(images) or None,
        "size": size,
        "sequential_image_generation": "auto" if sequence else None,
        "sequential_image_generation_options": sequence,
        "output_format": options.output_format,
        "watermark": options.watermark,
        "tools": [{"type": "web_search"}] if options.web_search else None,
        "optimize_prompt_options": {"mode": options.optimize_prompt} if options.optimize_prompt else None,
        "response_format": options.response_format,
        "layer_decomposition": options.layers or None,
        "background": options.background,
        "seed": options.seed,
        "guidance_scale": options.guidance_scale,
        "callback_url": options.callback_url,
    }
    return {name: value for name, value in {**fields, **options.extra}.items() if value is not None}


def resolve(options: GenerationOptions) -> tuple[str, str | None]:
    """The model and the size that are sent for those that were chosen.

    Returns:
        A full id, and a preset or `<width>x<height>`; each unchanged where it is not understood.

    Example:
        >>> resolve(GenerationOptions(model="4.5", size="wide"))
        ('doubao-seedream-4-5-251128', '2560x1440')
    """
    # Callers without a type checker may pass anything; what is no text is reported by check_body.
    model = find_model(options.model) if isinstance(options.model, str) else options.model
    return model, find_size(options.size, model) if isinstance(options.size, str) else options.size


def check_body(body: Mapping[str, object]) -> None:
    """Rejects what the service would reject, before anything is sent.

    Args:
        body: The request's body.

    Raises:
        UsageError: The model does not accept it, or there is no such model; the message says what is accepted.

    Warns:
        UnknownModelWarning: The model's full id is unknown, so only the rules for all models were checked.
    """
    model = body.get("model")
    no_model = find_model_problem(model) if isinstance(model, str) else ""
    problems = [*filter(None, [no_model]), *find_problems(body)]
    if problems:
        hints = ["Nothing was sent. Change the request, or send it anyway with strict=False."]
        if no_model:
            hints.append("A newer model needs its full id, such as doubao-seedream-9-0-300101.")
        hints += filter(None, [_ratio_hint(body.get("size"))])
        raise UsageError(" ".join(problems), hint=" ".join(hints))
    if model not in MODELS:
        successor = RETIRED_MODELS.get(str(model))
        advice = f"It was replaced by {successor}" if successor else f"Known models are {', '.join(MODELS)}"
        warnings.warn(
            f"Unknown model {model!r}; the request is sent without checks for it. {advice}.",
            UnknownModelWarning,
            stacklevel=callers_level(),
        )


def _ratio_hint(size: object) -> str:
    """What to write where a ratio was probably meant; empty for other sizes."""
    if not isinstance(size, str) or size in PRESETS or size == "auto":
        return ""
    sides = parse_size(size)
    if sides is None:
        return f"A size can also be a ratio such as 16:9, from 1:{MAX_RATIO} to {MAX_RATIO}:1."
    return f"For a ratio, write {sides[0]}:{sides[1]}." if max(sides) <= _LARGEST_SIDE_OF_A_RATIO else ""


def describe_request(body: Mapping[str, object], status: TaskStatus) -> Task:
    """Describes the task of a request, before the service answers.

    Args:
        body: The request's body.
        status: The state of the task.

    Returns:
        A task without an id. Its request lacks the data of embedded images, as the service's records do.

    Example:
        >>> describe_request({"prompt": "a cat", "size": "2K"}, TaskStatus.PENDING).size
        '2K'
    """
    image = body.get("image")
    request = dict(body)
    if image is not None:
        request["image"] = [_without_data(one) for one in image] if isinstance(image, list) else _without_data(image)
    return Task(
        id="",
        status=status,
        prompt=read_text(body.get("prompt")),
        model=read_text(body.get("model")) or None,
        size=read_text(body.get("size")) or None,
        request=request,
    )


def _without_data(image: object) -> object:
    if isinstance(image, str) and image[:5].lower() == "data:":
        return image.partition(",")[0] + ",…"
    return image


def callers_level() -> int:
    """The number of frames between the caller and the user's code, which a warning points to."""
    level = 1
    frame = sys._getframe(1)  # noqa: SLF001  the documented way to the caller's frame
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith("seedream_nb."):
        frame, level = frame.f_back, level + 1
    return level
