"""Tasks in the format of the service, by the thousand if need be."""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING, Any

from seedream_nb.protocol.responses import read_task

if TYPE_CHECKING:
    from seedream_nb import Task

MODEL = "doubao-seedream-4-0-250828"
CREATED = 1_766_427_547.0  # Unix seconds


def name_of(number: int) -> str:
    return str(uuid.UUID(int=number + 1))


def record_of(number: int = 0, prompt: str = "a white siamese cat", images: int = 1, **others: Any) -> dict[str, Any]:
    """A record as the service has it; tasks of higher numbers are younger."""
    task_id = name_of(number)
    created = CREATED + number
    return {
        "id": task_id,
        "created_at": created,
        "finished_at": created + 10,
        "elapsed": 10.0,
        "trace_id": f"trace-{number}",
        "request": {"action": "generate", "model": MODEL, "prompt": prompt, "size": "2K"},
        "response": {
            "success": True,
            "task_id": task_id,
            "data": [
                {"prompt": prompt, "size": "2048x2048", "image_url": f"https://images.example/{task_id}-{index}.jpg"}
                for index in range(images)
            ],
        },
        **others,
    }


def task_of(number: int = 0, prompt: str = "a white siamese cat", images: int = 1, **others: Any) -> Task:
    return read_task(record_of(number, prompt, images, **others), "")


def seconds_of(work: Any) -> float:
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun
