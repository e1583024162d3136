import json
import re
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tests.evaluation.benchmarking.conftest import EXTERNAL, INTERNAL, SETTINGS, Done, Trainer

import onephase
from onephase.cohort.lesions import events_of
from onephase.cohort.prepared import open_prepared
from onephase.errors import StorageError
from onephase.evaluation.benchmarking import benchmark_report
from onephase.evaluation.benchmarking.benchmark import Benchmark, run_benchmark
from onephase.evaluation.benchmarking.benchmark_report import seed_table, write_report
from onephase.evaluation.benchmarking.plan import Design, network_forms, plan_benchmark
from onephase.evaluation.benchmarking.pooling import pooled, stored_plan, stored_runs
from onephase.evaluation.pages.table import TITLES
from onephase.evaluation.predictions import read_predictions
from onephase.evaluation.study import study_of


def test_everything_is_made_again_from_what_is_stored(
    done: Done, trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark_report, "study_of", partial(study_of, resamples=40))
    shutil.copytree(done.benchmark.out, tmp_path / "moved")
    report = write_report(tmp_path / "moved")
    assert not trainer.runs
    assert list(report.pages) == ["internal test", "frozen external test", "2-fold adaptation"]
    for protocol, page in report.pages.items():
        text = page.read_text()
        assert "SIMULATED" in text
        assert report.studies[protocol].protocol in text
        tables = page.parent / "tables"
        (note,) = {row.split(",")[-1] for row in (tables / "summary.csv").read_text().splitlines()[1:]}
        assert re.fullmatch(r"\d+ of \d+ scored cases are simulated", note)
        assert (tables / "summary.csv").read_text() == report.summaries[protocol].to_csv(simulated=note)
        for table in (report.summaries[protocol], report.seeds[protocol]):  # a page by another policy leaves them
            assert sum("ki67_20" in column for column in table.columns) == 2
        assert (tables / "seeds.csv").read_text() == report.seeds[protocol].to_csv(simulated=note)
    overview = report.overview.read_text()
    assert "SIMULATED" in overview
    for protocol, page in report.pages.items():
        assert report.studies[protocol].protocol in overview
        assert f'<a href="{page.relative_to(tmp_path / "moved")}">All of the {protocol}</a>' in overview
    assert {one.second for one in report.studies["internal test"].whole.versus} >= {"single tasks", "core only"}
    assert [row[0] for row in report.summaries["2-fold adaptation"].rows] == ["onephase", "cohort alone", "prior"]
    assert read_predictions(tmp_path / "moved" / "internal-test").facts["seeds"] == [1, 2]
    for protocol, page in report.pages.items():  # as `onephase evaluate --stored` makes it
        again = study_of(read_predictions(page.parent), policy="ki67_20", resamples=40)
        assert again.to_json() == report.studies[protocol].to_json()
    timing = json.loads((tmp_path / "moved" / "timing.json").read_text())
    assert len(timing["runs"]) == 13
    assert timing["seconds"] == pytest.approx(sum(timing["runs"].values()))
    assert report.left == ()
    assert list(report.without.values()) == [("never takes part",), ("never takes part",), ()]
    assert "cannot teach it (docs/baselines.md says when): never takes part." in overview


def test_studies_of_an_earlier_plan_are_named(done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark_report, "study_of", partial(study_of, resamples=40))
    shutil.copytree(done.benchmark.out, tmp_path / "again")
    write_report(tmp_path / "again")
    (tmp_path / "again" / "internal-test").rename(tmp_path / "again" / "5-fold-adaptation")
    (tmp_path / "again" / "learning-curve").mkdir()
    assert [folder.name for folder in write_report(tmp_path / "again").left] == ["5-fold-adaptation", "learning-curve"]


