"""The actions that change a Real-Debrid account: to add, delete, unrestrict and repair. People go before repairs."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from homeassistant.const import ATTR_DEVICE_ID
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .acquire.links import MAX_LINK, MAX_TORRENT_BYTES, LinkRefused, Payload, check_address, read_torrent, resolve
from .calls import LANGUAGE_FIELD, Action, account_of, admin, hub_of, readable, words_of
from .const import DOMAIN
from .debrid.finding import find
from .debrid.repair_ports import Refusal
from .debrid.repairing import AlreadyThereError
from .debrid.retrying import FOR_EVER, Choice, Ending, Repair, Step, Turn
from .debrid_repairs import AccountRepairs
from .debrid_repairs_journal import reason_of, turn_text
from .grab_links import LinkHands
from .journal_report import sentence
from .model.debrid import DebridTorrent
from .model.reasons import Reason
from .store import StoreError
from .wording import Wording, clean

ATTR_CONFIRM = "confirm"
ATTR_DRY_RUN = "dry_run"
ATTR_LIMIT = "limit"
ATTR_LINK = "link"
ATTR_OFFSET = "offset"
ATTR_PATH = "path"
ATTR_SELECTION = "selection"
ATTR_TORRENT = "torrent"
ATTR_WORDS = "words"

#: So many torrents are deleted, and so many links unrestricted, in one call: each is a request of the account's budget.
MOST_AT_ONCE = 50
DEFAULT_LIMIT, HIGHEST_LIMIT = 100, 1000

_DEVICE = {vol.Optional(ATTR_DEVICE_ID): cv.string}
_ID = vol.All(cv.string, vol.Match(r"^[A-Za-z0-9_-]{1,64}\Z"))
_LINK = vol.All(cv.string, vol.Length(min=1, max=MAX_LINK))
_WORD = vol.All(cv.string, vol.Length(min=1, max=200))

ADD = vol.Schema(
    {
        **_DEVICE,
        vol.Exclusive(ATTR_LINK, "source"): _LINK,
        vol.Exclusive(ATTR_PATH, "source"): cv.string,
        vol.Optional(ATTR_SELECTION, default=Choice.VIDEOS): vol.Coerce(Choice),
        vol.Optional(ATTR_WORDS, default=[]): vol.All(cv.ensure_list, vol.Length(max=50), [_WORD]),
        **LANGUAGE_FIELD,
    }
)
DELETE = vol.Schema(
    {
        **_DEVICE,
        vol.Required(ATTR_TORRENT): vol.All(cv.ensure_list, vol.Length(min=1, max=MOST_AT_ONCE), [_ID]),
        vol.Required(ATTR_CONFIRM): cv.boolean,
    }
)
UNRESTRICT = vol.Schema(
    {
        **_DEVICE,
        vol.Exclusive(ATTR_LINK, "source"): _LINK,
        vol.Exclusive(ATTR_TORRENT, "source"): _ID,
        vol.Optional(ATTR_OFFSET, default=0): vol.All(vol.Coerce(int), vol.Range(min=0, max=100_000)),
        **LANGUAGE_FIELD,
    }
)
REPAIR = vol.Schema(
    {
        **_DEVICE,
        vol.Optional(ATTR_TORRENT): _ID,
        vol.Optional(ATTR_DRY_RUN, default=False): cv.boolean,
        vol.Optional(ATTR_LIMIT, default=DEFAULT_LIMIT): vol.All(vol.Coerce(int), vol.Range(min=1, max=HIGHEST_LIMIT)),
        **LANGUAGE_FIELD,
    }
)


@callback
def async_setup_debrid_acts(hass: HomeAssistant) -> None:
    """Register the actions that change an account."""
    register, maybe = hass.services.async_register, SupportsResponse.OPTIONAL
    register(DOMAIN, Action.DEBRID_ADD, _add, ADD, supports_response=maybe)
    register(DOMAIN, Action.DEBRID_DELETE, _delete, DELETE, supports_response=maybe)
    register(DOMAIN, Action.DEBRID_REPAIR, _repair, REPAIR, supports_response=maybe)
    register(DOMAIN, Action.DEBRID_UNRESTRICT, _unrestrict, UNRESTRICT, supports_response=SupportsResponse.ONLY)


# --- what all of them need -------------------------------------------------------------------------------------------


def _account(call: ServiceCall) -> AccountRepairs:
    return account_of(call, hub_of(call.hass).debrid_repairs.accounts)


@contextmanager
def _translated(account: AccountRepairs, words: Wording) -> Iterator[None]:
    """Raise what can't be done as an error of Home Assistant that says why."""
    try:
        yield
    except LinkRefused as refused:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="not_possible",
            translation_placeholders={"reason": sentence(refused.reason, dt_util.utcnow(), words)},
        ) from refused
    except Refusal as refusal:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="debrid_refused",
            translation_placeholders={"account": account.title, "detail": _told_of(refusal, words)},
        ) from refusal
    except StoreError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="store_failed", translation_placeholders={"detail": str(error)}
        ) from error


