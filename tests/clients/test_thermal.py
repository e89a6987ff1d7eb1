"""What this machine's sensors say: of the boards that people have, and when one of them fails."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
import errno
import os
from pathlib import Path
import threading
from types import SimpleNamespace
from typing import Any

from hypothesis import HealthCheck, example, given, settings, strategies as st
import pytest

from custom_components.sokoul.clients import sysfs
from custom_components.sokoul.clients.errors import CannotConnect, Silence
from custom_components.sokoul.clients.thermal import ROOT, ThermalClient
from custom_components.sokoul.clients.thermal_names import best, kind_of
from custom_components.sokoul.model.machine import ThermalSnapshot, ThrottleFlags, TripKind, ZoneKind
from devstack.clock import ManualClock
from devstack.thermal import Board, Boards, Chip, Fault, Sensor, ThermalMachine, Zone

type Make = Callable[..., ThermalMachine]


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def make(tmp_path: Path, clock: ManualClock) -> Iterator[Make]:
    """Make machines, each with a folder of its own."""
    made: list[ThermalMachine] = []

    def build(board: Board) -> ThermalMachine:
        made.append(ThermalMachine(tmp_path / f"sys{len(made)}", board, clock=clock))
        return made[-1]

    yield build
    for each in made:
        each.close()


async def read(machine: ThermalMachine) -> ThermalSnapshot:
    return await ThermalClient(machine.root).read()


def shim(**replaced: Any) -> SimpleNamespace:
    """Return an `os` that does some things in another way, for one module only."""
    return SimpleNamespace(**{**vars(os), **replaced})


def temperature(snapshot: ThermalSnapshot, key: str) -> float | None:
    (zone,) = (zone for zone in snapshot.zones if zone.key == key)
    return zone.temperature


# --- boards ----------------------------------------------------------------------------------------------------------

QUIET = ThrottleFlags(**dict.fromkeys(ThrottleFlags.__slots__, False))


@dataclass(frozen=True, kw_only=True)
class Case:
    """What is to be read of a board that is at rest."""

    board: Board
    processor: tuple[str, ...]
    zones: set[str]
    limits: dict[TripKind, float] = field(default_factory=dict)  # of the processor's first zone
    first_limit: float | None = None
    flags: ThrottleFlags | None = None
    raspberry_pi: bool = False
    name: str = ""
    highest_megahertz: tuple[int, ...] = ()


BOARDS = {
    "Raspberry Pi 4": Case(
        board=Boards.RASPBERRY_PI_4,
        name="Raspberry Pi 4 Model B Rev 1.4",
        processor=("cpu-thermal",),
        zones={"cpu-thermal"},
        limits={TripKind.CRITICAL: 110},
        first_limit=110,
        flags=QUIET,
        raspberry_pi=True,
        highest_megahertz=(1800,),
    ),
    "Raspberry Pi 5: the firmware's node is called otherwise": Case(
        board=Boards.RASPBERRY_PI_5,
        name="Raspberry Pi 5 Model B Rev 1.0",
        processor=("cpu-thermal",),
        zones={"cpu-thermal", "rp1_adc temp1"},
        limits={TripKind.ACTIVE: 50, TripKind.CRITICAL: 110},
        first_limit=110,  # a fan that goes on at 50 °C is none
        flags=QUIET,
        raspberry_pi=True,
        highest_megahertz=(2400,),
    ),
    "Raspberry Pi 5 without the firmware's word": Case(
        board=Boards.RASPBERRY_PI_5_SILENT,
        name="Raspberry Pi 5 Model B Rev 1.0",
        processor=("cpu-thermal",),
        zones={"cpu-thermal", "rp1_adc temp1"},
        limits={TripKind.ACTIVE: 50, TripKind.CRITICAL: 110},
        first_limit=110,
        flags=ThrottleFlags(under_voltage=False),
        raspberry_pi=True,
        highest_megahertz=(2400,),
    ),
    "Orange Pi 5": Case(
        board=Boards.ORANGE_PI_5,
        name="Xunlong Orange Pi 5",
        processor=("soc-thermal",),
        zones={
            "soc-thermal",
            "bigcore0-thermal",
            "bigcore1-thermal",
            "littlecore-thermal",
            "center-thermal",
            "gpu-thermal",
            "npu-thermal",
        },
        limits={TripKind.PASSIVE: 75, TripKind.CRITICAL: 115},  # the lower one of two
        first_limit=75,
        highest_megahertz=(1800, 2400, 2400),
    ),
    "Intel: the limits are told by another driver than the temperature": Case(
        board=Boards.INTEL_MINI_PC,
        name="Intel(R) Client Systems NUC11PAHi5",
        processor=("x86_pkg_temp",),
        zones={
            "acpitz",
            "acpitz #2",
            "x86_pkg_temp",
            "iwlwifi_1",
            "coretemp Package id 0",
            *(f"coretemp Core {n}" for n in range(4)),
        },
        limits={},  # -274 °C and 0 are none
        first_limit=100,
        highest_megahertz=(4200,) * 4,
    ),
    "AMD: chips only": Case(
        board=Boards.AMD_PC,
        name="Micro-Star International Co., Ltd. MS-7C56",
        processor=("k10temp Tctl",),
        zones={"k10temp Tctl", "k10temp Tccd1", "amdgpu edge", "amdgpu edge #2"},
        highest_megahertz=(4200,),
    ),
}


@pytest.mark.parametrize("case", BOARDS.values(), ids=BOARDS)
async def test_a_board_at_rest(case: Case, make: Make) -> None:
    machine = make(case.board)
    snapshot = await read(machine)
    assert snapshot.processor == case.processor
    assert {zone.key for zone in snapshot.zones} == case.zones
    assert snapshot.processor_zones[0].trip_points == case.limits
    assert snapshot.first_limit == case.first_limit
    assert snapshot.flags == case.flags
    assert (snapshot.board, snapshot.raspberry_pi) == (case.name, case.raspberry_pi)
    assert not any(each.level for each in snapshot.cooling if each.slows_processor)
    assert tuple(each.highest // 1000 for each in snapshot.frequencies) == case.highest_megahertz
    assert all(each.permitted == each.highest for each in snapshot.frequencies)
    assert snapshot.temperature == pytest.approx(machine.celsius(), abs=4)  # some zones are beside the processor
    assert snapshot.version == os.uname().release


async def test_a_virtual_machine_has_nothing_to_say(make: Make) -> None:
    with pytest.raises(CannotConnect, match="temperature entities"):
        await read(make(Boards.VIRTUAL_MACHINE))


async def test_what_is_no_sysfs_has_nothing_to_say(tmp_path: Path) -> None:
    for root in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(CannotConnect):
            await ThermalClient(root).read()


async def test_the_machine_that_this_runs_on() -> None:
    """Whatever it is: it has sensors, or it is told that there are none."""
    try:
        snapshot = await ThermalClient().read()
    except CannotConnect:
        assert not [*ROOT.glob("class/thermal/thermal_zone*/temp")]
        assert not [
            path
            for path in ROOT.glob("class/hwmon/hwmon*/temp*_input")
            if path.with_name("name").read_text().strip() not in {"drivetemp", "nvme"}
        ]
    else:
        assert snapshot.zones
        assert snapshot.version


# --- names -----------------------------------------------------------------------------------------------------------

PROCESSORS = {
    ("cpu-thermal", "gpu-thermal"): {"cpu-thermal"},
    ("cpu_thermal", "soc_thermal"): {"cpu_thermal"},
    ("x86_pkg_temp", "acpitz", "coretemp Package id 0"): {"x86_pkg_temp"},
    ("coretemp Package id 0", "coretemp Package id 1", "coretemp Core 0"): {
        "coretemp Package id 0",
        "coretemp Package id 1",
    },
    ("package-thermal", "bigcore0-thermal", "bigcore2-thermal"): {"package-thermal"},
    # none speaks for the others: the hottest of them counts
    ("bigcore0-thermal", "littlecore-thermal", "npu-thermal"): {"bigcore0-thermal", "littlecore-thermal"},
    ("AO-therm", "CPU-therm", "GPU-therm", "PLL-therm"): {"CPU-therm"},
    ("cpu0-thermal", "cpu1-thermal", "cpuss0-thermal", "modem-thermal"): {
        "cpu0-thermal",
        "cpu1-thermal",
        "cpuss0-thermal",
    },
    ("k10temp Tccd1", "k10temp Tctl", "amdgpu edge"): {"k10temp Tctl"},
    # nothing looks like a processor
    ("acpitz", "pch_cannonlake", "iwlwifi_1"): set(),
    ("gpu-thermal", "soc-dram-mem"): set(),
    (): set(),
}


@pytest.mark.parametrize("found", PROCESSORS, ids=str)
def test_which_zone_is_the_processor(found: tuple[str, ...]) -> None:
    assert best(found) == PROCESSORS[found]
    assert {name for name in found if kind_of(name) is ZoneKind.PROCESSOR} >= PROCESSORS[found]


def test_a_core_is_told_from_its_processor() -> None:
    assert kind_of("coretemp Core 11") is ZoneKind.CORE
    assert kind_of("k10temp Tccd2") is ZoneKind.CORE
    assert kind_of("coretemp Package id 0") is ZoneKind.PROCESSOR
    assert kind_of("nct6775 SYSTIN") is ZoneKind.OTHER


async def test_the_hottest_counts_where_none_speaks_for_the_others(make: Make) -> None:
    board = Board(zones=(Zone(type="bigcore0-thermal"), Zone(type="littlecore-thermal", share=0.5)))
    machine = make(board)
    machine.be(80)
    snapshot = await read(machine)
    assert snapshot.processor == ("bigcore0-thermal", "littlecore-thermal")
    assert snapshot.temperature == temperature(snapshot, "bigcore0-thermal") == pytest.approx(80, abs=1)
    machine.fault(Fault.ASLEEP, "bigcore0-thermal")
    assert (await read(machine)).temperature == pytest.approx(51, abs=1)


@pytest.mark.parametrize(
    "board", [Boards.INTEL_MINI_PC, Boards.AMD_PC, Boards.ORANGE_PI_5], ids=["Intel", "AMD", "Orange Pi"]
)
async def test_the_keys_are_the_same_after_a_restart(board: Board, make: Make) -> None:
    """The kernel numbers zones and chips as it finds them; who they are has to stay, also of two of a name."""
    machine = make(board)
    machine.be(70)
    first = next(iter(sorted((machine.root / "class/hwmon").iterdir()))).resolve()
    before = await read(machine)
    machine.reboot()
    after = await read(machine)
    assert {zone.key for zone in after.zones} == {zone.key for zone in before.zones}
    assert after.processor == before.processor
    for zone in before.zones:
        assert temperature(after, zone.key) == pytest.approx(zone.temperature, abs=1.5), zone.key
    assert next(iter(sorted((machine.root / "class/hwmon").iterdir()))).resolve() != first  # it was one


async def test_disks_are_left_alone(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asking one keeps it from going to sleep."""
    machine = make(Boards.INTEL_MINI_PC)
    opened: list[str] = []
    really = os.open

    def note(path: Path, flags: int) -> int:
        opened.append(str(path.resolve()))
        return really(path, flags)

    monkeypatch.setattr(sysfs, "os", shim(open=note))
    await read(machine)
    assert any("coretemp" in path for path in opened)
    assert {Path(path).name for path in opened if "nvme0" in path or "0:0:0:0" in path} == {"name"}
    assert len(opened) == len(set(opened))  # each once


