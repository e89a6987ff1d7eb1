"""What a person sets up in Radarr, Sonarr and Prowlarr: download clients, indexers, notifications, lists, applications.

All of them are one thing, a *provider*: an implementation with a list of fields, tested when it is saved unless
`forceSave` is set. Secrets leave the application as eight stars, and stars that come back mean "as it was".
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from .servarr import Servarr
from .servarr_http import ApiError, Invalid, Json, Query, answer, id_of, object_of, refuse

STARS = "********"


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an implementation."""

    name: str
    label: str
    value: Any = None  # the default
    type: str = "textbox"
    privacy: str = "normal"  # or "password", "apiKey", "userName"
    advanced: bool = False
    options: tuple[tuple[int, str], ...] = ()

    @property
    def secret(self) -> bool:
        """Whether its value never leaves the application."""
        return self.privacy in {"password", "apiKey"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Implementation:
    """A kind of provider that can be added."""

    name: str  # the stable one: "QBittorrent"
    label: str  # "qBittorrent"
    contract: str  # "QBittorrentSettings"
    fields: tuple[Field, ...]
    attributes: Mapping[str, Any] = field(default_factory=dict)  # beside the fields: "enable", "priority", ...


@dataclass(slots=True, kw_only=True)
class Provider:
    """A provider that was added."""

    id: int
    name: str
    implementation: Implementation
    values: dict[str, Any]
    attributes: dict[str, Any]
    tags: list[int] = field(default_factory=list)

    def json(self, *, masked: bool = True) -> Json:
        """Return its resource."""
        kind = self.implementation
        return {
            "id": self.id or None,
            "name": self.name,
            "implementationName": kind.label,
            "implementation": kind.name,
            "configContract": kind.contract,
            "infoLink": f"https://wiki.servarr.com/settings#{kind.name.lower()}",
            "tags": self.tags,
            "fields": [
                {
                    "order": order,
                    "name": each.name,
                    "label": each.label,
                    "value": STARS
                    if masked and each.secret and self.values.get(each.name)
                    else self.values.get(each.name),
                    "type": each.type,
                    "advanced": each.advanced,
                    "privacy": each.privacy,
                    "isFloat": False,
                    "selectOptions": [{"value": value, "name": name, "order": value} for value, name in each.options]
                    or None,
                }
                for order, each in enumerate(kind.fields)
            ],
            **self.attributes,
        }


type Test = Callable[[Provider], Awaitable[Iterable[Invalid]]]


async def _passes(provider: Provider) -> Iterable[Invalid]:
    del provider
    return ()


class Providers:
    """All providers of one kind, below one path."""

    def __init__(
        self,
        simulator: Servarr,
        path: str,
        implementations: Iterable[Implementation],
        *,
        test: Test = _passes,
        bulk: bool = True,
    ) -> None:
        self.simulator = simulator
        self.bulk = bulk  # whether many can be changed at once
        self.path = path
        self.implementations = {each.name: each for each in implementations}
        self.test = test
        self.items: dict[int, Provider] = {}

    def routes(self) -> Iterable[web.RouteDef]:
        """Return its routes."""
        one = f"{self.path}/{{id:\\d+}}"
        bulk = (
            web.put(f"{self.path}/bulk", self._put_bulk),
            web.delete(f"{self.path}/bulk", self._delete_bulk),
        )
        return (
            web.get(self.path, self._list),
            web.post(self.path, self._post),
            web.get(f"{self.path}/schema", self._schema),
            web.post(f"{self.path}/test", self._test),
            web.post(f"{self.path}/testall", self._test_all),
            *(bulk if self.bulk else ()),
            web.get(one, self._get),
            web.put(one, self._put),
            web.delete(one, self._delete),
        )

    def add(
        self, implementation: str, name: str, values: Mapping[str, Any] | None = None, **attributes: Any
    ) -> Provider:
        """Set one up, without a test."""
        kind = self.implementations[implementation]
        tags = attributes.pop("tags", [])
        provider = Provider(
            id=max(self.items, default=0) + 1,
            name=name,
            implementation=kind,
            values={each.name: each.value for each in kind.fields} | dict(values or {}),
            attributes={**kind.attributes, **attributes},
            tags=list(tags),
        )
        self.items[provider.id] = provider
        return provider

    # --- requests ------------------------------------------------------------------------------------------------

    def _read(self, body: Json, known: Provider | None) -> Provider:
        """Return the provider that a resource describes."""
        kind = self.implementations.get(str(body.get("implementation")))
        if kind is None:
            raise refuse(Invalid("Implementation", "'Implementation' must not be empty.", body.get("implementation")))
        if not body.get("name"):
            raise refuse(Invalid("Name", "'Name' must not be empty.", body.get("name")))
        values = known.values.copy() if known else {each.name: each.value for each in kind.fields}
        for each in body.get("fields") or ():
            if each.get("value") != STARS:
                values[each["name"]] = each.get("value")
        attributes = {**kind.attributes, **(known.attributes if known else {})}
        attributes |= {name: body[name] for name in kind.attributes if body.get(name) is not None}
        return Provider(
            id=known.id if known else 0,
            name=str(body["name"]),
            implementation=kind,
            values=values,
            attributes=attributes,
            tags=list(body.get("tags") or ()),
        )

    async def _check(self, provider: Provider, *, forced: bool) -> None:
        if provider.attributes.get("enable", True) and not forced:
            failures = tuple(await self.test(provider))
            if failures:
                raise refuse(*failures)

    def _known(self, request: web.Request) -> Provider:
        provider = self.items.get(id_of(request))
        if provider is None:
            raise ApiError.not_found()
        return provider

    async def _list(self, request: web.Request) -> web.Response:
        del request
        return answer([provider.json() for provider in self.items.values()])

    async def _get(self, request: web.Request) -> web.Response:
        return answer(self._known(request).json())

    async def _schema(self, request: web.Request) -> web.Response:
        del request
        fresh = (
            Provider(
                id=0,
                name="",
                implementation=kind,
                values={each.name: each.value for each in kind.fields},
                attributes=dict(kind.attributes),
            )
            for kind in self.implementations.values()
        )
        return answer([provider.json(masked=False) | {"presets": []} for provider in fresh])

    async def _post(self, request: web.Request) -> web.Response:
        provider = self._read(await object_of(request), None)
        if any(each.name == provider.name for each in self.items.values()):
            raise refuse(Invalid("Name", "Should be unique", provider.name))
        await self._check(provider, forced=Query(request).boolean("forceSave"))
        provider.id = max(self.items, default=0) + 1
        self.items[provider.id] = provider
        return answer(provider.json(), 201)

    async def _put(self, request: web.Request) -> web.Response:
        known = self._known(request)
        provider = self._read(await object_of(request), known)
        await self._check(provider, forced=Query(request).boolean("forceSave"))
        self.items[known.id] = provider
        return answer(provider.json(), 202)

    async def _delete(self, request: web.Request) -> web.Response:
        del self.items[self._known(request).id]
        return answer({})

    async def _test(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        provider = self._read(body, self.items.get(int(body.get("id") or 0)))
        await self._check(provider, forced=False)
        return answer({})

    async def _test_all(self, request: web.Request) -> web.Response:
        del request
        results = [(provider, tuple(await self.test(provider))) for provider in self.items.values()]
        return answer(
            [
                {
                    "id": provider.id,
                    "isValid": not failures,
                    "validationFailures": [failure.json() for failure in failures],
                }
                for provider, failures in results
            ],
            400 if any(failures for _, failures in results) else 200,
        )

    async def _chosen(self, request: web.Request) -> tuple[list[Provider], Json]:
        body = await object_of(request)
        ids = body.get("ids") or ()
        if not all(number in self.items for number in ids):
            raise ApiError.not_found()
        return [self.items[number] for number in ids], body

    async def _put_bulk(self, request: web.Request) -> web.Response:
        chosen, body = await self._chosen(request)
        for provider in chosen:
            provider.attributes |= {name: body[name] for name in provider.attributes if body.get(name) is not None}
            provider.tags = changed_tags(provider.tags, body)
        return answer([provider.json() for provider in chosen], 202)

    async def _delete_bulk(self, request: web.Request) -> web.Response:
        chosen, _ = await self._chosen(request)
        for provider in chosen:
            del self.items[provider.id]
        return answer({})


def changed_tags(tags: list[int], body: Json) -> list[int]:
    """Return tags after a bulk edit with `tags` and `applyTags`."""
    given = body.get("tags")
    if given is None:
        return tags
    match body.get("applyTags", "add"):
        case "replace":
            return list(given)
        case "remove":
            return [tag for tag in tags if tag not in given]
        case _:
            return tags + [tag for tag in given if tag not in tags]
