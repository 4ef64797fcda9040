"""Reads a gallery's two forms back, so that tests can compare what a reader sees."""

import base64
import dataclasses
import re
from functools import cached_property
from html.parser import HTMLParser

from seedream_nb import Gallery
from tests.sample_images import decode

VOID_TAGS = frozenset({"img", "col", "wbr"})


@dataclasses.dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    children: "list[Element | str]" = dataclasses.field(default_factory=list)

    @property
    def text(self) -> str:
        inner = "".join(child if isinstance(child, str) else child.text for child in self.children)
        return one_line(inner)

    def walk(self) -> "list[Element]":
        inner = [child for child in self.children if isinstance(child, Element)]
        return [self, *(found for child in inner for found in child.walk())]

    def find(self, tag: str = "", css_class: str = "") -> "list[Element]":
        return [
            element
            for element in self.walk()
            if tag in {"", element.tag} and (not css_class or css_class in element.attributes.get("class", "").split())
        ]

    def text_for_mathjax(self) -> str:
        """The text that MathJax may typeset, in one of the versions that front ends use."""
        classes = self.attributes.get("class", "").split()
        if self.tag == "style" or {"mathjax_ignore", "tex2jax_ignore"} <= set(classes):
            return ""
        return "".join(child if isinstance(child, str) else child.text_for_mathjax() for child in self.children).strip()


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute of {tag} is given twice"
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID_TAGS:
            self.open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"neither element nor text: {data}")

    def handle_decl(self, decl: str) -> None:
        self.handle_comment(decl)

    def unknown_decl(self, data: str) -> None:
        self.handle_comment(data)

    def handle_pi(self, data: str) -> None:
        self.handle_comment(data)


def parse(html: str) -> Element:
    builder = _Builder()
    builder.feed(html)
    builder.close()
    assert builder.open == [builder.root], "an element is not closed"
    return builder.root


@dataclasses.dataclass(frozen=True)
class Seen:
    """One tile as a reader sees it."""

    state: str
    task_id: str
    prompt: str
    facts: str
    position: str
    problem: str
    trace_id: str
    link: str
    image: str
    width: int | None
    height: int | None
    alt: str
    label: str = ""
    row: str = ""
    column: str = ""
    css: str = ""

    @property
    def lines(self) -> list[str]:
        head = " · ".join(part for part in (self.label, self.state, self.task_id, self.position) if part)
        row, column = (self.row and f"row: {self.row}"), (self.column and f"column: {self.column}")
        place = " · ".join(part for part in (row, column) if part)
        trace = f"trace {self.trace_id}" if self.trace_id else ""
        return [line for line in (head, place, self.prompt, self.facts, self.problem, trace, self.link) if line]

    @property
    def embedded(self) -> bytes | None:
        head, _, content = self.image.partition(";base64,")
        return base64.b64decode(content) if head.startswith("data:") else None

    @property
    def embedded_size(self) -> tuple[int, int]:
        assert self.embedded is not None
        return decode(self.embedded).size


@dataclasses.dataclass(frozen=True)
class Sheet:
    """A gallery's output, read back."""

    html: str
    plain: str

    @cached_property
    def root(self) -> Element:
        return parse(self.html)

    @property
    def summary(self) -> str:
        return next((summary.text for summary in self.root.find(css_class="seedream-summary")), "")

    @property
    def notes(self) -> list[str]:
        return [note.text for note in self.root.find(css_class="seedream-note")]

    @property
    def heading(self) -> str:
        return next((heading.text for heading in self.root.find(css_class="seedream-heading")), "")

    @property
    def heading_facts(self) -> str:
        return next((facts.text for facts in self.root.find(css_class="seedream-heading-facts")), "")

    @property
    def tiles(self) -> list[Seen]:
        """The tiles of tasks."""
        return [tile for tile in self.all_tiles if tile.label != "before"]

    @property
    def before(self) -> list[Seen]:
        return [tile for tile in self.all_tiles if tile.label == "before"]

    @cached_property
    def all_tiles(self) -> list[Seen]:
        places = _read_places(self.root)
        return [_read_tile(figure, *places.get(id(figure), ("", ""))) for figure in self.root.find("figure")]

    @property
    def labels(self) -> tuple[list[str], list[str]]:
        """The headers of the rows and of the columns."""
        heads = self.root.find("th")
        rows, columns = ([head for head in heads if head.attributes["scope"] == scope] for scope in ("row", "col"))
        return [_read_label(head) for head in rows], [_read_label(head) for head in columns]

    @property
    def text_blocks(self) -> tuple[list[str], list[list[str]]]:
        """The lines before the first tile, and the lines of each tile; tiles of what was before come first."""
        head: list[str] = []
        blocks: list[list[str]] = []
        numbered = 0
        for line in self.plain.split("\n"):
            # The other lines of a tile stand three columns further in, at least.
            if match := re.fullmatch(rf" {{0,2}}{numbered + 1}\. (.*)", line):
                numbered += 1
                blocks.append([match[1]])
            elif not numbered and (match := re.fullmatch(r" {0,2}-  ((?:before|!).*)", line)):
                blocks.append([match[1]])
            elif blocks:
                assert line.startswith("   "), f"a line stands outside its tile: {line!r}"
                blocks[-1].append(line.strip())
            else:
                head.append(line)
        return head, [[one_line(line) for line in block] for block in blocks]

    @property
    def size(self) -> int:
        return len(self.html.encode()) + len(self.plain.encode())


