"""The actions of healing: what they do, what they answer, in which language, and whom they refuse."""

from datetime import timedelta
import json
from typing import Any

from homeassistant.auth.const import GROUP_ID_ADMIN, GROUP_ID_USER
from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized, UnknownUser
import pytest
import voluptuous as vol

from custom_components.sokoul.autopilot.ownership import QUARANTINE
from custom_components.sokoul.calls import Action
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.model.journal import Autonomy, EntryStatus
from custom_components.sokoul.pilot import Pilot
from devstack.qbittorrent import QbittorrentSimulator
from devstack.qbittorrent_torrent import Swarm
from devstack.radarr import RadarrSimulator

from .conftest import HUB_ID, RADARR_ID, PassTime, SetUp, qbittorrent_subentry, servarr_subentry
from .healing import HOUR, MINUTE, Lost, act, suggestion, wait
from .test_healing import Stuck

ACTING: dict[Action, dict[str, Any]] = {
    Action.HEAL: {},
    Action.APPROVE: {"entry_id": 1},
    Action.REJECT: {"entry_id": 1},
    Action.UNDO: {},
    Action.PROTECT: {"download": "Lost.0"},
}
READING: dict[Action, dict[str, Any]] = {Action.EXPLAIN: {"download": "Lost.0"}, Action.GET_JOURNAL: {}}


@pytest.fixture
def lost(qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator) -> Lost:
    return Lost(qbittorrent, radarr)


async def user(hass: HomeAssistant, group: str) -> Context:
    await hass.auth.async_create_user("Owner", group_ids=[GROUP_ID_ADMIN])  # the first one owns the house
    made = await hass.auth.async_create_user("Ada", group_ids=[group])
    return Context(user_id=made.id)


# --- who may ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", ACTING)
async def test_only_an_administrator_or_an_automation_acts(
    action: Action, hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime
) -> None:
    lost.lose()
    pilot = await lost.begin(set_up, pass_time)
    with pytest.raises(Unauthorized):
        await act(hass, action, await user(hass, GROUP_ID_USER), **ACTING[action])
    with pytest.raises(UnknownUser):
        await act(hass, action, Context(user_id="nobody"), **ACTING[action])
    assert await pilot.kernel.journal.find() == []
    assert pilot.kernel.settings.protected == frozenset()


@pytest.mark.parametrize("action", READING)
async def test_anybody_may_read(
    action: Action, hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime
) -> None:
    lost.lose()
    await lost.begin(set_up, pass_time)
    assert await act(hass, action, await user(hass, GROUP_ID_USER), **READING[action])


@pytest.mark.parametrize("action", [*ACTING, *READING])
async def test_without_a_database_all_of_them_say_so(
    action: Action, hass: HomeAssistant, set_up: SetUp, database: Any
) -> None:
    database.write_bytes(b"this is no database" * 100)
    await set_up()
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, action, **{**ACTING, **READING}[action])
    assert raised.value.translation_key == "autopilot_off"


@pytest.mark.parametrize("action", [*ACTING, *READING])
async def test_without_an_entry_all_of_them_say_so(action: Action, hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    await hass.config_entries.async_unload(entry.entry_id)
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, action, **{**ACTING, **READING}[action])
    assert raised.value.translation_key == "not_loaded"
    await hass.config_entries.async_setup(entry.entry_id)


@pytest.mark.parametrize(
    ("action", "data"),
    [
        (Action.APPROVE, {}),
        (Action.APPROVE, {"entry_id": 0}),
        (Action.REJECT, {"entry_id": "some"}),
        (Action.PROTECT, {}),
        (Action.EXPLAIN, {"download": ""}),
        (Action.GET_JOURNAL, {"limit": 501}),
        (Action.GET_JOURNAL, {"status": ["good"]}),
        (Action.HEAL, {"language": "de"}),
    ],
)
async def test_what_can_not_be_meant_is_refused(
    action: Action, data: dict[str, Any], hass: HomeAssistant, set_up: SetUp
) -> None:
    await set_up()
    with pytest.raises(vol.Invalid):
        await act(hass, action, **data)


# --- answering suggestions -------------------------------------------------------------------------------------------


