import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from onephase.biomarkers.panel import Events  # noqa: E402
from onephase.biomarkers.posterior import PanelPosterior  # noqa: E402
from onephase.errors import TrainingError  # noqa: E402
from onephase.learning import loop  # noqa: E402
from onephase.learning.checkpoint import CHECKPOINT_NAME, read_checkpoint  # noqa: E402
from onephase.learning.dataset import PatchDataset  # noqa: E402
from onephase.learning.device import open_fabric, resolve_precision  # noqa: E402
from onephase.learning.loop import predict_potentials, refuse_lone_cases, train_network  # noqa: E402
from onephase.learning.run_state import LOG_NAME  # noqa: E402
from onephase.learning.step import open_step  # noqa: E402
from onephase.network.network import build_network  # noqa: E402
from onephase.progress import silent  # noqa: E402

pytestmark = pytest.mark.torch

KILLED_RUN = """
import os, signal, sys
import numpy as np
import torch
from pathlib import Path
from onephase.biomarkers.panel import Events
from onephase.learning.dataset import PatchDataset
from onephase.learning.loop import train_network
from onephase.settings import Settings

folder, last_step, threads = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
torch.set_num_threads(threads)

def dataset(name):
    arrays = np.load(folder / f"{name}.npz")
    events = Events(arrays["cells"], arrays["ki67"], arrays["pr_high"])
    return PatchDataset.from_arrays(
        arrays["case_ids"].tolist(),
        events,
        patients=arrays["patients"].tolist(),
        image=arrays["image"],
        distance_mm=arrays["distance_mm"],
        descriptors=arrays["descriptors"],
    )

def die(task, done, total):
    if done == last_step:
        os.kill(os.getpid(), signal.SIGKILL)

settings = Settings.model_validate_json((folder / "settings.json").read_text())
train_network(
    dataset("training"), dataset("validation"), settings=settings, folder=folder / "run", resume=False, progress=die
)
"""


def _save(path, dataset):
    np.savez(
        path,
        patients=np.array(dataset.patients),
        case_ids=np.array(dataset.case_ids),
        cells=dataset.events.cells,
        ki67=dataset.events.ki67,
        pr_high=dataset.events.pr_high,
        image=dataset.image.numpy(),
        distance_mm=dataset.distance_mm.numpy(),
        descriptors=dataset.descriptors.numpy(),
    )


def _train(make_dataset, settings, folder, *, resume=False, progress=silent):
    return train_network(
        make_dataset(24, seed=1),
        make_dataset(10, seed=2),
        settings=settings,
        folder=folder,
        resume=resume,
        progress=progress,
    )


def _log_probability(network, cases):
    return PanelPosterior.from_potentials(predict_potentials(network, cases)).log_probability(cases.events)


def test_a_planted_signal_is_learned(make_dataset, make_settings, tmp_path):
    settings = make_settings(epochs=30, patience=30, learning_rate=0.01, ema_decay=0.9, network={"dropout": 0.0})
    validation = make_dataset(48, seed=2)
    trained = train_network(
        make_dataset(96, seed=1),
        validation,
        settings=settings,
        folder=tmp_path,
        resume=False,
        progress=silent,
    )
    best = max(trained.history, key=lambda figures: figures.gain)
    assert best.validation_nll < trained.history[0].prior_nll - 0.8
    assert best.gain > 5 * best.gain_error
    assert -_log_probability(trained.network, validation).mean() == best.validation_nll  # its weights were kept
    test = make_dataset(48, seed=3)
    potentials = predict_potentials(trained.network, test)
    right = (potentials.unary > 0) == np.stack([test.events.status(name) == 1 for name in ("er", "pr", "her2")], axis=1)
    assert right[:, 0].mean() > 0.85
    assert right[:, 2].mean() > 0.85


def test_a_killed_run_resumed_ends_with_the_same_bits(make_dataset, make_settings, tmp_path):
    """24 cases in batches of 8 are 3 steps an epoch: the run dies in the middle of its third epoch."""
    settings = make_settings(epochs=4)
    unbroken = _train(make_dataset, settings, tmp_path / "unbroken")
    _save(tmp_path / "training.npz", make_dataset(24, seed=1))
    _save(tmp_path / "validation.npz", make_dataset(10, seed=2))
    (tmp_path / "settings.json").write_text(settings.model_dump_json())
    threads = str(torch.get_num_threads())
    died = subprocess.run(
        [sys.executable, "-c", KILLED_RUN, str(tmp_path), "7", threads], env={**os.environ}, check=False, timeout=600
    )
    assert died.returncode == -signal.SIGKILL
    assert len((tmp_path / "run" / LOG_NAME).read_text().splitlines()) == 2
    resumed = _train(make_dataset, settings, tmp_path / "run", resume=True)
    for name, tensor in unbroken.network.state_dict().items():
        assert torch.equal(tensor, resumed.network.state_dict()[name]), name
    whole, broken = (read_checkpoint(tmp_path / name)[0] for name in ("unbroken", "run"))
    assert set(whole) == set(broken)
    assert all(torch.equal(whole[name], broken[name]) for name in whole)
    without_seconds = [
        [(figures.epoch, figures.train_nll, figures.validation_nll) for figures in run.history]
        for run in (unbroken, resumed)
    ]
    assert without_seconds[0] == without_seconds[1]


