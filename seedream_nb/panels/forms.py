"""The panel's simple forms: where tasks come from, which are shown, and the lines below the grid."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets

from seedream_nb.library.marks import MOST_STARS
from seedream_nb.panels.filters import Filter
from seedream_nb.panels.submit import SubmitButton
from seedream_nb.protocol.capabilities import display_name
from seedream_nb.protocol.cards import Sort

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from seedream_nb.panels.jobs import Status
    from seedream_nb.panels.sources import Choices


def make_field(kind: type[ipywidgets.Widget], label: str, width: str = "auto", **options: Any) -> Any:
    """A control with a label that screen readers announce; the width is in CSS."""
    field = kind(description=label, style={"description_width": "initial"}, **options)
    field.layout.width = width
    field.layout.min_width = "0"
    return field


def make_row(*children: ipywidgets.Widget) -> ipywidgets.HBox:
    """Controls side by side, wrapped where there is no room."""
    row = ipywidgets.HBox(children)
    row.layout.flex_flow = "row wrap"
    row.layout.align_items = "baseline"
    row.add_class("seedream-row")
    return row


def make_fields(*children: ipywidgets.Widget) -> ipywidgets.HBox:
    """Controls in even columns, each below its label."""
    fields = ipywidgets.HBox(children)
    fields.add_class("seedream-fields")
    return fields


class MarkedField(ipywidgets.VBox):
    """A field that shows below it what is wrong with it."""

    def __init__(self, field: Any) -> None:
        self._problem = ipywidgets.HTML()
        self._problem.add_class("seedream-problem")
        self._problem.layout.display = "none"
        super().__init__([field, self._problem])
        self.add_class("seedream-field")

    def mark(self, problem: str) -> None:
        """Marks the field with a problem; an empty one removes the mark."""
        if problem:
            self._problem.value = f'<span role="alert">{html.escape(problem)}</span>'
            self.add_class("seedream-marked")
        else:
            self._problem.value = ""
            self.remove_class("seedream-marked")
        self._problem.layout.display = "" if problem else "none"


class QueryForm(ipywidgets.HBox):
    """A text and a button that adds tasks to the grid; Enter does the same."""

    def __init__(self, on_submit: Callable[[str], None], field: Any, button: str, tooltip: str) -> None:
        self.text = field
        self._submit = on_submit
        self.button = SubmitButton(button, {"text": field}, self._submitted, tooltip=tooltip)
        super().__init__([self.text, self.button])
        self.layout.flex_flow = "row wrap"
        self.layout.align_items = "flex-start"
        self.add_class("seedream-row")
        self.add_class("seedream-form")

    def _submitted(self, values: Mapping[str, object]) -> None:
        # The browser's text may be newer than the one that has arrived here.
        self.text.value = str(values.get("text", ""))
        self._submit(self.text.value)


def make_get_form(on_get: Callable[[str], None]) -> QueryForm:
    """The form for pasted or typed task ids."""
    field = make_field(ipywidgets.Textarea, "Task IDs", placeholder="Paste task IDs, with any separators", rows=1)
    field.layout.flex = "1 1 280px"
    return QueryForm(on_get, field, "Get tasks", "Fetch these tasks. Free of charge.")


def make_history_form(on_show: Callable[[str], None]) -> QueryForm:
    """The form for the account's history."""
    field = make_field(ipywidgets.Text, "Since", "200px", placeholder="2h, 3d, 2026-11-20")
    return QueryForm(on_show, field, "Show history", "Shows the newest tasks. Free of charge.")


def make_library_form() -> ipywidgets.HTML:
    """Says what the library is. Not where: a front end may save the text with the notebook."""
    line = ipywidgets.HTML(
        "All images in the library on this machine. Works offline; new ones appear as they are stored."
    )
    line.add_class("seedream-announcement")
    return line


RATINGS = [("Any", 0), *(("★" * stars + (" or more" if stars < MOST_STARS else ""), stars) for stars in range(1, 6))]
# A menu shows nothing for the value None.
REJECTED = {"shown": None, "hidden": False, "only": True}
REJECTED_OPTIONS = [("Shown", "shown"), ("Hidden", "hidden"), ("Only these", "only")]


def _choose(field: Any, value: str) -> None:
    if value and value not in dict(field.options).values():
        field.options = [*field.options, (display_name(value), value)]
    field.value = value


