"""The image of the collector: what can be told of it where no engine runs."""

import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from compose_spec import PyCompose

from tests.conftest import DEADLINE_S, ROOT, free_port, wait_until
from tests.installation import clean_environment

DOCKER = ROOT / "deploy" / "docker"
DOCKERFILE = (DOCKER / "Dockerfile").read_text()
IMAGE = "/opt/compliance"
HEALTHY = DOCKER / "healthy.py"


def test_the_dockerfile_is_well_formed() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run([hadolint, DOCKER / "Dockerfile"], check=False, capture_output=True,
                          text=True)  # fmt: skip
    assert (done.returncode, done.stdout) == (0, "")


def test_the_image_copies_what_there_is() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    assert len(copied) == 5
    for source in " ".join(copied).split():
        assert (ROOT / source).exists(), source


def test_compose_gives_it_as_little_as_it_needs() -> None:
    compose = PyCompose.from_yaml((DOCKER / "compose.yaml").read_text())
    assert compose.service_names() == ["colector"]
    text = (DOCKER / "compose.yaml").read_text()
    for line in ("read_only: true", "- ALL", "- no-new-privileges:true"):
        assert f" {line}\n" in text
    assert re.findall(r"^USER (\d+)$", DOCKERFILE, re.MULTILINE) == ["10001"]


def is_healthy(port: int) -> bool:
    return subprocess.run([sys.executable, HEALTHY, str(port)], check=False).returncode == 0


@contextmanager
def answering(status: int) -> Iterator[int]:
    """Something that answers every request alike, over plain HTTP; gives its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_health_is_what_the_collector_says(status: int, healthy: bool) -> None:
    with answering(status) as port:
        assert is_healthy(port) == healthy


def test_the_entry_point_serves_with_the_images_settings(tmp_path: Path) -> None:
    """Its files in another place, its own environment: an empty volume becomes a collector."""
    home, storage, port = tmp_path / "image", tmp_path / "volume", free_port()
    home.mkdir()
    (home / ".venv").symlink_to(sys.prefix)
    for name in ("API", "createDB"):
        (home / name).symlink_to(ROOT / name)
    entry = home / "compliance-colector"
    entry.write_text((DOCKER / "compliance-colector").read_text().replace(IMAGE, str(home)))
    shutil.copymode(DOCKER / "compliance-colector", entry)
    settings = dict(re.findall(r"(COMPLIANCE_\w+)=(\S+)", DOCKERFILE))
    assert settings["COMPLIANCE_COLECTOR_HOST"] == "0.0.0.0"
    settings = {key: value.replace("/var/lib/compliance", str(storage))
                for key, value in settings.items()}  # fmt: skip
    environment = clean_environment(**settings, COMPLIANCE_COLECTOR_PUERTO=str(port))
    process = subprocess.Popen([entry], env=environment)
    try:
        wait_until(lambda: is_healthy(port), "it does not become healthy")
        base = subprocess.run([entry, "base", "--check"], env=environment, check=False)
        assert base.returncode == 0
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0
