"""Reads the service's answers: the only place that knows what they look like.

The service documents three forms of a task's answer and has no field for its state (wire contract, POST
/seedream/tasks). Pure functions from decoded JSON to a `Task`; unknown fields and words stay in `raw` and are never an
error.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.errors import UnreadableAnswerError
from seedream_nb.core.foreign import (
    JsonObject,
    clean_text,
    read_integer,
    read_mapping,
    read_moment,
    read_number,
    read_text,
)
from seedream_nb.core.models import BoundingBox, ErrorDetail, Task, TaskImage, TaskStatus, Usage
from seedream_nb.protocol.capabilities import MODELS, MOST_IMAGES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Status words of the older form and of sibling services (wire contract, States); any other word means in progress.
SUCCEEDED_WORDS = frozenset({"succeeded", "succeed", "success", "completed", "complete", "finished"})
FAILED_WORDS = frozenset({"failed", "failure", "error", "cancelled", "canceled", "rejected"})
PENDING_WORDS = frozenset({"pending", "queued", "submitted", "waiting", "created"})

_TASK_KEYS = frozenset(
    {"_id", "id", "task_id", "request", "response", "data", "error", "success", "created_at", "status"}
)


def read_task(answer: object, task_id: str) -> Task:
    """Reads the answer to a query for one task, in any of the documented forms.

    Args:
        answer: The decoded JSON: a record, a bare response, the older form, `{}` or None.
        task_id: The requested id; used if the answer names none.

    Returns:
        The task; its status is `not found` for `{}` and None.

    Raises:
        UnreadableAnswerError: The answer is not a task in any form.

    Example:
        >>> read_task({"success": True, "data": [{"image_url": "https://x.example/a.jpg"}]}, "an-id").status.value
        'succeeded'
    """
    if answer is None or answer == {}:
        return Task.not_found(task_id)
    if not isinstance(answer, dict) or not _TASK_KEYS & answer.keys():
        raise _unreadable(answer, "a task")
    return _read_record(answer, task_id)


MEBIBYTE = 1024 * 1024
MAX_ANSWER_BYTES = 64 * MEBIBYTE  # without inline images: hundreds of times a page of 50 records
MAX_INLINE_BYTES = 68 * MEBIBYTE  # an image of 50 MB, the limit for downloads too, as base64


@dataclass(frozen=True)
class TaskPage:
    """Some tasks and the total number.

    Attributes:
        tasks: The tasks in the service's order.
        total: The total number of matches, as the service reports it.
    """

    tasks: tuple[Task, ...]
    total: int


def max_answer_bytes(body: Mapping[str, object]) -> int:
    """The largest answer to a request that may be read: with room for inline images where there may be some.

    Args:
        body: The body of a paid request, or of a query. The record of a single task may hold a whole set of images.

    Returns:
        A number of bytes.

    Example:
        >>> max_answer_bytes({"action": "retrieve_batch", "limit": 50}) // 1024**2
        64
    """
    ids = body.get("ids")
    is_of_one_task = "id" in body or (isinstance(ids, list) and len(ids) == 1)
    has_set = body.get("sequential_image_generation") or body.get("layer_decomposition") or is_of_one_task
    is_inline = body.get("response_format") == "b64_json" or is_of_one_task
    images = 0 if not is_inline else MOST_IMAGES if has_set else 1
    return MAX_ANSWER_BYTES + images * MAX_INLINE_BYTES


def read_page(answer: object) -> TaskPage:
    """Reads the answer to a query for many tasks: `{"items": [record, …], "count": N}`.

    Args:
        answer: The decoded JSON.

    Returns:
        The tasks. Items that are empty or not objects are ignored: they say nothing about any task.

    Raises:
        UnreadableAnswerError: The answer has no list of items.
    """
    items = answer.get("items") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(items, list):
        raise _unreadable(answer, "a list of tasks")
    tasks = tuple(_read_record(item, "") for item in items if isinstance(item, dict) and item)
    total = read_integer(answer.get("count"))
    return TaskPage(tasks, len(tasks) if total is None else total)


def read_error(body: object) -> ErrorDetail | None:
    """Reads the `error` of an answer: an object with code and message, a plain string, or nothing.

    Args:
        body: The decoded JSON that may carry an `error`.

    Returns:
        What it says, or None when it says nothing.
    """
    error = read_mapping(body).get("error")
    if error is None:
        return None
    if isinstance(error, dict):
        detail = ErrorDetail(clean_text(read_text(error.get("code"))), clean_text(read_text(error.get("message"))))
    else:
        detail = ErrorDetail(message=clean_text(read_text(error)))
    return detail if detail.code or detail.message else None


def read_trace_id(body: object) -> str | None:
    """Reads the service's id of the call from an answer, or None."""
    return clean_text(read_text(read_mapping(body).get("trace_id"))) or None


