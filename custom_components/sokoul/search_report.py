"""What a search found, in words and plain data: for the action, the dashboard and voice alike.

Nothing of it can fetch a release: links and ids of indexers may hold a person's key, and stay here.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from .acquire.ports import Result, SearchAnswer, Target
from .acquire.query import numbers_of, read_query, shown as shown_of
from .model.catalogue import CatalogueTitle
from .model.library import TitleKind
from .model.reasons import Reason
from .model.search import SourceReport, SourceState
from .releases.explain import chips
from .releases.identify import Wanted
from .releases.score import Part
from .search_sources import DOWNLOADS, HERE
from .wording import Wording, clean

#: Ids by which a title is asked for again, the surest first.
_DATABASES = ("tmdb", "tvdb", "imdb")
#: Nobody reads more of a plot to know which title it is.
LONGEST_PLOT = 1_000


def describe_answer(
    answer: SearchAnswer, now: datetime, words: Wording, *, limit: int, refused: bool = False
) -> dict[str, Any]:
    """Return an answer: the title or the choices, the best releases, and who was asked."""
    shown = answer.results[: limit if refused else min(limit, answer.accepted)]
    telling = _Telling(now, words)
    numbers = numbers_of(read_query(answer.request, now.date())) if answer.choices else ""
    return {
        "search": answer.id,
        "complete": answer.complete,
        "from_cache": answer.from_cache,
        "at": answer.at.isoformat(),
        "title": describe_title(answer.title) if answer.title is not None else None,
        "choices": [describe_title(each, numbers) for each in answer.choices],
        "total": len(answer.results),
        "accepted": answer.accepted,
        "results": [_result(answer, each, telling) for each in shown],
        "sources": [_source(each, now, words) for each in answer.sources],
        "catalogues": [_source(each, now, words) for each in answer.catalogues],
        "profile": answer.profile,
        "text": " ".join(_summary(answer, shown[0] if answer.accepted else None, now, words)),
    }


def describe_title(title: CatalogueTitle, numbers: str = "") -> dict[str, Any]:
    """Return a movie or a series. `query` asks for it and for no other, of a series for the season or episode, too."""
    reference = next((f"{name}:{id_}" for name in _DATABASES if (id_ := title.id_in(name)) is not None), None)
    return {
        "title": clean(title.name),
        "year": title.year,
        "kind": "movie" if title.kind is TitleKind.MOVIE else "series",
        "query": f"{reference or clean(title.label)} {numbers if title.kind is TitleKind.SERIES else ''}".rstrip(),
        "ids": sorted(title.ids),
        "overview": "".join(each if each.isprintable() else " " for each in title.overview[:LONGEST_PLOT]),
        "poster": title.poster,
        "in_library": title.library_id is not None,
        "has_file": title.has_file,
    }


class _Telling:
    """Says reasons and parts. Releases share most of theirs: what was said once is not put into words again."""

    def __init__(self, now: datetime, words: Wording) -> None:
        self._now = now
        self._words = words
        self._said: dict[tuple[Any, ...], str] = {}
        self._parts: dict[int, tuple[Part, dict[str, Any]]] = {}  # by their identity, for as long as they are here

    def reason(self, reason: Reason) -> str:
        """Return a reason as a sentence."""
        same = (reason.key, *reason.parameters.items())
        if (text := self._said.get(same)) is None:
            text = self._said[same] = self._words.reason(reason, self._now)
        return text

    def part(self, part: Part) -> dict[str, Any]:
        """Return what points were given for."""
        if (told := self._parts.get(id(part))) is None:
            told = self._parts[id(part)] = (
                part,
                {
                    "aspect": str(part.aspect),
                    "points": round(part.points, 1),
                    "most": round(part.most, 1),
                    "text": self.reason(part.reason),
                },
            )
        return dict(told[1])


def _result(answer: SearchAnswer, result: Result, telling: _Telling) -> dict[str, Any]:
    """Return one release with its score in parts, and why it is refused. `id` is what it is grabbed by."""
    scored = result.scored
    release = scored.release
    return {
        "id": f"{answer.id}.{result.id}",
        "release": clean(release.name.name),
        "score": scored.score,
        "accepted": scored.accepted,
        "about": list(chips(release.name)),
        "size_bytes": release.size_bytes,
        "seeders": release.seeders,
        "age_seconds": round(release.age.total_seconds()) if release.age is not None else None,
        "protocol": str(release.protocol),
        "cached": release.cached,
        "here": any(each.source == DOWNLOADS for each in release.offers),
        "indexers": list(dict.fromkeys(clean(each.indexer) for each in release.offers if each.indexer)),
        "match": telling.reason(scored.match.reason),
        "parts": [telling.part(each) for each in scored.parts],
        "refusals": [telling.reason(each) for each in scored.refusals],
    }


def _source(report: SourceReport, now: datetime, words: Wording) -> dict[str, Any]:
    return {
        "id": report.key,
        "name": report.name,
        "state": str(report.state),
        "count": report.count,
        "seconds": None if report.seconds is None else round(report.seconds, 2),
        "text": " ".join(words.reason(each, now) for each in report.remarks),
    }


def summary(answer: SearchAnswer, now: datetime, words: Wording) -> Iterable[str]:
    """Yield what came of it in sentences that can be said."""
    return _summary(answer, answer.best, now, words)


def _summary(answer: SearchAnswer, best: Result | None, now: datetime, words: Wording) -> Iterable[str]:
    if answer.choices:
        titles = tuple(each.label for each in answer.choices)
        yield words.text("search.which", titles=titles)
        return
    yield from (words.reason(each, now) for each in answer.remarks)
    title = answer.title.label if answer.title is not None else shown_of(answer.request.text)
    if answer.target is not None and _is_in_library(answer.target):
        yield words.text(HERE, title=" ".join(filter(None, (title, numbers_of(answer.target.wanted)))))
    yield from (words.reason(each, now) for source in answer.sources for each in source.remarks if each.key == HERE)
    if best is not None:
        scored = best.scored
        yield words.text(
            "search.found",
            title=title,
            count=len(answer.results),
            accepted=answer.accepted,
            best=scored.release.name.name,
            score=scored.score,
        )
    elif answer.results:
        yield words.text("search.only_refused", title=title, count=len(answer.results))
    elif answer.complete:
        yield words.text("search.nothing", title=title)
    if not answer.complete:
        open_ = tuple(each.name for each in (*answer.catalogues, *answer.sources) if each.open)
        yield words.text("search.more_to_come", names=open_) if open_ else words.text("search.under_way")
    failed = tuple(each.name for each in answer.sources if each.state is SourceState.FAILED)
    if failed:
        yield words.text("search.failed", names=failed)


def _is_in_library(target: Target) -> bool:
    """Tell whether an *arr has all that is wanted, as far as it counts: of an episode the *arr says so itself."""
    known = (each for each in (target.title, *target.entries) if each is not None and each.library_id is not None)
    return any(_has(each, target.wanted) for each in known)


def _has(title: CatalogueTitle, wanted: Wanted) -> bool:
    if title.kind is TitleKind.MOVIE:
        return title.has_file
    if wanted.kind is not TitleKind.SERIES or wanted.aired is not None:
        return False
    if wanted.season is None:  # seasons that nobody asked for aren't counted there
        left_out = any(
            each.number > 0 and each.monitored is False and each.files < (each.episodes or 0) for each in title.seasons
        )
        return title.has_file and not left_out
    season = title.season(wanted.season)
    return season is not None and season.episodes is not None and 0 < season.episodes <= season.files
