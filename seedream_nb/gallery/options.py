"""Why: how a gallery is drawn is asked for in three places (Python, line magic, cell magic) and checked in one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from seedream_nb.core.errors import UsageError

Embed = Literal["thumbnails", "links", "originals"]
EMBED_CHOICES: tuple[Embed, ...] = get_args(Embed)

SMALLEST_THUMBNAIL = 32
LARGEST_THUMBNAIL = 2048


@dataclass(frozen=True)
class GalleryOptions:
    """How a gallery is drawn.

    Attributes:
        columns: How many tiles stand side by side; None lets the width decide.
        thumbnail: The long side of a thumbnail, in pixels.
        embed: What is put into the output: `thumbnails`, `originals`, or `links` alone.
        limit: How many tiles are drawn at most; the rest is counted.
        max_bytes: How large HTML and text may become together; beyond it thumbnails shrink, then the rest is linked.

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
        _check_range("thumbnail", self.thumbnail, SMALLEST_THUMBNAIL, LARGEST_THUMBNAIL)
        _check_range("limit", self.limit, 1, 10_000)
        _check_range("max_bytes", self.max_bytes, 10_000, 500_000_000)
        if self.embed not in EMBED_CHOICES:
            raise UsageError(f"embed is {self.embed!r}.", hint=f"Choose one of: {', '.join(EMBED_CHOICES)}.")


def _check_range(name: str, value: int, least: int, most: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise UsageError(f"{name} is {value!r}.", hint=f"Give a whole number from {least} to {most}.")
