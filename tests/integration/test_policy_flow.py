"""Saying what one wants of releases, and that it counts."""

from datetime import timedelta
from typing import Any

from homeassistant.config_entries import ConfigSubentry, ConfigSubentryDataWithId
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.policy_flow import FRENCH_DUBS, LANGUAGES
from custom_components.sokoul.releases.attributes import Audio, Codec, Dub, Flag, Resolution, Source
from custom_components.sokoul.releases.policy import FetchBy, Policy, SizeWish, Want
from custom_components.sokoul.search_policies import CONF_POLICY, POLICY, find_policy, policies_of
from custom_components.sokoul.services import Action
from devstack.dune import add_dune, dune_releases
from devstack.prowlarr import ProwlarrSimulator
from devstack.radarr import RadarrSimulator

from .conftest import PROWLARR_ID, RADARR_ID, SetUp, servarr_subentry
from .flows import Result, add_backend, by_title, form, step, submit_backend, suggested

FIRST: dict[str, Any] = {
    "name": "4K",
    "usual": True,
    "minimum_resolution": "p2160",
    "best_resolution": "p2160",
    "good_enough": "p1080",
    "languages": ["fr", "original"],
    "languages_wanted": "require",
    "french_dubs": ["vff", "vf"],
    "subtitles": ["fr"],
    "hdr": "prefer",
    "size": "large",
}
DETAILS: dict[str, Any] = {
    "good_score": 80,
    "most_gigabytes_per_hour": 40,
    "codecs": ["h265"],
    "refused_codecs": ["av1"],
    "audio": ["ddp", "atmos"],
    "sources": ["web-dl", "bluray"],
    "refused_sources": ["hdtv"],
    "refused_flags": ["hardsub", "3d"],
    "preferred_groups": ["GOOD"],
    "refused_groups": ["BAD", "WORSE"],
    "minimum_seeders": 5,
    "usenet_days": 3000,
    "fetch_by": ["cached", "client"],
    "only_cached": False,
    "cinema_recordings": True,
}
SAID = Policy(
    minimum_resolution=Resolution.P2160,
    good_enough=Resolution.P1080,
    good_score=80,
    languages=("fr", "original"),
    languages_wanted=Want.REQUIRE,
    french_dubs=(Dub.VFF, Dub.VF),
    subtitles=("fr",),
    hdr=Want.PREFER,
    size=SizeWish.LARGE,
    most_bytes_per_hour=40_000_000_000,
    codecs=(Codec.H265,),
    refused_codecs=frozenset({Codec.AV1}),
    audio=(Audio.DDP, Audio.ATMOS),
    sources=(Source.WEB_DL, Source.BLURAY),
    refused_sources=frozenset({Source.HDTV}),
    refused_flags=frozenset({Flag.HARDSUB, Flag.THREE_D}),
    preferred_groups=frozenset({"GOOD"}),
    refused_groups=frozenset({"BAD", "WORSE"}),
    minimum_seeders=5,
    oldest=timedelta(days=3000),
    cinema_recordings=True,
    fetch_by=(FetchBy.CACHED, FetchBy.CLIENT),
)


async def add_policy(hass: HomeAssistant, entry: MockConfigEntry, first: Any, details: Any = None) -> Result:
    """Go through both forms; what isn't given is sent as it is suggested."""
    result = await add_backend(hass, entry, POLICY)
    assert step(result) == form("user")
    result = await submit_backend(hass, result, **(suggested(result) | first))
    if result["type"] is FlowResultType.FORM and result["step_id"] == "details":
        result = await submit_backend(hass, result, **(suggested(result) | (details or {})))
    return result


async def reconfigure(hass: HomeAssistant, entry: MockConfigEntry, subentry: ConfigSubentry) -> Result:
    return await entry.start_subentry_reconfigure_flow(hass, subentry.subentry_id)


