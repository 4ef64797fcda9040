"""Task records with all the fields of the service, so that they are as long as real ones."""

from __future__ import annotations

import uuid
from typing import Any

BEGIN = 1766427547.0  # creation of the first task, in Unix seconds


def make_record(number: int, prompt: str, model: str, size: str, image_url: str) -> dict[str, Any]:
    """A finished task as the service returns it (wire contract, One task).

    Args:
        number: Determines the id and the second of creation.
        prompt: The prompt.
        model: A full model id.
        size: Width and height of the image, such as `2048x2048`.
        image_url: The link to the image.

    Returns:
        Decoded JSON.
    """
    created_at, task_id, trace_id = BEGIN + number, make_id("task", number), make_id("trace", number)
    return {
        "_id": f"{number:024x}",
        "id": task_id,
        "api_id": make_id("api", 0),
        "application_id": make_id("application", 0),
        "credential_id": make_id("credential", 0),
        "user_id": make_id("user", 0),
        "trace_id": trace_id,
        "type": "images",
        "created_at": created_at,
        "started_at": created_at + 0.3,
        "finished_at": created_at + 14.8,
        "elapsed": 14.5,
        "request": {"action": "generate", "model": model, "prompt": prompt},
        "response": {
            "success": True,
            "task_id": task_id,
            "trace_id": trace_id,
            "data": [{"prompt": prompt, "size": size, "image_url": image_url}],
        },
    }


def make_id(kind: str, number: int) -> str:
    """An id that is the same in every process."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"benchmark/{kind}/{number}"))
