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
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.event import async_call_later
from homeassistant.util import dt as dt_util, slugify

from . import markdown, notices, promotion, wording
from .autopilot.desk import RIGHT_IN_A_ROW, NotPossible
from .autopilot.other_tool import TELL_EVERY
from .autopilot.reviver import ABOUT
from .autopilot.rules.backends import BACKEND_DOWN
from .calls import admin
from .const import DOMAIN, LOGGER
from .healing import TRIES, level_of
from .issues import warn
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

#: The keys in the hub's memory: the phones that were chosen and what each shows, when they made themselves heard, and
#: up to which entry a person put away what was told.
PHONES_KEY = "phones"
ON_PHONES_KEY = "on_phones"
ALERTS_KEY = "alerts"
PUT_AWAY_KEY = "told_put_away"

#: What is found within this time is told together.
GATHER = timedelta(minutes=1)
MOST_ALERTS_A_DAY = 3
#: So many of the newest entries that only tell something are looked at when the journal is opened.
TOLD_BEFORE = 200
#: So long may it take to end what is being sent.
STOP_PATIENCE = timedelta(seconds=5)

#: Where suggestions can be answered.
ANSWER_AT = "/config/repairs"
ISSUE_SUGGESTIONS = "suggestions"
ISSUE_PROMOTION = "promotion"

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
        self._told: dict[str, JournalEntry] = {}  # by what they are about
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
        self._do(self._begin(), "what is told and offered")

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
        try:
            await self._remember()
        except StoreError as error:
            LOGGER.debug("What was told before is not known: %s", error)
        for rule in promotion.RULES.values():
            await self._consider_offer(rule)
        await self._sync()

    async def _remember(self) -> None:
        """Take up what was told before a restart, unless it is over or a person put it away. Raises `StoreError`."""
        put_away = self._hub.memory.get(PUT_AWAY_KEY, 0)
        journal = self._hub.pilot.kernel.journal
        found = await journal.find(statuses=[EntryStatus.DONE], acts=[ActKind.TELL], limit=TOLD_BEFORE)
        told = {_about(entry): entry for entry in reversed(found)}
        lasting = {key: each for key, each in told.items() if each.id > put_away and not self._is_over(each)}
        self._told = lasting | self._told

    # --- what happens --------------------------------------------------------------------------------------------

    @callback
    def _written_down(self, entry: JournalEntry) -> None:
        """Take over an entry of the journal that is new or changed."""
        rule = promotion.RULES.get(entry.rule)
        if entry.status is EntryStatus.SUGGESTED:
            self._sync_soon()
        elif entry.status is EntryStatus.DONE and entry.act is ActKind.TELL:
            self._tell(_about(entry), entry)
        elif entry.status is not EntryStatus.OBSERVED and entry.act not in TRIES:
            if entry.status is EntryStatus.UNDONE and rule is not None and self._will_ask(rule, entry):
                self._tell(f"demoted/{entry.rule}", entry)
            if entry.status is EntryStatus.DONE and entry.actor != AUTOPILOT and rule is not None:
                self._do(self._offer(rule), "offer of a rule")
            self._sync_now()  # an answer, or the end of something

    def _will_ask(self, rule: Settable, entry: JournalEntry) -> bool:
        """Whether what was taken back had been done by a rule that acted alone: it is about to be lowered."""
        return entry.actor == AUTOPILOT and self._hub.pilot.kernel.settings.level(rule) is Autonomy.ACT

    @callback
    def _tell(self, key: str, entry: JournalEntry) -> None:
        self._told.pop(key, None)  # the newest goes last
        self._told[key] = entry
        self._sync_soon()

    @callback
    def _look(self) -> None:
        """Take away what is over: what was told of, and offers whose rule no longer asks."""
        if not self._hub.pilot.running:
            return
        over = [key for key, entry in self._told.items() if self._is_over(entry)]
        for key in over:
            del self._told[key]
        taken = {key for key in self._offers if level_of(self._hub, promotion.RULES[key]) is not Autonomy.SUGGEST}
        self._offers -= taken
        if over or taken or (self._waits_for_room and not self._alerts()):
            self._sync_now()
        elif notices.TAG_TOLD in self._shown:  # how long it lasts goes on, without a word to any phone
            self._show({**self._shown, notices.TAG_TOLD: self._as_told()})

    def _is_over(self, entry: JournalEntry) -> bool:
        """Tell whether something that was told needs nobody any more."""
        pilot = self._hub.pilot
        if entry.status is EntryStatus.UNDONE:
            return False  # a rule was lowered: that is how it is from now on
        if entry.rule == BACKEND_DOWN.key:
            return pilot.reviver.is_over(entry)
        if entry.rule not in pilot.kernel.rules:
            return dt_util.utcnow() - entry.changed_at > TELL_EVERY
        watch = pilot.kernel.watch
        memory = watch.memory(entry.subject)
        if memory is None or entry.rule not in memory.clocks:
            return True
        return entry.subject not in watch and watch.has_read_all  # before that it may only not have been seen yet

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
            newest = max((entry.id for entry in self._told.values()), default=0)
            self._hub.memory.set(PUT_AWAY_KEY, max(newest, self._hub.memory.get(PUT_AWAY_KEY, 0)))
            self._told.clear()
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
            found.append(self._as_told())
        return found

    def _as_told(self) -> Notice:
        return notices.told([(entry.label, self._told_text(entry)) for entry in self._told.values()], self._words)

    def _told_text(self, entry: JournalEntry) -> str:
        if entry.status is EntryStatus.UNDONE:
            return self._words.text("notice.demoted", rule=rule_name(entry.rule, self._words))
        return sentence(entry.reason, dt_util.utcnow(), self._words)

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
        warn(self._hass, ISSUE_SUGGESTIONS, {} if asking else None, fixable=True)
        for rule in promotion.RULES:
            name = rule_name(rule, self._words)
            offered = f"sokoul_promotion_{rule}" in wanted
            warn(self._hass, ISSUE_PROMOTION, {"rule": name} if offered else None, about=rule, fixable=True)

    # --- on phones -----------------------------------------------------------------------------------------------

    @property
    def _phones(self) -> list[str]:
        chosen: list[str] = self._hub.memory.get(PHONES_KEY, [])
        return [phone for phone in chosen if self._is_known(phone)]

    @callback
    def phones_changed(self) -> None:
        """Show at once what there is on the phones that were chosen, and take it away from those that were not."""
        self._sync_now()

    async def _show_on_phones(self, wanted: Mapping[str, Notice]) -> None:
        before: dict[str, Any] = self._hub.memory.get(ON_PHONES_KEY, {})
        known = {each for shown in before.values() for each in shown["about"]}
        on_phones = await self._clear_phones(before, wanted)
        self._waits_for_room = False
        for tag, notice in wanted.items():
            text, shown = "\n".join(notice.lines), on_phones.get(tag)
            have = shown["phones"] if shown else []
            up_to_date = have if shown and shown["text"] == text else []
            missing = [phone for phone in self._phones if phone not in up_to_date]
            if not missing:
                continue
            quietly = tag in before or (bool(notice.about) and known.issuperset(notice.about))
            if not quietly and not self._may_alert():
                self._waits_for_room = True
                continue
            for phone in missing:
                await self._send(phone, _push(notice, text, quietly=quietly))
            on_phones[tag] = {"text": text, "about": list(notice.about), "phones": sorted({*have, *missing})}
        if on_phones != before:
            self._hub.memory.set(ON_PHONES_KEY, on_phones)

    async def _clear_phones(self, before: Mapping[str, Any], wanted: Mapping[str, Notice]) -> dict[str, Any]:
        """Take away what is over, and all of it from phones that are not chosen any more. Returns what is left.

        A phone that Home Assistant doesn't know at the moment is cleared when it is back.
        """
        chosen = self._hub.memory.get(PHONES_KEY, [])
        on_phones = {}
        for tag, shown in before.items():
            left = []
            for phone in shown["phones"]:
                if tag in wanted and phone in chosen:
                    left.append(phone)
                elif self._is_known(phone):
                    await self._send(phone, {"message": _CLEAR, "data": {"tag": tag}})
                elif phone in chosen:
                    left.append(phone)
            if left:
                on_phones[tag] = {**shown, "phones": left}
        return on_phones

    def _is_known(self, phone: str) -> bool:
        return self._hass.services.has_service("notify", phone)

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

    async def _send(self, phone: str, message: dict[str, Any]) -> None:
        try:
            await self._hass.services.async_call("notify", phone, message, blocking=True)
        except HomeAssistantError as error:
            LOGGER.warning("%s could not be notified: %s", phone, error)


def _about(entry: JournalEntry) -> str:
    """Return what an entry tells of: the same that is told anew takes its place."""
    return f"{entry.rule}/{entry.subject}/{entry.parameters.get(ABOUT, '')}"


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
