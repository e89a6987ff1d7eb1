"""How hot this machine is: what Linux shows below `/sys`, of whichever board.

Read are thermal zones with their trip points, the temperatures of hwmon chips, cooling devices, the clocks of the
processor, and what a Raspberry Pi's firmware says of its power supply. Every reading is one trip to a thread: a driver
takes its time, and one that hangs must not take Home Assistant along.

Source: Linux, Documentation/ABI/testing/sysfs-class-thermal and sysfs-class-hwmon; raspberrypi/linux pull 2397 for
`get_throttled`.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
import os
from pathlib import Path
import re
import time

from ..model.machine import CoolingDevice, Frequency, ThermalSnapshot, ThrottleFlags, TripKind, Zone
from .errors import CannotConnect, Silence
from .sysfs import device_of, names, numbered, read_number, read_text
from .thermal_names import best, kind_of

ROOT = Path("/sys")
#: A driver that asks its device over a slow bus takes some hundredths of a second.
TIMEOUT_SECONDS = 5.0
#: A running processor is warmer than freezing and colder than this; a dead sensor says 0, -274 or 255.
_HIGHEST_CELSIUS = 150
#: Disks: asking one keeps it from going to sleep (Linux, Documentation/hwmon/drivetemp.rst), and one that is about to
#: die would hold up the answer of all others. Their heat is no affair of ours.
_LEFT_ALONE = frozenset({"drivetemp", "nvme"})
_SLOWS_PROCESSOR = re.compile(r"Processor|(thermal-)?(cpufreq|idle)\b.*|intel_powerclamp")
_TEMPERATURE = re.compile(r"temp(\d+)_input")
_TRIP_POINT = re.compile(r"trip_point_\d+_temp")


class ThermalClient:
    """This machine's sensors. Raises the errors of `clients.errors`, and only those.

    `root` is where its sysfs is. A sensor that hangs blocks a thread of `executor` (by default the event loop's own):
    one, because nothing more is read until it comes back.
    """

    def __init__(
        self, root: Path = ROOT, *, executor: Executor | None = None, timeout_seconds: float = TIMEOUT_SECONDS
    ) -> None:
        self._root = root
        self._executor = executor
        self._timeout_seconds = timeout_seconds
        self._reading: asyncio.Future[ThermalSnapshot] | None = None
        self._latency_seconds: float | None = None
        self._alive: frozenset[str] = frozenset()  # the zones that have ever told a temperature

    @property
    def latency_seconds(self) -> float | None:
        """How long the last reading took, None before the first."""
        return self._latency_seconds

    async def read(self) -> ThermalSnapshot:
        """Return what all sensors say. Raises `CannotConnect` where there is none, and while one hangs."""
        if self._reading is not None and not self._reading.done():
            raise CannotConnect("a sensor of this machine has not answered yet", silence=Silence.TIMEOUT)
        begun = time.monotonic()
        reading = asyncio.get_running_loop().run_in_executor(self._executor, self._read)
        self._reading = reading
        reading.add_done_callback(_look_away)
        try:
            async with asyncio.timeout(self._timeout_seconds):
                snapshot = await asyncio.shield(reading)
        except TimeoutError as error:
            raise CannotConnect("a sensor of this machine does not answer", silence=Silence.TIMEOUT) from error
        self._latency_seconds = time.monotonic() - begun
        return snapshot

    # --- in a thread ---------------------------------------------------------------------------------------------

    def _read(self) -> ThermalSnapshot:
        chips = _chips(self._root)
        sensors = tuple(_sensors(self._root, chips))
        zones = tuple(sensor.zone for sensor in sensors)
        if not zones:
            raise CannotConnect(
                "this machine shows no temperature: a virtual one has none. "
                "Choose one of Home Assistant's temperature entities instead"
            )
        self._alive |= {zone.key for zone in zones if zone.temperature is not None}
        # A sensor that is dead from the start speaks for nobody. One that is asleep now is still the one to ask.
        trusted = [each for each in sensors if each.zone.key in self._alive] or sensors
        chosen = best(sensor.name for sensor in trusted)
        flags = _flags(self._root, chips)
        board = _board(self._root)
        return ThermalSnapshot(
            version=os.uname().release,
            zones=zones,
            processor=tuple(sensor.zone.key for sensor in trusted if sensor.name in chosen),
            board=board,
            raspberry_pi=flags is not None or board.startswith("Raspberry Pi"),
            flags=flags,
            cooling=tuple(_cooling(self._root)),
            frequencies=tuple(_frequencies(self._root)),
        )


def _look_away(reading: asyncio.Future[ThermalSnapshot]) -> None:
    """Take note of an error that came when nobody waited any more; else asyncio would complain."""
    if not reading.cancelled():
        reading.exception()


# --- temperatures ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sensor:
    """A zone, and the name that it shares with others of its kind (two disks, two processors)."""

    name: str
    zone: Zone


def _chips(root: Path) -> list[tuple[str, Path]]:
    """Return the names and folders of all hwmon chips, in the order of their devices."""
    folders = sorted(numbered(root / "class/hwmon", "hwmon"), key=device_of)
    return [(name, folder) for folder in folders if (name := read_text(folder / "name"))]


def _sensors(root: Path, chips: Iterable[tuple[str, Path]]) -> Iterator[_Sensor]:
    """Yield all zones. What shares a name is numbered, in the order of the devices: the kernel's numbers change."""
    met: Counter[str] = Counter()
    thermal = sorted(numbered(root / "class/thermal", "thermal_zone"), key=device_of)
    for folder in thermal:
        name = read_text(folder / "type")
        if name:
            met[name] += 1
            yield _sensor(name, met[name], folder / "temp", _trip_points(folder))
    # the kernel shows a thermal zone as a chip of its own, too, without dashes in its name
    left_out = _LEFT_ALONE | {name.replace("-", "_") for name in met}
    for chip, folder in chips:
        if chip in left_out:
            continue
        for found in filter(None, map(_TEMPERATURE.fullmatch, names(folder))):
            prefix = f"temp{found[1]}"
            name = f"{chip} {read_text(folder / f'{prefix}_label') or prefix}"
            met[name] += 1
            yield _sensor(name, met[name], folder / found[0], _chip_limits(folder, prefix))


def _sensor(name: str, number: int, temperature: Path, trip_points: Mapping[TripKind, float]) -> _Sensor:
    key = name if number == 1 else f"{name} #{number}"
    zone = Zone(key=key, name=key, kind=kind_of(name), temperature=_celsius(temperature), trip_points=trip_points)
    return _Sensor(name=name, zone=zone)


def _celsius(attribute: Path) -> float | None:
    """Return a temperature in °C, None for one that no sensor of a running machine says."""
    millidegrees = read_number(attribute)
    if millidegrees is None or not 0 < millidegrees < _HIGHEST_CELSIUS * 1000:
        return None
    return round(millidegrees / 1000, 1) or None


def _trip_points(zone: Path) -> dict[TripKind, float]:
    """Return the lowest of each kind. One that isn't set is far below zero, or 0."""
    found: dict[TripKind, float] = {}
    for name in filter(_TRIP_POINT.fullmatch, names(zone)):
        celsius = _celsius(zone / name)
        if celsius is not None:
            said = read_text(zone / f"{name.removesuffix('temp')}type")
            kind = TripKind(said) if said and said in TripKind else TripKind.UNKNOWN
            found[kind] = min(celsius, found.get(kind, celsius))
    return found


def _chip_limits(chip: Path, prefix: str) -> dict[TripKind, float]:
    """Return what a chip calls high, and critical."""
    limits = {TripKind.HOT: _celsius(chip / f"{prefix}_max"), TripKind.CRITICAL: _celsius(chip / f"{prefix}_crit")}
    return {kind: celsius for kind, celsius in limits.items() if celsius is not None}


# --- what holds the processor back -----------------------------------------------------------------------------------


def _flags(root: Path, chips: Iterable[tuple[str, Path]]) -> ThrottleFlags | None:
    """Return what a Raspberry Pi's firmware says, None on another machine.

    The node is called otherwise on a Raspberry Pi 5, and not every kernel has it. A driver of its own tells of a weak
    power supply, by an alarm.
    """
    word = next(iter(root.glob("devices/platform/soc*/*firmware*/get_throttled")), None)
    alarm = next((folder for name, folder in chips if name == "rpi_volt"), None)
    bits = None if word is None else read_number(word, 16)
    if bits is not None and bits >= 0:
        return ThrottleFlags(
            under_voltage=bool(bits & 1 << 0),
            frequency_capped=bool(bits & 1 << 1),
            throttled=bool(bits & 1 << 2),
            soft_limit=bool(bits & 1 << 3),
            under_voltage_occurred=bool(bits & 1 << 16),
            frequency_capped_occurred=bool(bits & 1 << 17),
            throttled_occurred=bool(bits & 1 << 18),
            soft_limit_occurred=bool(bits & 1 << 19),
        )
    if alarm is not None:
        weak = read_number(alarm / "in0_lcrit_alarm")
        return ThrottleFlags(under_voltage=None if weak is None else bool(weak))
    return None if word is None else ThrottleFlags()


def _cooling(root: Path) -> Iterator[CoolingDevice]:
    for folder in numbered(root / "class/thermal", "cooling_device"):
        name, level = read_text(folder / "type"), read_number(folder / "cur_state")
        if name and level is not None:
            yield CoolingDevice(
                name=name,
                level=max(level, 0),  # some that are off say -1
                highest_level=read_number(folder / "max_state") or 0,
                slows_processor=_SLOWS_PROCESSOR.fullmatch(name) is not None,
            )


def _frequencies(root: Path) -> Iterator[Frequency]:
    for folder in numbered(root / "devices/system/cpu/cpufreq", "policy"):
        highest = read_number(folder / "cpuinfo_max_freq")
        if highest:
            yield Frequency(
                current=read_number(folder / "scaling_cur_freq"),
                permitted=read_number(folder / "scaling_max_freq") or highest,
                highest=highest,
            )


def _board(root: Path) -> str:
    """Return what the board's maker calls it: by its device tree, or by its BIOS. "" where neither can be read."""
    model = read_text(root / "firmware/devicetree/base/model")
    if model:
        return model
    bios = root / "class/dmi/id"
    return " ".join(filter(None, (read_text(bios / name) for name in ("sys_vendor", "product_name"))))
