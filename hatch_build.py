"""The description on the package index: the README, with links that work there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

# Code as it is; or the target of ![text](target), [text](target), src="target", href="target".
LINK = re.compile(
    r"""```.*?```|`[^`]*`|(?P<before>!?\[[^\[\]]*\]\(|\]\(|src="|href=")(?P<target>[^)"\s]+)""", re.DOTALL
)


class ReadmeHook(MetadataHookInterface):
    """Makes the README's relative links absolute, to the files of this version in the repository."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Sets the description, from the version and the address of the repository."""
        repository, tag = metadata["urls"]["Repository"], f"v{metadata['version']}"

        def make_absolute(link: re.Match[str]) -> str:
            before, target = link["before"], link["target"]
            if target is None or re.match(r"[a-z]+:|#", target):
                return link[0]
            kind = "raw" if before.startswith(("!", "src")) else "blob"
            return f"{before}{repository}/{kind}/{tag}/{target}"

        readme = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": LINK.sub(make_absolute, readme)}
