"""The explorer panel, which connects its parts.

`ExplorerState` holds what is shown, `Actions` does what a click asks for, `ImageLoader` loads images, `ImageGrid` shows
them, and the forms collect input.
"""

from __future__ import annotations

import itertools
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias
from zoneinfo import ZoneInfo

import ipywidgets
import traitlets
from IPython.display import display

from seedream_nb.client.client import SeedreamClient
from seedream_nb.core.errors import SeedreamError, UsageError
from seedream_nb.core.foreign import VERBATIM
from seedream_nb.core.models import Task, TaskImage
from seedream_nb.core.task_ids import flatten
from seedream_nb.gallery import Gallery
from seedream_nb.gallery.tiles import summarize
from seedream_nb.library import peek_collections
from seedream_nb.library.location import OFF
from seedream_nb.panels.actions import SAVE_DIRECTORY, Actions
from seedream_nb.panels.cards import describe_details
from seedream_nb.panels.code import generate_code, get_code
from seedream_nb.panels.collection_bar import CollectionBar, to_filter, to_query
from seedream_nb.panels.editing import Editing
from seedream_nb.panels.forms import (
    FilterBar,
    Footer,
    StatusLine,
    make_get_form,
    make_history_form,
    make_library_form,
)
from seedream_nb.panels.generate_form import GenerateForm
from seedream_nb.panels.generate_settings import find_losses, kept_request, settings_of
from seedream_nb.panels.grid import GRID_STYLES, ImageGrid, join_parts
from seedream_nb.panels.image_cache import CachingFetcher
from seedream_nb.panels.jobs import Jobs, Status
from seedream_nb.panels.loader import ImageLoader
from seedream_nb.panels.marking import Marking, read_change
from seedream_nb.panels.orders import plan_order, read_settings
from seedream_nb.panels.relatives import RelativesFinder, read_relative
from seedream_nb.panels.saving import compose_image
from seedream_nb.panels.state import FEW, ExplorerState
from seedream_nb.panels.static_output import LIMIT as MOST_STATIC
from seedream_nb.panels.static_output import StaticOutput
from seedream_nb.panels.windows import read_keys
from seedream_nb.protocol.capabilities import MAX_IMAGES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from seedream_nb.client.polling import Pace
    from seedream_nb.core.task_ids import AnyTasks
    from seedream_nb.library import Library
    from seedream_nb.panels.cards import Card
    from seedream_nb.panels.image_cache import Kind
    from seedream_nb.panels.relatives import Details
    from seedream_nb.panels.state import Part

TABS = {
    "Get": "The tasks of this panel; get more by their IDs",
    "History": "All tasks of the account",
    "Library": "All images in the library on this machine",
    "Generate": "Generate new images",
}
SourceName: TypeAlias = Literal["tasks", "library", "history"]
SOURCES: dict[SourceName, str] = {"tasks": "Get", "library": "Library", "history": "History"}
MOST_IN_CODE = 1000  # tasks
MOST_TAGS = 200  # that are offered
OUTDATED = "Nothing was sent by this click: the button did not show yet what was typed last."
EXPLORER_STYLES = (*GRID_STYLES, "explorer.css")


class _StyledGrid(ImageGrid):
    """The grid, which also brings the styles of the forms around it to the page."""

    _css = join_parts(*EXPLORER_STYLES)


