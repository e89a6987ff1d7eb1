"""Reads release names with parsett or guessit, in an environment of its own: names on stdin, facts and speed on stdout.

Run by `benchmarks/releases.py`. It imports nothing of ours, and translates what they say into the words of the corpus
as kindly as possible.
"""

from collections.abc import Callable, Iterable, Mapping
import json
import os
from pathlib import Path
import sys
import time
from typing import Any

type Facts = dict[str, Any]

_PARSETT_SOURCES = {
    "BluRay REMUX": "bluray",
    "REMUX": "bluray",
    "UHDRip": "bluray",
    "BluRay": "bluray",
    "BRRip": "bluray",
    "BDRip": "bluray",
    "WEB-DL": "web-dl",
    "WEB": "web-dl",
    "WEBRip": "webrip",
    "WEB-DLRip": "webrip",
    "WEBMux": "webrip",
    "HDRip": "webrip",
    "HDTV": "tv",
    "HDTVRip": "tv",
    "PDTV": "tv",
    "SATRip": "tv",
    "TVRip": "tv",
    "DVDRip": "dvd",
    "DVD": "dvd",
    "CAM": "cam",
    "TeleSync": "telesync",
    "TeleCine": "telecine",
    "SCR": "screener",
    "VHSRip": "vhs",
    "VHS": "vhs",
    "R5": "r5",
}
_PARSETT_AUDIO = {
    "Atmos": "atmos",
    "TrueHD": "truehd",
    "DTS Lossless": "dts",
    "DTS Lossy": "dts",
    "DTS": "dts",
    "Dolby Digital Plus": "ddp",
    "Dolby Digital": "dd",
    "AAC": "aac",
    "FLAC": "flac",
    "OPUS": "opus",
    "MP3": "mp3",
    "PCM": "pcm",
}
_PARSETT_CODECS = {"avc": "h264", "hevc": "h265", "av1": "av1", "xvid": "xvid", "mpeg": "mpeg2", "vvc": "h266"}
_PARSETT_HDR = {"DV": "dv", "HDR10+": "hdr10+", "HDR": "hdr10", "HDR10": "hdr10", "SDR": "sdr"}
_GUESSIT_SOURCES = {
    "Blu-ray": "bluray",
    "Ultra HD Blu-ray": "bluray",
    "HD-DVD": "bluray",
    "HDTV": "tv",
    "Ultra HDTV": "tv",
    "TV": "tv",
    "Digital TV": "tv",
    "Satellite": "tv",
    "DVD": "dvd",
    "Camera": "cam",
    "HD Camera": "cam",
    "Telesync": "telesync",
    "HD Telesync": "telesync",
    "Telecine": "telecine",
    "HD Telecine": "telecine",
    "Workprint": "workprint",
    "VHS": "vhs",
}
_GUESSIT_AUDIO = {
    "Dolby Atmos": "atmos",
    "Dolby TrueHD": "truehd",
    "DTS": "dts",
    "DTS-HD": "dts",
    "DTS:X": "dts",
    "Dolby Digital Plus": "ddp",
    "Dolby Digital": "dd",
    "AAC": "aac",
    "FLAC": "flac",
    "Opus": "opus",
    "MP3": "mp3",
    "LPCM": "pcm",
    "PCM": "pcm",
}
_GUESSIT_CODECS = {
    "H.264": "h264",
    "H.265": "h265",
    "H.266": "h266",
    "AV1": "av1",
    "Xvid": "xvid",
    "DivX": "divx",
    "VC-1": "vc1",
    "VP9": "vp9",
    "MPEG-2": "mpeg2",
}
_GUESSIT_HDR = {"Dolby Vision": "dv", "HDR10": "hdr10", "HDR10+": "hdr10+", "Standard Dynamic Range": "sdr"}


