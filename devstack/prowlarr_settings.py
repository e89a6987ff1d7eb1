"""What can be set up in a Prowlarr, as it leaves the box, and its categories."""

from .arr_settings import HOST_FIELDS
from .servarr_providers import Field, Implementation

MOVIES, SERIES = 2000, 5000
CATEGORY_NAMES = {
    2000: "Movies",
    2030: "Movies/SD",
    2040: "Movies/HD",
    2045: "Movies/UHD",
    5000: "TV",
    5030: "TV/SD",
    5040: "TV/HD",
    5045: "TV/UHD",
}

CATEGORIES = [
    {
        "id": base,
        "name": CATEGORY_NAMES[base],
        "subCategories": [
            {"id": number, "name": name, "subCategories": []}
            for number, name in CATEGORY_NAMES.items()
            if base < number < base + 1000
        ],
    }
    for base in (MOVIES, SERIES)
]
_SEARCHES = {
    "limitsMax": 100,
    "limitsDefault": 100,
    "categories": CATEGORIES,
    "supportsRawSearch": False,
    "searchParams": ["q"],
    "tvSearchParams": ["q", "season", "ep", "imdbId", "tvdbId"],
    "movieSearchParams": ["q", "imdbId", "tmdbId"],
    "musicSearchParams": [],
    "bookSearchParams": [],
}


def _indexer(name: str, protocol: str, *fields: Field) -> Implementation:
    attributes = {
        "indexerUrls": [],
        "legacyUrls": [],
        "definitionName": name,
        "description": f"An imitated {protocol} indexer",
        "language": "en-US",
        "encoding": "Unicode (UTF-8)",
        "enable": True,
        "redirect": False,
        "supportsRss": True,
        "supportsSearch": True,
        "supportsRedirect": False,
        "supportsPagination": False,
        "appProfileId": 1,
        "protocol": protocol,
        "privacy": "private",
        "capabilities": _SEARCHES,
        "priority": 25,
        "downloadClientId": 0,
        "sortName": "",
        "added": None,
    }
    return Implementation(name=name, label=name, contract=f"{name}Settings", fields=fields, attributes=attributes)


INDEXER_KINDS = (
    _indexer(
        "Cardigann",
        "torrent",
        Field("definitionFile", "Definition File", type="textbox"),
        Field("baseUrl", "Base Url", type="select"),
        Field("cookie", "Cookie", privacy="password"),
        Field("username", "Username", privacy="userName"),
        Field("password", "Password", type="password", privacy="password"),
        Field("torrentBaseSettings.appMinimumSeeders", "Apps Minimum Seeders", type="number", advanced=True),
        Field("torrentBaseSettings.seedRatio", "Seed Ratio", type="number", advanced=True),
        Field("torrentBaseSettings.seedTime", "Seed Time", type="number", advanced=True),
    ),
    _indexer(
        "Newznab",
        "usenet",
        Field("baseUrl", "URL"),
        Field("apiPath", "API Path", "/api"),
        Field("apiKey", "API Key", privacy="apiKey"),
    ),
)


def _application(name: str, categories: list[int]) -> Implementation:
    return Implementation(
        name=name,
        label=name,
        contract=f"{name}Settings",
        fields=(
            Field("prowlarrUrl", "Prowlarr Server", "http://localhost:9696"),
            Field("baseUrl", f"{name} Server"),
            Field("apiKey", "API Key", privacy="apiKey"),
            Field("syncCategories", "Sync Categories", categories, type="select", advanced=True),
        ),
        attributes={"syncLevel": "fullSync", "testCommand": None},
    )


APPLICATION_KINDS = (_application("Radarr", [2000, 2030, 2040, 2045]), _application("Sonarr", [5000, 5030, 5040, 5045]))
PROXY_KINDS = (
    Implementation(
        name="FlareSolverr",
        label="FlareSolverr",
        contract="FlareSolverrSettings",
        fields=(
            Field("host", "Host", "http://localhost:8191/"),
            Field("requestTimeout", "Request Timeout", 60, type="number"),
        ),
        attributes={"onHealthIssue": False, "supportsOnHealthIssue": False, "includeHealthWarnings": False},
    ),
)
QBITTORRENT = Implementation(
    name="QBittorrent",
    label="qBittorrent",
    contract="QBittorrentSettings",
    fields=(*HOST_FIELDS, Field("category", "Default Category", "prowlarr")),
    attributes={"enable": True, "priority": 1, "protocol": "torrent", "categories": [], "supportsCategories": True},
)
WEBHOOK = Implementation(
    name="Webhook",
    label="Webhook",
    contract="WebhookSettings",
    fields=(Field("url", "Webhook URL", type="url"), Field("method", "Method", 1, type="select")),
    attributes={
        "onGrab": False,
        "onHealthIssue": False,
        "onHealthRestored": False,
        "onApplicationUpdate": False,
        "includeManualGrabs": False,
        "includeHealthWarnings": False,
        "supportsOnGrab": True,
        "supportsOnHealthIssue": True,
        "supportsOnHealthRestored": True,
        "supportsOnApplicationUpdate": True,
    },
)
