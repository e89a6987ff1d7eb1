"""Validation against the OpenAPI files that the backends publish.

What our clients send and what the simulators answer is checked with openapi-core. The published files are wrong in
places; every such place is an `Amendment` with its reason, applied to the document in memory. openapi-core lets unknown
query parameters pass, so these are checked here.

    RADARR = Specification.find("radarr-v3.openapi.json", amendments=RADARR_AMENDMENTS)
    RADARR.check_request(request)             # raises SpecificationError
    RADARR.check_response(request, response)
    RADARR.check_seen(simulator.requests)     # what a client sent to a simulator
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
import json
from pathlib import Path
import re
from typing import Any, Self

from openapi_core import Config, OpenAPI
from openapi_core.datatypes import RequestParameters
import pytest
from werkzeug.datastructures import Headers, ImmutableMultiDict
import yaml

SPECIFICATIONS = Path(__file__).resolve().parents[2] / "shared" / "specs"
_HOST = "http://specification.test"
_METHODS = ("get", "put", "post", "delete", "head", "patch", "options")

type Document = dict[str, Any]


class SpecificationError(AssertionError):
    """A request or an answer is not as specified."""


@dataclass(frozen=True, slots=True)
class Amendment:
    """A correction of a published file, and why it is needed."""

    reason: str
    apply: Callable[[Document], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A request as it went over the wire."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def of(cls, seen: Any) -> Self:
        """Take a request that a simulator recorded."""
        return cls(method=seen.method, path=seen.path, query=seen.query, headers=seen.headers, body=seen.body)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """An answer as it came over the wire."""

    status: int
    content_type: str
    body: bytes


class _Request:
    """What openapi-core wants to know of a request."""

    def __init__(self, sent: Sent) -> None:
        headers = Headers(list(sent.headers.items()))
        self.parameters = RequestParameters(query=ImmutableMultiDict(sent.query), header=headers)
        self.method = sent.method.lower()
        self.host_url = _HOST
        self.path = sent.path
        self.content_type = (headers.get("Content-Type") or "application/json").partition(";")[0]
        self.body = sent.body or None


class _Response:
    """What openapi-core wants to know of an answer."""

    def __init__(self, answer: Answer, status: int) -> None:
        self.status_code = status
        self.headers = Headers([("Content-Type", answer.content_type)])
        self.content_type = answer.content_type.partition(";")[0]
        self.data = answer.body


class Specification:
    """One published file."""

    def __init__(self, path: Path, amendments: Iterable[Amendment] = (), *, url_base: str = "") -> None:
        text = path.read_text(encoding="utf-8")
        document: Document = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
        document["servers"] = [{"url": _HOST + url_base}]
        for amendment in amendments:
            amendment.apply(document)
        self.name = path.name
        self._url_base = url_base
        self._openapi = OpenAPI.from_dict(document, config=Config(spec_validator_cls=None))
        # literal paths before those with parameters: /movie/lookup is not a /movie/{id}
        self._paths = [
            (re.compile(re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(template)) + "$"), template, item)
            for template, item in sorted(document["paths"].items(), key=lambda each: each[0].count("{"))
            if template != "/{path}"  # the web interface: it would match anything
        ]

    @classmethod
    def find(cls, name: str, amendments: Iterable[Amendment] = (), *, url_base: str = "") -> Self:
        """Return a specification by its file name; skip the test where the files aren't there."""
        path = SPECIFICATIONS / name
        if not path.exists():
            pytest.skip(f"no published API descriptions at {SPECIFICATIONS}")
        return cls._load(path, tuple(amendments), url_base)

    @classmethod
    @cache
    def _load(cls, path: Path, amendments: tuple[Amendment, ...], url_base: str) -> Self:
        return cls(path, amendments, url_base=url_base)

    def operation(self, method: str, path: str) -> tuple[str, Document]:
        """Return the template and the description of an operation. Raises SpecificationError."""
        path = path.removeprefix(self._url_base)
        for pattern, template, item in self._paths:
            if pattern.match(path) and method.lower() in item:
                shared = item.get("parameters", [])
                operation = item[method.lower()]
                return template, operation | {"parameters": [*shared, *operation.get("parameters", [])]}
        raise SpecificationError(f"{self.name} has no {method} {path}")

    def operations(self) -> set[tuple[str, str]]:
        """Return all operations as method and template."""
        return {
            (method.upper(), template) for _, template, item in self._paths for method in item if method in _METHODS
        }

    def check_request(self, request: Any) -> None:
        """Check a request: a `Sent`, or what a simulator recorded. Raises SpecificationError."""
        sent = Sent.of(request)
        _, operation = self.operation(sent.method, sent.path)
        known = {each["name"].lower() for each in operation["parameters"] if each["in"] == "query"} | {"apikey"}
        unknown = sorted({name for name, _ in sent.query if name.lower() not in known})
        if unknown:
            raise SpecificationError(f"{self.name}: {sent.method} {sent.path} knows no parameter {', '.join(unknown)}")
        if sent.body and "requestBody" not in operation:
            raise SpecificationError(f"{self.name}: {sent.method} {sent.path} takes no body")
        result = self._openapi.unmarshal_request(_Request(sent))
        self._raise(sent, "request", result.errors)

    def check_response(self, request: Any, answer: Answer) -> None:
        """Check a successful answer. Raises SpecificationError.

        The published files of the *arr list 200 for every success where the servers answer 201 to a POST that creates
        and 202 to a PUT. Operations without a described content are checked for being JSON, or empty.
        """
        sent = Sent.of(request)
        _, operation = self.operation(sent.method, sent.path)
        documented = operation["responses"]
        status = answer.status
        if str(status) not in documented and status in {201, 202}:
            status = 200
        if str(status) not in documented:
            raise SpecificationError(f"{self.name}: {sent.method} {sent.path} has no answer {answer.status}")
        if sent.method == "HEAD":
            return
        if "content" not in documented[str(status)]:
            if answer.content_type.startswith("application/json"):
                self._parse(sent, answer)
            return
        result = self._openapi.unmarshal_response(
            _Request(sent),
            _Response(answer, status),
        )
        self._raise(sent, f"answer {answer.status}", result.errors)

    def check_seen(self, requests: Iterable[Any], *, outside: Iterable[str] = ("/MediaCover/",)) -> int:
        """Check every request that a simulator recorded, and return how many there were.

        Paths that begin like one of `outside` are known to be described nowhere: they are left out, and not counted.
        """
        undescribed = tuple(self._url_base + prefix for prefix in outside)
        seen = [each for each in requests if not each.path.startswith(undescribed)]
        for each in seen:
            self.check_request(each)
        return len(seen)

    def _parse(self, sent: Sent, answer: Answer) -> None:
        try:
            json.loads(answer.body)
        except ValueError as error:
            raise SpecificationError(f"{self.name}: answer of {sent.method} {sent.path} is no JSON: {error}") from error

    def _raise(self, sent: Sent, what: str, errors: Iterable[Exception]) -> None:
        texts = []
        for error in errors:
            texts.append(str(error))
            cause = error.__cause__
            texts.extend(
                f"at {'/'.join(map(str, each.absolute_path)) or 'the top'}: {each.message}"
                for each in getattr(cause, "schema_errors", ())
            )
        if texts:
            raise SpecificationError(f"{self.name}: {what} of {sent.method} {sent.path}: {'; '.join(texts)}")


