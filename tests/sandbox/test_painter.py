from __future__ import annotations

import hashlib
import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

import seedream_nb
from seedream_nb.sandbox.painter import _SCENES, Layer, decompose, encode, paint, paint_cutout, paint_layers, restyle
from seedream_nb.sandbox.painting.theme import read_theme
from tests.examples import examples

PROMPTS = {
    "cat": "a white siamese cat",
    "mountains": "misty mountains at dawn",
    "sea": "the sea",
    "forest": "a quiet forest",
    "city": "a city skyline",
    "flowers": "a garden full of flowers",
    "space": "a planet with rings",
    "abstract": "the sound of one hand clapping",
}
SIZES = [(16, 16), (1, 1), (400, 100), (16, 900), (900, 16), (333, 127)]


def _fingerprint(image: Image.Image) -> str:
    return hashlib.sha256(image.tobytes()).hexdigest()


def _likeness(first: Image.Image, second: Image.Image) -> float:
    tiny = [np.asarray(image.convert("L").resize((32, 32)), dtype=np.float64).ravel() for image in (first, second)]
    return float(np.corrcoef(tiny[0], tiny[1])[0, 1])


def _composed(layers: list[Layer]) -> Image.Image:
    whole = layers[0].image.convert("RGBA")
    for layer in layers[1:]:
        whole.alpha_composite(layer.image, layer.box[:2])
    return whole.convert("RGB")


def _bytes_elsewhere(hash_seed: str) -> str:
    program = (
        "import hashlib; from seedream_nb.sandbox.painter import encode, paint;"
        "print(hashlib.sha256(encode(paint('a white siamese cat', 96, 64, index=2), 'jpeg')).hexdigest())"
    )
    environment = {"PYTHONHASHSEED": hash_seed, "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(seedream_nb.__file__).parents[1],
        env=environment,
        capture_output=True,
        check=True,
        text=True,
    )
    return done.stdout.strip()


@pytest.mark.parametrize(("subject", "prompt"), PROMPTS.items(), ids=PROMPTS)
def test_each_subject_is_recognized_and_painted_with_contrast(subject: str, prompt: str) -> None:
    assert read_theme(prompt).subject == subject
    image = paint(prompt, 160, 120)
    assert (image.mode, image.size) == ("RGB", (160, 120))
    assert np.asarray(image.convert("L")).std() > 10


def test_every_subject_has_a_prompt_here() -> None:
    assert set(_SCENES) == set(PROMPTS)


@pytest.mark.parametrize(
    ("prompt", "subject"),
    [("一只白色的猫", "cat"), ("山水", "mountains"), ("大海", "sea"), ("夜", "mountains"), ("concatenate", "abstract")],
)
def test_chinese_words_count_and_english_words_count_only_whole(prompt: str, subject: str) -> None:
    assert read_theme(prompt).subject == subject


def test_another_process_with_another_hash_seed_gives_the_same_bytes() -> None:
    here = hashlib.sha256(encode(paint("a white siamese cat", 96, 64, index=2), "jpeg")).hexdigest()
    assert _bytes_elsewhere("1") == here


@pytest.mark.slow
def test_threads_paint_what_one_thread_paints() -> None:
    prompts = ["a cat", "a city", "the sea", "waves of thought"] * 2
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda prompt: _fingerprint(paint(prompt, 80, 80)), prompts))
    assert together == [_fingerprint(paint(prompt, 80, 80)) for prompt in prompts[:4]] * 2


@pytest.mark.slow
@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_the_same_arguments_give_the_same_bytes_and_index_and_seed_vary_them(prompt: str) -> None:
    first, again = paint(prompt, 80, 80), paint(prompt, 80, 80)
    assert encode(first, "jpeg") == encode(again, "jpeg")
    assert encode(first, "png") == encode(again, "png")
    variations = [first, paint(prompt, 80, 80, index=1), paint(prompt, 80, 80, seed=7)]
    assert len({_fingerprint(image) for image in variations}) == 3
    difference = np.abs(np.asarray(variations[0], dtype=int) - np.asarray(variations[1], dtype=int))
    assert difference.mean() > 6


