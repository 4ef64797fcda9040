"""SeeDream image generation in notebooks.

    %load_ext seedream_nb
    %seedream get 84d1544a-9043-4dde-a98b-e889dacd75f6

Everything is imported when it is first used, so that loading the extension costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb.client import SeedreamClient
    from seedream_nb.config import Settings
    from seedream_nb.connections import Timeouts
    from seedream_nb.errors import (
        InterruptedRequest,
        InterruptedWait,
        LibraryError,
        LibraryWarning,
        OutcomeUnknownError,
        SeedreamError,
        WaitTimeoutError,
    )
    from seedream_nb.gallery import Gallery, SaveReport
    from seedream_nb.generation import GenerationOptions, UnknownModelWarning
    from seedream_nb.history import History
    from seedream_nb.library import Library, LibraryInfo
    from seedream_nb.making import Making
    from seedream_nb.models import BoundingBox, ErrorDetail, Task, TaskImage, TaskStatus
    from seedream_nb.panels import Explorer, explore
    from seedream_nb.sandbox import Sandbox
    from seedream_nb.submission import GenerationRequest, ImageStream
    from seedream_nb.transport import RetryPolicy
    from seedream_nb.usage import Usage, sum_usage
    from seedream_nb.waiting import Pace, Waiting

__version__ = "0.1.0"

__all__ = [
    "BoundingBox",
    "ErrorDetail",
    "Explorer",
    "Gallery",
    "GenerationOptions",
    "GenerationRequest",
    "History",
    "ImageStream",
    "InterruptedRequest",
    "InterruptedWait",
    "Library",
    "LibraryError",
    "LibraryInfo",
    "LibraryWarning",
    "Making",
    "OutcomeUnknownError",
    "Pace",
    "RetryPolicy",
    "Sandbox",
    "SaveReport",
    "SeedreamClient",
    "SeedreamError",
    "Settings",
    "Task",
    "TaskImage",
    "TaskStatus",
    "Timeouts",
    "UnknownModelWarning",
    "Usage",
    "WaitTimeoutError",
    "Waiting",
    "explore",
    "sum_usage",
]

_HOMES = {
    "BoundingBox": "models",
    "ErrorDetail": "models",
    "Explorer": "panels",
    "Gallery": "gallery",
    "GenerationOptions": "generation",
    "GenerationRequest": "submission",
    "History": "history",
    "ImageStream": "submission",
    "InterruptedRequest": "errors",
    "InterruptedWait": "errors",
    "Library": "library",
    "LibraryError": "errors",
    "LibraryInfo": "library",
    "LibraryWarning": "errors",
    "Making": "making",
    "OutcomeUnknownError": "errors",
    "Pace": "waiting",
    "RetryPolicy": "transport",
    "Sandbox": "sandbox",
    "SaveReport": "gallery",
    "SeedreamClient": "client",
    "SeedreamError": "errors",
    "Settings": "config",
    "Task": "models",
    "TaskImage": "models",
    "TaskStatus": "models",
    "Timeouts": "connections",
    "UnknownModelWarning": "generation",
    "Usage": "usage",
    "WaitTimeoutError": "errors",
    "Waiting": "waiting",
    "explore": "panels",
    "sum_usage": "usage",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Adds the `%seedream` magics; IPython calls this for `%load_ext seedream_nb`."""
    from seedream_nb.notebook.magics import SeedreamMagics  # noqa: PLC0415  only here IPython is needed

    SeedreamMagics(shell).install()


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Removes the magics and stops what they started; IPython calls this for `%unload_ext seedream_nb`."""
    from seedream_nb.notebook.magics import uninstall  # noqa: PLC0415  only here IPython is needed

    uninstall(shell)
