"""Shows tasks in any front end, and shares them as files.

`tiles` decides what is shown of a task, `embedding` what is embedded, and `loading` loads the images. `compose` joins
all of it to a `page`, which `html` and `text` render, in the rows and columns of a `table` where there is one.
`save`, `export`, and `contact_sheet` write files. `Gallery` is the object that users work with.
"""

from __future__ import annotations

from seedream_nb.gallery.contents import GalleryOptions
from seedream_nb.gallery.gallery import Gallery
from seedream_nb.gallery.save import SaveFailure, SaveReport
from seedream_nb.gallery.table import Table

__all__ = ["Gallery", "GalleryOptions", "SaveFailure", "SaveReport", "Table"]