def test_the_prompt_varies_the_image_even_within_a_subject() -> None:
    prompts = ["a cat", "a cat on a roof", "a dream", "another dream", ""]
    assert len({_fingerprint(paint(prompt, 64, 64)) for prompt in prompts}) == len(prompts)


@pytest.mark.parametrize(("word", "channel"), [("red", 0), ("green", 1), ("blue", 2)])
def test_color_words_shift_the_colors(word: str, channel: int) -> None:
    average = np.asarray(paint(f"{word} dreams", 96, 96), dtype=float).mean(axis=(0, 1))
    plain = np.asarray(paint("grey dreams", 96, 96), dtype=float).mean(axis=(0, 1))
    assert average[channel] / average.sum() > plain[channel] / plain.sum() + 0.015


def test_fur_follows_the_prompt() -> None:
    middle = (90, 110, 110, 135)
    black, white = (
        np.asarray(paint_cutout(prompt, 200, 200).crop(middle).convert("L"), dtype=float).mean()
        for prompt in ("a black cat", "a white cat")
    )
    assert white > black + 60


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("prompt", ["a cat", "a planet", "mountains"])
def test_images_have_exactly_the_requested_size(prompt: str, size: tuple[int, int]) -> None:
    assert paint(prompt, *size).size == size


def test_an_image_of_another_size_is_the_same_image() -> None:
    for prompt in ("a cat", "mountains", "a planet", "waves of thought"):
        assert _likeness(paint(prompt, 128, 128), paint(prompt, 400, 400)) > 0.95


@examples(15)
@given(
    prompt=st.text(max_size=40) | st.text(st.characters(), max_size=8),
    width=st.integers(1, 90),
    height=st.integers(1, 90),
    index=st.integers(0, 20),
)
def test_any_prompt_and_size_gets_an_image(prompt: str, width: int, height: int, index: int) -> None:
    assert paint(prompt, width, height, index=index).size == (width, height)


def test_lone_surrogates_in_a_prompt_are_accepted() -> None:
    assert paint("broken \ud800 text", 32, 32).size == (32, 32)


def test_the_mark_is_in_the_lower_right_corner_with_the_given_text() -> None:
    plain = paint("the sea", 300, 300, watermark_text=" ")
    marked, other = paint("the sea", 300, 300), paint("the sea", 300, 300, watermark_text="draft")
    box = ImageChops.difference(plain, marked).getbbox()
    assert box is not None
    left, top, right, bottom = box
    assert left > 150
    assert top > 225
    assert right <= 300
    assert bottom <= 300
    assert (right - left) * (bottom - top) < 300 * 300 * 0.03
    assert ImageChops.difference(marked, other).getbbox() is not None


@pytest.mark.parametrize(("output_format", "name"), [("jpeg", "JPEG"), ("png", "PNG")])
@pytest.mark.parametrize("transparent", [False, True])
def test_encoded_images_have_their_format(
    output_format: Literal["jpeg", "png"], name: str, *, transparent: bool
) -> None:
    image = paint_cutout("a cat", 120, 90) if transparent else paint("a cat", 120, 90)
    with Image.open(io.BytesIO(encode(image, output_format))) as opened:
        opened.load()
        assert (opened.format, opened.size) == (name, (120, 90))
        if name == "PNG":
            assert opened.mode == image.mode
            assert opened.tobytes() == image.tobytes()


def test_transparency_becomes_white_in_a_jpeg() -> None:
    with Image.open(io.BytesIO(encode(Image.new("RGBA", (16, 16), (0, 0, 0, 0)), "jpeg"))) as opened:
        assert opened.getpixel((8, 8)) == (255, 255, 255)


@pytest.mark.slow
def test_a_large_jpeg_is_as_large_as_those_of_the_service() -> None:
    assert 300_000 < len(encode(paint("a white siamese cat", 2048, 2048), "jpeg")) < 750_000


