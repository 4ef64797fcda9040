"""Cleans foreign text (prompts, ids, names, codes) before it is shown.

Escaping is left to the code that renders it, which knows the output language.
"""

from __future__ import annotations

MAX_PROMPT = 2000  # characters of a prompt that are shown
MAX_LINE = 500  # characters of anything else, such as an error message

# A lone surrogate cannot be encoded, control characters steer a terminal, and a bidirectional override in one text
# reorders the texts after it.
_UNFIT: dict[int, str] = {
    **dict.fromkeys({*range(0x20), *range(0x7F, 0xA0)} - {ord("\t"), ord("\n")}, " "),
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), ""),
    **dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}"),
}


def show_prompt(prompt: str) -> str:
    """Cleans a prompt, keeps its lines, and cuts it after `MAX_PROMPT` characters; the rest is counted."""
    shown = clean_prompt(prompt)
    if len(shown) <= MAX_PROMPT:
        return shown
    return f"{shown[:MAX_PROMPT].rstrip()}… ({len(shown) - MAX_PROMPT:,} more characters in task.prompt)"


def clean_prompt(prompt: str) -> str:
    """Cleans a full prompt to be shown or copied."""
    return prompt.translate(_UNFIT).strip()


def show_line(text: str) -> str:
    r"""Cleans a short text, such as an id or a message, to one line of at most `MAX_LINE` characters.

    Example:
        >>> show_line("two\n  lines")
        'two lines'
    """
    line = " ".join(text.translate(_UNFIT).split())
    return line if len(line) <= MAX_LINE else f"{line[: MAX_LINE - 1]}…"
