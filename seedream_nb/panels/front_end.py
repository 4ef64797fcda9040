"""Why: the front end is written in parts that each have one job; here they become one module and one style sheet.

There is no build step, and a browser loads nothing but what Python hands to it: the parts are joined as they are, in an
order in which each one that a class is derived from comes first. They share one scope, so that they need no imports.
"""

from __future__ import annotations

from pathlib import Path

STATIC = Path(__file__).with_name("static")
SCRIPTS = (
    *("grid/cards.js", "grid/elements.js", "grid/pictures.js", "grid/tile.js"),
    *("grid/chooser.js", "grid/sheet.js", "grid/tile_size.js"),
    *("grid/lens.js", "grid/stage.js", "grid/dialog.js", "grid/detail.js", "grid/compare.js"),
    *("grid/view.js", "grid/widget.js"),
)
GRID_STYLES = ("grid/frame.css", "grid/sheet.css", "grid/dialog.css", "grid/compare.css", "grid/motion.css")
EXPLORER_STYLES = (*GRID_STYLES, "explorer.css")


def join_parts(*names: str) -> str:
    """Joins parts of the front end.

    Args:
        *names: Paths below `STATIC`, in order.

    Returns:
        Their text; each begins with its name, so that a browser's console shows where one is.

    Example:
        >>> join_parts("explorer.css").startswith("/* explorer.css */")
        True
    """
    return "\n".join(f"/* {name} */\n{(STATIC / name).read_text(encoding='utf-8')}" for name in names)
