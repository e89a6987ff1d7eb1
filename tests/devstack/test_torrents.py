"""Torrent files and magnet links; where libtorrent is there, it has to agree."""

import base64
import contextlib
import json
from pathlib import Path
import subprocess
from typing import Any

from hypothesis import given, strategies as st
import pytest

from devstack.torrents import Magnet, TorrentError, TorrentFile, bdecode, bencode, make_torrent

from .conftest import find_swarm_python

VALUES: st.SearchStrategy[Any] = st.recursive(
    st.integers() | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_bencoding_is_undone_by_decoding(value: Any) -> None:
    assert bdecode(bencode(value)) == value


@given(st.binary(max_size=60))
def test_no_bytes_make_decoding_fail_otherwise(data: bytes) -> None:
    with contextlib.suppress(TorrentError):
        bdecode(data)


@pytest.mark.parametrize(
    "data", [b"", b"garbage", b"i5", b"5:ab", b"i5ei6e", b"d4:infod4:name1:aee", b"l" * 100_000, b"di1ei2ee", b"le"]
)
def test_what_is_no_torrent(data: bytes) -> None:
    with pytest.raises(TorrentError):
        TorrentFile.parse(data)


def test_a_single_file() -> None:
    torrent = TorrentFile.parse(make_torrent(b"x" * 100_000, name="a.mkv", announce="http://t/a", private=True))
    assert (torrent.name, torrent.files, torrent.size_bytes) == ("a.mkv", (("a.mkv", 100_000),), 100_000)
    assert (torrent.private, torrent.trackers, torrent.pieces) == (True, (("http://t/a",),), 2)
    assert torrent.created_epoch == -1


def test_a_folder_on_disk(tmp_path: Path) -> None:
    (tmp_path / "pack/sub").mkdir(parents=True)
    (tmp_path / "pack/b.mkv").write_bytes(b"b" * 10)
    (tmp_path / "pack/sub/a.srt").write_bytes(b"a")
    made = make_torrent(tmp_path / "pack", announce=[["http://a", "http://b"], ["udp://c"]], comment="hello")
    torrent = TorrentFile.parse(made)
    assert torrent.files == (("pack/b.mkv", 10), ("pack/sub/a.srt", 1))
    assert torrent.trackers == (("http://a", "http://b"), ("udp://c",))
    assert torrent.comment == "hello"
    assert make_torrent({"b.mkv": b"b" * 10, "sub/a.srt": b"a"}, name="pack") == make_torrent(tmp_path / "pack")


def test_magnet_links() -> None:
    link = str(Magnet(hash="ab" * 20, name="a b&c", trackers=("http://t/?k=1&l",)))
    assert Magnet.parse(link) == Magnet(hash="ab" * 20, name="a b&c", trackers=("http://t/?k=1&l",))
    in_base32 = base64.b32encode(bytes.fromhex("ab" * 20)).decode()
    assert Magnet.parse(f"magnet:?xt=urn:btih:{in_base32}").hash == "ab" * 20
    assert Magnet.parse("magnet:?dn=x&xt=urn:btih:" + "AB" * 20).hash == "ab" * 20
    for wrong in ("", "http://x", "magnet:?dn=x", "magnet:?xt=urn:btih:abc"):
        with pytest.raises(TorrentError):
            Magnet.parse(wrong)


@pytest.mark.real
def test_libtorrent_reads_the_same(tmp_path: Path) -> None:
    made = make_torrent({"a/b.bin": b"ab" * 70_000, "c": b"x"}, name="N", announce="http://x/a", private=True)
    (tmp_path / "a.torrent").write_bytes(made)
    program = (
        "import json, sys, libtorrent as lt\n"
        "info = lt.torrent_info(sys.argv[1])\n"
        "files = [[info.files().file_path(i), info.files().file_size(i)] for i in range(info.num_files())]\n"
        "print(json.dumps([str(info.info_hash()), info.priv(), info.num_pieces(), files]))"
    )
    command = [str(find_swarm_python()), "-c", program, str(tmp_path / "a.torrent")]
    said = json.loads(subprocess.run(command, capture_output=True, check=True, text=True).stdout)
    torrent = TorrentFile.parse(made)
    assert said == [torrent.hash, True, torrent.pieces, [list(file) for file in torrent.files]]
