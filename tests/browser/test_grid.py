"""The grid in a browser: on a bare page without a kernel, and once in JupyterLab."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

from seedream_nb.panels.grid import NARROWEST, WIDEST
from tests.browser.accessibility import expect_accessible
from tests.browser.grid_page import (
    THEMES,
    failed_card,
    load_page,
    make_card,
    make_cards,
    open_grid,
    open_many,
    pending_card,
)
from tests.browser.jupyter import PATIENCE, JupyterServer, Notebook
from tests.browser.pages import VIEWPORT, errors_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Page

    from tests.browser.grid_page import GridPage

pytestmark = pytest.mark.browser

HOSTILE = '<img src="x" onerror="window.hacked = 1"><script>window.hacked = 1</script>'
FILLED = "() => [...document.querySelectorAll('[role=option]')].every(tile => tile.querySelector('img')?.complete)"
# The first tile that is completely visible, and its distance from the upper edge.
FIRST = """() => {
  const edge = document.querySelector('.seedream-grid-scroll').getBoundingClientRect().top;
  const tiles = [...document.querySelectorAll('[role=option]')].map(tile => [tile.dataset.key, tile])
    .map(([key, tile]) => ({ key, offset: Math.round(tile.getBoundingClientRect().top - edge) }));
  return tiles.find(({ offset }) => offset >= 0);
}"""


@pytest.fixture(scope="module")
def shared_page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport=VIEWPORT, permissions=["clipboard-read", "clipboard-write"]) as context:
        page = context.new_page()
        load_page(page)
        yield page


@pytest.fixture
def page(shared_page: Page) -> Iterator[Page]:
    """The bare page, shared because loading it and painting take longest; errors in its console fail the test."""
    shared_page.set_viewport_size(VIEWPORT)
    with errors_of(shared_page) as errors:
        yield shared_page
    assert errors == []


def keys_of(cards: list[dict[str, object]]) -> list[str]:
    return [str(card["key"]) for card in cards]


def wait_until_filled(grid: GridPage) -> None:
    grid.page.wait_for_function(FILLED)


def scroll_to(grid: GridPage, top: int) -> None:
    """Scrolls the grid, and waits until it is drawn."""
    grid.page.evaluate(
        """top => new Promise(done => {
          const scroll = document.querySelector('.seedream-grid-scroll');
          scroll.scrollTop = top;
          // The grid draws in the frame after the scroll event.
          requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(done)));
        })""",
        top,
    )


def scroll_top(grid: GridPage) -> int:
    top: int = grid.page.evaluate("document.querySelector('.seedream-grid-scroll').scrollTop")
    return top


def count_columns(grid: GridPage) -> int:
    columns: int = grid.tiles.evaluate_all("all => new Set(all.map(tile => tile.style.left)).size")
    return columns


def transforms(grid: GridPage) -> list[str]:
    found: list[str] = grid.page.locator(".seedream-grid-large").evaluate_all("all => all.map(i => i.style.transform)")
    return found


def scale_of(grid: GridPage) -> float:
    (found,) = {re.search(r"scale\(([\d.]+)\)", transform)[1] for transform in transforms(grid)}  # type: ignore[index]
    return float(found)


class Touch:
    """Multi-touch; Playwright itself supports only single taps."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)

    def send(self, kind: str, *points: tuple[float, float]) -> None:
        fingers = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": fingers})


def expect_large_images(grid: GridPage, number: int = 1) -> None:
    """Waits for the originals."""
    expect(grid.page.locator(".seedream-grid-large")).to_have_count(number)
    expect(grid.page.locator(".seedream-grid-loading")).to_have_count(0)


# The document, and requests for images.


def test_only_nearby_tiles_are_in_the_document(page: Page) -> None:
    grid = open_grid(page, make_cards(1000))
    expect(grid.counts).to_have_text("1,000 shown")
    wait_until_filled(grid)
    assert 12 <= grid.tiles.count() <= 60
    assert page.locator(".seedream-grid *").count() < 1000
    expect(grid.tiles.first).to_have_attribute("aria-posinset", "1")
    expect(grid.tiles.first).to_have_attribute("aria-setsize", "1000")
    scroll_to(grid, 20_000)
    wait_until_filled(grid)
    # The tile that the Tab key focuses stays.
    assert grid.tiles.count() <= 61
    expect(grid.tiles.first).to_have_attribute("aria-posinset", "1")


def test_each_thumbnail_is_requested_once_when_it_comes_near(page: Page) -> None:
    cards = make_cards(300)
    grid = open_grid(page, cards)
    wait_until_filled(grid)
    first = grid.requested("thumbnail")
    assert first == keys_of(cards)[: len(first)]
    assert len(grid.sent("load")) == 1
    for top in (400, 1200, 2400, 1200, 0):
        scroll_to(grid, top)
        wait_until_filled(grid)
    wanted = grid.requested("thumbnail")
    assert len(first) < len(wanted) == len(set(wanted)) < 300
    assert grid.requested("original") == []


def test_thumbnails_that_were_scrolled_past_are_dropped(page: Page) -> None:
    cards = make_cards(300)
    grid = open_grid(page, [])
    page.evaluate("model.isAnswering = false")
    grid.update(cards=cards, order=list(range(300)))
    scroll_to(grid, 3000)
    wanted = grid.sent("load")[-1]["keys"]
    # The most urgent first: visible tiles. The last is the tile that the Tab key focuses.
    expect(grid.tile(wanted[0])).to_be_in_viewport()
    assert wanted[-1] == cards[0]["key"]
    assert not set(wanted[:-1]) & set(keys_of(cards[:12]))


def test_scrolling_to_the_end_fills_every_tile(page: Page) -> None:
    cards = make_cards(1000)
    grid = open_grid(page, cards, thumbnail=110)
    filled: set[str] = set()
    top = 0
    while len(filled) < 1000:
        scroll_to(grid, top)
        wait_until_filled(grid)
        shown = grid.tiles.evaluate_all("all => all.filter(t => t.querySelector('img')).map(t => t.dataset.key)")
        assert not filled or set(shown) - filled
        filled.update(shown)
        top += 900
    assert filled == set(keys_of(cards))


def test_two_views_of_a_model_share_their_images(page: Page) -> None:
    grid = open_grid(page, make_cards(6))
    wait_until_filled(grid)
    page.evaluate("() => { window.endSecond = addView(); }")
    expect(page.locator("[role=option] img")).to_have_count(12)
    assert len(grid.requested("thumbnail")) == 6
    page.evaluate("endSecond()")
    expect(page.locator("[role=option] img")).to_have_count(6)
    assert len(grid.requested("thumbnail")) == 6


def test_originals_are_stored_within_a_limit(page: Page) -> None:
    cards = make_cards(6)
    grid = open_grid(page, cards)
    wait_until_filled(grid)
    page.evaluate("model.isAnswering = false")
    for key in keys_of(cards):
        grid.update(opened=key)
        page.evaluate(
            """key => model.emit('msg:custom',
              { type: 'image', kind: 'original', key, mime: 'image/png', width: 8, height: 8, number: 1000 },
              [new DataView(new ArrayBuffer(60e6))])""",
            key,
        )
    large = "[...urls.live.values()].filter(blob => blob.size === 60e6).length"
    assert page.evaluate(large) == 3
    assert grid.page.evaluate("urls.live.size") == 3


# Any number of cards.

MANY = 100_000


def expect_shown(grid: GridPage, place: int) -> None:
    """Waits until the tile of a place, from 0, is in view with its image."""
    tile = grid.page.locator(f"[role=option][aria-posinset='{place + 1}']")
    expect(tile).to_be_in_viewport(ratio=0.5)
    expect(tile.locator("img")).to_be_visible()


