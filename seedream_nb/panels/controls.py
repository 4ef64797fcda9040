"""Why: the panel's forms, as thin as can be: each owns its widgets, and hands out plain data."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets

from seedream_nb.capabilities import MODELS
from seedream_nb.generation import DEFAULT_MODEL
from seedream_nb.panels.filters import Filter, Sort
from seedream_nb.panels.make_settings import MakeSettings, accepted_by

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from seedream_nb.panels.collection import Choices
    from seedream_nb.panels.jobs import Status

MOST_TAKES = 8  # paid requests of one click; for more there is code, to be read before it is sent
MOST_IN_SET = 15


def _field(kind: type[ipywidgets.Widget], label: str, width: str = "auto", **options: Any) -> Any:
    """A labelled control; the label is part of it, so that a screen reader says it."""
    field = kind(description=label, style={"description_width": "initial"}, **options)
    field.layout.width = width
    field.layout.min_width = "0"
    return field


def _row(*children: ipywidgets.Widget) -> ipywidgets.HBox:
    row = ipywidgets.HBox(children)
    row.layout.flex_flow = "row wrap"
    row.layout.align_items = "baseline"
    row.add_class("seedream-row")
    return row


def _name_of_making(settings: MakeSettings) -> str:
    """What a click makes, in the words of its button."""
    most = settings.takes * (settings.max_images or 1)
    up_to = "up to " if settings.max_images else ""
    return "Make picture" if most == 1 else f"Make {up_to}{most} pictures"


def _call(value: str) -> str:
    """What people call a value that a filter may ask for."""
    return MODELS[value].label if value in MODELS else value


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
        self.code = _field(ipywidgets.Textarea, "Code", "100%", rows=4)
        self.code.layout.display = "none"
        self.copy = ipywidgets.Button(description="Copy code", tooltip="The code that does the same")
        self.close_button = ipywidgets.Button(description="Close", tooltip="Close the panel and free what it holds")
        self.copy.on_click(lambda _button: on_code())
        self.close_button.on_click(lambda _button: on_close())
        super().__init__([_row(self.copy, self.close_button), self.code])

    def show(self, code: str) -> None:
        """Shows the code, for where the browser does not allow copying."""
        self.code.value = code
        self.code.layout.display = ""


class GetForm(ipywidgets.HBox):
    """Task ids, pasted or typed.

    Attributes:
        on_get: Called with the text.
    """

    def __init__(self, on_get: Callable[[str], None]) -> None:
        self.ids = _field(
            ipywidgets.Textarea,
            "Task ids",
            "auto",
            placeholder="Paste task ids, with any separators",
            rows=1,
        )
        self.ids.layout.flex = "1 1 280px"
        self.button = ipywidgets.Button(description="Get tasks", tooltip="Show these tasks. Free of charge.")
        self.button.on_click(lambda _button: on_get(self.ids.value))
        super().__init__([self.ids, self.button])
        self.layout.flex_flow = "row wrap"
        self.add_class("seedream-row")


class HistoryForm(ipywidgets.HBox):
    """The account's tasks, page by page."""

    def __init__(self, on_more: Callable[[str], None]) -> None:
        self.since = _field(ipywidgets.Text, "Since", "200px", placeholder="2h, 3d, 2026-11-20")
        self.button = ipywidgets.Button(
            description="Show newest", tooltip="Free of charge; click again for older ones."
        )
        self.button.on_click(lambda _button: on_more(self.since.value))
        super().__init__([self.since, self.button])
        self.layout.flex_flow = "row wrap"
        self.add_class("seedream-row")


