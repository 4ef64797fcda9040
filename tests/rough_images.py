"""Makes sandboxes paint flat images of the right size: only the tests of the painting look at it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PIL import Image

from seedream_nb.sandbox import painter

EXACT: dict[str, Callable[..., Any]] = {
    name: getattr(painter, name) for name in ("_work_size", "_enlarge", "_regions", "_add_grain")
}


def paint_roughly() -> None:
    """Replaces what costs time in this process: painting finely, smoothing, and finding regions at full size."""
    _replace(_work_size=_shrink, _enlarge=_enlarge, _regions=_regions, _add_grain=lambda image: image)


def paint_exactly() -> None:
    """Takes that back."""
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


def _shrink(width: int, height: int) -> tuple[int, int]:
    return max(2, width // 16), max(2, height // 16)


def _enlarge(image: Image.Image, width: int, height: int) -> Image.Image:
    return image.resize((width, height), Image.Resampling.NEAREST)


def _regions(source: Image.Image, size: tuple[int, int], count: int) -> tuple[Image.Image, list[Image.Image]]:
    small = _shrink(*size)
    base, regions = EXACT["_regions"](source.resize(small, Image.Resampling.NEAREST), small, count)
    return _enlarge(base, *size), [_enlarge(region, *size) for region in regions]
