"""Images for the sandbox: any prompt gets one, without a model, a download or a token.

Tutorials, tests and a first look at the gallery need images that arrive at once, never change and are pleasant to look
at. All functions are pure and thread-safe: the same arguments give the same pixels and the same file bytes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from PIL import Image

from seedream_nb.sandbox.painting import edit, finish
from seedream_nb.sandbox.painting.abstract import abstract
from seedream_nb.sandbox.painting.canvas import Canvas, Plane, Scene
from seedream_nb.sandbox.painting.cat import cat
from seedream_nb.sandbox.painting.city import city
from seedream_nb.sandbox.painting.finish import encode
from seedream_nb.sandbox.painting.flowers import flowers
from seedream_nb.sandbox.painting.land import forest, mountains
from seedream_nb.sandbox.painting.sea import sea
from seedream_nb.sandbox.painting.sky import paint_motes
from seedream_nb.sandbox.painting.space import space
from seedream_nb.sandbox.painting.theme import Theme, read_theme

__all__ = ["Layer", "decompose", "encode", "paint", "paint_cutout", "paint_layers", "restyle"]

_MARK = "sandbox"
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
    edited = edit.restyled(source, theme, finish.work_size(width, height))
    return finish.add_mark(finish.add_grain(finish.enlarge(edited, width, height)), _MARK)


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
    base, regions = edit.regions(source, (width, height), max(1, count))
    layers = [Layer(finish.add_mark(base, _MARK), 0, "background", "The softened background", (0, 0, width, height))]
    for region in regions:
        name = f"region {len(layers)}"
        layers.append(_cropped(region, len(layers), name, f"Region {len(layers)} of similar color and place"))
    return layers


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
