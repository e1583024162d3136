"""What a source is, what it is asked, and what it finds: every case it saw is either used or left out with a reason."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from onephase.cohort.problems import CellError, Problem
from onephase.cohort.records import Split
from onephase.cohort.rows import refuse_unfit_name
from onephase.errors import CohortError, ImageError
from onephase.imaging.case import Box
from onephase.progress import Progress, silent

READING = "reading the set"
LONGEST_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Label:
    """What a label column of the cohort table means in a set.

    Attributes:
        column: Column of the cohort table.
        origin: Where it comes from, in the set's own words.
        meaning: What positive means there, with the cut-off; for Ki-67 the unit.
    """

    column: str
    origin: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Download:
    """What a source is asked to read.

    Attributes:
        folder: The set as it was downloaded, perhaps only a part of it.
        out: Where the cohort table will stand; repaired masks go beside it.
        choices: What the user said with ``--map``, by name.
        progress: Told of the cases read.
    """

    folder: Path
    out: Path
    choices: Mapping[str, str] = field(default_factory=dict)
    progress: Progress = silent


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesion:
    """One lesion of the set, as a row of the cohort table will say it.

    Attributes:
        case_id: Name of the row; it begins with the set, so that tables of two sets can be used together.
        patient_id: The name by which the set knows the patient.
        image: The first post-contrast volume, or a folder of DICOM that holds it.
        labels: ``er``, ``pr``, ``her2``, ``hr``, ``ki67`` as text; what is missing may be left out.
        phase: Which phase, counted from 1, where the image holds several; empty leaves it to the reader.
        mask: The tumour mask; None where ``box`` is given.
        mask_label: Label or segment of the mask; empty where there is one.
        box: A box around the tumour in voxels of the volume as our reader orders it.
        lesion_id: Which lesion of the patient; empty where there is one.
        site: Where it was scanned; empty where the set does not say.
        split: ``test`` or ``external`` where the set publishes a split; empty otherwise.
        convention: What positive meant; the source's own where empty.
        provenance: ``real`` or ``simulated``.
        covariates: Further columns.
    """

    case_id: str
    patient_id: str
    image: Path
    labels: Mapping[str, str]
    phase: str = ""
    mask: Path | None = None
    mask_label: str = ""
    box: Box | None = None
    lesion_id: str = ""
    site: str = ""
    split: Split = ""
    convention: str = ""
    provenance: str = "real"
    covariates: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A case that was seen and is not in the table.

    Attributes:
        case: Its name in the set.
        reason: Why, in words that many cases may share, so that they can be counted.
        detail: What is peculiar to this case.
    """

    case: str
    reason: str
    detail: str = ""


class LeaveOut(Exception):  # noqa: N818 - no error: it says how a case ends
    """Raised where a case is read and cannot be used."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class Found:
    """What a source found; every name is used or left out, never both, never lost.

    Attributes:
        names: Every case that was seen, in tables or in files, in order.
        lesions: The cases that are used.
        left_out: The others.
        tables: The tables that were read.
        notes: What must be known about the set as it is here, in sentences.
        labels: What the labels mean, where the source cannot know it before it reads.
    """

    names: tuple[str, ...]
    lesions: tuple[Lesion, ...]
    left_out: tuple[LeftOut, ...]
    tables: tuple[Path, ...] = ()
    notes: tuple[str, ...] = ()
    labels: tuple[Label, ...] = ()

    def __post_init__(self) -> None:
        """Refuse counts that do not add up."""
        told = Counter([lesion.case_id for lesion in self.lesions] + [one.case for one in self.left_out])
        if told != Counter(self.names):
            message = f"{len(self.names)} cases were seen and {told.total()} accounted for"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Source:
    """A set that can be imported.

    Attributes:
        name: What the user calls it.
        title: The set's own name.
        licence: Its licence, with the attribution it asks for.
        citation: How it is cited.
        convention: What ``label_convention`` says of its cases; empty where the user must know.
        labels: What its labels mean.
        read: Reads a download.
        choices: What ``--map NAME=VALUE`` may say, and what that means.
    """

    name: str
    title: str
    licence: str
    citation: str
    convention: str
    labels: tuple[Label, ...]
    read: Callable[[Download], Found]
    choices: Mapping[str, str] = field(default_factory=dict)


def sort_out(
    names: Sequence[str], lesion_of: Callable[[str], Lesion], *, progress: Progress = silent
) -> tuple[tuple[Lesion, ...], tuple[LeftOut, ...]]:
    """Return the lesions that could be read, and why each other one was left out.

    The names are looked at first, for files are written that carry them.

    Args:
        names: Case ids, each once.
        lesion_of: Reads one case; raises :class:`LeaveOut`, an image error, or what the system says of its files, where
            it cannot be used.
        progress: Told after each case.

    Raises:
        CohortError: If a name cannot name files.
    """
    for name in names:
        refuse_unfit(name, case_id=name)
    lesions: list[Lesion] = []
    left_out: list[LeftOut] = []
    progress(READING, 0, len(names))
    for done, name in enumerate(names, start=1):
        try:
            lesions.append(lesion_of(name))
        except LeaveOut as why:
            left_out.append(LeftOut(name, why.reason, why.detail))
        except ImageError as fault:
            left_out.append(LeftOut(name, "image or mask cannot be used", str(fault)))
        except OSError as fault:
            left_out.append(LeftOut(name, "a file or folder of it cannot be opened", told(fault)))
        progress(READING, done, len(names))
    return tuple(lesions), tuple(left_out)


def refuse_unfit(case: str, **texts: str) -> None:
    """Refuse what the cohort table would refuse as the name of a case, patient, lesion or site.

    Args:
        case: The case that it stands for, for the message.
        texts: The names by column of the cohort table.

    Raises:
        CohortError: If one cannot name files, or is a formula to a spreadsheet.
    """
    for column, text in texts.items():
        try:
            refuse_unfit_name(column, text)
        except CellError as fault:
            shown = "".join(filter(str.isprintable, case))[:LONGEST_SHOWN]
            message = f"{Problem('', shown, column, fault.problem, fault.fix)}"
            raise CohortError(message) from None


def told(fault: OSError) -> str:
    """Return which file or folder the system refused, and why, as the beginning of a sentence."""
    return f"{fault.filename2 or fault.filename or 'a file'} cannot be opened ({fault.strerror})"


def unique(names: Iterable[str], *, where: str) -> list[str]:
    """Return names in order; refuse one that stands twice.

    Raises:
        CohortError: If a name stands twice, for then nobody knows which row holds.
    """
    listed = list(names)
    twice = [name for name, times in Counter(listed).items() if times > 1]
    if twice:
        message = f"{where} names {len(twice)} patients twice (such as {twice[0]}): keep one row for each"
        raise CohortError(message)
    return listed
