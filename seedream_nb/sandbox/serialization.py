"""Serializes the sandbox's tasks as records, responses, stream events and error bodies.

The wire contract's formats live here and nowhere else in the sandbox.
"""

import base64
import dataclasses
from collections.abc import Mapping
from typing import Final

from seedream_nb.sandbox.images import ImageStore, RenderedImage
from seedream_nb.sandbox.tasks import API_ID, CREDENTIAL_ID, ErrorDetail, Item, SandboxTask, stable_id

Json = dict[str, object]

_ERRORS: Final[Mapping[str, tuple[int, str]]] = {
    "bad_request": (400, "The request parameters are invalid."),
    "no_token": (400, "No token was sent. Send the header 'authorization: Bearer <token>'."),
    "disabled": (400, "This account is disabled."),
    "api_not_implemented": (400, "This action is not implemented."),
    "invalid_token": (401, "The token is invalid."),
    "token_expired": (401, "The token has expired."),
    "token_mismatched": (401, "The token belongs to another API."),
    "used_up": (403, "The balance is used up."),
    "no_api": (404, "There is no API at this address."),
    "not_found": (404, "No such task."),
    "request_too_large": (413, "The request is too large."),
    "too_many_requests": (429, "Too many requests. Try again later."),
    "api_error": (500, "The server failed to handle the request."),
}
"""HTTP status (the clearer one of two) of each documented error code (wire contract, Common), and a message."""


def describe_error(code: str) -> tuple[int, str]:
    """Return the HTTP status and the message of an error code."""
    return _ERRORS.get(code, (400, code))


def error_body(code: str, message: str, trace_id: str) -> Json:
    """Return the body of an error response (wire contract, Common)."""
    return {"success": False, "error": {"code": code, "message": message}, "trace_id": trace_id}


@dataclasses.dataclass(frozen=True)
class TaskSerializer:
    """Serializes tasks as the service would, with images from a store and links that start with a base URL."""

    images: ImageStore
    image_base_url: str

    def record(self, task: SandboxTask, now: float) -> Json:
        """Return the whole record of a task at `now` (Unix seconds)."""
        record: Json = {
            "_id": stable_id("record", task.id).replace("-", "")[:24],
            "id": task.id,
            "api_id": API_ID,
            "application_id": task.application_id,
            "credential_id": CREDENTIAL_ID,
            "user_id": task.user_id,
            "trace_id": task.trace_id,
            "type": task.type,
            "created_at": task.created_at,
            "request": dict(task.request),
        }
        if task.is_finished(now):
            started_at = round(task.created_at + min(0.3, task.finished_at - task.created_at), 3)
            return record | {
                "started_at": started_at,
                "finished_at": task.finished_at,
                "elapsed": round(task.finished_at - started_at, 3),
                "response": self.response(task, now),
            }
        if task.pending_form == "null":
            return record | {"started_at": None, "finished_at": None, "elapsed": None, "response": None}
        if task.pending_form == "started":
            return record | {"response": {"success": True, "task_id": task.id}}
        return record

    def response(self, task: SandboxTask, now: float) -> Json:
        """Return the bare response, which is also the response to a synchronous call."""
        if not task.is_finished(now):
            return {"success": True, "task_id": task.id}
        if task.error is not None:
            return error_body(task.error.code, task.error.message, task.trace_id) | {"task_id": task.id}
        body: Json = {
            "success": True,
            "task_id": task.id,
            "trace_id": task.trace_id,
            "data": [entry for item in task.items for entry in self._entries(task, item)],
        }
        return body | {"usage": usage(task)} if task.shows_usage else body

    def status_form(self, task: SandboxTask, now: float) -> Json:
        """Return the older form, in which `data` is one object with a status word."""
        name = next((item.file_name for item in task.items if item.file_name), None)
        data: Json = {"status": "processing"}
        if task.is_finished(now):
            data = {"status": "succeeded", "image_url": self.image_base_url + name} if name else {"status": "failed"}
        return {"success": True, "task_id": task.id, "data": data | {"model": task.model}}

    def retrieved(self, task: SandboxTask, now: float) -> Json:
        """Return the response to `retrieve` in the task's form."""
        return {"record": self.record, "response": self.response, "status": self.status_form}[task.form](task, now)

    def stream_event(self, task: SandboxTask, index: int) -> Json:
        """Return the event for one image of a stream."""
        item = task.items[index]
        event: Json = {"model": task.model, "created": int(task.created_at), "image_index": index}
        if item.error is not None or item.file_name is None:
            return {"type": "image_generation.partial_failed", **event, "error": _detail(item.error)}
        link = self._link(task, item.file_name)
        return {"type": "image_generation.partial_succeeded", **event, "size": item.size, **link}

    def last_event(self, task: SandboxTask) -> Json:
        """Return the event that ends a stream."""
        event: Json = {"type": "image_generation.completed", "model": task.model, "created": int(task.created_at)}
        return event | {"usage": usage(task)}

    def _entries(self, task: SandboxTask, item: Item) -> list[Json]:
        if item.error is not None or item.file_name is None:
            return [{"prompt": item.prompt, "size": item.size, "image_url": None, "error": _detail(item.error)}]
        if item.is_layered:
            layers = self.images.layers(item.file_name)
            return [_layer_entry(layer, item) | self._link(task, name) for name, layer in layers.items()]
        entry: Json = {"prompt": item.prompt, "size": item.size, **self._link(task, item.file_name)}
        return [entry | {"output_format": item.output_format} if item.output_format else entry]

    def _link(self, task: SandboxTask, name: str) -> Json:
        if not task.in_base64:
            return {"image_url": self.image_base_url + name}
        image = self.images.image(name)
        return {"b64_json": base64.b64encode(image.content).decode() if image else None}


def usage(task: SandboxTask) -> Json:
    """Return the `usage` of a task: generated images, and one token for every 256 pixels."""
    generated = [item for item in task.items if item.error is None]
    tokens = sum(_pixels(item.size) // 256 for item in generated)
    return {"generated_images": len(generated), "output_tokens": tokens, "total_tokens": tokens}


def _pixels(size: str) -> int:
    width, _, height = size.partition("x")
    return int(width) * int(height)


def _layer_entry(layer: RenderedImage, item: Item) -> Json:
    width, height = map(int, item.size.split("x"))
    left, top, right, bottom = layer.box
    return {
        "prompt": item.prompt,
        "size": f"{right - left}x{bottom - top}",
        "output_format": layer.output_format,
        "z_index": layer.z_index,
        "name": layer.name,
        "description": layer.description,
        "bounding_box": {
            "absolute": list(layer.box),
            "normalized": [
                round(edge * 1000 / side) for edge, side in zip(layer.box, (width, height) * 2, strict=True)
            ],
        },
    }


def _detail(error: ErrorDetail | None) -> Json | None:
    return {"code": error.code, "message": error.message} if error else None
