"""HTTPS: with a certificate of the collector's own, and with a given one."""

import re
import shutil
import socket
import ssl
import threading
import warnings
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from API.app.door import certificates
from API.app.door.renewal import NOTICE_DAYS
from API.app.settings import load_settings
from tests.api.test_settings import run_program
from tests.conftest import CollectorProcess, NewCollector, make_report, wait_until

OWN = "--tls-self-signed"


@pytest.fixture
def tls(new_collector: NewCollector) -> CollectorProcess:
    return new_collector(OWN).start()


def make_pair(folder: Path) -> Path:
    """Make a certificate and its key, both in the file that is returned."""
    settings = load_settings(["--storage", str(folder), OWN], {})
    certificates.prepare(settings)
    return folder / "tls" / "servidor.pem"


def served_by(collector: CollectorProcess) -> str:
    return ssl.get_server_certificate(("127.0.0.1", collector.port))


def test_it_works(tls: CollectorProcess) -> None:
    answer = tls.post(make_report())
    assert answer.status_code == 201
    assert "max-age" in answer.headers["Strict-Transport-Security"]
    assert (tls.storage / "tls").stat().st_mode & 0o777 == 0o700
    for file in (tls.storage / "tls").iterdir():
        assert file.stat().st_mode & 0o777 == 0o600, file


def test_line_to_paste_has_the_fingerprint_of_what_is_served(tls: CollectorProcess) -> None:
    pem = tls.get("/ca.pem", headers={}).text
    found = re.search("COMPLIANCE_API_HUELLA=([0-9a-f]{64}) ", tls.log)
    assert found
    settings = load_settings(["--storage", str(tls.storage), OWN], {})
    assert found[1] == certificates.ca_fingerprint(settings)
    assert pem == (tls.storage / "tls" / "ca.pem").read_text()
    assert f"--url https://127.0.0.1:{tls.port}" in tls.log


def test_without_its_own_authority_there_is_none_to_show(collector: CollectorProcess) -> None:
    assert collector.get("/ca.pem").status_code == 404


@pytest.mark.parametrize("version", ["TLSv1_1", "TLSv1_2", "TLSv1_3"])
def test_tls_before_1_2_is_refused(tls: CollectorProcess, version: str) -> None:
    context = ssl.create_default_context(cafile=str(tls.verify))
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
    with socket.create_connection(("127.0.0.1", tls.port), 10) as plain:
        if version == "TLSv1_1":
            with pytest.raises((ssl.SSLError, ConnectionError)):
                context.wrap_socket(plain, server_hostname="127.0.0.1")
            return
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as secure:
            assert secure.version() == version.replace("_", ".")


def test_plain_http_gets_nothing_on_a_tls_port(tls: CollectorProcess) -> None:
    with pytest.raises(requests.ConnectionError):
        requests.get(f"http://127.0.0.1:{tls.port}/healthz", timeout=20)


def test_another_authority_does_not_vouch_for_it(tls: CollectorProcess, tmp_path: Path) -> None:
    other = make_pair(tmp_path / "other").with_name("ca.pem")
    with pytest.raises(requests.exceptions.SSLError):
        tls.get("/healthz", verify=str(other))


def test_names_that_are_given_are_in_the_certificate(new_collector: NewCollector) -> None:
    tls = new_collector(OWN, "--tls-names", "colector.example.net, 203.0.113.5").start()
    context = ssl.create_default_context(cafile=str(tls.verify))
    for name in ("colector.example.net", "203.0.113.5", "localhost"):
        with (
            socket.create_connection(("127.0.0.1", tls.port), 10) as plain,
            context.wrap_socket(plain, server_hostname=name),
        ):
            pass


