"""What people see of the watchlist and do with it: the list, its events, sensors and calendar, its actions."""

from collections.abc import AsyncIterator
from dataclasses import replace
import json
from typing import Any
from unittest.mock import patch

from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.components import persistent_notification
from homeassistant.components.conversation import async_converse
from homeassistant.components.repairs.const import DOMAIN as REPAIRS
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import Context, HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockUser
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.sokoul import todo
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.event import MOST_AN_HOUR
from custom_components.sokoul.releases.attributes import Resolution
from custom_components.sokoul.watchlist.items import ARR, WishState
from custom_components.sokoul.watchlist.settings import WatchSettings
from custom_components.sokoul.watchlist_report import PerWish
from devstack.seerr import SeerrSimulator

from .conftest import SEERR_ID, PassTime, SetUp, seerr_subentry, until
from .flows import Result, form, menu, step
from .test_options_flow import begin, default, send
from .wishes import COMING, DAY, DUNE, OF_RADARR, OFFERED, OLD_DUNE, READY, SERIES, TODAY, UNCLEAR, Wishes

LIST = "todo.sokoul_watchlist"
CALENDAR = "calendar.sokoul_watchlist"
EVENT = "event.sokoul_watchlist"


@pytest.fixture
async def wishes(hass: HomeAssistant, set_up: SetUp, pass_time: PassTime) -> AsyncIterator[Wishes]:
    await hass.config.async_set_time_zone("UTC")
    with patch("custom_components.sokoul.hub.Watching", Wishes):
        await set_up()
        yield Wishes.made


async def act(hass: HomeAssistant, action: str, context: Context | None = None, **data: Any) -> dict[str, Any]:
    answer = await hass.services.async_call(
        DOMAIN, f"watchlist_{action}", data, blocking=True, return_response=True, context=context or Context()
    )
    assert isinstance(answer, dict)
    json.dumps(answer)
    return answer


async def do(hass: HomeAssistant, action: str, context: Context | None = None, **data: Any) -> None:
    await hass.services.async_call("todo", action, {"entity_id": LIST, **data}, blocking=True, context=context)


async def items(hass: HomeAssistant) -> dict[str, dict[str, Any]]:
    """Return what the list shows, by what it is called there."""
    answer = await hass.services.async_call(
        "todo", "get_items", {"entity_id": LIST}, blocking=True, return_response=True
    )
    assert answer is not None
    told: Any = answer[LIST]
    return {each["summary"]: each for each in told["items"]}


def notices(hass: HomeAssistant) -> dict[str, Any]:
    """Return the notifications that stand, by their ids."""
    return {**persistent_notification._async_get_or_create_notifications(hass)}


def state(hass: HomeAssistant, entity_id: str) -> str:
    found = hass.states.get(entity_id)
    assert found is not None, sorted(hass.states.async_entity_ids())
    return found.state


# --- the list --------------------------------------------------------------------------------------------------------


async def test_the_list_shows_titles_dates_and_why(hass: HomeAssistant, wishes: Wishes) -> None:
    wishes.put(UNCLEAR, COMING, SERIES, READY)
    shown = await items(hass)
    assert list(shown) == ["dune", "Dune: Messiah (2026)", "The Bear (2022) S03", "Dune: Part Two (2024)"]
    assert state(hass, LIST) == "3"
    assert {name: each["status"] for name, each in shown.items() if each["status"] == "completed"} == {
        "Dune: Part Two (2024)": "completed"
    }
    assert shown["dune"]["description"].endswith("1. Dune (2021) · 2. Dune (1984)")
    assert shown["Dune: Messiah (2026)"]["due"] == (TODAY + 20 * DAY).isoformat()
    assert shown["The Bear (2022) S03"]["due"] == (TODAY + 6 * DAY).isoformat()
    assert "due" not in shown["dune"]
    assert shown["Dune: Part Two (2024)"]["completed"].startswith("2026-11-20")