def read_usage(*bodies: object) -> Usage | None:
    """Reads the `usage` of an answer or of a stream's last event; None if there is none.

    Args:
        *bodies: Where it may be, the likeliest first. A charge may be in it or beside it; the documents name no field,
            but one was seen (wire contract, Prices).
    """
    holders = [read_mapping(body) for body in bodies]
    reported = next(filter(None, (read_mapping(holder.get("usage")) for holder in holders)), {})
    usage = Usage(
        read_integer(reported.get("generated_images")),
        read_integer(reported.get("output_tokens")),
        read_integer(reported.get("total_tokens")),
        _read_charge([reported, *holders], "cost", "price"),
        _read_charge([reported, *holders], "credits", "credit"),
    )
    return usage or None


def _read_charge(holders: Sequence[JsonObject], *names: str) -> float | None:
    numbers = (read_number(holder.get(name)) for holder in holders for name in names)
    return next((number for number in numbers if number is not None and number >= 0), None)


def _unreadable(answer: object, expected: str) -> UnreadableAnswerError:
    kinds: dict[type, str] = {
        type(None): "JSON null",
        list: "a JSON list",
        str: "a JSON string",
        dict: "a JSON object without any known field",
    }
    found = kinds.get(type(answer), "a plain JSON value")
    return UnreadableAnswerError(
        f"The service answered with {found} instead of {expected}.",
        hint="Check the base URL; if it is correct, the service may have a new answer format.",
    )


def _read_record(record: JsonObject, requested_id: str) -> Task:
    response = read_mapping(record["response"]) if "response" in record else record
    request = read_mapping(record.get("request"))
    task_id = (
        read_text(record.get("id"))
        or read_text(record.get("task_id"))
        or read_text(response.get("task_id"))
        or requested_id
        or read_text(record.get("_id"))
    )
    prompt = read_text(request.get("prompt"))
    items = _read_items(response)
    model = read_text(request.get("model")) or next(
        (read_text(item.get("model")) for item in items if item.get("model")), ""
    )
    model = model or read_text(response.get("model")) or read_text(record.get("model"))
    images = tuple(
        read_image(item, task_id=task_id, index=index, prompt=prompt, model=model, seed=read_seed(request, model))
        for index, item in enumerate(items)
    )
    images = tuple(image for image in images if image.is_good or image.error)
    error = read_error(response) or read_error(record)
    return Task(
        id=task_id,
        status=_read_status(record, response, images, error, has_data=bool(items)),
        images=images,
        prompt=prompt or next((image.prompt for image in images if image.prompt), ""),
        model=model or None,
        size=read_text(request.get("size")) or next((image.size for image in images if image.size), None),
        request=request,
        error=error,
        trace_id=read_trace_id(response) or read_trace_id(record),
        created_at=read_moment(record.get("created_at")),
        finished_at=read_moment(record.get("finished_at")),
        elapsed=read_number(record.get("elapsed")),
        usage=read_usage(response, record),
        raw=record,
    )


def _read_items(response: Mapping[str, object]) -> list[JsonObject]:
    data = response.get("data")
    if isinstance(data, dict):
        return [data]
    items = data if isinstance(data, list) else []
    return [{"url": item} if isinstance(item, str) else item for item in items if isinstance(item, (dict, str))]


