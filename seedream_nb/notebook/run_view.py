"""Renders a run, or the list of all runs, as HTML and as text of the same content, without a clock or a random id."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.client.sweeps import name_day
from seedream_nb.core.foreign import VERBATIM_CLASSES, show_line
from seedream_nb.core.text import count_of, name_numbers
from seedream_nb.gallery.rendering import BAR_COLOR, VIEW_COLORS, VIEW_LAYOUT, style_element
from seedream_nb.protocol.prices import format_dollars

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from seedream_nb.runs.run import Run, RunFailure, RunSummary

LONGEST_NAME = 60  # characters
THUMBNAIL = 160  # pixels; an overview of many images
MOST_TILES = 24
_MOST_REASONS = 3  # for failures
_MOST_ROWS = 12  # that one of them names
_LONGEST_BAR = 16  # characters in a terminal
_HEADS = ("run", "state", "rows", "done", "failed", "cost", "changed")

# Scoped to its class.
_STYLE = (
    f".seedream-runs{{{VIEW_COLORS}{BAR_COLOR}{VIEW_LAYOUT};font-variant-numeric:tabular-nums}}"
    ".seedream-runs p{margin:0 0 6px}"
    ".seedream-runs p.seedream-note{color:var(--seedream-soft-ink);margin:6px 0 0}"
    ".seedream-runs .seedream-scroll{container:seedream-runs/inline-size}"
    ".seedream-runs .seedream-scroll:focus-visible{outline:2px solid var(--seedream-bar);outline-offset:2px}"
    ".seedream-runs table{border-collapse:collapse;border:0;color:inherit;font-size:1em;margin:0}"
    ".seedream-runs table tr:nth-child(n),.seedream-runs table tr:nth-child(n):hover,"
    ".seedream-runs table :is(thead,tbody,td,th){background:none;border:0;line-height:inherit}"
    ".seedream-runs table :is(td,th){padding:2px 16px 2px 0;text-align:right;font-weight:400;white-space:nowrap}"
    ".seedream-runs table :is(td,th):nth-child(-n+2){text-align:left}"
    ".seedream-runs table tbody th{font-weight:600;max-width:24em;overflow:hidden;text-overflow:ellipsis}"
    ".seedream-runs table thead th{color:var(--seedream-soft-ink)}"
    ".seedream-runs table td.seedream-bar{padding:2px 0;text-align:left;width:140px}"
    ".seedream-runs table span{display:inline-block;height:9px;vertical-align:baseline;box-sizing:border-box;"
    "background:var(--seedream-bar)}"
    ".seedream-runs table span.seedream-left{background:none;border:1px solid var(--seedream-bar)}"
    ".seedream-runs table span.seedream-done+span.seedream-left{border-left:0}"
    "@container seedream-runs (max-width:720px){.seedream-runs table :is(td,th).seedream-bar{display:none}"
    ".seedream-runs table :is(td,th){padding-right:10px}.seedream-runs table tbody th{max-width:10em}}"
)


def render_run(run: Run) -> dict[str, str]:
    """Renders a run: its state, why requests failed, what to do next, and its first images.

    Returns:
        `text/html` and `text/plain` of the same content.
    """
    summary = run.summary
    notes = list_notes(summary)
    if summary.is_running:
        notes.insert(0, "These counts are from when this cell ran; show the run again to see its current state.")
    gallery = run.gallery[:0] if summary.is_running else run.gallery
    shown = gallery[:MOST_TILES].with_options(thumbnail=THUMBNAIL)
    if len(shown) < len(gallery):
        notes.append(f"Showing the first {len(shown)} of {count_of(summary.done, 'task')}; run.gallery has more.")
    failures = describe_failures(run.failures) if summary.failed and not summary.is_running else []
    return shown.headed_bundle(describe(summary), [*failures, *notes])


def describe_failures(failures: Sequence[RunFailure]) -> list[str]:
    """Why requests failed: each reason with its rows, the most frequent first.

    Example:
        `Rows 3, 7-9 failed: The prompt was rejected by the content check.`
    """
    rows: dict[str, list[int]] = {}
    for failure in failures:
        # Without the id of the task, which differs in each.
        reason = failure.message.replace(f" {failure.task_id}", "") if failure.task_id else failure.message
        rows.setdefault(show_line(reason), []).append(failure.row)
    groups = sorted(rows.items(), key=lambda group: -len(group[1]))
    lines = [f"{_name_rows(numbers)} failed: {reason}" for reason, numbers in groups[:_MOST_REASONS]]
    if len(groups) > _MOST_REASONS:
        lines.append(f"{count_of(len(groups) - _MOST_REASONS, 'other reason')}: see run.failures.")
    return lines


def _name_rows(numbers: Sequence[int]) -> str:
    distinct = sorted(set(numbers))
    more = f" and {len(distinct) - _MOST_ROWS:,} others" if len(distinct) > _MOST_ROWS else ""
    return f"Row{'s' * (len(distinct) > 1)} {name_numbers(distinct[:_MOST_ROWS])}{more}"


def describe(summary: RunSummary) -> str:
    """What has become of a run, in one line.

    Example:
        `cats · 22 of 24 done · 2 failed · 22 images · about $0.88`
    """
    parts = [
        show_line(summary.name, LONGEST_NAME),
        f"{summary.done:,} of {summary.requests:,} done",
        f"{summary.in_progress:,} in progress" if summary.in_progress else "",
        f"{summary.failed:,} failed" if summary.failed else "",
        f"{summary.unclear:,} unclear" if summary.unclear else "",
        f"{summary.unsent:,} not sent" if summary.unsent else "",
        count_of(summary.images, "image"),
        _format_cost(summary),
    ]
    return " · ".join(filter(None, parts))


def list_notes(summary: RunSummary) -> list[str]:
    """What to do about what a run has not finished, and what its numbers do not say."""
    name = quote_name(summary.name)
    if summary.is_running:
        return [f"Running. To stop it: %seedream run {name} --stop"]
    notes = []
    if summary.unsent or summary.in_progress or summary.unclear:
        notes.append(f"To continue: %seedream run {name}")
    if summary.failed > summary.rejected:
        notes.append(f"To send what failed again: %seedream run {name} --retry")
    if summary.rejected:
        notes.append("What content moderation rejected needs another prompt in the table.")
    if summary.earlier:
        notes.append(f"No longer in the table: {count_of(summary.earlier, 'earlier row')}, whose images are kept.")
    return notes


def quote_name(name: str) -> str:
    """A run's name as a word of a line."""
    return name if name.isidentifier() or name.replace("-", "_").replace(".", "_").isidentifier() else repr(name)


