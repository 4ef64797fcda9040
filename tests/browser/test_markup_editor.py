"""The markup editor in a browser: on a bare page with a real panel, and once in JupyterLab."""

from __future__ import annotations

import base64
import math
import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from seedream_nb import Task, TaskImage, TaskStatus, explore
from seedream_nb.images.markup import COLORS
from seedream_nb.images.markup_rendering import Measures
from seedream_nb.sandbox.service import ApiResponse, Request, SandboxService
from tests.browser.accessibility import expect_accessible
from tests.browser.editor_page import EditorPage, load_page, open_editor
from tests.browser.jupyter import PATIENCE, JupyterServer, Notebook
from tests.browser.pages import VIEWPORT, errors_of
from tests.panels.support import QUICKLY
from tests.sample_images import decode, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL import Image
    from playwright.sync_api import Browser, Page

    from seedream_nb import Explorer, SeedreamClient

pytestmark = pytest.mark.browser

WIDTH, HEIGHT = 1600, 1200
SOURCE_ID = "84d1544a-9043-4dde-a98b-e889dacd75f6"
PROMPT = "an empty room"
PRO = "doubao-seedream-5-0-pro-260628"
PANEL = f"""from seedream_nb import Sandbox, SeedreamClient, explore
sandbox = Sandbox(generation_seconds=0.05)
sandbox.start()
client = SeedreamClient(sandbox.token, sandbox.url)
panel = explore(client, [{SOURCE_ID!r}])
panel"""
TOLERANCE = 0.002 * WIDTH  # pixels


@pytest.fixture(scope="module")
def pages(browser: Browser) -> Iterator[dict[float, Page]]:
    """The bare pages by device pixel ratio."""
    opened: dict[float, Page] = {}
    contexts = []
    for ratio in (1, 1.5, 2):
        contexts.append(browser.new_context(viewport=VIEWPORT, device_scale_factor=ratio, has_touch=ratio == 1))
        opened[ratio] = contexts[-1].new_page()
        load_page(opened[ratio])
    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def page(pages: dict[float, Page], request: pytest.FixtureRequest) -> Iterator[Page]:
    """A bare page; errors in its console fail the test."""
    page = pages[getattr(request, "param", 1)]
    page.set_viewport_size(VIEWPORT)
    with errors_of(page) as errors:
        yield page
    assert errors == []


@pytest.fixture
def panel(client: SeedreamClient) -> Iterator[Explorer]:
    """A panel with one plain image, whose record asks for 4.0 and 1K."""
    image = TaskImage(SOURCE_ID, data=plain(WIDTH, HEIGHT, "#808080"), prompt=PROMPT, size=f"{WIDTH}x{HEIGHT}")
    model = "doubao-seedream-4-0-250828"
    request = {"prompt": PROMPT, "model": model, "size": "1K"}
    task = Task(SOURCE_ID, TaskStatus.SUCCEEDED, (image,), prompt=PROMPT, model=model, request=dict(request))
    opened = explore(client, [task], pace=QUICKLY)
    yield opened
    opened.close()


@pytest.fixture
def editor(page: Page, panel: Explorer) -> EditorPage:
    return open_editor(page, panel)


