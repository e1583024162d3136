"""The how-to pages are followed: each command that they print is run by bash, in a folder such as they speak of.

A page that prints another command than its test expects fails that test, and a page is followed or says why not, so
that none is left out unseen.
"""

import csv
import json
import re
import shutil
from pathlib import Path

import pytest
import SimpleITK
from pydicom import dcmread
from tests.howto.conftest import CASES, SHAPE, holds
from tests.howto.pages import DOCS, FOLLOWED, NOT_FOLLOWED, commands_of, printed
from tests.howto.shell import Shell, answer_of

pytestmark = pytest.mark.slow


def predicted(folder: Path) -> dict:
    """Return the answer in a folder, which holds a report as well."""
    assert "Research use only" in (folder / "report.html").read_text()
    return json.loads((folder / "prediction.json").read_text())


def test_a_page_with_commands_is_followed_or_says_why_not():
    assert {page.name for page in DOCS.glob("*.md") if commands_of(page.name)} == FOLLOWED.keys() | NOT_FOLLOWED.keys()


def test_the_page_about_cases(own_study, shell):
    from_mask, from_box, from_point = printed("reading.md")
    shell.run(from_mask)
    assert not predicted(own_study / "from-mask")["outline"]["semi_automatic"]
    for command, name in ((from_box, "from-box"), (from_point, "from-point")):
        shell.run(command)
        assert predicted(own_study / name)["outline"]["semi_automatic"]


def test_the_page_about_the_prediction_file(folder, shell):
    one, many = printed("prediction.md")
    shell.run(one)
    assert predicted(folder / "answer")["given"]["facts"] == ["ER positive"]
    shell.run(many)
    assert (folder / "answers" / "index.html").is_file()
    answered = [path.parent for path in (folder / "answers").glob("*/request.sha256")]
    assert len([predicted(path) for path in answered]) == CASES


def test_the_page_about_the_cohort_table(own_study, shell):
    """The table that it shows is checked, with files of the kinds that it names."""
    (check,) = printed("cohort-table.md")
    (shown,) = re.findall(r"^```csv\n(.*?)^```", (DOCS / "cohort-table.md").read_text(), re.MULTILINE | re.DOTALL)
    (own_study / "cohort.csv").write_text(shown)
    for row in csv.DictReader(shown.splitlines()):
        for name in (row["image"], row["mask"]):
            path = own_study / name
            path.parent.mkdir(exist_ok=True)
            if path.suffix == ".dcm":
                shutil.copy(own_study / "study" / "outline.dcm", path)
            elif not path.suffix:
                (own_study / "study").rename(path)
            else:
                SimpleITK.WriteImage(SimpleITK.Image([6, 5, 4], SimpleITK.sitkUInt8), str(path))
    shell.run(check)
    assert len((own_study / "cohort.splits.csv").read_text().splitlines()) == len(shown.splitlines())


def test_the_page_about_export(own_study, shell):
    dry, first, again, dicom = printed("export.md")
    assert "Nothing was written" in shell.run(dry)
    for command, name in ((first, "shared"), (again, "shared-2"), (dicom, "shared-3")):
        shell.run(command)
        assert json.loads((own_study / name / "export.json").read_text())
    assert (own_study.parent / "cohort.key").is_file()
    assert (own_study / "shared" / "cohort.csv").read_text() == (own_study / "shared-2" / "cohort.csv").read_text()
    copied = [dcmread(path) for path in (own_study / "shared-3" / "images").rglob("*.dcm")]
    assert len(copied) == SHAPE[0]
    assert "Canary-1" not in {one.PatientID for one in copied}


def test_the_page_about_dicom(own_study, archive, storescu):
    predict, store = printed("dicom.md")
    shell = Shell(own_study, dicom=archive.dicom_port)
    shell.run(predict)
    predicted(own_study / "answer")
    assert json.loads((own_study / "answer" / "fhir.json").read_text())["resourceType"] == "Bundle"
    made = sorted((own_study / "answer" / "dicom").glob("*.dcm"))
    assert [path.name.partition("-")[0] for path in made] == ["capture", "pm", "seg", "sr"]
    shell.run(store)
    assert holds(archive, dcmread(made[0]).StudyInstanceUID)


def test_the_page_about_the_reader(folder, shell, curl):
    page, _, token, guarded, call = printed("reader.md")  # the second is run beside a node
    address = f"http://127.0.0.1:{shell.here['reader']}/"
    with shell.reader(page) as said:
        assert f"{address}\n" in said()
        assert answer_of(address)[0] == 200
        assert json.loads(shell.run(call))["state"] == "answered"
    assert said().endswith("closed\n")
    shell.run(token)
    secret = (folder / "token").read_text().strip()
    assert (folder / "token").stat().st_mode & 0o777 == 0o600
    with shell.reader(guarded) as said:
        assert f"{address}#token={secret}\n" in said()
        asked = [("reader.example", ""), ("reader.example", f"Bearer {secret}"), ("other.example", f"Bearer {secret}")]
        answered = [answer_of(f"{address}api/cases", Host=host, Authorization=words)[0] for host, words in asked]
        assert answered == [401, 200, 421]