def test_only_cards_near_the_viewport_are_requested(page: Page) -> None:
    grid = open_many(page, MANY)
    expect(grid.counts).to_have_text("100,000 shown")
    expect(grid.tiles.first).to_have_attribute("aria-setsize", str(MANY))
    grid.tiles.first.focus()
    for key, place in {"End": MANY - 1, "Home": 0, "PageDown": 12}.items():
        page.keyboard.press(key)
        expect_shown(grid, place)
        expect(page.locator(":focus")).to_have_attribute("aria-posinset", str(place + 1))
    scroll_to(grid, 3_000_000)
    wait_until_filled(grid)
    windows = [sent["last"] - sent["first"] + 1 for sent in grid.sent("window")]
    assert max(windows) < 100
    assert sum(windows) < 400
    assert page.evaluate("JSON.stringify(model.sent).length") < 200_000


def test_windows_that_were_scrolled_past_are_never_requested(page: Page) -> None:
    grid = open_many(page, MANY)
    page.evaluate("() => { model.held = []; }")
    page.evaluate(
        """async () => {
          for (let top = 350_000; top < 2_000_000; top += 350_000) {
            document.querySelector('.seedream-grid-scroll').scrollTop = top;
            await new Promise(requestAnimationFrame);
          }
        }"""
    )
    # One is in flight at a time, and the latest follows it.
    assert len(grid.sent("window")) == 1
    page.evaluate("model.release()")
    page.evaluate("model.release()")
    wait_until_filled(grid)
    assert len(grid.sent("window")) == 2
    assert page.evaluate(FIRST)["key"] in grid.requested("thumbnail")
    assert len(grid.requested("thumbnail")) < 200


def set_scroll_top(page: Page, top: int) -> None:
    """Scrolls on a page whose clock is stopped: the browser still reports it in its own time."""
    page.evaluate(
        """top => new Promise(resolve => {
          const scroll = document.querySelector(".seedream-grid-scroll");
          scroll.addEventListener("scroll", resolve, { once: true });
          scroll.scrollTop = top;
        })""",
        top,
    )


def test_a_request_whose_answer_is_lost_is_sent_again(browser: Browser) -> None:
    with browser.new_context(viewport=VIEWPORT) as context:
        page = context.new_page()
        page.clock.install()
        load_page(page)
        grid = open_many(page, MANY)
        page.clock.run_for(100)
        page.evaluate("() => { model.held = []; }")
        set_scroll_top(page, 1_000_000)
        page.clock.run_for(100)
        assert len(grid.sent("window")) == 1
        page.evaluate("() => { model.held = null; }")
        page.clock.run_for(9000)
        wait_until_filled(grid)
        first, again, *_others = grid.sent("window")
        assert first == again


def test_images_fade_in_unless_somebody_scrolls(browser: Browser) -> None:
    fresh = ".seedream-grid-fresh"
    with browser.new_context(viewport=VIEWPORT) as context:
        page = context.new_page()
        page.clock.install()
        load_page(page)
        cards = make_cards(300)
        grid = open_grid(page, [], thumbnail=200)
        page.evaluate("model.isAnswering = false")
        grid.update(cards=cards, order=list(range(300)))
        page.clock.run_for(100)
        page.evaluate("key => model.answer('thumbnail', key)", cards[0]["key"])
        expect(page.locator(fresh)).to_have_count(1)
        set_scroll_top(page, 3000)
        page.clock.run_for(100)
        wanted = grid.sent("load")[-1]["keys"]
        page.evaluate("key => model.answer('thumbnail', key)", wanted[0])
        expect(grid.tile(wanted[0]).locator("img")).to_be_visible()
        expect(grid.tile(wanted[0]).locator(fresh)).to_have_count(0)
        page.clock.run_for(2000)
        page.evaluate("key => model.answer('thumbnail', key)", wanted[1])
        expect(grid.tile(wanted[1]).locator(fresh)).to_have_count(1)


def test_all_cards_are_selected_and_cleared_at_once(page: Page) -> None:
    grid = open_many(page, MANY)
    grid.tiles.first.focus()
    page.keyboard.press("Control+a")
    expect(grid.counts).to_have_text("100,000 shown · 100,000 selected")
    page.keyboard.press("End")
    expect(page.locator(":focus")).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Space")
    expect(grid.counts).to_have_text("100,000 shown · 99,999 selected")
    expect(page.locator(":focus")).to_have_attribute("aria-selected", "false")
    page.keyboard.press("Escape")
    expect(grid.counts).to_have_text("100,000 shown")
    # The messages are as small as for a few cards.
    assert max(len(str(sent)) for sent in grid.sent("select")) < 200


def test_a_range_reaches_over_cards_that_never_were_here(page: Page) -> None:
    grid = open_many(page, MANY)
    grid.tiles.nth(1).click(modifiers=["Control"])
    page.keyboard.press("Shift+End")
    expect(grid.counts).to_have_text("100,000 shown · 99,999 selected")
    expect(page.locator(":focus")).to_have_attribute("aria-posinset", str(MANY))
    expect(page.locator(":focus")).to_have_attribute("aria-selected", "true")


def test_what_is_clicked_shows_before_python_answers(page: Page) -> None:
    grid = open_many(page, MANY)
    page.evaluate("model.isSilent = true")
    for place in (0, 2, 3):
        grid.tiles.nth(place).click(modifiers=["Control"])
    expect(grid.counts).to_have_text("100,000 shown · 3 selected")
    grid.tiles.nth(2).click(modifiers=["Control"])
    expect(grid.tiles.and_(page.locator("[aria-selected=true]"))).to_have_count(2)
    # What Python says of an earlier click does not undo a later one; what it says of the last one counts.
    told = {"by": page.evaluate("model.sent.at(-1).by"), "version": grid.get("version"), "hidden": 0}
    grid.send("selection", **told, op=1, runs=[[0, 0]])
    expect(grid.counts).to_have_text("100,000 shown · 2 selected")
    grid.send("selection", **told, op=4, runs=[])
    expect(grid.counts).to_have_text("100,000 shown")


