"""Reading a prompt: which subject, which colours, and the one source of chance for everything painted from it.

The words were picked from what people type into image services; a prompt that says none of them still gets a picture,
chosen by its digest.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from seedream_nb.sandbox.painting.palettes import PALETTES, Palette

if TYPE_CHECKING:
    from collections.abc import Mapping

_SUBJECTS: Mapping[str, str] = MappingProxyType(
    {
        "cat": "cat cats kitten kittens kitty siamese feline tabby tomcat 猫 貓 喵",
        "space": "space planet planets galaxy galaxies cosmos cosmic universe nebula astronaut spaceship rocket "
        "orbit saturn mars jupiter interstellar 太空 宇宙 星球 行星 银河 星系",
        "city": "city cities cityscape skyline skyscraper skyscrapers urban town street streets building buildings "
        "tokyo shanghai york london paris cyberpunk downtown metropolis 城市 都市 街 夜景",
        "flowers": "flower flowers floral garden gardens bouquet rose roses tulip tulips peony vase blossom blossoms "
        "lily sunflower sunflowers daisy still botanical plant plants 花 花园 牡丹 玫瑰",
        "desert": "desert deserts dune dunes sahara sand camel cactus canyon 沙漠 沙丘",
        "forest": "forest forests wood woods woodland tree trees jungle pine pines deer 森林 树 林",
        "sea": "sea seas ocean beach coast island islands wave waves harbour harbor boat boats sail ship lighthouse "
        "bay sunset sunsets sunrise 海 大海 海洋 日落 帆",
        "mountains": "mountain mountains landscape landscapes hill hills valley alps alpine peak peaks fuji lake lakes "
        "river nature meadow field fields countryside 山 山水 风景 湖",
    }
)
_MOODS: Mapping[str, str] = MappingProxyType(
    {
        "mono": "monochrome grayscale greyscale gray grey noir ink silver 黑白 灰 水墨",
        "neon": "neon cyberpunk synthwave vaporwave retrowave electric 霓虹 赛博朋克",
        "pastel": "pastel pastels soft dreamy cute kawaii 粉彩 柔和",
        "gold": "gold golden yellow amber honey autumn fall 金 黄 秋",
        "red": "red crimson scarlet ruby 红",
        "orange": "orange tangerine copper 橙",
        "green": "green emerald jade olive mint spring 绿",
        "teal": "teal turquoise cyan aqua 青",
        "blue": "blue azure indigo navy cobalt 蓝",
        "purple": "purple violet lavender lilac magenta 紫",
        "pink": "pink rose rosy blush cherry sakura 粉",
        "brown": "brown sepia coffee chocolate 棕",
        "night": "night midnight moon moonlight moonlit stars starry black dark nocturnal 夜 夜晚 月 星空 黑",
        "dusk": "sunset sunsets dusk evening twilight 日落 黄昏 傍晚 夕阳",
        "dawn": "sunrise dawn morning mist misty fog foggy 日出 清晨 早晨",
        "white": "snow snowy white winter ice icy 雪 冬 白",
        "day": "day daylight noon summer sunny 夏 白天 晴",
    }
)
_CYCLES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "cat": ("dawn", "teal", "gold", "night"),
        "space": ("night", "purple", "teal", "dusk"),
        "city": ("night", "dusk", "neon", "purple"),
        "flowers": ("pastel", "teal", "gold", "pink"),
        "desert": ("orange", "dusk", "gold", "dawn"),
        "forest": ("green", "dawn", "teal", "gold"),
        "sea": ("dusk", "teal", "orange", "dawn"),
        "mountains": ("dawn", "day", "dusk", "night"),
        "abstract": ("dusk", "teal", "purple", "orange"),
    }
)
_SIBLINGS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "dusk": ("dusk", "orange", "purple", "red"),
        "dawn": ("dawn", "pastel", "pink", "gold"),
        "day": ("day", "teal", "blue", "green"),
        "night": ("night", "midnight", "night", "midnight"),
    }
)
_COAT_COLORS: Mapping[str, str] = MappingProxyType(
    {"black": "black", "white": "white", "orange": "ginger", "ginger": "ginger", "red": "ginger", "golden": "ginger"}
    | {
        "grey": "grey",
        "gray": "grey",
        "blue": "grey",
        "silver": "grey",
        "tabby": "ginger",
        "黑": "black",
        "白": "white",
    }
    | {"橘": "ginger", "橙": "ginger", "灰": "grey", "brown": "brown", "棕": "brown", "calico": "ginger"}
)
_SIAMESE = frozenset({"siamese", "暹罗"})


@dataclass(frozen=True)
class Theme:
    """What a prompt asks for.

    Args:
        subject: The scene to paint, one of `subjects`.
        palette: Its colours.
        coat: A cat's fur: ``siamese``, ``white``, ``black``, ``ginger``, ``grey`` or ``brown``.
        variant: Which of a scene's compositions, counted up by the image's index.
        digest: Decides every detail that is left to chance.
    """

    subject: str
    palette: Palette
    coat: str
    variant: int
    digest: bytes

    def rng(self, part: str) -> np.random.Generator:
        """A fresh source of chance for one part of the picture, so that parts can be painted in any order."""
        seed = hashlib.sha256(self.digest + part.encode()).digest()
        return np.random.Generator(np.random.PCG64(int.from_bytes(seed[:16], "big")))

    def with_subject(self, subject: str) -> Theme:
        """The same theme for another scene."""
        return replace(self, subject=subject)


def subjects() -> tuple[str, ...]:
    """Every subject a theme can have."""
    return tuple(_CYCLES)


def read_theme(prompt: str, *, index: int = 0, seed: int | None = None) -> Theme:
    """Read a prompt.

    Args:
        prompt: Any text, the empty one included.
        index: Position within a set of images.
        seed: Another picture for the same prompt; None is the prompt's own.

    Returns:
        The theme; the same for the same arguments on every machine.
    """
    text = prompt.lower()
    words = set(re.findall(r"[a-z]+", text))
    family = hashlib.sha256(f"{text.strip()}\n{seed}".encode("utf-8", "replace")).digest()
    own = hashlib.sha256(family + str(index).encode()).digest()
    moods = [mood for mood, known in _MOODS.items() if _says(text, words, known)]
    subject = next((subject for subject, known in _SUBJECTS.items() if _says(text, words, known)), None)
    if subject is None:
        subject = "mountains" if {"night", "dawn"} & set(moods) else "abstract"
    variant = family[0] + 1 + index  # the one added lets the documentation's own prompt open with its best composition
    if subject == "cat":  # "a white siamese cat" names the fur, not the weather
        moods = [mood for mood in moods if mood in {"neon", "pastel", "night", "dusk", "dawn"} and "black" not in words]
    cycle = _CYCLES[subject]
    if len(moods) == 1:
        moods = list(_SIBLINGS.get(moods[0], (moods[0],)))
    palette = moods[index % len(moods)] if moods else cycle[variant % len(cycle)]
    return Theme(subject, PALETTES[palette], _coat(text, words), variant, own)


def _says(text: str, words: set[str], known: str) -> bool:
    return any(word in words if word.isascii() else word in text for word in known.split())


def _coat(text: str, words: set[str]) -> str:
    if words & _SIAMESE or "暹罗" in text:
        return "siamese"
    found = (coat for word, coat in _COAT_COLORS.items() if _says(text, words, word))
    return next(found, "ginger")
