"""Lays out a contact sheet on the pages of a PDF, and writes it.

The layout is decided before any image is loaded. The images are as large as fits on the fewest pages, so that all pages
are filled, and a table has the labels of its columns on each page.
"""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from seedream_nb.core.errors import ImageError
from seedream_nb.core.text import count_of
from seedream_nb.gallery.contents import label_parts
from seedream_nb.gallery.embedding import stream_thumbnails
from seedream_nb.gallery.shared_tiles import missing_word
from seedream_nb.images.paper import LEADING, Paper
from seedream_nb.images.wrapping import split_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from seedream_nb.gallery.contact_sheet import SheetPlan
    from seedream_nb.gallery.contents import Table
    from seedream_nb.gallery.shared_tiles import SharedTile
    from seedream_nb.images.fetch import ImageFetcher
    from seedream_nb.images.thumbnails import Thumbnail

# All lengths are in points, 1/72 inch.
A4 = (595.28, 841.89)
MARGIN = 45.0
GAP = 12.0  # between columns
ROW_GAP = 16.0
ABOVE_CAPTION = 4.0
BELOW_HEAD = 18.0
DOTS = 200 / 72  # of an image, per point
TITLE, SUBTITLE, HEADING, LABEL, PROMPT, FACTS, FOOT = 17.0, 8.5, 9.5, 8.5, 7.5, 6.5, 7.0  # sizes of letters
TITLE_LINES, HEADING_LINES, LABEL_LINES, PROMPT_LINES, FACTS_LINES = 2, 8, 6, 3, 3
INK, SOFT, MAT = (31, 31, 31), (95, 95, 95), (240, 240, 240)
LABEL_WIDTH = 84.0  # of the labels of rows
MIN_COLUMN = 52.0  # of a table; more columns continue on further pages
WIDE_TABLE, WIDEST_TABLE = 4, 10  # columns with which pages are landscape
MOST_COLUMNS = 24
MIN_WIDTH = 8.0  # of an image
MOST_SHRUNK = 0.6  # of the width of a column, to make room for one more row on each page

MOST_READ = 500  # characters of a caption; no more fit into its lines
LONGEST_WORD = 24  # characters; what is longer is an address, or the like
LEAST_SCALE = 0.65  # of the letters in narrow columns

MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


@dataclass(frozen=True)
class Text:
    """Lines of one size and color."""

    lines: Sequence[str]
    size: float
    is_soft: bool = False


Block = tuple[Text, ...]  # texts below one another


@dataclass(frozen=True)
class Line:
    """A row of tiles, from the left; None is an empty place of a table."""

    tiles: tuple[int | None, ...]
    label: Block = ()
    is_continued: bool = False  # whether the label is that of the line before
    heads: tuple[Block, ...] = ()  # the labels of the columns


@dataclass(frozen=True)
class Grid:
    """Where the columns are, and how large an image is."""

    lefts: tuple[float, ...]
    width: float
    height: float


def write_pages(
    plan: SheetPlan, path: Path, fetcher: ImageFetcher, on_progress: Callable[[int], None] | None = None
) -> None:
    """Writes a contact sheet as a PDF."""
    with tempfile.TemporaryDirectory() as folder:
        pages = _Pages(plan, Path(folder))
        order = [tile for page in pages.pages for line in page for tile in line.tiles if tile is not None]
        tiles = [plan.tiles[number].tile for number in order]
        side = math.ceil(max(pages.grid.width, pages.grid.height) * DOTS)
        loaded = stream_thumbnails(tiles, side, fetcher, on_progress=on_progress)
        pages.write(image for _, image in loaded)
        pages.paper.save(path)


