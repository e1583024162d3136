"""The reader: work list, desk and similar cases together, one method for each thing that the page can ask."""

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from onephase.imaging.case import Box, SeedPoint
from onephase.reports.html import render_report
from onephase.service.web.cases import CaseList, NotThereError, TakesBoxes
from onephase.service.web.desk import Answered, Desk, Lesion
from onephase.service.web.models import (
    AnswerSummary,
    EntryView,
    GivenForm,
    LesionView,
    OutlineForm,
    ReaderView,
    SimilarView,
)
from onephase.service.web.pictures import attention_nifti, distance_steps, image_nifti, labels_nifti
from onephase.service.web.similar import SimilarCases
from onephase.service.web.uploads import Stream, read_upload
from onephase.service.web.views import entry_view, lesion_view, reader_view, similar_view, summary_of


@dataclass(frozen=True, slots=True, eq=False)
class Reader:
    """What stands behind the page.

    Attributes:
        desk: The open lesions, and the bundle that answers.
        cases: The work list.
        similar: Training cases that can be searched; None where no prepared cohort was given.
        largest_upload_bytes: What the page says of the size of an upload.
        answers: What came out for the cases of the list that were opened, by key; nothing else is remembered.
    """

    desk: Desk
    cases: CaseList
    similar: SimilarCases | None
    largest_upload_bytes: int
    answers: dict[str, AnswerSummary] = field(default_factory=dict)
    uploads: "count[int]" = field(default_factory=lambda: count(1))

    def about(self) -> ReaderView:
        """Return what the page must know before anything is opened."""
        return reader_view(
            self.desk.bundle,
            node=isinstance(self.cases, TakesBoxes),
            similar=self.similar is not None,
            largest_upload_bytes=self.largest_upload_bytes,
        )

    def entries(self) -> list[EntryView]:
        """Return the work list."""
        return [entry_view(entry, self.answers.get(entry.key)) for entry in self.cases.entries()]

    def open(self, key: str) -> LesionView:
        """Open a case of the work list."""
        entry = next((entry for entry in self.cases.entries() if entry.key == key), None)
        material = self.cases.open(key)  # after its line: images that come between are then seen, not passed over
        return self._told(self.desk.lay(material, entry=entry))

    def upload(self, image: Stream, mask: Stream | None, *, mask_label: str, phase: str) -> LesionView:
        """Open uploaded files."""
        name = f"upload {next(self.uploads)}"
        material = read_upload(image, mask, case_id=name, mask_label=mask_label, phase=phase)
        return self._told(self.desk.lay(material, entry=None))

    def lesion(self, key: str) -> LesionView:
        """Return an open lesion."""
        return lesion_view(self.desk.get(key))

    def outline(self, key: str, form: OutlineForm) -> LesionView:
        """Outline the tumour anew and predict again."""
        return self._told(self.desk.outline(key, _roi_of(form)))

    def give(self, key: str, form: GivenForm) -> LesionView:
        """Say what pathology has found."""
        return self._told(self.desk.give(key, form.texts, policy=form.policy))

    def hand_over(self, key: str) -> None:
        """Hand the box of a lesion to the node whose list it came from."""
        lesion, node = self.desk.get(key), self.cases
        entry, roi = lesion.entry, None if lesion.answered is None else lesion.case.roi  # before, it is a placeholder
        if entry is None or not isinstance(roi, Box) or not isinstance(node, TakesBoxes):
            message = "only a study of a node's list that was given a box is handed over: draw a box around its tumour"
            raise NotThereError(message)
        node.take_box(entry, roi)

    def close(self, key: str) -> None:
        """Forget a lesion."""
        self.desk.close(key)

    def similar_to(self, key: str) -> list[SimilarView]:
        """Return training cases that look like a lesion."""
        lesion = self.desk.get(key)
        if self.similar is None:
            return []
        descriptors = _answered(lesion).sight.patch.descriptors
        return [similar_view(one) for one in self.similar.nearest(descriptors, apart_from=lesion.case.case_id)]

    def image(self, key: str) -> bytes:
        """Return the volume as NIfTI."""
        return image_nifti(self.desk.get(key).case.volume)

    def attention(self, key: str) -> bytes:
        """Return the attention about the lesion as NIfTI."""
        return attention_nifti(_answered(self.desk.get(key)).near)

    def regions(self, key: str) -> bytes:
        """Return the regions as NIfTI."""
        answered = _answered(self.desk.get(key))
        return labels_nifti(answered.near, answered.prediction.radii)

    def distance(self, key: str) -> bytes:
        """Return signed distances about the lesion, one byte each."""
        return distance_steps(_answered(self.desk.get(key)).near.distance_mm).tobytes()

    def report(self, key: str) -> str:
        """Return the report as HTML."""
        return render_report(_answered(self.desk.get(key)).prediction)

    def prediction(self, key: str) -> dict[str, Any]:
        """Return the prediction as `onephase predict` writes it."""
        return _answered(self.desk.get(key)).prediction.to_json()

    def _told(self, lesion: Lesion) -> LesionView:
        if lesion.entry is not None and lesion.answered is not None:
            self.answers[lesion.entry.key] = summary_of(lesion.answered.prediction)
        return lesion_view(lesion)


def _answered(lesion: Lesion) -> Answered:
    if lesion.answered is None:
        message = f"case {lesion.case.case_id} is not outlined yet: draw a box around the tumour first"
        raise NotThereError(message)
    return lesion.answered


def _roi_of(form: OutlineForm) -> Box | SeedPoint:
    if form.box is not None:
        return Box(column=form.box.column, row=form.box.row, slice=form.box.slice)
    point = form.point
    assert point is not None  # noqa: S101 - the form holds one of the two
    return SeedPoint(column=point.column, row=point.row, slice=point.slice)
