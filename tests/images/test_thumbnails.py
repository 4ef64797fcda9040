"""Images of every kind a host may send, and files that only claim to be one."""

import contextlib
import io
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageDraw

from seedream_nb.core.errors import ImageError
from seedream_nb.images.thumbnails import JPEG_QUALITY, ImageFacts, Thumbnail, make_thumbnail, read_facts, shrink
from tests.examples import examples

RED, BLUE = (220, 30, 30), (30, 30, 220)


def halves(mode: str = "RGB", size: tuple[int, int] = (400, 200)) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, RED)
    ImageDraw.Draw(image).rectangle((size[0] // 2, 0, *size), fill=BLUE)
    return image.convert(mode)


def encoded(image: Image.Image, image_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def opened(thumbnail: Thumbnail) -> Image.Image:
    image = Image.open(io.BytesIO(thumbnail.data))
    image.load()
    assert Image.MIME[image.format or ""] == thumbnail.mime
    assert image.size == (thumbnail.width, thumbnail.height)
    return image


def assert_close(color: object, expected: tuple[int, ...], tolerance: int = 14) -> None:
    assert isinstance(color, tuple)
    assert len(color) == len(expected)
    assert all(abs(one - other) <= tolerance for one, other in zip(color, expected, strict=True)), (color, expected)


def assert_halves(thumbnail: Thumbnail, left: tuple[int, ...] = RED, right: tuple[int, ...] = BLUE) -> None:
    image = opened(thumbnail)
    assert_close(image.getpixel((image.width // 4, image.height // 2)), left)
    assert_close(image.getpixel((3 * image.width // 4, image.height // 2)), right)


@pytest.mark.parametrize(
    ("content", "facts"),
    [
        (encoded(halves(), "JPEG"), ImageFacts("image/jpeg", "jpg", 400, 200)),
        (encoded(halves(), "JPEG", progressive=True), ImageFacts("image/jpeg", "jpg", 400, 200)),
        (encoded(halves(), "PNG"), ImageFacts("image/png", "png", 400, 200)),
        (encoded(halves(), "WEBP"), ImageFacts("image/webp", "webp", 400, 200)),
        (encoded(halves(), "MPO", save_all=True, append_images=[halves()]), ImageFacts("image/jpeg", "jpg", 400, 200)),
    ],
)
def test_every_format_is_told_by_its_bytes_and_made_small(content: bytes, facts: ImageFacts) -> None:
    assert read_facts(content) == facts
    thumbnail = make_thumbnail(content, 100)
    assert (thumbnail.width, thumbnail.height, thumbnail.mime, thumbnail.original) == (100, 50, "image/jpeg", facts)
    assert_halves(thumbnail)


@pytest.mark.parametrize("mode", ["RGB", "CMYK", "P", "YCbCr", "L", "1"])
def test_every_color_mode_becomes_an_image_of_the_same_colors(mode: str) -> None:
    image_format = "PNG" if mode in {"P", "1"} else "JPEG"
    gray = {"L": ((87, 87, 87), (51, 51, 51)), "1": None}.get(mode, (RED, BLUE))
    thumbnail = make_thumbnail(encoded(halves(mode), image_format), 100)
    assert thumbnail.mime == "image/jpeg"
    if gray is None:
        assert opened(thumbnail).mode == "RGB"
    else:
        assert_halves(thumbnail, *gray)


def test_sixteen_bits_of_gray_are_scaled_and_not_cut() -> None:
    image = Image.new("I;16", (64, 64), 128 * 257)
    assert_close(opened(make_thumbnail(encoded(image, "PNG"), 32)).getpixel((16, 16)), (128, 128, 128))


def png(width: int, height: int, depth: int, color_type: int, rows: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, color_type, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_sixteen_bits_a_color_are_read() -> None:
    content = png(2, 1, 16, 2, b"\x00" + struct.pack(">6H", *(channel * 257 for channel in (*RED, *RED))))
    assert_close(opened(make_thumbnail(content, 10)).getpixel((0, 0)), RED)


def transparent(size: tuple[int, int] = (400, 200)) -> Image.Image:
    image = Image.new("RGBA", size, (*RED, 0))
    ImageDraw.Draw(image).rectangle((size[0] // 2, 0, *size), fill=(*BLUE, 255))
    return image


@pytest.mark.parametrize(
    "content",
    [
        encoded(transparent(), "PNG"),
        encoded(transparent(), "WEBP", lossless=True),
        encoded(transparent().quantize(), "PNG"),
        encoded(halves().quantize(2), "PNG", transparency=halves().quantize(2).getpixel((0, 0))),
    ],
)
def test_transparency_stays(content: bytes) -> None:
    thumbnail = make_thumbnail(content, 100)
    assert thumbnail.mime == "image/webp"
    image = opened(thumbnail)
    assert image.mode == "RGBA"
    left, right = image.getpixel((25, 25)), image.getpixel((75, 25))
    assert isinstance(left, tuple)
    assert left[3] == 0
    assert_close(right, (*BLUE, 255))


def test_an_alpha_channel_without_transparency_is_dropped() -> None:
    content = encoded(halves("RGBA"), "PNG")
    assert make_thumbnail(content, 100).mime == "image/jpeg"


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_a_image_is_shown_upright(orientation: int, image_format: str) -> None:
    upright = halves()
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }.get(orientation)
    stored = upright.transpose(undo) if undo is not None else upright
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    content = encoded(stored, image_format, exif=exif)
    assert (read_facts(content).width, read_facts(content).height) == (400, 200)
    thumbnail = make_thumbnail(content, 100)
    assert (thumbnail.width, thumbnail.height) == (100, 50)
    assert_halves(thumbnail)
    assert opened(thumbnail).getexif().get(ExifTags.Base.Orientation, 1) == 1


def test_a_large_jpeg_is_decoded_at_a_fraction_of_its_size() -> None:
    content = encoded(Image.effect_noise((1600, 800), 80).convert("RGB"), "JPEG")
    thumbnail = make_thumbnail(content, 200)
    assert (thumbnail.width, thumbnail.height) == (200, 100)
    assert (thumbnail.original.width, thumbnail.original.height) == (1600, 800)
    # Noise shows which way was taken: decoding everything gives other pixels than the decoder's own reduction.
    whole = Image.open(io.BytesIO(content)).convert("RGB")
    whole.thumbnail((200, 200), Image.Resampling.LANCZOS, reducing_gap=2.0)
    assert encoded(whole, "JPEG", quality=JPEG_QUALITY, optimize=True) != thumbnail.data
    assert_halves(make_thumbnail(encoded(halves(size=(1600, 800)), "JPEG"), 200))


def test_the_same_bytes_give_the_same_thumbnail() -> None:
    for content in (encoded(halves(), "JPEG"), encoded(transparent(), "PNG")):
        assert make_thumbnail(content, 99) == make_thumbnail(content, 99)
        assert shrink(make_thumbnail(content, 99), 40) == shrink(make_thumbnail(content, 99), 40)


@pytest.mark.parametrize(
    ("size", "expected"), [((50, 20), (50, 20)), ((100, 100), (100, 100)), ((1000, 1), (100, 1)), ((3, 900), (1, 100))]
)
def test_a_thumbnail_is_never_larger_than_asked_nor_than_the_image(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    thumbnail = make_thumbnail(encoded(Image.new("RGB", size), "PNG"), 100)
    assert (thumbnail.width, thumbnail.height) == expected


def test_a_thumbnail_can_shrink_further() -> None:
    for content, mime in ((encoded(halves(), "JPEG"), "image/jpeg"), (encoded(transparent(), "PNG"), "image/webp")):
        thumbnail = make_thumbnail(content, 200)
        smaller = shrink(thumbnail, 80)
        assert (smaller.width, smaller.height, smaller.mime) == (80, 40, mime)
        assert smaller.original == thumbnail.original
        assert len(smaller.data) < len(thumbnail.data)
        opened(smaller)
        assert shrink(smaller, 80) is smaller


# What is no image

JPEG = encoded(halves(), "JPEG")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not a JPEG, PNG, or WebP image"),
        (b"hello", "not a JPEG, PNG, or WebP image"),
        (b"  <!DOCTYPE html><html></html>", "a web page"),
        (b"<html>", "a web page"),
        (encoded(halves("P"), "GIF"), "not a JPEG, PNG, or WebP image"),
        (encoded(halves(), "BMP"), "not a JPEG, PNG, or WebP image"),
        (encoded(halves(), "TIFF"), "not a JPEG, PNG, or WebP image"),
        (JPEG[: len(JPEG) // 2], "damaged"),
        (encoded(transparent(), "PNG")[:-200], "damaged"),
        (encoded(halves(), "WEBP")[:-20], "damaged"),
        (png(50_000, 50_000, 8, 2, b""), "80 million pixels"),
        (png(10_000, 10_000, 8, 0, b""), "80 million pixels"),
        (png(9_000, 9_000, 8, 0, b""), "80 million pixels"),
        (png(10, 10, 8, 2, b"\x00"), "damaged"),
    ],
)
def test_what_is_no_whole_image_is_told(content: bytes, words: str) -> None:
    for work in (read_facts, lambda data: make_thumbnail(data, 320)):
        with pytest.raises(ImageError, match=words):
            work(content)


def sideways() -> Image.Exif:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Artist] = "somebody"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.ExposureTime] = 0.5
    return exif


SEEDS = [
    encoded(halves(size=(40, 30)), "JPEG", exif=sideways(), quality=50),
    encoded(halves(size=(40, 30)), "PNG", exif=sideways()),
    encoded(transparent((40, 30)), "PNG"),
    encoded(transparent((40, 30)).quantize(16), "PNG"),
    encoded(transparent((40, 30)), "WEBP"),
    encoded(halves(size=(40, 30)), "MPO", save_all=True, append_images=[halves(size=(40, 30))]),
]


@pytest.mark.filterwarnings("error")
@examples(300)
@given(st.sampled_from(SEEDS), st.lists(st.tuples(st.integers(0, 2**16), st.integers(0, 255)), max_size=6))
def test_damaged_bytes_give_a_thumbnail_or_a_reason_and_nothing_else(
    content: bytes, changes: list[tuple[int, int]]
) -> None:
    damaged = bytearray(content)
    for place, value in changes:
        damaged[place % len(damaged)] = value
    with contextlib.suppress(ImageError):
        read_facts(bytes(damaged))
    with contextlib.suppress(ImageError):
        assert max(opened(make_thumbnail(bytes(damaged), 16)).size) <= 16
