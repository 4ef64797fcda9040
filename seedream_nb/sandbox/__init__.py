"""A local server with the API of the SeeDream service, for trying everything without a token or costs.

Example:
    >>> from seedream_nb.sandbox import Sandbox
    >>> sandbox = Sandbox().start()  # doctest: +SKIP
    >>> sandbox.url, sandbox.token  # doctest: +SKIP
    ('http://127.0.0.1:45123', 'sandbox-token')
"""

from seedream_nb.sandbox.faults import Fault
from seedream_nb.sandbox.server import Sandbox, SandboxError

__all__ = ["Fault", "Sandbox", "SandboxError"]
