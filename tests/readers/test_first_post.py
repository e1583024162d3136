import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from onephase.readers.first_post import enhancing_level, first_post_by_headers, first_post_by_signal
from onephase.readers.scan import PhaseFacts
from onephase.readers.series_names import is_post, is_pre, words_of


def named(*names: str) -> list[PhaseFacts]:
    return [PhaseFacts(name=name, words=words_of(name)) for name in names]


def timed(*starts: float, bolus: float | None = None) -> list[PhaseFacts]:
    return [PhaseFacts(start_s=start, bolus_s=bolus) for start in starts]


@pytest.mark.parametrize(
    ("names", "index", "reason"),
    [
        (["ax dyn pre", "Ph1ax dyn 1st pass", "Ph2ax dyn 2nd pass"], 1, "follows the series that is named pre"),
        (["AX Sen Vibrant MASK", *["AX Sen Vibrant MultiPhase"] * 5], 1, "follows the series that is named pre"),
        (["Pre", "Post_1", "Post_2"], 1, "follows the series that is named pre"),
        (["T1 dyn A", "post_1", "post_2"], 1, "is named the first post-contrast one"),
        (["t1 +C early", "t1 +C late"], 0, "which are all named post-contrast"),
    ],
)
def test_names_tell_the_first_post_contrast_phase(names: list[str], index: int, reason: str):
    found = first_post_by_headers(named(*names))
    assert found is not None
    assert found.index == index
    assert found.certain
    assert reason in found.reason


def test_names_that_say_nothing_or_nonsense_decide_nothing():
    assert first_post_by_headers(named("dyn", "dyn", "dyn")) is None
    assert first_post_by_headers(named("pre", "dyn", "pre")) is None
    assert first_post_by_headers(named("post", "post")) is None


def test_contrast_agents_tell_it():
    found = first_post_by_headers(
        [PhaseFacts(), PhaseFacts(), PhaseFacts(contrast_agent="Gd"), PhaseFacts(contrast_agent="Gd")]
    )
    assert found is not None
    assert (found.index, found.certain) == (2, True)
    assert "first with a contrast agent" in found.reason
    assert first_post_by_headers([PhaseFacts(contrast_agent="Gd")] * 3) is None


def test_the_recorded_injection_tells_it():
    found = first_post_by_headers(timed(0.0, 100.0, 200.0, bolus=90.0))
    assert found is not None
    assert (found.index, found.certain) == (1, True)
    assert first_post_by_headers(timed(0.0, 100.0, bolus=500.0)) is None


def test_a_pause_before_the_second_phase_tells_it_only_likely():
    found = first_post_by_headers(timed(0.0, 150.0, 240.0, 330.0, 420.0))
    assert found is not None
    assert (found.index, found.certain) == (1, False)
    assert "150 s before it are a pause" in found.reason
    assert first_post_by_headers(timed(0.0, 90.0, 180.0, 270.0, 360.0)) is None
    assert first_post_by_headers(timed(0.0, 407.0, 761.0)) is None  # UCSF-BR-06: two intervals prove nothing


@pytest.mark.parametrize(
    ("levels", "index"),
    [
        ([100.0, 180.0, 190.0], 1),
        ([100.0, 101.0, 170.0, 160.0], 2),
        ([100.0, 105.0, 110.0], None),
        ([100.0, 80.0, 60.0], None),
        ([0.0, 1.0, 2.0], None),
    ],
)
def test_the_first_large_rise_of_the_signal_tells_it(levels: list[float], index: int | None):
    found = first_post_by_signal(levels)
    assert (None if found is None else found.index) == index


def test_a_second_rise_larger_than_the_first_leaves_it_open():
    assert first_post_by_signal([100.0, 130.0, 300.0]) is None


@given(gain=st.floats(1e-3, 1e3), levels=st.lists(st.floats(1, 1000), min_size=2, max_size=6))
def test_the_gain_of_the_scanner_does_not_matter(gain: float, levels: list[float]):
    rises = np.diff(levels) / np.array(levels[:-1])
    if np.abs(rises - 0.25).min() < 1e-6 or np.abs(np.subtract.outer(rises, rises) + np.eye(len(rises))).min() < 1e-6:
        return  # on the edge of the rule, rounding decides
    plain, scaled = first_post_by_signal(levels), first_post_by_signal([gain * level for level in levels])
    assert (plain is None) == (scaled is None)
    assert plain is None or scaled is None or plain.index == scaled.index


def test_the_bright_quarter_is_chosen_without_favour():
    rng = np.random.default_rng(1)
    flat = rng.normal(100, 20, size=(3, 4000))
    assert np.ptp(enhancing_level(flat)) < 5
    lesion = flat.copy()
    lesion[1:, :800] += 100
    assert first_post_by_signal(enhancing_level(lesion)).index == 1


@pytest.mark.parametrize(
    "name",
    [
        "MRI BREAST W/WO CONTRAST",
        "breast w & w/o con",
        "BREAST WITH AND WITHOUT CONTRAST",
        "WITHOUT/WITH GD",
        "BILATERAL WWO",
    ],
)
def test_with_and_without_contrast_is_said_of_the_whole_examination(name: str):
    words = words_of(name)
    assert (is_pre(words), is_post(words)) == (False, False)
    assert is_post(words_of(f"{name} t1 post 1"))
    assert is_pre(words_of(f"{name} t1 pre"))
