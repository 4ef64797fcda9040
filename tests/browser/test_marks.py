"""Marks in the grid, by keyboard and pointer: what is sent to Python, and how marks are shown and announced."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.accessibility import expect_accessible
from tests.browser.grid_page import load_page, make_card, make_cards, open_grid
from tests.browser.pages import VIEWPORT, errors_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

MARKS = {"rating": 4, "tags": ["to print", "<b>cat</b>"], "rejected": True, "note": "the paws"}


@pytest.fixture(scope="module")
def shared_page(browser: Browser) -> Iterator[Page]:
    with browser.new_context(viewport=VIEWPORT) as context:
        page = context.new_page()
        load_page(page)
        yield page


@pytest.fixture
def page(shared_page: Page) -> Iterator[Page]:
    shared_page.set_viewport_size(VIEWPORT)
    with errors_of(shared_page) as errors:
        yield shared_page
    assert errors == []


def test_keys_mark_the_active_tile_or_the_selection(page: Page) -> None:
    grid = open_grid(page, make_cards(3))
    key = make_card(1)["key"]
    grid.tiles.first.focus()
    page.keyboard.press("ArrowRight")
    for pressed in ("4", "0", "x"):
        page.keyboard.press(pressed)
    assert [(one["how"], one["value"], one["keys"]) for one in grid.sent("mark")] == [
        ("rate", 4, [key]),
        ("rate", 0, [key]),
        ("reject", "", [key]),
    ]
    page.keyboard.press("Control+a")
    page.keyboard.press("5")
    assert grid.sent("mark")[-1] == {"type": "mark", "how": "rate", "value": 5}
    page.keyboard.press("z")
    assert len(grid.sent("undo")) == 1


def test_tags_and_notes_are_typed_without_a_pointer(page: Page) -> None:
    grid = open_grid(page, make_cards(3))
    grid.tiles.first.focus()
    page.keyboard.press("t")
    field = page.get_by_role("combobox", name="Add tags")
    expect(field).to_be_focused()
    assert len(grid.sent("tags")) == 1
    grid.send("tags", tags=["to print", "winter"])
    page.keyboard.type("winter, t")
    options = page.locator(".seedream-grid-marks-bar datalist option")
    assert [one.get_attribute("value") for one in options.all()] == ["winter, to print"]
    page.keyboard.press("Enter")
    key = make_card(0)["key"]
    assert grid.sent("mark") == [{"type": "mark", "how": "tag", "value": "winter, t", "keys": [key]}]
    expect(field).to_have_value("")
    expect(field).to_be_focused()
    page.keyboard.press("Escape")
    expect(grid.tiles.first).to_be_focused()
    expect(field).to_be_hidden()
    page.keyboard.press("n")
    page.keyboard.type("0x the paws")  # keys of the grid are letters here
    page.keyboard.press("Enter")
    assert grid.sent("mark")[-1] == {"type": "mark", "how": "note", "value": "0x the paws", "keys": [key]}
    assert len(grid.sent("mark")) == 2


def test_marks_are_shown_on_tiles_and_in_their_names(page: Page) -> None:
    grid = open_grid(page, [make_card(0, marks=MARKS), make_card(1)])
    name = "4 of 5 stars, tag to print, tag <b>cat</b>, rejected"
    assert name in str(grid.tiles.first.get_attribute("aria-label"))
    marks = grid.tiles.first.locator(".seedream-grid-marks")
    expect(marks).to_have_text("⊘ rejected★★★★to print<b>cat</b>")
    expect(grid.tiles.nth(1).locator(".seedream-grid-marks")).to_have_count(0)
    expect_accessible(page, ".seedream-grid")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_large_view_has_all_marks(page: Page, theme: str) -> None:
    grid = open_grid(page, [make_card(0, marks=MARKS), make_card(1)], theme=theme)
    key = make_card(0)["key"]
    grid.tiles.first.click()
    stars = grid.dialog.get_by_role("group", name="Rating")
    expect(stars.get_by_role("button", name="4 stars", pressed=True)).to_be_visible()
    expect(grid.dialog.get_by_role("button", name="Reject", pressed=True)).to_be_visible()
    expect(grid.dialog.get_by_role("textbox", name="Note")).to_have_value("the paws")
    expect_accessible(page, ".seedream-grid")
    for pressed in ("0", "2", "x", "z"):
        page.keyboard.press(pressed)
    stars.get_by_role("button", name="4 stars").click()  # the same again removes them
    grid.dialog.get_by_role("button", name="Remove the tag to print").click()
    assert [(one["how"], one["value"]) for one in grid.sent("mark")] == [
        ("rate", 0),
        ("rate", 2),
        ("reject", ""),
        ("rate", 0),
        ("untag", "to print"),
    ]
    assert {tuple(one["keys"]) for one in grid.sent("mark")} == {(key,)}
    assert len(grid.sent("undo")) == 1


def test_what_was_done_is_announced(page: Page) -> None:
    grid = open_grid(page, make_cards(2))
    grid.send("notify", text="Rated the image ★★★★.")
    expect(page.locator("[aria-live=polite]")).to_have_text("Rated the image ★★★★.")


def test_the_bar_is_there_for_a_selection(page: Page) -> None:
    grid = open_grid(page, make_cards(3))
    bar = page.locator(".seedream-grid-marks-bar")
    expect(bar).to_be_hidden()
    grid.tiles.first.focus()
    page.keyboard.press("Space")
    expect(bar).to_be_visible()
    bar.get_by_role("button", name="3 stars").click()
    assert grid.sent("mark") == [{"type": "mark", "how": "rate", "value": 3}]
    expect_accessible(page, ".seedream-grid")
    page.set_viewport_size({"width": 500, "height": 700})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
