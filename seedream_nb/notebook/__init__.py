"""Why: the only rooms that know IPython; a typed line comes in, a gallery goes out.

`parser` and the `*_arguments` turn text into typed, frozen arguments, without IPython. `session` is what one kernel
remembers, the `*_commands` have a handler for each command, and `magics` only dispatches.
"""

from __future__ import annotations