# --- getting warm ----------------------------------------------------------------------------------------------------


async def test_a_ramp_is_followed(make: Make, clock: ManualClock) -> None:
    """A load, and its end: the temperature goes where it leads, and never anywhere else."""
    machine = make(Boards.RASPBERRY_PI_4)
    client = ThermalClient(machine.root)
    read_at: list[float] = []
    for minute in range(20):
        machine.load = 1.0 if 2 <= minute < 10 else 0.0
        for _ in range(6):
            machine.write()
            snapshot = await client.read()
            assert snapshot.temperature == pytest.approx(machine.celsius(), abs=1.2)
            assert snapshot.flags is not None
            assert snapshot.flags.soft_limit is (machine.celsius() >= 80)
            read_at.append(snapshot.temperature or 0)
            clock.advance(timedelta(seconds=10))
    assert read_at[0] == pytest.approx(45, abs=1.2)
    assert max(read_at) == pytest.approx(85, abs=1.2)
    assert read_at[-1] == pytest.approx(45, abs=1.2)
    # it takes its time: two thirds of the way after one time constant
    assert read_at[2 * 6 + 9] == pytest.approx(45 + 40 * 0.632, abs=1.5)


FLAGS = {
    "0": ThrottleFlags(),
    "1": ThrottleFlags(under_voltage=True),
    "50005": ThrottleFlags(under_voltage=True, throttled=True, under_voltage_occurred=True, throttled_occurred=True),
    "0x50000": ThrottleFlags(under_voltage_occurred=True, throttled_occurred=True),
    "e0008": ThrottleFlags(
        soft_limit=True, frequency_capped_occurred=True, throttled_occurred=True, soft_limit_occurred=True
    ),
    "2": ThrottleFlags(frequency_capped=True),
}


