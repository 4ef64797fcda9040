"""SeeDream image generation in notebooks.

    %load_ext seedream_nb
    %seedream get 84d1544a-9043-4dde-a98b-e889dacd75f6

Everything is imported when it is first used, so that loading the extension costs next to nothing.
"""

from __future__ import annotations

import importlib
from functools import partial
from typing import TYPE_CHECKING

from seedream_nb.core.providers import register

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb.client.client import SeedreamClient
    from seedream_nb.client.generation_batch import GenerationBatch
    from seedream_nb.client.history import History
    from seedream_nb.client.http import Timeouts
    from seedream_nb.client.polling import Pace, Waiting
    from seedream_nb.client.preparation import GenerationRequest
    from seedream_nb.client.remake import IncompleteRequestWarning
    from seedream_nb.client.settings import Settings
    from seedream_nb.client.submission import ImageStream
    from seedream_nb.client.transport import RetryPolicy
    from seedream_nb.core.errors import (
        AccountDisabledError,
        AuthenticationError,
        BadRequestError,
        BalanceUsedUpError,
        BudgetExceededError,
        ConnectionFailedError,
        EndpointNotFoundError,
        ExportIncompleteError,
        ImageError,
        Interrupted,
        InterruptedRequest,
        InterruptedWait,
        InvalidTaskIdError,
        InvalidTokenError,
        LibraryError,
        LibraryWarning,
        MissingTokenError,
        ModerationError,
        NetworkError,
        OutcomeUnknownError,
        RateLimitedError,
        RequestTimeoutError,
        RequestTooLargeError,
        SeedreamError,
        ServerError,
        ServiceError,
        SettingsError,
        TaskError,
        TaskFailedError,
        TaskNotFinishedError,
        TaskNotFoundError,
        TokenMismatchError,
        UnreadableAnswerError,
        UsageError,
        WaitTimeoutError,
    )
    from seedream_nb.core.models import BoundingBox, ErrorDetail, Task, TaskImage, TaskStatus, Usage, sum_usage
    from seedream_nb.gallery import Gallery, SaveReport
    from seedream_nb.gallery.dataset_verification import verify_dataset
    from seedream_nb.gallery.datasets import DatasetReport
    from seedream_nb.images.layers import compose_layers
    from seedream_nb.images.markup import Markup, MarkupWarning
    from seedream_nb.images.saved_files import open_image
    from seedream_nb.library import Library, LibraryInfo
    from seedream_nb.panels import Explorer, explore
    from seedream_nb.protocol.request_body import GenerationOptions, UnknownModelWarning
    from seedream_nb.runs.run import Run, RunFailure, RunSummary
    from seedream_nb.sandbox import Sandbox

__version__ = "0.2.0"

__all__ = [
    "AccountDisabledError",
    "AuthenticationError",
    "BadRequestError",
    "BalanceUsedUpError",
    "BoundingBox",
    "BudgetExceededError",
    "ConnectionFailedError",
    "DatasetReport",
    "EndpointNotFoundError",
    "ErrorDetail",
    "Explorer",
    "ExportIncompleteError",
    "Gallery",
    "GenerationBatch",
    "GenerationOptions",
    "GenerationRequest",
    "History",
    "ImageError",
    "ImageStream",
    "IncompleteRequestWarning",
    "Interrupted",
    "InterruptedRequest",
    "InterruptedWait",
    "InvalidTaskIdError",
    "InvalidTokenError",
    "Library",
    "LibraryError",
    "LibraryInfo",
    "LibraryWarning",
    "Markup",
    "MarkupWarning",
    "MissingTokenError",
    "ModerationError",
    "NetworkError",
    "OutcomeUnknownError",
    "Pace",
    "RateLimitedError",
    "RequestTimeoutError",
    "RequestTooLargeError",
    "RetryPolicy",
    "Run",
    "RunFailure",
    "RunSummary",
    "Sandbox",
    "SaveReport",
    "SeedreamClient",
    "SeedreamError",
    "ServerError",
    "ServiceError",
    "Settings",
    "SettingsError",
    "Task",
    "TaskError",
    "TaskFailedError",
    "TaskImage",
    "TaskNotFinishedError",
    "TaskNotFoundError",
    "TaskStatus",
    "Timeouts",
    "TokenMismatchError",
    "UnknownModelWarning",
    "UnreadableAnswerError",
    "Usage",
    "UsageError",
    "WaitTimeoutError",
    "Waiting",
    "compose_layers",
    "explore",
    "open_image",
    "sum_usage",
    "verify_dataset",
]

_NAMES = {
    "client.client": ("SeedreamClient",),
    "client.generation_batch": ("GenerationBatch",),
    "client.history": ("History",),
    "client.http": ("Timeouts",),
    "client.polling": (
        "Pace",
        "Waiting",
    ),
    "runs.run": (
        "Run",
        "RunFailure",
        "RunSummary",
    ),
    "client.remake": ("IncompleteRequestWarning",),
    "client.settings": ("Settings",),
    "client.preparation": ("GenerationRequest",),
    "client.submission": ("ImageStream",),
    "client.transport": ("RetryPolicy",),
    "core.models": (
        "BoundingBox",
        "ErrorDetail",
        "Task",
        "TaskImage",
        "TaskStatus",
        "Usage",
        "sum_usage",
    ),
    "gallery": (
        "Gallery",
        "SaveReport",
    ),
    "gallery.dataset_verification": ("verify_dataset",),
    "gallery.datasets": ("DatasetReport",),
    "images.layers": ("compose_layers",),
    "images.markup": (
        "Markup",
        "MarkupWarning",
    ),
    "images.saved_files": ("open_image",),
    "library": (
        "Library",
        "LibraryInfo",
    ),
    "panels": (
        "Explorer",
        "explore",
    ),
    "protocol.request_body": (
        "GenerationOptions",
        "UnknownModelWarning",
    ),
    "sandbox": ("Sandbox",),
}
_HOMES = {name: home for home, names in _NAMES.items() for name in names}


# What lower rooms use of those above them.
_PROVIDED = {
    "export_dataset": "gallery.datasets",
    "find_children": "library.relatives",
    "find_parents": "library.relatives",
    "follow_run": "notebook.run_progress",
    "list_runs": "runs.opening",
    "load_image": "client.references",
    "open_run": "runs.opening",
    "render_lineage_html": "gallery.lineage_view",
    "render_lineage_text": "gallery.lineage_view",
    "render_run": "notebook.run_view",
    "watch_run": "notebook.run_progress",
}


def _load(home: str, name: str) -> object:
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)


for _name, _home in _PROVIDED.items():
    register(_name, partial(_load, _home, _name))


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = _load(_HOMES.get(name, "core.errors"), name)
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