@pytest.fixture
def bodies(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The bodies of paid requests, as they come to the sandbox by HTTP."""
    received: list[dict[str, Any]] = []
    answer = SandboxService.answer

    def note(service: SandboxService, request: Request) -> ApiResponse:
        if request.path.endswith("/images"):
            received.append(request.json())
        return answer(service, request)

    monkeypatch.setattr(SandboxService, "answer", note)
    return received


def sent_image(body: dict[str, Any]) -> Image.Image:
    return decode(base64.b64decode(body["image"].partition(",")[2])).convert("RGB")


def reds(image: Image.Image, box: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """The bounds of what is red in a part of an image."""
    left, top, right, bottom = map(round, box)
    part = image.crop((left, top, right, bottom))
    red, green, blue = part.split()
    mask = red.point(lambda v: 255 * (v > 180))
    for other in (green, blue):
        mask.paste(0, mask=other.point(lambda v: 255 * (v > 90)))
    found = mask.getbbox()
    assert found is not None
    return found[0] + left, found[1] + top, found[2] + left, found[3] + top


def zoom_to(editor: EditorPage, percent: int) -> None:
    """Zooms with Ctrl and the wheel, around the middle of the canvas."""
    box = editor.canvas.bounding_box()
    assert box is not None
    editor.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    editor.page.keyboard.down("Control")
    for _ in range(40):
        width = editor.page.locator(".seedream-markup-image").bounding_box()
        assert width is not None
        step = -math.log(percent / 100 / (width["width"] / WIDTH)) * 100
        if abs(step) < 0.01:
            break
        before = width["width"]
        editor.page.mouse.wheel(0, max(-39.0, min(39.0, step)))
        editor.page.wait_for_function(
            "before => document.querySelector('.seedream-markup-image').getBoundingClientRect().width !== before",
            arg=before,
        )
    editor.page.keyboard.up("Control")
    expect(editor.page.locator(".seedream-markup-zoom .seedream-grid-level")).to_have_text(f"{percent}%")


def visible(editor: EditorPage, x: float, y: float) -> tuple[int, int]:
    """A whole pixel of the original that is at a part of the visible image's width and height."""
    left, top, right, bottom = editor.page.evaluate(
        """() => {
          const image = document.querySelector(".seedream-markup-image");
          const [a, b] = [image, image.parentElement].map(element => element.getBoundingClientRect());
          const scale = a.width / parseFloat(image.style.width);
          const edge = (value, start) => (value - start) / scale;
          return [
            edge(Math.max(a.left, b.left), a.left), edge(Math.max(a.top, b.top), a.top),
            edge(Math.min(a.right, b.right), a.left), edge(Math.min(a.bottom, b.bottom), a.top),
          ];
        }"""
    )
    return round(left + (right - left) * x), round(top + (bottom - top) * y)


@pytest.mark.parametrize("page", [1, 1.5, 2], indirect=True)
def test_what_is_drawn_arrives_in_the_sent_image_at_every_zoom(
    editor: EditorPage, bodies: list[dict[str, Any]]
) -> None:
    parts = ((0, 0.05, 0.95), (50, 0.15, 0.85), (100, 0.1, 0.9), (300, 0.2, 0.8))
    boxes = []
    for percent, start, end in parts:
        if percent:
            zoom_to(editor, percent)
        boxes.append((*visible(editor, start, start), *visible(editor, end, end)))
        editor.drag(boxes[-1][:2], boxes[-1][2:])
    editor.instruction.fill("Put sofas in the red boxes")
    drawn = [[x for point in shape["points"] for x in point] for shape in editor.drawn()]
    assert drawn == [pytest.approx(box, abs=TOLERANCE) for box in boxes]
    editor.generate.click()
    editor.exchange()
    (body,) = bodies
    image = sent_image(body)
    assert image.size == (WIDTH, HEIGHT)
    half = Measures.of(WIDTH, HEIGHT).stroke / 2
    for left, top, right, bottom in boxes:
        # Where only this box is, away from its corners.
        x, y, near = right - 40, bottom - 40, 12
        assert reds(image, (left - near, y, left + near, y + 1))[0] == pytest.approx(left - half, abs=TOLERANCE)
        assert reds(image, (right - near, y, right + near, y + 1))[2] == pytest.approx(right + half, abs=TOLERANCE)
        assert reds(image, (x, top - near, x + 1, top + near))[1] == pytest.approx(top - half, abs=TOLERANCE)
        assert reds(image, (x, bottom - near, x + 1, bottom + near))[3] == pytest.approx(bottom + half, abs=TOLERANCE)


def test_every_kind_is_drawn_with_the_mouse(editor: EditorPage) -> None:
    page = editor.page
    for number, (key, color) in enumerate(zip("balfpt", COLORS, strict=True)):
        page.get_by_role("button", name=color, exact=True).click()
        page.keyboard.press(key)
        x = 100 + 230 * number
        editor.drag((x, 400), (x + 100, 500), (x + 200, 400), (x + 200, 800))
    page.keyboard.type("a lamp")
    page.keyboard.press("Escape")
    drawn = editor.drawn()
    kinds = [(shape["kind"], shape["color"], shape["number"]) for shape in drawn]
    assert kinds == [
        ("box", "red", 1),
        ("arrow", "yellow", 2),
        ("line", "green", 3),
        ("freehand", "blue", 4),
        ("pin", "pink", 5),
        ("text", "cyan", 6),
    ]
    assert drawn[5]["text"] == "a lamp"
    assert 3 < len(drawn[3]["points"]) < 20
    assert drawn[4]["points"] == [[pytest.approx(1220, abs=TOLERANCE), pytest.approx(800, abs=TOLERANCE)]]
    names = page.locator(".seedream-markup-list > li > button:first-child").all_inner_texts()
    assert names == [
        "red box 1", "yellow arrow 2", "green line 3", "blue drawing 4", "pink pin 5", "cyan text “a lamp”",
    ]  # fmt: skip
    expect_accessible(page, ".seedream-markup")


def test_a_shape_is_selected_moved_resized_deleted_and_all_of_it_undone(editor: EditorPage) -> None:
    page = editor.page
    editor.drag((400, 400), (1000, 900))
    page.keyboard.press("v")
    editor.drag((700, 600), (900, 700))
    (moved,) = editor.drawn()
    assert moved["points"] == [
        [pytest.approx(600, abs=TOLERANCE), pytest.approx(500, abs=TOLERANCE)],
        [pytest.approx(1200, abs=TOLERANCE), pytest.approx(1000, abs=TOLERANCE)],
    ]
    (_, (right, bottom)) = moved["points"]
    editor.drag((right, bottom), (1500, 1100))
    (resized,) = editor.drawn()
    assert resized["points"][0] == moved["points"][0]
    assert resized["points"][1] == [pytest.approx(1500, abs=TOLERANCE), pytest.approx(1100, abs=TOLERANCE)]
    page.keyboard.press("Delete")
    assert editor.drawn() == []
    for expected in ([resized], [moved]):
        page.keyboard.press("Control+z")
        assert editor.drawn() == expected
    for expected in ([resized], []):
        page.keyboard.press("Control+Shift+Z")
        assert editor.drawn() == expected
    expect(editor.button("Redo")).to_be_disabled()
    # A click beside everything draws and selects nothing.
    page.keyboard.press("Control+z")
    editor.drag((100, 100), (100, 100))
    expect(editor.item("red box 1")).to_have_attribute("aria-pressed", "false")


def test_everything_works_with_the_keyboard_alone(editor: EditorPage, bodies: list[dict[str, Any]]) -> None:
    page = editor.page
    expect(editor.canvas).to_be_focused()
    page.keyboard.press("b")
    page.keyboard.press("Enter")
    expect(editor.shapes.first).to_be_focused()
    (first,) = editor.drawn()
    for key in ("ArrowRight", "Shift+ArrowDown", "ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    (moved,) = editor.drawn()
    assert moved["points"] == [[x + 2, y + 9] for x, y in first["points"]]
    # By numbers.
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Left")).to_be_focused()
    for number in ("100", "200", "300", "400"):
        page.keyboard.press("Control+a")
        page.keyboard.type(number)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # on Apply
    (exact,) = editor.drawn()
    assert exact["points"] == [[100, 200], [400, 600]]
    page.get_by_role("textbox", name="Width").focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("9999")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text(f"The image has {WIDTH}×{HEIGHT} pixels.")  # noqa: RUF001
    # The words, and sending.
    editor.instruction.focus()
    page.keyboard.type("Put a sofa ")
    page.get_by_role("button", name="Insert words for red box 1").focus()
    page.keyboard.press("Enter")
    expect(editor.instruction).to_be_focused()
    page.keyboard.type(", please")
    editor.exchange()
    expect(editor.instruction).to_have_value("Put a sofa in the red box 1, please")
    editor.generate.focus()
    page.keyboard.press("Enter")
    editor.exchange()
    (body,) = bodies
    assert (body["prompt"], body["model"], body["size"]) == (
        "Put a sofa in the red box 1, please",
        "doubao-seedream-4-0-250828",
        "1K",
    )


def test_focus_is_never_lost(editor: EditorPage) -> None:
    page = editor.page
    page.keyboard.press("Enter")
    page.keyboard.press("Shift+Tab")
    expect(editor.canvas).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("Delete")
    expect(editor.shapes.first).to_be_focused()
    page.keyboard.press("Delete")
    expect(editor.canvas).to_be_focused()
    editor.button("Undo").focus()
    for _ in range(4):
        page.keyboard.press("Enter")
    assert editor.page.evaluate("document.activeElement.closest('.seedream-markup') !== null")
    page.keyboard.press("Control+Shift+Z")
    page.keyboard.press("Escape")
    page.keyboard.press("Escape")
    editor.exchange()
    expect(editor.root).to_be_hidden()
    expect(page.locator("#origin")).to_be_focused()


def test_the_shortcut_that_saves_the_notebook_reaches_it(editor: EditorPage) -> None:
    page = editor.page
    page.evaluate(
        """() => {
          window.saved = 0;
          const save = event => { if (event.key === "s" && event.ctrlKey) { saved += 1; event.preventDefault(); } };
          const place = document.querySelector("main > div");
          place.addEventListener("keydown", event => event.eventPhase === Event.AT_TARGET && save(event));
        }"""
    )
    page.keyboard.press("Control+s")
    editor.instruction.focus()
    page.keyboard.press("Control+s")
    assert page.evaluate("saved") == 2


def test_what_is_drawn_stays_when_the_editor_is_closed(editor: EditorPage) -> None:
    page = editor.page
    editor.drag((400, 400), (1000, 900))
    editor.instruction.fill("Put a sofa here")
    page.keyboard.press("Escape")  # leaves the text
    expect(editor.canvas).to_be_focused()
    page.keyboard.press("Escape")  # selects nothing
    page.keyboard.press("Escape")
    editor.exchange()
    expect(editor.root).to_be_hidden()
    assert "seedream-editing" not in editor.panel._dom_classes
    again = open_editor(page, editor.panel)
    assert "seedream-editing" in editor.panel._dom_classes
    expect(again.instruction).to_have_value("Put a sofa here")
    expect(again.item("red box 1")).to_be_visible()


def test_a_finger_draws_and_two_fingers_zoom(editor: EditorPage) -> None:
    session = editor.page.context.new_cdp_session(editor.page)

    def touch(kind: str, *points: tuple[float, float]) -> None:
        fingers = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})

    first, second = editor.locate(400, 400), editor.locate(1200, 1000)
    touch("touchStart", first)
    touch("touchMove", ((first[0] + second[0]) / 2, (first[1] + second[1]) / 2))
    touch("touchMove", second)
    touch("touchEnd")
    (shape,) = editor.drawn()
    assert shape["points"][1] == [pytest.approx(1200, abs=5), pytest.approx(1000, abs=5)]  # whole screen pixels
    level = editor.page.locator(".seedream-markup-zoom .seedream-grid-level")
    before = level.inner_text()
    touch("touchStart", first)
    touch("touchStart", first, second)
    touch("touchMove", (first[0] - 60, first[1] - 60), (second[0] + 60, second[1] + 60))
    touch("touchEnd")
    expect(level).not_to_have_text(before)
    assert len(editor.drawn()) == 1


