"""What can be set up in a Radarr or Sonarr, as it leaves the box: kinds of clients, indexers, notifications, lists."""

from collections.abc import Iterable
from typing import Any

from aiohttp import web

from .servarr_http import ApiError, Json, answer, id_of, object_of
from .servarr_providers import Field, Implementation

HOST_FIELDS = (
    Field("host", "Host", "localhost"),
    Field("port", "Port", 8080, type="number"),
    Field("useSsl", "Use SSL", value=False, type="checkbox"),
    Field("urlBase", "URL Base", type="textbox", advanced=True),
    Field("username", "Username", privacy="userName"),
    Field("password", "Password", type="password", privacy="password"),
)
_CLIENT = {"enable": True, "priority": 1, "removeCompletedDownloads": True, "removeFailedDownloads": True}


def download_clients(category: str, imported_category: str, default: str) -> tuple[Implementation, ...]:
    """Return the kinds of download clients; the names of the category fields differ between the applications."""
    label = category.removesuffix("Category").capitalize()
    categories = (
        Field(category, "Category", default),
        Field(imported_category, "Post-Import Category", advanced=True),
        Field(f"recent{label}Priority", "Recent Priority", 0, type="select", options=((0, "Last"), (1, "First"))),
        Field(f"older{label}Priority", "Older Priority", 0, type="select", options=((0, "Last"), (1, "First"))),
    )
    return (
        Implementation(
            name="QBittorrent",
            label="qBittorrent",
            contract="QBittorrentSettings",
            fields=(
                *HOST_FIELDS,
                *categories,
                Field("initialState", "Initial State", 0, type="select", options=((0, "Started"), (2, "Stopped"))),
                Field("sequentialOrder", "Sequential Order", value=False, type="checkbox"),
                Field("firstAndLast", "First and Last First", value=False, type="checkbox"),
            ),
            attributes=_CLIENT | {"protocol": "torrent"},
        ),
        Implementation(
            name="Sabnzbd",
            label="SABnzbd",
            contract="SabnzbdSettings",
            fields=(
                *HOST_FIELDS[:4],
                Field("apiKey", "API Key", privacy="apiKey"),
                *HOST_FIELDS[4:],
                Field(category, "Category", default),
            ),
            attributes=_CLIENT | {"protocol": "usenet"},
        ),
    )


def indexers(name: str, protocol: str, categories: list[int]) -> Implementation:
    """Return Torznab or Newznab."""
    return Implementation(
        name=name,
        label=name,
        contract=f"{name}Settings",
        fields=(
            Field("baseUrl", "URL"),
            Field("apiPath", "API Path", "/api", advanced=True),
            Field("apiKey", "API Key", privacy="apiKey"),
            Field("categories", "Categories", categories, type="select"),
            *(
                (Field("minimumSeeders", "Minimum Seeders", 1, type="number", advanced=True),)
                if protocol == "torrent"
                else ()
            ),
        ),
        attributes={
            "enableRss": True,
            "enableAutomaticSearch": True,
            "enableInteractiveSearch": True,
            "supportsRss": True,
            "supportsSearch": True,
            "protocol": protocol,
            "priority": 25,
            "downloadClientId": 0,
        },
    )


def webhook(flags: Iterable[str]) -> Implementation:
    """Return the notification that posts to a URL."""
    flags = tuple(flags)
    supports = {f"supports{flag[0].upper()}{flag[1:]}": True for flag in flags if flag != "includeHealthWarnings"}
    return Implementation(
        name="Webhook",
        label="Webhook",
        contract="WebhookSettings",
        fields=(
            Field("url", "Webhook URL", type="url"),
            Field("method", "Method", 1, type="select", options=((1, "POST"), (2, "PUT"))),
            Field("username", "Username", privacy="userName"),
            Field("password", "Password", type="password", privacy="password"),
            Field("headers", "Headers", [], type="keyValueList", advanced=True),
        ),
        attributes=dict.fromkeys(flags, False) | supports,
    )


class Settings:
    """One page of settings: `/config/{name}`."""

    def __init__(self, name: str, **values: Any) -> None:
        self.path = f"/config/{name}"
        self.values: Json = {"id": 1, **values}

    def routes(self) -> Iterable[web.RouteDef]:
        """Return its routes."""
        return (
            web.get(self.path, self._get),
            web.get(f"{self.path}/{{id:\\d+}}", self._get),
            web.put(f"{self.path}/{{id:\\d+}}", self._put),
        )

    async def _get(self, request: web.Request) -> web.Response:
        if "id" in request.match_info and id_of(request) != 1:
            raise ApiError.not_found()
        return answer(self.values)

    async def _put(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        self.values |= {name: body[name] for name in self.values if name in body}
        return answer(self.values, 202)


def media_management(kind: str) -> Settings:
    """Return the settings of files; `kind` is "Movies", or "Episodes" and "Series" where Sonarr says so."""
    folders = "Movie" if kind == "Movies" else "Series"
    only = (
        {"autoRenameFolders": False, "pathsDefaultStatic": False}
        if kind == "Movies"
        else {"episodeTitleRequired": "always"}
    )
    return Settings(
        "mediamanagement",
        **{f"autoUnmonitorPreviouslyDownloaded{kind}": False, f"createEmpty{folders}Folders": False},
        recycleBin="",
        recycleBinCleanupDays=7,
        downloadPropersAndRepacks="preferAndUpgrade",
        deleteEmptyFolders=False,
        fileDate="none",
        rescanAfterRefresh="always",
        setPermissionsLinux=False,
        chmodFolder="755",
        chownGroup="",
        skipFreeSpaceCheckWhenImporting=False,
        minimumFreeSpaceWhenImporting=100,
        copyUsingHardlinks=True,
        useScriptImport=False,
        scriptImportPath="",
        importExtraFiles=False,
        extraFileExtensions="srt",
        enableMediaInfo=True,
        **only,
    )


def download_handling(application: str) -> Settings:
    """Return the settings of what happens after a download."""
    interval = {"checkForFinishedDownloadInterval": 1} if application == "Radarr" else {}
    return Settings(
        "downloadclient",
        downloadClientWorkingFolders="_UNPACK_|_FAILED_",
        enableCompletedDownloadHandling=True,
        autoRedownloadFailed=True,
        autoRedownloadFailedFromInteractiveSearch=True,
        **interval,
    )
