"""Packs of which most is here: what is missing is fetched, what is here stays."""

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from custom_components.sokoul.autopilot.rules.base import Facts, Surroundings
from custom_components.sokoul.autopilot.rules.pack import RULE
from custom_components.sokoul.model.downloads import DownloadState, TrackerStatus
from custom_components.sokoul.model.journal import ActKind, Proposal
from custom_components.sokoul.model.library import Title, TitleKind
from custom_components.sokoul.model.memory import SubjectMemory, Tries
from tests.autopilot.rules.drive import SHUT, Drive
from tests.autopilot.rules.queue import NOTHING, Row, days, episode, episodes, hours, known, minutes, of, row
from tests.autopilot.rules.swarms import NEW, STALLED, Stack, client, download, having, listed, live, tracker
from tests.model import make
from tests.model.make import NOW

FETCH, TELL = ActKind.FETCH_MISSING, ActKind.TELL
NUMBERS = (1, 2, 3, 4)
SEASON = tuple(f"Silo.S03/Silo.S03E{number:02}.mkv" for number in NUMBERS)
ITEM = make.item(titles=episodes(*NUMBERS))
PACK = download(STALLED, items=(ITEM,), **having(0.95))
FOUR_K = (make.arr(make.item(titles=episodes(*NUMBERS)), id="radarr4k", title="Radarr 4K"),)
DOWN = {"trackers": (tracker(TrackerStatus.UNREACHABLE),)}
OUTAGE = Surroundings(failing_trackers=frozenset({"tracker.example"}))
RECENT = {"released_on": date(2026, 9, 1)}


def season(
    *progress: float, names: tuple[str | tuple[str, float], ...] = SEASON, there: tuple[int, ...] = (), **more: Any
) -> Facts:
    """Return the facts of a pack by how much of each file is here. Of `there` the library has a file."""
    files = [replace(file, progress=each) for file, each in zip(listed(*names), progress, strict=False)]
    titles = tuple(known(100 + number, has_file=number in there, **RECENT) for number in NUMBERS)
    return of(NEW, titles=titles, files=tuple(files), **more)


def pack(*titles: Title, **fields: Any) -> Any:
    return download(STALLED, items=(make.item(titles=titles),), **having(0.95) | fields)


ONE_LEFT = season(1, 1, 1, 0.8)

ROWS = (
    row("one episode doesn't come", PACK, hours(6), FETCH, facts=ONE_LEFT, asks=False, says="heal.pack_missing"),
    row("not yet", PACK, hours(6) - minutes(1), NOTHING, facts=ONE_LEFT),
    row("nothing of one is here", PACK, hours(6), FETCH, facts=season(1, 1, 1, 0)),
    row("private: three days", PACK, hours(71), NOTHING, facts=of(ONE_LEFT, private=True)),
    row("private, after three days", PACK, hours(72), FETCH, facts=of(ONE_LEFT, private=True)),
    row("rare: three days", PACK, hours(71), NOTHING, facts=of(ONE_LEFT, grabbed_seeds=2)),
    row("somebody had it all this morning", pack(*episodes(*NUMBERS), complete_seen_epoch=make.epoch(hours=3)),
        hours(9), NOTHING, facts=ONE_LEFT),
    row("fetched once already", PACK, hours(9), NOTHING, facts=ONE_LEFT, tried=(FETCH,)),
    row("looked for four times", PACK, days(30), TELL, facts=ONE_LEFT, says="heal.pack_lacking",
        memory=SubjectMemory(tried={FETCH: Tries(count=4, at=NOW - days(7))})),
    row("looked for four times, the last time lately", PACK, days(30), NOTHING, facts=ONE_LEFT,
        memory=SubjectMemory(tried={FETCH: Tries(count=4, at=NOW - days(7) + minutes(1))})),
    row("looked for before the last byte came", PACK, days(6), FETCH, facts=ONE_LEFT,
        memory=SubjectMemory(tried={FETCH: Tries(count=4, at=NOW - days(7))})),
    row("an episode that is not in it", PACK, hours(6), FETCH, facts=season(1, 1, 1)),
    row("what is missing is in the library", PACK, hours(6), TELL, facts=season(1, 1, 1, 0.8, there=(4,))),
    row("only a text is missing", PACK, hours(6), TELL, says="heal.pack_rest",
        facts=season(1, 1, 1, 1, 0.5, names=(*SEASON, "Silo.S03/readme.nfo"))),
    row("only a sample is missing", PACK, hours(6), TELL,
        facts=season(1, 1, 1, 1, 0.5, names=(*SEASON, ("Sample/silo.s03e01.sample.mkv", 20.0)))),
    row("two files, one of two episodes", PACK, hours(6), FETCH,
        facts=season(1, 0.9, names=("Silo.S03E01-E03.mkv", "Silo.S03E04.mkv"))),
    row("an episode in two parts, one of them is here", PACK, hours(6), FETCH, facts=season(
        1, 1, 1, 1, 0.5, names=(*SEASON, "Silo.S03E04.part2.mkv"))),
    # nothing is known for sure
    row("names that tell no episode", PACK, days(9), NOTHING,
        facts=season(1, 1, 1, 0.8, names=("01.mkv", "02.mkv", "03.mkv", "04.mkv"))),
    row("one name that tells no episode", PACK, days(9), NOTHING,
        facts=season(1, 1, 1, 0.8, names=(*SEASON[:3], "Silo.Finale.mkv"))),
    row("another season", PACK, days(9), NOTHING, facts=season(1, 1, names=("Silo.S02E01.mkv", "Silo.S02E02.mkv"))),
    row("of no episode all is here", PACK, days(9), NOTHING, facts=season(0.9, 0.9, 0.9, 0.9)),
    row("its files are not known", PACK, days(9), NOTHING, facts=of(ONE_LEFT, files=None)),
    row("the *arr names only the series", pack(Title(kind=TitleKind.SERIES, id=7, name="Silo"), episode(1)), days(9),
        NOTHING, facts=ONE_LEFT),
    # another rule's
    row("not a pack", pack(episode(1)), days(9), NOTHING, facts=ONE_LEFT),
    row("only three quarters of it are here", pack(*episodes(*NUMBERS), **having(0.75)), days(9), NOTHING,
        facts=ONE_LEFT),
    row("two *arrs wait for it", download(STALLED, items=(ITEM,), others=FOUR_K, **having(0.95)), days(9), NOTHING,
        facts=ONE_LEFT),
    row("the line is dead", PACK, days(9), NOTHING, facts=ONE_LEFT, gate=SHUT),
    row("its *arr is away", PACK, days(9), NOTHING, facts=ONE_LEFT,
        around=Surroundings(arrs_away=frozenset({"radarr"}))),
    row("its private tracker is down for others, too", PACK, days(9), NOTHING, around=OUTAGE,
        facts=of(ONE_LEFT, private=True, **DOWN)),
    row("complete", download(DownloadState.SEEDING, items=(ITEM,), **having(1)), days(9), NOTHING, facts=ONE_LEFT),
    row("stopped by a person", download(DownloadState.STOPPED, items=(ITEM,), **having(0.95)), days(9), NOTHING,
        facts=ONE_LEFT),
)  # fmt: skip


