"""Why: seeing the results is the point. Tasks go in; what any front end can show, and files, come out.

`tiles` decides what is said and `budget` what is embedded; `loading` has the images fetched once. `compose` joins
all to a `page`, which `html` and `text` spell, in the rows and columns of a `table` where there is one; `spelling` has
both forms, and their size. `save` keeps originals, and `gallery` is the object that a user holds.
"""

from __future__ import annotations

from seedream_nb.gallery.gallery import Gallery
from seedream_nb.gallery.options import GalleryOptions
from seedream_nb.gallery.save import SaveFailure, SaveReport
from seedream_nb.gallery.table import Table

__all__ = ["Gallery", "GalleryOptions", "SaveFailure", "SaveReport", "Table"]
