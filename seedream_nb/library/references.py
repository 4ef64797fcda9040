"""Which images a record references, and how inline images are taken out of records.

An inline image (the `b64_json` of an answer, a reference image within a request) would bloat the database. It is stored
as a file like any other image, and a placeholder with its digest takes its place in the record. Pure functions on JSON.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MIN_IMAGE_LENGTH = 2_000  # characters; shorter text is no image
PLACEHOLDER = "kept-in-library:"  # and the digest: stands where an inline image was
LITERAL = "as-it-is:"  # before text that would be mistaken for a placeholder, or for this word
INLINE = "inline:"  # and the digest: the source of an inline image, as links are the source of others

_DATA_URI = re.compile(r"data:[\w/+.;=-]{0,100},")
_PLACEHOLDER = re.compile(rf"(?P<head>(?:{_DATA_URI.pattern})?){PLACEHOLDER}(?P<digest>[0-9a-f]{{64}})")
_SIGNATURES = (b"\xff\xd8\xff", b"\x89PNG", b"RIFF", b"GIF8")
# A link as JSON escapes it, or a placeholder.
_SOURCE = re.compile(rf'{PLACEHOLDER}([0-9a-f]{{64}})|(?i:https?)://(?:[^"\\]|\\.)*')


def encode(value: Any, store: Callable[[bytes], str]) -> str:
    """A record as JSON text with a placeholder for each inline image; `store` takes an image and returns its digest."""
    text = json.dumps(value)
    # Most records hold no image; walking through their values would be slow.
    return json.dumps(extract_images(value, store)) if has_placeholders(text) or _has_long_text(text) else text


def has_placeholders(text: str) -> bool:
    """Whether a record as JSON text may hold anything that `restore_images` would replace."""
    return PLACEHOLDER in text or LITERAL in text


def extract_images(value: Any, store: Callable[[bytes], str]) -> Any:
    """Decoded JSON with a placeholder for each inline image; `store` takes an image and returns its digest."""
    if isinstance(value, dict):
        return {key: extract_images(inner, store) for key, inner in value.items()}
    if isinstance(value, list):
        return [extract_images(inner, store) for inner in value]
    if isinstance(value, str) and (value.startswith(LITERAL) or _PLACEHOLDER.fullmatch(value)):
        return f"{LITERAL}{value}"
    if isinstance(value, str) and len(value) >= MIN_IMAGE_LENGTH:
        head = found[0] if (found := _DATA_URI.match(value)) else ""
        content = _decode_image(value[len(head) :])
        if content is not None:
            return f"{head}{PLACEHOLDER}{store(content)}"
    return value


def restore_images(value: Any, find: Callable[[str], bytes | None]) -> Any:
    """The reverse of `extract_images`, except for line breaks within images; `find` returns the image of a digest.

    Lost images, for which it returns None, become empty text.
    """
    if isinstance(value, dict):
        return {key: restore_images(inner, find) for key, inner in value.items()}
    if isinstance(value, list):
        return [restore_images(inner, find) for inner in value]
    if isinstance(value, str) and value.startswith(LITERAL):
        return value.removeprefix(LITERAL)
    if isinstance(value, str) and (found := _PLACEHOLDER.fullmatch(value)):
        content = find(found["digest"])
        return "" if content is None else found["head"] + base64.b64encode(content).decode("ascii")
    return value


def sources_in(*texts: str | None) -> set[str]:
    """The sources of all images that JSON texts reference: links, and `inline:` with a digest for inline images.

    Example:
        >>> sources_in('{"data": [{"url": "https://x.example/a.jpg"}]}')
        {'https://x.example/a.jpg'}
    """
    return {
        f"{INLINE}{found[1]}" if found[1] else _unescape(found[0])
        for text in texts
        if text
        for found in _SOURCE.finditer(text)
    }


def inline_digests(*texts: str | None) -> set[str]:
    """The digests of all inline images that JSON texts reference."""
    return {source.removeprefix(INLINE) for source in sources_in(*texts) if source.startswith(INLINE)}


def format_source(source: str) -> str:
    """A source as it appears in JSON text."""
    return source.replace(INLINE, PLACEHOLDER, 1) if source.startswith(INLINE) else json.dumps(source)[1:-1]


def find_referenced(texts: Iterable[str | None], sources: Iterable[str]) -> set[str]:
    """Those of some sources that any of many records references."""
    wanted = set(sources)
    found: set[str] = set()
    for text in texts if wanted else ():
        found |= sources_in(text) & wanted
        if found == wanted:
            break
    return found


def _has_long_text(text: str) -> bool:
    """Whether a record may hold an image: no image contains a quotation mark."""
    return len(text) >= MIN_IMAGE_LENGTH and max(map(len, text.split('"'))) >= MIN_IMAGE_LENGTH


def _decode_image(text: str) -> bytes | None:
    """The decoded base64, if encoding it again gives the same text."""
    digits = "".join(text.split())
    try:
        content = base64.b64decode(digits, validate=True)
    except (binascii.Error, ValueError):
        return None
    # Some encoders break lines, and that may be lost; the spaces of ordinary text may not.
    is_same = digits == text or content.startswith(_SIGNATURES)
    return content if is_same and base64.b64encode(content).decode("ascii") == digits else None


def _unescape(escaped: str) -> str:
    if "\\" not in escaped:
        return escaped
    try:
        return str(json.loads(f'"{escaped}"'))
    except ValueError:
        return escaped