@pytest.mark.parametrize("case", ROWS, ids=lambda case: case.name)
def test_pack(case: Row) -> None:
    case.check(RULE)


def test_it_says_which_episodes_and_which_files() -> None:
    facts = season(1, 0.2, 1, 0.8, 0.5, names=(*SEASON, "Silo.S03/readme.nfo"))
    verdict = Drive(RULE, facts=facts).last(NOW, PACK, hours(6))
    assert isinstance(verdict, Proposal)
    assert verdict.parameters == {
        "arr_id": "radarr",
        "download_id": make.digest(1),
        "title_ids": [102, 104],
        "files": [1, 3, 4],
    }
    assert verdict.reason.parameters == {"count": 2}


def test_a_byte_begins_it_anew() -> None:
    drive = Drive(RULE, facts=ONE_LEFT)
    drive.see(NOW, PACK)
    drive.see(NOW + hours(5), pack(*episodes(*NUMBERS), **having(0.951)))
    assert drive.memory.elapsed(RULE.key, NOW + hours(6)) == hours(1)


def test_what_is_still_missing_is_looked_for_again_and_at_last_told() -> None:
    """A search brings five episodes at most, and not each is to be had."""
    drive, wants = Drive(RULE, facts=season(1, 1, 1, 0.8)), []
    for hour in range(24 * 40):
        verdict = drive.see(NOW + hours(hour), PACK)
        if isinstance(verdict, Proposal):
            wants.append((hour, verdict.act, verdict.reason.key))
            drive.tried(verdict.act, NOW + hours(hour))
            if verdict.act is TELL:
                break
    begun = [hours(6), hours(6) + days(1), hours(6) + days(3), hours(6) + days(7)]
    assert [hours(hour) for hour, act, _ in wants if act is FETCH] == begun
    assert (hours(wants[-1][0]), *wants[-1][1:]) == (hours(6) + days(14), TELL, "heal.pack_lacking")


def test_what_came_meanwhile_is_not_looked_for_again() -> None:
    drive = Drive(RULE, facts=season(1, 0.8, 1, 0.8))
    drive.last(NOW, PACK, hours(6))
    drive.tried(FETCH, NOW)
    drive.facts = season(1, 0.8, 1, 0.8, there=(2,), looked=drive.facts.looked)
    verdict = drive.see(NOW + days(1), PACK)
    assert isinstance(verdict, Proposal)
    assert (verdict.act, verdict.parameters["title_ids"]) == (FETCH, [104])


def test_under_all_rules_it_is_kept_and_fetched_now_and_then() -> None:
    """Also after days: neither a stalled nor a slow torrent is made of it."""
    torrent = make.torrent(state=STALLED, **having(0.95))
    wishes = live(Stack(ONE_LEFT), lambda _: client(torrent, items=(ITEM,)), days(5), minutes(15))
    acts = [wish.proposal.act for wish in wishes]
    assert set(acts) == {ActKind.REANNOUNCE, FETCH}
    assert acts.count(FETCH) == 3