def test_a_fast_double_click_buys_once(editor: EditorPage, bodies: list[dict[str, Any]]) -> None:
    editor.instruction.fill("Make it night")
    editor.exchange()
    editor.generate.dblclick()
    editor.exchange()
    assert len(bodies) == 1


def test_a_click_on_an_older_plan_buys_nothing(editor: EditorPage, bodies: list[dict[str, Any]]) -> None:
    editor.instruction.fill("Make it night")
    editor.exchange()
    expect(editor.generate).to_be_enabled()
    # Before the panel knows of it, the button waits.
    editor.instruction.press_sequentially(" or day")
    expect(editor.generate).to_be_disabled()
    editor.exchange()
    expect(editor.generate).to_be_enabled()
    old = {"type": "submit", "number": editor.panel.editor.number - 1, "values": editor.panel.editor.read()}
    editor.panel.editor._handle_custom_msg(old, [])
    editor.exchange()
    expect(editor.page.locator(".seedream-markup-status")).to_contain_text("Nothing was sent by this click")
    assert bodies == []


def test_the_preview_is_what_is_sent(editor: EditorPage, bodies: list[dict[str, Any]]) -> None:
    editor.drag((400, 400), (1000, 900))
    editor.instruction.fill("Put a sofa in the red box 1")
    editor.exchange()
    candidate = editor.page.locator(".seedream-markup-candidate").first
    expect(candidate).to_contain_text(re.compile(rf"{WIDTH}.{HEIGHT} · PNG · [\d.]+ [kM]B"))
    editor.button("View at full size").click()
    editor.exchange()
    expect(editor.canvas).to_have_attribute("aria-label", "What is sent")
    shown = editor.page.evaluate(
        """async () => {
          const blob = await (await fetch(document.querySelector(".seedream-markup-image").src)).blob();
          return [...new Uint8Array(await blob.arrayBuffer())];
        }"""
    )
    editor.generate.click()
    editor.exchange()
    (body,) = bodies
    assert base64.b64decode(body["image"].partition(",")[2]) == bytes(shown)