@pytest.mark.parametrize("width", [300, 1280])
def test_a_million_cards_are_scrolled_although_no_element_can_be_as_tall(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    grid = open_many(page, 1_000_000, thumbnail=WIDEST)
    list_height = page.locator(".seedream-grid-list").evaluate("list => list.getBoundingClientRect().height")
    assert list_height < 17_000_000
    grid.tiles.first.focus()
    page.keyboard.press("End")
    expect_shown(grid, 999_999)
    page.keyboard.press("ArrowUp")
    columns = count_columns(grid)
    expect_shown(grid, 999_999 - columns)
    # The wheel moves pixel by pixel, the scroll bar to the same part of the content.
    scroll_to(grid, int(list_height / 2))
    page.wait_for_function(f"() => Math.abs(parseInt(({FIRST})()?.key) - 500_000) < 10_000")
    wait_until_filled(grid)
    first = page.evaluate(FIRST)
    scroll_to(grid, scroll_top(grid) + 100)
    wait_until_filled(grid)
    place = page.locator(f"[data-key='{first['key']}']").bounding_box()
    edge = page.locator(".seedream-grid-scroll").bounding_box()
    assert place is not None
    assert edge is not None
    assert place["y"] - edge["y"] == pytest.approx(first["offset"] - 100, abs=2)
    page.wait_for_timeout(400)  # the scroll bar follows; the content stays
    settled = page.locator(f"[data-key='{first['key']}']").bounding_box()
    assert settled is not None
    assert settled["y"] == pytest.approx(place["y"], abs=2)
    scroll_to(grid, 0)
    expect_shown(grid, 0)


def test_scrolling_while_the_scroll_bar_is_about_to_settle_is_not_undone(page: Page) -> None:
    grid = open_many(page, 1_000_000, thumbnail=WIDEST)
    grid.tiles.first.focus()
    page.keyboard.press("End")
    expect_shown(grid, 999_999)
    page.evaluate(
        """() => new Promise(resolve => {
          const scroll = document.querySelector(".seedream-grid-scroll");
          scroll.scrollTop -= 100;
          scroll.addEventListener("scroll", () => {
            // Just before the scroll bar settles: what the browser reports of this comes after that.
            setTimeout(() => {
              scroll.scrollTop = scroll.scrollHeight / 2;
              resolve();
            }, 199);
          }, { once: true });
        })"""
    )
    page.wait_for_function(f"() => Math.abs(parseInt(({FIRST})()?.key) - 500_000) < 10_000")


def test_a_filter_of_many_keeps_what_is_in_view(page: Page) -> None:
    grid = open_many(page, MANY)
    scroll_to(grid, 2_000_000)
    wait_until_filled(grid)
    first = page.evaluate(FIRST)
    remainder = int(first["key"].removesuffix("/0")) % 10
    order = list(range(remainder, MANY, 10))
    grid.update(order=order)
    expect(grid.counts).to_have_text("10,000 of 100,000 shown")
    wait_until_filled(grid)
    place = grid.tile(first["key"]).bounding_box()
    edge = page.locator(".seedream-grid-scroll").bounding_box()
    assert place is not None
    assert edge is not None
    assert round(place["y"] - edge["y"]) == first["offset"]


def test_cards_from_anywhere_are_compared(page: Page) -> None:
    grid = open_many(page, MANY)
    keys = ["5/0", "50000/0", "99999/0"]
    grid.update(selected=keys)
    grid.button("Compare").click()
    expect_large_images(grid, 3)
    grid.button("Details of B").click()
    expect(grid.dialog).to_contain_text("50,001 of 100,000")
    page.keyboard.press("ArrowRight")
    expect(grid.dialog).to_contain_text("50,002 of 100,000")


def test_cards_that_python_is_still_loading_have_blank_tiles(page: Page) -> None:
    cards = make_cards(8)
    grid = open_grid(page, cards[:4], order=list(range(8)), note="4 of 8 tasks loaded")
    expect(grid.tiles).to_have_count(8)
    expect(grid.counts).to_have_text("8 of 4 shown · 4 of 8 tasks loaded")
    expect(page.get_by_role("option", name="Loading")).to_have_count(4)
    grid.tiles.first.focus()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    expect(grid.dialog).to_have_count(0)
    assert grid.get("selected") == []
    grid.update(cards=cards, order=list(range(8)), note="")
    expect(page.locator("[role=option] img")).to_have_count(8)
    expect(grid.tile(keys_of(cards)[7])).to_be_focused()


# Order.


@pytest.fixture
def scrolled(page: Page) -> GridPage:
    """A grid of 400 cards, scrolled to its middle."""
    grid = open_grid(page, make_cards(400))
    wait_until_filled(grid)
    scroll_to(grid, 5070)
    wait_until_filled(grid)
    return grid


def test_a_filter_that_hides_everything_in_view_starts_at_the_top(scrolled: GridPage) -> None:
    scrolled.update(order=list(range(40)))
    expect(scrolled.counts).to_have_text("40 of 400 shown")
    assert scroll_top(scrolled) == 0
    wait_until_filled(scrolled)


def test_a_filter_keeps_the_scroll_position(scrolled: GridPage) -> None:
    first = scrolled.page.evaluate(FIRST)
    number = int(first["key"][:8], 16)
    scrolled.update(order=[position for position in range(400) if position % 2 == number % 2])
    wait_until_filled(scrolled)
    found = scrolled.page.locator(f"[data-key='{first['key']}']").bounding_box()
    edge = scrolled.page.locator(".seedream-grid-scroll").bounding_box()
    assert found is not None
    assert edge is not None
    assert round(found["y"] - edge["y"]) == first["offset"]
    scrolled.update(order=list(range(400)))
    wait_until_filled(scrolled)
    assert scrolled.page.evaluate(FIRST) == first


def test_new_cards_at_the_end_keep_the_scroll_position(scrolled: GridPage) -> None:
    first = scrolled.page.evaluate(FIRST)
    scrolled.update(cards=make_cards(420), order=list(range(420)))
    expect(scrolled.counts).to_have_text("420 shown")
    assert scrolled.page.evaluate(FIRST) == first


def test_a_new_order_starts_at_the_top(scrolled: GridPage) -> None:
    scrolled.update(order=list(reversed(range(400))), basis=1)
    wait_until_filled(scrolled)
    assert scroll_top(scrolled) == 0
    assert scrolled.page.evaluate(FIRST)["key"] == make_card(399)["key"]


def test_a_new_tile_size_keeps_the_scroll_position(scrolled: GridPage) -> None:
    first = scrolled.page.evaluate(FIRST)
    columns = count_columns(scrolled)
    scrolled.update(thumbnail=320)
    wait_until_filled(scrolled)
    assert count_columns(scrolled) < columns
    expect(scrolled.tile(first["key"])).to_be_in_viewport()


def test_the_slider_and_python_set_the_tile_size(page: Page) -> None:
    grid = open_grid(page, make_cards(40), thumbnail=160)
    slider = page.get_by_role("slider", name="Tile size")
    expect(slider).to_have_value("160")
    expect(slider).to_have_attribute("min", str(NARROWEST))
    expect(slider).to_have_attribute("max", str(WIDEST))
    columns = count_columns(grid)
    slider.focus()
    page.keyboard.press("ArrowRight")
    assert page.evaluate("model.saved") == [{"thumbnail": 168}]
    page.keyboard.press("End")
    assert grid.get("thumbnail") == WIDEST
    assert count_columns(grid) < columns
    expect(slider).to_have_attribute("aria-valuetext", f"{WIDEST} pixels")
    expect(slider).to_be_focused()
    grid.update(thumbnail=160)
    expect(slider).to_have_value("160")
    assert count_columns(grid) == columns
    # Without tiles there is no slider.
    grid.update(cards=[], order=[])
    expect(slider).to_be_hidden()


def test_an_empty_grid_shows_a_message(page: Page) -> None:
    grid = open_grid(page, [])
    sentence = page.locator(".seedream-grid-nothing")
    expect(sentence).to_have_text("No images yet. They appear here as they arrive.")
    expect(grid.counts).to_be_empty()
    grid.update(cards=make_cards(24), order=[])
    expect(sentence).to_have_text("No matches among 24 images. Broaden the filter to see more.")
    grid.update(order=[3])
    expect(grid.tiles).to_have_count(1)
    expect(grid.counts).to_have_text("1 of 24 shown")
    expect(sentence).to_be_hidden()


def test_the_focus_stays_in_the_grid_when_its_tile_is_hidden(page: Page) -> None:
    cards = make_cards(24)
    grid = open_grid(page, cards)
    grid.tiles.first.focus()
    page.keyboard.press("ArrowRight")
    grid.update(order=[5, 6, 7])
    expect(grid.tile(keys_of(cards)[5])).to_be_focused()


# Tiles.


def test_a_tile_shows_the_state_of_its_task(page: Page) -> None:
    waiting = pending_card(1)
    partial = make_card(2, icon="◑", state="partially failed", position="2 of 4")
    grid = open_grid(page, [failed_card(0), waiting, partial])
    expect(grid.tiles.nth(0)).to_contain_text("✕failedRejected by the content check.")
    expect(grid.tiles.nth(1)).to_contain_text("○pending")
    expect(grid.tiles.nth(2)).to_contain_text("◑ partially failed · 2 of 4 · SeeDream 4.0 · 2048×2048 · seed 2")  # noqa: RUF001  the sign typographers use
    expect(grid.tiles.nth(0)).to_have_accessible_name(re.compile("siamese.*failed, Rejected"))
    expect(grid.tiles.nth(2).locator("img")).to_have_attribute("alt", str(partial["prompt"]))
    assert grid.requested("thumbnail") == [partial["key"]]
    grid.update(cards=[failed_card(0), make_card(1), partial])
    expect(grid.tiles.nth(1).locator("img")).to_be_visible()


def test_a_long_error_code_breaks_between_its_words(page: Page) -> None:
    problem = "Rejected. (InputTextSensitiveContentDetected.some_long_service_code)"
    open_grid(page, [{**failed_card(0), "problem": problem}], thumbnail=160)
    shown = page.locator(".seedream-grid-placeholder-problem")
    expect(shown).to_have_text(problem)
    parts = shown.evaluate("element => [...element.childNodes].map(node => node.textContent)")
    assert [part for part in parts if part] == [
        *(
            "Rejected. (",
            "Input",
            "Text",
            "Sensitive",
            "Content",
            "Detected.",
            "some_",
            "long_",
            "service_",
            "code",
            ")",
        ),
    ]
    expect(shown.locator("wbr")).to_have_count(8)


def test_a_long_fact_comes_last(page: Page) -> None:
    model = "a-model-that-nobody-has-named-yet-260128"
    grid = open_grid(page, [make_card(0, facts=[model, "2048x2048", "seed 7"])])
    expect(page.locator(".seedream-grid-facts")).to_have_text(f"2048x2048 · seed 7 · {model}")
    grid.tiles.first.click()
    expect(grid.dialog).to_contain_text("doubao-seedream-4-0-250828")


def test_a_failed_thumbnail_shows_why_and_may_load_later(page: Page) -> None:
    cards = make_cards(2)
    grid = open_grid(page, [])
    page.evaluate("model.isAnswering = false")
    grid.update(cards=cards, order=[0, 1])
    page.evaluate("key => model.fail('thumbnail', key, 'The link is dead.')", cards[0]["key"])
    expect(grid.tiles.first).to_contain_text("!not availableThe link is dead.")
    assert len(grid.requested("thumbnail")) == 2
    grid.update(cards=make_cards(2))
    assert grid.requested("thumbnail")[2:] == [cards[0]["key"], cards[1]["key"]]


def test_images_of_one_shape_have_tiles_of_that_shape(page: Page) -> None:
    upright = [make_card(number, width=1440, height=2560) for number in range(8)]
    grid = open_grid(page, upright, aspect=9 / 16)
    wait_until_filled(grid)
    box = page.locator(".seedream-grid-image").first.bounding_box()
    assert box is not None
    assert box["width"] / box["height"] == pytest.approx(9 / 16, abs=0.01)
    grid.update(cards=[*upright, make_card(8)], order=list(range(9)), aspect=1)
    box = page.locator(".seedream-grid-image").first.bounding_box()
    assert box is not None
    assert box["width"] == pytest.approx(box["height"], abs=1)


def test_foreign_text_never_becomes_markup(page: Page) -> None:
    details = [["Task ID", HOSTILE], [HOSTILE, HOSTILE]]
    facts = [HOSTILE, "2048x2048"]
    hostile = {"prompt": HOSTILE, "facts": facts, "position": HOSTILE, "problem": HOSTILE, "details": details}
    hostile |= {"link": "javascript:window.hacked = 1"}
    cards = [
        make_card(0, **hostile, task_id=HOSTILE),
        make_card(1, **hostile, key=f'{HOSTILE}"/0', has_image=False, state=HOSTILE, icon=HOSTILE),
    ]
    grid = open_grid(page, cards)
    expect(grid.tiles).to_have_count(2)
    expect(grid.tiles.first).to_contain_text(HOSTILE)
    page.evaluate("text => model.emit('msg:custom', { type: 'notify', text }, [])", HOSTILE)
    for key in keys_of(cards):
        grid.update(opened=key)
        expect(grid.dialog).to_contain_text(HOSTILE)
        expect(page.get_by_role("link")).to_have_count(0)
    page.evaluate("key => model.fail('original', key, '<b>no</b>')", cards[0]["key"])
    grid.update(opened="", compared=keys_of(cards))
    expect(grid.dialog).to_contain_text(HOSTILE)
    assert page.locator(".seedream-grid :is(script, b, img:not([src^='blob:'], [src^='data:image/']))").count() == 0
    assert page.evaluate("window.hacked") is None


# Selection.


def test_clicks_select_tiles(page: Page) -> None:
    cards = make_cards(24)
    keys = keys_of(cards)
    grid = open_grid(page, cards)
    expect(page.get_by_role("button", name="Compare")).to_be_hidden()
    grid.tile(keys[1]).click(modifiers=["Control"])
    assert grid.get("selected") == [keys[1]]
    expect(grid.tile(keys[1])).to_have_attribute("aria-selected", "true")
    expect(grid.counts).to_have_text("24 shown · 1 selected")
    grid.tile(keys[4]).click(modifiers=["Shift"])
    assert grid.get("selected") == keys[1:5]
    # The mark in the corner works without a keyboard.
    grid.tile(keys[7]).hover()
    grid.tile(keys[7]).locator(".seedream-grid-mark").click()
    grid.tile(keys[2]).locator(".seedream-grid-mark").click()
    assert grid.get("selected") == [keys[1], *keys[3:5], keys[7]]
    assert grid.get("opened") == ""
    grid.button("Clear").click()
    assert grid.get("selected") == []
    expect(grid.tiles.and_(page.locator("[aria-selected=true]"))).to_have_count(0)
    expect(grid.tile(keys[2])).to_be_focused()


def test_python_selects_tiles(page: Page) -> None:
    cards = make_cards(24)
    keys = keys_of(cards)
    grid = open_grid(page, cards, selected=keys[:1])
    expect(grid.tile(keys[0])).to_have_attribute("aria-selected", "true")
    grid.update(selected=keys[2:8], order=list(range(6)))
    expect(grid.counts).to_have_text("6 of 24 shown · 6 selected · 2 of them hidden")
    expect(grid.tiles.and_(page.locator("[aria-selected=true]"))).to_have_count(4)
    expect(grid.button("Compare")).to_be_disabled()
    grid.button("Save").click()
    assert [(sent["folder"], "keys" in sent) for sent in grid.sent("save")] == [("results", False)]


def test_the_result_of_saving_is_beside_its_button(page: Page) -> None:
    cards = make_cards(24)
    keys = keys_of(cards)
    grid = open_grid(page, cards, selected=keys[:2])
    folder, result = page.get_by_role("textbox", name="Folder"), page.locator(".seedream-grid-saved")
    folder.fill("")
    folder.press_sequentially("take-2+0")
    folder.press("Enter")
    (first,) = grid.sent("save")
    assert (first["folder"], "keys" in first) == ("take-2+0", False)
    expect(result).to_have_text("Saving…")
    grid.send("saved", ticket=first["ticket"], text="Saved 2 images in take-2+0.", is_error=False)
    expect(result).to_have_text("Saved 2 images in take-2+0.")
    grid.tiles.first.click()
    dialog = grid.dialog
    expect(dialog.get_by_role("textbox", name="Folder")).to_have_value("take-2+0")
    dialog.get_by_role("textbox", name="Folder").press("End")
    page.keyboard.type("-0+")  # no zooming
    dialog.get_by_role("button", name="Save original").click()
    second = grid.sent("save")[1]
    assert (second["folder"], second["keys"]) == ("take-2+0-0+", keys[:1])
    grid.send("saved", ticket=second["ticket"], text="The disk is full.", is_error=True)
    expect(dialog.locator(".seedream-grid-saved")).to_have_text("✕ The disk is full.")
    expect(page.locator(".seedream-grid-level")).to_have_text("Fit")
    # It belongs to this image; that of another one is shown over the grid.
    page.locator(".seedream-grid-stage").focus()
    page.keyboard.press("ArrowRight")
    expect(dialog.locator(".seedream-grid-saved")).to_be_empty()
    grid.send("saved", ticket=second["ticket"], text="Saved a.jpg.", is_error=False)
    expect(page.locator(".seedream-grid-notice")).to_have_text("Saved a.jpg.")


def test_results_come_into_view(page: Page) -> None:
    cards = make_cards(60)
    grid = open_grid(page, cards[:48])
    new = str(cards[50]["key"])
    grid.update(cards=cards, order=list(range(60)))
    grid.send("reveal", key=new)
    expect(grid.tile(new)).to_be_in_viewport()
    grid.tile(new).click()
    grid.send("reveal", key=str(cards[3]["key"]))
    assert grid.get("opened") == cards[3]["key"]
    expect(grid.dialog).to_contain_text("4 of 60")


def test_times_are_those_of_the_browser(browser: Browser) -> None:
    with browser.new_context(timezone_id="Asia/Tokyo") as context:
        page = context.new_page()
        load_page(page)
        grid = open_grid(page, make_cards(1))
        assert grid.sent("time_zone") == [{"type": "time_zone", "name": "Asia/Tokyo"}]
        grid.tiles.first.click()
        key = str(make_cards(1)[0]["key"])
        moments = {"Created": "2026-11-20T20:30:00+00:00"}
        grid.send("details", key=key, pairs=[["Created", "2026-11-20 20:30:00 UTC"]], moments=moments)
        time = grid.dialog.locator("time")
        expect(time).to_have_text("2026-11-21 05:30:00")
        expect(time).to_have_attribute("title", "Asia/Tokyo (GMT+09:00)")


def test_keys_select_a_range(page: Page) -> None:
    cards = make_cards(24)
    keys = keys_of(cards)
    grid = open_grid(page, cards)
    grid.tiles.first.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    assert grid.get("selected") == keys[1:4]
    page.keyboard.press("Space")
    assert grid.get("selected") == keys[1:3]
    page.keyboard.press("Control+a")
    assert sorted(grid.get("selected")) == sorted(keys)
    page.keyboard.press("Escape")
    assert grid.get("selected") == []


def test_arrow_and_page_keys_move_through_the_grid(page: Page) -> None:
    cards = make_cards(100)
    keys = keys_of(cards)
    grid = open_grid(page, cards)
    columns = count_columns(grid)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(grid.tile(keys[0])).to_be_focused()
    for key, place in {
        "ArrowRight": 1,
        "ArrowDown": columns + 1,
        "ArrowLeft": columns,
        "ArrowUp": 0,
        "End": 99,
        "Home": 0,
        "PageDown": 2 * columns,
        "PageUp": 0,
    }.items():
        page.keyboard.press(key)
        expect(grid.tile(keys[place])).to_be_focused()
        expect(grid.tile(keys[place])).to_be_in_viewport(ratio=0.9)
    page.keyboard.press("ArrowLeft")
    expect(grid.tile(keys[0])).to_be_focused()


# Detail.


def test_the_detail_view_opens_moves_and_closes(page: Page) -> None:
    cards = make_cards(24)
    keys = keys_of(cards)
    grid = open_grid(page, cards)
    grid.tile(keys[3]).click()
    expect(grid.dialog).to_contain_text(str(cards[3]["prompt"]))
    expect(grid.dialog).to_contain_text("4 of 24")
    expect(grid.dialog).to_contain_text("2025-11-02 14:03:09 UTC")
    assert grid.requested("original") == [keys[3]]
    expect_large_images(grid)
    page.keyboard.press("ArrowRight")
    expect(grid.dialog).to_contain_text("5 of 24")
    grid.button("Next").click()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowRight")
    expect(grid.dialog).to_contain_text(str(cards[5]["prompt"]))
    assert grid.get("opened") == keys[5]
    expect(page.locator(".seedream-grid-large")).to_have_attribute("alt", str(cards[5]["prompt"]))
    assert not page.locator(".seedream-grid-page").evaluate("page => page.contains(document.activeElement)")
    page.keyboard.press("Escape")
    expect(grid.dialog).to_have_count(0)
    expect(grid.tile(keys[5])).to_be_focused()
    assert grid.get("opened") == ""


def test_details_are_requested_and_never_in_the_model_that_a_notebook_saves(page: Page) -> None:
    cards = make_cards(2)
    first, second = keys_of(cards)
    grid = open_grid(page, cards, opened=first)
    expect(grid.dialog).to_contain_text("1 image")
    grid.button("Next").click()
    expect(grid.dialog).to_contain_text("Seed1")
    assert grid.sent("details") == [{"type": "details", "keys": [key]} for key in (first, second)]
    grid.update(cards=[cards[0], {**cards[1], "details": [["Usage", "2 images"]]}])
    expect(grid.dialog).to_contain_text("2 images")
    assert "details" not in page.evaluate("Object.keys(model.state)")


PIXEL = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"


def test_parents_and_children_are_shown_and_open_their_cards(page: Page) -> None:
    parent = {"task_id": "a", "place": 1, "name": "a/2", "prompt": HOSTILE, "source": PIXEL, "width": 96, "height": 64}
    child = {"place": 0, "prompt": "at night"}
    relatives = {
        "parents": [parent],
        "children": [{**child, "task_id": f"b{number}", "name": f"b{number}/1"} for number in range(8)],
        "more_parents": 0,
        "more_children": 1992,
    }
    cards = make_cards(2)
    grid = open_grid(page, cards)
    grid.tile(keys_of(cards)[0]).click()
    made_from, led_to = (page.get_by_role("region", name=name) for name in ("Made from", "Led to"))
    expect(made_from).to_be_hidden()
    grid.update(cards=[{**cards[0], "relatives": relatives}, cards[1]])
    expect(made_from.get_by_role("button")).to_have_count(1)
    expect(made_from.locator("img")).to_have_attribute("src", PIXEL)
    expect(led_to.get_by_role("button")).to_have_count(8)
    expect(led_to).to_contain_text("and 1,992 more")
    assert page.evaluate("window.hacked") is None
    expect_accessible(page, ".seedream-grid")
    # By keyboard, and without leaving for the arrow keys of the view.
    led_to.get_by_role("button", name="Led to: at night, b0/1").focus()
    page.keyboard.press("Enter")
    made_from.get_by_role("button").click()
    assert grid.sent("relative") == [
        {"type": "relative", "task_id": "b0", "place": 0},
        {"type": "relative", "task_id": "a", "place": 1},
    ]
    # Another card has none.
    page.keyboard.press("ArrowRight")
    expect(led_to).to_be_hidden()


def test_the_detail_view_follows_the_order_and_stops_at_its_ends(page: Page) -> None:
    cards = make_cards(24)
    keys = keys_of(cards)
    grid = open_grid(page, cards, order=[9, 2, 17])
    grid.tile(keys[2]).click()
    page.keyboard.press("ArrowRight")
    assert grid.get("opened") == keys[17]
    expect(grid.button("Next")).to_be_disabled()
    page.keyboard.press("ArrowRight")
    assert grid.get("opened") == keys[17]
    grid.button("Previous").click()
    grid.button("Previous").click()
    assert grid.get("opened") == keys[9]
    # The pressed button is disabled, but the arrow keys still work.
    page.keyboard.press("ArrowRight")
    assert grid.get("opened") == keys[2]


def test_closing_scrolls_to_the_tile(page: Page) -> None:
    cards = make_cards(200)
    grid = open_grid(page, cards)
    grid.tiles.first.click()
    grid.update(opened=keys_of(cards)[150])
    expect(grid.dialog).to_contain_text("151 of 200")
    # Its neighbors are loaded before the arrow keys reach them.
    assert {keys_of(cards)[149], keys_of(cards)[151]} <= set(grid.requested("thumbnail"))
    grid.button("Close").click()
    expect(grid.tile(keys_of(cards)[150])).to_be_focused()
    expect(grid.tile(keys_of(cards)[150])).to_be_in_viewport()


def test_opening_from_python_does_not_move_the_focus(page: Page) -> None:
    cards = make_cards(3)
    grid = open_grid(page, cards, opened=keys_of(cards)[1])
    expect(grid.dialog).to_contain_text("2 of 3")
    assert page.evaluate("document.activeElement === document.body")
    grid.update(opened="no such card")
    expect(grid.dialog).to_have_count(0)


def test_the_thumbnail_is_shown_until_the_original_arrives(page: Page) -> None:
    cards = make_cards(3)
    grid = open_grid(page, cards)
    wait_until_filled(grid)
    page.evaluate("model.isAnswering = false")
    grid.tiles.first.click()
    thumbnail = grid.tiles.first.locator("img").get_attribute("src")
    large = page.locator(".seedream-grid-large")
    expect(large).to_have_attribute("src", thumbnail or "")
    page.evaluate("key => model.answer('original', key)", cards[0]["key"])
    expect(large).not_to_have_attribute("src", thumbnail or "")
    assert large.evaluate("image => image.decode().then(() => image.naturalWidth)") == 2048


def test_a_failed_original_can_be_retried(page: Page) -> None:
    cards = make_cards(3)
    grid = open_grid(page, cards)
    wait_until_filled(grid)
    page.evaluate("model.isAnswering = false")
    grid.tiles.first.click()
    page.evaluate("key => model.fail('original', key, 'The host does not answer.')", cards[0]["key"])
    expect(grid.dialog).to_contain_text("Couldn't load the original: The host does not answer.")
    expect(page.locator(".seedream-grid-large")).to_be_visible()
    grid.button("Retry").click()
    expect(grid.dialog).not_to_contain_text("Couldn't load the original")
    assert grid.requested("original") == keys_of(cards)[:1] * 2


def test_a_card_without_an_image_can_be_opened(page: Page) -> None:
    card = failed_card(0)
    grid = open_grid(page, [card], can_generate=False)
    grid.tiles.first.click()
    expect(grid.dialog.locator(".seedream-grid-stage")).to_contain_text("✕failedRejected by the content check.")
    assert grid.requested("original") == []
    for name in ("Zoom in", "Zoom out"):
        expect(grid.button(name)).to_be_disabled()
    for name in ("Save original", "Use these settings"):
        expect(grid.button(name)).to_be_hidden()
    page.keyboard.press("+")
    page.keyboard.press("Escape")
    expect(grid.tiles.first).to_be_focused()


def test_prompt_and_id_are_copied(page: Page) -> None:
    card = make_card(0, prompt="قطة بيضاء\n一只白色的猫 <b>")
    grid = open_grid(page, [card])
    grid.tiles.first.click()
    for name, text in (("Copy prompt", card["prompt"]), ("Copy ID", card["task_id"])):
        grid.button(name).click()
        expect(grid.button("Copied").first).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == text
    expect(page.locator("[aria-live]")).to_have_text("Copied ID.")


def test_a_truncated_prompt_is_copied_by_python(page: Page) -> None:
    card = make_card(0, prompt="the beginning… (9 more characters)", is_prompt_cut=True)
    grid = open_grid(page, [card])
    grid.tiles.first.click()
    grid.button("Copy prompt").click()
    assert grid.sent("action") == [{"type": "action", "action": "copy_prompt", "keys": [card["key"]]}]
    page.evaluate("text => model.emit('msg:custom', { type: 'copy', text }, [])", "the beginning and the end")
    expect(page.locator(".seedream-grid-notice")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == "the beginning and the end"


def test_blocked_copying_is_reported(page: Page) -> None:
    grid = open_grid(page, make_cards(1))
    page.evaluate("void (navigator.clipboard.writeText = () => Promise.reject(new Error('no')))")
    grid.tiles.first.click()
    grid.button("Copy prompt").click()
    expect(page.locator(".seedream-grid-notice")).to_have_text("The browser blocked copying.")
    expect(grid.button("Copied")).to_have_count(0)


def test_the_buttons_of_the_detail_view_reach_python(page: Page) -> None:
    cards = make_cards(2)
    key = keys_of(cards)[0]
    grid = open_grid(page, cards)
    grid.tiles.first.click()
    link = page.get_by_role("link", name="Open link")
    expect(link).to_have_attribute("href", str(cards[0]["link"]))
    expect(link).to_have_attribute("rel", "noopener noreferrer")
    grid.button("Save original").click()
    grid.button("Use these settings").click()
    assert [(sent["folder"], sent["keys"]) for sent in grid.sent("save")] == [("results", [key])]
    assert [(act["action"], act["keys"]) for act in grid.sent("action")] == [("use_settings", [key])]
    grid.button("Select").click()
    assert grid.get("selected") == [key]
    expect(grid.button("Select")).to_have_attribute("aria-pressed", "true")
    page.evaluate("model.emit('msg:custom', { type: 'notify', text: '1 image saved.' }, [])")
    expect(page.locator(".seedream-grid-notice")).to_have_text("1 image saved.")
    expect(page.locator("[aria-live]")).to_have_text("1 image saved.")


def test_an_image_is_zoomed_and_panned(page: Page) -> None:
    grid = open_grid(page, make_cards(3))
    grid.tiles.first.click()
    expect_large_images(grid)
    assert transforms(grid) == ["translate(0%, 0%) scale(1)"]
    page.keyboard.press("+")
    assert scale_of(grid) == pytest.approx(1.4)
    grid.button("Zoom in").click()
    assert scale_of(grid) == pytest.approx(1.96)
    page.keyboard.press("-")
    assert scale_of(grid) == pytest.approx(1.4)
    before = transforms(grid)
    page.keyboard.press("ArrowRight")  # pans instead of moving to the next image
    assert transforms(grid) != before
    expect(grid.dialog).to_contain_text("1 of 3")
    page.keyboard.press("f")
    assert transforms(grid) == ["translate(0%, 0%) scale(1)"]
    stage = page.locator(".seedream-grid-stage")
    stage.dblclick()
    expect(grid.dialog).to_contain_text("100%")
    before = transforms(grid)
    box = stage.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 60, y + 30)
    page.mouse.up()
    assert transforms(grid) != before
    page.mouse.move(x, y)
    assert transforms(grid) != before
    stage.dblclick()
    assert scale_of(grid) == 1


def test_the_wheel_zooms_at_the_pointer(page: Page) -> None:
    grid = open_grid(page, make_cards(3))
    grid.tiles.first.click()
    expect_large_images(grid)
    large = page.locator(".seedream-grid-large")
    box = large.bounding_box()
    assert box is not None
    corner = (box["x"] + 40, box["y"] + 40)
    page.mouse.move(*corner)
    page.mouse.wheel(0, -200)
    expect(grid.dialog).not_to_contain_text("Fit")
    zoomed = large.bounding_box()
    assert zoomed is not None
    ratio = zoomed["width"] / box["width"]
    assert ratio > 1.2
    # The point below the pointer stays there.
    assert zoomed["x"] + 40 * ratio == pytest.approx(corner[0], abs=1)
    assert zoomed["y"] + 40 * ratio == pytest.approx(corner[1], abs=1)


def test_two_fingers_pinch_the_image(browser: Browser) -> None:
    with browser.new_context(has_touch=True, viewport={"width": 1000, "height": 900}) as context:
        page = context.new_page()
        load_page(page)
        grid = open_grid(page, make_cards(3))
        grid.tiles.first.click()
        expect_large_images(grid)
        box = page.locator(".seedream-grid-large").bounding_box()
        assert box is not None
        x, y = box["x"] + 100, box["y"] + 100
        touch = Touch(page)
        touch.send("touchStart", (x - 20, y), (x + 20, y))
        for spread in (30, 40, 50):
            touch.send("touchMove", (x - spread, y), (x + spread, y))
        page.wait_for_function("document.querySelector('.seedream-grid-large').style.transform.includes('scale(2.5)')")
        # The point between the fingers stays there.
        zoomed = page.locator(".seedream-grid-large").bounding_box()
        assert zoomed is not None
        assert zoomed["x"] + 250 == pytest.approx(x, abs=1)
        assert zoomed["y"] + 250 == pytest.approx(y, abs=1)
        touch.send("touchEnd")
        touch.send("touchStart", (x - 50, y))
        touch.send("touchMove", (x - 90, y))
        page.wait_for_function(
            "left => document.querySelector('.seedream-grid-large').getBoundingClientRect().left < left - 30",
            arg=zoomed["x"],
        )
        assert scale_of(grid) == pytest.approx(2.5)
        touch.send("touchEnd")
        expect(page.locator(".seedream-grid-dragging")).to_have_count(0)
        touch.send("touchStart", (x - 50, y), (x + 50, y))
        touch.send("touchMove", (x - 5, y), (x + 5, y))
        page.wait_for_function("document.querySelector('.seedream-grid-large').style.transform.includes('scale(1)')")
        touch.send("touchEnd")


# Compare.


@pytest.mark.parametrize("number", [2, 3, 4])
def test_compared_images_move_together(page: Page, number: int) -> None:
    cards = [make_card(0, width=1440, height=2560), *make_cards(6)[1:]]
    keys = keys_of(cards)[:number]
    grid = open_grid(page, cards, selected=keys)
    grid.button("Compare").click()
    assert grid.get("compared") == keys
    expect_large_images(grid, number)
    assert sorted(grid.requested("original")) == sorted(keys)
    page.keyboard.press("+")
    page.keyboard.press("ArrowLeft")
    (transform,) = set(transforms(grid))
    assert "scale(1.4)" in transform
    assert "translate(0%" not in transform
    last = page.locator(".seedream-grid-stage").last.bounding_box()
    assert last is not None
    page.mouse.move(last["x"] + 50, last["y"] + 50)
    page.mouse.wheel(0, -100)
    expect(page.locator(".seedream-grid-large").first).not_to_have_attribute("style", re.compile(r"scale\(1\.4\)"))
    assert len(set(transforms(grid))) == 1
    expect(grid.button("Slider")).to_be_visible(visible=number == 2)
    grid.button("Close").click()
    assert grid.get("compared") == []
    expect(grid.tiles.and_(page.locator(":focus"))).to_have_count(1)


def test_only_two_to_four_existing_images_are_compared(page: Page) -> None:
    cards = make_cards(6)
    keys = keys_of(cards)
    grid = open_grid(page, cards, selected=keys[:1])
    expect(grid.button("Compare")).to_be_disabled()
    grid.update(selected=keys[:5])
    expect(grid.button("Compare")).to_be_disabled()
    for compared in (keys[:1], keys[:5], [keys[0], "no such card"]):
        grid.update(compared=compared)
        expect(grid.dialog).to_have_count(0)
    grid.update(compared=keys[:2])
    expect(grid.button("Slider")).to_be_visible()
    # A missing image cannot be overlaid.
    grid.update(cards=[failed_card(0), *cards[1:]])
    expect(grid.button("Slider")).to_be_hidden()


@pytest.mark.parametrize("view", ["grid", "detail", "compare"])
def test_unchanged_cards_are_not_redrawn(page: Page, view: str) -> None:
    cards = make_cards(6)
    grid = open_grid(page, cards)
    wait_until_filled(grid)
    grid.tiles.first.focus()
    if view == "detail":
        grid.update(opened=keys_of(cards)[0])
    elif view == "compare":
        grid.update(compared=keys_of(cards)[:2])
    page.evaluate("document.activeElement.querySelectorAll('*').forEach(e => { e.isOld = true; })")
    focused = page.evaluate_handle("document.activeElement")
    grid.update(cards=[*cards[:5], make_card(5, prompt="something else")], order=list(range(6)))
    assert page.evaluate("old => old === document.activeElement", focused)
    assert page.evaluate("[...document.activeElement.querySelectorAll('img')].every(image => image.isOld)")
    grid.update(opened="", compared=[])
    expect(grid.tiles.last).to_contain_text("something else")


def test_two_images_are_overlaid_with_a_slider(page: Page) -> None:
    cards = make_cards(6)
    grid = open_grid(page, cards, compared=keys_of(cards)[:2])
    expect_large_images(grid, 2)
    grid.button("Slider").click()
    expect_large_images(grid, 2)
    slider = page.get_by_role("slider", name="Share of A shown over B")
    slider.focus()
    clip = "layer => getComputedStyle(layer).clipPath"
    upper = page.locator(".seedream-grid-layer").last
    assert upper.locator("img").get_attribute("alt") == cards[0]["prompt"]
    middle = upper.evaluate(clip)
    page.keyboard.press("ArrowRight")
    assert upper.evaluate(clip) != middle
    expect(slider).to_have_attribute("aria-valuetext", re.compile(r"^\d+% A$"))
    page.keyboard.press("End")
    expect(slider).to_have_attribute("aria-valuetext", "100% A")
    box = slider.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + 14, box["y"] + 14)
    expect(slider).to_have_attribute("aria-valuetext", "0% A")
    page.keyboard.press("+")
    assert transforms(grid) == ["translate(0%, 0%) scale(1.4)"] * 2
    grid.button("Slider").click()
    expect(page.locator(".seedream-grid-stage")).to_have_count(2)
    page.keyboard.press("Escape")
    expect(grid.dialog).to_have_count(0)


