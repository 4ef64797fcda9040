"""Why: prompts, ids, names and codes are foreign text. Here it becomes fit to be shown, before anything spells it.

Escaping is not done here: that is the job of who knows the language that is spelled (`seedream_nb.gallery.html`).
"""

from __future__ import annotations

LONGEST_PROMPT = 2000  # characters of one prompt that are shown
LONGEST_LINE = 500  # characters of anything else, such as an error message

# Half a surrogate pair has no encoding; control characters steer a terminal; and what a bidirectional override
# begins in one text reorders those after it.
_UNFIT: dict[int, str] = {
    **dict.fromkeys({*range(0x20), *range(0x7F, 0xA0)} - {ord("\t"), ord("\n")}, " "),
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), ""),
    **dict.fromkeys(range(0xD800, 0xE000), "\N{REPLACEMENT CHARACTER}"),
}


def show_prompt(prompt: str) -> str:
    """Makes a prompt fit to be shown; its lines are kept.

    Args:
        prompt: The prompt as it came.

    Returns:
        The prompt without what no front end should get, at a length that a notebook can carry; what was cut is
        counted.
    """
    shown = clean_prompt(prompt)
    if len(shown) <= LONGEST_PROMPT:
        return shown
    return f"{shown[:LONGEST_PROMPT].rstrip()}… ({len(shown) - LONGEST_PROMPT:,} more characters in task.prompt)"


def clean_prompt(prompt: str) -> str:
    """Makes a prompt fit to be shown or copied, whatever its length.

    Args:
        prompt: The prompt as it came.

    Returns:
        The whole prompt without what no front end should get.
    """
    return prompt.translate(_UNFIT).strip()


def show_line(text: str) -> str:
    r"""Makes a short foreign text fit to be shown, on one line.

    Args:
        text: An id, a name, a code or a message as it came.

    Returns:
        One line of at most `LONGEST_LINE` characters.

    Example:
        >>> show_line("two\n  lines")
        'two lines'
    """
    line = " ".join(text.translate(_UNFIT).split())
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"
