"""Why: all contenders work on the same tasks and pictures, which are as large and as detailed as real ones."""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from seedream_nb.sandbox.painter import paint
from tests.benchmarks.records import make_id

Pictures = Literal["photo", "plain"]

TASKS = 100
LATENCY = 0.05  # seconds before each answer, of the API and of the image host alike
SIDE = 2048  # pixels
JPEG_BYTES = 500_000
PROMPTS = (
    "a white siamese cat",
    "a city at night",
    "a forest in autumn",
    "a bowl of fruit",
    "a mountain lake",
    "a nebula in space",
    "flowers in a garden",
    "a lighthouse in a storm",
    "a desert at dusk",
    "a street in the rain",
    "an abstract composition",
    "a snowy valley",
)
TEXTURE = 14.0  # grey levels; gives thumbnails of 20 to 25 KB, as photos have
CACHE_NAME = "seedream-benchmark-pictures-1"  # count up when the pictures change


@dataclass(frozen=True)
class Job:
    """What a contender is told.

    Attributes:
        base_url: The server's address.
        task_ids: The tasks to show.
        thumbnail: The long side of a thumbnail, in pixels.
        jpeg_quality: Of a thumbnail.
        connections: How many images are fetched at the same time.
    """

    base_url: str
    task_ids: tuple[str, ...]
    thumbnail: int
    jpeg_quality: int
    connections: int


def task_ids(count: int = TASKS) -> tuple[str, ...]:
    """The ids of all tasks, or of another number of them; the same in every process."""
    return tuple(make_id("task", number) for number in range(count))


def mark(jpeg: bytes, number: int) -> bytes:
    """Puts a comment into a JPEG file, so that the pictures of no two tasks are alike."""
    return b"%b\xff\xfe\x00\x06%04d%b" % (jpeg[:2], number, jpeg[2:])


def picture_files(pictures: Pictures) -> list[Path]:
    """The pictures' files; painted once and kept in the temporary directory.

    Args:
        pictures: `photo` for pictures with the detail of photos, `plain` for smooth ones.

    Returns:
        One JPEG file for each prompt.
    """
    folder = Path(tempfile.gettempdir()) / CACHE_NAME
    folder.mkdir(exist_ok=True)
    files = [folder / f"{pictures}-{number}.jpg" for number in range(len(PROMPTS))]
    for number, (file, prompt) in enumerate(zip(files, PROMPTS, strict=True)):
        if not file.exists():
            picture = paint(prompt, SIDE, SIDE)
            if pictures == "photo":
                picture = _textured(picture, number)
            # Renamed when whole, so that an interrupt leaves no broken picture behind.
            unfinished = file.with_suffix(".part")
            unfinished.write_bytes(_encode(picture))
            unfinished.replace(file)
    return files


def _textured(picture: Image.Image, seed: int) -> Image.Image:
    """Lays noise of equal strength at every scale over a picture: that is the statistics of photos.

    The painter's own grain is so fine that it vanishes in thumbnails, which would then be smaller than those of photos.
    """
    random = np.random.default_rng(seed)
    texture = np.zeros((SIDE, SIDE), np.float32)
    scales = range(1, 7)
    for scale in scales:
        small = random.standard_normal((SIDE >> scale, SIDE >> scale)).astype(np.float32)
        texture += np.asarray(Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    texture *= TEXTURE / texture.std()
    return Image.fromarray(np.clip(np.asarray(picture) + texture[:, :, None], 0, 255).astype(np.uint8))


def _encode(picture: Image.Image) -> bytes:
    """The picture as a JPEG of about the wanted size, whatever its detail."""
    for quality in range(95, 40, -1):
        buffer = io.BytesIO()
        picture.save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= JPEG_BYTES:
            break
    return buffer.getvalue()
