"""Numbers in sentences."""


def count_of(number: int, noun: str) -> str:
    """A number with its noun, whose plural ends in `s`.

    Example:
        >>> count_of(2000, "image")
        '2,000 images'
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def count_part(some: int, total: int) -> str:
    """Some of all tasks.

    Example:
        >>> count_part(2, 3), count_part(1, 1)
        ('2 of 3 tasks', '1 task')
    """
    return f"{some:,} of {total:,} tasks" if total > 1 else count_of(some, "task")
