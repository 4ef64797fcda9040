"""The explorer in JupyterLab, Notebook 7, and Voilà."""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from seedream_nb.library import Library, Marks
from tests.browser.accessibility import expect_accessible
from tests.browser.jupyter import PATIENCE, THEMES, JupyterServer, Lab, Notebook, write_notebook
from tests.browser.other_front_ends import notebook_seven, open_and_run, voila
from tests.browser.pages import errors_of, eventually, open_page
from tests.gallery import front_ends
from tests.sample_images import plain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser

CAT = "84d1544a-9043-4dde-a98b-e889dacd75f6"
SEASONS = "5c0f6b1e-7d3a-4e92-8f41-2b9d60c7a3e5"
REJECTED = "0d86c3f2-9b57-4f1e-a4d8-63e2b71f5c90"
IMAGES = 5  # of the cat and the seasons
START = """from seedream_nb import Sandbox, SeedreamClient, explore
sandbox = Sandbox(generation_seconds=0.05)
sandbox.start()
client = SeedreamClient(sandbox.token, sandbox.url)"""
EMPTY_PANEL = f"{START}\npanel = explore(client)\npanel"
GALLERY = "from seedream_nb import Gallery\nGallery(panel.tasks)"
FULL_PANEL = f"{START}\npanel = explore(client, ['{CAT}', '{SEASONS}', '{REJECTED}'])\npanel"
CONTRASTS = front_ends.CONTRASTS.replace(".seedream-gallery", ".seedream-explorer")
# Each click on Generate that the browser lets through: the prompt, and the number of requests on the button.
COUNT_CLICKS = """(root) => {
  window.clicks = [];
  const listen = ({ target, detail }) => {
    const button = target.closest?.(".seedream-submit .mod-primary");
    if (!button || button.disabled || detail > 1) return;
    const [, requests, images] = button.textContent.match(/(\\d+) requests?(?:.*up to (\\d+) images)?/);
    const prompt = root.querySelector(".seedream-prompt textarea").value;
    clicks.push([prompt, Number(requests), Number(images ?? requests)]);
  };
  root.addEventListener("click", listen, true);
}"""
# An image that is replaced meanwhile can't be decoded; it is looked at again.
DECODED = "all => Promise.all(all.map(image => image.decode().then(() => image.naturalWidth, () => 0)))"


@pytest.fixture
def page(lab_page: Page) -> Page:
    return lab_page