def test_closing_the_details_of_a_compared_image_returns_to_the_comparison(page: Page) -> None:
    cards = make_cards(6)
    grid = open_grid(page, cards, compared=keys_of(cards)[:3])
    grid.button("Details of B").click()
    expect(grid.dialog).to_contain_text("2 of 6")
    page.keyboard.press("Escape")
    expect(grid.dialog).to_contain_text("Comparing 3 images")
    expect(page.locator(".seedream-grid-stage").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(grid.tile(keys_of(cards)[1])).to_be_focused()


# The whole grid.


def tab_to(page: Page, name: str, key: str = "Tab") -> None:
    """Presses a key until a control is focused."""
    for _ in range(30):
        page.keyboard.press(key)
        if page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.textContent") == name:
            return
    raise AssertionError(f"{name} is not reached by {key}.")


def test_everything_works_by_keyboard(page: Page) -> None:
    cards = make_cards(24)
    keys = keys_of(cards)
    grid = open_grid(page, cards)
    page.keyboard.press("Tab")
    expect(page.get_by_role("slider", name="Tile size")).to_be_focused()
    page.keyboard.press("Tab")
    for key in ("ArrowRight", "Space", "ArrowRight", "Space"):
        page.keyboard.press(key)
    assert grid.get("selected") == keys[1:3]
    tab_to(page, "Compare", "Shift+Tab")
    page.keyboard.press("Enter")
    expect(grid.dialog).to_contain_text("Comparing 2 images")
    expect(page.locator(".seedream-grid-stage").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(grid.tile(keys[2])).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".seedream-grid-stage")).to_be_focused()
    page.keyboard.press("Space")
    assert grid.get("selected") == keys[1:2]
    for name in ("Folder", "Save original", "Edit", "Use these settings", "Copy prompt", "Copy ID", "Open link"):
        tab_to(page, name)
    page.keyboard.press("Escape")
    expect(grid.tile(keys[2])).to_be_focused()


