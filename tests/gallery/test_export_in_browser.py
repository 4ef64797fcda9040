"""The exported page in a real browser, opened from its file: it asks nobody, and every key leads somewhere and back."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from seedream_nb import ErrorDetail, Gallery, Task, TaskImage, TaskStatus
from tests.gallery.front_ends import WIDTHS
from tests.sample_images import noise, plain, translucent

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page

    from tests.gallery.chromium import Chromium

pytestmark = pytest.mark.browser

LONG_PROMPT = "A far planet seen from its innermost moon, " * 50 + "W" * 90 + " the very last words"
ERROR = ErrorDetail("OutputImageSensitiveContentDetected", "W" * 200)
LINK = "https://images.example/a.jpg"
COUNT = 8


def tasks() -> list[Task]:
    images = [
        ("a cat", TaskImage("0", data=noise(1100, 700), model="m" * 60, size="1100x700", seed=1)),
        (LONG_PROMPT, TaskImage("1", data=plain(200, 320), url=LINK)),
        ("字" * 300, TaskImage("2", data=plain(2000, 300))),
        ("قطة بيضاء " * 30, TaskImage("3", data=translucent(300, 300))),
    ]
    moment = datetime(2026, 11, 22, tzinfo=timezone.utc)
    return [
        *(Task(image.task_id, TaskStatus.SUCCEEDED, (image,), text, created_at=moment) for text, image in images),
        Task("4" * 36, TaskStatus.FAILED, prompt="x" * 300, error=ERROR),
        Task("5" * 36, TaskStatus.PENDING, prompt="a dog"),
        Task.not_found("6" * 36),
        Task("7", TaskStatus.SUCCEEDED, (TaskImage("7", data=b"broken"),), prompt="last"),
    ]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Gallery(tasks()).export(tmp_path_factory.mktemp("exported") / "page.html", title="Images & <more>")


def expect_open(page: Page, number: int) -> None:
    expect(page.locator("section:visible")).to_have_count(1)
    expect(page.get_by_role("dialog", name=f"{number} of {COUNT}")).to_be_visible()


def test_the_mouse_opens_a_image_goes_on_and_back(chromium: Chromium, path: Path) -> None:
    def see(page: Page) -> None:
        expect(page.locator("section:visible")).to_have_count(0)
        page.get_by_role("link", name="a cat").click()
        expect_open(page, 1)
        large = page.get_by_role("dialog").get_by_role("img", name="a cat")
        assert large.evaluate("img => [img.naturalWidth, img.naturalHeight]") == [1024, 652]
        expect(page.get_by_role("dialog")).to_contain_text("2026-11-22 00:00:00 UTC")
        page.get_by_role("link", name="Next").click()
        expect_open(page, 2)
        expect(page.get_by_role("dialog")).to_contain_text("the very last words")
        assert page.get_by_role("link", name="Original").get_attribute("href") == LINK
        page.get_by_role("link", name="Previous").click()
        expect_open(page, 1)
        page.get_by_role("link", name="Close").click()
        expect(page.locator("section:visible")).to_have_count(0)
        page.go_back()
        expect_open(page, 1)

    chromium.look_at_file(path, see)


def test_the_keyboard_opens_a_image_goes_on_and_back_to_where_it_was(chromium: Chromium, path: Path) -> None:
    def see(page: Page) -> None:
        page.locator("#t1").focus()
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect_open(page, 2)
        expect(page.locator("#p2")).to_be_focused()
        page.keyboard.press("ArrowLeft")
        expect_open(page, 1)
        page.keyboard.press("ArrowLeft")
        expect_open(page, 1)
        for number in range(2, COUNT + 1):
            page.keyboard.press("ArrowRight")
            expect_open(page, number)
        page.keyboard.press("ArrowRight")
        expect_open(page, COUNT)
        page.keyboard.press("Escape")
        expect(page.locator("section:visible")).to_have_count(0)
        expect(page.locator(f"#t{COUNT}")).to_be_focused()
        expect(page.locator(f"#t{COUNT}")).to_be_in_viewport(ratio=1)
        page.keyboard.press("Enter")
        expect_open(page, COUNT)

    chromium.look_at_file(path, see)


def test_the_link_to_the_next_image_keeps_the_focus(chromium: Chromium, path: Path) -> None:
    def see(page: Page) -> None:
        page.locator("#t2").click()
        for number in range(3, COUNT):
            page.get_by_role("link", name="Next").press("Enter")
            expect_open(page, number)
            expect(page.get_by_role("link", name="Next")).to_be_focused()

    chromium.look_at_file(path, see)


def test_closing_does_not_move_the_page(chromium: Chromium, path: Path) -> None:
    def see(page: Page) -> None:
        page.locator("#t5").scroll_into_view_if_needed()
        page.evaluate("scrollBy(0, 60)")
        height = page.evaluate("scrollY")
        assert height > 0
        page.locator("#t5").click()
        expect_open(page, 5)
        page.keyboard.press("Escape")
        expect(page.locator("#t5")).to_be_focused()
        assert page.evaluate("scrollY") == height

    chromium.look_at_file(path, see, width=420)


@pytest.mark.parametrize("has_script", [True, False])
def test_what_lies_behind_an_open_image_cannot_be_reached(chromium: Chromium, path: Path, *, has_script: bool) -> None:
    def see(page: Page) -> None:
        page.locator("#t2").click()
        expect_open(page, 2)
        reached = set()
        for _ in range(8):
            page.keyboard.press("Tab")
            focused = page.locator(":focus")
            reached.add(focused.inner_text() if focused.count() else "the browser's own")
        assert reached == {"← Previous", "Next →", "✕ Close", "Original", "the browser's own"}

    chromium.look_at_file(path, see, java_script_enabled=has_script)


def test_it_works_without_script(chromium: Chromium, path: Path) -> None:
    def see(page: Page) -> None:
        expect(page.get_by_role("searchbox")).to_be_hidden()
        page.locator("#t1").focus()
        page.keyboard.press("Enter")
        expect_open(page, 1)
        page.get_by_role("link", name="Next").click()
        expect_open(page, 2)
        page.get_by_role("link", name="Previous").click()
        expect_open(page, 1)
        page.get_by_role("link", name="Close").click()
        expect(page.locator("section:visible")).to_have_count(0)
        expect(page.locator("#t1")).to_be_focused()

    chromium.look_at_file(path, see, java_script_enabled=False)


def test_a_filter_leaves_what_has_all_its_words(chromium: Chromium, path: Path) -> None:
    def see(page: Page) -> None:
        page.get_by_role("searchbox", name="Filter").fill("LAST words")
        expect(page.locator("figure:visible")).to_have_count(1)
        expect(page.get_by_role("status")).to_have_text(f"1 of {COUNT} shown")
        page.get_by_role("searchbox").fill("2026")
        expect(page.locator("figure:visible")).to_have_count(4)
        page.locator("a.place:visible").first.click()
        for _ in range(COUNT):
            page.keyboard.press("ArrowRight")
        # What is filtered out is passed over.
        page.keyboard.press("Escape")
        expect(page.locator("a.place:visible").last).to_be_focused()
        page.get_by_role("searchbox").fill("")
        expect(page.locator("figure:visible")).to_have_count(COUNT)
        expect(page.get_by_role("status")).to_be_empty()

    chromium.look_at_file(path, see)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("opened", [None, 1, 5])
def test_there_is_no_serious_obstacle(chromium: Chromium, path: Path, scheme: str, opened: int | None) -> None:
    def see(page: Page) -> list[Any]:
        if opened:
            page.locator(f"#t{opened}").click()
            expect_open(page, opened)
        brightness = page.evaluate("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
        assert (int(brightness) < 60) is (scheme == "dark")
        return [
            (fault["id"], [node["html"][:200] for node in fault["nodes"]])
            for fault in Axe().run(page).response["violations"]
            if fault["impact"] in {"serious", "critical"}
        ]

    assert chromium.look_at_file(path, see, color_scheme=scheme) == []


@pytest.mark.parametrize("width", [320, 420, 800, 1600])
def test_nothing_is_wider_than_the_page(chromium: Chromium, path: Path, width: int) -> None:
    def see(page: Page) -> None:
        for number in range(COUNT + 1):
            if number:
                page.evaluate(f"location.hash = 'p{number}'")
                expect_open(page, number)
                section = page.locator(f"#p{number}")
                assert section.evaluate("section => section.scrollWidth - section.clientWidth") == 0
            inner, outer = page.evaluate(WIDTHS)
            assert inner <= outer

    chromium.look_at_file(path, see, width=width)


def test_what_was_smuggled_in_would_neither_run_nor_ask_anybody(chromium: Chromium, path: Path, tmp_path: Path) -> None:
    hostile = "<script>document.title = 'owned'</script><img src='https://images.example/spy.png'>"
    forged = tmp_path / "forged.html"
    forged.write_text(path.read_text(encoding="utf-8").replace("</header>", f"</header>{hostile}"), encoding="utf-8")
    title, reports = chromium.listen(forged, lambda page: page.title())
    assert title == "Images & <more>"
    # Both are forbidden, the image before it is asked for.
    assert len([report for report in reports if "violates the following Content Security Policy" in report]) == 2


def test_paper_gets_tiles_alone_or_the_open_image_alone(chromium: Chromium, path: Path) -> None:
    def see(page: Page) -> None:
        page.emulate_media(media="print")
        expect(page.locator("figure:visible")).to_have_count(COUNT)
        expect(page.get_by_role("searchbox")).to_be_hidden()
        columns = page.locator(".tiles").evaluate(
            "tiles => getComputedStyle(tiles).gridTemplateColumns.split(' ').length"
        )
        assert columns == 4
        assert page.pdf(format="A4").startswith(b"%PDF")
        page.evaluate("location.hash = 'p2'")
        expect(page.locator("figure:visible")).to_have_count(0)
        expect(page.locator("#p2 .prompt")).to_be_visible()
        expect(page.locator("nav:visible")).to_have_count(0)

    chromium.look_at_file(path, see)
