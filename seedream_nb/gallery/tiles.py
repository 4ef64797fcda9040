"""Decides what a gallery, an exported page, and the panel show of a task: tasks become tiles.

Pure functions without any HTML; nothing is fetched.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seedream_nb.core.foreign import clean_prompt, show_line, show_prompt
from seedream_nb.core.models import ErrorDetail, TaskStatus
from seedream_nb.core.text import count_of
from seedream_nb.images.layers import describe_layer
from seedream_nb.library import Marks
from seedream_nb.protocol.capabilities import MAX_IMAGES, MODELS
from seedream_nb.protocol.cards import IN_PROGRESS, NO_IMAGE, NOT_SENT, STATES, State, slots_of, state_of
from seedream_nb.protocol.sizes import display_size, parse_size

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from seedream_nb.core.models import Task, TaskImage
    from seedream_nb.gallery.contents import Contents, Table
    from seedream_nb.protocol.cards import Slot

BEFORE, AFTER, COMPOSED, BASE = "before", "after", "composed", "base"


_URGENCY = (
    STATES[TaskStatus.FAILED],
    STATES[TaskStatus.PARTIALLY_FAILED],
    STATES[TaskStatus.NOT_FOUND],
    STATES[TaskStatus.RUNNING],
    STATES[TaskStatus.PENDING],
    NOT_SENT,
)  # success needs no mention
LOST_IMAGE = State("!", "not available")
NOT_COMPOSED = State("!", "not composed")
FETCHING = State("◔", "fetching")
NOT_FETCHED = State("○", "not fetched")  # and will not be, as the user interrupted it

REJECTED = "⊘ rejected"

_EXPLANATIONS = {
    STATES[TaskStatus.NOT_FOUND]: "The service does not know this id. Check the id; old tasks may have been deleted.",
    NOT_SENT: "This request was not sent and cost nothing. Run it again to send it.",
}


@dataclass(frozen=True)
class Tile:
    """One place in a gallery: an image of a task, or a stand-in for a task without one.

    All texts are ready to be shown, see `seedream_nb.core.foreign`.
    """

    state: State | None
    task_id: str  # in full
    prompt: str  # the caption
    facts: tuple[str, ...] = ()  # model id, size, format, and seed, as far as they are known
    position: str = ""  # such as `2 of 4`, for an image of a set; else empty
    problem: str = ""  # why there is no image; else empty
    trace_id: str = ""  # the service's id of the call, when there is a problem to report
    image: TaskImage | None = None
    layers: tuple[TaskImage, ...] = ()  # to compose; then `image` is None
    place: int = 0  # the index of its image in the task, or that of the bottom layer, or one that no image has
    number: int = 0  # the place of the task among the tasks, from 0
    label: str = ""  # such as `before`, `after`, or the name of a layer; else empty
    layer: str = ""  # its name, or `composed`; empty where there are no layers
    is_captioned: bool = True  # whether the prompt is shown; not where a table shows it already
    is_waiting: bool = False  # whether an image will take its place
    is_before: bool = False  # whether it is an image that the tasks started from
    expected_shape: tuple[int, int] | None = None  # of an image that is still to come, where it is known
    marks: Marks = field(default_factory=Marks)  # of the image; of the bottom one of several layers

    @property
    def images(self) -> tuple[TaskImage, ...]:
        """The images that must be loaded to show the tile."""
        return self.layers or (() if self.image is None else (self.image,))


def lay_out(
    tasks: Sequence[Task], *, is_live: bool = False, is_composed: bool = True, reserves_places: bool = False
) -> list[Tile]:
    """Creates the tiles of some tasks, in order: one for each image, or one for a task without any.

    Args:
        tasks: The tasks.
        is_live: Whether the gallery is still filling: a task in progress shows its state and no hint.
        is_composed: Whether layers are preceded by a tile of the composed image.
        reserves_places: Whether a set in progress has a tile for each requested image.
    """
    tiles: list[Tile] = []
    for number, task in enumerate(tasks):
        slots = [slot for slot in slots_of(task, is_live=is_live) if is_composed or not slot.is_composed]
        own = _reserved_places(task, slots, is_live=is_live) if reserves_places else []
        own = own or [_tile_of(task, slot, is_live=is_live) for slot in slots]
        tiles += [dataclasses.replace(tile, number=number) for tile in own]
    return tiles


def mark_tiles(tiles: Iterable[Tile], contents: Contents) -> list[Tile]:
    """Adds the marks to the tiles of all tasks."""
    marked = []
    for tile in tiles:
        key = (contents.tasks[tile.number].id.strip().lower(), tile.place)
        marks = contents.marks.get(key)
        marked.append(tile if marks is None else dataclasses.replace(tile, marks=marks))
    return marked


def describe_marks(marks: Marks) -> tuple[str, ...]:
    """Stars, tags and rejection, ready to be shown; notes are for those who wrote them.

    Example:
        >>> describe_marks(Marks(("calendar",), 4, rejected=True))
        ('★★★★', '#calendar', '⊘ rejected')
    """
    tags = (f"#{line}" for tag in marks.tags if (line := show_line(tag)))
    return (*filter(None, ["★" * (marks.rating or 0)]), *tags, *([REJECTED] if marks.rejected else []))


def without_image(tile: Tile, state: State) -> Tile:
    """The tile while its image is being fetched, or when it was not."""
    base = tile.images[0]
    # The size of a layer is not the shape of its place.
    shape = parse_size(base.size or "") if tile.layers or not base.z_index else None
    is_waiting = state is FETCHING
    return dataclasses.replace(tile, state=state, image=None, layers=(), is_waiting=is_waiting, expected_shape=shape)


def lost_state(tile: Tile) -> State:
    """The state of a tile whose image could not be loaded."""
    return NOT_COMPOSED if tile.layers else LOST_IMAGE


def summarize(tasks: Sequence[Task]) -> str:
    """Counts tasks, images, and states that occur, such as `3 tasks · 5 images · 1 failed · 1 pending`."""
    counts = Counter(state_of(task, is_live=False) for task in tasks)
    states = [f"{counts[state]:,} {state.word}" for state in _URGENCY if counts[state]]
    images = sum(len(task.good_images) for task in tasks)
    return " · ".join([count_of(len(tasks), "task"), count_of(images, "image"), *states])


def whole_prompt(task: Task, tile: Tile) -> str:
    """The full prompt that the tile's caption was cut from, ready to be shown."""
    prompts = (*(image.prompt for image in task.images), task.prompt)
    matches = (clean_prompt(prompt) for prompt in prompts if prompt and show_prompt(prompt) == tile.prompt)
    return next(matches, tile.prompt)


