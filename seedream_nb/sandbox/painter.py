"""Pictures for the sandbox: any prompt gets one, without a model, a download or a token.

Tutorials, tests and a first look at the gallery need images that arrive at once, never change and are pleasant to look
at. All functions here are pure: the same arguments give the same pixels and the same file bytes, and any number of
threads may call them at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.sandbox.painting import catalog, edit, finish
from seedream_nb.sandbox.painting.canvas import Canvas
from seedream_nb.sandbox.painting.finish import encode
from seedream_nb.sandbox.painting.theme import read_theme

if TYPE_CHECKING:
    from PIL import Image

__all__ = ["Layer", "decompose", "encode", "paint", "paint_cutout", "paint_layers", "restyle"]

_MARK = "sandbox"


@dataclass(frozen=True)
class Layer:
    """One image of a layered picture.

    Args:
        image: The base (``z_index`` 0) is RGB and fills the picture; those above are RGBA, cropped to `box`.
        z_index: Position in the stack, from the back.
        name: A short name.
        description: What it shows.
        box: Left, top, right and bottom within the whole picture, pixels.
    """

    image: Image.Image
    z_index: int
    name: str
    description: str
    box: tuple[int, int, int, int]


def paint(
    prompt: str, width: int, height: int, *, index: int = 0, seed: int | None = None, watermark_text: str = _MARK
) -> Image.Image:
    """Paint a picture for a prompt.

    Args:
        prompt: Any text. Known words, in English and a few in Chinese, choose the subject, the mood and the colours.
        width: Pixels.
        height: Pixels.
        index: Position in a set; each index is another variation on the same theme.
        seed: Another set of pictures for the same prompt.
        watermark_text: What the mark in the lower right corner says.

    Returns:
        An RGB image of exactly that size.

    Example:
        >>> paint("a white siamese cat", 64, 64).size
        (64, 64)
    """
    canvas = Canvas(*finish.work_size(width, height))
    for plane in catalog.scene(read_theme(prompt, index=index, seed=seed)):
        plane.paint(canvas)
    picture = finish.add_grain(finish.enlarge(canvas.picture(), width, height))
    return finish.add_mark(picture, watermark_text)


def restyle(source: Image.Image, prompt: str, width: int, height: int, *, index: int = 0) -> Image.Image:
    """Paint an edit of a picture: its composition stays, the prompt's colours and mood come in.

    Args:
        source: The picture to edit, of any size and mode.
        prompt: Chooses the colours (or day and night) and how painterly the result is.
        width: Of the result, pixels; the source is cropped around its middle to fit.
        height: As ``width``.
        index: Position in a set; each index is another strength and another palette.

    Returns:
        An RGB image of exactly that size.
    """
    theme = read_theme(prompt, index=index)
    picture = edit.restyled(source, theme, finish.work_size(width, height))
    return finish.add_mark(finish.add_grain(finish.enlarge(picture, width, height)), _MARK)


def paint_layers(prompt: str, width: int, height: int, count: int) -> list[Layer]:
    """Paint a picture as a base and transparent layers above it.

    Args:
        prompt: As for `paint`.
        width: Of the whole picture, pixels.
        height: As ``width``.
        count: Transparent layers wanted, at least one; the wire contract allows 16.

    Returns:
        The base, then `count` layers from back to front; laid over each other in that accepted they make the picture.
    """
    base, groups = catalog.layered(read_theme(prompt), max(1, count))
    size = finish.work_size(width, height)
    canvas = Canvas(*size)
    base.paint(canvas)
    picture = finish.add_mark(finish.add_grain(finish.enlarge(canvas.picture(), width, height)), _MARK)
    layers = [Layer(picture, 0, base.name, base.description, (0, 0, width, height))]
    for planes in groups:
        canvas = Canvas(*size, transparent=True)
        for plane in planes:
            plane.paint(canvas)
        whole = finish.enlarge(canvas.picture(), width, height)
        description = "; ".join(plane.description for plane in planes)
        layers.append(_cropped(whole, len(layers), planes[-1].name, description))
    return layers


def decompose(source: Image.Image, width: int, height: int, count: int) -> list[Layer]:
    """Take a given picture apart into a base and transparent layers.

    Args:
        source: The picture, of any size and mode.
        width: Of the whole result, pixels; the source is cropped around its middle to fit.
        height: As ``width``.
        count: Transparent layers wanted.

    Returns:
        The base (a softened background), then `count` regions of similar colour and place as layers, the largest first.
    """
    base, regions = edit.regions(source, (width, height), max(1, count))
    layers = [Layer(finish.add_mark(base, _MARK), 0, "background", "The softened background", (0, 0, width, height))]
    for region in regions:
        name = f"region {len(layers)}"
        layers.append(_cropped(region, len(layers), name, f"Region {len(layers)}, of one colour and place"))
    return layers


def paint_cutout(prompt: str, width: int, height: int, *, index: int = 0) -> Image.Image:
    """Paint the prompt's subject on a transparent background.

    Args:
        prompt: As for `paint`.
        width: Pixels.
        height: Pixels.
        index: Position in a set.

    Returns:
        An RGBA image of exactly that size.
    """
    canvas = Canvas(*finish.work_size(width, height), transparent=True)
    for plane in catalog.scene(read_theme(prompt, index=index)):
        if plane.subject:
            plane.paint(canvas)
    return finish.add_mark(finish.enlarge(canvas.picture(), width, height), _MARK)


def _cropped(whole: Image.Image, z_index: int, name: str, description: str) -> Layer:
    finish.repeat_mark(whole, _MARK)
    box = whole.getchannel("A").getbbox() or (0, 0, 1, 1)
    return Layer(whole.crop(box), z_index, name, description, box)
