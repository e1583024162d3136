"""Fetching from archives of all habits: ones that still receive, answer in pages, or fail for one study."""

from threading import Event

import pytest
import requests
from dicomweb_client.web import DICOMwebClient
from pydicom import Dataset

from onephase.service.node import pull as pulling
from onephase.service.node.pull import Pull
from onephase.service.node.store import key_of
from onephase.service.worklist.states import State


class Holdings(DICOMwebClient):
    """An archive that holds data sets; nothing goes over a network."""

    def __init__(self, *datasets: Dataset, most: int = 1000, knows_pages: bool = True, counts: bool = True) -> None:
        super().__init__("http://127.0.0.1:9")
        self.held = list(datasets)
        self.most, self.knows_pages, self.counts = most, knows_pages, counts
        self.broken: set[str] = set()
        self.asked: list[str] = []

    def search_for_studies(self, *, search_filters, limit, offset):
        assert search_filters == {"Modality": "MR"}
        return self._paged(self._told(self.held, "StudyInstanceUID"), limit, offset)

    def search_for_series(self, *, study_instance_uid, limit, offset):
        if study_instance_uid in self.broken:
            raise requests.ConnectionError
        of_study = [one for one in self.held if one.StudyInstanceUID == study_instance_uid]
        return self._paged(self._told(of_study, "SeriesInstanceUID", "Modality"), limit, offset)

    def search_for_instances(self, *, study_instance_uid, series_instance_uid, limit, offset):
        self.asked.append("search")
        told = self._told(self._series(series_instance_uid), "SOPInstanceUID", "SOPClassUID")
        return self._paged(told, limit, offset)

    def iter_series(self, _study, series):
        self.asked.append("series")
        yield from self._series(series)

    def retrieve_instance(self, _study, _series, uid):
        self.asked.append("instance")
        return next(one for one in self.held if uid == one.SOPInstanceUID)

    def _series(self, uid):
        return [one for one in self.held if uid == one.SeriesInstanceUID]

    def _told(self, held, key, *more):
        """Return DICOM JSON of each different value of a key."""
        found = {}
        for one in held:
            told = {one[word].tag: one[word] for word in (key, *more)}
            answer = Dataset(told).to_json_dict()
            if key == "SeriesInstanceUID" and self.counts:
                answer["00201209"] = {"vr": "IS", "Value": [len(self._series(one.SeriesInstanceUID))]}
            found[str(one[key].value)] = answer
        return list(found.values())

    def _paged(self, found, limit, offset):
        start = offset if self.knows_pages else 0
        return found[start : start + min(limit, self.most)]


def pull_of(archive, intake) -> Pull:
    return Pull(archive, {"Modality": "MR"}, intake)


def test_what_comes_later_is_fetched_later(intake, scanner):
    slices = scanner.slices(1)
    archive = Holdings(*slices[:5])
    pull = pull_of(archive, intake)
    assert pull.fetch_new(stop=Event()) == 1
    assert pull.fetch_new(stop=Event()) == 0
    archive.held += slices[5:]
    assert pull.fetch_new(stop=Event()) == 1
    archive.held.append(scanner.outline(slices, 1))
    assert pull.fetch_new(stop=Event()) == 1
    assert len(intake.worklist.instances(key_of(slices[0].StudyInstanceUID))) == len(slices) + 1
    assert archive.asked.count("series") == 2  # the first five at once, and the outline
    assert archive.asked.count("instance") == len(slices) - 5


@pytest.mark.parametrize(("counts", "searches"), [(True, 2), (False, 6)])
def test_nothing_is_fetched_twice_and_quiet_series_are_not_searched(intake, scanner, counts, searches):
    archive = Holdings(*scanner.slices(1), counts=counts)
    pull = pull_of(archive, intake)
    assert [pull.fetch_new(stop=Event()) for _ in range(3)] == [1, 0, 0]
    assert archive.asked.count("series") == 1
    assert archive.asked.count("search") == searches  # each time a page, and the empty one behind it


def test_a_study_is_not_complete_before_what_the_archive_lists_has_come(intake, scanner):
    slices = scanner.slices(1)
    archive = Holdings(*slices)
    archive.iter_series = lambda *_: iter(slices[:5])  # it gives half of what it lists
    pull = pull_of(archive, intake)
    pull.fetch_new(stop=Event())
    assert intake.worklist.complete(quiet_s=0.0, patience_s=3600.0) == 0
    pull.fetch_new(stop=Event())
    assert intake.worklist.complete(quiet_s=0.0, patience_s=3600.0) == 1


def test_one_study_that_cannot_be_fetched_does_not_stop_the_others(intake, scanner):
    first, second = scanner.slices(1), scanner.slices(2)
    archive = Holdings(*first, *second)
    archive.broken = {first[0].StudyInstanceUID}
    pull = pull_of(archive, intake)
    assert pull.fetch_new(stop=Event()) == 1
    assert [entry.key for entry in intake.worklist.entries()] == [key_of(second[0].StudyInstanceUID)]
    archive.broken = set()
    assert pull.fetch_new(stop=Event()) == 1
    assert len(intake.worklist.entries()) == 2