@pytest.mark.parametrize("theme", THEMES)
def test_it_is_accessible(page: Page, theme: str) -> None:
    cards = [
        *make_cards(9),
        failed_card(9),
        pending_card(10),
    ]
    keys = keys_of(cards)
    grid = open_grid(page, cards, theme=theme, selected=keys[:2])
    expect(page.locator("[role=option] img")).to_have_count(9)
    expect_accessible(page, ".seedream-grid")
    for key in (keys[0], keys[9]):
        grid.update(opened=key)
        expect(grid.dialog).to_be_visible()
        expect_accessible(page, ".seedream-grid")
    page.evaluate("key => model.fail('original', key, 'The host does not answer.')", keys[1])
    grid.update(opened=keys[1])
    expect_accessible(page, ".seedream-grid")
    grid.update(opened="", compared=keys[:2])
    expect_large_images(grid, 2)
    expect_accessible(page, ".seedream-grid")
    grid.button("Slider").click()
    expect_accessible(page, ".seedream-grid")
    grid.update(compared=[], order=[])
    expect_accessible(page, ".seedream-grid")


def test_every_focusable_element_keeps_its_keys_from_jupyterlab(page: Page) -> None:
    cards = make_cards(24)
    grid = open_grid(page, cards, selected=keys_of(cards)[:2])
    open_to_jupyterlab = page.locator(
        ".seedream-grid :is([tabindex], button, a, input, .seedream-grid-text):not([data-lm-suppress-shortcuts])"
    )
    states: list[dict[str, Any]] = [{}, {"opened": keys_of(cards)[0]}, {"opened": "", "compared": keys_of(cards)[:2]}]
    for state in states:
        grid.update(**state)
        expect(open_to_jupyterlab).to_have_count(0)
    grid.button("Slider").click()
    expect(open_to_jupyterlab).to_have_count(0)


