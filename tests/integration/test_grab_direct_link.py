"""Links that a person brings to `sokoul.grab`: to a torrent, or to a file that only a debrid account opens."""

from dataclasses import replace
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
import pytest

from custom_components.sokoul.hub import Hub
from custom_components.sokoul.services import Action
from devstack.prowlarr import ProwlarrSimulator
from devstack.qbittorrent import QbittorrentSimulator
from devstack.radarr import RadarrSimulator
from devstack.real_debrid import RealDebridSimulator

from .conftest import SetUp, qbittorrent_subentry
from .healing import act
from .test_grab import BEST, account, connect, search  # noqa: F401 -- a fixture

NAME = "Dune.Part.Two.2024.1080p.WEB-DL.DDP5.1.H.264-GRP"
LINK = f"https://host.example/f/{NAME}.mkv"
NO_TORRENT = (
    "Its link leads to a file, and not to a torrent. The action \u201cGet Real-Debrid download links\u201d "
    "(sokoul.debrid_unrestrict) tells where it can be downloaded."
)


@pytest.fixture
async def hub(
    set_up: SetUp,
    account: RealDebridSimulator,  # noqa: F811
    prowlarr: ProwlarrSimulator,
    radarr: RadarrSimulator,
    qbittorrent: QbittorrentSimulator,
) -> Hub:
    """Connect an account that can open the link, and a torrent client."""
    account.account.fill(1)
    (torrent,) = account.account.torrents.values()
    torrent.plan = replace(torrent.plan, files=tuple(replace(each, path=f"/{NAME}.mkv") for each in torrent.plan.files))
    torrent.links = (LINK,)
    return await connect(set_up, account, prowlarr, radarr, qbittorrent_subentry(qbittorrent))


@pytest.mark.usefixtures("hub")
async def test_a_file_that_an_account_opens_is_no_torrent(
    hass: HomeAssistant,
    account: RealDebridSimulator,  # noqa: F811
    qbittorrent: QbittorrentSimulator,
) -> None:
    opened = next(each for each in await search(hass, LINK) if each["indexers"] == ["Account"])
    (planned,) = (await act(hass, Action.GRAB, result=opened["id"], dry_run=True))["plan"]
    assert (planned["ways"], planned["against"]) == ([], [NO_TORRENT])
    before = len(account.account.torrents)
    with pytest.raises(HomeAssistantError) as raised:
        await act(hass, Action.GRAB, result=opened["id"])
    assert raised.value.translation_placeholders == {"title": "Dune: Part Two (2024)", "reason": NO_TORRENT}
    assert (len(account.account.torrents), qbittorrent.torrents) == (before, {})


@pytest.mark.usefixtures("hub")
async def test_who_brings_a_link_means_that(hass: HomeAssistant) -> None:
    plan: list[dict[str, Any]] = (await act(hass, Action.GRAB, query=LINK, dry_run=True))["plan"]
    assert [each["release"] for each in plan][:2] == [f"{NAME}.mkv", BEST], "else the best of what others offer"
    other = f"https://tracker.example/download/1/{NAME}.torrent"  # nobody opens it: it may be a torrent
    plan = (await act(hass, Action.GRAB, query=other, dry_run=True))["plan"]
    assert (NAME in plan[0]["release"], plan[0]["against"]) == (True, [])
    assert [each["way"] for each in plan[0]["ways"]] == ["client", "debrid"]
