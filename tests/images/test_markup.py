"""Shapes are drawn where they are said to be, in any kind of image, and the marked copy is the same bytes each time."""

from __future__ import annotations

import io
import itertools
import json
import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from seedream_nb import ImageError, Markup, Task, TaskImage, TaskStatus, UsageError
from seedream_nb.images import markup_rendering
from seedream_nb.images.fetch import ImageFetcher
from seedream_nb.images.provenance import Provenance
from seedream_nb.images.saved_files import open_image, read_provenance, write_provenance
from seedream_nb.images.shapes import COLORS, MOST_SHAPES, Shape
from seedream_nb.images.thumbnails import decode_image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

SIZE = (800, 600)
GRAY = (120, 120, 120)
PER_MILLE = 2 / 1000


def encoded(image: Image.Image, image_format: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def plain(size: tuple[int, int] = SIZE) -> Image.Image:
    return Image.new("RGB", size, GRAY)


def pixels_of(image: Image.Image, color: str) -> NDArray[np.bool_]:
    """Where an image has a color of shapes."""
    wanted = np.frombuffer(bytes.fromhex(COLORS[color][1:]), np.uint8).astype(int)
    return np.asarray(np.abs(np.asarray(image.convert("RGB")).astype(int) - wanted).max(axis=2) <= 2)


def middles(drawn: NDArray[np.bool_]) -> list[float]:
    """The middle of each run of drawn pixels, in pixels from the edge."""
    places = np.flatnonzero(np.diff(np.concatenate([[0], drawn.astype(int), [0]])))
    return [(start + end) / 2 for start, end in zip(places[::2], places[1::2], strict=True)]


def simple_gray() -> Image.Image:
    return Image.linear_gradient("L").resize((64, 48))


class TestWhereShapesAre:
    @given(
        st.sampled_from([(800, 600), (333, 512), (1000, 90)]),
        st.tuples(st.floats(0.15, 0.4), st.floats(0.15, 0.4), st.floats(0.6, 0.95), st.floats(0.6, 0.95)),
        st.sampled_from(list(COLORS)),
    )
    def test_the_edges_of_a_box(
        self, size: tuple[int, int], edges: tuple[float, float, float, float], color: str
    ) -> None:
        (width, height), (left, top, right, bottom) = size, edges
        marked = Markup(plain(size)).box(left * width, top * height, right * width, bottom * height, color=color).image
        drawn = pixels_of(marked, color)
        # Across the middle, away from the number at the left top.
        across = middles(drawn[round((top + bottom) / 2 * height)])
        down = middles(drawn[:, round(right * width) - 30])
        assert across[0] == pytest.approx(left * width, abs=max(0.6, PER_MILLE * width))
        assert across[-1] == pytest.approx(right * width, abs=max(0.6, PER_MILLE * width))
        assert down[-1] == pytest.approx(bottom * height, abs=max(0.6, PER_MILLE * height))

    def test_the_tip_of_an_arrow(self) -> None:
        drawn = pixels_of(Markup(plain()).arrow((100, 500), (600, 300), color="blue").image, "blue")
        rows, columns = np.nonzero(drawn)
        tip = columns.argmax()
        assert columns[tip] == pytest.approx(600, abs=PER_MILLE * 800 + 2)
        assert rows[tip] == pytest.approx(300, abs=PER_MILLE * 600 + 2)

    def test_a_line_and_a_freehand_shape(self) -> None:
        points = [(100.0, 100.0), (500.0, 200.0), (300.0, 500.0)]
        for markup in (Markup(plain()).line(*points), Markup(plain()).freehand(points)):
            drawn = pixels_of(markup.image, "red")
            assert all(drawn[y, x] for x, y in [(300, 150), (500, 200), (400, 350), (300, 500)])
            assert not drawn[300, 200]

    @pytest.mark.parametrize("place", [(400, 300), (400, 2), (2, 300), (799, 599), (0, 0), (800, 600)])
    def test_the_tip_of_a_pin(self, place: tuple[int, int]) -> None:
        drawn = pixels_of(Markup(plain()).pin(*place, color="pink").image, "pink")
        rows, columns = np.nonzero(drawn)
        assert np.hypot(columns - place[0], rows - place[1]).min() <= 4
        assert np.hypot(columns - place[0], rows - place[1]).max() <= 60  # none of it anywhere else

    def test_text_begins_at_its_place(self) -> None:
        rows, columns = np.nonzero(pixels_of(Markup(plain()).text(200, 100, "HILL", color="cyan").image, "cyan"))
        assert 200 <= columns.min() <= 208
        assert 100 <= rows.min() <= 115
        assert rows.max() <= 100 + 40

    @pytest.mark.parametrize("text", ["at the right end", "放一盏灯在这里", "ضع مصباحا هنا", "word " * 99])
    def test_text_stays_within_the_image(self, text: str) -> None:
        marked = Markup(plain()).text(790, 595, text, color="cyan").image
        rows, columns = np.nonzero(pixels_of(marked, "cyan"))
        assert len(rows) > 50
        assert 0 < columns.max() < 800
        assert 0 < rows.max() < 600

    def test_fractions_are_the_same_as_pixels(self) -> None:
        relative = Markup(plain(), unit="relative").box(0.25, 0.5, 0.5, 1).line((0, 0), (1, 1)).pin(0.1, 0.1)
        assert relative == Markup(plain()).box(200, 300, 400, 600).line((0, 0), (800, 600)).pin(80, 60)

    @pytest.mark.parametrize("size", [(1, 1), (2, 300), (3000, 2), (16, 16)])
    def test_the_smallest_images(self, size: tuple[int, int]) -> None:
        width, height = size
        markup = (
            Markup(plain(size)).box(0, 0, width, height).arrow((0, 0), size, text="a label").pin(0, 0).text(0, 0, "x")
        )
        assert markup.image.size == size
        assert decode_image(markup.content).size == size


class TestImages:
    @pytest.mark.parametrize("orientation", range(1, 9))
    def test_the_orientation_of_the_file_counts(self, orientation: int) -> None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        content = encoded(Image.linear_gradient("L").resize((60, 40)).convert("RGB"), "JPEG", exif=exif, quality=95)
        upright = decode_image(content)
        markup = Markup(content).box(10, 10, 30, 30)
        assert markup.size == upright.size
        assert markup.image.size == upright.size
        sent = decode_image(markup.content)
        assert sent.size == upright.size
        difference = np.abs(np.asarray(sent).astype(int) - np.asarray(upright).astype(int))[
            :, 36 if upright.width == 40 else 40 :
        ]
        assert difference.max() <= 8  # away from the box, it is the image
        assert decode_image(markup.clean).size == upright.size
        assert (markup.clean == content) == (orientation == 1)

    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "P", "1", "I;16", "I", "CMYK", "YCbCr", "HSV", "PA"])
    def test_every_mode_of_pillow(self, mode: str) -> None:
        if mode in {"I;16", "I"}:
            image = Image.fromarray(np.asarray(simple_gray()).astype(np.uint16) * 257).convert(mode)
        elif mode == "PA":
            image = simple_gray().convert("P").convert("PA")
        else:
            image = simple_gray().convert("RGB").convert(mode)
        marked = Markup(image).box(20, 20, 50, 40).image
        assert marked.size == image.size
        assert pixels_of(marked, "red").sum() > 50
        # What is not covered is as it was: the gradient goes from dark to light.
        gray = np.asarray(marked.convert("L"))
        assert gray[1, 5] < 20
        assert gray[46, 60] > 200

    def test_transparent_parts_stay(self) -> None:
        markup = Markup(Image.new("RGBA", (100, 100), (0, 0, 0, 0))).line((50, 90), (90, 90))
        assert markup.image.mode == "RGBA"
        sent = Image.open(io.BytesIO(markup.content))
        assert sent.format == "PNG"
        assert sent.getpixel((5, 5)) == (0, 0, 0, 0)
        assert sent.getpixel((75, 90)) == (228, 3, 18, 255)

    def test_a_palette_with_transparency(self) -> None:
        image = Image.new("P", (50, 50), 0)
        image.putpalette([0, 0, 0, 255, 255, 255])
        marked = Markup(encoded(image, transparency=0)).box(10, 10, 40, 40).image
        assert np.asarray(marked)[5, 45, 3] == 0

    def test_a_jpeg_stays_one_and_a_png_too(self) -> None:
        for image_format in ("JPEG", "PNG"):
            content = Markup(encoded(plain(), image_format)).box(10, 10, 40, 40).content
            assert Image.open(io.BytesIO(content)).format == image_format

    def test_only_a_profile_of_rgb_colors_is_sent(self) -> None:
        for space, is_kept in ((b"RGB ", True), (b"GRAY", False), (b"CMYK", False)):
            profile = bytes(16) + space + bytes(200)
            content = Markup(encoded(plain(), "JPEG", icc_profile=profile)).pin(50, 50).content
            assert (Image.open(io.BytesIO(content)).info.get("icc_profile") == profile) is is_kept

    def test_where_an_image_comes_from(self, tmp_path: Path) -> None:
        content = encoded(plain())
        path = tmp_path / "a.png"
        path.write_bytes(content)
        image = TaskImage("task-1", 2, data=content)
        task = Task("task-1", TaskStatus.SUCCEEDED, (image,))
        images: list[object] = [content, path, str(path), image, [image], task]
        for one in images:
            assert Markup(one).original == content
        assert [Markup(one).source for one in images] == [None, None, None, image, image, image]
        assert Markup(plain()).size == SIZE

    def test_a_link_is_fetched(self) -> None:
        class Fetcher(ImageFetcher):
            def fetch(self, image: TaskImage, **_: object) -> bytes:
                return encoded(plain(), comment=image.url or "")

        image = TaskImage("task-1", url="https://example.org/a.png")
        assert Markup(image, fetcher=Fetcher()).source == image
        assert Markup("https://example.org/a.png", fetcher=Fetcher()).size == SIZE

    def test_what_is_no_image_is_rejected(self) -> None:
        two = [TaskImage("task-1", place, data=encoded(plain())) for place in range(2)]
        for image, message in (
            (two, "one image, not 2"),
            (Task("task-1", TaskStatus.SUCCEEDED, tuple(two)), "2 images"),
            ([], "empty"),
            (None, "NoneType"),
            ("missing.png", "missing.png"),
            (Markup(plain()), "already a Markup"),
        ):
            with pytest.raises(UsageError, match=message):
                Markup(image)
        with pytest.raises(ImageError):
            Markup(b"not an image")


