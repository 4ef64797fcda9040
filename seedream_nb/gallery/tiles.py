"""Why: what a gallery says about its tasks is decided once, so that its HTML and its text cannot disagree.

Pure functions: tasks become tiles, and tiles are counted in one line. Nothing here knows HTML, or fetches anything.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.gallery.foreign_text import show_line, show_prompt
from seedream_nb.models import ErrorDetail, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb.models import Task, TaskImage


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
_URGENCY = (
    TaskStatus.FAILED,
    TaskStatus.PARTIALLY_FAILED,
    TaskStatus.NOT_FOUND,
    TaskStatus.RUNNING,
    TaskStatus.PENDING,
)  # success needs no mention
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

    Its texts are fit to be shown, see `seedream_nb.gallery.foreign_text`.

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
    states = [f"{counts[status]:,} {status}" for status in _URGENCY if counts[status]]
    images = sum(len(task.good_images) for task in tasks)
    return " · ".join([count_of(len(tasks), "task"), count_of(images, "image"), *states])


def count_of(number: int, noun: str) -> str:
    """A number with its noun: `1 image`, `2 images`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _tiles_of(task: Task) -> list[Tile]:
    tiles = [_image_tile(task, image) for image in task.images]
    # A task has a tile of its own for what its pictures do not tell: that more may come, or what went wrong.
    has_more_to_say = not task.status.is_final or (
        task.error is not None and task.error not in {image.error for image in task.images}
    )
    return [*tiles, _task_tile(task)] if has_more_to_say or not tiles else tiles


def _image_tile(task: Task, image: TaskImage) -> Tile:
    return Tile(
        state=STATES[task.status] if image.is_good else FAILED_IMAGE,
        task_id=show_line(task.id),
        prompt=show_prompt(image.prompt or task.prompt),
        facts=_facts(image.model or task.model, image.size, image.output_format, image.seed),
        position=show_line(_position(task, image)),
        problem="" if image.is_good else describe_error(image.error or ErrorDetail()),
        trace_id="" if image.is_good else show_line(task.trace_id or ""),
        image=image if image.is_good else None,
    )


def _task_tile(task: Task) -> Tile:
    state = STATES[task.status]
    problem = _EXPLANATIONS.get(task.status, "")
    if task.status is TaskStatus.SUCCEEDED and not task.images:
        state, problem = NO_PICTURE, "The task succeeded, but its answer has no picture."
    if task.error is not None:
        problem = describe_error(task.error)
    elif task.status is TaskStatus.FAILED:
        problem = "The service gave no reason."
    has_failed = task.error is not None or task.status is TaskStatus.FAILED
    return Tile(
        state=state,
        task_id=show_line(task.id),
        prompt=show_prompt(task.prompt),
        facts=_facts(task.model, task.size, None, None),
        problem=problem,
        trace_id=show_line(task.trace_id or "") if has_failed else "",
    )


def describe_error(error: ErrorDetail) -> str:
    """Why something failed, on one line: what is known in plain words, the service's own words, and its code."""
    known = "Refused by the content check." if error.is_moderation else ""
    words = [known, error.message, f"({error.code})" if error.code else ""]
    return show_line(" ".join(filter(None, words)) or "The service gave no reason.")


def _position(task: Task, image: TaskImage) -> str:
    if image.z_index is not None:
        layer = "base image" if image.z_index == 0 else f"layer {image.z_index}"
        return f"{layer}: {image.name}" if image.name else layer
    return f"{image.index + 1} of {len(task.images)}" if len(task.images) > 1 else ""


def _facts(model: str | None, size: str | None, output_format: str | None, seed: int | None) -> tuple[str, ...]:
    shown_size = re.sub(r"^(\d+)x(\d+)$", r"\1×\2", size) if size else None  # noqa: RUF001  the sign typographers use
    shown_seed = f"seed {seed}" if seed is not None else None
    facts = [show_line(fact) for fact in (model, shown_size, output_format, shown_seed) if fact]
    return tuple(fact for fact in facts if fact)
