"""The guard on real qBittorrents with a thousand torrents: whatever ran is stopped, and exactly that runs again."""

import pytest

from benchmarks.guard import EVIDENCE, SPECIAL, measure
from tests.devstack.conftest import REAL_RELEASES, find_real

TORRENTS = 1000
LEAKS = 3
#: No measurement: what takes so long with other work on the machine doesn't work.
FAR_TOO_LONG_MILLISECONDS = 5000

pytestmark = pytest.mark.real


@pytest.mark.parametrize("release", REAL_RELEASES)
async def test_each_leak_stops_everything_that_runs_and_exactly_that_runs_again(
    release: str, socket_enabled: None
) -> None:
    """One in fifty is forced, and stays so; twenty more had been stopped by a person, and stay so."""
    assert TORRENTS // SPECIAL == 20
    binary = find_real(REAL_RELEASES[release])
    found = await measure(binary, TORRENTS, LEAKS, seed=7)
    assert found.keys() == set(EVIDENCE[release])
    for evidence, runs in found.items():
        assert [run.torrents for run in runs] == [TORRENTS] * LEAKS, evidence
        assert [run.changed for run in runs] == [frozenset()] * LEAKS, evidence
        assert all(0 < run.told < FAR_TOO_LONG_MILLISECONDS for run in runs), runs
        assert all(0 < run.stopped < FAR_TOO_LONG_MILLISECONDS for run in runs), runs