class TestBytes:
    def test_the_same_markup_gives_the_same_bytes(self) -> None:
        def draw() -> Markup:
            return (
                Markup(plain()).box(10, 20, 300, 400, text="放").arrow((1, 1), (500, 500), color="blue").pin(9.999, 9)
            )

        first, second = draw(), draw()
        assert first.content == second.content
        assert first == second
        assert hash(first) == hash(second)
        assert pickle.loads(pickle.dumps(first)).content == first.content  # noqa: S301  its own
        assert Markup.from_json(plain(), first.to_json()).content == first.content
        assert draw().box(1, 1, 9, 9).content != first.content

    def test_the_copy_names_its_parent_and_nothing_else(self) -> None:
        told = Provenance("a secret prompt", "a model", "1K", 7, "task-1", 3, "2026-01-01T00:00:00+00:00")
        for image_format in ("JPEG", "PNG"):
            content = write_provenance(encoded(plain(), image_format), told)
            for image in (content, TaskImage("task-1", 3, data=content, prompt="a secret prompt")):
                sent = Markup(image).box(10, 10, 90, 90).content
                assert read_provenance(sent) == Provenance(task_id="task-1", index=3)
                assert b"secret" not in sent
        assert read_provenance(Markup(plain()).box(10, 10, 90, 90).content) is None

    def test_a_saved_image_is_known_again(self, tmp_path: Path) -> None:
        path = tmp_path / "saved.jpg"
        path.write_bytes(write_provenance(encoded(plain(), "JPEG"), Provenance(task_id="task-1", index=1)))
        for image in (path, open_image(path), path.read_bytes()):
            source = Markup(image).source
            assert source is not None
            assert (source.task_id, source.index) == ("task-1", 1)

    def test_without_shapes_the_original_is_sent(self) -> None:
        content = encoded(plain(), "JPEG", comment=b"as it is")
        assert Markup(content).content == content
        assert Markup(content).box(10, 10, 90, 90).clean == content

    def test_a_large_copy_loses_quality_but_no_pixels(self, monkeypatch: pytest.MonkeyPatch) -> None:
        noise = Image.effect_noise((300, 200), 90).convert("RGB")
        sizes = []
        for limit in (10_000_000, 100_000, 40_000):
            monkeypatch.setattr(markup_rendering, "MOST_BYTES", limit)
            markup = Markup(noise).box(30, 40, 250, 150)
            sizes.append(len(markup.content))
            assert sizes[-1] <= limit
            sent = Image.open(io.BytesIO(markup.content))
            assert (sent.size, sent.format) == ((300, 200), "PNG" if limit == 10_000_000 else "JPEG")
        assert sizes == sorted(sizes, reverse=True)
        monkeypatch.setattr(markup_rendering, "MOST_BYTES", 1000)
        with pytest.raises(ImageError, match="300 x 200 pixels exceeds 10 MB"):
            _ = Markup(noise).box(30, 40, 250, 150).content

    def test_a_large_transparent_copy_is_shown_on_white(self, monkeypatch: pytest.MonkeyPatch) -> None:
        noise = Image.effect_noise((300, 200), 90).convert("RGBA")
        noise.putalpha(Image.linear_gradient("L").resize((300, 200)))
        monkeypatch.setattr(markup_rendering, "MOST_BYTES", 50_000)
        sent = Image.open(io.BytesIO(Markup(noise).pin(150, 100).content))
        assert sent.format == "JPEG"
        assert np.asarray(sent)[1, 280].min() > 240


