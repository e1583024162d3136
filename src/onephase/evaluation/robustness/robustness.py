"""From a bundle and a cohort to what each change does: draw cases, answer them under every change, compare."""

from collections.abc import Sequence
from pathlib import Path

import onephase
from onephase.cohort.records import Record
from onephase.evaluation.drawn_cases import draw_cases
from onephase.evaluation.robustness.changes import all_changes
from onephase.evaluation.robustness.findings import Robustness, robustness_of
from onephase.evaluation.robustness.probing import Probing, probe_cohort
from onephase.inference.bundle import load_bundle
from onephase.progress import Progress, silent
from onephase.work.workers import Workers


def measure_robustness(  # noqa: PLR0913 - each is a choice of whoever asks
    bundle: Path,
    records: Sequence[Record],
    *,
    out: Path,
    cases: int,
    seed: int = 1,
    workers: Workers = 1,
    progress: Progress = silent,
) -> Robustness:
    """Return how far a bundle's answers move under every change, and what it costs.

    Args:
        bundle: Folder of the bundle.
        records: The cohort, its files where the records say.
        out: Folder for one small file a case, by which a broken run goes on.
        cases: At most so many cases are tried.
        seed: Of the draw of cases and of every change.
        workers: Who works.
        progress: Told after each case.

    Raises:
        CohortError: If the bundle has learned from every patient.
        WorkerError: If a worker was killed.
        BundleError: If the bundle is broken.
        StorageError: If a file cannot be written.
    """
    opened, changes = load_bundle(bundle), all_changes()
    drawn = draw_cases(opened, records, cases=cases, seed=seed)
    probing = Probing(bundle, opened.identity, out, changes, seed)
    probed = probe_cohort(probing, drawn, workers=workers, progress=progress)
    facts = {"onephase": onephase.__version__, "seed": seed, "cases asked for": cases}
    policy = opened.settings.subtype_policy
    return robustness_of(probed, changes, bundle=opened.identity, policy=policy, facts=facts)