def test_a_layer_decomposition_sends_the_clean_original(editor: EditorPage, bodies: list[dict[str, Any]]) -> None:
    editor.drag((400, 400), (1000, 900))
    editor.page.get_by_label("The clean original, to decompose into layers").check()
    editor.page.get_by_label("Size").fill("")
    editor.exchange()
    expect(editor.page.get_by_label("Model")).to_have_value(PRO)
    words = editor.page.get_by_role("region", name="Prompt with boxes").inner_text()
    assert "<bbox>" in words
    editor.generate.click()
    editor.exchange()
    (body,) = bodies
    assert (body["layer_decomposition"], body["model"], body["prompt"]) == (True, PRO, words)
    assert base64.b64decode(body["image"].partition(",")[2]) == plain(WIDTH, HEIGHT, "#808080")


def test_the_result_stands_beside_the_original(editor: EditorPage, bodies: list[dict[str, Any]]) -> None:
    page = editor.page
    editor.drag((400, 400), (1000, 900))
    editor.instruction.fill("Put a sofa in the red box 1")
    editor.exchange()
    editor.generate.click()
    editor.exchange()
    before, after = page.get_by_alt_text("The original"), page.get_by_alt_text(re.compile("^The result"))
    expect(before).to_be_visible()
    expect(after).to_be_visible()
    expect(editor.button("Slider")).to_be_focused()
    expect_accessible(page, ".seedream-markup")
    assert len(editor.panel.tasks) == 2
    assert editor.panel._state.revealed.startswith(editor.panel.tasks[1].id.lower())
    page.keyboard.press("Enter")
    page.get_by_label("Share of the original shown over the result").press("ArrowRight")
    editor.button("Back to drawing").click()
    expect(editor.item("red box 1")).to_be_visible()
    editor.button("Show the result").click()
    editor.button("Edit the result").click()
    editor.exchange()
    expect(page.locator(".seedream-markup .seedream-grid-title")).to_contain_text("Put a sofa")
    expect(editor.shapes).to_have_count(0)
    assert len(bodies) == 1