@pytest.mark.parametrize("word", FLAGS)
async def test_the_word_of_the_firmware(word: str, make: Make) -> None:
    machine = make(Boards.RASPBERRY_PI_4)
    (machine.root / machine.board.firmware / "get_throttled").write_text(f"{word}\n")
    flags = (await read(machine)).flags
    for name in ThrottleFlags.__slots__:
        assert getattr(flags, name) is bool(getattr(FLAGS[word], name)), name


@pytest.mark.parametrize("word", ["", "N/A", "-5"])
async def test_a_word_that_can_not_be_read_is_not_no_word(word: str, make: Make) -> None:
    """The alarm of the power supply is still there."""
    machine = make(Boards.RASPBERRY_PI_4)
    (machine.root / machine.board.firmware / "get_throttled").write_text(word)
    assert (await read(machine)).flags == ThrottleFlags(under_voltage=False)
    machine.fault(Fault.GONE, "rpi_volt")
    (machine.root / machine.board.firmware / "get_throttled").write_text(word)
    assert (await read(machine)).flags == ThrottleFlags()


async def test_a_weak_power_supply_is_told_without_the_word_of_the_firmware(make: Make) -> None:
    machine = make(Boards.RASPBERRY_PI_5_SILENT)
    machine.under_voltage = True
    machine.write()
    assert (await read(machine)).flags == ThrottleFlags(under_voltage=True)


