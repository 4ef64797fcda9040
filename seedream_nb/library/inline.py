"""Why: a picture that travels as text within a record would swell the database; it is kept as a file, like all others.

Pure functions over decoded JSON. Such pictures are the `b64_json` of an answer, and reference images in a request.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

SHORTEST = 2_000  # characters; less is no picture
KEPT = "kept-in-library:"  # and the digest: where a picture was

_HEAD = re.compile(r"data:[\w/+.;=-]{0,100},")


def take_out(value: Any, keep: Callable[[bytes], str]) -> Any:
    """A record without the pictures in it.

    Args:
        value: Decoded JSON.
        keep: Keeps a picture and returns its digest.

    Returns:
        The same with a word in the place of each picture.
    """
    if isinstance(value, dict):
        return {key: take_out(inner, keep) for key, inner in value.items()}
    if isinstance(value, list):
        return [take_out(inner, keep) for inner in value]
    if isinstance(value, str) and len(value) >= SHORTEST:
        head = found[0] if (found := _HEAD.match(value)) else ""
        content = _decode(value[len(head) :])
        if content is not None:
            return f"{head}{KEPT}{keep(content)}"
    return value


def put_back(value: Any, find: Callable[[str], bytes | None]) -> Any:
    """The reverse of `take_out`.

    Args:
        value: Decoded JSON.
        find: Gives the picture of a digest, None when it is lost.

    Returns:
        The record as it came; without the pictures that are lost.
    """
    if isinstance(value, dict):
        return {key: put_back(inner, find) for key, inner in value.items()}
    if isinstance(value, list):
        return [put_back(inner, find) for inner in value]
    if isinstance(value, str) and KEPT in value[:200]:
        head, _, digest = value.partition(KEPT)
        content = find(digest)
        return "" if content is None else head + base64.b64encode(content).decode("ascii")
    return value


def _decode(text: str) -> bytes | None:
    """The bytes behind base64, where writing them so again gives the very same text."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return content if base64.b64encode(content).decode("ascii") == text else None
