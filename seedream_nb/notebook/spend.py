"""The command `spend`: what paid requests have cost, as a table with bars, from the library and offline."""

from __future__ import annotations

import html
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from seedream_nb.core.foreign import VERBATIM_CLASSES, show_line
from seedream_nb.core.text import count_of
from seedream_nb.gallery.rendering import BAR_COLOR, VIEW_COLORS, VIEW_LAYOUT, style_element
from seedream_nb.library.spending import GROUPINGS
from seedream_nb.notebook.arguments import read_moment
from seedream_nb.notebook.front_end import Notice
from seedream_nb.protocol.capabilities import display_name
from seedream_nb.protocol.prices import format_dollars

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from seedream_nb.library.spending import Grouping, Spending
    from seedream_nb.notebook.arguments import Parser
    from seedream_nb.notebook.front_end import FrontEnd
    from seedream_nb.notebook.session import Session

DAYS = 30  # that are shown without --since
_LONGEST_NAME = 60  # characters
_LONGEST_BAR = 24  # characters in a terminal
_UNKNOWN = {"tag": "untagged", "notebook": "no notebook"}
_HEADS = ("requests", "images")
_SIGNS = {"estimated": "░", "reported": "█"}  # of a bar in a terminal

# Scoped to its class.
_STYLE = (
    f".seedream-spend{{{VIEW_COLORS}{BAR_COLOR}{VIEW_LAYOUT};font-variant-numeric:tabular-nums}}"
    ".seedream-spend p{margin:0 0 6px}"
    ".seedream-spend p.seedream-note{color:var(--seedream-soft-ink);margin:6px 0 0}"
    ".seedream-spend table{border-collapse:collapse;border:0;color:inherit;font-size:1em;margin:0}"
    ".seedream-spend table tr:nth-child(n),.seedream-spend table tr:nth-child(n):hover,"
    ".seedream-spend table :is(thead,tbody,tfoot,td,th){background:none;border:0;line-height:inherit}"
    ".seedream-spend table :is(td,th){padding:2px 16px 2px 0;text-align:right;font-weight:400;white-space:nowrap}"
    ".seedream-spend table th[scope=row]{text-align:left}"
    ".seedream-spend table thead th{color:var(--seedream-soft-ink)}"
    ".seedream-spend table thead th:first-child{text-align:left}"
    ".seedream-spend table tfoot :is(td,th){border-top:1px solid var(--seedream-soft-ink);font-weight:600}"
    ".seedream-spend table td.seedream-bar{padding:2px 0;text-align:left;width:220px}"
    ".seedream-spend table span{display:inline-block;height:9px;width:9px;vertical-align:baseline;"
    "background:var(--seedream-bar);box-sizing:border-box}"
    ".seedream-spend table span.seedream-estimated{background:none;border:1px solid var(--seedream-bar)}"
)


@dataclass(frozen=True)
class SpendArguments:
    """`%seedream spend`.

    Attributes:
        since: The earliest time; None for the last days.
        by: What each row stands for.
    """

    since: datetime | None = None
    by: Grouping = "day"

    def run(self, session: Session, front_end: FrontEnd) -> object:
        """Sums up what was spent."""
        del front_end
        settings = session.settings
        ledger = session.client.cache.open().ledger
        begin = self.since or datetime.now().astimezone() - timedelta(days=DAYS)

        def read(by: Grouping | None) -> Sequence[Spending]:
            return ledger.sum_spending(by, begin, service=settings.base_url, credit=session.client.prices.credit)

        period = f"in the last {DAYS} days" if self.since is None else f"since {_name_moment(self.since)}"
        rows = read(self.by)
        if not rows:
            return Notice(f"No paid requests {period}.")
        (total,) = read(None)
        return SpendingTable(self.by, tuple(rows), total, period, is_free=settings.is_sandbox)


