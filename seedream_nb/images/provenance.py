"""Why: an image that left its notebook should still tell what made it: prompt, model, size, seed, task and date.

Here is what is told, and its JSON form; how it lies in a file is the job of the modules `origin_in_*`. Nothing is told
of who asked: no token, no account, no trace id.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from datetime import timezone
from typing import TYPE_CHECKING

from seedream_nb.core.coerce import read_integer, read_text

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from seedream_nb.core.models import TaskImage

KEY = "seedream_nb"  # what the JSON is found by: a PNG keyword, a key of the JSON in an EXIF comment
LONGEST_PROMPT = 50_000  # characters; a prompt is written into a file up to three times
LONGEST_JSON = 1_000_000  # characters; the longest that is written has six for each of the prompt


@dataclass(frozen=True)
class Provenance:
    """What an image tells of itself. All text is fit for every encoding.

    Attributes:
        prompt: The prompt; one that was too long ends with `…`.
        model: The full model id.
        size: `<width>x<height>` as the service wrote it.
        seed: The seed.
        task_id: The task that made it.
        index: The image's place within the task, from 0.
        created_at: When the task was created, in UTC, as ISO 8601 text to the second.
    """

    prompt: str = ""
    model: str = ""
    size: str = ""
    seed: int | None = None
    task_id: str = ""
    index: int = 0
    created_at: str = ""

    @classmethod
    def of(cls, image: TaskImage, created_at: datetime | None) -> Provenance:
        """The provenance of an image.

        Args:
            image: The image.
            created_at: When its task was created; one without a time zone is taken for UTC.
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
            }
        )
        return provenance.shortened(LONGEST_PROMPT)

    @classmethod
    def from_fields(cls, fields: object) -> Provenance:
        """Reads the fields as a file has them; whatever does not fit is passed over, since files are foreign input."""
        found = fields if isinstance(fields, dict) else {}
        text = {name: _read_text(found.get(name)) for name in ("prompt", "model", "size", "task_id", "created_at")}
        return cls(**text, seed=read_integer(found.get("seed")), index=max(0, read_integer(found.get("index")) or 0))

    def to_fields(self) -> dict[str, object]:
        """What is known, ready for JSON."""
        known = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        return {name: value for name, value in known.items() if value not in {"", None}}

    def shortened(self, length: int) -> Provenance:
        """The same with a prompt of so many characters at most, and `…` for the rest."""
        if len(self.prompt) <= length:
            return self
        return dataclasses.replace(self, prompt=self.prompt[:length].rstrip() + "…")


def read_json(text: str) -> dict[str, object]:
    """Foreign text as a JSON object; an empty one when it is none."""
    if len(text) > LONGEST_JSON:
        return {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def fit_prompt(build: Callable[[Provenance], bytes | None], provenance: Provenance, most: int) -> bytes | None:
    """Shortens the prompt until what is built with it fits.

    Args:
        build: Makes the bytes; gives None when that cannot be done for any prompt.
        provenance: The provenance with the whole prompt.
        most: How many bytes fit.

    Returns:
        The bytes, or None when they do not fit without any prompt either.
    """
    length = len(provenance.prompt)
    while True:
        built = build(provenance.shortened(length))
        if built is None or len(built) <= most:
            return built
        if length == 0:
            return None
        length = length * 3 // 4


def _read_text(value: object) -> str:
    return read_text(value) if isinstance(value, str) else ""
