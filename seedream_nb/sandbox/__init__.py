"""A local server with the API of the SeeDream service, for trying everything without a token or costs.

Example:
    >>> from seedream_nb.sandbox import Sandbox
    >>> sandbox = Sandbox().start()
    >>> sandbox.url, sandbox.token
    ('http://127.0.0.1:...', 'sandbox-token')
"""

from seedream_nb.sandbox.faults import Fault
from seedream_nb.sandbox.server import Sandbox, SandboxError

__all__ = ["Fault", "Sandbox", "SandboxError"]