# --- where the published files of the *arr are wrong -----------------------------------------------------------------


def _open_commands(document: Document) -> None:
    for name in ("CommandResource", "Command"):
        document["components"]["schemas"][name]["additionalProperties"] = True


def _addresses_are_texts(document: Document) -> None:
    document["components"]["schemas"]["HttpUri"] = {"type": "string", "nullable": True}


def _liveness_needs_no_key(document: Document) -> None:
    for operation in document["paths"]["/ping"].values():
        operation["security"] = []


def _read_only_may_come_back(document: Document) -> None:
    for schema in document["components"]["schemas"].values():
        for described in schema.get("properties", {}).values():
            described.pop("readOnly", None)


def _lists_after_bulk_edits(document: Document) -> None:
    for path, item in document["paths"].items():
        if path.endswith("/bulk") and "put" in item:
            for media in item["put"]["responses"]["200"].get("content", {}).values():
                media["schema"] = {"type": "array", "items": media["schema"]}


ARR_AMENDMENTS = (
    Amendment("a command takes and shows the fields of its own, which the schema forbids", _open_commands),
    Amendment("what was read is changed and sent back whole, read-only parts too", _read_only_may_come_back),
    Amendment("everybody may ask whether it is alive", _liveness_needs_no_key),
    Amendment("a bulk edit answers with the list of what it changed", _lists_after_bulk_edits),
)
SONARR_AMENDMENTS = (
    *ARR_AMENDMENTS,
    Amendment(
        "the address of a health issue's explanation is written as a text, not as its parts", _addresses_are_texts
    ),
)


def radarr_specification(url_base: str = "") -> Specification:
    """Return what Radarr publishes (API v3), or skip."""
    return Specification.find("radarr-v3.openapi.json", ARR_AMENDMENTS, url_base=url_base)


def sonarr_specification(url_base: str = "") -> Specification:
    """Return what Sonarr publishes (API v3), or skip."""
    return Specification.find("sonarr-v3.openapi.json", SONARR_AMENDMENTS, url_base=url_base)


def prowlarr_specification(url_base: str = "") -> Specification:
    """Return what Prowlarr publishes (API v1), or skip."""
    return Specification.find("prowlarr-v1.openapi.json", ARR_AMENDMENTS, url_base=url_base)


def seerr_specification(*, older: bool = False) -> Specification:
    """Return what Seerr publishes, or the Overseerr that it comes from, or skip."""
    return Specification.find("overseerr-api.yml" if older else "seerr-api.yml", url_base="/api/v1")
