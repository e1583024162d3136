"""The whole way as a user walks it: one demo, then what a person would do with what it leaves."""

import csv
import json
import shutil
import subprocess
import sys

import pytest

from onephase.biomarkers.panel import RECEPTORS


def onephase(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "onephase.cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def refused(*words: object) -> str:
    """Return the one sentence with which a command refuses."""
    done = onephase(*words)
    assert done.returncode == 1, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("onephase: ")]
    assert len(said) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return said[0]


def test_the_demo_leaves_what_the_readme_says(tiny_demo):
    for name in ("cohort/cohort.csv", "bundle/bundle.json", "report.html", "evaluation/evaluation.html"):
        assert (tiny_demo / name).is_file(), name
    said = (tiny_demo / "said.txt").read_text()
    assert "SIMULATED" in said
    assert "oracle" in said
    assert "report.html" in said
    assert "SIMULATED" in (tiny_demo / "report.html").read_text().upper()


def test_predict_with_what_pathology_said(tiny_demo, tmp_path):
    image = next((tiny_demo / "cohort" / "images").iterdir())
    mask = tiny_demo / "cohort" / "masks" / image.name
    command = ("predict", tiny_demo / "bundle", image, "--mask", mask, "--out", tmp_path / "answer")
    done = onephase(*command, "--given", "er=positive", "--given", "ki67=18", "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer == json.loads((tmp_path / "answer" / "prediction.json").read_text())
    assert answer["result"]["positive"]["er"] == pytest.approx(1)
    assert answer["result"]["ki67"]["median_percent"] == pytest.approx(18.5, abs=0.5)
    assert sum(answer["result"]["subtypes"].values()) == pytest.approx(1)
    assert set(RECEPTORS) < set(answer["image_alone"]["positive"])
    assert "Research use only" in (tmp_path / "answer" / "report.html").read_text()


def test_a_box_is_marked_semi_automatic_in_the_answer(tiny_demo, tmp_path):
    import numpy as np
    import SimpleITK

    image = next((tiny_demo / "cohort" / "images").iterdir())
    mask = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tiny_demo / "cohort" / "masks" / image.name)))
    (s0, r0, c0), (s1, r1, c1) = np.argwhere(mask).min(axis=0), np.argwhere(mask).max(axis=0) + 1
    done = onephase(
        "predict", tiny_demo / "bundle", image, "--box", c0, c1, r0, r1, s0, s1, "--out", tmp_path / "answer", "--json"
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["outline"]["semi_automatic"] is True
    assert 2 <= answer["outline"]["spread"]["outlines"] <= 9
    assert any("semi-automatic" in warning for warning in answer["warnings"])


def test_a_cohort_is_predicted_and_resumed(tiny_demo, tmp_path):
    table = tmp_path / "few.csv"
    lines = (tiny_demo / "cohort" / "cohort.csv").read_text().splitlines()[:3]
    rows = [
        line.replace("images/", f"{tiny_demo}/cohort/images/").replace("masks/", f"{tiny_demo}/cohort/masks/")
        for line in lines
    ]
    table.write_text("\n".join(rows) + "\n")
    command = ("predict", tiny_demo / "bundle", "--cohort", table, "--out", tmp_path / "answers", "--json")
    first, again = (json.loads(onephase(*command).stdout) for _ in range(2))
    assert len(first["predicted"]) == 2
    assert first["skipped"] == []
    assert again["skipped"] == first["predicted"]
    assert (tmp_path / "answers" / "index.html").is_file()


def test_a_copy_under_another_name_in_another_split_is_an_error_until_it_is_accepted(tiny_demo, tmp_path):
    cohort = tiny_demo / "cohort"
    with (cohort / "cohort.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))[:10]
    for row, split in zip(rows, ["train"] * 6 + ["validation"] * 2 + ["test"] * 2, strict=True):
        row |= {"split": split, "image": str(cohort / row["image"]), "mask": str(cohort / row["mask"])}
    copied = {name: shutil.copy(rows[0][name], tmp_path / f"{name}.nii.gz") for name in ("image", "mask")}
    rows.append({**rows[0], **copied, "case_id": "renamed", "patient_id": "somebody", "split": "test"})
    table = tmp_path / "few.csv"
    with table.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    command = ("check", table, "--images", "--out", tmp_path / "page.html")
    done = onephase(*command)
    assert done.returncode == 1, done.stderr
    assert "One image in two splits" in done.stdout
    assert all(case in done.stdout for case in ("renamed", rows[0]["case_id"]))
    reason = "known,checked"
    accepted = [f'{case},duplicate-across-splits,"{reason}"' for case in ("renamed", rows[0]["case_id"])]
    (tmp_path / "few.accepted.csv").write_text("\n".join(["case_id,flag,reason", *accepted]) + "\n")
    done = onephase(*command, "--json")
    assert done.returncode == 0, done.stderr
    flags = json.loads(done.stdout)["quality"]["flags"]
    assert flags["duplicate-across-splits"] == {"open": 0, "accepted": 2}


def test_tables_are_made_again_from_stored_predictions(tiny_demo):
    folder = tiny_demo / "evaluation"
    before = json.loads((folder / "evaluation.json").read_text())
    done = onephase("evaluate", "--stored", "--out", folder, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["groups"] == before["groups"]


def test_stored_predictions_are_scored_by_another_subtype_rule(tiny_demo, tmp_path):
    folder = shutil.copytree(tiny_demo / "evaluation", tmp_path / "evaluation")
    usual, other = (
        json.loads(onephase("evaluate", "--stored", "--out", folder, "--json", *words).stdout)["policy"]
        for words in ([], ["--policy", "ki67_14"])
    )
    assert (usual, other) == ("ki67_20", "ki67_14")


def test_bad_input_is_one_sentence_and_leaves_nothing(tiny_demo, tmp_path):
    bundle, out = tiny_demo / "bundle", tmp_path / "answer"
    image = next((tiny_demo / "cohort" / "images").iterdir())
    mask = tiny_demo / "cohort" / "masks" / image.name
    text = tmp_path / "text.nii.gz"
    text.write_text("not an image")
    cut = tmp_path / "cut.nii.gz"
    cut.write_bytes(image.read_bytes()[:20000])
    assert "does not exist" in refused("predict", bundle, tmp_path / "none.nii.gz", "--mask", mask, "--out", out)
    assert "text.nii.gz" in refused("predict", bundle, text, "--mask", mask, "--out", out)
    assert "cut.nii.gz" in refused("predict", bundle, cut, "--mask", mask, "--out", out)
    assert "label" in refused("predict", bundle, image, "--mask", mask, "--mask-label", "7", "--out", out)
    assert "outside" in refused("predict", bundle, image, "--box", 0, 9999, 0, 5, 0, 5, "--out", out)
    assert "inverted" in refused("predict", bundle, image, "--box", 9, 3, 0, 5, 0, 5, "--out", out)
    assert "not understood" in refused("predict", bundle, image, "--mask", mask, "--given", "er=perhaps", "--out", out)
    assert not out.exists()


def test_a_changed_byte_in_a_bundle_is_refused(tiny_demo, tmp_path):
    bundle = shutil.copytree(tiny_demo / "bundle", tmp_path / "bundle")
    content = bytearray((bundle / "network.onnx").read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / "network.onnx").write_bytes(content)
    image = next((tiny_demo / "cohort" / "images").iterdir())
    assert "network.onnx" in refused("predict", bundle, image, "--seed-point", 1, 1, 1, "--out", tmp_path / "answer")


def test_check_says_every_problem_at_once_and_exits_with_1(tmp_path):
    table = tmp_path / "cohort.csv"
    table.write_text("case_id,image,mask,er\na,none.nii.gz,m.nii.gz,perhaps\na,other.nii.gz,m.nii.gz,95%\n")
    done = onephase("check", table, "--json")
    assert done.returncode == 1
    problems = json.loads(done.stdout)["problems"]
    assert len([problem for problem in problems if problem["severity"] == "error"]) >= 3
    assert onephase("check", table).returncode == 1


def test_the_command_line_teaches():
    assert onephase("--version").stdout.startswith("onephase 0.")
    assert "no lesion detection" in onephase("--help").stdout.replace("\n  ", " ")
    done = onephase("predict", "bundle", "image", "--out", "x")
    assert done.returncode == 2
    assert "exactly one of --mask" in done.stderr.replace("\n", " ")
