"""Working from a given picture: an edit in another mood, and taking it apart into layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageFilter, ImageOps

from seedream_nb.sandbox.painting.colors import ramp, to_oklab

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from seedream_nb.sandbox.painting.palettes import Palette
    from seedream_nb.sandbox.painting.theme import Theme

_REGION_SIDE = 512  # regions are found on a picture of this size; finer edges are not worth the time


def restyled(source: Image.Image, theme: Theme, size: tuple[int, int]) -> Image.Image:
    """Grade a picture with a theme's palette and lay it down in broad, clean strokes.

    Args:
        source: Any size and mode.
        theme: Its palette gives the new colours.
        size: Of the result, pixels.

    Returns:
        RGB.
    """
    picture = ImageOps.fit(_flat(source), size, Image.Resampling.BICUBIC)
    half = max(1, size[0] // 2), max(1, size[1] // 2)  # a median on a quarter of the pixels is a broader, quicker brush
    strokes = picture.resize(half).filter(ImageFilter.MedianFilter(5)).resize(size, Image.Resampling.BICUBIC)
    painted = Image.blend(picture, strokes, (0.6, 0.75, 0.6, 0.85)[theme.variant % 4])
    luminance = ImageOps.autocontrast(painted.convert("L"), cutoff=0.5)
    if theme.palette.dark:  # night falls on the edited picture, too
        luminance = luminance.point([round(value * 0.72) for value in range(256)])
    graded = Image.fromarray(ramp(_tones(theme.palette))[np.asarray(luminance)])
    mixed = Image.blend(painted, graded, (0.72, 0.8, 0.66, 0.88)[theme.variant % 4])
    soft = mixed.filter(ImageFilter.GaussianBlur(max(size) / 60))
    return Image.blend(mixed, soft, 0.14)


def regions(source: Image.Image, size: tuple[int, int], count: int) -> tuple[Image.Image, list[Image.Image]]:
    """Split a picture into regions that hold together in colour and place.

    Args:
        source: Any size and mode.
        size: Of the results, pixels.
        count: Number of regions.

    Returns:
        The softened background (RGB), and the regions (RGBA, full size), the largest first.
    """
    picture = ImageOps.fit(_flat(source), size, Image.Resampling.BICUBIC)
    tiny = max(2, size[0] // 16), max(2, size[1] // 16)
    base = picture.resize(tiny).filter(ImageFilter.GaussianBlur(3)).resize(size)
    factor = min(1.0, _REGION_SIDE / max(size))
    small = picture.resize((max(1, round(size[0] * factor)), max(1, round(size[1] * factor))))
    labels = _clusters(small.filter(ImageFilter.MedianFilter(5)), count)
    layers = []
    for label in np.argsort(-np.bincount(labels.ravel(), minlength=count), kind="stable"):
        mask = Image.fromarray(np.where(labels == label, 255, 0).astype(np.uint8))
        layer = picture.copy()
        layer.putalpha(mask.filter(ImageFilter.GaussianBlur(1.2)).resize(size, Image.Resampling.BICUBIC))
        layers.append(layer)
    return base, layers


def _clusters(picture: Image.Image, count: int) -> NDArray[np.int64]:
    """Lloyd's k-means on colour and position, started from pixels spread over the brightness range."""
    height, width = picture.height, picture.width
    y, x = np.mgrid[0:height, 0:width]
    lab = to_oklab(np.asarray(picture, dtype=np.float64)).reshape(-1, 3)
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


def _flat(source: Image.Image) -> Image.Image:
    if "A" not in source.getbands() and "transparency" not in source.info:
        return source.convert("RGB")
    paper = Image.new("RGBA", source.size, (255, 255, 255, 255))
    return Image.alpha_composite(paper, source.convert("RGBA")).convert("RGB")


def _tones(palette: Palette) -> tuple[tuple[float, tuple[int, int, int]], ...]:
    steps = (palette.near, palette.sky[0], palette.sky[1], palette.sky[2], palette.sky[3], palette.light)
    weight = sorted(steps, key=lambda color: 0.3 * color[0] + 0.59 * color[1] + 0.11 * color[2])
    places = [(0.3 * color[0] + 0.59 * color[1] + 0.11 * color[2]) / 255 for color in weight]
    first, last = places[0], places[-1]
    spread = [(place - first) / max(last - first, 1e-6) for place in places]
    return tuple(
        (0.5 * even + 0.5 * own, color) for even, own, color in zip(np.linspace(0, 1, 6), spread, weight, strict=True)
    )
