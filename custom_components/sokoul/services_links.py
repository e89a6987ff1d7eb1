"""The actions about links of the library: to check them, to list what was found, and to have it repaired."""

import asyncio
import base64
import binascii
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from heapq import nsmallest
from typing import Any

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .calls import LANGUAGE_FIELD, Action, admin, hub_of, words_of
from .const import DOMAIN
from .debrid.checking import LinkRecord, ScanMode
from .debrid.link_repairing import Planned
from .debrid.links import Cause, Health, Link
from .debrid.turns import in_turns
from .journal_report import describe_entry
from .linking import Linking, Looked, not_ready
from .linking_repairs import NotReady, NotReadyError, shown
from .store import StoreError
from .wording import Wording

ATTR_ACCEPT = "accept"
ATTR_CURSOR = "cursor"
ATTR_DRY_RUN = "dry_run"
ATTR_KIND = "kind"
ATTR_LIMIT = "limit"
ATTR_MODE = "mode"
ATTR_PATH = "path"

DEFAULT_LIMIT = 50
HIGHEST_LIMIT = 1000
#: Whoever asks for a check waits so long for its end; it goes on when that takes longer.
PATIENCE_SECONDS = 30
#: So many links are named of what is to be done.
_FIRST = 50


class LinkKind(StrEnum):
    """What is listed."""

    BROKEN = "broken"
    UNKNOWN = "unknown"
    OUTSIDE = "outside"
    LOOPS = "loops"
    UNREADABLE = "unreadable"
    UNLINKED = "unlinked"  # torrents that no link leads to


_WANTED: dict[LinkKind, Callable[[LinkRecord], bool]] = {
    LinkKind.BROKEN: lambda record: record.health is Health.BROKEN,
    LinkKind.UNKNOWN: lambda record: record.health is Health.UNKNOWN,
    LinkKind.OUTSIDE: lambda record: record.health is Health.ELSEWHERE,
    LinkKind.LOOPS: lambda record: record.health is Health.LOOP,
    LinkKind.UNREADABLE: lambda record: record.cause is Cause.UNREADABLE,
}


def _number(value: Any) -> int:
    """Return how many broken links a person was shown. A yes would not tell of how many it is said."""
    if isinstance(value, bool):
        raise vol.Invalid("expected how many links broke at once, as `broke_at_once` of the answer tells")
    number: int = vol.All(vol.Coerce(int), vol.Range(min=1))(value)
    return number


SCAN = vol.Schema(
    {
        vol.Optional(ATTR_MODE, default=ScanMode.FULL): vol.Coerce(ScanMode),
        vol.Optional(ATTR_DRY_RUN, default=False): cv.boolean,
        vol.Optional(ATTR_ACCEPT): _number,
        **LANGUAGE_FIELD,
    }
)
LIST = vol.Schema(
    {
        vol.Optional(ATTR_KIND, default=LinkKind.BROKEN): vol.Coerce(LinkKind),
        vol.Optional(ATTR_LIMIT, default=DEFAULT_LIMIT): vol.All(vol.Coerce(int), vol.Range(min=1, max=HIGHEST_LIMIT)),
        vol.Optional(ATTR_CURSOR): cv.string,
        **LANGUAGE_FIELD,
    }
)
REPAIR = vol.Schema(
    {
        vol.Optional(ATTR_PATH): vol.All(cv.string, vol.Length(min=1)),
        vol.Optional(ATTR_DRY_RUN, default=False): cv.boolean,
        **LANGUAGE_FIELD,
    }
)


@callback
def async_setup_link_services(hass: HomeAssistant) -> None:
    """Register the actions about links."""
    register = hass.services.async_register
    maybe, only = SupportsResponse.OPTIONAL, SupportsResponse.ONLY
    register(DOMAIN, Action.LINKS_SCAN, _scan, SCAN, supports_response=maybe)
    register(DOMAIN, Action.LINKS_LIST, _list, LIST, supports_response=only)
    register(DOMAIN, Action.LINKS_REPAIR, _repair, REPAIR, supports_response=maybe)


@contextmanager
def _translated() -> Iterator[None]:
    """Raise what can't be done as an error of Home Assistant that says why."""
    try:
        yield
    except NotReadyError as error:
        raise not_ready(error.why) from error
    except StoreError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="store_failed", translation_placeholders={"detail": str(error)}
        ) from error


# --- checking --------------------------------------------------------------------------------------------------------


async def _scan(call: ServiceCall) -> ServiceResponse:
    """Check the links, and say what was found and what is done about it."""
    await admin(call.hass, call.context)
    linking, words, data = hub_of(call.hass).linking, words_of(call), call.data
    with _translated():
        task = linking.begin(
            data[ATTR_MODE],
            dry_run=data[ATTR_DRY_RUN],
            accepted=ATTR_ACCEPT in data,
            at_most=data.get(ATTR_ACCEPT),
        )
        await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
        if not task.done():
            return {"running": True}
        if task.cancelled():
            raise HomeAssistantError(translation_domain=DOMAIN, translation_key="not_loaded")
        looked = task.result()
    if ATTR_ACCEPT in data and (count := looked.report.at_once):
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="links_more_broke",
            translation_placeholders={"count": str(count), "shown": str(data[ATTR_ACCEPT])},
        )
    return {"running": False, "dry_run": data[ATTR_DRY_RUN], **_described(looked, words)}


