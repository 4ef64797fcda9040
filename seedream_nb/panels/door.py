"""Why: a panel is opened with whatever is at hand: nothing, a gallery, tasks or ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedream_nb.client.client import SeedreamClient
from seedream_nb.core.hosts import is_loopback
from seedream_nb.core.models import Task
from seedream_nb.panels.explorer import Explorer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from seedream_nb.client.polling import Pace


def explore(
    client: SeedreamClient | None = None,
    tasks: Iterable[Task | str] | Task | str | None = None,
    *,
    pace: Pace | None = None,
) -> Explorer:
    """Opens a panel to browse, compare and make pictures.

    Args:
        client: Whom to ask; by default a client for the settings of the environment.
        tasks: What is shown at first: a gallery, tasks, or task ids, which are asked for.
        pace: How often is asked for tasks that are not finished; None for the client's own pace.

    Returns:
        The panel; as the last value of a cell, it shows itself.

    Raises:
        SettingsError: The environment holds something unusable.
        SeedreamError: Ids were given, and could not be asked for.

    Example:
        >>> from seedream_nb import Sandbox, SeedreamClient, explore
        >>> with Sandbox() as sandbox, SeedreamClient(sandbox.token, sandbox.url) as client:
        ...     panel = explore(client, ["84d1544a-9043-4dde-a98b-e889dacd75f6"])
        ...     print(panel.tasks[0].prompt)
        ...     panel.close()
        a white siamese cat
    """
    client = client or SeedreamClient()
    given = [tasks] if isinstance(tasks, (str, Task)) else list(tasks or ())
    ids = [item for item in given if isinstance(item, str)]
    found = iter(client.retrieve_batch(ids) if ids else ())
    is_free = is_loopback(client.settings.base_url)
    return Explorer(
        client, [next(found) if isinstance(item, str) else item for item in given], pace=pace, is_free=is_free
    )
