"""Metadata that costs time or memory, or makes Pillow warn: it never gets to see any."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import threading
import time
import tracemalloc
import warnings
import zlib
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from seedream_nb.core.errors import ImageError
from seedream_nb.core.models import TaskImage
from seedream_nb.images.fetch import ImageFetcher
from seedream_nb.images.thumbnails import decode_image, make_thumbnail, read_facts
from tests.scripted_server import Answer, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable

MEGABYTE = 1_000_000
SECONDS = 3.0  # on a busy machine; without limits it is at least twice as much


def image(image_format: str, size: tuple[int, int] = (64, 48), mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, "red").save(buffer, image_format, **options)
    return buffer.getvalue()


def segment(kind: int, content: bytes) -> bytes:
    return bytes((0xFF, kind)) + struct.pack(">H", len(content) + 2) + content


def in_jpeg(*segments: bytes) -> bytes:
    jpeg = image("JPEG")
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def in_png(*chunks: bytes) -> bytes:
    png = image("PNG")
    return png[:33] + b"".join(chunks) + png[33:]


def in_webp(kind: bytes, content: bytes) -> bytes:
    webp = image("WEBP", exif=b"Exif\0\0" + exif(1))
    place = webp.index(b"EXIF")
    body = webp[12:place] + kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def exif(count: int, size: int = 4, *, kind: int = 7) -> bytes:
    """A directory of fields that all claim the same bytes."""
    fields = b"".join(struct.pack(">HHII", tag, kind, size, 8) for tag in range(count))
    return b"MM\0*\0\0\0\x08" + struct.pack(">H", count) + fields + bytes(4)


BIG_EXIF = exif(5000, 60_000)  # 300 MB when each field gets its bytes
CORRUPT_EXIF = exif(4000, 2**31)

SLOW: dict[str, Callable[[], bytes]] = {
    "EXIF in many segments": lambda: in_jpeg(*[segment(0xE1, b"Exif\0\0" + bytes(65_000))] * 750),
    "fields that share their bytes": lambda: in_jpeg(segment(0xE1, b"Exif\0\0" + BIG_EXIF)),
    "resources of Photoshop": lambda: in_jpeg(
        *[segment(0xED, b"Photoshop 3.0\0" + b"8BIM\0\0\0\0\0\0\0\0" * 5000)] * 800
    ),
    "comments": lambda: in_jpeg(*[segment(0xFE, b"")] * 12_000_000),
    "quantization tables": lambda: in_jpeg(*[segment(0xDB, (b"\0" + b"\1" * 64) * 1000)] * 750),
    "padding": lambda: in_jpeg(b"\xff\0" * 24_000_000),
    "padding without end": lambda: in_jpeg(b"\xff" * 48_000_000 + b"\0"),
    "texts": lambda: in_png(*[chunk(b"tEXt", b"a\0")] * 3_000_000),
    "EXIF in PNG": lambda: in_png(chunk(b"eXIf", exif(60_000, 700_000))),
    "EXIF in WebP": lambda: in_webp(b"EXIF", exif(60_000, 700_000)),
}
WARNING = {
    "JPEG": in_jpeg(segment(0xE1, b"Exif\0\0" + CORRUPT_EXIF)),
    "PNG": in_png(chunk(b"eXIf", CORRUPT_EXIF)),
    "WebP": in_webp(b"EXIF", CORRUPT_EXIF),
    "MPO": in_jpeg(segment(0xE2, b"MPF\0II*\0\x08\0\0\0\1\0\0\0\0\0")),
    "APNG": in_png(chunk(b"acTL", bytes(8))),
    "raw profile": in_png(chunk(b"tEXt", b"Raw profile type exif\0\nexif\n 8\n" + CORRUPT_EXIF.hex().encode())),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", SLOW)
def test_the_work_is_bounded(kind: str) -> None:
    content = SLOW[kind]()
    assert len(content) < 52_428_800
    before = time.process_time()  # other processes may be busy
    with contextlib.suppress(ImageError):
        assert make_thumbnail(content, 32).width == 32
    assert time.process_time() - before < SECONDS


def test_the_memory_is_bounded() -> None:
    content = in_jpeg(segment(0xE1, b"Exif\0\0" + BIG_EXIF))
    tracemalloc.start()
    try:
        assert make_thumbnail(content, 32).width == 32
        assert tracemalloc.get_traced_memory()[1] < 20 * MEGABYTE
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", WARNING)
@pytest.mark.parametrize("work", [read_facts, decode_image, lambda content: make_thumbnail(content, 32)])
def test_pillow_has_nothing_to_warn_of(kind: str, work: Callable[[bytes], object]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert work(WARNING[kind])


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_a_bomb_is_told_before_pillow_warns_of_it(image_format: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100_000_000)
    content = bytearray(image(image_format, (16, 16), mode="RGB"))
    place = {"JPEG": content.find(b"\xff\xc0") + 5, "PNG": 16, "WEBP": 26}[image_format]
    sizes = {"JPEG": struct.pack(">HH", 15_000, 16_000), "PNG": struct.pack(">II", 15_000, 16_000)}
    size = sizes.get(image_format, struct.pack("<HH", 15_000, 16_000))
    content[place : place + len(size)] = size
    if image_format == "PNG":
        content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ImageError, match="80 million pixels"):
            read_facts(bytes(content))


def test_many_threads_warn_of_nothing_either(recwarn: pytest.WarningsRecorder) -> None:
    with ScriptedServer([Answer(content) for content in WARNING.values()], at_once=True) as server:
        fetcher = ImageFetcher()

        def fetch() -> None:
            fetcher.thumbnail(TaskImage("an-id", url=server.url), 32)

        threads = [threading.Thread(target=fetch) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [str(warning.message) for warning in recwarn] == []


def test_a_jpeg_of_a_thousand_scans_is_not_decoded() -> None:
    jpeg = image("JPEG", progressive=True)
    last = jpeg.rindex(b"\xff\xda")
    with pytest.raises(ImageError, match="damaged"):
        read_facts(jpeg[:last] + jpeg[last:-2] * 1000 + jpeg[-2:])
    assert read_facts(jpeg).width == 64


@pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
def test_a_color_profile_stays_unless_it_is_huge(image_format: str) -> None:
    small, huge = (image(image_format, icc_profile=os.urandom(size)) for size in (3000, 2**21))
    assert len(decode_image(small).info["icc_profile"]) == 3000
    assert not decode_image(huge).info.get("icc_profile")


def test_junk_between_the_segments_does_not_matter() -> None:
    assert read_facts(in_jpeg(segment(0xFE, b"a comment"), b"\0junk\xff\xff\xff")).width == 64


@pytest.mark.parametrize("kind", ["EXIF in many segments", "resources of Photoshop", "EXIF in PNG", "EXIF in WebP"])
def test_an_image_with_much_metadata_is_shown(kind: str) -> None:
    assert make_thumbnail(SLOW[kind](), 32).width == 32


def test_a_second_header_hides_no_bomb() -> None:
    png = image("PNG")
    bomb = chunk(b"IHDR", struct.pack(">IIBBBBB", 15_000, 16_000, 8, 2, 0, 0, 0))
    assert read_facts(png[:33] + bomb + png[33:]).width == 64
    webp = image("WEBP", exif=exif(1))
    vp8x = webp[12:30]
    claimed = vp8x[:12] + (14_999).to_bytes(3, "little") + (15_999).to_bytes(3, "little")
    for first, second in ((claimed, vp8x), (vp8x, claimed)):
        with pytest.raises(ImageError, match="80 million pixels"):
            read_facts(webp[:12] + first + second + webp[30:])
