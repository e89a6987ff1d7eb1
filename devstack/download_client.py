"""How the simulated *arr use a real (or simulated) qBittorrent: its web API, as much of it as they need.

It speaks to qBittorrent 4.5 to 5.3: login answers 200 with `Ok.` or `Fails.` before web API 2.14 and 204 or 401 from
then on, under changing cookie names; a session that ran out is a 403.
"""

from dataclasses import dataclass
from typing import Any

from aiohttp import ClientError, ClientResponse, ClientSession, FormData
import orjson

from .torrents import Magnet, TorrentFile

ETA_UNKNOWN = 8_640_000  # seconds


class DownloadClientError(Exception):
    """The download client can't be reached, or refused."""


class DownloadClientAuthError(DownloadClientError):
    """The download client doesn't accept the user or password."""


@dataclass(frozen=True, slots=True)
class TorrentState:
    """A torrent as the *arr see it. Sizes in bytes, times in seconds."""

    hash: str  # upper case, as the *arr write it
    name: str
    state: str  # qBittorrent's own word
    category: str
    size_bytes: int
    remaining_bytes: int
    eta_seconds: int | None
    ratio: float
    save_path: str
    content_path: str


class Qbittorrent:
    """A connection to one qBittorrent."""

    def __init__(self, session: ClientSession, url: str, username: str = "", password: str = "") -> None:
        self.session = session
        self.url = url.rstrip("/")
        self.username = username
        self.password = password
        self._cookie = ""

    async def _request(self, method: str, path: str, *, again: bool = True, **options: Any) -> bytes:
        headers = {"Cookie": self._cookie} if self._cookie else {}
        try:
            async with self.session.request(
                method, f"{self.url}/api/v2/{path}", headers=headers, allow_redirects=False, **options
            ) as response:
                if response.status in {401, 403} and again:
                    await self._log_in()
                    return await self._request(method, path, again=False, **options)
                body = await response.read()
                if response.status == 409:  # noqa: PLR2004 -- HTTP: already there, or nothing to do
                    return body
                if response.status >= 300:  # noqa: PLR2004 -- HTTP
                    raise DownloadClientError(
                        f"{path} answered {response.status}: {body[:200].decode(errors='replace')}"
                    )
                return body
        except (ClientError, TimeoutError, OSError) as error:
            raise DownloadClientError(f"{self.url}: {error!r}") from error

    async def _log_in(self) -> None:
        form = {"username": self.username, "password": self.password}
        async with self.session.post(f"{self.url}/api/v2/auth/login", data=form) as response:
            body = await response.read()
            if response.status in {401, 403} or body == b"Fails.":
                raise DownloadClientAuthError("Authentication failure")
            if response.status not in {200, 204}:
                raise DownloadClientError(f"auth/login answered {response.status}")
            self._cookie = _cookie(response)

    async def version(self) -> str:
        """Return the version of its web API."""
        return (await self._request("GET", "app/webapiVersion")).decode()

    async def preferences(self) -> dict[str, Any]:
        """Return its settings."""
        return dict(self._parse(await self._request("GET", "app/preferences")))

    async def torrents(self, category: str) -> list[TorrentState]:
        """Return the torrents of a category."""
        rows = self._parse(await self._request("GET", "torrents/info", params={"category": category}))
        try:
            return [_torrent(row) for row in rows]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DownloadClientError(f"torrents/info answered nonsense: {error!r}") from error

    @staticmethod
    def _parse(body: bytes) -> Any:
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise DownloadClientError(f"no JSON: {error}") from error

    async def add(self, torrent: bytes | str, *, category: str) -> str:
        """Add a torrent file or a magnet link; return its info hash in upper case."""
        await (self._ensure_category(category) if category else self.version())  # logs in: a form can't be sent twice
        form = FormData()
        form.add_field("category", category)
        if isinstance(torrent, str):
            form.add_field("urls", torrent)
        else:
            form.add_field("torrents", torrent, filename="release.torrent", content_type="application/x-bittorrent")
        await self._request("POST", "torrents/add", data=form())
        return info_hash(torrent)

    async def delete(self, torrent_hash: str, *, with_files: bool) -> None:
        """Remove a torrent."""
        await self._act("torrents/delete", hashes=torrent_hash.lower(), deleteFiles="true" if with_files else "false")

    async def set_category(self, torrent_hash: str, category: str) -> None:
        """Move a torrent to another category, made where it is missing."""
        await self._ensure_category(category)
        await self._act("torrents/setCategory", hashes=torrent_hash.lower(), category=category)

    async def _ensure_category(self, category: str) -> None:
        if category:
            await self._act("torrents/createCategory", category=category)

    async def _act(self, path: str, **form: str) -> None:
        await self._request("POST", path, data=form)


def _cookie(response: ClientResponse) -> str:
    return "; ".join(f"{name}={morsel.value}" for name, morsel in response.cookies.items())


def _torrent(row: dict[str, Any]) -> TorrentState:
    eta = int(row.get("eta", ETA_UNKNOWN))
    size = int(row.get("size", 0))
    return TorrentState(
        hash=str(row["hash"]).upper(),
        name=str(row["name"]),
        state=str(row["state"]),
        category=str(row.get("category", "")),
        size_bytes=max(size, 0),
        remaining_bytes=max(0, int(row.get("amount_left", size * (1 - row.get("progress", 0))))),
        eta_seconds=eta if 0 <= eta < ETA_UNKNOWN else None,
        ratio=float(row.get("ratio", 0)),
        save_path=str(row.get("save_path", "")),
        content_path=str(row.get("content_path", "")),
    )


def info_hash(torrent: bytes | str) -> str:
    """Return the info hash of a torrent file or magnet link in upper case, as *arr write it. Raises TorrentError."""
    parsed = Magnet.parse(torrent) if isinstance(torrent, str) else TorrentFile.parse(torrent)
    return parsed.hash.upper()
