"""Prowlarr's client."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.sokoul.clients.errors import UnexpectedResponse
from custom_components.sokoul.clients.prowlarr import ProwlarrClient
from custom_components.sokoul.model.library import ApplicationLink, Indexer, Privacy, Protocol

from .canned import CannedAnswer, talking

pytestmark = pytest.mark.usefixtures("socket_enabled")

INDEXERS: dict[str, CannedAnswer] = {
    "GET /api/v1/indexer": [
        {
            "id": 1,
            "name": "Public place",
            "enable": True,
            "protocol": "torrent",
            "privacy": "public",
            "priority": 10,
            "fields": [],
        },
        {
            "id": 2,
            "name": "Club",
            "enable": False,
            "protocol": "usenet",
            "privacy": "semiPrivate",
            "fields": [{"name": "apiKey", "value": "hunter2"}, {"name": "cookie", "value": "hunter3"}],
        },
        {"id": 3, "name": "New", "enable": True, "protocol": "ipfs", "privacy": "secret"},
    ],
    "GET /api/v1/indexerstatus": [
        {
            "id": 8,
            "indexerId": 2,
            "disabledTill": "2026-11-21T13:00:00Z",
            "mostRecentFailure": "2026-11-21T12:30:00Z",
            "initialFailure": "2026-11-20T12:30:00Z",
        },
        {"id": 9, "indexerId": 77, "disabledTill": "2026-11-21T13:00:00Z"},
    ],
    "GET /api/v1/indexerstats": {
        "id": 1,
        "indexers": [
            {
                "indexerId": 1,
                "indexerName": "Public place",
                "averageResponseTime": 321,
                "numberOfQueries": 40,
                "numberOfGrabs": 3,
                "numberOfFailedQueries": 2,
            },
            {"indexerId": 2},
        ],
        "userAgents": [],
        "hosts": [],
    },
}


async def test_indexers_with_their_failures_and_statistics() -> None:
    async with talking(ProwlarrClient, INDEXERS) as (client, server):
        indexers = await client.indexers()
    assert indexers == (
        Indexer(
            id=1,
            name="Public place",
            enabled=True,
            protocol=Protocol.TORRENT,
            privacy=Privacy.PUBLIC,
            priority=10,
            queries=40,
            failed_queries=2,
            grabs=3,
            response_milliseconds=321,
        ),
        Indexer(
            id=2,
            name="Club",
            enabled=False,
            protocol=Protocol.USENET,
            privacy=Privacy.SEMI_PRIVATE,
            disabled_until=datetime(2026, 11, 21, 13, tzinfo=UTC),
            last_failure_at=datetime(2026, 11, 21, 12, 30, tzinfo=UTC),
        ),
        Indexer(id=3, name="New", enabled=True, protocol=Protocol.UNKNOWN, privacy=Privacy.UNKNOWN),
    )
    assert "hunter" not in repr(indexers)
    assert len(server.requests) == 3
    club = indexers[1]
    assert club.failing(datetime(2026, 11, 21, 12, 59, tzinfo=UTC))
    assert not club.failing(datetime(2026, 11, 21, 13, tzinfo=UTC) + timedelta(seconds=1))


async def test_applications() -> None:
    answer = [
        {
            "id": 1,
            "name": "Radarr 4K",
            "implementation": "Radarr",
            "syncLevel": "fullSync",
            "fields": [
                {"name": "prowlarrUrl", "value": "http://prowlarr:9696"},
                {"name": "baseUrl", "value": "http://radarr:7878"},
                {"name": "apiKey", "value": "hunter2"},
            ],
        },
        {"id": 2, "implementation": "LazyLibrarian"},
    ]
    async with talking(ProwlarrClient, {"GET /api/v1/applications": answer}) as (client, _):
        applications = await client.applications()
    assert applications == (
        ApplicationLink(
            id=1,
            name="Radarr 4K",
            implementation="Radarr",
            base_url="http://radarr:7878",
            sync_level="fullSync",
        ),
        ApplicationLink(id=2, name="", implementation="LazyLibrarian", base_url="", sync_level="unknown"),
    )
    assert "hunter2" not in repr(applications)


@pytest.mark.parametrize(
    ("path", "answer", "place"),
    [
        ("indexer", {}, "indexer"),
        ("indexer", [{"name": "x", "enable": True}], r"indexer\[0\].id"),
        ("indexer", [{"id": 1, "enable": True}], r"indexer\[0\].name"),
        ("indexer", [{"id": 1, "name": "x"}], r"indexer\[0\].enable"),
        ("indexerstatus", [{"id": 1}], r"indexerstatus\[0\].indexerId"),
        ("indexerstats", [], "indexerstats"),
        ("indexerstats", {"indexers": [{}]}, r"indexerstats.indexers\[0\].indexerId"),
    ],
)
async def test_damaged_indexers(path: str, answer: CannedAnswer, place: str) -> None:
    async with talking(ProwlarrClient, INDEXERS | {f"GET /api/v1/{path}": answer}) as (client, _):
        with pytest.raises(UnexpectedResponse, match=place):
            await client.indexers()