@pytest.mark.parametrize(("most", "knows_pages", "seen"), [(1000, True, 5), (2, True, 5), (1000, False, 3)])
def test_answers_in_pages_are_read_to_their_end(intake, scanner, monkeypatch, most, knows_pages, seen):
    """An archive may give fewer than asked for; one that gives the first page again is at least not asked for ever."""
    monkeypatch.setattr(pulling, "PAGE", 3)
    archive = Holdings(*[scanner.slices(number)[0] for number in range(5)], most=most, knows_pages=knows_pages)
    assert pull_of(archive, intake).fetch_new(stop=Event()) == seen


@pytest.mark.filterwarnings("ignore:Invalid value for VR UI")
def test_what_would_be_refused_again_is_asked_for_once(intake, scanner):
    slices = scanner.slices(1)
    slices[3].SOPInstanceUID = "1.02.3"  # malformed
    archive = Holdings(*slices)
    pull = pull_of(archive, intake)
    pull.fetch_new(stop=Event())
    archive.asked.clear()
    assert pull.fetch_new(stop=Event()) == 0
    assert archive.asked == []
    assert intake.worklist.complete(quiet_s=0.0, patience_s=3600.0) == 1  # it is waited for no longer
    assert len(intake.worklist.instances(key_of(slices[0].StudyInstanceUID))) == len(slices) - 1


def test_it_leaves_off_when_told_to_and_goes_on_later(intake, scanner):
    slices, stop = scanner.slices(1), Event()
    archive = Holdings(*slices)

    def one_and_stop(*_):
        yield slices[0]
        stop.set()
        yield from slices[1:]

    archive.iter_series = one_and_stop
    pull, key = pull_of(archive, intake), key_of(slices[0].StudyInstanceUID)
    assert pull.fetch_new(stop=stop) == 0
    assert len(intake.worklist.instances(key)) == 1
    assert pull.fetch_new(stop=Event()) == 1
    assert len(intake.worklist.instances(key)) == len(slices)
    assert intake.worklist.complete(quiet_s=0.0, patience_s=3600.0) == 1
    assert intake.worklist.entries()[0].state is State.COMPLETE


def test_what_a_full_disk_refused_is_fetched_again(intake, scanner, monkeypatch):
    slices = scanner.slices(1)
    pull = pull_of(Holdings(*slices), intake)

    def full(*_: object) -> None:
        raise OSError(28, "No space left")

    with monkeypatch.context() as patched:
        patched.setattr(type(intake.store), "keep", full)
        assert pull.fetch_new(stop=Event()) == 0
    assert pull.fetch_new(stop=Event()) == 1
    assert len(intake.worklist.instances(key_of(slices[0].StudyInstanceUID))) == len(slices)


def test_an_instance_that_cannot_be_fetched_does_not_stop_the_others(intake, scanner):
    slices = scanner.slices(1)
    archive = Holdings(*slices[:2])
    pull = pull_of(archive, intake)
    pull.fetch_new(stop=Event())
    archive.held = slices
    given, bad = archive.retrieve_instance, slices[3].SOPInstanceUID

    def retrieve(study, series, uid):
        if uid == bad:
            raise requests.ConnectionError
        return given(study, series, uid)

    archive.retrieve_instance = retrieve
    assert pull.fetch_new(stop=Event()) == 1
    key = key_of(slices[0].StudyInstanceUID)
    assert len(intake.worklist.instances(key)) == len(slices) - 1
    assert intake.worklist.complete(quiet_s=0.0, patience_s=3600.0) == 0  # it is still to come
    archive.retrieve_instance = given
    assert pull.fetch_new(stop=Event()) == 1
    assert len(intake.worklist.instances(key)) == len(slices)


def test_a_listing_that_lags_behind_settles_nothing(intake, scanner):
    """The archive counts twelve, and lists none for now."""
    slices = scanner.slices(1)
    archive = Holdings(*slices)
    listed, archive.search_for_instances = archive.search_for_instances, lambda **_: []
    pull = pull_of(archive, intake)
    assert pull.fetch_new(stop=Event()) == 0
    archive.search_for_instances = listed
    assert pull.fetch_new(stop=Event()) == 1
    assert len(intake.worklist.instances(key_of(slices[0].StudyInstanceUID))) == len(slices)


def test_an_archive_that_serves_another_instance_than_it_lists_is_not_asked_without_end(intake, scanner):
    slices = scanner.slices(1)
    archive = Holdings(*slices)
    archive.iter_series = lambda *_: iter(scanner.slices(2))
    pull = pull_of(archive, intake)
    assert [pull.fetch_new(stop=Event()) for _ in range(2)] == [0, 0]