def tile_details(task: Task, tile: Tile, format_time: Callable[[datetime], str]) -> list[tuple[str, str]]:
    """The details of an image that anybody may see, as labels with texts: neither the account nor the call."""
    first = tile.images[0] if tile.images else None
    image = tile.image
    seed = image.seed if image else None
    details = {
        "Task ID": task.id,
        "Model": (first.model if first else None) or task.model,
        "Size": " ".join(facts_of(None, (first.size if first else None) or task.size, None, None)),
        "Format": image.output_format if image else None,
        "Seed": None if seed is None else str(seed),
        "Layer": "" if tile.position else tile.layer,
        "Position": tile.position,
        "Description": image.description if image else None,
        "Created": format_time(task.created_at) if task.created_at else None,
        "Finished": format_time(task.finished_at) if task.finished_at else None,
        "Rating": "★" * (tile.marks.rating or 0),
        "Tags": ", ".join(tile.marks.tags),
        "Mark": REJECTED if tile.marks.rejected else None,
        "Duration": None if task.elapsed is None else f"{task.elapsed:,.1f} s",
    }
    return [(label, line) for label, text in details.items() if text and (line := show_line(text))]


def describe_error(error: ErrorDetail) -> str:
    """Why something failed, on one line: an explanation if there is one, the service's own message, and its code."""
    known = "Rejected by the content check." if error.is_moderation else ""
    words = [known, error.message, f"({error.code})" if error.code else ""]
    return show_line(" ".join(filter(None, words)) or "The service gave no reason.")


def facts_of(model: str | None, size: str | None, output_format: str | None, seed: int | None) -> tuple[str, ...]:
    """The facts of an image, each ready to be shown; the model by its full id."""
    shown_size = display_size(size) if size else None
    shown_seed = f"seed {seed}" if seed is not None else None
    facts = [show_line(fact) for fact in (model, shown_size, output_format, shown_seed) if fact]
    return tuple(fact for fact in facts if fact)


def _tile_of(task: Task, slot: Slot, *, is_live: bool) -> Tile:
    if slot.is_composed:
        return _composed_tile(task, slot)
    return _image_tile(task, slot) if slot.images else _task_tile(task, slot, is_live=is_live)


def _reserved_places(task: Task, slots: Sequence[Slot], *, is_live: bool) -> list[Tile]:
    """A tile for each image of a set in progress, in the place where it is or will be; else none."""
    wanted = _size_of_set(task)
    if not wanted or task.status not in IN_PROGRESS or task.error is not None:
        return []
    finished = [(slot.place, _image_tile(task, slot)) for slot in slots if slot.images]
    taken = {place for place, _ in finished}
    free = [place for place in range(wanted) if place not in taken][: max(0, wanted - len(finished))]
    own = _task_tile(task, slots[-1], is_live=is_live)
    reserved = [(place, dataclasses.replace(own, place=place, position=f"{place + 1} of {wanted}")) for place in free]
    return [tile for _, tile in sorted((*finished, *reserved), key=lambda placed: placed[0])]


def _size_of_set(task: Task) -> int:
    """The most images that were requested; 0 for one, or where the request does not tell."""
    options = task.request.get("sequential_image_generation_options")
    most = options.get("max_images") if isinstance(options, Mapping) else None
    is_set = task.request.get("sequential_image_generation") == "auto"
    return most if is_set and isinstance(most, int) and 1 < most <= MAX_IMAGES else 0


