"""What a saved image tells of itself, as Pillow and `TaskImage.from_file` read it; the image stays as it was."""

from __future__ import annotations

import dataclasses
import io
import json
import os
import struct
import warnings
import zlib
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import ExifTags, Image, ImageCms, PngImagePlugin

from seedream_nb import TaskImage, open_image
from seedream_nb.core.errors import ImageError
from seedream_nb.core.foreign import read_text
from seedream_nb.images.exif import Exif
from seedream_nb.images.provenance import Provenance
from seedream_nb.images.saved_files import is_same_image, read_provenance, write_provenance
from tests.examples import examples

if TYPE_CHECKING:
    from pathlib import Path

MODEL = "doubao-seedream-4-0-250828"
ORIGIN = Provenance(
    prompt="a white siamese cat\n暹罗猫 & <b>قطة</b> 🐈",
    model=MODEL,
    size="2048x2048",
    seed=-7,
    task_id="84d1544a-9043-4dde-a98b-e889dacd75f6",
    index=2,
    created_at="2025-12-22T18:19:07+00:00",
)
FIELDS: dict[str, Any] = ORIGIN.to_fields()
FORMATS = pytest.mark.parametrize("image_format", ["JPEG", "PNG"])
TEXTS = st.text(st.characters(exclude_categories=()), max_size=80)
SEEDREAM = "{urn:seedream-nb:origin:1/}"


def sample(image_format: str = "JPEG", **options: object) -> bytes:
    image = Image.frombytes("RGB", (24, 16), bytes(range(256)) * 4 + bytes(128))
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def opened(content: bytes) -> Image.Image:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        image = Image.open(io.BytesIO(content))
        image.load()
    return image


def pixels(content: bytes) -> bytes:
    return opened(content).tobytes()


def from_sample(content: bytes, folder: Path) -> TaskImage:
    path = folder / "image"
    path.write_bytes(content)
    return open_image(path)


def exif_with(*entries: tuple[int, int, int, bytes], order: str = ">", rest: bytes = b"") -> bytes:
    """EXIF by hand: one directory at 8, the rest behind it."""
    fields = b"".join(struct.pack(f"{order}HHI", *entry[:3]) + entry[3] for entry in entries)
    head = struct.pack(f"{order}2sHI", b"MM" if order == ">" else b"II", 42, 8)
    return head + struct.pack(f"{order}H", len(entries)) + fields + bytes(4) + rest


def comment_exif(comment: bytes, order: str = ">") -> bytes:
    value = comment.ljust(5, b"\0")
    details = struct.pack(f"{order}HHHII", 1, 0x9286, 7, len(value), 44) + bytes(4) + value
    return exif_with((0x8769, 4, 1, struct.pack(f"{order}I", 26)), order=order, rest=details)


def jpeg_with(*segments: bytes) -> bytes:
    """A JPEG file with segments of the kind APP1 behind its head."""
    content = sample()
    head = 2 + 2 + struct.unpack(">H", content[4:6])[0]
    added = b"".join(b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment for segment in segments)
    return content[:head] + added + content[head:]


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_with(*chunks: bytes) -> bytes:
    content = sample("PNG")
    return content[:33] + b"".join(chunks) + content[33:]


def properties(xmp: bytes) -> dict[str, str]:
    """The properties of an XMP packet as an XML parser reads them."""
    root = ET.fromstring(xmp)  # noqa: S314  written by the code under test
    return {
        element.tag: "".join(element.itertext())
        for description in root.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description")
        for element in description
    }


@FORMATS
def test_a_marked_file_is_the_same_image_and_says_where_it_is_from(image_format: str, tmp_path: Path) -> None:
    content = sample(image_format)
    marked = write_provenance(content, ORIGIN)
    assert pixels(marked) == pixels(content)
    assert len(content) < len(marked) < len(content) + 4000
    assert is_same_image(marked, content)
    image = from_sample(marked, tmp_path)
    fields = {name: value for name, value in FIELDS.items() if name != "created_at"}
    assert image == TaskImage(**fields, data=marked, output_format=image_format.lower())
    assert image.raw == FIELDS


