"""The actions of healing. What is done goes the same way as what the rules want; only people and automations may."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .autopilot.desk import NotPossible, Remedy
from .autopilot.records import REVERSIBLE
from .calls import LANGUAGE_FIELD, Action, admin, hub_of, words_of
from .const import DOMAIN
from .explanation import explain
from .explanation_titles import NoTitle, explain_title
from .hub import Hub
from .journal_report import act_text, describe_entry, describe_known_reason, rule_name, sentence
from .model.journal import AUTOMATION, AUTOPILOT, EntryStatus, JournalEntry
from .model.world import Download
from .store import StoreError
from .watchlist.errors import NothingToAsk
from .wording import Wording, clean

ATTR_BEFORE = "before"
ATTR_DOWNLOAD = "download"
ATTR_DRY_RUN = "dry_run"
ATTR_ENTRY_ID = "entry_id"
ATTR_LIMIT = "limit"
ATTR_NEVER = "never"
ATTR_PROTECTED = "protected"
ATTR_RULE = "rule"
ATTR_STATUS = "status"
ATTR_TITLE = "title"

DEFAULT_LIMIT = 50
HIGHEST_LIMIT = 500
#: So many names are shown of what a search found.
_SHOWN = 5

_ENTRY_ID = vol.All(vol.Coerce(int), vol.Range(min=1, max=2**63 - 1))  # of a BIGINT
_NAME = vol.All(cv.string, vol.Length(min=1))

HEAL = vol.Schema(
    {vol.Optional(ATTR_DOWNLOAD): _NAME, vol.Optional(ATTR_DRY_RUN, default=False): cv.boolean, **LANGUAGE_FIELD}
)
APPROVE = vol.Schema({vol.Required(ATTR_ENTRY_ID): _ENTRY_ID, **LANGUAGE_FIELD})
REJECT = vol.Schema(
    {vol.Required(ATTR_ENTRY_ID): _ENTRY_ID, vol.Optional(ATTR_NEVER, default=False): cv.boolean, **LANGUAGE_FIELD}
)
UNDO = vol.Schema({vol.Optional(ATTR_ENTRY_ID): _ENTRY_ID, **LANGUAGE_FIELD})
PROTECT = vol.Schema({vol.Required(ATTR_DOWNLOAD): _NAME, vol.Optional(ATTR_PROTECTED, default=True): cv.boolean})
EXPLAIN_DOWNLOAD = vol.Schema(
    {vol.Exclusive(ATTR_DOWNLOAD, "what"): _NAME, vol.Exclusive(ATTR_TITLE, "what"): _NAME, **LANGUAGE_FIELD}
)
GET_JOURNAL = vol.Schema(
    {
        vol.Optional(ATTR_LIMIT, default=DEFAULT_LIMIT): vol.All(vol.Coerce(int), vol.Range(min=1, max=HIGHEST_LIMIT)),
        vol.Optional(ATTR_BEFORE): _ENTRY_ID,
        vol.Optional(ATTR_RULE): cv.string,
        vol.Optional(ATTR_STATUS, default=[]): vol.All(cv.ensure_list, [vol.Coerce(EntryStatus)]),
        **LANGUAGE_FIELD,
    }
)


@callback
def async_setup_healing_services(hass: HomeAssistant) -> None:
    """Register the actions of healing."""
    register = hass.services.async_register
    maybe, only = SupportsResponse.OPTIONAL, SupportsResponse.ONLY
    register(DOMAIN, Action.HEAL, _heal, HEAL, supports_response=maybe)
    register(DOMAIN, Action.APPROVE, _approve, APPROVE, supports_response=maybe)
    register(DOMAIN, Action.REJECT, _reject, REJECT, supports_response=maybe)
    register(DOMAIN, Action.UNDO, _undo, UNDO, supports_response=maybe)
    register(DOMAIN, Action.PROTECT, _protect, PROTECT, supports_response=maybe)
    register(DOMAIN, Action.EXPLAIN, _explain, EXPLAIN_DOWNLOAD, supports_response=only)
    register(DOMAIN, Action.GET_JOURNAL, _get_journal, GET_JOURNAL, supports_response=only)


# --- what all of them need -------------------------------------------------------------------------------------------


def _healing_hub(hass: HomeAssistant) -> Hub:
    """Return the hub, if its autopilot runs."""
    hub = hub_of(hass)
    if not hub.pilot.running:
        raise HomeAssistantError(translation_domain=DOMAIN, translation_key="autopilot_off")
    return hub


@contextmanager
def _translated(words: Wording) -> Iterator[None]:
    """Raise what can't be done as an error of Home Assistant that says why."""
    try:
        yield
    except NotPossible as impossible:
        raise HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key="not_possible",
            translation_placeholders={"reason": sentence(impossible.reason, dt_util.utcnow(), words)},
        ) from impossible
    except StoreError as error:
        raise HomeAssistantError(
            translation_domain=DOMAIN, translation_key="store_failed", translation_placeholders={"detail": str(error)}
        ) from error


