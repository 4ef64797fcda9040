"""Plans sweeps: all combinations of models, sizes, prompts and other options, before the first is paid for.

Pure functions: nothing is sent here.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedream_nb.client.submission import GenerationRequest
from seedream_nb.core.text import count_of
from seedream_nb.protocol.capabilities import display_name, find_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seedream_nb.client.references import Reference
    from seedream_nb.protocol.request_body import GenerationOptions

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

    @property
    def max_images(self) -> int:
        """The maximum number of images to be generated and paid for."""
        return sum(request.options.max_images or 1 for request in self.requests)

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
        prompts: The prompts, at least one.
        options: The options that all requests share.
        varied: Names of options, each with the values to try; repeated values are tried once.
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
    values: dict[str, tuple[object, ...]] = {"prompt": _distinct(prompts)}
    for name, tried in (varied or {}).items():
        values[name] = _distinct(find_model(str(value)) if name == "model" else value for value in tried)
    values["take"] = tuple(range(1, count + 1))
    names = [name for name, tried in values.items() if len(tried) > 1]
    axes = {name: Axis(name.replace("_", " "), tuple(_label(name, value) for value in values[name])) for name in names}
    row_names, column_names = _arrange(names, axes)
    single = {name: tried[0] for name, tried in values.items() if len(tried) == 1}
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


def describe_cost(sweep: Sweep, *, is_free: bool) -> str:
    """Describes what a sweep costs.

    Args:
        sweep: The sweep.
        is_free: Whether it is sent to the sandbox.

    Returns:
        A phrase such as `4 paid requests (2 prompts)`, or `1 request to the sandbox`.
    """
    requests = count_of(len(sweep.requests), "request" if is_free else "paid request")
    combinations = f" ({sweep})" if sweep.axes else ""
    images = f", up to {sweep.max_images:,} images" if sweep.max_images > len(sweep.requests) else ""
    return f"{requests}{combinations}{' to the sandbox' if is_free else ''}{images}"


def _distinct(values: Iterable[object]) -> tuple[object, ...]:
    return tuple(dict.fromkeys(values))


def _label(name: str, value: object) -> str:
    if name == "model":
        return display_name(str(value))
    if name in {"prompt", "size", "output_format"}:
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
