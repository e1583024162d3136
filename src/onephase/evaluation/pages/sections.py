"""The parts of the study's page, in the order of reading: each has figures, sentences and tables."""

from onephase.evaluation.pages.characteristics import characteristics_table
from onephase.evaluation.pages.checklist import checklist_of, checklist_table
from onephase.evaluation.pages.document import Section
from onephase.evaluation.pages.findings import (
    calibration_finding,
    ki67_findings,
    main_contestant,
    panel_finding,
    receptor_findings,
    versus_finding,
)
from onephase.evaluation.pages.flow import flow_figure, flow_tables
from onephase.evaluation.pages.methods import methods_of
from onephase.evaluation.pages.restraint_findings import abstention_findings, conformal_findings
from onephase.evaluation.pages.study_figures import (
    abstention_figure,
    decision_figure,
    ki67_scatter,
    panel_forest,
    receptor_forest,
    reliability_figure,
)
from onephase.evaluation.pages.table import Table
from onephase.evaluation.pages.tables import tables_of
from onephase.evaluation.predictions import Predictions
from onephase.evaluation.study import Study


def sections_of(study: Study, predictions: Predictions) -> tuple[Section, ...]:
    """Return the parts of the page that have anything to show."""
    contestant = main_contestant(study.whole)
    table = {made.name: made for made in tables_of(study)}

    def tables(*names: str) -> tuple[Table, ...]:
        return tuple(made for name, made in table.items() if name.startswith(names))

    sections = (
        Section(
            "Cases",
            flow_figure(study),
            tables=(*flow_tables(study), *tables("cases"), characteristics_table(predictions)),
        ),
        Section(
            "Receptors",
            (receptor_forest(study, contestant),),
            tuple(sentence for group in study.groups for sentence in receptor_findings(group, contestant)),
            tables=tables("receptors"),
        ),
        Section(
            "The panel as a whole",
            (panel_forest(study, contestant),),
            tuple(panel_finding(group, contestant) for group in study.groups),
            tables=tables("panel"),
        ),
        Section(
            "Ki-67",
            ki67_scatter(predictions, contestant),
            tuple(sentence for group in study.groups for sentence in ki67_findings(group, contestant)),
            tables=tables("ki67"),
        ),
        Section("Subtypes", tables=tables("subtypes", "confusion")),
        Section(
            "One against another",
            sentences=tuple(versus_finding(group, one) for group in study.groups for one in group.versus),
            tables=tables("comparisons"),
        ),
        Section(
            "Calibration",
            reliability_figure(study, contestant),
            tuple(calibration_finding(group, contestant) for group in study.groups),
            tables=tables("calibration"),
        ),
        Section(
            "What acting on it would be worth", decision_figure(study, contestant), tables=tables("decision-curve")
        ),
        Section(
            "Answering only where it is sure",
            abstention_figure(study, contestant),
            abstention_findings(study.whole, contestant),
            tables=tables("abstention"),
        ),
        Section("Conformal answers", sentences=conformal_findings(study), tables=tables("conformal")),
        Section("Subgroups", tables=tables("subgroups")),
        Section("Methods, written from the stored facts", paragraphs=methods_of(study, predictions)),
        Section("Checklist", tables=(checklist_table(checklist_of(study, predictions)),)),
    )
    return tuple(one for one in sections if one.says_something)
