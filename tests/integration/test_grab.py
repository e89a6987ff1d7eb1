"""`sokoul.grab` in Home Assistant: from a search to a download, written down, told, and taken back."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
import json
from typing import Any

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
import pytest
from pytest_homeassistant_custom_component.common import MockUser, async_capture_events

from custom_components.sokoul.const import DOMAIN
from custom_components.sokoul.grab_hands import TAG, HubGrabHands
from custom_components.sokoul.grabbing import EVENT_GRABBED
from custom_components.sokoul.hub import Hub
from custom_components.sokoul.services import Action
from devstack.dune import add_dune, dune_releases
from devstack.frame import FaultKind
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator

from .conftest import (
    PASSWORD,
    PROWLARR_ID,
    QBITTORRENT_ID,
    RADARR_ID,
    USERNAME,
    SetUp,
    qbittorrent_subentry,
    servarr_subentry,
)
from .healing import act

BEST = "Dune.Part.Two.2024.2160p.WEB-DL.DDP5.1.Atmos.DV.HDR.H.265-oRBiT"


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    async def pause(_: HubGrabHands) -> None:
        return

    monkeypatch.setattr(HubGrabHands, "pause", pause)


@dataclass
class Programs:
    """What is connected."""

    radarr: RadarrSimulator
    prowlarr: ProwlarrSimulator
    qbittorrent: QbittorrentSimulator
    hub: Hub


@pytest.fixture
async def programs(
    radarr: RadarrSimulator, prowlarr: ProwlarrSimulator, qbittorrent: QbittorrentSimulator, set_up: SetUp
) -> Programs:
    """Connect everything; nobody has the second Dune yet."""
    add_dune(radarr.library)
    radarr.add_qbittorrent(qbittorrent.url, username=USERNAME, password=PASSWORD, category="radarr")
    prowlarr.searches.offers = list(dune_releases(add_dune(prowlarr.library)))
    entry = await set_up(
        servarr_subentry(radarr, RADARR_ID), servarr_subentry(prowlarr, PROWLARR_ID), qbittorrent_subentry(qbittorrent)
    )
    return Programs(radarr, prowlarr, qbittorrent, entry.runtime_data)


async def test_the_best_of_a_search_is_downloaded(hass: HomeAssistant, programs: Programs) -> None:
    events = async_capture_events(hass, EVENT_GRABBED)
    answer = await act(hass, Action.GRAB, query="dune 2")
    assert answer["release"] == BEST
    assert (answer["status"], answer["way"], answer["backend"]) == ("done", "client", "qBittorrent")
    torrent = programs.qbittorrent.torrents[answer["info_hash"]]
    assert (torrent.category, torrent.tags) == (DOMAIN, {TAG})
    assert [event.data["entry_id"] for event in events] == [answer["entry_id"]]
    journal = await act(hass, Action.GET_JOURNAL)
    assert journal["entries"][0]["rule_name"] == "What you have downloaded"
    assert journal["entries"][0]["can_undo"]
    assert programs.prowlarr.api_key not in json.dumps([answer, journal])
