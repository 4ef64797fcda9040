"""The complete request behind a saved image, its JSON record, or a stored task, ready to be changed and sent again.

Reading contacts no server. What a file of an earlier version lacks is said, and never guessed.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from seedream_nb.client.preparation import GenerationRequest
from seedream_nb.core.errors import ImageError, UsageError, shorten
from seedream_nb.core.foreign import read_mapping, read_text
from seedream_nb.core.models import Task, TaskImage
from seedream_nb.core.task_ids import find_problem, read_id
from seedream_nb.protocol.recorded_request import read_options, references_of, to_portable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import TypeAlias

    from seedream_nb.core.foreign import JsonObject
    from seedream_nb.library import LibraryCache
    from seedream_nb.protocol.request_body import GenerationOptions

Remakable: TypeAlias = "str | os.PathLike[str] | Task | TaskImage"
"""A saved image or its JSON file, a task id, a task, or an image."""

MOST_BYTES = 20_000_000  # of a JSON file
_IMAGE_OF_TASK = re.compile(r"(?P<id>[0-9a-fA-F-]{8,36})/(?P<number>[0-9]{1,3})")
_NUMBERED = re.compile(r"-\d+$")


class IncompleteRequestWarning(UserWarning):
    """Only some of a request is known: its file was saved by an earlier version."""


@dataclass(frozen=True)
class FoundRequest:
    """A request as it was found.

    Attributes:
        name: What it belongs to, for messages, such as `cat.png` or `84d1544a`.
        prompt: The prompt.
        options: The options, without the way of sending.
        references: The link or the SHA-256 of each reference image; both empty where nothing is known of it.
        notes: What is not known, in sentences; empty for a complete request.
    """

    name: str
    prompt: str
    options: GenerationOptions
    references: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()

    def to_request(self, cache: LibraryCache, image: Any = None) -> GenerationRequest:
        """The request with its reference images, or with others.

        Raises:
            UsageError: A reference image is not kept on this machine; nothing was sent.
        """
        references = tuple(self.resolve(cache)) if image is None else image
        return GenerationRequest(self.prompt, self.options, references or None)

    def resolve(self, cache: LibraryCache) -> Iterator[str | bytes]:
        """The link or the content of each reference image; raises what `to_request` raises."""
        for place, (link, digest) in enumerate(self.references):
            content = None if link or not digest else cache.find_content(digest)
            if not link and content is None:
                which = "The reference image" if len(self.references) == 1 else f"Reference image {place + 1}"
                about = f" (SHA-256 {digest[:12]}…)" if digest else ""
                raise UsageError(
                    f"{which} of {self.name} is not kept on this machine{about}. Nothing was sent.",
                    hint="Pass all reference images again: image=[…], or --image in a notebook.",
                )
            yield link or content or b""


def find_request(what: Remakable, cache: LibraryCache) -> FoundRequest:
    """Finds the request behind an image or a task. Contacts no server.

    Raises:
        UsageError: It has no request; the message says what would help.
        ImageError: The file can't be read.
        InvalidTaskIdError: The beginning of an id fits no known task, or several.
    """
    if isinstance(what, Task):
        return _of_task(what.id, what.request, cache, name=_short(what.id) or "this task", known=what)
    if isinstance(what, TaskImage):
        return _of_image(what, cache, name=_short(what.task_id) or "this image")
    text = os.fspath(what)
    if isinstance(what, str):
        found = _IMAGE_OF_TASK.fullmatch(text.strip())
        task_id = found["id"] if found else text.strip()
        if find_problem(task_id or "?") is None:
            return _of_task(read_id(task_id, cache.lookup), {}, cache, name=_short(task_id))
    path = Path(text).expanduser()
    return _of_json(path, cache) if path.suffix.lower() == ".json" else _of_file(path, cache)


def _of_task(
    task_id: str, request: Mapping[str, object], cache: LibraryCache, *, name: str, known: Task | None = None
) -> FoundRequest:
    stored = cache.portable_request(task_id) if task_id.strip() else {}
    portable = stored or to_portable(request)
    if not portable and known is not None and known.good_images:
        return _of_facts(known.good_images[0], name)
    if not portable:
        raise UsageError(
            f"The request of {name} is not known on this machine. Nothing was sent.",
            hint=f"Fetch its record first: %seedream get {task_id}, or client.retrieve({task_id!r}).",
        )
    return _found(name, portable)


def _of_image(image: TaskImage, cache: LibraryCache, *, name: str, path: Path | None = None) -> FoundRequest:
    """The request of an image: as its file says, or as the library knows it."""
    portable = read_mapping(image.raw.get("request"))
    if portable:
        return _found(name, portable)
    task_id = image.task_id or cache.find_task_of(image)
    stored = cache.portable_request(task_id) if task_id else {}
    beside = {} if stored or path is None else _record_beside(path)
    if stored or beside:
        return _found(name, stored or beside)
    return _of_facts(image, name)


def _of_facts(image: TaskImage, name: str) -> FoundRequest:
    if not image.prompt:
        raise UsageError(
            f"{name} does not say how it was generated. Nothing was sent.",
            hint="Use its JSON file, its task id, or an image saved by gallery.save.",
        )
    if image.prompt.endswith("…"):
        raise UsageError(
            f"{name} has only the beginning of its prompt. Nothing was sent.",
            hint="Use its JSON file, or its task id.",
        )
    facts = {"prompt": image.prompt, "model": image.model, "size": image.size, "seed": image.seed}
    prompt, options = read_options({field: value for field, value in facts.items() if value not in {None, ""}})
    note = f"{name} has prompt, model, size, and seed only; other options and reference images are not known."
    return FoundRequest(name, prompt, options, notes=(note,))


def _of_file(path: Path, cache: LibraryCache) -> FoundRequest:
    # Imported here: only an image file needs Pillow.
    from seedream_nb.images.saved_files import open_image  # noqa: PLC0415  see above

    return _of_image(open_image(path), cache, name=path.name, path=path)


def _of_json(path: Path, cache: LibraryCache) -> FoundRequest:
    document = _read_json(path)
    portable = _portable_of(document)
    if not portable:
        task_id = read_text(document.get("task_id"))
        portable = cache.portable_request(task_id) if task_id else {}
    if not portable:
        raise UsageError(
            f"{path.name} has no request. Nothing was sent.", hint="Use the JSON file beside a saved image."
        )
    return _found(path.name, portable)


def _portable_of(document: Mapping[str, object]) -> JsonObject:
    """The request of a saved record; files of earlier versions have it only within the service's record."""
    own = read_mapping(document.get("request"))
    recorded = read_mapping(read_mapping(document.get("record")).get("request"))
    # The service's record itself has a request, too, which is not in its portable form.
    is_ours = "record" in document
    return own if own and is_ours else to_portable(own or recorded)


