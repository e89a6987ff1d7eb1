"""What holds for the rules about queues whatever happens: any states of the *arr and of the client, in any order."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.sokoul.autopilot.rules import delayed, failed, imports, orphan, restored
from custom_components.sokoul.autopilot.rules.base import Facts, Rule, Surroundings
from custom_components.sokoul.model.downloads import DownloadState
from custom_components.sokoul.model.journal import DESTRUCTIVE_ACTS, Proposal
from custom_components.sokoul.model.library import QueueStatus, TrackedState, TrackedStatus
from custom_components.sokoul.model.memory import SubjectMemory
from custom_components.sokoul.model.world import Download
from tests.autopilot.rules.drive import SHUT, Drive
from tests.autopilot.rules.queue import file, grabbed, known, queued, unmonitored
from tests.model import make
from tests.model.make import GB, NOW

RULES: tuple[Rule[Any], ...] = (failed.RULE, imports.RULE, orphan.RULE, delayed.RULE, restored.RULE)
WORSE = "Not an upgrade for existing movie file. Existing quality: Bluray-1080p. New Quality WEBDL-1080p."
TAKEN_BACK = SubjectMemory(restored_from=("radarr",))


@dataclass(frozen=True)
class Look:
    """What there is to see, so long after the look before, with so many new bytes."""

    after: timedelta
    arrived: int
    status: QueueStatus
    state: TrackedState
    complains: TrackedStatus
    client: DownloadState
    titles: tuple[Any, ...]
    queued: bool
    output_path: str | None


LOOKS = st.lists(
    st.builds(
        Look,
        after=st.timedeltas(timedelta(), timedelta(hours=3)),
        arrived=st.sampled_from([0, 0, 0, 1, GB]),
        status=st.sampled_from(QueueStatus),
        state=st.sampled_from(TrackedState),
        complains=st.sampled_from(TrackedStatus),
        client=st.sampled_from(DownloadState),
        titles=st.sampled_from([(make.dune(),), unmonitored(), ()]),
        queued=st.booleans(),
        output_path=st.sampled_from([None, "/data/x"]),
    ),
    min_size=1,
    max_size=6,
)
FACTS = st.builds(
    lambda there, says, by_hand: grabbed(
        titles=(known(1, has_file=there),), choices=(file(1, says=says),), by_hand=by_hand
    ),
    st.booleans(),
    st.sampled_from([(), WORSE, "?"]),
    st.sampled_from([True, False, None]),
)
MEMORIES = st.sampled_from([SubjectMemory(), TAKEN_BACK])


def download(look: Look, left: int) -> Download:
    item = make.item(
        status=look.status,
        tracked_state=look.state,
        tracked_status=look.complains,
        titles=look.titles,
        output_path=look.output_path,
        size_bytes=100 * GB,
        remaining_bytes=left,
    )
    torrent = make.torrent(
        state=look.client, size_bytes=100 * GB, remaining_bytes=left, progress=1 - left / (100 * GB), content_path="/x"
    )
    return queued(*((item,) if look.queued else ()), torrent=torrent)


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.gated], ids=lambda rule: rule.key)
@settings(max_examples=150)
@given(looks=LOOKS, facts=FACTS, memory=MEMORIES)
def test_nothing_while_the_gate_is_shut(
    rule: Rule[Any], looks: list[Look], facts: Facts, memory: SubjectMemory
) -> None:
    drive, now, left = Drive(rule, facts=facts, memory=memory), NOW, 99 * GB
    for look in looks:
        now, left = now + look.after, left - look.arrived
        assert drive.see(now, download(look, left), gate=SHUT) is None


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.key)
@settings(max_examples=150)
@given(looks=LOOKS, facts=FACTS, memory=MEMORIES)
def test_nothing_while_the_arr_is_away(rule: Rule[Any], looks: list[Look], facts: Facts, memory: SubjectMemory) -> None:
    drive, now, left = Drive(rule, facts=facts, memory=memory), NOW, 99 * GB
    away = Surroundings(arrs_away=frozenset({"radarr"}))
    for look in looks:
        now, left = now + look.after, left - look.arrived
        assert drive.see(now, download(look, left), around=away) is None


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.key)
@settings(max_examples=150)
@given(looks=LOOKS, facts=FACTS, memory=MEMORIES)
def test_what_arrived_within_the_patience_stays(
    rule: Rule[Any], looks: list[Look], facts: Facts, memory: SubjectMemory
) -> None:
    drive, now, left, arrived_at = Drive(rule, facts=facts, memory=memory), NOW, 99 * GB, None
    patience = getattr(drive.policy, "patience", timedelta())
    for look in looks:
        now, left = now + look.after, left - look.arrived
        arrived_at = now if look.arrived else arrived_at
        seen = download(look, left)
        wants = drive.see(now, seen)
        if not isinstance(wants, Proposal):
            continue
        assert wants.rule == rule.key
        if wants.act in DESTRUCTIVE_ACTS and arrived_at is not None and not seen.finished:
            assert now - arrived_at >= patience
        drive.tried(wants.act, now)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.key)
@settings(max_examples=100)
@given(looks=LOOKS, facts=FACTS)
def test_what_is_being_imported_is_not_touched(rule: Rule[Any], looks: list[Look], facts: Facts) -> None:
    """Whatever came before: the moment an *arr imports it, no rule about its queue wants anything of it."""
    drive, now, left = Drive(rule, facts=facts), NOW, 99 * GB
    for look in looks:
        now, left = now + look.after, left - look.arrived
        drive.see(now, download(look, left))
    importing = make.completed(state=TrackedState.IMPORTING, size_bytes=100 * GB)
    torrent = make.torrent(state=DownloadState.SEEDING, size_bytes=100 * GB)
    assert drive.see(now + timedelta(days=2), queued(importing, torrent=torrent)) is None