def test_seeds_are_told_by_mean_and_range(done: Done) -> None:
    out = done.benchmark.out
    plan, _ = stored_plan(out)
    predictions, seeds = pooled(plan, "frozen external test", runs=stored_runs(out, plan), facts={})
    table = seed_table(predictions, seeds, settings=SETTINGS)
    assert [row[:2] for row in table.rows] == [("onephase", "2")]
    gains = []
    events = events_of(predictions.records)
    for posterior in seeds["onephase"].values():
        gain = posterior.log_probability(events) - predictions.posteriors["prior"].log_probability(events)
        gains.append(gain.mean())
    assert table.rows[0][-1] == f"{np.mean(gains):.3f} ({min(gains):.3f} to {max(gains):.3f})"


def test_settings_of_another_version_are_one_sentence(done: Done, tmp_path: Path) -> None:
    shutil.copytree(done.benchmark.out, tmp_path / "again")
    plan = json.loads((tmp_path / "again" / "plan.json").read_text())
    plan["settings"]["network"]["depth"] = 7
    (tmp_path / "again" / "plan.json").write_text(json.dumps(plan))
    with pytest.raises(StorageError, match=r"this version does not know \(network\.depth: .*make its pages"):
        write_report(tmp_path / "again")


def test_a_page_says_which_version_answered(done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmark_report, "study_of", partial(study_of, resamples=40))
    shutil.copytree(done.benchmark.out, tmp_path / "again")
    monkeypatch.setattr(onephase, "__version__", "99.0")
    report = write_report(tmp_path / "again")
    assert {study.facts["onephase"] for study in report.studies.values()} == {done_by(done)}


def done_by(done: Done) -> str:
    plan, _ = stored_plan(done.benchmark.out)
    (version,) = {found.facts["onephase"] for found in stored_runs(done.benchmark.out, plan).values()}
    assert version != "99.0"
    return str(version)


def test_a_folder_without_a_benchmark_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="holds no benchmark: run `onephase benchmark --out"):
        write_report(tmp_path)
    (tmp_path / "plan.json").write_text('{"parts": []}')
    with pytest.raises(StorageError, match=r"is no plan of a benchmark .*: start the benchmark again"):
        write_report(tmp_path)


def test_a_learning_curve_and_folds_of_all_cases_come_on_demand(
    folder: Path, trainer: Trainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmark_report, "study_of", partial(study_of, resamples=40))
    others = tuple(name for name in network_forms(SETTINGS.network) if name != "onephase")
    design = Design(seeds=1, other_seeds=1, folds=2, cross_validate=True, sizes=(10,), without=others)
    records = open_prepared(folder).records
    plan = plan_benchmark(records, design, network=SETTINGS.network, others=("cohort alone",), seed=1)
    run_benchmark(Benchmark(tmp_path, (folder,), SETTINGS, plan))
    report = write_report(tmp_path)
    assert list(report.apart) == [
        "internal test",
        "frozen external test",
        "2-fold adaptation",
        "2-fold cross-validation",
    ]
    assert report.studies["2-fold cross-validation"].whole.flow.cases == INTERNAL + EXTERNAL
    (curve,) = report.curve
    assert curve.columns == ("Figure", "Contestant", "10 cases", "20 cases", "n")
    er = next(row for row in curve.rows if row[:2] == (TITLES["er"], "onephase"))
    for place, protocol in ((2, "learned from 10"), (3, "internal test")):
        assert er[place] == report.studies[protocol].whole.scores["onephase"].receptor("er").auc.text(digits=3)
    learned = [list(splits.values()).count("train") for _, splits in trainer.runs]
    assert learned.count(10) == 1
    assert (tmp_path / "learning-curve" / "tables" / "learning-curve.csv").read_text().splitlines()[0] == (
        f"{curve.to_csv().splitlines()[0]},simulated"
    )
    assert "SIMULATED" in (tmp_path / "learning-curve" / "figures" / "learning-curve.svg").read_text()
    overview = report.overview.read_text()
    assert "Learning curve" in overview
    assert overview.count("learned-from-10/evaluation.html") == 1
