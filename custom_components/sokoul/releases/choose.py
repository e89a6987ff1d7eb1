"""From what indexers offer to a list of releases, the best first."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from ..model.releases import ArrOpinion, Offer, QualityProfile
from .attributes import Numbering, Resolution
from .identify import Match, Wanted, identify
from .merge import Release, merge
from .policy import Policy
from .score import Scored, score

NOBODY_ASKED: Mapping[str, bool] = MappingProxyType({})


def rank(
    offers: Iterable[Offer],
    wanted: Wanted,
    policy: Policy,
    profile: QualityProfile | None = None,
    judged: Mapping[str, bool] = NOBODY_ASKED,
    least: Resolution | None = None,
) -> tuple[Scored, ...]:
    """Return the releases behind offers with their scores: those that may be taken first, and among them the best.

    `profile` is that of the *arr which manages the title, where one does. `judged` says by name what somebody thinks of
    releases of which rules can't tell whether they are the title. `least` is asked for this title alone, whatever the
    policy or the profile takes. Nothing is left out: what is refused says why. An offer takes a fifth of a millisecond,
    so many of them belong in an executor.
    """
    found = []
    for release in merge(offers):
        match = match_of(release, wanted, judged=judged.get(release.name.name))
        found.append(score(release, wanted, match, policy, profile, least))
    return tuple(sorted(found, key=_order))


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
