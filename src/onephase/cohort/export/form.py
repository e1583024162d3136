"""The two forms of a copy, and where in it the files of a lesion lie."""

from enum import StrEnum

IMAGES, MASKS = "images", "masks"
SLICE = "slice"


class Form(StrEnum):
    """What volumes and masks become."""

    NIFTI = "nifti"
    DICOM = "dicom"

    @property
    def suffix(self) -> str:
        """How the names of its files end."""
        return ".nii.gz" if self is Form.NIFTI else ".dcm"

    @property
    def words(self) -> frozenset[str]:
        """The words of which paths in it are made."""
        return frozenset((IMAGES, MASKS, *self.suffix.split(".")[1:], *([SLICE] if self is Form.DICOM else [])))

    def image(self, case: str) -> str:
        """Return where the image of a case lies: a file, or a folder of a series."""
        return f"{IMAGES}/{case}" + (self.suffix if self is Form.NIFTI else "")

    def mask(self, case: str) -> str:
        """Return where the mask of a case lies."""
        return f"{MASKS}/{case}{self.suffix}"