def test_photo_software_finds_it_in_the_exif_of_a_jpeg_file() -> None:
    exif = opened(write_provenance(sample(), ORIGIN)).getexif()
    details = exif.get_ifd(ExifTags.IFD.Exif)
    # Pillow takes the text for Latin-1, as the first edition of EXIF had it; everyone writes UTF-8.
    assert exif[ExifTags.Base.ImageDescription].encode("latin-1").decode() == ORIGIN.prompt
    assert exif[ExifTags.Base.Software] == MODEL
    assert details[ExifTags.Base.DateTimeOriginal] == "2025:12:22 18:19:07"
    assert details[ExifTags.Base.OffsetTimeOriginal] == "+00:00"
    assert details[ExifTags.Base.ExifVersion] == b"0232"
    code, comment = details[ExifTags.Base.UserComment][:8], details[ExifTags.Base.UserComment][8:]
    assert code == b"ASCII\0\0\0"
    assert json.loads(comment.decode("ascii")) == {"seedream_nb": FIELDS}


def test_software_finds_it_in_the_texts_of_a_png_file() -> None:
    image = opened(write_provenance(sample("PNG"), ORIGIN))
    assert isinstance(image, PngImagePlugin.PngImageFile)
    assert image.text.keys() == {"Description", "Software", "Creation Time", "seedream_nb", "XML:com.adobe.xmp"}
    assert image.text["Description"] == ORIGIN.prompt
    assert image.text["Software"] == MODEL
    assert image.text["Creation Time"] == ORIGIN.created_at
    assert json.loads(image.text["seedream_nb"]) == FIELDS
    assert "暹罗猫" in image.text["seedream_nb"]


@FORMATS
def test_photo_libraries_find_it_in_the_xmp(image_format: str) -> None:
    xmp = opened(write_provenance(sample(image_format), ORIGIN)).info["xmp"]
    assert properties(xmp) == {
        "{http://purl.org/dc/elements/1.1/}description": ORIGIN.prompt,
        "{http://ns.adobe.com/xap/1.0/}CreateDate": ORIGIN.created_at,
        "{http://ns.adobe.com/xap/1.0/}CreatorTool": MODEL,
        f"{SEEDREAM}taskId": ORIGIN.task_id,
        f"{SEEDREAM}size": "2048x2048",
        f"{SEEDREAM}seed": "-7",
    }


@FORMATS
def test_marking_twice_is_marking_once(image_format: str) -> None:
    for provenance in (ORIGIN, dataclasses.replace(ORIGIN, prompt="字" * 60_000)):
        marked = write_provenance(sample(image_format), provenance)
        assert write_provenance(sample(image_format), provenance) == marked
        assert write_provenance(marked, provenance) == marked


@FORMATS
def test_another_provenance_takes_the_place_of_the_first(image_format: str) -> None:
    other = dataclasses.replace(ORIGIN, task_id="another", seed=0)
    marked = write_provenance(write_provenance(sample(image_format), ORIGIN), other)
    assert read_provenance(marked) == other
    assert marked.count(b"Exif\0\0") == (image_format == "JPEG")
    assert marked.count(b"<?xpacket end") == 1


@FORMATS
def test_only_what_is_known_is_written(image_format: str) -> None:
    assert write_provenance(sample(image_format), Provenance(index=3)) == sample(image_format)
    marked = write_provenance(sample(image_format), Provenance(task_id="an-id"))
    assert read_provenance(marked) == Provenance(task_id="an-id")
    image = opened(marked)
    assert properties(image.info["xmp"]) == {f"{SEEDREAM}taskId": "an-id"}
    if image_format == "JPEG":
        assert set(image.getexif()) == {ExifTags.IFD.Exif}
        details = {ExifTags.Base.ExifVersion, ExifTags.Base.UserComment}
        assert set(image.getexif().get_ifd(ExifTags.IFD.Exif)) == details


