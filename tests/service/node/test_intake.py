"""What is taken in, what is refused and with which status, and that yes means on the disk."""

import io
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import CTImageStorage
from sqlalchemy.exc import OperationalError

from onephase.service.node.intake import NOT_AS_ANNOUNCED, NOT_UNDERSTOOD, OUT_OF_RESOURCES, STORED, Intake
from onephase.service.node.store import Store, key_of
from onephase.service.worklist.worklist import Kind


def file_of(dataset) -> bytes:
    content = io.BytesIO()
    dataset.save_as(content, enforce_file_format=True)
    return content.getvalue()


def test_an_image_is_on_the_disk_and_on_the_list_when_the_sender_hears_yes(intake, scanner, monkeypatch):
    (image, *_) = scanner.slices(1)
    reached = []
    true_fsync = os.fsync

    def watched_fsync(file: int) -> None:
        reached.append(str(Path(f"/proc/self/fd/{file}").readlink()))
        true_fsync(file)

    monkeypatch.setattr(os, "fsync", watched_fsync)
    answer = intake.take(file_of(image), sop_class=image.SOPClassUID, sop_instance=image.SOPInstanceUID)
    (kept,) = intake.worklist.instances(answer.study)
    path = intake.store.path_of(kept)
    assert (answer.status, kept.kind) == (STORED, Kind.IMAGE)
    assert dcmread(path) == image
    assert any(".writing-" in name for name in reached)  # the file before it had its name
    assert {str(path.parent), str(path.parents[1]), str(intake.store.folder)} <= set(reached)  # and each folder


def test_no_identifier_is_in_a_path_or_in_the_list(intake, scanner, tmp_path):
    slices = scanner.slices(1)
    for one in (*slices, scanner.outline(slices, 1)):
        assert intake.take(file_of(one)).status == STORED
    names = " ".join(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    content = b"".join(path.read_bytes() for path in tmp_path.glob("list.sqlite*"))
    for value in (slices[0].StudyInstanceUID, slices[0].SOPInstanceUID, slices[0].PatientID, scanner.canary, "ACC1"):
        assert str(value) not in names
        assert str(value).encode() not in content


def test_an_instance_sent_again_is_kept_once_and_the_first_stays(intake, scanner):
    (image, *_) = scanner.slices(1)
    first = intake.take(file_of(image))
    image.PixelData = bytes(len(image.PixelData))
    assert intake.take(file_of(image)) == first
    (kept,) = intake.worklist.instances(first.study)
    assert any(dcmread(intake.store.path_of(kept)).PixelData)


def test_an_outline_names_the_images_that_are_to_come(intake, scanner):
    slices = scanner.slices(1)
    intake.take(file_of(scanner.outline(slices, 1)))
    for one in slices[:-1]:
        intake.take(file_of(one))
    assert intake.worklist.complete(quiet_s=0.0, patience_s=1e6) == 0
    intake.take(file_of(slices[-1]))
    assert intake.worklist.complete(quiet_s=0.0, patience_s=1e6) == 1


def test_our_own_result_is_known_as_such(intake, scanner):
    slices = scanner.slices(1)
    outline = scanner.outline(slices, 1)
    outline.Manufacturer = "onephase"
    answer = intake.take(file_of(outline))
    assert [one.kind for one in intake.worklist.instances(answer.study)] == [Kind.OWN]


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"])
@pytest.mark.parametrize("value", [None, "../../x", "1.2.", "1.2\\..\\x", "9" * 65])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_missing_or_malformed_identifier_is_refused(intake, scanner, tmp_path, keyword, value):
    (image, *_) = scanner.slices(1)
    if value is None:
        delattr(image, keyword)
    else:
        image[keyword].value = value
    content, image.preamble = io.BytesIO(), bytes(128)
    image.save_as(content, enforce_file_format=False)
    answer = intake.take(content.getvalue())
    assert (answer.status, answer.reason) == (NOT_UNDERSTOOD, "an identifier is missing or malformed")
    assert not list((tmp_path / "store").rglob("*"))


def test_what_is_not_what_was_announced_is_refused(intake, scanner):
    image, other, *_ = scanner.slices(1)
    for announced in ({"sop_instance": other.SOPInstanceUID}, {"sop_class": CTImageStorage}):
        assert intake.take(file_of(image), **announced).status == NOT_AS_ANNOUNCED
    image.SOPClassUID = CTImageStorage
    answer = intake.take(file_of(image))
    assert (answer.status, answer.reason) == (NOT_AS_ANNOUNCED, "it is neither an MR image nor an outline")


@settings(max_examples=60)
@given(data=st.data())
def test_damaged_bytes_are_answered_and_never_raise(scanner, damaged_intake, data):
    whole = bytearray(file_of(scanner.slices(1)[0])[:2000])
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(132, len(whole) - 1))] = data.draw(st.integers(0, 255))
    answer = damaged_intake.take(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    assert answer.status in {STORED, NOT_UNDERSTOOD, NOT_AS_ANNOUNCED}
    assert answer.status == STORED or answer.reason


@pytest.fixture(scope="module")
def damaged_intake(tmp_path_factory):
    from onephase.service.worklist.database import open_database
    from onephase.service.worklist.worklist import Worklist

    folder = tmp_path_factory.mktemp("damaged")
    engine = open_database(f"sqlite:///{folder / 'list.sqlite'}")
    yield Intake(Store(folder / "store"), Worklist(engine))
    engine.dispose()


def test_a_full_disk_is_said_and_leaves_nothing(intake, scanner, monkeypatch, tmp_path):
    (image, *_) = scanner.slices(1)

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("onephase.storage.os.fsync", full)
        answer = intake.take(file_of(image))
        assert (answer.status, answer.reason) == (OUT_OF_RESOURCES, "it could not be kept (StorageError)")
    assert not [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
    assert intake.worklist.entries() == []
    assert intake.take(file_of(image)).status == STORED  # once there is room


def test_a_list_that_cannot_be_written_is_said_and_the_image_comes_again(intake, scanner, monkeypatch):
    (image, *_) = scanner.slices(1)

    def full(*_: object, **__: object) -> None:
        statement = "INSERT"
        raise OperationalError(statement, {}, Exception("database or disk is full"))

    with monkeypatch.context() as patched:
        patched.setattr("onephase.service.worklist.worklist.Worklist.record", full)
        assert intake.take(file_of(image)).status == OUT_OF_RESOURCES
    answer = intake.take(file_of(image))
    assert answer.status == STORED
    assert len(intake.worklist.instances(answer.study)) == 1


@given(st.text())
def test_a_key_is_a_plain_name_whatever_the_identifier(text):
    assert len(key_of(text)) == 64
    assert key_of(text).isalnum()