# --- adding and deleting ---------------------------------------------------------------------------------------------


async def _add(call: ServiceCall) -> ServiceResponse:
    """Add a torrent, once, and have its files selected by a rule."""
    actor, account, words = await admin(call.hass, call.context), _account(call), words_of(call)
    choice, names = call.data[ATTR_SELECTION], call.data[ATTR_WORDS]
    if (choice is Choice.NAMES) is not bool(names):
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="words_for_names")
    with _translated(account, words):
        payload = await _payload(call)
        try:
            added = await account.add(payload, choice, names, actor)
        except AlreadyThereError as there:
            return {"account": account.title, "already_there": True, **_told(there.entry), "selection": "done"}
    if added.ending is Ending.UNCHOSEN:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="debrid_unchosen",
            translation_placeholders={"torrent": clean(added.label), "account": account.title},
        )
    return {
        "account": account.title,
        "already_there": added.added_id in added.known_ids,
        "id": added.added_id,
        "hash": added.hash,
        "name": added.label,
        "status": None,
        "selection": "pending" if added.step is Step.SELECTING else "done",
    }


async def _payload(call: ServiceCall) -> Payload:
    """Return what is to be added. Raises `LinkRefused`, and an error where it can't be read."""
    if ATTR_LINK in call.data:
        hands = LinkHands(hub_of(call.hass))
        return await resolve(call.data[ATTR_LINK], hands, own=hands.own)
    if ATTR_PATH not in call.data:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="link_or_path")
    path = await readable(call.hass, call.data[ATTR_PATH])
    try:
        body = await call.hass.async_add_executor_job(_read, path)
    except OSError as error:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="cannot_read",
            translation_placeholders={"path": str(path), "detail": error.strerror or type(error).__name__},
        ) from error
    return read_torrent(body)


def _told_of(refusal: Refusal, words: Wording) -> str:
    return sentence(reason_of(refusal), dt_util.utcnow(), words)


def _read(path: Path) -> bytes:
    """Read a file, one byte more than is allowed at most: who reads it refuses that. Blocking."""
    if not path.is_file():  # a device or a pipe would never end
        raise FileNotFoundError(2, "No such file")
    with path.open("rb") as file:
        return file.read(MAX_TORRENT_BYTES + 1)


async def _delete(call: ServiceCall) -> ServiceResponse:
    """Delete torrents. What can't be deleted is said of each."""
    actor, account = await admin(call.hass, call.context), _account(call)
    if not call.data[ATTR_CONFIRM]:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="debrid_not_confirmed")
    deleted: list[Any] = []
    words = words_of(call)
    with _translated(account, words):
        for torrent_id in dict.fromkeys(call.data[ATTR_TORRENT]):
            try:
                deleted.append({**_told(await account.delete(torrent_id, actor)), "error": None})
            except Refusal as refusal:
                deleted.append({"id": torrent_id, "error": _told_of(refusal, words)})
    if all(each["error"] for each in deleted):
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="debrid_refused",
            translation_placeholders={"account": account.title, "detail": deleted[0]["error"]},
        )
    return {"account": account.title, "torrents": deleted}


def _told(torrent: DebridTorrent) -> dict[str, Any]:
    return {"id": torrent.id, "hash": torrent.hash, "name": torrent.filename, "status": str(torrent.status)}


# --- links -----------------------------------------------------------------------------------------------------------


