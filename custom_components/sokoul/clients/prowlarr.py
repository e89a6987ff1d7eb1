"""Prowlarr, API v1 (Prowlarr 1 and 2).

An indexer's and an application's settings hold keys, passkeys and cookies: of those only the address of an
application is read, and nothing else is kept.
"""

from ..model.library import ApplicationLink, Indexer, Privacy, Protocol
from .arr import ServarrClient, settings, text_of
from .fields import Fields, each


class ProwlarrClient(ServarrClient):
    """Indexers, and the applications that get them."""

    application = "Prowlarr"
    api = "api/v1"

    async def indexers(self) -> tuple[Indexer, ...]:
        """Return all indexers with their failures and their statistics.

        Source: GET /indexer, /indexerstatus (lists only those that fail), /indexerstats (over all that is kept of
        the history; an indexer that was never asked is not in it).
        """
        indexers = each(await self._get("indexer"), "indexer")
        failing = {
            status.whole("indexerId"): status for status in each(await self._get("indexerstatus"), "indexerstatus")
        }
        answer = Fields(await self._get("indexerstats"), "indexerstats")
        statistics = {statistic.whole("indexerId"): statistic for statistic in answer.objects("indexers")}
        nothing = Fields({}, "indexer")
        return tuple(
            _indexer(indexer, failing.get(indexer.whole("id"), nothing), statistics.get(indexer.whole("id"), nothing))
            for indexer in indexers
        )

    async def applications(self) -> tuple[ApplicationLink, ...]:
        """Return the applications that it feeds. Source: GET /applications."""
        return tuple(
            ApplicationLink(
                id=link.whole("id"),
                name=link.text("name", ""),
                implementation=link.text("implementation"),
                base_url=text_of(settings(link), "baseUrl") or "",
                sync_level=link.text("syncLevel", "unknown"),
            )
            for link in each(await self._get("applications"), "applications")
        )


def _indexer(indexer: Fields, status: Fields, statistic: Fields) -> Indexer:
    return Indexer(
        id=indexer.whole("id"),
        name=indexer.text("name"),
        enabled=indexer.flag("enable"),
        protocol=indexer.choice("protocol", Protocol),
        privacy=indexer.choice("privacy", Privacy),
        priority=indexer.whole("priority", 25),
        disabled_until=status.moment("disabledTill"),
        last_failure_at=status.moment("mostRecentFailure"),
        queries=statistic.whole("numberOfQueries", 0),
        failed_queries=statistic.whole("numberOfFailedQueries", 0),
        grabs=statistic.whole("numberOfGrabs", 0),
        response_milliseconds=statistic.optional_whole("averageResponseTime"),
    )