def _record_beside(path: Path) -> JsonObject:
    """The request in the JSON file beside an image, which lists the image; empty if there is none."""
    for stem in dict.fromkeys((path.stem, _NUMBERED.sub("", path.stem))):
        record = path.with_name(f"{stem}.json")
        try:
            document = _read_json(record) if record.is_file() else {}
        except ImageError:
            continue
        files = document.get("files")
        if isinstance(files, list) and path.name in files:
            return _portable_of(document)
    return {}


def _read_json(path: Path) -> dict[str, object]:
    try:
        if path.stat().st_size > MOST_BYTES or not path.is_file():
            raise ImageError(f"{shorten(str(path))} is not a record.", hint="Use the JSON file beside a saved image.")
        return read_mapping(json.loads(path.read_bytes()))
    except (OSError, ValueError, RecursionError) as problem:
        reason = getattr(problem, "strerror", None) or "it is not JSON"
        raise ImageError(
            f"Can't read {shorten(str(path))}: {reason}.", hint="Use the JSON file beside a saved image."
        ) from None


def _found(name: str, portable: Mapping[str, object]) -> FoundRequest:
    prompt, options = read_options(portable)
    return FoundRequest(name, prompt, options, tuple(references_of(portable)))


def _short(task_id: str) -> str:
    return task_id.strip()[:8]