def test_a_finished_run_resumed_does_nothing_more(make_dataset, make_settings, tmp_path):
    settings = make_settings(epochs=1)
    first = _train(make_dataset, settings, tmp_path)
    told = []
    again = _train(make_dataset, settings, tmp_path, resume=True, progress=lambda *said: told.append(said))
    assert [said for said in told if said[0] == "train"] == [("train", 3, 3), ("train", 3, 3)]
    assert torch.equal(again.network.head.unary, first.network.head.unary)


@pytest.mark.parametrize("change", ["settings", "cases", "patients", "stage"])
def test_the_checkpoint_of_another_run_is_refused(make_dataset, make_settings, tmp_path, monkeypatch, change):
    _train(make_dataset, make_settings(epochs=1), tmp_path)
    if change == "stage":
        monkeypatch.setattr("onephase.learning.loop.taught_sha256", lambda: "another")
    settings = make_settings(epochs=1, learning_rate=0.5) if change == "settings" else make_settings(epochs=1)
    training = make_dataset(24, seed=7 if change == "cases" else 1)
    if change == "patients":
        training = replace(training, patients=("one and the same",) * len(training))
    with pytest.raises(
        TrainingError, match="is of a run with other settings, cases, precision or stage: choose another folder"
    ):
        train_network(
            training, make_dataset(10, seed=2), settings=settings, folder=tmp_path, resume=True, progress=silent
        )


def test_the_log_has_a_line_for_each_epoch(make_dataset, make_settings, tmp_path):
    _train(make_dataset, make_settings(epochs=2), tmp_path)
    lines = [json.loads(line) for line in (tmp_path / LOG_NAME).read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2]
    assert set(lines[0]) == {"epoch", "train_nll", "validation_nll", "gain", "gain_error", "prior_nll", "seconds"}
    assert sorted(path.name for path in tmp_path.iterdir()) == [CHECKPOINT_NAME, LOG_NAME]


def test_an_epoch_that_gains_less_than_its_error_is_not_kept(make_dataset, make_settings, tmp_path):
    """Labels of other cases: whatever is learned, ten cases cannot show that it helps."""
    settings = make_settings(epochs=6, learning_rate=0.01, ema_decay=0.9, network={"dropout": 0.0})
    own, others = make_dataset(24, seed=1), np.roll(np.arange(24), 8)
    of_others = replace(own, events=own.events.take(others), cells=own.cells[others], ki67=own.ki67[others])
    misled, taught = (
        train_network(
            training,
            make_dataset(10, seed=2),
            settings=settings,
            folder=tmp_path / name,
            resume=False,
            progress=silent,
        )
        for name, training in (("misled", of_others), ("taught", own))
    )
    assert max(figures.gain for figures in misled.history) > 0  # one would be kept for its gain alone
    assert all(figures.gain <= figures.gain_error for figures in misled.history)
    _is_its_start(misled, make_dataset(10, seed=2))
    assert taught.history[-1].gain > 2 * taught.history[-1].gain_error  # with labels of their own they do show it


def test_a_lone_validation_patient_chooses_no_epoch(make_dataset, make_settings, tmp_path):
    """Of one patient there is no standard error, and JSON has no infinity."""
    lone = replace(make_dataset(2, seed=2), patients=("the same", "the same"))
    trained = [
        train_network(
            make_dataset(24, seed=1),
            lone,
            settings=make_settings(epochs=2),
            folder=tmp_path,
            resume=again,
            progress=silent,
        )
        for again in (False, True)
    ]
    assert [figures.gain_error for figures in trained[1].history] == [None, None]
    assert trained[1].history == trained[0].history
    for each in trained:
        _is_its_start(each, lone)


def _is_its_start(trained, validation):
    at_start = trained.history[0].validation_nll + trained.history[0].gain
    assert -_log_probability(trained.network, validation).mean() == pytest.approx(at_start, abs=1e-9)


def test_training_stops_when_validation_does_not_improve(make_dataset, make_settings, tmp_path):
    settings = make_settings(epochs=50, patience=2, learning_rate=1e-12, ema_decay=0.0, network={"dropout": 0.0})
    trained = _train(make_dataset, settings, tmp_path)
    assert len(trained.history) < 50


