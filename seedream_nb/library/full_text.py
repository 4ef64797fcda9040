"""Full-text search in any language, including those that are written without spaces between words.

SQLite indexes words. In scripts that do not separate them each character becomes a word of its own, and a search term
becomes a phrase of such words. Pure functions.
"""

from __future__ import annotations

import re
import unicodedata

from seedream_nb.core.errors import UsageError

# Thai to Myanmar, Khmer, the scripts of Chinese and Japanese, and the ideographs beyond the first plane.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u312f\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
# Marks that are omitted as often as not: Hebrew and Arabic vowels, and the sign that stretches an Arabic word.
_OPTIONAL = re.compile(
    "[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed]"
)
_TERMS = re.compile(r'"([^"]*)"|(\S+)')


def to_words(text: str) -> str:
    """Text as it is indexed, with spaces around each character of a script without spaces.

    Example:
        >>> to_words("暹罗 cat")
        '暹 罗 cat'
    """
    if text.isascii():
        return " ".join(text.replace("\0", " ").split())
    # Characters that no text file can hold cannot be searched for either.
    normal = unicodedata.normalize("NFKC", text).encode("utf-8", "replace").decode("utf-8")
    return " ".join(_UNSPACED.sub(r" \g<0> ", _OPTIONAL.sub("", normal).replace("\0", " ")).split())


def to_query(text: str) -> str:
    r"""Converts typed search terms to a query of SQLite's FTS5.

    All words must match, in any order, each from its beginning; `"several words"` in quotation marks match as a phrase.
    Empty text gives an empty query.

    Example:
        >>> to_query('siam "white cat"')
        '"siam"* "white cat"'
    """
    terms = []
    for phrase, word in _TERMS.findall(text):
        words = to_words(phrase or word).replace('"', " ").strip()
        if re.search(r"[^\W_]", words):
            # The last word of an unquoted term may be incomplete.
            terms.append(f'"{words}"' if phrase else f'"{words}"*')
    if text.strip() and not terms:
        raise UsageError(f"{text!r} contains no words.", hint="Search for words of the prompt, such as: siamese cat.")
    return " ".join(terms)