def _read_status(
    record: JsonObject,
    response: JsonObject,
    images: tuple[TaskImage, ...],
    error: ErrorDetail | None,
    *,
    has_data: bool,
) -> TaskStatus:
    """The rules of the wire contract (States): the first that matches."""
    word = _status_word(record, response)
    finished = record.get("finished_at") is not None
    says_unfinished = "finished_at" in record and not finished
    if says_unfinished or (word and word not in SUCCEEDED_WORDS | FAILED_WORDS):
        return _open_status(word, record)
    is_rejected = response.get("success") is False
    if images and word not in FAILED_WORDS:
        return status_of_images(images, has_error=is_rejected or error is not None)
    has_structured_error = error is not None and any(
        isinstance(holder.get("error"), dict) for holder in (response, record)
    )
    if word in FAILED_WORDS or has_structured_error or (is_rejected and finished):
        return TaskStatus.FAILED
    return TaskStatus.SUCCEEDED if finished or word or has_data else _open_status(word, record)


def status_of_images(images: tuple[TaskImage, ...], *, has_error: bool) -> TaskStatus:
    """The state of a finished task with images, failed or not."""
    failed = sum(not image.is_good for image in images)
    if failed == len(images):
        return TaskStatus.FAILED
    return TaskStatus.PARTIALLY_FAILED if failed or has_error else TaskStatus.SUCCEEDED


def _open_status(word: str, record: JsonObject) -> TaskStatus:
    started = bool(word) or record.get("started_at") is not None
    return TaskStatus.RUNNING if started and word not in PENDING_WORDS else TaskStatus.PENDING


def _status_word(record: JsonObject, response: JsonObject) -> str:
    """The status word nearest to the result; the older form has it inside `data`."""
    for holder in (read_mapping(response.get("data")), response, record):
        for key in ("status", "state"):
            word = holder.get(key)
            if isinstance(word, str) and word.strip():
                return word.strip().lower()
    return ""


def read_seed(request: JsonObject, model: str) -> int | None:
    """Reads the seed of a request, unless the model ignored it (wire contract, Models: the available ones do)."""
    return None if model in MODELS else read_integer(request.get("seed"))


def read_image(item: JsonObject, *, task_id: str, index: int, prompt: str, model: str, seed: int | None) -> TaskImage:
    """Reads one item of `data`, or one event of a stream; missing facts are taken from the request."""
    data, error = _read_inline(item.get("b64_json"))
    return TaskImage(
        task_id=task_id,
        index=index,
        url=read_text(item.get("image_url")) or read_text(item.get("url")) or None,
        data=data,
        prompt=read_text(item.get("prompt")) or prompt,
        model=read_text(item.get("model")) or model or None,
        size=read_text(item.get("size")) or None,
        output_format=read_text(item.get("output_format")) or None,
        seed=read_integer(item.get("seed")) if "seed" in item else seed,
        z_index=read_integer(item.get("z_index")),
        bounding_box=_read_box(item.get("bounding_box")),
        name=read_text(item.get("name")) or None,
        description=read_text(item.get("description")) or None,
        error=read_error(item) or error,
        raw=item,
    )


def _read_inline(encoded: object) -> tuple[bytes | None, ErrorDetail | None]:
    if not isinstance(encoded, str) or not encoded:
        return None, None
    # Some encoders break lines; some senders prepend the head of a data URI.
    digits = "".join(encoded.rpartition(",")[2].split())
    try:
        return base64.b64decode(digits, validate=True), None
    except (binascii.Error, ValueError):
        return None, ErrorDetail("unreadable_image", "The inline image is not valid base64.")


def _read_box(value: object) -> BoundingBox | None:
    if not isinstance(value, dict):
        return None
    box = BoundingBox(_read_edges(value.get("absolute")), _read_edges(value.get("normalized")))
    return box if box.absolute or box.normalized else None


def _read_edges(value: object) -> tuple[float, float, float, float] | None:
    numbers = [read_number(edge) for edge in value] if isinstance(value, list) else []
    left, top, right, bottom = numbers if len(numbers) == 4 else (None, None, None, None)  # noqa: PLR2004  four edges
    if left is None or top is None or right is None or bottom is None:
        return None
    return left, top, right, bottom
