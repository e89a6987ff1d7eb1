"""Why a title can't be watched yet: its whole way, from the wish to the library, and where on it it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from homeassistant.util import dt as dt_util
from homeassistant.util.ulid import ulid_now

from .acquire.grabbing import tries_of
from .clients.errors import BackendError
from .explanation import explain
from .journal_report import outcome, sentence
from .model.journal import ActKind, JournalEntry
from .model.reasons import Reason
from .model.search import SearchRequest
from .model.world import Download
from .watching_titles import Identified, text_of
from .watchlist.explaining import has_left_library
from .watchlist.items import ARR, SEERR, Part, PartState, Wish, WishState
from .watchlist_minimum import minimum_of
from .watchlist_report import describe_wish, part_label, terms
from .wording import Wording, clean

if TYPE_CHECKING:
    from .hub import Hub

#: So many grabs of a title are told.
HISTORY: Final = 10


class Link(StrEnum):
    """The links of the chain, in their order."""

    ASKED = "asked"
    IDENTIFIED = "identified"
    OUT = "out"
    SEARCHED = "searched"
    GRABBED = "grabbed"
    DOWNLOADED = "downloaded"
    IMPORTED = "imported"
    READY = "ready"


_REACHED: Final = {
    PartState.WAITING: Link.OUT,
    PartState.SEARCHING: Link.SEARCHED,
    PartState.OFFERED: Link.GRABBED,
    PartState.GRABBED: Link.DOWNLOADED,
    PartState.IMPORTING: Link.IMPORTED,
    PartState.READY: Link.READY,
}
_BEHIND: Final = (
    *(PartState.SEARCHING, PartState.OFFERED, PartState.GRABBED),
    *(PartState.IMPORTING, PartState.WAITING, PartState.READY),
)


class NoTitle(Exception):  # noqa: N818 -- named for what happened
    """Nobody knows which title is meant. The reason says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.key)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """What there is to explain: a wish, or what would be one; and the part of it that counts."""

    wish: Wish
    wished: bool  # it is on the list
    part: Part | None
    least: int | None = None  # the lines that its picture has to have: 0 for any
    grabs: tuple[JournalEntry, ...] = ()
    download: Download | None = None


async def explain_title(hub: Hub, said: str, now: datetime, words: Wording) -> dict[str, Any]:
    """Return why a title is not here yet, in words and as data; nothing is changed. Raises `NoTitle`."""
    case = await _case(hub, said)
    wish, part = case.wish, case.part
    downloading = await explain(hub, case.download, now, words) if case.download is not None else None
    links = [{"link": str(link), **told} for link, told in _chain(case, downloading, now, words)]
    text = [sentence(each, now, words) for each in wish.why]
    if (wish.state is WishState.READY and not has_left_library(wish)) or not text:
        text.insert(0, words.text(f"watchlist.is_{wish.state}"))
    if not case.wished:
        text.insert(0, words.text("chain.not_asked"))
    return {
        "title": clean(part_label(wish, part) if part is not None else wish.label),
        "on_the_list": case.wished,
        "state": str(wish.state),
        "text": " ".join(each if each[-1:] in ".!?…" else f"{each}." for each in text),
        "chain": links,
        "wish": describe_wish(wish, now, words, case.least),
        "download": downloading,
    }


# --- what is meant ---------------------------------------------------------------------------------------------------


async def _case(hub: Hub, said: str) -> _Case:
    wish = hub.watching.find(said)
    if wish is not None:
        return await _with_part(hub, wish, None, None, wished=True)
    now = dt_util.utcnow()
    asked = Wish(id=ulid_now(), text=text_of(SearchRequest(text=said)), asked_at=now)
    found = await hub.watching.titles.identify(asked)
    if found.title is None:
        raise NoTitle(_unknown(found, asked))
    for each in hub.watching.wishes.values():
        same = each.meant is not None and each.meant.kind is found.title.kind and each.meant.ids & found.title.ids
        if same and (found.season is None or each.season in {None, found.season}):
            return await _with_part(hub, each, found.season, found.episode, wished=True)
    try:
        seen = await hub.watching.work.seen(found)
    except BackendError as error:
        raise NoTitle(Reason(key="chain.cannot_ask", parameters={"detail": clean(str(error))})) from error
    if seen is None:
        raise NoTitle(Reason(key="chain.nobody_wants", parameters={"title": clean(found.title.label)}))
    return await _with_part(hub, seen, found.season, found.episode, wished=False)


