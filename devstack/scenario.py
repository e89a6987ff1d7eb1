"""What a person does on their first evening, over Home Assistant's own API, and what they must see.

`SET_UP` connects the stack as the dialogs do; `PROOF` follows real downloads through it.
"""

from collections.abc import Sequence
from contextlib import suppress
import time
from typing import Any

from .debrid_world import LINKED
from .dialogs import Adding, Dialog, Options
from .dune_steps import DUNE_2
from .homeassistant import HomeAssistant, HomeAssistantError
from .real_debrid_account import FAILED
from .real_qbittorrent import RealQbittorrent
from .stack import Stack, Stuck
from .steps import (
    PATIENCE_SECONDS,
    Step,
    backend_ids,
    call_service,
    entity_of,
    is_connection,
    run_action,
    states_of,
    within,
)

_SECONDS_TO_UNDO = 5
#: SOKOUL's own limit, as it is without anybody's doing
_REQUESTS_A_MINUTE = 100
#: qBittorrent's words for what does nothing; a broken torrent stays broken when it is stopped
_RESTING = ("stopped", "paused", "error", "missingFiles")


async def connect(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """Start with Radarr alone: it has to know of all the others."""
    dialog = Dialog(home_assistant)
    await dialog.open()
    await dialog.answer(next_step_id="arr")
    radarr = stack.access("radarr")
    await dialog.answer(url=radarr.url, api_key=radarr.api_key, verify_ssl=True)
    by_name = {access.name: access for access in stack.accesses}
    found = ["Radarr"]
    while dialog.step == "neighbour":
        name = dialog.shown["description_placeholders"]["name"]
        access = by_name[name]
        found.append(name)
        fields = {"api_key": access.api_key} if access.api_key else {"password": access.password}
        await dialog.answer(**{"verify_ssl": True, "skip": False, **dialog.suggested, **fields})
    if dialog.step != "finish":
        return [f"the dialog shows {dialog.step} instead of the summary"]
    await dialog.answer(next_step_id="create")
    if dialog.step != "create_entry":
        return [f"the dialog ended with {dialog.step}"]
    missing = set(by_name) - set(found)
    return [f"Radarr did not lead to {name}" for name in sorted(missing)]


async def connect_surroundings(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """Add the VPN and the machine's temperature, and say that qBittorrent is behind the one, kept inside by nothing."""
    adding, vpn = Adding(home_assistant), stack.vpn
    await adding.add("gluetun", url=vpn.url, api_key=vpn.api_key, verify_ssl=True)
    await adding.add("thermal")
    ids = await backend_ids(home_assistant)
    options = Options(home_assistant)
    await options.change("vpn", backend=ids["qbittorrent"])
    if options.step == "guarded":
        await options.answer(next_step_id="shelter")
    await options.answer(vpn=ids["gluetun"], way="open", proxy=stack.surroundings.gluetun.proxy.url)
    return []


async def connect_debrid(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """Add the Real-Debrid account, by its token."""
    await Adding(home_assistant).add("real_debrid", choose="key", api_key=stack.surroundings.debrid.api_token)
    return []


async def connect_feed(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """Add the feed of one more tracker, which Prowlarr doesn't have."""
    feed = stack.jackett
    await Adding(home_assistant).add("torznab", url=feed.url, api_key=feed.api_key, verify_ssl=True)
    return []


async def everything_answers(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """See every backend connected."""
    wanted = len(await backend_ids(home_assistant))
    if wanted < len(stack.accesses):
        return [f"only {wanted} backends were added"]

    async def connected() -> bool:
        states = await states_of(home_assistant)
        return sum(state == "on" for name, state in states.items() if is_connection(name)) >= wanted

    return [] if await within(connected) else ["not every backend is connected"]


async def downloads_are_joined(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """See a download with its title from Radarr, its torrent from qBittorrent, and what it is doing."""
    del stack

    async def joined() -> bool:
        downloads = await _downloads(home_assistant)
        kinds = {each["applications"][0] for each in downloads if each["applications"] and each["client"]}
        return {"Radarr", "Sonarr"} <= kinds

    if not await within(joined):
        return [f"no downloads of both Radarr and Sonarr are joined: {await _downloads(home_assistant)}"]
    return []


async def progress_is_seen(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """See a download progress between two looks."""
    del stack
    first: dict[str, float] = {}

    async def progressed() -> bool:
        now = {each["id"]: each["progress_percent"] for each in await _downloads(home_assistant)}
        found = any(key in first and first[key] < percent < 100 for key, percent in now.items())  # noqa: PLR2004
        first.update({key: percent for key, percent in now.items() if key not in first})
        return found

    return [] if await within(progressed) else ["no download makes progress"]


async def waiting_is_explained(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """See why downloads wait, in English and in French."""
    wanted = {"wait.no_metadata", "wait.missing_files"} if stack.real else {"wait.missing_files"}

    async def explained() -> bool:
        waits = [each["waits"] for each in await _downloads(home_assistant) if each["waits"]]
        return wanted <= {each["key"] for each in waits} and all(each["text"] for each in waits)

    if not await within(explained):
        return [f"not explained: {[each['waits'] for each in await _downloads(home_assistant)]}"]
    english = {each["id"]: each["waits"] for each in await _downloads(home_assistant, language="en") if each["waits"]}
    french = {each["id"]: each["waits"] for each in await _downloads(home_assistant, language="fr") if each["waits"]}
    same = [key for key in english.keys() & french.keys() if english[key]["text"] == french[key]["text"]]
    return [f"{key} is explained in one language only" for key in same]


async def imports_arrive(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """See a finished download reach the library: it leaves the queue by itself."""
    del home_assistant

    async def imported() -> bool:
        return any(
            event.event == "downloadFolderImported" and event.date > stack.started_at
            for arr in (stack.radarr, stack.sonarr)
            for event in arr.history.events
        )

    return [] if await within(imported) else ["no download was imported"]


async def everything_pauses(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """Pause everything, see qBittorrent stand still, and let it go on."""
    name = await entity_of(home_assistant, "switch", "pause")
    before = await _running(stack)
    await call_service(home_assistant, "switch", "turn_on", entity_id=name)

    async def still() -> bool:
        return not await _running(stack)

    async def as_before() -> bool:
        return await _running(stack) == before

    if not before:
        return ["nothing ran before the pause"]
    if not await within(still):
        return [f"these run on after the pause: {await _running(stack)}"]
    await call_service(home_assistant, "switch", "turn_off", entity_id=name)
    return [] if await within(as_before) else ["not just what ran before runs after the pause"]


async def limits_are_set(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """Set a limit, see it in qBittorrent, and take it back."""
    name = await entity_of(home_assistant, "number", "download_limit")
    await call_service(home_assistant, "number", "set_value", entity_id=name, value=2)
    limit = await _download_limit(stack)
    await call_service(home_assistant, "number", "set_value", entity_id=name, value=0)
    return [] if limit == _kept(2) else [f"the limit is {limit} instead of {_kept(2)}"]


async def connections_are_explained(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """See which backend serves which, with the reason."""
    del stack

    async def explained() -> bool:
        said = await run_action(home_assistant, "explain_topology")
        links = {(each["from"], each["to"]) for each in said["links"] if each["because"]}
        return {("Radarr", "qBittorrent"), ("Sonarr", "qBittorrent"), ("Prowlarr", "Radarr")} <= links

    return [] if await within(explained) else [f"not explained: {await run_action(home_assistant, 'explain_topology')}"]


async def folders_are_proven(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """See the *arr's library found where Home Assistant has it, by files of the right sizes."""
    del stack

    async def proven() -> bool:
        folders = (await run_action(home_assistant, "explain_topology"))["folders"]
        found = {each["backend"] for each in folders if each["state"] == "proven"}
        return {"Radarr", "Sonarr"} <= found

    if await within(proven):
        return []
    return [f"not proven: {(await run_action(home_assistant, 'explain_topology'))['folders']}"]


async def check_up_finds(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """See the check-up name what is wrong in this stack."""
    del stack
    said = await run_action(home_assistant, "check_up")
    return [] if said["findings"] and all(each["text"] for each in said["findings"]) else ["the check-up finds nothing"]


# --- healing -------------------------------------------------------------------------------------------------------

_MINUTE = {"days": 0, "hours": 0, "minutes": 1, "seconds": 0}
_NO_TIME = _MINUTE | {"minutes": 0}


async def healing_is_impatient(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """Let the rule about stalled downloads act by itself, after a minute instead of hours."""
    del stack
    options = Options(home_assistant)
    await options.change("limits", settling=_NO_TIME)
    patience = dict.fromkeys(("patience", "patience_when_rare", "reannounce_after", "trackers_after"), _MINUTE)
    await options.change("rules", rule="stalled")
    await options.answer(**{**options.suggested, **patience, "last_copy_patience": _NO_TIME})
    name = await entity_of(home_assistant, "select", "rule_autonomy", ending="stalled_autonomy")
    await call_service(home_assistant, "select", "select_option", entity_id=name, option="act")
    return []


async def stuck_is_replaced(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """See what gets nothing set aside, and a release that arrives imported instead."""
    stuck = stack.stuck
    if stuck is None:
        return ["nothing is stuck in this stack"]

    async def replaced() -> bool:
        return await _replacement(home_assistant, stuck.movie.title) is not None

    async def imported() -> bool:
        events = stack.radarr.history.events
        return any(
            event.event == "downloadFolderImported" and event.source_title == stuck.better.title for event in events
        )

    if not await within(replaced):
        return [f"not replaced: {await _why_left_alone(home_assistant, stuck.hash)}"]
    problems = []
    if await _category(stack, stuck.hash) != "sokoul-quarantine":
        problems.append("the old torrent is not in quarantine")
    if not _is_blocked(stack, stuck):
        problems.append("the old release is not blocklisted")
    if not await within(imported):
        problems.append("the other release did not reach the library")
    return problems


async def replacing_is_undone(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """Take it back: the old torrent is as it was, within seconds."""
    stuck = stack.stuck
    entry = await _replacement(home_assistant, stuck.movie.title) if stuck else None
    if stuck is None or entry is None:
        return ["there is nothing to take back"]

    async def runs() -> bool:
        return stuck.hash in await _running(stack)

    began = time.monotonic()
    undone = await run_action(home_assistant, "undo", entry_id=entry["id"])
    took = time.monotonic() - began
    problems = []
    if undone["status"] != "undone":
        problems.append(f"not taken back: {undone}")
    if await _category(stack, stuck.hash) != "radarr":
        problems.append("the old torrent is not in its category")
    if not await within(runs):
        problems.append("the old torrent does not run")
    if _is_blocked(stack, stuck):
        problems.append("the old release is still blocklisted")
    if took > _SECONDS_TO_UNDO:
        problems.append(f"it took {took:.1f} s")
    return problems


# --- guards --------------------------------------------------------------------------------------------------------

_OWN_LIMIT_MB = 8
_HOT_LIMIT_MB = 5
_HOT_CELSIUS, _COOL_CELSIUS = 78, 50
#: what SOKOUL logs of a leak, a pretended one included
_STOPPED = r"qBittorrent: \d+ torrents were stopped to protect you"


async def port_is_kept(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """See qBittorrent listen on the port that the VPN forwards."""
    del home_assistant
    (port,) = stack.surroundings.gluetun.tunnel.ports
    if not await within(lambda: _listens_on(stack, port)):
        return [f"it listens on {await _listening_port(stack)} instead of {port}"]
    return []


async def protection_is_proven(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """See it proven that qBittorrent is behind the VPN: two services have to agree on the home's address."""
    del stack
    name = await entity_of(home_assistant, "sensor", "vpn_protection")

    async def safe() -> bool:
        return (await states_of(home_assistant))[name] == "safe"

    return [] if await within(safe, 2 * PATIENCE_SECONDS) else ["it is not proven that qBittorrent is safe"]


async def drill_is_passed(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """Pretend a leak, and see that everything was stopped and runs again."""
    before = await _running(stack)
    button = await entity_of(home_assistant, "button", "vpn_drill")
    event = await entity_of(home_assistant, "event", "vpn_guard")
    home_assistant.expect(_STOPPED)
    await call_service(home_assistant, "button", "press", entity_id=button)

    async def passed() -> bool:
        state = await home_assistant.rest("GET", f"/api/states/{event}")
        return bool(state["attributes"]["event_type"] == "drill_passed")

    if not await within(passed):
        return ["the drill was not passed"]
    return [] if await _running(stack) == before else ["not just what ran before runs after the drill"]


async def heat_arrives(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """Let the machine get hot, and see the limit arrive."""
    del home_assistant
    around = stack.surroundings
    around.eventful = False
    around.pi.be(_HOT_CELSIUS)

    async def limited() -> bool:
        return await _download_limit(stack) == _kept(_HOT_LIMIT_MB)

    if await within(limited):
        return []
    return [f"hot, the limit is {await _download_limit(stack)} instead of {_kept(_HOT_LIMIT_MB)}"]


async def heat_limits(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """Let the machine get hot, see the limit arrive, and a person's own one come back when it is cool."""
    around = stack.surroundings
    name = await entity_of(home_assistant, "number", "download_limit")
    await call_service(home_assistant, "number", "set_value", entity_id=name, value=_OWN_LIMIT_MB)

    async def as_before() -> bool:
        return await _download_limit(stack) == _kept(_OWN_LIMIT_MB)

    problems = []
    if not await as_before():
        problems.append(f"the person's limit is {await _download_limit(stack)} instead of {_kept(_OWN_LIMIT_MB)}")
    problems += await heat_arrives(home_assistant, stack)
    around.pi.be(_COOL_CELSIUS)
    if not await within(as_before):
        problems.append(f"cool again, the limit is {await _download_limit(stack)}, not the person's")
    await call_service(home_assistant, "number", "set_value", entity_id=name, value=0)
    around.eventful = True
    return problems


async def tunnel_breaks(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """Let the VPN crash, see qBittorrent stopped, and exactly what ran run again, on the port of the new connection."""
    around, before = stack.surroundings, await _running(stack)
    home_assistant.expect(_STOPPED)
    protection = await entity_of(home_assistant, "sensor", "vpn_protection")

    async def still() -> bool:
        return not await _running(stack)

    async def as_before() -> bool:
        return await _running(stack) == before

    if not before:
        return ["nothing ran before"]
    around.gluetun.tunnel.crash()
    if not await within(still):
        return [f"these run on without the VPN: {await _running(stack)}"]
    shown = (await states_of(home_assistant))[protection]
    problems = [] if shown == "down" else [f"the protection is said to be {shown}"]
    around.gluetun.tunnel.run_now()
    port = around.forward_another_port()
    if not await within(as_before):
        problems.append("not just what ran before runs again")
    if not await within(lambda: _listens_on(stack, port)):
        problems.append(f"it listens on {await _listening_port(stack)} instead of {port}")
    return problems


# --- Real-Debrid ---------------------------------------------------------------------------------------------------


async def account_is_mirrored(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """See every torrent of the account in the mirror, with its status, and the counts in Home Assistant."""
    account = stack.surroundings.debrid.account

    async def mirrored() -> bool:
        listed = (await run_action(home_assistant, "debrid_list", limit=1000))["torrents"]
        known = {each["id"]: each["status"] for each in listed}
        return known == {each.id: each.status for each in account.torrents.values()}

    async def counted() -> bool:
        failed = sum(each.status in FAILED for each in account.torrents.values())
        return (await states_of(home_assistant))[name] == str(failed)

    name = await entity_of(home_assistant, "sensor", "torrents_failed")
    if not await within(mirrored):
        return ["not every torrent is mirrored as it is"]
    return [] if await within(counted) else ["the count of what failed is not that of the account"]


async def broken_link_is_found(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """See found, of all links, the one whose torrent Real-Debrid has lost."""
    lost = stack.surroundings.debrid.lost
    if lost is None:
        return ["nothing was lost in this stack"]
    found: dict[str, Any] = {}

    async def looked() -> bool:
        with suppress(HomeAssistantError):  # until it is known which folders are which
            found.update(await run_action(home_assistant, "links_scan", mode="full", dry_run=True))
        return bool(found)

    if not await within(looked):
        return ["the links can't be checked"]
    wanted = {"healthy": LINKED - len(lost.links), "broken": len(lost.links)}
    return [] if found["counts"] == wanted else [f"the links are said to be {found['counts']} instead of {wanted}"]


async def account_is_repaired(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """Let the rules about Real-Debrid act, and see that all is complete that can be, and nothing is there twice."""
    world = stack.surroundings.debrid
    for rule in ("debrid_readd", "debrid_select", "debrid_delete"):
        name = await entity_of(home_assistant, "select", "rule_autonomy", ending=f"{rule}_autonomy")
        await call_service(home_assistant, "select", "select_option", entity_id=name, option="act")

    async def repaired() -> bool:
        return not world.repairable()

    if not await within(repaired, 2 * PATIENCE_SECONDS):
        journal = (await run_action(home_assistant, "get_journal"))["entries"]
        return [f"not repaired: {world.repairable()}; {[each['text'] for each in journal]}"]
    return [f"{each} is there twice" for each in world.doubled()]


async def link_is_mended(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """See the broken link lead to its file again, and Home Assistant know it."""
    lost = stack.surroundings.debrid.lost
    name = await entity_of(home_assistant, "sensor", "broken_links")

    async def alive() -> bool:
        return lost is not None and all(link.exists() for link in lost.links)

    async def counted() -> bool:
        return (await states_of(home_assistant))[name] == "0"

    if not await within(alive):
        return ["the link still leads nowhere"]
    return [] if await within(counted) else [f"broken links: {(await states_of(home_assistant))[name]} instead of 0"]


async def budget_is_kept(home_assistant: HomeAssistant, stack: Stack) -> Sequence[str]:
    """See that Real-Debrid never got more requests in a minute than SOKOUL may send, and refused none."""
    del home_assistant
    meter = stack.surroundings.debrid.simulator.meter
    problems = []
    if meter.most_in_a_minute > _REQUESTS_A_MINUTE:
        problems.append(f"{meter.most_in_a_minute} requests within a minute")
    if meter.refused:
        problems.append(f"{meter.refused} requests were too many")
    return problems


SET_UP = (
    Step("connecting the stack, starting with Radarr", connect),
    Step("adding the VPN, behind which qBittorrent is, and the machine's temperature", connect_surroundings),
    Step("adding the Real-Debrid account", connect_debrid),
    Step("adding a feed", connect_feed),
    Step("waiting for every backend to answer", everything_answers),
)

PROOF = (
    Step("healing is made impatient", healing_is_impatient),
    Step("downloads are joined with their titles", downloads_are_joined),
    Step("a download makes progress", progress_is_seen),
    Step("a finished download reaches the library", imports_arrive),
    Step("a limit arrives in qBittorrent", limits_are_set),
    Step("who serves whom is explained", connections_are_explained),
    Step("the library's folders are found", folders_are_proven),
    Step("the check-up names what is wrong", check_up_finds),
    Step("qBittorrent listens on the VPN's forwarded port", port_is_kept),
    Step("the machine gets hot: a limit arrives; cool, the person's own is back", heat_limits),
    Step("what gets nothing is replaced, and arrives", stuck_is_replaced),
    Step("replacing it is undone", replacing_is_undone),
    # not before: what was seen stopped gets half an hour to find its peers again
    Step("everything pauses, and goes on as before", everything_pauses),
    Step("the Real-Debrid account is mirrored completely", account_is_mirrored),
    *DUNE_2,
    Step("of its links the broken one is found", broken_link_is_found),
    Step("what failed at Real-Debrid is repaired, and nothing is there twice", account_is_repaired),
    Step("the link leads to its file again", link_is_mended),
    # late: a download may start for two minutes before it counts as waiting
    Step("what waits is explained", waiting_is_explained),
    Step("no more was asked of Real-Debrid than is allowed", budget_is_kept),
    # by now two services were asked where the home is
    Step("it is proven that qBittorrent is behind the VPN", protection_is_proven),
    # at last: everything stands still meanwhile
    Step("the VPN breaks down: everything stops; when it is back, exactly what ran runs again", tunnel_breaks),
)


# --- looking and acting --------------------------------------------------------------------------------------------


async def _downloads(home_assistant: HomeAssistant, **data: Any) -> list[dict[str, Any]]:
    downloads: list[dict[str, Any]] = (await run_action(home_assistant, "list_downloads", **data))["downloads"]
    return downloads


async def _why_left_alone(home_assistant: HomeAssistant, torrent_hash: str) -> object:
    """Return what SOKOUL itself says of a download that it did nothing about."""
    downloads = await _downloads(home_assistant)
    found = [each["id"] for each in downloads if (each["hash"] or "").lower() == torrent_hash]
    return await run_action(home_assistant, "explain", download=found[0]) if found else downloads


async def _replacement(home_assistant: HomeAssistant, title: str) -> dict[str, Any] | None:
    """Return the newest entry of the journal for a title whose download was replaced."""
    journal = await run_action(home_assistant, "get_journal", rule="stalled", status="done")
    replaced = (each for each in journal["entries"] if each["act"] == "replace" and each["title"].startswith(title))
    return next(replaced, None)


def _is_blocked(stack: Stack, stuck: Stuck) -> bool:
    """Tell whether the release that got nothing is on Radarr's blocklist."""
    return any(item.source_title == stuck.release.title for item in stack.radarr.blocklist.items.values())


async def _category(stack: Stack, info_hash: str) -> str:
    """Return the category of a torrent, asked of qBittorrent itself."""
    client = stack.qbittorrent
    if isinstance(client, RealQbittorrent):
        return str((await client.torrents(info_hash))[info_hash]["category"])
    return client.torrents[info_hash].category


async def _running(stack: Stack) -> frozenset[str]:
    """Return the hashes of what is not stopped, asked of qBittorrent itself."""
    client = stack.qbittorrent
    if isinstance(client, RealQbittorrent):
        states = {key: torrent["state"] for key, torrent in (await client.torrents()).items()}
    else:
        states = {key: torrent.state(client.engine.generation) for key, torrent in client.torrents.items()}
    return frozenset(key for key, state in states.items() if not state.startswith(_RESTING))


def _kept(megabytes: int) -> int:
    """Return what qBittorrent keeps of a limit in MB/s: bytes per second, in whole KiB."""
    return megabytes * 1_000_000 // 1024 * 1024


async def _download_limit(stack: Stack) -> int:
    client = stack.qbittorrent
    if isinstance(client, RealQbittorrent):
        return int(await client.get("transfer/downloadLimit"))
    return int(client.engine.preferences["dl_limit"])


async def _listening_port(stack: Stack) -> int:
    client = stack.qbittorrent
    if isinstance(client, RealQbittorrent):
        return int((await client.get("app/preferences"))["listen_port"])
    return int(client.engine.preferences["listen_port"])


async def _listens_on(stack: Stack, port: int) -> bool:
    return await _listening_port(stack) == port
