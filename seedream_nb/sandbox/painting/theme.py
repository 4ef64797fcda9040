"""Prompts to themes: the subject, the colors, and the seed of everything left to chance.

The words were picked from what people type into image services. A prompt without any of them still gets an image,
selected by its digest.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from seedream_nb.sandbox.painting.colors import Color, hex_colors, mix


@dataclass(frozen=True)
class Palette:
    """A color scheme that suits every scene: the sky from zenith to horizon, and silhouettes by their distance."""

    sky: tuple[Color, Color, Color, Color]
    light: Color
    far: Color
    near: Color
    accent: Color
    second: Color
    dark: bool = False

    def depth(self, amount: float) -> Color:
        """Return a silhouette's color, from 0 (far) to 1 (near)."""
        return mix(self.far, self.near, amount)


def _palette(codes: str, *, dark: bool = False) -> Palette:
    top, upper, lower, horizon, light, far, near, accent, second = hex_colors(codes)
    return Palette((top, upper, lower, horizon), light, far, near, accent, second, dark=dark)


_PALETTES: Final[Mapping[str, Palette]] = {
    "dawn": _palette("5b6ea8 a99cc8 f2b8b0 ffe0bf fff4dc b39cc0 2b2c4d f08a6b 7fb2b5"),
    "day": _palette("4f93c4 8fc1dc cfe5e6 fbf0dc fffaf0 a5c3cf 1f4a50 e8a33d d9664a"),
    "dusk": _palette("2a2857 6d3f7f d9607a ffb26b ffe3a8 b85d82 1c1538 ff8a5c 5fb0b7"),
    "night": _palette("0a1230 16254f 2c4478 6f8fb8 f6f0da 4a679c 070d22 f2c879 7ea6d9", dark=True),
    "midnight": _palette("06131f 0d2c3d 1d5561 7fb3a6 f2f4dc 3f7a80 04101a f0b878 8fd0c0", dark=True),
    "gold": _palette("c77b30 e6a24a f6cb7a fff0c4 fffbe6 d9a663 4a2a17 9c3d21 2f5d5a"),
    "red": _palette("5a1425 a3232f e0563f ffb38a ffe2c0 c4504e 2b0a17 ffc15e 3d6b74"),
    "orange": _palette("b5452c e5733c f9a857 ffe1ad fff3d6 d9774a 3d1a1c 7a2f3a 2f6d73"),
    "green": _palette("2f6f65 6fae93 bcd9b0 f4f0cf fffbe2 8fbda3 12352f f0b756 d9705a"),
    "teal": _palette("0f4c5c 2f8490 8cc5bd f3ead0 fff6df 6aabab 0a2c38 ee9560 e3c16f"),
    "blue": _palette("16336e 3c69b0 86ade0 dfeafa ffffff 7f9fd0 0b1b42 ffb454 f37f6f"),
    "purple": _palette("2b1d5c 5f3f9c a77fd0 f3cdea fff0f5 9472c4 1a1038 ffb3a0 6fd0d6"),
    "pink": _palette("c65b86 ec8fa8 f9c0c0 fff0e2 fff8ee dd94a8 56224a 8a3f74 5aa6a6"),
    "pastel": _palette("a9c7e8 cdcbee f3d3dc fff1df fffdf5 c3bfe0 6f7fae f5a99a 9fd0bd"),
    "neon": _palette("0b0524 2a0a5e 8a1fa0 ff3d9a ffe9f6 7a2fc0 07031c 19e6ff ff5fb0", dark=True),
    "mono": _palette("3a3d42 70757b b4b8bc eeeeea ffffff a0a3a8 15171a d8d8d4 5a5d62"),
    "white": _palette("9fb4c8 c4d3df e4ebef fdfbf6 ffffff bccad6 3f5a70 e7a06a 6f97ab"),
    "brown": _palette("6b4a3a a67a5b d4ae8a f4e3cb fff6e8 b8906f 2e1d18 c8643c 5d7f78"),
}