def show(gallery: Gallery, *, is_live: bool = False) -> Sheet:
    bundle = gallery.load(again=False).live_bundle() if is_live else gallery._repr_mimebundle_()
    assert list(bundle) == ["text/html", "text/plain"]
    return Sheet(bundle["text/html"], bundle["text/plain"])


def assert_forms_agree(sheet: Sheet) -> None:
    head, blocks = sheet.text_blocks
    assert head == [line for line in (sheet.summary, *sheet.notes, sheet.heading, sheet.heading_facts) if line]
    assert blocks == [tile.lines for tile in (*sheet.before, *sheet.tiles)]


def one_line(text: str) -> str:
    return " ".join(text.split())


def _read_label(head: Element) -> str:
    """The parts of a label, each on a line of its own."""
    return " · ".join(child.text for child in head.children if isinstance(child, Element))


def _read_places(root: Element) -> dict[int, tuple[str, str]]:
    """The row and the column of each figure in a table, by the headers of its cell."""
    places = {}
    columns = [_read_label(head) for head in root.find("th") if head.attributes["scope"] == "col"]
    for body in root.find("tbody"):
        for line in body.find("tr"):
            row = "".join(_read_label(head) for head in line.find("th"))
            cells = [cell for cell in line.find("td") if "rowspan" not in cell.attributes]
            for place, cell in enumerate(cells):
                column = columns[place] if columns else ""
                places.update({id(figure): (row, column) for figure in cell.find("figure")})
    return places


def _read_tile(figure: Element, row: str, column: str) -> Seen:
    def text_of(css_class: str) -> str:
        return next((element.text for element in figure.find(css_class=css_class)), "")

    origin = next(iter(figure.find(css_class="seedream-meta")), Element("div", {}))
    spans = [child for child in origin.children if isinstance(child, Element) and child.tag == "span"]
    trace = next((span for span in spans if span.find("code")), None)
    plain_spans = [span.text for span in spans if span is not trace and "class" not in span.attributes]
    image = next(iter(figure.find("img")), Element("img", {}))
    links = {anchor.attributes["href"] for anchor in figure.find("a")}
    assert len(links) <= 1
    return Seen(
        state=text_of("seedream-state"),
        task_id="".join(child.text for child in origin.children if isinstance(child, Element) and child.tag == "code"),
        prompt=text_of("seedream-prompt"),
        facts=text_of("seedream-facts"),
        position=plain_spans[0] if plain_spans else "",
        problem=text_of("seedream-problem"),
        trace_id=trace.find("code")[0].text if trace else "",
        link=next(iter(links), ""),
        image=image.attributes.get("src", ""),
        width=int(image.attributes["width"]) if "width" in image.attributes else None,
        height=int(image.attributes["height"]) if "height" in image.attributes else None,
        alt=image.attributes.get("alt", ""),
        label=text_of("seedream-label"),
        row=row,
        column=column,
        css=figure.find(css_class="seedream-image")[0].attributes["class"],
    )


def visible_text(element: Element) -> str:
    """What a browser shows without any style: all text but that in `<rp>`."""
    if element.tag == "rp":
        return ""
    return " ".join(child if isinstance(child, str) else visible_text(child) for child in element.children)
