"""What a request costs: estimates from a dated price list, which users can replace by their own.

The list is `prices.toml` in this folder. One of your own, named in the environment variable `SEEDREAM_PRICES`, has the
same format, in US dollars for one image, and replaces it:

    date = "2026-11"    # shown beside each estimate; optional
    credit = 0.095      # a credit of the service, in which it may report charges; optional

    [models]            # by short name or full id
    "4.5" = 0.037
    "5.0-pro" = { "1K" = 0.044, "2K" = 0.088, layers = 0.30 }

An image of another size costs as much as the next larger named size; where the service chooses the size, the highest
price counts. `layers` is the price of a whole layer decomposition.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from seedream_nb.core.foreign import read_mapping, read_number
from seedream_nb.protocol.capabilities import MAX_IMAGES, find_model
from seedream_nb.protocol.sizes import PRESETS, parse_size
from seedream_nb.protocol.validation import find_model_problem

if TYPE_CHECKING:
    from collections.abc import Mapping

EXAMPLE = 'date = "2026-11", a line [models], and a line "4.5" = 0.037'
_LAYERS = "layers"


@dataclass(frozen=True)
class Estimate:
    """What one request may cost.

    Attributes:
        dollars: US dollars for all its images; None if the price is unknown.
        images: The maximum number of images.
    """

    dollars: float | None
    images: int = 1


@dataclass(frozen=True)
class ModelPrices:
    """The prices of one model in US dollars.

    Attributes:
        images: The most pixels of an image and its price, the smallest first; one price for all has no maximum.
        layers: The price of a layer decomposition; None if it is unknown.
    """

    images: tuple[tuple[float, float], ...] = ()
    layers: float | None = None

    def of_size(self, size: object) -> float | None:
        """The price of an image of a size as it is sent; None if it is unknown."""
        if not self.images:
            return None
        pixels = _pixels_of(size)
        if pixels is None:
            return max(price for _, price in self.images)
        return next((price for most, price in self.images if pixels <= most), self.images[-1][1])


@dataclass(frozen=True)
class PriceList:
    """Prices as of a date.

    Attributes:
        name: How messages name it, such as `prices of 2026-08`.
        models: The prices by full model id.
        credit: A credit of the service in US dollars.
    """

    name: str
    models: Mapping[str, ModelPrices] = field(default_factory=dict)
    credit: float = 0.0

    def estimate(self, body: Mapping[str, object]) -> Estimate:
        """Estimates what a request costs at most, from its body.

        Example:
            >>> default_prices().estimate({"model": "doubao-seedream-4-0-250828", "prompt": "a cat"})
            Estimate(dollars=0.03, images=1)
        """
        prices = self.models.get(str(body.get("model")), ModelPrices())
        if body.get("layer_decomposition"):
            return Estimate(prices.layers)
        images = _count_images(body)
        price = prices.of_size(body.get("size"))
        return Estimate(None if price is None else price * images, images)


@lru_cache(maxsize=1)
def default_prices() -> PriceList:
    """The price list of this package."""
    return read_prices(files("seedream_nb.protocol").joinpath("prices.toml").read_text(encoding="utf-8"))


def read_prices(text: str) -> PriceList:
    r"""Reads a price list.

    Args:
        text: TOML in the format of `prices.toml`.

    Raises:
        ValueError: It is not a price list; the message says why, as a sentence.

    Example:
        >>> read_prices('date = "2026-11"\n[models]\n"4.5" = 0.05').name
        'prices of 2026-11'
    """
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"It is not valid TOML: {error}.") from None
    unknown = sorted(content.keys() - {"date", "credit", "models"})
    if unknown:
        raise ValueError(f"{unknown[0]!r} is not one of date, credit, and models.")
    if not isinstance(content.get("models"), dict) or not content["models"]:
        raise ValueError("There is no price below [models].")
    models = {}
    for name, given in content["models"].items():
        model = find_model(name)
        if problem := find_model_problem(model):
            raise ValueError(problem)
        models[model] = _read_model(name, given)
    date = content.get("date")
    credit = _read_price("credit", content["credit"]) if "credit" in content else default_prices().credit
    return PriceList(f"prices of {date}" if date else "your prices", models, credit)


def format_dollars(amount: float) -> str:
    """Formats an amount, below one dollar to a tenth of a cent.

    Example:
        >>> format_dollars(0.24), format_dollars(0.037), format_dollars(1234.567)
        ('$0.24', '$0.037', '$1,234.57')
    """
    cents = f"{amount:,.2f}"
    return f"${cents}" if abs(amount) >= 1 or math.isclose(amount, float(cents), abs_tol=5e-4) else f"${amount:.3f}"


def _read_model(name: str, given: object) -> ModelPrices:
    if not isinstance(given, dict):
        return ModelPrices(((math.inf, _read_price(name, given)),))
    unknown = sorted(given.keys() - {*PRESETS, _LAYERS})
    if unknown or not given:
        named = f"{unknown[0]!r} is" if unknown else "There is"
        raise ValueError(f"{name}: {named} none of {', '.join(PRESETS)}, and {_LAYERS}.")
    images = [
        (float(width * height), _read_price(f"{name}, {preset}", given[preset]))
        for preset, (width, height) in PRESETS.items()
        if preset in given
    ]
    return ModelPrices(tuple(images), _read_price(name, given[_LAYERS]) if _LAYERS in given else None)


def _read_price(name: str, given: object) -> float:
    price = read_number(given)
    if price is None or price < 0:
        raise ValueError(f"{name}: {given!r} is not a price in US dollars.")
    return price


def _pixels_of(size: object) -> int | None:
    """The pixels of an image; None if the service chooses its size."""
    sides = PRESETS.get(size) or parse_size(size) if isinstance(size, str) else None
    return sides[0] * sides[1] if sides else None


def _count_images(body: Mapping[str, object]) -> int:
    """The maximum number of images."""
    if body.get("sequential_image_generation") != "auto":
        return 1
    most = read_number(read_mapping(body.get("sequential_image_generation_options")).get("max_images"))
    return MAX_IMAGES if most is None else max(1, int(most))
