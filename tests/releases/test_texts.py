"""What is said of releases: every reason has its sentence in both languages, and every sentence its reason."""

from datetime import UTC, datetime
from pathlib import Path
import re

import pytest

from custom_components.sokoul import releases, wording
from custom_components.sokoul.releases.choose import rank
from custom_components.sokoul.releases.policy import Policy

from .make import AMBER, DUNE, SILO, offer
from .reading import corpus

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LANGUAGES = {language: wording.load(language) for language in wording.LANGUAGES}


def test_every_text_is_said_by_something() -> None:
    sources = Path(releases.__file__).parent.glob("*.py")
    said = {key for path in sources for key in re.findall(r'"(release\.[a-z_0-9]+)"', path.read_text("utf-8"))}
    assert said == {key for key in LANGUAGES["en"].keys if key.startswith("release.")}


@pytest.mark.parametrize("language", wording.LANGUAGES)
def test_whatever_is_found_can_be_said(language: str) -> None:
    words = LANGUAGES[language]
    offers = [offer(sample.name, seeders=number % 4) for number, sample in enumerate(corpus())]
    said = 0
    for wanted in (AMBER, DUNE, SILO):
        for scored in rank(offers, wanted, Policy()):
            for reason in (scored.match.reason, *scored.refusals):
                assert words.reason(reason, NOW).endswith((".", "\u00a0»."))
                said += 1
            for part in scored.parts:
                assert not words.reason(part.reason, NOW).endswith(".")
    assert said > 3 * len(offers) / 2


def test_a_sentence() -> None:
    (scored,) = rank([offer("Dune.1984.720p.HDCAM.x264-GRP", seeders=0)], DUNE, Policy())
    assert [LANGUAGES["en"].reason(each) for each in scored.refusals] == [
        "It’s of 1984, and the one that is wanted is of 2021.",  # noqa: RUF001 -- as it is written
        "It was recorded in a cinema or leaked (CAM).",
        "720p is less than the 1080p that you want.",
        "Nobody shares it.",
    ]


def test_a_recording_says_what_to_do() -> None:
    offers = [offer("Dune.2021.1080p.HDCAM.x264-GRP"), offer("Dune.2021.720p.WEB-DL.H264-GRP")]
    _, recording = rank(offers, DUNE, Policy(cinema_recordings=True))
    (reason,) = recording.refusals
    assert {language: words.reason(reason) for language, words in LANGUAGES.items()} == {
        "en": "There is a clean release already, only not as you want it: lower your minimum, or wait.",
        "fr": (
            "Il y a déjà une version qui n’a pas été filmée dans un cinéma, "  # noqa: RUF001 -- as it is written
            "mais pas comme vous la voulez\u00a0: baissez votre minimum ou attendez."
        ),
    }
