"""What a plain prediction imports is what a person waits for: the packages are named one by one."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from onephase.imaging.case import Case, Mask

PACKAGES = {
    *("numpy", "pydantic", "pydantic_core", "annotated_types", "typing_inspection", "typing_extensions"),
    *("safetensors", "onnxruntime", "isal", "onephase"),
    "cython_runtime",  # how numpy.random was built
}
"""Everything outside the standard library that predicting from a NIfTI file and a mask may import."""
FOR_THE_COMMAND = {
    *("typer", "shellingham", "annotated_doc", "click", "rich", "markdown_it", "mdurl", "pygments"),
    *("jinja2", "markupsafe", "contourpy"),  # for the page
}
ALONE = """
import sys
from pathlib import Path
from onephase import load_bundle, predict, read_case
bundle, image, mask = map(Path, sys.argv[1:4])
predict(load_bundle(bundle), read_case(image, case_id="case", mask=mask)).to_json()
print(*sys.modules)
"""
COMMAND = """
import sys
from onephase.cli.commands import app
bundle, image, mask = sys.argv[1:4]
app(["predict", bundle, image, "--mask", mask, "--out", mask + ".answer"], standalone_mode=False)
print(*sys.modules)
"""


@pytest.fixture
def files(bundle_folder: Path, lesion: Callable[..., Case]) -> list[str]:
    """A bundle, an image and a mask."""
    case = lesion()
    assert isinstance(case.roi, Mask)
    paths = [bundle_folder]
    for name, array in (("image", case.volume.array), ("mask", case.roi.array.astype(np.uint8))):
        image = SimpleITK.GetImageFromArray(array)
        image.SetSpacing(case.volume.grid.spacing_mm[::-1])
        paths.append(bundle_folder.parent / f"{name}.nii.gz")
        SimpleITK.WriteImage(image, str(paths[-1]))
    return [str(path) for path in paths]


@pytest.mark.parametrize(("program", "further"), [(ALONE, set()), (COMMAND, FOR_THE_COMMAND)])
def test_a_prediction_imports_what_it_needs(files: list[str], program: str, further: set[str]) -> None:
    done = subprocess.run([sys.executable, "-c", program, *files], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1].split()
    packages = {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names
    assert {name for name in packages if not name.startswith("_")} <= PACKAGES | further
    assert "onephase.biomarkers.evidence" not in loaded
    assert further or "numpy.ma" not in loaded  # np.quantile brings it
