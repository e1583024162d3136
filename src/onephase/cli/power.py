"""``onephase power``: how many cases a study needs, before it is done."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from onephase.cli.options import AsJson, refuse_idle
from onephase.cli.terminal import say, say_json, say_table

if TYPE_CHECKING:
    from onephase.evaluation.pilot import FigureName
    from onephase.statistics.power import PowerAt

PILOT_FACTORS = (0.5, 1, 2, 4, 8)
CHANCE, CORRELATION, POSITIVE = 0.5, 0.5, 0.5
FIGURE, PAIR, SEED = "panel", ("onephase", "prior"), 1
PLAN_FACTORS = (0.5, 0.75, 1, 1.5, 2)


def power(  # noqa: PLR0913 - one parameter for each option
    *,
    auc: Annotated[float | None, typer.Option(help="Expected AUC.", show_default=False)] = None,
    against: Annotated[
        float | None, typer.Option(help="With --auc: the value it shall be told from.", show_default=str(CHANCE))
    ] = None,
    rival: Annotated[
        float | None, typer.Option(help="With --auc: expected AUC of a rival on the same cases.", show_default=False)
    ] = None,
    correlation: Annotated[
        float | None,
        typer.Option(help="With --rival: correlation of the two estimated AUCs.", show_default=str(CORRELATION)),
    ] = None,
    positive: Annotated[
        float | None, typer.Option(help="With --auc: share of positive cases.", show_default=str(POSITIVE))
    ] = None,
    mae_gain: Annotated[
        float | None, typer.Option(help="Points by which a mean absolute Ki-67 error shrinks.", show_default=False)
    ] = None,
    sd: Annotated[
        float | None,
        typer.Option(help="With --mae-gain: sd from case to case of the difference of errors.", show_default=False),
    ] = None,
    pilot: Annotated[
        Path | None, typer.Option(help="Folder of `onephase evaluate`: its patients are redrawn.", show_default=False)
    ] = None,
    figure: Annotated[
        str | None, typer.Option(help="With --pilot: er, pr, her2, hr, ki67, subtype or panel.", show_default=FIGURE)
    ] = None,
    first: Annotated[
        str | None, typer.Option(help="With --pilot: the contestant that shall be better.", show_default=PAIR[0])
    ] = None,
    second: Annotated[
        str | None, typer.Option(help="With --pilot: its rival, such as prior or geometry.", show_default=PAIR[1])
    ] = None,
    cases: Annotated[
        list[int] | None, typer.Option("--cases", "-n", min=4, help="Say the power of so many.", show_default=False)
    ] = None,
    wanted: Annotated[float, typer.Option("--power", min=0.01, max=0.999, help="Power that is wanted.")] = 0.8,
    alpha: Annotated[float, typer.Option(min=1e-6, max=0.5, help="Size of the two-sided test.")] = 0.05,
    seed: Annotated[
        int | None, typer.Option(min=0, help="With --pilot: seed of the redrawing.", show_default=str(SEED))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say how many cases are needed to see a difference of a given size.

    Power is the chance that a study of that many cases finds a difference that is really there. Cases
    count only where pathology decides the figure: if one record in five lacks HER2, plan a quarter more.

    Is HER2 told better than by chance?  onephase power --auc 0.65 --against 0.5 --positive 0.2

    Is one model better than another?  onephase power --auc 0.75 --rival 0.70 --correlation 0.6

    Is Ki-67 nearer by 1.5 points?  onephase power --mae-gain 1.5 --sd 9

    And from a study that is at hand, with nothing assumed:  onephase power --pilot evaluation --figure her2
    --second geometry. A pilot's difference is itself uncertain: where chance has flattered it, more cases are
    needed than it says.
    """
    if sum(choice is not None for choice in (auc, mae_gain, pilot)) != 1:
        message = "choose one of --auc, --mae-gain and --pilot"
        raise typer.BadParameter(message)
    refuse_idle({"--against": against, "--rival": rival, "--positive": positive}, beside="--auc", given=auc)
    refuse_idle({"--correlation": correlation}, beside="--rival", given=rival)
    refuse_idle({"--sd": sd}, beside="--mae-gain", given=mae_gain)
    redrawn = {"--figure": figure, "--first": first, "--second": second, "--seed": seed}
    refuse_idle(redrawn, beside="--pilot", given=pilot)
    if rival is not None and against is not None:
        message = "--rival and --against are two questions: is it told from a rival, or from a value; ask one at a time"
        raise typer.BadParameter(message)
    aim = _Aim(wanted, alpha, tuple(cases or ()))
    if pilot is not None:
        pair = first or PAIR[0], second or PAIR[1]
        answer = _of_pilot(pilot, figure or FIGURE, pair, aim, seed=SEED if seed is None else seed)
    elif mae_gain is not None:
        answer = _of_mae(mae_gain, sd, aim)
    else:
        share = POSITIVE if positive is None else positive
        if rival is None:
            asked = {"against": CHANCE if against is None else against}
        else:
            asked = {"rival": rival, "correlation": CORRELATION if correlation is None else correlation}
        answer = _of_auc({"auc": cast("float", auc), **asked, "positive_share": share}, aim)
    if as_json:
        say_json(answer)
    else:
        _say(answer)


