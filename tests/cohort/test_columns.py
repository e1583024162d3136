import pytest

from onephase.cohort.columns import says_who, seems_to_tell


@pytest.mark.parametrize(
    ("column", "who"),
    [
        ("Patient's Name", True),
        ("name of patient", True),
        ("LastName", True),
        ("Surname, first name", True),
        ("Patient\u2019s first and last name", True),
        ("scanner name", False),
        ("tumour names", False),
        ("firstpost", False),
    ],
)
def test_a_column_of_names_is_known_however_it_is_called(column: str, *, who: bool) -> None:
    assert says_who(column) == who


@pytest.mark.parametrize(
    ("column", "label"),
    [
        ("ER_status", "er"),
        ("Oestrogen receptor", "er"),
        ("PgR (%)", "pr"),
        ("HER2Score", "her2"),
        ("HER 2 IHC", "her2"),
        ("HER2neu", "her2"),
        ("c-erbB-2", "her2"),
        ("HRStatus", "hr"),
        ("hormone receptor", "hr"),
        ("Ki-67 index", "ki67"),
        ("MIB1", "ki67"),
        ("HER-2", None),
        ("er", None),
        ("spread", None),
        ("HERNIA", None),
        ("primary", None),
        ("skin", None),
    ],
)
def test_the_label_that_a_name_speaks_of(column: str, label: str | None) -> None:
    """``HER-2`` and ``er`` are known columns, of which other checks speak."""
    assert seems_to_tell(column) == label