@dataclass(frozen=True)
class RunList:
    """All runs of a library, as the value of a cell.

    Attributes:
        runs: What is known of each, the latest first.
        today: The current day; a run that changed today says so.
    """

    runs: tuple[RunSummary, ...]
    today: date

    def __repr__(self) -> str:
        cells = [_HEADS, *(self._cells(run) for run in self.runs)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        bars = ["", *(_draw_bar(run) for run in self.runs)]
        lines = [
            "  ".join(
                [
                    *(cell.ljust(width) for cell, width in zip(line[:2], widths[:2], strict=True)),
                    *(cell.rjust(width) for cell, width in zip(line[2:], widths[2:], strict=True)),
                    bar,
                ]
            ).rstrip()
            for line, bar in zip(cells, bars, strict=True)
        ]
        return "\n".join([count_of(len(self.runs), "run"), "", *lines, *(["", note] if (note := self._note) else [])])

    @property
    def _note(self) -> str:
        is_known = any(run.cost for run in self.runs)
        return "Costs are estimates, unless the service reports a charge." if is_known else ""

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{name}</th>' for name in _HEADS)
        body = "".join(self._render_row(run) for run in self.runs)
        note = f'<p class="seedream-note">{self._note}</p>' if self._note else ""
        return (
            f'<div class="{VERBATIM_CLASSES} seedream-runs">{style_element(_STYLE)}'
            f"<p>{count_of(len(self.runs), 'run')}</p>"
            '<div class="seedream-scroll" role="region" aria-label="Runs" tabindex="0" style="overflow-x:auto">'
            f'<table><thead><tr>{head}<td class="seedream-bar"></td></tr></thead><tbody>{body}</tbody></table></div>'
            f"{note}</div>"
        )

    def _render_row(self, run: RunSummary) -> str:
        name, *others = map(html.escape, self._cells(run))
        cells = f'<th scope="row" title="{html.escape(run.name)}">{name}</th>' + "".join(
            f"<td>{one}</td>" for one in others
        )
        return f'<tr>{cells}<td class="seedream-bar" aria-hidden="true">{_render_bar(run)}</td></tr>'

    def _cells(self, run: RunSummary) -> tuple[str, ...]:
        return (
            show_line(run.name, LONGEST_NAME),
            " ".join(_state_of(run)),
            f"{run.rows:,}",
            # With several takes, a row is several requests.
            f"{run.done:,}" if run.requests == run.rows else f"{run.done:,} of {run.requests:,}",
            f"{run.failed:,}" if run.failed else "-",
            format_dollars(run.cost) if run.cost else "-",
            name_day(run.changed_at.astimezone().date(), self.today),
        )


def _state_of(run: RunSummary) -> tuple[str, str]:
    """An icon and a word."""
    if run.is_running:
        return "◔", "running"
    if run.unsent or run.in_progress or run.unclear:
        return "○", "unfinished"
    if run.failed:
        return ("◑", "partially failed") if run.done else ("✕", "failed")
    return "✓", "finished"


def _share_of(run: RunSummary) -> float:
    return run.done / max(1, run.requests)


def _draw_bar(run: RunSummary) -> str:
    done = round(_share_of(run) * _LONGEST_BAR)
    return "█" * done + "░" * (_LONGEST_BAR - done)


def _render_bar(run: RunSummary) -> str:
    share = _share_of(run)
    parts = (("done", share), ("left", 1 - share))
    return "".join(f'<span class="seedream-{kind}" style="width:{part:.1%}"></span>' for kind, part in parts if part)


def _format_cost(summary: RunSummary) -> str:
    return f"about {format_dollars(summary.cost)}" if summary.cost else ""
