"""Why: pictures are browsed, compared and made without typing a command, and everything comes back to Python.

The panel joins parts that each do one thing: `ExplorerState` knows what is shown, `Actions` what a click does,
`PictureSupply` brings pictures, `ImageGrid` shows them, and the forms ask for more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets
from IPython.display import display

from seedream_nb.gallery.contents import read_tasks
from seedream_nb.gallery.tiles import summarize
from seedream_nb.panels.actions import Actions
from seedream_nb.panels.caching_fetcher import CachingFetcher
from seedream_nb.panels.cards import describe, describe_details
from seedream_nb.panels.closing import close_tree
from seedream_nb.panels.code import generate_code, get_code
from seedream_nb.panels.controls import Foot, StatusLine
from seedream_nb.panels.filter_bar import FilterBar
from seedream_nb.panels.front_end import EXPLORER_STYLES, join_parts
from seedream_nb.panels.grid import ImageGrid
from seedream_nb.panels.jobs import Jobs, Status
from seedream_nb.panels.make_form import MakeForm
from seedream_nb.panels.make_settings import MakeSettings, announce, find_problem, settings_of
from seedream_nb.panels.query_forms import GetForm, HistoryForm, LibraryForm
from seedream_nb.panels.state import ExplorerState
from seedream_nb.panels.static_output import StaticOutput
from seedream_nb.panels.supply import PictureSupply

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from seedream_nb.client.client import SeedreamClient
    from seedream_nb.client.polling import Pace
    from seedream_nb.core.models import Task
    from seedream_nb.panels.pictures import Kind
    from seedream_nb.panels.state import Part

WAYS = {
    "Get": "by task id",
    "History": "what the account has made",
    "Library": "what is kept on this machine",
    "Make": "new pictures",
}


class _StyledGrid(ImageGrid):
    """The grid; the rules for the forms beside it travel to the page with its own."""

    _css = join_parts(*EXPLORER_STYLES)


class Explorer(ipywidgets.VBox):
    """A panel to browse, compare and make pictures.

    Args:
        client: Whom to ask.
        tasks: What is shown at first.
        pace: How often is asked for tasks that are not finished; None for the client's own pace.
        is_free: Whether the client talks to a sandbox, where nothing costs money.

    Attributes:
        tasks: All tasks, in the order in which they came; observable.
        selected: The pictures that are selected, as `TaskImage`s; observable. One in layers comes a moment later, put
            together.
        filter: Words that the shown pictures' prompts, models or ids have to hold; can be set, observable.
        client: Whom it asks.
        grid: The grid with its detail and compare views.
        get_form: The form for task ids; `history_form`, `library_form`, `make_form` and `filter_bar` are the others.
        ways: Which of the forms is shown.
        status_line: What is going on.

    Example:
        >>> panel = explore(tasks=gallery)  # doctest: +SKIP
        >>> panel.filter = "cat"  # doctest: +SKIP
        >>> client.edit(panel.selected[0], "make it night")  # doctest: +SKIP
    """

    tasks = traitlets.Tuple()
    selected = traitlets.Tuple()
    filter = traitlets.Unicode()
    _is_open = False

    def __init__(
        self,
        client: SeedreamClient,
        tasks: Iterable[Task] = (),
        *,
        pace: Pace | None = None,
        is_free: bool = False,
    ) -> None:
        self.client = client
        self._is_free = is_free
        self._fetcher = CachingFetcher(client.cache)
        self._static = StaticOutput(self._fetcher)
        self._state = ExplorerState(self._draw)
        self._jobs = Jobs(self._state.say, lambda: self._state.status, self._draw_busy)
        self._actions = Actions(self._state, self._jobs, client, self._fetcher, pace=pace)
        self.grid = _StyledGrid(can_make=True)
        self._supply = PictureSupply(self._fetcher, self.grid.deliver)
        self._is_open = True
        self.status_line = StatusLine()
        self.ways = ipywidgets.ToggleButtons(options=list(WAYS), tooltips=list(WAYS.values()))
        self.ways.add_class("seedream-ways")
        self.get_form = GetForm(self._actions.get)
        self.history_form = HistoryForm(self._actions.show_history)
        self.library_form = LibraryForm(self._actions.search_library)
        self.make_form = MakeForm(self._announce, self._actions.make, self._upload, self._use_selection)
        self.filter_bar = FilterBar(self._apply_filter)
        forms: dict[str, Any] = {
            "Get": self.get_form,
            "History": self.history_form,
            "Library": self.library_form,
            "Make": self.make_form,
        }
        self.foot = Foot(self._show_code, self.close)
        super().__init__([self.ways, *forms.values(), self.filter_bar, self.grid, self.status_line, self.foot])
        self.add_class("seedream-explorer")
        self._forms = forms
        self.grid.on_want(self._bring)
        self.grid.on_act(self._act)
        self.grid.observe(self._select, "selected")
        self.grid.observe(lambda _change: self._draw_details(), "opened")
        self.ways.observe(lambda _change: self._show_form(), "value")
        self.observe(self._set_filter, "filter")
        self._show_form()
        self._announce()
        self.add(tasks)

    def add(self, tasks: Iterable[Task] | Task) -> None:
        """Adds tasks; those that are there already are brought up to date.

        Args:
            tasks: Tasks, one or several, such as a gallery.

        Raises:
            UsageError: Something else was given.
        """
        self._state.put(read_tasks(tasks))
        self._actions.follow()

    def show_code(self) -> str:
        """The code that does what the panel is set to.

        Returns:
            For a cell: what makes the pictures of the form, when that is in sight; else what brings the tasks that are
            selected, or else shown.
        """
        if self.ways.value == "Make":
            return generate_code(self.make_form.read())
        cards = self._state.find(self._state.selected)
        tasks = [card.task for card in cards] or self._state.shown_tasks
        return get_code(list(dict.fromkeys(task.id for task in tasks if task.id)))

    def close(self) -> None:
        """Closes the panel and frees all that it holds; the static gallery stays in the notebook."""
        if not self._is_open:
            return
        self._is_open = False
        self._jobs.close()
        self._supply.close()
        self._static.close()
        close_tree(self)

    def _ipython_display_(self) -> None:
        """Shows the panel, and below it the gallery that stands for it where it cannot live."""
        if self._is_open:
            display(super()._repr_mimebundle_(), raw=True)
        self._static.open(self._state.shown_tasks)

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        """The panel for front ends that have a place for one output alone."""
        widget = super()._repr_mimebundle_(**options) if self._is_open else {}
        return {**(widget or {}), **self._static.bundle(self._state.shown_tasks)}

    def __repr__(self) -> str:
        return f"<Explorer: {summarize(self._state.collection.tasks)}>"

    # What the state tells, drawn. Called in any thread.

    def _draw(self, part: Part) -> None:
        if not self._is_open:
            return
        if part == "cards":
            self._draw_cards()
        elif part == "order":
            self.grid.order = list(self._state.order)
            self._static.update(self._state.shown_tasks)
        elif part == "selected":
            self.grid.selected = list(self._state.selected)
            self.selected = self._state.selected_images
        elif part == "images":
            # Not the grid's: this comes from other threads, and could take back a click of this moment.
            self.selected = self._state.selected_images
        else:
            self.status_line.show(self._state.status)

    def _draw_cards(self) -> None:
        collection = self._state.collection
        with self.grid.hold_sync():
            self.grid.cards = [describe(card) for card in collection.cards]
            self.grid.order = list(self._state.order)
            self._draw_details()
        self.filter_bar.offer(collection.choices())
        self._static.update(self._state.shown_tasks)
        self.tasks = collection.tasks

    def _draw_details(self) -> None:
        opened = self._state.find([self.grid.opened])
        self.grid.details = describe_details(opened[0]) if opened else {}

    def _draw_busy(self, name: str, is_running: bool) -> None:  # noqa: FBT001  the callback's own form
        forms: dict[str, Any] = {"get": self.get_form, "history": self.history_form, "library": self.library_form}
        if name in forms:
            forms[name].button.disabled = is_running
        elif name == "make":
            self._announce()

    # What the user does, handed on. Called in the kernel's main thread.

    def _bring(self, kind: Kind, keys: Sequence[str]) -> None:
        cards = self._state.find(keys)
        self._supply.want(kind, {card.key: card.picture for card in cards if card.picture is not None})

    def _act(self, action: str, keys: Sequence[str]) -> None:
        if action == "save":
            self._actions.save(keys)
        elif action == "copy_prompt":
            for card in self._state.find(keys[:1]):
                self.grid.copy_text(card.whole_prompt)
        elif action == "use_settings":
            for card in self._state.find(keys[:1]):
                settings = settings_of(card)
                self.make_form.fill(settings, self._actions.read_references(settings.references))
                self.ways.value = "Make"

    def _select(self, change: Mapping[str, Any]) -> None:
        self._state.select(change["new"])
        # What is not there cannot be selected, whatever the front end says.
        self.grid.selected = list(self._state.selected)

    def _apply_filter(self) -> None:
        self._state.show(*self.filter_bar.read())
        self.filter = self.filter_bar.text.value

    def _set_filter(self, change: Mapping[str, Any]) -> None:
        self.filter_bar.text.value = change["new"]

    def _show_form(self) -> None:
        for way, form in self._forms.items():
            form.layout.display = "" if way == self.ways.value else "none"

    def _announce(self) -> None:
        settings: MakeSettings = self.make_form.read()
        is_busy = self._jobs.is_running("make")
        self.make_form.announce(announce(settings, self._is_free), find_problem(settings), is_busy=is_busy)

    def _show_code(self) -> None:
        code = self.show_code()
        self.foot.show(code)
        self.grid.copy_text(code)

    def _upload(self, files: Mapping[str, bytes]) -> None:
        self.make_form.set_references((*self.make_form.references, *self._actions.read_files(files)))

    def _use_selection(self) -> None:
        selected = self._state.find(self._state.selected)
        if any(card.tile.layers and not self._state.has_composed(card) for card in selected):
            self._state.say(Status("The layers of the selection are still being put together; try again in a moment."))
            return
        references = self._actions.read_references(self._state.selected_images)
        self.make_form.set_references((*self.make_form.references, *references))
