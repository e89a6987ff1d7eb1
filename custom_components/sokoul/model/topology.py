"""Which backend serves which: this Radarr downloads with that qBittorrent, this Prowlarr feeds that Sonarr.

Inferred from what the backends themselves say, with the evidence kept, and corrected by the person. An address is a
weak witness: containers know each other by names that mean nothing outside, and publish other ports than they listen
on. Info hashes are a strong one: what waits in an *arr's queue and lies in a client was put there by it. Two candidates
with equal evidence stay an open question; nobody picks one in silence.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from ipaddress import IPv4Address, IPv4Network, ip_address
from urllib.parse import urlsplit

from .backend import ARR_KINDS, DOWNLOAD_CLIENT_KINDS, Backend
from .library import ApplicationLink, ArrSnapshot, DownloadClientLink, Protocol


class Confidence(IntEnum):
    """How sure an edge is, the surest last."""

    GUESSED = 1
    LIKELY = 2
    PROVEN = 3
    CONFIRMED = 4  # by the person


class Witness(StrEnum):
    """What speaks for an edge, by the key of its text."""

    PERSON = "witness.person"
    HASHES = "witness.hashes"
    SOME_HASHES = "witness.some_hashes"
    ADDRESS = "witness.address"
    PORT = "witness.port"
    ONLY_ONE = "witness.only_one"
    OTHERS_TAKEN = "witness.others_taken"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """`source` (an *arr, or an indexer manager) uses or feeds `target` through its entry `link_id`."""

    source: str
    target: str
    link_id: int
    link_name: str
    address: str  # as the source has it: an edge is remembered as long as this stays
    confidence: Confidence
    evidence: frozenset[Witness]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQuestion:
    """An entry that could be any of several backends: the person is asked."""

    source: str
    link_id: int
    link_name: str
    candidates: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stranger:
    """An entry of a source that is none of the connected backends: another program, or one not added yet."""

    source: str
    link_id: int
    link_name: str
    implementation: str
    address: str


@dataclass(frozen=True, slots=True)
class Correction:
    """What the person said: this entry is (`serves`) or is not that backend."""

    source: str
    link_id: int
    target: str
    serves: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """All that is known of who serves whom."""

    edges: tuple[Edge, ...] = ()
    open_questions: tuple[OpenQuestion, ...] = ()
    strangers: tuple[Stranger, ...] = ()

    def targets(self, source: str) -> tuple[str, ...]:
        """Return the backends that `source` uses or feeds, each once."""
        return tuple(dict.fromkeys(edge.target for edge in self.edges if edge.source == source))

    def sources(self, target: str) -> tuple[str, ...]:
        """Return the backends that use or feed `target`, each once."""
        return tuple(dict.fromkeys(edge.source for edge in self.edges if edge.target == target))

    def edge(self, source: str, link_id: int) -> Edge | None:
        """Return the edge of one entry of a source."""
        return next((edge for edge in self.edges if (edge.source, edge.link_id) == (source, link_id)), None)

    def client_of(self, arr: str, link_name: str | None, at_least: Confidence = Confidence.GUESSED) -> str | None:
        """Return the download client behind the name that an *arr calls it by; without a name the only one there is."""
        named = {
            edge.target
            for edge in self.edges
            if edge.source == arr and link_name in {None, edge.link_name} and edge.confidence >= at_least
        }
        return next(iter(named)) if len(named) == 1 else None


NO_TOPOLOGY = Topology()


def infer(
    backends: Mapping[str, Backend], corrections: Collection[Correction] = (), previous: Topology | None = None
) -> Topology:
    """Infer the topology.

    Of `previous`, what was proven is kept while the entry's address stays the same: a queue that ran empty takes no
    proof back. A source that was not read yet keeps all its edges.
    """
    before = {(edge.source, edge.link_id): edge for edge in (previous or NO_TOPOLOGY).edges if edge.target in backends}
    edges: list[Edge] = []
    questions: list[OpenQuestion] = []
    strangers: list[Stranger] = []
    for backend in backends.values():
        entries = list(_entries(backend, backends))
        if not entries and backend.snapshot is None:
            edges += [edge for (source, _), edge in before.items() if source == backend.id]
        decided = {
            entry.link_id: _decide(entry, corrections, before.get((backend.id, entry.link_id))) for entry in entries
        }
        _exclude(entries, decided)
        for entry in entries:
            match decided[entry.link_id]:
                case Edge() as edge:
                    edges.append(edge)
                case ():
                    strangers.append(entry.stranger())
                case candidates:
                    questions.append(entry.question(candidates))
    return Topology(edges=tuple(edges), open_questions=tuple(questions), strangers=tuple(strangers))


# -- entries and their candidates -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Address:
    """Where a program listens. The host is lower case, the path without slashes at its ends."""

    host: str
    port: int
    base: str

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" + (f"/{self.base}" if self.base else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """An entry of a source for another program, with what speaks for each candidate."""

    source: str
    link_id: int
    link_name: str
    implementation: str
    address: str
    candidates: Mapping[str, frozenset[Witness]]  # by backend; an empty set still is a candidate
    elsewhere: frozenset[str]  # of these, the ones whose address speaks against them

    def edge(self, target: str, confidence: Confidence, evidence: frozenset[Witness]) -> Edge:
        return Edge(
            source=self.source,
            target=target,
            link_id=self.link_id,
            link_name=self.link_name,
            address=self.address,
            confidence=confidence,
            evidence=evidence,
        )

    def question(self, candidates: tuple[str, ...]) -> OpenQuestion:
        return OpenQuestion(source=self.source, link_id=self.link_id, link_name=self.link_name, candidates=candidates)

    def stranger(self) -> Stranger:
        return Stranger(
            source=self.source,
            link_id=self.link_id,
            link_name=self.link_name,
            implementation=self.implementation,
            address=self.address,
        )


#: An edge, or the candidates that can't be told apart; none of them means a stranger.
type _Decision = Edge | tuple[str, ...]


def _entries(backend: Backend, backends: Mapping[str, Backend]) -> Iterator[_Entry]:
    if (arr := backend.arr) is not None and backend.kind in ARR_KINDS:
        for link in arr.wiring.download_clients:
            if link.enabled:
                yield _client_entry(backend, arr, link, backends)
    if (manager := backend.indexer_manager) is not None:
        for application in manager.applications:
            yield _application_entry(backend, application, backends)


def _client_entry(
    backend: Backend, arr: ArrSnapshot, link: DownloadClientLink, backends: Mapping[str, Backend]
) -> _Entry:
    address = _of_link(link)
    candidates = _of_kind(link.implementation, DOWNLOAD_CLIENT_KINDS, backends)
    return _Entry(
        source=backend.id,
        link_id=link.id,
        link_name=link.name,
        implementation=link.implementation,
        address=str(address) if address else "",
        candidates={each.id: _by_address(address, backend, each) | _by_hashes(arr, link, each) for each in candidates},
        elsewhere=frozenset(each.id for each in candidates if _certainly_elsewhere(address, backend, each)),
    )


def _application_entry(backend: Backend, link: ApplicationLink, backends: Mapping[str, Backend]) -> _Entry:
    address = _of_url(link.base_url)
    candidates = _of_kind(link.implementation, ARR_KINDS, backends)
    return _Entry(
        source=backend.id,
        link_id=link.id,
        link_name=link.name,
        implementation=link.implementation,
        address=str(address) if address else "",
        candidates={each.id: _by_address(address, backend, each) for each in candidates},
        elsewhere=frozenset(each.id for each in candidates if _certainly_elsewhere(address, backend, each)),
    )


def _of_kind(implementation: str, kinds: Collection[str], backends: Mapping[str, Backend]) -> list[Backend]:
    """Return the backends that an implementation's name means: `QBittorrent` is the kind `qbittorrent`."""
    kind = implementation.casefold()
    return [backend for backend in backends.values() if backend.kind == kind and kind in kinds]


