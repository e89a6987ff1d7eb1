"""What somebody typed or said, read: a title with its numbers, an id of a database, a magnet, a hash or a link.

The text comes from people, links and voice, so nothing is trusted: any text gives a query, at worst one that says only
itself. A number that may be a year stays in the text, too: "Blade Runner 2049" is no film of 2049.
"""

import base64
import binascii
from dataclasses import dataclass, field, replace
from datetime import date
import re
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from ..model.library import TitleKind
from ..model.search import SearchRequest
from ..releases.numbering import find
from ..releases.parse import parse
from ..releases.tokens import fold

#: Nobody types more; what is longer is cut.
LONGEST_TEXT: Final = 300
#: Magnets carry their trackers.
LONGEST_LINK: Final = 8_192
FIRST_FILM: Final = 1888
#: Films are announced so many years ahead.
YEARS_AHEAD: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What is looked for, as far as the text tells. `bare` is the text without the year that it may end with."""

    text: str
    bare: str
    year: int | None = None
    year_is_sure: bool = False  # in parentheses, or given as such
    kind: TitleKind | None = None
    season: int | None = None
    episodes: frozenset[int] = frozenset()
    aired: date | None = None
    ids: frozenset[str] = frozenset()  # "imdb:tt1160419", "tmdb:438631", "tvdb:81189"
    info_hash: str | None = None  # lower case
    link: str | None = field(default=None, repr=False)  # a magnet or an address; may hold a key
    release: str = ""  # how a magnet or link calls what it leads to

    @property
    def terms(self) -> tuple[str, ...]:
        """What to ask catalogues for: the text, without its year, and without the number of a sequel.

        Catalogues know "Dune: Part Two", not always "Dune 2".
        """
        told = [self.text, self.bare, _NUMBER_OF_SEQUEL.sub("", self.bare)]
        return tuple(dict.fromkeys(each for each in told if each))

    @property
    def names_a_title(self) -> bool:
        """Whether there is anything to ask catalogues for."""
        return bool(self.text or self.ids)


_SPACES = re.compile(r"\s+")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_HEX_HASH = re.compile(r"[0-9a-f]{40}", re.IGNORECASE)
_BASE32_HASH = re.compile(r"[a-z2-7]{32}", re.IGNORECASE)
_IMDB = re.compile(r"(?:imdb[:= ]\s*)?(tt\d{7,10})", re.IGNORECASE)
_OTHER_ID = re.compile(r"(tmdb|tvdb)(?:id)?\s*[:=]\s*(\d{1,9})", re.IGNORECASE)
_SURE_YEAR = re.compile(r"\s*[(\[]((?:18|19|20)\d\d)[)\]]\s*$")
_LAST_YEAR = re.compile(r"\s+((?:18|19|20)\d\d)$")
_SEASON = r"(?:seasons?|saisons?)"
_EPISODE = r"(?:episodes?|épisodes?|ep)"
_WORDS: Final = {
    number: str(place)
    for place, numbers in enumerate(
        (
            ("one", "un", "une"),
            ("two", "deux"),
            ("three", "trois"),
            ("four", "quatre"),
            ("five", "cinq"),
            ("six",),
            ("seven", "sept"),
            ("eight", "huit"),
            ("nine", "neuf"),
            ("ten", "dix"),
        ),
        start=1,
    )
    for number in numbers
}
#: What is said: "season two", "saison numéro 2".
_SPOKEN = re.compile(
    rf"\b({_SEASON}|{_EPISODE})\s+(?:number\s+|numéro\s+|n°\s*)?({'|'.join(_WORDS)}|\d{{1,4}})\b", re.IGNORECASE
)
#: "the third season", "la 3e saison"
_ORDINAL = re.compile(
    rf"\b(?:the\s+|la\s+)?(\d{{1,2}})(?:st|nd|rd|th|e|è|ème|eme|re|ère)\s+({_SEASON})\b", re.IGNORECASE
)
_JOINING = re.compile(r"^(?:(?:of|de|from)\s+|d['\u2019]\s*)", re.IGNORECASE)  # "season 2 of The Bear"
_NUMBER_OF_SEQUEL = re.compile(
    r"[\s:,-]+(?:(?:part|partie|chapter|chapitre|vol(?:ume)?\.?)\s+\w+|\d{1,2}|I{2,3}|IV|VI{0,3}|IX)$", re.IGNORECASE
)
#: What is an address, or looks like the part of one that holds keys.
LINK: Final = re.compile(r"<?(?:[a-z][a-z0-9+.-]*://|magnet:\?|www\.)\S+|\S+\?\S*=\S*", re.IGNORECASE)
AROUND: Final = "<>()[],"
_FILE = re.compile(r"\.(?:torrent|nzb|mkv|mp4|m4v|avi|mov|wmv|ts|m2ts|webm|iso|rar|zip|7z)(?:\.html?)?$", re.IGNORECASE)
_KEY = re.compile(r"[0-9a-z]{20,}", re.IGNORECASE)  # no title is one such word
_EDGES = " \t-\u2013\u2014,;:/|."


def read_query(request: SearchRequest, today: date) -> Query:
    """Return what is looked for. Never raises."""
    text = _SPACES.sub(" ", _UNPRINTABLE.sub(" ", request.text[:LONGEST_LINK])).strip()
    query = _read_reference(text) or _read_page_in(text) or _read_title(_without_links(text)[:LONGEST_TEXT], today)
    return _with_what_was_given(query, request)


def shown(text: str) -> str:
    """Return a text as it may be told: of each link in it the host alone, for the rest may hold a key."""
    return LINK.sub(lambda found: host_of(found[0]) or "\u2026", text)


def host_of(link: str) -> str:
    """Return the host that an address leads to; nothing where it leads to none."""
    try:
        return urlsplit(link.strip(AROUND)).hostname or ""
    except ValueError:
        return ""


def _with_what_was_given(query: Query, request: SearchRequest) -> Query:
    season, episodes, kind, year = query.season, query.episodes, query.kind, query.year
    aired = request.aired or query.aired
    if request.season is not None:
        season, episodes = request.season, frozenset()
    if request.episode is not None:
        episodes = frozenset({request.episode})
        season = 1 if season is None else season
    if request.kind is not None:
        kind = TitleKind.MOVIE if request.kind is TitleKind.MOVIE else TitleKind.SERIES
    elif season is not None:
        kind = TitleKind.SERIES
    if kind is TitleKind.MOVIE:
        season, episodes, aired = None, frozenset(), None
    sure = query.year_is_sure
    if request.year is not None:
        year, sure = request.year, True
    return replace(query, season=season, episodes=episodes, aired=aired, kind=kind, year=year, year_is_sure=sure)


# --- ids, magnets and links ------------------------------------------------------------------------------------------


def _read_reference(text: str) -> Query | None:
    """Return what a text refers to that is no title; None: it is one."""
    if _HEX_HASH.fullmatch(text):
        return _nothing(info_hash=text.lower())
    if (told := _base32(text)) is not None and text.upper() == text:  # else it may be a very long word
        return _nothing(info_hash=told)
    if found := _IMDB.fullmatch(text):
        return _nothing(ids=frozenset({f"imdb:{found[1].lower()}"}))
    if found := _OTHER_ID.fullmatch(text):
        kind = TitleKind.SERIES if found[1].lower() == "tvdb" else None
        return _nothing(ids=frozenset({f"{found[1].lower()}:{int(found[2])}"}), kind=kind)
    if text[:8].lower() == "magnet:?":
        return _read_magnet(text)
    if text[:8].lower().startswith(("http://", "https://")):
        return _read_link(text)
    return None


def _read_page_in(text: str) -> Query | None:
    """Return the title whose page is linked beside other words."""
    links = (each.strip(AROUND) for each in LINK.findall(text))
    read = (_read_link(each) for each in links if each[:8].lower().startswith(("http://", "https://")))
    return next((each for each in read if each.ids), None)


def _without_links(text: str) -> str:
    """Return the words beside links: those may hold keys, and nobody is asked for them."""
    return _SPACES.sub(" ", LINK.sub(" ", text)).strip()


def _nothing(
    *,
    ids: frozenset[str] = frozenset(),
    kind: TitleKind | None = None,
    info_hash: str | None = None,
    link: str | None = None,
) -> Query:
    return Query(text="", bare="", ids=ids, kind=kind, info_hash=info_hash, link=link)


def hash_of(text: str) -> str | None:
    """Return an info hash in base 16, lower case; None: it's none. Older magnets write it in base 32."""
    return text.lower() if _HEX_HASH.fullmatch(text) else _base32(text)


