"""`onephase predict` as it is typed: what it says, and what it refuses before it opens anything."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from tests.inference.conftest import contents_around, tiny_network

from onephase.cli.main import run
from onephase.inference import cohort_prediction
from onephase.inference.bundle import write_bundle
from onephase.inference.cautions import GIVEN_IN_VAIN, training_caution
from onephase.readers import case

Said = tuple[int, str, str]
SHAPE = (8, 12, 10)
MASKED = "bundle image.nii.gz --mask mask.nii.gz"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a bundle, an image, a mask, and a table of them."""
    folder = tmp_path_factory.mktemp("predict")
    write_bundle(folder / "bundle", contents_around(tiny_network().SerializeToString()))
    inside = np.zeros(SHAPE, dtype=np.uint8)
    inside[2:6, 3:9, 2:8] = 1
    grey = (np.random.default_rng(0).normal(100, 5, SHAPE) + 150 * inside).astype(np.float32)
    for name, array in (("image", grey), ("mask", inside)):
        image = SimpleITK.GetImageFromArray(array)
        image.SetSpacing((0.8, 0.9, 2.0))
        SimpleITK.WriteImage(image, str(folder / f"{name}.nii.gz"))
    (folder / "cohort.csv").write_text("case_id,image,mask\na,image.nii.gz,mask.nii.gz\n")
    (folder / "file").write_text("in the way")
    return folder


@pytest.fixture
def predict(files: Path, monkeypatch, capsys) -> Callable[[str], Said]:
    """A function that predicts as it is typed in that folder, and tells exit code, output and errors."""
    monkeypatch.chdir(files)

    def command(words: str) -> Said:
        capsys.readouterr()
        monkeypatch.setattr("sys.argv", ["onephase", "predict", *shlex.split(words)])
        with pytest.raises(SystemExit) as left:
            run()
        out, err = capsys.readouterr()
        return left.value.code or 0, out, " ".join(err.split())

    return command