async def test_a_long_list_is_worded_in_turns(
    hass: HomeAssistant, wishes: Wishes, hass_ws_client: WebSocketGenerator
) -> None:
    """Wording all of a thousand series at once would hold everything up."""
    turns: list[int] = []
    worded = todo.description

    def counted(*given: Any) -> str:
        turns[-1] += 1
        return worded(*given)

    def next_turn(of: PerWish[Any], *given: Any) -> Any:
        turns.append(0)
        return as_before(of, *given)

    as_before = PerWish.of
    with patch.object(todo, "description", counted), patch.object(PerWish, "of", next_turn):
        wishes.put(*(replace(SERIES, id=str(number), text=str(number), season=number) for number in range(250)))
        assert state(hass, LIST) == "250"
        await until(lambda: sum(turns) == 250)
    assert (sum(turns), max(turns)) == (250, todo.AT_ONCE)
    shown = await items(hass)
    assert len(shown) == 250
    assert all(each["description"].startswith("Being looked for.") for each in shown.values())
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": "sokoul/watchlist/subscribe"})
    assert (await client.receive_json())["success"]
    told = [len((await client.receive_json())["event"]["items"]) for _ in range(3)]
    assert told == [100, 100, 50]


async def test_the_list_speaks_the_language_of_home_assistant(
    hass: HomeAssistant, set_up: SetUp, pass_time: PassTime
) -> None:
    hass.config.language = "fr"
    with patch("custom_components.sokoul.hub.Watching", Wishes):
        await set_up()
        Wishes.made.put(READY)
    found = hass.states.get("todo.sokoul_a_regarder")
    assert found is not None
    assert found.name == "SOKOUL À regarder"
    answer = await hass.services.async_call(
        "todo", "get_items", {"entity_id": found.entity_id}, blocking=True, return_response=True
    )
    assert "Prêt à regarder." in json.dumps(answer, ensure_ascii=False)


async def test_a_title_is_added_by_text(hass: HomeAssistant, wishes: Wishes, hass_admin_user: MockUser) -> None:
    await do(hass, "add_item", Context(user_id=hass_admin_user.id), item="Dune 2")
    await do(hass, "add_item", item="https://www.imdb.com/title/tt1160419/")
    assert [each["text"] for each in wishes.asked] == ["Dune 2", "https://www.imdb.com/title/tt1160419/"]
    assert wishes.asked[0]["asked_by"] == hass_admin_user.id
    assert list(await items(hass)) == ["Dune 2", "https://www.imdb.com/title/tt1160419/"]


async def test_a_title_is_added_by_voice(hass: HomeAssistant, wishes: Wishes) -> None:
    assert await async_setup_component(hass, "conversation", {})
    assert await async_setup_component(hass, "intent", {})
    from homeassistant.components.homeassistant.exposed_entities import async_expose_entity

    async_expose_entity(hass, "conversation", LIST, True)
    said = await async_converse(hass, "add the bear s3 to my SOKOUL watchlist", None, Context(), language="en")
    assert said.response.error_code is None, said.response.speech
    assert [each["text"] for each in wishes.asked] == ["The bear s3"]


@pytest.mark.parametrize("number", ["1", "2"])
async def test_a_number_answers_which_title_is_meant(number: str, hass: HomeAssistant, wishes: Wishes) -> None:
    wishes.put(UNCLEAR)
    await do(hass, "update_item", item="unclear", rename=number)
    assert list(await items(hass)) == [{"1": "Dune (2021)", "2": "Dune (1984)"}[number]]


@pytest.mark.parametrize("text", ["300", "0", "Dune (1984)"])
async def test_another_text_is_another_title(text: str, hass: HomeAssistant, wishes: Wishes) -> None:
    wishes.put(UNCLEAR)
    await do(hass, "update_item", item="dune", rename=text)
    assert list(await items(hass)) == [text]
    assert wishes.wishes["unclear"].state is WishState.ASKED


async def test_an_entry_is_done_by_hand_and_wanted_again(hass: HomeAssistant, wishes: Wishes) -> None:
    wishes.put(COMING)
    await do(hass, "update_item", item="coming", status="completed")
    (shown,) = (await items(hass)).values()
    assert (shown["status"], state(hass, LIST)) == ("completed", "0")
    assert shown["description"] == "Marked as done: nothing more is downloaded for it."
    await do(hass, "update_item", item="coming", status="needs_action")
    assert state(hass, LIST) == "1"


