#!/usr/bin/python3
"""Stands in for systemctl in a bare tree, where no systemd runs: starts units as they say.

It knows what packages, the guide and Ansible ask of it: users, settings from the environment, state
folders, commands before the start, Type=notify. What systemd forbids a unit it does not forbid.
"""

import os
import pwd
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

FOLDERS = (Path("/etc/systemd/system"), Path("/usr/lib/systemd/system"))
WANTED = FOLDERS[0] / "multi-user.target.wants"
PATIENCE_S = 60.0


class Unit:
    def __init__(self, name: str) -> None:
        self.name = name.removesuffix(".service") + ".service"
        found = [folder / self.name for folder in FOLDERS if (folder / self.name).is_file()]
        self.file = found[0] if found else None
        self.pid_file = Path("/run") / f"{self.name}.pid"
        self.link = WANTED / self.name

    def settings(self, key: str) -> list[str]:
        lines = self.file.read_text().splitlines() if self.file else []
        return [line.partition("=")[2] for line in lines if line.startswith(f"{key}=")]

    @property
    def pid(self) -> int:
        """The main process, 0 where it does not run."""
        try:
            pid = int(self.pid_file.read_text())
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (OSError, ValueError):
            return 0
        return 0 if state == "Z" else pid

    def start(self) -> None:
        if self.pid:
            return
        user = pwd.getpwnam(self.settings("User")[0])
        for name in self.settings("StateDirectory"):
            folder = Path("/var/lib") / name
            folder.mkdir(mode=int(self.settings("StateDirectoryMode")[0], 8), exist_ok=True)
            os.chown(folder, user.pw_uid, user.pw_gid)
        environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **self.environment()}
        umask = int(self.settings("UMask")[0], 8)
        who: Any = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": [], "umask": umask}
        who["env"] = environment
        with Path(f"/var/log/{self.name}.log").open("ab") as log:
            out: Any = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            for command in self.settings("ExecStartPre"):
                subprocess.run(shlex.split(command), check=True, **out, **who)
            if "notify" in self.settings("Type"):
                environment |= {"NOTIFY_SOCKET": f"/run/{self.name}.notify"}
            with self.notifications(user) as told:
                process = subprocess.Popen(
                    shlex.split(self.settings("ExecStart")[0]), start_new_session=True, **out, **who
                )
                self.pid_file.write_text(str(process.pid))
                while "NOTIFY_SOCKET" in environment and b"READY=1" not in told.recv(4096):
                    pass

    def environment(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for name in self.settings("EnvironmentFile"):
            file = Path(name.removeprefix("-"))
            if file.exists():
                found |= dict(line.split("=", 1) for line in file.read_text().split())
        return found

    def notifications(self, user: pwd.struct_passwd) -> socket.socket:
        address = Path(f"/run/{self.name}.notify")
        address.unlink(missing_ok=True)
        told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        told.bind(str(address))
        os.chown(address, user.pw_uid, user.pw_gid)
        told.settimeout(PATIENCE_S)
        return told

    def stop(self) -> None:
        pid = self.pid
        if pid:
            os.kill(pid, signal.SIGTERM)
        until = time.monotonic() + PATIENCE_S
        while self.pid and time.monotonic() < until:
            time.sleep(0.02)
        assert not self.pid, f"{self.name} does not stop"
        self.pid_file.unlink(missing_ok=True)

    def restart(self) -> None:
        self.stop()
        self.start()

    def enable(self) -> None:
        WANTED.mkdir(parents=True, exist_ok=True)
        if not self.link.is_symlink():
            self.link.symlink_to(str(self.file))

    def disable(self) -> None:
        self.link.unlink(missing_ok=True)

    def show(self) -> None:
        """What Ansible's module asks for."""
        print(f"Id={self.name}")
        print(f"LoadState={'loaded' if self.file else 'not-found'}")
        print(f"ActiveState={'active' if self.pid else 'inactive'}")
        print(f"UnitFileState={'enabled' if self.link.is_symlink() else 'disabled'}")


def main(arguments: list[str]) -> int:
    options = {argument for argument in arguments if argument.startswith("-")}
    verb, *names = [argument for argument in arguments if argument not in options]
    units = [Unit(name) for name in names]
    for unit in units:
        if verb == "is-active":
            return 0 if unit.pid else 3
        if verb == "is-enabled":
            return 0 if unit.link.is_symlink() else 1
        if verb == "try-restart":
            unit.restart() if unit.pid else None
            continue
        getattr(unit, verb)()
        if "--now" in options:
            {"enable": unit.start, "disable": unit.stop}[verb]()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
