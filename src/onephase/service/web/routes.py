"""The interface of the page: every route, each a call of the reader behind it."""

from typing import Annotated, Any, TypeAlias, no_type_check

from fastapi import APIRouter, File, Form, UploadFile
from fastapi.responses import HTMLResponse, JSONResponse, Response

from onephase.service.web.models import (
    EntryView,
    GivenForm,
    LesionView,
    OpenForm,
    OutlineForm,
    Problem,
    ReaderView,
    SimilarView,
    Text,
)
from onephase.service.web.reader import Reader

NIFTI, BYTES = "application/x-nifti", "application/octet-stream"
Responses: TypeAlias = dict[int | str, dict[str, Any]]


def _problem(description: str) -> dict[str, Any]:
    return {"model": Problem, "description": description}


_NOT_LET_IN: Responses = {  # of every route: the guard stands before them all
    401: _problem("the server asks for a token, and it is missing or wrong"),
    403: _problem("the page of another origin or site may not call"),
    421: _problem("the server is not known under this name"),
}
_REFUSED: Responses = {
    404: _problem("it is not on the list, or not open any more"),
    422: _problem("it was refused, in one sentence"),
}
_TOO_LARGE: Responses = {413: _problem("the body of the request is larger than is taken")}
_WITH_BODY: Responses = {**_REFUSED, **_TOO_LARGE}
_UPLOADED: Responses = {422: _REFUSED[422], **_TOO_LARGE}  # nothing is looked up on a list


def router_of(reader: Reader) -> APIRouter:
    """Return the routes of one reader."""
    router = APIRouter(prefix="/api", responses=_NOT_LET_IN)
    _add_lists(router, reader)
    _add_opening(router, reader)
    _add_lesions(router, reader)
    _add_pictures(router, reader)
    return router


def _add_lists(router: APIRouter, reader: Reader) -> None:
    @router.get("/reader")
    def about() -> ReaderView:
        """What the page must know before anything is opened."""
        return reader.about()

    @router.get("/cases")
    def cases() -> list[EntryView]:
        """The work list."""
        return reader.entries()


def _add_opening(router: APIRouter, reader: Reader) -> None:
    @router.post("/lesions", status_code=201, responses=_WITH_BODY)
    def open_case(form: OpenForm) -> LesionView:
        """Open a case of the work list; it is predicted at once where its tumour is outlined."""
        return reader.open(form.case)

    @router.post("/uploads", status_code=201, responses=_UPLOADED)
    @no_type_check  # FastAPI hands over Starlette's UploadFile, of which its own is a subclass
    def upload(
        image: Annotated[UploadFile, File(description="NIfTI, NRRD, MetaImage, or a ZIP of DICOM")],
        mask: Annotated[UploadFile | None, File(description="tumour mask or DICOM SEG")] = None,
        mask_label: Annotated[Text, Form()] = "",
        phase: Annotated[Text, Form()] = "",
    ) -> LesionView:
        """Open files of the reader's own; they are held in memory until the case is closed."""
        return reader.upload(
            image.file, None if mask is None or not mask.size else mask.file, mask_label=mask_label, phase=phase
        )


def _add_lesions(router: APIRouter, reader: Reader) -> None:
    @router.get("/lesions/{key}", responses=_REFUSED)
    def lesion(key: str) -> LesionView:
        """An open lesion."""
        return reader.lesion(key)

    @router.delete("/lesions/{key}", status_code=204, responses=_REFUSED)
    def close(key: str) -> None:
        """Close a lesion and forget it."""
        reader.close(key)

    @router.post("/lesions/{key}/outline", responses=_WITH_BODY)
    def outline(key: str, form: OutlineForm) -> LesionView:
        """Outline the tumour anew and predict again; what was given stays given."""
        return reader.outline(key, form)

    @router.post("/lesions/{key}/given", responses=_WITH_BODY)
    def give(key: str, form: GivenForm) -> LesionView:
        """Say what pathology has found, and get the rest of the posterior."""
        return reader.give(key, form)

    @router.post("/lesions/{key}/handover", status_code=204, responses=_REFUSED)
    def hand_over(key: str) -> None:
        """Hand the box of a study to its node, which predicts with it and sends the result."""
        reader.hand_over(key)

    @router.get("/lesions/{key}/similar", responses=_REFUSED)
    def similar(key: str) -> list[SimilarView]:
        """Training cases that look alike; none where no prepared cohort was given."""
        return reader.similar_to(key)


def _add_pictures(router: APIRouter, reader: Reader) -> None:
    @router.get("/lesions/{key}/image.nii", response_class=Response, responses=_content(NIFTI))
    def image(key: str) -> Response:
        """The volume, NIfTI-1."""
        return Response(reader.image(key), media_type=NIFTI)

    @router.get("/lesions/{key}/attention.nii", response_class=Response, responses=_content(NIFTI))
    def attention(key: str) -> Response:
        """The attention about the lesion, 255 where it is strongest, NIfTI-1."""
        return Response(reader.attention(key), media_type=NIFTI)

    @router.get("/lesions/{key}/regions.nii", response_class=Response, responses=_content(NIFTI))
    def regions(key: str) -> Response:
        """Core (1), rim (2) and peritumoral shell (3), NIfTI-1."""
        return Response(reader.regions(key), media_type=NIFTI)

    @router.get("/lesions/{key}/distance", response_class=Response, responses=_content(BYTES))
    def distance(key: str) -> Response:
        """Signed distance to the lesion surface on the voxels of `crop`, one signed byte each, slice by slice."""
        return Response(reader.distance(key), media_type=BYTES)

    @router.get("/lesions/{key}/report.html", response_class=Response, responses=_content("text/html", form="html"))
    def report(key: str) -> HTMLResponse:
        """The report of what stands now, one self-contained page."""
        return HTMLResponse(reader.report(key), headers=_saved_as("report.html"))

    @router.get("/lesions/{key}/prediction.json", responses=_REFUSED)
    def prediction(key: str) -> JSONResponse:
        """What stands now, as `onephase predict` writes it."""
        return JSONResponse(reader.prediction(key), headers=_saved_as("prediction.json"))


def _content(kind: str, *, form: str = "binary") -> Responses:
    return {200: {"content": {kind: {"schema": {"type": "string", "format": form}}}}, **_REFUSED}


def _saved_as(name: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="{name}"'}
