"""Per cent or code: the numbers tell, or the user does, or nothing is read."""

import pytest

from onephase.cohort.sources.percentages import percentages
from onephase.errors import CohortError


def told(*entries: str, asked: str = "") -> dict[str, str]:
    return percentages(entries, column="KI67[%]", ours="ki67", asked=asked)


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (("1", "2", "3"), "holds nothing above 3, so that it could be a code or a fraction as well as per cent"),
        (("0.05", "0.2", "0.9"), "holds nothing above 0.9"),
        (("1", "10"), "holds nothing above 10"),
        (("0.2", "40"), "holds numbers between 0 and 1 beside larger ones"),
        (("20", "low"), "holds 'low', which is no number"),
        (("20", "200"), "holds 200, which is no percentage"),
    ],
)
def test_what_could_be_a_code_is_refused(entries: tuple[str, ...], message: str) -> None:
    with pytest.raises(CohortError) as fault:
        told(*entries)
    assert message in str(fault.value)
    assert "--map ki67=percent" in str(fault.value)
    assert told(*entries, asked="none") == {}


def test_the_user_may_have_looked_it_up() -> None:
    assert told("1", "2.5", "low", asked="percent") == {"1": "1%", "2.5": "2.5%"}
    with pytest.raises(CohortError, match="which is no percentage"):
        told("200", asked="percent")
    with pytest.raises(CohortError, match="expected percent or none"):
        told("20", asked="code")


def test_per_cent_is_told_by_its_range() -> None:
    assert told("5", "20 %", "10 to 15.0", "90") == {"5": "5%", "20 %": "20%", "10 to 15.0": "10-15%", "90": "90%"}
    assert told() == {}
