"""Reads a gallery's two forms back, so that tests can compare what a reader sees."""

import base64
import dataclasses
import re
from html.parser import HTMLParser

from seedream_nb import Gallery
from tests.gallery.pictures import decode

VOID_TAGS = frozenset({"img"})


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

    @property
    def lines(self) -> list[str]:
        head = " · ".join(part for part in (self.state, self.task_id, self.position) if part)
        trace = f"trace {self.trace_id}" if self.trace_id else ""
        return [line for line in (head, self.prompt, self.facts, self.problem, trace, self.link) if line]

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

    @property
    def root(self) -> Element:
        return parse(self.html)

    @property
    def summary(self) -> str:
        return self.root.find(css_class="seedream-summary")[0].text

    @property
    def notes(self) -> list[str]:
        return [note.text for note in self.root.find(css_class="seedream-note")]

    @property
    def tiles(self) -> list[Seen]:
        return [_read_tile(figure) for figure in self.root.find("figure")]

    @property
    def text_blocks(self) -> tuple[list[str], list[list[str]]]:
        """The lines before the first tile, and the lines of each tile."""
        head: list[str] = []
        blocks: list[list[str]] = []
        for line in self.plain.split("\n"):
            if match := re.fullmatch(rf" *{len(blocks) + 1}\. (.*)", line):
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


def show(gallery: Gallery) -> Sheet:
    bundle = gallery._repr_mimebundle_()
    assert list(bundle) == ["text/html", "text/plain"]
    return Sheet(bundle["text/html"], bundle["text/plain"])


def one_line(text: str) -> str:
    return " ".join(text.split())


def _read_tile(figure: Element) -> Seen:
    def text_of(css_class: str) -> str:
        return next((element.text for element in figure.find(css_class=css_class)), "")

    (origin,) = figure.find(css_class="seedream-origin")
    spans = [child for child in origin.children if isinstance(child, Element) and child.tag == "span"]
    trace = next((span for span in spans if span.find("code")), None)
    plain_spans = [span.text for span in spans[1:] if span is not trace]
    image = next(iter(figure.find("img")), Element("img", {}))
    links = {anchor.attributes["href"] for anchor in figure.find("a")}
    assert len(links) <= 1
    return Seen(
        state=text_of("seedream-state"),
        task_id=next(child.text for child in origin.children if isinstance(child, Element) and child.tag == "code"),
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
    )
