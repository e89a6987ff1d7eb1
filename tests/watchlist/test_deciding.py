"""What is to be done about a wish: a movie from the catalogue to the screen, then cases, one a line."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from custom_components.sokoul.model.catalogue import CatalogueEpisode
from custom_components.sokoul.model.reasons import Reason
from custom_components.sokoul.watchlist.changing import brought_back, has_lost, wanted_again
from custom_components.sokoul.watchlist.deciding import MOST_GIVEN_UP, StepKind, next_step, refresh, taken_back
from custom_components.sokoul.watchlist.items import ARR, Better, Dates, Keeper, Out, Part, PartState, Wish, WishState
from custom_components.sokoul.watchlist.known import Catalogued, Coming, Held, Known
from custom_components.sokoul.watchlist.outcomes import Found, added, asked, failed, grabbed, hit, put_off, searched
from custom_components.sokoul.watchlist.schedule import next_search, stretched
from custom_components.sokoul.watchlist.settings import WatchSettings

from .make import DAY, DUNE, HOUR, NOW, days, movie, on, part, series

S, K = PartState, StepKind
AUTO = Known(settings=WatchSettings(auto=True), coming={}, library={})
RADARR = Keeper(backend_id="radarr", library_id=7)
SONARR = Keeper(backend_id="sonarr", library_id=9)
MINUTE = timedelta(minutes=1)
HASH, OTHER = "a" * 40, "b" * 40


def known(**values: Any) -> Known:
    """Return what is known when something may be fetched without asking, and nothing is there or on its way."""
    return replace(AUTO, **values)


def in_library(*, has_file: bool = False, monitored: bool = True) -> Mapping[str, Held]:
    return {"": Held(has_file=has_file, monitored=monitored)}


def coming(*downloads: Coming, key: str = "") -> Mapping[str, tuple[Coming, ...]]:
    return {key: downloads}


def a_download(download: str = HASH, *, finished: bool = False) -> Coming:
    return Coming(download=download, release=f"Dune.{download[0]}", finished=finished)


def out(state: PartState | None = S.SEARCHING, **values: Any) -> Wish:
    """Return a movie that came out two days ago, of which catalogues told just now."""
    of_part = {"out_on": on(-2), "out": Out.DIGITAL, "out_at": NOW - days(2.5)} if state is not None else {}
    given = {"dates": Dates(digital=on(-2)), "resolved_at": NOW}
    return movie(state, **(given | of_part | values))


# --- all the way -----------------------------------------------------------------------------------------------------


def test_a_movie_goes_its_way() -> None:
    now = NOW
    wish = refresh(movie(), AUTO, now)
    assert next_step(wish, AUTO, now).kind is K.RESOLVE
    wish = refresh(wish, known(catalogue=Catalogued(dates=Dates(digital=on(-3)))), now)
    assert next_step(wish, AUTO, now).kind is K.SEARCH
    wish = refresh(searched(wish, [""], {}, now, pack=False), AUTO, now)
    assert wish.state is WishState.SEARCHING
    assert next_step(wish, AUTO, now).kind is K.NOTHING
    now += 2 * HOUR
    assert next_step(refresh(wish, AUTO, now), AUTO, now).kind is K.SEARCH
    wish = searched(wish, [""], {"": Found(release="Dune.2024", result="r1", count=2)}, now, pack=False)
    wish = refresh(wish, AUTO, now)
    step = next_step(wish, AUTO, now)
    assert (wish.state, step.kind, step.result) == (WishState.OFFERED, K.GRAB, "r1")
    wish = refresh(grabbed(wish, step.keys, now, entry_id=3, download=HASH), AUTO, now)
    assert (wish.state, next_step(wish, AUTO, now).kind) == (WishState.GRABBED, K.NOTHING)
    done = known(coming=coming(a_download(finished=True)))
    wish = refresh(wish, done, now)
    assert (wish.state, wish.parts[0].state, wish.parts[0].ready_at) == (WishState.READY, S.READY, now)
    assert next_step(wish, done, now).at is None


def test_a_movie_goes_its_way_through_radarr() -> None:
    arr = known(has_arr=True, kept=True, library=in_library())
    wish = refresh(out(), replace(arr, kept=None, library=None), NOW)
    assert next_step(wish, arr, NOW).kind is K.ADD_TO_ARR
    wish = refresh(added(wish, RADARR), arr, NOW)
    assert next_step(wish, arr, NOW) == next_step(wish, arr, NOW)
    assert next_step(wish, arr, NOW).kind is K.SEARCH
    wish = searched(wish, [""], {"": Found(release="Dune.a", result="r1")}, NOW, pack=False)
    wish = grabbed(wish, [""], NOW, download=HASH)
    for finished, state in ((False, WishState.GRABBED), (True, WishState.IMPORTING)):
        wish = refresh(wish, replace(arr, coming=coming(a_download(finished=finished))), NOW)
        assert wish.state is state
    wish = refresh(wish, arr, NOW + MINUTE)
    assert wish.state is WishState.IMPORTING, "it left the queue, and the library has not told yet"
    wish = refresh(wish, replace(arr, library=in_library(has_file=True)), NOW + 2 * MINUTE)
    assert wish.state is WishState.READY
    assert wish.parts[0].ready_at == NOW + 2 * MINUTE


def test_what_somebody_grabbed_meanwhile_is_left_alone() -> None:
    """Between a look and its step things may happen."""
    wish = refresh(out(S.OFFERED, **OFFER), AUTO, NOW)
    assert next_step(wish, AUTO, NOW).kind is K.GRAB
    assert next_step(wish, known(coming=coming(a_download())), NOW).kind is K.NOTHING
    assert next_step(wish, known(library=in_library(has_file=True)), NOW, asked=NOW).kind is K.NOTHING


# --- states of a movie -----------------------------------------------------------------------------------------------

GRABBED = {"download": HASH, "release": "Dune.a", "grabbed_at": NOW - HOUR}
GONE = {"gone_since": NOW - 2 * HOUR}
KEPT = {"keeper": RADARR}

MOVIES = (
    ("not out yet", out(S.WAITING, dates=Dates(digital=on(1))), AUTO, S.WAITING),
    ("out since today", out(S.WAITING, dates=Dates(digital=on(0))), AUTO, S.SEARCHING),
    ("its date moved into the future", out(dates=Dates(digital=on(5))), AUTO, S.WAITING),
    ("in cinemas for a month", out(dates=Dates(cinema=on(-30))), AUTO, S.WAITING),
    ("in cinemas for two months: on the chance", out(S.WAITING, dates=Dates(cinema=on(-60))), AUTO, S.SEARCHING),
    ("nothing known: on the chance", out(S.WAITING, dates=Dates()), AUTO, S.SEARCHING),
    ("nothing known, of next year", out(meant=replace(DUNE, year=2027), dates=Dates()), AUTO, S.WAITING),
    ("offered, and its date moved", out(S.OFFERED, dates=Dates(digital=on(5))), AUTO, S.OFFERED),
    ("somebody had it all the time", out(), known(library=in_library(has_file=True)), S.READY),
    ("there before it came out", out(S.WAITING), known(library=in_library(has_file=True)), S.READY),
    ("the *arr grabbed it by itself", out(), known(coming=coming(a_download())), S.GRABBED),
    ("a person grabbed it before it came out", out(S.WAITING), known(coming=coming(a_download())), S.GRABBED),
    ("offered, and somebody grabbed it", out(S.OFFERED), known(coming=coming(a_download())), S.GRABBED),
    ("finished, no *arr: it can be watched", out(S.GRABBED), known(coming=coming(a_download(finished=True))), S.READY),
    (
        "finished, the *arr has yet to import it",
        out(S.GRABBED, **KEPT),
        known(coming=coming(a_download(finished=True)), library=in_library()),
        S.IMPORTING,
    ),
    ("there, and a better one on its way", out(S.READY), known(coming=coming(a_download())), S.READY),
    (
        "there, and the *arr upgrades it",
        out(S.READY, **KEPT),
        known(coming=coming(a_download()), library=in_library(has_file=True)),
        S.READY,
    ),
    ("watched, and its download was removed", out(S.READY, ready_at=NOW), AUTO, S.READY),
    ("just grabbed: no client has it yet", out(S.GRABBED, **GRABBED), AUTO, S.GRABBED),
    ("its download is gone for two hours", out(S.GRABBED, **GRABBED, **GONE), AUTO, S.SEARCHING),
    ("... but a client doesn't answer", out(S.GRABBED, **GRABBED, **GONE), known(all_seen=False), S.GRABBED),
    ("... but nobody knows of downloads", out(S.GRABBED, **GRABBED, **GONE), known(coming=None), S.GRABBED),
    ("... but the library isn't known", out(S.GRABBED, **GRABBED, **GONE, **KEPT), known(library=None), S.GRABBED),
    (
        "... and the library hasn't it",
        out(S.GRABBED, **GRABBED, **GONE, **KEPT),
        known(library=in_library()),
        S.SEARCHING,
    ),
    ("... and the title was removed there", out(S.GRABBED, **GRABBED, **GONE, **KEPT), known(kept=False), S.SEARCHING),
    ("another one is on its way", out(S.GRABBED, **GRABBED), known(coming=coming(a_download(OTHER))), S.GRABBED),
    ("its import takes its time", out(S.IMPORTING, **GRABBED, gone_since=NOW - HOUR / 2), AUTO, S.IMPORTING),
    ("its import came to nothing", out(S.IMPORTING, **GRABBED, **GONE), AUTO, S.SEARCHING),
    ("its file is gone", out(S.READY, **KEPT), known(library=in_library()), S.READY),
    (
        "its file is gone for 23 hours",
        out(S.READY, **KEPT, gone_since=NOW - 23 * HOUR),
        known(library=in_library()),
        S.READY,
    ),
    (
        "its file is gone for a month: somebody has watched it, and deleted it",
        out(S.READY, **KEPT, gone_since=NOW - days(30)),
        known(library=in_library()),
        S.READY,
    ),
    ("... but the *arr is away", out(S.READY, **KEPT, gone_since=NOW - DAY), known(library=None), S.READY),
    ("... and is back", out(S.READY, **KEPT, gone_since=NOW - DAY), known(library=in_library(has_file=True)), S.READY),
    (
        "its file is gone, and the *arr fetches another",
        out(S.READY, **KEPT),
        known(library=in_library(), coming=coming(a_download())),
        S.READY,
    ),
)


@pytest.mark.parametrize(("said", "wish", "facts", "state"), MOVIES, ids=[each[0] for each in MOVIES])
def test_how_far_a_movie_is(said: str, wish: Wish, facts: Known, state: PartState) -> None:
    after = refresh(wish, facts, NOW)
    assert after.parts[0].state is state, said
    assert after.state == WishState(state), "a movie is as far as its only part"
    assert (after.parts[0].ready_at is not None) == (state is S.READY) or wish.parts[0].state is S.READY
    assert refresh(after, facts, NOW) == after


@pytest.mark.parametrize("there", [{"library": in_library()}, {"kept": False, "library": {}}], ids=["file", "title"])
def test_what_was_watched_and_deleted_is_fetched_again_when_a_person_wants_that(there: dict[str, Any]) -> None:
    facts = known(has_arr=True, **({"kept": True} | there))
    wish = out(S.READY, **KEPT, **GRABBED, ready_at=NOW - DAY)
    wish = refresh(wish, facts, NOW)
    assert (wish.state, wish.why, has_lost(wish)) == (WishState.READY, (), True), "it may be about to be replaced"
    wish = refresh(wish, facts, NOW + DAY)
    assert next_step(wish, facts, NOW + DAY).kind is K.NOTHING
    assert [each.key for each in wish.why] == ["watchlist.left_library"]
    again = refresh(wanted_again(wish, NOW + DAY), facts, NOW + DAY)
    assert (again.state, again.parts[0].ready_at, again.parts[0].failed) == (WishState.SEARCHING, None, ())
    wanted = next_step(again, facts, NOW + DAY, asked=NOW + DAY).kind
    assert wanted is (K.SEARCH if facts.kept else K.ADD_TO_ARR)


def test_what_is_there_is_not_fetched_again() -> None:
    facts = known(has_arr=True, kept=True, library=in_library(has_file=True))
    wish = refresh(out(S.READY, **KEPT, ready_at=NOW), facts, NOW)
    assert wanted_again(wish, NOW).parts == wish.parts
    assert not has_lost(wish)


def test_a_download_that_is_gone_is_not_fetched_again() -> None:
    wish = refresh(out(S.GRABBED, **GRABBED, **GONE), AUTO, NOW)
    assert wish.parts[0].failed == (HASH, "Dune.a")
    assert (wish.parts[0].download, wish.parts[0].release, wish.parts[0].gone_since) == ("", "", None)


OWN = GRABBED | {"entry_id": 3}
BETTER = Better(release="Dune.b", download=OTHER, grabbed_at=NOW, entry_id=4)
TAKEN_BACK = (
    ("what is on its way", out(S.GRABBED, **OWN), 3, S.SEARCHING, (HASH, "Dune.a")),
    ("... before it is out", out(S.GRABBED, **OWN, dates=Dates(digital=on(9))), 3, S.WAITING, (HASH, "Dune.a")),
    ("what is being imported", out(S.IMPORTING, **OWN), 3, S.SEARCHING, (HASH, "Dune.a")),
    ("what something else brought", out(S.GRABBED, **OWN), 4, S.GRABBED, ()),
    ("what can be watched", out(S.READY, **OWN, ready_at=NOW), 3, S.READY, ()),
    ("what is better", out(S.READY, **OWN, ready_at=NOW, better=BETTER), 4, S.READY, (OTHER, "Dune.b")),
)


@pytest.mark.parametrize(
    ("said", "wish", "entry_id", "state", "gone"), TAKEN_BACK, ids=[each[0] for each in TAKEN_BACK]
)
def test_a_person_takes_back(said: str, wish: Wish, entry_id: int, state: PartState, gone: tuple[str, ...]) -> None:
    (part,) = taken_back(refresh(wish, AUTO, NOW), entry_id, NOW).parts
    assert (part.state, part.failed, part.better) == (state, gone, None), said
    assert (part.taken_back_at is not None) is (state in {S.SEARCHING, S.WAITING})
    assert refresh(taken_back(wish, entry_id, NOW), AUTO, NOW).parts[0].better_until is None or not part.upgrades


@pytest.mark.parametrize(
    ("settings", "when", "kind"),
    [
        (True, None, K.ASK),
        (True, NOW, K.GRAB),
        (False, None, K.NOTHING),
        (None, None, K.ASK),
    ],
)
def test_what_is_found_after_that_waits_for_a_word(*, settings: bool | None, when: datetime | None, kind: K) -> None:
    facts = known(settings=WatchSettings(auto=settings))
    wish = refresh(taken_back(refresh(out(S.GRABBED, **OWN), facts, NOW), 3, NOW), facts, NOW)
    assert next_step(wish, facts, NOW).kind is K.SEARCH
    wish = refresh(
        searched(wish, [""], {"": Found(release="Dune.b", result="r1", count=1)}, NOW, pack=False), facts, NOW
    )
    assert next_step(wish, facts, NOW, asked=when).kind is kind
    assert [each.key for each in wish.why] == ["watchlist.offered"]
    told = asked(wish, [""], NOW)
    assert next_step(told, facts, NOW).kind is K.NOTHING, "once is enough"
    assert grabbed(told, [""], NOW).parts[0].taken_back_at is None
    assert wanted_again(told, NOW).parts[0].taken_back_at is None


DEAD = Coming(download=HASH, release="Dune.a", failed=True)
STANDS = replace(DEAD, failed=False, stands=True)
FAILED = (
    ("what was fetched for it has failed", out(S.GRABBED, **OWN), [DEAD], S.SEARCHING),
    ("... has given nothing for long", out(S.GRABBED, **OWN), [STANDS], S.SEARCHING),
    ("... before it is out", out(S.GRABBED, **OWN, dates=Dates(digital=on(9))), [DEAD], S.WAITING),
    ("... and somebody else downloads it", out(S.GRABBED, **OWN), [DEAD, a_download(OTHER)], S.GRABBED),
    ("... and somebody else has it", out(S.GRABBED, **OWN), [DEAD, a_download(OTHER, finished=True)], S.READY),
    ("somebody else's has failed", out(S.GRABBED, **GRABBED), [DEAD], S.GRABBED),
    ("another one has failed", out(S.GRABBED, **OWN), [a_download(), replace(DEAD, download=OTHER)], S.GRABBED),
    ("an *arr waits for it: it is healed", out(S.GRABBED, **OWN, **KEPT), [DEAD], S.GRABBED),
    ("it could be watched, and its files were moved", out(S.READY, **OWN), [DEAD], S.READY),
)


@pytest.mark.parametrize(("said", "wish", "downloads", "state"), FAILED, ids=[each[0] for each in FAILED])
def test_what_failed_is_left_and_another_one_looked_for(
    said: str, wish: Wish, downloads: list[Coming], state: PartState
) -> None:
    facts = known(coming=coming(*downloads))
    after = refresh(wish, facts, NOW)
    assert after.parts[0].state is state, said
    assert refresh(after, facts, NOW) == after
    if state in {S.SEARCHING, S.WAITING}:
        assert after.parts[0].failed == (HASH, "Dune.a")
        assert next_step(after, facts, NOW).kind is (K.SEARCH if state is S.SEARCHING else K.NOTHING)


def test_after_some_that_failed_the_next_is_waited_for() -> None:
    """It may be the connection, and clients fill with what nobody needs."""
    enough, too_few = (out(S.GRABBED, **OWN, given_up=count) for count in (MOST_GIVEN_UP, MOST_GIVEN_UP - 1))
    assert refresh(enough, known(coming=coming(STANDS)), NOW).state is WishState.GRABBED
    assert refresh(enough, known(coming=coming(DEAD)), NOW).state is WishState.SEARCHING, "it won't come, for certain"
    assert refresh(too_few, known(coming=coming(STANDS)), NOW).state is WishState.SEARCHING


@pytest.mark.parametrize(("before", "at_once"), [(0, True), (2, True), (3, False)])
def test_after_some_that_failed_there_is_a_pause(before: int, *, at_once: bool) -> None:
    wish = out(S.GRABBED, **OWN, searched_at=NOW - MINUTE, given_up=before)
    wish = refresh(wish, known(coming=coming(DEAD)), NOW)
    assert (next_step(wish, AUTO, NOW).kind is K.SEARCH) is at_once


@pytest.mark.parametrize("told", [{"download": ""}, {"release": ""}, {}], ids=["its name", "its hash", "both"])
def test_releases_that_came_to_nothing_are_counted_by_whatever_they_are_known(told: dict[str, str]) -> None:
    wish = out()
    for number in range(MOST_GIVEN_UP):
        fetched = {"release": f"Dune.{number}", "download": f"{number:040}"} | told
        (part,) = wish.parts
        part = replace(part, state=S.GRABBED, grabbed_at=NOW - HOUR, gone_since=NOW - HOUR, **fetched)
        wish = refresh(replace(wish, parts=(part,)), AUTO, NOW)
    (part,) = wish.parts
    assert (part.state, part.given_up, part.searches) == (S.SEARCHING, MOST_GIVEN_UP, MOST_GIVEN_UP)
    again = replace(wish, parts=(replace(part, state=S.GRABBED, **OWN),))
    assert refresh(again, known(coming=coming(STANDS)), NOW).state is WishState.GRABBED
    lost = replace(wish, parts=(replace(part, state=S.READY, gone_since=NOW),))
    assert brought_back(lost).parts[0].given_up == MOST_GIVEN_UP


def test_what_was_given_up_and_came_after_all_can_be_watched() -> None:
    wish = refresh(out(S.GRABBED, **OWN), known(coming=coming(DEAD)), NOW)
    wish = refresh(wish, known(coming=coming(a_download(finished=True))), NOW + HOUR)
    assert (wish.state, wish.parts[0].download) == (WishState.READY, HASH)


def test_a_season_that_failed_is_looked_for_as_a_whole_again() -> None:
    parts = [aired(f"S01E0{n}", S.GRABBED, **OWN, **TRIED) for n in (1, 2)]
    facts = known(coming={part.key: (DEAD,) for part in parts})
    wish = refresh(following(*parts), facts, NOW)
    step = next_step(wish, facts, NOW + HOUR)
    assert (step.kind, step.keys, step.pack) == (K.SEARCH, ("S01E01", "S01E02"), True)


def test_a_download_that_healing_replaced_is_not_fetched_again() -> None:
    wish = refresh(out(S.GRABBED, **GRABBED), known(coming=coming(a_download(OTHER))), NOW)
    assert wish.parts[0].failed == (HASH, "Dune.a")
    assert (wish.parts[0].download, wish.parts[0].release) == (OTHER, "Dune.b")


def test_since_when_it_waits_for_its_import() -> None:
    here = known(coming=coming(a_download(finished=True)), library=in_library())
    wish = refresh(out(S.GRABBED, **GRABBED, **KEPT), here, NOW)
    assert refresh(wish, here, NOW + HOUR).parts[0].here_at == NOW
    wish = refresh(wish, known(library=in_library(has_file=True)), NOW + HOUR)
    assert wish.parts[0].here_at is None


def test_a_second_download_changes_nothing_while_the_first_is_there() -> None:
    both = known(coming=coming(a_download(OTHER, finished=True), a_download()))
    wish = refresh(out(S.GRABBED, **GRABBED), both, NOW)
    assert (wish.parts[0].download, wish.parts[0].state, wish.parts[0].failed) == (HASH, S.GRABBED, ())


def test_a_download_that_comes_back_is_waited_for() -> None:
    wish = refresh(out(S.GRABBED, **GRABBED), AUTO, NOW)
    assert wish.parts[0].gone_since == NOW
    wish = refresh(wish, known(coming=coming(a_download())), NOW + MINUTE)
    assert wish.parts[0].gone_since is None
    wish = refresh(wish, AUTO, NOW + HOUR)
    assert wish.parts[0].state is S.GRABBED, "its patience begins anew"


# --- steps of a movie ------------------------------------------------------------------------------------------------

OFFER = {"release": "Dune.a", "result": "r1", "searched_at": NOW - MINUTE}
ARR_KNOWN = {"has_arr": True, "kept": True, "library": in_library()}
ASKS, NEVER = WatchSettings(), WatchSettings(auto=False)
SEEN = replace(RADARR, only_seen=True)
NOBODY_TO_SEARCH = {"failures": 1, "failed_at": NOW, "failed": Reason(key="watchlist.no_source")}

STEPS = (
    ("catalogues were not asked yet", out(resolved_at=None), AUTO, K.RESOLVE),
    ("catalogues were asked a week ago", out(resolved_at=NOW - days(8)), AUTO, K.RESOLVE),
    (
        "it comes out in a month, told two days ago",
        out(S.WAITING, dates=Dates(digital=on(30)), resolved_at=NOW - days(2)),
        AUTO,
        K.NOTHING,
    ),
    (
        "it comes out in days, told two days ago",
        out(S.WAITING, dates=Dates(digital=on(5)), resolved_at=NOW - days(2)),
        AUTO,
        K.RESOLVE,
    ),
    ("of what is on its way catalogues tell nothing new", out(S.GRABBED, resolved_at=NOW - days(99)), AUTO, K.NOTHING),
    ("not out yet", out(S.WAITING, dates=Dates(digital=on(1))), AUTO, K.NOTHING),
    ("out", out(), AUTO, K.SEARCH),
    ("out, looked for just now", out(searched_at=NOW - MINUTE, searches=1), AUTO, K.NOTHING),
    ("out, looked for two hours ago", out(searched_at=NOW - 2 * HOUR, searches=1), AUTO, K.SEARCH),
    ("a feed has it", out(searched_at=NOW - HOUR / 2, searches=9, hit_at=NOW), AUTO, K.SEARCH),
    ("a feed has it before it is out", out(S.WAITING, dates=Dates(digital=on(1)), hit_at=NOW), AUTO, K.NOTHING),
    ("found", out(S.OFFERED, **OFFER), AUTO, K.GRAB),
    ("found half an hour ago", out(S.OFFERED, **(OFFER | {"searched_at": NOW - HOUR / 2})), AUTO, K.SEARCH),
    ("found, but somebody has it", out(S.OFFERED, **OFFER), known(library=in_library(has_file=True)), K.NOTHING),
    ("found, but somebody fetches it", out(S.OFFERED, **OFFER), known(coming=coming(a_download())), K.NOTHING),
    ("found, the autopilot is off", out(S.OFFERED, **OFFER), known(pilot=False), K.NOTHING),
    ("found, nobody was asked yet", out(S.OFFERED, **OFFER), known(settings=ASKS), K.ASK),
    ("found, somebody was asked", out(S.OFFERED, **OFFER, asked_at=NOW), known(settings=ASKS), K.NOTHING),
    ("found, the person fetches by hand", out(S.OFFERED, **OFFER), known(settings=NEVER), K.NOTHING),
    ("... but this one by itself", out(S.OFFERED, **OFFER, auto=True), known(settings=NEVER), K.GRAB),
    ("this one by hand", out(S.OFFERED, **OFFER, auto=False), AUTO, K.NOTHING),
    ("nobody was asked, it is looked for all the same", out(), known(settings=ASKS), K.SEARCH),
    ("a person is done with it", out(done_at=NOW), AUTO, K.NOTHING),
    ("the *arr looks for it", out(asked_by=ARR), AUTO, K.NOTHING),
    ("there is an *arr", out(), known(has_arr=True), K.ADD_TO_ARR),
    (
        "there is an *arr, and it is not out yet",
        out(S.WAITING, dates=Dates(digital=on(9))),
        known(has_arr=True),
        K.ADD_TO_ARR,
    ),
    ("there is an *arr that is away", out(), known(has_arr=True, answers=False), K.NOTHING),
    ("by hand: nothing is added, it would fetch by itself", out(auto=False), known(has_arr=True), K.SEARCH),
    ("nobody was asked: nothing is added", out(), known(has_arr=True, settings=ASKS), K.SEARCH),
    ("nobody was asked: nothing is monitored", out(keeper=SEEN), known(**ARR_KNOWN, settings=ASKS), K.SEARCH),
    ("by hand: nothing is monitored", out(keeper=SEEN), known(**ARR_KNOWN, settings=NEVER), K.SEARCH),
    (
        "by hand, and nobody monitors it: it was never to be for this wish",
        out(keeper=SEEN),
        known(**(ARR_KNOWN | {"library": in_library(monitored=False)}), settings=NEVER),
        K.SEARCH,
    ),
    (
        "by hand, and the library has it",
        out(keeper=SEEN),
        known(**(ARR_KNOWN | {"library": in_library(has_file=True)}), settings=NEVER),
        K.NOTHING,
    ),
    (
        "nobody could search, and the answer is no",
        out(**NOBODY_TO_SEARCH),
        known(has_arr=True, settings=NEVER),
        K.NOTHING,
    ),
    ("nobody could search, and the *arr may", out(**NOBODY_TO_SEARCH), known(has_arr=True), K.ADD_TO_ARR),
    ("the *arr has it, and it is to be monitored", out(keeper=SEEN), known(**ARR_KNOWN), K.ADD_TO_ARR),
    ("the *arr has it", out(**KEPT), known(**ARR_KNOWN), K.SEARCH),
    ("the *arr has it and is away", out(**KEPT), known(**(ARR_KNOWN | {"answers": False})), K.NOTHING),
    ("its *arr was removed from SOKOUL", out(**KEPT), known(answers=False), K.NOTHING),
    ("a person removed it from the *arr", out(**KEPT), known(**(ARR_KNOWN | {"kept": False})), K.NOTHING),
    (
        "nobody monitors it any more",
        out(**KEPT),
        known(**(ARR_KNOWN | {"library": in_library(monitored=False)})),
        K.NOTHING,
    ),
    (
        "somebody has it already: nothing is added",
        out(),
        known(has_arr=True, library=in_library(has_file=True)),
        K.NOTHING,
    ),
    ("it went wrong a minute ago", out(failures=1, failed_at=NOW - MINUTE), AUTO, K.NOTHING),
    ("it went wrong ten minutes ago", out(failures=1, failed_at=NOW - 10 * MINUTE), AUTO, K.SEARCH),
    (
        "it went wrong ten minutes ago, for the third time",
        out(failures=3, failed_at=NOW - 10 * MINUTE),
        AUTO,
        K.NOTHING,
    ),
)


@pytest.mark.parametrize(("said", "wish", "facts", "kind"), STEPS, ids=[each[0] for each in STEPS])
def test_what_is_to_be_done_about_a_movie(said: str, wish: Wish, facts: Known, kind: StepKind) -> None:
    wish = refresh(wish, facts, NOW)
    step = next_step(wish, facts, NOW)
    assert step.kind is kind, said
    assert wish.due == (step.at if kind is K.NOTHING else NOW)


BY_HAND = (
    ("before it is out", out(S.WAITING, dates=Dates(digital=on(9))), AUTO, K.SEARCH),
    ("looked for just now, but before that was asked", out(searched_at=NOW - HOUR, searches=1), AUTO, K.SEARCH),
    ("looked for since", out(searched_at=NOW, searches=1), AUTO, K.NOTHING),
    ("found, whatever the settings say", out(S.OFFERED, **OFFER), known(settings=NEVER), K.GRAB),
    ("found, though the autopilot is off", out(S.OFFERED, **OFFER), known(pilot=False), K.GRAB),
    ("added for it, whatever the settings say", out(), known(settings=NEVER, has_arr=True), K.ADD_TO_ARR),
    ("added again", out(**KEPT), known(has_arr=True, kept=False), K.ADD_TO_ARR),
    (
        "though nobody monitors it",
        out(**KEPT),
        known(**(ARR_KNOWN | {"library": in_library(monitored=False)})),
        K.SEARCH,
    ),
    ("though it went wrong a minute ago", out(failures=1, failed_at=NOW - MINUTE), AUTO, K.SEARCH),
    ("it went wrong since", out(failures=1, failed_at=NOW), AUTO, K.NOTHING),
    ("never what is there", out(), known(library=in_library(has_file=True)), K.NOTHING),
    ("never what is on its way", out(), known(coming=coming(a_download())), K.NOTHING),
)


@pytest.mark.parametrize(("said", "wish", "facts", "kind"), BY_HAND, ids=[each[0] for each in BY_HAND])
def test_what_is_to_be_done_when_a_person_wants_it_now(said: str, wish: Wish, facts: Known, kind: StepKind) -> None:
    assert next_step(refresh(wish, facts, NOW), facts, NOW, asked=NOW).kind is kind, said


def test_a_failure_passes_when_something_succeeds() -> None:
    wish = failed(out(S.OFFERED, **OFFER), Reason(key="grab.away"), NOW, [""], useless=True)
    assert (wish.parts[0].state, wish.parts[0].failed, wish.failures) == (S.SEARCHING, ("Dune.a",), 1)
    assert wish.failed in refresh(wish, AUTO, NOW).why
    wish = searched(wish, [""], {}, NOW + HOUR, pack=False)
    assert (wish.failures, wish.failed_at, wish.failed) == (0, None, None)


AWAY = Found(refused=Reason(key="watchlist.sources_failed", parameters={"names": ("Prowlarr",)}), unanswered=True)


def test_a_search_that_somebody_gave_no_answer_to_is_made_again_and_counts_once_that_goes_on() -> None:
    wish, now, pauses = out(id="0"), NOW, list[tuple[timedelta, int]]()
    for _ in range(7):
        wish = searched(wish, [""], {"": AWAY}, now, pack=False)
        due = next_search(wish, wish.parts[0])
        assert due is not None
        pauses.append((due - now, wish.parts[0].searches))
        now = due
    lengths = (5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR, 6 * HOUR, HOUR, 3 * HOUR)
    assert pauses == [(stretched(each, "0"), count) for each, count in zip(lengths, (0, 0, 0, 0, 0, 1, 2), strict=True)]
    assert wish.failed is None, "nothing else of it waits"
    wish = refresh(wish, AUTO, now)
    assert AWAY.refused in wish.why
    assert not {"watchlist.nothing_found", "watchlist.all_refused"} & {each.key for each in wish.why}
    wish = searched(wish, [""], {}, now, pack=False)
    assert (wish.parts[0].unanswered, wish.parts[0].searches) == (0, 3)
    assert searched(wish, [""], {"": AWAY}, now, pack=False).parts[0].searches == 3


def test_a_season_that_somebody_gave_no_answer_about_is_looked_for_as_a_whole_again() -> None:
    facts, later = told(*(episode(f"S01E0{number}") for number in (1, 2, 3))), NOW + 10 * MINUTE
    wish = refresh(series(season=1), facts, NOW)
    step = next_step(wish, facts, NOW)
    assert step.pack
    again = searched(wish, step.keys, dict.fromkeys(step.keys, AWAY), NOW, pack=True)
    assert next_step(refresh(again, facts, later), facts, later) == step
    vain = searched(wish, step.keys, {}, NOW, pack=True)
    assert next_step(refresh(vain, facts, later), facts, later).kind is K.NOTHING


def test_who_was_told_of_an_offer_is_told_again_of_the_next() -> None:
    asks = known(settings=ASKS)
    wish = asked(refresh(out(S.OFFERED, **OFFER), asks, NOW), [""], NOW)
    assert next_step(wish, asks, NOW).kind is K.NOTHING
    wish = searched(wish, [""], {}, NOW + DAY, pack=False)
    wish = searched(wish, [""], {"": Found(release="Dune.b", result="r2")}, NOW + 2 * DAY, pack=False)
    assert next_step(wish, asks, NOW + 2 * DAY).kind is K.ASK


@pytest.mark.parametrize(
    ("said", "before", "told", "after"),
    [
        ("what is told counts", Dates(digital=on(3)), Dates(digital=on(9)), Dates(digital=on(9))),
        ("what is over stays", Dates(digital=on(-3)), Dates(cinema=on(-99)), Dates(digital=on(-3), cinema=on(-99))),
        ("what was to come is taken back", Dates(digital=on(3)), Dates(cinema=on(-9)), Dates(cinema=on(-9))),
        ("who tells nothing takes nothing back", Dates(digital=on(3)), Dates(), Dates(digital=on(3))),
    ],
)
def test_what_catalogues_tell_of_dates(said: str, before: Dates, told: Dates, after: Dates) -> None:
    assert refresh(out(dates=before), known(catalogue=Catalogued(dates=told)), NOW).dates == after, said


# --- what nobody knows -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "due", "done_at", "kind"),
    [
        (WishState.ASKED, None, None, K.RESOLVE),
        (WishState.ASKED, NOW, None, K.RESOLVE),
        (WishState.UNKNOWN, NOW + HOUR, None, K.NOTHING),
        (WishState.UNKNOWN, NOW - HOUR, None, K.RESOLVE),
        (WishState.UNCLEAR, None, None, K.NOTHING),
        (WishState.UNCLEAR, NOW - HOUR, None, K.NOTHING),
        (WishState.ASKED, None, NOW, K.NOTHING),
    ],
)
def test_what_is_not_known_yet(
    state: WishState, due: datetime | None, done_at: datetime | None, kind: StepKind
) -> None:
    wish = Wish(id="1", text="dune", asked_at=NOW, state=state, due=due, done_at=done_at)
    assert refresh(wish, AUTO, NOW) == wish
    assert next_step(wish, AUTO, NOW).kind is kind


# --- series ----------------------------------------------------------------------------------------------------------


def episode(key: str, days_from_now: int | None = -2, name: str = "") -> CatalogueEpisode:
    day = None if days_from_now is None else on(days_from_now)
    return CatalogueEpisode(season=int(key[1:3]), episode=int(key[4:]), airs_on=day, name=name)


def told(*episodes: CatalogueEpisode, ended: bool | None = None) -> Known:
    return known(catalogue=Catalogued(episodes=episodes, ended=ended))


def keys(wish: Wish) -> str:
    return " ".join(f"{part.key}:{part.state}" for part in wish.parts)


EPISODES = (
    (
        "all but specials",
        {},
        [episode("S00E01"), episode("S01E01"), episode("S02E01", 5)],
        "S01E01:searching S02E01:waiting",
    ),
    (
        "one season",
        {"season": 2},
        [episode("S01E01"), episode("S02E01"), episode("S02E02")],
        "S02E01:searching S02E02:searching",
    ),
    ("one episode", {"season": 2, "episode": 2}, [episode("S02E01"), episode("S02E02")], "S02E02:searching"),
    ("specials that were asked for", {"season": 0}, [episode("S00E01"), episode("S01E01")], "S00E01:searching"),
    ("no date: it waits", {}, [episode("S01E01", None)], "S01E01:waiting"),
    (
        "no date, but a later one is out",
        {},
        [episode("S01E01", None), episode("S01E02")],
        "S01E01:searching S01E02:searching",
    ),
    ("in their order", {}, [episode("S01E10"), episode("S01E02")], "S01E02:searching S01E10:searching"),
    ("nobody could tell", {}, [], ""),
)


@pytest.mark.parametrize(("said", "values", "episodes", "parts"), EPISODES, ids=[each[0] for each in EPISODES])
def test_which_episodes_are_wanted(
    said: str, values: dict[str, int], episodes: list[CatalogueEpisode], parts: str
) -> None:
    assert keys(refresh(series(**values), told(*episodes), NOW)) == parts, said


def test_an_episode_without_a_name_yet() -> None:
    wish = refresh(series(), told(episode("S01E01", name="TBA"), episode("S01E02", name="System")), NOW)
    assert [part.name for part in wish.parts] == ["", "System"]


def test_what_vanished_from_the_catalogue_is_no_longer_wanted_but_what_is_there_stays() -> None:
    wish = series(part("S01E01", S.READY), part("S01E02"), part("S01E03", S.GRABBED), part("S01E04", S.WAITING))
    assert keys(refresh(wish, told(episode("S01E09")), NOW)) == "S01E01:ready S01E03:grabbed S01E09:searching"
    assert keys(refresh(wish, told(), NOW)) == keys(refresh(wish, AUTO, NOW)), "a catalogue that says nothing"


def test_what_the_arr_tells_at_each_look_changes_nothing() -> None:
    facts = told(episode("S01E01"), ended=True)
    wish = refresh(series(), facts, NOW)
    assert wish.resolved_at == NOW
    assert refresh(wish, facts, NOW + HOUR).resolved_at == NOW, "nothing new is to be written"
    later = refresh(wish, facts, NOW + days(30))
    assert later.resolved_at == NOW + days(30)
    assert next_step(later, AUTO, NOW + days(30)).kind is not K.RESOLVE


def test_when_catalogues_were_asked_is_told_by_what_became_of_it() -> None:
    wish = movie(S.SEARCHING, dates=Dates(), resolved_at=NOW - days(2))
    facts = known(catalogue=Catalogued(dates=Dates(physical=on(1))))
    once = refresh(wish, facts, NOW)
    assert once.parts[0].state is S.WAITING
    assert once.resolved_at == NOW, "of what comes out soon catalogues are asked each day"
    assert refresh(once, facts, NOW) == once


def test_what_fails_is_given_up_at_the_first_look_that_knows_it() -> None:
    wish = movie(S.GRABBED, dates=Dates(digital=on(-9)), resolved_at=NOW, entry_id=5, grabbed_at=NOW - days(2))
    facts = known(coming={"": (Coming(download="a" * 40, release="Dune", stands=True),)}, all_seen=True)
    once = refresh(wish, facts, NOW)
    assert (once.parts[0].state, once.parts[0].failed) == (S.SEARCHING, ("a" * 40, "Dune"))
    assert refresh(once, facts, NOW) == once


def test_a_finale_is_one_as_long_as_catalogues_say_so() -> None:
    wish = refresh(series(season=1), told(replace(episode("S01E01"), finale=True)), NOW)
    assert wish.parts[0].finale
    assert not refresh(wish, told(episode("S01E01")), NOW).parts[0].finale


def test_an_episode_keeps_its_history_when_its_date_moves() -> None:
    wish = refresh(series(part("S01E01", searches=3, searched_at=NOW, failed=("x",))), told(episode("S01E01", 7)), NOW)
    assert keys(wish) == "S01E01:waiting"
    assert (wish.parts[0].failed, wish.parts[0].out_on) == (("x",), on(7))


def test_a_series_of_a_lifetime_is_bounded() -> None:
    wish = refresh(series(), told(*(episode(f"S{n // 30 + 1:02}E{n % 30 + 1:02}") for n in range(1_200))), NOW)
    assert len(wish.parts) == 1_000
    assert wish.parts[-1].key == "S40E30", "the newest count"


def aired(key: str, state: PartState = S.SEARCHING, ago: int = 2, **values: Any) -> Part:
    given = {"out_on": on(-ago), "out": Out.AIRED, "out_at": NOW - days(ago)}
    return part(key, state, **(given | values))


def following(*parts: Part, **values: Any) -> Wish:
    return series(*parts, **({"resolved_at": NOW} | values))


SERIES_STATES = (
    ("nothing is known", [], {}, WishState.WAITING),
    ("nothing is out", [aired("S01E01", S.WAITING, -3)], {}, WishState.WAITING),
    ("one is missing", [aired("S01E01", S.READY), aired("S01E02")], {}, WishState.SEARCHING),
    ("one is missing, one on its way", [aired("S01E01", S.GRABBED), aired("S01E02")], {}, WishState.SEARCHING),
    ("one is on its way", [aired("S01E01", S.GRABBED), aired("S01E02", S.READY)], {}, WishState.GRABBED),
    ("all that is out is there", [aired("S01E01", S.READY), aired("S01E02", S.WAITING, -3)], {}, WishState.UP_TO_DATE),
    ("more may come", [aired("S01E01", S.READY)], {}, WishState.UP_TO_DATE),
    ("it ended", [aired("S01E01", S.READY)], {"ended": True}, WishState.READY),
    (
        "it ended, and one is to come",
        [aired("S01E01", S.READY), aired("S01E02", S.WAITING, -3)],
        {"ended": True},
        WishState.UP_TO_DATE,
    ),
    ("one episode was wanted", [aired("S01E01", S.READY)], {"season": 1, "episode": 1}, WishState.READY),
    ("a season that goes on", [aired("S01E01", S.READY)], {"season": 1}, WishState.UP_TO_DATE),
    ("a season of last year", [aired("S01E01", S.READY, 300)], {"season": 1}, WishState.READY),
    ("a season with its finale", [aired("S01E01", S.READY, finale=True)], {"season": 1}, WishState.READY),
    ("a series with the finale of a season", [aired("S01E01", S.READY, finale=True)], {}, WishState.UP_TO_DATE),
    (
        "a season that goes on behind its finale",
        [aired("S01E01", S.READY, finale=True), aired("S01E02", S.READY)],
        {"season": 1},
        WishState.UP_TO_DATE,
    ),
    (
        "a season whose finale is to come",
        [aired("S01E01", S.READY), aired("S01E02", S.WAITING, -3, finale=True)],
        {"season": 1},
        WishState.UP_TO_DATE,
    ),
    ("a series that nobody heard of for a year", [aired("S01E01", S.READY, 300)], {}, WishState.UP_TO_DATE),
)


@pytest.mark.parametrize(("said", "parts", "values", "state"), SERIES_STATES, ids=[each[0] for each in SERIES_STATES])
def test_how_far_a_series_is(said: str, parts: list[Part], values: dict[str, Any], state: WishState) -> None:
    assert refresh(following(*parts, **values), AUTO, NOW).state is state, said


SEASON = [aired("S01E01"), aired("S01E02"), aired("S01E03")]
TRIED = {"season_at": NOW - HOUR, "searched_at": NOW - HOUR, "searches": 1}

SEARCHES = (
    ("a season that is missing: all of it", SEASON, "S01E01 S01E02 S01E03 pack"),
    ("one of it is there: one by one", [aired("S01E01", S.READY), *SEASON[1:]], "S01E02"),
    ("one of it is on its way: one by one", [aired("S01E01", S.GRABBED), *SEASON[1:]], "S01E02"),
    ("one of it is to come: one by one", [*SEASON, aired("S01E04", S.WAITING, -3)], "S01E01"),
    ("one episode makes no season", [aired("S01E01")], "S01E01"),
    ("the season was looked for in vain", [aired(f"S01E0{n}", **TRIED, ago=60) for n in (1, 2)], "nothing"),
    (
        "... a week ago",
        [
            aired(f"S01E0{n}", **(TRIED | {"searched_at": NOW - days(8), "season_at": NOW - days(8)}), ago=60)
            for n in (1, 2)
        ],
        "S01E01 S01E02 pack",
    ),
    (
        "... two hours ago: one by one",
        [aired(f"S01E0{n}", **(TRIED | {"searched_at": NOW - 2 * HOUR})) for n in (1, 2)],
        "S01E01",
    ),
    ("the one that waits the longest", [aired("S01E01", ago=2), aired("S02E01", ago=3)], "S02E01"),
    ("a new one before old ones", [aired("S01E01", ago=99), aired("S02E01", ago=3)], "S02E01"),
    ("what a feed has before all", [aired("S01E01", ago=99, hit_at=NOW), aired("S02E01", ago=3)], "S01E01"),
    (
        "not right after another",
        [aired("S01E01", searched_at=NOW - MINUTE / 2, searches=1), aired("S02E01")],
        "nothing",
    ),
    (
        "another season meanwhile",
        [aired("S01E01", searched_at=NOW - 2 * MINUTE, searches=1), aired("S02E01")],
        "S02E01",
    ),
)


@pytest.mark.parametrize(("said", "parts", "expected"), SEARCHES, ids=[each[0] for each in SEARCHES])
def test_what_of_a_series_is_looked_for(said: str, parts: list[Part], expected: str) -> None:
    step = next_step(refresh(following(*parts), AUTO, NOW), AUTO, NOW)
    if step.kind is K.NOTHING:
        assert expected == "nothing", said
        return
    assert step.kind is K.SEARCH
    assert " ".join([*step.keys, *(["pack"] if step.pack else [])]) == expected, said
    assert step.season == int(step.keys[0][1:3])


def test_many_missing_episodes_are_looked_for_slowly() -> None:
    """Else a series of eight hundred would have an indexer asked every minute, day and night."""
    episodes = [aired(f"S01E{n:02}", ago=99) for n in range(1, 13)]
    parts = [aired("S01E13", S.READY), replace(episodes[0], searched_at=NOW, searches=1), *episodes[1:]]
    wish = refresh(following(*parts), AUTO, NOW)
    assert wish.due == NOW + 5 * MINUTE
    assert refresh(following(*parts[:4]), AUTO, NOW).due == NOW + MINUTE


@pytest.mark.parametrize(
    ("said", "wish", "before"),
    [
        ("asked for a minute ago", replace(out(), asked_at=NOW - MINUTE), True),
        ("asked for yesterday", replace(out(), asked_at=NOW - DAY), False),
        ("asked for a minute ago, and fetched", replace(out(S.GRABBED, **GRABBED), asked_at=NOW - MINUTE), False),
    ],
)
def test_what_was_there_before_was_not_acquired(said: str, wish: Wish, *, before: bool) -> None:
    wish = refresh(wish, known(library=in_library(has_file=True)), NOW)
    assert wish.parts[0].there_before is before, said
    assert refresh(wish, known(library=in_library(has_file=True)), NOW + DAY).parts[0].there_before is before


def test_a_season_is_fetched_at_once() -> None:
    wish = refresh(following(*SEASON), AUTO, NOW)
    step = next_step(wish, AUTO, NOW)
    found = {key: Found(release="The.Bear.S01", result="r1") for key in step.keys}
    wish = refresh(searched(wish, step.keys, found, NOW, pack=True), AUTO, NOW)
    step = next_step(wish, AUTO, NOW)
    assert (step.kind, step.keys, step.result) == (K.GRAB, ("S01E01", "S01E02", "S01E03"), "r1")
    wish = refresh(grabbed(wish, step.keys, NOW, download=HASH), AUTO, NOW)
    assert next_step(wish, AUTO, NOW).kind is K.NOTHING
    assert wish.state is WishState.GRABBED


@pytest.mark.parametrize(
    ("said", "parts", "values", "expected"),
    [
        ("all of a season", ["S01E01", "S01E02", "S01E03"], {}, "S01E01 S01E02 S01E03 pack"),
        ("one of it is there", ["S01E01", "S01E02"], {}, "S01E01"),
        ("just that episode", ["S01E01"], {"season": 1, "episode": 1}, "S01E01"),
    ],
)
def test_what_was_found_too_long_ago_is_looked_for_as_it_was(
    said: str, parts: list[str], values: dict[str, Any], expected: str
) -> None:
    offered = [aired(key, S.OFFERED, release=key, result=key, searched_at=NOW - DAY) for key in parts]
    there = [] if len(parts) != 2 else [aired("S01E03", S.READY)]
    wish = refresh(following(*offered, *there, **values), AUTO, NOW)
    step = next_step(wish, AUTO, NOW)
    assert step.kind is K.SEARCH
    assert " ".join([*step.keys, *(["pack"] if step.pack else [])]) == expected, said


def test_a_season_that_nobody_offers_is_looked_for_one_by_one() -> None:
    """And each episode on its own schedule: at first soon after the season."""
    now, wish = NOW, following(*SEASON)
    seen: list[tuple[str, ...]] = []
    while len(seen) < 5:
        wish = refresh(wish, AUTO, now)
        step = next_step(wish, AUTO, now)
        if step.kind is K.SEARCH:
            seen.append(step.keys)
            wish = searched(wish, step.keys, {}, now, pack=step.pack)
        elif step.kind is K.RESOLVE:
            wish = replace(wish, resolved_at=now)
        else:
            assert step.at is not None
            assert step.at > now
            now = step.at
    assert seen[:4] == [("S01E01", "S01E02", "S01E03"), ("S01E01",), ("S01E02",), ("S01E03",)]
    assert now - NOW < 6 * HOUR


def test_only_what_sonarr_monitors_is_looked_for() -> None:
    library = {"S01E01": Held(monitored=False), "S01E02": Held(), "S01E03": Held(has_file=True)}
    facts = known(has_arr=True, kept=True, library=library)
    wish = refresh(following(*SEASON, keeper=SONARR), facts, NOW)
    assert keys(wish) == "S01E01:searching S01E02:searching S01E03:ready"
    assert next_step(wish, facts, NOW).keys == ("S01E02",)


def test_an_episode_that_was_watched_and_deleted_stays_away_while_the_next_is_followed() -> None:
    facts = known(has_arr=True, kept=True, library={"S01E01": Held(), "S01E02": Held()})
    watched = aired("S01E01", S.READY, gone_since=NOW - days(30), ready_at=NOW - days(60))
    wish = refresh(following(watched, aired("S01E02"), keeper=SONARR), facts, NOW)
    assert keys(wish) == "S01E01:ready S01E02:searching"
    assert next_step(wish, facts, NOW).keys == ("S01E02",)
    assert keys(brought_back(wish)) == "S01E01:searching S01E02:searching"


def test_a_feed_has_the_new_episode() -> None:
    wish = following(*(aired(f"S01E0{n}", searched_at=NOW - HOUR / 2, searches=9) for n in (1, 2)))
    assert next_step(refresh(wish, AUTO, NOW), AUTO, NOW).kind is K.NOTHING
    assert next_step(refresh(hit(wish, ["S01E02"], NOW), AUTO, NOW), AUTO, NOW).keys == ("S01E02",)


# --- why not yet -----------------------------------------------------------------------------------------------------


def _failed_once() -> Wish:
    wish = out(searched_at=NOW, searches=1)
    return replace(wish, parts=(replace(wish.parts[0], failed=(HASH, "Dune.a")),))


VAIN = ["nothing_found", "next_look"]
COMES_OUT = ["asks_first", "not_out"]
WHY = (
    ("it comes out", out(S.WAITING, dates=Dates(digital=on(9))), AUTO, ["not_out"]),
    ("nobody knows when", out(meant=replace(DUNE, year=2027), dates=Dates()), AUTO, ["no_date"]),
    ("of this year, no date", out(meant=replace(DUNE, year=2026), dates=Dates()), AUTO, ["no_date"]),
    ("of long ago, no date", out(meant=replace(DUNE, year=1984), dates=Dates()), AUTO, []),
    (
        "a guess",
        out(dates=Dates(cinema=on(-60)), searched_at=NOW, searches=1),
        AUTO,
        ["not_out", "nothing_found", "next_look"],
    ),
    ("nothing was found", out(searched_at=NOW, searches=1), AUTO, ["nothing_found", "next_look"]),
    (
        "nothing that fits",
        out(searched_at=NOW, searches=1, found=3, refused=Reason(key="release.cam")),
        AUTO,
        ["all_refused", "release.cam", "next_look"],
    ),
    ("one came to nothing", _failed_once(), AUTO, ["nothing_found", "came_to_nothing", "next_look"]),
    ("a person is asked", out(S.OFFERED, **OFFER), known(settings=ASKS), ["asks_you"]),
    ("it is asked before anything is found", out(searched_at=NOW), known(settings=ASKS), ["asks_first", *VAIN]),
    ("... and before it is out", out(S.WAITING, dates=Dates(digital=on(9))), known(settings=ASKS), COMES_OUT),
    ("... for this one it was answered", out(searched_at=NOW, auto=True), known(settings=ASKS), VAIN),
    ("... its title is not known for certain", out(resolved_at=None), known(settings=ASKS), []),
    (
        "only Radarr could search, and nobody was asked",
        out(**NOBODY_TO_SEARCH),
        known(has_arr=True, settings=ASKS),
        ["asks_first", "next_look"],
    ),
    (
        "only Radarr could search, once somebody says so",
        out(**NOBODY_TO_SEARCH),
        known(has_arr=True, settings=NEVER),
        ["looks_when_told", "next_look"],
    ),
    ("nobody could search", out(**NOBODY_TO_SEARCH), known(settings=NEVER), ["no_source", "next_look"]),
    ("it waits for the person", out(S.OFFERED, **OFFER), known(settings=NEVER), ["offered"]),
    ("the autopilot is off", out(S.OFFERED, **OFFER), known(pilot=False), ["autopilot_off"]),
    ("it is on its way", out(S.GRABBED), known(coming=coming(a_download())), ["downloading"]),
    (
        "it is on its way and stuck",
        out(S.GRABBED),
        known(coming=coming(replace(a_download(), why=(Reason(key="wait.nobody"),)))),
        ["wait.nobody", "downloading"],
    ),
    (
        "it is about to be imported",
        out(S.GRABBED, **KEPT),
        known(coming=coming(a_download(finished=True)), library=in_library()),
        ["importing"],
    ),
    (
        "the *arr is away",
        out(**KEPT, searched_at=NOW),
        known(has_arr=True, answers=False),
        ["arr_away", "nothing_found", "next_look"],
    ),
    (
        "the *arr hasn't it any more",
        out(**KEPT, searched_at=NOW),
        known(has_arr=True, kept=False),
        ["gone_from_arr", "nothing_found", "next_look"],
    ),
    (
        "nobody monitors it",
        out(**KEPT, searched_at=NOW),
        known(**(ARR_KNOWN | {"library": in_library(monitored=False)})),
        ["not_monitored", "nothing_found", "next_look"],
    ),
    (
        "nobody imported it for two hours",
        out(S.IMPORTING, **KEPT, here_at=NOW - 2 * HOUR),
        known(coming=coming(a_download(finished=True)), library=in_library()),
        ["not_imported"],
    ),
    ("it can be watched", out(S.READY), AUTO, []),
    (
        "its file was just deleted",
        out(S.READY, **KEPT, gone_since=NOW - HOUR / 2),
        known(**ARR_KNOWN),
        [],
    ),
    ("its file was deleted", out(S.READY, **KEPT, gone_since=NOW - HOUR), known(**ARR_KNOWN), ["left_library"]),
    (
        "an episode was watched and deleted",
        following(aired("S01E01", S.READY, gone_since=NOW - DAY), aired("S01E02", S.WAITING, -3), keeper=SONARR),
        known(has_arr=True, kept=True, library={"S01E01": Held()}),
        ["left_library_parts", "next_out"],
    ),
    ("a person is done with it", out(done_at=NOW), AUTO, ["done_by_hand"]),
    (
        "episodes are missing",
        following(aired("S01E01", searched_at=NOW)),
        AUTO,
        ["missing_parts", "nothing_found", "next_look"],
    ),
    ("the next episode", following(aired("S01E01", S.READY), aired("S01E02", S.WAITING, -3)), AUTO, ["next_out"]),
    ("nothing is announced", following(aired("S01E01", S.READY)), AUTO, ["nothing_announced"]),
    ("no catalogue knows episodes", following(), AUTO, ["no_episodes"]),
)


@pytest.mark.parametrize(("said", "wish", "facts", "expected"), WHY, ids=[each[0] for each in WHY])
def test_why_it_is_not_here_yet(said: str, wish: Wish, facts: Known, expected: list[str]) -> None:
    why = refresh(wish, facts, NOW).why
    assert [reason.key.removeprefix("watchlist.") for reason in why] == expected, said


# --- what nobody can have now ----------------------------------------------------------------------------------------

NO_SLOT = Reason(key="grab.no_slot", parameters={"backend": "Account"})
NOT_PAID = Reason(key="grab.not_premium", parameters={"backend": "Other"})


def paused(until: datetime) -> Reason:
    return Reason(key="grab.account_paused", parameters={"backend": "Account", "until": until})


@pytest.mark.parametrize(
    ("why", "failures", "after"),
    [
        (NO_SLOT, 0, timedelta(minutes=5)),
        (NO_SLOT, 1, timedelta(minutes=15)),
        (NO_SLOT, 2, HOUR),
        (NO_SLOT, 9, 3 * HOUR),  # not once a day
        (paused(NOW + timedelta(minutes=40)), 0, timedelta(minutes=40)),
        (paused(NOW + timedelta(minutes=40)), 9, timedelta(minutes=40)),
        (paused(NOW - HOUR), 3, timedelta(minutes=5)),
        (paused(NOW + DAY), 0, 3 * HOUR),
        (NOT_PAID, 9, DAY),
    ],
)
def test_what_nobody_can_have_now_is_tried_again(why: Reason, failures: int, after: timedelta) -> None:
    wish = refresh(replace(out(S.OFFERED, **OFFER), failures=failures), AUTO, NOW)
    assert next_step(wish, AUTO, NOW).kind is K.GRAB
    wish = refresh(put_off(wish, why, [NOT_PAID], NOW), AUTO, NOW)
    assert wish.state is WishState.OFFERED, "it is not forgotten"
    again = next(at for at in (NOW + timedelta(minutes=m) for m in range(1, 2_000)) if _goes_on(wish, at))
    assert after <= again - NOW <= 1.1 * after + MINUTE


def _goes_on(wish: Wish, now: datetime) -> bool:
    return next_step(wish, AUTO, now).kind in {K.GRAB, K.SEARCH}


def test_what_is_put_off_says_who_and_why_and_is_not_searched_for_without_end() -> None:
    wish = refresh(put_off(refresh(out(S.OFFERED, **OFFER), AUTO, NOW), NO_SLOT, [NOT_PAID], NOW), AUTO, NOW)
    assert [each.key for each in wish.why] == ["grab.no_slot", "grab.not_premium", "watchlist.put_off"]
    soon = NOW + timedelta(minutes=6)
    assert next_step(wish, AUTO, soon).kind is K.GRAB, "it is kept as it was found"
    later = NOW + 2 * HOUR
    assert next_step(wish, AUTO, later).kind is K.SEARCH, "where it could be had is forgotten"
    full = known(searches_from=later + HOUR)
    assert next_step(wish, full, later).kind is K.NOTHING
    assert next_step(wish, full, later, asked=later).kind is K.SEARCH, "a person doesn't wait"
    wish = grabbed(wish, [""], soon, download=HASH)
    assert (wish.failed, wish.refusals) == (None, ())


def test_a_series_that_goes_on_after_all_counts_as_told_at_once() -> None:
    told = NOW - timedelta(hours=27)  # long ago for one that goes on, and not for one that has ended
    wish = series(part("S01E01", S.WAITING), ended=True, resolved_at=told)
    news = known(catalogue=Catalogued(ended=False))
    once = refresh(wish, news, NOW)
    assert (once.ended, once.resolved_at) == (False, NOW)
    assert refresh(once, news, NOW) == once
