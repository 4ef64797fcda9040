"""Records a cell frame by frame, to find what jumps or flickers between the moments at which a test can look."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Locator

# Looks before each paint that may differ from the one before: when an element or a size has changed, or an image came.
_START = """
cell => {
  const seen = [];
  const texts = selector => [...cell.querySelectorAll(selector)].map(element => element.textContent.trim());
  const look = () => {
    const boxes = [...cell.querySelectorAll('.jp-OutputArea-child')].map(box => box.getBoundingClientRect().height);
    const area = cell.querySelector('.jp-OutputArea');
    const frame = {
      prompt: cell.querySelector('.jp-InputPrompt').textContent,
      line: texts('[role=status]').join(' '),
      galleries: cell.querySelectorAll('.seedream-gallery').length,
      images: [...cell.querySelectorAll('figure img')].filter(image => image.naturalWidth).length,
      places: texts('.seedream-empty > span:last-child'),
      boxes: boxes.filter(height => height > 0).length,
      height: area ? Math.round(area.getBoundingClientRect().height) : 0,
    };
    if (JSON.stringify(frame) !== JSON.stringify(seen.at(-1))) seen.push(frame);
  };
  let next = 0;
  const lookSoon = () => {
    cancelAnimationFrame(next);
    next = requestAnimationFrame(look);
  };
  const changes = new MutationObserver(lookSoon);
  changes.observe(cell, { attributes: true, characterData: true, childList: true, subtree: true });
  const sizes = new ResizeObserver(lookSoon);
  sizes.observe(cell);
  cell.addEventListener('load', lookSoon, true);
  cell.film = () => {
    cancelAnimationFrame(next);
    changes.disconnect();
    sizes.disconnect();
    cell.removeEventListener('load', lookSoon, true);
    return seen;
  };
  look();
}
"""
_STOP = "cell => cell.film()"


@dataclass(frozen=True)
class Frame:
    """One frame of a cell's output.

    Attributes:
        prompt: The prompt of the cell: `[*]:` while it runs.
        line: The line with the counts; empty when there is none.
        galleries: The number of galleries.
        images: The number of images drawn.
        places: The text of each placeholder.
        boxes: The number of visible outputs.
        height: The height of the output, in pixels.
    """

    prompt: str
    line: str
    galleries: int
    images: int
    places: tuple[str, ...]
    boxes: int
    height: int

    @property
    def is_half_way(self) -> bool:
        """Whether some images are there and others are still to come."""
        return bool(self.images) and bool(self.places)


class Film:
    """Records a cell from now on."""

    def __init__(self, cell: Locator) -> None:
        self._cell = cell
        cell.evaluate(_START)

    def stop(self) -> list[Frame]:
        """Ends the recording, and returns the frames that differ from the one before."""
        seen: list[dict[str, Any]] = self._cell.evaluate(_STOP)
        return [Frame(**{**frame, "places": tuple(frame["places"])}) for frame in seen]
