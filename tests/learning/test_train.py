from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from onephase.biomarkers.panel import CELLS, Events  # noqa: E402
from onephase.biomarkers.posterior import PanelPosterior  # noqa: E402
from onephase.biomarkers.potentials import Potentials  # noqa: E402
from onephase.biomarkers.prior import fit_prior  # noqa: E402
from onephase.cohort.prepared import PreparedCohort, fingerprint_of  # noqa: E402
from onephase.cohort.records import Record  # noqa: E402
from onephase.errors import CohortError, TrainingError  # noqa: E402
from onephase.imaging.patches import FILES, STORED, PatchStore, StoredCase  # noqa: E402
from onephase.inference.bundle import load_bundle  # noqa: E402
from onephase.learning.dataset import PatchDataset  # noqa: E402
from onephase.learning.loop import predict_potentials  # noqa: E402
from onephase.learning.train import refuse_one_class, train, training_folder, validation_figures  # noqa: E402
from onephase.network.network import build_network  # noqa: E402
from onephase.settings import NetworkSettings  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture
def prepared(make_dataset, make_settings, tmp_path):
    """A prepared cohort of 24 training, 10 validation and 2 test cases."""
    dataset, settings, folder = make_dataset(36, seed=1), make_settings(), tmp_path / "prepared"
    folder.mkdir()
    for name, file in FILES.items():
        getattr(dataset, name).numpy().astype(STORED[name]).tofile(folder / file)
    stored = tuple(StoredCase(case_id, row, "", "mask", (), {}) for row, case_id in enumerate(dataset.case_ids))
    records = tuple(
        Record(
            case_id=case_id,
            patient_id=f"patient {row // 2}",
            image=Path("image.nii.gz"),
            events=dataset.events.take(np.array([row])),
            texts={"er": "positive", "ki67": "" if row % 2 else "18"},
            cohort="invented",
            label_convention="asco-cap-2020",
            provenance="simulated",
            split="train" if row < 24 else "validation" if row < 34 else "test",
        )
        for row, case_id in enumerate(dataset.case_ids)
    )
    return PreparedCohort(PatchStore(folder, fingerprint_of(settings), settings.imaging.patch_voxels, stored), records)


def test_a_bundle_says_what_the_trained_network_says(prepared, make_settings, make_dataset, tmp_path):
    settings = make_settings(epochs=2)
    path = train([prepared], settings, out=tmp_path / "bundle")
    bundle = load_bundle(path)
    dataset = make_dataset(5, seed=8)
    answer = bundle.run(dataset.image.float().numpy(), dataset.distance_mm.float().numpy(), dataset.descriptors.numpy())
    network = build_network(settings.network, settings.regions, settings.imaging).eval()
    network.load_state_dict({name: torch.tensor(array) for name, array in bundle.weights.items()})
    ours, theirs = (
        PanelPosterior.from_potentials(part) for part in (predict_potentials(network, dataset), answer.potentials)
    )
    np.testing.assert_allclose(theirs.cells(), ours.cells(), atol=1e-5)
    np.testing.assert_allclose(theirs.ki67_median(), ours.ki67_median(), atol=1e-5)
    batch = dataset.batch(slice(None))
    eager = network(batch.image, batch.distance_mm, batch.descriptors)
    np.testing.assert_allclose(answer.attention, eager.attention.detach(), atol=1e-5)
    np.testing.assert_allclose(answer.region_weights, eager.region_weights.detach(), atol=1e-5)

    (cohort,) = bundle.manifest.trained_on
    assert (cohort.name, cohort.provenance, cohort.cases) == ("invented", "simulated", 24)
    assert cohort.labels == {"er": 24, "pr": 0, "her2": 0, "hr": 0, "ki67": 12}
    assert cohort.label_conventions == ("asco-cap-2020",)
    assert sorted(set(bundle.split.values())) == ["test", "train", "validation"]
    assert bundle.manifest.validation["panel log-likelihood"].cases == 10
    assert training_folder(path).is_dir()