def _unknown(found: Identified, asked: Wish) -> Reason:
    if found.choices:
        titles = tuple(clean(each.label) for each in found.choices)
        return Reason(key="search.which", parameters={"titles": titles})
    return found.why or Reason(key="watchlist.unknown_title", parameters={"text": asked.text})


async def _with_part(hub: Hub, wish: Wish, season: int | None, episode: int | None, *, wished: bool) -> _Case:
    meant = [
        part for part in wish.parts if season in {None, part.season} and (episode is None or episode == part.episode)
    ]
    part = min(meant, key=lambda each: _BEHIND.index(each.state), default=None)
    entries = await hub.pilot.kernel.journal.find(acts=[ActKind.GRAB], limit=500)
    title = wish.meant.label if wish.meant is not None else None
    grabs = [each for each in entries if title is not None and each.label.startswith(clean(title))]
    downloads = (await hub.view.index(dt_util.utcnow())).of_key(part.download) if part and part.download else ()
    unfinished = part is not None and part.state in {PartState.GRABBED, PartState.IMPORTING}
    return _Case(
        wish=wish,
        wished=wished,
        part=part,
        least=minimum_of(hub)(wish) if wished else None,
        grabs=tuple(grabs[:HISTORY]),
        download=downloads[0] if downloads and unfinished else None,
    )


# --- the chain -------------------------------------------------------------------------------------------------------


def _chain(
    case: _Case, downloading: Mapping[str, Any] | None, now: datetime, words: Wording
) -> Iterator[tuple[Link, dict[str, Any]]]:
    """Yield each link with what it has to say; what is behind the one that it is at is yet to come."""
    at = Link.IDENTIFIED if case.part is None else _REACHED[case.part.state]
    if case.wish.meant is not None and case.part is None:
        at = Link.OUT
    reached = list(Link).index(at)
    for place, link in enumerate(Link):
        ended = place < reached or at is Link.READY
        told = _TELLERS[link](case, now, words) if place <= reached else {}
        if link is Link.DOWNLOADED and downloading is not None:
            told = {**told, "text": f"{told['text']} {downloading['text']}"}
        yield link, {"state": "done" if ended else "now" if place == reached else "to_come", "text": None, **told}


def _asked(case: _Case, now: datetime, words: Wording) -> dict[str, Any]:
    wish = case.wish
    if not case.wished:
        return {"text": words.text("chain.not_asked")}
    who = wish.asked_by if wish.asked_by in {ARR, SEERR} else "person"
    said = words.text("chain.asked", now=now, at=wish.asked_at, who=who, text=clean(wish.text))
    return {
        "text": " ".join((said, *terms(wish, words, case.least))),
        "at": wish.asked_at.isoformat(),
        "asked_by": wish.asked_by,
        "askers": list(wish.asker_names),
    }


def _identified(case: _Case, now: datetime, words: Wording) -> dict[str, Any]:
    wish = case.wish
    if wish.meant is not None:
        return {"text": words.text("chain.identified", title=clean(wish.label)), "ids": sorted(wish.meant.ids)}
    if wish.state is WishState.UNCLEAR:
        titles = tuple(clean(each.label) for each in wish.choices)
        return {"text": words.text("search.which", titles=titles), "tries": wish.tries}
    reasons = [sentence(each, now, words) for each in wish.why]
    return {"text": " ".join(reasons) or words.text("watchlist.is_asked"), "tries": wish.tries}


def _out(case: _Case, now: datetime, words: Wording) -> dict[str, Any]:
    part = case.part
    if part is None or part.out_on is None:
        return {"text": words.text("watchlist.no_date"), "date": None}
    came = "out" if part.out_on <= now.date() else "not_out"
    kind = str(part.out)
    text = words.text(f"chain.{came}", now=now, on=part.out_on, out=kind)
    return {"text": text, "date": part.out_on.isoformat(), "kind": kind}