points = st.tuples(st.integers(0, SIZE[0]), st.integers(0, SIZE[1]))
colors = st.sampled_from(list(COLORS))
labels = st.text(max_size=20)


@st.composite
def markups(draw: st.DrawFn) -> Markup:
    markup = BLANK
    for _ in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(["arrow", "line", "freehand", "pin", "text", "box", "remove"]))
        color, text = draw(colors), draw(labels)
        place = draw(points)
        away = (min(799, place[0] + draw(st.integers(2, 99))), 600 - place[1] / 7)
        if kind == "remove" and markup.shapes:
            markup = markup.remove(markup.shapes[0].number)
        elif kind == "pin":
            markup = markup.pin(*place, color=color, text=text)
        elif kind == "text":
            markup = markup.text(*place, f"x{text}", color=color)
        elif kind == "box":
            markup = markup.box(1.25, 3, place[0] / 2 + 50, 590, color=color, text=text)
        elif kind in {"arrow", "line"}:
            end = (800 - place[0], (place[1] + 300) % 600)
            markup = getattr(markup, kind)(place, end, color=color, text=text)
        else:
            markup = markup.freehand([place, away, (5, 5), (0, 600)], color=color, text=text)
    return markup


BLANK = Markup(plain())


class TestJson:
    @given(markups())
    def test_what_is_written_is_read(self, markup: Markup) -> None:
        read = Markup.from_json(plain(), markup.to_json())
        assert read == markup
        assert read.to_json() == markup.to_json()
        assert Markup.from_json(markup, json.loads(markup.to_json())).shapes == markup.shapes

    def test_the_format(self) -> None:
        markup = Markup(plain()).box(1, 2.5, 30, 40, text="a sofa").text(5, 6, "here", color="blue")
        assert json.loads(markup.to_json()) == [
            {"kind": "box", "color": "red", "points": [[1, 2.5], [30, 40]], "text": "a sofa", "number": 1},
            {"kind": "text", "color": "blue", "points": [[5, 6]], "text": "here", "number": 2},
        ]

    def test_what_may_be_missing(self) -> None:
        read = Markup.from_json(plain(), [{"kind": "pin", "points": [[5, 6]]}, {"kind": "pin", "points": ((7, 8),)}])
        assert read.shapes == (Shape("pin", ((5, 6),)), Shape("pin", ((7, 8),), number=2))

    @pytest.mark.parametrize(
        ("shapes", "message"),
        [
            ("{", "not a JSON list"),
            ("3", "not a JSON list"),
            ("{}", "not a JSON list"),
            ([3], "Shape 1 of 1: A shape must be a mapping"),
            ([{"kind": "star", "points": [[1, 1]]}], "'star' is not a kind"),
            ([{"kind": "pin", "points": [[1, 1]], "color": "mauve"}], "'mauve' is not a markup color"),
            ([{"kind": "pin", "points": [[1, 1]], "color": []}], "is not a markup color"),
            ([{"kind": [], "points": [[1, 1]]}], "is not a kind"),
            ([{"kind": "pin", "points": [[1]]}], "pair of numbers"),
            ([{"kind": "pin", "points": 5}], "must be a list"),
            ([{"kind": "pin", "points": ["ab"]}], "pair of numbers"),
            ([{"kind": "pin", "points": [[None, 1]]}], "pair of numbers"),
            ([{"kind": "pin", "points": [["1", "2"]]}], "pair of numbers"),
            ([{"kind": "pin", "points": [[1e400, 1]]}], "pair of numbers"),
            ([{"kind": "pin", "points": []}], "A pin needs 1 point, not 0"),
            ([{"kind": "pin", "points": [[1, 1]], "number": 0}], "from 1 to"),
            ([{"kind": "pin", "points": [[1, 1]], "number": True}], "from 1 to"),
            ([{"kind": "pin", "points": [[1, 1]], "text": 5}], "text of a shape"),
            ([{"kind": "pin", "points": [[1, 1]], "shade": "red"}], "no field 'shade'"),
            (
                [{"kind": "pin", "points": [[1, 1]]}, {"kind": "pin", "points": [[1, 1]], "number": 1}],
                "Shape 2 of 2: The number 1 is used twice",
            ),
            ([{"kind": "pin", "points": [[801, 1]]}], "x = 801 is outside of the image, which is 800 x 600 pixels"),
        ],
    )
    def test_what_is_wrong_is_named(self, shapes: object, message: str) -> None:
        with pytest.raises(UsageError, match=message):
            Markup.from_json(BLANK, shapes)  # type: ignore[arg-type]  # what is wrong on purpose


