"""Reading Real-Debrid's answers into the model, and its refusals into errors.

Source: api.real-debrid.com, REST 1.0; `list` of activeCount and the order of links as its other clients know them.
"""

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import orjson

from ..model.columnar import Columnar
from ..model.debrid import (
    ACCOUNT_CODES,
    LOGIN_CODES,
    THROTTLING_CODES,
    DebridAccount,
    DebridActive,
    DebridCode,
    DebridFile,
    DebridStatus,
    DebridTorrent,
    DebridTorrentInfo,
    DebridTraffic,
    DebridUnrestricted,
)
from .errors import BackendError, InvalidAuth, NotFound, NotTheApi, RateLimited, Refused, UnexpectedResponse
from .fields import Fields
from .http import Answer, error_of as usual_error, is_web_page, reason_of
from .json_walk import items

#: Statuses that are answers of the API itself, with its own number for what is wrong.
ANY_REFUSAL = frozenset(range(HTTPStatus.BAD_REQUEST, 600))
#: It cannot just now, rather than: it will not.
_FAILURES = frozenset({DebridCode.INTERNAL_ERROR, DebridCode.SERVICE_UNAVAILABLE})
#: What every torrent of a list has, whatever its status.
_OF_ALL = frozenset({"filename", "bytes", "status", "links"})


# --- refusals --------------------------------------------------------------------------------------------------------


def code_of(answer: Answer) -> int | None:
    """Return the `error_code` of a refusal, None where there is none."""
    try:
        body = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return None
    code = body.get("error_code") if isinstance(body, dict) else None
    return code if type(code) is int else None


def error_of(answer: Answer) -> BackendError:
    """Return the error that a refusal stands for, with Real-Debrid's number on it.

    Decided by status and number, never by the words. Only a wrong token is `InvalidAuth`: of an account that is locked
    or not paid for, no other token makes a better one, so that is `Refused` like anything else that it says no to.
    """
    code = code_of(answer)
    error = _error(answer, code)
    error.code = code
    return error


def _error(answer: Answer, code: int | None) -> BackendError:
    usual = usual_error(answer)
    if isinstance(usual, NotTheApi) or is_web_page(answer):  # of something between us and the API
        return usual
    reason = reason_of(answer)
    message = f"{answer.where}: {answer.status}{f' ({reason})' if reason else ''}"
    if code in THROTTLING_CODES or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        wait = usual.retry_after if isinstance(usual, RateLimited) else None
        return RateLimited(message, retry_after=wait, status=answer.status)
    if code in LOGIN_CODES or (answer.status == HTTPStatus.UNAUTHORIZED and code not in ACCOUNT_CODES):
        return InvalidAuth(message)
    if answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE} or code == DebridCode.RESOURCE_NOT_FOUND:
        return NotFound(message)
    if code in _FAILURES or (code is None and answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR):
        return usual if isinstance(usual, RateLimited) else UnexpectedResponse(message, status=answer.status)
    return Refused(message, status=answer.status)


# --- answers ---------------------------------------------------------------------------------------------------------


def read_account(data: Any) -> DebridAccount:
    """Read `/user`."""
    user = Fields(data, "user")
    premium = user.text("type") == "premium"
    return DebridAccount(
        id=user.whole("id"),
        username=user.text("username"),
        premium=premium,
        premium_seconds=max(0, user.whole("premium", 0)) if premium else 0,
        premium_until=user.moment("expiration") if premium and user.optional_text("expiration") else None,
        points=user.whole("points", 0),
    )


def read_traffic(data: Any) -> tuple[DebridTraffic, ...]:
    """Read `/traffic`: an object of hosters, or an empty list where none is limited."""
    if data == []:
        return ()
    hosts = Fields(data, "traffic")
    return tuple(_read_traffic(str(host), hosts.object(host)) for host in data)


def _read_traffic(host: str, fields: Fields) -> DebridTraffic:
    unit = fields.text("type", "")
    return DebridTraffic(
        host=host,
        left=fields.whole("left", 0),
        used=fields.whole("links" if unit == "links" else "bytes", 0),
        limit=fields.whole("limit", 0),
        unit=unit,
        reset=fields.text("reset", ""),
    )


def read_active(data: Any) -> DebridActive:
    """Read `/torrents/activeCount`."""
    active = Fields(data, "torrents/activeCount")
    return DebridActive(
        count=active.whole("nb"),
        limit=active.whole("limit"),
        hashes=tuple(each.lower() for each in active.texts("list")),
    )


def read_torrents(body: bytes | bytearray) -> tuple[Columnar[DebridTorrent], bool]:
    """Read a page of `/torrents`, one torrent at a time: a page of 5,000 is megabytes, and as many objects.

    Tell, too, whether each of them has all that is known to be said of any. Raises `UnexpectedResponse`.
    """
    rows: Iterator[Any] = items(body)
    full = True

    def read() -> Iterator[DebridTorrent]:
        nonlocal full
        for index, row in enumerate(rows):
            torrent = read_torrent(Fields(row, f"torrents[{index}]"))
            full = full and row.keys() >= _OF_ALL and torrent.status is not DebridStatus.UNKNOWN
            yield torrent

    try:
        torrents = Columnar(DebridTorrent, read())
    except ValueError as error:
        raise UnexpectedResponse("torrents: not a list in valid JSON") from error
    return torrents, full


def read_torrent(fields: Fields) -> DebridTorrent:
    """Read one torrent of a list."""
    added = fields.moment("added")
    if added is None:
        raise UnexpectedResponse("torrents: a torrent without the time when it was added")
    return DebridTorrent(
        id=fields.text("id"),
        hash=fields.text("hash").lower(),
        filename=fields.text("filename", ""),
        size_bytes=fields.whole("bytes", 0),
        status=fields.choice("status", DebridStatus),
        progress=fields.number("progress", 0.0),
        added_at=added,
        host=fields.text("host", ""),
        split_gigabytes=fields.whole("split", 0),
        links=fields.texts("links"),
        ended_at=fields.moment("ended") if fields.optional_text("ended") else None,
        download_rate=int(fields.number("speed")) if "speed" in fields else None,
        seeders=fields.optional_whole("seeders"),
    )


def read_info(data: Any) -> DebridTorrentInfo:
    """Read `/torrents/info/{id}`."""
    fields = Fields(data, "torrents/info")
    torrent = read_torrent(fields)
    return DebridTorrentInfo(
        torrent=torrent,
        original_filename=fields.text("original_filename", torrent.filename),
        original_size_bytes=fields.whole("original_bytes", torrent.size_bytes),
        files=tuple(
            DebridFile(
                id=file.whole("id"),
                path=file.text("path"),
                size_bytes=file.whole("bytes", 0),
                selected=bool(file.whole("selected", 0)),
            )
            for file in fields.objects("files")
        ),
    )


def read_unrestricted(data: Any) -> DebridUnrestricted:
    """Read `/unrestrict/link`."""
    fields = Fields(data, "unrestrict/link")
    return DebridUnrestricted(
        id=fields.text("id"),
        filename=fields.text("filename", ""),
        size_bytes=fields.whole("filesize", 0),
        link=fields.text("link"),
        host=fields.text("host", ""),
        download=fields.text("download"),
        mime_type=fields.text("mimeType", ""),
        chunks=fields.whole("chunks", 0),
        streamable=bool(fields.whole("streamable", 0)),
    )