def _searched(case: _Case, now: datetime, words: Wording) -> dict[str, Any]:
    part = case.part
    assert part is not None  # noqa: S101 -- without a part it isn't out
    if part.searched_at is None:
        return {"text": words.text("chain.not_searched"), "searches": 0}
    text = words.text("chain.searched", now=now, count=max(part.searches, 1), at=part.searched_at, found=part.found)
    if part.refused is not None and part.state is PartState.SEARCHING:
        text = f"{text} {sentence(part.refused, now, words)}"
    return {"text": text, "searches": part.searches, "at": part.searched_at.isoformat(), "found": part.found}


def _grabbed(case: _Case, now: datetime, words: Wording) -> dict[str, Any]:
    part = case.part
    assert part is not None  # noqa: S101 -- as above
    entry = next((each for each in case.grabs if each.id == part.entry_id), None)
    tried = [{"entry_id": each.id, "text": outcome(each, now, words)} for each in case.grabs]
    if entry is not None:
        passed_over = [sentence(why, now, words) for _, way, why in tries_of(entry) if way is None]
        text = " ".join(dict.fromkeys([outcome(entry, now, words), *passed_over]))
        return {"text": text, "at": entry.at.isoformat(), "actor": entry.actor, "release": part.release, "grabs": tried}
    if part.state is PartState.OFFERED:
        return {"text": words.text("chain.offered", release=clean(part.release)), "release": part.release}
    if not part.release:
        return {"text": words.text("chain.grabbed_unknown"), "grabs": tried}
    text = words.text("chain.grabbed_otherwise", release=clean(part.release))
    return {"text": text, "release": part.release, "grabs": tried}


def _downloaded(case: _Case, _now: datetime, words: Wording) -> dict[str, Any]:
    download = case.download
    if download is None or download.finished:
        done = case.part is not None and case.part.state is not PartState.GRABBED
        return {"text": words.text("chain.downloaded" if done else "watchlist.on_its_way")}
    text = words.text("chain.downloading", progress=round(100 * download.progress))
    return {"text": text, "progress": round(download.progress, 3), "hash": download.key}


def _imported(case: _Case, now: datetime, words: Wording) -> dict[str, Any]:
    if case.part is not None and case.part.state is PartState.READY:
        key = "chain.imported" if case.wish.keeper is not None else "chain.not_imported"
        return {"text": words.text(key)}
    reasons = [sentence(each, now, words) for each in case.wish.why]
    return {"text": " ".join(reasons) or words.text("watchlist.importing")}


def _ready(case: _Case, now: datetime, words: Wording) -> dict[str, Any]:
    since = case.part.ready_at if case.part is not None else None
    better = _better(case, now, words)
    if has_left_library(case.wish):
        return {"text": sentence(case.wish.why[0], now, words)}
    if since is None or not case.wished:
        return {"text": f"{words.text('watchlist.is_ready')} {better}".rstrip()}
    return {"text": f"{words.text('chain.ready', now=now, at=since)} {better}", "at": since.isoformat()}


def _better(case: _Case, now: datetime, words: Wording) -> str:
    """Tell who looks for something better than what can be watched, and how long."""
    part, keeper = case.part, case.wish.keeper
    if part is None or part.state is not PartState.READY or (keeper is None and not case.wished):
        return ""
    if keeper is not None:
        arr = "Radarr" if case.wish.is_movie else "Sonarr"
        return words.text("chain.arr_upgrades", arr=arr)
    if part.better is not None:
        return words.text("watchlist.better_comes", release=clean(part.better.release))
    if part.better_until is None:
        return words.text("chain.not_better")
    return words.text("chain.better_looked", now=now, until=part.better_until, count=part.looks)


_TELLERS: Final = {
    Link.ASKED: _asked,
    Link.IDENTIFIED: _identified,
    Link.OUT: _out,
    Link.SEARCHED: _searched,
    Link.GRABBED: _grabbed,
    Link.DOWNLOADED: _downloaded,
    Link.IMPORTED: _imported,
    Link.READY: _ready,
}