class _Pages:
    """The pages of a contact sheet: the layout is complete before anything is written."""

    def __init__(self, plan: SheetPlan, folder: Path) -> None:
        self._plan, self._table = plan, plan.table
        columns = len(plan.table.columns) if plan.table else 0
        # A wider table is divided, and its parts fill upright pages better.
        self._size = (A4[1], A4[0]) if WIDE_TABLE <= columns <= WIDEST_TABLE else A4
        created_at = max(plan.dates, default=None)
        self.paper = Paper(self._size, _texts(plan), folder, title=plan.title, created_at=created_at)
        self._head = self._lay_out_head()
        self.grid = self._table_grid(plan.table) if plan.table else self._flow_grid()
        self._scale = self._scale_to_words()
        self._captions = [self._caption(tile, self.grid.width) for tile in plan.tiles]
        lines = list(self._table_lines(plan.table) if plan.table else self._flow_lines())
        self.pages = self._divide(lines)

    def write(self, images: Iterator[Thumbnail | ImageError | None]) -> None:
        """Writes all pages; the images come in the order of the tiles."""
        for number, lines in enumerate(self.pages, 1):
            self.paper.add_page()
            top = MARGIN
            if number == 1:
                top = self._write_block(self._head, MARGIN, top, self._room[0]) + BELOW_HEAD
            shown: Line | None = None
            for line in lines:
                if shown is None or line.heads != shown.heads:
                    for left, head in zip(self.grid.lefts, line.heads, strict=False):
                        self._write_block(head, left, top, self.grid.width)
                    top += self._heads_height(line)
                if shown is None or not line.is_continued:
                    self._write_block(line.label, MARGIN, top, LABEL_WIDTH)
                for left, tile in zip(self.grid.lefts, line.tiles, strict=False):
                    if tile is not None:
                        self._write_tile(tile, left, top, next(images))
                top += self._line_height(line) + ROW_GAP
                shown = line
            self._write_foot(number)

    def _write_tile(self, number: int, left: float, top: float, image: Thumbnail | ImageError | None) -> None:
        tile, width, height = self._plan.tiles[number], self.grid.width, self.grid.height
        self.paper.fill((left, top, width, height), MAT)
        if image is None or isinstance(image, ImageError):
            word = missing_word(tile, image)
            words = Text(self.paper.wrap(word, width - 2 * PROMPT, 3, PROMPT), PROMPT)
            self._write_block((words,), left + PROMPT, top + PROMPT, width - 2 * PROMPT)
        else:
            self.paper.draw((left, top, width, height), image, tile.prompt or tile.label)
        self._write_block(self._captions[number], left, top + height + ABOVE_CAPTION, width)

    def _write_block(self, block: Block, left: float, top: float, width: float) -> float:
        for text in block:
            for line in text.lines:
                self.paper.write((left, top, width), line, text.size, SOFT if text.is_soft else INK)
                top += text.size * LEADING
        return top

    def _write_foot(self, number: int) -> None:
        if len(self.pages) > 1:
            top = self._size[1] - MARGIN * 0.7
            pages = f"Page {number} of {len(self.pages)}"
            room, width = self._room[0], self.paper.width(pages, FOOT)
            self.paper.write((MARGIN + room - width, top, width), pages, FOOT, SOFT)
            for title in self.paper.wrap(self._plan.title, room - width - 4 * GAP, 1, FOOT):
                self.paper.write((MARGIN, top, room - width - 4 * GAP), title, FOOT, SOFT)

    @property
    def _room(self) -> tuple[float, float]:
        """Width and height of a page within its margins."""
        return self._size[0] - 2 * MARGIN, self._size[1] - 2 * MARGIN

    def _lay_out_head(self) -> Block:
        width, plan = self._room[0], self._plan
        count = count_of(sum(bool(tile.tile.images) for tile in plan.tiles), "image")
        facts = _join_facts([_format_dates(plan.dates), count, *plan.common_facts])
        return _without_empty(
            Text(self.paper.wrap(plan.title, width, TITLE_LINES, TITLE), TITLE),
            Text(self.paper.wrap(facts, width, TITLE_LINES, SUBTITLE), SUBTITLE, is_soft=True),
            Text(self.paper.wrap(plan.heading, width, HEADING_LINES, HEADING), HEADING),
        )

    def _caption(self, tile: SharedTile, width: float) -> Block:
        prompt, facts = self._plan.caption(tile)
        large, small = PROMPT * self._scale, FACTS * self._scale
        return _without_empty(
            Text(self.paper.wrap(prompt, width, PROMPT_LINES, large), large),
            Text(self.paper.wrap(_join_facts(facts), width, FACTS_LINES, small), small, is_soft=True),
        )

    def _label(self, label: str, width: float, scale: float = 1) -> Block:
        first, *rest = label_parts(label) or [""]
        large, small = LABEL * scale, PROMPT * scale
        return _without_empty(
            Text(self.paper.wrap(first, width, LABEL_LINES, large), large),
            *(Text(self.paper.wrap(part, width, LABEL_LINES, small), small, is_soft=True) for part in rest),
        )

    def _scale_to_words(self) -> float:
        """How much smaller letters are in narrow columns, so that no usual word has to be split."""
        captions = (self._plan.caption(tile)[0] for tile in self._plan.tiles)
        words = [(word.strip(), PROMPT) for caption in captions for word in split_pieces(caption[:MOST_READ])]
        if self._table:
            words += [(word, LABEL) for label in self._table.columns for word in label.split()]
        widths = [self.paper.width(word, size) for word, size in set(words) if len(word) <= LONGEST_WORD]
        return max(LEAST_SCALE, min(1.0, self.grid.width / max(widths, default=1.0)))

    def _expected_caption(self, width: float) -> float:
        """The height of the largest caption, as far as the length of its text tells."""
        captions = [self._plan.caption(tile) for tile in self._plan.tiles]
        prompt = max((prompt for prompt, _ in captions), key=len)
        facts = max((_join_facts(facts) for _, facts in captions), key=len)
        lines = self.paper.wrap(prompt, width, PROMPT_LINES, PROMPT), self.paper.wrap(facts, width, FACTS_LINES, FACTS)
        return ABOVE_CAPTION + (len(lines[0]) * PROMPT + len(lines[1]) * FACTS) * LEADING

    def _flow_grid(self) -> Grid:
        (room, high), options, count = self._room, self._plan.options, len(self._plan.tiles)
        high -= _height(self._head) + BELOW_HEAD
        if options.columns:
            columns = options.columns
            width = self._shrunk((room + GAP) / columns - GAP, high, math.ceil(count / columns))
        else:
            columns, width = self._largest(room, high, count)
        width = min(width, room)
        step = (room - width) / (columns - 1) if columns > 1 else 0
        first = MARGIN if columns > 1 else MARGIN + (room - width) / 2
        return Grid(tuple(first + column * step for column in range(columns)), width, self._image_height(width, high))

    def _largest(self, room: float, high: float, count: int) -> tuple[int, float]:
        """The columns, and the width of images, that are largest on as few pages as the requested size needs."""
        requested = self._plan.options.thumbnail / DOTS * min(1, self._plan.aspect[0] / self._plan.aspect[1])
        fits: list[tuple[int, float, int]] = []  # columns, width, and pages
        for columns in range(1, min(count, MOST_COLUMNS) + 1):
            widest = (room + GAP) / columns - GAP
            for rows in range(1, math.ceil(count / columns) + 1):
                width = self._fitting(widest, high, rows)
                fits.append((columns, width, math.ceil(count / (columns * rows))))
                if width < requested / 2:
                    break
        least = min(requested, max(width for _, width, _ in fits))
        fewest = min(pages for _, width, pages in fits if width >= least)
        columns, width, _ = max((fit for fit in fits if fit[2] <= fewest), key=lambda fit: fit[1])
        return columns, width

    def _shrunk(self, width: float, high: float, rows: int) -> float:
        """The width of images that fills pages with rows: that of the column, or a little less for one more row."""
        caption, height = self._expected_caption(width), self._image_height(width, high)
        fitting = max(1, int((high + ROW_GAP) / (height + caption + ROW_GAP)))
        smaller = self._fitting(width, high, fitting + 1)
        return width if rows <= fitting or smaller < width * MOST_SHRUNK else smaller

    def _fitting(self, width: float, high: float, rows: int) -> float:
        """The width of images with which so many rows fit on a page: at most that of the column."""
        fitting = width
        for _ in range(2):  # captions of narrower images have more lines
            height = (high + ROW_GAP) / rows - ROW_GAP - self._expected_caption(fitting)
            fitting = max(MIN_WIDTH, min(width, height * self._plan.aspect[0] / self._plan.aspect[1]))
        return fitting

    def _image_height(self, width: float, high: float) -> float:
        return min(width * self._plan.aspect[1] / self._plan.aspect[0], high - self._expected_caption(width))

    def _flow_lines(self) -> Iterator[Line]:
        columns = len(self.grid.lefts)
        for first in range(0, len(self._plan.tiles), columns):
            yield Line(tuple(range(first, min(first + columns, len(self._plan.tiles)))))

    def _table_grid(self, table: Table) -> Grid:
        room, high = self._room
        first = MARGIN + LABEL_WIDTH + GAP if any(table.rows) or self._plan.has_before else MARGIN
        room -= first - MARGIN
        parts = math.ceil(len(table.columns) / int((room + GAP) / (MIN_COLUMN + GAP)))
        columns = math.ceil(len(table.columns) / parts)
        column = (room + GAP) / columns
        high -= _height(self._head) + BELOW_HEAD + LABEL_LINES * LABEL
        width = self._shrunk(column - GAP, high, len(table.rows))
        lefts = tuple(first + number * column for number in range(columns))
        return Grid(lefts, width, self._image_height(width, high))

    def _table_lines(self, table: Table) -> Iterator[Line]:
        abreast = len(self.grid.lefts)
        before = [number for number, tile in enumerate(self._plan.tiles) if tile.tile.is_before]
        for first in range(0, len(before), abreast):
            yield Line(tuple(before[first : first + abreast]), self._label("before", LABEL_WIDTH))
        cells: list[list[int]] = [[] for _ in range(table.size)]
        for number, tile in enumerate(self._plan.tiles):
            if not tile.tile.is_before:
                cells[tile.tile.number].append(number)
        for first in range(0, len(table.columns), abreast):
            columns = range(first, min(first + abreast, len(table.columns)))
            heads = tuple(self._label(table.columns[column], self.grid.width, self._scale) for column in columns)
            for row, label in enumerate(table.rows):
                in_row = [cells[row * len(table.columns) + column] for column in columns]
                for depth in range(max(map(len, in_row))):
                    tiles = tuple(cell[depth] if depth < len(cell) else None for cell in in_row)
                    yield Line(tiles, self._label(label, LABEL_WIDTH), depth > 0, heads)

    def _line_height(self, line: Line) -> float:
        captions = [_height(self._captions[tile]) for tile in line.tiles if tile is not None]
        caption = max(captions, default=0.0)
        image = self.grid.height + (ABOVE_CAPTION + caption if caption else 0)
        return max(image, _height(line.label))

    def _heads_height(self, line: Line) -> float:
        height = max(map(_height, line.heads), default=0.0)
        return height + ABOVE_CAPTION * 2 if height else 0.0

    def _divide(self, lines: Sequence[Line]) -> list[list[Line]]:
        """Divides lines into as few pages as possible, with about as many lines each."""
        pages = list(self._fill(lines, len(lines)))
        even = list(self._fill(lines, math.ceil(len(lines) / len(pages))))
        # Lines of different heights may need one page more when they are spread evenly.
        return even if len(even) == len(pages) else pages

    def _fill(self, lines: Sequence[Line], most: int) -> Iterator[list[Line]]:
        page: list[Line] = []
        top = _height(self._head) + BELOW_HEAD
        for line in lines:
            heads = 0.0 if page and page[-1].heads == line.heads else self._heads_height(line)
            if page and (len(page) >= most or top + heads + self._line_height(line) > self._room[1] + 0.1):
                yield page
                page, top, heads = [], 0.0, self._heads_height(line)
            page.append(line)
            top += heads + self._line_height(line) + ROW_GAP
        yield page


