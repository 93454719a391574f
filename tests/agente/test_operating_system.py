"""The operating system and its boot."""

import platform
import time
from pathlib import Path

import boot
import psutil
import pytest
from boot import BootCache, steady_boot_time
from collectors import operating_system
from collectors.context import CannotTellError
from collectors.operating_system import gather_distribution, gather_kernel, parse_os_release


def test_os_release_is_read_with_and_without_quotes() -> None:
    text = '# x\nID=ubuntu\nVERSION_ID="24.04"\nNAME=\'It is\'\nPRETTY="a \\"b\\" \\$c \\d"\nbad\n'
    assert parse_os_release(text) == {
        "ID": "ubuntu",
        "VERSION_ID": "24.04",
        "NAME": "It is",
        "PRETTY": 'a "b" $c \\d',
    }


def test_a_rolling_distribution_has_no_version(tmp_path: Path) -> None:
    file = tmp_path / "os-release"
    file.write_text("ID=arch\n")
    found = gather_distribution(None, (tmp_path / "missing", file))
    assert found == {"distribucion": "arch", "version_distribucion": None}


def test_without_os_release_the_distribution_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(CannotTellError):
        gather_distribution(None, (tmp_path / "missing",))


def test_the_kernel_is_what_platform_says() -> None:
    found = gather_kernel(None)  # type: ignore[arg-type]
    assert found["nombre_so"] == platform.system()
    assert found["version_so"] == platform.version()
    assert found["nucleo"] == platform.release()


def test_boot_time_is_psutils_within_its_rounding() -> None:
    assert abs(boot.read_boot_time() - psutil.boot_time()) <= 1


@pytest.mark.parametrize(
    ("kept", "now", "moment"), [(None, 100, 100), (101, 100, 101), (200, 100, 100), ("x", 100, 100)]
)
def test_boot_time_stays_unless_the_clock_was_set(kept: object, now: int, moment: int) -> None:
    assert steady_boot_time(kept, now) == moment


def test_boot_time_is_the_same_in_every_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = int(time.time()) - 1000
    moments = []
    for shift in (0, 1, -1):
        monkeypatch.setattr(boot, "read_boot_time", lambda s=shift: now + s)
        moments.append(BootCache(tmp_path, "a").boot_time())
    assert moments == [now] * 3


def test_without_a_boot_id_it_is_unknown_and_nothing_is_kept(tmp_path: Path) -> None:
    cache = BootCache(tmp_path, boot.read_boot_id(tmp_path / "missing"))
    cache.put("x", 1)
    assert BootCache(tmp_path, "").get("x") is None
    context = type("C", (), {"boot": cache})()
    with pytest.raises(CannotTellError):
        operating_system.gather_boot_id(context)
