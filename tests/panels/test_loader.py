"""Images are loaded on demand: the most urgent first, each once, within a memory limit, and none after closing."""

from __future__ import annotations

import queue
import threading
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from seedream_nb import BoundingBox, ErrorDetail, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus, compose_layers
from seedream_nb.core.errors import ImageError
from seedream_nb.images.fetch import FetchLimits, ImageFetcher
from seedream_nb.panels import loader as loader_module
from seedream_nb.panels.cards import make_cards
from seedream_nb.panels.image_cache import Kind, LoadedImage
from seedream_nb.panels.loader import THREAD_NAME, ImageLoader
from tests.raw_server import RawServer, head, whole
from tests.sample_images import decode, encode, noise, plain, translucent
from tests.scripted_server import Answer, Meeting, Received, ScriptedServer

if TYPE_CHECKING:
    from seedream_nb.panels.loader import Loaded
    from seedream_nb.sandbox.faults import FaultKind

LONG = 20.0  # seconds; a timeout that no passing test reaches
PRO = "doubao-seedream-5-0-pro-260628"
QUICK = ImageFetcher(FetchLimits(tries=1))


class Inbox:
    """Collects deliveries and waits for them."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[tuple[str, Kind, Loaded, threading.Thread]] = queue.SimpleQueue()

    def __call__(self, key: str, kind: Kind, found: Loaded) -> None:
        self._queue.put((key, kind, found, threading.current_thread()))

    def take(self) -> tuple[str, Kind, Loaded]:
        key, kind, found, thread = self._queue.get(timeout=LONG)
        assert thread.name == THREAD_NAME
        return key, kind, found

    def take_all(self, count: int) -> dict[str, Loaded]:
        return {key: found for key, _kind, found in (self.take() for _ in range(count))}

    @property
    def is_empty(self) -> bool:
        return self._queue.empty()


class Gate:
    """A host that holds slow images back until the test opens them, and records requests."""

    def __init__(self, content: bytes | None = None) -> None:
        self.requested: queue.SimpleQueue[str] = queue.SimpleQueue()
        self.content = content or plain()
        self._open: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def __call__(self, received: Received) -> Answer:
        name = received.path.lstrip("/")
        self.requested.put(name)
        if name.startswith("slow"):
            assert self._event(name).wait(LONG)
        return Answer(self.content)

    def open(self, name: str) -> None:
        self._event(name).set()

    def next(self) -> str:
        return self.requested.get(timeout=LONG)

    def rest(self) -> list[str]:
        return [self.requested.get() for _ in range(self.requested.qsize())]

    def _event(self, name: str) -> threading.Event:
        with self._lock:
            return self._open.setdefault(name, threading.Event())


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
def opened(inbox: Inbox) -> Iterator[Callable[..., ImageLoader]]:
    """Opens loaders that deliver to the inbox, and checks that no thread outlives the test."""
    loaders: list[ImageLoader] = []

    def open_loader(**options: object) -> ImageLoader:
        loaders.append(ImageLoader(QUICK, inbox, **options))  # type: ignore[arg-type]  # as the test says
        return loaders[-1]

    yield open_loader
    for loader in loaders:
        loader.close()
    assert_no_thread_stays()


def our_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == THREAD_NAME]


def assert_no_thread_stays() -> None:
    for thread in our_threads():
        thread.join(LONG)
    assert our_threads() == []


def at(server: ScriptedServer, *names: str) -> dict[str, TaskImage]:
    return {name: TaskImage("i", url=f"{server.url}/{name}") for name in names}


def good(found: Loaded) -> LoadedImage:
    assert isinstance(found, LoadedImage), found
    return found


Opened = Callable[..., ImageLoader]


# Deliveries


def test_thumbnails_and_originals_of_the_sandbox(
    sandbox: Sandbox, client: SeedreamClient, opened: Opened, inbox: Inbox
) -> None:
    (image,) = client.retrieve(sandbox.add_task("a red kite", size="1200x900")).images
    loader = opened(side=160)
    loader.load("thumbnail", {"a": image})
    key, kind, found = inbox.take()
    assert (key, kind) == ("a", "thumbnail")
    small = good(found)
    assert (small.mime, small.width, small.height) == ("image/jpeg", 160, 120)
    assert decode(small.data).size == (160, 120)
    loader.load("original", {"b": image})
    key, kind, found = inbox.take()
    assert (key, kind) == ("b", "original")
    whole = good(found)
    assert (whole.mime, whole.width, whole.height) == ("image/jpeg", 1200, 900)
    assert whole.data == QUICK.fetch(image)


def test_the_type_of_an_inline_image_is_read_from_its_bytes(opened: Opened, inbox: Inbox) -> None:
    loader = opened()
    loader.load("original", {"a": TaskImage("i", data=translucent(), output_format="jpeg")})
    (found,) = inbox.take_all(1).values()
    assert good(found) == LoadedImage(translucent(), "image/png", 40, 30)


@pytest.mark.parametrize("kind", ["thumbnail", "original"])
def test_each_failure_is_delivered_and_affects_nothing_else(
    sandbox: Sandbox, client: SeedreamClient, opened: Opened, inbox: Inbox, kind: Kind
) -> None:
    faults: dict[FaultKind, str] = {
        "missing": "no longer works",
        "html": "a web page",
        "truncate": "damaged",
        "redirect": "too many redirects",
        "drop": "failed",
    }
    wanted: dict[str, TaskImage] = {}
    for fault in (*faults, "none"):
        (image,) = client.retrieve(sandbox.add_task(f"a kite {fault}", size="960x960")).images
        assert image.url
        if fault in faults:
            sandbox.faults.add(fault, on="downloads", match=PurePath(image.url).name)
        wanted[fault] = image
    wanted["failed"] = TaskImage("i", error=ErrorDetail("a_code", "why"))
    opened().load(kind, wanted)
    found = inbox.take_all(len(wanted))
    assert good(found.pop("none")).height == (320 if kind == "thumbnail" else 960)
    for name, words in [*faults.items(), ("failed", "There is no image")]:
        error = found[name]
        assert isinstance(error, ImageError)
        assert words in error.message


def test_a_failed_image_can_be_requested_again(opened: Opened, inbox: Inbox) -> None:
    with ScriptedServer([Answer(status=404), Answer(plain())]) as server:
        loader = opened()
        loader.load("thumbnail", at(server, "a"))
        assert isinstance(inbox.take()[2], ImageError)
        loader.load("thumbnail", at(server, "a"))
        assert good(inbox.take()[2]).width == 40


def test_an_unexpected_error_of_the_fetcher_is_delivered(inbox: Inbox) -> None:
    class Broken(ImageFetcher):
        def fetch(self, image: TaskImage, *, stop: threading.Event | None = None) -> bytes:
            raise ZeroDivisionError(f"{image.index} {stop}")

    loader = ImageLoader(Broken(), inbox)
    loader.load("thumbnail", {"a": TaskImage("i", url="http://127.0.0.1/")})
    found = inbox.take()[2]
    assert isinstance(found, ImageError)
    assert "ZeroDivisionError" in found.message
    loader.close()


# Downloads


def test_stored_images_and_images_in_flight_are_not_fetched_twice(opened: Opened, inbox: Inbox) -> None:
    gate = Gate()
    with ScriptedServer(gate, at_once=True) as server:
        loader = opened()
        wanted = at(server, "slow-1", "slow-2", "fast")
        loader.load("thumbnail", wanted)
        for _ in range(3):
            gate.next()
        # The grid repeats its requests with each row that comes near; another card may show the same image.
        loader.load("thumbnail", wanted | {"twin": wanted["slow-1"]})
        gate.open("slow-1")
        gate.open("slow-2")
        found = inbox.take_all(4 if inbox.is_empty else 5)
        loader.load("thumbnail", wanted)
        found |= inbox.take_all(3)
        assert found["twin"] == found["slow-1"]
        assert gate.rest() == []


def test_a_repeated_request_takes_no_second_thread(opened: Opened, inbox: Inbox) -> None:
    gate = Gate()
    with ScriptedServer(gate, at_once=True) as server:
        loader = opened(threads=2)
        for _ in range(4):
            loader.load("thumbnail", at(server, "slow"))
        assert gate.next() == "slow"
        loader.load("thumbnail", at(server, "slow", "fast"))
        assert inbox.take()[0] == "fast"
        gate.open("slow")
        assert inbox.take()[0] == "slow"
        assert inbox.is_empty


def test_a_thumbnail_is_made_from_a_stored_original(opened: Opened, inbox: Inbox) -> None:
    with ScriptedServer(Answer(noise(400, 300))) as server:
        loader = opened(side=100)
        for kind in ("original", "thumbnail", "original"):
            loader.load(kind, at(server, "a"))
            assert inbox.take()[:2] == ("a", kind)
        assert len(server.received) == 1


def test_dropped_requests_are_not_fetched_and_the_latest_come_first(opened: Opened, inbox: Inbox) -> None:
    gate = Gate()
    with ScriptedServer(gate, at_once=True) as server:
        loader = opened(threads=2)
        loader.load("thumbnail", at(server, "slow-1", "slow-2", "dropped-1", "dropped-2", "kept"))
        begun = {gate.next(), gate.next()}
        assert begun == {"slow-1", "slow-2"}
        loader.load("thumbnail", at(server, "new-1", "new-2", "kept"))
        gate.open("slow-1")
        # Started images are delivered; then the one free thread takes the current queue in order.
        assert [inbox.take()[0] for _ in range(4)] == ["slow-1", "new-1", "new-2", "kept"]
        gate.open("slow-2")
        assert inbox.take()[0] == "slow-2"
        assert gate.rest() == ["new-1", "new-2", "kept"]


def test_stored_images_do_not_wait_for_slow_hosts(opened: Opened, inbox: Inbox) -> None:
    gate = Gate()
    with ScriptedServer(gate, at_once=True) as server:
        loader = opened(threads=2)
        loader.load("thumbnail", at(server, "a", "b"))
        inbox.take_all(2)
        loader.load("thumbnail", at(server, "slow-1", "slow-2", "slow-3"))
        assert {gate.next() for _ in range(4)} >= {"slow-1", "slow-2"}
        loader.load("thumbnail", at(server, "slow-3", "b", "a"))
        assert [inbox.take()[0] for _ in range(2)] == ["b", "a"]
        loader.close()
        for name in ("slow-1", "slow-2"):
            gate.open(name)


def test_an_opened_image_comes_before_the_grid_and_never_stalls_it(opened: Opened, inbox: Inbox) -> None:
    gate = Gate()
    with ScriptedServer(gate, at_once=True) as server:
        loader = opened(threads=2)
        loader.load("thumbnail", at(server, "slow-a", "slow-b", "c", "d"))
        assert {gate.next(), gate.next()} == {"slow-a", "slow-b"}
        loader.load("original", at(server, "slow-big-1", "slow-big-2"))
        gate.open("slow-a")
        assert gate.next() == "slow-big-1"
        gate.open("slow-b")
        # One of two threads stays with the grid.
        assert [inbox.take()[0] for _ in range(4)] == ["slow-a", "slow-b", "c", "d"]
        gate.open("slow-big-1")
        gate.open("slow-big-2")
        assert [inbox.take()[:2] for _ in range(2)] == [("slow-big-1", "original"), ("slow-big-2", "original")]


def test_a_key_that_now_stands_for_another_image_gets_that_one(opened: Opened, inbox: Inbox) -> None:
    gate = Gate()
    with ScriptedServer(gate, at_once=True) as server:
        loader = opened()
        loader.load("thumbnail", {"a": at(server, "slow")["slow"]})
        assert gate.next() == "slow"
        loader.load("thumbnail", {"a": TaskImage("i", data=plain(60, 20))})
        assert good(inbox.take()[2]).width == 60
        gate.open("slow")
        loader.load("original", at(server, "last"))
        assert inbox.take()[0] == "last"
        assert inbox.is_empty


def test_no_more_images_are_fetched_at_a_time_than_there_are_threads(opened: Opened, inbox: Inbox) -> None:
    meeting = Meeting(3, Answer(plain()))
    with ScriptedServer(meeting, at_once=True) as server:
        opened(threads=3).load("thumbnail", at(server, *map(str, range(12))))
        assert len(inbox.take_all(12)) == 12
    assert meeting.most == 3


# Layers


@pytest.mark.heavy
def test_layers_are_composed_and_fetched_once(
    sandbox: Sandbox, client: SeedreamClient, opened: Opened, inbox: Inbox
) -> None:
    source = Image.radial_gradient("L").resize((1280, 960)).convert("RGB")
    task = client.generate(image=source, model=PRO, layers=True, wait=True)
    cards = make_cards(task, "a")
    wanted = {card.key: card.image for card in cards if card.image}
    assert isinstance(wanted["a/0"], tuple)
    loader = opened(side=200)
    loader.load("thumbnail", wanted)
    found = inbox.take_all(len(wanted))
    assert Counter(request.path for request in sandbox.requests.of_kind("downloads")).most_common(1)[0][1] == 1
    whole = compose_layers(task)
    small = good(found["a/0"])
    assert (small.width, small.height) == (200, 150)
    reference = whole.convert("RGB").resize((200, 150))
    for place in ((10, 10), (100, 75), (150, 40)):
        assert decode(small.data).convert("RGB").getpixel(place) == pytest.approx(reference.getpixel(place), abs=16)
    loader.load("original", {"a/0": wanted["a/0"]})
    original = good(inbox.take()[2])
    assert original.mime == "image/png"
    assert decode(original.data).tobytes() == whole.tobytes()


def test_a_missing_layer_is_named(opened: Opened, inbox: Inbox) -> None:
    base = TaskImage("i", 0, data=plain(), z_index=0)
    lost = TaskImage("i", 1, error=ErrorDetail("a_code"), z_index=1, name="boat")
    for kind in ("thumbnail", "original"):
        opened().load(kind, {"a": (base, lost)})
        error = inbox.take()[2]
        assert isinstance(error, ImageError)
        assert "layer 1: boat is missing" in error.message


def test_a_layer_is_placed_by_its_bounding_box(opened: Opened, inbox: Inbox) -> None:
    box = BoundingBox((20, 0, 40, 30))
    layers = (
        TaskImage("i", 0, data=plain(40, 30, "#0000ff"), z_index=0),
        TaskImage("i", 1, data=plain(20, 30, "#ff0000"), z_index=1, bounding_box=box),
    )
    opened().load("original", {"a": layers})
    image = decode(good(inbox.take()[2]).data)
    assert [image.getpixel((x, 15)) for x in (5, 35)] == [(0, 0, 255), (255, 0, 0)]


# Limits


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["original", "thumbnail"])
def test_the_memory_limit_holds(opened: Opened, inbox: Inbox, kind: Kind) -> None:
    contents = [noise(300, 300, seed=seed) for seed in range(60)]
    size = max(map(len, contents))
    with ScriptedServer(lambda received: Answer(contents[int(received.path[1:])]), at_once=True) as server:
        loader = opened(memory=10 * size, threads=2, side=300)
        for name in range(3):
            loader.load(kind, at(server, str(name)))
            inbox.take()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        for name in range(60):
            loader.load(kind, at(server, str(name)))
            inbox.take()
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        # Besides the stored images, each of the three threads may hold one, and so may the server.
        assert after - before < 16 * size
        count = len(server.received)
        loader.load(kind, at(server, "59"))  # the newest is stored
        inbox.take()
        assert len(server.received) == count
        loader.load(kind, at(server, "0"))  # the oldest is not
        inbox.take()
        assert len(server.received) == count + 1


def test_an_image_larger_than_the_memory_limit_is_delivered_but_not_stored(opened: Opened, inbox: Inbox) -> None:
    content = noise(300, 300)
    with ScriptedServer(lambda received: Answer(content if received.path == "/large" else plain())) as server:
        loader = opened(memory=len(content) - 1)
        for name in ("small", "large", "large", "small"):
            loader.load("original", at(server, name))
            assert good(inbox.take()[2]).data == (content if name == "large" else plain())
        assert [received.path for received in server.received] == ["/small", "/large", "/large"]


def test_an_oversized_image_is_not_downloaded_completely(inbox: Inbox) -> None:
    with ScriptedServer(Answer(noise(900, 900))) as server:
        loader = ImageLoader(ImageFetcher(FetchLimits(image_bytes=100_000)), inbox)
        loader.load("original", at(server, "a"))
        found = inbox.take()[2]
        assert isinstance(found, ImageError)
        assert "larger than" in found.message
        loader.close()


# Threads


def test_threads_exist_only_while_there_is_work(opened: Opened, inbox: Inbox) -> None:
    loader = opened(seconds_idle=0.3, threads=4)
    assert our_threads() == []
    for _ in range(2):
        loader.load("thumbnail", {str(number): TaskImage("i", data=plain(number + 1)) for number in range(20)})
        assert 0 < len(our_threads()) <= 5
        assert all(thread.daemon for thread in our_threads())
        inbox.take_all(20)
        assert_no_thread_stays()


def test_closing_ends_all_threads_and_deliveries(opened: Opened, inbox: Inbox) -> None:
    gate = Gate()
    with ScriptedServer(gate, at_once=True) as server:
        loader = opened(threads=2)
        loader.load("thumbnail", at(server, "slow-1", "slow-2", *map(str, range(50))))
        assert {gate.next(), gate.next()} == {"slow-1", "slow-2"}
        threads = our_threads()
        gate.open("slow-1")
        loader.close()
        gate.open("slow-2")
        while not inbox.is_empty:
            inbox.take()  # what was delivered before
        for thread in threads:
            thread.join(LONG)
        loader.load("thumbnail", at(server, "after"))
        assert (our_threads(), inbox.is_empty) == ([], True)
        assert "after" not in gate.rest()
        loader.close()


def test_a_slow_download_is_cancelled_at_once(inbox: Inbox) -> None:
    with ScriptedServer(Answer(noise(300, 300), manner="drip")) as server:
        loader = ImageLoader(ImageFetcher(), inbox)
        loader.load("original", at(server, "a"))
        assert server.arrived.wait(LONG)
        loader.close()
        assert our_threads() == []
    assert inbox.is_empty


def test_a_hundred_rounds_leave_nothing_behind(inbox: Inbox) -> None:
    with ScriptedServer(Answer(plain()), at_once=True) as server:
        for _ in range(100):
            loader = ImageLoader(QUICK, inbox)
            loader.load("thumbnail", at(server, *map(str, range(20))))
            loader.close()
        assert_no_thread_stays()


def test_the_callback_may_load_and_close() -> None:
    answered = threading.Event()
    loaders: list[ImageLoader] = []

    def deliver(key: str, _kind: Kind, _found: Loaded) -> None:
        if key == "a":
            loaders[0].load("thumbnail", {"b": TaskImage("i", data=plain())})
        else:
            loaders[0].close()
            answered.set()

    loaders.append(ImageLoader(QUICK, deliver))
    loaders[0].load("original", {"a": TaskImage("i", data=plain())})
    assert answered.wait(LONG)
    assert_no_thread_stays()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_error_in_the_callback_does_not_end_the_loader() -> None:
    got: queue.SimpleQueue[str] = queue.SimpleQueue()

    def deliver(key: str, _kind: Kind, _found: Loaded) -> None:
        got.put(key)
        if key in "bcd":
            raise ZeroDivisionError

    loader = ImageLoader(QUICK, deliver, threads=1)
    loader.load("thumbnail", {key: TaskImage("i", data=encode(decode(plain()), "PNG")) for key in "abcdef"})
    assert sorted(got.get(timeout=LONG) for _ in range(6)) == list("abcdef")
    loader.close()
    assert_no_thread_stays()


def test_only_one_thread_delivers_at_a_time() -> None:
    busy = threading.Lock()
    done: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def deliver(_key: str, _kind: Kind, _found: Loaded) -> None:
        done.put(busy.acquire(blocking=False))
        busy.release()

    loader = ImageLoader(QUICK, deliver)
    for kind in ("original", "thumbnail"):
        loader.load(kind, {str(number): TaskImage("i", data=plain(number + 9)) for number in range(60)})
    assert all(done.get(timeout=LONG) for _ in range(120))
    loader.close()


def test_the_image_of_a_card_is_loaded(opened: Opened, inbox: Inbox) -> None:
    (card,) = make_cards(Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", data=plain()),)), "i")
    assert card.image
    opened().load("thumbnail", {card.key: card.image})
    assert inbox.take()[0] == "i/0"


@pytest.mark.parametrize("kind", ["thumbnail", "original"])
def test_slow_hosts_do_not_hold_up_the_images_of_others(opened: Opened, inbox: Inbox, kind: Kind) -> None:
    def answer(received: Received) -> Iterable[bytes]:
        return whole(plain()) if "good" in received.path else server.slowly(head(200, "X-Padding: " + "a" * 5000))

    with RawServer(answer) as server:
        loader = opened(seconds_slow=0.1)
        slow = [f"slow-{number}" for number in range(12)]
        loader.load(kind, {name: TaskImage("i", url=f"{server.url}/{name}") for name in [*slow, "good-1", "good-2"]})
        assert {inbox.take()[0], inbox.take()[0]} == {"good-1", "good-2"}
        loader.close()
        server.wait_until_left(8)


def test_slow_downloads_are_limited_too(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader_module, "MOST_SLOW", 3)
    gate = Gate()
    with ScriptedServer(gate, at_once=True) as server:
        loader = opened(threads=2, seconds_slow=0.05)
        loader.load("thumbnail", at(server, *(f"slow-{number}" for number in range(20))))
        assert {gate.next() for _ in range(5)} == {f"slow-{number}" for number in range(5)}
        assert not threading.Event().wait(0.3)
        assert gate.rest() == []
        assert len(our_threads()) <= 6
        loader.close()
        for number in range(5):
            gate.open(f"slow-{number}")
