"""What somebody typed or said, read: a title with its numbers, an id of a database, a magnet, a hash or a link.

The text comes from people, links and voice, so nothing is trusted: any text gives a query, at worst one that says only
itself. A number that may be a year stays in the text, too: "Blade Runner 2049" is no film of 2049.
"""

import base64
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
import re
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from ..model.library import TitleKind
from ..model.search import SearchRequest
from ..releases.attributes import Numbering
from ..releases.identify import Wanted
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
    others: tuple[Query, ...] = ()  # what else the text may mean: "Open Season 2" is a film, too

    @property
    def readings(self) -> tuple[Query, ...]:
        """All that the text may mean, this first."""
        return (self, *self.others)

    @property
    def terms(self) -> tuple[str, ...]:
        """What to ask catalogues for: the text, without its year, and without the number of a sequel.

        Catalogues know "Dune: Part Two", not always "Dune 2".
        """
        told = [self.text, self.bare, _NUMBER_OF_SEQUEL.sub("", self.bare)]
        return tuple(dict.fromkeys(each for each in told if each))

    def terms_of(self, kind: TitleKind) -> tuple[str, ...]:
        """Return what to ask for where only movies, or only series, are known."""
        own = self.terms if self.may_be(kind) else ()
        return tuple(dict.fromkeys((*own, *(each.text for each in self.others if each.may_be(kind)))))

    def may_be(self, kind: TitleKind) -> bool:
        """Tell whether a movie, or a series, may be meant by this reading."""
        return self.kind is None or self.kind is kind

    @property
    def names_a_title(self) -> bool:
        """Whether there is anything to ask catalogues for."""
        return bool(self.text or self.ids)


_SPACES = re.compile(r"\s+")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_HEX_HASH = re.compile(r"[0-9a-f]{40}", re.IGNORECASE)
_BASE32_HASH = re.compile(r"[a-z2-7]{32}", re.IGNORECASE | re.ASCII)  # else the sign of Kelvin is a k
_IMDB = re.compile(r"tt\d{7,10}", re.IGNORECASE)
#: An id, alone or beside other words.
_ID = re.compile(
    r"(?<![^\s(\[,;])"
    r"(?:(?:imdb[:= ]\s*)?(?P<imdb>tt\d{7,10})|(?P<database>tmdb|tvdb)(?:id)?\s*[:=]\s*(?P<number>\d{1,9}))"
    r"(?![^\s)\],;.])",
    re.IGNORECASE,
)
#: The address of a page as it is often written.
_BARE_PAGE = re.compile(r"(?<![\w./@-])(?=(?:www\.|m\.)?(?:imdb\.com|themoviedb\.org|thetvdb\.com)/\S)", re.IGNORECASE)
#: The page of the episodes of a season, at IMDb.
_SEASON_IN_QUERY = re.compile(r"(?:^|&)season=(\d{1,3})(?:&|$)")
#: The page of a series or a film, or of a season, at TheTVDB.
_NAMED_PAGE = re.compile(r"/(series|movies)/([\w-]{1,120})(?:/seasons/[\w-]+/(\d{1,3}))?(?:/|$)")
_SURE_YEAR = re.compile(r"\s*[(\[]((?:18|19|20)\d\d)[)\]]\s*$")
_LAST_YEAR = re.compile(r"\s+((?:18|19|20)\d\d)$")
_SEASON = r"(?:seasons?|saisons?)"
_EPISODE = r"(?:episodes?|épisodes?|ep)"
#: Numbers as they are said, and what is said in place of "number 3", each from 1 on.
_SAID: Final = (
    (("one", "un", "une"), ("first", "premier", "première")),
    (("two", "deux"), ("second", "seconde", "deuxième")),
    (("three", "trois"), ("third", "troisième")),
    (("four", "quatre"), ("fourth", "quatrième")),
    (("five", "cinq"), ("fifth", "cinquième")),
    (("six",), ("sixth", "sixième")),
    (("seven", "sept"), ("seventh", "septième")),
    (("eight", "huit"), ("eighth", "huitième")),
    (("nine", "neuf"), ("ninth", "neuvième")),
    (("ten", "dix"), ("tenth", "dixième")),
    (("eleven", "onze"), ("eleventh", "onzième")),
    (("twelve", "douze"), ("twelfth", "douzième")),
    (("thirteen", "treize"), ("thirteenth", "treizième")),
    (("fourteen", "quatorze"), ("fourteenth", "quatorzième")),
    (("fifteen", "quinze"), ("fifteenth", "quinzième")),
    (("sixteen", "seize"), ("sixteenth", "seizième")),
    (("seventeen", "dix-sept", "dix sept"), ("seventeenth", "dix-septième")),
    (("eighteen", "dix-huit", "dix huit"), ("eighteenth", "dix-huitième")),
    (("nineteen", "dix-neuf", "dix neuf"), ("nineteenth", "dix-neuvième")),
    (("twenty", "vingt"), ("twentieth", "vingtième")),
)
_WORDS: Final = {fold(word): str(place) for place, (words, _) in enumerate(_SAID, start=1) for word in words}
_ORDINALS: Final = {fold(word): str(place) for place, (_, words) in enumerate(_SAID, start=1) for word in words}


