"""Explanations case by case: broken off they go on to the same bytes, and no others are taken for them."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK
from tests.evaluation.conftest import MeanOfImage, with_files_of_its_own

from onephase.cohort.records import Record
from onephase.cohort.table import read_cohort
from onephase.evaluation.explanations import explaining
from onephase.evaluation.explanations.explaining import (
    ANSWERS,
    MISLED,
    OWN,
    UNLEARNED,
    Explaining,
    SealedBundle,
    Turn,
    explain_case,
    explain_cases,
    networks_of,
    turns_of,
)
from onephase.evaluation.explanations.looking import Scenes
from onephase.imaging.patch import Patch
from onephase.inference.bundle import Bundle
from onephase.settings import ImagingSettings, Settings
from onephase.simulation.cohort import simulate_cohort

SETTINGS = Settings(imaging=ImagingSettings(patch_voxels=(12, 14, 16), spacing_mm=4.0))
CASES = 4


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, ...]:
    table = simulate_cohort(tmp_path_factory.mktemp("few"), cases=CASES, seed=5)
    return read_cohort(table, labelled=False).records


@pytest.fixture
def explained(toy_bundle: Callable[..., Bundle], monkeypatch: pytest.MonkeyPatch) -> list[Scenes]:
    """Networks in place of those on disk; what they were really shown is returned."""
    toy = toy_bundle(MeanOfImage(), SETTINGS)
    monkeypatch.setattr(explaining, "networks_of", lambda _: {OWN: [toy], UNLEARNED: [toy] * 2, MISLED: []})
    shown: list[Scenes] = []
    make = explaining.scenes_of

    def noted(patch: Patch, donor: Patch, *choices: Any, **more: Any) -> Scenes:
        scenes = make(patch, donor, *choices, **more)
        for scene, one in zip(scenes.descriptors[:2], (patch, donor), strict=True):
            np.testing.assert_allclose(scene, one.descriptors, rtol=1e-5)  # by the air of each one's own volume
        shown.append(scenes)
        return scenes

    monkeypatch.setattr(explaining, "scenes_of", noted)
    return shown


def _explaining(out: Path, *, seed: int = 1, seal: str = "a seal") -> Explaining:
    return Explaining(SealedBundle(Path("bundle"), seal), None, out, permutations=2, seed=seed)


def _bytes(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (out / ANSWERS).iterdir()}


def test_broken_off_in_the_middle_it_goes_on_to_the_same_bytes_and_explains_nothing_again(
    records: tuple[Record, ...], explained: list[Scenes], tmp_path: Path
) -> None:
    whole = explain_cases(_explaining(tmp_path / "whole"), records)

    def broken_off(task: str, done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explain_cases(_explaining(tmp_path / "broken"), records, progress=broken_off)
    assert len(_bytes(tmp_path / "broken")) == 2
    told: list[tuple[str, int, int]] = []
    again = explain_cases(_explaining(tmp_path / "broken"), records, progress=lambda *news: told.append(news))
    assert len(explained) == 2 * CASES
    assert _bytes(tmp_path / "broken") == _bytes(tmp_path / "whole")
    assert told[0] == ("cases", 0, CASES)
    assert told[-1] == ("cases", CASES, CASES)
    for one, other in zip(again, whole, strict=True):
        np.testing.assert_array_equal(one.networks[OWN][0].occlusion, other.networks[OWN][0].occlusion)
        assert not one.problem


def test_with_another_seed_bundle_or_donor_a_case_is_explained_anew(
    records: tuple[Record, ...], explained: list[Scenes], tmp_path: Path
) -> None:
    record, donor = records[:2]
    ask = partial_explain(tmp_path, Turn(record, (donor,)))
    ask()
    ask()
    assert len(explained) == 1
    ask(seed=2)
    assert (explained[1].image[2] != explained[0].image[2]).any()  # other surroundings were drawn
    ask(seed=2, seal="another seal")
    assert len(explained) == 3
    partial_explain(tmp_path, Turn(record, (records[2],)))(seed=2, seal="another seal")
    assert len(explained) == 4


def test_with_another_image_or_outline_a_case_is_explained_anew_and_whoever_has_tissue_from_it(
    records: tuple[Record, ...], explained: list[Scenes], tmp_path: Path
) -> None:
    first, second, third, fourth = (with_files_of_its_own(record, tmp_path / "files") for record in records)
    turns = (Turn(first, (second,)), Turn(second, (third,)), Turn(third, (first,)), Turn(fourth, (third,)))

    def explained_now() -> list[Record]:
        now = []
        for turn in turns:
            before = len(explained)
            assert not explain_case(_explaining(tmp_path), turn).problem
            now += [turn.record] * (len(explained) - before)
        return now

    assert explained_now() == [first, second, third, fourth]
    assert explained_now() == []
    noisy = SimpleITK.AdditiveGaussianNoise(SimpleITK.ReadImage(str(first.image)), 50.0, 0.0, 1)
    SimpleITK.WriteImage(noisy, str(first.image))
    assert explained_now() == [first, third]
    wider = SimpleITK.BinaryDilate(SimpleITK.ReadImage(str(third.mask)))
    SimpleITK.WriteImage(wider, str(third.mask))
    assert explained_now() == [second, third, fourth]
    assert explained_now() == []


def partial_explain(out: Path, turn: Turn) -> Callable[..., object]:
    return lambda **choices: explain_case(_explaining(out, **choices), turn)


def test_tissue_comes_from_the_first_other_that_can_be_read(
    records: tuple[Record, ...], explained: list[Scenes], tmp_path: Path
) -> None:
    record, donor, further = records[:3]
    gone = replace(donor, image=tmp_path / "gone.nii.gz")
    for donors in ((gone, further, donor), (further,)):
        assert not explain_case(_explaining(tmp_path), Turn(record, donors)).problem
    np.testing.assert_array_equal(explained[0].image, explained[1].image)
    nobody = explain_case(_explaining(tmp_path), Turn(record, (gone,)))
    assert nobody.problem == (
        f"case {record.case_id}: none of the 1 others that it could exchange tissue with can be read"
    )


def test_everyone_gives_once_and_nobody_to_herself(records: tuple[Record, ...]) -> None:
    turns = turns_of(records, seed=3)
    assert [turn.record for turn in turns] == list(records)
    assert {turn.donors[0].case_id for turn in turns} == {record.case_id for record in records}
    for turn in turns:
        assert len({turn.record.case_id, *(one.case_id for one in turn.donors)}) == CASES
    assert turns != turns_of(records, seed=4)


def test_networks_are_those_of_the_seals_and_no_two_permuted_ones_are_alike(
    toy_bundle: Callable[..., Bundle], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    bundles = {"own": toy_bundle(MeanOfImage(), SETTINGS), "misled": toy_bundle(MeanOfImage(2), SETTINGS)}
    monkeypatch.setattr(explaining, "opened_bundle", lambda folder, identity: bundles[f"{folder}{identity}"])
    monkeypatch.setattr(explaining, "randomised", lambda bundle, folder, *, rng: (bundle, folder, rng.integers(2**60)))
    asked = Explaining(SealedBundle(Path("ow"), "n"), SealedBundle(Path("mi"), "sled"), tmp_path, 3, 1)
    networks = networks_of(asked)
    assert networks[OWN] == [bundles["own"]]
    assert networks[MISLED] == [bundles["misled"]]
    assert {one[:2] for one in networks[UNLEARNED]} == {(bundles["own"], Path("ow"))}
    assert len({one[2] for one in networks[UNLEARNED]}) == 3