def test_a_cohort_without_validation_cases_trains_nothing(prepared, make_settings, tmp_path):
    alone = PreparedCohort(prepared.store, tuple(record for record in prepared.records if record.split == "train"))
    with pytest.raises(TrainingError, match="is in the validation split"):
        train([alone], make_settings(), out=tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()


def test_a_patient_of_two_tables_does_not_validate_what_she_taught(prepared, make_settings, tmp_path):
    """Tables that were prepared together are asked this before; these were not."""
    renamed = tuple(replace(case, case_id=f"other {case.row}") for case in prepared.store.cases)
    records = tuple(
        replace(record, case_id=f"other {row}", cohort="other", split="validation")
        for row, record in enumerate(prepared.records[:3])
    )
    elsewhere = PreparedCohort(replace(prepared.store, cases=renamed), records)
    with pytest.raises(CohortError, match=r"patient 0 \(validation\) is patient 0 of cohort invented \(train, case"):
        train([prepared, elsewhere], make_settings(epochs=1), out=tmp_path / "bundle")


def _events(*rows):
    cells, ki67 = zip(*rows, strict=True)
    return Events(np.array(cells, dtype=bool), np.array(ki67, dtype=np.float64), np.full(len(rows), -1, dtype=np.int8))


ALL, WHOLE = np.ones(8, dtype=bool), (0.0, 1.0)


def test_one_class_of_everything_is_a_sentence():
    events = _events((CELLS[:, 0], (0.18, 0.19)), (CELLS[:, 0] & CELLS[:, 1], (0.18, 0.19)), (ALL, WHOLE))
    with pytest.raises(TrainingError, match="the 3 training cases hold only one class of each of er, pr, her2, ki67"):
        refuse_one_class(events, NetworkSettings())


@pytest.mark.parametrize(
    ("tasks", "rows"),
    [
        (("er",), [(CELLS[:, 0], WHOLE), (~CELLS[:, 0], WHOLE)]),
        (("pr",), [(CELLS[:, 0] | CELLS[:, 1], WHOLE), (~(CELLS[:, 0] | CELLS[:, 1]), WHOLE)]),
        (("ki67",), [(ALL, (0.1, 0.2)), (ALL, (0.2, 1.0))]),
    ],
)
def test_two_classes_of_one_task_are_enough(tasks, rows):
    refuse_one_class(_events(*rows), NetworkSettings(tasks=tasks))


def test_classes_of_another_task_do_not_count():
    events = _events((CELLS[:, 0], (0.1, 0.2)), (~CELLS[:, 0], (0.2, 0.3)))
    with pytest.raises(TrainingError, match="only one class of each of her2, expected both"):
        refuse_one_class(events, NetworkSettings(tasks=("her2",)))


def test_lesions_of_one_patient_are_no_more_certain_than_she_is(make_dataset):
    """Each case four times under one patient has the interval that each has once."""
    once, rows = make_dataset(60, seed=4), np.repeat(np.arange(60), 4)
    fourfold = PatchDataset.from_arrays(
        [f"case {place}" for place in range(240)],
        once.events.take(rows),
        patients=[once.patients[row] for row in rows],
        **{name: getattr(once, name).numpy()[rows] for name in ("image", "distance_mm", "descriptors")},
    )
    unary = CELLS[once.events.cells.argmax(axis=1)] + np.random.default_rng(5).normal(0, 1, size=(60, 3))
    said = Potentials(unary, np.zeros(60), np.ones(60), np.zeros(3), np.zeros(3))
    one, other = (
        validation_figures(cases, said.take(taken), prior=fit_prior(once.events))
        for cases, taken in ((once, np.arange(60)), (fourfold, rows))
    )
    assert set(one) == set(other) >= {"AUC ER", "AUC PR", "AUC HER2"}
    for name, figure in one.items():
        assert other[name].value == pytest.approx(figure.value)
        assert (other[name].low, other[name].high) == pytest.approx((figure.low, figure.high), abs=0.04), name