class MakeForm(ipywidgets.VBox):
    """What is to be made.

    Args:
        on_change: Called whenever something of it changes.
        on_make: Called with the settings when the button is clicked.
        on_upload: Called with the names and contents of files that were chosen.
        on_use_selection: Called when the selected pictures are to be references.
    """

    def __init__(
        self,
        on_change: Callable[[], None],
        on_make: Callable[[MakeSettings], None],
        on_upload: Callable[[Mapping[str, bytes]], None],
        on_use_selection: Callable[[], None],
    ) -> None:
        self._on_change = on_change
        self._is_filling = False
        self.references: tuple[str, ...] = ()
        self.prompt = _field(
            ipywidgets.Textarea, "Prompt", rows=3, placeholder="What the picture shows, in any language"
        )
        self.prompt.layout.width = "auto"
        self.model = _field(
            ipywidgets.Dropdown,
            "Model",
            options=[(model.label, model.id) for model in MODELS.values()],
            value=DEFAULT_MODEL,
        )
        self.size = _field(ipywidgets.Combobox, "Size", "140px", ensure_option=False, placeholder="default")
        self.max_images = _field(
            ipywidgets.BoundedIntText, "Pictures in a set", "165px", min=1, max=MOST_IN_SET, value=1
        )
        self.takes = _field(ipywidgets.BoundedIntText, "Takes", "92px", min=1, max=MOST_TAKES, value=1)
        self.output_format = _field(
            ipywidgets.Dropdown, "Format", options=[("default", ""), ("JPEG", "jpeg"), ("PNG", "png")]
        )
        self.watermark = ipywidgets.Checkbox(description="Watermark", value=True, indent=False)
        self.watermark.layout.width = "auto"
        self.upload = ipywidgets.FileUpload(
            description="Add reference images",  # the style sheet says it, too
            tooltip="Pictures that the new one is to be made from",
            accept="image/*",
            multiple=True,
        )
        self.upload.layout.width = "auto"
        self.upload.add_class("seedream-upload")
        self.use_selection = ipywidgets.Button(
            description="Use selection", tooltip="Make the selected pictures references"
        )
        self.clear = ipywidgets.Button(description="No references", disabled=True)
        self.reference_count = ipywidgets.HTML()
        self.announcement = ipywidgets.HTML()
        self.announcement.add_class("seedream-announcement")
        self.button = ipywidgets.Button(description=_name_of_making(MakeSettings()), button_style="primary")
        super().__init__(
            [
                self.prompt,
                _row(self.model, self.size, self.max_images, self.takes, self.output_format, self.watermark),
                _row(self.upload, self.use_selection, self.clear, self.reference_count),
                _row(self.button, self.announcement),
            ]
        )
        self.model.observe(self._adapt_to_model, "value")
        for field in (
            self.prompt,
            self.model,
            self.size,
            self.max_images,
            self.takes,
            self.output_format,
            self.watermark,
        ):
            field.observe(lambda _change: self._changed(), "value")
        self.upload.observe(lambda change: self._uploaded(change["new"], on_upload), "value")
        self.use_selection.on_click(lambda _button: on_use_selection())
        self.clear.on_click(lambda _button: self.set_references(()))
        self.button.on_click(lambda _button: on_make(self.read()))
        self._adapt_to_model()

    def read(self) -> MakeSettings:
        """The form as plain data; what is left at its default is left to the service."""
        accepted = accepted_by(self.model.value)
        return MakeSettings(
            prompt=self.prompt.value.strip(),
            model=self.model.value,
            size=self.size.value.strip() or None,
            max_images=self.max_images.value if accepted.most_images > 1 and self.max_images.value > 1 else None,
            takes=self.takes.value,
            output_format=self.output_format.value or None,
            watermark=None if self.watermark.value else False,
            references=self.references,
        )

    def fill(self, settings: MakeSettings, references: Sequence[str]) -> None:
        """Puts settings into the form, such as those of a picture.

        Args:
            settings: The settings.
            references: Its reference images, as they travel.
        """
        self._is_filling = True
        try:
            self.prompt.value = settings.prompt
            if settings.model in MODELS:
                self.model.value = settings.model
            self.size.value = settings.size or ""
            self.max_images.value = settings.max_images or 1
            self.takes.value = min(settings.takes, MOST_TAKES)
            self.output_format.value = settings.output_format or ""
            self.watermark.value = settings.watermark is not False
        finally:
            self._is_filling = False
        self.set_references(references)

    def set_references(self, references: Sequence[str]) -> None:
        """Sets the reference images, as they travel."""
        self.references = tuple(references)
        count = len(self.references)
        self.reference_count.value = "" if not count else "1 reference" if count == 1 else f"{count} references"
        self.clear.disabled = not count
        self._changed()

    def announce(self, announcement: str, problem: str, *, is_busy: bool) -> None:
        """Says what a click costs, or why there cannot be one.

        Args:
            announcement: How many paid requests it makes.
            problem: Why it cannot be sent; empty when it can.
            is_busy: Whether pictures are being made already.
        """
        self.button.description = _name_of_making(self.read())
        self.button.disabled = bool(problem) or is_busy
        self.announcement.value = html.escape(problem or announcement)

    def _adapt_to_model(self, _change: object = None) -> None:
        accepted = accepted_by(self.model.value)
        self.size.options = accepted.sizes
        self.output_format.disabled = not accepted.formats
        if not accepted.formats:
            self.output_format.value = ""
        self.max_images.disabled = accepted.most_images == 1

    def _changed(self) -> None:
        if not self._is_filling:
            self._on_change()

    def _uploaded(self, files: Sequence[Mapping[str, Any]], on_upload: Callable[[Mapping[str, bytes]], None]) -> None:
        if files:
            contents = {str(file["name"]): bytes(file["content"]) for file in files}
            # Emptied at once: the widget would keep the files, and send them to every new view.
            self.upload.value = ()
            on_upload(contents)


