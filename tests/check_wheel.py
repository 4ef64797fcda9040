"""Checks that the wheel is complete. Run it with the interpreter of an environment that contains only the wheel."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import seedream_nb
from seedream_nb import Gallery, Sandbox, SeedreamClient, explore


def main() -> None:
    """Renders a task of the sandbox as a gallery, and the panel, from installed files alone."""
    home = Path(seedream_nb.__file__).parent
    assert "site-packages" in home.parts, f"{home} is not an installed copy"
    assert (home / "py.typed").is_file()
    assert metadata.version("seedream_nb") == seedream_nb.__version__
    with Sandbox() as sandbox, SeedreamClient(sandbox.token, sandbox.url) as client:
        html = Gallery(client.retrieve("84d1544a-9043-4dde-a98b-e889dacd75f6")).to_html()
    assert ".seedream-gallery figure" in html
    assert "data:image/jpeg;base64," in html
    panel = explore(SeedreamClient("token"))
    assert "render" in str(panel.grid._esm)
    assert ".seedream-explorer" in str(panel.grid._css)
    panel.close()
    print("The installed wheel works.")


if __name__ == "__main__":
    main()
