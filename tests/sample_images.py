"""Images for tests: noise takes many bytes, a plain color few. The same arguments return the same bytes."""

import io
import random

from PIL import Image


def noise(width: int = 320, height: int = 320, seed: int = 0, image_format: str = "JPEG") -> bytes:
    pixels = random.Random(seed).randbytes(3 * width * height)  # noqa: S311  no secret
    return encode(Image.frombytes("RGB", (width, height), pixels), image_format)


def plain(width: int = 40, height: int = 30, color: str = "#2a6f97", image_format: str = "PNG") -> bytes:
    return encode(Image.new("RGB", (width, height), color), image_format)


def translucent(width: int = 40, height: int = 30) -> bytes:
    return encode(Image.new("RGBA", (width, height), (200, 40, 40, 90)), "PNG")


def encode(image: Image.Image, image_format: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, quality=95)
    return buffer.getvalue()


def decode(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image
