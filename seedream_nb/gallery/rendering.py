"""Renders a page as HTML and as plain text; foreign text is escaped where it is inserted."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from importlib.resources import files
from statistics import fmean
from typing import TYPE_CHECKING

from seedream_nb.core.foreign import VERBATIM_CLASSES
from seedream_nb.gallery.contents import label_parts
from seedream_nb.gallery.embedding import DataUri
from seedream_nb.gallery.page import FLAT
from seedream_nb.gallery.tiles import FETCHING, describe_marks
from seedream_nb.library.marks import MOST_STARS
from seedream_nb.protocol.capabilities import display_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seedream_nb.gallery.contents import Table
    from seedream_nb.gallery.embedding import ShownImage
    from seedream_nb.gallery.page import Entry, Page, Shape
    from seedream_nb.gallery.tiles import Tile

MAX_ALT = 250  # characters; a screen reader reads the caption as well
LONG_WORD = re.compile(r"[A-Za-z_.]{20,}")  # such as an error code, which may be wider than a narrow tile
SEAM = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[_.])(?=[A-Za-z])")
MAX_UNFOLDED = 80  # columns of text that fit into three lines of a narrow tile for certain
FIRST_WIDE = 0x2E80  # the begin of the CJK blocks, whose characters take two columns

# Of other views in cells: the colors of JupyterLab, VS Code, or any other page, and the layout of a gallery.
VIEW_COLORS = (
    "--seedream-ink:var(--jp-content-font-color1,var(--vscode-editor-foreground,light-dark(#1f1f1f,#e4e4e4)));"
    "--seedream-soft-ink:var(--jp-content-font-color2,var(--vscode-descriptionForeground,light-dark(#5a5a5a,#a8a8a8)));"
)
BAR_COLOR = "--seedream-bar:var(--jp-brand-color1,var(--vscode-charts-blue,light-dark(#0b5cad,#7ab8ff)));"
VIEW_LAYOUT = (
    "background:var(--jp-layout-color0,var(--vscode-editor-background,light-dark(#ffffff,#181c1a)));"
    "color:var(--seedream-ink);font-size:0.85em;line-height:1.35;padding:2px"
)


def render_tile(entry: Entry, style: str, aspect: Shape) -> str:
    """Renders a tile as a `<figure>`; the style is its inline layout among the others."""
    caption = f"<figcaption>{_caption(entry)}</figcaption>"
    # Inline, and in the one form that JupyterLab accepts from notebooks that are not trusted yet.
    style = f"{style};overflow-wrap:break-word"
    return f'<figure class="seedream-tile" style="{style}">{_image_box(entry, aspect)}{caption}</figure>'


def render_prompt(text: str, css_class: str = "seedream-prompt") -> str:
    """Renders a prompt; a long one is folded, and opens with a click, a key, or where no style applies."""
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
    return f"{label}{prompt}{problem}{facts}{_marks(tile)}{_meta(entry)}"


def _marks(tile: Tile) -> str:
    words = [f"<span>{escape(word)}</span>" for word in describe_marks(tile.marks)]
    if tile.marks.rating:
        stars = f"{tile.marks.rating} of {MOST_STARS} stars"
        words[0] = f'<span class="seedream-stars" role="img" aria-label="{stars}">{"★" * tile.marks.rating}</span>'
    return f'<div class="seedream-marks">{" · ".join(words)}</div>' if words else ""


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


GAP = 14  # pixels between columns
MIN_CELL = 148  # pixels
MIN_CELL_ON_NARROW_PAGE = 120  # pixels; so that two are visible at once
MIN_IN_SET = 104  # pixels; one tile among several in a cell
MAX_ABREAST = 3  # tiles of a set in one cell
LETTER = 7  # pixels, approximately
MAX_LABEL = 170  # pixels
MIN_LABEL = 44  # pixels
LABEL_ON_NARROW_PAGE = 90  # pixels

CELL = f"padding:0 {GAP}px {GAP + 4}px 0;vertical-align:top;text-align:left"


@dataclass(frozen=True)
class _Measures:
    """Widths in pixels; `abreast` and `columns` are counts."""

    abreast: int
    narrowest: int
    widest: int
    label: int
    columns: int

    @property
    def style(self) -> str:
        least = self.label + self.columns * (self.narrowest + GAP)
        most = self.label + self.columns * (self.widest + GAP)
        narrow_cell = MIN_CELL_ON_NARROW_PAGE if self.abreast == 1 else self.narrowest
        narrow_label = min(self.label, LABEL_ON_NARROW_PAGE + GAP)
        narrow = f"--seedream-narrow:{narrow_label + self.columns * (narrow_cell + GAP)}px"
        return f"width:100%;min-width:{least}px;max-width:{most}px;{narrow};--seedream-narrow-label:{narrow_label}px"


def render_table(page: Page, table: Table) -> str:
    """Renders the tiles of a page as a `<table>` in a box that scrolls sideways."""
    cells: list[list[Entry]] = [[] for _ in range(table.size)]
    for entry in page.entries:
        cells[entry.tile.number].append(entry)
    measures = _measure(page, table, cells)
    has_row_labels = any(table.rows)
    before = _before_cell(page, table) if page.before else ""
    rows = []
    for number, label in enumerate(table.rows):
        head = f'<th scope="row" style="{CELL}">{_label(label)}</th>' if has_row_labels else ""
        first = number * len(table.columns)
        tasks = "".join(_cell(page, entries, measures) for entries in cells[first : first + len(table.columns)])
        rows.append(f"<tr>{before if number == 0 else ''}{head}{tasks}</tr>")
    described = f"{len(table.rows)} rows, {len(table.columns)} columns"
    return (
        f'<div class="seedream-scroll" role="region" aria-label="Table of images: {described}" tabindex="0" '
        f'style="overflow-x:auto"><table class="seedream-table" style="table-layout:fixed;{measures.style};margin:0">'
        f"{_columns(page, table, measures)}{_column_heads(page, table)}<tbody>{''.join(rows)}</tbody></table></div>"
    )


def _measure(page: Page, table: Table, cells: Sequence[Sequence[Entry]]) -> _Measures:
    most = max(map(len, cells))
    abreast = min(MAX_ABREAST, math.ceil(math.sqrt(most)))
    narrowest, widest = MIN_CELL, page.tile_width
    if abreast > 1:
        narrowest, widest = abreast * MIN_IN_SET, abreast * max(MIN_CELL, round(page.tile_width * 0.56))
    longest = max(columns_of(line) for label in table.rows for line in (label.splitlines() or [""]))
    label = min(MAX_LABEL, max(MIN_LABEL, longest * LETTER)) + GAP if any(table.rows) else 0
    return _Measures(abreast, narrowest, widest, label, len(table.columns) + bool(page.before))


def _columns(page: Page, table: Table, measures: _Measures) -> str:
    """The column widths: labels have their own, all others share the rest."""
    before = "<col>" if page.before else ""
    label = f'<col class="seedream-labels" style="width:{measures.label}px">' if measures.label else ""
    return f"<colgroup>{before}{label}{'<col>' * len(table.columns)}</colgroup>"


def _column_heads(page: Page, table: Table) -> str:
    if not any(table.columns):
        return ""
    corner = "<td></td>" * (bool(page.before) + bool(any(table.rows)))
    style = f"{CELL};vertical-align:bottom;padding-bottom:8px"
    heads = "".join(f'<th scope="col" style="{style}">{_label(label)}</th>' for label in table.columns)
    return f"<thead><tr>{corner}{heads}</tr></thead>"


def _before_cell(page: Page, table: Table) -> str:
    figures = "".join(render_tile(entry, _place(page), page.aspect) for entry in page.before)
    return f'<td rowspan="{len(table.rows)}" style="{CELL}">{figures}</td>'


def _cell(page: Page, entries: Sequence[Entry], measures: _Measures) -> str:
    figures = "".join(render_tile(entry, _place(page), page.aspect) for entry in entries)
    if len(entries) > 1:
        tracks = f"repeat({measures.abreast},minmax(0,1fr))"
        grid = f"display:grid;gap:{GAP}px 8px;grid-template-columns:{tracks}"
        figures = f'<div class="seedream-tiles" style="{grid}">{figures}</div>'
    return f'<td style="{CELL}">{figures}</td>'


def _place(page: Page) -> str:
    return f"margin:0;max-width:{page.tile_width}px"


def _label(label: str) -> str:
    first, *others = label_parts(label) or [""]
    below = "".join(render_prompt(part, "seedream-name seedream-part") for part in others)
    return f"{render_prompt(first, 'seedream-name')}{below}"


MIN_TILE = 130  # pixels; narrower captions are unreadable
FEW_TILES = 3
TILE_GAP = "gap:18px 14px"
MAX_OBLONG_IN_PAIR = 1.8  # ratio of the sides; more oblong images get bars


def render_html(page: Page) -> str:
    """Renders a page as one `<div>` with its own scoped style sheet."""
    width, height = page.aspect
    flat = " seedream-flat" if page.aspect == FLAT else ""
    summary = f'<p class="seedream-summary">{escape(page.summary)}</p>' if page.summary else ""
    notes = "".join(f'<p class="seedream-note">{escape(note)}</p>' for note in page.notes)
    heading = render_prompt(page.heading, "seedream-heading")
    if page.heading_facts:
        heading += f'<p class="seedream-heading-facts">{render_facts(page.heading_facts)}</p>'
    return (
        f'<div class="{VERBATIM_CLASSES} seedream-gallery{flat}" style="--seedream-aspect:{width}/{height}">'
        f"{style_element(style_sheet())}"
        f"{summary}{notes}{heading}{_render_tiles(page)}</div>"
    )


def style_element(rules: str) -> str:
    """A style sheet whose text stays invisible where it is not applied.

    A notebook that is converted to Markdown keeps the HTML, and there GitHub escapes the tags of style sheets. What is
    in `<rp>` is not shown by any browser.
    """
    return f"<rp><style>{rules}</style></rp>"


@lru_cache(maxsize=1)
def style_sheet() -> str:
    """The style sheet, minified because it is in every output."""
    written = files("seedream_nb.gallery").joinpath("static/gallery.css").read_text(encoding="utf-8")
    without_comments = re.sub(r"/\*.*?\*/", "", written, flags=re.DOTALL)
    return re.sub(r"\s*([{};])\s*", r"\1", without_comments).strip()


def _render_tiles(page: Page) -> str:
    if page.table is not None:
        return render_table(page, page.table)
    entries = (*page.before, *page.entries)
    if page.columns is None and len(entries) <= FEW_TILES:
        return _render_pair(page, entries) if page.before else _render_few(page, entries)
    return _render_many(page, entries)


def _render_few(page: Page, entries: Sequence[Entry]) -> str:
    """Renders a few tiles as wide as their thumbnails, with inline layout: untrusted notebooks lose the style sheet."""
    style = f"{_place(page)};flex:1 1 {_narrowest(page)}px"
    figures = "".join(render_tile(entry, style, page.aspect) for entry in entries)
    return f'<div class="seedream-tiles" style="display:flex;flex-wrap:wrap;{TILE_GAP}">{figures}</div>'


def _render_many(page: Page, entries: Sequence[Entry]) -> str:
    """Renders many tiles as a dense, even grid."""
    grid = f"display:grid;{TILE_GAP};grid-template-columns"
    figures = "".join(render_tile(entry, _place(page), page.aspect) for entry in entries)
    if page.columns is not None:
        tracks = f"repeat({page.columns},minmax(0,1fr))"
        return f'<div class="seedream-tiles" style="{grid}:{tracks}">{figures}</div>'
    # The style sheet does better on very narrow and very wide pages; inline, JupyterLab would strip that.
    narrowest = _narrowest(page)
    tracks = f"repeat(auto-fill,minmax({narrowest}px,1fr))"
    sizes = f"--seedream-narrowest:{narrowest}px;--seedream-widest:{page.tile_width}px;--seedream-count:{len(entries)}"
    return f'<div class="seedream-tiles seedream-flowing" style="{grid}:{tracks};{sizes}">{figures}</div>'


def _render_pair(page: Page, entries: Sequence[Entry]) -> str:
    """Renders before and after side by side at the same height, whatever their shapes."""
    known = [entry.shape for entry in entries if entry.shape]
    # The result of an edit most likely has the shape of its reference.
    guess = known[0] if known else page.aspect
    ratios = [_tamed_ratio(entry.shape or guess) for entry in entries]
    # Neither much enlarged nor too narrow for a caption; on a narrow page all shrink alike.
    heights = [entry.shown.shape[1] for entry in entries if entry.shown and entry.shown.shape]
    height = max(fmean(heights or [page.tile_width]), MIN_TILE / min(ratios))
    figures = []
    for entry, ratio in zip(entries, ratios, strict=True):
        aspect = round(1000 * ratio), 1000
        place = f"flex:0 1 {round(height * ratio)}px;--seedream-aspect:{aspect[0]}/{aspect[1]}"
        figures.append(render_tile(entry, f"margin:0;min-width:0;{place}", aspect))
    return f'<div class="seedream-tiles" style="display:flex;{TILE_GAP}">{"".join(figures)}</div>'


def _tamed_ratio(shape: tuple[int, int]) -> float:
    return min(max(shape[0] / shape[1], 1 / MAX_OBLONG_IN_PAIR), MAX_OBLONG_IN_PAIR)


def _narrowest(page: Page) -> int:
    return max(MIN_TILE, round(page.tile_width * 0.56))


def render(page: Page) -> dict[str, str]:
    """Renders a page as `text/html` and `text/plain`."""
    return {"text/html": render_html(page), "text/plain": render_text(page)}


def render_text(page: Page) -> str:
    """Renders a page as plain text: the summary, the notes, and a few lines for each tile."""
    width = len(str(len(page.entries)))
    margin = " " * (width + 2)
    marked = [
        *((f"{'-':>{width}} ", entry) for entry in page.before),
        *((f"{number:>{width}}.", entry) for number, entry in enumerate(page.entries, 1)),
    ]
    head = [page.summary, *page.notes, _one_line(page.heading), _join(page.heading_facts)]
    lines = [line for line in head if line]
    for mark, entry in marked:
        first, *rest = _entry_lines(entry, page.table)
        lines += [f"{mark} {first}", *(f"{margin}{line}" for line in rest)]
    return "\n".join(lines)


def _entry_lines(entry: Entry, table: Table | None) -> list[str]:
    tile = entry.tile
    state = f"{tile.state.icon} {tile.state.word}" if tile.state else ""
    head = " · ".join(part for part in (tile.label, state, tile.task_id, tile.position) if part)
    place = _text_place(table, tile.number) if table and not tile.is_before else ""
    prompt = _one_line(tile.prompt) if tile.is_captioned else ""
    trace = f"trace {tile.trace_id}" if tile.trace_id else ""
    marks = " · ".join(describe_marks(tile.marks))
    lines = [head, place, prompt, _join(tile.facts), marks, tile.problem, trace, entry.link or ""]
    return [line for line in lines if line]


def _text_place(table: Table, number: int) -> str:
    labels = (" · ".join(map(_one_line, label_parts(label))) for label in table.labels(number))
    return " · ".join(f"{axis}: {label}" for axis, label in zip(("row", "column"), labels, strict=True) if label)


def _join(facts: tuple[str, ...]) -> str:
    return " · ".join(map(display_name, facts))


def _one_line(text: str) -> str:
    return " ".join(text.split())