async def _find(hub: Hub, wanted: str) -> Download:
    """Return the one download that is meant: by its id or hash, by its title, or by a part of title or release."""
    search = wanted.strip().casefold()
    found = []
    for download in await hub.view.index(dt_util.utcnow()):
        if search in {download.id.casefold(), download.key.casefold()}:
            return download
        if search in f"{download.label}\n{download.release}".casefold():
            found.append(download)
    exact = [each for each in found if search in {each.label.casefold(), each.release.casefold()}]
    match exact or found:
        case [download]:
            return download
        case []:
            raise ServiceValidationError(
                translation_domain=DOMAIN, translation_key="no_such_download", translation_placeholders={"name": wanted}
            )
        case several:
            names = ", ".join(clean(each.label) for each in several[:_SHOWN])
            raise ServiceValidationError(
                translation_domain=DOMAIN,
                translation_key="several_downloads",
                translation_placeholders={"name": wanted, "count": str(len(several)), "names": names},
            )


async def _entry(hass: HomeAssistant, hub: Hub, entry: JournalEntry, words: Wording) -> dict[str, Any]:
    """Return an entry with the names of the people in it."""
    said = describe_entry(entry, dt_util.utcnow(), words, hub.pilot.kernel.settings.caps.quarantine)
    return await _named(hass, said, words)


async def _named(hass: HomeAssistant, said: dict[str, Any], words: Wording) -> dict[str, Any]:
    """Return a described entry with names instead of ids."""
    named = {field: await _name(hass, said[field], words) for field in ("actor", "undone_by") if said[field]}
    return {**said, **named}


async def _name(hass: HomeAssistant, actor: str, words: Wording) -> str:
    if actor in {AUTOPILOT, AUTOMATION}:
        return words.text(f"actor.{actor}")
    user = await hass.auth.async_get_user(actor)
    return (user.name if user else None) or words.text("actor.person")


# --- acts ------------------------------------------------------------------------------------------------------------


async def _heal(call: ServiceCall) -> ServiceResponse:
    """Do now what the rules would do, for one download or for all that is due."""
    actor, hub, words = await admin(call.hass, call.context), _healing_hub(call.hass), words_of(call)
    named, dry_run = call.data.get(ATTR_DOWNLOAD), call.data[ATTR_DRY_RUN]
    subject = None if named is None else (await _find(hub, named)).id
    with _translated(words):
        remedies = await hub.pilot.desk.heal(subject, actor, dt_util.utcnow(), dry_run=dry_run)
    return {"dry_run": dry_run, "remedies": [await _remedy(call.hass, hub, each, words) for each in remedies]}


async def _remedy(hass: HomeAssistant, hub: Hub, remedy: Remedy, words: Wording) -> dict[str, Any]:
    proposal = remedy.proposal
    return {
        "title": remedy.label,
        "subject": remedy.subject,
        "rule": proposal.rule,
        "rule_name": rule_name(proposal.rule, words),
        "act": str(proposal.act),
        "act_text": act_text(proposal.act, proposal.parameters, words),
        "reason": describe_known_reason(proposal.reason, dt_util.utcnow(), words),
        "entry": await _entry(hass, hub, remedy.entry, words) if remedy.entry else None,
    }


async def _approve(call: ServiceCall) -> ServiceResponse:
    """Do what was suggested."""
    actor, hub, words = await admin(call.hass, call.context), _healing_hub(call.hass), words_of(call)
    with _translated(words):
        entry = await hub.pilot.desk.approve(call.data[ATTR_ENTRY_ID], actor, dt_util.utcnow())
    return await _entry(call.hass, hub, entry, words)