# -- evidence -------------------------------------------------------------------------------------------------------


def _by_hashes(arr: ArrSnapshot, link: DownloadClientLink, candidate: Backend) -> frozenset[Witness]:
    """Compare what the *arr waits for through this entry with the torrents of a client.

    One hash alone may be chance: two clients of one house can hold the same release. Half of the queue is not.
    """
    if candidate.client is None:
        return frozenset()
    waited = {
        item.download_id
        for item in arr.queue
        if item.download_id and item.protocol is not Protocol.USENET and item.download_client in {None, link.name}
    }
    found = len(waited & candidate.client.torrents.keys())
    if not found:
        return frozenset()
    return frozenset({Witness.HASHES if found * 2 >= len(waited) else Witness.SOME_HASHES})


def _by_address(address: _Address | None, source: Backend, candidate: Backend) -> frozenset[Witness]:
    ours = _of_url(candidate.url)
    if address is None or ours is None or (address.port, address.base) != (ours.port, ours.base):
        return frozenset()
    if _seen_from_here(address, source) == ours.host:
        return frozenset({Witness.ADDRESS})
    return frozenset() if _certainly_elsewhere(address, source, candidate) else frozenset({Witness.PORT})


_DOCKER = IPv4Network("172.16.0.0/12")


def _certainly_elsewhere(address: _Address | None, source: Backend, candidate: Backend) -> bool:
    """Whether an address contradicts a candidate's.

    It does with another port of the same host, and with two numeric hosts, unless one of them may be an address
    inside a container network: such a host has another one outside.
    """
    ours = _of_url(candidate.url)
    if address is None or ours is None:
        return False
    host = _seen_from_here(address, source)
    if host == ours.host:
        return address.port != ours.port
    try:
        addresses = ip_address(host), ip_address(ours.host)
    except ValueError:
        return False
    if any(each.is_loopback for each in addresses):
        return False
    return not any(isinstance(each, IPv4Address) and each in _DOCKER for each in addresses)


