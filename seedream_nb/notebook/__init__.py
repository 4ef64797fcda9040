"""Why: the only rooms that know IPython; a typed line comes in, a gallery goes out.

`arguments` turns text into typed, frozen arguments and `task_ids` checks ids, both without IPython. `session` is what
one kernel remembers, `commands` has one handler for each command, and `magics` only dispatches.
"""

from __future__ import annotations
