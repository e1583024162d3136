"""Fetch studies from an archive by QIDO-RS and WADO-RS (PS3.18), as if they had been sent to us."""

import io
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import requests
from dicomweb_client.web import DICOMwebClient
from pydicom import Dataset, dcmwrite

from onephase.service.node.intake import IMAGES, OUT_OF_RESOURCES, OUTLINES, Intake
from onephase.service.node.journal import say, say_fault
from onephase.service.node.store import key_of

STUDY_UID, SERIES_UID, INSTANCE_UID = "0020000D", "0020000E", "00080018"
MODALITY, SOP_CLASS, INSTANCES_OF_SERIES = "00080060", "00080016", "00201209"
FETCHED = {"MR", "SEG", "RTSTRUCT"}
KEPT = {"", *map(str, (*IMAGES, *OUTLINES))}
"""SOP classes that the intake keeps; where an archive does not say the class, the instance itself will."""
PAGE = 200
"""How many studies, series or instances are asked for at once."""


@dataclass(frozen=True, slots=True)
class Pull:
    """Studies of an archive: what it holds of them and we do not is fetched, as long as there is more to come.

    Attributes:
        client: Client of the archive.
        query: QIDO query, such as ``{"StudyDate": "20261125-", "ModalitiesInStudy": "MR"}``.
        intake: Where instances go.
        settled: How many instances of a series the archive named when we had them all; looked at again when it
            names another number, and after a restart.
        refused: Keys of instances that we would refuse again.
    """

    client: DICOMwebClient
    query: Mapping[str, str]
    intake: Intake
    settled: dict[str, int] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)

    def fetch_new(self, *, stop: Event) -> int:
        """Fetch what the archive holds and we do not, and return of how many studies there was something.

        Args:
            stop: Set to leave off after the instance at hand.
        """
        count = 0
        for study in self._studies():
            try:
                fetched = self._fetch(study, stop=stop)
            except Exception as fault:  # noqa: BLE001 - one study must not stop the others
                say_fault("study could not be fetched: it is tried again", fault, study=key_of(study))
                continue
            if stop.is_set():
                break
            if fetched:
                count += 1
                say("study fetched", study=key_of(study), instances=fetched)
        return count

    def _studies(self) -> list[str]:
        found = _all_pages(self.client.search_for_studies, STUDY_UID, search_filters=dict(self.query))
        return [_value(one, STUDY_UID) for one in found]

    def _fetch(self, study: str, *, stop: Event) -> int:
        """Fetch what is missing of a study; say beforehand what is to come, so that it is not read by halves."""
        counts = self._changed_series(study)
        listed = {series: self._instances(study, series) for series in counts}
        held = self._held(study)
        missing = {series: uids for series, all_of in listed.items() if (uids := _others(all_of, held))}
        if missing:
            self.intake.worklist.expect(key_of(study), {key_of(uid) for uids in missing.values() for uid in uids})
        for series, uids in missing.items():
            for instance in self._retrieved(study, series, uids, whole=len(uids) == len(listed[series])):
                if stop.is_set() or not self._take(instance):
                    return 0
        self.intake.worklist.expect_no_more(key_of(study), self.refused)
        now_held = self._held(study)
        for series, all_of in listed.items():
            if len(all_of) >= counts[series] and not _others(all_of, now_held):  # a listing may lag behind
                self.settled[key_of(series)] = counts[series]
        return len(now_held - held)

    def _changed_series(self, study: str) -> dict[str, int]:
        """Return the series that may hold something for us, and how many instances the archive names of each."""
        found = _all_pages(self.client.search_for_series, SERIES_UID, study_instance_uid=study)
        counts = {_value(one, SERIES_UID): _count(one) for one in found if _value(one, MODALITY) in FETCHED}
        return {uid: count for uid, count in counts.items() if not count or self.settled.get(key_of(uid)) != count}

    def _instances(self, study: str, series: str) -> list[str]:
        """Return the instances of a series; those of a kind that we do not keep count as refused."""
        where = {"study_instance_uid": study, "series_instance_uid": series}
        found = _all_pages(self.client.search_for_instances, INSTANCE_UID, **where)
        self.refused.update(key_of(_value(one, INSTANCE_UID)) for one in found if _value(one, SOP_CLASS) not in KEPT)
        return [_value(one, INSTANCE_UID) for one in found]

    def _held(self, study: str) -> set[str]:
        return {one.key for one in self.intake.worklist.instances(key_of(study))} | self.refused

    def _retrieved(self, study: str, series: str, uids: list[str], *, whole: bool) -> Iterator[Dataset]:
        """Yield instances: a whole series by one request, parts of one by one each."""
        if whole:
            yield from self.client.iter_series(study, series)
            return
        for uid in uids:
            try:
                yield self.client.retrieve_instance(study, series, uid)
            except (requests.RequestException, OSError, ValueError) as fault:  # one must not stop the others
                say_fault("instance could not be fetched: it is tried again", fault, study=key_of(study))

    def _take(self, one: Dataset) -> bool:
        """Take an instance in; False when there is no room for it now."""
        content = io.BytesIO()
        one.preamble = bytes(128)  # never a preamble of others
        try:
            dcmwrite(content, one, enforce_file_format=True)
        except (ValueError, TypeError, AttributeError) as fault:
            say_fault("fetched instance cannot be written", fault)
            return True
        answer = self.intake.take(content.getvalue())
        if answer.status == OUT_OF_RESOURCES:
            say("fetched instance could not be kept", study=answer.study, reason=answer.reason)
            return False
        if answer.reason:
            say("fetched instance refused", study=answer.study, reason=answer.reason)
            self.refused.add(key_of(str(one.get("SOPInstanceUID", ""))))
        return True


def _value(found: Mapping[str, Any], tag: str) -> str:
    """Return a value of a DICOM JSON object (PS3.18 F.2), empty when absent."""
    values = found.get(tag, {}).get("Value") or [""]
    return str(values[0])


def _count(series: Mapping[str, Any]) -> int:
    """Return how many instances the archive names of a series, 0 where it does not say; some write it as text."""
    text = _value(series, INSTANCES_OF_SERIES)
    return int(text) if text.isdecimal() else 0


def _others(uids: Iterable[str], held: Container[str]) -> list[str]:
    """Return the identifiers whose keys are not held."""
    return [uid for uid in uids if key_of(uid) not in held]


def _all_pages(search: Callable[..., Sequence[dict[str, Any]]], tag: str, **what: Any) -> list[dict[str, Any]]:
    """Return everything that a search finds, each once by the identifier at ``tag``; archives answer in pages."""
    found: dict[str, dict[str, Any]] = {}
    passed = 0
    while True:
        page = search(limit=PAGE, offset=passed, **what)
        new = {uid: one for one in page if (uid := _value(one, tag)) and uid not in found}
        if not new:  # also from an archive that knows no pages, and gives the first again
            return list(found.values())
        found |= new
        passed += len(page)
