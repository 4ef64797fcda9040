"""Images for the sandbox: any prompt gets one, without a model, a download or a token.

Tutorials, tests and a first look at the gallery need images that arrive at once, never change and are pleasant to look
at. All functions are pure and thread-safe: the same arguments give the same pixels and the same file bytes.
"""

import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont, ImageOps

from seedream_nb.sandbox.painting.canvas import Canvas, Plane, Scene
from seedream_nb.sandbox.painting.cat import cat
from seedream_nb.sandbox.painting.colors import Stops, ramp, to_oklab
from seedream_nb.sandbox.painting.flowers import flowers
from seedream_nb.sandbox.painting.outdoors import city, forest, mountains, sea
from seedream_nb.sandbox.painting.sky import paint_motes
from seedream_nb.sandbox.painting.space import abstract, space
from seedream_nb.sandbox.painting.theme import Palette, Theme, read_theme

__all__ = ["Layer", "decompose", "encode", "paint", "paint_cutout", "paint_layers", "restyle"]

_MARK = "sandbox"
_REGION_SIDE = 512  # regions are found on an image of this size; finer edges are not worth the time
_WORK_PIXELS = 1_250_000  # shapes are painted at this many pixels at most, or at a quarter of a larger image's
_FEWEST_PIXELS = 50_000  # and at least at this many, so that small images are scaled down from a clean one
_LONGEST_SIDE = 4096
_TILE = 512
_GRAIN = 3.0  # standard deviation, of 255
_JPEG_QUALITY = 89
_PNG_LEVEL = 2
_SCENES: Final[Mapping[str, Callable[[Theme], Scene]]] = {
    scene.__name__: scene for scene in (abstract, cat, city, flowers, forest, mountains, sea, space)
}


@dataclass(frozen=True)
class Layer:
    """One layer of an image: the base (``z_index`` 0) in RGB, those above in RGBA, cropped to `box` (pixels)."""

    image: Image.Image
    z_index: int
    name: str
    description: str
    box: tuple[int, int, int, int]


def paint(
    prompt: str, width: int, height: int, *, index: int = 0, seed: int | None = None, watermark_text: str = _MARK
) -> Image.Image:
    """Paint an RGB image for any text; known words, English and some Chinese, choose subject, mood and colors.

    Each ``index`` is another variation on the same theme; ``seed`` selects another set of images for the same prompt.

    Example:
        >>> paint("a white siamese cat", 64, 64).size
        (64, 64)
    """
    theme = read_theme(prompt, index=index, seed=seed)
    image = _painted(_SCENES[theme.subject](theme), width, height)
    return _add_mark(_add_grain(image), watermark_text)


def _painted(planes: Iterable[Plane], width: int, height: int, *, transparent: bool = False) -> Image.Image:
    canvas = Canvas(*_work_size(width, height), transparent=transparent)
    for plane in planes:
        plane.paint(canvas)
    return _enlarge(canvas.image(), width, height)


def restyle(source: Image.Image, prompt: str, width: int, height: int, *, index: int = 0) -> Image.Image:
    """Paint an RGB edit of an image of any size and mode, cropped around its middle to fit.

    The prompt determines the colors, or day and night; each ``index`` is another strength and palette.
    """
    theme = read_theme(prompt, index=index)
    edited = _restyled(source, theme, _work_size(width, height))
    return _add_mark(_add_grain(_enlarge(edited, width, height)), _MARK)


