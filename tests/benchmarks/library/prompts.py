"""Prompts as people write them: in several languages, with common and rare words."""

from __future__ import annotations

import random
from typing import NamedTuple

RARE_WORD, RARE_EVERY = "axolotl", 20_000  # one prompt in 20,000
RARE_MODEL = "doubao-seededit-3-0-i2i-250628"
RARE_MODEL_EVERY = 10_000
PHRASE = "white siamese"

_MODELS = {
    "doubao-seedream-4-0-250828": 45,
    "doubao-seedream-4-5-251128": 30,
    "doubao-seedream-5-0-lite-260128": 20,
    "doubao-seedream-5-0-pro-260628": 5,
}
_SYLLABLES = ("ka", "lo", "mi", "ren", "sa", "tor", "vel", "ni", "dar", "es", "qui", "ba", "ul", "pho", "zen", "gra")


class Language(NamedTuple):
    """The words of one language.

    Attributes:
        share: The percentage of prompts in this language.
        pattern: A prompt with placeholders for the rest and for a name.
        subjects: Subjects of images.
        places: Where they are.
        styles: Several of these end a prompt.
        comma: The separator between styles.
    """

    share: int
    pattern: str
    subjects: tuple[str, ...]
    places: tuple[str, ...]
    styles: tuple[str, ...]
    comma: str = ", "


_LANGUAGES = (
    Language(
        50,
        "A portrait of {name}, {subject} {place}, {styles}",
        (
            *("a white siamese cat", "a white horse", "a siamese fighting fish", "an old fisherman", "two dancers"),
            *("a glass teapot", "a red fox", "a steam locomotive", "a paper lantern", "a robot gardener"),
        ),
        (
            *("in a city at night", "on a mountain lake", "under a stormy sky", "in a garden full of flowers"),
            *("by the window of a small café", "in the streets of Lisbon", "on a snowy hill at dawn"),
        ),
        (
            *("golden hour", "soft light", "cinematic light", "shallow depth of field", "film grain", "35mm", "8k"),
            *("highly detailed", "volumetric light", "studio light", "watercolor", "oil on canvas", "pastel colors"),
            *("rule of thirds", "wide angle", "macro photography", "muted tones", "high contrast", "bokeh"),
        ),
    ),
    Language(
        30,
        "{name}风格,{subject}{place},{styles}",
        ("一只白色的暹罗猫", "一位老渔夫", "两只仙鹤", "红色的狐狸", "古代的宫殿", "穿汉服的少女", "机器人园丁"),
        ("在夜晚的城市里", "在雪山下的湖边", "在开满樱花的花园中", "在下雨的街道上", "在竹林深处"),
        (
            "水墨画",
            "柔和的光线",
            "电影感",
            "高清细节",
            "浅景深",
            "金色的夕阳",
            "国风插画",
            "胶片颗粒",
            "广角镜头",
            "暖色调",
        ),
        ",",
    ),
    Language(
        8,
        "{name}の{subject}、{place}、{styles}",
        ("白いシャム猫", "年老いた漁師", "赤い狐", "紙の灯籠"),
        ("夜の街で", "雪の山の湖畔で", "桜の庭で"),
        ("水彩画", "柔らかい光", "映画のような雰囲気", "高精細", "広角"),
        "、",
    ),
    Language(
        6,
        "Ein Bild von {name}: {subject} {place}, {styles}",
        ("eine weiße Siamkatze", "ein alter Fischer", "ein roter Fuchs"),
        ("in einer Stadt bei Nacht", "an einem Bergsee", "in einem verschneiten Tal"),
        ("weiches Licht", "Ölgemälde", "hohe Schärfe", "warme Töne", "Weitwinkel"),
    ),
    Language(
        6,
        "{subject} {place}, {styles}, {name}",
        ("белый сиамский кот", "старый рыбак", "рыжая лиса"),
        ("в ночном городе", "у горного озера", "в саду с цветами"),  # noqa: RUF001  Russian
        ("мягкий свет", "масло на холсте", "тёплые тона", "высокая детализация"),
    ),
)


def make_prompt(number: int) -> tuple[str, str]:
    """A prompt and the full id of a model; the same for the same number in every process."""
    chance = random.Random(number)  # noqa: S311  no secret
    (language,) = chance.choices(_LANGUAGES, [language.share for language in _LANGUAGES])
    name = "".join(chance.choices(_SYLLABLES, k=4)).title()  # one of 65,536: words that rarely occur twice
    styles = chance.sample(language.styles, chance.randint(3, min(9, len(language.styles))))
    prompt = language.pattern.format(
        name=name,
        subject=chance.choice(language.subjects),
        place=chance.choice(language.places),
        styles=language.comma.join(styles),
    )
    if number % RARE_EVERY == 0:
        prompt = f"{prompt} {RARE_WORD}"
    (model,) = chance.choices(list(_MODELS), list(_MODELS.values()))
    return prompt, RARE_MODEL if number % RARE_MODEL_EVERY == 0 else model
