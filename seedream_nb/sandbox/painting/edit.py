"""Work on a given image: an edit in another mood, and splitting it into layers."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter, ImageOps

from seedream_nb.sandbox.painting.colors import Stops, ramp, to_oklab
from seedream_nb.sandbox.painting.finish import on_white
from seedream_nb.sandbox.painting.theme import Palette, Theme

_REGION_SIDE = 512  # regions are found on an image of this size; finer edges are not worth the time


def restyled(source: Image.Image, theme: Theme, size: tuple[int, int]) -> Image.Image:
    """Grade an image of any mode with a theme's palette and lay it down in broad strokes; return RGB of ``size``."""
    image = ImageOps.fit(on_white(source), size, Image.Resampling.BICUBIC)
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


def regions(source: Image.Image, size: tuple[int, int], count: int) -> tuple[Image.Image, list[Image.Image]]:
    """Return the softened background of an image (RGB) and its ``count`` regions (RGBA), largest first, of ``size``."""
    image = ImageOps.fit(on_white(source), size, Image.Resampling.BICUBIC)
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


def _tones(palette: Palette) -> Stops:
    """Return a gradient of the palette's colors by brightness, half evenly spread, half by the brightness itself."""
    colors = (palette.near, *palette.sky, palette.light)
    weighted = sorted((0.3 * red + 0.59 * green + 0.11 * blue, (red, green, blue)) for red, green, blue in colors)
    first, last = weighted[0][0], weighted[-1][0]
    return tuple(
        (0.5 * number / 5 + 0.5 * (weight - first) / max(last - first, 1e-6), color)
        for number, (weight, color) in enumerate(weighted)
    )
