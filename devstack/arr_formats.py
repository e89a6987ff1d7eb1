"""Custom formats of a Radarr or Sonarr (`/customformat`), and the languages that they name (`/language`).

How a condition is spelled was read from the published descriptions and from the applications: its value is a field, and
numbers mean something else in each of the two.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

from .quality import LANGUAGES
from .servarr_http import ApiError, Json, answer, id_of

if TYPE_CHECKING:
    from .arr import ArrSimulator

#: The first of them have the same numbers in both, the later ones don't.
_LATER = {"movie": {26: "Hindi", 31: "Arabic"}, "series": {26: "Arabic", 27: "Hindi"}}


@dataclass(frozen=True, slots=True)
class Specification:
    """A condition: its implementation ("SourceSpecification") and the fields that hold its values."""

    implementation: str
    fields: Mapping[str, Any]
    name: str = "condition"
    negate: bool = False
    required: bool = False


@dataclass(slots=True)
class CustomFormat:
    """A custom format."""

    id: int
    name: str
    specifications: list[Specification] = field(default_factory=list)


class Formats:
    """Custom formats and languages."""

    def __init__(self, arr: ArrSimulator) -> None:
        self.arr = arr
        self.items: dict[int, CustomFormat] = {}
        own = {number: name for name, number in LANGUAGES.items()}
        self.languages = {-2: "Original", -1: "Any", **own, **_LATER[arr.kind]}

    def routes(self) -> Iterable[web.RouteDef]:
        """Return its routes."""
        return (
            web.get("/customformat", self._list),
            web.get("/customformat/{id:\\d+}", self._get),
            web.get("/language", self._get_languages),
        )

    def add(self, name: str, *specifications: Specification, scores: Mapping[int, int] | None = None) -> CustomFormat:
        """Make a custom format; `scores` are what quality profiles, by id, give for it."""
        made = CustomFormat(max(self.items, default=0) + 1, name, list(specifications))
        self.items[made.id] = made
        for profile, score in (scores or {}).items():
            self.arr.library.profiles[profile].format_scores[made.id] = score
        return made

    def scored(self, scores: Mapping[int, int]) -> list[Json]:
        """Return what a profile says of all the formats: of those without a score, 0."""
        return [{"format": each.id, "name": each.name, "score": scores.get(each.id, 0)} for each in self.items.values()]

    @staticmethod
    def _json(custom: CustomFormat) -> Json:
        return {
            "id": custom.id,
            "name": custom.name,
            "includeCustomFormatWhenRenaming": False,
            "specifications": [
                {
                    "name": each.name,
                    "implementation": each.implementation,
                    "implementationName": each.implementation.removesuffix("Specification"),
                    "infoLink": "https://wiki.servarr.com/",
                    "negate": each.negate,
                    "required": each.required,
                    "fields": [
                        {"order": order, "name": name, "label": name, "value": value, "type": "textbox"}
                        for order, (name, value) in enumerate(each.fields.items())
                    ],
                }
                for each in custom.specifications
            ],
        }

    async def _list(self, request: web.Request) -> web.Response:
        del request
        return answer([self._json(each) for each in self.items.values()])

    async def _get(self, request: web.Request) -> web.Response:
        custom = self.items.get(id_of(request))
        if custom is None:
            raise ApiError.not_found()
        return answer(self._json(custom))

    async def _get_languages(self, request: web.Request) -> web.Response:
        del request
        return answer(
            [{"id": number, "name": name, "nameLower": name.lower()} for number, name in self.languages.items()]
        )
