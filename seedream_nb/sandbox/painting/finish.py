"""The last steps, the same for every image: full size, grain, mark, file."""

import io
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

_WORK_PIXELS = 1_250_000  # shapes are painted at this many pixels at most, or at a quarter of a larger image's
_FEWEST_PIXELS = 50_000  # and at least at this many, so that small images are scaled down from a clean one
_LONGEST_SIDE = 4096
_TILE = 512
_GRAIN = 3.0  # standard deviation, of 255
_JPEG_QUALITY = 89
_PNG_LEVEL = 2


def work_size(width: int, height: int) -> tuple[int, int]:
    """Return the size of the canvas for an image of the given size in pixels; `enlarge` does the rest."""
    pixels = width * height
    wanted = min(max(pixels, _FEWEST_PIXELS), max(_WORK_PIXELS, pixels // 4))
    factor = (wanted / pixels) ** 0.5
    if factor > 1:
        factor = max(1.0, min(factor, _LONGEST_SIDE / max(width, height)))
    return max(2, round(width * factor)), max(2, round(height * factor))


def enlarge(image: Image.Image, width: int, height: int) -> Image.Image:
    """Resize a canvas to its final size."""
    if image.size == (width, height):
        return image
    return image.resize((width, height), Image.Resampling.BICUBIC if width > image.width else Image.Resampling.LANCZOS)


@lru_cache(maxsize=1)
def _grain_tile() -> NDArray[np.int16]:
    rng = np.random.Generator(np.random.PCG64(20260101))
    speck = np.clip(np.rint(rng.normal(0.0, _GRAIN, (_TILE, _TILE))), -40, 40).astype(np.int16)
    tile = np.repeat(speck, 3, axis=1)  # the same value for red, green and blue, which are interleaved
    tile.setflags(write=False)
    return tile


def add_grain(image: Image.Image) -> Image.Image:
    """Return an RGB image with fine film grain, which hides banding in gradients."""
    width, height = image.size
    values = np.array(image).reshape(height, width * 3)
    grain = np.tile(_grain_tile(), (1, -(-width // _TILE)))[:, : width * 3]
    for top in range(0, height, _TILE):
        band = values[top : top + _TILE]
        grained = band + grain[: len(band)]
        np.clip(grained, 0, 255, out=grained)
        band[...] = grained
    return Image.fromarray(values.reshape(height, width, 3))


def add_mark(image: Image.Image, text: str, *, only_over_content: bool = False) -> Image.Image:
    """Put a small translucent pill with a text, if any, into the lower right corner of an image, in place.

    A layer stays unmarked where it is fully transparent with ``only_over_content``.
    """
    if not text.strip():
        return image
    pill, place = _placed_pill(image.size, text.strip())
    if image.mode != "RGBA":
        image.paste(pill, place, pill)
        return image
    below = image.crop((*place, place[0] + pill.width, place[1] + pill.height)).getchannel("A")
    if not only_over_content or below.getbbox():
        image.alpha_composite(pill, place)
    return image


def _placed_pill(size: tuple[int, int], text: str) -> tuple[Image.Image, tuple[int, int]]:
    width, height = size
    letters = max(8.0, 0.0135 * (width * height) ** 0.5)
    pill = _pill(text, letters)
    room = min(0.5 * width / pill.width, 0.25 * height / pill.height)
    if room < 1:
        pill = pill.resize((max(1, int(pill.width * room)), max(1, int(pill.height * room))))
    margin = min(round(letters), (width - pill.width) // 2, (height - pill.height) // 2)
    return pill, (width - pill.width - margin, height - pill.height - margin)


@lru_cache(maxsize=16)
def _pill(text: str, size: float) -> Image.Image:
    finer = 2
    font = ImageFont.load_default(size=size * finer)
    high = round(size * finer * 1.8)
    wide = round(font.getlength(text)) + round(size * finer * 1.5)
    pill = Image.new("RGBA", (wide, high), (255, 255, 255, 0))
    draw = ImageDraw.Draw(pill)
    draw.rounded_rectangle((0, 0, wide - 1, high - 1), radius=high // 2, fill=(22, 24, 34, 92))
    draw.text((wide / 2, high / 2), text, font=font, fill=(255, 255, 255, 215), anchor="mm")
    return pill.reduce(finer)


def on_white(image: Image.Image) -> Image.Image:
    """Return an image of any mode as RGB, transparency laid on white."""
    if "A" not in image.getbands() and "transparency" not in image.info:
        return image.convert("RGB")
    paper = Image.new("RGBA", image.size, (255, 255, 255, 255))
    return Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")


def encode(image: Image.Image, output_format: Literal["jpeg", "png"]) -> bytes:
    """Return an image file, the same bytes for the same image; a JPEG shows transparency as white."""
    content = io.BytesIO()
    if output_format == "png":
        image.save(content, "PNG", compress_level=_PNG_LEVEL)
    else:
        on_white(image).save(content, "JPEG", quality=_JPEG_QUALITY)
    return content.getvalue()
