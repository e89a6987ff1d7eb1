"""The action that has a release downloaded: one that a search found, or the best of a search."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .acquire.grabbing import MOST_RELEASES, PASSING, USED_UP, Adding, Order, Planned, tries_of
from .acquire.ports import Result, SearchAnswer, Target
from .acquire.query import numbers_of
from .calls import LANGUAGE_FIELD, Action, admin, backend_of, hub_of, words_of
from .const import DOMAIN
from .grab_care import again_for
from .grabbing import describe_grabbed
from .hub import Hub
from .journal_report import outcome, sentence
from .model.catalogue import CatalogueTitle
from .model.journal import EntryStatus, JournalEntry
from .model.library import Protocol
from .releases.identify import Wanted
from .search_report import summary
from .search_request import ATTR_QUERY, REQUEST_FIELDS, request_of
from .search_sources import DOWNLOADS
from .services_search import ATTR_WAIT, LONGEST_WAIT
from .store import StoreError
from .wording import Wording, clean

ATTR_ADD = "add"
ATTR_ALTERNATIVES = "alternatives"
ATTR_DRY_RUN = "dry_run"
ATTR_FOLDER = "root_folder"
ATTR_INSIST = "insist"
ATTR_PROFILE = "profile"
ATTR_RESULT = "result"

DEFAULT_WAIT = 20
#: Until then what a search found can be fetched as it was found: *arrs and Prowlarr forget it after half an hour.
FRESH: Final = timedelta(minutes=25)
#: Among so many of the best are those that are tried: to look at all takes its time.
MOST_LOOKED_AT: Final = 50

_REQUEST = {key: value for key, value in REQUEST_FIELDS.items() if key != ATTR_QUERY}
GRAB = vol.Schema(
    {
        vol.Exclusive(ATTR_RESULT, "what"): cv.string,
        vol.Exclusive(ATTR_QUERY, "what"): next(each for key, each in REQUEST_FIELDS.items() if key == ATTR_QUERY),
        **_REQUEST,
        vol.Optional(ATTR_DEVICE_ID): vol.All(cv.ensure_list, [cv.string]),
        vol.Optional(ATTR_ALTERNATIVES): cv.boolean,
        vol.Optional(ATTR_ADD, default=False): cv.boolean,
        vol.Optional(ATTR_PROFILE): cv.string,
        vol.Optional(ATTR_FOLDER): cv.string,
        vol.Optional(ATTR_INSIST, default=False): cv.boolean,
        vol.Optional(ATTR_DRY_RUN, default=False): cv.boolean,
        vol.Optional(ATTR_WAIT, default=DEFAULT_WAIT): vol.All(vol.Coerce(float), vol.Range(min=0, max=LONGEST_WAIT)),
        **LANGUAGE_FIELD,
    }
)


@callback
def async_setup_grab_services(hass: HomeAssistant) -> None:
    """Register the action."""
    hass.services.async_register(DOMAIN, Action.GRAB, _grab, GRAB, supports_response=SupportsResponse.OPTIONAL)


async def _grab(call: ServiceCall) -> ServiceResponse:
    """Have a release downloaded, and say by whom."""
    actor, hub, words = await admin(call.hass, call.context), hub_of(call.hass), words_of(call)
    if not hub.pilot.running:
        raise HomeAssistantError(translation_domain=DOMAIN, translation_key="autopilot_off")
    now = dt_util.utcnow()
    answer, results = await _wanted(hub, call.data, now, words)
    only = frozenset(backend_of(call.hass, hub, each) for each in call.data.get(ATTR_DEVICE_ID, ()))
    fetch_by = hub.searching.policy(answer.request.policy).fetch_by
    order = replace(
        _order(answer, results, actor, now),
        adding=_adding(call.data),
        only=only,
        fetch_by=fetch_by,
        insists=call.data[ATTR_INSIST],
    )
    if call.data.get(ATTR_ALTERNATIVES, ATTR_RESULT not in call.data):
        order = replace(order, again=again_for(answer, order))
    if call.data[ATTR_DRY_RUN]:
        planned = await hub.grabbing.plan(order)
        return {"status": "planned", "plan": [_plan(each, now, words) for each in planned]}
    if any(offer.source == DOWNLOADS for offer in results[0].scored.release.offers):
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="grab_already_here",
            translation_placeholders={"release": clean(results[0].scored.release.name.name)},
        )
    try:
        entry = await hub.grabbing.grab(order)
    except StoreError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="store_failed", translation_placeholders={"detail": str(error)}
        ) from error
    if entry.status is EntryStatus.FAILED:
        why = _why_not(entry, now, words)
        if _may_insist(entry, order):
            raise HomeAssistantError(
                translation_domain=DOMAIN,
                translation_key="grab_used_up",
                translation_placeholders={"title": entry.label, "reason": why},
            )
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="grab_failed",
            translation_placeholders={"title": entry.label, "reason": why},
        )
    return _described(entry, now, words)


async def _wanted(
    hub: Hub, data: dict[str, Any], now: datetime, words: Wording
) -> tuple[SearchAnswer, Sequence[Result]]:
    """Return the releases to try, the one that is meant first, with the search that found them."""
    deadline = timedelta(seconds=data[ATTR_WAIT])
    if ATTR_RESULT in data:
        answer, chosen = await _found(hub, data[ATTR_RESULT], deadline, now)
        best = _best(answer, MOST_RELEASES, like=chosen) if data.get(ATTR_ALTERNATIVES, False) else ()
        return answer, [chosen, *(each for each in best if each.id != chosen.id)][:MOST_RELEASES]
    if ATTR_QUERY not in data:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="nothing_to_look_for")
    answer = await hub.searching.search(request_of(hub, data), deadline=deadline)
    if _is_stale(answer, now):
        answer = await hub.searching.search(request_of(hub, data), deadline=deadline, fresh=True)
    best = _best(answer, MOST_RELEASES if data.get(ATTR_ALTERNATIVES, True) else 1)
    if not best:
        why = (*summary(answer, now, words), *((words.text("grab.only_parts"),) if answer.accepted else ()))
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="nothing_to_grab",
            translation_placeholders={"reason": " ".join(why)},
        )
    return answer, best


def _best(answer: SearchAnswer, most: int, *, like: Result | None = None) -> Sequence[Result]:
    """Return the best releases that have all that was looked for; `like` names one that may have less.

    What a person brought comes first. Of Usenet only what an *arr found itself can be had: other posts take no place.
    """
    accepted = answer.results[: min(answer.accepted, MOST_LOOKED_AT)]
    fitting = [each for each in accepted if _has_enough(each, answer.target, like)]
    fitting.sort(key=lambda each: not _is_brought(each, answer.target))
    releases = ((each, each.scored.release) for each in fitting)
    within_reach = [each for each, it in releases if it.protocol is not Protocol.USENET or it.arr is not None]
    return (within_reach or fitting)[:most]


def _has_enough(result: Result, target: Target | None, like: Result | None) -> bool:
    """Tell whether a release has all that was looked for, or the very part of it that another one has.

    What a person brought is what they mean, however much it has.
    """
    if like is not None and not like.scored.match.whole:
        return result.scored.release.name.numbering == like.scored.release.name.numbering
    return result.scored.match.whole or _is_brought(result, target)


def _is_brought(result: Result, target: Target | None) -> bool:
    """Tell whether a release is what a magnet, an info hash or an address leads to that a person gave."""
    if target is None or target.link is None:
        return target is not None and target.info_hash is not None
    return any(each.link == target.link for each in result.scored.release.offers)


async def _found(hub: Hub, reference: str, deadline: timedelta, now: datetime) -> tuple[SearchAnswer, Result]:
    """Return a release that a search found; where that was long ago, all are asked again how it can be had."""
    found = hub.searching.find(reference)
    if found is None:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="no_such_result")
    answer, chosen = found
    if not _is_stale(answer, now):
        return answer, chosen
    again = await hub.searching.search(answer.request, deadline=deadline, fresh=True)
    same = again.result(chosen.id) or next((each for each in again.results if _is_same(each, chosen)), None)
    return (again, same) if same is not None else (answer, chosen)  # its hash is enough for some


def _is_stale(answer: SearchAnswer, now: datetime) -> bool:
    """Tell whether what was found can't be fetched as it was found: it was long ago, or kept without links."""
    return now - answer.at > FRESH or (bool(answer.results) and not answer.fetchable)