@examples(150)
@example(prompt="\ud800 \0\x1b]>\ufffe\uffff &amp; ]]>", model="<m/>", task_id='"', seed=0, size="")
@given(prompt=TEXTS, model=TEXTS, task_id=TEXTS, size=TEXTS, seed=st.none() | st.integers(-(2**63) + 1, 2**63 - 1))
def test_any_text_comes_back_and_leaves_every_reader_well(
    *, prompt: str, model: str, task_id: str, size: str, seed: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    image = TaskImage(task_id, prompt=prompt, model=model, seed=seed, size=size)
    for image_format in ("JPEG", "PNG"):
        content = sample(image_format)
        marked = write_provenance(content, Provenance.of(image, None))
        assert pixels(marked) == pixels(content)
        back = from_sample(marked, tmp_path_factory.getbasetemp())
        # As the wire is read: without control characters and halves of surrogate pairs.
        expected = (read_text(prompt), read_text(task_id), read_text(model) or None, read_text(size) or "24x16")
        assert (back.prompt, back.task_id, back.model, back.size) == expected
        assert back.seed == seed
        if "xmp" in opened(marked).info:
            described = properties(opened(marked).info["xmp"]).get("{http://purl.org/dc/elements/1.1/}description", "")
            assert described == read_text(prompt).translate(dict.fromkeys((0xFFFE, 0xFFFF), "\ufffd"))


@pytest.mark.parametrize("character", ["a", "字", "🐈", "&", '"'])
def test_a_prompt_that_is_too_long_for_jpeg_is_cut(character: str, tmp_path: Path) -> None:
    provenance = dataclasses.replace(ORIGIN, prompt=character * 70_000)
    marked = write_provenance(sample(), provenance)
    assert pixels(marked) == pixels(sample())
    back = from_sample(marked, tmp_path)
    assert back.prompt == character * (len(back.prompt) - 1) + "…"
    assert len(back.prompt) > 3000
    assert back.seed == -7
    xmp = properties(opened(marked).info["xmp"])
    assert xmp["{http://purl.org/dc/elements/1.1/}description"].endswith("…")


def test_png_keeps_long_prompts_up_to_a_limit(tmp_path: Path) -> None:
    for length, kept in ((50_000, 50_000), (50_001, 50_001), (10**6, 50_001)):
        provenance = Provenance.of(TaskImage("i", prompt="字" * length), None)
        back = from_sample(write_provenance(sample("PNG"), provenance), tmp_path)
        assert len(back.prompt) == kept
        assert back.prompt.endswith("…") == (length > 50_000)


@pytest.mark.parametrize(
    "created_at",
    [
        datetime(2025, 12, 22, 18, 19, 7, 107_000, timezone.utc),
        datetime(2025, 12, 23, 2, 19, 7, tzinfo=timezone(timedelta(hours=8))),
        datetime(2025, 12, 22, 18, 19, 7),  # noqa: DTZ001  a date without a zone is the case
    ],
)
def test_the_date_is_utc_to_the_second(created_at: datetime) -> None:
    assert Provenance.of(TaskImage("i"), created_at).created_at == "2025-12-22T18:19:07+00:00"


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_is_written_as_its_standard_asks(order: str) -> None:
    """Behind the JFIF head; fields in the order of their tags; directories and long values at even places."""
    content = jpeg_with(b"Exif\0\0" + exif_with((0xC000, 1, 1, b"odd!"), order=order, rest=b"?"))
    for marked in (write_provenance(content, ORIGIN), write_provenance(sample(), ORIGIN)):
        assert marked.startswith(b"\xff\xd8\xff\xe0\0\x10JFIF\0")
        assert marked[20:22] == b"\xff\xe1"
        assert marked[24:30] == b"Exif\0\0"
        tiff = marked[30 : 22 + struct.unpack(">H", marked[22:24])[0]]
        sign = "<" if tiff.startswith(b"II") else ">"
        place = struct.unpack(f"{sign}I", tiff[4:8])[0]
        for _directory in range(2):
            assert place % 2 == 0
            count = struct.unpack_from(f"{sign}H", tiff, place)[0]
            fields = [struct.unpack_from(f"{sign}HHII", tiff, place + 2 + 12 * number) for number in range(count)]
            assert [field[0] for field in fields] == sorted({field[0] for field in fields})
            assert not [field for field in fields if field[2] > 4 and field[3] % 2]
            place = next((field[3] for field in fields if field[0] == 0x8769), 0)


@pytest.mark.parametrize("missing", range(20))
def test_exif_and_xmp_fill_a_segment_to_its_last_byte_and_no_further(missing: int) -> None:
    provenance = Provenance(prompt="x", task_id="i")
    smallest = len(opened(write_provenance(sample(), provenance)).info["exif"])
    padding = 65_533 - smallest - missing
    marked = write_provenance(jpeg_with(b"Exif\0\0" + exif_with(rest=bytes(padding - padding % 2))), provenance)
    assert pixels(marked) == pixels(sample())
    packet = FOREIGN_XMP + b" " * (65_533 - 29 - len(FOREIGN_XMP) - 400 + missing * 10)
    marked = write_provenance(jpeg_with(b"http://ns.adobe.com/xap/1.0/\0" + packet), provenance)
    assert pixels(marked) == pixels(sample())


@pytest.mark.parametrize("order", ["<", ">"])
def test_exif_of_the_original_stays(order: str) -> None:
    """All fields, those of unknown types and the maker's among them, and the embedded preview."""
    note = b"MAKERNOTE with \0 places of its own"
    preview = sample()
    #  8: main directory with 3 fields; 50: details with 1; 68: preview's directory with 2; 98: note, preview
    main = [(0x112, 3, 1, struct.pack(f"{order}HH", 6, 0)), (0xC000, 77, 1, b"odd!")]
    pointer = (0x8769, 4, 1, struct.pack(f"{order}I", 50))
    tiff = exif_with(*main[:1], pointer, *main[1:], order=order)[:-4] + struct.pack(f"{order}I", 68)
    tiff += struct.pack(f"{order}HHHII", 1, 0x927C, 7, len(note), 98) + bytes(4)
    tiff += struct.pack(f"{order}H", 2)
    tiff += struct.pack(f"{order}HHII", 0x201, 4, 1, 98 + len(note))
    tiff += struct.pack(f"{order}HHII", 0x202, 4, 1, len(preview)) + bytes(4) + note + preview
    content = jpeg_with(b"Exif\0\0" + tiff)
    marked = write_provenance(content, ORIGIN)
    assert read_provenance(marked) == ORIGIN
    exif = opened(marked).getexif()
    assert exif[ExifTags.Base.Orientation] == 6
    assert exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.MakerNote] == note
    assert exif.get_ifd(ExifTags.IFD.IFD1) == {0x201: 98 + len(note), 0x202: len(preview)}
    # What was there is there still, at its place, so that whatever points into it is right.
    written = opened(marked).info["exif"][6:]
    assert written[8 : len(tiff)] == tiff[8:]
    assert struct.pack(f"{order}HHI", 0xC000, 77, 1) + b"odd!" in written[len(tiff) :]
    assert marked.count(b"Exif\0\0") == 1
    assert opened(marked).size == opened(content).size


