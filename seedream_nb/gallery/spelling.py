"""Why: what is measured must be what is stored, so that no output passes its limit. Both forms of a page count."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from seedream_nb.gallery.html import render_html
from seedream_nb.gallery.page import DataUri
from seedream_nb.gallery.text import render_text

if TYPE_CHECKING:
    from seedream_nb.gallery.page import Entry, Page


def spell(page: Page) -> dict[str, str]:
    """Spells a page in both forms.

    Args:
        page: What the gallery shows.

    Returns:
        `text/html` and `text/plain`.
    """
    return {"text/html": render_html(page), "text/plain": render_text(page)}


def measure(page: Page) -> int:
    """How large a page becomes, without spelling the images in it, which are nearly all of it.

    Args:
        page: What the gallery shows.

    Returns:
        The bytes that both forms take, in UTF-8.
    """
    bare = dataclasses.replace(
        page, before=tuple(map(_without_bytes, page.before)), entries=tuple(map(_without_bytes, page.entries))
    )
    images = sum(map(_encoded_length, (*page.before, *page.entries)))
    return images + sum(len(form.encode()) for form in spell(bare).values())


def _encoded_length(entry: Entry) -> int:
    """How many bytes of the page are its image; HTML alone has it, as text has no images."""
    return entry.shown.address.encoded_length if entry.shown and isinstance(entry.shown.address, DataUri) else 0


def _without_bytes(entry: Entry) -> Entry:
    """The same entry with an empty file for an image."""
    if entry.shown is None or not isinstance(entry.shown.address, DataUri):
        return entry
    address = dataclasses.replace(entry.shown.address, data=b"")
    return dataclasses.replace(entry, shown=dataclasses.replace(entry.shown, address=address))
