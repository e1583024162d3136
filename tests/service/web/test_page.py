"""The page's files: what was vendored is what was published, and nothing loads from elsewhere."""

import hashlib
import json
import re

import pytest

from onephase.service.web.app import PAGE, make_interface
from onephase.service.web.models import GivenForm

VENDOR = PAGE / "vendor"
OURS = sorted(path for path in PAGE.rglob("*") if path.is_file() and VENDOR not in path.parents)


def test_niivue_is_the_published_file_with_its_licence():
    facts = json.loads((VENDOR / "niivue.json").read_text())
    content = (VENDOR / facts["file"]).read_bytes()
    assert len(content) == facts["bytes"]
    assert hashlib.sha256(content).hexdigest() == facts["sha256"]
    assert facts["version"].encode() in content
    assert (VENDOR / "niivue.LICENSE").read_text().startswith("BSD 2-Clause License")


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.name)
def test_a_file_of_the_page_is_small_and_loads_nothing_from_elsewhere(path):
    text = path.read_text()
    addresses = re.findall(r"\w+://[^\s\"']+", text)
    assert set(addresses) <= {"http://www.w3.org/2000/svg"}
    assert len(text.splitlines()) <= 220
    assert "innerHTML" not in text
    assert not re.search(r"\beval\(|new Function", text)


def test_html_holds_no_script_and_no_style_of_its_own():
    html = (PAGE / "index.html").read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\bstyle=|\bon\w+=", html)
    for name in re.findall(r'(?:src|href)="page/([^"]+)"', html):
        assert (PAGE / name).is_file(), name


def test_modules_import_what_is_there():
    for path in (PAGE / "script").glob("*.js"):
        for names, module in re.findall(r"import (?:\{([^}]*)\}|\* as \w+) from \"\./([\w.]+)\"", path.read_text()):
            exported = (PAGE / "script" / module).read_text()
            for name in filter(None, (name.strip() for name in names.split(","))):
                assert re.search(rf"export (?:async )?(?:const|function|class) {name}\b", exported), (path.name, name)


def test_the_openapi_document_names_every_route(make_reader):
    document = make_interface(make_reader()).openapi()
    assert document["openapi"].startswith("3.")
    assert "Research use only" in document["info"]["description"]
    assert {"/api/cases", "/api/uploads", "/api/lesions/{key}/given", "/api/lesions/{key}/outline"} <= set(
        document["paths"]
    )
    fields = set(document["components"]["schemas"]["GivenForm"]["properties"])
    assert fields == set(GivenForm.model_fields)


def test_the_wheel_holds_the_page(tmp_path):
    """hatchling packs whatever lies in the package; asked of hatchling itself."""
    from hatchling.builders.wheel import WheelBuilder

    builder = WheelBuilder(str(PAGE.parents[4]))
    packed = {file.distribution_path for file in builder.recurse_included_files()}
    for path in (*OURS, *VENDOR.iterdir()):
        assert path.relative_to(PAGE.parents[3]).as_posix() in packed, path
