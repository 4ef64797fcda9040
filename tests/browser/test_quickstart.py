"""What a reader sees in a real JupyterLab."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import PATIENCE, THEMES, JupyterServer, Notebook
from tests.browser.pages import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

GALLERIES = 6
# The contrast of each text in a gallery with its background, by the formula of WCAG 2.
CONTRASTS = """
galleries => galleries.flatMap(gallery => {
  const numbers = color => color.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map(v => v / 255)
    .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const over = (top, under) => { const a = top[3] ?? 1; return [0, 1, 2].map(i => top[i] * a + under[i] * (1 - a)); };
  const behind = element => {
    if (!element) return [255, 255, 255];
    const color = numbers(getComputedStyle(element).backgroundColor);
    return (color[3] ?? 1) >= 1 ? color : over(color, behind(element.parentElement));
  };
  return [...gallery.querySelectorAll('*')]
    .filter(element => [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim()))
    .filter(element => element.tagName !== 'STYLE')
    .map(element => {
      const paper = behind(element);
      const ink = over(numbers(getComputedStyle(element).color), paper);
      const [light, dark] = [luminance(ink), luminance(paper)].sort((a, b) => b - a);
      return (light + 0.05) / (dark + 0.05);
    });
})
"""


@pytest.fixture
def page(lab_page: Page) -> Page:
    return lab_page


def expect_decoded_images(page: Page, at_least: int) -> None:
    images = page.locator(".jp-OutputArea figure img")
    expect(images.nth(at_least - 1)).to_be_attached(timeout=PATIENCE)
    sizes = images.evaluate_all("all => Promise.all(all.map(img => img.decode().then(() => img.naturalWidth)))")
    assert len(sizes) >= at_least
    assert all(sizes)


def test_the_quickstart_runs_and_is_readable(page: Page, server: JupyterServer) -> None:
    notebook = Notebook.open(page, server, "blank/01_quickstart.ipynb")
    notebook.run_all()
    galleries = page.locator(".jp-OutputArea .seedream-gallery")
    expect(galleries).to_have_count(GALLERIES)
    expect_decoded_images(page, at_least=14)
    expect(galleries.first.locator("figcaption")).to_contain_text("a white siamese cat")
    expect(galleries.nth(3).locator("figcaption").nth(1)).to_contain_text("Rejected by the content check")
    for theme in THEMES:
        notebook.choose_theme(theme)

        def check(*, is_light: bool = theme == "light") -> None:
            paper = galleries.first.evaluate("g => getComputedStyle(g).backgroundColor")
            assert (paper == "rgb(255, 255, 255)") == is_light
            contrasts = galleries.evaluate_all(CONTRASTS)
            assert len(contrasts) > 50
            assert min(contrasts) >= 4.5

        eventually(page, check)


def test_a_reopened_notebook_shows_its_images_without_a_kernel(reader_page: Page, server: JupyterServer) -> None:
    Notebook.open(reader_page, server, "saved/01_quickstart.ipynb", has_kernel=False)
    expect_decoded_images(reader_page, at_least=14)

    def check() -> None:
        # In one moment: the page still moves while outputs above get their height.
        boxes = "all => all.slice(1, 3).map(tile => tile.getBoundingClientRect().toJSON())"
        first, second = reader_page.locator(".jp-OutputArea figure").evaluate_all(boxes)
        # An untrusted notebook has lost its style sheet, but the tiles are still side by side.
        assert second["y"] == first["y"]
        assert second["x"] >= first["x"] + first["width"]

    eventually(reader_page, check)


def test_a_progress_bar_is_visible_until_it_ends(page: Page, server: JupyterServer) -> None:
    notebook = Notebook.open(page, server, server.add_notebook("empty", ""))
    cell = notebook.run_cell(
        "from seedream_nb.notebook import front_end\n"
        "front_end.PROGRESS_DELAY = 0\n"
        "place = front_end.FrontEnd(get_ipython(), is_untouched=False, value_follows=False)\n"
        "with place.progress(2, 'Fetching images') as advance:\n"
        "    advance(1)\n"
        "    input('continue?')\n"
    )
    expect(cell.locator(".jp-OutputArea")).to_contain_text("Fetching images", timeout=PATIENCE)
    cell.locator(".jp-Stdin-input").press("Enter")
    expect(cell.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]:"))
    expect(cell.locator(".jp-OutputArea")).not_to_contain_text("Fetching images")


def test_tab_completes_a_command(page: Page, server: JupyterServer) -> None:
    notebook = Notebook.open(page, server, server.add_notebook("empty", ""))
    cell = notebook.run_cell("%load_ext seedream_nb")
    expect(cell.locator(".jp-InputPrompt")).to_have_text(re.compile(r"\[\d+\]:"), timeout=PATIENCE)
    notebook.wait_for_kernel()
    notebook.add_cell("%seedream sandbox sta")
    page.keyboard.press("Tab")
    expect(page.locator(".jp-Completer-item")).to_contain_text(["start", "status"], timeout=PATIENCE)
