"""Every alias row of the public sets, and the overlap that they hide."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onephase.cohort.identity import canonical_identity
from onephase.cohort.table import check_cohort, read_cohort, write_splits
from onephase.errors import CohortError
from onephase.settings import SplitSettings


@pytest.mark.parametrize(
    "aliases",
    [
        ("Breast_MRI_001", "DUKE_001", "duke_001", "BreastMRI001", "Breast_MRI_1", "Duke-1"),
        ("ISPY1_1001", "ISPY1-1001", "ispy1_1001", "I-SPY1 1001", "I-SPY_1_1001"),
        ("ISPY2-100899", "ISPY2_100899", "ACRIN-6698-100899", "acrin_6698_100899", "I-SPY2-100899"),
        ("ISPY2-756412", "ACRIN-6698-756412"),
        ("UCSF-BR-06", "NACT_06", "UCSF_BR_6", "nact-6"),
        ("site_007", "SITE-7", "Site 07", "site7"),
        ("TCGA-AO-A03M", "tcga_ao_a03m"),
    ],
)
def test_every_name_of_a_patient_has_one_identity(aliases: tuple[str, ...]) -> None:
    assert len({canonical_identity(alias) for alias in aliases}) == 1


def test_patients_of_different_sets_with_one_number_stay_apart() -> None:
    names = ("Breast_MRI_006", "ISPY1_6", "ISPY2_6", "NACT_06", "6", "AMBL-006", "Breast_MRI_060", "Breast_MRI_0061")
    assert len({canonical_identity(name) for name in names}) == len(names)


@given(number=st.integers(0, 10**7), zeros=st.integers(0, 3))
def test_leading_zeros_never_count_and_digits_always_do(number: int, zeros: int) -> None:
    padded = f"DUKE_{'0' * zeros}{number}"
    assert canonical_identity(padded) == canonical_identity(f"Breast_MRI_{number}")
    assert canonical_identity(padded) != canonical_identity(f"Breast_MRI_{number + 1}")


@given(name=st.text(max_size=30))
def test_an_identity_is_its_own_identity(name: str) -> None:
    assert canonical_identity(canonical_identity(name)) == canonical_identity(name)


HEADER = "case_id,patient_id,image,mask,er,her2,split"


def two_tables(write_table, duke: str, mama_mia: str):
    """Return a Duke table and a MAMA-MIA table whose first rows are of one patient, with the splits given."""
    return (
        write_table(
            HEADER,
            f"d1,Breast_MRI_001,d1.nii.gz,m1.nii.gz,1,0,{duke}",
            f"d2,Breast_MRI_002,d2.nii.gz,m2.nii.gz,0,1,{duke}",
            folder="duke",
        ),
        write_table(
            HEADER,
            f"m1,DUKE_001,n1.nii.gz,k1.nii.gz,1,0,{mama_mia}",
            f"m2,ISPY1_1001,n2.nii.gz,k2.nii.gz,0,1,{mama_mia}",
            folder="mama-mia",
        ),
    )


@pytest.mark.parametrize(
    ("duke", "mama_mia"), [("train", "test"), ("test", "train"), ("validation", "external"), ("external", "train")]
)
def test_training_on_a_patient_of_the_test_set_is_refused_by_name(write_table, duke: str, mama_mia: str) -> None:
    tables = two_tables(write_table, duke, mama_mia)
    (error,) = check_cohort(tables, SplitSettings(), headers=False).errors
    assert (error.cohort, error.case, error.column) == ("mama-mia", "m1", "patient_id")
    assert f"DUKE_001 ({mama_mia}) is Breast_MRI_001 of cohort duke ({duke}, case d1)" in error.problem
    assert "leave the patient out of one of the tables" in error.fix
    with pytest.raises(CohortError, match="DUKE_001"):
        read_cohort(*tables)


def test_a_patient_of_two_tables_in_one_split_is_said_and_drawn_together(write_table) -> None:
    tables = two_tables(write_table, "", "")
    result = check_cohort(tables, SplitSettings(), headers=False)
    assert not result.errors
    said = [problem for problem in result.warnings if problem.column == "patient_id"]
    assert [(problem.cohort, problem.problem) for problem in said] == [
        ("mama-mia", "1 patient is also in another table: DUKE_001 is Breast_MRI_001 of cohort duke (case d1)")
    ]
    splits = {record.case_id: record.split for record in result.records}
    assert splits["d1"] == splits["m1"]
    whole = next(count for count in result.counts if (count.cohort, count.split) == ("all", "all"))
    assert (whole.lesions, whole.patients) == (4, 3)


def test_splits_that_were_drawn_apart_are_refused_when_the_tables_meet(write_table) -> None:
    duke, mama_mia = two_tables(write_table, "train", "")
    mama_mia.with_name("cohort.splits.csv").write_text("case_id,split\nm1,test\nm2,test\n")
    errors = check_cohort([duke, mama_mia], SplitSettings(), headers=False).errors
    assert ["DUKE_001 (test) is Breast_MRI_001" in error.problem for error in errors] == [True]
    assert not check_cohort([mama_mia], SplitSettings(), headers=False).errors
    assert write_splits(check_cohort([duke], SplitSettings(), headers=False)) == ()


def test_the_real_names_of_the_trials_are_known(shared_data: Path) -> None:
    for name in ("ispy1", "ispy2"):
        with (shared_data / "slices" / name / "cases.csv").open(encoding="utf-8") as stream:
            identities = [canonical_identity(row["case_id"]) for row in csv.DictReader(stream)]
        assert {identity.split(" ")[0] for identity in identities} == {name}
        assert len(set(identities)) == len(identities)