async def _unrestrict(call: ServiceCall) -> ServiceResponse:
    """Return links that can be downloaded from: of a hoster's link, or of all files of a torrent."""
    await admin(call.hass, call.context)
    account, words, begin = _account(call), words_of(call), call.data[ATTR_OFFSET]
    with _translated(account, words):
        if ATTR_LINK in call.data:
            check_address(call.data[ATTR_LINK])
            links: tuple[str, ...] = (call.data[ATTR_LINK],)
            name = None
        elif ATTR_TORRENT in call.data:
            torrent = (await account.person.details(call.data[ATTR_TORRENT])).torrent
            links, name = torrent.links, torrent.filename
        else:
            raise ServiceValidationError(translation_domain=DOMAIN, translation_key="link_or_torrent")
        end = begin + MOST_AT_ONCE
        found: list[Any] = [
            await _unrestricted(account, link, words, alone=len(links) == 1) for link in links[begin:end]
        ]
    more = len(links) > end
    return {
        "account": account.title,
        "name": name,
        "total": len(links),
        "more": more,
        "next_offset": end if more else None,
        "links": found,
    }


async def _unrestricted(account: AccountRepairs, link: str, words: Wording, *, alone: bool) -> dict[str, Any]:
    """Unrestrict one link. One of several that fails doesn't spoil the others."""
    try:
        made = await account.person.unrestrict(link)
    except Refusal as refusal:
        if alone:
            raise
        return {"link": link, "download": None, "error": _told_of(refusal, words)}
    return {
        "link": link,
        "download": made.download,
        "name": made.filename,
        "size_bytes": made.size_bytes,
        "mime_type": made.mime_type,
        "streamable": made.streamable,
        "error": None,
    }


# --- repairing -------------------------------------------------------------------------------------------------------


async def _repair(call: ServiceCall) -> ServiceResponse:
    """Have one torrent repaired, or all that wait; or only say what is to be done, and when."""
    actor, account, words = await admin(call.hass, call.context), _account(call), words_of(call)
    named, dry_run = call.data.get(ATTR_TORRENT), call.data[ATTR_DRY_RUN]
    with _translated(account, words):
        chosen = await _chosen(account, named, words)
        if not dry_run:
            await account.want_all_for([repair for repair in chosen if not repair.begun], actor)
    wanted = {repair.hash for repair in chosen}
    queue = [(repair, turn) for repair, turn in account.queue() if named is None or repair.hash in wanted]
    queued = {repair.hash for repair, _ in queue}
    limit = call.data[ATTR_LIMIT]
    return {
        "account": account.title,
        "dry_run": dry_run,
        "stands_back_until": _moment(account.stands_back_until),
        "paused_until": _moment(account.pause.until),
        "total": len(queue),
        "repairs": [_described(account, repair, turn, words) for repair, turn in queue[:limit]],
        "new": [_new(repair) for repair in chosen if dry_run and repair.hash not in queued][:limit],
    }


async def _chosen(account: AccountRepairs, named: str | None, words: Wording) -> list[Repair]:
    """Return what is to be repaired: what is known to need it, or the torrent that is named."""
    if named is None:
        return [repair for repair, _ in account.queue()]
    standings = await account.standings(named)
    info_hash = standings[0].torrent.hash if standings else named.lower()
    known = account.repair(info_hash)
    if known is not None and known.open:
        return [known]
    if known is not None and known.ending in FOR_EVER:
        reason = Reason(key="heal.debrid_give_up", parameters={"ending": known.ending, "account": account.title})
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="given_up_for_good",
            translation_placeholders={
                "torrent": known.label or named,
                "reason": sentence(reason, dt_util.utcnow(), words),
            },
        )
    found = find(standings, dt_util.utcnow(), at_once=True)
    if not found:
        if standings or known is not None:
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="nothing_to_repair",
                translation_placeholders={"torrent": named},
            )
        raise ServiceValidationError(
            translation_domain=DOMAIN, translation_key="no_such_torrent", translation_placeholders={"torrent": named}
        )
    return found


def _described(account: AccountRepairs, repair: Repair, turn: Turn, words: Wording) -> dict[str, Any]:
    return {
        **_new(repair),
        "step": str(repair.step),
        "tries": repair.tries,
        "problem": repair.problem or None,
        "level": str(account.journal.level(repair)),
        "before": turn.before,
        "holdup": str(turn.holdup),
        "at": _moment(turn.at),
        "text": turn_text(turn, dt_util.utcnow(), words),
    }


def _new(repair: Repair) -> dict[str, Any]:
    return {
        "hash": repair.hash,
        "name": repair.label,
        "task": str(repair.task),
        "trouble": str(repair.trouble),
        "urgency": repair.urgency.name.lower(),
    }


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat()
