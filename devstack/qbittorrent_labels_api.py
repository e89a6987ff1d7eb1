"""Categories, tags and trackers in the simulated web API."""

import re
from urllib.parse import unquote, urlsplit

from .qbittorrent_api import Answer, ApiError, Call, action, as_json
from .qbittorrent_engine import Category
from .qbittorrent_selection import one, one_or_several, several, words
from .qbittorrent_torrent import SimulatedTracker, TrackerStatus

CATEGORY_NAME = re.compile(r"[^\\/]+(/[^\\/]+)*")
_LARGEST_TIER = 255


@action("torrents/categories")
def _categories(call: Call) -> Answer:
    return as_json(call.engine.category_fields())


@action("torrents/createCategory", "category", post=True)
def _create_category(call: Call) -> None:
    name = call.text("category")
    if not name:
        raise ApiError(400, "Category cannot be empty")
    if not CATEGORY_NAME.fullmatch(name):
        raise ApiError(409, "Incorrect category name")
    if name in call.engine.categories:
        raise ApiError(409, "Unable to create category")
    call.engine.categories[name] = Category(name, call.text("savePath"))


@action("torrents/editCategory", "category", "savePath", post=True)
def _edit_category(call: Call) -> None:
    name = call.text("category")
    if not name:
        raise ApiError(400, "Category cannot be empty")
    category = call.engine.categories.get(name)
    strict = not call.generation.answers_with_status
    if strict and (category is None or category.save_path == call.text("savePath")):
        raise ApiError(409, "Unable to edit category")
    if category is None:
        raise ApiError(404, "Category does not exist")
    category.save_path = call.text("savePath")
    for torrent in call.engine.torrents.values():
        if torrent.automatic and torrent.category == name:
            call.engine.move(torrent, call.engine.category_path(name))


@action("torrents/removeCategories", "categories", post=True)
def _remove_categories(call: Call) -> None:
    for name in call.text("categories").split("\n"):
        if call.engine.categories.pop(name, None) is not None:
            for torrent in call.engine.torrents.values():
                if torrent.category == name:
                    torrent.category = ""
                    if torrent.automatic:
                        call.engine.move(torrent, call.engine.category_path(""))
                    call.engine.touch(torrent)


@action("torrents/setCategory", "hashes", "category", post=True)
def _set_category(call: Call) -> None:
    name = call.text("category")
    for torrent in several(call):
        if name and name not in call.engine.categories:
            raise ApiError(409, "Incorrect category name")
        torrent.category = name
        if torrent.automatic:
            call.engine.move(torrent, call.engine.category_path(name))
        call.engine.touch(torrent)


@action("torrents/tags")
def _tags(call: Call) -> Answer:
    return as_json(call.engine.tag_names())


@action("torrents/createTags", "tags", post=True)
def _create_tags(call: Call) -> None:
    call.engine.tags.update(words(call.text("tags")))


@action("torrents/deleteTags", "tags", post=True)
def _delete_tags(call: Call) -> None:
    gone = set(words(call.text("tags")))
    call.engine.tags -= gone
    for torrent in call.engine.torrents.values():
        if torrent.tags & gone:
            torrent.tags -= gone
            call.engine.touch(torrent)


@action("torrents/addTags", "hashes", "tags", post=True)
def _add_tags(call: Call) -> None:
    tags = words(call.text("tags"))
    for torrent in several(call):
        torrent.tags.update(tags)
        call.engine.tags.update(tags)
        call.engine.touch(torrent)


@action("torrents/setTags", "hashes", "tags", post=True, since=(2, 11, 4), silent=True)
def _set_tags(call: Call) -> None:
    for torrent in several(call):
        torrent.tags = set(words(call.text("tags")))
        call.engine.tags.update(torrent.tags)
        call.engine.touch(torrent)


@action("torrents/removeTags", "hashes", post=True)
def _remove_tags(call: Call) -> None:
    tags = set(words(call.text("tags")))
    for torrent in several(call):
        torrent.tags = torrent.tags - tags if tags else set()
        call.engine.touch(torrent)


# --- trackers --------------------------------------------------------------------------------------------------------


@action("torrents/addTrackers", "hash", "urls", post=True, silent=True)
def _add_trackers(call: Call) -> None:
    tiers = [tier.split("\n") for tier in re.split(r"\n\n", call.text("urls"))]
    for torrent in one_or_several(call):
        trackers = list(torrent.trackers)
        known = {tracker.url for tracker in trackers}
        for tier, urls in enumerate(tiers):
            for url in (each.strip() for each in urls):
                if url and url not in known:
                    known.add(url)
                    trackers.append(SimulatedTracker(url=url, tier=tier, status=TrackerStatus.NOT_CONTACTED))
        call.engine.set_trackers(torrent, trackers)


@action("torrents/removeTrackers", "hash", "urls", post=True, silent=True)
def _remove_trackers(call: Call) -> None:
    decode = unquote if call.generation.since(2, 11) else str
    gone = {decode(url) for url in call.text("urls").split("|")}
    for torrent in one_or_several(call):
        call.engine.set_trackers(torrent, [tracker for tracker in torrent.trackers if tracker.url not in gone])


def _edit_tracker(call: Call, old: str, new: str, tier: int | None) -> None:
    torrent = one(call)
    if new and (not urlsplit(new).scheme or " " in new):
        raise ApiError(400, "New tracker URL is invalid")
    if new != old and any(tracker.url == new for tracker in torrent.trackers):
        raise ApiError(409, "New tracker URL already exists")
    tracker = next((each for each in torrent.trackers if each.url == old), None)
    if tracker is None:
        raise ApiError(409, "Tracker not found")
    others = [each for each in torrent.trackers if each is not tracker]
    changed = SimulatedTracker(url=new, tier=tracker.tier if tier is None else tier, status=TrackerStatus.NOT_CONTACTED)
    call.engine.set_trackers(torrent, [*others, changed])


@action("torrents/editTracker", "hash", post=True, silent=True)
def _edit_tracker_of_generation(call: Call) -> None:
    modern = call.generation.since(2, 13)
    required = ("url",) if modern else ("origUrl", "newUrl")
    if missing := [name for name in required if name not in call.parameters]:
        raise ApiError(400, f"Missing required parameters: {', '.join(missing)}" if modern else "")
    if not modern:
        if not call.text("newUrl"):
            raise ApiError(400, "New tracker URL is invalid")
        _edit_tracker(call, call.text("origUrl"), call.text("newUrl"), None)
        return
    one(call)
    tier = None
    if "tier" in call.parameters:
        if not call.text("tier").lstrip("-").isdecimal():
            raise ApiError(400, "tier must be an integer")
        tier = call.integer("tier")
        if not 0 <= tier <= _LARGEST_TIER:
            raise ApiError(400, "tier must be between 0 and 255")
    if "newUrl" not in call.parameters and tier is None:
        raise ApiError(400, "Must specify at least one of [newUrl, tier]")
    if call.parameters.get("newUrl") == "":
        raise ApiError(400, "New tracker URL is invalid")
    _edit_tracker(call, call.text("url"), call.text("newUrl") or call.text("url"), tier)
