"""The processor: architecture and brand.

The brand is read once per boot and kept. /proc/cpuinfo goes before py-cpuinfo: it is a file, has
on x86 the very text that py-cpuinfo returns as ``brand_raw``, and py-cpuinfo takes a second, in
which it starts a dozen commands.
"""

import os
from pathlib import Path

from collectors.context import CannotTellError, Context
from deadline import call_within
from report import clean_text

CPUINFO = Path("/proc/cpuinfo")
ENOUGH = 16384  # bytes: the first processor's lines; a machine of 256 has 400 KB of them
PATIENCE = 15.0

# CPU implementer and part -> name, of the ARM cores that servers have (MIDR_EL1; the names are
# those of util-linux, sys-utils/lscpu-arm.c).
ARM_CORES = {
    ("0x41", "0xd03"): "Cortex-A53",
    ("0x41", "0xd05"): "Cortex-A55",
    ("0x41", "0xd07"): "Cortex-A57",
    ("0x41", "0xd08"): "Cortex-A72",
    ("0x41", "0xd09"): "Cortex-A73",
    ("0x41", "0xd0b"): "Cortex-A76",
    ("0x41", "0xd0c"): "Neoverse-N1",
    ("0x41", "0xd40"): "Neoverse-V1",
    ("0x41", "0xd49"): "Neoverse-N2",
    ("0x41", "0xd4f"): "Neoverse-V2",
    ("0x41", "0xd84"): "Neoverse-V3",
    ("0x41", "0xd8e"): "Neoverse-N3",
    ("0x42", "0x516"): "ThunderX2",
    ("0x43", "0x0af"): "ThunderX2-99xx",
    ("0x48", "0xd01"): "TaiShan-v110",
    ("0xc0", "0xac3"): "Ampere-1",
    ("0xc0", "0xac4"): "Ampere-1a",
}


def parse_cpuinfo(text: str) -> dict[str, str]:
    """Return the fields of the first processor in /proc/cpuinfo, and those that stand for all.

    x86 has "model name" for each processor; ARM has implementer and part for each, and on boards
    "Hardware" or "Model" at the end; POWER has "cpu", s390 "processor 0".
    """
    fields: dict[str, str] = {}
    for line in text.splitlines():
        name, colon, value = line.partition(":")
        if colon and value.strip():
            fields.setdefault(name.strip(), " ".join(value.split()))
    return fields


def named_brand(fields: dict[str, str]) -> str:
    """Return the processor's name where /proc/cpuinfo has or implies it, else ""."""
    core = (fields.get("CPU implementer", ""), fields.get("CPU part", ""))
    power = fields.get("cpu", "")
    return fields.get("model name") or ARM_CORES.get(core) or power


def numbered_brand(fields: dict[str, str]) -> str:
    """Return what is left to tell an ARM core by, when nobody knows its name."""
    implementer, part = fields.get("CPU implementer"), fields.get("CPU part")
    if implementer and part:
        return f"ARM implementer {implementer} part {part}"
    return fields.get("Hardware", "") or fields.get("Model", "")


def parse_lscpu(text: str) -> str:
    """Return the "Model name" of what ``LC_ALL=C lscpu`` prints, else ""."""
    return parse_cpuinfo(text).get("Model name", "").strip("- ")


def read_cpuinfo(file: Path = CPUINFO) -> str:
    """Return the beginning of /proc/cpuinfo, "" where there is none."""
    try:
        with file.open("rb") as data:
            return clean_lines(data.read(ENOUGH))
    except OSError:
        return ""


def clean_lines(data: bytes) -> str:
    """Return bytes as text, undecodable ones as the contract writes them."""
    return data.decode("utf-8", "backslashreplace")


def ask_py_cpuinfo() -> str:
    """Return py-cpuinfo's brand, "" where it has none: the key may be missing."""
    try:
        import cpuinfo

        info = call_within(PATIENCE, cpuinfo.get_cpu_info)
    except Exception:  # noqa: BLE001 - it raises bare Exception on processors it does not know
        return ""
    return str(info.get("brand_raw", "")).strip()


def ask_lscpu() -> str:
    """Return lscpu's model name, "" where it can't tell."""
    import subprocess  # 8 ms, seldom needed

    try:
        run = subprocess.run(
            ["lscpu"],  # noqa: S607 - where it lies differs between distributions
            capture_output=True,
            timeout=PATIENCE,
            check=True,
            env={**os.environ, "LC_ALL": "C"},
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return parse_lscpu(clean_lines(run.stdout))


def read_brand() -> str:
    """Return the processor's brand from the first source that knows it. Raises CannotTellError."""
    fields = parse_cpuinfo(read_cpuinfo())
    brand = named_brand(fields) or ask_py_cpuinfo() or ask_lscpu() or numbered_brand(fields)
    if not brand:
        raise CannotTellError("ni /proc/cpuinfo ni py-cpuinfo ni lscpu nombran el procesador")
    return clean_text(brand)


def gather_architecture(_: Context) -> dict[str, str]:
    """Return the machine's name (uname(2)) in upper case: X86_64, AARCH64."""
    return {"arquitectura_proc": clean_text(os.uname().machine.upper())}


def gather_brand(context: Context) -> dict[str, str]:
    """Return the processor's brand, as read in this boot."""
    brand = context.boot.get("marca_proc")
    if not isinstance(brand, str) or not brand:
        brand = read_brand()
        context.boot.put("marca_proc", brand)
    return {"marca_proc": brand}
