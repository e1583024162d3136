from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onephase.biomarkers.intervals import Interval, read_interval
from onephase.errors import EvidenceError

HUNDRED = Decimal(100)


@pytest.mark.parametrize(
    ("text", "start", "stop"),
    [
        ("18", "18", "19"),
        ("18.0", "18.0", "18.1"),
        ("18.25", "18.25", "18.26"),
        ("0", "0", "1"),
        ("99", "99", "100"),
        ("100", "99", "100"),
        ("100.0", "99.9", "100"),
        ("99.95", "99.95", "99.96"),
        (">=20", "20", "100"),
        (">= 20.5", "20.5", "100"),
        (">=100", "99", "100"),
        (">20", "20", "100"),
        ("<14", "0", "14"),
        ("<=14", "0", "15"),
        ("<=14.0", "0", "14.1"),
        ("10-15", "10", "16"),
        ("10% - 15", "10", "16"),
        ("10 to 15.5", "10", "15.6"),
        ("90-100", "90", "100"),
    ],
)
def test_readings(text, start, stop):
    assert read_interval(text, top=HUNDRED) == Interval(Decimal(start), Decimal(stop))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("101", "beyond the scale, which ends at 100"),
        ("50-101", "beyond the scale"),
        ("15-10", "runs the wrong way, from 15 to 10"),
        ("15-15", "runs the wrong way"),
        (">100", "holds no value"),
        ("<0", "holds no value"),
        ("1e1", "is no reading"),
        ("-5", "is no reading"),
        ("18,5", "is no reading"),
        ("٣", "is no reading"),
        ("", "is no reading"),
    ],
)
def test_what_is_no_reading_is_refused(text, message):
    with pytest.raises(EvidenceError, match=message):
        read_interval(text, top=HUNDRED)


@given(reading=st.decimals(0, 100, places=1), cut=st.sampled_from([Decimal(1), Decimal(14), Decimal(20)]))
def test_a_reading_falls_on_its_own_side_of_a_cut(reading, cut):
    assert read_interval(str(reading), top=HUNDRED).sides_of(cut) == {reading >= cut}


@given(reading=st.integers(0, 99))
def test_whole_readings_part_the_scale(reading):
    here, following = (read_interval(str(reading + more), top=HUNDRED) for more in (0, 1))
    assert here.stop == following.start or reading == 99
    assert not here.meets(following) or reading == 99
