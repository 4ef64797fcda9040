"""The settings of the generate form as plain data: what a click costs and sends is known and tested without a form."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from seedream_nb.client import sweeps
from seedream_nb.client.preparation import prepare
from seedream_nb.core.errors import UsageError, shorten
from seedream_nb.core.foreign import show_line
from seedream_nb.core.text import count_of
from seedream_nb.protocol.capabilities import MAX_IMAGES, MODELS, RETIRED_MODELS, display_name, find_model
from seedream_nb.protocol.recorded_request import change_options, read_options, references_of, to_portable
from seedream_nb.protocol.request_body import DEFAULT_MODEL, GenerationOptions, UnknownModelWarning
from seedream_nb.protocol.sizes import PRESETS, parse_size

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedream_nb.client.references import Reference
    from seedream_nb.client.sweeps import Sweep
    from seedream_nb.core.models import Task
    from seedream_nb.library import LibraryCache
    from seedream_nb.panels.cards import Card

MOST_TAKES = 8  # paid requests of one click; for more, there is code that can be reviewed before it runs
FORMATS: tuple[Literal["jpeg", "png"], ...] = ("jpeg", "png")
WEB_LINKS = ("http://", "https://")
_KNOWN_FIELDS = {
    *("prompt", "model", "size", "image", "output_format", "watermark"),
    *("sequential_image_generation", "sequential_image_generation_options"),
    *("action", "async", "stream", "response_format", "callback_url"),  # only how to send the answer
}
_LONGEST_VALUE = 40  # characters of an option that the form has no field for
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
    others: tuple[tuple[str, object], ...] = ()  # options of an image's request that the form has no field for


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
    references = settings.references or None
    return sweeps.plan_sweep([settings.prompt.strip()], options_of(settings), image=references, count=settings.takes)


def options_of(settings: GenerateSettings) -> GenerationOptions:
    """The options of settings; what is in a field of the form wins over what came with an image."""
    fields = {
        "model": find_model(settings.model),
        "size": settings.size,
        "max_images": settings.max_images,
        "output_format": settings.output_format,
        "watermark": settings.watermark,
    }
    others = change_options(GenerationOptions(), dict(settings.others))
    return change_options(others, {name: value for name, value in fields.items() if value is not None})


def settings_of_options(prompt: str, options: GenerationOptions) -> GenerateSettings:
    """The settings that give these options, without reference images."""
    return GenerateSettings(
        prompt=prompt,
        model=options.model,
        size=options.size,
        max_images=options.max_images,
        output_format=options.output_format,
        watermark=options.watermark,
        others=_others(options),
    )


def describe_others(settings: GenerateSettings) -> str:
    """The options that the form has no field for, in a few words; empty for none.

    Example:
        >>> describe_others(GenerateSettings(others=(("seed", 5), ("web_search", True))))
        'seed 5, web search'
    """
    words = []
    for name, value in settings.others:
        given = value.items() if name == "extra" and isinstance(value, dict) else [(name, value)]
        for one, chosen in given:
            label = show_line(one.replace("_", " "))
            words.append(label if chosen is True else f"{label} {show_line(str(chosen), _LONGEST_VALUE)}")
    return ", ".join(words)


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
    return find_request_problem(
        request.prompt, request.options, [_abridge(reference) for reference in settings.references]
    )


def find_reference_problem(reference: Reference) -> str:
    """Why a reference image cannot be sent, whatever the other settings. Sends nothing, but reads all of it."""
    return find_request_problem("any prompt", GenerationOptions(), [reference])


def find_request_problem(prompt: str, options: GenerationOptions, references: list[Reference]) -> str:
    """Why a request cannot be sent, and what would be accepted; empty when nothing is wrong. Sends nothing."""
    try:
        with warnings.catch_warnings():
            # An unknown model is sent without checks; that is no problem.
            warnings.simplefilter("ignore", UnknownModelWarning)
            prepare(prompt, options, image=references or None)
    except UsageError as error:
        return error.message
    return ""


def is_inline(reference: str) -> bool:
    """Whether a reference image is sent within the request, as a `data:` URI."""
    return reference.lstrip()[:5].lower() == "data:"


def settings_of(card: Card, kept: KeptRequest | None = None) -> GenerateSettings:
    """The settings that generate such an image again.

    They are those of the recorded request, or else what is known about the image. A retired model is replaced by its
    successor.

    Args:
        card: The image.
        kept: What the library knows of its request, with those inline reference images that are stored.
    """
    task = card.task
    image = card.tile.images[0] if card.tile.images else None
    request = task.request
    prompt, options = read_options(to_portable(request))
    model = _text(request.get("model")) or task.model or (image.model if image else None) or DEFAULT_MODEL
    # What the model chose is not requested again; the result counts only where no request is known.
    size = _text(request.get("size")) if request else task.size or ""
    output_format = options.output_format if request else image and image.output_format
    return GenerateSettings(
        prompt=(prompt or task.prompt or (image.prompt if image else "")).strip(),
        model=RETIRED_MODELS.get(model, model),
        size=size if size in PRESETS or parse_size(size) else None,
        max_images=_max_images(request, received=len(task.images)),
        output_format=next((known for known in FORMATS if known == output_format), None),
        watermark=options.watermark,
        references=_links(request.get("image")) if kept is None else kept.references,
        others=_others(options),
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
        losses.append(f"{count_of(missing, 'reference image')} not kept on this machine: add what is missing again.")
    return " ".join(losses)


@dataclass(frozen=True)
class KeptRequest:
    """What the library knows of a request: those of its reference images that can be sent again, in order."""

    references: tuple[Reference, ...] = ()


def kept_request(task: Task, cache: LibraryCache) -> KeptRequest:
    """Looks a request up in the library; reads the stored reference images."""
    portable = cache.portable_request(task.id) if task.id else {}
    found = [
        link or (cache.find_content(digest) if digest else None)
        for link, digest in references_of(portable or to_portable(task.request))
    ]
    return KeptRequest(tuple(one for one in found if one))


def _others(options: GenerationOptions) -> tuple[tuple[str, object], ...]:
    """The options that the form has no field for."""
    names = ("web_search", "optimize_prompt", "layers", "background", "seed", "guidance_scale")
    given = [(name, getattr(options, name)) for name in names]
    chosen = [(name, value) for name, value in given if value is not None and value is not False]
    extra = {name: value for name, value in options.extra.items() if name not in _KNOWN_FIELDS}
    return (*chosen, *([("extra", extra)] if extra else []))


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
