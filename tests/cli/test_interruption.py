"""Ctrl-C at any moment: one sentence, nothing half-written, and the same command goes on."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from onephase.cli import commands, main
from onephase.cli.demo import DEMO_SIZE

INTERRUPTED = {main.INTERRUPTED, -signal.SIGINT}  # a shell shows both as 130
PATIENCE_S = 300.0
NO_TORCH = "onephase: this needs torch, which is not installed: pip install '.[train]' in the checkout\n"


def interrupted(*words: object, when: Callable[[int], bool]) -> None:
    """Run a command, and press Ctrl-C as soon as ``when`` is true of its process id."""
    command = [sys.executable, "-m", "onephase.cli", *map(str, words)]
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as running:
        deadline = time.monotonic() + PATIENCE_S
        while not (come := when(running.pid)) and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGINT)  # as a terminal does: workers are struck too
        try:
            _, said = running.communicate(timeout=PATIENCE_S)
        finally:
            running.kill()  # who does not hear Ctrl-C shall not be waited for
    assert come, f"the moment to press it never came: {said}"
    assert running.returncode in INTERRUPTED, said
    assert "Traceback" not in said
    assert said.splitlines()[-1] == f"onephase: {main.ON_INTERRUPTION}"


def finished(*words: object) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "onephase.cli", *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def half_written(folder: Path) -> list[Path]:
    return [*folder.rglob(".writing-*"), *folder.rglob(".replaced-*")]


@pytest.fixture(scope="module")
def demo_settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A settings file with the sizes of the demo, and more epochs than anybody waits for."""
    path = tmp_path_factory.mktemp("settings") / "settings.toml"
    sections = {**DEMO_SIZE, "learning": {"epochs": 500, "patience": 500}}
    lines = [
        line
        for section, values in sections.items()
        for line in (f"[{section}]", *(f"{name} = {_toml(value)}" for name, value in values.items()))
    ]
    path.write_text("\n".join(lines) + "\n")
    return path


def _toml(value: object) -> str:
    return str(list(value)) if isinstance(value, tuple) else str(value)


def test_a_preparation_goes_on_to_the_same_bytes(tiny_demo, demo_settings, tmp_path):
    table, out = tiny_demo / "cohort" / "cohort.csv", tmp_path / "prepared"
    command = ("prepare", table, "--out", out, "--settings", demo_settings, "--workers")
    listing = out / "cases.jsonl"
    interrupted(*command, 2, when=lambda _: listing.exists() and listing.stat().st_size > 0)
    assert not (out / "records.json").exists()
    assert not half_written(tmp_path)
    finished(*command, 1)
    for name in ("cases.jsonl", "failures.json", *(path.name for path in out.glob("*.f16"))):
        assert (out / name).read_bytes() == (tiny_demo / "prepared" / name).read_bytes(), name


def test_a_training_leaves_its_checkpoint_and_no_bundle(tiny_demo, demo_settings, tmp_path):
    run = tmp_path / "bundle.training"
    command = ("train", tiny_demo / "prepared", "--out", tmp_path / "bundle", "--settings", demo_settings)
    interrupted(*command, when=lambda _: (run / "log.jsonl").exists())
    assert not (tmp_path / "bundle").exists()
    assert not half_written(tmp_path)
    assert {path.name for path in run.iterdir()} == {"checkpoint.safetensors", "log.jsonl"}


def test_a_cohort_of_predictions_goes_on_where_it_stopped(tiny_demo, tmp_path):
    cohort, out, table = tiny_demo / "cohort", tmp_path / "answers", tmp_path / "few.csv"
    rows = (cohort / "cohort.csv").read_text().splitlines()[:9]
    table.write_text("\n".join(rows).replace("images/", f"{cohort}/images/").replace("masks/", f"{cohort}/masks/"))
    command = ("predict", tiny_demo / "bundle", "--cohort", table, "--out", out)
    interrupted(*command, when=lambda _: any(out.glob("*/report.html")))
    assert not half_written(tmp_path)
    written = {path: path.stat().st_mtime_ns for path in out.glob("*/*")}
    for folder in {path.parent for path in written}:
        assert {path.name for path in folder.iterdir()} == {"prediction.json", "report.html", "request.sha256"}
    assert "8 of 8 cases predicted" in finished(*command)
    assert {path: path.stat().st_mtime_ns for path in written} == written


@pytest.mark.parametrize("library", ["numpy", "pydantic_core", "onnxruntime"])
def test_a_prediction_that_is_struck_while_a_library_loads_writes_nothing(tiny_demo, tmp_path, library):
    image = next((tiny_demo / "cohort" / "images").iterdir())
    mask = tiny_demo / "cohort" / "masks" / image.name
    interrupted(
        *("predict", tiny_demo / "bundle", image, "--mask", mask, "--out", tmp_path / "answer"),
        when=lambda process: library in Path(f"/proc/{process}/maps").read_text(),
    )
    assert not list(tmp_path.rglob("*"))


def interrupted_import() -> None:
    """Fail as a library does whose loading Ctrl-C has struck (onnxruntime, by pybind11)."""
    try:
        raise KeyboardInterrupt
    except KeyboardInterrupt as fault:
        message = "initialization failed"
        raise ImportError(message) from fault


def without_torch() -> None:
    message = "No module named 'torch'"
    raise ModuleNotFoundError(message, name="torch")


def broken() -> None:
    message = "a fault of ours"
    raise ZeroDivisionError(message)


@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        (interrupted_import, 130, f"onephase: {main.ON_INTERRUPTION}\n"),
        (broken, 70, "onephase: this is a fault of ours; please report the lines above\n"),
        (without_torch, 1, NO_TORCH),
    ],
)
def test_only_a_fault_of_ours_shows_a_traceback(monkeypatch, capsys, command, code, said):
    monkeypatch.setattr(commands, "app", command)
    with pytest.raises(SystemExit) as left:
        main.run()
    assert left.value.code == code
    err = capsys.readouterr().err
    assert err.endswith(said)
    assert ("Traceback" in err) == (code == main.OUR_FAULT)
