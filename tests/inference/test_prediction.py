"""The answer in its documented form."""

import json
from collections.abc import Callable
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from onephase.biomarkers.evidence import read_evidence
from onephase.imaging.case import Case
from onephase.imaging.plausible_outlines import Doubt
from onephase.inference.bundle import Bundle
from onephase.inference.predict import predict
from onephase.inference.prediction import RESEARCH_USE
from onephase.settings import SubtypePolicy

DOCS = Path(__file__).parents[2] / "docs"
SCHEMA = json.loads((DOCS / "prediction.schema.json").read_text())


@pytest.mark.parametrize("policy", ["ki67_14", "ki67_20", "maisonneuve"])
@pytest.mark.parametrize("ki67", ["", "18", ">=99%"])
def test_the_answer_follows_the_schema(
    bundle: Bundle, lesion: Callable[..., Case], policy: SubtypePolicy, ki67: str
) -> None:
    given = read_evidence(case_id="case-1", ki67=ki67) if ki67 else None
    answer = json.loads(json.dumps(predict(bundle, lesion(), given=given, policy=policy).to_json(), allow_nan=False))
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(answer, SCHEMA)
    assert answer["research_use"] == RESEARCH_USE
    for state in ("result", "image_alone", "prior"):
        reading = answer[state]
        assert sum(reading["cells"].values()) == pytest.approx(1)
        assert sum(reading["subtypes"].values()) == pytest.approx(1)
        assert sum(reading["ki67"]["density"]) == pytest.approx(1)
        widths = [part["high_percent"] - part["low_percent"] for part in reading["ki67"]["intervals"]]
        assert widths == sorted(widths)
        from_14 = sum(reading["ki67"]["density"][14:])
        assert reading["ki67"]["at_least"]["14"] == pytest.approx(from_14)


def test_every_top_level_key_is_documented() -> None:
    text = (DOCS / "prediction.md").read_text()
    assert [key for key in SCHEMA["properties"] if f"| `{key}` |" not in text] == []


def test_regions_share_the_attention_and_the_weights(bundle: Bundle, lesion: Callable[..., Case]) -> None:
    prediction = predict(bundle, lesion())
    core, rim, shell = prediction.regions
    assert (core.name, rim.name, shell.name) == ("core", "rim", "shell")
    assert [core.weights[task] for task in ("er", "pr", "her2", "ki67")] == pytest.approx([0.5, 0.4, 0.3, 0.2])
    assert core.attention_ratio is not None
    assert core.attention_ratio > 1  # the tiny network looks where it is bright
    assert core.attention_share + rim.attention_share + shell.attention_share == pytest.approx(1)
    grown_ml = 4 / 3 * np.pi * 9.0**3 / 1000  # a ball of 7 mm and 2 mm of rim about it, on voxels of 2 mm
    assert core.volume_ml + rim.volume_ml == pytest.approx(grown_ml, rel=0.15)


def test_the_spread_of_outlines_follows_the_schema(bundle: Bundle, lesion: Callable[..., Case]) -> None:
    answer = json.loads(json.dumps(predict(bundle, lesion(), doubt=Doubt(3)).to_json(), allow_nan=False))
    jsonschema.validate(answer, SCHEMA)
    assert answer["outline"]["spread"]["outlines"] == 3
    her2 = answer["outline"]["spread"]["positive"]["her2"]
    assert her2["lowest"] < answer["result"]["positive"]["her2"] < her2["highest"]
