"""The demo's Real-Debrid: an account with a few hundred torrents, a mount of it, and links of a library into the mount.

The mount is a folder in which every complete torrent has one of its own, with its files, as mounts of Real-Debrid show
it. What Real-Debrid lost is gone from it, and the links to it lead nowhere.
"""

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
import shutil
from typing import Self

from .clock import Clock
from .real_debrid import API_TOKEN, RealDebridSimulator
from .real_debrid_account import Account, Torrent

#: So many torrents are complete; each of the first so many has a link.
COMPLETE, LINKED = 280, 60
#: What is wrong with others: which status, how many, and whether Real-Debrid takes them again.
_FAILED = (("error", 2), ("dead", 2), ("magnet_error", 1), ("virus", 1), ("waiting_files_selection", 1))
_REPAIRABLE = frozenset(status for status, _ in _FAILED)
_ON_THE_WAY = (("downloading", 2), ("queued", 3))
INFRINGING = 35


@dataclass(frozen=True, slots=True)
class Lost:
    """A torrent that ended badly and will be complete when it is added again; the links to it."""

    hash: str
    name: str
    links: tuple[Path, ...]


class DebridWorld:
    """The account, its mount and the links. Only `links` has to be called; the mount follows the account."""

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        """Have the mount below `folder`."""
        self.simulator = RealDebridSimulator(clock=clock)
        self.api_token = API_TOKEN
        self.mount = folder / "torrents"
        self.lost: Lost | None = None
        self._shown: tuple[int, frozenset[str]] | None = None  # the account's revision, and the folders
        self._fill(self.simulator.account)

    @property
    def account(self) -> Account:
        """The account."""
        return self.simulator.account

    async def __aenter__(self) -> Self:
        await self.simulator.__aenter__()
        self.go_on()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.simulator.__aexit__(*exc)

    def _fill(self, account: Account) -> None:
        for status, count in (*_FAILED, *_ON_THE_WAY, ("downloaded", COMPLETE)):
            account.fill(count, statuses=[status])
        for torrent in account.torrents.values():
            cached = replace(torrent.plan, outcome="downloaded", stuck_in="")
            account.plans[torrent.hash] = cached  # added again it is the same one, and is complete at once
        infringing = next(each for each in account.torrents.values() if each.status == "dead")
        account.plans[infringing.hash] = replace(infringing.plan, refused_code=INFRINGING)

    def links(self, folder: Path) -> None:
        """Make a library of links into the mount, and let Real-Debrid lose the file of one of them."""
        complete = [each for each in self.account.torrents.values() if each.status == "downloaded"][:LINKED]
        for torrent in complete:
            for name, file in _files(torrent):
                link = folder / name / file
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(self.mount / name / file)
        torrent = complete[0]
        self.account.turn(torrent, "error")
        links = tuple(folder / name / file for name, file in _files(torrent))
        self.lost = Lost(hash=torrent.hash, name=torrent.plan.name, links=links)
        self.go_on()

    def go_on(self) -> None:
        """Let the mount show what is complete by now."""
        account = self.account
        account.settle()
        if self._shown is not None and self._shown[0] == account.revision:
            return
        before = self._shown[1] if self._shown is not None else frozenset()
        complete = {each.plan.name: each for each in account.torrents.values() if each.status == "downloaded"}
        for name in before - complete.keys():
            shutil.rmtree(self.mount / name)
        for name in complete.keys() - before:
            for _, file in _files(complete[name]):
                path = self.mount / name / file
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("wb") as empty:
                    empty.truncate(_size(complete[name], file))  # sparse: it takes no room
        self._shown = account.revision, frozenset(complete)

    def repairable(self) -> list[str]:
        """Return the torrents that are not as they could be: not complete, or infected and still there."""
        self.account.settle()
        return [
            f"{torrent.plan.name} ({torrent.status})"
            for torrent in self.account.torrents.values()
            if torrent.status in _REPAIRABLE and self.account.plans[torrent.hash].refused_code is None
        ]

    def doubled(self) -> list[str]:
        """Return the hashes that are in the account more than once."""
        counted = Counter(torrent.hash for torrent in self.account.torrents.values())
        return [each for each, count in counted.items() if count > 1]


def _files(torrent: Torrent) -> list[tuple[str, str]]:
    return [(torrent.plan.name, file.path.lstrip("/")) for file in torrent.plan.files]


def _size(torrent: Torrent, name: str) -> int:
    return next(file.size_bytes for file in torrent.plan.files if file.path.lstrip("/") == name)
