"""Ports that nobody takes before they are used."""

import socket
from types import SimpleNamespace

import pytest

from devstack import ports


@pytest.mark.usefixtures("socket_enabled")
def test_a_port_is_free_and_none_of_the_systems_own() -> None:
    port = ports.free_port()
    with socket.create_server(("127.0.0.1", port)) as ours, socket.create_server(("127.0.0.1", 0)) as chosen:
        assert ours.getsockname()[1] == port
        assert port < 32_000 < chosen.getsockname()[1]


@pytest.mark.usefixtures("socket_enabled")
def test_a_port_in_use_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    taken, other = ports.free_port(), ports.free_port()
    monkeypatch.setattr(ports, "_RANGE", range(taken, taken + 1))
    with socket.create_server(("127.0.0.1", taken)), pytest.raises(OSError, match="no free port"):
        ports.free_port()
    choices = iter([taken, other])
    monkeypatch.setattr(ports, "_chance", SimpleNamespace(choice=lambda _: next(choices)))
    with socket.create_server(("127.0.0.1", taken)):
        assert ports.free_port() == other
