"""The application: the interface, the page's files, the guard before both, and every fault as one sentence."""

import logging
import traceback
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

import onephase
from onephase.errors import OnephaseError
from onephase.inference.prediction import RESEARCH_USE
from onephase.service.web.cases import NotThereError
from onephase.service.web.guard import Admission, Guard
from onephase.service.web.reader import Reader
from onephase.service.web.routes import router_of

PAGE = Path(__file__).parent / "page"
OPENAPI = "/api/openapi.json"
SEND_JSON = f"send what {OPENAPI} describes, with Content-Type: application/json"
SEND_EITHER = f"send JSON in UTF-8, or files as multipart/form-data, as {OPENAPI} describes"
NO_FILE = "Expected UploadFile"
"""How FastAPI begins what it says of a text where a file belongs."""

log = logging.getLogger("onephase.web")


def make_app(reader: Reader, admission: Admission) -> ASGIApp:
    """Return the whole application.

    Args:
        reader: What answers.
        admission: Who is let in.
    """
    return Guard(make_interface(reader), admission)


def make_interface(reader: Reader) -> FastAPI:
    """Return the application without its guard: for whoever asks it about itself."""
    app = FastAPI(
        title="onephase reader",
        version=onephase.__version__,
        description=RESEARCH_USE,
        openapi_url=OPENAPI,
        docs_url=None,  # these two load scripts from elsewhere
        redoc_url=None,
    )
    app.include_router(router_of(reader))
    app.add_exception_handler(OnephaseError, _refused)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(HTTPException, _no_such_thing)
    app.add_exception_handler(Exception, _fault_of_ours)

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(PAGE / "index.html")

    app.mount("/page", StaticFiles(directory=PAGE))
    return app


def _refused(request: Request, fault: Exception) -> JSONResponse:
    del request
    return _problem(404 if isinstance(fault, NotThereError) else 422, str(fault))


def _not_understood(request: Request, fault: Exception) -> JSONResponse:
    del request
    assert isinstance(fault, RequestValidationError)  # noqa: S101 - the handler of nothing else
    return _problem(422, _sentence_of(fault.errors()[0]))


def _sentence_of(fault: Mapping[str, Any]) -> str:
    """Word what FastAPI found wrong with a request: its kind, where in the request, and what it says."""
    place, said = fault["loc"][1:], str(fault["msg"]).removeprefix("Value error, ")
    if fault["type"] == "json_invalid":
        return f"the body of the request is no JSON ({fault['ctx']['error']}, at character {place[0]}): {SEND_JSON}"
    if place:
        name = ".".join(map(str, place))
        return f"{name} is no file: send one, as `curl -F {name}=@FILE` does" if NO_FILE in said else f"{name}: {said}"
    return said if fault["type"] == "value_error" else f"the body of the request is no JSON object: {SEND_JSON}"


def _no_such_thing(request: Request, fault: Exception) -> JSONResponse:
    del request
    assert isinstance(fault, HTTPException)  # noqa: S101 - the handler of nothing else
    if fault.status_code == HTTPStatus.BAD_REQUEST:  # of the libraries, whose words name neither body nor remedy
        return _problem(422, f"the body of the request cannot be read: {SEND_EITHER}")
    return JSONResponse({"detail": str(fault.detail)}, status_code=fault.status_code, headers=fault.headers)


def _fault_of_ours(request: Request, fault: Exception) -> JSONResponse:
    """Say that it is our fault; what is logged names the place in the code and nothing of the case."""
    place = traceback.extract_tb(fault.__traceback__)[-1]
    route = getattr(request.scope.get("route"), "path", "an unknown route")
    log.error("fault: %s at %s:%s in %s %s", type(fault).__name__, Path(place.filename).name, place.lineno,
              request.method, route)  # fmt: skip
    return _problem(500, "this is a fault of ours; what was open before is unchanged")


def _problem(status: int, sentence: str) -> JSONResponse:
    return JSONResponse({"detail": sentence}, status_code=status)