@dataclass(frozen=True, slots=True)
class _Aim:
    """What a plan shall reach, a power at a size of the test, and the numbers of cases that were named, if any."""

    power: float
    alpha: float
    sizes: tuple[int, ...]


def _of_auc(assumed: dict[str, float], aim: _Aim) -> dict[str, Any]:
    from onephase.statistics.power import auc_difference_power, auc_power

    paired = "rival" in assumed
    try:
        plan = (auc_difference_power if paired else auc_power)(**assumed, alpha=aim.alpha)
    except ValueError as fault:
        raise typer.BadParameter(str(fault)) from None
    if paired:
        question = f"an AUC of {assumed['auc']:g} is told from a rival's of {assumed['rival']:g} on the same cases"
    else:
        question = f"an AUC of {assumed['auc']:g} is told from {assumed['against']:g}"
    return _planned(question, assumed, plan, aim)


def _of_mae(gain: float, sd: float | None, aim: _Aim) -> dict[str, Any]:
    from onephase.statistics.power import mean_difference_power

    if sd is None:
        message = "--mae-gain needs --sd, the spread of the difference of errors; a pilot tells it, or use --pilot"
        raise typer.BadParameter(message)
    try:
        plan = mean_difference_power(gain, sd=sd, alpha=aim.alpha)
    except ValueError as fault:
        raise typer.BadParameter(str(fault)) from None
    question = f"a mean absolute error smaller by {gain:g} points is told from none on the same cases"
    return _planned(question, {"mae_gain": gain, "sd": sd}, plan, aim)


def _planned(question: str, assumed: dict[str, float], plan: "PowerAt", aim: _Aim) -> dict[str, Any]:
    from onephase.statistics.power import FEWEST_CASES, cases_needed

    needed = cases_needed(plan, power=aim.power)
    around = [] if needed is None else [max(FEWEST_CASES, round(factor * needed)) for factor in PLAN_FACTORS]
    return {
        "question": question,
        "assumed": assumed,
        "alpha": aim.alpha,
        "power": aim.power,
        "cases_needed": needed,
        "points": [{"cases": size, "power": plan(size)} for size in aim.sizes or sorted(set(around))],
    }


def _of_pilot(folder: Path, figure: str, contestants: tuple[str, str], aim: _Aim, *, seed: int) -> dict[str, Any]:
    import numpy as np

    from onephase.evaluation.pilot import FIGURES, pilot_power
    from onephase.evaluation.predictions import read_predictions

    if figure not in FIGURES:
        message = f"--figure must be one of {', '.join(FIGURES)}, got {figure!r}"
        raise typer.BadParameter(message)
    predictions = read_predictions(folder)
    whole = len(predictions.index_lesions())
    found = pilot_power(
        predictions,
        cast("FigureName", figure),
        contestants=contestants,
        sizes=aim.sizes or [max(4, round(factor * whole)) for factor in PILOT_FACTORS],
        rng=np.random.default_rng(seed),
        alpha=aim.alpha,
    )
    simulated = sum(record.provenance == "simulated" for record in predictions.records)
    return {
        "question": f"{contestants[0]} is told to be better than {contestants[1]} in {figure} ({found.test})",
        "assumed": {"pilot_cases": found.gain.n, "simulated_lesions": simulated, "seed": seed},
        "gain": found.gain.to_json(),
        "unit": found.unit,
        "alpha": aim.alpha,
        "power": aim.power,
        "cases_needed": found.enough(aim.power),
        "points": found.to_json()["points"],
    }


def _say(answer: dict[str, Any]) -> None:
    if answer["assumed"].get("simulated_lesions"):
        say("SIMULATED: the pilot's cases are simulated, and so is what follows.")
    needed, redrawn = answer["cases_needed"], "pilot_cases" in answer["assumed"]
    none = f"No number {'listed' if redrawn else 'up to ten million'} is"
    fewest = f"{needed} cases that decide the figure are{', the fewest listed,' if redrawn else ''}"
    enough = none if needed is None else fewest
    say(f"{enough} enough for a power of {answer['power']:g}, two-sided alpha {answer['alpha']:g}, that")
    say(f"{answer['question']}.")
    say("Assumed: " + ", ".join(f"{name} {value:g}" for name, value in answer["assumed"].items()) + ".")
    if "gain" in answer:
        from onephase.statistics.estimate import Estimate

        say(Estimate.from_json(answer["gain"]).sentence(f"In the pilot, taken for true, the gain in {answer['unit']}"))
    rows = [[str(point["cases"]), _power_text(point["power"])] for point in answer["points"]]
    if rows:
        say_table("Power", ["Cases", "Power"], rows)


def _power_text(power: float | dict[str, Any]) -> str:
    if isinstance(power, float):
        return f"{power:.3f}"
    from onephase.statistics.estimate import Estimate

    return Estimate.from_json(power).text()