@pytest.mark.parametrize("prompt", ["a cat", "the sea", "a planet", "waves of thought"])
def test_layers_match_their_boxes_and_compose_the_image(prompt: str) -> None:
    layers = paint_layers(prompt, 240, 160, 3)
    assert [layer.z_index for layer in layers] == [0, 1, 2, 3]
    assert (layers[0].image.mode, layers[0].box) == ("RGB", (0, 0, 240, 160))
    for layer in layers[1:]:
        left, top, right, bottom = layer.box
        assert 0 <= left < right <= 240
        assert 0 <= top < bottom <= 160
        assert (layer.image.mode, layer.image.size) == ("RGBA", (right - left, bottom - top))
        assert layer.name
        assert layer.description
    whole, flat = (np.asarray(image, dtype=int) for image in (_composed(layers), paint(prompt, 240, 160)))
    assert np.abs(whole - flat).mean() < 4  # only the upper layers' grain and the mark differ


@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 5, 16])
def test_the_number_of_layers_is_as_requested(count: int) -> None:
    assert len(paint_layers("a cat", 64, 64, count)) == count + 1
    assert len(decompose(paint("a cat", 64, 64), 64, 64, count)) == count + 1


def test_a_decomposed_image_can_be_composed_again() -> None:
    source = paint("flowers", 200, 200)
    layers = decompose(source, 160, 120, 4)
    assert layers[0].image.size == (160, 120)
    whole = _composed(layers)
    cropped = source.crop((0, 25, 200, 175)).resize((160, 120))
    assert np.abs(np.asarray(whole, dtype=int) - np.asarray(cropped, dtype=int)).mean() < 12
    assert any(
        layer.box != (0, 0, 160, 120) or layer.image.getchannel("A").getextrema()[0] == 0 for layer in layers[1:]
    )


@pytest.mark.slow
@pytest.mark.parametrize("prompt", ["make it night", "as a monochrome etching", "neon"])
def test_an_edit_keeps_the_composition_and_changes_the_colors(prompt: str) -> None:
    source, stranger = paint("a white siamese cat", 256, 256), paint("a city at night", 256, 256)
    edited = restyle(source, prompt, 256, 256)
    assert (edited.mode, edited.size) == ("RGB", (256, 256))
    assert _likeness(edited, source) > 0.8
    assert _likeness(edited, source) > abs(_likeness(edited, stranger)) + 0.2
    assert np.abs(np.asarray(edited, dtype=int) - np.asarray(source, dtype=int)).mean() > 8


def test_edits_differ_by_index_and_prompt_but_not_by_run() -> None:
    source = paint("the sea", 128, 128)
    edits = [restyle(source, "red", 96, 64), restyle(source, "red", 96, 64, index=1), restyle(source, "blue", 96, 64)]
    assert len({_fingerprint(edit) for edit in edits}) == 3
    assert _fingerprint(restyle(source, "red", 96, 64)) == _fingerprint(edits[0])


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "F"])
def test_a_source_of_any_mode_can_be_edited_and_decomposed(mode: str) -> None:
    source = Image.new("L", (40, 30), 90) if mode in {"I;16", "F"} else paint("a cat", 40, 30)
    source = source.convert("I").convert(mode) if mode == "I;16" else source.convert(mode)
    before = source.tobytes()
    assert restyle(source, "blue", 24, 24).size == (24, 24)
    assert len(decompose(source, 24, 24, 2)) == 3
    assert source.tobytes() == before


@pytest.mark.parametrize("prompt", ["a white siamese cat", "flowers", "a city"])
def test_a_cutout_is_opaque_on_its_subject_and_empty_around_it(prompt: str) -> None:
    cutout = paint_cutout(prompt, 200, 200)
    assert (cutout.mode, cutout.size) == ("RGBA", (200, 200))
    alpha = np.asarray(cutout.getchannel("A"))
    assert (alpha[:8, :8] == 0).all()
    assert 0.1 < (alpha == 255).mean() < 0.8
    assert (alpha == 0).mean() > 0.15
