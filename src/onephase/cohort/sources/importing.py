"""One import: a set is read, what cannot be used is left out with its reason, and the table is checked and written."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from onephase.cohort.files import unreadable_files
from onephase.cohort.identity import canonical_identity
from onephase.cohort.sources.record import Record, by_reason, refuse_foreign, table_text, write_record
from onephase.cohort.sources.source import Download, Found, LeftOut, Source, told
from onephase.cohort.table import CheckResult, check_cohort, read_cohort
from onephase.errors import CohortError
from onephase.progress import Progress, silent
from onephase.settings import SplitSettings
from onephase.storage import file_aside, sha256_of


@dataclass(frozen=True, slots=True)
class Import:
    """A finished import: what is written beside the table, and what the check of the table says."""

    record: Record
    check: CheckResult


@contextmanager
def _faults_told() -> Iterator[None]:
    """Turn what the system says of a file that no case could be put down to into one sentence."""
    try:
        yield
    except OSError as fault:
        message = f"{told(fault)}: check its name and that you may read it"
        raise CohortError(message) from None


@_faults_told()
def import_cohort(
    source: Source, download: Download, *, without: Sequence[Path] = (), progress: Progress = silent
) -> Import:
    """Read a set and write its cohort table, the record of the import and a page to read beside it.

    The same files give the same bytes. What stops an import stops it before a table is written; masks that were made
    anew by then and what was found (``masks/``, ``findings/``, ``duke-sequences-*.csv``) stay beside its place, where
    the next import finds them.

    Args:
        source: The set.
        download: Where it lies and where the table shall stand.
        without: Cohort tables whose patients are left out, under every name that they have.
        progress: Told of the headers read.

    Raises:
        CohortError: If the set is not what is documented of it, nothing can be used, a label is not
            understood, a table or folder cannot be opened, or ``download.out`` is a table that no import wrote.
        StorageError: If a file cannot be written; nothing half-written is left.
    """
    _refuse_choices(source, download)
    if download.out.suffix != ".csv":
        message = f"{download.out} does not end in .csv: name the cohort table that shall be written"
        raise CohortError(message)
    refuse_foreign(download.out)
    said = download.choices
    source = replace(
        source, licence=said.get("licence", source.licence), citation=said.get("citation", source.citation)
    )
    found = _without(source.read(download), without)
    with file_aside(download.out) as aside:
        found = _readable(found, aside, source=source, progress=progress)
        aside.write_text(table_text(found.lesions, source=source, folder=download.out.parent), encoding="utf-8")
        record = Record(source, found, download.out, download.folder, sha256_of(aside))
        write_record(record)
    write_record(record)  # now without the earlier table
    return Import(record, check_cohort([download.out], SplitSettings(), headers=False))


def _refuse_choices(source: Source, download: Download) -> None:
    unknown = [name for name in download.choices if name not in source.choices]
    if unknown:
        known = f"it takes {', '.join(source.choices)}" if source.choices else "it takes none"
        message = f"--map {unknown[0]}=... says nothing to {source.name}: {known} (docs/import.md)"
        raise CohortError(message)


def _without(found: Found, tables: Sequence[Path]) -> Found:
    """Leave out the patients of other tables."""
    if not tables:
        return found
    records = read_cohort(*tables, labelled=False).records
    cohort_of = {record.identity: record.cohort for record in reversed(records)}
    kept, left = [], list(found.left_out)
    for lesion in found.lesions:
        cohort = cohort_of.get(canonical_identity(lesion.patient_id))
        if cohort is None:
            kept.append(lesion)
        else:
            left.append(LeftOut(lesion.case_id, f"the patient is also in cohort {cohort}"))
    return replace(found, lesions=tuple(kept), left_out=tuple(left))


def _readable(found: Found, table: Path, *, source: Source, progress: Progress) -> Found:
    """Leave out cases whose image or mask cannot be read or do not fit; stop at anything else that is wrong.

    Args:
        found: What was found.
        table: A file beside the future table, for the check.
        source: The set.
        progress: Told of the headers read.
    """
    _refuse_nothing(found, source=source)
    table.write_text(table_text(found.lesions, source=source, folder=table.parent), encoding="utf-8")
    result = check_cohort([table], SplitSettings(), headers=False)
    wrong = [problem for problem in result.errors if problem.case]
    if wrong:
        message = f"{replace(wrong[0], cohort='')} ({len(wrong)} such problems): no table was written"
        raise CohortError(message)
    unreadable = {
        problem.case: str(replace(problem, cohort="", case=""))
        for problem in unreadable_files(result.records, progress=progress)
    }
    kept = tuple(lesion for lesion in found.lesions if lesion.case_id not in unreadable)
    left = [LeftOut(case, "image or mask cannot be used", why) for case, why in unreadable.items()]
    found = replace(found, lesions=kept, left_out=(*found.left_out, *left))
    _refuse_nothing(found, source=source)
    return found


def _refuse_nothing(found: Found, *, source: Source) -> None:
    if found.lesions:
        return
    reasons = "; ".join(f"{len(those)}: {reason}" for reason, those in by_reason(found.left_out).items())
    first = next((one for one in found.left_out if one.detail), None)
    example = f", such as {first.case}: {first.detail}" if first else ""
    message = f"of {len(found.names)} cases of {source.title} none can be used ({reasons}{example})"
    raise CohortError(message)
