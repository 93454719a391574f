"""GET /metrics: right whichever process is asked; the examples name what there is."""

import re
import tracemalloc
import uuid
from pathlib import Path

import psutil
import pytest
import requests
import yaml
from prometheus_client import Metric, values
from prometheus_client.parser import text_string_to_metric_families

from API.app.metrics.counted import Counted, prepare
from tests.conftest import (
    ROOT,
    CollectorProcess,
    NewCollector,
    make_report,
    wait_until,
)

EXAMPLES = ROOT / "deploy" / "prometheus"
REPORTS = 12


@pytest.fixture(scope="module")
def two(new_shared_collector: NewCollector) -> CollectorProcess:
    """A collector whose requests are served by two processes, with some reports."""
    collector = new_shared_collector("--procesos", "2").start()
    report = make_report()
    for number in range(REPORTS):  # each over a connection of its own, to either process
        one = report | {"id_reporte": str(uuid.uuid4()),
                        "fecha_hora": f"2026-11-20T10:{number:02}:00Z"}  # fmt: skip
        assert collector.post(one).status_code == 201
    assert collector.post(one).status_code == 200
    assert collector.post({"x": 1}).status_code == 400
    return collector


def test_made_up_methods_take_no_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", "")
    monkeypatch.setattr(values, "ValueClass", values.ValueClass)
    prepare(tmp_path)
    counted = Counted(tmp_path, ["/servers"])
    counted.answered("M", "/servers", 405, 0.001)
    tracemalloc.start()
    for number in range(2_000):
        counted.answered(f"M{number}", "/servers", 405, 0.001)
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 20_000


def metrics_of(collector: CollectorProcess) -> dict[str, Metric]:
    answer = collector.get("/metrics")
    assert answer.status_code == 200, collector.log[-3000:]
    return {metric.name: metric for metric in text_string_to_metric_families(answer.text)}


def values_of(collector: CollectorProcess, name: str) -> dict[tuple[str, ...], float]:
    metric = metrics_of(collector)[name]
    return {
        tuple(sample.labels.values()): sample.value
        for sample in metric.samples
        if not sample.name.endswith("_created")
    }


def test_every_process_tells_of_all(two: CollectorProcess) -> None:
    for _ in range(8):
        reports = values_of(two, "compliance_reportes")
        assert reports["guardado",] == REPORTS
        assert (reports["repetido",], reports["incorrecto",], reports["clon",]) == (1, 1, 0)
    files = list((two.storage / "metricas").glob("counter_*.db"))
    assert len(files) == 2, "both have served"


def test_counts_go_on_when_a_process_is_replaced(two: CollectorProcess) -> None:
    before = values_of(two, "compliance_reportes")["guardado",]
    serving = [
        int(re.sub(r"\D", "", file.stem)) for file in (two.storage / "metricas").glob("counter_*")
    ]
    psutil.Process(serving[0]).kill()
    wait_until(lambda: len(list((two.storage / "metricas").glob("gauge_*"))) >= 2, "another one")
    assert values_of(two, "compliance_reportes")["guardado",] == before
    waiting = wait_until(lambda: values_of(two, "compliance_cola"), "the queue")
    assert waiting == {(): 0}


def test_requests_are_told_apart_by_what_there_is(two: CollectorProcess) -> None:
    for path in ("/servers?limite=1", "/procesos.csv", f"/{uuid.uuid4()}", "/consola/entrar"):
        two.get(path)
    requests_of = values_of(two, "compliance_peticiones")
    resources = {labels[2] for labels in requests_of}  # after codigo and metodo
    assert {"servers", "procesos", "otro", "consola"} <= resources
    assert not [resource for resource in resources if "-" in resource]
    seconds = metrics_of(two)["compliance_peticion_seconds"]
    assert any(sample.name.endswith("_bucket") for sample in seconds.samples)


def test_it_tells_how_things_are(two: CollectorProcess) -> None:
    wait_until(lambda: values_of(two, "compliance_atraso_reportes")[()] == 0, "all judged")
    found = metrics_of(two)
    states = {s.labels["situacion"]: s.value for s in found["compliance_servidores"].samples}
    assert (states["nuevo"], sum(states.values())) == (1, 1)
    verdicts = [sample.value for sample in found["compliance_veredictos"].samples]
    assert sum(verdicts) > 20
    for name in ("base_datos_bytes", "bitacora_bytes", "disco_libre_bytes"):
        assert found[f"compliance_{name}"].samples[0].value > 0
    [info] = found["compliance_colector_info"].samples
    assert info.labels["version"]


def test_it_takes_credentials(two: CollectorProcess) -> None:
    assert requests.get(f"{two.url}/metrics", timeout=20).status_code == 401


def test_a_start_begins_anew(new_collector: NewCollector) -> None:
    collector = new_collector().start()
    assert collector.post(make_report()).status_code == 201
    collector.stop()
    collector.start()
    assert values_of(collector, "compliance_reportes")["guardado",] == 0


def test_openmetrics_is_for_who_asks(two: CollectorProcess) -> None:
    accept = {"Accept": "application/openmetrics-text; version=1.0.0"}
    answer = two.get("/metrics", headers=two.local_access | accept)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    assert answer.text.count("# EOF") == 1
    assert answer.text.endswith("# EOF\n")


def test_the_examples_name_what_there_is(two: CollectorProcess) -> None:
    """Each metric of the rules exists, with the labels and values that they ask for."""
    samples = [sample for metric in metrics_of(two).values() for sample in metric.samples]
    names = {sample.name for sample in samples} | {"compliance_mensajes_pendientes"}
    rules = yaml.safe_load((EXAMPLES / "compliance.rules.yml").read_text())
    expressions = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    asked = re.findall(r"(compliance_\w+)(?:\{([^}]*)\})?", "\n".join(expressions))
    assert len(asked) >= len(expressions) - 1
    for name, matchers in asked:
        assert name in names, name
        for label, wanted in re.findall(r'(\w+)=~?"([^"]*)"', matchers):
            there_are = {s.labels[label] for s in samples if s.name == name}
            assert set(wanted.split("|")) <= there_are, (name, label)


def test_every_metric_is_documented(two: CollectorProcess) -> None:
    page = (ROOT / "docs" / "api.md").read_text()
    for metric in metrics_of(two).values():
        name = f"{metric.name}_total" if metric.type == "counter" else metric.name
        assert f"`{name}`" in page


def test_the_example_of_scraping_is_yaml() -> None:
    config = yaml.safe_load((EXAMPLES / "prometheus.yml").read_text())
    [job] = config["scrape_configs"]
    assert job["authorization"]["type"] == "Bearer"
    assert [(EXAMPLES / name).exists() for name in config["rule_files"]] == [True]
