"""Why: a picture that travels as text within a record would swell the database; it is kept as a file, like all others.

Pure functions over JSON. Such pictures are the `b64_json` of an answer, and reference images in a request.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

SHORTEST = 2_000  # characters; less is no picture
KEPT = "kept-in-library:"  # and the digest: where a picture was

AS_IT_IS = "as-it-is:"  # before text that would be taken for one of these two words

_HEAD = re.compile(r"data:[\w/+.;=-]{0,100},")
_MARK = re.compile(rf"(?P<head>(?:{_HEAD.pattern})?){KEPT}(?P<digest>[0-9a-f]{{64}})")
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8")


def encode(value: Any, keep: Callable[[bytes], str]) -> str:
    """A record as text, without the pictures in it.

    Args:
        value: Decoded JSON.
        keep: Keeps a picture and returns its digest.

    Returns:
        The record as JSON, with a word in the place of each picture.
    """
    text = json.dumps(value)
    # Most records hold no picture, and are not gone through value by value.
    return json.dumps(take_out(value, keep)) if has_words(text) or _has_long_text(text) else text


def has_words(text: str) -> bool:
    """Whether a record as JSON may have a word in it that `put_back` would replace."""
    return KEPT in text or AS_IT_IS in text


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
    if isinstance(value, str) and (value.startswith(AS_IT_IS) or _MARK.fullmatch(value)):
        return f"{AS_IT_IS}{value}"
    if isinstance(value, str) and len(value) >= SHORTEST:
        head = found[0] if (found := _HEAD.match(value)) else ""
        content = _read_picture(value[len(head) :])
        if content is not None:
            return f"{head}{KEPT}{keep(content)}"
    return value


def put_back(value: Any, find: Callable[[str], bytes | None]) -> Any:
    """The reverse of `take_out`.

    Args:
        value: Decoded JSON.
        find: Gives the picture of a digest, None when it is lost.

    Returns:
        The record as it came, but for line breaks within pictures; without the pictures that are lost.
    """
    if isinstance(value, dict):
        return {key: put_back(inner, find) for key, inner in value.items()}
    if isinstance(value, list):
        return [put_back(inner, find) for inner in value]
    if isinstance(value, str) and value.startswith(AS_IT_IS):
        return value.removeprefix(AS_IT_IS)
    if isinstance(value, str) and (mark := _MARK.fullmatch(value)):
        content = find(mark["digest"])
        return "" if content is None else mark["head"] + base64.b64encode(content).decode("ascii")
    return value


def _has_long_text(text: str) -> bool:
    """Whether a picture may be in a record: none holds a quotation mark."""
    return len(text) >= SHORTEST and max(map(len, text.split('"'))) >= SHORTEST


def _read_picture(text: str) -> bytes | None:
    """The bytes behind base64, where writing them so again gives the same text."""
    digits = "".join(text.split())
    try:
        content = base64.b64decode(digits, validate=True)
    except (binascii.Error, ValueError):
        return None
    # Some encoders break lines, which may be left out; of a text, no space may be.
    is_same = digits == text or content.startswith(_PICTURES)
    return content if is_same and base64.b64encode(content).decode("ascii") == digits else None
