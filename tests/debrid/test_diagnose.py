"""Per failed torrent: what is wrong, what was tried, what comes next."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from custom_components.sokoul.debrid.diagnose import TROUBLED, diagnose, kinds_of_stuck
from custom_components.sokoul.debrid.retrying import Step
from custom_components.sokoul.model.debrid import FAILED_STATUSES, DebridStatus as S
from custom_components.sokoul.model.debrid_mirror import DebridAttempt, DebridFailure, DebridRetry, MirroredTorrent
from tests.debrid.repair_account import repair
from tests.store.make import NOW
from tests.store.torrents import torrent

LATER = NOW + timedelta(hours=3)


def known(status: S, number: int = 1) -> MirroredTorrent:
    return MirroredTorrent(torrent=torrent(number, status=status), first_seen_at=NOW, changed_at=NOW, status_at=NOW)


HASH = torrent(1).hash
RETRY = DebridRetry(hash=HASH, torrent_id="T", due_at=LATER, tries=1)
FINAL = DebridFailure(hash=HASH, kind="infringing_file", torrent_id="T", name="", first_at=NOW, last_at=NOW, final=True)

NEXT = (
    ("dead: it can be added again", S.DEAD, (), (), "next_readd"),
    ("an error: the same", S.ERROR, (), (), "next_readd"),
    ("a virus goes", S.VIRUS, (), (), "next_delete"),
    ("files are selected", S.WAITING_FILES_SELECTION, (), (), "next_select"),
    ("it is planned", S.DEAD, (), (RETRY,), "next_due"),
    ("its turn has not come", S.DEAD, (), (replace(RETRY, tries=0, state={"step": "waiting"}),), "next_readd"),
    ("after a try that failed", S.DEAD, (), (replace(RETRY, state={"step": "waiting"}),), "next_due"),
    ("it is under way", S.DEAD, (), (replace(RETRY, state={"step": "fetching"}),), "next_under_way"),
    ("it was repaired, and failed anew", S.DEAD, (), (replace(RETRY, state={"step": "done"}),), "next_readd"),
    ("it was given up", S.DEAD, (), (replace(RETRY, state={"step": "given_up"}),), "next_never"),
    ("it failed for good, whatever is planned", S.DEAD, (FINAL,), (RETRY,), "next_never"),
    (
        "a person asks for it again",
        S.DEAD,
        (FINAL,),
        (replace(RETRY, tries=0, state={"step": "waiting"}),),
        "next_readd",
    ),
    ("that is under way", S.DEAD, (FINAL,), (replace(RETRY, state={"step": "fetching"}),), "next_under_way"),
    ("it recovered, and failed anew", S.DEAD, (FINAL,), (replace(RETRY, state={"step": "done"}),), "next_readd"),
)


@pytest.mark.parametrize(
    ("status", "failures", "retries", "then"), [case[1:] for case in NEXT], ids=[case[0] for case in NEXT]
)
def test_what_comes_next(status: S, failures: Any, retries: Any, then: str) -> None:
    (found,) = diagnose([known(status)], failures, (), retries)
    assert found.next.key == f"debrid.{then}"
    assert found.cause.key.startswith("debrid.cause_")
    assert found.final is (then == "next_never")
    assert found.due_at == (LATER if then == "next_due" else None)
    if then == "next_due":
        assert found.next.parameters == {"at": LATER, "tries": 2}


def test_everything_that_failed_is_told_and_nothing_else() -> None:
    assert set(TROUBLED) == FAILED_STATUSES | {S.WAITING_FILES_SELECTION}
    found = diagnose([known(status, number) for number, status in enumerate(S)], (), (), ())
    assert {each.known.torrent.status for each in found} == set(TROUBLED)


@pytest.mark.parametrize(
    ("status", "trouble", "step", "kind"),
    [
        (S.MAGNET_CONVERSION, "magnet_conversion", Step.WAITING, "magnet_conversion"),
        (S.UPLOADING, "uploading", Step.GIVEN_UP, "uploading"),
        (S.COMPRESSING, "compressing", Step.FETCHING, "compressing"),
        (S.DOWNLOADED, "unreadable", Step.WAITING, "unreadable"),
        (S.DOWNLOADED, "unreadable", Step.DONE, None),
        (S.DOWNLOADED, "uploading", Step.GIVEN_UP, None),  # it moved on by itself
        (S.DOWNLOADING, "unreadable", Step.WAITING, None),
    ],
)
def test_what_is_stuck_or_unreadable_is_told_while_its_repair_says_so(
    status: S, trouble: str, step: Step, kind: str | None
) -> None:
    entry = known(status)
    noted = repair(1, NOW, trouble=trouble, step=step, bad_ids=(entry.torrent.id,))
    stuck = kinds_of_stuck([entry, known(status, 2), replace(entry, gone_at=NOW)], [noted])
    assert stuck == ({} if kind is None else {entry.torrent.id: kind})
    retry = replace(RETRY, tries=0, state={"step": str(step)})
    found = diagnose([entry, known(status, 2)], (), (), [retry], stuck)
    assert [(each.kind, each.cause.key) for each in found] == ([] if kind is None else [(kind, f"debrid.cause_{kind}")])
    then = {Step.GIVEN_UP: "next_never", Step.FETCHING: "next_under_way"}.get(step, "next_readd")
    assert {each.next.key for each in found} <= {f"debrid.{then}"}


def test_what_was_tried_is_that_of_the_torrent() -> None:
    attempts = [
        DebridAttempt(hash=each, torrent_id="T", at=NOW, act="add_again", outcome="failed") for each in (HASH, "other")
    ]
    (found,) = diagnose([known(S.DEAD)], (), attempts, ())
    assert found.tried == (attempts[0],)
