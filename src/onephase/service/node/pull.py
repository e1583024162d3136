"""Fetch studies from an archive by QIDO-RS and WADO-RS (PS3.18), as if they had been sent to us."""

import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from dicomweb_client.web import DICOMwebClient
from pydicom import Dataset, dcmwrite

from onephase.service.node.intake import OUT_OF_RESOURCES, Intake
from onephase.service.node.journal import say
from onephase.service.node.store import key_of

STUDY_UID, SERIES_UID, MODALITY = "0020000D", "0020000E", "00080060"
FETCHED = {"MR", "SEG", "RTSTRUCT"}
MOST_STUDIES = 1000


@dataclass(frozen=True, slots=True)
class Pull:
    """Studies of an archive that are fetched once.

    Attributes:
        client: Client of the archive.
        query: QIDO query, such as ``{"StudyDate": "20261125", "ModalitiesInStudy": "MR"}``.
        intake: Where instances go.
        fetched: Keys of the studies that were fetched whole since the start; after a restart they are looked at
            again, and what is stored already changes nothing.
    """

    client: DICOMwebClient
    query: Mapping[str, str]
    intake: Intake
    fetched: set[str] = field(default_factory=set)

    def fetch_new(self) -> int:
        """Fetch what has not been fetched whole yet, and return how many studies."""
        count = 0
        for study in self._studies():
            key = key_of(study)
            if key in self.fetched:
                continue
            if self._fetch(study):
                self.fetched.add(key)
                count += 1
                say("study fetched", study=key)
        return count

    def _studies(self) -> list[str]:
        found = self.client.search_for_studies(search_filters=dict(self.query), limit=MOST_STUDIES)
        return [uid for one in found if (uid := _value(one, STUDY_UID))]

    def _fetch(self, study: str) -> bool:
        answers = [self._take(one) for one in self._instances(study)]
        return all(answers)

    def _instances(self, study: str) -> Iterator[Dataset]:
        for series in self.client.search_for_series(study_instance_uid=study):
            if _value(series, MODALITY) in FETCHED:
                yield from self.client.iter_series(study, _value(series, SERIES_UID))

    def _take(self, one: Dataset) -> bool:
        content = io.BytesIO()
        one.preamble = bytes(128)  # never a preamble of others
        dcmwrite(content, one, enforce_file_format=True)
        answer = self.intake.take(content.getvalue())
        if answer.reason:
            say("fetched instance refused", study=answer.study, reason=answer.reason)
        return answer.status != OUT_OF_RESOURCES  # what else is refused would be refused again


def _value(found: Mapping[str, Any], tag: str) -> str:
    """Return a value of a DICOM JSON object (PS3.18 F.2), empty when absent."""
    values = found.get(tag, {}).get("Value") or [""]
    return str(values[0])
