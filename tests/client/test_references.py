"""Reference images in all the forms that a user may have them in."""

import base64
import io
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from seedream_nb import Gallery, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus
from seedream_nb.client.references import read_references
from seedream_nb.core.errors import UsageError
from seedream_nb.core.models import ErrorDetail
from seedream_nb.protocol.capabilities import MAX_IMAGE_BYTES

LINK = "https://x.example/cat.jpg"


def image_bytes(file_format: str = "PNG", mode: str = "RGB") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (8, 4)).save(buffer, file_format)
    return buffer.getvalue()


PNG = image_bytes()
FAILED = TaskImage("an-id", error=ErrorDetail("a_code", "it failed"))


def decoded(reference: str) -> bytes:
    return base64.b64decode(reference.partition(",")[2], validate=True)


def mime_of(reference: str) -> str:
    return reference.removeprefix("data:").partition(";")[0]


@pytest.mark.parametrize("link", [LINK, "http://x.example/", "HTTPS://X.EXAMPLE/A", "data:image/png;base64,QUJD"])
def test_links_travel_as_they_are(link: str) -> None:
    assert read_references(link) == (link,)
    assert read_references(f" {link}\n") == (link,)


@pytest.mark.parametrize(
    ("file_format", "mime"), [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("WEBP", "image/webp")]
)
def test_bytes_and_files_become_data_uris(tmp_path: Path, file_format: str, mime: str) -> None:
    content = image_bytes(file_format)
    path = tmp_path / "an image.bin"
    path.write_bytes(content)
    for form in (content, bytearray(content), memoryview(content), path, str(path), os.fspath(path)):
        (reference,) = read_references(form)  # type: ignore[arg-type]
        assert mime_of(reference) == mime
        assert decoded(reference) == content


def test_a_file_of_the_home_directory() -> None:
    (Path.home() / "cat.png").write_bytes(PNG)
    assert decoded(read_references("~/cat.png")[0]) == PNG


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "YCbCr", "HSV", "F", "I;16"])
def test_a_pillow_image_of_any_kind(mode: str) -> None:
    (reference,) = read_references(Image.new(mode, (8, 4)))
    with Image.open(io.BytesIO(decoded(reference))) as image:
        assert (image.format, image.size) == ("PNG", (8, 4))
        assert ("A" in image.getbands()) == ("A" in mode)


def test_images_of_earlier_tasks() -> None:
    linked, inline = TaskImage("an-id", url=LINK), TaskImage("an-id", index=1, data=PNG)
    assert read_references(linked) == (LINK,)
    assert decoded(read_references(inline)[0]) == PNG
    assert read_references(Task("an-id", TaskStatus.SUCCEEDED, (linked,))) == (LINK,)


def test_several_at_a_time() -> None:
    image = Image.new("RGB", (8, 4))
    forms: list[Any] = [[LINK, PNG, image], (LINK, PNG, image), iter([LINK, PNG, image])]
    for several in forms:
        link, *embedded = read_references(several)
        assert link == LINK
        assert [mime_of(reference) for reference in embedded] == ["image/png", "image/png"]
    assert read_references(None) == ()


def test_galleries_and_nested_lists_give_their_images_in_order() -> None:
    images = [TaskImage("an-id", index, url=f"{LINK}?{index}") for index in range(4)]
    tasks = [Task("an-id", TaskStatus.SUCCEEDED, tuple(images[:2])), Task("an-id", TaskStatus.SUCCEEDED, (images[2],))]
    expected = tuple(image.url for image in images)
    assert read_references(Gallery([*tasks, FAILED])) == expected[:3]
    nested: Any = [LINK, [Gallery(tasks), (images[3],)]]
    assert read_references(nested) == (LINK, *expected)
    assert read_references(Gallery(images)[:]) == expected
    with pytest.raises(UsageError, match="Reference image 1 is a task with 2 images"):
        read_references(tasks)


@pytest.mark.parametrize("nothing", [[], [LINK, []], Gallery([]), [LINK, Gallery(Task.not_found("an-id"))]])
def test_an_empty_collection_is_rejected(client: SeedreamClient, sandbox: Sandbox, nothing: Any) -> None:
    with pytest.raises(UsageError, match="The list of reference images is empty"):
        client.edit(nothing, "a hat")
    with pytest.raises(UsageError, match="The list of reference images is empty"):
        client.generate("a hat", image=nothing)
    assert len(sandbox.requests) == 0


def test_a_gallery_of_more_images_than_a_model_takes_is_rejected(client: SeedreamClient, sandbox: Sandbox) -> None:
    many: Any = Gallery(TaskImage("an-id", index, url=f"{LINK}?{index}") for index in range(15))
    with pytest.raises(UsageError, match="accepts at most 14 input images"):
        client.generate("a hat", image=many, model="4.5")
    assert len(sandbox.requests) == 0


LARGE = b"\x89PNG" + bytes(MAX_IMAGE_BYTES)


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (LARGE, "has 10.0 MB; the limit is 10 MB."),
        (b"not an image", "is not a JPEG, PNG or WebP image."),
        (PNG[:45], "is not a JPEG, PNG or WebP image."),
        (b"", "is not a JPEG, PNG or WebP image."),
        ("missing.png", "can't be read from missing.png: No such file or directory."),
        (Path(), "can't be read from .: Is a directory."),
        ("nul\0l", "can't be read from nul l: embedded null byte."),
        (7, "has the unsupported type int."),
        (None, "has the unsupported type NoneType."),
        ({"a": 1}, "has the unsupported type dict."),
        (np.zeros((2, 2, 3)), "has the unsupported type ndarray."),
        (FAILED, "is a failed image."),
        (Task("an-id", TaskStatus.FAILED, (FAILED,)), "is a task with 0 images."),
        (Task("an-id", TaskStatus.SUCCEEDED, (TaskImage("", url=LINK),) * 2), "is a task with 2 images."),
    ],
)
def test_what_cannot_be_sent_is_named(client: SeedreamClient, sandbox: Sandbox, image: Any, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        client.generate("a hat", image=[LINK, image])
    assert caught.value.message.startswith("Reference image 2")
    assert words in caught.value.message
    assert caught.value.hint
    assert len(sandbox.requests) == 0


def test_one_that_is_alone_has_no_number() -> None:
    with pytest.raises(UsageError, match=r"^The reference image is not a JPEG"):
        read_references(b"not an image")


def test_a_large_or_invalid_data_uri_is_rejected(client: SeedreamClient, sandbox: Sandbox) -> None:
    large = "data:image/png;base64," + base64.b64encode(LARGE).decode()
    for wrong, words in (
        (large, "image 2 of 2 exceeds the limit of 10 MB"),
        ("data:image/png;base64,???", "image 2 of 2 is a data URI whose data is not base64"),
        ("data:text/plain,hello", "image 2 of 2 must be"),
    ):
        with pytest.raises(UsageError, match=words):
            client.generate("a hat", image=[LINK, wrong])
    assert len(sandbox.requests) == 0


def test_anything_is_read_when_it_must_be() -> None:
    large, unreadable = read_references([LARGE, b"not an image"], strict=False)
    assert decoded(large) == LARGE
    assert decoded(unreadable) == b"not an image"


def test_a_local_image_arrives_at_the_service(client: SeedreamClient, sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "cat.jpg"
    path.write_bytes(image_bytes("JPEG"))
    client.edit([path, PNG, Image.new("CMYK", (8, 8))], "a hat")
    assert [request.status for request in sandbox.requests] == [200]
