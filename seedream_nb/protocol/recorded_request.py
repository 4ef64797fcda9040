"""A recorded request as it can be kept and sent again: without the way of sending, and with references, not data.

Its form is JSON: the fields of the service, and `image` as a list. A reference image is its link, or `{"sha256": …}`
for one that was sent inline; an empty object stands for one that nothing is known of. Pure functions.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from seedream_nb.core.foreign import JsonObject, read_integer, read_mapping, read_number
from seedream_nb.core.redaction import redact
from seedream_nb.protocol.request_body import DEFAULT_MODEL, GenerationOptions, build_body

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# How the answer is delivered is not part of what is ordered.
DELIVERY = frozenset({"async", "stream", "callback_url", "response_format"})
_ADDED = frozenset({"action"})  # by the service
_SHORTEST_IMAGE = 100  # characters of a data URI; a shorter one has lost its data
_SECRET = re.compile(r"token|secret|passw|auth|cred|sign|^sig$|key|session|expires", re.IGNORECASE)
WEB_LINKS = ("http://", "https://")

# The service's fields of each option.
FIELDS = {
    "max_images": ("sequential_image_generation", "sequential_image_generation_options"),
    "web_search": ("tools",),
    "optimize_prompt": ("optimize_prompt_options",),
    "layers": ("layer_decomposition",),
}


def to_portable(request: Mapping[str, object], digests: Sequence[str] = (), *, is_shared: bool = False) -> JsonObject:
    """A request in its portable form.

    Args:
        request: The request as the service recorded it, or as it was sent.
        digests: The SHA-256 of each reference image; empty where that is not known. Links count before them.
        is_shared: Whether others may see it, as in a saved file: then it has no link with a password or a signature.

    Returns:
        What was ordered, without tokens, account ids, and callback URL.

    Example:
        >>> to_portable({"prompt": "a cat", "image": "data:image/png;base64,…", "async": True}, ["5d"])
        {'prompt': 'a cat', 'image': [{'sha256': '5d'}]}
    """
    dropped = DELIVERY | _ADDED | {"image"}
    fields = {name: value for name, value in request.items() if name not in dropped and value is not None}
    image = request.get("image")
    images = image if isinstance(image, list) else [] if image is None else [image]
    references: list[object] = []
    for place, one in enumerate(images):
        digest = (digests[place] if place < len(digests) else "") or _digest_of(one)
        is_link = isinstance(one, str) and one.strip().lower().startswith(WEB_LINKS)
        if is_link and not (is_shared and _has_secret(str(one).strip())):
            references.append(str(one).strip())
        else:
            references.append({"sha256": digest} if digest else {})
    portable = redact(fields)
    return {**portable, "image": references} if references else portable


def references_of(portable: Mapping[str, object]) -> list[tuple[str, str]]:
    """The reference images of a portable request, each by its link or its SHA-256; both empty where it is not known."""
    found = []
    image = portable.get("image")
    for one in image if isinstance(image, list) else [] if image is None else [image]:
        link = one.strip() if isinstance(one, str) and one.strip().lower().startswith(WEB_LINKS) else ""
        digest = read_mapping(one).get("sha256")
        found.append((link, digest if isinstance(digest, str) and not link else ""))
    return found


def read_options(portable: Mapping[str, object]) -> tuple[str, GenerationOptions]:
    """The prompt and the options of a portable request: `build_body` makes the same fields of them.

    What no option stands for is in `extra`.
    """
    fields = {name: value for name, value in portable.items() if name != "image"}
    prompt = fields.get("prompt")
    prompt = prompt if isinstance(prompt, str) else ""
    model = fields.get("model")
    size = fields.get("size")
    options = GenerationOptions(
        model=model if isinstance(model, str) else DEFAULT_MODEL,
        size=size if isinstance(size, str) else None,
        max_images=_max_images(fields),
        output_format=_choice(fields, "output_format", "jpeg", "png"),
        watermark=_flag(fields, "watermark"),
        web_search=fields.get("tools") == [{"type": "web_search"}],
        optimize_prompt=_choice(read_mapping(fields.get("optimize_prompt_options")), "mode", "standard", "fast"),
        layers=fields.get("layer_decomposition") is True,
        background=_choice(fields, "background", "transparent", "opaque"),
        seed=read_integer(fields.get("seed")),
        guidance_scale=_number(fields.get("guidance_scale")),
    )
    built = build_body(prompt, options)
    missing = {name: value for name, value in fields.items() if _text(built.get(name)) != _text(value)}
    return prompt, dataclasses.replace(options, extra=missing)


def change_options(options: GenerationOptions, changes: Mapping[str, Any]) -> GenerationOptions:
    """Options with some changed; a field in `extra` that says the same is dropped, as it would win."""
    dropped = {field for name in changes for field in FIELDS.get(name, (name,))}
    extra = {name: value for name, value in options.extra.items() if name not in dropped}
    given = dict(changes)
    extra.update(given.pop("extra", None) or {})
    return dataclasses.replace(options, **given, extra=extra)


def _has_secret(link: str) -> bool:
    """Whether a link lets whoever has it read what others may not: it has a password, a token, or a signature."""
    try:
        parts = urlsplit(link)
        names = [name for name, _value in parse_qsl(parts.query, keep_blank_values=True)]
    except ValueError:
        return True  # nothing says that it has none
    return "@" in parts.netloc or any(_SECRET.search(name) for name in names)


def _digest_of(image: object) -> str:
    """The SHA-256 of a data URI; empty where the record has left out its data."""
    if not isinstance(image, str) or len(image) < _SHORTEST_IMAGE or image[:5].lower() != "data:":
        return ""
    try:
        return hashlib.sha256(base64.b64decode(image.partition(",")[2], validate=True)).hexdigest()
    except (binascii.Error, ValueError):
        return ""


def _max_images(fields: Mapping[str, object]) -> int | None:
    wanted = fields.get("sequential_image_generation_options")
    most = read_integer(read_mapping(wanted).get("max_images"))
    is_plain = fields.get("sequential_image_generation") == "auto" and wanted == {"max_images": most}
    return most if is_plain else None


def _choice(fields: Mapping[str, object], name: str, *choices: str) -> Any:
    value = fields.get(name)
    return value if isinstance(value, str) and value in choices else None


def _flag(fields: Mapping[str, object], name: str) -> bool | None:
    value = fields.get(name)
    return value if isinstance(value, bool) else None


def _number(value: object) -> float | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value  # as it was sent: 5 is not 5.0 in JSON
    return read_number(value)


def _text(value: object) -> str:
    """JSON tells 1 from true."""
    return json.dumps(value, sort_keys=True)
