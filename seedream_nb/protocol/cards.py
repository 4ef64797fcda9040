"""Which cards a task has, and the values that find and sort them. Pure functions.

The explorer's grid, galleries and the library's catalog all follow what is decided here, so that they agree.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from seedream_nb.core.foreign import show_line
from seedream_nb.core.models import TaskStatus
from seedream_nb.protocol.capabilities import MODELS, display_name
from seedream_nb.protocol.sizes import PRESETS, parse_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb.core.models import Task, TaskImage


class Sort(Enum):
    """An order of cards; its value is the label shown. Equal cards stay in the order in which they were added."""

    NEWEST = "Newest first"
    OLDEST = "Oldest first"
    RATING = "Best first"
    PROMPT = "Prompt"
    MODEL = "Model"
    SIZE = "Largest first"
    ADDED = "Order added"


@dataclass(frozen=True)
class State:
    """The state of a card: an icon and a word, so that states differ by more than color."""

    icon: str
    word: str

    def __str__(self) -> str:
        return f"{self.icon} {self.word}"


STATES = {
    TaskStatus.SUCCEEDED: State("✓", "succeeded"),
    TaskStatus.PARTIALLY_FAILED: State("◑", "partially failed"),
    TaskStatus.FAILED: State("✕", "failed"),
    TaskStatus.RUNNING: State("◔", "running"),
    TaskStatus.PENDING: State("○", "pending"),
    TaskStatus.NOT_FOUND: State("?", "not found"),
}
WAITING = State("○", "waiting")  # the request will be sent
NOT_SENT = State("○", "not sent")  # and will not be
FAILED_IMAGE = State("✕", "image failed")
NO_IMAGE = State("∅", "no image")
IN_PROGRESS = (TaskStatus.PENDING, TaskStatus.RUNNING)

_STATES_IN_PROGRESS = {STATES[status] for status in IN_PROGRESS}


@dataclass(frozen=True)
class Slot:
    """What one card is about: an image of a task, all its layers to compose, or the task itself.

    Attributes:
        images: The image, or the layers, bottom first; empty for the task itself.
        state: The state.
        place: The index of the image, or of the bottom layer; for the task itself, the first index without an image.
    """

    images: tuple[TaskImage, ...]
    state: State
    place: int

    @property
    def is_composed(self) -> bool:
        """Whether it is about layers."""
        return len(self.images) > 1

    @property
    def shown(self) -> tuple[TaskImage, ...]:
        """The images that must be loaded to show the card: none for a failed one."""
        return self.images if self.is_composed or all(image.is_good for image in self.images) else ()


def slots_of(task: Task, *, is_live: bool = False) -> list[Slot]:
    """The slots of a task, at least one, in order.

    Args:
        task: The task.
        is_live: Whether a task without an id will be sent.

    Example:
        >>> from seedream_nb import Task
        >>> [slot.state.word for slot in slots_of(Task.not_found("an-id"))]
        ['not found']
    """
    layers = task.layers if task.status.is_final else ()
    slots = [Slot(layers, STATES[task.status], layers[0].index)] if layers else []
    slots += [Slot((image,), _state_of_image(task, image), image.index) for image in task.images]
    # A task has a card of its own for what its images do not show: that more may come, or what went wrong.
    needs_own = not task.status.is_final or (
        task.error is not None and task.error not in {image.error for image in task.images}
    )
    if needs_own or not slots:
        is_empty = task.status is TaskStatus.SUCCEEDED and not task.images
        state = NO_IMAGE if is_empty else state_of(task, is_live=is_live)
        slots.append(Slot((), state, max((image.index + 1 for image in task.images), default=0)))
    return slots


def state_of(task: Task, *, is_live: bool) -> State:
    """The state of a task as a whole."""
    if task.status is TaskStatus.PENDING and not task.id:
        return WAITING if is_live else NOT_SENT
    return STATES[task.status]


def _state_of_image(task: Task, image: TaskImage) -> State:
    if not image.is_good:
        return FAILED_IMAGE
    return STATES[TaskStatus.SUCCEEDED if task.status in IN_PROGRESS else task.status]


@dataclass(frozen=True)
class CardTraits:
    """The values by which a card is found and sorted."""

    prompt: str  # folded, as all that is searched
    others: str  # what is searched besides the prompt
    model: str  # the full id; empty when unknown
    status: str  # the word of the card's state
    size: str  # that of the image such as `2048x2048`, else the requested one; empty when unknown
    pixels: int  # 0 when unknown
    moment: float | None  # of creation, in Unix seconds; infinite for a task in progress without one

    @property
    def text(self) -> str:
        """All that is searched."""
        return f"{self.prompt}\n{self.others}"


def traits_of(task: Task, shown: Sequence[TaskImage], state: State | None) -> CardTraits:
    """The traits of a card: those of the first image that it shows, else those of its task."""
    image = shown[0] if shown else None
    prompt = (image.prompt if image else "") or task.prompt
    model = show_line((image.model if image else "") or task.model or "")
    size = show_line((image.size if image else "") or task.size or "")
    others = (task.prompt if task.prompt != prompt else "", model, display_name(model), task.id)
    is_in_progress = not shown and state in _STATES_IN_PROGRESS
    return CardTraits(
        prompt=fold(prompt).strip(),
        others=fold("\n".join(dict.fromkeys(others))),
        model=model,
        status=state.word if state else "",
        size=size,
        pixels=count_pixels(size),
        moment=task.created_at.timestamp() if task.created_at else math.inf if is_in_progress else None,
    )


def fold(text: str) -> str:
    """Text in a form in which equivalent spellings are equal."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def model_order(model: str) -> tuple[int, str]:
    """A key that sorts models: available ones first, as they are listed."""
    return _rank(list(MODELS), model)


def status_order(status: str) -> tuple[int, str]:
    """A key that sorts the words of states: those of tasks first."""
    return _rank([state.word for state in STATES.values()], status)


def size_order(size: str) -> tuple[float, str]:
    """A key that sorts sizes: smallest first, unknown words last."""
    return count_pixels(size) or math.inf, size


def count_pixels(size: str) -> int:
    """The pixels of a size or a preset; 0 when unknown."""
    width, height = parse_size(size) or PRESETS.get(size) or (0, 0)
    return width * height


def _rank(order: list[str], word: str) -> tuple[int, str]:
    return (order.index(word) if word in order else len(order)), word
