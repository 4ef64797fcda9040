"""Helpers that run cells and inspect what they show and send."""

from __future__ import annotations

import base64
import io
import re
import threading
import time
from typing import TYPE_CHECKING

from IPython.core.completer import provisionalcompleter
from PIL import Image

from seedream_nb import Gallery
from tests.gallery.reading import Sheet, show

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox

OK = 200
UNKNOWN = "00000000-0000-4000-8000-000000000000"

# The smallest images that any model generates: 960 x 960 pixels are painted in a moment.
SMALL = "--model 4.0 --size 960x960"


def run(shell: InteractiveShell, code: str) -> object:
    """The value of a cell; what it raised is raised."""
    result = shell.run_cell(code, store_history=True)
    result.raise_error()
    return result.result


def run_gallery(shell: InteractiveShell, code: str) -> Gallery:
    value = run(shell, code)
    assert isinstance(value, Gallery)
    return value


def paid(sandbox: Sandbox) -> int:
    """How many paid requests have reached the server."""
    return len(sandbox.requests.of_kind("images"))


def paid_bodies(sandbox: Sandbox) -> list[dict[str, object]]:
    """The bodies of all accepted paid requests, in the order of their arrival."""
    accepted = [request for request in sandbox.requests.of_kind("images") if request.status == OK]
    found = [sandbox._store.peek(task_id) for task_id in sandbox.task_ids[-len(accepted) :] if accepted]
    return [dict(stored.request) for stored in found if stored is not None]


def paid_prompts(sandbox: Sandbox) -> list[object]:
    """The prompts that were paid for; several are sent at the same time, so they come sorted."""
    return sorted((body.get("prompt") for body in paid_bodies(sandbox)), key=str)


def is_typable(text: str) -> bool:
    """Whether the body of a cell can hold this prompt, with braces and dollar signs doubled."""
    return bool(text.strip()) and not re.search(r"---|--[A-Za-z]|=|^[ \t]*#(?!\S)|\A\s*[\[(]", text, re.MULTILINE)


def seen(gallery: object) -> Sheet:
    """What a reader sees of a gallery."""
    assert isinstance(gallery, Gallery)
    return show(gallery)


def make_image(color: str = "red", form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), color).save(buffer, form)
    return buffer.getvalue()


def as_data_uri(image: bytes, form: str = "png") -> str:
    return f"data:image/{form};base64,{base64.b64encode(image).decode()}"


def wait_until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Looks again and again until something has come true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        threading.Event().wait(0.01)


def our_threads() -> list[str]:
    """The names of this project's threads, but for those of the sandbox itself."""
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("seedream-") and not name.startswith("seedream-sandbox")]


def offered(shell: InteractiveShell, line: str) -> dict[str, str]:
    """The completions of a line and their types, as front ends get them."""
    with provisionalcompleter():
        found = {one.text: one.type or "" for one in shell.Completer.completions(line, len(line))}
    # JupyterLab breaks a type at every space and hyphen, and writes the lines over each other.
    assert not any(re.search(r"[ -]", kind) for kind in found.values())
    return {
        text: kind.replace("\N{NO-BREAK SPACE}", " ").replace("\N{NON-BREAKING HYPHEN}", "-")
        for text, kind in found.items()
    }


def without_options(offers: dict[str, str]) -> dict[str, str]:
    return {text: kind for text, kind in offers.items() if not text.startswith("-")}
