"""Edits: what the markup editor sends, planned before the click from what is drawn and typed. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, get_args

from seedream_nb.client.sweeps import describe_cost, plan_sweep
from seedream_nb.core.errors import ImageError, UsageError
from seedream_nb.core.foreign import read_mapping, read_text
from seedream_nb.images.shapes import MOST_SHAPES
from seedream_nb.panels.generate_settings import EMPTY_IMAGE, accepted_by, find_request_problem, settings_of
from seedream_nb.panels.orders import Order
from seedream_nb.protocol.capabilities import MODELS
from seedream_nb.protocol.request_body import DEFAULT_MODEL, GenerationOptions
from seedream_nb.protocol.sizes import COMMON_RATIOS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from seedream_nb.images.markup import Markup
    from seedream_nb.panels.cards import Card
    from seedream_nb.protocol.prices import PriceList

Method = Literal["marked", "layers"]

METHODS: tuple[Method, ...] = get_args(Method)
MOST_CHARACTERS = 20_000  # of an instruction; the guides say 600 words
NOTHING_TO_DO = "Enter what to change."


@dataclass(frozen=True)
class EditEntries:
    """What is drawn and typed in the editor.

    Attributes:
        shapes: The shapes as JSON, as `Markup.from_json` reads and checks them.
        instruction: What to change.
        model: The full model id.
        size: As it was typed.
        watermark: Whether to watermark the result.
        method: Whether to send the marked copy, or the clean original for a layer decomposition.
    """

    shapes: tuple[Mapping[str, object], ...] = ()
    instruction: str = ""
    model: str = DEFAULT_MODEL
    size: str = ""
    watermark: bool = True
    method: Method = "marked"

    def to_dict(self) -> dict[str, object]:
        """The entries as the front end has them."""
        return {
            "shapes": [dict(shape) for shape in self.shapes],
            "instruction": self.instruction,
            "model": self.model,
            "size": self.size,
            "watermark": self.watermark,
            "method": self.method,
        }


@dataclass(frozen=True)
class EditOrder:
    """What a click sends, and what is shown of it.

    Attributes:
        order: The request; none when something is wrong.
        content: The file of the image that is sent, exactly; empty when something is wrong with the shapes.
        marked: The file of the marked copy.
        prompt: The prompt of a layer decomposition, with the boxes as coordinates.
    """

    order: Order
    content: bytes = field(default=b"", repr=False)
    marked: bytes = field(default=b"", repr=False)
    prompt: str = ""


def entries_for(card: Card) -> EditEntries:
    """What an editor begins with: the settings of the image's own request, as far as an edit accepts them."""
    settings = settings_of(card)
    model = settings.model if settings.model in MODELS else DEFAULT_MODEL
    entries = EditEntries(model=model, size=settings.size or "", watermark=settings.watermark is not False)
    is_accepted = not find_request_problem("any prompt", _options(entries), [EMPTY_IMAGE])
    return entries if is_accepted else EditEntries(model=model, watermark=entries.watermark)


def read_entries(content: object, before: EditEntries) -> EditEntries:
    """The entries that the front end sends, which is untrusted; what cannot be read stays as it was."""
    fields = read_mapping(content)
    shapes = fields.get("shapes")
    model, method, watermark = fields.get("model"), fields.get("method"), fields.get("watermark")
    is_list = isinstance(shapes, list) and len(shapes) <= MOST_SHAPES and all(isinstance(one, dict) for one in shapes)
    return EditEntries(
        shapes=tuple(shapes) if is_list and isinstance(shapes, list) else before.shapes,
        instruction=read_text(fields.get("instruction"))[:MOST_CHARACTERS],
        model=model if isinstance(model, str) and model in MODELS else before.model,
        size=read_text(fields.get("size"))[:MOST_CHARACTERS],
        watermark=watermark if isinstance(watermark, bool) else before.watermark,
        method=next((one for one in METHODS if one == method), before.method),
    )


def models_to_choose() -> list[dict[str, object]]:
    """The models with the sizes that each offers, for the front end."""
    return [
        {
            "id": model.id,
            "label": model.label,
            "sizes": [*accepted_by(model.id).sizes, *COMMON_RATIOS],
            "layers": model.layers,
        }
        for model in MODELS.values()
    ]


def plan_edit(markup: Markup, entries: EditEntries, prices: PriceList | None) -> EditOrder:
    """Plans what a click sends. Sends nothing, but renders the marked copy. Without prices, nothing costs money.

    Args:
        markup: The image with the shapes of the entries.
        entries: What is typed.
        prices: The price list.
    """
    try:
        marked, clean = markup.content, markup.clean
    except ImageError as error:
        return EditOrder(Order(problem=" ".join(filter(None, (error.message, error.hint)))))
    content = marked if entries.method == "marked" else clean
    decomposed = markup.prompt_for_layers(entries.instruction.strip())
    prompt = entries.instruction.strip() if entries.method == "marked" else decomposed
    return EditOrder(_plan(prompt, entries, content, prices), content, marked, decomposed)


def find_warning(markup: Markup, entries: EditEntries) -> str:
    """What does not fit what is drawn, and is sent as it is; else empty."""
    is_marked = entries.method == "marked"
    return " ".join(markup.check_prompt(entries.instruction) if is_marked else markup.check_layers(entries.instruction))


def _plan(prompt: str, entries: EditEntries, content: bytes, prices: PriceList | None) -> Order:
    if not prompt and entries.method == "marked":
        return Order(problem=NOTHING_TO_DO)
    options = _options(entries)
    if problem := find_request_problem(prompt, options, [EMPTY_IMAGE]):
        return Order(problem=problem)
    try:
        sweep = plan_sweep([prompt], options, image=content)
    except UsageError as error:
        return Order(problem=error.message)
    return Order(sweep.requests, describe_cost(sweep, prices))


def _options(entries: EditEntries) -> GenerationOptions:
    return GenerationOptions(
        model=entries.model,
        size=entries.size.strip() or None,
        watermark=None if entries.watermark else False,
        layers=entries.method == "layers",
    )