async def test_what_can_be_watched_is_not_wanted_again(hass: HomeAssistant, wishes: Wishes) -> None:
    wishes.put(READY)
    with pytest.raises(ServiceValidationError) as refused:
        await do(hass, "update_item", item="ready", status="needs_action")
    assert refused.value.translation_key == "wish_is_ready"


async def test_an_entry_is_removed(hass: HomeAssistant, wishes: Wishes) -> None:
    wishes.put(COMING, READY, OF_RADARR)
    await do(hass, "remove_item", item=["coming"])
    await do(hass, "remove_completed_items")
    assert list(await items(hass)) == ["Sicario (2015)"]
    with pytest.raises(ServiceValidationError) as refused:
        await do(hass, "remove_item", item=["Sicario (2015)"])
    assert (refused.value.translation_key, refused.value.translation_placeholders) == (
        "kept_by_arr",
        {"title": "Sicario (2015)", "backend": "Radarr"},
    )
    assert "Stop monitoring it there" in str(refused.value)
    assert not notices(hass), "the error says it"


async def test_what_radarr_looks_for_stays_and_keeps_nothing_else(hass: HomeAssistant, wishes: Wishes) -> None:
    there = replace(READY, id="there", text="sicario", asked_by=ARR, meant=replace(DUNE, name="Sicario *", year=2015))
    wishes.put(COMING, READY, there)
    await do(hass, "remove_completed_items")
    assert list(await items(hass)) == ["Dune: Messiah (2026)", "Sicario * (2015)"]
    (notice,) = notices(hass).values()
    assert notice["message"].startswith("Sicario \u2217 (2015) stays on the watchlist")
    with pytest.raises(ServiceValidationError) as refused:
        await do(hass, "remove_completed_items")
    assert refused.value.translation_key == "kept_by_arr"


async def test_the_dialog_of_home_assistant_renames(hass: HomeAssistant, wishes: Wishes) -> None:
    """It sends the date and the description along, as it showed them; those may be older by then."""
    wishes.put(COMING)
    (shown,) = (await items(hass)).values()
    sent = {"due_date": shown["due"], "description": "what it said a minute ago", "status": "needs_action"}
    await do(hass, "update_item", item="coming", rename="Dune 3", **sent)
    assert list(await items(hass)) == ["Dune 3"]


@pytest.mark.parametrize("typed", [{"description": "please"}, {"due_date": "2026-12-24"}])
async def test_dates_and_descriptions_are_not_set(typed: dict[str, str], hass: HomeAssistant, wishes: Wishes) -> None:
    wishes.put(COMING)
    for action, data in (("update_item", {"item": "coming"}), ("add_item", {"item": "Silo"})):
        with pytest.raises(ServiceValidationError) as refused:
            await do(hass, action, **data, **typed)
        assert refused.value.translation_key == "watchlist_only_titles"
    assert wishes.asked == []


async def test_what_can_not_be_added_says_why(hass: HomeAssistant, wishes: Wishes) -> None:
    wishes.full = True
    with pytest.raises(ServiceValidationError) as refused:
        await do(hass, "add_item", item="Silo")
    assert refused.value.translation_key == "too_many_wishes"


async def test_there_is_no_list_without_a_database(hass: HomeAssistant, wishes: Wishes) -> None:
    wishes.put(COMING)
    wishes.ready_to_use = False
    wishes.tell()
    for entity_id in (LIST, CALENDAR, EVENT, "sensor.sokoul_waiting_for", "sensor.sokoul_next_title"):
        assert state(hass, entity_id) == STATE_UNAVAILABLE
    with pytest.raises(HomeAssistantError) as refused:
        await act(hass, "add", query="Silo")
    assert refused.value.translation_key == "no_watchlist"
    wishes.ready_to_use = True
    wishes.tell()
    assert state(hass, LIST) == "1"


# --- sensors, calendar, events ---------------------------------------------------------------------------------------


