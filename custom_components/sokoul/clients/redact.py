"""Taking secrets out of what people get to see: logs, diagnostics, the journal, messages of errors.

Known secrets are replaced wherever they stand; unknown ones are recognised by where they stand: after a telling name,
in a URL's credentials, in a private tracker's announce URL. Info hashes and names stay, because support needs them.
"""

from collections.abc import Iterable, Mapping
import re
from typing import Any
from urllib.parse import quote, quote_plus

#: The text that Home Assistant's own diagnostics use.
REDACTED = "**REDACTED**"

#: Shorter ones are replaced only as whole words: an "a" is in every sentence.
_MIN_LENGTH_ANYWHERE = 4

_TELLING = r"api[_-]?key|token|passkey|password|passwd|passphrase|secret|auth[_-]?key|torrent[_-]?pass|rss[_-]?key"
_TELLING_ALONE = r"pwd|pass|sid|qbt_sid_\d+|connect\.sid|cookie|set-cookie|authorization|webhook_id|device_code"
_NAME = rf"(?<![\w.-])(?:[\w.-]*(?:{_TELLING})|{_TELLING_ALONE})"

_SECRET_NAME = re.compile(rf"[\w.-]*(?:{_TELLING})|{_TELLING_ALONE}", re.IGNORECASE)

#: Kinds of fields that the *arr mark themselves, in their lists of {name, value, privacy}.
_SECRET_PRIVACY = frozenset({"apiKey", "password", "userName"})

#: A part of a path that is made by a machine: long, and with digits unless it is very long.
_URL_KEY = r"(?=[\w-]{0,200}?\d|[\w-]{20})[\w-]{8,200}+"
#: The beginning of a URL, up to some slash.
_URL = r"\b(?:https?|udp|wss?)://[^\s\"'<>?]{0,300}?"

#: In order: a pattern and what it becomes. Bounded throughout, because the texts are hostile: a title of a megabyte
#: must not take minutes.
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), replacement)
    for pattern, replacement in (
        # credentials before the host of a URL
        (r"(\b[a-z][a-z0-9+.-]{0,30}://)[^/\s?#@\"'<>]{1,300}@", rf"\1{REDACTED}@"),
        # header lines: everything up to the end of the line or of the quotes
        (r"((?<![\w-])(?:proxy-)?authorization\\?[\"']?\s*[:=]\s*\\?[\"']?)[^\r\n\"'\\,}]+", rf"\1{REDACTED}"),
        (r"((?<![\w-])(?:set-)?cookie\\?[\"']?\s*[:=]\s*\\?[\"']?)[^\r\n\"'\\}]+", rf"\1{REDACTED}"),
        (r"(\bBearer\s+)[\w.~+/=-]{16,}", rf"\1{REDACTED}"),
        # quoted values in JSON, in JSON inside a JSON text, in what Python prints, in logfmt
        (rf"({_NAME}\"\s*:\s*\")(?:[^\"\\]|\\.)+(?=\")", rf"\1{REDACTED}"),
        (rf"({_NAME}\\\"\s*:\s*\\\")[^\"\\]+(?=\\\")", rf"\1{REDACTED}"),
        (rf"({_NAME}\\?[\"']?\s*[:=]\s*\\?')[^']+(?=')", rf"\1{REDACTED}"),
        (rf"({_NAME}\s*=\s*\")[^\"]+(?=\")", rf"\1{REDACTED}"),
        # name=value and name: value
        (rf"({_NAME}\s?[:=]\s?)(?!null\b|none\b|true\b|false\b|\*\*)[^\s&\"'<>;,)\]}}\\]+", rf"\1{REDACTED}"),
        (rf"({_NAME}%3D)[^\s&\"'<>;%]+", rf"\1{REDACTED}"),
        (r"([?&](?:key|auth|sig|signature|k)=)[^\s&\"'<>;]+", rf"\1{REDACTED}"),
        # announce URLs in magnet links
        (r"([?&;]tr(?:\.\d+)?=)[^\s&\"'<>]+", rf"\1{REDACTED}"),
        # announce URLs: "/passkey/announce", "/announce/passkey"
        (rf"({_URL}/){_URL_KEY}(?=/announce\b)", rf"\1{REDACTED}"),
        (rf"({_URL}/announce(?:\.php)?/)[^\s\"'<>?]+", rf"\1{REDACTED}"),
        # a key of 32 hexadecimal digits as a folder of a URL (an info hash has 40)
        (rf"({_URL}/)[0-9a-f]{{32}}(?=[/?\s\"'<>]|$)", rf"\1{REDACTED}"),
        (r"(/api/webhook/)[\w-]+", rf"\1{REDACTED}"),
        # keys that tell themselves: qBittorrent's, Telegram's, JSON web tokens
        (r"\bqbt_[A-Za-z0-9]{16,}", REDACTED),
        (r"(?<!\d)\d{8,10}:[\w-]{35}(?![\w-])", REDACTED),
        (r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+", REDACTED),
    )
)


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text without the given secrets and without what looks like one."""
    for secret in sorted(_spellings(secrets), key=len, reverse=True):
        if len(secret) >= _MIN_LENGTH_ANYWHERE:
            text = text.replace(secret, REDACTED)
        else:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", REDACTED, text)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def redact_data(value: Any, secrets: Iterable[str] = ()) -> Any:
    """Return JSON-like data without secrets: by the names of its keys, and every text through `redact`.

    Empty values and true or false stay as they are: whether a password is set is no secret.
    """
    secrets = frozenset(secrets)
    match value:
        case str():
            return redact(value, secrets)
        case Mapping():
            hidden = _SECRET_PRIVACY if value.get("privacy") in _SECRET_PRIVACY else None
            if hidden is None and isinstance(value.get("name"), str) and _SECRET_NAME.fullmatch(value["name"]):
                hidden = _SECRET_PRIVACY
            return {
                redact(name, secrets) if isinstance(name, str) else name: _hidden(each)
                if (isinstance(name, str) and _SECRET_NAME.fullmatch(name)) or (hidden and name == "value")
                else redact_data(each, secrets)
                for name, each in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [redact_data(each, secrets) for each in value]
        case int() | float() if not isinstance(value, bool) and str(value) in secrets:
            return REDACTED
        case _:
            return value


def _hidden(value: Any) -> Any:
    return value if value is None or value == "" or isinstance(value, bool) else REDACTED


def _spellings(secrets: Iterable[str]) -> set[str]:
    """Return the secrets as they stand in texts and in URLs."""
    return {
        spelling for secret in secrets if secret for spelling in (secret, quote(secret, safe=""), quote_plus(secret))
    }
