"""Why: a stream tells of one task in many lines; they add up to the same `Task` that a single answer gives.

Pure functions. What the events look like is known in part only (wire contract, stream): unknown types and fields are
passed over, and a service that answers with a whole task instead is understood too.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from seedream_nb.core.coerce import JsonObject, read_integer, read_mapping, read_text
from seedream_nb.core.models import Task, TaskImage, TaskStatus
from seedream_nb.protocol.capabilities import MAX_IMAGES
from seedream_nb.protocol.responses import (
    read_error,
    read_image,
    read_task,
    read_trace_id,
    read_usage,
    status_of_images,
)

if TYPE_CHECKING:
    from seedream_nb.core.models import ErrorDetail

COMPLETED = "image_generation.completed"
_OF_ONE_IMAGE = ("image_generation.partial_succeeded", "image_generation.partial_failed")

LAYERS = 17  # a base image and up to 16 layers above it (wire contract, layers)
MOST_IMAGES = max(MAX_IMAGES, LAYERS)


def add_line(task: Task, line: str) -> tuple[Task, tuple[TaskImage, ...]]:
    """Takes in one line of a stream.

    Args:
        task: What is known so far; running, with what the request says of it.
        line: The line, without or with its end.

    Returns:
        What is known now, and the images that the line brought: failed ones have an `error`. The task has a final
        status as soon as the last event has come.

    Example:
        >>> task = Task("an-id", TaskStatus.RUNNING, prompt="a cat")
        >>> line = '{"type": "image_generation.partial_succeeded", "image_index": 0, "url": "https://x.example/a.jpg"}'
        >>> task, (image,) = add_line(task, line)
        >>> image.prompt, image.url
        ('a cat', 'https://x.example/a.jpg')
        >>> add_line(task, '{"type": "image_generation.completed"}')[0].status.value
        'succeeded'
    """
    # The models' maker sends the same events as server-sent ones, with a head before each.
    text = line.strip().removeprefix("data:")
    try:
        event = json.loads(text)
    except (ValueError, RecursionError):
        return task, ()
    return add_event(task, event)


def add_event(task: Task, event: object) -> tuple[Task, tuple[TaskImage, ...]]:
    """Takes in one event; as `add_line`, but decoded."""
    if not isinstance(event, dict) or task.status.is_final:
        return task, ()
    kind = event.get("type")
    if isinstance(event.get("data"), list):
        return _add_whole_answer(task, event)
    task = replace(
        task,
        id=task.id or read_text(event.get("task_id")),
        model=task.model or read_text(event.get("model")) or None,
        trace_id=task.trace_id or read_trace_id(event),
        usage=read_usage(event) or task.usage,
    )
    if kind in _OF_ONE_IMAGE:
        return _add_image(task, event)
    error = read_error(event)
    if error:
        task = replace(task, error=error)
    if kind == COMPLETED or (error and event.get("success") is False):
        task = replace(task, status=_final_status(task.images, task.error))
    return task, ()


def _add_image(task: Task, event: JsonObject) -> tuple[Task, tuple[TaskImage, ...]]:
    by_index = {image.index: image for image in task.images}
    index = read_integer(event.get("image_index"))
    if index is None or not 0 <= index < MOST_IMAGES:
        index = max(by_index, default=-1) + 1
    seed = read_integer(read_mapping(task.request).get("seed"))
    image = read_image(event, task_id=task.id, index=index, prompt=task.prompt, model=task.model or "", seed=seed)
    if not image.is_good and not image.error:
        return task, ()
    by_index[index] = image
    return replace(task, images=tuple(by_index[place] for place in sorted(by_index))), (image,)


def _add_whole_answer(task: Task, answer: JsonObject) -> tuple[Task, tuple[TaskImage, ...]]:
    whole = read_task(answer, task.id)
    status = whole.status if whole.status.is_final else TaskStatus.SUCCEEDED
    completed = complete(replace(whole, status=status), task)
    return completed, completed.images


def complete(answered: Task, asked: Task) -> Task:
    """Fills in what an answer leaves out, as the request said it.

    Args:
        answered: The task as the service tells of it.
        asked: The task as the request describes it.

    Returns:
        The answered task with prompt, model, size and request.
    """
    return replace(
        answered,
        id=answered.id or asked.id,
        prompt=asked.prompt or answered.prompt,
        model=answered.model or asked.model,
        size=asked.size or answered.size,
        request=answered.request or asked.request,
        images=tuple(
            replace(image, prompt=image.prompt or asked.prompt, model=image.model or asked.model)
            for image in answered.images
        ),
    )


def _final_status(images: tuple[TaskImage, ...], error: ErrorDetail | None) -> TaskStatus:
    if images:
        return status_of_images(images, has_error=error is not None)
    return TaskStatus.FAILED if error else TaskStatus.SUCCEEDED
