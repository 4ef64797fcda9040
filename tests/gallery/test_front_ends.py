"""What a reader sees: the gallery in a real browser, with the colors of each front end, and without any style."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbconvert import HTMLExporter, MarkdownExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output
from pypdf import PdfReader

from seedream_nb import ErrorDetail, Gallery, Task, TaskImage, TaskStatus
from seedream_nb.gallery import Table
from tests.gallery.front_ends import (
    BOXES,
    CONTRASTS,
    ELEMENTS,
    IMAGES,
    SELECTED_IDS,
    THEMES,
    WIDTHS,
    in_page,
    without_styles,
)
from tests.gallery.reading import one_line, parse, show
from tests.gallery.safety import ALLOWED
from tests.gallery.strategies import HOSTILE
from tests.sample_images import plain

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.gallery.chromium import Chromium

pytestmark = pytest.mark.browser

UUID = "84d1544a-9043-4dde-a98b-e889dacd75f6"
LONG_PROMPT = "A far planet seen from its innermost moon, " * 20 + "the very last words"
PAGE_WIDTHS = (320, 420, 800, 1600)
LINK = "https://images.example/a.jpg"


def gallery(**options: Any) -> Gallery:
    """One tile of each kind."""
    error = ErrorDetail("OutputImageSensitiveContentDetected", "W" * 200)
    tasks = [
        Task(UUID, TaskStatus.SUCCEEDED, (TaskImage(UUID, data=plain(320, 200)),), prompt="a cat", model="model-x"),
        Task(UUID, TaskStatus.SUCCEEDED, (TaskImage(UUID, data=plain(200, 320)),), prompt=LONG_PROMPT, size="2K"),
        Task(UUID, TaskStatus.SUCCEEDED, (TaskImage(UUID, data=plain(300, 300), url=LINK),), prompt="字" * 300),
        Task(UUID, TaskStatus.FAILED, prompt="x" * 300, error=error, trace_id=UUID, model="m" * 200),
        Task(UUID, TaskStatus.PENDING, prompt="later"),
        Task.not_found(UUID),
        Task(UUID, TaskStatus.SUCCEEDED, (TaskImage(UUID, data=b"broken"),), prompt="قطة بيضاء " * 30),
        Task(UUID, TaskStatus.SUCCEEDED, (TaskImage(UUID, url=f"{LINK}?{'y' * 500}", error=error),), prompt=" "),
    ]
    return Gallery(tasks, **options)


def table(**options: Any) -> Gallery:
    """The same tiles in rows and columns, beside what was before."""
    labels = Table((LONG_PROMPT, "字" * 60), ("2K", "a cat", "W" * 200, ""))
    return Gallery(gallery(), table=labels, before=TaskImage("", data=plain(320, 200)), **options)


def assert_readable(contrasts: list[tuple[float, str]], at_least: int = 40) -> None:
    assert len(contrasts) >= at_least
    assert [(round(contrast, 2), text[:60]) for contrast, text in contrasts if contrast < 4.5] == []


@pytest.mark.parametrize("theme", THEMES)
def test_all_text_can_be_read_in_every_theme(chromium: Chromium, theme: str) -> None:
    assert_readable(chromium.look(in_page(gallery().to_html(), theme), lambda page: page.evaluate(CONTRASTS)))


@pytest.mark.parametrize("theme", THEMES)
def test_all_text_of_a_table_can_be_read_in_every_theme(chromium: Chromium, theme: str) -> None:
    content = in_page(table().live_bundle()["text/html"], theme)
    assert_readable(chromium.look(content, lambda page: page.evaluate(CONTRASTS)))


def test_a_table_scrolls_in_its_own_box_by_the_keyboard(chromium: Chromium) -> None:
    content = in_page(table().to_html(), "lab-light")
    assert chromium.look(content, overflows) == []
    assert chromium.look(content.replace("<details", "<details open"), overflows) == []

    def see(page: Page) -> tuple[str, float]:
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.className")
        page.keyboard.press("ArrowRight")
        page.wait_for_function("document.activeElement.scrollLeft > 0")
        return focused, page.evaluate("document.querySelector('.seedream-table').offsetWidth")

    focused, width = chromium.look(content, see, width=420)
    assert focused == "seedream-scroll"
    assert width > 420


@pytest.mark.parametrize("width", [420, 600, 1200])
@pytest.mark.parametrize("size", [None, "2K", "320x200"])
def test_nothing_jumps_when_the_images_come(chromium: Chromium, width: int, size: str | None) -> None:
    def task(number: int, status: TaskStatus) -> Task:
        made = (TaskImage(UUID, number, data=plain(320, 200), size="320x200"),)
        return Task(
            "" if status is TaskStatus.PENDING else UUID,
            status,
            made if status is TaskStatus.SUCCEEDED else (),
            prompt="a cat",
            model="model-x",
            size=size,
        )

    states = (TaskStatus.RUNNING, TaskStatus.PENDING, TaskStatus.SUCCEEDED, TaskStatus.RUNNING)
    empty = Gallery([task(n, state) for n, state in enumerate(states)], table=Table(("a", "b"), ("c", "d")))
    full = empty.renew([task(n, TaskStatus.SUCCEEDED) for n in range(4)])
    first, last = (
        chromium.look(in_page(drawn.live_bundle()["text/html"]), lambda page: page.evaluate(BOXES), width=width)
        for drawn in (empty, full)
    )
    assert len(first) == 4
    assert first == last


def test_a_link_to_the_original_makes_no_narrow_tile_higher(chromium: Chromium) -> None:
    def height(*statuses: TaskStatus) -> float:
        image = TaskImage(UUID, url=LINK, data=plain(320, 320), size="320x320")
        tasks = [Task(UUID, status, (image,) if status is TaskStatus.SUCCEEDED else ()) for status in statuses]
        content = in_page(Gallery(tasks, thumbnail=160, table=Table(columns=("a", "b"))).live_bundle()["text/html"])
        found: float = chromium.look(content, lambda page: page.locator("tbody").evaluate("e => e.offsetHeight"))
        return found

    assert height(TaskStatus.RUNNING, TaskStatus.RUNNING) == height(TaskStatus.RUNNING, TaskStatus.SUCCEEDED)


def test_two_images_stand_beside_their_label_on_a_narrow_page(chromium: Chromium) -> None:
    def see(page: Page) -> tuple[list[float], float]:
        needed: list[float] = page.locator(".seedream-scroll").evaluate("e => [e.scrollWidth, e.clientWidth]")
        return needed, page.locator("tbody th").evaluate("e => e.offsetWidth")

    task = Task(UUID, TaskStatus.SUCCEEDED, (TaskImage(UUID, data=plain(320, 200)),))
    labeled = Gallery([task] * 2, table=Table((f"{LONG_PROMPT}\n5.0-pro",), ("1K", "2K")))
    (needed, given), label = chromium.look(in_page(labeled.to_html()), see, width=404)
    assert needed <= given
    assert label == 104
    # A label that needs less takes no more there; a set in a cell still needs its room.
    short = Gallery([task] * 2, table=Table(("a",), ("1K", "2K")))
    assert chromium.look(in_page(short.to_html()), see, width=404)[1] == 58
    pair = Task(UUID, TaskStatus.SUCCEEDED, task.images * 2)
    (needed, given), _ = chromium.look(in_page(Gallery([pair] * 2, table=labeled.table).to_html()), see, width=404)
    assert needed > given


def test_the_parts_of_a_label_stand_below_one_another_and_the_first_stands_out(chromium: Chromium) -> None:
    parts = Gallery(Task(UUID, TaskStatus.FAILED), table=Table(("a lighthouse\n5.0-pro",)))
    content = in_page(parts.to_html(), "lab-light")
    lines = chromium.look(content, lambda page: page.locator("tbody th > div").evaluate_all(
        "all => all.map(e => [e.innerText, getComputedStyle(e).fontWeight, e.getBoundingClientRect().x])"
    ))  # fmt: skip
    assert [(text, weight) for text, weight, _ in lines] == [("a lighthouse", "600"), ("5.0-pro", "400")]
    assert lines[0][2] == lines[1][2]


def test_what_flat_places_say_stands_in_one_line(chromium: Chromium) -> None:
    waiting = Gallery([Task(UUID, TaskStatus.PENDING)] * 2, table=Table(columns=("a", "b")))

    def see(page: Page) -> list[list[float]]:
        boxes: list[list[float]] = page.locator(".seedream-empty").evaluate_all(
            "all => all.map(e => [e.offsetWidth / e.offsetHeight, e.lastElementChild.offsetTop + "
            "e.lastElementChild.offsetHeight / 2 - e.offsetTop - e.offsetHeight / 2])"
        )
        return boxes

    for width in (300, 1200):
        boxes = chromium.look(in_page(waiting.to_html()), see, width=width)
        assert len(boxes) == 2
        for ratio, below_the_middle in boxes:
            assert ratio == pytest.approx(3, abs=0.1)
            assert abs(below_the_middle) <= 2


@pytest.mark.parametrize("width", [420, 1200])
@pytest.mark.parametrize("shapes", [((320, 180), (320, 180)), ((180, 320), (180, 320)), ((320, 180), (180, 320))])
def test_a_pair_has_one_height(chromium: Chromium, shapes: tuple[tuple[int, int], ...], width: int) -> None:
    before, after = (TaskImage("", data=plain(*shape)) for shape in shapes)
    pair = Gallery(Task(UUID, TaskStatus.SUCCEEDED, (after,), prompt="make it night"), before=before)
    first, second = chromium.look(in_page(pair.to_html()), lambda page: page.evaluate(BOXES), width=width)
    assert first[1] == second[1]
    assert first[3] == pytest.approx(second[3], abs=2)
    assert first[0] + first[2] < second[0]
    assert second[0] + second[2] <= width


@pytest.mark.parametrize(
    "options", [{}, {"columns": 4}, {"thumbnail": 1024}, {"thumbnail": 32}, {"limit": 2, "thumbnail": 800}], ids=str
)
def test_nothing_is_wider_than_the_page(chromium: Chromium, options: dict[str, int]) -> None:
    content = in_page(gallery(**options).to_html(), "lab-light")
    assert chromium.look(content, overflows) == []
    assert chromium.look(content.replace("<details", "<details open"), overflows) == []


def overflows(page: Page) -> list[tuple[int, int]]:
    """The widths at which the page has to be scrolled sideways, with the width it needs."""
    found = []
    for width in PAGE_WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        needed, given = page.evaluate(WIDTHS)
        if needed > given:
            found.append((width, needed))
    return found


def test_tiles_are_even(chromium: Chromium) -> None:
    def see(page: Page) -> dict[int, list[list[float]]]:
        boxes = {}
        for width in PAGE_WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            boxes[width] = page.evaluate(BOXES)
        return boxes

    columns = {}
    for width, boxes in chromium.look(in_page(gallery().to_html()), see).items():
        assert len(boxes) == 8
        assert len({(round(box_width), round(height)) for _, _, box_width, height in boxes}) == 1
        columns[width] = len({round(x) for x, _, _, _ in boxes})
    assert columns == {320: 1, 420: 2, 800: 4, 1600: 8}


def test_images_are_decoded_and_keep_their_shape(chromium: Chromium) -> None:
    images = chromium.look(in_page(gallery().to_html()), lambda page: page.evaluate(IMAGES))
    assert [image["natural"] for image in images] == [[320, 200], [200, 320], [300, 300]]
    assert {image["fit"] for image in images} == {"contain"}
    assert all(min(image["shown"]) > 50 for image in images)


def test_images_of_one_shape_have_no_bars(chromium: Chromium) -> None:
    tasks = [
        Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", data=plain(320, 200, color)),)) for color in ("red", "blue")
    ]
    images = chromium.look(in_page(Gallery(tasks).to_html()), lambda page: page.evaluate(IMAGES))
    assert len(images) == 2
    for image in images:
        shown_width, shown_height = image["shown"]
        assert shown_width / shown_height == pytest.approx(320 / 200, rel=0.01)
        assert shown_width <= 320


def test_a_long_prompt_has_three_lines_and_opens_with_the_keyboard_without_any_script(chromium: Chromium) -> None:
    def see(page: Page) -> tuple[float, float, float, str, bool]:
        caption = page.locator("details span").first
        line = caption.evaluate("span => parseFloat(getComputedStyle(span).lineHeight)")
        closed = caption.bounding_box()
        page.keyboard.press("Tab")
        focused = page.evaluate("document.activeElement.localName")
        page.keyboard.press("Enter")
        opened = caption.bounding_box()
        is_whole = caption.evaluate("span => span.scrollHeight <= span.clientHeight + 1")
        assert closed
        assert opened
        return closed["height"] / line, opened["height"] / line, line, focused, is_whole

    closed, opened, _line, focused, is_whole = chromium.look(in_page(gallery().to_html()), see, has_script=False)
    assert closed == pytest.approx(3, abs=0.1)
    assert opened > 10
    assert focused == "summary"
    assert is_whole


def test_the_keyboard_reaches_everything_and_leaves_again(chromium: Chromium) -> None:
    def see(page: Page) -> list[str]:
        reached = []
        for _ in range(30):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.id || document.activeElement.localName"))
            if reached[-1] == "after":
                break
        return reached

    content = in_page(f'{gallery().to_html()}<button id="after">after</button>')
    reached = chromium.look(content, see)
    assert reached[-1] == "after"
    assert (reached.count("summary"), reached.count("a")) == (4, 2)


def test_what_has_the_focus_is_seen(chromium: Chromium) -> None:
    def see(page: Page) -> list[str]:
        outlines = []
        for _ in range(4):
            page.keyboard.press("Tab")
            outlines.append(page.evaluate("getComputedStyle(document.activeElement).outlineStyle"))
        return outlines

    assert set(chromium.look(in_page(gallery().to_html(), "lab-dark"), see)) == {"solid"}


def test_an_id_is_short_to_see_and_whole_to_select(chromium: Chromium) -> None:
    def see(page: Page) -> tuple[list[str], list[float], str]:
        widths = page.evaluate("[...document.querySelectorAll('code')].map(c => c.clientWidth / parseFloat("
                               "getComputedStyle(c).fontSize))")  # fmt: skip
        page.locator("code").first.click()
        return page.evaluate(SELECTED_IDS), widths, page.evaluate("getSelection().toString()")

    selected, widths, clicked = chromium.look(in_page(gallery().to_html()), see)
    assert selected == [UUID] * 9
    assert clicked == UUID
    assert max(widths) < 8


def test_a_browser_builds_only_what_the_gallery_is_made_of(chromium: Chromium) -> None:
    tasks = []
    for text in HOSTILE:
        image = TaskImage("i", data=plain(), prompt=text, name=text, z_index=1)
        tasks.append(Task("i", TaskStatus.SUCCEEDED, (image,)))
        tasks.append(
            Task(text, TaskStatus.FAILED, prompt=text, model=text, error=ErrorDetail(text, text), trace_id=text)
        )
    shown = Gallery(tasks, limit=1000)
    elements = chromium.look(in_page(shown.to_html()), lambda page: page.evaluate(ELEMENTS))
    assert [tag for tag, _ in elements] == [element.tag for element in show(shown).root.walk()[1:]]
    for tag, attributes in elements:
        assert set(attributes) <= ALLOWED[tag]


def test_without_any_style_it_still_makes_sense(chromium: Chromium) -> None:
    def see(page: Page) -> tuple[list[list[int]], str]:
        sizes = page.evaluate(
            "[...document.images].map(img => [img.width, img.height, img.naturalWidth, img.naturalHeight])"
        )
        return sizes, page.locator("body").inner_text()

    sheet = show(gallery())
    sizes, text = chromium.look(in_page(without_styles(sheet.html)), see)
    assert sizes == [[320, 200, 320, 200], [200, 320, 200, 320], [300, 300, 300, 300]]
    shown = one_line(text)
    assert sheet.summary in shown
    for tile in sheet.tiles:
        for words in (tile.state, tile.task_id, tile.prompt, tile.facts, tile.problem, tile.trace_id):
            assert words in shown
    assert all("alt=" in image for image in sheet.html.split("<img")[1:])


def test_in_an_untrusted_notebook_no_word_sticks_out_of_its_tile(chromium: Chromium) -> None:
    def see(page: Page) -> Any:
        return page.locator("figure").evaluate_all("all => all.map(figure => figure.scrollWidth > figure.clientWidth)")

    tasks = [Task("", TaskStatus.FAILED, error=ErrorDetail("W" * 200, "m" * 200)) for _ in range(4)]
    # JupyterLab takes the style sheet away, and leaves what stands with an element.
    html = re.sub(r"<style>.*?</style>", "", show(Gallery(tasks)).html, flags=re.DOTALL)
    assert chromium.look(in_page(html), see) == [False] * 4


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_an_exported_notebook_shows_its_gallery(chromium: Chromium, theme: str) -> None:
    shown = gallery()
    output = new_output("execute_result", data=shown._repr_mimebundle_(), execution_count=1)
    notebook = new_notebook(cells=[new_code_cell("gallery", outputs=[output], execution_count=1)])
    nbformat.validate(notebook)
    exporter = HTMLExporter(theme=theme)  # type: ignore[no-untyped-call]  # nbconvert has types in part
    content, _ = exporter.from_notebook_node(notebook)

    def see(page: Page) -> tuple[Any, Any, str, str]:
        paper = page.locator(".seedream-gallery").evaluate("g => getComputedStyle(g).backgroundColor")
        return page.evaluate(IMAGES), page.evaluate(CONTRASTS), paper, page.locator("body").inner_text()

    images, contrasts, paper, text = chromium.look(content, see, has_script=False)
    assert show(shown).summary in text
    assert text.count(UUID) == 9
    assert len(images) == 3
    assert_readable(contrasts)
    assert (paper == "rgb(255, 255, 255)") == (theme == "light")


def test_a_notebook_converted_to_markdown_shows_no_style_sheet(chromium: Chromium) -> None:
    shown = gallery()
    output = new_output("execute_result", data=shown._repr_mimebundle_(), execution_count=1)
    notebook = new_notebook(cells=[new_code_cell("gallery", outputs=[output], execution_count=1)])
    exporter = MarkdownExporter()  # type: ignore[no-untyped-call]  # as above
    content, _ = exporter.from_notebook_node(notebook)
    # What GitHub makes of the HTML in Markdown: the tags of style sheets are text.
    escaped = re.sub(r"<(/?style)", r"&lt;\1", content)
    text = chromium.look(in_page(escaped), lambda page: page.locator("body").inner_text())
    assert show(shown).summary in text
    assert "{" not in text
    assert "style" not in text


def test_nbviewer_shows_all_of_it() -> None:
    shown = gallery()
    output = new_output("execute_result", data=shown._repr_mimebundle_(), execution_count=1)
    notebook = new_notebook(cells=[new_code_cell("gallery", outputs=[output], execution_count=1)])
    # Its page is nbconvert's HTML in the template for embedding, and it cleans nothing.
    exporter = HTMLExporter(template_name="basic")  # type: ignore[no-untyped-call]  # nbconvert has types in part
    content, _ = exporter.from_notebook_node(notebook)
    whole, shown_there = parse(shown.to_html()), parse(content.replace("/>", ">")).find(css_class="seedream-gallery")[0]
    assert [(found.tag, found.attributes) for found in shown_there.walk()] == [
        (expected.tag, expected.attributes) for expected in whole.walk()[1:]
    ]
    assert shown_there.text == whole.text


def test_paper_shows_whole_images_whole_prompts_and_all_columns(chromium: Chromium) -> None:
    def task(number: int) -> Task:
        image = TaskImage(UUID, data=plain(300 + number, 300))
        return Task(UUID, TaskStatus.SUCCEEDED, (image,), prompt=f"{number} {'of a long prompt ' * 10}END{number}")

    tasks = [task(number) for number in range(54)]
    wide = Table(("a", "b", "c"), tuple(f"column {number}" for number in range(10)))
    content = in_page(Gallery(tasks[:24]).to_html() + Gallery(tasks[24:], table=wide).to_html(), "lab-light")

    def see(page: Page) -> bytes:
        page.evaluate(IMAGES)
        return page.pdf(format="A4", print_background=True)

    printed = chromium.look(content, see)
    pages = PdfReader(BytesIO(printed)).pages
    # An image that a page break cuts through is drawn on both pages.
    drawn = [page.get_contents() for page in pages]
    assert sum(content.get_data().count(b" Do") for content in drawn if content is not None) == len(tasks)
    text = one_line(" ".join(page.extract_text() for page in pages))
    assert all(f"END{number}" in text for number in range(24))
    assert all(f"column {number}" in text for number in range(10))
