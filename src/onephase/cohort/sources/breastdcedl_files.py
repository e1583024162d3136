"""Files of BreastDCEDL by patient: volumes by index and masks, told by their names."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from onephase.cohort.sources.repair import is_kept_mask

NAME = re.compile(
    r"(?P<pid>.+?)_(?:(?:spy[12]|duke)_)?(?:vis1_)?(?:(?:dce_)?a(?:qc|cq)_?(?P<index>\d+)|(?P<mask>mask))\.nii(?:\.gz)?",
    re.IGNORECASE,
)
"""``..._spy2_vis1_dce_aqc_1``, ``..._spy1_vis1_acq1``, ``..._duke_aqc_1``: each set writes it in its own way
(``NIFTI_SUFFIX`` in the authors' ``utils/data_utils.py``)."""


@dataclass(slots=True)
class PatientFiles:
    """What is here of a patient: volumes by index, the mask, and what is a second file of one of them."""

    volumes: dict[int, Path] = field(default_factory=dict)
    mask: Path | None = None
    doubled: list[Path] = field(default_factory=list)

    def add(self, path: Path, *, index: int | None) -> None:
        """Take a file for the volume of an index, or for the mask."""
        if index is None and self.mask is None:
            self.mask = path
        elif index is not None and index not in self.volumes:
            self.volumes[index] = path
        else:
            self.doubled.append(path)


def patient_files(folder: Path) -> tuple[dict[str, PatientFiles], int]:
    """Return what is here of each patient, by the name that the files carry, and how many NIfTI files carry another.

    Masks that an earlier import wrote, whose table stands in the set's folder, are none of the set's files.
    """
    files: dict[str, PatientFiles] = {}
    others = 0
    for path in sorted(folder.rglob("*.nii*")):
        if path.name.startswith(".") or is_kept_mask(path):
            continue
        if found := NAME.fullmatch(path.name):
            index = None if found["mask"] else int(found["index"])
            files.setdefault(found["pid"], PatientFiles()).add(path, index=index)
        else:
            others += 1
    return files, others
