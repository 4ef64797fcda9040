"""Why: prompts are searched in any language, also in those that are written without spaces between words.

Pure functions. SQLite finds words; where a script does not separate them, each character is made a word of its own, and
what is looked for becomes a phrase of such words.
"""

from __future__ import annotations

import re
import unicodedata

from seedream_nb.core.errors import UsageError

# Thai to Myanmar, Khmer, the scripts of Chinese and Japanese, and the ideographs beyond the first plane.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u312f\u31f0-\u31ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
# Signs that are left out as often as not: Hebrew and Arabic vowels, and what stretches an Arabic word.
_OPTIONAL = re.compile(
    "[\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670"
    "\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-\u06ed]"
)
_PHRASES = re.compile(r'"([^"]*)"|(\S+)')


def to_words(text: str) -> str:
    """Text as it is kept for searching.

    Args:
        text: A prompt, a note.

    Returns:
        The text with a space around each character of a script without spaces.

    Example:
        >>> to_words("暹罗 cat")
        '暹 罗 cat'
    """
    if text.isascii():
        return " ".join(text.replace("\0", " ").split())
    # What no text file can hold cannot be looked for either.
    normal = unicodedata.normalize("NFKC", text).encode("utf-8", "replace").decode("utf-8")
    return " ".join(_UNSPACED.sub(r" \g<0> ", _OPTIONAL.sub("", normal).replace("\0", " ")).split())


def to_query(text: str) -> str:
    r"""What people type, in the language of SQLite's full-text search.

    Args:
        text: Words that all have to occur, each from its beginning on, in any order; `"several words"` in quotation
            marks occur one after the other, as they are.

    Returns:
        The query; empty for an empty text.

    Raises:
        UsageError: There is text, and no word in it.

    Example:
        >>> to_query('siam "white cat"')
        '"siam"* "white cat"'
    """
    terms = []
    for phrase, word in _PHRASES.findall(text):
        words = to_words(phrase or word).replace('"', " ").strip()
        if re.search(r"[^\W_]", words):
            # The last word of what is typed need not be whole.
            terms.append(f'"{words}"' if phrase else f'"{words}"*')
    if text.strip() and not terms:
        raise UsageError(f"There is no word in {text!r}.", hint="Search for words of the prompt, such as: siamese cat.")
    return " ".join(terms)
