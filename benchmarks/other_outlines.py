"""What an outline drawn otherwise costs: on simulated cases, by the phenotype stage and by ridge regression.

Test cases are described anew as another reader would outline them (`learning.lessons`: the surface 0.7 mm and the
place 0.5 mm off, one sd) and as the program does within a loose box. Who answers has learned from true outlines.
Everything is simulated, and the stage was taught on such outlines of the same simulator. Geometry keeps the true
outline.

    python benchmarks/other_outlines.py PREPARED TRUTH.csv --train 620 --test 1000
"""

import argparse
import zlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from known_cases import WHOLE, Part, contestants, part, print_table

from onephase.cohort.case_of import case_of
from onephase.cohort.prepared import open_prepared
from onephase.cohort.records import Record
from onephase.evaluation.scoring.ki67_scores import training_median
from onephase.imaging.case import Case, Mask
from onephase.imaging.descriptors import DESCRIPTORS
from onephase.imaging.outline import outline
from onephase.learning.lessons import Lessons, boxed, drawn_otherwise
from onephase.learning.phenotype import reading_skill, teach_phenotype
from onephase.network.phenotype import taught_stage
from onephase.settings import ImagingSettings
from onephase.simulation.truth import read_truth
from onephase.work.workers import in_order

WORKERS = 2
LOOKS: dict[str, Callable[[Case, Mask, ImagingSettings, np.random.Generator], np.ndarray]] = {
    "drawn by another reader": drawn_otherwise,
    "outlined by the program within a loose box": boxed,
}


def outlined_otherwise(cases: Part, look: str) -> Part:
    """The cases as their descriptors are when the outline is drawn otherwise."""
    records = [cases.cohort.records[row] for row in cases.rows]
    again = partial(look_again, look, ImagingSettings())
    return replace(cases, redrawn=np.stack(list(in_order(again, records, workers=WORKERS))))


def look_again(look: str, imaging: ImagingSettings, record: Record) -> np.ndarray:
    case = case_of(record)
    return LOOKS[look](case, outline(case), imaging, np.random.default_rng(zlib.crc32(record.case_id.encode())))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--train", type=int, default=620)
    parser.add_argument("--test", type=int, default=1000)
    chosen = parser.parse_args()

    cohort, truth = open_prepared(chosen.prepared), read_truth(chosen.truth)
    last = len(cohort.records)
    training = part(cohort, truth, np.arange(chosen.train))
    drawn = part(cohort, truth, np.arange(last - chosen.test, last))
    tested = {"outlined truly": drawn, **{look: outlined_otherwise(drawn, look) for look in LOOKS}}
    own = teach_phenotype(Lessons(training.descriptors[:, np.newaxis], training.scores), seed=1)
    shipped = taught_stage(torch.arange(len(DESCRIPTORS)))
    answers = contestants([training, *tested.values()], own=own, shipped=shipped)
    for place, (title, cases) in enumerate(tested.items()):
        skill = reading_skill(shipped, Lessons(cases.descriptors[:, np.newaxis], cases.scores))
        print(f"\n{title}: {len(cases.rows)} simulated cases; read by the stage of the package:")
        print(", ".join(f"{cue} {share:.2f}" for cue, share in skill.items()))
        print_table(
            cases,
            {name: posteriors[place] for name, posteriors in answers.items()},
            lead=WHOLE,
            median=training_median(training.events),
        )


if __name__ == "__main__":
    main()
