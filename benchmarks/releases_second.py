"""Whether a second reader, parsett, would add anything to ours: on names that neither we nor its authors labelled.

The names are guessit's own tests, labelled by its authors, and the tests of Radarr and Sonarr, which expect what both
read. They are theirs, so they aren't in this repository: name clones of them.

Each way to combine the two readers is tried for each fact alone: taken from parsett where SOKOUL leaves it open, only
where both read the same title, only where SOKOUL reads no tag at all, or wherever parsett tells it. Those that do more
good than harm on one half of the names are then tried together on the other half, and the other way round. What is
printed of the half that is kept apart are numbers alone.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import reduce
from pathlib import Path
from typing import Any, Final

from custom_components.sokoul.releases.attributes import (
    Audio,
    Codec,
    Edition,
    Flag,
    Hdr,
    Numbering,
    ReleaseName,
    Resolution,
    Source,
)
from custom_components.sokoul.releases.names import forms, forms_of
from custom_components.sokoul.releases.parse import parse, parse_of_series
from tests.releases.reading import corpus, facts_of, plain

from . import releases_arr, releases_labelled, releases_parsers, releases_worker

type Facts = Mapping[str, Any]
type Reader = Callable[[str], ReleaseName]
type Condition = Callable[[ReleaseName, ReleaseName], bool]

#: Of guessit's tests, those of whole names.
FILES: Final = ("movies", "episodes", "various")
#: They say when a film was shown, not which cut it is.
_NO_EDITIONS: Final = frozenset({"Limited", "Festival", "Uncensored"})
CORPUS: Final = "our corpus, held out"
#: What part of a reading a fact is about, where it isn't called the same.
_PARTS: Final[Mapping[str, frozenset[str]]] = {
    "quality": frozenset({"resolution", "source", "flags"}),
    "language": frozenset({"languages"}),
    "edition": frozenset({"editions"}),
    "burnt in": frozenset({"flags"}),
    **dict.fromkeys(("seasons", "episodes", "aired", "episode", "season", "day", "absolute"), frozenset({"numbering"})),
}
#: What is the same to guessit.
_COMMON_AUDIO: Final[Mapping[Audio, Audio]] = dict.fromkeys((Audio.DTS_X, Audio.DTS_HD_MA, Audio.DTS_HD), Audio.DTS)
_COMMON_SOURCES: Final[Mapping[Source, Source]] = {Source.WEBRIP: Source.WEB_DL, Source.HDTV: Source.TV}


# --- what parsett says, in our words ---------------------------------------------------------------------------------


def reading(name: str, said: Facts) -> ReleaseName:
    """Translate what parsett says."""
    lines, source = said["resolution"], said["source"]
    source = Source(source) if source in {*Source} else None
    if source is Source.TV and lines and lines >= Resolution.P720:
        source = Source.HDTV
    flags = {flag for flag in (Flag.REMUX, Flag.PROPER, Flag.REPACK, Flag.HARDSUB) if said.get(flag)}
    return ReleaseName(
        name=name,
        title=said["title"],
        year=said["year"],
        numbering=Numbering(
            seasons=tuple(said["seasons"]),
            episodes=tuple(said["episodes"]),
            aired=date.fromisoformat(said["aired"]) if said["aired"] else None,
        ),
        resolution=min((each for each in Resolution if each >= lines), default=None) if lines else None,
        source=source,
        codec=Codec(said["codec"]) if said["codec"] in {*Codec} else None,
        hdr=frozenset(Hdr(each) for each in said["hdr"] if each in {*Hdr}),
        audio=frozenset(Audio(each) for each in said["audio"] if each in {*Audio}),
        channels=said["channels"],
        languages=tuple(dict.fromkeys("es" if each == "la" else each for each in said["languages"])),
        editions=frozenset({Edition.SPECIAL} if said.get("edition") else ()),
        flags=frozenset(flags),
        group=said["group"],
    )


# --- what may be taken from it ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """Something that may be taken from another reader."""

    name: str
    told: Callable[[ReleaseName], object]  # empty where nothing is said
    fields: Sequence[str]
    facts: frozenset[str]  # that it changes


def _whole(name: str) -> Part:
    return Part(name, lambda read: getattr(read, name), (name,), frozenset({name}))


_SIMPLE = ("year", "source", "codec", "hdr", "audio", "channels", "languages", "editions", "flags", "group")
PARTS: Final[Sequence[Part]] = (
    _whole("title"),
    *map(_whole, _SIMPLE),
    Part(
        "resolution",
        lambda read: None if read.resolution_inferred else read.resolution,
        ("resolution", "resolution_inferred"),
        frozenset({"resolution"}),
    ),
    Part("numbering", lambda read: read.numbering.is_series, ("numbering",), frozenset({"numbering"})),
    Part(
        "numbering with title",
        lambda read: read.numbering.is_series,
        ("numbering", "title", "year", "other_titles"),
        frozenset({"numbering", "title", "year"}),
    ),
    Part(
        "episodes",
        lambda read: read.numbering.episodes or read.numbering.absolute or read.numbering.aired,
        ("numbering",),
        frozenset({"numbering"}),
    ),
)


def _same_title(ours: ReleaseName, theirs: ReleaseName) -> bool:
    return plain(ours.title) == plain(theirs.title)


def _no_tag(ours: ReleaseName, theirs: ReleaseName) -> bool:
    del theirs
    return not any(part.told(ours) for part in PARTS if part.name not in {"title", "year"})


def _always(ours: ReleaseName, theirs: ReleaseName) -> bool:
    del ours, theirs
    return True


#: When something is taken; but for the last only what SOKOUL leaves open.
CONDITIONS: Final[Mapping[str, Condition]] = {
    "open": _always,
    "open, the same title": _same_title,
    "open, no tag at all": _no_tag,
    "told by both": _always,
}


@dataclass(frozen=True, slots=True)
class Way:
    """One part, and when it is taken."""

    part: Part
    when: str

    def __call__(self, ours: ReleaseName, theirs: ReleaseName) -> ReleaseName:
        """Return our reading, with the part of theirs where it is taken."""
        known = bool(self.part.told(ours))
        if known is not (self.when == "told by both") or not self.part.told(theirs):
            return ours
        if not CONDITIONS[self.when](ours, theirs):
            return ours
        return replace(ours, **{field: getattr(theirs, field) for field in self.part.fields})


WAYS: Final = tuple(Way(part, when) for part in PARTS for when in CONDITIONS)


# --- who is right ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Judged:
    """A fact of a name, and whether a reader told it rightly."""

    name: str
    parts: frozenset[str]  # of a reading that it is about
    right: bool
    labelled: bool = True  # else to tell nothing is right


type Judge = Callable[[Reader], Sequence[Judged]]


def by_guessit(clone: Path) -> Judge:
    """Return what judges a reader by the labels of guessit's names; of what has no label nothing may be told."""
    asked = [(name, wanted_of(labels)) for file in FILES for name, labels in releases_labelled.tests(clone, file)]

    def judge(reader: Reader) -> list[Judged]:
        judged = []
        for name, wanted in asked:
            read = reader(name)
            told = _told(read)
            with_year = plain(f"{read.title} {read.year}")  # a year may be a part of it
            for fact, said in wanted.items():
                right = said == told[fact] or (fact == "title" and said == with_year)
                judged.append(Judged(name, _PARTS.get(fact, frozenset({fact})), right, bool(said)))
        return judged

    return judge


