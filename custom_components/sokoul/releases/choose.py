"""From what indexers offer to a list of releases, the best first.

Who takes recordings from cinemas takes them only as long as there is nothing else: beside a clean release of the same
title, whether or not it is one to be taken, none is.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from ..model.reasons import Reason
from ..model.releases import ArrOpinion, Offer, QualityProfile
from .attributes import Numbering, Resolution
from .identify import Certainty, Match, Wanted, identify
from .merge import Release, merge
from .policy import Policy
from .refusal import stands_refused
from .score import Scored, score

NOBODY_ASKED: Mapping[str, bool] = MappingProxyType({})
NOTHING_READ: Mapping[str, str] = MappingProxyType({})


def rank(
    offers: Iterable[Offer],
    wanted: Wanted,
    policy: Policy,
    profile: QualityProfile | None = None,
    judged: Mapping[str, bool] = NOBODY_ASKED,
    least: Resolution | None = None,
    second_titles: Mapping[str, str] = NOTHING_READ,
) -> tuple[Scored, ...]:
    """Return the releases behind offers with their scores: those that may be taken first, and among them the best.

    `profile` is that of the *arr which manages the title, where one does. `judged` says by name what somebody thinks of
    releases of which rules can't tell whether they are the title. `least` is asked for this title alone, whatever the
    policy or the profile takes. `second_titles` are those that a second reader reads, by name. Nothing is left out:
    what is refused says why. An offer takes a fifth of a millisecond, so many of them belong in an executor.
    """
    found = []
    for merged in merge(offers):
        release = _read_again(merged, second_titles.get(merged.name.name))
        match = match_of(release, wanted, judged=judged.get(release.name.name))
        found.append(score(release, wanted, match, policy, profile, least))
    if policy.cinema_recordings:
        found = _without_recordings(found)
    return tuple(sorted(found, key=_order))


def _read_again(release: Release, second_title: str | None) -> Release:
    if second_title is None:
        return release
    return replace(release, name=replace(release.name, second_title=second_title))


def _without_recordings(found: Sequence[Scored]) -> list[Scored]:
    """Refuse each recording from a cinema in whose place there is a clean release."""
    clean = [each for each in found if not each.release.name.is_cam and stands_refused(each.release, each.refusals)]
    taken = [each for each in found if not each.release.name.is_cam and each.accepted]
    return [_without_recording(each, taken, clean) if _is_recording(each) else each for each in found]


def _is_recording(scored: Scored) -> bool:
    """Tell whether a release is a recording of the title."""
    return scored.release.name.is_cam and scored.match.certainty > Certainty.UNSURE


def _without_recording(recording: Scored, taken: Iterable[Scored], clean: Iterable[Scored]) -> Scored:
    if any(_has_as_much(each, recording) for each in taken):
        return replace(recording, refusals=(*recording.refusals, Reason(key="release.refused_recording_beaten")))
    if any(_has_as_much(each, recording) for each in clean):
        return replace(recording, refusals=(*recording.refusals, Reason(key="release.refused_recording")))
    return recording


def _has_as_much(clean: Scored, recording: Scored) -> bool:
    """Tell whether a release has all that a recording has: of a season it may have another episode."""
    return clean.match.whole or clean.release.name.numbering == recording.release.name.numbering


def match_of(release: Release, wanted: Wanted, *, judged: bool | None = None) -> Match:
    """Tell whether a release is of a title, by its name and by what those say who offer it."""
    opinions = [offer.arr for offer in release.offers if offer.arr is not None]
    vouching = [each for each in opinions if each.knows_title and each.acceptable]  # else it may be another title's
    return identify(
        release.name,
        wanted,
        release.ids,
        vouched=bool(vouching),
        holds=next((_episodes_of(each) for each in vouching if each.episodes), None),
        judged=judged,
    )


def _episodes_of(opinion: ArrOpinion) -> Numbering:
    seasons = () if opinion.season is None else (opinion.season,)
    return Numbering(seasons=seasons, episodes=tuple(sorted(opinion.episodes)))


def _order(scored: Scored) -> tuple[bool, bool, int, int, float, str]:
    """Order by what is accepted, then by whether it has all that is wanted, then by score.

    What is equal is ordered by how sure the title is, and how many share it.
    """
    points, match = sum(part.points for part in scored.parts), scored.match
    return (not scored.accepted, not match.whole, -scored.score, -match.certainty, -points, scored.release.name.name)
