"""Downloads that are here, and that their *arr doesn't take into its library by itself.

Detected from the *arr's own state: `importBlocked`, or complete with a complaint, which is how older versions say it,
and newer ones about paths and about what they didn't grab. What is to be done is decided by what the *arr would do with
each file now, and by which of its titles have a file:

- It is asked to look again, once: many a cause was over a minute later.
- There is exactly one way to import what is missing: each title once, nothing said against it, files of a sane size.
  Then it is imported. It is the *arr's own match; what a person brought, what would replace a file that is there, and a
  film of another year than the release's are only suggested.
- All titles have a file, and the *arr says of every video that it is no improvement: the release is blocklisted without
  a search, else the next look at the feeds brings it back.
- The *arr finds no file where there are videos: it doesn't see the folder, and so it will be for others. A person is
  told of one of them.
- Everything else is for a person to decide, an unknown wording before all.

What an *arr says against a file is a text, but not a translated one: Radarr 6.1 and Sonarr of June 2026 have these
sentences in the code of their import specifications and not among their translations. The wordings below are all that
are acted upon, and the worst that any of them can do without the other evidence is to ask a person.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum, auto
from itertools import chain
import re

from ...model.downloads import BROKEN_STATES
from ...model.journal import CAUSE, ActKind, Autonomy
from ...model.library import QueueItem, QueueStatus, TitleKind, TrackedState, TrackedStatus
from ...model.releases import ImportCandidate, TitleDetails
from ...model.waiting import Claim
from .arrs import is_away, is_importing, proposal, waiting
from .base import Case, Later, Look, Rule, Sign, Step, Verdict, climb, need
from .contents import has_sample, videos
from .failed import has_failed
from .titles import choices_of, titles_of

KEY = "import"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPolicy:
    """How long an *arr is given to import by itself."""

    retry_after: timedelta = timedelta(minutes=10)
    patience: timedelta = timedelta(minutes=30)
    patience_when_passing: timedelta = timedelta(days=2)  # it says itself that what is in the way will pass


# --- the symptom -----------------------------------------------------------------------------------------------------

_COMPLAINTS = frozenset({TrackedStatus.WARNING, TrackedStatus.ERROR})
_NOT_IMPORTED = frozenset({TrackedState.DOWNLOADING, TrackedState.IMPORT_PENDING, TrackedState.UNKNOWN})


def is_blocked(item: QueueItem) -> bool:
    """Whether an *arr has a download complete before it and doesn't import it. Of what it doesn't know it can't."""
    if not item.titles or has_failed(item):
        return False
    if item.tracked_state is TrackedState.IMPORT_BLOCKED:
        return True
    return (
        item.status is QueueStatus.COMPLETED
        and item.tracked_state in _NOT_IMPORTED
        and item.tracked_status in _COMPLAINTS
    )


def sign(case: Case, _policy: ImportPolicy) -> Sign:
    """Return whether an *arr doesn't import it; while any *arr is importing it, or can't be asked, nobody can tell."""
    claims, torrent = waiting(case), case.download.torrent
    if not any(is_blocked(claim.item) for claim in claims):
        return Sign.NO
    busy = any(is_importing(claim.item) for claim in claims)
    if torrent is not None:  # its client is not done with it, or lost it: then its files are not to be judged
        busy = busy or not torrent.finished or torrent.state in BROKEN_STATES
    return Sign.HOLD if busy or is_away(case, claims) else Sign.YES


# --- what speaks against a file --------------------------------------------------------------------------------------


class _Objection(Enum):
    NO_IMPROVEMENT = auto()  # there is as good a file already
    ALREADY_IMPORTED = auto()  # this very file
    PASSING = auto()  # it goes away by itself
    NOT_THE_VIDEO = auto()  # a sample: it says nothing of the others
    UNKNOWN = auto()


