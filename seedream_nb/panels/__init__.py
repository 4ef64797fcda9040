"""The explorer: a panel to browse, compare, and generate images without typing commands; results come back to Python.

`sources` have the cards: tasks in memory, the whole library, or the history. The `state` knows their order and which
are selected, and `windows` answers what the browser asks about those in view. `filters`, `orders`, `generate_settings`,
and `code` are plain data and pure functions. A `loader` loads images on demand. The `forms`, the `grid`, and the
`markup_editor` are thin widgets, and `explorer` connects them.
"""

from __future__ import annotations

from seedream_nb.panels.explorer import Explorer, explore

__all__ = ["Explorer", "explore"]
