"""What each SeeDream model accepts, as data in one place.

The table is that of the wire contract (Models). New models appear every few months and get one more
entry. `seedream_nb.protocol.validation` checks requests against it.
"""

import dataclasses
import re
import types
from collections.abc import Mapping
from typing import Final


@dataclasses.dataclass(frozen=True)
class ModelCapabilities:
    """What one model accepts.

    Attributes:
        id: The full model id, the only name that the service accepts.
        label: The display name.
        presets: Named sizes, as for `pixels_of_preset`.
        min_pixels: Smallest width x height of a custom size.
        max_pixels: Largest width x height of a custom size, None where no limit is documented.
        reference_images: Maximum number of input images.
        sequential: Whether one request can generate a set of images.
        stream: Whether images can be sent one by one as they finish.
        web_search: Whether the tool `web_search` is available.
        output_format: Whether the file format can be chosen.
        optimize_prompt_modes: Accepted values of `optimize_prompt_options.mode`.
        layers: Whether layer decomposition is available.
        background: Whether a transparent background can be requested.
    """

    id: str
    label: str
    presets: tuple[str, ...]
    min_pixels: int
    max_pixels: int | None
    reference_images: int
    optimize_prompt_modes: tuple[str, ...]
    sequential: bool = False
    stream: bool = False
    web_search: bool = False
    output_format: bool = False
    layers: bool = False
    background: bool = False

    @property
    def short_name(self) -> str:
        """The name to type, such as `5.0-lite`; the service does not accept it."""
        return self.label.removeprefix("SeeDream ").replace(" ", "-").lower()


_ALL: Final = (
    ModelCapabilities(
        id="doubao-seedream-5-0-pro-260628",
        label="SeeDream 5.0 Pro",
        presets=("1K", "1.5K", "2K"),
        min_pixels=921_600,
        max_pixels=4_624_220,
        reference_images=10,
        output_format=True,
        optimize_prompt_modes=("standard", "fast"),
        layers=True,
        background=True,
    ),
    ModelCapabilities(
        id="doubao-seedream-5-0-lite-260128",
        label="SeeDream 5.0 Lite",
        presets=("2K", "3K", "4K"),
        min_pixels=3_686_400,
        max_pixels=None,
        reference_images=14,
        sequential=True,
        stream=True,
        web_search=True,
        output_format=True,
        optimize_prompt_modes=("standard",),
    ),
    ModelCapabilities(
        id="doubao-seedream-4-5-251128",
        label="SeeDream 4.5",
        presets=("2K", "4K"),
        min_pixels=3_686_400,
        max_pixels=None,
        reference_images=14,
        sequential=True,
        stream=True,
        optimize_prompt_modes=("standard",),
    ),
    ModelCapabilities(
        id="doubao-seedream-4-0-250828",
        label="SeeDream 4.0",
        presets=("1K", "2K", "4K"),
        min_pixels=921_600,
        max_pixels=None,
        reference_images=14,
        sequential=True,
        stream=True,
        optimize_prompt_modes=("standard", "fast"),
    ),
)

MODELS: Final[Mapping[str, ModelCapabilities]] = types.MappingProxyType({model.id: model for model in _ALL})
"""The available models by full id, best first."""

RETIRED_MODELS: Final[Mapping[str, str]] = types.MappingProxyType(
    {
        "doubao-seedream-5-0-260128": "doubao-seedream-5-0-lite-260128",
        "doubao-seedream-3-0-t2i-250415": "doubao-seedream-4-0-250828",
        "doubao-seededit-3-0-i2i-250628": "doubao-seedream-4-0-250828",
    }
)
"""Retired ids, which still occur in old records, and their successors. Only the first successor is documented; for the
two of generation 3 it is the oldest available model, which both generates and edits."""

MAX_IMAGES: Final = 15
"""Maximum number of reference and output images of one request together (wire contract, POST /seedream/images)."""

MOST_IMAGES: Final = 17
"""Maximum number of images of one task: a base image and up to 16 layers above it (wire contract, Layers)."""

MAX_IMAGE_BYTES: Final = 10 * 1024 * 1024
"""Maximum size of an input image; the contract's 10 MB in their larger reading, so that no valid image is rejected."""


def display_name(model: str) -> str:
    """Return the display name of a model, or its id if the model is unknown.

    Example:
        >>> display_name("doubao-seedream-4-0-250828"), display_name("some-model")
        ('SeeDream 4.0', 'some-model')
    """
    return MODELS[model].label if model in MODELS else model


_WORD: Final = re.compile(r"\d+|[^\W\d_]+")
_MAKERS: Final = frozenset({"doubao", "seedream"})


def find_model(name: str) -> str:
    """Return the full id of the model with a given name.

    Case, spaces and punctuation do not matter, nor do the words `doubao` and `seedream`.

    Args:
        name: A full id, a short name, or whole words of either that match one model only.

    Returns:
        The id, or the unchanged name if it matches no model or several.

    Example:
        >>> find_model("4.5"), find_model("SeeDream 5.0 Lite")
        ('doubao-seedream-4-5-251128', 'doubao-seedream-5-0-lite-260128')
        >>> find_model("5.0")
        '5.0'
    """
    words = words_of(name)
    found = [model.id for model in _ALL if words and f" {words} " in f" {words_of(model.id)} "]
    return found[0] if len(found) == 1 else name


def matches_model(name: str, model: str) -> bool:
    """Return whether a name or a part of one fits a model: what every filter for a model means.

    Case, spaces and punctuation do not matter between whole words; a part of the id may end within a word.

    Args:
        name: A name such as `find_model` accepts, which may fit several models, or any part of an id.
        model: The full model id; it need not be known.

    Example:
        >>> matches_model("4.5", "doubao-seedream-4-5-251128"), matches_model("5.0", "doubao-seedream-4-5-251128")
        (True, False)
    """
    words = words_of(name)
    return name.strip().lower() in model.lower() or (bool(words) and f" {words} " in f" {words_of(model)} ")


def words_of(name: str) -> str:
    """Return the words and numbers of a model's name, without its maker's.

    Example:
        >>> words_of("SeeDream5.0 Pro")
        '5 0 pro'
    """
    return " ".join(word for word in _WORD.findall(name.lower()) if word not in _MAKERS)
