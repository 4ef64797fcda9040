"""What the sandbox says when it cannot be started as asked."""

from seedream_nb.core.errors import SeedreamError


class SandboxError(SeedreamError):
    """The sandbox cannot do what was asked; the message says why, the hint what to do instead."""
