"""A cell while its tasks run, as a page shows it."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

import nbformat
import pytest
from playwright.sync_api import expect

from tests.browser.film import Film
from tests.browser.jupyter import FINISHED, PATIENCE, JupyterServer, Lab, Notebook
from tests.browser.pages import eventually

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

START = "%load_ext seedream_nb\n%seedream sandbox --seconds"
# Eight requests, because only four are in flight at a time.
SWEEP = """%%seedream generate --model 5.0-pro 4.0 --size 1K 2K --thumbnail 160
the sea with a sailing boat
---
a city at night"""


@pytest.fixture
def page(lab_page: Page) -> Page:
    return lab_page


def open_sandbox(page: Page, server: JupyterServer, seconds: float) -> Notebook:
    """A new notebook with a sandbox that takes this many seconds per image."""
    notebook = Notebook.open(page, server, server.add_notebook("live", f"{START} {seconds}"))
    notebook.hide_sidebar()
    notebook.run_all()
    return notebook


def film_cell(notebook: Notebook, source: str) -> tuple[Locator, Film]:
    """Runs a new cell and films it from the start."""
    notebook.wait_for_kernel()
    cell = notebook.add_cell(source)
    film = Film(cell)
    notebook.page.keyboard.press("Control+Enter")
    return cell, film


def expect_gallery_alone(cell: Locator, images: int) -> None:
    """The output of a cell is exactly one gallery, with all images drawn."""
    expect(cell.locator("figure img")).to_have_count(images, timeout=PATIENCE)
    expect(cell.get_by_role("status")).to_have_count(0, timeout=PATIENCE)
    expect(cell.locator(".jp-OutputArea-child").filter(visible=True)).to_have_count(1)
    expect(cell.locator(".seedream-gallery")).to_have_count(1)

    def check() -> None:
        assert all(cell.locator("figure img").evaluate_all("all => all.map(image => image.naturalWidth)"))

    eventually(cell.page, check)


def test_a_sweep_fills_in_tile_by_tile(page: Page, server: JupyterServer) -> None:
    notebook = open_sandbox(page, server, seconds=1.5)
    cell, film = film_cell(notebook, SWEEP)
    notebook.wait_for_cell(cell)
    frames = film.stop()
    expect_gallery_alone(cell, images=8)
    expect(cell.locator(".jp-OutputArea-child")).to_have_count(1)

    half_way = [frame for frame in frames if frame.is_half_way]
    assert half_way
    assert all(set(frame.places) <= {"running", "waiting", "pending", "fetching"} for frame in half_way)
    assert all(frame.prompt == "[*]:" for frame in half_way)
    lines = [frame.line for frame in frames if frame.line]
    assert all("8 requests (2 prompts × 2 models × 2 sizes) to the sandbox" in line for line in lines)  # noqa: RUF001  the sign typographers use
    done = [int(count[1]) for line in lines if (count := re.search(r"(\d) of 8 done", line))]
    assert len(done) == len(lines)
    assert done == sorted(done)
    assert {0, 4} <= set(done)
    assert any("4 running · 4 waiting" in line for line in lines)

    begin = next(number for number, frame in enumerate(frames) if frame.galleries)
    assert {frame.galleries for frame in frames[begin:]} == {1}
    images = [frame.images for frame in frames[begin:]]
    assert images == sorted(images)


def test_the_page_does_not_move_while_tiles_fill_in(page: Page, server: JupyterServer) -> None:
    notebook = open_sandbox(page, server, seconds=0.5)
    for width in (1280, 520):
        page.set_viewport_size({"width": width, "height": 900})
        cell, film = film_cell(notebook, SWEEP.replace("generate", "generate --again"))
        notebook.wait_for_cell(cell)
        # All tiles are there from the start; only the line with the counts appears and disappears.
        filling = [frame.height for frame in film.stop() if frame.galleries and frame.line]
        assert max(filling) == min(filling)


def test_a_streamed_set_has_all_its_tiles_from_the_start(page: Page, server: JupyterServer) -> None:
    notebook = open_sandbox(page, server, seconds=1)
    cell, film = film_cell(notebook, '%seedream generate "a mountain lake" --max-images 4 --stream')
    notebook.wait_for_cell(cell)
    filling = [frame for frame in film.stop() if frame.galleries and frame.line]
    assert any(frame.is_half_way for frame in filling)
    assert len(filling[0].places) == 4
    assert {place for frame in filling for place in frame.places} <= {"waiting", "running", "fetching"}
    assert len({frame.height for frame in filling}) == 1
    expect_gallery_alone(cell, images=4)


def test_watching_does_not_block_other_cells(page: Page, server: JupyterServer) -> None:
    generate = '%seedream generate "a mountain lake" "a bunch of flowers" --no-wait'
    path = server.add_notebook(
        "live", f"{START} 3", generate, "%seedream watch", "print('at once')\ninput('continue?')"
    )
    notebook = Notebook.open(page, server, path)
    watching, following = notebook.code_cells.nth(2), notebook.code_cells.nth(3)
    film = Film(watching)
    notebook.start_all()
    expect(following.locator(".jp-Stdin-input")).to_be_visible(timeout=PATIENCE)
    expect(watching.get_by_role("status")).to_contain_text("0 of 2 done")
    expect(watching.locator(".jp-InputPrompt")).to_have_text(FINISHED)

    # The following cell keeps the kernel busy all the time.
    expect_gallery_alone(watching, images=2)
    expect(following.locator(".jp-InputPrompt")).to_have_text("[*]:")
    following.locator(".jp-Stdin-input").press("Enter")
    notebook.wait_for_cell(following)
    outputs = following.locator(".jp-OutputArea-output")
    expect(outputs).to_have_text(["at once", "continue?", "''"])

    frames = film.stop()
    begin = next(number for number, frame in enumerate(frames) if frame.galleries)
    assert {frame.galleries for frame in frames[begin:]} == {1}
    assert all(FINISHED.fullmatch(frame.prompt) for frame in frames if frame.images)


@pytest.fixture(scope="module")
def saved_sweep(lab: Lab) -> str:
    """The path of a notebook that was saved with a sweep."""
    path = lab.server.add_notebook("live", f"{START} 0.3", SWEEP)
    notebook = Notebook.open(lab.page(), lab.server, path)
    notebook.run_all()
    expect_gallery_alone(notebook.code_cells.last, images=8)
    notebook.save()
    lab.close_documents()
    lab.server.shut_down_kernels()
    return path


@pytest.mark.parametrize("is_trusted", [True, False], ids=["trusted", "untrusted"])
def test_a_saved_sweep_is_complete_without_a_kernel(
    reader_page: Page, server: JupyterServer, saved_sweep: str, *, is_trusted: bool
) -> None:
    path = server.copy_notebook(saved_sweep, is_trusted=is_trusted)
    saved = nbformat.read(server.root / path, as_version=4)
    assert [output.output_type for output in saved.cells[1].outputs] == ["execute_result"]

    cell = Notebook.open(reader_page, server, path, has_kernel=False).code_cells.last
    trust = "Notebook trusted: 2 of 2" if is_trusted else "Notebook not trusted: 0 of 2"
    expect(reader_page.get_by_title(trust)).to_be_visible()
    expect_gallery_alone(cell, images=8)
    expect(cell.locator("thead th")).to_have_text(["1K", "2K"])
    rows = cell.locator("tbody th")
    expect(rows).to_have_count(4)
    expect(rows.first).to_contain_text("the sea with a sailing boat")
    expect(rows.first).to_contain_text("SeeDream 5.0 Pro")
    expect(rows.last).to_contain_text("a city at night")
    expect(rows.last).to_contain_text("SeeDream 4.0")
    expect(cell.locator(".jp-OutputArea")).not_to_contain_text("running")


def test_an_interrupted_cell_continues_when_it_runs_again(page: Page, server: JupyterServer) -> None:
    notebook = open_sandbox(page, server, seconds=4)
    cell = notebook.run_cell('%seedream generate "a galaxy in space" "a white cat"')
    expect(cell.get_by_role("status")).to_contain_text("2 running", timeout=PATIENCE)
    notebook.interrupt()
    notebook.wait_for_cell(cell)
    expect(cell.get_by_role("status")).to_have_count(0)
    output = cell.locator(".jp-OutputArea")
    expect(output).to_contain_text("Interrupted after sending 2 requests: 2 in progress.")
    expect(output).to_contain_text("Run the cell again to continue: what was sent is not paid for again.")

    cell.locator(".jp-InputPrompt").click()
    notebook.wait_for_kernel()
    page.keyboard.press("Control+Enter")
    expect(output).not_to_contain_text("Interrupted", timeout=PATIENCE)
    notebook.wait_for_cell(cell)
    expect_gallery_alone(cell, images=2)
    expect(cell.locator("thead th")).to_have_text(["a galaxy in space", "a white cat"])


SLOW_DOWNLOADS = """sandbox = get_ipython().magics_manager.registry["SeedreamMagics"]._session.sandbox
ids = [sandbox.add_task(f"image {number}", size="640x400") for number in range(3)]
fault = sandbox.faults.add("latency", on="downloads", match=ids[1], seconds=60)"""


def test_stored_tasks_fill_in_and_an_interrupt_leaves_what_was_seen(page: Page, server: JupyterServer) -> None:
    notebook = open_sandbox(page, server, seconds=0)
    notebook.wait_for_cell(notebook.run_cell(SLOW_DOWNLOADS))
    cell, film = film_cell(notebook, "%seedream get {ids} --thumbnail 160")
    expect(cell.locator("figure img")).to_have_count(2, timeout=PATIENCE)
    expect(cell.locator(".seedream-summary")).to_have_text("3 tasks · 3 images · 1 fetching")
    notebook.interrupt()
    notebook.wait_for_cell(cell)
    frames = [frame for frame in film.stop() if frame.galleries]
    expect(cell.locator(".seedream-summary")).to_have_text("3 tasks · 3 images · 1 not fetched")
    expect(cell.locator(".jp-OutputArea")).to_contain_text("Fetch the other 1 image: %seedream last")
    images = [frame.images for frame in frames]
    assert images == sorted(images)
    assert images[-1] == 2
    # The page moves only for the message below the gallery.
    assert len({frame.height for frame in frames if "fetching" in frame.places}) == 1

    notebook.wait_for_cell(notebook.run_cell("sandbox.faults.remove(fault)"))
    again = notebook.run_cell("%seedream last")
    notebook.wait_for_cell(again)
    expect_gallery_alone(again, images=3)


def test_each_result_of_a_loop_stays_where_it_was_shown(page: Page, server: JupyterServer) -> None:
    notebook = open_sandbox(page, server, seconds=0.3)
    loop = 'for animal in ("cat", "dog"):\n    print(animal)\n    %seedream generate "a {animal}" --thumbnail 96'
    cell = notebook.run_cell(loop)
    notebook.wait_for_cell(cell)
    outputs = cell.locator(".jp-OutputArea-child").filter(visible=True)
    expect(outputs).to_have_count(4)
    expect(outputs).to_contain_text(["cat", "a cat", "dog", "a dog"])
    expect(outputs.locator("figure img")).to_have_count(2)


def test_an_edit_is_shown_beside_its_original(page: Page, server: JupyterServer) -> None:
    notebook = open_sandbox(page, server, seconds=0.3)
    notebook.wait_for_cell(notebook.run_cell('%seedream generate "a white siamese cat" --out cat'))
    cell = notebook.run_cell('%seedream edit cat[0] "make it a late evening"')
    notebook.wait_for_cell(cell)
    expect_gallery_alone(cell, images=2)
    expect(cell.locator("figcaption .seedream-label")).to_have_text(["before", "after"])
    for width in (1400, 500):
        page.set_viewport_size({"width": width, "height": 900})
        eventually(page, functools.partial(expect_side_by_side, cell, width))


def expect_side_by_side(cell: Locator, width: int) -> None:
    boxes = "all => all.map(image => image.getBoundingClientRect().toJSON())"
    before, after = cell.locator("figure img").evaluate_all(boxes)
    assert before["y"] == pytest.approx(after["y"], abs=1)
    assert before["height"] == pytest.approx(after["height"], abs=1)
    assert after["x"] >= before["x"] + before["width"]
    assert after["x"] + after["width"] <= width
    assert before["width"] > 120
