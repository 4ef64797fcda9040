"""`%seedream`: a typed line comes in, a gallery goes out.

`magics` is what IPython sees. `commands` turns a line into the typed, frozen arguments of one command, which run
against the `session` (what one kernel remembers) and a `front_end` (the shell and cell).
"""

from __future__ import annotations