def _all(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _known(values: Iterable[Any], table: Mapping[str, str]) -> list[str]:
    return sorted({table.get(str(value), str(value)) for value in values})


def from_parsett(found: Mapping[str, Any]) -> Facts:
    """Translate what parsett says."""
    lines = found.get("resolution") or ""
    quality = found.get("quality")
    return {
        "title": found.get("title") or "",
        "year": found.get("year"),
        "seasons": found.get("seasons") or [],
        "episodes": found.get("episodes") or [],
        "aired": found.get("date"),
        "resolution": {"4k": 2160, "8k": 4320}.get(lines, int(lines[:-1]) if lines[:-1].isdecimal() else None),
        "source": _PARSETT_SOURCES.get(quality, quality) if quality else None,
        "codec": _PARSETT_CODECS.get(found.get("codec") or "", found.get("codec")),
        "hdr": _known(found.get("hdr") or [], _PARSETT_HDR),
        "audio": _known(found.get("audio") or [], _PARSETT_AUDIO),
        "channels": next(iter(found.get("channels") or []), None),
        "languages": sorted(found.get("languages") or []),
        "group": found.get("group"),
        "edition": found.get("edition"),
        "remux": "REMUX" in (quality or ""),
        "hardsub": bool(found.get("hardcoded")),
        **{flag: bool(found.get(flag)) for flag in ("proper", "repack")},
    }


def from_guessit(found: Mapping[str, Any]) -> Facts:
    """Translate what guessit says."""
    other = {str(each) for each in _all(found.get("other"))}
    source = next((str(each) for each in _all(found.get("source"))), None)
    if source == "Web":
        source = "webrip" if "Rip" in other else "web-dl"
    if "Screener" in other:
        source = "screener"
    lines = str(found.get("screen_size") or "")
    title = " ".join(str(each) for each in (found.get("title"), *_all(found.get("part"))) if each is not None)
    return {
        "title": title,
        "year": found.get("year"),
        "seasons": _all(found.get("season")),
        "episodes": _all(found.get("episode")) or _all(found.get("absolute_episode")),
        "aired": str(found["date"]) if "date" in found else None,
        "resolution": int(lines[:-1]) if lines[:-1].isdecimal() else None,
        "source": _GUESSIT_SOURCES.get(source, source) if source else None,
        "codec": next((_GUESSIT_CODECS.get(str(each), str(each)) for each in _all(found.get("video_codec"))), None),
        "hdr": sorted(_GUESSIT_HDR[each] for each in other & _GUESSIT_HDR.keys()),
        "audio": _known(_all(found.get("audio_codec")), _GUESSIT_AUDIO),
        "channels": next((str(each) for each in _all(found.get("audio_channels"))), None),
        "languages": sorted(str(each.alpha2) for each in _all(found.get("language")) if hasattr(each, "alpha2")),
        "group": found.get("release_group"),
    }


def _reader(name: str) -> tuple[Callable[[str], Mapping[str, Any]], Callable[[Mapping[str, Any]], Facts]]:
    if name == "parsett":
        # one of the two, here, as how long it takes is measured; neither is in the environment of the tests
        import PTT  # type: ignore[import-not-found]  # noqa: PLC0415 -- fetched for this alone; its import is timed

        return PTT.parse_title, from_parsett
    # as above
    import guessit  # type: ignore[import-not-found]  # noqa: PLC0415 -- fetched for this alone; its import is timed

    return guessit.guessit, from_guessit


def _tried(read: Callable[[str], Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    try:
        return read(name)
    except Exception:  # noqa: BLE001 -- one that raises has read nothing
        return {}


def _memory_bytes() -> int:
    """Return the resident memory of this process."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def main() -> None:
    """Read all names twice: once to warm up and to keep what they say, once for the time."""
    before = _memory_bytes()
    started = time.process_time()
    read, translate = _reader(sys.argv[1])
    imported = time.process_time() - started
    names = json.load(sys.stdin)
    facts = [translate(_tried(read, name)) for name in names]
    started = time.process_time()
    for name in names:
        _tried(read, name)
    seconds = time.process_time() - started
    memory = _memory_bytes() - before
    json.dump({"facts": facts, "seconds": seconds, "import_seconds": imported, "memory_bytes": memory}, sys.stdout)


if __name__ == "__main__":
    main()
