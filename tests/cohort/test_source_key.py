"""What a patch was made from: also how the program outlines, where it does."""

from pathlib import Path

import pytest

from onephase.biomarkers.panel import Events
from onephase.cohort import source_key as room
from onephase.cohort.records import Record
from onephase.imaging.case import SeedPoint


@pytest.mark.parametrize("given", ["mask", "seed"])
def test_a_box_or_seed_is_outlined_anew_when_the_recipe_has_changed(given: str, tmp_path: Path, monkeypatch) -> None:
    for name in ("image", "mask"):
        (tmp_path / name).write_text(name)
    region = {"mask": tmp_path / "mask"} if given == "mask" else {"seed": SeedPoint(1.0, 2.0, 3.0)}
    record = Record(case_id="c", patient_id="p", image=tmp_path / "image", events=Events.unknown(1), **region)
    before = room.source_key(record)
    assert before == room.source_key(record)
    monkeypatch.setattr(room, "AT_SEED", "another recipe")
    assert (room.source_key(record) == before) == (given == "mask")
