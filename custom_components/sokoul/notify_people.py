"""Telling people and asking them: in Home Assistant's notifications, and on the phones that were chosen.

A suggestion is one notification, which is updated in place and taken away everywhere once it is answered anywhere.
Phones are spared: what comes together is told together, and they make themselves heard three times a day at most.
What comes after that waits in Home Assistant.
"""

import asyncio
from collections.abc import Coroutine, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from homeassistant.components import persistent_notification
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util, slugify

from . import markdown, notices, promotion, wording
from .autopilot.desk import NotPossible
from .autopilot.kernel import RIGHT_IN_A_ROW
from .calls import admin
from .const import DOMAIN, LOGGER
from .healing import TRIES, level_of
from .journal_report import rule_name, sentence
from .model.journal import AUTOPILOT, ActKind, Autonomy, EntryStatus, JournalEntry
from .notices import Answer, Notice
from .store import StoreError

if TYPE_CHECKING:
    from .autopilot.settings import Settable
    from .hub import Hub

#: What the app of Home Assistant sends when a button of a notification was pressed.
ANSWERED = "mobile_app_notification_action"
#: The actions that notify the app are called `notify.mobile_app_<phone>`.
PHONE_PREFIX = "mobile_app_"

#: The keys in the hub's memory: the phones that were chosen, and what they show.
PHONES_KEY = "phones"
ON_PHONES_KEY = "on_phones"
ALERTS_KEY = "alerts"

#: What is found within this time is told together.
GATHER = timedelta(minutes=1)
MOST_ALERTS_A_DAY = 3
#: So long may it take to end what is being sent.
STOP_PATIENCE = timedelta(seconds=5)

#: Where suggestions can be answered.
ANSWER_AT = "/config/repairs"
ISSUE_SUGGESTIONS = "suggestions"
ISSUE_PROMOTION = "promotion_"

_CLEAR = "clear_notification"


def phones(hass: HomeAssistant) -> list[str]:
    """Return the phones that can be notified, by the names of their actions."""
    services = hass.services.async_services_for_domain("notify")
    return sorted(name for name in services if name.startswith(PHONE_PREFIX))


def phone_names(hass: HomeAssistant) -> dict[str, str]:
    """Return what people call the phones, by the names of their actions; those are made of the app's own name of it."""
    devices, names = dr.async_get(hass), {}
    for entry in hass.config_entries.async_entries("mobile_app"):
        called = entry.data.get("device_name", entry.title)
        device = next(iter(dr.async_entries_for_config_entry(devices, entry.entry_id)), None)
        names[slugify(f"{PHONE_PREFIX}{called}")] = (device and (device.name_by_user or device.name)) or called
    return names


