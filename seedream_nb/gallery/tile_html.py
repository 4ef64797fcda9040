"""Why: a tile is spelled the same wherever it stands, in a flow of tiles, in a pair, or in a table.

Everything foreign is escaped where it is inserted.
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from seedream_nb.gallery.page import DataUri
from seedream_nb.gallery.tiles import FETCHING

if TYPE_CHECKING:
    from seedream_nb.gallery.page import Entry, ShownImage

LONGEST_ALT = 250  # characters; a screen reader reads the caption as well
LONG_WORD = re.compile(r"[A-Za-z_.]{20,}")  # such as the code of an error, which may be wider than a narrow tile
SEAM = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[_.])(?=[A-Za-z])")
WIDEST_UNFOLDED = 80  # columns of text that surely fit into three lines of a narrow tile


def render_tile(entry: Entry, style: str, aspect: tuple[int, int]) -> str:
    """Spells a tile.

    Args:
        entry: The tile.
        style: How it stands among the others, inline.
        aspect: Width and height of the place for its image, as a ratio.

    Returns:
        A `<figure>`.
    """
    caption = f"<figcaption>{_caption(entry)}</figcaption>"
    # Inline, and in the one form that JupyterLab leaves to notebooks that are not trusted yet.
    style = f"{style};overflow-wrap:break-word"
    return f'<figure class="seedream-tile" style="{style}">{_image_box(entry, aspect)}{caption}</figure>'


def render_prompt(text: str, css_class: str = "seedream-prompt") -> str:
    """Spells a prompt; a long one is folded and opens on a click, a key, or where no style applies.

    Args:
        text: The prompt.
        css_class: What it is to the style sheet.

    Returns:
        An element, or nothing for no prompt.
    """
    if not text:
        return ""
    if columns_of(text) <= WIDEST_UNFOLDED and "\n" not in text:
        return f'<div class="{css_class}" dir="auto">{escape(text)}</div>'
    return (
        f'<details class="{css_class}"><summary title="Show the whole prompt">'
        f'<span dir="auto">{escape(text)}</span></summary></details>'
    )


def escape(text: str) -> str:
    """Makes text safe between tags and within quotes."""
    return html.escape(text, quote=True)


def render_problem(text: str) -> str:
    """Spells why there is no image; long codes may be broken between their words.

    Args:
        text: The problem.

    Returns:
        Escaped text with places where a line may end.

    Example:
        >>> render_problem("(InputTextSensitiveContentDetected)")
        '(Input<wbr>Text<wbr>Sensitive<wbr>Content<wbr>Detected)'
    """
    return LONG_WORD.sub(lambda word: SEAM.sub("<wbr>", word[0]), escape(text))


def _image_box(entry: Entry, aspect: tuple[int, int]) -> str:
    tile = entry.tile
    if entry.shown is None:
        making = " seedream-waiting" if tile.is_waiting else ""
        making += " seedream-fetching" if tile.state is FETCHING else ""
        icon = f'<span class="seedream-icon" aria-hidden="true">{tile.state.icon}</span> ' if tile.state else ""
        word = tile.state.word if tile.state else tile.label
        return f'<div class="seedream-image seedream-empty{making}">{icon}<span>{escape(word)}</span></div>'
    image = _image(entry.shown, tile.prompt or tile.label)
    if entry.link is not None:
        image = f"{_open_link(entry.link)}{image}</a>"
    return f'<div class="seedream-image{_transparency(entry.shown, aspect)}">{image}</div>'


def _transparency(image: ShownImage, aspect: tuple[int, int]) -> str:
    """What is seen through is drawn no larger than the image is, so that its edges show."""
    if not image.is_transparent:
        return ""
    width, height = image.shape or aspect
    is_wide = width * aspect[1] >= height * aspect[0]
    return f" seedream-transparent seedream-{'wide' if is_wide else 'high'}"


def _image(image: ShownImage, prompt: str) -> str:
    shape = f' width="{image.width}" height="{image.height}"' if image.width and image.height else ""
    alt = escape(" ".join(prompt.split())[:LONGEST_ALT])
    lazy = "" if isinstance(image.address, DataUri) else ' loading="lazy"'
    return f'<img src="{escape(str(image.address))}" alt="{alt}"{shape}{lazy}>'


def _open_link(link: str) -> str:
    return f'<a href="{escape(link)}" target="_blank" rel="noopener noreferrer">'


def _caption(entry: Entry) -> str:
    tile = entry.tile
    problem = f'<div class="seedream-problem">{render_problem(tile.problem)}</div>' if tile.problem else ""
    # A place that waits keeps a line for what will be known of the image.
    has_facts = tile.facts or tile.is_waiting
    facts = f'<div class="seedream-facts">{escape(" · ".join(tile.facts))}</div>' if has_facts else ""
    label = f'<div class="seedream-label">{escape(tile.label)}</div>' if tile.label else ""
    prompt = render_prompt(tile.prompt) if tile.is_captioned else ""
    return f"{label}{prompt}{problem}{facts}{_meta(entry)}"


def columns_of(text: str) -> int:
    """How wide a text is, in Latin letters: East Asian characters take two places."""
    if text.isascii():
        return len(text)
    return sum(2 if ord(character) >= 0x2E80 else 1 for character in text)  # noqa: PLR2004  where the CJK blocks begin


def _meta(entry: Entry) -> str:
    tile = entry.tile
    parts = []
    if tile.state:
        parts.append(f'<span class="seedream-state">{tile.state.icon} {escape(tile.state.word)}</span>')
    if tile.task_id:
        parts.append(f'<code class="seedream-id" title="{escape(tile.task_id)}">{escape(tile.task_id)}</code>')
    if tile.position:
        parts.append(f"<span>{escape(tile.position)}</span>")
    if tile.trace_id:
        parts.append(f'<span>trace <code class="seedream-id">{escape(tile.trace_id)}</code></span>')
    if entry.link is not None:
        parts.append(f"{_open_link(entry.link)}original</a>")
    return f'<div class="seedream-meta">{" · ".join(parts)}</div>' if parts else ""
