"""Adds up the lines of a stream to the same `Task` that a single answer gives.

Pure functions. The events are documented only in part (wire contract, Stream): unknown types and fields are ignored,
and a service that answers with a whole task instead is understood too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from seedream_nb.core.foreign import JsonObject, read_integer, read_mapping, read_text
from seedream_nb.core.models import Task, TaskImage, TaskStatus
from seedream_nb.protocol.capabilities import MOST_IMAGES
from seedream_nb.protocol.responses import (
    read_error,
    read_image,
    read_seed,
    read_task,
    read_trace_id,
    read_usage,
    status_of_images,
)
from seedream_nb.protocol.status_errors import decode

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedream_nb.core.models import ErrorDetail

COMPLETED = "image_generation.completed"
_OF_ONE_IMAGE = ("image_generation.partial_succeeded", "image_generation.partial_failed")


def read_line(line: str, clean: Callable[[str], str] = str) -> object:
    """Decodes one line of a stream.

    Args:
        line: The line, with or without its line end.
        clean: Applied to every text, as for `decode`.

    Returns:
        The event; None if the line holds none.
    """
    # The maker of the models sends the same events as server-sent events, with a prefix.
    return decode(line.strip().removeprefix("data:"), clean)[0]


def add_event(task: Task, event: object) -> tuple[Task, tuple[TaskImage, ...]]:
    """Adds one decoded event of a stream.

    Args:
        task: What is known so far; running, with the facts of the request.
        event: The event, see `read_line`.

    Returns:
        What is known now, and the images of the event, failed ones with their `error`. The status is final with the
        last event.

    Example:
        >>> task = Task("an-id", TaskStatus.RUNNING, prompt="a cat")
        >>> event = {"type": "image_generation.partial_succeeded", "image_index": 0, "url": "https://x.example/a.jpg"}
        >>> task, (image,) = add_event(task, event)
        >>> image.prompt, image.url
        ('a cat', 'https://x.example/a.jpg')
        >>> add_event(task, {"type": "image_generation.completed"})[0].status.value
        'succeeded'
    """
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
    model = task.model or ""
    seed = read_seed(read_mapping(task.request), model)
    image = read_image(event, task_id=task.id, index=index, prompt=task.prompt, model=model, seed=seed)
    if not image.is_good and not image.error:
        return task, ()
    by_index[index] = image
    return replace(task, images=tuple(by_index[place] for place in sorted(by_index))), (image,)


def _add_whole_answer(task: Task, answer: JsonObject) -> tuple[Task, tuple[TaskImage, ...]]:
    whole = read_task(answer, task.id)
    status = whole.status if whole.status.is_final else TaskStatus.SUCCEEDED
    completed = complete(replace(whole, status=status), task)
    return completed, completed.images


def complete(answered: Task, requested: Task) -> Task:
    """Adds the facts of the request that an answer omits.

    Args:
        answered: The task of the answer.
        requested: The task of the request, see `describe_request`.

    Returns:
        The answered task with prompt, model, size, request and library.
    """
    return replace(
        answered,
        id=answered.id or requested.id,
        prompt=requested.prompt or answered.prompt,
        model=answered.model or requested.model,
        size=requested.size or answered.size,
        request=answered.request or requested.request,
        library=answered.library or requested.library,
        images=tuple(
            replace(image, prompt=image.prompt or requested.prompt, model=image.model or requested.model)
            for image in answered.images
        ),
    )


def _final_status(images: tuple[TaskImage, ...], error: ErrorDetail | None) -> TaskStatus:
    if images:
        return status_of_images(images, has_error=error is not None)
    return TaskStatus.FAILED if error else TaskStatus.SUCCEEDED