def test_fields_that_the_original_has_keep_their_values() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = "theirs"
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = "2001:01:01 00:00:00"
    marked = write_provenance(sample(exif=exif), ORIGIN)
    kept = opened(marked).getexif()
    assert kept[ExifTags.Base.ImageDescription] == "theirs"
    assert kept[ExifTags.Base.Software] == MODEL
    assert kept.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] == "2001:01:01 00:00:00"
    assert read_provenance(marked) == ORIGIN


@pytest.mark.parametrize(
    ("comment", "kept"),
    [
        (b'ASCII\0\0\0{"AIGC": {"Label": "1"}}', {"AIGC": {"Label": "1"}}),
        (b"UNICODE\0" + '{"AIGC": "标"}'.encode("utf-16-be"), {"AIGC": "标"}),
        (b"ASCII\0\0\0Steps: 20", {"comment": "Steps: 20"}),
        (bytes(8) + "猫".encode(), {"comment": "猫"}),
        (b"no code at all", {"comment": "no code at all"}),
        (b"ASCII\0\0\0" + b" " * 20, {}),
        (b"abc", {"comment": "abc"}),
    ],
)
def test_a_comment_of_the_original_stays_beside_the_provenance(comment: bytes, kept: dict[str, object]) -> None:
    marked = write_provenance(jpeg_with(b"Exif\0\0" + comment_exif(comment)), ORIGIN)
    written = Exif(opened(marked).info["exif"][6:]).read_comment()
    assert json.loads(written) == {**kept, "seedream_nb": FIELDS}
    assert read_provenance(marked) == ORIGIN