async def test_sensors_count_and_name_what_comes_next(hass: HomeAssistant, wishes: Wishes, pass_time: PassTime) -> None:
    assert state(hass, "sensor.sokoul_next_release") == STATE_UNKNOWN
    wishes.put(COMING, SERIES, READY)
    assert state(hass, "sensor.sokoul_next_release") == (TODAY + 6 * DAY).isoformat()
    assert state(hass, "sensor.sokoul_next_title") == "The Bear (2022) S03E03"
    assert state(hass, "sensor.sokoul_waiting_for") == "2"
    assert state(hass, "sensor.sokoul_acquired_this_week") == "2"
    await pass_time(7 * DAY)
    await pass_time(DAY / 24)
    assert state(hass, "sensor.sokoul_next_title") == "Dune: Messiah (2026)"
    assert state(hass, "sensor.sokoul_acquired_this_week") == "0"


async def test_the_calendar_has_releases_and_episodes(hass: HomeAssistant, wishes: Wishes) -> None:
    wishes.put(COMING, SERIES)
    found = hass.states.get(CALENDAR)
    assert found is not None
    assert (found.state, found.attributes["message"]) == ("off", "The Bear (2022) S03E03")
    answer = await hass.services.async_call(
        "calendar",
        "get_events",
        {"entity_id": CALENDAR, "start_date_time": "2026-11-20 00:00:00", "end_date_time": "2026-12-31 00:00:00"},
        blocking=True,
        return_response=True,
    )
    assert answer is not None
    told: Any = answer[CALENDAR]
    assert [(each["summary"], each["start"], each.get("description")) for each in told["events"]] == [
        ("Dune: Messiah (2026)", "2026-12-11", "Comes out digitally."),
        ("The Bear (2022) S03E02", "2026-11-20", None),
        ("The Bear (2022) S03E03", "2026-11-27", "Doors"),
    ]


async def test_events_tell_what_happens(hass: HomeAssistant, wishes: Wishes) -> None:
    wishes.put(UNCLEAR)
    wishes.happen("ready", wish_id="x", title="The Bear (2022)", part="S03E02", season=3, episode=2)
    found = hass.states.get(EVENT)
    assert found is not None
    assert found.attributes["event_type"] == "ready"
    assert found.attributes["text"] == "The Bear (2022) S03E02 can be watched."
    assert (found.attributes["season"], found.attributes["episode"]) == (3, 2)
    wishes.happen("asked_back", wish_id="unclear", title="dune", choices=["Dune (2021)"])
    found = hass.states.get(EVENT)
    assert found is not None
    assert found.attributes["text"] == "Which one is meant by “dune”: Dune (2021) or Dune (1984)?"
    assert "choices" not in found.attributes


async def test_very_many_events_are_not_all_told(hass: HomeAssistant, wishes: Wishes) -> None:
    told = set()
    for number in range(MOST_AN_HOUR + 5):
        wishes.happen("ready", wish_id="x", title=str(number), part="")
        found = hass.states.get(EVENT)
        assert found is not None
        told.add(found.attributes["title"])
    assert len(told) == MOST_AN_HOUR


# --- actions ---------------------------------------------------------------------------------------------------------


async def test_add_takes_all_that_can_be_said(hass: HomeAssistant, wishes: Wishes) -> None:
    said = await act(
        hass, "add", query="the bear", kind="series", year=2022, season=3, episode=2, minimum="p2160", auto=True, wait=0
    )
    (asked,) = wishes.asked
    assert asked["text"] == "the bear"
    assert (asked["kind"], asked["year"], asked["season"], asked["episode"]) == ("series", 2022, 3, 2)
    assert (asked["minimum"], asked["auto"], asked["policy"]) == (Resolution.P2160, True, None)
    assert (said["id"], said["state"], said["asked_by"]) == ("new1", "asked", None)
    assert said["text"] == "Finding out which title this is. In 1080p or better."
    assert (said["minimum"], said["least"], said["askers"]) == (None, "1080p", [])  # the list itself keeps what is said
    await act(hass, "add", query="silo")
    assert (wishes.asked[1]["minimum"], wishes.asked[1]["auto"]) == (None, None), "what its policy says counts"


