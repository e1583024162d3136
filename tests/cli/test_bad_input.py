"""Bad input on the command line: one sentence that says what to do, exit code 1, and nothing written.

DICOM series that are broken, mixed or no breast are read in tests/readers; here is what a user can name in a
command, and in a cohort table.
"""

import gzip
import json
import resource
import shlex
import shutil
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from onephase.cli.commands import app
from onephase.cli.main import run

SHAPE = (8, 12, 10)
INSIDE = np.zeros(SHAPE, dtype=np.uint8)
INSIDE[2:6, 3:9, 2:8] = 1
GREY = (np.random.default_rng(0).normal(100, 5, SHAPE) + 150 * INSIDE).astype(np.float32)
MASKED = "--mask mask.nii.gz"


@pytest.fixture
def said(monkeypatch, capsys) -> Callable[[str], str]:
    """A function that runs a command which must refuse, and returns its one sentence."""

    def refuse(command: str) -> str:
        capsys.readouterr()
        monkeypatch.setattr("sys.argv", ["onephase", *shlex.split(command)])
        with pytest.raises(SystemExit) as left:
            run()
        out, err = capsys.readouterr()
        sentences = [line for line in err.splitlines() if line.startswith("onephase: ")]
        assert left.value.code == 1, err
        assert len(sentences) == 1, err
        assert "Traceback" not in err
        assert out == ""
        return sentences[0]

    return refuse


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Within the block no file may grow beyond ``size`` bytes, which stands in for a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def write(path: Path, array: np.ndarray, *, spacing: tuple[float, float, float] = (0.8, 0.9, 2.0)) -> None:
    image = SimpleITK.GetImageFromArray(array)
    image.SetSpacing(spacing)
    SimpleITK.WriteImage(image, str(path))


def sheared(path: Path) -> bytes:
    """Return a NIfTI file with its column axis leaning over (sform: affine of nifti1.h, from byte 280)."""
    content = bytearray(gzip.decompress(path.read_bytes()))
    struct.pack_into("<2h", content, 252, 0, 1)
    struct.pack_into("<12f", content, 280, -0.8, 0.4, 0, 0, 0, -0.9, 0, 0, 0, 0, 2.0, 0)
    return gzip.compress(bytes(content))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one sound image and mask, and with everything that can be wrong about both."""
    folder = tmp_path_factory.mktemp("bad-input")
    write(folder / "image.nii.gz", GREY)
    write(folder / "mask.nii.gz", INSIDE)
    write(folder / "empty.nii.gz", np.zeros(SHAPE, dtype=np.uint8))
    write(folder / "two-labels.nii.gz", INSIDE + (np.arange(10) > 4).astype(np.uint8) * INSIDE)
    write(folder / "shifted.nii.gz", INSIDE, spacing=(0.8, 0.9, 2.5))
    write(folder / "nan.nii.gz", np.where(GREY > 260, np.nan, GREY))
    write(folder / "constant.nii.gz", np.full(SHAPE, 7, dtype=np.float32))
    volume = SimpleITK.ReadImage(str(folder / "image.nii.gz"))
    SimpleITK.WriteImage(SimpleITK.JoinSeries([volume] * 3), str(folder / "four-d.nii.gz"))
    content = (folder / "image.nii.gz").read_bytes()
    (folder / "sheared.nii.gz").write_bytes(sheared(folder / "image.nii.gz"))
    (folder / "text.nii.gz").write_text("This is a letter and no image.\n" * 20)
    (folder / "cut.nii.gz").write_bytes(content[: len(content) // 2])
    (folder / "empty-folder").mkdir()
    return folder


@pytest.fixture
def here(files: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of :func:`files`, in which the command is given."""
    monkeypatch.chdir(files)
    return files


