"""What can't be what an *arr asked for: a program instead of a film, only samples, nothing that anybody wants.

Detected from the list of files alone, as soon as the client has it. It is only about what a Radarr or a Sonarr waits
for, so there has to be a video in it, and beside it may be anything that usually is: subtitles, texts, pictures. An
archive may hold the video (sets of volumes are how the scene publishes), the image of a disc is one.

Some of it is certain: nothing that is in it can ever be imported. As long as it is in its queue the *arr takes nothing
else, so it is given up also when a search found nothing else, a day later. Where it may be harmless, or somebody looks
after what is shared (a private tracker), a person is asked. Who disguises programs is told in `contents`.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta

from ...model.downloads import FINISHED_STATES, DownloadState, TorrentFile
from ...model.journal import ActKind, Autonomy, Proposal
from ...model.memory import VAIN_SEARCH
from ...model.reasons import Reason
from .arrs import is_away, is_importing, waiting
from .base import Case, Later, Look, Rule, Sign, Verdict, need
from .contents import Content, content_of, has_sample, is_program, names_password, password_note, videos
from .swarm import BEFORE_GIVING_UP, is_shared

KEY = "content"

#: In these states a client knows what is in a torrent, and works on it.
_KNOWN = frozenset({DownloadState.DOWNLOADING, DownloadState.STALLED, *FINISHED_STATES})
_ASK_AGAIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentPolicy:
    """How long to wait. A list of files doesn't change; what of it is wanted does, while somebody chooses."""

    patience: timedelta = timedelta()
    patience_when_chosen: timedelta = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Judgement:
    """What is wrong with a content. `certain`: nothing in it can be imported."""

    variant: str
    file: TorrentFile | None = None
    certain: bool = True


def sign(case: Case, _policy: ContentPolicy) -> Sign:
    """Return whether its files can be looked at: it is judged once, not for how long something lasts."""
    torrent, claims = case.download.torrent, waiting(case)
    if torrent is None or not claims:
        return Sign.NO
    unclear = torrent.state not in _KNOWN or not case.around.gate.open
    return Sign.HOLD if unclear or any(is_importing(claim.item) for claim in claims) else Sign.YES


def judge(case: Case, policy: ContentPolicy, elapsed: timedelta) -> Verdict:
    """Look at the files, and give up what is of no use."""
    if elapsed < policy.patience:
        return Later(policy.patience)
    if missing := need(case, {Look.FILES}):
        return missing
    found = _judge_files(case.facts.files or (), _Called.of(case))
    if found is None:
        return None
    if found.variant == _UNWANTED and elapsed < policy.patience_when_chosen:
        return Later(policy.patience_when_chosen)
    if is_away(case, waiting(case)):
        return Later(elapsed + _ASK_AGAIN)
    return need(case, BEFORE_GIVING_UP) or _proposal(case, found)


_UNWANTED = "unwanted"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Called:
    """What is wanted may itself be called by a word that else speaks against a file."""

    sample: bool
    password: bool

    @classmethod
    def of(cls, case: Case) -> _Called:
        names = [title.name for claim in case.download.claims for title in claim.item.titles]
        return cls(sample=any(map(has_sample, names)), password=any(map(names_password, names)))


def _judge_files(files: Collection[TorrentFile], called: _Called) -> _Judgement | None:
    if not files:
        return None
    wanted = [file for file in files if file.wanted]
    shown = [file for file in wanted if content_of(file.name) is Content.VIDEO] if called.sample else videos(files)
    largest = max(files, key=lambda file: file.size_bytes)
    if is_program(largest) and (largest.wanted or not shown):
        return _Judgement(variant="program", file=largest)
    if not wanted:
        return _Judgement(variant=_UNWANTED)
    archives = [file for file in wanted if content_of(file.name) is Content.ARCHIVE]
    if not shown:
        return _judge_archives(wanted, archives, called) if archives else _without_video(wanted)
    if beside := next((file for file in wanted if is_program(file)), None):
        return _Judgement(variant="beside", file=beside, certain=False)
    return None


def _judge_archives(wanted: Collection[TorrentFile], archives: list[TorrentFile], called: _Called) -> _Judgement | None:
    """Judge archives: a set of volumes is fine, all in one has a reason, and one that is told beside it is certain."""
    if note := password_note(wanted):
        return _Judgement(variant="password", file=note, certain=not called.password)
    if len(archives) == 1:
        return _Judgement(variant="archive", file=archives[0], certain=False)
    return None


def _without_video(wanted: Collection[TorrentFile]) -> _Judgement:
    samples = [file for file in wanted if content_of(file.name) is Content.VIDEO]
    if samples:
        return _Judgement(variant="samples", file=samples[0])
    return _Judgement(variant="no_video", file=max(wanted, key=lambda file: file.size_bytes), certain=False)


def _proposal(case: Case, found: _Judgement) -> Proposal:
    sure = found.certain and case.facts.is_private is not True and not is_shared(case)
    in_vain = sure and VAIN_SEARCH in case.memory.tried
    return Proposal(
        rule=KEY,
        subject=case.download.id,
        act=ActKind.DISCARD if in_vain else ActKind.REPLACE,
        reason=Reason(
            key=f"heal.{KEY}_{found.variant}",
            parameters={"file": found.file.name.rpartition("/")[2]} if found.file else {},
        ),
        ceiling=Autonomy.ACT if sure else Autonomy.SUGGEST,
    )


RULE = Rule(key=KEY, policy=ContentPolicy, sign=sign, judge=judge, gated=False)
