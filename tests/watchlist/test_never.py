"""What never happens to a wish, whatever is known of it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
import json

from hypothesis import given, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from custom_components.sokoul.model.catalogue import CatalogueEpisode
from custom_components.sokoul.model.plain import plain, read
from custom_components.sokoul.model.reasons import Reason
from custom_components.sokoul.watchlist.bettering import MOST_UPGRADES
from custom_components.sokoul.watchlist.deciding import Step, StepKind, next_step, refresh
from custom_components.sokoul.watchlist.items import (
    ARR,
    Better,
    Dates,
    Keeper,
    Meant,
    Out,
    Part,
    PartState,
    Wish,
    WishState,
)
from custom_components.sokoul.watchlist.known import Catalogued, Coming, Held, Known, takes_by_itself
from custom_components.sokoul.watchlist.outcomes import (
    Found,
    added,
    asked,
    came_to_nothing,
    failed,
    grabbed,
    looked_for_better,
    searched,
    upgraded,
)
from custom_components.sokoul.watchlist.settings import WatchSettings

from .make import BEAR, DUNE, HOUR, NOW

K = StepKind
KEYS = ("", "S01E01", "S01E02", "S02E01")
HASHES = ("a" * 40, "b" * 40)

moments = st.none() | st.integers(-5_000_000, 5_000_000).map(lambda seconds: NOW + timedelta(seconds=seconds))
past = st.none() | st.integers(-5_000_000, 0).map(lambda seconds: NOW + timedelta(seconds=seconds))
dates = st.none() | st.integers(-200, 200).map(lambda count: (NOW + timedelta(days=count)).date())
downloads = st.builds(
    Coming,
    download=st.sampled_from(HASHES),
    release=st.sampled_from(["r", ""]),
    finished=st.booleans(),
    failed=st.booleans(),
    stands=st.booleans(),
)
released = st.builds(Dates, cinema=dates, digital=dates, physical=dates)
episodes = st.builds(
    CatalogueEpisode, season=st.integers(0, 2), episode=st.integers(1, 3), airs_on=dates, airs_at=moments
)


@cache
def parts(key: str) -> st.SearchStrategy[Part]:
    numbers = {"season": int(key[1:3]), "episode": int(key[4:])} if key else {"season": None, "episode": None}
    return st.builds(
        Part,
        **{name: st.just(value) for name, value in numbers.items()},
        state=st.sampled_from(PartState),
        out_on=dates,
        out=st.none() | st.sampled_from(Out),
        out_at=moments,
        searches=st.integers(0, 40),
        searched_at=past,
        season_at=past,
        hit_at=past,
        asked_at=past,
        entry_id=st.none() | st.just(1),
        grabbed_at=past,
        gone_since=past,
        ready_at=past,
        taken_back_at=past,
        failed=st.lists(st.sampled_from(["r", *HASHES]), max_size=2, unique=True).map(tuple),
        release=st.sampled_from(["", "r", "Dune.2024.720p.WEB-DL.H264-GRP", "The.Bear.S01E01.1080p.WEB-DL.H264-GRP"]),
        result=st.sampled_from(["", "x"]),
        download=st.sampled_from(["", *HASHES]),
        points=st.none() | st.integers(0, 100),
        better_until=moments,
        looks=st.integers(0, 9),
        upgrades=st.integers(0, 3),
        better=st.none()
        | st.builds(
            Better,
            release=st.sampled_from(["r", "Dune.2024.1080p.WEB-DL.H264-GRP"]),
            download=st.sampled_from(["", *HASHES]),
            grabbed_at=st.just(NOW - HOUR),
            gone_since=past,
        ),
    )


@cache
def wish_of(keys: tuple[str, ...], season: int | None, meant: Meant | None) -> st.SearchStrategy[Wish]:
    """Return wishes with these parts. Made once: to make a strategy takes longer than to draw from it."""
    return st.builds(
        Wish,
        id=st.text(min_size=1, max_size=5),
        text=st.just("x"),
        asked_at=st.just(NOW - 9 * HOUR),
        asked_by=st.sampled_from([None, "user", ARR]),
        season=st.just(season),
        episode=st.none() if season is None else st.none() | st.just(1),
        auto=st.none() | st.booleans(),
        state=st.sampled_from(WishState),
        meant=st.just(meant),
        keeper=st.none() | st.builds(Keeper, backend_id=st.just("arr"), library_id=st.just(1), only_seen=st.booleans()),
        dates=released,
        ended=st.none() | st.booleans(),
        parts=st.tuples(*(parts(key) for key in keys)),
        resolved_at=past,
        due=moments,
        done_at=st.none() | st.none() | past,
        failures=st.integers(0, 9),
        failed_at=past,
    )


PLACES = st.lists(st.sampled_from(KEYS[1:]), unique=True)
SEASONS = st.none() | st.sampled_from([0, 1])


@st.composite
def wishes(draw: st.DrawFn) -> Wish:
    movie = draw(st.booleans())
    keys = [""] if movie else draw(PLACES)
    season = None if movie else draw(SEASONS)
    meant = None if draw(st.integers(0, 9)) == 0 else DUNE if movie else BEAR
    return draw(wish_of(tuple(sorted(keys)), season, meant))


knowns = st.builds(
    Known,
    catalogue=st.none()
    | st.builds(Catalogued, dates=released, ended=st.none() | st.booleans(), episodes=st.lists(episodes).map(tuple)),
    has_arr=st.booleans(),
    answers=st.booleans(),
    kept=st.none() | st.booleans(),
    library=st.none()
    | st.dictionaries(st.sampled_from(KEYS), st.builds(Held, has_file=st.booleans(), monitored=st.booleans())),
    coming=st.none()
    | st.dictionaries(
        st.sampled_from(KEYS), st.lists(downloads, max_size=2, unique_by=lambda each: each.download).map(tuple)
    ),
    all_seen=st.booleans(),
    searches_from=moments,
    pilot=st.booleans(),
    settings=st.builds(WatchSettings, auto=st.none() | st.booleans()),
)
#: The moment at which a person asked to have it now, if one did.
by_hand = st.none() | st.sampled_from([NOW, NOW - HOUR])


@settings(max_examples=200, deadline=None)
@given(wishes(), knowns)
def test_to_refresh_again_changes_nothing(wish: Wish, known: Known) -> None:
    once = refresh(wish, known, NOW)
    assert refresh(once, known, NOW) == once
    assert read(Wish, json.loads(json.dumps(plain(once)))) == once


@settings(max_examples=200, deadline=None)
@given(wishes(), knowns, by_hand)
def test_what_is_there_or_on_its_way_is_left_alone(wish: Wish, known: Known, when: datetime | None) -> None:
    wish = refresh(wish, known, NOW)
    step = next_step(wish, known, NOW, asked=when)
    if step.kind in {K.SEARCH, K.GRAB, K.UPGRADE}:
        assert step.keys
        assert wish.asked_by != ARR
        assert wish.done_at is None
        assert not wish.done or step.kind is K.UPGRADE
    for key in step.keys:
        part = wish.part(key)
        assert part is not None
        if step.kind is K.UPGRADE:
            assert part.state is PartState.READY
            assert wish.keeper is None
            assert part.better is None
            assert part.upgrades < MOST_UPGRADES
            assert part.better_until is not None
            assert takes_by_itself(wish, known.settings)
            continue
        assert part.state in {PartState.WAITING, PartState.SEARCHING, PartState.OFFERED}
        held = known.held(part)
        assert held is None or not held.has_file
        assert not known.comes(part)
    if step.kind is K.ADD_TO_ARR:
        assert when is not None or takes_by_itself(wish, known.settings) is True
    if step.kind is K.GRAB:
        assert step.result
        assert when is not None or all(wish.part(key).taken_back_at is None for key in step.keys)  # type: ignore[union-attr] -- they are there
        assert when is not None or (known.pilot and (wish.auto if wish.auto is not None else known.settings.auto))


@settings(max_examples=200, deadline=None)
@given(wishes(), knowns)
def test_nothing_is_due_in_the_past(wish: Wish, known: Known) -> None:
    wish = refresh(wish, known, NOW)
    step = next_step(wish, known, NOW)
    if step.kind is K.NOTHING:
        assert step.at is None or step.at > NOW
    else:
        assert step.at is None
    if wish.meant is not None:
        assert wish.due == (step.at if step.kind is K.NOTHING else NOW)


@settings(max_examples=200, deadline=None)
@given(wishes(), knowns)
def test_nothing_out_is_looked_for_before_its_time(wish: Wish, known: Known) -> None:
    wish = refresh(wish, known, NOW)
    step = next_step(wish, known, NOW)
    if step.kind is not K.SEARCH:
        return
    for key in step.keys:
        part = wish.part(key)
        assert part is not None
        if part.state is not PartState.OFFERED:
            assert part.out_at is not None
            assert part.out_at <= NOW


# --- doing what is said ----------------------------------------------------------------------------------------------


def done(wish: Wish, step: Step, found: Mapping[str, Found], now: datetime, *, fails: bool) -> Wish:
    """Do a step as who asks does, or fail to."""
    if fails and step.kind is K.UPGRADE:
        return looked_for_better(wish, step.keys, now)
    if fails:
        return failed(wish, Reason(key="x"), now, step.keys)
    match step.kind:
        case K.ADD_TO_ARR:
            return added(wish, Keeper(backend_id="arr", library_id=1, added=True))
        case K.SEARCH:
            return searched(wish, step.keys, found, now, pack=step.pack)
        case K.GRAB:
            return grabbed(wish, step.keys, now, download="c" * 40)
        case K.ASK:
            return asked(wish, step.keys, now)
        case K.UPGRADE:
            return upgraded(
                wish, step.keys, Better(release="b", grabbed_at=now, points=found[step.keys[0]].count), points=0
            )
    return wish


founds = st.fixed_dictionaries(
    {key: st.builds(Found, release=st.sampled_from(["", "r"]), result=st.just("x"), count=st.just(1)) for key in KEYS}
)


@settings(max_examples=200, deadline=None)
@given(wish=wishes(), known=knowns, found=founds, when=by_hand, fails=st.booleans())
def test_there_is_always_an_end(
    wish: Wish, known: Known, found: Mapping[str, Found], when: datetime | None, *, fails: bool
) -> None:
    """Whatever comes of the steps: after a few there is nothing more to do now."""
    kinds = []
    if wish.meant is None:
        return
    for _ in range(30):
        told = known if known.catalogue is not None else replace(known, catalogue=None)
        wish = refresh(wish, told, NOW)
        step = next_step(wish, told, NOW, asked=when)
        kinds.append(step.kind)
        if step.kind is K.NOTHING:
            return
        if step.kind is K.RESOLVE and not fails:
            wish = refresh(wish, replace(known, catalogue=Catalogued()), NOW)
            continue
        if step.kind is K.ADD_TO_ARR:
            known = replace(known, kept=True)
        wish = done(wish, step, found, NOW, fails=fails)
    raise AssertionError(f"no end of {kinds}")


class Life(RuleBasedStateMachine):
    """A series in a stack where everything happens: nothing is fetched twice, and no release that came to nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.pilot, self.answers = True, True
        self.has_file: set[str] = set()
        self.downloads: dict[str, Coming] = {}
        self.fetched: list[tuple[str, str]] = []
        self.count = 0
        self.offers: dict[str, str] = {}
        self.wish = Wish(
            id="life",
            text="the bear",
            asked_at=NOW,
            meant=BEAR,
            keeper=Keeper(backend_id="sonarr", library_id=1),
        )

    def known(self) -> Known:
        numbers = [(1, 1), (1, 2), (2, 1)]
        listed = tuple(CatalogueEpisode(season=s, episode=e, airs_on=NOW.date()) for s, e in numbers)
        return Known(
            catalogue=Catalogued(episodes=listed),
            has_arr=True,
            answers=self.answers,
            kept=True if self.answers else None,
            library={key: Held(has_file=key in self.has_file) for key in KEYS[1:]} if self.answers else None,
            coming={key: (each,) for key, each in self.downloads.items()} if self.answers else None,
            all_seen=self.answers,
            pilot=self.pilot,
            settings=WatchSettings(auto=True),
        )

    @rule()
    def look(self) -> None:
        for _ in range(20):
            known = self.known()
            self.wish = refresh(self.wish, known, self.now)
            step = next_step(self.wish, known, self.now)
            if step.kind is K.NOTHING:
                return
            if step.kind is K.SEARCH:
                self.wish = searched(self.wish, step.keys, self._found(step), self.now, pack=step.pack)
            elif step.kind is K.GRAB:
                self._grab(step)
            else:
                raise AssertionError(f"nobody expects {step}")
        raise AssertionError("no end")

    def _found(self, step: Step) -> dict[str, Found]:
        parts = [part for part in self.wish.parts if part.key in step.keys]
        names = [name for name in ("r1", "r2", "r3") if not any(came_to_nothing(part, name) for part in parts)]
        return {part.key: Found(release=names[0] if names else "", result="x") for part in parts}

    def _grab(self, step: Step) -> None:
        assert self.pilot
        self.count += 1
        for key in step.keys:
            part = self.wish.part(key)
            assert part is not None
            assert key not in self.has_file
            assert key not in self.downloads
            assert (key, part.release) not in self.fetched, "it came to nothing before"
            self.fetched.append((key, part.release))
            self.downloads[key] = Coming(download=f"d{self.count}", release=part.release)
        self.wish = grabbed(self.wish, step.keys, self.now, download=f"d{self.count}")

    @rule(minutes=st.sampled_from([1, 20, 70, 600, 3_000, 20_000]))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @precondition(lambda self: self.downloads)
    @rule(data=st.data())
    def a_download_ends(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.downloads)))
        if data.draw(st.booleans()):
            self.has_file.add(key)
        del self.downloads[key]

    @precondition(lambda self: self.has_file)
    @rule(data=st.data())
    def a_file_is_deleted(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.has_file)))
        self.has_file.discard(key)
        self.fetched = [each for each in self.fetched if each[0] != key]  # the same release again would do

    @rule()
    def sonarr_goes_or_comes(self) -> None:
        self.answers = not self.answers

    @rule()
    def the_autopilot_is_switched(self) -> None:
        self.pilot = not self.pilot

    @rule()
    def home_assistant_restarts(self) -> None:
        self.wish = read(Wish, json.loads(json.dumps(plain(self.wish))))

    @invariant()
    def it_can_be_told(self) -> None:
        assert len(self.wish.why) <= 5
        assert len({part.key for part in self.wish.parts}) == len(self.wish.parts)


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
