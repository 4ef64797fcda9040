"""Why: pictures come from hosts that are not the API's; fetching them safely and making them small is a job of its own.

`fetch` brings bytes from links, `thumbnails` is the only room that uses Pillow, and `load` joins both: many
`TaskImage`s in, one thumbnail or one reason each out.
"""

from __future__ import annotations
