"""Why: what a gallery says about its tasks is decided once, so that its HTML and its text cannot disagree.

Pure functions: tasks become tiles, and tiles are counted in one line. Nothing here knows HTML, or fetches anything.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.models import ErrorDetail, TaskStatus
from seedream_nb.core.text import count_of
from seedream_nb.gallery.foreign_text import show_line, show_prompt
from seedream_nb.images.layers import describe_layer
from seedream_nb.protocol.capabilities import MAX_IMAGES, parse_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb.core.models import Task, TaskImage


BEFORE, AFTER, COMPOSED, BASE = "before", "after", "composed", "base"


@dataclass(frozen=True)
class State:
    """What a tile says about itself: an icon and a word, so that no colour is needed to tell states apart."""

    icon: str
    word: str


STATES = {
    TaskStatus.SUCCEEDED: State("✓", "succeeded"),
    TaskStatus.PARTIALLY_FAILED: State("◑", "partially failed"),
    TaskStatus.FAILED: State("✕", "failed"),
    TaskStatus.RUNNING: State("◔", "running"),
    TaskStatus.PENDING: State("○", "pending"),
    TaskStatus.NOT_FOUND: State("?", "not found"),
}
WAITING = State("○", "waiting")  # for its turn: the request was not sent yet
NOT_SENT = State("○", "not sent")
_URGENCY = (
    STATES[TaskStatus.FAILED],
    STATES[TaskStatus.PARTIALLY_FAILED],
    STATES[TaskStatus.NOT_FOUND],
    STATES[TaskStatus.RUNNING],
    STATES[TaskStatus.PENDING],
    NOT_SENT,
)  # success needs no mention
FAILED_IMAGE = State("✕", "image failed")
LOST_IMAGE = State("!", "not available")
NO_IMAGE = State("∅", "no image")
NOT_COMPOSED = State("!", "not composed")
FETCHING = State("◔", "fetching")

_IN_PROGRESS = {TaskStatus.PENDING, TaskStatus.RUNNING}
_EXPLANATIONS = {
    STATES[TaskStatus.NOT_FOUND]: "The service does not know this id. Check it; old tasks may have been cleared.",
    NOT_SENT: "This request never left, so it cost nothing. Run it again to send it.",
}


@dataclass(frozen=True)
class Tile:
    """One place in the contact sheet: an image of a task, or what stands for a task without one.

    Its texts are fit to be shown, see `seedream_nb.gallery.foreign_text`.

    Attributes:
        state: The icon and the word.
        task_id: The whole task id.
        prompt: The caption.
        facts: Model, size, format and seed, as far as they are known.
        position: Such as `2 of 4`, for an image of a set; else empty.
        problem: Why there is no image; else empty.
        trace_id: The service's id of the call, when there is a problem to report.
        image: The image, when there is one to show.
        layers: What the image is put together from, when it came in layers; then there is no `image`.
        number: The place of the task among the tasks, from 0.
        label: What tells it from its neighbours, such as `before`, `after`, or the name of a layer; else empty.
        layer: What the layer is called, or `composed`; empty where there are no layers.
        is_captioned: Whether the prompt stands beside the image; not where a table says it already.
        is_waiting: Whether the tile waits for an image that will take its place.
        is_before: Whether it is an image that the tasks began with.
        expected_shape: Width and height of an image that is still to come, as a ratio, where it is known.
    """

    state: State | None
    task_id: str
    prompt: str
    facts: tuple[str, ...] = ()
    position: str = ""
    problem: str = ""
    trace_id: str = ""
    image: TaskImage | None = None
    layers: tuple[TaskImage, ...] = ()
    number: int = 0
    label: str = ""
    layer: str = ""
    is_captioned: bool = True
    is_waiting: bool = False
    is_before: bool = False
    expected_shape: tuple[int, int] | None = None

    @property
    def images(self) -> tuple[TaskImage, ...]:
        """The images whose bytes make the image."""
        return self.layers or (() if self.image is None else (self.image,))


def lay_out(
    tasks: Sequence[Task], *, is_live: bool = False, is_composed: bool = True, keeps_places: bool = False
) -> list[Tile]:
    """Makes the tiles of some tasks, in order: one for each image, or one for a task without any.

    Args:
        tasks: The tasks.
        is_live: Whether the gallery is still filling: what is unfinished says so, and no more.
        is_composed: Whether layers begin with a tile of the image that they make together.
        keeps_places: Whether a set that is being made has a tile for each image that was asked for.

    Returns:
        The tiles.
    """
    tiles: list[Tile] = []
    for number, task in enumerate(tasks):
        composed = _composed_tiles(task) if is_composed else []
        made = _kept_places(task, is_live=is_live) if keeps_places else []
        made = made or _tiles_of(task, is_live=is_live)
        tiles += [dataclasses.replace(tile, number=number) for tile in (*composed, *made)]
    return tiles


def lay_out_before(images: Sequence[TaskImage]) -> list[Tile]:
    """Makes the tiles of images that the tasks began with.

    Args:
        images: The images.

    Returns:
        A tile for each.
    """
    return [_before_tile(image) for image in images]


def fetching(tile: Tile) -> Tile:
    """The same tile while its image is on its way here."""
    base = tile.images[0]
    # A layer does not tell the shape of the place where it lies.
    shape = parse_size(base.size or "") if tile.layers or not base.z_index else None
    return dataclasses.replace(tile, state=FETCHING, image=None, layers=(), is_waiting=True, expected_shape=shape)


def summarize(tasks: Sequence[Task]) -> str:
    """Counts tasks, images and states in one line.

    Args:
        tasks: The tasks.

    Returns:
        Such as `3 tasks · 5 images · 1 failed · 1 pending`; states that do not occur are left out.
    """
    counts = Counter(_state_of(task, is_live=False) for task in tasks)
    states = [f"{counts[state]:,} {state.word}" for state in _URGENCY if counts[state]]
    images = sum(len(task.good_images) for task in tasks)
    return " · ".join([count_of(len(tasks), "task"), count_of(images, "image"), *states])


def _state_of(task: Task, *, is_live: bool) -> State:
    if task.status is TaskStatus.PENDING and not task.id:
        return WAITING if is_live else NOT_SENT
    return STATES[task.status]


def _tiles_of(task: Task, *, is_live: bool) -> list[Tile]:
    tiles = [_image_tile(task, image) for image in task.images]
    # A task has a tile of its own for what its images do not tell: that more may come, or what went wrong.
    has_more_to_say = not task.status.is_final or (
        task.error is not None and task.error not in {image.error for image in task.images}
    )
    return [*tiles, _task_tile(task, is_live=is_live)] if has_more_to_say or not tiles else tiles


def _kept_places(task: Task, *, is_live: bool) -> list[Tile]:
    """A tile for each image of a set that is being made, in the place where it is or will be; else none."""
    wanted = _size_of_set(task)
    if not wanted or task.status not in _IN_PROGRESS or task.error is not None:
        return []
    made = [(image.index, _image_tile(task, image)) for image in task.images]
    taken = {place for place, _ in made}
    free = [place for place in range(wanted) if place not in taken][: max(0, wanted - len(made))]
    own = _task_tile(task, is_live=is_live)
    kept = [(place, dataclasses.replace(own, position=f"{place + 1} of {wanted}")) for place in free]
    return [tile for _, tile in sorted((*made, *kept), key=lambda placed: placed[0])]


def _size_of_set(task: Task) -> int:
    """How many images were asked for at most; 0 for one, or where the request does not say."""
    options = task.request.get("sequential_image_generation_options")
    most = options.get("max_images") if isinstance(options, Mapping) else None
    is_set = task.request.get("sequential_image_generation") == "auto"
    return most if is_set and isinstance(most, int) and 1 < most <= MAX_IMAGES else 0


def _before_tile(image: TaskImage) -> Tile:
    problem = "" if image.is_good else describe_error(image.error) if image.error else "There is no image."
    return Tile(
        state=None if image.is_good else LOST_IMAGE,
        task_id="",
        prompt="",
        facts=facts_of(None, image.size, None, None),
        problem=problem,
        image=image if image.is_good else None,
        label=BEFORE,
        is_before=True,
    )


def _composed_tiles(task: Task) -> list[Tile]:
    if not task.layers or not task.status.is_final:
        return []
    tile = Tile(
        state=STATES[task.status],
        task_id=show_line(task.id),
        prompt=show_prompt(task.prompt),
        facts=facts_of(task.model, task.layers[0].size, None, None),
        position=COMPOSED,
        layers=task.layers,
        layer=COMPOSED,
    )
    return [tile]


def _image_tile(task: Task, image: TaskImage) -> Tile:
    return Tile(
        state=_state_of_image(task, image),
        task_id=show_line(task.id),
        prompt=show_prompt(image.prompt or task.prompt),
        facts=facts_of(image.model or task.model, image.size, image.output_format, image.seed),
        position=show_line(_position(task, image)),
        problem="" if image.is_good else describe_error(image.error or ErrorDetail()),
        trace_id="" if image.is_good else show_line(task.trace_id or ""),
        image=image if image.is_good else None,
        layer=_name_of_layer(image),
    )


def _state_of_image(task: Task, image: TaskImage) -> State:
    if not image.is_good:
        return FAILED_IMAGE
    return STATES[TaskStatus.SUCCEEDED if task.status in _IN_PROGRESS else task.status]


def _name_of_layer(image: TaskImage) -> str:
    if image.z_index is None:
        return ""
    return BASE if image.z_index == 0 else show_line(image.name or "") or f"layer {image.z_index}"


def _task_tile(task: Task, *, is_live: bool) -> Tile:
    state = _state_of(task, is_live=is_live)
    is_waiting = task.status in _IN_PROGRESS
    problem = _EXPLANATIONS.get(state, "")
    if is_waiting and state is not NOT_SENT:
        # No word about how long to wait: the drawing is kept in the notebook.
        way_on = "; wait for it by its id." if task.id else "."
        problem = "" if is_live else f"Sent, but not finished{way_on}"
    if task.status is TaskStatus.SUCCEEDED and not task.images:
        state, problem = NO_IMAGE, "The task succeeded, but its answer has no image."
    if task.error is not None:
        problem = describe_error(task.error)
    elif task.status is TaskStatus.FAILED:
        problem = "The service gave no reason."
    has_failed = task.error is not None or task.status is TaskStatus.FAILED
    return Tile(
        state=state,
        task_id=show_line(task.id),
        prompt=show_prompt(task.prompt),
        facts=facts_of(task.model, task.size, None, None),
        problem=problem,
        trace_id=show_line(task.trace_id or "") if has_failed else "",
        is_waiting=is_live and is_waiting,
        expected_shape=parse_size(task.size or "") if is_waiting else None,
    )


def describe_error(error: ErrorDetail) -> str:
    """Why something failed, on one line: what is known in plain words, the service's own words, and its code."""
    known = "Refused by the content check." if error.is_moderation else ""
    words = [known, error.message, f"({error.code})" if error.code else ""]
    return show_line(" ".join(filter(None, words)) or "The service gave no reason.")


def _position(task: Task, image: TaskImage) -> str:
    if image.z_index is not None:
        return describe_layer(image)
    count = _size_of_set(task) if task.status in _IN_PROGRESS else len(task.images)
    return f"{image.index + 1} of {count}" if count > 1 else ""


def facts_of(model: str | None, size: str | None, output_format: str | None, seed: int | None) -> tuple[str, ...]:
    """What is known about an image, each fact fit to be shown."""
    shown_size = re.sub(r"^(\d+)x(\d+)$", r"\1×\2", size) if size else None  # noqa: RUF001  the sign typographers use
    shown_seed = f"seed {seed}" if seed is not None else None
    facts = [show_line(fact) for fact in (model, shown_size, output_format, shown_seed) if fact]
    return tuple(fact for fact in facts if fact)