class NotifyPeople:
    """Keeps what people see in step with what is asked and told."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._hass = hub.hass
        self._told: dict[str, tuple[str, str]] = {}  # titles and sentences, by what they are about
        self._told_entries: dict[str, JournalEntry] = {}
        self._offers: set[str] = set()  # rules that offer to act alone
        self._shown: dict[str, Notice] = {}  # in Home Assistant
        self._cancel_sync: CALLBACK_TYPE | None = None
        self._ends: list[CALLBACK_TYPE] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._sending = asyncio.Lock()
        self._waits_for_room = False  # something waits for a day with room for one more alert

    # --- life ----------------------------------------------------------------------------------------------------

    @callback
    def start(self) -> None:
        """Begin."""
        self._ends = [
            self._hub.pilot.add_listener(self._written_down),
            self._hub.pilot.add_watcher(self._look),
            self._hass.bus.async_listen(ANSWERED, self._answered),
            persistent_notification.async_register_callback(self._hass, self._dismissed),
        ]
        self._do(self._begin(), "offers of rules")

    async def stop(self) -> None:
        """End, before the journal is closed: what is being read or sent may come to its end."""
        while self._ends:
            self._ends.pop()()
        self._forget_sync()
        if tasks := set(self._tasks):
            await asyncio.wait(tasks, timeout=STOP_PATIENCE.total_seconds())
        self._show({})

    @callback
    def _do(self, work: Coroutine[Any, Any, None], what: str) -> None:
        task = self._hub.in_background(work, what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def leave(self) -> None:
        """Take away what phones show: nobody will be there to take an answer."""
        async with self._sending:
            await self._show_on_phones({})

    async def _begin(self) -> None:
        for rule in promotion.RULES.values():
            await self._consider_offer(rule)
        await self._sync()

    # --- what happens --------------------------------------------------------------------------------------------

    @callback
    def _written_down(self, entry: JournalEntry) -> None:
        """Take over an entry of the journal that is new or changed."""
        words = self._words
        rule = promotion.RULES.get(entry.rule)
        if entry.status is EntryStatus.SUGGESTED:
            self._sync_soon()
        elif entry.status is EntryStatus.DONE and entry.act is ActKind.TELL:
            key = f"{entry.rule}/{entry.subject}"
            self._told_entries[key] = entry
            self._tell(key, entry.label, sentence(entry.reason, dt_util.utcnow(), words))
        elif entry.status is not EntryStatus.OBSERVED and entry.act not in TRIES:
            if entry.status is EntryStatus.UNDONE and rule is not None and self._will_ask(rule, entry):
                demoted = words.text("notice.demoted", rule=rule_name(rule.key, words))
                self._tell(f"demoted/{entry.rule}", entry.label, demoted)
            if entry.status is EntryStatus.DONE and entry.actor != AUTOPILOT and rule is not None:
                self._do(self._offer(rule), "offer of a rule")
            self._sync_now()  # an answer, or the end of something

    def _will_ask(self, rule: Settable, entry: JournalEntry) -> bool:
        """Whether what was taken back had been done by a rule that acted alone: it is about to be lowered."""
        return entry.actor == AUTOPILOT and self._hub.pilot.kernel.settings.level(rule) is Autonomy.ACT

    @callback
    def _tell(self, key: str, title: str, text: str) -> None:
        self._told.pop(key, None)  # the newest goes last
        self._told[key] = (title, text)
        self._sync_soon()

    @callback
    def _look(self) -> None:
        """Take away what is over: what was told of, and offers whose rule no longer asks."""
        if not self._hub.pilot.running:
            return
        over = [key for key, entry in self._told_entries.items() if self._is_over(entry)]
        for key in over:
            self._told.pop(key, None)
            del self._told_entries[key]
        taken = {key for key in self._offers if level_of(self._hub, promotion.RULES[key]) is not Autonomy.SUGGEST}
        self._offers -= taken
        if over or taken or (self._waits_for_room and not self._alerts()):
            self._sync_now()

    def _is_over(self, entry: JournalEntry) -> bool:
        kernel = self._hub.pilot.kernel
        if entry.rule not in kernel.rules:
            return False
        memory = kernel.watch.memory(entry.subject)
        return entry.subject not in kernel.watch or memory is None or entry.rule not in memory.clocks

    async def _offer(self, rule: Settable) -> None:
        await self._consider_offer(rule)
        if rule.key in self._offers:
            await self._sync()

    async def _consider_offer(self, rule: Settable) -> None:
        try:
            if await promotion.may_offer(self._hub, rule):
                self._offers.add(rule.key)
        except StoreError as error:
            LOGGER.debug("Whether %s may act alone is not known: %s", rule.key, error)

    @callback
    def _dismissed(
        self,
        change: persistent_notification.UpdateType,
        notifications: Mapping[str, persistent_notification.Notification],
    ) -> None:
        """Forget what was only told once a person has put it away. A question stays one: silence means to keep."""
        if change is not persistent_notification.UpdateType.REMOVED or notices.TAG_TOLD not in notifications:
            return
        if self._shown.pop(notices.TAG_TOLD, None) is not None:
            self._told.clear()
            self._told_entries.clear()
            self._sync_now()

    # --- answers -------------------------------------------------------------------------------------------------

    @callback
    def _answered(self, event: Event[dict[str, Any]]) -> None:
        if (read := notices.read_action(event.data.get("action"))) is not None:
            self._do(self._take_answer(event, *read), "answer of a person")

    async def _take_answer(self, event: Event[dict[str, Any]], answer: Answer, about: str) -> None:
        """Do what a button says, as whoever pressed it."""
        words = self._words
        try:
            actor = await admin(self._hass, event.context)
            await self.answer(answer, about, actor)
        except Unauthorized:
            LOGGER.warning("Somebody who is no administrator pressed a button of SOKOUL: nothing was done")
            await self._reply(words.text("notice.admins_only"))
        except NotPossible as impossible:
            await self._reply(sentence(impossible.reason, dt_util.utcnow(), words))
        except StoreError as error:
            LOGGER.error("An answer could not be written down: %s", error)
        await self._sync()

    async def answer(self, answer: Answer, about: str, actor: str) -> None:
        """Take an answer, wherever it was given. Raises `NotPossible` and `StoreError`."""
        desk, now = self._hub.pilot.desk, dt_util.utcnow()
        if answer in {Answer.ALONE, Answer.ASK}:
            if (rule := promotion.RULES.get(about)) is not None:
                await self._answer_offer(rule, alone=answer is Answer.ALONE)
            return
        entry_id = int(about) if about.isdecimal() else 0
        if answer is Answer.APPROVE:
            await desk.approve(entry_id, actor, now)
        else:
            await desk.reject(entry_id, actor, now, never=answer is Answer.NEVER)

    async def _answer_offer(self, rule: Settable, *, alone: bool) -> None:
        self._offers.discard(rule.key)
        if alone:
            promotion.let_act_alone(self._hub, rule)
        else:
            await promotion.keep_asking(self._hub, rule)
        await self._sync()

    async def _reply(self, text: str) -> None:
        """Say why an answer came to nothing, to those who may have given it."""
        for phone in self._phones:
            await self._send(phone, {"message": text, "title": "SOKOUL", "data": {"tag": "sokoul_reply"}})

    # --- keeping in step -----------------------------------------------------------------------------------------

    @callback
    def _sync_soon(self) -> None:
        if self._cancel_sync is None:
            self._cancel_sync = async_call_later(self._hass, GATHER.total_seconds(), self._gathered)

    @callback
    def _gathered(self, _now: datetime) -> None:
        self._cancel_sync = None
        self._sync_now()

    @callback
    def _forget_sync(self) -> None:
        if self._cancel_sync is not None:
            self._cancel_sync()
            self._cancel_sync = None

    @callback
    def _sync_now(self) -> None:
        self._forget_sync()
        self._do(self._sync(), "notifications")

    async def _sync(self) -> None:
        """Show what there is, and take away what is over."""
        if not self._hub.pilot.running:
            return
        wanted = {notice.tag: notice for notice in self._wanted()}
        self._show(wanted)
        async with self._sending:
            await self._show_on_phones(wanted)

    def _wanted(self) -> list[Notice]:
        words, now = self._words, dt_util.utcnow()
        found = list(notices.suggestions(self._hub.pilot.kernel.suggestions, now, words))
        found += [notices.promotion(rule, RIGHT_IN_A_ROW, words) for rule in sorted(self._offers)]
        if self._told:
            found.append(notices.told(list(self._told.values()), words))
        return found

    @property
    def _words(self) -> wording.Wording:
        return wording.get(self._hass.config.language, dt_util.get_default_time_zone())

    # --- in Home Assistant ---------------------------------------------------------------------------------------

    @callback
    def _show(self, wanted: Mapping[str, Notice]) -> None:
        for tag in self._shown.keys() - wanted.keys():
            del self._shown[tag]
            persistent_notification.async_dismiss(self._hass, tag)
        for tag, notice in wanted.items():
            if self._shown.get(tag) != notice:
                self._shown[tag] = notice
                persistent_notification.async_create(self._hass, self._as_markdown(notice), notice.title, tag)
        self._show_issues(wanted)

    def _as_markdown(self, notice: Notice) -> str:
        lines = [f"- {markdown.plain(line)}" for line in notice.lines]
        text = "\n".join(lines) if len(lines) > 1 else markdown.plain(notice.lines[0])
        if notice.asks:
            text += f"\n\n[{self._words.text('notice.answer')}]({ANSWER_AT})"
        return text

    @callback
    def _show_issues(self, wanted: Mapping[str, Notice]) -> None:
        """Let suggestions and offers be answered by those who have no phone in Home Assistant."""
        asking = any(tag.startswith("sokoul_suggestion") for tag in wanted)
        _set_issue(self._hass, ISSUE_SUGGESTIONS, asking, ISSUE_SUGGESTIONS)
        for rule in promotion.RULES:
            name = rule_name(rule, self._words)
            offered = f"sokoul_promotion_{rule}" in wanted
            _set_issue(self._hass, f"{ISSUE_PROMOTION}{rule}", offered, "promotion", rule=name)

    # --- on phones -----------------------------------------------------------------------------------------------

    @property
    def _phones(self) -> list[str]:
        chosen: list[str] = self._hub.memory.get(PHONES_KEY, [])
        return [phone for phone in chosen if self._hass.services.has_service("notify", phone)]

    async def _show_on_phones(self, wanted: Mapping[str, Notice]) -> None:
        before: dict[str, Any] = self._hub.memory.get(ON_PHONES_KEY, {})
        known = {each for shown in before.values() for each in shown["about"]}
        on_phones = dict(before)
        self._waits_for_room = False
        for tag in [tag for tag in on_phones if tag not in wanted]:
            del on_phones[tag]
            await self._send_all({"message": _CLEAR, "data": {"tag": tag}})
        for tag, notice in wanted.items() if self._phones else ():
            text = "\n".join(notice.lines)
            if tag in on_phones and on_phones[tag]["text"] == text:
                continue
            quietly = tag in on_phones or (bool(notice.about) and known.issuperset(notice.about))
            if not quietly and not self._may_alert():
                self._waits_for_room = True
                continue
            await self._send_all(_push(notice, text, quietly=quietly))
            on_phones[tag] = {"text": text, "about": list(notice.about)}
        if on_phones != before:
            self._hub.memory.set(ON_PHONES_KEY, on_phones)

    def _alerts(self) -> list[str]:
        """Return the alerts of today."""
        today = dt_util.start_of_local_day().isoformat()
        return [day for day in self._hub.memory.get(ALERTS_KEY, []) if day == today]

    def _may_alert(self) -> bool:
        """Whether phones may make themselves heard once more today; if so, that counts."""
        alerts = self._alerts()
        if len(alerts) >= MOST_ALERTS_A_DAY:
            return False
        self._hub.memory.set(ALERTS_KEY, [*alerts, dt_util.start_of_local_day().isoformat()])
        return True

    async def _send_all(self, message: dict[str, Any]) -> None:
        for phone in self._phones:
            await self._send(phone, message)

    async def _send(self, phone: str, message: dict[str, Any]) -> None:
        try:
            await self._hass.services.async_call("notify", phone, message, blocking=True)
        except HomeAssistantError as error:
            LOGGER.warning("%s could not be notified: %s", phone, error)


def _push(notice: Notice, text: str, *, quietly: bool) -> dict[str, Any]:
    """Return a notification of the app; `quietly` replaces the one with the same tag without a sound."""
    actions: list[dict[str, Any]] = [
        {"action": button.action, "title": button.title, "authenticationRequired": True} for button in notice.buttons
    ]
    data: dict[str, Any] = {"tag": notice.tag, "group": DOMAIN, "actions": actions}
    if notice.asks:
        data |= {"url": ANSWER_AT, "clickAction": ANSWER_AT}
    if quietly:
        data |= {"alert_once": True, "push": {"interruption-level": "passive"}}
    return {"title": notice.title, "message": text, "data": data}


@callback
def _set_issue(hass: HomeAssistant, issue_id: str, wanted: bool, key: str, **placeholders: str) -> None:  # noqa: FBT001 -- whether it is there is what this is about
    """Make an issue, or take it away."""
    if not wanted:
        ir.async_delete_issue(hass, DOMAIN, issue_id)
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        issue_id,
        is_fixable=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key=key,
        translation_placeholders=placeholders or None,
    )
