"""Images for the sandbox: any prompt gets one, without a model, a download or a token.

Tutorials, tests and a first look at the gallery need images that arrive at once, never change and are pleasant to look
at. All functions are pure and thread-safe: the same arguments give the same pixels and the same file bytes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from seedream_nb.sandbox.painting import finish
from seedream_nb.sandbox.painting.canvas import Canvas, Plane, Scene
from seedream_nb.sandbox.painting.cat import cat
from seedream_nb.sandbox.painting.colors import Stops, ramp, to_oklab
from seedream_nb.sandbox.painting.finish import encode
from seedream_nb.sandbox.painting.flowers import flowers
from seedream_nb.sandbox.painting.outdoors import city, forest, mountains, sea
from seedream_nb.sandbox.painting.sky import paint_motes
from seedream_nb.sandbox.painting.space import abstract, space
from seedream_nb.sandbox.painting.theme import Palette, Theme, read_theme

__all__ = ["Layer", "decompose", "encode", "paint", "paint_cutout", "paint_layers", "restyle"]

_MARK = "sandbox"
_REGION_SIDE = 512  # regions are found on an image of this size; finer edges are not worth the time
_SCENES: Final[Mapping[str, Callable[[Theme], Scene]]] = {
    "abstract": abstract,
    "cat": cat,
    "city": city,
    "flowers": flowers,
    "forest": forest,
    "mountains": mountains,
    "sea": sea,
    "space": space,
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
    canvas = Canvas(*finish.work_size(width, height))
    theme = read_theme(prompt, index=index, seed=seed)
    for plane in _SCENES[theme.subject](theme):
        plane.paint(canvas)
    return finish.add_mark(finish.add_grain(finish.enlarge(canvas.image(), width, height)), watermark_text)


def restyle(source: Image.Image, prompt: str, width: int, height: int, *, index: int = 0) -> Image.Image:
    """Paint an RGB edit of an image of any size and mode, cropped around its middle to fit.

    The prompt determines the colors, or day and night; each ``index`` is another strength and palette.
    """
    theme = read_theme(prompt, index=index)
    edited = _restyled(source, theme, finish.work_size(width, height))
    return finish.add_mark(finish.add_grain(finish.enlarge(edited, width, height)), _MARK)


def _restyled(source: Image.Image, theme: Theme, size: tuple[int, int]) -> Image.Image:
    """Grade an image of any mode with a theme's palette and lay it down in broad strokes; return RGB of ``size``."""
    image = ImageOps.fit(finish.on_white(source), size, Image.Resampling.BICUBIC)
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
    size = finish.work_size(width, height)
    canvas = Canvas(*size)
    base.paint(canvas)
    whole = finish.add_mark(finish.add_grain(finish.enlarge(canvas.image(), width, height)), _MARK)
    layers = [Layer(whole, 0, base.name, base.description, (0, 0, width, height))]
    edges = [round(number * len(planes) / count) for number in range(count + 1)]
    for start, end in pairwise(edges):
        canvas = Canvas(*size, transparent=True)
        for plane in planes[start:end]:
            plane.paint(canvas)
        description = "; ".join(plane.description for plane in planes[start:end])
        image = finish.enlarge(canvas.image(), width, height)
        layers.append(_cropped(image, len(layers), planes[end - 1].name, description))
    return layers


def _motes(theme: Theme, number: int) -> Plane:
    """Return a plane of light that stands in where a scene has fewer planes than layers are requested."""
    rng, color = theme.rng(f"motes {number}"), theme.palette.light
    return Plane(f"light {number}", "Specks of light in the air", lambda canvas: paint_motes(canvas, rng, color))


def decompose(source: Image.Image, width: int, height: int, count: int) -> list[Layer]:
    """Split an image of any mode into its softened background and `count` regions of similar color and place."""
    base, regions = _regions(source, (width, height), max(1, count))
    layers = [Layer(finish.add_mark(base, _MARK), 0, "background", "The softened background", (0, 0, width, height))]
    for region in regions:
        name = f"region {len(layers)}"
        layers.append(_cropped(region, len(layers), name, f"Region {len(layers)} of similar color and place"))
    return layers


def _regions(source: Image.Image, size: tuple[int, int], count: int) -> tuple[Image.Image, list[Image.Image]]:
    """Return the softened background of an image (RGB) and its ``count`` regions (RGBA), largest first, of ``size``."""
    image = ImageOps.fit(finish.on_white(source), size, Image.Resampling.BICUBIC)
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
    canvas = Canvas(*finish.work_size(width, height), transparent=True)
    theme = read_theme(prompt, index=index)
    for plane in _SCENES[theme.subject](theme):
        if plane.subject:
            plane.paint(canvas)
    return finish.add_mark(finish.enlarge(canvas.image(), width, height), _MARK)


def _cropped(whole: Image.Image, z_index: int, name: str, description: str) -> Layer:
    finish.add_mark(whole, _MARK, only_over_content=True)
    box = whole.getchannel("A").getbbox() or (0, 0, 1, 1)
    return Layer(whole.crop(box), z_index, name, description, box)