class FilterBar(ipywidgets.HBox):
    """Controls for which tiles are shown, and in what order."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._is_filling = False
        self.text = make_field(ipywidgets.Text, "Filter", placeholder="Words or ID", continuous_update=True)
        self.model = make_field(ipywidgets.Dropdown, "Model", options=[("All", "")])
        self.status = make_field(ipywidgets.Dropdown, "State", options=[("All", "")])
        self.size = make_field(ipywidgets.Dropdown, "Size", options=[("All", "")])
        self.rating = make_field(ipywidgets.Dropdown, "Rating", options=RATINGS)
        self.tag = make_field(ipywidgets.Dropdown, "Tag", options=[("All", "")])
        self.rejected = make_field(ipywidgets.Dropdown, "Rejected", options=REJECTED_OPTIONS)
        self.since = make_field(ipywidgets.DatePicker, "From")
        self.until = make_field(ipywidgets.DatePicker, "To")
        self.sort = make_field(ipywidgets.Dropdown, "Sort by", options=[(sort.value, sort) for sort in Sort])
        facts = (self.text, self.model, self.status, self.size, self.since, self.until)
        super().__init__([*facts, self.rating, self.tag, self.rejected, self.sort])
        self.add_class("seedream-fields")
        self.add_class("seedream-filters")
        for field in self.children:
            field.observe(lambda _change: None if self._is_filling else on_change(), "value")

    def read(self) -> tuple[Filter, Sort]:
        """The filter and the order."""
        wanted = Filter(
            text=self.text.value,
            model=self.model.value,
            status=self.status.value,
            size=self.size.value,
            since=self.since.value,
            until=self.until.value,
            tags=(self.tag.value,) if self.tag.value else (),
            rating=self.rating.value,
            rejected=REJECTED[self.rejected.value],
        )
        return wanted, self.sort.value

    def show(self, wanted: Filter, sort: Sort) -> None:
        """Sets all conditions and the order at once."""
        self._is_filling = True
        try:
            for field, value in ((self.model, wanted.model), (self.status, wanted.status), (self.size, wanted.size)):
                _choose(field, value)
            _choose(self.tag, next(iter(wanted.tags), ""))
            self.text.value, self.rating.value = wanted.text, wanted.rating
            self.rejected.value = next(name for name, value in REJECTED.items() if value is wanted.rejected)
            self.since.value, self.until.value, self.sort.value = wanted.since, wanted.until, sort
        finally:
            self._is_filling = False
        self._on_change()

    def clear(self) -> None:
        """Removes all conditions; the order stays."""
        self.show(Filter(), self.sort.value)

    def offer(self, choices: Choices) -> None:
        """Offers the values that occur, with their counts; the current choices stay."""
        self._is_filling = True
        try:
            for field, counts in (
                (self.model, choices.models),
                (self.status, choices.statuses),
                (self.size, choices.sizes),
                (self.tag, choices.tags),
            ):
                chosen = field.value
                offered = {**counts, **({chosen: 0} if chosen and chosen not in counts else {})}
                options = [
                    ("All", ""),
                    *((f"{display_name(value)} ({count})", value) for value, count in offered.items()),
                ]
                if tuple(options) != tuple(field.options):
                    field.options = options
                    field.value = chosen
        finally:
            self._is_filling = False


class StatusLine(ipywidgets.HTML):
    """One line for progress and errors."""

    def __init__(self) -> None:
        super().__init__()
        self.add_class("seedream-status")

    def show(self, status: Status) -> None:
        """Shows a status; foreign text in it is escaped."""
        kind, icon = ("error", "✕ ") if status.is_error else ("busy", "◔ ") if status.is_busy else ("idle", "")
        text = html.escape(f"{icon}{status.text}") if status.text else ""
        self.value = f'<span role="status" class="seedream-status-{kind}">{text}</span>'


class Footer(ipywidgets.VBox):
    """The buttons below the grid, and the equivalent code."""

    def __init__(self, on_code: Callable[[], None], on_close: Callable[[], None]) -> None:
        self.code = make_field(ipywidgets.Textarea, "Code", "100%", rows=4)
        self.code.layout.display = "none"
        self.copy = ipywidgets.Button(description="Copy code", tooltip="Copy equivalent code")
        self.close_button = ipywidgets.Button(
            description="Close", tooltip="Close the panel and free its memory; a static gallery stays"
        )
        self.copy.on_click(lambda _button: on_code())
        self.close_button.on_click(lambda _button: on_close())
        super().__init__([make_row(self.copy, self.close_button), self.code])

    def show(self, code: str) -> None:
        """Shows the code, for browsers that block copying."""
        self.code.value = code
        self.code.layout.display = ""
