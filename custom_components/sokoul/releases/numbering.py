"""Which episodes a name speaks of, and where in the name it does.

The kinds are tried from the surest to the vaguest; the first that fits is taken. Ranges that go backwards, or
of thousands of episodes, are no ranges: names come from outside.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import date
import re
from typing import Final

from .attributes import Numbering

#: A range of more episodes than that is no range.
LONGEST_RANGE: Final = 2_000
MONTHS: Final = 12
MOST_SEASONS: Final = 60
#: Numbers like these are years where nobody says that it is anime.
_YEARS: Final = range(1900, 2100)


@dataclass(frozen=True, slots=True)
class Place:
    """A numbering, and the part of the name that says it."""

    numbering: Numbering
    start: int
    end: int


_B = r"(?<![^\W_])"  # no letter or digit before
_E = r"(?![^\W_])"  # nor behind
_GAP = r"[ ._]*"
_SEASONS_WORD = r"(?:seasons?|saisons?|staffel|temporadas?|stagion[ei]|seizoen|sezon)"
_SEASON_WORD = r"(?:seasons?|saisons?|staffel|temporadas?|stagion[ei]|seizoen|sezon|series)"
_EPISODE_WORD = r"(?:episodes?|[ée]pisodes?|folge|episodio|capitulo|ep|e)"

_STANDARD = re.compile(
    _B + r"s(\d{1,4})[ ._-]{0,3}(?:ep?|x)[ ._]?(\d{1,5})"
    r"((?:[ ._]?(?:[-.&+]|and)[ ._]?s\d{1,4}ep?\d{1,4}|[ ._]?-[ ._]?ep?\d{1,5}|-\d{1,3}(?![^\W_])"
    r"|[ ._+&]{0,3}e\d{1,4})*)"
    r"(?:v\d)?" + _E,
    re.IGNORECASE,
)
_CROSS = re.compile(
    _B + r"(\d{1,2})x(\d{1,3})((?:[-_x]x?(?!(?:480|576|720)(?!\d))\d{2,3}|[ ._-]{1,3}\d{1,2}x\d{2,3})*)(?:v\d)?" + _E,
    re.IGNORECASE,
)
_OLD_STYLE = re.compile(
    r"(?<=[ ._])(?!(?:19|20)\d\d)(\d{1,2})(\d\d)(?:[ ._]\1(\d\d))?(?:[ ._]\d{3,4}p)?[ ._](?:ws[ ._])?"
    r"(?:(?:hdtv|pdtv|dsr)" + _E + "|hdtv[hx]26[45])",
    re.IGNORECASE,
)
#: Two episodes of a season, or a day, right before the same mark.
_DIGITS = re.compile(
    r"(?<=[ ._])(\d{1,2})(\d\d)(\d\d)(?:[_ .]\d{3,4}p)?[_ .](?:ws[ ._])?(?:hdtv|pdtv|dsr|web|hdtv[hx]264)",
    re.IGNORECASE,
)
_OF_SO_MANY = re.compile(r"(?<=[ ._])(\d{1,2})(?:of|[ ._]of[ ._])(\d{1,2})" + _E, re.IGNORECASE)
_SPANISH = re.compile(r"\[cap[. ]{0,2}(\d{1,2})(\d\d)(?:_(?:\d{1,2})?(\d\d))?(?:[ ._]final)?\]", re.IGNORECASE)
_IN_WORDS = re.compile(
    _B
    + rf"(?:{_SEASON_WORD}|se){_GAP}(\d{{1,2}})[ ._,-]*(?:{_EPISODE_WORD}|afl){_GAP}(\d{{1,4}})"
    + rf"((?:[ ._]?(?:-|en|et|and|to|&)[ ._]?{_EPISODE_WORD}?{_GAP}\d{{1,4}})*)"
    + _E,
    re.IGNORECASE,
)
#: "Temp. 1", "Tem.1", in Spanish names.
_SEASON_IN_SHORT = re.compile(_B + r"temp?[ ._]{1,2}\d{1,2}" + _E, re.IGNORECASE)
#: What file names of long ago have: the season glued to a title in small letters, all in two digits.
_GLUED = re.compile(r"(?<=[a-z])s(\d\d)e(\d\d)((?:e\d\d)*)" + _E)
#: "S06.01": a number with a zero in front behind a season can only be an episode's.
_SEASON_AND_NUMBER = re.compile(_B + r"s(\d{1,2})\.(0\d)" + _E, re.IGNORECASE)
#: "S21 999": no season has so many episodes, so they are counted through all; but it may be lines without their p.
_SEASON_AND_COUNT = re.compile(
    r"s\d{1,2}[ ._](?!(?:19|20)\d\d|480|540|576|720|1080|1440|2160)(\d{3,4})"
    r"(?=$|[ ._]*[\[(]|[ ._]+(?:\d{3,4}[pi]|web|hdtv|blu|bd)[^\W_]*" + _E + ")",
    re.IGNORECASE,
)
#: "Part 02 720p HDTV", with a zero and on television: a series of one season; "02" alone may be of any.
_PART_ON_TELEVISION = re.compile(
    r"(?<=[ ._])(part[ ._]?)?(0\d)(?=[ ._](?:\d{3,4}[pi][ ._])?(?:ws[ ._])?(?:hdtv|pdtv|dsr)" + _E + ")", re.IGNORECASE
)
#: "2018 06 720p": a number with a zero in front behind the year.
_BEHIND_YEAR = re.compile(r"(?<=[ ._(\[])(?:19|20)\d\d[)\]]?[ ._](0\d)(?=[ ._]\d{3,4}[pi]" + _E + ")", re.IGNORECASE)
#: "2016x231": years count as seasons. No frame is so narrow, or so low.
_CROSS_OF_YEAR = re.compile(_B + r"((?:19[3-9]|20[0-3])\d)x([0-3]?\d{2})(?:[ ._-]{1,3}\d{4}x([0-3]?\d{2}))?" + _E)
#: "S07D1", "S07D1-3": discs of a season.
_DISCS_OF_SEASON = re.compile(_B + r"s(\d{1,2})[ ._]?d\d{1,2}(?:[-&+]d?\d{1,2})*" + _E, re.IGNORECASE)
#: All of how many there are: a season.
_ALL_OF_THEM = re.compile(r"[ ._]of[ ._](\d{1,4})" + _E, re.IGNORECASE)
_SEASON_AND_ABSOLUTE = re.compile(_B + r"s(\d{1,2})[ _]-[ _](?:ep?|episode)?[ _]?(\d{1,4})(?:v\d)?" + _E, re.IGNORECASE)
_SEASONS_IN_WORDS = re.compile(
    _B
    + r"(?:(?:the[ ._])?complete[ ._])?"
    + rf"(?:{_SEASONS_WORD}|(?<=[-\u2013][ ._])series)"
    + _GAP
    + r"(\d{1,2})(?:"
    + _GAP
    + r"(?:-|to|[àa]|&|\+)"
    + _GAP
    + r"(\d{1,2}))?"
    + _E,
    re.IGNORECASE,
)
_SEASONS = re.compile(
    _B + r"s((?:19|20)\d\d|\d{1,3}|[ ._]0\d)((?:[ ._]?[-+&]?[ ._]?s\d{1,3}|-\d{1,2}(?!\d))*)" + _E, re.IGNORECASE
)
_PART_OF_SEASON = re.compile(r"[ ._-]{0,3}(?:part|partie|vol|volume)[ ._]?\d" + _E, re.IGNORECASE)
_DAY = re.compile(_B + r"((?:19|20)\d\d)([ ._-])(\d\d)\2(\d\d)" + _E)
_DAY_BACKWARDS = re.compile(_B + r"(\d\d)([ ._-])(\d\d)\2((?:19|20)\d\d)" + _E)
_DAY_AS_NUMBER = re.compile(_B + r"(20[0-4]\d)([01]\d)([0-3]\d)" + _E)
_EPISODE = re.compile(
    r"(?<=[ ._(\[-])(?:e|(?:ep|episodio|episode|[ée]pisode|folge|capitulo)[ ._]?)"
    r"(\d{2,4})(?:-(?:ep?)?(\d{2,4}))?(?:v\d)?" + _E,
    re.IGNORECASE,
)
_TURKISH = re.compile(r"(?<=[ ._])(\d{1,4})[ .]{0,2}(?:b[öo]l[üu]m|blm)" + _E, re.IGNORECASE)
_BEFORE_SUBTITLES = re.compile(r"(?<=[ ._])(?!(?:19|20)\d\d)(\d{2,4})(?=[ ._]vostfr)", re.IGNORECASE)
_ANY_YEAR = re.compile(_B + r"(?:19|20)\d\d" + _E)
_ABSOLUTE = re.compile(
    r"[ ._][-\u2013][ ._]+((?:episode[ _]|ep[ _]?)?\d{1,4})(?:\.\d)?(?:v\d)?((?:-\d{1,4}|[ _]?~[ _]?\d{1,4})*)"
    r"(?=([ ._]*(?:[\[(]|$))|[ ._])"
    r"|[ _][(\[](\d{2,4})(?:[ _]?[-~][ _]?(\d{2,4}))[)\]]",
    re.IGNORECASE,
)
#: "88.5" comes between two episodes, and is none of them: a special.
_BETWEEN = re.compile(r"\.[1-9](?!\d)")
_FROM_TO = re.compile(r"[ ._](?:(\d{1,4})-|(0\d{1,3}) - )(\d{2,4})(?=[ ._]*[\[(])")
_ABSOLUTE_LAST = re.compile(r"[ ._-]#?(\d{2,4})(?:-(\d{2,4}))?(?:v\d)?(?=[ ._]*(?:[\[(]|$))")
_IN_BRACKETS = re.compile(r"[ ._]\[(\d{2,3})(?:v\d)?\]")
_TWO_IN_BRACKETS = re.compile(r"(?<=[\w)])[ ._][\[{](\d\d)[\]}](?=[ ._])")
#: With a zero in front, before the name of an episode.
_WITH_A_ZERO = re.compile(r"[ _](0\d)(?:v\d)?(?=[ _][^\W\d])")
_WHOLE = re.compile(
    _B + r"(?:the[ ._])?complete[ ._](?:series|collection)" + _E + "|" + _B + r"int[ée]grale?" + _E, re.IGNORECASE
)
_NUMBER = re.compile(r"\d+")
_YEAR_NEXT = re.compile(r"[ ._](?:19|20)\d\d" + _E)


def find(name: str, *, anime: bool) -> Place | None:
    """Return which episodes a name speaks of; None for a film or where nothing is said.

    `anime`: the name starts with its group in brackets, so that bare numbers are episodes.
    """
    for finder in _FINDERS:
        if (place := finder(name)) is not None:
            if anime:
                return _with_number_behind(name, place)
            return _from_first_mark(name, _with_episode_behind(name, place))
    place = _counted_through(name, anime=anime) or _episode_alone(name, anime=anime) or _before_subtitles(name)
    if place is None and (found := _BEHIND_YEAR.search(name)):
        place = Place(Numbering(absolute=(int(found[1]),)), found.start(1), found.end(1))
    if place is None and anime:
        place = _number_at_the_end(name) or _absolute_at(_WITH_A_ZERO.search(name))
    if place is None:
        place = _absolute_at(_TWO_IN_BRACKETS.search(name))
    if place is None and (found := _WHOLE.search(name, 1)):
        place = Place(Numbering(complete=True), found.start(), found.end())
    return place


def _standard(name: str) -> Place | None:
    """`S01E02`, `S01E02E03`, `S01E02-E05`, `S01E02-05`, `s01 e02`."""
    found = _STANDARD.search(name)
    if found is None:
        return None
    first, rest = int(found[2]), found[3]
    more = [int(each) for each in re.findall(r"(?:ep?|-)(\d{1,5})", rest, re.IGNORECASE)]
    episodes = _range(first, more[-1] if more else first, LONGEST_RANGE)
    if whole := _ALL_OF_THEM.match(name, found.end()):
        episodes = () if first == 1 and episodes[-1] == int(whole[1]) > 1 else episodes
    return Place(Numbering(seasons=(int(found[1]),), episodes=episodes), found.start(), found.end())


def _glued(name: str) -> Place | None:
    """`zoos01e02`, in small letters."""
    found = _GLUED.search(name)
    if found is None:
        return None
    last = int(found[3][-2:]) if found[3] else int(found[2])
    episodes = _range(int(found[2]), last, LONGEST_RANGE)
    return Place(Numbering(seasons=(int(found[1]),), episodes=episodes), found.start(), found.end())


def _cross_of_year(name: str) -> Place | None:
    """`2016x231`."""
    found = _CROSS_OF_YEAR.search(name)
    if found is None:
        return None
    episodes = _range(int(found[2]), int(found[3] or found[2]), LONGEST_RANGE)
    return Place(Numbering(seasons=(int(found[1]),), episodes=episodes), found.start(), found.end())


def _cross(name: str) -> Place | None:
    """`1x02`, `1x02-03`; but "10x10 (2018)" and "4x4 (2019)" are films."""
    found = _CROSS.search(name)
    if found is None:
        return None
    if (found.start() == 0 or len(found[2]) == 1) and _ANY_YEAR.search(name):
        return None
    first = int(found[2])
    more = [int(each) for each in re.findall(r"\d{2,3}(?!\d*x)", found[3])]
    episodes = _range(first, more[-1] if more else first, LONGEST_RANGE)
    return Place(Numbering(seasons=(int(found[1]),), episodes=episodes), found.start(), found.end())


def _old_style(name: str) -> Place | None:
    """`103`, `103.104` right before the mark of television, as names of long ago have it."""
    found = _OLD_STYLE.search(name, 1)
    if found is None:
        return None
    first, last, start = int(found[2]), int(found[3] or found[2]), found.start()
    if last > first + 1:  # "the.100.109": the first is the title's
        first, start = last, found.start(3) - len(found[1])
    numbering = Numbering(seasons=(int(found[1]),), episodes=_range(first, last, LONGEST_RANGE))
    return Place(numbering, start, found.end(3 if found[3] else 2))


def _digits(name: str) -> Place | None:
    """`10708`: two episodes that follow each other; `140722`: a day; both right before the mark of television."""
    found = _DIGITS.search(name, 1)
    if found is None:
        return None
    first, second, third = int(found[1]), int(found[2]), int(found[3])
    if third == second + 1:
        return Place(Numbering(seasons=(first,), episodes=(second, third)), found.start(), found.end(3))
    if len(found[1]) == 1:
        return None
    try:
        return Place(Numbering(aired=date(2000 + first, second, third)), found.start(), found.end(3))
    except ValueError:
        return None


def _of_so_many(name: str) -> Place | None:
    """`3of6`, `3.of.6`: of the season that is named before, or of the only one."""
    found = _OF_SO_MANY.search(name)
    if found is None or int(found[1]) > int(found[2]):
        return None
    season = _SEASONS_IN_WORDS.search(name, 1, found.start())
    number, start = (int(season[1]), season.start()) if season else (1, found.start())
    return Place(Numbering(seasons=(number,), episodes=(int(found[1]),)), start, found.end())


def _spanish(name: str) -> Place | None:
    """`[Cap.102]`, `[Cap.102_104]`: the season's number and two digits of the episode's."""
    found = _SPANISH.search(name)
    if found is None:
        return None
    episodes = _range(int(found[2]), int(found[3] or found[2]), LONGEST_RANGE)
    season = _SEASONS_IN_WORDS.search(name, 1) or _SEASON_IN_SHORT.search(name, 1)
    start = min(found.start(), season.start() if season else found.start())
    return Place(Numbering(seasons=(int(found[1]),), episodes=episodes), start, found.end())


def _in_words(name: str) -> Place | None:
    """`Season 1 Episode 2`, `Saison 1 Episode 2`."""
    found = _IN_WORDS.search(name)
    if found is None:
        return None
    first, more = int(found[2]), _NUMBER.findall(found[3])
    episodes = _range(first, int(more[-1]) if more else first, LONGEST_RANGE)
    return Place(Numbering(seasons=(int(found[1]),), episodes=episodes), found.start(), found.end())


def _season_and_absolute(name: str) -> Place | None:
    """`S2 - 05`, as anime groups number; `S06.01`."""
    found = _SEASON_AND_ABSOLUTE.search(name) or _SEASON_AND_NUMBER.search(name)
    if found is None:
        return None
    return Place(Numbering(seasons=(int(found[1]),), episodes=(int(found[2]),)), found.start(), found.end())


def _discs_of_season(name: str) -> Place | None:
    """`S07D1`: some of a season."""
    found = _DISCS_OF_SEASON.search(name, 1)
    return Place(Numbering(seasons=(int(found[1]),), partial=True), found.start(), found.end()) if found else None


def _part_on_television(name: str) -> Place | None:
    found = _PART_ON_TELEVISION.search(name)
    if found is None or _ANY_YEAR.search(name):
        return None
    numbering = Numbering(seasons=(1,) if found[1] else (), episodes=(int(found[2]),))
    return Place(numbering, found.start(), found.end())


def _aired(name: str) -> Place | None:
    """`2024.03.11`, `11.03.2024`, `20240311`."""
    for pattern, order in ((_DAY, (1, 3, 4)), (_DAY_BACKWARDS, (4, 3, 1)), (_DAY_AS_NUMBER, (1, 2, 3))):
        if found := pattern.search(name):
            year, month, day = (int(found[number]) for number in order)
            if month > MONTHS:  # the day comes second in the United States
                month, day = day, month
            try:
                aired = date(year, month, day)
            except ValueError:
                continue
            either = pattern is _DAY_BACKWARDS and day != month and day <= MONTHS
            numbering = Numbering(aired=aired, or_aired=date(year, day, month) if either else None)
            return Place(numbering, found.start(), found.end())
    return None


def _seasons(name: str) -> Place | None:
    """`S01`, `S01-S05`, `S01-05`, `Season 1`, `Saison 1`, `Seasons 1 to 3`."""
    short, long = _SEASONS.search(name, 1), _SEASONS_IN_WORDS.search(name, 1)
    if short is not None and (counted := _SEASON_AND_COUNT.match(name, short.start())) is not None:
        return _absolute_at(counted)
    if long is not None and not long[2] and _YEAR_NEXT.match(name, long.end()):
        long = None  # "Open Season 2 2008" is a film
    places = []
    if long is not None:
        numbers = _range(int(long[1]), int(long[2] or long[1]), MOST_SEASONS)
        places.append(Place(Numbering(seasons=numbers), long.start(), long.end()))
    if short is not None:
        listed = [int(short[1]), *(int(each) for each in _NUMBER.findall(short[2]))]
        numbers = _range(listed[0], listed[-1], MOST_SEASONS)
        places.append(Place(Numbering(seasons=numbers), short.start(), short.end()))
    if not places:
        return None
    best = max(places, key=lambda place: len(place.numbering.seasons))
    start, end = min(place.start for place in places), max(place.end for place in places)
    partial = len(best.numbering.seasons) == 1 and _PART_OF_SEASON.match(name, end) is not None
    return replace(best, numbering=replace(best.numbering, partial=partial), start=start, end=end)


def _from_first_mark(name: str, place: Place) -> Place:
    """Return what begins where its season is named for the first time: `Title s03 e - "Title Season 3 Episode 10"`."""
    earlier = _SEASONS.search(name, 1, place.start) if place.numbering.episodes else None
    if earlier is None or earlier[2] or (int(earlier[1]),) != place.numbering.seasons:
        return place
    return replace(place, start=earlier.start())


def _with_episode_behind(name: str, place: Place) -> Place:
    """Return a season with the episode that is named somewhere behind: `Stagione 6 (2016) 720p ep13`."""
    numbering = place.numbering
    if len(numbering.seasons) != 1 or not numbering.is_pack or numbering.partial:
        return place
    behind = _episode_alone(name[place.end :], anime=False)
    if behind is None or name[place.end + behind.start - 1] == "-":  # a group that is called so
        return place
    return replace(place, numbering=replace(numbering, episodes=behind.numbering.episodes))


def _with_number_behind(name: str, place: Place) -> Place:
    """Return a season with the number of the episode that follows somewhere: `(Season 2) - 05`, `S2 [05]`."""
    if len(place.numbering.seasons) != 1 or place.numbering.episodes:
        return place
    rest = name[place.end :]
    found = _counted_through(rest, anime=True) or _number_in_brackets(rest)
    if found is None:
        return place
    numbering = replace(place.numbering, episodes=found.numbering.absolute)
    return Place(numbering, place.start, place.end + found.end)


def _counted_through(name: str, *, anime: bool) -> Place | None:
    """` - 12`, ` - 01-12`, ` - 01 ~ 12`, ` (01-12)`, `[01-12]`, ` 01-12 [`; of several the one before brackets."""
    found = _FROM_TO.search(name)
    if found is not None and int(found[1] or found[2]) < int(found[3]) and int(found[3]) not in _YEARS:
        numbers = _range(int(found[1] or found[2]), int(found[3]), LONGEST_RANGE)
        return Place(Numbering(absolute=numbers), found.start(), found.end())
    fitting = [each for each in _ABSOLUTE.finditer(name) if anime or _is_no_part(each[1] or each[4])]
    if not fitting:
        return None
    best = next((each for each in fitting if each[3] is not None), fitting[0])
    if best[1] and _BETWEEN.match(name, best.end(1)):
        return Place(Numbering(seasons=(0,), partial=True), best.start(), best.end())
    first = int(_NUMBER.findall(best[1] or best[4])[0])
    last = int(_NUMBER.findall(best[2])[-1]) if best[2] else int(best[5] or first)
    return Place(Numbering(absolute=_range(first, last, LONGEST_RANGE)), best.start(), best.end())


def _is_no_part(number: str) -> bool:
    """Tell whether a number behind a dash may be an episode's where nobody says that it is anime: "Rocky - 2"."""
    return not number.isdecimal() or (len(number) > 1 and int(number) not in _YEARS)