def test_the_terminal_says_every_warning_that_the_file_holds(predict, tmp_path):
    code, out, err = predict(f"{MASKED} --given her2=2+ --out {tmp_path}")
    assert code == 0, err
    said = [line.removeprefix("! ") for line in out.splitlines() if line.startswith("! ")]
    assert said == json.loads((tmp_path / "prediction.json").read_text())["warnings"]
    assert said[:2] == [training_caution("simulated"), GIVEN_IN_VAIN]
    assert "how the rest moved" not in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("words", "code", "expected"),
    [
        (f"{MASKED} --out bundle", 1, "bundle is a bundle, which cannot be opened any more once another file is in"),
        (f"{MASKED} --out bundle/answer", 1, "bundle/answer lies in the bundle "),
        (f"{MASKED} --out OUT --fhir bundle/fhir.json", 1, "bundle/fhir.json lies in the bundle "),
        (f"{MASKED} --out OUT --dicom bundle/objects", 1, "bundle/objects lies in the bundle "),
        ("bundle --cohort cohort.csv --out bundle", 1, "bundle is a bundle, which cannot be opened any more once"),
        (f"{MASKED} --out file", 1, "a file stands where a folder is needed, file: name"),
        ("bundle --cohort cohort.csv --out file", 1, "a file stands where a folder is needed, file: name"),
        (f"{MASKED} --out OUT --fhir .", 1, ". is a folder, where a file is to be written: name a file"),
        (f"{MASKED} --out OUT --fhir file/fhir.json", 1, "a file stands where a folder is needed, file: name"),
        (f"{MASKED} --out OUT --fhir OUT", 2, "--fhir: it would be written over OUT, which this command writes: name"),
        (f"{MASKED} --out OUT --fhir OUT/prediction.json", 2, "over OUT/prediction.json, which this command writes"),
        (f"{MASKED} --out OUT --fhir OUT/report.html", 2, "over OUT/report.html, which this command writes"),
        (f"{MASKED} --out OUT --dicom a --fhir ./a", 2, "over a, which this command writes"),
        (f"{MASKED} --out OUT --fhir ./image.nii.gz", 2, "over image.nii.gz, which this command reads: name another"),
        (f"{MASKED} --out OUT --fhir mask.nii.gz", 2, "over mask.nii.gz, which this command reads: name another"),
        ("bundle . --seed-point 1 1 1 --out OUT --fhir a/f.json", 2, "over ., which this command reads: name another"),
        ("bundle --cohort cohort.csv --out OUT --case-id foo", 2, "with --cohort, names, outlines, phases and evid"),
        ("bundle --cohort cohort.csv --out OUT --mask-label 9", 2, "with --cohort, names, outlines, phases and evid"),
        ("bundle image.nii.gz --seed-point 5 5 4 --mask-label 1 --out OUT", 2, "--mask-label is for --mask: a box"),
        (f"{MASKED} --out OUT --outlines 0", 2, "'--outlines'"),
        (f"{MASKED} --out OUT --outline-error 5.5", 2, "'--outline-error': expected 0 to 5 mm, got 5.5: no outline"),
        (f"{MASKED} --out OUT --outline-error nan", 2, "'--outline-error': expected 0 to 5 mm, got nan: no outline"),
        (f"{MASKED} --out OUT --outline-error 2", 2, "and the answer is from one: add --outlines 9, or leave --outli"),
        ("bundle --cohort cohort.csv --out OUT --outline-error 2", 2, "and the answer is from one: add --outlines 9"),
        (
            "bundle image.nii.gz --seed-point 5 5 4 --out OUT --outlines 1 --outline-error 2",
            *(2, "and the answer is from one: add --outlines 9"),
        ),
        (f"{MASKED} --out OUT --case-id a/b", 2, "'--case-id': 'a/b': expected at most 100 printable characters"),
        (f"{MASKED} --out OUT --case-id ''", 2, "'--case-id': it is empty: choose a pseudonym"),
        (f"{MASKED} --out OUT --case-id =1+1", 2, "'--case-id': '=1+1': it begins like a formula"),
        ("bundle image.nii.gz --box 10 5 3 4 --out OUT", 2, "'--box': it takes 6 numbers, C0 C1 R0 R1 S0 S1, got 10"),
        ("bundle image.nii.gz --seed-point 10 5 --out OUT", 2, "'--seed-point': it takes 3 numbers, C R S, got 10 5"),
    ],
)
def test_what_cannot_be_done_is_refused_before_any_work(predict, files, monkeypatch, words, code, expected):
    monkeypatch.setattr(cohort_prediction, "predict_cohort", None)
    monkeypatch.setattr(case, "read_case", None)  # after cohort_prediction, which keeps the real one
    before = {path: path.stat().st_mtime_ns for path in files.rglob("*")}
    left, out, err = predict(words)
    assert expected in err
    assert (left, out) == (code, "")
    assert "Traceback" not in err
    assert {path: path.stat().st_mtime_ns for path in files.rglob("*")} == before


def test_what_is_fit_is_taken(predict, tmp_path):
    several = f"{MASKED} --outlines 3 --outline-error 0.5 --case-id case-1 --fhir {tmp_path}/a/fhir.json"
    code, out, err = predict(f"{several} --out {tmp_path}/a --json")
    assert code == 0, err
    answer = json.loads(out)
    assert answer["case_id"] == "case-1"
    assert (answer["outline"]["spread"]["outlines"], answer["outline"]["spread"]["error_mm"]) == (3, 0.5)
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["fhir.json", "prediction.json", "report.html"]
    code, out, err = predict(f"bundle image.nii.gz --box 1 9 2 10 1.5 7 --out {tmp_path}/b --json")
    assert code == 0, err
    answer = json.loads(out)
    assert answer["case_id"] == "unnamed"
    assert answer["outline"]["spread"]["error_mm"] == 1.0
    code, out, err = predict(f"bundle --cohort cohort.csv --outlines 2 --outline-error 0.5 --out {tmp_path}/c --json")
    assert code == 0, err
    spread = json.loads((tmp_path / "c" / "a" / "prediction.json").read_text())["outline"]["spread"]
    assert (spread["outlines"], spread["error_mm"]) == (2, 0.5)


def test_the_help_names_what_may_be_given_and_where_its_forms_are(predict):
    code, out, _ = predict("--help")
    assert code == 0
    said = " ".join(out.split())
    assert "Names: er, pr, her2, hr, ki67." in said
    assert "docs/evidence.md" in said
    assert "1 when left out" in said