async def test_all_that_can_be_said_is_kept(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    result = await add_policy(hass, entry, FIRST, DETAILS)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    (named,) = policies_of(entry).values()
    assert (named.title, named.usual) == ("4K", True)
    assert named.policy == SAID
    assert find_policy(entry, None) == find_policy(entry, named.key) == SAID
    assert set(entry.runtime_data.backends) == set(), "it is no backend"


async def test_who_says_nothing_has_what_is_usual(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    assert find_policy(entry, None) == Policy()
    await add_policy(hass, entry, {"name": "Mine"})
    (named,) = policies_of(entry).values()
    assert named.policy == Policy()
    assert named.usual, "the first one is offered as the usual one"
    assert by_title(entry)["Mine"].data[CONF_POLICY] == {}, "only what differs is stored"


async def test_a_policy_is_shown_as_it_is_and_changed(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    await add_policy(hass, entry, FIRST, DETAILS)
    subentry = by_title(entry)["4K"]
    result = await reconfigure(hass, entry, subentry)
    assert step(result) == form("reconfigure")
    assert suggested(result) == FIRST
    result = await submit_backend(hass, result, **(FIRST | {"name": "UHD", "minimum_resolution": "any"}))
    assert suggested(result) == DETAILS | {"refused_flags": ["3d", "hardsub"]}
    kept = {name: value for name, value in DETAILS.items() if name not in {"usenet_days", "refused_groups"}}
    result = await submit_backend(hass, result, **kept)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    (named,) = policies_of(entry).values()
    assert named.title == "UHD"
    assert named.policy.minimum_resolution is None
    assert named.policy.oldest is None, "what is emptied is gone"
    assert named.policy.refused_groups == frozenset()
    assert named.policy.codecs == SAID.codecs


async def test_what_nobody_changes_stays(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up(
        ConfigSubentryDataWithId(
            subentry_id="01POLICY",
            subentry_type=POLICY,
            title="Old",
            unique_id=None,
            data={CONF_POLICY: {"audio": ["dts"], "sources": ["dvd"]}, "usual": False},
        )
    )
    result = await reconfigure(hass, entry, entry.subentries["01POLICY"])
    result = await submit_backend(hass, result, **suggested(result))
    await submit_backend(hass, result, **suggested(result))
    assert entry.subentries["01POLICY"].data[CONF_POLICY] == {"audio": ["dts"], "sources": ["dvd"]}


async def test_there_is_one_usual_policy(hass: HomeAssistant, set_up: SetUp) -> None:
    entry = await set_up()
    await add_policy(hass, entry, {"name": "One"})
    result = await add_backend(hass, entry, POLICY)
    assert suggested(result)["usual"] is False
    hass.config_entries.subentries.async_abort(result["flow_id"])
    await add_policy(hass, entry, {"name": "Two", "usual": True, "minimum_resolution": "p720"})
    assert {each.title: each.usual for each in policies_of(entry).values()} == {"One": False, "Two": True}
    assert find_policy(entry, None).minimum_resolution is Resolution.P720


async def test_a_source_is_refused_though_it_is_among_those_that_are_liked(hass: HomeAssistant, set_up: SetUp) -> None:
    """Usually all are: nobody has to look for it in two lists."""
    entry = await set_up()
    await add_policy(hass, entry, {"name": "Mine"}, {"refused_sources": ["hdtv"]})
    (named,) = policies_of(entry).values()
    assert named.policy == Policy(refused_sources=frozenset({Source.HDTV}))
    result = await entry.start_subentry_reconfigure_flow(hass, named.key)
    result = await submit_backend(hass, result, **suggested(result))
    assert suggested(result)["sources"] == ["bluray", "web-dl", "webrip", "hdtv", "dvd", "tv", "vhs"]
    await submit_backend(hass, result, **suggested(result))
    assert by_title(entry)["Mine"].data[CONF_POLICY] == {"refused_sources": ["hdtv"]}


@pytest.mark.parametrize(
    ("typed", "errors"),
    [
        ({"name": "  "}, {"name": "name_needed"}),
        ({"name": "one"}, {"name": "name_taken"}),
        (
            {"name": "Two", "minimum_resolution": "p2160", "best_resolution": "p720"},
            {"best_resolution": "best_below_least"},
        ),
    ],
)
async def test_what_is_wrong_is_said_and_can_be_mended(
    typed: dict[str, str], errors: dict[str, str], hass: HomeAssistant, set_up: SetUp
) -> None:
    entry = await set_up()
    await add_policy(hass, entry, {"name": "One"})
    result = await add_backend(hass, entry, POLICY)
    filled = suggested(result)
    result = await submit_backend(hass, result, **(filled | typed))
    assert (step(result), result["errors"]) == (form("user"), errors)
    assert suggested(result)["name"] == typed["name"], "what was typed stays"
    result = await submit_backend(hass, result, **(filled | {"name": "Two"}))
    result = await submit_backend(hass, result, **(suggested(result) | {"refused_codecs": ["h265"]}))
    assert (step(result), result["errors"]) == (form("details"), {"refused_codecs": "liked_and_refused"})
    groups = {"refused_codecs": [], "preferred_groups": ["NTb"], "refused_groups": ["ntb"]}
    result = await submit_backend(hass, result, **(suggested(result) | groups))
    assert (step(result), result["errors"]) == (form("details"), {"refused_groups": "liked_and_refused"})
    result = await submit_backend(hass, result, **(suggested(result) | {"refused_groups": []}))
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_policy_counts_at_once_and_by_its_name(
    hass: HomeAssistant, radarr: RadarrSimulator, prowlarr: ProwlarrSimulator, set_up: SetUp
) -> None:
    add_dune(radarr.library)
    prowlarr.searches.offers = list(dune_releases(add_dune(prowlarr.library)))
    entry = await set_up(servarr_subentry(radarr, RADARR_ID), servarr_subentry(prowlarr, PROWLARR_ID))

    async def resolutions(**data: str) -> set[str]:
        answer: Any = await hass.services.async_call(
            DOMAIN, Action.SEARCH, {"query": "dune 2", "wait": 20, **data}, blocking=True, return_response=True
        )
        return {chip for each in answer["results"] for chip in each["about"] if chip in {"720p", "1080p", "2160p"}}

    assert await resolutions() == {"1080p", "2160p"}
    asked = len(prowlarr.requests)
    await add_policy(hass, entry, {"name": "Only 4K", "minimum_resolution": "p2160"})
    assert await resolutions() == {"2160p"}
    assert len(prowlarr.requests) == asked, "nobody is asked again"
    await add_policy(hass, entry, {"name": "Anything", "usual": False, "minimum_resolution": "any"})
    assert await resolutions(policy="anything") == {"720p", "1080p", "2160p"}
    assert set(entry.runtime_data.backends) == {RADARR_ID, PROWLARR_ID}


def test_every_option_is_known() -> None:
    assert len(set(LANGUAGES)) == len(LANGUAGES)
    assert all(len(each) == 2 for each in LANGUAGES[1:])
    assert set(FRENCH_DUBS) <= set(Dub)


@pytest.mark.parametrize(
    ("option", "policy"),
    [
        ("best", Policy(good_enough=None)),
        ("p1080", Policy()),
        ("p720", Policy(good_enough=Resolution.P720)),
        ("first", Policy(upgrades=False, good_enough=None)),
    ],
)
async def test_what_is_good_enough_is_as_it_was_said(
    hass: HomeAssistant, set_up: SetUp, option: str, policy: Policy
) -> None:
    entry = await set_up()
    await add_policy(hass, entry, {"name": "Mine", "good_enough": option})
    (named,) = policies_of(entry).values()
    assert named.policy == policy
    result = await entry.start_subentry_reconfigure_flow(hass, named.key)
    assert suggested(result)["good_enough"] == option
