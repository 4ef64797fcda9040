"""Plans sweeps: all combinations of models, sizes, prompts and other options, before the first is paid for.

Pure functions: nothing is sent here.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.client.preparation import GenerationRequest
from seedream_nb.core.text import count_of
from seedream_nb.protocol.capabilities import display_name, find_model
from seedream_nb.protocol.prices import format_dollars
from seedream_nb.protocol.request_body import build_body, resolve
from seedream_nb.protocol.sizes import display_size, find_size, read_ratio

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import date, datetime

    from seedream_nb.client.references import Reference
    from seedream_nb.protocol.prices import PriceList
    from seedream_nb.protocol.request_body import GenerationOptions

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MAX_COLUMNS = 6  # images that can be compared side by side without scrolling


@dataclass(frozen=True)
class Axis:
    """An option that is varied.

    Attributes:
        noun: Its name, in the singular.
        labels: Its values as they are shown.
    """

    noun: str
    labels: tuple[str, ...]

    def __str__(self) -> str:
        return count_of(len(self.labels), self.noun)


@dataclass(frozen=True)
class Sweep:
    """All combinations of the varied options, as requests in the order of a table.

    Attributes:
        requests: The requests, row by row.
        axes: The options with more than one value.
        rows: The labels of the table's rows; one empty label when there is one row.
        columns: The labels of its columns, likewise.
    """

    requests: tuple[GenerationRequest, ...]
    axes: tuple[Axis, ...]
    rows: tuple[str, ...]
    columns: tuple[str, ...]

    def __str__(self) -> str:
        return " × ".join(map(str, self.axes))  # noqa: RUF001  the sign typographers use


def plan_sweep(
    prompts: Sequence[str],
    options: GenerationOptions,
    varied: Mapping[str, Sequence[object]] | None = None,
    *,
    image: Reference | tuple[Reference, ...] | None = None,
    count: int = 1,
) -> Sweep:
    """Plans the table of all combinations.

    Args:
        prompts: The prompts, at least one; a repeated one is sent repeatedly.
        options: The options that all requests share.
        varied: Names of options, each with the values to try; repeated values are tried once, also when they are
            written differently, as `2K` and `2k`.
        image: Reference images, the same for all.
        count: The number of takes of each combination.

    Returns:
        The requests with the labels of rows and columns. With one axis there is one row, or one column if a row would
        be too wide; with several, the last one becomes the columns.

    Example:
        >>> from seedream_nb import GenerationOptions
        >>> sweep = plan_sweep(["a cat", "a dog"], GenerationOptions(), {"size": ["2K", "3K"]})
        >>> len(sweep.requests), sweep.rows, sweep.columns
        (4, ('a cat', 'a dog'), ('2K', '3K'))
    """
    tried = dict(varied or {})
    models = tuple(dict.fromkeys(find_model(str(model)) for model in tried.get("model", [options.model])))
    values: dict[str, tuple[object, ...]] = {"prompt": tuple(prompts)}
    for name, given in tried.items():
        values[name] = models if name == "model" else _distinct(given)
    if "size" in values:
        values["size"] = _distinct_sizes(values["size"], models)
    values["take"] = tuple(range(1, count + 1))
    names = [name for name, given in values.items() if len(given) > 1]
    axes = {
        name: Axis(name.replace("_", " "), tuple(_label(name, value, models) for value in values[name]))
        for name in names
    }
    row_names, column_names = _arrange(names, axes)
    single = {name: given[0] for name, given in values.items() if len(given) == 1}
    places = itertools.product(*(values[name] for name in (*row_names, *column_names)))
    return Sweep(
        requests=tuple(
            _request({**single, **dict(zip((*row_names, *column_names), place, strict=True))}, options, image)
            for place in places
        ),
        axes=tuple(axes.values()),
        rows=_join_labels(row_names, axes),
        columns=_join_labels(column_names, axes),
    )


def describe_cost(sweep: Sweep, prices: PriceList | None, *, kept: Collection[int] = ()) -> str:
    """Describes what a sweep costs.

    Args:
        sweep: The sweep.
        prices: The price list; None for the sandbox, where nothing costs money.
        kept: The indexes of its requests that were paid for before and are not sent again.

    Returns:
        A phrase such as `4 paid requests (2 prompts), about $0.16 (prices of 2026-08)`, `1 request to the sandbox`, or,
        with what a ratio was understood as, `1 request to the sandbox · 16:9 → 2560x1440`.
    """
    new = [request for index, request in enumerate(sweep.requests) if index not in kept]
    requests = count_of(len(new), "request" if prices is None else "paid request")
    before = f", {len(kept):,} of {len(sweep.requests):,} paid before" if kept else ""
    combinations = f" ({sweep})" if sweep.axes else ""
    most = sum(request.options.max_images or 1 for request in new)
    images = f", up to {most:,} images" if most > len(new) else ""
    where = " to the sandbox" if prices is None else ""
    cost = _describe_estimate(new, prices) if prices is not None and new else ""
    return f"{requests}{combinations}{where}{images}{cost}{before}{_describe_ratios(sweep)}"


def _describe_estimate(requests: Sequence[GenerationRequest], prices: PriceList) -> str:
    estimates = [prices.estimate(build_body("", request.options)) for request in requests]
    known = [estimate.dollars for estimate in estimates if estimate.dollars is not None]
    if not known:
        return ", price unknown"
    at_most = "up to " if any(estimate.images > 1 for estimate in estimates) else ""
    unknown = f" and {len(estimates) - len(known):,} of unknown price" if len(known) < len(estimates) else ""
    return f", {at_most}about {format_dollars(sum(known))} ({prices.name}){unknown}"


def describe_kept(kept: Collection[datetime], new: int, total: int, today: date) -> str:
    """Describes how many tasks were paid for before; empty if none was.

    Args:
        kept: When those that were paid for before were ordered.
        new: How many are paid for now.
        total: How many there are, failed ones included.
        today: The current day.

    Example:
        >>> from datetime import date, datetime
        >>> moments = [datetime(2026, 11, 22, 9), datetime(2026, 11, 22, 10)]
        >>> describe_kept(moments, 1, 3, date(2026, 11, 28)), describe_kept(moments, 0, 2, date(2026, 11, 22))
        ('2 kept from Nov 22, 1 new', 'kept from today')
    """
    if not kept:
        return ""
    first, last = (name_day(moment.date(), today) for moment in (min(kept), max(kept)))
    since = f"kept from {first}" if first == last else f"kept from {first} to {last}"
    if len(kept) == total:
        return since
    return f"{len(kept):,} {since}, {new:,} new" if new else f"{len(kept):,} {since}"


def name_day(day: date, today: date) -> str:
    """A day as people write it: `today`, `Nov 22`, or `Nov 22, 2025`."""
    if day == today:
        return "today"
    # No name of a locale, and no leading zero, which strftime writes differently on each system.
    name = f"{_MONTHS[day.month - 1]} {day.day}"
    return name if day.year == today.year else f"{name}, {day.year}"


def _describe_ratios(sweep: Sweep) -> str:
    """The sizes that are sent for ratios."""
    chosen = dict.fromkeys((request.options.size, resolve(request.options)[1]) for request in sweep.requests)
    ratios = [f"{typed} → {sent}" for typed, sent in chosen if isinstance(typed, str) and read_ratio(typed)]
    return f" · {', '.join(ratios)}" if ratios else ""


def _distinct(values: Iterable[object]) -> tuple[object, ...]:
    return tuple(dict.fromkeys(values))


def _distinct_sizes(sizes: Iterable[object], models: Sequence[str]) -> tuple[object, ...]:
    """The sizes that differ for at least one model, as they were first written."""
    first: dict[tuple[str, ...], object] = {}
    for size in sizes:
        first.setdefault(_sizes_sent(size, models), size)
    return tuple(first.values())


def _sizes_sent(size: object, models: Sequence[str]) -> tuple[str, ...]:
    return tuple(find_size(str(size), model) for model in models)


def _label(name: str, value: object, models: Sequence[str]) -> str:
    if name == "model":
        return display_name(str(value))
    if name == "size":
        sent = _sizes_sent(value, models)
        if read_ratio(str(value)) is None:
            return display_size(sent[0])
        # On a line of its own, so that the captions below need not repeat it.
        return f"{value}\n{display_size(sent[0])}" if len(set(sent)) == 1 else str(value)
    if name in {"prompt", "output_format"}:
        return str(value)
    return f"{name.replace('_', ' ')} {value}"


def _arrange(names: Sequence[str], axes: Mapping[str, Axis]) -> tuple[list[str], list[str]]:
    """The axes of the rows, and those of the columns."""
    *row_names, column_name = names or [""]
    if not column_name:
        return [], []
    rows = math.prod(len(axes[name].labels) for name in row_names)
    columns = len(axes[column_name].labels)
    if columns > MAX_COLUMNS >= rows and len(row_names) <= 1:
        return [column_name], row_names
    return row_names, [column_name]


def _join_labels(names: Sequence[str], axes: Mapping[str, Axis]) -> tuple[str, ...]:
    # Not joined by a punctuation mark: a prompt may contain it.
    return tuple("\n".join(labels) for labels in itertools.product(*(axes[name].labels for name in names)))


def _request(
    values: dict[str, object], options: GenerationOptions, image: Reference | tuple[Reference, ...] | None
) -> GenerationRequest:
    chosen = {name: value for name, value in values.items() if name not in {"prompt", "take"}}
    # The names come from the caller's table of options, so replace() is what rejects an unknown one.
    return GenerationRequest(str(values["prompt"]), dataclasses.replace(options, **chosen), image)  # type: ignore[arg-type]  # as above
