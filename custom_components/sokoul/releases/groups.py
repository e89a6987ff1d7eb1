"""What surrounds a name: a site that passed it on, the group, an extension, a sample's mark."""

from dataclasses import dataclass
import re
from typing import Final

from .tokens import are_codecs, starts_with_tags

_EXTENSION = re.compile(
    r"\.(?:mkv|mp4|avi|m4v|mov|wmv|mpg|mpeg|ts|m2ts|webm|flv|iso|nzb|torrent|srt|nfo|rar|zip)$", re.IGNORECASE
)
_DOMAIN = (
    r"(?:www\.)?[\w-]+(?:\.[\w-]+)*\."
    r"(?:com|org|net|info|me|to|re|ru|se|cc|tv|io|nz|li|ag|si|lol|ac|mx|am|lt|tf|fi|ws|xyz|eu|pw|fun|one|app|wtf"
    r"|site|club|online|live|life|world|zone|link|cloud|vip|top|pro|best|rip)"
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
        "tgx", "rartv", "rarbg", "eztv", "ettv", "eztvx", "ethd", "etrg", "glhf", "hdr", "prem", "n1c", "req",
        "batch", "sample", "complete", "end", "dual", "rus", "movie", "no subs", "xc",
    }
)  # fmt: skip
#: Those who posted it again, and those who hid its name meanwhile.
_UPLOADER = re.compile(
    r"(?:-(?:xpost|obfuscat(?:ed|ion)|scrambled|postbot|rakuv\w*|whiterev|buymore|asrequested|repackpost|altezachen|"
    r"alternativetorequested|gerov|z0ids3n|chamele0n|nzbgeek|4planet|4p|jyk|b4nd1t69|repost|pre|rp|1))+$",
    re.IGNORECASE,
)
#: Groups whose names have a dash.
_WITH_A_DASH = re.compile(
    r"(?<=[-. ])(?:d-z0n3|blu-bits|dx-tv|ftw-hs|vh-prod|fight-bb|erai-raws|tsundere-raws|e-n-d|[^\W_]+-team)$",
    re.IGNORECASE,
)
_SAMPLE_FIRST = re.compile(r"sample-(?=\S)", re.IGNORECASE)
_SAMPLE_LAST = re.compile(r"(?:[-._ ]sample|\s*\(sample\)|\s*\[sample\])$", re.IGNORECASE)
_LEADING_GROUP = re.compile(r"\s*[\[【]\s*([^\]】]{1,60}?)\s*[\]】][ ._-]*(?=\S)")
_TRAILING_BLOCK = re.compile(r"[-\s._]*[\[({]([^\[\](){}]*)[\])}]\s*$")
#: What may be a site, and how a release ends that somebody else has signed: the group has no dots.
_MAYBE_SITE = re.compile(r"[\w-]+(?:\.[\w-]+)*\.[a-z]{2,7}", re.IGNORECASE)
_SIGNED = re.compile(
    r"(?:\d{3,4}[pi]|[xh][. ]?26[45]|xvid|hevc)(?![^\W_]).{0,60}?[^\W_]-(?!\d+$)[^\W_]+$", re.IGNORECASE
)
_CHECKSUM = re.compile(r"[0-9A-F]{8}", re.IGNORECASE)
_DASHED = re.compile(r"[-~]\s*([^\W_][\w.@!&]*)\s*(?:[\[(][^\[\]()]*[\])]\s*)?$")
#: Those who sign behind their members, or with a site of their own.
_COLLECTIVE = re.compile(r"(?<![^\W_])(?:qxr|taoe|utr|yts\.\w{2,3})(?=[\])\s]*$)", re.IGNORECASE)
_SECOND_GROUP = re.compile(r"\[[^\]\d]{1,20}\]_(?=\w)")
#: A group of several words, or with a language behind it: nothing but a dash before it.
_DASHED_WORDS = re.compile(r"(?<=[^\W_]) ?-([^\W_]\w*(?:[ ._]\w+){1,2})$")
#: "[REC] (2007) 1080p": behind it are tags alone.
_YEAR_NEXT = re.compile(r"[\[(](?:19|20)\d\d[\])](?![^\W_])")
_YEAR_FIRST = re.compile(r"\(((?:19|20)\d\d)\) +(?=\S)")
_EPISODE_VERSION = re.compile(r"(?<=\d)v([2-9])(?![^\W_])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Frame:
    """A name without what surrounds it."""

    text: str
    leading_group: str | None = None  # in brackets before the title, as anime groups sign
    collective: tuple[int, int] | None = None  # where a group signs that is known to sign last
    dashed: tuple[int, int] | None = None  # where what may be a group is, behind the last dash
    sample: bool = False
    disc: bool = False  # its extension says so
    m2ts: bool = False  # that is its extension
    version: int = 1  # "12v2"


def frame(name: str) -> Frame:
    """Take a name out of what surrounds it."""
    text = _EXTENSION.sub("", name.strip())
    extension = name.strip().lower()[-5:]
    if site := _SITE_FIRST.match(text):
        text = text[site.end() :] or text
    text, sample = _without_sample(text)
    text = _UPLOADER.sub("", text)
    text, leading = _without_leading_group(text)
    if leading is not None and (year := _YEAR_NEXT.match(text)) and starts_with_tags(text[year.end() :]):
        text, leading = f"{leading} {text}", None
    text = _without_trailing_blocks(text)
    if year := _YEAR_FIRST.match(text):
        text = f"{text[year.end() :]} ({year[1]})"
    collective = _COLLECTIVE.search(text)
    version = _EPISODE_VERSION.search(text)
    return Frame(
        text=text,
        leading_group=leading,
        collective=collective.span() if collective else None,
        dashed=_behind_the_dash(text),
        sample=sample,
        disc=extension.endswith(".iso"),
        m2ts=extension == ".m2ts",
        version=int(version[1]) if version else 1,
    )


def _behind_the_dash(text: str) -> tuple[int, int] | None:
    for pattern, number in ((_WITH_A_DASH, 0), (_DASHED, 1), (_DASHED_WORDS, 1)):
        if found := pattern.search(text):
            return found.span(number)
    return None


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
    if are_codecs(name):
        return text, None
    if name.lower() in _PASSED_ON or re.fullmatch(_DOMAIN, name, re.IGNORECASE):
        return text[found.end() :], None
    rest = text[found.end() :]
    if _MAYBE_SITE.fullmatch(name) and _SIGNED.search(_without_trailing_blocks(rest)):
        return rest, None
    return _SECOND_GROUP.sub("", rest, count=1) if _SECOND_GROUP.match(rest) else rest, name


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
