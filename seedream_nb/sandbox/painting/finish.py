"""The last steps, the same for every picture: full size, grain, mark, file."""

from __future__ import annotations

import io
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WORK_PIXELS = 1_250_000  # shapes are painted at this many pixels at most (or a quarter of a larger picture)
_FEWEST_PIXELS = 50_000  # and at least this many, so that small pictures are scaled down from a clean one
_LONGEST_SIDE = 4096
_TILE = 512
_GRAIN = 3.0  # standard deviation, of 255
_JPEG_QUALITY = 89
_PNG_LEVEL = 2


def work_size(width: int, height: int) -> tuple[int, int]:
    """The size at which shapes are painted for a picture of the given size; `enlarge` does the rest.

    Args:
        width: Of the finished picture, pixels.
        height: As ``width``.

    Returns:
        Width and height of the canvas.
    """
    pixels = width * height
    wanted = min(max(pixels, _FEWEST_PIXELS), max(_WORK_PIXELS, pixels // 4))
    factor = (wanted / pixels) ** 0.5
    if factor > 1:
        factor = max(1.0, min(factor, _LONGEST_SIDE / max(width, height)))
    return max(2, round(width * factor)), max(2, round(height * factor))


def enlarge(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Bring a canvas to its final size."""
    if picture.size == (width, height):
        return picture
    resampling = Image.Resampling.BICUBIC if width > picture.width else Image.Resampling.LANCZOS
    return picture.resize((width, height), resampling)


@lru_cache(maxsize=1)
def _grain_tile() -> NDArray[np.int16]:
    rng = np.random.Generator(np.random.PCG64(20260101))
    speck = np.clip(np.rint(rng.normal(0.0, _GRAIN, (_TILE, _TILE))), -40, 40).astype(np.int16)
    tile = np.repeat(speck, 3, axis=1)  # one value for red, green and blue, in the order in which pixels lie in memory
    tile.setflags(write=False)
    return tile


def add_grain(picture: Image.Image) -> Image.Image:
    """Add fine film grain, which hides banding in gradients and makes flat colour look printed.

    Args:
        picture: RGB.

    Returns:
        A new picture.
    """
    width, height = picture.size
    values = np.array(picture).reshape(height, width * 3)
    grain = np.tile(_grain_tile(), (1, -(-width // _TILE)))[:, : width * 3]
    for top in range(0, height, _TILE):
        band = values[top : top + _TILE]
        grained = band + grain[: len(band)]
        np.clip(grained, 0, 255, out=grained)
        band[...] = grained
    return Image.fromarray(values.reshape(height, width, 3))


def add_mark(picture: Image.Image, text: str) -> Image.Image:
    """Put a small translucent pill with the text into the lower right corner.

    Args:
        picture: RGB or RGBA; changed in place.
        text: What the pill says; a blank text draws no pill.

    Returns:
        The same picture.
    """
    if not text.strip():
        return picture
    pill, place = _placed_pill(picture.size, text.strip())
    if picture.mode == "RGBA":
        picture.alpha_composite(pill, place)
    else:
        picture.paste(pill, place, pill)
    return picture


def repeat_mark(layer: Image.Image, text: str) -> None:
    """Put the mark on a full-size RGBA layer too, in place, if the layer would cover the one below."""
    pill, place = _placed_pill(layer.size, text)
    under = layer.crop((*place, place[0] + pill.width, place[1] + pill.height)).getchannel("A")
    if under.getextrema()[1]:
        layer.alpha_composite(pill, place)


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
    letters = font.getlength(text)
    high = round(size * finer * 1.8)
    wide = round(letters) + round(size * finer * 1.5)
    pill = Image.new("RGBA", (wide, high), (255, 255, 255, 0))
    draw = ImageDraw.Draw(pill)
    draw.rounded_rectangle((0, 0, wide - 1, high - 1), radius=high // 2, fill=(22, 24, 34, 92))
    draw.text((wide / 2, high / 2), text, font=font, fill=(255, 255, 255, 215), anchor="mm")
    return pill.reduce(finer)


def encode(image: Image.Image, output_format: Literal["jpeg", "png"]) -> bytes:
    """Write a picture as a file's bytes.

    Args:
        image: RGB or RGBA. A JPEG has no transparency: an RGBA picture is laid on white for it.
        output_format: ``"jpeg"`` or ``"png"``, the wire contract's words.

    Returns:
        The file's content, the same bytes for the same picture.
    """
    content = io.BytesIO()
    if output_format == "png":
        image.save(content, "PNG", compress_level=_PNG_LEVEL)
        return content.getvalue()
    if image.mode == "RGBA":
        paper = Image.new("RGB", image.size, (255, 255, 255))
        paper.paste(image, mask=image.getchannel("A"))
        image = paper
    image.convert("RGB").save(content, "JPEG", quality=_JPEG_QUALITY)
    return content.getvalue()
