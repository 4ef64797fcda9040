"""Each image is fetched once, only when it is needed, and without the token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from seedream_nb import Gallery, Sandbox, SeedreamClient, Task, TaskImage, TaskStatus
from seedream_nb.images.fetch import FetchLimits, ImageFetcher
from tests.gallery.reading import show
from tests.sample_images import plain
from tests.scripted_server import Answer

if TYPE_CHECKING:
    from tests.gallery.image_host import ImageHost

SMALL = "128x96"


def small_gallery(sandbox: Sandbox, client: SeedreamClient, count: int = 3, **options: int) -> Gallery:
    ids = [sandbox.add_task(f"image {number}", size=SMALL) for number in range(count)]
    return Gallery(client.retrieve_batch(ids), **options)  # type: ignore[arg-type]


def fetched(sandbox: Sandbox) -> int:
    return len(sandbox.requests.of_kind("downloads"))


def test_a_image_is_fetched_once_for_a_gallery_its_slices_and_its_filters(
    sandbox: Sandbox, client: SeedreamClient
) -> None:
    gallery = small_gallery(sandbox, client)
    for again in (gallery, gallery, gallery[1:], gallery.filter(prompt="image 0"), gallery[::-1][0:2]):
        show(again)
    assert fetched(sandbox) == 3


def test_what_a_slice_fetched_its_gallery_has(sandbox: Sandbox, client: SeedreamClient) -> None:
    gallery = small_gallery(sandbox, client)
    show(gallery[:2])
    assert fetched(sandbox) == 2
    assert gallery.unloaded == 1
    show(gallery)
    assert fetched(sandbox) == 3
    assert gallery.unloaded == 0


def test_the_same_link_in_two_tasks_is_fetched_once(sandbox: Sandbox, client: SeedreamClient) -> None:
    (task,) = small_gallery(sandbox, client, 1)
    sheet = show(Gallery([task, task]))
    assert sheet.tiles[0].embedded == sheet.tiles[1].embedded
    assert fetched(sandbox) == 1


def test_nothing_is_fetched_before_it_is_shown(sandbox: Sandbox, client: SeedreamClient) -> None:
    gallery = small_gallery(sandbox, client)
    repr(gallery)
    list(gallery)
    gallery.to_dicts()
    assert gallery.unloaded == 3
    assert fetched(sandbox) == 0


def test_images_beyond_the_limit_are_not_fetched(sandbox: Sandbox, client: SeedreamClient) -> None:
    show(small_gallery(sandbox, client, 4, limit=2))
    assert fetched(sandbox) == 2


def test_loading_ahead_counts_each_image(sandbox: Sandbox, client: SeedreamClient) -> None:
    gallery = small_gallery(sandbox, client)
    progress: list[int] = []
    assert gallery.load(on_progress=progress.append) is gallery
    assert progress == [1, 1, 1]
    show(gallery)
    assert fetched(sandbox) == 3


def test_a_failure_is_tried_again_at_the_next_display(sandbox: Sandbox, client: SeedreamClient) -> None:
    (task,) = small_gallery(sandbox, client, 1)
    gallery = Gallery(task, fetcher=ImageFetcher(FetchLimits(tries=1)))
    with sandbox.faults.during("server_error", on="downloads"):
        assert show(gallery).tiles[0].state == "! not available"
        assert gallery.unloaded == 1
    assert show(gallery).tiles[0].embedded
    assert fetched(sandbox) == 2


def test_a_link_that_dies_afterwards_does_not_matter(sandbox: Sandbox, client: SeedreamClient) -> None:
    gallery = small_gallery(sandbox, client)
    before = show(gallery)
    with sandbox.faults.during("missing", on="downloads"):
        assert show(gallery) == before
        assert show(gallery[1:]).tiles[0].embedded
    assert show(gallery) == before


def test_image_hosts_never_get_the_token(sandbox: Sandbox, client: SeedreamClient) -> None:
    show(small_gallery(sandbox, client))
    images = sandbox.requests.of_kind("downloads")
    assert len(images) == 3
    assert not any(request.has_authorization for request in images)
    assert all(request.has_authorization for request in sandbox.requests.of_kind("tasks"))


def test_links_that_a_reader_can_follow_need_no_request(image_host: ImageHost) -> None:
    link = image_host.add("/a.png", plain())
    task = Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", url=link, size="2048x1024"),))
    gallery = Gallery(task, embed="links")
    (tile,) = show(gallery).tiles
    assert (tile.image, tile.link) == (link, link)
    assert gallery.unloaded == 0
    assert image_host.received == []


def test_a_link_to_this_machine_is_never_offered_but_its_image_embedded(
    sandbox: Sandbox, client: SeedreamClient
) -> None:
    gallery = small_gallery(sandbox, client)
    for embed in ("thumbnails", "links", "originals"):
        sheet = show(Gallery(gallery, embed=embed))
        assert len(sheet.tiles) == 3
        assert all(tile.embedded and not tile.link for tile in sheet.tiles)
        assert "127.0.0.1" not in sheet.html + sheet.plain


def test_a_thumbnail_links_to_its_original(image_host: ImageHost) -> None:
    link = image_host.add("/a.png", plain()) + "?x=1&y=2"
    sheet = show(Gallery(Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", url=link),))))
    assert sheet.tiles[0].embedded
    anchors = sheet.root.find("a")
    assert [anchor.attributes["href"] for anchor in anchors] == [link, link]
    assert {anchor.attributes["rel"] for anchor in anchors} == {"noopener noreferrer"}
    assert image_host.paths == ["/a.png"]


def test_a_link_that_the_host_says_is_dead_is_not_offered(image_host: ImageHost) -> None:
    image_host.answers["/a.jpg"] = Answer(b"gone", 410)
    task = Task("i", TaskStatus.SUCCEEDED, (TaskImage("i", url=f"{image_host.url}/a.jpg"),))
    assert show(Gallery(task)).tiles[0].link == ""