def _restyled(source: Image.Image, theme: Theme, size: tuple[int, int]) -> Image.Image:
    """Grade an image of any mode with a theme's palette and lay it down in broad strokes; return RGB of ``size``."""
    image = ImageOps.fit(_on_white(source), size, Image.Resampling.BICUBIC)
    half = max(1, size[0] // 2), max(1, size[1] // 2)  # a median on a quarter of the pixels is a broader, quicker brush
    strokes = image.resize(half).filter(ImageFilter.MedianFilter(5)).resize(size, Image.Resampling.BICUBIC)
    painted = Image.blend(image, strokes, (0.6, 0.75, 0.6, 0.85)[theme.variant % 4])
    luminance = ImageOps.autocontrast(painted.convert("L"), cutoff=0.5)
    if theme.palette.dark:  # night falls on the edited image, too
        luminance = luminance.point([round(value * 0.72) for value in range(256)])
    graded = Image.fromarray(ramp(_tones(theme.palette))[np.asarray(luminance)])
    mixed = Image.blend(painted, graded, (0.72, 0.8, 0.66, 0.88)[theme.variant % 4])
    soft = mixed.filter(ImageFilter.GaussianBlur(max(size) / 60))
    return Image.blend(mixed, soft, 0.14)


def _tones(palette: Palette) -> Stops:
    """Return a gradient of the palette's colors by brightness, half evenly spread, half by the brightness itself."""
    colors = (palette.near, *palette.sky, palette.light)
    weighted = sorted((0.3 * red + 0.59 * green + 0.11 * blue, (red, green, blue)) for red, green, blue in colors)
    first, last = weighted[0][0], weighted[-1][0]
    return tuple(
        (0.5 * number / 5 + 0.5 * (weight - first) / max(last - first, 1e-6), color)
        for number, (weight, color) in enumerate(weighted)
    )


def paint_layers(prompt: str, width: int, height: int, count: int) -> list[Layer]:
    """Return an image as a base and `count` transparent layers, from back to front; composed, they give the image."""
    theme = read_theme(prompt)
    base, *planes = _SCENES[theme.subject](theme)
    planes += [_motes(theme, number + 1) for number in range(count - len(planes))]
    whole = _add_mark(_add_grain(_painted([base], width, height)), _MARK)
    layers = [Layer(whole, 0, base.name, base.description, (0, 0, width, height))]
    edges = [round(number * len(planes) / count) for number in range(count + 1)]
    for start, end in pairwise(edges):
        image = _painted(planes[start:end], width, height, transparent=True)
        description = "; ".join(plane.description for plane in planes[start:end])
        layers.append(_cropped(image, len(layers), planes[end - 1].name, description))
    return layers


def _motes(theme: Theme, number: int) -> Plane:
    """Return a plane of light that stands in where a scene has fewer planes than layers are requested."""
    rng, color = theme.rng(f"motes {number}"), theme.palette.light
    return Plane(f"light {number}", "Specks of light in the air", lambda canvas: paint_motes(canvas, rng, color))


def decompose(source: Image.Image, width: int, height: int, count: int) -> list[Layer]:
    """Split an image of any mode into its softened background and `count` regions of similar color and place."""
    base, regions = _regions(source, (width, height), max(1, count))
    layers = [Layer(_add_mark(base, _MARK), 0, "background", "The softened background", (0, 0, width, height))]
    for region in regions:
        name = f"region {len(layers)}"
        layers.append(_cropped(region, len(layers), name, f"Region {len(layers)} of similar color and place"))
    return layers


def _regions(source: Image.Image, size: tuple[int, int], count: int) -> tuple[Image.Image, list[Image.Image]]:
    """Return the softened background of an image (RGB) and its ``count`` regions (RGBA), largest first, of ``size``."""
    image = ImageOps.fit(_on_white(source), size, Image.Resampling.BICUBIC)
    tiny = max(2, size[0] // 16), max(2, size[1] // 16)
    base = image.resize(tiny).filter(ImageFilter.GaussianBlur(3)).resize(size)
    factor = min(1.0, _REGION_SIDE / max(size))
    small = image.resize((max(1, round(size[0] * factor)), max(1, round(size[1] * factor))))
    labels = _clusters(small.filter(ImageFilter.MedianFilter(5)), count)
    layers = []
    for label in np.argsort(-np.bincount(labels.ravel(), minlength=count), kind="stable"):
        mask = Image.fromarray(np.where(labels == label, 255, 0).astype(np.uint8))
        layer = image.copy()
        layer.putalpha(mask.filter(ImageFilter.GaussianBlur(1.2)).resize(size, Image.Resampling.BICUBIC))
        layers.append(layer)
    return base, layers


def _clusters(image: Image.Image, count: int) -> NDArray[np.int64]:
    """Lloyd's k-means on color and position, started from pixels spread over the brightness range."""
    height, width = image.height, image.width
    y, x = np.mgrid[0:height, 0:width]
    lab = to_oklab(np.asarray(image, dtype=np.float64)).reshape(-1, 3)
    distance = np.hypot(x / width - 0.5, y / height - 0.5).reshape(-1, 1)  # what is in the middle belongs together
    features = np.concatenate([lab * [1.0, 2.0, 2.0], distance * 0.9], axis=1).astype(np.float32)
    sample = features[:: max(1, len(features) // 8000)]
    order = np.argsort(sample[:, 0], kind="stable")
    centers = sample[order[np.linspace(0, len(order) - 1, count).astype(int)]].copy()
    for _ in range(12):
        nearest = _nearest(sample, centers)
        for label in range(count):
            members = sample[nearest == label]
            if len(members):
                centers[label] = members.mean(axis=0)
    return _nearest(features, centers).reshape(height, width)


def _nearest(features: NDArray[np.float32], centers: NDArray[np.float32]) -> NDArray[np.int64]:
    distance = (centers**2).sum(axis=1) - 2.0 * features @ centers.T
    nearest: NDArray[np.int64] = distance.argmin(axis=1)
    return nearest


def paint_cutout(prompt: str, width: int, height: int, *, index: int = 0) -> Image.Image:
    """Paint the prompt's subject on a transparent background, as RGBA."""
    theme = read_theme(prompt, index=index)
    planes = [plane for plane in _SCENES[theme.subject](theme) if plane.subject]
    return _add_mark(_painted(planes, width, height, transparent=True), _MARK)


def _cropped(whole: Image.Image, z_index: int, name: str, description: str) -> Layer:
    _add_mark(whole, _MARK, only_over_content=True)
    box = whole.getchannel("A").getbbox() or (0, 0, 1, 1)
    return Layer(whole.crop(box), z_index, name, description, box)


def _work_size(width: int, height: int) -> tuple[int, int]:
    """Return the size of the canvas for an image of the given size in pixels; `_enlarge` does the rest."""
    pixels = width * height
    wanted = min(max(pixels, _FEWEST_PIXELS), max(_WORK_PIXELS, pixels // 4))
    factor = (wanted / pixels) ** 0.5
    if factor > 1:
        factor = max(1.0, min(factor, _LONGEST_SIDE / max(width, height)))
    return max(2, round(width * factor)), max(2, round(height * factor))


def _enlarge(image: Image.Image, width: int, height: int) -> Image.Image:
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


def _add_grain(image: Image.Image) -> Image.Image:
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


def _add_mark(image: Image.Image, text: str, *, only_over_content: bool = False) -> Image.Image:
    """Put a small translucent pill with a text, if any, into the lower right corner of an image, in place."""
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


def _on_white(image: Image.Image) -> Image.Image:
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
        _on_white(image).save(content, "JPEG", quality=_JPEG_QUALITY)
    return content.getvalue()
