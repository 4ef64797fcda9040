"""An IPython shell that records what a kernel would send to a front end."""

from __future__ import annotations

from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell


class Recorder(DisplayPublisher):
    """Records what a front end would receive: calls of `display` and the value of the cell."""

    bundles: list[dict[str, Any]] = []  # noqa: RUF012  the shell creates the only instance in a process

    def publish(self, data: dict[str, Any], *_arguments: object, **_options: object) -> None:
        self.bundles.append(data)


class RecordingDisplayHook(DisplayHook):
    """Records the value of a cell where a kernel would send it to the front end."""

    def write_output_prompt(self) -> None:
        """Prints nothing: the output of a kernel has no prompt."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        del md_dict
        Recorder.bundles.append(format_dict)


def open_shell() -> InteractiveShell:
    """The shell of this process, which records what it displays."""
    return InteractiveShell.instance(display_pub_class=Recorder, displayhook_class=RecordingDisplayHook)


def take_output() -> tuple[int, int]:
    """What was displayed since the last call: the bytes it adds to a notebook file, and the number of images."""
    bundles = list(Recorder.bundles)
    Recorder.bundles.clear()
    texts = [value if isinstance(value, str) else repr(value) for bundle in bundles for value in bundle.values()]
    images = sum(text.count("data:image/") for text in texts)
    images += sum(mime.startswith("image/") for bundle in bundles for mime in bundle)
    return sum(len(text.encode()) for text in texts), images