def test_own_certificate_is_renewed_before_its_end(
    new_collector: NewCollector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is made with little more than a third of its life left, and is renewed while it serves."""
    tls = new_collector(OWN)
    monkeypatch.setattr(certificates, "LIFE", certificates.LIFE / 3 + timedelta(seconds=20))
    first = make_pair(tls.storage).read_text()
    authority = (tls.storage / "tls" / "ca.pem").read_bytes()
    tls.start()
    assert served_by(tls).strip() in first
    wait_until(lambda: served_by(tls).strip() not in first, "it is renewed", 60)
    assert tls.post(make_report()).status_code == 201
    assert (tls.storage / "tls" / "ca.pem").read_bytes() == authority


def test_given_certificate_that_changes_is_served_without_dropping_a_request(
    new_collector: NewCollector, tmp_path: Path
) -> None:
    pair, other = make_pair(tmp_path / "a"), make_pair(tmp_path / "b")
    used = tmp_path / "used.pem"
    shutil.copy(pair, used)
    both = tmp_path / "both.pem"
    both.write_bytes(b"".join(p.with_name("ca.pem").read_bytes() for p in (pair, other)))
    tls = new_collector("--tls-cert", str(used), "--tls-key", str(used))
    (tls.storage / "tls").mkdir()
    shutil.copy(both, tls.storage / "tls" / "ca.pem")  # what the test checks it with
    tls.start()
    stored: list[int] = []
    stop = threading.Event()

    def report() -> None:
        while not stop.wait(0.02):
            stored.append(tls.post(make_report()).json()["id_serv"])

    client = threading.Thread(target=report)
    client.start()
    try:
        shutil.copy(other, tmp_path / "new.pem")
        (tmp_path / "new.pem").replace(used)
        wait_until(lambda: served_by(tls).strip() in other.read_text(), "the new one is served", 60)
        wait_until(lambda: tls.log.count("listening") == 2, "the other process is there")
        before = len(stored)
        wait_until(lambda: len(stored) > before + 20 or not client.is_alive(), "reports go on")
    finally:
        stop.set()
        client.join()
    assert len(stored) > before
    assert tls.numbers() == sorted(stored)


def test_given_certificate_that_becomes_unusable_is_not_taken(
    new_collector: NewCollector, tmp_path: Path
) -> None:
    used = make_pair(tmp_path / "a")
    served = used.read_text()
    tls = new_collector("--tls-cert", str(used), "--tls-key", str(used))
    (tls.storage / "tls").mkdir()
    shutil.copy(used.with_name("ca.pem"), tls.storage / "tls" / "ca.pem")
    tls.start()
    used.write_text("half a certificate")
    wait_until(lambda: "the certificate cannot be used" in tls.log, "it is said")
    assert served_by(tls).strip() in served


def test_given_certificate_that_ends_soon_is_announced(
    new_collector: NewCollector, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ending_in(days: int) -> Path:
        monkeypatch.setattr(certificates, "LIFE", timedelta(days=days, hours=12))
        return make_pair(tmp_path / f"{days}")

    used, soon = ending_in(NOTICE_DAYS), ending_in(NOTICE_DAYS - 1)
    tls = new_collector("--tls-cert", str(used), "--tls-key", str(used))
    (tls.storage / "tls").mkdir()
    shutil.copy(used.with_name("ca.pem"), tls.storage / "tls" / "ca.pem")
    tls.start()
    soon.replace(used)
    wait_until(lambda: "serving with another certificate" in tls.log, "the other one is served")
    assert f"days={NOTICE_DAYS - 1}" in tls.log
    assert tls.log.count("the certificate ends soon") == 1


@pytest.mark.parametrize("wrong", ["key", "expired", "missing", "no certificate", "no key"])
def test_certificate_that_cannot_be_used_stops_the_start(
    new_collector: NewCollector, tmp_path: Path, wrong: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if wrong == "expired":
        monkeypatch.setattr(certificates, "LIFE", timedelta(hours=-1))
    pair, other = make_pair(tmp_path / "a"), make_pair(tmp_path / "b")
    text = tmp_path / "text.pem"
    text.write_text("nothing")
    certificate = {"missing": tmp_path / "none.pem", "no certificate": text}.get(wrong, pair)
    key = {"key": other, "no key": text}.get(wrong, pair)
    collector = new_collector("--tls-cert", str(certificate), "--tls-key", str(key))
    done = run_program(*collector.command()[2:])
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1, done.stderr
    expected = {
        "key": f"{other}: no es la clave", "expired": "venció", "missing": "none.pem",
        "no certificate": "no es un certificado", "no key": "no es una clave",
    }  # fmt: skip
    assert expected[wrong] in done.stderr


def test_it_stops_as_ever(tls: CollectorProcess) -> None:
    assert tls.post(make_report()).status_code == 201
    assert tls.stop() == 0