async def test_a_suggestion_is_approved(hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime) -> None:
    (item,) = lost.lose()
    pilot = await lost.begin(set_up, pass_time)
    await wait(pass_time)
    asked = suggestion(pilot)
    context = await user(hass, GROUP_ID_ADMIN)
    answer = await act(hass, Action.APPROVE, context, entry_id=asked.id, language="fr")
    assert (answer["status"], answer["actor"]) == ("done", "Ada")
    assert answer["result"]["text"] == "Il n\u2019est plus dans la file. Son client garde ce qu\u2019il a."
    assert item.title not in lost.waiting
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, Action.APPROVE, context, entry_id=asked.id)
    assert raised.value.translation_key == "not_possible"
    assert raised.value.translation_placeholders == {"reason": "Nobody is being asked about that any more."}


async def test_a_suggestion_is_turned_down_once_or_for_ever(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime
) -> None:
    lost.lose(2)
    pilot = await lost.begin(set_up, pass_time)
    await wait(pass_time)
    first, second = pilot.kernel.suggestions
    answer = await act(hass, Action.REJECT, entry_id=first.id)
    assert (answer["status"], answer["actor"]) == ("rejected", "an automation")
    assert pilot.kernel.settings.protected == frozenset()
    await act(hass, Action.REJECT, entry_id=second.id, never=True)
    assert pilot.kernel.settings.protected == {second.parameters["target"]["key"]}
    assert len(lost.waiting) == 2
    assert pilot.kernel.suggestions == ()


async def test_what_is_over_is_not_done(hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime) -> None:
    lost.lose()
    pilot = await lost.begin(set_up, pass_time)
    await wait(pass_time)
    asked = suggestion(pilot)
    lost.radarr.queue.items.clear()
    await pass_time(MINUTE, 2)
    with pytest.raises(HomeAssistantError):
        await act(hass, Action.APPROVE, entry_id=asked.id)


# --- healing now, and taking back ------------------------------------------------------------------------------------


async def test_one_is_healed_without_patience(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime
) -> None:
    first, second = lost.lose(2)
    pilot = await lost.begin(set_up, pass_time, Autonomy.OBSERVE)
    await pass_time(5 * MINUTE, 4)
    would = await act(hass, Action.HEAL, download="lost.0", dry_run=True)
    assert would["dry_run"] is True
    (remedy,) = would["remedies"]
    assert (remedy["rule"], remedy["act"], remedy["entry"]) == ("orphan", "leave_queue", None)
    assert remedy["reason"]["text"] == "Radarr waits for it, but its download client doesn\u2019t have it."
    assert lost.waiting == [first.title, second.title]
    assert await pilot.kernel.journal.find() == []

    done = await act(hass, Action.HEAL, download="lost.0")
    assert done["remedies"][0]["entry"]["status"] == "done"
    assert lost.waiting == [second.title]
    nothing = await act(hass, Action.HEAL)
    assert nothing["remedies"] == [], "all is only what is due"
    await wait(pass_time)
    rest = await act(hass, Action.HEAL)
    assert [each["entry"]["status"] for each in rest["remedies"]] == ["done"]
    assert lost.waiting == []


async def test_nothing_wrong_is_an_answer(hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime) -> None:
    lost.qbittorrent.add_torrent("Fine", "seeding")
    await lost.begin(set_up, pass_time)
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, Action.HEAL, download="Fine", language="fr")
    assert raised.value.translation_placeholders == {"reason": "Tout va bien pour lui."}


@pytest.mark.parametrize(
    ("search", "key"), [("Nothing is called so", "no_such_download"), ("lost", "several_downloads")]
)
async def test_a_download_has_to_be_named(
    search: str, key: str, hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime
) -> None:
    lost.lose(2)
    await lost.begin(set_up, pass_time)
    for action in (Action.HEAL, Action.PROTECT, Action.EXPLAIN):
        with pytest.raises(ServiceValidationError) as raised:
            await act(hass, action, download=search)
        assert raised.value.translation_key == key
    if key == "several_downloads":
        assert (raised.value.translation_placeholders or {})["count"] == "2"


@pytest.fixture
async def replaced(
    hass: HomeAssistant, qbittorrent: QbittorrentSimulator, radarr: RadarrSimulator, set_up: SetUp, pass_time: PassTime
) -> Stuck:
    """Let a stalled download be replaced."""
    stuck = Stuck(qbittorrent, radarr)
    await stuck.begin()
    entry = await set_up(qbittorrent_subentry(qbittorrent), servarr_subentry(radarr, RADARR_ID))
    pilot: Pilot = entry.runtime_data.pilot
    patience = dict.fromkeys(("patience", "patience_when_rare", "last_copy_patience"), 3600.0)
    settings = pilot.kernel.settings.with_autonomy("stalled", Autonomy.ACT)
    pilot.kernel.change(settings.with_policy(pilot.kernel.rules["stalled"], patience))
    await pass_time(10 * MINUTE, 12)
    assert stuck.torrent().category == QUARANTINE
    return stuck


