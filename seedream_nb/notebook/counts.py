"""Why: while tasks run, one line says how many are done, running and failed, and since when; pure functions."""

from __future__ import annotations

import html
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.models import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from seedream_nb.core.models import Task

_DONE = {TaskStatus.SUCCEEDED, TaskStatus.PARTIALLY_FAILED}
_FAILED = {TaskStatus.FAILED, TaskStatus.NOT_FOUND}
SECONDS_PER_MINUTE = 60

# As high as the summary of the finished gallery that takes its place, so that the tiles stay where they are.
LINE_STYLE = (
    "margin:0;padding:2px 2px 6px;font-size:0.85em;line-height:1.35;white-space:nowrap;overflow:hidden;"
    "text-overflow:ellipsis;font-variant-numeric:tabular-nums"
)
BAR_STYLE = "width:80px;height:8px;vertical-align:middle"


@dataclass(frozen=True)
class Counts:
    """How far some tasks are.

    Attributes:
        done: How many have succeeded, at least in part.
        running: How many are being made.
        failed: How many have failed, or do not exist.
        unsent: How many requests have not been sent yet.
        seconds: How long it has taken so far.
        heading: What is going on, such as `4 paid requests`; may be empty.
        note: What disturbs it at the moment, such as a lost connection; may be empty.
    """

    done: int = 0
    running: int = 0
    failed: int = 0
    unsent: int = 0
    seconds: float = 0.0
    heading: str = ""
    note: str = ""

    def __str__(self) -> str:
        numbers = [
            f"{self.done} of {self.total} done",
            f"{self.running} running" if self.running else "",
            f"{self.unsent} waiting" if self.unsent else "",
            f"{self.failed} failed" if self.failed else "",
            spell_seconds(self.seconds),
        ]
        return " · ".join(part for part in (*numbers, self.note, self.heading) if part)

    @property
    def total(self) -> int:
        """How many there are."""
        return self.done + self.running + self.failed + self.unsent

    def to_bundle(self) -> dict[str, str]:
        """The line for front ends, as HTML and as text."""
        finished = self.done + self.failed
        bar = f'<progress max="{max(1, self.total)}" value="{finished}" style="{BAR_STYLE}"></progress>'
        line = html.escape(str(self))
        return {"text/html": f'<div role="status" style="{LINE_STYLE}">{bar} {line}</div>', "text/plain": str(self)}


def count_by_state(
    tasks: Sequence[Task], seconds: float, *, heading: str = "", problem: BaseException | None = None
) -> Counts:
    """Counts tasks by how far they are.

    Args:
        tasks: The tasks; a pending one without an id is a request that was not sent yet.
        seconds: How long it has taken so far.
        heading: What is going on.
        problem: Why the last question had no answer; it will be asked again.

    Returns:
        The counts.
    """
    kinds = Counter(_kind_of(task) for task in tasks)
    note = f"{getattr(problem, 'message', problem)} Trying again." if problem else ""
    return Counts(kinds["done"], kinds["running"], kinds["failed"], kinds["unsent"], seconds, heading, note)


def spell_seconds(seconds: float) -> str:
    """A span of time as people read it.

    Example:
        >>> spell_seconds(9.7), spell_seconds(83)
        ('9 s', '1 min 23 s')
    """
    minutes, rest = divmod(int(seconds), SECONDS_PER_MINUTE)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _kind_of(task: Task) -> str:
    if task.status in _DONE:
        return "done"
    if task.status in _FAILED:
        return "failed"
    return "running" if task.id or task.status is TaskStatus.RUNNING else "unsent"