def wanted_of(labels: Facts) -> Facts:
    """Return what the labels of a name say; nothing where they do, and without what we have no word for."""
    said = releases_worker.from_guessit(labels)
    lines = said["resolution"]
    wanted: dict[str, Any] = {
        **{fact: said[fact] for fact in ("year", "seasons", "episodes", "aired", "hdr", "channels")},
        "title": plain(said["title"]),
        "resolution": releases_parsers.common_lines(lines) if lines else None,
        "source": releases_labelled.source(labels),
        "codec": said["codec"],
        "audio": said["audio"],
        "languages": releases_labelled.languages(labels) or frozenset(),
        "editions": bool({*releases_labelled.listed(labels.get("edition"))} - _NO_EDITIONS),
        "group": said["group"].casefold() if said["group"] else None,
    }
    unknown = {
        "title": bool(releases_labelled.IN_TITLES & {*labels}),
        "source": "source" in labels and wanted["source"] is None,
        "codec": said["codec"] is not None and said["codec"] not in {*Codec},
        "audio": not {*said["audio"]} <= {*Audio},
        "languages": "language" in labels and not wanted["languages"],
    }
    return {fact: each for fact, each in wanted.items() if not unknown.get(fact)}


def _told(read: ReleaseName) -> Facts:
    """Return what a reading says in the words of guessit's labels."""
    numbering, aired = read.numbering, read.numbering.aired
    lines = None if read.resolution_inferred else read.resolution
    return {
        "title": plain(read.title),
        "year": read.year,
        "seasons": list(numbering.seasons),
        "episodes": list(numbering.episodes or numbering.absolute),
        "aired": aired.isoformat() if aired else None,
        "resolution": releases_parsers.common_lines(lines) if lines else None,
        "source": _COMMON_SOURCES.get(read.source, read.source) if read.source else None,
        "codec": read.codec,
        "hdr": sorted(read.hdr),
        "audio": sorted({_COMMON_AUDIO.get(each, each) for each in read.audio}),
        "channels": read.channels,
        "languages": frozenset(read.languages),
        "editions": bool(read.editions),
        "group": read.group.casefold() if read.group else None,
    }


