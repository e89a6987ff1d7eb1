"""The texts: both languages say the same things with the same values, and say them well."""

import builtins
from datetime import UTC, date, datetime, timedelta
import io
import json
import os
from pathlib import Path
import re
from typing import Any
from zoneinfo import ZoneInfo

from babel.numbers import format_decimal
from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul import wording
from custom_components.sokoul.autopilot.check_up import Found
from custom_components.sokoul.model.paths import PathState
from custom_components.sokoul.model.reasons import Reason
from custom_components.sokoul.model.topology import Witness
from custom_components.sokoul.model.waiting import Wait
from custom_components.sokoul.wording import LANGUAGES, LONGEST_VALUE, TextError, Wording, clean

NBSP, THIN = "\u00a0", "\u202f"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
EN, FR = wording.load("en"), wording.load("fr")
FOLDER = Path(wording.__file__).parent / "texts"


def sources(language: str) -> dict[str, str]:
    texts: dict[str, dict[str, str]] = json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    return {f"{area}.{name}": text for area, names in texts.items() for name, text in names.items()}


def made(text: str, language: str = "en", **values: Any) -> str:
    texts = {"list.more": "{count, plural, other {# more}}", "it": text}
    locale = {"en": EN, "fr": FR}[language]._locale
    return Wording(language, locale, texts).text("it", now=NOW, **values)


def spaced(text: str) -> str:
    """Return a text with ordinary spaces: which of the others it has is the business of the locale data."""
    return text.replace(NBSP, " ").replace(THIN, " ")


# -- both languages ---------------------------------------------------------------------------------------------------


def test_both_languages_have_the_same_texts() -> None:
    assert EN.keys == FR.keys


@pytest.mark.parametrize("key", sorted(EN.keys))
def test_both_languages_show_values_that_the_code_gives(key: str) -> None:
    """Where a language can do without a value it may; a style never differs."""
    styles: dict[str, set[str]] = {}
    for words in (EN, FR):
        for name, style in words.slots(key):
            styles.setdefault(name, set()).add(style)
    for name, used in styles.items():
        assert len(used - {"plural", "select"}) <= 1, f"{name} is written in two ways"


@pytest.mark.parametrize("key", [*Wait, *Found, *Witness, *(f"path.{state}" for state in PathState)])
def test_every_key_in_code_has_a_text(key: str) -> None:
    assert key in EN
    if (
        key in set(Found)
        and not key.startswith("finding.good_")
        and key not in {Found.FIREWALLED, Found.MARKS_RESPECTED}
    ):
        assert f"advice.{key.removeprefix('finding.')}" in EN or key == Found.HEALTH


def test_every_key_that_is_written_out_in_code_has_a_text() -> None:
    package = Path(wording.__file__).parent
    areas = "|".join(sorted({re.escape(key.partition(".")[0]) for key in EN.keys}))
    literal = re.compile(rf"""["']((?:{areas})\.[a-z_0-9]+)["']""")
    written = {key for source in package.rglob("*.py") for key in literal.findall(source.read_text(encoding="utf-8"))}
    assert len(written) > 100, "the search finds the keys of the enums, too"
    assert written <= EN.keys


def test_no_text_is_left_over() -> None:
    used = (
        {str(key) for key in (*Wait, *Found, *Witness)}
        | {f"path.{state}" for state in PathState}
        | {"list.more", "list.pair"}
    )
    areas = {key.partition(".")[0] for key in used}
    mine = {key for key in EN.keys if key.partition(".")[0] in areas}
    assert mine == used


@pytest.mark.parametrize("language", LANGUAGES)
def test_typography(language: str) -> None:
    for key, text in sources(language).items():
        assert "'" not in text, f"{key}: a straight apostrophe"
        assert '"' not in text, f"{key}: straight quotation marks"
        assert "  " not in text, key
        assert "..." not in text, key
        assert text == text.strip(), key


def test_french_spaces() -> None:
    """Before ; ! ? a thin space that doesn't break, before : and inside « » one that doesn't break either."""
    for key, text in sources("fr").items():
        plain = re.sub(r"\{[^{}]*\}", "x", text)
        for mark in re.finditer(r"[;!?]", plain):
            assert plain[mark.start() - 1] == THIN, f"{key}: {mark[0]} at {mark.start()}"
        for mark in re.finditer(r":", plain):
            assert plain[mark.start() - 1] == NBSP, f"{key}: colon at {mark.start()}"
        for mark in re.finditer("«", plain):
            assert plain[mark.end()] == NBSP, key
        for mark in re.finditer("»", plain):
            assert plain[mark.start() - 1] == NBSP, key


