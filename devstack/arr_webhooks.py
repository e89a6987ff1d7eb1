"""What the webhooks of a Radarr or Sonarr tell."""

from typing import TYPE_CHECKING, override

from .arr_queue_item import QueueItem
from .quality import languages
from .servarr_http import Json
from .servarr_providers import Providers
from .servarr_webhooks import Webhooks

if TYPE_CHECKING:
    from .arr import ArrSimulator


class ArrWebhooks(Webhooks):
    """Webhooks about downloads."""

    def __init__(self, arr: ArrSimulator, notifications: Providers) -> None:
        super().__init__(arr, notifications)
        self.arr = arr

    @override
    def test_payload(self) -> Json:
        return self.arr.webhook_test_payload()

    def grabbed(self, item: QueueItem) -> None:
        """Tell of a grab."""
        release = item.release
        described = {
            "quality": self._quality(item),
            "qualityVersion": 1,
            "releaseGroup": release.group if release else None,
            "releaseTitle": item.title,
            "indexer": item.indexer,
            "size": item.size_bytes,
            "customFormatScore": item.score,
            "customFormats": [],
            "languages": languages(item.languages),
            "indexerFlags": ["freeleech"] if release and release.freeleech else [],
        }
        self.send(
            "onGrab", "Grab", {**self.arr.webhook_titles(item.wanted), "release": described, **self.download(item)}
        )

    def manual_interaction(self, item: QueueItem) -> None:
        """Tell of an import that needs a person."""
        release = {"indexer": item.indexer, "size": item.size_bytes}
        self.send(
            "onManualInteractionRequired",
            "ManualInteractionRequired",
            {
                **self.arr.webhook_titles(item.wanted),
                "downloadInfo": {"quality": self._quality(item), "qualityVersion": 1, "title": item.title, **release},
                **self.download(item),
                "downloadStatus": item.tracked_status.capitalize(),
                "downloadStatusMessages": [
                    {"title": message.title, "messages": list(message.messages)} for message in item.messages
                ],
                "release": {"releaseTitle": item.title, **release},
            },
        )

    def _quality(self, item: QueueItem) -> str:
        return str(self.arr.quality_json(item.quality)["quality"]["name"])

    @staticmethod
    def download(item: QueueItem) -> Json:
        """Return a download as webhooks describe it."""
        data = item.client_data
        return {
            "downloadClient": data["downloadClientName"],
            "downloadClientType": data["downloadClient"],
            "downloadId": item.download_id,
            "customFormatInfo": {"customFormats": [], "customFormatScore": item.score},
        }
