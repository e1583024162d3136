"""Lessons and teaching: what is known in the lessons is read off other lessons."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from onephase.imaging.case import Case, Mask, Volume  # noqa: E402 - after the skip
from onephase.imaging.descriptors import DESCRIPTORS, SHARE_ABOVE_AIR, descriptors_within  # noqa: E402
from onephase.imaging.geometry import Grid  # noqa: E402
from onephase.learning import lessons as lessons_module  # noqa: E402
from onephase.learning import phenotype as teaching  # noqa: E402
from onephase.learning.lessons import (  # noqa: E402
    OTHERWISE,
    PATCHES,
    Lessons,
    _described,
    cropped,
    draw_scanner,
    drawn_otherwise,
    make_lesson,
    make_lessons,
)
from onephase.learning.phenotype import reading_skill, teach_phenotype  # noqa: E402
from onephase.network.phenotype import taught_stage  # noqa: E402
from onephase.simulation.anatomy import Examination  # noqa: E402
from onephase.simulation.phenotype import CUE_NAMES, latent_scores  # noqa: E402
from onephase.simulation.sites import SITES  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture
def lessons():
    """Lessons of which some descriptors tell the scores, one by a curve that no straight line follows."""
    rng = np.random.default_rng(1)
    scores = rng.standard_normal((400, len(CUE_NAMES))).astype(np.float32)
    descriptors = rng.standard_normal((400, len(DESCRIPTORS))).astype(np.float32)
    descriptors[:, : len(CUE_NAMES)] = 5 + 3 * scores + 0.3 * descriptors[:, : len(CUE_NAMES)]
    return Lessons(descriptors[:, np.newaxis], scores)


def test_a_lesson_depends_on_seed_and_number_alone():
    both = make_lessons(2, seed=7)
    descriptors, scores = make_lesson(7, 1)
    np.testing.assert_allclose(
        both.descriptors[1], descriptors, rtol=1e-5, atol=1e-6
    )  # BLAS sums otherwise on two cores
    np.testing.assert_array_equal(both.scores[1], scores)
    assert not np.allclose(make_lesson(8, 1)[1], scores)
    assert descriptors.shape == (2, len(DESCRIPTORS))


@pytest.mark.parametrize("number", range(4), ids=["drawn otherwise", "in a box", "in a stack", "cut out"])
def test_every_lesson_is_seen_once_more_and_otherwise(number):
    (as_it_is, otherwise), scores = make_lesson(7, number)
    volume = DESCRIPTORS.index("log volume")
    assert (as_it_is[volume] != otherwise[volume]) == (OTHERWISE[number] is not cropped)
    assert np.isfinite(otherwise).all()
    assert make_lesson(7, number)[1] == pytest.approx(scores)


def test_an_outline_is_never_drawn_so_tight_that_nothing_is_left():
    grid = Grid.axial((9, 9, 9), (1.0, 1.0, 1.0), origin_mm=(0.0, 0.0, 0.0))
    tiny = np.zeros(grid.shape, dtype=bool)
    tiny[3:6, 3:6, 3:6] = True
    values = (np.random.default_rng(1).normal(100, 5, size=grid.shape) + 100 * tiny).astype(np.float32)
    case = Case("tiny", Volume(values, grid), Mask(tiny, grid))
    for seed in range(30):
        seen = drawn_otherwise(case, case.roi, PATCHES[0], np.random.default_rng(seed))
        assert np.isfinite(seen).all()


def test_a_lesion_that_was_cut_out_is_seen_within_its_own_outline_and_with_less_around_it():
    values = np.random.default_rng(1).normal(100, 5, size=(40, 60, 60)).astype(np.float32)
    lesion = np.zeros(values.shape, dtype=bool)
    lesion[16:24, 25:36, 24:35] = True
    values[lesion] += 100
    values[:, :5] = 0
    grid = Grid.axial(values.shape, (1.5, 1.0, 1.0), origin_mm=(0.0, 0.0, 0.0))
    mask = Mask(lesion, grid)
    case = Case("in a breast", Volume(values, grid), mask)
    seen, cut = (
        dict(zip(DESCRIPTORS, view, strict=True))
        for view in (_described(case, PATCHES[0]), cropped(case, mask, PATCHES[0], np.random.default_rng(1)))
    )
    assert cut["log volume"] == pytest.approx(seen["log volume"])
    assert cut["elongation"] == pytest.approx(seen["elongation"])
    assert seen[SHARE_ABOVE_AIR] > 0.4
    assert cut[SHARE_ABOVE_AIR] < 0.2  # the darkest tissue stands for air


def test_scores_are_those_of_what_is_shown_and_independent_of_each_other(monkeypatch):
    """Of hundreds of lessons, so without the breasts and patches for which each takes its time."""
    lesion = np.zeros((7, 8, 9), dtype=bool)
    lesion[2:5, 2:6, 3:6] = True
    shown = []

    def glanced_at(*, phenotype, **_):
        shown.append(phenotype)
        return Examination(lesion.astype(np.int16), lesion, (1.0, 1.0, 1.0))

    monkeypatch.setattr(lessons_module, "examine", glanced_at)
    monkeypatch.setattr(lessons_module, "_described", lambda *_: np.zeros(len(DESCRIPTORS), dtype=np.float32))
    scores = make_lessons(500, seed=3).scores
    np.testing.assert_allclose(latent_scores(np.array(shown)), scores, rtol=1e-5, atol=1e-5)
    assert np.abs(np.corrcoef(scores.T) - np.eye(len(CUE_NAMES))).max() < 0.2


def test_scanners_reach_as_far_as_the_hospitals():
    rng = np.random.default_rng(1)
    drawn = [draw_scanner(rng) for _ in range(300)]
    for name in ("in_plane_mm", "slice_mm", "repetition_ms", "flip_degrees", "fat_residual", "noise", "bias", "gain"):
        values = [getattr(site, name) for site in drawn]
        of_sites = [getattr(site, name) for site in SITES.values()]
        assert min(values) < 1.02 * min(of_sites), name
        assert max(values) > 0.98 * max(of_sites), name


def test_what_the_lessons_show_is_read(lessons, monkeypatch):
    monkeypatch.setattr(teaching, "FULL_SIGHT", 1.0)  # here the first descriptors tell all, whatever their regions
    monkeypatch.setattr(teaching, "EPOCHS", 10)
    stage = teach_phenotype(lessons.take(slice(300)), seed=1, width=16)
    skill = reading_skill(stage, lessons.take(slice(300, None)))
    assert min(skill.values()) > 0.6  # of 0.99 that a straight line on the right ten descriptors would read
    again = teach_phenotype(lessons.take(slice(300)), seed=1, width=16)
    torch.testing.assert_close(again.linear.weight, stage.linear.weight, rtol=0, atol=0)
    shuffled = Lessons(lessons.descriptors, lessons.scores[::-1].copy())
    assert max(reading_skill(teach_phenotype(shuffled, seed=1, width=16), lessons).values()) < 0.3


def test_the_stage_of_the_package_reads_lessons_it_was_not_taught():
    lessons = make_lessons(24, seed=99)
    everything = torch.tensor(descriptors_within(("core", "rim", "shell")))
    read = taught_stage(everything)(torch.tensor(lessons.descriptors[:, 0])).numpy()
    correlation = [np.corrcoef(read[:, cue], lessons.scores[:, cue])[0, 1] for cue in range(len(CUE_NAMES))]
    assert correlation[CUE_NAMES.index("size_mm")] > 0.9
    assert np.mean(correlation) > 0.5
