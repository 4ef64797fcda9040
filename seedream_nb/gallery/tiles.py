"""Why: what a gallery says about its tasks is decided once, so that its HTML and its text cannot disagree.

Pure functions: tasks become tiles, and tiles are counted in one line. Nothing here knows HTML, or fetches anything.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.models import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb.models import ErrorDetail, Task, TaskImage

LONGEST_PROMPT = 2000  # characters of one prompt that are shown


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
FAILED_IMAGE = State("✕", "image failed")
LOST_IMAGE = State("!", "not available")
NO_PICTURE = State("∅", "no picture")

_EXPLANATIONS = {
    TaskStatus.PENDING: "Not started yet. Get it again in a moment.",
    TaskStatus.RUNNING: "Still being made. Get it again in a moment.",
    TaskStatus.NOT_FOUND: "The service does not know this id. Check it; old tasks may have been cleared.",
}


@dataclass(frozen=True)
class Tile:
    """One place in the contact sheet: a picture of a task, or what stands for a task without one.

    Attributes:
        state: The icon and the word.
        task_id: The whole task id.
        prompt: The caption.
        facts: Model, size, format and seed, as far as they are known.
        position: Such as `2 of 4`, for a picture of a set; else empty.
        problem: Why there is no picture; else empty.
        trace_id: The service's id of the call, when there is a problem to report.
        image: The picture, when there is one to show.
    """

    state: State
    task_id: str
    prompt: str
    facts: tuple[str, ...] = ()
    position: str = ""
    problem: str = ""
    trace_id: str = ""
    image: TaskImage | None = None


def lay_out(tasks: Sequence[Task]) -> list[Tile]:
    """Makes the tiles of some tasks, in order: one for each image, or one for a task without any.

    Args:
        tasks: The tasks.

    Returns:
        The tiles.
    """
    return [tile for task in tasks for tile in _tiles_of(task)]


def summarize(tasks: Sequence[Task]) -> str:
    """Counts tasks, pictures and states in one line.

    Args:
        tasks: The tasks.

    Returns:
        Such as `3 tasks · 5 images · 1 failed · 1 pending`; states that do not occur are left out.
    """
    counts = Counter(task.status for task in tasks)
    quiet = {TaskStatus.SUCCEEDED}
    states = [f"{counts[status]} {status.value}" for status in TaskStatus if counts[status] and status not in quiet]
    images = sum(len(task.good_images) for task in tasks)
    return " · ".join([count_of(len(tasks), "task"), count_of(images, "image"), *sorted(states, key=_by_urgency)])


def count_of(number: int, noun: str) -> str:
    """A number with its noun: `1 image`, `2 images`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _by_urgency(state: str) -> int:
    order = ("failed", "partially failed", "not found", "running", "pending")
    return order.index(state.split(" ", 1)[1])


def _tiles_of(task: Task) -> list[Tile]:
    if task.images and task.status.is_final:
        return [_image_tile(task, image) for image in task.images]
    if task.images:
        # Pictures that are there before the task is finished are shown; the task's own tile says that more may come.
        return [*(_image_tile(task, image) for image in task.images), _task_tile(task)]
    return [_task_tile(task)]


def _image_tile(task: Task, image: TaskImage) -> Tile:
    return Tile(
        state=STATES[task.status] if image.is_good else FAILED_IMAGE,
        task_id=task.id,
        prompt=image.prompt or task.prompt,
        facts=_facts(image.model or task.model, image.size, image.output_format, image.seed),
        position=_position(task, image),
        problem=describe_error(image.error) if image.error else "",
        trace_id=(task.trace_id or "") if image.error else "",
        image=image if image.is_good else None,
    )


def _task_tile(task: Task) -> Tile:
    state = STATES[task.status]
    problem = _EXPLANATIONS.get(task.status, "")
    if task.status is TaskStatus.SUCCEEDED:
        state, problem = NO_PICTURE, "The task succeeded, but its answer has no picture."
    if task.error is not None:
        problem = describe_error(task.error)
    elif task.status is TaskStatus.FAILED:
        problem = "The service gave no reason."
    return Tile(
        state=state,
        task_id=task.id,
        prompt=task.prompt,
        facts=_facts(task.model, task.size, None, None),
        problem=problem,
        trace_id=(task.trace_id or "") if task.status is TaskStatus.FAILED else "",
    )


def describe_error(error: ErrorDetail) -> str:
    """The service's words about a failure on one line, with the reason in plain words where it is known."""
    reason = "Refused by the content check. " if error.is_moderation else ""
    return f"{reason}{' '.join(str(error).split())}"


def clip(prompt: str) -> str:
    """A prompt at a length that a notebook can carry; what was cut is counted."""
    if len(prompt) <= LONGEST_PROMPT:
        return prompt
    return f"{prompt[:LONGEST_PROMPT].rstrip()}… ({len(prompt) - LONGEST_PROMPT:,} more characters in task.prompt)"


def _position(task: Task, image: TaskImage) -> str:
    if image.z_index is not None:
        layer = "base image" if image.z_index == 0 else f"layer {image.z_index}"
        return f"{layer}: {image.name}" if image.name else layer
    return f"{image.index + 1} of {len(task.images)}" if len(task.images) > 1 else ""


def _facts(model: str | None, size: str | None, output_format: str | None, seed: int | None) -> tuple[str, ...]:
    shown_size = re.sub(r"^(\d+)x(\d+)$", r"\1×\2", size) if size else None  # noqa: RUF001  the sign typographers use
    shown_seed = f"seed {seed}" if seed is not None else None
    return tuple(fact for fact in (model, shown_size, output_format, shown_seed) if fact)
