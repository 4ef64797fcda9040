"""Why: what all forms of the panel are made of, and what stands below them."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets

if TYPE_CHECKING:
    from collections.abc import Callable

    from seedream_nb.panels.jobs import Status


def make_field(kind: type[ipywidgets.Widget], label: str, width: str = "auto", **options: Any) -> Any:
    """A labelled control; the label is part of it, so that a screen reader says it.

    Args:
        kind: What it is.
        label: What it is called.
        width: As CSS has it.
        **options: Of the control.

    Returns:
        The control.
    """
    field = kind(description=label, style={"description_width": "initial"}, **options)
    field.layout.width = width
    field.layout.min_width = "0"
    return field


def make_row(*children: ipywidgets.Widget) -> ipywidgets.HBox:
    """Controls side by side, on several lines where there is no room.

    Args:
        *children: The controls.

    Returns:
        The row.
    """
    row = ipywidgets.HBox(children)
    row.layout.flex_flow = "row wrap"
    row.layout.align_items = "baseline"
    row.add_class("seedream-row")
    return row


def make_fields(*children: ipywidgets.Widget) -> ipywidgets.HBox:
    """Controls in even columns, each below its label.

    Args:
        *children: The controls.

    Returns:
        The box.
    """
    fields = ipywidgets.HBox(children)
    fields.add_class("seedream-fields")
    return fields


class StatusLine(ipywidgets.HTML):
    """One line that says what is going on, and what went wrong."""

    def __init__(self) -> None:
        super().__init__()
        self.add_class("seedream-status")

    def show(self, status: Status) -> None:
        """Shows a status; foreign text in it stays text."""
        kind, icon = ("error", "✕ ") if status.is_error else ("busy", "◔ ") if status.is_busy else ("idle", "")
        text = html.escape(f"{icon}{status.text}") if status.text else ""
        self.value = f'<span role="status" class="seedream-status-{kind}">{text}</span>'


class Foot(ipywidgets.VBox):
    """The code that does the same, and the end.

    Args:
        on_code: Called when the code is wanted.
        on_close: Called when the panel is to be closed.
    """

    def __init__(self, on_code: Callable[[], None], on_close: Callable[[], None]) -> None:
        self.code = make_field(ipywidgets.Textarea, "Code", "100%", rows=4)
        self.code.layout.display = "none"
        self.copy = ipywidgets.Button(description="Copy code", tooltip="The code that does the same")
        self.close_button = ipywidgets.Button(description="Close", tooltip="Close the panel and free what it holds")
        self.copy.on_click(lambda _button: on_code())
        self.close_button.on_click(lambda _button: on_close())
        super().__init__([make_row(self.copy, self.close_button), self.code])

    def show(self, code: str) -> None:
        """Shows the code, for where the browser does not allow copying."""
        self.code.value = code
        self.code.layout.display = ""
