"""How titles are compared: whatever people write in more than one way doesn't count.

There are two degrees. `forms` are the ways to write one and the same name. `wider_form` gives other names by which a
film often goes ("Dune 2" is "Dune: Part Two", "Ocean's 11" is "Ocean's Eleven"): others may be called so, too, so these
are good only together with the very year.
"""

from collections.abc import Iterator
from functools import lru_cache
from itertools import islice, product
import re
from typing import Final

from .attributes import ReleaseName
from .tokens import fold

#: Without I, V and X, which are words and names more often than numbers.
_ROMAN: Final = {
    "ii": "2",
    "iii": "3",
    "iv": "4",
    "vi": "6",
    "vii": "7",
    "viii": "8",
    "ix": "9",
    "xi": "11",
    "xii": "12",
}
_NUMBERS: Final = {
    "one": "1",
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "ten": "10",
    "deux": "2",
    "deuxieme": "2",
    "premiere": "1",
}
_MORE_NUMBERS: Final = _NUMBERS | {
    "eleven": "11",
    "twelve": "12",
    "thirteen": "13",
    "fourteen": "14",
    "fifteen": "15",
    "sixteen": "16",
    "seventeen": "17",
    "eighteen": "18",
    "nineteen": "19",
    "twenty": "20",
}
#: At the end of a name, or behind what counts.
_LATE_ROMAN: Final = {"v": "5", "x": "10"}
_PARTS: Final = {"part", "partie", "chapter", "chapitre", "volume", "vol", "pt", "teil", "parte"}
_COUNTING: Final = {"part", "episode"}
_ARTICLES: Final = {"the", "a", "an"}
_SMALL_WORDS: Final = {"and", "et", "und"} | _ARTICLES
#: How those write them who have no such letters. `fold` leaves out the dots.
_TRANSCRIBED: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
#: Digits that stand for letters.
_LETTERS: Final = {"0": "o", "1": "itl", "3": "e", "4": "a", "5": "s", "7": "vt", "8": "b", "9": "g"}
#: More spellings of one name are not worth trying.
_MOST_SPELLINGS: Final = 12

_WORD = re.compile(r"[^\W_]+")
_FIRST_PART = re.compile(r" part 1$")
_YEAR_IN_NAME = re.compile(r"\s*\(((?:19|20)\d\d)\)\s*$")
#: "Beautiful Mind, A"
_MOVED_ARTICLE = re.compile(r",\s*(?:the|an?)\s*$")
#: "The A-Team": no article has a hyphen behind it.
_LETTER_AND_HYPHEN = re.compile(r"(?<![^\W_])a-(?=[^\W_]{2})")
_INITIALISM = re.compile(r"(?:[Tt]he )?([A-Z]{3})")
_BEFORE_SUBTITLE = re.compile(r"\s*:\s|\s[-\u2013\u2014]\s")
_NUMBERED = re.compile(r" (?:part \d{1,2}|[2-9])$")
_SIGN_ALONE = re.compile(r"(?<!\S)#(?!\S)")
#: "Se7en", "Thir13en": up to two digits with letters on both sides.
_INNER_DIGITS = re.compile(r"(?<=[^\W\d_])\d{1,2}(?=[^\W\d_])")
#: Shorter names are other ones once they lose their gaps: "It" and "I.T.", "Us" and "U.S.".
_SHORTEST_WITHOUT_GAPS: Final = 4


@lru_cache(maxsize=4_096)
def normal(name: str) -> str:
    """Return a title as titles are compared: no case, accents, articles or punctuation; numbers and parts as digits."""
    folded = _MOVED_ARTICLE.sub("", fold(name.replace("&", " and ")))
    words = _WORD.findall(_LETTER_AND_HYPHEN.sub("a", folded))
    plain: list[str] = []
    for at, word in enumerate(words):
        if word in _PARTS:
            plain.append("part")
        elif word == "a" and words[max(at - 1, 0)] == "the" and at + 1 < len(words):
            words[at + 1] = f"a{words[at + 1]}"  # "The A Team": never two articles
        elif word in _SMALL_WORDS and _is_small(words, at, plain):
            continue
        elif at and word == "i" and plain[-1:] == ["part"]:
            plain.append("1")
        else:
            after_part = plain[-1:] == ["part"] or words[at + 1 : at + 2] == ["partie"]
            plain.append(_ROMAN.get(word, _NUMBERS.get(word, word) if after_part else word) if at else word)
    if plain[-1:] == ["part"] and len(plain) > 1 and plain[-2].isdecimal():  # "deuxième partie"
        plain[-2:] = ["part", plain[-2]]
    return " ".join(plain)


def _is_small(words: list[str], at: int, before: list[str]) -> bool:
    """Tell whether a small word says nothing. The A of "S.W.A.T." and of "Plan A" is no article."""
    if words[at] != "a" or len(words) == 1:
        return len(words) > 1
    behind = words[at + 1 : at + 2]
    return bool(behind) and not any(map(_is_letter, (*before[-1:], *behind)))


def _is_letter(word: str) -> bool:
    return len(word) == 1 and not word.isdecimal()