@pytest.mark.parametrize(
    ("image_and_region", "expected"),
    [
        (f"none.nii.gz {MASKED}", "none.nii.gz does not exist: check the path"),
        ("image.nii.gz --mask none.nii.gz", "none.nii.gz does not exist: check the path"),
        ("image.nii.gz --mask shifted.nii.gz", "differs from the image's (8x12x10 at 2x0.9x0.8 mm"),
        ("image.nii.gz --mask empty.nii.gz", "empty.nii.gz is empty: no voxel of the mask is set; outline the tumour"),
        (f"image.nii.gz {MASKED} --mask-label 7", "has no label 7; the labels there are 1 (144 voxels): name one"),
        (
            "image.nii.gz --mask two-labels.nii.gz",
            "holds several labels (1 (72 voxels), 2 (72 voxels)): name the tumour",
        ),
        ("image.nii.gz --box 0 9999 0 5 0 5", "the box reaches 0 to 9999 along column, outside the volume's 0 to 10"),
        ("image.nii.gz --box 0 5 -3 5 0 5", "the box reaches -3 to 5 along row, outside the volume's 0 to 12"),
        ("image.nii.gz --box 9 3 0 5 0 5", "inverted or empty along column: start 9 is not below stop 3: give start"),
        (
            "image.nii.gz --box 0 5 0 5 2 nan",
            "inverted or empty along slice: start 2 is not below stop nan: give start",
        ),
        ("image.nii.gz --box 0 3 0 3 7 8.5 --case-id c7", "case c7: the box reaches 7 to 8.5 along slice, outside"),
        ("image.nii.gz --seed-point nan 3 3", "the seed point (nan, 3, 3) is no place: give column, row and slice"),
        ("image.nii.gz --seed-point 3 3 8", "the seed point reaches 8 to 9 along slice, outside the volume's 0 to 8"),
        (f"nan.nii.gz {MASKED}", "nan.nii.gz: the image holds NaN or infinite values: export it again without them"),
        (f"constant.nii.gz {MASKED}", "constant.nii.gz: the image is constant (every voxel is 7)"),
        (f"four-d.nii.gz {MASKED}", "is 4-D (3 volumes) and does not say which"),
        (f"four-d.nii.gz {MASKED}", "choose a volume with --phase N (1 to 3"),
        ("four-d.nii.gz --seed-point 5 5 4 --phase 4", "holds 3 phases: --phase takes 1 to 3, not 4"),
        (f"sheared.nii.gz {MASKED}", "sheared.nii.gz has axes that are not orthonormal"),
        (f"text.nii.gz {MASKED}", "text.nii.gz is no image but text: give NIfTI, NRRD, MetaImage, a DICOM file"),
        (f"cut.nii.gz {MASKED}", "cut.nii.gz is cut short or damaged (its gzip stream does not end well): copy it"),
        (f"empty-folder {MASKED}", "empty-folder holds no DICOM file (0 other files): check the path"),
        (
            f"image.nii.gz {MASKED} --given er=perhaps",
            "given: er 'perhaps' is not understood; write positive, negative",
        ),
        (f"image.nii.gz {MASKED} --given hr=negative --given er=95%", "hr 'negative' contradicts er '95%'"),
        (f"image.nii.gz {MASKED} --given grade=3", "expected NAME=TEXT, such as er=positive, with a name of er, pr"),
    ],
)
def test_predict_refuses_with_one_sentence_and_writes_nothing(
    image_and_region, expected, tiny_demo, here, said, tmp_path
):
    before = sorted(here.rglob("*"))
    sentence = said(f"predict {tiny_demo / 'bundle'} {image_and_region} --out {tmp_path / 'answer'}")
    assert expected in sentence
    assert sorted(here.rglob("*")) == before
    assert not list(tmp_path.iterdir())


def test_a_bundle_that_is_missing_or_not_whole_is_refused(tiny_demo, files, said, tmp_path):
    rest = f"{files / 'image.nii.gz'} --mask {files / 'mask.nii.gz'} --out {tmp_path / 'answer'}"
    assert "none is not a folder: give the folder that holds bundle.json" in said(f"predict {tmp_path / 'none'} {rest}")
    bundle = shutil.copytree(tiny_demo / "bundle", tmp_path / "bundle")
    for path in sorted(bundle.iterdir()):
        content = path.read_bytes()
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
        sentence = said(f"predict {bundle} {rest}")
        assert path.name in sentence
        assert "get the bundle again" in sentence
        path.write_bytes(content)
    (bundle / "prior.json").unlink()
    assert "prior.json is missing: get the whole bundle again" in said(f"predict {bundle} {rest}")
    assert not (tmp_path / "answer").exists()


ROWS = [
    {"case_id": "a", "patient_id": "p", "er": "95%", "pr": "positive", "her2": "2+/ISH-", "hr": "", "ki67": "18"},
    {"case_id": "b", "patient_id": "q", "er": "<1%", "pr": "negative", "her2": "3+", "hr": "", "ki67": ">=20%"},
    {"case_id": "c", "patient_id": "r", "er": "0", "pr": "1", "her2": "", "hr": "", "ki67": "10-15%"},
]
NO_LABEL = dict.fromkeys(("er", "pr", "her2", "hr", "ki67"), "")