@pytest.mark.parametrize(
    "segments",
    [
        (b"Exif\0\0" + comment_exif(b"JIS\0\0\0\0\0\x83\x4c"),),
        (b"Exif\0\0" + b"garbage",),
        (b"Exif\0\0",),
        (b"Exif\0\0" + exif_with((0x8769, 4, 1, b"\x7f\xff\xff\xff")),),
        (b"Exif\0\0" + exif_with()[:-1],),
        (b"Exif\0\0" + exif_with(), b"Exif\0\0" + exif_with()),
        (b"Exif\0\0" + exif_with(rest=bytes(65_400)),),
    ],
)
def test_exif_that_cannot_be_added_to_stays_as_it_is(segments: tuple[bytes, ...]) -> None:
    content = jpeg_with(*segments)
    marked = write_provenance(content, ORIGIN)
    assert all(segment in marked for segment in segments)
    assert marked.count(b"Exif\0\0") == len(segments)
    assert b"seedream:taskId" in marked, "the XMP tells it all the same"
    assert read_provenance(marked) is None
    assert write_provenance(marked, ORIGIN) == marked


@FORMATS
def test_color_profile_and_resolution_of_the_original_stay(image_format: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    content = sample(image_format, icc_profile=profile, dpi=(300, 300))
    info = opened(write_provenance(content, ORIGIN)).info
    assert info["icc_profile"] == profile
    assert info["dpi"] == pytest.approx((300, 300), abs=0.1)


FOREIGN_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    '<rdf:Description rdf:about="" xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/" '
    'xmlns:xmp="http://ns.adobe.com/xap/1.0/">'
    "<TC260:AIGC>标</TC260:AIGC><xmp:CreatorTool>theirs</xmp:CreatorTool></rdf:Description></rdf:RDF></x:xmpmeta>"
).encode()


@FORMATS
def test_xmp_of_the_original_stays_and_is_added_to(image_format: str) -> None:
    text = b"XML:com.adobe.xmp" + bytes(5) + FOREIGN_XMP
    as_jpeg = jpeg_with(b"http://ns.adobe.com/xap/1.0/\0" + FOREIGN_XMP)
    content = as_jpeg if image_format == "JPEG" else png_with(chunk(b"iTXt", text))
    marked = write_provenance(content, ORIGIN)
    found = properties(opened(marked).info["xmp"])
    assert found["{http://www.tc260.org.cn/ns/AIGC/1.0/}AIGC"] == "标"
    assert found["{http://ns.adobe.com/xap/1.0/}CreatorTool"] == "theirs"
    assert found["{http://ns.adobe.com/xap/1.0/}CreateDate"] == ORIGIN.created_at
    assert found[f"{SEEDREAM}taskId"] == ORIGIN.task_id
    assert marked.count(b"</rdf:RDF>") == 1
    assert read_provenance(marked) == ORIGIN
    assert write_provenance(marked, ORIGIN) == marked


