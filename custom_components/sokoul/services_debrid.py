"""The actions of Real-Debrid's mirrors: to synchronise, to look into them, to export, import and clear."""

import asyncio
import base64
import binascii
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import orjson
import voluptuous as vol

from .calls import LANGUAGE_FIELD, Action, account_of, admin, hub_of, readable, words_of
from .const import DOMAIN
from .debrid.diagnose import TROUBLED, Diagnosis, diagnose, kinds_of_stuck
from .debrid.exporting import ExportFormat, described
from .debrid.importing import CannotImportError, bring_in
from .debrid.mirror import BusyError, NothingToResumeError
from .debrid.retrying import Repair, Turn
from .debrid.statistics import statistics
from .debrid_exports import EXPORTS, reason_of
from .debrid_repairs_journal import turn_text
from .debrid_socket import async_setup_debrid_socket
from .debriding import AccountMirror, describe_progress
from .journal_report import sentence
from .model.debrid import DebridStatus
from .model.debrid_mirror import (
    DebridQuery,
    Facet,
    MirroredTorrent,
    Presence,
    SortKey,
    SyncMode,
    SyncOptions,
)
from .store import StoreError
from .store.debrid import folded
from .wording import Wording

ATTR_COMPACT = "compact"
ATTR_CONFIRM = "confirm"
ATTR_CURSOR = "cursor"
ATTR_DESCENDING = "descending"
ATTR_DRY_RUN = "dry_run"
ATTR_FORMAT = "format"
ATTR_HISTORY = "history"
ATTR_HOST = "host"
ATTR_INCLUDE_ACTIVE = "include_active"
ATTR_LIMIT = "limit"
ATTR_MODE = "mode"
ATTR_PATH = "path"
ATTR_PRESENCE = "presence"
ATTR_SEARCH = "search"
ATTR_SKIP_ERROR_RETRY = "skip_error_retry"
ATTR_SORT = "sort"
ATTR_STATUS = "status"
ATTR_STATUS_CHANGES_ONLY = "status_changes_only"
ATTR_VERBOSE = "verbose"
ATTR_WAIT = "wait"

DEFAULT_LIMIT = 50
HIGHEST_LIMIT = 1000
MOST_DETAILS = 100_000
#: Whoever asks for a synchronisation waits so long for its end; it goes on when that takes longer.
PATIENCE_SECONDS = 30
#: So many torrents are named of what would be read.
_FIRST = 20
#: So many attempts of each torrent are told, and so many failures of each looked at.
_OF_EACH = 20

_DEVICE = {vol.Optional(ATTR_DEVICE_ID): cv.string}
_STATUSES = vol.All(cv.ensure_list, [vol.Coerce(DebridStatus)])
_LIMIT = vol.All(vol.Coerce(int), vol.Range(min=1, max=HIGHEST_LIMIT))

SYNC = vol.Schema(
    {
        **_DEVICE,
        vol.Optional(ATTR_MODE, default=SyncMode.SMART): vol.Coerce(SyncMode),
        vol.Optional(ATTR_DRY_RUN, default=False): cv.boolean,
        vol.Optional(ATTR_STATUS_CHANGES_ONLY, default=False): cv.boolean,
        vol.Optional(ATTR_INCLUDE_ACTIVE, default=False): cv.boolean,
        vol.Optional(ATTR_SKIP_ERROR_RETRY, default=False): cv.boolean,
        vol.Optional(ATTR_STATUS, default=[]): _STATUSES,
        vol.Optional(ATTR_LIMIT): vol.All(vol.Coerce(int), vol.Range(min=1, max=MOST_DETAILS)),
        vol.Optional(ATTR_VERBOSE, default=False): cv.boolean,
        **LANGUAGE_FIELD,
    }
)
LIST = vol.Schema(
    {
        **_DEVICE,
        vol.Optional(ATTR_STATUS, default=[]): _STATUSES,
        vol.Optional(ATTR_HOST, default=[]): vol.All(cv.ensure_list, [cv.string]),
        vol.Optional(ATTR_SEARCH, default=""): cv.string,
        vol.Optional(ATTR_PRESENCE, default=Presence.PRESENT): vol.Coerce(Presence),
        vol.Optional(ATTR_SORT, default=SortKey.ADDED): vol.Coerce(SortKey),
        vol.Optional(ATTR_DESCENDING, default=True): cv.boolean,
        vol.Optional(ATTR_LIMIT, default=DEFAULT_LIMIT): _LIMIT,
        vol.Optional(ATTR_CURSOR): cv.string,
    }
)
STATS = vol.Schema({**_DEVICE, vol.Optional(ATTR_COMPACT, default=False): cv.boolean, **LANGUAGE_FIELD})
DIAGNOSE = vol.Schema({**_DEVICE, vol.Optional(ATTR_LIMIT, default=DEFAULT_LIMIT): _LIMIT, **LANGUAGE_FIELD})
EXPORT = vol.Schema(
    {
        **_DEVICE,
        vol.Optional(ATTR_FORMAT, default=ExportFormat.CSV): vol.Coerce(ExportFormat),
        vol.Optional(ATTR_PRESENCE, default=Presence.PRESENT): vol.Coerce(Presence),
        vol.Optional(ATTR_WAIT, default=False): cv.boolean,
    }
)
CLEAR = vol.Schema(
    {**_DEVICE, vol.Required(ATTR_CONFIRM): cv.boolean, vol.Optional(ATTR_HISTORY, default=False): cv.boolean}
)
IMPORT = vol.Schema({**_DEVICE, vol.Required(ATTR_PATH): cv.string})


