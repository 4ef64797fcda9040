"""Provenance: the prompt, model, size, seed, task id, date, and request that a saved image carries.

This module has the data and its JSON form; `provenance_jpeg` and `provenance_png` store it in files. Nothing identifies
the user: no token, no account, no trace id.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from datetime import timezone
from typing import TYPE_CHECKING

from seedream_nb.core.foreign import read_integer, read_text

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from seedream_nb.core.models import TaskImage

KEY = "seedream_nb"  # identifies the JSON: a PNG keyword, or a key of the JSON in an EXIF comment
MAX_PROMPT = 50_000  # characters; a prompt is stored in a file up to three times
_REPEATED = ("prompt", "model", "size")  # fields that the request has, too
_SAME = "same"  # the key of those that are not written twice
MAX_JSON = 1_000_000  # characters; an escaped prompt has at most six for each of its own


@dataclass(frozen=True)
class Provenance:
    """The provenance of an image. All text can be encoded in any Unicode encoding.

    Attributes:
        prompt: The prompt; one that was too long ends with `…`.
        model: The full model id.
        size: `<width>x<height>` as the service wrote it.
        seed: The seed.
        task_id: The task that generated it.
        index: The image's place within the task, from 0.
        created_at: When the task was created, in UTC, as ISO 8601 text to the second.
        request: The complete request in its portable form, see `seedream_nb.protocol.recorded_request`; None if it is
            not known, or does not fit.
    """

    prompt: str = ""
    model: str = ""
    size: str = ""
    seed: int | None = None
    task_id: str = ""
    index: int = 0
    created_at: str = ""
    request: Mapping[str, object] | None = field(default=None, hash=False)

    @classmethod
    def of(
        cls, image: TaskImage, created_at: datetime | None, request: Mapping[str, object] | None = None
    ) -> Provenance:
        """The provenance of an image.

        Args:
            image: The image.
            created_at: When its task was created; one without a time zone is taken for UTC.
            request: The request of its task in its portable form.
        """
        if created_at is not None:
            is_naive = created_at.tzinfo is None
            created_at = created_at.replace(tzinfo=timezone.utc) if is_naive else created_at.astimezone(timezone.utc)
        provenance = cls.from_fields(
            {
                **{
                    item.name: getattr(image, item.name)
                    for item in dataclasses.fields(cls)
                    if hasattr(image, item.name)
                },
                "created_at": created_at.isoformat(timespec="seconds") if created_at else "",
                "request": dict(request) if request else None,
            }
        )
        return provenance.shortened(MAX_PROMPT)

    @classmethod
    def from_fields(cls, fields: object) -> Provenance:
        """Reads the fields of a file; invalid ones are skipped, because files are foreign input."""
        found = fields if isinstance(fields, dict) else {}
        text = {name: _read_text(found.get(name)) for name in ("prompt", "model", "size", "task_id", "created_at")}
        request = found.get("request")
        return cls(
            **text,
            seed=read_integer(found.get("seed")),
            index=max(0, read_integer(found.get("index")) or 0),
            request=_complete(request, text) if isinstance(request, dict) else None,
        )

    def to_fields(self) -> dict[str, object]:
        """The known fields, ready for JSON. The request lacks what the other fields say already."""
        known = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        if self.request is not None:
            repeated = {
                name: known[name] for name in _REPEATED if known[name] and self.request.get(name) == known[name]
            }
            known["request"] = {name: value for name, value in self.request.items() if name not in repeated}
            known["request"] |= {_SAME: sorted(repeated)} if repeated else {}
        return {name: value for name, value in known.items() if value != "" and value is not None}

    def shortened(self, length: int) -> Provenance:
        """The provenance with a prompt of at most so many characters, and `…` for the rest.

        Then it has no request, which would not be the whole one.
        """
        if len(self.prompt) <= length:
            return self
        return dataclasses.replace(self, prompt=self.prompt[:length].rstrip() + "…", request=None)


def read_json(text: str) -> dict[str, object]:
    """Reads foreign text as a JSON object; an empty one when it is not valid."""
    if len(text) > MAX_JSON:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def fit_prompt(build: Callable[[Provenance], bytes | None], provenance: Provenance, most: int) -> bytes | None:
    """Leaves out the request, then shortens the prompt, until the result fits.

    Args:
        build: Returns the bytes, or None when that is impossible for any prompt.
        provenance: The provenance with the whole prompt.
        most: The most bytes.

    Returns:
        The bytes, or None when they do not fit even without a prompt.
    """
    length = len(provenance.prompt)
    while True:
        built = build(provenance.shortened(length))
        if built is None or len(built) <= most:
            return built
        if provenance.request is not None:
            provenance = dataclasses.replace(provenance, request=None)
            continue
        if length == 0:
            return None
        length = length * 3 // 4


def _complete(request: dict[str, object], text: Mapping[str, str]) -> dict[str, object]:
    """A request with what the other fields say."""
    same = request.get(_SAME)
    repeated = {name: text[name] for name in _REPEATED if isinstance(same, list) and name in same}
    return {**{name: value for name, value in request.items() if name != _SAME}, **repeated}


def _read_text(value: object) -> str:
    return read_text(value) if isinstance(value, str) else ""
