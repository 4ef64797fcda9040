"""Orders: what a click on Generate sends, planned before the click from what is in the form. Pure functions.

The same requests give the button its words and are sent by a click; nothing is read or computed in between.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from seedream_nb.client.sweeps import describe_cost
from seedream_nb.core.errors import UsageError
from seedream_nb.core.foreign import show_line
from seedream_nb.panels.generate_settings import (
    FORMATS,
    MOST_TAKES,
    GenerateSettings,
    find_problem,
    plan,
)
from seedream_nb.protocol.capabilities import MAX_IMAGES
from seedream_nb.protocol.request_body import DEFAULT_MODEL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedream_nb.client.preparation import GenerationRequest
    from seedream_nb.protocol.prices import PriceList

COUNTS = {"max_images": ("Images per set", MAX_IMAGES), "takes": ("Takes", MOST_TAKES)}
MOST_DIGITS = 6
MOST_SHOWN = 20  # characters of what was typed


@dataclass(frozen=True)
class Entries:
    """What is in the form: texts as they were typed, and choices."""

    prompt: str = ""
    model: str = DEFAULT_MODEL
    size: str = ""
    max_images: str = "1"
    takes: str = "1"
    output_format: str = ""
    watermark: bool = True
    references: tuple[str, ...] = ()
    others: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True)
class Order:
    """What a click sends.

    Attributes:
        requests: The requests; none when something is wrong.
        cost: What the button says, in the words of the magic.
        problem: Why nothing can be sent; else empty.
        marked: The fields in which something is wrong, each with the problem.
    """

    requests: tuple[GenerationRequest, ...] = ()
    cost: str = ""
    problem: str = ""
    marked: Mapping[str, str] = field(default_factory=dict)


def plan_order(entries: Entries, prices: PriceList | None) -> Order:
    """Plans what a click sends. Sends nothing, but reads the reference images. Without prices, nothing costs money.

    Example:
        >>> from seedream_nb.protocol.prices import default_prices
        >>> plan_order(Entries("a cat", takes="3"), default_prices()).cost
        '3 paid requests (3 takes), about $0.12 (prices of 2026-08)'
        >>> plan_order(Entries("a cat", takes="12"), default_prices()).marked
        {'takes': 'Takes must be a whole number from 1 to 8, not 12.'}
    """
    marked = dict(_find_marked(entries))
    if marked:
        return Order(problem=f"Correct the marked {'field' if len(marked) == 1 else 'fields'}.", marked=marked)
    settings = read_settings(entries)
    if problem := find_problem(settings):
        return Order(problem=problem)
    sweep = plan(settings)
    return Order(sweep.requests, describe_cost(sweep, prices))


def read_settings(entries: Entries) -> GenerateSettings:
    """The settings; those left at their default are left to the service.

    Raises:
        UsageError: A number cannot be read.
    """
    max_images = _read_number(entries, "max_images")
    return GenerateSettings(
        prompt=entries.prompt.strip(),
        model=entries.model,
        size=entries.size.strip() or None,
        max_images=None if max_images == 1 else max_images,
        takes=_read_number(entries, "takes"),
        output_format=next((known for known in FORMATS if known == entries.output_format), None),
        watermark=None if entries.watermark else False,
        references=entries.references,
        others=entries.others,
    )


def _find_marked(entries: Entries) -> dict[str, str]:
    """The fields that are wrong whatever is in the others, except for the model."""
    found = {}
    for name in ("size", *COUNTS):
        alone = dataclasses.replace(Entries("any prompt", entries.model), **{name: getattr(entries, name)})
        try:
            problem = find_problem(read_settings(alone))
        except UsageError as error:
            problem = error.message
        if problem:
            found[name] = problem
    return found


def _read_number(entries: Entries, name: str) -> int:
    text = getattr(entries, name).strip()
    label, most = COUNTS[name]
    if text.isdecimal() and len(text) <= MOST_DIGITS and int(text) in range(1, most + 1):
        return int(text)
    typed = f", not {show_line(text, MOST_SHOWN)}" if text else ""
    raise UsageError(f"{label} must be a whole number from 1 to {most}{typed}.", hint="Nothing was sent.")
