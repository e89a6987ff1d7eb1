"""What happens to a wish, as an event says it."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from custom_components.sokoul import wording
from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.watching_events import ASKED_BACK, GRABBED, READY, RELEASED, happenings
from custom_components.sokoul.watchlist.items import Meant, Out, Part, PartState, Wish, WishState
from custom_components.sokoul.watchlist_entities import event_data

EN, FR = wording.load("en"), wording.load("fr")
DUNE = Meant(kind=TitleKind.MOVIE, name="Dune", year=2021)
OLD_DUNE = Meant(kind=TitleKind.MOVIE, name="Dune", year=1984)


def wish(state: WishState, meant: Meant | None = DUNE, **more: Any) -> Wish:
    return Wish(id="1", text="dune", asked_at=datetime(2026, 11, 21, tzinfo=UTC), state=state, meant=meant, **more)


def plain(text: str) -> str:
    return text.replace("\u00a0", " ").replace("\u202f", " ")


EVENTS = (
    (RELEASED, {"title": "Dune (2021)"}, wish(WishState.SEARCHING), "Dune (2021) is out.", "Dune (2021) est sorti."),
    (
        GRABBED,
        {"title": "The Bear (2022)", "part": "S03E02", "release": "x"},
        None,
        "The Bear (2022) S03E02 is being downloaded.",
        "The Bear (2022) S03E02 est en cours de téléchargement.",
    ),
    (READY, {"title": "Dune (2021)"}, None, "Dune (2021) can be watched.", "Dune (2021) peut être regardé."),
    (
        ASKED_BACK,
        {"title": "dune", "choices": ["a", "b"]},
        wish(WishState.UNCLEAR, None, choices=(DUNE, OLD_DUNE)),
        "Which one is meant by “dune”: Dune (2021) or Dune (1984)?",
        "Que désigne « dune » : Dune (2021) ou Dune (1984) ?",
    ),
    (
        ASKED_BACK,
        {"title": "Dune (2021)"},
        wish(WishState.SEARCHING),
        (
            "Shall Dune (2021) be downloaded when it\u2019s found? Answer for the whole list, under Settings > System "
            "> Repairs."
        ),
        (
            "Faut-il télécharger Dune (2021) dès qu\u2019il est trouvé ? Répondez, pour toute la liste, sous "
            "Paramètres > Système > Corrections."
        ),
    ),
    (
        ASKED_BACK,
        {"title": "Dune (2021)", "release": "Dune.2021-GRP"},
        wish(WishState.OFFERED),
        "Dune (2021) was found: Dune.2021-GRP. Shall it be downloaded?",
        "Dune (2021) a été trouvé : Dune.2021-GRP. Faut-il le télécharger ?",
    ),
)


@pytest.mark.parametrize(("event", "data", "asked", "english", "french"), EVENTS)
def test_an_event_says_what_happened(
    event: str, data: dict[str, Any], asked: Wish | None, english: str, french: str
) -> None:
    for words, text in ((EN, english), (FR, french)):
        said = event_data(event, data, asked, words)
        assert plain(said["text"]) == text
        assert not [name for name, value in said.items() if isinstance(value, list)]  # the recorder keeps scalars
        assert said["title"] == data["title"]


@pytest.mark.parametrize(
    ("out_on", "out", "told"),
    [(date(2026, 11, 20), Out.DIGITAL, True), (date(2027, 1, 6), Out.GUESSED, False), (None, None, False)],
)
def test_what_is_looked_for_on_the_chance_is_not_said_to_be_out(
    out_on: date | None, out: Out | None, *, told: bool
) -> None:
    def part(state: PartState) -> tuple[Part, ...]:
        return (Part(state=state, out_on=out_on, out=out),)

    before = wish(WishState.WAITING, parts=part(PartState.WAITING))
    after = wish(WishState.SEARCHING, parts=part(PartState.SEARCHING))
    assert [event for event, _ in happenings(before, after)] == [RELEASED] * told
