"""Trust that grows: a rule whose suggestions were right several times in a row may act alone, if a person agrees."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .autopilot.settings import Settable
from .healing import ALL_RULES, level_of, set_level
from .model.journal import Autonomy

if TYPE_CHECKING:
    from .hub import Hub

#: The key in the hub's memory of the entries after which a rule has to be right again before it offers anew.
DECLINED_KEY = "promotion_declined"

#: What may offer to act alone, by key: rules about downloads, and about backends.
RULES: Mapping[str, Settable] = {rule.key: rule for rule in ALL_RULES}


async def may_offer(hub: Hub, rule: Settable) -> bool:
    """Tell whether a rule was right so often that it may offer to act alone. Raises `StoreError`."""
    if level_of(hub, rule) is not Autonomy.SUGGEST:
        return False
    return await hub.pilot.desk.may_act_alone(rule, hub.memory.get(DECLINED_KEY, {}).get(rule.key, 0))


def let_act_alone(hub: Hub, rule: Settable) -> None:
    """Take the offer."""
    if level_of(hub, rule) is Autonomy.SUGGEST:
        set_level(hub, rule, Autonomy.ACT)


async def keep_asking(hub: Hub, rule: Settable) -> None:
    """Turn the offer down: the rule has to be right as often again before it offers anew. Raises `StoreError`."""
    last = await hub.pilot.kernel.journal.find(rule=rule.key, limit=1)
    declined = {**hub.memory.get(DECLINED_KEY, {}), rule.key: last[0].id if last else 0}
    hub.memory.set(DECLINED_KEY, declined)
