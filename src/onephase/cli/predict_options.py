"""What ``predict`` refuses of its command line, before anything is opened."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import typer

UNNAMED = "unnamed"
FARTHEST_MM = 5.0
"""No outline that a program drew was measured further than 3.6 mm beside a reader's (docs/regions.md)."""

Texts = TypeVar("Texts", bound=tuple[str, ...])


def numbers(names: str) -> Callable[[Texts | None], Texts | None]:
    """Return a callback that refuses a box or a point with a word in it that is no number.

    The words stay text: an option that swallows the one behind it is to be told by its own names.

    Args:
        names: What the numbers are called, one word each.
    """

    def refuse(texts: Texts | None) -> Texts | None:
        try:
            [float(text) for text in texts or ()]
        except ValueError:
            message = f"it takes {len(names.split())} numbers, {names}, got {' '.join(texts or ())}"
            raise typer.BadParameter(message) from None
        return texts

    return refuse


def near_enough(error_mm: float | None) -> float | None:
    """Refuse outlines that lie so far apart that they are outlines of something else."""
    if error_mm is not None and not 0 <= error_mm <= FARTHEST_MM:
        message = (
            f"expected 0 to {FARTHEST_MM:g} mm, got {error_mm:g}: no outline that we measured lay further than 3.6 mm "
            "beside a reader's (docs/regions.md)"
        )
        raise typer.BadParameter(message)
    return error_mm


def fit_name(case_id: str | None) -> str | None:
    """Refuse a name of a case that a cohort table may not have either."""
    if case_id is None:
        return None
    from onephase.cohort.problems import CellError
    from onephase.cohort.rows import refuse_unfit_name  # not needed where the case has no name

    if not case_id.strip():
        message = "it is empty: choose a pseudonym, or leave the option away"
        raise typer.BadParameter(message)
    try:
        refuse_unfit_name("case_id", case_id)
    except CellError as fault:
        message = f"{case_id[:40]!r}: {fault.problem}: {fault.fix}"
        raise typer.BadParameter(message) from None
    return case_id


def refuse_regions(
    mask: Path | None, box: tuple[str, ...] | None, seed_point: tuple[str, ...] | None, *, mask_label: str
) -> None:
    """Refuse a case without a region or with several, and a label where no mask has labels."""
    if sum(region is not None for region in (mask, box, seed_point)) != 1:
        message = "outline the tumour with exactly one of --mask, --box and --seed-point; there is no lesion detection"
        raise typer.BadParameter(message)
    if mask_label and mask is None:
        message = "--mask-label is for --mask: a box or a point has no labels"
        raise typer.BadParameter(message)


def doubt_of(outlines: int | None, error_mm: float | None) -> tuple[int, float]:
    """Return over how many plausible outlines it is answered, and their error in mm: as asked, or as usual."""
    from onephase.imaging.plausible_outlines import MEASURED_MM

    return outlines or 0, MEASURED_MM if error_mm is None else error_mm


def refuse_idle_error(error_mm: float | None, outlines: int | None, *, masks_only: bool) -> None:
    """Refuse a distance between outlines where there is only one of each lesion.

    Args:
        error_mm: The distance, in millimetres; None where none was given.
        outlines: How many outlines were asked for; None for as many as usual: one from a mask, several from a box.
        masks_only: Whether every lesion has a mask.
    """
    if error_mm is not None and (outlines == 1 or (outlines is None and masks_only)):
        message = (
            "--outline-error is the distance between several outlines, and the answer is from one: add --outlines 9, "
            "or leave --outline-error away"
        )
        raise typer.BadParameter(message)


def refuse_fhir_over(fhir: Path, *, inputs: tuple[Path | None, ...], outputs: tuple[Path, ...]) -> None:
    """Refuse to write FHIR over something else that the command reads or writes, or among the files of an input.

    Args:
        fhir: The file.
        inputs: Image and mask, files or folders; None where there is none.
        outputs: What else is written, files or folders that need not exist.
    """
    whole = fhir.resolve()
    for other in (*inputs, *outputs):
        if other is None:
            continue
        taken = other.resolve()
        if taken == whole or (other in inputs and taken in whole.parents):
            does = "reads" if other in inputs else "writes"
            message = f"it would be written over {other}, which this command {does}: name another file"
            raise typer.BadParameter(message, param_hint="--fhir")
