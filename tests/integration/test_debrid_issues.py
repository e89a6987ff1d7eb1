"""What the owner of a Real-Debrid account is told to see to, and that it goes away by itself."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest

from custom_components.sokoul.clients import real_debrid as api
from custom_components.sokoul.connectors.real_debrid import ACCOUNT_INTERVAL, TRAFFIC_INTERVAL
from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.debrid_issues import Trouble, issue_id, troubles
from custom_components.sokoul.model.debrid import DebridAccount, DebridBudgetState, DebridSnapshot, DebridTraffic
from devstack.clock import ManualClock
from devstack.frame import FaultKind
from devstack.real_debrid import RealDebridSimulator

from .conftest import PassTime, SetUp
from .flow_texts import LANGUAGES, TRANSLATIONS, placeholders
from .flows import asked_for
from .test_debrid_mirror import ID, OTHER, OTHER_TOKEN, account

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NOW = datetime(2026, 11, 21, 12, tzinfo=dt_util.UTC)


@pytest.fixture
async def debrid(
    hass: HomeAssistant, clock: ManualClock, monkeypatch: pytest.MonkeyPatch, freezer: Any
) -> AsyncIterator[RealDebridSimulator]:
    freezer.move_to(clock.now())
    async with RealDebridSimulator(clock=clock) as simulator:
        monkeypatch.setattr(api, "BASE_URL", simulator.url)
        yield simulator


def told(hass: HomeAssistant, account_id: str = ID) -> set[Trouble]:
    """Return what the owner of an account is told, and check that it has its texts."""
    found = {trouble for trouble in Trouble if _issue(hass, trouble, account_id) is not None}
    for trouble in found:
        issue = _issue(hass, trouble, account_id)
        assert issue is not None
        assert issue.translation_placeholders is not None
        for language in LANGUAGES:
            texts = TRANSLATIONS[language]["issues"][trouble]
            assert placeholders(f"{texts['title']} {texts['description']}") == issue.translation_placeholders.keys()
    return found


def _issue(hass: HomeAssistant, trouble: Trouble, account_id: str) -> ir.IssueEntry | None:
    found = ir.async_get(hass).async_get_issue(DOMAIN, issue_id(trouble, account_id))
    return found if found is not None and found.active else None


def ends_in(debrid: RealDebridSimulator, left: timedelta) -> None:
    debrid.account.premium_until = debrid.clock.now() + left


async def test_the_end_of_the_premium_time_is_told_in_time(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pass_time: PassTime
) -> None:
    """First a week before, once more a day before, and when it is over; renewed, it is gone."""
    ends_in(debrid, 8 * DAY)
    await set_up(account())
    assert told(hass) == set()
    await pass_time(DAY + HOUR)
    assert told(hass) == {Trouble.ENDS_SOON}
    await pass_time(6 * DAY)
    assert told(hass) == {Trouble.ENDS_TOMORROW}
    await pass_time(DAY)
    assert told(hass) == {Trouble.ENDED}
    ends_in(debrid, 180 * DAY)
    await pass_time(ACCOUNT_INTERVAL)
    assert told(hass) == set()


@pytest.mark.parametrize(("language", "when"), [("en", "at"), ("fr", "à")])
async def test_it_says_when(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, language: str, when: str
) -> None:
    hass.config.language = language
    ends_in(debrid, 3 * DAY)
    await set_up(account())
    issue = _issue(hass, Trouble.ENDS_SOON, ID)
    assert issue is not None
    assert issue.translation_placeholders is not None
    assert issue.translation_placeholders["account"] == "Account 1001"
    day = dt_util.as_local(debrid.clock.now() + 3 * DAY).day
    assert str(day) in issue.translation_placeholders["when"]
    assert f" {when} " in issue.translation_placeholders["when"]


async def test_what_was_ignored_stays_ignored_until_the_last_day(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pass_time: PassTime
) -> None:
    ends_in(debrid, 3 * DAY)
    await set_up(account())
    ir.async_ignore_issue(hass, DOMAIN, issue_id(Trouble.ENDS_SOON, ID), ignore=True)
    await pass_time(ACCOUNT_INTERVAL, 3)
    issue = _issue(hass, Trouble.ENDS_SOON, ID)
    assert issue is not None
    assert issue.dismissed_version is not None
    await pass_time(2 * DAY + HOUR)
    last = _issue(hass, Trouble.ENDS_TOMORROW, ID)
    assert last is not None
    assert last.dismissed_version is None


async def test_an_account_that_is_away_still_comes_to_its_end(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pass_time: PassTime
) -> None:
    ends_in(debrid, 2 * HOUR)
    await set_up(account())
    assert told(hass) == {Trouble.ENDS_TOMORROW}
    await debrid.refuse()
    await pass_time(3 * HOUR)
    assert told(hass) == {Trouble.ENDED}


async def test_a_free_account(hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator) -> None:
    debrid.account.premium_until = None
    await set_up(account())
    assert told(hass) == {Trouble.ENDED}


def limited(left: int) -> dict[str, Any]:
    return {"left": left, "bytes": 0, "links": 0, "limit": 100, "type": "links", "extra": 0, "reset": "daily"}


async def test_traffic_that_is_used_up_comes_and_goes(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pass_time: PassTime
) -> None:
    debrid.account.traffic = {"one.example": limited(1), "two.example": limited(0)}
    await set_up(account())
    assert told(hass) == {Trouble.TRAFFIC}
    issue = _issue(hass, Trouble.TRAFFIC, ID)
    assert issue is not None
    assert (issue.translation_placeholders or {})["hosts"] == "two.example"
    debrid.account.traffic["one.example"] = limited(0)
    await pass_time(TRAFFIC_INTERVAL)
    issue = _issue(hass, Trouble.TRAFFIC, ID)
    assert issue is not None
    assert (issue.translation_placeholders or {})["hosts"] == "one.example and two.example"
    debrid.account.traffic = {"one.example": limited(100), "two.example": limited(100)}
    await pass_time(TRAFFIC_INTERVAL)
    assert told(hass) == set()


async def test_each_account_has_its_own(hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator) -> None:
    debrid.add_account("other", OTHER_TOKEN)
    ends_in(debrid, DAY)
    entry = await set_up(account(), account(OTHER, OTHER_TOKEN, "1002"))
    assert (told(hass), told(hass, OTHER)) == ({Trouble.ENDS_TOMORROW}, set())
    hass.config_entries.async_remove_subentry(entry, ID)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert told(hass) == set(), "a removed account has no trouble"


async def test_nothing_is_left_when_sokoul_is(hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator) -> None:
    ends_in(debrid, DAY)
    entry = await set_up(account())
    assert told(hass) == {Trouble.ENDS_TOMORROW}
    assert await hass.config_entries.async_remove(entry.entry_id)
    await hass.async_block_till_done(wait_background_tasks=True)
    assert told(hass) == set()


async def test_a_refused_token_is_asked_for_and_nothing_else_is_told(
    hass: HomeAssistant, set_up: SetUp, debrid: RealDebridSimulator, pass_time: PassTime
) -> None:
    """Home Assistant's own issue leads to the form; an account that can't be asked is not said to have ended."""
    await set_up(account())
    debrid.fault(FaultKind.STATUS, "GET /rest/1.0/user", status=401, body='{"error":"bad_token","error_code":8}')
    await pass_time(ACCOUNT_INTERVAL, 3)
    assert asked_for(hass) == ["Account 1001"]
    assert told(hass) == set()
    assert [each.issue_id for each in ir.async_get(hass).issues.values() if each.active and each.domain == DOMAIN] == []
    debrid.clear_faults()
    await pass_time(timedelta(minutes=2))
    assert asked_for(hass) == [], "it is let in again by itself"


# --- what counts -----------------------------------------------------------------------------------------------------


def read(*, left: timedelta | None, premium: bool = True, traffic: tuple[DebridTraffic, ...] = ()) -> DebridSnapshot:
    until = NOW + left if left is not None else None
    return DebridSnapshot(
        account=DebridAccount(id=1, username="home", premium=premium, premium_until=until),
        traffic=traffic,
        budget=DebridBudgetState(per_minute=100, used=0),
    )


@pytest.mark.parametrize(
    ("left", "expected"),
    [
        (7 * DAY + timedelta(seconds=1), set()),
        (7 * DAY, {Trouble.ENDS_SOON}),
        (DAY + timedelta(seconds=1), {Trouble.ENDS_SOON}),
        (DAY, {Trouble.ENDS_TOMORROW}),
        (timedelta(seconds=1), {Trouble.ENDS_TOMORROW}),
        (timedelta(0), {Trouble.ENDED}),
        (None, set()),
    ],
)
def test_how_long_before_the_end(left: timedelta | None, expected: set[Trouble]) -> None:
    assert troubles(read(left=left), NOW).keys() == expected


def test_a_hoster_without_a_limit_is_never_used_up() -> None:
    traffic = (DebridTraffic(host="one.example", left=0, limit=0), DebridTraffic(host="two.example", left=-1, limit=5))
    assert troubles(read(left=30 * DAY, traffic=traffic), NOW) == {Trouble.TRAFFIC: (None, ("two.example",))}
