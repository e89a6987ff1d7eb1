"""How large a release is for its picture: bytes per hour, since a film of three hours may be larger than an episode."""

import math
from typing import Final

from .attributes import Codec, ReleaseName, Resolution
from .identify import Wanted
from .merge import Release
from .policy import SizeWish

_GB: Final = 10**9
#: What an hour usually takes in H.264: good pictures are around it, better ones take more.
_USUAL: Final = {
    Resolution.P480: 0.5 * _GB,
    Resolution.P576: 0.7 * _GB,
    Resolution.P720: 1.3 * _GB,
    Resolution.P1080: 3.0 * _GB,
    Resolution.P1440: 5.0 * _GB,
    Resolution.P2160: 10.0 * _GB,
    Resolution.P4320: 25.0 * _GB,
}
#: Newer codecs take less for the same picture.
_SAVING: Final = {Codec.H265: 0.65, Codec.AV1: 0.55, Codec.VP9: 0.7, Codec.H266: 0.45}
_WISHES: Final = {SizeWish.SMALL: 0.4, SizeWish.BALANCED: 1.0, SizeWish.LARGE: 3.0}
#: Smaller by this factor than usual nothing is what its name says: a sample, a fake, a password.
IMPLAUSIBLE: Final = 1 / 40
#: So many halvings or doublings away from the wish nothing is left of the points.
_FAR: Final = 4.0


def hours(release: ReleaseName, wanted: Wanted) -> float | None:
    """Return how long a release plays; None where nobody knows."""
    if wanted.minutes is None or wanted.minutes <= 0:
        return None
    numbering = release.numbering
    episodes = 1
    if numbering.is_series:
        counted = len(numbering.episodes) or len(numbering.absolute) or int(numbering.aired is not None)
        in_packs = len(numbering.seasons) * (wanted.season_episodes or 0)
        episodes = counted or in_packs
    return wanted.minutes * episodes / 60 or None


def bytes_per_hour(release: Release, wanted: Wanted) -> float | None:
    """Return how many bytes an hour of it takes; None where its size or its length isn't known."""
    length = hours(release.name, wanted)
    if length is None or release.size_bytes is None:
        return None
    return release.size_bytes / length


def usual(name: ReleaseName) -> float:
    """Return how many bytes an hour of such a picture usually takes."""
    return _USUAL[name.resolution or Resolution.P480] * (_SAVING.get(name.codec, 1.0) if name.codec else 1.0)


def size_fits(per_hour: float, name: ReleaseName, wish: SizeWish) -> float:
    """Return how well a size fits a wish, from 0 to 1.

    Who wants the best picture doesn't mind what it takes, and who wants it small doesn't mind less.
    """
    if per_hour <= 0:
        return 0.0
    away = math.log2(per_hour / (usual(name) * _WISHES[wish]))
    if (wish is SizeWish.LARGE and away > 0) or (wish is SizeWish.SMALL and away < 0):
        return 1.0
    return max(1.0 - abs(away) / _FAR, 0.0)


def is_implausible(per_hour: float, name: ReleaseName) -> bool:
    """Tell whether a release is too small to be what its name says."""
    return per_hour < usual(name) * IMPLAUSIBLE
