"""How a sandbox behaves, in one object that its parts share and that may be changed while it runs."""

import dataclasses


@dataclasses.dataclass
class SandboxSettings:
    """What can be changed at any time; it holds from the next request on.

    Attributes:
        latency: Seconds added to every answer and every picture.
        generation_seconds: How long one image takes to generate.
        balance: How many images can still be generated; each one made costs one, and when they do not suffice the
            answer is 403 `used_up`. None for no limit.
        max_batch: More ids than this in one query answer 413. None for no maximum.
        max_body_bytes: A larger request answers 413.
    """

    latency: float = 0.0
    generation_seconds: float = 0.3
    balance: int | None = None
    max_batch: int | None = None
    max_body_bytes: int = 64 * 1024 * 1024