def _is_same(one: Result, other: Result) -> bool:
    here, there = one.scored.release, other.scored.release
    if here.info_hash and there.info_hash:
        return here.info_hash == there.info_hash
    return (here.name.name, here.size_bytes) == (there.name.name, there.size_bytes)


def _adding(data: dict[str, Any]) -> Adding | None:
    return Adding(profile=data.get(ATTR_PROFILE), root_folder=data.get(ATTR_FOLDER)) if data[ATTR_ADD] else None


def _order(answer: SearchAnswer, results: Sequence[Result], actor: str, now: datetime) -> Order:
    target = answer.target
    assert target is not None  # noqa: S101 -- there are no results without
    label = _label(answer.title, target.wanted, results[0])
    return Order(target=target, results=tuple(results), label=clean(label), actor=actor, at=now)


def _label(title: CatalogueTitle | None, wanted: Wanted, first: Result) -> str:
    """Return what is to be got in words: of a series with its numbers, unless it is but a part of what these mean."""
    if title is None:
        return first.scored.release.name.name
    numbers = numbers_of(wanted) if first.scored.match.whole else ""
    return f"{title.label} {numbers}".rstrip()


# --- words -----------------------------------------------------------------------------------------------------------


def _plan(planned: Planned, now: datetime, words: Wording) -> dict[str, Any]:
    return {
        "release": clean(planned.result.scored.release.name.name),
        "score": planned.result.scored.score,
        "ways": [
            {"way": str(aim.way), "backend": aim.name, "text": sentence(aim.why, now, words)}
            for aim in planned.choice.aims
        ],
        "against": [sentence(each, now, words) for each in planned.choice.against],
    }


def _may_insist(entry: JournalEntry, order: Order) -> bool:
    """Tell whether it failed only because something of an account is used up."""
    return not order.insists and entry.result is not None and entry.result.key in USED_UP


def _why_not(entry: JournalEntry, now: datetime, words: Wording) -> str:
    """Say why nothing was got: the last reason, and of whom something is used up for a while."""
    passing = (sentence(why, now, words) for _, _, why in tries_of(entry) if why.key in PASSING)
    return " ".join(dict.fromkeys((outcome(entry, now, words), *passing)))


def _described(entry: JournalEntry, now: datetime, words: Wording) -> dict[str, Any]:
    tried = [
        {"release": clean(release), "backend": backend, "text": sentence(why, now, words)}
        for release, backend, why in tries_of(entry)
    ]
    return {
        **describe_grabbed(entry),
        "text": outcome(entry, now, words),
        "tried": tried,
        "can_undo": entry.undo is not None,
    }
