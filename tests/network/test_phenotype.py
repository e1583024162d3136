"""The phenotype stage: what travels with the package, and what is refused."""

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from onephase.errors import TrainingError  # noqa: E402 - after the skip
from onephase.imaging.descriptors import DESCRIPTORS, descriptors_within  # noqa: E402
from onephase.network import phenotype  # noqa: E402
from onephase.network.phenotype import (  # noqa: E402
    PhenotypeStage,
    read_stage,
    taught_stage,
    teaching_facts,
    write_stage,
)
from onephase.network.start_terms import facts_of  # noqa: E402
from onephase.settings import NetworkSettings  # noqa: E402
from onephase.simulation.phenotype import CUE_NAMES  # noqa: E402
from onephase.simulation.version import source_sha256  # noqa: E402

pytestmark = pytest.mark.torch
EVERYTHING = torch.arange(len(DESCRIPTORS))


def test_the_stage_of_the_package_was_taught_on_this_simulator():
    facts = teaching_facts()
    assert facts["provenance"] == "simulated"
    assert facts["source_sha256"] == source_sha256()
    assert set(facts["read_share_of_variance"]) == set(CUE_NAMES)
    assert min(facts["read_share_of_variance"].values()) > 0.4
    stage = taught_stage(EVERYTHING)
    assert not any(parameter.requires_grad for parameter in stage.parameters())
    assert stage.names == CUE_NAMES


def test_a_lesion_like_the_average_of_the_lessons_is_about_ordinary():
    stage = taught_stage(EVERYTHING)
    assert stage(stage.centre[None]).abs().max() < 1


def test_regions_that_are_not_seen_do_not_count():
    used = torch.tensor(descriptors_within(("core",)))
    stage = facts_of(NetworkSettings(regions=("core",)))
    seen = torch.randn(4, len(DESCRIPTORS), generator=torch.Generator().manual_seed(1)) * stage.scale + stage.centre
    other = seen.clone()
    unseen = torch.ones(len(DESCRIPTORS), dtype=torch.bool)
    unseen[used] = False
    other[:, unseen] += 10 * stage.scale[unseen]
    torch.testing.assert_close(stage(other), stage(seen))
    assert not torch.allclose(taught_stage(EVERYTHING)(other), taught_stage(EVERYTHING)(seen))


def test_a_wild_descriptor_does_not_run_away():
    stage = taught_stage(EVERYTHING)
    wild = stage.centre[None] + 1e6 * stage.scale
    torch.testing.assert_close(stage(wild), stage(stage.centre[None] + 5 * stage.scale))


def test_a_stage_comes_back_as_it_was_written(tmp_path):
    stage = PhenotypeStage()
    write_stage(tmp_path / "stage", stage, facts={"lessons": 3})
    weights, facts = read_stage(tmp_path / "stage")
    assert facts["lessons"] == 3
    for name, tensor in stage.state_dict().items():
        torch.testing.assert_close(weights[name], tensor, rtol=0, atol=0)


def test_a_stage_of_other_descriptors_is_refused(tmp_path, monkeypatch):
    write_stage(tmp_path / "stage", PhenotypeStage(), facts={})
    monkeypatch.setattr(phenotype, "DESCRIPTORS", DESCRIPTORS[1:])
    with pytest.raises(TrainingError, match=r"taught with other descriptors .*: run `onephase teach-phenotype`"):
        read_stage(tmp_path / "stage")


def test_what_is_no_stage_is_refused(tmp_path):
    (tmp_path / "stage").write_bytes(np.random.default_rng(0).bytes(100))
    with pytest.raises(TrainingError, match="is no phenotype stage"):
        read_stage(tmp_path / "stage")
    with pytest.raises(TrainingError, match="is no phenotype stage"):
        read_stage(tmp_path / "absent")
