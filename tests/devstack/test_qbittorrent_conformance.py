"""What qBittorrent's web API does, asked of simulated and real ones alike.

Where versions differ a test says so; a simulator that answers otherwise than the real one of its version fails here.
"""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from devstack.qbittorrent_versions import GENERATIONS
from devstack.torrents import info_hash, magnet_link, make_torrent

from .conftest import REAL, simulated_peer
from .qbittorrent_peers import PASSWORD, USERNAME, Content, Peer, RealBackend, Reply, content

UNKNOWN = "f" * 40
ETA_UNKNOWN = 8_640_000
FORBIDDEN = (403, "Forbidden")
PSEUDO_TRACKERS = ["** [DHT] **", "** [PeX] **", "** [LSD] **"]


def said(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.text


def empty(peer: Peer, *, since: tuple[int, ...] = (9,)) -> tuple[int, str]:
    """Return what an action without data answers: 204 from a version on for some, 200 else."""
    return (204, "") if peer.api >= since else (200, "")


# --- who may ask -----------------------------------------------------------------------------------------------------


async def test_right_login(peer: Peer) -> None:
    reply = await peer.log_in()
    assert said(reply) == ((204, "") if peer.modern else (200, "Ok."))
    cookie, *attributes = [part.strip() for part in reply.headers["Set-Cookie"].split(";")]
    name, _, value = cookie.partition("=")
    assert name == (f"QBT_SID_{peer.port}" if peer.modern else "SID")
    assert len(value) == 32
    expected = {"HttpOnly", "path=/", f"SameSite={'Lax' if peer.modern else 'Strict'}"}
    assert expected <= set(attributes)
    assert any(each.startswith("expires=") for each in attributes) is peer.modern
    assert said(await peer.ask("GET", "app/webapiVersion", cookie=cookie))[0] == 200


async def test_wrong_login(peer: Peer) -> None:
    for password in ("wrong", ""):
        reply = await peer.log_in(password=password)
        assert said(reply) == ((401, "Unauthorized") if peer.modern else (200, "Fails."))
        assert "Set-Cookie" not in reply.headers
    await peer.log_in()  # or five of these would lock us out


async def test_without_login(peer: Peer) -> None:
    asked = [
        ("GET", "torrents/info"), ("GET", "sync/maindata"), ("GET", "app/version"), ("POST", "torrents/delete"),
        ("GET", "torrents/nonsense"), ("GET", "nonsense/nonsense"), ("POST", "auth/logout"),
    ]  # fmt: skip
    for cookie in ("x=y", "SID=aaaa; QBT_SID_8080=aaaa"):
        answers = {each: said(await peer.ask(*each, cookie=cookie)) for each in asked}
        assert answers == dict.fromkeys(asked, FORBIDDEN)


async def test_login_is_posted(peer: Peer) -> None:
    assert said(await peer.ask("GET", "auth/login?username=a&password=b")) == (405, "Method Not Allowed")


async def test_login_within_a_session_is_not_looked_at(peer: Peer) -> None:
    reply = await peer.ask("POST", "auth/login", form={"username": "a", "password": "wrong"})
    assert said(reply) == ((204, "") if peer.modern else (200, "Ok."))
    assert "Set-Cookie" not in reply.headers


async def test_logout_ends_the_session(peer: Peer) -> None:
    assert said(await peer.post("auth/logout")) == (200, "")
    assert said(await peer.ask("GET", "app/version")) == FORBIDDEN


async def test_the_web_page_needs_no_login(peer: Peer) -> None:
    reply = await peer.ask("GET", "/", cookie="x=y")
    assert reply.status == 200
    assert reply.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("header", ["Origin", "Referer"])
async def test_requests_from_other_sites_are_refused(peer: Peer, header: str) -> None:
    url = peer.backend.url
    assert said(await peer.ask("GET", "app/version", headers={header: "http://elsewhere.example"}))[0] == 401
    assert said(await peer.ask("GET", "app/version", headers={header: f"http://127.0.0.1:{peer.port + 1}"}))[0] == 401
    assert said(await peer.ask("GET", "app/version", headers={header: url}))[0] == 200


async def test_host_header(peer: Peer) -> None:
    async def status(host: str) -> int:
        return (await peer.ask("GET", "app/version", headers={"Host": host})).status

    assert await status(f"elsewhere.example:{peer.port}") == 200
    assert await status(f"127.0.0.1:{peer.port + 1}") == 401


async def test_five_wrong_logins_lock_the_address_out(own_peer: Peer) -> None:
    peer = own_peer
    await peer.done("app/setPreferences", json=json.dumps({"web_ui_ban_duration": 1, "web_ui_session_timeout": 3600}))
    wrong = [said(await peer.log_in(password="wrong")) for _ in range(5)]
    assert set(wrong) == {(401, "Unauthorized") if peer.modern else (200, "Fails.")}
    banned = (403, "Your IP address has been banned after too many failed authentication attempts.")
    assert said(await peer.log_in()) == banned
    assert (await peer.ask("GET", "app/version")).status == 200  # a session that was there goes on

    async def right_again() -> bool:
        return (await peer.log_in()).status != 403

    assert await peer.eventually(right_again)


async def test_sessions_expire(own_peer: Peer) -> None:
    peer = own_peer
    await peer.done("app/setPreferences", json=json.dumps({"web_ui_session_timeout": 1}))
    await peer.enter()
    await peer.backend.pass_time(2.1)
    assert said(await peer.ask("GET", "app/version")) == FORBIDDEN


async def test_5_3_ends_the_session_that_is_not_used_for_longest(own_peer: Peer) -> None:
    peer = own_peer
    preferences = await peer.get("app/preferences")
    assert preferences.get("web_ui_sessions_count_limit") == (15 if peer.api >= (2, 16) else None)
    await peer.done("app/setPreferences", json=json.dumps({"web_ui_sessions_count_limit": 3}))
    cookies = [peer.cookie]
    cookies += [(await peer.log_in()).headers["Set-Cookie"].partition(";")[0] for _ in range(2)]
    assert (await peer.ask("GET", "app/version", cookie=cookies[0])).status == 200
    cookies += [(await peer.log_in()).headers["Set-Cookie"].partition(";")[0]]
    statuses = [(await peer.ask("GET", "app/version", cookie=cookie)).status for cookie in cookies]
    assert statuses == ([200, 403, 200, 200] if peer.api >= (2, 16) else [200] * 4)


async def test_api_key(own_peer: Peer) -> None:
    peer = own_peer
    if peer.api < (2, 14, 1):
        assert (await peer.post("app/rotateAPIKey")).status == 404
        return
    key = (await peer.post("app/rotateAPIKey")).json["apiKey"]
    assert (len(key), key[:4]) == (32, "qbt_")
    assert (await peer.get("app/preferences"))["web_ui_api_key"] == key

    async def ask(method: str, path: str, **headers: str) -> Reply:
        return await peer.ask(method, path, cookie="x=y", headers={"Authorization": f"Bearer {key}", **headers})

    assert (await ask("GET", "sync/maindata?rid=0")).json["full_update"] is True
    assert "full_update" not in (await ask("GET", "sync/maindata?rid=1")).json  # all requests share one session
    assert "Set-Cookie" not in (await ask("GET", "app/version")).headers
    assert (await ask("GET", "app/version", Origin="http://elsewhere.example")).status == 200
    assert (await ask("GET", "app/version", Host="127.0.0.1:1")).status == 401
    assert said(await ask("POST", "auth/login")) == FORBIDDEN
    assert said(await ask("POST", "auth/logout")) == FORBIDDEN
    assert (await ask("GET", "/")).status == 404
    assert said(await peer.post("app/deleteAPIKey")) == (204, "")
    assert said(await ask("GET", "app/version")) == FORBIDDEN


async def test_basic_authentication(own_peer: Peer) -> None:
    async def ask(login: str) -> Reply:
        header = f"Basic {base64.b64encode(login.encode()).decode()}"
        return await own_peer.ask("GET", "app/version", cookie="x=y", headers={"Authorization": header})

    right, wrong = await ask(f"{USERNAME}:{PASSWORD}"), await ask(f"{USERNAME}:wrong")
    if own_peer.api >= (2, 15):
        assert (right.status, said(wrong)) == (200, (401, "Unauthorized"))
        assert right.headers["Set-Cookie"].startswith(f"QBT_SID_{own_peer.port}=")  # a session for each such request
    else:
        assert (said(right), said(wrong)) == (FORBIDDEN, FORBIDDEN)


# --- what there is ---------------------------------------------------------------------------------------------------


async def test_versions(peer: Peer) -> None:
    assert await peer.get("app/webapiVersion") == ".".join(map(str, peer.api))
    version = await peer.get("app/version")
    expected = {(2, 8): "v4.5.2", (2, 11): "v5.0.5", (2, 15): "v5.2.3", (2, 16): "v5.3.0"}
    assert version == expected[peer.api[:2]]
    build = await peer.get("app/buildInfo")
    assert build["bitness"] == 64
    assert build["libtorrent"].startswith("2.0.")


async def test_actions_of_some_versions(peer: Peer) -> None:
    there = {
        "torrents/start": peer.stops, "torrents/stop": peer.stops, "torrents/resume": not peer.stops,
        "torrents/pause": not peer.stops, "torrents/setTags": peer.api >= (2, 11, 4),
        "app/rotateAPIKey": peer.api >= (2, 14, 1),
    }  # fmt: skip
    answers = {path: said(await peer.ask("GET", path)) for path in there}
    assert answers == {
        path: (405, "Method Not Allowed") if is_there else no_endpoint(peer) for path, is_there in there.items()
    }


def no_endpoint(peer: Peer) -> tuple[int, str]:
    return (404, "Endpoint does not exist" if peer.modern else "Not Found")


async def test_unknown_endpoints(peer: Peer) -> None:
    assert said(await peer.ask("GET", "torrents/nonsense")) == no_endpoint(peer)
    assert said(await peer.post("torrents/nonsense")) == no_endpoint(peer)
    assert said(await peer.ask("GET", "nonsense/nonsense")) == (404, "Not Found")


async def test_changes_are_posted(peer: Peer) -> None:
    paths = [
        "torrents/delete", "torrents/add", "torrents/setCategory", "torrents/addTags", "torrents/recheck",
        "torrents/reannounce", "torrents/addTrackers", "torrents/setLocation", "app/setPreferences",
        "transfer/setDownloadLimit", "transfer/toggleSpeedLimitsMode", "auth/logout",
    ]  # fmt: skip
    answers = {path: said(await peer.ask("GET", path)) for path in paths}
    assert answers == dict.fromkeys(paths, (405, "Method Not Allowed"))


async def test_reading_may_be_posted_too(peer: Peer) -> None:
    for path in ("torrents/info", "sync/maindata", "app/version", "transfer/info"):
        assert (await peer.post(path)).status == 200
    if peer.api < (2, 11) or peer.api >= (2, 16):  # what it is between was not seen
        assert said(await peer.ask("DELETE", "app/version")) == ((501, "") if peer.modern else (400, ""))


async def test_missing_parameters(peer: Peer) -> None:
    cases: dict[str, tuple[dict[str, str], str]] = {
        "torrents/delete": ({"hashes": UNKNOWN}, "deleteFiles"),
        "torrents/recheck": ({}, "hashes"),
        "torrents/setCategory": ({"hashes": UNKNOWN}, "category"),
        "torrents/addTags": ({"hashes": UNKNOWN}, "tags"),
        "torrents/filePrio": ({"hash": UNKNOWN}, "id, priority"),
        "torrents/createCategory": ({}, "category"),
        "torrents/removeCategories": ({}, "categories"),
        "torrents/setForceStart": ({"hashes": UNKNOWN}, "value"),
        "torrents/setDownloadLimit": ({"hashes": UNKNOWN}, "limit"),
        "transfer/setDownloadLimit": ({}, "limit"),
        "transfer/setSpeedLimitsMode": ({}, "mode"),
        "app/setPreferences": ({}, "json"),
        "torrents/properties": ({}, "hash"),
    }
    answers = {path: said(await peer.post(path, **form)) for path, (form, _) in cases.items()}
    assert answers == {
        path: (400, f"Missing required parameters: {missing}" if peer.modern else "Bad Request")
        for path, (_, missing) in cases.items()
    }


async def test_reading_an_unknown_torrent(peer: Peer) -> None:
    for unknown in (UNKNOWN, "zz"):
        for path in ("properties", "trackers", "files", "webseeds", "pieceStates", "export"):
            reply = await peer.ask("GET", f"torrents/{path}", params={"hash": unknown})
            assert said(reply) == (404, "Not Found"), path


async def test_unknown_torrents_among_several_are_ignored(peer: Peer) -> None:
    forms = {
        "recheck": {}, "reannounce": {}, "delete": {"deleteFiles": "false"}, "setCategory": {"category": "none"},
        "addTags": {"tags": "unseen"}, "setDownloadLimit": {"limit": "1"}, "setForceStart": {"value": "true"},
    }  # fmt: skip
    for path, form in forms.items():
        reply = await peer.post(f"torrents/{path}", hashes=f"{UNKNOWN}|zz", **form)
        assert said(reply) == (200, ""), path
    assert await peer.get("torrents/tags") == []


# --- maindata --------------------------------------------------------------------------------------------------------


async def changes(peer: Peer, response_id: int) -> dict[str, Any]:
    """Return a delta without what changes by itself."""
    delta: dict[str, Any] = await peer.get("sync/maindata", rid=response_id)
    delta.pop("server_state", None)
    return delta


async def settled(peer: Peer, torrent: Content) -> int:
    """Return the number of an answer after which a stopped torrent has no news."""
    answer = await changes(peer, 0)

    async def quiet() -> int | None:
        nonlocal answer
        answer = await changes(peer, answer["rid"])
        return None if torrent.hash in answer.get("torrents", {}) else answer["rid"]

    return await peer.eventually(quiet)


async def test_the_first_answer_is_everything(peer: Peer) -> None:
    await peer.enter()
    torrent = content("first.mkv")
    await peer.add_stopped(torrent, category="radarr")
    answer = await peer.get("sync/maindata")
    assert answer["full_update"] is True
    assert answer["rid"] == 1
    assert list(answer["torrents"]) == [torrent.hash]
    assert "hash" not in answer["torrents"][torrent.hash]
    assert answer["categories"]["radarr"]["savePath"] == ""
    assert "torrents_removed" not in answer
    assert {"connection_status", "free_space_on_disk", "dl_info_speed"} <= answer["server_state"].keys()


async def test_what_there_is_none_of(peer: Peer) -> None:
    await peer.enter()
    answer = await peer.get("sync/maindata")
    lists = {"torrents": {}, "categories": {}, "tags": [], "trackers": {}}
    shown = {name: answer[name] for name in lists if name in answer}
    assert shown == ({} if peer.stops else lists)


async def test_nothing_new(peer: Peer) -> None:
    torrent = content("quiet.mkv")
    await peer.add_stopped(torrent)
    response_id = await settled(peer, torrent)
    assert await changes(peer, response_id) == {"rid": response_id + 1}


async def test_only_what_changed(peer: Peer) -> None:
    torrent = content("changed.mkv")
    await peer.add_stopped(torrent)
    response_id = await settled(peer, torrent)
    await peer.done("torrents/setDownloadLimit", hashes=torrent.hash, limit=4096)

    async def told() -> dict[str, Any] | None:
        return (await changes(peer, response_id)).get("torrents")

    assert await peer.eventually(told) == {torrent.hash: {"dl_limit": 4096}}


async def test_unacknowledged_changes_are_sent_again(peer: Peer) -> None:
    torrent = content("again.mkv")
    await peer.add_stopped(torrent)
    response_id = await settled(peer, torrent)

    async def told(**expected: int) -> dict[str, Any] | None:
        delta = (await changes(peer, response_id)).get("torrents", {}).get(torrent.hash, {})
        return delta if expected.items() <= delta.items() else None

    await peer.done("torrents/setDownloadLimit", hashes=torrent.hash, limit=4096)
    assert await peer.eventually(lambda: told(dl_limit=4096)) == {"dl_limit": 4096}
    await peer.done("torrents/setUploadLimit", hashes=torrent.hash, limit=8192)
    newer = await peer.eventually(lambda: told(up_limit=8192))
    loses_older = (2, 11, 4) <= peer.api < (2, 16)
    assert newer == ({"up_limit": 8192} if loses_older else {"dl_limit": 4096, "up_limit": 8192})
    answer = await changes(peer, response_id)
    assert await changes(peer, answer["rid"]) == {"rid": answer["rid"] + 1}


@pytest.mark.parametrize("response_id", ["0", "-1", "words", "4711"])
async def test_other_numbers_get_everything(peer: Peer, response_id: str) -> None:
    await peer.enter()
    first = await peer.get("sync/maindata")
    second = await peer.get("sync/maindata", rid=first["rid"])
    assert "full_update" not in second
    answer = await peer.get("sync/maindata", rid=response_id)
    assert answer["full_update"] is True
    starts_anew = not peer.stops and response_id != "4711"
    assert answer["rid"] == (1 if starts_anew else 3)


async def test_an_older_number_gets_everything(peer: Peer) -> None:
    ids = [0]
    for _ in range(3):
        ids.append((await peer.get("sync/maindata", rid=ids[-1]))["rid"])
    assert (await peer.get("sync/maindata", rid=ids[1]))["full_update"] is True


async def test_sessions_do_not_disturb_each_other(peer: Peer) -> None:
    mine = (await peer.get("sync/maindata"))["rid"]
    other = (await peer.log_in()).headers["Set-Cookie"].partition(";")[0]
    foreign = await peer.ask("GET", "sync/maindata", params={"rid": 1}, cookie=other)
    assert foreign.json["full_update"] is True
    assert "full_update" not in await peer.get("sync/maindata", rid=mine)


async def test_torrents_that_come_and_go(peer: Peer) -> None:
    torrent, later = content("goes.mkv"), content("comes.mkv")
    await peer.add_stopped(torrent)
    response_id = await settled(peer, torrent)
    await peer.done("torrents/delete", hashes=torrent.hash, deleteFiles="false")
    await peer.add_stopped(later)

    async def told() -> dict[str, Any] | None:
        delta = await changes(peer, response_id)
        return delta if "torrents_removed" in delta and later.hash in delta.get("torrents", {}) else None

    delta = await peer.eventually(told)
    assert delta["torrents_removed"] == [torrent.hash]
    assert delta["torrents"][later.hash].keys() == (await full_torrent(peer, later)).keys()


async def full_torrent(peer: Peer, torrent: Content) -> dict[str, Any]:
    result: dict[str, Any] = (await peer.get("sync/maindata"))["torrents"][torrent.hash]
    return result


async def test_categories_and_tags_that_come_and_go(peer: Peer) -> None:
    response_id = (await peer.get("sync/maindata"))["rid"]
    await peer.done("torrents/createCategory", category="tv", savePath="/a")
    await peer.done("torrents/createTags", tags="seen")
    delta = await changes(peer, response_id)
    assert delta["categories"]["tv"].items() >= {"name": "tv", "savePath": "/a"}.items()
    assert delta["tags"] == ["seen"]
    await peer.done("torrents/editCategory", category="tv", savePath="/b")
    delta = await changes(peer, delta["rid"])
    assert delta["categories"] == {"tv": {"savePath": "/b"}}
    await peer.done("torrents/removeCategories", categories="tv")
    await peer.done("torrents/deleteTags", tags="seen")
    delta = await changes(peer, delta["rid"])
    assert delta == {"rid": delta["rid"], "categories_removed": ["tv"], "tags_removed": ["seen"]}


async def test_trackers_that_come_and_go(peer: Peer) -> None:
    url = "http://127.0.0.1:7/announce"
    torrent = content("tracked.mkv")
    await peer.add_stopped(torrent)
    response_id = await settled(peer, torrent)
    await peer.done("torrents/addTrackers", hash=torrent.hash, urls=url)

    async def told() -> dict[str, Any] | None:
        delta = await changes(peer, response_id)
        return delta if "trackers" in delta or "trackers_removed" in delta else None

    delta = await peer.eventually(told)
    assert delta["trackers"] == {url: [torrent.hash]}
    response_id = delta["rid"]
    await peer.done("torrents/removeTrackers", hash=torrent.hash, urls=url)
    assert (await peer.eventually(told))["trackers_removed"] == [url]


# --- adding ----------------------------------------------------------------------------------------------------------


def added(peer: Peer, *hashes: str, failed: int = 0) -> Any:
    if not peer.modern:
        return "Ok."
    counts = {"failure_count": failed, "pending_count": 0, "success_count": len(hashes)}
    return {"added_torrent_ids": list(hashes), **counts}


def not_added(peer: Peer) -> tuple[int, str]:
    return (409, "Conflict") if peer.modern else (200, "Fails.")


async def test_adding_a_file(peer: Peer) -> None:
    torrent = content("added.mkv", 300_000)
    reply = await peer.add(torrent, category="radarr", tags="4k,new", **{peer.stopped: "true"})
    assert reply.status == 200
    assert (reply.json if peer.modern else reply.text) == added(peer, torrent.hash)
    shown = await peer.until(torrent, {f"{peer.stopped}DL"})
    expected = {
        "name": "added.mkv", "category": "radarr", "tags": "4k, new", "size": 300_000, "total_size": 300_000,
        "amount_left": 300_000, "progress": 0, "save_path": peer.backend.download_dir, "eta": ETA_UNKNOWN,
        "content_path": f"{peer.backend.download_dir}/added.mkv", "trackers_count": 1, "auto_tmm": False,
        "completion_on": -1 if peer.stops else 0, "ratio": 0, "num_seeds": 0, "infohash_v1": torrent.hash,
    }  # fmt: skip
    assert {name: shown[name] for name in expected} == expected
    assert set(await peer.get("torrents/categories")) == {"radarr"}
    assert sorted(await peer.get("torrents/tags")) == ["4k", "new"]


async def test_spaces_around_the_tags_of_an_added_torrent(own_peer: Peer) -> None:
    await own_peer.add_stopped(content("spaces.mkv"), tags="a, b")
    kept = await own_peer.get("torrents/tags")
    assert sorted(kept) == (["a", "b"] if own_peer.stops else [" b", "a"])


async def test_adding_it_again(peer: Peer) -> None:
    torrent = content("twice.mkv")
    await peer.add_stopped(torrent)
    assert said(await peer.add(torrent)) == not_added(peer)
    assert said(await peer.post("torrents/add", urls=torrent.magnet)) == not_added(peer)
    assert len(await peer.get("torrents/info")) == 1


async def test_adding_with_options(peer: Peer) -> None:
    torrent = content("options.mkv")
    await peer.add_stopped(
        torrent, rename="Another name", dlLimit="1000", upLimit="500", sequentialDownload="true",
        firstLastPiecePrio="true", savepath=f"{peer.backend.download_dir}/elsewhere",
    )  # fmt: skip
    shown = await peer.info(torrent)
    expected = {
        "name": "Another name", "dl_limit": 1000, "up_limit": 500, "seq_dl": True, "f_l_piece_prio": True,
        "save_path": f"{peer.backend.download_dir}/elsewhere",
    }  # fmt: skip
    assert {name: shown[name] for name in expected} == expected


async def test_adding_nothing(peer: Peer) -> None:
    for urls in ("", "nonsense", "magnet:?xt=urn:btih:bad"):
        assert said(await peer.post("torrents/add", urls=urls)) == not_added(peer)


async def test_adding_what_is_no_torrent(peer: Peer) -> None:
    reply = await peer.add(Content("x", "", b"garbage", ""))
    assert said(reply) == (415, "Error: 'a.torrent' is not a valid torrent file.")


async def test_adding_a_link_says_nothing_of_its_end(peer: Peer) -> None:
    reply = await peer.post("torrents/add", urls="http://127.0.0.1:9/x.torrent")
    if peer.modern:
        pending = {"added_torrent_ids": [], "failure_count": 0, "pending_count": 1, "success_count": 0}
        assert (reply.status, reply.json) == (202, pending)
    else:
        assert said(reply) == (200, "Ok.")


async def test_adding_a_magnet(peer: Peer) -> None:
    torrent = Content("nobody has me", "ab" * 20, b"", "magnet:?xt=urn:btih:" + "AB" * 20 + "&dn=nobody+has+me")
    reply = await peer.post("torrents/add", urls=torrent.magnet)
    assert (reply.json if peer.modern else reply.text) == added(peer, torrent.hash)
    shown = await peer.until(torrent, {"metaDL"})
    expected = {"name": "nobody has me", "size": 0, "total_size": -1, "progress": 0, "amount_left": 0,
                "content_path": "", "tracker": "", "eta": ETA_UNKNOWN, "availability": 0}  # fmt: skip
    assert {name: shown[name] for name in expected} == expected
    if peer.stops:
        assert (shown["private"], shown["has_metadata"]) == (None, False)
    assert await peer.get("torrents/files", hash=torrent.hash) == []
    assert await peer.get("torrents/pieceStates", hash=torrent.hash) == []
    properties = await peer.get("torrents/properties", hash=torrent.hash)
    assert {name: properties[name] for name in ("total_size", "pieces_num", "piece_size", "is_private")} == {
        "total_size": -1, "pieces_num": -1, "piece_size": -1, "is_private": False,
    }  # fmt: skip
    export = await peer.ask("GET", "torrents/export", params={"hash": torrent.hash})
    assert said(export) == (409, "Unable to export torrent file. Error: Missing metadata")
    await peer.done(f"torrents/{'stop' if peer.stops else 'pause'}", hashes=torrent.hash)
    await peer.until(torrent, {f"{peer.stopped}DL"})


async def test_a_private_torrent(peer: Peer) -> None:
    torrent = content("private.mkv", private=True)
    await peer.add_stopped(torrent)
    assert (await peer.get("torrents/properties", hash=torrent.hash))["is_private"] is True
    if peer.stops:
        assert (await peer.info(torrent))["private"] is True
    pseudo = (await peer.get("torrents/trackers", hash=torrent.hash))[:3]
    assert {(row["status"], row["msg"]) for row in pseudo} == {(0, "This torrent is private")}


async def test_export_is_the_file_that_was_added(peer: Peer) -> None:
    torrent = content("export.mkv")
    await peer.add_stopped(torrent)
    reply = await peer.ask("GET", "torrents/export", params={"hash": torrent.hash})
    assert reply.status == 200
    kind = "application/x-bittorrent" if peer.stops else "text/plain"
    assert reply.headers["Content-Type"].partition(";")[0] == kind
    assert "4:name10:export.mkv" in reply.text


# --- states ----------------------------------------------------------------------------------------------------------


async def test_downloading_to_the_end(peer: Peer) -> None:
    torrent = peer.backend.whole
    await peer.add(torrent)
    await peer.find_seeders(torrent)
    shown = await peer.until(torrent, {"stalledUP", "uploading"})
    assert (shown["progress"], shown["amount_left"], shown["completed"]) == (1, 0, shown["size"])
    assert shown["completion_on"] >= shown["added_on"] > 1_500_000_000

    async def counted() -> bool:
        return bool((await peer.info(torrent))["downloaded"] >= shown["size"])

    assert await peer.eventually(counted)
    assert (shown["eta"], shown["priority"]) == (ETA_UNKNOWN, 0)
    files = await peer.get("torrents/files", hash=torrent.hash)
    assert [(file["name"], file["progress"], file["is_seed"]) for file in files] == [(torrent.name, 1, True)]


async def test_downloading_stopping_and_starting_again(peer: Peer) -> None:
    stop, start = ("stop", "start") if peer.stops else ("pause", "resume")
    torrent = peer.backend.slow
    await peer.add(torrent)
    await peer.find_seeders(torrent)

    async def moves() -> dict[str, Any] | None:
        shown = await peer.info(torrent)
        return shown if shown["state"] == "downloading" and shown["progress"] > 0 else None

    shown = await peer.eventually(moves)
    assert shown["dlspeed"] > 0
    assert 0 < shown["eta"] < ETA_UNKNOWN
    assert shown["num_seeds"] == 1
    assert 0 < shown["amount_left"] < shown["size"]
    assert said(await peer.post(f"torrents/{stop}", hashes=torrent.hash)) == (200, "")
    shown = await peer.until(torrent, {f"{peer.stopped}DL"})

    async def still() -> dict[str, Any] | None:
        shown = await peer.info(torrent)
        return shown if shown["dlspeed"] == 0 else None

    shown = await peer.eventually(still)
    assert shown["eta"] == ETA_UNKNOWN
    assert said(await peer.post(f"torrents/{start}", hashes="all")) == (200, "")
    await peer.find_seeders(torrent)
    again = await peer.eventually(moves)
    assert again["progress"] >= shown["progress"]


async def test_nobody_sends(peer: Peer) -> None:
    torrent = content("alone.mkv")
    await peer.add(torrent)
    shown = await peer.until(torrent, {"stalledDL"})
    await peer.backend.pass_time(1)
    shown = await peer.info(torrent)
    assert shown["state"] == "stalledDL"
    assert (shown["eta"], shown["availability"], shown["num_seeds"]) == (ETA_UNKNOWN, 0, 0)
    assert shown["seen_complete"] == (-1 if peer.stops else 0)


async def test_a_folder_that_cannot_be_written(peer: Peer) -> None:
    torrent = content("blocked.mkv")
    await peer.add(torrent, savepath=f"{peer.backend.blocked}/in", autoTMM="false")
    shown = await peer.until(torrent, {"error"})
    assert (shown["progress"], shown["dlspeed"]) == (0, 0)


async def test_missing_files(own_peer: Peer) -> None:
    peer, torrent = own_peer, content("lost.mkv")
    await own_complete(peer, torrent)
    await peer.backend.lose_files(torrent)
    await peer.enter()
    shown = await peer.until(torrent, {"missingFiles"})
    assert shown["name"] == "lost.mkv"
    errored = await peer.get("torrents/info", filter="errored")
    assert [each["hash"] for each in errored] == [torrent.hash]
    stop, stopped = ("stop", "stopped") if peer.stops else ("pause", "paused")
    assert await peer.get("torrents/info", filter=stopped) == []
    await peer.done(f"torrents/{stop}", hashes=torrent.hash)
    assert [each["state"] for each in await peer.get("torrents/info", filter=stopped)] == ["missingFiles"]


async def own_complete(peer: Peer, torrent: Content) -> None:
    """Add a torrent whose content is there already."""
    await peer.backend.put_content(torrent)
    await peer.add(torrent, skip_checking="true", seedMode="true")
    await peer.until(torrent, {"stalledUP"})


async def test_force_start(peer: Peer) -> None:
    torrent = content("forced.mkv")
    await peer.add_stopped(torrent)
    await peer.done("torrents/setForceStart", hashes=torrent.hash, value="true")
    assert (await peer.until(torrent, {"forcedDL"}))["force_start"] is True
    await peer.done(f"torrents/{'stop' if peer.stops else 'pause'}", hashes=torrent.hash)
    assert (await peer.until(torrent, {f"{peer.stopped}DL"}))["force_start"] is False  # what is stopped isn't forced
    await peer.done("torrents/setForceStart", hashes=torrent.hash, value="false")
    assert (await peer.until(torrent, {"stalledDL"}))["force_start"] is False  # no force, but a start


async def test_super_seeding(peer: Peer) -> None:
    torrent = content("super.mkv")
    await peer.add_stopped(torrent)
    await peer.done("torrents/setSuperSeeding", hashes=torrent.hash, value="true")
    await peer.shows(torrent, super_seeding=True)
    await peer.done("torrents/recheck", hashes=torrent.hash)
    await peer.shows(torrent, super_seeding=False)


async def test_recheck_of_a_complete_torrent(peer: Peer) -> None:
    torrent = content("checked.mkv")
    await own_complete(peer, torrent)
    assert said(await peer.post("torrents/recheck", hashes=torrent.hash)) == (200, "")
    await peer.backend.pass_time(0.6)
    assert (await peer.until(torrent, {"stalledUP"}))["progress"] == 1


async def test_the_queue(peer: Peer) -> None:
    first, second = content("queue1.mkv"), content("queue2.mkv")
    chosen = {"queueing_enabled": True, "max_active_downloads": 1, "dont_count_slow_torrents": False}
    await peer.done("app/setPreferences", json=json.dumps(chosen))
    await peer.add(first)
    await peer.until(first, {"stalledDL"})
    await peer.add(second)
    waiting = await peer.until(second, {"queuedDL"})
    assert waiting["priority"] == 2
    await peer.done("torrents/topPrio", hashes=second.hash)
    assert (await peer.until(second, {"stalledDL"}))["priority"] == 1
    assert (await peer.until(first, {"queuedDL"}))["priority"] == 2


async def test_the_queue_is_off(peer: Peer) -> None:
    for name in ("topPrio", "bottomPrio", "increasePrio", "decreasePrio"):
        assert said(await peer.post(f"torrents/{name}", hashes=UNKNOWN)) == (409, "Torrent queueing must be enabled")


# --- acting on torrents ----------------------------------------------------------------------------------------------


async def test_delete(peer: Peer) -> None:
    torrent = content("deleted.mkv")
    await peer.add_stopped(torrent)
    assert said(await peer.post("torrents/delete", hashes=torrent.hash, deleteFiles="true")) == (200, "")

    async def gone() -> bool:
        return not await peer.get("torrents/info")

    assert await peer.eventually(gone)


async def test_setting_a_category(peer: Peer) -> None:
    torrent = content("category.mkv")
    await peer.add_stopped(torrent, category="radarr")
    refused = await peer.post("torrents/setCategory", hashes=torrent.hash, category="unknown")
    assert said(refused) == (409, "Incorrect category name")
    assert said(await peer.post("torrents/setCategory", hashes=torrent.hash, category="")) == (200, "")
    assert (await peer.info(torrent))["category"] == ""
    await peer.done("torrents/setCategory", hashes=torrent.hash, category="radarr")
    assert (await peer.info(torrent))["category"] == "radarr"
    await peer.done("torrents/removeCategories", categories="radarr")
    assert (await peer.info(torrent))["category"] == ""


async def test_automatic_management_follows_the_category(peer: Peer) -> None:
    torrent = content("managed.mkv")
    await own_complete(peer, torrent)
    root = peer.backend.download_dir
    await peer.done("torrents/createCategory", category="movies", savePath=f"{root}/films")
    await peer.done("torrents/createCategory", category="tv")
    await peer.done("torrents/setCategory", hashes=torrent.hash, category="movies")
    assert (await peer.info(torrent))["save_path"] == root
    await peer.done("torrents/setAutoManagement", hashes=torrent.hash, enable="true")
    await peer.shows(torrent, save_path=f"{root}/films", content_path=f"{root}/films/managed.mkv", state="stalledUP")
    await peer.done("torrents/setCategory", hashes=torrent.hash, category="tv")
    await peer.shows(torrent, save_path=f"{root}/tv", content_path=f"{root}/tv/managed.mkv", state="stalledUP")
    await peer.done("torrents/setAutoManagement", hashes=torrent.hash, enable="false")
    await peer.done("torrents/setCategory", hashes=torrent.hash, category="movies")
    await peer.backend.pass_time(0.6)
    await peer.shows(torrent, save_path=f"{root}/tv", category="movies", state="stalledUP")
    await peer.done("torrents/setAutoManagement", hashes=torrent.hash, enable="true")
    await peer.shows(torrent, save_path=f"{root}/films", state="stalledUP")
    await peer.done("torrents/removeCategories", categories="movies")
    await peer.shows(torrent, save_path=root, category="", auto_tmm=True, state="stalledUP")


async def test_category_names(peer: Peer) -> None:
    expected = {
        "tv": (200, ""), "a/b": (200, ""), " spaced": (200, ""), "": (400, "Category cannot be empty"),
        "bad//x": (409, "Incorrect category name"), "/bad": (409, "Incorrect category name"),
        "bad/": (409, "Incorrect category name"), "back\\slash": (409, "Incorrect category name"),
    }  # fmt: skip
    assert {name: said(await peer.post("torrents/createCategory", category=name)) for name in expected} == expected


async def test_categories(peer: Peer) -> None:
    await peer.done("torrents/createCategory", category="tv", savePath="/a")
    assert said(await peer.post("torrents/createCategory", category="tv")) == (409, "Unable to create category")
    edit = {"category": "tv", "savePath": "/b"}
    assert said(await peer.post("torrents/editCategory", **edit)) == (200, "")
    unchanged = (200, "") if peer.modern else (409, "Unable to edit category")
    assert said(await peer.post("torrents/editCategory", **edit)) == unchanged
    unknown = (404, "Category does not exist") if peer.modern else (409, "Unable to edit category")
    assert said(await peer.post("torrents/editCategory", category="no", savePath="/b")) == unknown
    assert (await peer.get("torrents/categories"))["tv"]["savePath"] == "/b"
    assert said(await peer.post("torrents/removeCategories", categories="tv\nnever")) == (200, "")
    assert await peer.get("torrents/categories") == {}


async def test_tags(peer: Peer) -> None:
    torrent = content("tags.mkv")
    await peer.add_stopped(torrent)

    async def tags() -> list[str]:
        return sorted(filter(None, (await peer.info(torrent))["tags"].split(", ")))

    await peer.done("torrents/addTags", hashes=torrent.hash, tags="x,y z, w ")
    assert await tags() == ["w", "x", "y z"]
    await peer.done("torrents/removeTags", hashes=torrent.hash, tags="x")
    assert await tags() == ["w", "y z"]
    await peer.done("torrents/deleteTags", tags="w")
    assert await tags() == ["y z"]
    await peer.done("torrents/removeTags", hashes=torrent.hash, tags="")
    assert await tags() == []
    assert sorted(await peer.get("torrents/tags")) == ["x", "y z"]
    reply = await peer.post("torrents/setTags", hashes=torrent.hash, tags="one,two")
    if peer.api >= (2, 11, 4):
        assert said(reply) == (204, "")
        assert await tags() == ["one", "two"]
    else:
        assert said(reply) == (404, "Not Found")


async def test_trackers(peer: Peer) -> None:
    torrent = content("trackers.mkv", announce="http://127.0.0.1:9/announce")
    await peer.add_stopped(torrent)
    silent = empty(peer, since=(2, 11, 8))

    async def rows() -> list[tuple[str, int]]:
        listed = await peer.get("torrents/trackers", hash=torrent.hash)
        assert [row["url"] for row in listed[:3]] == PSEUDO_TRACKERS
        assert {row["tier"] for row in listed[:3]} == {-1}
        return sorted((row["url"], row["tier"]) for row in listed[3:])

    first, second, third = "http://127.0.0.1:9/announce", "udp://127.0.0.1:9/a", "http://127.0.0.1:7/announce"
    assert await rows() == [(first, 0)]
    urls = f"{first}\n{second}\n\n{third}"
    assert said(await peer.post("torrents/addTrackers", hash=torrent.hash, urls=urls)) == silent
    assert await rows() == sorted([(first, 0), (second, 0), (third, 1)])
    new = "http://127.0.0.1:8/announce"
    both = {"hash": torrent.hash, "origUrl": third, "url": third}
    assert said(await peer.post("torrents/editTracker", **both, newUrl=second)) == (
        409, "New tracker URL already exists",
    )  # fmt: skip
    assert said(await peer.post("torrents/editTracker", **both, newUrl="")) == (400, "New tracker URL is invalid")
    assert said(await peer.post("torrents/editTracker", **both, newUrl=new)) == silent
    assert said(await peer.post("torrents/editTracker", **both, newUrl=new + "2")) == (409, "Tracker not found")
    assert await rows() == sorted([(first, 0), (second, 0), (new, 1)])
    gone = {"hash": torrent.hash, "urls": f"{second}|{new}|http://no"}
    assert said(await peer.post("torrents/removeTrackers", **gone)) == silent
    assert await rows() == [(first, 0)]
    unknown = silent if peer.api >= (2, 11, 9) else (404, "Not Found")
    assert said(await peer.post("torrents/removeTrackers", hash=UNKNOWN, urls=first)) == unknown
    assert said(await peer.post("torrents/addTrackers", hash=UNKNOWN, urls=first)) == unknown


async def test_editing_a_tracker_has_another_parameter_since_5_2(peer: Peer) -> None:
    torrent = content("edit.mkv")
    await peer.add_stopped(torrent)
    old = {"hash": torrent.hash, "origUrl": "http://127.0.0.1:9/announce", "newUrl": "http://127.0.0.1:8/announce"}
    new = {"url" if name == "origUrl" else name: value for name, value in old.items()}
    refused, taken = (old, new) if peer.modern else (new, old)
    text = "Missing required parameters: url" if peer.modern else "Bad Request"
    assert said(await peer.post("torrents/editTracker", **refused)) == (400, text)
    assert said(await peer.post("torrents/editTracker", **taken)) == empty(peer, since=(2, 11, 8))


async def test_a_tracker_that_does_not_answer(peer: Peer) -> None:
    torrent = content("deaf.mkv")
    await peer.add(torrent)
    await peer.until(torrent, {"stalledDL"})

    async def judged() -> dict[str, Any] | None:
        row: dict[str, Any] = (await peer.get("torrents/trackers", hash=torrent.hash))[3]
        return row if row["status"] not in {1, 3} else None

    row = await peer.eventually(judged)
    assert (row["status"], row["msg"], row["num_seeds"]) == (4, "Connection refused", -1)


async def test_file_priorities(peer: Peer) -> None:
    torrent = several_files()
    await peer.add_stopped(torrent)
    files = await peer.get("torrents/files", hash=torrent.hash)
    assert [(file["index"], file["name"], file["size"], file["priority"]) for file in files] == [
        (0, "pack/a.mkv", 200_000, 1),
        (1, "pack/b.mkv", 100_000, 1),
    ]
    shown = await peer.info(torrent)
    assert shown["content_path"] == f"{peer.backend.download_dir}/pack"
    assert shown.get("root_path", shown["content_path"]) == shown["content_path"]
    reply = await peer.post("torrents/filePrio", hash=torrent.hash, id="1", priority="0")
    assert said(reply) == (200, "")

    async def smaller() -> dict[str, Any] | None:
        shown = await peer.info(torrent)
        return shown if shown["size"] < 300_000 else None

    shown = await peer.eventually(smaller)
    pieces = 4 * 65_536  # the last of them holds the start of the other file too
    assert (shown["total_size"], shown["size"], shown["amount_left"]) == (300_000, pieces, pieces)


def several_files() -> Content:
    torrent = make_torrent({"a.mkv": b"a" * 200_000, "b.mkv": b"b" * 100_000}, name="pack")
    return Content("pack", info_hash(torrent), torrent, magnet_link(info_hash(torrent), "pack"))


async def test_file_priorities_that_are_refused(peer: Peer) -> None:
    torrent = content("priorities.mkv")
    await peer.add_stopped(torrent)
    expected = {
        ("5", "1"): (409, "File ID is not valid"), ("0", "3"): (400, "Priority is not valid"),
        ("x", "1"): (400, "File IDs must be integers"), ("0", "y"): (400, "Priority must be an integer"),
    }  # fmt: skip
    for (index, priority), refusal in expected.items():
        reply = await peer.post("torrents/filePrio", hash=torrent.hash, id=index, priority=priority)
        assert said(reply) == refusal


async def test_limits_of_a_torrent(peer: Peer) -> None:
    torrent = content("limits.mkv")
    await peer.add_stopped(torrent)
    for given, kept in (("1000", 1000), ("-1", 0), ("5000", 5000), ("0", 0), ("words", 0)):
        await peer.done("torrents/setDownloadLimit", hashes=torrent.hash, limit=given)
        assert (await peer.info(torrent))["dl_limit"] == kept
    await peer.done("torrents/setUploadLimit", hashes=torrent.hash, limit=500)
    asked = {"hashes": f"{torrent.hash}|{UNKNOWN}"}
    assert (await peer.post("torrents/uploadLimit", **asked)).json == {torrent.hash: 500, UNKNOWN: -1}
    assert await peer.get("torrents/downloadLimit", hashes=torrent.hash) == {torrent.hash: 0}


async def test_share_limits(peer: Peer) -> None:
    torrent = content("share.mkv")
    await peer.add_stopped(torrent)
    form = {"hashes": torrent.hash, "ratioLimit": "2.5", "seedingTimeLimit": "60"}
    needed = [
        name
        for name, since in (
            ("inactiveSeedingTimeLimit", (2, 9, 2)),
            ("shareLimitAction", (2, 14)),
            ("shareLimitsMode", (2, 16)),
        )
        if peer.api >= since
    ]
    if needed:
        text = f"Missing required parameters: {', '.join(needed)}" if peer.modern else "Bad Request"
        assert said(await peer.post("torrents/setShareLimits", **form)) == (400, text)
    form |= {"inactiveSeedingTimeLimit": "30", "shareLimitAction": "Stop", "shareLimitsMode": "MatchAll"}
    assert said(await peer.post("torrents/setShareLimits", **form)) == (200, "")
    shown = await peer.info(torrent)
    assert (shown["ratio_limit"], shown["max_ratio"]) == (2.5, 2.5)
    assert (shown["seeding_time_limit"], shown["max_seeding_time"]) == (60, 60)
    if peer.stops:
        assert shown["inactive_seeding_time_limit"] == 30
    if peer.modern:
        assert shown["share_limit_action"] == "Stop"
        await peer.done("torrents/setShareLimits", **form | {"shareLimitAction": "Nonsense"})
        assert (await peer.info(torrent))["share_limit_action"] == "Default"


async def test_moving(peer: Peer) -> None:
    torrent = content("moved.mkv")
    await own_complete(peer, torrent)
    elsewhere = f"{peer.backend.download_dir}/elsewhere"
    assert said(await peer.post("torrents/setLocation", hashes=torrent.hash, location="")) == (
        400, "Save path cannot be empty",
    )  # fmt: skip
    blocked = await peer.post("torrents/setLocation", hashes=torrent.hash, location=f"{peer.backend.blocked}/x")
    assert said(blocked) == (409, "Cannot make save path")
    assert said(await peer.post("torrents/setLocation", hashes=torrent.hash, location=elsewhere)) == (200, "")

    async def moved() -> dict[str, Any] | None:
        shown = await peer.info(torrent)
        return shown if shown["save_path"] == elsewhere and shown["state"] == "stalledUP" else None

    shown = await peer.eventually(moved)
    assert (shown["content_path"], shown["progress"]) == (f"{elsewhere}/moved.mkv", 1)


async def test_toggles(peer: Peer) -> None:
    torrent = content("toggles.mkv")
    await peer.add_stopped(torrent)
    for name, field in (("toggleSequentialDownload", "seq_dl"), ("toggleFirstLastPiecePrio", "f_l_piece_prio")):
        for value in (True, False):
            await peer.done(f"torrents/{name}", hashes=torrent.hash)
            await peer.shows(torrent, **{field: value})
    await peer.done("torrents/setAutoManagement", hashes=torrent.hash, enable="true")
    await peer.shows(torrent, auto_tmm=True)


async def test_rename(peer: Peer) -> None:
    torrent = content("name.mkv")
    await peer.add_stopped(torrent)
    assert said(await peer.post("torrents/rename", hash=torrent.hash, name="")) == (409, "Incorrect torrent name")
    assert said(await peer.post("torrents/rename", hash=UNKNOWN, name="x")) == (404, "Not Found")
    assert said(await peer.post("torrents/rename", hash=torrent.hash, name="Other")) == (200, "")
    assert (await peer.info(torrent))["name"] == "Other"


# --- reading lists ---------------------------------------------------------------------------------------------------


async def test_filters(peer: Peer) -> None:
    stopped, alone, whole = content("a stopped.mkv"), content("b alone.mkv"), content("c whole.mkv")
    await own_complete(peer, whole)
    await peer.add_stopped(stopped, category="radarr", tags="x")
    await peer.add(alone)
    await peer.until(alone, {"stalledDL"})
    by_hash = {each.hash: each.name[0] for each in (stopped, alone, whole)}

    async def found(**parameters: str) -> str:
        return "".join(sorted(by_hash[each["hash"]] for each in await peer.get("torrents/info", **parameters)))

    filters = {
        "all": "abc", "nonsense": "abc", "downloading": "ab", "seeding": "c", "completed": "c", "stalled": "bc",
        "stalled_downloading": "b", "stalled_uploading": "c", "errored": "", "checking": "", "active": "",
        "inactive": "abc", peer.stopped: "a", "running" if peer.stops else "resumed": "bc",
        "paused" if peer.stops else "stopped": "abc",
    }  # fmt: skip
    assert {name: await found(filter=name) for name in filters} == filters
    assert (await found(category="radarr"), await found(category=""), await found(category="no")) == ("a", "bc", "")
    assert (await found(tag="x"), await found(tag=""), await found(tag="no")) == ("a", "bc", "")
    assert await found(hashes=f"{stopped.hash}|{whole.hash}|{UNKNOWN}") == "ac"
    assert await found(private="true") == ("" if peer.stops else "abc")
    assert await found(private="false") == "abc"
    if peer.api >= (2, 9, 3):
        assert await peer.get("torrents/count") == "3"


async def test_order_and_pages(peer: Peer) -> None:
    torrents = [content(f"{letter}.mkv", 10_000 * size) for letter, size in (("a", 3), ("b", 1), ("c", 2))]
    for torrent in torrents:
        await peer.add_stopped(torrent)

    async def names(**parameters: str | int) -> str:
        return "".join(each["name"][0] for each in await peer.get("torrents/info", **parameters))

    assert await names(sort="name") == "abc"
    assert await names(sort="size") == "bca"
    assert await names(sort="size", reverse="true") == "acb"
    assert await names(sort="name", limit=2) == "ab"
    assert await names(sort="name", limit=2, offset=1) == "bc"
    assert await names(sort="name", offset=-2) == "bc"
    assert await names(sort="name", offset=-9, limit=-3) == "abc"
    assert await names(sort="name", offset=9) == ("" if peer.stops else "abc")
    refused = await peer.ask("GET", "torrents/info", params={"sort": "nonsense"})
    assert said(refused) == (400, "'sort' parameter is invalid")


# --- the whole client ------------------------------------------------------------------------------------------------


async def test_global_limits(peer: Peer) -> None:
    for given, kept in ((1_048_577, 1_048_576), (1000, 1024), (1100, 1024), (2047, 1024), (1, 1024), (-5, 0), ("x", 0)):
        assert said(await peer.post("transfer/setDownloadLimit", limit=given)) == (200, "")
        assert await peer.get("transfer/downloadLimit") == str(kept), given
    await peer.done("transfer/setUploadLimit", limit=2048)
    assert await peer.get("transfer/uploadLimit") == "2048"
    assert (await peer.get("transfer/info"))["up_rate_limit"] == 2048


async def test_alternative_limits(peer: Peer) -> None:
    await peer.done("app/setPreferences", json=json.dumps({"dl_limit": 4096, "alt_dl_limit": 10_240}))
    assert await peer.get("transfer/speedLimitsMode") == "0"
    assert said(await peer.post("transfer/toggleSpeedLimitsMode")) == (200, "")
    assert await peer.get("transfer/speedLimitsMode") == "1"
    assert await peer.get("transfer/downloadLimit") == "10240"
    await peer.done("transfer/setDownloadLimit", limit=20_480)
    preferences = await peer.get("app/preferences")
    assert (preferences["dl_limit"], preferences["alt_dl_limit"]) == (4096, 20_480)
    assert (await peer.get("sync/maindata"))["server_state"]["use_alt_speed_limits"] is True
    await peer.done("transfer/setSpeedLimitsMode", mode=0)
    assert await peer.get("transfer/downloadLimit") == "4096"
    refused = await peer.post("transfer/setSpeedLimitsMode", mode="x")
    assert said(refused) == (400, "'mode': invalid argument")


async def test_preferences(peer: Peer) -> None:
    given = {"dl_limit": 2048, "queueing_enabled": True, "nonsense": 1}
    assert said(await peer.post("app/setPreferences", json=json.dumps(given))) == (200, "")
    preferences = await peer.get("app/preferences")
    assert (preferences["dl_limit"], preferences["queueing_enabled"]) == (2048, True)
    assert "nonsense" not in preferences
    assert said(await peer.post("app/setPreferences", json="{bad")) == (200, "")
    assert (await peer.get("app/preferences"))["dl_limit"] == 2048
    await peer.done("app/setPreferences", json=json.dumps({"dl_limit": "words"}))
    assert (await peer.get("app/preferences"))["dl_limit"] == 0
    assert (await peer.get("sync/maindata"))["server_state"]["queueing"] is True
    assert await peer.get("app/defaultSavePath") == peer.backend.download_dir


async def test_transfer_info(peer: Peer) -> None:
    shown = await peer.get("transfer/info")
    assert shown["connection_status"] in {"connected", "firewalled"}
    assert {"dht_nodes", "dl_info_data", "dl_info_speed", "dl_rate_limit", "up_info_speed"} <= shown.keys()
    assert ("last_external_address_v4" in shown) is (peer.api >= (2, 11, 3))


# --- shapes ----------------------------------------------------------------------------------------------------------

#: numbers that may have a fraction; all others never do
FRACTIONS = {
    "availability", "max_ratio", "popularity", "progress", "ratio", "ratio_limit", "share_ratio",
}  # fmt: skip


def shape(*things: dict[str, Any]) -> dict[str, set[str]]:
    """Return the names of all fields with the types that their values have."""
    types: dict[str, set[str]] = {}
    for thing in things:
        for name, value in thing.items():
            number = name in FRACTIONS and isinstance(value, int | float)
            types.setdefault(name, set()).add("number" if number else type(value).__name__)
    return types


async def shapes(peer: Peer) -> dict[str, dict[str, set[str]]]:
    """Return the shapes of what there is to read, with torrents of every kind there."""
    stopped, whole = content("shape1.mkv", private=True), content("shape2.mkv")
    await own_complete(peer, whole)
    await peer.add_stopped(stopped, category="radarr", tags="x")
    await peer.add(several_files())
    await peer.add(peer.backend.slow)
    await peer.find_seeders(peer.backend.slow)
    await peer.until(peer.backend.slow, {"downloading"})
    await peer.done("torrents/add", urls="magnet:?xt=urn:btih:" + "cd" * 20)
    await peer.until(Content("", "cd" * 20, b"", ""), {"metaDL"})
    await peer.until(several_files(), {"stalledDL"})
    hashes = [torrent["hash"] for torrent in await peer.get("torrents/info")]
    maindata = await peer.get("sync/maindata", rid=-1)
    trackers = [row for each in hashes for row in await peer.get("torrents/trackers", hash=each)]
    return {
        "torrents/info": shape(*await peer.get("torrents/info")),
        "sync/maindata": shape(maindata),
        "its torrents": shape(*maindata["torrents"].values()),
        "its categories": shape(*maindata["categories"].values()),
        "its server_state": shape(maindata["server_state"]),
        "torrents/properties": shape(*[await peer.get("torrents/properties", hash=each) for each in hashes]),
        "pseudo trackers": shape(*[row for row in trackers if row["url"] in PSEUDO_TRACKERS]),
        "trackers": shape(*[row for row in trackers if row["url"] not in PSEUDO_TRACKERS]),
        "endpoints of trackers": shape(*[endpoint for row in trackers for endpoint in row.get("endpoints", [])]),
        "torrents/files": shape(*[row for each in hashes for row in await peer.get("torrents/files", hash=each)]),
        "torrents/categories": shape(*(await peer.get("torrents/categories")).values()),
        "transfer/info": shape(await peer.get("transfer/info")),
        "app/preferences": shape(await peer.get("app/preferences")),
        "app/buildInfo": shape(await peer.get("app/buildInfo")),
    }


@pytest.mark.parametrize("kind", REAL, indirect=True)
async def test_fields_and_their_types(kind: RealBackend, peer: Peer, tmp_path: Path) -> None:
    version = next(name for name, generation in GENERATIONS.items() if generation.api == peer.api)
    async with simulated_peer(version, tmp_path) as simulated:
        assert await shapes(simulated) == await shapes(peer)
