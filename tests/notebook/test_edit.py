"""`%seedream edit`: the sources of an image, and what is rejected before anything is paid for."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from seedream_nb import TaskImage
from seedream_nb.core.errors import UsageError
from seedream_nb.protocol.capabilities import MAX_IMAGE_BYTES
from tests.notebook.running import SMALL, as_data_uri, make_image, paid, run, run_gallery, seen

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from seedream_nb import Sandbox

LINK = "https://example.org/cat.jpg"


def test_before_and_after_stand_side_by_side(shell: InteractiveShell, service: Sandbox) -> None:
    Path("photo.png").write_bytes(make_image("red"))
    gallery = run_gallery(shell, f"%%seedream edit photo.png {SMALL}\nmake it night")
    sheet = seen(gallery)
    (before,) = sheet.before
    (after,) = sheet.tiles
    assert (before.label, before.facts) == ("before", "64×48")  # noqa: RUF001  as shown
    assert (after.label, after.prompt, after.state) == ("after", "make it night", "✓ succeeded")
    assert before.embedded
    assert after.embedded
    assert sheet.root.find("img")[0].attributes["src"] == before.image
    assert [task.prompt for task in gallery] == ["make it night"]
    assert paid(service) == 1


def pixels(color: str) -> Image.Image:
    return Image.open(io.BytesIO(make_image(color)))


class TestImageSources:
    @pytest.mark.parametrize(
        ("word", "file"),
        [
            ("photo.png", "photo.png"),
            ('"my best photo.png"', "my best photo.png"),
            ("~/photo.png", "../home/photo.png"),
            ("'~/my photos/a cat.png'", "../home/my photos/a cat.png"),
        ],
    )
    def test_a_file(self, shell: InteractiveShell, service: Sandbox, word: str, file: str) -> None:
        Path(file).parent.mkdir(exist_ok=True)
        Path(file).write_bytes(make_image())
        gallery = run_gallery(shell, f'%seedream edit {word} "make it night" --no-wait')
        assert gallery.before[0].data == make_image()
        assert gallery[0].prompt == "make it night"
        assert paid(service) == 1

    def test_a_link_is_sent_unchanged(self, shell: InteractiveShell, service: Sandbox) -> None:
        gallery = run_gallery(shell, f"%seedream edit {LINK} make it night --no-wait --embed links")
        assert (gallery.before[0].url, gallery[0].request["image"]) == (LINK, LINK)
        assert paid(service) == 1

    @pytest.mark.parametrize("kind", ["pillow", "bytes", "path", "text", "link", "data", "image"])
    def test_a_variable(self, shell: InteractiveShell, service: Sandbox, kind: str) -> None:
        content = make_image("green")
        Path("green.png").write_bytes(content)
        shell.user_ns["photo"] = {
            "pillow": pixels("green"),
            "bytes": content,
            "path": Path("green.png"),
            "text": "green.png",
            "link": as_data_uri(content),
            "data": bytearray(content),
            "image": TaskImage("", data=content),
        }[kind]
        gallery = run_gallery(shell, "%seedream edit photo make it night --no-wait")
        (before,) = gallery.before
        assert before.data is not None
        assert Image.open(io.BytesIO(before.data)).convert("RGB").getpixel((5, 5)) == (0, 128, 0)
        assert paid(service) == 1

    def test_a_task_of_a_gallery(self, shell: InteractiveShell, service: Sandbox) -> None:
        made = run_gallery(shell, f"%seedream generate a cat {SMALL} --out made")
        edited = run_gallery(shell, "%seedream edit made[0] make it night --no-wait")
        assert edited.before[0].url == made.images[0].url
        edited = run_gallery(shell, "%%seedream edit made.images[0] --no-wait\nmake it day")
        assert edited.before[0].url == made.images[0].url
        assert paid(service) == 3

    def test_a_list_is_several_images(self, shell: InteractiveShell, service: Sandbox) -> None:
        shell.user_ns["photos"] = [make_image("red"), make_image("blue")]
        Path("green.png").write_bytes(make_image("green"))
        gallery = run_gallery(shell, "%seedream edit photos join them --image green.png --no-wait")
        assert [image.data for image in gallery.before] == [make_image(each) for each in ("red", "blue", "green")]
        assert paid(service) == 1

    def test_a_file_takes_precedence_over_a_variable(self, shell: InteractiveShell, service: Sandbox) -> None:
        shell.user_ns["photo"] = make_image("red")
        Path("photo").write_bytes(make_image("blue"))
        gallery = run_gallery(shell, "%seedream edit photo make it night --no-wait")
        assert gallery.before[0].data == make_image("blue")
        assert paid(service) == 1


class TestRejections:
    """Each says which image is meant; nothing is sent."""

    @pytest.mark.parametrize(
        ("word", "message"),
        [
            ("nothing", "'nothing' is not a link, an existing file or a valid Python expression"),
            ("missing/photo.png", "'missing/photo.png' is not a link, an existing file"),
            ('"my photo.png"', "'my photo.png' is not a link, an existing file"),
            ("gallery[7]", "gallery[7] raised IndexError: "),
            ("several", "several: The reference image is a task with 2 images."),
            ("several.images", "several.images: Reference image 3 is a failed image."),
            ("number", "number: The reference image has the unsupported type int."),
            ("path", "path: The reference image can't be read from gone.png: No such file or directory."),
            ("notes.txt", "notes.txt: The reference image is not a JPEG, PNG or WebP image."),
            ("large.png", "large.png: The reference image has 10.0 MB; the limit is 10 MB."),
        ],
    )
    def test_anything_but_an_image(self, shell: InteractiveShell, service: Sandbox, word: str, message: str) -> None:
        several = service.add_task("cats", images=3, size="64x64", image_errors={2: ("Withheld", "no")})
        run(shell, f"%seedream get {several} --embed links --out gallery")
        shell.user_ns |= {"several": shell.user_ns["gallery"][0], "number": 7, "path": Path("gone.png")}
        Path("notes.txt").write_text("a cat", encoding="utf-8")
        Path("large.png").write_bytes(make_image() + bytes(MAX_IMAGE_BYTES))
        with pytest.raises(UsageError) as caught:
            run(shell, f"%%seedream edit {word}\nmake it night")
        assert message in caught.value.message
        assert paid(service) == 0

    def test_a_task_with_several_images_says_how_to_choose(self, shell: InteractiveShell, service: Sandbox) -> None:
        run(shell, f"%seedream get {service.add_task('cats', images=3, size='64x64')} --out cats")
        with pytest.raises(UsageError, match=r"Choose one image, such as .*\.images\[0\]"):
            run(shell, "%%seedream edit cats[0]\nmake it night")
        assert paid(service) == 0

    def test_the_message_names_the_bad_file(self, shell: InteractiveShell, service: Sandbox) -> None:
        Path("good.png").write_bytes(make_image())
        Path("notes.txt").write_text("a cat", encoding="utf-8")
        with pytest.raises(UsageError, match=r"notes\.txt: "):
            run(shell, "%%seedream generate --image good.png notes.txt\njoin them")
        assert len(service.requests) == 0

    def test_too_many_images(self, shell: InteractiveShell, service: Sandbox) -> None:
        shell.user_ns["photos"] = [make_image()] * 11
        with pytest.raises(UsageError, match="accepts at most 10 input images, not 11"):
            run(shell, "%%seedream edit photos --model pro\njoin them")
        assert len(service.requests) == 0


def test_layers_need_no_prompt(shell: InteractiveShell, service: Sandbox) -> None:
    Path("poster.png").write_bytes(make_image())
    gallery = run_gallery(shell, "%seedream edit poster.png --layers --model pro --size 1K")
    assert len(gallery[0].layers) > 1
    assert paid(service) == 1