def _any(words: Iterable[str]) -> str:
    """Return an expression for any of these words, with its accents or without, the longest first."""
    return "|".join(sorted(words, key=len, reverse=True)).replace("ieme", "i[eè]me").replace("iere", "i[eè]re")


#: What is said: "season two", "saison numéro 2".
_SPOKEN = re.compile(
    rf"\b({_SEASON}|{_EPISODE})\s+(?:number\s+|numéro\s+|n°\s*)?({_any(_WORDS)}|\d{{1,4}})\b", re.IGNORECASE
)
#: "the third season", "la 3e saison", "le premier épisode"
_ORDINAL = re.compile(
    rf"\b(?:(\d{{1,2}})(?:st|nd|rd|th|e|è|ème|eme|re|ère|er)|({_any(_ORDINALS)}))\s+({_SEASON}|{_EPISODE})\b",
    re.IGNORECASE,
)
#: "episode 2 of season 3", "l'épisode 2 de la saison 3"
_EPISODE_OF_SEASON = re.compile(
    rf"\b({_EPISODE}\s+\d{{1,4}}),?\s+(?:(?:of|from|de)\s+)?(?:(?:the|la)\s+)?({_SEASON}\s+\d{{1,2}})\b",
    re.IGNORECASE,
)
#: "season 3 of 24": not the third of 24.
_OF = re.compile(rf"\b({_SEASON}\s+\d{{1,2}}(?:,?\s+{_EPISODE}\s+\d{{1,4}})?)\s+of\s+", re.IGNORECASE)
#: Before a season or an episode: "la saison 3", "The Bear, the season 3".
_ARTICLE = re.compile(r"(?:^|[\s,:;-]+)(?:the|la|le|l['\u2019])$", re.IGNORECASE)
#: "season 2 of The Bear", "saison 2 du Bureau des légendes"
_JOINING = re.compile(r"^(?:(?:of|de|from)\s+|d['\u2019]\s*)", re.IGNORECASE)
_CONTRACTED: Final = ((re.compile(r"^du\s+", re.IGNORECASE), "le "), (re.compile(r"^des\s+", re.IGNORECASE), "les "))
#: "Open Season 2": all of it may be the name of a film, and all but the number that of a series, "Hunting Season".
_NAME_WITH_SEASON = re.compile(rf"((.*\S)\s+{_SEASON})\s+\d{{1,2}}", re.IGNORECASE)
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
    text = spelled_out(_SPACES.sub(" ", _UNPRINTABLE.sub(" ", request.text[:LONGEST_LINK])).strip())
    said = _without_links(text)[:LONGEST_TEXT]
    query = (
        _read_page_in(text, today)
        or _read_reference(text, today)
        or _read_id_in(text)
        or _read_title(said, today, numbered=request.kind is not TitleKind.MOVIE)
    )
    return _with_what_was_given(query, request)


def spelled_out(text: str) -> str:
    """Return a text in which the addresses of titles are whole: "imdb.com/title/tt1160419"."""
    return _BARE_PAGE.sub("https://", text)


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
    kind_given = None
    if request.kind is not None:
        kind = kind_given = TitleKind.MOVIE if request.kind is TitleKind.MOVIE else TitleKind.SERIES
    elif request.season is not None or request.episode is not None:
        kind = TitleKind.SERIES
    if kind is TitleKind.MOVIE:
        season, episodes, aired = None, frozenset(), None
    sure = query.year_is_sure
    if request.year is not None:
        year, sure = request.year, True
    said = request.season is not None or request.episode is not None  # what is beside the text is no number of it
    others = (each for each in query.others if not said and (kind_given is None or each.may_be(kind_given)))
    return replace(
        query,
        season=season,
        episodes=episodes,
        aired=aired,
        kind=kind,
        year=year,
        year_is_sure=sure,
        others=tuple(_with_what_was_given(each, request) for each in others),
    )


