"""All images in even tiles, as one image or on paper, with captions in any script."""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw, ImageFont
from pypdf import PageObject, PdfReader

from seedream_nb import ErrorDetail, Gallery, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus
from seedream_nb.core.errors import UsageError
from seedream_nb.gallery import Table
from seedream_nb.images.fetch import FetchLimits, ImageFetcher
from seedream_nb.images.lettering import Lettering
from seedream_nb.images.paper import characters_of
from seedream_nb.images.system_fonts import find_font_files
from tests.examples import examples
from tests.gallery.strategies import HOSTILE, task_lists, task_with
from tests.sample_images import plain, translucent

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gallery.image_host import ImageHost

RED, GREEN, BLUE = (255, 0, 0), (0, 128, 0), (0, 0, 255)
WHITE, MAT = (255, 255, 255), (240, 240, 240)
MODEL = "doubao-seedream-4-0-250828"


@pytest.fixture(autouse=True)
def _nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Links to hosts elsewhere go to a proxy on this machine that is not there."""
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")


def square(color: tuple[int, int, int], prompt: str = "a cat", seed: int | None = None) -> Task:
    content = plain(400, 400, f"#{bytes(color).hex()}")
    image = TaskImage("i", data=content, prompt=prompt, size="400x400", seed=seed, model=MODEL)
    return Task("i", TaskStatus.SUCCEEDED, (image,), prompt=prompt, model=MODEL)


def pixel(sheet: Image.Image, left: int, top: int) -> tuple[int, ...]:
    return tuple(sheet.crop((left, top, left + 1, top + 1)).tobytes())


def box_of(sheet: Image.Image, color: tuple[int, int, int]) -> tuple[int, int, int, int]:
    """Where a color is, give or take what JPEG changes."""
    difference = ImageChops.difference(sheet, Image.new("RGB", sheet.size, color)).convert("L")
    box = difference.point(lambda value: 255 if value < 8 else 0).getbbox()
    assert box is not None
    return box


def pages_of(path: Path) -> list[PageObject]:
    return list(PdfReader(path).pages)


def words_on(page: PageObject) -> str:
    """What a reader can search for and copy."""
    return " ".join(page.extract_text().split())


def boxes_on(page: PageObject) -> list[tuple[float, float, float, float]]:
    """Where the images are: left, bottom, width, and height in points."""
    boxes: list[tuple[float, float, float, float]] = []

    def visit(operator: bytes, _operands: object, matrix: list[float], _text_matrix: object) -> None:
        if operator == b"Do":
            boxes.append((matrix[4], matrix[5], matrix[0], matrix[3]))

    page.extract_text(visitor_operand_before=visit)
    return boxes


def test_images_stand_in_even_tiles_on_white() -> None:
    sheet = Gallery([square(RED), square(GREEN), square(BLUE)]).contact_sheet(columns=2, thumbnail=100)
    assert (sheet.mode, pixel(sheet, 0, 0)) == ("RGB", WHITE)
    red, green, blue = (box_of(sheet, color) for color in (RED, GREEN, BLUE))
    assert [(right - left, bottom - top) for left, top, right, bottom in (red, green, blue)] == [(100, 100)] * 3
    assert red[1] == green[1]
    assert red[0] == blue[0]
    assert green[0] > red[2]
    assert blue[1] > red[3]
    assert sheet.width == green[2] + red[0]


def test_the_gallery_says_how_many_columns_and_how_large_unless_the_call_does() -> None:
    gallery = Gallery([square(RED), square(GREEN), square(BLUE)], columns=3, thumbnail=64)
    sheet = gallery.contact_sheet()
    assert box_of(sheet, BLUE)[1] == box_of(sheet, RED)[1]
    assert box_of(sheet, RED)[2] - box_of(sheet, RED)[0] == 64
    one_column = gallery.contact_sheet(columns=1)
    assert box_of(one_column, BLUE)[0] == box_of(one_column, RED)[0]
    with pytest.raises(UsageError, match=r"columns must be a whole number from 1 to 24, not 0"):
        gallery.contact_sheet(columns=0)


def test_a_caption_says_prompt_model_size_and_seed() -> None:
    def below(task: Task, *, captions: bool = True) -> Image.Image:
        sheet = Gallery(task).contact_sheet(captions=captions)
        return sheet.crop((0, box_of(sheet, RED)[3], sheet.width, sheet.height))

    assert below(square(RED), captions=False).getcolors() == [(below(square(RED), captions=False).size[0] * 28, WHITE)]
    assert below(square(RED, "a cat")).tobytes() != below(square(RED, "a dog")).tobytes()
    assert below(square(RED, seed=1)).tobytes() != below(square(RED, seed=2)).tobytes()
    assert below(square(RED, "word " * 200)).height == below(square(RED, "word " * 400)).height
    assert below(square(RED, "word " * 200)).height > below(square(RED, "word")).height


def test_one_image_has_a_title_if_it_is_given_one() -> None:
    gallery = Gallery([square(RED), square(GREEN)])
    bare, titled = gallery.contact_sheet(), gallery.contact_sheet(title="Cats for a client")
    above = box_of(titled, RED)[1] - box_of(bare, RED)[1]
    assert titled.size == (bare.width, bare.height + above)
    assert min(titled.crop((0, 0, titled.width, box_of(titled, RED)[1])).tobytes()) < 80
    below = (0, box_of(bare, RED)[1], bare.width, bare.height)
    assert titled.crop((0, below[1] + above, titled.width, titled.height)).tobytes() == bare.crop(below).tobytes()


def test_other_shapes_keep_theirs_and_transparency_is_seen_through() -> None:
    images = [TaskImage("i", data=content) for content in (plain(300, 100, "#ff0000"), translucent(200, 200))]
    sheet = Gallery([Task("i", TaskStatus.SUCCEEDED, (image,)) for image in images]).contact_sheet(thumbnail=90)
    left, top, right, bottom = box_of(sheet, RED)
    assert (right - left, bottom - top) == (90, 30)
    assert pixel(sheet, left, top - 10) == MAT
    red, green, blue = pixel(sheet, right + 60, top)
    assert 200 < red < 240
    assert 100 < green < 240
    assert 100 < blue < 240


def test_what_has_no_image_is_left_out_and_what_is_lost_says_so(image_host: ImageHost) -> None:
    failed = Task("f", TaskStatus.FAILED, error=ErrorDetail("x", "y"))
    gone = TaskImage("g", url=f"{image_host.url}/gone.png", size="400x400")
    lost = Task("g", TaskStatus.SUCCEEDED, (gone,))
    assert Gallery([failed, square(RED)]).contact_sheet().size == Gallery(square(RED)).contact_sheet().size
    sheet = Gallery([square(RED), lost]).contact_sheet(captions=False)
    left, top, right, bottom = box_of(sheet, MAT)
    assert (right - left, bottom - top) == (320, 320)
    assert min(sheet.crop((left, top, right, bottom)).tobytes()) < 80  # there are words
    with pytest.raises(UsageError, match=r"There are no images for a contact sheet\."):
        Gallery(failed).contact_sheet()


def test_a_pdf_has_as_many_a4_pages_as_needed(tmp_path: Path) -> None:
    path = tmp_path / "sheet.pdf"
    gallery = Gallery([square(RED, f"cat number {number}") for number in range(1, 42)])
    assert gallery.contact_sheet(path, columns=4, title="Cats\nfor a client") == path
    pages = pages_of(path)
    assert [[float(side) for side in page.mediabox[2:]] for page in pages] == [[595.28, 841.89]] * 3
    # All pages are filled: none has a few rows alone.
    assert [len(boxes_on(page)) for page in pages] == [16, 16, 9]
    for number, page in enumerate(pages, 1):
        boxes = boxes_on(page)
        assert {round(width - height, 1) for *_, width, height in boxes} == {0}
        assert min(left for left, *_ in boxes) == pytest.approx(45)
        assert max(left + width for left, _, width, _ in boxes) == pytest.approx(595.28 - 45)
        assert min(bottom for _, bottom, *_ in boxes) > 45
        assert f"Page {number} of 3" in words_on(page)
    assert words_on(pages[0]).startswith("Cats for a client 41 images · SeeDream 4.0 · 400×400")  # noqa: RUF001  the sign typographers use
    assert "1. cat number 1 " in words_on(pages[0])
    assert "41. cat number 41 " in words_on(pages[2])
    metadata = PdfReader(path).metadata
    assert metadata is not None
    assert metadata.title == "Cats for a client"
    assert list(tmp_path.glob(".*")) == []


def test_a_pdf_has_room_for_more_than_one_image_would() -> None:
    wide = Gallery([square(RED)] * 600)
    with pytest.raises(UsageError, match=r"One sheet of 600 images would be .* pixels.*Write a PDF with several pages"):
        wide.contact_sheet()
    with pytest.raises(UsageError, match="too large"):
        Gallery([square(RED)] * 30).contact_sheet(columns=1, thumbnail=2048)
    assert len(pages_of(wide.contact_sheet("sheet.pdf", columns=12, captions=False))) == 4


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8, 13, 30])
def test_images_on_paper_are_as_large_as_fits(count: int, tmp_path: Path) -> None:
    pages = pages_of(Gallery([square(RED)] * count).contact_sheet(tmp_path / "sheet.pdf"))
    boxes = boxes_on(pages[0])
    assert (len(pages), len(boxes)) == ((1, count) if count < 20 else (2, 16))
    used = max(bottom + height for _, bottom, _, height in boxes) - min(bottom for _, bottom, *_ in boxes)
    assert used > 0.5 * 841.89 or sum(width for *_, width, _ in boxes) > 0.8 * 505


def test_a_pdf_says_what_a_client_needs_to_know(tmp_path: Path) -> None:
    def a_set(task_id: str, day: int) -> Task:
        images = tuple(TaskImage(task_id, place, data=plain(), size="40x30", seed=7, model=MODEL) for place in (0, 1))
        created = datetime(2026, 11, day, 12, tzinfo=timezone.utc)
        return Task(task_id, TaskStatus.SUCCEEDED, images, prompt="a very calm cat", created_at=created)

    gallery = Gallery([a_set("84d1544a-9043-4dde-a98b-e889dacd75f6", 26), a_set("b418122a-eb49", 28)])
    (page,) = pages_of(gallery.contact_sheet(tmp_path / "sheet.pdf"))
    # What all images share is written once; every image has its number, its frame, and its id.
    assert words_on(page) == (
        "Images generated with SeeDream November 26–28, 2026 · 4 images · SeeDream 4.0 · 40×30 · seed 7 "  # noqa: RUF001  as above
        "a very calm cat "
        "1 · 1 of 2 · 84d1544a 2 · 2 of 2 · 84d1544a 3 · 1 of 2 · b418122a 4 · 2 of 2 · b418122a"
    )
    bare = gallery.contact_sheet(tmp_path / "bare.pdf", captions=False)
    assert "84d1544a" not in words_on(pages_of(bare)[0])


SCRIPTS = {
    "Chinese": "江南山水，清晨薄雾",  # noqa: RUF001  Chinese has its own comma
    "Japanese": "猫が窓辺で眠っている",
    "Korean": "고양이",
    "Greek": "μια λευκή γάτα",
    "Cyrillic": "белая кошка",
    "Polish": "Łódź żółć",
    "Arabic": "قطة بيضاء",
    "Hebrew": "חתול לבן",
    "Devanagari": "एक सफ़ेद बिल्ली",
    "Thai": "แมวสีขาว",
}


@pytest.mark.parametrize("text", SCRIPTS.values(), ids=SCRIPTS)
def test_text_on_paper_can_be_searched_in_every_script(text: str, tmp_path: Path) -> None:
    path = Gallery(square(RED, text)).contact_sheet(tmp_path / "sheet.pdf")
    missing = not all(any(ord(letter) in characters for characters in installed()) for letter in set(text) - {" "})
    if missing:
        assert any(substitute in words_on(pages_of(path)[0]) for substitute in "□?")
        return
    # pypdf guesses the spaces, reads half of some codes as a character of its own, and lists letters from right to left
    # as they are drawn.
    read = unicodedata.normalize("NFKC", words_on(pages_of(path)[0]))
    found = "".join(letter for letter in read if letter.isprintable() and letter != " ")
    words = [unicodedata.normalize("NFKC", word) for word in text.split()]
    assert all(word in found or word[::-1] in found for word in words)
    fonts = [font for page in pages_of(path) for font in page["/Resources"]["/Font"].values()]  # type: ignore[index]
    embedded = [font["/DescendantFonts"][0]["/FontDescriptor"] for font in fonts]
    assert all("/FontFile2" in descriptor or "/FontFile3" in descriptor for descriptor in embedded)


def installed() -> list[frozenset[int]]:
    return [characters_of(path, number) for path, number in find_font_files()]


def test_without_any_font_on_the_machine_paper_still_has_text(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("seedream_nb.images.paper.find_font_files", tuple)
    path = Gallery(square(RED, "a cat in 江南")).contact_sheet(tmp_path / "sheet.pdf")
    assert "1. a cat in ??" in words_on(pages_of(path)[0])


def test_no_word_and_no_id_is_broken_on_paper(tmp_path: Path) -> None:
    prompt = "photorealistic extraordinarily counterintuitive misunderstandings"
    tasks = [dataclasses.replace(square(RED, f"{prompt} {place}"), id=f"{place:08x}-9043") for place in range(40)]
    for columns in (5, 7):
        pages = pages_of(Gallery(tasks).contact_sheet(tmp_path / "sheet.pdf", columns=columns))
        lines = [line.strip() for page in pages for line in page.extract_text().splitlines()]
        words = {word.strip("….") for line in lines for word in line.replace("\xa0", " ").split()}
        for word in prompt.split():
            assert all(word in seen or seen not in word or len(seen) < 4 for seen in words), words
        assert {task.id[:8] for task in tasks} <= words


def table_gallery(rows: int, columns: int, **options: Any) -> Gallery:
    tasks = [square(RED, f"prompt {row}", seed=column) for row in range(rows) for column in range(columns)]
    labels = Table(tuple(f"prompt {row}" for row in range(rows)), tuple(f"seed {column}" for column in range(columns)))
    return Gallery(tasks, table=labels, **options)


def test_a_table_keeps_its_rows_and_columns_on_every_page(tmp_path: Path) -> None:
    pages = pages_of(table_gallery(9, 3).contact_sheet(tmp_path / "sheet.pdf"))
    assert len(pages) == 2
    rows = 0
    for page in pages:
        assert re.search(r"seed 0\s+seed 1\s+seed 2", page.extract_text())
        boxes = boxes_on(page)
        lefts = sorted({round(left) for left, *_ in boxes})
        assert len(lefts) == 3
        rows += len({round(bottom) for _, bottom, *_ in boxes})
    assert rows == 9
    labels = re.findall(r"prompt \d", " ".join(map(words_on, pages)))
    assert labels == [f"prompt {row}" for row in range(9)]


def test_a_wide_table_continues_below_and_a_failed_place_stays_empty(tmp_path: Path) -> None:
    gallery = table_gallery(2, 20)
    tasks = [*gallery]
    tasks[1] = Task("f", TaskStatus.FAILED, prompt="prompt 0", error=ErrorDetail("x", "y"))
    pages = pages_of(gallery.renew(tasks).contact_sheet(tmp_path / "sheet.pdf"))
    words = " ".join(map(words_on, pages))
    assert words.count("failed") == 1
    assert sum(len(boxes_on(page)) for page in pages) == 39
    assert [words.count(f"seed {column} ") for column in range(20)] == [1] * 20
    # Each part of the table has the labels of its rows.
    assert words.count("prompt 0") == words.count("prompt 1") == 4
    (sideways,) = pages_of(table_gallery(2, 6).contact_sheet(tmp_path / "sheet.pdf"))
    assert sideways.mediabox.width > sideways.mediabox.height


def test_a_table_keeps_its_rows_and_columns_in_one_image() -> None:
    sheet = table_gallery(2, 5, thumbnail=64).contact_sheet(captions=False)
    assert sheet.width > 5 * 64
    assert sheet.height < 4 * 64


@pytest.mark.parametrize(("name", "image_format"), [("s.png", "PNG"), ("s.jpg", "JPEG"), ("s.JPEG", "JPEG")])
def test_an_image_can_be_written_too(name: str, image_format: str, tmp_path: Path) -> None:
    gallery = Gallery([square(RED), square(BLUE)])
    path = gallery.contact_sheet(tmp_path / name)
    with Image.open(path) as written:
        assert written.format == image_format
        assert written.size == gallery.contact_sheet().size


def test_another_ending_is_refused_before_anything_is_fetched(image_host: ImageHost) -> None:
    link = image_host.add("/a.png", plain())
    gallery = Gallery(Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", url=link),)))
    with pytest.raises(UsageError, match=r"'sheet\.gif' must end in \.pdf, \.png, \.jpg or \.jpeg"):
        gallery.contact_sheet("sheet.gif")
    with pytest.raises(UsageError, match="The directory none does not exist"):
        gallery.contact_sheet("none/sheet.pdf")
    assert image_host.received == []


def test_layers_and_progress(sandbox: Sandbox, client: SeedreamClient) -> None:
    task = client.retrieve(next(example.id for example in sandbox.examples if "layer" in example.note))
    progress: list[int] = []
    sheet = Gallery(task).contact_sheet(columns=24, thumbnail=64, captions=False, on_progress=progress.append)
    # The composed image comes first, then each layer.
    assert sheet.width > (len(task.layers) + 1) * 64
    assert len(progress) == len(task.layers) == len(sandbox.requests.of_kind("downloads"))


@pytest.mark.slow
@examples(40)
@given(task_lists)
def test_no_foreign_text_stops_it(some_tasks: list[Task]) -> None:
    gallery = Gallery(some_tasks, fetcher=ImageFetcher(FetchLimits(tries=1)))
    if any(task.good_images for task in some_tasks):
        assert gallery.contact_sheet(thumbnail=64).mode == "RGB"


@examples(6)
@example([task_with(plain(), text, text) for text in HOSTILE])
@given(task_lists)
def test_no_foreign_text_stops_a_pdf(some_tasks: list[Task]) -> None:
    gallery = Gallery(some_tasks, fetcher=ImageFetcher(FetchLimits(tries=1)))
    if any(task.good_images for task in some_tasks):
        assert pages_of(gallery.contact_sheet("sheet.pdf", title=some_tasks[0].prompt))


letters = Lettering(14)


@given(st.text() | st.sampled_from(HOSTILE), st.integers(20, 300), st.integers(1, 4))
def test_lines_are_as_wide_as_there_is_room_and_lose_nothing_but_the_end(text: str, width: int, most: int) -> None:
    lines = letters.wrap(text, width, most)
    assert len(lines) <= most
    # A single character may be wider than the room.
    assert [line for line in lines if letters.width(line) > width and len(line.rstrip("…")) > 1] == []
    written, wanted = "".join("".join(lines).split()), "".join(text.split())
    assert written == wanted or (lines[-1].endswith("…") and wanted.startswith(written[:-1]))


def drawn(text: str) -> bytes:
    canvas = Image.new("L", (400, 30), 255)
    letters.draw(ImageDraw.Draw(canvas), (2, 2), text, "black")
    return canvas.tobytes()


def test_lines_break_between_words_and_between_chinese_characters() -> None:
    assert letters.wrap("a white siamese cat", round(letters.width("a white si")), 3) == ["a white", "siamese", "cat"]
    assert letters.wrap("江南山水", round(letters.width("江南")) + 1, 3) == ["江南", "山水"]


def has_dejavu() -> bool:
    try:
        return bool(ImageFont.truetype("DejaVuSans.ttf", 14))
    except OSError:
        return False


@pytest.mark.skipif(not has_dejavu(), reason="DejaVu Sans is not on this machine")
@pytest.mark.parametrize("text", ["Ω", "Ж", "ж", "→"])
def test_letters_that_pillows_own_font_lacks_come_from_the_system(text: str) -> None:
    assert drawn(text) not in {drawn("\u0378"), drawn("")}


def test_what_no_font_has_becomes_visible() -> None:
    assert drawn("a\u0378b") in {drawn("a□b"), drawn("a?b")}
    assert drawn("a\u0378b") != drawn("ab")