@FORMATS
@pytest.mark.parametrize("packet", [b"", b"no XML", FOREIGN_XMP.replace(b"rdf:", b"r:"), FOREIGN_XMP + b" " * 66_000])
def test_xmp_that_cannot_be_added_to_stays_as_it_is(packet: bytes, image_format: str) -> None:
    if image_format == "JPEG":
        content = jpeg_with(b"http://ns.adobe.com/xap/1.0/\0" + packet[:65_500])
    else:
        compressed = b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet)
        content = png_with(chunk(b"iTXt", compressed))
    marked = write_provenance(content, ORIGIN)
    assert opened(marked).info["xmp"] == opened(content).info["xmp"]
    assert read_provenance(marked) == ORIGIN


def test_texts_of_the_original_stay() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("Description", "theirs")
    texts.add_text("Software", "theirs too", zip=True)
    texts.add_itxt("prompt", "猫")
    marked = write_provenance(sample("PNG", pnginfo=texts), ORIGIN)
    image = opened(marked)
    assert isinstance(image, PngImagePlugin.PngImageFile)
    assert [image.text[key] for key in ("Description", "Software", "prompt")] == ["theirs", "theirs too", "猫"]
    assert image.text["Creation Time"] == ORIGIN.created_at
    assert read_provenance(marked) == ORIGIN


@pytest.mark.parametrize(
    "content",
    [
        sample("WEBP"),
        sample("GIF"),
        png_with(chunk(b"caBX", b"a signature")),
        jpeg_with().replace(b"\xff\xdb", b"\xff\xeb\0\x12JP\0\0\0\0\0\0jumbc2pa\xff\xdb", 1),
        b"",
        b"\xff\xd8",
        b"\x89PNG\r\n\x1a\n",
    ],
)
def test_other_and_signed_files_stay_as_they_are(content: bytes) -> None:
    assert write_provenance(content, ORIGIN) == content
    assert read_provenance(content) is None


@examples(300)
@given(
    start=st.sampled_from([b"\xff\xd8", b"\x89PNG\r\n\x1a\n", write_provenance(sample(), ORIGIN)[:1200]])
    | st.integers(0, 2000).map(lambda length: write_provenance(sample("PNG"), ORIGIN)[:length]),
    rest=st.lists(
        st.binary(max_size=60)
        | st.sampled_from([b"\xff\xe1", b"\xff\xda", b"Exif\0\0MM\0*", b"\0\0\0\x08IDAT", b"\0\0\0\x10iTXtseedream_nb"])
    ).map(b"".join),
)
def test_garbage_is_left_alone_and_never_a_crash(start: bytes, rest: bytes) -> None:
    content = start + rest
    marked = write_provenance(content, ORIGIN)
    assert is_same_image(content, marked)
    assert write_provenance(marked, ORIGIN) == marked
    read_provenance(content)


NESTED = b"[" * 100_000
HOSTILE_JSON = st.sampled_from(
    [
        *(b"{", b"[]", b"null", b'"x"', b'{"seed": 1e999}', b'{"prompt": ["x"], "seed": true, "index": -1}', NESTED),
        *(
            b'{"seed": ' + b"9" * 5000 + b"}",
            b'{"a":' * 50_000,
            b"\xff\xfe",
            b'{"prompt": "' + b"x" * 2_000_000 + b'"}',
        ),
    ]
)


