"""The settings of the generate form as plain data: what a click costs and sends is known and tested without a form."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from seedream_nb.client import sweeps
from seedream_nb.client.submission import prepare
from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.core.foreign import show_line
from seedream_nb.core.text import count_of
from seedream_nb.protocol.capabilities import MAX_IMAGES, MODELS, RETIRED_MODELS, display_name, find_model
from seedream_nb.protocol.request_body import DEFAULT_MODEL, GenerationOptions, UnknownModelWarning
from seedream_nb.protocol.sizes import PRESETS, parse_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedream_nb.client.references import Reference
    from seedream_nb.client.sweeps import Sweep
    from seedream_nb.panels.cards import Card

MOST_TAKES = 8  # paid requests of one click; for more, there is code that can be reviewed before it runs
FORMATS: tuple[Literal["jpeg", "png"], ...] = ("jpeg", "png")
WEB_LINKS = ("http://", "https://")
_KNOWN_FIELDS = {
    *("prompt", "model", "size", "image", "output_format", "watermark"),
    *("sequential_image_generation", "sequential_image_generation_options"),
    *("action", "async", "stream", "response_format", "callback_url"),  # only how to send the answer
}
EMPTY_IMAGE = "data:image/png;base64,AAAA"  # passes the checks


@dataclass(frozen=True)
class GenerateSettings:
    """What to generate; None leaves the choice to the service."""

    prompt: str = ""  # surrounding white space is ignored
    model: str = DEFAULT_MODEL  # a full id, or a short name
    size: str | None = None  # as for `GenerationOptions.size`
    max_images: int | None = None  # the most images of a set; None for a single image
    takes: int = 1  # how many requests to send
    output_format: Literal["jpeg", "png"] | None = None
    watermark: bool | None = None
    references: tuple[Reference, ...] = ()  # any makes it an edit


@dataclass(frozen=True)
class Accepted:
    """What a model accepts."""

    sizes: tuple[str, ...]  # named ones, smallest first
    formats: tuple[str, ...]  # empty where the model offers no choice
    most_images: int  # of a set; 1 where the model makes no sets


def accepted_by(model: str) -> Accepted:
    """What a model, by its full id or short name, accepts; for an unknown one, everything that any model might accept.

    Example:
        >>> accepted_by("4.5").sizes
        ('2K', '4K')
    """
    known = MODELS.get(find_model(model))
    if known is None:
        return Accepted(tuple(PRESETS), FORMATS, MAX_IMAGES)
    return Accepted(
        known.presets,
        FORMATS if known.output_format else (),
        MAX_IMAGES if known.sequential else 1,
    )


def plan(settings: GenerateSettings) -> Sweep:
    """The requests for some settings, one per take. Sends nothing."""
    options = GenerationOptions(
        model=find_model(settings.model),
        size=settings.size,
        max_images=settings.max_images,
        output_format=settings.output_format,
        watermark=settings.watermark,
    )
    references = settings.references or None
    return sweeps.plan_sweep([settings.prompt.strip()], options, image=references, count=settings.takes)


def find_problem(settings: GenerateSettings) -> str:
    """Why settings cannot be sent, and what would be accepted; empty when nothing is wrong.

    Sends nothing, but reads the reference images. Cheap enough for each keystroke: inline reference images, which take
    megabytes, are not checked here but once each by `find_reference_problem`.

    Example:
        >>> find_problem(GenerateSettings(takes=9))
        'Takes must be between 1 and 8, not 9.'
    """
    if not 1 <= settings.takes <= MOST_TAKES:
        return f"Takes must be between 1 and {MOST_TAKES}, not {settings.takes}."
    request = plan(settings).requests[0]
    if not request.prompt:
        return "Enter a prompt."
    return _validate(request.prompt, request.options, [_abridge(reference) for reference in settings.references])


def find_reference_problem(reference: Reference) -> str:
    """Why a reference image cannot be sent, whatever the other settings. Sends nothing, but reads all of it."""
    return _validate("any prompt", GenerationOptions(), [reference])


def is_inline(reference: str) -> bool:
    """Whether a reference image is sent within the request, as a `data:` URI."""
    return reference.lstrip()[:5].lower() == "data:"


def settings_of(card: Card) -> GenerateSettings:
    """The settings that generate such an image again.

    They are those of the recorded request, or else what is known about the image. A retired model is replaced by its
    successor. Of reference images, a record holds only links.
    """
    task = card.task
    image = card.tile.images[0] if card.tile.images else None
    request = task.request
    model = _text(request.get("model")) or task.model or (image.model if image else None) or DEFAULT_MODEL
    # What the model chose is not requested again; the result counts only where no request is known.
    size = _text(request.get("size")) if request else task.size or ""
    output_format = request.get("output_format") if request else image and image.output_format
    watermark = request.get("watermark")
    return GenerateSettings(
        prompt=(_text(request.get("prompt")) or task.prompt or (image.prompt if image else "")).strip(),
        model=RETIRED_MODELS.get(model, model),
        size=size if size in PRESETS or parse_size(size) else None,
        max_images=_max_images(request, received=len(task.images)),
        output_format=next((known for known in FORMATS if known == output_format), None),
        watermark=watermark if isinstance(watermark, bool) else None,
        references=_links(request.get("image")),
    )


def find_losses(card: Card, settings: GenerateSettings) -> str:
    """What of an image's request `settings_of` cannot give; empty when nothing is lost."""
    model = _text(card.task.request.get("model"))
    image = card.task.request.get("image")
    references = len(image) if isinstance(image, list) else bool(image)
    losses = []
    if settings.model not in MODELS:
        losses.append(f"{shorten(settings.model)} is not available here: choose a model.")
    elif model in RETIRED_MODELS:
        losses.append(f"{model} is retired: {display_name(settings.model)} takes its place.")
    if missing := max(0, references - len(settings.references)):
        losses.append(f"The record does not have {count_of(missing, 'reference image')}: add what is missing again.")
    if others := [show_line(name) for name, value in card.task.request.items() if value and name not in _KNOWN_FIELDS]:
        losses.append(f"The form has no field for {', '.join(others)}.")
    return " ".join(losses)


def _validate(prompt: str, options: GenerationOptions, references: list[Reference]) -> str:
    try:
        with warnings.catch_warnings():
            # An unknown model is sent without checks; that is no problem.
            warnings.simplefilter("ignore", UnknownModelWarning)
            prepare(prompt, options, image=references or None)
    except UsageError as error:
        return error.message
    return ""


def _abridge(reference: Reference) -> Reference:
    return EMPTY_IMAGE if isinstance(reference, str) and is_inline(reference) else reference


def _max_images(request: Mapping[str, object], *, received: int) -> int | None:
    if request.get("sequential_image_generation") != "auto":
        return None
    options = request.get("sequential_image_generation_options")
    most = options.get("max_images") if isinstance(options, dict) else None
    wanted = most if isinstance(most, int) and not isinstance(most, bool) else received
    return min(max(1, wanted), MAX_IMAGES)


def _links(image: object) -> tuple[str, ...]:
    images = image if isinstance(image, list) else [image]
    texts = (_text(one).strip() for one in images)
    return tuple(text for text in texts if text.lower().startswith(WEB_LINKS))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