_SUBJECTS: Final[Mapping[str, str]] = {
    "cat": "cat kitten kitty siamese feline tabby tomcat 猫 貓 喵",
    "space": "space planet galaxy galaxies cosmos cosmic universe nebula astronaut spaceship rocket orbit saturn mars "
    "jupiter interstellar 太空 宇宙 星球 行星 银河 星系",
    "city": "city cities cityscape skyline skyscraper urban town street building tokyo shanghai york london paris "
    "cyberpunk downtown metropolis 城市 都市 街 夜景",
    "flowers": "flower floral garden bouquet rose tulip peony vase blossom lily sunflower daisy botanical plant "
    "花 花园 牡丹 玫瑰",
    "forest": "forest wood woodland tree jungle pine deer 森林 树 林",
    "sea": "sea ocean beach coast island wave harbour harbor boat sail ship lighthouse bay sunset sunrise "
    "海 大海 海洋 日落 帆",
    "mountains": "mountain landscape hill valley alp alpine peak fuji lake river nature meadow field countryside "
    "desert dune sahara canyon 山 山水 风景 湖 沙漠",
}
_MOODS: Final[Mapping[str, str]] = {
    "mono": "monochrome grayscale greyscale gray grey noir ink silver 黑白 灰 水墨",
    "neon": "neon cyberpunk synthwave vaporwave retrowave electric 霓虹 赛博朋克",
    "pastel": "pastel soft dreamy cute kawaii 粉彩 柔和",
    "gold": "gold golden yellow amber honey autumn fall 金 黄 秋",
    "red": "red crimson scarlet ruby 红",
    "orange": "orange tangerine copper 橙",
    "green": "green emerald jade olive mint spring 绿",
    "teal": "teal turquoise cyan aqua 青",
    "blue": "blue azure indigo navy cobalt 蓝",
    "purple": "purple violet lavender lilac magenta 紫",
    "pink": "pink rose rosy blush cherry sakura 粉",
    "brown": "brown sepia coffee chocolate 棕",
    "night": "night midnight moon moonlight moonlit star starry black dark nocturnal 夜 夜晚 月 星空 黑",
    "dusk": "sunset dusk evening twilight 日落 黄昏 傍晚 夕阳",
    "dawn": "sunrise dawn morning mist misty fog foggy 日出 清晨 早晨",
    "white": "snow snowy white winter ice icy 雪 冬 白",
    "day": "day daylight noon summer sunny 夏 白天 晴",
}
_CYCLES: Final[Mapping[str, tuple[str, ...]]] = {
    "cat": ("dawn", "teal", "gold", "night"),
    "space": ("night", "purple", "teal", "dusk"),
    "city": ("night", "dusk", "neon", "purple"),
    "flowers": ("pastel", "teal", "gold", "pink"),
    "forest": ("green", "dawn", "teal", "gold"),
    "sea": ("dusk", "teal", "orange", "dawn"),
    "mountains": ("dawn", "day", "dusk", "night"),
    "abstract": ("dusk", "teal", "purple", "orange"),
}
_SIBLINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "dusk": ("dusk", "orange", "purple", "red"),
    "dawn": ("dawn", "pastel", "pink", "gold"),
    "day": ("day", "teal", "blue", "green"),
    "night": ("night", "midnight", "night", "midnight"),
}
_COATS: Final[Mapping[str, str]] = {
    "siamese": "siamese 暹罗",
    "black": "black 黑",
    "white": "white 白",
    "ginger": "orange ginger red golden tabby calico 橘 橙",
    "grey": "grey gray blue silver 灰",
    "brown": "brown 棕",
}


@dataclass(frozen=True)
class Theme:
    """The reading of a prompt; the digest is the seed of every detail left to chance.

    `variant` numbers the scene's composition and increases with the image's index.
    """

    subject: str
    palette: Palette
    coat: str
    variant: int
    digest: bytes

    def rng(self, part: str) -> np.random.Generator:
        """Return a random generator for one part of the image, so that parts can be painted in any order."""
        seed = hashlib.sha256(self.digest + part.encode()).digest()
        return np.random.Generator(np.random.PCG64(int.from_bytes(seed[:16], "big")))


def read_theme(prompt: str, *, index: int = 0, seed: int | None = None) -> Theme:
    """Return the theme of a prompt, which may be empty; the same for the same arguments on every machine."""
    text = prompt.lower()
    words = {form for word in re.findall(r"[a-z]+", text) for form in (word, word.removesuffix("s"))}
    family = hashlib.sha256(f"{text.strip()}\n{seed}".encode("utf-8", "replace")).digest()
    own = hashlib.sha256(family + str(index).encode()).digest()
    moods = [mood for mood, known in _MOODS.items() if _says(text, words, known)]
    subject = next((subject for subject, known in _SUBJECTS.items() if _says(text, words, known)), None)
    if subject is None:
        subject = "mountains" if {"night", "dawn"} & set(moods) else "abstract"
    variant = family[0] + 1 + index  # gives the documentation's prompt the best composition
    if subject == "cat":  # "a white cat" names the fur, not the weather
        moods = [mood for mood in moods if mood in {"neon", "pastel", "night", "dusk", "dawn"} and "black" not in words]
    cycle = _CYCLES[subject]
    if len(moods) == 1:
        moods = list(_SIBLINGS.get(moods[0], (moods[0],)))
    palette = moods[index % len(moods)] if moods else cycle[variant % len(cycle)]
    coat = next((coat for coat, known in _COATS.items() if _says(text, words, known)), "ginger")
    return Theme(subject, _PALETTES[palette], coat, variant, own)


def _says(text: str, words: set[str], known: str) -> bool:
    return any(word in words if word.isascii() else word in text for word in known.split())
