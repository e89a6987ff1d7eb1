"""What surrounds a name: a site that passed it on, the group, an extension, a sample's mark."""

from dataclasses import dataclass
import re
from typing import Final

_EXTENSION = re.compile(
    r"\.(?:mkv|mp4|avi|m4v|mov|wmv|mpg|mpeg|ts|m2ts|webm|flv|iso|nzb|torrent|srt|nfo|rar|zip)$", re.IGNORECASE
)
_DOMAIN = (
    r"(?:www\.)?[\w-]+(?:\.[\w-]+)*\."
    r"(?:com|org|net|info|me|to|re|ru|se|cc|tv|io|nz|li|ag|si|lol|ac|mx|am|lt|tf|fi|ws|xyz|eu|pw|fun|one|app|wtf)"
)
_SITE_FIRST = re.compile(
    rf"\s*(?:[\[{{(]\s*{_DOMAIN}\s*[\]}})]\s*[-\u2013._]*"
    r"|www\.[\w-]+(?:\.[\w-]+)*\.\w{2,5}\s+-?\s*"
    r"|www\.[\w-]+\.\w{2,5}\s*-\s*)\s*",
    re.IGNORECASE,
)
#: Sites and uploaders who only pass on: what they add is no group.
_PASSED_ON: Final = frozenset(
    {
        "tgx", "rartv", "rarbg", "eztv", "ettv", "eztvx", "qxr", "ethd", "etrg", "glhf", "hdr", "prem", "n1c", "req",
        "batch", "sample", "complete", "end", "dual", "rus", "movie", "no subs", "xc", "utr", "ctrl",
    }
)  # fmt: skip
_UPLOADER = re.compile(
    r"-(?:xpost|obfuscated|scrambled|postbot|rakuv\w*|whiterev|buymore|asrequested|alternativetorequested|"
    r"geroov|chamele0n|nzbgeek|4planet|4p|jyk|b4nd1t69|repost|wrtteam|zerosec|aot|rp|1)$",
    re.IGNORECASE,
)
_SAMPLE_FIRST = re.compile(r"sample-(?=\S)", re.IGNORECASE)
_SAMPLE_LAST = re.compile(r"(?:[-._ ]sample|\s*\(sample\)|\s*\[sample\])$", re.IGNORECASE)
_LEADING_GROUP = re.compile(r"\s*[\[【]\s*([^\]】]{1,60}?)\s*[\]】][ ._-]*(?=\S)")
_TRAILING_BLOCK = re.compile(r"[-\s._]*[\[({]([^\[\](){}]*)[\])}]\s*$")
_CHECKSUM = re.compile(r"[0-9A-F]{8}", re.IGNORECASE)
_DASHED = re.compile(r"[-~]\s*([^\W_][\w.@!&]*)\s*(?:\[[^\[\]]*\]\s*)?$")
_EPISODE_VERSION = re.compile(r"(?<=\d)v([2-9])(?![^\W_])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Frame:
    """A name without what surrounds it."""

    text: str
    leading_group: str | None = None  # in brackets before the title, as anime groups sign
    dashed: tuple[int, int] | None = None  # where what may be a group is, behind the last dash
    sample: bool = False
    version: int = 1  # "12v2"


def frame(name: str) -> Frame:
    """Take a name out of what surrounds it."""
    text = _EXTENSION.sub("", name.strip())
    if site := _SITE_FIRST.match(text):
        text = text[site.end() :] or text
    text, sample = _without_sample(text)
    text = _UPLOADER.sub("", text)
    text, leading = _without_leading_group(text)
    text = _without_trailing_blocks(text)
    version = _EPISODE_VERSION.search(text)
    dashed = _DASHED.search(text)
    return Frame(
        text=text,
        leading_group=leading,
        dashed=dashed.span(1) if dashed else None,
        sample=sample,
        version=int(version[1]) if version else 1,
    )


def _without_sample(text: str) -> tuple[str, bool]:
    first = _SAMPLE_FIRST.match(text)
    if first:
        text = text[first.end() :]
    shorter = _SAMPLE_LAST.sub("", text)
    sample = bool(first) or shorter != text
    return shorter or text, sample


def _without_leading_group(text: str) -> tuple[str, str | None]:
    found = _LEADING_GROUP.match(text)
    if found is None or found.end() >= len(text):
        return text, None
    name = found[1]
    if name.lower() in _PASSED_ON or re.fullmatch(_DOMAIN, name, re.IGNORECASE):
        return text[found.end() :], None
    return text[found.end() :], name


def _without_trailing_blocks(text: str) -> str:
    """Take off sites and checksums in brackets at the end; what else is there may be the group, or tags."""
    while found := _TRAILING_BLOCK.search(text):
        inside = found[1].strip()
        site = inside.lower() in _PASSED_ON or (
            re.fullmatch(_DOMAIN, inside, re.IGNORECASE) and not inside.lower().startswith("yts.")
        )
        if not (site or _CHECKSUM.fullmatch(inside)) or found.start() == 0:
            break
        text = text[: found.start()]
    return text