def _base32(text: str) -> str | None:
    if not _BASE32_HASH.fullmatch(text):
        return None
    try:
        return base64.b32decode(text.upper()).hex()
    except binascii.Error:
        return None


def _read_magnet(link: str) -> Query:
    try:
        given = parse_qs(link[8:], max_num_fields=200)
    except ValueError:
        return _nothing(link=link)
    info_hash = None
    for topic in given.get("xt", ()):
        prefix, _, value = topic.rpartition(":")
        if prefix.lower() == "urn:btih":
            info_hash = hash_of(value)
    name = given.get("dn", [""])[0]
    return replace(_of_release(name), info_hash=info_hash, link=link)


def _read_link(link: str) -> Query:
    try:
        parts = urlsplit(link)
        host, path = (parts.hostname or "").removeprefix("www.").removeprefix("m."), parts.path
    except ValueError:
        return _nothing(link=link)
    if host == "imdb.com" and (found := _IMDB.search(path)):
        return _nothing(ids=frozenset({f"imdb:{found[1].lower()}"}))
    if host == "themoviedb.org" and (found := re.search(r"/(movie|tv)/(\d{1,9})(?:[-/](?:season/(\d{1,3}))?|$)", path)):
        kind = TitleKind.MOVIE if found[1] == "movie" else TitleKind.SERIES
        season = re.search(r"/season/(\d{1,3})(?:/episode/(\d{1,4}))?", path)
        return replace(
            _nothing(ids=frozenset({f"tmdb:{int(found[2])}"}), kind=kind),
            season=int(season[1]) if season and kind is TitleKind.SERIES else None,
            episodes=frozenset({int(season[2])}) if season and season[2] and kind is TitleKind.SERIES else frozenset(),
        )
    if host == "thetvdb.com" and (found := re.search(r"/dereferrer/(series|movie)/(\d{1,9})$", path)):
        kind = TitleKind.SERIES if found[1] == "series" else TitleKind.MOVIE
        return _nothing(ids=frozenset({f"tvdb:{int(found[2])}"}), kind=kind)
    return replace(_of_release(_file_in(path)), link=link)


