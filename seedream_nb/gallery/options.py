"""The options of a gallery, checked in one place for Python, the magics, and the panel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from seedream_nb.core.errors import UsageError

Embed = Literal["thumbnails", "links", "originals"]
EMBED_CHOICES: tuple[Embed, ...] = get_args(Embed)

MIN_THUMBNAIL = 32
MAX_THUMBNAIL = 2048


@dataclass(frozen=True)
class GalleryOptions:
    """How a gallery is rendered.

    Attributes:
        columns: The number of tiles in a row; None lets the width decide.
        thumbnail: The long side of a thumbnail, in pixels.
        embed: What the output contains: `thumbnails`, `originals`, or only `links`.
        limit: The most tiles to show; the rest is counted.
        max_bytes: The largest size of HTML and text together; beyond it thumbnails shrink, then the rest is linked.

    Raises:
        UsageError: A value is out of range.
    """

    columns: int | None = None
    thumbnail: int = 320
    embed: Embed = "thumbnails"
    limit: int = 60
    max_bytes: int = 2_000_000

    def __post_init__(self) -> None:
        if self.columns is not None:
            _check_range("columns", self.columns, 1, 24)
        _check_range("thumbnail", self.thumbnail, MIN_THUMBNAIL, MAX_THUMBNAIL)
        _check_range("limit", self.limit, 1, 10_000)
        _check_range("max_bytes", self.max_bytes, 10_000, 500_000_000)
        if self.embed not in EMBED_CHOICES:
            raise UsageError(
                f"embed={self.embed!r} is not supported.", hint=f"Choose one of: {', '.join(EMBED_CHOICES)}."
            )


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise UsageError(f"{name} must be a whole number from {least:,} to {most:,}, not {value!r}.")
