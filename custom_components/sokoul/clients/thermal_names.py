"""Which temperature is the processor's: boards and drivers call it differently, and some don't tell it at all."""

from collections.abc import Iterable
import re

from ..model.machine import ZoneKind

#: What speaks for a whole processor, the best first. A name is a thermal zone's type, or a chip's name and label.
#: Raspberry Pi and most boards; Intel; Rockchip, Amlogic; Intel and AMD by their hwmon drivers.
_WHOLE = (
    re.compile(r"cpu[-_]?thermal|cpu_thermal temp1"),
    re.compile(r"x86_pkg_temp"),
    re.compile(r"(soc|package)[-_]thermal"),
    re.compile(r"coretemp Package id \d+"),
    re.compile(r"(k10temp|zenpower) (Tdie|Tctl)"),
)
#: One core, or one chiplet of several.
_CORE = re.compile(r"coretemp Core \d+|(k10temp|zenpower) Tccd\d+")
#: What looks like a processor or a cluster of its cores (`bigcore0-thermal`, `CPU-therm`), and what only seems to.
_LOOKS_LIKE_ONE = re.compile(r"cpu|soc|core|cluster|processor|package", re.IGNORECASE)
_IS_ANOTHER = re.compile(r"gpu|npu|apu|dsp|ddr|mem|nvme|drive|wifi|modem|pch|battery|charger", re.IGNORECASE)
_NO_PROCESSOR = len(_WHOLE) + 1


def kind_of(name: str) -> ZoneKind:
    """Tell what a zone of this name is the temperature of."""
    if _CORE.fullmatch(name):
        return ZoneKind.CORE
    return ZoneKind.PROCESSOR if _rank(name) < _NO_PROCESSOR else ZoneKind.OTHER


def best(names: Iterable[str]) -> frozenset[str]:
    """Return the names that tell best how hot the processor is: nothing, where none looks like one."""
    ranks = {name: _rank(name) for name in names}
    lowest = min(ranks.values(), default=_NO_PROCESSOR)
    return frozenset(name for name, rank in ranks.items() if rank == lowest < _NO_PROCESSOR)


def _rank(name: str) -> int:
    for rank, pattern in enumerate(_WHOLE):
        if pattern.fullmatch(name):
            return rank
    if _LOOKS_LIKE_ONE.search(name) and not _IS_ANOTHER.search(name) and not _CORE.fullmatch(name):
        return len(_WHOLE)
    return _NO_PROCESSOR