_BEGINNINGS = {
    "Not an upgrade for existing ": _Objection.NO_IMPROVEMENT,
    "Not a quality revision upgrade for existing ": _Objection.NO_IMPROVEMENT,
    "Not a Custom Format upgrade for existing ": _Objection.NO_IMPROVEMENT,
    "Episode file on disk contains more episodes than this file contains": _Objection.NO_IMPROVEMENT,
    "Episode file already imported at ": _Objection.ALREADY_IMPORTED,
    "Movie file already imported at ": _Objection.ALREADY_IMPORTED,
    "File is still being unpacked": _Objection.PASSING,
    "Locked file, try again later": _Objection.PASSING,
    "Episode has a TBA title and recently aired": _Objection.PASSING,
    "Episode does not have a title and recently aired": _Objection.PASSING,
    "Episode does not have an absolute episode number and recently aired": _Objection.PASSING,
}


def _objection(said: str) -> _Objection:
    if said == "Sample":
        return _Objection.NOT_THE_VIDEO
    return next((kind for words, kind in _BEGINNINGS.items() if said.startswith(words)), _Objection.UNKNOWN)


def _objections(choices: Collection[ImportCandidate]) -> set[_Objection]:
    """Return what speaks against these files together. One whose titles nobody knows is not understood either."""
    kinds = {_objection(rejection.reason) for choice in choices for rejection in choice.rejections}
    unclear = any(not choice.rejections and not choice.title_ids for choice in choices)
    return kinds | {_Objection.UNKNOWN} if unclear else kinds


# --- what is to be done ----------------------------------------------------------------------------------------------

_ASK_AGAIN = timedelta(hours=1)
_LOOKS = frozenset({Look.TITLES, Look.IMPORT, Look.ORIGIN})


def judge(case: Case, policy: ImportPolicy, elapsed: timedelta) -> Verdict:
    """Let the *arr look again; after that decide by its files and titles."""
    claim = next(claim for claim in waiting(case) if is_blocked(claim.item))
    path = claim.item.output_path
    ladder = (
        Step(
            act=ActKind.RETRY_IMPORT,
            after=policy.retry_after,
            fits=lambda _: path is not None and elapsed < policy.patience,
        ),
        Step(act=ActKind.TELL, after=policy.patience, times=None),
    )
    match climb(ladder, case, elapsed):
        case ActKind.RETRY_IMPORT as act:
            return proposal(case, claim, KEY, act, "again", path=path)
        case ActKind():
            return need(case, _LOOKS) or _decide(case, claim, policy, elapsed)
        case later:
            return later


def _decide(case: Case, claim: Claim, policy: ImportPolicy, elapsed: timedelta) -> Verdict:
    titles, choices = titles_of(case, claim), choices_of(case, claim)
    if choices == ():
        return _without_files(case, claim)
    if not titles or not choices:
        return _ask(case, claim, choices)
    missing = frozenset(title.id for title in titles if not title.has_file)
    objections = _objections(choices)
    if _Objection.UNKNOWN in objections:
        return _ask(case, claim, choices)
    if _Objection.PASSING in objections:
        waits = elapsed < policy.patience_when_passing
        return Later(elapsed + _ASK_AGAIN) if waits else _ask(case, claim, choices)
    if accepted := [choice for choice in choices if not choice.rejections]:
        return _take(case, claim, titles, accepted)
    videos = objections - {_Objection.NOT_THE_VIDEO}
    if not videos:  # nothing but samples
        return _ask(case, claim, choices)
    if len(waiting(case)) > 1:  # what follows ends it for all of them
        return _ask(case, claim, choices)
    if missing:
        return _fetch_missing(case, claim, choices, missing)
    if _Objection.NO_IMPROVEMENT in videos:
        return proposal(case, claim, KEY, ActKind.DISCARD, "no_improvement")
    return proposal(case, claim, KEY, ActKind.LEAVE_QUEUE, "done")