class Panel:
    """A panel on a page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.root = page.locator(".seedream-explorer")
        self.grid = self.root.locator(".seedream-grid")
        self.tiles = self.grid.get_by_role("option")
        self.dialog = self.grid.get_by_role("dialog")
        self.status = self.root.get_by_role("status")
        self.generate = self.root.locator(".seedream-submit button.mod-primary")

    def expect_images(self, count: int) -> None:
        """Waits until this many tiles have visible images."""
        images = self.tiles.locator("img")
        expect(images).to_have_count(count, timeout=PATIENCE)
        expect_drawn(images)

    def expect_original(self, count: int = 1) -> None:
        """Waits until the large images are the originals."""
        large = self.grid.locator(".seedream-grid-large")
        expect(large).to_have_count(count)
        expect(self.grid.locator(".seedream-grid-loading")).to_have_count(0, timeout=PATIENCE)
        expect_drawn(large, width=1024)

    def choose(self, tab: str) -> None:
        """Shows one of the forms."""
        self.root.locator(".seedream-tabs").get_by_role("button", name=tab, exact=True).click()

    def button(self, name: str) -> Locator:
        """A visible button, except for the tabs."""
        is_no_tab = self.page.locator("button:not(.widget-toggle-button)")
        return self.root.get_by_role("button", name=name, exact=True).and_(is_no_tab).filter(visible=True)

    def field(self, label: str) -> Locator:
        """A visible control."""
        return self.root.get_by_label(label, exact=True).filter(visible=True)


def open_panel(page: Page, server: JupyterServer, source: str) -> tuple[Notebook, Panel]:
    notebook = Notebook.open(page, server, server.add_notebook("explorer", source))
    notebook.hide_sidebar()
    notebook.run_all()
    return notebook, Panel(page)


def expect_drawn(images: Locator, *, width: int = 1) -> None:
    """Waits until all images are drawn, with at least this many pixels of their own."""

    def check() -> None:
        assert min(images.evaluate_all(DECODED)) >= width

    eventually(images.page, check)


def expect_text_output(cell: Locator, text: str) -> None:
    expect(cell.locator(".jp-OutputArea-output")).to_have_text(text, timeout=PATIENCE)


def test_pasted_ids_become_tiles_that_are_filtered_and_opened(page: Page, server: JupyterServer) -> None:
    _notebook, panel = open_panel(page, server, EMPTY_PANEL)
    panel.field("Task IDs").fill(f" {CAT};\n{SEASONS},  {REJECTED} ")
    panel.field("Task IDs").press("Enter")
    panel.expect_images(IMAGES)
    expect(panel.tiles).to_have_count(IMAGES + 1)
    expect(panel.status).to_have_text("3 tasks.")
    expect(panel.button("Get tasks")).to_be_enabled()

    panel.field("Filter").press_sequentially("valley")
    expect(panel.tiles).to_have_count(4)
    expect(panel.grid.locator(".seedream-grid-counts")).to_have_text("4 of 6 shown")

    panel.tiles.nth(1).click()
    expect(panel.dialog).to_contain_text("2 of 4")
    panel.expect_original()
    page.keyboard.press("ArrowRight")
    expect(panel.dialog).to_contain_text("3 of 4")
    expect(panel.dialog).to_contain_text("golden slopes in the evening")
    expect(panel.dialog).to_contain_text("Requested size")
    panel.expect_original()
    page.keyboard.press("Escape")
    expect(panel.dialog).to_have_count(0)
    expect(panel.tiles.nth(2)).to_be_focused()

    panel.field("Filter").fill("")
    expect(panel.tiles).to_have_count(IMAGES + 1)


def test_selected_images_are_compared_and_available_in_python(page: Page, server: JupyterServer) -> None:
    notebook, panel = open_panel(page, server, FULL_PANEL)
    panel.expect_images(IMAGES)
    panel.tiles.filter(has_text="siamese").click(modifiers=["Control"])
    panel.tiles.filter(has_text="summer").click(modifiers=["Control"])
    panel.button("Compare").click()
    expect(panel.dialog).to_contain_text("Comparing 2 images")
    panel.expect_original(2)
    page.keyboard.press("Escape")
    expect(panel.dialog).to_have_count(0)
    cell = notebook.run_cell("print([(image.task_id, image.prompt[:27]) for image in panel.selected])")
    expect_text_output(cell, f"[('{CAT}', 'a white siamese cat'), ('{SEASONS}', 'A mountain valley in summer')]")
    notebook.run_cell("panel.filter = 'siamese'")
    expect(panel.tiles).to_have_count(1)
    expect(panel.field("Filter")).to_have_value("siamese")


def test_marks_are_in_the_library_as_soon_as_they_are_announced(
    page: Page, server: JupyterServer, tmp_path: Path
) -> None:
    folder = tmp_path / "library"
    source = FULL_PANEL.replace("sandbox.url)", f"sandbox.url, library={str(folder)!r})")
    _notebook, panel = open_panel(page, server, source)
    panel.expect_images(IMAGES)
    notice = panel.grid.locator(".seedream-grid-notice")
    summer = panel.tiles.filter(has_text="summer")
    summer.focus()
    page.keyboard.press("4")
    expect(notice).to_have_text("Rated the image ★★★★.", timeout=PATIENCE)
    with Library(folder, read_only=True) as library:
        assert library.marks_of(SEASONS) == {(SEASONS, 1): Marks(rating=4)}
    page.keyboard.press("t")
    page.keyboard.type("to print, warm")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(summer).to_be_focused()
    expect(summer.locator(".seedream-grid-marks")).to_have_text("★★★★to printwarm", timeout=PATIENCE)
    page.keyboard.press("x")
    expect(notice).to_have_text("Rejected the image.", timeout=PATIENCE)
    page.keyboard.press("z")
    expect(notice).to_have_text("Undone: Rejected the image.", timeout=PATIENCE)
    panel.field("Rating").select_option("★★★★ or more")
    expect(panel.tiles).to_have_count(1, timeout=PATIENCE)
    panel.field("Name").fill("the best")
    panel.button("Save filters").click()
    expect(notice).to_have_text("Saved the collection the best.", timeout=PATIENCE)
    with Library(folder, read_only=True) as library:
        assert library.marks_of(SEASONS) == {(SEASONS, 1): Marks(("to print", "warm"), 4)}
        assert [task.id for task in library.search(collection="the best")] == [SEASONS]


class Typist:
    """Somebody who types into the Generate form and clicks faster than it can answer."""

    def __init__(self, panel: Panel) -> None:
        panel.choose("Generate")
        expect(panel.field("Takes").first).to_be_visible()  # until then, a field of the filters may be the first
        self.panel = panel
        self.prompt, self.takes, self.size = (panel.field(label).first for label in ("Prompt", "Takes", "Size"))
        self.images = 0
        self.bodies: dict[str, dict[str, object]] = {}
        panel.root.evaluate(COUNT_CLICKS)

    def type_fast(self, field: Locator, text: str) -> None:
        """Types without a pause, and clicks at once, whatever the button says then.

        Such a click orders where the button is right already, so it has a prompt of its own.
        """
        self.prompt.fill("fast")
        field.fill("")
        field.press_sequentially(text)
        for _ in range(2):
            self.panel.generate.dispatch_event("click")

    def expect_images(self, more: int) -> None:
        """Waits until at least this many more images are there, and the next ones can be generated.

        A fast click may have ordered others before, where the button was right already.
        """
        expect(self.panel.tiles.nth(self.images + more - 1)).to_be_attached(timeout=PATIENCE)
        expect(self.panel.generate).to_be_enabled()
        self.images = self.panel.tiles.count()

    def send(self, prompt: str, cost: str, body: dict[str, object], images: int = 1) -> None:
        """Types a prompt, and clicks once the button says this."""
        self.prompt.fill(prompt)
        expect(self.panel.generate).to_have_text(f"Generate: {cost}")
        self.panel.generate.click()
        self.expect_images(images)
        self.bodies[prompt] = {"prompt": prompt, **body}

    def clicks(self, prompt: str) -> int:
        """The number of requests that the buttons spoke of which were clicked with this prompt."""
        return sum(requests for words, requests, _ in self.panel.page.evaluate("clicks") if words == prompt)

    @property
    def most_images(self) -> int:
        """The number of images that the buttons spoke of which were clicked at once."""
        return sum(images for words, _, images in self.panel.page.evaluate("clicks") if words == "fast")


def send_each_field(typist: Typist, reference: Path) -> None:
    panel = typist.panel
    a_set = {"sequential_image_generation": "auto", "sequential_image_generation_options": {"max_images": 2}}
    small: dict[str, object] = {"model": "doubao-seedream-4-0-250828", "size": "1K"}
    panel.field("Model").first.select_option("SeeDream 4.0")
    typist.size.press_sequentially("1K")
    typist.send("one", "1 request to the sandbox", small)
    typist.type_fast(typist.takes, "2")
    typist.send("two", "2 requests (2 takes) to the sandbox", small, images=2)
    typist.takes.fill("1")
    typist.type_fast(panel.field("Images per set"), "2")
    typist.send("set", "1 request to the sandbox, up to 2 images", {**small, **a_set}, images=2)
    panel.field("Images per set").fill("1")
    panel.field("Watermark").uncheck()
    typist.send("plain", "1 request to the sandbox", {**small, "watermark": False})
    panel.field("Watermark").check()
    panel.page.evaluate(HOLD_FILES)
    with panel.page.expect_file_chooser() as chooser:
        panel.root.locator(".seedream-upload").click()
    chooser.value.set_files(reference)
    # The label is that of the request without the file.
    expect(panel.generate).to_be_disabled()
    panel.generate.dispatch_event("click")
    panel.page.evaluate("releaseFiles()")
    expect(panel.root.get_by_text("1 reference", exact=True)).to_be_visible()
    # A record holds no more of an inline image.
    typist.send("edit", "1 request to the sandbox", {**small, "image": "data:image/png;base64,..."})
    panel.button("Clear references").click()
    panel.field("Model").first.select_option("SeeDream 5.0 Pro")
    typist.type_fast(typist.size, "1024x1024")
    panel.field("Format").select_option("PNG")
    pro: dict[str, object] = {"model": "doubao-seedream-5-0-pro-260628", "size": "1024x1024", "output_format": "png"}
    typist.send("png", "1 request to the sandbox", pro)


# The browser does not read chosen files before `releaseFiles()`.
HOLD_FILES = """() => {
    const {readAsArrayBuffer} = FileReader.prototype;
    const held = [];
    FileReader.prototype.readAsArrayBuffer = function (file) { held.push(() => readAsArrayBuffer.call(this, file)); };
    window.releaseFiles = () => {
        FileReader.prototype.readAsArrayBuffer = readAsArrayBuffer;
        for (const read of held) read();
    };
}"""


def type_what_is_invalid(typist: Typist) -> None:
    """What cannot be sent says so in its field; neither a click nor Enter sends anything."""
    typist.prompt.fill("never")
    for field, text in ((typist.takes, "12"), (typist.takes, "0"), (typist.takes, "many"), (typist.size, "17x4")):
        before = field.input_value()
        typist.type_fast(field, text)
        typist.prompt.fill("never")
        expect(typist.panel.root.get_by_role("alert").filter(visible=True)).to_contain_text(text)
        expect(typist.panel.root.get_by_text("Correct the marked field.")).to_be_visible()
        expect(typist.panel.generate).to_be_disabled()
        expect(field).to_have_value(text)
        field.press("Enter")
        typist.prompt.fill("")
        field.fill(before)
        expect(typist.panel.root.get_by_text("Enter a prompt.")).to_be_visible()
        typist.prompt.fill("never")


def press_twice(typist: Typist) -> None:
    """Enter sends what was typed just before; neither a second one nor a double click pays twice."""
    typist.prompt.fill("enter")
    typist.takes.fill("")
    typist.takes.press_sequentially("2")
    for _ in range(2):
        typist.takes.press("Enter")
    typist.expect_images(2)
    typist.takes.fill("1")
    typist.prompt.fill("double")
    expect(typist.panel.generate).to_have_text("Generate: 1 request to the sandbox")
    typist.panel.generate.dblclick()
    typist.expect_images(1)


def test_what_the_button_says_is_what_is_sent(page: Page, server: JupyterServer, tmp_path: Path) -> None:
    notebook, panel = open_panel(page, server, EMPTY_PANEL)
    typist = Typist(panel)
    reference = tmp_path / "reference.png"
    reference.write_bytes(plain(400, 300))
    send_each_field(typist, reference)
    type_what_is_invalid(typist)
    press_twice(typist)
    cell = notebook.run_cell("import json; print(json.dumps([task.request for task in client.history()]))")
    notebook.wait_for_cell(cell)
    sent = [
        {name: value for name, value in body.items() if name not in {"action", "async"}}
        for body in json.loads(cell.locator(".jp-OutputArea-output").inner_text())
    ]
    sent_for = {prompt: [body for body in sent if body["prompt"] == prompt] for prompt in {*typist.bodies, "never"}}
    assert sent_for.pop("never") == []
    assert sent_for == {prompt: [body] * typist.clicks(prompt) for prompt, body in typist.bodies.items()}
    fast = [body for body in sent if body["prompt"] == "fast"]
    images = [body.get("sequential_image_generation_options", {}).get("max_images", 1) for body in fast]
    assert (len(images), sum(images)) == (typist.clicks("fast"), typist.most_images)
    counts = Counter(body["prompt"] for body in sent)
    assert (counts["enter"], counts["double"]) == (2, 1)


def test_an_image_is_generated_saved_and_reused(page: Page, server: JupyterServer) -> None:
    notebook, panel = open_panel(page, server, EMPTY_PANEL)
    panel.choose("Generate")
    expect(panel.generate).to_be_disabled()
    panel.field("Prompt").fill("a red fox in the snow")
    panel.generate.click()
    panel.expect_images(1)
    expect(panel.status).to_have_text("1 image generated.", timeout=PATIENCE)
    expect(panel.generate).to_be_enabled()

    panel.field("Prompt").fill("something else")
    panel.choose("Get")
    panel.tiles.first.click()
    panel.field("Folder").fill("foxes")
    panel.field("Folder").press("Enter")
    expect(panel.dialog.locator(".seedream-grid-saved")).to_contain_text("Saved foxes/a-red-fox-in-the-snow-")
    panel.button("Use these settings").click()
    expect(panel.field("Prompt")).to_have_value("a red fox in the snow")
    panel.field("Prompt").fill("a white fox in the snow")
    panel.generate.click()
    expect(panel.dialog).to_contain_text("a white fox in the snow")
    page.keyboard.press("Escape")
    cell = notebook.run_cell("import os; print(sorted(name.rpartition('.')[2] for name in os.listdir('foxes')))")
    expect_text_output(cell, "['jpg', 'json']")


LINEAGE = """from seedream_nb import Sandbox, SeedreamClient, explore
sandbox = Sandbox(generation_seconds=0)
sandbox.start()
client = SeedreamClient(sandbox.token, sandbox.url, library="studio")
small = {"model": "4.0", "size": "1024x1024", "wait": True}
cat = client.generate("a cat by a window", **small)
winter = client.edit(client.fetcher.fetch(cat.images[0]), "in winter", optimize_prompt="fast", **small)
night = client.edit(winter.images[0], "at night", **small)
panel = explore(client, winter)
panel"""


def test_an_image_leads_to_its_parents_and_children(page: Page, server: JupyterServer) -> None:
    notebook, panel = open_panel(page, server, LINEAGE)
    panel.tiles.first.click()
    made_from = panel.dialog.get_by_role("region", name="Made from").get_by_role("button")
    led_to = panel.dialog.get_by_role("region", name="Led to").get_by_role("button")
    expect(made_from).to_have_accessible_name(re.compile("^Made from: a cat by a window, "), timeout=PATIENCE)
    expect(led_to).to_have_accessible_name(re.compile("^Led to: at night, "))
    expect_drawn(made_from.locator("img"))
    # All of what it was made with comes back, its reference image included.
    panel.button("Use these settings").click()
    expect(panel.root).to_contain_text("1 reference")
    expect(panel.root).to_contain_text("Also sent: optimize prompt fast")
    made_from.press("Enter")
    expect(panel.dialog).to_contain_text("a cat by a window")
    expect(led_to).to_have_accessible_name(re.compile("^Led to: in winter, "))
    expect(made_from).to_have_count(0)
    led_to.click()
    expect(led_to).to_have_accessible_name(re.compile("^Led to: at night, "))
    led_to.click()
    expect(panel.dialog.locator(".seedream-grid-whole-prompt")).to_have_text("at night")
    page.keyboard.press("Escape")
    cell = notebook.run_cell("print([image.prompt for image in night.images[0].parents[0].parents])")
    expect_text_output(cell, "['a cat by a window']")


def test_it_is_tidy_readable_and_accessible(page: Page, server: JupyterServer) -> None:
    notebook, panel = open_panel(page, server, FULL_PANEL)

    themes = list(THEMES)

    def expect_in_both_themes(expectation: Callable[[Panel], None]) -> None:
        themes.reverse()  # begins with the theme that is loaded: changing it takes long
        for theme in themes:
            notebook.choose_theme(theme)
            expectation(panel)

    # Only colors depend on the theme. axe looks at one theme, another one each time, as it takes longest.
    panel.expect_images(IMAGES)
    expect_in_both_themes(expect_readable)
    expect_accessible_panel(panel)
    for tab in ("History", "Generate"):
        panel.choose(tab)
        expect_in_both_themes(expect_readable)
        expect_accessible_panel(panel)
    panel.field("Takes").fill("12")
    expect(panel.root.get_by_role("alert").filter(visible=True)).to_be_visible()
    expect_in_both_themes(expect_readable)
    panel.field("Takes").fill("1")
    panel.field("Prompt").fill("a forbidden fox")
    panel.generate.click()
    expect(panel.status).to_contain_text("✕", timeout=PATIENCE)
    expect_in_both_themes(expect_readable)
    expect_accessible_panel(panel)
    panel.tiles.filter(has_text="siamese").first.click()
    panel.expect_original()
    expect_in_both_themes(expect_readable)
    expect_accessible_panel(panel)
    page.keyboard.press("Escape")
    panel.tiles.first.click(modifiers=["Control"])
    expect_in_both_themes(expect_arrows)
    expect_tidy(panel)


def expect_tidy(panel: Panel) -> None:
    for tab in ("Get", "History", "Generate"):
        panel.choose(tab)
        eventually(panel.page, lambda: expect_names(panel))
    # The button's own text includes a file count, which is always 0; the visible text does not.
    upload = panel.root.get_by_role("button", name="Add reference images")
    expect(upload).to_have_css("font-size", "0px")
    assert "Add reference images" in upload.evaluate("button => getComputedStyle(button, '::after').content")
    for width in (1280, 600):
        panel.page.set_viewport_size({"width": width, "height": 900})
        eventually(panel.page, lambda: expect_aligned(panel))


def expect_names(panel: Panel) -> None:
    """No two visible buttons have the same name."""
    buttons = panel.root.get_by_role("button").filter(visible=True)
    names = [name for name in buttons.evaluate_all("all => all.map(b => b.innerText.trim())") if name]
    assert len(names) == len(set(names)) >= 5


def expect_arrows(panel: Panel) -> None:
    """The arrow of each list has the color of its text."""

    def check() -> None:
        arrows = panel.root.locator("select").evaluate_all(
            "all => all.map(s => getComputedStyle(s)).map(s => [s.backgroundImage.includes(s.color), s.appearance])"
        )
        assert arrows == [[True, "none"]] * len(arrows)

    eventually(panel.page, check)


def expect_aligned(panel: Panel) -> None:
    """What belongs together is in one line, and all parts begin at the left edge."""
    boxes = [panel.field(label).bounding_box() for label in ("From", "To")]
    assert len({box["y"] for box in boxes if box}) == 1
    lefts = panel.root.evaluate(
        """root => ['.seedream-tabs button', '.seedream-filters label', '.seedream-grid-counts', '[role=option]']
          .concat(['.widget-textarea label']).map(s => [...root.querySelectorAll(s)].find(e => e.offsetWidth))
          .map(element => Math.round(element.getBoundingClientRect().left))"""
    )
    assert max(lefts) - min(lefts) <= 1


def expect_accessible_panel(panel: Panel) -> None:
    expect_accessible(panel.page, ".seedream-explorer")


def expect_readable(panel: Panel) -> None:
    """All visible text has the contrast that WCAG 2 requires, also that of disabled controls."""

    def check() -> None:
        found = panel.page.evaluate(CONTRASTS)
        assert len(found) > 20
        assert [(round(contrast, 2), text[:60]) for contrast, text in found if contrast < 4.5] == []

    eventually(panel.page, check)


def expect_static_gallery(page: Page, images: int) -> None:
    """Only the static gallery of the panel is visible."""
    static = page.locator(".seedream-static")
    expect(static).to_have_count(1)
    expect(static).to_be_visible(timeout=PATIENCE)
    shown = static.locator("figure img")
    expect(shown).to_have_count(images)
    expect_drawn(shown)
    expect(page.locator(".seedream-explorer")).to_have_count(0)
    expect(page.locator(".jp-OutputArea-output").filter(visible=True)).to_have_count(1)
    for message in (re.compile("Loading widget"), re.compile("model not found", re.IGNORECASE)):
        expect(page.get_by_text(message).filter(visible=True)).to_have_count(0)


def test_closing_leaves_the_static_gallery(page: Page, server: JupyterServer) -> None:
    notebook, panel = open_panel(page, server, FULL_PANEL)
    panel.expect_images(IMAGES)
    static = page.locator(".seedream-static")
    expect(static).to_have_count(1)
    expect(static).to_be_hidden()
    notebook.wait_for_cell(notebook.run_cell("panel.close()"))
    expect_static_gallery(page, IMAGES)
    again = notebook.run_cell("panel")
    notebook.wait_for_cell(again)
    expect(again.locator(".seedream-static figure img")).to_have_count(IMAGES)


@pytest.fixture(scope="module")
def saved_panel(lab: Lab) -> str:
    """The path of a notebook that was saved with a panel."""
    path = lab.server.add_notebook("explorer", EMPTY_PANEL)
    page = lab.page()
    with errors_of(page) as errors:
        notebook = Notebook.open(page, lab.server, path)
        notebook.run_all()
        panel = Panel(page)
        panel.field("Task IDs").fill(f"{CAT} {SEASONS}")
        panel.button("Get tasks").click()
        panel.expect_images(IMAGES)
        static = page.locator(".seedream-static")
        # It includes the later tasks, and is hidden behind the panel.
        expect(static.locator("figure img")).to_have_count(IMAGES, timeout=PATIENCE)
        expect(static).to_be_hidden()
        notebook.save()
        lab.close_documents()
    lab.server.shut_down_kernels()
    assert errors == []
    return path


@pytest.mark.parametrize("way", ["without a kernel", "with a new kernel", "untrusted"])
def test_a_saved_panel_is_a_gallery(reader_page: Page, server: JupyterServer, saved_panel: str, way: str) -> None:
    path = server.copy_notebook(saved_panel, is_trusted=way != "untrusted")
    has_kernel = way != "without a kernel"
    notebook = Notebook.open(reader_page, server, path, has_kernel=has_kernel)
    if has_kernel:
        notebook.wait_for_kernel()
    expect_static_gallery(reader_page, IMAGES)


def expect_living_panel(page: Page) -> None:
    panel = Panel(page)
    panel.expect_images(IMAGES)
    panel.choose("Generate")
    panel.field("Prompt").press_sequentially("a cat")
    expect(panel.generate).to_have_text("Generate: 1 request to the sandbox")
    expect(panel.generate).to_be_enabled()
    expect(page.locator(".seedream-static")).to_be_hidden()
    panel.tiles.filter(has_text="siamese").click()
    expect(panel.dialog).to_contain_text(CAT)
    panel.expect_original()
    page.keyboard.press("Escape")
    expect(panel.tiles.filter(has_text="siamese")).to_be_focused()


def expect_drawing(page: Page) -> None:
    """A box is drawn on the cat, and its edit generated in the sandbox."""
    Panel(page).tiles.filter(has_text="siamese").click()
    page.get_by_role("dialog").get_by_role("button", name="Edit", exact=True).click()
    canvas = page.locator(".seedream-markup-canvas")
    expect(canvas).to_be_focused()
    page.keyboard.press("b")
    canvas.drag_to(canvas, source_position={"x": 100, "y": 80}, target_position={"x": 200, "y": 160})
    expect(page.locator(".seedream-markup-shape")).to_have_count(1)
    page.get_by_label("What to change").fill("Put a hat ")
    page.get_by_role("button", name="Insert words for red box 1").click()
    generate = page.locator(".seedream-markup-submit button")
    expect(generate).to_have_text("Generate: 1 request to the sandbox")
    expect(generate).to_be_enabled()
    generate.click()
    expect(page.get_by_alt_text(re.compile("^The result"))).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_contain_text("Put a hat in the red box 1")


def expect_gallery(page: Page) -> None:
    gallery = page.locator(".seedream-gallery").filter(visible=True)
    expect(gallery).to_contain_text(f"3 tasks · {IMAGES} images · 1 failed")
    expect_drawn(gallery.locator("figure img"))


def test_it_works_in_notebook_7(browser: Browser, tmp_path: Path) -> None:
    path = write_notebook(tmp_path, "explorer", FULL_PANEL, GALLERY)
    # It reports this for an empty notebook, too.
    own = "(?s)reading 'schema'.*/static/notebook/notebook_core"
    with notebook_seven(tmp_path, tmp_path) as url, open_page(browser, own) as page:
        open_and_run(page, url, path)
        expect_living_panel(page)
        expect_gallery(page)
        expect_drawing(page)


def test_it_works_in_voila(browser: Browser, tmp_path: Path) -> None:
    notebook = tmp_path / write_notebook(tmp_path, "explorer", FULL_PANEL, GALLERY)
    # Voilà's page requests its icons from elsewhere, and lacks a part of JupyterLab that an extension needs.
    with voila(notebook, tmp_path) as url, open_page(browser, "(?s)RUNTIME-012.*docregistry") as page:
        urls: list[str] = []
        page.on("request", lambda request: urls.append(request.url))
        page.route("**/fontawesome-free@*/**", lambda route: route.fulfill(body="", content_type="text/css"))
        page.goto(url)
        expect_living_panel(page)
        expect_gallery(page)
        expect_drawing(page)
        foreign = [each for each in urls if not each.startswith((url, "data:", "blob:")) and "fontawesome" not in each]
        assert foreign == []