def _seen_from_here(address: _Address, source: Backend) -> str:
    """Return the host of an address; "localhost" is the machine of the one who says it, which may not be ours."""
    home = _of_url(source.url)
    return home.host if home and _loopback(address.host) else address.host


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _of_link(link: DownloadClientLink) -> _Address | None:
    if not link.host:
        return None
    if "//" in link.host:
        return _of_url(link.host)
    port = link.port or (443 if link.tls else 80)
    return _Address(link.host.strip("[]").rstrip(".").lower(), port, link.url_base.strip("/"))


def _of_url(url: str) -> _Address | None:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    return _Address(parts.hostname.rstrip("."), port or (443 if parts.scheme == "https" else 80), parts.path.strip("/"))


# -- deciding -------------------------------------------------------------------------------------------------------

_WEIGHTS = {Witness.HASHES: 8, Witness.SOME_HASHES: 4, Witness.ADDRESS: 2, Witness.PORT: 1}


def _decide(entry: _Entry, corrections: Iterable[Correction], before: Edge | None) -> _Decision:
    mine = [said for said in corrections if (said.source, said.link_id) == (entry.source, entry.link_id)]
    for said in mine:
        if said.serves and said.target in entry.candidates:
            return entry.edge(said.target, Confidence.CONFIRMED, frozenset({Witness.PERSON}))
    forbidden = {said.target for said in mine if not said.serves}
    allowed = {target: found for target, found in entry.candidates.items() if target not in forbidden}
    now = _weigh(entry, allowed)
    if (
        before is not None
        and before.confidence is Confidence.PROVEN
        and before.address == entry.address
        and before.target in allowed
        and not (isinstance(now, Edge) and now.confidence is Confidence.PROVEN)
    ):
        return replace(before, link_name=entry.link_name)
    return now


def _weigh(entry: _Entry, allowed: Mapping[str, frozenset[Witness]]) -> _Decision:
    weights = {target: sum(_WEIGHTS[witness] for witness in found) for target, found in allowed.items()}
    best = max(weights.values(), default=0)
    if best == 0:
        possible = [target for target in allowed if target not in entry.elsewhere]
        if len(possible) == 1 == len(allowed):
            return entry.edge(possible[0], Confidence.GUESSED, frozenset({Witness.ONLY_ONE}))
        return tuple(possible)
    leading = tuple(target for target, weight in weights.items() if weight == best)
    if len(leading) > 1:
        return leading
    return entry.edge(leading[0], _confidence(allowed[leading[0]]), allowed[leading[0]])


def _confidence(found: frozenset[Witness]) -> Confidence:
    if Witness.HASHES in found:
        return Confidence.PROVEN
    return Confidence.LIKELY if found & {Witness.SOME_HASHES, Witness.ADDRESS} else Confidence.GUESSED


def _exclude(entries: Iterable[_Entry], decided: dict[int, _Decision]) -> None:
    """Weigh the entries of one source against each other: two entries are seldom one program.

    A question is settled when all candidates but one are surely taken by other entries; a guess for lack of another
    candidate falls when that one is taken, and becomes a question when a second entry guesses the same.
    """
    edges = [edge for edge in decided.values() if isinstance(edge, Edge)]
    taken = {edge.target for edge in edges if edge.confidence >= Confidence.LIKELY}
    guessed = [edge.target for edge in edges if edge.evidence == {Witness.ONLY_ONE}]
    for entry in entries:
        decision = decided[entry.link_id]
        if not isinstance(decision, Edge):
            free = tuple(target for target in decision if target not in taken)
            if len(free) == 1 < len(decision):
                evidence = entry.candidates[free[0]] | {Witness.OTHERS_TAKEN}
                decided[entry.link_id] = entry.edge(free[0], Confidence.GUESSED, evidence)
        elif decision.evidence == {Witness.ONLY_ONE}:
            if decision.target in taken:
                decided[entry.link_id] = ()
            elif guessed.count(decision.target) > 1:
                decided[entry.link_id] = (decision.target,)