@callback
def async_setup_debrid_services(hass: HomeAssistant) -> None:
    """Register the actions of Real-Debrid's mirrors."""
    register = hass.services.async_register
    maybe, only = SupportsResponse.OPTIONAL, SupportsResponse.ONLY
    register(DOMAIN, Action.DEBRID_SYNC, _sync, SYNC, supports_response=maybe)
    register(DOMAIN, Action.DEBRID_LIST, _list, LIST, supports_response=only)
    register(DOMAIN, Action.DEBRID_STATS, _stats, STATS, supports_response=only)
    register(DOMAIN, Action.DEBRID_DIAGNOSE, _diagnose, DIAGNOSE, supports_response=only)
    register(DOMAIN, Action.DEBRID_EXPORT, _export, EXPORT, supports_response=maybe)
    register(DOMAIN, Action.DEBRID_CLEAR, _clear, CLEAR)
    register(DOMAIN, Action.DEBRID_IMPORT, _import, IMPORT, supports_response=maybe)
    async_setup_debrid_socket(hass)


# --- what all of them need -------------------------------------------------------------------------------------------


def _mirror(call: ServiceCall) -> AccountMirror:
    return account_of(call, hub_of(call.hass).debriding.accounts)


@contextmanager
def _translated(mirror: AccountMirror) -> Iterator[None]:
    """Raise what can't be done as an error of Home Assistant that says why."""
    try:
        yield
    except BusyError as error:
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="debrid_busy", translation_placeholders={"backend": mirror.title}
        ) from error
    except NothingToResumeError as error:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="nothing_to_resume",
            translation_placeholders={"backend": mirror.title},
        ) from error
    except StoreError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="store_failed", translation_placeholders={"detail": str(error)}
        ) from error


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()


# --- synchronising ---------------------------------------------------------------------------------------------------


async def _sync(call: ServiceCall) -> ServiceResponse:
    """Synchronise the mirror, or say what that would read."""
    await admin(call.hass, call.context)
    mirror, words, data = _mirror(call), words_of(call), call.data
    options = SyncOptions(
        status_changes_only=data[ATTR_STATUS_CHANGES_ONLY],
        include_active=data[ATTR_INCLUDE_ACTIVE],
        skip_error_retry=data[ATTR_SKIP_ERROR_RETRY],
        statuses=tuple(data[ATTR_STATUS]),
        limit=data.get(ATTR_LIMIT),
        verbose=data[ATTR_VERBOSE],
    )
    with _translated(mirror):
        if data[ATTR_DRY_RUN]:
            return await _plan(mirror, data[ATTR_MODE], options)
        if mirror.sync.is_busy(data[ATTR_MODE]):
            raise BusyError("a synchronisation of this account is under way")
        task = mirror.begin(data[ATTR_MODE], options)
        await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
        told: dict[str, Any] = {"account": mirror.title, "running": not task.done()}
        if not task.done():
            progress = mirror.sync.progress
            return told | {"progress": None if progress is None else describe_progress(progress)}
        if task.cancelled():
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="not_loaded")
        result = task.result()
        return told | {
            "mode": str(result.run.mode),
            "status": str(result.run.status),
            "summary": dict(result.run.summary),
            "recommendations": await mirror.advice(words),
        }


