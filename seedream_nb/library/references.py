"""Which images a record references, and how inline images are taken out of records.

An inline image (the `b64_json` of an answer, a reference image within a request) would bloat the database. It is stored
as a file like any other image, and a placeholder with its digest takes its place in the record. Pure functions on JSON.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from seedream_nb.core.foreign import JsonObject

MIN_IMAGE_LENGTH = 2_000  # characters; shorter text is no image
PLACEHOLDER = "kept-in-library:"  # and the digest: stands where an inline image was
LITERAL = "as-it-is:"  # before text that would be mistaken for a placeholder, or for this word
INLINE = "inline:"  # and the digest: the source of an inline image, as links are the source of others
SENT = "sent:"  # before a placeholder: the service's record lacks the data of a reference image, which was sent inline

_DATA_URI = re.compile(r"data:[\w/+.;=-]{0,100},")
_LONGEST_SHOWN = 200  # characters of a data URI without its data
_PLACEHOLDER = re.compile(rf"(?P<head>(?:{_DATA_URI.pattern})?){PLACEHOLDER}(?P<digest>[0-9a-f]{{64}})")
# After what the record shows of an image that was sent: its digest, and perhaps the image whose copy it is.
_SENT_IMAGE = re.compile(
    rf"(?P<shown>(?i:data:)[^\0]{{0,{_LONGEST_SHOWN}}}?){SENT}{PLACEHOLDER}(?P<digest>[0-9a-f]{{64}})"
    r"(?:@(?P<task>[0-9a-z-]{1,100})/(?P<place>[0-9]{1,4}))?"
)
_TASK_KEY = re.compile(r"[0-9a-z-]{1,100}")
_KEPT = re.compile(rf"(?<!{SENT}){PLACEHOLDER}([0-9a-f]{{64}})")
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
    if isinstance(value, str) and (value.startswith(LITERAL) or _PLACEHOLDER.fullmatch(value) or is_marked(value)):
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
    if isinstance(value, str) and (found := _SENT_IMAGE.fullmatch(value)):
        return found["shown"]
    return value


def is_task_key(text: str) -> bool:
    """Whether text can be the key of a task that a copy of an image names."""
    return _TASK_KEY.fullmatch(text) is not None


def is_marked(value: str) -> bool:
    """Whether text is what `add_sent` writes."""
    return _SENT_IMAGE.fullmatch(value) is not None


@dataclass(frozen=True)
class SentImage:
    """A reference image of a request, as far as the library knows it.

    Attributes:
        link: Its link; empty for an image that was sent inline.
        digest: The digest of an image that was sent inline; empty if that is not known.
        source: The task key and the place of the image whose copy it says it is.
        data: The data URI of a small image, which the record itself holds.
    """

    link: str = ""
    digest: str = ""
    source: tuple[str, int] | None = None
    data: str = ""


def sent_images(request: Mapping[str, object]) -> list[SentImage]:
    """The reference images of a request as it is stored, in order."""
    return [_read_sent(one) for one in images_of(request)]


def images_of(request: Mapping[str, object]) -> list[object]:
    """The `image` of a request as a list."""
    image = request.get("image")
    return image if isinstance(image, list) else [] if image is None else [image]


def lacks_data(image: object) -> bool:
    """Whether a record shows that an image was sent inline, but not its data."""
    return isinstance(image, str) and len(image) <= _LONGEST_SHOWN and image[:5].lower() == "data:"


def add_sent(request: JsonObject, sent: Sequence[SentImage]) -> JsonObject:
    """A request as it is stored, with the digests of those images whose data it lacks."""
    images = images_of(request)
    if len(images) != len(sent):
        return request
    filled = [_format_sent(image, one) if lacks_data(image) else image for image, one in zip(images, sent, strict=True)]
    return {**request, "image": filled if isinstance(request.get("image"), list) else filled[0]}


def _format_sent(image: object, sent: SentImage) -> object:
    if not sent.digest or PLACEHOLDER in str(image):
        return image
    source = "" if sent.source is None else f"@{sent.source[0]}/{sent.source[1]}"
    return f"{image}{SENT}{PLACEHOLDER}{sent.digest}{source}"


def _read_sent(image: object) -> SentImage:
    if not isinstance(image, str):
        return SentImage()
    if found := _SENT_IMAGE.fullmatch(image):
        source = None if found["task"] is None else (found["task"], int(found["place"]))
        return SentImage(digest=found["digest"], source=source)
    if found := _PLACEHOLDER.fullmatch(image):
        return SentImage(digest=found["digest"])
    text = image.removeprefix(LITERAL).strip()
    if text.lower().startswith(("http://", "https://")):
        return SentImage(link=text)
    content = None if lacks_data(text) else _decode_image(text.partition(",")[2])
    return SentImage(digest=hashlib.sha256(content).hexdigest(), data=text) if content else SentImage()


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


def kept_digests(*texts: str | None) -> set[str]:
    """Those of `inline_digests` whose images cannot be had from anywhere else: all but those that were sent."""
    return {digest for text in texts if text for digest in _KEPT.findall(text)}


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