def test_changes_are_announced_to_screen_readers(page: Page) -> None:
    cards = make_cards(24)
    grid = open_grid(page, cards)
    live = page.locator("[aria-live=polite]")
    expect(live).to_be_empty()
    grid.update(order=[1, 2])
    expect(live).to_have_text("2 of 24 shown")
    grid.tiles.first.press("Space")
    expect(live).to_have_text("2 of 24 shown, 1 selected")


def test_a_removed_view_leaves_nothing_behind(page: Page) -> None:
    cards = make_cards(24)
    grid = open_grid(page, cards, opened=keys_of(cards)[0])
    expect_large_images(grid)
    grid.update(opened="", compared=keys_of(cards)[:2])
    expect_large_images(grid, 2)
    page.evaluate("model.emit('msg:custom', { type: 'notify', text: 'Saved.' }, [])")
    made, live, observers = page.evaluate("[urls.made, urls.live.size, observers.size]")
    assert (made, live) == (2, 2)
    assert observers == 4  # the grid, two stages, and the arrangement of both
    assert page.evaluate("outside.size") == 1
    page.evaluate("endView()")
    assert page.evaluate("[urls.live.size, observers.size]") == [0, 0]
    assert page.evaluate("model.listeners.map(([event]) => event)") == ["change:version", "msg:custom"]
    assert page.evaluate("outside.size") == 0
    assert page.locator(".seedream-grid").count() == 0
    # Images that still arrive are not stored.
    page.evaluate("key => model.answer('original', key)", cards[5]["key"])
    assert page.evaluate("urls.made") == 2
    page.evaluate("() => { window.endView = addView(); }")
    expect(page.locator("[role=option] img")).to_have_count(24)
    page.evaluate("endView(); endModel()")
    assert page.evaluate("[urls.live.size, model.listeners.length]") == [0, 0]


