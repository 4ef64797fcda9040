"""Makes sandboxes paint patches of the right size: only the tests of the painting look at it."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from seedream_nb.sandbox import images, painter

EXACT: dict[str, Callable[..., Any]] = {
    name: getattr(painter, name) for name in ("_work_size", "_enlarge", "_regions", "_add_grain")
}
PAINT = images.paint


def paint_roughly() -> None:
    """Replaces what costs time in this process: scenes, painting finely, smoothing, and finding regions at full size.

    Layers remain those of a scene: tests compose them.
    """
    images.paint = _paint
    _replace(_work_size=_shrink, _enlarge=_enlarge, _regions=_regions, _add_grain=lambda image: image)


def paint_exactly() -> None:
    """Takes that back."""
    images.paint = PAINT
    _replace(**EXACT)


def make_kernels_paint_roughly(ipython: Path) -> None:
    """Does the same in kernels that have this directory as their `IPYTHONDIR`."""
    startup = ipython / "profile_default" / "startup"
    startup.mkdir(parents=True)
    code = f"from {__name__} import paint_roughly\npaint_roughly()\ndel paint_roughly\n"
    (startup / "paint_roughly.py").write_text(code, encoding="utf-8")


def _replace(**functions: Callable[..., Any]) -> None:
    for name, function in functions.items():
        setattr(painter, name, function)


def _paint(spec: images.ImageSpec) -> Image.Image:
    """A new image is another one for each prompt, index, and seed, as those of the painter are."""
    if spec.style in {"layer", "cutout", "edit"}:
        return PAINT(spec)
    digest = hashlib.shake_256(repr((spec.prompt, spec.index, spec.seed)).encode()).digest(4 * 4 * 3)
    return _enlarge(Image.frombytes("RGB", (4, 4), digest), spec.width, spec.height)


def _shrink(width: int, height: int) -> tuple[int, int]:
    return max(2, width // 16), max(2, height // 16)


def _enlarge(image: Image.Image, width: int, height: int) -> Image.Image:
    return image.resize((width, height), Image.Resampling.NEAREST)


def _regions(source: Image.Image, size: tuple[int, int], count: int) -> tuple[Image.Image, list[Image.Image]]:
    small = _shrink(*size)
    base, regions = EXACT["_regions"](source.resize(small, Image.Resampling.NEAREST), small, count)
    return _enlarge(base, *size), [_enlarge(region, *size) for region in regions]