def by_arr(radarr: Path, sonarr: Path) -> Judge:
    """Return what judges a reader by the tests of Radarr and Sonarr."""

    def judge(reader: Reader) -> list[Judged]:
        asked = [
            *releases_arr.asked_of(radarr, releases_arr.RADARR, reader),
            *releases_arr.asked_of(sonarr, releases_arr.SONARR, reader),
        ]
        return [Judged(each.name, _PARTS.get(each.fact, frozenset({each.fact})), each.agrees) for each in asked]

    return judge


def by_corpus(reader: Reader) -> list[Judged]:
    """Judge a reader by the names of our own corpus that are held out."""
    judged = []
    for sample in corpus():
        if sample.held_out:
            told = facts_of(reader(sample.name))
            judged += [
                Judged(sample.name, frozenset({part}), told[part] == said, bool(said))
                for part, said in sample.facts.items()
            ]
    return judged


# --- a title that somebody else reads --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Titled:
    """A name with the title that it is of, and its year where labels say it."""

    name: str
    title: str
    year: int | None


def titled_by_guessit(clone: Path) -> list[Titled]:
    """Return the names of guessit's tests that have a title of which all is labelled."""
    return [
        Titled(name, str(labels["title"]), labels.get("year"))
        for file in FILES
        for name, labels in releases_labelled.tests(clone, file)
        if labels.get("title") and not releases_labelled.IN_TITLES & {*labels}
    ]


def titled_by_arr(radarr: Path, sonarr: Path) -> list[Titled]:
    """Return the names whose title the tests of Radarr and Sonarr ask."""
    asked = releases_arr.asked(radarr, sonarr)
    return [Titled(each.name, str(each.theirs), None) for each in asked if each.fact == "title"]


def titled_by_corpus() -> list[Titled]:
    """Return the names of our own corpus that are held out, and have a title."""
    facts: Iterable[tuple[str, Facts]] = ((sample.name, sample.facts) for sample in corpus() if sample.held_out)
    return [Titled(name, said["title"], said.get("year")) for name, said in facts if said.get("title")]


def report_titles(sets: Mapping[str, Sequence[Titled]], theirs: Reader) -> bool:
    """Print of how many names the title is found: by SOKOUL, and with those that only a second reader reads.

    These are doubtful to SOKOUL. So are those in which it reads the title of another of the names: they are printed,
    too. Returns whether more titles are found than are mistaken.
    """
    titles = {form for each in sets.values() for titled in each for form in forms(titled.title)}
    print(f"\n{'the title is found':26}{'names':>7}{'SOKOUL':>9}{'parsett':>9}{'either':>9}{'mistaken':>10}")
    more = 0
    for name, names in sets.items():
        found: Counter[str] = Counter()
        for titled in names:
            wanted = forms(titled.title) | (forms(f"{titled.title} {titled.year}") if titled.year else frozenset())
            ours = {form for read in (parse, parse_of_series) for form, _ in forms_of(read(titled.name))}
            second = {form for form, _ in forms_of(theirs(titled.name))}
            by_us, by_them = not ours.isdisjoint(wanted), not second.isdisjoint(wanted)
            others = (second & titles) - ours - wanted
            found.update({"ours": by_us, "theirs": by_them, "either": by_us or by_them, "mistaken": bool(others)})
        more += found["either"] - found["ours"] - found["mistaken"]
        counts = (f"{found[each]:9}" for each in ("ours", "theirs", "either"))
        print(f"  {name:24}{len(names):7}{''.join(counts)}{found['mistaken']:10}")
    return more > 0


