"""Why: pictures come from hosts that are not the API's; fetching them safely and making them small is a job of its own.

`fetch` brings bytes from links, `thumbnails` decodes them and makes them small, and `load` joins both: many
`TaskImage`s in, one thumbnail or one reason each out. `layers` puts a picture together that came in layers.
"""

from __future__ import annotations
