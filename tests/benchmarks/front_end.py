"""Why: contenders show their pictures in a shell whose output is taken where a kernel would send it to a front end."""

from __future__ import annotations

from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell


class Recorder(DisplayPublisher):
    """Takes what a front end would be sent: of `display` and of the cell's value."""

    bundles: list[dict[str, Any]] = []  # noqa: RUF012  the shell makes the object; there is one in a process

    def publish(self, data: dict[str, Any], *_arguments: object, **_options: object) -> None:
        self.bundles.append(data)


class RecordingDisplayHook(DisplayHook):
    """Takes the value of a cell where a kernel would send it to the front end."""

    def write_output_prompt(self) -> None:
        """A kernel's output has no prompt."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        del md_dict
        Recorder.bundles.append(format_dict)


def open_shell() -> InteractiveShell:
    """This process's shell, which records what it is given to show."""
    return InteractiveShell.instance(display_pub_class=Recorder, displayhook_class=RecordingDisplayHook)


def take_output() -> tuple[int, int]:
    """What was shown since the last call.

    Returns:
        What the notebook's file grows by, in bytes; and how many pictures it holds.
    """
    bundles = list(Recorder.bundles)
    Recorder.bundles.clear()
    texts = [value if isinstance(value, str) else repr(value) for bundle in bundles for value in bundle.values()]
    pictures = sum(text.count("data:image/") for text in texts)
    pictures += sum(mime.startswith("image/") for bundle in bundles for mime in bundle)
    return sum(len(text.encode()) for text in texts), pictures