@examples(200)
@given(text=st.binary(max_size=200) | HOSTILE_JSON, in_key=st.booleans(), order=st.sampled_from("<>"))
def test_foreign_origins_are_read_as_what_they_should_be_or_as_nothing(
    *, text: bytes, in_key: bool, order: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    wrapped = (b'{"seedream_nb": ' + text + b"}" if in_key else text)[:60_000]
    for content in (
        jpeg_with(b"Exif\0\0" + comment_exif(b"ASCII\0\0\0" + wrapped, order)),
        png_with(chunk(b"iTXt", b"seedream_nb" + bytes(5) + text)),
    ):
        image = from_sample(content, tmp_path_factory.getbasetemp())
        assert image.data == content
        assert isinstance(image.prompt, str)
        assert image.index >= 0
        assert image.seed is None or type(image.seed) is int


@examples(200)
@given(tiff=st.binary(max_size=120) | st.binary(max_size=80).map(lambda rest: b"MM\0*\0\0\0\x08" + rest))
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_foreign_exif_is_never_a_crash(tiff: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
    content = jpeg_with(b"Exif\0\0" + tiff)
    try:
        image = from_sample(content, tmp_path_factory.getbasetemp())
    except ImageError:
        return
    assert image.prompt == ""
    assert tiff in write_provenance(content, ORIGIN) or read_provenance(write_provenance(content, ORIGIN)) == ORIGIN


def test_an_endless_provenance_is_not_read(tmp_path: Path) -> None:
    for length, is_read in ((900_000, True), (1_100_000, False), (5_000_000, False)):
        text = b'{"prompt": "' + b"x" * length + b'"}'
        image = from_sample(png_with(chunk(b"iTXt", b"seedream_nb" + bytes(5) + text)), tmp_path)
        assert bool(image.prompt) is is_read


def test_a_compressed_provenance_is_not_unpacked(tmp_path: Path) -> None:
    bomb = zlib.compress(b'{"prompt": "x"}')
    content = png_with(chunk(b"iTXt", b"seedream_nb\0\1\0\0\0" + bomb))
    assert from_sample(content, tmp_path).prompt == ""


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
def test_a_file_without_provenance_has_its_size_and_format_alone(image_format: str, tmp_path: Path) -> None:
    content = sample(image_format)
    expected = TaskImage("", data=content, size="24x16", output_format=image_format.lower())
    image = from_sample(content, tmp_path)
    assert image == expected
    assert image.raw == {}
    assert image.is_good


def test_paths_are_taken_as_people_write_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / "字.png").write_bytes(sample("PNG"))
    assert open_image("~/字.png").size == open_image(str(tmp_path / "字.png")).size == "24x16"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("missing.png", r"Can't read .*missing\.png: No such file or directory\. Use the path"),
        ("a\0b", r"Can't read .*: .*null"),
        (".", r"is not a file\. Use the path of an image file"),
        ("pipe", r"pipe is not a file"),
        ("text.png", r"Can't open .*text\.png\. The file is not a JPEG, PNG, or WebP image\. Use a JPEG"),
        ("page.png", r"Can't open .*page\.png\. The file is a web page, not an image\."),
        ("half.jpg", r"Can't open .*half\.jpg\. The image is damaged"),
        ("huge.png", r"huge\.png is larger than 50 MB"),
        ("x" * 300, r"Can't read .*: File name too long"),
    ],
)
@pytest.mark.skipif(os.name == "nt", reason="Windows has other words, and no pipes among its files")
def test_what_is_no_image_is_told_in_one_sentence(name: str, sentence: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text.png").write_text("hello")
    (tmp_path / "page.png").write_text("<html>")
    (tmp_path / "half.jpg").write_bytes(sample(quality=100)[:900])
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(51 * 1024**2)
    with pytest.raises(ImageError, match=sentence):
        open_image(tmp_path / name)


@FORMATS
def test_the_same_image_is_known_whatever_is_told_of_it(image_format: str) -> None:
    content = sample(image_format)
    other = Image.new("RGB", (24, 16))
    buffer = io.BytesIO()
    other.save(buffer, image_format)
    marked = write_provenance(content, ORIGIN)
    assert is_same_image(marked, write_provenance(content, Provenance(task_id="x")))
    assert not is_same_image(marked, write_provenance(buffer.getvalue(), ORIGIN))
    assert not is_same_image(marked, b"")
