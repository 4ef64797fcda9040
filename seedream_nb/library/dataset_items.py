"""What a dataset is made of: an image, what is recorded about it, and where its bytes are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from seedream_nb.core.models import TaskImage


@dataclass(frozen=True)
class DatasetItem:
    """One image of a dataset. It can be pickled, and sent to machines that have neither token nor library.

    Attributes:
        image: The image; its link is downloaded unless there is an original, or it is inline.
        record: What is recorded about it, by column: JSON-ready values, such as a table's cells, prompt, and seed.
        original: The path of the file with its bytes, as every machine that writes the dataset sees it; None if there
            is none.
        checksum: The SHA-256 of its bytes as hexadecimal digits; None if it is not known.
    """

    image: TaskImage
    record: Mapping[str, object]
    original: str | None = None
    checksum: str | None = None
