"""Renders a tile the same way wherever it stands: in a flow of tiles, in a pair, or in a table.

Foreign text is escaped where it is inserted.
"""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from seedream_nb.gallery.page import DataUri
from seedream_nb.gallery.tiles import FETCHING
from seedream_nb.protocol.capabilities import display_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seedream_nb.gallery.page import Entry, Shape, ShownImage

MAX_ALT = 250  # characters; a screen reader reads the caption as well
LONG_WORD = re.compile(r"[A-Za-z_.]{20,}")  # such as an error code, which may be wider than a narrow tile
SEAM = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[_.])(?=[A-Za-z])")
MAX_UNFOLDED = 80  # columns of text that fit into three lines of a narrow tile for certain
FIRST_WIDE = 0x2E80  # the begin of the CJK blocks, whose characters take two columns


def render_tile(entry: Entry, style: str, aspect: Shape) -> str:
    """Renders a tile as a `<figure>`.

    Args:
        entry: The tile.
        style: Its inline layout among the others.
        aspect: Width and height of the place for its image, as a ratio.
    """
    caption = f"<figcaption>{_caption(entry)}</figcaption>"
    # Inline, and in the one form that JupyterLab accepts from notebooks that are not trusted yet.
    style = f"{style};overflow-wrap:break-word"
    return f'<figure class="seedream-tile" style="{style}">{_image_box(entry, aspect)}{caption}</figure>'


def render_prompt(text: str, css_class: str = "seedream-prompt") -> str:
    """Renders a prompt; a long one is folded, and opens with a click, a key, or where no style applies.

    Args:
        text: The prompt.
        css_class: Its class in the style sheet.

    Returns:
        An element, or nothing for an empty prompt.
    """
    if not text:
        return ""
    if columns_of(text) <= MAX_UNFOLDED and "\n" not in text:
        return f'<div class="{css_class}" dir="auto">{escape(text)}</div>'
    return (
        f'<details class="{css_class}"><summary title="Show the full prompt">'
        f'<span dir="auto">{escape(text)}</span></summary></details>'
    )


def render_facts(facts: Iterable[str]) -> str:
    """Renders facts on one line; a known model by its name, with its full id as a tooltip."""
    return " · ".join(
        escape(fact) if (name := display_name(fact)) == fact else f'<span title="{escape(fact)}">{escape(name)}</span>'
        for fact in facts
    )


def render_problem(text: str) -> str:
    """Renders why there is no image; long codes may wrap between their words.

    Example:
        >>> render_problem("(InputTextSensitiveContentDetected)")
        '(Input<wbr>Text<wbr>Sensitive<wbr>Content<wbr>Detected)'
    """
    return LONG_WORD.sub(lambda word: SEAM.sub("<wbr>", word[0]), escape(text))


def columns_of(text: str) -> int:
    """The width of a text in Latin letters; East Asian characters take two."""
    return len(text) + (0 if text.isascii() else sum(ord(character) >= FIRST_WIDE for character in text))


def _image_box(entry: Entry, aspect: Shape) -> str:
    tile = entry.tile
    if entry.shown is None:
        css = " seedream-waiting" if tile.is_waiting else ""
        css += " seedream-fetching" if tile.state is FETCHING else ""
        icon = f'<span class="seedream-icon" aria-hidden="true">{tile.state.icon}</span> ' if tile.state else ""
        word = tile.state.word if tile.state else tile.label
        return f'<div class="seedream-image seedream-empty{css}">{icon}<span>{escape(word)}</span></div>'
    image = _image(entry.shown, tile.prompt or tile.label)
    if entry.link is not None:
        image = f"{_open_link(entry.link)}{image}</a>"
    return f'<div class="seedream-image{_transparency(entry.shown, aspect)}">{image}</div>'


def _transparency(image: ShownImage, aspect: Shape) -> str:
    """The background of a transparent image is no larger than the image, so that its edges show."""
    if not image.is_transparent:
        return ""
    width, height = image.shape or aspect
    is_wide = width * aspect[1] >= height * aspect[0]
    return f" seedream-transparent seedream-{'wide' if is_wide else 'high'}"


def _image(image: ShownImage, prompt: str) -> str:
    shape = f' width="{image.width}" height="{image.height}"' if image.width and image.height else ""
    alt = escape(" ".join(prompt.split())[:MAX_ALT])
    lazy = "" if isinstance(image.address, DataUri) else ' loading="lazy"'
    return f'<img src="{escape(str(image.address))}" alt="{alt}"{shape}{lazy}>'


def _open_link(link: str) -> str:
    return f'<a href="{escape(link)}" target="_blank" rel="noopener noreferrer">'


def _caption(entry: Entry) -> str:
    tile = entry.tile
    problem = f'<div class="seedream-problem">{render_problem(tile.problem)}</div>' if tile.problem else ""
    # A place that waits reserves a line for the facts of its image.
    has_facts = tile.facts or tile.is_waiting
    facts = f'<div class="seedream-facts">{render_facts(tile.facts)}</div>' if has_facts else ""
    label = f'<div class="seedream-label">{escape(tile.label)}</div>' if tile.label else ""
    prompt = render_prompt(tile.prompt) if tile.is_captioned else ""
    return f"{label}{prompt}{problem}{facts}{_meta(entry)}"


def _meta(entry: Entry) -> str:
    tile = entry.tile
    parts = []
    if tile.state:
        parts.append(f'<span class="seedream-state">{escape(str(tile.state))}</span>')
    if tile.task_id:
        parts.append(f'<code class="seedream-id" title="{escape(tile.task_id)}">{escape(tile.task_id)}</code>')
    if tile.position:
        parts.append(f"<span>{escape(tile.position)}</span>")
    if tile.trace_id:
        parts.append(f'<span>trace <code class="seedream-id">{escape(tile.trace_id)}</code></span>')
    if entry.link is not None:
        parts.append(f"{_open_link(entry.link)}original</a>")
    return f'<div class="seedream-meta">{" · ".join(parts)}</div>' if parts else ""