async def _plan(mirror: AccountMirror, mode: SyncMode, options: SyncOptions) -> ServiceResponse:
    plan = await mirror.sync.plan(mode, options)
    return {
        "account": mirror.title,
        "dry_run": True,
        "requests": plan.requests,
        "list_requests": plan.list_requests,
        "details": {str(reason): count for reason, count in plan.details.items()},
        "first": [{"id": torrent_id, "reason": str(reason)} for torrent_id, reason in plan.first[:_FIRST]],
    }


# --- looking ---------------------------------------------------------------------------------------------------------


async def _list(call: ServiceCall) -> ServiceResponse:
    """List torrents, with how many there are of each status and host."""
    mirror, data = _mirror(call), call.data
    sort: SortKey = data[ATTR_SORT]
    query = DebridQuery(
        statuses=tuple(data[ATTR_STATUS]),
        hosts=tuple(data[ATTR_HOST]),
        words=tuple(folded(data[ATTR_SEARCH]).split()),
        presence=data[ATTR_PRESENCE],
        sort=sort,
        descending=data[ATTR_DESCENDING],
        limit=data[ATTR_LIMIT],
        cursor=_cursor(data[ATTR_CURSOR], sort) if ATTR_CURSOR in data else None,
    )
    with _translated(mirror):
        found, more, facets = await mirror.store.mirror_view.look(mirror.account, query)
    fitting = [facet for facet in facets if _fits(facet, query)]
    return {
        "account": mirror.title,
        "checked_at": _moment(mirror.checked_at),
        "total": sum(facet.count for facet in fitting),
        "size_bytes": sum(facet.size_bytes for facet in fitting),
        # of each facet as if nothing had been chosen of it: that is what can be chosen
        "statuses": _counts(facets, "status", query.hosts),
        "hosts": _counts(facets, "host", tuple(map(str, query.statuses))),
        "torrents": [described(each) for each in found],
        "cursor": None if more is None else _as_cursor(more, sort),
    }


def _fits(facet: Facet, query: DebridQuery) -> bool:
    return (not query.statuses or facet.status in query.statuses) and (not query.hosts or facet.host in query.hosts)


def _counts(facets: Sequence[Facet], name: str, chosen_of_other: Sequence[str]) -> dict[str, Any]:
    other, counts = "host" if name == "status" else "status", dict[str, int]()
    for facet in facets:
        if not chosen_of_other or str(getattr(facet, other)) in chosen_of_other:
            key = str(getattr(facet, name))
            counts[key] = counts.get(key, 0) + facet.count
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _as_cursor(place: tuple[Any, str], sort: SortKey) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([str(sort), *place])).decode()


def _cursor(text: str, sort: SortKey) -> tuple[Any, str]:
    """Return the place that a cursor stands for. It came back from outside: it may be anything."""
    try:
        match orjson.loads(base64.urlsafe_b64decode(text.encode())):
            case [str(key), value, str(torrent_id)] if key == sort and _is_sorted_by(value, sort):
                return value, torrent_id
    except ValueError, binascii.Error:
        pass
    raise ServiceValidationError(translation_domain=DOMAIN, translation_key="bad_cursor")


def _is_sorted_by(value: Any, sort: SortKey) -> bool:
    """Tell whether a list may be sorted by such values. Databases hold whole numbers of 64 bits."""
    return isinstance(value, str) if sort is SortKey.NAME else type(value) is int and value < 2**63


async def _stats(call: ServiceCall) -> ServiceResponse:
    """Say how much there is of what, what happened lately, and what may want doing."""
    mirror, words = _mirror(call), words_of(call)
    with _translated(mirror):
        figures = await mirror.figures()
        runs = await mirror.store.mirror.runs(mirror.account)
        told = statistics(figures, runs, compact=call.data[ATTR_COMPACT])
        if not call.data[ATTR_COMPACT]:
            told["days"] = await mirror.days()
        told["recommendations"] = await mirror.advice(words)
    return {"account": mirror.title, "checked_at": _moment(mirror.checked_at), **told}