def _file_in(path: str) -> str:
    """Return the name of the file that a path leads to; nothing where it is a page, or no more than a key."""
    name = unquote(path.rpartition("/")[2])
    if file := _FILE.search(name):
        return "" if _KEY.fullmatch(name[: file.start()]) else name
    read = parse(name)
    return name if read.year is not None or read.resolution is not None or read.numbering.is_series else ""


def _of_release(name: str) -> Query:
    """Return the title that the name of a release speaks of."""
    shown = _SPACES.sub(" ", _UNPRINTABLE.sub(" ", name[:LONGEST_TEXT])).strip()
    if not shown:
        return _nothing()
    read = parse(shown)
    numbering = read.numbering
    return Query(
        text=read.title,
        bare=read.title,
        year=read.year,
        year_is_sure=read.year is not None,
        kind=TitleKind.SERIES if numbering.is_series else None,
        season=_season(numbering.seasons, numbering.episodes),
        episodes=frozenset(numbering.episodes),
        aired=numbering.aired,
        release=shown,
    )


# --- titles ----------------------------------------------------------------------------------------------------------


def _read_title(typed: str, today: date) -> Query:
    said = _ORDINAL.sub(r" \2 \1 ", typed)
    said = _SPOKEN.sub(lambda found: f"{found[1]} {_WORDS.get(fold(found[2]), found[2])}", said)
    said = _SPACES.sub(" ", said).strip()
    place = find(f" {said} ", anime=False)
    numbering = place.numbering if place is not None else None
    title = said
    if place is not None:
        before, behind = said[: max(place.start - 1, 0)], said[max(place.end - 1, 0) :]
        title = before.strip(_EDGES) or _JOINING.sub("", behind.strip(_EDGES))
    if numbering is None or not title or numbering.absolute:
        numbering, title = None, said  # "24" and "1 - 12" are titles, or nothing
    text = title.strip(_EDGES) or typed
    year, bare, sure = _year(text, today)
    if sure:
        text = bare
    return Query(
        text=text,
        bare=bare,
        year=year,
        year_is_sure=sure,
        kind=TitleKind.SERIES if numbering is not None else None,
        season=_season(numbering.seasons, numbering.episodes) if numbering is not None else None,
        episodes=frozenset(numbering.episodes) if numbering is not None else frozenset(),
        aired=numbering.aired if numbering is not None else None,
    )


def _season(seasons: tuple[int, ...], episodes: tuple[int, ...]) -> int | None:
    """Return the season that is meant: without any an episode is of the first; of several none is."""
    if seasons:
        return seasons[0] if len(seasons) == 1 else None
    return 1 if episodes else None


def _year(text: str, today: date) -> tuple[int | None, str, bool]:
    """Return the year at the end of a text, the text without it, and whether it can be nothing else."""
    for pattern, sure in ((_SURE_YEAR, True), (_LAST_YEAR, False)):
        if found := pattern.search(text):
            year, bare = int(found[1]), text[: found.start()].strip(_EDGES)
            if bare and FIRST_FILM <= year <= today.year + YEARS_AHEAD:
                return year, bare, sure
    return None, text, False