class TestOrders:
    def test_numbers_and_words(self) -> None:
        markup = BLANK.box(1, 1, 50, 50).arrow((0, 0), (90, 90), color="blue").line((0, 0), (9, 9)).pin(5, 5)
        markup = markup.freehand([(0, 0), (5, 5)], color="green").text(1, 1, "a lamp", color="cyan")
        assert markup.words == {
            1: "in the red box 1",
            2: "where the blue arrow 2 points",
            3: "along the red line 3",
            4: "at the red pin 4",
            5: "at the green drawing 5",
            6: 'at the cyan text "a lamp"',
        }
        assert markup.shape(2).name == "blue arrow 2"
        fewer = markup.remove(2)
        assert list(fewer.words) == [1, 3, 4, 5, 6]
        assert fewer.pin(1, 1).shapes[-1].number == 7
        assert fewer.undo() == markup
        assert markup.undo().undo().words == dict(list(markup.words.items())[:4])

    def test_a_markup_is_not_changed(self) -> None:
        before = BLANK.box(1, 1, 50, 50)
        content = before.content
        before.pin(5, 5)
        before.remove(1)
        assert [shape.name for shape in before.shapes] == ["red box 1"]
        assert before.content == content

    def test_the_corners_of_a_box_in_any_order(self) -> None:
        assert BLANK.box(50, 60, 10, 20) == BLANK.box(10, 20, 50, 60)

    def test_coordinates_of_boxes_for_layers(self) -> None:
        markup = BLANK.pin(1, 1).box(80, 60, 400, 600).box(0, 0, 800, 1, text="a thin line")
        assert markup.bbox_words == {2: "<bbox>100 100 500 1000</bbox>", 3: "a thin line <bbox>0 0 1000 2</bbox>"}

    @pytest.mark.parametrize(
        ("order", "message"),
        [
            (lambda markup: markup.box(0, 0, 801, 5), "x = 801 is outside of the image, which is 800 x 600 pixels."),
            (lambda markup: markup.box(0, -1, 80, 5), "y = -1 is outside"),
            (lambda markup: markup.box(5, 5, 5, 50), "covers less than a pixel"),
            (lambda markup: markup.box(0.1, 0.1, 0.5, 0.5), "covers less than a pixel"),
            (lambda markup: markup.pin(0.5, 0.5), "covers less than a pixel"),
            (lambda markup: markup.arrow((5, 5), (5, 5)), "covers less than a pixel"),
            (lambda markup: markup.line((5, 5)), "A line needs 2 to 20,000 points, not 1"),
            (lambda markup: markup.freehand([]), "A freehand shape needs 2 to 20,000 points, not 0"),
            (lambda markup: markup.freehand("points"), "list of"),
            (lambda markup: markup.pin(float("nan"), 5), "pair of numbers"),
            (lambda markup: markup.pin("5", 5), "pair of numbers"),
            (lambda markup: markup.text(5, 5, " \n"), "empty"),
            (lambda markup: markup.text(5, 5, "x" * 501), "at most 500 characters"),
            (lambda markup: markup.pin(5, 5, color="crimson"), "'crimson' is not a markup color"),
            (lambda markup: markup.remove(3), "No shape has the number 3"),
            (lambda markup: markup.undo(), "nothing to undo"),
            (lambda _: Markup(plain(), unit="relative").pin(5, 0.5), "x = 5 is outside .* from 0 to 1"),
            (lambda _: Markup(plain(), unit="percent"), "pixels or relative"),  # type: ignore[arg-type]  # on purpose
        ],
    )
    def test_what_is_wrong_is_said_in_a_sentence(self, order: object, message: str) -> None:
        with pytest.raises(UsageError, match=message) as caught:
            order(Markup(plain()))  # type: ignore[operator]  # one of the above
        assert caught.value.message.count(". ") == 0

    def test_no_more_shapes_than_can_be_told_apart(self) -> None:
        markup = Markup.from_json(BLANK, [{"kind": "pin", "points": [[1, 1]]}] * MOST_SHAPES)
        with pytest.raises(UsageError, match="at most"):
            markup.pin(1, 1)
        assert markup.remove(7).pin(1, 1).shapes[-1].number == 7