async def _diagnose(call: ServiceCall) -> ServiceResponse:
    """Say of each failed torrent what is wrong, what was tried and what comes next."""
    mirror, words, now = _mirror(call), words_of(call), dt_util.utcnow()
    history, account, limit = mirror.store.debrid_history, mirror.account, call.data[ATTR_LIMIT]
    query = DebridQuery(statuses=TROUBLED, sort=SortKey.CHANGED, limit=limit)
    repairs = hub_of(call.hass).debrid_repairs.account(account)
    with _translated(mirror):
        failed, more, facets = await mirror.store.mirror_view.look(account, query)
        stuck, kinds = await _stuck(mirror, repairs.repairer.repairs if repairs is not None else ())
        found = [*stuck, *failed][:limit]
        hashes = [each.torrent.hash for each in found]
        failures = await history.failures_of_each(account, hashes, _OF_EACH)
        attempts = await history.attempts_of_each(account, hashes, _OF_EACH)
        retries = await history.retries(account, hashes=hashes) if hashes else ()
    diagnoses = diagnose(found, failures, attempts, retries, kinds)
    turns = {repair.hash: turn for repair, turn in repairs.queue()} if repairs is not None else {}
    troubled = [facet for facet in facets if facet.status in TROUBLED]
    return {
        "account": mirror.title,
        "total": sum(facet.count for facet in troubled) + len(stuck),
        "kinds": {**_counts(troubled, "status", ()), **Counter(kinds.values())},
        "more": more is not None or len(stuck) + len(failed) > limit,
        "errors": [_diagnosis(each, turns.get(each.known.torrent.hash), now, words) for each in diagnoses],
    }


async def _stuck(mirror: AccountMirror, repairs: Iterable[Repair]) -> tuple[list[MirroredTorrent], dict[str, str]]:
    """Return the torrents that only their repairs call troubled, and what is wrong with each by its id."""
    ids = {each: repair for repair in repairs for each in repair.bad_ids}
    known = await mirror.store.mirror_view.torrents(mirror.account, ids=ids) if ids else []
    kinds = kinds_of_stuck(known, ids.values())
    return [each for each in known if each.torrent.id in kinds], kinds


def _diagnosis(found: Diagnosis, turn: Turn | None, now: datetime, words: Wording) -> dict[str, Any]:
    then, at = sentence(found.next, now, words), found.due_at
    if turn is not None and found.due_at is None:
        then, at = f"{then} {turn_text(turn, now, words)}", turn.at
    return {
        **described(found.known),
        "type": found.kind,
        "cause": sentence(found.cause, now, words),
        "tried": [
            {
                "at": _moment(each.at),
                "act": each.act,
                "outcome": each.outcome,
                "code": each.code,
                "source": each.source or None,
            }
            for each in found.tried
        ],
        "next": then,
        "next_at": _moment(at),
        "final": found.final,
    }


# --- export, import, clearing ----------------------------------------------------------------------------------------


async def _export(call: ServiceCall) -> ServiceResponse:
    """Begin to write all torrents into a file of the configuration folder; wait for its end where that is wanted."""
    await admin(call.hass, call.context)
    mirror, data, torrents = _mirror(call), call.data, None
    try:
        path, task = await mirror.exports.begin(data[ATTR_FORMAT], data[ATTR_PRESENCE], told=data[ATTR_WAIT])
        if data[ATTR_WAIT]:
            with _translated(mirror):
                await asyncio.wait({task})
                if task.cancelled():
                    raise HomeAssistantError(translation_domain=DOMAIN, translation_key="not_loaded")
                torrents = task.result()
    except OSError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="cannot_export",
            translation_placeholders={"path": call.hass.config.path(EXPORTS), "detail": reason_of(error)},
        ) from error
    return {"account": mirror.title, "path": str(path), "running": torrents is None, "torrents": torrents}


async def _clear(call: ServiceCall) -> None:
    """Forget the mirror; it is read anew."""
    await admin(call.hass, call.context)
    mirror = _mirror(call)
    if not call.data[ATTR_CONFIRM]:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="not_confirmed")
    with _translated(mirror):
        await mirror.clear(history=call.data[ATTR_HISTORY])


async def _import(call: ServiceCall) -> ServiceResponse:
    """Take over the history that Redriva or RDTM kept."""
    await admin(call.hass, call.context)
    mirror, path = _mirror(call), await readable(call.hass, call.data[ATTR_PATH])
    try:
        with _translated(mirror):
            told = await bring_in(
                path,
                mirror.account,
                mirror.store.mirror_view,
                mirror.store.debrid_history,
                dt_util.utcnow(),
                dt_util.get_default_time_zone(),
                gone=mirror.store.mirror if mirror.checked_at is not None else None,
                repairs=hub_of(call.hass).debrid_repairs.account(mirror.account),
            )
    except CannotImportError as error:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key=f"cannot_import_{error.fault}",
            translation_placeholders={"path": str(path), "detail": error.detail},
        ) from error
    return {"account": mirror.title, **told}
