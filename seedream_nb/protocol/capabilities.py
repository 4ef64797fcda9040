"""What each SeeDream model accepts, as data in one place.

The table is that of the wire contract (POST /seedream/images). New models appear every few months and get one more
entry. `seedream_nb.protocol.validation` checks requests against it.
"""

import dataclasses
import functools
import re
import types
from collections.abc import Iterator, Mapping
from fractions import Fraction
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
"""Maximum number of images of one task: a base image and up to 16 layers above it (wire contract, layers)."""

MAX_IMAGE_BYTES: Final = 10 * 1024 * 1024
"""Maximum size of an input image; the contract's 10 MB in their larger reading, so that no valid image is rejected."""

PRESETS: Final[Mapping[str, tuple[int, int]]] = types.MappingProxyType(
    {
        "1K": (1024, 1024),
        "1.5K": (1536, 1536),
        "2K": (2048, 2048),
        "3K": (3072, 3072),
        "4K": (4096, 4096),
    }
)
"""Width and height of the square that each named size stands for."""

SHAPES: Final[Mapping[str, str]] = types.MappingProxyType(
    {"square": "1:1", "portrait": "3:4", "landscape": "4:3", "wide": "16:9"}
)
"""Words for common ratios of width to height."""

COMMON_RATIOS: Final = ("1:1", "4:3", "3:4", "3:2", "2:3", "16:9", "9:16", "21:9")
"""The ratios that the models' maker lists sizes for."""

MAX_RATIO: Final = 16
"""The longer side is at most so many times the shorter one where `find_size` finds a size for a ratio.

The wire contract names no limit; the maker's documentation of these models names this one."""


def display_name(model: str) -> str:
    """Return the display name of a model, or its id if the model is unknown.

    Example:
        >>> display_name("doubao-seedream-4-0-250828"), display_name("some-model")
        ('SeeDream 4.0', 'some-model')
    """
    return MODELS[model].label if model in MODELS else model


_SIZE: Final = re.compile(r"([1-9][0-9]{0,5})x([1-9][0-9]{0,5})")
_TYPED_SIZE: Final = re.compile(r"([1-9][0-9]{0,5})\s*[xX*\u00d7]\s*([1-9][0-9]{0,5})")
_TYPED_RATIO: Final = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,4})?)\s*[:\uff1a]\s*([0-9]{1,4}(?:\.[0-9]{1,4})?)")
_NAMED_SIZES: Final = types.MappingProxyType({preset.lower(): preset for preset in (*PRESETS, "auto")})
_PIXELS_2K: Final = PRESETS["2K"][0] * PRESETS["2K"][1]
_LEAST_2K: Final = 2560 * 1440  # of the sizes that the maker lists for 2K, the one with the fewest pixels
_STEP: Final = 16  # the sides of the sizes that the maker lists are multiples of it
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


def parse_size(text: str) -> tuple[int, int] | None:
    """Return width and height of a size such as `2048x1536`, None for anything else, presets included.

    Example:
        >>> parse_size("2048x1536")
        (2048, 1536)
        >>> parse_size("2K") is None
        True
    """
    match = _SIZE.fullmatch(text)
    return (int(match[1]), int(match[2])) if match else None


def pixels_of_preset(preset: str) -> tuple[int, int]:
    """Return width and height of the square that a preset stands for.

    The service chooses the aspect ratio from the prompt; the number of pixels is that of the square.

    Raises:
        KeyError: The preset is not a fixed size (`auto`), or unknown.
    """
    return PRESETS[preset]


def display_size(size: str) -> str:
    """Return a size as captions show it, with the sign that typographers use.

    Example:
        >>> display_size("2048x1536"), display_size("2K")
        ('2048\u00d71536', '2K')
    """
    return size.replace("x", "\u00d7") if parse_size(size) else size


def read_ratio(text: str) -> Fraction | None:
    """Return width divided by height for a ratio or a word such as `portrait`, None for anything else.

    Example:
        >>> read_ratio("16:9"), read_ratio("portrait"), read_ratio("100:1")
        (Fraction(16, 9), Fraction(3, 4), None)
    """
    word = text.strip().lower()
    match = _TYPED_RATIO.fullmatch(SHAPES.get(word, word))
    sides = [Fraction(side) for side in match.groups()] if match else []
    if not sides or not all(sides):
        return None
    ratio = sides[0] / sides[1]
    return ratio if 1 <= ratio * MAX_RATIO <= MAX_RATIO**2 else None


def find_size(text: str, model: str) -> str:
    """Return the size to send for a size as people write it.

    Args:
        text: A preset in upper or lower case; width and height with `x`, `*` or a multiplication sign between them;
            a ratio such as `16:9`; or `square`, `portrait`, `landscape` or `wide`.
        model: The full model id. For an unknown model, a ratio becomes a size that every known model accepts.

    Returns:
        A preset or `<width>x<height>`, or the unchanged text if it is neither.

    Example:
        >>> find_size("2k", "doubao-seedream-4-5-251128"), find_size("2048 * 1536", "doubao-seedream-4-0-250828")
        ('2K', '2048x1536')
        >>> find_size("16:9", "doubao-seedream-4-5-251128"), find_size("huge", "doubao-seedream-4-5-251128")
        ('2560x1440', 'huge')
    """
    word = text.strip().lower()
    if word in _NAMED_SIZES:
        return _NAMED_SIZES[word]
    typed = _TYPED_SIZE.fullmatch(word)
    ratio = read_ratio(word)
    sides = typed.groups() if typed else find_sides(ratio, model) if ratio else None
    return f"{sides[0]}x{sides[1]}" if sides else text


@functools.lru_cache(maxsize=256)
def find_sides(ratio: Fraction, model: str) -> tuple[int, int]:
    """Return the width and height nearest to a ratio, with as many pixels as an image of 2K.

    Among multiples of 16 within the model's limits and up to 2048 x 2048 pixels, those with the smallest relative
    error, then the largest. For the common ratios, these are the sizes that the maker lists for 2K.

    Example:
        >>> find_sides(Fraction(21, 9), "doubao-seedream-4-0-250828")
        (3024, 1296)
    """
    known = [MODELS[model]] if model in MODELS else list(_ALL)
    least = max(model.min_pixels for model in known)
    most = min([_PIXELS_2K, *(model.max_pixels for model in known if model.max_pixels)])

    def rank(sides: tuple[int, int]) -> tuple[float, int]:
        width, height = sides[0] * ratio.denominator, sides[1] * ratio.numerator
        return max(width / height, height / width), -sides[0] * sides[1]

    accepted = [sides for sides in _sides_near(ratio, most) if least <= sides[0] * sides[1] <= most]
    of_2k = [sides for sides in accepted if sides[0] * sides[1] >= _LEAST_2K]
    return min(of_2k or accepted, key=rank)


def _sides_near(ratio: Fraction, most: int) -> Iterator[tuple[int, int]]:
    """Yield the two widths nearest to a ratio for each height."""
    height = _STEP
    while height * height * ratio <= 2 * most:
        width = int(height * ratio) // _STEP * _STEP
        yield from ((width, height), (width + _STEP, height))
        height += _STEP
