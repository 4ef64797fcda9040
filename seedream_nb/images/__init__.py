"""Why: pictures come from hosts that are not the API's; fetching them safely and making them small is a job of its own.

`fetch` brings bytes from links, `thumbnails` decodes them and makes them small, and `load` joins both: many
`TaskImage`s in, one thumbnail or one reason each out. `layers` puts a picture together that came in layers. `origin` is
what a file tells of where it comes from, which `saved_files` writes and reads (`exif`, `xmp`, `provenance_jpeg`,
`provenance_png` know the formats). `contact_sheet` draws many pictures on one, with the `lettering` below them.
"""

from __future__ import annotations
