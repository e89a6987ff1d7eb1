"""Reading a release's name.

A name is a title, then numbers, then tags, then the group. What is a tag is told by where it stands: from the first
number or the first sure tag on, words are tags; before it they are the title, however much they look like tags. That
keeps `Camelot` from being a CAM and `The French Dispatch` from being French.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
import re
from typing import Final

from .assemble import Found, assemble
from .attributes import Codec, Edition, Flag, Numbering, ReleaseName, Source
from .groups import Frame, frame
from .numbering import Place, find
from .tokens import Filler, Hint, Language, Meaning, Subtitles, Tag, Word, meaning_at, words

#: Longer names are cut: no file system takes them, and they come from outside.
LONGEST_NAME: Final = 400
#: So many names are kept read: what a few searches find, three or four megabytes.
KEPT_NAMES: Final = 2_048
#: Of those without any numbering that are looked at for a series.
KEPT_OF_SERIES: Final = 256
#: Years after that are part of a title: Blade Runner 2049, Cyberpunk 2077.
LATEST_YEAR: Final = 2039
EARLIEST_YEAR: Final = 1895

_ALSO_KNOWN_AS = re.compile(r"[ ._(]+a[. ]?k[. ]?a[ ._]+| [/|] ", re.IGNORECASE)
#: Several words: one alone is a country ("The Office (US)") more often than a name.
_ENCLOSED = re.compile(r"\(([^()]*[ ._][^()]*)\)")
_BRACKETS = re.compile(r"[\[\](){}]+")
_FOUR_DIGITS = re.compile(r"[0-9]{4}")
_SPACES = re.compile(r"[\s._]+")
#: An episode, or a season and two digits of an episode.
_BARE_NUMBER = re.compile(r"([1-9])?(\d\d)")
#: What anime groups put behind a title: a number before the season's own, a version.
_COUNTED = re.compile(r"(?: - \d{2,4}(?:[. ]\d)?| v\d)$")
_LAST_BRACKETS = re.compile(r"[\[(]([^\[\]()]+)[\])]{1,2}\s*$")
#: So many digits and more are no year and no episode: a group that is called so.
_LONG_NUMBER: Final = 5
#: A name in Chinese characters, and another behind it.
_TWO_SCRIPTS = re.compile(
    r"([\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\W]*[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af])[ ._]+(?=[A-Za-z])"
)
_SUBTITLES: Final = frozenset({"sub", "subs"})
#: "Subtitle group", in the names of such groups.
_CHINESE_SUBTITLES = re.compile("字幕[组組]")
_SLASH = re.compile(r"[)\]]? [/|] ")
_MINISERIES = re.compile(r"[ ._]*[\[(]mini[- .]?series?[\])]", re.IGNORECASE)
#: Behind a language before the year they say that a German group has named it.
_GERMAN_TAGS: Final = frozenset({Hint.GERMAN_DUAL, Hint.PAL})
_JOINED = re.compile(r"[^\W_]+-[^\W_]+")
_GERMAN: Final = Language("de")
_NUMBER_LAST = re.compile(r"(?<=[^\W\d_]) \d{2,4}$")
#: Sources that groups are called after.
_SIGNATURES: Final = frozenset({Source.TV, Source.HDTV})
#: Before or behind extras: they come with the film.
_TOGETHER: Final = frozenset({"with", "w", "and", "plus", "incl", "including", "included", "avec", "et", "inclus"})
#: Languages are shortened to so many letters.
_SHORT: Final = 3
#: Those that end no title of two words or more, unless somebody wants to be clever.
_SURE_EDITIONS = frozenset({Edition.EXTENDED, Edition.UNRATED, Edition.REMASTERED, Edition.IMAX, Edition.FAN_EDIT})


@dataclass(frozen=True, slots=True)
class _Hit:
    """A phrase of tags in a name."""

    meaning: Meaning
    first: int  # word
    last: int  # word
    short: bool = False  # its first word has three letters at most
    listing: bool = False  # subtitles, the languages before: "Ger.Eng.Sub"

    @property
    def is_filler(self) -> bool:
        return self.meaning.tags == (Filler.FILLER,)

    @property
    def is_extras(self) -> bool:
        return self.meaning.tags == (Flag.EXTRAS,)

    @property
    def is_complete(self) -> bool:
        return self.meaning.tags[0] is Hint.COMPLETE

    @property
    def is_codec(self) -> bool:
        return self.meaning.sure and isinstance(self.meaning.tags[0], Codec)

    @property
    def is_disc(self) -> bool:
        return self.meaning.sure and Flag.DISC in self.meaning.tags


@lru_cache(maxsize=KEPT_NAMES)
def parse(name: str) -> ReleaseName:
    """Read a name. It always gives something: at worst a title and nothing else."""
    return _Reader(name).read()


@lru_cache(maxsize=KEPT_OF_SERIES)
def parse_of_series(name: str) -> ReleaseName:
    """Read a name that is known to be of a series: in `Harbor.13.HDTV` a bare number is an episode."""
    return _Reader(name, of_series=True).read()


class _Reader:
    """One reading of one name."""

    def __init__(self, name: str, *, of_series: bool = False) -> None:
        self.name = name
        self.frame: Frame = frame(name[:LONGEST_NAME])
        self.text = self.frame.text
        self.words: list[Word] = words(self.text)
        self.hits = self._find_hits()
        self.opening = self._opening()
        self.covered = {at for hit in self.hits for at in range(hit.first, hit.last + 1)}
        enclosed = bool(self.opening) and self.text.startswith("[")
        self.place = find(self.text, anime=enclosed or self.frame.leading_group is not None)
        if self.place is not None and self._is_among_tags(self.place):
            self.place = None
        if self.place is None and of_series:
            self.place = self._bare_number()
        self.year: int | None = None
        self.year_word: int | None = None
        self._find_year()

    def read(self) -> ReleaseName:
        """Put together what was found."""
        group, first, behind = self._group()
        hits = [hit for hit in self._accepted() if hit.last < first or hit.first >= behind]
        around = {Flag.SAMPLE: self.frame.sample, Flag.DISC: self.frame.disc}
        titles, in_3d = self._titles(hits), [hit for hit in hits if Flag.THREE_D in hit.meaning.tags]
        if in_3d and self._ends_title(in_3d[0], hits):
            titles = list(dict.fromkeys((*titles, f"{titles[0]} 3D")))
        else:
            in_3d = []
        return assemble(
            Found(
                name=self.name,
                titles=titles,
                title_in_3d=f"{titles[0]} 3D" if len(in_3d) == 1 else None,
                tags=[*_tags(hits), *self._around()],
                group=group,
                year=self.year,
                numbering=self.place.numbering if self.place is not None else Numbering(),
                flags=frozenset(flag for flag, there in around.items() if there),
                version=self.frame.version,
            )
        )

    def _around(self) -> Iterator[Tag]:
        """Yield what the extension and the group say."""
        if self.frame.m2ts:
            yield Hint.M2TS
        if _CHINESE_SUBTITLES.search(self.frame.leading_group or ""):
            yield Subtitles("zh")

    # --- where things are ----------------------------------------------------------------------------------------

    def _find_hits(self) -> list[_Hit]:
        hits: list[_Hit] = []
        at = 0
        while at < len(self.words):
            found = meaning_at(self.words, at)
            if found is None:
                at += 1
                continue
            meaning, count = found
            if not self._may_count(meaning, at, hits):
                at += 1
                continue
            first = self.words[at].text
            listing = count > 1 and isinstance(meaning.tags[0], Subtitles) and first not in _SUBTITLES
            hits.append(_Hit(meaning, at, at + count - 1, short=len(first) <= _SHORT, listing=listing))
            at += count
        return hits

    def _may_count(self, meaning: Meaning, at: int, before: list[_Hit]) -> bool:
        if not (meaning.loud or meaning.not_alone or meaning.enclosed):
            return True
        if meaning.enclosed:
            word = self.words[at]
            return self.text[: word.start].endswith("[") and self.text.startswith("]", word.end)
        if self._between_year_and_tag(at):
            return True
        if meaning.loud:
            return _is_loud(self._spelled(at, at + 1)[0])
        if not before or before[-1].last != at - 1:
            return False
        return before[-1].meaning.sure or isinstance(before[-1].meaning.tags[0], Language)

    def _between_year_and_tag(self, at: int) -> bool:
        """Tell whether no word of a title or an episode's name can be there: `2022.lv.WEBRip`."""
        if not 1 < at < len(self.words) - 1 or not self._is_year(at - 1):
            return False
        following = meaning_at(self.words, at + 1)
        return following is not None and following[0].sure

    def _bare_number(self) -> Place | None:
        """Return the number that ends the title, before tags alone or the end, or that follows on the year."""
        sure = self._first_sure()
        for at in range(1, min(sure, len(self.words))):
            word = self.words[at]
            found = _BARE_NUMBER.fullmatch(word.text)
            if found is None or not (self._is_year(at - 1) or self.covered.issuperset(range(at + 1, sure))):
                continue
            if number := int(found[2]):
                of_season = Numbering(seasons=(int(found[1]),), episodes=(number,)) if found[1] else None
                return Place(of_season or Numbering(absolute=(number,)), word.start, word.end)
        return None

    def _is_among_tags(self, place: Place) -> bool:
        """Tell whether a season stands behind tags within brackets: `[1080p x265 S82 Somebody]` is how good it is."""
        if not place.numbering.is_pack:
            return False
        before = self.text[: place.start]
        opened = max(before.rfind("["), before.rfind("("))
        if opened <= max(before.rfind("]"), before.rfind(")")):
            return False
        inside = self._word_at(opened), self._word_at(place.start)
        return any(hit.meaning.sure and inside[0] <= hit.first < inside[1] for hit in self.hits)

    def _find_year(self) -> None:
        """Take the last year before the tags, rather one in parentheses; the first word is the title's."""
        if self.place is not None and self.place.numbering.aired is not None:
            return
        end = min(self._first_sure(), self._word_at(self.place.start) if self.place else len(self.words))
        candidates = [at for at in range(1, len(self.words)) if self._is_year(at)]
        before = [at for at in candidates if at < end]
        enclosed = [at for at in candidates if self._is_enclosed(at)]
        chosen = [at for at in before if at in enclosed] or before or enclosed
        if not chosen and self.place is None:
            chosen = candidates
        if chosen:
            self.year_word = chosen[-1] if before else chosen[0]
            self.year = int(self.words[self.year_word].text)

    def _is_enclosed(self, at: int) -> bool:
        word = self.words[at]
        before, behind = self.text[: word.start].rstrip(), self.text[word.end :].lstrip()
        return before[-1:] in {"(", "["} and behind[:1] in {")", "]", ","}

    def _first_sure(self) -> int:
        """Return the first word that is surely a tag, the one behind the end without any. The first is the title's."""
        sure = (hit.first for hit in self.hits if hit.meaning.sure and hit.first > 0 and hit not in self.opening)
        return next(sure, len(self.words))

    def _word_at(self, position: int) -> int:
        return next((at for at, word in enumerate(self.words) if word.end > position), len(self.words))

    # --- what is a tag -------------------------------------------------------------------------------------------

    def _accepted(self) -> list[_Hit]:
        """Return the phrases that are tags where they stand."""
        sure = self._first_sure()
        anchor = min(sure, *self._numbers_at())
        if anchor == len(self.words):
            return []
        behind_place = self._word_at(self.place.end) if self.place else None
        accepted = [
            hit
            for hit in self.hits
            if hit.first >= anchor
            and self._counts(hit, sure, behind_place)
            and not (hit.is_extras and self._has_more(hit))
            and not (hit.is_complete and self._is_named(hit))
        ]
        return [*self.opening, *self._before(anchor), *(hit for hit in accepted if hit not in self.opening)]

    def _is_named(self, complete: _Hit) -> bool:
        """Tell whether what is complete has a name: `The.Complete.Novel`."""
        behind = complete.last + 1
        known = behind >= len(self.words) or self._is_year(behind) or any(hit.first == behind for hit in self.hits)
        return self.words[complete.first - 1].text == "the" and not known

    def _opening(self) -> list[_Hit]:
        """Return what some put before the title: the kind of a disc, or codecs."""
        opening: list[_Hit] = []
        for hit in self.hits:
            if hit.first != len(opening) and (not opening or hit.first != opening[-1].last + 1):
                break
            if not (hit.is_disc or hit.is_codec) or hit.last + 1 == len(self.words):
                break
            opening.append(hit)
        return opening

    def _has_more(self, extras: _Hit) -> bool:
        """Tell whether extras come with something else, or are the name of an episode."""
        numbering = self.place.numbering if self.place is not None else Numbering()
        if numbering.is_series and (not numbering.is_pack or self._in_brackets(extras)):
            return True
        around = self.words[max(extras.first - 1, 0) : extras.first] + self.words[extras.last + 1 : extras.last + 2]
        before = self.text[: self.words[extras.first].start].rstrip(" .")
        return any(word.text in _TOGETHER for word in around) or before.endswith(("+", "&", ","))

    def _numbers_at(self) -> tuple[int, int]:
        """Return where the year and the episodes stand; behind the end where there are none."""
        none = len(self.words)
        year = none if self.year_word is None else self.year_word
        return year, none if self.place is None else self._word_at(self.place.start)

    def _counts(self, hit: _Hit, sure: int, behind_place: int | None) -> bool:
        """Tell whether a phrase behind the first number is a tag: a name of an episode isn't."""
        if hit.meaning.sure or hit.first >= sure or self._in_brackets(hit):
            return True
        if behind_place is None:
            return True
        return hit.first >= behind_place and self._chained(hit.last + 1, min(sure, len(self.words)))

    def _chained(self, first: int, end: int) -> bool:
        """Tell whether all words from one to another are tags."""
        return all(at in self.covered or self._is_year(at) for at in range(first, end))

    def _is_year(self, at: int) -> bool:
        text = self.words[at].text
        return _FOUR_DIGITS.fullmatch(text) is not None and EARLIEST_YEAR <= int(text) <= LATEST_YEAR

    def _in_brackets(self, hit: _Hit) -> bool:
        before = self.text[: self.words[hit.first].start]
        return max(before.rfind("["), before.rfind("(")) > max(before.rfind("]"), before.rfind(")"))

    def _before(self, anchor: int) -> list[_Hit]:
        """Return tags right before the first number or sure tag: `Title.FRENCH.DVDRip`, `Title.EXTENDED.2009`.

        Before a number, which may follow on the title, they have to stick out by their capitals, or be an edition.
        """
        words = self._spelled(0, anchor)
        mixed = any(word.islower() or word.istitle() for word in words)
        unnumbered = anchor < min(self._numbers_at())
        found: list[_Hit] = []
        end = anchor
        for hit in reversed([hit for hit in self.hits[len(self.opening) :] if hit.last < anchor and hit.first > 0]):
            loud = mixed and all(len(word) > 1 and _is_loud(word) for word in words[hit.first : hit.last + 1])
            tag = hit.meaning.tags[0]
            telling = hit.first > 1 and (hit.last > hit.first or tag in _SURE_EDITIONS)
            edition = isinstance(tag, Edition) and (telling or self._in_brackets(hit))
            usual = tag == _GERMAN and self._is_german(anchor)
            if hit.last + 1 != end or hit.is_filler or hit.is_extras or not (loud or edition or unnumbered or usual):
                break
            found.append(hit)
            end = hit.first
        return found[::-1]

    def _is_german(self, anchor: int) -> bool:
        return any(hit.first > anchor and not _GERMAN_TAGS.isdisjoint(hit.meaning.tags) for hit in self.hits)

    def _spelled(self, first: int, end: int) -> list[str]:
        return [self.text[word.start : word.end] for word in self.words[first:end]]

    # --- title and group -----------------------------------------------------------------------------------------

    def _titles(self, hits: list[_Hit]) -> list[str]:
        """Return the title as it is written, and what else it is called."""
        start = self.words[self.opening[-1].last].end if self.opening else 0
        raw = self.text[start : self._title_end(hits)]
        if "(" in raw or "[" in raw:
            raw = _MINISERIES.sub("", raw)
        parts = [part for part in _ALSO_KNOWN_AS.split(raw) if part.strip()] or [raw]
        plain = [_plain(part) for part in parts]
        if self.frame.leading_group is not None:
            plain = [_COUNTED.sub("", title) for title in plain]
        if scripts := _TWO_SCRIPTS.match(parts[0]):
            plain += [_plain(scripts[1]), _plain(parts[0][scripts.end() :])]
        for enclosed in _ENCLOSED.finditer(parts[0]):
            plain.append(_plain(parts[0][: enclosed.start()] + parts[0][enclosed.end() :]))
            plain.append(_plain(enclosed[1]))
        plain += self._by_another_count(plain[0])
        if self.frame.leading_group is not None and self.place is None and not any(map(str.isalpha, plain[0])):
            plain.append(_plain(f"{self.frame.leading_group} {plain[0]}"))  # "[REC]²", or a film that is called "300"
        return list(dict.fromkeys(title for title in plain if title)) or [""]

    def _by_another_count(self, title: str) -> Iterator[str]:
        """Yield other titles that the numbers show.

        `Title 214 10x14`: it counts through all seasons, too. `Title (S2E1) / Other Title (S2E1)`: both are one.
        """
        if self.place is None or not self.place.numbering.episodes:
            return
        if self.frame.leading_group is not None and self.place.numbering.seasons:
            yield _NUMBER_LAST.sub("", title)
        again = self.text.find(self.text[self.place.start : self.place.end], self.place.end)
        if again > 0 and (slash := _SLASH.match(self.text, self.place.end)):
            yield _plain(self.text[slash.end() : again])

    def _ends_title(self, in_3d: _Hit, hits: list[_Hit]) -> bool:
        """Tell whether a "3D" stands right behind the title: there it may be the last word of that."""
        word = self.words[in_3d.first]
        return word.text == "3d" and in_3d.first > 0 and word.start == self._title_end(hits)

    def _title_end(self, hits: list[_Hit]) -> int:
        ends = [self.words[hit.first].start for hit in hits if hit.first > 0 and hit not in self.opening]
        if self.place is not None:
            ends.append(self.place.start)
        if self.year_word is not None:
            ends.append(self.words[self._first_of_years(self.year_word)].start)
        return min(ends, default=len(self.text))

    def _first_of_years(self, at: int) -> int:
        """Return the first of two years with a dash between them, as collections have."""
        if at > 1 and self.words[at - 1].text.isdecimal() and self.words[at - 1].end + 1 == self.words[at].start:
            return at - 1 if self.text[self.words[at - 1].end] in "-\u2013" else at
        return at

    def _group(self) -> tuple[str | None, int, int]:
        """Return who made it, its first word and the one behind it: there no word is a tag."""
        none = len(self.words)
        if self.frame.collective is not None:
            start, end = self.frame.collective
            return self.text[start:end], self._word_at(start), self._word_at(end)
        if self.frame.leading_group is not None:
            return self.frame.leading_group, none, none
        for known in (self._group_behind_a_dash, self._group_in_last_brackets, self._group_as_last_word):
            if (found := known()) is not None:
                return found
        return None, none, none

    def _group_behind_a_dash(self) -> tuple[str, int, int] | None:
        if self.frame.dashed is None:
            return None
        start, end = self.frame.dashed
        if self.place is not None and self.place.start <= start < self.place.end:  # "S01-S03"
            return None
        first, behind = self._word_at(start), self._word_at(end)
        while behind - first > 1 and self._is_tag(behind - 1):  # a language behind the group
            behind -= 1
        before = [hit for hit in self.hits if hit.last < first]
        if first >= len(self.words) or (
            any(self._is_tag(at) for at in range(first, behind)) and not self._is_second_source(first, before)
        ):
            return None
        if behind - first == 1 and self.words[first].text.isdecimal() and len(self.words[first].text) < _LONG_NUMBER:
            return None
        if not self._behind_tags(first, before):
            return None
        return self.text[start : self.words[behind - 1].end], first, behind

    def _is_second_source(self, at: int, before: list[_Hit]) -> bool:
        """Tell whether the last word is television behind another source: `WEB.x264-UHDTV` is signed so."""
        last = self.hits[-1]
        if at != len(self.words) - 1 or last.first != at or last.meaning.tags[0] not in _SIGNATURES:
            return False
        return any(hit.meaning.sure and isinstance(hit.meaning.tags[0], Source) for hit in before)

    def _is_tag(self, at: int) -> bool:
        return any(hit.first <= at <= hit.last and not hit.is_filler for hit in self.hits)

    def _group_in_last_brackets(self) -> tuple[str, int, int] | None:
        """Take brackets at the end that hold no tag, or the last word in those that hold some."""
        found = _LAST_BRACKETS.search(self.text)
        first = self._word_at(found.start(1)) if found else len(self.words)
        if found is None or not first < len(self.words):
            return None
        inside = [hit for hit in self.hits if hit.last >= first]
        if _JOINED.fullmatch(found[1]) and len(inside) == 1 and inside[0].is_filler and inside[0].first == first:
            return found[1], first, len(self.words)  # "[Fansub-Somebody]"
        sure = any(hit.meaning.sure for hit in self.hits)
        if not inside and (sure or self.place is not None) and first > 0 and not self._is_number_or_tag(first):
            return found[1].strip(), first, len(self.words)
        last = len(self.words) - 1
        if any(hit.meaning.sure for hit in inside) and not self._is_number_or_tag(last):
            return self._spelled(last, last + 1)[0], last, last + 1
        return None

    def _is_number_or_tag(self, at: int) -> bool:
        return self.words[at].text.isdecimal() or any(hit.first <= at <= hit.last for hit in self.hits)

    def _group_as_last_word(self) -> tuple[str, int, int] | None:
        """Take the last word for a group without a dash: right behind a tag, and none itself."""
        last = len(self.words) - 1
        if last < 1 or self._is_number_or_tag(last):
            return None
        before = next((hit for hit in self.hits if hit.last == last - 1), None)
        numbers_end = self._word_at(self.place.end) if self.place else 0
        if before is None or before.first < numbers_end or not any(hit.meaning.sure for hit in self.hits):
            return None
        return self._spelled(last, last + 1)[0], last, last + 1

    def _behind_tags(self, first: int, behind: list[_Hit]) -> bool:
        """Tell whether a dash stands where a group's does: somewhere behind the first tag, or right behind numbers."""
        spaced = self.text[: self.words[first].start].rstrip("-~").endswith(" ")
        if spaced:
            return any(hit.last == first - 1 for hit in behind)
        number = self._word_at(self.place.start) if self.place else len(self.words)
        sure = any(hit.meaning.sure for hit in behind)
        return sure or number < first or (self.year_word is not None and self.year_word < first)


def _tags(hits: list[_Hit]) -> list[Tag]:
    """Return all tags; languages in short right before one of subtitles are of subtitles, too: `Ger.Eng.Sub`."""
    tags: list[Tag] = []
    listed = False
    for at in range(len(hits) - 1, -1, -1):
        found = hits[at].meaning.tags
        if listed and isinstance(found[0], Language) and hits[at].short and hits[at].last + 1 == hits[at + 1].first:
            tags.append(Subtitles(found[0].code))
            continue
        listed = hits[at].listing
        tags.extend(reversed(found))
    return tags[::-1]


def _is_loud(word: str) -> bool:
    """Tell whether a word is in capitals, as tags are: FRENCH, MULTi, iNTERNAL."""
    small = sum(each.islower() for each in word)
    return small == 0 or (small == 1 and (word[0] == "i" or "i" in word[1:]))


def _plain(raw: str) -> str:
    """Return a title with spaces, and without what surrounds it."""
    return _SPACES.sub(" ", _BRACKETS.sub(" ", raw)).strip(" -\u2013~+,:|/")