def _texts(plan: SheetPlan) -> Iterator[str]:
    """Everything that is written."""
    yield from (plan.title, plan.heading, *plan.common_facts, *MONTHS, "0123456789 of,images Page \N{EN DASH}")
    for tile in plan.tiles:
        prompt, facts = plan.caption(tile)
        yield from (prompt, *facts, missing_word(tile, None), missing_word(tile, ImageError("")))
    if plan.table:
        yield from (*plan.table.rows, *plan.table.columns)


def _join_facts(facts: Sequence[str]) -> str:
    """Facts on one line, which breaks only between them."""
    return " · ".join(fact.replace(" ", "\N{NO-BREAK SPACE}") for fact in facts if fact)


def _without_empty(*texts: Text) -> Block:
    return tuple(text for text in texts if text.lines)


def _height(block: Block) -> float:
    return sum(len(text.lines) * text.size * LEADING for text in block)


def _format_dates(dates: Sequence[datetime]) -> str:
    """The day, or the first and the last, in the user's time zone."""
    if not dates:
        return ""
    first, last = min(dates).astimezone(), max(dates).astimezone()
    end = f"{MONTHS[last.month - 1]} {last.day}, {last.year}"
    if first.date() == last.date():
        return end
    if first.year != last.year:
        return f"{MONTHS[first.month - 1]} {first.day}, {first.year} – {end}"  # noqa: RUF001  the sign of a range
    if first.month != last.month:
        return f"{MONTHS[first.month - 1]} {first.day} – {end}"  # noqa: RUF001  as above
    return f"{MONTHS[first.month - 1]} {first.day}–{last.day}, {last.year}"  # noqa: RUF001  as above