async def test_list_is_filtered_and_bounded(hass: HomeAssistant, wishes: Wishes, hass_admin_user: MockUser) -> None:
    wishes.put(replace(UNCLEAR, asked_by=hass_admin_user.id), COMING, SERIES, READY, OF_RADARR)
    told = await act(hass, "list", limit=2)
    assert (told["available"], told["total"], len(told["items"])) == (True, 5, 2)
    assert told["items"][0]["asked_by"] == hass_admin_user.name
    waiting = await act(hass, "list", state=["waiting", "unclear"], language="fr")
    assert [each["id"] for each in waiting["items"]] == ["unclear", "coming", "arr"]
    assert waiting["items"][1]["text"].startswith("Pas encore sorti.")
    assert waiting["items"][2]["asked_by"] == "arr"


async def test_choose_by_number_or_id(hass: HomeAssistant, wishes: Wishes) -> None:
    wishes.put(UNCLEAR, replace(UNCLEAR, id="other", text="dune again"))
    assert (await act(hass, "choose", item="dune", choice=2))["title"] == "Dune (1984)"
    assert (await act(hass, "choose", item="dune again", ids=["tmdb:438631"]))["title"] == "Dune (2021)"


async def test_a_choice_that_is_none_is_refused(hass: HomeAssistant, wishes: Wishes) -> None:
    wishes.put(UNCLEAR)
    for data, key in (({"choice": 3}, "no_such_choice"), ({}, "nothing_chosen")):
        with pytest.raises(ServiceValidationError) as refused:
            await act(hass, "choose", item="dune", **data)
        assert refused.value.translation_key == key


async def test_change_leaves_what_is_not_named(hass: HomeAssistant, wishes: Wishes) -> None:
    wishes.put(replace(COMING, auto=True))
    said = await act(hass, "change", item="coming", minimum="p720")
    assert (said["minimum"], said["auto"], said["state"]) == ("720p", True, "waiting")
    assert (await act(hass, "change", item="coming", auto="usual", minimum="any"))["auto"] is None
    assert wishes.wishes["coming"].minimum == 0
    assert (await act(hass, "change", item="coming"))["minimum"] == "any"
    assert (await act(hass, "change", item="coming", minimum="policy"))["minimum"] is None
    assert (await act(hass, "change", item="coming", rename="Dune 3"))["title"] == "Dune 3"


async def test_remove_and_fetch(hass: HomeAssistant, wishes: Wishes, hass_admin_user: MockUser) -> None:
    wishes.put(COMING, OFFERED)
    await hass.services.async_call(DOMAIN, "watchlist_remove", {"item": "Dune: Messiah (2026)"}, blocking=True)
    assert list(wishes.wishes) == ["offered"]
    said = await act(hass, "fetch", Context(user_id=hass_admin_user.id), item="Dune (2021)")
    assert (said["state"], wishes.fetched) == ("grabbed", [("offered", hass_admin_user.id)])


@pytest.mark.parametrize("action", ["choose", "change", "fetch"])
async def test_nothing_is_done_to_what_is_not_there(action: str, hass: HomeAssistant, wishes: Wishes) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, action, item="[Silo](x)")
    assert refused.value.translation_key == "no_such_wish"


@pytest.mark.parametrize("action", ["choose", "change", "fetch", "remove"])
async def test_nothing_is_done_to_what_may_be_another(action: str, hass: HomeAssistant, wishes: Wishes) -> None:
    wishes.put(OFFERED)
    wishes.put(replace(OFFERED, id="another", meant=OLD_DUNE, text=OFFERED.text))
    with pytest.raises(ServiceValidationError) as refused:
        await hass.services.async_call(DOMAIN, f"watchlist_{action}", {"item": OFFERED.text}, blocking=True)
    assert refused.value.translation_key == "several_such_wishes"
    assert refused.value.translation_placeholders == {"item": "dune 2021", "titles": "Dune (2021), Dune (1984)"}
    assert len(wishes.wishes) == 2


