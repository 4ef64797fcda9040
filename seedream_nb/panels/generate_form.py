"""The form for generating images; its button says what a click sends, and sends exactly that."""

from __future__ import annotations

import html
import threading
from typing import TYPE_CHECKING, Any

import ipywidgets

from seedream_nb.core.text import count_of
from seedream_nb.panels.forms import MarkedField, make_field, make_fields, make_row
from seedream_nb.panels.generate_settings import GenerateSettings, accepted_by, describe_others
from seedream_nb.panels.orders import Entries, Order
from seedream_nb.panels.submit import SubmitButton
from seedream_nb.protocol.capabilities import MODELS
from seedream_nb.protocol.request_body import DEFAULT_MODEL
from seedream_nb.protocol.sizes import COMMON_RATIOS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

UNKNOWN = "Outcome unknown"
CHECK_HISTORY = "The last request may have been paid for. Check the history before you allow another one."
IN_PROGRESS = "The last request is still in progress."


class GenerateForm(ipywidgets.VBox):
    """The settings of a generation, with the button that sends it.

    Args:
        on_change: Called whenever an entry changes; it answers with `show`.
        on_generate: Called with the order that the button shows when it is clicked.
        on_outdated: Called when the button was clicked before it showed what was typed last.
        on_upload: Called with the names and contents of chosen files.
        on_use_selection: Called to use the selected images as references.
        on_allow: Called when the user allows another request after one whose outcome is unknown.
    """

    def __init__(
        self,
        on_change: Callable[[], None],
        *,
        on_generate: Callable[[Order], object],
        on_outdated: Callable[[], None],
        on_upload: Callable[[Mapping[str, bytes]], None],
        on_use_selection: Callable[[], None],
        on_allow: Callable[[], None],
    ) -> None:
        self._on_change = on_change
        self._is_filling = False
        self._order = Order()
        self._lock = threading.Lock()
        self.references: tuple[str, ...] = ()
        self.others: tuple[tuple[str, object], ...] = ()  # of an image's request, without a field here
        self.prompt = make_field(
            ipywidgets.Textarea, "Prompt", rows=3, placeholder="Describe the image, in any language"
        )
        self.prompt.add_class("seedream-prompt")
        self.model = make_field(
            ipywidgets.Dropdown,
            "Model",
            options=[(model.label, model.id) for model in MODELS.values()],
            value=DEFAULT_MODEL,
        )
        self.size = make_field(ipywidgets.Combobox, "Size", ensure_option=False, placeholder="Default")
        # As texts, because the number fields of browsers and ipywidgets correct what is typed without a word.
        self.max_images = make_field(ipywidgets.Text, "Images per set", value="1")
        self.takes = make_field(ipywidgets.Text, "Takes", value="1")
        self.output_format = make_field(
            ipywidgets.Dropdown, "Format", options=[("Default", ""), ("JPEG", "jpeg"), ("PNG", "png")]
        )
        self.watermark = ipywidgets.Checkbox(description="Watermark", value=True, indent=False)
        self.watermark.layout.width = "auto"
        settings = {
            "model": self.model,
            "size": self.size,
            "max_images": self.max_images,
            "takes": self.takes,
            "output_format": self.output_format,
            "watermark": self.watermark,
        }
        self._marked = {name: MarkedField(field) for name, field in settings.items()}
        self._marked["model"].add_class("seedream-wide")
        self.upload = ipywidgets.FileUpload(
            description="Add reference images",  # repeated in the style sheet
            tooltip="Images to edit, or to use as references",
            accept="image/*",
            multiple=True,
        )
        self.upload.layout.width = "auto"
        self.upload.add_class("seedream-upload")
        self.use_selection = ipywidgets.Button(
            description="Use selection", tooltip="Use the selected images as references"
        )
        self.clear = ipywidgets.Button(description="Clear references", disabled=True)
        self.reference_count = ipywidgets.HTML()
        self.others_note = ipywidgets.HTML()
        self.clear_others = ipywidgets.Button(
            description="Clear options", tooltip="Generate without these options of the image"
        )
        self.others_row = make_row(self.others_note, self.clear_others)
        self.others_row.layout.display = "none"
        self.announcement = ipywidgets.HTML()
        self.announcement.add_class("seedream-announcement")
        # A file that is still on its way is part of what a click sends.
        fields = {"prompt": self.prompt, **settings, "upload": self.upload}
        self.button = SubmitButton(
            "Generate", fields, lambda _values: on_generate(self._order), on_outdated, is_primary=True
        )
        self.allow = ipywidgets.Button(description="Allow another request", tooltip="Enables the button; sends nothing")
        self.allow.layout.width = "auto"
        super().__init__(
            [
                self.prompt,
                make_fields(*self._marked.values()),
                make_row(self.upload, self.use_selection, self.clear, self.reference_count),
                self.others_row,
                make_row(self.button, self.announcement, self.allow),
            ]
        )
        self.add_class("seedream-form")
        self.model.observe(self._adapt_to_model, "value")
        for field in (self.prompt, *settings.values()):
            field.observe(lambda _change: self._changed(), "value")
        self.upload.observe(lambda change: self._uploaded(change["new"], on_upload), "value")
        self.use_selection.on_click(lambda _button: on_use_selection())
        self.clear.on_click(lambda _button: self.set_references(()))
        self.clear_others.on_click(lambda _button: self._clear_others())
        self.allow.on_click(lambda _button: on_allow())
        self._adapt_to_model()

    def read(self) -> Entries:
        """What is in the form."""
        return Entries(
            prompt=self.prompt.value,
            model=self.model.value,
            size=self.size.value,
            max_images=self.max_images.value,
            takes=self.takes.value,
            output_format=self.output_format.value,
            watermark=self.watermark.value,
            references=self.references,
            others=self.others,
        )

    def fill(self, settings: GenerateSettings, references: Sequence[str]) -> None:
        """Fills the form with settings, such as those of an image; the references are as they are sent."""
        self._is_filling = True
        try:
            self.prompt.value = settings.prompt
            if settings.model in MODELS:
                self.model.value = settings.model
            self.size.value = settings.size or ""
            self.max_images.value = str(settings.max_images or 1)
            self.takes.value = str(settings.takes)
            self.output_format.value = settings.output_format or ""
            self.watermark.value = settings.watermark is not False
            self._set_others(settings)
        finally:
            self._is_filling = False
        self.set_references(references)

    def set_references(self, references: Sequence[str]) -> None:
        """Sets the reference images, as they are sent."""
        self.references = tuple(references)
        count = len(self.references)
        self.reference_count.value = count_of(count, "reference") if count else ""
        self.clear.disabled = not count
        self._changed()

    def _set_others(self, settings: GenerateSettings) -> None:
        self.others = settings.others
        words = describe_others(settings)
        self.others_note.value = html.escape(f"Also sent: {words}") if words else ""
        self.others_row.layout.display = "" if words else "none"

    def _clear_others(self) -> None:
        self._set_others(GenerateSettings())
        self._changed()

    def show(self, plan: Callable[[Entries], Order], *, is_busy: bool, is_outcome_unknown: bool) -> None:
        """Plans what a click sends, and says it; or why a click sends nothing. May be called in any thread."""
        # The order and the button's words change together.
        with self._lock:
            seen = self.button.read() | {"upload": []}
            order = self._order = plan(self.read())
            problem = CHECK_HISTORY if is_outcome_unknown else IN_PROGRESS if is_busy else order.problem
            words = UNKNOWN if is_outcome_unknown else f"Generate: {order.cost}" if order.cost else "Generate"
            self.button.show(words, seen, disabled=bool(problem), tooltip=problem)
            for name, field in self._marked.items():
                field.mark(order.marked.get(name, ""))
            self.announcement.value = html.escape(problem)
            self.allow.layout.display = "" if is_outcome_unknown else "none"

    def _adapt_to_model(self, _change: object = None) -> None:
        accepted = accepted_by(self.model.value)
        self.size.options = (*accepted.sizes, *COMMON_RATIOS)
        self.output_format.disabled = not accepted.formats
        if not accepted.formats:
            self.output_format.value = ""
        self.max_images.disabled = accepted.most_images == 1
        if self.max_images.disabled:
            self.max_images.value = "1"

    def _changed(self) -> None:
        if not self._is_filling:
            self._on_change()

    def _uploaded(self, files: Sequence[Mapping[str, Any]], on_upload: Callable[[Mapping[str, bytes]], None]) -> None:
        if files:
            contents = {str(file["name"]): bytes(file["content"]) for file in files}
            # Emptied at once, because the widget would keep the files and send them to every new view.
            self.upload.value = ()
            on_upload(contents)
