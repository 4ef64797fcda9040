"""Why: numbers stand in many sentences, and each is to read as a person would write it."""


def count_of(number: int, noun: str) -> str:
    """A number with its noun.

    Args:
        number: How many.
        noun: What, in the singular; its plural ends in `s`.

    Returns:
        Such as `1 image`, or `2,000 images`.

    Example:
        >>> count_of(2000, "image")
        '2,000 images'
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
