"""Another tool that heals the same downloads: two of them undo each other's work, so a person is told.

It shows by what it takes away: unfinished downloads that an *arr waits for vanish from a client that answers, and
nobody here did it. One or two may be a person's doing.
"""

from datetime import datetime, timedelta

from ..model.journal import ActKind, EntryStatus, JournalEntry
from ..model.reasons import Reason
from ..model.world import Changes, DownloadIndex, World
from .watch import Watch

#: So many within `TOGETHER` look like a tool.
MANY_TAKEN = 3
TOGETHER = timedelta(hours=1)
TELL_EVERY = timedelta(days=7)
OTHER_TOOL = "other_tool"


class OtherTool:
    """Remembers what was taken away lately, and when that was told."""

    def __init__(self) -> None:
        self._taken: list[tuple[datetime, str]] = []  # when, and what
        self._told_at: datetime | None = None

    def recall(self, entry: JournalEntry) -> None:
        """Note that it was told, if that is what an entry of the journal says."""
        if entry.rule == OTHER_TOOL:
            self._told_at = max(entry.at, self._told_at or entry.at)

    def notice(self, watch: Watch, world: World, index: DownloadIndex, changes: Changes, now: datetime) -> None:
        """Note unfinished downloads that are gone, before `watch` forgets them."""
        for subject in changes.removed | changes.changed:
            after = index.get(subject)
            if after is not None and after.torrent is not None:
                continue
            before = watch.download(subject)
            if before is None or before.torrent is None or before.finished or not before.claims:
                continue
            client = world.backends.get(before.client_id or "")
            if client is not None and client.available:
                self._taken.append((now, before.label))

    def news(self, now: datetime) -> JournalEntry | None:
        """Return what is to be told; None: nothing, or it was told not long ago."""
        self._taken = [taken for taken in self._taken if now - taken[0] < TOGETHER]
        told = self._told_at is not None and now - self._told_at < TELL_EVERY
        if len(self._taken) < MANY_TAKEN or told:
            return None
        labels = tuple(dict.fromkeys(label for _, label in self._taken))
        return JournalEntry(
            at=now,
            changed_at=now,
            rule=OTHER_TOOL,
            subject=OTHER_TOOL,
            label="",
            act=ActKind.TELL,
            status=EntryStatus.DONE,
            reason=Reason(key="heal.other_tool", parameters={"count": len(self._taken), "names": labels}),
        )