class TestColors:
    @pytest.mark.parametrize(
        "seen",
        [
            # Machado, Oliveira, Fernandes 2009, severity 1.0, for linear RGB.
            ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
            ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
            ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
            ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
        ],
        ids=["typical", "protanopia", "deuteranopia", "tritanopia"],
    )
    def test_colors_differ_for_everybody(self, seen: tuple[tuple[float, ...], ...]) -> None:
        colors = {name: lab(np.array(seen) @ linear(color)) for name, color in COLORS.items()}
        differences = {
            pair: np.linalg.norm(colors[pair[0]] - colors[pair[1]]) for pair in itertools.combinations(colors, 2)
        }
        assert len(COLORS) == 6
        assert min(differences.values()) > 25  # a difference of 2 can be seen

    @pytest.mark.parametrize("background", ["white", "black", *COLORS.values(), "#808080"])
    def test_shapes_are_seen_on_any_background(self, background: str) -> None:
        for color in COLORS:
            marked = np.asarray(
                Markup(Image.new("RGB", (300, 200), background)).line((50, 150), (250, 150), color=color).image
            )
            across = [luminance(pixel / 255) + 0.05 for pixel in marked[140:160, 150].astype(float)]
            assert max(across) / min(across) > 3  # WCAG 2.2, 1.4.11: graphical objects


def linear(color: str) -> NDArray[np.float64]:
    parts = np.frombuffer(bytes.fromhex(color[1:]), np.uint8) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def luminance(pixel: NDArray[np.float64]) -> float:
    straight = np.where(pixel <= 0.04045, pixel / 12.92, ((pixel + 0.055) / 1.055) ** 2.4)
    return float(straight @ [0.2126, 0.7152, 0.0722])


def lab(color: NDArray[np.float64]) -> NDArray[np.float64]:
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ np.clip(color, 0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


class TestDisplay:
    def test_a_preview_with_a_description(self) -> None:
        bundle = Markup(plain((1200, 600))).box(10, 10, 900, 500).text(5, 5, "<b>'\"")._repr_mimebundle_()
        assert 'alt="marked copy with red box 1, red text &quot;&lt;b&gt;' in bundle["text/html"]
        assert 'width="512" height="256"' in bundle["text/html"]
        assert bundle["text/plain"].startswith("<Markup: 1200\u00d7600, red box 1, red text")
        assert bundle == Markup(plain((1200, 600))).box(10, 10, 900, 500).text(5, 5, "<b>'\"")._repr_mimebundle_()