@lru_cache(maxsize=4_096)
def forms(name: str) -> frozenset[str]:
    """Return the ways to write a title, for comparing: two names are the same if they share one.

    Without the gaps between words, the number of a first part, and a year in parentheses; and once with all small
    words, which letters with dots between them may look like. With umlauts as others transcribe them. Three capitals
    alone are also what they look like with dots between them: "CSI" is "C.S.I.", but "Her" isn't "H.E.R.".
    """
    bare = without_year(name)
    found = set(_plain_forms(bare))
    if (other := transcribed(bare)) is not None:
        found |= _plain_forms(other)
    if letters := _INITIALISM.fullmatch(bare.strip()):
        found.add(" ".join(letters[1].lower()))
    return frozenset(found) - {""}


def transcribed(name: str) -> str | None:
    """Return a name as those write it who have no umlauts, in lower case; None where there is nothing to transcribe."""
    lowered = name.lower()
    other = lowered if lowered.isascii() else lowered.translate(_TRANSCRIBED)
    return None if other == lowered else other


def _plain_forms(bare: str) -> set[str]:
    whole = " ".join(_WORD.findall(fold(bare.replace("&", " and "))))
    return {_without_gaps(each) for each in (_FIRST_PART.sub("", normal(bare)), whole)}


def _without_gaps(words: str) -> str:
    joined = words.replace(" ", "")
    return joined if joined.isdecimal() or len(joined) >= _SHORTEST_WITHOUT_GAPS else words


@lru_cache(maxsize=256)
def forms_of_all(names: tuple[str, ...]) -> frozenset[str]:
    """Return the ways to write any of a title's names."""
    return frozenset[str]().union(*map(forms, names))


def forms_of(release: ReleaseName) -> Iterator[tuple[str, bool]]:
    """Yield the ways to write what a release may be called, and whether its year is a part of that.

    "Wonder Woman 1984" without another year reads as if it were of 1984.
    """
    for title in (release.title, *release.other_titles):
        yield from ((form, False) for form in forms(title))
    if release.year is not None:
        for title in (release.title, *release.other_titles):
            yield from ((form, True) for form in forms(f"{title} {release.year}"))


def wider_forms_of(release: ReleaseName) -> Iterator[str]:
    """Return what a release may be called, for comparing with `wider_forms_of_all`."""
    return map(wider_form, (release.title, *release.other_titles))


@lru_cache(maxsize=256)
def wider_forms_of_all(names: tuple[str, ...]) -> frozenset[str]:
    """Return what else a film of these names is called by those who write its year: see `wider_form`.

    Its head, where that has the number of the part ("John Wick: Chapter 3 - Parabellum"); and with the letters that
    digits stand for ("Se7en"), unless that loses a number which another of its names has ("Fant4stic", "Scre4m").
    """
    bare = tuple(map(without_year, names))
    numbers = frozenset[str]().union(*map(_numbers_in, bare))
    found = {wider_form(each) for name in bare for each in _in_letters(name, numbers)}
    for name in bare:
        found |= {wider_form(each) for each in (name, _SIGN_ALONE.sub("number", name), *_numbered_heads(name))}
    return frozenset(found) - {""}


@lru_cache(maxsize=4_096)
def wider_form(name: str) -> str:
    """Return a name with all numbers as digits, and without the word that counts parts."""
    words = normal(name).split()
    for at, word in enumerate(words):
        if not at:
            words[at] = _MORE_NUMBERS.get(word, word) if len(words) > 1 else word  # "Nine" isn't "9"
        elif word == "i" and words[at - 1] in _COUNTING:
            words[at] = "1"
        elif words[at - 1] in _COUNTING or at == len(words) - 1:
            words[at] = _LATE_ROMAN.get(word, _MORE_NUMBERS.get(word, word))
        else:
            words[at] = _MORE_NUMBERS.get(word, word)
    kept = [word for at, word in enumerate(words) if not (word == "part" and 0 < at < len(words) - 1)]
    return _without_gaps(" ".join(kept))


def _numbered_heads(name: str) -> Iterator[str]:
    """Yield what stands before a subtitle, where it ends with the number of a part: "Apollo 11" isn't the eleventh."""
    for found in _BEFORE_SUBTITLE.finditer(name):
        head = name[: found.start()]
        if _NUMBERED.search(normal(head)):
            yield head


def _numbers_in(name: str) -> frozenset[str]:
    """Return the numbers that words of a name are, in digits."""
    return frozenset(number for word in normal(name).split() if (number := _MORE_NUMBERS.get(word, word)).isdecimal())


def _in_letters(name: str, numbers: frozenset[str]) -> Iterator[str]:
    """Yield a name with letters instead of the digits within its words, where that loses none of these numbers."""
    digits = list(_INNER_DIGITS.finditer(name))
    if not digits:
        return
    lost = {found[0] for found in digits} & numbers
    pieces: list[tuple[str, ...]] = []
    end = 0
    for found in digits:
        pieces.append((name[end : found.start()],))
        pieces.extend(tuple(_LETTERS.get(digit, digit)) for digit in found[0])
        end = found.end()
    for spelling in map("".join, islice(product(*pieces, (name[end:],)), _MOST_SPELLINGS)):
        if lost <= _numbers_in(spelling):
            yield spelling


def without_year(name: str) -> str:
    """Return a name without the year in parentheses by which catalogues tell it from others."""
    return _YEAR_IN_NAME.sub("", name)


def year_in(name: str) -> int | None:
    """Return the year by which a catalogue tells a name from others."""
    found = _YEAR_IN_NAME.search(name)
    return int(found[1]) if found else None
