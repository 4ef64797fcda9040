"""Why: what fills in, jumps or flickers is seen only frame by frame, and no test can look at the right moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Locator

# Before each paint, what is about to be seen; kept when it differs from the frame before.
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
      pictures: [...cell.querySelectorAll('figure img')].filter(picture => picture.naturalWidth).length,
      places: texts('.seedream-empty > span:last-child'),
      boxes: boxes.filter(height => height > 0).length,
      height: area ? Math.round(area.getBoundingClientRect().height) : 0,
    };
    if (JSON.stringify(frame) !== JSON.stringify(seen.at(-1))) seen.push(frame);
    cell.film.next = requestAnimationFrame(look);
  };
  cell.film = {seen};
  look();
}
"""
_STOP = "cell => { cancelAnimationFrame(cell.film.next); return cell.film.seen; }"


@dataclass(frozen=True)
class Frame:
    """What one cell's output looked like for a moment.

    Attributes:
        prompt: What stands before the cell: `[*]:` while it runs.
        line: The line that counts; empty when there is none.
        galleries: How many galleries there were.
        pictures: How many pictures were drawn.
        places: What stood in the place of each picture that is not there.
        boxes: How many outputs took some room.
        height: Of the whole output, in pixels.
    """

    prompt: str
    line: str
    galleries: int
    pictures: int
    places: tuple[str, ...]
    boxes: int
    height: int

    @property
    def is_half_way(self) -> bool:
        """Whether some pictures are there and others are still to come."""
        return bool(self.pictures) and bool(self.places)


class Film:
    """Records a cell, frame by frame, from now on.

    Args:
        cell: The cell.
    """

    def __init__(self, cell: Locator) -> None:
        self._cell = cell
        cell.evaluate(_START)

    def stop(self) -> list[Frame]:
        """Ends it.

        Returns:
            The frames that differ from the one before.
        """
        seen: list[dict[str, Any]] = self._cell.evaluate(_STOP)
        return [Frame(**{**frame, "places": tuple(frame["places"])}) for frame in seen]
