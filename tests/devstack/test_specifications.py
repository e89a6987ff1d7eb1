"""The validation against published API descriptions: it finds what is wrong, and lets pass what is right."""

import json
from typing import Any

import pytest

from devstack.frame import SeenRequest
from tests.specifications import (
    Answer,
    Sent,
    Specification,
    SpecificationError,
    prowlarr_specification,
    radarr_specification,
    sonarr_specification,
)

KEY = {"X-Api-Key": "k"}
TAG = {"id": 1, "label": "keep"}


@pytest.fixture
def radarr() -> Specification:
    return radarr_specification()


def sent(method: str, path: str, *query: tuple[str, str], body: Any = None, headers: dict[str, str] = KEY) -> Sent:
    data = b"" if body is None else json.dumps(body).encode()
    if data:
        headers = headers | {"Content-Type": "application/json"}
    return Sent(method=method, path=path, query=query, headers=headers, body=data)


def answer(body: Any, status: int = 200, content_type: str = "application/json; charset=utf-8") -> Answer:
    return Answer(status=status, content_type=content_type, body=json.dumps(body).encode())


@pytest.mark.parametrize(
    "request_",
    [
        sent("GET", "/api/v3/queue", ("page", "2"), ("includeUnknownMovieItems", "true"), ("status", "paused")),
        sent("GET", "/api/v3/queue", ("movieIds", "1"), ("movieIds", "2")),
        sent("GET", "/api/v3/queue", ("apikey", "k"), headers={}),
        sent("DELETE", "/api/v3/queue/bulk", ("blocklist", "true"), body={"ids": [1, 2]}),
        sent("POST", "/api/v3/command", body={"name": "MoviesSearch", "movieIds": [1]}),
        sent("GET", "/api/v3/movie/lookup", ("term", "tmdb:603")),
        sent("GET", "/ping", headers={}),
    ],
    ids=lambda each: f"{each.method} {each.path}",
)
def test_a_right_request_passes(radarr: Specification, request_: Sent) -> None:
    radarr.check_request(request_)


@pytest.mark.parametrize(
    ("request_", "complaint"),
    [
        (sent("GET", "/api/v3/nothing"), "has no GET /api/v3/nothing"),
        (sent("PATCH", "/api/v3/queue"), "has no PATCH"),
        (sent("GET", "/api/v3/queue", ("pageSizze", "1")), "knows no parameter pageSizze"),
        (sent("GET", "/api/v3/queue", ("page", "first")), "page"),
        (sent("GET", "/api/v3/queue", ("sortDirection", "up")), "sortDirection"),
        (sent("GET", "/api/v3/queue", ("includeMovie", "True-ish")), "includeMovie"),
        (sent("GET", "/api/v3/calendar", ("start", "2026-01-01")), "date-time"),
        (sent("GET", "/api/v3/queue", headers={}), "Security"),
        (sent("GET", "/api/v3/queue", body={"page": 1}), "takes no body"),
        (sent("DELETE", "/api/v3/queue/bulk", body={"ids": ["one"]}), "at ids/0"),
        (sent("POST", "/api/v3/movie", body={"title": "x", "tmdbIdd": 1}), "tmdbIdd"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_wrong_request_is_refused(radarr: Specification, request_: Sent, complaint: str) -> None:
    with pytest.raises(SpecificationError, match=complaint):
        radarr.check_request(request_)


@pytest.mark.parametrize(
    ("request_", "answer_"),
    [
        (sent("GET", "/api/v3/tag"), answer([TAG])),
        (sent("POST", "/api/v3/tag", body={"label": "keep"}), answer(TAG, 201)),
        (sent("PUT", "/api/v3/tag/1", body=TAG), answer(TAG, 202)),
        (sent("GET", "/api/v3/tag"), answer([{"id": 1}])),  # nothing is required, as nulls are left out
        (sent("DELETE", "/api/v3/tag/1"), answer({})),  # no content described
        (sent("PUT", "/api/v3/indexer/bulk", body={"ids": [1]}), answer([{"id": 1}], 202)),
        (sent("HEAD", "/ping"), Answer(status=200, content_type="application/json", body=b"")),
    ],
    ids=lambda each: "" if isinstance(each, Answer) else f"{each.method} {each.path}",
)
def test_a_right_answer_passes(radarr: Specification, request_: Sent, answer_: Answer) -> None:
    radarr.check_response(request_, answer_)


@pytest.mark.parametrize(
    ("request_", "answer_", "complaint"),
    [
        (sent("GET", "/api/v3/tag"), answer(TAG), "not of type 'array'"),
        (sent("GET", "/api/v3/tag"), answer([{"id": "1"}]), "at 0/id"),
        (sent("GET", "/api/v3/tag"), answer([TAG | {"colour": "red"}]), "colour"),
        (sent("GET", "/api/v3/queue"), answer({"records": [{"status": "stuck"}]}), "at records/0/status"),
        (sent("GET", "/api/v3/queue"), answer({"records": [{"id": None}]}), "at records/0/id"),
        (sent("GET", "/api/v3/queue"), answer({"records": [{"added": "yesterday"}]}), "date-time"),
        (sent("GET", "/api/v3/tag"), answer([TAG], 204), "has no answer 204"),
        (sent("GET", "/api/v3/tag"), answer([TAG], 404), "has no answer 404"),
        (sent("GET", "/api/v3/tag"), answer([TAG], content_type="text/html"), "text/html"),
        (sent("DELETE", "/api/v3/tag/1"), Answer(status=200, content_type="application/json", body=b"{"), "no JSON"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)
def test_a_wrong_answer_is_refused(radarr: Specification, request_: Sent, answer_: Answer, complaint: str) -> None:
    with pytest.raises(SpecificationError, match=complaint):
        radarr.check_response(request_, answer_)


def test_sonarr_explains_health_with_a_text() -> None:
    issue = {"source": "IndexerStatusCheck", "type": "warning", "wikiUrl": "https://wiki.example/"}
    sonarr_specification().check_response(sent("GET", "/api/v3/health"), answer([issue]))


def test_prowlarr_has_a_version_of_its_own() -> None:
    prowlarr_specification().check_request(sent("GET", "/api/v1/search", ("indexerIds", "-2"), ("query", "x")))
    with pytest.raises(SpecificationError, match="has no GET /api/v3/queue"):
        prowlarr_specification().check_request(sent("GET", "/api/v3/queue"))


def test_a_url_base_is_part_of_the_path() -> None:
    specification = radarr_specification("/radarr")
    specification.check_request(sent("GET", "/radarr/api/v3/tag"))
    specification.check_response(sent("GET", "/radarr/api/v3/tag"), answer([TAG]))
    with pytest.raises(SpecificationError):
        specification.check_response(sent("GET", "/radarr/api/v3/tag"), answer([{"id": "1"}]))


def test_recorded_requests_are_all_checked(radarr: Specification) -> None:
    def seen(path: str) -> SeenRequest:
        return SeenRequest(method="GET", path=path, query=(), headers=KEY, body=b"", status=200)

    assert radarr.check_seen([seen("/api/v3/tag"), seen("/MediaCover/1/poster.jpg"), seen("/api/v3/health")]) == 2
    with pytest.raises(SpecificationError, match="/api/v3/heath"):
        radarr.check_seen([seen("/api/v3/tag"), seen("/api/v3/heath")])
