"""What catalogues tell of titles."""

from custom_components.sokoul.model.catalogue import CatalogueSeason, CatalogueTitle, id_of
from custom_components.sokoul.model.library import TitleKind
from custom_components.sokoul.model.releases import Offer, Offers, Protocol, ResolvedLink

DUNE = CatalogueTitle(
    kind=TitleKind.MOVIE,
    name="Dune: Part Two",
    original_name="Dune: Part Two",
    aliases=("Dune 2", "Dune, deuxième partie", "Dune 2"),
    year=2024,
    ids=frozenset({"tmdb:693134", "imdb:tt15239678"}),
)


def test_names_come_once_and_the_best_known_first() -> None:
    assert DUNE.names == ("Dune: Part Two", "Dune 2", "Dune, deuxième partie")


def test_label() -> None:
    assert DUNE.label == "Dune: Part Two (2024)"
    assert CatalogueTitle(kind=TitleKind.SERIES, name="Silo").label == "Silo"


def test_ids() -> None:
    assert DUNE.id_in("imdb") == "tt15239678"
    assert DUNE.id_in("tmdb") == "693134"
    assert DUNE.id_in("tvdb") is None
    assert id_of((), "imdb") is None


def test_seasons() -> None:
    specials, first = CatalogueSeason(number=0), CatalogueSeason(number=1, episodes=10)
    silo = CatalogueTitle(kind=TitleKind.SERIES, name="Silo", seasons=(specials, first))
    assert silo.season(1) is first
    assert silo.season(0) is specials
    assert silo.season(7) is None


def test_nothing_secret_is_printed() -> None:
    link = ResolvedLink(info_hash="a" * 40, magnet="magnet:?tr=http://tracker/passkey", torrent=b"passkey")
    offer = Offer(name="x", indexer="y", protocol=Protocol.TORRENT, link="http://prowlarr/1/download?apikey=passkey")
    assert "passkey" not in repr(link)
    assert "passkey" not in repr(Offers(offers=(offer,)))
