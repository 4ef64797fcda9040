"""Why: all contenders show the same pictures in tiles of the same size, and rivals get theirs ready made."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb import Task, TaskImage, TaskStatus
from seedream_nb.images.thumbnails import make_thumbnail
from tests.benchmarks.gallery.scene import SIDE, picture_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb import SeedreamClient

TASKS = 1000
FEW = 10  # tasks for which widget models are counted as well
TILE = 200  # pixels of a tile; what the panel has by default
THUMBNAIL = 320  # pixels of the long side of a thumbnail; what the panel makes
GAP = 12  # pixels between tiles
WINDOW = (1280, 900)  # pixels
BOUND = 120.0  # seconds; what takes longer is given up
TOKEN = "benchmark"
MODEL = "doubao-seedream-4-0-250828"


@dataclass(frozen=True)
class PageFigures:
    """What a page has seen of one contender. Seconds are None for what did not happen within the bound.

    Attributes:
        first_screen: From the key that runs the cell to the moment at which every tile in sight has its picture.
        tiles: How many tiles that were.
        first_received: What the kernel's websocket had brought by then, in bytes.
        scroll: From there to the end, a screen at a time, each filled before the next.
        received: What the websocket has brought in all, in bytes.
    """

    first_screen: float | None
    tiles: int
    first_received: int
    scroll: float | None
    received: int


@dataclass(frozen=True)
class KernelFigures:
    """What a contender took in the kernel.

    Attributes:
        models: Widget models made.
        models_of_few: As many for ten tasks.
        memory: Resident memory added, after everything was seen and garbage was collected, in bytes.
        peak: The peak of the resident memory above what it was before, in bytes.
    """

    models: int
    models_of_few: int
    memory: int
    peak: int


def make_tasks(base_url: str) -> list[Task]:
    """The finished tasks, whose pictures lie on the server."""
    return [_make_task(number, base_url) for number in range(TASKS)]


def make_thumbnails() -> list[bytes]:
    """Thumbnails as the panel makes them, one for each task, no two alike."""
    made = [make_thumbnail(file.read_bytes(), THUMBNAIL).data for file in picture_files("photo")]
    return [_mark(made[number % len(made)], number) for number in range(TASKS)]


def fill_library(client: SeedreamClient, tasks: Sequence[Task]) -> None:
    """Keeps the original and the thumbnail of each task, as if all had been shown before."""
    library = client.cache.library
    if library is None:
        raise RuntimeError("The client has no library.")
    contents = [file.read_bytes() for file in picture_files("photo")]
    thumbnails = [make_thumbnail(content, THUMBNAIL) for content in contents]
    for number, task in enumerate(tasks):
        place = number % len(contents)
        library.keep_image(task.images[0], contents[place], thumbnail=(THUMBNAIL, thumbnails[place]))


def _make_task(number: int, base_url: str) -> Task:
    task_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"benchmark/{number}"))
    prompt = f"a photo of street number {number}, early morning light"
    size = f"{SIDE}x{SIDE}"
    url = f"{base_url}/images/{number}.jpg"
    image = TaskImage(task_id, url=url, prompt=prompt, model=MODEL, size=size)
    return Task(task_id, TaskStatus.SUCCEEDED, (image,), prompt=prompt, model=MODEL, size=size)


def _mark(jpeg: bytes, number: int) -> bytes:
    """Puts a comment into a JPEG file, as a browser decodes equal data URLs once."""
    return b"%b\xff\xfe\x00\x06%04d%b" % (jpeg[:2], number, jpeg[2:])