# --- ids, magnets and links ------------------------------------------------------------------------------------------


def _read_reference(text: str, today: date) -> Query | None:
    """Return what a text refers to that is no title; None: it is one."""
    if _HEX_HASH.fullmatch(text):
        return _nothing(info_hash=text.lower())
    if (told := _base32(text)) is not None and text.upper() == text:  # else it may be a very long word
        return _nothing(info_hash=told)
    if text[:8].lower() == "magnet:?":
        return _read_magnet(text)
    if text[:8].lower().startswith(("http://", "https://")):
        return _read_link(text, today)
    return None


def _read_page_in(text: str, today: date) -> Query | None:
    """Return the title whose page is linked, with the season or the episode that is said beside the link."""
    links = (each.strip(AROUND) for each in LINK.findall(text))
    read = (_read_link(each, today) for each in links if each[:8].lower().startswith(("http://", "https://")))
    page = next((each for each in read if each.link is None), None)
    return None if page is None else _with_numbers(page, _without_links(text)[:LONGEST_TEXT])


def _read_id_in(text: str) -> Query | None:
    """Return the title whose id stands beside other words, with the season or the episode that these say."""
    found = _ID.search(text)
    if found is None:
        return None
    beside = _without_links(f"{text[: found.start()]} {text[found.end() :]}")
    return _with_numbers(_of_id(found), beside[:LONGEST_TEXT])


def _of_id(found: re.Match[str]) -> Query:
    """Return the title of an id."""
    if found["imdb"]:
        return _nothing(ids=frozenset({f"imdb:{found['imdb'].lower()}"}))
    database = found["database"].lower()
    kind = TitleKind.SERIES if database == "tvdb" else None
    return _nothing(ids=frozenset({f"{database}:{int(found['number'])}"}), kind=kind)


def _with_numbers(query: Query, beside: str) -> Query:
    """Return a title that is known by its id with the season, the episodes or the day that words beside it say.

    An id of IMDb tells itself whether it is a film: "Open Season 2" is one, and no second season.
    """
    numbering, _ = _numbered(beside)
    if numbering is None or numbering.absolute or query.kind is TitleKind.MOVIE or query.season is not None:
        return query
    episodes = frozenset(numbering.episodes)
    season, said = _season(numbering.seasons, numbering.episodes), bool(episodes or numbering.aired)
    sure = said or (season is not None and not any(each.startswith("imdb:") for each in query.ids))
    kind = TitleKind.SERIES if sure else query.kind
    return replace(query, season=season, episodes=episodes, aired=numbering.aired, kind=kind)


def numbers_of(asked: Query | Wanted) -> str:
    """Return the season, the episodes or the day as they can be written behind a title; empty: all of it is meant."""
    if asked.season is None:
        return asked.aired.isoformat() if asked.aired is not None else ""
    if not asked.episodes:
        return f"S{asked.season:02}"
    first, last = min(asked.episodes), max(asked.episodes)
    return f"S{asked.season:02}E{first:02}" + (f"-E{last:02}" if last > first else "")


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
    return base64.b32decode(text.upper()).hex() if _BASE32_HASH.fullmatch(text) else None


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


def _read_link(link: str, today: date) -> Query:
    try:
        parts = urlsplit(link)
        host, path = (parts.hostname or "").removeprefix("www.").removeprefix("m."), parts.path
    except ValueError:
        return _nothing(link=link)
    page = None
    match host:
        case "imdb.com":
            page = _imdb_page(path, parts.query)
        case "themoviedb.org":
            page = _tmdb_page(path)
        case "thetvdb.com":
            page = _tvdb_page(path, today)
    return page or replace(_of_release(_file_in(path)), link=link)