@pytest.mark.parametrize("language", LANGUAGES)
def test_sentences_end_and_lines_of_evidence_do_not(language: str) -> None:
    words = wording.load(language)
    for key, text in sources(language).items():
        area = key.partition(".")[0]
        if area in {"wait", "advice", "path", "finding", "heal", "gate", "claimed", "result"}:
            assert text.endswith((".", "}", "”", "»")), key
            assert text[0].isupper() or text[0] in "{«“", key
        elif area in {"evidence", "witness"}:
            assert not text.endswith("."), key
    assert len(words.keys) > 150


def test_one_who_fails_is_one() -> None:
    said = {names: spaced(FR.text("watchlist.sources_failed", now=NOW, names=names)) for names in (("A",), ("A", "B"))}
    assert "A ne répond pas en ce moment" in said["A",]
    assert "A et B ne répondent pas en ce moment" in said["A", "B"]
    assert EN.text("search.failed", now=NOW, names=("A",)) == "No answer, because of an error: A.", "it was asked"


def test_french_has_the_plural_of_nothing() -> None:
    """In French 0 is singular, in English plural."""
    text = "{count, plural, one {# fichier} other {# fichiers}}"
    assert [made(text, "fr", count=count) for count in (0, 1, 2)] == ["0 fichier", "1 fichier", "2 fichiers"]
    assert [made(text, "en", count=count) for count in (0, 1, 2)] == ["0 fichiers", "1 fichier", "2 fichiers"]


# -- styles -----------------------------------------------------------------------------------------------------------

STYLES = (
    ("{x, size}", 18_200_000_000, "18.2 GB", "18,2 Go"),
    ("{x, size}", 999_950_000, "1 GB", "1 Go"),
    ("{x, size}", 412_300_000_000, "412 GB", "412 Go"),
    ("{x, size}", 1_500_000_000_000, "1.5 TB", "1,5 To"),
    ("{x, size}", 45_000, "45 kB", "45 ko"),
    ("{x, size}", 0, "0 byte", "0 o"),
    ("{x, rate}", 23_400_000, "23.4 MB/s", "23,4 Mo/s"),
    ("{x, percent}", 0.4, "40%", "40 %"),
    ("{x, number}", 12345, "12,345", "12 345"),
    ("{x, number}", 1.5, "1.5", "1,5"),
    ("{x, duration}", timedelta(minutes=8), "8 minutes", "8 minutes"),
    ("{x, duration}", timedelta(hours=2, minutes=5), "2 hours 5 minutes", "2 heures 5 minutes"),
    ("{x, duration}", timedelta(hours=1, minutes=59, seconds=40), "2 hours", "2 heures"),
    ("{x, duration}", timedelta(hours=7, minutes=20), "7 hours", "7 heures"),
    ("{x, duration}", timedelta(hours=23, minutes=50), "1 day", "1 jour"),
    ("{x, duration}", timedelta(days=2, hours=5), "2 days 5 hours", "2 jours 5 heures"),
    ("{x, duration}", timedelta(days=43, hours=9), "43 days", "43 jours"),
    ("{x, duration}", timedelta(seconds=-3), "0 seconds", "0 seconde"),
    ("{x, age}", NOW - timedelta(hours=3), "3 hours", "3 heures"),
    ("{x, time}", NOW, "12:00 PM", "12:00"),
    ("{x, date}", NOW, "November 21", "21 novembre"),
    ("{x, moment}", NOW - timedelta(hours=1), "11:00 AM", "11:00"),
    ("{x, moment}", NOW - timedelta(days=1), "November 20", "20 novembre"),
    ("{x, day}", NOW.date(), "November 21", "21 novembre"),
    ("{x, day}", date(2027, 1, 2), "January 2, 2027", "2 janvier 2027"),
    ("{x, list}", ("Dune", "Silo"), "Dune and Silo", "Dune et Silo"),
    ("{x, list}", ("A", "B", "C", "D"), "A, B, C, and D", "A, B, C et D"),
    ("{x, list}", ("A", "B", "C", "D", "E"), "A, B, C, and 2 more", "A, B, C et 2 more"),
    ("{x, either}", ("Dune", "Silo"), "Dune or Silo", "Dune ou Silo"),
    ("{x, plural, one {it} other {all #}}", ("Dune", "Silo"), "all 2", "all 2"),
    ("{x}", "as it is", "as it is", "as it is"),
    ("{x}", "x" * 300, "x" * 199 + "…", "x" * 199 + "…"),
    ("{x, text}", "x" * 300, "x" * 300, "x" * 300),
    ("{x}", 7, "7", "7"),
    ("{x, select, radarr {film} other {it}}", "radarr", "film", "film"),
    ("{x, select, radarr {film} other {it}}", "lidarr", "it", "it"),
    ("{x, plural, =0 {none} one {one} other {# of them}}", 0, "none", "none"),
    ("{x, plural, =0 {none} one {one} other {# of them}}", 1200, "1,200 of them", "1 200 of them"),
)


