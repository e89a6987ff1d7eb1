"""What is kept of the text that somebody puts on the watchlist."""

import pytest

from custom_components.sokoul.model.search import SearchRequest
from custom_components.sokoul.watching_titles import text_of
from custom_components.sokoul.watchlist.errors import NothingToAsk

FILM = "https://www.imdb.com/title/tt15239678/"


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("Dune 2", "Dune 2"),
        ("What If...?", "What If...?"),
        ("Metropolis (1927)", "Metropolis (1927)"),
        ("(500) Days of Summer", "(500) Days of Summer"),
        ("[REC]", "[REC]"),
        ("Metropolis (1927) (https://indexer.example/dl?apikey=SECRET)", "Metropolis (1927)"),
        ("Who? What? Where?", "Who? What? Where?"),
        ("tt15239678", "tt15239678"),
        (FILM, FILM),
        (f"{FILM}?ref_=nv_sr_1", FILM),
        ("https://me:SECRET@www.imdb.com/title/tt15239678/?key=SECRET#SECRET", FILM),
        (f"Dune: Part Two (2024) {FILM}?ref_=ext_shr", FILM),
        (f"Dune: Part Two (2024) - {FILM}", FILM),
        (f"<{FILM}>", FILM),
        (
            "https://www.themoviedb.org/tv/136315-the-bear/season/3?language=fr",
            "https://www.themoviedb.org/tv/136315-the-bear/season/3",
        ),
        ("Dune 2 https://indexer.example/dl?apikey=SECRET", "Dune 2"),
        ("https://indexer.example/dl?apikey=SECRET Dune 2", "Dune 2"),
        (f"Dune magnet:?xt=urn:btih:{'ab' * 20}&tr=http://tracker.example/SECRET", "Dune"),
        ("Dune indexer.example/dl?apikey=SECRET", "Dune"),
        ("Dune ftp://me:SECRET@host.example/", "Dune"),
        ("https://indexer.example/Dune.Part.Two.2024.1080p.WEB.H264-GRP.torrent?apikey=SECRET", "Dune Part Two (2024)"),
    ],
)
def test_what_is_kept(said: str, kept: str) -> None:
    assert text_of(SearchRequest(text=said)) == kept


@pytest.mark.parametrize(
    "said",
    ["", "  ", "ftp://me:SECRET@host.example/", "indexer.example/dl?apikey=SECRET", "ab" * 20, "https://"],
)
def test_what_names_no_title(said: str) -> None:
    with pytest.raises(NothingToAsk):
        text_of(SearchRequest(text=said))
