"""Why: pictures are browsed, compared and made without typing a command, and everything comes back to Python.

Plain data and pure functions first: `cards` stand in a `collection`, are found by `filters`, described with their
`card_details`; a `supply` brings `pictures` on demand; `make_settings` become requests, and `code` says the same. The
forms (`query_forms`, `make_form`, `filter_bar`) and the `grid`, whose parts `front_end` joins, are thin.
"""

from __future__ import annotations

from seedream_nb.panels.door import explore
from seedream_nb.panels.explorer import Explorer

__all__ = ["Explorer", "explore"]
