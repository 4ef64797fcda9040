"""All images in even tiles, as one image or on paper, with captions in any script."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw, ImageFont

from seedream_nb import ErrorDetail, Gallery, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus
from seedream_nb.core.errors import UsageError
from seedream_nb.images.fetch import FetchLimits, ImageFetcher
from seedream_nb.images.lettering import Lettering
from tests.examples import examples
from tests.gallery.strategies import HOSTILE, task_lists
from tests.sample_images import decode, plain, translucent

if TYPE_CHECKING:
    from pathlib import Path

    from tests.gallery.image_host import ImageHost

RED, GREEN, BLUE = (255, 0, 0), (0, 128, 0), (0, 0, 255)
WHITE, MAT = (255, 255, 255), (240, 240, 240)
MODEL = "doubao-seedream-3-0-t2i-250415"


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


def pages_of(path: Path) -> list[Image.Image]:
    """The images that fill a PDF's pages."""
    content = path.read_bytes()
    pages = [decode(content[match.start() :]) for match in re.finditer(rb"\xff\xd8\xff", content)]
    # An appended page adds a new list of all pages; the last one counts.
    assert int(re.findall(rb"/Count (\d+)", content)[-1]) == len(pages)
    return pages


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
    gallery = Gallery([square(RED)] * 20 + [square(GREEN)] * 20 + [square(BLUE)])
    assert gallery.contact_sheet(path, columns=4) == path
    # 210 x 297 mm in points.
    (box,) = set(re.findall(rb"/MediaBox \[ 0 0 ([^\]]+)\]", path.read_bytes()))
    assert [float(side) for side in box.split()] == pytest.approx([595.3, 841.9], abs=0.5)
    first, _, last = pages_of(path)
    left, top, right, bottom = box_of(first, RED)
    assert left == pytest.approx(first.width - right, abs=8)
    assert top < bottom < first.height
    rest = last.crop((0, last.height * 3 // 4, last.width, last.height * 9 // 10))
    assert rest.getcolors() == [(rest.width * rest.height, WHITE)]
    one = box_of(last, BLUE)
    assert one[2] - one[0] == pytest.approx(one[3] - one[1], abs=4)
    assert b"/Title" in path.read_bytes()
    assert list(tmp_path.glob(".*")) == []


def test_a_pdf_has_room_for_more_than_one_image_would() -> None:
    wide = Gallery([square(RED)] * 600)
    with pytest.raises(UsageError, match=r"One sheet of 600 images would be .* pixels.*Write a PDF with several pages"):
        wide.contact_sheet()
    with pytest.raises(UsageError, match="too large"):
        Gallery([square(RED)] * 30).contact_sheet(columns=1, thumbnail=2048)
    assert len(pages_of(wide.contact_sheet("sheet.pdf", columns=12, captions=False))) == 4


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
    with pytest.raises(UsageError, match=r"'sheet\.gif' must end in \.pdf or \.png or \.jpg or \.jpeg"):
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


@examples(40)
@given(task_lists)
def test_no_foreign_text_stops_it(some_tasks: list[Task]) -> None:
    gallery = Gallery(some_tasks, fetcher=ImageFetcher(FetchLimits(tries=1)))
    if any(task.good_images for task in some_tasks):
        assert gallery.contact_sheet(thumbnail=64).mode == "RGB"


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