@dataclass(frozen=True)
class SpendingTable:
    """What was spent, as the value of a cell.

    Attributes:
        by: What each row stands for.
        rows: The sums.
        total: The sum of all requests.
        period: The period in words.
        is_free: Whether all requests were sent to a sandbox.
    """

    by: Grouping
    rows: tuple[Spending, ...]
    total: Spending
    period: str
    is_free: bool = False

    @property
    def summary(self) -> str:
        """What was spent, in one line."""
        about = "" if not self.total.estimated else "about "
        cost = f"{about}{format_dollars(self.total.total)}"
        if self.is_free:
            requests = count_of(self.total.requests, "request")
            return f"{requests} to the sandbox {self.period}: free of charge (live, {cost})"
        return f"{count_of(self.total.requests, 'paid request')} {self.period}: {cost}"

    @property
    def notes(self) -> list[str]:
        """What the numbers do not say."""
        notes = ["Estimates use the prices at the time of sending. A charge that the service reports replaces them."]
        if self.total.unknown:
            notes.append(f"Not included: {count_of(self.total.unknown, 'request')} of unknown price.")
        if self.by == "tag" and sum(row.requests for row in self.rows) > self.total.requests:
            notes.append("A task with several tags counts for each of them, but once in the total.")
        return notes

    def __repr__(self) -> str:
        signs = (f"{kind} {sign}" for kind, sign in _SIGNS.items())
        cells = [
            (self.by, *_HEADS, *signs),
            *(self._cells(row) for row in self.rows),
            ("total", *self._numbers(self.total)),
        ]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        bars = ["", *(self._bar(row) for row in self.rows), ""]
        lines = [
            "  ".join(
                [
                    name.ljust(widths[0]),
                    *(number.rjust(width) for number, width in zip(numbers, widths[1:], strict=True)),
                    bar,
                ]
            )
            for (name, *numbers), bar in zip(cells, bars, strict=True)
        ]
        return "\n".join([self.summary, "", *(line.rstrip() for line in lines), "", *self.notes])

    def _repr_html_(self) -> str:
        signs = (f'{kind} <span class="seedream-{kind}" aria-hidden="true"></span>' for kind in _SIGNS)
        head = "".join(f'<th scope="col">{name}</th>' for name in (self.by, *_HEADS, *signs))
        body = "".join(
            f'<tr>{_render_cells(self._cells(row))}<td class="seedream-bar" aria-hidden="true">'
            f"{self._render_bar(row)}</td></tr>"
            for row in self.rows
        )
        foot = _render_cells(("total", *self._numbers(self.total)))
        notes = "".join(f'<p class="seedream-note">{html.escape(note)}</p>' for note in self.notes)
        return (
            f'<div class="{VERBATIM_CLASSES} seedream-spend">{style_element(_STYLE)}<p>{html.escape(self.summary)}</p>'
            f"<table><thead><tr>{head}<td></td></tr></thead><tbody>{body}</tbody>"
            f"<tfoot><tr>{foot}<td></td></tr></tfoot></table>{notes}</div>"
        )

    def _cells(self, row: Spending) -> tuple[str, ...]:
        name = _UNKNOWN.get(self.by, "unknown") if row.name is None else row.name
        name = show_line(display_name(name) if self.by == "model" else name, _LONGEST_NAME)
        return name, *self._numbers(row)

    def _numbers(self, row: Spending) -> tuple[str, ...]:
        # All amounts of a table have as many decimals, so that they can be compared.
        amounts = [amount for one in self.rows for amount in (one.estimated, one.reported)]
        decimals = max(len(format_dollars(amount).rpartition(".")[2]) for amount in amounts)
        costs = (f"${dollars:,.{decimals}f}" if dollars else "-" for dollars in (row.estimated, row.reported))
        return f"{row.requests:,}", f"{row.images:,}", *costs

    def _shares(self, row: Spending) -> tuple[float, float]:
        """The reported and the estimated part of a row's bar, the longest bar being 1."""
        most = max(one.total for one in self.rows)
        return (row.reported / most, row.estimated / most) if most else (0.0, 0.0)

    def _bar(self, row: Spending) -> str:
        reported, estimated = (round(share * _LONGEST_BAR) for share in self._shares(row))
        return _SIGNS["reported"] * reported + _SIGNS["estimated"] * estimated

    def _render_bar(self, row: Spending) -> str:
        parts = zip(("reported", "estimated"), self._shares(row), strict=True)
        return "".join(
            f'<span class="seedream-{kind}" style="width:{100 * share:.1f}%"></span>' for kind, share in parts if share
        )


def _render_cells(cells: Sequence[str]) -> str:
    name, *numbers = map(html.escape, cells)
    return f'<th scope="row">{name}</th>' + "".join(f"<td>{number}</td>" for number in numbers)


def _name_moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}" if (moment.hour, moment.minute) == (0, 0) else f"{moment:%Y-%m-%d %H:%M}"


def add_spend(parser: Parser) -> None:
    """Adds the options of `%seedream spend`."""
    parser.add_argument(
        "--since", metavar="TIME", help=f"only since TIME: 2h, 7d, 12w, today, or 2026-11-20 (default: {DAYS}d)"
    )
    parser.add_argument("--by", choices=GROUPINGS, default="day", help="what each row stands for (default: day)")


def read_spend(parsed: argparse.Namespace) -> SpendArguments:
    """Reads the arguments of `%seedream spend`."""
    return SpendArguments(read_moment(parsed.since), parsed.by)
