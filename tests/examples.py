"""The number of examples of a property-based test."""

from hypothesis import settings

USUAL = 100


def examples(count: int) -> settings:
    """Hypothesis settings for `count` examples, scaled down in runs with `-m "not slow"`."""
    return settings(max_examples=max(1, count * settings().max_examples // USUAL))
