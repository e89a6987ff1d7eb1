"""What is left of an *arr's opinion of releases once it manages their title by another quality profile.

It gave its opinion by the profile of then. What it takes a release for, and its quality, are as they were; the score of
the custom formats isn't if they count otherwise now, and neither is what it said against a release because of the
profile. It judges by the profile first and says nothing else then, so such a release is one that it has no opinion of.
"""

from dataclasses import replace
import re
from typing import Final

from ..model.releases import Offer, QualityProfile

#: What Radarr 6 and Sonarr 4 say by a profile: its qualities, languages and formats, and what is in the library or the
#: queue, which both compare by it. What they say of size, seeders, blocklist and the like has none of these words.
_BY_PROFILE: Final = re.compile(r"profile|cutoff|preference|custom format|is wanted, but found", re.IGNORECASE)


def by_another_profile(offer: Offer, before: QualityProfile, now: QualityProfile) -> Offer:
    """Return an offer with what still holds of the opinion that came with it."""
    opinion = offer.arr
    if opinion is None:
        return offer
    rejections = tuple(each for each in opinion.rejections if not _BY_PROFILE.search(each))
    score = opinion.score if before.formats == now.formats else None
    # one that was rejected stays unapproved: without a rejection nothing is said against it, nor for it
    return replace(offer, arr=replace(opinion, rejections=rejections, score=score))