def _described(looked: Looked, words: Wording) -> dict[str, Any]:
    report = looked.report
    return {
        "mode": str(report.mode),
        "links": report.links,
        "counts": {str(health): count for health in Health if (count := report.count(health))},
        "causes": {str(cause): count for (_, cause), count in report.counts.items() if cause is not Cause.NONE},
        "mended": report.mended,
        "broke_at_once": report.at_once,
        "shut": {shown(mount): words.text(f"links.{why}") for mount, why in report.shut.items()},
        "unreadable_folders": [shown(each) for each in report.unreadable[:_FIRST]],
        "unlinked_torrents": len(report.unlinked),
        "files_read": report.read,
        "seconds": round(report.seconds, 2),
        **_plan(looked.planned, words),
    }


def _plan(planned: Sequence[Planned], words: Wording) -> dict[str, Any]:
    acts = Counter(str(each.decision.act) for each in planned)
    return {"plan": dict(acts), "first": [_described_plan(each, words) for each in planned[:_FIRST]]}


def _described_plan(planned: Planned, words: Wording) -> dict[str, Any]:
    target = planned.decision.target
    return {
        "path": shown(planned.link.path),
        "target": shown(planned.link.target),
        "cause": str(planned.found.cause),
        "text": words.text(f"links.{planned.found.cause}"),
        "act": str(planned.decision.act),
        "act_text": words.text(f"links.{planned.decision.act}"),
        "new_target": shown(target) if target is not None else None,
    }


# --- listing ---------------------------------------------------------------------------------------------------------


async def _list(call: ServiceCall) -> ServiceResponse:
    """List links that are so, in the order of their paths, or torrents that nothing leads to."""
    linking, words, data = hub_of(call.hass).linking, words_of(call), call.data
    kind, limit = data[ATTR_KIND], data[ATTR_LIMIT]
    after = _cursor(data[ATTR_CURSOR], kind) if ATTR_CURSOR in data else ""
    if kind is LinkKind.UNLINKED:
        return await asyncio.to_thread(_unlinked, linking, after, limit)
    links = linking.links
    if links is None:
        raise not_ready(NotReady.NO_FOLDERS)
    found = await asyncio.to_thread(links.records, _WANTED[kind], after=after, limit=limit + 1)
    page = found[:limit]
    return {
        "checked_at": linking.checked_at.isoformat() if linking.checked_at is not None else None,
        "links": [_described_link(link, record, words) for link, record in page],
        "cursor": _as_cursor(page[-1][0].path, kind) if len(found) > limit else None,
    }


def _described_link(link: Link, record: LinkRecord, words: Wording) -> dict[str, Any]:
    return {
        "path": shown(link.path),
        "target": shown(link.target),
        "health": str(record.health),
        "cause": str(record.cause),
        "text": words.text(f"links.{record.cause or record.health}"),
        "hash": record.hash,
        "since": record.since.isoformat(),
        "next_read": record.next_read.isoformat() if record.next_read is not None else None,
    }


def _unlinked(linking: Linking, after: str, limit: int) -> ServiceResponse:
    """Return torrents that nothing leads to, in the order of their ids. For a thread: there may be many."""
    looked = linking.looked
    torrents = looked.report.unlinked if looked is not None else ()
    left = nsmallest(limit + 1, (each for each in in_turns(torrents) if each.id > after), key=lambda each: each.id)
    page = left[:limit]
    return {
        "checked_at": linking.checked_at.isoformat() if linking.checked_at is not None else None,
        "total": len(torrents),
        "torrents": [
            {"account_id": each.account, "id": each.id, "hash": each.hash, "name": each.filename} for each in page
        ],
        "cursor": _as_cursor(page[-1].id, LinkKind.UNLINKED) if len(left) > limit else None,
    }


def _as_cursor(last: str, kind: LinkKind) -> str:
    return base64.urlsafe_b64encode(f"{kind}\0{last}".encode(errors="surrogateescape")).decode()


def _cursor(text: str, kind: LinkKind) -> str:
    """Return after what a list goes on. It came back from outside: it may be anything."""
    try:
        chosen, _, last = base64.urlsafe_b64decode(text.encode()).decode(errors="surrogateescape").partition("\0")
    except ValueError, binascii.Error:
        chosen, last = "", ""
    if chosen != kind:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="bad_cursor")
    return last


# --- repairing -------------------------------------------------------------------------------------------------------


async def _repair(call: ServiceCall) -> ServiceResponse:
    """Do now what may be done about broken links, for all of them or for those at or below a path."""
    actor, hub, words = await admin(call.hass, call.context), hub_of(call.hass), words_of(call)
    path, dry_run, now = call.data.get(ATTR_PATH), call.data[ATTR_DRY_RUN], dt_util.utcnow()
    with _translated():
        looked, entries = await hub.linking.repair(actor, path, dry_run=dry_run)
    quarantine = hub.pilot.kernel.settings.caps.quarantine
    return {
        "dry_run": dry_run,
        **_plan(looked, words),
        "done": [describe_entry(each, now, words, quarantine) for each in entries],
    }
