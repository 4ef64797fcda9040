"""What a room uses of the rooms above it, which it must not import: registered by name at the top of the package.

A client opens a run, for example, and the run sends its requests through the client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_loaders: dict[str, Callable[[], Any]] = {}


def register(name: str, load: Callable[[], Any]) -> None:
    """Registers what has a name; `load` imports it on first use."""
    _loaders[name] = load


def provide(name: str) -> Any:
    """What is registered under a name.

    Example:
        >>> register("the answer", lambda: 42)
        >>> provide("the answer")
        42
    """
    return _loaders[name]()
