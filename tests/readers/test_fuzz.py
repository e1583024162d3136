"""The short form of `make fuzz`: each reader on a few broken forms of a real file."""

import json
import mmap
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

FUZZ = Path(__file__).with_name("fuzz.py")
INPUTS, SEED = "30", "1"
READERS = (
    *("nifti", "nifti mask", "nrrd", "nrrd mask", "dicom series", "dicom slice", "enhanced dicom", "dicom seg", "zip"),
    *("cohort table", "metaimage", "metaimage mask", "structure set", "workbook", "sheet", "les outline"),
    *("nnunet labels", "volume of interest", "analysis mask", "path mapping", "tcia series"),
    "mapped sequence",
)
DEADLINE_S = 900.0


def _command(inputs: str, data: Path, work: Path, *others: str) -> list[str]:
    return [sys.executable, str(FUZZ), inputs, SEED, str(data), str(work), *others]


def _tally(work: Path) -> dict[str, float]:
    return json.loads((work / "tally.json").read_bytes())


def test_every_reader_has_its_turn():
    said = subprocess.run([sys.executable, str(FUZZ), "--help"], capture_output=True, text=True, check=True).stdout
    listed = re.search(r"--readers *\{(.*?)\}", said.replace("\n", " "))
    assert listed is not None
    assert tuple(re.sub(r" +", " ", listed[1]).split(",")) == READERS


@pytest.fixture(scope="module")
def fuzzed(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Let every reader read a few broken inputs, all in one process."""
    work = tmp_path_factory.mktemp("fuzz")
    command = _command(INPUTS, shared_data, work, "--until", INPUTS)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return work


@pytest.mark.parametrize("reader", READERS)
def test_broken_files_are_a_case_or_one_sentence(reader: str, fuzzed: Path):
    work = fuzzed / reader.replace(" ", "_")
    findings = work / "findings.txt"
    assert not findings.exists(), findings.read_text()
    assert _tally(work)["done"] == int(INPUTS)


def test_a_crash_is_a_finding_and_the_run_goes_on_behind_it_and_where_it_ended(shared_data: Path, tmp_path: Path):
    work = tmp_path / "nifti"
    command = _command("400", shared_data, tmp_path, "--readers", "nifti", "--jobs", "1")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + DEADLINE_S
        while not (work / "tally.json").exists() or not _tally(work)["done"]:
            assert time.monotonic() < deadline, "no input was read"
            time.sleep(0.01)
        children = Path(f"/proc/{running.pid}/task")
        (reading,) = {int(pid) for file in children.glob("*/children") for pid in file.read_text().split()}
        os.kill(reading, signal.SIGSEGV)
        said, _ = running.communicate(timeout=DEADLINE_S)
    assert running.returncode == 1, "a finding is no success"
    assert re.fullmatch(r"input \d+: the process was ended by signal 11\n", (work / "findings.txt").read_text())
    assert re.search(r"nifti +400 +1 ", said.splitlines()[-1])
    subprocess.run([*command, "--until", "410"], check=True, capture_output=True)
    assert _tally(work)["done"] == 410
    assert _tally(work)["findings"] == 1, "what was read is not read again"


def test_changes_to_a_json_file_are_those_of_their_seed_whatever_was_changed_before(monkeypatch) -> None:
    monkeypatch.syspath_prepend(FUZZ.parent)
    from made_mutation import json_values

    content = b'{"labels": {"background": 0, "tumour": 1}, "file_ending": ".nii.gz"}'
    first, again = ([json_values(content, np.random.default_rng(seed)) for seed in range(3000)] for _ in range(2))
    assert first == again
    assert len(set(first)) > 1000


def test_what_is_steered_keeps_inputs_that_lead_to_new_code(shared_data: Path, tmp_path: Path):
    pytest.importorskip("atheris", reason="atheris, which steers by coverage, comes for Linux only")
    command = [sys.executable, str(FUZZ.with_name("steered.py")), "1000", SEED, str(shared_data), str(tmp_path)]
    subprocess.run([*command, "--readers", "sheet", "--until", "1000"], capture_output=True, check=True)
    assert _tally(tmp_path / "sheet")["done"] == 1000
    assert not (tmp_path / "sheet" / "findings.txt").exists(), (tmp_path / "sheet" / "findings.txt").read_text()
    assert len(list((tmp_path / "sheet" / "kept").iterdir())) > 3


def taken(mebibytes: int) -> None:
    """Take memory from the system and give it back: what Python frees may be kept, and then taken again unseen."""
    with mmap.mmap(-1, mebibytes << 20) as memory:
        for page in range(0, len(memory), mmap.PAGESIZE):
            memory[page] = 1


def test_what_a_reader_takes_of_memory_is_counted_and_what_was_taken_before_is_not(monkeypatch, tmp_path: Path) -> None:
    monkeypatch.syspath_prepend(FUZZ.parent)
    import fuzz
    from fuzz_targets import Form, Target

    monkeypatch.setattr(fuzz, "LARGEST_KIB", 100 * 1024)
    taken(300)
    form = Form(tmp_path, tmp_path / "broken", b"")
    for mebibytes, findings in ((50, 0), (200, 1)):
        target = Target("none", lambda content, _: content, lambda *_, size=mebibytes: taken(size))
        work = tmp_path / str(mebibytes)
        work.mkdir()
        with fuzz.Watch(work) as watch:
            watch.read(target, form, b"")
        assert watch.tally.findings == findings
        assert mebibytes - 5 < watch.tally.largest_mib < mebibytes + 30