def _before_subtitles(name: str) -> Place | None:
    """`220 VOSTFR`, in names without a year."""
    found = None if _ANY_YEAR.search(name) else _BEFORE_SUBTITLES.search(name)
    return Place(Numbering(absolute=(int(found[1]),)), found.start(), found.end()) if found else None


def _turkish(name: str) -> Place | None:
    """`79. Bölüm`, `79.BLM`."""
    found = _TURKISH.search(name)
    return Place(Numbering(absolute=(int(found[1]),)), found.start(), found.end()) if found else None


def _number_in_brackets(name: str) -> Place | None:
    return _absolute_at(_IN_BRACKETS.search(name))


def _absolute_at(found: re.Match[str] | None) -> Place | None:
    return Place(Numbering(absolute=(int(found[1]),)), found.start(), found.end()) if found else None


def _number_at_the_end(name: str) -> Place | None:
    """Return `12` or `#12` right before brackets or the end, or in brackets: numbers in names of anime only."""
    found = _ABSOLUTE_LAST.search(name)
    if found is None or int(found[1]) in _YEARS:
        return _number_in_brackets(name)
    numbers = _range(int(found[1]), int(found[2] or found[1]), LONGEST_RANGE)
    return Place(Numbering(absolute=numbers), found.start(), found.end())


def _episode_alone(name: str, *, anime: bool) -> Place | None:
    """`E05`, `Episode 05`: of a season that isn't told, or counted through."""
    found = _EPISODE.search(name)
    if found is None:
        return None
    numbers = _range(int(found[1]), int(found[2] or found[1]), LONGEST_RANGE)
    numbering = Numbering(absolute=numbers) if anime else Numbering(episodes=numbers)
    return Place(numbering, found.start(), found.end())


def _range(first: int, last: int, most: int) -> tuple[int, ...]:
    """Return all from the first to the last; the first alone where that is no range."""
    return tuple(range(first, last + 1)) if first <= last < first + most else (first,)


_FINDERS: Iterable[Callable[[str], Place | None]] = (
    _standard,
    _cross,
    _cross_of_year,
    _glued,
    _in_words,
    _spanish,
    _season_and_absolute,
    _turkish,
    _aired,
    _of_so_many,
    _discs_of_season,
    _seasons,
    _part_on_television,
    _old_style,
    _digits,
)