async def test_who_may_what(
    hass: HomeAssistant, wishes: Wishes, hass_admin_user: MockUser, hass_read_only_user: MockUser
) -> None:
    """Users may put something on the list, those who may control it; having it downloaded is for administrators."""
    wishes.put(UNCLEAR, OFFERED)
    user = MockUser(groups=[]).add_to_hass(hass)
    user.mock_policy({"entities": {"entity_ids": {LIST: {"read": True, POLICY_CONTROL: True}}}})
    person, reader = Context(user_id=user.id), Context(user_id=hass_read_only_user.id)
    assert (await act(hass, "add", person, query="Silo"))["asked_by"] == user.name
    assert (await act(hass, "choose", person, item="dune", choice=1))["title"] == "Dune (2021)"
    assert (await act(hass, "list", reader))["total"] == 3
    refused = (
        ("add", person, {"query": "Severance", "auto": True}),
        ("fetch", person, {"item": "offered"}),
        ("change", person, {"item": "offered", "auto": True}),
        ("add", reader, {"query": "Severance"}),
        ("choose", reader, {"item": "dune", "choice": 1}),
        ("change", reader, {"item": "offered", "minimum": "p720"}),
    )
    for action, context, data in refused:
        with pytest.raises(Unauthorized):
            await act(hass, action, context, **data)
    with pytest.raises(Unauthorized):
        await hass.services.async_call(DOMAIN, "watchlist_remove", {"item": "offered"}, blocking=True, context=reader)
    assert (len(wishes.asked), wishes.fetched, len(wishes.wishes)) == (1, [], 3)


# --- asked once, and settings ----------------------------------------------------------------------------------------


async def fix(hass: HomeAssistant) -> Result:
    assert await async_setup_component(hass, REPAIRS, {})
    return await hass.data[REPAIRS]["flow_manager"].async_init(DOMAIN, context={"issue_id": "watchlist_auto"})


async def go_on(hass: HomeAssistant, result: Result, **typed: Any) -> Result:
    return await hass.data[REPAIRS]["flow_manager"].async_configure(result["flow_id"], typed)


def issue(hass: HomeAssistant) -> ir.IssueEntry | None:
    return ir.async_get(hass).async_get_issue(DOMAIN, "watchlist_auto")


@pytest.mark.parametrize("answer", ["yes", "no"])
async def test_a_person_is_asked_once(answer: str, hass: HomeAssistant, wishes: Wishes) -> None:
    assert issue(hass) is None
    wishes.put(OFFERED)
    assert issue(hass) is not None
    result = await fix(hass)
    assert step(result) == menu("init")
    result = await go_on(hass, result, next_step_id="show")
    assert step(result) == form("show")
    assert "Dune&#46;2021&#46;1080p" in result["description_placeholders"]["found"]
    result = await go_on(hass, result)
    assert step(result) == menu("init")
    result = await go_on(hass, result, next_step_id=answer)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert wishes.settings == WatchSettings(auto=answer == "yes")
    assert issue(hass) is None


async def test_a_person_is_asked_before_anything_is_found(hass: HomeAssistant, wishes: Wishes) -> None:
    wishes.put(replace(COMING, auto=None, resolved_at=None))
    assert issue(hass) is None, "its title is still looked up"
    wishes.put(replace(COMING, auto=None, resolved_at=COMING.asked_at))
    asked = issue(hass)
    assert asked is not None
    result = await go_on(hass, await fix(hass), next_step_id="show")
    assert "None" not in result["description_placeholders"]["found"]
    assert result["description_placeholders"]["found"].endswith("**")
    wishes.put(replace(COMING, resolved_at=COMING.asked_at, asked_by=ARR))
    assert issue(hass) is None, "its *arr looks for it"


async def test_nobody_is_asked_for_what_was_answered(hass: HomeAssistant, wishes: Wishes) -> None:
    wishes.put(replace(OFFERED, auto=False))
    assert issue(hass) is None
    wishes.put(OFFERED)
    assert issue(hass) is not None
    await act(hass, "fetch", item="offered")  # answered for this one
    assert issue(hass) is None


