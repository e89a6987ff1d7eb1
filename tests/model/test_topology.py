"""Who uses whom: what evidence says, what stays open, and what the person says."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.sokoul.model.backend import Backend
from custom_components.sokoul.model.library import Protocol
from custom_components.sokoul.model.topology import Confidence, Correction, Edge, Topology, Witness, infer

from .make import application, arr, backends, item, link, prowlarr, qbittorrent, sonarr, torrent

QBT = "http://qbittorrent:8080"


def edges(topology: Topology) -> dict[tuple[str, int], tuple[str, Confidence]]:
    return {(edge.source, edge.link_id): (edge.target, edge.confidence) for edge in topology.edges}


def only(target: str, confidence: Confidence) -> dict[tuple[str, int], tuple[str, Confidence]]:
    return {("radarr", 1): (target, confidence)}


def case(name: str, all_of_them: Iterable[Backend], expected: Any) -> Any:
    return pytest.param(tuple(all_of_them), expected, id=name)


def radarr(*items: Any, url: str = "http://radarr:7878", **link_fields: Any) -> Backend:
    return arr(*items, url=url, links=(link(**link_fields),))


ONE_CLIENT = (
    case(
        "the same address",
        (qbittorrent(url=QBT), radarr()),
        only("qbt", Confidence.LIKELY),
    ),
    case(
        "the same address, written differently",
        (qbittorrent(url="HTTP://QBittorrent.:8080/"), radarr(host="qbittorrent")),
        only("qbt", Confidence.LIKELY),
    ),
    case(
        "a URL base on both sides",
        (qbittorrent(url="https://nas.lan/qbt/"), radarr(host="nas.lan", port=443, tls=True, url_base="/qbt")),
        only("qbt", Confidence.LIKELY),
    ),
    case(
        "an IPv6 address",
        (qbittorrent(url="http://[fd00::5]:8080"), radarr(host="fd00::5")),
        only("qbt", Confidence.LIKELY),
    ),
    case(
        "localhost is the machine of the *arr",
        (qbittorrent(url="http://192.168.1.5:8080"), radarr(url="http://192.168.1.5:7878", host="localhost")),
        only("qbt", Confidence.LIKELY),
    ),
    case(
        "localhost of an *arr on another machine",
        (qbittorrent(url="http://192.168.1.5:8080"), radarr(url="http://192.168.1.9:7878", host="127.0.0.1")),
        {},
    ),
    case(
        "a container name that means nothing here, the same port",
        (qbittorrent(url="http://192.168.1.5:8080"), radarr(host="gluetun")),
        only("qbt", Confidence.GUESSED),
    ),
    case(
        "an address inside the container network",
        (qbittorrent(url="http://192.168.1.5:8080"), radarr(host="172.18.0.4")),
        only("qbt", Confidence.GUESSED),
    ),
    case(
        "another port outside than inside: there is no other candidate",
        (qbittorrent(url="http://192.168.1.5:8090"), radarr(host="qbittorrent")),
        only("qbt", Confidence.GUESSED),
    ),
    case("another machine", (qbittorrent(url="http://192.168.1.5:8080"), radarr(host="192.168.1.9")), {}),
    case(
        "another port of the same machine",
        (qbittorrent(url="http://192.168.1.5:8080"), radarr(host="192.168.1.5", port=8081)),
        {},
    ),
    case(
        "another machine by its address, but the downloads are the same",
        (
            qbittorrent(torrent(1), torrent(2), url="http://192.168.1.5:8080"),
            radarr(item(1), item(2), host="192.168.1.9"),
        ),
        only("qbt", Confidence.PROVEN),
    ),
    case(
        "half of the queue is there",
        (qbittorrent(torrent(1), url="http://a:1"), radarr(item(1), item(2))),
        only("qbt", Confidence.PROVEN),
    ),
    case(
        "one download of five in common may be chance",
        (qbittorrent(torrent(1), url="http://a:1"), radarr(*(item(number) for number in range(1, 6)))),
        only("qbt", Confidence.LIKELY),
    ),
    case(
        "what other clients fetch does not count",
        (
            qbittorrent(torrent(1), url="http://a:1"),
            radarr(
                item(1), *(item(number, protocol=Protocol.USENET, download_client="SABnzbd") for number in range(2, 9))
            ),
        ),
        only("qbt", Confidence.PROVEN),
    ),
    case("an entry that is switched off", (qbittorrent(), radarr(enabled=False)), {}),
    case("an address that can't be read", (qbittorrent(url="http://[oops"), radarr()), only("qbt", Confidence.GUESSED)),
    case("SABnzbd is nobody that is connected", (qbittorrent(), radarr(implementation="Sabnzbd", port=8080)), {}),
    case("an *arr that was never read", (qbittorrent(), replace(radarr(), snapshot=None)), {}),
    case(
        "a client that was never read",
        (replace(qbittorrent(), snapshot=None), radarr(item(1))),
        only("qbt", Confidence.LIKELY),
    ),
)


@pytest.mark.parametrize(("all_of_them", "expected"), ONE_CLIENT)
def test_an_arr_uses(all_of_them: tuple[Backend, ...], expected: Any) -> None:
    assert edges(infer(backends(*all_of_them))) == expected


def test_two_radarrs_use_one_qbittorrent() -> None:
    topology = infer(backends(qbittorrent(), radarr(), arr(id="radarr-4k", url="http://radarr4k:7878")))
    assert topology.sources("qbt") == ("radarr", "radarr-4k")
    assert topology.targets("radarr") == ("qbt",)
    assert topology.client_of("radarr", "qBittorrent") == "qbt"
    assert topology.client_of("radarr", None) == "qbt"
    assert topology.client_of("radarr", "Transmission") is None
    assert topology.edge("radarr-4k", 1) is not None
    assert topology.edge("radarr-4k", 2) is None


def two_clients(first: Any = (), second: Any = ()) -> tuple[Backend, Backend]:
    return (
        qbittorrent(*first, id="one", url="http://192.168.1.5:8080"),
        qbittorrent(*second, id="two", url="http://192.168.1.6:8080"),
    )


def test_two_clients_with_one_port_stay_a_question() -> None:
    topology = infer(backends(*two_clients(), radarr(host="qbittorrent")))
    assert topology.edges == ()
    (question,) = topology.open_questions
    assert (question.source, question.link_name, question.candidates) == ("radarr", "qBittorrent", ("one", "two"))
    assert topology.client_of("radarr", "qBittorrent") is None


def test_two_clients_without_any_evidence_stay_a_question() -> None:
    topology = infer(backends(*two_clients(), radarr(host="qbittorrent", port=9999)))
    assert [question.candidates for question in topology.open_questions] == [("one", "two")]


def test_hashes_decide_between_two_clients() -> None:
    one, two = two_clients(first=[torrent(1)], second=[torrent(1), torrent(2), torrent(3)])
    topology = infer(backends(one, two, radarr(item(2), item(3), host="qbittorrent")))
    assert edges(topology) == only("two", Confidence.PROVEN)
    (edge,) = topology.edges
    assert edge.evidence == {Witness.HASHES, Witness.PORT}


def test_an_address_decides_where_the_hashes_are_in_both() -> None:
    one, two = two_clients(first=[torrent(1)], second=[torrent(1)])
    topology = infer(backends(one, two, radarr(item(1), host="192.168.1.6")))
    assert edges(topology) == only("two", Confidence.PROVEN)


def test_hashes_in_both_and_no_address_stay_a_question() -> None:
    one, two = two_clients(first=[torrent(1)], second=[torrent(1)])
    assert infer(backends(one, two, radarr(item(1), host="qbittorrent"))).edges == ()


def test_each_entry_counts_its_own_downloads() -> None:
    links = (link(id=1, name="fast", host="fast"), link(id=2, name="slow", host="slow"))
    one, two = two_clients(first=[torrent(1)], second=[torrent(2)])
    both = arr(item(1, download_client="fast"), item(2, download_client="slow"), links=links)
    assert edges(infer(backends(one, two, both))) == {
        ("radarr", 1): ("one", Confidence.PROVEN),
        ("radarr", 2): ("two", Confidence.PROVEN),
    }


def test_what_another_entry_surely_is_is_out() -> None:
    links = (link(id=1, name="fast", host="192.168.1.5"), link(id=2, name="slow", host="slow"))
    topology = infer(backends(*two_clients(), arr(links=links)))
    assert edges(topology) == {("radarr", 1): ("one", Confidence.LIKELY), ("radarr", 2): ("two", Confidence.GUESSED)}
    guess = topology.edge("radarr", 2)
    assert guess is not None
    assert guess.evidence == {Witness.PORT, Witness.OTHERS_TAKEN}


def test_an_entry_is_not_the_only_client_that_another_entry_surely_is() -> None:
    links = (link(id=1, host="qbittorrent"), link(id=2, name="seedbox", host="seedbox.example", port=443))
    topology = infer(backends(qbittorrent(url=QBT), arr(links=links)))
    assert edges(topology) == only("qbt", Confidence.LIKELY)
    assert [stranger.link_name for stranger in topology.strangers] == ["seedbox"]


def test_two_entries_that_may_be_the_only_client_are_a_question() -> None:
    links = (link(id=1, name="a", host="a", port=1), link(id=2, name="b", host="b", port=2))
    topology = infer(backends(qbittorrent(url=QBT), arr(links=links)))
    assert topology.edges == ()
    assert [question.candidates for question in topology.open_questions] == [("qbt",), ("qbt",)]


def test_a_stranger_is_named_with_its_address() -> None:
    sab = link(id=7, name="SABnzbd", implementation="Sabnzbd", host="sab", port=8085, url_base="/sabnzbd")
    (stranger,) = infer(backends(qbittorrent(), arr(links=(sab,)))).strangers
    assert (stranger.link_name, stranger.implementation, stranger.address) == ("SABnzbd", "Sabnzbd", "sab:8085/sabnzbd")


def test_prowlarr_feeds_the_arr_at_its_address() -> None:
    feeds = (
        application(id=1, base_url="http://radarr:7878"),
        application(id=2, name="Sonarr", implementation="Sonarr", base_url="http://10.0.0.7:8989"),
        application(id=3, name="Lidarr", implementation="Lidarr", base_url="http://lidarr:8686"),
    )
    topology = infer(
        backends(prowlarr(applications=feeds), radarr(), sonarr(links=(), url="http://10.0.0.8:8989"), qbittorrent())
    )
    assert topology.targets("prowlarr") == ("radarr",)
    assert sorted(stranger.link_name for stranger in topology.strangers) == ["Lidarr", "Sonarr"]


# -- the person -------------------------------------------------------------------------------------------------------


def test_the_person_has_the_last_word() -> None:
    one, two = two_clients(first=[torrent(1)])
    known = backends(one, two, radarr(item(1), host="192.168.1.5"))
    assert edges(infer(known)) == only("one", Confidence.PROVEN)
    said = Correction("radarr", 1, "two", serves=True)
    assert edges(infer(known, [said])) == only("two", Confidence.CONFIRMED)
    assert edges(infer(known, [Correction("radarr", 2, "two", serves=True)])) == only("one", Confidence.PROVEN)


def test_what_the_person_rules_out_is_out() -> None:
    known = backends(*two_clients(), radarr(host="qbittorrent"))
    topology = infer(known, [Correction("radarr", 1, "one", serves=False)])
    assert edges(topology) == only("two", Confidence.GUESSED)
    both = [Correction("radarr", 1, each, serves=False) for each in ("one", "two")]
    topology = infer(known, both)
    assert (topology.edges, topology.open_questions, len(topology.strangers)) == ((), (), 1)


def test_a_correction_about_a_backend_that_is_gone_is_nothing() -> None:
    known = backends(qbittorrent(), radarr())
    assert edges(infer(known, [Correction("radarr", 1, "gone", serves=True)])) == only("qbt", Confidence.LIKELY)


# -- memory -----------------------------------------------------------------------------------------------------------


def test_an_empty_queue_takes_no_proof_back() -> None:
    one, two = two_clients(first=[torrent(1)])
    proven = infer(backends(one, two, radarr(item(1), host="qbittorrent")))
    empty = backends(one, two, radarr(host="qbittorrent"))
    assert edges(infer(empty)) == {}
    assert edges(infer(empty, previous=proven)) == only("one", Confidence.PROVEN)


def test_another_address_starts_anew() -> None:
    one, two = two_clients(first=[torrent(1)])
    proven = infer(backends(one, two, radarr(item(1), host="qbittorrent")))
    moved = backends(one, two, radarr(host="elsewhere"))
    assert edges(infer(moved, previous=proven)) == {}


def test_a_new_proof_beats_the_old_one() -> None:
    one, two = two_clients(first=[torrent(1)], second=[torrent(2)])
    proven = infer(backends(one, two, radarr(item(1), host="qbittorrent")))
    assert edges(infer(backends(one, two, radarr(item(2), host="qbittorrent")), previous=proven)) == only(
        "two", Confidence.PROVEN
    )


def test_a_guess_is_not_remembered() -> None:
    one, two = two_clients()
    guessed = infer(backends(one, radarr(host="qbittorrent")))
    assert edges(guessed) == only("one", Confidence.GUESSED)
    assert edges(infer(backends(one, two, radarr(host="qbittorrent")), previous=guessed)) == {}


def test_a_correction_that_is_taken_back_leaves_nothing() -> None:
    known = backends(*two_clients(), radarr(host="qbittorrent"))
    confirmed = infer(known, [Correction("radarr", 1, "two", serves=True)])
    assert edges(infer(known, previous=confirmed)) == {}


def test_a_source_that_was_not_read_keeps_its_edges() -> None:
    known = backends(qbittorrent(), radarr())
    before = infer(known)
    unread = {**known, "radarr": replace(known["radarr"], snapshot=None, available=False)}
    assert infer(unread, previous=before).edges == before.edges
    without_client = {key: value for key, value in unread.items() if key != "qbt"}
    assert infer(without_client, previous=before).edges == ()


# -- in general -------------------------------------------------------------------------------------------------------

HOSTS = st.sampled_from(["qbittorrent", "localhost", "192.168.1.5", "192.168.1.6", "172.18.0.2"])
PORTS = st.sampled_from([8080, 8081])
CLIENTS = st.lists(st.tuples(HOSTS, PORTS, st.sets(st.integers(1, 4), max_size=3)), max_size=3)
LINKS = st.lists(st.tuples(HOSTS, PORTS), max_size=3)


def _stack(clients: list[Any], links: list[Any], queue: set[int], order: Iterable[int]) -> dict[str, Backend]:
    made = [
        qbittorrent(*(torrent(number) for number in sorted(hashes)), id=f"qbt{index}", url=f"http://{host}:{port}")
        for index, (host, port, hashes) in enumerate(clients)
    ]
    entries = [link(id=index, name=f"link{index}", host=host, port=port) for index, (host, port) in enumerate(links)]
    items = [item(number, download_client=f"link{number % max(len(links), 1)}") for number in sorted(queue)]
    known = {f"qbt{index}": made[index] for index in order if index < len(made)}
    return {**known, "radarr": arr(*items, links=entries)}


@given(CLIENTS, LINKS, st.sets(st.integers(1, 4)), st.permutations(range(3)))
def test_the_order_of_the_backends_decides_nothing(
    clients: list[Any], links: list[Any], queue: set[int], order: list[int]
) -> None:
    """Every enabled entry is exactly one of edge, question and stranger, whichever backend was added first."""
    straight = infer(_stack(clients, links, queue, range(3)))
    shuffled = infer(_stack(clients, links, queue, order))
    assert set(straight.edges) == set(shuffled.edges)
    assert set(straight.strangers) == set(shuffled.strangers)
    assert {(each.link_id, frozenset(each.candidates)) for each in straight.open_questions} == {
        (each.link_id, frozenset(each.candidates)) for each in shuffled.open_questions
    }
    entries = [each.link_id for each in (*straight.edges, *straight.open_questions, *straight.strangers)]
    assert sorted(entries) == list(range(len(links)))
    assert all(isinstance(each, Edge) and each.evidence for each in straight.edges)


@given(CLIENTS, LINKS, st.sets(st.integers(1, 4)))
def test_inferring_again_changes_nothing(clients: list[Any], links: list[Any], queue: set[int]) -> None:
    known = _stack(clients, links, queue, range(3))
    first = infer(known)
    assert infer(known, previous=first) == first