@pytest.mark.parametrize("width", [420, 1200])
def test_nothing_overflows(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    long = "Pneumonoultramicroscopicsilicovolcanoconiosis" * 8
    cards = [make_card(number, prompt=long, facts=[long]) for number in range(6)]
    grid = open_grid(page, cards, selected=keys_of(cards))
    # A span may be longer than the line that clips it.
    outermost = (
        "root => Math.max(...[...root.querySelectorAll('div, p, dd, button')]"
        ".map(element => element.getBoundingClientRect().right))"
    )
    states: list[dict[str, Any]] = [{}, {"opened": keys_of(cards)[0]}, {"opened": "", "compared": keys_of(cards)[:4]}]
    for state in states:
        grid.update(**state)
        assert page.locator(".seedream-grid-page, .seedream-grid-dialog").last.evaluate(outermost) <= width
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_click_elsewhere_removes_the_focus(page: Page) -> None:
    grid = open_grid(page, make_cards(3))
    # As JupyterLab does where a cell is dragged.
    page.evaluate("() => document.addEventListener('mousedown', event => event.preventDefault(), { once: true })")
    grid.tiles.first.focus()
    page.mouse.click(640, 880)
    expect(grid.tiles.first).not_to_be_focused()


def test_the_module_loads_nothing_else(browser: Browser) -> None:
    urls: list[str] = []
    with browser.new_context() as context:
        page = context.new_page()
        page.on("request", lambda request: urls.append(request.url))
        load_page(page)
    assert {url.rpartition("/")[2] for url in urls} == {"", "grid.css", "grid.js"}


# In JupyterLab, with images from Python.

SETUP = """
import io, threading
from PIL import Image
from seedream_nb import Task, TaskImage, TaskStatus
from seedream_nb.panels.filters import Filter
from seedream_nb.panels.grid import ImageGrid
from seedream_nb.panels.image_cache import LoadedImage
from seedream_nb.panels.state import ExplorerState
from seedream_nb.panels.windows import read_keys
from seedream_nb.protocol.cards import Sort

def make_task(number):
    image = TaskImage(str(number), url="https://example.com/1.jpeg", prompt=f"cat {number}", size="2048x2048")
    return Task(str(number), TaskStatus.SUCCEEDED, (image,), prompt=f"cat {number}")

def paint(key, kind):
    side = 320 if kind == "thumbnail" else 2048
    content = io.BytesIO()
    Image.new("RGB", (side, side), (hash(key) % 200, 90, 160)).save(content, "JPEG")
    return LoadedImage(content.getvalue(), "image/jpeg", side, side)

def load(kind, keys):
    def work():
        for key in keys:
            grid.deliver(key, kind, paint(key, kind))
    threading.Thread(target=work).start()

def save(content):
    actions.append((content["folder"], read_keys(content)))
    grid.show_saved(content["ticket"], f"Saved {read_keys(content)[0]}.")

state = ExplorerState(lambda part: None)
state.put(make_task(number) for number in range(1000))
grid = ImageGrid(state, folder="cats")
state.subscribe(lambda part: grid.draw_selection() if part == "selected" else grid.draw())
grid.on_load(load)
actions = []
grid.on("save", save)
grid
"""


def expect_finished(cell: Locator) -> None:
    expect(cell.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]:"), timeout=PATIENCE)


def test_in_jupyterlab_it_talks_to_python(lab_page: Page, server: JupyterServer) -> None:
    page = lab_page
    notebook = Notebook.open(page, server, server.add_notebook("empty", ""))
    cell = notebook.run_cell(SETUP)
    grid = cell.locator(".seedream-grid")
    expect(grid.get_by_text("1,000 shown")).to_be_visible(timeout=PATIENCE)
    expect(grid.locator("[role=option][aria-posinset='1'] img")).to_be_visible(timeout=PATIENCE)
    grid.locator("[role=option]").first.click(modifiers=["Control"])
    page.keyboard.press("End")
    expect(grid.locator("[role=option][aria-posinset='1000'] img")).to_be_visible(timeout=PATIENCE)
    # In JupyterLab's command mode, these would cut the cell.
    for key in ("x", "d", "d", "a", "Enter"):
        page.keyboard.press(key)
    expect(grid.get_by_role("dialog")).to_contain_text("1,000 of 1,000")
    expect(grid.locator(".seedream-grid-loading")).to_have_count(0, timeout=PATIENCE)
    assert grid.locator(".seedream-grid-large").evaluate("img => img.decode().then(() => img.naturalWidth)") == 2048
    grid.get_by_role("button", name="Save original").click()
    expect(grid.get_by_role("dialog").locator(".seedream-grid-saved")).to_have_text("Saved 999/0.", timeout=PATIENCE)
    cells = notebook.code_cells.count()
    page.keyboard.press("Escape")
    expect(grid.locator("[aria-posinset='1000']")).to_be_focused()
    assert notebook.code_cells.count() == cells
    with page.expect_response(lambda answer: answer.request.method == "PUT" and "/api/contents/" in answer.url):
        page.keyboard.press("Control+s")
    asked = notebook.run_cell("print(state.selected_keys(9), actions); state.show(Filter('cat 99'), Sort.NEWEST)")
    expect(asked.locator(".jp-OutputArea-output")).to_have_text("['0/0'] [('cats', ['999/0'])]", timeout=PATIENCE)
    notebook.wait_for_cell(notebook.run_cell("state.select(['99/0', '991/0'])"))
    expect(grid.get_by_text("19 of 1,000 shown · 2 selected")).to_be_visible()
    expect(grid.locator("[role=option] img")).to_have_count(19)
    expect_finished(notebook.run_cell("grid.close()"))
    expect(page.locator(".seedream-grid")).to_have_count(0)