async def test_a_question_that_was_answered_elsewhere_is_over(hass: HomeAssistant, wishes: Wishes) -> None:
    wishes.put(OFFERED)
    assert issue(hass) is not None
    wishes._wishes.clear()  # nobody was told yet
    assert (await fix(hass))["type"] is FlowResultType.CREATE_ENTRY


async def test_a_question_is_taken_back_when_sokoul_leaves(hass: HomeAssistant, wishes: Wishes) -> None:
    wishes.put(OFFERED)
    entry = hass.config_entries.async_entries(DOMAIN)[0]
    result = await fix(hass)
    await hass.config_entries.async_unload(entry.entry_id)
    assert issue(hass) is None
    assert (await go_on(hass, result, next_step_id="yes"))["reason"] == "not_loaded"


async def test_settings_count_at_once(hass: HomeAssistant, wishes: Wishes) -> None:
    entry = hass.config_entries.async_entries(DOMAIN)[0]
    result = await begin(hass, entry, "watchlist")
    assert step(result) == form("watchlist")
    assert [default(result, each) for each in ("auto", "from_arrs")] == ["ask", False]
    result = await send(hass, result, auto="no", from_arrs=True)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert wishes.settings == WatchSettings(auto=False, from_arrs=True)
    result = await begin(hass, entry, "watchlist")
    assert [default(result, each) for each in ("auto", "from_arrs")] == ["no", True]


async def test_requests_are_a_setting_where_there_is_a_seerr(
    hass: HomeAssistant, set_up: SetUp, seerr: SeerrSimulator
) -> None:
    with patch("custom_components.sokoul.hub.Watching", Wishes):
        entry = await set_up(seerr_subentry(seerr))
        result = await begin(hass, entry, "watchlist")
        assert default(result, "from_seerr") is False
        await send(hass, result, auto="ask", from_arrs=False, from_seerr=True)
        assert Wishes.made.settings == WatchSettings(from_seerr=True)
        hass.config_entries.async_remove_subentry(entry, SEERR_ID)
        await hass.async_block_till_done(wait_background_tasks=True)
        result = await begin(hass, entry, "watchlist")
        assert [each.schema for each in result["data_schema"].schema] == ["auto", "from_arrs"]
        await send(hass, result, auto="yes", from_arrs=False)
        assert Wishes.made.settings == WatchSettings(auto=True, from_seerr=True), (
            "as it was, for when one is there again"
        )


# --- the dashboard ---------------------------------------------------------------------------------------------------


async def test_a_dashboard_sees_what_changes(
    hass: HomeAssistant, wishes: Wishes, hass_ws_client: WebSocketGenerator
) -> None:
    wishes.put(UNCLEAR, OFFERED)
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": "sokoul/watchlist/subscribe", "language": "fr"})
    assert (await client.receive_json())["success"]
    told = (await client.receive_json())["event"]
    assert (told["available"], told["removed"], [each["id"] for each in told["items"]]) == (
        True,
        [],
        ["unclear", "offered"],
    )
    assert told["items"][1]["poster"] == "https://image.example/d.jpg"
    assert told["items"][1]["text"].startswith("Trouvé.")
    wishes.tell()  # nothing is new
    wishes.put(COMING)
    told = (await client.receive_json())["event"]
    assert ([each["id"] for each in told["items"]], told["removed"]) == (["coming"], [])
    await wishes.remove(["unclear"])
    told = (await client.receive_json())["event"]
    assert (told["items"], told["removed"]) == ([], ["unclear"])
    wishes.ready_to_use = False
    wishes.tell()
    assert not (await client.receive_json())["event"]["available"]


async def test_a_dashboard_without_sokoul_is_told(hass: HomeAssistant, hass_ws_client: WebSocketGenerator) -> None:
    assert await async_setup_component(hass, DOMAIN, {})
    client = await hass_ws_client(hass)
    await client.send_json_auto_id({"type": "sokoul/watchlist/subscribe"})
    assert (await client.receive_json())["error"]["code"] == "not_found"