class FilterBar(ipywidgets.HBox):
    """Which tiles are shown, and in what order.

    Args:
        on_change: Called with the filter and the order whenever they change.
    """

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._is_filling = False
        self.text = _field(
            ipywidgets.Text, "Filter", "220px", placeholder="words of the prompt", continuous_update=True
        )
        self.model = _field(ipywidgets.Dropdown, "Model", "210px", options=[("all", "")])
        self.status = _field(ipywidgets.Dropdown, "State", "150px", options=[("all", "")])
        self.size = _field(ipywidgets.Dropdown, "Size", "160px", options=[("all", "")])
        self.since = _field(ipywidgets.DatePicker, "From", "180px")
        self.until = _field(ipywidgets.DatePicker, "To", "170px")
        days = ipywidgets.HBox([self.since, self.until])
        days.layout.flex_flow = "row wrap"
        days.layout.align_items = "baseline"
        days.add_class("seedream-together")
        self.sort = _field(ipywidgets.Dropdown, "Sort", options=[(sort.value, sort) for sort in Sort])
        super().__init__([self.text, self.model, self.status, self.size, days, self.sort])
        self.layout.flex_flow = "row wrap"
        self.layout.align_items = "baseline"
        self.add_class("seedream-row")
        self.add_class("seedream-filters")
        for field in (self.text, self.model, self.status, self.size, self.since, self.until, self.sort):
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
        )
        return wanted, self.sort.value

    def offer(self, choices: Choices) -> None:
        """Offers what occurs among the tasks; a choice that was made stays.

        Args:
            choices: Models, states and sizes with their counts.
        """
        self._is_filling = True
        try:
            for field, counts in (
                (self.model, choices.models),
                (self.status, choices.statuses),
                (self.size, choices.sizes),
            ):
                chosen = field.value
                offered = {**counts, **({chosen: 0} if chosen and chosen not in counts else {})}
                options = [("all", ""), *((f"{_call(value)} ({count})", value) for value, count in offered.items())]
                if tuple(options) != tuple(field.options):
                    field.options = options
                    field.value = chosen
        finally:
            self._is_filling = False
