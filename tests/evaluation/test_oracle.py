from dataclasses import replace
from pathlib import Path

import numpy as np

from onephase.evaluation.oracle import with_oracle
from onephase.evaluation.predictions import Predictions
from onephase.simulation.cases import CaseKey, case_truth
from onephase.simulation.oracle import oracle_posterior
from onephase.simulation.truth import read_truth, write_truth


def _simulated(predictions: Predictions, folders: list[Path], *, cases: int = 6) -> Predictions:
    """Return predictions whose cases take turns among simulated cohorts, each folder with its truth."""
    keys = [CaseKey(3, row, "alder") for row in range(cases)]
    for folder in folders:
        folder.mkdir()
        write_truth(folder / "truth.csv", keys=keys, truths=[case_truth(key) for key in keys])
    few = predictions.take(np.arange(cases))
    records = tuple(
        replace(
            record,
            case_id=keys[row].case_id,
            image=folders[row % len(folders)] / "images" / f"{row}.nii.gz",
            provenance="simulated",
        )
        for row, record in enumerate(few.records)
    )
    return replace(few, records=records)


def test_each_case_gets_its_own_truth(predictions: Predictions, tmp_path: Path) -> None:
    simulated = _simulated(predictions, [tmp_path / "a", tmp_path / "b"])
    beside = with_oracle(simulated)
    truth = read_truth(tmp_path / "a" / "truth.csv").of([record.case_id for record in simulated.records])
    np.testing.assert_allclose(beside.posteriors["oracle"].cells(), oracle_posterior(truth).cells(), atol=1e-12)


def test_real_cases_and_lost_truths_have_no_oracle(predictions: Predictions, tmp_path: Path) -> None:
    assert "oracle" not in with_oracle(predictions).posteriors
    simulated = _simulated(predictions, [tmp_path / "a"])
    mixed = replace(simulated, records=(replace(simulated.records[0], provenance="real"), *simulated.records[1:]))
    assert "oracle" not in with_oracle(mixed).posteriors
    (tmp_path / "a" / "truth.csv").unlink()
    assert "oracle" not in with_oracle(simulated).posteriors
