"""Why: what is to be made is a form that says what a click costs, and hands out plain data."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import ipywidgets

from seedream_nb.core.text import count_of
from seedream_nb.panels.controls import make_field, make_fields, make_row
from seedream_nb.panels.make_settings import MakeSettings, accepted_by
from seedream_nb.protocol.capabilities import MODELS
from seedream_nb.protocol.request_body import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MOST_TAKES = 8  # paid requests of one click; for more there is code, to be read before it is sent
MOST_IN_SET = 15


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
        self.prompt = make_field(
            ipywidgets.Textarea, "Prompt", rows=3, placeholder="What the picture shows, in any language"
        )
        self.prompt.layout.width = "auto"
        self.prompt.add_class("seedream-prompt")
        self.model = make_field(
            ipywidgets.Dropdown,
            "Model",
            options=[(model.label, model.id) for model in MODELS.values()],
            value=DEFAULT_MODEL,
        )
        self.model.add_class("seedream-wide")
        self.size = make_field(ipywidgets.Combobox, "Size", ensure_option=False, placeholder="default")
        self.max_images = make_field(ipywidgets.BoundedIntText, "Pictures in a set", min=1, max=MOST_IN_SET, value=1)
        self.takes = make_field(ipywidgets.BoundedIntText, "Takes", min=1, max=MOST_TAKES, value=1)
        self.output_format = make_field(
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
                make_fields(self.model, self.size, self.max_images, self.takes, self.output_format, self.watermark),
                make_row(self.upload, self.use_selection, self.clear, self.reference_count),
                make_row(self.button, self.announcement),
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
        self.reference_count.value = count_of(count, "reference") if count else ""
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


def _name_of_making(settings: MakeSettings) -> str:
    """What a click makes, in the words of its button."""
    most = settings.takes * (settings.max_images or 1)
    up_to = "up to " if settings.max_images else ""
    return "Make picture" if most == 1 else f"Make {up_to}{most} pictures"
