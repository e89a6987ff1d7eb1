"""What the name of a file says, and what a computer makes of it."""

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.autopilot.rules.contents import (
    Content,
    content_of,
    ending,
    episodes_of,
    is_program,
    is_sample,
    password_note,
)
from tests.autopilot.rules.swarms import listed

VIDEO, ARCHIVE, PROGRAM, OTHER = Content.VIDEO, Content.ARCHIVE, Content.PROGRAM, Content.OTHER

NAMES = (
    ("film.mkv", VIDEO),
    ("Film.MKV", VIDEO),
    ("folder.exe/film.mkv", VIDEO),
    ("BDMV/STREAM/00001.m2ts", VIDEO),
    ("VIDEO_TS/VTS_01_1.VOB", VIDEO),
    ("disc.iso", VIDEO),
    ("film.mkv.!qB", VIDEO),
    ("film.exe.mkv", VIDEO),
    ("film.rar", ARCHIVE),
    ("film.r00", ARCHIVE),
    ("film.s14", ARCHIVE),
    ("film.part01.rar", ARCHIVE),
    ("film.7z.001", ARCHIVE),
    ("film.srt", OTHER),
    ("film.nfo", OTHER),
    ("film.sfv", OTHER),
    ("cover.jpg", OTHER),
    ("www.example.url", OTHER),
    ("no ending", OTHER),
    ("", OTHER),
    ("film.exe", PROGRAM),
    ("Film.EXE", PROGRAM),
    ("film.exe.!qB", PROGRAM),
    ("film.mkv.exe", PROGRAM),
    ("film.mkv          .scr", PROGRAM),
    ("film.exe.", PROGRAM),
    ("film.exe ", PROGRAM),
    ("film.exe. . ", PROGRAM),
    ("film.exe\u00a0", PROGRAM),
    ("film.exe\u3000", PROGRAM),
    ("film\u202evkm.exe", PROGRAM),
    ("film\u202e4pm.\u2066scr", PROGRAM),
    ("film.e\u200bxe", PROGRAM),
    ("film.mkv\u202e.lnk", PROGRAM),
    ("film.exe\u202e", PROGRAM),
    ("film．ｅｘｅ", PROGRAM),  # noqa: RUF001 -- full-width letters are the point
    ("film.ex\x00e", PROGRAM),
    ("film\\film.bat", PROGRAM),
    ("film.ps1", PROGRAM),
    ("film.zipx", PROGRAM),
    ("film.application", PROGRAM),
    ("BDMV/JAR/00001.jar", OTHER),
    ("film/BDMV/JAR/00001.jar", OTHER),
    ("BDMV/JAR/play.exe", PROGRAM),
    ("play.jar", PROGRAM),
)


@pytest.mark.parametrize(("name", "content"), NAMES, ids=[ascii(name) for name, _ in NAMES])
def test_content(name: str, content: Content) -> None:
    assert content_of(name) is content


@given(
    st.text(st.characters(exclude_characters="/\\"), max_size=30),
    st.text(st.sampled_from(" .\u00a0\u2003\u202e\u200b\u2066"), max_size=8),
)
def test_nothing_before_or_behind_hides_a_program(before: str, behind: str) -> None:
    assert ending(f"{before}.exe{behind}") == "exe"


@pytest.mark.parametrize(
    ("name", "megabytes", "program"),
    [
        ("film.exe", 3, True),
        ("DO_NOT_MIRROR.exe", 0.0001, False),
        ("www.example.com", 0.0002, False),
        ("film.lnk", 0.0001, True),
        ("film.vbs", 0.0001, True),
        ("film.bat", 0, False),
        ("film.mkv", 0.0001, False),
    ],
)
def test_a_program_has_the_size_of_one(name: str, megabytes: float, *, program: bool) -> None:
    (file,) = listed((name, megabytes))
    assert is_program(file) is program


@pytest.mark.parametrize(
    ("name", "megabytes", "sample"),
    [
        ("Sample/film.mkv", 60, True),
        ("film-sample.mkv", 60, True),
        ("film.sample.mkv", 300, True),
        ("film.sample.mkv", 301, False),
        ("The.Sampler.mkv", 60, False),
        ("Samples.of.Life.mkv", 60, False),
    ],
)
def test_sample(name: str, megabytes: float, *, sample: bool) -> None:
    (file,) = listed((name, megabytes))
    assert is_sample(file) is sample


@pytest.mark.parametrize(
    ("name", "note"),
    [
        ("password.txt", True),
        ("PASSWORD HERE.html", True),
        ("Passwort.txt", True),
        ("Mot de passe.txt", True),
        ("Contraseña.txt", True),
        ("пароль.txt", True),
        ("unlock/pass-word.txt", False),
        ("passwords.rtf", True),
        ("passport.txt", False),
        ("Bypassword.txt", False),
        ("password.nfo", False),
        ("password.mkv", False),
        ("readme.txt", False),
    ],
)
def test_note_about_a_password(name: str, *, note: bool) -> None:
    assert (password_note(listed((name, 0.001))) is not None) is note


@pytest.mark.parametrize(
    ("name", "season", "numbers"),
    [
        ("Silo.S03E02.1080p.mkv", 3, {2}),
        ("silo.s03e02.mkv", 3, {2}),
        ("Silo S03 E02.mkv", 3, {2}),
        ("Silo.S03.E02.mkv", 3, {2}),
        ("Silo.S03E02E03.mkv", 3, {2, 3}),
        ("Silo.S03E02.E03.mkv", 3, {2, 3}),
        ("Silo.S03E02-E04.mkv", 3, {2, 3, 4}),
        ("Silo.S03E02-04.mkv", 3, {2, 3, 4}),
        ("Silo.S03E02-04.1080p.mkv", 3, {2, 3, 4}),
        ("Silo.S03E02-1080p.mkv", 3, {2}),
        ("Silo.S03E02-10bit.mkv", 3, {2}),
        ("Silo.S03E02-x264.mkv", 3, {2}),
        ("Silo.S2024E101.mkv", 2024, {101}),
        ("Silo 3x02.mkv", 3, {2}),
        ("Season 3/Silo.S03E02.mkv", 3, {2}),
    ],
)
def test_episodes(name: str, season: int, numbers: set[int]) -> None:
    assert episodes_of(name) == {(season, number) for number in numbers}


@pytest.mark.parametrize(
    "name",
    [
        "Silo.1080p.x264.mkv",
        "Silo.1920x1080.mkv",
        "Silo - 02.mkv",
        "Silo.S03.mkv",
        "Silo.S03E02.Extras/Making Of.mkv",
        "Glass3E02.mkv",
        "Silo.S03E01-E99.mkv",
    ],
)
def test_names_that_tell_no_episode(name: str) -> None:
    assert not episodes_of(name)
