"""A machine that gets warm: its temperatures as Linux shows them below `/sys`, written into a folder.

Written from the kernel's documentation (sysfs-class-thermal, sysfs-class-hwmon) and from what the boards are known to
show: classes are folders of links into `devices/`, thermal zones are shown as chips, too, and the numbers are those of
one boot. The processor warms up and cools down as a body does: exponentially, to where its load leads.
"""

from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
import math
import os
from pathlib import Path
import random
import shutil

from .clock import Clock, WallClock

OUTSIDE_CELSIUS = 22.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A thermal zone. Its trip points are in millidegrees. `share` is how far it follows the processor."""

    type: str
    trips: tuple[tuple[str, int], ...] = ()
    share: float = 1.0
    device: str = ""
    shown_as_chip: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """A temperature of a chip, in millidegrees."""

    label: str = ""
    share: float = 1.0
    high: int | None = None
    critical: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """An hwmon chip."""

    name: str
    sensors: tuple[Sensor, ...] = ()
    device: str = ""
    others: tuple[tuple[str, str], ...] = ()  # more attributes: voltages, fans


@dataclass(frozen=True, slots=True, kw_only=True)
class Cooling:
    """A cooling device. `from_celsius` is when it starts."""

    type: str
    highest: int
    from_celsius: float = math.inf
    at_rest: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """What a machine shows, and how it warms up: where it goes with no and with full load, and how fast, in °C."""

    model: str = ""
    bios: tuple[str, str] = ("", "")  # vendor and product
    zones: tuple[Zone, ...] = ()
    chips: tuple[Chip, ...] = ()
    cooling: tuple[Cooling, ...] = ()
    clocks: tuple[tuple[int, int, int], ...] = ()  # number of the policy, lowest and highest kHz
    firmware: str = ""  # the node of a Raspberry Pi's firmware
    get_throttled: bool = False
    idle_celsius: float = 45.0
    busy_celsius: float = 85.0
    time_constant: timedelta = timedelta(seconds=90)


_RPI_VOLT = Chip(name="rpi_volt", device="raspberrypi-hwmon", others=(("in0_lcrit_alarm", "0"),))
_NVME = Chip(
    name="nvme",
    device="nvme0",
    sensors=(Sensor(label="Composite", share=0.4, high=84850, critical=84850), Sensor(label="Sensor 1", share=0.5)),
)
_FAN_STEPS = (("active", 50000), ("active", 60000), ("active", 67500), ("active", 75000))


class Boards:
    """Machines that people have at home."""

    RASPBERRY_PI_4 = Board(
        model="Raspberry Pi 4 Model B Rev 1.4",
        zones=(Zone(type="cpu-thermal", trips=(("critical", 110000),)),),
        chips=(_RPI_VOLT,),
        clocks=((0, 600000, 1800000),),
        firmware="devices/platform/soc/soc:firmware",
        get_throttled=True,
    )
    RASPBERRY_PI_5 = Board(
        model="Raspberry Pi 5 Model B Rev 1.0",
        zones=(Zone(type="cpu-thermal", trips=(*_FAN_STEPS, ("critical", 110000))),),
        chips=(
            _RPI_VOLT,
            Chip(name="pwmfan", device="cooling_fan", others=(("fan1_input", "0"), ("pwm1", "0"))),
            Chip(
                name="rp1_adc", device="1f000c8000.adc", sensors=(Sensor(share=0.6),), others=(("in1_input", "1475"),)
            ),
            _NVME,
        ),
        cooling=(Cooling(type="pwm-fan", highest=4, from_celsius=50),),
        clocks=((0, 1500000, 2400000),),
        firmware="devices/platform/soc@107c000000/soc@107c000000:firmware",
        get_throttled=True,
    )
    #: the same with a kernel that doesn't pass on what the firmware says
    RASPBERRY_PI_5_SILENT = replace(RASPBERRY_PI_5, get_throttled=False)
    ORANGE_PI_5 = Board(
        model="Xunlong Orange Pi 5",
        zones=(
            Zone(type="soc-thermal", trips=(("passive", 75000), ("passive", 85000), ("critical", 115000)), share=0.95),
            Zone(type="bigcore0-thermal"),
            Zone(type="bigcore1-thermal"),
            Zone(type="littlecore-thermal", share=0.9),
            Zone(type="center-thermal", share=0.9),
            Zone(type="gpu-thermal", share=0.85),
            Zone(type="npu-thermal", share=0.85),
        ),
        chips=(_NVME,),
        cooling=(
            Cooling(type="thermal-cpufreq-0", highest=7, from_celsius=85),
            Cooling(type="thermal-cpufreq-1", highest=9, from_celsius=85),
            Cooling(type="pwm-fan", highest=4, from_celsius=50),
        ),
        clocks=((0, 408000, 1800000), (4, 408000, 2400000), (6, 408000, 2400000)),
    )
    INTEL_MINI_PC = Board(
        bios=("Intel(R) Client Systems", "NUC11PAHi5"),
        zones=(
            Zone(type="acpitz", trips=(("critical", 119000),), share=0.2, device="LNXTHERM:00"),
            Zone(type="acpitz", trips=(("critical", 119000), ("passive", 0)), share=0.0, device="LNXTHERM:01"),
            Zone(type="x86_pkg_temp", trips=(("passive", -274000), ("passive", 0)), device="", shown_as_chip=False),
            Zone(type="iwlwifi_1", trips=(("passive", -32768000),), share=0.3),
        ),
        chips=(
            Chip(
                name="coretemp",
                device="coretemp.0",
                sensors=(
                    Sensor(label="Package id 0", high=100000, critical=100000),
                    *(Sensor(label=f"Core {n}", share=0.97, high=100000, critical=100000) for n in range(4)),
                ),
            ),
            _NVME,
            Chip(name="drivetemp", device="0:0:0:0", sensors=(Sensor(share=0.3, high=60000, critical=70000),)),
        ),
        cooling=(
            *(Cooling(type="Processor", highest=3, from_celsius=100) for _ in range(4)),
            Cooling(type="intel_powerclamp", highest=50, at_rest=-1),
            Cooling(type="TCC Offset", highest=63, at_rest=5),
        ),
        clocks=tuple((n, 400000, 4200000) for n in range(4)),
        idle_celsius=42,
        busy_celsius=95,
        time_constant=timedelta(seconds=30),
    )
    AMD_PC = Board(
        bios=("Micro-Star International Co., Ltd.", "MS-7C56"),
        chips=(
            Chip(name="nvme", device="nvme1", sensors=(Sensor(label="Composite", share=0.4, critical=84850),)),
            _NVME,
            Chip(
                name="k10temp", device="0000:00:18.3", sensors=(Sensor(label="Tctl"), Sensor(label="Tccd1", share=0.9))
            ),
            Chip(name="amdgpu", device="0000:2d:00.0", sensors=(Sensor(label="edge", share=0.5, critical=100000),)),
            Chip(name="amdgpu", device="0000:0b:00.0", sensors=(Sensor(label="edge", share=0.6, critical=105000),)),
        ),
        clocks=((0, 2200000, 4200000),),
        busy_celsius=88,
        time_constant=timedelta(seconds=20),
    )
    VIRTUAL_MACHINE = Board(bios=("QEMU", "Standard PC (Q35 + ICH9, 2009)"))


class Fault(StrEnum):
    """How a sensor can fail. No file can be made to answer ENODATA; a folder in its place fails as well (EISDIR)."""

    ASLEEP = "asleep"  # EAGAIN, really: a pipe into which nobody writes
    UNREADABLE = "unreadable"
    ZERO = "zero"
    NEGATIVE = "negative"
    FAR_TOO_HIGH = "far_too_high"
    EMPTY = "empty"
    GARBAGE = "garbage"
    ENDLESS = "endless"
    GONE = "gone"  # with all that belongs to it


_TEXTS = {
    Fault.ZERO: "0",
    Fault.NEGATIVE: "-274000",
    Fault.FAR_TOO_HIGH: "255000",
    Fault.EMPTY: "",
    Fault.GARBAGE: "\x1b[31mN/A\ufffd",
    Fault.ENDLESS: "4" * 100_000,
}


class ThermalMachine:
    """A machine whose `/sys` is the folder `root`, empty before. What it shows is as of the last `write`."""

    def __init__(self, root: Path, board: Board, *, clock: Clock | None = None, seed: int = 1) -> None:
        if root.exists() and any(root.iterdir()):
            raise ValueError(f"{root} is not empty, and would be")
        self.root = root
        self.board = board
        self.clock = clock or WallClock()
        self.under_voltage = False
        self._random = random.Random(seed)
        self._load = 0.0
        self._since = self.clock.now()
        self._celsius_then = board.idle_celsius
        self._happened = 0  # the lower half of the throttle word, ever
        self._faults: dict[str, Fault] = {}
        self._pipes: list[int] = []
        self._zones = list(range(len(board.zones)))
        self._chips = list(range(len(board.chips) + sum(zone.shown_as_chip for zone in board.zones)))
        self._build()

    # --- warmth --------------------------------------------------------------------------------------------------

    def celsius(self, at: datetime | None = None) -> float:
        """Return how warm the processor is, without noise."""
        seconds = ((at or self.clock.now()) - self._since).total_seconds()
        goal = self.board.idle_celsius + self._load * (self.board.busy_celsius - self.board.idle_celsius)
        left = math.exp(-seconds / self.board.time_constant.total_seconds())
        return goal + (self._celsius_then - goal) * left

    @property
    def load(self) -> float:
        """How busy it is, from 0 to 1 (more on a hot day)."""
        return self._load

    @load.setter
    def load(self, load: float) -> None:
        self._celsius_then, self._since, self._load = self.celsius(), self.clock.now(), load

    def be(self, celsius: float) -> None:
        """Be as warm as this, and stay so."""
        span = self.board.busy_celsius - self.board.idle_celsius
        self._load = (celsius - self.board.idle_celsius) / span
        self._celsius_then, self._since = celsius, self.clock.now()
        self.write()

    @property
    def throttle_word(self) -> int:
        """What the firmware of a Raspberry Pi says: from 80 °C on it slows down, from 85 °C on it throttles."""
        celsius = self.celsius()
        now = self.under_voltage << 0 | (self.under_voltage or celsius >= 80) << 1  # noqa: PLR2004
        now |= (self.under_voltage or celsius >= 85) << 2 | (celsius >= 80) << 3  # noqa: PLR2004
        self._happened |= now
        return now | self._happened << 16

    # --- failing -------------------------------------------------------------------------------------------------

    def fault(self, kind: Fault, name: str) -> None:
        """Let all sensors of a thermal zone's type, or of a chip's name, fail."""
        self._faults[name] = kind
        self._build()

    def clear_faults(self) -> None:
        """Let everything work again."""
        self._faults.clear()
        self._build()

    def reboot(self) -> None:
        """Start again: zones and chips are found in another order, and what happened before is forgotten."""
        self._happened = 0
        for numbers in (self._zones, self._chips):
            numbers.reverse()
        self._build()

    def close(self) -> None:
        """Let go of what is open."""
        for pipe in self._pipes:
            os.close(pipe)
        self._pipes.clear()

    # --- writing -------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        """Write everything anew: something is there, or isn't any more."""
        self.close()
        shutil.rmtree(self.root, ignore_errors=True)
        for folder in ("class/thermal", "devices/platform", "devices/system/cpu/cpufreq"):
            (self.root / folder).mkdir(parents=True)
        self.write()

    def write(self) -> None:
        """Write everything as it is now; who reads meanwhile finds what was, or what is."""
        numbers = iter(self._chips)
        for number, zone in zip(self._zones, self.board.zones, strict=True):
            self._write_zone(number, zone, next(numbers) if zone.shown_as_chip else None)
        for chip in self.board.chips:
            self._write_chip(next(numbers), chip)
        for number, cooling in enumerate(self.board.cooling):
            self._write_cooling(number, cooling)
        for number, lowest, highest in self.board.clocks:
            self._write_clock(number, lowest, highest)
        if self.board.get_throttled:
            self._put(f"{self.board.firmware}/get_throttled", f"{self.throttle_word:x}")
        if self.board.model:
            self._put("firmware/devicetree/base/model", f"{self.board.model}\0", end="")
        if any(self.board.bios):
            vendor, product = self.board.bios
            self._put("devices/virtual/dmi/id/sys_vendor", vendor)
            self._put("devices/virtual/dmi/id/product_name", product)
            self._link("class/dmi/id", "devices/virtual/dmi/id")

    def _write_zone(self, number: int, zone: Zone, chip_number: int | None) -> None:
        if self._faults.get(zone.type) is Fault.GONE:
            return
        place = f"devices/virtual/thermal/thermal_zone{number}"
        self._put(f"{place}/type", zone.type)
        self._put_celsius(f"{place}/temp", zone.type, zone.share)
        for trip, (kind, millidegrees) in enumerate(zone.trips):
            self._put(f"{place}/trip_point_{trip}_type", kind)
            self._put(f"{place}/trip_point_{trip}_temp", f"{millidegrees}")
        self._put(f"{place}/policy", "step_wise")
        if zone.device:
            (self.root / "devices/LNXSYSTM:00" / zone.device).mkdir(parents=True, exist_ok=True)
            self._link(f"{place}/device", f"devices/LNXSYSTM:00/{zone.device}")
        self._link(f"class/thermal/thermal_zone{number}", place)
        if chip_number is not None:
            chip = f"{place}/hwmon{chip_number}"
            self._put(f"{chip}/name", zone.type.replace("-", "_"))
            self._put_celsius(f"{chip}/temp1_input", zone.type, zone.share)
            self._link(f"{chip}/device", place)
            self._link(f"class/hwmon/hwmon{chip_number}", chip)

    def _write_chip(self, number: int, chip: Chip) -> None:
        if self._faults.get(chip.name) is Fault.GONE:
            return
        owner = f"{self.board.firmware if chip is _RPI_VOLT else 'devices/platform'}/{chip.device}"
        place = f"{owner}/hwmon/hwmon{number}"
        self._put(f"{place}/name", chip.name)
        for index, sensor in enumerate(chip.sensors, 1):
            self._put_celsius(f"{place}/temp{index}_input", chip.name, sensor.share)
            for name, value in (("label", sensor.label), ("max", sensor.high), ("crit", sensor.critical)):
                if value:
                    self._put(f"{place}/temp{index}_{name}", f"{value}")
        for name, text in chip.others:
            weak = name == "in0_lcrit_alarm" and self.under_voltage
            self._put(f"{place}/{name}", "1" if weak else text)
        self._link(f"{place}/device", owner)
        self._link(f"class/hwmon/hwmon{number}", place)

    def _write_cooling(self, number: int, cooling: Cooling) -> None:
        place = f"devices/virtual/thermal/cooling_device{number}"
        self._put(f"{place}/type", cooling.type)
        self._put(f"{place}/max_state", f"{cooling.highest}")
        self._put(f"{place}/cur_state", f"{1 if self.celsius() >= cooling.from_celsius else cooling.at_rest}")
        self._link(f"class/thermal/cooling_device{number}", place)

    def _write_clock(self, number: int, lowest: int, highest: int) -> None:
        place = f"devices/system/cpu/cpufreq/policy{number}"
        held_back = any(self.celsius() >= each.from_celsius for each in self.board.cooling if each.type != "pwm-fan")
        permitted = (lowest + highest) // 2 if held_back else highest
        current = permitted if self.load > 0.5 else lowest  # noqa: PLR2004 -- busy
        for name, value in (
            ("cpuinfo_min_freq", lowest),
            ("cpuinfo_max_freq", highest),
            ("scaling_cur_freq", current),
            ("scaling_max_freq", permitted),
        ):
            self._put(f"{place}/{name}", f"{value}")

    def _put_celsius(self, place: str, owner: str, share: float) -> None:
        celsius = OUTSIDE_CELSIUS + share * (self.celsius() - OUTSIDE_CELSIUS) + self._random.gauss(0, 0.2) * share
        fault = self._faults.get(owner)
        path = self.root / place
        if fault is Fault.ASLEEP:
            self._put_pipe(path)
        elif fault is Fault.UNREADABLE:
            path.mkdir(parents=True, exist_ok=True)
        else:
            self._put(place, _TEXTS.get(fault, "") if fault else f"{round(celsius * 1000)}")

    def _put_pipe(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_fifo():
            os.mkfifo(path)
            self._pipes.append(os.open(path, os.O_RDWR))  # somebody who could write: else a reader finds its end

    def _put(self, place: str, text: str, *, end: str = "\n") -> None:
        path, content = self.root / place, (text + end).encode()
        if path.is_file() and path.read_bytes() == content:
            return  # as is most of a machine from one moment to the next
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f".{path.name}.new")
        new.write_bytes(content)
        new.replace(path)

    def _link(self, place: str, target: str) -> None:
        link = self.root / place
        link.parent.mkdir(parents=True, exist_ok=True)
        # as the kernel does, a link ends in the name of what it leads to, also where that is a folder above it
        above, _, name = target.rpartition("/")
        with suppress(FileExistsError):
            link.symlink_to(Path(os.path.relpath(self.root / above, link.parent)) / name)
