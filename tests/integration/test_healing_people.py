"""Telling and asking people: one notification for one thing, everywhere the same, and not too often."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from homeassistant.auth.const import GROUP_ID_ADMIN, GROUP_ID_USER
from homeassistant.components import persistent_notification
from homeassistant.components.repairs.const import DOMAIN as REPAIRS
from homeassistant.core import Context, HomeAssistant, ServiceCall
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_mock_service

from custom_components.sokoul import notices, wording
from custom_components.sokoul.autopilot.desk import RIGHT_IN_A_ROW
from custom_components.sokoul.autopilot.rules.backends import BACKEND_DOWN
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.model.journal import AUTOPILOT, ActKind, Autonomy, EntryStatus
from custom_components.sokoul.notices import Answer, read_action
from custom_components.sokoul.notify_people import ANSWER_AT, ANSWERED, MOST_ALERTS_A_DAY, PHONES_KEY
from custom_components.sokoul.pilot import Pilot
from devstack.frame import FaultKind
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from tests.store.make import entry as row

from .conftest import HUB_ID, RADARR_ID, PassTime, SetUp, servarr_subentry
from .flows import Result, form, step
from .healing import HOUR, MINUTE, Lost, act, suggestion, wait

PHONE = "mobile_app_ada"


@pytest.fixture(autouse=True)
async def _repairs(hass: HomeAssistant, _integration: None) -> None:
    assert await async_setup_component(hass, REPAIRS, {})


@pytest.fixture
def lost(qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator) -> Lost:
    return Lost(qbittorrent, radarr)


@pytest.fixture
def phone(hass: HomeAssistant) -> list[ServiceCall]:
    return async_mock_service(hass, "notify", PHONE)


def choose_phone(pilot: Pilot) -> None:
    pilot._hub.memory.set(PHONES_KEY, [PHONE, "mobile_app_gone"])


def shown(hass: HomeAssistant) -> dict[str, str]:
    """Return the notifications in Home Assistant: their texts by id."""
    found = persistent_notification._async_get_or_create_notifications(hass)
    return {key: each["message"] for key, each in found.items()}


def issues(hass: HomeAssistant) -> set[str]:
    return {issue_id for domain, issue_id in ir.async_get(hass).issues if domain == DOMAIN}


def pushed(calls: list[ServiceCall]) -> list[Mapping[str, Any]]:
    return [call.data for call in calls]


def tags(calls: list[ServiceCall]) -> list[tuple[str, bool]]:
    """Return the tags that were pushed, and whether each was only taken away."""
    return [(call.data["data"]["tag"], call.data["message"] == "clear_notification") for call in calls]


async def press(hass: HomeAssistant, action: str, context: Context | None = None) -> None:
    hass.bus.async_fire(ANSWERED, {"action": action}, context=context or Context())
    await hass.async_block_till_done(wait_background_tasks=True)


# --- one suggestion --------------------------------------------------------------------------------------------------


async def test_a_suggestion_is_asked_everywhere_and_settled_everywhere(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, phone: list[ServiceCall]
) -> None:
    (item,) = lost.lose()
    pilot = await lost.begin(set_up, pass_time)
    choose_phone(pilot)
    await wait(pass_time)
    asked = suggestion(pilot)
    tag = notices.tag_of(asked)
    assert list(shown(hass)) == [tag]
    assert f"]({ANSWER_AT})" in shown(hass)[tag]
    assert issues(hass) == {"suggestions"}
    (push,) = pushed(phone)
    assert push["title"] == f"A suggestion for {asked.label}"
    assert push["message"] == (
        "Radarr waits for it, but its download client doesn\u2019t have it.\nSOKOUL suggests: take it out of the queue."
    )
    assert (push["data"]["tag"], push["data"]["clickAction"]) == (tag, ANSWER_AT)
    assert [each["title"] for each in push["data"]["actions"]] == ["Do it", "Leave it", "Never touch it"]
    assert all(each["authenticationRequired"] for each in push["data"]["actions"])

    await pass_time(HOUR, 3)
    assert len(phone) == 1, "what did not change is not sent again"
    await press(hass, push["data"]["actions"][0]["action"])
    assert lost.waiting == []
    assert (await pilot.kernel.journal.find())[0].status is EntryStatus.DONE
    assert (shown(hass), issues(hass)) == ({}, set())
    assert tags(phone)[1:] == [(tag, True)]
    assert item.title not in lost.waiting


@pytest.mark.parametrize(("answer", "protected"), [(Answer.KEEP, False), (Answer.NEVER, True)])
async def test_a_suggestion_is_turned_down_on_a_phone(
    answer: Answer,
    protected: bool,  # noqa: FBT001 -- a case
    hass: HomeAssistant,
    lost: Lost,
    set_up: SetUp,
    pass_time: PassTime,
    phone: list[ServiceCall],
) -> None:
    lost.lose()
    pilot = await lost.begin(set_up, pass_time)
    choose_phone(pilot)
    await wait(pass_time)
    owner = await hass.auth.async_create_user("Ada", group_ids=[GROUP_ID_ADMIN])
    button = next(each for each in phone[0].data["data"]["actions"] if read_action(each["action"])[0] is answer)  # type: ignore[index]
    await press(hass, button["action"], Context(user_id=owner.id))
    entry = (await pilot.kernel.journal.find())[0]
    assert (entry.status, entry.actor) == (EntryStatus.REJECTED, owner.id)
    assert bool(pilot.kernel.settings.protected) is protected
    assert lost.waiting == ["Lost.0"]
    assert shown(hass) == {}


async def test_an_answer_by_an_action_settles_it_everywhere(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, phone: list[ServiceCall]
) -> None:
    lost.lose()
    pilot = await lost.begin(set_up, pass_time)
    choose_phone(pilot)
    await wait(pass_time)
    tag = notices.tag_of(suggestion(pilot))
    await act(hass, "reject", entry_id=suggestion(pilot).id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (shown(hass), issues(hass)) == ({}, set())
    assert tags(phone) == [(tag, False), (tag, True)]


async def test_silence_means_to_keep(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, phone: list[ServiceCall]
) -> None:
    lost.lose()
    pilot = await lost.begin(set_up, pass_time)
    choose_phone(pilot)
    await wait(pass_time)
    await pass_time(12 * HOUR, 7)
    assert (await pilot.kernel.journal.find())[0].status is EntryStatus.EXPIRED
    assert (shown(hass), issues(hass), lost.waiting) == ({}, set(), ["Lost.0"])
    assert tags(phone)[-1][1] is True


async def test_only_administrators_answer(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, phone: list[ServiceCall]
) -> None:
    lost.lose()
    pilot = await lost.begin(set_up, pass_time)
    choose_phone(pilot)
    await wait(pass_time)
    await hass.auth.async_create_user("Owner", group_ids=[GROUP_ID_ADMIN])
    guest = await hass.auth.async_create_user("Guest", group_ids=[GROUP_ID_USER])
    await press(hass, f"SOKOUL_APPROVE_{suggestion(pilot).id}", Context(user_id=guest.id))
    assert lost.waiting == ["Lost.0"]
    assert suggestion(pilot)
    assert "administrator" in phone[-1].data["message"]


async def test_an_answer_that_comes_too_late_is_told(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, phone: list[ServiceCall]
) -> None:
    pilot = await lost.begin(set_up, pass_time)
    choose_phone(pilot)
    await press(hass, "SOKOUL_APPROVE_77")
    assert phone[-1].data["message"] == "Nobody is being asked about that any more."
    before = len(phone)
    await press(hass, "SOKOUL_ALONE_never_heard_of")
    await press(hass, "SOMEBODY_ELSES")
    assert len(phone) == before
    assert pilot.kernel.settings.autonomy == {"orphan": Autonomy.SUGGEST}


async def test_notifications_speak_the_language_of_the_house(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, phone: list[ServiceCall]
) -> None:
    hass.config.language = "fr"
    lost.lose()
    pilot = await lost.begin(set_up, pass_time)
    choose_phone(pilot)
    await wait(pass_time)
    assert phone[0].data["title"].startswith("Une proposition pour")
    assert "[Répondre](" in next(iter(shown(hass).values()))


async def test_names_from_outside_are_shown_as_they_are(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime
) -> None:
    lost.lose()
    pilot = await lost.begin(set_up, pass_time)
    await wait(pass_time)
    notice = notices.told([("![x](http://evil)", "*bold*")], pilot.people._words)
    assert "![" not in pilot.people._as_markdown(notice)
    assert "*" not in pilot.people._as_markdown(notice)


# --- many of them ----------------------------------------------------------------------------------------------------


async def test_three_or_more_are_asked_in_one(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, phone: list[ServiceCall]
) -> None:
    lost.lose(3)
    pilot = await lost.begin(set_up, pass_time)
    choose_phone(pilot)
    await wait(pass_time)
    assert len(pilot.kernel.suggestions) == 3
    assert tags(phone) == [(notices.TAG_SUGGESTIONS, False)]
    assert phone[0].data["title"] == "3 suggestions for you"
    assert phone[0].data["data"]["actions"] == []
    assert list(shown(hass)) == [notices.TAG_SUGGESTIONS]

    await act(hass, "reject", entry_id=pilot.kernel.suggestions[0].id)
    await hass.async_block_till_done(wait_background_tasks=True)
    left = [notices.tag_of(each) for each in pilot.kernel.suggestions]
    assert set(shown(hass)) == set(left)
    assert tags(phone)[1:] == [(notices.TAG_SUGGESTIONS, True), *((tag, False) for tag in left)]
    assert all(each["data"]["alert_once"] for each in pushed(phone)[2:]), "they were heard of before"


def test_a_long_list_is_cut() -> None:
    wording.load_all()
    for language, first, more in (
        ("en", "Film 11: Why.", "and 2 more"),
        ("fr", "Film 11\u00a0: Why.", "et 2 autres"),
    ):
        notice = notices.told([(f"Film {number}", "Why.") for number in range(12)], wording.get(language))
        assert len(notice.lines) == notices.LONGEST_LIST + 1
        assert (notice.lines[0], notice.lines[-1]) == (first, more)


async def test_more_of_the_same_is_told_without_a_sound(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, phone: list[ServiceCall]
) -> None:
    lost.lose(3)
    pilot = await lost.begin(set_up, pass_time)
    choose_phone(pilot)
    await wait(pass_time)
    lost.lose(1)
    await wait(pass_time)
    first, second = pushed(phone)
    assert "alert_once" not in first["data"]
    assert (second["data"]["alert_once"], second["data"]["push"]) == (True, {"interruption-level": "passive"})
    assert second["title"] == "4 suggestions for you"


async def test_phones_make_themselves_heard_three_times_a_day(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, phone: list[ServiceCall]
) -> None:
    pilot = await lost.begin(set_up, pass_time)
    choose_phone(pilot)
    for _ in range(MOST_ALERTS_A_DAY + 1):
        lost.lose()
        await wait(pass_time)
        asked = suggestion(pilot)
        assert notices.tag_of(asked) in shown(hass), "in Home Assistant it always shows"
        await act(hass, "reject", entry_id=asked.id)
        await hass.async_block_till_done(wait_background_tasks=True)
    heard = [tag for tag, cleared in tags(phone) if not cleared]
    assert len(heard) == MOST_ALERTS_A_DAY

    lost.lose()
    await pass_time(HOUR, 14)
    await wait(pass_time)
    assert len([tag for tag, cleared in tags(phone) if not cleared]) == MOST_ALERTS_A_DAY + 1, "another day"


async def test_a_phone_that_fails_does_no_harm(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(call: ServiceCall) -> None:
        raise HomeAssistantError("no way")

    hass.services.async_register("notify", PHONE, fail)
    lost.lose()
    pilot = await lost.begin(set_up, pass_time)
    choose_phone(pilot)
    await wait(pass_time)
    assert "no way" in caplog.text
    assert len(shown(hass)) == 1


async def test_a_restart_asks_nobody_twice(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, phone: list[ServiceCall]
) -> None:
    lost.lose()
    pilot = await lost.begin(set_up, pass_time)
    choose_phone(pilot)
    await wait(pass_time)
    assert len(phone) == 1
    await hass.config_entries.async_reload(HUB_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(phone) == 1
    assert len(shown(hass)) == 1
    assert issues(hass) == {"suggestions"}


# --- what is only told -----------------------------------------------------------------------------------------------


async def test_what_needs_a_person_is_told_until_it_is_over(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, phone: list[ServiceCall]
) -> None:
    movies = iter(lost.radarr.library.movies.values())
    lost.radarr.queue_item(next(movies), title="One", download_id=None, time_left=timedelta())
    pilot = await lost.begin(set_up, pass_time)
    choose_phone(pilot)
    await pass_time(6 * HOUR, 5)
    assert list(shown(hass)) == [notices.TAG_TOLD]
    (push,) = pushed(phone)
    assert push["title"] == "Something needs you"
    assert push["data"]["actions"] == []
    assert issues(hass) == set()
    lost.radarr.queue.items.clear()
    await pass_time(MINUTE, 5)
    assert shown(hass) == {}
    assert tags(phone)[-1] == (notices.TAG_TOLD, True)


async def test_what_was_told_can_be_put_away(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, phone: list[ServiceCall]
) -> None:
    movies = iter(lost.radarr.library.movies.values())
    lost.radarr.queue_item(next(movies), title="One", download_id=None, time_left=timedelta())
    pilot = await lost.begin(set_up, pass_time)
    choose_phone(pilot)
    await pass_time(6 * HOUR, 5)
    persistent_notification.async_dismiss(hass, notices.TAG_TOLD)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert tags(phone)[-1] == (notices.TAG_TOLD, True)
    await pass_time(HOUR, 3)
    assert shown(hass) == {}


async def test_what_was_told_outlives_a_restart_until_it_is_over(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, phone: list[ServiceCall]
) -> None:
    movies = iter(lost.radarr.library.movies.values())
    lost.radarr.queue_item(next(movies), title="One", download_id=None, time_left=timedelta())
    pilot = await lost.begin(set_up, pass_time)
    choose_phone(pilot)
    await pass_time(6 * HOUR, 5)
    before = shown(hass)
    assert list(before) == [notices.TAG_TOLD]
    await hass.config_entries.async_reload(HUB_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert list(shown(hass)) == [notices.TAG_TOLD]
    await pass_time(MINUTE, 5)
    assert list(shown(hass)) == [notices.TAG_TOLD]
    assert (notices.TAG_TOLD, True) not in tags(phone), "it stays on the phone, too"
    lost.radarr.queue.items.clear()
    await pass_time(MINUTE, 5)
    assert shown(hass) == {}
    assert tags(phone)[-1] == (notices.TAG_TOLD, True)


async def test_what_was_put_away_stays_away_after_a_restart(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, phone: list[ServiceCall]
) -> None:
    movies = iter(lost.radarr.library.movies.values())
    lost.radarr.queue_item(next(movies), title="One", download_id=None, time_left=timedelta())
    pilot = await lost.begin(set_up, pass_time)
    choose_phone(pilot)
    await pass_time(6 * HOUR, 5)
    persistent_notification.async_dismiss(hass, notices.TAG_TOLD)
    await hass.async_block_till_done(wait_background_tasks=True)
    await hass.config_entries.async_reload(HUB_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    await pass_time(MINUTE, 5)
    assert shown(hass) == {}


async def test_what_is_told_of_a_backend_is_over_once_it_is_well(
    hass: HomeAssistant, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> None:
    entry = await set_up(servarr_subentry(radarr, RADARR_ID))
    await pass_time(MINUTE, 2)
    radarr.fault(FaultKind.DISCONNECT)
    await pass_time(10 * MINUTE, 3)
    first = shown(hass)[notices.TAG_TOLD]
    assert "minutes" in first
    await pass_time(HOUR, 3)
    assert "hours" in shown(hass)[notices.TAG_TOLD], "how long it lasts goes on"
    await hass.config_entries.async_reload(HUB_ID)
    await pass_time(MINUTE, 3)
    assert notices.TAG_TOLD in shown(hass)
    radarr.clear_faults()
    await pass_time(10 * MINUTE, 3)
    assert entry.runtime_data.backends[RADARR_ID].answering
    assert shown(hass) == {}


# --- which phones ----------------------------------------------------------------------------------------------------


async def choose_phones(hass: HomeAssistant, *chosen: str) -> None:
    """Choose phones in the options."""
    flows = hass.config_entries.options
    result = await flows.async_init(HUB_ID)
    await flows.async_configure(result["flow_id"], {"next_step_id": "people"})
    await flows.async_configure(result["flow_id"], {"phones": list(chosen)})
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_each_phone_shows_what_it_should_from_when_it_is_chosen_until_it_is_not(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, phone: list[ServiceCall]
) -> None:
    other = async_mock_service(hass, "notify", "mobile_app_bob")
    lost.lose()
    pilot = await lost.begin(set_up, pass_time)
    await choose_phones(hass, PHONE)
    await wait(pass_time)
    tag = notices.tag_of(suggestion(pilot))
    assert (tags(phone), tags(other)) == ([(tag, False)], [])
    await choose_phones(hass, PHONE, "mobile_app_bob")
    assert (tags(phone), tags(other)) == ([(tag, False)], [(tag, False)]), "what is asked is asked there, too"
    await choose_phones(hass, "mobile_app_bob")
    assert tags(phone) == [(tag, False), (tag, True)], "nobody answers there any more"
    await act(hass, "reject", entry_id=suggestion(pilot).id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert (tags(phone)[2:], tags(other)) == ([], [(tag, False), (tag, True)])


async def test_a_phone_that_is_away_for_a_while_is_cleared_when_it_is_back(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, phone: list[ServiceCall]
) -> None:
    lost.lose()
    pilot = await lost.begin(set_up, pass_time)
    choose_phone(pilot)
    await wait(pass_time)
    tag = notices.tag_of(suggestion(pilot))
    hass.services.async_remove("notify", PHONE)
    await act(hass, "reject", entry_id=suggestion(pilot).id)
    await hass.async_block_till_done(wait_background_tasks=True)
    back = async_mock_service(hass, "notify", PHONE)
    lost.lose()
    await wait(pass_time)
    assert (tag, True) in tags(back)


# --- trust -----------------------------------------------------------------------------------------------------------


async def approve_in_a_row(hass: HomeAssistant, lost: Lost, pilot: Pilot, pass_time: PassTime, count: int) -> None:
    lost.lose(count)
    await wait(pass_time)
    for entry in pilot.kernel.suggestions:
        await act(hass, "approve", entry_id=entry.id)
    await pilot._hub.refresh([RADARR_ID])  # else the next turn may come before the next poll
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_a_rule_that_was_right_offers_to_act_alone(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, phone: list[ServiceCall]
) -> None:
    pilot = await lost.begin(set_up, pass_time)
    choose_phone(pilot)
    await approve_in_a_row(hass, lost, pilot, pass_time, 4)
    assert issues(hass) == set()
    await approve_in_a_row(hass, lost, pilot, pass_time, 1)
    assert issues(hass) == {"promotion_orphan"}
    push = next(each for each in pushed(phone) if each["data"]["tag"] == "sokoul_promotion_orphan")
    assert push["title"] == "Ask no more? Queue items that lead nowhere"
    assert [each["action"] for each in push["data"]["actions"]] == ["SOKOUL_ALONE_orphan", "SOKOUL_ASK_orphan"]
    await hass.config_entries.async_reload(HUB_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert issues(hass) == {"promotion_orphan"}, "it is still offered after a restart"
    pilot = hass.config_entries.async_get_known_entry(HUB_ID).runtime_data.pilot
    await press(hass, "SOKOUL_ALONE_orphan")
    assert pilot.kernel.settings.autonomy["orphan"] is Autonomy.ACT
    assert (issues(hass), shown(hass)) == (set(), {})
    assert tags(phone)[-1] == ("sokoul_promotion_orphan", True)


async def test_an_offer_that_was_turned_down_has_to_be_earned_again(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime
) -> None:
    pilot = await lost.begin(set_up, pass_time)
    await approve_in_a_row(hass, lost, pilot, pass_time, 5)
    result = await fix(hass, "promotion_orphan")
    assert (result["type"], result["description_placeholders"]) == (
        FlowResultType.MENU,
        {"rule": "Queue items that lead nowhere"},
    )
    result = await go_on(hass, result, next_step_id="ask")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert issues(hass) == set()
    assert pilot.kernel.settings.autonomy["orphan"] is Autonomy.SUGGEST
    await approve_in_a_row(hass, lost, pilot, pass_time, 4)
    for _ in range(RIGHT_IN_A_ROW):  # what a rule does without asking earns nothing
        await pilot.kernel.write(row(rule="orphan", act=ActKind.REANNOUNCE, status=EntryStatus.DONE))
    await hass.config_entries.async_reload(HUB_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert issues(hass) == set()
    pilot = hass.config_entries.async_get_known_entry(HUB_ID).runtime_data.pilot
    await approve_in_a_row(hass, lost, pilot, pass_time, 1)
    assert issues(hass) == {"promotion_orphan"}
    result = await go_on(hass, await fix(hass, "promotion_orphan"), next_step_id="alone")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert pilot.kernel.settings.autonomy["orphan"] is Autonomy.ACT


async def test_an_offer_is_over_when_the_level_is_set_by_hand(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime
) -> None:
    pilot = await lost.begin(set_up, pass_time)
    await approve_in_a_row(hass, lost, pilot, pass_time, 5)
    pilot.kernel.change(pilot.kernel.settings.with_autonomy("orphan", Autonomy.OBSERVE))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert issues(hass) == set()


async def restarted(hass: HomeAssistant, pilot: Pilot, count: int, actor: str = "somebody") -> None:
    """Let so many restarts of a backend be approved."""
    for _ in range(count):
        done = {"rule": BACKEND_DOWN.key, "subject": RADARR_ID, "label": "Radarr", "act": ActKind.RESTART}
        await pilot.kernel.write(row(**done, status=EntryStatus.DONE, actor=actor, parameters={}))
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_restarts_that_were_right_are_offered_to_be_done_alone(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, phone: list[ServiceCall]
) -> None:
    pilot = await lost.begin(set_up, pass_time)
    choose_phone(pilot)
    await restarted(hass, pilot, 4)
    await restarted(hass, pilot, 1, AUTOPILOT)
    assert issues(hass) == set()
    await restarted(hass, pilot, 1)
    assert issues(hass) == {"promotion_backend_down"}
    await pass_time(HOUR)
    await hass.config_entries.async_reload(HUB_ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert issues(hass) == {"promotion_backend_down"}, "it is still offered after a restart"
    pilot = hass.config_entries.async_get_known_entry(HUB_ID).runtime_data.pilot
    await press(hass, "SOKOUL_ALONE_backend_down")
    assert pilot.kernel.settings.autonomy["backend_down"] is Autonomy.ACT
    assert (issues(hass), shown(hass)) == (set(), {})


async def test_an_offer_of_restarts_is_turned_down_or_over(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime
) -> None:
    pilot = await lost.begin(set_up, pass_time)
    await restarted(hass, pilot, 5)
    await go_on(hass, await fix(hass, "promotion_backend_down"), next_step_id="ask")
    assert issues(hass) == set()
    await restarted(hass, pilot, 4)
    assert issues(hass) == set()
    await restarted(hass, pilot, 1)
    assert issues(hass) == {"promotion_backend_down"}
    pilot.kernel.change(pilot.kernel.settings.with_autonomy("backend_down", Autonomy.OFF))
    await hass.async_block_till_done(wait_background_tasks=True)
    assert issues(hass) == set()


# --- answering in repairs --------------------------------------------------------------------------------------------


async def fix(hass: HomeAssistant, issue_id: str) -> Result:
    return await hass.data[REPAIRS]["flow_manager"].async_init(DOMAIN, context={"issue_id": issue_id})


async def go_on(hass: HomeAssistant, result: Result, **typed: Any) -> Result:
    return await hass.data[REPAIRS]["flow_manager"].async_configure(result["flow_id"], typed)


async def test_suggestions_are_answered_one_by_one(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime
) -> None:
    lost.lose(2)
    pilot = await lost.begin(set_up, pass_time)
    await wait(pass_time)
    first, second = pilot.kernel.suggestions
    result = await fix(hass, "suggestions")
    assert step(result) == form("answer")
    assert "Radarr waits for it" in result["description_placeholders"]["suggestions"]
    assert result["data_schema"]({}) == {"suggestion": str(first.id), "answer": "keep"}, "nothing is done by mistake"
    result = await go_on(hass, result, suggestion=str(second.id), answer="keep")
    assert step(result) == form("answer")
    assert pilot.kernel.suggestions == (first,)
    result = await go_on(hass, result, suggestion=str(first.id), answer="approve")
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(lost.waiting) == 1
    assert {entry.actor for entry in await pilot.kernel.journal.find()} == {"person"}
    (entry, _) = (await act(hass, "get_journal"))["entries"]
    assert entry["actor"] == "a person"
    assert issues(hass) == set()


async def test_an_answer_that_can_not_be_taken_says_why(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime
) -> None:
    lost.lose(2)
    pilot = await lost.begin(set_up, pass_time)
    await wait(pass_time)
    first, second = pilot.kernel.suggestions
    result = await fix(hass, "suggestions")
    await act(hass, "reject", entry_id=first.id)
    result = await go_on(hass, result, suggestion=str(first.id), answer="approve")
    assert result["errors"] == {"base": "not_possible"}
    assert result["description_placeholders"]["reason"] == "Nobody is being asked about that any more."
    await act(hass, "reject", entry_id=second.id)
    result = await go_on(hass, result, suggestion=str(second.id), answer="never")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "over")


async def test_a_store_that_fails_is_no_answer(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime, caplog: pytest.LogCaptureFixture
) -> None:
    pilot = await lost.begin(set_up, pass_time)
    await approve_in_a_row(hass, lost, pilot, pass_time, 5)
    lost.lose()
    await wait(pass_time)
    asked = suggestion(pilot)
    result, offer = await fix(hass, "suggestions"), await fix(hass, "promotion_orphan")
    assert pilot.store is not None
    await pilot.store.close()
    result = await go_on(hass, result, suggestion=str(asked.id), answer="keep")
    assert result["errors"] == {"base": "not_possible"}
    offer = await go_on(hass, offer, next_step_id="ask")
    assert (offer["type"], offer["reason"]) == (FlowResultType.ABORT, "store_failed")
    assert offer["description_placeholders"]["detail"]
    await press(hass, f"SOKOUL_KEEP_{asked.id}")
    assert "An answer could not be written down" in caplog.text


async def test_an_offer_can_not_be_answered_without_a_hub(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime
) -> None:
    pilot = await lost.begin(set_up, pass_time)
    await approve_in_a_row(hass, lost, pilot, pass_time, 5)
    result = await fix(hass, "promotion_orphan")
    await hass.config_entries.async_unload(HUB_ID)
    result = await go_on(hass, result, next_step_id="alone")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "not_loaded")


async def test_nothing_can_be_answered_without_a_hub(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime
) -> None:
    lost.lose()
    pilot = await lost.begin(set_up, pass_time)
    await wait(pass_time)
    asked = suggestion(pilot)
    result = await fix(hass, "suggestions")
    await hass.config_entries.async_unload(HUB_ID)
    assert (issues(hass), shown(hass)) == (set(), {})
    result = await go_on(hass, result, suggestion=str(asked.id), answer="approve")
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "not_loaded")
