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

    from seedream_nb.client.client import SeedreamClient
    from seedream_nb.client.generation_batch import GenerationBatch
    from seedream_nb.client.history import History
    from seedream_nb.client.http import Timeouts
    from seedream_nb.client.polling import Pace, Waiting
    from seedream_nb.client.settings import Settings
    from seedream_nb.client.submission import GenerationRequest, ImageStream
    from seedream_nb.client.transport import RetryPolicy
    from seedream_nb.core.errors import (
        InterruptedRequest,
        InterruptedWait,
        LibraryError,
        LibraryWarning,
        OutcomeUnknownError,
        SeedreamError,
        WaitTimeoutError,
    )
    from seedream_nb.core.models import BoundingBox, ErrorDetail, Task, TaskImage, TaskStatus, Usage, sum_usage
    from seedream_nb.gallery import Gallery, SaveReport
    from seedream_nb.library import Library, LibraryInfo
    from seedream_nb.panels import Explorer, explore
    from seedream_nb.protocol.request_body import GenerationOptions, UnknownModelWarning
    from seedream_nb.sandbox import Sandbox

__version__ = "0.1.0"

__all__ = [
    "BoundingBox",
    "ErrorDetail",
    "Explorer",
    "Gallery",
    "GenerationBatch",
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
    "BoundingBox": "core.models",
    "ErrorDetail": "core.models",
    "Explorer": "panels",
    "Gallery": "gallery",
    "GenerationOptions": "protocol.request_body",
    "GenerationRequest": "client.submission",
    "History": "client.history",
    "ImageStream": "client.submission",
    "InterruptedRequest": "core.errors",
    "InterruptedWait": "core.errors",
    "Library": "library",
    "LibraryError": "core.errors",
    "LibraryInfo": "library",
    "LibraryWarning": "core.errors",
    "GenerationBatch": "client.generation_batch",
    "OutcomeUnknownError": "core.errors",
    "Pace": "client.polling",
    "RetryPolicy": "client.transport",
    "Sandbox": "sandbox",
    "SaveReport": "gallery",
    "SeedreamClient": "client.client",
    "SeedreamError": "core.errors",
    "Settings": "client.settings",
    "Task": "core.models",
    "TaskImage": "core.models",
    "TaskStatus": "core.models",
    "Timeouts": "client.http",
    "UnknownModelWarning": "protocol.request_body",
    "Usage": "core.models",
    "WaitTimeoutError": "core.errors",
    "Waiting": "client.polling",
    "explore": "panels",
    "sum_usage": "core.models",
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