def test_too_few_cases_are_a_sentence(make_dataset, make_settings, tmp_path):
    with pytest.raises(TrainingError, match="at least 2 training cases and 1 validation case, got 1 and 3"):
        train_network(
            make_dataset(1, seed=1),
            make_dataset(3, seed=2),
            settings=make_settings(),
            folder=tmp_path,
            resume=False,
            progress=silent,
        )


def test_a_run_that_diverges_is_a_sentence(make_dataset, make_settings, tmp_path):
    training = make_dataset(24, seed=1)
    training.image[3] = float("inf")
    with pytest.raises(TrainingError, match=r"training diverged in epoch 1: lower learning.learning_rate \(0.001\)"):
        train_network(
            training, make_dataset(10, seed=2), settings=make_settings(), folder=tmp_path, resume=False, progress=silent
        )


@pytest.mark.parametrize("cases", [8, 24])
def test_a_run_that_diverges_in_its_last_step_is_a_sentence(make_dataset, make_settings, tmp_path, cases):
    """The likelihood of a batch is that before its step, so it need not show what the step has done."""
    with pytest.raises(TrainingError, match=r"training diverged in epoch [123]: lower learning.learning_rate \(1.0\)"):
        train_network(
            make_dataset(cases, seed=1),
            make_dataset(10, seed=2),
            settings=make_settings(learning_rate=1.0),
            folder=tmp_path,
            resume=False,
            progress=silent,
        )


def test_alone_within_a_slurm_job_it_is_none_of_the_jobs_tasks(monkeypatch):
    """As workers of a cluster are, whom `srun` has not started."""
    for name, value in {"SLURM_NTASKS": "32", "SLURM_JOB_NAME": "job", "SLURM_PROCID": "3"}.items():
        monkeypatch.setenv(name, value)
    fabric = open_fabric("f32")
    assert (fabric.world_size, fabric.global_rank) == (1, 0)


def test_cases_of_which_nothing_is_told_do_not_weaken_the_prior_on_couplings(
    make_dataset, make_settings, tmp_path, monkeypatch
):
    asked = []

    def opened(*given, cases, **more):
        asked.append(cases)
        return open_step(*given, cases=cases, **more)

    monkeypatch.setattr(loop, "open_step", opened)
    known, unknown = make_dataset(12, seed=1), make_dataset(12, seed=2, known=False)
    together = PatchDataset.from_arrays(
        [f"case {row}" for row in range(24)],
        Events.stack([known.events, unknown.events]),
        patients=[f"patient {row}" for row in range(24)],
        **{
            name: np.concatenate([getattr(part, name).numpy() for part in (known, unknown)])
            for name in ("image", "distance_mm", "descriptors")
        },
    )
    settings = make_settings(epochs=1)
    train_network(
        together, make_dataset(8, seed=3), settings=settings, folder=tmp_path, resume=False, progress=lambda *_: None
    )
    assert asked == [12]


@pytest.mark.parametrize("gpu", [None, {"native": False}, {"native": True}])
def test_bf16_is_for_gpus_that_have_it_and_auto_does_without(monkeypatch, gpu):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True, "amx_bf16": True})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu is not None)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **asked: gpu["native"] or asked["including_emulation"])
    assert resolve_precision("f32") == "f32"
    if gpu is not None and gpu["native"]:
        assert resolve_precision("auto") == resolve_precision("bf16") == "bf16"
        return
    assert resolve_precision("auto") == "f32"
    here = "cpu" if gpu is None else "cuda"
    with pytest.raises(TrainingError, match=rf"this {here} does not train in bf16, expected learning\.precision auto"):
        resolve_precision("bf16")


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_a_gpu_gives_what_the_cpu_gives(make_dataset, make_settings):
    settings = make_settings()
    torch.manual_seed(0)
    network = build_network(settings.network, settings.regions, settings.imaging).eval()
    dataset = make_dataset(9, seed=3)
    here = predict_potentials(network, dataset)
    there = predict_potentials(network.cuda(), dataset.to(torch.device("cuda")))
    np.testing.assert_allclose(there.unary, here.unary, atol=1e-3)
    np.testing.assert_allclose(there.ki67_mu, here.ki67_mu, atol=1e-3)


def test_a_process_with_a_lone_case_is_refused():
    refuse_lone_cases(16, cases=90, processes=8)
    with pytest.raises(TrainingError, match="8 processes share batches of 15 cases, expected 2 cases each: raise"):
        refuse_lone_cases(15, cases=90, processes=8)
    with pytest.raises(TrainingError, match="2 processes share batches of 3 cases, expected 2 cases each: start fewer"):
        refuse_lone_cases(16, cases=3, processes=2)
