from onephase.evaluation.contestants import rivals
from onephase.evaluation.pages.findings import IN_COLOUR, in_colour
from onephase.evaluation.predictions import ORACLE, PRIOR
from onephase.reports.style import SERIES_COLOURS

PAPER = ["onephase", "onephase, 3 seeds", "couplings off", "attention off", "one scale", "radiomics, ridge", "geometry"]


def test_rivals_and_the_ceiling_are_drawn_before_ablations() -> None:
    names = [*PAPER, "descriptors, ridge", "prior", "oracle"]
    drawn = in_colour(names, "onephase, 3 seeds")
    assert drawn == ("onephase, 3 seeds", "oracle", "descriptors, ridge", "radiomics, ridge", "geometry", "prior")


def test_colours_that_are_left_go_to_the_others_in_their_order() -> None:
    assert in_colour(["onephase", "couplings off", "prior"], "onephase") == ("onephase", "prior", "couplings off")
    assert len(in_colour(PAPER, "onephase")) == len(SERIES_COLOURS)


def test_whom_a_figure_draws_first_are_contestants() -> None:
    assert set(IN_COLOUR) - {ORACLE, PRIOR} <= set(rivals(()))
