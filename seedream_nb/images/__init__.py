"""Fetches images safely and works on them; the only room that uses Pillow.

`fetch` fetches one image or many at once, and `download` is the network's side of it. `thumbnails` decodes and shrinks.
`container` takes files apart before Pillow sees them. `layers` composes the layers of an image. `provenance` is what a
file tells about how its image was generated; `saved_files` writes and reads it (`exif`, `xmp`, `provenance_jpeg`, and
`provenance_png` know the formats). `markup` is an image with `shapes` drawn on it: `markup_rendering` draws
them, and `markup_prompts` compares them with a prompt. `contact_sheet` draws many images on one sheet, with `lettering`
for the captions; `paper` writes PDF pages. Both use `system_fonts` and `wrapping`.
"""