async def test_a_container_that_hides_the_board_is_still_a_raspberry_pi(make: Make) -> None:
    machine = make(Boards.RASPBERRY_PI_4)
    (machine.root / "firmware/devicetree/base/model").unlink()
    snapshot = await read(machine)
    assert (snapshot.board, snapshot.raspberry_pi) == ("", True)


@pytest.mark.parametrize(
    ("board", "hot", "slowing", "others"),
    [
        (Boards.ORANGE_PI_5, 90, {"thermal-cpufreq-0", "thermal-cpufreq-1"}, {"pwm-fan"}),
        # one that is off says -1, and one is a setting that is always on
        (Boards.INTEL_MINI_PC, 101, {"Processor", "intel_powerclamp"}, {"TCC Offset"}),
    ],
    ids=["Orange Pi", "Intel"],
)
async def test_a_processor_that_is_slowed_down(
    board: Board, hot: float, slowing: set[str], others: set[str], make: Make
) -> None:
    machine = make(board)
    snapshot = await read(machine)
    assert {each.name for each in snapshot.cooling if each.slows_processor} == slowing
    assert {each.name for each in snapshot.cooling if not each.slows_processor} == others
    assert all(0 <= each.level <= each.highest_level for each in snapshot.cooling)
    machine.be(hot)
    snapshot = await read(machine)
    assert slowing & {each.name for each in snapshot.cooling if each.level > 0}
    assert all(each.permitted < each.highest for each in snapshot.frequencies)
    assert snapshot.frequencies[0].current == snapshot.frequencies[0].permitted