class Explorer(ipywidgets.VBox):
    """A panel to browse, compare, and generate images. Created by `explore`.

    Args:
        client: The client that sends its requests.
        tasks: The panel's tasks at first.
        source: What it shows at first: these tasks, the whole library, or the account's history.
        pace: The polling interval for tasks in progress; None for the client's own.
        is_free: Whether the client talks to a sandbox, where nothing costs money.

    Attributes:
        tasks: All tasks of what is shown: those of the panel in the order in which they were added, those of the
            library, which are read when they are accessed, or those of the history that are loaded; observable.
        selected: The selected images as `TaskImage`s, in the order of selection; observable. One with layers follows a
            moment later, composed. A sequence; the images of more than 200 tiles are read when they are accessed.
        filter: Words that must occur in the prompt, model, or id of a shown image; can be set, observable.
        client: The client.
        grid: The grid with its detail and compare views.
        editor: The markup editor, which stands in place of all else while an image is edited.
        get_form: The form for task ids; see also `history_form`, `library_form`, and `filter_bar`.
        tabs: Which of the forms is shown.
        status_line: Progress and errors.

    Example:
        >>> panel = explore(client, gallery)
        >>> panel.filter = "siamese"
        >>> panel.selected  # nothing is selected yet
        ()
        >>> panel.close()
    """

    tasks: Sequence[Task] = traitlets.Any(())  # type: ignore[assignment]  # a trait
    selected: Sequence[TaskImage] = traitlets.Any(())  # type: ignore[assignment]  # a trait
    filter = traitlets.Unicode()
    _folder: ClassVar[str] = SAVE_DIRECTORY  # where images were saved last
    _is_open = False

    def __init__(
        self,
        client: SeedreamClient,
        tasks: AnyTasks = (),
        *,
        source: SourceName = "tasks",
        pace: Pace | None = None,
        is_free: bool = False,
    ) -> None:
        self.client = client
        self._prices = None if is_free else client.prices
        self._fetcher = CachingFetcher(client.cache)
        self._static = StaticOutput(self._fetcher)
        self._marking = Marking(client.cache, self._show_marks)
        self._state = ExplorerState(self._draw, lambda task: compose_image(task, self._fetcher), self._marking.marks_of)
        self._jobs = Jobs(self._state.set_status, lambda: self._state.status, self._draw_busy)
        self._actions = Actions(self._state, self._jobs, client, self._fetcher, pace=pace)
        self.grid = _StyledGrid(self._state, can_generate=True, folder=Explorer._folder)
        self._relatives = RelativesFinder(client.cache, self._fetcher, self._show_relatives)
        self._loader = ImageLoader(self._fetcher, self.grid.deliver)
        self._is_open = True
        self.status_line = StatusLine()
        self.tabs = ipywidgets.ToggleButtons(options=list(TABS), tooltips=list(TABS.values()))
        self.tabs.add_class("seedream-tabs")
        self.get_form = make_get_form(self._actions.get)
        self.history_form = make_history_form(self._actions.show_history)
        self.library_form = make_library_form()
        self._generate_form: GenerateForm | None = None
        self.filter_bar = FilterBar(self._apply_filter)
        self.collection_bar = CollectionBar(self._choose_collection, self._save_collection, self._remove_collection)
        self._forms: dict[str, Any] = {
            "Get": self.get_form,
            "History": self.history_form,
            "Library": self.library_form,
        }
        self.footer = Footer(self._copy_code, self.close)
        self._editing = Editing(
            send=self._actions.generate,
            is_busy=lambda: self._jobs.is_running("generate"),
            is_outcome_unknown=lambda: self._actions.is_outcome_unknown,
            fetcher=self._fetcher,
            compose=lambda task: compose_image(task, self._fetcher),
            prices=self._prices,
            on_show=self._show_editor,
            on_allow=self._allow_generating,
        )
        self.editor = self._editing.editor
        super().__init__(self._list_widgets())
        for name in ("seedream-explorer", *VERBATIM):
            self.add_class(name)
        self.grid.on_load(self._load)
        for kind, handler in {
            "action": self._act,
            "relative": self._open_relative,
            "details": lambda content: self._draw_details(*read_keys(content)[:1]),
            "save": self._save,
            "time_zone": self._set_time_zone,
            "mark": self._mark,
            "undo": lambda _content: self._show_marked(self._marking.undo),
            "tags": lambda _content: self._offer_tags(),
        }.items():
            self.grid.on(kind, handler)
        self.tabs.observe(lambda _change: self._choose_tab(), "value")
        self.observe(self._set_filter, "filter")
        self._show_form()
        self._announce()
        self._offer_collections()
        self.add(tasks)
        self._show_source(source)

    @property
    def generate_form(self) -> GenerateForm:
        """The form to generate images. It has half of all widgets, so it is built when it is first needed."""
        if self._generate_form is None:
            form = GenerateForm(
                self._announce,
                on_generate=self._actions.generate,
                on_outdated=self._report_outdated,
                on_upload=self._add_files,
                on_use_selection=self._use_selection,
                on_allow=self._allow_generating,
            )
            form.layout.display = "none"
            self._generate_form = self._forms["Generate"] = form
            self._announce()
            self.set_trait("children", self._list_widgets())
        return self._generate_form

    def _list_widgets(self) -> list[ipywidgets.Widget]:
        # The status is near the buttons that were clicked; the grid may be taller than the window.
        filters = (self.filter_bar, self.collection_bar)
        return [self.tabs, *self._forms.values(), self.status_line, *filters, self.grid, self.editor, self.footer]

    def add(self, tasks: AnyTasks) -> None:
        """Adds tasks; those already there are updated.

        Args:
            tasks: Tasks, such as a gallery; ids, and images whose tasks are retrieved; or collections of these.

        Raises:
            UsageError: Something else was given.
            SeedreamError: Retrieving tasks failed.

        Example:
            >>> panel = explore(client)
            >>> panel.add(gallery)
            >>> len(panel.tasks)
            1
            >>> panel.close()
        """
        self._state.put(retrieve_missing(self.client, tasks))
        self._actions.follow()

    def show_code(self) -> str:
        """Code for a cell that does what the panel is set to.

        Returns:
            On the Generate tab, the code that generates the images of the form; else the code that gets the selected
            tasks, or all shown tasks when none is selected.

        Raises:
            UsageError: A number in the form cannot be read, or these are more than a thousand tasks.

        Example:
            >>> panel = explore(client, gallery)
            >>> print(panel.show_code())
            %seedream get ...
            >>> panel.close()
        """
        if self.tabs.value == "Generate":
            return generate_code(read_settings(self.generate_form.read()))
        chosen = itertools.islice(self._state.selected_cards(), MOST_IN_CODE + 1)
        tasks = [card.task for card in chosen] or self._state.first_tasks(MOST_IN_CODE + 1)
        if len(tasks) > MOST_IN_CODE:
            raise UsageError(f"Select at most {MOST_IN_CODE:,} images to get the code for.")
        return get_code(list(dict.fromkeys(task.id for task in tasks if task.id)))

    def close(self) -> None:
        """Closes the panel and frees its memory; the static gallery stays in the notebook.

        Example:
            >>> explore(client, gallery).close()
        """
        if not self._is_open:
            return
        self._is_open = False
        self._jobs.close()
        self._relatives.close()
        self._editing.close()
        self._loader.close()
        self._static.close()
        close_tree(self)

    def _ipython_display_(self) -> None:
        """Shows the panel, and below it the static gallery that replaces it where no kernel runs."""
        if self._is_open:
            # Without a text of its own: where no widget is shown, such as in a notebook converted to HTML, that would
            # stand above the gallery.
            display({**(super()._repr_mimebundle_() or {}), "text/plain": ""}, raw=True)
        self._static.open(*self._static_content())

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        """The panel for front ends that show only one output."""
        widget = super()._repr_mimebundle_(**options) if self._is_open else {}
        return {**(widget or {}), **self._static.bundle(*self._static_content())}

    def _display_(self) -> Any:
        """What marimo shows, which knows anywidgets but not the forms around them: the grid; once closed, a gallery."""
        if not self._is_open:
            return Gallery(self._static_content()[0], limit=MOST_STATIC, fetcher=self._fetcher)
        self.grid.can_generate = False
        return self.grid

    def __repr__(self) -> str:
        return f"<Explorer: {summarize(self._state.collection.tasks)}>"

    # Changes of the state, drawn. Called in any thread.

    def _draw(self, part: Part) -> None:
        if not self._is_open:
            return
        if part == "cards":
            self._draw_cards()
        elif part == "order":
            self.grid.draw()
            self._static.update(*self._static_content())
        elif part == "revealed":
            self._reveal()
        elif part in {"selected", "images"}:
            if part == "selected":
                self.grid.draw_selection()
            self.selected = self._state.selected_images
        else:
            self.status_line.show(self._state.status)

    def _draw_cards(self) -> None:
        self.grid.draw()
        self._draw_details(self.grid.opened)
        self.filter_bar.offer(self._state.choices())
        self._static.update(*self._static_content())
        self.tasks = self._state.source.tasks

    def _static_content(self) -> tuple[tuple[Task, ...], str]:
        """The first tasks shown, and what the static gallery says of the others."""
        count = len(self._state.arrangement.numbers)
        note = f"the first of {count:,}" if count > MOST_STATIC else ""
        return self._state.first_tasks(MOST_STATIC), note

    def _reveal(self) -> None:
        if self._state.place_of(self._state.revealed) is None:
            # What was just paid for must be seen.
            self.filter_bar.clear()
        self.grid.reveal(self._state.revealed)

    def _draw_details(self, key: str = "") -> None:
        for card in self._state.find([key]):
            self.grid.show_details({**describe_details(card), **self._relatives.known(card)})
            self._relatives.find(card)

    def _show_relatives(self, card: Card, relatives: Details) -> None:
        if self._is_open:
            self.grid.show_details({**describe_details(card), **relatives})

    def _draw_busy(self, name: str, is_running: bool) -> None:  # noqa: FBT001  the callback's own form
        if name == "generate":
            self._announce()
        elif name in {"get", "history"}:
            self._forms[name.capitalize()].button.disabled = is_running

    # What the user does. Called in the kernel's main thread.

    def _load(self, kind: Kind, keys: Sequence[str]) -> None:
        cards = self._state.find(keys)
        self._loader.load(kind, {card.key: card.image for card in cards if card.image is not None})

    def _act(self, content: Mapping[str, object]) -> None:
        action = content.get("action")
        for card in self._state.find(read_keys(content)[:1]):
            if action == "copy_prompt":
                self.grid.copy_text(card.whole_prompt)
            elif action == "edit":
                self._editing.open(card)
            elif action == "use_settings":
                settings = settings_of(card, kept_request(card.task, self.client.cache))
                self.generate_form.fill(settings, self._actions.read_references(settings.references))
                self.tabs.value = "Generate"
                if losses := find_losses(card, settings):
                    self._state.set_status(Status(losses))
                    self.grid.notify(losses)

    def _open_relative(self, content: Mapping[str, object]) -> None:
        """Opens the card of a parent or a child; one that is not among the cards is added."""
        relative = read_relative(content)
        if relative is None:
            return
        task_id, place = relative
        if not self._state.cards_of(task_id):
            self._state.put(self.client.cache.find([task_id]).values())
        for card in self._state.cards_of(task_id):
            if any(image.index == place for image in card.tile.images):
                self.grid.opened = card.key
                return

    def _save(self, content: Mapping[str, object]) -> None:
        folder, ticket = content.get("folder"), content.get("ticket")
        if not isinstance(folder, str):
            return
        Explorer._folder = self.grid.folder = folder
        keys = read_keys(content) if "keys" in content else None
        self._actions.save(
            keys, folder, lambda status: self.grid.show_saved(ticket, status.text, is_error=status.is_error)
        )

    def _mark(self, content: Mapping[str, object]) -> None:
        change = read_change(content)
        if change is None:
            return
        if "keys" in content:
            cards = self._state.find(read_keys(content)[:1])
            self._show_marked(lambda: self._marking.apply(cards, change))
        elif len(self._state.selection) <= FEW:
            self._show_marked(lambda: self._marking.apply(self._state.selected_cards(), change))
        else:
            selected = self._state.selected_cards()
            self._jobs.run("mark", lambda: self._marking.apply(selected, change), self.grid.notify, "Marking images…")

    def _show_marks(self) -> None:
        self._actions.show_marks()

    def _show_marked(self, work: Callable[[], str]) -> None:
        try:
            text = work()
        except SeedreamError as error:
            self._state.set_status(Status.of_error(error))
            text = error.message
        self.grid.notify(text)

    def _offer_tags(self) -> None:
        with suppress(SeedreamError):  # the change itself says what is wrong
            self.grid.send({"type": "tags", "tags": self._marking.tags()[:MOST_TAGS]})

    def _offer_collections(self, chosen: str = "") -> None:
        location = self.client.cache.location
        self.collection_bar.offer(peek_collections(Path(location)) if location != OFF else (), chosen)

    def _choose_collection(self, name: str) -> None:
        def choose(library: Library) -> None:
            query = library.collections().get(name)
            if query is not None:
                self.filter_bar.show(*to_filter(query, self._state.zone))

        self._change_collections(choose)

    def _save_collection(self, name: str) -> None:
        def save(library: Library) -> None:
            query = to_query(*self.filter_bar.read(), self._state.zone)
            library.save_collection(name, **query.to_options())
            self._offer_collections(" ".join(name.split()))
            self.grid.notify(f"Saved the collection {' '.join(name.split())}.")

        self._change_collections(save)

    def _remove_collection(self, name: str) -> None:
        def remove(library: Library) -> None:
            library.remove_collection(name)
            self._offer_collections()
            self.grid.notify(f"Removed the collection {name}; its images stay.")

        self._change_collections(remove)

    def _change_collections(self, work: Callable[[Library], None]) -> None:
        try:
            work(self.client.cache.open())
        except SeedreamError as error:
            self._state.set_status(Status.of_error(error))
            self.grid.notify(error.message)

    def _set_time_zone(self, content: Mapping[str, object]) -> None:
        try:
            self._state.set_zone(ZoneInfo(str(content.get("name"))))
        except (ValueError, OSError, KeyError):
            # Not on this machine, as on some without tzdata: its own is used.
            return

    def _apply_filter(self) -> None:
        self._state.show(*self.filter_bar.read())
        self.filter = self.filter_bar.text.value

    def _set_filter(self, change: Mapping[str, Any]) -> None:
        self.filter_bar.text.value = change["new"]

    def _show_source(self, source: SourceName) -> None:
        """Shows a source; the library at once, so that the next cell finds its tasks."""
        if source == "library":
            self._state.open(self._actions.open_library())
            self._state.set_status(Status())
        self.tabs.value = SOURCES[source]

    def _choose_tab(self) -> None:
        self._show_form()
        if self.tabs.value == "Get":
            self._actions.show_tasks()
        elif self.tabs.value == "History":
            self._actions.show_history()
        elif self.tabs.value == "Library":
            self._actions.show_library()

    def _show_form(self) -> None:
        shown = self.generate_form if self.tabs.value == "Generate" else self._forms[self.tabs.value]
        for form in self._forms.values():
            form.layout.display = "" if form is shown else "none"

    def _announce(self) -> None:
        if self._generate_form is not None:
            self._generate_form.show(
                lambda entries: plan_order(entries, self._prices),
                is_busy=self._jobs.is_running("generate"),
                is_outcome_unknown=self._actions.is_outcome_unknown,
            )
        self._editing.refresh()

    def _show_editor(self, is_shown: bool) -> None:  # noqa: FBT001  the callback's own form
        if is_shown:
            self.add_class("seedream-editing")
        else:
            self.remove_class("seedream-editing")

    def _report_outdated(self) -> None:
        if not self._jobs.is_running("generate"):
            self._state.set_status(Status(OUTDATED))

    def _allow_generating(self) -> None:
        self._actions.is_outcome_unknown = False
        self._announce()

    def _copy_code(self) -> None:
        try:
            code = self.show_code()
        except UsageError as error:
            self._state.set_status(Status(error.message, is_error=True))
            return
        self.footer.show(code)
        self.grid.copy_text(code)

    def _add_files(self, files: Mapping[str, bytes]) -> None:
        self.generate_form.set_references((*self.generate_form.references, *self._actions.read_files(files)))

    def _use_selection(self) -> None:
        selected = list(itertools.islice(self._state.selected_cards(), MAX_IMAGES + 1))
        if any(card.tile.layers and self._state.composed_image(card) is None for card in selected):
            self._state.set_status(Status("The selected layers are still being composed. Try again in a moment."))
            return
        references = self._actions.read_references(self.selected[: MAX_IMAGES + 1])
        self.generate_form.set_references((*self.generate_form.references, *references))


