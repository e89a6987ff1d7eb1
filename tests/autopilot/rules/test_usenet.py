"""Usenet has no swarm: what is paused, repaired or unpacked is never taken for stuck, by any rule."""

from typing import Any

import pytest

from custom_components.sokoul.autopilot.rules.base import CALM, Later, Surroundings
from custom_components.sokoul.autopilot.rules.registry import RULES
from custom_components.sokoul.model.journal import Proposal
from custom_components.sokoul.model.library import QueueStatus, TrackedState, TrackedStatus
from custom_components.sokoul.model.world import Download, join_downloads
from tests.autopilot.rules.drive import Drive
from tests.autopilot.rules.queue import days, grabbed, hours, minutes, queued, usenet
from tests.model import make
from tests.model.make import GB, NOW

#: What SABnzbd and NZBGet do, as Radarr and Sonarr show it in their queue.
AT_WORK: dict[str, dict[str, Any]] = {
    "downloading": {"status": QueueStatus.DOWNLOADING},
    "downloading, not a byte for weeks": {"status": QueueStatus.DOWNLOADING, "remaining_bytes": 4 * GB},
    "queued behind others": {"status": QueueStatus.QUEUED, "remaining_bytes": 4 * GB},
    "paused by a person": {"status": QueueStatus.PAUSED},
    "paused because the disk is full": {"status": QueueStatus.PAUSED, "error_message": "disk full"},
    "fetching more blocks": {"status": QueueStatus.DOWNLOADING, "remaining_bytes": 0},
    "verifying": {"status": QueueStatus.DOWNLOADING, "remaining_bytes": 0, "time_left": hours(0)},
    "repairing": {"status": QueueStatus.DOWNLOADING, "remaining_bytes": 0, "size_bytes": 80 * GB},
    "extracting": {"status": QueueStatus.DOWNLOADING, "remaining_bytes": 0, "messages": ("Extracting",)},
    "moving, running a script": {"status": QueueStatus.DOWNLOADING, "remaining_bytes": 0},
    "with a warning": {"status": QueueStatus.WARNING, "tracked_status": TrackedStatus.WARNING},
    "its client can't be reached": {"status": QueueStatus.CLIENT_UNAVAILABLE},
    "in a status of a newer version": {"status": QueueStatus.UNKNOWN, "tracked_state": TrackedState.UNKNOWN},
    "complete, about to be imported": {
        "status": QueueStatus.COMPLETED,
        "tracked_state": TrackedState.IMPORT_PENDING,
        "remaining_bytes": 0,
    },
    "being imported": {"status": QueueStatus.COMPLETED, "tracked_state": TrackedState.IMPORTING, "remaining_bytes": 0},
}


def with_a_client_of_torrents(**fields: Any) -> Download:
    return queued(usenet(**fields))


def with_two_clients(**fields: Any) -> Download:
    """Return one of an *arr with both kinds of client, of which SOKOUL knows the one for torrents."""
    sabnzbd = make.link(id=2, name="SABnzbd", implementation="Sabnzbd", host="sabnzbd", port=8085)
    world = make.world(make.qbittorrent(), make.arr(usenet(**fields), links=(make.link(), sabnzbd)))
    (download,) = join_downloads(world, NOW)
    return download


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.key)
@pytest.mark.parametrize("work", AT_WORK)
@pytest.mark.parametrize("seen", [with_a_client_of_torrents, with_two_clients])
def test_usenet_at_work_is_left_alone(rule: Any, work: str, seen: Any) -> None:
    around = Surroundings(slow_for_most=False)
    for circumstances in (CALM, around):
        drive = Drive(rule, facts=grabbed())
        for span in (days(30), days(1), minutes(1)):
            verdict = drive.see(NOW - span, seen(**AT_WORK[work]), around=circumstances)
            assert not isinstance(verdict, Proposal | Later)
        assert rule.key not in drive.memory.clocks
