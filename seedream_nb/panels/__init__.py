"""The explorer: a panel to browse, compare, and generate images without typing commands; results come back to Python.

Plain data and pure functions: a `collection` holds `cards`, `filters` finds them, `generate_settings` become requests,
and `code` writes them as code. A `loader` loads images on demand. The `forms` and the `grid` are thin widgets, and
`explorer` connects them.
"""

from __future__ import annotations

from seedream_nb.panels.explorer import Explorer, explore

__all__ = ["Explorer", "explore"]
