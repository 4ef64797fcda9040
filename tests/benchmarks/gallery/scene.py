"""The tasks and images of this scene, as large and as detailed as real ones."""

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

ImageKind = Literal["photo", "plain"]

TASKS = 100
LATENCY = 0.05  # seconds before each response of the API and of the image host
SIDE = 2048  # pixels
JPEG_BYTES = 500_000
MODEL = "doubao-seedream-4-0-250828"
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
TEXTURE = 14.0  # gray levels; makes thumbnails of 20 to 25 KB, like those of photos
CACHE_NAME = "seedream-benchmark-images-1"  # increment when the images change


@dataclass(frozen=True)
class Job:
    """The input of a contender.

    Attributes:
        base_url: The address of the server.
        task_ids: The tasks to show.
        thumbnail: The long side of a thumbnail, in pixels.
        jpeg_quality: The JPEG quality of a thumbnail.
        connections: The number of concurrent downloads.
    """

    base_url: str
    task_ids: tuple[str, ...]
    thumbnail: int
    jpeg_quality: int
    connections: int


def task_ids(count: int = TASKS) -> tuple[str, ...]:
    """The ids of the first tasks; the same in every process."""
    return tuple(make_id("task", number) for number in range(count))


def make_prompt(number: int) -> str:
    """The prompt of a task."""
    return f"a photo of street number {number}, early morning light"


def mark(jpeg: bytes, number: int) -> bytes:
    """Inserts a comment into a JPEG file, so that no two tasks have the same image."""
    return b"%b\xff\xfe\x00\x06%04d%b" % (jpeg[:2], number, jpeg[2:])


def image_files(kind: ImageKind) -> list[Path]:
    """One JPEG file per prompt, painted once and cached in the temporary directory.

    Args:
        kind: `photo` for images as detailed as photos, `plain` for smooth ones.
    """
    folder = Path(tempfile.gettempdir()) / CACHE_NAME
    folder.mkdir(exist_ok=True)
    files = [folder / f"{kind}-{number}.jpg" for number in range(len(PROMPTS))]
    for number, (file, prompt) in enumerate(zip(files, PROMPTS, strict=True)):
        if not file.exists():
            image = paint(prompt, SIDE, SIDE)
            if kind == "photo":
                image = _textured(image, number)
            # Renamed when complete, so that an interrupt leaves no truncated image behind.
            unfinished = file.with_suffix(".part")
            unfinished.write_bytes(_encode(image))
            unfinished.replace(file)
    return files


def _textured(image: Image.Image, seed: int) -> Image.Image:
    """Adds noise of equal strength at every scale, which resembles the statistics of photos.

    The painter's own grain is so fine that it vanishes in thumbnails, which would be smaller than those of photos.
    """
    random = np.random.default_rng(seed)
    texture = np.zeros((SIDE, SIDE), np.float32)
    scales = range(1, 7)
    for scale in scales:
        small = random.standard_normal((SIDE >> scale, SIDE >> scale)).astype(np.float32)
        texture += np.asarray(Image.fromarray(small).resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    texture *= TEXTURE / texture.std()
    return Image.fromarray(np.clip(np.asarray(image) + texture[:, :, None], 0, 255).astype(np.uint8))


def _encode(image: Image.Image) -> bytes:
    """A JPEG of about `JPEG_BYTES`, whatever the detail of the image."""
    for quality in range(95, 40, -1):
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=quality)
        if buffer.tell() <= JPEG_BYTES:
            break
    return buffer.getvalue()