async def test_the_last_act_is_taken_back(hass: HomeAssistant, replaced: Stuck, pass_time: PassTime) -> None:
    (newest,) = (await act(hass, Action.GET_JOURNAL, status="done", limit=1))["entries"]
    assert newest["can_undo"] is True
    assert newest["instead"]["release"] == replaced.new.title
    replaced.qbittorrent.change(replaced.other, swarm=Swarm(), completed=0.0, completed_at=0.0)
    answer = await act(hass, Action.UNDO)
    assert (answer["id"], answer["status"], answer["can_undo"]) == (newest["id"], "undone", False)
    assert (answer["actor"], answer["undone_by"]) == ("SOKOUL itself", "an automation")
    assert replaced.torrent().category == "radarr"
    with pytest.raises(ServiceValidationError) as raised:
        await act(hass, Action.UNDO)
    assert raised.value.translation_key == "nothing_to_undo"
    with pytest.raises(HomeAssistantError) as refused:
        await act(hass, Action.UNDO, entry_id=answer["id"])
    assert refused.value.translation_key == "not_possible"


async def test_a_backend_that_is_away_says_so(hass: HomeAssistant, replaced: Stuck, pass_time: PassTime) -> None:
    await replaced.qbittorrent.refuse()
    await pass_time(MINUTE, 2)
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, Action.UNDO)
    assert raised.value.translation_placeholders == {"reason": "qBittorrent doesn\u2019t answer."}


# --- protecting ------------------------------------------------------------------------------------------------------


async def test_a_protected_download_is_left_alone(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime
) -> None:
    (item,) = lost.lose()
    pilot = await lost.begin(set_up, pass_time, Autonomy.ACT)
    answer = await act(hass, Action.PROTECT, download=item.title)
    assert answer["protected"] is True
    assert pilot.kernel.settings.protected == {answer["hash"]}
    await wait(pass_time)
    assert lost.waiting == [item.title]
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, Action.HEAL, download=item.title)
    assert "never touches" in (raised.value.translation_placeholders or {})["reason"]
    assert (await act(hass, Action.EXPLAIN, download=item.title))["protected"] is True
    await act(hass, Action.PROTECT, download=item.title, protected=False)
    await wait(pass_time)
    assert lost.waiting == []


async def test_what_is_gone_can_be_taken_off_the_list(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime
) -> None:
    (item,) = lost.lose()
    pilot = await lost.begin(set_up, pass_time)
    protected = await act(hass, Action.PROTECT, download=item.title)
    lost.radarr.queue.items.clear()
    await pass_time(MINUTE, 3)
    await act(hass, Action.PROTECT, download=protected["hash"], protected=False)
    assert pilot.kernel.settings.protected == frozenset()


# --- explaining ------------------------------------------------------------------------------------------------------


async def test_all_of_it_is_explained(hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime) -> None:
    (item,) = lost.lose()
    await lost.begin(set_up, pass_time)
    await pass_time(11 * MINUTE)
    await pass_time(10 * MINUTE)
    said = await act(hass, Action.EXPLAIN, download=item.title)
    json.dumps(said)
    assert (said["watched"], said["protected"], said["gate"]) == (True, False, {"open": True, "why": None})
    assert said["download"]["waits"]["key"] == "wait.not_in_client"
    assert said["allowed"] == {"level": "act", "why": None}
    (clock,) = said["clocks"]
    assert (clock["rule"], clock["running"], clock["act"], clock["level"]) == (
        "orphan",
        True,
        "leave_queue",
        "suggest",
    )
    assert clock["lasted_seconds"] + clock["missing_seconds"] == HOUR.total_seconds()
    assert timedelta(minutes=9) < timedelta(seconds=clock["lasted_seconds"]) < timedelta(minutes=12)
    assert said["next"]["rule"] == "orphan"
    assert said["text"].endswith("if nothing changes, SOKOUL suggests this: take it out of the queue.")
    assert said["history"] == []

    await wait(pass_time)
    (entry,) = (await act(hass, Action.GET_JOURNAL))["entries"]
    await act(hass, Action.REJECT, entry_id=entry["id"])
    later = await act(hass, Action.EXPLAIN, download=item.title, language="fr")
    assert [each["status"] for each in later["history"]] == ["rejected"]
    assert later["history"][0]["actor"] == "SOKOUL lui-même" or later["history"][0]["actor"] == "une automatisation"
    assert later["clocks"][0]["kept_until"] is not None
    assert later["next"] is None
    assert later["text"].startswith("SOKOUL le laisse en paix")


