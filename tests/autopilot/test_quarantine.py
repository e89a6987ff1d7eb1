"""Quarantine: set aside and taken back as it was, also when it is interrupted anywhere and done again."""

from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.autopilot.ownership import QUARANTINE
from custom_components.sokoul.autopilot.quarantine import is_set_aside, note, set_aside, take_back

from .fakes import GB, Crash, FakeClient, FakeTorrent, Fate, digest

CATEGORIES = {"": "", "radarr": "", "films": "/data/films"}


def client(**fields: Any) -> tuple[FakeClient, FakeTorrent]:
    found = FakeClient("qbt", Fate())
    found.categories = dict(CATEGORIES)
    torrent = found.add(FakeTorrent(hash=digest(1), name="Sintel", **fields))
    if torrent.automatic:
        torrent.save_path = found.categories.get(torrent.category) or f"/data/torrents/{torrent.category}"
    return found, torrent


async def interrupted(fate: Fate, point: int, work: Any) -> None:
    """Do something until it breaks off at one point, and then all of it."""
    fate.crash_at = point
    try:
        await work()
    except Crash:
        fate.crash_at = None
        await work()
    fate.crash_at = None


torrents = st.fixed_dictionaries(
    {
        "category": st.sampled_from(sorted(CATEGORIES)),
        "tags": st.frozensets(st.sampled_from(["a", "b", "keep"])),
        "automatic": st.booleans(),
        "stopped": st.booleans(),
        "private": st.sampled_from([None, True, False]),
        "have": st.sampled_from([0, GB, 4 * GB]),
        "rate": st.sampled_from([0, 10]),
        "queued": st.booleans(),
        "has_metadata": st.booleans(),
    }
)


@given(
    fields=torrents, private=st.sampled_from([None, True, False]), first=st.integers(0, 14), second=st.integers(0, 14)
)
async def test_taken_back_it_is_as_it_was(
    *, fields: dict[str, Any], private: bool | None, first: int, second: int
) -> None:
    found, torrent = client(**fields)
    before = torrent.look()
    noted = note(before, private=private)
    await interrupted(found.fate, first, lambda: set_aside(found, noted))
    aside = torrent.look()
    assert is_set_aside(aside)
    assert aside.tags == before.tags | {QUARANTINE}
    assert aside.save_path == before.save_path, "not a file is moved"
    await interrupted(found.fate, second, lambda: take_back(found, noted))
    assert torrent.look() == before


@pytest.mark.parametrize(
    ("fields", "private", "stops", "deletable"),
    [
        ({}, False, True, True),
        ({"private": None}, False, True, True),
        ({"private": None}, None, False, False),
        ({"private": None}, True, False, False),
        ({"private": True}, False, False, False),
        ({"private": False}, True, True, True),
        ({"have": 4 * GB}, False, False, False),
        ({"have": 4 * GB, "private": True}, None, False, False),
    ],
)
def test_what_is_stopped_and_what_may_be_deleted(
    *,
    fields: dict[str, Any],
    private: bool | None,
    stops: bool,
    deletable: bool,
) -> None:
    """The torrent itself knows best whether it is private."""
    noted = note(client(**fields)[1].look(), private=private)
    assert (noted["stop"], noted["deletable"]) == (stops, deletable)


async def test_what_a_person_stopped_is_not_started() -> None:
    found, torrent = client(stopped=True)
    noted = note(torrent.look(), private=False)
    await set_aside(found, noted)
    await take_back(found, noted)
    assert torrent.stopped


async def test_a_torrent_that_is_gone_is_no_error() -> None:
    found, torrent = client()
    noted = note(torrent.look(), private=False)
    found.torrents.clear()
    await set_aside(found, noted)
    await take_back(found, noted)
    assert found.torrents == {}
