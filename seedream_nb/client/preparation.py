"""A paid request before it is sent: its reference images are read, its body is built and checked. Sends nothing."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from seedream_nb.client.references import flatten, read_references
from seedream_nb.client.transport import encode
from seedream_nb.core.errors import UsageError
from seedream_nb.core.foreign import show_line
from seedream_nb.core.models import TaskStatus
from seedream_nb.images.markup import Markup, MarkupWarning
from seedream_nb.images.markup_prompts import find_prompt_problems
from seedream_nb.protocol.request_body import (
    GenerationOptions,
    build_body,
    callers_level,
    check_body,
    describe_request,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seedream_nb.client.references import Reference

MAX_PROMPT = 40  # characters of a prompt that a message names a request by

Mode = Literal["async", "sync", "stream"]

_FIELDS_OF_MODE: dict[str, dict[str, object]] = {"async": {"async": True}, "sync": {}, "stream": {"stream": True}}


@dataclass(frozen=True)
class GenerationRequest:
    """One of many paid requests, see `SeedreamClient.generate_all`.

    Attributes:
        prompt: What the image shows; may be empty for a layer decomposition.
        options: Model, size and so on.
        image: Reference images; any makes the request an edit.

    Example:
        >>> GenerationRequest("a cat", GenerationOptions(model="4.5", size="2K")).options.size
        '2K'
        >>> request = GenerationRequest("make it night", image=gallery.images[0])
        >>> client.generate_all([request]).finish()[0].status.value
        'succeeded'
    """

    prompt: str
    options: GenerationOptions = field(default_factory=GenerationOptions)
    image: Reference | tuple[Reference, ...] | None = None


def prepare(
    prompt: str,
    options: GenerationOptions,
    *,
    image: Reference | Iterable[Reference] | None = None,
    mode: Mode = "async",
    strict: bool = True,
) -> dict[str, object]:
    """Builds and checks the body of a paid request. Sends nothing.

    Args:
        prompt: What the image shows.
        options: Model, size and so on.
        image: Reference images.
        mode: How the answer comes.
        strict: Whether to reject what a known model does not accept.

    Returns:
        The body to send.

    Raises:
        UsageError: The service would reject it; the message says what it accepts.

    Warns:
        UnknownModelWarning: The model is unknown.
        MarkupWarning: The prompt names a shape that is not drawn on a reference image.
    """
    return _prepare(prompt, options, _References(image, strict=strict), mode, strict=strict)


def prepare_all(
    requests: Iterable[GenerationRequest | str], *, mode: Mode = "async", strict: bool = True
) -> list[dict[str, object]]:
    """Builds and checks the bodies of many paid requests, or of none. Sends nothing.

    Args:
        requests: The requests, or prompts for the default options. Reference images that several share are read once.
        mode: As for `prepare`.
        strict: As for `prepare`.

    Returns:
        The bodies in order.

    Raises:
        UsageError: The service would reject one; the message says which, and what it accepts.
    """
    if isinstance(requests, (str, GenerationRequest)):
        raise UsageError("generate_all takes a list of requests.", hint="Put it in brackets; nothing was sent.")
    listed = [GenerationRequest(one) if isinstance(one, str) else one for one in requests]
    bodies = []
    references: dict[int, _References] = {}
    for number, request in enumerate(listed, start=1):
        try:
            bodies.append(_prepare_one(request, references, mode, strict=strict))
        except UsageError as error:  # noqa: PERF203  nothing is slow next to what follows
            if len(listed) > 1:
                error.message = f"Request {number} of {len(listed)}{_name(request)}: {error.message}"
            raise
    return bodies


def _name(request: object) -> str:
    prompt = getattr(request, "prompt", "")
    return f" ({show_line(prompt, MAX_PROMPT)})" if isinstance(prompt, str) and prompt.strip() else ""


def _prepare_one(request: object, references: dict[int, _References], mode: Mode, *, strict: bool) -> dict[str, object]:
    """Prepares one request; `references` holds those read so far, by the identity of what was given."""
    if not isinstance(request, GenerationRequest):
        kind = type(request).__name__
        raise UsageError(f"a {kind} is not a request.", hint='Pass GenerationRequest("a cat"), or a prompt as text.')
    key = id(request.image)
    if key not in references:
        references[key] = _References(request.image, strict=strict)
    return _prepare(request.prompt, request.options, references[key], mode, strict=strict)


class _References:
    """The reference images of one or more requests, each read once; a markup is sent marked, or clean for layers."""

    def __init__(self, image: object, *, strict: bool) -> None:
        self._images = () if image is None else tuple(flatten(image))
        self._strict = strict
        self.markups = tuple(one for one in self._images if isinstance(one, Markup))
        self._read: dict[bool, tuple[str, ...]] = {}

    def read(self, *, layers: bool) -> tuple[str, ...]:
        clean = layers and bool(self.markups)
        if clean not in self._read:
            images = [one.clean if clean and isinstance(one, Markup) else one for one in self._images]
            self._read[clean] = read_references(images or None, strict=self._strict)  # type: ignore[arg-type]  # checked there
        return self._read[clean]


def _prepare(
    prompt: str, options: GenerationOptions, references: _References, mode: Mode, *, strict: bool
) -> dict[str, object]:
    for name, switch in (("web_search", options.web_search), ("layers", options.layers)):
        if not isinstance(switch, bool):
            raise UsageError(f"{name} must be True or False, not {switch!r}.", hint="Nothing was sent.")
    if mode not in _FIELDS_OF_MODE:
        raise UsageError(f"mode must be one of {', '.join(get_args(Mode))}, not {mode!r}.", hint="Nothing was sent.")
    problems = _check_markups(references.markups, prompt, options)
    prompt = complete_prompt(prompt, options, references.markups)
    body = build_body(prompt, options, references.read(layers=options.layers)) | _FIELDS_OF_MODE[mode]
    if strict:
        check_body(body)
    if problems:
        warnings.warn(" ".join(dict.fromkeys(problems)), MarkupWarning, stacklevel=callers_level())
    # Without the reference images, which are text of many megabytes: those are encoded once, to be sent.
    encode(describe_request(body, TaskStatus.PENDING).request)
    return body


def complete_prompt(prompt: str, options: GenerationOptions, markups: Iterable[Markup]) -> str:
    """The prompt that is sent: for a layer decomposition with the coordinates of the boxes, otherwise as it is."""
    if options.layers and isinstance(prompt, str):
        for markup in markups:
            prompt = markup.prompt_for_layers(prompt)
    return prompt


def _check_markups(markups: Sequence[Markup], prompt: object, options: GenerationOptions) -> list[str]:
    """What is drawn and not sent, or does not fit the prompt, in sentences."""
    if options.layers:
        text = prompt if isinstance(prompt, str) else ""
        return [problem for markup in markups for problem in markup.check_layers(text)]
    shapes = [shape for markup in markups for shape in markup.shapes]
    return list(find_prompt_problems(shapes, prompt)) if isinstance(prompt, str) else []
