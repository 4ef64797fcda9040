"""Numbers in sentences."""


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


def count_part(some: int, total: int) -> str:
    """Words for some of all tasks, with their verb: `2 of 3 tasks are`, `the task is`.

    Example:
        >>> count_part(2, 3), count_part(1, 1)
        ('2 of 3 tasks are', 'the task is')
    """
    of_all = f"{some:,} of {total:,} tasks" if total > 1 else "the task" if some else "no task"
    return f"{of_all} {'is' if some == 1 or total <= 1 else 'are'}"
