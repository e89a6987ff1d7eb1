"""A hub with a simulated Real-Debrid account in which torrents failed, and what is seen of its repairs."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from homeassistant.config_entries import ConfigSubentryDataWithId
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.sokoul.autopilot.rules.debrid import DEBRID_RULES
from custom_components.sokoul.debrid_repairs import AccountRepairs
from custom_components.sokoul.hub import Hub
from custom_components.sokoul.model.journal import Autonomy, JournalEntry
from devstack.real_debrid import API_TOKEN, RealDebridSimulator
from devstack.real_debrid_account import Plan, PlannedFile, Torrent

ACCOUNT_ID = "01SOKOULREALDEBRID00000000"
FILES = (PlannedFile("/Show.S01E01.mkv", 1000), PlannedFile("/Show.S01E02.mkv", 2000), PlannedFile("/read me.txt", 3))
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def account(subentry_id: str = ACCOUNT_ID, *, per_minute: int = 250) -> ConfigSubentryDataWithId:
    """Return the subentry of the simulated account."""
    return ConfigSubentryDataWithId(
        subentry_id=subentry_id,
        subentry_type="real_debrid",
        title="Account",
        unique_id="real_debrid:1001",
        data={
            "connection": {"username": "1001", "api_key": API_TOKEN},
            "preferences": {"requests_per_minute": per_minute},
        },
    )


@dataclass(slots=True)
class Scene:
    """The account, and what the hub makes of it."""

    debrid: RealDebridSimulator
    entry: MockConfigEntry

    @property
    def hub(self) -> Hub:
        hub: Hub = self.entry.runtime_data
        return hub

    @property
    def repairs(self) -> AccountRepairs:
        found = self.hub.debrid_repairs.account(ACCOUNT_ID)
        assert found is not None
        return found

    def set_level(self, level: Autonomy, *rules: str) -> None:
        """Set how far repairs may go, all of them or some."""
        for rule in rules or tuple(rule.key for rule in DEBRID_RULES):
            self.hub.pilot.kernel.change(self.hub.pilot.kernel.settings.with_autonomy(rule, level))

    async def rows(self, rule: str | None = None) -> list[JournalEntry]:
        """Return the journal's rows about the account, the oldest first."""
        found = await self.hub.pilot.kernel.journal.find(rule=rule, limit=1000)
        return [entry for entry in reversed(found) if entry.subject.startswith("debrid:")]

    def entries(self, torrent: Torrent) -> list[Torrent]:
        """Return all entries of a torrent in the account."""
        return [each for each in self.debrid.account.torrents.values() if each.hash == torrent.hash]

    def adds(self) -> int:
        """Return how many magnet links were sent."""
        return sum(request.path.endswith("/addMagnet") for request in self.debrid.requests)


def failed(debrid: RealDebridSimulator, number: int, status: str = "error", **plan: Any) -> Torrent:
    """Put a torrent there that failed long ago, and plan what becomes of it when it is added again."""
    made = replace(Plan(name=f"Show {number}", files=FILES), **plan)
    torrent = debrid.account.add(f"{number:040x}")
    debrid.account.plans[torrent.hash] = made
    torrent.plan = replace(made, outcome="stuck", stuck_in=status)
    torrent.selected = (
        frozenset({1, 2}) if status not in {"magnet_conversion", "waiting_files_selection"} else frozenset()
    )
    torrent.added -= timedelta(days=30)
    debrid.account.turn(torrent, status)
    return torrent


def hashes(entries: Iterable[Torrent]) -> list[str]:
    """Return the hashes of entries, sorted."""
    return sorted(each.hash for each in entries)