async def test_a_shut_gate_is_explained(hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime) -> None:
    torrent = lost.qbittorrent.add_torrent("Stalled", "stalled")
    await lost.begin(set_up, pass_time)
    said = await act(hass, Action.EXPLAIN, download="Stalled")
    assert said["gate"]["why"]["key"] == "gate.settling"
    assert said["allowed"]["why"]["key"] == "claimed.nobody"
    assert (said["clocks"], said["next"]) == ([], None)
    assert said["text"] == "SOKOUL never touches it, whatever happens."
    lost.qbittorrent.add_torrent("Complete", "seeding")
    await pass_time(MINUTE)
    done = await act(hass, Action.EXPLAIN, download="Complete")
    assert (done["watched"], done["text"]) == (
        False,
        "SOKOUL doesn\u2019t watch it: it\u2019s complete, and nobody waits for it.",
    )
    assert torrent.hash == (await act(hass, Action.EXPLAIN, download=torrent.hash))["download"]["hash"]


# --- the journal -----------------------------------------------------------------------------------------------------


async def test_the_journal_comes_in_pages(hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime) -> None:
    lost.lose(5)
    await lost.begin(set_up, pass_time, Autonomy.OBSERVE)
    await wait(pass_time)
    first = await act(hass, Action.GET_JOURNAL, limit=3)
    assert first["more"] is True
    rest = await act(hass, Action.GET_JOURNAL, limit=3, before=first["entries"][-1]["id"])
    assert rest["more"] is False
    ids = [each["id"] for each in (*first["entries"], *rest["entries"])]
    assert ids == sorted(ids, reverse=True)
    assert len(ids) == 5
    assert {each["status"] for each in first["entries"]} == {EntryStatus.OBSERVED}
    french = await act(hass, Action.GET_JOURNAL, limit=1, language="fr")
    assert french["entries"][0]["text"] != first["entries"][0]["text"]
    assert french["entries"][0]["rule_name"] == "Entrées de file sans issue"


async def test_the_journal_is_filtered(hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime) -> None:
    lost.lose(2)
    pilot = await lost.begin(set_up, pass_time)
    await wait(pass_time)
    await act(hass, Action.APPROVE, entry_id=pilot.kernel.suggestions[0].id)

    async def found(**wanted: Any) -> list[str]:
        return [each["status"] for each in (await act(hass, Action.GET_JOURNAL, **wanted))["entries"]]

    assert await found(status=["done"]) == ["done"]
    assert sorted(await found(status=["done", "suggested"], rule="orphan")) == ["done", "suggested"]
    assert await found(rule="stalled") == []
    with pytest.raises(ServiceValidationError) as raised:
        await found(rule="never heard of")
    assert raised.value.translation_key == "no_such_rule"
    assert "stalled" in (raised.value.translation_placeholders or {})["names"]


@pytest.mark.parametrize(("action", "field"), [(Action.UNDO, "entry_id"), (Action.GET_JOURNAL, "before")])
async def test_no_entry_has_a_number_that_no_database_holds(
    action: Action, field: str, hass: HomeAssistant, set_up: SetUp
) -> None:
    await set_up()
    with pytest.raises(vol.Invalid):
        await act(hass, action, **{field: 2**63})
    if action is Action.UNDO:
        with pytest.raises(HomeAssistantError):
            await act(hass, action, **{field: 2**63 - 1})
    else:
        assert (await act(hass, action, **{field: 2**63 - 1}))["entries"] == []


async def test_a_store_that_fails_says_so(hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime) -> None:
    pilot = await lost.begin(set_up, pass_time)
    assert pilot.store is not None
    await pilot.store.close()
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, Action.GET_JOURNAL)
    assert raised.value.translation_key == "store_failed"


async def test_actions_work_without_an_answer(
    hass: HomeAssistant, lost: Lost, set_up: SetUp, pass_time: PassTime
) -> None:
    (item,) = lost.lose()
    await lost.begin(set_up, pass_time)
    await pass_time(5 * MINUTE, 4)
    await hass.services.async_call(DOMAIN, Action.HEAL, {"download": item.title}, blocking=True)
    assert lost.waiting == []
    assert hass.config_entries.async_get_entry(HUB_ID) is not None
