"""A network of which it is known what it looks at: ER at the core's brightness, PR at the rim's, HER2 at the shell."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from onephase.cohort.prepared import PreparedCohort
from onephase.cohort.records import Record
from onephase.cohort.table import read_cohort
from onephase.errors import CohortError
from onephase.evaluation.explanations import checking, explaining, shuffled_labels
from onephase.evaluation.explanations.checked import CheckedExplanations
from onephase.evaluation.explanations.checking import check_explanations
from onephase.evaluation.explanations.explaining import MISLED, OWN, UNLEARNED, SealedBundle
from onephase.evaluation.explanations.explanation_page import document_of, write_explanations
from onephase.evaluation.explanations.shuffled_labels import shuffled, train_on_shuffled
from onephase.imaging.patches import PatchStore
from onephase.imaging.regions import memberships
from onephase.inference.bundle import Bundle
from onephase.settings import ImagingSettings, RegionSettings, Settings
from onephase.simulation.cohort import simulate_cohort

PATCH = (12, 14, 16)
SETTINGS = Settings(imaging=ImagingSettings(patch_voxels=PATCH, spacing_mm=4.0))
BUNDLE = SealedBundle(Path("bundle"), "its seal")
PERMUTATIONS = 4


class OneRegionEach:
    """A session in which each biomarker hangs on the brightness of one region; a permutation changes which."""

    def __init__(self, order: Sequence[int] = (0, 1, 2)) -> None:
        self.order = list(order)

    def run(self, names: Sequence[str], inputs: dict[str, np.ndarray]) -> list[np.ndarray]:
        image, distance = inputs["image"][:, 0], inputs["distance_mm"][:, 0]
        member = np.stack(list(memberships(distance, RegionSettings()).values()))  # (region, case, ...)
        mean = (image * member).sum(axis=(2, 3, 4)) / np.maximum(member.sum(axis=(2, 3, 4)), 1)
        cases = len(image)
        answers = {
            "unary": mean[self.order].T,
            "ki67_mu": mean[self.order[0]],
            "ki67_sigma": np.full(cases, 0.8),
            "attention": member[self.order[0]],
            "region_weights": np.tile(np.eye(3)[[*self.order, self.order[0]]], (cases, 1, 1)),
            "coupling": np.zeros(3),
            "shift": np.zeros(3),
        }
        return [answers[name].astype(np.float32) for name in names]


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> tuple[Record, ...]:
    table = simulate_cohort(tmp_path_factory.mktemp("few"), cases=8, seed=21)
    return read_cohort(table, labelled=False).records


@pytest.fixture(scope="module", autouse=True)
def _few_draws() -> Iterator[None]:
    """Draw fewer phenotypes for the truth, which has tests of its own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checking, "information_lost", partial(checking.information_lost, cases=500))
        patch.setattr(checking, "PERMUTATIONS", PERMUTATIONS)
        yield


@pytest.fixture(scope="module")
def networks(toy_bundle: Callable[..., Bundle]) -> dict[str, list[Bundle]]:
    """What stands for a bundle on disk, for it with its weights permuted, and for one taught by shuffled labels."""
    draws = [np.random.default_rng([1, 1, draw]).permutation(3) for draw in range(PERMUTATIONS)]
    orders = {OWN: [(0, 1, 2)], UNLEARNED: draws, MISLED: [(1, 2, 0)]}
    return {name: [toy_bundle(OneRegionEach(order), SETTINGS) for order in some] for name, some in orders.items()}