def explore(
    client: SeedreamClient | None = None,
    tasks: AnyTasks | None = None,
    *,
    source: SourceName = "tasks",
    pace: Pace | None = None,
) -> Explorer:
    """Opens a panel to browse, compare, and generate images.

    Args:
        client: The client that sends its requests; by default one with the settings of the environment.
        tasks: The panel's tasks at first, as for `Explorer.add`.
        source: What it shows at first: `tasks`, the whole `library` on this machine, or the account's `history`.
        pace: The polling interval for tasks in progress; None for the client's own.

    Returns:
        The panel; as the last value of a cell, it shows itself.

    Raises:
        SettingsError: A setting in the environment, such as the price list, is invalid.
        LibraryError: The library is to be shown, and is turned off or cannot be read.
        SeedreamError: Retrieving tasks failed.

    Example:
        >>> panel = explore(client, ["84d1544a-9043-4dde-a98b-e889dacd75f6"])
        >>> panel.tasks[0].prompt
        'a white siamese cat'
        >>> panel.close()
    """
    client = client or SeedreamClient()
    given = () if tasks is None else tasks
    return Explorer(client, given, source=source, pace=pace, is_free=client.settings.is_sandbox)


def retrieve_missing(client: SeedreamClient, tasks: AnyTasks) -> list[Task]:
    """The tasks that are given as such, and those of ids and images, in order."""
    given = list(flatten(tasks))
    missing: list[Any] = [one for one in given if not isinstance(one, Task)]
    found = iter(client.retrieve_batch(missing) if missing else ())
    complete = [one if isinstance(one, Task) else next(found) for one in given]
    client.cache.remember(complete)
    return complete


def close_tree(root: ipywidgets.Widget) -> None:
    """Closes a widget with its children, layouts, and styles; `Widget.close` alone leaves these alive."""
    for widget in list(_walk(root, set())):
        # The base class's method, because a container may override close() to close its whole tree.
        ipywidgets.Widget.close(widget)


def _walk(widget: ipywidgets.Widget, seen: set[int]) -> Iterator[ipywidgets.Widget]:
    if id(widget) in seen:
        return
    seen.add(id(widget))
    for name in widget.keys:
        value = getattr(widget, name, None)
        for held in value if isinstance(value, (list, tuple)) else (value,):
            if isinstance(held, ipywidgets.Widget):
                yield from _walk(held, seen)
    yield widget