def before_tile(image: TaskImage) -> Tile:
    """Creates the tile of an image that the tasks started from."""
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


def _composed_tile(task: Task, slot: Slot) -> Tile:
    return Tile(
        state=slot.state,
        task_id=show_line(task.id),
        prompt=show_prompt(task.prompt),
        facts=facts_of(task.model, slot.images[0].size, None, None),
        position=COMPOSED,
        layers=slot.images,
        place=slot.place,
        layer=COMPOSED,
    )


def _image_tile(task: Task, slot: Slot) -> Tile:
    (image,) = slot.images
    return Tile(
        state=slot.state,
        task_id=show_line(task.id),
        prompt=show_prompt(image.prompt or task.prompt),
        facts=facts_of(image.model or task.model, image.size, image.output_format, image.seed),
        position=show_line(_position(task, image)),
        problem="" if image.is_good else describe_error(image.error or ErrorDetail()),
        trace_id="" if image.is_good else show_line(task.trace_id or ""),
        image=image if image.is_good else None,
        place=slot.place,
        layer=_name_of_layer(image),
    )


def _name_of_layer(image: TaskImage) -> str:
    if image.z_index is None:
        return ""
    return BASE if image.z_index == 0 else show_line(image.name or "") or f"layer {image.z_index}"


def _task_tile(task: Task, slot: Slot, *, is_live: bool) -> Tile:
    state = slot.state
    is_waiting = task.status in IN_PROGRESS
    problem = _EXPLANATIONS.get(state, "")
    if is_waiting and state is not NOT_SENT:
        # Without an estimate of the time: the output stays in the notebook.
        hint = " Run `%seedream wait ID`." if task.id else ""
        problem = "" if is_live else f"In progress.{hint}"
    if state is NO_IMAGE:
        problem = "The task succeeded, but its answer has no image."
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
        place=slot.place,
        trace_id=show_line(task.trace_id or "") if has_failed else "",
        is_waiting=is_live and is_waiting,
        expected_shape=parse_size(task.size or "") if is_waiting else None,
    )


def _position(task: Task, image: TaskImage) -> str:
    if image.z_index is not None:
        return describe_layer(image)
    count = _size_of_set(task) if task.status in IN_PROGRESS else len(task.images)
    if any(one.index >= count for one in task.images) and task.status.is_final:
        # Only some images of a set are here.
        return f"image {image.index + 1}"
    return f"{image.index + 1} of {count}" if count > 1 else ""


def label_tiles(tiles: Sequence[Tile], contents: Contents) -> list[Tile]:
    """Labels tiles: layers with their names, and the results of an edit with `after`.

    Of the layers of one task, only the first tile names the model.
    """
    after = AFTER if contents.before and contents.table is None else ""
    labeled = []
    previous = None
    for tile in tiles:
        label = tile.layer or after
        changed = dataclasses.replace(tile, label=label) if label else tile
        if tile.layer:
            is_first = previous is None or previous.number != tile.number
            model = () if is_first else facts_of(contents.tasks[tile.number].model, None, None, None)
            facts = tuple(fact for fact in tile.facts if fact not in model)
            changed = dataclasses.replace(changed, position="", facts=facts)
        labeled.append(changed)
        previous = tile
    return labeled


def common_prompt(contents: Contents, table: Table) -> str:
    """The prompt of all tasks, unless the table's labels contain it; empty where there is none."""
    prompts = {show_prompt(task.prompt) for task in contents.tasks}
    if len(contents.tasks) == 1 or len(prompts) != 1:
        return ""
    prompt = prompts.pop()
    return "" if any(_names(label, prompt) for label in (*table.rows, *table.columns)) else prompt


def common_facts(contents: Contents) -> tuple[str, ...]:
    """The model, where all tasks share it: the longest fact, and one that is known from the start."""
    models = {task.model for task in contents.tasks}
    return facts_of(models.pop(), None, None, None) if len(contents.tasks) > 1 and len(models) == 1 else ()


def without_redundant(tile: Tile, table: Table, heading: str, heading_facts: tuple[str, ...]) -> Tile:
    """Leaves out of a tile what its row, its column, or the heading shows; the prompt stays for the `alt` text."""
    labels = table.labels(tile.number)
    is_shown = tile.prompt == heading or any(_names(label, tile.prompt) for label in labels)
    facts = tuple(
        fact for fact in tile.facts if fact not in heading_facts and not any(_names(label, fact) for label in labels)
    )
    return dataclasses.replace(tile, is_captioned=not is_shown, facts=facts)


def _names(label: str, fact: str) -> bool:
    """Whether a label has a fact on lines of its own; a model also by its other names."""
    names = {fact, MODELS[fact].short_name, MODELS[fact].label} if fact in MODELS else {fact}
    return bool(fact) and any(f"\n{name}\n" in f"\n{label}\n" for name in names)