def _ask(case: Case, claim: Claim, choices: Sequence[ImportCandidate] | None) -> Verdict:
    """Tell a person, in the *arr's own words."""
    rejections = chain.from_iterable(choice.rejections for choice in choices or ())
    said = next((each.reason for each in rejections if each.reason != "Sample"), None)
    asking = proposal(case, claim, KEY, ActKind.TELL, "ask")
    if said is None or "message" in asking.reason.evidence:
        return asking
    reason = replace(asking.reason, evidence={**asking.reason.evidence, "message": said})
    return replace(asking, reason=reason)


def _without_files(case: Case, claim: Claim) -> Verdict:
    """Tell a person why there is nothing to import: nothing that can be, or nothing in sight of the *arr.

    What a usenet client has nobody else can say: such a client unpacks what it fetched, so there should be something.
    """
    if case.download.torrent is not None:
        if missing := need(case, {Look.FILES}):
            return missing
        if not videos(case.facts.files or ()):
            return _ask(case, claim, ())
    wanted = proposal(case, claim, KEY, ActKind.TELL, "no_files")
    return replace(wanted, parameters={**wanted.parameters, CAUSE: f"no_files/{claim.backend_id}"})


def _fetch_missing(case: Case, claim: Claim, choices: Sequence[ImportCandidate], missing: frozenset[int]) -> Verdict:
    """Of a pack everything is in the library that it has. What it doesn't have is searched for, if a person agrees."""
    there = frozenset(chain.from_iterable(choice.title_ids for choice in choices))
    if missing & there or len(missing) == len(claim.item.titles):
        return _ask(case, claim, choices)
    return proposal(
        case,
        claim,
        KEY,
        ActKind.FETCH_MISSING,
        "incomplete",
        ceiling=Autonomy.SUGGEST,
        values={"count": len(missing)},
        title_ids=sorted(missing),
    )


def _take(case: Case, claim: Claim, titles: Sequence[TitleDetails], accepted: Sequence[ImportCandidate]) -> Verdict:
    """Import what nothing speaks against, if that is every title once and nothing else."""
    missing = [title.id for title in titles if not title.has_file]
    wanted = sorted(missing or [title.id for title in titles])
    taken = sorted(chain.from_iterable(choice.title_ids for choice in accepted))
    if taken != wanted or not all(_is_sane(choice, claim.item) for choice in accepted):
        return _ask(case, claim, accepted)
    grabbed = case.facts.grabbed_at is not None
    sure = bool(missing) and grabbed and not _is_of_another_year(claim.item, accepted)
    return proposal(
        case,
        claim,
        KEY,
        ActKind.IMPORT,
        "match",
        ceiling=Autonomy.ACT if sure else Autonomy.SUGGEST,
        values={"count": len(accepted)},
        files={choice.path: sorted(choice.title_ids) for choice in accepted},
        missing=sorted(missing),
    )


# --- is it what it should be? ----------------------------------------------------------------------------------------

_SMALLEST_BYTES = 20 * 1024**2
#: A file has at least this share of what a title of the download has on average.
_SMALLEST_SHARE = 0.25
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?![\dpx])")


def _is_sane(choice: ImportCandidate, item: QueueItem) -> bool:
    """Whether a file can be the video: not a sample by its name, and not too small for its download."""
    if has_sample(choice.path) or not item.size_bytes:
        return False
    expected = item.size_bytes / len(item.titles) * len(choice.title_ids)
    return choice.size_bytes >= max(_SMALLEST_BYTES, expected * _SMALLEST_SHARE)


def _is_of_another_year(item: QueueItem, accepted: Sequence[ImportCandidate]) -> bool:
    """Whether a film's release or file names a year that is not the film's: there may be several of one name."""
    films = {title.year for title in item.titles if title.kind is TitleKind.MOVIE and title.year}
    if not films:
        return False
    names = (item.release, *(re.split(r"[/\\]", choice.path)[-1] for choice in accepted))
    named = [[int(year) for year in _YEAR.findall(name)] for name in names]
    return any(years and not any(abs(year - film) <= 1 for year in years for film in films) for years in named)


RULE = Rule(key=KEY, policy=ImportPolicy, sign=sign, judge=judge)