@pytest.mark.parametrize(("text", "value", "english", "french"), STYLES)
def test_styles(text: str, value: Any, english: str, french: str) -> None:
    assert spaced(made(text, "en", x=value)) == english
    assert spaced(made(text, "fr", x=value)) == french


@given(st.lists(st.one_of(st.integers(-10, 10**15), st.integers(0, 2_000), st.floats(0, 1e15)), min_size=1))
def test_numbers_are_written_as_babel_writes_them(values: list[float]) -> None:
    for words in (EN, FR):
        for value in (*values, *reversed(values)):
            expected = format_decimal(value, format="#,##0.##", locale=words._locale)
            assert words.number(value) == expected, "the first time and again"


def test_numbers_that_are_equal_may_be_written_in_two_ways() -> None:
    """A float has no more than 17 digits to tell."""
    large = 2**60 + 2**9
    for value in (large, float(large), large):
        expected = format_decimal(value, format="#,##0.##", locale=EN._locale)
        assert EN.number(value) == made("{x, number}", x=value) == expected
    assert EN.number(large) != EN.number(float(large)), "else this tells nothing"
    assert EN.size(999_500) == made("{x, size}", x=999_500.0) == "1 MB"


def test_what_was_written_is_not_written_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    words = wording.load("en")
    size, span = 7_654_321, timedelta(minutes=77)
    assert (words.size(size), words.duration(span)) == ("7.7 MB", "1 hour 17 minutes")

    def babel(*_: object, **__: object) -> str:
        raise AssertionError("it was asked again")

    monkeypatch.setattr(wording, "format_unit", babel)
    assert (words.size(size), words.duration(span)) == ("7.7 MB", "1 hour 17 minutes")
    with pytest.raises(AssertionError, match="asked again"):
        words.size(size + 1)


def test_a_name_and_what_is_said_of_it() -> None:
    """A sentence of ours is not cut, however long its values made it."""
    assert EN.text("list.pair", name="Dune", text="long " * 60 + "end") == "Dune: " + "long " * 60 + "end"
    assert FR.text("list.pair", name="Dune", text="importé") == f"Dune{NBSP}: importé"


def test_a_number_stays_with_its_unit() -> None:
    assert made("{x, size}", "fr", x=18_200_000_000) in {f"18,2{NBSP}Go", f"18,2{THIN}Go"}


def test_choices_within_choices() -> None:
    text = "{a, plural, one {{b, plural, one {# and #} other {#}} of #} other {#}}"
    assert made(text, a=1, b=1) == "1 and 1 of 1"
    assert made(text, a=1, b=5) == "5 of 1"
    assert made(text, a=9, b=5) == "9"


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("{x}", {}),
        ("{x, size}", {"x": "big"}),
        ("{x, size}", {"x": True}),
        ("{x, duration}", {"x": 5}),
        ("{x, date}", {"x": datetime(2026, 1, 1)}),  # noqa: DTZ001 -- that is what must be refused
        ("{x, list}", {"x": "abc"}),
        ("{x, text}", {"x": 5}),
        ("{x, plural, other {#}}", {"x": "many"}),
        ("{x}", {"x": 1.5}),
    ],
)
def test_a_value_that_is_missing_or_of_another_kind_is_a_mistake(text: str, values: dict[str, Any]) -> None:
    with pytest.raises(TextError):
        made(text, **values)


