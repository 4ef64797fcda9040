"""Why: closing a widget leaves its children, layouts and styles alive; a panel takes all with it that it made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import ipywidgets

if TYPE_CHECKING:
    from collections.abc import Iterator


def close_tree(root: ipywidgets.Widget) -> None:
    """Closes a widget and everything that it holds: children, layouts, styles.

    Args:
        root: The widget.
    """
    for widget in list(_walk(root, set())):
        # The base class's own: a container may have a close() that closes its whole tree.
        ipywidgets.Widget.close(widget)


def _walk(widget: ipywidgets.Widget, met: set[int]) -> Iterator[ipywidgets.Widget]:
    if id(widget) in met:
        return
    met.add(id(widget))
    for name in widget.keys:
        value = getattr(widget, name, None)
        for held in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(held, ipywidgets.Widget):
                yield from _walk(held, met)
    yield widget