async def test_a_fan_does_not_slow_anything_down(make: Make) -> None:
    machine = make(Boards.ORANGE_PI_5)
    machine.be(60)
    snapshot = await read(machine)
    assert [each.name for each in snapshot.cooling if each.level] == ["pwm-fan"]


# --- sensors that fail -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [kind for kind in Fault if kind is not Fault.GONE])
async def test_a_sensor_that_fails_is_not_known(kind: Fault, make: Make) -> None:
    machine = make(Boards.RASPBERRY_PI_4)
    client = ThermalClient(machine.root)
    assert (await client.read()).temperature is not None
    machine.fault(kind, "cpu-thermal")
    snapshot = await client.read()
    assert (snapshot.processor, snapshot.temperature) == (("cpu-thermal",), None)
    assert snapshot.first_limit == 110  # what is known otherwise stays so
    machine.clear_faults()
    assert (await client.read()).temperature == pytest.approx(45, abs=1.2)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=100)
@given(
    st.sampled_from(["temp", "type", "trip_point_0_temp", "trip_point_0_type"]),
    st.one_of(st.binary(max_size=300), st.integers().map(lambda n: f"{n}\n".encode())),
)
@example(attribute="temp", content=b"1\n")
@example(attribute="trip_point_0_temp", content=b"49\n")
@example(attribute="temp", content=b"9" * 4000)
def test_whatever_is_written_there(tmp_path: Path, attribute: str, content: bytes) -> None:
    zone = tmp_path / "class/thermal/thermal_zone0"
    zone.mkdir(parents=True, exist_ok=True)
    for name, usual in (("temp", "45000"), ("type", "cpu-thermal"), ("trip_point_0_temp", "90000")):
        (zone / name).write_text(usual)
    (zone / "trip_point_0_type").write_text("passive")
    (zone / attribute).write_bytes(content)
    try:
        snapshot = ThermalClient(tmp_path)._read()
    except CannotConnect:
        assert attribute == "type"  # a zone without a name is none
        return
    (found,) = snapshot.zones
    assert found.key.isprintable()
    assert found.temperature is None or 0 < found.temperature <= 150
    assert all(0 < celsius <= 150 for celsius in found.trip_points.values())
    if attribute != "temp":
        assert found.temperature == 45


