"""A library and the torrents behind it, in a few words."""

from collections.abc import Collection, Iterable
import json

from custom_components.sokoul.debrid.catalogue import Catalogue, Holding
from custom_components.sokoul.debrid.checking import LinkCheck, LinkRecord
from custom_components.sokoul.debrid.links import Link, Mount
from custom_components.sokoul.model.debrid import DebridStatus
from custom_components.sokoul.model.debrid_mirror import Held

ZURG = Mount(theirs="/mnt/zurg")
PROVEN = Mount(theirs="/mnt/zurg", ours="/mnt/zurg", proven=True)


def holding(name: str, *files: str, hash_: str = "", gone: bool = False, original: str = "",
            status: DebridStatus = DebridStatus.DOWNLOADED, known: bool = True, id_: str = "",
            account: str = "one") -> Holding:  # fmt: skip
    """Return a torrent. Its hash is made of its name, and the size of a file of the length of its path."""
    info_hash = hash_ or f"hash of {name}"
    return Holding(
        account=account,
        id=id_ or f"id of {name}",
        hash=info_hash,
        filename=name,
        original_filename=original,
        status=status,
        gone=gone,
        files={path: len(path) for path in files} if known else None,
    )


def catalogue(*holdings: Holding, complete: bool = True, unread: Collection[str] = ()) -> Catalogue:
    """Return what the mirrors of their accounts would be read into."""
    made = Catalogue(complete=complete, unread=unread)
    for each in holdings:
        files = None if each.files is None else json.dumps(dict(each.files))
        of_mirror = Held(each.id, each.hash, each.filename, each.original_filename, each.status, each.gone, files)
        made.take(each.account, [of_mirror])
    return made


def link(target: str, path: str = "/media/shows/link.mkv") -> Link:
    return Link(path=path, target=target)


def texts(links: Iterable[Link]) -> dict[str, str]:
    return {each.path: each.target for each in links}


def record_of(check: LinkCheck, path: str) -> LinkRecord:
    """Return what is known of a link."""
    (found,) = (known for link, known in check.records(lambda _: True, after="", limit=10_000) if link.path == path)
    return found