# --- report ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Balance:
    """What was changed in facts of some names: rightly, wrongly, and where nothing may be told."""

    right: int
    wrong: int
    unlabelled: int

    def __add__(self, other: Balance) -> Balance:
        return Balance(self.right + other.right, self.wrong + other.wrong, self.unlabelled + other.unlabelled)

    @property
    def is_better(self) -> bool:
        """Whether it did more good than harm."""
        return self.right > self.wrong + self.unlabelled


def combined(ways: Sequence[Way], theirs: Reader) -> Reader:
    """Return a reader that takes from another in some ways."""

    def read(name: str) -> ReleaseName:
        other = theirs(name)
        return reduce(lambda ours, way: way(ours, other), ways, parse(name))

    return read


def balance(before: Sequence[Judged], after: Sequence[Judged], way: Way, theirs: Reader, *, apart: bool) -> Balance:
    """Return what taking a part did to the facts that it is about, in one half of the names."""
    counts: Counter[str] = Counter()
    changes: dict[str, bool] = {}
    for old, new in zip(before, after, strict=True):
        if releases_labelled.is_kept_apart(old.name) is not apart or old.parts.isdisjoint(way.part.facts):
            continue
        if old.name not in changes:
            ours = parse(old.name)
            changes[old.name] = way(ours, theirs(old.name)) != ours
        if changes[old.name] and (old.right, new.right) != (True, True):
            counts["right" if new.right else "wrong" if old.labelled else "unlabelled"] += 1
    return Balance(counts["right"], counts["wrong"], counts["unlabelled"])


def whole(judged: Sequence[Judged], *, apart: bool | None = None) -> tuple[int, int]:
    """Return how many names are without a fault, and how many there are, in one half or all."""
    names: dict[str, bool] = {}
    for each in judged:
        if apart is None or releases_labelled.is_kept_apart(each.name) is apart:
            names[each.name] = names.get(each.name, True) and each.right
    return sum(names.values()), len(names)


def names_of(judges: Iterable[Judge]) -> list[str]:
    """Return the names that are asked."""
    asked: set[str] = set()

    def reader(name: str) -> ReleaseName:
        asked.add(name)
        return parse(name)

    for judge in judges:
        judge(reader)
    return sorted(asked)


def report(judges: Mapping[str, Judge], theirs: Reader) -> bool:
    """Print what each way does, and what those do to one half that were chosen on the other.

    Returns whether ours alone reads as many names without a fault: as long as it does, parsett is left out.
    """
    alone = {name: judge(parse) for name, judge in judges.items()}
    chosen: dict[bool, list[Way]] = {False: [], True: []}
    print(f"\n{'right, wrong, and told where no label is':44}" + "".join(f"{name:>16}{'apart':>14}" for name in judges))
    for way in WAYS:
        ours_and = combined([way], theirs)
        after = {name: judge(ours_and) for name, judge in judges.items()}
        cells = {
            (name, apart): balance(alone[name], after[name], way, theirs, apart=apart)
            for name in judges
            for apart in (False, True)
        }
        if any(each != Balance(0, 0, 0) for each in cells.values()):
            shown = (f"{each.right:4}{each.wrong:5}{each.unlabelled:5}" for each in cells.values())
            print(f"  {f'{way.part.name}, {way.when}':44}" + "  ".join(shown))
        for apart in (False, True):
            if sum((cells[name, apart] for name in judges), Balance(0, 0, 0)).is_better:
                chosen[apart].append(way)
    gains = [_gain(chosen[not apart], judges, theirs, apart=apart) for apart in (True, False)]
    print(f"names read without a fault, more than by SOKOUL alone: {sum(gains)}")
    return sum(gains) <= 0


def _gain(ways: Sequence[Way], judges: Mapping[str, Judge], theirs: Reader, *, apart: bool) -> int:
    """Print what ways that were chosen on one half do to the other and to our own corpus.

    Returns how many names more are read without a fault.
    """
    both = combined(ways, theirs)
    listed = "; ".join(f"{way.part.name}, {way.when}" for way in ways) or "nothing"
    print(f"\nchosen on the half that {'one may look at' if apart else 'is kept apart'}: {listed}")
    gain = 0
    for name, judge in (*judges.items(), (CORPUS, by_corpus)):
        half = None if name == CORPUS else apart
        before, after = whole(judge(parse), apart=half), whole(judge(both), apart=half)
        alone = whole(judge(theirs), apart=half)
        gain += after[0] - before[0]
        line = f"SOKOUL {before[0]}, with parsett {after[0]}, parsett alone {alone[0]}"
        print(f"  without a fault of {before[1]} names, {name}: {line}")
    return gain
