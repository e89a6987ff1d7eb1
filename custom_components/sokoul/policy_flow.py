"""Saying what one wants of releases, in two forms: what most people care about, and the rest."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from enum import Enum
from typing import Any, Final

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigEntry, ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import CONF_NAME
from homeassistant.helpers.selector import (
    BooleanSelector,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
    TextSelectorConfig,
)
import voluptuous as vol

from .releases.attributes import CAM_FAMILY, Audio, Codec, Dub, Flag, Resolution, Source
from .releases.labels import AUDIO, CODEC, DUB, SOURCE
from .releases.policy import ORIGINAL, FetchBy, Policy, SizeWish, Want, policy_as_json, policy_from_json
from .search_policies import CONF_POLICY, CONF_USUAL, named_policy, policies_of

ANY: Final = "any"
#: What is good enough: the best resolution that is wanted; or whatever comes first, and nothing better is looked for.
BEST: Final = "best"
FIRST: Final = "first"
GIGABYTE: Final = 1_000_000_000
#: In the order in which a list is offered; what people like best they choose first.
LANGUAGES: Final = (
    ORIGINAL,
    *("en", "fr", "de", "es", "it", "pt", "nl", "pl", "ru", "uk", "tr", "ar", "he", "hi"),
    *("ja", "ko", "zh", "sv", "da", "no", "fi", "cs", "hu", "el", "ro", "th", "vi"),
)
RESOLUTIONS: Final = (Resolution.P480, Resolution.P720, Resolution.P1080, Resolution.P2160)
CODECS: Final = (Codec.H265, Codec.AV1, Codec.H264, Codec.H266, Codec.VP9, Codec.XVID)
FRENCH_DUBS: Final = (Dub.VFF, Dub.TRUEFRENCH, Dub.VF2, Dub.VFI, Dub.VFQ, Dub.VF)
FLAGS: Final = (Flag.HARDSUB, Flag.UPSCALED, Flag.DISC, Flag.THREE_D, Flag.SAMPLE)
SOURCES: Final = tuple(each for each in reversed(Source) if each not in CAM_FAMILY)


class PolicySubentryFlow(ConfigSubentryFlow):
    """Add or change a policy."""

    def __init__(self) -> None:
        self._typed: dict[str, Any] = {}

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Add a policy."""
        return await self._first("user", user_input)

    async def async_step_reconfigure(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Change a policy."""
        return await self._first("reconfigure", user_input)

    async def _first(self, step_id: str, user_input: dict[str, Any] | None) -> SubentryFlowResult:
        """Ask for what most people care about."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = self._errors(user_input)
            if not errors:
                self._typed = user_input
                return await self.async_step_details()
        return self.async_show_form(
            step_id=step_id,
            data_schema=self.add_suggested_values_to_schema(_FIRST, user_input or self._shown()),
            errors=errors,
            last_step=False,
        )

    async def async_step_details(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Ask for the rest, and save."""
        errors: dict[str, str] = {}
        if user_input is not None:
            errors = {
                refused: "liked_and_refused"
                for liked, refused in _OPPOSITES
                if not _names(user_input, liked).isdisjoint(_names(user_input, refused))
            }
            if not errors:
                return self._save({**self._typed, **user_input})
        return self.async_show_form(
            step_id="details",
            data_schema=self.add_suggested_values_to_schema(_DETAILS, user_input or _details_of(self._policy)),
            errors=errors,
            last_step=True,
        )

    def _errors(self, typed: Mapping[str, Any]) -> dict[str, str]:
        name = typed[CONF_NAME].strip()
        own = self._reconfigure_subentry_id if self.source == SOURCE_RECONFIGURE else None
        taken = {each.title.casefold() for each in policies_of(self._get_entry()).values() if each.key != own}
        if not name:
            return {CONF_NAME: "name_needed"}
        if name.casefold() in taken:
            return {CONF_NAME: "name_taken"}
        least, best = _resolution(typed["minimum_resolution"]), _resolution(typed["best_resolution"])
        if least is not None and best is not None and best < least:
            return {"best_resolution": "best_below_least"}
        return {}

    @property
    def _policy(self) -> Policy:
        """The policy as it was."""
        if self.source != SOURCE_RECONFIGURE:
            return Policy()
        return named_policy(self._get_reconfigure_subentry()).policy

    def _shown(self) -> dict[str, Any]:
        if self.source != SOURCE_RECONFIGURE:
            first = not any(each.usual for each in policies_of(self._get_entry()).values())
            return {CONF_USUAL: first, **_first_of(Policy())}
        named = named_policy(self._get_reconfigure_subentry())
        return {CONF_NAME: named.title, CONF_USUAL: named.usual, **_first_of(named.policy)}

    def _save(self, typed: Mapping[str, Any]) -> SubentryFlowResult:
        entry: ConfigEntry[Any] = self._get_entry()
        name, usual = typed[CONF_NAME].strip(), typed[CONF_USUAL]
        data = {CONF_POLICY: policy_as_json(policy_of(typed, self._policy)), CONF_USUAL: usual}
        own = self._reconfigure_subentry_id if self.source == SOURCE_RECONFIGURE else None
        if usual:  # there is one
            for key, each in policies_of(entry).items():
                if each.usual and key != own:
                    subentry = entry.subentries[key]
                    self.hass.config_entries.async_update_subentry(
                        entry, subentry, data={**subentry.data, CONF_USUAL: False}
                    )
        if own is not None:
            return self.async_update_and_abort(entry, self._get_reconfigure_subentry(), title=name, data=data)
        return self.async_create_entry(title=name, data=data)


# --- between forms and policies --------------------------------------------------------------------------------------


def policy_of(typed: Mapping[str, Any], before: Policy) -> Policy:
    """Return the policy that the two forms say; what they don't ask for stays as it was."""
    least, best = _resolution(typed["minimum_resolution"]), _resolution(typed["best_resolution"])
    days, gigabytes = typed.get("usenet_days"), typed.get("most_gigabytes_per_hour")
    score = typed.get("good_score")
    said = {
        "minimum_resolution": least,
        "best_resolution": best or Resolution.P2160,
        **{name: typed.get(name, []) for name in (*_LISTS, *_SETS)},
        "languages_wanted": typed["languages_wanted"],
        "hdr": typed["hdr"],
        "size": typed["size"],
        "upgrades": typed["good_enough"] != FIRST,
        "good_enough": _good_enough(typed["good_enough"]),
        "good_score": None if score is None else round(score),
        "most_bytes_per_hour": None if gigabytes is None else round(gigabytes * GIGABYTE),
        "minimum_seeders": round(typed["minimum_seeders"]),
        "cinema_recordings": typed["cinema_recordings"],
        "only_cached": typed["only_cached"],
    }
    read = policy_from_json(policy_as_json(before) | said)
    return replace(read, oldest=None if days is None else timedelta(days=days))


_LISTS: Final = ("languages", "french_dubs", "subtitles", "codecs", "audio", "sources", "fetch_by")
#: No sources: unless a person says otherwise all are liked, also the one that is refused.
_OPPOSITES: Final = (("codecs", "refused_codecs"), ("preferred_groups", "refused_groups"))
_SETS: Final = ("refused_codecs", "refused_sources", "refused_flags", "preferred_groups", "refused_groups")


def _names(typed: Mapping[str, Any], field: str) -> set[str]:
    return {str(each).strip().casefold() for each in typed.get(field, ())}


def _first_of(policy: Policy) -> dict[str, Any]:
    return {
        "minimum_resolution": _option(policy.minimum_resolution),
        "best_resolution": _option(policy.best_resolution),
        "good_enough": _of_good_enough(policy),
        "languages": list(policy.languages),
        "languages_wanted": policy.languages_wanted.value,
        "french_dubs": _values(policy.french_dubs),
        "subtitles": list(policy.subtitles),
        "hdr": policy.hdr.value,
        "size": policy.size.value,
    }


def _details_of(policy: Policy) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "codecs": _values(policy.codecs),
        "refused_codecs": sorted(_values(policy.refused_codecs)),
        "audio": _values(policy.audio),
        "sources": _values(policy.sources),
        "refused_sources": sorted(_values(policy.refused_sources)),
        "refused_flags": sorted(_values(policy.refused_flags)),
        "preferred_groups": sorted(policy.preferred_groups),
        "refused_groups": sorted(policy.refused_groups),
        "minimum_seeders": policy.minimum_seeders,
        "cinema_recordings": policy.cinema_recordings,
        "only_cached": policy.only_cached,
        "fetch_by": _values(policy.fetch_by),
    }
    if policy.most_bytes_per_hour is not None:
        shown["most_gigabytes_per_hour"] = policy.most_bytes_per_hour / GIGABYTE
    if policy.good_score is not None:
        shown["good_score"] = policy.good_score
    if policy.oldest is not None:
        shown["usenet_days"] = policy.oldest / timedelta(days=1)
    return shown


def _option(resolution: Resolution | None) -> str:
    return ANY if resolution is None else f"p{resolution.value}"


def _resolution(option: str) -> Resolution | None:
    return None if option == ANY else Resolution(int(option.removeprefix("p")))


def _of_good_enough(policy: Policy) -> str:
    if not policy.upgrades:
        return FIRST
    return BEST if policy.good_enough is None else _option(policy.good_enough)


def _good_enough(option: str) -> int | None:
    return None if option in {BEST, FIRST} else int(option.removeprefix("p"))


def _values(members: Iterable[Enum]) -> list[str]:
    return [str(each.value) for each in members]


# --- the forms -------------------------------------------------------------------------------------------------------


def _labelled(labels: Mapping[Any, str], members: Sequence[Enum]) -> SelectSelector:
    """Return a choice of several whose names are the same in every language, in the order of one's liking."""
    options = [SelectOptionDict(value=str(each.value), label=labels[each]) for each in members]
    return SelectSelector(SelectSelectorConfig(options=options, multiple=True, mode=SelectSelectorMode.DROPDOWN))


_RESOLUTION = SelectSelector(
    SelectSelectorConfig(
        options=[ANY, *map(_option, RESOLUTIONS)],
        translation_key="policy_resolution",
        mode=SelectSelectorMode.DROPDOWN,
    )
)
_GOOD_ENOUGH = SelectSelector(
    SelectSelectorConfig(
        options=[BEST, *map(_option, reversed(RESOLUTIONS)), FIRST],
        translation_key="policy_good_enough",
        mode=SelectSelectorMode.DROPDOWN,
    )
)
_LANGUAGES = SelectSelector(
    SelectSelectorConfig(
        options=list(LANGUAGES), translation_key="policy_language", multiple=True, mode=SelectSelectorMode.DROPDOWN
    )
)
_WANT = SelectSelector(SelectSelectorConfig(options=[each.value for each in Want], translation_key="policy_want"))
_LANGUAGE_WANT = SelectSelector(
    SelectSelectorConfig(options=[Want.PREFER.value, Want.REQUIRE.value], translation_key="policy_language_want")
)
_SIZE = SelectSelector(SelectSelectorConfig(options=[each.value for each in SizeWish], translation_key="policy_size"))
_FLAGS = SelectSelector(SelectSelectorConfig(options=_values(FLAGS), translation_key="policy_flag", multiple=True))
_FETCH_BY = SelectSelector(
    SelectSelectorConfig(
        options=[each.value for each in FetchBy],
        translation_key="policy_fetch_by",
        multiple=True,
        mode=SelectSelectorMode.DROPDOWN,
    )
)
_TEXTS = TextSelector(TextSelectorConfig(multiple=True))

_FIRST = vol.Schema(
    {
        vol.Required(CONF_NAME): TextSelector(),
        vol.Required(CONF_USUAL, default=False): BooleanSelector(),
        vol.Required("minimum_resolution"): _RESOLUTION,
        vol.Required("best_resolution"): _RESOLUTION,
        vol.Required("good_enough"): _GOOD_ENOUGH,
        vol.Optional("languages"): _LANGUAGES,
        vol.Required("languages_wanted"): _LANGUAGE_WANT,
        vol.Optional("french_dubs"): _labelled(DUB, FRENCH_DUBS),
        vol.Optional("subtitles"): _LANGUAGES,
        vol.Required("hdr"): _WANT,
        vol.Required("size"): _SIZE,
    }
)
_DETAILS = vol.Schema(
    {
        vol.Optional("good_score"): NumberSelector(NumberSelectorConfig(min=1, max=100, mode=NumberSelectorMode.BOX)),
        vol.Optional("most_gigabytes_per_hour"): NumberSelector(
            NumberSelectorConfig(min=0.1, max=200, step=0.1, mode=NumberSelectorMode.BOX, unit_of_measurement="GB/h")
        ),
        vol.Optional("codecs"): _labelled(CODEC, CODECS),
        vol.Optional("refused_codecs"): _labelled(CODEC, CODECS),
        vol.Optional("audio"): _labelled(AUDIO, tuple(Audio)),
        vol.Optional("sources"): _labelled(SOURCE, SOURCES),
        vol.Optional("refused_sources"): _labelled(SOURCE, SOURCES),
        vol.Optional("refused_flags"): _FLAGS,
        vol.Optional("preferred_groups"): _TEXTS,
        vol.Optional("refused_groups"): _TEXTS,
        vol.Required("minimum_seeders"): NumberSelector(
            NumberSelectorConfig(min=0, max=1_000, mode=NumberSelectorMode.BOX)
        ),
        vol.Optional("usenet_days"): NumberSelector(
            NumberSelectorConfig(min=1, max=10_000, mode=NumberSelectorMode.BOX, unit_of_measurement="d")
        ),
        vol.Optional("fetch_by"): _FETCH_BY,
        vol.Required("only_cached"): BooleanSelector(),
        vol.Required("cinema_recordings"): BooleanSelector(),
    }
)
