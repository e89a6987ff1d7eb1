"""What people want of releases: policies are subentries of the hub, and there is one without any."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .releases.policy import Policy, policy_from_json

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigSubentry

    from .data import SokoulConfigEntry

#: The kind of these subentries. They are no backends.
POLICY: Final = "policy"
CONF_POLICY: Final = "policy"
#: Whether it is the one that counts where nobody names another.
CONF_USUAL: Final = "usual"

_USUAL: Final = Policy()


@dataclass(frozen=True, slots=True)
class NamedPolicy:
    """A policy as a person made it."""

    key: str
    title: str
    policy: Policy
    usual: bool


def policies_of(entry: SokoulConfigEntry) -> Mapping[str, NamedPolicy]:
    """Return the policies of the hub by their keys, the oldest first."""
    return {
        key: named_policy(subentry) for key, subentry in entry.subentries.items() if subentry.subentry_type == POLICY
    }


def named_policy(subentry: ConfigSubentry) -> NamedPolicy:
    """Return the policy of a subentry."""
    stored: Any = subentry.data.get(CONF_POLICY, {})
    policy = policy_from_json(stored) if isinstance(stored, Mapping) else Policy()
    return NamedPolicy(subentry.subentry_id, subentry.title, policy, bool(subentry.data.get(CONF_USUAL, False)))


def find_policy(entry: SokoulConfigEntry, key: str | None) -> Policy:
    """Return a policy by its key; the usual one for None, and for one that is gone."""
    named = policies_of(entry)
    if key is not None and key in named:
        return named[key].policy
    return next((each.policy for each in named.values() if each.usual), _USUAL)