@pytest.fixture
def _networks(networks: dict[str, list[Bundle]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explaining, "networks_of", lambda _: networks)


@pytest.fixture(scope="module")
def told(
    records: tuple[Record, ...], networks: dict[str, list[Bundle]], tmp_path_factory: pytest.TempPathFactory
) -> CheckedExplanations:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(explaining, "networks_of", lambda _: networks)
        return check_explanations(BUNDLE, records, out=tmp_path_factory.mktemp("out"), shuffled=BUNDLE, resamples=60)


def test_each_explanation_finds_the_region_that_the_network_looks_at(told: CheckedExplanations) -> None:
    for name in ("region weights", "occlusion by surroundings", "exchange with another lesion"):
        figures = told.kinds[name].figures
        first = {task: max(own, key=lambda region, own=own: own[region].value) for task, own in figures.items()}
        assert first == {"er": "core", "pr": "rim", "her2": "shell", "ki67": "core"}, name
    attention = told.kinds["attention"].figures["er"]
    assert attention["core"].value > 1 > attention["shell"].value


def test_what_a_task_looks_at_travels_with_its_region_and_nothing_else_does(told: CheckedExplanations) -> None:
    for task, region in (("er", "core"), ("pr", "rim"), ("her2", "shell")):
        own = told.transfer[task]
        others = [own[other].value for other in own if other != region]
        assert 0.5 < own[region].value < 1.3  # at 4 mm a voxel, soft edges share a good part
        assert own[region].value > 2 * np.abs(others).max()


def test_explanations_that_change_with_the_network_hold(told: CheckedExplanations) -> None:
    assert told.kinds["region weights"].sanity.shuffled_labels.value < 0
    assert not told.kinds["occlusion by surroundings"].sanity.shuffled_labels.high >= 0.5


def test_attention_is_told_in_millimetres(told: CheckedExplanations) -> None:
    by_depth = {depth: one.value for depth, one in told.profile}
    assert by_depth[-3.5] > 0.9
    assert by_depth[0.5] == 0.0


def test_the_page_says_simulated_what_holds_and_what_is_true(told: CheckedExplanations, tmp_path: Path) -> None:
    page = write_explanations(tmp_path, told).read_text()
    assert "8 of 8 scored cases are simulated" in page
    assert "Region weights: depends on what was learned" in page
    assert "Where the truth lies" in page
    tables = {path.stem: path.read_text() for path in (tmp_path / "tables").iterdir()}
    assert set(tables) == {"sanity", "agreement", "truth", "transfer", "explanations", "attention-profile"}
    assert page.count("8 cases") >= 4  # beside every table
    rows = [line.split(",") for line in tables["attention-profile"].splitlines()[1:]]
    assert [(float(depth), int(n)) for depth, _, n, *_ in rows] == [(depth, one.n) for depth, one in told.profile]
    assert "of each lesion&#39;s strongest voxel (n = " in page


def test_of_real_cases_no_truth_is_claimed(
    records: tuple[Record, ...], networks: dict[str, list[Bundle]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(explaining, "networks_of", lambda _: {**networks, UNLEARNED: networks[OWN] * 3, MISLED: []})
    real = [replace(record, provenance="real") for record in records[:3]]
    found = check_explanations(BUNDLE, real, out=tmp_path, resamples=20)
    assert found.truth is None
    page = document_of(found).to_html()
    assert "SIMULATED" not in page
    assert "the truth lies" not in page
    assert "means nothing" in page  # for the same network is no other


@pytest.mark.usefixtures("_networks")
def test_cases_that_cannot_be_read_are_said_and_too_few_are_refused(
    records: tuple[Record, ...], tmp_path: Path
) -> None:
    gone = [replace(record, image=tmp_path / "gone.nii.gz") for record in records[:4]]
    found = check_explanations(BUNDLE, [gone[0], *records[4:]], out=tmp_path, resamples=20)
    assert found.cases == 4
    assert len(found.problems) == 1
    assert found.problems[0].startswith(f"case {records[0].case_id}")
    with pytest.raises(
        CohortError, match=r"at least 2 patients, 0 of 3 can be explained \(case .*gone.nii.gz.*\): name more"
    ):
        check_explanations(BUNDLE, [*gone[1:3], records[5]], out=tmp_path)


def test_shuffled_labels_are_the_same_labels_on_other_patients_of_the_same_split(records: tuple[Record, ...]) -> None:
    parts = ("train", "validation", "test")
    split = [replace(record, split=parts[row % 3 if row < 7 else 0]) for row, record in enumerate(records)]
    mixed = shuffled(split, rng=np.random.default_rng(4))
    assert [one.case_id for one in mixed] == [one.case_id for one in split]
    assert any(one.events is not other.events for one, other in zip(mixed, split, strict=True))
    for part in parts[:2]:
        assert {id(one.events) for one in mixed if one.split == part} == {
            id(one.events) for one in split if one.split == part
        }
    assert all(one.events is other.events for one, other in zip(mixed, split, strict=True) if one.split == "test")


def test_a_shuffled_network_learns_from_whom_the_bundle_has_learned(
    records: tuple[Record, ...], toy_bundle: Callable[..., Bundle], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever splits the table has now."""
    split_of = {record.case_id: split for record, split in zip(records, ["train"] * 5 + ["validation"], strict=False)}
    bundle = replace(toy_bundle(OneRegionEach(), SETTINGS), split=split_of)
    table = tuple(replace(record, split="test") for record in records)
    taught: list[PreparedCohort] = []

    def train(cohorts: Sequence[PreparedCohort], settings: Settings, *, out: Path, **_: object) -> Path:
        taught.extend(cohorts)
        return out

    monkeypatch.setattr("onephase.learning.train.train", train)
    monkeypatch.setattr(shuffled_labels, "identity_of", lambda _: "its seal")
    store = PatchStore.__new__(PatchStore)
    train_on_shuffled(bundle, [PreparedCohort(store, table)], out=tmp_path / "misled", seed=1)
    assert [record.split for record in taught[0].records] == ["train"] * 5 + ["validation", "", ""]
    with pytest.raises(CohortError, match=r"2 of the 6 cases that the bundle has learned from are in none of the fold"):
        train_on_shuffled(bundle, [PreparedCohort(store, table[2:])], out=tmp_path / "misled", seed=1)
