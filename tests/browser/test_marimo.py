"""What a reader sees in a real marimo: galleries, tables, progress, and the explorer's grid."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Literal

import pytest
from playwright.sync_api import expect

from tests.browser.jupyter import PATIENCE
from tests.browser.other_front_ends import marimo
from tests.browser.pages import eventually, open_page
from tests.gallery.front_ends import CONTRASTS

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

CAT = "84d1544a-9043-4dde-a98b-e889dacd75f6"
SEASONS = "5c0f6b1e-7d3a-4e92-8f41-2b9d60c7a3e5"
CELLS = {
    "start": """
        import marimo as mo
        from seedream_nb import Gallery, Markup, Sandbox, SeedreamClient, explore
        from tests.rough_images import paint_roughly
        paint_roughly()
        sandbox = Sandbox(generation_seconds=1)
        sandbox.start()
        client = SeedreamClient(sandbox.token, sandbox.url)
        """,
    "gallery": f"""
        tasks = client.retrieve_batch(["{CAT}", "{SEASONS}"])
        Gallery(tasks)
        """,
    "markup": """
        mo.vstack([mo.md("Drawn"), Markup(tasks[0]).box(100, 100, 600, 600)])
        """,
    "batch": """
        batch = client.generate_all(["a sun", "a moon"])
        for _news in batch.updates():
            mo.output.replace(Gallery(batch.tasks))
        """,
    "run": """
        run = client.run([{"color": "red"}, {"color": "blue"}], name="foxes", prompt="a {color} fox")
        run.finish()
        """,
    "explorer": """
        panel = explore(client, tasks)
        words = mo.ui.text(label="Filter", debounce=False)
        mo.vstack([words, panel])
        """,
    "filter": """
        panel.filter = words.value
        """,
}
# What the page announced as the state of work, however briefly.
RECORD_STATUS = """
window.announced = [];
new MutationObserver(() => {
  for (const status of document.querySelectorAll("[role=status]")) {
    const text = status.textContent.trim();
    if (text && announced.at(-1) !== text) announced.push(text);
  }
}).observe(document, { subtree: true, childList: true, characterData: true });
"""
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def test_it_works_in_marimo(browser: Browser, tmp_path: Path) -> None:
    notebook = tmp_path / "notebook.py"
    notebook.write_text(write_app(CELLS), encoding="utf-8")
    with marimo(notebook, tmp_path) as url, open_page(browser) as page:
        urls: list[str] = []
        page.on("request", lambda request: urls.append(request.url))
        page.add_init_script(RECORD_STATUS)
        page.goto(url, wait_until="commit", timeout=PATIENCE)
        expect_galleries(page)
        expect_progress(page)
        expect_readable(page)
        expect_explorer(page)
        assert [each for each in urls if not each.startswith((url, "data:", "blob:"))] == []


def write_app(cells: dict[str, str]) -> str:
    """A marimo notebook; marimo itself finds out what each cell needs of the others."""
    functions = (
        f"@app.cell\ndef {name}():\n{textwrap.indent(textwrap.dedent(source).strip(), '    ')}\n    return\n"
        for name, source in cells.items()
    )
    ending = 'if __name__ == "__main__":\n    app.run()\n'
    return "\n\n".join(("import marimo\n\napp = marimo.App()\n", *functions, ending))


def expect_galleries(page: Page) -> None:
    galleries = page.locator(".seedream-gallery")
    expect(galleries).to_have_count(3)
    for caption, images in (("a white siamese cat", 5), ("a moon", 2), ("a blue fox", 2)):
        expect(galleries.filter(has_text=caption).locator("figure img")).to_have_count(images)
    expect(page.locator("img[alt*=box]")).to_be_visible()

    def check() -> None:
        sizes = page.locator("figure img").evaluate_all("all => all.map(image => image.naturalWidth)")
        assert len(sizes) == 9
        assert all(sizes)

    eventually(page, check)


def expect_progress(page: Page) -> None:
    """The run announced its progress in its cell, and left nothing of it there."""
    announced = page.evaluate("announced")
    assert any("foxes" in text and "of 2 done" in text for text in announced), announced
    expect(page.get_by_text("of 2 done")).to_have_count(0)


def expect_readable(page: Page) -> None:
    for theme in THEMES:
        page.emulate_media(color_scheme=theme)

        def check(*, is_light: bool = theme == "light") -> None:
            paper = page.locator(".seedream-gallery").first.evaluate("g => getComputedStyle(g).backgroundColor")
            assert (paper == "rgb(255, 255, 255)") == is_light
            contrasts = page.evaluate(CONTRASTS)
            assert len(contrasts) > 20
            assert min(contrast for contrast, _ in contrasts) >= 4.5

        eventually(page, check)


def expect_explorer(page: Page) -> None:
    tiles = page.locator(".seedream-grid").get_by_role("option")
    expect(tiles.locator("img")).to_have_count(5)
    page.get_by_label("Filter").fill("siamese")
    expect(tiles).to_have_count(1)
    tiles.first.click()
    dialog = page.locator(".seedream-grid").get_by_role("dialog")
    expect(dialog).to_contain_text("a white siamese cat")
    # Nothing is offered that needs the forms, which marimo can't show.
    expect(dialog.get_by_role("button", name="Edit")).to_be_hidden()
    page.keyboard.press("4")
    expect(dialog.get_by_role("button", name="4 stars")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
