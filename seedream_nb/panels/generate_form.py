"""The form for generating images; it shows what a click costs, and returns plain data."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets

from seedream_nb.core.text import count_of
from seedream_nb.panels.forms import make_field, make_fields, make_row
from seedream_nb.panels.generate_settings import MOST_TAKES, GenerateSettings, accepted_by
from seedream_nb.protocol.capabilities import MAX_IMAGES, MODELS
from seedream_nb.protocol.request_body import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


UNKNOWN = "Outcome unknown"
CHECK_HISTORY = "The last request may have been paid for. Check the history before you allow another one."


class GenerateForm(ipywidgets.VBox):
    """The settings of a generation, with the button that sends it.

    Args:
        on_change: Called whenever a setting changes.
        on_generate: Called with the settings when the button is clicked.
        on_upload: Called with the names and contents of chosen files.
        on_use_selection: Called to use the selected images as references.
        on_allow: Called when the user allows another request after one whose outcome is unknown.
    """

    def __init__(
        self,
        on_change: Callable[[], None],
        on_generate: Callable[[GenerateSettings], None],
        on_upload: Callable[[Mapping[str, bytes]], None],
        on_use_selection: Callable[[], None],
        on_allow: Callable[[], None],
    ) -> None:
        self._on_change = on_change
        self._is_filling = False
        self.references: tuple[str, ...] = ()
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
        self.model.add_class("seedream-wide")
        self.size = make_field(ipywidgets.Combobox, "Size", ensure_option=False, placeholder="Default")
        self.max_images = make_field(ipywidgets.BoundedIntText, "Images per set", min=1, max=MAX_IMAGES, value=1)
        self.takes = make_field(ipywidgets.BoundedIntText, "Takes", min=1, max=MOST_TAKES, value=1)
        self.output_format = make_field(
            ipywidgets.Dropdown, "Format", options=[("Default", ""), ("JPEG", "jpeg"), ("PNG", "png")]
        )
        self.watermark = ipywidgets.Checkbox(description="Watermark", value=True, indent=False)
        self.watermark.layout.width = "auto"
        settings = (self.model, self.size, self.max_images, self.takes, self.output_format, self.watermark)
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
        self.announcement = ipywidgets.HTML()
        self.announcement.add_class("seedream-announcement")
        self.button = ipywidgets.Button(description=_button_label(GenerateSettings()), button_style="primary")
        self.allow = ipywidgets.Button(description="Allow another request", tooltip="Enables the button; sends nothing")
        self.allow.layout.width = "auto"
        super().__init__(
            [
                self.prompt,
                make_fields(*settings),
                make_row(self.upload, self.use_selection, self.clear, self.reference_count),
                make_row(self.button, self.announcement, self.allow),
            ]
        )
        self.model.observe(self._adapt_to_model, "value")
        for field in (self.prompt, *settings):
            field.observe(lambda _change: self._changed(), "value")
        self.upload.observe(lambda change: self._uploaded(change["new"], on_upload), "value")
        self.use_selection.on_click(lambda _button: on_use_selection())
        self.clear.on_click(lambda _button: self.set_references(()))
        self.button.on_click(lambda _button: on_generate(self.read()))
        self.allow.on_click(lambda _button: on_allow())
        self._adapt_to_model()

    def read(self) -> GenerateSettings:
        """The form as plain data; settings left at their default are left to the service."""
        accepted = accepted_by(self.model.value)
        return GenerateSettings(
            prompt=self.prompt.value.strip(),
            model=self.model.value,
            size=self.size.value.strip() or None,
            max_images=self.max_images.value if accepted.most_images > 1 and self.max_images.value > 1 else None,
            takes=self.takes.value,
            output_format=self.output_format.value or None,
            watermark=None if self.watermark.value else False,
            references=self.references,
        )

    def fill(self, settings: GenerateSettings, references: Sequence[str]) -> None:
        """Fills the form with settings, such as those of an image; the references are as they are sent."""
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
        """Sets the reference images, as they are sent."""
        self.references = tuple(references)
        count = len(self.references)
        self.reference_count.value = count_of(count, "reference") if count else ""
        self.clear.disabled = not count
        self._changed()

    def announce(self, announcement: str, problem: str, *, is_busy: bool, is_outcome_unknown: bool) -> None:
        """Shows what a click costs, why the settings cannot be sent, or that an unknown outcome needs a decision."""
        self.button.description = UNKNOWN if is_outcome_unknown else _button_label(self.read())
        self.button.disabled = bool(problem) or is_busy or is_outcome_unknown
        self.announcement.value = html.escape(CHECK_HISTORY if is_outcome_unknown else problem or announcement)
        self.allow.layout.display = "" if is_outcome_unknown else "none"

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
            # Emptied at once, because the widget would keep the files and send them to every new view.
            self.upload.value = ()
            on_upload(contents)


def _button_label(settings: GenerateSettings) -> str:
    most = settings.takes * (settings.max_images or 1)
    up_to = "up to " if settings.max_images else ""
    return "Generate image" if most == 1 else f"Generate {up_to}{most} images"