def _imdb_page(path: str, query: str) -> Query | None:
    if (found := _IMDB.search(path)) is None:
        return None
    page, season = _nothing(ids=frozenset({f"imdb:{found[0].lower()}"})), _SEASON_IN_QUERY.search(query)
    return page if season is None else replace(page, kind=TitleKind.SERIES, season=int(season[1]))


def _tmdb_page(path: str) -> Query | None:
    found = re.search(r"/(movie|tv)/(\d{1,9})(?:[-/](?:season/(\d{1,3}))?|$)", path)
    if found is None:
        return None
    kind = TitleKind.MOVIE if found[1] == "movie" else TitleKind.SERIES
    season = re.search(r"/season/(\d{1,3})(?:/episode/(\d{1,4}))?", path)
    return replace(
        _nothing(ids=frozenset({f"tmdb:{int(found[2])}"}), kind=kind),
        season=int(season[1]) if season and kind is TitleKind.SERIES else None,
        episodes=frozenset({int(season[2])}) if season and season[2] and kind is TitleKind.SERIES else frozenset(),
    )


def _tvdb_page(path: str, today: date) -> Query | None:
    """Return the title of a page, most of which have its name in their address and no id."""
    if found := re.search(r"/dereferrer/(series|movie)/(\d{1,9})$", path):
        kind = TitleKind.SERIES if found[1] == "series" else TitleKind.MOVIE
        return _nothing(ids=frozenset({f"tvdb:{int(found[2])}"}), kind=kind)
    if (found := _NAMED_PAGE.match(path)) is None or not (name := found[2].replace("-", " ").strip()):
        return None
    kind = TitleKind.SERIES if found[1] == "series" else TitleKind.MOVIE
    season = int(found[3]) if found[3] and kind is TitleKind.SERIES else None
    year, bare, _ = _year(name, today)
    return Query(text=name, bare=bare, year=year, kind=kind, season=season)


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


def _read_title(typed: str, today: date, *, numbered: bool) -> Query:
    numbering, title = _numbered(typed) if numbered else (None, typed)
    if numbering is None or not title or numbering.absolute:
        if (named := _read_name(typed)) is not None:
            return named
        numbering, title = None, typed  # "24" and "1 - 12" are titles, or nothing
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
        others=_other_readings(typed, numbering, today) if numbering is not None else (),
    )


def _other_readings(typed: str, numbering: Numbering, today: date) -> tuple[Query, ...]:
    """Return what a text with the number of a season may mean besides: titles in which that word is a part."""
    year, text, sure = _year(typed, today)
    found = _NAME_WITH_SEASON.fullmatch(_in_digits(text if sure else typed).strip(_EDGES))
    if found is None or numbering.episodes or _ARTICLE.search(found[2]):
        return ()
    film = Query(text=found[0], bare=found[0], year=year if sure else None, year_is_sure=sure, kind=TitleKind.MOVIE)
    season = _season(numbering.seasons, ())
    return film, Query(text=found[1], bare=found[1], kind=TitleKind.SERIES, season=season)


def _read_name(typed: str) -> Query | None:
    """Return the title of a release whose name was typed: no title has the lines of a picture in it."""
    read = parse(typed)
    if read.resolution is None or read.resolution_inferred or not read.title:
        return None
    return replace(_of_release(typed), release="")


def _numbered(typed: str) -> tuple[Numbering | None, str]:
    """Return which episodes a text speaks of, if any, and what is left of it: the title, or nothing."""
    said = _ORDINAL.sub(lambda found: f"{found[3]} {found[1] or _ORDINALS[fold(found[2])]}", typed)
    said = _in_digits(said)
    said = _OF.sub(r"\1, ", _EPISODE_OF_SEASON.sub(r"\2 \1", said))
    if (place := find(f" {said} ", anime=False)) is None:
        return None, typed
    before, behind = said[: max(place.start - 1, 0)], said[max(place.end - 1, 0) :]
    if title := _ARTICLE.sub("", before.strip(_EDGES)).strip(_EDGES):
        return place.numbering, title
    title = _JOINING.sub("", behind.strip(_EDGES))
    for contracted, article in _CONTRACTED:
        title = contracted.sub(article, title)
    return place.numbering, title


def _in_digits(typed: str) -> str:
    """Return a text with the numbers of seasons and episodes as digits."""
    return _SPOKEN.sub(lambda found: f"{found[1]} {_WORDS.get(fold(found[2]), found[2])}", typed)


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
