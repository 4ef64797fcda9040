"""What finishing a run costs, and how long it takes, as far as that can be told before."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.core.text import count_of
from seedream_nb.library.run_store import DONE, FAILED, OPEN, REJECTED, SENT, UNCLEAR
from seedream_nb.protocol.prices import format_dollars

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from seedream_nb.library import Library
    from seedream_nb.library.budgets import Budget
    from seedream_nb.library.run_store import Total
    from seedream_nb.protocol.prices import PriceList

USUAL_SECONDS = 30.0  # that an image takes, where nothing else is known
_RECENT = 30  # tasks of a model whose time is looked at
_MINUTE, _HOUR = 60, 3600  # seconds


@dataclass(frozen=True)
class Counts:
    """How many of the requests of a table are in each state.

    Attributes:
        states: The number of requests by state.
        images: The images that are there.
        most_images: The images that all requests may have.
        cost: What these images cost, in US dollars.
        dollars_left: What unsent requests may cost, as far as prices are known.
        unknown: The number of unsent requests of unknown price.
        model: The model of most requests.
    """

    states: Counter[str]
    images: int
    most_images: int
    cost: float
    dollars_left: float
    unknown: int
    model: str

    @property
    def requests(self) -> int:
        """The number of requests."""
        return self.states.total()


def count(totals: Iterable[Total], prices: PriceList) -> Counts:
    """Adds up what the file of a run counts, without the rows that are no longer in its table."""
    states: Counter[str] = Counter()
    models: Counter[str] = Counter()
    images, most_images, cost, dollars, unknown = 0, 0, 0.0, 0.0, 0
    for total in totals:
        if total.is_earlier:
            continue
        estimate = prices.estimate(total.kind)
        states[total.state] += total.entries
        models[str(total.kind.get("model", ""))] += total.entries
        images += total.images
        most_images += total.entries * estimate.images
        cost += total.cost
        if total.state == OPEN and estimate.dollars is None:
            unknown += total.entries
        elif total.state == OPEN:
            dollars += total.entries * (estimate.dollars or 0.0)
    model = models.most_common(1)[0][0] if models else ""
    return Counts(states, images, most_images, cost, dollars, unknown, model)


def seconds_per_image(library: Library, model: str) -> float:
    """Seconds that a task of a model takes, by this library's records, or else by experience."""
    times = [task.elapsed for task in library.search(model=model, limit=_RECENT) if task.elapsed] if model else []
    return statistics.median(times) if times else USUAL_SECONDS


def estimate_seconds(requests: int, in_flight: int, seconds: float) -> float:
    """Seconds that requests take, some of them in flight at a time."""
    return math.ceil(requests / in_flight) * seconds


def announce(
    counts: Counts,
    *,
    prices: PriceList | None,
    in_flight: int,
    seconds: float,
    earlier: int,
    left: Sequence[tuple[Budget, float]] = (),
) -> str:
    """Describes what finishing a run means.

    Args:
        counts: Its requests.
        prices: The price list; None for a sandbox, where nothing costs money.
        in_flight: How many requests are in flight.
        seconds: How long each takes.
        earlier: The number of rows that are no longer in the table.
        left: The budgets in force, each with what is left of it.

    Returns:
        A phrase such as `10,000 images, 312 already bought; about $391 (prices of 2026-08); at 10 in flight and about
        30 s each, about 8 h 5 min`.
    """
    states, unsent = counts.states, counts.states[OPEN]
    at_most = "up to " if counts.most_images > counts.requests else ""
    where = " in the sandbox" if prices is None else ""
    bought = states[DONE] + states[SENT]
    already = f", {bought:,} already bought" if bought else ""
    if bought and bought == counts.requests:
        already = ", already bought" if bought == 1 else ", all already bought"
    parts = [f"{at_most}{count_of(counts.most_images, 'image')}{where}{already}"]
    if unsent:
        parts += filter(None, [_describe_cost(counts, prices, at_most), *_describe_budgets(counts, left)])
        each = f"{max(1, round(seconds)):,} s"
        total = format_duration(estimate_seconds(unsent + states[SENT], in_flight, seconds))
        parts.append(f"at {in_flight:,} in flight and about {each} each, about {total}")
    if states[UNCLEAR]:
        parts.append(f"{states[UNCLEAR]:,} unclear, which the account's history settles first")
    if states[FAILED]:
        parts.append(f"{states[FAILED]:,} failed: run.retry()")
    if states[REJECTED]:
        parts.append(f"{states[REJECTED]:,} rejected by moderation")
    if earlier:
        parts.append(f"{count_of(earlier, 'earlier row')} no longer in the table")
    return "; ".join(parts)


def format_duration(seconds: float) -> str:
    """Formats a duration, rounded up to minutes.

    Example:
        >>> format_duration(29064), format_duration(150), format_duration(12.3), format_duration(7200)
        ('8 h 5 min', '3 min', '13 s', '2 h')
    """
    if seconds <= _MINUTE:
        return f"{max(1, math.ceil(seconds))} s"
    hours, rest = divmod(math.ceil(seconds / _MINUTE) * _MINUTE, _HOUR)
    parts = [f"{hours:,} h" if hours else "", f"{rest // _MINUTE} min" if rest else ""]
    return " ".join(filter(None, parts))


def _describe_cost(counts: Counts, prices: PriceList | None, at_most: str) -> str:
    if prices is None:
        return ""
    if counts.unknown == counts.states[OPEN]:
        return "price unknown"
    unknown = f", and {counts.unknown:,} of unknown price" if counts.unknown else ""
    return f"{at_most}about {_format_total(counts.dollars_left)} ({prices.name}){unknown}"


def _format_total(dollars: float) -> str:
    """An amount as far as an estimate is exact."""
    return f"${dollars:,.0f}" if dollars >= 100 else format_dollars(dollars)  # noqa: PLR2004  three digits


def _describe_budgets(counts: Counts, left: Sequence[tuple[Budget, float]]) -> list[str]:
    return [
        f"the {budget} has {format_dollars(dollars)} left, so it will stop there"
        for budget, dollars in left
        if counts.dollars_left > dollars + 1e-6
    ]
