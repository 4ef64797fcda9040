"""How many examples a property is tested with."""

from hypothesis import settings

USUAL = 100


def examples(count: int) -> settings:
    """Settings for some number of examples: so many in a whole run, and in the quick lane a fifth of them."""
    return settings(max_examples=max(1, count * settings().max_examples // USUAL))