def test_a_failure_is_reported_and_nothing_drawn_is_lost(editor: EditorPage) -> None:
    editor.drag((400, 400), (1000, 900))
    editor.instruction.fill("a forbidden sofa in the red box 1")
    editor.exchange()
    editor.generate.click()
    editor.exchange()
    expect(editor.page.locator(".seedream-markup-status")).to_contain_text("Content moderation rejected")
    expect(editor.page.locator(".seedream-markup-status")).to_have_class(re.compile("error"))
    expect(editor.item("red box 1")).to_be_visible()
    expect(editor.generate).to_be_enabled()


def test_a_color_that_is_not_there_is_warned_of(editor: EditorPage) -> None:
    editor.drag((400, 400), (1000, 900))
    editor.instruction.fill("Put a sofa in the green box")
    editor.exchange()
    expect(editor.page.locator(".seedream-markup-warning")).to_contain_text("green")
    editor.instruction.fill("Put a sofa in the red box")
    editor.exchange()
    expect(editor.page.locator(".seedream-markup-warning")).to_be_empty()


@pytest.mark.parametrize("theme", ["", "light", "dark"])
@pytest.mark.parametrize("width", [1300, 700])
def test_every_look_is_accessible_and_fits(page: Page, panel: Explorer, theme: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    editor = open_editor(page, panel, theme=theme)
    editor.drag((400, 400), (1000, 900))
    editor.instruction.fill("Put a green sofa in the red box 1")
    editor.exchange()
    expect_accessible(page, ".seedream-markup")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_in_jupyterlab_an_image_is_edited_from_its_details(lab_page: Page, server: JupyterServer) -> None:
    lab_page.set_viewport_size({"width": 1300, "height": 1000})
    notebook = Notebook.open(lab_page, server, server.add_notebook("editor", PANEL))
    notebook.hide_sidebar()
    notebook.run_all()
    lab_page.locator(".seedream-grid").get_by_role("option").first.click()
    lab_page.get_by_role("dialog").get_by_role("button", name="Edit", exact=True).click()
    canvas = lab_page.locator(".seedream-markup-canvas")
    expect(canvas).to_be_focused(timeout=PATIENCE)
    # Everything else gives way, and JupyterLab gets none of the keys.
    expect(lab_page.locator(".seedream-tabs")).not_to_be_visible()
    lab_page.keyboard.press("b")
    box = canvas.bounding_box()
    assert box is not None
    lab_page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.3)
    lab_page.mouse.down()
    lab_page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.6, steps=5)
    lab_page.mouse.up()
    expect(lab_page.locator(".seedream-markup-shape")).to_have_count(1)
    for key in ("x", "z", "a", "b", "Delete"):
        lab_page.keyboard.press(key)
    expect(notebook.code_cells).to_have_count(1)
    lab_page.keyboard.press("Control+z")
    lab_page.get_by_label("What to change").fill("Put a hat ")
    lab_page.get_by_role("button", name="Insert words for red box 1").click()
    generate = lab_page.locator(".seedream-markup-submit button")
    expect(generate).to_have_text("Generate: 1 request to the sandbox", timeout=PATIENCE)
    expect(generate).to_be_enabled(timeout=PATIENCE)
    expect_accessible(lab_page, ".seedream-markup")
    generate.click()
    expect(lab_page.get_by_alt_text(re.compile("^The result"))).to_be_visible(timeout=PATIENCE)
    lab_page.keyboard.press("Escape")
    expect(lab_page.locator(".seedream-markup")).to_be_hidden()
    expect(lab_page.get_by_role("dialog")).to_contain_text("Put a hat in the red box 1")
    cell = notebook.run_cell("print(len(sandbox.requests.of_kind('images')), [task.prompt for task in panel.tasks])")
    expect(cell.locator(".jp-OutputArea-output")).to_have_text(
        "1 ['a white siamese cat', 'Put a hat in the red box 1']", timeout=PATIENCE
    )
