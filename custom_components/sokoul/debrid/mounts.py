"""Which mounts the links of a library lead into, which accounts they show, and whether they are seen here.

A folder in which three torrents of the accounts have their folders, by the texts of links, is a mount, or a view of
one: links say so. That a folder of ours is the same is proven as with any folder: three known files at their sizes.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from ..model.paths import LOOK_AT_MOST, PROOF_FILES, contains
from .catalogue import Catalogue
from .links import Mount, Places, aim
from .turns import in_turns

#: So many torrents of the accounts make a folder a mount.
PROOF_TORRENTS = 3


def detect(texts: Mapping[str, str], catalogue: Catalogue, roots: Collection[str]) -> list[str]:
    """Return the folders that torrents of the accounts are in, as links name them. For a thread.

    What is in the media folders themselves is none: there the person put it.
    """
    torrents: dict[str, set[str]] = {}
    looked: set[str] = set()
    for path, text in in_turns(texts.items()):
        above = text.rpartition("/")[0]
        if above in looked:
            continue  # the other files of a folder say the same
        if text.startswith("/"):
            looked.add(above)
        if (aimed := aim(path, text, texts)) is None:
            continue
        *folders, _ = aimed.split("/")
        for at, name in enumerate(folders[1:], 1):
            if at > 1 and catalogue.knows(name):
                torrents.setdefault("/".join(folders[:at]), set()).add(name)
                break
    return sorted(
        mount
        for mount, names in torrents.items()
        if len(names) >= PROOF_TORRENTS and not any(contains(root, mount) for root in roots)
    )


def attribute(mounts: Sequence[Mount], texts: Mapping[str, str], catalogue: Catalogue) -> Sequence[Mount]:
    """Return mounts (the deepest first) with the accounts that they show. For a thread.

    It is those of which links name three torrents there that no other account has, or had. Of one account alone there
    is nothing to tell.
    """
    if len(catalogue.accounts) < 2:  # noqa: PLR2004 -- two are several
        return mounts
    named: dict[tuple[str, str], set[str]] = {}
    places = Places(mounts, catalogue)
    for path, text in in_turns(texts.items()):
        aimed = aim(path, text, texts)
        if aimed is None or (place := places.of(aimed)) is None:
            continue
        holders = {holding.account for holding in catalogue.named(place.folder)}
        if len(holders) == 1:
            named.setdefault((place.mount.theirs, holders.pop()), set()).add(place.folder)
    shown = [key for key, folders in named.items() if len(folders) >= PROOF_TORRENTS]
    return [
        replace(mount, accounts=frozenset(account for theirs, account in shown if theirs == mount.theirs))
        for mount in mounts
    ]


def prove(mount: Mount, texts: Mapping[str, str], catalogue: Catalogue, size_of: Callable[[str], int | None]) -> Mount:
    """Return a mount with whether it is the same here. Reads the disk: for a thread.

    `size_of` returns the size of a file of ours, None where there is none.
    """
    if mount.ours is None:
        return replace(mount, proven=False)
    right = 0
    for path, size_bytes in islice(_samples(mount, texts, catalogue), LOOK_AT_MOST):
        found = size_of(path)
        if found is not None and found != size_bytes:
            return replace(mount, proven=False)  # another file: it is not the same folder
        right += found == size_bytes
    return replace(mount, proven=right >= PROOF_FILES)


def _samples(mount: Mount, texts: Mapping[str, str], catalogue: Catalogue) -> Iterator[tuple[str, int]]:
    """Return files that links lead to, at our paths, with the sizes that they have at the account: one of a folder."""
    above, seen, places = mount.theirs.rstrip("/") + "/", set[str](), Places([mount], catalogue)
    for path, text in in_turns(texts.items()):
        aimed = aim(path, text, texts)
        if aimed is None or not aimed.startswith(above) or (place := places.of(aimed)) is None:
            continue
        if place.folder in seen or not place.file:
            continue
        seen.add(place.folder)
        for holding in catalogue.named(place.folder):
            if holding.complete and (file := holding.find(place.file)) is not None:
                yield f"{(mount.ours or '').rstrip('/')}/{aimed[len(above) :]}", file.size_bytes
                break