@pytest.mark.parametrize("code", [errno.EAGAIN, errno.ENODATA, errno.EINVAL, errno.EIO, errno.EACCES])
async def test_whatever_a_driver_answers(code: int, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = make(Boards.RASPBERRY_PI_4)
    really = os.read

    def answer(descriptor: int, count: int) -> bytes:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == "temp":
            raise OSError(code, os.strerror(code))
        return really(descriptor, count)

    monkeypatch.setattr(sysfs, "os", shim(read=answer))
    snapshot = await read(machine)
    assert [zone.temperature for zone in snapshot.zones] == [None]
    assert snapshot.board


async def test_a_sensor_that_was_never_alive_speaks_for_nobody(make: Make) -> None:
    machine = make(Boards.INTEL_MINI_PC)
    machine.fault(Fault.ZERO, "x86_pkg_temp")
    client = ThermalClient(machine.root)
    snapshot = await client.read()
    assert snapshot.processor == ("coretemp Package id 0",)
    assert snapshot.temperature == pytest.approx(42, abs=1.2)
    # once it was, it is the one to ask, also while it sleeps
    machine.clear_faults()
    assert (await client.read()).processor == ("x86_pkg_temp",)
    machine.fault(Fault.ASLEEP, "x86_pkg_temp")
    snapshot = await client.read()
    assert (snapshot.processor, snapshot.temperature) == (("x86_pkg_temp",), None)


async def test_a_zone_that_vanishes_leaves_it_to_the_next_best(make: Make) -> None:
    machine = make(Boards.INTEL_MINI_PC)
    client = ThermalClient(machine.root)
    await client.read()
    machine.fault(Fault.GONE, "x86_pkg_temp")
    snapshot = await client.read()
    assert snapshot.processor == ("coretemp Package id 0",)
    assert "x86_pkg_temp" not in {zone.key for zone in snapshot.zones}


async def test_where_nothing_looks_like_a_processor_none_is_guessed(make: Make) -> None:
    snapshot = await read(make(Board(zones=(Zone(type="acpitz"),), chips=(Chip(name="pch", sensors=(Sensor(),)),))))
    assert (snapshot.processor, snapshot.temperature, snapshot.first_limit) == ((), None, None)
    assert len(snapshot.zones) == 2


# --- off the event loop ----------------------------------------------------------------------------------------------


async def test_it_is_read_in_a_thread(make: Make) -> None:
    machine = make(Boards.ORANGE_PI_5)
    with ThreadPoolExecutor(1, thread_name_prefix="beside") as executor:
        client = ThermalClient(machine.root, executor=executor)
        assert client.latency_seconds is None
        seen: list[str] = []
        really = client._read

        def note() -> ThermalSnapshot:
            seen.append(threading.current_thread().name)
            return really()

        client._read = note  # type: ignore[method-assign]
        await client.read()
        assert [name.startswith("beside") for name in seen] == [True]  # one trip
        assert client.latency_seconds is not None
        assert client.latency_seconds > 0


async def test_a_sensor_that_hangs_blocks_one_thread_only(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked no second time before it has answered."""
    machine = make(Boards.RASPBERRY_PI_4)
    hanging, asked = threading.Event(), []
    really = os.read

    def hang(descriptor: int, count: int) -> bytes:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == "temp":
            asked.append(descriptor)
            hanging.wait(10)
        return really(descriptor, count)

    monkeypatch.setattr(sysfs, "os", shim(read=hang))
    client = ThermalClient(machine.root, timeout_seconds=0.2)
    for _ in range(3):
        with pytest.raises(CannotConnect) as caught:
            await client.read()
        assert caught.value.silence is Silence.TIMEOUT
    assert len(asked) == 1
    hanging.set()
    assert client._reading is not None
    await asyncio.wait({client._reading})
    assert (await ThermalClient(machine.root).read()).temperature is not None
    assert (await client.read()).temperature is not None


async def test_an_error_after_a_time_out_is_nobodys(make: Make, caplog: pytest.LogCaptureFixture) -> None:
    machine = make(Boards.VIRTUAL_MACHINE)
    hanging = threading.Event()
    client = ThermalClient(machine.root, timeout_seconds=0.01)
    really = client._read

    def hang() -> ThermalSnapshot:
        hanging.wait(10)
        return really()

    client._read = hang  # type: ignore[method-assign]
    with pytest.raises(CannotConnect):
        await client.read()
    hanging.set()
    assert client._reading is not None
    await asyncio.wait({client._reading})
    client._reading = None
    await asyncio.sleep(0)
    assert "never retrieved" not in caplog.text