def write_table(folder: Path, *changes: dict[str, str]) -> Path:
    """Write a table of three cases, each row with its changes; give each an image of its own."""
    rows = [
        {"image": f"{row['case_id']}.nii.gz", "mask": "mask.nii.gz", "split": "", **row, **change}
        for row, change in zip(ROWS, [*changes, {}, {}, {}][:3], strict=True)
    ]
    for row in ROWS:
        write(folder / f"{row['case_id']}.nii.gz", GREY + len(row["case_id"]) * np.float32(ord(row["case_id"])))
    write(folder / "mask.nii.gz", INSIDE)
    write(folder / "empty.nii.gz", np.zeros(SHAPE, dtype=np.uint8))
    (folder / "text.nii.gz").write_text("a letter")
    table = folder / "cohort.csv"
    table.write_text("\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)]) + "\n")
    return table


@pytest.mark.parametrize(
    ("changes", "column", "expected"),
    [
        ([{}, {"case_id": "a"}], "case_id", "line 3 has the case id of"),
        ([{"split": "train"}, {"patient_id": "p", "split": "test"}], "split", "the patient stands in two splits"),
        ([{"er": "perhaps"}], "er", "er 'perhaps' is not understood; write positive, negative"),
        ([{"ki67": "many"}], "ki67", "ki67 'many' is not understood; write a percentage such as 18"),
        ([{"hr": "negative"}], "er, pr, hr", "hr 'negative' contradicts er '95%' and pr 'positive'"),
        ([NO_LABEL] * 3, "er, pr, her2, hr, ki67", "all labels are missing"),
        (
            [{**NO_LABEL, "er": "1"}] * 3,
            "er, hr",
            "every known label has one class only, so that nothing can be learned",
        ),
        ([{"image": "none.nii.gz"}], "image", "there is no "),
        ([{"mask": ""}], "mask", "no region of interest is given, and onephase detects no lesions"),
    ],
)
def test_a_table_is_refused_by_check_and_by_prepare_before_any_work(changes, column, expected, said, tmp_path, capsys):
    table = write_table(tmp_path, *changes)
    before = sorted(tmp_path.rglob("*"))
    assert f"column {column}: {expected}" in said(f"prepare {table} --out {tmp_path / 'prepared'} -j 1")
    (problem,) = checked(table, capsys=capsys)
    assert problem["column"] == column
    assert problem["problem"].startswith(expected)
    assert problem["fix"]
    assert sorted(tmp_path.rglob("*")) == before


def checked(table: Path, *, capsys: pytest.CaptureFixture[str]) -> list[dict[str, str]]:
    """Return the errors that `onephase check --json` names in a table."""
    with pytest.raises(SystemExit) as left:
        app(["check", str(table), "--json"])
    assert left.value.code == 1
    problems = json.loads(capsys.readouterr().out)["problems"]
    return [problem for problem in problems if problem["severity"] == "error"]


def test_cases_that_fail_are_named_and_the_others_are_prepared(tmp_path, monkeypatch, capsys):
    table = write_table(tmp_path, {"mask": "empty.nii.gz"}, {}, {"image": "cut.nii.gz"})
    content = (tmp_path / "a.nii.gz").read_bytes()
    (tmp_path / "cut.nii.gz").write_bytes(content[: len(content) // 2])
    monkeypatch.setattr("sys.argv", ["onephase", "prepare", str(table), "--out", str(tmp_path / "p"), "-j", "1"])
    with pytest.raises(SystemExit) as left:
        run()
    out = capsys.readouterr().out
    assert left.value.code == 1
    assert "1 cases prepared" in out
    assert "2 cases failed and are left out:\ncase a: " in out
    assert "empty.nii.gz is empty: no voxel of the mask is set" in out
    assert "case c: " in out
    assert "cut.nii.gz is cut short or damaged" in out


def test_a_place_or_settings_that_cannot_be_used_are_refused(said, tmp_path):
    table = write_table(tmp_path)
    (tmp_path / "file").write_text("in the way")
    assert "a file stands where a folder is needed" in said(f"prepare {table} --out {tmp_path / 'file'} -j 1")
    (tmp_path / "bad.toml").write_text("[learning]\nepochs = 'many'\n")
    sentence = said(f"prepare {table} --out {tmp_path / 'p'} --settings {tmp_path / 'bad.toml'}")
    assert "bad.toml: learning.epochs: " in sentence
    assert "got 'many'; see the annotated settings.toml" in sentence
    assert not (tmp_path / "p").exists()


def test_a_full_disk_stops_every_command_with_nothing_half_written(tiny_demo, files, said, tmp_path, capsys):
    predicting = f"predict {tiny_demo / 'bundle'} {files / 'image.nii.gz'} --mask {files / 'mask.nii.gz'}"
    with room_for(10_000):
        sentence = said(f"{predicting} --out {tmp_path / 'answer'}")
    assert "report.html could not be written because the file-size limit is reached; nothing was left" in sentence
    assert not list((tmp_path / "answer").iterdir())
    table = write_table(tmp_path)
    with room_for(10):
        assert "cohort.splits.csv could not be written because the file-size limit" in said(f"check {table} --json")
    assert not (tmp_path / "cohort.splits.csv").exists()
    with room_for(300_000):  # one patch and a half
        sentence = said(f"prepare {table} --out {tmp_path / 'prepared'} -j 1")
    assert "case b: its patch could not be written to" in sentence
    assert "what was stored before is kept" in sentence
    capsys.readouterr()


def test_the_fibroglandular_tissue_is_no_tumour(tiny_demo, said, shared_data, tmp_path):
    study = shared_data / "ucsf-br-06"
    sentence = said(
        f"predict {tiny_demo / 'bundle'} {study / 'dce'} --mask {study / 'fibroglandular-seg'} --out {tmp_path / 'a'}"
    )
    assert "holds no tumour (segment 1 'Breast' (Tissue / Breast): its words are of background and" in sentence
    assert sentence.endswith("give the outline of the tumour")
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(("table", "page"), [("cohort.csv", "cohort.html"), ("quality.csv", ""), ("c.csv", "page.csv")])
def test_a_page_never_replaces_a_cohort_table(table, page, tmp_path, monkeypatch, capsys):
    (tmp_path / table).write_text("case_id,image\nc,c.nii.gz\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["onephase", "check", table, "--images", *(["--out", page] if page else [])])
    with pytest.raises(SystemExit) as left:
        run()
    assert left.value.code == 2
    assert "name another page" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [table]
    assert (tmp_path / table).read_text().startswith("case_id")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("check cohort.csv --images --out folder.html", "folder.html is a folder, where a file is to be written"),
        ("check cohort.csv --images --out beside.html", "beside.csv is a folder, where a file is to be written"),
        ("check cohort.csv --images --out file/a.html", "a file stands where a folder is needed, file: name another"),
        ("check cohort.csv --images --out bundle/a.html", "bundle/a.html lies in the bundle "),
        ("prepare cohort.csv --out bundle", "bundle is a bundle, which cannot be opened any more once another file"),
        ("prepare cohort.csv --out bundle --dry-run", "bundle is a bundle, which cannot be opened any more once"),
        ("prepare cohort.csv --out bundle/prepared --memory 4GB", "bundle/prepared lies in the bundle "),
        ("prepare cohort.csv --out folder.html", "folder.html holds cohort.csv and is no prepared cohort: name a new"),
        ("prepare cohort.csv --out . --dry-run", ". holds beside.csv and is no prepared cohort: name a new folder"),
        ("simulate bundle --cases 2", "bundle is a bundle, which cannot be opened any more once another file is in"),
        ("simulate folder.html --cases 2", "folder.html holds cohort.csv and is no simulated cohort: name a new"),
        ("evaluate prepared --bundle bundle --out bundle", "bundle is a bundle, which cannot be opened any more once"),
        ("robustness bundle cohort.csv --out bundle", "bundle is a bundle, which cannot be opened any more once"),
        ("explain bundle cohort.csv --out bundle/e", "bundle/e lies in the bundle "),
        ("benchmark prepared --out bundle", "bundle is a bundle, which cannot be opened any more once another file"),
        ("simulate file --cases 2", "a file stands where a folder is needed, file: name another folder"),
    ],
)
def test_where_a_command_would_do_harm_it_does_nothing(command, expected, said, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("folder.html", "beside.csv", "bundle"):
        (tmp_path / name).mkdir()
    for name in ("bundle/bundle.json", "bundle/settings.json", "file", "folder.html/cohort.csv"):
        (tmp_path / name).touch()
    before = sorted(tmp_path.rglob("*"))
    assert expected in said(command)  # the table is not there: it was not looked for yet
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (
            "predict bundle image.nii.gz --mask mask.nii.gz --out out --scheduler tcp://a:1",
            "--scheduler is for --cohort",
        ),
        ("check cohort.csv --scheduler tcp://a:1", "--scheduler is for --images"),
        ("check cohort.csv --out looked-at.html", "--out is for --images: it is the page with every lesion"),
        ("check cohort.csv --images --out looked-at.txt", "looked-at.txt does not end in .html: name another page"),
        ("check cohort.csv --images --out .", ". does not end in .html: name another page, such as --out looked-at"),
        ("prepare cohort.csv --out out --dry-run --memory nonsense", "--memory nonsense is no size: write it like"),
    ],
)
def test_an_option_is_never_silently_ignored(command, expected, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cohort.csv").write_text("case_id,image,mask,er\n")
    monkeypatch.setattr("sys.argv", ["onephase", *shlex.split(command)])
    with pytest.raises(SystemExit) as left:
        run()
    assert left.value.code == 2
    assert expected in " ".join(capsys.readouterr().err.replace("│", "").split())
    assert [path.name for path in tmp_path.iterdir()] == ["cohort.csv"]
