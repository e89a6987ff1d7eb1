"""A wish in words: what a list shows of it, in both languages, whatever strangers called it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
import json
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul import wording
from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.model.reasons import Reason
from custom_components.sokoul.watchlist.items import (
    ARR,
    SEERR,
    Asker,
    Dates,
    Meant,
    Out,
    Part,
    PartState,
    Wish,
    WishState,
)
from custom_components.sokoul.watchlist_report import (
    LONGEST_DESCRIPTION,
    PerWish,
    describe_wish,
    description,
    due,
    next_occasion,
    next_up,
    occasions,
    part_label,
    tame,
    waiting,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
TODAY = NOW.date()
DAY = timedelta(days=1)
EN, FR = wording.load("en"), wording.load("fr")
DUNE = Meant(kind=TitleKind.MOVIE, name="Dune", year=2021, ids=frozenset({"tmdb:438631", "imdb:tt1160419"}))
OLD_DUNE = Meant(kind=TitleKind.MOVIE, name="Dune", year=1984)
MINISERIES = Meant(kind=TitleKind.SERIES, name="Dune", year=2000)
BEAR = Meant(kind=TitleKind.SERIES, name="The Bear", year=2022)


def wish(state: WishState, meant: Meant | None = DUNE, **more: Any) -> Wish:
    return Wish(id="1", text="dune", asked_at=NOW, state=state, meant=meant, **more)


def episode(number: int, state: PartState, out_on: date | None = None, **more: Any) -> Part:
    return Part(season=3, episode=number, state=state, out_on=out_on, **more)


def plain(text: str) -> str:
    """Return a text with the spaces and apostrophes of a keyboard."""
    return text.replace("\u00a0", " ").replace("\u202f", " ").replace("\u2019", "'")


MOVIE_DATES = Dates(cinema=TODAY - 30 * DAY, digital=TODAY + 20 * DAY, physical=date(2027, 2, 2))
SEASON = (
    episode(1, PartState.READY, TODAY - 7 * DAY, ready_at=NOW),
    episode(2, PartState.SEARCHING, TODAY - DAY),
    episode(3, PartState.WAITING, TODAY + 6 * DAY, name="Doors"),
    episode(4, PartState.WAITING),
)
FETCH = (Reason(key="watchlist.event_found", parameters={"title": "It", "release": "Dune.2021-GRP"}),)
TWICE = (Reason(key="watchlist.out_digital", parameters={"on": TODAY + 20 * DAY}),)

ONE_OF_ONE = "1 épisode sur 1 peut être regardé."
CHOICES = "1. Dune (2021) · 2. Dune (1984) · 3. Dune (2000)"
DESCRIPTIONS = (
    (wish(WishState.ASKED, None), "Finding out which title this is.", "Le titre est en cours d'identification."),
    (
        wish(WishState.UNCLEAR, None, choices=(DUNE, OLD_DUNE, MINISERIES)),
        f"Which one? Rename this entry to its number: {CHOICES} (series)",
        f"Lequel ? Renommez cette entrée avec son numéro : {CHOICES} (série)",
    ),
    (
        wish(WishState.WAITING, dates=MOVIE_DATES),
        "Not out yet. In cinemas: October 22. Digital: December 11. On disc: February 2, 2027.",
        "Pas encore sorti. Au cinéma : 22 octobre. En numérique : 11 décembre. Sur disque : 2 février 2027.",
    ),
    (
        wish(WishState.WAITING, dates=replace(MOVIE_DATES, cinema=None), why=TWICE),  # a day is told once
        "Not out yet. Digital: December 11. On disc: February 2, 2027.",
        "Pas encore sorti. En numérique : 11 décembre. Sur disque : 2 février 2027.",
    ),
    (
        wish(WishState.WAITING, parts=(Part(out=Out.GUESSED, out_on=TODAY + 60 * DAY),)),
        "Not out yet. At home, by our guess: January 20, 2027.",
        "Pas encore sorti. À la maison, d'après notre estimation : 20 janvier 2027.",
    ),
    (
        wish(WishState.OFFERED, parts=(Part(state=PartState.OFFERED, release="Dune.2021.1080p-GRP"),)),
        "Found. Waiting for your answer.",
        "Trouvé. En attente de votre réponse.",
    ),
    (  # the reason says it all
        wish(WishState.OFFERED, why=FETCH),
        "It was found: Dune.2021-GRP. Shall it be downloaded?",
        "It a été trouvé : Dune.2021-GRP. Faut-il le télécharger ?",
    ),
    (wish(WishState.READY, dates=MOVIE_DATES), "Ready to watch.", "Prêt à regarder."),
    (  # nobody needs to know what is long past
        wish(WishState.SEARCHING, dates=replace(MOVIE_DATES, digital=TODAY - DAY)),
        "Being looked for. On disc: February 2, 2027.",
        "Recherche en cours. Sur disque : 2 février 2027.",
    ),
    (
        wish(WishState.SEARCHING, BEAR, season=3, parts=SEASON),
        "Being looked for. 1 of 4 episodes can be watched. Next: S03E03 on November 27.",
        "Recherche en cours. 1 épisode sur 4 peut être regardé. Prochain : S03E03, le 27 novembre.",
    ),
    (
        wish(WishState.UP_TO_DATE, BEAR, parts=SEASON[:1], why=(Reason(key="watchlist.nothing_announced"),)),
        "Everything that is out can be watched. Nothing more is announced yet. 1 of 1 episode can be watched.",
        f"Tout ce qui est sorti peut être regardé. Rien d'autre n'est encore annoncé. {ONE_OF_ONE}",
    ),
    (
        wish(WishState.SEARCHING, done_at=NOW),
        "Marked as done: nothing more is downloaded for it.",
        "Marqué comme terminé : plus rien n'est téléchargé pour lui.",
    ),
)


@pytest.mark.parametrize(("asked", "english", "french"), DESCRIPTIONS)
def test_a_wish_is_described(asked: Wish, english: str, french: str) -> None:
    assert plain(description(asked, NOW, EN)) == english
    assert plain(description(asked, NOW, FR)) == french


ANNA, MARC = Asker(by="1", name="Anna"), Asker(by=SEERR, name="Marc")


@pytest.mark.parametrize(
    ("asked", "least", "english", "french"),
    [
        (wish(WishState.SEARCHING), None, "Being looked for.", "Recherche en cours."),
        (
            wish(WishState.SEARCHING),
            1080,
            "Being looked for. In 1080p or better.",
            "Recherche en cours. En 1080p au moins.",
        ),
        (
            wish(WishState.SEARCHING),
            0,
            "Being looked for. In any resolution.",
            "Recherche en cours. Dans n'importe quelle résolution.",
        ),
        (
            wish(WishState.SEARCHING, asked_by="1", requested_by="Anna", also=(MARC, Asker(by="2", name="Léa"))),
            2160,
            "Being looked for. In 2160p or better. Asked for by Anna, Marc, and Léa.",
            "Recherche en cours. En 2160p au moins. Demandé par Anna, Marc et Léa.",
        ),
        (
            wish(WishState.READY, asked_by=SEERR, also=(ANNA,)),  # nobody waits for any picture any more
            1080,
            "Ready to watch. Asked for by Seerr and Anna.",
            "Prêt à regarder. Demandé par Seerr et Anna.",
        ),
        (wish(WishState.SEARCHING, asked_by=ARR), None, "Being looked for.", "Recherche en cours."),
        (wish(WishState.SEARCHING, asked_by="1"), None, "Being looked for.", "Recherche en cours."),
    ],
)
def test_how_good_it_has_to_be_and_who_asked_is_told(asked: Wish, least: int | None, english: str, french: str) -> None:
    assert plain(description(asked, NOW, EN, least)) == english
    assert plain(description(asked, NOW, FR, least)) == french
    told = describe_wish(asked, NOW, EN, least)
    assert told["askers"] == list(asked.asker_names)
    assert told["least"] == {None: None, 0: "any", 1080: "1080p", 2160: "2160p"}[least]


@pytest.mark.parametrize("state", WishState)
def test_every_state_has_its_sentence(state: WishState) -> None:
    told = {description(wish(state), NOW, words) for words in (EN, FR)}
    assert len(told) == 2
    assert all(told)


def test_what_another_version_wrote_is_no_mistake() -> None:
    (said,) = (description(wish(WishState.SEARCHING, why=(Reason(key="watchlist.of_the_future"),)), NOW, EN),)
    assert said.startswith("Being looked for. ")


def test_a_sentence_that_ends_with_a_name_ends_all_the_same() -> None:
    why = (Reason(key="watchlist.downloading", parameters={"release": "Dune.2021-GRP"}),)
    said = description(wish(WishState.GRABBED, BEAR, parts=SEASON, why=why), NOW, EN)
    assert plain(said) == (
        "It's being downloaded: Dune.2021-GRP. 1 of 4 episodes can be watched. Next: S03E03 on November 27."
    )


# --- strangers -------------------------------------------------------------------------------------------------------


def test_a_name_is_neither_a_link_nor_an_image_nor_markup() -> None:
    hostile = "![x](http://evil.example/x.png) <img src=x> **b** [www.evil.example] `c`"
    choices = (replace(DUNE, name=hostile), OLD_DUNE)
    said = description(wish(WishState.UNCLEAR, None, choices=choices), NOW, EN)
    assert not set("[]<>*`\\|") & set(said)
    assert "://" not in said
    assert "www." not in said
    assert "evil.example" in said  # it reads the same


@given(st.lists(st.text(max_size=300), max_size=30), st.sampled_from(WishState), st.text(max_size=500))
def test_no_description_is_too_long_or_markup(names: list[str], state: WishState, release: str) -> None:
    choices = tuple(replace(DUNE, name=name) for name in names)
    parts = (Part(state=PartState.OFFERED, release=release, out=Out.GUESSED, out_on=TODAY),)
    why = tuple(Reason(key="watchlist.unknown_title", parameters={"text": name}) for name in names)
    for words in (EN, FR):
        said = description(wish(state, choices=choices, parts=parts, why=why, dates=MOVIE_DATES), NOW, words)
        assert 0 < len(said) <= LONGEST_DESCRIPTION
        assert not set("[]<>*`\\|") & set(said)


def test_what_is_tamed_reads_the_same() -> None:
    assert tame("Dune: Part Two (2024)") == "Dune: Part Two (2024)"
    assert tame("M*A*S*H [1970]") == "M\u2217A\u2217S\u2217H (1970)"


# --- dates -----------------------------------------------------------------------------------------------------------


def test_what_comes_next_is_due_and_what_is_out_is_not_late() -> None:
    assert due(wish(WishState.SEARCHING, BEAR, parts=SEASON), NOW) == TODAY + 6 * DAY
    assert due(wish(WishState.SEARCHING, BEAR, parts=SEASON[:2]), NOW) is None
    assert due(wish(WishState.WAITING, parts=(Part(out_on=TODAY),)), NOW) == TODAY
    assert due(wish(WishState.WAITING, parts=(Part(out_on=TODAY + DAY),), done_at=NOW), NOW) is None


def test_the_next_of_all_is_the_earliest() -> None:
    movie = wish(WishState.WAITING, parts=(Part(out_on=TODAY + 9 * DAY),))
    series = replace(wish(WishState.SEARCHING, BEAR, season=3, parts=SEASON), id="2")
    found = next_up([movie, series], NOW)
    assert found is not None
    assert part_label(*found) == "The Bear (2022) S03E03"
    assert next_up([wish(WishState.READY)], NOW) is None
    only_movie = next_up([movie], NOW)
    assert only_movie is not None
    assert part_label(*only_movie) == "Dune (2021)"


def test_those_that_wait_are_counted() -> None:
    states = [wish(each) for each in WishState]
    assert waiting(states) == len(WishState) - 2  # what is ready, and what is up to date
    assert waiting([wish(WishState.SEARCHING, done_at=NOW)]) == 0


def test_a_calendar_has_each_date_for_a_day() -> None:
    movie = wish(WishState.WAITING, dates=MOVIE_DATES)
    series = replace(wish(WishState.SEARCHING, BEAR, parts=SEASON), id="2")
    found = list(occasions([movie, series, wish(WishState.ASKED, None)], EN))
    assert [(each.summary, each.start, each.description) for each in found] == [
        ("Dune (2021)", TODAY - 30 * DAY, "Comes to cinemas."),
        ("Dune (2021)", TODAY + 20 * DAY, "Comes out digitally."),
        ("Dune (2021)", date(2027, 2, 2), "Comes out on disc."),
        ("The Bear (2022) S03E01", TODAY - 7 * DAY, ""),
        ("The Bear (2022) S03E02", TODAY - DAY, ""),
        ("The Bear (2022) S03E03", TODAY + 6 * DAY, "Doors"),
    ]
    assert all(each.end == each.start + DAY for each in found if isinstance(each.start, date))
    assert len({each.uid for each in found}) == len(found)


def test_what_never_comes_is_on_no_calendar() -> None:
    part = Part(out_on=date.max, out=Out.DIGITAL)
    never = wish(WishState.WAITING, dates=Dates(digital=date.max), parts=(part,))
    assert list(occasions([never], EN)) == []
    assert next_occasion(never, NOW, EN) is None
    assert due(never, NOW) is None
    assert next_up([never], NOW) is None


def test_what_was_said_is_said_again_and_not_made_again() -> None:
    made: list[str] = []

    def make(asked: Wish, now: datetime, words: wording.Wording) -> str:
        made.append(asked.id)
        return f"{asked.id} {now:%d} {words.language}"

    kept, one, two = PerWish(make), wish(WishState.READY), replace(wish(WishState.READY), id="2")
    assert kept.of([one, two], NOW, EN) == {"1": "1 21 en", "2": "2 21 en"}
    assert kept.of([one, two], NOW + timedelta(hours=1), EN) == {"1": "1 21 en", "2": "2 21 en"}
    assert made == ["1", "2"]
    changed = replace(two, season=1)
    assert list(kept.of([changed, one], NOW, EN)) == ["2", "1"]
    assert made == ["1", "2", "2"]
    assert kept.of([one], NOW + DAY, EN) == {"1": "1 22 en"}  # words say "today"
    assert kept.of([one], NOW + DAY, FR) == {"1": "1 22 fr"}
    assert len(made) == 5


def test_what_is_beside_a_wish_is_looked_at_each_time() -> None:
    lines, made = {"1": 1080, "2": 0}, list[str]()

    def make(asked: Wish, _now: datetime, _words: wording.Wording, least: int) -> int:
        made.append(asked.id)
        return least

    kept = PerWish(make, besides=lambda: lambda each: lines[each.id])
    wishes = [wish(WishState.READY), replace(wish(WishState.READY), id="2")]
    assert kept.of(wishes, NOW, EN) == kept.of(wishes, NOW, EN) == {"1": 1080, "2": 0}
    lines["1"] = 2160
    assert kept.of(wishes, NOW, EN) == {"1": 2160, "2": 0}
    assert made == ["1", "2", "1"]


def test_a_long_list_is_worded_in_turns() -> None:
    wishes = [replace(wish(WishState.READY), id=str(number)) for number in range(5)]
    kept = PerWish(lambda each, now, _words: f"{now:%d} {each.season}", at_once=2, meanwhile=lambda each: each.id)
    assert list(kept.of(wishes, NOW, EN).values()) == ["21 None", "21 None", "2", "3", "4"]
    assert kept.behind
    wishes[0] = replace(wishes[0], season=1)
    assert list(kept.of(wishes, NOW, EN).values()) == ["21 1", "21 None", "21 None", "3", "4"]
    assert kept.behind
    assert list(kept.of(wishes, NOW, EN).values()) == ["21 1", "21 None", "21 None", "21 None", "21 None"]
    assert not kept.behind
    after = ["22 1", "22 None", "21 None", "21 None", "21 None"]
    assert list(kept.of(wishes, NOW + DAY, EN).values()) == after, "as it was, until its turn comes"
    bare = PerWish(lambda each, _now, _words: each.id, at_once=2)
    assert list(bare.of(wishes, NOW, EN)) == ["0", "1"]
    assert list(bare.of(wishes, NOW, EN)) == ["0", "1", "2", "3"]
    assert list(bare.of(wishes, NOW, EN)) == ["0", "1", "2", "3", "4"]
    assert not bare.behind


# --- data ------------------------------------------------------------------------------------------------------------


def test_a_wish_is_plain_data() -> None:
    said = describe_wish(wish(WishState.SEARCHING, BEAR, season=3, parts=SEASON, choices=(DUNE,), due=NOW), NOW, EN)
    json.dumps(said)
    assert (said["title"], said["kind"], said["season"], said["minimum"]) == (
        "The Bear (2022) S03",
        "series",
        3,
        None,
    )
    assert said["due"] == "2026-11-27"
    assert [part["state"] for part in said["parts"]] == ["ready", "searching", "waiting", "waiting"]
    assert said["parts"][2] == {
        "part": "S03E03",
        "season": 3,
        "episode": 3,
        "name": "Doors",
        "state": "waiting",
        "out_on": "2026-11-27",
        "out": None,
        "searches": 0,
        "release": "",
        "ready_at": None,
        "better": None,
        "better_until": None,
    }
    assert said["choices"][0]["title"] == "Dune (2021)"
    assert said["text"] == description(wish(WishState.SEARCHING, BEAR, season=3, parts=SEASON), NOW, EN)


def test_a_day_is_told_as_the_calendar_has_it_wherever_home_is() -> None:
    away = FR.in_timezone(ZoneInfo("Pacific/Auckland"))
    assert plain(description(wish(WishState.WAITING, dates=MOVIE_DATES), NOW, away)).count("11 décembre") == 1
