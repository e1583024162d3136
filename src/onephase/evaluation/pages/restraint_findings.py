"""What abstention and conformal answers amount to in words, with interval and n."""

from onephase.evaluation.pages.restraint_tables import title_of
from onephase.evaluation.scoring.abstention_scores import KI67
from onephase.evaluation.study import Group, Study
from onephase.statistics.conformal import fewest_calibrating

HALF = 0.5
NOTHING_TO_CALIBRATE = (
    "There are none: beside these predictions no answers to validation cases are stored, so nothing could calibrate "
    "them."
)


def abstention_findings(group: Group, contestant: str) -> tuple[str, ...]:
    """Return a sentence on each question: the error over all answers, and over the surest half."""
    sentences = []
    for one in group.scores[contestant].abstention:
        risk = dict(one.curve.points)
        if not risk:
            continue
        digits = 1 if one.target == KI67 else 3
        error = "mean absolute error in points" if one.target == KI67 else "share of wrong answers"
        name = f"{group.name}, {title_of(one.target)}: the {error} of {contestant} over all answers"
        whole = risk[1.0].sentence(name, digits=digits).removesuffix(".")
        sentences.append(f"{whole}, over the surest half {risk[HALF].text(digits=digits)}.")
    return tuple(sentences)


def conformal_findings(study: Study) -> tuple[str, ...]:
    """Return a sentence on each question: the coverage obtained beside that promised; or why there is none."""
    if not study.conformal:
        return (NOTHING_TO_CALIBRATE,)
    sentences = []
    for one in study.conformal:
        sentence = (
            f"{title_of(one.target)}: of {one.coverage.n} answers that promised {one.level:g}, "
            f"{one.coverage.text(digits=2)} held the truth."
        )
        fewest = fewest_calibrating(one.level)
        if one.calibrated_on < fewest:
            sentence += (
                f" Where fewer than {fewest} cases calibrate, as here {one.calibrated_on}, answers allow everything."
            )
        elif one.coverage.high is not None and one.coverage.high < one.level:
            sentence += " The promise was not kept."
        sentences.append(sentence)
    return tuple(sentences)
