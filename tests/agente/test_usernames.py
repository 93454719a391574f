"""Names of user ids, from the local file and from directories that are slow or down."""

import threading
import time
from pathlib import Path

from collectors.usernames import Usernames, parse_passwd

PASSWD = b"root:x:0:0:root:/root:/bin/sh\njuan:x:1000:1000::/home/juan:/bin/sh\ntoor:x:0:0::/:\n"


def names(tmp_path: Path, **more: object) -> Usernames:
    """Names with a local file of two users."""
    passwd = tmp_path / "passwd"
    passwd.write_bytes(PASSWD)
    made = Usernames(passwd=passwd, **more)  # type: ignore[arg-type]
    made.begin()
    return made


def test_local_users_need_no_directory(tmp_path: Path) -> None:
    asked: list[int] = []
    usernames = names(tmp_path, directory=asked.append)
    assert [usernames(0), usernames(1000)] == ["root", "juan"]
    assert not asked


def test_a_directory_is_asked_once_for_each_user(tmp_path: Path) -> None:
    asked: list[int] = []

    def directory(uid: int) -> str | None:
        asked.append(uid)
        return {7000: "ana"}.get(uid)

    usernames = names(tmp_path, directory=directory)
    for _ in range(3):
        assert [usernames(7000), usernames(7001)] == ["ana", "7001"]
        usernames.begin()
    assert asked == [7000, 7001]


def test_a_directory_that_hangs_costs_its_patience_once(tmp_path: Path) -> None:
    release = threading.Event()
    asked: list[int] = []

    def directory(uid: int) -> str:
        asked.append(uid)
        release.wait(60)
        return "tarde"

    usernames = names(tmp_path, directory=directory, patience=0.1)
    start = time.monotonic()
    assert [usernames(uid) for uid in range(7000, 7500)] == [str(u) for u in range(7000, 7500)]
    usernames.begin()
    assert usernames(7001) == "7001"
    assert time.monotonic() - start < 25, "half of what all would cost"
    assert asked == [7000]
    release.set()


def test_a_directory_that_hangs_for_good_holds_one_thread(tmp_path: Path) -> None:
    release = threading.Event()
    asked: list[int] = []
    now = [0.0]

    def directory(uid: int) -> str | None:
        asked.append(uid)
        release.wait(60)
        return None

    usernames = names(tmp_path, directory=directory, clock=lambda: now[0], patience=0.01)
    for _ in range(3):
        assert usernames(7000) == "7000"
        now[0] += 10_000
        usernames.begin()
    assert asked == [7000]
    release.set()


def test_the_last_name_known_stands_while_the_directory_is_down(tmp_path: Path) -> None:
    now = [0.0]
    answers = iter(["ana"])

    def directory(_: int) -> str:
        try:
            return next(answers)
        except StopIteration as error:
            raise OSError("down") from error

    usernames = names(tmp_path, directory=directory, clock=lambda: now[0])
    assert usernames(7000) == "ana"
    now[0] = 10_000
    usernames.begin()
    assert usernames(7000) == "ana"


def test_a_local_user_that_is_renamed_is_noticed(tmp_path: Path) -> None:
    usernames = names(tmp_path)
    (tmp_path / "passwd").write_bytes(PASSWD.replace(b"juan", b"juana"))
    usernames.begin()
    assert usernames(1000) == "juana"


def test_local_users_keep_their_names_while_the_file_cannot_be_read(tmp_path: Path) -> None:
    usernames = names(tmp_path, directory=lambda _: None)
    (tmp_path / "passwd").unlink()
    (tmp_path / "passwd").mkdir()
    usernames.begin()
    assert usernames(1000) == "juan"


def test_lines_that_are_not_users_are_skipped() -> None:
    assert parse_passwd(b"+::::::\n\n# x\ncaf\xe9:x:12:1::/:\nx:y\n") == {12: "caf\\xe9"}
