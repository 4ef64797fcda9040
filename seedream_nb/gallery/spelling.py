"""Why: what is measured must be what is stored, so that no output passes its limit. Both forms of a page count."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from seedream_nb.gallery.html import spell_html
from seedream_nb.gallery.page import DataUri
from seedream_nb.gallery.text import spell_text

if TYPE_CHECKING:
    from seedream_nb.gallery.page import Entry, Page


def spell(page: Page) -> dict[str, str]:
    """Spells a page in both forms.

    Args:
        page: What the gallery shows.

    Returns:
        `text/html` and `text/plain`.
    """
    return {"text/html": spell_html(page), "text/plain": spell_text(page)}


def measure(page: Page) -> int:
    """How large a page becomes, without spelling the pictures in it, which are nearly all of it.

    Args:
        page: What the gallery shows.

    Returns:
        The bytes that both forms take, in UTF-8.
    """
    bare = dataclasses.replace(
        page, before=tuple(map(_without_bytes, page.before)), entries=tuple(map(_without_bytes, page.entries))
    )
    pictures = sum(map(_encoded_length, (*page.before, *page.entries)))
    return pictures + sum(len(form.encode()) for form in spell(bare).values())


def _encoded_length(entry: Entry) -> int:
    """How many bytes of the page are its picture; HTML alone has it, as text has no pictures."""
    return entry.picture.address.encoded_length if entry.picture and isinstance(entry.picture.address, DataUri) else 0


def _without_bytes(entry: Entry) -> Entry:
    """The same entry with an empty file for a picture."""
    if entry.picture is None or not isinstance(entry.picture.address, DataUri):
        return entry
    address = dataclasses.replace(entry.picture.address, data=b"")
    return dataclasses.replace(entry, picture=dataclasses.replace(entry.picture, address=address))
