"""What our objects have in common: identifiers that follow from the result, and who made them when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from highdicom.coding_schemes import CodingSchemeIdentificationItem
from pydicom import Dataset
from pydicom.uid import UID
from pydicom.valuerep import DT

from onephase.inference.prediction import Prediction
from onephase.reports.dicom_codes import SCHEME, SCHEME_NAME, SCHEME_UID
from onephase.reports.dicom_source import DicomSource
from onephase.reports.identifiers import digest_of, uuid_of
from onephase.reports.object_kind import ObjectKind

MAKER = "onephase"
SERIES: Mapping[str, tuple[int, str]] = {
    ObjectKind.SEG: (9101, "regions"),
    ObjectKind.PM: (9102, "attention"),
    ObjectKind.SR: (9103, "prediction"),
    ObjectKind.CAPTURE: (9104, "report page"),
}
"""Series number and description of each kind of object."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Whose objects these are: of one prediction on one set of images.

    Attributes:
        digest: sha256 over the whole prediction and the images it was made from. The same result is the same
            object, whoever computes it again.
        created: When the objects were made; no identifier depends on it.
        version: Version of onephase.
        bundle_sha256: The seal of the bundle, which serves as the serial number of the device.
        label: What stands behind every description.
    """

    digest: str
    created: datetime
    version: str
    bundle_sha256: str
    label: str

    def uid(self, role: str) -> UID:
        """Return the identifier of one part; a UUID-derived UID (PS3.5 B.2)."""
        return UID(f"2.25.{uuid_of(self.digest, role).int}")

    @property
    def device_uid(self) -> UID:
        """Identifier of what predicted: one version with one bundle."""
        return UID(f"2.25.{uuid_of(self.bundle_sha256, self.version).int}")

    def file_name(self, kind: str) -> str:
        """Return the name of a file, which tells nothing of the patient."""
        return f"{kind}-{self.digest[:16]}.dcm"

    def series(self, kind: str) -> dict[str, Any]:
        """Return the arguments with which every object of highdicom is made."""
        number, words = SERIES[kind]
        return {
            "series_instance_uid": self.uid(f"{kind} series"),
            "series_number": number,
            "sop_instance_uid": self.uid(kind),
            "instance_number": 1,
            "series_description": f"onephase {words}, {self.label}",
            "manufacturer": MAKER,
            "manufacturer_model_name": MAKER,
            "software_versions": self.version,
            "device_serial_number": self.bundle_sha256,
            "content_date": self.created.date(),
            "content_time": self.created.time(),
            "specific_character_set": "ISO_IR 192",
            "coding_schemes": [_scheme()],
        }

    def settle(self, made: Dataset) -> None:
        """Put what highdicom draws at random, or takes from the clock, in terms of the result."""
        made.InstanceCreationDate, made.InstanceCreationTime = made.ContentDate, made.ContentTime
        for item in made.ContributingEquipmentSequence:
            if "ContributionDateTime" in item:
                item.ContributionDateTime = DT(self.created)
        for keyword in ("DimensionOrganizationSequence", "DimensionIndexSequence"):
            for item in made.get(keyword) or []:
                item.DimensionOrganizationUID = self.uid(f"{made.Modality} dimensions")


def _scheme() -> CodingSchemeIdentificationItem:
    item = CodingSchemeIdentificationItem(SCHEME, name=SCHEME_NAME)
    item.CodingSchemeUID = SCHEME_UID
    return item


def identify(prediction: Prediction, source: DicomSource, *, created: datetime) -> Identity:
    """Return the identity of the objects of a prediction."""
    images = (*source.instance_uids, *map(str, source.frames))
    simulated = prediction.origin.trained_on != "real"
    return Identity(
        digest=digest_of(prediction, images=images),
        created=created,
        version=prediction.origin.versions["onephase"],
        bundle_sha256=prediction.origin.bundle_sha256,
        label="SIMULATED TRAINING, research only" if simulated else "research only",
    )
