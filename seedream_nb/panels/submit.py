"""The button that submits a form: what is typed when it is clicked is what counts, and what it says is what happens.

ipywidgets may hold a typed value back while an earlier one is on its way, and a click overtakes it. So the front end
(`static/submit.js`) sends the fields' values along with the click. A button that pays also knows which values its label
was made from; it is disabled while they differ from what is typed, and each label is clicked at most once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anywidget
import ipywidgets
import traitlets

from seedream_nb.panels.grid import join_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

BUTTON_SCRIPTS = ("submit.js", "submit_button.js")


class Submitter(anywidget.AnyWidget):
    """A widget with a button that submits what is typed and drawn in the browser, see `static/submit.js`.

    Args:
        on_submit: Called with the values that were submitted, as the browser has them.
        on_outdated: Called when something else was clicked than what is shown now.

    Attributes:
        description: The button's label.
        tooltip: Its tooltip.
        disabled: Whether it can be clicked.
        is_primary: Whether it is what the widget is for.
        number: The number of the label, which changes with what a click does.
        seen: The values that the label was made from; None where the label does not depend on them.
    """

    description = traitlets.Unicode().tag(sync=True)
    tooltip = traitlets.Unicode().tag(sync=True)
    disabled = traitlets.Bool(default_value=False).tag(sync=True)
    is_primary = traitlets.Bool(default_value=False).tag(sync=True)
    number = traitlets.Int().tag(sync=True)
    seen = traitlets.Dict(allow_none=True, default_value=None).tag(sync=True)

    def __init__(
        self,
        on_submit: Callable[[Mapping[str, object]], object],
        on_outdated: Callable[[], None] = lambda: None,
        **options: Any,
    ) -> None:
        self._on_submit = on_submit
        self._on_outdated = on_outdated
        super().__init__(**options)
        self.on_msg(self._receive)

    def show(self, description: str, seen: Mapping[str, object], *, disabled: bool, tooltip: str = "") -> None:
        """Shows what a click does with some values; a click on what was shown before does nothing any more."""
        with self.hold_sync():
            self.description, self.disabled, self.tooltip = description, disabled, tooltip
            self.seen = dict(seen)
            self.number += 1

    def read(self) -> dict[str, object]:
        """The values that a click submits, as `static/submit.js` reads them."""
        raise NotImplementedError

    def click(self) -> None:
        """Clicks the button as the browser would."""
        if not self.disabled:
            self._receive(self, {"type": "submit", "number": self.number, "values": self.read()}, [])

    def _receive(self, _widget: object, content: object, _buffers: object) -> None:
        if not isinstance(content, dict) or content.get("type") != "submit":
            return
        values = content.get("values")
        if content.get("number") == self.number and not self.disabled and isinstance(values, dict):
            self._on_submit(values)
        else:
            self._on_outdated()


class SubmitButton(Submitter):
    """A button that submits the form around it, an element of class `seedream-form`; so does Enter in one-line fields.

    Args:
        description: Its label.
        fields: The fields of the form by name.
        on_submit: As for `Submitter`.
        on_outdated: As for `Submitter`.
    """

    _esm = join_parts(*BUTTON_SCRIPTS)

    fields = traitlets.Dict().tag(sync=True, **ipywidgets.widget_serialization)

    def __init__(
        self,
        description: str,
        fields: Mapping[str, ipywidgets.Widget],
        on_submit: Callable[[Mapping[str, object]], object],
        on_outdated: Callable[[], None] = lambda: None,
        **options: Any,
    ) -> None:
        super().__init__(on_submit, on_outdated, description=description, fields=dict(fields), **options)
        self.add_class("seedream-submit")

    def read(self) -> dict[str, object]:
        """The values of the fields."""
        return {name: read_field(field) for name, field in self.fields.items()}


def read_field(field: Any) -> object:
    """A field's value as JSON; of a choice, its place."""
    return field.index if isinstance(field, ipywidgets.Dropdown) else field.value
