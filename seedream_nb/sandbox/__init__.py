"""A local server with the same wire contract as the service, so that everything can be tried without a token.

Example:
    >>> from seedream_nb.sandbox import Sandbox
    >>> sandbox = Sandbox().start()  # doctest: +SKIP
    >>> sandbox.url, sandbox.token  # doctest: +SKIP
    ('http://127.0.0.1:45123', 'sandbox-token')
"""

from seedream_nb.sandbox.errors import SandboxError
from seedream_nb.sandbox.faults import Fault
from seedream_nb.sandbox.server import Sandbox

__all__ = ["Fault", "Sandbox", "SandboxError"]
