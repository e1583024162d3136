"""`onephase export` on the command line: keys, dry runs, answers for machines, and refusals in one sentence."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cohort.export.conftest import GREY, INSIDE, nifti

from onephase.cli.main import run

Said = tuple[int, str, str]
TABLE = "case_id,patient_id,image,mask,er,reader\na1,Canary-1,a.nii.gz,m.nii.gz,95%,Dr Canary\n"


@pytest.fixture
def onephase(tmp_path: Path, monkeypatch, capsys) -> Callable[..., Said]:
    """A function that runs a command in a folder with a cohort of one case."""
    (tmp_path / "a.nii.gz").write_bytes(nifti(GREY))
    (tmp_path / "m.nii.gz").write_bytes(nifti(INSIDE))
    (tmp_path / "cohort.csv").write_text(TABLE)
    monkeypatch.chdir(tmp_path)

    def command(*words: str) -> Said:
        monkeypatch.setattr("sys.argv", ["onephase", "export", "cohort.csv", *words])
        with pytest.raises(SystemExit) as left:
            run()
        out, err = capsys.readouterr()
        return left.value.code or 0, out, err

    return command


def test_a_first_copy_makes_a_key_and_the_next_takes_it(onephase: Callable[..., Said], tmp_path: Path) -> None:
    code, out, err = onephase("--out", "shared", "--new-key", "my.key", "--workers", "1")
    assert code == 0, err
    assert "cases 1, patients 1, sites 1, masks 1, identifiers of the source that are searched for" in out
    assert "Columns dropped: reader" in out
    assert "nothing of the source was found in it" in out
    assert "for a person to judge" in out
    assert (tmp_path / "my.key").stat().st_mode & 0o777 == 0o600
    assert onephase("--out", "again", "--key", "my.key", "--workers", "1", "--json")[0] == 0
    assert (tmp_path / "shared" / "cohort.csv").read_bytes() == (tmp_path / "again" / "cohort.csv").read_bytes()


def test_a_dry_run_needs_no_key_and_writes_nothing(onephase: Callable[..., Said], tmp_path: Path) -> None:
    before = sorted(tmp_path.iterdir())
    code, out, _ = onephase("--out", "shared", "--dry-run", "--workers", "1")
    assert code == 0
    assert out.endswith("Nothing was written.\n")
    assert sorted(tmp_path.iterdir()) == before
    told = json.loads(onephase("--out", "shared", "--dry-run", "--workers", "1", "--json")[1])
    assert told["out"] is None
    assert told["dropped_columns"] == ["reader"]
    assert told["counts"]["cases"] == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--out shared", "give the key of the pseudonyms: --new-key FILE for the first copy"),
        ("--out shared --key a --new-key b", "give the key of the pseudonyms: --new-key FILE for the first copy"),
        ("--out shared --new-key shared/key", "the key would lie in the copy, shared: keep it elsewhere"),
        ("--out shared --key nowhere", "the key file nowhere cannot be read (No such file or directory)"),
        (
            "--out shared --dry-run --format dicom",
            "the image of case a1 is no DICOM, and a DICOM copy is made of DICOM",
        ),
        (
            "--out shared --new-key my.key --format dicom",
            "the image of case a1 is no DICOM, and a DICOM copy is made of DICOM",
        ),
        ("--out . --new-key ../key", ". is not empty: name a new folder for each copy"),
    ],
)
def test_refusals_are_one_sentence_and_leave_nothing(
    onephase: Callable[..., Said], tmp_path: Path, words: str, sentence: str
) -> None:
    before = sorted(tmp_path.iterdir())
    code, out, err = onephase(*words.split())
    assert code == 1
    assert out == ""
    assert [line for line in err.splitlines() if line.startswith(f"onephase: {sentence}")], err
    assert "Traceback" not in err
    assert sorted(tmp_path.iterdir()) == before


def test_a_table_that_is_not_there_is_told_before_a_key_that_is_missing(onephase: Callable[..., Said]) -> None:
    code, out, err = onephase("nofile.csv", "--out", "shared")
    assert (code, out) == (1, "")
    assert "nofile.csv" in err
    assert "there is no file" in err
    assert "key" not in err


def test_neither_copy_nor_key_comes_into_a_bundle(onephase: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / "bundle").mkdir()
    for name in ("bundle.json", "settings.json"):
        (tmp_path / "bundle" / name).touch()
    for words in ("--out bundle/shared --dry-run", "--out shared --new-key bundle/key"):
        code, _, err = onephase(*words.split())
        assert code == 1
        assert "lies in the bundle" in err
    assert [path.name for path in sorted((tmp_path / "bundle").iterdir())] == ["bundle.json", "settings.json"]


def test_the_help_says_that_a_key_is_needed(onephase: Callable[..., Said]) -> None:
    said = " ".join(onephase("--help")[1].split())
    assert "One of --new-key (the first copy) and --key (from then on) is needed" in said


def test_a_copy_that_stops_at_a_damaged_image_leaves_no_key_and_can_be_made_again(
    onephase: Callable[..., Said], tmp_path: Path
) -> None:
    whole = (tmp_path / "a.nii.gz").read_bytes()
    (tmp_path / "a.nii.gz").write_bytes(whole[: len(whole) // 2])
    command = ("--out", "shared", "--new-key", "my.key", "--workers", "1")
    code, _, err = onephase(*command)
    assert code == 1
    assert "a.nii.gz" in err
    assert not (tmp_path / "my.key").exists()
    assert not (tmp_path / "shared").exists()
    (tmp_path / "a.nii.gz").write_bytes(whole)
    assert onephase(*command)[0] == 0