def test_the_age_of_something_needs_the_time() -> None:
    with pytest.raises(TextError, match="age"):
        Wording("en", EN._locale, {"it": "{x, age}"}).text("it", x=NOW)


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "}",
        "{x",
        "{x, }",
        "{x, wrong}",
        "{x, plural}",
        "{x, plural, one {#}}",
        "{x, plural, other {#}",
        "{1}",
        "a {x}}",
    ],
)
def test_a_text_that_is_not_well_formed_is_refused(text: str) -> None:
    with pytest.raises(TextError, match="it"):
        made(text, x=1)


def test_an_unknown_key_is_a_mistake() -> None:
    with pytest.raises(TextError, match="no text"):
        EN.text("wait.never_heard_of")


# -- what comes from outside ------------------------------------------------------------------------------------------


def test_a_value_is_never_parsed() -> None:
    assert made("{x}", x="{y} # {count, plural, other {#}}") == "{y} # {count, plural, other {#}}"


@given(st.text())
def test_a_value_is_one_short_line(text: str) -> None:
    line = clean(text)
    assert len(line) <= LONGEST_VALUE
    assert line.isprintable()
    assert line == " ".join(line.split())


def test_a_long_message_is_cut_and_a_short_one_is_kept() -> None:
    assert clean("x" * 500) == "x" * (LONGEST_VALUE - 1) + "…"
    assert clean("Not an upgrade\r\nfor\tthe  file\u202e") == "Not an upgrade for the file"


# -- languages, zones, loading ----------------------------------------------------------------------------------------


def test_reasons_and_their_evidence() -> None:
    reason = Reason(key=Wait.NO_COMPLETE_COPY, parameters={"availability": 0.4}, evidence={"peers": 2, "added": NOW})
    assert EN.reason(reason) == "Nobody in sight has a complete copy: together they have 40%."
    assert FR.evidence(reason.evidence, NOW) == (
        "connecté à 2 personnes qui téléchargent",
        f"ajouté{NBSP}: 12:00",
    )


def test_times_are_those_of_the_house() -> None:
    tokyo = FR.in_timezone(ZoneInfo("Asia/Tokyo"))
    assert tokyo.text("evidence.retry_at", now=NOW, value=NOW + timedelta(hours=2)).endswith("23:00")
    assert tokyo.text("evidence.retry_at", now=NOW, value=NOW + timedelta(hours=4)).endswith("22 novembre")
    assert FR.in_timezone(UTC) is FR


def test_languages_that_there_are_no_texts_of() -> None:
    assert wording.load("de").text(Wait.STARTING) == EN.text(Wait.STARTING)
    assert wording.load("fr-CA").language == "fr"
    assert wording.load("fr_XX").text(Wait.STARTING) == FR.text(Wait.STARTING)
    british = wording.load("en-GB")
    assert british.text("finding.disk_fills", disk="/", left=timedelta(days=1), full_on=NOW).endswith("21 November.")


def test_get_gives_what_was_loaded() -> None:
    wording.load_all()
    assert wording.get("fr-CA").language == "fr"
    assert wording.get("de").language == "en"
    assert wording.get("fr") is wording.get("fr")


EXAMPLES: dict[str, Any] = {
    "": "text",
    "text": "text",
    "size": 5,
    "rate": 5,
    "percent": 0.5,
    "number": 5,
    "duration": timedelta(days=2, hours=1),
    "age": NOW - timedelta(minutes=1),
    "time": NOW,
    "date": NOW,
    "day": NOW.date(),
    "moment": NOW,
    "list": ("a", "b", "c", "d", "e"),
    "either": ("a", "b", "c", "d", "e"),
    "plural": 2,
    "select": "other",
}


def example(words: Wording, key: str) -> dict[str, Any]:
    """Return values that a text can show; what is counted may be a list, too."""
    slots = sorted(words.slots(key), key=lambda slot: slot[1] not in {"plural", "select"})
    return {name: EXAMPLES[style] for name, style in slots}


@pytest.mark.parametrize("language", LANGUAGES)
def test_after_loading_no_file_is_read(language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the event loop a read would block; Babel reads its data when it is first asked."""
    from babel import localedata

    monkeypatch.setattr(localedata, "_cache", {})
    words = wording.load(language)

    def refused(*args: Any, **_: Any) -> Any:
        raise AssertionError(f"read {args[0]}")

    with monkeypatch.context() as patch:
        for module, name in ((builtins, "open"), (io, "open"), (os, "open"), (os, "stat"), (os, "listdir")):
            patch.setattr(module, name, refused)
        written = [words.text(key, now=NOW, **example(words, key)) for key in words.keys]
    assert len(written) == len(words.keys)