async def _reject(call: ServiceCall) -> ServiceResponse:
    """Keep what a suggestion would have given up."""
    actor, hub, words = await admin(call.hass, call.context), _healing_hub(call.hass), words_of(call)
    with _translated(words):
        entry = await hub.pilot.desk.reject(
            call.data[ATTR_ENTRY_ID], actor, dt_util.utcnow(), never=call.data[ATTR_NEVER]
        )
    return await _entry(call.hass, hub, entry, words)


async def _undo(call: ServiceCall) -> ServiceResponse:
    """Take an act back: the one that is named, or the last one."""
    actor, hub, words = await admin(call.hass, call.context), _healing_hub(call.hass), words_of(call)
    with _translated(words):
        entry_id = call.data.get(ATTR_ENTRY_ID) or await _last_act(hub)
        entry = await hub.pilot.desk.undo(entry_id, actor, dt_util.utcnow())
    return await _entry(call.hass, hub, entry, words)


async def _last_act(hub: Hub) -> int:
    """Return the newest entry that can be taken back."""
    journal, before = hub.pilot.kernel.journal, None
    while entries := await journal.find(statuses=REVERSIBLE, before_id=before, limit=HIGHEST_LIMIT):
        for entry in entries:
            if entry.undo is not None:
                return entry.id
        before = entries[-1].id
    raise ServiceValidationError(translation_domain=DOMAIN, translation_key="nothing_to_undo")


async def _protect(call: ServiceCall) -> ServiceResponse:
    """Put a download on the list of what is never touched, or take it off."""
    await admin(call.hass, call.context)
    hub, named, protected = _healing_hub(call.hass), call.data[ATTR_DOWNLOAD], call.data[ATTR_PROTECTED]
    if not protected and named in hub.pilot.kernel.settings.protected:  # it may be gone meanwhile
        hub.pilot.desk.protect(named, protected=False)
        return {"title": None, "hash": named, "protected": False}
    download = await _find(hub, named)
    hub.pilot.desk.protect(download.key, protected=protected)
    return {"title": download.label, "hash": download.key, "protected": protected}


# --- reading ---------------------------------------------------------------------------------------------------------


async def _explain(call: ServiceCall) -> ServiceResponse:
    """Say why a download waits, whose it is, and what comes next; or why a title can't be watched yet."""
    hub, words = _healing_hub(call.hass), words_of(call)
    if ATTR_TITLE in call.data:
        return await _explain_title(hub, call.data[ATTR_TITLE], words)
    if ATTR_DOWNLOAD not in call.data:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="nothing_to_explain")
    download = await _find(hub, call.data[ATTR_DOWNLOAD])
    with _translated(words):
        said = await explain(hub, download, dt_util.utcnow(), words)
    return {**said, "history": [await _named(call.hass, each, words) for each in said["history"]]}


async def _explain_title(hub: Hub, title: str, words: Wording) -> ServiceResponse:
    now = dt_util.utcnow()
    try:
        with _translated(words):
            return await explain_title(hub, title, now, words)
    except NothingToAsk as error:
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key="nothing_to_look_for") from error
    except NoTitle as error:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="title_not_explained",
            translation_placeholders={"title": clean(title), "reason": sentence(error.reason, now, words)},
        ) from error


async def _get_journal(call: ServiceCall) -> ServiceResponse:
    """Return what was proposed and done, the newest first."""
    hub, words, limit = _healing_hub(call.hass), words_of(call), call.data[ATTR_LIMIT]
    rule = call.data.get(ATTR_RULE)
    if rule is not None and f"rule.{rule}" not in words:
        known = ", ".join(sorted(key.removeprefix("rule.") for key in words.keys if key.startswith("rule.")))
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="no_such_rule",
            translation_placeholders={"name": rule, "names": known},
        )
    with _translated(words):
        entries = await hub.pilot.kernel.journal.find(
            statuses=call.data[ATTR_STATUS], rule=rule, before_id=call.data.get(ATTR_BEFORE), limit=limit + 1
        )
    return {
        "entries": [await _entry(call.hass, hub, each, words) for each in entries[:limit]],
        "more": len(entries) > limit,
    }
