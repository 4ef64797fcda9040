"""Shows tasks in any front end, and shares them as files.

`contents` checks what is given. `tiles` decides what is shown of a task; `embedding` loads the images, and decides what
is embedded. `page` joins all of it, and `rendering` renders it as HTML and text. `save` (with `file_names` and
`saved_record`), `export`, and `contact_sheet` (with `sheet_pages` for a PDF) write files. `Gallery` is the object that
users work with.
"""

from __future__ import annotations

from seedream_nb.gallery.contents import GalleryOptions, Table
from seedream_nb.gallery.gallery import Gallery
from seedream_nb.gallery.save import SavedImage, SaveReport

__all__ = ["Gallery", "GalleryOptions", "SaveReport", "SavedImage", "Table"]
