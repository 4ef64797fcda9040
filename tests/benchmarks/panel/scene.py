"""The tasks, thumbnails, and figures of this scene. All contenders show the same images in tiles of one size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb import Task, TaskImage, TaskStatus
from seedream_nb.images.thumbnails import make_thumbnail
from tests.benchmarks.gallery.scene import MODEL, SIDE, image_files, make_prompt, mark, task_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb import SeedreamClient

TASKS = 1000
FEW = 10  # tasks for which widget models are also counted
TILE = 200  # side of a tile in pixels, the default of the panel
THUMBNAIL = 320  # long side of a thumbnail in pixels, as in the panel
GAP = 12  # pixels between tiles
WINDOW = (1280, 900)  # pixels
TIME_LIMIT = 120.0  # seconds; what takes longer is abandoned
TOKEN = "benchmark"


@dataclass(frozen=True)
class PageFigures:
    """What a page saw of one contender. Seconds are None for what did not happen within the time limit.

    Attributes:
        first_screen: From the key press that runs the cell until every visible tile has its image.
        tiles: The number of these tiles.
        first_received: What the page had received on the kernel's websocket by then, in bytes.
        scroll: From there to the end, one screen at a time, each filled before the next.
        received: What the page received on the websocket in total, in bytes.
    """

    first_screen: float | None
    tiles: int
    first_received: int
    scroll: float | None
    received: int


@dataclass(frozen=True)
class KernelFigures:
    """The cost of a contender in the kernel.

    Attributes:
        models: The number of widget models created.
        models_of_few: The same for ten tasks.
        memory: Resident memory added after everything was shown and garbage was collected, in bytes.
        peak: The peak of the resident memory above that before, in bytes.
    """

    models: int
    models_of_few: int
    memory: int
    peak: int


def make_tasks(base_url: str) -> list[Task]:
    """The finished tasks, with links to images on the server."""
    return [_make_task(number, task_id, base_url) for number, task_id in enumerate(task_ids(TASKS))]


def make_thumbnails() -> list[bytes]:
    """Thumbnails as the panel makes them, one per task.

    No two are the same, because a browser decodes equal data URLs once.
    """
    made = [make_thumbnail(file.read_bytes(), THUMBNAIL).data for file in image_files("photo")]
    return [mark(made[number % len(made)], number) for number in range(TASKS)]


def fill_library(client: SeedreamClient, tasks: Sequence[Task]) -> None:
    """Stores the original and the thumbnail of each task, as if all had been shown before."""
    library = client.cache.library
    if library is None:
        raise RuntimeError("The client has no library.")
    contents = [file.read_bytes() for file in image_files("photo")]
    thumbnails = [make_thumbnail(content, THUMBNAIL) for content in contents]
    for number, task in enumerate(tasks):
        place = number % len(contents)
        library.keep_image(task.images[0], contents[place], thumbnail=(THUMBNAIL, thumbnails[place]))


def _make_task(number: int, task_id: str, base_url: str) -> Task:
    prompt = make_prompt(number)
    size = f"{SIDE}x{SIDE}"
    url = f"{base_url}/images/{number}.jpg"
    image = TaskImage(task_id, url=url, prompt=prompt, model=MODEL, size=size)
    return Task(task_id, TaskStatus.SUCCEEDED, (image,), prompt=prompt, model=MODEL, size=size)
