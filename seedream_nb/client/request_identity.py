"""Tells whether two requests are the same, by the content of their images rather than their location."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from typing import TYPE_CHECKING, Any

from seedream_nb.client.at_most_once import CLOCK_SKEW
from seedream_nb.protocol.recorded_request import DELIVERY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from seedream_nb.core.models import Task
    from seedream_nb.library.ledger import Purchase

# What else a request can contain (wire contract, POST /seedream/images). The service may add fields to its records.
_FIELDS = frozenset(
    {
        "model",
        "prompt",
        "size",
        "sequential_image_generation",
        "sequential_image_generation_options",
        "watermark",
        "output_format",
        "tools",
        "optimize_prompt_options",
        "layer_decomposition",
        "background",
        "seed",
        "guidance_scale",
    }
)
_SHORTEST_IMAGE = 100  # characters of a data URI; a shorter one has lost its data


def identify(
    body: Mapping[str, object], identify_image: Callable[[str], Mapping[str, Any]]
) -> tuple[str, dict[str, Any]]:
    """The checksum of what a body orders, and the body for the ledger, with images by their content."""
    ordered = {name: value for name, value in body.items() if name not in DELIVERY}
    image = ordered.pop("image", None)
    images = [] if image is None else [image] if isinstance(image, str) else list(image)  # type: ignore[call-overload]  # a list, as it was built
    references = [dict(identify_image(one)) for one in images]
    kept = {**ordered, "image": references}
    # The content counts, not its location.
    return checksum_of(kept, [reference.get("sha256") or reference["link"] for reference in references]), kept


def checksum_of(kept: Mapping[str, object], images: Sequence[str]) -> str:
    """The checksum of a body, with its images as given."""
    return checksum_of_bytes(json.dumps({**kept, "image": images}, sort_keys=True).encode())


def checksum_of_data(uri: str) -> str:
    """The checksum of the content of a data URI."""
    return checksum_of_bytes(decode(uri))


def is_link(reference: str) -> bool:
    """Whether a reference image is a link, and not a data URI."""
    return reference[:5].lower() != "data:"


def find_task(tasks: Iterable[Task], purchase: Purchase, *, or_earlier: bool) -> Task | None:
    """The first task of a purchase's request since it was sent; with `or_earlier`, else the last before."""
    same = [task for task in tasks if _is_same_request(purchase.body, task.request)]
    begin = (purchase.sent_at or 0.0) - CLOCK_SKEW.total_seconds()
    later = [task for task in same if _created_at(task, begin) >= begin]
    if later or not or_earlier:
        return min(later, key=lambda task: _created_at(task, begin), default=None)
    return max(same, key=lambda task: _created_at(task, begin), default=None)


def _created_at(task: Task, otherwise: float) -> float:
    return otherwise if task.created_at is None else task.created_at.timestamp()


def _is_same_request(body: Mapping[str, object], request: Mapping[str, object]) -> bool:
    """Whether a recorded request is the one of a body in the ledger.

    White space does not matter, and of an image whose data the record lacks, its presence is enough: a task that is
    adopted by mistake costs nothing, one that is paid for again does.
    """
    names = _FIELDS | (body.keys() - {"image"})
    if any(_plain(body.get(name)) != _plain(request.get(name)) for name in names):
        return False
    recorded = request.get("image")
    images = [] if recorded is None else recorded if isinstance(recorded, list) else [recorded]
    references = body.get("image")
    if not isinstance(references, list) or len(references) != len(images):
        return False
    return all(_is_same_image(reference, image) for reference, image in zip(references, images, strict=True))


def _is_same_image(reference: Mapping[str, str], image: object) -> bool:
    if not isinstance(image, str):
        return True
    if is_link(image):
        return reference.get("link") in {image, None}
    return len(image) < _SHORTEST_IMAGE or reference.get("sha256") == checksum_of_data(image)


def _plain(value: object) -> object:
    if isinstance(value, str):
        return " ".join(value.encode("utf-8", "replace").decode().split())
    return value


def decode(reference: str) -> bytes:
    """The content of a data URI; whatever is not valid base64 as it is."""
    try:
        return base64.b64decode(reference.partition(",")[2])
    except binascii.Error:
        return reference.encode()


def checksum_of_bytes(content: bytes) -> str:
    """The SHA-256 checksum in hexadecimal."""
    return hashlib.sha256(content).hexdigest()
