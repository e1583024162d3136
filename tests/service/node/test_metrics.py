"""What is told of a node, also when the list or the disk is gone."""

import json
import time
import urllib.error
import urllib.request

import pytest
from sqlalchemy.exc import OperationalError

from onephase.service.node import metrics as metrics_module
from onephase.service.node.metrics import health_of, metrics_of, serve_metrics


def ask(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as answer:
        with answer:
            return answer.code, answer.read().decode()


@pytest.fixture
def told(intake):
    metrics = metrics_of(intake.worklist, intake.store)
    server = serve_metrics(
        metrics, health=lambda: health_of(intake.worklist, intake.store, metrics, least_free_bytes=1), port=0
    )
    yield metrics, server.server_address[1]
    server.shutdown()
    server.server_close()


def test_counts_and_gauges(told):
    metrics, port = told
    metrics.answers.labels("0xA700").inc()
    status, text = ask(port, "metrics")
    assert status == 200
    assert 'onephase_store_answers_total{status="0xA700"} 1.0' in text
    assert 'onephase_studies{state="waiting"} 0.0' in text
    assert "onephase_store_free_bytes" in text


def test_a_loop_that_is_stuck_is_no_health(told, monkeypatch):
    metrics, port = told
    metrics.turn("predict")
    assert ask(port, "health")[0] == 200
    monkeypatch.setattr(metrics_module, "STALLED_SECONDS", 0.05)
    time.sleep(0.1)
    status, text = ask(port, "health")
    assert (status, json.loads(text)) == (
        503, {"worklist_answers": True, "disk_has_room": True, "predict_turns": False},
    )  # fmt: skip


def test_a_list_and_a_disk_that_are_gone(told, intake, monkeypatch):
    def gone(*_: object) -> None:
        statement = "SELECT"
        raise OperationalError(statement, {}, Exception("gone"))

    def no_disk(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(type(intake.worklist), "counts", gone)
    monkeypatch.setattr(type(intake.store), "free_bytes", no_disk)
    _, port = told
    assert ask(port, "metrics")[0] == 503
    status, text = ask(port, "health")
    assert (status, json.loads(text)) == (503, {"worklist_answers": False, "disk_has_room": False})


def test_other_paths_are_not_there(told):
    assert ask(told[1], "../etc/passwd")[0] == 404
