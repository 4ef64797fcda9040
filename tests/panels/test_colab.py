"""Colab shows third-party widgets only once it is told to; anywidget does that when the first one is created."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest
from anywidget import _util

from seedream_nb import explore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from seedream_nb import SeedreamClient


@pytest.fixture
def enabled(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The calls of Colab's function, in a process that looks like Colab."""
    calls: list[str] = []
    output = ModuleType("google.colab.output")
    output.enable_custom_widget_manager = lambda: calls.append("enabled")  # type: ignore[attr-defined]  # as Colab's
    for name, module in {"google.colab": ModuleType("google.colab"), "google.colab.output": output}.items():
        monkeypatch.setitem(sys.modules, name, module)
    # It remembers that it was called.
    _util.enable_custom_widget_manager_once.cache_clear()
    yield calls
    _util.enable_custom_widget_manager_once.cache_clear()


def test_custom_widgets_are_enabled_once_before_the_first_panel_is_shown(
    client: SeedreamClient, enabled: list[str]
) -> None:
    for _ in range(2):
        panel = explore(client)
        assert enabled == ["enabled"]
        panel.close()


def test_nothing_of_colab_is_imported_elsewhere(client: SeedreamClient) -> None:
    explore(client).close()
    assert not any(name.startswith("google.colab") for name in sys.modules)
