"""The processor, on x86 and ARM, asked once per boot."""

from pathlib import Path

import pytest
from boot import BootCache
from collectors import Context, processor
from collectors.context import CannotTellError
from collectors.processor import named_brand, numbered_brand, parse_cpuinfo, parse_lscpu
from collectors.usernames import Usernames
from guest import Budget

X86 = """\
processor\t: 0
vendor_id\t: GenuineIntel
model name\t: Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz
flags\t\t: fpu vme

processor\t: 1
model name\t: Another
"""
ARM_SERVER = """\
processor\t: 0
BogoMIPS\t: 243.75
Features\t: fp asimd
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x3
CPU part\t: 0xd0c
"""
ARM_UNKNOWN = ARM_SERVER.replace("0xd0c", "0xfff")
ARM_BOARD = "processor\t: 0\nmodel name\t: ARMv7 Processor rev 4 (v7l)\n\nHardware\t: BCM2835\n"
POWER = "processor\t: 0\ncpu\t\t: POWER9 (architected), altivec supported\n"


@pytest.mark.parametrize(
    ("text", "brand"),
    [
        (X86, "Intel(R) Xeon(R) Platinum 8370C CPU @ 2.80GHz"),
        (ARM_SERVER, "Neoverse-N1"),
        (ARM_UNKNOWN, ""),
        (ARM_BOARD, "ARMv7 Processor rev 4 (v7l)"),
        (POWER, "POWER9 (architected), altivec supported"),
        ("", ""),
    ],
)
def test_cpuinfo_names_the_processor(text: str, brand: str) -> None:
    assert named_brand(parse_cpuinfo(text)) == brand


def test_an_arm_core_that_nobody_knows_is_told_by_its_numbers() -> None:
    assert numbered_brand(parse_cpuinfo(ARM_UNKNOWN)) == "ARM implementer 0x41 part 0xfff"
    assert numbered_brand({"Hardware": "BCM2835"}) == "BCM2835"


def test_lscpu_is_parsed() -> None:
    assert parse_lscpu("Architecture: aarch64\n  Model name:   Neoverse-V2\n") == "Neoverse-V2"
    assert parse_lscpu("Model name: -\n") == ""


def context(state: Path, boot_id: str) -> Context:
    """What a new process of the agent gathers with."""
    return Context("http://x", BootCache(state, boot_id), Usernames(), Budget(1.0))


def test_the_brand_is_read_once_per_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    brands = iter(["first", "second"])
    monkeypatch.setattr(processor, "read_brand", lambda: next(brands))
    found = [processor.gather_brand(context(tmp_path, boot)) for boot in ("a", "a", "b")]
    assert [fields["marca_proc"] for fields in found] == ["first", "first", "second"]


def test_the_sources_are_asked_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processor, "read_cpuinfo", lambda: ARM_UNKNOWN)
    monkeypatch.setattr(processor, "ask_py_cpuinfo", lambda: "")
    monkeypatch.setattr(processor, "ask_lscpu", lambda: "from lscpu")
    assert processor.read_brand() == "from lscpu"
    monkeypatch.setattr(processor, "ask_lscpu", lambda: "")
    assert processor.read_brand() == "ARM implementer 0x41 part 0xfff"
    monkeypatch.setattr(processor, "read_cpuinfo", lambda: "")
    with pytest.raises(CannotTellError):
        processor.read_brand()


def test_py_cpuinfo_without_a_brand_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    import cpuinfo

    monkeypatch.setattr(cpuinfo, "get_cpu_info", lambda: {"arch": "X86_64"})
    assert processor.ask_py_cpuinfo() == ""
    monkeypatch.setattr(cpuinfo, "get_cpu_info", lambda: {"brand_raw": " Some brand "})
    assert processor.ask_py_cpuinfo() == "Some brand"


def test_a_cache_that_is_damaged_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "arranque.json").write_bytes(b"[1")
    assert processor.gather_brand(context(tmp_path, "a"))["marca_proc"]
    assert BootCache(tmp_path, "a").get("marca_proc")
