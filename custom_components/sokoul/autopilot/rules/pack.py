"""Packs of which most is here and the rest doesn't come: what is missing is fetched as single episodes.

A season of which one file has nobody who shares it would be given up for that one file. Detected as a stalled torrent
is, with the same patience, and from its files: which of them are complete, and which episodes their names say they
hold, compared with the episodes that the *arr wants of it. Where a name doesn't tell, nothing is concluded, and the
pack is treated as any other torrent. Nothing that is here is lost: the torrent stays as it is. What could not be found
(or was too much for one time) is looked for again some days later, and after some tries a person is told.
"""

from dataclasses import dataclass
from datetime import timedelta

from ...model.downloads import DownloadState, TorrentFile
from ...model.journal import ActKind, Proposal
from ...model.library import Title, TitleKind
from ...model.memory import Tries
from ...model.reasons import Reason
from ...model.waiting import Claim, swarm_evidence
from .arrs import waiting
from .base import Case, Later, Look, Rule, Sign, Verdict, need
from .contents import episodes_of, videos
from .swarm import BEFORE_BLAMING, arrived, hindrance, is_careful, sign_in, tracker_is_down

KEY = "pack"

#: With less of it here, another release of the whole pack is what helps.
MOSTLY_HERE = 0.8
#: What is still missing is looked for again after a day, then after two, four, a week; so many times.
AGAIN_AFTER, AGAIN_LATEST = timedelta(days=1), timedelta(days=7)
MOST_TRIES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class PackPolicy:
    """How long to wait for the rest."""

    patience: timedelta = timedelta(hours=6)
    patience_when_rare: timedelta = timedelta(hours=72)  # or private
    last_copy_patience: timedelta = timedelta(days=1)


def is_mostly_here(case: Case) -> bool:
    """Whether it is a pack that one *arr waits for, and most of its bytes are here."""
    return arrived(case) >= MOSTLY_HERE and _claim(case) is not None


def lacking(case: Case) -> frozenset[int] | None:
    """Return the ids of the wanted episodes that are not here whole; None when the files don't tell, or none is here.

    Needs the facts of `Look.FILES` and `Look.TITLES`: what has a file already isn't lacking.
    """
    claim, shown = _claim(case), videos(case.facts.files or ())
    if claim is None or not shown or not all(episodes_of(file.name) for file in shown):
        return None
    unfinished = _episodes([file for file in shown if file.progress < 1])
    here = _episodes([file for file in shown if file.progress >= 1]) - unfinished
    if not any(_place(title) in here for title in claim.item.titles):
        return None
    there = {title.id for title in (case.facts.titles or {}).get(claim.backend_id, ()) if title.has_file}
    return frozenset(title.id for title in claim.item.titles if _place(title) not in here) - there


def _claim(case: Case) -> Claim | None:
    """Return the one claim to a pack whose episodes are all known."""
    claims = waiting(case)
    if len(claims) != 1 or len(claims[0].item.titles) < 2:  # noqa: PLR2004 -- one episode is no pack
        return None
    whole = all(title.kind is TitleKind.EPISODE and None not in _place(title) for title in claims[0].item.titles)
    return claims[0] if whole else None


def _place(title: Title) -> tuple[int | None, int | None]:
    return title.season, title.episode


def _episodes(files: list[TorrentFile]) -> frozenset[tuple[int | None, int | None]]:
    return frozenset(episode for file in files for episode in episodes_of(file.name))


def sign(case: Case, _policy: PackPolicy) -> Sign:
    """Return whether it is a pack that should be fetching its last part."""
    if not is_mostly_here(case):
        return Sign.NO
    return sign_in(case, DownloadState.STALLED, DownloadState.DOWNLOADING)


def judge(case: Case, policy: PackPolicy, elapsed: timedelta) -> Verdict:
    """Fetch what is missing, some times if need be; tell when it is no episode that is missing."""
    if elapsed < policy.patience:
        return Later(policy.patience)
    if missing := need(case, BEFORE_BLAMING | {Look.FILES}):
        return missing
    patience = policy.patience_when_rare if is_careful(case) or tracker_is_down(case) else policy.patience
    if elapsed < patience:
        return Later(patience)
    ids, claim = lacking(case), _claim(case)
    if ids is None or claim is None:
        return None
    if later := hindrance(case, elapsed, policy.last_copy_patience):
        return later
    rest = [file for file in case.facts.files or () if file.wanted and file.progress < 1]
    if not ids:
        return _proposal(case, claim, ActKind.TELL, "rest", count=len(rest))
    if (tries := _tries(case)) is not None:
        pause = min(AGAIN_AFTER * 2 ** (tries.count - 1), AGAIN_LATEST)
        if (since := case.now - tries.at) < pause:
            return Later(elapsed + pause - since)
        if tries.count >= MOST_TRIES:
            return _proposal(case, claim, ActKind.TELL, "lacking", count=len(ids))
    return _proposal(
        case,
        claim,
        ActKind.FETCH_MISSING,
        "missing",
        count=len(ids),
        title_ids=sorted(ids),
        files=sorted(file.index for file in rest),
    )


def _tries(case: Case) -> Tries | None:
    """Return how often what is missing was looked for since something arrived."""
    tries, progressed = case.memory.tried.get(ActKind.FETCH_MISSING), case.memory.progressed_at
    return tries if tries and (progressed is None or tries.at >= progressed) else None


def _proposal(case: Case, claim: Claim, act: ActKind, variant: str, *, count: int, **parameters: object) -> Proposal:
    torrent = case.download.torrent
    return Proposal(
        rule=KEY,
        subject=case.download.id,
        act=act,
        reason=Reason(
            key=f"heal.{KEY}_{variant}",
            parameters={"count": count},
            evidence=swarm_evidence(torrent) if torrent else {},
        ),
        parameters={"arr_id": claim.backend_id, "download_id": claim.item.download_id, **parameters},
    )


RULE = Rule(key=KEY, policy=PackPolicy, sign=sign, judge=judge, ends_with_progress=True)
