"""Two processes under torchrun train what one process trains, within what a seed changes."""

import json
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from onephase.learning.loop import train_network  # noqa: E402
from onephase.progress import silent  # noqa: E402

pytestmark = pytest.mark.torch

EPOCHS = 6
LEARNING = {"epochs": EPOCHS, "patience": EPOCHS, "learning_rate": 0.01, "ema_decay": 0.9, "batch_size": 16}
PROGRAM = """
import sys, json
from pathlib import Path
import torch
from onephase.learning.device import leads
from onephase.learning.loop import train_network
from onephase.settings import Settings
from onephase.biomarkers.panel import Events
from onephase.learning.dataset import PatchDataset
import numpy as np

folder = Path(sys.argv[1])
def dataset(name):
    arrays = np.load(folder / f"{name}.npz")
    cases = len(arrays["ki67"])
    events = Events(arrays["cells"], arrays["ki67"], np.full(cases, -1, dtype=np.int8))
    names = [f"case {row}" for row in range(cases)]
    return PatchDataset.from_arrays(
        names, events, patients=names, image=arrays["image"], distance_mm=arrays["distance_mm"],
        descriptors=arrays["descriptors"],
    )
settings, told = Settings.model_validate_json((folder / "settings.json").read_text()), []
trained = train_network(
    dataset("training"), dataset("validation"), settings=settings, folder=folder / "run", resume=False,
    progress=lambda *said: told.append(said),
)
rank = torch.distributed.get_rank()
weights = {name: tensor.double().sum().item() for name, tensor in trained.network.state_dict().items()}
nlls = [one.validation_nll for one in trained.history]
found = {"weights": weights, "nlls": nlls, "leads": leads(), "told": len(told)}
(folder / f"rank-{rank}.json").write_text(json.dumps(found))
torch.distributed.destroy_process_group()
"""


def _save(path, dataset):
    np.savez(
        path,
        cells=dataset.events.cells,
        ki67=dataset.events.ki67,
        image=dataset.image.numpy(),
        distance_mm=dataset.distance_mm.numpy(),
        descriptors=dataset.descriptors.numpy(),
    )


@pytest.mark.slow
def test_two_processes_give_the_result_of_one_within_what_a_seed_changes(make_dataset, make_settings, tmp_path):
    training, validation = make_dataset(96, seed=1), make_dataset(64, seed=2)
    settings = make_settings(**LEARNING)
    _save(tmp_path / "training.npz", training)
    _save(tmp_path / "validation.npz", validation)
    (tmp_path / "settings.json").write_text(settings.model_dump_json())
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    command += [str(tmp_path / "program.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    one, other = (json.loads((tmp_path / f"rank-{rank}.json").read_text()) for rank in (0, 1))
    assert one["weights"] == other["weights"]
    assert one["nlls"] == other["nlls"]
    assert (one["leads"], other["leads"]) == (True, False)
    assert one["told"] > EPOCHS
    assert other["told"] == 0  # one process tells for all
    assert len((tmp_path / "run" / "log.jsonl").read_text().splitlines()) == EPOCHS

    alone = [
        train_network(
            training,
            validation,
            settings=make_settings(**LEARNING, seed=seed),
            folder=tmp_path / f"alone-{seed}",
            resume=False,
            progress=silent,
        ).history[-1]
        for seed in (1, 2, 3)
    ]
    gain = alone[0].prior_nll - np.array([figures.validation_nll for figures in alone])
    assert gain.min() > 0.1  # there is something to be learned, and it is learned
    together = alone[0].prior_nll - one["nlls"][-1]
    assert abs(together - gain.mean()) < max(3 * gain.std(ddof=1), 0.1)
