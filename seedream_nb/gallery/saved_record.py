"""The JSON file beside saved images: the record of a task as it may be shared, and what became of each image."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_nb.core.foreign import finite, read_mapping
from seedream_nb.core.redaction import redact
from seedream_nb.gallery.file_names import in_order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedream_nb.core.models import Task, TaskImage


def format_record(
    task: Task,
    results: Mapping[TaskImage, Path | str],
    request: Mapping[str, object],
    earlier: Mapping[str, object] | None = None,
) -> bytes:
    """Formats the record of a task as JSON.

    Args:
        task: The task.
        results: The file of each image that was to be saved, or why there is none.
        request: The request in its portable form; empty if it is not known.
        earlier: The record that this one replaces; its files stay listed.
    """
    files = [result.name for result in results.values() if isinstance(result, Path)]
    # Images that were chosen alone do not know the record of their task.
    known = read_mapping((earlier or {}).get("record"))
    record = task.raw or ({"request": task.request} if task.request else known)
    ordered = request or read_mapping((earlier or {}).get("request"))
    document = {
        "task_id": task.id,
        "status": task.status.value,
        **({"error": str(task.error)} if task.error else {}),
        "files": list(dict.fromkeys([*files, *_read_list(earlier, "files")])),
        "images": [
            _describe_image(image, layer, results.get(image), earlier) for image, layer in in_order(task.images)
        ],
        **({"request": ordered} if ordered else {}),
        "record": {key: _without_inline_images(key, value) for key, value in record.items()},
    }
    # A lone surrogate becomes a JSON escape.
    text = json.dumps(finite(redact(document)), ensure_ascii=False, indent=2, allow_nan=False)
    return text.encode("utf-8", "backslashreplace")


def _describe_image(
    image: TaskImage, layer: int | None, result: Path | str | None, earlier: Mapping[str, object] | None
) -> dict[str, object]:
    """An image in the record: its file, why it has none, and where a layer lies."""
    number = image.index + 1
    known = (entry for entry in _read_list(earlier, "images") if isinstance(entry, dict))
    before = next((entry.get("file") for entry in known if entry.get("number") == number), None)
    described: dict[str, object] = {"number": number, "file": result.name if isinstance(result, Path) else before}
    if isinstance(result, str) and before is None:
        described["error"] = result
    if layer is not None:
        box = image.bounding_box
        described |= {
            "z_index": image.z_index,
            "name": image.name,
            "description": image.description,
            "bounding_box": dataclasses.asdict(box) if box else None,
        }
    return described


def without_lost_files(folder: Path, record: Mapping[str, object]) -> dict[str, object]:
    """A record of earlier, without the files that are gone."""

    def is_there(name: object) -> bool:
        return isinstance(name, str) and (folder / name).is_file()

    images = [entry for entry in _read_list(record, "images") if isinstance(entry, dict)]
    return {
        "record": record.get("record"),
        "request": record.get("request"),
        "files": [name for name in _read_list(record, "files") if is_there(name)],
        "images": [entry for entry in images if is_there(entry.get("file"))],
    }


def _read_list(record: Mapping[str, object] | None, key: str) -> list[object]:
    value = record.get(key) if record else None
    return value if isinstance(value, list) else []


def read_record(content: bytes) -> dict[str, object]:
    """Reads a saved record; an empty one if it is not one."""
    try:
        record = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return record if isinstance(record, dict) else {}


def _without_inline_images(key: str, value: object) -> object:
    """A value of a record without base64 images, which are saved as files."""
    if isinstance(value, dict):
        return {name: _without_inline_images(name, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_inline_images("", inner) for inner in value]
    return f"({len(value):,} characters)" if key == "b64_json" and isinstance(value, str) else value
