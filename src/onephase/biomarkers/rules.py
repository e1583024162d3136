"""What each column of pathology accepts, what it means, and where that is written.

The table of texts in ``docs/evidence.md`` cites the same sources by the same keys; a test holds the
two together and runs every row.
"""

from dataclasses import dataclass
from typing import Final

SOURCES: Final[dict[str, str]] = {
    "ASCO/CAP 2020": "Allison et al., J Clin Oncol 38:1346 (2020), doi 10.1200/JCO.19.02309: ER and PR testing",
    "ASCO/CAP 2023": "Wolff et al., J Clin Oncol 41:3867 (2023), affirming the HER2 guideline of 2018 (36:2105)",
    "HER2 ISH table": "PMC9771736 (2022), table 2: HER2 by in situ hybridisation, single and dual probe",
    "CAP template": (
        "Fitzgibbons et al., Arch Pathol Lab Med 138:595 (2014), read as medicalcriteria.com/web/allred gives it: "
        "Allred 0 and 2 negative, 3 to 8 positive; the H-score as the sum of percentage times intensity"
    ),
    "NAACCR SSDI": "NAACCR site-specific data item, ER (Estrogen Receptor) Total Allred Score: its proportion scores",
    "HER2 ultralow": "J Pathol Transl Med 2026, doi 10.4132/jptm.2025.10.22: ultralow found by re-reading HER2-zero",
    "St Gallen": "St Gallen 2017, as in PMC6246241: hormone receptor positive is ER and/or PR of at least 1 %",
    "Maisonneuve 2014": "Maisonneuve et al. (2014), n = 9,415: PR of at least 20 % within Ki-67 14 to below 20 %",
    "Table": "our cohort table: a bare 0, 1, 0.0 or 1.0 is a status, percentages need %, scores + or their name",
    "Reading": "our convention: a reading stands for itself to below its next step; a range holds its last reading",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of evidence.

    Attributes:
        columns: Columns of the cohort table that it reads.
        form: How the text looks.
        meaning: The event that it becomes.
        source: A key of :data:`SOURCES`.
    """

    columns: tuple[str, ...]
    form: str
    meaning: str
    source: str


STEROID: Final = ("er", "pr")
EVERY: Final = ("er", "pr", "her2", "hr")

RULES: Final = (
    Rule((*EVERY, "ki67"), "empty", "everything: nothing is known", "Table"),
    Rule(EVERY, "0, 1, 0.0, 1.0", "the status", "Table"),
    Rule(EVERY, "positive, pos, +; negative, neg, -", "the status", "Table"),
    Rule(STEROID, "95%, 1-10%, <1%", "positive from 1 %, negative below, either where 1 % is inside", "ASCO/CAP 2020"),
    Rule(("er",), "low positive", "positive (1-10 %)", "ASCO/CAP 2020"),
    Rule(("pr",), "a percentage", "and whether PR is at least 20 %, where 20 % is not inside", "Maisonneuve 2014"),
    Rule(STEROID, "Allred 5, Allred 5/8", "positive from 3, negative from 0 to 2", "CAP template"),
    Rule(("pr",), "Allred 7", "and whether PR is at least 20 %, where its proportion score tells", "NAACCR SSDI"),
    Rule(STEROID, "H-score 120", "the percentages that can give it, H/3 to H, read as a percentage", "CAP template"),
    Rule(("hr",), "positive, HR+", "ER or PR positive: six cells; negative: both negative", "St Gallen"),
    Rule(("her2",), "3+", "positive", "ASCO/CAP 2023"),
    Rule(("her2",), "IHC 0, 0+, 1+", "negative", "ASCO/CAP 2023"),
    Rule(("her2",), "2+, equivocal", "everything: ISH is required", "ASCO/CAP 2023"),
    Rule(("her2",), "2+/ISH+, 2+/FISH-, ISH+", "what ISH says; IHC 3+ with ISH negative is refused", "ASCO/CAP 2023"),
    Rule(("her2",), "2+/FISH ratio 2.3 CN 5.1, ISH group 1", "dual probe: groups 1 to 5 with IHC", "HER2 ISH table"),
    Rule(("her2",), "2+/ISH CN 6.5", "single probe: positive from 6, negative below 4, else by IHC", "HER2 ISH table"),
    Rule(("her2",), "low", "negative: IHC 1+, or 2+ with ISH negative", "ASCO/CAP 2023"),
    Rule(("her2",), "ultralow", "negative: a part of IHC 0", "HER2 ultralow"),
    Rule(("ki67",), "18, 18%, 18.5, >=20%, <14, 10-15%", "an interval of the index", "Reading"),
)

ACCEPTED: Final[dict[str, str]] = {
    "er": "positive, negative, 0, 1, a percentage with its sign (95%, 1-10%, <1%), Allred 5 or H-score 120",
    "pr": "positive, negative, 0, 1, a percentage with its sign (95%, 1-10%, <1%), Allred 5 or H-score 120",
    "her2": "positive, negative, 0, 1, low, equivocal, 0+ to 3+, 2+/ISH-, 2+/FISH ratio 2.3 CN 5.1 or 2+/ISH CN 6.5",
    "hr": "positive, negative, 0 or 1",
    "ki67": "a percentage such as 18, 18.5%, >=20%, <14 or 10-15%",
}
